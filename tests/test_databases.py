"""The databases of tests: what one test leaves behind, no other finds."""

from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from store import Actor, Function, Origin, Store
from tests.databases import Databases

BY = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))


def _store(server: sa.URL, name: str) -> Store:
    return Store.open(server.set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False))


def _connected(server: sa.URL, name: str) -> psycopg.Connection[Any]:
    url = server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    return psycopg.connect(url, autocommit=True)


def test_a_database_comes_back_empty(postgres_server: sa.URL, postgres_databases: Databases) -> None:
    """Under another name, with no row, and numbers begin anew; whoever had it open no longer has."""
    before = postgres_databases.take()
    store = _store(postgres_server, before)
    account = store.accounts.get_or_create("T0DESK", "Desk")
    store.optouts.add(account.id, ["+12125550100"], BY)
    store.close()
    with _connected(postgres_server, before) as left_open:
        postgres_databases.give_back(before)
        with pytest.raises(psycopg.OperationalError):
            left_open.execute("SELECT 1")
    after = postgres_databases.take()
    assert after != before
    store = _store(postgres_server, after)
    assert store.accounts.get_or_create("T0OTHER", "Other").id == account.id
    assert not store.optouts.find(account.id, "+12125550100").standing
    store.close()
    postgres_databases.give_back(after)


def test_numbers_begin_anew_where_a_next_one_was_set(postgres_server: sa.URL, postgres_databases: Databases) -> None:
    """As a restore sets it: to a number that nobody took."""
    name = postgres_databases.take()
    with _connected(postgres_server, name) as connection:
        connection.execute("SELECT setval(pg_get_serial_sequence('accounts', 'id'), 3, false)")
    postgres_databases.give_back(name)
    after = postgres_databases.take()
    store = _store(postgres_server, after)
    assert store.accounts.get_or_create("T0DESK", "Desk").id == 1
    store.close()
    postgres_databases.give_back(after)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE accounts ADD COLUMN more text",
        "CREATE INDEX more ON accounts (name)",
        "UPDATE alembic_version SET version_num = '0001'",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 5', current_database()); END $$",
    ],
)
def test_a_database_that_was_changed_goes_to_nobody(
    postgres_server: sa.URL, postgres_databases: Databases, change: str
) -> None:
    """A column more, a setting, another revision: whatever is not a row of the desk's."""
    name = postgres_databases.take()
    with _connected(postgres_server, name) as connection:
        connection.execute(change.encode())
    free = postgres_databases.free
    postgres_databases.give_back(name)
    assert postgres_databases.free == free
