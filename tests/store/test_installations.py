"""Installations by OAuth: tokens that only the key opens, states that are good once, and what becomes of a list that is left."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from store import (
    Deadlines,
    LeaseLost,
    NewInstallation,
    Origin,
    Retention,
    Store,
    StoreError,
    TokenKeys,
    Tokens,
    WrongTokenKeyError,
    installations,
)
from store.models import installations as table
from store.models import metadata
from tests.store.test_hostile import Verbs

KEYS = TokenKeys(["k" * 32])
DAY = timedelta(days=1)
PHONE = "+12125550100"


def granted(slack_id: str = "T0DESK", token: str = "xoxb-1", **changes: object) -> NewInstallation:
    values: dict[str, object] = {
        "team_id": slack_id,
        "enterprise_id": None,
        "name": "Desk",
        "bot_id": "B1",
        "bot_user_id": "U1",
        "scopes": "commands",
        "installed_by": "U0ADMIN",
        "sealed": KEYS.seal(slack_id, Tokens(token)),
    }
    return NewInstallation(**(values | changes))  # type: ignore[arg-type]  # as the class says


def test_tokens_open_for_their_account_and_with_their_key_alone() -> None:
    """A copy of the database opens no workspace, nor does a row that was put in the place of another's."""
    sealed = KEYS.seal("T1", Tokens("xoxb-1", "xoxe-1"))
    assert "xox" not in sealed
    assert KEYS.open("T1", sealed) == Tokens("xoxb-1", "xoxe-1")
    with pytest.raises(WrongTokenKeyError):
        KEYS.open("T2", sealed)
    with pytest.raises(WrongTokenKeyError):
        TokenKeys(["x" * 32]).open("T1", sealed)
    both = TokenKeys(["x" * 32, "k" * 32])
    assert both.open("T1", sealed) == Tokens("xoxb-1", "xoxe-1")
    assert (both.is_of_newest(sealed), KEYS.is_of_newest(sealed)) == (False, True)


def test_whoever_installs_it_again_finds_the_list_as_it_was(store: Store, by_admin: Origin) -> None:
    """The tokens of before are gone, and a late word that it was uninstalled takes none of the new ones."""
    first = store.installations.install(granted(), country="US")
    store.optouts.add(first.account_id, [PHONE], by_admin)
    assert first.sealed is not None
    assert store.installations.uninstalled(first.account_id, first.sealed)
    gone = store.installations.find_of("T0DESK")
    assert gone is not None
    assert (gone.sealed, gone.opted_out) == (None, 1)
    assert gone.gone_at is not None
    again = store.installations.install(granted(token="xoxb-2", name="Desk anew"))
    assert (again.account_id, again.name, again.gone_at) == (first.account_id, "Desk anew", None)
    assert store.optouts.find(again.account_id, PHONE).opted_out
    assert not store.installations.uninstalled(first.account_id, first.sealed)
    assert store.installations.list() == (again,)


def test_one_replica_alone_replaces_a_token(store: Store) -> None:
    """A refresh token is good once; who installs the app anew meanwhile has the last word."""
    soon = datetime.now(UTC) + timedelta(hours=1)
    made = store.installations.install(granted(expires_at=soon))
    verbs = store.installations
    assert verbs.claim_expiring(timedelta(minutes=1), "me", lease_seconds=60) is None
    claimed = verbs.claim_expiring(2 * timedelta(hours=1), "me", lease_seconds=60)
    assert claimed is not None
    assert verbs.claim_expiring(2 * timedelta(hours=1), "you", lease_seconds=60, account=made.account_id) is None
    verbs.refreshed(claimed, "next", soon + DAY)
    found = verbs.find(made.account_id)
    assert found is not None
    assert (found.sealed, found.expires_at) == ("next", soon + DAY)
    verbs.install(granted(expires_at=soon))
    claimed = verbs.claim_expiring(2 * timedelta(hours=1), "me", lease_seconds=60)
    assert claimed is not None
    verbs.install(granted(token="xoxb-3"))
    with pytest.raises(LeaseLost):
        verbs.refreshed(claimed, "too late", soon)


def test_a_state_is_good_once_and_for_a_while(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was used, is too old or was made up is none; and not everybody who begins can fill the disk."""
    verbs = store.installations
    state = verbs.new_state(60)
    assert [verbs.use_state(state), verbs.use_state(state), verbs.use_state("made up")] == [True, False, False]
    late = verbs.new_state(0)
    assert not verbs.use_state(late)
    monkeypatch.setattr(installations, "MOST_STATES", 1)
    verbs.new_state(60)
    with pytest.raises(StoreError, match="Too many installations"):
        verbs.new_state(60)


def test_what_was_uninstalled_long_ago_goes_altogether(store: Store, by_admin: Origin) -> None:
    """Of that account nothing is left in any table, of another's everything; before its time all stays."""
    made = store.installations.install(granted())
    mine = store.accounts.get(made.account_id)
    Verbs(store, mine)
    other = store.installations.install(granted("T0STAYS"))
    store.optouts.add(other.account_id, [PHONE], by_admin)
    assert store.installations.uninstalled(mine.id, "sealed")
    retention = Retention(
        store.database,
        payloads=timedelta(minutes=15),
        names=30 * DAY,
        deadlines=Deadlines(DAY, DAY, DAY),
        uninstalled=30 * DAY,
    )
    assert retention.prune().uninstalled == 0
    with store.database.write() as connection:
        long_ago = datetime.now(UTC) - 31 * DAY
        connection.execute(sa.update(table).where(table.c.account_id == mine.id).values(gone_at=long_ago))
    retention.prune()
    # From the first round on it is nobody's, so that nobody finds it half gone.
    assert store.installations.find_of("T0DESK") is None
    begun = store.installations.install(granted())
    assert begun.account_id != mine.id
    while retention.prune().uninstalled:
        pass
    with store.database.read() as connection:
        for one in metadata.sorted_tables:
            if "account_id" in one.c:
                left = sa.select(sa.func.count()).select_from(one).where(one.c.account_id == mine.id)
                assert connection.execute(left).scalar_one() == 0, one.name
    assert store.optouts.find(other.account_id, PHONE).opted_out
    assert begun in store.installations.list()
