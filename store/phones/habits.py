"""
Ways in which people write numbers that the plan of their country does not have: prefixes of earlier plans, a code written twice.

The library knows the plans of today, and the first reading of digits that fits one. Lists are older, and come out of programs
with habits of their own. Pure.
"""

import functools
import re
from collections.abc import Iterator
from typing import Final

import phonenumbers
from phonenumbers import CountryCodeSource, PhoneNumberType

from store.phones.cleaning import digits_of
from store.phones.dialling import dialling, lengths, split_code
from store.phones.numbers import library_number
from store.phones.plans import Patterns, Unsettled, plan_of

_MOBILE: Final = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
# What people text, or speak on: a reading that makes a premium number of something is none.
_PEOPLES: Final = frozenset({*_MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.VOIP})
_ARGENTINA: Final = 54
_ITALY: Final = 39
_RUSSIA: Final = 7
# By country code: a number as it was written, and what it is in the plan of today, by the groups of the pattern.
_FORMER: Final[dict[int, tuple[tuple[re.Pattern[str], str], ...]]] = {
    # Mobiles had a 0 before them until 2001.
    _ITALY: ((re.compile(r"0(3\d{9})"), "{1}"),),
    # Mexico: 01 to other cities, 044 and 045 to mobiles, and 1 to mobiles from abroad, until 2019.
    52: ((re.compile(r"0?(?:1|44|45)(\d{10})"), "{1}"),),
    # Argentina: the 9 of abroad with the 0 and the 15 of home, or without a mobile behind it.
    _ARGENTINA: ((re.compile(r"0?90?(\d{2,4}15\d{6,8})"), "0{1}"), (re.compile(r"90?(\d{10})"), "{1}")),
    # Ukraine: the 8 of the Soviet Union, with the 0 behind it.
    380: ((re.compile(r"80?([1-9]\d{8})"), "{1}"),),
    # Brazil: mobiles of eight digits got a 9 before them between 2012 and 2016; the carrier may stand before the area.
    55: ((re.compile(r"(?:0(?:1[245]|2[1-35]|31|4[13]|[56]5|99)?)?([1-9]\d)([6-9]\d{7})"), "{1}9{2}"),),
}
# The 8 of home with the plus of abroad: "+8 (495)".
_MOST_DIGITS: Final = 24  # of the longest number behind 00, its code twice, and what is dialled at home
EIGHT: Final = frozenset({"RU", "KZ"})
_EIGHT_WITH_PLUS: Final = re.compile(r"[ (\[]*\++8[ ()-]")


def readings(core: str, country: str | None) -> Iterator[tuple[phonenumbers.PhoneNumber, bool]]:
    """
    The numbers in use that people may mean by *core*: digits, `+` and punctuation only, and no number in use itself.

    With each, whether *country*, a region code, was assumed for it.
    """
    digits = digits_of(core)
    if len(digits) > _MOST_DIGITS:
        return
    if "+" in core:
        if _is_eight_with_plus(core, country):
            yield from ((number, True) for number in _at_home(_RUSSIA, digits))
        if digits.startswith("00"):
            yield from ((number, False) for number in _from_abroad(digits[2:]))
        elif split := split_code(digits):  # which is not in use as it stands
            yield from ((number, False) for number in _otherwise(*split))
        return
    here = dialling(country)
    if (dialled := here.from_abroad(digits)) is not None or digits.startswith("0"):
        # The prefix of most of the world, that of North America, and the country's own.
        behind = {digits.removeprefix(prefix) for prefix in ("00", "011") if digits.startswith(prefix)}
        for rest in {*behind, dialled} - {None}:
            yield from ((number, False) for number in _from_abroad(rest or ""))
    if country:
        code = here.code
        yield from ((number, True) for number in _at_home(code, digits))
        for before in (f"{code}", f"0{code}"):
            if digits.startswith(before):
                yield from ((number, True) for number in _behind_code(code, digits.removeprefix(before)))


