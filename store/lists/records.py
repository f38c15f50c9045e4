"""
Records of a list's text, one after the other and with care: a quote that never closes swallows none of them.

The standard `csv` reads them: it is the only reader that knows the line a record starts on. `csv.field_size_limit` is left as
it is, since it is global to the process: a longer cell is `shortened`.
"""

import contextlib
import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from store.lists import long_lines
from store.lists.columns import looks_like_phone
from store.phones.numbers import Reason

_SHOWN: Final = 1_000  # characters of a line that is longer than any is read
# That are kept of a record of several lines; together they are fewer than `csv` takes of one cell.
_QUOTED_LINES: Final = 500
_QUOTED_CHARACTERS: Final = 100_000
_BEHIND: Final = 2 << 20  # characters behind long cells of a record that are kept
# Bytes that may be read again, beside a quarter of those that have been. A list that asks for more has quotes that mean
# nothing: from there on each of its lines is a record by itself.
_READ_AGAIN: Final = 1 << 16
_INSIDE_QUOTES = re.compile(r'(?:[^"]++|"")*+')


@dataclass(frozen=True, slots=True)
class Row:
    """A record: the `line` it starts on in an editor (from 1), its phone `cell`, and all its `cells` to give back."""

    line: int
    cell: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Damaged:
    """A line that is no row of the list, whole, with the reason and its code; no phone in it has been read."""

    line: int
    text: str
    code: Reason
    reason: str


@dataclass(frozen=True, slots=True)
class Shape:
    """
    How the records of a list look: their text is decoded as *encoding* with *errors*, and *delimiter* parts its cells.

    The phone, or the first of several, is at *phone_index* among *columns*, of which the header names as many as *named*.
    """

    encoding: str
    errors: str
    delimiter: str
    phone_index: int = 0
    columns: int = 1
    named: int = 1


class Lines:
    """The lines of a text file from byte *start* to *end*, one or many at a time, with their numbers."""

    def __init__(
        self, file: BinaryIO, start: int, encoding: str, errors: str, delimiter: str, end: int | None = None
    ) -> None:
        self._file = file
        self._delimiter = delimiter
        self._end = end
        self._encoding = encoding
        self._errors = errors
        self.offset = start  # of the byte after the line last given out
        self.read_again = 0  # bytes that were put back, where they were more than one line
        self.number = 0  # of the line last given out
        self.left_out = False  # of the line last given out singly, cells at its end
        file.seek(start)

    def take(self, *, inside: bool = False) -> str | None:
        """The next line, or None at the end. Of a long one, cells are `shortened`; *inside*: it starts inside of quotes."""
        raw = b"" if self.offset == self._end else self._file.readline(long_lines.LONGEST)
        if not raw:
            return None
        whole, size = True, len(raw)
        if size == long_lines.LONGEST and not raw.endswith(b"\n"):
            for piece in long_lines.in_pieces(self._file):
                whole, size = False, size + len(piece)
                if piece.endswith(b"\n"):
                    break
        self.offset += size
        self.number += 1
        self.left_out = False
        if len(raw) > long_lines.LONG:
            quote = b'"' if inside else b""
            raw, self.left_out = long_lines.shortened(quote + raw, self._delimiter, self._encoding, whole=whole)
            raw = raw.removeprefix(quote)
        return raw.decode(self._encoding, self._errors)

    def go_back(self, offset: int, number: int) -> None:
        """Give out once more what comes behind line *number*, which ends before byte *offset*."""
        if self.number > number + 1:
            self.read_again += self.offset - offset
        self.go_before(offset, number + 1)

    def go_before(self, offset: int, number: int) -> None:
        """Go on with the line that starts at byte *offset*, which is *number*."""
        self._file.seek(offset)
        self.offset, self.number = offset, number - 1

    def take_many(self, size: int) -> tuple[bytes, int]:
        """
        Whole lines of about *size* bytes, and how many they are; none at the end.

        Those before a long line; and where that is the first of them, it is not given out, and -1 says so.
        """
        size = size if self._end is None else min(size, self._end - self.offset)
        data = self._file.read(size)
        if data and len(data) == size and not data.endswith(b"\n"):
            rest = self._file.readline(long_lines.LONG)
            if len(rest) == long_lines.LONG and not rest.endswith(b"\n"):
                data = data[: data.rfind(b"\n") + 1]
                self._file.seek(self.offset + len(data))
                if not data:
                    return b"", -1
            else:
                data += rest
        count = data.count(b"\n") + (data[-1:] not in (b"", b"\n"))
        self.offset += len(data)
        self.number += count
        return data, count


