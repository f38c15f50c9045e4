"""Numbers as people enter them, on whatever surface: the most at once, how they are parsed, and repeats taken out."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from handlers.slack.mrkdwn import plain
from handlers.views.optouts import EnteredNumber
from store import LONGEST_PROSE, NotAPhone, PhoneNumber, parse_phone

MOST_NUMBERS: Final = 200
# 200 numbers as links of Slack's, with room; patterns are not run over more.
LONGEST_TEXT: Final = LONGEST_PROSE
LONGEST_REASON: Final = 500


def read_phone(text: str, country: str | None) -> PhoneNumber | NotAPhone:
    """The phone of a number as Slack delivers it; one that is none comes back as the person saw it."""
    reading = parse_phone(text, country)
    return replace(reading, text=plain(reading.text)) if isinstance(reading, NotAPhone) else reading


def read_phones(texts: Iterable[str], country: str | None) -> list[EnteredNumber]:
    """The numbers of *texts* as Slack delivers them, in order, without repeats."""
    return without_repeats(read_phone(text, country) for text in texts)


def without_repeats(readings: Iterable[PhoneNumber | NotAPhone]) -> list[EnteredNumber]:
    """*readings* in order, each phone and each text that is none once, with how often it was entered."""
    first: dict[str, PhoneNumber | NotAPhone] = {}
    times: dict[str, int] = {}
    for reading in readings:
        key = reading.e164 if isinstance(reading, PhoneNumber) else reading.text
        first.setdefault(key, reading)
        times[key] = times.get(key, 0) + 1
    return [EnteredNumber(reading, times[key]) for key, reading in first.items()]


def how_to_write(country: str | None) -> str:
    """The sentence that says how a number has to be written to be found in other words."""
    if country is None:
        return "Numbers need their country code here, like +44 7911 123456."
    return "Write it with its area code, or with its country code, like +44 7911 123456."
