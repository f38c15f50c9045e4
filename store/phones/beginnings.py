"""
Readings of bare digits, learnt by how they begin: what a text of many numbers asks the library once, and not for each.

As for `FastPath`, the first digits and their count settle what the library says of a number, whichever digits follow; of
all that begin so, two are read. Here the answer may also be "no phone", which a text asks for most. Pure.
"""

import functools
import threading
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberType

from store.phones.dialling import dialling, lengths
from store.phones.fastpath import FastPath
from store.phones.numbers import PhoneNumber, library_number
from store.phones.parser import parse_phone
from store.phones.plans import Unsettled

_DEEPEST: Final = 9  # digits; what needs more is left to the library
_MOST: Final = 18  # digits of a number that is learnt of
# Digits that are not all zeros, which no number is.
_TAIL: Final = "97531864208641357"
_VISITS: Final = 2
_LESSONS: Final = 50_000  # some 10 MB; numbers that begin in still other ways are read one by one
_MOBILE: Final = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.TOLL_FREE})


@dataclass(frozen=True, slots=True)
class DialledNumber:
    """A phone as bare digits give it; *is_mobile*: of a kind that is written without a trunk prefix as well."""

    number: PhoneNumber
    is_mobile: bool


@dataclass(frozen=True, slots=True)
class _Rule:
    """How all numbers that begin alike are read: *shift* is what to add to the digits."""

    shift: int
    flagged: bool
    assumed: bool
    is_mobile: bool


_ASK: Final = "ask"
_NONE: Final = "none"
# A number counts how often its entry was met before it is learnt.
_Node = dict[str, "_Node | _Rule | str | int"]


class Beginnings(FastPath):
    """
    What digits are in *country* (as for `Normaliser`, with the same ValueError), with a plus before them or none.

    It answers as `parse_phone` does for digits alone. What it learns it keeps; threads may share one.
    """

    def __init__(self, country: str | None) -> None:
        super().__init__(country)
        self._roots: dict[tuple[int, bool], _Node] = {}
        self._count = 0
        self._counts: dict[str, frozenset[int]] = {}
        self._dialling = dialling(country)
        self._lock = threading.Lock()

    def find(self, digits: str, *, plus: bool) -> DialledNumber | None:
        """The phone that *digits* are, ASCII ones; None for none."""
        if not (plus or self._accepts_national or digits.startswith(("00", "011"))):
            return None
        length = len(digits)
        if length > _MOST:
            return _asked(digits, plus, self._country)
        node = self._roots.get((length, plus))
        if node is None:
            node = self._roots.setdefault((length, plus), {})
        for depth in range(min(length, _DEEPEST)):
            after = node.get(digits[depth])
            if after is None or isinstance(after, int):
                # What comes once is not worth a lesson; most of it is told from a phone by its digits' number.
                seen = after or 0
                if seen < _VISITS:
                    node[digits[depth]] = seen + 1
                    if not digits.startswith(("00", "011")) and not self._may_be_one(digits, plus=plus):
                        return None
                    return _asked(digits, plus, self._country)
                after = self._learnt(node, digits, depth, plus=plus)
            if isinstance(after, dict):
                node = after
            elif after is _NONE:
                return None
            elif isinstance(after, _Rule):
                country = self._country if after.assumed else None
                number = PhoneNumber(f"+{int(digits) + after.shift}", after.flagged, None, country)
                return DialledNumber(number, after.is_mobile)
            else:
                break
        return _asked(digits, plus, self._country)

    def counts(self, first: str) -> frozenset[int]:
        """How many digits a phone may have that begins with the two digits *first*, and with no plus."""
        if (known := self._counts.get(first)) is not None:
            return known
        with self._lock:
            counts = frozenset(count for count in range(3, _MOST + 1) if self._may_begin(first, count))
        return self._counts.setdefault(first, counts)

    def _may_begin(self, first: str, count: int) -> bool:
        if not self._accepts_national:
            return first in {"00", "01"}
        try:
            return self._read_alike(first, count - len(first), plus=False) is not _NONE
        except Unsettled:
            return True

    def _may_be_one(self, digits: str, *, plus: bool) -> bool:
        reading = self._dialling.reading(digits, plus=plus)
        return reading is not None and len(reading[1]) in lengths(reading[0])

    def _learnt(self, node: _Node, digits: str, depth: int, *, plus: bool) -> "_Node | _Rule | str":
        with self._lock:
            if not isinstance(after := node.get(digits[depth], 0), int):
                return after
            if self._count >= _LESSONS:
                return _ASK
            self._count += 1
            known, left = digits[: depth + 1], len(digits) - depth - 1
            try:
                after = self._read_alike(known, left, plus=plus)
            except Unsettled:
                after = {}
            node[digits[depth]] = after
            return after

    def _read_alike(self, known: str, left: int, *, plus: bool) -> "_Rule | str":
        """How all numbers of *known* and *left* more digits are read; raises Unsettled if they are read unlike."""
        if plus:
            if known.startswith("0"):
                return _ASK  # the library takes what is dialled abroad for what it is, behind a plus as well
            is_one = self._is_one_abroad(known, left) is not False
        else:
            is_one = self._accepts_national and self._is_one_here(known, left)
        if not is_one:
            return _ASK
        rules: set[_Rule | str] = set()
        for tail in ("0" * left, _TAIL[:left]):
            reading = _asked(known + tail, plus, self._country)
            if reading is None:
                rules.add(_NONE)
                continue
            number = reading.number
            if number.remark is not None:
                return _ASK
            # Of one that is not in use it is asked as well whether it comes back as itself.
            if number.flagged and not self._is_one_abroad(number.e164[1 : len(number.e164) - left], left):
                return _ASK
            shift = int(number.e164[1:]) - int(known + tail)
            rules.add(_Rule(shift, number.flagged, number.assumed_country is not None, reading.is_mobile))
        return rules.pop() if len(rules) == 1 else _ASK


@functools.lru_cache(1 << 13)
def _asked(digits: str, plus: bool, country: str | None) -> DialledNumber | None:
    outcome = parse_phone(f"+{digits}" if plus else digits, country)
    if not isinstance(outcome, PhoneNumber):
        return None
    number = library_number(outcome.e164, None)
    return DialledNumber(outcome, number is not None and phonenumbers.number_type(number) in _MOBILE)


# As many as there are countries with desks; each has some 0.1 MB, and what it learns.
@functools.lru_cache(32)
def beginnings(country: str | None) -> Beginnings:
    """The one of *country* that all texts share."""
    return Beginnings(country)
