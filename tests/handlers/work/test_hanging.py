"""Children that hang, lanes that somebody fills, lists that are called off while they are read, in a desk at work."""

import asyncio
import os
import signal
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from handlers.work.child import Child
from handlers.work.job import ExportJob, Job, ListJob
from handlers.work.uploads import LANES, MOST_DEATHS, MOST_LANES_OF_A_PERSON
from store import UploadState
from tests.desks import holder_of
from tests.files import files_below
from tests.handlers.conftest import Office
from tests.handlers.test_exports import delivered, rows_of
from tests.handlers.test_files import LIST, ONE, drop, says, scratch_files, settled
from tests.handlers.work.test_upload_messages import attached
from tests.handlers.work.test_uploads import applied, exact, until_stored
from tests.patience import PATIENCE

STALL_SECONDS = 3.0
# A child that never comes back: it loops where it reads the list it fetched, or writes an export, and its other threads go
# on.
ENDLESS = """
import sys

def hook(event, arguments):
    while event == "open" and (str(arguments[0]).rpartition("/")[2], arguments[1]) in (("list", "r"), ("export.csv", "w")):
        pass

if "handlers.work.worker" in " ".join(sys.orig_argv):
    sys.addaudithook(hook)
"""


def hook_in(directory: Path) -> str:
    """The PYTHONPATH with which every child that is started hangs at its work."""
    (directory / "hook").mkdir()
    (directory / "hook" / "sitecustomize.py").write_text(ENDLESS)
    return str(directory / "hook")


@pytest.fixture
def stall_seconds() -> float:
    """How long a child may hang: longer than it takes on any machine that works."""
    return 60.0


impatient = pytest.mark.parametrize("stall_seconds", [STALL_SECONDS])


@pytest.fixture
def lease_seconds() -> float:
    """A lease that is over soon."""
    return 1.0


@pytest.fixture
def settings(settings: Settings, lease_seconds: float, stall_seconds: float) -> Settings:
    return settings.model_copy(update={"lease_seconds": lease_seconds, "stall_seconds": stall_seconds})


async def killed(child: Child) -> None:
    """Wait until *child* was killed by the desk."""
    async with asyncio.timeout(PATIENCE):
        assert await child._process.wait() == -signal.SIGKILL


@pytest.fixture
def endless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every child started from now on hangs at its list."""
    monkeypatch.setenv("PYTHONPATH", hook_in(tmp_path))


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Child, Job]]:
    """Every job that is sent to a child."""
    sent: list[tuple[Child, Job]] = []
    send = Child.send

    async def noting(self: Child, job: Job) -> None:
        sent.append((self, job))
        await send(self, job)

    monkeypatch.setattr(Child, "send", noting)
    return sent


@pytest.mark.wide
@impatient
@pytest.mark.usefixtures("endless")
async def test_a_list_whose_reader_never_comes_back_is_refused(office: Office, jobs: list[tuple[Child, Job]]) -> None:
    """After the setting's seconds its child is ended and the list refused, in words that help; nothing of it is left."""
    ts = await drop(office, LIST)
    refused = await says(office, ts, "made no progress in 3 s")
    assert refused.text.partition(": ")[2].startswith("*Nothing was changed.* Reading this list made no progress")
    assert "Save it as a plain CSV file with one number in a row and drop that" in refused.text
    assert (await settled(office)).state == "refused"
    await killed(jobs[0][0])
    left = await asyncio.to_thread(files_below, office.service.desk.scratch.path)
    assert [path.name for path in left] == ["lock", "lock"]


@pytest.mark.wide
@impatient
async def test_a_stopped_child_is_followed_by_another(office: Office, jobs: list[tuple[Child, Job]]) -> None:
    """A child that was stopped is no fault of the list's: it is ended, counted, and the list read by the next one."""
    await office.people.fault(file="slow", seconds=60, times=-1)
    ts = await drop(office, LIST)
    await says(office, ts, "Reading")
    await until_stored(office, lambda _: bool(jobs))
    os.kill(jobs[0][0]._process.pid, signal.SIGSTOP)
    await office.people.clear_faults()
    upload = await until_stored(office, lambda found: found.deaths > 0)
    assert (upload.state, upload.deaths) == ("received", 1)
    await says(office, ts, "3 phones to opt out")
    assert (await settled(office)).deaths == 0
    await killed(jobs[0][0])


