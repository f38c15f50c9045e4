"""
Dialects: what SQLite and PostgreSQL disagree on, as one protocol with an implementation for each.

SQLite: https://www.sqlite.org/wal.html and https://www.sqlite.org/lang_transaction.html; a transaction that starts as
a reader and then writes can fail at once whatever the busy timeout, so every writer begins as one.
"""

import json
import os
import re
import shutil
import sqlite3
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from store.errors import StoreError, StoreUnavailable
from store.models import Moment, accounts
from store.outages import Outage, unavailable
from store.texts import keepable_values

if TYPE_CHECKING:
    from psycopg import Copy  # loaded where PostgreSQL is used

    from store.watched_connection import WatchedConnection

# Of a file: its owner's alone.
PRIVATE: Final = 0o600
# SQLite's own files beside the database.
BESIDE: Final = ("-wal", "-shm", "-journal")
# For whoever looks into the file for a moment.
_ALONE_SECONDS: Final = 1.0


class _FromNow(FunctionElement[datetime]):
    """A moment, so many seconds from now by the database's clock."""

    name = "from_now"
    type = Moment()
    inherit_cache = True


def from_now(seconds: float = 0.0) -> sa.ColumnElement[datetime]:
    """
    The moment *seconds* from now, by the clock of the database: one for all its replicas. SQLite's is the machine's.

    It is that of the statement it stands in.
    """
    return _FromNow(sa.literal(float(seconds), sa.Float))


@compiles(_FromNow, "postgresql")
def _moment_of_the_server(element: _FromNow, compiler: SQLCompiler, **kw: Any) -> str:
    # Not clock_timestamp(), which no index can be asked for: it may differ from row to row.
    return f"(statement_timestamp() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


@compiles(_FromNow, "sqlite")
def _moment_of_the_machine(element: _FromNow, compiler: SQLCompiler, **kw: Any) -> str:
    # As `Moment` is kept, in microseconds.
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {compiler.process(element.clauses, **kw)} || ' seconds')"


