"""
Dialects: what SQLite and PostgreSQL disagree on, as one protocol with an implementation for each.

SQLite: https://www.sqlite.org/wal.html and https://www.sqlite.org/lang_transaction.html; a transaction that starts as
a reader and then writes can fail at once whatever the busy timeout, so every writer begins as one.
"""

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import ConnectionPoolEntry

from store.errors import StoreError
from store.models import accounts

if TYPE_CHECKING:
    from psycopg import Copy  # loaded where PostgreSQL is used


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

    @abstractmethod
    def exists(self) -> bool:
        """Is there a database to connect to? False only where connecting would make one; looking makes none."""

    @abstractmethod
    def can_be_made(self) -> bool:
        """Would connecting make a database that does not exist yet?"""

    @abstractmethod
    def create_engine(self, busy_seconds: float) -> sa.Engine:
        """
        An engine whose connections wait at most *busy_seconds* for a lock.

        A transaction with the execution option `write` may write: "full" has its commit on disk before it returns,
        "normal" may lose the last ones to a power cut. Without the option it reads.
        """

    @abstractmethod
    def is_busy(self, error: BaseException | None) -> bool:
        """Does the driver's *error* say that somebody else kept a lock for too long?"""

    @abstractmethod
    def lock_account(self, connection: sa.Connection, account: int) -> None:
        """
        Make this transaction the account's only writer until it ends.

        Two writers of one account would otherwise both see a phone as not yet opted out.
        """

    @abstractmethod
    def lock_migrations(self, connection: sa.Connection) -> None:
        """Make this transaction the only one that migrates until it ends."""

    def skip_locked(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """*query*, taking rows no other replica is taking at this moment."""
        # SQLite has one writer; for it SQLAlchemy leaves the clause out.
        return query.with_for_update(skip_locked=True)

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


class Sqlite(Dialect):
    """A SQLite file, which belongs to one desk alone and has one writer at a time."""

    upgrades_at_start = True

    @property
    def where(self) -> str:
        return f"the SQLite file {self.url.database}"

    @property
    def identity(self) -> str:
        return f"sqlite {self._file().resolve()}"

    def exists(self) -> bool:
        return self._file().exists()

    def can_be_made(self) -> bool:
        return self._file().absolute().parent.is_dir()

    def _file(self) -> Path:
        name = self.url.database or ""
        # https://www.sqlite.org/uri.html: "file:desk.db?mode=ro" is how SQLite is told not to write.
        return Path(unquote(urlsplit(name).path) if "uri" in self.url.query else name)

    def create_engine(self, busy_seconds: float) -> sa.Engine:
        engine = sa.create_engine(self.url, connect_args={"timeout": busy_seconds}, pool_timeout=busy_seconds)
        sa.event.listen(engine, "connect", _prepare)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def is_busy(self, error: BaseException | None) -> bool:
        # The lowest byte is the kind of error, the rest its variety: https://www.sqlite.org/rescode.html
        kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF
        return kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

    def lock_account(self, connection: sa.Connection, account: int) -> None:
        """Do nothing: a transaction that may write is the only one."""

    def lock_migrations(self, connection: sa.Connection) -> None:
        """Do nothing: a transaction that may write is the only one."""

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


class Postgresql(Dialect):
    """A PostgreSQL database, which several replicas of the desk may share."""

    upgrades_at_start = False

    @property
    def where(self) -> str:
        return f"PostgreSQL at {self.url.host or 'its local socket'}"

    @property
    def identity(self) -> str:
        # The query may name the socket, or the schema that the tables are in.
        query = sorted(self.url.normalized_query.items())
        return f"postgresql {(self.url.host, self.url.port or 5432, self.url.database or self.url.username, query)}"

    def exists(self) -> bool:
        """Always, as far as one can tell without asking the server: it makes none by itself."""
        return True

    def can_be_made(self) -> bool:
        return False

    def create_engine(self, busy_seconds: float) -> sa.Engine:
        milliseconds = int(busy_seconds * 1000)
        return sa.create_engine(
            self.url,
            pool_pre_ping=True,
            pool_timeout=busy_seconds,
            connect_args={
                "connect_timeout": max(2, int(busy_seconds)),
                # A process that is frozen, or cut off, inside its transaction must not keep its locks for ever: its
                # lease could run out, and still nobody could take over.
                "options": f"-c lock_timeout={milliseconds} -c timezone=UTC"
                f" -c idle_in_transaction_session_timeout={2 * milliseconds}",
            },
        )

    def is_busy(self, error: BaseException | None) -> bool:
        # lock_not_available and deadlock_detected: https://www.postgresql.org/docs/current/errcodes-appendix.html
        return getattr(error, "sqlstate", None) in {"55P03", "40P01"}

    def lock_account(self, connection: sa.Connection, account: int) -> None:
        connection.execute(sa.select(accounts.c.id).where(accounts.c.id == account).with_for_update(key_share=True))

    def lock_migrations(self, connection: sa.Connection) -> None:
        """Take an advisory lock: two replicas that start at once migrate one after the other."""
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7311022604)")  # the number is ours alone

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
                copy.write_row(row)

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


def _prepare(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin when we say so, see _begin
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("write")
    if write is None:
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous = {write}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _copying(connection: sa.Connection, table: sa.Table, columns: Sequence[str]) -> Iterator["Copy"]:
    statement = f"COPY {table.name} ({', '.join(columns)}) FROM STDIN"  # names are ours, from models.py
    driver, errors = connection.connection.driver_connection, connection.dialect.loaded_dbapi.Error
    assert driver is not None  # noqa: S101  a checked-out connection has one
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            yield copy
    except errors as error:
        # COPY goes past SQLAlchemy; its errors are to be the same as those of every other statement.
        raise sa.exc.DBAPIError.instance(statement, None, error, errors, dialect=connection.dialect) from error
