"""An account that another database has: what is left of it in this one is nobody's to work on."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from store import (
    AccountSettings,
    DestinationKind,
    Errand,
    Function,
    KeyRefused,
    NewDestination,
    NewInstallation,
    Origin,
    Scope,
    Served,
    Store,
)
from tests.conftest import ADMIN
from tests.store.test_allow_requests import asked, make_old
from tests.store.test_heard import hear

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


def test_what_is_left_elsewhere_is_in_no_figure_and_no_loop(stores: tuple[Store, Store]) -> None:
    """
    Of both accounts there is a reply and a handover that wait, a request that nobody allowed in time, a digest that is due, and an
    event that was discarded. Those of the one elsewhere are shown, ended and counted there: here an alarm would never end.
    """
    whole, served = stores
    for slack_id in (ELSEWHERE, HERE):
        account = whole.accounts.get_or_create(slack_id, slack_id)
        whole.accounts.change(account.id, BY_ADMIN, settings=AccountSettings(digest_channel="C1"))
        hear(whole, account, "please stop, I voted for her last week")
        whole.handovers.hand_over(account.id, Errand("optout.add", "+12125550153"), BY_ADMIN, thread_ts="1.000001")
        asked(whole, account)
        event = whole.inbox.keep(account.id, "Ev1", "message", None, {"event": {"type": "message"}}, owner="me")
        assert event is not None
        whole.inbox.discard(event, "it is none")
        whole.destinations.make(account.id, NewDestination(DestinationKind.FILE, "CRM", "C1", "phones"), BY_ADMIN)
    make_old(whole)
    here = served.accounts.find(HERE)
    assert here is not None
    assert {account for account, _ in whole.replies.waiting_by_message()} > {here.id}
    assert {account for account, _ in served.replies.waiting_by_message()} == {here.id}
    assert [request.account_id for request in served.allow_requests.due()] == [here.id]
    assert [handover.account_id for handover in served.handovers.list_open()] == [here.id]
    assert (served.handovers.expire(timedelta()), whole.handovers.expire(timedelta())) == (1, 1)
    due = served.digests.claim(served.now(), owner="me", lease_seconds=60.0)
    assert due is not None
    assert due.account.id == here.id
    assert served.digests.claim(served.now(), owner="me", lease_seconds=60.0) is None
    assert (_counted(served), _counted(whole)) == ([1] * 5, [2] * 5)


def _counted(store: Store) -> list[int]:
    """The accounts, opted-out phones, replies that wait, events that were discarded and destinations that *store* tells of."""
    figures = store.figures()
    discarded = sum(store.backlogs()["inbox"].discarded.values())
    return [
        figures.accounts,
        figures.opted_out,
        figures.replies.number,
        discarded,
        sum(store.destinations.counts().values()),
    ]
