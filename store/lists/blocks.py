"""
Blocks of a list's text: many lines at once, each of them one record, with the place of every cell in arrays.

Lines without a quote are split directly, which is the same as `csv` does and faster.
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from store.lists.records import Damaged, Lines, Records, Row

_MANY: Final = 1_000  # lines of a block; where more are unknown it is worth while to leave out blank ones together
_NEWLINE: Final = ord("\n")
_RETURN: Final = ord("\r")


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
    carefully: Callable[[int], Iterator[Row | Damaged]]
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


def split_block(records: Records, data: bytes, first: int) -> Block:
    """The lines *data*, which have no quotes in them, as a block."""
    shape = records.shape
    text = np.frombuffer(data, np.uint8)
    newlines = np.flatnonzero(text == _NEWLINE)
    line_starts = np.concatenate(([0], newlines + 1))
    if line_starts[-1] == len(text):
        line_starts = line_starts[:-1]
    line_ends = newlines if len(newlines) == len(line_starts) else np.append(newlines, len(text))
    line_ends = line_ends - (text[line_ends - 1] == _RETURN)
    line_ends = np.maximum(line_ends, line_starts)

    # A delimiter of several bytes is left to the careful reading.
    places = np.flatnonzero(text == ord(shape.delimiter)) if shape.delimiter.isascii() else np.zeros(0, np.int64)
    before = np.searchsorted(places, line_starts)  # delimiters before each line
    within = np.searchsorted(places, line_ends) - before
    places = np.append(places, len(text))
    wide = shape.columns > 1

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
        line = data[int(line_starts[index]) : int(line_ends[index])].decode(shape.encoding, shape.errors)
        return records.row(first + index, line.split(shape.delimiter))

    def cells(index: int) -> list[str]:
        _, starts, ends = column(index)
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        if data.isascii():
            ascii_text = data.decode("ascii")
            return [ascii_text[start:end] for start, end in spans]
        return [data[start:end].decode(shape.encoding, shape.errors) for start, end in spans]

    return Block(
        *column(shape.phone_index),
        first,
        carefully,
        lambda: _filled(text, line_starts, line_ends, shape.delimiter),
        column,
        cells,
        shape.encoding,
    )


def parsed_block(records: Records, data: bytes, count: int, first: int) -> Block | None:
    """The *count* lines *data*, with quotes in them, as a block; None when they are not one record each."""
    shape = records.shape
    lines = io.StringIO(data.decode(shape.encoding, shape.errors), newline="\n")
    try:
        rows = list(csv.reader(lines, delimiter=shape.delimiter))
    except csv.Error:
        return None
    if len(rows) != count:
        return None
    wide = shape.columns > 1

    def cells(index: int) -> list[str]:
        return [cells[index] if len(cells) > index and (wide or len(cells) == 1) else "" for cells in rows]

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
    again = Lines(io.BytesIO(data), 0, shape.encoding, shape.errors, shape.delimiter)

    def carefully(index: int) -> Iterator[Row | Damaged]:
        again.go_before(int(line_starts[index]), first + index)
        yield from records.next(again)

    return Block(
        *column(shape.phone_index),
        first,
        carefully,
        lambda: _filled(text, line_starts, line_ends, shape.delimiter),
        column,
        cells,
        "utf-8",
    )


def _filled(
    text: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], delimiter: str
) -> npt.NDArray[np.bool_]:
    """Is there anything but blanks and delimiters from each of *starts* to its end?"""
    content = np.ones(256, np.bool_)
    content[[*b" \t\r\n", *(delimiter.encode() if delimiter.isascii() else b"")]] = False
    before = np.concatenate(([0], np.cumsum(content[text], dtype=np.int32)))
    filled: npt.NDArray[np.bool_] = before[ends] > before[starts]
    return filled
