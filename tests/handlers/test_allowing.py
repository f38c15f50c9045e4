"""Allowing texts again: asked, confirmed, with a reason where the contact asked, with a second admin after a threat."""

import asyncio
import json
import re
from typing import Any

import pytest
import sqlalchemy as sa

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, SandboxMessage, State
from handlers.slack.modal_context import ModalContext
from handlers.ttl_cache import TtlCache
from store import Cause, DestinationKind, Function, NewDestination, Origin
from store.dialects import from_now
from store.models import destinations
from tests.entries import latest_entries
from tests.handlers.conftest import Office, at_work, on_both_databases
from tests.handlers.test_settings import decide
from tests.patience import PATIENCE
from tests.store.test_allow_requests import make_old

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


@pytest.mark.wide
async def test_where_no_campaign_was_told_none_is_spoken_of(office: Office) -> None:
    """A search, the question of a delete with its dialog, and what it did say nothing of conversations."""
    await office.opt_out(ONE, reason="called us")
    found = await office.ask("admin", f"search {ONE}")
    question = await office.ask("admin", f"delete {ONE} reason:wrong number, by phone")
    asked = question.button("optout.delete").confirm
    await office.press("second-admin", question, "optout.delete")
    answered = await office.replies_to(question.ts, 1)
    assert not office.store.optouts.find(office.account.id, ONE).opted_out
    said = [found.all_text, question.all_text, str(asked), *(one.all_text for one in [answered, *answered.thread])]
    assert not re.search("conversation|re-?open|active", " ".join(said), re.IGNORECASE)


@on_both_databases
async def test_what_is_not_passed_on_is_said(office: Office) -> None:
    """Of destinations that are told of opt-outs alone the answer names those that something went to: there it stays opted out."""
    by = Origin(Function.COMMAND, await office.actor("admin"))
    made = [
        office.store.destinations.make(
            office.account.id, NewDestination(DestinationKind.FILE, name, "C1", "phones"), by
        ).id
        for name in ("Thru*Text*", "Never told")
    ]
    bridge = NewDestination(DestinationKind.WEBHOOK, "Bridge", "C1", "https://example.org/hook")
    made.append(office.store.destinations.make(office.account.id, bridge, by).id)
    with office.store.database.write() as connection:
        told = destinations.c.id.in_([made[0], made[2]])
        connection.execute(sa.update(destinations).where(told).values(taken_at=from_now()))
    await office.opt_out(ONE, reason="called us")
    question = await office.ask("admin", f"delete {ONE}")
    await office.press("admin", question, "optout.delete")
    answered = await office.replies_to(question.ts, 1)
    said = "\n".join(one.all_text for one in [answered, *answered.thread])
    assert "Where it was passed on it stays opted out, until somebody allows it there by hand: Thru" in said
    assert "*Text*" not in said
    assert "Never told" not in said
    assert "Bridge" not in said


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


@pytest.mark.wide
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
    assert "Write in words why this number may be texted again" in str(blank.errors)
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    assert (await office.people.submit("admin", form["id"], {"optout.why": "she called <!channel> back"})).ok
    answered = await office.replies_to(question.ts, 1)
    assert "are allowed again*" in answered.thread[0].text
    assert "until they text START" in answered.thread[0].all_text
    lifted = office.store.optouts.find(office.account.id, ONE).opt_outs[0].lifted
    assert lifted is not None
    assert lifted.reason == "she called @channel back"
    # All who read the channel see why; the button that opened the form is used.
    assert f"allowed again* · by {admin.name}: she called @channel back" in answered.thread[0].all_text
    settled = await without_buttons(office, question.ts)
    assert f"Texts allowed again by {admin.name}" in settled.all_text
    assert "she called @channel back" in settled.all_text
    assert settled.all_text.startswith(question.text)


