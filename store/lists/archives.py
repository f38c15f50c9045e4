"""
A reader of zip files that trusts none of them: a workbook is one, and people zip their lists.

A zip's directory says what each member holds, and can lie: sizes are checked as declared, and again while inflating.
"""

import contextlib
import copy
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from store.errors import ListRefused

_MEMBERS: Final = 10_000
_PIECE: Final = 256 * 1024
_ENCRYPTED: Final = 0x1
# What zipfile and its decompressors raise on damage; NotImplementedError for a method they do not know.
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError, RuntimeError)


class Archive:
    """A zip file whose members are read in pieces, *limit* bytes at most of all together."""

    def __init__(self, archive: zipfile.ZipFile, name: str, limit: int) -> None:
        self._archive = archive
        self._name = name
        self._limit = limit
        self._inflated = 0
        self.members = [info for info in archive.infolist() if not info.is_dir()]

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path, name: str, *, limit: int) -> Iterator["Archive"]:
        """The zip at *path*, called *name* in sentences. `ListRefused` when it is broken or locked with a password."""
        try:
            opened = zipfile.ZipFile(path)
        except _BROKEN as error:
            raise ListRefused(f"{name} is broken: it starts like a zip file and is none. {_AGAIN}") from error
        with opened:
            archive = cls(opened, name, limit)
            if len(archive.members) > _MEMBERS:
                raise ListRefused(f"{name} holds {len(archive.members):,} files, and one list is expected. {_ALONE}")
            names = {info.filename for info in archive.members}
            if len(names) < len(archive.members):
                raise ListRefused(f"{name} is broken: two files in it have the same name. {_AGAIN}")
            yield archive

    def read(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        """What *member* holds, in pieces. `ListRefused` when it is locked, broken, or more than the limit leaves."""
        if member.flag_bits & _ENCRYPTED:
            raise ListRefused(
                f"{self._name} is locked with a password. Unpack it, and drop the list that is in it without one."
            )
        self._refuse_above(self._inflated + member.file_size)
        # zipfile stops at the declared size, and so would hide what a program that trusts the data goes on to inflate.
        undeclared = copy.copy(member)
        undeclared.file_size = self._limit + _PIECE
        held = 0
        try:
            with self._archive.open(undeclared) as file:
                while piece := file.read(_PIECE):
                    held += len(piece)
                    self._inflated += len(piece)
                    self._refuse_above(self._inflated)
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


def lists_in(archive: Archive) -> list[zipfile.ZipInfo]:
    """The members that may be lists: all but hidden files and what macOS adds for itself."""
    return [
        member
        for member in archive.members
        if not any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(member.filename).parts)
        and member_name(member).casefold() not in {"thumbs.db", "desktop.ini"}
    ]
