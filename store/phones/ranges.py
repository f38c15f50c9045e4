"""
Ranges of numbers: what digits are, told by the first of them and by how many they are. Learnt where many are met.

A text of many numbers asks the same of each: is it one, and how is it set? Where the plan's answers are the same whatever
digits follow, one number is asked about, and its answers hold for all that begin so. Pure.
"""

import re
from collections.abc import Callable
from typing import Final

from store.phones.bare import BareDigits, is_mobile_phone
from store.phones.cleaning import digits_of
from store.phones.grouping import grouping
from store.phones.numbers import PhoneNumber
from store.phones.plans import Unsettled

_LONGEST: Final = 18  # digits
# The first digits by which numbers are told, few of them if they are enough: as they are at home, and behind a plus.
_HEADS: Final = ((3, 4, 5), (5, 7))
_MOST_LEARNT: Final = 30_000  # heads of a country, some 5 MB: what is met of more is noise
_OFTEN: Final = 100  # numbers that begin alike, of which learning pays: it takes the plan of their code apart
_BEGUN: Final = 3  # digits of the longest country code
_DIGIT: Final = re.compile("[0-9]")
_REST: Final = "9753186420864297531"  # any digits


class Range:
    """
    Numbers that are all *like* one: each is *begins* and its digits behind the first *skipped*, in E.164. Or only that one, or none.

    *usual*: are their digits set as usual in groups, told by their lengths? What is known of that.
    """

    __slots__ = ("_is_mobile", "_remark", "assumed", "begins", "flagged", "like", "skipped", "usual")

    def __init__(self, like: PhoneNumber | None, begins: str | None = None, skipped: int = 0) -> None:
        self.like, self.begins, self.skipped = like, begins, skipped
        self.flagged = like is not None and like.flagged
        self.assumed = None if like is None else like.assumed_country
        self.usual: dict[tuple[int, ...], bool] = {}
        self._is_mobile: bool | None = None
        # The remark of each has all its digits in it.
        self._remark = _DIGIT.sub("{}", like.remark) if begins and like and like.remark else None

    def number(self, digits: str) -> PhoneNumber | None:
        """The one of these *digits*."""
        if self.begins is None:
            return self.like
        e164 = self.begins + digits[self.skipped :]
        return PhoneNumber(e164, self.flagged, self._remark and self._remark.format(*e164[1:]), self.assumed)

    @property
    def is_mobile(self) -> bool:
        """Are they of a kind that is written without a trunk prefix as well?"""
        if self._is_mobile is None:
            self._is_mobile = self.like is not None and is_mobile_phone(self.like.e164)
        return self._is_mobile


NO_NUMBER: Final = Range(None)
_UNTOLD: Final = Range(None)  # each of them has to be asked about
_FURTHER: Final = Range(None)  # more digits tell
# What was met once or some times more, of which nothing is learnt yet: a lesson costs as much as six questions.
_MET: Final = (Range(None), Range(None), Range(None))


class Ranges:
    """
    The ranges of the numbers that are written in one country.

    *bare* reads the country's digits, and *number* as well, with what the caller makes of it: it may depend on no more than
    that, on the first digits, and on how many there are. Its last argument is as in `BareDigits.find`. Threads may share one.
    """

    def __init__(self, bare: BareDigits, number: Callable[[str, bool, bool], PhoneNumber | None]) -> None:
        self._bare, self._number = bare, number
        self._tables: tuple[list[dict[str, Range]], ...] = tuple([{} for _ in range(_LONGEST + 1)] for _ in _HEADS)
        self._alike: dict[tuple[object, ...], Range] = {}
        self._met: dict[str, int] = {}
        self._learnt = 0

    def find(self, digits: str, *, plus: bool, whole: bool) -> Range:
        """The range of *digits*, ASCII ones and at most 18, with a plus before them or none; `NO_NUMBER` for none."""
        table = self._tables[plus][len(digits)]
        found: Range | None = _UNTOLD
        for head in _HEADS[plus]:
            found = table.get(digits[:head])
            if found is not _FURTHER:
                break
        if found is NO_NUMBER or (found is not None and found.like is not None):
            return found
        if found is None or found in _MET:
            found = self._learn(digits, table, plus=plus)
        if found is _UNTOLD or found is _FURTHER:
            number = self._number(digits, plus, whole)
            return NO_NUMBER if number is None else Range(number)
        return found

    def _learn(self, digits: str, table: dict[str, Range], *, plus: bool) -> Range:
        begun = digits[:_BEGUN] if plus else ""
        met = self._met[begun] = self._met.get(begun, 0) + 1
        if met < _OFTEN or self._learnt > _MOST_LEARNT:
            return _UNTOLD
        for head in _HEADS[plus]:
            known = digits[:head]
            if (found := table.get(known)) is _FURTHER:
                continue
            if found is not None and found not in _MET:
                return found  # another thread was quicker
            times = 0 if found is None else _MET.index(found) + 1
            self._learnt += times == 0
            if head > _BEGUN and times < len(_MET):
                table[known] = _MET[times]
                return _UNTOLD
            try:
                found = self._settled(known, len(digits) - len(known), plus=plus)
            except Unsettled:
                table[known] = _FURTHER
                continue
            table[known] = found
            return found
        return _UNTOLD

    def _settled(self, known: str, left: int, *, plus: bool) -> Range:
        reading = self._bare.settle(known, left, plus=plus)
        if reading is None:
            return _UNTOLD if plus else self._settled_modern(known, left)
        digits = known + _REST[:left]
        number = self._number(digits, plus, True)
        if number is None:
            return NO_NUMBER
        code, national = reading
        skipped, begins = len(known) - len(national), f"+{code}"
        if number.e164 != begins + digits[skipped:]:
            return _UNTOLD
        cuts = grouping(code).settled(national, left)
        # All that `usual` and `is_mobile` may depend on, as they are kept for all of them.
        written = known[0] == "0", skipped, number.assumed_country
        alike = code, *written, number.flagged, is_mobile_phone(number.e164), cuts
        return self._alike.setdefault(alike, Range(number, begins, skipped))

    def _settled_modern(self, known: str, left: int) -> Range:
        """The same of numbers of an earlier plan, which are read as those of today."""
        reading = self._bare.settle_modern(known, left)
        if reading is None:
            return _UNTOLD
        code, modern = reading
        digits = known + _REST[:left]
        number, begins = self._number(digits, False, True), f"+{code}{modern}"
        if number is None or number.remark is None or number.e164 != begins + digits[len(known) :]:
            return _UNTOLD
        if digits_of(number.remark) != number.e164[1:]:
            return _UNTOLD
        grouping(code).settled(modern, left)
        return Range(number, begins, len(known))
