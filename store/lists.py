"""
Bytes of a list to rows and unreadable rows, lazily. Pure: the file handed in, and nothing else.

The standard `csv` reads the records: it is the only reader that knows the line a record starts on.
Lines without a quote are split directly, which is the same and faster. `csv.field_size_limit` is left as it is, since
it is global to the process: a cell beyond it comes out as `Damaged`, like every record that cannot be trusted.
"""

import codecs
import contextlib
import csv
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final

from store.errors import StoreError


class ListRefused(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """A file that gives no rows. Its text says what was found, what is expected and the next step."""


class NoPhoneColumn(ListRefused):
    """
    No column, or more than one, can be the phones'.

    `columns` are the names found, `likely` the one whose first cells look like phones, if any.
    """

    def __init__(self, message: str, columns: tuple[str, ...], likely: str | None) -> None:
        super().__init__(message)
        self.columns = columns
        self.likely = likely


@dataclass(frozen=True, slots=True)
class Row:
    """A record: the `line` it starts on in an editor (from 1), its phone `cell`, and all its `cells` to give back."""

    line: int
    cell: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line that is no row of the list, whole, with the reason; whatever phone is in it has not been read."""

    line: int
    text: str
    reason: str


_CHUNK: Final = 256 * 1024  # a line longer than this is no row of a list
_SAMPLE_LINES: Final = 200  # enough to find the header and tell delimiters apart
_HEADER_WITHIN: Final = 20  # records: exports put a title and a date above the header, not a page
_QUOTED_LINES: Final = 500  # a quoted cell of more lines has an unclosed quote before it

_MARKS: Final = (  # longest first: UTF-32's mark starts like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS: Final = bytes(set(range(1, 32)) - set(b"\t\n\v\f\r\x1a\x1b"))  # not in any text
_DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}
_KINDS: Final = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"\x1f\x8b", "a compressed file"),
    (b"7z\xbc\xaf", "a compressed file"),
    (b"Rar!", "a compressed file"),
    (b"{\\rtf", "a text document (RTF)"),
    (b"SQLite format 3", "a database"),
)
_WEB_PAGE = re.compile(rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype|html|head|body|script|\?xml)\b", re.IGNORECASE | re.DOTALL)
_SEP_LINE = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE)
_PHONE_LIKE = re.compile(
    r"[\s'\"=+(]*\d(?:[\s().+/\u00a0\u2010-\u2015-]*\d){6,14}(?:\.0+)?[\s\"']*(?:(?:x|ext)\S*\s*\d+)?"
)
_INSIDE_QUOTES = re.compile(r'(?:[^"]|"")*')
_DATE = re.compile(r"\s*(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4})\b")
_PHONE_NAMES = re.compile(r"phone|mobile|cell|tel|number|sms", re.IGNORECASE)
# ThruText's own opt-out export has no column called `phone`.
_THRUTEXT: Final = frozenset({"timestamp", "contact_id", "contact_phone", "opt_out_type"})


def _looks_like_phone(cell: str) -> bool:
    return _PHONE_LIKE.fullmatch(cell) is not None and not _DATE.match(cell)


def _plain(name: str) -> str:
    """A column's name without what is forgiven: case and blanks round it."""
    return " ".join(name.strip(" \t\r\n\u00a0\ufeff\"'").split()).casefold()


@dataclass(frozen=True, slots=True)
class _Survey:
    """What one pass over the bytes tells: how to decode them. `bom`: bytes to skip at the start."""

    encoding: str
    errors: str
    bom: int
    nuls: bool
    remark: str | None


def _survey(path: Path, name: str) -> _Survey:
    """Look through the whole file once; UTF-8 can only be told from Windows-1252 at its last byte."""
    with path.open("rb") as file:
        head = file.read(_CHUNK)
        if not head.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
            raise ListRefused(
                f"{name} is empty. A list is a CSV file with a column called `phone` and one phone a line."
            )
        _refuse_other_kinds(head, name)
        encoding, bom = _marked(head)
        decoder = codecs.getincrementaldecoder(encoding)()
        decodable, nuls, line, chunk = True, encoding != "utf-8", 1, head
        while chunk:
            if len(chunk) == _CHUNK and b"\n" not in chunk and b"\r" not in chunk:
                raise ListRefused(
                    f"{name} has more than {_CHUNK:,} characters on line {line:,}. "
                    "A list has one phone a line: put each on its own and drop the file again."
                )
            line += chunk.count(b"\n") or chunk.count(b"\r")
            nuls = nuls or b"\0" in chunk
            if decodable and encoding == "utf-8":
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    decodable = False
            chunk = file.read(_CHUNK)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            decodable = False
    if encoding != "utf-8":
        return _Survey(encoding, "replace", bom, nuls, f"read as {encoding.upper()}")
    if decodable:
        return _Survey("utf-8", "strict", bom, nuls, None)
    if bom:
        return _Survey("utf-8", "replace", bom, nuls, "some characters are damaged")
    # Five bytes mean nothing in Windows-1252; whatever they stood for, it was no digit.
    return _Survey("cp1252", "replace", 0, nuls, "read as Windows-1252, since it is not UTF-8")


def _marked(head: bytes) -> tuple[str, int]:
    """The encoding that the first bytes announce, and the length of their mark; UTF-8 when they announce none."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    # UTF-16 without its mark: in a list, every second byte is 0.
    start = head[:4096]
    if start[1::2].count(0) * 2 > len(start) // 2 and start[::2].count(0) * 10 < len(start):
        return "utf-16-le", 0
    if start[::2].count(0) * 2 > len(start) // 2 and start[1::2].count(0) * 10 < len(start):
        return "utf-16-be", 0
    return "utf-8", 0


def _refuse_other_kinds(head: bytes, name: str) -> None:
    kind, cure = "", "Save it as CSV and drop that."
    if head.startswith(b"PK\x03\x04"):
        if b"xl/" in head or b"[Content_Types].xml" in head:
            kind, cure = "an Excel workbook (.xlsx)", "In Excel, save it as CSV UTF-8 and drop that."
        else:
            kind, cure = "a zip file", "Unpack it and drop the CSV that is in it."
    elif _WEB_PAGE.match(head.removeprefix(codecs.BOM_UTF8)):
        kind, cure = "a web page", "Download the list itself and drop that."
    else:
        kind = next((kind for magic, kind in _KINDS if head.startswith(magic)), "")
        start = head[:8192]
        if not kind and sum(start.count(byte) for byte in _CONTROLS) * 20 > len(start):
            kind = "not text"
    if kind:
        raise ListRefused(f"{name} is {kind}; a list is a CSV file with a column called `phone`. {cure}")


class _Lines:
    """The lines of a file with their numbers, some of which can be put back."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._back: deque[str] = deque()
        self.number = 0  # of the line last given out

    def take(self) -> str | None:
        """The next line, or None at the end."""
        line = self._back.popleft() if self._back else next(self._lines, None)
        if line is not None:
            self.number += 1
        return line

    def put_back(self, lines: Sequence[str]) -> None:
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)


