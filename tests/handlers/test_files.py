"""Dropped lists from the drop to the report, as people see them: the real app over the embedded Slack's sockets."""

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from handlers.slack.acknowledge import STILL_WORKING
from store import Function, Upload
from tests.desks import holder_of
from tests.entries import latest_entries
from tests.files import files_below
from tests.handlers.conftest import ADMINS, TICKETS, Office
from tests.patience import PATIENCE
from tests.store.lists.workbooks import sheet_xml, xlsx

UPLOADS = "optout-uploads"
ONE, TWO, THREE = "+12125550100", "+12125550101", "+14155550102"
LIST = b"name,phone\nAnn,(212) 555-0100\nBob,212-555-0101\nCat,+1 415 555 0102\n"
MIXED = (
    b"name,phone\nAnn,(212) 555-0100\nBob,12345\nAnn,+1 212 555 0100\nCat,=cmd()\nDan,212 555 0101\nEve,4155550102\n"
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


async def drop(
    office: Office,
    content: bytes | Path,
    *,
    user: str = "admin",
    channel: str = UPLOADS,
    name: str = "stops.csv",
    text: str = "",
    described: dict[str, Any] | None = None,
) -> str:
    """Drop a file; the timestamp of its message."""
    outcome = await office.people.drop(user, channel, name, content, text=text or None, described=described)
    assert outcome.ok, outcome
    assert outcome.ts is not None
    return outcome.ts


async def says(office: Office, ts: str, words: str) -> SandboxMessage:
    """Wait until a reply in the thread of *ts* says *words*."""

    def there(state: State) -> SandboxMessage | None:
        return next((reply for reply in state.replies(ts) if words in reply.all_text), None)

    return await office.people.until(there)


async def settled(office: Office) -> Upload:
    """Wait until the latest upload is shown as it stands and nobody works on it, and return it."""
    # Far longer than it takes: a disk that was just written to can keep a commit waiting for seconds.
    async with asyncio.timeout(PATIENCE):
        while True:
            upload = office.store.uploads.list(office.account.id, 1)[0]
            if not upload.pending and holder_of(office.store, upload).owner is None:
                return upload
            await office.people.state(after=(await office.people.state()).version, timeout=0.1)


def standing(office: Office, *phones: str) -> list[int]:
    """How many opt-outs stand for each of *phones*."""
    found = office.store.optouts.find_many(office.account.id, phones)
    return [len(found[phone].standing) for phone in phones]


def scratch_files(directory: Path) -> list[Path]:
    """What was read of lists and is kept on the disk."""
    return files_below(directory, suffix=".scratch")


async def test_drop_preview_confirm_report(office: Office) -> None:
    """A list is previewed, applied after a yes and reported with exact counts, below the message that showed the work."""
    await office.opt_out(TWO)
    ts = await drop(office, MIXED)
    preview = await says(office, ts, "Nothing has changed yet")
    assert preview.text == "*stops.csv: 2 phones to opt out.* Nothing has changed yet."
    said = preview.all_text
    assert "6 rows: 2 to opt out · 1 already opted out · 1 repeated · 2 not understood" in said
    assert "• 1 too short (line 3)" in said
    assert "It begins with" in said or "In it: " in said
    assert "read as *United States*" in said
    assert preview.button("upload.confirm").text == "Opt out 2 phones"
    assert office.store.optouts.count(office.account.id) == 1

    await office.press("second-admin", preview, "upload.confirm")
    report = await says(office, ts, "phones opted out*")
    assert report.ts != preview.ts
    dropper = (await office.actor("admin")).id
    assert report.text.startswith(f"<@{dropper}>: *2 phones opted out* from stops.csv · upload 1 · dropped by admin")
    assert "1 was already opted out: this list is kept as a second reason" in report.all_text
    assert "1 row repeated a phone of the same list" in report.all_text
    assert "2 rows not understood" in report.all_text
    assert [button.text for button in report.buttons] == ["Undo this upload"]

    upload = await settled(office)
    assert (upload.state, upload.rows, upload.phones, upload.unreadable) == ("done", 6, 3, 2)
    assert (upload.newly_opted_out, upload.already_opted_out, upload.repeated) == (2, 1, 1)
    assert standing(office, ONE, TWO, THREE) == [1, 2, 1]
    assert office.store.optouts.count(office.account.id) == office.store.optouts.recount(office.account.id) == 3
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert (entry.function, entry.actor) == (Function.UPLOAD, await office.actor("second-admin"))


@pytest.mark.wide
async def test_unreadable_rows_are_fixed_and_dropped_again(office: Office) -> None:
    """The rows not understood come as a CSV with their reasons; mended there and dropped, they are opted out."""
    ts = await drop(office, MIXED)
    await office.press("admin", await says(office, ts, "Nothing has changed yet"), "upload.confirm")
    thread = (await office.replies_to(ts, 3)).thread
    [attached] = [file for one in thread for file in one.files]
    assert attached["name"] == "stops.unreadable.csv"
    rows = list(csv.DictReader(io.StringIO((await office.people.download(attached["id"])).decode())))
    assert [(row["name"], row["phone"], row["line"]) for row in rows] == [
        ("Bob", "12345", "3"),
        ("Cat", "'=cmd()", "5"),
    ]
    assert rows[0]["reason"] == "5 digits, a US number has 10"
    await settled(office)

    rows[0]["phone"], rows[1]["phone"] = "212 555 0123", "212 555 0124"
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    again = await drop(office, text.getvalue().encode(), name="stops.unreadable.csv")
    await office.press("admin", await says(office, again, "2 phones to opt out"), "upload.confirm")
    await says(office, again, "*2 phones opted out*")
    assert (await settled(office)).unreadable == 0
    assert standing(office, "+12125550123", "+12125550124") == [1, 1]
    assert office.store.optouts.count(office.account.id) == 5


@pytest.mark.wide
async def test_the_bots_own_files_are_no_lists(office: Office) -> None:
    """The CSV the bot attaches in the uploads channel is announced to it by Slack, and left alone."""
    ts = await drop(office, MIXED)
    await office.press("admin", await says(office, ts, "Nothing has changed yet"), "upload.confirm")
    await office.replies_to(ts, 2)
    await settled(office)
    announced = [sent for sent in await office.people.deliveries("event") if sent["name"] == "file_shared"]
    assert announced[-1]["payload"]["event"]["user_id"] == office.slack.bot_user_id
    # What comes after it is handled after it.
    await says(office, await drop(office, LIST, name="next.csv"), "next.csv: all 3 of its phones")
    assert [upload.file_name for upload in office.store.uploads.list(office.account.id, 9)] == ["next.csv", "stops.csv"]


@pytest.mark.wide
async def test_cancel(office: Office, tmp_path: Path) -> None:
    """Cancelled, nothing is opted out, the buttons go, and nothing of the list stays on the disk."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    assert scratch_files(tmp_path)
    await office.press("admin", preview, "upload.cancel")
    cancelled = await says(office, ts, "stops.csv was cancelled")
    assert "Nothing was changed." in cancelled.text
    assert cancelled.buttons == []
    assert (await settled(office)).state == "cancelled"
    assert office.store.optouts.count(office.account.id) == 0
    assert not scratch_files(tmp_path)


@pytest.mark.wide
@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ('{{"upload": 1, "seen": "{fingerprint}"}}', "*3 phones opted out*"),
        ('{{"upload": 1, "seen": "0123456789ab"}}', "was read again since"),
        ("1", "*3 phones opted out*"),
    ],
)
async def test_a_preview_of_an_earlier_release(office: Office, value: str, outcome: str) -> None:
    """What its button carries was called otherwise, or was the upload alone: it is understood all the same."""
    ts = await drop(office, LIST)
    await says(office, ts, "3 phones to opt out")
    upload = await settled(office)
    button = {
        "type": "button",
        "action_id": "upload.confirm",
        "text": {"type": "plain_text", "text": "Opt out 3 phones"},
        "value": value.format(fingerprint=upload.fingerprint),
    }
    client = AsyncWebClient(office.slack.bot_token, base_url=office.slack.api_url)
    blocks = [{"type": "actions", "elements": [button]}]
    await client.chat_postMessage(channel=upload.channel_id, thread_ts=ts, text="of before", blocks=blocks)
    await office.press("admin", await says(office, ts, "of before"), "upload.confirm")
    if outcome.startswith("*"):
        await says(office, ts, outcome)
        await settled(office)
    else:
        assert outcome in (await office.told("admin")).text


@pytest.mark.wide
async def test_double_click_on_confirm(office: Office) -> None:
    """Two people pressing at once opt the list out once; the second is told how it stands."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    first, second = await asyncio.gather(
        office.people.click("admin", preview, "upload.confirm"),
        office.people.click("second-admin", preview, "upload.confirm"),
    )
    assert first.ok
    assert second.ok
    await says(office, ts, "*3 phones opted out*")

    def told(state: State) -> list[str]:
        found = [message.text for name in ("admin", "second-admin") for message in state.ephemerals(name)]
        # A busy machine may say before that it takes longer.
        return [text for text in found if text != STILL_WORKING]

    refusals = await office.people.until(told)
    assert len(refusals) == 1
    assert refusals[0].startswith("stops.csv ")
    await settled(office)
    assert standing(office, ONE, TWO, THREE) == [1, 1, 1]
    assert office.store.optouts.count(office.account.id) == 3
    entries = [e for e in latest_entries(office.store, office.account.id, 9) if e.function == Function.UPLOAD]
    assert len(entries) == 1


