"""
Background tasks: held until they end, so that none is lost, and drained when the desk stops.

asyncio keeps only weak references to tasks and Bolt none to its listeners: what nobody holds can vanish
in the middle, fail unheard, and is cut off when the desk stops.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import structlog

from store import LeaseLost, StoreError, StoreUnavailable

log = structlog.get_logger()
# Between two tries to give a lease back while the store is away.
_GIVE_BACK_SECONDS = 0.5


class Tasks:
    """Holds tasks until they end, logs those that fail, and waits for them at the end."""

    def __init__(self) -> None:
        self._held: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any], *, name: str) -> asyncio.Task[Any]:
        """Run *work* in the background. A failure is logged; whoever awaits the task gets it too."""
        task = asyncio.create_task(work, name=name)
        self._held.add(task)
        task.add_done_callback(self._ended)
        return task

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold the current task, a listener of Bolt's, while the block runs, so that `drain` waits for it."""
        task = asyncio.current_task()
        if task is None or task in self._held:
            yield
            return
        self._held.add(task)
        try:
            yield
        finally:
            self._held.discard(task)

    async def drain(self, seconds: float) -> None:
        """Wait up to *seconds* for everything held, what it starts meanwhile included; then cancel what is left."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (held := self._others()) and (left := deadline - loop.time()) > 0:
            # For all at once: to begin anew with each of thousands that ends would take the time that they need.
            await asyncio.wait(held, timeout=left)
        cut_off = self._others()
        for task in cut_off:
            log.warning("cut off while stopping", task=task.get_name())
            task.cancel()
        if cut_off:
            await asyncio.wait(cut_off, timeout=5)

    @asynccontextmanager
    async def keep_lease(self, renew: Callable[[], object], lease_seconds: float, *, name: str) -> AsyncIterator[None]:
        """
        Call *renew*, which blocks, every quarter of a lease while the block runs: Slack can take longer than the lease.

        It ends early when the lease is lost: whatever is done next with what was leased says so.
        """

        async def renewing() -> None:
            while True:
                await asyncio.sleep(lease_seconds / 4)
                try:
                    await asyncio.to_thread(renew)
                except LeaseLost:
                    return
                except StoreError:
                    log.warning("a lease is not renewed while the store is away", task=name)

        task = self.start(renewing(), name=name)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def give_back(self, release: Callable[[], object]) -> None:
        """
        Call *release*, which blocks, so that what was leased is given back; later when the store is away now.

        A lease that only runs out looks like a death of its holder.
        """
        try:
            await asyncio.to_thread(release)
        except StoreUnavailable:
            self.start(self._give_back_later(release), name="give a lease back")
        except StoreError:
            log.debug("a lease was lost before it was given back")

    async def _give_back_later(self, release: Callable[[], object]) -> None:
        with suppress(LeaseLost):
            while True:
                await asyncio.sleep(_GIVE_BACK_SECONDS)
                with suppress(StoreUnavailable):
                    await asyncio.to_thread(release)
                    return

    def _others(self) -> set[asyncio.Task[Any]]:
        return {task for task in self._held if not task.done()} - {asyncio.current_task()}

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._held.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background task failed", task=task.get_name(), exc_info=error)
