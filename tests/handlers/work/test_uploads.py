"""From the preview to the undo, as people see it: doubts, waiting, stopping, undoing, two lanes, Slack away."""

import asyncio
import os
import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, SandboxMessage, State
from bot.sandbox.workspace import PostedMessage
from handlers.slack.acknowledge import STILL_WORKING
from handlers.ttl_cache import TtlCache
from handlers.work.uploads import MOST_DEATHS, SMALL_BYTES
from store import Function, Lease, Origin, Upload, UploadState
from store.records import Batch
from tests.desks import children_of, holder_of
from tests.entries import latest_entries
from tests.handlers.conftest import TICKETS, Office, at_work
from tests.handlers.test_files import (
    LIST,
    MIXED,
    ONE,
    THREE,
    TWO,
    drop,
    says,
    scratch_files,
    settled,
    standing,
)
from tests.patience import PATIENCE
from tests.store.test_uploads import turn_back


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon, so that nothing waits long for the next look."""
    return settings.model_copy(update={"lease_seconds": 1.0})


async def applied(office: Office, content: bytes = LIST, name: str = "stops.csv") -> SandboxMessage:
    """Drop a list and say yes; the report."""
    ts = await drop(office, content, name=name)
    await office.press("admin", await says(office, ts, "Nothing has changed yet"), "upload.confirm")
    report = await says(office, ts, "opted out* from")
    await settled(office)
    return report


async def modal(office: Office, user: str, words: str) -> dict[str, Any]:
    """Wait until *user* has a modal open that says *words*."""

    def there(state: State) -> dict[str, Any] | None:
        return next((view for view in state.views(user) if words in str(view)), None)

    return await office.people.until(there)


async def until_stored(office: Office, such: Callable[[Upload], bool]) -> Upload:
    """Wait until the latest upload is *such*."""
    async with asyncio.timeout(PATIENCE):
        while True:
            # An event that was acknowledged is an upload a moment later.
            latest = await asyncio.to_thread(office.store.uploads.list, office.account.id, 1)
            if latest and such(latest[0]):
                return latest[0]


def exact(office: Office) -> int:
    count = office.store.optouts.count(office.account.id)
    assert count == office.store.optouts.recount(office.account.id)
    return count


def forget_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """The minute is over for which it is remembered who is an admin."""
    monkeypatch.setattr(TtlCache, "get", lambda _self, _key: None)


# Undo


async def test_an_upload_is_undone(office: Office) -> None:
    """The modal says how many can be texted again and how many stay out; then a report tells that it was done."""
    office.store.campaigns.put(office.account.id, "life", "Life", active=True)
    office.store.campaigns.put_conversation(office.account.id, "life", "Ann", ONE)
    report = await applied(office)
    assert "Can be undone <!date^" in report.all_text
    stop = Origin(Function.KEYWORD, await office.actor("admin"))
    office.store.optouts.add(office.account.id, [TWO], stop)  # a reply, after the list

    await office.press("second-admin", report, "upload.undo")
    asked = await modal(office, "second-admin", "2 phones can be texted again")
    assert "1 phone stays out for other reasons." in str(asked)
    assert "conversation" in str(asked)
    assert (await office.people.submit("second-admin", asked["id"], {})).ok
    assert report.thread_ts is not None
    undone = await says(office, report.thread_ts, "was undone")
    assert undone.ts != report.ts
    second = await office.actor("second-admin")
    assert "*stops.csv was undone: 2 phones can be texted again* · upload 1 · " in undone.text
    assert undone.text.endswith(f"by {second.name}")
    assert "1 phone stays out: something else opted them out too" in undone.all_text
    assert undone.buttons == []
    upload = await settled(office)
    assert (upload.state, upload.opted_in, upload.kept_out) == ("undone", 2, 1)
    assert standing(office, ONE, TWO, THREE) == [0, 1, 0]
    assert exact(office) == 1
    assert not office.store.optouts.find(office.account.id, ONE).conversations[0].opted_out
    newest = latest_entries(office.store, office.account.id, 1)[0]
    assert (newest.function, newest.actor) == (Function.UNDO, second)


@pytest.mark.wide
async def test_an_upload_says_nothing_of_campaigns_where_none_was_told(office: Office) -> None:
    """Nor does its undo: no message of it, and no question, speaks of conversations."""
    report = await applied(office)
    await office.press("second-admin", report, "upload.undo")
    asked = await modal(office, "second-admin", "3 phones can be texted again")
    assert (await office.people.submit("second-admin", asked["id"], {})).ok
    assert report.thread_ts is not None
    undone = await says(office, report.thread_ts, "was undone")
    thread = await office.replies_to(report.thread_ts, 2)
    said = " ".join([str(asked["blocks"]), undone.all_text, *(one.all_text for one in [thread, *thread.thread])])
    assert not re.search("conversation|re-?open|active", said, re.IGNORECASE)


@pytest.mark.wide
async def test_undo_is_for_admins(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member is refused at the button, an admin who is none any more at the modal; nothing is undone."""
    report = await applied(office)
    await office.press("support", report, "upload.undo")
    assert (await office.told("support")).text.startswith("Only admins can undo uploads.")
    await office.press("second-admin", report, "upload.undo")
    asked = await modal(office, "second-admin", "3 phones can be texted again")
    forget_people(monkeypatch)
    await office.people.update_user("second-admin", is_admin=False)
    assert (await office.people.submit("second-admin", asked["id"], {})).acknowledged
    await modal(office, "second-admin", "Only admins can undo uploads.")
    assert (await settled(office)).state == "done"
    assert exact(office) == 3