@pytest.mark.wide
async def test_missing_phone_column(office: Office) -> None:
    """The columns are named, nothing changes, and one click reads the list with the likely one."""
    ts = await drop(office, b"Name,Mobile,City\nAna,(212) 555-0100,New York\nBen,+1 212 555 0101,Boston\n")
    refused = await says(office, ts, "Nothing was changed.")
    assert "no column called `phone`" in refused.text
    for column in ("Name", "Mobile", "City"):
        assert column in refused.text
    assert refused.button("upload.column").text == "Use Mobile"
    assert (await settled(office)).state == "refused"
    assert office.store.optouts.count(office.account.id) == 0

    await office.press("support", refused, "upload.column")
    preview = await says(office, ts, "2 phones to opt out")
    await settled(office)
    shown, before = (await office.people.state()).replies(ts)
    assert (shown.ts, before.ts) == (preview.ts, refused.ts)
    assert before.text == "*stops.csv* · upload 1 · refused · waiting for a yes since: see above."
    assert before.buttons == [], "its button is settled, wherever the list was read again"
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*2 phones opted out*")
    await settled(office)
    assert standing(office, ONE, TWO) == [1, 1]


@pytest.mark.wide
async def test_hidden_rows_are_one_click_away(office: Office) -> None:
    """A filtered workbook: what people see is previewed, what is hidden is counted, and a button takes it in."""
    rows = sheet_xml([["phone"], ["212 555 0100"], ["212 555 0101"], ["212 555 0102"]])
    rows = rows.replace('<row r="3">', '<row r="3" hidden="1">').replace('<row r="4">', '<row r="4" hidden="1">')
    ts = await drop(office, xlsx({"Stops": rows}), name="stops.xlsx")
    preview = await says(office, ts, "1 phone to opt out")
    assert "2 rows are hidden in sheet 'Stops', and left out." in preview.all_text
    assert preview.button("upload.read").text == "Take in what is hidden"
    await office.press("support", preview, "upload.read")
    preview = await says(office, ts, "3 phones to opt out")
    assert "2 rows are hidden in sheet 'Stops', and taken in." in preview.all_text
    await office.press("admin", preview, "upload.confirm")
    report = await says(office, ts, "*3 phones opted out*")
    assert "2 rows are hidden in sheet 'Stops', and taken in." in report.all_text
    await settled(office)
    assert office.store.optouts.count(office.account.id) == 3


