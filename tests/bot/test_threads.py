"""Threads apart for each database: what fills those of one leaves those of the next."""

import asyncio
import threading

from bot.threads import ThreadsByDatabase, at_database
from tests.patience import PATIENCE


async def test_what_waits_for_one_database_takes_no_thread_from_another() -> None:
    """More that hangs at one, in the block or in a task that it started, than any pool has threads; the other goes on at once."""
    asyncio.get_running_loop().set_default_executor(ThreadsByDatabase())
    let_go = threading.Event()
    try:
        with at_database("one"):
            hanging = [asyncio.create_task(asyncio.to_thread(let_go.wait)) for _ in range(200)]
        async with asyncio.timeout(PATIENCE):
            with at_database("another"):
                assert (await asyncio.to_thread(threading.current_thread)).name.startswith("asyncio another")
            assert not (await asyncio.to_thread(threading.current_thread)).name.startswith("asyncio one")
        assert not any(task.done() for task in hanging)
    finally:
        let_go.set()
    async with asyncio.timeout(PATIENCE):
        assert all(await asyncio.gather(*hanging))