class _Record:
    """Feeds one record's lines to `csv.reader`, and knows afterwards which they were and whether the file ran out."""

    def __init__(self, lines: _Lines, first: str) -> None:
        self._lines = lines
        self._first: str | None = first
        self.taken: list[str] = []
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line, self._first = self._first or self._lines.take(), None
        if line is None or len(self.taken) >= _QUOTED_LINES:
            if line is not None:
                self._lines.put_back([line])
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        return line


class ListReader:
    """
    One list file. Building it looks the file through and finds the phone column, or raises ListRefused.

    *column*: the one a person chose instead of `phone`. *name*: what people call the file, for the sentences.
    `remarks` say what was forgiven or put right; `rows()` may add to them. `size` and `bytes_read` are bytes.
    Memory is bounded by the longest line (half a megabyte at most), not by the file.
    """

    columns: tuple[str, ...]
    phone_column: str
    has_header: bool

    def __init__(self, path: Path, *, column: str | None = None, name: str | None = None) -> None:
        self._path = path
        self._name = name or path.name
        self.size = path.stat().st_size
        self._survey = _survey(path, self._name)
        self.encoding = self._survey.encoding
        self.remarks = [self._survey.remark] if self._survey.remark else []
        self._file: BinaryIO | None = None
        self._bytes_read = 0

        sample, complete = self._sampled()
        separator = _SEP_LINE.fullmatch(sample[0])
        self._skip = 1 if separator else 0  # lines before the first row
        self._above: list[Damaged] = []
        self._index = 0
        self._wanted = "phone" if column is None else _plain(column)
        given = separator[1] if separator else None
        self.delimiter, records = _sniffed(sample[self._skip :], self._skip, given, self._wanted)
        if self.delimiter != "," and not given:
            self.remarks.append(f"{_DELIMITERS[self.delimiter]} between columns")
        self._find_phone(records, sample, column)
        if complete and not self._above and all(record.end <= self._skip for record in records):
            raise ListRefused(
                f"{self._name} has a header but no rows. A list has its phones below the header, one a line: "
                "add them and drop the file again."
            )

    @property
    def bytes_read(self) -> int:
        """How far `rows()` has come, of `size`."""
        if self._file is not None:
            self._bytes_read = self._file.tell()
        return self._bytes_read

    def rows(self) -> Iterator[Row | Damaged]:
        """
        Every line of the list that is not blank, in order, as a row or as damage; nothing in between is dropped.

        A row that is too short has the cell "". Each call reads the file anew.
        """
        yield from self._above
        with self._path.open("rb") as binary, self._decoded(binary) as file:
            self._file = binary
            lines = _Lines(self._clean(file))
            for _ in range(self._skip):
                lines.take()
            delimiter, index, width = self.delimiter, self._index, len(self.columns)
            while (line := lines.take()) is not None:
                if '"' in line:
                    yield from self._quoted(lines, line)
                    continue
                cells = line.rstrip("\r\n").split(delimiter)
                cell = cells[index] if index < len(cells) else ""
                if width == 1 < len(cells):
                    cell = self._whole(cells)
                if cell.strip() or any(map(str.strip, cells)):
                    yield Row(lines.number, cell, tuple(cells))
            self._file = None
        self._bytes_read = self.size

    # --- quotes ----------------------------------------------------------------------------------------------------

    def _quoted(self, lines: _Lines, first: str) -> Iterator[Row | Damaged]:
        """The record that starts with the line *first*, which has a quote in it; nothing if it is blank."""
        start, record = lines.number, _Record(lines, first)
        try:
            cells = next(csv.reader(record, delimiter=self.delimiter))
        except csv.Error:  # a cell beyond csv.field_size_limit
            cells = []
        if cells and not record.ended and self._can_trust(record.taken, cells):
            yield from self._row(start, cells)
            if len(record.taken) > 1 and any(self._hides_phone(cell) for cell in cells):
                text = "".join(record.taken).rstrip("\r\n")
                yield Damaged(start, text, "a phone number inside a quoted cell of several lines was not read")
            return

        # A quote that was never closed swallows rows, so the line it opens on is read without quoting, and whatever
        # came after it is read again.
        lines.put_back(record.taken[1:])
        remark = f"from line {start:,} on, quotes that never close are read as text"
        if not any(" quotes that never close " in known for known in self.remarks):
            self.remarks.append(remark)
        text = first.rstrip("\r\n")
        cells = [_unquoted(cell) for cell in text.split(self.delimiter)]
        if len(cells) == len(self.columns) and _looks_like_phone(cells[self._index]):
            yield from self._row(start, cells)
        else:
            yield Damaged(start, text, "its quotes do not match: a quote opens and never closes")

    def _can_trust(self, taken: list[str], cells: list[str]) -> bool:
        """Is the record that `csv` made of these lines one, rather than rows swallowed by a stray quote?"""
        cell = cells[self._index] if self._index < len(cells) else ""
        if len(taken) == 1 and _looks_like_phone(cell):
            return True
        try:
            next(csv.reader(taken, delimiter=self.delimiter, strict=True))
        except csv.Error:
            return False
        if len(taken) == 1:
            return True
        if any(map(_looks_like_phone, cells[len(self.columns) :])):  # one row's end with the next one's phone
            return False
        first = self._phone_in(taken[0])
        if first and first != _unquoted(cell):
            return False
        return not any(self._is_swallowed(line) for line in taken[1:])

    def _phone_in(self, line: str) -> str:
        """What stands where the phone belongs when *line* is read by itself; "" if it is no row of the list."""
        text = line.rstrip("\r\n")
        readings = [text.split(self.delimiter)]
        with contextlib.suppress(csv.Error):  # a cell beyond csv.field_size_limit
            readings.append(next(csv.reader([text], delimiter=self.delimiter), []))
        for cells in readings:
            if len(cells) == len(self.columns) and _looks_like_phone(cell := _unquoted(cells[self._index])):
                return cell
        return ""

    def _is_swallowed(self, line: str) -> bool:
        """Is *line*, which starts inside a quote, a row of the list up to its phone at least?"""
        inside = _INSIDE_QUOTES.match(line)
        return inside is not None and inside[0].count(self.delimiter) >= self._index and bool(self._phone_in(line))

    def _hides_phone(self, cell: str) -> bool:
        """Is a phone on one of several lines of *cell*, between delimiters, as the rest of a swallowed row would be?"""
        lines = cell.splitlines()
        pieces = (line.split(self.delimiter) for line in lines if self.delimiter in line)
        return len(lines) > 1 and any(_looks_like_phone(_unquoted(piece)) for line in pieces for piece in line)

    def _row(self, number: int, cells: list[str]) -> Iterator[Row]:
        if any(map(str.strip, cells)):
            cell = cells[self._index] if self._index < len(cells) else ""
            yield Row(number, self._whole(cells) if len(self.columns) == 1 < len(cells) else cell, tuple(cells))

    def _whole(self, cells: list[str]) -> str:
        """
        The phone cell of a line with more cells than the one column there is.

        Another phone behind it would be passed over in silence, so the two stay together, to be refused as two.
        """
        return self.delimiter.join(cells) if any(map(_looks_like_phone, cells[1:])) else cells[0]

    # --- the header ------------------------------------------------------------------------------------------------

    def _decoded(self, binary: BinaryIO) -> TextIOWrapper:
        binary.seek(self._survey.bom)
        # newline="" splits at CR, LF and CRLF and leaves them in place, which quoted cells need.
        return TextIOWrapper(binary, encoding=self.encoding, errors=self._survey.errors, newline="")

    def _sampled(self) -> tuple[list[str], bool]:
        """The first lines, not too many and not too long, and whether they are all there are."""
        sample: list[str] = []
        room = 4 * _CHUNK
        with self._path.open("rb") as binary, self._decoded(binary) as file:
            for line in self._clean(file):
                if len(sample) == _SAMPLE_LINES or room < 0:
                    return sample, False
                sample.append(line)
                room -= len(line)
        return sample, True

    def _clean(self, lines: Iterable[str]) -> Iterable[str]:
        return (line.replace("\0", "") for line in lines) if self._survey.nuls else lines

    def _find_phone(self, records: "list[_Found]", sample: list[str], column: str | None) -> None:
        """Set columns, phone column, whether there is a header and what is above it; or raise NoPhoneColumn."""
        wanted = self._wanted
        header = _header(records, wanted)
        if header is None and column is None and records and set(map(_plain, records[0].cells)) >= _THRUTEXT:
            header, wanted = records[0], "contact_phone"
            self.remarks.append("read as a ThruText export, with its phones in contact_phone")
        if header is None:
            if column is None and self._is_bare(records):
                self.has_header, self.columns, self.phone_column = False, ("phone",), "phone"
                self.remarks.append("no header: every line read as a phone")
                return
            raise self._no_phone(records, column)
        self.has_header = True
        self.columns = tuple(map(_name, header.cells))
        places = [place for place, cell in enumerate(header.cells) if _plain(cell) == wanted]
        if len(places) > 1:
            # Refused rather than guessed: the first of them may well be somebody else's phone.
            at = " and ".join(str(place + 1) for place in places[:5])
            raise NoPhoneColumn(
                f"{self._name} has {len(places)} columns called {self.columns[places[0]]} (columns {at}), and one is "
                "expected. Rename or remove the others and drop the file again.",
                self.columns,
                None,
            )
        self._index = places[0]
        self.phone_column = self.columns[self._index]
        found = header.cells[self._index].removeprefix("\ufeff")
        if column is None and found != wanted:
            self.remarks.append(f"column '{found}' read as {wanted}")
        if above := sum(record.start < header.start for record in records):
            self.remarks.append(f"{above} line{'s' if above > 1 else ''} above the header skipped")
        self._above = [
            Damaged(number, line.rstrip("\r\n"), f"above the header, which is on line {header.start}")
            for number, line in enumerate(sample[self._skip : header.start - 1], self._skip + 1)
            if any(_looks_like_phone(_unquoted(cell)) for cell in line.rstrip("\r\n").split(self.delimiter))
        ]
        self._skip = header.end

    def _is_bare(self, records: "list[_Found]") -> bool:
        """Is this one column of phones with no header above it?"""
        alone = sum(len(record.cells) == 1 for record in records)
        likely = sum(_looks_like_phone(record.cells[0]) for record in records)
        first = bool(records) and _looks_like_phone(records[0].cells[0])
        return first and min(alone, likely) * 2 > len(records)

    def _no_phone(self, records: "list[_Found]", column: str | None) -> NoPhoneColumn:
        widths = Counter(len(record.cells) for record in records)
        width = widths.most_common(1)[0][0]
        top = next(place for place, record in enumerate(records) if len(record.cells) == width)
        if column is None and any(map(_looks_like_phone, records[top].cells)):
            return NoPhoneColumn(
                f"{self._name} has no header: its first line has a phone number in it already. Put a line with the "
                "names of the columns above it, `phone` among them, and drop the file again.",
                (),
                None,
            )
        columns = tuple(map(_name, records[top].cells))
        likely = _likeliest(columns, [record.cells for record in records[top + 1 :]])
        named = [name if len(name) <= 40 else f"{name[:39]}…" for name in columns if name]
        shown = ", ".join(named[:10]) + (f" and {len(named) - 10:,} more" if len(named) > 10 else "")
        cure = "Rename the column with the phones to `phone` and drop the file again."
        if likely:
            cure = f"{likely} looks like phone numbers: use it, or rename it to `phone` and drop the file again."
        return NoPhoneColumn(
            f"{self._name} has no column called `{_name(column or 'phone')[:40]}`. It has: {shown or 'no names'}. {cure}",
            columns,
            likely,
        )


