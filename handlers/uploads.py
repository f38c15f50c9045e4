"""Buttons and modals of an upload: of its preview, of its report, and of the questions on how its list is read."""

import asyncio
import json
import re
from dataclasses import replace
from functools import partial
from typing import Any

from handlers.permissions import Action
from handlers.slack.interactions import MAY_BE_HANDED_OVER, Interactions
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.modals import refusal
from handlers.slack.mrkdwn import SlackWriter, file_name, person, sentence
from handlers.slack.payloads import idempotency_key_of, pressed_value
from handlers.slack.places import Request
from handlers.views import previews
from handlers.views import uploads as views
from handlers.work.drops import kept_from_strangers
from handlers.work.uploads import Runner
from store import (
    Asked,
    Deadlines,
    Errand,
    Function,
    Origin,
    Store,
    StoreError,
    Upload,
    UploadState,
    WrongState,
    doubts,
    require_undoable,
)

# Digits; Python refuses to read numbers of thousands of them.
_LONGEST_COUNT = 20


class UploadButtons:
    """Listeners of the buttons and modals of uploads."""

    def __init__(self, store: Store, interactions: Interactions, runner: Runner, *, deadlines: Deadlines) -> None:
        self._store = store
        self._interactions = interactions
        self._runner = runner
        self._deadlines = deadlines

    def listeners(self) -> tuple[Listener, ...]:
        button, modal = self._interactions.button, self._interactions.modal
        return (
            button("upload.confirm", Action.CONFIRM, self._confirm_or_ask, asks_on=True),
            modal("upload.sure", Action.CONFIRM, self._confirm_typed),
            button("upload.stop", Action.STOP, self._stop),
            button("upload.continue", Action.CONTINUE, self._continue),
            button("upload.undo", Action.UNDO, self._ask_undo, asks_on=True),
            modal("upload.undo", Action.UNDO, self._undo),
            button("upload.cancel", Action.DROP, self._cancel),
            button("upload.again", Action.DROP, self._take_up_again),
            button("upload.column", Action.DROP, self._use_column),
            button("upload.country", Action.DROP, self._use_country),
            button("upload.read", Action.DROP, self._read_again),
            button("upload.scrub", Action.SCRUB, self._scrub_instead),
            button("upload.look", Action.SEARCH, self._look_up_instead),
            button("upload.want", Action.DROP, self._want),
            button("upload.take", Action.COMPARE, self._take_compared),
        )

    async def _confirm_or_ask(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Opt out N phones*: done at once, or after a modal when the list looks wrong."""
        value = json.loads(pressed_value(body))
        # Previews shown before there was more to say carry the id alone.
        chosen = value if isinstance(value, dict) else {"upload": value}
        fingerprint = _fingerprint(chosen)
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(chosen["upload"]))
        wrong: tuple[str, ...] = ()
        if upload.state is UploadState.WAITING and fingerprint in (None, upload.fingerprint):
            before = await asyncio.to_thread(self._store.uploads.applied_before, upload)
            wrong = doubts(upload, SlackWriter(), before=before)
        if not wrong:
            await self._confirm(request, upload.id, fingerprint, body)
            return _in_place(request, upload, "is being opted out: see the thread of its message.")
        await self._interactions.open(
            request, body, views.ask_for_number(upload, wrong, _modal_context(request, upload))
        )
        return None

    async def _want(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Opt out N phones*, by whoever was asked alone: an admin's is the yes, anybody else's has it asked of the admins."""
        upload = await self._theirs(request, body, int(json.loads(pressed_value(body))["upload"]), "opted out")
        if isinstance(upload, Message):
            return upload
        if not upload.choices.alone and not (upload.is_direct and upload.choices.asked is Asked.UNCLEAR):
            raise WrongState(
                f"{upload.file_name} was asked for since, for all to see. Its message shows how it stands."
            )
        confirming = await self._interactions.admit(request, body, Action.CONFIRM)
        if isinstance(confirming, Request):
            return await self._confirm_or_ask(confirming, body)
        ask = partial(self._store.uploads.ask, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(ask, upload.account_id, upload.id, None)
        self._runner.poke()
        return _in_place(request, upload, "waits for an admin's yes: see the thread of its message.")

    async def _scrub_instead(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Scrub it instead*: the list comes back without who is opted out, and nobody is opted out by it."""
        upload = await self._theirs(request, body, int(pressed_value(body)), "scrubbed instead")
        if isinstance(upload, Message):
            return upload
        refused = await kept_from_strangers(request.client, upload.channel_id, upload.file_name, "scrubbed", "scrub")
        if refused is not None:
            return refused
        scrub = partial(self._store.uploads.scrub_instead, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(scrub, upload.account_id, upload.id)
        self._runner.poke()
        return _in_place(request, upload, "is being scrubbed: it comes back in the thread of its message.")

    async def _look_up_instead(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Look it up*, of a list whose words asked for the opposite of an opt-out."""
        upload = await self._theirs(request, body, int(pressed_value(body)), "looked up instead")
        if isinstance(upload, Message):
            return upload
        refused = await kept_from_strangers(request.client, upload.channel_id, upload.file_name, "looked up", "look up")
        if refused is not None:
            return refused
        if upload.choices.asked is not Asked.OPT_IN:
            raise WrongState(f"{upload.file_name} was not offered to be looked up: choose in its preview.")
        ask = partial(self._store.uploads.ask, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(ask, upload.account_id, upload.id, Asked.LOOK_UP)
        self._runner.poke()
        return None

    async def _take_compared(self, request: Request, body: dict[str, Any]) -> None:
        """*Preview opting out N phones*: a list that was compared goes on as one to opt out."""
        take = partial(self._store.uploads.take_compared, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(take, request.account.id, int(pressed_value(body)))
        self._runner.poke()

    async def _theirs(self, request: Request, body: dict[str, Any], upload_id: int, what: str) -> Upload | Message:
        """The upload, for its dropper and for admins to have it *what*; the no, for anybody else, that offers to ask them."""
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, upload_id)
        if request.is_admin or upload.actor.id == request.actor.id:
            return upload
        pressed = body["actions"][0]["action_id"]
        errand = Errand(pressed, pressed_value(body)) if pressed in MAY_BE_HANDED_OVER else None
        why = f"{file_name(upload.file_name)} was dropped by {person(upload.actor)}: besides them only admins can have it {what}."
        return await self._interactions.not_theirs(request, why, errand)

    async def _confirm_typed(self, request: Request, context: ModalContext, body: dict[str, Any]) -> Message | None:
        """The modal of a list that looks wrong, with the number of phones typed."""
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, context.upload)
        typed = str(body["view"]["state"]["values"][views.NUMBER]["upload.number"]["value"] or "")
        if upload.fingerprint == context.fingerprint and _number(typed) != upload.asked:
            text = f"That is not the number of phones, which is {upload.asked:,}: type that to go on, or cancel."
            return replace(Message.of(text, private=True), field=views.NUMBER)
        await self._confirm(request, upload.id, context.fingerprint, body)
        return None

    async def _confirm(self, request: Request, upload: int, fingerprint: str | None, body: dict[str, Any]) -> None:
        try:
            await asyncio.to_thread(
                self._store.uploads.confirm,
                request.account.id,
                upload,
                request.origin(Function.UPLOAD),
                fingerprint=fingerprint,
                recount=self._runner.recount,
                idempotency_key=idempotency_key_of(body),
            )
        finally:
            # One that is stale is shown as it is now.
            self._runner.poke()

    async def _stop(self, request: Request, body: dict[str, Any]) -> None:
        """*Stop*: apply no more of the list."""
        by, upload = request.origin(Function.UPLOAD), int(pressed_value(body))
        stop = partial(self._store.uploads.stop, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(stop, request.account.id, upload, by)
        self._runner.poke()

    async def _continue(self, request: Request, body: dict[str, Any]) -> None:
        """*Continue*: apply the rest of a list that was stopped."""
        by, upload = request.origin(Function.UPLOAD), int(pressed_value(body))
        go_on = partial(self._store.uploads.go_on, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(go_on, request.account.id, upload, by)
        self._runner.poke()

    async def _ask_undo(self, request: Request, body: dict[str, Any]) -> None:
        """*Undo this upload*: a modal, opened at once and filled with the counts when they are there."""
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(pressed_value(body)))
        require_undoable(upload, self._deadlines.within(request.account.settings).undo)
        opened = await self._interactions.open(request, body, views.counting_undo(upload))
        if opened is not None:
            # Of a long list it takes longer than a button may: the modal says that it is being counted.
            self._interactions.tasks.start(self._count_undo(request, body, upload, opened), name="count an undo")

    async def _count_undo(self, request: Request, body: dict[str, Any], upload: Upload, opened: dict[str, Any]) -> None:
        try:
            counts = await asyncio.to_thread(self._store.uploads.preview_undo, upload.account_id, upload.id)
            filled = views.undo_question(upload, counts, _modal_context(request, upload))
        except StoreError as error:
            filled = refusal(Message.of(sentence(str(error))))
        await self._interactions.fill(request, body, opened, filled)

    async def _undo(self, request: Request, context: ModalContext, body: dict[str, Any]) -> None:
        """The modal that says what an undo does, submitted."""
        by = request.origin(Function.UNDO)
        await asyncio.to_thread(
            self._store.uploads.undo,
            request.account.id,
            context.upload,
            by,
            within=self._deadlines.within(request.account.settings).undo,
            idempotency_key=idempotency_key_of(body),
        )
        self._runner.poke()

    async def _cancel(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Cancel*, or *Leave it*: by an admin, or by whoever dropped the list."""
        upload = await self._theirs(request, body, int(pressed_value(body)), "cancelled")
        if isinstance(upload, Message):
            return upload
        by = Origin(Function.UPLOAD, request.actor)
        cancel = partial(self._store.uploads.cancel, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(cancel, request.account.id, upload.id, by)
        self._runner.poke()
        return _in_place(request, upload, "is left as it is: nothing was changed.")

    async def _take_up_again(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Read it again*: a list that expired waits for a yes once more."""
        upload = await self._theirs(request, body, int(pressed_value(body)), "read again")
        if isinstance(upload, Message):
            return upload
        again = partial(self._store.uploads.take_up_again, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(again, request.account.id, upload.id)
        self._runner.poke()
        return None

    async def _use_column(self, request: Request, body: dict[str, Any]) -> None:
        """*Use COLUMN*: read the list again with another column."""
        chosen = json.loads(pressed_value(body))
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(chosen["upload"]))
        if chosen["column"] != upload.summary.get("likely"):
            raise WrongState(f"{upload.file_name} was not offered to be read by that column: choose in its preview.")
        set_column = partial(self._store.uploads.set_column, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(set_column, upload.account_id, upload.id, chosen["column"])
        self._runner.poke()

    async def _use_country(self, request: Request, body: dict[str, Any]) -> None:
        """The menu of countries: read the list again with another one."""
        chosen = json.loads(pressed_value(body))
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(chosen["upload"]))
        if chosen["country"] not in (*previews.COUNTRIES, upload.country):
            raise WrongState(f"{upload.file_name} was not offered to be read with that country: choose in its preview.")
        set_country = partial(self._store.uploads.set_country, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(set_country, upload.account_id, upload.id, chosen["country"])
        self._runner.poke()

    async def _read_again(self, request: Request, body: dict[str, Any]) -> None:
        """An offer of a question: read the list again like that."""
        chosen = json.loads(pressed_value(body))
        choose = partial(self._store.uploads.choose, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(choose, request.account.id, int(chosen["upload"]), chosen["choices"])
        self._runner.poke()


def _in_place(request: Request, upload: Upload, outcome: str) -> Message | None:
    """The words in place of the question that the asker alone saw; None where all see what becomes of it."""
    return views.chosen_alone(upload, outcome) if request.ephemeral else None


def _modal_context(request: Request, upload: Upload) -> str:
    return ModalContext.of(request, upload=upload.id, fingerprint=upload.fingerprint).to_json()


def _fingerprint(pressed: dict[str, Any]) -> str | None:
    """The fingerprint of the preview that a button was shown with; None when it carries none."""
    # It was called "seen" until 2026-11, and buttons stay pressable for as long as their messages stand.
    fingerprint: str | None = pressed.get("fingerprint", pressed.get("seen"))
    return fingerprint


def _number(typed: str) -> int | None:
    """A whole number as people type it, thousands marked or not; None for anything else."""
    digits = re.sub(r"[\s,.'’]", "", typed)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_COUNT else None
