"""Requests handed over to the admins: by whom, what they see, what is done in whose name, and who is told."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from store import AccountSettings, Cause, Function, Origin, PlainWriter, Store, entry_note
from store.handovers import MOST
from store.models import handovers
from tests.entries import latest_entries
from tests.handlers.conftest import TICKETS, Office, on_both_databases
from tests.handlers.test_files import LIST, UPLOADS, drop, says

ONE, TWO = "+12125550153", "+12125550154"
ASK, DO, DECLINE = "handover.ask", "handover.do", "handover.decline"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"uploads_channels": (UPLOADS,)})


async def decide(office: Office, **changes: Any) -> None:
    """Let the account's settings be these."""
    by = Origin(Function.SETTING, await office.actor("admin"))
    office.store.accounts.change(office.account.id, by, settings=AccountSettings(**changes))


def turn_back(store: Store, age: timedelta) -> None:
    """Let all that was handed over have been so much earlier."""
    with store.database.write() as connection:
        connection.execute(sa.update(handovers).values(asked_at=datetime.now(UTC) - age))


async def direct(office: Office, user: str, words: str) -> SandboxMessage:
    """Wait for the desk's direct message to *user* with *words* in it."""

    def there(state: State) -> SandboxMessage | None:
        channel = state.direct(user)
        found = [one for one in (channel.everything if channel else ()) if words in one.all_text]
        return found[-1] if found else None

    return await office.people.until(there)


async def refused(office: Office, user: str, text: str) -> SandboxMessage:
    """*user* types what they may not, and is told so alone."""
    return await office.ask_alone(user, text, channel=TICKETS)


async def hand_over(office: Office, user: str, text: str, asks: str = "admin") -> SandboxMessage:
    """*user* types what they may not and hands it over; the message that asks one of the admins."""
    no = await refused(office, user, text)
    await office.press(user, no, ASK)
    return await direct(office, asks, "asks you to")


async def functions(office: Office) -> list[str]:
    return [entry.function for entry in latest_entries(office.store, office.account.id, 9)]


@pytest.mark.wide_but_first
@on_both_databases
async def test_a_guest_asks_and_an_admin_does_it(office: Office) -> None:
    """The no names who may and pings nobody; the press asks each admin, whose click does it in their name, for the guest."""
    no = await refused(office, "guest", f"add {ONE} because she asked twice")
    assert no.text == "Guests cannot use the opt-out desk. admin and second-admin can."
    assert no.button(ASK).text == "Ask admin or second-admin to do this"
    before = await office.people.state()
    assert before.direct("admin") is None
    assert before.direct("second-admin") is None
    await office.press("guest", no, ASK)
    asked = await direct(office, "admin", "asks you to")
    assert re.search(r"guest asks you to opt out \(212\) 555-0153", asked.all_text)
    assert "Reason: she asked twice" in asked.all_text
    assert asked.button(DO).text == "Opt out (212) 555-0153 · she asked twice"
    await direct(office, "second-admin", "asks you to")
    await office.press("admin", asked, DO)
    told = await direct(office, "guest", "did what you asked for")
    assert "admin did what you asked for: opt out (212) 555-0153." in told.all_text
    [entry] = latest_entries(office.store, office.account.id, 9)
    assert (entry.function, entry.actor.name, entry.reason) == (Function.BUTTON, "admin", "she asked twice")
    assert entry.asked_by is not None
    assert entry.asked_by.name == "guest"
    for who in ("admin", "second-admin"):
        settled = await direct(office, who, "Done by admin.")
        assert not settled.buttons
    assert "by admin for guest with a button in #support-tickets" in entry_note(entry, PlainWriter())


async def test_whoever_asked_learns_that_it_was_handed_over(office: Office) -> None:
    """The refusal says in its own place who was asked for what, without a button that asks again."""
    no = await refused(office, "guest", f"add {ONE}")
    await office.press("guest", no, ASK)

    def settled(state: State) -> SandboxMessage | None:
        return next((one for one in state.ephemerals("guest") if "asked to opt out" in one.all_text), None)

    said = await office.people.until(settled)
    assert said.text == "admin and second-admin were asked to opt out (212) 555-0153. You are told once it is decided."
    assert not said.buttons


@pytest.mark.wide
async def test_declined(office: Office) -> None:
    """An admin who declines changes nothing; every admin's message and the asker say so, once."""
    asked = await hand_over(office, "guest", f"add {ONE}")
    await office.press("second-admin", await direct(office, "second-admin", "asks you to"), DECLINE)
    await direct(office, "guest", "second-admin declined to opt out (212) 555-0153, and nothing was changed.")
    settled = await direct(office, "admin", "Declined by second-admin")
    assert settled.ts == asked.ts
    assert office.store.optouts.count(office.account.id) == 0


