"""What happens to the database while a desk runs: removed, replaced, damaged, full, read-only, in use, gone."""

import os
import re
import resource
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from store import Account, Origin, Store, StoreUnavailable, parsed_url
from store.dialects import Postgresql, dialect_of
from store.outages import Outage
from tests.databases import Databases

PHONES = ["+12125550100", "+12125550101", "+12125550102"]
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def served(store: Store, account: Account, by_admin: Origin) -> Store:
    """A store that a desk serves, with one phone opted out."""
    store.database.identify()
    store.optouts.add(account.id, PHONES[:1], by_admin)
    return store


@pytest.fixture
def reports(served: Store) -> list[str]:
    """The kinds of outages that were reported, "over" for the end of one."""
    kinds: list[str] = []
    served.database.report = lambda error: kinds.append("over" if error is None else error.kind)
    return kinds


def file_of(store: Store) -> Path:
    assert store.database.url.database is not None
    return Path(store.database.url.database)


def opted_out_after_a_restart(url: str, account: Account) -> list[str]:
    """Those of `PHONES` that whoever opens the database now finds opted out; none where it is no list at all."""
    store = Store.open(url)
    try:
        return [phone for phone in PHONES if store.optouts.find(account.id, phone).opted_out]
    except StoreUnavailable:
        return []
    finally:
        store.close()


def another_list(store: Store, path: Path) -> bytes:
    """A list of somebody else's, larger than this one."""
    other = Store.open(f"sqlite:///{path}")
    other.database.migrate()
    other.database.identify()
    account = other.accounts.get_or_create("T0OTHER", "Other")
    with other.database.write() as connection:
        rows = [(account.id, f"+1212{n:07}", 1, n) for n in range(20_000)]
        other.database.insert_rows(
            connection, sa.Table("opt_outs", sa.MetaData()), ("account_id", "phone", "entry_id", "line"), rows
        )
    other.close()
    content = path.read_bytes()
    assert len(content) > file_of(store).stat().st_size
    return content


