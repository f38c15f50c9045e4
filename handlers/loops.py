"""
The background loop: look for work, do it, wait, back off after failures.

A loop that ends with the first thing nobody foresaw stays dead until the next start, unnoticed. This one ends only when
it is stopped: what a look raises is logged, and waited out.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from handlers.tasks import Tasks

log = structlog.get_logger()
# Seconds to wait after a look that failed, doubled with each one more that did, less up to a half of it by chance: two
# replicas that failed together must not come back together.
FIRST_WAIT = 0.5
LONGEST_WAIT = 60.0


def backoff(failures: int) -> float:
    """Seconds to wait after *failures* looks in a row that failed, 1 or more."""
    longest: float = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failures - 1, 16))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  spread, not secrecy


class Loop:
    """
    Calls *look* until it is stopped.

    *look* returns whether it found something to do; after one that found nothing the loop waits *every* seconds, or until
    `poke`. A look that raises is logged, and the loop waits as long as *wait* says for so many failures in a row.
    """

    def __init__(
        self,
        name: str,
        look: Callable[[], Awaitable[bool]],
        tasks: Tasks,
        *,
        every: float,
        wait: Callable[[int], float] = backoff,
    ) -> None:
        self.name = name
        self._look = look
        self._tasks = tasks
        self._every = every
        self._wait = wait
        self._poked = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._why = ""

    @property
    def alive(self) -> bool:
        """Whether it runs, even if its looks fail."""
        return self._task is not None and not self._task.done()

    @property
    def stopping(self) -> bool:
        """Whether it was told to end: what is found now is left to others."""
        return self._stopping

    @property
    def state(self) -> str:
        """In words, for `/readyz`: "ok", "failing: ERROR", or "stopped"."""
        if not self.alive:
            return "stopped"
        return f"failing: {self._why}" if self._failures else "ok"

    def start(self) -> None:
        """Begin."""
        self._stopping = False
        self._task = self._tasks.start(self._run(), name=self.name)

    def stop(self) -> None:
        """End after the look that is going on; `Tasks.drain` waits for it, or cuts it off."""
        self._stopping = True
        self.poke()

    def poke(self) -> None:
        """Look at once: there is something to do."""
        self._poked.set()

    async def _run(self) -> None:
        while not self._stopping:
            self._poked.clear()
            try:
                found = await self._look()
            except Exception as error:
                self._failures += 1
                self._why = type(error).__name__
                seconds = self._wait(self._failures)
                log.warning(
                    "a look failed", loop=self.name, failures=self._failures, wait=round(seconds, 2), exc_info=error
                )
                # To be poked says that there is work, not that the trouble is over.
                await self._pause(seconds, until_poked=False)
                continue
            self._failures = 0
            if not found:
                await self._pause(self._every, until_poked=True)

    async def _pause(self, seconds: float, *, until_poked: bool) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._stopping:
                    await self._poked.wait()
                    if until_poked:
                        return
                    self._poked.clear()
