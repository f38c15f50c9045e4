"""The buttons on answers of `/optout`: delete after a question, and opt out what was searched."""

import asyncio
import json
from dataclasses import replace
from typing import Any

from handlers.command import LONGEST_REASON, read
from handlers.permissions import Action
from handlers.slack.interactions import Interactions, about, origin_of, value_of
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import one_line, plain
from handlers.slack.places import Request
from handlers.views import optouts as views
from store import Function, PhoneNumber, Store


class Buttons:
    """The listeners of the `optout.*` actions."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions

    def listeners(self) -> tuple[Listener, ...]:
        return (
            self._interactions.button("optout.add", Action.ADD, self._add),
            self._interactions.button("optout.delete", Action.DELETE, self._delete_or_ask),
            self._interactions.modal("optout.why", Action.DELETE, self._why),
        )

    async def _delete_or_ask(self, request: Request, body: dict[str, Any]) -> Message | None:
        """Delete the opt-outs of the button's phone; what the contact asked for only after a reason was typed."""
        value = json.loads(value_of(body))
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, value["phone"])
        if state.by_contact and state.last_entry <= value["seen"]:
            asked = about(request, phone=value["phone"], seen=value["seen"])
            form = views.why(state, request.account.country, asked, value.get("reason"))
            await self._interactions.open(request, body, form)
            return None
        return await self._delete(request, value, value.get("reason"))

    async def _why(self, request: Request, remembered: dict[str, Any], body: dict[str, Any]) -> Message:
        """The form that asks why what the contact asked for is taken back."""
        typed = body["view"]["state"]["values"][views.WHY]["optout.why"]["value"]
        reason = one_line(plain(typed or ""), LONGEST_REASON)
        if not reason:
            message = Message.of(
                "Write why this number may be texted again: it is kept with the opt-out.", private=True
            )
            return replace(message, field=views.WHY)
        return await self._delete(request, remembered, reason)

    async def _delete(self, request: Request, asked: dict[str, Any], reason: str | None) -> Message:
        """Lift every opt-out of the phone *asked* about, unless it was opted out again since it was shown."""
        origin = origin_of(request, Function.DELETE, reason)
        outcome = await asyncio.to_thread(
            self._store.optouts.delete, request.account.id, asked["phone"], origin, seen=asked["seen"]
        )
        return views.deleted(outcome, request.actor, request.account.country)

    async def _add(self, request: Request, body: dict[str, Any]) -> Message:
        """Opt the button's phone out."""
        found = read(value_of(body), None)
        if not isinstance(found, PhoneNumber):
            return views.refused(found)
        origin = origin_of(request, Function.BUTTON)
        outcomes = await asyncio.to_thread(self._store.optouts.add, request.account.id, [found.e164], origin)
        return views.added([views.Typed(found)], {found.e164: outcomes[0]}, request.actor, request.account.country)
