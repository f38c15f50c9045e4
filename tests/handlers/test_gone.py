"""People, groups, messages and channels that are gone by the time somebody counts on them; and admins who decide at once."""

import asyncio
from datetime import timedelta

import pytest

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from store import Cause, Function, Origin
from tests.entries import latest_entries
from tests.handlers import test_keys
from tests.handlers.conftest import ADMINS, TICKETS, Office, on_both_databases
from tests.handlers.slack.test_outbox import settled as nothing_waits
from tests.handlers.test_allowing import asked_directly, threatened, without_buttons
from tests.handlers.test_files import LIST, UPLOADS, drop, says, settled
from tests.handlers.test_handovers import ASK, DECLINE, DO, direct, hand_over, refused, turn_back
from tests.handlers.test_home import shows
from tests.handlers.test_settings import decide, opened, save
from tests.store.test_allow_requests import make_old
from tests.store.test_uploads import turn_back as turn_back_lists

ONE, TWO = "+12125550153", "+12125550154"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0, "uploads_channels": (UPLOADS,)})


async def leaves(office: Office, user: str) -> None:
    """*user* is deactivated."""
    await office.people.update_user(user, deleted=True)


async def remove(office: Office, channel: str, *messages: str) -> None:
    """Delete *messages*, by their timestamps, with all that stands in their threads."""
    state = await office.people.state()
    there = office.slack.platform.workspace.channels[state.channel(channel).id]
    for ts in messages:
        for gone in (ts, *(reply.ts for reply in state.replies(ts))):
            office.slack.platform.feed.delete(there, gone)


async def archive(office: Office, channel: str) -> str:
    """*channel* is archived; its id."""
    await office.people.update_channel(channel, is_archived=True)
    return (await office.people.state()).channel(channel).id


def written_to(state: State, user: str) -> list[SandboxMessage]:
    """What the desk wrote to *user* directly."""
    channel = state.direct(user)
    return list(channel.everything) if channel else []


async def nothing_is_left(office: Office) -> None:
    """Wait until nobody is to be told anything any more: nothing is tried for ever."""
    await nothing_waits(office)
    assert office.store.outbox.backlog().discarded == {}
    assert office.store.inbox.backlog().discarded == {}


# People who left


@pytest.mark.wide
async def test_whoever_dropped_a_list_left(office: Office) -> None:
    """An admin still decides on it; the report names who dropped it, and it can be undone."""
    ts = await drop(office, LIST, user="support")
    await says(office, ts, "Nothing has changed yet")
    await settled(office)
    await leaves(office, "support")
    await office.press("admin", await direct(office, "admin", "3 phones to opt out"), "upload.confirm")
    report = await says(office, ts, "*3 phones opted out* from")
    assert "dropped by support, confirmed by admin" in report.text
    await settled(office)
    assert report.button("upload.undo").text == "Undo this upload"
    assert office.store.optouts.count(office.account.id) == 3


@pytest.mark.wide
async def test_nobody_decides_on_a_leavers_list(office: Office) -> None:
    """It expires; the admins, who are left, are told, and can take it up again."""
    ts = await drop(office, LIST, user="support")
    await says(office, ts, "Nothing has changed yet")
    await settled(office)
    await leaves(office, "support")
    turn_back_lists(office.store, "waiting_since", timedelta(days=4))
    office.service.desk.runner.poke()
    await says(office, ts, "expired: nobody said yes in time")
    await settled(office)
    expired = await direct(office, "admin", "expired")
    await office.press("admin", expired, "upload.again")
    await direct(office, "second-admin", "3 phones to opt out")
    await settled(office)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("end", ["declined", "too late", "shown", "allowed"])
async def test_whoever_handed_a_request_over_left(office: Office, end: str) -> None:
    """However it ends, each admin's message says so, the rest of the list stays as it was, and nothing is tried for ever."""
    await office.opt_out(TWO, reason="wrong number")
    user, text = {"shown": ("guest", f"search {TWO}"), "allowed": ("support", f"delete {TWO}")}.get(
        end, ("guest", f"add {ONE}")
    )
    asked = await hand_over(office, user, text)
    await leaves(office, user)
    if end == "too late":
        turn_back(office.store, timedelta(days=4))
        office.service.desk.handovers.loop.poke()
    else:
        await office.press("admin", asked, DECLINE if end == "declined" else DO)
    words = {"declined": "Declined by admin", "too late": "Nobody decided in time"}.get(end, "Done by admin")
    for admin in ("admin", "second-admin"):
        assert not (await direct(office, admin, words)).buttons
    await nothing_is_left(office)
    assert office.store.optouts.find(office.account.id, TWO).opted_out is (end != "allowed")
    assert not office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide
