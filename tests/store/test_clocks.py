"""Clocks that are wrong: of one replica on PostgreSQL, which does not matter, and of the machine, set back, on SQLite."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from store import Account, Actor, Deadlines, ExportFilter, Origin, Retention, Store
from store.models import Moment, digests, exports, inbox, metadata, outbox, uploads
from store.records import AccountSettings
from tests.entries import latest_entries

HOUR = timedelta(hours=1)
LEASED = {"uploads": uploads, "exports": exports, "inbox": inbox, "outbox": outbox, "digests": digests}


@pytest.fixture
def other(database_url: str) -> Iterator[Store]:
    """Another replica."""
    store = Store.open(database_url)
    yield store
    store.close()


def receive(store: Store, account: Account, file: str = "F1") -> None:
    store.uploads.receive(
        account.id,
        file_id=file,
        file_name="stops.csv",
        channel_id="C1",
        channel_name=None,
        thread_ts=None,
        permalink=None,
        actor=Actor("U1", "ann"),
        country=None,
    )


@pytest.fixture
def work(store: Store, account: Account, by_admin: Origin) -> dict[str, Callable[[Store, float], object]]:
    """A row of each leased table that is there to be claimed, and how it is claimed, for so many seconds."""
    receive(store, account)
    store.exports.ask(account.id, by_admin, ExportFilter())
    store.inbox.keep(account.id, "Ev1", "app_mention", "C1", {}, lease_seconds=0)
    store.outbox.keep(account.id, "command 1", {}, lease_seconds=0)
    store.accounts.change(account.id, by_admin, settings=AccountSettings(digest_channel="C1"))
    at = datetime.now(UTC)
    return {
        "uploads": lambda by, seconds: by.uploads.claim("somebody", lease_seconds=seconds),
        "exports": lambda by, seconds: by.exports.claim("somebody", lease_seconds=seconds),
        "inbox": lambda by, seconds: by.inbox.claim("somebody", lease_seconds=seconds),
        "outbox": lambda by, seconds: by.outbox.claim("somebody", lease_seconds=seconds),
        "digests": lambda by, seconds: by.digests.claim(at, owner="somebody", lease_seconds=seconds),
    }


def shift(store: Store, by: timedelta) -> None:
    """Move every moment there is: what a clock that is set by as much the other way leaves behind."""
    with store.database.write() as connection:
        for table in metadata.sorted_tables:
            moments = [one for one in table.columns if isinstance(one.type, Moment) and not one.primary_key]
            for row in connection.execute(sa.select(table)).mappings().all():
                moved: dict[str, Any] = {
                    column.name: row[column.name] + by for column in moments if row[column.name] is not None
                }
                if moved:
                    this = (key == row[key.name] for key in table.primary_key)
                    connection.execute(sa.update(table).where(*this).values(moved))


@pytest.mark.wide_but_first
@pytest.mark.parametrize("table", LEASED)
@pytest.mark.parametrize("away", [HOUR, timedelta(minutes=13), timedelta(days=400)])
def test_a_clock_that_is_set_back_holds_nothing_up(
    store: Store,
    other: Store,
    work: dict[str, Callable[[Store, float], object]],
    table: str,
    away: timedelta,
) -> None:
    """What was leased, or given back for a while, before the clock was set back is claimed at once, however far it was."""
    assert work[table](store, 10) is not None
    assert work[table](other, 10) is None, "it is held"
    shift(store, away)
    assert work[table](other, 10) is not None
    assert work[table](store, 10) is None


def test_what_waits_for_a_while_waits_no_longer(store: Store, other: Store, account: Account) -> None:
    """An event and an answer that were given back for a minute wait for it, and not for an hour more."""
    event = store.inbox.keep(account.id, "Ev1", "app_mention", "C1", {})
    message = store.outbox.keep(account.id, "command 1", {})
    assert event is not None
    assert message is not None
    store.inbox.postpone(event, seconds=60)
    store.outbox.postpone(message, seconds=60)
    assert other.inbox.claim("another", lease_seconds=10) is None
    assert other.outbox.claim("another", lease_seconds=10) is None
    shift(store, HOUR)
    assert other.inbox.claim("another", lease_seconds=10) is not None
    assert other.outbox.claim("another", lease_seconds=10) is not None


@pytest.fixture(params=[HOUR, -HOUR], ids=["ahead", "behind"])
def wrong_clock(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """The clock of this process is an hour off, wherever the store could ask it."""
    by: timedelta = request.param

    class Off(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Off":
            return cls.fromtimestamp(datetime.now(tz).timestamp() + by.total_seconds(), tz)

    for name, module in list(sys.modules.items()):
        if name.startswith("store.") and getattr(module, "datetime", None) is datetime:
            monkeypatch.setattr(module, "datetime", Off)
    return by


@pytest.mark.wide_but_first
@pytest.mark.usefixtures("wrong_clock")
@pytest.mark.parametrize("table", LEASED)
def test_a_lease_holds_whatever_a_replica_takes_the_time_for(
    store: Store, other: Store, work: dict[str, Callable[[Store, float], object]], table: str
) -> None:
    """On a replica whose clock is an hour off a lease is claimed, holds and ends as on any other: the database's counts."""
    assert work[table](store, 10) is not None
    assert work[table](other, 10) is None
    shift(store, -timedelta(seconds=11))
    assert work[table](other, 10) is not None


@pytest.mark.usefixtures("wrong_clock")
def test_moments_are_the_databases(store: Store, account: Account, by_admin: Origin) -> None:
    """What a replica with a wrong clock writes down has the time that it was, and nothing is forgotten too soon."""
    before = store.now()
    store.optouts.add(account.id, ["+12125550100"], by_admin)
    [entry] = latest_entries(store, account.id, 1)
    assert before <= entry.at <= store.now()
    event = store.inbox.keep(account.id, "Ev1", "app_mention", "C1", {"event": {"text": "words"}})
    assert event is not None
    store.inbox.done(event)
    retention = Retention(
        store.database, payloads=timedelta(minutes=15), names=timedelta(days=1), deadlines=Deadlines(HOUR, HOUR, HOUR)
    )
    assert retention.prune().total == 0
    assert store.inbox.recent(account.id, "app_mention", "C1", timedelta(minutes=5))
