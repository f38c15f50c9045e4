"""
Conversion of a sheet of an Excel workbook into lines of text: one line a row, so that a line's number is the row's.

python-calamine reads the workbook, as a whole and into memory, and takes its word for the sheet's size: a cell in the
last row and one in the last column make a table of seventeen billion. So it is measured before, cell by cell.
"""

import contextlib
import datetime as dt
import functools
import html
import mmap
import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from store.errors import ListRefused
from store.lists.archives import Archive
from store.lists.columns import THRUTEXT, column_key, likely_phones

# About 70 bytes of memory a cell. A full sheet has 1,048,576 rows.
_CELLS: Final = 10_000_000
_INFLATED: Final = 500_000_000  # bytes a workbook may unpack to
_OLD_BYTES: Final = 200_000_000  # an .xls of 65,536 rows and 256 columns is smaller
_ROWS: Final = 1_048_576  # of Excel: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
_ERRORS: Final = 100_000  # error values kept by name; those beyond come out empty
_SAMPLE_ROWS: Final = 200
_HEADER_WITHIN: Final = 20
LONGEST: Final = 256 * 1024  # characters in a row

_AS_CSV: Final = "In Excel, open the sheet with the phones, save it as CSV UTF-8 and drop that."


def sheet_as_text(path: Path, name: str, phone_key: str, spool: Path, *, old: bool) -> str | None:
    """
    Write the sheet of the workbook at *path* that is the list to *spool*: UTF-8, LF, tabs, quoted like CSV.

    The list is the first visible sheet with a column called *phone_key* (as `column_key` gives it), else the first that looks
    like a ThruText export, else the first with a column that looks like phones, else the first with anything in it.
    Returns a remark naming it when there was a choice. *old*: an `.xls`, else an `.xlsx`. Raises `ListRefused` for what
    is broken, locked, too big or empty.
    """
    errors = _measure_old(path, name) if old else _measured(path, name)
    with _translated(name), CalamineWorkbook.from_path(str(path)) as workbook:
        sheet, sheets = _chosen(workbook, phone_key)
    if sheet is None:
        raise ListRefused(
            f"{name} is empty. A list has a column called `phone` and one phone a row: add them and drop the file again."
        )
    with spool.open("w", encoding="utf-8", errors="replace", newline="") as file:
        file.writelines(_lines(sheet, errors.get(sheet.name, {}), name))
    return f"sheet '{sheet.name}' read, one of {sheets}" if sheets > 1 else None


@contextlib.contextmanager
def _translated(name: str) -> Iterator[None]:
    """Translate what calamine raises into `ListRefused`."""
    try:
        yield
    except (CalamineError, OSError, ValueError, OverflowError) as error:
        raise _broken(name) from error
    except BaseException as error:
        # A panic comes as PyO3's PanicException, which is no Exception and which no module exports.
        if type(error).__name__ != "PanicException":
            raise
        raise _broken(name) from error


def _chosen(workbook: CalamineWorkbook, phone_key: str) -> tuple[CalamineSheet | None, int]:
    """The sheet that is the list, None if all are empty; and how many sheets there are, the hidden ones with them."""
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
    shown = [sheet for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible] or sheets
    best: tuple[int, CalamineSheet | None] = (0, None)
    for sheet in shown:
        loaded = workbook.get_sheet_by_name(sheet.name)
        fit = _fit(loaded, phone_key)
        if fit > best[0]:
            best = fit, loaded
        if fit == _HAS_COLUMN:
            break
    return best[1], len(sheets)


def _broken(name: str) -> ListRefused:
    return ListRefused(f"{name} is an Excel workbook that cannot be read: it is broken. Save it again and drop that.")


def _locked(name: str) -> ListRefused:
    return ListRefused(
        f"{name} is an Excel workbook locked with a password. In Excel, save the list as CSV UTF-8 and drop that."
    )


_HAS_COLUMN: Final = 4


def _fit(sheet: CalamineSheet, phone_key: str) -> int:
    """How well *sheet* would do as the list; 0 is empty."""
    filled = (cells for row in _rows(sheet) if any(map(str.strip, cells := list(map(_text, row)))))
    rows = list(islice(filled, _SAMPLE_ROWS))
    if not rows:
        return 0
    heads = [set(map(column_key, row)) for row in rows[:_HEADER_WITHIN]]
    if any(phone_key in head for head in heads):
        return _HAS_COLUMN
    if any(head >= THRUTEXT for head in heads):
        return 3
    unnamed = [f"column {place}" for place in range(max(map(len, rows)))]
    return 2 if likely_phones(unnamed, rows[1:]) or likely_phones(unnamed, rows) else 1


_Value = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


def _rows(sheet: CalamineSheet) -> Iterator[list[_Value]]:
    """Every row from the sheet's first on; calamine skips empty columns on the left, and no rows."""
    return iter(sheet.iter_rows()) if sheet.start is not None else iter(())


def _lines(sheet: CalamineSheet, errors: dict[tuple[int, int], str], name: str) -> Iterator[str]:
    first_column = sheet.start[1] if sheet.start is not None else 0
    with _translated(name):
        for number, row in enumerate(_rows(sheet)):
            cells = list(map(_text, row))
            if errors:
                for place, cell in enumerate(cells):
                    cells[place] = cell or errors.get((number, first_column + place), "")
            while cells and not cells[-1].strip():
                cells.pop()
            text = "\t".join('"' + cell.replace('"', '""') + '"' if '"' in cell else cell for cell in cells)
            if len(text) > LONGEST:
                raise ListRefused(
                    f"{name} has more than {LONGEST:,} characters in row {number + 1:,}. A list has one phone a row: "
                    "put each in its own and drop the file again."
                )
            yield f"{text}\n"


