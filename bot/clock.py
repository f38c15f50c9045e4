"""
The clock of all replicas: the database's, told between two looks at it by this machine's own passing of time.

A signature, Slack's or that of a webhook, is good for minutes, a token until it expires, and a list is looked for from a moment
on. By the clock of a machine that is an hour off each of them would be refused or passed over, by one replica and not by the next.
"""

import asyncio
import time
from typing import Final

from handlers.loops import Loop
from handlers.tasks import Tasks
from store import Store

# Seconds between looks.
LOOK_SECONDS: Final = 60.0


class SharedClock:
    """Called, it gives the seconds since 1970 by the database's clock; by this machine's until it was first seen."""

    def __init__(self, store: Store, tasks: Tasks) -> None:
        self._store = store
        self._ahead = time.time() - time.monotonic()
        self.loop = Loop("clock", self._look, tasks, every=LOOK_SECONDS)

    def __call__(self) -> float:
        # Not time.time(), which jumps when the machine's clock is set.
        return time.monotonic() + self._ahead

    async def learn(self) -> None:
        """Look at the database's clock. Raises `StoreError`."""
        at = await asyncio.to_thread(self._store.now)
        self._ahead = at.timestamp() - time.monotonic()

    async def _look(self) -> bool:
        await self.learn()
        return False
