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
from handlers.entered import (
    LONGEST_REASON,
    LONGEST_TEXT,
    MOST_NUMBERS,
    Entered,
    allowing_again,
    cure_of,
    line_to_send,
    looking_up,
    numbers_of_reason,
    opting_out,
    read_entered,
)
from handlers.grammar import Certainty, Verb, Wish, command_of, split_at_because, understand
from handlers.lookups import answer_look_up, not_looked_up
from handlers.permissions import Action, allow
from handlers.slack.acknowledge import acknowledged
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import Listener, Surface
from handlers.slack.messages import Message, split
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import LONGEST_LINE, code, one_line, place, plain
from handlers.slack.outbox import with_account
from handlers.slack.payloads import idempotency_key_of, place_of_command, pressed_value
from handlers.slack.places import Place, Request
from handlers.subcommands import GiveAnswer, OpenModal, Subcommand
from handlers.views import forms
from handlers.views import help as help_views
from handlers.views import optouts as views
from handlers.views.upload_list import Reader, list_of_uploads
from store import (
    Account,
    CountryUnknown,
    Deadlines,
    DestinationAnswer,
    Errand,
    FoundPhone,
    Function,
    PhoneNumber,
    Store,
    Upload,
    UploadState,
    WrongState,
    find_country,
    read_text,
    require_undoable,
)

MOST_UPLOADS: Final = 10
# The sub-command that a phrase means, in any of the languages of `handlers.lexicon`.
_CALLED: Final = {Wish.OPT_OUT: "add", Wish.OPT_IN: "delete", Wish.LOOK_UP: "search", Wish.SCRUB: "scrub"}
# Of lines to send instead of the one that was sent.
_MOST_LINES: Final = 3
_UNDOABLE: Final = frozenset({UploadState.DONE, UploadState.STOPPED, UploadState.FAILED})
# How near to a name a word is that is taken for it, up to 1: to be told of it, and to be sure.
_NEARLY, _SURELY = 0.6, 0.8
_SHORTEST_NEAR: Final = 3  # letters; of shorter ones only what is surely near
_BROADCASTS: Final = frozenset({"@channel", "@here", "@everyone"})
_UPLOAD: Final = re.compile(r"(?:upload\s*)?(?::\s*)?#?(\d{1,9})", re.IGNORECASE)
_NO_SUCH_LIST: Final = "No list of that number or name was applied and could be undone."
_WHOLE_LIST: Final = frozenset({"list", "ls", "all", "lista", "liste"})
# Of a word that is none of the sub-commands; near to one is none that is longer.
_LONGEST_WORD: Final = 40
# Characters of what begins with none of them and may be a sentence that asks for something.
_LONGEST_SENTENCE: Final = 4_000

