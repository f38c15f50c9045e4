"""
Ranges of numbers: what digits are, told by the first of them and by how many they are. Learnt where many are met.

A text of many numbers asks the same of each: is it one, and how is it set? Where the plan's answers are the same whatever
digits follow, one number is asked about, and its answers hold for all that begin so. Pure.
"""

from collections.abc import Callable
from typing import Final

from store.phones.bare import BareDigits
from store.phones.grouping import grouping
from store.phones.numbers import PhoneNumber
from store.phones.plans import Unsettled

_LONGEST: Final = 18  # digits
# The first digits by which numbers are told, few of them if they are enough: as they are at home, and behind a plus.
_HEADS: Final = ((3, 4, 5), (5, 7))
_MOST_LEARNT: Final = 30_000  # heads of a country, some 5 MB: what is met of more is noise
_OFTEN: Final = 100  # numbers that begin alike, of which learning pays: it takes the plan of their code apart
_BEGUN: Final = 3  # digits of the longest country code
_REST: Final = "9753186420864297531"  # any digits


class Range:
    """
    Numbers that are all alike: each is *begins* and its digits, in E.164. Or *only* one number, or none.

    *usual*: are their digits set as usual in groups, told by their lengths? What is known of that.
    """

    __slots__ = ("assumed", "begins", "flagged", "only", "usual")

    def __init__(self, like: PhoneNumber | None, begins: str | None = None) -> None:
        self.only, self.begins = None if begins else like, begins
        self.flagged = like is not None and like.flagged
        self.assumed = None if like is None else like.assumed_country
        self.usual: dict[tuple[int, ...], bool] = {}

    def number(self, digits: str) -> PhoneNumber | None:
        """The one of these *digits*."""
        return self.only if self.begins is None else PhoneNumber(self.begins + digits, self.flagged, None, self.assumed)


NO_NUMBER: Final = Range(None)
UNTOLD: Final = Range(None)  # each of them has to be asked about
_FURTHER: Final = Range(None)  # more digits tell


class Ranges:
    """
    The ranges of the numbers that are written in one country.

    *bare* reads the country's digits, and *number* as well, with what the caller makes of it: it may depend on no more than
    that, on the first digits, and on how many there are. Threads may share one.
    """

    def __init__(self, bare: BareDigits, number: Callable[[str, bool], PhoneNumber | None]) -> None:
        self._bare, self._number = bare, number
        self._tables: tuple[list[dict[str, Range]], ...] = tuple([{} for _ in range(_LONGEST + 1)] for _ in _HEADS)
        self._alike: dict[tuple[int, str, bool, object], Range] = {}
        self._met: dict[str, int] = {}
        self._learnt = 0

    def find(self, digits: str, *, plus: bool) -> Range:
        """The range of *digits*, ASCII ones and at most 18, with a plus before them or none."""
        table = self._tables[plus][len(digits)]
        for head in _HEADS[plus]:
            found = table.get(digits[:head])
            if found is None:
                return self._learn(digits, table, plus=plus)
            if found is not _FURTHER:
                return found
        return UNTOLD

    def _learn(self, digits: str, table: dict[str, Range], *, plus: bool) -> Range:
        begun = digits[:_BEGUN] if plus else ""
        met = self._met[begun] = self._met.get(begun, 0) + 1
        if met < _OFTEN or self._learnt > _MOST_LEARNT:
            return UNTOLD
        for head in _HEADS[plus]:
            known = digits[:head]
            if table.get(known) is _FURTHER:
                continue
            self._learnt += 1
            try:
                found = self._settled(known, len(digits) - len(known), plus=plus)
            except Unsettled:
                table[known] = _FURTHER
                continue
            table[known] = found
            return found
        return UNTOLD

    def _settled(self, known: str, left: int, *, plus: bool) -> Range:
        reading = self._bare.settle(known, left, plus=plus)
        if reading is None:
            return UNTOLD
        digits = known + _REST[:left]
        number = self._number(digits, plus)
        if number is None:
            return NO_NUMBER
        begins = number.e164.removesuffix(digits)
        cuts = grouping(reading[0]).settled(reading[1], left)
        return self._alike.setdefault((reading[0], begins, number.flagged, cuts), Range(number, begins))