class _Phones(TypeDecorator[Sequence[str]]):
    """Phones (E.164) as one text, which drivers take several times as fast as an array."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: sa.Dialect) -> str:
        return json.dumps(list(value or ())) if dialect.name == "sqlite" else " ".join(value or ())


class _Among(FunctionElement[Any]):
    """A column is one of the phones of a parameter."""

    name = "among"
    # Of a Boolean SQLAlchemy makes "= 1" for SQLite, which then reads the whole account.
    type = sa.types.NullType()
    inherit_cache = True


def among_bound(column: sa.ColumnElement[str], name: str) -> sa.ColumnElement[bool]:
    """*column* is one of the phones (E.164, any number of them) of the parameter *name*, for statements that are made once."""
    return _Among(column, sa.bindparam(name, type_=_Phones))


@compiles(_Among, "postgresql")
def _among_on_the_server(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, phones = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({column} = ANY (string_to_array({phones}, ' ')))"


@compiles(_Among, "sqlite")
def _among_in_the_file(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, phones = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({column} IN (SELECT value FROM json_each({phones})))"  # noqa: S608  both are the compiler's


class Dialect(ABC):
    """One kind of database, and where the one at *url* is. It holds no connection: methods are given one."""

    # Whether the desk brings the tables to its own revision when it starts; elsewhere an operator does.
    upgrades_at_start: bool

    def __init__(self, url: sa.URL) -> None:
        self.url = url

    @property
    @abstractmethod
    def where(self) -> str:
        """The kind of database and its place, as a part of a sentence. Holds no password."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """The identity of this database among all that this machine can reach. Holds no password."""

    @property
    @abstractmethod
    def called(self) -> str:
        """The database as people are told of it, who need not know where it is: "its file desk.db"."""

    @property
    @abstractmethod
    def file(self) -> Path | None:
        """The file that the database is; None where a server keeps it."""

    @abstractmethod
    def exists(self) -> bool:
        """Is there a database to connect to? False only where connecting would make one; looking makes none."""

    @abstractmethod
    def can_be_made(self) -> bool:
        """Can `make` make the database that does not exist yet?"""

    @abstractmethod
    def make(self) -> None:
        """Make the database where it is a file, empty and its owner's alone. Does nothing when there is one."""

    @abstractmethod
    def size(self, connection: sa.Connection) -> int:
        """The bytes that the database takes up, with what is kept beside it."""

    @abstractmethod
    def room(self) -> int | None:
        """The bytes that its disk has left for this user; None where a server keeps it, whose disk nobody here sees."""

    @abstractmethod
    def open_to(self) -> str | None:
        """Who else on this machine may read the database, as a part of a sentence; None for nobody."""

    @abstractmethod
    def tighten(self) -> None:
        """Close the database to other users. Raises OSError where it belongs to somebody else."""

    @abstractmethod
    def require_unmoved(self) -> None:
        """Raise `StoreUnavailable` when what is at its place is not what this program has connected to."""

    @abstractmethod
    def settle(self, engine: sa.Engine) -> None:
        """Have what was committed stand in the database itself, where it is kept beside it first."""

    @abstractmethod
    def forget_deleted(self, engine: sa.Engine) -> None:
        """Have nothing left in the files of what was deleted, as far as that is ours to do. Raises `StoreUnavailable`."""

    @abstractmethod
    def forget_cached(self, connection: sa.Connection) -> bool:
        """
        Forget what *connection* remembers of the database's contents.

        False where there is nothing to forget: a connection leads to one database until it ends.
        """

    @abstractmethod
    def create_engine(self, busy_seconds: float) -> sa.Engine:
        """
        An engine whose connections wait at most *busy_seconds* for a lock.

        A transaction with the execution option `write` may write: "full" has its commit on disk before it returns,
        "normal" may lose the last ones to a power cut. Without the option it reads.
        """

    @abstractmethod
    def look(self, connection: Any, statement: str, values: Any) -> list[Any]:
        """The rows of a *statement* that only reads, as a transaction by itself, over a *connection* of the driver's that is in none."""

    @abstractmethod
    def end(self) -> None:
        """End what waits for an answer over connections that are in use, where an answer may never come."""

    @abstractmethod
    def outage_of(self, error: BaseException | None) -> Outage | None:
        """The outage that the driver's *error* tells of; None when it tells of none, but of what was asked."""

    def is_busy(self, error: BaseException | None) -> bool:
        """Does the driver's *error* say that somebody else kept a lock for too long?"""
        return self.outage_of(error) is Outage.BUSY

    def unavailable(self, kind: Outage, *, detail: str = "", in_doubt: bool = False) -> StoreUnavailable:
        """The error for an outage of this database: see `store.outages.unavailable`."""
        return unavailable(kind, self.where, self.called, detail=detail, in_doubt=in_doubt)

    @abstractmethod
    def lock_account(self, connection: sa.Connection, account: int) -> None:
        """
        Make this transaction the account's only writer until it ends.

        Two writers of one account would otherwise both see a phone as not yet opted out.
        """

    @abstractmethod
    def lock_migrations(self, connection: sa.Connection) -> None:
        """Make this transaction the only one that migrates until it ends."""

    @abstractmethod
    def unvalidated(self, connection: sa.Connection) -> Sequence[str]:
        """Statements that make sure of rules which were made for new rows alone, each for a transaction of its own."""

    def skip_locked(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """*query*, taking rows no other replica is taking at this moment."""
        # SQLite has one writer; for it SQLAlchemy leaves the clause out.
        return query.with_for_update(skip_locked=True)

    def read_by_key(self, connection: sa.Connection) -> None:  # noqa: B027  most need no telling
        """Have this transaction read rows that it asks for in the order of their key in that order, and sort none."""

    @abstractmethod
    def insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        """An insert that can say what a conflict with an existing row means."""

    @abstractmethod
    def among(self, column: sa.ColumnElement[str], phones: Sequence[str]) -> sa.ColumnElement[bool]:
        """*column* is one of *phones*, whose number is not limited by the database's limit on parameters."""

    @abstractmethod
    def insert_phones(
        self, connection: sa.Connection, table: sa.Table, same: Mapping[str, int], lines: Mapping[str, int]
    ) -> None:
        """
        Insert a row of *table* for each phone of *lines*, sorted, with its `line` and the columns *same* to all.

        A conflict is an error. Each of the two ways is the fastest of those that were measured (docs/benchmarks.md).
        """

    @abstractmethod
    def insert_rows(
        self, connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert *rows* by the driver's bulk path: values as the driver takes them, a conflict is an error."""

    def delete_some(self, connection: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool], limit: int) -> int:
        """
        Delete at most *limit* of the rows of *table* for which *where* holds, and return how many it were.

        Rows that another transaction has locked are left for another round: fewer than *limit* need not mean that there
        are no more.
        """
        return connection.execute(sa.delete(table).where(self._is_one_of_some(table, where, limit))).rowcount

    def update_some(
        self,
        connection: sa.Connection,
        table: sa.Table,
        where: sa.ColumnElement[bool],
        limit: int,
        values: Mapping[str, Any],
    ) -> int:
        """
        Set *values*, by column, in at most *limit* of the rows for which *where* holds, and return how many it were.

        As `delete_some`. *where* has to leave out the rows that were set before, or the next round sets them again.
        """
        one_of_some = self._is_one_of_some(table, where, limit)
        return connection.execute(sa.update(table).where(one_of_some).values(dict(values))).rowcount

    def _is_one_of_some(self, table: sa.Table, where: sa.ColumnElement[bool], limit: int) -> sa.ColumnElement[bool]:
        # By primary key: a ctid is unique in one partition only, and a table WITHOUT ROWID has no rowid.
        key = list(table.primary_key)
        some = self._evaluated_once(self.skip_locked(sa.select(*key).where(where).limit(limit).correlate(None)))
        return sa.tuple_(*key).in_(sa.select(*some.c))

    @abstractmethod
    def _evaluated_once(self, query: sa.Select[Any]) -> sa.FromClause:
        """*query* as something to select from that the statement around it evaluates once."""


# Of the kinds of SQLite's errors, https://www.sqlite.org/rescode.html, those that are outages.
_SQLITE_OUTAGES: Final = {
    sqlite3.SQLITE_BUSY: Outage.BUSY,
    sqlite3.SQLITE_LOCKED: Outage.BUSY,
    sqlite3.SQLITE_FULL: Outage.FULL,
    sqlite3.SQLITE_READONLY: Outage.READ_ONLY,
    sqlite3.SQLITE_PERM: Outage.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: Outage.DAMAGED,
    sqlite3.SQLITE_NOTADB: Outage.DAMAGED,
    sqlite3.SQLITE_CANTOPEN: Outage.MISSING,
    sqlite3.SQLITE_IOERR: Outage.DISK,
}


class Sqlite(Dialect):
    """
    A SQLite file, which belongs to one desk alone and has one writer at a time.

    Connecting never makes it, `make` does. A connection keeps the file it opened whatever becomes of its name: what is
    stored in one that was removed or replaced is gone with the next start. So each transaction looks whether the name
    still leads to the file of the first.
    """

    upgrades_at_start = True

    def __init__(self, url: sa.URL) -> None:
        super().__init__(url)
        self._opened: tuple[int, int] | None = None
        self._size = 0
        name = url.database or ""
        # https://www.sqlite.org/uri.html: "file:desk.db?mode=ro" is how SQLite is told not to write.
        self._file = Path(unquote(urlsplit(name).path) if "uri" in url.query else name)

    @property
    def where(self) -> str:
        return f"the SQLite file {self._file.absolute()}"

    @property
    def identity(self) -> str:
        return f"sqlite {self._file.resolve()}"

    @property
    def called(self) -> str:
        return f"its file {self._file.name}"

    @property
    def file(self) -> Path:
        return self._file.resolve()

    def exists(self) -> bool:
        # One that was connected to and is gone is no database that may be made.
        return self._opened is not None or self._file.exists()

    def can_be_made(self) -> bool:
        folder = self.file.parent
        return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)

    def make(self) -> None:
        if self._opened is not None or "uri" in self.url.query:
            return  # one that is gone is not to be replaced by an empty one; a URI says itself whether it may make one
        try:
            # SQLite gives its other files the rights of this one. By a link that leads to none yet the one that it names is made.
            new = os.open(self.file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE)
        except OSError:
            return  # it is there; or connecting says what is wrong
        os.fchmod(new, PRIVATE)
        # Nobody has it open yet, so that this gives no lock of SQLite's away.
        os.close(new)

    def size(self, connection: sa.Connection) -> int:  # noqa: ARG002  the protocol's
        size = 0
        for name in self._files():
            with suppress(OSError):  # SQLite takes those beside it away when it is done
                size += name.stat().st_size
        return size

    def room(self) -> int | None:
        with suppress(OSError):
            return shutil.disk_usage(self._file.absolute().parent).free
        return None

    def open_to(self) -> str | None:
        # What a umask leaves open is open to everybody; to a group alone somebody has opened it, for a backup perhaps.
        others = (name for name in self._files() if name.exists() and name.stat().st_mode & stat.S_IRWXO)
        return "every user of this machine" if next(others, None) else None

    def tighten(self) -> None:
        for name in self._files():
            with suppress(FileNotFoundError):  # SQLite takes those beside it away when it is done
                name.chmod(PRIVATE)

    def _files(self) -> tuple[Path, ...]:
        file = self._file
        return file, *(file.with_name(file.name + suffix) for suffix in BESIDE)

    def require_unmoved(self) -> None:
        if self._opened is None:
            return
        try:
            found = self._file.stat()
        except OSError as error:
            raise self.unavailable(Outage.REPLACED, detail="it is not there") from error
        if (found.st_dev, found.st_ino) != self._opened:
            raise self.unavailable(Outage.REPLACED, detail="another file has its name")
        # Nothing of ours makes it smaller; VACUUM does.
        if found.st_size < self._size and not self._is_whole():
            raise self.unavailable(Outage.DAMAGED, detail="it was cut short")
        self._size = found.st_size

    def _is_whole(self) -> bool:
        """Whether somebody who opens the file now finds a database in it, with tables."""
        try:
            with closing(sqlite3.connect(self._uri(), uri=True)) as connection:
                (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
                return bool(tables) and found == "ok"
        except sqlite3.Error:
            return False

    def _uri(self) -> str:
        """The file for SQLite, which without "mode" would make the one that is not there."""
        return f"file:{quote(str(self._file.absolute()))}?mode=rw"

    def create_engine(self, busy_seconds: float) -> sa.Engine:
        engine = sa.create_engine(
            self.url,
            connect_args={"timeout": busy_seconds},
            pool_timeout=busy_seconds,
            # What stands in a statement is of people, and no business of a log's.
            hide_parameters=True,
        )
        sa.event.listen(engine, "do_connect", self._connect)
        sa.event.listen(engine, "connect", self._prepare)
        sa.event.listen(engine, "begin", self._begin)
        return engine

    def look(self, connection: Any, statement: str, values: Any) -> list[Any]:
        self.require_unmoved()
        found: list[Any] = connection.execute(statement, values).fetchall()
        return found

    def settle(self, engine: sa.Engine) -> None:
        # In the log beside it, a page would still be found after the file was overwritten with another.
        with closing(engine.raw_connection()) as connection, suppress(sqlite3.OperationalError):
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def forget_deleted(self, engine: sa.Engine) -> None:
        """
        Write the file anew, since what is deleted stays in its free places until something else is written there.

        Others read meanwhile, and wait to write. https://www.sqlite.org/lang_vacuum.html
        """
        try:
            with closing(engine.raw_connection()) as connection:
                cursor = connection.cursor()
                cursor.execute("PRAGMA secure_delete = ON")
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                is_busy, *_ = cursor.fetchall()[0]
        except sqlite3.OperationalError as error:
            raise self.unavailable(self.outage_of(error) or Outage.UNKNOWN, detail=error.sqlite_errorname) from error
        if is_busy:
            raise self.unavailable(Outage.BUSY, detail="somebody reads in the log of changes")

    def end(self) -> None:
        """Do nothing: a file answers, or fails, at once."""

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """
        A connection to the file that is the only one as long as the block runs, without a log beside the file.

        Raises `StoreError` while anybody else has the file open, however idle, and sqlite3's own errors.
        """
        with closing(
            sqlite3.connect(self._uri(), uri=True, isolation_level=None, timeout=_ALONE_SECONDS)
        ) as connection:
            try:
                # Kept from the first lock on until the connection is closed.
                connection.execute("PRAGMA locking_mode = EXCLUSIVE")
                # To leave the log behind, all that is in it is put into the file, and nobody may have it open.
                connection.execute("PRAGMA journal_mode = DELETE")
                connection.execute("BEGIN EXCLUSIVE")
                connection.execute("COMMIT")
            except sqlite3.OperationalError as error:
                if not self.is_busy(error):
                    raise
                raise StoreError(
                    f"A desk, or another program, has {self.where} open. Stop it, and try again."
                ) from error
            yield connection

    def forget_cached(self, connection: sa.Connection) -> bool:
        connection.exec_driver_sql("PRAGMA shrink_memory")
        return True

    def _connect(
        self, _dialect: sa.Dialect, _record: ConnectionPoolEntry, cargs: list[Any], cparams: dict[str, Any]
    ) -> None:
        self.require_unmoved()
        if "uri" not in self.url.query:
            cargs[0] = self._uri()
            cparams["uri"] = True

    def _prepare(self, connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin when we say so, see _begin
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA foreign_keys = ON")
        if self._opened is None:
            found = self._file.stat()
            self._opened = found.st_dev, found.st_ino

    def _begin(self, connection: sa.Connection) -> None:
        self.require_unmoved()
        write = connection.get_execution_options().get("write")
        if write is None:
            # Of the driver itself: it touches no file, so that there is no error to translate.
            connection.connection.cursor().execute("BEGIN")
            return
        connection.exec_driver_sql(f"PRAGMA synchronous = {write}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def outage_of(self, error: BaseException | None) -> Outage | None:
        # The lowest byte is the kind of error, the rest its variety.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
        if code == sqlite3.SQLITE_READONLY_DBMOVED:
            return Outage.REPLACED
        if (kind := _SQLITE_OUTAGES.get(code & 0xFF)) is not None:
            return kind
        if not isinstance(error, sqlite3.OperationalError):
            return None
        return Outage.UNMIGRATED if str(error).startswith("no such table") else Outage.UNKNOWN

    def lock_account(self, connection: sa.Connection, account: int) -> None:
        """Do nothing: a transaction that may write is the only one."""

    def lock_migrations(self, connection: sa.Connection) -> None:
        """Do nothing: a transaction that may write is the only one."""

    def unvalidated(self, connection: sa.Connection) -> Sequence[str]:  # noqa: ARG002  the protocol's
        return ()  # a migration is alone here, and makes sure itself

    def insert(self, table: sa.Table) -> sqlite.Insert:
        return sqlite.insert(table)

    def among(self, column: sa.ColumnElement[str], phones: Sequence[str]) -> sa.ColumnElement[bool]:
        values = sa.func.json_each(json.dumps(list(phones))).table_valued("value")
        return column.in_(sa.select(values.c.value))

    def insert_phones(
        self, connection: sa.Connection, table: sa.Table, same: Mapping[str, int], lines: Mapping[str, int]
    ) -> None:
        names = ", ".join((*same, "phone", "line"))  # ours, from models.py
        values = ", ".join((*("?" for _ in same), "key", "value"))
        statement = f"INSERT INTO {table.name} ({names}) SELECT {values} FROM json_each(?)"  # noqa: S608  values are bound
        # Digits and "+", which JSON would not take for a mark of its own.
        pairs = ",".join([f'"{phone}":{line}' for phone, line in lines.items()])
        connection.exec_driver_sql(statement, (*same.values(), f"{{{pairs}}}"))

    def insert_rows(
        self, connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        if not rows:
            return  # no parameters at all would be read as one execution without any
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        # Names are ours, from models.py; values are bound.
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608
        connection.exec_driver_sql(statement, [tuple(row) for row in rows])

    def _evaluated_once(self, query: sa.Select[Any]) -> sa.FromClause:
        # Not a CTE: sqlite3 counts no rows for a statement that begins with WITH.
        return query.subquery("some")


# A batch takes a tenth of a second.
_COPY_MILLISECONDS: Final = 20_000
# Of PostgreSQL's, https://www.postgresql.org/docs/current/errcodes-appendix.html.
_SQLSTATES: Final = {
    "55P03": Outage.BUSY,  # lock_not_available
    "40P01": Outage.BUSY,  # deadlock_detected
    "40001": Outage.BUSY,
    "53100": Outage.FULL,
    "53300": Outage.CROWDED,
    "25006": Outage.READ_ONLY,
    "28P01": Outage.LOGIN,
    "28000": Outage.LOGIN,
    "3D000": Outage.NO_DATABASE,
    "42P01": Outage.UNMIGRATED,
    "42501": Outage.RIGHTS,
    "58030": Outage.DISK,
    "58P01": Outage.DISK,
    "XX001": Outage.DAMAGED,
    "XX002": Outage.DAMAGED,
}
# A text that is too long for an index, or too many parameters: what is wrong is what was asked.
_PROGRAM_LIMIT: Final = "54"
# What libpq says of a connection that was not made has no such state, and may be in another language: then it is a guess
# that it does not answer. The first that fits.
_CONNECTING: Final = (
    (r"authentication failed|password|pg_hba\.conf|role \".*\" (does not exist|is not permitted)", Outage.LOGIN),
    (r"database \".*\" does not exist", Outage.NO_DATABASE),
    (r"too many (clients|connections)|remaining connection slots", Outage.CROWDED),
    (r"does not support ssl|certificate|ssl error: (?!.*eof)|sslmode", Outage.TLS),
    (r"translate host name|resolve host", Outage.UNKNOWN_HOST),
    (r"refused|no such file", Outage.REFUSED),  # of the port, or the local socket
)


class Postgresql(Dialect):
    """A PostgreSQL database, which several replicas of the desk may share."""

    upgrades_at_start = False

    def __init__(self, url: sa.URL) -> None:
        super().__init__(url)
        self._ended = Event()
        self._limits = ""

    @property
    def where(self) -> str:
        hosts = ", ".join(self.url.normalized_query.get("host", ()))
        return f"PostgreSQL at {self.url.host or hosts or 'its local socket'}"

    @property
    def identity(self) -> str:
        # The query may name the socket, or the schema that the tables are in.
        query = sorted(self.url.normalized_query.items())
        return f"postgresql {(self.url.host, self.url.port or 5432, self.url.database or self.url.username, query)}"

    @property
    def called(self) -> str:
        return "its database"

    @property
    def file(self) -> None:
        return None

    def exists(self) -> bool:
        """Always, as far as one can tell without asking the server: it makes none by itself."""
        return True

    def can_be_made(self) -> bool:
        return False

    def make(self) -> None:
        """Do nothing: an operator makes it."""

    def size(self, connection: sa.Connection) -> int:
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())

    def room(self) -> int | None:
        return None

    def open_to(self) -> str | None:
        return None

    def tighten(self) -> None:
        """Do nothing: the server keeps its files."""

    def require_unmoved(self) -> None:
        """Do nothing: a connection ends with its database."""

    def settle(self, engine: sa.Engine) -> None:
        """Do nothing: what is committed is in the database."""

    def forget_deleted(self, engine: sa.Engine) -> None:
        """Do nothing: what is deleted goes with the server's own vacuum."""

    def forget_cached(self, connection: sa.Connection) -> bool:  # noqa: ARG002  it remembers nothing
        return False

    def create_engine(self, busy_seconds: float) -> sa.Engine:
        engine = sa.create_engine(
            self.url,
            pool_timeout=busy_seconds,
            # Statements prepared on one server are not there on the next, to which a pooler may lead the next transaction.
            # Its beginning is ours to send, together with its limits: see `_begin`.
            connect_args=self.connection_parameters(busy_seconds) | {"prepare_threshold": None, "autocommit": True},
            # What stands in a statement is of people, and no business of a log's.
            hide_parameters=True,
        )
        sa.event.listen(engine, "do_connect", self._connect)
        sa.event.listen(engine, "handle_error", self._leave_standby)
        sa.event.listen(engine, "begin", self._begin)
        self._limits = _limits(busy_seconds)
        return engine

    def _begin(self, connection: sa.Connection) -> None:
        """
        Begin a transaction with its limits, and learn which process of the server it has: a pooler may give each another.

        All of it is one message to the server, of which each costs a turn.
        """
        driver: Any = connection.connection.driver_connection
        driver.serving = None
        begin = f"SELECT pg_backend_pid(); BEGIN; {self._limits}"
        options = {"no_parameters": True}  # else psycopg takes one statement alone
        driver.serving = connection.exec_driver_sql(begin, execution_options=options).scalar_one()

    def look(self, connection: Any, statement: str, values: Any) -> list[Any]:
        from psycopg import ClientCursor

        connection.serving = None
        # One message, which is a transaction by itself.
        with ClientCursor(connection) as cursor:
            cursor.execute(f"{self._limits}; {statement}", values)
            cursor.nextset()
            return cursor.fetchall()

    def _leave_standby(self, context: sa.ExceptionContext) -> None:
        """
        Leave a server that only reads: a connection that outlived a failover leads to the old one for as long as it lasts.

        All of the pool are closed, and new ones lead to whoever has the address now.
        """
        if self.outage_of(context.original_exception) is Outage.READ_ONLY:
            context.is_disconnect = True

    def end(self) -> None:
        self._ended.set()

    def _connect(
        self, _dialect: sa.Dialect, _record: ConnectionPoolEntry, cargs: list[Any], cparams: dict[str, Any]
    ) -> "WatchedConnection":
        from store.watched_connection import WatchedConnection

        return WatchedConnection.watched(self._ended, *cargs, **cparams)

    def connection_parameters(self, busy_seconds: float) -> dict[str, Any]:
        """
        Parameters of libpq for a desk, but for those that the operator's URL gives.

        None is for the server: PgBouncer takes no options. https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS
        """
        given = self.url.normalized_query
        parameters = {
            "connect_timeout": max(2, int(busy_seconds)),
            # A network that drops packets says nothing: after some 20 seconds without a sign the system ends it.
            "keepalives_idle": 10,
            "keepalives_interval": 3,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
        }
        return {name: value for name, value in parameters.items() if name not in given}

    def outage_of(self, error: BaseException | None) -> Outage | None:
        state = getattr(error, "sqlstate", None)
        if (kind := _SQLSTATES.get(state or "")) is not None:
            return kind
        if not _is_operational(error):
            return None
        if state is None:
            said = str(error).lower()
            # Of several addresses the last is told of first.
            return next((kind for words, kind in _CONNECTING if re.search(words, said)), Outage.CUT)
        if state.startswith(_PROGRAM_LIMIT):
            return None
        # connection_exception and operator_intervention
        return Outage.CUT if state[:2] in {"08", "57"} or state == "25P03" else Outage.UNKNOWN

    def lock_account(self, connection: sa.Connection, account: int) -> None:
        connection.execute(sa.select(accounts.c.id).where(accounts.c.id == account).with_for_update(key_share=True))

    def read_by_key(self, connection: sa.Connection) -> None:
        # Without fresh statistics, as after a long list, a planner takes an account for short and sorts all of it for a page.
        connection.exec_driver_sql("SET LOCAL enable_sort = off")

    def lock_migrations(self, connection: sa.Connection) -> None:
        """Take an advisory lock: two replicas that start at once migrate one after the other."""
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7311022604)")  # the number is ours alone
        # Between its statements a machine that has much else to do reads the migrations for longer than a desk may be silent.
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '1min'")

    def unvalidated(self, connection: sa.Connection) -> Sequence[str]:
        # It reads the whole table, under a lock that stops nobody's reading and writing.
        query = (
            "SELECT 'ALTER TABLE ' || conrelid::regclass || ' VALIDATE CONSTRAINT ' || quote_ident(conname) "
            "FROM pg_constraint WHERE NOT convalidated AND conrelid <> 0 AND pg_table_is_visible(conrelid) ORDER BY conrelid, conname"
        )
        return connection.exec_driver_sql(query).scalars().all()

    def insert(self, table: sa.Table) -> postgresql.Insert:
        return postgresql.insert(table)

    def among(self, column: sa.ColumnElement[str], phones: Sequence[str]) -> sa.ColumnElement[bool]:
        return column == sa.any_(sa.cast(sa.literal(list(phones), sa.ARRAY(sa.Text)), sa.ARRAY(sa.Text)))

    def insert_phones(
        self, connection: sa.Connection, table: sa.Table, same: Mapping[str, int], lines: Mapping[str, int]
    ) -> None:
        start = "".join(f"{value}\t" for value in same.values())
        # Digits and "+", which COPY's text format would not take for a mark of its own.
        rows = "".join([f"{start}{phone}\t{line}\n" for phone, line in lines.items()])
        with _copying(connection, table, (*same, "phone", "line")) as copy:
            copy.write(rows)

    def insert_rows(
        self, connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        if not rows:
            return
        with _copying(connection, table, columns) as copy:
            for row in rows:
                copy.write_row(keepable_values(tuple(row)))

    def count_on(self, connection: sa.Connection, table: sa.Table) -> None:
        """Have ids that *table* counts by itself go on behind the highest that it has."""
        column = table.autoincrement_column
        if column is None:
            return
        place = sa.func.pg_get_serial_sequence(table.name, column.name)
        highest = sa.func.coalesce(sa.func.max(column), 0) + 1
        connection.execute(sa.select(sa.func.setval(place, highest, sa.false())).select_from(table))

    def _evaluated_once(self, query: sa.Select[Any]) -> sa.FromClause:
        # A subquery may be evaluated anew for each row of the statement around it, each time with rows not yet taken.
        return query.cte("some").prefix_with("MATERIALIZED")


_DIALECTS: dict[str, type[Dialect]] = {"sqlite": Sqlite, "postgresql": Postgresql}


def dialect_of(url: sa.URL) -> Dialect:
    """The dialect of the database at *url*. Raises `StoreError` when it is neither SQLite nor PostgreSQL."""
    kind = _DIALECTS.get(url.get_backend_name())
    if kind is None:
        msg = (
            "The opt-outs are kept in a SQLite file (sqlite:///FILE) or in PostgreSQL "
            f"(postgresql+psycopg://USER:PASSWORD@HOST/DATABASE), not in {url.get_backend_name()}."
        )
        raise StoreError(msg)
    return kind(url)


def _limits(busy_seconds: float) -> str:
    """The statement that sets the limits of a transaction until it ends."""
    milliseconds = int(busy_seconds * 1000)
    settings = {
        "timezone": "UTC",
        "lock_timeout": milliseconds,
        # A process that is frozen, or cut off, inside its transaction must not keep its locks for ever: its lease could run
        # out, and still nobody could take over.
        "idle_in_transaction_session_timeout": 2 * milliseconds,
        "tcp_keepalives_idle": 10,
        "tcp_keepalives_interval": 3,
        "tcp_keepalives_count": 3,
        "tcp_user_timeout": 20_000,
    }
    set_ = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    return f"SELECT {set_}"


def _is_operational(error: BaseException | None) -> bool:
    from psycopg import InterfaceError, OperationalError

    return isinstance(error, (OperationalError, InterfaceError))


@contextmanager
def _copying(connection: sa.Connection, table: sa.Table, columns: Sequence[str]) -> Iterator["Copy"]:
    # The server would wait for the rest of them for ever, with all locks, when whoever sends it is gone unheard.
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_COPY_MILLISECONDS}")
    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN"  # names are ours, from models.py
    driver, errors = connection.connection.driver_connection, connection.dialect.loaded_dbapi.Error
    assert driver is not None  # noqa: S101  a checked-out connection has one
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            yield copy
    except errors as error:
        # COPY goes past SQLAlchemy; its errors are to be the same as those of every other statement.
        raise sa.exc.DBAPIError.instance(statement, None, error, errors, dialect=connection.dialect) from error
