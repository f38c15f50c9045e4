"""
Numbering plans, asked about all numbers at once that begin with the same digits.

Metadata: https://github.com/google/libphonenumber, as `phonenumbers` ships it.
"""

import threading
from collections.abc import Callable
from typing import Final

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc

_ANY_DIGIT: Final = (1 << 10) - 1
_UNBOUNDED: Final = 20  # stands for "or more": no number that is looked at has as many digits
# Makes the states of a piece of a pattern, given the state that follows it.
_Piece = Callable[[int], int]


# Two states must not get the same number.
_NUMBERING: Final = threading.Lock()


class Unsettled(Exception):  # noqa: N818 - asks for one more digit
    """The plan's answer depends on digits that were not given."""


class Patterns:
    r"""
    Patterns over digits, run side by side as one automaton whose states are made when first met.

    It knows the dialect of phonenumbers' metadata: digits, `\d`, classes, groups, `|`, `?`, `*`, `+`, `{m,n}` and `$`.
    Anything else is a ValueError. States are numbers; `NOWHERE` is the one out of which nothing matches. Threads may share one
    once all patterns are added.
    """

    NOWHERE: Final = 0

    def __init__(self) -> None:
        self._digits: list[int] = []  # by part: the digits it takes, as bits; 0 for none
        self._next: list[int] = []
        self._free: list[tuple[int, ...]] = []  # parts reached without a digit
        self._at_end: list[int | None] = []  # the part reached at the end of the number
        self._marks: dict[int, int] = {}  # pattern by its last part
        self._sets: list[frozenset[int]] = [frozenset()]
        self._numbers: dict[frozenset[int], int] = {frozenset(): self.NOWHERE}
        self._steps: dict[int, int] = {}
        self._matched: dict[tuple[int, bool], frozenset[int]] = {}
        self._settled: dict[tuple[int, int], frozenset[int] | None] = {}
        self._later: dict[tuple[int, int], bool] = {}

    def add(self, pattern: str, *, whole: bool) -> int:
        """
        Add *pattern*; returns its first part, for `start`.

        *whole*: it must match all of a number; otherwise its beginning, and then it stays matched.
        """
        build, position = self._alternatives(pattern, 0)
        if position != len(pattern):
            raise ValueError(f"unbalanced: {pattern}")
        last = self._part()
        self._marks[last] = len(self._marks)
        if not whole:
            self._digits[last], self._next[last] = _ANY_DIGIT, last
        return build(last)

    def start(self, parts: list[int]) -> int:
        """The state before the first digit, with the patterns that begin at *parts*."""
        return self._state(set(parts))

    def step(self, state: int, digit: int) -> int:
        key = state * 10 + digit
        if (following := self._steps.get(key)) is None:
            bit = 1 << digit
            following = self._state({self._next[part] for part in self._sets[state] if self._digits[part] & bit})
            self._steps[key] = following
        return following

    def walk(self, state: int, digits: str) -> int:
        for digit in digits:
            if state == self.NOWHERE:
                break
            state = self.step(state, ord(digit) - 48)
        return state

    def matched(self, state: int, *, ended: bool) -> frozenset[int]:
        """The patterns matched in *state*; *ended*: at the end of the number."""
        if (matched := self._matched.get((state, ended))) is None:
            parts = set(self._sets[state])
            if ended:
                found = list(parts)
                while found:
                    part = found.pop()
                    after = self._at_end[part]
                    reached = (*self._free[part], *(() if after is None else (after,)))
                    found.extend(other for other in reached if other not in parts)
                    parts.update(reached)
            matched = self._matched[state, ended] = frozenset(self._marks[part] for part in parts & self._marks.keys())
        return matched

    def settled(self, state: int, left: int) -> frozenset[int] | None:
        """The patterns matched after *left* more digits, whichever they are; None if it depends on them."""
        if state == self.NOWHERE or left == 0:
            return self.matched(state, ended=True)
        key = (state, left)
        if key not in self._settled:
            ends = iter({self.step(state, digit) for digit in range(10)})
            first = self.settled(next(ends), left - 1)
            same = first is not None and all(self.settled(other, left - 1) == first for other in ends)
            self._settled[key] = first if same else None
        return self._settled[key]

    def may_match_later(self, state: int, left: int) -> bool:
        """Can some of the *left* digits that follow *state* end a match?"""
        if state == self.NOWHERE or left == 0:
            return False
        key = (state, left)
        if key not in self._later:
            self._later[key] = any(
                bool(self.matched(after, ended=left == 1)) or self.may_match_later(after, left - 1)
                for after in {self.step(state, digit) for digit in range(10)}
            )
        return self._later[key]

    def _part(self, digits: int = 0, after: int = -1, free: tuple[int, ...] = (), at_end: int | None = None) -> int:
        self._digits.append(digits)
        self._next.append(after)
        self._free.append(free)
        self._at_end.append(at_end)
        return len(self._digits) - 1

    def _state(self, parts: set[int]) -> int:
        found = list(parts)
        while found:
            reached = [part for part in self._free[found.pop()] if part not in parts]
            parts.update(reached)
            found.extend(reached)
        # Parts that only lead on to others are of no more use, and are the most.
        state = frozenset(part for part in parts if not self._free[part])
        if (known := self._numbers.get(state)) is None:
            with _NUMBERING:
                if (known := self._numbers.get(state)) is None:
                    self._sets.append(state)  # first, for who does not hold the lock
                    known = self._numbers[state] = len(self._sets) - 1
        return known

    def _alternatives(self, pattern: str, position: int) -> tuple[_Piece, int]:
        """What stands at *position*, up to the bracket that closes it, and where that is."""
        branches: list[_Piece] = []
        while True:
            pieces: list[_Piece] = []
            while position < len(pattern) and pattern[position] not in "|)":
                piece, position = self._piece(pattern, position)
                piece, position = self._repeated(piece, pattern, position)
                pieces.append(piece)
            branches.append(self._sequence(pieces))
            if pattern[position : position + 1] != "|":
                break
            position += 1

        def build(after: int) -> int:
            return self._part(free=tuple(branch(after) for branch in branches))

        return (build if len(branches) > 1 else branches[0]), position

    @staticmethod
    def _sequence(pieces: list[_Piece]) -> _Piece:
        def build(after: int) -> int:
            for piece in reversed(pieces):
                after = piece(after)
            return after

        return build

    def _piece(self, pattern: str, position: int) -> tuple[_Piece, int]:
        char = pattern[position]
        if char == "(":
            position += 3 if pattern.startswith("(?:", position) else 1
            build, position = self._alternatives(pattern, position)
            if pattern[position : position + 1] != ")":
                raise ValueError(f"unbalanced: {pattern}")
            return build, position + 1
        if char == "$":
            return lambda after: self._part(at_end=after), position + 1
        if char == "[":
            end = pattern.index("]", position)
            digits = _digits_of_class(pattern[position + 1 : end])
            return lambda after: self._part(digits, after), end + 1
        if pattern.startswith("\\d", position):
            return lambda after: self._part(_ANY_DIGIT, after), position + 2
        if char not in "0123456789":
            raise ValueError(f"{char!r} in {pattern}")
        return lambda after: self._part(1 << int(char), after), position + 1

    def _repeated(self, piece: _Piece, pattern: str, position: int) -> tuple[_Piece, int]:
        sign = pattern[position : position + 1]
        if sign not in {"?", "*", "+", "{"}:
            return piece, position
        end = position + 1
        if sign == "{":
            end = pattern.index("}", position) + 1
            low, comma, high = pattern[position + 1 : end - 1].partition(",")
            least, most = int(low), int(high or (_UNBOUNDED if comma else low))
        else:
            least, most = (1 if sign == "+" else 0), (1 if sign == "?" else _UNBOUNDED)
        if pattern[end : end + 1] in {"?", "*", "+", "{"}:
            raise ValueError(f"a repetition of another kind in {pattern}")

        def build(after: int) -> int:
            out = after
            for _ in range(most - least):
                out = self._part(free=(piece(out), after))
            for _ in range(least):
                out = piece(out)
            return out

        return build, end


