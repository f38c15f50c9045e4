"""History: pages of it for the asker alone, and remarks on a number."""

import asyncio
import json
import re
from typing import Any, Final

from slack_sdk.models.views import View

from handlers.entered import read_phone
from handlers.permissions import Action
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import one_line, plain
from handlers.slack.payloads import idempotency_key_of, pressed_value, submitted_values
from handlers.slack.places import Request
from handlers.views import history as views
from handlers.views import optouts
from store import Function, NotAPhone, Store

PAGE: Final = 10
_PERSON = re.compile(r"<@([UW][A-Z0-9]{2,})(?:\|[^>]*)?>")
_UPLOAD = re.compile(r"upload\s*:?\s*#?(\d{1,12})", re.IGNORECASE)


class Histories:
    """What `/optout history` answers, and the listeners of `history.*` and `remark.*`."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions

    def listeners(self) -> tuple[Listener, ...]:
        of_a_phone, of_all = (views.OF_A_PHONE, Action.HISTORY), (views.OF_ALL, Action.WHOLE_HISTORY)
        return (
            *(
                self._interactions.button(f"{name}.{way}", action, self._turn)
                for name, action in (of_a_phone, of_all)
                for way in ("newer", "older")
            ),
            self._interactions.opening("remark.form", Action.REMARK, "Add a remark", self._remark_form),
            self._interactions.modal("remark.form", Action.REMARK, self._remark),
        )

    async def asked(self, request: Request, text: str) -> Message:
        """The newest page of what `/optout history` *text* asks for."""
        if not text:
            return await self._page(request, {}, [])
        if found := _PERSON.fullmatch(text):
            return await self._page(request, {"actor": found[1]}, [])
        if found := _UPLOAD.fullmatch(text):
            return await self._page(request, {"upload": int(found[1])}, [])
        phone = read_phone(plain(text), request.account.country)
        if isinstance(phone, NotAPhone):
            return optouts.refused(phone)
        return await self._page(request, {"phone": phone.e164}, [])

    async def _turn(self, request: Request, body: dict[str, Any]) -> Message:
        """Another page in place of the one that is shown."""
        value = json.loads(pressed_value(body))
        filters = value["filters"]
        if body["actions"][0]["action_id"].startswith(views.OF_A_PHONE):
            filters = {"phone": filters["phone"]}
        return await self._page(request, filters, value["before"])

    async def _page(self, request: Request, filters: dict[str, Any], before: list[int]) -> Message:
        found = await asyncio.to_thread(
            self._store.history.list, request.account.id, **filters, before=before[-1] if before else None, limit=PAGE
        )
        home = request.account.country
        match filters:
            case {"phone": phone}:
                of = f"History of {optouts.both(phone, home)}"
            case {"actor": actor}:
                of = f"What <@{actor}> did"
            case {"upload": upload}:
                of = f"History of upload {upload:,}"
            case _:
                of = "History of the list"
        return views.page(found, of, filters, before, home)

    async def _remark_form(self, request: Request, body: dict[str, Any]) -> View:
        phone = pressed_value(body)
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, phone)
        return views.remark_form(state, request.account.country, ModalContext.of(request, phone=phone).to_json())

    async def _remark(self, request: Request, carried: ModalContext, body: dict[str, Any]) -> Message:
        text = one_line(plain(submitted_values(body)[views.REMARK] or ""), views.LONGEST_REMARK)
        if not text:
            return field_error(views.REMARK, "There is nothing in it.")
        phone, origin = carried.phone, request.origin(Function.REMARK)
        await asyncio.to_thread(
            self._store.history.remark, request.account.id, phone, text, origin, once=idempotency_key_of(body)
        )
        return views.remarked(phone, text, request.actor, request.account.country)
