"""One message in Slack, edited in place at a bounded rate, which ends as the report."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError

from handlers.slack.clients import Clients
from handlers.slack.errors import error_code
from handlers.slack.messages import THREAD_GONE, Message
from handlers.slack.posting import Poster, PostKey
from store import StoreUnavailable

log = structlog.get_logger()
# chat.update is rationed at about 50 a minute and workspace: https://docs.slack.dev/apis/web-api/rate-limits
SECONDS_BETWEEN_EDITS = 3.0
# The message is gone or no longer ours to edit: say it anew.
_GONE = {"message_not_found", "cant_update_message", "edit_window_closed", THREAD_GONE}


class Progress:
    """
    The message of one upload or export, posted as that of *post_key*.

    *keep* stores the ts of a message that was just posted, so that whoever takes the upload over edits the same one.
    *hold* raises `LeaseLost` when somebody did: a process that was frozen must not draw over what the other one shows.
    *as_seen*: makes what is shown there of a message, where not everybody may read all of it.
    """

    def __init__(
        self,
        clients: Clients,
        poster: Poster,
        post_key: PostKey,
        channel: str,
        thread_ts: str | None,
        message_ts: str | None,
        keep: Callable[[str], Awaitable[object]],
        hold: Callable[[], Awaitable[object]],
        as_seen: Callable[[Message], Awaitable[Message]] | None = None,
    ) -> None:
        self._clients = clients
        self._poster = poster
        self._post_key = post_key
        self._channel = channel
        self._thread_ts = thread_ts
        self.message_ts = message_ts
        self._keep = keep
        self._hold = hold
        self._as_seen = as_seen
        self._edited = float("-inf")
        self._lock = asyncio.Lock()

    async def show(self, message: Message) -> None:
        """Show *message* now; raises `SlackApiError` or a connection error when Slack does not take it, or what *hold* does."""
        async with self._lock:
            self._edited = time.monotonic()
            await self._hold()
            if self._as_seen is not None:
                message = await self._as_seen(message)
            post_key = self._post_key
            if self.message_ts is not None:
                # One that takes the place of another is a message of its own.
                post_key = replace(post_key, key=f"{post_key.key} after {self.message_ts}")
                try:
                    client = await self._clients.of(post_key.account)
                    await client.chat_update(
                        channel=self._channel, ts=self.message_ts, text=message.text, blocks=list(message.blocks)
                    )
                except SlackApiError as error:
                    if error_code(error) not in _GONE:
                        raise
                else:
                    return
            try:
                post = await self._poster.post(self._channel, message, self._thread_ts, post_key)
            except SlackApiError as error:
                # What was taken back once is not posted there again.
                gone = error_code(error) == THREAD_GONE
                self._post_key = replace(self._post_key, may_exist=self._post_key.may_exist or gone)
                raise
            self.message_ts = post.ts
            self._post_key = replace(self._post_key, may_exist=True)
            await self._keep(post.ts)

    async def try_show(self, message: Message) -> None:
        """As `show`, for a courtesy: the work goes on when Slack does not take it, and ends only with the lease."""
        try:
            await self.show(message)
        except (StoreUnavailable, SlackClientError, aiohttp.ClientError, OSError) as error:
            log.warning("progress could not be shown", why=type(error).__name__)

    @property
    def due(self) -> bool:
        """Whether the last edit is long enough ago for another that is only progress."""
        return time.monotonic() - self._edited >= SECONDS_BETWEEN_EDITS
