"""Keys of the API: shown once, kept as a hash, refused for one reason each; two of a name, and revoked once."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from store import (
    Account,
    Actor,
    Function,
    Key,
    KeyState,
    MadeKey,
    Origin,
    Scope,
    Store,
    StoreError,
    WrongState,
    keys,
    move_account,
)
from store.keys import LONGEST_NAME, MOST, KeyProblem, KeyRefused
from store.models import api_keys, metadata
from tests.entries import latest_entries
from tests.store import test_concurrency
from tests.store.test_concurrency import together
from tests.store.test_retention import DAY, aged, pruning

replicas = test_concurrency.replicas

BOTH = (Scope.CHECK, Scope.OPT_OUT)


def made(store: Store, account: Account, by: Origin, name: str = "bridge", days: float | None = 90) -> MadeKey:
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    return store.keys.make(account.id, name, BOTH, expires_at, by)


def refused(store: Store, text: str) -> KeyProblem:
    with pytest.raises(KeyRefused) as found:
        store.keys.verify(text)
    return found.value.kind


def everything(store: Store) -> str:
    """Every value of every table."""
    with store.database.read() as connection:
        return str([connection.execute(sa.select(table)).all() for table in metadata.sorted_tables])


def test_a_key_opens_its_account_and_its_secret_is_kept_nowhere(
    store: Store, account: Account, by_admin: Origin
) -> None:
    """What is shown once verifies; the database has its SHA-256, and the entry that says so its name and scopes."""
    key, text = (made_key := made(store, account, by_admin)).key, made_key.text
    secret = text.rpartition("_")[2]
    assert (key.account_id, key.name, key.scopes, key.state) == (account.id, "bridge", BOTH, KeyState.LIVE)
    assert store.keys.verify(text) == key
    assert text not in repr(made_key)
    kept = everything(store)
    assert secret not in kept
    assert hashlib.sha256(secret.encode()).hexdigest() in kept
    [entry] = latest_entries(store, account.id, 9)
    assert (entry.function, entry.actor) == (Function.SETTING, by_admin.actor)
    assert entry.reason == f"API key bridge made, until {key.expires_at:%-d %b %Y}, to check, opt-out"


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    "text",
    [
        "",
        "optk_",
        "optk__",
        "x",
        "optk_abcdefghij_short",
        "Bearer optk_abcdefghij_" + 40 * "a",
        "optk_" + 99 * "a",
        "é" * 9,
        "optk_abcdefghij_" + 40 * "é",
        "optk_abcdefghij_" + 40 * "a" + "\n",
        "optk_abcdefghij_" + 40 * "٣",
        "\0",
        "\ud800",
    ],
)
def test_what_is_no_key_is_refused(store: Store, text: str) -> None:
    """Whatever the text, it is a refusal that says what a key looks like."""
    assert refused(store, text) is KeyProblem.MALFORMED


def test_an_unknown_key_and_a_wrong_secret_read_the_same(
    store: Store, account: Account, by_admin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever guesses learns nothing of what keys there are, and each is compared with something as long."""
    text = made(store, account, by_admin).text
    beginning, _, secret = text.rpartition("_")
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("store.keys.hmac.compare_digest", compare)
    said = set()
    for wrong, kind in (
        (f"{beginning}_{secret.swapcase()}", KeyProblem.WRONG_SECRET),
        (f"optk_zzzzzzzzzz_{secret}", KeyProblem.UNKNOWN),
    ):
        with pytest.raises(KeyRefused) as found:
            store.keys.verify(wrong)
        assert found.value.kind is kind
        said.add(str(found.value))
    assert len(said) == 1
    assert [(len(one), len(other)) for one, other in compared] == [(64, 64), (64, 64)]


def test_one_that_ended_is_refused(store: Store, account: Account, by_admin: Origin) -> None:
    """Expired or revoked, it says which; with a wrong secret nothing is told of either."""
    expired, revoked = made(store, account, by_admin), made(store, account, by_admin)
    with store.database.write() as connection:
        past = datetime.now(UTC) - timedelta(seconds=1)
        connection.execute(sa.update(api_keys).where(api_keys.c.id == expired.key.id).values(expires_at=past))
    assert store.keys.revoke(account.id, revoked.key.id, by_admin)[1]
    assert refused(store, expired.text) is KeyProblem.EXPIRED
    assert refused(store, revoked.text) is KeyProblem.REVOKED
    assert refused(store, revoked.text.swapcase().replace("OPTK", "optk")) is KeyProblem.MALFORMED
    assert refused(store, revoked.text[:-1] + ("a" if revoked.text[-1] != "a" else "b")) is KeyProblem.WRONG_SECRET
    states = {key.id: key.state for key in store.keys.list_of(account.id)}
    assert states == {expired.key.id: KeyState.EXPIRED, revoked.key.id: KeyState.REVOKED}


