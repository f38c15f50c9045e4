"""The store behind PgBouncer: servers that are named together, and limits that end with their transaction."""

import pytest
import sqlalchemy as sa

from store import Actor, Function, Origin, Store, StoreUnavailable

pytestmark = pytest.mark.wide


@pytest.mark.parametrize("database_url", ["pgbouncer"], indirect=True)
def test_of_two_servers_the_one_that_is_there_is_used(database_url: str) -> None:
    """One that is down is passed over, on each new connection."""
    url = sa.make_url(database_url)
    there = f"{url.host}:{url.port}"
    several = database_url.replace(there, f"127.0.0.1:1,{there}")
    store = Store.open(f"{several}?target_session_attrs=read-write")
    assert store.accounts.get_or_create("T0DESK", "Desk").id == 1
    store.close()


@pytest.mark.parametrize("database_url", ["pgbouncer"], indirect=True)
def test_the_limits_of_a_transaction_hold_behind_a_pooler_and_end_with_it(database_url: str) -> None:
    """A lock is waited for as long as the desk's own limit says, whichever connection the pooler gives; none is left behind."""
    store, other = Store.open(database_url, busy_seconds=0.2), Store.open(database_url)
    account = other.accounts.get_or_create("T0DESK", "Desk")
    with other.database.write() as connection:
        other.database.lock_account(connection, account.id)
        with pytest.raises(StoreUnavailable) as caught:
            store.optouts.add(account.id, ["+12125550100"], Origin(Function.COMMAND, Actor("U1", "ann")))
        assert caught.value.kind == "busy"
    with store.database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.autocommit = True
        assert driver.execute("SHOW lock_timeout").fetchone() == ("0",)
        driver.autocommit = False
    store.close()
    other.close()
