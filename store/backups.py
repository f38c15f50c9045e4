"""
Backups of a SQLite file: made while the desk serves, sealed on wish, and put back.

A copy stands under another name, beside its own, until it is whole and was looked at; what is killed in the middle leaves
everything as it was, and a file NAME.unfinished, which the next attempt takes over. PostgreSQL has tools of its own.
"""

import errno
import fcntl
import itertools
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from store.changes import begin_anew
from store.database import Database
from store.dialects import BESIDE, PRIVATE, Sqlite
from store.errors import StoreBehind, StoreError
from store.models import database_identity
from store.outages import Outage
from store.sealing import BrokenSealError, WrongKeyError, is_sealed, seal, unseal

# https://www.sqlite.org/fileformat2.html#the_database_header
_SQLITE: Final = b"SQLite format 3\0"
_OUR_TABLES: Final = frozenset({"alembic_version", "accounts", "opt_outs"})
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Bytes. A secret that is shorter can be found by trying.
SHORTEST_SECRET: Final = 16


@dataclass(frozen=True, slots=True)
class Kept:
    """What a copy of a list holds: so many phones that are opted out, of so many accounts. *revision*: of its tables."""

    opted_out: int
    accounts: int
    revision: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back, *kept*, and where what was there before is now: None where there was nothing."""

    kept: Kept
    before: Path | None


def back_up(database: Database, file: Path, secret: bytes | None = None) -> Kept:
    """
    Write a copy of *database*, as it is at one moment, to *file*, sealed where there is a *secret*. Desks may be at work.

    Raises `StoreError`, and there is no *file* then: it was there already, the database is none or is damaged, or there is
    no room for two more of it, one beside the database and one in the directory of *file*.
    """
    dialect = _of_a_file(database, "backup")
    if os.path.lexists(file):
        raise StoreError(f"{file} is there already, and stays as it is. Name a file that is not.")
    if not dialect.exists():
        raise StoreError(f"There is no database at {dialect.file}: DATABASE_URL says where it is.")
    snapshot = dialect.file.with_name(f"{dialect.file.name}.snapshot")
    with _in_words(dialect, "Nothing was kept."), _unfinished(snapshot) as copy:
        _copy(database, copy)
        kept = _examined(copy, dialect.file)
        database.require_known(kept.revision)
        with _unfinished(file) as part, copy.open("rb") as source, part.open("r+b") as out:
            if secret is None:
                shutil.copyfileobj(source, out)
            else:
                seal(source, out, secret)
            out.flush()
            os.fsync(out.fileno())
            _give_name(part, file)
    return kept


def restore(database: Database, file: Path, secret: bytes | None = None, *, replace: bool = False) -> Restored:
    """
    Put the copy *file*, which `back_up` made, in the place of *database*, brought to this release's tables.

    *replace*: also where there is a list already, which is kept beside it. Whoever follows the changes reads the whole list
    again. Raises `StoreError`, and nothing is changed: no desk may be at work, *file* has to be whole, and not of a later release.
    """
    dialect = _of_a_file(database, "restore")
    if not dialect.can_be_made():
        raise StoreError(
            f"{dialect.file.parent} is no directory, or none that may be written: DATABASE_URL says where the database is to be."
        )
    if dialect.exists() and not dialect.file.is_file():
        raise StoreError(f"{dialect.file} is no file: DATABASE_URL says where the database is to be.")
    with _in_words(dialect, "Nothing was restored."), _unfinished(dialect.file) as copy:
        _fetch(file, copy, secret)
        kept = _examined(copy, file)
        try:
            database.require_known(kept.revision)
        except StoreBehind as error:
            raise StoreError(
                f"{file} is of a later release of the desk (its tables are at {kept.revision}). Restore it with that one."
            ) from error
        _make_ready(database, copy)
        return Restored(kept, _put_in_place(dialect, copy, replace=replace))


def settle_restored(database: Database) -> None:
    """
    Have *database*, which was put back by other means than `restore`, known for another one, once.

    Desks that still run on it refuse it until they are started anew; whoever follows the changes reads the whole list again.
    Raises `StoreError`.
    """
    database.require_head()
    with database.write() as connection:
        connection.execute(sa.delete(database_identity))
        begin_anew(connection)


def _of_a_file(database: Database, command: str) -> Sqlite:
    if isinstance(database.dialect, Sqlite):
        return database.dialect
    raise StoreError(
        f"`{command}` is for a SQLite file, and this is {database.dialect.where}: PostgreSQL is kept by pg_dump or pgBackRest. "
        "docs/operate.md has both, step by step."
    )


def _copy(database: Database, copy: Path) -> None:
    """Copy the pages of one moment; writers go on meanwhile."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as into:
        # Nobody has need of half of it.
        into.execute("PRAGMA synchronous = OFF")
        into.execute("PRAGMA journal_mode = OFF")
        with database.read() as connection:
            source = connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)  # noqa: S101  the dialect's
            source.backup(into)
        # One file, which can be read where nothing can be written.
        into.execute("PRAGMA journal_mode = DELETE")


