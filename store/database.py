"""One database: its transactions, and the migrations of its tables. What differs by its kind is in dialects.py."""

import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NoResultFound, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from store.dialects import dialect_of, from_now
from store.errors import StoreBehind, StoreError, StoreRefused, StoreUnavailable
from store.models import database_identity, write_trials
from store.outages import Outage
from store.served import ALL, Served
from store.texts import keepable_values

if TYPE_CHECKING:
    from alembic.config import Config

    from store.erased import EraseKey

BUSY_SECONDS = 5.0
# Bytes that there has to be room for: more than any command writes, and incompressible.
_ROOM: Final = 16_384
# The same of a database that was full: a little is soon free again, and then is not enough.
_ROOM_AFTER_FULL: Final = 1_048_576
_ONE: Final = 1
_IDENTITY: Final = sa.select(database_identity.c.id).where(database_identity.c.number == _ONE)


# As libpq writes several servers: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
_SEVERAL_HOSTS: Final = re.compile(r"(postgres[^:/]*://(?:[^/?#@]*@)?)([^/?#@]*,[^/?#@]*)((?:/[^?#]*)?(?:\?.*)?)")


def parsed_url(text: str) -> sa.URL:
    """
    The URL of a database as SQLAlchemy has it, also of one that names several servers (`//a:5432,b:5433/desk`).

    Raises `sqlalchemy.exc.ArgumentError` or ValueError for none.
    """
    several = _SEVERAL_HOSTS.fullmatch(text)
    if several is None:
        return sa.make_url(text)
    start, places, rest = several.groups()
    hosts, ports = zip(*(_PLACE.fullmatch(place).groups("5432") for place in places.split(",")), strict=True)  # type: ignore[union-attr]
    if any(not port.isdecimal() for port in ports):
        raise ValueError("a port is no number")
    url = sa.make_url(f"{start}{rest}")
    # SQLAlchemy hands both on to libpq as they are.
    return url.update_query_dict({"host": ",".join(host.strip("[]") for host in hosts), "port": ",".join(ports)})


# Tables of a file that is new to the desk all the same: that of its migrations, and what Litestream makes in any file it sees.
_BESIDE_OURS: Final = ("alembic_version", "_litestream_")


def identity_of(text: str) -> str:
    """What the database at a URL is known by among all that this machine can reach; its password is not in it. Raises as `parsed_url`."""
    return dialect_of(parsed_url(text)).identity


_PLACE: Final = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(.*))?")


