"""The buttons on answers: asked, confirmed, done once, and never on what has changed meanwhile."""

import json
from typing import Any

import pytest

from bot.sandbox import SandboxMessage, State
from handlers.ttl_cache import TtlCache
from store import Cause, Function, Origin
from tests.entries import latest_entries
from tests.handlers.conftest import TICKETS, Office, on_both_databases

ONE = "+12125550100"


async def without_buttons(office: Office, ts: str) -> SandboxMessage:
    """The message *ts* once its buttons are gone."""

    def bare(state: State) -> SandboxMessage | None:
        message = state.message(ts)
        return message if message is not None and not message.buttons else None

    return await office.people.until(bare)


async def campaigns(office: Office) -> None:
    """ONE is in two active campaigns, in one of them twice, and in a finished one; and opted out."""
    store, account = office.store, office.account.id
    for campaign, name, active in (
        ("c1", "GOTV October", True),
        ("c2", "Volunteers & <Drive>", True),
        ("c3", "Old", False),
    ):
        store.campaigns.put(account, campaign, name, active=active)
        store.campaigns.put_conversation(account, campaign, "contact", ONE)
    store.campaigns.put_conversation(account, "c1", "again", ONE)
    await office.opt_out(ONE, reason="called us")


async def test_delete_asks_first(office: Office) -> None:
    """`/optout delete` changes nothing: it asks, with Slack's dialog saying what would re-open."""
    await campaigns(office)
    question = await office.ask("admin", f"delete {ONE}")
    assert question.text.startswith("*Allow texts to (212) 555-0100 again?* It is opted out <!date^")
    assert "called us_" in question.all_text
    button = question.button("optout.delete")
    assert button.confirm is not None
    assert button.confirm["text"]["text"] == (
        "(212) 555-0100 can be texted again. "
        "3 conversations in active campaigns re-open: GOTV October and Volunteers & <Drive>."
    )
    assert (button.confirm["confirm"]["text"], button.confirm["deny"]["text"]) == ("Allow texts again", "Keep")
    assert office.store.optouts.find(office.account.id, ONE).opted_out


@on_both_databases
async def test_delete_answers_in_the_thread(office: Office) -> None:
    """The button deletes; the thread says what re-opened; the question loses its button."""
    await campaigns(office)
    question = await office.ask("admin", f"delete {ONE} reason:wrong number, by phone")
    await office.press("second-admin", question, "optout.delete")
    second = await office.actor("second-admin")
    answered = await office.replies_to(question.ts, 1)
    said = answered.thread[0].all_text
    assert f"*Texts to (212) 555-0100 are allowed again* · by {second.name}" in said
    assert "3 conversations re-opened: GOTV October (2 conversations) and Volunteers &amp; &lt;Drive&gt;" in said
    settled = await without_buttons(office, question.ts)
    assert f"Texts allowed again by {second.name}<!date^" in settled.all_text
    assert "Allow texts to" in settled.all_text
    state = office.store.optouts.find(office.account.id, ONE)
    assert not state.opted_out
    lifted = state.opt_outs[0].lifted
    assert lifted is not None
    assert (lifted.actor, lifted.reason) == (second, "wrong number, by phone")
    assert [c.opted_out for c in state.conversations] == [False, False, False, True]
    before = await office.ask("admin", ONE)
    assert before.text == "*(212) 555-0100 is not opted out.* It was before."
    assert f"Texts allowed again by {second.name}" in before.all_text
    assert "wrong number, by phone" in before.all_text


@pytest.mark.wide_but_first
@on_both_databases
async def test_a_second_press_is_harmless(office: Office) -> None:
    """Pressing a button again, from another copy of it, says who deleted and when."""
    await office.opt_out(ONE)
    first = await office.ask("admin", f"delete {ONE}")
    second = await office.ask("admin", f"search {ONE}")
    await office.press("admin", first, "optout.delete")
    await office.replies_to(first.ts, 1)
    entries = len(latest_entries(office.store, office.account.id, 100))
    await office.press("second-admin", second, "optout.delete")
    answered = await office.replies_to(second.ts, 1)
    admin = await office.actor("admin")
    assert "*(212) 555-0100 is not opted out*: nothing was changed. Texts allowed again by" in answered.thread[0].text
    assert f"Texts allowed again by {admin.name}" in answered.thread[0].text
    await without_buttons(office, second.ts)
    assert len(latest_entries(office.store, office.account.id, 100)) == entries


@on_both_databases
async def test_a_stale_button_deletes_nothing(office: Office) -> None:
    """Somebody opted the phone out again since the question: that newer request stands."""
    await office.opt_out(ONE)
    question = await office.ask("admin", f"delete {ONE}")
    await office.opt_out(ONE, by="support", reason="wrote again")
    await office.press("admin", question, "optout.delete")
    answered = await office.replies_to(question.ts, 1)
    assert "was opted out again after you were asked*, so nothing was changed" in answered.thread[0].text
    assert "wrote again" in answered.thread[0].text
    assert len(office.store.optouts.find(office.account.id, ONE).standing) == 2
    await without_buttons(office, question.ts)


@on_both_databases
async def test_delete_of_what_is_not_opted_out(office: Office) -> None:
    """There is nothing to ask."""
    answer = await office.ask("admin", f"delete {ONE}", replies=0)
    assert answer.text == "*(212) 555-0100 is not opted out*: there is nothing to allow again."
    assert answer.buttons == []


