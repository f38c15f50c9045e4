"""What is forgotten, and when; what stays."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from store import Account, Deadlines, ExportFilter, Origin, Retention, Store, retention
from store.models import entries, inbox, unreadable_rows, uploads
from store.retention import Pruned
from tests.entries import latest_entries

DAY = timedelta(days=1)
DEADLINES = Deadlines(remind=DAY, expire=3 * DAY, undo=7 * DAY)


def pruning(store: Store) -> Retention:
    return Retention(store.database, payloads=timedelta(minutes=15), names=30 * DAY, deadlines=DEADLINES)


def aged(store: Store, table: str, column: str, age: timedelta) -> None:
    """Let what happened in *table* have happened so much earlier."""
    with store.database.write() as connection:
        at = datetime.now(UTC) - age
        found = sa.table(table, sa.column(column, inbox.c.received_at.type))
        connection.execute(sa.update(found).where(found.c[column].is_not(None)).values({column: at}))


def done(store: Store, account: Account, state: str = "done") -> int:
    """An upload that was applied, with one unreadable row; its id."""
    at = datetime.now(UTC)
    with store.database.write() as connection:
        values = {"account_id": account.id, "actor_id": "U1", "actor_name": "ann"}
        one = {"id": 9, "function": "upload", "at": at, "upload_id": 1}
        connection.execute(sa.insert(entries).values(**values, **one))
        file = {"id": 1, "file_id": "F1", "file_name": "stops.csv", "channel_id": "C1", "received_at": at}
        life = {"state": state, "pending": False, "lease_until": at, "entry_id": 9, "finished_at": at, "unreadable": 1}
        connection.execute(sa.insert(uploads).values(**values, **file, **life, last_unreadable=3))
        row = {"upload_id": 1, "line": 3, "cell": "12", "reason": "too short", "cells": ["Jane Roe", "12"]}
        connection.execute(sa.insert(unreadable_rows).values(account_id=account.id, **row))
    return 1


def counted(store: Store, table: str) -> int:
    with store.database.read() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())


def handled(store: Store, account: Account, event_id: str, kind: str = "app_mention") -> None:
    event = store.inbox.keep(account.id, event_id, kind, "C1", {"event": {"text": "Jane Roe told us"}})
    assert event is not None
    store.inbox.done(event)


def test_words_of_handled_events_go_within_minutes_and_names_after_a_month(store: Store, account: Account) -> None:
    """An event that waits keeps its words, however old it is."""
    handled(store, account, "Ev1")
    store.inbox.keep(account.id, "Ev2", "message", "C1", {"event": {"text": "not handled yet"}})
    assert pruning(store).prune() == Pruned()
    aged(store, "inbox", "finished_at", timedelta(minutes=16))
    aged(store, "inbox", "received_at", 400 * DAY)
    assert pruning(store).prune() == Pruned(payloads=1)
    assert pruning(store).prune() == Pruned()
    assert store.inbox.keep(account.id, "Ev1", "app_mention", "C1", {}) is None, "its name is still known"
    aged(store, "inbox", "finished_at", 31 * DAY)
    assert pruning(store).prune() == Pruned(events=1)
    with store.database.read() as connection:
        [left] = connection.execute(sa.text("SELECT event_id FROM inbox WHERE payload IS NOT NULL")).scalars().all()
    assert left == "Ev2"


def test_messages_and_requests_are_forgotten_after_a_month_and_what_waits_never(
    store: Store, account: Account, by_admin: Origin
) -> None:
    """Discarded ones, which a person may look at, go with the others; entries and opt-outs stay."""
    sent, lost = (store.outbox.keep(account.id, key, {"message": "words"}) for key in ("a 0", "b 0"))
    assert sent is not None
    assert lost is not None
    store.outbox.sent(sent)
    store.outbox.discard(lost, "it is no answer")
    store.outbox.keep(account.id, "c 0", {"message": "words"})
    store.optouts.add(account.id, ["+12125550100"], by_admin, idempotency_key="view V1")
    aged(store, "outbox", "finished_at", 29 * DAY)
    aged(store, "idempotency_keys", "made_at", 29 * DAY)
    assert pruning(store).prune() == Pruned()
    aged(store, "outbox", "finished_at", 31 * DAY)
    aged(store, "idempotency_keys", "made_at", 31 * DAY)
    assert pruning(store).prune() == Pruned(messages=2, keys=1)
    assert store.outbox.backlog().waiting == 1
    assert store.optouts.find(account.id, "+12125550100").opted_out
    assert len(latest_entries(store, account.id, 9)) == 1


@pytest.mark.parametrize("own_days", [None, 2])
def test_unreadable_rows_go_with_the_undo_of_their_upload(
    store: Store, account: Account, by_admin: Origin, own_days: int | None
) -> None:
    """They hold names and addresses; an account that narrowed the time for undoing forgets them sooner."""
    if own_days is not None:
        settings = account.settings.__class__(undo_days=own_days)
        store.accounts.change(account.id, by_admin, settings=settings)
    upload = done(store, account)
    assert counted(store, "unreadable_rows") == 1
    aged(store, "uploads", "finished_at", ((own_days or 7) * DAY) - timedelta(minutes=1))
    assert pruning(store).prune() == Pruned()
    aged(store, "uploads", "finished_at", ((own_days or 7) * DAY) + timedelta(minutes=1))
    assert pruning(store).prune() == Pruned(unreadable=1)
    assert counted(store, "unreadable_rows") == 0
    assert store.uploads.get(account.id, upload).unreadable == 1, "how many there were is still known"


def test_a_stopped_list_that_goes_on_reads_its_unreadable_rows_again(
    store: Store, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows go with its undo as any other's, the last ones first; at every moment those up to its checkpoint are there."""
    monkeypatch.setattr(retention, "ROUND", 2)
    upload = done(store, account, "stopped")
    with store.database.write() as connection:
        for line in (5, 8):
            row = {"upload_id": upload, "line": line, "cell": "1", "reason": "too short", "cells": ["Ann", "1"]}
            connection.execute(sa.insert(unreadable_rows).values(account_id=account.id, **row))
        connection.execute(sa.update(uploads).values(last_unreadable=8))
    assert pruning(store).prune() == Pruned()
    aged(store, "uploads", "finished_at", 8 * DAY)
    for pruned, lines, checkpoint in ((2, [3], 4), (1, [], 2), (0, [], 2)):
        assert pruning(store).prune() == Pruned(unreadable=pruned)
        assert [row.line for row in store.uploads.list_unreadable(account.id, upload)] == lines
        assert store.uploads.get(account.id, upload).last_unreadable == checkpoint


