"""
Conversion of a sheet of an Excel workbook into lines of text: one line a row, so that a line's number is the row's.

An `.xlsx` is read row by row (`store/lists/xlsx.py`). python-calamine reads an `.xls`, as a whole and into memory, and takes
its word for the sheet's size: a cell in the last row and one in the last column make a table of sixteen million. So it
is measured before, cell by cell.
"""

import contextlib
import datetime as dt
import mmap
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from python_calamine import (
    CalamineError,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from store.errors import ListRefused
from store.lists.columns import THRUTEXT, column_key, likely_phones
from store.lists.xlsx import (
    CELLS,
    LONGEST,
    BrokenWorkbookError,
    Rows,
    Sheet,
    Workbook,
    clean,
    number_text,
    too_large,
    too_long,
)

_INFLATED: Final = 1_000_000_000  # bytes that an .xlsx may unpack to
_TEXT: Final = 1_000_000_000  # characters in the sheet that is read: as large as a list may be in Slack
_SAMPLE_ROWS: Final = 200
_HEADER_WITHIN: Final = 20
# How often somebody is told that it goes on, in rows.
_ROWS_A_WORD: Final = 1_000


def sheet_as_text(
    path: Path, name: str, phone_key: str, spool: Path, *, old: bool, working: Callable[[], object] = lambda: None
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
            with _old_sheets(path, name) as sheets:
                return _written(sheets, name, phone_key, spool, working)
        with Workbook.open(path, name, spool.parent, limit=_INFLATED) as workbook:
            return _written(workbook.sheets, name, phone_key, spool, working)
    except BrokenWorkbookError as error:
        raise _broken(name) from error


def _written(
    sheets: Sequence[Sheet], name: str, phone_key: str, spool: Path, working: Callable[[], object]
) -> str | None:
    sheet = _chosen(sheets, phone_key, working)
    if sheet is None:
        raise ListRefused(
            f"{name} is empty. A list has a column called `phone` and one phone a row: add them and drop the file again."
        )
    with (
        spool.open("w", encoding="utf-8", errors="replace", newline="") as file,
        contextlib.closing(_telling(sheet.rows(), working)) as rows,
    ):
        file.writelines(_lines(rows, name))
    return f"sheet '{sheet.name}' read, one of {len(sheets)}" if len(sheets) > 1 else None


def _chosen(sheets: Sequence[Sheet], phone_key: str, working: Callable[[], object]) -> Sheet | None:
    """The sheet that is the list, None if all are empty."""
    best: tuple[int, Sheet | None] = (0, None)
    for sheet in [sheet for sheet in sheets if sheet.visible] or sheets:
        with contextlib.closing(_telling(sheet.rows(), working)) as rows:
            fit = _fit(rows, phone_key)
        if fit > best[0]:
            best = fit, sheet
        if fit == _HAS_COLUMN:
            break
    return best[1]


def _telling(rows: Rows, working: Callable[[], object]) -> Rows:
    """*rows*, with a word now and then that it goes on."""
    with contextlib.closing(rows):
        for count, row in enumerate(rows):
            if count % _ROWS_A_WORD == 0:
                working()
            yield row


def _broken(name: str) -> ListRefused:
    return ListRefused(f"{name} is an Excel workbook that cannot be read: it is broken. Save it again and drop that.")


def _locked(name: str) -> ListRefused:
    return ListRefused(
        f"{name} is an Excel workbook locked with a password. In Excel, save the list as CSV UTF-8 and drop that."
    )


_HAS_COLUMN: Final = 4


def _fit(rows: Rows, phone_key: str) -> int:
    """How well a sheet of these *rows* would do as the list; 0 is empty."""
    sample = list(islice((cells for _, cells in rows if any(map(str.strip, cells))), _SAMPLE_ROWS))
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
    for number, cells in rows:
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
                f"read. {_AS_CSV}"
            )
        yield f"{text}\n"


# --- .xls -------------------------------------------------------------------------------------------------------------

_AS_CSV: Final = "In Excel, open the sheet with the phones, save it as CSV UTF-8 and drop that."
# A workbook in memory is twice its file and about a hundred bytes a cell.
_OLD_BYTES: Final = 15_000_000
_OLD_CELLS: Final = 600_000
_Value = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


@contextlib.contextmanager
def _old_sheets(path: Path, name: str) -> Iterator[list[Sheet]]:
    """The sheets of an `.xls`, in memory."""
    _measure_old(path, name)
    with _translated(), CalamineWorkbook.from_path(str(path)) as workbook:
        yield [
            Sheet(sheet.name, sheet.visible == SheetVisibleEnum.Visible, partial(_old_rows, workbook, sheet.name))
            for sheet in workbook.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet
        ]


def _old_rows(workbook: CalamineWorkbook, name: str) -> Rows:
    with _translated():
        sheet = workbook.get_sheet_by_name(name)
        if sheet.start is None:
            return
        # calamine skips empty columns on the left, and no rows.
        left = [""] * sheet.start[1]
        for number, row in enumerate(sheet.iter_rows(), 1):
            yield number, left + list(map(_text, row))


def _refuse_old(name: str, height: int, width: int) -> None:
    if height * width > _OLD_CELLS:
        raise too_large(name, height, width, _OLD_CELLS)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Translate what calamine raises."""
    try:
        yield
    except (CalamineError, ValueError, OverflowError) as error:
        raise BrokenWorkbookError(str(error)) from error
    except BaseException as error:
        # A panic comes as PyO3's PanicException, which is no Exception and which no module exports.
        if type(error).__name__ != "PanicException":
            raise
        raise BrokenWorkbookError(str(error)) from error


def _text(value: _Value) -> str:
    """A cell as a person would have typed it."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return number_text(repr(float(value)))
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)


