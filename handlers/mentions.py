"""Mentions and direct messages: a person's words that ask to look phones up, to opt them out, or to opt one in again."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from handlers.adding import opt_out
from handlers.entered import (
    LONGEST_REASON,
    LONGEST_TEXT,
    acted_on,
    allowing_again,
    cure_of,
    how_to_write,
    line_to_send,
    looking_up,
    opting_out,
    read_phone,
    without_repeats,
    written_reason,
)
from handlers.grammar import Certainty, Verb, understand
from handlers.lookups import answer_look_up, not_looked_up
from handlers.permissions import Action
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import EventWork
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import LONGEST_LINE, code, listed, plain
from handlers.slack.payloads import idempotency_key_of
from handlers.slack.places import Place, Request, permalink_of
from handlers.slack.visible_text import brought_text, own_text
from handlers.views import optouts as views
from store import Account, Actor, Errand, FoundPhone, Function, NotAPhone, PhoneState, Store, read_text

log = structlog.get_logger()
MOST_FOUND: Final = views.MOST_OFFERED
# Of lines to send instead of the one that was sent.
_MOST_LINES: Final = 3

_MENTION = re.compile(r"<@([UW]\w+)(?:\|[^<>]*)?>")

POINTER: Final = (
    "Drop a CSV with a column called `phone` together with a mention of me and the words `opt out`, and I read it "
    "as an opt-out list; with the word `scrub`, it comes back without the rows that are opted out. "
    "With a number, a mention of me looks it up; `opt out NUMBER because REASON` opts it out. `/optout help` says more."
)
_HINT: Final = "Write numbers to me here, and I say whether they are opted out. `/optout help` says what else I do."
_ASKED: Final = "_Only looked up: I was not sure that this asks to opt out. If it does, press the button._"
_ASKED_HERE: Final = "_Only looked up: a direct message opts nobody out by itself. The button does._"
_ALREADY: Final = "_Only looked up: nothing is left to opt out._"
_ONLY_LOOKED_UP: Final = (
    "_Only looked up, and nothing was changed: I was not sure what is meant. "
    "Say `opt out NUMBER because REASON` and no more to opt out._"
)
_NOT_OPTED_IN: Final = "_Only looked up, and nothing was changed. `/optout delete NUMBER` asks whether to allow texts to one number again; admins can._"
_NOT_READ: Final = (
    f"_Only the first {LONGEST_TEXT:,} characters were read, and nothing was changed. Drop numbers as a CSV file with a `phone` "
    "column and a mention of me._"
)
_NOTHING_FOUND: Final = "I found no phone number in that, and nothing was changed. "


@dataclass(frozen=True, slots=True)
class Intent:
    """
    The intent of a mention: what its words were understood as, and the numbers in them.

    *asked*: the pieces that it is about, in the order of the text; *others*: its other numbers, which are at most looked up,
    as are those of what somebody forwarded with it. *is_whole*: all of it was read; what goes on unread asks for no change.
    """

    verb: Verb | None
    certainty: Certainty
    asked: tuple[FoundPhone | NotAPhone, ...]
    others: tuple[FoundPhone | NotAPhone, ...] = ()
    reason: str | None = None
    is_whole: bool = True

    @property
    def is_done(self) -> bool:
        """Is it to be done at once?"""
        return self.is_whole and self.verb is Verb.OPT_OUT and self.certainty is Certainty.PLAIN and bool(self.asked)

    @property
    def action(self) -> Action:
        if self.is_done:
            return Action.ADD
        asks_in = self.verb is Verb.OPT_IN and self.certainty <= Certainty.POLITE
        return Action.DELETE if asks_in and self.is_whole and self.phones else Action.SEARCH

    async def errand(self, _account: Account) -> Errand | None:
        """What it asks, as it is handed over to who may do it; None where it names no phone, or more than fit."""
        phones = [phone.number.e164 for phone in self.phones]
        if self.action is Action.ADD or (self.verb is Verb.OPT_OUT and self.certainty <= Certainty.DOUBTFUL):
            return opting_out(phones, self.reason)
        if self.action is Action.DELETE:
            return allowing_again(phones[0], self.reason) if len(phones) == 1 else None
        return looking_up(phone.number.e164 for phone in self.all_phones)

    @property
    def phones(self) -> tuple[FoundPhone, ...]:
        """The phones that it asks something for, each once."""
        return _phones(piece for piece in self.asked if isinstance(piece, FoundPhone) and piece.reference is None)

    @property
    def all_phones(self) -> tuple[FoundPhone, ...]:
        """Every phone in it, each once."""
        return _phones(piece for piece in (*self.asked, *self.others) if isinstance(piece, FoundPhone))

    @property
    def unread(self) -> tuple[NotAPhone, ...]:
        """What looks like a phone in it and is none, each once."""
        pieces = [piece for piece in (*self.asked, *self.others) if isinstance(piece, NotAPhone)]
        return tuple({piece.text: piece for piece in pieces}.values())


def _phones(found: Iterable[FoundPhone]) -> tuple[FoundPhone, ...]:
    """*found*, each once; one that nothing marks as something else before the same one that is marked."""
    first: dict[str, FoundPhone] = {}
    for phone in found:
        known = first.setdefault(phone.number.e164, phone)
        if known.reference is not None and phone.reference is None:
            first[phone.number.e164] = phone
    return tuple(first.values())


def intent_of(text: str, bot: str | None, country: str | None, *, is_whole: bool = True) -> Intent:
    """
    The intent of *text*, as Slack delivers it with a mention of *bot* anywhere.

    *is_whole*: it is all that was written.
    """
    is_whole = is_whole and len(text) <= LONGEST_TEXT
    text = _MENTION.sub(lambda mention: " " if bot in (None, mention[1]) else mention[0], text[:LONGEST_TEXT])
    reading = read_text(text, country)
    understood = understand(reading.words)
    short = [read_phone(digits, country) for digits in understood.digits]
    asked = [reading.pieces[i] for i in understood.phones]
    return Intent(
        understood.verb,
        understood.certainty,
        (*asked, *(piece for piece in short if isinstance(piece, NotAPhone))),
        tuple(piece for i, piece in enumerate(reading.pieces) if i not in set(understood.phones)),
        written_reason(understood, reading.pieces),
        is_whole,
    )


def _intent_of_event(event: dict[str, Any], bot: str | None, country: str | None, *, is_direct: bool = False) -> Intent:
    """The intent of what a person typed; what they forwarded with it are somebody else's words, which are asked about at most."""
    typed = own_text(event)
    intent = intent_of(typed.text, bot, country, is_whole=typed.is_whole)
    if intent.action is not Action.SEARCH and not is_direct:
        return intent
    brought = brought_text(event)
    pieces = brought.read(country).pieces
    is_whole = intent.is_whole and brought.is_whole
    if intent.verb is None or intent.phones:
        return replace(intent, others=(*intent.others, *pieces), is_whole=is_whole)
    certainty = max(intent.certainty, Certainty.DOUBTFUL)
    return replace(intent, asked=(*intent.asked, *pieces), certainty=certainty, is_whole=is_whole)


