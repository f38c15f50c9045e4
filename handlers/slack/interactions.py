"""
Listeners of buttons, menus, modals and message shortcuts.

Whoever uses one is admitted, the work is done, then Slack gets its acknowledgement and they their answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import aiohttp
import structlog
from slack_bolt.async_app import AsyncBoltContext
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from handlers.permissions import Action
from handlers.slack.acknowledge import PATIENCE_SECONDS, STILL_WORKING, acknowledged
from handlers.slack.clients import Clients
from handlers.slack.errors import error_code, error_name, is_away, is_transient, outcome_of, went_wrong
from handlers.slack.inbox import EVENT, Events
from handlers.slack.listeners import Listener, Surface
from handlers.slack.messages import NOTHING, Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.modals import refusal, text_modal
from handlers.slack.outbox import Answers, with_account
from handlers.slack.payloads import (
    actor_of,
    idempotency_key_of,
    is_of_home,
    modal_context_of,
    place_of_button,
    place_of_payload,
    place_of_shortcut,
    pressed_value,
)
from handlers.slack.places import Place, Request
from handlers.slack.refusals import AskedErrand
from handlers.slack.replies import Replies
from handlers.slack.roles import Roles
from handlers.slack.seals import Seals
from handlers.tasks import Tasks
from store import Account, Errand, InboxEvent, StoreError

log = structlog.get_logger()
Ack = Callable[..., Awaitable[Any]]
# Does what a button asks; see `Interactions.button`.
ButtonWork = Callable[[Request, dict[str, Any]], Awaitable[Message | None]]
# Makes a modal of a request and Slack's payload.
MakeModal = Callable[[Request, dict[str, Any]], Awaitable[View]]
# Of the 3 s that a trigger lives.
_LOADING_AFTER = 1.0
# https://docs.slack.dev/reference/methods/views.open, section Errors: the trigger was used.
_OPENED_BEFORE = "exchanged_trigger_id"
# Buttons whose press, by somebody who may not, is worth handing over: the others only show what there is, or ask on.
MAY_BE_HANDED_OVER: Final = frozenset(
    {"optout.add", "optout.delete"}
    | {f"upload.{does}" for does in ("confirm", "stop", "continue", "undo", "cancel", "again", "scrub", "look")}
)
_UNSEALED = "This form was not opened by the desk as it is now, so nothing was done. Please open it again."
_NOT_SHOWN = (
    "The form was closed before it could show what was done, and it can be shown nowhere else. Home says what was done."
)
_NOT_OPENED = "Slack did not open the form in time, so nothing was done. Please try again."


@dataclass(frozen=True, slots=True)
class ErrandWork:
    """
    The work of an errand: what a button does, or what a command or a message asks, for whoever may do *action*.

    *shows*: what comes of it is an answer, for whoever asked to read. *asks_on*: it opens a form in which it goes on, so
    that nothing is done yet when it returns.
    """

    action: Action
    do: ButtonWork
    shows: bool = False
    asks_on: bool = False


class Interactions:
    """The maker of listeners of buttons, modals and message shortcuts. What Slack's absence hinders is kept in *events*."""

    def __init__(
        self,
        roles: Roles,
        replies: Replies,
        answers: Answers,
        tasks: Tasks,
        events: Events,
        clients: Clients,
        seals: Seals,
    ) -> None:
        self._clients = clients
        self._seals = seals
        self._events = events
        self._roles = roles
        # By the name of a button, or of what a command asks: what an admin can do for whoever may not.
        self.works: dict[str, ErrandWork] = {}
        self.replies = replies
        self.answers = answers
        self.tasks = tasks

    async def admit(
        self, place: Place, body: dict[str, Any], action: Action, errand: AskedErrand | None = None
    ) -> Request | Message:
        """
        The request of the asker at *place* when they may do *action*; else a no for them alone.

        *errand*: what the no offers to hand over to who may. What a modal carries, where *body* is about one, has to be what the desk sealed for them.
        """
        admitted = await self._roles.admit(place, await self._events.account(body), action, errand)
        if (
            isinstance(admitted, Request)
            and (body.get("view") or {}).get("type") == "modal"
            and not self._seals.is_good(body)
        ):
            log.warning("a modal carries what nobody sealed", actor=place.actor.id)
            return Message.of(_UNSEALED, private=True)
        return admitted

    async def not_theirs(self, request: Request, why: str, errand: Errand | None) -> Message:
        """The no, with *why*, to somebody whom their role admits, but who has nothing to decide here; see `Roles.admit`."""
        return await self._roles.no(request, request.account, why, errand)

    async def answer_event(self, place: Place, message: Message, body: dict[str, Any], *, of: str = "") -> None:
        """
        Answer the event *body*; *of*: which of several things it is about. An event taken up again is answered once.

        Raises `StoreError` when the answer cannot be kept: the event is then taken up again.
        """
        key = f"{body['event_id']} {of}".rstrip()
        await self.answers.give(await self.answers.keep(body, place, message, key=key, must=True))

    def errand(
        self, name: str, action: Action, work: ButtonWork, *, shows: bool = False, asks_on: bool = False
    ) -> None:
        """Let what *work* does be handed over by *name*, without a button of that name; the rest as in `ErrandWork`."""
        self.works[name] = ErrandWork(action, work, shows, asks_on)

    def button(self, name: str, action: Action, work: ButtonWork, *, asks_on: bool = False) -> Listener:
        """
        The listener of a button or menu *name*: *work* gets the request and Slack's payload.

        Its message answers in the thread of the button's message, one of App Home in a modal; None: what it did is shown elsewhere.
        *asks_on*: as in `ErrandWork`.
        """
        self.works[name] = ErrandWork(action, work, asks_on=asks_on)

        async def listen(ack: Ack, body: dict[str, Any], client: AsyncWebClient, context: AsyncBoltContext) -> None:
            place = place_of_button(body, client)

            async def pressed(_account: Account) -> Errand | None:
                return Errand(name, pressed_value(body)) if name in MAY_BE_HANDED_OVER else None

            async def answer() -> Message:
                request = await self.admit(place, body, action, pressed)
                return request if isinstance(request, Message) else with_account(request, await work(request, body))

            async def answer_in_view() -> Message:
                message = await outcome_of(answer(), waits=True)
                return NOTHING if message is NOTHING or await self._show_in_view(place, body, message) else message

            with self.tasks.holding():
                await self._answer(ack, place, body, answer_in_view if body.get("view") else answer, context)

        return Listener(Surface.BUTTON, name, (action,), listen)

    def opening(self, name: str, action: Action, title: str, make: MakeModal) -> Listener:
        """The listener of a button *name* that opens the modal *make* makes; see `open_for`."""

        async def listen(ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
            with self.tasks.holding():
                await ack()
                await self.open_for(place_of_button(body, client), body, action, title, make)

        return Listener(Surface.BUTTON, name, (action,), listen)

    async def open_for(
        self,
        place: Place,
        body: dict[str, Any],
        action: Action,
        title: str,
        make: MakeModal,
        errand: AskedErrand | None = None,
    ) -> None:
        """
        Open the modal *make* makes for whoever may do *action*; others get their no, as `admit` says. Acknowledge before.

        The trigger is gone after 3 s. What takes longer than one, a busy database or a slow answer of Slack's, is waited
        for in a modal called *title*, which is there already and is filled then.
        """
        making = asyncio.ensure_future(self._made(place, body, action, lambda request: make(request, body), errand))
        done, _ = await asyncio.wait({making}, timeout=_LOADING_AFTER)
        if done:
            made = making.result()
            if not isinstance(made, Message):
                await self.open(place, body, made)
            elif not (is_of_home(body) and await self._show_in_view(place, body, made)):
                await self.replies.tell(place, made)
            return
        opened = await self.open(place, body, text_modal(title, "One moment …"))
        made = await making
        if opened is not None:
            await self.fill(place, body, opened, refusal(made) if isinstance(made, Message) else made)

    def shortcut(
        self,
        name: str,
        action: Action,
        title: str,
        make: MakeModal,
        errand: Callable[[dict[str, Any], Account], Awaitable[Errand | None]],
    ) -> Listener:
        """
        The listener of a message shortcut *name*, which opens the modal *make* makes of Slack's payload; see `open_for`.

        *errand*: what the payload asks, as it is handed over. What there is to say instead is for the asker alone: nobody
        else knows that they asked.
        """

        async def listen(ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
            with self.tasks.holding():
                await ack()
                place = place_of_shortcut(body, client)
                await self.open_for(place, body, action, title, make, partial(errand, body))

        return Listener(Surface.SHORTCUT, name, (action,), listen)

    def modal(
        self,
        name: str,
        action: Action,
        work: Callable[[Request, ModalContext, dict[str, Any]], Awaitable[Message | None]],
    ) -> Listener:
        """
        The listener of the submitted modal *name*: *work* gets the request, what the modal carries, and Slack's payload.

        A message with a `field` is shown as that field's error; a page takes the modal's place, with its buttons, and a
        private message without buttons is shown in it. Any other closes it and is posted, or told, where it was opened. None
        closes it.
        """

        async def listen(ack: Ack, body: dict[str, Any], client: AsyncWebClient, context: AsyncBoltContext) -> None:
            carried = modal_context_of(body)
            place = carried.place(actor_of(body), client)
            # Its button is used now.
            pressed = carried.message if self._seals.is_good(body) else None
            body = body | {"message": pressed} if pressed is not None else body

            async def answer() -> Message:
                request = await self.admit(place, body, action)
                if isinstance(request, Message):
                    return request
                return with_account(request, await work(request, carried, body))

            def shown(message: Message) -> dict[str, Any] | None:
                if message.field is not None:
                    return {"response_action": "errors", "errors": {message.field: message.text}}
                if not message.private:
                    return None
                if _takes_its_place(message):
                    return {"response_action": "update", "view": self._page(place, body, message)}
                has_buttons = any(block["type"] == "actions" for block in message.blocks)
                return None if has_buttons else {"response_action": "update", "view": refusal(message)}

            closing = {"response_action": "clear"} if body["view"].get("previous_view_id") else None
            with self.tasks.holding():
                await self._answer(ack, place, body, answer, context, shown=shown, closing=closing)

        return Listener(Surface.MODAL, name, (action,), listen)

    def modal_shown_once(
        self,
        name: str,
        action: Action,
        title: str,
        work: Callable[[Request, dict[str, Any]], Awaitable[View | Message]],
    ) -> Listener:
        """
        The listener of the submitted modal *name*, whose answer may hold a secret: it is shown in its place and kept nowhere.

        *work* gets the request and Slack's payload; what it makes takes the modal's place, a message as a refusal or at its
        field. What takes longer than Slack waits is waited for in a modal called *title*. While Slack is away nothing is kept
        to be done later, and the person is told to try again.
        """

        async def listen(ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
            place = modal_context_of(body).place(actor_of(body), client)
            with self.tasks.holding():
                making = asyncio.ensure_future(self._made(place, body, action, lambda request: work(request, body)))
                done, _ = await asyncio.wait({making}, timeout=PATIENCE_SECONDS)
                if done:
                    made = making.result()
                    if isinstance(made, Message) and made.field is not None:
                        await ack(response_action="errors", errors={made.field: made.text})
                    else:
                        await ack(response_action="update", view=refusal(made) if isinstance(made, Message) else made)
                    return
                await ack(response_action="update", view=text_modal(title, "One moment …"))
                made = await making
                view = refusal(made) if isinstance(made, Message) else made
                try:
                    await client.views_update(view_id=body["view"]["id"], view=view)
                except (SlackClientError, aiohttp.ClientError, OSError) as error:
                    log.warning("a modal was not filled", error=error_name(error))
                    await self.replies.tell(place, Message.of(_NOT_SHOWN))

        return Listener(Surface.MODAL, name, (action,), listen)

    async def _made(
        self,
        place: Place,
        body: dict[str, Any],
        action: Action,
        make: Callable[[Request], Awaitable[View | Message]],
        errand: AskedErrand | None = None,
    ) -> View | Message:
        """What *make* makes for whoever may do *action*; else their no, or what failed in words."""
        # `outcome_of` turns what fails into words; a view is handed around it.
        views: list[View] = []

        async def work() -> Message:
            request = await self.admit(place, body, action, errand)
            made = request if isinstance(request, Message) else await make(request)
            if isinstance(made, Message):
                return made
            views.append(made)
            return NOTHING

        message = await outcome_of(work())
        return views[0] if views else message

    async def _answer(
        self,
        ack: Ack,
        place: Place,
        body: dict[str, Any],
        work: Callable[[], Awaitable[Message]],
        context: AsyncBoltContext,
        **acks: Any,
    ) -> None:
        """
        Acknowledge a button or modal, whose ack shows nothing by itself, and answer it.

        While Slack is away, so that it cannot be done now, it is kept and done later: see `handlers.slack.inbox`.
        """

        async def late(text: str) -> None:
            await self.replies.tell(place, Message.of(text))

        async def done_or_kept() -> Message:
            try:
                return await work()
            except Exception as error:
                if isinstance(error, StoreError) or not is_away(error):
                    raise
                await self._events.keep_interaction(body, error)
            self.tasks.start(late(STILL_WORKING), name="say that it is being worked on")
            return NOTHING

        answers = self.answers
        event: InboxEvent | None = context.get(EVENT)
        if event is None:
            doing = acknowledged(ack, done_or_kept(), answers=answers, body=body, place=place, late=late, **acks)
            await answers.give(await doing)
            return

        async def done_at_last() -> None:
            message = await outcome_of(work(), waits=True)
            # Under its own key an answer may be there already that only said that it goes on.
            key = f"{idempotency_key_of(body)} at last"
            await answers.give(
                await answers.keep(body, place, message, key=key, pressed=body.get("message"), must=True)
            )

        # Nobody waits for the acknowledgement any more, which Bolt does.
        await ack()
        await self._events.handle(event, done_at_last)

    async def tell_discarded(self, body: dict[str, Any], reference: str) -> None:
        """Tell whoever sent the payload *body* that nothing more comes of it; never raises."""
        try:
            client = await self._clients.of((await self._events.account(body)).id)
            place = place_of_payload(body, client)
            if place is not None:
                key = f"{body.get('event_id') or idempotency_key_of(body)} discarded"
                await self.answers.give(await self.answers.keep(body, place, went_wrong(reference), key=key))
        except Exception:
            log.exception("nobody was told of what is discarded", reference=reference)

    async def open(self, request: Place, body: dict[str, Any], view: View) -> dict[str, Any] | None:
        """
        Open *view* for whoever pressed, on top of the one they pressed in; None, and they are told, when Slack does not.

        Who pressed once and whose press came twice has it open already.

        A trigger lives for 3 s and opens one modal (https://docs.slack.dev/surfaces/modals).
        """
        inside = (body.get("container") or {}).get("type") == "view" and body["view"]["type"] == "modal"
        self._seals.seal(view, request.actor.id, body)
        method = request.client.views_push if inside else request.client.views_open
        try:
            opened: dict[str, Any] = (await method(trigger_id=body["trigger_id"], view=view))["view"]
        except SlackApiError as error:
            log.warning("a modal was not opened", error=error_code(error))
            if error_code(error) == _OPENED_BEFORE:
                return None
            await self.replies.tell(request, Message.of(_NOT_OPENED))
            return None
        return opened

    async def _show_in_view(self, place: Place, body: dict[str, Any], message: Message) -> bool:
        """
        Show what there is to say to a button where it was pressed; False where that is to be told elsewhere.

        One of App Home, which has no thread, opens a modal; a page in a modal takes the place of the one that is there.
        """
        try:
            if is_of_home(body):
                await place.client.views_open(trigger_id=body["trigger_id"], view=refusal(message))
                return True
            if not _takes_its_place(message):
                return False
            pressed = body["view"]
            await place.client.views_update(
                view_id=pressed["id"], hash=pressed["hash"], view=self._page(place, body, message)
            )
        except SlackApiError as error:
            log.warning("a modal was not opened", error=error_code(error))
            return error_code(error) == _OPENED_BEFORE
        return True

    def _page(self, place: Place, body: dict[str, Any], message: Message) -> View:
        """The modal of *message* in place of that in which something was asked: its buttons ask for more of the same."""
        title, metadata = body["view"]["title"]["text"], ModalContext.of(place).to_json()
        view = View(type="modal", title=title, close="Close", private_metadata=metadata, blocks=list(message.blocks))
        self._seals.seal(view, place.actor.id, body)
        return view

    async def fill(self, request: Place, body: dict[str, Any], opened: dict[str, Any], view: View) -> None:
        """Show *view* in the modal *opened* for the payload *body*, unless it was closed or changed since."""
        self._seals.seal(view, request.actor.id, body)
        try:
            await request.client.views_update(view_id=opened["id"], hash=opened["hash"], view=view)
        except SlackApiError as error:
            log.info("a modal was not filled", error=error_code(error))
            if is_transient(error):
                # It is still open, and would say for ever that it takes a moment.
                await self.replies.tell(request, Message.of(_NOT_OPENED))


def _takes_its_place(message: Message) -> bool:
    """Whether *message* is one of those that replace what was pressed, as the pages of a history do."""
    return message.private and message.settles is not None


def field_error(field: str, text: str) -> Message:
    """An error at a field of a submitted modal, in plain text."""
    return Message(text, private=True, field=field)
