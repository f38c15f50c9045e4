"""
Fate, at each step of what people ask for: the desk or its child process killed or frozen, the log or scratch full.

Slack holds a call at the step's moment, or the database a transaction; that it has come to that is seen in what is asked
of them. What is left afterwards is compared with a run in which nothing happened.
"""

import asyncio
import os
import re
import resource
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa

from bot.sandbox import SandboxMessage, State
from handlers.slack.acknowledge import STILL_WORKING
from store import Actor, Function, Origin
from tests.desks import CHANNEL, Bot, Desk, Holder, desk_on, is_report, without_moments
from tests.entries import exported, latest_entries
from tests.patience import PATIENCE
from tests.test_end_to_end import (
    BATCH,
    connected,
    fictional_phones,
    gate,
    hold_second_batch,
    let_go,
    notice_the_dead,
    send,
)

pytestmark = pytest.mark.wide

# So many that the answer has a reply, as that of a release before has.
PHONES = ", ".join(f"+1212555019{n}" for n in range(6, 10))
SPEED = 200.0


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A Slack that is quick to say again what was not acknowledged: nothing of the desk's waits for that in these tests."""
    async with desk_on(database_url, tmp_path, speed=SPEED) as desk:
        yield desk


# The steps


@cache
def listed(count: int) -> tuple[list[str], bytes]:
    """*count* phones in order, and a list of them with two rows that cannot be read."""
    phones = fictional_phones(count)
    return phones, "\n".join(
        ["phone,name", "call her mother,Bo", *(f"{phone},Ana" for phone in phones), ",Cy"]
    ).encode()


# Who has waited longer than anybody looks on is told, on a machine that has much else to do.
NOTICE = re.compile(r"\*[^*]+\* waits for a yes: ")
SHORT, LONG = 300, 16_000  # phones; a long list takes two transactions


def answers(state: State, desk: Desk, where: str = CHANNEL) -> Iterator[SandboxMessage]:
    """The desk's messages in a channel and its threads; *where* "@" for its direct messages with the admin."""
    channel = state.direct("admin") if where == "@" else state.channel(where)
    return (one for one in (channel.everything if channel else ()) if one.user == desk.slack.bot_user_id)


@dataclass(frozen=True, slots=True)
class Step:
    """
    A step of what people ask for.

    *family*: what it is a step of, which undisturbed ends the same. *known*: what is in the store before the desk starts;
    *before*: what people did before; *act*: what they do, which the desk acknowledges. *held*: the fault of Slack's that
    holds the step at its moment, or "batch" or "reading" for a transaction of the database's. *table*: where it is leased.
    *over*: whether people see that it is done. *by_child*: whether a child process does it.
    """

    family: str
    table: str
    held: dict[str, Any] | str
    act: Callable[[Desk], Awaitable[None]]
    over: Callable[[Desk, State], Any]
    known: Callable[[Desk], None] = lambda _desk: None
    before: Callable[[Desk], Awaitable[None]] | None = None
    by_child: bool = False

    @property
    def at_start(self) -> bool:
        """Whether the desk begins with it by itself when it starts."""
        return self.family == "digest"


async def add_one(desk: Desk) -> None:
    assert (await desk.people.command("admin", CHANNEL, f"/optout add {PHONES}")).ok


async def mention(desk: Desk) -> None:
    text = f"<@{desk.slack.bot_user_id}> opt out {PHONES} because they asked"
    assert (await desk.people.message("admin", CHANNEL, text, raw=True)).acknowledged


async def drop_short(desk: Desk) -> None:
    await desk.drop(listed(SHORT)[1])


async def drop_long(desk: Desk) -> None:
    await desk.drop(listed(LONG)[1])
    await desk.preview()


async def preview_short(desk: Desk) -> None:
    await drop_short(desk)
    await desk.preview()


async def confirm(desk: Desk) -> None:
    await desk.press(await desk.preview(), "upload.confirm")


async def apply_long(desk: Desk) -> None:
    await drop_long(desk)
    await confirm(desk)
    await desk.report()
    await desk.stored(lambda found: not found.pending)


