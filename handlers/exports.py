"""`/optout export`, `/optout evidence`, what a compared list lacks, a destination's list: the answer that the file is being made."""

import asyncio
import re
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from slack_sdk.models.views import View

from handlers.entered import read_phone
from handlers.permissions import Action
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import code, plain
from handlers.slack.payloads import idempotency_key_of, pressed_value, submitted_values
from handlers.slack.places import Request
from handlers.subcommands import GiveAnswer, Subcommand
from handlers.views import exports as views
from handlers.views import optouts
from handlers.work.exports import Exporter
from store import (
    EXPORT_COLUMNS,
    OPTING_OUT,
    Account,
    DestinationKind,
    Errand,
    ExportFilter,
    Function,
    NotAPhone,
    Store,
    Upload,
    UploadState,
    WrongState,
)

_OPTION: Final = re.compile(r"(since|function|format)\s*:\s*(\S+)\s*", re.IGNORECASE)


class ExportCommand:
    """The sub-commands `export` and `evidence`, and the listeners of the form of the first and of what a list lacks."""

    def __init__(self, store: Store, exporter: Exporter, interactions: Interactions) -> None:
        self._store = store
        self._exporter = exporter
        self._interactions = interactions

        self._subcommand = Subcommand(
            "export [since:2026-10-01] [function:upload] [format:desk]",
            "Sends you the list as a file: desk (for spreadsheets), thrutext or phones. Admins only.",
            (Action.EXPORT,),
            lambda text: GiveAnswer(Action.EXPORT, partial(self._export, text), partial(self._errand, text)),
        )
        self._of_evidence = Subcommand(
            "evidence NUMBER",
            "Sends you all that is known of one number as a file: when, by whom, the exact words, the lists. Admins only.",
            (Action.EVIDENCE,),
            lambda text: GiveAnswer(
                Action.EVIDENCE, partial(self._evidence, text), partial(self._errand_of_evidence, text)
            ),
            ("proof", "prueba", "preuve"),
        )

    @property
    def subcommands(self) -> tuple[Subcommand, ...]:
        return (self._subcommand, self._of_evidence)

    def listeners(self) -> tuple[Listener, ...]:
        return (
            self._interactions.opening("form.export", Action.EXPORT, views.TITLE, self._form),
            self._interactions.modal("form.export", Action.EXPORT, self._asked),
            self._interactions.button("upload.missing", Action.EXPORT, self._missing),
            self._interactions.opening(views.PASS_ON, Action.DESTINATIONS, views.PASS_ON_TITLE, self._pass_on_form),
            self._interactions.modal(views.PASS_ON, Action.DESTINATIONS, self._pass_on),
            self._interactions.button(views.GET_LIST, Action.EXPORT, self._for_destination),
        )

    @staticmethod
    async def _form(request: Request, _body: dict[str, Any]) -> View:
        return views.form(ModalContext.of(request).to_json())

    async def _asked(self, request: Request, _context: ModalContext, body: dict[str, Any]) -> Message:
        """The form, submitted."""
        return await self._export(f"format:{submitted_values(body)[views.FORMAT]}", request, body)

    async def of_errand(self, request: Request, body: dict[str, Any]) -> Message:
        """The export that somebody who may not asked an admin for."""
        return await self._export(pressed_value(body), request, body)

    async def evidence_of_errand(self, request: Request, body: dict[str, Any]) -> Message:
        """The same, of a number's evidence."""
        return await self._evidence(pressed_value(body), request, body)

    @staticmethod
    async def _errand(text: str, account: Account) -> Errand | None:
        """The export as it is handed over; None for one that nobody may have, or that cannot be read."""
        if account.settings.exports == "nobody" or isinstance(parse_export_filter(text), str):
            return None
        return Errand("export", text)

    async def _export(self, text: str, request: Request, body: dict[str, Any]) -> Message:
        """Ask for the export that *text* describes; `Exporter` makes it."""
        if request.account.settings.exports == "nobody":
            return _nobody()
        export_filter = parse_export_filter(text)
        if isinstance(export_filter, str):
            return self._subcommand.misused(export_filter)
        return await self._asked_for(export_filter, request, body)

    async def _missing(self, request: Request, body: dict[str, Any]) -> Message:
        """*Send me N phones*: what a list that was compared lacks."""
        if request.account.settings.exports == "nobody":
            return _nobody()
        upload = await self._compared(request, int(pressed_value(body)))
        return await self._asked_for(ExportFilter.of_missing(upload.id), request, body)

    async def _pass_on_form(self, request: Request, body: dict[str, Any]) -> View:
        """*Pass N phones on*: the form that asks where to."""
        upload = await self._compared(request, int(pressed_value(body)))
        present = await asyncio.to_thread(self._store.destinations.list_of, request.account.id)
        return views.pass_on_form(ModalContext.of(request, upload=upload.id).to_json(), upload, present)

    async def _pass_on(self, request: Request, context: ModalContext, body: dict[str, Any]) -> Message:
        """The form, submitted: the destination is told again of what the list that was compared lacks."""
        upload = await self._compared(request, context.upload)
        destination = submitted_values(body).get(views.DESTINATION)
        if not destination:
            return field_error(views.DESTINATION, "Choose a destination.")
        return await self._asked_for(ExportFilter.of_missing(upload.id, destination), request, body)

    async def _compared(self, request: Request, upload_id: int) -> Upload:
        """The upload of that id. Raises `WrongState` where its list is not being compared."""
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, upload_id)
        if upload.state is not UploadState.WAITING or not upload.is_comparison or upload.undecided:
            raise WrongState(f"{upload.file_name} is not being compared any more. Its message shows how it stands.")
        return upload

    async def _for_destination(self, request: Request, body: dict[str, Any]) -> Message:
        """*Get the list*: of what a destination without a door has not got yet."""
        if request.account.settings.exports == "nobody":
            return _nobody()
        one = await asyncio.to_thread(self._store.destinations.get, request.account.id, pressed_value(body))
        if one.kind is not DestinationKind.FILE:
            raise WrongState(f"{one.name} is told by itself: there is no list of it to be loaded.")
        return await self._asked_for(ExportFilter(one.address, destination=one.id), request, body)

    @staticmethod
    async def _errand_of_evidence(text: str, account: Account) -> Errand | None:
        """The evidence as it is handed over; None for what is no number."""
        number = await asyncio.to_thread(read_phone, plain(text), account.country)
        return None if isinstance(number, NotAPhone) else Errand("evidence", number.e164)

    async def _evidence(self, text: str, request: Request, body: dict[str, Any]) -> Message:
        """Ask for the evidence of the number that *text* is; it is not the list, so the setting of exports is none of its."""
        if not text:
            return self._of_evidence.misused()
        number = await asyncio.to_thread(read_phone, plain(text), request.account.country)
        if isinstance(number, NotAPhone):
            return optouts.refused([number], "evidence NUMBER")
        return await self._asked_for(ExportFilter.of_evidence(number.e164), request, body)

    async def _asked_for(self, export_filter: ExportFilter, request: Request, body: dict[str, Any]) -> Message:
        origin = request.origin(Function.EXPORT)
        export = await asyncio.to_thread(
            self._store.exports.ask,
            request.account.id,
            origin,
            export_filter,
            idempotency_key=idempotency_key_of(body),
        )
        self._exporter.loop.poke()
        return views.asked(export, request.account.country)


