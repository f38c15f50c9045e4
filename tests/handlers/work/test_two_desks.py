"""Two desks on one machine, each with its Slack and its database, in one scratch directory: neither gets the other's."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.config import Settings
from bot.sandbox import EmbeddedSlack
from handlers.work.scratch import ScratchDirectory
from tests.entries import opted_out
from tests.files import files_below
from tests.handlers.conftest import ACK_LIMIT, Office, at_work
from tests.handlers.test_exports import cleared, delivered, rows_of
from tests.handlers.test_files import drop, says, scratch_files, settled
from tests.handlers.work.test_upload_messages import attached

HERE, THERE = "212", "415"


@pytest.fixture
async def offices(tmp_path: Path, sqlite_template: bytes) -> AsyncIterator[tuple[Office, Office]]:
    """The desks at work."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    async with AsyncExitStack() as stack:
        found = []
        for name in ("one", "other"):
            slack = await stack.enter_async_context(EmbeddedSlack(speed=100.0, ack_limit=ACK_LIMIT))
            path = tmp_path / f"{name}.db"
            path.write_bytes(sqlite_template)
            settings = Settings(
                database_url=f"sqlite:///{path}",
                slack_bot_token=SecretStr(slack.bot_token),
                slack_app_token=SecretStr(slack.app_token),
                slack_api_url=slack.api_url,
                default_country="US",
                post_seconds=0,
                scratch_dir=scratch,
                lease_seconds=1.0,
            )
            found.append(await stack.enter_async_context(at_work(slack, settings)))
        yield found[0], found[1]


def list_of(area: str) -> bytes:
    """Three phones and a row that gives none, all of which tell whose list it is."""
    phones = "".join(f"{area}555010{n}\n" for n in range(3))
    return f"phone\n{phones}{area}-only\n".encode()


async def whole_life(office: Office, area: str, turn: asyncio.Barrier) -> None:
    """
    A list read, applied and reported, another scrubbed, and the opt-outs exported: all of *area* and of nothing else.

    After each step it is waited for the other desk, so that both have their files of it at once.
    """
    ts = await drop(office, list_of(area))
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    await turn.wait()
    await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    await office.people.until(lambda state: attached(state, ts))
    await turn.wait()
    [unreadable] = attached(await office.people.state(), ts)
    content = await office.people.download(unreadable.files[0]["id"])
    assert [line.split(b",")[0] for line in content.splitlines()[1:]] == [f"{area}-only".encode()]
    assert (await settled(office)).state == "done"

    more = f"phone\n{area}5550101\n{area}5550199\n".encode()
    scrubbed = await drop(office, more, name="scrub.csv")
    await says(office, scrubbed, "1 row removed")
    await office.people.until(lambda state: attached(state, scrubbed))
    await turn.wait()
    [back] = attached(await office.people.state(), scrubbed)
    assert await office.people.download(back.files[0]["id"]) == f"phone\n{area}5550199\n".encode()

    await office.ask("admin", "export format:phones", replies=0)
    rows = await rows_of(office, await delivered(office))
    assert rows == [["phone"], *([f"+1{area}555010{n}"] for n in range(3))]
    await turn.wait()


# Where both desks have a file on disk for as long as Slack takes.
SLOW = ("files.info", "files.getUploadURLExternal", "files.completeUploadExternal", "chat.update")


@pytest.mark.wide
@pytest.mark.parametrize("slack", ["quick", "slow"])
async def test_each_desk_gets_its_own(offices: tuple[Office, Office], tmp_path: Path, slack: str) -> None:
    """Lists, unreadable rows, scrubs and exports of both at the same time, with the same accounts and upload numbers."""
    one, other = offices
    assert one.account.id == other.account.id
    if slack == "slow":
        for office in offices:
            await office.people.fault(file="slow", seconds=0.5, times=-1)
            for method in SLOW:
                await office.people.fault(method=method, fault="slow", seconds=0.5, times=-1)
    turn = asyncio.Barrier(2)
    async with asyncio.timeout(120), asyncio.TaskGroup() as together:
        together.create_task(whole_life(one, HERE, turn))
        together.create_task(whole_life(other, THERE, turn))
    for office in offices:
        assert office.store.optouts.count(office.account.id) == office.store.optouts.recount(office.account.id) == 3
    await cleared(tmp_path / "scratch")
    left = await asyncio.to_thread(files_below, tmp_path / "scratch")
    assert {path.name for path in left} == {"lock"}


@pytest.mark.wide
async def test_what_waits_is_each_desks_own(offices: tuple[Office, Office], tmp_path: Path) -> None:
    """Two previews wait at once: two scratch files in two directories, for their owner alone, and each goes with its list."""
    previews = []
    for office, area in zip(offices, (HERE, THERE), strict=True):
        ts = await drop(office, list_of(area))
        previews.append((office, ts, await says(office, ts, "3 phones to opt out")))
        await settled(office)
    kept = scratch_files(tmp_path / "scratch")
    assert len({path.parent for path in kept}) == len(kept) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert {stat.S_IMODE(path.parent.stat().st_mode) for path in kept} == {0o700}
    for office, ts, preview in previews:
        await office.press("admin", preview, "upload.cancel")
        await says(office, ts, "was cancelled")
        await settled(office)
        kept.pop()
        assert len(scratch_files(tmp_path / "scratch")) == len(kept)


@pytest.mark.wide
async def test_a_file_of_another_desk_under_our_name_is_not_read(
    offices: tuple[Office, Office], tmp_path: Path
) -> None:
    """Should one get there all the same, it is not taken for ours: the list is read again, and the right phones stored."""
    one, other = offices
    there = await drop(other, list_of(THERE))
    await says(other, there, "3 phones to opt out")
    theirs = other.service.desk.scratch.list_of(await settled(other))
    ts = await drop(one, list_of(HERE))
    preview = await says(one, ts, "3 phones to opt out")
    ours = one.service.desk.scratch.list_of(await settled(one))
    ours.write_bytes(theirs.read_bytes())
    await one.press("admin", preview, "upload.confirm")
    await says(one, ts, "*3 phones opted out*")
    await settled(one)
    assert opted_out(one.store, one.account.id) == [f"+1{HERE}555010{n}" for n in range(3)]
    assert theirs.exists()
    assert isinstance(other.service.desk.scratch, ScratchDirectory)
    assert tmp_path in theirs.parents