_BREAKS = re.compile(r"[\r\n\t\0]+")


def _text(value: _Value) -> str:
    """A cell as a person would have typed it. A number whose last digits Excel dropped stays visibly one of those."""
    if isinstance(value, str):
        return _BREAKS.sub(" ", value) if _BREAKS.search(value) else value
    if isinstance(value, float):
        if abs(value) >= 1e15:  # Excel keeps 15 digits and writes zeros for the rest
            return f"{value:.14E}"
        return f"{value:.0f}" if value.is_integer() else repr(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return _text(float(value))
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)


# --- measuring -------------------------------------------------------------------------------------------------------


def _refuse_size(name: str, height: int, width: int) -> None:
    if height > _ROWS or height * width > _CELLS:
        raise ListRefused(
            f"{name} has a sheet of {height:,} rows and {width:,} columns, and at most {_CELLS:,} cells are read. "
            f"{_AS_CSV}"
        )


# Excel writes a cell's place first; others anywhere. Values may have ">" in them, and prefixes are allowed. Possessive,
# for what never ends.
_PLACE: Final = rb"""\sr\s*=\s*["']([A-Za-z]*)(\d{0,12})["']"""
_TAG = re.compile(
    rb"<(?:[\w.-]++:)?(row|c|sheet|Relationship)(?=[\s/>])(?:" + _PLACE + rb""")?"""
    rb"""((?:[^>"']++|"[^"]*+"|'[^']*+')*+)>(?:(?:<f[^>]*>[^<]*</f>|<f[^>]*/>)?<v>(\#[A-Z0-9/!?_]{2,20})</)?"""
)
_LATER = re.compile(_PLACE)
_ATTRIBUTE = re.compile(r"""(?:[\w.-]+:)?(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")


def _measured(path: Path, name: str) -> dict[str, dict[tuple[int, int], str]]:
    """Refuse an `.xlsx` that is too big to load. Gives its error values by sheet and place, which calamine drops."""
    errors: dict[str, dict[tuple[int, int], str]] = {}
    with Archive.open(path, name, limit=_INFLATED) as archive:
        names: dict[str, str] = {}
        targets: dict[str, str] = {}
        for member in archive.members:
            errors[member.filename] = _measured_sheet(archive.read(member), name, names, targets)
    parts = {sheet: "xl/" + targets.get(key, "").removeprefix("/").removeprefix("xl/") for sheet, key in names.items()}
    return {sheet: errors.get(part, {}) for sheet, part in parts.items()}


def _measured_sheet(
    pieces: Iterable[bytes], name: str, names: dict[str, str], targets: dict[str, str]
) -> dict[tuple[int, int], str]:
    """One part of a workbook. *names* and *targets* take up what it says of sheets and of where they are."""
    errors: dict[tuple[int, int], str] = {}
    row = column = height = width = 0
    for text in _whole_tags(pieces, name):
        for tag, letters, digits, attributes, error in _TAG.findall(text):
            if tag == b"row" or tag == b"c":  # noqa: PLR1714  twice as fast as a look-up, ten million times
                if not digits and (later := _LATER.search(attributes)):
                    letters, digits = later.groups()  # noqa: PLW2901  found where they were not looked for
                if digits:
                    row = int(digits)
            if tag == b"row":
                row, column = (row if digits else row + 1), 0
            elif tag == b"c":
                column = _column(letters) if letters else column + 1
                if not attributes.endswith(b"/"):
                    height, width = max(height, row), max(width, column)
                if error and len(errors) < _ERRORS:
                    errors[row - 1, column - 1] = error.decode("ascii")
            else:
                pairs = _ATTRIBUTE.findall(attributes.decode("utf-8", "replace"))
                values = {key: html.unescape(one or other) for key, one, other in pairs}
                if tag == b"sheet":
                    names[values.get("name", "")] = values.get("id", "")
                elif values.get("Type", "").endswith("/worksheet"):
                    targets[values.get("Id", "")] = values.get("Target", "")
    _refuse_size(name, height, width)
    return errors


def _whole_tags(pieces: Iterable[bytes], name: str) -> Iterator[bytes]:
    """*pieces*, cut anew where no tag is in two of them, and no cell if it can be helped."""
    rest = b""
    for piece in pieces:
        text = rest + piece
        end = text.rfind(b"</c>") + 4
        if end < 4:
            end = text.rfind(b">") + 1
        if end == 0 and len(text) > 2 * LONGEST:
            if b"<" in text:
                raise _broken(name)
            end = len(text)  # an image, perhaps
        yield text[:end]
        rest = text[end:]
    yield rest


@functools.lru_cache
def _column(letters: bytes) -> int:
    number = 0
    for letter in letters[:8].upper():
        number = number * 26 + letter - 64
    return number


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


def _measure_old(path: Path, name: str) -> dict[str, dict[tuple[int, int], str]]:
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
                _refuse_size(name, height, width)
                cells += height * width
        except struct.error as error:
            raise _broken(name) from error
        if cells > _CELLS:  # calamine loads every sheet of an .xls at once
            raise ListRefused(
                f"{name} has sheets of {cells:,} cells together, and at most {_CELLS:,} are read. {_AS_CSV}"
            )
    return {}


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
                    _refuse_size(name, numbers[1], numbers[3])
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