def _nobody() -> Message:
    """The no where nobody may export the list, for the asker alone."""
    return Message.of(
        "Nobody may export the list: an admin decided so, and can allow it in `/optout settings`.", private=True
    )


def parse_export_filter(text: str) -> ExportFilter | str:
    """The filter that `/optout export` *text* asks for; a sentence, in mrkdwn, when it cannot be parsed."""
    given: dict[str, str] = {}
    rest = _OPTION.sub(lambda match: given.setdefault(match[1].lower(), match[2]) and "", text).strip()
    if rest:
        return f"I do not understand {code(rest, 40)}."
    since = None
    if "since" in given:
        try:
            since = datetime.strptime(given["since"], "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            return f"{code(given['since'], 40)} is not a date like 2026-10-01."
        if since > datetime.now(UTC):
            return f"{since:%Y-%m-%d} is still to come."
    function, kind = given.get("function", "").lower() or None, given.get("format", ExportFilter().format).lower()
    if function is not None and function not in OPTING_OUT:
        return f"There is no function {code(function, 40)}. There are: {', '.join(OPTING_OUT)}."
    if kind not in EXPORT_COLUMNS:
        return f"There is no format {code(kind, 40)}. There are: {', '.join(EXPORT_COLUMNS)}."
    return ExportFilter(kind, since, function)
