"""
Runs of groups of digits, cut into phones and what is none, such that the groups stand as people write them. Pure.

A run is what signs of phones alone keep apart: "212 555 0100 (213) 555-0101 2". Each way to cut it has a cost, and the
cheapest is taken: a phone costs little in groups that its country uses and more in odd ones; a number that is left over
costs the more the longer it is. So a house number does not become a phone's first digits, nor a phone's end a house number.
Where another cut is as good, a run's part is no phone: it is for a person to say.
"""

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from phonenumbers import PhoneMetadata

from store.phones.bare import bare_digits
from store.phones.dates import COMPACT, YEAR
from store.phones.dialling import split_code
from store.phones.grouping import cuts_of, grouping
from store.phones.groups import FEWEST_DIGITS, SHORTEST, Run
from store.phones.numbers import NotAPhone, PhoneNumber
from store.phones.ranges import NO_NUMBER, Range, Ranges

MOST_DIALLED: Final = 18  # digits, with 00 or 011 before them
_MOST_WITH_CODE: Final = 15  # E.164
_MOST_GROUPS: Final = 8
_MOST_GROUPINGS: Final = 500  # of a range, that are kept
_MOST_SETTINGS: Final = 1 << 13  # of a country, that are kept
_SHORT_RUN: Final = 24  # groups; of more, it is a list or noise
# What most often stands between two groups, none of it for its looks alone.
_PARTING: Final = frozenset({" ", "-", ".", "/", ") ", ")", " ("})
_FORMATTING: Final = frozenset({"*", "_", "~", "`"})
_ABROAD: Final = ("00", "011")

# Costs. A phone of an odd look is dearer than a number or two beside a good one, and cheaper than three.
_GOOD, _ODD, _TORN = 1.0, 3.0, 7.0
_BEGINS_ANEW = 2.0  # more, where a group within begins as a number does
_NO_TRUNK = 0.5  # more, where the other cut has the 0 with which numbers are written
_FLAGGED = 3.0  # more, when no such number is in use
_LEFT_SMALL, _LEFT, _LEFT_LONG = 1.0, 2.0, 6.0
_LEFT_PLUS = 5.0  # more: behind a plus nothing but a number makes sense
_COMPACT_DATE, _TIGHT_DATE, _SHORT_DATE, _SPACED_DATE = 0.5, 0.75, 1.0, 1.5
_DATED: Final = frozenset({"/", ".", "-"})


# Lengths of groups, one after the other, as a tree; `_WHOLE` says that they may be all of a number.
_Shapes = dict[int, "_Shapes"]
_WHOLE: Final = -1
_HEAD: Final = 1  # digits of a number's beginning by which its shapes are told
_MOST_ASKED: Final = 4  # digits of a first group: a country's code, and the one behind it


@dataclass(slots=True)
class Segment:
    """
    The groups *first* to *after* (excluded) of a run: their *digits* are those of one of *numbers*, or left over.

    *look*: how its groups stand for such a number. *is_date*: they are a day, in one group or with blanks.
    """

    first: int
    after: int
    digits: str = ""
    numbers: Range = NO_NUMBER
    look: float = 0.0
    is_date: bool = False

    @property
    def number(self) -> PhoneNumber | None:
        return self.numbers.number(self.digits)


