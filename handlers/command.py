"""`/optout` and its sub-commands: each takes a request and returns its answer."""

import asyncio
import difflib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from handlers.adding import opt_out
from handlers.entered import LONGEST_REASON, LONGEST_TEXT, MOST_NUMBERS, read_phone, read_phones
from handlers.permissions import Action
from handlers.slack.acknowledge import acknowledged
from handlers.slack.interactions import Interactions, MakeModal
from handlers.slack.listeners import Listener, Surface
from handlers.slack.messages import Message, split
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import code, escape, one_line, place, plain
from handlers.slack.outbox import with_account
from handlers.slack.payloads import idempotency_key_of, place_of_command
from handlers.slack.places import Place, Request
from handlers.views import forms
from handlers.views import optouts as views
from handlers.views import uploads as upload_views
from store import (
    CountryUnknown,
    Function,
    NotAPhone,
    PhoneNumber,
    PhoneState,
    Store,
    find_country,
    split_numbers,
)

MOST_UPLOADS: Final = 10

_REASON = re.compile(r"(?:^|(?<=[\s,;]))reason\s*:\s*(.*)\Z", re.IGNORECASE | re.DOTALL)
_COUNTRY = re.compile(
    r"(?:^|(?<=[\s,;]))country\s*:\s*(?:[\"“”']([^\"“”']*)[\"“”']|(\+\d{1,3})(?!\S)|([^\d,;\n+(<\"]*))", re.IGNORECASE
)


class Form(NamedTuple):
    """A form that a command opens: what the asker must be allowed to do, its title, and how it is made."""

    action: Action
    title: str
    make: MakeModal


@dataclass(frozen=True, slots=True)
class Words:
    """What follows a sub-command: its *numbers* as typed, the region code of `country:`, the text of `reason:`."""

    numbers: list[str]
    country: str | None
    reason: str | None


def words_of(text: str, default: str | None) -> Words | Message:
    """*text* taken apart, `country:` anywhere and `reason:` to the end; a message when it cannot be used."""
    reason = None
    if given := _REASON.search(text):
        text = text[: given.start()]
        reason = one_line(plain(given[1]), LONGEST_REASON + 1) or None
        if reason is not None and len(reason) > LONGEST_REASON:
            return Message.of(
                f"The reason is too long: {LONGEST_REASON} characters fit. Nothing was changed.", private=True
            )
    country = default
    if given := _COUNTRY.search(text):
        wanted = plain(next(filter(None, given.groups()), "")).strip()
        text = f"{text[: given.start()]} {text[given.end() :]}"
        found = find_country(wanted)
        if isinstance(found, CountryUnknown):
            return views.no_country(found)
        country = found
    return Words(split_numbers(text), country, reason)


_PERSON = re.compile(r"<@[UW][A-Z0-9]{2,}(?:\|[^>]*)?>")
_UPLOAD = re.compile(r"upload\s*:?\s*#?\d{1,12}", re.IGNORECASE)


def is_of_a_phone(text: str) -> bool:
    """Whether `/optout history` *text* asks for one number's history; a person's and an upload's are admins' to see."""
    return bool(text) and not _PERSON.fullmatch(text) and not _UPLOAD.fullmatch(text)


