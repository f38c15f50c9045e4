"""A list dropped with the word `compare`: counts, a preview of what is only there, and a file of what is only here."""

import csv
import io
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, SandboxMessage, State
from handlers.views import exports as views
from store import (
    LACKING,
    Account,
    AnswerKind,
    DestinationKind,
    ExportFilter,
    Function,
    LeaseLost,
    NewDestination,
    Origin,
    Store,
    WrongState,
)
from tests.entries import latest_entries
from tests.handlers.conftest import TICKETS, Office, at_work, on_both_databases
from tests.handlers.slack.test_inbox import all_done
from tests.handlers.test_destinations import behind, eventually, made_behind, up_to_now
from tests.handlers.test_exports import delivered
from tests.handlers.test_files import UPLOADS, drop, says, settled, standing
from tests.handlers.test_keys import view_of
from tests.handlers.test_settings import decide
from tests.handlers.work.receiver import receiving

ONE, TWO, THREE, ELSEWHERE = "+12125550101", "+12125550102", "+12125550103", "+442079460018"
THEIRS = b"phone,name\n212-555-0101,Ann\n2125550102,=cmd()\n2125550102,again\n12345,Cat\n2125550103,Dan\n"
SHARED = "partner-desk"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


def labels(message: SandboxMessage) -> list[str]:
    return [button.text for button in message.buttons]


async def direct(office: Office, words: str, user: str = "admin") -> SandboxMessage:
    """The message to *user* that has *words*."""

    def there(state: State) -> SandboxMessage | None:
        found = state.direct(user)
        return next((one for one in found.messages if words in one.all_text), None) if found else None

    return await office.people.until(there)


@on_both_databases
@pytest.mark.wide_but_first
async def test_both_sides(office: Office) -> None:
    """Counts; what is only here comes to the admin alone, and what is only there goes on as any list does."""
    await decide(office, ask="never")
    await office.opt_out(TWO, ELSEWHERE)
    ts = await drop(office, THEIRS, channel=UPLOADS, name="theirs.csv", text="@optout please compare this")
    answer = await says(office, ts, "only in the file")
    assert answer.text == (
        "*theirs.csv: 2 phones only in the file, 1 only here.* It was only compared: nothing has changed."
    )
    assert "In the file 3 phones · here 2 · 1 in both" in answer.all_text
    assert "5 rows: 2 not opted out · 1 opted out · 1 repeated · 1 not understood" in answer.all_text
    assert labels(answer) == ["Preview opting out 2 phones", "Pass 1 phone on", "Send me 1 phone", "Leave it"]
    upload = await settled(office)
    with pytest.raises(WrongState, match="was only compared"):
        office.store.uploads.confirm(office.account.id, upload.id, Origin(Function.UPLOAD, upload.actor))
    assert office.store.summaries.get(office.account.id).waiting_count == 0
    listed = await office.ask("admin", "uploads", replies=0)
    assert "compared: 2 only in it, 1 only here, 1 in both" in listed.all_text

    await office.press("second-admin", answer, "upload.missing")
    file = await delivered(office, "second-admin")
    assert "1 phone exported" in file.text
    content = await office.people.download(file.thread[0].files[0]["id"])
    assert list(csv.reader(io.StringIO(content.decode()))) == [["phone"], [ELSEWHERE]]
    assert (latest_entries(office.store, office.account.id, 1)[0].function, standing(office, ONE)) == ("export", [0])

    await office.press("admin", answer, "upload.take")
    preview = await says(office, ts, "Nothing has changed yet")
    assert preview.button("upload.confirm").text == "Opt out 2 phones"
    assert standing(office, ONE, TWO, THREE) == [0, 1, 0], "it waits for a yes whatever the settings say"
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*2 phones opted out*")
    assert standing(office, ONE, TWO, THREE) == [1, 2, 1]


@pytest.mark.wide
async def test_the_same_on_both_sides(office: Office) -> None:
    """There is nothing to do then but to leave it; two who drop the same file at once have it compared twice."""
    await office.opt_out(ONE, TWO, THREE)
    one = await drop(office, THEIRS, channel=TICKETS, name="one.csv", text="@optout compare")
    two = await drop(office, THEIRS, channel=TICKETS, name="two.csv", text="@optout compare", user="second-admin")
    for ts in (one, two):
        answer = await says(office, ts, "it has the same 3 phones as this list")
        assert labels(answer) == ["Leave it"]
    await office.press("admin", answer, "upload.cancel")
    await all_done(office)
    assert standing(office, ONE, TWO, THREE) == [1, 1, 1]


