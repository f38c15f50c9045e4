"""Slack's events, kept before their acknowledgement and handled once."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from store import Account, InboxEvent, LeaseLost, Store

PAYLOAD = {"event": {"type": "file_shared", "file_id": "F1", "text": "ü %s"}}


def kept(store: Store, account: Account, event_id: str = "Ev1", **more: float) -> InboxEvent:
    """An event that was just kept, under a lease of *lease_seconds*."""
    event = store.inbox.keep(account.id, event_id, "file_shared", "C1", PAYLOAD, owner="one", **more)
    assert event is not None
    return event


def test_an_event_is_kept_once(store: Store, account: Account) -> None:
    """The first receipt is the caller's to handle; a retry of it is not, done or not."""
    event = kept(store, account)
    assert store.inbox.keep(account.id, "Ev1", "file_shared", "C1", {}) is None
    store.inbox.done(event)
    assert store.inbox.keep(account.id, "Ev1", "file_shared", "C1", {}) is None


def test_the_same_event_id_in_two_accounts_is_two_events(store: Store, account: Account) -> None:
    """Nothing crosses accounts, not even an id."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    kept(store, account)
    kept(store, other)


def test_an_event_in_hand_is_left_alone(store: Store, account: Account) -> None:
    """While its lease runs, an event is nobody else's."""
    kept(store, account, lease_seconds=60)
    assert store.inbox.claim("two", lease_seconds=60) is None


def test_an_event_whose_process_died_is_claimed(store: Store, account: Account) -> None:
    """When the lease is over, the event comes back whole, once, with its attempts counted; done ends it."""
    kept(store, account, lease_seconds=0)
    taken = store.inbox.claim("two", lease_seconds=60)
    assert taken is not None
    assert (taken.account_id, taken.event_id, taken.kind, taken.channel_id, taken.payload, taken.attempts) == (
        account.id,
        "Ev1",
        "file_shared",
        "C1",
        PAYLOAD,
        2,
    )
    assert store.inbox.claim("three", lease_seconds=60) is None
    store.inbox.done(taken)
    assert store.inbox.claim("three", lease_seconds=60) is None


@pytest.mark.wide_but_first
def test_an_event_is_claimed_however_often_it_takes(store: Store, account: Account) -> None:
    """Nothing is given up by counting: after two hundred claims it is still there."""
    kept(store, account, lease_seconds=0)
    for attempt in range(2, 203):
        taken = store.inbox.claim("two", lease_seconds=0)
        assert taken is not None
        assert taken.attempts == attempt


@pytest.mark.wide_but_first
@pytest.mark.parametrize("act", ["renew", "postpone", "done", "discard"])
def test_whoever_was_taken_over_changes_nothing(store: Store, account: Account, act: str) -> None:
    """A frozen process that wakes up neither holds, gives back nor ends what another one works on."""
    first = kept(store, account, lease_seconds=0)
    second = store.inbox.claim("two", lease_seconds=60)
    assert second is not None
    acts = {
        "renew": lambda: store.inbox.renew(first, lease_seconds=60),
        "postpone": lambda: store.inbox.postpone(first, seconds=0),
        "done": lambda: store.inbox.done(first),
        "discard": lambda: store.inbox.discard(first, "no"),
    }
    with pytest.raises(LeaseLost):
        acts[act]()
    assert store.inbox.claim("three", lease_seconds=60) is None
    store.inbox.done(second)


def test_a_postponed_event_is_claimed_when_its_time_has_come(store: Store, account: Account) -> None:
    """It is nobody's for the time being, and anybody's then."""
    event = kept(store, account)
    store.inbox.postpone(event, seconds=60)
    assert store.inbox.claim("two", lease_seconds=60) is None
    with pytest.raises(LeaseLost):
        store.inbox.done(event)
    other = kept(store, account, "Ev2")
    store.inbox.postpone(other, seconds=-1)
    taken = store.inbox.claim("two", lease_seconds=60)
    assert taken is not None
    assert taken.event_id == "Ev2"


def test_a_discarded_event_is_kept_with_its_reason(store: Store, account: Account) -> None:
    """Nobody claims it; it stays as it came, and is counted by its reason."""
    store.inbox.discard(kept(store, account), "KeyError: 'event'")
    store.inbox.discard(kept(store, account, "Ev2"), "KeyError: 'event'")
    kept(store, account, "Ev3")
    assert store.inbox.claim("two", lease_seconds=60) is None
    backlog = store.inbox.backlog()
    assert (backlog.waiting, backlog.discarded) == (1, {"KeyError: 'event'": 2})
    assert backlog.oldest is not None
    with store.database.read() as connection:
        rows = connection.execute(sa.text("SELECT payload FROM inbox WHERE state = 'discarded'")).scalars().all()
    assert all("F1" in str(row) for row in rows)


def test_the_words_of_a_handled_event_go_with_it_unless_they_are_needed(store: Store, account: Account) -> None:
    """A direct message is forgotten at once; a file and a mention are asked for again while their other half comes."""
    for kind in ("message", "file_shared", "app_mention"):
        event = store.inbox.keep(account.id, f"Ev {kind}", kind, "C1", PAYLOAD)
        assert event is not None
        store.inbox.done(event)
    with store.database.read() as connection:
        left = connection.execute(sa.text("SELECT kind FROM inbox WHERE payload IS NOT NULL ORDER BY kind")).scalars()
        assert list(left) == ["app_mention", "file_shared"]


def test_the_longest_waiting_comes_first(store: Store, account: Account) -> None:
    """Events are claimed in the order in which their leases ended."""
    kept(store, account, "Ev1", lease_seconds=-10)
    kept(store, account, "Ev2", lease_seconds=-20)
    order = [store.inbox.claim("two", lease_seconds=60) for _ in range(2)]
    assert [taken and taken.event_id for taken in order] == ["Ev2", "Ev1"]


def test_recent_events_of_a_channel(store: Store, account: Account) -> None:
    """Only the channel's, of that kind, newest first, done or not, no more than fifty."""
    for n in range(52):
        event = store.inbox.keep(account.id, f"Ev{n:02}", "file_shared", "C1", {"n": n})
    assert event is not None
    store.inbox.keep(account.id, "EvOther", "file_shared", "C2", {})
    store.inbox.keep(account.id, "EvMention", "app_mention", "C1", {})
    store.inbox.done(event)
    recent = store.inbox.recent(account.id, "file_shared", "C1", timedelta(minutes=1))
    assert [payload["n"] for payload in recent] == list(range(51, 1, -1))
    assert store.inbox.recent(account.id, "file_shared", "C1", timedelta(0)) == ()
