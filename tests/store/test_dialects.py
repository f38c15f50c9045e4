"""What SQLite and PostgreSQL disagree on, asked of both."""

import sqlite3
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from store import Account, Store, StoreError, StoreRefused, StoreUnavailable
from store.dialects import dialect_of
from store.models import accounts, campaigns, opt_outs

PHONES = [f"+1212555{n:04}" for n in range(10)]
# More than either database takes as parameters of one statement.
MANY = [f"+1212{n:07}" for n in range(70_000)]


@pytest.fixture
def hasty(database_url: str) -> Iterator[Store]:
    """A second store on the same database, which does not wait for locks."""
    store = Store.open(database_url, busy_seconds=0.1)
    yield store
    store.close()


def opt_out(store: Store, account: Account, phones: list[str], entry: int = 1) -> None:
    """Insert a row of `opt_outs` for each of *phones*, whose line is its place."""
    with store.database.write() as connection:
        rows = [(account.id, phone, entry, line) for line, phone in enumerate(phones)]
        store.database.insert_rows(connection, opt_outs, ("account_id", "phone", "entry_id", "line"), rows)


def lines(store: Store) -> list[tuple[str, int | None]]:
    """Each phone of `opt_outs` with its line, in order."""
    with store.database.read() as connection:
        query = sa.select(opt_outs.c.phone, opt_outs.c.line).order_by(opt_outs.c.phone, opt_outs.c.entry_id)
        return [(row.phone, row.line) for row in connection.execute(query)]


# Where it is


def test_a_sqlite_file_is_looked_for_without_being_made(tmp_path: Path) -> None:
    """A file that is not there can be made in a directory that is; looking leaves everything as it was."""
    file = tmp_path / "odd name.db"
    there = dialect_of(sa.make_url(f"sqlite:///{file}"))
    assert (there.exists(), there.can_be_made(), there.upgrades_at_start) == (False, True, True)
    assert there.where == f"the SQLite file {file}"
    assert list(tmp_path.iterdir()) == []
    file.touch()
    assert there.exists()
    lost = dialect_of(sa.make_url(f"sqlite:///{tmp_path}/no/desk.db"))
    assert (lost.exists(), lost.can_be_made()) == (False, False)


def test_a_link_that_leads_to_no_file_yet_is_followed(tmp_path: Path) -> None:
    """As of a disk that was just put in: the file is made where the link says, its owner's alone, or cannot be."""
    link, file = tmp_path / "desk.db", tmp_path / "disk" / "list.db"
    link.symlink_to(file)
    store = Store.open(f"sqlite:///{link}")
    assert (store.database.dialect.exists(), store.database.dialect.can_be_made()) == (False, False)
    file.parent.mkdir()
    assert store.database.dialect.can_be_made()
    store.database.migrate()
    store.database.require_head()
    store.close()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """Whatever is asked of it: it has tables, and none is the desk's."""
    file = tmp_path / "music.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    store = Store.open(f"sqlite:///{file}")
    for ask in (store.database.migrate, store.database.revision, store.database.require_head):
        with pytest.raises(StoreError, match=rf"^The SQLite file {file} is another program's: .* See DATABASE_URL\.$"):
            ask()
    store.close()
    with closing(sqlite3.connect(file)) as connection:
        assert [name for (name,) in connection.execute("SELECT name FROM sqlite_master")] == ["songs"]


def test_a_file_that_litestream_saw_first_is_the_desks(tmp_path: Path) -> None:
    """Litestream, beside the desk, may find the empty file before the tables are in it, and makes two of its own there."""
    file = tmp_path / "desk.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
        connection.execute("CREATE TABLE _litestream_lock (id INTEGER)")
    store = Store.open(f"sqlite:///{file}")
    assert store.database.revision() is None
    store.database.migrate()
    store.database.require_head()
    store.close()


def test_a_sqlite_uri_names_its_file(tmp_path: Path) -> None:
    """A URI, with which a file can be opened to read only, is looked for under the path in it."""
    there = dialect_of(sa.make_url(f"sqlite:///file:{tmp_path}/a%2520desk.db?mode=ro&uri=true"))
    assert (there.exists(), there.can_be_made()) == (False, True)
    (tmp_path / "a desk.db").touch()
    assert there.exists()


