"""
Which numbers digits can stand for, by the library's numbering plans; asked before the library itself is.

Of every number that the library finds in digits it says so, and of hardly any other, in a tenth of the time. That counts
where each place in a cell of digits may be the end of a number. What is made of prefixes follows `phonenumbers.parse`. Pure.
"""

import functools
import re
from typing import Final

import phonenumbers
from phonenumbers import CountryCodeSource, PhoneMetadata
from phonenumbers.re_util import re_compile

from store.phones.assigned import assigned
from store.phones.plans import plan_of

# A country code, and the digits behind it that the plans of the code are asked about.
Reading = tuple[int, str]
# The same, with the library's `CountryCodeSource`.
Parsed = tuple[int, str, int]

FEWEST_UNASSIGNED: Final = 8  # digits of a number that is recorded though no plan assigns it; one in use may have fewer
_LONGEST_CODE = 3
# Digits before a number at home: trunk prefix, carrier, and the country's own code (Brazil's 0 15 55 is the longest).
_LONGEST_BEFORE = 7
# Of a rule of the library's for numbers without an area code, what is no digit of its own.
_NOT_ADDED = re.compile(r"\\\d|\D")
_NEVER = re.compile(r"(?!)")


class Dialling:
    """The ways of dialling in *region*, a region code. With None there are none but the one that begins with a plus."""

    def __init__(self, region: str | None) -> None:
        self.region = region
        self.code: int = phonenumbers.country_code_for_region(region) if region else 0
        self._code_digits = str(self.code)
        plan = plan_of(self.code, region) if region else None
        self._home = _trunk(self.code, region) if region else None
        # What is dialled without an area code gets it, where there is one alone: "268\\1" in Antigua.
        added = len(_NOT_ADDED.sub("", plan.national_prefix_transform_rule or "")) if plan else 0
        at_home = lengths_of(self.code, region) if region else ()
        self._lengths = {length + more for length in at_home for more in range(-added, _LONGEST_BEFORE + 1)}
        self._abroad = re_compile(plan.international_prefix) if plan and plan.international_prefix else _NEVER

    def reading(self, digits: str, *, plus: bool) -> Reading | None:
        """What the library sees in *digits*, which are written with a *plus* before them or not. None: nothing that is a number."""
        if plus and (split := split_code(digits)):
            return _behind_code(*split)
        if not (plus or len(digits) in self._lengths or self._abroad.match(digits)):
            return None
        parsed = self.parsed(digits, plus=plus)
        return None if parsed is None else parsed[:2]

    def parsed(self, digits: str, *, plus: bool) -> Parsed | None:
        """The same of digits of any number, whether they can be a number or not, and where the code comes from."""
        if plus and (split := split_code(digits)):
            return *_behind_code(*split), CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN
        home = self._home
        if home is None:
            return None
        if (dialled := self._abroad.match(digits)) and not digits.startswith("0", dialled.end()):
            split = split_code(digits[dialled.end() :])
            return (*_behind_code(*split), CountryCodeSource.FROM_NUMBER_WITH_IDD) if split else None
        if plus:
            return None
        if digits.startswith(self._code_digits):
            rest = home.without_prefix(digits[len(self._code_digits) :])
            if len(digits) > home.longest or (not home.fits(digits) and home.fits(rest)):
                return *_behind_code(self.code, rest), CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN
        return self.code, home.national(digits), CountryCodeSource.FROM_DEFAULT_COUNTRY

    def from_abroad(self, digits: str) -> str | None:
        """What is dialled behind the region's prefix for other countries; None if *digits* do not begin with it."""
        return digits[dialled.end() :] if (dialled := self._abroad.match(digits)) else None

    def may_be_as_long(self, digits: str) -> bool:
        """Has a number of the region as many *digits*, however it is dialled there, or do they lead abroad?"""
        return len(digits) in self._lengths or self._abroad.match(digits) is not None

    def may_be_whole(self, digits: str, *, plus: bool) -> bool:
        """Can *digits* be a number in use, or one as long as those that are recorded though they are not?"""
        if not (plus or self.may_be_as_long(digits)):
            return False
        reading = self.reading(digits, plus=plus)
        if reading is None or len(reading[1]) not in lengths(reading[0]):
            return False
        return len(reading[1]) >= FEWEST_UNASSIGNED or assigned(reading[0]).is_in_use(reading[1])

    def may_be_valid(self, digits: str, *, plus: bool) -> bool:
        """Can *digits* be a number in use?"""
        reading = self.reading(digits, plus=plus)
        return reading is not None and assigned(reading[0]).is_in_use(reading[1])