@pytest.mark.wide
async def test_an_undo_that_came_second(office: Office) -> None:
    """Two admins with the modal open: it is undone once, and the second is told in the modal."""
    report = await applied(office)
    modals = []
    for user in ("admin", "second-admin"):
        await office.press(user, report, "upload.undo")
        modals.append(await modal(office, user, "3 phones can be texted again"))
    assert (await office.people.submit("admin", modals[0]["id"], {})).ok
    assert report.thread_ts is not None
    await says(office, report.thread_ts, "was undone")
    await settled(office)
    assert (await office.people.submit("second-admin", modals[1]["id"], {})).acknowledged
    await modal(office, "second-admin", "stops.csv was undone.")
    assert len(latest_entries(office.store, office.account.id, 9)) == 2
    assert exact(office) == 0


@pytest.mark.wide
async def test_the_days_for_an_undo_are_over(office: Office) -> None:
    """A button of a week ago is answered with what can still be done; no modal opens."""
    report = await applied(office)
    turn_back(office.store, "finished_at", timedelta(days=8))
    await office.press("admin", report, "upload.undo")
    assert "can no longer be undone" in (await office.told("admin")).text
    assert (await office.people.state()).views("admin") == []


@pytest.mark.wide
async def test_a_modal_that_slack_does_not_open(office: Office) -> None:
    """When the three seconds are over, the person is told to press again, and nothing was done."""
    report = await applied(office)
    await office.people.fault(method="views.open", fault="error", error="expired_trigger_id")
    await office.press("admin", report, "upload.undo")
    assert "Please try again." in (await office.told("admin")).text
    assert (await settled(office)).state == "done"


@pytest.mark.usefixtures("slacks_patience")
@pytest.mark.wide
@pytest.mark.parametrize("then", ["done", "refused"])
async def test_a_modal_whose_store_is_busy(office: Office, settings: Settings, then: str) -> None:
    """After 2 s the modal closes with a word that it goes on; what came of it is seen in the message, or said to them."""
    report = await applied(office)
    await office.press("admin", report, "upload.undo")
    asked = await modal(office, "admin", "3 phones can be texted again")
    other = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    if then == "refused":
        other.execute("UPDATE uploads SET state = 'cancelled'")
    assert (await office.people.submit("admin", asked["id"], {})).ok
    assert (await office.people.state()).views("admin") == []
    await office.people.until(lambda state: STILL_WORKING in [m.text for m in state.ephemerals("admin")])
    other.execute("COMMIT")
    other.close()
    if then == "refused":
        assert (await office.told("admin")).text.startswith("stops.csv was cancelled.")
        return
    assert report.thread_ts is not None
    await says(office, report.thread_ts, "was undone")
    await settled(office)
    assert exact(office) == 0