async def undo(desk: Desk) -> None:
    await desk.press(await desk.seen(is_report), "upload.undo")
    asked = await desk.people.until(
        lambda state: next((view for view in state.views("admin") if "can be texted again" in str(view)), None)
    )
    assert (await desk.people.submit("admin", asked["id"], {})).ok


async def ask_for_export(desk: Desk) -> None:
    assert (await desk.people.command("admin", CHANNEL, "/optout export")).ok


async def start_of_the_desk(_desk: Desk) -> None:
    """Nobody asks for a digest; one that is due is sent when the desk starts."""


def some_out(desk: Desk) -> None:
    desk.store.optouts.add(
        desk.account.id, listed(SHORT)[0][::5], Origin(Function.COMMAND, Actor("U0EARLIER", "sam"), reason="they asked")
    )


def digest_due(desk: Desk) -> None:
    some_out(desk)
    channel = desk.slack.platform.workspace.channel(CHANNEL).id
    settings = f'{{"digest_channel": "{channel}"}}'
    with desk.store.database.write() as connection:
        connection.execute(sa.text("UPDATE accounts SET settings = :settings"), {"settings": settings})


def added(desk: Desk, state: State) -> bool:
    return any("555-0199" in one.all_text and "opted out" in one.text.lower() for one in answers(state, desk))


def previewed(desk: Desk, state: State) -> bool:
    return any("upload.confirm" in [button.action_id for button in one.buttons] for one in answers(state, desk))


def reported(desk: Desk, state: State) -> bool:
    found = [*answers(state, desk)]
    return any(is_report(one) for one in found) and any(one.files for one in found)


def undone(desk: Desk, state: State) -> bool:
    return any("was undone" in one.text for one in answers(state, desk))


def delivered(desk: Desk, state: State) -> bool:
    found = [*answers(state, desk, "@")]
    return any("exported*" in one.text for one in found) and any(one.files for one in found)


def told(desk: Desk, state: State) -> bool:
    return any("week" in one.text.lower() for one in answers(state, desk))


def call(method: str, *, done: bool = False) -> dict[str, Any]:
    """The fault that holds one call of a method, before or after Slack did what it says."""
    return {"method": method, "fault": "slow", "seconds": 600, "done": done}


FILE: Final = {"file": "slow", "seconds": 600}
SHARE: Final = call("files.completeUploadExternal", done=True)

STEPS: Final[dict[str, Step]] = {
    "command, not answered": Step("command", "outbox", call("chat.postMessage"), add_one, added),
    "command, answered unknowingly": Step("command", "outbox", call("chat.postMessage", done=True), add_one, added),
    "mention, not answered": Step("mention", "outbox", call("chat.postMessage"), mention, added),
    "drop": Step("reading", "inbox", call("files.info"), drop_short, previewed, some_out),
    "reading": Step("reading", "uploads", FILE, drop_short, previewed, some_out, by_child=True),
    "applying": Step("applying", "uploads", "batch", confirm, reported, some_out, drop_long, by_child=True),
    "report": Step("report", "uploads", SHARE, confirm, reported, some_out, preview_short),
    "report, sent": Step("report", "uploads", call("upload"), confirm, reported, some_out, preview_short),
    "undo": Step("undo", "uploads", "batch", undo, undone, some_out, apply_long, by_child=True),
    "export, made": Step("export", "exports", "reading", ask_for_export, delivered, some_out, by_child=True),
    "export, sent": Step("export", "exports", call("upload"), ask_for_export, delivered, some_out),
    "export, delivered unknowingly": Step("export", "exports", SHARE, ask_for_export, delivered, some_out),
    "digest": Step("digest", "digests", call("chat.postMessage", done=True), start_of_the_desk, told, digest_due),
}
OPEN: Final = {
    "inbox": "state = 'pending'",
    "outbox": "state IN ('pending', 'extra')",
    "uploads": "owner IS NOT NULL",
    "exports": "state = 'asked'",
    "digests": "done_at IS NULL",
}


# One step, with its fate