class RunPlan:
    """What numbers of the *country* in force look like: its region code, or None."""

    def __init__(self, country: str | None) -> None:
        self._bare = bare_digits(country)
        plan = PhoneMetadata.metadata_for_region(country) if country else None
        fixed = plan.fixed_line.possible_length if plan and plan.fixed_line else ()
        mobile = plan.mobile.possible_length if plan and plan.mobile else ()
        lengths = {*fixed, *mobile}
        self.has_trunk = bool(plan and plan.national_prefix == "0")
        self._wants_trunk = self.has_trunk and len(set(fixed)) >= 4
        self._has_dates = bool(plan and not plan.national_prefix and 8 in lengths)
        # A few islands have whole kinds of numbers with less than seven digits.
        kinds = (set(kind) - {-1} for kind in (fixed, mobile))
        short = [min(kind) for kind in kinds if kind and max(kind) <= FEWEST_DIGITS]
        self.fewest = max(SHORTEST, min([FEWEST_DIGITS, *short]))
        # The range in which `number` is, of digits that can be one's by how many they are.
        self.range = Ranges(self._bare, self._asked).find
        # What is asked of many groups of one text; what is met of more is noise.
        self.may_be_good = functools.lru_cache(_MOST_SETTINGS)(self._may_be_good)
        self._shapes: dict[str, _Shapes | None] = {}
        self._trees: dict[str, _Shapes] = {}

    def _may_be_good(self, groups: tuple[int, ...], has_trunk: bool) -> bool:
        """
        May these *groups*, told by their lengths, be in good looks, where they are no number that leads abroad and have no plus?

        *has_trunk*: they begin with a 0.
        """
        if has_trunk and (_is_even(groups) or _is_behind_area(groups)):
            return True
        return self._bare.may_be_set(groups)

    def leads_abroad(self, digits: str) -> bool:
        """Do *digits* begin with what is dialled for other countries?"""
        return self._bare.leads_abroad(digits)

    def shapes(self, group: str) -> "_Shapes | None":
        """
        How a phone without a plus may be set whose first group this is; None if nothing is known of it.

        What it says is a superset: its first digits alone are asked.
        """
        key = group[:_MOST_ASKED]
        try:
            return self._shapes[key]
        except KeyError:
            known = self._tree(key[:_HEAD]) if self._bare.begins_number(key) else None
            self._shapes[key] = known
            return known

    def _tree(self, head: str) -> "_Shapes":
        if (tree := self._trees.get(head)) is not None:
            return tree
        tree = self._trees[head] = {}
        for shape in self._bare.shapes(head):
            if sum(shape) >= self.fewest and len(shape) <= min(_MOST_GROUPS, sum(shape) // 2 + 1):
                node = tree
                for length in shape:
                    node = node.setdefault(length, {})
                node[_WHOLE] = {}
        return tree

    def number(self, digits: str, *, plus: bool, whole: bool = True) -> PhoneNumber | None:
        """
        The phone that *digits* are; None for none, and for one of few digits that is not in use.

        *whole*: they are not cut out of a run of more.
        """
        if not 0 < len(digits) <= MOST_DIALLED:
            return None
        return self.range(digits, plus=plus, whole=whole).number(digits)

    def alone(self, text: str, digits: str) -> PhoneNumber | NotAPhone:
        """What the parser reads in a *text* that `is_plain`, of these *digits* and without a plus."""
        number = self.number(digits, plus=False)
        # What `_asked` leaves out.
        if number is None and (len(digits) <= FEWEST_DIGITS or digits[0] in "01"):
            number = self._bare.find(digits, plus=False)
        return number or self._bare.parse(text, digits)

    def _asked(self, digits: str, plus: bool, whole: bool) -> PhoneNumber | None:
        count = len(digits)
        if count < (FEWEST_DIGITS - 1 if plus else self.fewest):
            return None
        if count > _MOST_WITH_CODE and not digits.startswith(_ABROAD):
            return None
        found = self._bare.find(digits, plus=plus, whole=whole)
        # What the library allows for its length alone: seven digits, or +1 with an area that begins with 0 or 1.
        if found is not None and found.flagged and (count <= FEWEST_DIGITS or found.e164.startswith(("+10", "+11"))):
            return None
        return found

    def counts(self, first: str) -> frozenset[int]:
        """How many digits may be a phone that begin with the digit *first* and no plus, and are cut out of a run."""
        return self._bare.counts(first)

    def lacks_trunk(self, digits: str, numbers: Range) -> bool:
        """
        Is the 0 missing with which one of *numbers*, written in these *digits*, is written at home?

        Where numbers have many lengths, nearly any digits would be one without it; a mobile's may have been lost.
        """
        if not self._wants_trunk or numbers.assumed is None or digits.startswith("0"):
            return False
        return not numbers.is_mobile

    def may_be_day(self, digits: str) -> bool:
        """Are *digits*, which are a day, a phone of the country as well?"""
        return self._has_dates and len(digits) == 8 and self.number(digits, plus=False) is not None


@functools.lru_cache(32)
def plan(country: str | None) -> RunPlan:
    return RunPlan(country)


def segments(run: Run, plan: RunPlan) -> list[Segment]:
    """*run* in its cheapest segments; of a long one, phones in good looks and the rest."""
    whole = _fitting(run, 0, len(run), plan)
    if whole is not None and whole.look == _GOOD:
        return [whole]  # nothing is cheaper
    if len(run.digits) == 1 and len(run.digits[0]) >= FEWEST_DIGITS and not COMPACT.fullmatch(run.digits[0]):
        return [whole or Segment(0, 1)]  # what is left over is dearer
    if len(run) <= _SHORT_RUN:
        return _cheapest(run, plan, whole)
    found: list[Segment] = []
    left = 0
    for phone in _good_phones(run, plan):
        if phone.first > left:
            found.append(Segment(left, phone.first))
        found.append(phone)
        left = phone.after
    if left < len(run):
        found.append(Segment(left, len(run)))
    return found


def _good_phones(run: Run, plan: RunPlan) -> Iterator[Segment]:
    """The phones in good looks of a long run, in order and none in another: of those that may begin with a group, the only one."""
    # How such phones are set is known where nothing stands between their groups for its looks alone.
    for_looks = any(_FORMATTING.intersection(between) for between in set(run.between))
    fewest, shapes = plan.fewest, _nothing_known if for_looks else plan.shapes
    lengths = [*map(len, run.digits), 0]
    text, places = "".join(run.digits), list(itertools.accumulate(lengths, initial=0))
    following = [0 if plus else length for plus, length in zip([*run.plus, False], lengths, strict=True)]
    start, count = 0, len(run)
    while start < count:
        plus, has_trunk = run.plus[start], run.digits[start][0] == "0"
        if plus or (known := shapes(run.digits[start])) is None:
            asks_looks = not (plus or for_looks)
            ends = _ends_of_any(run, lengths, start, plan)
        else:
            asks_looks = False
            length = lengths[start]
            ends = [start + 1] if fewest <= length <= MOST_DIALLED else []
            node = known.get(length)
            after = start + 1
            while node is not None:
                if _WHOLE in node:
                    ends.append(after)
                node = node.get(following[after])
                after += 1
        only: Segment | None = None
        for after in ends:
            digits, is_alone = text[places[start] : places[after]], after == start + 1
            groups = () if is_alone else tuple(lengths[start:after])
            # Of digits that stand like no number it need not be asked whether they are one.
            if asks_looks and not (is_alone or plan.may_be_good(groups, has_trunk) or plan.leads_abroad(digits)):
                continue
            numbers = plan.range(digits, plus=plus, whole=is_alone)
            if numbers is NO_NUMBER:
                continue
            if is_alone:
                is_good = plus or not _is_compact(digits)
            else:
                # Asked here for most, before all that a look may depend on.
                usual = None if for_looks else numbers.usual.get(groups)
                is_good = usual or (
                    (usual is None or (has_trunk and _is_even(groups))) and _is_good(run, start, after, digits, numbers)
                )
            if is_good:
                if only is not None:
                    only = None
                    break
                only = Segment(start, after, digits, numbers, _GOOD + _FLAGGED * numbers.flagged)
        if only is not None:
            yield only
            start = only.after
        else:
            start += 1


def _nothing_known(_group: str) -> None:
    return None


def _ends_of_any(run: Run, lengths: list[int], first: int, plan: RunPlan) -> list[int]:
    """The places behind the last group of a phone that may begin with the group *first*; *lengths* are those of all groups."""
    count = lengths[first]
    counts = None if run.plus[first] else plan.counts(run.digits[first][0])
    fewest = plan.fewest
    ends = [first + 1] if fewest <= count <= MOST_DIALLED else []
    for after in range(first + 2, min(len(run.digits), first + _MOST_GROUPS) + 1):
        count += lengths[after - 1]
        if count > MOST_DIALLED or run.plus[after - 1]:
            break
        if (counts is None or count in counts) and count >= fewest and after - first <= count // 2 + 1:
            ends.append(after)
    return ends


def _cheapest(run: Run, plan: RunPlan, whole: Segment | None) -> list[Segment]:
    """The segments of *run* that cost least together; *whole* is the phone that all of it is."""
    count = len(run)
    costs = [0.0] * (count + 1)
    chosen: list[Segment] = [Segment(0, 0)] * count
    for first in range(count - 1, -1, -1):
        digits, plus = run.digits[first], run.plus[first]
        cost = _cost_left(digits) + _LEFT_PLUS * plus + costs[first + 1]
        cut = Segment(first, first + 1)
        if first + 1 < count or len(digits) >= FEWEST_DIGITS:
            for day in _days(run, first):
                if (other := day.look + costs[day.after]) < cost:
                    cost, cut = other, day
        for after in _ends(run, first):
            phone = whole if after - first == count else _fitting(run, first, after, plan)
            if phone is None:
                continue
            other = phone.look + costs[after]
            if plan.has_trunk and not (plus or digits[0] == "0"):
                other += _NO_TRUNK
            if other < cost or (other == cost and after > cut.after):
                cost, cut = other, phone
        costs[first], chosen[first] = cost, cut
    found = []
    start = 0
    while start < count:
        found.append(chosen[start])
        start = chosen[start].after
    return found


def _ends(run: Run, first: int) -> Iterator[int]:
    """The places behind the last group of a phone that may begin with the group *first*."""
    count = 0
    for after in range(first + 1, min(len(run), first + MOST_DIALLED) + 1):
        if after > first + 1 and run.plus[after - 1]:
            return
        count += len(run.digits[after - 1])
        if count > MOST_DIALLED:
            return
        if count < SHORTEST:
            continue
        # Digits are spelt one by one only where nothing else stands beside them.
        if after - first <= min(_MOST_GROUPS, count // 2 + 1) or (after - first == count == len(run)):
            yield after


def _fitting(run: Run, first: int, after: int, plan: RunPlan) -> Segment | None:
    """The phone that these groups are, and the cost of its look; None if they are none."""
    begun, plus, count = run.digits[first], run.plus[first], after - first
    if count > 1:
        if count > MOST_DIALLED or True in run.plus[first + 1 : after]:
            return None
        digits = "".join(run.digits[first:after])
    else:
        digits = begun
    if len(digits) > MOST_DIALLED:
        return None
    whole = count in {1, len(run.digits)}
    if not (whole or plus) and len(digits) not in plan.counts(digits[0]):
        return None
    if (numbers := plan.range(digits, plus=plus, whole=whole)) is NO_NUMBER:
        return None
    look = _look(run, first, after, digits, numbers) + _FLAGGED * numbers.flagged
    return Segment(first, after, digits, numbers, look)


def _is_good(run: Run, first: int, after: int, digits: str, numbers: Range) -> bool:
    return _look(run, first, after, digits, numbers, wants_good=True) == _GOOD


def _look(run: Run, first: int, after: int, digits: str, numbers: Range, *, wants_good: bool = False) -> float:
    """
    The cost of how these groups stand for the one of *numbers* that has their *digits*.

    *wants_good*: of what is not in good looks it need not be the right one.
    """
    begun, plus = run.digits[first], run.plus[first]
    if after == first + 1:
        return _GOOD if plus or not _is_compact(begun) else _ODD
    lengths = [*map(len, run.digits[first:after])]
    inner = run.between[first + 1 : after]
    if not _PARTING.issuperset(inner):
        lengths = _joined(lengths, inner)
    has_trunk = begun[0] == "0"
    if _is_usual(numbers, digits, tuple(lengths), has_trunk=has_trunk, plus=plus):
        return _GOOD
    if wants_good and not has_trunk:
        return _ODD
    anew = _begins_anew(run, first, after)
    if has_trunk and not anew and _is_even(lengths) and len(_signs(inner)) == 1:
        return _GOOD
    return anew + (_TORN if 1 in lengths[1:] else _ODD)


def _joined(lengths: list[int], inner: list[str]) -> list[int]:
    """The *lengths* of groups, without the cuts where what stands between is there for its looks alone."""
    joined = lengths[:1]
    for between, length in zip(inner, lengths[1:], strict=True):
        if between not in _PARTING and _FORMATTING.issuperset(between):
            joined[-1] += length
        else:
            joined.append(length)
    return joined


def _signs(inner: list[str]) -> set[str]:
    """What stands between groups, all but the first two of them."""
    apart = [between for between in inner if not _FORMATTING.issuperset(between)]
    return set(apart[1:])


def _begins_anew(run: Run, first: int, after: int) -> float:
    """The cost of all places within these groups where another number may begin."""
    cost, left = 0.0, sum(map(len, run.digits[first:after]))
    for at in range(first + 1, after):
        left -= len(run.digits[at - 1])
        digits = run.digits[at]
        if left >= FEWEST_DIGITS and digits[0] == "0" and len(digits) > 2 and " " in run.between[at]:
            cost += _BEGINS_ANEW
    return cost


def _is_compact(digits: str) -> bool:
    return len(digits) == 8 and COMPACT.fullmatch(digits) is not None


def _cost_left(digits: str) -> float:
    if len(digits) <= 2 or (len(digits) == 4 and YEAR.fullmatch(digits)):
        return _LEFT_SMALL
    return _LEFT if len(digits) < FEWEST_DIGITS else _LEFT_LONG


def _days(run: Run, first: int) -> Iterator[Segment]:
    """Days that begin with the group *first*, as they are written in one group, with blanks, or without a year."""
    digits = run.digits[first]
    if len(digits) >= 8 and not run.plus[first] and COMPACT.fullmatch(digits):
        yield Segment(first, first + 1, look=_COMPACT_DATE, is_date=True)
    signs = run.between[first + 1 : first + 3]
    if len(signs) == 2 and signs[0] == signs[1]:
        one, two, three = run.digits[first : first + 3]
        if signs[0] == " " and is_day(one, two, three):
            yield Segment(first, first + 3, look=_SPACED_DATE, is_date=True)
        if (
            signs[0] in _DATED
            and len(three) == 2
            and (is_day(one, two, "2000") or (len(one) == 2 and is_day(two, three, "2000")))
        ):
            yield Segment(first, first + 3, look=_TIGHT_DATE, is_date=True)
    if signs and signs[0] in {"/", "."} and is_day(digits, run.digits[first + 1], "2000"):
        yield Segment(first, first + 2, look=_SHORT_DATE, is_date=True)


def is_day(one: str, two: str, three: str) -> bool:
    """Are these day, month and year, in one of the usual orders?"""
    if len(one) == 4:
        one, three = three, one
    return (
        len(one) <= 2
        and len(two) <= 2
        and YEAR.fullmatch(three) is not None
        and 1 <= min(int(one), int(two)) <= 12
        and 1 <= max(int(one), int(two)) <= 31
    )


def is_clear(run: Run, found: list[Segment], index: int, plan: RunPlan) -> bool:
    """
    Is it beyond doubt where the phone of the segment *index* begins and ends?

    In groups as they should be it is, unless a small number behind it could be its end. In odd ones only where nothing
    long is beside it, and, if nothing shows where it begins, nothing else at all.
    """
    phone = found[index]
    first, plus = phone.first, run.plus[phone.first]
    if phone.numbers is NO_NUMBER:
        return True
    before = found[index - 1] if index else None
    behind = found[index + 1] if index + 1 < len(found) else None
    if behind is not None and behind.numbers is NO_NUMBER and not behind.is_date and phone.numbers.assumed is not None:
        following = run.digits[behind.first]
        # A blank before it, or the dash before an extension that is dialled: 030 123456-01.
        if len(following) <= 3 and run.between[behind.first].lstrip(" ") in {"", "-"}:
            longer = plan.number(phone.digits + following, plus=plus, whole=False)
            if longer is not None and not longer.flagged:
                return False
    if phone.look - _FLAGGED * phone.numbers.flagged == _GOOD:
        return True
    is_begun = plus or run.digits[first][0] == "0" or run.opened(first) < run.starts[first]
    if phone.numbers.flagged and not plus:
        return False
    if _is_long(run, found, index, 1) or (_is_long(run, found, index, -1) and not is_begun):
        return False
    groups = tuple(map(len, run.digits[first : phone.after]))
    is_alone = len(found) == 1 or ((before is None or before.is_date) and (behind is None or behind.is_date))
    return is_begun or is_alone or _is_even(groups)


def _is_long(run: Run, found: list[Segment], index: int, step: int) -> bool:
    """Is more than a small number left over beside the segment *index*: behind it, with *step* 1, or before it, with -1?"""
    digits = 0
    index += step
    while 0 <= index < len(found) and found[index].numbers is NO_NUMBER and not found[index].is_date and digits <= 2:
        digits += sum(map(len, run.digits[found[index].first : found[index].after]))
        index += step
    return digits > 2


def _is_even(groups: Sequence[int]) -> bool:
    """Are all groups but the first as long, or nearly so?"""
    inner = groups[1:]
    return len(inner) >= 2 and min(inner) >= 2 and max(inner) <= 4 and max(inner) - min(inner) <= 1


def _is_behind_area(groups: Sequence[int]) -> bool:
    """Are they two, of an area and what is behind it?"""
    return len(groups) == 2 and groups[0] >= 2 and groups[1] >= 4


def _is_usual(numbers: Range, digits: str, groups: tuple[int, ...], *, has_trunk: bool, plus: bool) -> bool:
    """Do the *digits* of one of *numbers* stand in *groups*, told by their lengths, as the library would set them, or in fewer?"""
    usual = numbers.usual.get(groups)
    if usual is None:
        number = numbers.number(digits)
        usual = number is not None and (
            max(groups) == 1  # spelt
            or _is_set_so(number.e164, groups, has_trunk=has_trunk, plus=plus)
        )
        if len(numbers.usual) < _MOST_GROUPINGS:
            numbers.usual[groups] = usual
    return usual


def _is_set_so(e164: str, groups: tuple[int, ...], *, has_trunk: bool, plus: bool) -> bool:
    if len(groups) == 1 or (has_trunk and _is_behind_area(groups)):
        return True
    if e164.startswith("+55") and groups[-3:] == (1, 4, 4):
        groups = (*groups[:-3], 5, 4)  # the ninth digit, which many still set apart in Brazil
    if (split := split_code(e164[1:])) is None:
        return False
    code, national = split
    count = len(national)
    # A country's code without a plus is told from the area's by what stands between.
    if not (has_trunk or plus) and sum(groups) > count and sum(groups[1:]) < count:
        return False
    return grouping(code).is_set_so(national, cuts_of(groups, count))