def _digits_of_class(text: str) -> int:
    digits, position = 0, 0
    while position < len(text):
        first, last = text[position], text[position]
        if text.startswith("\\d", position):
            first, last, position = "0", "9", position + 2
        elif text[position + 1 : position + 2] == "-":
            last, position = text[position + 2 : position + 3], position + 3
        else:
            position += 1
        if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
            raise ValueError(f"[{text}]")
        for digit in range(int(first), int(last) + 1):
            digits |= 1 << digit
    return digits


class Prefix:
    """A pattern for what may stand before a number: a national prefix, or the one to dial abroad."""

    def __init__(self, pattern: str) -> None:
        self._re = phonenumbers.re_util.re_compile(pattern)
        self._patterns = Patterns()
        self._start = self._patterns.start([self._patterns.add(pattern, whole=True)])

    def match(self, known: str, left: int) -> tuple[int, bool] | None:
        """
        Where the match ends in numbers of *known* and *left* more digits, and whether its last group took part.

        None if nothing matches. Raises Unsettled if that depends on the digits that follow.
        """
        # Only a match that ends further on can depend on them; "$" asks for the length alone.
        if self._patterns.may_match_later(self._patterns.walk(self._start, known), left):
            raise Unsettled
        found = self._re.match(known + "0" * left)
        return None if found is None else (found.end(), bool(found.groups()) and found.groups()[-1] is not None)


