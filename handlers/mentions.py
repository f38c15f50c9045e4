"""Mentions and direct messages: a person's words that ask to look phones up, to opt them out, or to delete an opt-out."""

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
from handlers.slack.listeners import EventWork, Listener, Surface
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import one_line, plain
from handlers.slack.payloads import idempotency_key_of
from handlers.slack.places import Place, Request, permalink_of
from handlers.slack.visible_text import brought_text, own_text, visible_text
from handlers.views import optouts as views
from store import Account, Actor, FoundPhone, Function, InboxEvent, NotAPhone, PhoneNumber, Store, find_phones

log = structlog.get_logger()
MOST_FOUND: Final = 50

_MENTION = re.compile(r"<@([UW]\w+)(?:\|[^<>]*)?>")
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
    "Drop a CSV with a column called `phone` together with a mention of me and the words `opt out`, and I read it "
    "as an opt-out list; with the word `scrub`, it comes back without the rows that are opted out. "
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
_NOT_READ: Final = (
    f"_Only the first {LONGEST_TEXT:,} characters were read, and nothing was changed. Drop numbers as a CSV file with a `phone` "
    "column and a mention of me._"
)
_NOTHING_FOUND: Final = "I found no phone number in that, and nothing was changed. "


@dataclass(frozen=True, slots=True)
class Intent:
    """
    The intent of a mention. *action*: SEARCH wherever its words leave a doubt; *in_doubt*: they began like a change.

    *phones*: in the order of the text; *refused*: what was written like a number and is none. *is_whole*: all of it was read;
    what goes on unread asks for no change beyond doubt.
    """

    action: Action
    phones: tuple[FoundPhone, ...]
    refused: tuple[NotAPhone, ...] = ()
    reason: str | None = None
    in_doubt: bool = False
    is_whole: bool = True


def intent_of(text: str, bot: str | None, country: str | None, *, is_whole: bool = True) -> Intent:
    """
    The intent of *text*, as Slack delivers it with a mention of *bot* anywhere: what it asks for beyond doubt.

    *is_whole*: it is all that was written.
    """
    is_whole = is_whole and len(text) <= LONGEST_TEXT
    text = _MENTION.sub(lambda mention: " " if bot in (None, mention[1]) else mention[0], text[:LONGEST_TEXT])
    if not is_whole:
        return Intent(Action.SEARCH, find_phones(text, country), is_whole=False)
    because = _REASON.search(text)
    request, reason = (text[: because.start()], text[because.end() :]) if because else (text, "")
    phones = find_phones(request, country)
    rest = plain(request)
    for written in sorted((plain(phone.text) for phone in phones), key=len, reverse=True):
        rest = rest.replace(written, " ")
    like_numbers = [word for word in rest.split() if _DIGITS.search(word)]
    rest = " ".join(word for word in rest.split() if not _DIGITS.search(word))
    words = " ".join(itertools.dropwhile(_FILLING.fullmatch, _SIGNS.sub(" ", rest).split()))
    for verb, action in ((_ADD, Action.ADD), (_DELETE, Action.DELETE)):
        if (match := verb.match(words)) is None:
            continue
        if phones and all(map(_FILLING.fullmatch, words[match.end() :].split())):
            readings = [read_phone(word, country) for word in like_numbers]
            return Intent(
                action,
                phones,
                tuple(reading for reading in readings if isinstance(reading, NotAPhone)),
                one_line(plain(reason), LONGEST_REASON + 1) or None,
            )
        return Intent(Action.SEARCH, find_phones(text, country) if because else phones, in_doubt=True)
    return Intent(Action.SEARCH, find_phones(text, country) if because else phones)


def _intent_of_event(event: dict[str, Any], bot: str | None, country: str | None) -> Intent:
    """The intent of what a person typed; what they forwarded with it are somebody else's words, which are looked up at most."""
    typed = own_text(event)
    intent = intent_of(typed.text, bot, country, is_whole=typed.is_whole)
    if intent.action is not Action.SEARCH:
        return intent
    brought = brought_text(event)
    known = {phone.number.e164 for phone in intent.phones}
    others = tuple(phone for phone in brought.phones(country) if phone.number.e164 not in known)
    return replace(intent, phones=(*intent.phones, *others), is_whole=intent.is_whole and brought.is_whole)


