"""`/optout history`: the entries of the list, a page at a time for the asker alone; and remarks on a number."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Self

import structlog
from slack_sdk.models.views import View

from handlers.entered import read_phone
from handlers.permissions import Action, allow
from handlers.slack.errors import error_name
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import one_line, plain
from handlers.slack.payloads import idempotency_key_of, pressed_value, submitted_values
from handlers.slack.places import Request
from handlers.slack.roles import Roles, name_of
from handlers.subcommands import GiveAnswer, Subcommand
from handlers.views import history as views
from handlers.views import optouts
from store import Account, Actor, Errand, Function, HistoryPage, NotAPhone, PhoneNumber, Store, WrongState

log = structlog.get_logger()
_PERSON = re.compile(r"<@([UW][A-Z0-9]{2,})(?:\|[^>]*)?>")
_UPLOAD = re.compile(r"upload\s*(?::\s*)?#?(\d{1,12})", re.IGNORECASE)
_QUOTES: Final = "\"'`\u201c\u201d\u2018\u2019"
# Slack's people that are looked through for a name; of a huge workspace the first page.
_MOST_PEOPLE: Final = 1_000
_LONGEST_NAME: Final = 300
# The errands that ask for a history: of one number, and of more, which is for admins.
_OF_ONE: Final = "history"
_OF_MORE: Final = "history.all"


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """
    A query of the history: one *phone*'s, what one *actor* did, some *uploads*', or, with none of them, the list's.

    *phone*: in E.164; *actor*: a person's id in Slack; *uploads*: their numbers. *words*: what was typed and is still to be
    read as a number, or looked up as the name of a person or of a file.
    """

    phone: str | None = None
    actor: str | None = None
    uploads: tuple[int, ...] = ()
    words: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """The query of `/optout history` *text*."""
        if not text:
            return cls()
        if person := _PERSON.fullmatch(text):
            return cls(actor=person[1])
        if upload := _UPLOAD.fullmatch(text):
            return cls(uploads=(int(upload[1]),))
        return cls(words=text)

    @classmethod
    def of_button(cls, action_id: str, filters: Mapping[str, Any]) -> Self:
        """
        The query of a button of a page; *filters* are those of its page, as in `filters`.

        Who presses a button of one phone's history is admitted to that alone.
        """
        if action_id.startswith(views.OF_A_PHONE):
            return cls(phone=filters["phone"])
        # Pages shown by releases before name one upload.
        one = filters.get("upload")
        uploads = tuple(filters.get("uploads") or ([] if one is None else [one]))
        return cls(phone=filters.get("phone"), actor=filters.get("actor"), uploads=uploads)

    @property
    def action(self) -> Action:
        """The action that whoever asks needs to be allowed: more than one number's history is for admins."""
        return Action.WHOLE_HISTORY if self.phone is None and self.words is None else Action.HISTORY

    @property
    def filters(self) -> dict[str, Any]:
        """The filters of `History.list`, as the buttons of a page carry them."""
        filters = {"phone": self.phone, "actor": self.actor, "uploads": self.uploads or None}
        return {name: value for name, value in filters.items() if value is not None}