@dataclass(slots=True)
class Run:
    """A step of a desk's, and the bots that are there for it. *started*: every process of theirs that was seen."""

    desk: Desk
    step: Step
    bots: list[Bot] = field(default_factory=list)
    started: set[int] = field(default_factory=set)
    _stack: ExitStack = field(default_factory=ExitStack)
    _held: bool = False

    @property
    def on_sqlite(self) -> bool:
        return self.desk.url.startswith("sqlite")

    @property
    def endless(self) -> bool:
        """Whether what is held goes on until its process is killed, and nobody else can write before that."""
        return self.on_sqlite and self.step.held == "batch"

    def holder(self) -> Holder | None:
        """The lease of the step's row; None once there is nothing left to do."""
        query = sa.text(f"SELECT owner, fence FROM {self.step.table} WHERE {OPEN[self.step.table]} AND fence > 0")
        with self.desk.store.database.read() as connection:
            row = connection.execute(query).first()
        return Holder(*row) if row is not None else None

    async def prepare(self, **how: Any) -> None:
        """Start the desk, and do what comes before the step."""
        self.step.known(self.desk)
        self.bots += await self.desk.start(**how)
        if self.step.before is not None:
            await self.step.before(self.desk)
            await self.desk.quiet()

    async def begin(self, **how: Any) -> Holder:
        """Everything up to the moment at which the step is held; the lease that it is done under."""
        notice_the_dead(self.desk.url)
        if self.step.at_start:
            await self.hold()
        await self.prepare(**how)
        if not self.step.at_start:
            await self.hold()
        await self.step.act(self.desk)
        await until(self.desk, self.is_held)
        self.look_for_processes()
        holder = self.holder()
        assert holder is not None
        return holder

    async def hold(self) -> None:
        """Have the step stop at its moment, until `release`."""
        held, desk = self.step.held, self.desk
        self._held = True
        if isinstance(held, dict):
            await desk.people.fault(**held)
        elif held == "reading":
            execute = self._stack.enter_context(connected(desk.url))
            execute("BEGIN")
            execute("LOCK TABLE opt_outs IN ACCESS EXCLUSIVE MODE")
        elif self.on_sqlite:
            hold_second_batch(desk, listed(LONG)[0], "INSERT" if self.step.act is confirm else "UPDATE")
        else:
            close = self._stack.enter_context(gate(desk, listed(LONG)[0]))
            self._stack.enter_context(close())

    async def is_held(self) -> bool:
        """Whether the step has come to its moment."""
        held = self.step.held
        if isinstance(held, dict):
            return not await self.desk.people.faults() and self.holder() is not None
        if not self.on_sqlite:
            what = "wait_event = 'PgSleep'" if held == "batch" else "wait_event = 'relation'"
            return self._activity(what) > 0
        [found] = self.desk.uploads()
        half_way = found.undo_phone if found.state == "undoing" else found.applied == BATCH
        return bool(half_way) and self.holder() is not None

    def _activity(self, what: str) -> int:
        query = f"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND {what}"
        with self.desk.store.database.read() as connection:
            return int(connection.execute(sa.text(query)).scalar_one())

    async def release(self) -> None:
        """Let go what `hold` holds."""
        if not self._held:
            return
        self._held = False
        if isinstance(self.step.held, dict):
            await self.desk.people.clear_faults()
        elif self.on_sqlite:
            await asyncio.to_thread(let_go, self.desk)
        else:
            self._stack.close()

    async def followed(self, before: Holder) -> None:
        """Wait until somebody else has what *before* held, or it is done."""

        async def taken_over() -> bool:
            now = self.holder()
            return now is None or now.fence > before.fence

        await until(self.desk, taken_over)

    def look_for_processes(self) -> None:
        for bot in self.bots:
            if bot.process.returncode is None:
                self.started |= {bot.process.pid, *bot.children()}

    def children(self) -> list[int]:
        return [child for bot in self.bots if bot.process.returncode is None for child in bot.children()]

    def lease_runs_out(self) -> None:
        """A digest is leased for ten minutes, and looked for once a minute; everything else in a second here."""
        if self.step.table == "digests":
            with self.desk.store.database.write() as connection:
                connection.execute(sa.text("UPDATE digests SET lease_until = '2000-01-01' WHERE done_at IS NULL"))

    async def end(self) -> dict[str, Any]:
        """Wait for the end of the step and of the desk; what is left."""
        await self.release()
        await self.desk.people.until(lambda state: self.step.over(self.desk, state))
        await self.desk.quiet()
        self.look_for_processes()
        for bot in self.bots:
            if bot.process.returncode is None:
                await bot.terminate()
        await until(self.desk, self.all_ended)
        return await left(self.desk)

    async def all_ended(self) -> bool:
        """Whether no process that was seen is there any more."""
        return not [pid for pid in self.started if is_running(pid)]


