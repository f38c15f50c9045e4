"""Desks that are killed or frozen in the middle of a list or an export: no child lives on, nothing is left, nothing twice."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from bot.sandbox import SandboxMessage, State
from store import UploadState
from tests.desks import CHANNEL, ROOT, Desk
from tests.files import files_below
from tests.handlers.test_files import LIST
from tests.handlers.work.test_hanging import STALL_SECONDS, hook_in
from tests.patience import PATIENCE

pytestmark = pytest.mark.wide
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def lives(pid: int) -> bool:
    """Whether the process is there and no zombie, which only waits for somebody to ask how it ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return not state.startswith(("Z", "X"))


async def gone(processes: list[int]) -> None:
    """Wait until none of *processes* lives; fails when one still does after seconds."""
    async with asyncio.timeout(PATIENCE):
        while any(map(lives, processes)):
            await asyncio.to_thread(os.sched_yield)


def lists_on_disk(desk: Desk) -> list[str]:
    """Every file of a list or an export that is on the desk's disk."""
    return [
        path.name
        for folder in desk.scratch.glob("opt-out-desk-*")
        for path in files_below(folder)
        if path.name != "lock"
    ]


async def fetched(desk: Desk) -> None:
    """Wait until a child begins to fetch the list, or has it."""
    async with asyncio.timeout(PATIENCE):
        while await desk.people.faults() and "list" not in await asyncio.to_thread(lists_on_disk, desk):
            pass


def exports(state: State) -> list[SandboxMessage]:
    """What an export says to the admin directly."""
    direct = state.direct("admin")
    return direct.messages if direct else []


@on_sqlite
@pytest.mark.parametrize("job", ["list", "export"])
async def test_a_killed_desk_leaves_no_child(desk: Desk, job: str, tmp_path: Path) -> None:
    """Killed while its child loops in a list or an export, its children end with it; the next start clears what they left."""
    hooked = {"PYTHONPATH": f"{ROOT}:{hook_in(tmp_path)}"}
    [bot] = await desk.start(settings=hooked)
    if job == "list":
        await desk.drop(LIST)
        async with asyncio.timeout(PATIENCE):
            while "list" not in await asyncio.to_thread(lists_on_disk, desk):
                pass
    else:
        assert (await desk.people.command("admin", "campaign-admins", "/optout export")).ok
        await desk.people.until(exports)
    children = bot.children()
    await desk.kill(bot)
    await gone(children)
    [bot] = await desk.start()
    if job == "list":
        await desk.preview()
        await desk.stored(lambda found: found.state is UploadState.WAITING and not found.pending)
    else:
        await desk.people.until(lambda state: "No phone to export" in exports(state)[-1].text)
    await bot.terminate()
    left = await asyncio.to_thread(lists_on_disk, desk)
    assert [name for name in left if not name.endswith(".scratch")] == []
    assert len(left) == (job == "list")


@on_postgresql
async def test_a_stopped_child_beside_a_replica(desk: Desk) -> None:
    """Stopped while it fetches a list, it is ended by its parent; whoever takes the list up then brings it to its end."""
    bots = await desk.start(replicas=2, settings={"OPTOUT_STALL_SECONDS": str(STALL_SECONDS)})
    await desk.people.fault(file="slow", seconds=60)
    await desk.drop(LIST)
    await fetched(desk)
    [holder] = [bot for bot in bots if bot.owns(desk.holder())]
    for child in holder.children():
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGSTOP)
    await desk.press(await desk.preview(), "upload.confirm")
    await desk.stored(lambda found: found.state is UploadState.DONE and not found.pending, seconds=60)
    assert desk.store.optouts.recount(desk.account.id) == desk.store.optouts.count(desk.account.id) == 3
    # The preview, which points to the report, and the report.
    assert len(desk_messages(await desk.people.state(), desk)) == 2


@on_postgresql
async def test_a_frozen_desk_beside_a_replica(desk: Desk) -> None:
    """A desk that is frozen for longer than its lease, whose child goes on, is followed by a replica; awake again it does no harm."""
    bots = await desk.start(replicas=2)
    await desk.people.fault(file="slow", seconds=600)
    await desk.drop(LIST)
    await fetched(desk)
    [holder] = [bot for bot in bots if bot.owns(desk.holder())]
    [other] = [bot for bot in bots if bot is not holder]
    holder.process.send_signal(signal.SIGSTOP)
    await desk.people.clear_faults()
    preview = await desk.preview()
    await desk.stored(lambda found: found.state is UploadState.WAITING and not found.pending)
    # Slack tells the frozen one of it as well as the other, and people press again.
    while not (await desk.people.click("admin", preview, "upload.confirm")).ok:
        pass
    await desk.stored(lambda found: found.state is UploadState.DONE and not found.pending)
    holder.process.send_signal(signal.SIGCONT)
    await other.terminate()
    await desk.drop(LIST + b"\n")
    await desk.seen(lambda message: "all 3 of its phones are already opted out" in message.text)
    assert desk.store.optouts.recount(desk.account.id) == desk.store.optouts.count(desk.account.id) == 3
    assert len(desk_messages(await desk.people.state(), desk)) == 3


def desk_messages(state: State, desk: Desk) -> list[SandboxMessage]:
    """All that the desk said in the uploads channel."""
    return [message for message in state.channel(CHANNEL).everything if message.user == desk.slack.bot_user_id]
