"""
What the plans of a country code have given out: whether a whole number is in use, and of which kind. Pure.

Asked of digits, it answers as the library's `is_valid_number` and `number_type` do of a parsed number, in a fifth of the time.
"""

import functools
import re
from collections.abc import Callable, Iterable
from typing import Final

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc
from phonenumbers.re_util import re_compile

from store.phones.plans import kinds, plan_of

_NEVER: Final = re.compile(r"(?!)")
# The kinds that the library asks about before it asks whether a number is a mobile.
_BEFORE_MOBILE: Final = ("shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")


class _Region:
    """What the *plan* of one region has given out. Its patterns are made when they are first asked for: there are thousands."""

    def __init__(self, plan: PhoneMetadata, *, is_alone: bool) -> None:
        self._plan = plan
        # Of one region alone it is not asked how its numbers begin.
        self.begins = re_compile(plan.leading_digits) if plan.leading_digits and not is_alone else None
        self._in_use: dict[int, re.Pattern[str]] = {}
        self._mobiles: dict[int, re.Pattern[str]] = {}

    def in_use(self, count: int) -> re.Pattern[str]:
        """A pattern of whole numbers of *count* digits."""
        if (pattern := self._in_use.get(count)) is None:
            pattern = self._in_use[count] = self._of(count, _given_out)
        return pattern

    def mobiles(self, count: int) -> re.Pattern[str]:
        if (pattern := self._mobiles.get(count)) is None:
            pattern = self._mobiles[count] = self._of(count, _mobiles)
        return pattern

    def _of(self, count: int, pattern_of: Callable[[PhoneMetadata, int], str | None]) -> re.Pattern[str]:
        general = self._plan.general_desc
        if general is None or not general.national_number_pattern or count not in general.possible_length:
            return _NEVER
        pattern = pattern_of(self._plan, count)
        return _NEVER if pattern is None else re.compile(f"(?=(?:{general.national_number_pattern})$){pattern}")


class Assigned:
    """The plans of the regions that share a country *code*, as the library asks them about a whole number."""

    def __init__(self, code: int) -> None:
        regions = phonenumbers.region_codes_for_country_code(code)
        self._regions = [_Region(plan_of(code, region), is_alone=len(regions) == 1) for region in regions]
        begins = [region.begins.pattern for region in self._regions if region.begins]
        self._begins = re.compile("|".join(f"(?:{begin})" for begin in begins)).match if begins else None
        # By length, of the regions whose numbers may begin with any digits.
        self._alone: dict[int, re.Pattern[str]] = {}

    def is_in_use(self, national: str) -> bool:
        """Has one of the regions given out *national*?"""
        count = len(national)
        if self._begins is None or not self._begins(national):
            if (alone := self._alone.get(count)) is None:
                patterns = [region.in_use(count).pattern for region in self._regions if region.begins is None]
                alone = self._alone[count] = re.compile("|".join(patterns) or _NEVER.pattern)
            return alone.fullmatch(national) is not None
        for region in self._regions:
            if region.begins is None:
                if region.in_use(count).fullmatch(national):
                    return True
            elif region.begins.match(national):
                return region.in_use(count).fullmatch(national) is not None
        return False

    def is_mobile(self, national: str) -> bool:
        """Is *national* a mobile's, or of a plan that does not tell mobiles from others, or free of charge?"""
        count = len(national)
        for region in self._regions:
            begins = region.begins
            if (begins.match(national) if begins else region.in_use(count).fullmatch(national)) is not None:
                return region.mobiles(count).fullmatch(national) is not None
        return False


@functools.cache
def assigned(code: int) -> Assigned:
    return Assigned(code)


def _given_out(plan: PhoneMetadata, length: int) -> str | None:
    return _any_of(kinds(plan), length)


def _mobiles(plan: PhoneMetadata, length: int) -> str | None:
    """What is free of charge or a mobile's, by the first kind that the library finds for it."""
    free = _any_of([plan.toll_free], length)
    mobile = _any_of([plan.mobile], length)
    if mobile is not None and (before := _any_of((getattr(plan, kind) for kind in _BEFORE_MOBILE), length)) is not None:
        mobile = f"(?!{before}$){mobile}"
    wanted = "|".join(filter(None, [free, mobile]))
    if wanted and (premium := _any_of([plan.premium_rate], length)) is not None:
        return f"(?!{premium}$)(?:{wanted})"
    return f"(?:{wanted})" if wanted else None


def _any_of(kinds: Iterable[PhoneNumberDesc | None], length: int) -> str | None:
    patterns = [
        kind.national_number_pattern
        for kind in kinds
        if kind is not None
        and kind.national_number_pattern
        and (not kind.possible_length or length in kind.possible_length)
    ]
    return f"(?:{'|'.join(patterns)})" if patterns else None
