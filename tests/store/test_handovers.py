"""Handovers: open once, a handful an hour, decided once, told once; for whom it was done stays with the entry."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from store import Account, Actor, Errand, Function, HandoverState, LeaseLost, Origin, Retention, Store, WrongState
from store.handovers import MOST
from store.models import handovers
from tests.entries import latest_entries
from tests.store.test_retention import DAY, DEADLINES

GUEST, ADMIN = Actor("U1", "jules"), Actor("U2", "avery")
ERRAND = Errand("optout.add", "+12125550153")


def asked(store: Store, account: Account, errand: Errand = ERRAND) -> str:
    by = Origin(Function.BUTTON, GUEST, channel_id="C1", permalink="https://slack.test/p1")
    return store.handovers.hand_over(account.id, errand, by, thread_ts="1.000001")[0].id


def test_the_same_is_open_once(store: Store, account: Account) -> None:
    """Asked again while it is open it is the first; decided, it can be asked anew."""
    first = asked(store, account)
    assert asked(store, account) == first
    assert store.handovers.decide(account.id, first, HandoverState.DECLINED, ADMIN)
    assert asked(store, account) != first


def test_a_handful_an_hour(store: Store, account: Account) -> None:
    """Decided or not, no more than a handful of one person's within the hour; what is older does not count."""
    for number in range(MOST):
        last = asked(store, account, Errand("optout.add", f"+1212555015{number}"))
    store.handovers.decide(account.id, last, HandoverState.DONE, ADMIN)
    with pytest.raises(WrongState, match="within the hour"):
        asked(store, account, Errand("optout.add", "+12125550160"))
    with store.database.write() as connection:
        connection.execute(sa.update(handovers).values(asked_at=datetime.now(UTC) - timedelta(hours=2)))
    asked(store, account, Errand("optout.add", "+12125550160"))


def test_decided_once_and_kept_with_the_entry(store: Store, account: Account) -> None:
    """The first decision counts; its entry says who asked for it, and leads to where."""
    handover = asked(store, account)
    [added] = store.optouts.add(account.id, ["+12125550153"], Origin(Function.BUTTON, ADMIN))
    assert store.handovers.decide(account.id, handover, HandoverState.DONE, ADMIN, entry=added.entry.id)
    assert not store.handovers.decide(account.id, handover, HandoverState.DECLINED, GUEST)
    [entry] = latest_entries(store, account.id, 9)
    assert (entry.asked_by, entry.permalink) == (GUEST, "https://slack.test/p1")
    found = store.handovers.find(account.id, handover)
    assert found is not None
    assert (found.state, found.decider) == (HandoverState.DONE, ADMIN)
    assert store.handovers.find(account.id + 1, handover) is None


def test_each_state_is_told_once(store: Store, account: Account) -> None:
    """Claimed by one at a time until it is told; a decision in between waits to be told in its turn."""
    handover = asked(store, account)
    claimed = store.handovers.claim("one", lease_seconds=30)
    assert claimed is not None
    assert claimed.is_open
    assert store.handovers.claim("two", lease_seconds=30) is None
    store.handovers.decide(account.id, handover, HandoverState.DONE, ADMIN)
    store.handovers.shown(claimed)
    with pytest.raises(LeaseLost):
        store.handovers.postpone(claimed, seconds=1)
    again = store.handovers.claim("two", lease_seconds=30)
    assert again is not None
    assert again.state is HandoverState.DONE
    store.handovers.shown(again)
    assert store.handovers.claim("one", lease_seconds=30) is None


def test_what_nobody_decides_expires_and_is_forgotten(store: Store, account: Account) -> None:
    """It is open until it expires, and stays for a month after that."""
    handover = asked(store, account)
    assert store.handovers.expire(timedelta(hours=72)) == 0
    assert [one.id for one in store.handovers.list_open()] == [handover]
    with store.database.write() as connection:
        connection.execute(sa.update(handovers).values(asked_at=datetime.now(UTC) - 4 * DAY))
    assert store.handovers.expire(timedelta(hours=72)) == 1
    assert store.handovers.list_open() == []
    retention = Retention(store.database, payloads=DAY, names=30 * DAY, deadlines=DEADLINES)
    assert retention.prune().handovers == 0
    with store.database.write() as connection:
        connection.execute(sa.update(handovers).values(decided_at=datetime.now(UTC) - 31 * DAY))
    assert retention.prune().handovers == 1
    assert store.handovers.find(account.id, handover) is None
