"""Destinations, for admins: `/optout passing`, the form that makes one, and the buttons that retry, pause, test and remove."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from slack_sdk.models.views import View

from handlers.permissions import Action
from handlers.slack.channels import why_unusable
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.payloads import idempotency_key_of, is_of_home, pressed_value, submitted_values
from handlers.slack.places import Request
from handlers.subcommands import GiveAnswer, Subcommand
from handlers.views import destinations as views
from handlers.views.exports import LOADED
from handlers.work.passing import Passing
from store import (
    LONGEST_ADDRESS,
    LONGEST_DESTINATION_NAME,
    Destination,
    DestinationKind,
    Function,
    KeyState,
    NewDestination,
    Origin,
    Store,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    WrongState,
)

# By the attribute of a destination to be made: its field in the forms.
_FIELDS: Final = {"address": views.ADDRESS, "login": views.LOGIN, "secret": views.SECRET}


class PassingOn:
    """The sub-command `passing`, and the listeners of `destination.*`."""

    def __init__(self, store: Store, interactions: Interactions, passing: Passing) -> None:
        self._store = store
        self._interactions = interactions
        self._passing = passing

    @property
    def subcommand(self) -> Subcommand:
        return Subcommand(
            "passing",
            "Shows where opt-outs are passed on to, and how far each has come. Admins only.",
            (Action.DESTINATIONS,),
            lambda _text: GiveAnswer(Action.DESTINATIONS, self._show),
            ("destinations", "webhooks"),
        )

    def listeners(self) -> tuple[Listener, ...]:
        button, opening = self._interactions.button, self._interactions.opening
        shown_once = self._interactions.modal_shown_once
        verbs = self._store.destinations
        return (
            opening(views.OPEN, Action.DESTINATIONS, views.TITLE, self._webhook_form),
            shown_once(views.OPEN, Action.DESTINATIONS, views.TITLE, partial(self._make, DestinationKind.WEBHOOK)),
            opening(views.OPEN_TWILIO, Action.DESTINATIONS, views.TITLE, self._twilio_form),
            shown_once(
                views.OPEN_TWILIO, Action.DESTINATIONS, views.TITLE, partial(self._make, DestinationKind.TWILIO)
            ),
            opening(views.OPEN_VAN, Action.DESTINATIONS, views.TITLE, self._van_form),
            shown_once(views.OPEN_VAN, Action.DESTINATIONS, views.TITLE, partial(self._make, DestinationKind.VAN)),
            opening(views.OPEN_FILE, Action.DESTINATIONS, views.TITLE, self._file_form),
            shown_once(views.OPEN_FILE, Action.DESTINATIONS, views.TITLE, partial(self._make, DestinationKind.FILE)),
            button(views.RETRY, Action.DESTINATIONS, self._changing(verbs.retry, views.one_of)),
            button(views.PAUSE, Action.DESTINATIONS, self._changing(verbs.pause, views.one_of)),
            button(views.REMOVE, Action.DESTINATIONS, self._changing(verbs.remove, views.removed)),
            button(views.TEST, Action.DESTINATIONS, self._test),
            button(LOADED, Action.DESTINATIONS, self._loaded),
        )

    async def _show(self, request: Request, _body: dict[str, Any]) -> Message:
        return views.passing(await asyncio.to_thread(self._store.destinations.list_of, request.account.id))

    async def _webhook_form(self, request: Request, _body: dict[str, Any]) -> View:
        keys = await asyncio.to_thread(self._store.keys.list_of, request.account.id)
        names = sorted({key.name for key in keys if key.state is KeyState.LIVE})
        return views.webhook_form(
            ModalContext.of(request).to_json(),
            names,
            longest_name=LONGEST_DESTINATION_NAME,
            longest_address=LONGEST_ADDRESS,
        )

    async def _twilio_form(self, request: Request, _body: dict[str, Any]) -> View:
        return views.twilio_form(ModalContext.of(request).to_json(), longest_name=LONGEST_DESTINATION_NAME)

    async def _van_form(self, request: Request, _body: dict[str, Any]) -> View:
        return views.van_form(ModalContext.of(request).to_json(), longest_name=LONGEST_DESTINATION_NAME)

    async def _file_form(self, request: Request, _body: dict[str, Any]) -> View:
        return views.file_form(ModalContext.of(request).to_json(), longest_name=LONGEST_DESTINATION_NAME)

    async def _make(self, kind: DestinationKind, request: Request, body: dict[str, Any]) -> View | Message:
        values = submitted_values(body)
        channel = values.get(views.CHANNEL)
        if not channel:
            return field_error(views.CHANNEL, "Choose a channel.")
        if (why := await why_unusable(request.client, channel, own=True)) is not None:
            return field_error(views.CHANNEL, why)
        wanted = NewDestination(
            kind=kind,
            name=values.get(views.NAME) or "",
            channel=channel,
            address=(values.get(views.ADDRESS) or values.get(views.LAYOUT) or "").strip(),
            key_name=values.get(views.KEY) or None,
            login=(values.get(views.LOGIN) or "").strip(),
            secret=(values.get(views.SECRET) or "").strip(),
        )
        if (fault := self._passing.fault_of(wanted)) is not None:
            attribute, why = fault
            return field_error(views.LAYOUT if kind is DestinationKind.FILE else _FIELDS[attribute], why)
        try:
            made = await asyncio.to_thread(
                self._store.destinations.make,
                request.account.id,
                wanted,
                request.origin(Function.SETTING),
                idempotency_key=idempotency_key_of(body),
            )
        except (StoreUnavailable, StoreRefused):
            raise
        except StoreError as error:
            return field_error(views.NAME, str(error))
        self._passing.poke()
        return views.made(made)

    def _changing(
        self, verb: Callable[[int, str, Origin], Destination], shown: Callable[[Destination], Message]
    ) -> Callable[[Request, dict[str, Any]], Any]:
        """What a button does that changes a destination; Home shows by itself what became of it."""

        async def change(request: Request, body: dict[str, Any]) -> Message | None:
            by = request.origin(Function.SETTING)
            one = await asyncio.to_thread(verb, request.account.id, pressed_value(body), by)
            self._passing.poke()
            return None if is_of_home(body) else shown(one)

        return change

    async def _test(self, request: Request, body: dict[str, Any]) -> Message:
        one = await asyncio.to_thread(self._store.destinations.get, request.account.id, pressed_value(body))
        if one.kind is DestinationKind.FILE:
            raise WrongState(f"Nothing is sent to {one.name} by itself, so there is nothing to test.")
        answered = await self._passing.senders[one.kind].send_test(one)
        return views.tested(one, answered.problem, answered.status, answered.body)

    async def _loaded(self, request: Request, body: dict[str, Any]) -> Message:
        """*Loaded*, beneath a file that somebody loaded."""
        by = request.origin(Function.SETTING)
        file = await asyncio.to_thread(
            self._store.destinations.loaded, request.account.id, int(pressed_value(body)), by
        )
        return views.loaded(file, request.actor)