@pytest.mark.parametrize("left", ["asked", "second", "nobody decides"])
async def test_one_of_two_admins_left(office: Office, left: str) -> None:
    """The yes of who left counts neither first nor second; the others are told how it stands, and it stays opted out."""
    question = await threatened(office)
    asked = await asked_directly(office, "second-admin")
    await leaves(office, "second-admin" if left == "second" else "admin")
    if left == "nobody decides":
        make_old(office.store)
        office.service.desk.allowing.loop.poke()
        assert "Nobody said yes in time" in (await without_buttons(office, asked.ts)).all_text
    elif left == "asked":
        await office.press("second-admin", asked, "allow.yes")
        assert "admin is no admin any more" in (await without_buttons(office, asked.ts)).all_text
    else:
        await office.press("second-admin", asked, "allow.yes")
        assert "Deactivated accounts cannot" in (await office.told("second-admin")).text
        again = await office.ask("admin", "delete 212 555 0100 because of a paper")
        await office.press("admin", again, "optout.delete")
        assert "I could reach no other admin" in (await office.replies_to(again.ts, 1)).thread[0].all_text
    assert (await office.replies_to(question.ts, 1)).thread
    assert office.store.optouts.find(office.account.id, "+12125550100").opted_out
    await nothing_is_left(office)


@pytest.mark.wide
async def test_whoever_asked_for_an_export_left(office: Office) -> None:
    """No file is handed over, and an entry says that it was not delivered."""
    await office.opt_out(ONE)
    await office.people.fault(method="users.info", fault="slow", seconds=0.1, times=1)
    office.service.desk.exporter.loop.stop()
    await office.ask("second-admin", "export", replies=0)
    await leaves(office, "second-admin")
    office.service.desk.exporter.loop.start()
    await office.people.until(
        lambda _state: (latest_entries(office.store, office.account.id, 1)[0].reason or "").startswith("not delivered")
    )
    assert await office.people.calls("files.getUploadURLExternal") == []


@pytest.mark.wide
async def test_what_a_leaver_did_is_found_by_their_name(office: Office) -> None:
    """The history names who left as they were called, and finds them by it."""
    await office.ask("support", f"add {ONE} because she asked")
    await leaves(office, "support")
    found = await office.ask_alone("admin", "history support")
    assert "*What support did*" in found.all_text
    assert "she asked" in found.all_text
    assert "by support" in (await office.ask("admin", ONE)).all_text


@pytest.mark.wide
async def test_whoever_made_a_key_left(office: Office) -> None:
    """It goes on, names who made it, and any admin can revoke it."""
    key = await test_keys.behind(office, by="second-admin")
    await leaves(office, "second-admin")
    await office.people.home("admin")
    home = await shows(office, "admin", "made by second-admin")
    assert (await office.people.click_in_view("admin", home["id"], "key.revoke", value=key.id)).ok
    await shows(office, "admin", "was revoked by admin")


@pytest.mark.wide_but_first
@pytest.mark.parametrize("why", ["left", "a guest", "an app"])
async def test_admins_of_the_settings_who_can_be_none(office: Office, why: str) -> None:
    """Whom the settings name, and who can be no admin any more, is neither asked, nor named, nor told a number."""
    user = office.slack.bot_user_id if why == "an app" else (await office.actor("support")).id
    await decide(office, admins=(user,))
    await office.people.update_user("support", **({"deleted": True} if why == "left" else {"is_restricted": True}))
    no = await refused(office, "guest", f"add {ONE} because she asked")
    assert no.text == "Guests cannot use the opt-out desk. admin and second-admin can."
    await office.press("guest", no, ASK)
    await direct(office, "second-admin", "asks you to")
    await direct(office, "admin", "asks you to")
    await nothing_is_left(office)
    assert written_to(await office.people.state(), "support") == []


@pytest.mark.wide
async def test_a_list_tells_no_admin_who_can_be_none(office: Office) -> None:
    """A list that waits tells its phones to nobody whom the settings, or a group of theirs, name in vain."""
    await office.people.update_user("guest", is_restricted=False)
    group = next(iter(office.slack.platform.workspace.usergroups.values()))
    group["users"] = [(await office.actor(name)).id for name in ("guest", "second-admin")]
    await decide(office, admin_groups=(group["id"], "S0GONE"))
    await office.people.update_user("guest", is_restricted=True)
    await drop(office, LIST, user="support")
    for admin in ("admin", "second-admin"):
        await direct(office, admin, "3 phones to opt out")
    await settled(office)
    assert written_to(await office.people.state(), "guest") == []


