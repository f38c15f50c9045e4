"""What workbooks of every kind give: sheets of rows, how they look to a person, and the limits of both."""

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from store.errors import ListRefused

# Of a sheet: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
ROWS: Final = 1_048_576
COLUMNS: Final = 16_384
CELLS: Final = 20_000_000  # that are read of a sheet
LONGEST: Final = 256 * 1024  # characters in a row of a list
SHEETS: Final = 1_000
# Characters of a cell that are kept, which is what Excel has; one more tells that it was longer.
CELL_LONGEST: Final = 32_767
# Characters in the long cells of a row, beyond which of each others only the first are held.
MOST_LONG: Final = 2 * LONGEST
LONG: Final = 1_000  # characters in a cell: as many as a row may have cells of these make no row too long to hold

_BREAKS: Final = re.compile(r"[\r\n\t\0]+")
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


class BrokenWorkbookError(Exception):
    """The workbook is not as workbooks are."""


@dataclass(slots=True)
class Layout:
    """
    How a sheet looks to a person, besides what its cells show; filled while its rows are read.

    `hidden` columns, from 0, are known before the first row. `filtered`: rows are hidden by a filter, which is known after the
    last, as are merged cells: those that matter for a header, `merged` in a row from a first to a last column; and `tall` ones,
    from a first to a last row in a column.
    """

    hidden: set[int] = field(default_factory=set)
    filtered: bool = False
    merged: list[tuple[int, int, int]] = field(default_factory=list)
    tall: list[tuple[int, int, int]] = field(default_factory=list)
    _room: int = 4 * COLUMNS  # columns that may be said to be hidden, over and over

    def hide(self, first: int, last: int) -> None:
        """The columns from *first* to *last*, from 0, are hidden."""
        columns = range(max(0, first), min(last + 1, COLUMNS, max(0, first) + self._room))
        self._room -= len(columns)
        self.hidden.update(columns)

    def merge(self, row: int, last_row: int, first: int, last: int) -> None:
        """A cell reaches from *row*, from 1, to *last_row*, and from column *first* to *last*."""
        if row < last_row <= ROWS and first < COLUMNS and len(self.tall) < MOST_TALL:
            self.tall.append((row, last_row, first))
        if first < last < COLUMNS and row <= MERGED_WITHIN and len(self.merged) < _MOST_MERGED:
            self.merged.append((row, first, last))


MERGED_WITHIN: Final = 100  # rows; a header is never further down
_MOST_MERGED: Final = 1_000
MOST_TALL: Final = 20_000
# The number of a row, from 1, its cells from column A on, as a person would type them, and whether it is hidden.
SheetRow = tuple[int, list[str], bool]
Rows = Generator[SheetRow, None, None]


@dataclass(frozen=True, slots=True)
class Sheet:
    """
    A sheet with cells: its name, and whether a person sees it.

    *rows*: starts to read those that have cells, hidden ones too, and to fill the layout that it is given.
    """

    name: str
    visible: bool
    rows: Callable[[Layout], Rows]


def too_large(name: str, height: int, width: int, most: int = CELLS) -> ListRefused:
    """The refusal of a sheet of more rows or columns than sheets have, or than are read."""
    return ListRefused(
        f"{name} has a sheet of {height:,} rows and {width:,} columns, and at most {most:,} cells are read. "
        "In Excel, open the sheet with the phones, save it as CSV UTF-8 and drop that."
    )


@cache
def column_letters() -> list[str]:
    """The letters of each column, and nothing for the one beyond."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    names = [""]
    for name in names:
        names += [name + letter for letter in alphabet]
        if len(names) > COLUMNS:
            break
    return [*names[1 : COLUMNS + 1], ""]


def letter_of(column: int) -> str:
    """The letters of a *column*, from 0."""
    return column_letters()[column]


def column_number(letters: str) -> int:
    """The number of a column, from 1, by its letters; more than any has for what is too long."""
    if not letters.isascii() or not letters.isalpha():
        raise BrokenWorkbookError("a cell nowhere")
    number = 0
    for letter in letters[:8].upper():
        number = number * 26 + ord(letter) - 64
    return number


def clean(text: str) -> str:
    """The *text* of a cell on one line, and what it escapes (22.9.2.19) as it is."""
    if "_x" in text:
        text = _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), text)
    return on_one_line(text)


def on_one_line(text: str) -> str:
    """*text* with blanks in place of what would begin another line or cell."""
    return _BREAKS.sub(" ", text) if _BREAKS.search(text) else text
