"""Adding, finding, deleting and counting opt-outs, on both databases."""

import dataclasses

import pytest

from store import Account, Actor, AllowRule, Function, Origin, Store, StoreRefused
from store.errors import KeyReused, NotE164
from tests.entries import latest_entries

ONE = "+12125550100"
TWO = "+12125550101"
THREE = "+447911123456"


def test_a_new_phone_is_newly_opted_out(store: Store, account: Account, by_admin: Origin) -> None:
    """Adding a phone that was not out says so, and the phone is out from then on."""
    (added,) = store.optouts.add(account.id, [ONE], by_admin)
    assert added.newly
    state = store.optouts.find(account.id, ONE)
    assert state.opted_out
    assert state.since == added.entry.at
    assert store.optouts.count(account.id) == 1


def test_an_entry_keeps_who_where_and_why(store: Store, account: Account) -> None:
    """What the request said of itself is found again, word by word."""
    by = Origin(
        Function.MENTION,
        Actor("U1", "Zoë 🦊"),
        channel_id="C1",
        channel_name="support",
        message_ts="1700000000.000100",
        permalink="https://desk.slack.com/archives/C1/p1700000000000100",
        reason="asked by e-mail; 'quoted' % \\ done",
    )
    store.optouts.add(account.id, [ONE], by)
    entry = store.optouts.find(account.id, ONE).opt_outs[0].entry
    for field in dataclasses.fields(Origin):
        assert getattr(entry, field.name) == getattr(by, field.name)
    assert entry.at.utcoffset() is not None


def test_one_request_is_one_entry(store: Store, account: Account, by_admin: Origin) -> None:
    """Many phones in one request share an entry; each distinct phone is answered once, in the order given."""
    added = store.optouts.add(account.id, [TWO, ONE, TWO, THREE], by_admin)
    assert [a.phone for a in added] == [TWO, ONE, THREE]
    assert {a.entry.id for a in added} == {1}
    assert len(latest_entries(store, account.id, 10)) == 1


def test_a_phone_that_is_out_gets_one_more_reason(store: Store, account: Account, by_admin: Origin) -> None:
    """Adding again names the oldest standing reason, keeps the new one, and does not count the phone twice."""
    (first,) = store.optouts.add(account.id, [ONE], by_admin)
    store.optouts.add(account.id, [ONE], dataclasses.replace(by_admin, reason="second"))
    (third,) = store.optouts.add(account.id, [ONE], dataclasses.replace(by_admin, reason="third"))
    assert not third.newly
    assert third.before is not None
    assert third.before.entry == first.entry
    reasons = [opt_out.entry.reason for opt_out in store.optouts.find(account.id, ONE).opt_outs]
    assert reasons == ["third", "second", None]
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 1


def test_nothing_to_add_writes_nothing(store: Store, account: Account, by_admin: Origin) -> None:
    """No phones, no entry."""
    assert store.optouts.add(account.id, [], by_admin) == ()
    assert latest_entries(store, account.id, 10) == ()


def test_a_failed_add_leaves_no_trace(store: Store, account: Account, by_admin: Origin) -> None:
    """One phone that is not E.164 takes the whole request back: entry, other phones and count."""
    with pytest.raises(NotE164):
        store.optouts.add(account.id, [ONE, "2125550100"], by_admin)
    assert latest_entries(store, account.id, 10) == ()
    assert not store.optouts.find(account.id, ONE).opted_out
    assert store.optouts.count(account.id) == 0


def test_a_phone_never_heard_of_has_an_empty_state(store: Store, account: Account) -> None:
    """Not knowing a phone is an answer."""
    state = store.optouts.find(account.id, ONE)
    assert (state.opted_out, state.since, state.opt_outs, state.conversations, state.last_entry) == (
        False,
        None,
        (),
        (),
        0,
    )


@pytest.mark.wide_but_first
def test_many_are_found_at_once(store: Store, account: Account, by_admin: Origin) -> None:
    """Forty thousand phones, beyond any limit on parameters, are looked up by one call, in their order."""
    phones = [f"+1212{n:07}" for n in reversed(range(40_000))]
    store.optouts.add(account.id, [phones[7], phones[39_999]], by_admin)
    states = store.optouts.find_many(account.id, phones)
    assert list(states) == phones
    assert [phone for phone, state in states.items() if state.opted_out] == [phones[7], phones[39_999]]