def _fetch(file: Path, copy: Path, secret: bytes | None) -> None:
    """Write what *file* holds to *copy*, opened."""
    try:
        source = file.open("rb")
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}.") from error
    with source, copy.open("r+b") as out:
        if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            raise StoreError(f"{file} is no file.")
        start = source.peek(len(_SQLITE))
        if not start:
            raise StoreError(f"{file} is empty: whatever wrote it did not come to its end. Take another backup.")
        if not is_sealed(start) and not start.startswith(_SQLITE):
            raise StoreError(f"{file} is no backup of the desk's: `python -m bot backup FILE` makes one.")
        if not is_sealed(start):
            if secret is not None:
                raise StoreError(
                    f"{file} is not encrypted, so that no key opens it. Leave --key out, if it is the right one."
                )
            shutil.copyfileobj(source, out)
        elif secret is None:
            raise StoreError(f"{file} is encrypted. Name the file with its key: --key KEYFILE.")
        else:
            try:
                unseal(source, out, secret)
            except WrongKeyError as error:
                raise StoreError(f"{file} was encrypted with another key. Name the file with that one.") from error
            except BrokenSealError as error:
                raise StoreError(f"{file} is damaged or was cut short. Take another backup.") from error


def _examined(copy: Path, called: Path) -> Kept:
    """What *copy*, which people know as *called*, holds. Raises `StoreError` unless it is whole and the desk's."""
    damaged = f"{called} is damaged or was cut short. Take another backup."
    try:
        with closing(sqlite3.connect(copy)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != "ok":
                raise StoreError(damaged)
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables >= _OUR_TABLES:
                raise StoreError(f"{called} is a SQLite database, and none of the desk's.")
            (revision,) = connection.execute("SELECT max(version_num) FROM alembic_version").fetchone()
            opted_out, accounts = connection.execute("SELECT total(opted_out), count(*) FROM accounts").fetchone()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        raise StoreError(damaged) from error
    return Kept(int(opted_out), accounts, str(revision))


def _make_ready(database: Database, copy: Path) -> None:
    """Bring *copy* to this release's tables, and tell it from the database that it was made of."""
    url = database.url.set(database=str(copy), query={})
    restored = Database(url.render_as_string(hide_password=False))
    try:
        restored.migrate()
        settle_restored(restored)
    finally:
        restored.close()  # which leaves nothing beside it
    with copy.open("rb") as file:
        os.fsync(file.fileno())


def _put_in_place(dialect: Sqlite, copy: Path, *, replace: bool) -> Path | None:
    """Make *copy* the database, and return where the one before is now."""
    file = dialect.file
    before = _free(file.with_name(f"{file.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"))
    if not dialect.exists():
        # Of a file that is gone: it would be taken for the new one's.
        _set_aside_what_is_beside(file, before)
        _give_name(copy, file)
        return None
    try:
        with dialect.alone() as old:
            is_empty = _is_empty(old, file, replace=replace)
            if not is_empty:
                with _unfinished(before) as part:
                    with closing(sqlite3.connect(part)) as into:
                        old.backup(into)
                    _give_name(part, before)
            # As one transaction: whoever kills it in the middle has the old one.
            with closing(sqlite3.connect(copy)) as new:
                new.backup(old)
    except sqlite3.DatabaseError as error:
        if dialect.outage_of(error) is not Outage.DAMAGED:
            raise
        if not replace:
            raise StoreError(
                f"{file} is damaged, or is no database. Add --replace to put the backup in its place; it is kept beside it."
            ) from error
        # A desk that has it open can do nothing with it, and sees that it is another.
        _set_aside_what_is_beside(file, before)
        before.hardlink_to(file)
        copy.replace(file)
        _settle_names(file)
        return before
    return None if is_empty else before


def _is_empty(old: sqlite3.Connection, file: Path, *, replace: bool) -> bool:
    """Whether there is no list in *old*. Raises `StoreError` for one that is not to be replaced."""
    tables = {name for (name,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return True
    if not tables >= _OUR_TABLES:
        raise StoreError(f"{file} is somebody else's database: DATABASE_URL says where the desk's is to be.")
    opted_out, accounts = old.execute("SELECT total(opted_out), count(*) FROM accounts").fetchone()
    if accounts and not replace:
        raise StoreError(
            f"{file} has a list already, with {int(opted_out):,} phones that are opted out. Add --replace to put the backup in "
            "its place; it is kept beside it."
        )
    return not accounts


@contextmanager
def _unfinished(file: Path) -> Iterator[Path]:
    """
    A file beside *file*, empty and its owner's alone, which is to get its name when it is whole.

    What is left of one that was killed is taken over. Raises `StoreError` while somebody else makes the same.
    """
    part = file.with_name(f"{file.name}.unfinished")
    beside = [part.with_name(f"{part.name}{suffix}") for suffix in BESIDE]
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, PRIVATE)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(f"Somebody else is writing {part} at this moment. Let that end, and try again.") from error
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink > 1:
            raise StoreError(f"{part} is in the way, and is none of the desk's. Remove it, or name another file.")
        os.ftruncate(descriptor, 0)
        with suppress(PermissionError):  # of a disk that knows no rights
            os.fchmod(descriptor, PRIVATE)
        try:
            for name in beside:
                name.unlink(missing_ok=True)
            yield part
        finally:
            for name in (part, *beside):
                name.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _give_name(part: Path, file: Path) -> None:
    """Call *part* *file*, which is on the disk then; OSError where that is there by now."""
    # Not by a link: not every disk that is made for backups has such.
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE))
    part.replace(file)
    _settle_names(file)


