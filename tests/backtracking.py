"""
A backtracking matcher that counts its steps: what `re` does with a pattern, without a clock.

`re` tries alternatives and repetitions in the order in which they are written, goes back when what follows does not
match, and begins anew at the next character. This does the same on the tree that `re` parses a pattern into, and
counts. It knows none of the short cuts of `re`, so it counts the steps of the worst case or a few more.
"""

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

# Modules of Python's own that no stubs tell of.
c: Final[Any] = importlib.import_module("re._constants")
parser: Final[Any] = importlib.import_module("re._parser")

_Then = Callable[[int], bool]
_Node = Callable[[int, _Then], bool]
_UNLIMITED: Final = 1_000_000_000
_ONE_CHARACTER: Final = {c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN}


def tree_of(pattern: re.Pattern[Any]) -> Any:
    """The tree of *pattern*, as `re` parses it."""
    return parser.parse(pattern.pattern, pattern.flags)


def steps_of(pattern: re.Pattern[Any], text: str, *, anywhere: bool, limit: int = _UNLIMITED) -> int:
    """
    The steps that *pattern* takes on *text*: to match from its beginning, or *anywhere* and again behind each match.

    Stops counting at *limit*.
    """
    return _Counting(pattern, text, limit).run(anywhere=anywhere)


class _EnoughError(Exception):
    pass


class _Counting:
    def __init__(self, pattern: re.Pattern[Any], text: str, limit: int) -> None:
        self._text = text
        self._limit = limit
        self._flags = pattern.flags | (re.ASCII if isinstance(pattern.pattern, bytes) else 0)
        self._whole = self._sequence(list(tree_of(pattern)), self._flags)
        self.steps = 0

    def run(self, *, anywhere: bool) -> int:
        ends: list[int] = []
        # Only here: what is nested without an end would take the whole stack elsewhere.
        deepest = sys.getrecursionlimit()
        sys.setrecursionlimit(max(deepest, 200_000))

        def matched(at: int) -> bool:
            ends.append(at)
            return True

        def all_of_it(at: int) -> bool:
            return at == len(self._text)

        try:
            at = 0
            while at <= len(self._text):
                ends.clear()
                self._step()
                self._whole(at, matched)
                if not anywhere:
                    self._whole(0, all_of_it)  # as `fullmatch` does
                    break
                at = max(ends[0], at + 1) if ends else at + 1
        except _EnoughError:
            pass
        finally:
            sys.setrecursionlimit(deepest)
        return self.steps

    def _step(self) -> None:
        self.steps += 1
        if self.steps > self._limit:
            raise _EnoughError

    def _sequence(self, items: Sequence[Any], flags: int) -> _Node:
        nodes = [self._node(operation, argument, flags) for operation, argument in items]

        def run(at: int, then: _Then, index: int = 0) -> bool:
            if index == len(nodes):
                return then(at)
            return nodes[index](at, lambda further: run(further, then, index + 1))

        return run

    def _node(self, operation: Any, argument: Any, flags: int) -> _Node:
        if operation in _ONE_CHARACTER:
            fits = _one_character(operation, argument, flags)

            def one(at: int, then: _Then) -> bool:
                self._step()
                return at < len(self._text) and fits(self._text[at]) and then(at + 1)

            return one
        if operation in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
            fewest, most, inside = argument
            return self._repeat(operation, fewest, most, inside, flags)
        if operation is c.SUBPATTERN:
            _, more, less, inside = argument
            return self._sequence(list(inside), (flags | more) & ~less)
        if operation is c.ATOMIC_GROUP:
            return self._atomic(self._sequence(list(argument), flags))
        if operation is c.BRANCH:
            branches = [self._sequence(list(branch), flags) for branch in argument[1]]
            return lambda at, then: any(branch(at, then) for branch in branches)
        if operation in (c.ASSERT, c.ASSERT_NOT):
            direction, inside = argument
            return self._look_around(direction, inside, flags, wanted=operation is c.ASSERT)
        if operation is c.AT:
            return self._position(argument, flags)
        raise NotImplementedError(f"{operation} is not known to tests/backtracking.py")

    def _repeat(self, operation: Any, fewest: int, most: Any, inside: Any, flags: int) -> _Node:
        most = _UNLIMITED if most is c.MAXREPEAT else most
        if operation is not c.MIN_REPEAT and len(inside) == 1 and inside[0][0] in _ONE_CHARACTER:
            operation_inside, argument_inside = inside[0]
            fits = _one_character(operation_inside, argument_inside, flags)

            def characters(at: int, then: _Then) -> bool:
                end = at
                while end < len(self._text) and end - at < most and fits(self._text[end]):
                    self._step()
                    end += 1
                self._step()
                if operation is c.POSSESSIVE_REPEAT:
                    return end - at >= fewest and then(end)
                for back in range(end, at + fewest - 1, -1):
                    self._step()
                    if then(back):
                        return True
                return False

            return characters
        body = self._sequence(list(inside), flags)

        def repeated(at: int, then: _Then, times: int = 0, before: int = -1) -> bool:
            self._step()

            def again() -> bool:
                return times < most and at != before and body(at, lambda end: repeated(end, then, times + 1, at))

            if operation is c.MIN_REPEAT:
                return (times >= fewest and then(at)) or again()
            return again() or (times >= fewest and then(at))

        return self._atomic(repeated) if operation is c.POSSESSIVE_REPEAT else repeated

    def _atomic(self, node: _Node) -> _Node:
        def atomic(at: int, then: _Then) -> bool:
            ends: list[int] = []

            def first(end: int) -> bool:
                ends.append(end)
                return True

            return node(at, first) and then(ends[0])

        return atomic

    def _look_around(self, direction: int, inside: Any, flags: int, *, wanted: bool) -> _Node:
        node, width = self._sequence(list(inside), flags), inside.getwidth()[1]

        def look(at: int, then: _Then) -> bool:
            self._step()
            if direction > 0:
                found = node(at, lambda _end: True)
            else:
                found = at >= width and node(at - width, lambda end: end == at)
            return found is wanted and then(at)

        return look

    def _position(self, kind: Any, flags: int) -> _Node:
        text, word = self._text, _category(c.CATEGORY_WORD, flags)

        def is_there(at: int) -> bool:
            if kind in (c.AT_BEGINNING, c.AT_BEGINNING_STRING):
                return at == 0 or (kind is c.AT_BEGINNING and bool(flags & re.MULTILINE) and text[at - 1] == "\n")
            if kind in (c.AT_END, c.AT_END_STRING):
                return at == len(text) or (kind is c.AT_END and text[at:] == "\n")
            boundary = (at > 0 and word(text[at - 1])) != (at < len(text) and word(text[at]))
            return boundary if kind is c.AT_BOUNDARY else not boundary

        def position(at: int, then: _Then) -> bool:
            self._step()
            return is_there(at) and then(at)

        return position


