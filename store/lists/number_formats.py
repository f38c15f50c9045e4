"""
Numbers as workbooks show them: plain, as dates and times, or in the picture that a format gives of them. Pure.

ECMA-376, part 1, 18.8.30 and 18.8.31, which `.xls` has alike.
"""

import datetime as dt
import itertools
import math
import re
from typing import Final

from store.lists.sheets import clean, on_one_line

# Formats of dates and times that workbooks do not spell out (18.8.30), and what is no part of one that they do.
_DATES: Final = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_ELAPSED: Final = frozenset({46})
STYLES: Final = 65_536  # of cells; Excel has 65,490
_NO_FORMAT: Final = re.compile(r'"[^"]*"|[\\_*].|\[(?![hms]+\])[^\[\]]*\]', re.IGNORECASE | re.DOTALL)


def number_text(value: str) -> str:
    """A number as a person would have typed it. One whose last digits Excel dropped stays visibly one of those."""
    if len(value) < 16 and value.isdigit() and value.isascii() and value[0] != "0":
        return value
    number = _number(value)
    if number is None:
        return clean(value)
    if abs(number) >= 1e15:  # Excel keeps 15 digits and writes zeros for the rest
        return f"{number:.14E}"
    return f"{number + 0.0:.0f}" if number.is_integer() else repr(number)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def kind_of(code: str) -> str | None:
    """What a format shows numbers as: "date", "elapsed" time, a picture as `_picture_of` gives it, or None for a plain number."""
    bare = _NO_FORMAT.sub("", code)
    if bare.casefold() in {"general", "standard"}:
        return _picture_of(code)
    if "[" in bare:
        return "elapsed"
    return "date" if any(letter in "dmyhs" for letter in bare.casefold()) else _picture_of(code)


def _picture_of(code: str) -> str | None:
    """
    What a format puts before the digits of a whole number, and to how many it fills them up with noughts: "+|0", "|11".

    A person reads a phone by these: `"+"0` shows 447400123401 with its plus, 00000000000 shows 7400123401 with its nought. None
    for formats that show the digits alone, and for those of amounts and fractions.
    """
    if "[<" in code or "[>" in code or "[=" in code:
        return None  # which of its sections counts depends on the number
    section = code.partition(";")[0].replace("General", "#").replace("GENERAL", "#")
    before, noughts, placed = "", 0, False
    signs = iter(section)
    for sign in signs:
        literal = sign
        if sign == '"':
            literal = "".join(itertools.takewhile(lambda inner: inner != '"', signs))
        elif sign == "\\":
            literal = next(signs, "")
        elif sign in "_*":
            next(signs, "")
            continue
        elif sign == "[":  # a colour, or a language
            literal = ""
            next((inner for inner in signs if inner == "]"), "")
        elif sign in "0#?":
            placed, noughts = True, noughts + (sign == "0")
            continue
        elif sign in ".,%/@Ee":
            return None
        if placed and any(map(str.isdigit, literal)):
            return None
        before += "" if placed else literal
    before = "" if any(map(str.isalpha, before)) else "".join(filter("+0123456789".__contains__, before))
    if not placed or len(before) > _MOST_DIGITS or noughts > _MOST_DIGITS or (not before and noughts < 2):
        return None
    return f"{before}|{noughts}"


_MOST_DIGITS: Final = 15


BUILT_IN: Final = {str(number): "date" for number in _DATES} | {str(number): "elapsed" for number in _ELAPSED}
_LAST_DAY: Final = 2_958_466  # the first of the year 10000


def moment_text(value: str, kind: str, *, from_1904: bool) -> str:
    """A number shown as a date, a time or both, in ISO; as elapsed time, in hours and days; or as a picture (see `kind_of`)."""
    if "|" in kind:
        before, _, noughts = kind.partition("|")
        digits = number_text(value)
        return before + digits.zfill(int(noughts)) if digits.isdecimal() else digits
    days = _number(value)
    if days is None or not 0 <= days < _LAST_DAY - 1462 * from_1904:
        return number_text(value)
    length = dt.timedelta(milliseconds=round(days * 86_400_000))
    if kind == "elapsed":
        return str(length)
    # A workbook's times have no zone. Excel has a 29 February 1900, which there was not.
    start = dt.date(1904, 1, 1) if from_1904 else dt.date(1899, 12, 30 if days >= 60 else 31)
    at = dt.datetime.combine(start, dt.time()) + length
    if days < 1 and not from_1904:
        return at.time().isoformat()
    return iso_text(at.date().isoformat() if days.is_integer() else at.isoformat())


def iso_text(value: str) -> str:
    """
    The date, or date and time, that a workbook has as the ISO text *value*: as it is, with a blank in place of the T.

    One of a year in which nobody lives is written with a word, since what looks like no date may be taken for a phone.
    """
    day, _, time = value.partition("T")
    if value[:2] in {"19", "20"} and value[4:5] == "-":
        return on_one_line(f"{day} {time}".rstrip())
    try:
        date = dt.date.fromisoformat(day)
    except ValueError:
        return f"date {on_one_line(value)}"
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year} {on_one_line(time)}".rstrip()


_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