async def asked_why(office: Office, user: str) -> dict[str, Any]:
    """The form that asks *user* why, once it is open."""

    def there(state: State) -> dict[str, Any] | None:
        return next((view for view in state.views(user) if view["callback_id"] == "optout.why"), None)

    return await office.people.until(there)


async def stop(office: Office) -> None:
    """The contact itself replied STOP."""
    office.store.optouts.add(office.account.id, [ONE], Origin(Function.KEYWORD, await office.actor("admin")))


@pytest.mark.parametrize("cause", [None, Cause.ASKED])
async def test_what_the_contact_asked_for_needs_a_reason(office: Office, cause: Cause | None) -> None:
    """The form names the carrier's own block, which a delete does not lift, and wants the reason before anything is done."""
    admin = await office.actor("admin")
    function = Function.KEYWORD if cause is None else Function.SHORTCUT
    office.store.optouts.add(office.account.id, [ONE], Origin(function, admin, cause=cause))
    question = await office.ask("admin", f"delete {ONE}")
    assert question.button("optout.delete").confirm is None
    await office.press("admin", question, "optout.delete")
    form = await asked_why(office, "admin")
    assert "until they text START" in str(form)
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    blank = await office.people.submit("admin", form["id"], {"optout.why": " \n "})
    assert "Write why this number may be texted again" in str(blank.errors)
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    assert (await office.people.submit("admin", form["id"], {"optout.why": "she called <!channel> back"})).ok
    answered = await office.replies_to(question.ts, 1)
    assert "are allowed again*" in answered.thread[0].text
    assert "until they text START" in answered.thread[0].all_text
    lifted = office.store.optouts.find(office.account.id, ONE).opt_outs[0].lifted
    assert lifted is not None
    assert lifted.reason == "she called @channel back"


async def test_what_staff_did_needs_no_reason(office: Office) -> None:
    """A mistake of staff is taken back by the button and its dialog alone, even while another opt-out is lifted already."""
    await stop(office)
    office.store.optouts.delete(office.account.id, ONE, Origin(Function.DELETE, await office.actor("admin")))
    await office.opt_out(ONE)
    question = await office.ask("admin", f"delete {ONE}")
    await office.press("admin", question, "optout.delete")
    assert not office.store.optouts.find(office.account.id, ONE).opted_out
    assert (await office.people.state()).views("admin") == []


@on_both_databases
async def test_the_form_is_as_old_as_its_question(office: Office) -> None:
    """A STOP that comes while the form is open is not taken back with it; nor is anything twice."""
    await stop(office)
    question = await office.ask("admin", f"delete {ONE}")
    await office.press("admin", question, "optout.delete")
    form = await asked_why(office, "admin")
    await stop(office)
    assert (await office.people.submit("admin", form["id"], {"optout.why": "mistake"})).ok
    answered = await office.replies_to(question.ts, 1)
    assert "was opted out again after you were asked" in answered.thread[0].text
    assert len(office.store.optouts.find(office.account.id, ONE).standing) == 2


async def test_a_demoted_admin_with_an_open_form(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is no admin any more when they submit is told so in the form, and nothing is done."""
    await stop(office)
    question = await office.ask("admin", f"delete {ONE}")
    await office.press("second-admin", question, "optout.delete")
    form = await asked_why(office, "second-admin")
    monkeypatch.setattr(TtlCache, "get", lambda _self, _key: None)  # the minute is over for which people are remembered
    await office.people.update_user("second-admin", is_admin=False)
    assert (await office.people.submit("second-admin", form["id"], {"optout.why": "mine"})).acknowledged
    assert "Only admins can allow texts again." in str((await office.people.state()).views("second-admin"))
    assert office.store.optouts.find(office.account.id, ONE).opted_out


async def test_opt_out_from_a_search(office: Office) -> None:
    """*Opt out* on a search opts out, answers in its thread, and goes away."""
    found = await office.ask("support", ONE, channel=TICKETS, replies=0)
    await office.press("support", found, "optout.add")
    answered = await office.replies_to(found.ts, 1)
    assert answered.thread[0].text == "*(212) 555-0100 opted out* · by support"
    support = await office.actor("support")
    settled = await without_buttons(office, found.ts)
    assert f"Opted out by {support.name}" in settled.all_text
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.function, entry.actor, entry.channel_name) == (Function.BUTTON, support, TICKETS)


async def test_buttons_the_asker_alone_sees(office: Office) -> None:
    """Where the bot cannot post, the buttons work all the same, and their answer replaces the question."""
    await office.opt_out(ONE)
    question = await office.ask_alone("admin", f"delete {ONE}", channel="field-private")
    await office.press("admin", question, "optout.delete")

    def replaced(state: State) -> SandboxMessage | None:
        return next((m for m in state.ephemerals("admin") if "are allowed again" in m.all_text), None)

    answer = await office.people.until(replaced)
    assert answer.buttons == []
    assert not office.store.optouts.find(office.account.id, ONE).opted_out
    assert not any("Allow texts to" in m.all_text for m in (await office.people.state()).ephemerals("admin"))


@on_both_databases
async def test_the_ack_comes_after_the_commit(office: Office) -> None:
    """Acknowledged means committed: when the press returns, the opt-out is lifted."""
    await office.opt_out(ONE)
    question = await office.ask("admin", f"delete {ONE}")
    assert json.loads(question.button("optout.delete").value or "")["phone"] == ONE
    await office.press("admin", question, "optout.delete")
    assert not office.store.optouts.find(office.account.id, ONE).opted_out