@functools.cache
def dialling(region: str | None) -> Dialling:
    return Dialling(region)


@functools.cache
def lengths(code: int) -> frozenset[int]:
    """The numbers of digits that a number with *code* can have behind it, in any of the code's regions."""
    return frozenset().union(*(lengths_of(code, region) for region in phonenumbers.region_codes_for_country_code(code)))


@functools.cache
def lengths_of(code: int, region: str) -> frozenset[int]:
    """The numbers of digits that a number of *region* can have, without trunk prefix or country code."""
    general = plan_of(code, region).general_desc
    return frozenset(general.possible_length if general else ())


def split_code(digits: str) -> Reading | None:
    """The country code at the front of *digits* and what is behind it. None if there is none."""
    code = _codes().get(digits[:_LONGEST_CODE])
    return None if code is None else (code, digits[len(str(code)) :])


@functools.cache
def _codes() -> dict[str, int]:
    """Country codes, by what digits begin with: the code and whatever digits follow, as many as the longest code has."""
    codes: dict[str, int] = {}
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        begun = [str(code)]
        while begun:
            codes |= dict.fromkeys(begun, code)
            begun = [f"{known}{digit}" for known in begun if len(known) < _LONGEST_CODE for digit in range(10)]
    return codes


def _behind_code(code: int, number: str) -> Reading:
    return code, _main_trunk(code).national(number)


@functools.cache
def _main_trunk(code: int) -> "_Trunk":
    return _trunk(code, phonenumbers.region_code_for_country_code(code))


@functools.cache
def _trunk(code: int, region: str) -> "_Trunk":
    return _Trunk(plan_of(code, region))


class _Trunk:
    """What may be dialled before the numbers of one *plan* at home, and when the library takes it for that."""

    def __init__(self, plan: PhoneMetadata) -> None:
        prefix, general = plan.national_prefix_for_parsing, plan.general_desc
        pattern = general.national_number_pattern if general else None
        self._prefix = re_compile(prefix) if prefix else _NEVER
        self._rule = plan.national_prefix_transform_rule
        self._pattern = pattern or _NEVER.pattern
        self._lengths: tuple[int, ...] = tuple(general.possible_length if general else ()) or (0,)
        self._local: tuple[int, ...] = tuple(general.possible_length_local_only if general else ())
        self.longest = self._lengths[-1]

    def fits(self, number: str) -> bool:
        """Is *number* roughly one of the plan's?"""
        # Seldom asked, and there are as many patterns as countries.
        return re_compile(self._pattern).fullmatch(number) is not None

    def without_prefix(self, number: str) -> str:
        """*number* without its national prefix, unless it is one of the plan's with it only."""
        if not (found := self._prefix.match(number)):
            return number
        if self._rule and found[found.re.groups] is not None:
            rest = self._prefix.sub(self._rule, number, count=1)  # "268\\1": the area code, where there is one alone
        else:
            rest = number[found.end() :]
        return number if self.fits(number) and not self.fits(rest) else rest

    def national(self, number: str) -> str:
        """*number* without its national prefix, unless too few digits are left then."""
        rest = self.without_prefix(number)
        possible = len(rest) in self._lengths or len(rest) > self.longest
        return rest if possible and len(rest) not in self._local else number
