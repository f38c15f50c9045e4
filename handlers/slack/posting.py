"""
Posting a message under an idempotency key, so that it is in Slack once.

Slack takes no key by which it would know a post it has seen (https://docs.slack.dev/reference/methods/chat.postMessage),
so whoever gets no answer to one cannot know whether it is there. Each message carries a key of its own as metadata, and
Slack sends an event for every message with such metadata that was posted
(https://docs.slack.dev/reference/events/message_metadata_posted). The first message of a key that is heard of is kept;
any other is taken away again.

A post that was meant for a thread whose message is gone does not fail: Slack puts it at the channel's root, where more
people read it than were meant to (https://github.com/slack-go/slack/issues/1571). It is taken away again, too.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.slack.clients import Clients, once
from handlers.slack.errors import error_code, is_transient, may_have_been_posted, thread_gone
from handlers.slack.messages import Message
from handlers.slack.pacing import Pacing, Turn
from handlers.ttl_cache import TtlCache
from store import Post, Store

log = structlog.get_logger()
# The name of the event and, in manifest.yml, of the metadata that the app subscribes to.
POSTED: Final = "message_metadata_posted"
EVENT_TYPE: Final = "optout_answer"
# Slack's event of a message mostly comes within a second; one that comes later still takes the second copy away.
PATIENCE_SECONDS = 1.0
# Seconds after the first look, and twice as many after each that follows.
_LOOK_AGAIN: Final = 0.05
_EMPTIED = "The question that was answered here was deleted."
REMEMBERED_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class PostKey:
    """The idempotency key of a post in Slack, one of the *account*'s; *may_exist*: somebody may have posted it already."""

    account: int
    key: str
    may_exist: bool = False


