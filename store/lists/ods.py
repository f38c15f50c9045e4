"""
A reader of OpenDocument sheets (`.ods`), as LibreOffice and Google write them, that holds one row at a time.

All sheets are in one part (ODF 1.3, part 3, 9: https://docs.oasis-open.org/office/OpenDocument/v1.3/os/part3-schema/), which goes
through expat once. Rows wait in a file, each once however often it is repeated: a few bytes may say "a million times".
"""

import json
import os
import posixpath
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final
from xml.parsers import expat
from zipfile import ZipInfo

from store.errors import ListRefused
from store.lists.archives import Archive
from store.lists.kinds import OPEN_DOCUMENT, no_list
from store.lists.number_formats import iso_text, number_text
from store.lists.sheets import (
    CELL_LONGEST,
    CELLS,
    COLUMNS,
    LONG,
    MOST_LONG,
    ROWS,
    SHEETS,
    BrokenWorkbookError,
    Layout,
    Rows,
    Sheet,
    on_one_line,
    too_large,
)
from store.lists.xlsx import part_name
from store.lists.xml_parts import parsed

_CONTENT: Final = "content.xml"
_MANIFEST: Final = "meta-inf/manifest.xml"
_WHOLE_IS_LOCKED: Final = "encrypted-package"
_NAMESPACE: Final = "urn:oasis:names:tc:opendocument:xmlns:"
_TABLE, _OFFICE, _TEXT, _STYLE = (f"{_NAMESPACE}{name}:1.0 " for name in ("table", "office", "text", "style"))
_PROPERTIES: Final = f"{_STYLE}table-properties"
_GROUP: Final = f"{_TABLE}table-row-group"
_COLUMN: Final = f"{_TABLE}table-column"
_SPREADSHEET: Final = f"{_OFFICE}spreadsheet"
_VALUE_TYPE: Final = f"{_OFFICE}value-type"
_CELL: Final = f"{_TABLE}table-cell"
_VISIBILITY: Final = f"{_TABLE}visibility"
_ROW: Final = f"{_TABLE}table-row"
_TABLE_TAG: Final = f"{_TABLE}table"
_A_STYLE: Final = f"{_STYLE}style"
_PARAGRAPH: Final = f"{_TEXT}p"
_BLANKS: Final = f"{_TEXT}s"
_HIDDEN: Final = frozenset({"collapse", "filter"})
_CELLS: Final = frozenset({_CELL, f"{_TABLE}covered-table-cell"})
_BREAKS: Final = frozenset({f"{_TEXT}tab", f"{_TEXT}line-break"})
# Comments and shapes, deleted cells, and what is in headers and footers of printed pages.
_AWAY: Final = frozenset(
    {
        f"{_OFFICE}annotation",
        f"{_TABLE}tracked-changes",
        f"{_TABLE}shapes",
        f"{_OFFICE}forms",
        f"{_STYLE}header",
        f"{_STYLE}footer",
    }
)
_DEEPEST: Final = 100
_STYLES: Final = 65_536
_MANY: Final = 65_536  # cells between two words that it goes on
_PIECE: Final = 1 << 20  # bytes of rows that are read at a time

# The first and last column of cells that show the same, from 0, and what they show.
_Cell = tuple[int, int, str]


class OpenSheets:
    """
    An open document of sheets; `sheets` in their order.

    What it reads raises `BrokenWorkbookError`, `ListRefused` for what is too much, locked or no sheet, and OSError.
    """

    def __init__(self, tables: "_Tables", file: IO[bytes], name: str, working: Callable[[], object]) -> None:
        self._name = name
        self._working = working
        self._file = file
        self.sheets = [
            Sheet(label, visible, partial(self._rows, start, end, layout))
            for label, visible, start, end, layout in tables.found()
        ]

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, name: str, scratch: Path, *, limit: int, working: Callable[[], object]
    ) -> Iterator["OpenSheets"]:
        """The document at *path*, called *name*, of *limit* bytes unpacked; its rows are kept in the folder *scratch*."""
        with tempfile.TemporaryFile(dir=scratch, buffering=1 << 20) as file:
            with Archive.open(path, name, limit=limit, working=working) as archive:
                tables = _tables_of(archive, file.write, name)
            file.flush()
            yield cls(tables, file, name, working)

    def _rows(self, start: int, end: int, known: Layout, layout: Layout) -> Rows:
        layout.hidden |= known.hidden
        layout.filtered = known.filtered
        layout.merged += known.merged
        layout.tall += known.tall
        count = 0
        for line in self._lines(start, end):
            number, times, hidden, cells = json.loads(line)
            for repeated in range(number, number + times):
                row: list[str] = []
                for first, last, shown in cells:
                    row += [""] * (first - len(row))
                    row += [shown] * (last + 1 - first)
                before, count = count, count + len(row)
                if count > CELLS:
                    raise too_large(self._name, repeated, len(row))
                if count // _MANY > before // _MANY:
                    self._working()
                yield repeated, row, hidden

    def _lines(self, start: int, end: int) -> Iterator[bytes]:
        rest = b""
        while start < end:
            piece = os.pread(self._file.fileno(), min(_PIECE, end - start), start)
            if not piece:
                msg = "rows that were written are gone"
                raise OSError(msg)
            start += len(piece)
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines


