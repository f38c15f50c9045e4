"""Replies judged, how fast and how well: `python -m tests.bench replies`."""

import itertools
import time
from typing import Final

import click

from store.replies.judge import judge
from tests.store.replies.corpus import REPLIES
from tests.store.replies.held_out import EVERYDAY, LAST, LATER, ODD
from tests.store.replies.held_out import REPLIES as HELD_OUT
from tests.store.replies.wants import HEAD, Figures, replies_of

CORPORA: Final = {
    "own": REPLIES,
    "held out, first": HELD_OUT,
    "held out, later": LATER,
    "held out, last": LAST,
    "everyday": EVERYDAY,
    "odd": ODD,
}


@click.command()
@click.option("--count", default=20_000, help="Replies judged for the speed.")
@click.option("--odd", is_flag=True, help="Print those that are judged otherwise than they are meant.")
def replies_judged(count: int, *, odd: bool) -> None:
    """How many replies a core judges a second, and what becomes of those of each corpus."""
    texts = [reply.text for corpus in CORPORA.values() for reply in replies_of(corpus)]
    started = time.process_time()
    for text in itertools.islice(itertools.cycle(texts), count):
        judge(text)
    click.echo(f"{count / (time.process_time() - started):,.0f} replies a second on one core\n\n{HEAD}")
    for name, corpus in CORPORA.items():
        judged = [(reply, judge(reply.text)) for reply in replies_of(corpus)]
        click.echo(Figures.of((reply, judgement.outcome) for reply, judgement in judged).row(name))
        for reply, judgement in judged if odd else ():
            if judgement.outcome not in reply.want.value:
                click.echo(f"  {reply.text!r}: {judgement.why}")