class Histories:
    """The sub-command `history`, and the listeners of `history.*` and `remark.*`."""

    def __init__(self, store: Store, roles: Roles, interactions: Interactions) -> None:
        self._store = store
        self._roles = roles
        self._interactions = interactions
        for name, action in ((_OF_ONE, Action.HISTORY), (_OF_MORE, Action.WHOLE_HISTORY)):
            interactions.errand(name, action, self._show, shows=True)

    @property
    def subcommand(self) -> Subcommand:
        return Subcommand(
            "history [NUMBER, @person, FILE or upload 7]",
            "Shows you what was done with a number, newest first; admins also what somebody did, what a list did, or everything.",
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
            self._interactions.opening("form.history", Action.HISTORY, views.TITLE, self._form),
            self._interactions.modal("form.history", Action.HISTORY, self._asked),
            self._interactions.opening("remark.form", Action.REMARK, "Add a remark", self._remark_form),
            self._interactions.modal("remark.form", Action.REMARK, self._remark),
        )

    def _parse(self, text: str) -> GiveAnswer:
        query = HistoryQuery.parse(text)
        return GiveAnswer(query.action, partial(self._newest, query), partial(self._errand, text))

    @staticmethod
    async def _errand(text: str, account: Account) -> Errand | None:
        """The history that *text* asks for, as it is handed over: of one number, or of more; None for what is too long to be any."""
        if len(text) > _LONGEST_NAME:
            return None
        query = HistoryQuery.parse(text)
        number = await asyncio.to_thread(read_phone, plain(query.words), account.country) if query.words else None
        return Errand(_OF_ONE if isinstance(number, PhoneNumber) else _OF_MORE, text)

    async def _show(self, request: Request, body: dict[str, Any]) -> Message:
        """The newest page that somebody else asked for, for them to read."""
        page = await self._newest(HistoryQuery.parse(pressed_value(body)), request, body)
        return replace(page, blocks=tuple(block for block in page.blocks if block["type"] != "actions"), settles=None)

    @staticmethod
    async def _form(request: Request, _body: dict[str, Any]) -> View:
        sees_all = allow(request.role, Action.WHOLE_HISTORY)
        return views.form(ModalContext.of(request).to_json(), sees_all=sees_all)

    async def _asked(self, request: Request, _context: ModalContext, body: dict[str, Any]) -> Message:
        """The form, submitted: its page takes the form's place."""
        text = (submitted_values(body)[views.OF] or "").strip()
        query = HistoryQuery.parse(text)
        admitted = await self._interactions.admit(request, body, query.action, partial(self._errand, text))
        return await self._newest(query, admitted, body) if isinstance(admitted, Request) else admitted

    async def _newest(self, query: HistoryQuery, request: Request, body: dict[str, Any]) -> Message:
        """The newest page of what was typed."""
        found = query if query.words is None else await self._looked_up(query.words, request, body)
        return found if isinstance(found, Message) else await self._page(request, found, [])

    async def _looked_up(self, words: str, request: Request, body: dict[str, Any]) -> HistoryQuery | Message:
        """The query that *words* stand for: a number, or else the name of a person or of a file, which are for admins."""
        text = one_line(plain(words), _LONGEST_NAME).strip(_QUOTES)
        is_name = text.startswith("@")
        number = None if is_name else await asyncio.to_thread(read_phone, plain(words), request.account.country)
        if isinstance(number, PhoneNumber):
            return HistoryQuery(phone=number.e164)
        if number is not None and not any(char.isalpha() for char in text):
            return optouts.refused([number], "history NUMBER")
        if not allow(request.role, Action.WHOLE_HISTORY):

            async def asked(account: Account) -> Errand | None:
                return await self._errand(words, account)

            admitted = await self._interactions.admit(request, body, Action.WHOLE_HISTORY, asked)
            if isinstance(admitted, Message):
                return admitted
        if not is_name:
            lists = await asyncio.to_thread(self._store.history.uploads_called, request.account.id, text)
            if lists:
                return HistoryQuery(uploads=tuple(upload.id for upload in lists))
        people = await self._people_called(text.removeprefix("@"), request)
        if len(people) > 1:
            return views.several(text, list(people.values())[: views.MOST_NAMED])
        if people:
            return HistoryQuery(actor=next(iter(people)))
        return views.not_found(text)

    async def _people_called(self, name: str, request: Request) -> dict[str, Actor]:
        """Those called *name*, by their id: as they were called when they did something, and as Slack calls them now."""
        made = await asyncio.to_thread(self._store.history.people_called, request.account.id, name)
        people = {actor.id: actor for actor in made}
        try:
            members = (await request.client.users_list(limit=_MOST_PEOPLE))["members"]
        except Exception as error:  # noqa: BLE001  whoever did something is known without Slack
            log.info("nobody is looked up by name", why=error_name(error))
            return people
        for user in members:
            profile = user.get("profile") or {}
            names = (user.get("name"), profile.get("display_name"), profile.get("real_name"))
            if name.casefold() in {str(one).casefold() for one in names if one}:
                people.setdefault(user["id"], Actor(user["id"], name_of(user)))
        return people

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
            limit=views.PAGE,
        )
        heading = await self._heading(request, query, page)
        return views.page(page, heading, query.filters, before, request.account.country)

    async def _heading(self, request: Request, query: HistoryQuery, page: HistoryPage) -> views.Heading:
        """What stands at the head of the pages of *query*. Raises `StoreError` for an upload that there is not."""
        if query.phone is not None:
            return views.of_phone(query.phone, request.account.country)
        if query.uploads:
            get = self._store.uploads.get
            return views.of_uploads([await asyncio.to_thread(get, request.account.id, one) for one in query.uploads])
        if query.actor is not None:
            return views.of_person(page.items[0].entry.actor if page.items else await self._actor(query.actor, request))
        return views.OF_THE_LIST

    async def _actor(self, user: str, request: Request) -> Actor:
        """The person of that id, who has done nothing yet, by the name that Slack knows."""
        return (await self._roles.role_of(request.client, request.account, user)).actor

    async def _remark_form(self, request: Request, body: dict[str, Any]) -> View:
        phone = _phone(pressed_value(body))
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, phone)
        return views.remark_form(state, request.account.country, ModalContext.of(request, phone=phone).to_json())

    async def _remark(self, request: Request, context: ModalContext, body: dict[str, Any]) -> Message:
        text = one_line(plain(submitted_values(body)[views.REMARK] or ""), views.LONGEST_REMARK)
        if not text:
            return field_error(views.REMARK, "There is nothing in it: write the remark, or cancel.")
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
        raise WrongState("That is no phone, so nothing was done. Send `/optout NUMBER` to see one and its buttons.")
    return text
