"""
A message in Slack, posted once.

Slack takes no key by which it would know a post it has seen (https://docs.slack.dev/reference/methods/chat.postMessage),
so whoever gets no answer to one cannot know whether it is there. Each message carries a key of its own as metadata, and
Slack sends an event for every message with such metadata that was posted
(https://docs.slack.dev/reference/events/message_metadata_posted). The first message of a key that is heard of is kept;
any other is taken away again.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.slack.errors import error_code, may_have_been_posted
from handlers.slack.messages import Message
from store import Post, Store

log = structlog.get_logger()
# The name of the event and, in manifest.yml, of the metadata that the app subscribes to.
POSTED: Final = "message_metadata_posted"
EVENT_TYPE: Final = "optout_answer"
# Slack's event of a message mostly comes within a second; one that comes later still takes the second copy away.
PATIENCE_SECONDS = 1.0
_LOOK_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Keyed:
    """Under which *key* of the *account* an answer is posted, so that it is posted once; *again*: it may have been."""

    account: int
    key: str
    again: bool = False


class Poster:
    """
    Posts, and listens to what was posted.

    *client* must not try again by itself what may have been done: an answer that was lost would be posted twice.
    """

    def __init__(self, store: Store, client: AsyncWebClient) -> None:
        self._store = store
        self._client = client
        # What this process is posting, and what it has posted and not yet written down, by account and key.
        self._posting: dict[tuple[int, str], asyncio.Future[None]] = {}
        self._unrecorded: dict[tuple[int, str], Post] = {}

    async def post(
        self,
        channel: str,
        message: Message,
        thread_ts: str | None = None,
        keyed: Keyed | None = None,
        *,
        record: bool = True,
    ) -> Post:
        """
        Post *message* as the one of its key, unless it was; where it is. Without a key it is posted, come what may.

        *record*: write it down; otherwise the caller does, in a transaction of its own, and then calls `recorded`.
        Raises what Slack's client raises; after an error that leaves open whether it was posted, whoever tries again finds
        that out.
        """
        if keyed is None:
            return _post_of(await self._send(channel, message, thread_ts, None))
        mine = keyed.account, keyed.key
        if keyed.again and (known := await self._heard_of(keyed)) is not None:
            return known
        # Slack's event of the same message is told apart from one of a second copy when this is over.
        self._posting[mine] = over = asyncio.get_running_loop().create_future()
        try:
            post = _post_of(await self._send(channel, message, thread_ts, keyed.key))
            if not record:
                self._unrecorded[mine] = post
            return post if not record else await asyncio.to_thread(self._record, keyed.account, keyed.key, post)
        except Exception as error:
            over.set_result(None)
            if not may_have_been_posted(error) or (known := await self._heard_of(keyed)) is None:
                raise
            return known
        finally:
            if not over.done():
                over.set_result(None)
            if self._posting.get(mine) is over:
                del self._posting[mine]

    def recorded(self, account: int, keys: Iterable[str]) -> None:
        """The posts of *keys* are written down, and need not be remembered any more."""
        for key in keys:
            self._unrecorded.pop((account, key), None)

    async def _send(self, channel: str, message: Message, thread_ts: str | None, key: str | None) -> AsyncSlackResponse:
        return await self._client.chat_postMessage(
            channel=channel,
            thread_ts=thread_ts,
            text=message.text,
            blocks=list(message.blocks),
            unfurl_links=False,
            unfurl_media=False,
            metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}} if key is not None else None,
        )

    async def heard(self, account: int, body: dict[str, Any]) -> None:
        """
        Slack says that a message was posted. Raises when that could not be dealt with: Slack then says it again.

        A second copy is taken away by whoever looks after answers, for as long as that takes. Another app can use the
        same names; what it posts is not ours.
        """
        event = body["event"]
        metadata = event.get("metadata") or {}
        ours = {authorization.get("user_id") for authorization in body.get("authorizations") or ()}
        key = (metadata.get("event_payload") or {}).get("key")
        if event.get("user_id") not in ours or metadata.get("event_type") != EVENT_TYPE or not isinstance(key, str):
            return
        found = Post(event["channel_id"], event["message_ts"])
        if (posting := self._posting.get((account, key))) is not None:
            # Slack's answer to our own post is about to say the same.
            await asyncio.wait({posting}, timeout=PATIENCE_SECONDS)
        if self._unrecorded.get((account, key)) != found:
            await asyncio.to_thread(self._record, account, key, found)

    def _record(self, account: int, key: str, found: Post) -> Post:
        """The message of *key*: the one *found*, or the one before it, and then *found* is to be taken away."""
        counts = self._store.outbox.posted(account, key, found)
        if counts != found:
            log.info("an answer was posted twice", channel=found.channel_id)
        return counts

    async def _heard_of(self, keyed: Keyed) -> Post | None:
        """The message of a key, by whichever replica Slack tells of it; None when nobody is told in time."""
        if (mine := self._unrecorded.get((keyed.account, keyed.key))) is not None:
            return mine
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while (known := await asyncio.to_thread(self._store.outbox.find, keyed.account, keyed.key)) is None:
            if asyncio.get_running_loop().time() >= deadline:
                return None
            await asyncio.sleep(_LOOK_EVERY)
        return known

    async def take_away(self, post: Post) -> None:
        """Delete a second copy; raises what Slack's client raises unless it is gone already."""
        try:
            await self._client.chat_delete(channel=post.channel_id, ts=post.ts)
        except SlackApiError as error:
            if error_code(error) != "message_not_found":
                raise


def _post_of(answer: AsyncSlackResponse) -> Post:
    return Post(str(answer["channel"]), str(answer["ts"]))