async def test_earlier_answers_are_settled_when_they_are_pressed(office: Office) -> None:
    """The buttons of older look-ups ask for no reason any more: each says how it stands, by whom and why, and goes."""
    await stop(office)
    seen = await office.ask("admin", ONE)
    alone = await office.ask_alone("admin", ONE, channel="field-private")
    question = await office.ask("admin", f"delete {ONE} because she texted START")
    await office.press("admin", question, "optout.delete")
    await office.replies_to(question.ts, 1)
    await office.press("second-admin", seen, "optout.delete")
    answered = await office.replies_to(seen.ts, 1)
    stands = "*(212) 555-0100 is not opted out*: nothing was changed. Texts allowed again by admin"
    assert answered.thread[0].text.startswith(stands)
    settled = await without_buttons(office, seen.ts)
    assert "Not opted out any more. Texts allowed again by admin" in settled.all_text
    assert "she texted START" in settled.all_text
    await office.press("admin", alone, "optout.delete")

    def replaced(state: State) -> SandboxMessage | None:
        return next((m for m in state.ephemerals("admin") if m.text.startswith(stands) and not m.buttons), None)

    await office.people.until(replaced)
    state = await office.people.state()
    assert not any(m.buttons for m in state.ephemerals("admin"))
    assert state.views("admin") == state.views("second-admin") == []
    assert len(latest_entries(office.store, office.account.id, 9)) == 2


async def test_what_staff_did_needs_no_reason(office: Office) -> None:
    """A mistake of staff is taken back by the button and its dialog alone, even while another opt-out is lifted already."""
    await stop(office)
    by = Origin(Function.DELETE, await office.actor("admin"), reason="texted START")
    assert office.store.optouts.delete(office.account.id, ONE, by).lifted
    await office.opt_out(ONE)
    question = await office.ask("admin", f"delete {ONE}")
    await office.press("admin", question, "optout.delete")
    assert not office.store.optouts.find(office.account.id, ONE).opted_out
    assert (await office.people.state()).views("admin") == []


@pytest.mark.wide
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


@on_both_databases
async def test_a_reason_typed_with_the_command(office: Office) -> None:
    """Whoever writes why with the command is asked no more than whether they are sure."""
    await stop(office)
    question = await office.ask("admin", f"delete {ONE} because she texted START on Friday")
    button = question.button("optout.delete")
    assert button.confirm is not None
    assert "until they text START" in button.confirm["text"]["text"]
    await office.press("second-admin", question, "optout.delete")
    answered = await office.replies_to(question.ts, 1)
    assert "she texted START on Friday" in answered.thread[0].all_text
    assert "she texted START on Friday" in (await without_buttons(office, question.ts)).all_text
    assert (await office.people.state()).views("second-admin") == []
    assert not office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide
@pytest.mark.parametrize("reason", ["?", "1 2 3", ":)"])
async def test_a_reason_without_words(office: Office, reason: str) -> None:
    """Signs typed with the command are no reason: the form asks for one."""
    await stop(office)
    question = await office.ask("admin", f"delete {ONE} reason:{reason}")
    assert question.button("optout.delete").confirm is None
    await office.press("admin", question, "optout.delete")
    await asked_why(office, "admin")
    assert office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide
@pytest.mark.parametrize("reason", ["she asked twice", "nos pidió que no", "elle l'a demandé"])
async def test_what_somebody_typed_they_asked(office: Office, reason: str) -> None:
    """However staff noted that the contact asked, a reason is needed."""
    await office.opt_out(ONE, reason=reason)
    question = await office.ask("admin", f"delete {ONE}")
    await office.press("admin", question, "optout.delete")
    await asked_why(office, "admin")
    assert office.store.optouts.find(office.account.id, ONE).opted_out