def _tables_of(archive: Archive, write: Callable[[bytes], object], name: str) -> "_Tables":
    """The tables of the document in *archive*, whose rows are written with *write*."""
    parts = {part_name(member.filename): member for member in archive.members}
    if _WHOLE_IS_LOCKED in parts or _is_locked(archive, parts):
        raise ListRefused(f"{name} is locked with a password. Save it without one and drop that.")
    # What is embedded has contents of its own, in folders.
    contents = sorted(
        (part for part in parts if posixpath.basename(part) == _CONTENT), key=lambda part: part.count("/")
    )
    if not contents:
        raise BrokenWorkbookError("no content")
    parser = expat.ParserCreate(namespace_separator=" ")
    tables = _Tables(parser, write, name)
    for _ in parsed(archive, parts[contents[0]], parser):
        pass
    if not tables.is_spreadsheet:
        raise no_list(name, OPEN_DOCUMENT)
    return tables


def _is_locked(archive: Archive, parts: Mapping[str, ZipInfo]) -> bool:
    """Does the document's list of its *parts* say of any how it is encrypted?"""
    manifest = next((member for part, member in parts.items() if part.endswith(_MANIFEST)), None)
    if manifest is None:
        return False
    locked = False

    def start(tag: str, _attributes: dict[str, str]) -> None:
        nonlocal locked
        locked = locked or tag.rpartition(":")[2] == "encryption-data"

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    for _ in parsed(archive, manifest, parser):
        pass
    return locked


