"""The texts that the cells of a workbook share, in a file of their own: they may be many times what a process may hold."""

import os
import tempfile
from array import array
from pathlib import Path
from typing import Final

from store.errors import ListRefused
from store.lists.sheets import BrokenWorkbookError

_TEXTS: Final = 20_000_000  # that cells may share
_BLOCK_BITS: Final = 5
_BLOCK: Final = 1 << _BLOCK_BITS  # texts that are read at a time
_TEXTS_HELD: Final = 8_000_000  # bytes of texts that are held, about


class Texts:
    """
    The texts that cells share, by number, in a file that has no name and goes when it is closed.

    They are lines of it, and blocks of lines are what is read: cells mostly share texts in the order in which they stand.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._file = tempfile.TemporaryFile(dir=folder, buffering=1 << 20)  # noqa: SIM115  closed by `close`
        self._starts = array("Q")
        self._size = 0
        self._count = 0
        self._block: list[str] = []
        self._read: dict[int, list[str]] = {}
        self._room = _TEXTS_HELD

    def add(self, text: str) -> None:
        """One more, which has no line end in it."""
        self._block.append(text)
        if len(self._block) == _BLOCK:
            self._write()

    def finish(self) -> None:
        """There are no more."""
        if self._block:
            self._write()
        self._file.flush()
        self._starts.append(self._size)

    def _write(self) -> None:
        raw = "\n".join(self._block).encode("utf-8", "replace")
        self._file.write(raw)
        self._starts.append(self._size)
        self._size += len(raw)
        self._count += len(self._block)
        self._block.clear()
        if self._count > _TEXTS:
            raise ListRefused(
                f"{self._name} has more than {_TEXTS:,} texts, and at most as many are read. In Excel, open the sheet with "
                "the phones, save it as CSV UTF-8 and drop that."
            )

    def __getitem__(self, number: int) -> str:
        block = self._read.get(number >> _BLOCK_BITS)
        if block is None:
            block = self._load(number)
        try:
            return block[number & (_BLOCK - 1)]
        except IndexError:
            raise BrokenWorkbookError("there is no such text") from None

    def _load(self, number: int) -> list[str]:
        if not 0 <= number < self._count:
            raise BrokenWorkbookError("there is no such text")
        place = number >> _BLOCK_BITS
        size = self._starts[place + 1] - self._starts[place]
        self._room -= size + 100 * _BLOCK
        if self._room < 0:
            self._read.clear()
            self._room = _TEXTS_HELD - size
        block = os.pread(self._file.fileno(), size, self._starts[place]).decode().split("\n")
        self._read[place] = block
        return block

    def close(self) -> None:
        self._file.close()
