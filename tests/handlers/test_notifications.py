"""Who is notified of what over a day of all surfaces: who has to act, and who has waited, once; and nobody else."""

from datetime import timedelta

import pytest

from bot.config import Settings
from bot.sandbox.client import SandboxMessage, State
from handlers.work import upload_messages
from tests.handlers.conftest import TICKETS, Office, on_both_databases
from tests.handlers.slack.test_outbox import settled as nothing_waits
from tests.handlers.test_exports import delivered
from tests.handlers.test_files import LIST, drop, says, settled
from tests.handlers.test_settings import decide
from tests.store.test_uploads import turn_back

ONE, TWO = "+12125550100", "+12125550101"
QUESTION = "Nothing has changed yet"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


async def notified(office: Office) -> dict[str, list[str]]:
    """What each person was notified of in channels, once nothing is left to say, with those it mentions by their names."""
    await nothing_waits(office)
    state = await office.people.state()
    names = {user["id"]: user["handle"] for user in state.raw["users"]}
    told: dict[str, list[str]] = {}
    for name in names.values():
        for message in state.notified(name):
            assert message is not None
            text = message.text
            for user, handle in names.items():
                text = text.replace(f"<@{user}>", f"@{handle}")
            told.setdefault(name, []).append(text)
    return told


async def directly(office: Office, name: str, words: str) -> SandboxMessage:
    """The message of the desk to *name* directly with *words* in it."""

    def there(state: State) -> SandboxMessage | None:
        direct = state.direct(name)
        return next((one for one in direct.messages if words in one.all_text), None) if direct else None

    return await office.people.until(there)


@pytest.mark.wide_but_first
@on_both_databases
async def test_nobody_is_notified_of_what_they_ask_for(office: Office) -> None:
    """Commands, mentions, buttons, forms and looks into the history name people, and notify none."""
    await office.ask("admin", f"add {ONE} reason:wrong number")
    await office.ask("second-admin", f"search {ONE}")
    said = await office.people.message("support", TICKETS, f"@optout opt out {TWO} because she asked")
    assert said.ts is not None
    await office.replies_to(said.ts, 1)
    question = await office.ask("second-admin", f"delete {ONE}")
    await office.press("second-admin", question, "optout.delete")
    await office.replies_to(question.ts, 1)
    await office.ask_alone("admin", "history")
    await office.ask_alone("support", f"delete {TWO}", channel=TICKETS)
    told = await notified(office)
    assert {name: texts for name, texts in told.items() if name != "optout"} == {}


@pytest.mark.wide
@on_both_databases
async def test_a_list_that_waits_for_an_admin(office: Office) -> None:
    """Admins are told directly, with all that they need to decide; whoever dropped it when one has; each once."""
    ts = await drop(office, LIST, user="support", name="stops.csv")
    await says(office, ts, QUESTION)
    await settled(office)
    told = await notified(office)
    assert told.keys() == {"admin", "second-admin"}
    [waits] = told["admin"]
    assert waits.startswith("A list waits for a yes: <")
    assert "|stops.csv> (upload 1), dropped by support in <#" in waits
    assert told["second-admin"] == [waits]
    mine = await directly(office, "second-admin", "3 phones to opt out")
    await office.press("second-admin", mine, "upload.confirm")
    await says(office, ts, "opted out* from")
    await settled(office)
    for name in ("admin", "second-admin"):
        seen = await directly(office, name, "*3 phones opted out* from stops.csv")
        assert seen.buttons == []
    told = await notified(office)
    assert {name: len(texts) for name, texts in told.items()} == {"admin": 1, "second-admin": 1, "support": 1}
    [done] = told["support"]
    assert done.startswith(
        "@support: *3 phones opted out* from stops.csv · upload 1 · dropped by support, confirmed by second-admin"
    )


@on_both_databases
@pytest.mark.wide
async def test_a_channel_for_what_waits(office: Office) -> None:
    """Where the settings name one, a list that waits is told there, once, and decided there; nobody is notified directly."""
    state = await office.people.state()
    await decide(office, waiting_channel=state.channel("campaign-admins").id)
    ts = await drop(office, LIST, user="support")
    await says(office, ts, QUESTION)
    await settled(office)
    assert await notified(office) == {}

    def told(state: State) -> SandboxMessage | None:
        return next((one for one in state.channel("campaign-admins").messages if "stops.csv" in one.text), None)

    await office.press("admin", await office.people.until(told), "upload.cancel")
    await says(office, ts, "was cancelled")
    await settled(office)
    assert "was cancelled" in (await office.people.until(told)).text