def other_reading(
    core: str, country: str | None, number: phonenumbers.PhoneNumber
) -> tuple[phonenumbers.PhoneNumber, bool] | None:
    """
    Another number in use that people may mean by *core*, which is *number*, in use as well. None: nothing else is meant.

    The flag: it is the likelier of the two. That is a mobile behind its country code without a plus, 4915123456789, where
    the other is a house whose own area code begins like that and is written without its 0.
    """
    digits = digits_of(core)
    code, national = number.country_code or 0, phonenumbers.national_significant_number(number)
    if "+" in core:
        eights = _at_home(_RUSSIA, digits) if _is_eight_with_plus(core, country) else iter(())
        if (other := _another(eights, number)) is not None:
            return other, False
        return _mobile_instead(number, _doubts(code, national)) if _is_doubtful(code, national) else None
    if digits.startswith("00") and (other := _another(_from_abroad(digits[2:]), number)) is not None:
        return other, False
    if number.country_code_source != CountryCodeSource.FROM_DEFAULT_COUNTRY or not country:
        return _mobile_instead(number, _doubts(code, national)) if _is_doubtful(code, national) else None
    home = phonenumbers.country_code_for_region(country)
    if digits.startswith(str(home)):
        other = _another(_behind_code(home, digits.removeprefix(str(home))), number)
        if other is not None:
            ours, theirs = is_mobile(number), is_mobile(other)
            return None if ours and not theirs else (other, theirs and not ours)
    if digits.startswith(f"0{home}"):
        return _mobile_instead(number, _behind_code(home, digits.removeprefix(f"0{home}")))
    return _mobile_instead(number, _doubts(home, national)) if _is_doubtful(home, national) else None


def is_mobile(number: phonenumbers.PhoneNumber) -> bool:
    """Is *number* a mobile, or one of a plan that does not tell mobiles from others?"""
    return phonenumbers.number_type(number) in _MOBILE


def is_local(code: int, national: str) -> bool:
    """
    Is *national* behind its country *code*, if it is not in use, one that has its area left out?

    It is where it is shorter than anybody's number there, though firms have such, and behind Argentina's 15 of mobiles at home:
    no area there begins like that.
    """
    return len(national) < _shortest(code) or (code == _ARGENTINA and national.lstrip("0").startswith("15"))


@functools.cache
def _shortest(code: int) -> int:
    """The fewest digits of a fixed number or a mobile with *code*."""
    plans = [plan_of(code, region) for region in phonenumbers.region_codes_for_country_code(code)]
    kinds = [kind for plan in plans for kind in (plan.fixed_line, plan.mobile) if kind]
    return min((length for kind in kinds for length in kind.possible_length or () if length > 0), default=0)


def may_mean_another(digits: str, country: str | None, *, plus: bool, zero: bool) -> bool:
    """
    Can `readings` give anything for bare *digits* that are not dialled abroad? Asked before, since it seldom can.

    *zero*: what they are behind a leading 0 that is not in the plan counts as well.
    """
    if plus:
        split = split_code(digits)
        return split is not None and _may_be_otherwise(*split)
    if country is None:
        return False
    code = phonenumbers.country_code_for_region(country)
    if was_so(code, digits):
        return True
    if digits.startswith("0") and not zero:
        return False
    if _may_be_at_home(code, digits):
        return True
    return may_be_behind_code(code, digits)


def may_be_behind_code(code: int, digits: str) -> bool:
    """Can *digits* be a number, in some way of writing it, behind its country *code* without a plus?"""
    for before in (f"{code}", f"0{code}"):
        if digits.startswith(before):
            rest = digits.removeprefix(before)
            if dialling(None).may_be_valid(f"{code}{rest}", plus=True) or _may_be_otherwise(code, rest):
                return True
    return False


def _may_be_otherwise(code: int, rest: str) -> bool:
    return rest.startswith((f"{code}", f"0{code}", f"00{code}")) or _may_be_at_home(code, rest)


def _may_be_at_home(code: int, digits: str) -> bool:
    if was_so(code, digits):
        return True
    return digits.startswith(("8", "0") if code == _RUSSIA else "0") and dialling(None).may_be_valid(
        f"{code}{digits[1:]}", plus=True
    )


def was_so(code: int, digits: str) -> bool:
    """Are *digits* behind a country *code* a number of an earlier plan?"""
    return (former := _FORMER.get(code)) is not None and any(pattern.fullmatch(digits) for pattern, _ in former)


def settle_former(code: int, known: str, left: int) -> bool:
    """What `was_so` says of all digits that are *known* and *left* more. Raises Unsettled if it depends on them."""
    patterns, start = _former(code)
    settled = patterns.settled(patterns.walk(start, known), left)
    if settled is None:
        raise Unsettled
    return bool(settled)


def settle_modern(code: int, known: str, left: int) -> str | None:
    """
    What stands for *known* in the plan of today, of digits that `was_so` in one way and are *known* and *left* more; None if in more.

    Raises Unsettled if it depends on the digits that follow.
    """
    patterns, start = _former(code)
    settled = patterns.settled(patterns.walk(start, known), left)
    if settled is None:
        raise Unsettled
    if len(settled) != 1:
        return None
    pattern, now = _FORMER[code][next(iter(settled))]
    found = pattern.fullmatch(known + "0" * left)
    if found is None or any(found.end(group) > len(known) for group in range(1, pattern.groups)):
        return None
    modern = now.format(found[0], *found.groups())
    return modern[: len(modern) - left]


