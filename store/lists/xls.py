"""
A reader of old Excel workbooks (`.xls`), which holds the file, the places of a sheet's cells, and one row at a time.

A workbook is a stream of records (https://learn.microsoft.com/openspecs/office_file_formats/ms-xls) in an OLE container.
What a record says of how large anything is, is not believed: what is there is counted. Texts that cells share wait in a
file, as those of an `.xlsx` do: a few kilobytes in a million cells are gigabytes.
"""

import codecs
import struct
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from store.errors import ListRefused
from store.lists.kinds import OLD_WORKBOOK, kind_by_streams, no_list
from store.lists.number_formats import BUILT_IN, STYLES, kind_of, moment_text, number_text
from store.lists.ole import BrokenContainerError, Container
from store.lists.shared_texts import Texts
from store.lists.sheets import (
    LONG,
    MOST_LONG,
    SHEETS,
    BrokenWorkbookError,
    Layout,
    Rows,
    Sheet,
    clean,
    too_large,
)

_MOST_BYTES: Final = 15_000_000
_COLUMNS: Final = 256
# Records, texts or cells between two words that it goes on.
_MANY: Final = 4_096

# Records, by their numbers in the specification.
_BEGIN: Final = 0x0809
_END: Final = 0x000A
_LOCK: Final = 0x002F
_CODE_PAGE: Final = 0x0042
_FROM_1904: Final = 0x0022
_FORMAT: Final = 0x041E
_STYLE: Final = 0x00E0
_SHEET: Final = 0x0085
_TEXTS: Final = 0x00FC
_GOES_ON: Final = 0x003C
_FORMULA: Final = 0x0006
_FORMULA_TEXT: Final = 0x0207
_BETWEEN: Final = frozenset({0x0221, 0x04BC, 0x0236})  # a formula and its text
_SMALL_NUMBERS: Final = 0x00BD
_SMALL_NUMBER: Final = 0x027E
_NUMBER: Final = 0x0203
_SHARED_TEXT: Final = 0x00FD
_TEXT: Final = 0x0204
_RICH_TEXT: Final = 0x00D6
_TRUTH: Final = 0x0205
_CELLS: Final = frozenset({_FORMULA, _SMALL_NUMBER, _NUMBER, _SHARED_TEXT, _TEXT, _RICH_TEXT, _TRUTH})
_ROW: Final = 0x0208
_WIDTHS: Final = 0x007D
_FILTERED: Final = 0x009B
_MERGED: Final = 0x00E5
_LAYOUT: Final = frozenset({_ROW, _WIDTHS, _FILTERED, _MERGED})
_ROW_HIDDEN: Final = 0x20
_UNICODE: Final = 0x0600  # from this version on
_OLDEST: Final = 0x0500
_WORKSHEET: Final = 0
_ERRORS: Final = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_MACINTOSH: Final = frozenset({10_000, 32_768})

# A cell's place as one number, which sorts by row, column and where it stands in the stream; the last bit says that it
# is one of a run of small numbers, whose record has its place only once.
_ROW_BIT, _COLUMN_BIT, _PLACE_BIT = 40, 32, 1
_Places = npt.NDArray[np.int64]


