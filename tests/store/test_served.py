"""An account that another database has: what is left of it in this one is nobody's to work on."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from store import Function, KeyRefused, NewInstallation, Origin, Scope, Served, Store
from tests.conftest import ADMIN

BY_ADMIN = Origin(Function.COMMAND, ADMIN)
HERE, ELSEWHERE = "T0HERE", "T0ELSEWHERE"


@pytest.fixture(
    params=[Served(frozenset({ELSEWHERE})), Served(frozenset({HERE}), all_but=False)], ids=["all but", "only"]
)
def stores(request: pytest.FixtureRequest, store: Store, database_url: str) -> Iterator[tuple[Store, Store]]:
    """A store that serves all, and the same database with one of its accounts elsewhere, said in either of the two ways."""
    served = Store.open(database_url, served=request.param)
    yield store, served
    served.close()


def test_only_those_that_are_served_are_worked_on(stores: tuple[Store, Store]) -> None:
    """
    Of both accounts there is an event that waits, a token that expires, a key and a hook: those of the one elsewhere are found by
    nobody, and are there as they were for whoever serves all.
    """
    whole, served = stores
    keys, hooks = {}, {}
    for slack_id in (ELSEWHERE, HERE):
        account = whole.accounts.get_or_create(slack_id, slack_id)
        new = NewInstallation(slack_id, None, slack_id, "B1", "U1", "chat:write", "U2", "sealed", whole.now())
        whole.installations.install(new)
        whole.inbox.keep(account.id, "Ev1", "message", None, {"event": {"type": "message"}}, lease_seconds=0.0)
        keys[slack_id] = whole.keys.make(account.id, "bridge", (Scope.CHECK,), None, BY_ADMIN)
        hooks[slack_id] = whole.hooks.make_twilio(account.id, "main", f"AC{'0' * 32}", "t" * 32, BY_ADMIN)
    here = whole.accounts.find(HERE)
    assert here is not None
    event = served.inbox.claim("me", lease_seconds=60.0)
    assert event is not None
    assert event.account_id == here.id
    assert served.inbox.claim("me", lease_seconds=60.0) is None
    claimed = served.installations.claim_expiring(timedelta(days=1), "me", lease_seconds=60.0)
    assert claimed is not None
    assert claimed.slack_id == HERE
    assert served.installations.claim_expiring(timedelta(days=1), "me", lease_seconds=60.0) is None
    assert [one.slack_id for one in served.installations.list()] == [HERE]
    assert served.installations.find_of(ELSEWHERE) is None
    due = served.hooks.claim(owner="me", lease_seconds=60.0)
    assert due is not None
    assert due.hook.account_id == here.id
    assert served.hooks.claim(owner="me", lease_seconds=60.0) is None
    assert served.hooks.find(hooks[HERE].id) is not None
    assert served.hooks.find(hooks[ELSEWHERE].id) is None
    assert served.keys.verify(keys[HERE].text).account_id == here.id
    assert (served.keys.is_here(keys[HERE].key.id), served.keys.is_here(keys[ELSEWHERE].key.id)) == (True, False)
    with pytest.raises(KeyRefused):
        served.keys.verify(keys[ELSEWHERE].text)
    assert whole.inbox.claim("other", lease_seconds=60.0) is not None
    assert whole.hooks.find(hooks[ELSEWHERE].id) is not None
    assert whole.keys.is_here(keys[ELSEWHERE].key.id)
