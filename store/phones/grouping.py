"""
Groups in which the digits of a number are set: those of the library's formats, by how the number begins. Pure.

Where a group ends is told by a cut: how many digits of the number stand behind it. Codes and prefixes before the number
do not move its cuts.
"""

import functools
import itertools
import re
from collections.abc import Iterator
from typing import Final

import phonenumbers
from phonenumbers import NumberFormat

from store.phones.dialling import lengths
from store.phones.numbers import E164_LENGTHS
from store.phones.plans import Patterns, Unsettled, plan_of

Cuts = frozenset[int]

_NO_CUTS: Final[Cuts] = frozenset()
# How all formats are written: groups of so many digits, of any kind. Then where they are cut follows from how many there are.
_OF_ANY_DIGITS: Final = re.compile(r"(?:\(\\d(?:\{[0-9,]+\})?\))+")
_OPENED: Final = re.compile(r"\((?!\?)")
_BRAZIL: Final = 55


class _Format:
    """A format of the library's: what a number begins with that is set in it, and how."""

    def __init__(self, written: NumberFormat) -> None:
        pattern, begins = written.pattern or "", written.leading_digits_pattern
        self.is_of_any_digits = _OF_ANY_DIGITS.fullmatch(pattern) is not None
        self._pattern, self._set = re.compile(pattern), written.format or ""
        self.begins = begins[-1] if begins else ""
        self.condition = f"(?={self.begins})" if begins else ""
        # Of several the first is the coarsest, and the quickest to take apart.
        self._coarsest = begins[0] if begins else None
        self._automaton: tuple[Patterns, int] | None = None
        if not self.is_of_any_digits:
            self.condition += f"(?={_OPENED.sub('(?:', pattern)}$)"

    def may_begin(self, head: str) -> bool:
        """May a number that is set so begin with the digits *head*?"""
        if self._coarsest is None:
            return True
        if self._automaton is None:
            try:
                self._automaton = _automaton([self._coarsest])
            except ValueError:  # a new release of the library writes its patterns another way
                self._coarsest = None
                return True
        patterns, start = self._automaton
        return patterns.walk(start, head) != Patterns.NOWHERE

    def fits(self, count: int) -> bool:
        """May a number of *count* digits be set so?"""
        return not self.is_of_any_digits or self._pattern.fullmatch("0" * count) is not None

    def cuts(self, national: str) -> Cuts:
        """The cuts of *national*; none if it does not fit."""
        found = self._pattern.fullmatch(national)
        if found is None:
            return _NO_CUTS
        groups = "".join(char if char.isdigit() else " " for char in found.expand(self._set)).split()
        return cuts_of(tuple(map(len, groups)), len(national))


