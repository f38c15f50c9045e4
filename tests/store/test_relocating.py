"""The whole list goes from a SQLite file to PostgreSQL: every row of every table, once, or nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from store import Account, Actor, DestinationKind, Function, NewDestination, Origin, Scope, Store, StoreError, relocate
from store.models import metadata
from store.relocating import _OF_EACH
from tests.conftest import new_database
from tests.entries import opted_out
from tests.patience import PATIENCE
from tests.store.test_uploads import received
from tests.tables import drop_tables

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PHONES = [f"+1212555{number:04}" for number in range(100, 150)]
ODD = "tab\there, back\\slash, new\nline, \\N, 'quote' \"double\", ünïcode 🗳, NULL"


@pytest.fixture
def full(store: Store, account: Account, by_admin: Origin) -> Store:
    """A list with something of each kind of column: moments, JSON, bytes, booleans, words that COPY could misread, nothing."""
    store.optouts.add(account.id, PHONES, Origin(Function.COMMAND, Actor("U0ADMIN", ODD), "C1", ODD, reason=ODD))
    store.optouts.delete(account.id, PHONES[0], by_admin)
    store.campaigns.put(account.id, "c1", ODD, active=True)
    store.campaigns.put(account.id, "c2", "over", active=False)
    store.campaigns.put_conversation(account.id, "c1", "p1", PHONES[1])
    store.keys.make(account.id, "bridge", [Scope.CHECK], datetime(2027, 10, 1, 12, 30, 1, 5, tzinfo=UTC), by_admin)
    received(store, account)
    store.inbox.keep(account.id, "Ev1", "app_mention", "C1", {"event": {"text": ODD, "deep": [None, 1.5, True]}})
    store.outbox.keep(account.id, "event Ev1 0", {"key": ODD})
    wanted = NewDestination(DestinationKind.WEBHOOK, "Bridge", "C1", "https://example.org/hook")
    store.destinations.make(account.id, wanted, by_admin)
    new = store.sent_files.new(account.id)
    for number in range(20):
        new.add(bytes([number]) * 1000 + bytes(range(256)))
    other = store.accounts.get_or_create("T0OTHER", ODD, country="GB")
    store.optouts.add(other.id, PHONES[:2], by_admin)
    store.database.identify()
    store.database.engine.dispose()
    return store


@pytest.fixture
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty PostgreSQL database."""
    with new_database("postgresql", request, tmp_path) as url:
        store = Store.open(url)
        yield store
        store.close()


def rows_of(store: Store) -> dict[str, list[Any]]:
    """All rows of all tables that go, as the store reads them."""
    with store.database.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in metadata.sorted_tables
            if table not in _OF_EACH
        }


def is_empty(store: Store) -> bool:
    return not any(rows_of(store).values())


def test_every_row_of_every_table_goes(full: Store, target: Store, account: Account, by_admin: Origin) -> None:
    """Each as it was, whatever words are in it; the file stays, and the list goes on with the next ids."""
    before = rows_of(full)
    full.database.engine.dispose()
    moved = relocate(full.database, target.database)
    assert rows_of(target) == before == rows_of(full)
    assert moved.rows == {name: len(rows) for name, rows in before.items()}
    assert sum(map(bool, moved.rows.values())) > 10
    assert (moved.opted_out, moved.accounts) == (len(PHONES) - 1 + 2, 2)
    assert opted_out(target, account.id) == PHONES[1:]
    assert target.accounts.get_or_create("T0NEXT", "Next").id == 3
    assert target.optouts.add(account.id, ["+12125550999"], by_admin)
    with target.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM opted_out").scalar_one() == len(PHONES) + 2
        assert connection.exec_driver_sql("SELECT count(*) FROM file_pieces WHERE data IS NOT NULL").scalar_one() == 20