def is_running(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    return False


async def until(desk: Desk, check: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that nobody tells of; Slack's long poll paces the looks."""
    async with asyncio.timeout(PATIENCE):
        while not await check():
            state = await desk.people.state(channel=CHANNEL)
            await desk.people.state(after=state.version, timeout=0.02, channel=CHANNEL)


async def left(desk: Desk) -> dict[str, Any]:
    """All that is left of a desk's life, without moments and ids: equal for two with the same effect."""
    state = await desk.people.state()
    said, keys = [], []
    for channel in state.channels:
        for one in channel.everything:
            if one.user == desk.slack.bot_user_id:
                files = [(file["name"], await contents(desk, file["id"])) for file in one.files]
                where = "thread" if one.thread_ts not in (None, one.ts) else "channel"
                if not NOTICE.match(plain(one.all_text)):
                    said.append((channel.name, where, plain(one.all_text), files))
    for kept in desk.slack.platform.workspace.channels.values():
        keys += [message.metadata["event_payload"]["key"] for message in kept.messages.values() if message.metadata]
    assert [key for key, times in Counter(keys).items() if times > 1] == [], "posted twice"
    account = desk.account.id
    assert desk.store.optouts.count(account) == desk.store.optouts.recount(account)
    counted = ("state", "rows", "phones", "already", "unreadable", "newly_opted_out", "already_opted_out")
    with desk.store.database.read() as connection:
        rows = {
            (table, str(value))
            for table, what in (
                ("exports", "state"),
                ("digests", "CASE WHEN done_at IS NULL THEN 'due' ELSE 'done' END"),
                ("inbox", "state"),
            )
            for value in connection.execute(sa.text(f"SELECT {what} FROM {table}")).scalars()
        }
    scratch = [path.name for path in desk.scratch.glob("opt-out-desk-*/*")]
    return {
        "said": sorted(said),
        # A machine with much else to do tells people to be patient.
        "alone": sorted(plain(one.text) for one in state.ephemerals("admin") if one.text != STILL_WORKING),
        "uploads": [
            [getattr(upload, name) for name in (*counted, "opted_in", "kept_out", "reopened")]
            for upload in desk.uploads()
        ],
        "opted out": [(row["phone"], row["function"]) for row in exported(desk.store, account)],
        # Those of a list that was undone go with the next round of retention, which may have been.
        "unreadable": [
            row
            for upload in desk.uploads()
            if upload.state != "undone"
            for row in desk.store.uploads.list_unreadable(account, upload.id)
        ],
        "entries": [(one.function, one.actor.name, one.upload_id) for one in latest_entries(desk.store, account, 50)],
        "rows": sorted(rows),
        "scratch": sorted(re.sub(r"-.*(?=\.scratch)", "", name) for name in scratch),
    }


def differences(found: dict[str, Any], expected: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What of `left` was found beyond what was expected, and what is missing."""
    more, less = ([f"{name} {one!r}" for name, things in all_.items() for one in things] for all_ in (found, expected))
    return sorted((Counter(more) - Counter(less)).elements()), sorted((Counter(less) - Counter(more)).elements())


def plain(text: str) -> str:
    """*text* without what differs from one run to the next."""
    return re.sub(
        r"\d\d \w{3} \d{4}, \d\d:\d\d UTC|\d{4}-\d\d-\d\d[T ][\d:]+\S*|https?://[^\s|>]+", "", without_moments(text)
    )


async def contents(desk: Desk, file: str) -> str:
    return plain((await desk.people.download(file)).decode("utf-8-sig"))


@pytest.fixture(scope="module")
def undisturbed() -> dict[str, dict[str, Any]]:
    """What is left when nothing happens, by family; the same on both databases."""
    return {}


@pytest.fixture
async def expected(
    request: pytest.FixtureRequest, undisturbed: dict[str, dict[str, Any]], sqlite_template: bytes, tmp_path: Path
) -> dict[str, Any]:
    """What must be left of the step of this test."""
    step = STEPS[request.getfixturevalue("step")]
    if step.family not in undisturbed:
        scratch = tmp_path / "undisturbed"
        scratch.mkdir()
        (scratch / "desk.db").write_bytes(sqlite_template)
        async with desk_on(f"sqlite:///{scratch / 'desk.db'}", scratch, speed=SPEED) as desk:
            run = Run(desk, step)
            await run.prepare()
            await step.act(desk)
            undisturbed[step.family] = await run.end()
    return undisturbed[step.family]


BOTH: Final = ("sqlite", "postgresql")


def cells(*databases: str, by_child: bool = False, family: bool = False) -> pytest.MarkDecorator:
    """
    A test for each database and step, those of a family on one worker, which then knows how it ends undisturbed.

    *by_child*: those a child does; *family*: one of a family. SQLite keeps no reader waiting, so there is no moment at
    which an export is held there while it is made.
    """
    firsts = {step.family: name for name, step in reversed(STEPS.items())}
    return pytest.mark.parametrize(
        ("database_url", "step"),
        [
            pytest.param(database, name, marks=pytest.mark.xdist_group(f"fate of {step.family}"))
            for name, step in STEPS.items()
            for database in databases
            if (step.by_child or not by_child) and (not family or name in firsts.values())
            if (step.held, database) != ("reading", "sqlite")
        ],
        indirect=["database_url"],
    )


@cells(*BOTH)
async def test_the_desk_is_killed(desk: Desk, step: str, expected: dict[str, Any]) -> None:
    """Killed in the middle and started again, the desk ends the step as if nothing had been, once; its child ends with it."""
    run = Run(desk, STEPS[step])
    before = await run.begin()
    [bot] = run.bots
    await bot.kill()
    if run.endless:
        await run.release()
    run.lease_runs_out()
    run.bots += await desk.start()
    await run.followed(before)
    assert differences(await run.end(), expected) == ([], [])


@cells(*BOTH, by_child=True)
async def test_the_child_is_killed(desk: Desk, step: str, expected: dict[str, Any]) -> None:
    """The desk has another child go on where the killed one was."""
    run = Run(desk, STEPS[step])
    before = await run.begin()
    send(signal.SIGKILL, run.children())
    if run.endless:
        await run.release()
    await run.followed(before)
    assert differences(await run.end(), expected) == ([], [])


@cells(*BOTH, by_child=True)
async def test_the_child_is_frozen(desk: Desk, step: str, expected: dict[str, Any]) -> None:
    """A child that stands still, for longer than any lease, is ended once it made no progress, and another goes on."""
    run = Run(desk, STEPS[step])
    before = await run.begin(settings={"OPTOUT_STALL_SECONDS": "5"})
    children = run.children()
    # Whatever comes of the test, nobody stays frozen.
    desk.stack.callback(send, signal.SIGCONT, children)
    send(signal.SIGSTOP, children)
    if not run.endless:
        await run.release()
    await run.followed(before)
    if run.endless:
        await run.release()
    assert differences(await run.end(), expected) == ([], [])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("step", ["report"])
async def test_a_picture_that_comes_late(desk: Desk, step: str, expected: dict[str, Any]) -> None:
    """
    What a frozen desk had asked Slack to show comes after the report of whoever took over, which stays; what pointed to it
    does so again in the end.
    """
    run = Run(desk, replace(STEPS[step], held=call("chat.update")))
    before = await run.begin(replicas=2)
    [frozen] = [bot for bot in run.bots if bot.owns(before)]
    desk.stack.callback(send, signal.SIGCONT, [frozen.process.pid])
    frozen.process.send_signal(signal.SIGSTOP)

    def points(state: State) -> bool:
        return any("the report is below" in one.text for one in answers(state, desk))

    await run.followed(before)
    await desk.people.until(lambda state: run.step.over(desk, state) and points(state))
    await desk.stored(lambda found: not found.pending)
    await run.release()
    await desk.people.until(lambda state: not points(state))
    assert run.step.over(desk, await desk.people.state())
    frozen.process.send_signal(signal.SIGCONT)
    await desk.people.until(points)
    assert differences(await run.end(), expected) == ([], [])


@cells("postgresql")
async def test_the_desk_is_frozen(desk: Desk, step: str, expected: dict[str, Any]) -> None:
    """
    Frozen for longer than its lease beside a replica, which ends the step, the desk goes on when it wakes up, and changes
    nothing any more.
    """
    run = Run(desk, STEPS[step])
    before = await run.begin(replicas=1 if run.step.at_start else 2)
    [frozen] = [bot for bot in run.bots if bot.owns(before)]
    # Whatever comes of the test, nobody stays frozen.
    desk.stack.callback(send, signal.SIGCONT, [frozen.process.pid])
    frozen.process.send_signal(signal.SIGSTOP)
    if run.step.by_child:
        await run.release()
    run.lease_runs_out()
    if run.step.at_start:
        run.bots += await desk.start()
    await run.followed(before)
    await desk.people.until(lambda state: run.step.over(desk, state))
    await run.release()
    frozen.process.send_signal(signal.SIGCONT)
    assert differences(await run.end(), expected) == ([], [])


@cells("sqlite", family=True)
async def test_the_log_is_full(desk: Desk, step: str, expected: dict[str, Any]) -> None:
    """A desk whose log takes not a line, on a full disk, does everything as ever, and ends with status 0."""
    full = os.open("/dev/full", os.O_WRONLY)
    desk.stack.callback(os.close, full)
    run = Run(desk, STEPS[step])
    await run.prepare(log=full, settings={"OPTOUT_LOG_LEVEL": "DEBUG"})
    await run.step.act(desk)
    assert differences(await run.end(), expected) == ([], [])


# What people read when there is no room for a file.
NO_ROOM: Final = "The desk's disk is full"


def set_room(process: int, size: int) -> None:
    """Let *process*, and the children it starts, write no file beyond *size* bytes, as a full disk does; -1: any."""
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))


@cells("postgresql", family=True)
async def test_scratch_is_full(desk: Desk, step: str, expected: dict[str, Any]) -> None:
    """
    Where not a byte of a file fits, what needs none is done as ever. The rest waits for room, or says so to whoever asked,
    who asks again when there is some; what is left is the same but for what was said and asked twice.
    """
    run = Run(desk, STEPS[step])
    await run.prepare()
    [bot] = run.bots
    for process in (bot.process.pid, *bot.children()):
        set_room(process, 0)
    await run.step.act(desk)

    def refused(state: State) -> bool:
        return any(NO_ROOM in one.all_text for where in (CHANNEL, "@") for one in answers(state, desk, where))

    async def as_far_as_it_goes() -> bool:
        state = await desk.people.state()
        waits = any('"an upload waits"' in line for line in bot.said)
        return bool(waits or refused(state) or run.step.over(desk, state))

    await until(desk, as_far_as_it_goes)
    assert (await desk.people.state()).connected == 1
    for process in (bot.process.pid, *bot.children()):
        set_room(process, -1)
    if refused(await desk.people.state()):
        assert run.step.family in ("reading", "export")
        await run.step.act(desk)
    found = await run.end()
    # A list that was dropped again has another number.
    found["said"] = [
        (channel, thread, text.replace("Upload 2 ", "Upload 1 "), files)
        for channel, thread, text, files in found["said"]
    ]
    assert found["opted out"] == expected["opted out"]
    more, less = differences(found, expected)
    asked_twice = ("is being exported", "not finished: the report is below", "'failed'", "'export'", "'done'")
    assert [one for one in more if NO_ROOM not in one and not any(words in one for words in asked_twice)] == []
    assert less == []
