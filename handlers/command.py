"""`/optout`: its sub-commands, of which most take a request and return the answer."""

import asyncio
import difflib
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from handlers.adding import opt_out
from handlers.entered import LONGEST_REASON, LONGEST_TEXT, MOST_NUMBERS, Entered, read_entered
from handlers.grammar import Certainty, Verb, understand
from handlers.lookups import answer_look_up
from handlers.permissions import Action, allow
from handlers.slack.acknowledge import acknowledged
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import Listener, Surface
from handlers.slack.messages import Message, split
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import code, escape, one_line, place, plain
from handlers.slack.outbox import with_account
from handlers.slack.payloads import idempotency_key_of, place_of_command
from handlers.slack.places import Place, Request
from handlers.subcommands import OpenModal, Reply, Subcommand
from handlers.views import forms
from handlers.views import optouts as views
from handlers.views.upload_list import Reader, list_of_uploads
from store import (
    CountryUnknown,
    Deadlines,
    FoundPhone,
    Function,
    NotAPhone,
    PhoneNumber,
    PhoneState,
    Store,
    find_country,
    read_text,
)

MOST_UPLOADS: Final = 10
# Of a word that is none of the sub-commands; near to one is none that is longer.
_LONGEST_WORD: Final = 40
# Characters of what begins with none of them and may be a sentence that asks for something.
_LONGEST_SENTENCE: Final = 4_000

