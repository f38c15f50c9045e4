"""
Lines of a list that are longer than any cell of it should be, cut cell by cell, so that the phone beside a long note is read.

What is cut off is of no use to anybody who looks at an unreadable row, and `csv` takes no cell as long. Pure.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO, Final

LONG: Final = 1 << 17  # bytes; a shorter line has no cell beyond the limit of csv
LONGEST: Final = 16 << 20  # bytes of a line that are read, and so held in memory; what is behind them is passed over
_CELL: Final = 32_767  # bytes that are kept of a cell, which are as many as the characters of one in Excel
_KEPT: Final = 1 << 20  # bytes that are kept of a line, about
_CELLS: Final = 1 << 16  # more than sheets have columns
_QUOTED: Final = re.compile(rb'"(?:[^"]++|"")*+"?+')


def shortened(raw: bytes, delimiter: str, encoding: str, *, whole: bool = True) -> tuple[bytes, bool]:
    """
    The line *raw*, with its end, and no cell of it longer than it may be; and whether cells at its end were left out.

    A cell that is cut ends in "…", and keeps its quotes. A quote that is open at the end stays open. Of a line that is not
    *whole* the last cell is left out: nobody knows how it goes on.
    """
    body = raw.rstrip(b"\r\n")
    end, mark = raw[len(body) :], delimiter.encode(encoding)
    if b'"' not in body:
        cells = body.split(mark, _CELLS)
        left_out = len(cells) > _CELLS
        cells = [cell if len(cell) <= _CELL else _cut(cell, encoding) for cell in cells[:_CELLS]]
    else:
        cells, left_out = _quoted_cells(body, mark, encoding)
    if not whole:
        cells, left_out = cells[:-1], True
    size = 0
    for place, cell in enumerate(cells):
        size += len(cell) + len(mark)
        if size > _KEPT:
            return mark.join(cells[:place]) + end, True
    return mark.join(cells) + end, left_out


def in_pieces(file: BinaryIO) -> Iterator[bytes]:
    """The lines of *file*, those that are longer than any is read in pieces, of which the last alone ends the line."""
    return iter(partial(file.readline, LONGEST), b"")


def _quoted_cells(body: bytes, mark: bytes, encoding: str) -> tuple[list[bytes], bool]:
    cells: list[bytes] = []
    start = 0
    while len(cells) < _CELLS:
        quoted = _QUOTED.match(body, start)
        behind = quoted.end() if quoted else start
        end = body.find(mark, behind)
        end = len(body) if end < 0 else end
        if end - start <= _CELL:
            cells.append(body[start:end])
        else:
            head = b""
            if quoted:
                closed = behind - start > 1 and quoted[0].count(b'"') % 2 == 0
                inside = quoted[0][1:-1] if closed else quoted[0][1:]
                head = b'"' + _cut(inside, encoding) + b'"' * closed
            cells.append(head + (body[behind:end] if end - behind <= _CELL else _cut(body[behind:end], encoding)))
        if end == len(body):
            return cells, False
        start = end + len(mark)
    return cells, True


def _cut(cell: bytes, encoding: str) -> bytes:
    """The first of *cell*, whose quotes are in pairs if it has been inside of quotes."""
    if len(cell) <= _CELL:
        return cell
    kept = cell[:_CELL]
    kept = kept[: len(kept) - kept.count(b'"') % 2].decode(encoding, "ignore").encode(encoding)
    return kept + "\u2026".encode(encoding)
