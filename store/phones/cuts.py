"""
Places at which a text may be cut into two numbers, each of which is one by itself.

The library is asked about those that are found here, and takes a hundred times as long for each as what is done here. So
places where it would see no number are left out: that is decided by the signs it allows, and by the plans (`Dialling`).
Pure.
"""

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from store.phones.cleaning import digits_of
from store.phones.dialling import Dialling

# Letters and digits of the shortest number there is, of the longest as it is dialled from abroad, and of an extension.
_FEWEST_SIGNS, MOST_SIGNS, _EXTENSION_SIGNS = 4, 18, 6
_FEWEST_WITH_CODE = 6  # digits of the shortest number there is with its country's code, in Iran
_FEWEST_SPELT = (
    3  # letters, of a number that the library reads as its keys on a telephone; it wants as many digits first
)

_FIRST_DIGIT = re.compile("[0-9]")
_AT_PLUS = re.compile(r"\+[^0-9+]{0,20}[0-9]")
# What the library may take for an extension, or for digits.
_SPELT = re.compile(r"[^\W\d_]|[#~]")
# What it allows between digits.
_WITHIN: Final = "0123456789 ()[]./*\u2053\u223c-"
_AHEAD = re.compile(r"[^+]*(?:(\+)[+ ()\[\]./*\u2053\u223c-]*)?")
_SPELT_NUMBER = re.compile(
    r"[^0-9+]*+(?:(\+)[+ ()\[\]./*\u2053\u223cxX~-]*+)?+((?:[ ()\[\]./*\u2053\u223cxX~-]*+[0-9]){3}.*)", re.DOTALL
)
_NO_SIGN_OF_NUMBERS = re.compile(r"[^\w ()\[\]./*~#:\u2053\u223c-]")
_SECOND_EXTENSION = re.compile(r"[\\/] *x")
_LABEL = re.compile("(?:e?xt(?:ensi(?:o\u0301?|\u00f3))?n?|\u0434\u043e\u0431|anexo|[x#~]|int)$", re.IGNORECASE)
_LONGEST_LABEL = 12  # characters
_KEYS: Final = {
    ord(case(letter)): str(key)
    for key, letters in enumerate(("ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ"), 2)
    for letter in letters
    for case in (str.upper, str.lower)
}


def most_signs(text: str) -> int:
    """The letters and digits that a number in *text* may have, with its extension."""
    return MOST_SIGNS + (_EXTENSION_SIGNS if any(map(str.isalpha, text)) else 0)


def cuts(text: str, sign: re.Pattern[str], dialling: Dialling, *, both: bool) -> Iterator[tuple[str, str]]:
    """
    What stands before and behind each *sign* in *text*, where the first may be a number by itself; if *both*, each of the two.

    *text* is folded. Of cuts with no letter or digit between them one is enough, and the one at the last plus where there is
    any: what is before them is the same number.
    """
    first = _FIRST_DIGIT.search(text)  # what is before it is dropped by the library
    start = first.start() if first else len(text)
    signs = list(accumulate(map(str.isalnum, text[start:]), initial=0))  # before each place behind the first digit
    is_spelt, last = _SPELT.search(text) is not None, 0
    most = most_signs(text) if is_spelt else MOST_SIGNS
    parts = _Letters(text, dialling, both=both) if is_spelt else _Digits(text, start, signs, dialling)
    for match in sign.finditer(text, start):
        count = signs[match.start() - start]
        if count > most:
            return
        new, last = count > last or (both and _AT_PLUS.match(text, match.end()) is not None), count
        if not new or count < _FEWEST_SIGNS or (both and not _FEWEST_SIGNS <= signs[-1] - count <= most):
            continue
        if (not both or parts.may_begin(match.end(), count)) and parts.may_end(match.start(), count):
            yield text[: match.start()], text[match.end() :]