class OldWorkbook:
    """
    An open `.xls`; `sheets` in their order.

    What it reads raises `BrokenWorkbookError`, `ListRefused` for what is too much or locked, and OSError. *working* is called
    now and then.
    """

    def __init__(self, stream: bytearray, name: str, scratch: Path, working: Callable[[], object]) -> None:
        self._stream = stream
        self._name = name
        self._scratch = scratch
        self._working = working
        self._texts: Texts | None = None
        self._texts_at: int | None = None
        self._encoding = "cp1252"
        self._from_1904 = False
        self._kinds: list[str | None] = []  # of styles: see `kind_of`
        self._unicode = self._version() >= _UNICODE
        self.sheets = self._globals()

    @classmethod
    @contextmanager
    def open(cls, path: Path, name: str, scratch: Path, *, working: Callable[[], object]) -> Iterator["OldWorkbook"]:
        """The workbook at *path*, called *name*; what its cells share is kept in the folder *scratch*."""
        working()
        workbook = cls(_stream_of(path, name), name, scratch, working)
        try:
            yield workbook
        finally:
            if workbook._texts is not None:
                workbook._texts.close()

    def _version(self) -> int:
        kind, _, version = self._unpack("<HHH", 0)
        if kind != _BEGIN or not isinstance(version, int) or version < _OLDEST:
            raise BrokenWorkbookError("it does not begin as workbooks do")
        return version

    def _globals(self) -> list[Sheet]:
        """What stands in front of the sheets, and where they are."""
        formats: dict[int, str] = {}
        found: list[tuple[str, bool, int]] = []
        for kind, at, length in self._records(0, len(self._stream)):
            if kind == _LOCK:
                raise locked(self._name)
            if kind == _CODE_PAGE:
                self._encoding = _encoding_of(*self._unpack("<H", at))
            elif kind == _FROM_1904:
                self._from_1904 = self._unpack("<H", at) == (1,)
            elif kind == _FORMAT and len(formats) < STYLES:
                (number,) = self._unpack("<H", at)
                formats[number] = self._short_text(at + 2, at + length, wide_count=self._unicode)
            elif kind == _STYLE and len(self._kinds) < STYLES:
                (number,) = self._unpack("<H", at + 2)
                code = formats.get(number)
                self._kinds.append(kind_of(code) if code is not None else BUILT_IN.get(str(number)))
            elif kind == _TEXTS and self._texts_at is None:
                self._texts_at = at
            elif kind == _SHEET:
                place, hidden, of = self._unpack("<IBB", at)
                if of == _WORKSHEET:
                    found.append((self._short_text(at + 6, at + length, wide_count=False), not hidden & 3, place))
                if len(found) > SHEETS:
                    raise ListRefused(
                        f"{self._name} has more than {SHEETS:,} sheets. Save the one with the phones as CSV and drop that."
                    )
        # A sheet ends where another begins: else a thousand of them could share the records of one.
        places = sorted(place for _, _, place in found)
        ends = dict(pairwise([*places, len(self._stream)]))
        if len(ends) < len(places):
            raise BrokenWorkbookError("two sheets are one")
        if places and places[-1] >= len(self._stream):
            raise BrokenWorkbookError("a sheet nowhere")
        return [Sheet(name, visible, partial(self._rows, place, ends[place])) for name, visible, place in found]

    # --- records

    def _unpack(self, form: str, at: int) -> tuple[Any, ...]:
        try:
            return struct.unpack_from(form, self._stream, at)
        except struct.error as error:
            raise BrokenWorkbookError("a record is cut off") from error

    def _records(self, at: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Kind, place and length of each record from *at* on, without those of charts inside, to its end or *end*."""
        stream, unpack = self._stream, struct.Struct("<HH").unpack_from
        depth = count = 0
        while at + 4 <= end:
            kind, length = unpack(stream, at)
            if at + 4 + length > end:
                return
            count += 1
            if count % _MANY == 0:
                self._working()
            if kind == _BEGIN:
                depth += 1
            elif kind == _END:
                depth -= 1
                if depth <= 0:
                    return
            elif depth == 1:
                yield kind, at + 4, length
            at += 4 + length

    def _short_text(self, at: int, end: int, *, wide_count: bool) -> str:
        """A name, with its length in one byte or two in front."""
        if wide_count:
            (count,) = self._unpack("<H", at)
            at += 2
        else:
            (count,) = self._unpack("<B", at)
            at += 1
        if not self._unicode:
            return self._stream[at : min(at + count, end)].decode(self._encoding, "replace")
        return _Continued(self._stream, at, end).characters(count, *self._unpack("<B", at))

    def _text(self, at: int, end: int) -> str:
        """A text in a record from *at* to *end*, with its length in two bytes in front, and perhaps in what continues it."""
        if self._unicode:
            return _Continued(self._stream, at, end).text()
        (count,) = self._unpack("<H", at)
        return self._stream[at + 2 : min(at + 2 + count, end)].decode(self._encoding, "replace")

    def _shared(self) -> Texts:
        if self._texts is None:
            texts = Texts(self._scratch, self._name)
            self._texts = texts  # closed with the workbook, whatever happens
            if self._texts_at is not None:
                _, length = self._unpack("<HH", self._texts_at - 4)
                data = _Continued(self._stream, self._texts_at + 8, self._texts_at + length)
                (most,) = self._unpack("<I", self._texts_at + 4)
                for count in range(most):
                    if not data.goes_on():
                        break
                    texts.add(clean(data.text()))
                    if count % _MANY == 0:
                        self._working()
            texts.finish()
        return self._texts

    # --- cells

    def _rows(self, at: int, end: int, layout: Layout) -> Rows:
        places, hidden = self._places(at, end, layout)
        texts = self._shared()
        row, held, cells = 0, 0, [""] * 0
        for start in range(0, len(places), _MANY):
            self._working()
            for place in places[start : start + _MANY].tolist():
                number, column = (place >> _ROW_BIT) + 1, (place >> _COLUMN_BIT) & (_COLUMNS - 1)
                if number != row:
                    if cells:
                        yield row, cells, row - 1 in hidden
                    row, held, cells = number, 0, []
                shown = self._shown(place & ((1 << _COLUMN_BIT) - 1), texts)
                if len(shown) > LONG:
                    held += len(shown)
                    if held > MOST_LONG:
                        shown = shown[:LONG]
                if column < len(cells):  # the same cell again
                    cells[column] = shown
                else:
                    cells.extend([""] * (column - len(cells)))
                    cells.append(shown)
        if cells:
            yield row, cells, row - 1 in hidden

    def _places(self, at: int, end: int, layout: Layout) -> tuple[_Places, set[int]]:
        """
        Where the cells of the sheet at *at* are, by row and column, since some programs write them in no order.

        And which rows are hidden, from 0; what else is told of the sheet goes into *layout*.
        """
        places, hidden = array("q"), set[int]()
        unpack = struct.Struct("<HH").unpack_from
        for kind, start, length in self._records(at, end):
            if kind in _CELLS and length >= 6:
                row, column = unpack(self._stream, start)
                width = 1
            elif kind in _LAYOUT:
                self._take_layout(kind, start, length, layout, hidden)
                continue
            elif kind == _SMALL_NUMBERS and length >= 6:
                row, column = unpack(self._stream, start)
                width = (length - 6) // 6
            else:
                continue
            if column + width > _COLUMNS:
                raise too_large(self._name, row + 1, column + width)
            if kind == _SMALL_NUMBERS:
                for number in range(width):
                    place = start + 4 + 6 * number
                    places.append(row << _ROW_BIT | (column + number) << _COLUMN_BIT | place << _PLACE_BIT | 1)
            else:
                places.append(row << _ROW_BIT | column << _COLUMN_BIT | start << _PLACE_BIT)
        found = np.frombuffer(places, np.int64)
        found.sort()
        return found, hidden

    def _take_layout(self, kind: int, at: int, length: int, layout: Layout, hidden: set[int]) -> None:
        """What a record of how the sheet looks says of it."""
        if kind == _ROW and length >= 14:
            row, flags = self._unpack("<H10xH", at)
            if flags & _ROW_HIDDEN:
                hidden.add(row)
        elif kind == _WIDTHS and length >= 10:
            first, last, width, flags = self._unpack("<HHHxxH", at)
            if flags & 1 or not width:
                layout.hide(first, min(last, _COLUMNS - 1))
        elif kind == _FILTERED:
            layout.filtered = True
        elif kind == _MERGED and length >= 2:
            (count,) = self._unpack("<H", at)
            for number in range(min(count, (length - 2) // 8)):
                row, last_row, first, last = self._unpack("<HHHH", at + 2 + 8 * number)
                layout.merge(row + 1, last_row + 1, first, last)

    def _shown(self, place: int, texts: Texts) -> str:
        """What the cell at *place* shows, as a person would have typed it."""
        at = place >> _PLACE_BIT
        if place & 1:
            style, small = self._unpack("<HI", at)
            return self._number_text(_number_of(small), style)
        kind, length = self._unpack("<HH", at - 4)
        (style,) = self._unpack("<H", at + 4)
        if kind == _SHARED_TEXT:
            return texts[self._unpack("<I", at + 6)[0]]
        if kind == _NUMBER:
            return self._number_text(self._unpack("<d", at + 6)[0], style)
        if kind == _SMALL_NUMBER:
            return self._number_text(_number_of(self._unpack("<I", at + 6)[0]), style)
        if kind == _TRUTH:
            return _truth(*self._unpack("<BB", at + 6))
        if kind != _FORMULA:
            return clean(self._text(at + 6, at + length))
        sort, value, is_other = self._unpack("<BxBxxxH", at + 6)
        if is_other != 0xFFFF:
            return self._number_text(self._unpack("<d", at + 6)[0], style)
        return self._formula_text(at + length) if sort == 0 else "" if sort == 3 else _truth(value, sort == 2)

    def _formula_text(self, at: int) -> str:
        """The text that a formula came to, in one of the next records from *at* on."""
        for _ in range(3):
            kind, length = self._unpack("<HH", at)
            at += 4
            if kind == _FORMULA_TEXT:
                return clean(self._text(at, at + length))
            if kind not in _BETWEEN:
                break
            at += length
        return ""

    def _number_text(self, number: float, style: int) -> str:
        kind = self._kinds[style] if style < len(self._kinds) else None
        if kind is None:
            return number_text(repr(number))
        return moment_text(repr(number), kind, from_1904=self._from_1904)


def locked(name: str) -> ListRefused:
    """The refusal of a workbook that asks for a password."""
    return ListRefused(
        f"{name} is an Excel workbook locked with a password. In Excel, save the list as CSV UTF-8 and drop that."
    )


def _stream_of(path: Path, name: str) -> bytearray:
    """The records of the workbook at *path*."""
    if path.stat().st_size > _MOST_BYTES:
        raise ListRefused(
            f"{name} is an old Excel workbook of more than {_MOST_BYTES // 1_000_000} MB. In Excel, open the sheet with "
            "the phones, save it as CSV UTF-8 and drop that."
        )
    with path.open("rb") as file:
        try:
            container = Container(file)
            if "encryptedpackage" in container.names:
                raise locked(name)
            held = next((label for label in OLD_WORKBOOK.streams if label in container.names), None)
            if held is None:
                raise no_list(name, kind_by_streams(container.names))
            return container.read(held)
        except BrokenContainerError as error:
            raise BrokenWorkbookError(str(error)) from error


def _encoding_of(code_page: int) -> str:
    if code_page in _MACINTOSH:
        return "mac_roman"
    try:
        return codecs.lookup(f"cp{code_page}").name
    except LookupError:
        return "cp1252"


def _number_of(small: int) -> float:
    """A number of 30 bits: whole, or the upper half of another, and perhaps in hundredths (2.5.217)."""
    number: float
    if small & 2:
        number = (small >> 2) - (1 << 30 if small & 1 << 31 else 0)
    else:
        (number,) = struct.unpack("<d", struct.pack("<Q", (small & ~3) << 32))
    return number / 100 if small & 1 else float(number)


def _truth(value: int, is_error: int) -> str:
    if is_error:
        return _ERRORS.get(value, "#?")
    return "TRUE" if value else "FALSE"


class _Continued:
    """The data of a record from *at* to *end* and of those that continue it; texts are cut in two anywhere (2.5.294)."""

    def __init__(self, stream: bytearray, at: int, end: int) -> None:
        self._stream = stream
        self._at = at
        self._end = end

    def goes_on(self) -> bool:
        """Is there any more?"""
        while self._at >= self._end:
            if self._end + 4 > len(self._stream):
                return False
            kind, length = struct.unpack_from("<HH", self._stream, self._end)
            if kind != _GOES_ON or self._end + 4 + length > len(self._stream):
                return False
            self._at = self._end + 4
            self._end = self._at + length
        return True

    def text(self) -> str:
        """A text with its length in front, without how it looks and is spoken."""
        at = self._at
        if self._end - at > 3:  # nearly all are in one piece, and there may be millions
            count, flags = self._stream[at] | self._stream[at + 1] << 8, self._stream[at + 2]
            end = at + 3 + (count << (flags & 1))
            if not flags & 12 and end <= self._end:
                self._at = end
                return self._stream[at + 3 : end].decode("utf-16-le" if flags & 1 else "latin-1", "replace")
        count, flags = int.from_bytes(self._take(2), "little"), self._take(1)[0]
        behind = 4 * int.from_bytes(self._take(2), "little") if flags & 8 else 0
        behind += int.from_bytes(self._take(4), "little") if flags & 4 else 0
        text = self._rest_of(count, flags)
        while behind:
            if not self.goes_on():
                raise BrokenWorkbookError("a text is cut off")
            size = min(behind, self._end - self._at)
            self._at += size
            behind -= size
        return text

    def characters(self, count: int, flags: int) -> str:
        """*count* characters, behind their *flags*."""
        self._take(1)
        return self._rest_of(count, flags)

    def _rest_of(self, count: int, flags: int) -> str:
        parts: list[bytes | bytearray] = []
        while count:
            if self._at >= self._end:
                flags = self._take(1)[0]  # said again in each record
                continue
            size = min(count, (self._end - self._at) // (2 if flags & 1 else 1))
            if not size:
                raise BrokenWorkbookError("half a character")
            count -= size
            if flags & 1:
                parts.append(self._take(2 * size))
            else:
                parts.append(self._take(size).decode("latin-1").encode("utf-16-le"))
        return b"".join(parts).decode("utf-16-le", "replace")

    def _take(self, size: int) -> bytearray:
        taken = bytearray()
        while len(taken) < size:
            if not self.goes_on():
                raise BrokenWorkbookError("a text is cut off")
            piece = self._stream[self._at : min(self._end, self._at + size - len(taken))]
            self._at += len(piece)
            taken += piece
        return taken