class _Tables:
    """The tables of a document's content, whose rows are written as expat comes upon them: with *write*, as JSON, a line each."""

    def __init__(self, parser: expat.XMLParserType, write: Callable[[bytes], object], name: str) -> None:
        self._write = write
        self._name = name
        self._size = 0  # bytes written
        self.is_spreadsheet = False
        self._tables: list[tuple[str, str, int, int, Layout]] = []  # name, style, first and last byte
        self._unseen: set[str] = set()  # styles of tables that are not shown
        self._style = ""  # whose properties come next
        self._open: list[str] = []  # elements
        self._away = 0  # how deep in what is no cell of a sheet, like a deleted one, or a chart's
        self._layout = Layout()
        self._row = self._times = self._column = self._row_columns = 0
        self._groups: list[bool] = []  # of rows: is each hidden
        self._row_hidden = False
        self._cells: list[_Cell] = []
        self._held = 0  # characters in the row, of long cells
        self._cell: dict[str, str] | None = None
        self._cell_depth = 0
        self._paragraphs: list[list[str]] = []
        self._taken = 0
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._characters

    def found(self) -> Iterator[tuple[str, bool, int, int, Layout]]:
        """Name, whether it is shown, and where its rows were written, of each table; how it looks."""
        for label, style, start, end, layout in self._tables:
            yield label, style not in self._unseen, start, end, layout

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._open.append(tag)
        if len(self._open) > _DEEPEST:
            raise BrokenWorkbookError("elements without end in each other")
        if self._away or tag in _AWAY or self._is_beside_text(tag):
            self._away += 1
        elif self._cell is not None:
            self._start_in_cell(tag, attributes)
        elif tag in _CELLS:
            self._cell, self._cell_depth = attributes, len(self._open)
            self._paragraphs, self._taken = [], 0
        elif tag == _ROW:
            self._start_row(attributes)
        elif tag == _TABLE_TAG:
            if len(self._tables) == SHEETS:
                raise ListRefused(
                    f"{self._name} has more than {SHEETS:,} sheets. Save the one with the phones as CSV and drop that."
                )
            self._layout = Layout()
            self._row = self._column = 0
            self._groups.clear()
            label = attributes.get(f"{_TABLE}name", "")[:LONG]
            self._tables.append(
                (label, attributes.get(f"{_TABLE}style-name", ""), self._size, self._size, self._layout)
            )
        elif tag == _COLUMN:
            times = _times(attributes, "number-columns-repeated")
            if attributes.get(_VISIBILITY) in _HIDDEN:
                self._layout.hide(self._column, self._column + times - 1)
            self._column += times
        elif tag == _GROUP:
            self._groups.append(attributes.get(f"{_TABLE}display") == "false")
        elif tag == _SPREADSHEET:
            self.is_spreadsheet = True
        elif tag == _A_STYLE:
            self._style = attributes.get(f"{_STYLE}name", "")
        elif tag == _PROPERTIES and attributes.get(f"{_TABLE}display") == "false" and len(self._unseen) < _STYLES:
            self._unseen.add(self._style[:LONG])

    def _is_beside_text(self, tag: str) -> bool:
        """Is an element that begins in a cell no paragraph of it, but a picture, a list of its own or another table?"""
        return self._cell is not None and len(self._open) == self._cell_depth + 1 and tag != _PARAGRAPH

    def _start_row(self, attributes: dict[str, str]) -> None:
        if not self._tables:
            raise BrokenWorkbookError("a row outside of tables")
        self._times = _times(attributes, "number-rows-repeated")
        visibility = attributes.get(_VISIBILITY)
        self._layout.filtered = self._layout.filtered or visibility == "filter"
        self._row_hidden = visibility in _HIDDEN or any(self._groups)
        self._cells, self._row_columns, self._held = [], 0, 0

    def _start_in_cell(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._open) == self._cell_depth + 1:
            self._paragraphs.append([])
        elif tag == _BLANKS:
            self._characters(" " * min(_times(attributes, "c", _TEXT), LONG))
        elif tag in _BREAKS:
            self._characters(" ")

    def _characters(self, piece: str) -> None:
        # Of what stands in a cell only paragraphs are its text, and whatever is in them.
        if self._away or self._cell is None or not self._paragraphs or len(self._open) <= self._cell_depth:
            return
        if self._taken <= CELL_LONGEST:
            self._paragraphs[-1].append(piece[: CELL_LONGEST + 1 - self._taken])
            self._taken += len(piece)

    def _end(self, tag: str) -> None:
        self._open.pop()
        if self._away:
            self._away -= 1
        elif self._cell is not None:
            if len(self._open) < self._cell_depth:
                self._end_cell(tag, self._cell)
                self._cell = None
        elif tag == _ROW:
            self._end_row()
        elif tag == _GROUP and self._groups:
            self._groups.pop()
        elif tag == _TABLE_TAG and self._tables:
            label, style, start, _, layout = self._tables[-1]
            self._tables[-1] = label, style, start, self._size, layout

    def _end_cell(self, tag: str, attributes: dict[str, str]) -> None:
        times, first = _times(attributes, "number-columns-repeated"), self._row_columns
        self._row_columns += times
        tall, wide = _times(attributes, "number-rows-spanned"), _times(attributes, "number-columns-spanned")
        self._layout.merge(self._row + 1, self._row + tall, first, first + wide - 1)
        if tag != _CELL:
            return  # it is covered by one that reaches over it
        shown = self._shown(attributes)
        if not shown.strip():
            return
        if first + times > COLUMNS:
            raise too_large(self._name, self._row + 1, first + times)
        if len(shown) > LONG:
            self._held += times * len(shown)
            if self._held > MOST_LONG:
                shown = shown[:LONG]
        self._cells.append((first, first + times - 1, shown))

    def _shown(self, attributes: dict[str, str]) -> str:
        """What a cell shows, as a person would have typed it."""
        text = on_one_line("\n".join("".join(pieces) for pieces in self._paragraphs))
        match attributes.get(_VALUE_TYPE):
            case "float" | "percentage" | "currency":
                number = number_text(attributes.get(f"{_OFFICE}value", text))
                # A plus or noughts before the digits are of its looks, and part of the phone that a person reads.
                digits = "".join(filter(str.isdecimal, text))
                looks_whole = number.isdecimal() and digits.endswith(number) and not text.strip("+0123456789 ()-")
                return text if looks_whole else number
            case "date":
                return iso_text(attributes.get(f"{_OFFICE}date-value", text))
            case "boolean":
                return attributes.get(f"{_OFFICE}boolean-value", text).upper()
            case "string":
                return text or on_one_line(attributes.get(f"{_OFFICE}string-value", ""))
        formula = attributes.get(f"{_TABLE}formula", "").partition("=")[2]
        # A formula that nobody computed is shown and not passed over.
        return text or (f"={on_one_line(formula)}" if formula and _VALUE_TYPE not in attributes else "")

    def _end_row(self) -> None:
        if self._cells:
            if self._row + self._times > ROWS:
                raise too_large(self._name, self._row + self._times, self._row_columns)
            line = json.dumps((self._row + 1, self._times, self._row_hidden, self._cells)).encode() + b"\n"
            self._write(line)
            self._size += len(line)
        self._row += self._times
        self._cells = []


def _times(attributes: dict[str, str], what: str, of: str = _TABLE) -> int:
    """How many times something is repeated, or how far it reaches; once unless its *attributes* say more."""
    given = attributes.get(f"{of}{what}", "1")[:10]
    return max(1, int(given))