class Database:
    """
    One database, by SQLAlchemy URL (`sqlite:///desk.db`, `postgresql+psycopg://...`).

    Opening it touches nothing: the first transaction does. `StoreError` when it is of a kind that the store does not
    know; methods raise `StoreUnavailable` when the database is gone or stays locked for longer than *busy_seconds*, and
    `StoreRefused` for what it does not take: no error of a driver's leaves a transaction.
    """

    def __init__(
        self, url: str, *, busy_seconds: float = BUSY_SECONDS, erase_key: "EraseKey | None" = None, served: Served = ALL
    ) -> None:
        self.url = parsed_url(url)
        # Of its accounts, where a desk has several databases.
        self.served = served
        self.dialect = dialect_of(self.url)
        self.erase_key = erase_key
        self.engine = self.dialect.create_engine(busy_seconds)
        # With each connection, so that whatever looks at phones has it: see store/erased.py.
        self.engine.update_execution_options(erase_key=erase_key)
        sa.event.listen(self.engine, "connect", self._recognise)
        sa.event.listen(self.engine, "before_cursor_execute", _made_keepable, retval=True)
        sa.event.listen(self.engine, "checkin", self._close_late)
        # By whether what is written is to be durable: the engine with an option of its own, over the same connections.
        self._writing = {
            durable: self.engine.execution_options(write=write)
            for durable, write in ((True, "full"), (False, "normal"))
        }
        self._closed = False
        self._looks: dict[sa.Select[Any] | sa.CompoundSelect[Any], _Look] = {}
        # Of the database that is served, once `identify` was called: its id, and what is told when it goes or comes back.
        self._identity: str | None = None
        self._outage: str | None = None
        # How often a row was claimed whose holder never gave it back, by table, since this was made.
        self.taken_over: Counter[str] = Counter()
        self.report: Callable[[StoreUnavailable | None], None] = lambda _error: None
        # A verb asks its database, and need not know which answers are the dialect's.
        self.lock_account = self.dialect.lock_account
        self.skip_locked = self.dialect.skip_locked
        self.read_by_key = self.dialect.read_by_key
        self.insert = self.dialect.insert
        self.among = self.dialect.among
        self.insert_phones = self.dialect.insert_phones
        self.insert_rows = self.dialect.insert_rows
        self.delete_some = self.dialect.delete_some
        self.update_some = self.dialect.update_some

    def close(self) -> None:
        """
        Close every connection, one in use when it is given back.

        On PostgreSQL it is for good, and whatever still waits for an answer ends.
        """
        self.report = lambda _error: None  # what ends now is no outage
        self._closed = True
        self.dialect.end()
        self.engine.dispose()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads: one consistent view of the data."""
        with self._transaction(self.engine) as connection:
            yield connection

    def look(self, statement: sa.Select[Any] | sa.CompoundSelect[Any], values: Mapping[str, Any]) -> Sequence[Any]:
        """
        The rows of *statement*, which is made once, with *values*: a transaction by itself that only reads.

        For what is asked hundreds of times a second. SQLAlchemy makes the statement and keeps the connection, and is left out
        in between, where it takes several times as long as the database. Values have to be `store.texts.keepable`.
        """
        if (made := self._looks.get(statement)) is None:
            made = self._looks[statement] = _Look(statement, self.engine.dialect)
        try:
            connection = self.engine.raw_connection()
            try:
                return self.dialect.look(connection.driver_connection, made.text, made.bound(values))
            except (self.engine.dialect.loaded_dbapi.Error, OverflowError):
                connection.invalidate()
            finally:
                connection.close()
        except SQLAlchemyError as error:
            raise self._failure(error) from error  # there is no connection to be had
        except StoreUnavailable:
            pass
        # Something is wrong, if only with a connection that the pool kept for too long: the long way finds out, and tells.
        with self.read() as transaction:
            return transaction.execute(statement, values).all()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """
        A transaction that may write; committed at the end of the block, rolled back when it raises.

        *durable*: on disk before this returns. An upload's batches do without (a power cut then takes back the last
        batches together with their checkpoint, so nothing is counted that is not there); its last one does not.
        """
        with self._transaction(self._writing[durable], durable=durable) as connection:
            yield connection

    @contextmanager
    def _transaction(self, engine: sa.Engine, *, durable: bool = False) -> Iterator[sa.Connection]:
        committing = False
        try:
            connection, transaction = _begun(engine)
            with connection:
                with transaction:
                    yield connection
                    committing = connection.get_execution_options().get("write") is not None
                committing = False
                if durable:
                    self._require_kept(connection)
        except StoreUnavailable as error:
            if error.kind in {Outage.REPLACED, Outage.DAMAGED}:
                self._tell(error)
            raise
        # sqlite3 says of a whole number of more than 64 bits what Python does.
        except (SQLAlchemyError, OverflowError) as error:
            raise self._failure(error, committing=committing) from error
        # What can be read may be full all the same, and what takes a little no list: that is for `check` to say.
        if engine.get_execution_options().get("write") is not None and self._outage != Outage.FULL:
            self._tell(None)

    def _failure(self, error: Exception, *, committing: bool = False) -> StoreError:
        """*error* as one of the store's own, reported where it tells of an outage."""
        trouble = self._trouble(error, committing=committing)
        if trouble is None:
            return _refusal(error)
        self._tell(trouble)
        return trouble

    def _trouble(self, error: Exception, *, committing: bool) -> StoreUnavailable | None:
        """The outage that *error* tells of, as an error for people; None when it tells of none."""
        if isinstance(error, PoolTimeout):
            return self.dialect.unavailable(Outage.BUSY, detail="all of the desk's own connections are in use")
        if not isinstance(error, DBAPIError):
            return None
        kind = self.dialect.outage_of(error.orig)
        if kind is None:
            if not error.connection_invalidated:
                return None
            kind = Outage.CUT
        detail = _code_of(error)
        in_doubt = committing and kind in {Outage.CUT, Outage.UNKNOWN}
        return self.dialect.unavailable(kind, detail=detail, in_doubt=in_doubt)

    def _tell(self, trouble: StoreUnavailable | None) -> None:
        """Report an outage when it begins, becomes another, or is over; not each request that it costs."""
        kind = None if trouble is None else trouble.kind
        if kind != self._outage:
            self._outage = kind
            self.report(trouble)

    # Which database it is, and whether it can be used.

    def identify(self) -> None:
        """
        Learn which database this is, and give it an id when it has none: another in its place is refused from now on.

        A file that was replaced in place keeps its name and its number, and a server that failed over its address.
        """
        made = {"number": _ONE, "id": secrets.token_hex(16), "made_at": from_now()}
        with self.write() as connection:
            connection.execute(self.insert(database_identity).values(made).on_conflict_do_nothing())
            found = connection.execute(_IDENTITY).scalar_one()
        self.dialect.settle(self.engine)
        self._identity = found

    @property
    def identity(self) -> str | None:
        """The id that `identify` learned; a copy of the database has the same, until it is known for a restored one."""
        return self._identity

    def check(self) -> None:
        """
        Raise `StoreError` unless the list can be read and written: `StoreBehind`, or `StoreUnavailable` with its cause.

        It writes as much as a command does, and takes it away again: a disk that is full says so to a writer alone.
        """
        self.require_head()
        room = _ROOM_AFTER_FULL if self._outage == Outage.FULL else _ROOM
        trial = {"id": secrets.token_hex(8), "filler": os.urandom(room)}
        with self.write(durable=True) as connection:
            connection.execute(sa.insert(write_trials).values(trial))
        with self.write(durable=False) as connection:
            # Those of a replica that died in between too; of two that check at once one may take the other's.
            connection.execute(sa.delete(write_trials))
        self._tell(None)

    def try_writing(self) -> None:
        """Raise `StoreUnavailable` unless the list can be written. What is written is taken back before anybody sees it."""
        with self.write(durable=False) as connection:
            connection.execute(sa.insert(write_trials).values(id=secrets.token_hex(8), filler=b""))
            connection.rollback()

    def _close_late(self, _connection: Any, record: ConnectionPoolEntry) -> None:
        """Close a connection that comes back to a pool that nobody will use again."""
        if self._closed:
            record.invalidate()

    def _recognise(self, connection: Any, _record: ConnectionPoolEntry) -> None:
        """A new connection leads to the database that is served, and not to one that took its address."""
        if self._identity is None:
            return
        cursor = connection.cursor()
        try:
            cursor.execute(str(_IDENTITY.compile(dialect=self.engine.dialect, compile_kwargs={"literal_binds": True})))
            row = cursor.fetchone()
        except self.engine.dialect.loaded_dbapi.Error as error:
            if self.dialect.outage_of(error) is not Outage.UNMIGRATED:
                raise
            row = None
        finally:
            cursor.close()
        connection.rollback()
        try:
            self._require_identity(None if row is None else row[0])
        except StoreUnavailable:
            connection.close()
            raise

    def _require_kept(self, connection: sa.Connection) -> None:
        """What was just committed is in the database that a restart finds."""
        self.dialect.require_unmoved()
        connection.execution_options(write=None)  # to look needs no lock
        if self._identity is not None and self.dialect.forget_cached(connection):
            self._require_identity(connection.execute(_IDENTITY).scalar_one_or_none())

    def _require_identity(self, found: str | None) -> None:
        if found != self._identity:
            raise self.dialect.unavailable(Outage.REPLACED, detail="its id is not the one it had")

    # Migrations. Alembic is loaded when it is needed: the child process that reads lists does without its ten megabytes.

    def revision(self) -> str | None:
        """
        The revision of the database's tables, or None when there are none yet, or not even a database.

        Raises `StoreError` for a file that is another program's.
        """
        if not self.dialect.exists():
            return None
        with self.read() as connection:
            return self._revision_in(connection)

    def _revision_in(self, connection: sa.Connection) -> str | None:
        from alembic.migration import MigrationContext

        found = MigrationContext.configure(connection).get_current_revision()
        # A server's database may be shared with others; a file is the desk's alone, and none of its own it would take for new.
        if (
            found is None
            and self.dialect.file is not None
            and any(not name.startswith(_BESIDE_OURS) for name in sa.inspect(connection).get_table_names())
        ):
            raise StoreError(
                f"{self.dialect.where[:1].upper()}{self.dialect.where[1:]} is another program's: it has tables, and none is the desk's. "
                "Nothing was changed. See DATABASE_URL."
            )
        return found

    @staticmethod
    def head() -> str:
        """The revision this program is written for."""
        from alembic.script import ScriptDirectory

        head = ScriptDirectory.from_config(_alembic()).get_current_head()
        assert head is not None  # noqa: S101  migrations ship with the program
        return head

    @staticmethod
    def require_known(revision: str | None) -> None:
        """Raise `StoreBehind` for tables at the *revision* of a later release, which this program has no way from."""
        from alembic.script import ScriptDirectory

        known = {script.revision for script in ScriptDirectory.from_config(_alembic()).walk_revisions()}
        if revision is not None and revision not in known:
            msg = (
                f"The database's tables are at revision {revision}, which a later release brought. "
                "Start that release, or go back to a backup from before it."
            )
            raise StoreBehind(msg)

    def migrate(self) -> None:
        """Bring the tables to this program's revision; does nothing when they are. See `require_known`."""
        from alembic import command

        config = _alembic()
        self.dialect.make()
        with self.write() as connection:
            self.dialect.lock_migrations(connection)
            self.require_known(self._revision_in(connection))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        # Afterwards, since it takes as long as reading the tables does, and whoever died before it left it to do.
        with self.read() as connection:
            left = self.dialect.unvalidated(connection)
        for statement in left:
            with self.write() as connection:
                connection.exec_driver_sql(statement)

    def require_head(self) -> None:
        """Raise `StoreBehind` unless the tables are this program's."""
        found = self.revision()
        if found != self.head():
            self.require_known(found)
            msg = (
                f"The database's tables are at revision {found or 'none'}, this program needs {self.head()}. "
                "Run `python -m bot migrate` and start again."
            )
            raise StoreBehind(msg)