@pytest.mark.wide
async def test_admins_who_cannot_be_written_to(office: Office) -> None:
    """Where Slack lets no admin be written to, the thread names them."""
    await office.people.configure(messages_tab=False)
    ts = await drop(office, LIST, user="support")
    await says(office, ts, "waits for a yes")
    await settled(office)
    waits = "@admin and @second-admin: *stops.csv* waits for a yes: 3 phones to opt out."
    assert await notified(office) == {"admin": [waits], "second-admin": [waits]}


@pytest.mark.wide
async def test_a_list_of_whoever_is_looking(office: Office) -> None:
    """The report is a message of its own, which names whoever dropped the list; nobody is notified: they see it come."""
    ts = await drop(office, LIST)
    await office.press("admin", await says(office, ts, QUESTION), "upload.confirm")
    report = await says(office, ts, "opted out* from")
    await settled(office)
    assert await notified(office) == {}
    assert report.text == "*3 phones opted out* from stops.csv · upload 1 · by admin"
    [shown, reported] = (await office.people.state()).replies(ts)
    assert (shown.text, shown.buttons) == ("*stops.csv* · upload 1 · opted out: the report is below.", [])
    assert reported.ts == report.ts
    assert [one.text for one in reported.buttons] == ["Undo this upload"]


@pytest.mark.wide
async def test_every_end_is_reported(office: Office) -> None:
    """An undo is reported below, in a message that names the dropper; the report before it has no button any more."""
    ts = await drop(office, LIST, user="support")
    await office.press("admin", await says(office, ts, QUESTION), "upload.confirm")
    report = await says(office, ts, "opted out* from")
    await settled(office)
    await office.press("admin", report, "upload.undo")
    view = await office.people.until(
        lambda state: next((one for one in state.views("admin") if one["callback_id"] == "upload.undo"), None)
    )
    assert (await office.people.submit("admin", view["id"], {})).acknowledged
    await says(office, ts, "was undone: 3 phones can be texted again* · upload 1 · by admin")
    await settled(office)
    shown, before, after = (await office.people.state()).replies(ts)
    assert shown.text == "*stops.csv* · upload 1 · undone: the report is below."
    assert before.text == "*3 phones opted out* from stops.csv · upload 1 · undone since: see below."
    assert before.buttons == after.buttons == []
    [_, undone] = (await notified(office))["support"]
    assert undone.startswith("@support: *stops.csv was undone")


@on_both_databases
@pytest.mark.wide
async def test_a_list_that_looks_wrong_and_was_applied_unasked(office: Office) -> None:
    """Where the settings never ask, all admins are told of it directly, once, with the button that undoes it."""
    await decide(office, ask="never")
    ts = await drop(office, LIST, user="support")
    await says(office, ts, "3 phones opted out")
    await settled(office)
    assert await notified(office) == {}
    again = await drop(office, LIST, user="support", name="again.csv")
    await says(office, again, "0 phones opted out")
    await settled(office)
    told = await notified(office)
    assert {name: len(texts) for name, texts in told.items()} == {"admin": 1, "second-admin": 1, "support": 1}
    [said] = told["admin"]
    assert "|again.csv> (upload 2) was applied without a question, as the settings say" in said
    mine = await directly(office, "admin", "The same file was applied already, as upload 1 (stops.csv)")
    assert [one.text for one in mine.buttons] == ["Undo this upload"]