@pytest.mark.wide
async def test_a_mention_is_answered_where_it_was_asked(office: Office) -> None:
    """What was asked in a channel is answered in its thread, with a mention of who has waited, and the entry leads there."""
    said = await office.people.message("guest", TICKETS, f"@optout opt out {ONE} because she moved away")
    no = await office.told("guest")
    await office.press("guest", no, ASK)
    await office.press("admin", await direct(office, "admin", "see message"), DO)
    assert said.ts is not None
    thread = (await office.replies_to(said.ts, 1)).thread
    guest = await office.actor("guest")
    assert thread[0].text.startswith(f"<@{guest.id}>: admin did what you asked for: opt out")
    [entry] = latest_entries(office.store, office.account.id, 9)
    assert entry.permalink is not None
    assert said.ts.replace(".", "") in entry.permalink


@pytest.mark.wide
@on_both_databases
async def test_the_same_is_open_once_and_a_handful_an_hour(office: Office) -> None:
    """Pressed twice, or asked again, it is one request; after a handful nobody is asked more."""
    no = await refused(office, "guest", f"add {ONE}")
    again = await refused(office, "guest", f"add {ONE}")
    await office.press("guest", no, ASK)
    await direct(office, "admin", "asks you to")
    before = len((await office.people.state()).ephemerals("guest"))
    await office.press("guest", again, ASK)

    def told(state: State) -> bool:
        return any("asked to opt out (212) 555-0153 already" in one.all_text for one in state.ephemerals("guest"))

    await office.people.until(told)
    assert len((await office.people.state()).ephemerals("guest")) == before
    for last in range(4, 4 + MOST):
        await office.press("guest", await refused(office, "guest", f"add +1212555015{last}"), ASK)
    await office.people.until(lambda state: "within the hour" in str([m.all_text for m in state.ephemerals("guest")]))
    assert len(office.store.handovers.list_open()) == MOST


@pytest.mark.wide_but_first
@on_both_databases
async def test_two_admins_at_once(office: Office) -> None:
    """Both press: it is done once, in the name of one of them, and the other is told so."""
    asked = await hand_over(office, "guest", f"add {ONE}")
    other = await direct(office, "second-admin", "asks you to")
    outcomes = await asyncio.gather(
        office.people.click("admin", asked, DO), office.people.click("second-admin", other, DO)
    )
    assert all(outcome.ok for outcome in outcomes)
    await direct(office, "guest", "did what you asked for")
    assert await functions(office) == [Function.BUTTON]
    settled = await direct(office, "admin", "Done by")
    assert settled.all_text == (await direct(office, "second-admin", "Done by")).all_text


async def test_support_asks_to_allow_texts_again(office: Office) -> None:
    """What only admins may do is handed over by support too: the admin sees why it is out, and it is done for support."""
    await office.opt_out(ONE, reason="wrong number")
    asked = await hand_over(office, "support", f"delete {ONE} because it was a mistake")
    assert "allow texts to (212) 555-0153 again" in asked.all_text
    assert "wrong number" in asked.all_text
    await office.press("admin", asked, DO)
    await direct(office, "support", "admin did what you asked for")
    assert not office.store.optouts.find(office.account.id, ONE).opted_out
    entry = latest_entries(office.store, office.account.id, 9)[0]
    assert (entry.function, entry.actor.name) == (Function.DELETE, "admin")
    assert entry.asked_by is not None
    assert entry.asked_by.name == "support"


@pytest.mark.wide
async def test_what_the_contact_asked_for_needs_its_form(office: Office) -> None:
    """Asked without a reason, the admin's click opens the form that asks why; submitted, the request is done and told."""
    by = Origin(Function.SHORTCUT, await office.actor("support"), cause=Cause.ASKED)
    office.store.optouts.add(office.account.id, [ONE], by)
    asked = await hand_over(office, "support", f"delete {ONE}")
    await office.press("admin", asked, DO)
    form = await office.people.until(
        lambda state: next((view for view in state.views("admin") if view["callback_id"] == "optout.why"), None)
    )
    assert (await office.people.submit("admin", form["id"], {"optout.why": "she called back"})).ok
    await direct(office, "support", "admin did what you asked for")
    entry = latest_entries(office.store, office.account.id, 9)[0]
    assert entry.function == Function.DELETE
    assert entry.asked_by is not None