def test_two_of_a_name_are_live_at_once(store: Store, account: Account, by_admin: Origin) -> None:
    """The new one comes before the old one goes; a third waits until one is revoked or has expired, however it is written."""
    first, second = made(store, account, by_admin), made(store, account, by_admin, "Bridge")
    with pytest.raises(WrongState, match="2 keys called BRIDGE are live already"):
        made(store, account, by_admin, "BRIDGE")
    for one in (first, second):
        assert store.keys.verify(one.text).id == one.key.id
    store.keys.revoke(account.id, first.key.id, by_admin)
    made(store, account, by_admin)
    assert store.keys.verify(second.text).id == second.key.id


def test_no_more_than_an_admin_oversees(store: Store, account: Account, by_admin: Origin) -> None:
    """So many are live in an account; those that ended, and another account's, do not count."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    keys = [made(store, account, by_admin, f"bridge {n}") for n in range(MOST)]
    with pytest.raises(WrongState, match=f"{MOST} keys are live already"):
        made(store, account, by_admin, "one more")
    made(store, other, by_admin)
    store.keys.revoke(account.id, keys[0].key.id, by_admin)
    made(store, account, by_admin, "one more")


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("name", "scopes", "days", "said"),
    [
        ("", BOTH, 1, "The name of a key"),
        ("  \t ", BOTH, 1, "The name of a key"),
        ("x" * (LONGEST_NAME + 1), BOTH, 1, "The name of a key"),
        ("a\u202eb", BOTH, 1, "The name of a key"),
        ("a\0b", BOTH, 1, "The name of a key"),
        ("\ud800", BOTH, 1, "The name of a key"),
        ("bridge", (), 1, "choose at least one thing"),
        ("bridge", BOTH, -1, "choose a later day"),
    ],
)
def test_what_cannot_be_is_refused(
    store: Store, account: Account, by_admin: Origin, name: str, scopes: tuple[Scope, ...], days: float, said: str
) -> None:
    """In a sentence, and nothing is made or written."""
    with pytest.raises(StoreError, match=said):
        store.keys.make(account.id, name, scopes, datetime.now(UTC) + timedelta(days=days), by_admin)
    assert store.keys.list_of(account.id) == ()
    assert latest_entries(store, account.id, 9) == ()


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    "name", ["*_~`<!channel>", "גשר הודעות", "=cmd|' /C calc'!A0", "x" * LONGEST_NAME, "  a \n b "]
)
def test_a_name_is_kept_as_it_is(store: Store, account: Account, by_admin: Origin, name: str) -> None:
    """Markup, formulas and words from right to left are a name like any other; blanks are single."""
    assert made(store, account, by_admin, name).key.name == " ".join(name.split())


def test_a_request_that_comes_twice_makes_one_key(store: Store, account: Account, by_admin: Origin) -> None:
    """The same process says the same text again; another one, which does not know it, says what to do."""

    def make(keys: Store) -> MadeKey:
        return keys.keys.make(account.id, "bridge", BOTH, None, by_admin, idempotency_key="view V1")

    first = make(store)
    assert make(store).text == first.text
    assert store.keys.verify(first.text) == first.key
    other = Store(store.database)
    with pytest.raises(WrongState, match="its text can be shown once only"):
        make(other)
    assert [key.id for key in store.keys.list_of(account.id)] == [first.key.id]
    assert len(latest_entries(store, account.id, 9)) == 1
    assert first.text.rpartition("_")[2] not in everything(store)


def test_two_make_one_name_at_once(replicas: tuple[Store, ...], account: Account, by_admin: Origin) -> None:
    """Of four at one moment, at two replicas, two are made."""

    def making(store: Store) -> Callable[[], bool]:
        def make() -> bool:
            try:
                made(store, account, by_admin)
            except WrongState:
                return False
            return True

        return make

    assert sorted(together(*(making(store) for store in replicas * 2))) == [False, False, True, True]
    assert len(replicas[0].keys.list_of(account.id)) == 2


def test_two_revoke_it_at_once(replicas: tuple[Store, ...], account: Account, by_admin: Origin) -> None:
    """One of them did; the other is told who, and one entry says so."""
    key = made(replicas[0], account, by_admin).key
    other = Origin(Function.BUTTON, Actor("U0SECOND", "second-admin"))

    def revoking(store: Store, by: Origin) -> Callable[[], tuple[Key, bool]]:
        return lambda: store.keys.revoke(account.id, key.id, by)

    done = together(revoking(replicas[0], by_admin), revoking(replicas[1], other))
    assert sorted(newly for _, newly in done) == [False, True]
    assert done[0][0] == done[1][0]
    reasons = [entry.reason for entry in latest_entries(replicas[0], account.id, 9)]
    assert reasons.count("API key bridge revoked") == 1


def test_a_foreign_key_is_not_there(store: Store, account: Account, by_admin: Origin) -> None:
    """Another account's id, one that never was and one that is gone are the same, and nothing happens to any."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    foreign = made(store, other, by_admin)
    for key in (foreign.key.id, "nothing", "", "\0"):
        with pytest.raises(WrongState, match="There is no such key any more"):
            store.keys.revoke(account.id, key, by_admin)
    assert store.keys.verify(foreign.text).state is KeyState.LIVE
    assert store.keys.list_of(account.id) == ()


