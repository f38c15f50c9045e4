"""
The scratch directory: lists on disk while they are worked on, apart for each desk and for its user alone.

Below the directory that is set, which other desks and other programs may use too, a desk has one of its own, named by
its database. What was read of a list stands there until the list's end, for whichever of the desk's processes on this
machine goes on with it. Everything else is in a directory of the process: a desk that starts, or runs, removes those of the dead.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from store import StoreError, Upload

_LOCK = "lock"
_LIST = re.compile(r"(?P<account>\d+)-(?P<upload>\d+)-[0-9a-f]+\.scratch")


class ScratchDirectory:
    """
    The directory, below *base*, of the desk that works on *database*, as that names itself.

    *keep*: how long what was read of a list is kept. An upload that ended on another machine leaves its file here; one that
    still waits after that is read again. Nothing is there before `open`. A process lives, for others, for as long as it or
    a child that was given `lock` does.
    """

    def __init__(self, base: Path, database: str, *, keep: timedelta = timedelta(days=3)) -> None:
        self._desk = hashlib.sha256(database.encode()).hexdigest()[:16]
        self.path = base / f"opt-out-desk-{self._desk}"
        self._own = self.path / f"process-{secrets.token_hex(8)}"
        self._keep = keep
        self._lock: int | None = None

    def open(self) -> None:
        """Make it, and clear away what dead processes left; raises `StoreError` when it is not this user's alone."""
        try:
            _make_private(self.path)
            with _locked(self.path / _LOCK):  # or a process that just begins would be taken for a dead one
                self._clear(lambda _account, _upload: True)
                self._own.mkdir(mode=0o700)
                self._lock = _lock(self._own / _LOCK, wait=True)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be used for lists ({error.strerror}).") from error

    def sweep(self, unfinished: Callable[[int, int], bool]) -> None:
        """
        Clear away what processes left that died since, and what was read of lists that ended.

        *unfinished*: whether the upload of that number, of that account, may still need its own.
        """
        with _locked(self.path / _LOCK):
            self._clear(unfinished)

    def _clear(self, unfinished: Callable[[int, int], bool]) -> None:
        for left in self.path.glob("process-*"):
            _remove_if_dead(left)
        for list_ in self.path.glob("*.scratch"):
            of = _LIST.fullmatch(list_.name)
            if of is None or not unfinished(int(of["account"]), int(of["upload"])):
                list_.unlink(missing_ok=True)
            else:
                _remove_if_older(list_, self._keep)

    def close(self) -> None:
        """Remove what is this process's."""
        if self._lock is not None:
            shutil.rmtree(self._own, ignore_errors=True)
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def opened(self) -> Iterator["ScratchDirectory"]:
        """The directory, open for as long as the block runs."""
        self.open()
        try:
            yield self
        finally:
            self.close()

    @property
    def lock(self) -> int:
        """The open file by which others know that this process lives. For children to inherit."""
        assert self._lock is not None  # noqa: S101  `open` was called
        return self._lock

    def list_of(self, upload: Upload) -> Path:
        """The path of the scratch file of *upload*. No other upload's name, of this database or another, is the same."""
        file = hashlib.sha256(upload.file_id.encode()).hexdigest()[:12]
        return self.path / f"{upload.account_id}-{upload.id}-{file}.scratch"

    def label_of(self, upload: Upload) -> str:
        """The label in a scratch file that says whose it is: desk, account, upload and Slack file."""
        return f"{self._desk} {upload.account_id} {upload.id} {upload.file_id}"

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty directory for one piece of work, removed with all that is in it at the end of the block."""
        path = self._own / secrets.token_hex(8)
        path.mkdir(mode=0o700)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def _make_private(path: Path) -> None:
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    # In a directory where everybody may write, somebody else may have been first.
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise StoreError(
            f"{path} is not a directory of the desk's own user, so no lists are kept there. "
            "Remove it, or set OPTOUT_SCRATCH_DIR to another directory."
        )
    if status.st_mode & 0o077:
        path.chmod(0o700)


def _lock(path: Path, *, wait: bool) -> int | None:
    """Lock the file at *path*, which is made, for as long as the descriptor is open; None when somebody else has."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _lock(path, wait=True)
    assert descriptor is not None  # noqa: S101  it was waited for
    try:
        yield
    finally:
        os.close(descriptor)


def _remove_if_older(path: Path, keep: timedelta) -> None:
    with suppress(FileNotFoundError):  # its upload ends at this moment
        if time.time() - path.stat().st_mtime > keep.total_seconds():
            path.unlink()


def _remove_if_dead(path: Path) -> None:
    with suppress(FileNotFoundError):  # its process ends at this moment, and removes it itself
        descriptor = _lock(path / _LOCK, wait=False)
        if descriptor is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)