class _Record:
    """
    Feeds one record's lines to `csv.reader`, and knows afterwards which they were.

    Of a very long cell no more than the first is `taken`. `ended`: there was no whole record, for the file ran out, it grew
    longer than a line may be, *is_swallowed* said so of a line, or *may_be_row* of one that is not kept.
    """

    def __init__(
        self,
        lines: Lines,
        first: str,
        is_swallowed: Callable[[str], bool],
        may_be_row: Callable[[str], bool],
    ) -> None:
        self._lines = lines
        self._is_swallowed = is_swallowed
        self._may_be_row = may_be_row
        self._room = _QUOTED_CHARACTERS - len(first)
        self._until = lines.offset
        if lines.read_again <= lines.offset // 4 + _READ_AGAIN:
            self._until += long_lines.LONGEST
        self._first: str | None = first
        self.taken: list[str] = []
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._first is not None:
            line, self._first = self._first, None
            self.taken.append(line)
            return line
        while self._lines.offset < self._until:
            following = self._lines.take(inside=True)
            if following is None or self._is_swallowed(following):
                break
            if len(following) > self._room or len(self.taken) >= _QUOTED_LINES:
                inside = _inside_quotes(following)
                if self._may_be_row(following[:inside]):
                    break
                self._room = 0
                following = following[inside:]
            if following:
                self.taken.append(following)
                self._room -= len(following)
                if self._room < -_BEHIND:
                    break
                return following
        self.ended = True
        raise StopIteration