class Command:
    """The listener of `/optout`, and a method for each sub-command."""

    def __init__(
        self,
        store: Store,
        interactions: Interactions,
        *,
        uploads_channel: str,
        settings: MakeModal,
        history: Callable[[Request, str], Awaitable[Message]],
        export: Callable[[Request, str], Awaitable[Message]],
    ) -> None:
        self._store = store
        self._interactions = interactions
        self._uploads_channel = uploads_channel
        self._history = history
        self._export = export
        # What is typed to open them.
        self._forms = {
            "": Form(Action.HELP, "Opt-Out Desk", self._menu),
            "settings": Form(Action.SETTINGS, "Settings", settings),
        }

    def listeners(self) -> tuple[Listener, ...]:
        asked = [action for known in SUBCOMMANDS.values() for action in known.actions]
        asked += [form.action for form in self._forms.values()]
        return (Listener(Surface.COMMAND, "/optout", tuple(dict.fromkeys(asked)), self._listen),)

    async def _listen(self, ack: Callable[..., Awaitable[Any]], body: dict[str, Any], client: AsyncWebClient) -> None:
        """Do what the command says, acknowledge, answer."""
        asked = place_of_command(body, client)
        text = str(body.get("text") or "").strip()
        with self._interactions.tasks.holding():
            if form := self._forms.get(text.lower()):
                await ack()
                await self._interactions.open_for(asked, body, form.action, form.title, form.make)
                return
            answers = self._interactions.answers
            await answers.give(
                await acknowledged(
                    ack,
                    self._outcome(asked, body),
                    answers=answers,
                    body=body,
                    place=asked,
                    shown=_alone,
                )
            )

    @staticmethod
    async def _menu(request: Request, _body: dict[str, Any]) -> View:
        return forms.menu(request.account, ModalContext.of(request).to_json(), request.role)

    async def _outcome(self, asked: Place, body: dict[str, Any]) -> Message:
        text = str(body.get("text") or "").strip()
        subcommand, rest = self._chosen(text)
        action = Action.HELP if subcommand is None else subcommand.action_with(rest)
        request = await self._interactions.admit(asked, body, action)
        if isinstance(request, Message):
            return request
        if len(text) > LONGEST_TEXT:
            return self._too_much(f"{len(text):,} characters")
        message = _unknown(text) if subcommand is None else await subcommand.method(self, request, rest, body)
        return with_account(request, message)

    @staticmethod
    def _chosen(text: str) -> "tuple[Subcommand | None, str]":
        """The sub-command of *text* and what follows it. A bare number is searched."""
        first, rest = [*text.split(maxsplit=1), ""][:2]
        known = SUBCOMMANDS.get(first.lower())
        if known is not None:
            return known, rest.strip()
        return (SUBCOMMANDS["search"], text) if any(char.isdigit() for char in plain(first)) else (None, text)

    def _too_much(self, amount: str) -> Message:
        channel = self._uploads_channel
        where = f"into {place(channel, channel)}" if channel else "into a channel with a mention of me"
        return Message.of(
            f"That is {amount}; a command takes up to {MOST_NUMBERS} numbers, and nothing was changed. "
            f"Drop them {where} as a CSV file with a `phone` column.",
            private=True,
        )

    @staticmethod
    async def _words(request: Request, rest: str) -> Words | Message:
        # A country by its native name takes seconds the first time, which would hold up everybody's acknowledgement.
        return await asyncio.to_thread(words_of, rest, request.account.country)

    # Sub-commands

    async def add(self, request: Request, rest: str, body: dict[str, Any]) -> Message:
        words = await self._words(request, rest)
        if isinstance(words, Message):
            return words
        if not words.numbers:
            return _usage("add")
        if len(words.numbers) > MOST_NUMBERS:
            return self._too_much(f"{len(words.numbers):,} numbers")
        return await opt_out(
            self._store,
            request,
            read_phones(words.numbers, words.country),
            Function.COMMAND,
            idempotency_key=idempotency_key_of(body),
            reason=words.reason,
        )

    async def search(self, request: Request, rest: str, body: dict[str, Any]) -> Message:  # noqa: ARG002  all take them
        asked = await self._one_phone(request, rest, "search", "Numbers are searched one at a time.")
        if isinstance(asked, Message):
            return asked
        state, found, _ = asked
        return views.found(state, found, request.account.country, is_admin=request.is_admin)

    async def delete(self, request: Request, rest: str, body: dict[str, Any]) -> Message:  # noqa: ARG002  all take them
        asked = await self._one_phone(request, rest, "delete", "Opting in is done one number at a time.")
        if isinstance(asked, Message):
            return asked
        state, _, reason = asked
        return views.ask_delete(state, request.account.country, reason)

    async def _one_phone(
        self, request: Request, rest: str, name: str, several: str
    ) -> tuple[PhoneState, PhoneNumber, str | None] | Message:
        """The one phone *rest* names, as typed and as it stands, and the reason; a message when it names none or *several*."""
        words = await self._words(request, rest)
        if isinstance(words, Message):
            return words
        if len(words.numbers) != 1:
            return _usage(name, several if words.numbers else "")
        found = read_phone(words.numbers[0], words.country)
        if isinstance(found, NotAPhone):
            return views.refused(found)
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, found.e164)
        return state, found, words.reason

    async def country(self, request: Request, rest: str, body: dict[str, Any]) -> Message:  # noqa: ARG002  all take them
        if not rest:
            return views.country(request.account)
        found = await asyncio.to_thread(find_country, plain(rest).strip("\"'“”"))
        if isinstance(found, CountryUnknown):
            return views.no_country(found)
        origin = request.origin(Function.SETTING)
        account = await asyncio.to_thread(self._store.accounts.set_country, request.account.id, found, origin)
        return views.country_set(account, request.actor)

    async def uploads(self, request: Request, rest: str, body: dict[str, Any]) -> Message:  # noqa: ARG002  all take them
        latest = await asyncio.to_thread(self._store.uploads.list, request.account.id, MOST_UPLOADS)
        return upload_views.listing(latest)

    async def history(self, request: Request, rest: str, body: dict[str, Any]) -> Message:  # noqa: ARG002  all take them
        return await self._history(request, rest)

    async def export(self, request: Request, rest: str, body: dict[str, Any]) -> Message:  # noqa: ARG002  all take them
        return await self._export(request, rest)

    async def no_settings(self, request: Request, rest: str, body: dict[str, Any]) -> Message:  # noqa: ARG002  all take them
        return _usage("settings", "Settings are changed in a form.")

    async def help(self, request: Request, rest: str, body: dict[str, Any]) -> Message:  # noqa: ARG002  all take them
        return views.help_text([(known.usage, known.what) for known in SUBCOMMANDS.values()])