@functools.cache
def _former(code: int) -> tuple[Patterns, int]:
    patterns = Patterns()
    return patterns, patterns.start([patterns.add(was.pattern, whole=True) for was, _ in _FORMER.get(code, ())])


def has_other_readings(code: int, rest: str, left: int) -> bool | None:
    """
    Can a number of *rest* and *left* more digits behind country *code* have an `other_reading` for what it begins with?

    None: that depends on the digits that follow.
    """
    count = len(rest) + left
    if code == _ITALY and count == len("03") + 9:
        return rest[:2] == "03" if len(rest) > 1 else None
    twice, counts = _twice_written(code)
    if count not in counts:
        return False
    begins = rest.lstrip("0")[: len(twice)]
    return begins == twice or (None if left and twice.startswith(begins) else False)


@functools.cache
def _twice_written(code: int) -> tuple[str, frozenset[int]]:
    """The digits of a country *code*, and how many there are of a number with them before it, and up to two zeros."""
    twice = str(code)
    return twice, frozenset(count + len(twice) + zeros for count in lengths(code) for zeros in range(3))


def _is_eight_with_plus(core: str, country: str | None) -> bool:
    return country in EIGHT and _EIGHT_WITH_PLUS.match(core) is not None


def _another(
    numbers: Iterator[phonenumbers.PhoneNumber], number: phonenumbers.PhoneNumber
) -> phonenumbers.PhoneNumber | None:
    """The first of *numbers* that is not *number*."""
    ours = number.country_code, number.national_number, number.italian_leading_zero
    return next(
        (other for other in numbers if (other.country_code, other.national_number, other.italian_leading_zero) != ours),
        None,
    )


def _mobile_instead(
    number: phonenumbers.PhoneNumber, others: Iterator[phonenumbers.PhoneNumber]
) -> tuple[phonenumbers.PhoneNumber, bool] | None:
    """One of *others* that is a mobile where *number* is none: what is as it should be is not doubted for less."""
    other = _another(
        filter(is_mobile, others), number
    )  # mostly there is none, and no need to ask about the number itself
    return None if other is None or is_mobile(number) else (other, False)


def _doubts(code: int, rest: str) -> Iterator[phonenumbers.PhoneNumber]:
    """What *rest* behind a country code may be, though it is in use as it stands."""
    yield from _twice(code, rest)
    if code == _ITALY:
        yield from _formerly(code, rest)


def _is_doubtful(code: int, rest: str) -> bool:
    """Can `_doubts` be any? Of most numbers the first digits say that there are none."""
    return code == _ITALY or rest.lstrip("0").startswith(str(code))


def _from_abroad(digits: str) -> Iterator[phonenumbers.PhoneNumber]:
    """What *digits*, which begin with a country code, may be."""
    if split := split_code(digits):
        yield from _behind_code(*split)


def _behind_code(code: int, rest: str) -> Iterator[phonenumbers.PhoneNumber]:
    """What *rest*, written behind a country code, may be."""
    if (number := _in_use(f"+{code}{rest}")) is not None:
        yield number
        return
    yield from _otherwise(code, rest)


def _otherwise(code: int, rest: str) -> Iterator[phonenumbers.PhoneNumber]:
    yield from _at_home(code, rest)
    yield from _twice(code, rest)


def _twice(code: int, rest: str) -> Iterator[phonenumbers.PhoneNumber]:
    """What *rest* is when the code is written again in front of it."""
    for before in (f"{code}", f"0{code}", f"00{code}"):
        if rest.startswith(before):
            again = rest.removeprefix(before)
            if (number := _in_use(f"+{code}{again}")) is not None:
                yield number
            else:
                yield from _at_home(code, again)


def _at_home(code: int, digits: str) -> Iterator[phonenumbers.PhoneNumber]:
    """What *digits*, written at home, may be by a plan that went, or with a 0 that never was in it."""
    yield from _formerly(code, digits)
    trunks = "80" if code == _RUSSIA else "0"
    if digits.startswith(tuple(trunks)) and (number := _in_use(f"+{code}{digits[1:]}")) is not None:
        yield number


def _formerly(code: int, digits: str) -> Iterator[phonenumbers.PhoneNumber]:
    for pattern, now in _FORMER.get(code, ()):
        found = pattern.fullmatch(digits)
        if found and (number := _in_use(f"+{code}{now.format(found[0], *found.groups())}")) is not None:
            yield number


def _in_use(text: str) -> phonenumbers.PhoneNumber | None:
    """The number with a plus that *text* is, if it is in use and people's."""
    if not dialling(None).may_be_valid(digits_of(text), plus=True):
        return None
    number = library_number(text, None)
    return number if number is not None and phonenumbers.number_type(number) in _PEOPLES else None