# Groups that are gone


@pytest.mark.wide
async def test_a_group_of_admins_is_gone(office: Office) -> None:
    """Those who are admins anyway are named and asked; the group is taken out in the settings, whose answer says so."""
    await decide(office, admin_groups=("S0GONE",))
    asked = await hand_over(office, "guest", f"add {ONE}")
    await office.press("admin", asked, DO)
    await direct(office, "guest", "did what you asked for")
    view = await opened(office)
    assert (await save(office, view, admin_groups=[])).ok
    told = await office.people.until(
        lambda state: next((one for one in state.channel(ADMINS).messages if "changed* · by" in one.text), None)
    )
    assert "groups whose members are admins are not set" in told.all_text
    assert office.store.accounts.get(office.account.id).settings.admin_groups == ()


# Messages and channels that are gone


@pytest.mark.wide
@pytest.mark.parametrize("gone", ["question", "request", "channel"])
async def test_where_a_request_was_asked_is_gone(office: Office, gone: str) -> None:
    """The admin's message, the one it was asked in or its channel: it is done all the same, and whoever asked is told."""
    said = await office.people.message("guest", TICKETS, f"@optout opt out {ONE} because she moved away")
    await office.press("guest", await office.told("guest"), ASK)
    asked, other = await direct(office, "admin", "asks you to"), await direct(office, "second-admin", "asks you to")
    if gone == "question":
        await remove(office, other.channel, other.ts)
    elif gone == "request":
        await remove(office, TICKETS, str(said.ts))
    else:
        await archive(office, TICKETS)
    await office.press("admin", asked, DO)
    if gone == "question":
        thread = (await office.replies_to(str(said.ts), 1)).thread
        assert "did what you asked for" in thread[0].text
    else:
        await direct(office, "guest", "admin did what you asked for: opt out (212) 555-0153.")
        at_root = [one for one in (await office.people.state()).channel(TICKETS).messages if one.handle == "optout"]
        assert at_root == []
    await direct(office, "admin", "Done by admin.")
    await nothing_is_left(office)
    assert office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide
@pytest.mark.parametrize("gone", ["command", "channel"])
async def test_where_a_second_admin_was_asked_for_is_gone(office: Office, gone: str) -> None:
    """The second yes counts, and whoever asked is told of it, directly where there is no other place."""
    question = await threatened(office)
    await office.replies_to(question.ts, 1)
    asked = await asked_directly(office, "second-admin")
    if gone == "command":
        await remove(office, ADMINS, question.ts)
    else:
        await archive(office, ADMINS)
    await office.press("second-admin", asked, "allow.yes")

    def told(state: State) -> SandboxMessage | None:
        seen = [*written_to(state, "admin"), *state.ephemerals("admin")]
        return next((one for one in seen if "are allowed again* ·" in one.text), None)

    said = await office.people.until(told)
    assert "allowed again by second-admin, asked by admin" in said.all_text
    await nothing_is_left(office)
    assert not office.store.optouts.find(office.account.id, "+12125550100").opted_out


@pytest.mark.wide
@pytest.mark.parametrize("gone", ["archived", "without the desk", "deleted"])
async def test_the_channel_for_what_waits_is_gone(office: Office, gone: str) -> None:
    """What waits there asks the admins directly instead: requests of guests, second admins, lists."""
    state = await office.people.state()
    await decide(office, waiting_channel="C0NOSUCH00" if gone == "deleted" else state.channel(TICKETS).id)
    if gone == "archived":
        await archive(office, TICKETS)
    elif gone == "without the desk":
        await office.people.kick(TICKETS)
    question = await threatened(office)
    said = (await office.replies_to(question.ts, 1)).thread[0]
    assert "Asked directly: second-admin." in said.all_text
    await office.press("second-admin", await asked_directly(office, "second-admin"), "allow.no")
    await office.press("guest", await office.ask_alone("guest", f"add {ONE}", channel=UPLOADS), ASK)
    await direct(office, "admin", "asks you to opt out")
    await drop(office, LIST, user="support")
    await direct(office, "admin", "A list waits for a yes")
    await direct(office, "second-admin", "A list waits for a yes")
    await settled(office)
    await nothing_is_left(office)