# Each takes the file of a store that is open, and a path for another.
FATES: dict[str, Callable[[Store, Path], object]] = {
    "removed": lambda store, _: file_of(store).unlink(),
    "removed with all that belongs to it": lambda store, _: remove_all(file_of(store)),
    "moved away": lambda store, other: file_of(store).rename(other),
    "its directory gone": lambda store, other: file_of(store).parent.rename(other),
    "replaced by another": lambda store, other: (another_list(store, other), other.replace(file_of(store))),
    "replaced by an empty file": lambda store, other: (other.write_bytes(b""), other.replace(file_of(store))),
    "replaced by a copy": lambda store, other: (
        other.write_bytes(file_of(store).read_bytes()),
        other.replace(file_of(store)),
    ),
    "overwritten with another": lambda store, other: overwrite(file_of(store), another_list(store, other)),
    "emptied": lambda store, _: os.truncate(file_of(store), 0),
    "cut short": lambda store, _: os.truncate(file_of(store), 8192),
    "overwritten with something else": lambda store, _: overwrite(
        file_of(store), b"not a database\n" * (file_of(store).stat().st_size // 8)
    ),
}


def remove_all(path: Path) -> None:
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()


def overwrite(path: Path, content: bytes) -> None:
    """As `cp` does: the file stays the one it is, and gets another content."""
    # In another process: one that opens and closes the file itself would take SQLite's locks away.
    child = os.fork()
    if child == 0:
        path.write_bytes(content)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.wide_but_first
@SQLITE
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("connections", [1, 3])
def test_nothing_is_acknowledged_that_a_restart_does_not_find(
    served: Store, reports: list[str], account: Account, by_admin: Origin, tmp_path: Path, fate: str, connections: int
) -> None:
    """
    Whatever becomes of the file of a running desk: it is not ready, refuses in words, and has a cause that names the file.

    What it opted out all the same is in the file that a restart finds.
    """
    url = served.database.url.render_as_string()
    held = [served.database.engine.connect() for _ in range(connections)]
    for connection in held:
        connection.execute(sa.text("SELECT count(*) FROM opt_outs"))
        connection.close()
    FATES[fate](served, tmp_path.parent / f"{tmp_path.name} elsewhere")
    acknowledged, refused = [], []
    for phone in PHONES[1:]:
        try:
            served.optouts.add(account.id, [phone], by_admin)
            acknowledged.append(phone)
        except StoreUnavailable as error:
            refused.append(error)
    with pytest.raises(StoreUnavailable) as caught:
        served.database.check()
    for refusal in (*refused, caught.value):
        assert refusal.kind in {Outage.REPLACED, Outage.DAMAGED}
        assert "nothing was changed" in str(refusal)
        assert str(file_of(served).parent) not in str(refusal)
        assert str(file_of(served)) in refusal.cause
    assert reports, "an operator is told"
    assert set(acknowledged) <= set(opted_out_after_a_restart(url, account))


# Full, read-only, in use


@contextmanager
def no_more_pages(store: Store) -> Iterator[None]:
    """The file may grow no further, as on a full disk; over all connections, by SQLite's own limit."""
    limits: list[sqlite3.Connection] = []

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        limits.append(connection)
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    store.database.engine.dispose()
    sa.event.listen(store.database.engine, "connect", limit)
    yield
    sa.event.remove(store.database.engine, "connect", limit)
    store.database.engine.dispose()


@contextmanager
def no_larger_files(store: Store) -> Iterator[None]:
    """The system lets no file grow, as a quota or a limit of the service does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_of(store).stat().st_size // 4, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def only_read(store: Store) -> Iterator[None]:
    """Nobody may write it any more, as after its file system was remounted."""

    def forbid(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA query_only = ON")

    store.database.engine.dispose()
    sa.event.listen(store.database.engine, "connect", forbid)
    yield
    sa.event.remove(store.database.engine, "connect", forbid)
    store.database.engine.dispose()


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Another process keeps it locked for longer than the desk waits."""
    with closing(sqlite3.connect(file_of(store), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.wide_but_first
@SQLITE
@pytest.mark.parametrize(
    ("trouble", "kinds", "words"),
    [
        (no_more_pages, {Outage.FULL}, "no room left"),
        (no_larger_files, {Outage.FULL, Outage.DISK}, "no room left|errors on reading or writing"),
        (only_read, {Outage.READ_ONLY}, "cannot be written"),
        (locked, {Outage.BUSY}, "is locked by another process"),
    ],
)
def test_a_file_that_cannot_be_written_is_not_ready(
    database_url: str,
    by_admin: Origin,
    trouble: Callable[[Store], AbstractContextManager[None]],
    kinds: set[Outage],
    words: str,
) -> None:
    """It is refused in words and is not ready, which its cause explains; what was there can be read; then all is well."""
    store = Store.open(database_url, busy_seconds=0.1)
    account = store.accounts.get_or_create("T0DESK", "Desk")
    store.database.identify()
    many = [f"+1212{n:07}" for n in range(2_000)]
    reported: list[str | None] = []
    store.database.report = lambda error: reported.append(None if error is None else error.kind)
    store.database.check()
    with trouble(store):
        with pytest.raises(StoreUnavailable, match="nothing was changed") as caught:
            store.optouts.add(account.id, many, by_admin)
        assert caught.value.kind in kinds
        with pytest.raises(StoreUnavailable) as caught:
            store.database.check()
        assert caught.value.kind in kinds
        assert re.search(words, caught.value.cause)
        assert not store.optouts.find(account.id, many[0]).opted_out
    store.database.check()
    assert store.optouts.add(account.id, many, by_admin)[0].newly
    assert (reported[0], reported[-1]) == (caught.value.kind, None)
    store.close()


# PostgreSQL


def on_the_server(url: sa.URL, *statements: str) -> None:
    where = url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(where, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@POSTGRESQL
@pytest.mark.parametrize("template", ["an empty list", "nothing at all"])
def test_a_database_that_was_made_anew_is_noticed(
    served: Store,
    reports: list[str],
    account: Account,
    by_admin: Origin,
    postgres_databases: Databases,
    template: str,
) -> None:
    """Dropped and made again under a running desk, as after a failover to an empty one: nothing is taken on there."""
    url = served.database.url
    copied = postgres_databases.template if template == "an empty list" else "template1"
    on_the_server(
        url,
        f'DROP DATABASE "{url.database}" WITH (FORCE)',
        f'CREATE DATABASE "{url.database}" TEMPLATE "{copied}"',
    )
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="not the one it was") as caught:
            served.optouts.add(account.id, PHONES[1:2], by_admin)
        assert "nothing was changed" in str(caught.value)
    with pytest.raises(StoreUnavailable):
        served.database.check()
    assert reports[-1] == Outage.REPLACED


@POSTGRESQL
def test_a_standby_can_only_be_read(served: Store, account: Account, by_admin: Origin, database_url: str) -> None:
    """A server that takes no writes says so to whoever asks, and nothing is discarded for it: it may be over soon."""
    standby = Store.open(f"{database_url}&options=-c%20default_transaction_read_only%3Don")
    with pytest.raises(StoreUnavailable, match="cannot be written at the moment") as caught:
        standby.optouts.add(account.id, PHONES[1:2], by_admin)
    assert "is a standby" in caught.value.cause
    assert standby.optouts.find(account.id, PHONES[0]).opted_out
    standby.close()
    served.database.check()


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"database": "nowhere"}, Outage.NO_DATABASE, "no database of that name"),
        ({"username": "nobody-here"}, Outage.LOGIN, "refuses the user or the password"),
        ({"host": "127.0.0.1", "port": 1, "query": {}}, Outage.REFUSED, "does not take connections"),
        ({"host": "nowhere.invalid", "query": {}}, Outage.UNKNOWN_HOST, "host name that nobody knows"),
    ],
)
def test_a_server_that_cannot_be_reached_is_named_with_its_reason(
    postgres_server: sa.URL, change: dict[str, object], kind: Outage, words: str
) -> None:
    """The cause says what to put right, and shows no password."""
    url = postgres_server.set(drivername="postgresql+psycopg", password="hidden").set(**change)  # type: ignore[arg-type]  # its parts
    store = Store.open(url.render_as_string(hide_password=False))
    with pytest.raises(StoreUnavailable) as caught:
        store.accounts.find("T0DESK")
    assert (caught.value.kind, words in caught.value.cause) == (kind, True), caught.value.cause
    assert "hidden" not in f"{caught.value} {caught.value.cause}"
    store.close()