@pytest.mark.wide
@pytest.mark.parametrize(
    ("content", "said", "offered"),
    [
        (b"", "Nothing was changed", []),
        (b"name,city\nAnn,Reno\n", "has no column called `phone`", []),
        (b"phone\n12345\n678\n", "no row of it was understood", ["Leave it"]),
        (b"phone,status\n2125550101,opted out\n2125550102,subscribed\n", "it is to be chosen how it is read", None),
    ],
)
async def test_lists_that_tell_nothing(office: Office, content: bytes, said: str, offered: list[str] | None) -> None:
    """What cannot be read, or in more than one way, is refused or asked about; nothing is offered on that ground."""
    await office.opt_out(TWO)
    ts = await drop(office, content, channel=TICKETS, name="theirs.csv", text="@optout compare")
    answer = await says(office, ts, said)
    assert labels(answer) == offered or (
        offered is None and not {"Send me 1 phone", "Pass 1 phone on"} & set(labels(answer))
    )
    assert standing(office, ONE, TWO) == [0, 1]


@pytest.mark.wide
async def test_who_may_not(office: Office) -> None:
    """Support and guests are refused, and hand it over; where strangers read along nobody is told."""
    for user in ("support", "guest"):
        before = len((await office.people.state()).ephemerals(user))
        await office.people.drop(user, TICKETS, "theirs.csv", THEIRS, text="@optout compare")
        refused = await office.told(user, before)
        assert "compare lists" in refused.text or "the opt-out desk" in refused.text
    await drop(office, THEIRS, channel=SHARED, text="@optout compare")
    assert "was not compared and nothing was changed" in (await office.told("admin")).text
    assert office.store.uploads.list(office.account.id, 9) == ()
    refused = await office.ask_alone("support", "compare")
    assert "Only admins can compare lists" in refused.text
    assert "compare` as its message" in (await office.ask_alone("admin", "compare")).text


@pytest.mark.wide
async def test_a_guests_list_is_compared_by_an_admin(office: Office) -> None:
    """What was handed over is compared in its thread once an admin says so."""
    outcome = await office.people.drop("guest", UPLOADS, "theirs.csv", THEIRS, text="@optout compare")
    await office.press("guest", await office.told("guest"), "handover.ask")
    asked = await direct(office, "asks you to compare theirs.csv with the list")
    await office.press("admin", asked, "handover.do")
    await says(office, str(outcome.ts), "3 phones only in the file, 0 only here")


@pytest.mark.wide
async def test_nobody_exports(office: Office) -> None:
    """Where nobody may export the list, what is only here is counted and not handed out."""
    await office.opt_out(ELSEWHERE)
    ts = await drop(office, THEIRS, channel=TICKETS, text="@optout compare")
    answer = await says(office, ts, "3 phones only in the file, 1 only here")
    await decide(office, exports="nobody")
    await office.press("admin", answer, "upload.missing")
    assert "Nobody may export the list" in (await office.told("admin")).text


@pytest.mark.wide
@pytest.mark.parametrize("action", ["upload.missing", "upload.take"])
async def test_presses_that_come_too_late(office: Office, action: str) -> None:
    """Once the list is left, or goes on as one to opt out, the buttons of before do nothing more."""
    await office.opt_out(ELSEWHERE)
    ts = await drop(office, THEIRS, channel=TICKETS, text="@optout compare")
    answer = await says(office, ts, "only in the file")
    await settled(office)
    # A message that another window still shows as it was.
    button = next(one for one in answer.buttons if one.action_id == action)
    element = {
        "type": "button",
        "text": {"type": "plain_text", "text": button.text},
        "action_id": action,
        "value": button.value,
    }
    client = AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url)
    old = await client.chat_postMessage(
        channel=answer.channel, text="as it was", blocks=[{"type": "actions", "elements": [element]}]
    )
    await office.press("admin", answer, "upload.take")
    await says(office, ts, "Nothing has changed yet")
    await settled(office)
    message = (await office.people.state()).message(old["ts"])
    assert message is not None
    await office.press("admin", message, action)
    assert "is not being compared any more" in (await office.told("admin")).text


@pytest.mark.wide
async def test_the_file_is_gone(office: Office) -> None:
    """A list that was deleted since cannot be compared once more: whoever asked is told so."""
    await office.opt_out(ELSEWHERE)
    ts = await drop(office, THEIRS, channel=TICKETS, text="@optout compare")
    answer = await says(office, ts, "only in the file")
    upload = await settled(office)
    await office.people.delete_file("admin", upload.file_id)
    await office.press("admin", answer, "upload.missing")
    assert "deleted" in (await direct(office, "was not exported")).all_text


# Passed on


async def form_of(office: Office, message: SandboxMessage, words: str) -> dict[str, Any]:
    """The form that *Pass N phones on* opens for an admin, once *words* stand in it."""
    await office.press("admin", message, "upload.pass_on")
    return await view_of(office, "admin", words)


