"""CSV injection: cells that a spreadsheet would run as formulas, made harmless and given back as they were."""

import re
from typing import Final

# What begins a formula, and the full-width, small and typographic forms that some programs take for it.
_SIGNS: Final = r"[=+\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20]"
# Where a program with other separators, or one that does not know quotes, begins another cell.
_SEPARATOR: Final = r"(?:[;,|\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]|%0[9ad])"
# What may stand between there and the sign: blanks, controls, what has no width, quotes.
_PASSED: Final = (
    r"""[\s\x00-\x20\x7f-\xa0\xad'"\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e"""
    r"""\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"""
)
# A whole run of these, whatever follows: each character is looked at once.
_RUN: Final = re.compile(rf"(?:{_SEPARATOR}|{_PASSED})++(?=({_SIGNS})?)", re.IGNORECASE)
_AFTER: Final = re.compile(_SEPARATOR, re.IGNORECASE)
_GUARDED: Final = re.compile(rf"({_SEPARATOR})'", re.IGNORECASE)
_STARTS: Final = re.compile(_SIGNS)
_SUSPECT: Final = re.compile(rf"{_SIGNS}|[\t\r\n]")
_BREAKS: Final = re.compile(r"'*+[\t\r\n]")


def guarded(cell: str) -> str:
    """
    *cell* with an apostrophe wherever a spreadsheet would find a formula in it, so that it is shown.

    That is in front, and behind what some program takes for the end of a cell. Where apostrophes are already there is one
    more, so that `unguarded` gives back every cell as it was (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    if not _SUSPECT.search(cell):  # most cells, and a few thousand of them may be a row
        return cell

    def guard(run: re.Match[str]) -> str:
        text = run[0]
        if run[1]:
            text = _AFTER.sub(lambda separator: f"{separator[0]}'", text)
        elif run.start() or not _BREAKS.match(text):
            return text
        return text if run.start() else f"'{text}"

    text = _RUN.sub(guard, cell)
    return f"'{text}" if _STARTS.match(cell) else text


def unguarded(cell: str) -> str:
    """*cell* without the apostrophes that `guarded` put in."""
    if "'" not in cell:
        return cell

    def unguard(run: re.Match[str]) -> str:
        text = run[0]
        if run[1]:
            text = _GUARDED.sub(r"\1", text)
        elif run.start() or not _BREAKS.match(text):
            return text
        return text if run.start() else text.removeprefix("'")

    return _RUN.sub(unguard, cell)
