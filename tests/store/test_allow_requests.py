"""Requests that need a second admin: asked once, decided once, by another, and never about what came later."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from store import Account, Actor, AllowDecision, AllowState, Cause, Function, Origin, Store, StoreError
from store.allow_requests import AllowAsked
from store.models import allow_requests
from tests.entries import latest_entries
from tests.store.test_concurrency import together

ONE, TWO = "+12125550100", "+12125550101"
ROBIN, AVERY = Actor("U0ROBIN", "robin"), Actor("U0AVERY", "avery")


def by(actor: Actor, reason: str | None = "she signed a paper") -> Origin:
    return Origin(Function.DELETE, actor, "C0ADMINS", "campaign-admins", reason=reason)


def threaten(store: Store, account: Account, phone: str = ONE) -> None:
    store.optouts.add(account.id, [phone], Origin(Function.FORM, ROBIN, cause=Cause.LEGAL))


def asked(store: Store, account: Account, phone: str = ONE) -> int:
    """ONE was opted out after a threat, and Robin asks to allow texts again; the id of the request."""
    threaten(store, account, phone)
    request = store.allow_requests.ask(account.id, phone, by(ROBIN), thread_ts="1.1").request
    assert request is not None
    return request.id


def make_old(store: Store) -> None:
    """As if the three days were over."""
    with store.database.write() as connection:
        over = store.now() - timedelta(seconds=1)
        connection.execute(sa.update(allow_requests).values(expires_at=over))


def test_a_second_admin_says_yes(store: Store, account: Account) -> None:
    """Asking changes nothing of the list; another's yes lifts, and both are named in what stays."""
    store.campaigns.put(account.id, "c1", "GOTV", active=True)
    store.campaigns.put_conversation(account.id, "c1", "contact", ONE)
    request = store.allow_requests.get(account.id, asked(store, account))
    assert (request.actor, request.reason, request.state) == (ROBIN, "she signed a paper", AllowState.ASKED)
    assert (request.phone, request.channel_id, request.thread_ts) == (ONE, "C0ADMINS", "1.1")
    assert request.expires_at - request.asked_at > timedelta(hours=71)
    state = store.optouts.find(account.id, ONE)
    assert state.opted_out
    assert [remark.reason for remark in state.remarks] == [
        "Asked to allow texts again, for which a second admin has to say yes: she signed a paper"
    ]
    done = store.allow_requests.decide(account.id, request.id, by(AVERY, None), allow=True)
    assert (done.newly, done.own, done.request.state, done.request.decider) == (True, False, AllowState.ALLOWED, AVERY)
    assert done.deleted is not None
    assert [c.campaign for c in done.deleted.reopened] == ["GOTV"]
    state = store.optouts.find(account.id, ONE)
    assert not state.opted_out
    assert state.opt_outs[0].lifted is not None
    lifted = state.opt_outs[0].lifted
    assert (lifted.actor, lifted.reason) == (AVERY, "she signed a paper (asked by robin)")
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 0


def test_the_first_cannot_be_the_second(store: Store, account: Account) -> None:
    """The asker's own yes does nothing, however often; their no takes the request back."""
    request = asked(store, account)
    for _ in range(2):
        own = store.allow_requests.decide(account.id, request, by(ROBIN), allow=True)
        assert (own.own, own.newly, own.request.state) == (True, False, AllowState.ASKED)
    assert store.optouts.find(account.id, ONE).opted_out
    assert store.allow_requests.decide(account.id, request, by(ROBIN), allow=False).request.state == "declined"
    assert not store.allow_requests.decide(account.id, request, by(AVERY), allow=True).newly
    assert store.optouts.find(account.id, ONE).opted_out


def test_asking_twice_is_asking_once(store: Store, account: Account) -> None:
    """While one waits, whoever asks gets that one; once it is declined it can be asked anew."""
    request = asked(store, account)
    entries = len(latest_entries(store, account.id, 9))
    for actor in (ROBIN, AVERY):
        again = store.allow_requests.ask(account.id, ONE, by(actor, "me too"))
        assert again.request is not None
        assert (again.newly, again.request.id, again.request.actor) == (False, request, ROBIN)
    assert len(latest_entries(store, account.id, 9)) == entries
    store.allow_requests.decide(account.id, request, by(AVERY), allow=False)
    anew = store.allow_requests.ask(account.id, ONE, by(AVERY))
    assert anew.newly
    assert anew.request is not None
    assert (anew.request.actor, anew.request.id > request) == (AVERY, True)


