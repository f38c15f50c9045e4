"""A replica of the release before beside the new one: what it writes is taken, and what it keeps is worked on."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from store import Store
from store.models import metadata
from tests.releases import BEFORE
from tests.tables import step_back

# The checks that phones are E.164, which migration 0012 made strict.
PHONES = {(table, f"ck_{table}_phone") for table in ("entry_phones", "opt_outs", "conversations", "allow_requests")}
# Exports may be of more formats, and for a destination, which it names none: what it writes of them is taken as before.
EXPORTS = {
    ("exports", f"ck_exports_{name}") for name in ("format", "phone", "missing_from", "destination_id", "reached")
}
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def columns(store: Store) -> dict[str, dict[str, Any]]:
    """The columns of each table, by name, as the database has them."""
    with store.database.read() as connection:
        inspector = sa.inspect(connection)
        return {
            table: {column["name"]: column for column in inspector.get_columns(table)}
            for table in inspector.get_table_names()
        }


def checks(store: Store) -> dict[tuple[str, str], str]:
    """The conditions of all checks, by table and name."""
    with store.database.read() as connection:
        inspector = sa.inspect(connection)
        return {
            (table, str(check["name"])): check["sqltext"]
            for table in inspector.get_table_names()
            for check in inspector.get_check_constraints(table)
        }


def test_the_tables_of_the_release_before_are_still_there(store: Store) -> None:
    """
    The migrations since the release before take nothing away that its program names, and ask nothing new of its rows.

    A column that came has a default or may be empty, one that was there is of the same type, and no check of its tables is
    another but that of phones and that of the formats of exports.
    """
    step_back(store, BEFORE.revision)
    before, held = columns(store), checks(store)
    store.database.migrate()
    after, holds = columns(store), checks(store)
    for table, known in before.items():
        for name, column in known.items():
            found = after[table][name]
            assert (repr(found["type"]), found["nullable"]) == (repr(column["type"]), column["nullable"]), (table, name)
        for name in after[table].keys() - known.keys():
            new = after[table][name]
            assert new["nullable"] or new["default"] is not None, f"{table}.{name} is asked of a program that has none"
    # That a phone is E.164 was asked of it less strictly; it never wrote anything else.
    changed = {
        check
        for check in holds
        if check[0] in before and held.get(check) != holds[check] and check not in PHONES | EXPORTS
    }
    assert changed == set()


# As the program of the release before writes them: its columns, and no others.
ROWS: dict[str, dict[str, Any]] = {
    "accounts": {"id": 1, "slack_id": "T1", "name": "One", "opted_out": 1, "last_entry": 1, "last_upload": 0},
    "entries": {"account_id": 1, "id": 1, "function": "command", "actor_id": "U1", "actor_name": "ann", "at": NOW},
    "entry_phones": {"account_id": 1, "phone": "+12125550100", "entry_id": 1},
    "opt_outs": {"account_id": 1, "phone": "+12125550100", "entry_id": 1},
    "inbox": {
        "account_id": 1, "event_id": "Ev1", "kind": "app_mention", "channel_id": "C1", "state": "pending",
        "payload": {"event": {"type": "app_mention"}}, "received_at": NOW, "attempts": 1, "owner": "old",
        "fence": 1, "lease_until": NOW,
    },
    "outbox": {
        "account_id": 1, "key": "command 1", "state": "pending", "version": 1, "payload": {"message": {}},
        "received_at": NOW, "attempts": 1, "owner": "old", "fence": 1, "lease_until": NOW,
    },
    "exports": {"account_id": 1, "entry_id": 1, "format": "desk", "state": "asked", "lease_until": NOW},
    "idempotency_keys": {"account_id": 1, "key": "k", "fingerprint": "f", "result": {}, "made_at": NOW},
    "uploads": {
        "account_id": 1, "id": 1, "file_id": "F1", "file_name": "stops.csv", "channel_id": "C1", "size": 3,
        "purpose": "opt out", "actor_id": "U1", "actor_name": "ann", "received_at": NOW, "state": "received",
        "pending": True, "lease_until": NOW,
    },
    "unreadable_rows": {
        "account_id": 1, "upload_id": 1, "line": 3, "cell": "12", "code": "too_short", "reason": "only 2 digits",
        "cells": ["12"],
    },
}  # fmt: skip


def write_as_before(store: Store) -> None:
    """Write `ROWS`, naming their own columns alone: no default of this program's models helps."""
    with store.database.write() as connection:
        for table, row in ROWS.items():
            own = [sa.column(name, metadata.tables[table].c[name].type) for name in row]
            connection.execute(sa.insert(sa.table(table, *own)).values(row))


def test_what_the_release_before_writes_is_worked_on(store: Store) -> None:
    """Its opt-outs stand, and its events, answers, exports and lists are claimed, by the fence it left."""
    write_as_before(store)
    assert store.optouts.find(1, "+12125550100").opted_out
    event = store.inbox.claim("new", lease_seconds=10)
    assert event is not None
    assert (event.event_id, event.lease.fence) == ("Ev1", 2)
    store.inbox.done(event)
    message = store.outbox.claim("new", lease_seconds=10)
    assert message is not None
    store.outbox.discard(message, "tried")
    export = store.exports.claim("new", lease_seconds=10)
    assert export is not None
    store.exports.fail(export, "tried")
    work = store.uploads.claim("new", lease_seconds=10)
    assert work is not None
    assert [row.line for row in store.uploads.list_unreadable(1, 1)] == [3]


@pytest.mark.parametrize("table", ["inbox", "outbox", "uploads", "exports"])
def test_the_release_before_is_refused_what_the_new_one_took_over(store: Store, table: str) -> None:
    """Its clock is its machine's, so it may hold a lease for longer or shorter than others think: the fence decides."""
    write_as_before(store)
    claims: dict[str, Any] = {
        "inbox": store.inbox.claim,
        "outbox": store.outbox.claim,
        "uploads": store.uploads.claim,
        "exports": store.exports.claim,
    }
    assert claims[table]("new", lease_seconds=10) is not None
    # The write of the release before: by owner and fence, as it left them.
    late = sa.text(f"UPDATE {table} SET lease_until = lease_until WHERE owner = 'old' AND fence = 1")
    with store.database.write() as connection:
        assert connection.execute(late).rowcount == 0