_NOTHING_TO_UNDO: Final = Message.of(
    "No list was applied lately, so there is none to undo. `/optout delete NUMBER` allows texts to one number again.",
    private=True,
)
_REASON_TOO_LONG: Final = Message.of(
    f"The reason is too long: {LONGEST_REASON} characters fit. Nothing was changed: send it again, shorter.",
    private=True,
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
        region, behind = _country_at_start(name)
        text = f"{text[: match.start()]} {behind} {text[match.end() :]}"
        if isinstance(region, CountryUnknown):
            return views.no_country(region)
        country = region
    return Arguments(text, country, reason)


def _country_at_start(words: str) -> tuple[str | CountryUnknown, str]:
    """The region code of the country that *words* name, and what stands behind its name: "GB because she asked"."""
    whole = find_country(words)
    if isinstance(whole, str):
        return whole, ""
    name, because = split_at_because(words)
    region = find_country(name.strip())
    if isinstance(region, str):
        return region, because
    code, _, rest = words.partition(" ")
    by_code = find_country(code) if len(code) == 2 and code.isupper() else region
    return (by_code, rest) if isinstance(by_code, str) else (region, "")


class Command:
    """The listener of `/optout`, with the sub-commands that are its own and those that *others* hand in."""

    def __init__(
        self,
        store: Store,
        interactions: Interactions,
        others: Iterable[Subcommand],
        *,
        compare_telnyx: Callable[[str, Request, dict[str, Any]], Awaitable[Message]],
        uploads_channel: str,
        deadlines: Deadlines,
    ) -> None:
        self._store = store
        self._interactions = interactions
        self._compare_telnyx = compare_telnyx
        self._uploads_channel = uploads_channel
        self._deadlines = deadlines
        # In the order of the help, within each of its parts.
        subcommands = (
            Subcommand(
                "add NUMBERS [country:GB] [because REASON]",
                f"Opts up to {MOST_NUMBERS} numbers out, separated by commas, semicolons or line breaks.",
                (Action.ADD,),
                lambda text: self._adding(text, Verb.OPT_OUT),
                ("out", "stop", "stopall", "unsubscribe", "remove", "block", "baja"),
            ),
            Subcommand(
                "search NUMBERS [country:GB]",
                "Says whether numbers are opted out, since when and why. A number alone does the same.",
                (Action.SEARCH,),
                lambda text: GiveAnswer(
                    Action.SEARCH, partial(self._search, text), partial(self._errand_to_search, text)
                ),
                ("status", "find", "check", "lookup", "query", "why", "estado", "statut", "état"),
            ),
            Subcommand(
                "delete NUMBER [country:GB] [because REASON]",
                "Allows texts to one number again, after asking. Admins only.",
                (Action.DELETE,),
                lambda text: GiveAnswer(
                    Action.DELETE, partial(self._delete, text), partial(self._errand_to_delete, text)
                ),
                ("allow", "in", "opt-in", "start", "unblock", "lift", "restore", "undelete", "permitir", "autoriser"),
            ),
            Subcommand(
                "country [GB]",
                "Shows the country of numbers without a country code, or sets it (admins).",
                (Action.HELP, Action.SET_COUNTRY),
                lambda text: (
                    GiveAnswer(
                        Action.SET_COUNTRY,
                        partial(self._set_country, text),
                        partial(self._errand_to_set_country, text),
                    )
                    if text
                    else GiveAnswer(Action.HELP, self._show_country)
                ),
                ("region", "país", "pais", "pays"),
            ),
            Subcommand(
                "upload",
                "Opens the form that takes a list.",
                (Action.DROP,),
                self._uploading,
                ("import", "subir", "importar", "importer"),
            ),
            Subcommand(
                "uploads",
                "Lists the latest uploads.",
                (Action.SEE_UPLOADS,),
                lambda _text: GiveAnswer(Action.SEE_UPLOADS, self._list_uploads, self._errand_to_list_uploads),
                ("lists", "imports"),
            ),
            Subcommand(
                "scrub",
                "Says how a list comes back without the people who are opted out.",
                (Action.SCRUB,),
                lambda _text: GiveAnswer(Action.SCRUB, self._how_to_scrub),
            ),
            Subcommand(
                "compare [telnyx]",
                "Holds Telnyx's list of who opted out there against this one, or says how any platform's is. Admins only.",
                (Action.COMPARE,),
                self._comparing,
                ("reconcile", "comparar", "comparer"),
            ),
            *others,
            Subcommand(
                "undo [upload 7]",
                "Shows the latest lists, or one by its number, each with the button that takes it back.",
                (Action.UNDO, Action.DELETE),
                self._undoing,
                ("revert", "rollback", "deshacer", "annuler"),
            ),
            Subcommand(
                "help",
                "Shows this. `/optout` alone opens forms.",
                (Action.HELP,),
                lambda _text: GiveAnswer(Action.HELP, self._help),
                ("?", "h", "-h", "--help", "ayuda", "aide", "commands"),
            ),
        )
        self.subcommands = {subcommand.name: subcommand for subcommand in subcommands}
        self._synonyms = {synonym: subcommand for subcommand in subcommands for synonym in subcommand.synonyms}
        interactions.errand("uploads", Action.SEE_UPLOADS, self._list_uploads, shows=True)
        interactions.errand(
            "country", Action.SET_COUNTRY, lambda request, body: self._set_country(pressed_value(body), request, body)
        )

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
                await self._interactions.open_for(
                    typed_at, body, parsed.action, parsed.title, parsed.make, parsed.errand
                )
                return
            answers = self._interactions.answers
            work = self._outcome(typed_at, body, text, parsed)
            await answers.give(
                await acknowledged(ack, work, answers=answers, body=body, place=typed_at, shown=_shown_in_ack)
            )

    def parse(self, text: str) -> GiveAnswer | OpenModal:
        """
        The parsed command of `/optout` *text*.

        A number alone is searched, and `/optout` alone opens the menu of forms. A sentence that asks to opt numbers out or
        in, as a mention would, does the same as the sub-command.
        """
        if not text:
            return OpenModal(Action.HELP, "Opt-Out Desk", self._menu)
        first, rest = [*text.split(maxsplit=1), ""][:2]
        name = first.lower().rstrip(":,")
        if (subcommand := self.subcommands.get(name)) is not None:
            return subcommand.parse(rest.strip())
        if any(char.isdigit() for char in plain(first)) and not first.startswith("<@"):
            return self.subcommands["search"].parse(text)
        if len(text) > _LONGEST_SENTENCE:
            return self._no_such(text)
        understood = understand(read_text(text, None).words)
        if understood.verb is Verb.OPT_OUT and understood.phones:
            # "Allow ... because wrong number", even misspelt, is doubtful as a sentence and plain as a command.
            other = self._synonyms.get(name) or self._near(name, _SURELY)
            if other is None or other.name == "add" or understood.certainty is Certainty.PLAIN:
                return self._adding(text, None)
            return other.parse(rest.strip()) if name in self._synonyms else self._no_such(text)
        if understood.verb is Verb.OPT_IN and understood.phones and understood.certainty <= Certainty.POLITE:
            return self.subcommands["delete"].parse(text)
        if name in _WHOLE_LIST and not understood.phones:
            return GiveAnswer(Action.HELP, self._list)
        if (subcommand := self._synonyms.get(name)) is not None:
            return subcommand.parse(rest.strip())
        begins = command_of(text, asks=bool(understood.phones))
        if begins is not None:
            return self.subcommands[_CALLED[begins[0]]].parse(begins[1])
        return self._no_such(text)

    def _no_such(self, text: str) -> GiveAnswer:
        return GiveAnswer(Action.HELP, partial(self._unknown, text))

    def _near(self, word: str, surely: float) -> Subcommand | None:
        """The sub-command of which *word* is nearly a name; *surely*: how nearly, up to 1."""
        names = {**self._synonyms, **self.subcommands}
        near = difflib.get_close_matches(word[:_LONGEST_WORD].lower(), names, n=1, cutoff=surely)
        return names[near[0]] if near else None

    async def _outcome(self, typed_at: Place, body: dict[str, Any], text: str, parsed: GiveAnswer) -> Message:
        request = await self._interactions.admit(typed_at, body, parsed.action, parsed.errand)
        if isinstance(request, Message):
            return request
        if len(text) > LONGEST_TEXT:
            return self._too_much(f"{len(text):,} characters")
        return with_account(request, await parsed.answer(request, body))

    def _too_much(self, amount: str) -> Message:
        where = self._where_to_drop()
        return Message.of(
            f"That is {amount}; a command takes up to {MOST_NUMBERS} numbers, and nothing was changed. "
            f"Drop them {where} as a CSV file with a `phone` column.",
            private=True,
        )

    def _where_to_drop(self) -> str:
        channel = self._uploads_channel
        return f"into {place(channel, channel)}" if channel else "into a channel with a mention of me"

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
            return self._without_number("add", arguments, reason, request)
        if entered.given > MOST_NUMBERS:
            return self._too_much(f"{entered.given:,} numbers")
        if not entered.phones:
            return _refused("add", entered, reason)
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

    def _adding(self, text: str, implied: Verb | None) -> GiveAnswer:
        """The command that opts out what *text* names; see `_add`."""
        return GiveAnswer(Action.ADD, partial(self._add, text, implied), partial(self._errand_to_add, text, implied))

    @staticmethod
    async def _errand_to_add(text: str, implied: Verb | None, account: Account) -> Errand | None:
        """The same as it is handed over; None where there is nothing to opt out, or it is not what is asked for."""
        entered, reason = await _handed_over(text, implied, account)
        if entered is None or entered.understood.certainty > Certainty.DOUBTFUL:
            return None
        return opting_out(entered.phones, reason)

    @staticmethod
    async def _errand_to_delete(text: str, account: Account) -> Errand | None:
        """What `_delete` asks about, as it is handed over; None where it names no phone, or several."""
        entered, reason = await _handed_over(text, Verb.OPT_IN, account)
        if entered is None or len(entered.numbers) != 1 or len(entered.phones) != 1:
            return None
        return allowing_again(entered.phones[0], reason)

    @staticmethod
    async def _errand_to_search(text: str, account: Account) -> Errand | None:
        """What `_search` looks up, as it is handed over; None where it names no phone."""
        entered, _ = await _handed_over(text, Verb.OPT_OUT, account)
        return None if entered is None else looking_up(entered.phones)

    @staticmethod
    async def _errand_to_list_uploads(_account: Account) -> Errand:
        return Errand("uploads", "")

    @staticmethod
    async def _errand_to_set_country(text: str, _account: Account) -> Errand | None:
        region = await asyncio.to_thread(find_country, plain(text)[:_LONGEST_WORD].strip("\"'“”"))
        return Errand("country", region) if isinstance(region, str) else None

    async def _ask_add(self, request: Request, entered: Entered, reason: str | None) -> Message:
        """What *entered* holds, for the asker alone: the words beside its numbers leave a doubt, so a button does it."""
        phones = tuple(number.reading for number in entered.numbers if isinstance(number.reading, PhoneNumber))
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
        """How the numbers that *text* names stand, all of them in one answer."""
        asked = await self._entered(text, request, "search", Verb.OPT_OUT)
        if isinstance(asked, Message):
            return asked
        entered, reason = asked
        if entered.given > MOST_NUMBERS:
            return self._too_much(f"{entered.given:,} numbers")
        if not entered.phones:
            return _refused("search", entered, reason)
        shown = [number.reading for number in entered.numbers if isinstance(number.reading, PhoneNumber)]
        shown, left = shown[: views.MOST_OFFERED], len(shown[views.MOST_OFFERED :])
        states = await asyncio.to_thread(
            self._store.optouts.find_many, request.account.id, [phone.e164 for phone in shown]
        )
        standing = [(states[phone.e164], FoundPhone(phone, phone.e164)) for phone in shown]
        free = tuple(state.phone for state, phone in standing if not (state.opted_out or phone.number.flagged))
        # One number has its own buttons.
        several = len(standing) > 1 or bool(entered.refused)
        offer = views.OptOutOffer(free) if several and free and not left else None
        answers: tuple[DestinationAnswer, ...] = ()
        if len(standing) == 1 and request.is_admin and standing[0][0].opt_outs:
            answers = await asyncio.to_thread(self._store.evidence.answers, request.account.id, standing[0][0].phone)
        more = not_looked_up(left)
        return answer_look_up(request, standing, *more, unread=entered.refused, offer=offer, answers=answers)

    async def _delete(self, text: str, request: Request, _body: dict[str, Any]) -> Message:
        asked = await self._entered(text, request, "delete", Verb.OPT_IN)
        if isinstance(asked, Message):
            return asked
        entered, reason = asked
        if len(entered.numbers) > 1:
            each = [line_to_send("delete", reason, [phone]) for phone in entered.phones[:_MOST_LINES]]
            return self.subcommands["delete"].misused("Texts are allowed again one number at a time.", *each)
        if not entered.phones:
            return _refused("delete", entered, reason)
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, entered.phones[0])
        return views.ask_delete(state, request.account.country, reason)

    async def _entered(
        self, text: str, request: Request, name: str, verb: Verb
    ) -> tuple[Entered, str | None] | Message:
        """The numbers that *text* names for the sub-command *name*, and the reason; a message when it names none."""
        arguments = await _arguments(text, request)
        if isinstance(arguments, Message):
            return arguments
        entered = await asyncio.to_thread(read_entered, arguments.text, arguments.country, verb)
        reason = arguments.reason or entered.reason
        return (entered, reason) if entered.numbers else self._without_number(name, arguments, reason, request)

    def _without_number(self, name: str, arguments: Arguments, reason: str | None, request: Request) -> Message:
        """Nothing stands where the sub-command *name* takes numbers; those that stand in the *reason* are put there."""
        if not reason:
            return self.subcommands[name].misused()
        numbers, words = numbers_of_reason(reason, arguments.country)
        country = arguments.country if arguments.country != request.account.country else None
        line = line_to_send(name, words, numbers[:1] if name == "delete" else numbers, country)
        why = "The number goes before the reason." if numbers else "There is no number in that."
        return self.subcommands[name].misused(why, line)

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

    async def _help(self, request: Request, _body: dict[str, Any]) -> Message:
        usages = [(subcommand.least, subcommand.usage, subcommand.help) for subcommand in self.subcommands.values()]
        return help_views.overview(usages, request.role)

    @staticmethod
    async def _list(request: Request, _body: dict[str, Any]) -> Message:
        return help_views.of_list(request.account)

    async def _how_to_scrub(self, _request: Request, _body: dict[str, Any]) -> Message:
        return help_views.of_scrubbing(self._where_to_drop())

    def _comparing(self, text: str) -> GiveAnswer:
        """How a list is compared; with `telnyx`, and the name of a hook where there are several, that list is."""
        platform, name = [*plain(text).split(maxsplit=1), "", ""][:2]
        if platform.casefold() == "telnyx":
            return GiveAnswer(Action.COMPARE, partial(self._compare_telnyx, name))
        return GiveAnswer(Action.COMPARE, self._how_to_compare)

    async def _how_to_compare(self, _request: Request, _body: dict[str, Any]) -> Message:
        return help_views.of_comparing(self._where_to_drop())

    def _uploading(self, text: str) -> GiveAnswer | OpenModal:
        """The form that takes a list; with a number behind it, that upload is asked for."""
        if not text:
            return OpenModal(Action.DROP, "Upload a list", self._upload_form)
        line = f"history upload {text}" if text.isascii() and text.isdigit() else "upload"
        return GiveAnswer(Action.DROP, partial(self._misused, "upload", line))

    @staticmethod
    async def _upload_form(request: Request, _body: dict[str, Any]) -> View:
        channel = request.channel_id if request.channel_id.startswith("C") else None
        return forms.upload(request.account, ModalContext.of(request).to_json(), channel)

    async def _misused(self, name: str, line: str, _request: Request, _body: dict[str, Any]) -> Message:
        return self.subcommands[name].misused("", line)

    def _undoing(self, text: str) -> GiveAnswer | OpenModal:
        """The latest lists with their buttons; of a number what is undone is its opt-out, after asking."""
        reading = read_text(text[:_LONGEST_SENTENCE], None)
        named = _UPLOAD.fullmatch(text) or ("." in text and text.rpartition(".")[2].isalpha())
        if reading.phones or (reading.pieces and not named):
            return self.subcommands["delete"].parse(text)
        return GiveAnswer(Action.UNDO, partial(self._list_undoable, text), partial(self._errand_to_undo, text))

    async def _list_undoable(self, text: str, request: Request, _body: dict[str, Any]) -> Message:
        applied = await self._undoable(text, request.account)
        reader = Reader(allow(request.role, Action.UNDO), self._deadlines.within(request.account.settings).undo)
        if applied:
            return replace(list_of_uploads(applied, reader), private=True)
        return self.subcommands["undo"].misused(_NO_SUCH_LIST, "uploads") if text else _NOTHING_TO_UNDO

    async def _undoable(self, text: str, account: Account) -> list[Upload]:
        """The latest lists that were applied; with *text* those of its number, or of its file's name."""
        if (number := _UPLOAD.fullmatch(text)) is not None:
            try:
                named = [await asyncio.to_thread(self._store.uploads.get, account.id, int(number[1]))]
            except WrongState:
                named = []
        elif text:
            name = one_line(plain(text), LONGEST_REASON)
            named = list(await asyncio.to_thread(self._store.history.uploads_called, account.id, name))[:MOST_UPLOADS]
        else:
            named = list(await asyncio.to_thread(self._store.uploads.list, account.id, MOST_UPLOADS))
        return [upload for upload in named if upload.state in _UNDOABLE and upload.applied]

    async def _errand_to_undo(self, text: str, account: Account) -> Errand | None:
        """The undo of the latest list, or of the one that *text* names, as it is handed over; None where there is none."""
        within = self._deadlines.within(account.settings).undo
        for upload in await self._undoable(text, account):
            try:
                require_undoable(upload, within)
            except WrongState:
                continue
            return Errand("upload.undo", str(upload.id))
        return None

    async def _unknown(self, text: str, request: Request, _body: dict[str, Any]) -> Message:
        """What is none of the sub-commands: the line to send instead, where one is near."""
        word, rest = [*plain(text).split(maxsplit=1), "", ""][:2]
        near = self._near(word, _NEARLY if len(word) >= _SHORTEST_NEAR else _SURELY)
        no = f"There is no {code('/optout ' + one_line(word, 40))}."
        if word.startswith("@") and word not in _BROADCASTS:
            return self.subcommands["help"].misused(no, f"history {one_line(word, 40)}")
        if near:
            return self.subcommands["help"].misused(no, near.line_with(rest))
        pieces = (await asyncio.to_thread(read_text, text[:_LONGEST_SENTENCE], request.account.country)).pieces
        if not 0 < len(pieces) <= _MOST_LINES:
            return Message.of(f"{no} `/optout help` says what there is.", private=True)
        numbers = [plain(piece.text) for piece in pieces]
        lines = line_to_send("add", None, numbers), line_to_send("search", None, numbers)
        add, search = (code(f"/optout {line}", LONGEST_LINE) for line in lines)
        return Message.of(f"{no} Send {add} to opt out, {search} to look up.", private=True)