# An OLE container is a file system of sectors: https://learn.microsoft.com/openspecs/windows_protocols/ms-cfb
_OLE_HEADER = struct.Struct("<30xH16xI4xII4xI")  # shift 30, directory 48, cutoff 56, small 60, more 68
_LAST_SECTOR: Final = 0xFFFFFFF9
# Records of cells, whose first two numbers are row and column: https://learn.microsoft.com/openspecs/office_file_formats/ms-xls
_CELL_RUNS: Final = frozenset({0x00BD, 0x00BE})
_CELL_RECORDS: Final = _CELL_RUNS | {0x0006, 0x00D6, 0x00FD, 0x0201, 0x0203, 0x0204, 0x0205, 0x0207, 0x027E}
_LAST: Final = 0x000A
_LOCK: Final = 0x002F
_SHEET: Final = 0x0085
_TEXTS: Final = 0x00FC
_DIMENSIONS: Final = 0x0200
_OLD_ROWS: Final = 65_536
_OLD_COLUMNS: Final = 256


def _measure_old(path: Path, name: str) -> None:
    """Refuse an `.xls` that is too big to load, locked, or no workbook. Its error values are not looked for."""
    if path.stat().st_size > _OLD_BYTES:
        raise ListRefused(f"{name} is an old Excel workbook of more than {_OLD_BYTES // 1_000_000} MB. {_AS_CSV}")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        try:
            streams = _streams(raw)
        except (struct.error, ValueError, IndexError) as error:
            raise _broken(name) from error
        if any(label == "EncryptedPackage" for label, _ in streams):
            raise _locked(name)
        workbooks = [stream for label, stream in streams if label in {"Workbook", "Book"}]
        if not workbooks:
            raise ListRefused(
                f"{name} is an old Office document and no Excel workbook; a list is a CSV file or a workbook with a "
                "column called `phone`. Save it as CSV and drop that."
            )
        cells = 0
        try:
            for height, width in (extent for stream in workbooks for extent in _extents(stream, name)):
                _refuse_old(name, height, width)
                cells += height * width
        except struct.error as error:
            raise _broken(name) from error
        if cells > _OLD_CELLS:  # calamine loads every sheet of an .xls at once
            raise ListRefused(
                f"{name} has sheets of {cells:,} cells together, and at most {_OLD_CELLS:,} are read. {_AS_CSV}"
            )