# --- finding the header ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """A record of the sample that is not blank, with the lines it starts and ends on."""

    start: int
    end: int
    cells: list[str]


def _found(sample: list[str], skipped: int, delimiter: str, *, quoting: bool) -> list[_Found]:
    reader = csv.reader(sample, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE)
    found: list[_Found] = []
    end = skipped
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return found
        except csv.Error:  # a cell beyond csv.field_size_limit
            cells = [sample[reader.line_num - 1]]
        start, end = end + 1, skipped + reader.line_num
        if any(map(str.strip, cells)):
            found.append(_Found(start, end, cells))


def _header(records: list[_Found], wanted: str) -> _Found | None:
    for place, record in enumerate(records[:_HEADER_WITHIN]):
        # Further down, "phone" beside a number is a row that says what kind of contact it is.
        if wanted in map(_plain, record.cells) and (place == 0 or not any(map(_looks_like_phone, record.cells))):
            return record
    return None


def _sniffed(sample: list[str], skipped: int, given: str | None, wanted: str) -> tuple[str, list[_Found]]:
    """The delimiter and the sample's records: the one that shows a phone column, else the one that splits most evenly."""
    best: tuple[tuple[bool, int, int], str, list[_Found]] | None = None
    # A stray quote above the header swallows it, so quoting off is the second try.
    for quoting in (True, False):
        for delimiter in [given] if given else _DELIMITERS:
            records = _found(sample, skipped, delimiter, quoting=quoting)
            header = _header(records, wanted)
            width, often = Counter(len(record.cells) for record in records).most_common(1)[0] if records else (1, 0)
            if header:
                width = len(header.cells)
            elif often * 2 < len(records):
                width = 1
            score = (header is not None, width, often if width > 1 else 0)
            if best is None or score > best[0]:
                best = score, delimiter, records
        if best is not None and best[0][0]:
            break
    assert best is not None  # noqa: S101  there is always a delimiter to try
    return best[1], best[2]


def _likeliest(columns: tuple[str, ...], rows: list[list[str]]) -> str | None:
    """The column whose first cells look like phones, a name like "Mobile" deciding between equals."""
    best: tuple[float, str | None] = (0.5, None)
    for place, name in enumerate(columns):
        cells = [row[place] for row in rows if place < len(row) and row[place].strip()]
        # Fewer than nine digits are as often an id or a date.
        likely = sum(_looks_like_phone(cell) and sum(map(str.isdigit, cell)) >= 9 for cell in cells)
        score = likely / len(cells) + (0.25 if _PHONE_NAMES.search(name) else 0) if likely else 0
        if name and score > best[0]:
            best = score, name
    return best[1]


def _name(cell: str) -> str:
    return " ".join(cell.replace("\ufeff", "").split())


def _unquoted(cell: str) -> str:
    return cell.strip().strip('"').strip()
