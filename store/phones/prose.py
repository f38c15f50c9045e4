"""
Search for phones in prose: one after the other in a command, or anywhere in the words of a message.

Pure: no database, no Slack, no files.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from phonenumbers import Leniency, PhoneNumberMatcher

from store.phones.cleaning import digits_of, folded
from store.phones.numbers import PhoneNumber
from store.phones.parser import LABEL, parse_phone

_OUTSIDE_LINKS = re.compile(r"<[^<>]*>|[^<]+|<")
# Not before an extension ("212-736-5000, ext 12") nor before a parameter of RFC 3966 (";ext=12").
_BETWEEN = re.compile(
    r"\r\n|[\r\n\t\v\f\u2028\u2029]|&amp;|[&\u3001\uff0c\uff1b]|\band\b|[,;]+(?!\s*(?:x|ext\w*|isub|phone-context)\.?\s*(?:=\s*)?[+\d])",
    re.IGNORECASE,
)
# Blanks are taken from where they begin (`(?<!\s)`): else each blank of a long run is tried as the first of them.
_BULLET = re.compile(r"(?<!\s)\s*(?:[*\u2022\u25e6\u25aa\u2023\u00b7\u2013\u2014-]\s+)+")
_ORDINAL = re.compile(r"\s*\d{1,3}[.)]\s+")
_DIGIT = re.compile(r"\d")
_BEFORE_PLUS = re.compile(r"(?<!\s)\s+(?=\+)")
_BEFORE_LINK = re.compile(r"(?<=\S)\s+(?=<tel:)|(?<=>)(?=<tel:)", re.IGNORECASE)
_WHOLE_TOKEN = re.compile(r"[+(]?\d[\d().-]*")


def split_numbers(text: str) -> list[str]:
    """
    Split what a person typed into one text a number, in order.

    Cut at commas, semicolons, tabs, line breaks, "&", "and", between Slack's <tel:...|...> links, and at blanks when
    both sides are whole numbers; "(212) 555-0100" and "+44 7911 123456" stay whole. Bullets and "1." are dropped.
    """
    # What is inside a link is not cut, so separators outside become line breaks first.
    pieces = (
        piece if piece.startswith("<") else _BETWEEN.sub("\n", piece)
        for piece in (match[0] for match in _OUTSIDE_LINKS.finditer(text))
    )
    lines = [line for line in "".join(pieces).split("\n") if line.strip()]
    found: list[str] = []
    for line in lines:
        bare = _BULLET.sub("", line) if _BULLET.match(line) else line
        if len(lines) > 1 and (ordinal := _ORDINAL.match(bare)) and _has_digits(bare[ordinal.end() :], 7):
            bare = bare[ordinal.end() :]
        found.extend(_apart(bare))
    return found


def _has_digits(text: str, fewest: int) -> bool:
    """Are there *fewest* digits in *text*, at least?"""
    return sum(1 for _ in itertools.islice(_DIGIT.finditer(text), fewest)) == fewest


def _apart(line: str) -> Iterator[str]:
    """The whole numbers of one line that only blanks keep apart; the line itself when they are groups of digits."""
    for piece in _BEFORE_LINK.split(line):
        tokens = piece.split()
        if len(tokens) > 1 and all(_WHOLE_TOKEN.fullmatch(t) and len(digits_of(t)) >= 7 for t in map(folded, tokens)):
            yield from tokens
            continue
        start = counted = digits = 0
        for plus in _BEFORE_PLUS.finditer(piece):
            digits += len(digits_of(folded(piece[counted : plus.start()])))
            counted = plus.end()
            if digits >= 7:
                yield piece[start : plus.start()].strip()
                start, digits = plus.end(), 0
        if piece[start:].strip():
            yield piece[start:].strip()


# As long as a message of Slack's can be; what is behind it is not looked at, and whoever asks has to say so.
LONGEST_PROSE: Final = 40_000
_TEL_LINK = re.compile(r"<tel:[^<>|]*(?:\|[^<>]*)?>", re.IGNORECASE)
# Mentions and links to elsewhere: their ids and addresses hold digits that are nobody's phone.
_OTHER_LINK = re.compile(
    r"<(?!tel:)(?:[@#!]|[a-z][a-z+.-]*:)[^<>|]*(?:\|([^<>]*))?>|\bhttps?://[^\s<>]+", re.IGNORECASE
)
_GLUED = re.compile(r"(?<=[\d)])(?=\+)")
_DIALLED_00 = re.compile(r"(?<![0-9+])00[1-9](?:[ ().-]{0,2}[0-9]){6,13}(?![0-9])")
_LABEL_TOUCHING_BEFORE = re.compile(rf"(?<![A-Za-z]){LABEL}\Z", re.IGNORECASE)
_LABEL_TOUCHING_AFTER = re.compile(rf"{LABEL}(?![A-Za-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundPhone:
    """A phone in prose: its *number*, and the *text* it was written as, on `folded` text."""

    number: PhoneNumber
    text: str


def find_phones(text: str, country: str | None) -> tuple[FoundPhone, ...]:
    """
    Every phone in *text*, prose as Slack delivers it, in order and each once.

    *country* is the region code in force for numbers without a country code, None for none. What is inside of a word, an
    address or a mention is no phone, nor is a link that shows one number and dials another; numbers spelt in letters are
    not searched for. Of a text of more than `LONGEST_PROSE` characters the rest is not read. Never raises for any text.
    """
    found: dict[str, FoundPhone] = {}

    def keep(written: str) -> None:
        number = parse_phone(written, country)
        if isinstance(number, PhoneNumber):
            found.setdefault(number.e164, FoundPhone(number, written.strip()))

    def search(prose: str) -> None:
        # The library reads neither two numbers with nothing between them nor, in most countries, 00 for +.
        prose = _GLUED.sub(" ", prose)
        # Each try takes a character at least: none is left out, however many come to nothing.
        matches = PhoneNumberMatcher(prose, country, leniency=Leniency.POSSIBLE, max_tries=LONGEST_PROSE)
        spans = {match.start: match.end for match in matches}
        taken = {at for start, end in spans.items() for at in range(start, end)}
        spans |= {m.start(): m.end() for m in _DIALLED_00.finditer(prose) if taken.isdisjoint(range(*m.span()))}
        for start, end in sorted(spans.items()):
            if not _inside_a_word(prose, start, end):
                keep(prose[start:end])

    text = _OTHER_LINK.sub(_shown, text[:LONGEST_PROSE])
    start = 0
    for link in _TEL_LINK.finditer(text):
        search(folded(text[start : link.start()]))
        keep(link[0])
        start = link.end()
    search(folded(text[start:]))
    return tuple(found.values())


def _shown(link: re.Match[str]) -> str:
    """What people see of a link that has words of its own; a mention or an address is blanked."""
    return link[1] if link[1] and not link[0].startswith(("<@", "<#", "<!")) else " "


def _inside_a_word(text: str, start: int, end: int) -> bool:
    """Do letters touch what is between, as in an order's id? "tel" and its like may, and other scripts than Latin."""
    before, after = text[max(0, start - 12) : start], text[end : end + 12]
    if re.search(r"[A-Za-z0-9@]\Z", before) and not _LABEL_TOUCHING_BEFORE.search(before):
        return True
    return bool(re.match(r"[A-Za-z0-9@]", after)) and not _LABEL_TOUCHING_AFTER.match(after)