@pytest.mark.wide
async def test_a_list_that_kills_a_desk_after_the_other_is_given_up(office: Office) -> None:
    """Deaths are counted in the database, by whichever process: a list that was deadly before is refused without another try."""
    for loop in office.service.desk.runner.loops:
        loop.stop()
    ts = await drop(office, LIST)
    await office.people.until(lambda _: bool(office.store.uploads.list(office.account.id, 1)))
    [upload] = office.store.uploads.list(office.account.id, 1)
    for owner in range(MOST_DEATHS[UploadState.RECEIVED] + 1):
        while (work := office.store.uploads.claim(f"desk {owner}", lease_seconds=60)) is None:
            await asyncio.to_thread(os.sched_yield)
        work.renew(lease_seconds=-1)
    assert office.store.uploads.get(upload.account_id, upload.id).deaths == MOST_DEATHS[UploadState.RECEIVED]
    for loop in office.service.desk.runner.loops:
        loop.start()
    refused = await says(office, ts, "was stopped 6 times while it read this one")
    assert "Nothing was changed" in refused.text
    assert (await settled(office)).state == "refused"


@pytest.mark.wide
@impatient
async def test_a_child_that_waits_for_the_database_is_ended(
    office: Office, settings: Settings, jobs: list[tuple[Child, Job]]
) -> None:
    """
    Kept out by a lock for longer than it may be silent, it is ended; the list is applied, exactly, when the lock goes.

    On a busy machine it may have given up by itself just before.
    """
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    await office.people.fault(method="files.info", fault="slow", seconds=1)
    await office.press("admin", preview, "upload.confirm")
    await until_stored(office, lambda found: holder_of(office.store, found).owner is not None)
    path = settings.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await until_stored(office, lambda _: len(jobs) > 1)
        at_work = office.service.desk.runner._running
        await until_stored(office, lambda _: not any(running.child for running in at_work))
        other.execute("ROLLBACK")
    await says(office, ts, "*3 phones opted out*")
    assert (await settled(office)).deaths == 0
    assert exact(office) == 3


@pytest.mark.wide
# On a machine that has much else to do a child says a word in the one, and a desk renews in the other.
@pytest.mark.parametrize(("stall_seconds", "lease_seconds"), [(10.0, 60.0)])
async def test_slow_slack_is_no_hanging_child(
    office: Office, stall_seconds: float, jobs: list[tuple[Child, Job]]
) -> None:
    """A file that Slack hands over late, for longer than a child may be silent, is waited for."""
    await office.people.fault(file="slow", seconds=1.5 * stall_seconds)
    ts = await drop(office, LIST)
    await says(office, ts, "3 phones to opt out")
    assert (await settled(office)).deaths == 0
    assert len(jobs) == 1


# Called off


def of_buttons(message: SandboxMessage) -> list[str]:
    return [button.action_id for button in message.buttons]


@pytest.mark.wide_but_first
@pytest.mark.parametrize(("name", "words"), [("stops.csv", "Reading"), ("scrub.csv", "Comparing")])
async def test_a_list_is_cancelled_while_it_is_read(
    office: Office, name: str, words: str, jobs: list[tuple[Child, Job]]
) -> None:
    """*Cancel* stands below the progress; pressed by the dropper, not by others, it ends the child at once, in words."""
    await office.people.fault(file="slow", seconds=60, times=-1)
    ts = await drop(office, LIST, user="support", name=name)
    reading = await says(office, ts, words)
    assert of_buttons(reading) == ["upload.cancel"]
    await until_stored(office, lambda _: bool(jobs))
    stranger = "member" if "member" in str((await office.people.state()).raw["users"]) else "guest"
    await office.people.click(stranger, reading, "upload.cancel")
    assert (await until_stored(office, lambda _: True)).state == "received"
    await office.press("support", reading, "upload.cancel")
    cancelled = await says(office, ts, "was cancelled by support.* Nothing was changed.")
    assert cancelled.ts == reading.ts
    assert of_buttons(cancelled) == []
    upload = await settled(office)
    assert (upload.state, upload.deaths) == ("cancelled", 0)
    await killed(jobs[0][0])


