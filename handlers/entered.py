"""Numbers as people enter them, on whatever surface: the most at once, how they are parsed, and repeats taken out."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from handlers.grammar import Understanding, Verb, items_of, understand
from handlers.slack.mrkdwn import one_line, plain
from handlers.views.optouts import MOST_OFFERED, EnteredNumber, LookedUp, OptOutOffer
from store import LONGEST_PROSE, PHONE, Errand, FoundPhone, NotAPhone, PhoneNumber, Reason, parse_phone, read_text

MOST_NUMBERS: Final = 200
# 200 numbers as links of Slack's, with room; patterns are not run over more.
LONGEST_TEXT: Final = LONGEST_PROSE
LONGEST_REASON: Final = 500
_CURE: Final = re.compile(r"looks \w+: add country:([A-Z]{2})\b")


def read_phone(text: str, country: str | None) -> PhoneNumber | NotAPhone:
    """The phone of a number as Slack delivers it; one that is none comes back as the person saw it."""
    reading = parse_phone(text, country)
    return replace(reading, text=plain(reading.text)) if isinstance(reading, NotAPhone) else reading


@dataclass(frozen=True, slots=True)
class Entered:
    """What a person entered as numbers to act on, *given* in all: each once, in order, and what the words beside them say."""

    numbers: tuple[EnteredNumber, ...]
    given: int
    understood: Understanding
    reason: str | None

    @property
    def phones(self) -> tuple[str, ...]:
        """The phones among them, in E.164."""
        return tuple(number.reading.e164 for number in self.numbers if isinstance(number.reading, PhoneNumber))

    @property
    def refused(self) -> tuple[NotAPhone, ...]:
        """What is no phone among them."""
        return tuple(number.reading for number in self.numbers if isinstance(number.reading, NotAPhone))


def read_entered(text: str, country: str | None, verb: Verb | None) -> Entered:
    """The numbers in *text*, as Slack delivers it, of a command or a form that asks for *verb*; None: the text itself asks."""
    reading = read_text(text, country)
    items, words = items_of(reading.words)
    understood = understand(words, verb)
    asked = set(understood.phones)
    given = [item for item in items if isinstance(item, str) or item in asked]
    # What is too short for a number, in words that are no list: "12345 because she asked".
    given += understood.digits
    numbers = without_repeats(
        read_phone(item, country) if isinstance(item, str) else acted_on(reading.pieces[item]) for item in given
    )
    return Entered(tuple(numbers), len(given), understood, written_reason(understood, reading.pieces))


def acted_on(piece: FoundPhone | NotAPhone) -> PhoneNumber | NotAPhone:
    """The phone of a *piece* of a text; one that a word before it marks as something else is none to act on."""
    if isinstance(piece, NotAPhone):
        return piece
    if piece.reference is None:
        return piece.number
    why = f'stands behind "{piece.reference}", so it may be no phone number: write it alone if it is one'
    return NotAPhone(piece.text, Reason.NOT_A_NUMBER, why)


def written_reason(understood: Understanding, pieces: Sequence[FoundPhone | NotAPhone]) -> str | None:
    """The reason in people's words, on one line, with the numbers in it as they were written; too long by one is too long."""
    if understood.reason is None:
        return None
    first, *more = understood.reason.split(PHONE)
    written = [piece.text for piece in pieces[understood.reason_from :]]
    whole = first + "".join(f"{number}{words}" for number, words in zip(written, more, strict=False))
    return one_line(whole, LONGEST_REASON + 1) or None


def line_to_send(name: str, reason: str | None, numbers: Iterable[str] = (), country: str | None = None) -> str:
    """
    What to send for the sub-command *name*, filled in: *numbers* as they were typed, or else what stands for them.

    *country*: the region code that was given with them. A look-up has no reason.
    """
    typed = ", ".join(numbers) or ("NUMBER" if name == "delete" else "NUMBERS")
    because = f"because {reason}" if reason and name != "search" else ""
    return " ".join(filter(None, (name, typed, country and f"country:{country}", because)))


def numbers_of_reason(reason: str, country: str | None) -> tuple[list[str], str | None]:
    """The numbers that stand in *reason*, as they were typed, and its other words: people write "because she asked 212 555 0100"."""
    reading = read_text(reason, country)
    words = " ".join(reading.words.replace(PHONE, " ").split()).strip(" ,;:-")
    return [plain(piece.text) for piece in reading.pieces], words or None


def cure_of(refused: Sequence[NotAPhone]) -> str | None:
    """The region code that makes phones of all that is *refused*, where the refusals name one: "looks British: add country:GB"."""
    named = {match[1] if (match := _CURE.search(one.reason)) else None for one in refused}
    return named.pop() if len(named) == 1 else None


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


def opting_out(phones: Iterable[str], reason: str | None) -> Errand | None:
    """What opts *phones*, in E.164, out for *reason*, as it is handed over; None for none, and for more than a button holds."""
    each = tuple(dict.fromkeys(phones))
    if not 0 < len(each) <= MOST_OFFERED:
        return None
    return Errand("optout.add", OptOutOffer(each, (reason or "")[:LONGEST_REASON] or None).value)


def looking_up(phones: Iterable[str]) -> Errand | None:
    """What looks *phones*, in E.164, up and tells whoever asked, as it is handed over; None as of `opting_out`."""
    each = tuple(dict.fromkeys(phones))
    return Errand("lookup", LookedUp(each).value) if 0 < len(each) <= MOST_OFFERED else None


def allowing_again(phone: str, reason: str | None) -> Errand:
    """What allows texts to *phone*, in E.164, again, as it is handed over; what is known of it is looked up then."""
    value = {"phone": phone, "seen": 0} | ({"reason": reason[:LONGEST_REASON]} if reason else {})
    return Errand("optout.delete", json.dumps(value, ensure_ascii=False))
