"""Events that were kept before their acknowledgement."""

from datetime import timedelta

from store import Account, Store


def test_an_event_is_received_once(store: Store, account: Account) -> None:
    """The first receipt is the caller's to handle; a retry of it is not, done or not."""
    assert store.deliveries.receive(account.id, "Ev1", "file_shared", "C1", {})
    assert not store.deliveries.receive(account.id, "Ev1", "file_shared", "C1", {})
    store.deliveries.done(account.id, "Ev1")
    assert not store.deliveries.receive(account.id, "Ev1", "file_shared", "C1", {})


def test_the_same_event_id_in_two_accounts_is_two_events(store: Store, account: Account) -> None:
    """Nothing crosses accounts, not even an id."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    assert store.deliveries.receive(account.id, "Ev1", "file_shared", "C1", {})
    assert store.deliveries.receive(other.id, "Ev1", "file_shared", "C1", {})


def test_an_event_in_hand_is_left_alone(store: Store, account: Account) -> None:
    """While its lease runs, an event is nobody else's."""
    store.deliveries.receive(account.id, "Ev1", "file_shared", "C1", {}, lease_seconds=60)
    assert store.deliveries.take() is None


def test_an_event_whose_process_died_is_taken_up(store: Store, account: Account) -> None:
    """When the lease is over, the event comes back whole, once, with its attempts counted; done ends it."""
    payload = {"event": {"type": "file_shared", "file_id": "F1", "text": "ü %s"}}
    store.deliveries.receive(account.id, "Ev1", "file_shared", "C1", payload, lease_seconds=0)
    taken = store.deliveries.take(lease_seconds=60)
    assert taken is not None
    assert (taken.account_id, taken.event_id, taken.kind, taken.channel_id, taken.payload, taken.attempts) == (
        account.id,
        "Ev1",
        "file_shared",
        "C1",
        payload,
        2,
    )
    assert store.deliveries.take() is None


def test_an_event_that_never_works_is_given_up(store: Store, account: Account) -> None:
    """After *most_attempts* nobody tries again."""
    store.deliveries.receive(account.id, "Ev1", "file_shared", "C1", {}, lease_seconds=0)
    attempts = [store.deliveries.take(lease_seconds=0, most_attempts=3) for _ in range(4)]
    assert [taken and taken.attempts for taken in attempts] == [2, 3, None, None]


def test_a_done_event_is_not_taken(store: Store, account: Account) -> None:
    """Done is done, whatever became of the lease."""
    store.deliveries.receive(account.id, "Ev1", "file_shared", "C1", {}, lease_seconds=0)
    store.deliveries.done(account.id, "Ev1")
    assert store.deliveries.take() is None


def test_the_longest_waiting_comes_first(store: Store, account: Account) -> None:
    """Events are taken up in the order in which their leases ended."""
    store.deliveries.receive(account.id, "Ev1", "file_shared", "C1", {}, lease_seconds=-10)
    store.deliveries.receive(account.id, "Ev2", "file_shared", "C1", {}, lease_seconds=-20)
    order = [store.deliveries.take() for _ in range(2)]
    assert [taken and taken.event_id for taken in order] == ["Ev2", "Ev1"]


def test_recent_events_of_a_channel(store: Store, account: Account) -> None:
    """Only the channel's, of that kind, newest first, done or not, no more than fifty."""
    for n in range(52):
        store.deliveries.receive(account.id, f"Ev{n:02}", "file_shared", "C1", {"n": n})
    store.deliveries.receive(account.id, "EvOther", "file_shared", "C2", {})
    store.deliveries.receive(account.id, "EvMention", "app_mention", "C1", {})
    store.deliveries.done(account.id, "Ev51")
    recent = store.deliveries.recent(account.id, "file_shared", "C1", timedelta(minutes=1))
    assert [delivery.payload["n"] for delivery in recent] == list(range(51, 1, -1))
    assert store.deliveries.recent(account.id, "file_shared", "C1", timedelta(0)) == ()