class Grouping:
    """The formats of numbers with a country *code*, at home and from abroad."""

    def __init__(self, code: int) -> None:
        self._code = code
        plan = plan_of(code, phonenumbers.region_code_for_country_code(code))
        # From abroad there are often the same.
        lists = (plan.number_format, plan.intl_number_format)
        self._lists = [[_Format(one) for one in formats] for formats in lists if formats]
        self._choices: dict[int, list[_Choice]] = {}
        self.is_known = all(one.is_of_any_digits for formats in self._lists for one in formats)
        self._counts = [count for count in lengths(code) if len(f"+{code}") + count in E164_LENGTHS]
        self._fewest = min(self._counts, default=0)

    def is_set_so(self, national: str, cuts: Cuts) -> bool:
        """Does the library set the number *national* with these *cuts*, or with these and more?"""
        for choice in self._choices_of(len(national)):
            if cuts <= choice.cuts(national):
                return True
        return not cuts

    def may_be_set_so(self, groups: tuple[int, ...]) -> bool:
        """Does the library set some number in *groups*, told by their lengths, or in these and more, whatever stands before it?"""
        if not self.is_known or groups[-1] >= self._fewest:
            return True
        if self._code == _BRAZIL and groups[-3:] == (1, 4, 4):
            groups = (*groups[:-3], 5, 4)
        ends = list(itertools.accumulate(reversed(groups[1:])))
        return any(all(end in cuts for end in ends if end < count) for count, cuts in self._cut_at.get(groups[-1], ()))

    @functools.cached_property
    def _cut_at(self) -> dict[int, set[tuple[int, Cuts]]]:
        """By each cut: how many digits the numbers have that are cut there, and all their cuts."""
        cut_at: dict[int, set[tuple[int, Cuts]]] = {}
        formats = itertools.chain.from_iterable(self._lists)
        for count, one in itertools.product(self._counts, formats):
            cuts = one.cuts("0" * count)
            for cut in cuts:
                cut_at.setdefault(cut, set()).add((count, cuts))
        return cut_at

    def settled(self, known: str, left: int) -> tuple[Cuts, ...]:
        """
        The cuts of all numbers of *known* and *left* more digits, as each list of formats has them.

        Raises Unsettled if they depend on the digits that follow.
        """
        return tuple(choice.settled(known, left) for choice in self._choices_of(len(known) + left))

    def _choices_of(self, count: int) -> "list[_Choice]":
        if (choices := self._choices.get(count)) is None:
            choices = self._choices[count] = [_Choice(formats, count) for formats in self._lists]
        return choices

    def shapes(self, count: int, head: str) -> Iterator[tuple[int, ...]]:
        """
        The ways in which some number of *count* digits that begins with *head* may be set in two groups or more, by their lengths.

        To be asked only if `is_known`.
        """
        sample = "0" * count
        formats = [one for formats in self._lists for one in formats if one.may_begin(head)]
        for cuts in {one.cuts(sample) for one in formats if one.fits(count)}:
            for kept in itertools.chain.from_iterable(
                itertools.combinations(sorted(cuts, reverse=True), size) for size in range(1, len(cuts) + 1)
            ):
                shape = tuple(before - after for before, after in itertools.pairwise((count, *kept, 0)))
                yield shape
                if self._code == _BRAZIL and shape[-2:] == (5, 4):
                    yield (*shape[:-2], 1, 4, 4)


@functools.cache
def grouping(code: int) -> Grouping:
    return Grouping(code)


@functools.lru_cache(1 << 12)
def cuts_of(groups: tuple[int, ...], national: int) -> Cuts:
    """The cuts of *groups*, told by their lengths, within a number of *national* digits."""
    return frozenset(count for count in itertools.accumulate(reversed(groups[1:])) if count < national)


class _Choice:
    """The format that the library takes for a number of *count* digits: the first whose beginning and digits are the number's."""

    def __init__(self, formats: list[_Format], count: int) -> None:
        self._formats = [one for one in formats if one.fits(count)]
        # One pattern for all: its group that took part says which it is.
        self._begins = re.compile("|".join(f"({one.condition})" for one in self._formats) or "(?!)")
        self._cuts = [one.cuts("0" * count) if one.is_of_any_digits else None for one in self._formats]
        self._automaton: tuple[Patterns, int] | None = None

    def settled(self, known: str, left: int) -> Cuts:
        """As `Grouping.settled`."""
        if None in self._cuts:
            raise Unsettled
        if self._automaton is None:
            try:
                self._automaton = _automaton([one.begins for one in self._formats])
            except ValueError:  # as above
                raise Unsettled from None
        patterns, start = self._automaton
        fitting = patterns.settled(patterns.walk(start, known), left)
        if fitting is None:
            raise Unsettled
        return (self._cuts[min(fitting)] if fitting else None) or _NO_CUTS

    def cuts(self, national: str) -> Cuts:
        found = self._begins.match(national)
        if found is None or found.lastindex is None:
            return _NO_CUTS
        cuts = self._cuts[found.lastindex - 1]
        return self._formats[found.lastindex - 1].cuts(national) if cuts is None else cuts


def _automaton(begins: list[str]) -> tuple[Patterns, int]:
    """The patterns for what numbers begin with, and the state before the first digit."""
    patterns = Patterns()
    return patterns, patterns.start([patterns.add(begun, whole=False) for begun in begins])
