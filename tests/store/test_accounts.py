"""Accounts and their default country."""

import pytest

from store import Account, Origin, Store, StoreError
from tests.entries import latest_entries


def test_a_workspace_has_one_account(store: Store) -> None:
    """The same Slack id is the same account, however often it is asked for; a new one has no country."""
    first = store.accounts.get_or_create("T1", "Desk")
    assert store.accounts.get_or_create("T1", "Desk") == first
    assert store.accounts.get_or_create("T2", "Desk").id != first.id
    assert (first.country, first.opted_out) == (None, 0)


def test_a_renamed_workspace_keeps_its_account(store: Store, account: Account, by_admin: Origin) -> None:
    """The name follows Slack; the list stays."""
    store.optouts.add(account.id, ["+12125550100"], by_admin)
    renamed = store.accounts.get_or_create(account.slack_id, "New name")
    assert (renamed.id, renamed.name, renamed.opted_out) == (account.id, "New name", 1)


def test_find_answers_none_and_get_raises(store: Store, account: Account) -> None:
    """An unknown account is None to find and a sentence to get."""
    assert store.accounts.find("T404") is None
    assert store.accounts.find(account.slack_id) == store.accounts.get(account.id) == account
    with pytest.raises(StoreError, match=r"There is no account 404"):
        store.accounts.get(404)


def test_a_country_is_set_by_an_entry(store: Store, account: Account, by_admin: Origin) -> None:
    """The default country changes together with an entry that says to what and by whom."""
    assert store.accounts.set_country(account.id, "GB", by_admin).country == "GB"
    assert store.accounts.get(account.id).country == "GB"
    (entry,) = latest_entries(store, account.id, 10)
    assert (entry.function, entry.actor, entry.reason) == ("setting", by_admin.actor, "default country is GB")


def test_the_same_country_again_is_no_entry(store: Store, account: Account, by_admin: Origin) -> None:
    """Nothing changed, nothing written; taking the country away is a change."""
    store.accounts.set_country(account.id, "GB", by_admin)
    store.accounts.set_country(account.id, "GB", by_admin)
    assert len(latest_entries(store, account.id, 10)) == 1
    assert store.accounts.set_country(account.id, None, by_admin).country is None
    assert latest_entries(store, account.id, 1)[0].reason == "no default country"


def test_a_request_that_comes_again_changes_nothing(store: Store, account: Account, by_admin: Origin) -> None:
    """What was decided since stands, though the request before it is sent once more."""
    store.accounts.set_country(account.id, "GB", by_admin, idempotency_key="trigger 1")
    store.accounts.set_country(account.id, "US", by_admin, idempotency_key="trigger 2")
    assert store.accounts.set_country(account.id, "GB", by_admin, idempotency_key="trigger 1").country == "US"
