"""
The engine, transactions, and everything SQLite and PostgreSQL disagree on.

SQLite: https://www.sqlite.org/wal.html and https://www.sqlite.org/lang_transaction.html; a transaction that starts as
a reader and then writes can fail at once whatever the busy timeout, so every writer begins as one.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from store.errors import StoreBehind, StoreUnavailable
from store.models import accounts

if TYPE_CHECKING:
    from alembic.config import Config

BUSY_SECONDS = 5.0


class Database:
    """
    One database, by SQLAlchemy URL (`sqlite:///desk.db`, `postgresql+psycopg://...`).

    Opening it touches nothing: the first transaction does. Methods raise `StoreUnavailable` when the database is gone
    or stays locked for longer than *busy_seconds*.
    """

    def __init__(self, url: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            self.engine = sa.create_engine(self.url, connect_args={"timeout": busy_seconds}, pool_timeout=busy_seconds)
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
        else:
            milliseconds = int(busy_seconds * 1000)
            self.engine = sa.create_engine(
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

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads: one consistent view of the data."""
        with self._transaction(self.engine) as connection:
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """
        A transaction that may write; committed at the end of the block, rolled back when it raises.

        *durable*: on disk before this returns. An upload's batches do without (a power cut then takes back the last
        batches together with their checkpoint, so nothing is counted that is not there); its last one does not.
        """
        with self._transaction(self.engine.execution_options(write="full" if durable else "normal")) as connection:
            yield connection

    @contextmanager
    def _transaction(self, engine: sa.Engine) -> Iterator[sa.Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except (OperationalError, PoolTimeout) as error:
            raise StoreUnavailable(_sentence(error)) from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise StoreUnavailable(_sentence(error)) from error
            raise

    def lock_account(self, connection: sa.Connection, account: int) -> None:
        """
        Make this transaction the account's only writer until it ends.

        Two writers of one account would otherwise both see a phone as not yet opted out. SQLite has one writer anyway.
        """
        if not self.is_sqlite:
            connection.execute(sa.select(accounts.c.id).where(accounts.c.id == account).with_for_update(key_share=True))

    def skip_locked(self, query: sa.Select[Any]) -> sa.Select[Any]:
        """*query*, taking rows no other replica is taking at this moment."""
        return query if self.is_sqlite else query.with_for_update(skip_locked=True)

    def insert(self, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
        """An insert that can say what a conflict with an existing row means."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    def among(self, column: sa.ColumnElement[str], phones: Sequence[str]) -> sa.ColumnElement[bool]:
        """*column* is one of *phones*, whose number is not limited by the database's limit on parameters."""
        if self.is_sqlite:
            values = sa.func.json_each(json.dumps(list(phones))).table_valued("value")
            return column.in_(sa.select(values.c.value))
        return column == sa.any_(sa.cast(sa.literal(list(phones), sa.ARRAY(sa.Text)), sa.ARRAY(sa.Text)))

    def insert_phones(
        self, connection: sa.Connection, table: sa.Table, same: Mapping[str, int], lines: Mapping[str, int]
    ) -> None:
        """
        Insert a row of *table* for each phone of *lines*, sorted, with its `line` and the columns *same* to all.

        A conflict is an error. Each of the two ways is the fastest of those that were measured (docs/benchmarks.md).
        """
        names = ", ".join((*same, "phone", "line"))  # ours, from models.py
        if self.is_sqlite:
            values = ", ".join((*("?" for _ in same), "key", "value"))
            statement = f"INSERT INTO {table.name} ({names}) SELECT {values} FROM json_each(?)"  # noqa: S608  values are bound
            # Digits and "+", which neither JSON nor COPY's text format would take for a mark of its own.
            pairs = ",".join([f'"{phone}":{line}' for phone, line in lines.items()])
            connection.exec_driver_sql(statement, (*same.values(), f"{{{pairs}}}"))
            return
        start = "".join(f"{value}\t" for value in same.values())
        rows = "".join([f"{start}{phone}\t{line}\n" for phone, line in lines.items()])
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  a checked-out connection has one
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            copy.write(rows)

    def insert_rows(
        self, connection: sa.Connection, table: sa.Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert *rows* by the driver's bulk path: values as the driver takes them, a conflict is an error."""
        if not rows:
            return
        names = ", ".join(columns)
        if self.is_sqlite:
            marks = ", ".join("?" * len(columns))
            # Names are ours, from models.py; values are bound.
            statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608
            connection.exec_driver_sql(statement, [tuple(row) for row in rows])
            return
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101  a checked-out connection has one
        with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    # Migrations. Alembic is loaded when it is needed: the child process that reads lists does without its ten megabytes.

    def revision(self) -> str | None:
        """The revision of the database's tables, or None when there are none yet."""
        from alembic.migration import MigrationContext

        with self.read() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @staticmethod
    def head() -> str:
        """The revision this program is written for."""
        from alembic.script import ScriptDirectory

        head = ScriptDirectory.from_config(_alembic()).get_current_head()
        assert head is not None  # noqa: S101  migrations ship with the program
        return head

    def migrate(self) -> None:
        """Bring the tables to this program's revision; does nothing when they are."""
        from alembic import command

        config = _alembic()
        with self.write() as connection:
            if not self.is_sqlite:
                # Two replicas that start at once migrate one after the other. The number is ours alone.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7311022604)")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def require_head(self) -> None:
        """Raise `StoreBehind` unless the tables are this program's."""
        found = self.revision()
        if found != self.head():
            msg = (
                f"The database's tables are at revision {found or 'none'}, this program needs {self.head()}. "
                "Run `python -m bot migrate` and start again."
            )
            raise StoreBehind(msg)


def _alembic() -> "Config":
    from alembic.config import Config

    config = Config()
    # Alembic reads options through configparser, for which a percent sign is special.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _prepare_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin when we say so, see _begin_sqlite
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("write")
    if write is None:
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous = {write}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _sentence(error: SQLAlchemyError) -> str:
    locked = "locked" in str(error) or "lock timeout" in str(error) or "busy" in str(error)
    why = "it is busy with something else" if locked else "it does not answer"
    return (
        f"The opt-out list cannot be reached right now ({why}), and nothing was changed. Please try again in a minute."
    )
