"""
Bare digits, with a plus before them or none, read as `parse_phone` reads them: what a text of many numbers asks most.

What the plans alone settle is settled here, by the library's patterns and in the order in which it asks them. Where the
way in which people write may make another number of the digits, the parser is asked. Pure.
"""

import functools
from collections.abc import Iterable, Iterator
from typing import Final

import phonenumbers

from store.phones.assigned import assigned
from store.phones.dialling import Reading, dialling, lengths, lengths_of
from store.phones.grouping import grouping
from store.phones.habits import has_other_readings, is_local_mobile, may_mean_another, was_so
from store.phones.numbers import E164_LENGTHS, PhoneNumber
from store.phones.parser import parse_phone
from store.phones.plans import Prefix, Unsettled, plan_of

_MOST_PLAIN: Final = 13  # digits; 14 may be two numbers
_ABROAD: Final = ("00", "011")
_MOST_BEHIND: Final = 17  # digits behind the first of the longest number
_ANY_DIGIT: Final = frozenset("0123456789")
_ANY_COUNT: Final = frozenset(range(1, _MOST_BEHIND + 2))
_CENTURIES: Final = ("19", "20")
_COMPACT_DATE: Final = 12  # digits of a day with its time


class BareDigits:
    """
    What digits are in *country* (as for `parse_phone`, with the same ValueError), with a plus before them or none.

    It answers as `parse_phone` does for digits alone, but for a 0 that no number of the country has before it: among other
    digits that is another number's end. Threads may share one.
    """

    def __init__(self, country: str | None) -> None:
        parse_phone("", country)
        self._country = country
        self._dialling = dialling(country)
        self._home: int = phonenumbers.country_code_for_region(country) if country else 0
        self._lengths = lengths_of(self._home, country) if country else frozenset()
        self._assigned = assigned(self._home)
        self._recorded = _main(self._home)[0] if country else frozenset()
        self._longest = max(self._lengths, default=0)
        self._fewest = E164_LENGTHS.start - len(f"+{self._home}")
        self._before = _first_dialled(self._home, country) if country else frozenset()
        main = phonenumbers.region_code_for_country_code(self._home)
        is_known = bool(country) and grouping(self._home).is_known
        # Digits with which nothing else begins, neither here nor in the region whose formats are the country's.
        regions = {country, main} if country else set()
        dialled = [_first_dialled(self._home, one, range(_MOST_BEHIND + 1)) for one in regions]
        self.begin_numbers = _ANY_DIGIT.difference(*dialled) if is_known else frozenset()

    def find(self, digits: str, *, plus: bool, whole: bool = True) -> PhoneNumber | None:
        """
        The phone that *digits* are, ASCII ones; None for none.

        *whole*: they are not cut out of more. Else only what has as many digits as the plan's numbers is read, since ends
        of other numbers soon look like something of an earlier plan.
        """
        if not plus and digits[0] not in self._before and len(digits) in self._lengths:
            # Nothing is dialled before them, and neither is the code: the most there are.
            is_date = len(digits) == _COMPACT_DATE and digits.startswith(_CENTURIES)
            if len(digits) <= _MOST_PLAIN and not is_date:
                if self._assigned.is_in_use(digits) and len(digits) >= self._fewest:
                    return PhoneNumber(f"+{self._home}{digits}", False, None, self._country)
                if digits[0] in self.begin_numbers and not was_so(self._home, digits):
                    e164 = f"+{self._home}{digits}"
                    if len(digits) not in self._recorded or len(e164) not in E164_LENGTHS:
                        return None
                    return None if is_local_mobile(self._home, digits) else PhoneNumber(e164, True, None, self._country)
        if not (plus or self._home or digits.startswith(_ABROAD)):
            return None
        reading = self._dialling.reading(digits, plus=plus)
        is_as_long = _is_as_long(reading)
        if digits.startswith("0") if plus else digits.startswith(_ABROAD) or self._dialling.from_abroad(digits):
            if not (whole or is_as_long or plus):
                behind = {self._dialling.from_abroad(digits), *(digits.removeprefix(prefix) for prefix in _ABROAD)}
                if not any(rest and _is_as_long(dialling(None).reading(rest, plus=True)) for rest in behind):
                    return None
            dialled = _asked(digits, plus, self._country)
            return None if dialled and dialled.remark and not whole else dialled
        if not (is_as_long or whole):
            return None
        if reading is None or not assigned(reading[0]).is_in_use(reading[1]):
            if may_mean_another(digits, self._country, plus=plus, zero=is_as_long):
                return _asked(digits, plus, self._country)
            # Behind a plus and no country's code, the library takes what is dialled abroad for what it is.
            if reading is None and plus and self._dialling.from_abroad(digits) is not None:
                return _asked(digits, plus, self._country)
            if reading is None or not _may_be_unassigned(reading, digits, plus=plus):
                return None
            flagged = True
        elif self._may_be_another(reading, digits, plus=plus):
            return _asked(digits, plus, self._country)
        else:
            flagged = False
        if len(digits) > _MOST_PLAIN or (len(digits) == _COMPACT_DATE and digits.startswith(_CENTURIES)):
            return _asked(digits, plus, self._country)
        e164 = f"+{reading[0]}{reading[1]}"
        if len(e164) not in E164_LENGTHS or not reading[1].strip("0"):
            return None
        return PhoneNumber(e164, flagged, None, None if plus else self._country)

    def counts(self, first: str) -> frozenset[int]:
        """How many digits may be a phone that begin with the digit *first* and no plus, and are cut out of more."""
        return _ANY_COUNT if first in self._before else self._lengths

    def shapes(self) -> Iterator[tuple[int, ...]]:
        """In which groups a number may be set that begins with one of `begin_numbers`."""
        for length in self._lengths if self.begin_numbers else ():
            yield from grouping(self._home).shapes(length)

    def _may_be_another(self, reading: Reading, digits: str, *, plus: bool) -> bool:
        """Can there be an `other_reading` of *digits*, which are a number in use by their *reading*?"""
        code, national = reading
        # Longer than any number of the country it begins with the code, and else it may begin with an area's.
        if (
            not plus
            and digits.startswith((str(self._home), f"0{self._home}"))
            and (digits.startswith("0") or len(digits) <= self._longest)
        ):
            return True
        return has_other_readings(code, national, 0) is not False


