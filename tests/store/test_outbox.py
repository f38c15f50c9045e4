"""Messages to Slack: kept until they are given, there once, and known by their keys."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from store import TAKEN_AWAY, Account, LeaseLost, Origin, OutboxMessage, OutboxState, Post, Store
from tests.entries import latest_entries

FIRST, SECOND = Post("C1", "1.000001"), Post("C1", "1.000002")
WORDS = {"message": {"text": "Jane Roe told us"}}


def kept(store: Store, account: Account, key: str = "a 0", **more: float) -> OutboxMessage:
    """A message that was just kept, under a lease of *lease_seconds*."""
    message = store.outbox.keep(account.id, key, WORDS, owner="one", **more)
    assert message is not None
    return message


def rows(store: Store, *columns: str) -> list[tuple[object, ...]]:
    """These columns of every row, by key."""
    with store.database.read() as connection:
        return [
            tuple(row) for row in connection.execute(sa.text(f"SELECT {', '.join(columns)} FROM outbox ORDER BY key"))
        ]


def test_an_answer_is_kept_once(store: Store, account: Account) -> None:
    """A key names one message of its account, for good."""
    message = kept(store, account)
    assert store.outbox.keep(account.id, "a 0", WORDS) is None
    store.outbox.sent(message)
    assert store.outbox.keep(account.id, "a 0", WORDS) is None
    other = store.accounts.get_or_create("T2", "Other")
    assert store.outbox.keep(other.id, "a 0", WORDS) is not None


def test_what_was_sent_is_forgotten_but_for_its_name(store: Store, account: Account, by_admin: Origin) -> None:
    """The words go with the sending; where the messages are is written down, and the entry is linked to the first."""
    [added] = store.optouts.add(account.id, ["+12125550100"], by_admin)
    message = kept(store, account)
    store.outbox.posted(account.id, "a 0", FIRST)
    store.outbox.sent(
        message, posts={"a 1": SECOND}, entry=added.entry.id, head=FIRST, permalink="https://example.org/p1"
    )
    assert rows(store, "key", "state", "payload", "ts") == [
        ("a 0", "sent", None, FIRST.ts),
        ("a 1", "sent", None, SECOND.ts),
    ]
    [entry] = latest_entries(store, account.id, 9)
    assert (entry.message_ts, entry.permalink) == (FIRST.ts, "https://example.org/p1")


@pytest.mark.wide_but_first
def test_a_message_whose_process_died_is_claimed_however_often_it_takes(store: Store, account: Account) -> None:
    """It comes back with its words, and with where it is when its first part was posted; never is it given up."""
    kept(store, account, lease_seconds=0)
    store.outbox.posted(account.id, "a 0", FIRST)
    for attempt in range(2, 203):
        taken = store.outbox.claim("two", lease_seconds=0)
        assert taken is not None
        assert (taken.key, taken.state, taken.payload, taken.post, taken.attempts) == (
            "a 0",
            OutboxState.PENDING,
            WORDS,
            FIRST,
            attempt,
        )


@pytest.mark.wide_but_first
@pytest.mark.parametrize("act", ["renew", "postpone", "change", "sent", "discard"])
def test_whoever_was_taken_over_changes_nothing(store: Store, account: Account, act: str) -> None:
    """A frozen process that wakes up neither holds, changes nor ends what another one gives."""
    first = kept(store, account, lease_seconds=0)
    second = store.outbox.claim("two", lease_seconds=60)
    assert second is not None
    acts = {
        "renew": lambda: store.outbox.renew(first, lease_seconds=60),
        "postpone": lambda: store.outbox.postpone(first, seconds=0),
        "change": lambda: store.outbox.change(first, {}),
        "sent": lambda: store.outbox.sent(first, posts={"a 1": SECOND}),
        "discard": lambda: store.outbox.discard(first, "no"),
    }
    with pytest.raises(LeaseLost):
        acts[act]()
    assert rows(store, "key", "state") == [("a 0", "pending")]
    assert store.outbox.claim("three", lease_seconds=60) is None
    store.outbox.sent(second)


def test_messages_of_accounts_that_have_enough_at_work_are_passed_over(store: Store, account: Account) -> None:
    """The one that has waited longest is claimed, but of those accounts that are not wanted now."""
    other, third = (store.accounts.get_or_create(slack_id, "Other") for slack_id in ("T2", "T3"))
    for number, one in enumerate((account, other, third)):
        kept(store, one, lease_seconds=number - 20)
    taken = [store.outbox.claim("two", lease_seconds=60, besides=[account.id]) for _ in range(3)]
    assert [one and one.account_id for one in taken] == [other.id, third.id, None]
    assert store.outbox.claim("two", lease_seconds=60) is not None


def test_what_a_newer_program_wrote_is_left_to_it(store: Store, account: Account) -> None:
    """After a step back, or beside a replica that was upgraded, only what can be read is claimed."""
    kept(store, account, "new 0", lease_seconds=-20)
    with store.database.write() as connection:
        connection.execute(sa.text("UPDATE outbox SET version = 2"))
    kept(store, account, "ours 0", lease_seconds=-10)
    taken = [store.outbox.claim("two", lease_seconds=60) for _ in range(2)]
    assert [one and one.key for one in taken] == ["ours 0", None]
    assert store.outbox.backlog().waiting == 2


def test_a_discarded_message_is_kept_with_its_reason(store: Store, account: Account) -> None:
    """Nobody claims it; its words stay for a person, and it is counted."""
    store.outbox.discard(kept(store, account, lease_seconds=0), "it is no answer")
    assert store.outbox.claim("two", lease_seconds=60) is None
    assert store.outbox.backlog().discarded == {"it is no answer": 1}
    [(payload,)] = rows(store, "payload")
    assert "Jane Roe" in str(payload)


def test_the_first_post_counts_and_a_second_is_an_extra(store: Store, account: Account) -> None:
    """A second message of a key is to be taken away, once, however often it is heard of; then it is done with."""
    other = store.accounts.get_or_create("T2", "Other")
    assert store.outbox.find(account.id, "a 0") is None
    assert store.outbox.posted(account.id, "a 0", FIRST) == FIRST
    assert [store.outbox.posted(account.id, "a 0", SECOND) for _ in range(2)] == [FIRST, FIRST]
    assert store.outbox.posted(other.id, "a 0", SECOND) == SECOND
    assert store.outbox.find(account.id, "a 0") == FIRST
    extra = store.outbox.claim("one", lease_seconds=60)
    assert extra is not None
    assert (extra.state, extra.post) == (OutboxState.EXTRA, SECOND)
    assert store.outbox.claim("two", lease_seconds=60) is None
    store.outbox.discard(extra, TAKEN_AWAY)
    assert store.outbox.posted(account.id, "a 0", SECOND) == FIRST
    assert store.outbox.claim("two", lease_seconds=60) is None
    assert store.outbox.backlog().discarded == {}, "an extra that was taken away is no loss"


def test_many_at_once(store: Store, account: Account) -> None:
    """Of several that post a message of the same key at once all are told the same one; the others are extras."""
    posts = [Post("C1", f"1.{number:06}") for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = {*pool.map(lambda post: store.outbox.posted(account.id, "a 0", post), posts)}
    assert told == {store.outbox.find(account.id, "a 0")}
    assert store.outbox.backlog().waiting == 7


@pytest.mark.parametrize(("table", "index"), [("outbox", "ix_outbox_waiting"), ("inbox", "ix_inbox_pending")])
def test_a_look_for_work_reads_what_waits_alone(tmp_path: Path, table: str, index: str) -> None:
    """However much was done before: SQLite looks for what can be claimed by the index of what waits."""
    store = Store.open(f"sqlite:///{tmp_path / 'desk.db'}")
    store.database.migrate()
    plans: list[str] = []

    def explain(connection: sa.Connection, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT") and f"FROM {table}" in statement:
            found = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" ".join(row[3] for row in found.fetchall()))

    with store.database.read() as connection:
        engine = connection.engine
    sa.event.listen(engine, "before_cursor_execute", explain)
    getattr(store, table).claim("one", lease_seconds=60)
    store.close()
    assert plans
    assert all(f"USING INDEX {index}" in plan and "TEMP B-TREE" not in plan for plan in plans), plans
