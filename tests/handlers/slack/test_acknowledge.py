"""When a request is acknowledged, how its failure reads, and that nothing in work is lost at the end."""

import asyncio
import sqlite3

import pytest
from structlog.testing import capture_logs

from bot.config import Settings
from handlers.slack.acknowledge import STILL_WORKING
from handlers.slack.errors import outcome_of
from handlers.slack.messages import Message
from handlers.tasks import Tasks
from handlers.ttl_cache import TtlCache
from store import StoreError
from tests.handlers.conftest import ADMINS, Office

ONE = "+12125550100"


@pytest.mark.usefixtures("slacks_patience")
async def test_a_locked_store_is_waited_for(office: Office, settings: Settings) -> None:
    """After 2 s the person is told that it goes on; when the store is free again, it is done and answered."""
    other = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        outcome = await office.people.command("admin", ADMINS, f"/optout add {ONE}")
        assert outcome.ok
        assert outcome.response["text"] == STILL_WORKING
        assert office.store.optouts.count(office.account.id) == 0
        other.execute("ROLLBACK")
        await office.people.until(lambda state: len(state.channel(ADMINS).messages) == 1)
        assert office.store.optouts.count(office.account.id) == 1
    finally:
        other.close()


@pytest.mark.usefixtures("slacks_patience")
@pytest.mark.wide
async def test_a_store_that_stays_locked_is_a_sentence(office: Office, settings: Settings) -> None:
    """Patience ends: nothing was changed, and the asker is told so."""
    other = sqlite3.connect(settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        await office.people.command("admin", ADMINS, f"/optout add {ONE}")
        told = await office.people.until(
            lambda state: next((m for m in state.ephemerals("admin") if "cannot be reached" in m.text), None)
        )
        assert "nothing was changed" in told.text
    finally:
        other.close()
    assert office.store.optouts.count(office.account.id) == 0


async def test_what_the_store_refuses_is_said_in_its_words() -> None:
    """A StoreError's text is the answer, for the asker alone."""

    async def refused() -> Message:
        raise StoreError("The list is closed.")

    message = await outcome_of(refused())
    assert (message.text, message.private) == ("The list is closed.", True)


async def test_a_failure_has_a_reference_and_no_detail() -> None:
    """Anything unexpected is an apology with a reference; what failed stays in the log."""

    async def fails() -> Message:
        raise KeyError("secret")

    message = await outcome_of(fails())
    assert message.private
    assert message.text.startswith("Something went wrong on our side. Please quote `")
    assert "secret" not in message.text


async def test_draining_waits_for_what_is_held() -> None:
    """Work that was started, and listeners that are held, end before drain returns; what takes too long is cut off."""
    tasks, ended, go, held = Tasks(), [], asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        ended.append("work")

    async def listener() -> None:
        with tasks.holding():
            held.set()
            await go.wait()
            ended.append("listener")

    listening = asyncio.ensure_future(listener())
    tasks.start(work(), name="work")
    stuck = tasks.start(asyncio.Event().wait(), name="stuck")
    await held.wait()
    go.set()
    await tasks.drain(0.2)
    assert sorted(ended) == ["listener", "work"]
    assert listening.done()
    assert stuck.cancelled()


async def test_a_failed_task_is_heard_of() -> None:
    """A background failure nobody awaits is logged, not lost."""

    async def fails() -> None:
        raise ValueError("boom")

    tasks = Tasks()
    with capture_logs() as logs:
        tasks.start(fails(), name="import")
        await tasks.drain(1)
    assert [(line["event"], line["task"]) for line in logs] == [("background task failed", "import")]


def test_what_was_learned_is_forgotten_in_time() -> None:
    """Values expire, and the oldest go first when there are too many."""
    now = 0.0
    lately: TtlCache[str] = TtlCache(60, most=2, clock=lambda: now)
    lately.put("a", "1")
    lately.put("b", "2")
    lately.put("c", "3")
    assert (lately.get("a"), lately.get("b"), lately.get("c")) == (None, "2", "3")
    now = 60.0
    assert lately.get("c") is None
