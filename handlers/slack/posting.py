"""
A message in Slack, posted once.

Slack takes no key by which it would know a post it has seen (https://docs.slack.dev/reference/methods/chat.postMessage),
so whoever gets no answer to one cannot know whether it is there. Each message carries a key of its own as metadata, and
Slack sends an event for every message with such metadata that was posted
(https://docs.slack.dev/reference/events/message_metadata_posted). The first message of a key that is heard of is kept;
any other is taken away again.
"""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.slack.errors import error_code, may_have_been_posted
from handlers.slack.messages import Message
from store import ANSWER, Post, Store

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

    async def post(
        self, channel: str, message: Message, thread_ts: str | None = None, keyed: Keyed | None = None
    ) -> Post:
        """
        Post *message* as the one of its key, unless it was; where it is. Without a key it is posted, come what may.

        Raises what Slack's client raises; after an error that leaves it unknown, whoever tries again finds out whether
        it had been posted.
        """
        if keyed is None:
            return _post_of(await self._send(channel, message, thread_ts, None))
        if keyed.again and (known := await self._heard_of(keyed)) is not None:
            return known
        try:
            answer = await self._send(channel, message, thread_ts, keyed.key)
        except Exception as error:
            if not may_have_been_posted(error) or (known := await self._heard_of(keyed)) is None:
                raise
            return known
        return await self._kept(keyed.account, keyed.key, _post_of(answer))

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
        await self._kept(account, key, Post(event["channel_id"], event["message_ts"]))

    async def _kept(self, account: int, key: str, found: Post) -> Post:
        """The message of *key*: the one *found*, or the one before it, and then *found* is to be taken away."""
        kept = await asyncio.to_thread(self._store.posts.keep, account, key, found)
        if kept != found:
            log.info("an answer was posted twice", channel=found.channel_id)
            name = f"{ANSWER} extra {found.channel_id} {found.ts}"
            extra = {"extra": asdict(found)}
            await asyncio.to_thread(self._store.deliveries.receive, account, name, ANSWER, None, extra, lease_seconds=0)
        return kept

    async def _heard_of(self, keyed: Keyed) -> Post | None:
        """The message of a key, by whichever replica Slack tells of it; None when nobody is told in time."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while (known := await asyncio.to_thread(self._store.posts.find, keyed.account, keyed.key)) is None:
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
