"""
Conversion of a sheet of an Excel workbook into lines of text: one line a row, so that a line's number is the row's.

An `.xlsx` is read by `store/lists/xlsx.py`, an `.xls` by `store/lists/xls.py`, both row by row.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from store.errors import ListRefused
from store.lists.columns import THRUTEXT, column_key, likely_phones
from store.lists.xls import OldWorkbook
from store.lists.xlsx import (
    CELLS,
    LONGEST,
    BrokenWorkbookError,
    Layout,
    Rows,
    Sheet,
    Workbook,
    too_large,
    too_long,
)

_INFLATED: Final = 1_000_000_000  # bytes that an .xlsx may unpack to
_TEXT: Final = 1_000_000_000  # characters in the sheet that is read: as large as a list may be in Slack
_SAMPLE_ROWS: Final = 200
_HEADER_WITHIN: Final = 20


def sheet_as_text(
    path: Path, name: str, phone_key: str, spool: Path, *, old: bool, working: Callable[[], object]
) -> str | None:
    """
    Write the sheet of the workbook at *path* that is the list to *spool*: UTF-8, LF, tabs, quoted like CSV.

    The list is the first visible sheet with a column called *phone_key* (as `column_key` gives it), else the first that looks
    like a ThruText export, else the first with a column that looks like phones, else the first with anything in it.
    Returns a remark naming it when there was a choice. *old*: an `.xls`, else an `.xlsx`. *working* is called now and then,
    and may raise. Raises `ListRefused` for what is broken, locked, too big or empty, and OSError.
    """
    try:
        if old:
            with OldWorkbook.open(path, name, spool.parent, working=working) as opened:
                return _written(opened.sheets, name, phone_key, spool)
        with Workbook.open(path, name, spool.parent, limit=_INFLATED, working=working) as workbook:
            return _written(workbook.sheets, name, phone_key, spool)
    except BrokenWorkbookError as error:
        raise _broken(name) from error


def _written(sheets: Sequence[Sheet], name: str, phone_key: str, spool: Path) -> str | None:
    sheet = _chosen(sheets, phone_key)
    if sheet is None:
        raise ListRefused(
            f"{name} is empty. A list has a column called `phone` and one phone a row: add them and drop the file again."
        )
    with (
        spool.open("w", encoding="utf-8", errors="replace", newline="") as file,
        contextlib.closing(sheet.rows(Layout())) as rows,
    ):
        file.writelines(_lines(rows, name))
    return f"sheet '{sheet.name}' read, one of {len(sheets)}" if len(sheets) > 1 else None


def _chosen(sheets: Sequence[Sheet], phone_key: str) -> Sheet | None:
    """The sheet that is the list, None if all are empty."""
    best: tuple[int, Sheet | None] = (0, None)
    for sheet in [sheet for sheet in sheets if sheet.visible] or sheets:
        with contextlib.closing(sheet.rows(Layout())) as rows:
            fit = _fit(rows, phone_key)
        if fit > best[0]:
            best = fit, sheet
        if fit == _HAS_COLUMN:
            break
    return best[1]


def _broken(name: str) -> ListRefused:
    return ListRefused(f"{name} is an Excel workbook that cannot be read: it is broken. Save it again and drop that.")


_HAS_COLUMN: Final = 4


def _fit(rows: Rows, phone_key: str) -> int:
    """How well a sheet of these *rows* would do as the list; 0 is empty."""
    sample = list(islice((cells for _, cells, _ in rows if any(map(str.strip, cells))), _SAMPLE_ROWS))
    if not sample:
        return 0
    heads = [set(map(column_key, row)) for row in sample[:_HEADER_WITHIN]]
    if any(phone_key in head for head in heads):
        return _HAS_COLUMN
    if any(head >= THRUTEXT for head in heads):
        return 3
    width = max(map(len, sample))
    unnamed = [f"column {place}" for place in range(width)]
    even = [row + [""] * (width - len(row)) for row in sample]
    return 2 if likely_phones(unnamed, even[1:]) or likely_phones(unnamed, even) else 1


def _lines(rows: Rows, name: str) -> Iterator[str]:
    to_come, count, width, characters = 1, 0, 0, 0
    for number, cells, _ in rows:
        if number > to_come:
            yield "\n" * (number - to_come)
        to_come = number + 1
        while cells and not cells[-1].strip():
            cells.pop()
        count += len(cells)
        width = max(width, len(cells))
        if count > CELLS:
            raise too_large(name, number, width)
        text = "\t".join(cells)
        if '"' in text:
            text = "\t".join('"' + cell.replace('"', '""') + '"' if '"' in cell else cell for cell in cells)
        if len(text) > LONGEST:
            raise too_long(name, number)
        characters += len(text)
        if characters > _TEXT:
            raise ListRefused(
                f"{name} has more than {_TEXT // 1_000_000:,} million characters in its cells, which is the most that is "
                "read. In Excel, open the sheet with the phones, save it as CSV UTF-8 and drop that."
            )
        yield f"{text}\n"