def test_a_postgresql_is_named_by_its_host() -> None:
    """Whether it is there only the server can say; it is never made, nor upgraded at start. No password is shown."""
    there = dialect_of(sa.make_url("postgresql+psycopg://desk:hidden@db.example.com/desk"))
    assert (there.exists(), there.can_be_made(), there.upgrades_at_start) == (True, False, False)
    assert there.where == "PostgreSQL at db.example.com"
    assert dialect_of(sa.make_url("postgresql+psycopg:///desk")).where == "PostgreSQL at its local socket"


def test_another_kind_of_database_is_refused_with_what_is_possible() -> None:
    """The sentence names both kinds and the one that was asked for, and shows no password."""
    with pytest.raises(
        StoreError, match=r"SQLite file \(sqlite:///FILE\) or in PostgreSQL .*, not in mysql\."
    ) as caught:
        Store.open("mysql://desk:hidden@db.example.com/desk")
    assert "hidden" not in str(caught.value)


# Locks


def test_an_account_has_one_writer(store: Store, account: Account, hasty: Store) -> None:
    """A second one is told that the database is busy while the first has not ended; who reads never waits."""
    with store.database.write() as connection:
        store.database.lock_account(connection, account.id)
        with (
            pytest.raises(StoreUnavailable, match="busy with something else") as caught,
            hasty.database.write() as second,
        ):
            hasty.database.lock_account(second, account.id)
        assert hasty.accounts.get(account.id) == account
    assert isinstance(caught.value.__cause__, sa.exc.DBAPIError)
    assert store.database.dialect.is_busy(caught.value.__cause__.orig)
    with hasty.database.write() as second:
        hasty.database.lock_account(second, account.id)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_another_account_has_its_own_writer(store: Store, account: Account, hasty: Store) -> None:
    """On PostgreSQL the writers of two accounts do not wait for each other."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    with store.database.write() as connection, hasty.database.write() as second:
        store.database.lock_account(connection, account.id)
        hasty.database.lock_account(second, other.id)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_deadlock_is_somebody_else_at_work(store: Store, account: Account) -> None:
    """Of two writers who wait for each other one goes on, and the other is told that the database is busy."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    lock = store.database.lock_account

    def both(first: sa.Connection, second: sa.Connection, pool: ThreadPoolExecutor) -> None:
        lock(first, account.id)
        lock(second, other.id)
        waiting = pool.submit(lock, first, other.id)
        try:
            lock(second, account.id)
        finally:
            second.rollback()
            waiting.result()

    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(StoreUnavailable, match="busy with something else"),
        store.database.write() as first,
        store.database.write() as second,
    ):
        both(first, second, pool)


def test_another_error_is_not_a_lock(store: Store) -> None:
    """What the database says of a statement that cannot be is nobody's lock, whatever words the statement holds."""
    with store.database.engine.connect() as connection, pytest.raises(sa.exc.DBAPIError) as caught:
        connection.exec_driver_sql("SELECT locked, busy FROM nowhere")
    assert not store.database.dialect.is_busy(caught.value.orig)
    assert not store.database.dialect.is_busy(None)


def test_one_replica_migrates_at_a_time(store: Store, hasty: Store) -> None:
    """While a migration has not ended another one does not begin."""
    with store.database.write() as connection:
        store.database.dialect.lock_migrations(connection)
        with pytest.raises(StoreUnavailable, match="busy with something else"):
            hasty.database.migrate()
    hasty.database.migrate()


def test_rows_that_another_replica_takes_are_skipped(store: Store, account: Account, hasty: Store) -> None:
    """A row comes once: while its transaction lasts, another gets the next, or on SQLite waits for its turn."""
    opt_out(store, account, PHONES[:2])
    query = store.database.skip_locked(sa.select(opt_outs.c.phone).order_by(opt_outs.c.phone).limit(1))
    with store.database.write() as connection:
        assert connection.execute(query).scalar_one() == PHONES[0]
        try:
            with hasty.database.write() as second:
                assert second.execute(query).scalar_one() == PHONES[1]
        except StoreUnavailable:
            assert connection.dialect.name == "sqlite"


