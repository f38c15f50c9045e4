"""
A reader of Excel workbooks (`.xlsx`) that holds one row at a time, and no more of a workbook than that.

Libraries load a sheet, or at least its texts, as a whole: half a megabyte of file can be half a gigabyte of it. Here the
parts go through expat in pieces (ECMA-376, part 1, 18: https://ecma-international.org/publications-and-standards/standards/ecma-376/),
and texts that cells share wait in a file.
"""

import datetime as dt
import itertools
import math
import os
import posixpath
import re
import tempfile
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote
from xml.parsers import expat
from zipfile import ZipInfo

from store.errors import ListRefused
from store.lists.archives import Archive

# Of a sheet: https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3
ROWS: Final = 1_048_576
COLUMNS: Final = 16_384
CELLS: Final = 20_000_000  # that are read of a sheet
LONGEST: Final = 256 * 1024  # characters in a row of a list
SHEETS: Final = 1_000
STYLES: Final = 65_536  # of cells; Excel has 65,490
_TEXTS: Final = 20_000_000  # that cells may share
_BLOCK_BITS: Final = 5
_BLOCK: Final = 1 << _BLOCK_BITS  # texts that are read at a time
_TEXTS_HELD: Final = 8_000_000  # bytes of texts that are held, about
CELL_LONGEST: Final = (
    32_767  # characters of a cell that are kept, which is what Excel has; one more tells that it was longer
)
MOST_LONG: Final = (
    2 * LONGEST
)  # characters in the long cells of a row, beyond which of each others only the first are held
LONG: Final = 1_000  # characters in a cell: as many as a row may have cells of these make no row too long to hold
_TOKEN_LONGEST: Final = 1_000_000  # bytes of one tag, which expat holds until it ends
_NAMES: Final = 5_000  # of elements and attributes in a part, which expat keeps; and how deep they stand in each other
_DEEPEST: Final = 100
_NAME_LONGEST: Final = 1_000  # characters of what is kept of a tag

_WORKBOOK: Final = re.compile(r"xl/workbook\d*\.xml")
_RELATIONS: Final = "_rels/.rels"
_TYPES: Final = "[content_types].xml"
_BREAKS: Final = re.compile(r"[\r\n\t\0]+")
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
# Formats of dates and times that workbooks do not spell out (18.8.30), and what is no part of one that they do.
_DATES: Final = frozenset({*range(14, 23), *range(27, 37), 45, 47, *range(50, 59)})
_ELAPSED: Final = frozenset({46})
_NO_FORMAT: Final = re.compile(r'"[^"]*"|[\\_*].|\[(?![hms]+\])[^\[\]]*\]', re.IGNORECASE | re.DOTALL)


class BrokenWorkbookError(Exception):
    """The workbook is not as workbooks are."""


class _MissingPartError(BrokenWorkbookError):
    """A part is not there."""


@dataclass(slots=True)
class Layout:
    """
    How a sheet looks to a person, besides what its cells show; filled while its rows are read.

    `hidden` columns, from 0, are known before the first row. `filtered`: rows are hidden by a filter, which is known after the
    last, as are the `merged` cells that matter for a header: row, first and last column.
    """

    hidden: set[int] = field(default_factory=set)
    filtered: bool = False
    merged: list[tuple[int, int, int]] = field(default_factory=list)
    _room: int = 4 * COLUMNS  # columns that may be said to be hidden, over and over

    def hide(self, first: int, last: int) -> None:
        """The columns from *first* to *last*, from 0, are hidden."""
        columns = range(max(0, first), min(last + 1, COLUMNS, max(0, first) + self._room))
        self._room -= len(columns)
        self.hidden.update(columns)

    def merge(self, row: int, first: int, last: int) -> None:
        """A cell of *row*, from 1, reaches from column *first* to *last*."""
        if first < last < COLUMNS and row <= MERGED_WITHIN and len(self.merged) < _MOST_MERGED:
            self.merged.append((row, first, last))


MERGED_WITHIN: Final = 100  # rows; a header is never further down
_MOST_MERGED: Final = 1_000
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


