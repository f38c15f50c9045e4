"""What an overtaken holder had asked Slack to show comes after what its successor showed, and does not stay."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.config import Settings
from bot.sandbox import EmbeddedSlack
from tests.handlers.conftest import Office, at_work, on_both_databases
from tests.handlers.test_exports import delivered
from tests.handlers.test_files import LIST, ONE, drop, says, scratch_files, settled
from tests.handlers.work.test_uploads import exact
from tests.patience import PATIENCE


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon."""
    return settings.model_copy(update={"lease_seconds": 1.0})


async def until_held(office: Office) -> None:
    """Wait until Slack holds what it was asked to hold."""
    async with asyncio.timeout(PATIENCE):
        while any(fault.get("method") for fault in await office.people.faults()):
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)


async def until_overtaken(office: Office, table: str) -> None:
    """Let the lease of the one row of *table* run out, whatever its holder does, until somebody else took it."""

    def fence(*, over: bool) -> int:
        with office.store.database.write() as connection:
            if over:
                connection.execute(sa.text(f"UPDATE {table} SET lease_until = '2000-01-01'"))
            return int(connection.execute(sa.text(f"SELECT fence FROM {table}")).scalar_one())

    before = await asyncio.to_thread(fence, over=False)
    async with asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(fence, over=True) == before:
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)


async def comes_late(office: Office) -> str:
    """Slack does now what it held: shows what an overtaken holder had asked for; its text."""
    before = len(await office.people.calls("chat.update"))
    await office.people.clear_faults()
    async with asyncio.timeout(PATIENCE):
        while True:
            late = [one for one in (await office.people.calls("chat.update"))[before:] if one["fault"]]
            if late:
                return str(late[0]["arguments"]["text"])
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)


@pytest.mark.wide
@on_both_databases
async def test_an_export(office: Office, slack: EmbeddedSlack, settings: Settings) -> None:
    """The message says that the list was exported, not how far one was who was overtaken while it made it."""
    await office.opt_out(ONE)
    async with at_work(slack, settings):
        await office.people.fault(method="chat.update", fault="slow", seconds=600)
        await office.ask("admin", "export format:phones", replies=0)
        await until_held(office)
        await until_overtaken(office, "exports")
        await delivered(office)
        assert "so far" in await comes_late(office)
        message = await delivered(office)
    assert message.text.startswith("*1 phone exported*")
    assert len(message.thread) == 1


async def _report(_office: Office, _ts: str) -> str:
    """Nobody does anything: the successor applies the list."""
    return "opted out* from"


async def _stop(office: Office, ts: str) -> str:
    """The successor's work is stopped by a person."""
    working = await office.people.until(
        lambda state: next((m for m in state.replies(ts) if [b.action_id for b in m.buttons] == ["upload.stop"]), None)
    )
    await office.press("admin", working, "upload.stop")
    return "was stopped by"


@pytest.mark.wide
@on_both_databases
@pytest.mark.parametrize("end", [_report, _stop])
async def test_a_list_that_is_applied(
    office: Office, tmp_path: Path, end: Callable[[Office, str], Awaitable[str]]
) -> None:
    """The message says how it ended, by itself or by *Stop*, not how far one was who was overtaken while it applied it."""
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    await office.people.fault(method="chat.update", fault="slow", seconds=600)
    await office.press("admin", preview, "upload.confirm")
    await until_held(office)
    if end is _stop:
        # It has to be fetched again, for as long as nobody stops it.
        for path in scratch_files(tmp_path):
            path.unlink()
        await office.people.fault(file="slow", seconds=600, times=-1)
    await until_overtaken(office, "uploads")
    words = await end(office, ts)
    await says(office, ts, words)
    assert words not in await comes_late(office)
    await says(office, ts, words)
    await settled(office)
    assert exact(office) == (0 if end is _stop else 3)


@pytest.mark.wide
@on_both_databases
async def test_a_list_that_is_read(office: Office) -> None:
    """One that was cancelled by a person says so, and has no button more, whatever comes late."""
    ts = await drop(office, LIST)
    await says(office, ts, "3 phones to opt out")
    upload = await settled(office)
    await office.people.fault(method="chat.update", fault="slow", seconds=600)
    await office.people.fault(file="slow", seconds=600, times=-1)
    office.store.uploads.set_country(upload.account_id, upload.id, "CA")
    office.service.desk.runner.poke()
    await until_held(office)
    await until_overtaken(office, "uploads")
    reading = await says(office, ts, "Reading")
    await office.press("admin", reading, "upload.cancel")
    cancelled = await says(office, ts, "was cancelled by")
    assert "cancelled" not in await comes_late(office)
    again = await says(office, ts, "was cancelled by")
    assert (again.ts, again.buttons) == (cancelled.ts, [])
    await settled(office)