class Mentions:
    """Answers mentions and direct messages that came without a list; `Files` is their listener, since many bring one."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions

    @property
    def without_file(self) -> EventWork:
        """The work on mentions that bring no file."""
        return EventWork((Action.SEARCH, Action.ADD, Action.DELETE), self._mentioned)

    @property
    def directly(self) -> EventWork:
        """The work on direct messages that bring no file."""
        return EventWork((Action.SEARCH, Action.DELETE), self._direct)

    async def _mentioned(self, account: Account, body: dict[str, Any], client: AsyncWebClient) -> None:
        """A mention without a file: answered in its thread."""
        event = body["event"]
        if event.get("bot_id") or event.get("subtype") == "bot_message":
            return  # two programs that answer each other never end
        bot = next((authorization.get("user_id") for authorization in body.get("authorizations") or ()), None)
        intent = await asyncio.to_thread(_intent_of_event, event, bot, account.country)
        place = _place_of(event, client, thread=event.get("thread_ts") or event["ts"])
        request = await self._interactions.admit(place, body, intent.action, intent.errand)
        if isinstance(request, Message):
            await self._interactions.answer_event(place, request, body)
            return
        answer = await self._done(request, intent, idempotency_key_of(body))
        # What tells of no phone concerns nobody but who asked.
        answer = answer if answer.phones else replace(answer, private=True)
        await self._interactions.answer_event(request, answer, body)

    async def _done(self, request: Request, intent: Intent, idempotency_key: str) -> Message:
        if intent.action is Action.ADD:
            return await self._add(request, intent, idempotency_key)
        if intent.action is Action.DELETE:
            return await self._ask_delete(request, intent)
        if not intent.all_phones and not intent.unread and intent.verb is None and intent.is_whole:
            return Message.of(POINTER)
        return await self._look_up(request, intent, _ASKED)

    async def _look_up(self, request: Request, intent: Intent, asking: str) -> Message:
        """
        The state of the phones of *intent*, as far as they fit into one message, and what of it is none.

        Where it is nearly a request, a button that does it, and *asking*, the line that says so.
        """
        home = request.account.country
        found = intent.all_phones
        shown = found[:MOST_FOUND]
        left = len(found) - len(shown)
        remarks = [*not_looked_up(left)]
        if not intent.is_whole:
            remarks.append(_NOT_READ)
        if not shown:
            remarks += _with_country(intent)
            return views.no_phones(f"{_NOTHING_FOUND}{how_to_write(home)}", *remarks, unread=intent.unread)
        phones = [phone.number.e164 for phone in shown]
        states = await asyncio.to_thread(self._store.optouts.find_many, request.account.id, phones)
        standing = [(states[phone.number.e164], phone) for phone in shown]
        whole = intent.verb is None and len(shown) == 1 and not remarks and not intent.unread
        if whole and shown[0].reference is None:
            return answer_look_up(request, standing)
        offered = self._offered(intent, standing) if not left and intent.is_whole else ()
        nearly_asked = intent.verb is Verb.OPT_OUT and intent.certainty <= Certainty.DOUBTFUL
        if intent.is_whole and intent.verb is not None:
            asked = asking if offered else _ALREADY if nearly_asked and intent.phones and not left else _ONLY_LOOKED_UP
            remarks.append(_NOT_OPTED_IN if intent.verb is Verb.OPT_IN else asked)
        reason = intent.reason[:LONGEST_REASON] if intent.reason and nearly_asked else None
        offer = views.OptOutOffer(offered, reason) if offered else None
        return answer_look_up(request, standing, *remarks, unread=intent.unread, offer=offer)

    @staticmethod
    def _offered(intent: Intent, standing: list[tuple[PhoneState, FoundPhone]]) -> tuple[str, ...]:
        """The phones that a button below offers to opt out; none where that is the opposite of what was said."""
        if intent.verb is None:
            asked = {phone.number.e164 for _, phone in standing if phone.reference is None and not phone.number.flagged}
        elif intent.verb is Verb.OPT_OUT and intent.certainty <= Certainty.DOUBTFUL:
            asked = {phone.number.e164 for phone in intent.phones}
        else:
            return ()
        return tuple(state.phone for state, _ in standing if state.phone in asked and not state.opted_out)

    async def _add(self, request: Request, intent: Intent, idempotency_key: str) -> Message:
        if intent.reason is not None and len(intent.reason) > LONGEST_REASON:
            return Message.of(
                f"The reason is too long: {LONGEST_REASON} characters fit. Nothing was changed: send it again, shorter."
            )
        numbers = without_repeats(acted_on(piece) for piece in intent.asked)
        if max(len(intent.phones), len(numbers) - len(intent.phones)) > MOST_FOUND:
            return Message.of(
                f"That is {len(numbers):,} numbers; one message opts out up to {MOST_FOUND}, and nothing was changed. "
                "Drop them as a CSV file with a `phone` column and a mention of me."
            )
        if not intent.phones:
            return await self._look_up(request, intent, _ASKED)
        request = replace(request, channel_name=await _channel_name(request))
        return await opt_out(
            self._store,
            request,
            numbers,
            Function.MENTION,
            idempotency_key=idempotency_key,
            reason=intent.reason,
            permalink=await permalink_of(request),
        )

    async def _ask_delete(self, request: Request, intent: Intent) -> Message:
        if len(intent.phones) > 1 or intent.unread:
            each = listed(
                [code(f"/optout delete {phone.number.e164}") for phone in intent.phones[:_MOST_LINES]], "then"
            )
            return Message.of(f"Texts are allowed again one number at a time, and nothing was changed. Send {each}.")
        [phone] = intent.phones
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, phone.number.e164)
        reason = intent.reason if intent.reason is None else intent.reason[:LONGEST_REASON]
        return views.ask_delete(state, request.account.country, reason)

    async def _direct(self, account: Account, body: dict[str, Any], client: AsyncWebClient) -> None:
        """A person's message to the desk alone: its numbers are looked up, and what it asks is a button below."""
        event = body["event"]
        intent = await asyncio.to_thread(_intent_of_event, event, None, account.country, is_direct=True)
        place = _place_of(event, client, thread=event.get("thread_ts"))
        action = Action.DELETE if intent.action is Action.DELETE else Action.SEARCH
        request = await self._interactions.admit(place, body, action, intent.errand)
        if isinstance(request, Message):
            await self._interactions.answer_event(place, request, body)
            return
        if action is Action.DELETE:
            answer = await self._ask_delete(request, intent)
        elif not intent.all_phones and not intent.unread and intent.is_whole:
            answer = _hint(own_text(event).text, intent, account)
        else:
            answer = await self._look_up(request, intent, _ASKED_HERE)
        await self._interactions.answer_event(request, answer, body)


async def _channel_name(place: Place) -> str | None:
    try:
        channel = (await place.client.conversations_info(channel=place.channel_id))["channel"]
    except Exception as error:  # noqa: BLE001  an entry is worth more than the name in it
        log.warning("channel not known", channel=place.channel_id, error=type(error).__name__)
        return None
    name: str | None = channel.get("name")
    return name


def _with_country(intent: Intent) -> list[str]:
    """The command that reads the numbers of *intent* in the country that the refusal of all of them names; words name none."""
    country = cure_of(intent.unread)
    if country is None:
        return []
    verb = intent.verb if intent.certainty <= Certainty.DOUBTFUL else None
    name = {Verb.OPT_OUT: "add", Verb.OPT_IN: "delete", None: "search"}[verb]
    numbers = [one.text for one in intent.unread][: 1 if name == "delete" else MOST_FOUND]
    return [f"Send {code('/optout ' + line_to_send(name, intent.reason, numbers, country), LONGEST_LINE)}."]


def _hint(text: str, intent: Intent, account: Account) -> Message:
    tried = intent.verb is not None or sum(char.isdigit() for char in plain(text)) >= 5
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
