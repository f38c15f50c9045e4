"""
Bare digits, with a plus before them or none, read as `parse_phone` reads them: what a text of many numbers asks most.

What the plans alone settle is settled here, by the library's patterns and in the order in which it asks them. Where the
way in which people write may make another number of the digits, the parser is asked. Pure.
"""

import functools
from collections.abc import Iterable, Iterator
from typing import Final, Never

import phonenumbers

from store.phones.assigned import assigned
from store.phones.dialling import Reading, dialling, lengths, lengths_of, split_code
from store.phones.grouping import grouping
from store.phones.habits import (
    has_other_readings,
    is_local,
    may_be_behind_code,
    may_mean_another,
    settle_former,
    settle_modern,
    was_so,
)
from store.phones.numbers import E164_LENGTHS, NotAPhone, PhoneNumber, Reason
from store.phones.parser import Normaliser, parse_phone
from store.phones.plans import Plan, Prefix, Unsettled, plan_of

_ABROAD: Final = ("00", "011")
_MOST_BEHIND: Final = 17  # digits behind the first of the longest number
_ANY_DIGIT: Final = frozenset("0123456789")
_ANY_COUNT: Final = frozenset(range(1, _MOST_BEHIND + 2))
_CENTURIES: Final = ("19", "20")
_COMPACT_DATES: Final = frozenset({12, 14})  # digits of a day with its time
_TELLING: Final = 3  # digits of the longest country code