@pytest.mark.wide
async def test_the_question_about_a_list_is_gone(office: Office) -> None:
    """An admin's message about a list that waits was deleted: the other decides, and the report stands where it was dropped."""
    ts = await drop(office, LIST, user="support")
    other = await direct(office, "second-admin", "3 phones to opt out")
    await settled(office)
    await remove(office, other.channel, other.ts)
    await office.press("admin", await direct(office, "admin", "3 phones to opt out"), "upload.confirm")
    await says(office, ts, "*3 phones opted out* from")
    await settled(office)
    await direct(office, "admin", "*3 phones opted out* from")


@pytest.mark.wide
async def test_the_channel_of_a_list_is_archived(office: Office) -> None:
    """A list that waits is decided from an admin's direct message; who dropped it and who decided read the report there."""
    await drop(office, LIST, user="support")
    asked = await direct(office, "admin", "3 phones to opt out")
    await settled(office)
    await archive(office, UPLOADS)
    await office.press("admin", asked, "upload.confirm")
    for user in ("support", "admin"):
        await direct(office, user, "*3 phones opted out* from")
    assert office.store.optouts.count(office.account.id) == 3


@pytest.mark.wide
async def test_a_look_up_to_be_shown_in_a_thread_that_is_gone(office: Office) -> None:
    """It is not put at the channel's root, for all to read: whoever pressed sees it alone."""
    await decide(office, lookups="asker")
    await office.opt_out(ONE)
    ticket = str((await office.people.message("admin", TICKETS, "a ticket")).ts)
    await office.people.message("admin", TICKETS, "any news?", thread_ts=ticket)
    await office.people.message("support", TICKETS, f"@optout {ONE}", thread_ts=ticket)
    found = await office.told("support")
    await remove(office, TICKETS, ticket)
    await office.press("support", found, "lookup.show")
    said = await office.people.until(
        lambda state: next((one for one in state.ephemerals("support") if "was deleted" in one.all_text), None)
    )
    assert "is opted out" in said.all_text
    assert [one for one in (await office.people.state()).channel(TICKETS).messages if one.handle == "optout"] == []


# Admins who decide at once


@pytest.mark.wide_but_first
@on_both_databases
async def test_a_yes_and_a_no_at_once(office: Office) -> None:
    """Of two admins who decide on a third's request at once one counts, and the other is told which; each question says so."""
    await office.people.update_user("support", is_admin=True)
    by = Origin(Function.FORM, await office.actor("guest"), cause=Cause.LEGAL)
    office.store.optouts.add(office.account.id, [ONE], by)
    question = await office.ask("admin", f"delete {ONE} because of a paper")
    await office.press("admin", question, "optout.delete")
    first, second = await asked_directly(office, "second-admin"), await asked_directly(office, "support")
    outcomes = await asyncio.gather(
        office.people.click("second-admin", first, "allow.yes"), office.people.click("support", second, "allow.no")
    )
    assert all(outcome.ok for outcome in outcomes)
    said = [(await office.replies_to(one.ts, 1)).thread[0].all_text for one in (first, second)]
    assert sum("This was decided before." in text for text in said) == 1
    told = (await office.replies_to(question.ts, 2)).thread
    assert len(told) == 2
    allowed = not office.store.optouts.find(office.account.id, ONE).opted_out
    assert ("are allowed again*" in told[1].text) is allowed
    for ts in (first.ts, second.ts):
        settled_as = (await without_buttons(office, ts)).all_text
        assert ("Texts allowed again by second-admin" in settled_as) is allowed, settled_as
    lifted = [one for one in latest_entries(office.store, office.account.id, 9) if one.function == Function.DELETE]
    assert len(lifted) == allowed


@pytest.mark.wide
@on_both_databases
async def test_a_request_is_done_and_declined_at_once(office: Office) -> None:
    """One of the two counts, whoever asked is told that one, and both admins' messages say it."""
    asked = await hand_over(office, "guest", f"add {ONE}")
    other = await direct(office, "second-admin", "asks you to")
    outcomes = await asyncio.gather(
        office.people.click("admin", asked, DO), office.people.click("second-admin", other, DECLINE)
    )
    assert all(outcome.ok for outcome in outcomes)

    def ended(state: State) -> str | None:
        words = ("did what you asked for", "declined to opt out")
        return next((word for one in written_to(state, "guest") for word in words if word in one.all_text), None)

    end = await office.people.until(ended)
    words = "Done by admin." if end == "did what you asked for" else "Declined by second-admin"
    for admin in ("admin", "second-admin"):
        assert not (await direct(office, admin, words)).buttons
    await nothing_is_left(office)
    assert len([one for one in written_to(await office.people.state(), "guest") if "opt out" in one.all_text]) == 1