def freeze(child: Child, database: Path) -> None:
    """Stop *child* where it does not keep everybody else from writing."""
    while True:
        os.kill(child._process.pid, signal.SIGSTOP)
        with (
            closing(sqlite3.connect(database, timeout=1, isolation_level=None)) as other,
            suppress(sqlite3.OperationalError),
        ):
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
            return
        os.kill(child._process.pid, signal.SIGCONT)


@pytest.mark.wide
async def test_stop_works_on_a_stopped_child(office: Office, tmp_path: Path, jobs: list[tuple[Child, Job]]) -> None:
    """A child that is frozen in the middle of a list does not keep a person from stopping it."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    for path in scratch_files(tmp_path):
        path.unlink()  # it has to be fetched again, for as long as this test wants
    await office.people.fault(file="slow", seconds=60, times=-1)
    await office.press("admin", preview, "upload.confirm")
    applying = await says(office, ts, "Opting out")
    await until_stored(office, lambda _: any(isinstance(job, ListJob) and job.step == "apply" for _, job in jobs))
    freeze(jobs[-1][0], tmp_path / "desk.db")
    await office.press("admin", applying, "upload.stop")
    await says(office, ts, "was stopped by")
    assert (await settled(office)).state == "stopped"
    assert exact(office) == 0


# Lanes


@pytest.mark.wide
async def test_one_person_never_holds_every_lane(office: Office, jobs: list[tuple[Child, Job]]) -> None:
    """Of somebody's many lists a few are read at a time; who else drops one is served, and the others say that they wait."""
    await office.people.fault(file="slow", seconds=600, times=-1)
    for n in range(LANES + 1):
        await drop(office, LIST + b"\n" * n, name=f"{n}.csv")
    await until_stored(office, lambda _: len(jobs) == MOST_LANES_OF_A_PERSON)
    await until_stored(office, lambda newest: newest.id == LANES + 1)
    for child, _ in jobs:
        os.kill(child._process.pid, signal.SIGSTOP)
    # Whichever were there first: they need not be those that were dropped first.
    at_work = {job.upload for _, job in jobs if isinstance(job, ListJob)}
    threads = {one.id: str(one.thread_ts) for one in office.store.uploads.list(office.account.id, 9)}
    read = [ts for upload, ts in threads.items() if upload in at_work]
    queued = [ts for upload, ts in threads.items() if upload not in at_work]
    assert (len(read), len(queued)) == (MOST_LANES_OF_A_PERSON, LANES + 1 - MOST_LANES_OF_A_PERSON)
    waiting = [await says(office, ts, "waits: other lists are being worked on") for ts in queued]
    assert {tuple(of_buttons(message)) for message in waiting} == {("upload.cancel",)}
    await office.people.clear_faults()
    await says(office, await drop(office, LIST, user="support", name="mine.csv"), "mine.csv: 3 phones to opt out")
    states = [upload.state for upload in office.store.uploads.list(office.account.id, 9)]
    assert states == ["waiting", *["received"] * (LANES + 1)]
    # Cancelling what waits needs no lane.
    await office.press("admin", waiting[-1], "upload.cancel")
    await says(office, queued[-1], "was cancelled")
    # And when the slow ones are called off, the others have their turn.
    for ts in read:
        await office.press("admin", await says(office, ts, "Reading"), "upload.cancel")
    for ts in queued[:-1]:
        await says(office, ts, "3 phones to opt out")


# What others can see of it


