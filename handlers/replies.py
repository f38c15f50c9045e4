"""Where an answer goes, and how a failure reads."""

import re
import secrets
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.models.blocks import Block
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from handlers.lately import Lately
from handlers.views.mrkdwn import context, escape, section
from store import Account, Actor, StoreError, mask, written

if TYPE_CHECKING:
    from handlers.posting import Poster

log = structlog.get_logger()

# Slack allows 50 blocks (https://docs.slack.dev/reference/block-kit/blocks) and about 13,000 characters in the blocks of one message (msg_blocks_too_long).
MOST_BLOCKS = 45
MOST_CHARACTERS = 11_500
FALLBACK_LONGEST = 3_000
# A response_url takes five posts (https://docs.slack.dev/interactivity/handling-user-interaction); one is kept for a button's or a late answer.
MOST_PRIVATE = 4


@dataclass(frozen=True, slots=True)
class Message:
    """
    One answer. *text*: mrkdwn, what notifications and screen readers get. *details*: replies in its thread.

    *private*: for the asker alone. *settles*: the line that takes the place of the buttons of the message in which a
    button was pressed. *field*: the block of a submitted modal that it says is wrong. *phones*: those it names, which not
    everybody may read in full where *numbers* (of the account's settings) is "masked".
    *entry*: the id of what was done, which the posted message is then linked to; *account*: whose.
    """

    text: str
    blocks: tuple[dict[str, Any], ...] = ()
    details: tuple["Message", ...] = ()
    private: bool = False
    settles: str | None = None
    field: str | None = None
    phones: tuple[str, ...] = ()
    numbers: str = "full"
    entry: int | None = None
    account: int | None = None

    @classmethod
    def of(
        cls,
        text: str,
        *blocks: Block,
        details: Sequence["Message"] = (),
        private: bool = False,
        settles: str | None = None,
        phones: Iterable[str] = (),
        entry: int | None = None,
    ) -> "Message":
        """A message of *blocks*, or of *text* alone. Raises SlackObjectFormationError when Slack would refuse them."""
        text = text if len(text) <= FALLBACK_LONGEST else f"{text[: FALLBACK_LONGEST - 1]}…"
        shown = blocks or (section(text),)
        return cls(
            text=text,
            blocks=tuple(block.to_dict() for block in shown),
            details=tuple(details),
            private=private,
            settles=settles,
            phones=tuple(phones),
            entry=entry,
        )


