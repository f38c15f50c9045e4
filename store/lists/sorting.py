"""
External sort of the phones of a list of any length, in bounded memory.

Phones are whole numbers here (12125550100 for +12125550100), eight bytes instead of a text's sixty, and what is done to
a million of them is one call of NumPy. Their order is that of their texts, in which the store keeps them. Parts that
fit into memory are sorted and put on disk; they are then merged piece by piece
(https://en.wikipedia.org/wiki/External_sorting).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

MOST_DIGITS: Final = 15  # E.164
_POWERS: Final = 10 ** np.arange(MOST_DIGITS + 1, dtype=np.int64)
# A part, and a piece of the merge, is as many rows: about 20 MB with all that sorting needs.
_PART: Final = 1 << 18
# One phone in so many of a part is looked at to cut it into pieces.
_STRIDE: Final = 1 << 10


def beginnings_of(phones: Integers, length: int) -> Integers:
    """The first *length* digits of each phone, which has at least as many."""
    beginnings: Integers = phones // _POWERS[np.searchsorted(_POWERS, phones, side="right") - length]
    return beginnings


def keys_of(phones: Integers) -> Integers:
    """For each phone a number that sorts as its text does: its digits filled up to 15, then how many they are."""
    digits = np.searchsorted(_POWERS, phones, side="right")
    keys: Integers = phones * _POWERS[MOST_DIGITS - digits] * 16 + digits
    return keys


def _phones_of(keys: Integers) -> Integers:
    phones: Integers = (keys >> 4) // _POWERS[MOST_DIGITS - (keys & 15)]
    return phones


def _distinct(keys: Integers, lines: Integers) -> tuple[Integers, Integers]:
    """Sorted and distinct *keys*, each with the first of its *lines*."""
    if not len(keys):
        return keys, lines
    order = np.argsort(keys)
    keys, lines = keys[order], lines[order]
    first = np.concatenate(([True], keys[1:] != keys[:-1]))
    starts = np.flatnonzero(first)
    return keys[starts], np.minimum.reduceat(lines, starts)


class _Part:
    """Sorted, distinct keys with their lines in two files, of which only what is asked for comes into memory."""

    def __init__(self, prefix: Path, keys: Integers, lines: Integers) -> None:
        self._paths = prefix.with_name(f"{prefix.name}.keys"), prefix.with_name(f"{prefix.name}.lines")
        # Not by NumPy's own `tofile`, which on a full disk does not say that it is the disk.
        try:
            self._paths[0].write_bytes(keys.data)
            self._paths[1].write_bytes(lines.data)
        except OSError:
            self.remove()
            raise
        self.length = len(keys)
        self.samples = keys[::_STRIDE].copy()

    def place_of(self, key: int) -> int:
        """How many keys are smaller than *key*."""
        after = int(np.searchsorted(self.samples, key)) * _STRIDE
        start = max(0, after - _STRIDE)
        return start + int(np.searchsorted(self.read(start, min(after, self.length))[0], key))

    def read(self, start: int, end: int) -> tuple[Integers, Integers]:
        keys, lines = (np.fromfile(path, np.int64, end - start, offset=8 * start) for path in self._paths)
        return keys, lines

    def remove(self) -> None:
        for path in self._paths:
            path.unlink(missing_ok=True)


class Sorting:
    """
    Takes (phone, line) pairs in any order, and gives back distinct phones, each with its first line.

    Parts of *part* rows are kept as files whose names start with *prefix*; `close` removes them.
    """

    def __init__(self, prefix: Path, *, part: int = _PART) -> None:
        self._prefix = prefix
        self._size = part
        self._waiting: list[tuple[Integers, Integers]] = []
        self._rows = 0
        self._parts: list[_Part] = []

    def add(self, phones: Integers, lines: Integers) -> None:
        """*phones* as whole numbers, with the lines they stand on."""
        if not len(phones):
            return
        self._waiting.append((phones, lines))
        self._rows += len(phones)
        if self._rows >= self._size:
            self._put_down()

    def _put_down(self) -> None:
        if self._rows:
            prefix = self._prefix.with_name(f"{self._prefix.name}.{len(self._parts)}")
            self._parts.append(_Part(prefix, *self._sorted()))

    def _sorted(self) -> tuple[Integers, Integers]:
        """What waits, sorted, and nothing waits any more."""
        empty = np.zeros(0, np.int64)
        keys = keys_of(np.concatenate([empty, *(phones for phones, _ in self._waiting)]))
        lines = np.concatenate([empty, *(lines for _, lines in self._waiting)])
        self._waiting, self._rows = [], 0
        return _distinct(keys, lines)

    def pieces(self) -> Iterator[tuple[Integers, Integers]]:
        """Distinct phones in the order of their texts and their first lines, in pieces; once."""
        if not self._parts:
            keys, lines = self._sorted()
            yield _phones_of(keys), lines
            return
        self._put_down()
        samples = np.sort(np.concatenate([part.samples for part in self._parts]))
        cuts = samples[:: max(1, self._size // _STRIDE)][1:].tolist()
        places = [0] * len(self._parts)
        for cut in (*cuts, None):
            ends = [part.length if cut is None else part.place_of(cut) for part in self._parts]
            read = [part.read(*span) for part, *span in zip(self._parts, places, ends, strict=True)]
            places = ends
            keys, lines = _distinct(np.concatenate([keys for keys, _ in read]), np.concatenate([n for _, n in read]))
            yield _phones_of(keys), lines

    def close(self) -> None:
        """Remove what was put on disk."""
        for part in self._parts:
            part.remove()
        self._parts = []