class BareDigits:
    """
    What digits are in *country* (as for `parse_phone`, with the same ValueError), with a plus before them or none.

    It answers as `parse_phone` does for digits alone, but for a 0 that no number of the country has before it: among other
    digits that is another number's end. Threads may share one.
    """

    def __init__(self, country: str | None) -> None:
        self._normaliser = Normaliser(country, typed=True)
        self._country = country
        self._dialling = dialling(country)
        self._home: int = phonenumbers.country_code_for_region(country) if country else 0
        self._code = str(self._home)
        self._lengths = lengths_of(self._home, country) if country else frozenset()
        self._told = {count for count in self._lengths if len(f"+{self._home}") + count in E164_LENGTHS}
        self._assigned = assigned(self._home)
        self._recorded = _main(self._home)[0] if country else frozenset()
        self._longest = max(self._lengths, default=0)
        # The digits with which a number may begin that is dialled with something before it; there is the code besides.
        self._before = _first_dialled(self._home, country) if country else frozenset()
        main = phonenumbers.region_code_for_country_code(self._home)
        # Digits with which nothing else begins, neither here nor in the region whose formats are the country's.
        regions = {country, main} if country else set()
        dialled = [_first_dialled(self._home, one, range(_MOST_BEHIND + 1)) for one in regions]
        is_known = bool(country) and grouping(self._home).is_known
        self._alone = _ANY_DIGIT.difference(*dialled) if is_known else frozenset()
        self._prefixes = _prefixes(self._home, country) if country else None
        # By the first digits, how many there are, and whether nothing stands between them: some thousands at most.
        self._reasons: dict[tuple[str, int, bool], tuple[Reason, str]] = {}

    def find(self, digits: str, *, plus: bool, whole: bool = True) -> PhoneNumber | None:
        """
        The phone that *digits* are, ASCII ones; None for none.

        *whole*: they are not cut out of more. Else only what has as many digits as the plan's numbers is read, since ends
        of other numbers soon look like something of an earlier plan.
        """
        first = digits[0]
        if not (plus or first in self._before or digits.startswith(self._code) or _may_be_date(digits)) and (
            len(digits) in self._told
        ):
            # Nothing is dialled before them, and neither is the code: the most there are.
            if self._assigned.is_in_use(digits):
                return PhoneNumber(f"+{self._home}{digits}", False, None, self._country)
            if first in self._alone and not was_so(self._home, digits):
                if len(digits) not in self._recorded or is_local(self._home, digits):
                    return None
                return PhoneNumber(f"+{self._home}{digits}", True, None, self._country)
        if not (plus or self._home or digits.startswith(_ABROAD)):
            return None
        reading = self._dialling.reading(digits, plus=plus)
        if digits.startswith("0") if plus else digits.startswith(_ABROAD) or self._dialling.from_abroad(digits):
            if not (whole or plus or _is_as_long(reading)):
                behind = {self._dialling.from_abroad(digits), *(digits.removeprefix(prefix) for prefix in _ABROAD)}
                if not any(rest and _is_as_long(dialling(None).reading(rest, plus=True)) for rest in behind):
                    return None
            dialled = _asked(digits, plus, self._country)
            return None if dialled and dialled.remark and not whole else dialled
        if not (whole or _is_as_long(reading)):
            return None
        if reading is None or not assigned(reading[0]).is_in_use(reading[1]):
            if may_mean_another(digits, self._country, plus=plus, zero=_is_as_long(reading)):
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
        if _may_be_date(digits):
            return _asked(digits, plus, self._country)
        e164 = f"+{reading[0]}{reading[1]}"
        if len(e164) not in E164_LENGTHS or not reading[1].strip("0"):
            return None
        return PhoneNumber(e164, flagged, None, None if plus else self._country)

    def parse(self, text: str, digits: str) -> PhoneNumber | NotAPhone:
        """
        What the parser reads in a *text* that `is_plain`, of these *digits* and without a plus.

        Of as many as no number has here, it gives the same reason for all that begin alike: it is asked once.
        """
        begun = digits[:_TELLING], len(digits), text == digits
        if (reason := self._reasons.get(begun)) is not None:
            return NotAPhone(text, *reason)
        outcome = self._normaliser.parse(text)
        if isinstance(outcome, NotAPhone) and self._is_told_by_count(*begun):
            self._reasons[begun] = outcome.code, outcome.reason
        return outcome

    def _is_told_by_count(self, known: str, count: int, is_bare: bool) -> bool:
        """Are all *count* digits that begin with those *known* none, and for the same reason?"""
        if known[0] not in self._alone or known.startswith(self._code) or count in lengths(self._home):
            return False
        if self._normaliser.region_meant(known.ljust(count, "0"), is_bare=is_bare) is not None:
            return False
        try:
            return not settle_former(self._home, known, count - len(known))
        except Unsettled:
            return False

    def settle(self, known: str, left: int, *, plus: bool) -> Reading | None:
        """
        The country's code, and what of *known* is behind it, where `find` answers alike for *known* with any *left* more digits.

        Each of those is then no phone, or the code and its digits. *known*: the first three digits at least, or all. None where
        the answer depends on more than the plans. Raises Unsettled where it depends on the digits that follow.
        """
        if _may_be_date(known + "0" * left):
            return None
        if plus:
            code, rest = split_code(known) or (0, "")
            if not rest.strip("0"):
                return None
            if (others := has_other_readings(code, rest, left)) is not False:
                return _unsettled() if others is None else None
        elif known[0] in self._alone and not known.startswith(self._code):
            code, rest, count = self._home, known, len(known) + left
            if count not in self._told:
                # Too many or too few for any number with the code.
                return None if count in lengths(code) or settle_former(code, known, left) else (code, rest)
        else:
            return self._settle_dialled(known, left)
        plan = _plan(code)
        if plan is None or (plus and plan.prefix is not None and plan.prefix[0].match(rest, left) is not None):
            return None
        plan.settle(rest, left)
        # What is not in use may be a number in another way of writing.
        if (plus or settle_former(code, known, left)) and not assigned(code).is_in_use(rest + "0" * left):
            return None
        return code, rest

    def _settle_dialled(self, known: str, left: int) -> Reading | None:
        """As `settle`, for digits that may begin with what is dialled before a number at home, or with the country's code."""
        code = self._home
        if self._prefixes is None or known.startswith((*_ABROAD, f"0{code}")) or (plan := _plan(code)) is None:
            return None
        if f"0{code}".startswith(known):
            _unsettled()
        abroad, trunk, main = self._prefixes
        if abroad is not None and abroad.match(known, left) is not None:
            return None
        dialled = trunk.match(known, left) if trunk is not None else None
        behind = len(self._code) if known.startswith(self._code) else 1 if known[0] == "0" else 0
        if dialled is not None:
            end, is_rewritten = dialled
            if is_rewritten or behind not in {0, end}:
                return None
            behind = end
        # With and without what stands before it: each may be the number.
        rest = known[behind:]
        if not rest or rest[0] == "0" or rest.startswith(self._code) or (behind and self._code.startswith(rest)):
            return None
        if any(
            prefix is not None and prefix.match(rest, left) is not None
            for prefix in (trunk, main)
            if behind or prefix is main
        ):
            return None
        for number in {known, rest}:
            plan.settle(number, left)
            settle_former(code, number, left)
        some = "0" * left
        digits = known + some
        reading = self._dialling.reading(digits, plus=False)
        national = known if reading is not None and len(reading[1]) == len(digits) else rest
        if reading is None or not assigned(code).is_in_use(reading[1]):
            is_meant = may_mean_another(digits, self._country, plus=False, zero=True)
        elif (others := has_other_readings(code, national, left)) is not False:
            return _unsettled() if others is None else None
        else:
            is_meant = len(digits) <= self._longest and may_be_behind_code(code, digits)
        return None if is_meant else (code, national)

    def settle_modern(self, known: str, left: int) -> Reading | None:
        """
        The country's code, and what of today's plan stands for *known* behind it, of numbers of an earlier plan that are none of today's.

        They are of as many digits as numbers are, with nothing dialled before them, and no plus. Else as `settle`.
        """
        code, count = self._home, len(known) + left
        if self._prefixes is None or known.startswith(("0", self._code)) or _may_be_date(known + "0" * left):
            return None
        if count not in self._told or (plan := _plan(code)) is None:
            return None
        if any(prefix is not None and prefix.match(known, left) is not None for prefix in self._prefixes):
            return None
        main, modern = self._prefixes[-1], settle_modern(code, known, left)
        if modern is None or (main is not None and main.match(modern, left) is not None):
            return None
        plan.settle(known, left)
        plan.settle(modern, left)
        return None if assigned(code).is_in_use(known + "0" * left) else (code, modern)

    def counts(self, first: str) -> frozenset[int]:
        """How many digits may be a phone that begin with the digit *first* and no plus, and are cut out of more."""
        return _ANY_COUNT if first in self._before or first == self._code[0] else self._lengths

    def may_be_set(self, groups: tuple[int, ...]) -> bool:
        """May a number be set in *groups*, told by their lengths, that is neither dialled abroad nor has a plus before it?"""
        return not self._home or grouping(self._home).may_be_set_so(groups)

    def leads_abroad(self, digits: str) -> bool:
        """Do *digits* begin with what is dialled for other countries, here or elsewhere?"""
        return digits.startswith(_ABROAD) or self._dialling.from_abroad(digits) is not None

    def begins_number(self, group: str) -> bool:
        """
        Does nothing but a number as it is given out begin with this *group* of digits, if its groups are as they should be?

        Its country's code without a plus is a group by itself.
        """
        if group[0] not in self._alone:
            return False
        behind = len(self._code)
        return not self._code.startswith(group[:behind]) or group[behind : behind + 1] in self._alone

    def shapes(self, head: str) -> Iterator[tuple[int, ...]]:
        """In which groups a number may be set that begins with the digits *head*, and the first of which is one that `begins_number`."""
        for length in self._lengths:
            yield from grouping(self._home).shapes(length, head)

    def _may_be_another(self, reading: Reading, digits: str, *, plus: bool) -> bool:
        """Can there be an `other_reading` of *digits*, which are a number in use by their *reading*?"""
        code, national = reading
        # Longer than any number of the country it begins with the code, and else it may begin with an area's.
        if (
            not plus
            and (digits.startswith("0") or len(digits) <= self._longest)
            and may_be_behind_code(self._home, digits)
        ):
            return True
        return has_other_readings(code, national, 0) is not False


