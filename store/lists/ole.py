"""
A reader of OLE containers, in which old Office documents are: a file system of sectors in a file, of which none is trusted.

Its format: https://learn.microsoft.com/openspecs/windows_protocols/ms-cfb.
"""

import os
import struct
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

_HEADER: Final = struct.Struct("<30xH16xI8xI4xI")  # shift 30, directory 48, small table 60, more 68
_LAST_SECTOR: Final = 0xFFFFFFF9
_SMALL: Final = 4096  # bytes: shorter streams are kept together in one, in pieces
_PIECE: Final = 64
_ENTRY: Final = 128
_ROOT, _STREAM = 5, 2
_Sectors = npt.NDArray[np.uint32]


class BrokenContainerError(Exception):
    """The container is not as containers are."""


class Container:
    """
    The container that *file* is, which is read as it is asked for; `names` are those of its streams, in lower case.

    Names are the same in any case (2.6.4), and programs write that of a workbook in several.
    A sector is followed once: in a circle they would be read for ever. Raises `BrokenContainerError`.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        try:
            head = os.pread(file.fileno(), 512, 0)
            self._shift, directory, small_table, more = _HEADER.unpack_from(head)
            if self._shift not in {9, 12}:
                raise BrokenContainerError("sectors of no known size")
            self._following = self._table(head, more)
            self._small_following = _numbers(self._stream(small_table))
            self._places = self._directory(self._stream(directory))
        except struct.error as error:
            raise BrokenContainerError(str(error)) from error
        self.names = self._places.keys()

    def read(self, name: str) -> bytearray:
        """The stream called *name*, which is one of `names`."""
        start, size = self._places[name]
        if size >= _SMALL:
            held = self._stream(start)
            del held[size:]
            return held
        root, _ = self._places.get("", (_LAST_SECTOR + 1, 0))
        small = self._stream(root)
        pieces = islice(self._chain(start, self._small_following), -(-size // _PIECE))
        return bytearray().join(small[number * _PIECE : (number + 1) * _PIECE] for number in pieces)[:size]

    def _sector(self, number: int) -> bytes:
        if (number + 1) << self._shift >= self._size:
            raise BrokenContainerError("a sector beyond the end")
        return os.pread(self._file.fileno(), 1 << self._shift, (number + 1) << self._shift)

    def _table(self, head: bytes, more: int) -> _Sectors:
        """Which sector follows each; *more*: the sector that says where the rest of this table is."""
        places = _numbers(head[76:]).tolist()
        seen: set[int] = set()
        while more <= _LAST_SECTOR:
            if more in seen:
                raise BrokenContainerError("a circle of sectors")
            seen.add(more)
            *numbers, more = _numbers(self._sector(more)).tolist()
            places += numbers
        # No more of it than there are sectors to follow each other.
        most = (self._size >> self._shift) * 4 // (1 << self._shift) + 1
        return _numbers(b"".join(self._sector(place) for place in places[:most] if place <= _LAST_SECTOR))

    def _chain(self, start: int, following: _Sectors) -> Iterator[int]:
        visited: set[int] = set()
        while start <= _LAST_SECTOR:
            if start in visited:
                raise BrokenContainerError("a circle of sectors")
            if start >= len(following):
                raise BrokenContainerError("a sector that nothing follows")
            visited.add(start)
            yield start
            start = int(following[start])

    def _stream(self, start: int) -> bytearray:
        held = bytearray()
        for number in self._chain(start, self._following):
            held += self._sector(number)
        return held

    @staticmethod
    def _directory(entries: bytes | bytearray) -> dict[str, tuple[int, int]]:
        """First sector and size of each stream by name, the first of equal ones; "" is where the small ones are kept."""
        places: dict[str, tuple[int, int]] = {}
        for at in range(0, len(entries) - _ENTRY + 1, _ENTRY):
            length, kind = struct.unpack_from("<HB", entries, at + 64)
            name = entries[at : at + max(2, min(length, 64)) - 2].decode("utf-16-le", "replace")
            if kind in {_ROOT, _STREAM}:
                start, size = struct.unpack_from("<II", entries, at + 116)
                places.setdefault("" if kind == _ROOT else name.lower(), (start, size))
        return places


def _numbers(data: bytes | bytearray) -> _Sectors:
    return np.frombuffer(data[: len(data) // 4 * 4], "<u4")
