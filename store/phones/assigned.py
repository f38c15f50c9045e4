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

# By length, a pattern of whole numbers.
_ByLength = dict[int, re.Pattern[str]]
# The kinds that the library asks about before it asks whether a number is a mobile.
_BEFORE_MOBILE: Final = ("shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")


class Assigned:
    """The plans of the regions that share a country *code*, as the library asks them about a whole number."""

    def __init__(self, code: int) -> None:
        regions = phonenumbers.region_codes_for_country_code(code)
        plans = [plan_of(code, region) for region in regions]
        # Of one region alone it is not asked how its numbers begin.
        begins = [re_compile(plan.leading_digits) if plan.leading_digits and len(plans) > 1 else None for plan in plans]
        in_use = [_by_length(plan, _given_out) for plan in plans]
        self._regions = list(zip(begins, in_use, (_by_length(plan, _mobiles) for plan in plans), strict=True))
        self._alone = [patterns for begin, patterns in zip(begins, in_use, strict=True) if begin is None]
        self._begins = re.compile("|".join(f"(?:{begin.pattern})" for begin in begins if begin) or "(?!)")

    def is_in_use(self, national: str) -> bool:
        """Has one of the regions given out *national*?"""
        count = len(national)
        if not self._begins.match(national):
            for in_use in self._alone:
                if (given_out := in_use.get(count)) is not None and given_out.fullmatch(national):
                    return True
            return False
        for begins, in_use, _ in self._regions:
            if begins is None:
                if (given_out := in_use.get(count)) is not None and given_out.fullmatch(national):
                    return True
            elif begins.match(national):
                return (given_out := in_use.get(count)) is not None and given_out.fullmatch(national) is not None
        return False

    def is_mobile(self, national: str) -> bool:
        """Is *national* a mobile's, or of a plan that does not tell mobiles from others, or free of charge?"""
        count = len(national)
        for begins, in_use, mobiles in self._regions:
            if begins is None:
                is_here = (given_out := in_use.get(count)) is not None and given_out.fullmatch(national) is not None
            else:
                is_here = begins.match(national) is not None
            if is_here:
                return (mobile := mobiles.get(count)) is not None and mobile.fullmatch(national) is not None
        return False


@functools.cache
def assigned(code: int) -> Assigned:
    return Assigned(code)


def _by_length(plan: PhoneMetadata, pattern_of: Callable[[PhoneMetadata, int], str | None]) -> _ByLength:
    """By its number of digits, what *plan* has given out of the kinds that are asked about."""
    general = plan.general_desc
    if general is None or not general.national_number_pattern:
        return {}
    return {
        length: re.compile(f"(?=(?:{general.national_number_pattern})$){pattern}")
        for length in general.possible_length
        if (pattern := pattern_of(plan, length)) is not None
    }


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