def _unsettled() -> Never:
    raise Unsettled


def _may_be_date(digits: str) -> bool:
    return len(digits) in _COMPACT_DATES and digits.startswith(_CENTURIES)


def _is_as_long(reading: Reading | None) -> bool:
    """Has the number as many digits as numbers with its code have?"""
    return reading is not None and len(reading[1]) in lengths(reading[0])


def _first_dialled(code: int, region: str, behind: Iterable[int] = (_MOST_BEHIND,)) -> frozenset[str]:
    """
    The digits with which anything begins that is dialled in *region* before a number, or 00. Its country *code* is not there.

    *behind* are the counts of digits that may follow: with fewer, an area that is left out may be one that is dialled.
    """
    plan = plan_of(code, region)
    first = {"0"}
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


def _prefixes(code: int, region: str) -> tuple[Prefix | None, Prefix | None, Prefix | None] | None:
    """What is dialled in *region* to other countries, and before a number there and in the main region with its *code*."""
    plan, main = plan_of(code, region), plan_of(code, phonenumbers.region_code_for_country_code(code))
    patterns = plan.international_prefix, plan.national_prefix_for_parsing, main.national_prefix_for_parsing
    try:
        abroad, trunk, other = (Prefix(pattern) if pattern else None for pattern in patterns)
    except ValueError:  # a new release of the library writes its patterns another way
        return None
    return abroad, trunk, other


def _may_be_unassigned(reading: Reading, digits: str, *, plus: bool) -> bool:
    """Is a number that nobody gave out one as long as those that are recorded, and itself when it is read again?"""
    code, national = reading
    main_lengths, has_trunk = _main(code)
    if len(national) not in main_lengths or (has_trunk and national.startswith("0")):
        return False
    whole = f"{code}{national}"
    if not (plus and whole == digits) and dialling(None).reading(whole, plus=True) != reading:
        return False
    return not is_local(code, national)


@functools.cache
def _main(code: int) -> tuple[frozenset[int], bool]:
    """The lengths of numbers of the main region with *code*, and whether a 0 is dialled before them."""
    region = phonenumbers.region_code_for_country_code(code)
    return lengths_of(code, region), plan_of(code, region).national_prefix == "0"


@functools.cache
def _plan(code: int) -> Plan | None:
    try:
        return Plan(code)
    except ValueError:  # a new release of the library writes its patterns another way
        return None


@functools.lru_cache(1 << 13)
def _asked(digits: str, plus: bool, country: str | None) -> PhoneNumber | None:
    outcome = parse_phone(f"+{digits}" if plus else digits, country)
    return outcome if isinstance(outcome, PhoneNumber) else None


def is_mobile_phone(e164: str) -> bool:
    """Is this phone of a kind that is written without a trunk prefix as well?"""
    split = split_code(e164[1:])
    return split is not None and assigned(split[0]).is_mobile(split[1])


# As many as there are countries with desks.
@functools.lru_cache(32)
def bare_digits(country: str | None) -> BareDigits:
    """The one of *country* that all texts share."""
    return BareDigits(country)