async def test_two_forms_at_once(office: Office) -> None:
    """Two admins who fill in the form at the same time: one allows, the other is told who did and why."""
    await stop(office)
    question = await office.ask("admin", f"delete {ONE}")
    forms = {}
    for user in ("admin", "second-admin"):
        await office.press(user, question, "optout.delete")
        forms[user] = await asked_why(office, user)
    for user, form in forms.items():
        assert (await office.people.submit(user, form["id"], {"optout.why": f"told {user} so"})).ok
    answered = await office.replies_to(question.ts, 2)
    assert "told admin so" in answered.thread[0].all_text
    assert "is not opted out*: nothing was changed. Texts allowed again by" in answered.thread[1].all_text
    assert "told admin so" in answered.thread[1].all_text
    assert len(latest_entries(office.store, office.account.id, 9)) == 2


async def test_a_long_message_is_settled_in_part(office: Office) -> None:
    """Of a message too long to be carried along, the end is left out when its buttons go."""
    await stop(office)
    question = await office.ask("admin", f"delete {ONE}")
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"{n} " + "".join(map(chr, range(300, 2_800)))}}
        for n in range(4)
    ]
    long = {"ts": question.ts, "text": "long", "blocks": blocks}
    carried = ModalContext(channel_id="C1").about_message(long)
    assert len(carried.to_json()) < 2_500
    again = ModalContext.from_json(carried.to_json()).message
    assert again is not None
    assert (again["ts"], again["blocks"][-1]["elements"][0]["text"]) == (question.ts, "…")
    assert ModalContext(channel_id="C1", ephemeral=True).about_message(long).message is None
    assert ModalContext(channel_id="C1", pressed="nonsense").message is None


# A second admin


async def threatened(office: Office, *, reason: str | None = "signed a paper", user: str = "admin") -> SandboxMessage:
    """ONE was opted out after a legal threat, and *user* asks for texts to be allowed again; their question."""
    by = Origin(Function.FORM, await office.actor("support"), cause=Cause.LEGAL)
    office.store.optouts.add(office.account.id, [ONE], by)
    question = await office.ask(user, f"delete {ONE}" + (f" because {reason}" if reason else ""))
    await office.press(user, question, "optout.delete")
    return question


def directly(state: State, user: str) -> list[SandboxMessage]:
    """The messages between the desk and *user*."""
    channel = state.direct(user)
    return [] if channel is None else channel.messages


async def asked_directly(office: Office, user: str) -> SandboxMessage:
    """The question that the desk put to *user* directly."""

    def there(state: State) -> SandboxMessage | None:
        found = [one for one in directly(state, user) if "asks to allow texts" in one.text]
        return found[-1] if found else None

    return await office.people.until(there)


@on_both_databases
async def test_a_second_admin_decides(office: Office) -> None:
    """Nothing changes before another admin says yes, directly; then the channel reads who asked, who said so and why."""
    await campaigns(office)
    question = await threatened(office)
    answered = await office.replies_to(question.ts, 1)
    admin, second = await office.actor("admin"), await office.actor("second-admin")
    assert "stays opted out until a second admin says yes" in answered.thread[0].text
    assert "signed a paper" in answered.thread[0].all_text
    assert f"Asked directly: {second.name}." in answered.thread[0].all_text
    assert answered.thread[0].buttons == []
    assert (
        f"Asked by {admin.name}: a second admin has to say yes."
        in (await without_buttons(office, question.ts)).all_text
    )
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    asked = await asked_directly(office, "second-admin")
    assert asked.text.startswith(f"*{admin.name} asks to allow texts to (212) 555-0100 again*: signed a paper")
    assert "legal threat" in asked.all_text
    assert [button.text for button in asked.buttons] == ["Keep opted out", "Allow texts again"]
    assert not any("asks to allow" in one.text for one in directly(await office.people.state(), "admin"))
    await office.press("second-admin", asked, "allow.yes")
    told = (await office.replies_to(question.ts, 2)).thread[1]
    assert f"Texts to (212) 555-0100 are allowed again* · <@{admin.id}>" in told.text
    assert f"allowed again by {second.name}, asked by {admin.name}" in told.all_text
    assert "Why: signed a paper" in told.all_text
    assert "3 conversations re-opened" in told.all_text
    settled = await without_buttons(office, asked.ts)
    assert f"Texts allowed again by {second.name}, asked by {admin.name}" in settled.all_text
    state = office.store.optouts.find(office.account.id, ONE)
    assert not state.opted_out
    assert state.opt_outs[0].lifted is not None
    assert (state.opt_outs[0].lifted.actor.id, state.opt_outs[0].lifted.reason) == (
        second.id,
        f"signed a paper (asked by {admin.name})",
    )


