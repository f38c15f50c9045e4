r"""
The reader of text at the length of the longest message: `python -m tests.bench prose`.

Texts of one thing only, over and over with other digits: what patterns choke on and people seldom write. Each is read
some times before it is measured, since the desk keeps what it learns of a country's numbers; all times, and the MB/s made of
them, are the processor's, so that what else runs counts little. Half a text shows that time grows as the text does. The reference
is one `re.findall(r"\d+")` over the same text.
"""

import random
import re
import time
from collections.abc import Callable
from statistics import median
from typing import Final

import click

from store import LONGEST_PROSE, read_text

_Chance = random.Random
TEXTS: Final[dict[str, Callable[[_Chance], str]]] = {
    "one digit after the other": lambda chance: str(chance.randrange(10)),
    "groups of digits": lambda chance: f"{chance.randrange(10 ** chance.randrange(1, 7))} ",
    "digits and blanks": lambda chance: f"{chance.randrange(10)} ",
    "dates": lambda chance: (
        f"{chance.randrange(1, 13):02}/{chance.randrange(1, 29):02}/{chance.randrange(1980, 2030)} "
    ),
    "dates with times": lambda chance: f"{chance.randrange(1980, 2030)}-11-05T10:{chance.randrange(10, 60)} ",
    "phones": lambda chance: f"(212) 555-{chance.randrange(10_000):04} ",
    "phones, a line each": lambda chance: f"+1 415 555 {chance.randrange(10_000):04}\n",
    "near-phones": lambda chance: f"555-{chance.randrange(10_000):04} ",
    "numbers of nine digits": lambda chance: f"{chance.randrange(10**8, 10**9)} ",
    "plus signs": lambda _: "+",
    "numbers with a plus": lambda chance: f"+{chance.randrange(10**10, 10**11)} ",
    "blanks": lambda _: " ",
    "brackets": lambda chance: chance.choice("()[]"),
    "links": lambda chance: f"<tel:+1212555{(n := chance.randrange(10_000)):04}|212-555-{n:04}> ",
    "addresses": lambda chance: f"<https://example.org/{chance.randrange(10**9)}> ",
    "tickets": lambda chance: f"ticket {chance.randrange(10**9, 10**10)} ",
    "words": lambda chance: chance.choice(("please ", "stop ", "Ana ", "12 ", "maria, ", "and ")),
}


def made(piece: Callable[[_Chance], str], seed: int) -> str:
    """A text of `LONGEST_PROSE` characters of *piece*."""
    chance = random.Random(seed)
    pieces: list[str] = []
    length = 0
    while length < LONGEST_PROSE:
        pieces.append(piece(chance))
        length += len(pieces[-1])
    return "".join(pieces)[:LONGEST_PROSE]


def seconds_bare(text: str) -> float:
    """What it takes to find the digits alone."""
    began = time.process_time()
    re.findall(r"\d+", text)
    return time.process_time() - began


def seconds(text: str, country: str) -> float:
    began = time.process_time()
    read_text(text, country)
    return time.process_time() - began


@click.command()
@click.option("--country", default="US")
def prose(country: str) -> None:
    """MB/s of the reader of text, for texts of one kind."""
    click.echo(
        f"| text of {LONGEST_PROSE:,} characters, {country} | ms | half of it, ms | MB/s | first time, MB/s | digits alone, ms |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    for name, piece in TEXTS.items():
        first = seconds(made(piece, 0), country)
        for seed in range(1, 6):
            seconds(made(piece, seed), country)
        texts = [made(piece, seed) for seed in range(6, 11)]
        took = median(seconds(text, country) for text in texts)
        half = median(seconds(text[: LONGEST_PROSE // 2], country) for text in texts)
        bare = median(seconds_bare(text) for text in texts)
        speed, cold = LONGEST_PROSE / took / 1e6, LONGEST_PROSE / first / 1e6
        click.echo(
            f"| {name} | {took * 1_000:,.1f} | {half * 1_000:,.1f} | {speed:.2f} | {cold:.2f} | {bare * 1_000:.2f} |"
        )
