"""Hooks: made within bounds, their secrets shown by nothing and gone with them, and read by one process at a time."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from store import Account, Actor, Function, HookKind, LeaseLost, Origin, Store, StoreError, hooks
from store.models import metadata
from tests.entries import latest_entries

BY = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
SID, TOKEN, SHARED, KEY = "AC" + "1f" * 16, "t0ken-of-twilios", "shared-key-of-twilios", "A" * 43 + "="


def test_a_hook_is_found_by_its_id_alone(store: Store, account: Account) -> None:
    """Of whichever account; made and removed by an entry each, that hold no secret, and no `repr` does."""
    made = store.hooks.make_twilio(account.id, " main  number ", SID, TOKEN, BY, shared_key=SHARED)
    other = store.hooks.make_telnyx(account.id, "profile", KEY, BY)
    assert store.hooks.find(made.id) == made
    assert (made.kind, made.name, made.account_id) == (HookKind.TWILIO, "main number", account.id)
    assert (made.provider_account, made.secret, made.shared_key) == (SID, TOKEN, SHARED)
    assert made.caught_up_to == made.made_at
    assert (other.kind, other.caught_up_to) == (HookKind.TELNYX, None)
    assert {made.id, other.id} == {hook.id for hook in store.hooks.list_of(account.id)}
    assert len(made.id) == 20
    assert made.id.isalpha()
    assert store.hooks.remove(account.id, made.id, BY) == made
    assert store.hooks.find(made.id) is None
    said = [entry.reason for entry in latest_entries(store, account.id, 9)]
    assert said == [
        "Hook main number for Twilio removed",
        "Hook profile for Telnyx made",
        "Hook main number for Twilio made",
    ]
    for secret in (TOKEN, SHARED, KEY):
        assert secret not in repr(made) + repr(other) + str(said)


def test_a_hook_that_was_found_is_remembered_for_a_moment(
    store: Store, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the next of many messages; not once it was removed, nor for long."""
    made = store.hooks.make_twilio(account.id, "main", SID, TOKEN, BY)
    assert store.hooks.remembered(made.id) is None
    assert store.hooks.find(made.id) == store.hooks.remembered(made.id) == made
    store.hooks.remove(account.id, made.id, BY)
    assert store.hooks.remembered(made.id) is None
    monkeypatch.setattr(hooks, "REMEMBERED_SECONDS", 0.0)
    other = store.hooks.make_telnyx(account.id, "profile", KEY, BY)
    assert store.hooks.find(other.id) == other
    assert store.hooks.remembered(other.id) is None


def test_secrets_go_with_their_hook(store: Store, account: Account) -> None:
    """No table holds any of them afterwards."""
    made = store.hooks.make_twilio(account.id, "main", SID, TOKEN, BY, shared_key=SHARED)
    store.hooks.remove(account.id, made.id, BY)
    with store.database.read() as connection:
        rows = [str(row) for table in metadata.sorted_tables for row in connection.execute(sa.select(table))]
    assert not [row for row in rows if TOKEN in row or SHARED in row]


def test_nobody_removes_a_hook_of_another_account(store: Store, account: Account) -> None:
    """It is as if there were none."""
    made = store.hooks.make_telnyx(account.id, "profile", KEY, BY)
    other = store.accounts.get_or_create("T0OTHER")
    with pytest.raises(StoreError, match="There is no such hook"):
        store.hooks.remove(other.id, made.id, BY)
    assert store.hooks.find(made.id) == made


def test_what_cannot_be_a_hook_is_refused_in_words(store: Store, account: Account) -> None:
    """Each with what would be right, and never with the secret."""
    for sid, token, shared, said in (
        ("SK" + "1f" * 16, TOKEN, None, "An account SID of Twilio's is AC"),
        (SID.upper(), TOKEN, None, "An account SID of Twilio's is AC"),
        (SID + "\n", TOKEN, None, "An account SID of Twilio's is AC"),
        (SID, "short", None, "A secret of Twilio's has 16 to 200 characters"),
        (SID, f"{TOKEN} {TOKEN}", None, "A secret of Twilio's has 16 to 200 characters"),
        (SID, TOKEN, "", "A secret of Twilio's has 16 to 200 characters"),
    ):
        with pytest.raises(StoreError, match=said) as refused:
            store.hooks.make_twilio(account.id, "main", sid, token, BY, shared_key=shared)
        assert TOKEN not in str(refused.value)
    for key in ("", "A" * 44, KEY[1:], KEY + KEY, "-" * 43 + "=", "\u00fc" * 44):
        with pytest.raises(StoreError, match="A public key of Telnyx's is 44 characters"):
            store.hooks.make_telnyx(account.id, "profile", key, BY)
    with pytest.raises(StoreError, match="The name of a hook has 1 to 40 characters"):
        store.hooks.make_telnyx(account.id, "\n", KEY, BY)
    assert store.hooks.list_of(account.id) == ()


def test_there_are_ten_at_the_most(store: Store, account: Account) -> None:
    """The eleventh is refused until one is removed."""
    hooks = [store.hooks.make_telnyx(account.id, f"profile {number}", KEY, BY) for number in range(10)]
    with pytest.raises(StoreError, match="10 hooks are there already"):
        store.hooks.make_telnyx(account.id, "one more", KEY, BY)
    store.hooks.remove(account.id, hooks[0].id, BY)
    store.hooks.make_telnyx(account.id, "one more", KEY, BY)


def test_one_process_reads_a_list_at_a_time(store: Store, account: Account) -> None:
    """Whoever lost the lease writes nothing; a list that was read rests, until somebody starts anew."""
    store.hooks.make_telnyx(account.id, "profile", KEY, BY)
    made = store.hooks.make_twilio(account.id, "main", SID, TOKEN, BY)
    frozen = store.hooks.claim(owner="frozen", lease_seconds=-1)
    assert frozen is not None
    assert frozen.hook == made
    due = store.hooks.claim(owner="alive", lease_seconds=60)
    assert due is not None
    assert store.hooks.claim(owner="third", lease_seconds=60) is None
    store.hooks.look_again()
    assert store.hooks.claim(owner="third", lease_seconds=60) is None
    to = made.made_at + timedelta(hours=1)
    with pytest.raises(LeaseLost):
        store.hooks.renew(frozen, 60)
    with pytest.raises(LeaseLost):
        store.hooks.note_caught_up(frozen, to)
    with pytest.raises(LeaseLost):
        store.hooks.give_back(frozen, seconds=1)
    store.hooks.renew(due, 60)
    store.hooks.note_caught_up(due, to)
    store.hooks.give_back(due, seconds=1e9, trouble="it is away")
    after = store.hooks.find(made.id)
    assert after is not None
    assert (after.caught_up_to, after.trouble) == (to, "it is away")
    assert store.hooks.claim(owner="third", lease_seconds=60) is None
    store.hooks.look_again()
    again = store.hooks.claim(owner="third", lease_seconds=60)
    assert again is not None
    assert again.lease.fence > due.lease.fence