@pytest.mark.wide
async def test_opted_out_again_since_it_was_asked(office: Office) -> None:
    """What came after the admins were asked is not undone by their click: the request stays open, and they are told."""
    await office.opt_out(ONE)
    asked = await hand_over(office, "support", f"delete {ONE}")
    await office.opt_out(ONE, reason="she wrote again")
    await office.press("admin", asked, DO)
    await direct(office, "admin", "was opted out again after you were asked")
    assert office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide
async def test_a_list_that_support_hands_over_is_applied_and_undone_in_an_admins_name(office: Office) -> None:
    """A list's buttons are handed over by who may not press them; the list tells of itself, and the asker is told too."""
    preview = await says(office, await drop(office, LIST), "3 phones to opt out")
    await office.press("support", preview, "upload.confirm")
    await office.press("support", await office.told("support"), ASK)
    asked = await direct(office, "admin", "asks you to apply")
    assert asked.button(DO).text == "Opt out 3 phones"
    await office.press("admin", asked, DO)
    thread = await office.people.until(
        lambda state: next(
            (m for m in state.channel(UPLOADS).everything if "did what you asked for" in m.all_text), None
        )
    )
    assert "admin did what you asked for: apply" in thread.all_text
    [entry] = latest_entries(office.store, office.account.id, 9)
    assert entry.asked_by is not None
    assert entry.asked_by.name == "support"


@pytest.mark.wide
async def test_support_asks_for_an_export_and_a_country(office: Office) -> None:
    """The export goes to the admin who made it; the country is set in the admin's name."""
    asked = await hand_over(office, "support", "country GB")
    assert asked.button(DO).text == "Read them as United Kingdom"
    await office.press("admin", asked, DO)
    await direct(office, "support", "did what you asked for: read numbers without a country code as United Kingdom")
    assert office.store.accounts.get(office.account.id).country == "GB"
    no = await refused(office, "support", "export format:phones")
    await office.press("support", no, ASK)
    asked = await direct(office, "second-admin", "asks you to export the list")
    await office.press("second-admin", asked, DO)
    await direct(office, "support", "did what you asked for: export the list")
    assert latest_entries(office.store, office.account.id, 9)[0].actor.name == "second-admin"


async def test_in_the_channel_for_what_waits(office: Office) -> None:
    """Where the settings name a channel the admins are asked there, numbers masked where others may read; nobody directly."""
    channel = (await office.people.state()).channel(TICKETS)
    await decide(office, waiting_channel=channel.id, numbers="masked")
    no = await refused(office, "support", f"delete {ONE} because of {TWO}")
    await office.press("support", no, ASK)
    asked = await office.people.until(
        lambda state: next((m for m in state.channel(TICKETS).messages if "asks you to" in m.all_text), None)
    )
    assert "555" not in asked.all_text
    assert (await office.people.state()).direct("admin") is None


@pytest.mark.wide
@pytest.mark.parametrize("what", [DO, DECLINE])
async def test_an_admin_who_is_none_any_more(office: Office, what: str) -> None:
    """Whoever lost the right decides nothing; the request waits for the other."""
    asked = await hand_over(office, "guest", f"add {ONE}")
    await office.people.update_user("admin", is_admin=False)
    await office.press("admin", asked, what)
    assert "Only admins can decide on requests" in (await office.told("admin")).text
    assert office.store.optouts.count(office.account.id) == 0
    await office.press("second-admin", await direct(office, "second-admin", "asks you to"), DO)
    await direct(office, "guest", "second-admin did what you asked for")


@pytest.mark.wide
async def test_whoever_asked_left(office: Office) -> None:
    """A person's wish not to be texted outlives the account of who passed it on."""
    asked = await hand_over(office, "guest", f"add {ONE}")
    await office.people.update_user("guest", deleted=True)
    await office.press("admin", asked, DO)
    await direct(office, "admin", "Done by admin.")
    assert office.store.optouts.find(office.account.id, ONE).opted_out


@pytest.mark.wide
async def test_nobody_decided_in_time(office: Office) -> None:
    """It expires: the question loses its buttons, and whoever asked is told whom to write to."""
    await hand_over(office, "guest", f"add {ONE}")
    turn_back(office.store, timedelta(days=4))
    office.service.desk.handovers.loop.poke()
    await direct(office, "guest", "Nobody decided in time whether to opt out (212) 555-0153")
    late = await direct(office, "admin", "Nobody decided in time")
    assert not late.buttons