def test_its_use_is_noted_once_a_minute(store: Store, account: Account, by_admin: Origin) -> None:
    """The first use is written, the next within the minute is not; a minute later it is again."""
    text = made(store, account, by_admin).text
    key = store.keys.verify(text)
    assert (key.used_at, key.use_is_due) == (None, True)
    store.keys.note_use(key)
    used = store.keys.verify(text)
    assert used.used_at is not None
    assert not used.use_is_due
    with store.database.write() as connection:
        connection.execute(sa.update(api_keys).values(used_at=None))
    store.keys.note_use(key)  # by this process, which wrote it within the minute
    assert store.keys.verify(text).used_at is None
    aged(store, "api_keys", "made_at", DAY)
    Store(store.database).keys.note_use(key)
    assert not store.keys.verify(text).use_is_due


def test_a_verified_key_is_remembered_for_a_moment(
    store: Store, account: Account, by_admin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the next of many requests; not one that is wrong, has been revoked, or was verified longer ago."""
    key = made(store, account, by_admin)
    assert store.keys.remembered(key.text) is None
    with pytest.raises(KeyRefused):
        store.keys.verify(key.text[:-1] + "-")
    verified = store.keys.verify(key.text)
    assert store.keys.remembered(key.text) == replace(verified, use_is_due=False)
    assert store.keys.remembered(key.text[:-1]) is None
    store.keys.revoke(account.id, key.key.id, by_admin)
    assert store.keys.remembered(key.text) is None
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", 0.0)
    other = made(store, account, by_admin)
    store.keys.verify(other.text)
    assert store.keys.remembered(other.text) is None


def test_a_key_is_remembered_no_longer_than_it_lasts(
    store: Store, account: Account, by_admin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that expires meanwhile is asked about anew at that moment, and not a second later."""
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", DAY.total_seconds())
    key = made(store, account, by_admin, days=0.5)
    store.keys.verify(key.text)
    for hours, is_remembered in ((11, True), (13, False)):
        then = time.monotonic() + hours * 3_600
        with monkeypatch.context() as later:
            later.setattr("store.remembered.time", SimpleNamespace(monotonic=lambda then=then: then))
            assert (store.keys.remembered(key.text) is not None) == is_remembered


def test_an_entry_names_the_key(store: Store, account: Account, by_admin: Origin) -> None:
    """The actor of what a key does is the key by its id and name, with what the program calls itself as far as it fits."""
    key = made(store, account, by_admin).key
    assert key.actor() == Actor(f"key:{key.id}", "key bridge")
    assert key.actor("Twilio bridge").name == "Twilio bridge, by key bridge"
    long = made(store, account, by_admin, "k" * LONGEST_NAME).key.actor("p" * 200)
    assert len(long.name) == 80
    assert long.name.endswith(f"p…, by key {'k' * LONGEST_NAME}")


def test_keys_go_along_with_a_moved_account(store: Store, account: Account, by_admin: Origin) -> None:
    """A key is the account's, whatever its id in Slack: the platform goes on with it after the move."""
    text = made(store, account, by_admin).text
    assert move_account(store.database, "T0DESK", "E0HARBOR", by_admin).keys == 1
    moved = store.accounts.find("E0HARBOR")
    assert moved is not None
    assert store.keys.verify(text).account_id == moved.id
    with pytest.raises(StoreError, match="E0HARBOR has a list of its own already"):
        move_account(store.database, store.accounts.get_or_create("T0NEW", "New").slack_id, "E0HARBOR", by_admin)


def test_what_ended_is_forgotten_a_month_later(store: Store, account: Account, by_admin: Origin) -> None:
    """Until then its refusal says what became of it; live ones stay, however old and unused they are."""
    live, revoked, expired = (made(store, account, by_admin, name) for name in ("live", "revoked", "expired"))
    store.keys.revoke(account.id, revoked.key.id, by_admin)
    aged(store, "api_keys", "made_at", 400 * DAY)
    with store.database.write() as connection:
        rows = sa.update(api_keys).where(api_keys.c.id == expired.key.id)
        connection.execute(rows.values(expires_at=datetime.now(UTC) - 31 * DAY))
    assert pruning(store).prune().platform_keys == 1
    aged(store, "api_keys", "revoked_at", 29 * DAY)
    assert pruning(store).prune().platform_keys == 0
    aged(store, "api_keys", "revoked_at", 31 * DAY)
    assert pruning(store).prune().platform_keys == 1
    assert [key.id for key in store.keys.list_of(account.id)] == [live.key.id]
    assert refused(store, revoked.text) is KeyProblem.UNKNOWN