def masked(message: Message) -> Message:
    """*message* and its details with all but the last digits of their phones hidden; what buttons stand for stays."""
    phones = {phone for one in (message, *message.details) for phone in one.phones}
    ways = {way: mask(phone) for phone in phones for way in written(phone)}
    longest = sorted(ways, key=len, reverse=True)

    def hidden(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: hidden(part, name) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [hidden(part, key) for part in value]
        if isinstance(value, str) and key == "text":
            for way in longest:
                value = value.replace(way, ways[way])
        return value

    def shown(one: Message) -> Message:
        return replace(one, text=hidden(one.text, "text"), blocks=tuple(hidden(block) for block in one.blocks))

    return replace(shown(message), details=tuple(shown(one) for one in message.details))


# There is nothing to say: what was done is seen where it was done.
NOTHING: Final = Message("")


def split(message: Message) -> Iterator[Message]:
    """*message* without details, in as many messages as Slack's limits need."""
    blocks: list[dict[str, Any]] = []
    characters = 0
    first = True
    for block in message.blocks:
        length = len(str(block))
        if blocks and (len(blocks) == MOST_BLOCKS or characters + length > MOST_CHARACTERS):
            yield replace(message, text=message.text if first else "(continued)", blocks=tuple(blocks), details=())
            blocks, characters, first = [], 0, False
        blocks.append(block)
        characters += length
    yield replace(message, text=message.text if first else "(continued)", blocks=tuple(blocks), details=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    Where an answer goes, and how to reach *actor*, who asked.

    *thread_ts*: the thread to answer in, None for a command. *response_url*: how to reach the asker alone.
    *message_ts*: the message a button or shortcut belongs to. *ephemeral*: that message is the asker's alone, which
    only its response_url can change.
    """

    actor: Actor
    channel_id: str
    channel_name: str | None = None
    thread_ts: str | None = None
    message_ts: str | None = None
    response_url: str | None = None
    client: AsyncWebClient
    ephemeral: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Place):
    """A request that `Roles` let in: *actor*, known by now, asks for *account*; *role*: a `roles.Role`."""

    account: Account
    role: str

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


async def outcome_of(work: Awaitable[Message]) -> Message:
    """
    Await *work* and return its message, or one, for the asker alone, that explains its failure.

    Nothing may escape a listener after `ack()`: Bolt then forgets the acknowledgement and Slack shows the person a
    timeout.
    """
    try:
        return await work
    except StoreError as error:
        log.warning("request refused by the store", error=str(error), kind=type(error).__name__)
        # The store writes plain text, in which a file may be called anything.
        return Message.of(escape(str(error)), private=True)
    except Exception:
        reference = secrets.token_hex(4)
        log.exception("request failed", reference=reference)
        return Message.of(f"Something went wrong on our side. Please quote `{reference}`.", private=True)


_INVITE = "Only you see this: I am not in this channel. `/invite @Opt-Out Desk` lets me answer where all can see it."
_WHY_PRIVATE: Final[Mapping[str, str]] = {
    "not_in_channel": _INVITE,
    "channel_not_found": _INVITE,
    "message_not_found": "Only you see this: the message was deleted.",
    "thread_not_found": "Only you see this: the message was deleted.",
    "is_archived": "Only you see this: the channel is archived.",
    "shared": "Only you see this: people of another organisation can read this channel.",
    "unknown": "Only you see this: Slack could not tell whether people of another organisation can read this channel.",
}


@dataclass(frozen=True, slots=True)
class Keyed:
    """Under which *key* of the *account* an answer is posted, so that it is posted once; *again*: it may have been."""

    account: int
    key: str
    again: bool = False


class Replies:
    """Sends answers."""

    def __init__(self, poster: "Poster") -> None:
        self._poster = poster
        # Of channels lately asked about, by id.
        self._kinds: Lately[str] = Lately(60)

    async def answer(self, place: Place, message: Message, keyed: Keyed | None = None) -> str | None:
        """
        Post *message*, then its details in its thread; in the place's thread when there is one.

        Where the bot cannot post, or people of another organisation read along, the asker alone gets all of it. The ts of
        the message that others can see; None when there is none.

        *keyed*: raises when it is worth another try, by anyone, of what has not been posted yet. Without, there is no
        other try, so the asker gets what Slack did not take.
        """
        if message.private or place.ephemeral:
            await self._tell_all(place, message, keyed)
            return None
        if closed := await self.why_closed(place, surely=keyed is not None):
            await self._tell_all(place, message, keyed, because=closed)
            return None
        return await self._post(
            place, message, masked(message) if await self._is_masked(place, message) else message, keyed
        )

    async def _post(self, place: Place, full: Message, message: Message, keyed: Keyed | None) -> str | None:
        """Post *message*, which may show less than the *full* one that the asker gets where posting fails."""
        waiting = [*split(replace(message, details=())), *(part for one in message.details for part in split(one))]
        thread, first = place.thread_ts, None
        for number, part in enumerate(waiting):
            try:
                mine = keyed and replace(keyed, key=f"{keyed.key} {number}")
                ts = (await self._poster.post(place.channel_id, part, thread, mine)).ts
            except Exception as error:
                if keyed is not None and passing(error):
                    raise
                why = _error_of(error)
                log.warning("cannot post; telling the asker", channel=place.channel_id, error=why)
                rest = replace(part, details=tuple(waiting[number + 1 :])) if thread != place.thread_ts else full
                await self._tell_all(place, rest, keyed, because=why)
                break
            first = first or ts
            thread = thread or ts
        return first

    async def tell(self, place: Place, message: Message) -> None:
        """Send *message* to the asker alone, if that can be done; does not raise."""
        try:
            await self._tell_all(place, message, None)
        except Exception:
            log.exception("answer not delivered", channel=place.channel_id, actor=place.actor.id)

    async def _tell_all(
        self, place: Place, message: Message, keyed: Keyed | None, *, because: str | None = None
    ) -> None:
        """
        Send *message* with its details to the asker alone.

        *because*: Slack's error code, or "shared", that says why not to all. The message of a button that only the
        asker sees is replaced by its answer, unless that is a refusal.
        """
        blocks = [*message.blocks, *(block for one in message.details for block in one.blocks)]
        if because is not None:
            line = _WHY_PRIVATE.get(because, f"Only you see this: Slack did not let me post here (`{because}`).")
            blocks.append(context(line).to_dict())
        parts = list(split(Message(message.text, tuple(blocks))))
        replacing = place.ephemeral and message.settles is not None
        for number, part in enumerate(parts):
            # What a response_url has no posts left for goes another way.
            way = place if number < MOST_PRIVATE else replace(place, response_url=None)
            mine = keyed and replace(keyed, key=f"{keyed.key} alone {number}")
            await self._tell(way, part, mine, replace_original=replacing and number == 0)

    async def _tell(self, place: Place, message: Message, keyed: Keyed | None, *, replace_original: bool) -> None:
        if place.response_url is not None and await _respond(place.response_url, message, replace_original):
            return
        try:
            await place.client.chat_postEphemeral(
                channel=place.channel_id,
                user=place.actor.id,
                text=message.text,
                blocks=message.blocks,
                thread_ts=place.thread_ts,
            )
        except SlackApiError as error:
            log.warning("no ephemeral; writing directly", channel=place.channel_id, error=_error_of(error))
            try:
                await self._poster.post(place.actor.id, message, None, keyed)
            except SlackApiError as refused:
                if passing(refused):
                    raise
                log.exception("nobody can be told", channel=place.channel_id, actor=place.actor.id)

    async def settle(self, place: Place, pressed: Mapping[str, Any], line: str) -> None:
        """Take the buttons off the message *pressed*, as Slack's payload gives it, and put *line* in their place."""
        kept = [block for block in pressed.get("blocks", ()) if block.get("type") != "actions"]
        try:
            await place.client.chat_update(
                channel=place.channel_id,
                ts=str(pressed["ts"]),
                text=str(pressed.get("text", "")),
                blocks=[*kept, context(line).to_dict()],
            )
        except Exception as error:  # noqa: BLE001  the work is done and answered; a button more is harmless
            log.warning("buttons not taken off", channel=place.channel_id, error=_error_of(error))

    async def _is_masked(self, place: Place, message: Message) -> bool:
        """Whether the account wants numbers masked where the place is: in channels that everybody can join."""
        return message.numbers == "masked" and await self._kind_of(place) == "public"

    async def why_closed(self, place: Place, *, surely: bool = False) -> str:
        """
        Why numbers are not for all eyes in the place's channel; empty when they are.

        *surely*: raises what keeps Slack from saying so for the moment, instead of taking that for a reason.
        """
        kind = await self._kind_of(place, surely=surely)
        return "" if kind in {"public", "private"} else kind

    async def _kind_of(self, place: Place, *, surely: bool = False) -> str:
        """The channel's kind: "public", "private", "shared" with other organisations, or why it cannot be told."""
        channel = place.channel_id
        # One person and the bot; where it is two people, posting fails by itself. By a person's id Slack finds both.
        if channel.startswith(("D", "U", "W")):
            return "private"
        known = self._kinds.get(channel)
        if known is not None:
            return known
        try:
            found = (await place.client.conversations_info(channel=channel))["channel"]
        except Exception as error:
            if surely and passing(error):
                raise
            # No answer is no leave to show numbers to strangers.
            code = _error_of(error)
            log.warning("channel not known", channel=channel, error=code)
            return code if code == "channel_not_found" else "unknown"
        kind = "private" if found.get("is_private") or found.get("is_group") or found.get("is_mpim") else "public"
        kind = "shared" if found.get("is_ext_shared") or found.get("is_pending_ext_shared") else kind
        self._kinds.put(channel, kind)
        return kind


_NOT_TAKEN = re.compile(r'\s*(<|\{\s*"ok"\s*:\s*false)')


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
        log.warning("response_url not reached", error=_error_of(error))
        return False
    # In trouble Slack can answer 200 with a page for people or an error in JSON, and has posted nothing.
    taken = answer.status_code == 200 and not _NOT_TAKEN.match(answer.body)
    if not taken:
        log.warning("response_url refused", status=answer.status_code, body=answer.body[:100])
    return taken


def error_code(error: SlackClientError) -> str | None:
    """Slack's word for what is wrong; None when it gave none, as with an answer that is not JSON."""
    try:
        code = error.response["error"]  # type: ignore[attr-defined]  # not all of them have one
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return None if code is None else str(code)


# What Slack answers while it, or our installation, is out of order: it is tried again. Any other error stays as it is.
_PASSING: Final = {
    None,
    "account_inactive",
    "fatal_error",
    "internal_error",
    "invalid_auth",
    "not_authed",
    "ratelimited",
    "request_timeout",
    "service_unavailable",
    "token_expired",
    "token_revoked",
}


def passing(error: Exception) -> bool:
    """Whether what failed with *error* is worth another try later."""
    return not isinstance(error, SlackApiError) or error_code(error) in _PASSING


def _error_of(error: Exception) -> str:
    if isinstance(error, SlackApiError):
        return error_code(error) or "no answer"
    return type(error).__name__