def test_what_the_operator_says_of_the_connection_counts() -> None:
    """Timers of the desk's own are for a URL that has none; what it asks of the server is no option, which poolers refuse."""
    given = "postgresql+psycopg://desk@db/desk?connect_timeout=30&keepalives_idle=99&options=-csearch_path%3Dlists"
    dialect = dialect_of(sa.make_url(given))
    assert isinstance(dialect, Postgresql)
    parameters = dialect.connection_parameters(5.0)
    assert not {"connect_timeout", "keepalives_idle"} & set(parameters)
    assert parameters["tcp_user_timeout"] == 20_000
    assert "options" not in parameters


# Whose files they are


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o377])
def test_the_files_are_their_owners_alone(tmp_path: Path, umask: int) -> None:
    """The database and SQLite's files beside it, from the moment in which they are made, whatever the umask."""
    before = os.umask(umask)
    try:
        store = Store.open(f"sqlite:///{tmp_path / 'new.db'}")
        store.database.migrate()
        store.accounts.get_or_create("T0DESK", "Desk")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("new.db", "new.db-wal", "new.db-shm"), 0o600)
    store.close()


def test_a_file_is_made_by_migrating_alone(tmp_path: Path) -> None:
    """Whoever only looks, or works on a list that was there, makes no empty one in its place."""
    store = Store.open(f"sqlite:///{tmp_path / 'desk.db'}")
    with pytest.raises(StoreUnavailable, match="is not there"):
        store.accounts.find("T0DESK")
    assert store.database.revision() is None
    assert list(tmp_path.iterdir()) == []
    store.close()


# Several servers


@pytest.mark.parametrize(
    ("text", "hosts", "ports"),
    [
        ("postgresql+psycopg://u:p@a:5432,b:5433/desk?target_session_attrs=read-write", "a,b", "5432,5433"),
        ("postgresql+psycopg://u:p%2C%40@a,b:5433/desk", "a,b", "5432,5433"),
        ("postgresql+psycopg://[::1]:6000,[fe80::1]/desk", "::1,fe80::1", "6000,5432"),
    ],
)
def test_several_servers_are_named_as_libpq_names_them(text: str, hosts: str, ports: str) -> None:
    """The hosts and ports come to libpq in their order, with what else the URL says."""
    url = parsed_url(text)
    _, given = sa.create_engine(url).dialect.create_connect_args(url)
    assert (given["host"], str(given["port"]), given["dbname"]) == (hosts, ports, "desk")
    assert parsed_url(url.render_as_string(hide_password=False)) == url
    assert dialect_of(url).where == f"PostgreSQL at {hosts}"


def test_a_port_that_is_none_is_no_url() -> None:
    """It is refused before anything is connected to."""
    with pytest.raises(ValueError, match="port"):
        parsed_url("postgresql://a:5432,b:x/desk")
