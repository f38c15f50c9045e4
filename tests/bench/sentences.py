"""
Phones in sentences, found, missed and invented: `python -m tests.bench sentences`.

The sentences are generated (`tests/store/phones/sentences.py`), with dates, list marks, names, amounts and references among
phones in every usual form, so that it is known who is meant. "Named" are those that are not read and that the desk says so of.
"""

import itertools
from collections import Counter
from typing import Final

import click

from store import read_text
from tests.store.phones.sentences import Sentence, sentences

COUNTRIES: Final = ("US", "GB", "DE", "FR", "MX", "IN", "AU", "CA", "ZA", "BR")
HEAD: Final = "| country | sentences | phones in them | found | missed, named | missed | invented |\n| --- | --- | --- | --- | --- | --- | --- |"


def counted(country: str, count: int, seed: int = 13) -> tuple[Counter[str], list[tuple[Sentence, str]]]:
    """What the reader makes of *count* sentences of *country*, and those of which it makes something else than is meant."""
    counts: Counter[str] = Counter()
    odd: list[tuple[Sentence, str]] = []
    for sentence in itertools.islice(sentences(country, seed), count):
        reading = read_text(sentence.text, country)
        found = {phone.number.e164 for phone in reading.phones if phone.reference is None}
        meant = set(sentence.phones)
        missed = meant - found
        named = min(len(missed), len(reading.unread))
        counts.update(
            phones=len(meant),
            found=len(meant & found),
            named=named,
            missed=len(missed) - named,
            invented=len(found - meant),
        )
        if found != meant:
            odd.append((sentence, ", ".join(f"{one.text}: {one.reason}" for one in reading.unread)))
    return counts, odd


@click.command()
@click.option("--count", default=1_000, help="Sentences of each country.")
@click.option("--odd", is_flag=True, help="Print those that are read otherwise than they are meant.")
def sentences_read(count: int, *, odd: bool) -> None:
    """Phones found, missed and invented in generated sentences of ten countries."""
    click.echo(HEAD)
    for country in COUNTRIES:
        counts, others = counted(country, count)
        numbers = (counts[name] for name in ("phones", "found", "named", "missed", "invented"))
        click.echo(f"| {country} | {count:,} | {' | '.join(f'{number:,}' for number in numbers)} |")
        for sentence, said in others if odd else ():
            click.echo(f"  {sentence.text!r} {said}")