def _settle_names(file: Path) -> None:
    """Have the names in the directory of *file* on the disk."""
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _set_aside_what_is_beside(file: Path, before: Path) -> None:
    for suffix in BESIDE:
        with suppress(FileNotFoundError):
            file.with_name(f"{file.name}{suffix}").rename(before.with_name(f"{before.name}{suffix}"))


def _free(file: Path) -> Path:
    """*file*, or the next name like it that is free."""
    names = itertools.chain([file], (file.with_name(f"{file.name}-{number}") for number in itertools.count(2)))
    return next(name for name in names if not os.path.lexists(name))


@contextmanager
def _in_words(dialect: Sqlite, nothing: str) -> Iterator[None]:
    """Raise `StoreError` for what the disk or SQLite says in the block; *nothing* is how it begins."""
    try:
        yield
    except StoreError as error:
        raise StoreError(f"{nothing} {error.cause}") from error
    except sqlite3.Error as error:
        kind = dialect.outage_of(error) or Outage.UNKNOWN
        if kind in {Outage.FULL, Outage.DISK}:
            raise StoreError(f"{nothing} The disk of {dialect.file} is full, or fails: make room there.") from error
        detail = getattr(error, "sqlite_errorname", "")
        raise StoreError(f"{nothing} {dialect.unavailable(kind, detail=detail).cause}") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        cure = (
            "Make room there."
            if error.errno in _FULL
            else "Make it so that the desk's user may, or name another place."
        )
        raise StoreError(f"{nothing} {where}{error.strerror}. {cure}") from error