# Rows


def test_an_insert_says_what_a_conflict_means(store: Store, account: Account) -> None:
    """A row that is there already can be left alone or changed, in one statement."""
    row = {"account_id": account.id, "phone": PHONES[0], "entry_id": 1}
    with store.database.write() as connection:
        insert = store.database.insert(opt_outs)
        kept = insert.values(**row, line=2).on_conflict_do_nothing()
        changed = insert.values(**row, line=3).on_conflict_do_update(
            index_elements=list(opt_outs.primary_key), set_={"line": insert.excluded.line}
        )
        connection.execute(kept)
        connection.execute(kept.values(line=9))
        assert connection.execute(sa.select(opt_outs.c.line)).scalar_one() == 2
        connection.execute(changed)
    assert lines(store) == [(PHONES[0], 3)]


def test_phones_are_looked_up_however_many_there_are(store: Store, account: Account) -> None:
    """The number of phones is not limited by that of parameters; of no phones there is none."""
    opt_out(store, account, ["+12120000007", "+12120069999", "+12129999999"])
    with store.database.read() as connection:
        for phones, expected in ((MANY, ["+12120000007", "+12120069999"]), ([], []), (PHONES, [])):
            query = sa.select(opt_outs.c.phone).where(store.database.among(opt_outs.c.phone, phones))
            assert sorted(connection.execute(query).scalars()) == expected


def test_phones_are_inserted_with_their_lines(store: Store, account: Account) -> None:
    """Each phone is a row with its line and what is the same for all; one that is there already is an error."""
    same = {"account_id": account.id, "entry_id": 7}
    with store.database.write() as connection:
        store.database.insert_phones(connection, opt_outs, same, {})
        store.database.insert_phones(connection, opt_outs, same, {phone: n for n, phone in enumerate(PHONES)})
    assert lines(store) == [(phone, n) for n, phone in enumerate(PHONES)]
    with pytest.raises(StoreRefused, match="rules of the list"), store.database.write() as connection:
        store.database.insert_phones(connection, opt_outs, same, {"+12120000001": 1, PHONES[3]: 2})
    assert len(lines(store)) == len(PHONES)


def test_rows_are_inserted_as_they_are(store: Store, account: Account) -> None:
    """Whatever a text holds arrives as it was; no rows are none; a conflict is an error that leaves nothing."""
    names = ["plain", "tab\tand\nline", 'quote " \\N \\.', "{brace}", "", "ünïcode 🗳"]
    columns = ("account_id", "id", "name", "active")
    with store.database.write() as connection:
        store.database.insert_rows(connection, campaigns, columns, [])
        rows = [(account.id, str(n), name, True) for n, name in enumerate(names)]
        store.database.insert_rows(connection, campaigns, columns, rows)
        assert list(connection.execute(sa.select(campaigns.c.name).order_by(campaigns.c.id)).scalars()) == names
    again = [(account.id, "new", "new", True), (account.id, "0", "again", True)]
    with pytest.raises(StoreRefused, match="rules of the list"), store.database.write() as connection:
        store.database.insert_rows(connection, campaigns, columns, again)
    with store.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(campaigns)).scalar_one() == len(names)


# Bounded work


def test_some_rows_are_deleted_at_a_time(store: Store, account: Account) -> None:
    """Never more than the limit, only where the condition holds, and how many is said, to the last round's none."""
    opt_out(store, account, PHONES)
    deleted = []
    for _ in range(4):
        with store.database.write() as connection:
            deleted.append(store.database.delete_some(connection, opt_outs, opt_outs.c.line < 7, 3))
    assert deleted == [3, 3, 1, 0]
    assert lines(store) == [(phone, n) for n, phone in enumerate(PHONES) if n >= 7]


def test_a_column_of_some_rows_is_blanked_at_a_time(store: Store, account: Account) -> None:
    """As with deleting: the limit and the condition hold, the other columns stay, and how many it were is said."""
    opt_out(store, account, PHONES)
    filled = opt_outs.c.line.is_not(None) & (opt_outs.c.phone < PHONES[7])
    updated = []
    for _ in range(4):
        with store.database.write() as connection:
            updated.append(store.database.update_some(connection, opt_outs, filled, 3, {"line": None}))
    assert updated == [3, 3, 1, 0]
    assert lines(store) == [(phone, n if n >= 7 else None) for n, phone in enumerate(PHONES)]


