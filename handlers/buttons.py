"""The buttons on answers of `/optout`: delete after a question, and opt out what was searched."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from handlers.acknowledge import acknowledged
from handlers.command import origin_of, read
from handlers.events import account_of
from handlers.replies import Message, Place, Replies, Request
from handlers.roles import Action, Roles
from handlers.tasks import Tasks
from handlers.views import optouts as views
from store import Actor, Function, PhoneNumber, Store


def place_of(body: dict[str, Any], client: AsyncWebClient) -> Place:
    """Where a button was pressed: its answer goes to the thread of its message, or to the asker who alone sees it."""
    container, message = body["container"], body.get("message") or {}
    name = body["channel"].get("name")
    return Place(
        actor=Actor(body["user"]["id"], body["user"].get("username") or body["user"]["id"]),
        channel_id=body["channel"]["id"],
        # Slack calls all private channels and direct messages by these same names.
        channel_name=None if name in {"privategroup", "directmessage"} else name,
        thread_ts=message.get("thread_ts") or container.get("thread_ts") or container["message_ts"],
        message_ts=container["message_ts"],
        response_url=body.get("response_url"),
        client=client,
        ephemeral=bool(container.get("is_ephemeral")),
    )


class Buttons:
    """The listeners of the `optout.*` actions."""

    def __init__(self, store: Store, roles: Roles, replies: Replies, tasks: Tasks) -> None:
        self._store = store
        self._roles = roles
        self._replies = replies
        self._tasks = tasks

    async def delete(self, ack: Callable[..., Awaitable[Any]], body: dict[str, Any], client: AsyncWebClient) -> None:
        """Lift every opt-out of the button's phone, unless it was opted out again since the button was shown."""
        await self._pressed(ack, body, client, self._delete)

    async def add(self, ack: Callable[..., Awaitable[Any]], body: dict[str, Any], client: AsyncWebClient) -> None:
        """Opt the button's phone out."""
        await self._pressed(ack, body, client, self._add)

    async def _pressed(
        self,
        ack: Callable[..., Awaitable[Any]],
        body: dict[str, Any],
        client: AsyncWebClient,
        work: Callable[[Place, dict[str, Any]], Awaitable[Message]],
    ) -> None:
        place = place_of(body, client)

        async def late(text: str) -> None:
            await self._replies.tell(place, Message.of(text))

        with self._tasks.holding():
            message = await acknowledged(ack, work(place, body), late=late)
            if message.settles is not None and not place.ephemeral:
                await self._replies.settle(place, body.get("message") or {}, message.settles)
            await self._replies.answer(place, message)

    async def _delete(self, place: Place, body: dict[str, Any]) -> Message:
        request = await self._admitted(place, body, Action.DELETE)
        if isinstance(request, Message):
            return request
        value = json.loads(body["actions"][0]["value"])
        origin = origin_of(request, Function.DELETE, value.get("reason"))
        outcome = await asyncio.to_thread(
            self._store.optouts.delete, request.account.id, value["phone"], origin, seen=value["seen"]
        )
        return views.deleted(outcome, request.actor, request.account.country)

    async def _add(self, place: Place, body: dict[str, Any]) -> Message:
        request = await self._admitted(place, body, Action.ADD)
        if isinstance(request, Message):
            return request
        found = read(body["actions"][0]["value"], None)
        if not isinstance(found, PhoneNumber):
            return views.refused(found)
        origin = origin_of(request, Function.BUTTON, None)
        outcomes = await asyncio.to_thread(self._store.optouts.add, request.account.id, [found.e164], origin)
        return views.added([views.Typed(found)], {found.e164: outcomes[0]}, request.actor, request.account.country)

    async def _admitted(self, place: Place, body: dict[str, Any], action: Action) -> Request | Message:
        slack_id, name = account_of(body)
        account = await asyncio.to_thread(self._store.accounts.get_or_create, slack_id, name)
        return await self._roles.admit(place, account, action)
