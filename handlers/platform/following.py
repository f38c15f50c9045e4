"""Waiting for a change of the list: however many wait, the database is asked once in a while, and nobody holds a thread."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from store import Store, StoreError

# Seconds between looks while somebody waits. Other replicas write too, and a follower is told within a second.
LOOK_SECONDS: Final = 0.25

log = structlog.get_logger()


class Following:
    """Those who wait for a change, by the account, and what looks for one while there are any."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[asyncio.Event, tuple[int, Callable[[int], bool]]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def newer(self, account: int, seq: int, seconds: float) -> None:
        """
        Return when the account's newest change is another one than *seq*, and after *seconds* at the latest.

        One before *seq* is none that a cursor was given for: whoever asks from there is told so at once.
        """
        await self._until(account, lambda head: head != seq, seconds)

    async def reached(self, account: int, seq: int, seconds: float) -> None:
        """Return when the account's newest change is *seq* or a later one, and after *seconds* at the latest."""
        await self._until(account, lambda head: head >= seq, seconds)

    async def _until(self, account: int, is_awaited: Callable[[int], bool], seconds: float) -> None:
        came = asyncio.Event()
        self._waiting[came] = account, is_awaited
        if self._looking is None:
            self._looking = asyncio.create_task(self._look(), name="look for changes")
        try:
            async with asyncio.timeout(seconds):
                await came.wait()
        except TimeoutError:
            pass
        finally:
            del self._waiting[came]
            if not self._waiting and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        while True:
            accounts = sorted({account for account, _ in self._waiting.values()})
            try:
                heads = await asyncio.to_thread(self._store.changes.heads, accounts)
            except StoreError as error:
                # Whoever waits is told when its time is over.
                log.debug("changes cannot be looked for", why=type(error).__name__)
                heads = {}
            for came, (account, is_awaited) in self._waiting.items():
                if account in heads and is_awaited(heads[account]):
                    came.set()
            await asyncio.sleep(LOOK_SECONDS)