@pytest.mark.wide
async def test_a_file_called_like_a_broadcast(office: Office) -> None:
    """Whatever a file is called, no refusal and no modal about it addresses anybody."""
    report = await applied(office, name="<!channel> & <@U1>.csv")
    turn_back(office.store, "finished_at", timedelta(days=8))
    await office.press("admin", report, "upload.undo")
    assert (await office.told("admin")).text.startswith(
        "&lt;!channel&gt; &amp; &lt;@U1&gt;.csv can no longer be undone"
    )
    turn_back(office.store, "finished_at", timedelta(days=-8))
    await office.press("admin", report, "upload.undo")
    assert "<!channel>" not in str(await modal(office, "admin", "3 phones can be texted again"))


# The guard


@pytest.mark.wide
async def test_a_list_that_was_applied_before_takes_typing(office: Office) -> None:
    """The preview says when and by whom; the yes asks for the number of phones, and takes only the right one."""
    await applied(office, name="first.csv")
    ts = await drop(office, LIST, name="again.csv")
    preview = await says(office, ts, "again.csv may be the wrong list: all 3 of its phones are already opted out")
    admin = await office.actor("admin")
    assert f"The same file was applied already, as upload 1 (first.csv), by {admin.name}<!date" in preview.all_text
    assert "an admin has to type the number of phones" in preview.all_text
    await office.press("admin", preview, "upload.confirm")
    asked = await modal(office, "admin", "type the number of phones: 3")
    wrong = await office.people.submit("admin", asked["id"], {"upload.number": "4"})
    assert wrong.errors == {
        "upload.number": "That is not the number of phones, which is 3: type that to go on, or cancel."
    }
    for nonsense in ("three", "٣", "-3", "3.0", "9" * 20):
        assert (await office.people.submit("admin", asked["id"], {"upload.number": nonsense})).errors
    assert (await settled(office)).state == "waiting"
    assert (await office.people.submit("admin", asked["id"], {"upload.number": " 3 "})).errors == {}
    await says(office, ts, "0 phones opted out* from again.csv")
    assert (await settled(office)).already_opted_out == 3
    assert standing(office, ONE) == [2]
    assert exact(office) == 3


@pytest.mark.wide
async def test_a_list_of_whom_is_being_texted(office: Office) -> None:
    """A list that would opt out most phones with conversations is asked about; a list without doubts is not."""
    office.store.campaigns.put(office.account.id, "life", "Life", active=True)
    for n in range(200):
        office.store.campaigns.put_conversation(office.account.id, "life", str(n), f"+1212200{n:04d}")
    rows = "\n".join(f"+1212200{n:04d}" for n in range(150))
    ts = await drop(office, f"phone\n{rows}\n".encode())
    preview = await says(office, ts, "150 phones to opt out")
    known = office.store.uploads.known(office.account.id)
    assert f"It would opt out {15_000 // known}% of the {known} phones you have conversations with." in preview.all_text
    await office.press("admin", preview, "upload.confirm")
    asked = await modal(office, "admin", "type the number of phones: 150")
    assert exact(office) == 0
    assert (await office.people.submit("admin", asked["id"], {"upload.number": "150"})).ok
    await says(office, ts, "*150 phones opted out*")
    await settled(office)
    assert exact(office) == 150