@pytest.mark.wide
async def test_of_several_sheets_one_is_chosen(office: Office) -> None:
    """A workbook with phones in two sheets changes nothing before one is chosen, with one click."""
    raw = xlsx({"Stops": [["phone"], ["212 555 0100"]], "Old": [["phone"], ["212 555 0101"], ["212 555 0102"]]})
    ts = await drop(office, raw, name="stops.xlsx")
    asked = await says(office, ts, "Nothing was changed.")
    assert "has phones in 2 sheets: 'Stops' and 'Old'" in asked.text
    assert [button.text for button in asked.buttons] == ["Read sheet Stops", "Read sheet Old"]
    assert (await settled(office)).state == "refused"
    old = next(button for button in asked.buttons if button.text == "Read sheet Old")
    await office.people.click("support", asked, "upload.read", value=old.value)
    preview = await says(office, ts, "2 phones to opt out")
    assert "Sheet 'Old' is read, and the phones in 'Stops' are not." in preview.all_text
    await settled(office)
    assert office.store.optouts.count(office.account.id) == 0


@pytest.mark.wide
async def test_country_menu(office: Office) -> None:
    """Another country in the menu reads the list again, and its phones are those opted out."""
    ts = await drop(office, b"phone\n07911 123456\n07911 123457\n")
    preview = await says(office, ts, "no row of it was understood")
    assert [button.text for button in preview.buttons] == ["Cancel"]
    british = next(item for item in preview.elements if item["action_id"] == "upload.country")
    value = next(option["value"] for option in british["options"] if option["text"]["text"] == "United Kingdom")
    outcome = await office.people.click("admin", preview, "upload.country", value=value)
    assert outcome.ok
    again = await says(office, ts, "2 phones to opt out")
    assert again.ts == preview.ts
    assert "read as *United Kingdom*" in again.all_text
    await office.press("admin", again, "upload.confirm")
    await says(office, ts, "*2 phones opted out*")
    await settled(office)
    assert standing(office, "+447911123456", "+447911123457") == [1, 1]