@dataclass(frozen=True, slots=True)
class Subcommand:
    """*usage* and *what* it does are its help; *action* is what the asker must be allowed to do."""

    usage: str
    what: str
    action: Action
    method: Callable[[Command, Request, str, dict[str, Any]], Awaitable[Message]]
    # What must be allowed instead, by what follows the sub-command.
    instead: Action | None = None
    if_so: Callable[[str], bool] = bool

    @property
    def actions(self) -> tuple[Action, ...]:
        return tuple(action for action in (self.action, self.instead) if action is not None)

    def action_with(self, rest: str) -> Action:
        return self.instead if self.instead is not None and self.if_so(rest) else self.action


SUBCOMMANDS: Final[Mapping[str, Subcommand]] = {
    "add": Subcommand(
        "add NUMBERS [country:GB] [reason:asked by e-mail]",
        f"Opts up to {MOST_NUMBERS} numbers out, separated by commas, semicolons or line breaks.",
        Action.ADD,
        Command.add,
    ),
    "search": Subcommand(
        "search NUMBER [country:GB]",
        "Says whether a number is opted out, since when and why. A number alone does the same.",
        Action.SEARCH,
        Command.search,
    ),
    "delete": Subcommand(
        "delete NUMBER [country:GB] [reason:wrong number]",
        "Opts one number back in, after asking. Admins only.",
        Action.DELETE,
        Command.delete,
    ),
    "country": Subcommand(
        "country [GB]",
        "Shows the country of numbers without a country code, or sets it (admins).",
        Action.HELP,
        Command.country,
        Action.SET_COUNTRY,
    ),
    "uploads": Subcommand("uploads", "Lists the latest uploads.", Action.SEE_UPLOADS, Command.uploads),
    "history": Subcommand(
        "history [NUMBER, @person or upload:7]",
        "Shows you what was done, newest first; of more than one number to admins only.",
        Action.WHOLE_HISTORY,
        Command.history,
        Action.HISTORY,
        is_of_a_phone,
    ),
    "export": Subcommand(
        "export [since:2026-10-01] [function:upload] [format:desk]",
        "Sends you the list as a file: desk (for spreadsheets), thrutext or phones. Admins only.",
        Action.EXPORT,
        Command.export,
    ),
    "settings": Subcommand(
        "settings", "Opens the form of what admins decide for the account.", Action.SETTINGS, Command.no_settings
    ),
    "help": Subcommand("help", "Shows this. `/optout` alone opens forms.", Action.HELP, Command.help),
}


def _alone(message: Message) -> dict[str, Any] | None:
    """The acknowledgement that shows *message* to the asker, where it is for them alone and fits."""
    if not message.private or message.details or len(list(split(message))) > 1:
        return None
    return {"text": message.text, "blocks": list(message.blocks)}


def _usage(name: str, why: str = "") -> Message:
    known = SUBCOMMANDS[name]
    return Message.of(f"{why or known.what} Write `/optout {escape(known.usage)}`.", private=True)


def _unknown(text: str) -> Message:
    word = plain(text).split(maxsplit=1)[0] if plain(text).strip() else ""
    near = difflib.get_close_matches(word.lower(), SUBCOMMANDS, n=1, cutoff=0.5)
    hint = (
        f"Do you mean `/optout {escape(SUBCOMMANDS[near[0]].usage)}`?" if near else "`/optout help` says what there is."
    )
    return Message.of(f"There is no {code('/optout ' + one_line(word, 40))}. {hint}", private=True)
