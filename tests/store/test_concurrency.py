"""Two replicas on one database: what is exact stays exact."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TypeVar

import pytest

from store import Account, Origin, Store, StoreUnavailable, Upload
from store.errors import KeyReused
from tests.entries import latest_entries
from tests.patience import PATIENCE
from tests.store.test_uploads import PHONES as LISTED
from tests.store.test_uploads import claimed, counts, lines, received

T = TypeVar("T")
PHONES = [f"+1212555{n:04}" for n in range(100, 200)]
REPLICAS = 2
ROUNDS = 15


@pytest.fixture
def replicas(store: Store, database_url: str) -> Iterator[tuple[Store, ...]]:
    """The same database opened by several programs, each with a pool of its own."""
    others = tuple(Store.open(database_url) for _ in range(REPLICAS - 1))
    yield (store, *others)
    for other in others:
        other.close()


def together(*works: Callable[[], T]) -> list[T]:
    """The results of *works*, started at the same moment, each in a thread."""
    start = threading.Barrier(len(works))

    def at_once(work: Callable[[], T]) -> T:
        start.wait(timeout=PATIENCE)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(at_once, works))


@pytest.mark.wide_but_first
def test_two_replicas_opt_out_the_same_phones(replicas: tuple[Store, ...], account: Account, by_admin: Origin) -> None:
    """Each phone is "newly" for exactly one of them, has a reason of each, and is counted once."""
    store = replicas[0]

    def adding(replica: Store, phones: list[str]) -> Callable[[], list[str]]:
        return lambda: [a.phone for a in replica.optouts.add(account.id, phones, by_admin) if a.newly]

    for n in range(ROUNDS):
        phones = [f"{phone}{n:02}" for phone in PHONES]
        # Opposite orders, which deadlock where keys are not sorted.
        newly = together(adding(replicas[0], phones), adding(replicas[1], phones[::-1]))
        assert Counter(phone for found in newly for phone in found) == dict.fromkeys(phones, 1)
        assert store.optouts.count(account.id) == store.optouts.recount(account.id) == len(PHONES) * (n + 1)
    states = store.optouts.find_many(account.id, [f"{phone}00" for phone in PHONES])
    assert all(len(state.standing) == REPLICAS for state in states.values())
    ids = [entry.id for entry in latest_entries(store, account.id, 1_000)]
    assert ids == list(range(ROUNDS * REPLICAS, 0, -1))


@pytest.mark.wide_but_first
def test_adding_and_deleting_at_once(replicas: tuple[Store, ...], account: Account, by_admin: Origin) -> None:
    """Whichever comes first, the count equals a fresh count, and conversations agree with their phone."""
    store = replicas[0]
    store.campaigns.put(account.id, "gotv", "GOTV October", active=True)
    for n, phone in enumerate(PHONES[:ROUNDS]):
        store.optouts.add(account.id, [phone], by_admin)
        together(
            lambda phone=phone: replicas[0].optouts.delete(account.id, phone, by_admin),  # type: ignore[misc]  # mypy cannot infer a lambda with a default
            lambda phone=phone: replicas[1].optouts.add(account.id, [phone], by_admin),  # type: ignore[misc]  # the same
            lambda phone=phone, n=n: replicas[1].campaigns.put_conversation(account.id, "gotv", f"{n}", phone),  # type: ignore[misc]  # the same
        )
        state = store.optouts.find(account.id, phone)
        assert [conversation.opted_out for conversation in state.conversations] == [state.opted_out]
        assert store.optouts.count(account.id) == store.optouts.recount(account.id)


@pytest.mark.wide_but_first
def test_two_deletes_at_once(replicas: tuple[Store, ...], account: Account, by_admin: Origin) -> None:
    """One of them lifts, the other finds nothing to lift."""
    for phone in PHONES[:ROUNDS]:
        replicas[0].optouts.add(account.id, [phone], by_admin)

        def deleting(replica: Store, phone: str = phone) -> Callable[[], int]:
            return lambda: len(replica.optouts.delete(account.id, phone, by_admin).lifted)

        assert sorted(together(*map(deleting, replicas))) == [0, 1]
    assert replicas[0].optouts.count(account.id) == 0


def test_one_account_of_two_first_sights(replicas: tuple[Store, ...]) -> None:
    """Two replicas that see a workspace for the first time at once make one account."""

    def making(replica: Store, slack_id: str) -> Callable[[], int]:
        return lambda: replica.accounts.get_or_create(slack_id, "Desk").id

    for n in range(ROUNDS):
        first, second = together(*(making(replica, f"T{n}") for replica in replicas))
        assert first == second


def test_a_doubled_event_is_received_by_one(replicas: tuple[Store, ...], account: Account) -> None:
    """The same event at two replicas at once is handled by exactly one."""

    def receiving(replica: Store, event: str) -> Callable[[], bool]:
        return lambda: replica.inbox.keep(account.id, event, "file_shared", "C1", {}) is not None

    for n in range(ROUNDS):
        assert sorted(together(*(receiving(replica, f"Ev{n}") for replica in replicas))) == [False, True]


@pytest.mark.wide_but_first
def test_a_doubled_yes_is_done_by_one(replicas: tuple[Store, ...], account: Account, by_admin: Origin) -> None:
    """The same press at two replicas at once: both find the list being opted out, by one entry, and neither complains."""

    def confirming(replica: Store, upload: int) -> Callable[[], Upload]:
        return lambda: replica.uploads.confirm(account.id, upload, by_admin, idempotency_key=f"trigger {upload}")

    for n in range(1, ROUNDS + 1):
        work = claimed(replicas[0], received(replicas[0], account, file_id=f"F{n}"))
        work.staged(counts())
        first, second = together(*(confirming(replica, n) for replica in replicas))
        assert first.state == second.state == "applying"
        assert first.entry_id == second.entry_id == n


def test_a_press_that_comes_again_takes_nothing_back(store: Store, account: Account, by_admin: Origin) -> None:
    """A *Stop* that comes once more after *Continue*, a yes after the undo: what was decided since stands."""
    work = claimed(store, received(store, account))
    work.staged(counts())
    week = timedelta(days=7)
    yes = partial(store.uploads.confirm, account.id, 1, by_admin, idempotency_key="trigger yes")
    stop = partial(store.uploads.stop, account.id, 1, by_admin, idempotency_key="trigger stop")
    undo = partial(store.uploads.undo, account.id, 1, by_admin, within=week, idempotency_key="view undo")
    yes()
    assert stop().state == "stopped"
    assert store.uploads.go_on(account.id, 1, by_admin, idempotency_key="trigger on").state == "applying"
    assert stop().state == "applying"
    with pytest.raises(KeyReused):
        store.uploads.cancel(account.id, 1, by_admin, idempotency_key="trigger stop")
    work = work.renew(lease_seconds=60).apply_batch(lines(LISTED), [], lease_seconds=60).finish()
    undo()
    work.renew(lease_seconds=60).undo_batch(lease_seconds=60).finish_undo()
    assert undo().state == "undone"
    assert yes().state == "undone"
    assert len(latest_entries(store, account.id, 9)) == 2


def test_an_open_event_is_taken_by_one(replicas: tuple[Store, ...], account: Account) -> None:
    """Two replicas that look for work at once never get the same event."""
    store = replicas[0]
    for n in range(ROUNDS):
        store.inbox.keep(account.id, f"Ev{n}", "file_shared", "C1", {}, lease_seconds=0)

    def taking(replica: Store) -> Callable[[], list[str]]:
        def take_all() -> list[str]:
            return [
                taken.event_id for _ in range(ROUNDS) if (taken := replica.inbox.claim("another", lease_seconds=60))
            ]

        return take_all

    taken = together(*map(taking, replicas))
    assert sorted(taken[0] + taken[1]) == sorted(f"Ev{n}" for n in range(ROUNDS))
    assert len(store.inbox.recent(account.id, "file_shared", "C1", timedelta(minutes=1))) == ROUNDS


def test_a_database_locked_beyond_patience_is_a_sentence(
    store: Store, account: Account, by_admin: Origin, database_url: str
) -> None:
    """A writer that waits too long says that nothing was changed, and nothing was; afterwards all is well again."""
    hasty = Store.open(database_url, busy_seconds=0.1)
    with store.database.write() as connection:
        store.database.lock_account(connection, account.id)
        with pytest.raises(StoreUnavailable, match=r"busy with something else\), and nothing was changed"):
            hasty.optouts.add(account.id, PHONES, by_admin)
        assert not hasty.optouts.find(account.id, PHONES[0]).opted_out
    assert all(added.newly for added in hasty.optouts.add(account.id, PHONES, by_admin))
    hasty.close()
