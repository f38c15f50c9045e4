"""Delivery of an answer: to the channel and its thread, or to the asker alone."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.slack.errors import error_name, is_transient
from handlers.slack.messages import THREAD_GONE, Message, masked, masked_text, split
from handlers.slack.mrkdwn import context
from handlers.slack.pacing import Turn
from handlers.slack.places import Place
from handlers.slack.posting import Poster, PostKey
from handlers.ttl_cache import TtlCache
from store import Post

log = structlog.get_logger()

# A response_url takes five posts (https://docs.slack.dev/interactivity/handling-user-interaction); one is kept for a button's or a late answer.
MOST_PRIVATE = 4

_INVITE = "Only you see this: I am not in this channel. `/invite @Opt-Out Desk` lets me answer where all can see it."
# Into these nobody can be invited.
_BETWEEN_PEOPLE: Final = (
    "Only you see this: this is a conversation between people, and apps cannot be invited into one."
)
_WHY_PRIVATE: Final[Mapping[str, str]] = {
    "not_in_channel": _INVITE,
    "channel_not_found": _INVITE,
    "message_not_found": "Only you see this: the message was deleted.",
    THREAD_GONE: "Only you see this: the message was deleted.",
    "is_archived": "Only you see this: the channel is archived.",
    "shared": "Only you see this: people of another organisation can read this channel.",
    "passing": "Only you see this: Slack takes no message for all to see just now.",
    "unknown": "Only you see this: Slack could not tell whether people of another organisation can read this channel.",
}


@dataclass(frozen=True, slots=True)
class Delivered:
    """
    The outcome of a delivery. *head*: the message that others can see; None where there is none.

    *unrecorded*: posts by their keys that are still to be written down.
    """

    head: Post | None
    unrecorded: Mapping[str, Post] = field(default_factory=dict)


class Replies:
    """Delivers answers, and takes the buttons off what was answered."""

    def __init__(self, poster: Poster) -> None:
        self._poster = poster
        self._kinds: TtlCache[str] = TtlCache(60)

    async def answer(
        self, place: Place, message: Message, post_key: PostKey | None = None, turn: Turn | None = None
    ) -> Delivered:
        """
        Post *message*, then its details in its thread; in the place's thread when there is one.

        Where the bot cannot post, or people of another organisation read along, the asker alone gets all of it.

        With *post_key*, raises what is worth another try, by anyone, of what has not been posted yet. Without, there is
        no other try, so the asker gets what Slack did not take. *turn*: the one that was taken when the question came.
        """
        if message.private or place.ephemeral:
            if turn is not None:
                turn.leave()
            await self._tell_all(place, message, post_key)
            return Delivered(None)
        kind = await self._kind_for(place, message, surely=post_key is not None)
        if kind not in OPEN_KINDS:
            await self._tell_all(place, message, post_key, because=kind)
            return Delivered(None)
        hides = message.numbers == "masked" and kind == "public"
        return await self._post(place, message, masked(message) if hides else message, post_key, turn)

    async def _kind_for(self, place: Place, message: Message, *, surely: bool) -> str:
        """
        The kind of the place's channel, for *message* to be shown there.

        What tells of something that was just done names what the asker brought: for that, what was true a minute ago will
        do. All that tells what the list holds asks afresh.
        """
        kind = self._kinds.get(place.channel_id) if message.entry is not None else None
        if kind is None:
            kind = await kind_of_channel(place.client, place.channel_id, surely=surely)
            if kind in OPEN_KINDS:
                self._kinds.put(place.channel_id, kind)
        return kind

    async def _post(
        self, place: Place, full: Message, message: Message, post_key: PostKey | None, turn: Turn | None
    ) -> Delivered:
        """Post *message*, which may show less than the *full* one that the asker gets where posting fails."""
        parts = [*split(replace(message, details=())), *(part for detail in message.details for part in split(detail))]
        thread, head = place.thread_ts, None
        for number, part in enumerate(parts):
            part_key = post_key and replace(post_key, key=f"{post_key.key} {number}")
            # The last is written down together with the end of the whole answer.
            last = number + 1 == len(parts)
            try:
                # Others' first lines come before one's own details.
                own = turn if number == 0 else None
                post = await self._poster.post(
                    place.channel_id, part, thread, part_key, client=place.client, record=not last, turn=own
                )
            except Exception as error:
                if post_key is not None and is_transient(error):
                    raise
                why = error_name(error)
                log.warning("cannot post; telling the asker", channel=place.channel_id, error=why)
                rest = replace(part, details=tuple(parts[number + 1 :])) if thread != place.thread_ts else full
                await self._tell_all(place, rest, post_key, because="passing" if is_transient(error) else why)
                break
            head = head or post
            thread = thread or post.ts
            if last and part_key is not None:
                return Delivered(head, {part_key.key: post})
        return Delivered(head)

    async def tell(self, place: Place, message: Message) -> None:
        """Send *message* to the asker alone, if that can be done; does not raise."""
        try:
            await self._tell_all(place, message, None)
        except Exception:
            log.exception("answer not delivered", channel=place.channel_id, actor=place.actor.id)

    async def _tell_all(
        self, place: Place, message: Message, post_key: PostKey | None, *, because: str | None = None
    ) -> None:
        """
        Send *message* with its details to the asker alone.

        *because*: Slack's error code, "passing" for one that passes, or "shared", that says why not to all. The message of a button that only the
        asker sees is replaced by its answer, unless that is a refusal.
        """
        blocks = [*message.blocks, *(block for detail in message.details for block in detail.blocks)]
        if because is not None:
            if because == THREAD_GONE:
                # Where there is no thread, nobody sees what is said in it; the response_url of a button there says it there.
                place = replace(place, thread_ts=None, threaded=False, response_url=None)
            blocks.append(context(_why_private(place, because)).to_dict())
        parts = list(split(Message(message.text, tuple(blocks))))
        replacing = place.ephemeral and message.settles is not None
        for number, part in enumerate(parts):
            # What a response_url has no posts left for goes another way.
            way = place if number < MOST_PRIVATE else replace(place, response_url=None)
            part_key = post_key and replace(post_key, key=f"{post_key.key} alone {number}")
            await self._tell(way, part, part_key, replace_original=replacing and number == 0)

    async def _tell(self, place: Place, message: Message, post_key: PostKey | None, *, replace_original: bool) -> None:
        url = place.response_url
        if url is not None and _is_slacks(url, place.client) and await _respond(url, message, replace_original):
            return
        try:
            await place.client.chat_postEphemeral(
                channel=place.channel_id,
                user=place.actor.id,
                text=message.text,
                blocks=message.blocks,
                # https://docs.slack.dev/reference/methods/chat.postEphemeral: elsewhere it is taken, and not shown.
                thread_ts=place.thread_ts if place.threaded else None,
            )
        except SlackApiError as error:
            if post_key is not None and is_transient(error):
                raise
            log.warning("no ephemeral; writing directly", channel=place.channel_id, error=error_name(error))
            try:
                await self._poster.post(place.actor.id, message, None, post_key, client=place.client)
            except SlackApiError as refused:
                if is_transient(refused):
                    raise
                log.exception("nobody can be told", channel=place.channel_id, actor=place.actor.id)

    async def settle(self, place: Place, pressed: Mapping[str, Any], message: Message) -> None:
        """
        Take the buttons off the message *pressed*, as Slack's payload gives it, and put the line of *message* there.

        Where the account wants numbers masked it is, whatever the channel: nobody needs them there.
        """
        line = message.settles or ""
        line = masked_text(line, message.home) if message.numbers == "masked" else line
        kept = [block for block in pressed.get("blocks", ()) if block.get("type") != "actions"]
        try:
            await place.client.chat_update(
                channel=place.channel_id,
                ts=str(pressed["ts"]),
                text=str(pressed.get("text", "")),
                blocks=[*kept, context(line).to_dict()],
            )
        except Exception as error:  # noqa: BLE001  the work is done and answered; a button more is harmless
            log.warning("buttons not taken off", channel=place.channel_id, error=error_name(error))


def _why_private(place: Place, because: str) -> str:
    line = _WHY_PRIVATE.get(because, f"Only you see this: Slack did not let me post here (`{because}`).")
    between_people = place.channel_id.startswith("D") or (place.channel_name or "").startswith("mpdm-")
    return _BETWEEN_PEOPLE if line == _INVITE and between_people else line


# Where numbers are for all eyes; any other kind is a reason why not.
OPEN_KINDS: Final = frozenset({"public", "private"})


async def kind_of_channel(client: AsyncWebClient, channel: str, *, surely: bool = False) -> str:
    """
    The kind of a channel, asked of Slack afresh, since it decides who reads numbers there.

    "public", "private", "shared" with other organisations, or why it cannot be told. *surely*: raises what keeps Slack
    from saying so for the moment, instead of taking that for a reason.
    """
    # One person and the bot; where it is two people, posting fails by itself. By a person's id Slack finds both.
    if channel.startswith(("D", "U", "W")):
        return "private"
    try:
        info = (await client.conversations_info(channel=channel))["channel"]
    except Exception as error:
        if surely and is_transient(error):
            raise
        # No answer is no leave to show numbers to strangers.
        code = error_name(error)
        log.warning("channel not known", channel=channel, error=code)
        return code if code == "channel_not_found" else "unknown"
    if info.get("is_ext_shared") or info.get("is_pending_ext_shared"):
        return "shared"
    return "private" if info.get("is_private") or info.get("is_group") or info.get("is_mpim") else "public"


async def takes_posts(client: AsyncWebClient, channel: str) -> bool:
    """Whether the desk can post in *channel*, which was chosen once: not where it was archived since, or is not in it any more."""
    try:
        info = (await client.conversations_info(channel=channel))["channel"]
    except Exception as error:
        if is_transient(error):
            raise
        log.warning("a channel is not known any more", channel=channel, error=error_name(error))
        return False
    return bool(info.get("is_member")) and not info.get("is_archived")


_NOT_TAKEN = re.compile(r'\s*(<|\{\s*"ok"\s*:\s*false)')


def _is_slacks(url: str, client: AsyncWebClient) -> bool:
    """Whether *url* is one that Slack gives out for answers: whatever a payload says, they go nowhere else."""
    try:
        parts, ours = urlsplit(url), urlsplit(client.base_url)
    except ValueError:
        return False
    if (parts.scheme, parts.netloc) in {("https", "hooks.slack.com"), (ours.scheme, ours.netloc)}:
        return True
    log.warning("a response_url is not Slack's", host=parts.hostname)
    return False


async def _respond(url: str, message: Message, replace_original: bool) -> bool:
    """Post to a response_url; False when it is used up, over or out of reach (the webhook client does not raise)."""
    client = AsyncWebhookClient(
        url,
        timeout=10,
        retry_handlers=[
            AsyncConnectionErrorRetryHandler(),
            AsyncRateLimitErrorRetryHandler(max_retry_count=2),
            AsyncServerErrorRetryHandler(max_retry_count=2),
        ],
    )
    try:
        answer = await client.send(
            text=message.text,
            blocks=message.blocks,
            response_type="ephemeral",
            replace_original=replace_original,
            unfurl_links=False,
            unfurl_media=False,
        )
    except Exception as error:  # noqa: BLE001  there is another way to the asker
        log.warning("response_url not reached", error=error_name(error))
        return False
    # In trouble Slack can answer 200 with a page for people or an error in JSON, and has posted nothing.
    taken = answer.status_code == 200 and not _NOT_TAKEN.match(answer.body)
    if not taken:
        log.warning("response_url refused", status=answer.status_code)
    return taken