def _extents(stream: bytes, name: str) -> Iterator[tuple[int, int]]:
    """Rows and columns of each sheet in a workbook's *stream*, as it says and as its cells have it."""
    sheets: set[int] = set()
    for kind, at, length in _records(stream, 0):
        if kind == _LOCK:
            raise _locked(name)
        if kind == _SHEET and length >= 4:
            sheets.update(struct.unpack_from("<I", stream, at))
        elif kind == _TEXTS and length >= 8:
            (texts,) = struct.unpack_from("<I", stream, at + 4)
            if texts > len(stream):  # room is made for as many as it says
                raise _broken(name)
    for sheet in sheets:
        height = width = 0
        for kind, at, length in _records(stream, sheet):
            if kind in _CELL_RECORDS and length >= 4:
                row, column = struct.unpack_from("<HH", stream, at)
                if kind in _CELL_RUNS:
                    column += length // 2
                height, width = max(height, row + 1), max(width, column + 1)
            elif kind == _DIMENSIONS:  # again room is made
                numbers = struct.unpack_from("<IIHH" if length >= 14 else "<HHHH", stream, at)
                if numbers[1] > _OLD_ROWS or numbers[3] > _OLD_COLUMNS:
                    _refuse_old(name, numbers[1], numbers[3])
                    raise _broken(name)
        yield height, width


def _records(stream: bytes, at: int) -> Iterator[tuple[int, int, int]]:
    """Kind, place and length of each record from *at* on, up to the one that says it is the last."""
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        if kind == _LAST or at + 4 + length > len(stream):
            return
        yield kind, at + 4, length
        at += 4 + length


def _streams(raw: mmap.mmap) -> list[tuple[str, bytes]]:
    """
    The streams of an OLE container that a workbook may be in.

    ValueError and the like when it is broken: sectors that follow each other in a circle would be read for ever.
    """
    shift, directory, cutoff, small_fat_start, more_fat = _OLE_HEADER.unpack_from(raw)
    if shift not in {9, 12}:
        raise ValueError("sectors of no known size")

    def sector(number: int) -> bytes:
        if (number + 1) << shift >= len(raw):
            raise ValueError("a sector beyond the end")
        return raw[(number + 1) << shift : (number + 2) << shift]

    def table(data: bytes) -> list[int]:
        return [number for (number,) in struct.iter_unpack("<I", data)]

    def chain(start: int, following: Sequence[int]) -> Iterator[int]:
        visited: set[int] = set()
        while start <= _LAST_SECTOR:
            if start in visited:
                raise ValueError("a circle of sectors")
            visited.add(start)
            yield start
            start = following[start]

    fat_sectors = table(raw[76:512])
    seen: set[int] = set()
    while more_fat <= _LAST_SECTOR:
        if more_fat in seen:
            raise ValueError("a circle of sectors")
        seen.add(more_fat)
        *numbers, more_fat = table(sector(more_fat))
        fat_sectors += numbers
    fat_sectors = [number for number in fat_sectors if number <= _LAST_SECTOR]
    if len(fat_sectors) != len(set(fat_sectors)):
        raise ValueError("a sector used twice")
    fat = table(b"".join(map(sector, fat_sectors)))

    def stream(start: int) -> bytes:
        return b"".join(map(sector, chain(start, fat)))

    small_fat = table(stream(small_fat_start))
    small = b""
    streams: list[tuple[str, bytes]] = []
    entries = stream(directory)
    for at in range(0, len(entries) - 127, 128):
        length, kind = struct.unpack_from("<HB", entries, at + 64)
        label = entries[at : at + max(2, min(length, 64)) - 2].decode("utf-16-le", "replace")
        start, size = struct.unpack_from("<II", entries, at + 116)
        if kind == 5:  # the root: small streams are kept in its own
            small = stream(start)
        elif kind == 2 and label in {"Workbook", "Book", "EncryptedPackage"}:
            if size < cutoff:
                held = b"".join(small[number * 64 : number * 64 + 64] for number in chain(start, small_fat))
            else:
                held = stream(start)
            streams.append((label, held))
    return streams
