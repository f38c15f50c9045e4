"""The whole list, streamed."""

import dataclasses

from store import Account, Origin, Store
from store.exports import Exports

PHONES = [f"+1212555{n:04}" for n in range(100, 120)]


def test_an_export_has_each_phone_once_in_order(store: Store, account: Account, by_admin: Origin) -> None:
    """Phones come sorted, once, with the time and note of the oldest reason that still stands, across pages too."""
    store.optouts.add(account.id, PHONES[:10], dataclasses.replace(by_admin, reason="lifted later"))
    store.optouts.delete(account.id, PHONES[0], by_admin)
    for reason in ("first", "second", "third"):
        store.optouts.add(account.id, PHONES[::-1], dataclasses.replace(by_admin, reason=reason))
    for page in (1, 2, 3, 7, 1000):
        rows = list(Exports(store.database, page=page).rows(account.id))
        assert [phone for phone, _, _ in rows] == PHONES
        assert rows[0][2].endswith(": first")
        assert all(note.endswith(": lifted later") for _, _, note in rows[1:10])
        assert all(note.endswith(": first") for _, _, note in rows[10:])
        assert [since for _, since, _ in rows] == [store.optouts.find(account.id, phone).since for phone in PHONES]


def test_an_export_leaves_out_what_does_not_stand(store: Store, account: Account, by_admin: Origin) -> None:
    """A deleted phone is not in it, nor is another account's."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(other.id, PHONES[:2], by_admin)
    store.optouts.add(account.id, PHONES[2:4], by_admin)
    store.optouts.delete(account.id, PHONES[2], by_admin)
    assert [phone for phone, _, _ in store.exports.rows(account.id)] == [PHONES[3]]


def test_a_slow_reader_holds_nothing_up(store: Store, account: Account, by_admin: Origin) -> None:
    """Between two rows no connection is in use, and others can write."""
    store.optouts.add(account.id, PHONES, by_admin)
    rows = Exports(store.database, page=3).rows(account.id)
    assert next(rows)[0] == PHONES[0]
    assert store.database.engine.pool.status().endswith("Current Checked out connections: 0")
    store.optouts.delete(account.id, PHONES[-1], by_admin)
    assert [phone for phone, _, _ in rows] == PHONES[1:-1]


def test_an_empty_list_exports_nothing(store: Store, account: Account) -> None:
    """No rows, no error."""
    assert list(store.exports.rows(account.id)) == []
