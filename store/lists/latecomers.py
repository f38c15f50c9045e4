"""
Columns of which the first rows tell nothing yet: the whole list is watched for what they say later.

What a column means is told by its name and first rows (`store/lists/meanings.py`). One that is blank there, or says the same few
things over and over, may say on line 900,000 who still wants texts. Such a column is compared with what is known of it, many
lines at once; whatever is new is kept, and shown to whoever tells meanings as if it had stood among the first rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from store.lists.columns import MOST_COLUMNS, says_who_or_where

_FEW: Final = 20  # different values in the first rows; a column of more is names or notes
_MOST: Final = 60  # different values at all: of a column with more it is known what it is
BEYOND: Final = 2  # places behind the last column, in which rows may go on
_LONGEST: Final = 100  # characters of a cell that are compared and kept
_WORD: Final = 8  # bytes that are compared at once
_HEAD, _NEXT, _TAIL, _LENGTH = (
    np.uint64(one) for one in (1, 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
)
_MASKS: Final = np.array([(1 << 8 * size) - 1 for size in range(_WORD + 1)], np.uint64)

# A text, and where each cell begins and ends in it.
Cells = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]


@dataclass(slots=True)
class _Watched:
    """What is known of one column: its values, and their marks by which many cells are compared."""

    known: set[str]
    marks: npt.NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    new: list[str] = field(default_factory=list)

    @property
    def is_told(self) -> bool:
        return len(self.known) > _MOST

    def see(self, cells: Iterable[str]) -> None:
        for cell in cells:
            value = cell[:_LONGEST]
            if value not in self.known and not self.is_told:
                self.known.add(value)
                self.new.append(value)


class Latecomers:
    """Watches those columns of a list, called *names* and with *rows* first, that are not among those *told* already."""

    def __init__(self, names: Sequence[str], rows: Sequence[Sequence[str]], told: Iterable[int]) -> None:
        without = set(told)
        self._watched: dict[int, _Watched] = {}
        for place in range(min(len(names) + BEYOND, MOST_COLUMNS)):
            if place in without or (place < len(names) and says_who_or_where(names[place])):
                continue
            known = {row[place][:_LONGEST] for row in rows if len(row) > place}
            if len(known) <= _FEW:
                self._watched[place] = _Watched(known | {""})
        self._text: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        self._padded = self._text

    @property
    def places(self) -> tuple[int, ...]:
        """The columns that are worth a look still."""
        return tuple(place for place, one in self._watched.items() if not one.is_told)

    def see(self, cells: Sequence[str]) -> None:
        """Look at the *cells* of one row."""
        for place, one in self._watched.items():
            if place < len(cells) and not one.is_told:
                one.see(cells[place : place + 1])

    def see_many(self, place: int, cells: Cells, encoding: str) -> None:
        """Look at many *cells* of the column at *place*, in a text of that *encoding*."""
        text, starts, ends = cells
        filled = np.flatnonzero(ends > starts)
        if not len(filled):
            return
        if len(filled) < len(starts):
            starts, ends = starts[filled], ends[filled]
        one = self._watched[place]
        if text is not self._text:  # the columns of a block mostly stand in one text
            self._text, self._padded = text, np.append(text, np.zeros(_WORD, np.uint8))
        marks = _marks(self._padded, starts, ends)
        unknown = np.ones(len(marks), np.bool_)
        for mark in one.marks:
            unknown &= marks != mark
        if not unknown.any():
            return
        new, first = np.unique(marks[unknown], return_index=True)
        at = np.flatnonzero(unknown)[first[: _MOST + 1]]
        spans = zip(starts[at].tolist(), ends[at].tolist(), strict=True)
        one.see(text[start:end].tobytes().decode(encoding, "replace") for start, end in spans)
        one.marks = np.concatenate((one.marks, new[: _MOST + 1]))

    def rows(self) -> list[list[str]]:
        """What is new, as rows: each column's next value in each."""
        new = {place: one.new for place, one in self._watched.items() if one.new}
        width = max(new, default=-1) + 1
        return [
            [new[place][number] if number < len(new.get(place, ())) else "" for place in range(width)]
            for number in range(max(map(len, new.values()), default=0))
        ]


def _marks(
    text: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """
    A number for each cell, the same for the same: of its length, its first sixteen bytes and its last eight.

    *text* goes on for `_WORD` bytes behind the last cell.
    """
    words = np.ndarray((len(text) - _WORD + 1,), "<u8", text, strides=(1,))
    lengths = ends - starts
    head = words[starts] & _MASKS[np.minimum(lengths, _WORD)]
    marks: npt.NDArray[np.uint64] = head * _HEAD + lengths.astype(np.uint64) * _LENGTH
    long = np.flatnonzero(lengths > _WORD)
    if len(long):
        begins, sizes = starts[long], lengths[long]
        marks[long] += (words[begins + _WORD] & _MASKS[np.minimum(sizes - _WORD, _WORD)]) * _NEXT
        marks[long] += words[ends[long] - _WORD] * _TAIL
    return marks
