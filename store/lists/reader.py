"""
Parser of a list's text: its rows, and lines that are no rows, lazily. `formats` makes that text of whatever was dropped.

The standard `csv` reads the records: it is the only reader that knows the line a record starts on.
Lines without a quote are split directly, which is the same and faster. `csv.field_size_limit` is left as it is, since
it is global to the process: a longer cell is `shortened`.
"""

import contextlib
import csv
import io
import re
import secrets
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

import numpy as np
import numpy.typing as npt

from store.choices import NOTHING_CHOSEN, Choices, Question, Undecided
from store.errors import ListRefused
from store.lists import long_lines
from store.lists.columns import (
    MOST_COLUMNS,
    NO_NAME,
    THRUTEXT,
    THRUTEXT_PHONE,
    column_key,
    contact_signs,
    filled_cells,
    has_phone_among_words,
    likely_phones,
    looks_like_phone,
    names_of,
    without_ordinal,
)
from store.lists.formats import as_text
from store.lists.header import DELIMITERS, HEADER_WITHIN, SampleRecord, find_header, sniff
from store.lists.latecomers import BEYOND, Latecomers
from store.lists.meanings import Marker, Meanings, meanings_of, named, question_of_phones
from store.lists.senses import ColumnKind
from store.lists.thrutext import ThruTextColumns
from store.lists.xlsx import LONGEST
from store.phones.numbers import Reason
from store.records import ImportedNote


class NoPhoneColumn(ListRefused):
    """
    No column, or no single one, can be the phones'.

    `columns` are the names found, `likely` the one that is most likely theirs, if any.
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
    """A line that is no row of the list, whole, with the reason and its code; no phone in it has been read."""

    line: int
    text: str
    code: Reason
    reason: str


_BLOCK: Final = 1 << 20  # bytes looked at in one go: what they turn into fits into a processor's cache
_MOST_LINES: Final = 1 << 17  # of a block: each takes some hundred bytes in arrays, however short it is
_SMALLEST_BLOCK: Final = 1 << 12  # what is no block of so many bytes is read line by line
_MANY: Final = 1_000  # lines of a block; where more are unknown it is worth while to leave out blank ones together
_NEWLINE: Final = ord("\n")
_RETURN: Final = ord("\r")
_SAMPLE_CHARACTERS: Final = 1024 * 1024
_SHOWN: Final = 1_000  # characters of a line that is longer than any is read
_MOST_LATE: Final = 180  # values that came late, beyond which a list is not read anew
_MOST_NOTED: Final = 3  # columns with phones among their words that are named
_SAMPLE_LINES: Final = 200  # enough to find the header and tell delimiters apart
# A record of more lines, or of more characters, has an unclosed quote in it.
_QUOTED_LINES: Final = 500
_QUOTED_CHARACTERS: Final = LONGEST
# Bytes that may be read again, beside a quarter of those that have been. A list that asks for more has quotes that mean
# nothing: from there on each of its lines is a record by itself.
_READ_AGAIN: Final = 1 << 16

# Where what stands below a list is looked for, and how it begins where no blank line is before it.
_END_BYTES: Final = 1 << 13
_END_TITLE: Final = re.compile(
    r"questions\?|contact us|call us|generated (?:by|on)|copyright|confidential|do not distribute|end of (?:report|list|file)",
    re.IGNORECASE,
)
# What sums up the column of phones, since a program does so to every column of numbers: it is nobody's number.
_TOTAL: Final = re.compile(
    r"(?:grand |sub ?)?totals?|average|avg\.?|averages|gesamt(?:summe)?|summe|durchschnitt|suma total|promedio|media total|totale|totaux|moyenne",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"[^\s,;|\"]")
_SEP_LINE = re.compile(r"sep=([^\"\r\n])[\r\n]*+", re.IGNORECASE)
_INSIDE_QUOTES = re.compile(r'(?:[^"]++|"")*+')


class _Lines:
    """
    The lines of a text file from byte *start* to *end*, one or many at a time, with their numbers.

    The last ones given out singly can be put back.
    """

    def __init__(
        self, file: BinaryIO, start: int, encoding: str, errors: str, delimiter: str, end: int | None = None
    ) -> None:
        self._file = file
        self._delimiter = delimiter
        self._end = end
        self._encoding = encoding
        self._errors = errors
        self._sizes: deque[int] = deque(maxlen=_QUOTED_LINES + 1)
        self.offset = start  # of the byte after the line last given out
        self.read_again = 0  # bytes that were put back, where they were more than one line
        self.number = 0  # of the line last given out
        self.left_out = False  # of the line last given out singly, cells at its end
        file.seek(start)

    def take(self) -> str | None:
        """The next line, or None at the end. Of a long one, cells are `shortened`."""
        raw = b"" if self.offset == self._end else self._file.readline(long_lines.LONGEST)
        if not raw:
            return None
        whole, size = True, len(raw)
        if size == long_lines.LONGEST and not raw.endswith(b"\n"):
            for piece in long_lines.in_pieces(self._file):
                whole, size = False, size + len(piece)
                if piece.endswith(b"\n"):
                    break
        self._sizes.append(size)
        self.offset += size
        self.number += 1
        self.left_out = False
        if len(raw) > long_lines.LONG:
            raw, self.left_out = long_lines.shortened(raw, self._delimiter, self._encoding, whole=whole)
        return raw.decode(self._encoding, self._errors)

    def put_back(self, count: int) -> None:
        """Give the last *count* lines out again; all of them were taken singly, and lately."""
        for _ in range(count):
            size = self._sizes.pop()
            self.offset -= size
            self.read_again += size if count > 1 else 0
        self.number -= count
        self._file.seek(self.offset)

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

    `ended`: there was no whole record, for the file ran out, it grew too long, or *is_swallowed* said so of a line.
    """

    def __init__(self, lines: _Lines, first: str, is_swallowed: Callable[[str], bool]) -> None:
        self._lines = lines
        self._is_swallowed = is_swallowed
        self._room = _QUOTED_CHARACTERS
        self._most = _QUOTED_LINES if lines.read_again <= lines.offset // 4 + _READ_AGAIN else 1
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
        following = self._lines.take() if len(self.taken) < self._most else None
        if following is None:
            self.ended = True
            raise StopIteration
        self.taken.append(following)
        self._room -= len(following)
        if self._room < 0 or self._is_swallowed(following):
            self.ended = True
            raise StopIteration
        return following