class Plan:
    """
    One country code's numbering plan: what the library asks about a number once it knows the code.

    Those are patterns of any of the code's regions, each asked of the whole number, or of what remains of it.
    """

    def __init__(self, code: int) -> None:
        self.regions: tuple[str, ...] = phonenumbers.COUNTRY_CODE_TO_REGION_CODE[code]
        self.prefix = self.prefix_of(plan_of(code, self.regions[0]))
        self._patterns = Patterns()
        self._parts: dict[tuple[str, bool, tuple[int, ...]], int] = {}
        self._starts: dict[int, int] = {}
        for region in self.regions:
            plan = plan_of(code, region)
            if plan.general_desc is not None:
                self._add(plan.general_desc.national_number_pattern, whole=True)
            if plan.leading_digits:
                self._add(plan.leading_digits, whole=False)
            for kind in kinds(plan):
                # No lengths: those of the general description.
                self._add(kind.national_number_pattern, whole=True, lengths=tuple(kind.possible_length or ()))

    @staticmethod
    def prefix_of(plan: PhoneMetadata) -> tuple[Prefix, bool] | None:
        """A plan's national prefix, and whether what its last group matched is rewritten."""
        if not plan.national_prefix_for_parsing:
            return None
        return Prefix(plan.national_prefix_for_parsing), bool(plan.national_prefix_transform_rule)

    def settle(self, known: str, left: int) -> None:
        """Raises Unsettled unless the patterns' answers are the same for all numbers of *known* and *left* digits."""
        length = len(known) + left
        start = self._starts.get(length)
        if start is None:
            asked = [part for (_, _, lengths), part in self._parts.items() if not lengths or length in lengths]
            start = self._starts[length] = self._patterns.start(asked)
        if self._patterns.settled(self._patterns.walk(start, known), left) is None:
            raise Unsettled

    def _add(self, pattern: str | None, *, whole: bool, lengths: tuple[int, ...] = ()) -> None:
        if pattern and (pattern, whole, lengths) not in self._parts:
            self._parts[pattern, whole, lengths] = self._patterns.add(pattern, whole=whole)


def plan_of(code: int, region: str) -> PhoneMetadata:
    """The library's numbering plan of *region*; region "001" is for codes of no country. ValueError if there is none."""
    plan = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
    if plan is None:
        raise ValueError(f"no numbering plan for {region} and {code}")
    return plan


_KINDS: Final = (
    "premium_rate",
    "toll_free",
    "shared_cost",
    "voip",
    "personal_number",
    "pager",
    "uan",
    "voicemail",
    "fixed_line",
    "mobile",
)


def kinds(plan: PhoneMetadata) -> list[PhoneNumberDesc]:
    """What *plan* says of each kind of number: mobile, toll free and so on."""
    return [kind for name in _KINDS if (kind := getattr(plan, name)) is not None]
