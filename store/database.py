"""One database: its transactions, and the migrations of its tables. What differs by its kind is in dialects.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from store.dialects import dialect_of
from store.errors import StoreBehind, StoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

BUSY_SECONDS = 5.0


class Database:
    """
    One database, by SQLAlchemy URL (`sqlite:///desk.db`, `postgresql+psycopg://...`).

    Opening it touches nothing: the first transaction does. `StoreError` when it is of a kind that the store does not
    know; methods raise `StoreUnavailable` when the database is gone or stays locked for longer than *busy_seconds*.
    """

    def __init__(self, url: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.url = sa.make_url(url)
        self.dialect = dialect_of(self.url)
        self.engine = self.dialect.create_engine(busy_seconds)
        # A verb asks its database, and need not know which answers are the dialect's.
        self.lock_account = self.dialect.lock_account
        self.skip_locked = self.dialect.skip_locked
        self.insert = self.dialect.insert
        self.among = self.dialect.among
        self.insert_phones = self.dialect.insert_phones
        self.insert_rows = self.dialect.insert_rows
        self.delete_some = self.dialect.delete_some
        self.update_some = self.dialect.update_some

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
        except PoolTimeout as error:
            raise StoreUnavailable(_sentence(busy=False)) from error
        except DBAPIError as error:
            if isinstance(error, OperationalError) or error.connection_invalidated:
                raise StoreUnavailable(_sentence(busy=self.dialect.is_busy(error.orig))) from error
            raise

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
            self.dialect.lock_migrations(connection)
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


def _sentence(*, busy: bool) -> str:
    why = "it is busy with something else" if busy else "it does not answer"
    return (
        f"The opt-out list cannot be reached right now ({why}), and nothing was changed. Please try again in a minute."
    )