@pytest.mark.wide
async def test_a_file_without_a_mention_elsewhere_is_left_alone(office: Office) -> None:
    """Outside the uploads channel a file alone is nobody's list, and nothing is said of it where others see it."""
    await drop(office, LIST, channel=TICKETS)
    ts = await drop(office, LIST, name="next.csv")
    await says(office, ts, "3 phones to opt out")
    assert [upload.file_name for upload in office.store.uploads.list(office.account.id, 9)] == ["next.csv"]
    assert (await office.people.state()).channel(TICKETS).messages[0].thread == []


@pytest.mark.wide
async def test_a_mention_with_a_file(office: Office) -> None:
    """Anywhere, a file dropped with a mention of the bot is a list, answered in its thread."""
    ts = await drop(office, LIST, channel=TICKETS, text="@optout please stop these")
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    assert len((await office.people.state()).replies(ts)) == 2, "what showed the work, and the report"
    assert office.store.optouts.count(office.account.id) == 3


@pytest.mark.wide
async def test_a_mention_in_the_uploads_channel(office: Office) -> None:
    """Both events tell of one file: one upload, one message."""
    ts = await drop(office, LIST, text="@optout here you are")
    await says(office, ts, "3 phones to opt out")
    await settled(office)
    assert len(office.store.uploads.list(office.account.id, 9)) == 1
    assert len((await office.people.state()).replies(ts)) == 1


@pytest.mark.wide
async def test_a_drop_in_a_thread(office: Office) -> None:
    """A list dropped as a reply is answered in that thread."""
    root = await office.people.message("support", UPLOADS, "Yesterday's lists")
    assert root.ts is not None
    outcome = await office.people.drop("support", UPLOADS, "stops.csv", LIST, thread_ts=root.ts)
    assert outcome.ok
    preview = await says(office, root.ts, "3 phones to opt out")
    assert preview.thread_ts == root.ts
    assert (await settled(office)).thread_ts == root.ts


async def test_a_mention_without_a_file(office: Office) -> None:
    """A bare mention gets a pointer to what can be done, for whoever wrote it alone."""
    assert (await office.people.message("support", TICKETS, "@optout hello")).ok
    reply = await office.told("support")
    assert "Drop a CSV with a column called `phone`" in reply.all_text
    assert office.store.uploads.list(office.account.id, 9) == ()