@dataclass(frozen=True, slots=True)
class Block:
    """
    Lines that are one record each, with their phone cells found at once.

    For a cell that is surely a phone nothing is left to do; the line of any other is read by itself, with `carefully`.
    Cell i is `text[starts[i]:ends[i]]` and stands on line `first_line + i`; all arrays have the length of `starts`.
    """

    text: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    first_line: int
    carefully: Callable[[int], "Iterator[Row | Damaged]"]
    """What line i is when it is read by itself, with all that is known of broken lists: nothing when it is blank."""
    is_filled: Callable[[], npt.NDArray[np.bool_]]
    """Is there anything but blanks and delimiters on each line?"""
    column: Callable[[int], tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]]
    """The cells of another column, as `text`, `starts` and `ends` have those of the phones; empty where there is none."""
    cells: Callable[[int], list[str]]
    """The cells of another column as texts, one of each line; empty where there is none."""
    encoding: str
    """Of the text that `column` gives."""

    def unknown(self, known: npt.NDArray[np.bool_]) -> list[int]:
        """The lines to read `carefully`: those whose phone is not *known*, without those that are blank."""
        places = np.flatnonzero(~known)
        if len(places) > _MANY:
            places = places[self.is_filled()[places]]
        unknown: list[int] = places.tolist()
        return unknown


