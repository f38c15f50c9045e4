"""`/optout history`: the entries of the list, a page at a time for the asker alone; and remarks on a number."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Self

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
from handlers.subcommands import Reply, Subcommand
from handlers.views import history as views
from handlers.views import optouts
from store import Function, NotAPhone, Store, WrongState

PAGE: Final = 10
_PERSON = re.compile(r"<@([UW][A-Z0-9]{2,})(?:\|[^>]*)?>")
_UPLOAD = re.compile(r"upload\s*(?::\s*)?#?(\d{1,12})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """
    A query of the history: one *phone*'s, what one *actor* did, one *upload*'s, or, with none of them, the list's.

    *phone*: as it was typed, until it is read; *actor*: a person's id in Slack; *upload*: its id.
    """

    phone: str | None = None
    actor: str | None = None
    upload: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The query of `/optout history` *text*. What names neither a person nor an upload is taken for a number."""
        if not text:
            return cls()
        if person := _PERSON.fullmatch(text):
            return cls(actor=person[1])
        if upload := _UPLOAD.fullmatch(text):
            return cls(upload=int(upload[1]))
        return cls(phone=text)

    @classmethod
    def of_button(cls, action_id: str, filters: Mapping[str, Any]) -> Self:
        """
        The query of a button of a page; *filters* are those of its page, as in `filters`.

        Who presses a button of one phone's history is admitted to that alone.
        """
        if action_id.startswith(views.OF_A_PHONE):
            return cls(phone=filters["phone"])
        return cls(**filters)

    @property
    def action(self) -> Action:
        """The action that whoever asks needs to be allowed: more than one number's history is for admins."""
        return Action.WHOLE_HISTORY if self.phone is None else Action.HISTORY

    @property
    def filters(self) -> dict[str, Any]:
        """The filters of `History.list`, as the buttons of a page carry them."""
        filters = {"phone": self.phone, "actor": self.actor, "upload": self.upload}
        return {name: value for name, value in filters.items() if value is not None}

    def title(self, home: str | None) -> str:
        """The heading of its pages, in mrkdwn; *home*: the country in which phones are shown."""
        if self.phone is not None:
            return f"History of {optouts.both(self.phone, home)}"
        if self.actor is not None:
            return f"What <@{self.actor}> did"
        return "History of the list" if self.upload is None else f"History of upload {self.upload:,}"


class Histories:
    """The sub-command `history`, and the listeners of `history.*` and `remark.*`."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions

    @property
    def subcommand(self) -> Subcommand:
        return Subcommand(
            "history [NUMBER, @person or upload:7]",
            "Shows you what was done, newest first; of more than one number to admins only.",
            (Action.HISTORY, Action.WHOLE_HISTORY),
            self._parse,
        )

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

    def _parse(self, text: str) -> Reply:
        query = HistoryQuery.parse(text)
        return Reply(query.action, partial(self._newest, query))

    async def _newest(self, query: HistoryQuery, request: Request, _body: dict[str, Any]) -> Message:
        """The newest page of what was typed."""
        if query.phone is not None:
            number = read_phone(plain(query.phone), request.account.country)
            if isinstance(number, NotAPhone):
                return optouts.refused(number)
            query = replace(query, phone=number.e164)
        return await self._page(request, query, [])

    async def _turn(self, request: Request, body: dict[str, Any]) -> Message:
        """Another page in place of the one that is shown."""
        value = json.loads(pressed_value(body))
        query = HistoryQuery.of_button(body["actions"][0]["action_id"], value["filters"])
        return await self._page(request, query, value["before"])

    async def _page(self, request: Request, query: HistoryQuery, before: list[int]) -> Message:
        """The page of *query* that begins after the last entry of *before*; see `views.page`."""
        page = await asyncio.to_thread(
            self._store.history.list,
            request.account.id,
            **query.filters,
            before=before[-1] if before else None,
            limit=PAGE,
        )
        home = request.account.country
        return views.page(page, query.title(home), query.filters, before, home)

    async def _remark_form(self, request: Request, body: dict[str, Any]) -> View:
        phone = _phone(pressed_value(body))
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, phone)
        return views.remark_form(state, request.account.country, ModalContext.of(request, phone=phone).to_json())

    async def _remark(self, request: Request, context: ModalContext, body: dict[str, Any]) -> Message:
        text = one_line(plain(submitted_values(body)[views.REMARK] or ""), views.LONGEST_REMARK)
        if not text:
            return field_error(views.REMARK, "There is nothing in it.")
        phone, origin = _phone(context.phone), request.origin(Function.REMARK)
        await asyncio.to_thread(
            self._store.history.remark,
            request.account.id,
            phone,
            text,
            origin,
            idempotency_key=idempotency_key_of(body),
        )
        return views.remarked(phone, text, request.actor, request.account.country)


def _phone(text: str) -> str:
    """*text*, which a button or form carries as a phone. Raises `WrongState` when it is none."""
    number = read_phone(text, None)
    if isinstance(number, NotAPhone) or number.e164 != text:
        raise WrongState("That is no phone, so nothing was done.")
    return text