@pytest.mark.wide
@pytest.mark.parametrize("meanwhile", ["cancelled", "another country", "demoted"])
async def test_a_modal_about_what_is_no_longer_so(
    office: Office, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """A list that was cancelled or read again while the number was typed, or an admin who is none now: refused, in words."""
    await applied(office)
    await drop(office, LIST, name="again.csv")
    upload = await until_stored(office, lambda found: found.file_name == "again.csv" and not found.pending)
    assert upload.thread_ts is not None
    preview = await says(office, upload.thread_ts, "again.csv")
    await office.press("second-admin", preview, "upload.confirm")
    asked = await modal(office, "second-admin", "type the number of phones: 3")
    said = "again.csv was cancelled."
    if meanwhile == "cancelled":
        await office.press("admin", preview, "upload.cancel")
    elif meanwhile == "another country":
        office.store.uploads.set_country(office.account.id, upload.id, "CA")
        await until_stored(office, lambda found: (found.state, found.country) == ("waiting", "CA"))
        said = "again.csv was read again since, with other counts"
    else:
        forget_people(monkeypatch)
        await office.people.update_user("second-admin", is_admin=False)
        said = "Only admins can apply lists."
    assert (await office.people.submit("second-admin", asked["id"], {"upload.number": "3"})).acknowledged
    await modal(office, "second-admin", said)
    assert standing(office, ONE) == [1]
    assert exact(office) == 3


# Stop


async def stopped(office: Office) -> SandboxMessage:
    """A list of three phones, stopped after two of them; the message that says so."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    # The desk waits for Slack before it goes on, and meanwhile its child's first batch is stored here, by its lease.
    await office.people.fault(method="files.info", fault="slow", seconds=600)
    await office.press("admin", preview, "upload.confirm")
    working = await office.people.until(
        lambda state: next((m for m in state.replies(ts) if [b.action_id for b in m.buttons] == ["upload.stop"]), None)
    )
    held = await until_stored(office, lambda found: holder_of(office.store, found).owner is not None)
    lease = holder_of(office.store, held)
    assert lease.owner is not None
    work = office.store.uploads.resume(held.account_id, held.id, Lease(lease.owner, lease.fence))
    work.apply_batch(Batch({ONE: 2, TWO: 3}), [], lease_seconds=5)
    await office.press("support", working, "upload.stop")
    assert (await office.told("support")).text.startswith("Only admins can stop lists.")
    await office.press("second-admin", working, "upload.stop")
    await until_stored(office, lambda found: found.state == "stopped")
    await office.people.clear_faults()
    message = await says(office, ts, "was stopped by second-admin after 2 of 3 phones")
    assert message.ts == working.ts
    return message


@pytest.mark.wide
async def test_a_list_is_stopped_and_continued(office: Office) -> None:
    """Stopped between two batches, it says what was applied; continued, all of it is, exactly."""
    message = await stopped(office)
    upload = await settled(office)
    assert (upload.state, upload.applied, exact(office)) == ("stopped", 2, 2)
    assert "2 phones have been opted out and stay so. 1 phone left." in message.text
    assert [button.action_id for button in message.buttons] == ["upload.continue", "upload.undo"]
    before = len((await office.people.state()).ephemerals("support"))
    await office.press("support", message, "upload.continue")
    assert (await office.told("support", before)).text.startswith("Only admins can go on with lists.")
    await office.press("admin", message, "upload.continue")
    assert message.thread_ts is not None
    report = await says(office, message.thread_ts, "*3 phones opted out*")
    assert report.ts != message.ts
    assert (await settled(office)).newly_opted_out == 3
    assert standing(office, ONE, TWO, THREE) == [1, 1, 1]
    assert exact(office) == 3


@pytest.mark.wide
async def test_a_stopped_list_is_undone(office: Office) -> None:
    """Exactly what was applied before the stop is taken back."""
    message = await stopped(office)
    await office.opt_out(TWO, THREE)
    await office.press("admin", message, "upload.undo")
    asked = await modal(office, "admin", "1 phone can be texted again")
    assert "1 phone stays out for other reasons." in str(asked)
    assert (await office.people.submit("admin", asked["id"], {})).ok
    assert message.thread_ts is not None
    await says(office, message.thread_ts, "was undone")
    undone = await settled(office)
    assert (undone.state, undone.opted_in, undone.kept_out) == ("undone", 1, 1)
    assert standing(office, ONE, TWO, THREE) == [0, 1, 1]
    assert exact(office) == 2


# Lanes, and Slack away


async def until_fetched(office: Office) -> None:
    """Wait until Slack holds back the file that it was asked to hold back."""
    async with asyncio.timeout(PATIENCE):
        while await office.people.faults():
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)


@pytest.mark.wide
async def test_a_small_list_does_not_wait_for_large_ones(office: Office, tmp_path: Path) -> None:
    """With two large lists ahead, a small one is previewed and applied before they are read."""
    large = b"phone,story\n" + b"".join(b"+1212%07d,%s\n" % (2_000_000 + n, b"x" * 5_000) for n in range(1_100))
    await office.people.fault(file="slow", seconds=600)
    for number in (1, 2):
        path = tmp_path / f"large-{number}.csv"
        await asyncio.to_thread(path.write_bytes, large + b"\n" * number)
        await drop(office, path, name=path.name)
        if number == 1:
            upload = await until_stored(office, lambda found: holder_of(office.store, found).owner is not None)
            await until_fetched(office)
            # Nor does it come when the child asks once more for what did not come.
            await office.people.fault(file="slow", id=upload.file_id, seconds=600, times=-1)
    report = await applied(office, name="small.csv")
    assert "*3 phones opted out* from small.csv" in report.text
    found = {upload.file_name: upload for upload in office.store.uploads.list(office.account.id, 9)}
    first, second, small = (found[f"{name}.csv"] for name in ("large-1", "large-2", "small"))
    assert (small.state, second.state, first.state) == ("done", "received", "received")
    assert min(first.size, second.size) > SMALL_BYTES > small.size
    await office.people.clear_faults()

    def previewed(state: State) -> bool:
        return all(
            any("1,100 phones to opt out" in reply.text for reply in state.replies(upload.thread_ts))
            for upload in (first, second)
        )

    await office.people.until(previewed, timeout=60)


@pytest.mark.wide
async def test_slack_is_away_while_a_list_is_applied(office: Office) -> None:
    """The work goes on without it, and the report is there when Slack is."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    for method in ("chat.update", "chat.postMessage", "files.info"):
        await office.people.fault(method=method, fault="server_error", times=-1)
    await office.press("admin", preview, "upload.confirm")
    await until_stored(office, lambda found: found.state == "done")
    assert exact(office) == 3
    assert "Nothing has changed yet" in (await office.people.state()).replies(ts)[0].text
    await office.people.clear_faults()
    await office.people.until(lambda state: any("*3 phones opted out*" in m.text for m in state.replies(ts)))
    upload = await settled(office)
    assert (upload.newly_opted_out, upload.already_opted_out) == (3, 0)
    assert len((await office.people.state()).replies(ts)) == 2  # the message that showed it, and the report


# Children that die


def workers() -> list[int]:
    """The ids of the children of this process that are for lists."""
    found: list[int] = []
    for pid in children_of(os.getpid()):
        with suppress(FileNotFoundError, ProcessLookupError):  # it died, and was waited for, in between
            if b"handlers.work.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def kill_workers() -> None:
    """Kill every child of this process that works on lists."""
    for pid in workers():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_a_child_is_there_before_the_first_list(slack: EmbeddedSlack, settings: Settings) -> None:
    """One is started soon after the desk, for the first list not to wait for it; that one reads it, and is kept."""
    async with at_work(slack, settings, warm_seconds=0.0) as office:
        async with asyncio.timeout(PATIENCE):
            while not workers():
                await office.people.state(after=(await office.people.state()).version, timeout=0.05)
        first = workers()
        await says(office, await drop(office, LIST), "3 phones to opt out")
        await settled(office)
        assert workers() == first


async def kill_children(office: Office, state: str) -> Upload:
    """Kill whatever child works on the upload, until that is no longer in *state*."""

    def over(found: Upload) -> bool:
        if found.state == state and holder_of(office.store, found).owner is not None:
            kill_workers()
        return found.state != state

    return await until_stored(office, over)


@pytest.mark.wide
@pytest.mark.parametrize("state", [UploadState.RECEIVED, UploadState.APPLYING])
async def test_a_child_that_dies_again_and_again(
    office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, state: UploadState
) -> None:
    """A list that kills its reader ends after a few deaths, one that is being stored after many, in words that help."""
    assert MOST_DEATHS[UploadState.RECEIVED] < MOST_DEATHS[UploadState.APPLYING]
    monkeypatch.setitem(MOST_DEATHS, UploadState.APPLYING, 4)
    if state == "received":
        await office.people.fault(file="slow", seconds=60, times=-1)
        ts = await drop(office, LIST)
        await says(office, ts, "Reading")
    else:
        ts = await drop(office, LIST)
        preview = await says(office, ts, "3 phones to opt out")
        await settled(office)
        for file in scratch_files(tmp_path):
            file.unlink()  # it has to be fetched again, which takes as long as this test wants it to
        await office.people.fault(file="slow", seconds=60, times=-1)
        await office.press("admin", preview, "upload.confirm")
        await until_stored(office, lambda found: found.state == "applying")
    ended = await kill_children(office, state)
    assert (ended.state, ended.applied) == ("refused" if state == "received" else "failed", 0)
    message = await says(office, ts, f"was stopped {MOST_DEATHS[state]} times")
    assert ("Save it as a plain CSV file" in message.text) == (state == "received")
    assert "Nothing was changed." in message.text
    await settled(office)
    assert exact(office) == 0
    # The next list is read as ever.
    await office.people.clear_faults()
    await says(office, await drop(office, LIST, name="next.csv"), "next.csv: 3 phones to opt out")


@pytest.mark.wide
async def test_a_mended_list_counts_what_is_out_already(office: Office) -> None:
    """The whole list, mended and dropped again: what was applied counts as already out, the rest is new."""
    await applied(office, MIXED)
    mended = MIXED.replace(b"12345", b"212 555 0123").replace(b"=cmd()", b"212 555 0124")
    ts = await drop(office, mended, name="mended.csv")
    preview = await says(office, ts, "mended.csv: 2 phones to opt out")
    assert "3 already opted out" in preview.all_text
    await office.press("admin", preview, "upload.confirm")
    report = await says(office, ts, "*2 phones opted out* from mended.csv")
    assert "3 were already opted out" in report.all_text
    await settled(office)
    assert exact(office) == 5


@pytest.mark.wide
async def test_the_size_of_a_list_that_came_with_a_mention(office: Office) -> None:
    """It is known too, whichever event came first: it decides in which lane the list waits."""
    ts = await drop(office, LIST, channel=TICKETS, text="@optout please stop these")
    await says(office, ts, "3 phones to opt out")
    assert (await settled(office)).size == len(LIST)


@pytest.mark.wide
async def test_a_file_that_is_shared_again(office: Office) -> None:
    """The same file shared once more, not dropped, is not read twice, and whoever did it is told where it stands."""
    ts = await drop(office, LIST)
    await office.press("admin", await says(office, ts, "3 phones to opt out"), "upload.cancel")
    await says(office, ts, "was cancelled")
    upload = await settled(office)
    platform = office.slack._platform
    assert platform is not None
    workspace = platform.workspace
    channel = workspace.channels[upload.channel_id]
    again = PostedMessage(ts=workspace.new_ts(), user=upload.actor.id, text="", blocks=[])
    platform.feed.share(channel, [workspace.files[upload.file_id]], again)
    told = await says(office, again.ts, "is the file that was dropped here before, shared again, and is not read twice")
    assert f"<{upload.permalink}|how it stands>" in told.all_text
    assert "drop the file itself once more" in told.all_text
    assert len(office.store.uploads.list(office.account.id, 9)) == 1
