"""A standby of PostgreSQL as the platform asks it: it answers for the moment that it has reached, says which, and takes nothing."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from store import Account, Actor, Checked, Function, Origin, Store, StoreUnavailable
from store.changes import ChangeCursor
from tests.standby import Pair, replicated

ONE, TWO, THREE = "+12125550100", "+12125550101", "+447911123456"
BY = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"), reason="asked in writing")
pytestmark = pytest.mark.wide


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    with replicated() as pair:
        yield pair


def opened(url: sa.URL) -> Store:
    return Store.open(url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))


@pytest.fixture
def primary(pair: Pair) -> Iterator[Store]:
    store = opened(pair.primary)
    store.database.migrate()
    yield store
    store.close()


@pytest.fixture
def standby(pair: Pair) -> Iterator[Store]:
    store = opened(pair.standby)
    yield store
    store.close()


def told(store: Store, query: str, **given: Any) -> set[Any]:
    """The first column of what the platform's own SQL is answered."""
    with store.database.read() as connection:
        return set(connection.execute(sa.text(query), given).scalars())


def by_sql(store: Store, account: Account) -> tuple[set[str], set[str]]:
    """Who is opted out by the view, and who of three by `must_not_text`."""
    view = told(store, "SELECT phone FROM opted_out WHERE account = :account", account=account.slack_id)
    asked = {"account": account.slack_id, "phones": [ONE, TWO, THREE]}
    return view, told(store, "SELECT * FROM must_not_text(:account, CAST(:phones AS text[]))", **asked)


def reached(store: Store) -> datetime:
    """The moment that docs/platform.md says to ask a standby for."""
    [moment] = told(store, "SELECT pg_last_xact_replay_timestamp()")
    assert isinstance(moment, datetime)
    return moment


def test_a_standby_answers_for_the_moment_it_has_reached(pair: Pair, primary: Store, standby: Store) -> None:
    """By SQL and by the verbs that read; it says up to which change and moment, also while it stays behind, and then goes on."""
    account = primary.accounts.get_or_create("T0BEHIND", "Behind")
    primary.optouts.add(account.id, [ONE, TWO], BY)
    pair.catch_up()
    assert by_sql(standby, account) == ({ONE, TWO}, {ONE, TWO})
    pair.pause()
    before = reached(standby)
    primary.optouts.delete(account.id, ONE, BY)
    primary.optouts.add(account.id, [THREE], BY)
    assert by_sql(primary, account) == ({TWO, THREE}, {TWO, THREE})
    assert by_sql(standby, account) == ({ONE, TWO}, {ONE, TWO})
    assert reached(standby) == before < primary.now()
    checked = standby.optouts.check(account.id, [ONE, TWO, THREE])
    assert checked == Checked(1, frozenset({ONE, TWO}))
    assert standby.optouts.find(account.id, ONE).opted_out
    page = standby.changes.after(account.id, None)
    assert ({one.phone for one in page.phones}, page.as_of, page.more) == ({ONE, TWO}, 1, False)
    pair.resume()
    pair.catch_up()
    assert by_sql(standby, account) == by_sql(primary, account) == ({TWO, THREE}, {TWO, THREE})
    assert reached(standby) > before
    checked = standby.optouts.check(account.id, [ONE, TWO, THREE])
    assert checked == Checked(3, frozenset({TWO, THREE}))
    # A copy that was begun there is followed wherever.
    assert page.cursor == ChangeCursor(1)
    for store in (standby, primary):
        assert [(one.phone, one.opted_out) for one in store.changes.after(account.id, page.cursor).phones] == [
            (ONE, False),
            (THREE, True),
        ]


def test_a_standby_takes_nothing(pair: Pair, primary: Store, standby: Store) -> None:
    """A verb that would write says that the database can only be read, and the list stays as it is."""
    account = primary.accounts.get_or_create("T0READ", "Read")
    pair.catch_up()
    with pytest.raises(StoreUnavailable) as caught:
        standby.optouts.add(account.id, [ONE], BY)
    assert caught.value.kind == "read-only"
    pair.catch_up()
    assert by_sql(standby, account) == by_sql(primary, account) == (set(), set())
