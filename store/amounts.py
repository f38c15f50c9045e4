"""Amounts as people write and read them: spans of days, and sizes of files. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

# Decimal, as file managers and Slack show sizes; "KiB" and its like are binary, by IEC 80000-13.
_SIZES: Final[Mapping[str, float]] = {
    **dict.fromkeys(("", "b", "byte", "bytes"), 1),
    **dict.fromkeys(("k", "kb"), 10**3),
    **dict.fromkeys(("m", "mb"), 10**6),
    **dict.fromkeys(("g", "gb"), 10**9),
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}
_SPANS: Final[Mapping[str, float]] = {
    **dict.fromkeys(("", "d", "day", "days"), 1),
    **dict.fromkeys(("w", "week", "weeks"), 7),
    **dict.fromkeys(("h", "hour", "hours"), 1 / 24),
}
_LONGEST: Final = 40
_AMOUNT: Final = re.compile(r"(\d[\d,.\u00a0 ]{0,30})([A-Za-z]{0,10})", re.ASCII)
# Thousands by commas, dots or blanks: groups of three behind the first sign.
_THOUSANDS: Final = re.compile(r"\d{1,3}(?:([,.\u00a0 ])\d{3})(?:\1\d{3})*", re.ASCII)


def read_days(text: str) -> float | None:
    """The days of "14", "14 days", "2 weeks", "36 hours"; None for what is none."""
    amount = _read(text, _SPANS)
    return None if amount is None else float(amount[0]) * amount[1]


def read_bytes(text: str) -> int | None:
    """The bytes of "5000000", "5,000,000", "100 MB", "1.5 GB", "64 KiB"; None for what is none, or no whole number above zero."""
    amount = _read(text, _SIZES)
    size = Decimal(0) if amount is None else amount[0] * int(amount[1])
    return int(size) if size >= 1 and size == int(size) else None


def days_words(days: float) -> str:
    """A span as people say it: "14 days", "1 day", "12 hours"."""
    if 0 < days < 1:
        hours = round(days * 24, 1)
        return f"{hours:g} hour{'' if hours == 1 else 's'}"
    return f"{days:.10g} day{'' if days == 1 else 's'}"


def bytes_words(size: int) -> str:
    """A size that `read_bytes` reads as the same: "100 MB", "1.5 GB", "5,000,001 bytes"."""
    for unit, many in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= many and size % (many // 10) == 0:
            return f"{(Decimal(size) / many).normalize():f} {unit}"
    return f"{size:,} byte{'' if size == 1 else 's'}"


def _read(text: str, units: Mapping[str, float]) -> tuple[Decimal, float] | None:
    """The number in *text* and what its unit stands for."""
    typed = " ".join(text[: _LONGEST + 1].split())
    found = _AMOUNT.fullmatch(typed) if len(typed) <= _LONGEST else None
    if found is None:
        return None
    digits, unit = found[1].strip(), units.get(found[2].casefold())
    if unit is None:
        return None
    # One group of three behind a dot is a fraction as often: only what cannot be one is thousands.
    if _THOUSANDS.fullmatch(digits) and not re.fullmatch(r"\d+\.\d+", digits):
        digits = re.sub(r"\D", "", digits)
    try:
        return Decimal(digits.replace(",", ".")), unit
    except InvalidOperation:
        return None