async def asked_in(office: Office, channel: str) -> SandboxMessage:
    """The question that the desk put to all admins in *channel*."""

    def there(state: State) -> SandboxMessage | None:
        return next((one for one in state.channel(channel).messages if "asks to allow" in one.text), None)

    return await office.people.until(there)


@pytest.mark.wide
@on_both_databases
async def test_nobody_is_two_admins(office: Office) -> None:
    """The first's own yes to the question does nothing; nor does asking again; another can still say yes."""
    await decide(office, waiting_channel=(await office.people.state()).channel("support-tickets").id)
    await threatened(office)
    asked = await asked_in(office, "support-tickets")
    await office.press("admin", asked, "allow.yes")
    assert "You asked for this yourself" in (await office.told("admin")).text
    again = await office.ask("admin", f"delete {ONE} because of another paper")
    await office.press("admin", again, "optout.delete")
    said = (await office.replies_to(again.ts, 1)).thread[0]
    assert "You asked for that already" in said.text
    assert said.buttons == []
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    questions = [one for one in (await office.people.state()).channel("support-tickets").messages if one.buttons]
    assert [one.ts for one in questions] == [asked.ts]
    await office.press("second-admin", asked, "allow.yes")
    assert not office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide
async def test_another_who_asks_the_same(office: Office) -> None:
    """They are shown who asked and why, with the buttons: their own request does not count as a yes."""
    await threatened(office)
    asked = await asked_directly(office, "second-admin")
    again = await office.ask("second-admin", f"delete {ONE} because I know her")
    await office.press("second-admin", again, "optout.delete")
    shown = (await office.replies_to(again.ts, 1)).thread[0]
    assert "signed a paper" in shown.all_text
    assert "You can be the second admin to say yes." in shown.all_text
    assert office.store.optouts.find(office.account.id, ONE).opted_out
    await office.press("second-admin", shown, "allow.yes")
    assert not office.store.optouts.find(office.account.id, ONE).opted_out
    assert "Texts allowed again by" in (await without_buttons(office, asked.ts)).all_text


@on_both_databases
async def test_a_second_admin_declines(office: Office) -> None:
    """It stays opted out, whoever asked is told by whom, and another yes comes too late."""
    question = await threatened(office)
    asked = await asked_directly(office, "second-admin")
    await office.press("second-admin", asked, "allow.no")
    admin, second = await office.actor("admin"), await office.actor("second-admin")
    told = (await office.replies_to(question.ts, 2)).thread[1]
    assert f"(212) 555-0100 stays opted out* · <@{admin.id}>: Kept opted out by {second.name}" in told.text
    await without_buttons(office, asked.ts)
    request = office.store.allow_requests.get(office.account.id, 2)
    late = office.store.allow_requests.decide(
        office.account.id, request.id, Origin(Function.DELETE, second), allow=True
    )
    assert late.deleted is None
    assert office.store.optouts.find(office.account.id, ONE).opted_out


async def test_the_form_asks_a_second_admin(office: Office) -> None:
    """Without a reason the form asks for one, says what it leads to, and settles its button."""
    question = await threatened(office, reason=None)
    form = await asked_why(office, "admin")
    assert form["submit"]["text"] == "Ask a second admin"
    assert "a second admin has to say yes" in str(form)
    assert (await office.people.submit("admin", form["id"], {"optout.why": "signed <!here> a paper"})).ok
    assert "a second admin has to say yes" in (await without_buttons(office, question.ts)).all_text
    asked = await asked_directly(office, "second-admin")
    assert "signed @here a paper" in asked.all_text
    assert office.store.optouts.find(office.account.id, ONE).opted_out


