"""
A reader of zip files that trusts none of them: a workbook is one, and people zip their lists.

A zip's directory says what each member holds, and can lie: sizes are checked as declared, and again while inflating.
"""

import contextlib
import copy
import io
import stat
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Final

from store.errors import ListRefused

_MEMBERS: Final = 10_000
_PIECE: Final = 256 * 1024
# What Excel, Windows and macOS pack with; others take as much memory to unpack as the file says.
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_DIRECTORY: Final = 2_000_000  # bytes: far more than that many members have
_ENCRYPTED: Final = 0x1
# Sheets and lists get a tenth as small, those that say one thing over and over a fiftieth; what is empty a thousandth.
_RATIO: Final = 200
_HARMLESS: Final = 20_000_000  # bytes
# What zipfile and its decompressors raise on damage; NotImplementedError for a method they do not know.
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, RuntimeError)


class _TooMuchError(Exception):
    """More was to be read at once than any directory of a zip file needs."""


class _Pieces(io.BufferedReader):
    """A file of which no more is read at once than a directory may have: zipfile reads that as a whole."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY:
            raise _TooMuchError
        return super().read(_DIRECTORY if size is None or size < 0 else size)


class Archive:
    """
    A zip file whose members are read in pieces, *limit* bytes at most of all together.

    *working* is called for each piece: to unpack a small file may be long work. What it raises ends the reading.
    """

    def __init__(self, archive: zipfile.ZipFile, name: str, limit: int, working: Callable[[], object]) -> None:
        self._archive = archive
        self._name = name
        self._limit = limit
        self._working = working
        self._inflated: dict[str, int] = {}  # of each member, however often it is read
        self.members = [info for info in archive.infolist() if not info.is_dir()]

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path, name: str, *, limit: int, working: Callable[[], object]) -> Iterator["Archive"]:
        """The zip at *path*, called *name* in sentences. `ListRefused` when it is broken or locked with a password."""
        with _Pieces(path.open("rb", buffering=0)) as file:
            try:
                opened = zipfile.ZipFile(file)
            except _TooMuchError as error:
                raise ListRefused(
                    f"{name} holds more than {_MEMBERS:,} files, and one list is expected. {_ALONE}"
                ) from error
            except _BROKEN as error:
                raise ListRefused(f"{name} is broken: it starts like a zip file and is none. {_AGAIN}") from error
            archive = cls(opened, name, limit, working)
            if len(archive.members) > _MEMBERS:
                raise ListRefused(f"{name} holds {len(archive.members):,} files, and one list is expected. {_ALONE}")
            names = {info.filename for info in archive.members}
            if len(names) < len(archive.members):
                raise ListRefused(f"{name} is broken: two files in it have the same name. {_AGAIN}")
            yield archive

    def read(self, member: zipfile.ZipInfo) -> Generator[bytes, None, None]:
        """What *member* holds, in pieces. `ListRefused` when it is locked, broken, or more than the limit leaves."""
        with closing(self._pieces(member)) as pieces:
            for piece in pieces:
                self._working()
                yield piece

    def _pieces(self, member: zipfile.ZipInfo) -> Generator[bytes, None, None]:
        if member.flag_bits & _ENCRYPTED:
            raise ListRefused(
                f"{self._name} is locked with a password. Unpack it, and drop the list that is in it without one."
            )
        if member.compress_type not in _METHODS:
            raise ListRefused(
                f"{self._name} is packed in a way that is not read. Unpack it, and drop the list that is in it."
            )
        others = sum(self._inflated.values()) - self._inflated.get(member.filename, 0)
        self._refuse_above(others + member.file_size)
        self._refuse_bomb(member, member.file_size)
        # zipfile stops at the declared size, and so would hide what a program that trusts the data goes on to inflate.
        undeclared = copy.copy(member)
        undeclared.file_size = self._limit + _PIECE
        held = 0
        try:
            with self._archive.open(undeclared) as file:
                while piece := file.read(_PIECE):
                    held += len(piece)
                    self._inflated[member.filename] = max(held, self._inflated.get(member.filename, 0))
                    self._refuse_above(others + held)
                    self._refuse_bomb(member, held)
                    yield piece
        except _BROKEN as error:
            raise ListRefused(
                f"{self._name} is broken: {member_name(member)} in it cannot be unpacked. {_AGAIN}"
            ) from error
        if held != member.file_size:
            raise ListRefused(
                f"{self._name} is broken: {member_name(member)} in it is {held:,} bytes long and should be "
                f"{member.file_size:,}. {_AGAIN}"
            )

    def _refuse_bomb(self, member: zipfile.ZipInfo, size: int) -> None:
        if size > _HARMLESS and size > member.compress_size * _RATIO:
            raise ListRefused(
                f"{self._name} is {member.compress_size / 1e6:,.2g} MB that unpack to {size / 1e6:,.0f} MB, which no list does. "
                f"{_ALONE}"
            )

    def _refuse_above(self, size: int) -> None:
        if size > self._limit:
            raise ListRefused(
                f"{self._name} unpacks to more than {self._limit // 1_000_000:,} MB, which is the most that is read. "
                f"{_ALONE}"
            )


_AGAIN: Final = "Save or download it again and drop that."
_ALONE: Final = "Save the list alone as CSV and drop that."


def member_name(member: zipfile.ZipInfo) -> str:
    """The name of *member* without its folders, short enough for a sentence."""
    name = PurePosixPath(member.filename.replace("\\", "/")).name
    return name if len(name) <= 60 else f"{name[:59]}…"


# What programs keep beside people's files, for themselves.
_BESIDE: Final = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})


def lists_in(archive: Archive) -> list[zipfile.ZipInfo]:
    """The members that may be lists: all but links, hidden files and what Excel, macOS and Windows add for themselves."""
    return [
        member
        for member in archive.members
        if not any(
            part.startswith((".", "__MACOSX", "~$")) for part in PurePosixPath(member.filename.replace("\\", "/")).parts
        )
        and not stat.S_ISLNK(member.external_attr >> 16)
        and member_name(member).casefold() not in _BESIDE
        and not member.filename.endswith("\\")  # a folder, as some programs of Windows write one
    ]