async def test_who_is_no_admin_any_longer_to_be_named(office: Office) -> None:
    """Where no admin is known there is nobody to hand it to: the no says so, without a button."""
    for who in ("admin", "second-admin"):
        await office.people.update_user(who, is_admin=False)
    no = await refused(office, "guest", f"add {ONE}")
    assert no.text.endswith("Please ask an admin of this workspace.")
    assert not no.buttons


async def test_a_stranger_hands_nothing_over(office: Office) -> None:
    """A person of another organisation gets their no, with no button and nobody's name."""
    await office.let_in("stranger")
    await office.people.invite(TICKETS, "stranger")
    no = await refused(office, "stranger", f"add {ONE}")
    assert not no.buttons
    assert "admin" not in no.text


async def test_whoever_may_by_now(office: Office) -> None:
    """A right that came since needs nobody else's."""
    no = await refused(office, "support", f"delete {ONE}")
    await office.people.update_user("support", is_admin=True)
    before = len((await office.people.state()).ephemerals("support"))
    await office.press("support", no, ASK)
    assert "You can do this yourself" in (await office.told("support", before)).text
    assert office.store.handovers.list_open() == []


# What only shows


@pytest.mark.wide_but_first
@pytest.mark.parametrize("way", ["command", "mention", "direct", "shortcut"])
async def test_a_guest_asks_for_a_look_up(office: Office, way: str) -> None:
    """However a guest asks, an admin's click looks it up and tells them, directly, whatever channel they asked in."""
    await office.opt_out(ONE, reason="asked twice")
    if way == "command":
        no = await refused(office, "guest", f"search {ONE}")
    elif way == "mention":
        await office.people.message("guest", TICKETS, f"@optout {ONE}")
        no = await office.told("guest")
    elif way == "direct":
        await office.people.message("guest", "@optout", ONE)
        no = await office.told("guest")
    else:
        said = await office.people.message("guest", TICKETS, f"call {ONE}")
        await office.people.shortcut("guest", "optout.check", channel=TICKETS, ts=said.ts)
        no = await office.told("guest")
    assert no.button(ASK).text == "Ask admin or second-admin to do this"
    await office.press("guest", no, ASK)
    asked = await direct(office, "admin", "asks you to look up (212) 555-0153")
    assert asked.button(DO).text == "Look it up and tell them"
    await office.press("admin", asked, DO)
    told = await direct(office, "guest", "did what you asked for: look up (212) 555-0153.")
    assert re.search(r"\(212\) 555-0153 is opted out", told.all_text)
    assert "asked twice" in told.all_text
    assert not told.buttons
    assert not (await direct(office, "admin", "Done by admin.")).buttons


@pytest.mark.wide
async def test_many_numbers_are_looked_up_for_a_guest(office: Office) -> None:
    """Fifty states come in as many messages as they need; each number is told."""
    phones = [f"+12125550{n}" for n in range(100, 150)]
    await office.opt_out(*phones[::2])
    await office.people.message("guest", TICKETS, f"@optout {' '.join(phones)}")
    await office.press("guest", await office.told("guest"), ASK)
    await office.press("admin", await direct(office, "admin", "asks you to look up 50 phones"), DO)
    await direct(office, "guest", phones[-1])
    channel = (await office.people.state()).direct("guest")
    assert channel is not None
    said = "".join(one.all_text for one in channel.everything)
    assert all(phone in said for phone in phones)


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("who", "text", "words", "shown"),
    [
        ("guest", f"history {ONE}", "show the history of (212) 555-0153", "Admin opted it out"),
        ("support", "history", "show the history of the list", "opted (212) 555-0153 out"),
        ("support", "history @admin", "show the history of", "opted (212) 555-0153 out"),
        ("guest", "uploads", "list the latest uploads", "No list has been uploaded yet"),
    ],
)
async def test_what_there_is_to_see(office: Office, who: str, text: str, words: str, shown: str) -> None:
    """A history and the uploads are shown to who asked once an admin says so, to them alone."""
    await office.opt_out(ONE)
    asked = await hand_over(office, who, text)
    assert words in asked.all_text
    await office.press("admin", asked, DO)
    told = await direct(office, who, "did what you asked for")
    assert shown.lower() in told.all_text.lower()
    assert not told.buttons