async def _handed_over(text: str, verb: Verb | None, account: Account) -> tuple[Entered | None, str | None]:
    """What the *text* of a command that is refused holds, and the reason in it; no numbers where it has no arguments that are read."""
    arguments = await asyncio.to_thread(parse_arguments, text[:LONGEST_TEXT], account.country)
    if isinstance(arguments, Message):
        return None, None
    entered = await asyncio.to_thread(read_entered, arguments.text, arguments.country, verb)
    return entered, arguments.reason or entered.reason


async def _arguments(text: str, request: Request) -> Arguments | Message:
    # A country by its native name takes seconds the first time, which would hold up everybody's acknowledgement.
    return await asyncio.to_thread(parse_arguments, text, request.account.country)


def _refused(name: str, entered: Entered, reason: str | None) -> Message:
    """What to send instead of the sub-command *name* with numbers that are none, with the *reason* as it was given."""
    cure = cure_of(entered.refused)
    numbers = [number.text for number in entered.refused] if cure else ["NUMBER"] if len(entered.numbers) == 1 else ()
    return views.refused(entered.refused, line_to_send(name, reason, numbers, cure), filled_in=cure is not None)


def _shown_in_ack(message: Message) -> dict[str, Any] | None:
    """The acknowledgement that shows *message* to the asker, where it is for them alone and fits."""
    if not message.private or message.details or len(list(split(message))) > 1:
        return None
    return {"text": message.text, "blocks": list(message.blocks)}