def _is_as_long(reading: Reading | None) -> bool:
    """Has the number as many digits as numbers with its code have?"""
    return reading is not None and len(reading[1]) in lengths(reading[0])


def _first_dialled(code: int, region: str, behind: Iterable[int] = (_MOST_BEHIND,)) -> frozenset[str]:
    """
    The digits with which anything begins that is dialled in *region* before a number, or 00, or its country *code*.

    *behind* are the counts of digits that may follow: with fewer, an area that is left out may be one that is dialled.
    """
    plan = plan_of(code, region)
    first = {"0", str(code)[0]}
    for pattern in (plan.international_prefix, plan.national_prefix_for_parsing):
        if pattern:
            first |= {digit for digit in _ANY_DIGIT if _may_begin(pattern, digit, behind)}
    return frozenset(first)


def _may_begin(pattern: str, digit: str, behind: Iterable[int]) -> bool:
    try:
        prefix = Prefix(pattern)
        return any(prefix.match(digit, count) is not None for count in behind)
    except (Unsettled, ValueError):  # or it is written in a way that a new release has brought
        return True


def _may_be_unassigned(reading: Reading, digits: str, *, plus: bool) -> bool:
    """Is a number that nobody gave out one as long as those that are recorded, and itself when it is read again?"""
    code, national = reading
    main_lengths, has_trunk = _main(code)
    if len(national) not in main_lengths or (has_trunk and national.startswith("0")):
        return False
    whole = f"{code}{national}"
    if not (plus and whole == digits) and dialling(None).reading(whole, plus=True) != reading:
        return False
    return not is_local_mobile(code, national)


@functools.cache
def _main(code: int) -> tuple[frozenset[int], bool]:
    """The lengths of numbers of the main region with *code*, and whether a 0 is dialled before them."""
    region = phonenumbers.region_code_for_country_code(code)
    return lengths_of(code, region), plan_of(code, region).national_prefix == "0"


@functools.lru_cache(1 << 13)
def _asked(digits: str, plus: bool, country: str | None) -> PhoneNumber | None:
    outcome = parse_phone(f"+{digits}" if plus else digits, country)
    return outcome if isinstance(outcome, PhoneNumber) else None


def is_mobile_phone(e164: str) -> bool:
    """Is this phone of a kind that is written without a trunk prefix as well?"""
    reading = dialling(None).reading(e164[1:], plus=True)
    return reading is not None and assigned(reading[0]).is_mobile(reading[1])


# As many as there are countries with desks.
@functools.lru_cache(32)
def bare_digits(country: str | None) -> BareDigits:
    """The one of *country* that all texts share."""
    return BareDigits(country)
