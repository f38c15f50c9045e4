"""A list dropped with the word `scrub`: it comes back without who is opted out, and opts nobody out."""

from typing import Any

import pytest

from bot.config import Settings
from bot.sandbox import State
from handlers.purposes import purpose_of
from store import Function, Origin, Purpose, Upload, WrongState
from tests.entries import latest_entries
from tests.handlers.conftest import TICKETS, Office
from tests.handlers.test_files import UPLOADS, drop, says, settled, standing

ANN, BOB, DAN = "+12125550101", "+12125550102", "+12125550103"
CONTACTS = (
    b"name;phone;city\r\n"
    b"Ann;(212) 555-0101;New York\r\n"
    b'"Bob; the second";212-555-0102;"San\nJuan"\r\n'
    b"Cat;12345;Boston\r\n"
    b"Dan;2125550103;Reno\r\n"
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


async def given_back(office: Office, ts: str) -> tuple[str, bytes]:
    """The name and content of the one file in the thread of *ts*."""

    def files(state: State) -> list[dict[str, Any]]:
        parent = state.message(ts)
        return [file for reply in parent.thread for file in reply.files] if parent else []

    (attached,) = await office.people.until(files)
    return attached["name"], await office.people.download(attached["id"])


def untouched(office: Office, upload: Upload, entries: int) -> bool:
    """Nothing was opted out, and no entry made."""
    optouts = office.store.optouts
    return (
        upload.entry_id is None
        and optouts.count(office.account.id) == optouts.recount(office.account.id)
        and len(latest_entries(office.store, office.account.id, 99)) == entries
    )


def receive_again(
    office: Office,
    upload: Upload,
    *,
    purpose: Purpose = Purpose.OPT_OUT,
    file_id: str | None = None,
    channel_id: str | None = None,
    thread_ts: str | None = None,
) -> tuple[Upload, bool]:
    """What an event that tells of *upload* once more does."""
    return office.store.uploads.receive(
        office.account.id,
        file_id=file_id or upload.file_id,
        file_name=upload.file_name,
        channel_id=upload.channel_id if channel_id is None else channel_id,
        channel_name=upload.channel_name,
        thread_ts=thread_ts or upload.thread_ts,
        permalink=upload.permalink,
        actor=upload.actor,
        country=upload.country,
        purpose=purpose,
    )


async def test_a_list_comes_back_without_who_is_opted_out(office: Office) -> None:
    """Rows that stay are the same to the byte; the message counts; nothing is opted out."""
    await office.opt_out(BOB)
    ts = await drop(
        office, CONTACTS, name="contacts.csv", channel=TICKETS, user="support", text="@optout please Scrub it"
    )
    message = await says(office, ts, "1 row removed")
    assert "4 rows looked up. Neither the opt-outs nor the list you dropped has changed." in message.all_text
    assert "1 row not understood" in message.all_text
    assert "left out too, since they may be opted out" in message.all_text
    assert message.buttons == []
    name, content = await given_back(office, ts)
    assert name == "contacts.scrubbed.csv"
    assert content == (b"name;phone;city\r\nAnn;(212) 555-0101;New York\r\nDan;2125550103;Reno\r\n")
    upload = await settled(office)
    assert (upload.state, upload.purpose) == ("scrubbed", "scrub")
    assert untouched(office, upload, 1)
    assert standing(office, ANN, BOB, DAN) == [0, 1, 0]
    listing = await office.ask("admin", "uploads", replies=0)
    assert "scrubbed: 1 row taken out of it" in listing.all_text


@pytest.mark.wide
async def test_unreadable_rows_are_kept_when_asked(office: Office) -> None:
    """`scrub, keep unreadable` leaves them in, and says that nobody knows of them."""
    await office.opt_out(BOB)
    ts = await drop(office, CONTACTS, name="contacts.csv", text="@optout scrub, and keep the unreadable ones")
    await says(office, ts, "kept as you asked")
    assert b"Cat;12345;Boston" in (await given_back(office, ts))[1]
    assert untouched(office, await settled(office), 1)


@pytest.mark.wide
async def test_the_word_in_the_files_name_is_enough(office: Office) -> None:
    """In an uploads channel nothing need be said: the file is called so."""
    await office.opt_out(BOB)
    ts = await drop(office, CONTACTS, name="scrub_me.csv")
    await says(office, ts, "1 row removed")
    assert (await given_back(office, ts))[0] == "scrub_me.scrubbed.csv"
    assert (await settled(office)).state == "scrubbed"


@pytest.mark.wide
async def test_the_word_may_come_after_the_file(office: Office) -> None:
    """The file's own event made an upload of it that waits for a yes: with the word it is scrubbed, and never applied."""
    ts = await drop(office, CONTACTS, name="contacts.csv")
    preview = await says(office, ts, "Nothing has changed yet")
    upload = await settled(office)
    again, changed = receive_again(office, upload, purpose=Purpose.SCRUB)
    assert (again.id, again.state, again.is_scrub, changed) == (upload.id, "received", True, True)
    office.service.desk.runner.poke()
    await office.people.click("admin", preview, "upload.confirm")
    await says(office, ts, "0 rows removed")
    assert (await office.people.until(lambda state: state.message(preview.ts))).buttons == []
    assert untouched(office, await settled(office), 0)


@pytest.mark.wide
async def test_what_was_confirmed_stays_an_opt_out_list(office: Office) -> None:
    """The word after the yes is too late, and an opt-out list never becomes of a scrub."""
    ts = await drop(office, CONTACTS, name="contacts.csv")
    await office.press("admin", await says(office, ts, "Nothing has changed yet"), "upload.confirm")
    await says(office, ts, "opted out* from")
    upload = await settled(office)
    again, changed = receive_again(office, upload, purpose=Purpose.SCRUB)
    assert (again.state, again.is_scrub, changed) == ("done", False, False)
    other, _ = receive_again(office, upload, file_id="F0OTHER", channel_id="")
    elsewhere, changed = receive_again(
        office, upload, file_id="F0OTHER", channel_id="", thread_ts="9.9", purpose=Purpose.SCRUB
    )
    assert (elsewhere.id, elsewhere.is_scrub, changed) == (other.id, False, False)
    keeping, changed = receive_again(office, upload, file_id="F0OTHER", channel_id="", purpose=Purpose.SCRUB_KEEPING)
    assert (keeping.id, keeping.purpose, changed) == (other.id, "scrub, keep unreadable", True)
    assert receive_again(office, upload, file_id="F0OTHER", channel_id="", purpose=Purpose.SCRUB) == (keeping, False)
    first, _ = receive_again(office, upload, file_id="F0NEW", channel_id="", purpose=Purpose.SCRUB)
    second, changed = receive_again(office, upload, file_id="F0NEW", channel_id="")
    assert (second.id, second.is_scrub, changed) == (first.id, True, False)


@pytest.mark.wide
async def test_a_list_without_phones_is_read_with_another_column(office: Office) -> None:
    """What is refused for its header is scrubbed after *Use COLUMN*."""
    await office.opt_out(BOB)
    ts = await drop(office, CONTACTS.replace(b"phone", b"mobile"), name="contacts.csv", text="@optout scrub")
    refused = await says(office, ts, "no column called")
    await office.press("admin", refused, "upload.column")
    await says(office, ts, "1 row removed")
    assert (await settled(office)).state == "scrubbed"


async def test_not_where_strangers_read_along(office: Office) -> None:
    """The list that comes back tells who is opted out: in a shared channel it is refused, to the dropper alone."""
    await drop(office, CONTACTS, name="contacts.csv", channel="partner-desk", text="@optout scrub")
    told = await office.told("admin")
    assert "contacts.csv was not scrubbed and nothing was changed" in told.text
    assert office.store.uploads.list(office.account.id, 9) == ()


@pytest.mark.parametrize("user", ["guest", "stranger"])
async def test_who_may_not(office: Office, user: str) -> None:
    """Guests and people of other organisations are refused, and nothing is kept."""
    channel = "partner-desk" if user == "stranger" else UPLOADS
    await drop(office, CONTACTS, user=user, channel=channel, text="@optout scrub")
    await office.told(user)
    assert office.store.uploads.list(office.account.id, 9) == ()


@pytest.mark.wide
async def test_slack_refuses_the_file(office: Office) -> None:
    """Slack does not take what comes back: the upload fails in words, and nobody tries for ever."""
    await office.people.fault(method="files.completeUploadExternal", fault="error", error="is_archived", times=-1)
    ts = await drop(office, CONTACTS, name="contacts.csv", text="@optout scrub")
    message = await says(office, ts, "could not be finished")
    assert "The scrubbed list cannot come back here: Slack does not take the file" in message.all_text
    assert "Nothing was changed." in message.all_text
    assert (await settled(office)).state == "failed"


@pytest.mark.wide
async def test_the_mention_overtaken_by_its_file(office: Office) -> None:
    """Slack tells of the file first and of the mention late: whatever was made of it by then, it ends scrubbed, once."""
    await office.opt_out(BOB)
    await office.people.fault(delivery="app_mention", fault="late", seconds=1.5)
    ts = await drop(office, CONTACTS, name="contacts.csv", text="@optout scrub")
    await says(office, ts, "1 row removed")
    upload = await settled(office)
    assert upload.state == "scrubbed"
    assert len(office.store.uploads.list(office.account.id, 9)) == 1
    assert len((await office.people.state()).replies(ts)) == 3
    assert untouched(office, upload, 1)
    with pytest.raises(WrongState, match="was scrubbed: nobody was opted out"):
        office.store.uploads.confirm(office.account.id, upload.id, Origin(Function.UPLOAD, upload.actor))


@pytest.mark.parametrize(
    ("said", "name", "purpose"),
    [
        ("<@U1> scrub", "a.csv", "scrub"),
        ("<@U1> SCRUB this please", "a.csv", "scrub"),
        ("<@U1> scrub and keep unreadable", "a.csv", "scrub, keep unreadable"),
        ("", "list scrub.csv", "scrub"),
        ("", "scrub_2026.csv", "scrub"),
        ("", "scrubs.csv", "opt out"),
        ("<@U1> scrub, but do not keep the unreadable ones", "a.csv", "scrub"),
        ("<@U1> scrub, don\u2019t keep unreadable", "a.csv", "scrub"),
        ("<@U1> unscrubbed", "stops.csv", "opt out"),
        ("<@U1> keep unreadable", "stops.csv", "opt out"),
        ("", "", "opt out"),
    ],
)
def test_what_the_word_is(said: str, name: str, purpose: str) -> None:
    """It stands by itself, in any case, in what was said or in the file's name; part of another word it is none."""
    assert purpose_of(said, {"name": name}, expected=True)[0] == purpose