async def test_a_member_drops_and_an_admin_confirms(office: Office) -> None:
    """Support's list waits for an admin; support's own yes is refused to support alone, naming who can."""
    ts = await drop(office, LIST, user="support")
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    await office.press("support", preview, "upload.confirm")
    refusal = await office.told("support")
    assert refusal.text == "Only admins can apply lists. admin and second-admin can."
    assert office.store.optouts.count(office.account.id) == 0
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    assert (await settled(office)).actor == await office.actor("support")
    assert office.store.optouts.find(office.account.id, ONE).standing[0].entry.actor == await office.actor("admin")


@pytest.mark.wide
async def test_who_may_cancel(office: Office) -> None:
    """A member cancels a list of their own, not somebody else's."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    await office.press("support", preview, "upload.cancel")
    no = await office.told("support")
    dropped = "stops.csv was dropped by admin: besides them only admins can have it cancelled."
    assert no.text == f"{dropped} admin and second-admin can."
    assert no.button("handover.ask").text == "Ask admin or second-admin to do this"
    assert (await settled(office)).state == "waiting"
    own = await drop(office, LIST, user="support", name="own.csv")
    await office.press("support", await says(office, own, "own.csv: 3 phones to opt out"), "upload.cancel")
    await says(office, own, "own.csv was cancelled")


async def test_a_guest_is_refused(office: Office) -> None:
    """A guest's list is not taken, and the guest alone is told."""
    await drop(office, LIST, user="guest")
    assert (await office.told("guest")).text.startswith("Guests cannot use the opt-out desk.")
    assert office.store.uploads.list(office.account.id, 9) == ()


async def test_a_stranger_is_refused(office: Office) -> None:
    """So is one of another organisation, who reaches the bot by a mention in a shared channel."""
    await drop(office, LIST, user="stranger", channel="partner-desk", text="@optout stop these")
    assert (await office.told("stranger")).text.startswith("Only members of this workspace")
    assert office.store.uploads.list(office.account.id, 9) == ()


@pytest.mark.wide
async def test_another_bot_is_refused(office: Office) -> None:
    """A list from another app is not taken, and nobody else is bothered with it."""
    await office.people.invite(UPLOADS, "ticket-bot")
    ts = await drop(office, LIST, user="ticket-bot")
    mine = await drop(office, LIST, name="mine.csv")
    await says(office, mine, "3 phones to opt out")
    await settled(office)
    assert [upload.file_name for upload in office.store.uploads.list(office.account.id, 9)] == ["mine.csv"]
    assert (await office.people.state()).replies(ts) == []


