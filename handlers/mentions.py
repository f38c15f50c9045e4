"""Words said to the desk, in a channel with a mention of it or directly: phones to look up, opt out or opt in."""

import asyncio
import itertools
import re
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from handlers.adding import opt_out
from handlers.entered import LONGEST_REASON, LONGEST_TEXT, how_to_write, read_phone
from handlers.permissions import Action
from handlers.slack.inbox import Events
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import Listener, Surface
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import one_line, plain
from handlers.slack.payloads import idempotency_key_of
from handlers.slack.places import Place, Request, permalink_of
from handlers.views import optouts as views
from store import Account, Actor, FoundPhone, Function, InboxEvent, NotAPhone, PhoneNumber, Store, find_phones

log = structlog.get_logger()
MOST_FOUND: Final = 50
# What can be asked for with a mention, besides what a file with it is for.
MENTIONED: Final = (Action.SEARCH, Action.ADD, Action.DELETE)

_ADD = re.compile(r"(?:opt[\s-]*out|add|stop(?:\s+(?:texting|messaging))?)\b", re.IGNORECASE)
_DELETE = re.compile(r"(?:opt[\s-]*(?:back[\s-]*)?in|delete)\b", re.IGNORECASE)
_REASON = re.compile(r"\b(?:because\b(?:\s+of\b)?|reason\s*:)\s*", re.IGNORECASE)
# What may stand beside the numbers of a request without making it doubtful whether it is one.
_FILLING: Final = re.compile(
    r"a|also|and|cell|hello|hey|hi|kindly|mobile|now|numbers?|ok|okay|phones?|please|pls|tel|thanks?|the|these|this|those|too|you",
    re.IGNORECASE,
)
# Signs that say nothing; "?", ">" and "~" ask, quote and take back, so they are words here.
_SIGNS = re.compile(r"[\s,.:;*_`()&!+-]+")
_DIGITS = re.compile(r"\d{3}")

POINTER: Final = (
    "Drop a CSV with a column called `phone` together with a mention of me, and I read it as an opt-out "
    "list; with the word `scrub`, it comes back without the rows that are opted out. "
    "With a number, a mention of me looks it up; `opt out NUMBER because REASON` opts it out. `/optout help` says more."
)
_HINT: Final = "Write numbers to me here, and I say whether they are opted out. `/optout help` says what else I do."
_NO_FILES: Final = (
    "Lists are not read here. Drop the file into an uploads channel, or into any channel with a mention of me."
)
_ONLY_LOOKED_UP: Final = (
    "_Only looked up: I was not sure what is meant. Say `opt out NUMBER because REASON` and no more to opt out._"
)
_ONLY_HERE: Final = "_Only looked up: nobody is opted out by a direct message. `/optout add NUMBERS` does it._"
_NOTHING_FOUND: Final = "I found no phone number in that, and nothing was changed. "


@dataclass(frozen=True, slots=True)
class Said:
    """
    What a mention asks. *action*: SEARCH wherever the words leave a doubt. *doubted*: they began like a change.

    *refused*: what was written like a number and is none.
    """

    action: Action
    found: tuple[FoundPhone, ...]
    refused: tuple[NotAPhone, ...] = ()
    reason: str | None = None
    doubted: bool = False


def understood(text: str, bot: str | None, country: str | None) -> Said:
    """*text* as Slack delivers it, with a mention of *bot* anywhere, taken for what it surely asks."""
    bot_id = re.escape(bot) if bot else r"[UW]\w+"
    text = re.sub(rf"<@{bot_id}(?:\|[^<>]*)?>", " ", text[:LONGEST_TEXT])
    given = _REASON.search(text)
    request, reason = (text[: given.start()], text[given.end() :]) if given else (text, "")
    found = find_phones(request, country)
    left = plain(request)
    for written in sorted((plain(one.text) for one in found), key=len, reverse=True):
        left = left.replace(written, " ")
    odd = [word for word in left.split() if _DIGITS.search(word)]
    left = " ".join(word for word in left.split() if not _DIGITS.search(word))
    words = itertools.dropwhile(_FILLING.fullmatch, _SIGNS.sub(" ", left).split())
    bare = " ".join(words)
    for verb, action in ((_ADD, Action.ADD), (_DELETE, Action.DELETE)):
        if (asked := verb.match(bare)) is None:
            continue
        if found and all(map(_FILLING.fullmatch, bare[asked.end() :].split())):
            why = one_line(plain(reason), LONGEST_REASON + 1) or None
            refused = [read_phone(one, country) for one in odd]
            return Said(action, found, tuple(one for one in refused if isinstance(one, NotAPhone)), why)
        return Said(Action.SEARCH, find_phones(text, country), doubted=True)
    return Said(Action.SEARCH, find_phones(text, country))


