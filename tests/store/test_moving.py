"""An account that gets another id of Slack's: with everything in it, once, or not at all."""

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from store import (
    Account,
    AccountSettings,
    Actor,
    Function,
    Lease,
    Move,
    Origin,
    Scope,
    Store,
    StoreError,
    move_account,
    preview_move,
)
from store.dialects import from_now
from store.models import digests, metadata
from tests.entries import latest_entries, opted_out
from tests.store.test_installations import granted
from tests.store.test_uploads import received

BY = Origin(Function.SETTING, Actor("local:ops", "ops"))
OUT, TO = "+12125550100", "E0HARBOR"


def rows_of(store: Store) -> dict[str, list[Any]]:
    """All rows of all tables, but which database it is."""
    with store.database.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)).all()))
            for table in metadata.sorted_tables
            if table.name != "database_identity"
        }


@pytest.fixture
def full(store: Store, account: Account, by_admin: Origin) -> Account:
    """An account with something in every table that people fill."""
    store.optouts.add(account.id, [OUT], by_admin)
    store.optouts.add(account.id, ["+12125550101"], by_admin)
    store.optouts.delete(account.id, "+12125550101", by_admin)
    store.accounts.change(account.id, by_admin, country="GB", settings=AccountSettings(ask="never"))
    store.campaigns.put(account.id, "c1", "Canvass", active=True)
    store.campaigns.put_conversation(account.id, "c1", "p1", OUT)
    store.keys.make(account.id, "bridge", [Scope.CHECK], None, by_admin)
    received(store, account)
    store.inbox.keep(account.id, "Ev1", "app_mention", "C1", {"event": {}}, lease_seconds=-1)
    store.outbox.keep(account.id, "event Ev1 0", {"key": "event Ev1"}, lease_seconds=-1)
    return store.accounts.get(account.id)


def test_everything_moves(store: Store, full: Account) -> None:
    """The list, its history, uploads, settings and what waits are the new id's; one entry says who moved it from where."""
    before = rows_of(store)
    move = move_account(store.database, full.slack_id, TO, BY)
    assert (move.account, move.to, move.uploads, move.entries, move.keys, move.replaces) == (full, TO, 1, 6, 1, None)
    assert store.accounts.find(full.slack_id) is None
    moved = store.accounts.find(TO)
    assert moved == dataclasses.replace(full, slack_id=TO)
    assert opted_out(store, full.id) == [OUT]
    entry = latest_entries(store, full.id, 1)[0]
    assert (entry.id, entry.function, entry.actor) == (7, "setting", BY.actor)
    assert entry.reason == "the list of T0DESK is that of E0HARBOR from now on"
    after = rows_of(store)
    assert len(after["entries"]) == len(before["entries"]) + 1
    assert {name for name in after if after[name] != before[name]} == {"accounts", "entries"}
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT account FROM opted_out").scalars().all() == [TO]


def test_a_preview_changes_nothing(store: Store, full: Account) -> None:
    """What would move is told, and nothing is written."""
    before = rows_of(store)
    assert preview_move(store.database, full.slack_id, TO) == Move(full, TO, 1, 6, 1, None)
    assert rows_of(store) == before


def test_there_and_back(store: Store, full: Account) -> None:
    """A move can be taken back by another one; both are in the history."""
    move_account(store.database, full.slack_id, TO, BY)
    move_account(store.database, TO, full.slack_id, BY)
    assert store.accounts.get(full.id) == full
    assert len(latest_entries(store, full.id, 9)) == 8


def test_an_unnamed_account_is_called_by_its_new_id(store: Store) -> None:
    """An account that Slack never named, and is called by its id, does not keep the old one for a name."""
    store.accounts.get_or_create("T0IMPORTED")
    move_account(store.database, "T0IMPORTED", TO, BY)
    assert (found := store.accounts.find(TO)) is not None
    assert found.name == TO