@pytest.mark.wide
async def test_a_list_that_took_long(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who had to wait is notified that it may be confirmed, and that it is done."""
    monkeypatch.setattr(upload_messages, "LOOKING", timedelta(0))
    ts = await drop(office, LIST)
    await office.press("admin", await says(office, ts, QUESTION), "upload.confirm")
    await says(office, ts, "opted out* from")
    await settled(office)
    told = await notified(office)
    assert told.keys() == {"admin"}
    waits, done = told["admin"]
    assert waits == "@admin: *stops.csv* waits for a yes: 3 phones to opt out."
    assert done.startswith("@admin: *3 phones opted out* from stops.csv")


@pytest.mark.wide
async def test_a_list_that_is_refused(office: Office) -> None:
    """Whoever dropped it is notified, once, as it is theirs to mend, by the one message that says why."""
    ts = await drop(office, b"name\nBo\n", user="support", name="names.csv")
    await says(office, ts, "Nothing was changed")
    await settled(office)
    [shown, _why] = (await office.people.state()).replies(ts)
    assert shown.text == "*names.csv* · upload 1 · refused: why is below."
    [said] = (await notified(office))["support"]
    assert said.startswith("@support: *Nothing was changed.*")
    assert (await notified(office)).keys() == {"support"}


@pytest.mark.wide
async def test_admins_of_the_settings_are_notified_too(office: Office) -> None:
    """Whom the settings make an admin has to act as well; after a day all of them are reminded, and the dropper too."""
    await office.people.update_user("guest", is_restricted=False)
    await decide(office, admins=((await office.actor("guest")).id,))
    ts = await drop(office, LIST, user="support")
    await says(office, ts, QUESTION)
    await settled(office)
    turn_back(office.store, "waiting_since", timedelta(hours=25))
    office.service.desk.runner.poke()
    await says(office, ts, "still waits for an admin's yes")
    await settled(office)
    told = await notified(office)
    counts = {name: len(texts) for name, texts in told.items()}
    assert counts == {"guest": 2, "admin": 2, "second-admin": 2, "support": 1}
    assert "stops.csv>* (upload 1) still waits for an admin's yes" in told["guest"][1]
    assert told["support"][0].startswith("@support: *<")


@pytest.mark.wide
async def test_members_of_groups_of_admins_are_notified_too(office: Office) -> None:
    """Whom the settings make an admin by a group has to act as well; who is named besides is notified once."""
    await office.people.update_user("guest", is_restricted=False)
    group = next(iter(office.slack.platform.workspace.usergroups.values()))
    group["users"] = [(await office.actor(name)).id for name in ("guest", "admin")]
    await decide(office, admin_groups=(group["id"],))
    ts = await drop(office, LIST, user="support")
    await says(office, ts, QUESTION)
    await settled(office)
    told = await notified(office)
    assert {name: len(texts) for name, texts in told.items()} == {"guest": 1, "admin": 1, "second-admin": 1}


@on_both_databases
@pytest.mark.wide
async def test_an_export_comes_to_whoever_asked(office: Office) -> None:
    """Directly, where its message and its file are, and to nobody else."""
    await office.ask("admin", f"add {ONE}")
    await office.ask("admin", "export", replies=0)
    await delivered(office)
    told = await notified(office)
    assert {name: len(texts) for name, texts in told.items()} == {"admin": 2}


@on_both_databases
@pytest.mark.wide
async def test_a_list_that_expires(office: Office) -> None:
    """Whoever dropped it is notified, and the admins, who were when it came; it can be taken up again."""
    ts = await drop(office, LIST, user="support")
    await says(office, ts, QUESTION)
    await settled(office)
    turn_back(office.store, "waiting_since", timedelta(days=4))
    office.service.desk.runner.poke()
    await says(office, ts, "expired: nobody said yes in time")
    await settled(office)
    told = await notified(office)
    assert [len(texts) for texts in (told["admin"], told["second-admin"])] == [2, 2]
    [said] = told["support"]
    assert said.startswith("@support: *stops.csv expired")
    await office.press("support", await says(office, ts, "expired: nobody said yes in time"), "upload.again")
    again = await says(office, ts, QUESTION)
    await settled(office)
    assert [len(texts) for name, texts in sorted((await notified(office)).items()) if name != "support"] == [3, 3]
    for name in ("admin", "second-admin"):
        direct = (await office.people.state()).direct(name)
        assert direct is not None
        before, expired, waits = direct.messages
        assert before.text == expired.text
        assert before.text.startswith("*stops.csv* · upload 1 · expired, and read again since")
        assert before.buttons == expired.buttons == []
        assert waits.button("upload.confirm").text == "Opt out 3 phones"
    await office.press("admin", again, "upload.confirm")
    await says(office, ts, "opted out* from")
    await settled(office)
    direct = (await office.people.state()).direct("admin")
    assert direct is not None
    assert [one.buttons for one in direct.messages] == [[], [], []]


@pytest.mark.wide
@pytest.mark.parametrize(("by", "told"), [("support", set()), ("second-admin", {"support"})])
async def test_a_list_that_is_cancelled(office: Office, by: str, told: set[str]) -> None:
    """Whoever dropped it is notified when it was somebody else."""
    ts = await drop(office, LIST, user="support")
    await office.press(by, await says(office, ts, QUESTION), "upload.cancel")
    await says(office, ts, "was cancelled")
    await settled(office)
    last = {name: texts for name, texts in (await notified(office)).items() if name == "support"}
    assert {name for name, texts in last.items() if "was cancelled" in texts[-1]} == told
