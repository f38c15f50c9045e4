"""
Groups of digits in a text, and the runs of them that signs of phones alone keep apart. Pure.

A text of nothing but digits has many thousand groups, so what a run holds of each is in lists that are made in one step
for all of them.
"""

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from store.phones.parser import LABEL

FEWEST_DIGITS: Final = 7  # of what people take for a phone, whatever it is
SHORTEST: Final = 5  # digits of what is taken for a phone anywhere; four are a year

# What may stand between two groups of one number. A dot and a blank end a sentence, or a list's "1. ".
_RUN = re.compile(r"[0-9]++(?:(?![^0-9]{0,4}(?<! )[.] )[ ()\[\]./+*_~`-]{1,5}+[0-9]++)*+")
_GROUP = re.compile(r"([0-9]+)")
_BRACKETS: Final = str.maketrans(dict.fromkeys(" ./+*_~`-"))
_OPENING: Final = "+(["
# Signs beside which no letter touches a number; nothing, at the ends of a text, is one.
_APART: Final = frozenset(["", *" -.,:;/()[]+\n"])
BESIDE_LETTERS: Final = frozenset("_@")
# "tel2125550100", "212-555-0101cell"
_LABEL_BEFORE = re.compile(rf"(?<![^\W\d_]){LABEL}\Z", re.IGNORECASE)
_LABEL_AFTER = re.compile(rf"{LABEL}(?![^\W_])", re.IGNORECASE)
# "0100x22", the end of a phone
_EXTENSION_AFTER = re.compile(r"(?:extension|extn|ext|x)[.:]? ?[0-9]{1,6}(?![^\W_])", re.IGNORECASE)
LONGEST_LABEL: Final = 12
_LONGEST_EXTENSION: Final = 18
_NONE: Final[frozenset[int]] = frozenset()
_FEWEST_LABELLED: Final = 4  # digits


@dataclass(slots=True)
class Run:
    """
    A run of groups, by its columns: the nth of each list is of the nth group.

    *digits*, and *starts*, where they begin in the text; *between*: what stands between a group and the one before it;
    *plus*: is there one before it? *touched*: the groups that letters touch.
    """

    digits: list[str]
    starts: list[int]
    between: list[str]
    plus: list[bool]
    touched: frozenset[int]

    def __len__(self) -> int:
        return len(self.digits)

    def opened(self, at: int) -> int:
        """Where the plus and brackets before the group *at* begin."""
        return self.starts[at] - len(_opening(self.between[at]))

    def end(self, at: int) -> int:
        return self.starts[at] + len(self.digits[at])


def runs(left: str, text: str) -> Iterator[Run]:
    """
    The runs of groups that could be of one number, none of which is a part of a word, nor a small number by itself.

    *left* is *text* without what is known to be no phone.
    """
    before = 0
    for found in _RUN.finditer(left):
        written = found[0]
        if written.isdigit():
            if len(written) < SHORTEST:
                before = found.end()
                continue
            digits, between, starts = [written], [""], [found.start()]
        else:
            parts = _GROUP.split(written)  # "", digits, between, digits, ... ""
            places = list(itertools.accumulate(map(len, parts), initial=found.start()))
            digits, between, starts = parts[1::2], parts[:-1:2], places[1:-1:2]
        first, after = 0, len(digits)
        begin = starts[0]
        if left[begin - 1 : begin] in _OPENING:
            begin = _begin(left, begin, before)
        before = found.end()
        touched = []
        for at in (0, after - 1) if after > 1 else (0,):
            start, end = starts[at], starts[at] + len(digits[at])
            is_apart = text[start - 1 : start] in _APART and text[end : end + 1] in _APART
            has_letters = not is_apart and is_touched(text, start, end)
            # A small number with letters is no group of a phone's: 2nd, 3x, Q4. In Ann212-555-0100 it may be one.
            # Nor is the number of a list's line: #1.
            is_small = (
                has_letters and end - start < FEWEST_DIGITS and not (_is_tied(left, start - 1) or _is_tied(left, end))
            )
            if is_small or (at == 0 and end - start <= 2 and left[begin - 1 : begin] == "#"):
                first, after = (1, after) if at == 0 else (first, after - 1)
            elif has_letters:
                touched.append(at)
        between[0] = left[begin : starts[0]]
        if "+" in written:
            plus = ["+" in _opening(signs) for signs in between]
        else:
            plus = ["+" in between[0], *itertools.repeat(False, len(digits) - 1)]
        if after == len(digits) and not (first or touched or ")" in written or "]" in written):
            yield Run(digits, starts, between, plus, _NONE)
            continue
        for one, other in _balanced(between, first, after):
            yield Run(
                digits[one:other],
                starts[one:other],
                between[one:other],
                plus[one:other],
                frozenset(at - one for at in touched if one <= at < other),
            )


def _begin(left: str, start: int, before: int) -> int:
    """Where the plus and brackets before the digits at *start* begin, which is not before *before*."""
    while start > before and left[start - 1] in _OPENING:
        start -= 1
    return start


def _balanced(between: list[str], first: int, after: int) -> Iterator[tuple[int, int]]:
    """The stretches of the groups *first* to *after* in which no bracket closes that has not opened."""
    signs = "".join(between)
    if ")" in signs or "]" in signs:
        depth = 0
        begun = -1
        for at in range(first, after):
            if begun == first:
                for sign in _brackets(between[at]):
                    depth += 1 if sign in "([" else -1
                    if depth < 0:
                        yield first, at
                        first = at
                        break
            if begun != first:
                begun, depth = first, len(_brackets(_opening(between[at])))
    if first < after:
        yield first, after


@functools.lru_cache(1 << 12)
def _brackets(signs: str) -> str:
    return signs.translate(_BRACKETS)


@functools.lru_cache(1 << 12)
def _opening(between: str) -> str:
    """The plus and brackets at the end of what stands between two groups."""
    return between[len(between.rstrip(_OPENING)) :]


def is_touched(text: str, start: int, end: int) -> bool:
    """Do letters touch the digits from *start* to *end*, as in an order's id or in 2nd? "tel" and its like may, a whole number."""
    before, after = text[start - 1] if start else " ", text[end] if end < len(text) else " "
    if before in BESIDE_LETTERS and start > 1:
        before = text[start - 2]
    if after in BESIDE_LETTERS and end + 1 < len(text):
        after = text[end + 1]
    if not (before.isalpha() or after.isalpha()):
        return False
    has_label = end - start >= _FEWEST_LABELLED
    if _is_letter(before) and not (has_label and _LABEL_BEFORE.search(text[max(0, start - LONGEST_LABEL) : start])):
        return True
    if not _is_letter(after) or (has_label and _LABEL_AFTER.match(text, end, end + LONGEST_LABEL)):
        return False
    return not (has_label and _EXTENSION_AFTER.match(text, end, end + _LONGEST_EXTENSION))


def _is_letter(char: str) -> bool:
    """Is *char* a letter of a script in which blanks stand between words and numbers?"""
    return char.isalpha() and char < "\u0590"


def _is_tied(text: str, at: int) -> bool:
    """Does a sign at *at* of *text* tie two groups of digits together, without a blank?"""
    return (
        text[at : at + 1] in {"-", ".", "/"} and text[at + 1 : at + 2].isdigit() and text[max(0, at - 1) : at].isdigit()
    )