def test_a_condition_may_ask_another_table_and_the_same_one(store: Store, account: Account) -> None:
    """Subqueries of the condition are about the row in question."""
    opt_out(store, account, PHONES)
    opt_out(store, account, PHONES[:4], entry=2)
    older = opt_outs.alias("older")
    repeated = sa.exists().where(older.c.phone == opt_outs.c.phone, older.c.entry_id < opt_outs.c.entry_id)
    known = sa.exists().where(accounts.c.id == opt_outs.c.account_id, accounts.c.slack_id == account.slack_id)
    with store.database.write() as connection:
        assert store.database.update_some(connection, opt_outs, repeated & ~known, 9, {"line": None}) == 0
        assert store.database.update_some(connection, opt_outs, repeated & known, 9, {"line": 99}) == 4
        assert store.database.delete_some(connection, opt_outs, repeated & known, 3) == 3
        assert store.database.delete_some(connection, opt_outs, repeated & known, 3) == 1
    assert lines(store) == [(phone, n) for n, phone in enumerate(PHONES)]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_rows_in_use_are_left_for_another_round(store: Store, account: Account, hasty: Store) -> None:
    """On PostgreSQL two replicas delete side by side: neither waits for, nor counts, what the other deletes."""
    opt_out(store, account, PHONES)
    everything = opt_outs.c.account_id == account.id
    with store.database.write() as connection:
        assert store.database.delete_some(connection, opt_outs, everything, 4) == 4
        with hasty.database.write() as second:
            assert hasty.database.delete_some(second, opt_outs, everything, 100) == 6
    assert lines(store) == []


def test_deleting_some_reads_no_whole_table(store: Store, account: Account) -> None:
    """With a condition that an index serves, the rows are found and then deleted through indexes."""
    opt_out(store, account, MANY)
    statements: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    first = (opt_outs.c.account_id == account.id) & (opt_outs.c.phone < MANY[500])
    with store.database.write() as connection:
        connection.exec_driver_sql("ANALYZE")
        sa.event.listen(connection, "before_cursor_execute", note)
        assert store.database.delete_some(connection, opt_outs, first, 100) == 100
        sa.event.remove(connection, "before_cursor_execute", note)
        ((statement, parameters),) = statements
        explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN "
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement, parameters))
    assert "Seq Scan on opt_outs" not in plan
    assert "SCAN opt_outs" not in plan
    assert "opt_outs" in plan


def test_a_connection_in_use_when_the_store_is_closed_is_closed_too(database_url: str) -> None:
    """A thread that still asks has its answer, and then nothing of its connection is left."""
    store = Store.open(database_url)
    with store.database.read() as connection:
        driver = connection.connection.driver_connection
        store.close()
    assert driver is not None
    with pytest.raises(store.database.engine.dialect.loaded_dbapi.Error, match="closed"):
        driver.execute("SELECT 1")


# Connections that the pool keeps


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_connection_that_ended_meanwhile_is_replaced(store: Store, account: Account, hasty: Store) -> None:
    """As after a restart of the server: the next look, and the next transaction, are answered over a new one."""
    asks: list[Callable[[], Any]] = [
        lambda: hasty.optouts.check(account.id, PHONES).opted_out,
        lambda: hasty.accounts.get(account.id),
    ]
    for ask in asks:
        before = ask()
        with store.database.write() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        assert ask() == before


def test_a_look_sees_what_was_committed_before_it(store: Store, account: Account, hasty: Store) -> None:
    """It is a transaction by itself: nothing of one look is left for the next, on the same connection."""
    query = sa.select(accounts.c.name).where(accounts.c.id == sa.bindparam("account"))
    for name in ("Harbor", "Harbour"):
        with store.database.write() as connection:
            connection.execute(sa.update(accounts).values(name=name))
        assert [tuple(row) for row in hasty.database.look(query, {"account": account.id})] == [(name,)]