class ListReader:
    """
    One list file. Building it looks the file through and finds the phone column, or raises ListRefused.

    *column*: the one a person chose instead of `phone`; *choices*: how else people chose to have it read. *all_phones*:
    every column that looks like phones is one, where nobody chose any. *name*: what people call the file, for the sentences.
    *spool*: where the text of a file that cannot be read in place goes, beside *path* by default; `close` removes it.
    *working*: see `as_text`.

    `text_path`, `bom` bytes in, decoded as `encoding` with `errors`, is the text; `skip` of its lines stand before the
    first row; `delimiter` parts its cells, and `phone_index` of them is the phone, or with others `phone_indexes` are.
    `columns` are called as in the header, and `names` so that each has another. `meanings`: what those columns mean that
    say more than a phone, and `latecomers` watches the others. `is_sheet`: the text was made of a
    workbook's sheet, a line a row; `is_endless`: a line of it is longer than any is read. `size` and `bytes_read` are its bytes.
    `remarks` say what was forgiven or put right; `rows()` may add to them. `contact_signs`: what makes it look like a
    contact list, in words for "it has names and e-mails"; empty for an opt-out list. `questions`: what is to be decided of how it is read. `carries`: see `carried`.
    Memory is bounded by the longest line (`long_lines.LONGEST` at most), not by the file; a workbook's is by its limits.
    """

    columns: tuple[str, ...]
    phone_column: str
    has_header: bool

    def __init__(
        self,
        path: Path,
        *,
        column: str | None = None,
        choices: Choices = NOTHING_CHOSEN,
        all_phones: bool = False,
        name: str | None = None,
        spool: Path | None = None,
        working: Callable[[], object] = lambda: None,
    ) -> None:
        self._chosen = choices.columns or (() if column is None else (column,))
        self._all_phones = all_phones
        self._phone_key = column_key(self._chosen[0]) if self._chosen else "phone"
        spool = spool or path.with_name(f"{path.name}.{secrets.token_hex(4)}.text")
        sheet_key = without_ordinal(self._phone_key)
        text = as_text(path, name or path.name, sheet_key, spool, choices=choices, working=working)
        self._text = text
        self._name = text.name
        self.text_path = text.path
        self.encoding, self.errors, self.bom = text.encoding, text.errors, text.bom
        self.is_sheet = text.delimiter is not None
        self.is_endless = text.endless
        self.size = text.path.stat().st_size
        self.choices = choices
        self._late: list[list[str]] = []  # what columns say later than in the first lines
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def _look(self) -> None:
        """Find everything out that the first lines tell, and what came late."""
        self.remarks = list(self._text.remarks)
        self._file: BinaryIO | None = None
        self._bytes_read = 0
        self._above: list[Damaged] = []
        self.skip = 0
        self.names: tuple[str, ...] = ("phone",)
        self.phone_indexes: tuple[int, ...] = (0,)
        self.meanings = Meanings()
        self._end = self.size  # of the rows, in bytes
        self._named = 1  # columns that the header names
        self._below: list[str] = []  # the lines behind them, of what is no row of the list
        self.contact_signs: tuple[str, ...] = ()
        self.questions: list[Question] = list(self._text.questions)
        self._carrying: ThruTextColumns | None = None
        self.latecomers: Latecomers | None = None
        given = self._text.delimiter
        sample, complete = self._sampled()
        if given is None and sample and (separator := _SEP_LINE.fullmatch(sample[0])):
            given = separator[1]
            self.skip = 1
        self.delimiter, records = sniff(sample[self.skip :], self.skip, given, self._phone_key)
        if self.delimiter != "," and not given:
            self.remarks.append(f"{DELIMITERS[self.delimiter]} between columns")
        if not records or not any(map(_CONTENT.search, sample[self.skip :])):
            where = "it" if complete else f"its first {len(sample):,} lines"
            raise ListRefused(
                f"{self._name} has nothing but blanks and separators in {where}. A list has a line with the names of "
                "its columns, `phone` among them, and its phones below, one a line."
            )
        self._find_phone(records, sample)
        if self.has_header and len(self.columns) > 1:
            self._find_end([record.cells for record in records if record.start > self.skip])
        if complete and not self._above and all(record.end <= self.skip for record in records):
            raise ListRefused(
                f"{self._name} has a header but no rows. A list has its phones below the header, one a line: "
                "add them and drop the file again."
            )

    def close(self) -> None:
        """Remove what was put into the spool file. The reader is of no use afterwards."""
        if self._text.spooled:
            self.text_path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def phone_index(self) -> int:
        """The place of the phones' column, or of the first of several."""
        return self.phone_indexes[0]

    def look_again(self) -> bool:
        """
        Whether the list's columns mean more than was known when it was read, by what `latecomers` saw; then it is to be read anew.

        Nothing that was found out before holds then.
        """
        late = [] if self.latecomers is None else self.latecomers.rows()
        if not late or len(self._late) > _MOST_LATE:
            return False
        before = self.meanings, self.phone_indexes
        self._late += late
        said = self.remarks
        self._look()
        if (self.meanings, self.phone_indexes) != before:
            return True
        self.remarks = said
        return False

    @property
    def carries(self) -> bool:
        """Does each row say when and how its opt-out came about?"""
        return self._carrying is not None

    def carried(self, cells: Sequence[str]) -> ImportedNote | None:
        """The note and time that a row's *cells* carry, word for word; None for lists that carry none."""
        return None if self._carrying is None else self._carrying.read(cells)

    @property
    def bytes_read(self) -> int:
        """The bytes that `rows()` has read, of `size`."""
        if self._file is not None:
            self._bytes_read = self._file.tell()
        return self._bytes_read

    def phones_question(self, filled: Mapping[int, int]) -> Question | None:
        """
        What to ask where other columns than those that are read look like phones too.

        *filled*: how many cells of each such column look like phones, in the whole list.
        """
        if not self.has_header or self.carries:
            return None
        called = [place for place, name in enumerate(self.columns) if column_key(name) == self._phone_key]
        some = [place for place in self.meanings.phones if filled.get(place, 0) and place not in self.meanings.own]
        places = sorted({*self.phone_indexes, *called, *some})
        own = [self.names[place] for place in sorted(self.meanings.own & set(self.phone_indexes))]
        return question_of_phones(
            [(self.names[place], filled.get(place, 0)) for place in places],
            [self.names[place] for place in self.phone_indexes],
            own,
            decided=bool(self._chosen),
            is_log=self.meanings.is_log,
        )

    def rows(self) -> Iterator[Row | Damaged]:
        """
        Every line of the list that is not blank, in order, as a row or as damage; nothing in between is dropped.

        A row that is too short has the cell "". Each call reads the file anew.
        """
        for item in self.blocks():
            if isinstance(item, Block):
                for index in range(len(item.starts)):
                    yield from item.carefully(index)
            else:
                yield item

    def blocks(self) -> Iterator[Block | Row | Damaged]:
        """The same as `rows`, with the lines that need no care in blocks, which is many times faster."""
        yield from self._above
        with self.text_path.open("rb") as file:
            self._file = file
            lines = _Lines(file, self.bom, self.encoding, self.errors, self.delimiter, self._end)
            for _ in range(self.skip):
                lines.take()
            size = _BLOCK
            while True:
                first, start = lines.number + 1, lines.offset
                data, count = lines.take_many(size)
                if count < 0:
                    yield from self._next(lines)
                    continue
                if not data:
                    break
                if count > _MOST_LINES:
                    lines.go_before(start, first)
                    size //= 4
                    continue
                block = self._split(data, first) if b'"' not in data else self._parsed(data, count, first)
                if block is not None:
                    yield block
                    size = min(2 * size, _BLOCK)
                    continue
                # A record of several lines, or a quote that never closes, is in it: it is looked for among fewer lines.
                lines.go_before(start, first)
                if size > _SMALLEST_BLOCK:
                    size = max(size // 4, _SMALLEST_BLOCK)
                    continue
                while lines.offset < start + len(data):
                    yield from self._next(lines)
                yield self._split(b"", lines.number + 1)  # a word on how far it is, where all of them were blank
            self._file = None
            for number, line in enumerate(self._below, lines.number + 1):
                if any(map(looks_like_phone, self._cells_of(line))):
                    yield Damaged(number, line, Reason.BELOW_LIST, "below the list, in the lines that end the file")
        self._bytes_read = self.size

    def _split(self, data: bytes, first: int) -> Block:
        """The lines *data*, which have no quotes in them, as a block."""
        text = np.frombuffer(data, np.uint8)
        newlines = np.flatnonzero(text == _NEWLINE)
        line_starts = np.concatenate(([0], newlines + 1))
        if line_starts[-1] == len(text):
            line_starts = line_starts[:-1]
        line_ends = newlines if len(newlines) == len(line_starts) else np.append(newlines, len(text))
        line_ends = line_ends - (text[line_ends - 1] == _RETURN)
        line_ends = np.maximum(line_ends, line_starts)

        # A delimiter of several bytes is left to the careful reading.
        places = np.flatnonzero(text == ord(self.delimiter)) if self.delimiter.isascii() else np.zeros(0, np.int64)
        before = np.searchsorted(places, line_starts)  # delimiters before each line
        within = np.searchsorted(places, line_ends) - before
        places = np.append(places, len(text))
        wide = len(self.columns) > 1

        def column(index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
            # Of a cell that is not there, or not alone on its line, nothing is shown: such a line is read carefully.
            there = within >= index if wide else within == 0
            if not there.any():
                return text, line_starts, line_starts
            starts, ends = line_starts, line_ends
            if index:
                starts = np.where(there, places[np.minimum(before + index, len(places)) - 1] + 1, line_starts)
            more = within > index
            ends = np.where(more, places[np.minimum(before + index, len(places) - 1)], line_ends)
            return text, starts, np.where(there, ends, starts)

        def carefully(index: int) -> Iterator[Row | Damaged]:
            line = data[int(line_starts[index]) : int(line_ends[index])].decode(self.encoding, self.errors)
            return self._row(first + index, line.split(self.delimiter))

        def cells(index: int) -> list[str]:
            _, starts, ends = column(index)
            spans = zip(starts.tolist(), ends.tolist(), strict=True)
            if data.isascii():
                ascii_text = data.decode("ascii")
                return [ascii_text[start:end] for start, end in spans]
            return [data[start:end].decode(self.encoding, self.errors) for start, end in spans]

        return Block(
            *column(self.phone_index),
            first,
            carefully,
            lambda: self._filled(text, line_starts, line_ends),
            column,
            cells,
            self.encoding,
        )

    def _filled(
        self, text: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Is there anything but blanks and delimiters from each of *starts* to its end?"""
        content = np.ones(256, np.bool_)
        content[[*b" \t\r\n", *(self.delimiter.encode() if self.delimiter.isascii() else b"")]] = False
        before = np.concatenate(([0], np.cumsum(content[text], dtype=np.int32)))
        filled: npt.NDArray[np.bool_] = before[ends] > before[starts]
        return filled

    def _parsed(self, data: bytes, count: int, first: int) -> Block | None:
        """The *count* lines *data*, with quotes in them, as a block; None when they are not one record each."""
        lines = io.StringIO(data.decode(self.encoding, self.errors), newline="\n")
        try:
            records = list(csv.reader(lines, delimiter=self.delimiter))
        except csv.Error:
            return None
        if len(records) != count:
            return None
        wide = len(self.columns) > 1

        def cells(index: int) -> list[str]:
            return [cells[index] if len(cells) > index and (wide or len(cells) == 1) else "" for cells in records]

        def column(index: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
            encoded = [cell.encode() for cell in cells(index)]
            ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, count))
            starts = np.concatenate((np.zeros(1, np.int64), ends[:-1]))
            return np.frombuffer(b"".join(encoded), np.uint8), starts, ends

        text = np.frombuffer(data, np.uint8)
        line_ends = np.flatnonzero(text == _NEWLINE) + 1
        if len(line_ends) < count:
            line_ends = np.append(line_ends, len(text))
        line_starts = np.concatenate((np.zeros(1, np.int64), line_ends[:-1]))
        again = _Lines(io.BytesIO(data), 0, self.encoding, self.errors, self.delimiter)

        def carefully(index: int) -> Iterator[Row | Damaged]:
            again.go_before(int(line_starts[index]), first + index)
            yield from self._next(again)

        return Block(
            *column(self.phone_index),
            first,
            carefully,
            lambda: self._filled(text, line_starts, line_ends),
            column,
            cells,
            "utf-8",
        )

    def _next(self, lines: _Lines) -> Iterator[Row | Damaged]:
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
            yield from self._row(lines.number, line.rstrip("\r\n").split(self.delimiter))

    def _holds_phone(self, line: str) -> bool:
        """Is the phone's cell among those that are left of a long *line*?"""
        with contextlib.suppress(csv.Error):
            return len(next(csv.reader([line], delimiter=self.delimiter), [])) > self.phone_index
        return False

    # --- quotes ----------------------------------------------------------------------------------------------------

    def _quoted(self, lines: _Lines, first: str) -> Iterator[Row | Damaged]:
        """The record that starts with the line *first*, which has a quote in it; nothing if it is blank."""
        start, record = lines.number, _Record(lines, first, self._is_swallowed)
        try:
            cells = next(csv.reader(record, delimiter=self.delimiter))
        except csv.Error:  # a cell beyond csv.field_size_limit
            cells = []
        if cells and not record.ended and self._can_trust(record.taken, cells):
            yield from self._row(start, cells)
            if len(record.taken) > 1 and any(self._hides_phone(cell) for cell in cells):
                text = "".join(record.taken).rstrip("\r\n")
                reason = "a phone number inside a quoted cell of several lines was not read"
                yield Damaged(start, text, Reason.HIDDEN_IN_CELL, reason)
            return

        # A quote that was never closed swallows rows, so the line it opens on is read without quoting, and whatever
        # came after it is read again.
        lines.put_back(len(record.taken) - 1)
        remark = f"from line {start:,} on, quotes that never close are read as text"
        if not any(" quotes that never close " in known for known in self.remarks):
            self.remarks.append(remark)
        text = first.rstrip("\r\n")
        cells = [_unquoted(cell) for cell in text.split(self.delimiter)]
        if self._is_as_wide_as_a_row(cells) and looks_like_phone(cells[self.phone_index]):
            yield from self._row(start, cells)
        else:
            yield Damaged(start, text, Reason.OPEN_QUOTE, "its quotes do not match: a quote opens and never closes")

    def _can_trust(self, taken: list[str], cells: list[str]) -> bool:
        """Is the record that `csv` made of these lines one, rather than rows swallowed by a stray quote?"""
        cell = cells[self.phone_index] if self.phone_index < len(cells) else ""
        if len(taken) == 1 and looks_like_phone(cell):
            return True
        try:
            next(csv.reader(taken, delimiter=self.delimiter, strict=True))
        except csv.Error:
            return False
        if len(taken) == 1:
            return True
        if any(map(looks_like_phone, cells[len(self.columns) :])):  # one row's end with the next one's phone
            return False
        first = self._phone_in(taken[0])
        return not first or first == _unquoted(cell)

    def _phone_in(self, line: str) -> str:
        """What stands where the phone belongs when *line* is read by itself; "" if it is no row of the list."""
        text = line.rstrip("\r\n")
        readings = [text.split(self.delimiter)]
        with contextlib.suppress(csv.Error):  # a cell beyond csv.field_size_limit
            readings.append(next(csv.reader([text], delimiter=self.delimiter), []))
        for cells in readings:
            if self._is_as_wide_as_a_row(cells) and looks_like_phone(cell := _unquoted(cells[self.phone_index])):
                return cell
        return ""

    def _is_as_wide_as_a_row(self, cells: Sequence[str]) -> bool:
        """Has *cells* as many as the header, or as it has with the columns behind it in which there are phones?"""
        return max(self._named, self.phone_index + 1) <= len(cells) <= len(self.columns)

    def _is_swallowed(self, line: str) -> bool:
        """Is *line*, which starts inside a quote, a row of the list up to its phone at least?"""
        inside = _INSIDE_QUOTES.match(line)
        return inside is not None and inside[0].count(self.delimiter) >= self.phone_index and bool(self._phone_in(line))

    def _hides_phone(self, cell: str) -> bool:
        """Is a phone on one of several lines of *cell*, between delimiters, as the rest of a swallowed row would be?"""
        lines = cell.splitlines()
        pieces = (line.split(self.delimiter) for line in lines if self.delimiter in line)
        return len(lines) > 1 and any(looks_like_phone(_unquoted(piece)) for line in pieces for piece in line)

    def _row(self, number: int, cells: list[str]) -> Iterator[Row]:
        if any(map(str.strip, cells)):
            cell = cells[self.phone_index] if self.phone_index < len(cells) else ""
            yield Row(number, self._whole(cells) if len(self.columns) == 1 < len(cells) else cell, tuple(cells))

    def _whole(self, cells: list[str]) -> str:
        """
        The phone cell of a line with more cells than the one column there is.

        Another phone behind it would be passed over in silence, so the two stay together, to be refused as two.
        """
        return self.delimiter.join(cells) if any(map(looks_like_phone, cells[1:])) else cells[0]

    # --- the header ------------------------------------------------------------------------------------------------

    def _sampled(self) -> tuple[list[str], bool]:
        """The first lines, not too many and not too long, and whether they are all there are."""
        sample: list[str] = []
        room = _SAMPLE_CHARACTERS
        with self.text_path.open("rb") as file:
            file.seek(self.bom)
            head = file.readline(long_lines.LONG).decode(self.encoding, "replace")
            # What parts the cells is not known yet: what is likeliest to is enough to cut a long one.
            lines = _Lines(file, self.bom, self.encoding, self.errors, max(DELIMITERS, key=head.count))
            while (line := lines.take()) is not None:
                if len(sample) == _SAMPLE_LINES or room < 0:
                    return sample, False
                sample.append(line)
                room -= len(line)
        return sample, True

    def _find_phone(self, records: "list[SampleRecord]", sample: list[str]) -> None:
        """Find the header and the phones in it, and set all that follows; `ListRefused` when nobody can tell which they are."""
        phone_key = self._phone_key
        header = find_header(records, phone_key)
        export = next(
            (record for record in records[:HEADER_WITHIN] if set(map(column_key, set(record.cells))) >= THRUTEXT), None
        )
        if export is not None and not self._chosen:  # its custom fields may be called anything, `phone` as well
            header, phone_key = export, THRUTEXT_PHONE
            self.remarks.append("read as a ThruText export, with its phones in contact_phone")
        if header is None:
            if not self._chosen and self._is_bare(records):
                self.has_header, self.columns, self.phone_column = False, ("phone",), "phone"
                self.remarks.append("no header: every line read as a phone")
                return
            # One without a name is chosen by its place in the line that was the header before.
            unnamed = self._phone_key.endswith(NO_NAME) and find_header(records, "phone")
            header = unnamed or self._header_without_phone(records)
        rows = [*(record.cells for record in records if record.start > header.start), *self._late]
        self.has_header = True
        self.columns = tuple(map(_name, header.cells))
        # Rows may be wider than their header, as where one name is merged over two columns.
        wider = min(max(map(len, rows), default=0), MOST_COLUMNS) if len(self.columns) > 1 else 0
        named = [*(name for name, _ in self.choices.only), *filter(None, [self.choices.country_column])]
        self.names = self._names(header.cells, wider, {*map(column_key, [*named, *self._chosen])})
        if export is not header:
            self.meanings = meanings_of(self.names, rows)
        self.phone_indexes = self._phones_in(header.cells, phone_key, rows)
        self.phone_column = " and ".join(self.names[place] for place in self.phone_indexes)
        # Whoever reads on counts on a name above the phone.
        self._named = len(self.columns)
        self.columns += self.names[len(self.columns) : max(self.phone_indexes) + 1]
        name = next(iter(header.cells[self.phone_index :]), "").removeprefix("\ufeff")
        if not self._chosen and column_key(name) == phone_key != name:
            self.remarks.append(f"column '{name}' read as {phone_key}")
        if above := sum(record.start < header.start for record in records):
            self.remarks.append(f"{above} line{'s' if above > 1 else ''} above the header skipped")
        self._above = [
            Damaged(
                number, line.rstrip("\r\n"), Reason.ABOVE_HEADER, f"above the header, which is on line {header.start}"
            )
            for number, line in enumerate(sample[self.skip : header.start - 1], self.skip + 1)
            if any(looks_like_phone(_unquoted(cell)) for cell in line.rstrip("\r\n").split(self.delimiter))
        ]
        self.skip = header.end
        self._remark_notes(rows)
        if missing := next((name for name in named if self.place_of(name) is None), None):
            shown = ", ".join(map(_short, self.names[:10]))
            raise ListRefused(f"{self._name} has no column called `{_name(missing)[:40]}`. It has: {shown}.")
        if export is header:
            self._carrying = ThruTextColumns.of(header.cells)
            place = self._carrying.opt_out_type
            self.meanings = Meanings((Marker(place, self.names[place], ColumnKind.STATUS, by_name=False),))
        else:  # what ThruText exports are opt-outs, whatever else they say of people
            self.contact_signs = contact_signs(self.columns, rows)
            if len(self.columns) > 1:
                self.latecomers = Latecomers(self.names, rows, self._told())

    @staticmethod
    def _names(header: Sequence[str], wider: int, chosen: AbstractSet[str]) -> tuple[str, ...]:
        """
        The names of the columns below *header*, in rows of *wider* than its cells.

        Those behind them too, in which only late rows have anything, where one of them is *chosen*.
        """
        width = max(len(header), wider)
        names = names_of([*header, *[""] * (width + BEYOND - len(header))])
        behind = chosen & {*map(column_key, names[width:])}
        return names if behind and len(header) > 1 else names[:width]

    def _remark_notes(self, rows: Sequence[Sequence[str]]) -> None:
        """Say which columns have phones among their words in the first *rows*: whose they are nobody can tell, so they are not read."""
        read = {*self.phone_indexes, *self.meanings.phones}
        noted = [
            name
            for place, (name, cells) in enumerate(filled_cells(self.names, rows))
            if place not in read
            # One of several lines with delimiters may be rows that a quote has swallowed.
            and any(has_phone_among_words(cell) for cell in cells if not ("\n" in cell and self.delimiter in cell))
        ]
        if noted:
            names = " and ".join(map(named, noted[:_MOST_NOTED]))
            self.remarks.append(
                f"phone numbers among the words of {names} are not read: give each its own row if it is meant"
            )

    def _told(self) -> set[int]:
        """The columns of which it is known what they mean."""
        means = self.meanings
        decided = {*self.phone_indexes, *means.phones, *means.countries, *(one.index for one in means.markers)}
        return decided - means.own

    def _find_end(self, rows: Sequence[Sequence[str]]) -> None:
        """Find what stands below the list, like whom to call about it: some last lines, narrower than rows, behind a blank line or a title, or a total."""
        phones = [
            cells for cells in rows if len(cells) > self.phone_index and looks_like_phone(cells[self.phone_index])
        ]
        if not phones:
            return
        # What a row of the list has at least: half of them are filled as far as that.
        usual = sorted(sum(map(bool, map(str.strip, cells))) for cells in phones)[len(phones) // 2]
        with self.text_path.open("rb") as file:
            start = max(self.bom, self.size - _END_BYTES)
            file.seek(start)
            raw = file.read().splitlines(keepends=True)
        if start > self.bom:
            start += len(raw[0])
            raw = raw[1:]
        lines = [line.decode(self.encoding, self.errors).rstrip("\r\n") for line in raw]
        if any(line.count('"') % 2 for line in lines):
            return  # a line may be a part of a cell
        at: int | None = None
        for place in range(len(lines) - 1, 0, -1):
            filled = [cell for cell in map(str.strip, self._cells_of(lines[place])) if cell]
            if any(_TOTAL.fullmatch(cell.rstrip(" :")) for cell in filled):
                at = place
                continue
            if len(filled) >= usual and any(map(looks_like_phone, filled)):
                break
            titled = filled and (
                _END_TITLE.search(filled[0]) or (len(filled) == 1 and not self._cells_of(lines[place - 1])[0].strip())
            )
            if titled and len(filled) < usual and not looks_like_phone(filled[0]):
                at = place
        if at is None or start + sum(map(len, raw[:at])) <= self.bom or len(lines) == at:
            return
        if not any(looks_like_phone(cell) for line in lines[at:] for cell in self._cells_of(line)):
            return
        self._end = start + sum(map(len, raw[:at]))
        self._below = lines[at:]
        skipped = sum(map(bool, map(str.strip, self._below)))
        self.remarks.append(f"{skipped} line{'s' if skipped > 1 else ''} below the list skipped")

    def _cells_of(self, line: str) -> list[str]:
        """The cells of *line*, read by itself."""
        try:
            return next(csv.reader([line], delimiter=self.delimiter), None) or [""]
        except csv.Error:  # a cell beyond csv.field_size_limit
            return [line]

    def _phones_in(self, header: Sequence[str], phone_key: str, rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
        """The places of the phones among *header*, with *rows* below it; raises `ListRefused` where that is to be decided first."""
        keys = list(map(column_key, self.names))
        if self._chosen:
            places = [self._place(name, keys, header) for name in self._chosen]
            if None in places:
                missing = self._chosen[places.index(None)]
                raise self._no_phone(missing, rows)
            return tuple(dict.fromkeys(place for place in places if place is not None))
        called = [place for place, cell in enumerate(header) if column_key(cell) == phone_key]
        likely = self.meanings.phones
        if self._all_phones and (called or len(likely) > 1):
            return tuple(dict.fromkeys((*called, *likely)))
        if called:
            return (called[0],)
        raise self._no_phone("phone", rows)

    @staticmethod
    def _place(name: str, keys: Sequence[str], header: Sequence[str]) -> int | None:
        """The place of the column called *name*, by its own name or by the one in *header*."""
        key = column_key(name)
        if key in keys:
            return keys.index(key)
        return next((place for place, cell in enumerate(header) if column_key(cell) == key), None)

    def place_of(self, name: str) -> int | None:
        """The place of the column that people call *name*; None when there is none."""
        return self._place(name, list(map(column_key, self.names)), self.columns)

    def _is_bare(self, records: "list[SampleRecord]") -> bool:
        """Is this one column of phones with no header above it?"""
        alone = sum(not any(map(str.strip, record.cells[1:])) for record in records)
        likely = sum(looks_like_phone(record.cells[0]) for record in records)
        first = bool(records) and looks_like_phone(records[0].cells[0])
        return first and min(alone, likely) * 2 > len(records)

    def _header_without_phone(self, records: "list[SampleRecord]") -> "SampleRecord":
        """The line with the columns' names where none is called as it has to be; `NoPhoneColumn` where there are no names at all."""
        widths = Counter(len(record.cells) for record in records)
        width = widths.most_common(1)[0][0]
        first = records[0]
        # A header may be wider than the rows below it, never narrower.
        names = sum(map(bool, map(str.strip, first.cells)))
        if len(first.cells) > width and names > 1 and not any(map(looks_like_phone, first.cells)):
            return first
        top = next(record for record in records if len(record.cells) == width)
        if not self._chosen and any(map(looks_like_phone, top.cells)):
            raise NoPhoneColumn(
                f"{self._name} has no header: its first line has a phone number in it already. Put a line with the "
                "names of the columns above it, `phone` among them, and drop the file again.",
                (),
                None,
            )
        return top

    def _no_phone(self, wanted: str, rows: Sequence[Sequence[str]]) -> ListRefused:
        """Why there is no column called *wanted*, with those there are, and what looks like phones among them."""
        named = [_short(name) for name in self.columns if name]
        shown = ", ".join(named[:10]) + (f" and {len(named) - 10:,} more" if len(named) > 10 else "")
        problem = f"{self._name} has no column called `{_name(wanted)[:40]}`. It has: {shown or 'no names'}."
        own = self.meanings.own
        likely = [place for place in map(self.names.index, likely_phones(self.names, rows)) if place not in own]
        if len(likely) > 1 or (likely and own):
            likely.sort()
            alike = Counter(column_key(self.columns[place]) for place in likely)
            key, many = alike.most_common(1)[0]
            if many > 1:
                at = [place for place in likely if column_key(self.columns[place]) == key]
                where = ", ".join(str(place + 1) for place in at[:-1][:9])
                problem += f" {many} columns called {_short(self.columns[at[0]])} (columns {where} and {at[-1] + 1}) look alike."
            question = question_of_phones(
                [(self.names[place], None) for place in likely],
                (),
                [self.names[place] for place in sorted(own)],
                decided=False,
                is_log=self.meanings.is_log,
            )
            assert question is not None  # noqa: S101  there are several
            return Undecided(problem, question)
        cure = "Rename the column with the phones to `phone` and drop the file again."
        if likely:
            name = self.names[likely[0]]
            cure = f"{_short(name)} looks like phone numbers: use it, or rename it to `phone` and drop the file again."
        return NoPhoneColumn(f"{problem} {cure}", self.columns, self.names[likely[0]] if likely else None)


def names_in_list(path: Path, spool: Path, columns: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns of the list at *path*, whose phones are in *columns*; see `ListReader`, also for what is raised."""
    with ListReader(path, choices=Choices(columns=tuple(columns)), all_phones=True, spool=spool) as reader:
        return reader.names


def _name(cell: str) -> str:
    return " ".join(cell.replace("\ufeff", "").split())


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"


def _unquoted(cell: str) -> str:
    return cell.strip().strip('"').strip()