class Mentions:
    """Answers what is said to the desk; `Files` hands it the mentions that came without a list."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions

    def listeners(self, events: Events) -> tuple[Listener, ...]:
        return (events.listener(Surface.DIRECT, "message", (Action.SEARCH,), self._direct),)

    async def mentioned(self, account: Account, body: dict[str, Any], client: AsyncWebClient) -> None:
        """A mention without a file: answered in its thread."""
        event = body["event"]
        if event.get("bot_id") or event.get("subtype") == "bot_message":
            return  # two programs that answer each other never end
        bot = next((one.get("user_id") for one in body.get("authorizations") or ()), None)
        said = await asyncio.to_thread(understood, str(event.get("text") or ""), bot, account.country)
        place = _place_of(event, client, thread=event.get("thread_ts") or event["ts"])
        request = await self._interactions.admit(place, body, said.action)
        if isinstance(request, Message):
            await self._interactions.answer_event(place, request, body)
            return
        await self._interactions.answer_event(request, await self._done(request, said, idempotency_key_of(body)), body)

    async def _done(self, request: Request, said: Said, idempotency_key: str) -> Message:
        if said.action is Action.ADD:
            return await self._add(request, said, idempotency_key)
        if said.action is Action.DELETE:
            return await self._ask_delete(request, said)
        if not said.found and not said.doubted:
            return Message.of(POINTER)
        return await self._look_up(request, said.found, *((_ONLY_LOOKED_UP,) if said.doubted else ()))

    async def _look_up(self, request: Request, asked: tuple[FoundPhone, ...], *said: str) -> Message:
        """What is known of the phones *asked* about, and what else is to be *said*."""
        found = asked[:MOST_FOUND]
        if not found:
            return Message.of(_NOTHING_FOUND + how_to_write(request.account.country))
        phones = [one.number.e164 for one in found]
        states = await asyncio.to_thread(self._store.optouts.find_many, request.account.id, phones)
        home = request.account.country
        if len(found) == 1 and not said:
            return views.found(states[phones[0]], found[0].number, home, is_admin=request.is_admin)
        more = []
        if left := len(asked) - len(found):
            more.append(
                f"_{left:,} more {'was' if left == 1 else 'were'} not looked up: {MOST_FOUND} fit in one message. "
                "Drop a list as a CSV file with a mention of me and the word `scrub`._"
            )
        return views.found_many([(states[one.number.e164], one.number) for one in found], home, *more, *said)

    async def _add(self, request: Request, said: Said, idempotency_key: str) -> Message:
        if said.reason is not None and len(said.reason) > LONGEST_REASON:
            return Message.of(f"The reason is too long: {LONGEST_REASON} characters fit. Nothing was changed.")
        if len(said.found) > MOST_FOUND:
            return Message.of(
                f"That is {len(said.found):,} numbers; one message opts out up to {MOST_FOUND}, and nothing was changed. "
                "Drop them as a CSV file with a `phone` column and a mention of me."
            )
        request = replace(request, channel_name=await _channel_name(request))
        numbers: list[PhoneNumber | NotAPhone] = [*(one.number for one in said.found), *said.refused]
        return await opt_out(
            self._store,
            request,
            [views.EnteredNumber(number) for number in numbers],
            Function.MENTION,
            idempotency_key=idempotency_key,
            reason=said.reason,
            permalink=await permalink_of(request),
        )

    async def _ask_delete(self, request: Request, said: Said) -> Message:
        if len(said.found) > 1 or said.refused:
            return Message.of("Opting in is done one number at a time, and nothing was changed.")
        [one] = said.found
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, one.number.e164)
        reason = said.reason if said.reason is None else said.reason[:LONGEST_REASON]
        return views.ask_delete(state, request.account.country, reason)

    async def _direct(self, account: Account, body: dict[str, Any], client: AsyncWebClient, _kept: InboxEvent) -> None:
        """A message of a person to the desk alone: its numbers are looked up."""
        event = body["event"]
        subtype = event.get("subtype")
        if event.get("channel_type") != "im" or event.get("bot_id") or event.get("edited"):
            return
        if event.get("user") is None or subtype not in (None, "file_share"):
            return
        place = _place_of(event, client, thread=event.get("thread_ts"))
        request = await self._interactions.admit(place, body, Action.SEARCH)
        if isinstance(request, Message):
            await self._interactions.answer_event(place, request, body)
            return
        text = str(event.get("text") or "")
        if subtype == "file_share" or event.get("files"):
            answer = Message.of(_NO_FILES)
        else:
            found = await asyncio.to_thread(find_phones, text, account.country)
            said = (_ONLY_HERE,) if _ADD.match(text.strip()) and len(found) > 1 else ()
            answer = await self._look_up(request, found, *said) if found else _hint(text, account)
        await self._interactions.answer_event(request, answer, body)


async def _channel_name(place: Place) -> str | None:
    try:
        channel = (await place.client.conversations_info(channel=place.channel_id))["channel"]
    except Exception as error:  # noqa: BLE001  an entry is worth more than the name in it
        log.warning("channel not known", channel=place.channel_id, error=type(error).__name__)
        return None
    name: str | None = channel.get("name")
    return name


def _hint(text: str, account: Account) -> Message:
    tried = sum(char.isdigit() for char in plain(text)) >= 5
    return Message.of(_NOTHING_FOUND + how_to_write(account.country) if tried else _HINT)


def _place_of(event: dict[str, Any], client: AsyncWebClient, *, thread: str | None) -> Place:
    user = str(event["user"])
    return Place(
        actor=Actor(user, user),
        channel_id=event["channel"],
        thread_ts=thread,
        message_ts=event["ts"],
        client=client,
    )
