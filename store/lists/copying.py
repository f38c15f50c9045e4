"""Copy of a list line by line, byte for byte, without the records that are left out."""

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Final

from store.errors import StoreError
from store.lists.formulas import guarded
from store.lists.long_lines import in_pieces
from store.lists.reader import ListReader

_BLANK_LINES: Final = 1_000  # more than a quoted cell has: beyond, they are no part of the row before them
_NUMBER: Final = re.compile(r"[+-]?[\d .()-]*", re.ASCII)  # phones stay what they are
FILE_CHANGED: Final = "The file changed while it was read. Scrub it again when it is whole."


class Copy:
    """Copies the lines of a text, or leaves them out, record by record, as the reader says where each starts."""

    def __init__(self, reader: ListReader, text: BinaryIO, write: Callable[[Iterable[bytes]], object]) -> None:
        self._reader = reader
        # In pieces lines are counted one by one, which takes longer.
        self._lines: Iterator[bytes] = in_pieces(text) if reader.is_endless else text
        self._inside = False  # of a line that comes in pieces
        self._write = write
        self._next = 1  # the number of the line to come
        self._keep = True
        self._blank: list[bytes] = []

    def begin(self, line: int, *, keep: bool) -> None:
        """From *line* on there is another record, which is to be kept or not. What is before it belongs to the last."""
        while self._next < line and not self._keep:
            raw = next(self._lines, None)
            if raw is None:
                raise StoreError(FILE_CHANGED)
            self._leave(raw)
        self._flush()
        if self._next < line:
            self._write(self._take(line - self._next))
            self._next = line
        self._keep = keep

    def end(self) -> None:
        """The record begun last is the last one."""
        while not self._keep and (raw := next(self._lines, None)) is not None:
            self._leave(raw)
        self._flush()
        self._write(self._lines)

    def _take(self, count: int) -> Iterator[bytes]:
        """The next *count* lines."""
        if not self._reader.is_endless:
            return itertools.islice(self._lines, count)
        return self._pieces(count)

    def _pieces(self, count: int) -> Iterator[bytes]:
        while count and (raw := next(self._lines, None)) is not None:
            count -= raw.endswith(b"\n")
            yield raw

    def _leave(self, raw: bytes) -> None:
        inside, self._inside = self._inside, self._reader.is_endless and not raw.endswith(b"\n")
        self._next += not self._inside
        if not (inside or self._inside) and self._is_blank(raw):
            self._blank.append(raw)
            # More of them are no cell's: they stay, and so does all up to the next record.
            self._keep = len(self._blank) > _BLANK_LINES
        else:
            self._blank.clear()  # they were inside a quoted cell

    def _flush(self) -> None:
        """Blank lines below a record that goes are no part of it."""
        self._write(self._blank)
        self._blank.clear()

    def _is_blank(self, raw: bytes) -> bool:
        text = raw.decode(self._reader.encoding, self._reader.errors)
        return not any(map(str.strip, text.split(self._reader.delimiter)))


def with_commas(lines: Iterable[bytes], delimiter: str) -> Iterator[bytes]:
    """Rows of a sheet, each of which is always one of *lines*, as CSV: what was text there is no formula here."""
    for row in csv.reader((line.decode() for line in lines), delimiter=delimiter):
        text = io.StringIO()
        csv.writer(text).writerow([cell if _NUMBER.fullmatch(cell) else guarded(cell) for cell in row])
        yield text.getvalue().encode()