def test_how_an_export_ended_is_forgotten_after_a_month(store: Store, account: Account, by_admin: Origin) -> None:
    """One that failed no longer stands in `doctor` then; that it was asked for stays an entry, and what waits waits."""
    for _ in range(2):
        store.exports.ask(account.id, by_admin, ExportFilter())
    export = store.exports.claim("one", lease_seconds=60)
    assert export is not None
    store.exports.fail(export, "The disk is full.")
    aged(store, "exports", "finished_at", 29 * DAY)
    assert pruning(store).prune() == Pruned()
    assert store.exports.backlog().discarded == {"The disk is full.": 1}
    aged(store, "exports", "finished_at", 31 * DAY)
    assert pruning(store).prune() == Pruned(exports=1)
    backlog = store.exports.backlog()
    assert (backlog.waiting, backlog.discarded) == (1, {})


def test_a_round_is_bounded(store: Store, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """No round deals with more rows of a kind than it may; rounds go on until nothing is left."""
    monkeypatch.setattr(retention, "ROUND", 4)
    for number in range(10):
        handled(store, account, f"Ev{number}")
    aged(store, "inbox", "finished_at", timedelta(minutes=16))
    assert [pruning(store).prune().payloads for _ in range(4)] == [4, 4, 2, 0]
    aged(store, "inbox", "finished_at", 31 * DAY)
    assert [pruning(store).prune().events for _ in range(4)] == [4, 4, 2, 0]


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("state", "age", "left"),
    [("waiting", 30 * DAY, 1), ("done", 0 * DAY, 0), ("refused", DAY, 1), ("refused", 4 * DAY, 0), ("stopped", DAY, 1)],
)
def test_the_file_of_a_sent_list_stays_while_it_may_be_read(
    store: Store, account: Account, state: str, age: timedelta, left: int
) -> None:
    """As long as its upload needs it, and where it could be read again as long as a preview waits."""
    file = store.sent_files.new(account.id)
    file.add(b"phone\n")
    at = datetime.now(UTC) - age
    done(store, account, state="stopped")
    with store.database.write() as connection:
        values = {"file_id": file.id, "state": state, "finished_at": at, "waiting_since": at}
        connection.execute(sa.update(uploads).values(**values))
    pruning(store).prune()
    assert counted(store, "file_pieces") == left


def test_a_file_that_no_upload_ever_named_goes_after_a_day(store: Store, account: Account) -> None:
    """Its request ended in between; before that it may still be on its way."""
    file = store.sent_files.new(account.id)
    file.add(b"phone\n")
    assert pruning(store).prune().pieces == 0
    aged(store, "file_pieces", "received_at", timedelta(hours=25))
    assert pruning(store).prune().pieces == 1