class Mentions:
    """Answers mentions that came without a list, and direct messages, of which it is the listener."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions

    def listeners(self, events: Events) -> tuple[Listener, ...]:
        return (events.listener(Surface.DIRECT, "message", (Action.SEARCH,), self._direct),)

    @property
    def without_file(self) -> EventWork:
        """The work on mentions that bring no file; `Files` is their listener, since many do."""
        return EventWork((Action.SEARCH, Action.ADD, Action.DELETE), self._mentioned)

    async def _mentioned(self, account: Account, body: dict[str, Any], client: AsyncWebClient) -> None:
        """A mention without a file: answered in its thread."""
        event = body["event"]
        if event.get("bot_id") or event.get("subtype") == "bot_message":
            return  # two programs that answer each other never end
        bot = next((authorization.get("user_id") for authorization in body.get("authorizations") or ()), None)
        intent = await asyncio.to_thread(_intent_of_event, event, bot, account.country)
        place = _place_of(event, client, thread=event.get("thread_ts") or event["ts"])
        request = await self._interactions.admit(place, body, intent.action)
        if isinstance(request, Message):
            await self._interactions.answer_event(place, request, body)
            return
        await self._interactions.answer_event(
            request, await self._done(request, intent, idempotency_key_of(body)), body
        )

    async def _done(self, request: Request, intent: Intent, idempotency_key: str) -> Message:
        if intent.action is Action.ADD:
            return await self._add(request, intent, idempotency_key)
        if intent.action is Action.DELETE:
            return await self._ask_delete(request, intent)
        if not intent.is_whole:
            return await self._look_up(request, intent.phones, _NOT_READ)
        if not intent.phones and not intent.in_doubt:
            return Message.of(POINTER)
        return await self._look_up(request, intent.phones, *((_ONLY_LOOKED_UP,) if intent.in_doubt else ()))

    async def _look_up(self, request: Request, asked: tuple[FoundPhone, ...], *remarks: str) -> Message:
        """The state of the phones *asked* about, as far as they fit into one message, and *remarks* below."""
        numbers = [phone.number for phone in asked[:MOST_FOUND]]
        home = request.account.country
        if not numbers:
            unread = f" {_NOT_READ}" if _NOT_READ in remarks else ""
            return Message.of(f"{_NOTHING_FOUND}{how_to_write(home)}{unread}")
        phones = [number.e164 for number in numbers]
        states = await asyncio.to_thread(self._store.optouts.find_many, request.account.id, phones)
        if len(numbers) == 1 and not remarks:
            return views.phone_state(states[phones[0]], numbers[0], home, is_admin=request.is_admin)
        if left := len(asked) - len(numbers):
            left_out = (
                f"_{left:,} more {'was' if left == 1 else 'were'} not looked up: {MOST_FOUND} fit in one message. "
                "Drop a list as a CSV file with a mention of me and the word `scrub`._"
            )
            remarks = (left_out, *remarks)
        return views.phone_states([(states[number.e164], number) for number in numbers], home, *remarks)

    async def _add(self, request: Request, intent: Intent, idempotency_key: str) -> Message:
        if intent.reason is not None and len(intent.reason) > LONGEST_REASON:
            return Message.of(f"The reason is too long: {LONGEST_REASON} characters fit. Nothing was changed.")
        if len(intent.phones) > MOST_FOUND or len(intent.refused) > MOST_FOUND:
            given = len(intent.phones) + len(intent.refused)
            return Message.of(
                f"That is {given:,} numbers; one message opts out up to {MOST_FOUND}, and nothing was changed. "
                "Drop them as a CSV file with a `phone` column and a mention of me."
            )
        request = replace(request, channel_name=await _channel_name(request))
        numbers: list[PhoneNumber | NotAPhone] = [*(phone.number for phone in intent.phones), *intent.refused]
        return await opt_out(
            self._store,
            request,
            [views.EnteredNumber(number) for number in numbers],
            Function.MENTION,
            idempotency_key=idempotency_key,
            reason=intent.reason,
            permalink=await permalink_of(request),
        )

    async def _ask_delete(self, request: Request, intent: Intent) -> Message:
        if len(intent.phones) > 1 or intent.refused:
            return Message.of("Opting in is done one number at a time, and nothing was changed.")
        [phone] = intent.phones
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, phone.number.e164)
        reason = intent.reason if intent.reason is None else intent.reason[:LONGEST_REASON]
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
        if subtype == "file_share" or event.get("files"):
            answer = Message.of(_NO_FILES)
        else:
            read = await asyncio.to_thread(visible_text, event)
            phones = await asyncio.to_thread(read.phones, account.country)
            remarks = [_ONLY_HERE] if _ADD.match(own_text(event).text.strip()) and len(phones) > 1 else []
            if not read.is_whole:
                remarks.append(_NOT_READ)
            answer = await self._look_up(request, phones, *remarks) if phones or remarks else _hint(read.text, account)
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
        threaded=event.get("thread_ts") is not None,
        message_ts=event["ts"],
        client=client,
    )
