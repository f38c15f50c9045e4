"""Sends the weekly digest to the channel an account's admins chose, once, whichever replica comes first."""

import asyncio
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog
from slack_sdk.errors import SlackApiError

from handlers.loops import Loop
from handlers.slack.errors import error_code, is_transient
from handlers.slack.messages import masked
from handlers.slack.posting import Poster, PostKey
from handlers.tasks import Tasks
from handlers.views.digests import digest
from store import DueDigest, Store

log = structlog.get_logger()
SECONDS_BETWEEN_LOOKS = 60.0
# Reading a list of twenty million takes well under a minute.
_LEASE_SECONDS = 600.0


class WeeklyDigests:
    """The loop that looks whether a digest is due."""

    def __init__(self, store: Store, poster: Poster, tasks: Tasks, *, owner: str) -> None:
        self._owner = owner
        self._store = store
        self._tasks = tasks
        self._poster = poster
        self.loop = Loop("digests", self._look, tasks, every=SECONDS_BETWEEN_LOOKS)

    async def _look(self) -> bool:
        return await self.send_due(await asyncio.to_thread(self._store.now)) > 0

    async def send_due(self, at: datetime) -> int:
        """Send every digest that is due at that moment and that nobody else is sending; how many there were."""
        sent = 0
        while due := await asyncio.to_thread(
            self._store.digests.claim, at, owner=self._owner, lease_seconds=_LEASE_SECONDS
        ):
            try:
                await self._send(due)
            except Exception:
                await self._tasks.give_back(partial(self._give_back, due, asyncio.get_running_loop()))
                raise
            sent += 1
        return sent

    def _give_back(self, due: DueDigest, loop: asyncio.AbstractEventLoop) -> None:
        self._store.digests.give_back(due)
        # Where the store was away, this comes later than the look that found nothing.
        loop.call_soon_threadsafe(self.loop.poke)

    async def _send(self, due: DueDigest) -> None:
        account, end = due.account, due.end
        found = await asyncio.to_thread(self._store.digests.get, account, end)
        message = masked(replace(digest(found), home=account.country))
        # Whoever held the lease before may have posted it.
        post_key = PostKey(account.id, f"digest {end.isoformat()}", may_exist=True)
        try:
            await self._poster.post(account.settings.digest_channel or "", message, None, post_key)
        except SlackApiError as error:
            if is_transient(error):
                raise  # somebody tries again
            log.warning("a digest was refused by Slack", account=account.id, why=error_code(error))
        await asyncio.to_thread(self._store.digests.done, due)