class Workbook:
    """
    An open workbook; `sheets` in their order.

    What it reads raises `BrokenWorkbookError`, `ListRefused` for what is too much, and OSError when texts cannot be
    kept. The limit is the archive's.
    """

    def __init__(self, archive: Archive, name: str, scratch: Path) -> None:
        self._archive = archive
        self._name = name
        self._parts = {part_name(member.filename): member for member in archive.members}
        if len(self._parts) < len(archive.members):
            raise BrokenWorkbookError("two parts have the same name")
        place = self._place()
        relations = self._relations(place)
        self._from_1904 = False
        self.sheets = self._sheets(place, relations)
        self._kinds = self._styles(_target(relations, "styles"))
        self._texts: Texts | None = None
        self._texts_part = _target(relations, "sharedStrings")
        self._scratch = scratch

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, name: str, scratch: Path, *, limit: int, working: Callable[[], object]
    ) -> Iterator["Workbook"]:
        """
        The workbook at *path*, called *name*, of *limit* bytes unpacked; what it shares is kept in the folder *scratch*.

        *working*: see `Archive`.
        """
        with Archive.open(path, name, limit=limit, working=working) as archive:
            workbook = cls(archive, name, scratch)
            try:
                yield workbook
            finally:
                if workbook._texts is not None:
                    workbook._texts.close()

    def _rows(self, part: ZipInfo, layout: Layout) -> Rows:
        if self._texts is None:
            self._texts = self._shared_texts()
        ready: list[SheetRow] = []
        parser = expat.ParserCreate()
        _Rows(ready, self._texts, self._kinds, self._text_of, self._name, layout).handle(parser)
        with closing(parsed(self._archive, part, parser)) as pieces:
            for _ in pieces:
                yield from ready
                ready.clear()

    def _text_of(self, kind: str, value: str, style: str | None) -> str:
        """What a cell shows that is no shared text and no plain number, from its type, its value and its style."""
        if kind == "n":
            return moment_text(value, self._kinds[style], from_1904=self._from_1904)
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind == "d":
            return iso_text(value)
        return clean(value)

    def _part(self, place: str) -> ZipInfo:
        """
        The part at *place*; where there is none, the only one so called.

        Some programs pack parts without their folders, or all in a folder of its own.
        """
        for name in (part_name(place), part_name(unquote(place))):
            if name in self._parts:
                return self._parts[name]
        called = posixpath.basename(part_name(place))
        alike = [name for name in self._parts if posixpath.basename(name) == called]
        if len(alike) != 1:
            raise _MissingPartError(f"there is no {place}")
        return self._parts[alike[0]]

    def _place(self) -> str:
        """Where the workbook itself is: its package says so."""
        with suppress(_MissingPartError):
            if place := _target(self._relations_in(self._part(_RELATIONS), ""), "officeDocument"):
                return part_name(self._part(place).filename)
        return next(filter(_WORKBOOK.fullmatch, self._parts), "xl/workbook.xml")

    def _elements(self, part: ZipInfo, handle: Callable[[str, dict[str, str]], object]) -> None:
        """Call *handle* with the name and the attributes of each element of *part*, without their prefixes."""
        parser = expat.ParserCreate()
        depth = _Depth(parser)

        def start(tag: str, attributes: dict[str, str]) -> None:
            depth.enter()
            handle(_local(tag), {_local(key): value[:_NAME_LONGEST] for key, value in attributes.items()})

        parser.StartElementHandler = start
        for _ in parsed(self._archive, part, parser):
            pass

    def _relations(self, place: str) -> dict[str, tuple[str, str]]:
        """Kind and part of what the part at *place* refers to, by id."""
        folder, base = posixpath.split(place)
        return self._relations_in(self._part(f"{folder}/_rels/{base}.rels"), folder)

    def _relations_in(self, part: ZipInfo, folder: str) -> dict[str, tuple[str, str]]:
        relations: dict[str, tuple[str, str]] = {}

        def take(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Relationship" and len(relations) < SHEETS + 100:
                kind = attributes.get("Type", "").rpartition("/")[2]
                target = attributes.get("Target", "").replace("\\", "/")
                relations[attributes.get("Id", "")] = kind, posixpath.join("/", folder, target)

        self._elements(part, take)
        return relations

    def _sheets(self, place: str, relations: dict[str, tuple[str, str]]) -> list[Sheet]:
        found: list[tuple[str, bool, str]] = []

        def take(tag: str, attributes: dict[str, str]) -> None:
            if tag == "sheet":
                kind, target = relations.get(attributes.get("id", ""), ("", ""))
                if kind == "worksheet":
                    found.append((attributes.get("name", ""), attributes.get("state", "visible") == "visible", target))
                if len(found) > SHEETS:
                    raise ListRefused(
                        f"{self._name} has more than {SHEETS:,} sheets. Save the one with the phones as CSV and drop that."
                    )
            elif tag == "workbookPr":
                self._from_1904 = attributes.get("date1904") in {"1", "true"}

        self._elements(self._part(place), take)
        parts = [self._part(target) for _, _, target in found]
        if len({part.filename for part in parts}) < len(parts):
            raise BrokenWorkbookError("two sheets are one")
        return [
            Sheet(name, visible, partial(self._rows, part))
            for (name, visible, _), part in zip(found, parts, strict=True)
        ]

    def _styles(self, place: str | None) -> dict[str | None, str]:
        """Of each style of cells that shows numbers as something else, by its number: "date" or "elapsed"."""
        formats: dict[str, str] = {}
        styles: dict[str | None, str] = {}
        inside = number = 0

        def take(tag: str, attributes: dict[str, str]) -> None:
            nonlocal inside, number
            if tag in {"cellXfs", "cellStyleXfs", "dxfs"}:
                inside = tag == "cellXfs"
            elif tag == "numFmt" and (kind := kind_of(attributes.get("formatCode", ""))) and len(formats) < STYLES:
                formats[attributes.get("numFmtId", "")] = kind
            elif tag == "xf" and inside:
                identity = attributes.get("numFmtId", "0")
                if (kind := formats.get(identity) or BUILT_IN.get(identity)) and number < STYLES:
                    styles[str(number)] = kind
                number += 1

        if place is not None:
            with suppress(_MissingPartError):
                self._elements(self._part(place), take)
        return styles

    def _shared_texts(self) -> "Texts":
        texts = Texts(self._scratch, self._name)
        try:
            if self._texts_part is not None:
                parser = expat.ParserCreate()
                _read_texts(parser, texts.add)
                for _ in parsed(self._archive, self._part(self._texts_part), parser):
                    pass
            texts.finish()
        except BaseException:
            texts.close()
            raise
        return texts


def parsed(archive: Archive, part: ZipInfo, parser: expat.XMLParserType) -> Generator[None, None, None]:
    """Feed *part* of *archive* to *parser*, and say so after each piece; `BrokenWorkbookError` where it is no XML of a document's."""
    parser.buffer_text = True
    parser.buffer_size = 1 << 16
    parser.StartDoctypeDeclHandler = _refuse_doctype
    fed = 0

    def feed(piece: bytes, *, last: bool = False) -> None:
        try:
            parser.Parse(piece, last)
        except (expat.ExpatError, ValueError, LookupError) as error:
            raise BrokenWorkbookError(f"{part.filename}: {error}") from error

    with closing(archive.read(part)) as pieces:
        for piece in pieces:
            feed(piece)
            fed += len(piece)
            if fed - parser.CurrentByteIndex > _TOKEN_LONGEST:
                raise BrokenWorkbookError("a tag does not end")
            if len(parser.intern) > _NAMES:
                raise BrokenWorkbookError("names that are made up")
            yield
    feed(b"", last=True)
    yield


class _Depth:
    """How deep elements stand in each other: expat keeps all that are open."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self._open = 0
        parser.EndElementHandler = self.leave

    def enter(self) -> None:
        self._open += 1
        if self._open > _DEEPEST:
            raise BrokenWorkbookError("elements without end in each other")

    def leave(self, _tag: str) -> None:
        self._open -= 1


def _refuse_doctype(*_: Any) -> None:
    """Entities are declared there; what Excel and its like write declares none (ECMA-376, part 2, 9.1.4)."""
    raise BrokenWorkbookError("a document type")


def part_name(name: str) -> str:
    """Names of parts are the same in any case (ECMA-376, part 2, 9.1.1), and some programs write backslashes."""
    return posixpath.normpath("/" + name.replace("\\", "/")).lstrip("/").casefold()


def part_names(members: Iterable[ZipInfo]) -> set[str]:
    """The names of a zip file's *members* as parts of a package."""
    return {part_name(member.filename) for member in members}


def is_package(names: AbstractSet[str]) -> bool:
    """Is a zip file with parts of these *names* a workbook, or another package of Office's?"""
    return any(posixpath.basename(name) == _TYPES for name in names) or any(
        name == _RELATIONS or _WORKBOOK.fullmatch(name) for name in names
    )


def _target(relations: dict[str, tuple[str, str]], kind: str) -> str | None:
    return next((place for of_kind, place in relations.values() if of_kind == kind), None)


def _local(name: str) -> str:
    """A name of XML without its prefix."""
    return name.rpartition(":")[2]


# --- texts that cells share -------------------------------------------------------------------------------------------


class Texts:
    """
    The texts that cells share, by number, in a file that has no name and goes when it is closed.

    They are lines of it, and blocks of lines are what is read: cells mostly share texts in the order in which they stand.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._file = tempfile.TemporaryFile(dir=folder, buffering=1 << 20)  # noqa: SIM115  closed by `close`
        self._starts = array("Q")
        self._size = 0
        self._count = 0
        self._block: list[str] = []
        self._read: dict[int, list[str]] = {}
        self._room = _TEXTS_HELD

    def add(self, text: str) -> None:
        """One more, which has no line end in it."""
        self._block.append(text)
        if len(self._block) == _BLOCK:
            self._write()

    def finish(self) -> None:
        """There are no more."""
        if self._block:
            self._write()
        self._file.flush()
        self._starts.append(self._size)

    def _write(self) -> None:
        raw = "\n".join(self._block).encode("utf-8", "replace")
        self._file.write(raw)
        self._starts.append(self._size)
        self._size += len(raw)
        self._count += len(self._block)
        self._block.clear()
        if self._count > _TEXTS:
            raise ListRefused(
                f"{self._name} has more than {_TEXTS:,} texts, and at most as many are read. In Excel, open the sheet with "
                "the phones, save it as CSV UTF-8 and drop that."
            )

    def __getitem__(self, number: int) -> str:
        block = self._read.get(number >> _BLOCK_BITS)
        if block is None:
            block = self._load(number)
        try:
            return block[number & (_BLOCK - 1)]
        except IndexError:
            raise BrokenWorkbookError("there is no such text") from None

    def _load(self, number: int) -> list[str]:
        if not 0 <= number < self._count:
            raise BrokenWorkbookError("there is no such text")
        place = number >> _BLOCK_BITS
        size = self._starts[place + 1] - self._starts[place]
        self._room -= size + 100 * _BLOCK
        if self._room < 0:
            self._read.clear()
            self._room = _TEXTS_HELD - size
        block = os.pread(self._file.fileno(), size, self._starts[place]).decode().split("\n")
        self._read[place] = block
        return block

    def close(self) -> None:
        self._file.close()


# Elements by their names: of few, and of as many more as there are prefixes.
_VALUE, _FORMULA, _CELL, _TEXT, _ROW, _SPOKEN, _DATA, _ITEM, _WIDTH, _MERGED, _FILTER = range(1, 12)
_TAGS: Final = {
    "row": _ROW,
    "c": _CELL,
    "v": _VALUE,
    "t": _TEXT,
    "f": _FORMULA,
    "rPh": _SPOKEN,
    "sheetData": _DATA,
    "si": _ITEM,
    "col": _WIDTH,
    "mergeCell": _MERGED,
    "filterColumn": _FILTER,
}


class _Tags(dict[str, int]):
    """`_TAGS` with whatever prefix a name comes with."""

    def __missing__(self, name: str) -> int:
        what = _TAGS.get(_local(name), 0)
        if len(self) < 100:  # whoever makes names up gets no room for them
            self[name] = what
        return what


def _read_texts(parser: expat.XMLParserType, add: Callable[[str], object]) -> None:
    """Have *parser* call *add* with each shared text (18.4): the runs of one together, without how it is spoken."""
    tags = _Tags(_TAGS)
    parts: list[str] = []
    held = depth = 0
    taking = spoken = False

    def start(tag: str, _attributes: list[str]) -> None:
        nonlocal depth, taking, spoken
        what = tags[tag]
        depth += 1
        if depth > _DEEPEST:
            raise BrokenWorkbookError("elements without end in each other")
        if what == _TEXT:
            taking = not spoken
        elif what == _SPOKEN:
            spoken = True

    def end(tag: str) -> None:
        nonlocal depth, held, taking, spoken
        what = tags[tag]
        depth -= 1
        taking = False
        if what == _ITEM:
            add(clean("".join(parts)))
            parts.clear()
            held = 0
            spoken = False
        elif what == _SPOKEN:
            spoken = False

    def text(piece: str) -> None:
        nonlocal held
        if taking and held <= CELL_LONGEST:
            parts.append(piece[: CELL_LONGEST + 1 - held])
            held += len(piece)

    parser.ordered_attributes = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text


# --- rows -------------------------------------------------------------------------------------------------------------


class _Rows:
    """The rows of a sheet (18.3.1.73) as expat comes upon them: whole ones are put into *ready*."""

    def __init__(
        self,
        ready: list[SheetRow],
        texts: "Texts",
        kinds: Mapping[str | None, str],
        other: Callable[[str, str, str | None], str],
        name: str,
        layout: Layout,
    ) -> None:
        self._ready = ready
        self._texts = texts
        self._kinds = kinds
        self._other = other  # what a cell shows that is no shared text and no plain number
        self._name = name
        self._layout = layout
        self._last = 0

    def numbered(self, digits: str, width: int) -> int:
        """The number of a row, which is higher than that of the one before."""
        number = int(digits)
        if number > ROWS:
            raise too_large(self._name, number, max(1, width))
        if number <= self._last:
            raise BrokenWorkbookError("a row stands where another is")
        return number

    def handle(self, parser: expat.XMLParserType) -> None:
        """
        Have *parser* tell of the elements.

        Variables of one function and not attributes, since ten million cells go through here.
        """
        tags, ready, name, shown_as, other = _Tags(_TAGS), self._ready, self._name, self._kinds, self._other
        texts, letters, layout = self._texts, _letters(), self._layout
        cells: list[str] = []
        parts: list[str] = []
        inline: list[str] = []
        attributes: dict[str, str] = {}
        held = taken = column = row = depth = 0
        digits = formula = ""
        value: str | None = None
        taking = inside = placed = spoken = hidden = False

        def placed_at(place: str) -> int:
            """The column of the cell at *place*, which is not where the one before it leads to."""
            nonlocal digits, placed, row
            found = place.rstrip("0123456789")
            number = _column(found)
            if place[len(found) :] != digits:
                if placed or cells:
                    raise BrokenWorkbookError("a cell of another row")
                digits, placed = place[len(found) :], True
                row = self.numbered(digits, number)
            return number

        def start(tag: str, given: dict[str, str]) -> None:
            nonlocal attributes, held, taken, column, row, digits, formula, value, taking, inside, placed, spoken, depth
            nonlocal hidden
            what = tags[tag]
            depth += 1
            if depth > _DEEPEST:
                raise BrokenWorkbookError("elements without end in each other")
            if what == _VALUE:
                taking, taken = True, 0
                parts.clear()
            elif what == _CELL:
                value, attributes, formula, taken = None, given, "", 0
                inline.clear()
            elif what == _TEXT:
                taking = not spoken
                parts.clear()
            elif what == _FORMULA:
                taking = True
                parts.clear()
            elif what == _ROW and inside:
                column = held = 0
                cells.clear()
                number = given.get("r")
                placed = number is not None
                digits = number or str(self._last + 1)
                row = self.numbered(digits, 1)
                hidden = is_hidden(given, "ht")
            elif what == _SPOKEN:
                spoken = True
            elif what == _DATA:
                inside = True
            elif what == _WIDTH and not inside and is_hidden(given, "width"):
                layout.hide(int(given.get("min", "1")) - 1, int(given.get("max", "1")) - 1)
            elif what == _MERGED:
                with suppress(ValueError, BrokenWorkbookError):  # a merge of nothing hides nothing
                    layout.merge(*_reach(given.get("ref", "")))
            elif what == _FILTER and "hiddenButton" not in given:  # which only says that a column cannot be filtered
                layout.filtered = True

        def end(tag: str) -> None:
            nonlocal held, column, formula, value, taking, inside, spoken, depth
            what = tags[tag]
            depth -= 1
            if what == _VALUE:
                value, taking = "".join(parts), False
            elif what == _CELL:
                place = attributes.get("r")
                if place is None or place == letters[column] + digits:
                    column += 1
                else:
                    column = placed_at(place)
                if column > COLUMNS:
                    raise too_large(name, row, column)
                if value is not None:
                    kind = attributes.get("t", "n")
                    if kind == "s":
                        shown = texts[int(value)]
                    elif kind == "n" and attributes.get("s") not in shown_as:
                        shown = number_text(value)
                    else:
                        shown = other(kind, value, attributes.get("s"))
                elif inline:
                    shown = clean("".join(inline))
                elif formula:
                    shown = f"={clean(formula)}"  # which nobody computed: it is shown and not passed over
                else:
                    return
                if len(shown) > LONG:
                    held += len(shown)
                    if held > MOST_LONG:
                        shown = shown[:LONG]
                missing = column - len(cells) - 1
                if missing:
                    if missing < 0:
                        cells[column - 1] = shown
                        return
                    cells.extend([""] * missing)
                cells.append(shown)
            elif what == _ROW:
                if inside and cells:
                    ready.append((row, cells.copy(), hidden))
                if inside:
                    self._last = row
                    cells.clear()
            elif what == _TEXT:
                if taking:
                    inline.extend(parts)
                    parts.clear()
                    taking = False
            elif what == _FORMULA:
                formula, taking = "".join(parts) or "…", False
            elif what == _SPOKEN:
                spoken = False
            elif what == _DATA:
                inside = False

        def text(piece: str) -> None:
            nonlocal taken
            if taking and taken <= CELL_LONGEST:
                parts.append(piece[: CELL_LONGEST + 1 - taken])
                taken += len(piece)

        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text


def is_hidden(attributes: Mapping[str, str], size: str) -> bool:
    """Is a row or a column with these *attributes* hidden, or as good as that, by its *size*?"""
    return attributes.get("hidden") in {"1", "true"} or attributes.get(size) in {"0", "0.0"}


def _reach(reference: str) -> tuple[int, int, int]:
    """Row, first and last column, from 0, of merged cells: "B1:C2" is (1, 1, 2)."""
    start, _, end = reference.replace("$", "").partition(":")
    letters = start.rstrip("0123456789")
    row = start[len(letters) :]
    return int(row), _column(letters) - 1, _column(end.rstrip("0123456789")) - 1


def too_large(name: str, height: int, width: int, most: int = CELLS) -> ListRefused:
    """The refusal of a sheet of more rows or columns than sheets have, or than are read."""
    return ListRefused(
        f"{name} has a sheet of {height:,} rows and {width:,} columns, and at most {most:,} cells are read. "
        "In Excel, open the sheet with the phones, save it as CSV UTF-8 and drop that."
    )


@cache
def _letters() -> list[str]:
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
    return _letters()[column]


def _column(letters: str) -> int:
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


# --- numbers ----------------------------------------------------------------------------------------------------------


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