_REASON_TOO_LONG: Final = Message.of(
    f"The reason is too long: {LONGEST_REASON} characters fit. Nothing was changed.", private=True
)
_ASKED: Final = "_Only looked up: other words stand beside the numbers. If you want them opted out, press the button._"
_NOT_SURE: Final = "_Only looked up, and nothing was changed: I was not sure what is meant. Write the numbers, then `reason:` and the reason._"
_REASON = re.compile(r"(?:^|(?<=[\s,;]))reason\s*:\s*(.*)\Z", re.IGNORECASE | re.DOTALL)
_COUNTRY = re.compile(
    r"(?:^|(?<=[\s,;]))country\s*:\s*(?:[\"“”']([^\"“”']*)[\"“”']|(\+\d{1,3})(?!\S)|([^\d,;\n+(<\"]*))", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a sub-command: the *text* with its numbers, the region code of `country:`, the text of `reason:`."""

    text: str
    country: str | None
    reason: str | None


def parse_arguments(text: str, country: str | None) -> Arguments | Message:
    """
    Parse *text*, with `country:` anywhere and `reason:` to the end; a message when it cannot be used.

    *country*: the region code that applies when none is match.
    """
    reason = None
    if match := _REASON.search(text):
        text = text[: match.start()]
        reason = one_line(plain(match[1]), LONGEST_REASON + 1) or None
        if reason is not None and len(reason) > LONGEST_REASON:
            return _REASON_TOO_LONG
    if match := _COUNTRY.search(text):
        name = plain(next(filter(None, match.groups()), "")).strip()
        text = f"{text[: match.start()]} {text[match.end() :]}"
        region = find_country(name)
        if isinstance(region, CountryUnknown):
            return views.no_country(region)
        country = region
    return Arguments(text, country, reason)


class Command:
    """The listener of `/optout`, with the sub-commands that are its own and those that *others* hand in."""

    def __init__(
        self,
        store: Store,
        interactions: Interactions,
        others: Iterable[Subcommand],
        *,
        uploads_channel: str,
        deadlines: Deadlines,
    ) -> None:
        self._store = store
        self._interactions = interactions
        self._uploads_channel = uploads_channel
        self._deadlines = deadlines
        # In the order of the help.
        subcommands = (
            Subcommand(
                "add NUMBERS [country:GB] [reason:asked by e-mail]",
                f"Opts up to {MOST_NUMBERS} numbers out, separated by commas, semicolons or line breaks.",
                (Action.ADD,),
                lambda text: Reply(Action.ADD, partial(self._add, text, Verb.OPT_OUT)),
            ),
            Subcommand(
                "search NUMBER [country:GB]",
                "Says whether a number is opted out, since when and why. A number alone does the same.",
                (Action.SEARCH,),
                lambda text: Reply(Action.SEARCH, partial(self._search, text)),
            ),
            Subcommand(
                "delete NUMBER [country:GB] [reason:wrong number]",
                "Allows texts to one number again, after asking. Admins only.",
                (Action.DELETE,),
                lambda text: Reply(Action.DELETE, partial(self._delete, text)),
            ),
            Subcommand(
                "country [GB]",
                "Shows the country of numbers without a country code, or sets it (admins).",
                (Action.HELP, Action.SET_COUNTRY),
                lambda text: (
                    Reply(Action.SET_COUNTRY, partial(self._set_country, text))
                    if text
                    else Reply(Action.HELP, self._show_country)
                ),
            ),
            Subcommand(
                "uploads",
                "Lists the latest uploads.",
                (Action.SEE_UPLOADS,),
                lambda _text: Reply(Action.SEE_UPLOADS, self._list_uploads),
            ),
            *others,
            Subcommand(
                "help",
                "Shows this. `/optout` alone opens forms.",
                (Action.HELP,),
                lambda _text: Reply(Action.HELP, self._help),
            ),
        )
        self.subcommands = {subcommand.name: subcommand for subcommand in subcommands}

    def listeners(self) -> tuple[Listener, ...]:
        actions = dict.fromkeys(action for subcommand in self.subcommands.values() for action in subcommand.actions)
        return (Listener(Surface.COMMAND, "/optout", tuple(actions), self._listen),)

    async def _listen(self, ack: Callable[..., Awaitable[Any]], body: dict[str, Any], client: AsyncWebClient) -> None:
        """Do what the command says, acknowledge, answer."""
        typed_at = place_of_command(body, client)
        text = str(body.get("text") or "").strip()
        parsed = self.parse(text)
        with self._interactions.tasks.holding():
            if isinstance(parsed, OpenModal):
                await ack()
                await self._interactions.open_for(typed_at, body, parsed.action, parsed.title, parsed.make)
                return
            answers = self._interactions.answers
            work = self._outcome(typed_at, body, text, parsed)
            await answers.give(
                await acknowledged(ack, work, answers=answers, body=body, place=typed_at, shown=_shown_in_ack)
            )

    def parse(self, text: str) -> Reply | OpenModal:
        """
        The parsed command of `/optout` *text*.

        A number alone is searched, and `/optout` alone opens the menu of forms. A sentence that asks to opt numbers out or
        in, as a mention would, does the same as the sub-command.
        """
        if not text:
            return OpenModal(Action.HELP, "Opt-Out Desk", self._menu)
        first, rest = [*text.split(maxsplit=1), ""][:2]
        subcommand = self.subcommands.get(first.lower())
        if subcommand is not None:
            return subcommand.parse(rest.strip())
        if any(char.isdigit() for char in plain(first)):
            return self.subcommands["search"].parse(text)
        if len(text) <= _LONGEST_SENTENCE:
            understood = understand(read_text(text, None).words)
            if understood.verb is Verb.OPT_OUT and understood.phones:
                return Reply(Action.ADD, partial(self._add, text, None))
            if understood.verb is Verb.OPT_IN and understood.phones and understood.certainty <= Certainty.POLITE:
                return self.subcommands["delete"].parse(text)
        return Reply(Action.HELP, partial(self._unknown, text))

    async def _outcome(self, typed_at: Place, body: dict[str, Any], text: str, parsed: Reply) -> Message:
        request = await self._interactions.admit(typed_at, body, parsed.action)
        if isinstance(request, Message):
            return request
        if len(text) > LONGEST_TEXT:
            return self._too_much(f"{len(text):,} characters")
        return with_account(request, await parsed.answer(request, body))

    def _too_much(self, amount: str) -> Message:
        channel = self._uploads_channel
        where = f"into {place(channel, channel)}" if channel else "into a channel with a mention of me"
        return Message.of(
            f"That is {amount}; a command takes up to {MOST_NUMBERS} numbers, and nothing was changed. "
            f"Drop them {where} as a CSV file with a `phone` column.",
            private=True,
        )

    # Sub-commands

    @staticmethod
    async def _menu(request: Request, _body: dict[str, Any]) -> View:
        return forms.menu(request.account, ModalContext.of(request).to_json(), request.role)

    async def _add(self, text: str, implied: Verb | None, request: Request, body: dict[str, Any]) -> Message:
        """Opt out what *text* names, which says so itself unless the sub-command *implied* it."""
        arguments = await _arguments(text, request)
        if isinstance(arguments, Message):
            return arguments
        # What is no number can take the parser long, which would hold up everybody else.
        entered = await asyncio.to_thread(read_entered, arguments.text, arguments.country, implied)
        reason = arguments.reason or entered.reason
        if not entered.numbers:
            return self.subcommands["add"].misused()
        if entered.given > MOST_NUMBERS:
            return self._too_much(f"{entered.given:,} numbers")
        if entered.understood.verb is not Verb.OPT_OUT or entered.understood.certainty is not Certainty.PLAIN:
            return await self._ask_add(request, entered, reason)
        if reason is not None and len(reason) > LONGEST_REASON:
            return _REASON_TOO_LONG
        return await opt_out(
            self._store,
            request,
            entered.numbers,
            Function.COMMAND,
            idempotency_key=idempotency_key_of(body),
            reason=reason,
        )

    async def _ask_add(self, request: Request, entered: Entered, reason: str | None) -> Message:
        """What *entered* holds, for the asker alone: the words beside its numbers leave a doubt, so a button does it."""
        phones = tuple(number.reading for number in entered.numbers if isinstance(number.reading, PhoneNumber))
        if not phones:
            return views.refused(entered.refused[0])
        shown = phones[: views.MOST_OFFERED]
        states = await asyncio.to_thread(
            self._store.optouts.find_many, request.account.id, [phone.e164 for phone in shown]
        )
        nearly_asked = entered.understood.verb is Verb.OPT_OUT and entered.understood.certainty <= Certainty.DOUBTFUL
        offered = tuple(phone.e164 for phone in phones) if nearly_asked and len(phones) == len(shown) else ()
        return replace(
            views.phone_states(
                [(states[phone.e164], FoundPhone(phone, phone.e164)) for phone in shown],
                request.account.country,
                _ASKED if offered else _NOT_SURE,
                unread=entered.refused,
                offer=views.OptOutOffer(offered, (reason or "")[:LONGEST_REASON] or None) if offered else None,
            ),
            private=True,
        )

    async def _search(self, text: str, request: Request, _body: dict[str, Any]) -> Message:
        asked = await self._one_phone(text, request, "search", "Numbers are searched one at a time.")
        if isinstance(asked, Message):
            return asked
        state, number, _ = asked
        return answer_look_up(request, [(state, FoundPhone(number, number.e164))])

    async def _delete(self, text: str, request: Request, _body: dict[str, Any]) -> Message:
        asked = await self._one_phone(text, request, "delete", "Texts are allowed again one number at a time.")
        if isinstance(asked, Message):
            return asked
        state, _, reason = asked
        return views.ask_delete(state, request.account.country, reason)

    async def _one_phone(
        self, text: str, request: Request, name: str, several: str
    ) -> tuple[PhoneState, PhoneNumber, str | None] | Message:
        """The one phone that *text* names, as it stands and as typed, and the reason; a message when it names none or *several*."""
        arguments = await _arguments(text, request)
        if isinstance(arguments, Message):
            return arguments
        verb = Verb.OPT_IN if name == "delete" else Verb.OPT_OUT
        entered = await asyncio.to_thread(read_entered, arguments.text, arguments.country, verb)
        if len(entered.numbers) != 1:
            return self.subcommands[name].misused(several if entered.numbers else "")
        number = entered.numbers[0].reading
        if isinstance(number, NotAPhone):
            return views.refused(number)
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, number.e164)
        return state, number, arguments.reason or entered.reason

    async def _show_country(self, request: Request, _body: dict[str, Any]) -> Message:
        return views.country(request.account)

    async def _set_country(self, text: str, request: Request, body: dict[str, Any]) -> Message:
        region = await asyncio.to_thread(find_country, plain(text).strip("\"'“”"))
        if isinstance(region, CountryUnknown):
            return views.no_country(region)
        origin = request.origin(Function.SETTING)
        account = await asyncio.to_thread(
            self._store.accounts.set_country,
            request.account.id,
            region,
            origin,
            idempotency_key=idempotency_key_of(body),
        )
        return views.country_set(account, request.actor)

    async def _list_uploads(self, request: Request, _body: dict[str, Any]) -> Message:
        latest = await asyncio.to_thread(self._store.uploads.list, request.account.id, MOST_UPLOADS)
        reader = Reader(allow(request.role, Action.UNDO), self._deadlines.within(request.account.settings).undo)
        return list_of_uploads(latest, reader)

    async def _help(self, _request: Request, _body: dict[str, Any]) -> Message:
        return views.help_text([(subcommand.usage, subcommand.help) for subcommand in self.subcommands.values()])

    async def _unknown(self, text: str, _request: Request, _body: dict[str, Any]) -> Message:
        word = plain(text).split(maxsplit=1)[0] if plain(text).strip() else ""
        near = difflib.get_close_matches(word[:_LONGEST_WORD].lower(), self.subcommands, n=1, cutoff=0.5)
        hint = "`/optout help` says what there is."
        if near:
            hint = f"Do you mean `/optout {escape(self.subcommands[near[0]].usage)}`?"
        return Message.of(f"There is no {code('/optout ' + one_line(word, 40))}. {hint}", private=True)


async def _arguments(text: str, request: Request) -> Arguments | Message:
    # A country by its native name takes seconds the first time, which would hold up everybody's acknowledgement.
    return await asyncio.to_thread(parse_arguments, text, request.account.country)


def _shown_in_ack(message: Message) -> dict[str, Any] | None:
    """The acknowledgement that shows *message* to the asker, where it is for them alone and fits."""
    if not message.private or message.details or len(list(split(message))) > 1:
        return None
    return {"text": message.text, "blocks": list(message.blocks)}