def test_accounts_do_not_meet(store: Store, account: Account, by_admin: Origin) -> None:
    """An opt-out of one account is none of another's, and a delete there changes nothing here."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(account.id, [ONE], by_admin)
    assert not store.optouts.find(other.id, ONE).opted_out
    assert store.optouts.delete(other.id, ONE, by_admin).lifted == ()
    assert store.optouts.find(account.id, ONE).opted_out
    (added,) = store.optouts.add(other.id, [ONE], by_admin)
    assert added.newly
    assert added.entry.id == 1
    assert (store.optouts.count(account.id), store.optouts.count(other.id)) == (1, 1)


def test_delete_lifts_every_reason_and_keeps_them(store: Store, account: Account, by_admin: Origin) -> None:
    """After a delete the phone is in again; its reasons stay, each with the entry that lifted it."""
    store.optouts.add(account.id, [ONE], by_admin)
    store.optouts.add(account.id, [ONE, TWO], by_admin)
    by = dataclasses.replace(by_admin, function=Function.DELETE, reason="wrong number")
    deleted = store.optouts.delete(account.id, ONE, by)
    assert [opt_out.entry.id for opt_out in deleted.lifted] == [2, 1]
    state = store.optouts.find(account.id, ONE)
    assert state == deleted.state
    assert not state.opted_out
    assert [(o.lifted.function, o.lifted.reason) for o in state.opt_outs if o.lifted] == [
        ("delete", "wrong number")
    ] * 2
    assert store.optouts.find(account.id, TWO).opted_out
    assert store.optouts.count(account.id) == store.optouts.recount(account.id) == 1


def test_a_second_delete_is_harmless(store: Store, account: Account, by_admin: Origin) -> None:
    """Deleting what is not out lifts nothing and writes no entry."""
    store.optouts.add(account.id, [ONE], by_admin)
    store.optouts.delete(account.id, ONE, by_admin)
    again = store.optouts.delete(account.id, ONE, by_admin)
    assert (again.lifted, again.changed) == ((), False)
    assert len(latest_entries(store, account.id, 10)) == 2
    assert store.optouts.count(account.id) == 0


def test_a_phone_can_go_out_again(store: Store, account: Account, by_admin: Origin) -> None:
    """After a delete, adding is "newly" again, and the next delete lifts only the new reason."""
    store.optouts.add(account.id, [ONE], by_admin)
    store.optouts.delete(account.id, ONE, by_admin)
    (added,) = store.optouts.add(account.id, [ONE], by_admin)
    assert added.newly
    assert store.optouts.find(account.id, ONE).since == added.entry.at
    deleted = store.optouts.delete(account.id, ONE, by_admin)
    assert [opt_out.entry.id for opt_out in deleted.lifted] == [3]


def test_delete_of_a_stale_view_changes_nothing(store: Store, account: Account, by_admin: Origin) -> None:
    """Opted out again after the person looked: nothing is lifted, and the answer says that it changed."""
    store.optouts.add(account.id, [ONE], by_admin)
    seen = store.optouts.find(account.id, ONE).last_entry
    store.optouts.add(account.id, [ONE], by_admin)
    deleted = store.optouts.delete(account.id, ONE, by_admin, last_entry=seen)
    assert (deleted.changed, deleted.lifted) == (True, ())
    assert len(deleted.state.standing) == 2
    assert store.optouts.delete(account.id, ONE, by_admin, last_entry=deleted.state.last_entry).lifted


def test_delete_after_somebody_elses_delete_is_not_a_change(store: Store, account: Account, by_admin: Origin) -> None:
    """The phone being in already is what the person wanted: nothing to lift, and no "changed"."""
    store.optouts.add(account.id, [ONE], by_admin)
    seen = store.optouts.find(account.id, ONE).last_entry
    store.optouts.delete(account.id, ONE, by_admin)
    deleted = store.optouts.delete(account.id, ONE, by_admin, last_entry=seen)
    assert (deleted.changed, deleted.lifted) == (False, ())


def test_opting_out_marks_conversations_and_delete_reopens_the_active(
    store: Store, account: Account, by_admin: Origin
) -> None:
    """Conversations follow the phone: all are marked, only those in active campaigns re-open, and they are named."""
    store.campaigns.put(account.id, "gotv", "GOTV October", active=True)
    store.campaigns.put(account.id, "old", "Phonebank 2025", active=False)
    for campaign in ("gotv", "old"):
        store.campaigns.put_conversation(account.id, campaign, "contact-1", ONE)
        store.campaigns.put_conversation(account.id, campaign, "contact-2", TWO)
    store.optouts.add(account.id, [ONE, TWO], by_admin)
    deleted = store.optouts.delete(account.id, ONE, by_admin)
    assert [(c.campaign, c.opted_out) for c in deleted.reopened] == [("GOTV October", False)]
    after = [(c.campaign_id, c.opted_out) for c in store.optouts.find(account.id, ONE).conversations]
    assert after == [("gotv", False), ("old", True)]
    assert all(c.opted_out for c in store.optouts.find(account.id, TWO).conversations)


def test_entries_come_newest_first_and_bounded(store: Store, account: Account, by_admin: Origin) -> None:
    """The last entries only, numbered from 1 within the account."""
    for phone in (ONE, TWO, THREE):
        store.optouts.add(account.id, [phone], by_admin)
    assert [entry.id for entry in latest_entries(store, account.id, 2)] == [3, 2]


def test_what_asks_twice_is_done_once(store: Store, account: Account, by_admin: Origin) -> None:
    """The second request of the same name does nothing and is answered as the first; another account's is its own."""
    other = store.accounts.get_or_create("T2", "Other")
    store.optouts.add(account.id, [TWO], by_admin)
    first = store.optouts.add(account.id, [ONE, TWO], by_admin, idempotency_key="view V1")
    store.optouts.delete(account.id, TWO, by_admin)
    store.optouts.add(account.id, [TWO], by_admin)
    again = store.optouts.add(account.id, [ONE, TWO], by_admin, idempotency_key="view V1")
    assert [(one.phone, one.entry, one.newly) for one in again] == [(one.phone, one.entry, one.newly) for one in first]
    assert [one.before and one.before.entry.id for one in again] == [None, 1]
    assert store.optouts.count(account.id) == 2
    assert len(latest_entries(store, account.id, 9)) == 4
    assert len(store.optouts.add(other.id, [ONE], by_admin, idempotency_key="view V1")) == 1
    with pytest.raises(KeyReused):
        store.optouts.add(
            account.id, [ONE], dataclasses.replace(by_admin, function=Function.FORM), idempotency_key="view V1"
        )