class Poster:
    """
    Posts messages by `chat.postMessage`, and takes Slack's events of what was posted, which is how a second copy shows.

    No client of its own tries again by itself what may have been done: an answer that was lost would be posted twice.
    *pacing*: when each channel takes the next one.
    """

    def __init__(self, store: Store, clients: Clients, pacing: Pacing) -> None:
        self._store = store
        self._clients = clients
        self._pacing = pacing
        # By account and key: over when what this process posts is written down, or will not be by it.
        self._unrecorded: dict[tuple[int, str], asyncio.Future[None]] = {}
        # What this process posted, for its own next try; the database knows it a moment later.
        self._posted: TtlCache[Post] = TtlCache(REMEMBERED_SECONDS)

    async def post(
        self,
        channel: str,
        message: Message,
        thread_ts: str | None = None,
        post_key: PostKey | None = None,
        *,
        client: AsyncWebClient | None = None,
        record: bool = True,
        turn: Turn | None = None,
    ) -> Post:
        """
        Post *message* as the one of its key, unless it was; where it is. Without a key it is posted by *client*, come what may.

        *record*: write it down; otherwise the caller does, in a transaction of its own, and then calls `recorded`. *turn*:
        the one that was taken for it; without, it is the channel's last.
        Raises what Slack's client raises; after an error that leaves open whether it was posted, whoever tries again finds
        that out.
        """
        if post_key is None:
            assert client is not None  # noqa: S101  whoever has no key has one
            client = once(client)
            answer = await self._send(client, channel, message, thread_ts, None, turn)
            if not _is_in(thread_ts, answer):
                await self._take_back(client, _post_of(answer))
            return _post_of(answer)
        account, key = post_key.account, post_key.key
        client = once(await self._clients.of(account))
        if post_key.may_exist and (earlier := await self._wait_for_post(post_key)) is not None:
            return await self._in_thread(client, earlier, thread_ts, post_key)
        # Slack's event of the same message waits for the end of this, and is then told from one of a second copy.
        over = self._unrecorded[account, key] = asyncio.get_running_loop().create_future()
        left_to_the_caller = False
        in_place = True
        try:
            answer = await self._send(client, channel, message, thread_ts, key, turn)
            post, in_place = _post_of(answer), _is_in(thread_ts, answer)
            if not in_place:
                # Whoever tries it again is to find it, instead of posting it there once more.
                await asyncio.to_thread(self._record, account, key, post)
                await self._take_back(client, post)
            self._posted.put(f"{account} {key}", post)
            left_to_the_caller = not record
            return post if left_to_the_caller else await asyncio.to_thread(self._record, account, key, post)
        except Exception as error:
            self._end(account, key, over)
            if (
                not in_place
                or not may_have_been_posted(error)
                or (arrived := await self._wait_for_post(post_key)) is None
            ):
                raise
            return await self._in_thread(client, arrived, thread_ts, post_key)
        finally:
            if not left_to_the_caller:
                self._end(account, key, over)

    def turn(self, channel: str) -> Turn:
        """The next turn to post into *channel*, for what is still to be worked on; it must be left."""
        return self._pacing.turn(channel)

    def recorded(self, account: int, keys: Iterable[str]) -> None:
        """The posts of *keys* are written down; or they are not, and are when Slack tells of them."""
        for key in keys:
            if (over := self._unrecorded.get((account, key))) is not None:
                self._end(account, key, over)

    def _end(self, account: int, key: str, over: asyncio.Future[None]) -> None:
        if not over.done():
            over.set_result(None)
        if self._unrecorded.get((account, key)) is over:
            del self._unrecorded[account, key]

    async def _send(
        self,
        client: AsyncWebClient,
        channel: str,
        message: Message,
        thread_ts: str | None,
        key: str | None,
        turn: Turn | None,
    ) -> AsyncSlackResponse:
        async with self._pacing.sending(channel, turn):
            return await client.chat_postMessage(
                channel=channel,
                thread_ts=thread_ts,
                text=message.text,
                blocks=list(message.blocks),
                unfurl_links=False,
                unfurl_media=False,
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}} if key is not None else None,
            )

    async def on_posted(self, account: int, body: dict[str, Any]) -> None:
        """
        Take up Slack's event `message_metadata_posted`. Raises when that could not be done: Slack then sends it again.

        A second copy is taken away by whoever looks after answers, for as long as that takes. Another app can use the
        same names; what it posts is not ours.
        """
        event = body["event"]
        metadata = event.get("metadata") or {}
        ours = {authorization.get("user_id") for authorization in body.get("authorizations") or ()}
        key = (metadata.get("event_payload") or {}).get("key")
        if event.get("user_id") not in ours or metadata.get("event_type") != EVENT_TYPE or not isinstance(key, str):
            return
        post = Post(event["channel_id"], event["message_ts"])
        if (over := self._unrecorded.get((account, key))) is not None:
            # What this process writes down itself costs no second transaction; a process that dies before leaves Slack
            # without its acknowledgement, so the event comes again.
            await asyncio.wait({over}, timeout=PATIENCE_SECONDS)
        await asyncio.to_thread(self._record, account, key, post)

    def _record(self, account: int, key: str, post: Post) -> Post:
        """Write *post* down as the message of *key*; the one that was there before it, where *post* is a second copy."""
        first = self._store.outbox.posted(account, key, post)
        if first != post:
            log.info("an answer was posted twice", channel=post.channel_id)
        return first

    async def _wait_for_post(self, post_key: PostKey) -> Post | None:
        """Wait for the post of a key, of which Slack may tell another replica; None when nobody is told in time."""
        if (posted := self._posted.get(f"{post_key.account} {post_key.key}")) is not None:
            return posted
        deadline, pause = asyncio.get_running_loop().time() + PATIENCE_SECONDS, _LOOK_AGAIN
        while (post := await asyncio.to_thread(self._store.outbox.find, post_key.account, post_key.key)) is None:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            await asyncio.sleep(min(pause, left))
            pause *= 2
        return post

    async def _in_thread(self, client: AsyncWebClient, post: Post, thread_ts: str | None, post_key: PostKey) -> Post:
        """*post*, of which nobody saw Slack's answer, unless it is not in the thread it was meant for; raises as `post` does."""
        if thread_ts is None or self._posted.get(f"{post_key.account} {post_key.key}") == post:
            return post
        try:
            link = (await client.chat_getPermalink(channel=post.channel_id, message_ts=post.ts))["permalink"]
        except SlackApiError as error:
            if error_code(error) == "message_not_found":
                raise thread_gone() from error
            raise
        if "thread_ts=" not in link:
            await self._take_back(client, post)
        return post

    async def _take_back(self, client: AsyncWebClient, post: Post) -> NoReturn:
        """Take away what stands at a channel's root instead of in its thread, and raise that the thread is gone."""
        log.warning("a thread is gone; its answer is taken back", channel=post.channel_id)
        try:
            await _delete(client, post)
        except SlackApiError as error:
            if is_transient(error):
                raise
            # Where a workspace lets nothing be deleted, at least what it says goes.
            log.warning("it cannot be deleted, and is emptied", channel=post.channel_id, error=error_code(error))
            await client.chat_update(channel=post.channel_id, ts=post.ts, text=_EMPTIED, blocks=[])
        raise thread_gone()

    async def bring_up_to_date(self, account: int, post: Post, message: Message) -> None:
        """Edit what was posted for *account* to read *message*; where Slack does not let that be, it stays. Raises while Slack is away."""
        client = once(await self._clients.of(account))
        try:
            await client.chat_update(
                channel=post.channel_id, ts=post.ts, text=message.text, blocks=list(message.blocks)
            )
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.info("a message is not brought up to date", channel=post.channel_id, error=error_code(error))

    async def take_away(self, account: int, post: Post) -> None:
        """Delete what is not to be there for *account*; raises what Slack's client raises unless it is gone already."""
        await _delete(once(await self._clients.of(account)), post)


async def _delete(client: AsyncWebClient, post: Post) -> None:
    try:
        await client.chat_delete(channel=post.channel_id, ts=post.ts)
    except SlackApiError as error:
        if error_code(error) != "message_not_found":
            raise


def _is_in(thread_ts: str | None, answer: AsyncSlackResponse) -> bool:
    """Whether the message that Slack's *answer* tells of is in the thread that it was meant for."""
    return thread_ts is None or bool((answer.get("message") or {}).get("thread_ts"))


def _post_of(answer: AsyncSlackResponse) -> Post:
    return Post(str(answer["channel"]), str(answer["ts"]))