def _one_character(operation: Any, argument: Any, flags: int) -> Callable[[str], bool]:
    """Whether a character is one that the node stands for; asked once for each character."""
    known: dict[str, bool] = {}

    def fits(char: str) -> bool:
        if char not in known:
            chars = {char, char.lower(), char.upper()} if flags & re.IGNORECASE else {char}
            known[char] = any(_is(operation, argument, one, flags) for one in chars if len(one) == 1)
        return known[char]

    return fits


def _is(operation: Any, argument: Any, char: str, flags: int) -> bool:
    if operation is c.LITERAL:
        return ord(char) == int(argument)
    if operation is c.NOT_LITERAL:
        return ord(char) != int(argument)
    if operation is c.ANY:
        return bool(flags & re.DOTALL) or char != "\n"
    if operation is c.RANGE:
        return bool(argument[0] <= ord(char) <= argument[1])
    if operation is c.CATEGORY:
        return _category(argument, flags)(char)
    negated = argument[0][0] is c.NEGATE
    return any(_is(kind, what, char, flags) for kind, what in argument[negated:]) is not negated


def _category(category: Any, flags: int) -> Callable[[str], bool]:
    letter = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[str(category).rpartition("_")[2]]
    letter = letter.upper() if "_NOT_" in str(category) else letter
    one = re.compile(f"\\{letter}", flags & re.ASCII)
    return lambda char: one.match(char) is not None


def words_of(pattern: re.Pattern[Any]) -> list[str]:
    """What *pattern* is about, of which texts can be made that it nearly matches: its words, and a character of each of its sets."""
    words = dict.fromkeys(_words(list(tree_of(pattern))))
    return [word for word in words if word]


_SAMPLES: Final = " 1a.+(),;:<\"'\t-_!"


def _words(items: Sequence[Any]) -> Iterator[str]:
    literal = ""
    for operation, argument in items:
        if operation is c.LITERAL:
            literal += chr(argument)
            continue
        yield literal
        literal = ""
        if operation in _ONE_CHARACTER:
            yield from [char for char in _SAMPLES if _is(operation, argument, char, 0)][:2]
            if operation is c.IN and argument[0][0] is c.LITERAL:
                yield chr(argument[0][1])
        elif operation is c.BRANCH:
            for branch in argument[1]:
                yield from _words(list(branch))
        elif isinstance(argument, tuple):
            yield from _words(list(argument[-1]) if operation is not c.CATEGORY else [])
        elif operation is c.ATOMIC_GROUP:
            yield from _words(list(argument))
    yield literal
