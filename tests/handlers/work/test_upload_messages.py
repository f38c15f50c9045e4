"""
What is shown of an upload: reminders, reports, the rows that were not understood.

What a list's channel does not take is told elsewhere, once, never called attached where it is not, and shown there later.
"""

import asyncio
import csv
import sqlite3
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from handlers.work import upload_messages
from store import write_unreadable
from store.phones.numbers import Reason
from store.records import UnreadableRow
from tests.desks import holder_of
from tests.files import files_below
from tests.handlers.conftest import Office
from tests.handlers.test_files import LIST, MIXED, UPLOADS, drop, says, scratch_files, settled
from tests.handlers.work.test_uploads import applied, exact, until_stored
from tests.store.test_uploads import turn_back

ERRORS = ["not_in_channel", "channel_not_found", "is_archived", "restricted_action"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


def directly(state: State, user: str) -> list[SandboxMessage]:
    channel = state.direct(user)
    return list(channel.everything) if channel else []


@pytest.mark.wide
@pytest.mark.parametrize("error", ERRORS)
async def test_the_bot_was_removed_between_preview_and_report(office: Office, error: str) -> None:
    """Dropper and confirmer are told directly, once; the rows are with the dropper, and nobody is told otherwise."""
    ts = await drop(office, MIXED, user="support")
    preview = await says(office, ts, "Nothing has changed yet")
    await settled(office)
    await office.people.kick(UPLOADS)
    await office.people.fault(method="chat.update", fault="error", error=error, times=-1)
    await office.press("admin", preview, "upload.confirm")

    def dropper_has_them(state: State) -> list[SandboxMessage]:
        found = directly(state, "support")
        return found if any("opted out* from" in one.text for one in found) else []

    def confirmer_told(state: State) -> list[SandboxMessage]:
        return [one for one in directly(state, "admin") if "opted out* from" in one.text]

    await office.people.until(dropper_has_them)
    [to_confirmer] = await office.people.until(confirmer_told)
    assert "attached" not in to_confirmer.all_text
    assert "support has them as a file" in to_confirmer.all_text
    assert "Undo" in str([button.text for button in to_confirmer.buttons])
    stored = await until_stored(office, lambda found: holder_of(office.store, found).fence > 4)
    assert stored.pending, "what was not shown is still to be shown"
    assert [one for one in (await office.people.state()).replies(ts) if "attached" in one.all_text] == []
    await office.people.clear_faults()
    await office.people.invite(UPLOADS)
    report = await says(office, ts, "attached, with the reason for each")
    assert report.text.startswith("*3 phones opted out*"), "who was told directly is not told again"
    [shown] = [one for one in (await office.people.state()).replies(ts) if "the report is below" in one.text]
    assert shown.ts == preview.ts
    done = await settled(office)
    assert done.state == "done"
    state = await office.people.state()
    assert len([one for one in state.replies(ts) if one.files]) == 1, "attached where it is told"
    for user in ("support", "admin"):
        told = [one for one in directly(state, user) if "opted out* from" in one.text]
        # What an admin was asked before says what became of it, too.
        assert len([one for one in told if "This belongs in" in one.all_text]) == 1, "told once"
    assert office.store.optouts.count(office.account.id) == office.store.optouts.recount(office.account.id) == 3


@pytest.mark.wide
async def test_a_channel_that_takes_words_and_no_files(office: Office) -> None:
    """The report stands in the channel and says who has the rows, once they have them."""
    ts = await drop(office, MIXED, user="support")
    preview = await says(office, ts, "Nothing has changed yet")
    await settled(office)
    await office.people.fault(method="files.completeUploadExternal", fault="error", error="restricted_action", times=1)
    await office.press("admin", preview, "upload.confirm")
    report = await says(office, ts, "has them as a file, in a direct message")
    assert "attached" not in report.all_text
    await settled(office)
    sent = [one for one in directly(await office.people.state(), "support") if one.files]
    assert len(sent) == 1


@pytest.mark.wide
async def test_a_button_in_a_direct_message_does_not_wait(office: Office) -> None:
    """An undo that is asked for while the channel takes nothing begins at once; what was told there loses its button then."""
    ts = await drop(office, MIXED)
    preview = await says(office, ts, "Nothing has changed yet")
    await settled(office)
    await office.people.fault(method="chat.update", fault="error", error="is_archived", times=-1)
    await office.press("admin", preview, "upload.confirm")

    def reported(state: State) -> SandboxMessage | None:
        return next((one for one in directly(state, "admin") if "opted out* from" in one.text), None)

    report = await office.people.until(reported)
    await until_stored(office, lambda found: holder_of(office.store, found).owner is None)
    with office.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE uploads SET lease_until = '2099-01-01 00:00:00.000000'")
    await office.press("admin", report, "upload.undo")
    view = await office.people.until(
        lambda state: next((one for one in state.views("admin") if one["callback_id"] == "upload.undo"), None)
    )
    assert (await office.people.submit("admin", view["id"], {})).acknowledged
    await until_stored(office, lambda found: found.state == "undone")
    assert office.store.optouts.count(office.account.id) == 0

    await office.people.clear_faults()

    def was_settled(state: State) -> bool:
        return any(
            one.ts == report.ts and "was undone" in one.text and not one.buttons for one in directly(state, "admin")
        )

    await office.people.until(was_settled)


# Waiting


@pytest.mark.wide
async def test_a_preview_says_its_number_and_until_when(office: Office) -> None:
    """The number of the upload, and when the preview expires."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    upload = await settled(office)
    assert upload.size == len(LIST)
    assert "Upload 1 · An admin confirms." in preview.all_text
    assert "until {date_short_pretty}" in preview.all_text


@pytest.mark.wide
async def test_a_preview_is_reminded_of_once_and_expires(office: Office, tmp_path: Path) -> None:
    """One word in the thread after a day; after three the message says that it expired, and nothing of it is kept."""
    ts = await drop(office, LIST, user="support")
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    turn_back(office.store, "waiting_since", timedelta(hours=25))
    reminder = await says(office, ts, "still waits for an admin's yes")
    assert reminder.text.startswith(f"<@{(await office.actor('support')).id}>: *<")
    upload = await until_stored(office, lambda found: holder_of(office.store, found).owner is None)
    assert upload.reminded_at is not None
    assert scratch_files(tmp_path)
    turn_back(office.store, "waiting_since", timedelta(hours=48))
    expired = await says(office, ts, "expired: nobody said yes in time")
    [shown] = [one for one in (await office.people.state()).replies(ts) if one.ts == preview.ts]
    assert (shown.text, shown.buttons) == ("*stops.csv* · upload 1 · expired: more is below.", [])
    assert "Nothing was changed." in expired.text
    assert [button.text for button in expired.buttons] == ["Read it again"]
    assert (await settled(office)).state == "expired"
    reminders = [one for one in (await office.people.state()).replies(ts) if "still waits" in one.text]
    assert len(reminders) == 1
    assert not scratch_files(tmp_path)
    assert exact(office) == 0
    again = await drop(office, LIST)
    await says(office, again, "3 phones to opt out")


@pytest.mark.wide
async def test_a_reminder_waits_for_slack(office: Office) -> None:
    """While Slack does not take it, nobody counts as reminded; when it is back, it comes, once."""
    ts = await drop(office, LIST)
    await says(office, ts, "3 phones to opt out")
    await settled(office)
    await office.people.fault(method="chat.postMessage", fault="error", error="internal_error", times=2)
    turn_back(office.store, "waiting_since", timedelta(hours=25))
    await says(office, ts, "still waits for an admin's yes")
    await until_stored(office, lambda found: holder_of(office.store, found).owner is None)
    assert len((await office.people.state()).replies(ts)) == 2


# Unreadable rows


def attached(state: State, ts: str) -> list[SandboxMessage]:
    return [reply for reply in state.replies(ts) if reply.files]


@pytest.mark.wide
async def test_unreadable_rows_are_attached_once(office: Office, settings: Settings, tmp_path: Path) -> None:
    """A replica that dies after attaching them leaves the upload to another, which shows the report and attaches nothing."""
    report = await applied(office, MIXED)
    assert report.thread_ts is not None
    ts = report.thread_ts
    await office.people.until(lambda state: attached(state, ts))
    fence = holder_of(office.store, await settled(office)).fence
    connection = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"))
    connection.execute("UPDATE uploads SET pending = true, lease_until = '2026-01-01 00:00:00.000000'")
    connection.commit()
    connection.close()
    await until_stored(office, lambda found: holder_of(office.store, found).fence > fence and not found.pending)
    assert len(attached(await office.people.state(), ts)) == 1
    assert await asyncio.to_thread(files_below, tmp_path, suffix=".csv") == []


@pytest.mark.wide
@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
@pytest.mark.parametrize("fault", ["server_error", "lost_answer", "reset"])
async def test_slack_stumbles_over_the_attachment(office: Office, method: str, fault: str) -> None:
    """Whatever becomes of one attempt, the rows are in the thread in the end, once."""
    await office.people.fault(method=method, fault=fault, times=1)
    report = await applied(office, MIXED)
    assert report.thread_ts is not None
    ts = report.thread_ts
    await office.people.until(lambda state: attached(state, ts))
    await until_stored(office, lambda found: not found.pending and holder_of(office.store, found).owner is None)
    assert len(attached(await office.people.state(), ts)) == 1


@pytest.mark.wide
async def test_something_on_the_way_to_slack_takes_the_attachment(office: Office) -> None:
    """
    A page that answers the sending of the file as done leaves Slack without it: that is no word against the channel.

    The rows come to the thread with the next try, and the report is there and nowhere else.
    """
    await office.people.fault(method="upload", fault="html", times=1)
    ts = await drop(office, MIXED)
    await office.press("admin", await says(office, ts, "Nothing has changed yet"), "upload.confirm")
    await says(office, ts, "attached, with the reason for each")
    await settled(office)
    state = await office.people.state()
    assert len(attached(state, ts)) == 1
    assert len([one for one in state.replies(ts) if "opted out* from" in one.text]) == 1
    assert directly(state, "admin") == []


@pytest.mark.wide
async def test_the_disk_is_full_when_rows_are_attached(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report stands, nothing half-written reaches the thread, and the rows come, once, when there is room."""
    ts = await drop(office, MIXED)
    preview = await says(office, ts, "Nothing has changed yet")
    fence = holder_of(office.store, await settled(office)).fence
    full: list[Path] = []

    def write(path: Path, columns: tuple[str, ...], rows: Iterator[UnreadableRow]) -> None:
        # The first time every write to it is answered as by a full disk.
        if not full:
            full.append(path)
            path.unlink()
            path.symlink_to("/dev/full")
        write_unreadable(path, columns, rows)

    monkeypatch.setattr(upload_messages, "write_unreadable", write)
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "opted out* from")
    await office.people.until(lambda state: attached(state, ts))
    assert not full[0].parent.exists()
    assert holder_of(office.store, await settled(office)).fence > fence + 1
    [message] = attached(await office.people.state(), ts)
    assert len((await office.people.download(message.files[0]["id"])).splitlines()) == 3


@pytest.mark.wide
def test_unreadable_rows_are_written_one_by_one(tmp_path: Path) -> None:
    """However many there are, they are never all in memory; formulas and markup come out harmless."""
    path = tmp_path / "rows.csv"
    cells = ("=cmd()", "+1", "-2", "@x", "<!channel>", 'a "quoted", cell', "x" * 200)
    names = ("=a", "b", "c", "d", "e", "f", "g")
    rows = (UnreadableRow(line, "x", Reason.TOO_SHORT, "only 1 digit", cells) for line in range(2, 50_002))
    tracemalloc.start()
    write_unreadable(path, names, rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 10_000_000
    assert peak < 2_000_000
    with path.open(newline="") as file:
        read = csv.reader(file)
        assert next(read) == ["'=a", "b", "c", "d", "e", "f", "g", "line", "reason"]
        assert next(read)[:6] == ["'=cmd()", "'+1", "'-2", "'@x", "<!channel>", 'a "quoted", cell']
        assert sum(1 for _ in read) == 49_999