@pytest.mark.wide
async def test_removed_from_the_channel_in_the_middle(office: Office) -> None:
    """The outcome that cannot be posted any more goes to whoever dropped the list, and the work is done once."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    await office.people.kick(UPLOADS)
    await office.people.fault(method="chat.update", fault="error", error="channel_not_found", times=-1)
    await office.press("admin", preview, "upload.confirm")

    def written(state: State) -> SandboxMessage | None:
        direct = state.direct("admin")
        return direct.messages[-1] if direct and direct.messages else None

    message = await office.people.until(written)
    assert message.text.startswith("*3 phones opted out* from stops.csv")
    assert "/invite @Opt-Out Desk" in message.all_text
    # Its channel still says that nothing has changed: that stays to be put right.
    upload = office.store.uploads.get(office.account.id, 1)
    assert (upload.state, upload.pending) == ("done", True)
    await office.people.clear_faults()
    await office.people.invite(UPLOADS)
    await says(office, ts, "*3 phones opted out*")
    await settled(office)
    assert office.store.optouts.count(office.account.id) == 3


@pytest.mark.wide
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("google_sheet", "is a Google Sheet, kept at Google Drive and not in Slack"),
        ("google_sheet", "Download it as Excel or CSV and drop that"),
        ("canvas", "is a canvas and no file"),
        ("canvas", "Copy its numbers into a CSV file"),
        ("list", "is a list of Slack's own and no file with a list in it. Export it as CSV"),
        ("post", "a post"),
        ("dropbox", "kept at Dropbox"),
        ("email", "is an e-mail and no file with a list in it"),
        ("no_address", "is not handed over"),
        ("tombstone", "deleted before it was read"),
        ("hidden_by_limit", "is hidden by Slack"),
    ],
)
async def test_what_is_no_file_is_refused_as_what_it_is(office: Office, kind: str, words: str) -> None:
    """In the thread of its message, at once, and nothing is opted out."""
    outcome = await office.people.drop("admin", UPLOADS, "stops.csv", LIST, kind=kind)

    def refused(state: State) -> bool:
        return any(words in message.all_text for message in state.channel(UPLOADS).everything)

    assert outcome.ok
    await office.people.until(refused)
    assert office.store.optouts.count(office.account.id) == 0


# What `files.info` answers for good, and what the dropper reads.
FINAL = [
    ("not_visible", "does not let the desk see the file"),
    ("access_denied", "does not let the desk see the file"),
    ("file_not_found", "deleted before it was read"),
    ("file_deleted", "deleted before it was read"),
    ("missing_scope", "does not tell the desk of the file (missing_scope)"),
    ("no_permission", "does not tell the desk of the file (no_permission)"),
    ("what_is_new", "does not tell the desk of the file (what_is_new)"),
]


@pytest.mark.wide_but_first
@pytest.mark.parametrize(("error", "words"), FINAL, ids=[error for error, _ in FINAL])
@pytest.mark.parametrize("channel", [UPLOADS, TICKETS])
async def test_a_file_that_slack_does_not_tell_of(office: Office, error: str, words: str, channel: str) -> None:
    """It ends at once, with a word to whoever dropped it: Slack is not asked again, and nothing waits."""
    await office.people.fault(method="files.info", fault="error", error=error, times=-1)
    await drop(office, LIST, channel=channel, text="" if channel == UPLOADS else "@optout stop these")

    def told(state: State) -> bool:
        return any(words in message.all_text for message in state.channel(channel).everything)

    await office.people.until(told)
    said = [one for one in (await office.people.state()).channel(channel).everything if words in one.all_text]
    assert "Nothing was changed." in said[0].all_text
    async with asyncio.timeout(PATIENCE):
        while office.store.inbox.backlog().waiting:
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)
    assert office.store.inbox.backlog().discarded == {}
    # The file, the mention, and, where a busy machine lost the connection, the look for what was missed.
    assert len(await office.people.calls("files.info")) <= 3
    assert office.store.uploads.list(office.account.id, 1) == ()


@pytest.mark.wide
@pytest.mark.parametrize(("error", "words"), FINAL, ids=[error for error, _ in FINAL])
async def test_a_list_that_slack_tells_of_no_more(office: Office, error: str, words: str) -> None:
    """The same of one that is to be read again: it is refused in its thread, and not tried for ever."""
    ts = await drop(office, LIST)
    await says(office, ts, "Nothing has changed yet")
    upload = await settled(office)
    await office.people.fault(method="files.info", fault="error", error=error, times=-1)
    before = len(await office.people.calls("files.info"))
    office.store.uploads.set_country(office.account.id, upload.id, "GB")
    office.service.desk.runner.poke()
    await says(office, ts, words)
    assert (await settled(office)).state == "refused"
    assert len(await office.people.calls("files.info")) == before + 1


@pytest.mark.wide
async def test_rows_where_nothing_can_be_uploaded(office: Office) -> None:
    """In a workspace that lets no files be uploaded the report says so, once; nobody is sent to look for a file."""
    ts = await drop(office, MIXED)
    preview = await says(office, ts, "Nothing has changed yet")
    await office.people.configure(file_uploads=False)
    await office.press("admin", preview, "upload.confirm")
    report = await says(office, ts, "this workspace does not let files be uploaded")
    assert "*3 phones opted out*" in report.all_text
    assert "2 rows not understood" in report.all_text
    assert (await settled(office)).state == "done"
    state = await office.people.state()
    assert len(state.replies(ts)) == 2
    assert state.direct("admin") is None


@pytest.mark.wide
async def test_a_scrub_where_nothing_can_be_uploaded(office: Office) -> None:
    """A list that is to come back without who is opted out cannot, and its thread says why."""
    await office.people.fault(
        method="files.getUploadURLExternal", fault="error", error="file_uploads_disabled", times=-1
    )
    ts = await drop(office, LIST, text="@optout scrub")
    await says(office, ts, "this workspace does not let files be uploaded, which its admins decide in Slack")
    assert (await settled(office)).state == "failed"


@pytest.mark.wide
async def test_uploads_lists_them(office: Office) -> None:
    """`/optout uploads` names each with its number, state, counts and link; an admin can undo it there."""
    ts = await drop(office, LIST)
    await office.press("admin", await says(office, ts, "3 phones to opt out"), "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    await settled(office)
    before = len((await office.people.state()).ephemerals("admin"))
    assert (await office.people.command("admin", ADMINS, "/optout uploads")).ok

    def listed(state: State) -> SandboxMessage | None:
        shown = [*state.channel(ADMINS).everything, *state.ephemerals("admin")[before:]]
        return next((message for message in shown if "stops.csv" in message.all_text), None)

    said = await office.people.until(listed)
    assert "|stops.csv>* · upload 1 · 3 phones opted out\nDropped by admin in <#" in said.all_text
    assert [button.text for button in said.buttons] == ["Open", "Undo this upload"]


# What Slack says of files that it does not keep, does not show, or that are pages of its own.
FOREIGN = [
    (
        {"mode": "external", "is_external": True, "external_type": "gdrive", "url_private": "KEYS"},
        "kept at Google Drive",
    ),
    ({"mode": "external", "url_private": "KEYS", "url_private_download": None}, "kept at another service"),
    ({"is_external": True, "external_type": "own-cloud <!channel>", "url_private": "KEYS"}, "kept at another service"),
    ({"url_private": "KEYS", "url_private_download": "KEYS"}, "an address that is not Slack's"),
    ({"url_private_download": "https://files.slack.com@127.0.0.1/keys"}, "an address that is not Slack's"),
    ({"mode": "quip", "filetype": "quip", "url_private_download": "KEYS"}, "a canvas"),
    ({"mode": "space", "url_private": "KEYS"}, "a post"),
    ({"mode": "what is new", "url_private": "KEYS"}, "something else"),
    ({"mode": "hidden_by_limit", "url_private": "KEYS"}, "hidden by Slack"),
    ({"mode": "file_access", "file_access": "check_file_info", "url_private": "KEYS"}, "is not handed over"),
    ({"url_private": None, "url_private_download": None}, "is not handed over"),
    ({"url_private": "", "url_private_download": ""}, "is not handed over"),
]


@pytest.mark.wide
@pytest.mark.parametrize(("described", "words"), FOREIGN, ids=[words for _, words in FOREIGN])
@pytest.mark.parametrize("scrub", [False, True], ids=["opt out", "scrub"])
async def test_a_file_that_slack_does_not_keep_is_refused_by_name(
    office: Office, described: dict[str, Any], words: str, scrub: bool
) -> None:
    """Nothing is fetched from a file object's foreign address: it is refused in its thread, and nothing of it is posted."""
    asked: list[str] = []

    async def keys(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="aws_secret_access_key = hunter2,phone\n1,2\n")

    app = web.Application()
    app.router.add_get("/{path:.*}", keys)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        address = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
        said = {key: address if value == "KEYS" else value for key, value in described.items()}
        ts = await drop(office, LIST, described=said, text="@optout scrub" if scrub else "")
        refusal = await says(office, ts, words)
        assert "stops.csv" in refusal.text
        assert (await settled(office)).state == "refused"
        assert asked == []
        everything = [reply.all_text for reply in (await office.people.state()).replies(ts)]
        assert not any("hunter2" in text or address in text for text in everything)
    finally:
        await runner.cleanup()