class Records:
    """Reads the records of a list of that *shape*. *remark* is told, once of each kind, what was put right."""

    def __init__(self, shape: Shape, remark: Callable[[str], object]) -> None:
        self.shape = shape
        self._delimiter = shape.delimiter
        self._phone_index = shape.phone_index
        self._remark = remark
        self._open_quotes = False

    def next(self, lines: Lines) -> Iterator[Row | Damaged]:
        """The record that starts on the next line; nothing if it is blank."""
        line = lines.take()
        if line is None:
            return
        if lines.left_out and not self._holds_phone(line):
            reason = "more cells or characters on one line than are read, and no phone among the first of them"
            yield Damaged(lines.number, line.rstrip("\r\n")[:_SHOWN], Reason.TOO_LONG, reason)
        elif '"' in line:
            yield from self._quoted(lines, line)
        else:
            yield from self.row(lines.number, line.rstrip("\r\n").split(self._delimiter))

    def row(self, number: int, cells: list[str]) -> Iterator[Row]:
        if any(map(str.strip, cells)):
            cell = cells[self._phone_index] if self._phone_index < len(cells) else ""
            yield Row(number, self._whole(cells) if self.shape.columns == 1 < len(cells) else cell, tuple(cells))

    def _whole(self, cells: list[str]) -> str:
        """
        The phone cell of a line with more cells than the one column there is.

        Another phone behind it would be passed over in silence, so the two stay together, to be refused as two.
        """
        return self._delimiter.join(cells) if any(map(looks_like_phone, cells[1:])) else cells[0]

    def _holds_phone(self, line: str) -> bool:
        """Is the phone's cell among those that are left of a long *line*?"""
        with contextlib.suppress(csv.Error):
            return len(next(csv.reader([line], delimiter=self._delimiter), [])) > self._phone_index
        return False

    def _quoted(self, lines: Lines, first: str) -> Iterator[Row | Damaged]:
        """The record that starts with the line *first*, which has a quote in it; nothing if it is blank."""
        start, behind = lines.number, lines.offset
        record = _Record(lines, first, self._is_swallowed, self._may_be_row)
        try:
            cells = next(csv.reader(record, delimiter=self._delimiter))
        except csv.Error:  # a cell beyond csv.field_size_limit
            cells = []
        if cells and not record.ended and self._can_trust(record.taken, cells):
            yield from self.row(start, cells)
            if len(record.taken) > 1 and any(self._hides_phone(cell) for cell in cells):
                text = "".join(record.taken).rstrip("\r\n")
                reason = "a phone number inside a quoted cell of several lines was not read"
                yield Damaged(start, text, Reason.HIDDEN_IN_CELL, reason)
            return

        # A quote that was never closed swallows rows, so the line it opens on is read without quoting, and whatever
        # came after it is read again.
        lines.go_back(behind, start)
        if not self._open_quotes:
            self._open_quotes = True
            self._remark(f"from line {start:,} on, quotes that never close are read as text")
        text = first.rstrip("\r\n")
        cells = [unquoted(cell) for cell in text.split(self._delimiter)]
        if self._is_as_wide_as_a_row(cells) and looks_like_phone(cells[self._phone_index]):
            yield from self.row(start, cells)
        else:
            yield Damaged(start, text, Reason.OPEN_QUOTE, "its quotes do not match: a quote opens and never closes")

    def _can_trust(self, taken: list[str], cells: list[str]) -> bool:
        """Is the record that `csv` made of these lines one, rather than rows swallowed by a stray quote?"""
        cell = cells[self._phone_index] if self._phone_index < len(cells) else ""
        if len(taken) == 1 and looks_like_phone(cell):
            return True
        try:
            next(csv.reader(taken, delimiter=self._delimiter, strict=True))
        except csv.Error:
            return False
        if len(taken) == 1:
            return True
        if any(map(looks_like_phone, cells[self.shape.columns :])):  # one row's end with the next one's phone
            return False
        first = self._phone_in(taken[0])
        return not first or first == unquoted(cell)

    def _phone_in(self, line: str) -> str:
        """What stands where the phone belongs when *line* is read by itself; "" if it is no row of the list."""
        text = line.rstrip("\r\n")
        readings = [text.split(self._delimiter)]
        with contextlib.suppress(csv.Error):  # a cell beyond csv.field_size_limit
            readings.append(next(csv.reader([text], delimiter=self._delimiter), []))
        for cells in readings:
            if self._is_as_wide_as_a_row(cells) and looks_like_phone(cell := unquoted(cells[self._phone_index])):
                return cell
        return ""

    def _is_as_wide_as_a_row(self, cells: Sequence[str]) -> bool:
        """Has *cells* as many as the header, or as it has with the columns behind it in which there are phones?"""
        return max(self.shape.named, self._phone_index + 1) <= len(cells) <= self.shape.columns

    def _is_swallowed(self, line: str) -> bool:
        """Is *line*, which starts inside a quote, a row of the list up to its phone at least?"""
        delimiters = line.count(self._delimiter, 0, _inside_quotes(line))
        return delimiters >= self._phone_index and bool(self._phone_in(line))

    def _may_be_row(self, line: str) -> bool:
        """Is a piece of *line*, which is inside a quote, a phone, as in a row of the list that ends early?"""
        return any(looks_like_phone(unquoted(piece)) for piece in line.split(self._delimiter))

    def _hides_phone(self, cell: str) -> bool:
        """Is a phone on one of several lines of *cell*, between delimiters, as the rest of a swallowed row would be?"""
        lines = cell.splitlines()
        pieces = (line.split(self._delimiter) for line in lines if self._delimiter in line)
        return len(lines) > 1 and any(looks_like_phone(unquoted(piece)) for line in pieces for piece in line)

    def cells_of(self, line: str) -> list[str]:
        """The cells of *line*, read by itself."""
        try:
            return next(csv.reader([line], delimiter=self._delimiter), None) or [""]
        except csv.Error:  # a cell beyond csv.field_size_limit
            return [line]


def _inside_quotes(line: str) -> int:
    """How much of *line*, which starts inside a quote, is inside."""
    inside = _INSIDE_QUOTES.match(line)
    return inside.end() if inside else 0


def unquoted(cell: str) -> str:
    """*cell* as it stands in a line that is read without quoting, with no quotes round it."""
    return cell.strip().strip('"').strip()