def test_a_database_without_tables_gets_them(full: Store, target: Store) -> None:
    """Whoever makes it need not run `migrate` first."""
    with target.database.write() as connection:
        drop_tables(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
    assert relocate(full.database, target.database).rows["opt_outs"] == len(PHONES) + 2
    target.database.require_head()


def test_what_has_a_list_already_is_refused(full: Store, target: Store) -> None:
    """One account is enough; nothing is added to it."""
    target.accounts.get_or_create("T0THERE", "There")
    before = rows_of(target)
    with pytest.raises(StoreError, match=r"^Nothing was moved: PostgreSQL at .* has a list already \(accounts\)\. "):
        relocate(full.database, target.database)
    assert rows_of(target) == before


def test_a_list_that_a_desk_has_open_stays(full: Store, target: Store, account: Account, database_url: str) -> None:
    """What it takes on meanwhile would be lost."""
    desk = Store.open(database_url)
    desk.database.identify()
    with pytest.raises(StoreError, match=r"A desk, or another program, has .* open"):
        relocate(full.database, target.database)
    assert is_empty(target)
    assert opted_out(desk, account.id) == PHONES[1:]
    desk.close()


def test_other_ways_are_refused(full: Store, target: Store, tmp_path: Path) -> None:
    """Back, from a file to a file, and from a file that is not there, which is not made."""
    nothing = Store.open(f"sqlite:///{tmp_path / 'nothing.db'}")
    for source, to, said in (
        (target, full, "from a SQLite file"),
        (full, full, "from a SQLite file"),
        (nothing, target, "there is no database at"),
    ):
        with pytest.raises(StoreError, match=f"^Nothing was moved: .*{said}"):
            relocate(source.database, to.database)
    assert not (tmp_path / "nothing.db").exists()


def test_tables_of_another_release_are_refused(full: Store, target: Store) -> None:
    """The way to this release's is the one that it always is."""
    with full.database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0019'")
    with pytest.raises(StoreError, match="Run `python -m bot migrate`"):
        relocate(full.database, target.database)
    assert is_empty(target)


def test_a_row_that_does_not_arrive_undoes_all(full: Store, target: Store) -> None:
    """Counts are compared table by table, before anything is committed."""
    with target.database.write() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER lose BEFORE INSERT ON opt_outs FOR EACH ROW WHEN (NEW.phone = '+12125550103') "
            "EXECUTE FUNCTION lose()"
        )
    with pytest.raises(StoreError, match=r"of the 52 rows of opt_outs 51 arrived"):
        relocate(full.database, target.database)
    assert is_empty(target)


def test_what_postgresql_does_not_take_undoes_all(full: Store, target: Store) -> None:
    """As a row that somebody wrote into the file by hand."""
    with full.database.write() as connection:
        connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        connection.exec_driver_sql("UPDATE conversations SET state = 'odd'")
    full.database.engine.dispose()
    with pytest.raises(StoreError, match=r"^Nothing was moved: PostgreSQL at .* does not take a row of the file"):
        relocate(full.database, target.database)
    assert is_empty(target)


@pytest.mark.wide
def test_killed_in_the_middle_nothing_is_there(full: Store, target: Store, database_url: str) -> None:
    """The new database is as empty as it was, the file whole, and the next attempt moves everything."""
    url = target.database.url.render_as_string(hide_password=False)
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    before = rows_of(full)
    full.database.engine.dispose()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # What is locked here is waited for there, behind tables that are full by then.
    with closing(psycopg.connect(plain)) as holder:
        holder.execute("LOCK TABLE file_pieces IN SHARE MODE")
        command = [sys.executable, "-m", "bot", "move", "--from", database_url, "--to", url]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        with closing(psycopg.connect(plain, autocommit=True)) as watcher:
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while process.poll() is None and watcher.execute(waits).fetchone() == (0,):
                pass
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    assert is_empty(target)
    assert rows_of(full) == before
    full.database.engine.dispose()
    relocate(full.database, target.database)
    assert rows_of(target) == before