@pytest.mark.wide
async def test_children_know_no_secret(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor the command line of any child holds a password, a token or a setting."""
    secrets = {
        "DATABASE_URL": "postgresql://desk:hunter2@db/desk",
        "SLACK_BOT_TOKEN": "xoxb-hunter2",
        "SLACK_SIGNING_SECRET": "hunter2",
        "OPTOUT_ADMINS": "U0hunter2",
        "PGPASSWORD": "hunter2",
        "ANYTHING_ELSE": "hunter2",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    seen: list[tuple[type[Job], bytes]] = []
    send = Child.send

    async def looking(self: Child, job: Job) -> None:
        of = Path(f"/proc/{self._process.pid}")
        seen.append((type(job), (of / "environ").read_bytes() + (of / "cmdline").read_bytes()))
        await send(self, job)

    monkeypatch.setattr(Child, "send", looking)
    await applied(office)
    await says(office, await drop(office, LIST, name="scrub.csv"), "removed")
    await office.ask("admin", "export format:phones", replies=0)
    await delivered(office)
    assert {kind for kind, _ in seen} == {ListJob, ExportJob}
    token, url = office.slack.bot_token.encode(), office.service.desk.runner._database_url.encode()
    for _, shown in seen:
        assert b"PATH=" in shown
        for secret in (b"hunter2", token, url):
            assert secret not in shown


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.wide
@pytest.mark.usefixtures("open_umask")
async def test_files_are_their_owners_alone_at_every_moment(office: Office) -> None:
    """With a mask that hides nothing, no list, export, scrub or row on disk can be read by others at any time."""
    modes: set[tuple[str, int]] = set()
    over = asyncio.Event()

    def look() -> None:
        # Unlike a Path's own, this walk passes over what goes away meanwhile.
        for directory, directories, files in os.walk(office.service.desk.scratch.path):
            for path in (Path(directory, name) for name in (*directories, *files)):
                with suppress(FileNotFoundError):
                    status = path.lstat()
                    kind = "directory" if stat.S_ISDIR(status.st_mode) else path.suffix or path.name
                    modes.add((kind, status.st_mode & 0o777))

    async def watch() -> None:
        while not over.is_set():
            await asyncio.to_thread(look)

    watching = asyncio.create_task(watch())
    await office.people.fault(method="files.completeUploadExternal", fault="slow", seconds=1, times=-1)
    report = await applied(office, LIST + b"Bob,12\n")
    assert report.thread_ts is not None
    thread = report.thread_ts
    await office.people.until(lambda state: attached(state, thread))
    await says(office, await drop(office, LIST, name="scrub.csv"), "removed")
    await office.ask("admin", "export format:phones", replies=0)
    await delivered(office)
    over.set()
    await watching
    assert {mode for kind, mode in modes if kind == "directory"} == {0o700}
    assert {mode for kind, mode in modes if kind != "directory"} == {0o600}
    assert {".csv", "list", ".scratch"} <= {kind for kind, _ in modes}


# Exports


@pytest.mark.wide
@impatient
async def test_an_export_whose_child_is_stopped_is_made_by_another(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that hangs in an export is ended after the setting's seconds, and the file is delivered, once."""
    await office.opt_out(ONE)
    stopped: list[Child] = []
    send = Child.send

    async def stopping(self: Child, job: Job) -> None:
        if isinstance(job, ExportJob) and not stopped:
            stopped.append(self)
            os.kill(self._process.pid, signal.SIGSTOP)
        await send(self, job)

    monkeypatch.setattr(Child, "send", stopping)
    await office.ask("admin", "export format:phones", replies=0)
    assert await rows_of(office, await delivered(office)) == [["phone"], [ONE]]
    await killed(stopped[0])


@pytest.mark.wide
async def test_an_export_that_kills_its_children_is_given_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few deaths whoever asked is told."""
    await office.opt_out(ONE)
    send = Child.send

    async def deadly(self: Child, job: Job) -> None:
        if isinstance(job, ExportJob):
            await self.stop()
        await send(self, job)

    monkeypatch.setattr(Child, "send", deadly)
    await office.ask("admin", "export format:phones", replies=0)

    def told(state: State) -> bool:
        direct = state.direct("admin")
        return direct is not None and any("could not be exported" in message.text for message in direct.messages)

    await office.people.until(told, timeout=60)
    backlog = office.store.exports.backlog()
    assert (backlog.waiting, sum(backlog.discarded.values())) == (0, 1)