class _Digits:
    """A text without letters, whose first digit is at *start*; *signs* are how many there are at each place from there."""

    def __init__(self, text: str, start: int, signs: list[int], dialling: Dialling) -> None:
        self._dialling = dialling
        self._digits = digits_of(text)
        self._first_plus, self._last_plus = text.find("+"), text.rfind("+")
        # Digits with another sign before them are not of the number, or make the library see none.
        ahead = _AHEAD.fullmatch(text, 0, start)
        self._plus = ahead is not None and ahead[1] is not None
        self._reached = signs[-1 - len(text[start:].lstrip(_WITHIN))] if ahead else 0
        last = start + signs.index(signs[-1])
        self._begun = max(len(text[:last].rstrip(_WITHIN)), start)
        self._unbroken = signs[self._begun - start]
        self._plus_behind = text[: self._begun].endswith("+")

    def may_end(self, place: int, count: int) -> bool:
        """Can the *count* digits before *place* be a number by themselves?"""
        if count > self._reached or (count < _FEWEST_WITH_CODE and 0 <= self._first_plus < place):
            return False
        return self._dialling.may_be_whole(self._digits[:count], plus=self._plus)

    def may_begin(self, place: int, count: int) -> bool:
        """Can the digits behind *place*, before which there are *count*, be a number by themselves?"""
        digits = self._digits[count:]
        if count < self._unbroken or (len(digits) < _FEWEST_WITH_CODE and self._last_plus >= place):
            return False
        return self._dialling.may_be_whole(digits, plus=self._plus_behind and place < self._begun)


class _Letters:
    """A text with letters in it, or with an extension of digits."""

    def __init__(self, text: str, dialling: Dialling, *, both: bool) -> None:
        self._text, self._dialling, self._both = text, dialling, both
        self._ended: tuple[bool, str] | None = None

    def may_end(self, place: int, _count: int) -> bool:
        """Can what is before *place* be a number by itself?"""
        number = self._number(self._text[:place])
        # Of "1/x2/x3" the library sees the same each time; had it said yes, nobody would ask for more.
        again = number == self._ended and not self._both and self._text.count("+", 0, place) <= 1
        self._ended = number
        return not again and self._may_be(number)

    def may_begin(self, place: int, _count: int) -> bool:
        """Can what is behind *place* be a number by itself?"""
        return self._may_be(self._number(self._text[place:]))

    def _number(self, text: str) -> tuple[bool, str] | None:
        """What the library takes for the number in *text*, with its extension, and whether there is a plus before it."""
        digits = digits_of(text)
        if "+" in text:
            if len(digits) < _FEWEST_WITH_CODE:
                return None
        elif not self._dialling.region or not (any(map(str.isalpha, text)) or self._dialling.may_be_as_long(digits)):
            return None
        if not (found := _SPELT_NUMBER.match(text)):
            return None
        number = found[2]
        if second := _SECOND_EXTENSION.search(number):
            number = number[: second.start()]
        number = number[: _end_of(number)]
        return None if _NO_SIGN_OF_NUMBERS.search(number) else (found[1] is not None, number)

    def _may_be(self, number: tuple[bool, str] | None) -> bool:
        if number is None:
            return False
        plus, written = number
        return self._may_be_read(written, plus=plus) or any(
            self._may_be_read(part, plus=plus) for part in _without_extension(written)
        )

    def _may_be_read(self, number: str, *, plus: bool) -> bool:
        digits, keyed = digits_of(number), digits_of(number.translate(_KEYS))
        return self._dialling.may_be_whole(keyed if len(keyed) - len(digits) >= _FEWEST_SPELT else digits, plus=plus)


def _end_of(number: str) -> int:
    """Where the library ends *number*: behind the last letter, digit or `#`."""
    return next((end for end in range(len(number), 0, -1) if number[end - 1].isalnum() or number[end - 1] == "#"), 0)


def _without_extension(number: str) -> Iterator[str]:
    """What is before the digits at the end of *number*, where the library can take those for an extension."""
    written = number.removesuffix("#")
    ahead = written.rstrip("0123456789")
    if ahead == written:
        return
    if number.endswith("#") and ahead.endswith((" ", "-")):
        yield ahead  # as in "503#"
    label = ahead.rstrip(" -")
    label = label[:-1] if label.endswith((":", ".")) else label
    if found := _LABEL.search(label, max(0, len(label) - _LONGEST_LABEL)):
        yield label[: found.start()]