async def test_a_stop_before_the_second_yes(office: Office) -> None:
    """What the contact asked since is not taken back by an older request; whoever asked is told."""
    question = await threatened(office)
    asked = await asked_directly(office, "second-admin")
    await stop(office)
    await office.press("second-admin", asked, "allow.yes")
    assert len(office.store.optouts.find(office.account.id, ONE).standing) == 2
    assert "Out of date" in (await office.replies_to(question.ts, 2)).thread[1].text
    assert "Out of date" in (await without_buttons(office, asked.ts)).all_text


@pytest.mark.wide
@pytest.mark.parametrize("user", ["admin", "second-admin"])
async def test_who_is_no_admin_any_more(office: Office, user: str) -> None:
    """Neither the first nor the second yes counts of somebody who is no admin when it is decided."""
    await threatened(office)
    asked = await asked_directly(office, "second-admin")
    await office.people.update_user(user, is_admin=False)
    await office.press("second-admin", asked, "allow.yes")
    if user == "admin":
        assert "is no admin any more" in (await without_buttons(office, asked.ts)).all_text
    else:
        assert "Only admins can" in (await office.told("second-admin")).text
    assert office.store.optouts.find(office.account.id, ONE).opted_out


async def test_nobody_answers(office: Office) -> None:
    """After three days the question is settled by itself, and whoever asked is told how to ask anew."""
    question = await threatened(office)
    asked = await asked_directly(office, "second-admin")
    make_old(office.store)
    office.service.desk.allowing.loop.poke()
    told = (await office.replies_to(question.ts, 2)).thread[1]
    assert "Nobody said yes in time" in told.text
    assert f"`/optout delete {ONE} because`" in told.all_text
    assert "Nobody said yes in time" in (await without_buttons(office, asked.ts)).all_text
    # It is told before it is written down, so that a process that dies between the two tells it again under the same key.
    async with asyncio.timeout(PATIENCE):
        while office.store.allow_requests.get(office.account.id, 2).state != "expired":
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)
    assert office.store.optouts.find(office.account.id, ONE).opted_out


async def test_where_lists_that_wait_are_told(office: Office) -> None:
    """An account that names a channel for that has the question there; numbers are masked where it wants so."""
    channel = (await office.people.state()).channel("support-tickets")
    await decide(office, waiting_channel=channel.id, numbers="masked")
    await threatened(office)
    asked = await asked_in(office, "support-tickets")
    assert "555-0100" not in asked.all_text
    await office.press("second-admin", asked, "allow.yes")
    settled = await without_buttons(office, asked.ts)
    assert "555-0100" not in settled.all_text
    assert not office.store.optouts.find(office.account.id, ONE).opted_out


async def test_the_only_admin(office: Office) -> None:
    """Where no other admin is known, the answer says so and has the buttons for whoever becomes one."""
    await office.people.update_user("second-admin", is_admin=False)
    question = await threatened(office)
    said = (await office.replies_to(question.ts, 1)).thread[0]
    assert "I could reach no other admin" in said.all_text
    await office.people.update_user("second-admin", is_admin=True)
    await office.press("second-admin", said, "allow.yes")
    assert not office.store.optouts.find(office.account.id, ONE).opted_out


async def test_the_question_outlives_its_desk(slack: EmbeddedSlack, settings: Settings) -> None:
    """Asked of one process, decided with the next."""
    async with at_work(slack, settings) as first:
        question = await threatened(first)
        asked = await asked_directly(first, "second-admin")
    async with at_work(slack, settings) as second:
        await second.press("second-admin", asked, "allow.yes")
        assert "are allowed again" in (await second.replies_to(question.ts, 2)).thread[1].text
        assert not second.store.optouts.find(second.account.id, ONE).opted_out