@pytest.mark.wide
@on_both_databases
@pytest.mark.wide_but_first
async def test_what_is_only_here_is_passed_on(slack: EmbeddedSlack, settings: Settings) -> None:
    """The destination is told again of it alone, however often that is asked for, and nothing of it waits afterwards."""
    async with (
        receiving() as receiver,
        at_work(slack, settings.model_copy(update={"private_destinations": "on"})) as office,
    ):
        await office.opt_out(TWO, ELSEWHERE)
        bridge = await behind(office, receiver)
        await up_to_now(office)
        ts = await drop(office, THEIRS, channel=TICKETS, name="theirs.csv", text="@optout compare")
        answer = await says(office, ts, "2 phones only in the file, 1 only here")
        for times in (1, 2):
            receiver.copy.clear()
            view = await form_of(office, answer, "Pass phones on")
            assert "*1 phone of this list is not in theirs.csv.*" in str(view)
            outcome = await office.people.submit("admin", view["id"], {views.DESTINATION: bridge.id})
            assert outcome.ok, outcome
            await eventually(office, lambda: receiver.copy == {ELSEWHERE: True})
            told = [one for one in (await direct_all(office)) if "*1 phone is passed on again*" in one.all_text]
            assert len(told) == times
            assert "passed on to Bridge" in told[-1].all_text
            await eventually(office, lambda: office.store.destinations.list_of(office.account.id)[0].not_taken == ())
        ids = [headers["webhook-id"] for headers, _ in receiver.got]
        assert len(ids) == len(set(ids)), "whoever remembers what came takes it for something new"
        [answer_of] = office.store.evidence.answers(office.account.id, ELSEWHERE)
        assert (answer_of.destination, answer_of.answer) == ("Bridge", AnswerKind.TOOK)
        assert standing(office, ONE, TWO, THREE, ELSEWHERE) == [0, 1, 0, 1]


async def direct_all(office: Office) -> list[SandboxMessage]:
    """What the desk said to an admin directly, once its last word is that something is passed on."""

    def there(state: State) -> list[SandboxMessage] | None:
        found = state.direct("admin")
        done = found and not any("Looking for phones" in one.text for one in found.messages)
        return list(found.messages) if found and done else None

    return await office.people.until(there)


@pytest.mark.wide
async def test_nobody_to_pass_on_to(office: Office) -> None:
    """The form says so; a destination that was removed meanwhile is told of as well."""
    await office.opt_out(ELSEWHERE)
    ts = await drop(office, THEIRS, channel=TICKETS, text="@optout compare")
    answer = await says(office, ts, "only in the file")
    await form_of(office, answer, "Opt-outs are passed on to nobody yet")
    await office.people.close("admin", (await office.people.state()).views("admin")[-1]["id"])
    gone = await made_behind(office, DestinationKind.WEBHOOK, name="Bridge", address="https://example.org/")
    view = await form_of(office, answer, "Whose list it is")
    office.store.destinations.remove(office.account.id, gone.id, Origin(Function.SETTING, gone.made_by))
    before = len((await office.people.state()).ephemerals("admin"))
    await office.people.submit("admin", view["id"], {views.DESTINATION: gone.id})
    said = await office.people.until(
        lambda state: [*map(str, state.views("admin")), *(one.text for one in state.ephemerals("admin")[before:])]
    )
    assert "There is no such destination any more" in str(said)
    refused = "export" not in {entry.function for entry in latest_entries(office.store, office.account.id, 9)}
    assert refused


def test_more_than_are_told_one_by_one(store: Store, account: Account, by_admin: Origin) -> None:
    """All is told again from the beginning; whoever tells it at that moment does not set it back to where that has come."""
    store.optouts.add(account.id, [ONE, TWO], by_admin)
    wanted = NewDestination(DestinationKind.WEBHOOK, "Bridge", "C1", "https://example.org/")
    verbs, one = store.destinations, store.destinations.make(account.id, wanted, by_admin)

    def told() -> list[str]:
        claimed = verbs.claim("me", lease_seconds=60)
        assert claimed is not None
        page = verbs.page(claimed, 10)
        verbs.give_back(verbs.taken(claimed, page.cursor, {phone.phone: None for phone in page.phones}, lambda _n: 60))
        return [phone.phone for phone in page.phones]

    assert told() == [ONE, TWO]
    assert verbs.claim("me", lease_seconds=60) is None
    verbs.tell_again(account.id, one.id, [TWO])
    verbs.tell_again(account.id, one.id, [TWO])
    assert [(some.problem, some.phones, some.first) for some in verbs.get(account.id, one.id).not_taken] == [
        (LACKING, 1, TWO)
    ]
    assert told() == [TWO]
    verbs.tell_again(account.id, one.id, [ONE])
    held = verbs.claim("slow", lease_seconds=60)
    assert held is not None
    page = verbs.page(held, 10)
    verbs.tell_all_again(account.id, one.id)
    with pytest.raises(LeaseLost):
        verbs.taken(held, page.cursor, {}, lambda _n: 60)
    assert told() == [ONE, TWO]
    with pytest.raises(WrongState, match="There is no such destination any more"):
        verbs.tell_again(account.id, "abcdefghij", [ONE])
    other = store.accounts.get_or_create("T0OTHER", "Other")
    with pytest.raises(WrongState, match="There is no such destination any more"):
        verbs.tell_all_again(other.id, one.id)
    with pytest.raises(WrongState, match="There is no such destination any more"):
        store.exports.ask(other.id, by_admin, ExportFilter.of_missing(1, one.id))