def test_what_the_desk_just_made_is_replaced(store: Store, full: Account) -> None:
    """An account in which nobody did anything gives way, and what Slack sent it stays known, once."""
    empty = store.accounts.get_or_create(TO, "Harbor Group", country="US")
    for slack_id in (full.id, empty.id):
        for event_id in ("Ev2", f"Ev of {slack_id}"):
            event = store.inbox.keep(slack_id, event_id, "app_home_opened", None, {})
            assert event is not None
            store.inbox.done(event)
        with store.database.write() as connection:
            week = {"account_id": slack_id, "week": datetime(2026, 11, 22, tzinfo=UTC), "lease_until": from_now()}
            connection.execute(sa.insert(digests).values(week))
    said = store.outbox.keep(empty.id, "event Ev2 0", {})
    assert said is not None
    store.outbox.sent(said)
    move = move_account(store.database, full.slack_id, TO, BY)
    assert move.replaces == empty
    assert (moved := store.accounts.find(TO)) is not None
    assert (moved.id, moved.opted_out, moved.country) == (full.id, 1, "GB")
    for event_id in ("Ev1", "Ev2", f"Ev of {full.id}", f"Ev of {empty.id}"):
        assert store.inbox.keep(full.id, event_id, "app_home_opened", None, {}) is None
    assert store.outbox.keep(full.id, "event Ev2 0", {}) is None
    with store.database.read() as connection:
        for table in metadata.sorted_tables:
            if "account_id" in table.c:
                rows = sa.select(sa.func.count()).select_from(table).where(table.c.account_id == empty.id)
                assert connection.execute(rows).scalar_one() == 0, table.name
        assert connection.execute(sa.select(sa.func.count()).select_from(digests)).scalar_one() == 1


@pytest.mark.parametrize("is_installed", [True, False])
def test_the_list_is_served_by_the_token_of_its_new_id(store: Store, full: Account, is_installed: bool) -> None:
    """
    A workspace that installed the app by OAuth becomes a part of an organisation that did, or will.

    Its own tokens, which open for its own id alone, go; without that no desk would start. Those of the organisation are the list's.
    """
    store.installations.install(granted(full.slack_id))
    whole = granted(TO, team_id=None, enterprise_id=TO)
    if is_installed:
        store.installations.install(whole)
    assert preview_move(store.database, full.slack_id, TO).to == TO
    move_account(store.database, full.slack_id, TO, BY)
    assert [one.slack_id for one in store.installations.list()] == ([TO] if is_installed else [])
    assert store.installations.find_of("T0DESK") is None
    served = store.installations.find_of(TO) if is_installed else store.installations.install(whole)
    assert served is not None
    assert (served.account_id, served.sealed, served.opted_out) == (full.id, whole.sealed, 1)


def _other(store: Store) -> Account:
    return store.accounts.get_or_create(TO, "Harbor Group")


def _campaign(store: Store) -> None:
    store.campaigns.put(_other(store).id, "c1", "Canvass", active=False)


def _opt_out(store: Store) -> None:
    store.optouts.add(_other(store).id, [OUT], BY)


def _setting(store: Store) -> None:
    store.accounts.set_country(_other(store).id, "GB", BY)


def _upload(store: Store) -> None:
    received(store, _other(store))


def _event(store: Store) -> None:
    store.inbox.keep(_other(store).id, "Ev9", "app_mention", None, {}, lease_seconds=-1)