def test_what_failed_can_be_asked_again(store: Store, account: Account, by_admin: Origin) -> None:
    """When the opt-out is rolled back, so is the name it was asked by."""
    no_upload = dataclasses.replace(by_admin, function=Function.UPLOAD)
    with pytest.raises(StoreRefused, match="rules of the list do not allow this, so nothing was changed"):
        store.optouts.add(account.id, [ONE], no_upload, idempotency_key="event Ev1")
    [added] = store.optouts.add(account.id, [ONE], by_admin, idempotency_key="event Ev1")
    assert added.newly


def test_a_digest_of_the_request_tells_another_from_the_same(store: Store, account: Account, by_admin: Origin) -> None:
    """A sender that promises one key a request is told when it breaks the promise, of either verb."""
    store.optouts.add(account.id, [ONE], by_admin, idempotency_key="a", asked="1")
    with pytest.raises(KeyReused):
        store.optouts.add(account.id, [TWO], by_admin, idempotency_key="a", asked="2")
    with pytest.raises(KeyReused):
        store.optouts.delete(account.id, ONE, by_admin, idempotency_key="a", asked="1")
    assert store.optouts.count(account.id) == 1


def test_a_delete_that_comes_twice_is_done_once(store: Store, account: Account, by_admin: Origin) -> None:
    """The second time it answers what the first did, and lifts nothing that came since; also where it found nothing."""
    store.campaigns.put(account.id, "gotv", "GOTV", active=True)
    store.campaigns.put_conversation(account.id, "gotv", "ada", ONE)
    nothing = store.optouts.delete(account.id, ONE, by_admin, idempotency_key="nothing")
    store.optouts.add(account.id, [ONE], by_admin)
    first = store.optouts.delete(account.id, ONE, by_admin, idempotency_key="b")
    assert (nothing.entry, len(first.reopened)) == (None, 1)
    store.optouts.add(account.id, [ONE], by_admin)
    for key, before in (("nothing", nothing), ("b", first)):
        again = store.optouts.delete(account.id, ONE, by_admin, idempotency_key=key)
        assert (again.entry, again.reopened) == (before.entry, before.reopened)
    assert store.optouts.find(account.id, ONE).opted_out


def test_a_stricter_rule_than_is_asked_for_lifts_nothing(store: Store, account: Account, by_admin: Origin) -> None:
    """Where only mistakes may be taken back, no reason helps; and what was refused may be asked again by the same key."""
    asked = dataclasses.replace(by_admin, reason="she asked us to stop")
    store.optouts.add(account.id, [ONE], asked)
    by = dataclasses.replace(by_admin, reason="she texted START")
    refused = store.optouts.delete(account.id, ONE, by, most=AllowRule.CONFIRM, idempotency_key="a")
    assert refused.missing is AllowRule.REASON
    assert store.optouts.find(account.id, ONE).opted_out
    assert store.optouts.delete(account.id, ONE, by, idempotency_key="a").lifted