class _Look:
    """A *statement* as a driver takes it, with what makes its parameters of values."""

    def __init__(self, statement: sa.Select[Any] | sa.CompoundSelect[Any], dialect: sa.Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text = str(compiled)
        # Of each parameter, once or several times where they have no names.
        names = compiled.positiontup or list(compiled.binds)
        self._made_by = [(name, compiled.binds[name].type.bind_processor(dialect)) for name in names]
        self._has_names = compiled.positiontup is None

    def bound(self, values: Mapping[str, Any]) -> dict[str, Any] | list[Any]:
        """The parameters."""
        made = [(name, values[name] if make is None else make(values[name])) for name, make in self._made_by]
        return dict(made) if self._has_names else [value for _, value in made]


def _begun(engine: sa.Engine, *, again: bool = True) -> tuple[sa.Connection, sa.RootTransaction]:
    """
    A connection of the pool's, and its transaction.

    That it can begin one tells that it did not end while the pool kept it; of one that did, the pool forgets all of its age,
    and a new one is made.
    """
    connection = engine.connect()
    try:
        return connection, connection.begin()
    except BaseException as error:
        connection.close()
        if not again or not isinstance(error, DBAPIError) or not error.connection_invalidated:
            raise
    return _begun(engine, again=False)


def _code_of(error: Exception) -> str:
    """What the driver calls *error*, in one word; empty where it has none."""
    driver = getattr(error, "orig", None)
    return getattr(driver, "sqlite_errorname", None) or getattr(driver, "sqlstate", None) or ""


def _refusal(error: Exception) -> StoreRefused:
    """The error for what the database does not take, where *error* tells of no outage."""
    if isinstance(error, IntegrityError):
        why = "The rules of the list do not allow this"
    elif isinstance(error, NoResultFound):
        why = "What this is about is not in the list's database"
    elif isinstance(error, DBAPIError) and not isinstance(error, DataError):
        why = "The list's database does not take this"
    else:
        why = "A number, moment or text of this is none that the list's database can keep"
    return StoreRefused(why, _code_of(error) or type(error).__name__)


def _made_keepable(
    _connection: sa.Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    """SQLAlchemy's `before_cursor_execute`: whatever somebody wrote, a row can be made of it."""
    return statement, keepable_values(parameters)


def _alembic() -> "Config":
    from alembic.config import Config

    config = Config()
    # Alembic reads options through configparser, for which a percent sign is special.
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