def test_decided_once(store: Store, account: Account) -> None:
    """Whoever comes second is told what the first did, whatever they wanted."""
    request = asked(store, account)
    assert store.allow_requests.decide(account.id, request, by(AVERY), allow=False).newly
    for allow in (True, False):
        late = store.allow_requests.decide(account.id, request, by(Actor("U3", "kit")), allow=allow)
        assert (late.newly, late.deleted, late.request.state, late.request.decider) == (
            *(False, None, AllowState.DECLINED, AVERY),
        )
    assert store.optouts.find(account.id, ONE).opted_out


def test_what_came_later_is_not_lifted(store: Store, account: Account) -> None:
    """A STOP since the request closes it, for whoever decides and whoever asks again."""
    request = asked(store, account)
    store.optouts.add(account.id, [ONE], Origin(Function.KEYWORD, Actor("system", "STOP")))
    late = store.allow_requests.decide(account.id, request, by(AVERY), allow=True)
    assert (late.newly, late.request.state, late.request.decider) == (True, AllowState.OVERTAKEN, None)
    assert len(store.optouts.find(account.id, ONE).standing) == 2
    other = asked(store, account, TWO)
    threaten(store, account, TWO)
    anew = store.allow_requests.ask(account.id, TWO, by(AVERY))
    assert anew.newly
    assert store.allow_requests.get(account.id, other).state is AllowState.OVERTAKEN


def test_what_is_not_opted_out_any_more(store: Store, account: Account) -> None:
    """There is nothing to ask, and nothing to decide; a stale look is told so."""
    assert store.allow_requests.ask(account.id, ONE, by(ROBIN)).request is None
    threaten(store, account)
    seen = store.optouts.find(account.id, ONE).last_entry
    threaten(store, account)
    stale = store.allow_requests.ask(account.id, ONE, by(ROBIN), last_entry=seen)
    assert (stale.request, stale.changed) == (None, True)


def test_time_runs_out(store: Store, account: Account) -> None:
    """After three days nobody can say yes any more; it is found, closed once, and can be asked anew."""
    first, second, third = (asked(store, account, f"+1212555010{n}") for n in range(3))
    assert store.allow_requests.due() == ()
    make_old(store)
    late = store.allow_requests.decide(account.id, first, by(AVERY), allow=True)
    assert (late.newly, late.request.state) == (True, AllowState.EXPIRED)
    anew = store.allow_requests.ask(account.id, "+12125550101", by(AVERY))
    assert anew.newly
    assert store.allow_requests.get(account.id, second).state is AllowState.EXPIRED
    (due,) = store.allow_requests.due()
    assert due.id == third
    for _ in range(2):
        store.allow_requests.expire(due)
    assert store.allow_requests.get(account.id, third).state is AllowState.EXPIRED
    assert store.allow_requests.due() == ()
    assert store.optouts.count(account.id) == 3


def test_accounts_do_not_meet_here_either(store: Store, account: Account) -> None:
    """A request of one account is none of another's."""
    request = asked(store, account)
    other = store.accounts.get_or_create("T0OTHER", "Other")
    with pytest.raises(StoreError, match="no such request"):
        store.allow_requests.decide(other.id, request, by(AVERY), allow=True)
    assert store.optouts.find(account.id, ONE).opted_out


@pytest.mark.wide_but_first
def test_two_ask_and_two_decide_at_once(store: Store, account: Account, database_url: str) -> None:
    """On two replicas one asks and one decides; the other is told what is so, and nothing is done twice."""
    other = Store.open(database_url)
    kit = Actor("U0KIT", "kit")
    for n in range(5):
        phone = f"+1212555010{n}"
        threaten(store, account, phone)

        def asking(replica: Store, actor: Actor, phone: str = phone) -> Callable[[], AllowAsked]:
            return lambda: replica.allow_requests.ask(account.id, phone, by(actor))

        first, second = together(asking(store, ROBIN), asking(other, ROBIN))
        assert first.request is not None
        assert first.request == second.request
        assert sorted([first.newly, second.newly]) == [False, True]

        def deciding(
            replica: Store, actor: Actor, allow: bool, request: int = first.request.id
        ) -> Callable[[], AllowDecision]:
            return lambda: replica.allow_requests.decide(account.id, request, by(actor, None), allow=allow)

        yes, no = together(deciding(store, AVERY, True), deciding(other, kit, False))
        assert sorted([yes.newly, no.newly]) == [False, True]
        assert yes.request == no.request
        assert store.optouts.find(account.id, phone).opted_out is (not yes.newly)
    other.close()
    assert store.optouts.count(account.id) == store.optouts.recount(account.id)