@pytest.mark.wide
async def test_settings_are_opened_for_who_asks(office: Office) -> None:
    """What somebody wants of the settings is read by an admin, whose click opens the form; saved, it is done and told."""
    asked = await hand_over(office, "support", "settings keep undo for 3 days")
    assert "asks you to change the settings (keep undo for 3 days)" in asked.all_text
    await office.press("admin", asked, DO)
    form = await office.people.until(
        lambda state: next((view for view in state.views("admin") if view["callback_id"] == "settings.form"), None)
    )
    assert (await office.people.submit("admin", form["id"], {"settings.undo_days": "3 days"})).ok
    await direct(office, "support", "admin did what you asked for: change the settings")
    entry = latest_entries(office.store, office.account.id, 9)[0]
    assert entry.asked_by is not None
    assert entry.asked_by.name == "support"


# Lists


@pytest.mark.wide
async def test_a_guests_list_is_taken_up(office: Office) -> None:
    """What a guest drops is taken up where it stands by an admin's click, in the admin's name, and waits there for a yes."""
    outcome = await office.people.drop("guest", UPLOADS, "stops.csv", LIST)
    no = await office.told("guest")
    assert no.text.startswith("Guests cannot use the opt-out desk. admin and second-admin can.")
    await office.press("guest", no, ASK)
    asked = await direct(office, "admin", "asks you to take up stops.csv as a list to opt out")
    await office.press("admin", asked, DO)
    preview = await says(office, str(outcome.ts), "3 phones to opt out")
    await office.press("admin", preview, "upload.confirm")
    await says(office, str(outcome.ts), "*3 phones opted out*")
    assert latest_entries(office.store, office.account.id, 9)[0].actor.name == "admin"


@pytest.mark.wide
async def test_a_guests_list_in_a_direct_message(office: Office) -> None:
    """What a guest sends the desk alone is shown where the admin is who takes it up."""
    await office.people.drop("guest", "@optout", "stops.csv", LIST, text="opt out")
    await office.press("guest", await office.told("guest"), ASK)
    asked = await direct(office, "admin", "asks you to take up stops.csv")
    await office.press("admin", asked, DO)
    preview = await says(office, str(asked.ts), "3 phones to opt out")
    await office.press("admin", preview, "upload.confirm")
    await says(office, str(asked.ts), "*3 phones opted out*")


@pytest.mark.wide
async def test_a_guests_list_to_be_scrubbed(office: Office) -> None:
    """It is scrubbed in its thread once an admin says so; a file that is gone by then is said to be."""
    await office.opt_out(ONE)
    outcome = await office.people.drop("guest", UPLOADS, "stops.csv", LIST, text="@optout scrub")
    await office.press("guest", await office.told("guest"), ASK)
    asked = await direct(office, "admin", "asks you to scrub stops.csv")
    await office.press("admin", asked, DO)
    await says(office, str(outcome.ts), "scrubbed")
    noes = [one for one in (await office.people.state()).ephemerals("guest") if "Guests cannot" in one.text]
    assert len(noes) <= 1


@pytest.mark.wide
async def test_support_asks_for_an_undo_by_command(office: Office) -> None:
    """`/optout undo` means the latest list that was applied, or the one that is named; an admin's click asks on in the form."""
    ts = await drop(office, LIST)
    await office.press("admin", await says(office, ts, "3 phones to opt out"), "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    for text in ("undo", "undo upload 1", "undo stops.csv"):
        assert (await refused(office, "support", text)).buttons
    assert not (await refused(office, "support", "undo upload 7")).buttons
    asked = await hand_over(office, "support", "undo 1")
    assert re.search(r"asks you to undo the upload of <[^|]*\|stops\.csv>", asked.all_text)
    await office.press("admin", asked, DO)
    form = await office.people.until(
        lambda state: next((view for view in state.views("admin") if view.get("submit")), None)
    )
    assert (await office.people.submit("admin", form["id"], {})).ok
    await office.people.until(
        lambda state: any("did what you asked for: undo" in m.all_text for m in _direct(state, "support"))
    )


def _direct(state: State, user: str) -> list[SandboxMessage]:
    channel = state.direct(user)
    return list(channel.everything) if channel else []


@pytest.mark.wide
@pytest.mark.parametrize(("what", "words"), [("upload.cancel", "cancel"), ("upload.scrub", "scrub")])
async def test_somebody_elses_list(office: Office, what: str, words: str) -> None:
    """Who dropped it not themselves is told whose it is, and asks an admin, whose click decides."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await office.press("support", preview, what)
    no = await office.told("support")
    assert no.text.startswith("stops.csv was dropped by admin: besides them only admins can")
    await office.press("support", no, ASK)
    await office.press("admin", await direct(office, "admin", f"asks you to {words} "), DO)
    await direct(office, "admin", "Done by admin.")
    assert office.store.uploads.list(office.account.id, 1)[0].state in {"cancelled", "scrubbed", "received"}