def _answer(store: Store) -> None:
    store.outbox.keep(_other(store).id, "event Ev9 0", {}, lease_seconds=-1)


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("fill", "says"),
    [
        (_opt_out, "has a list of its own already"),
        (_setting, "has a list of its own already"),
        (_upload, "has a list of its own already"),
        (_campaign, "has a list of its own already"),
        (_event, "something waits in the inbox"),
        (_answer, "something waits in the outbox"),
    ],
)
def test_two_lists_are_not_made_one(store: Store, full: Account, fill: Callable[[Store], None], says: str) -> None:
    """Where the new id has anything in it, or something that waits, nothing moves."""
    fill(store)
    refused(store, full.slack_id, TO, says)


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("source", "to", "says"),
    [
        ("T0NOBODY", TO, "There is no account 'T0NOBODY'"),
        ("t0desk", TO, "There is no account 't0desk'"),
        ("", TO, "There is no account ''"),
        ("T0DESK\n", TO, "There is no account"),
        ("T0\x00DESK", TO, "There is no account"),
        ("T0DESK", "T0DESK", "both ids are the same"),
        ("T0DESK", "", "is no id"),
        ("T0DESK", "e0harbor", "is no id"),
        ("T0DESK", "E0HARBOR\n", "is no id"),
        ("T0DESK", " E0HARBOR", "is no id"),
        ("T0DESK", "C0HARBOR", "is no id"),
        ("T0DESK", "E0HÄRBOR", "is no id"),
        ("T0DESK", "E٣٣٣٣٣", "is no id"),
        ("T0DESK", "E0'; DROP TABLE accounts; --", "is no id"),
        ("T0DESK", "E" * 40, "is no id"),
        ("T0DESK", "E", "is no id"),
    ],
)
def test_ids_that_are_none(store: Store, full: Account, source: str, to: str, says: str) -> None:
    """Nobody's id, and what is no id of Slack's, are refused in one sentence; nothing changes."""
    assert full.slack_id == "T0DESK"
    refused(store, source, to, says)


def test_a_desk_at_work(store: Store, full: Account) -> None:
    """While a list of it is worked on nothing moves; once whoever held it gave it back, or died, it does."""
    work = store.uploads.claim("a desk", lease_seconds=60)
    assert work is not None
    refused(store, full.slack_id, TO, r"a desk is at work on stops\.csv")
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE uploads SET lease_until = '2026-01-01 00:00:00+00:00'")
    assert preview_move(store.database, full.slack_id, TO).uploads == 1


def test_an_event_at_work(store: Store, full: Account) -> None:
    """The same goes for what somebody asked for just now."""
    event = store.inbox.claim("a desk", lease_seconds=60)
    assert event is not None
    assert isinstance(event.lease, Lease)
    refused(store, full.slack_id, TO, "a desk is at work on the inbox of T0DESK")
    store.inbox.postpone(event, seconds=60)
    assert move_account(store.database, full.slack_id, TO, BY).account == full


def test_two_at_once(store: Store, full: Account, by_admin: Origin) -> None:
    """Two moves to one id at once: one is done, the other refused in words, and both lists are whole."""
    other = store.accounts.get_or_create("T0OTHER")
    store.optouts.add(other.id, ["+12125550177"], by_admin)

    def moved(slack_id: str) -> str:
        try:
            return move_account(store.database, slack_id, TO, BY).account.slack_id
        except StoreError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(moved, [full.slack_id, "T0OTHER"]))
    assert sum(outcome.startswith("Nothing was moved") for outcome in outcomes) == 1
    ids = {store.accounts.get(full.id).slack_id, store.accounts.get(other.id).slack_id}
    assert ids in ({TO, "T0OTHER"}, {TO, full.slack_id})
    assert (opted_out(store, full.id), opted_out(store, other.id)) == ([OUT], ["+12125550177"])


def refused(store: Store, source: str, to: str, says: str) -> None:
    """Neither preview nor move is given; the sentence is one line, and no row of any table is another."""
    before = rows_of(store)
    acts: tuple[Callable[[], Move], ...] = (
        lambda: preview_move(store.database, source, to),
        lambda: move_account(store.database, source, to, BY),
    )
    for act in acts:
        with pytest.raises(StoreError, match=says) as caught:
            act()
        assert "\n" not in str(caught.value)
    assert rows_of(store) == before
