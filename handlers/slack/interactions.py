"""Buttons and modals: who pressed is admitted, the work is done, then Slack gets its acknowledgement and they their answer."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from handlers.permissions import Action
from handlers.slack.acknowledge import acknowledged
from handlers.slack.errors import error_code, outcome_of
from handlers.slack.listeners import Listener, Surface
from handlers.slack.messages import NOTHING, Message
from handlers.slack.modals import saying, told
from handlers.slack.outbox import Answers, for_all
from handlers.slack.places import Place, Request
from handlers.slack.replies import Replies
from handlers.slack.roles import Roles
from handlers.tasks import Tasks
from store import Account, Actor, Function, Origin

log = structlog.get_logger()
Ack = Callable[..., Awaitable[Any]]
# Makes a modal of a request and Slack's payload.
Make = Callable[[Request, dict[str, Any]], Awaitable[View]]
# Of the 3 s that a trigger lives.
_LOADING_AFTER = 1.0
_NOT_OPENED = "Slack did not open the form in time, so nothing was done. Please try again."


class Interactions:
    """
    Makes listeners of what a button, a modal or a message shortcut is to do.

    *account*: the account that a payload is for.
    """

    def __init__(
        self,
        roles: Roles,
        replies: Replies,
        answers: Answers,
        tasks: Tasks,
        account: Callable[[dict[str, Any]], Awaitable[Account]],
    ) -> None:
        self._account = account
        self._roles = roles
        self.replies = replies
        self.answers = answers
        self.tasks = tasks

    async def admit(self, place: Place, body: dict[str, Any], action: Action) -> Request | Message:
        """The request of the asker at *place* when they may do *action*; else a no for them alone."""
        return await self._roles.admit(place, await self._account(body), action)

    async def answer_event(self, place: Place, message: Message, body: dict[str, Any], *, of: str = "") -> None:
        """
        Answer the event *body*; *of*: which of several things it is about. An event taken up again is answered once.

        Raises `StoreError` when the answer cannot be kept: the event is then taken up again.
        """
        key = f"{body['event_id']} {of}".rstrip()
        await self.answers.give(await self.answers.keep(body, place, message, key=key, must=True))

    def button(
        self, name: str, action: Action, work: Callable[[Request, dict[str, Any]], Awaitable[Message | None]]
    ) -> Listener:
        """
        The listener of a button or menu *name*: *work* gets the request and Slack's payload.

        Its message answers in the thread of the button's message; None: what it did is shown elsewhere.
        """

        async def listen(ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
            place = place_of(body, client)

            async def answer() -> Message:
                request = await self.admit(place, body, action)
                return request if isinstance(request, Message) else for_all(request, await work(request, body))

            with self.tasks.holding():
                await self._answer(ack, place, body, answer(), key=body["trigger_id"])

        return Listener(Surface.BUTTON, name, (action,), listen)

    def opening(self, name: str, action: Action, title: str, make: Make) -> Listener:
        """The listener of a button *name* that opens the modal *make* makes; see `open_for`."""

        async def listen(ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
            with self.tasks.holding():
                await ack()
                await self.open_for(place_of(body, client), body, action, title, make)

        return Listener(Surface.BUTTON, name, (action,), listen)

    async def open_for(
        self,
        place: Place,
        body: dict[str, Any],
        action: Action,
        title: str,
        make: Make,
    ) -> None:
        """
        Open the modal *make* makes for whoever may do *action*; others get their no. Acknowledge before.

        The trigger is gone after 3 s. What takes longer than one, a busy database or a slow answer of Slack's, is waited
        for in a modal called *title*, which is there already and is filled then.
        """

        async def outcome() -> View | Message:
            # `outcome_of` turns what fails into words; a view is handed around it.
            views: list[View] = []

            async def work() -> Message:
                request = await self.admit(place, body, action)
                if isinstance(request, Message):
                    return request
                views.append(await make(request, body))
                return NOTHING

            message = await outcome_of(work())
            return views[0] if views else message

        making = asyncio.ensure_future(outcome())
        done, _ = await asyncio.wait({making}, timeout=_LOADING_AFTER)
        if done:
            found = making.result()
            if isinstance(found, Message):
                await self.replies.tell(place, found)
            else:
                await self.open(place, body, found)
            return
        opened = await self.open(place, body, saying(title, "One moment …"))
        found = await making
        if opened is not None:
            await self.fill(place, opened, told(found) if isinstance(found, Message) else found)

    def shortcut(self, name: str, action: Action, title: str, make: Make) -> Listener:
        """
        The listener of a message shortcut *name*, which opens the modal *make* makes of Slack's payload; see `open_for`.

        What there is to say instead is for the asker alone: nobody else knows that they asked.
        """

        async def listen(ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
            with self.tasks.holding():
                await ack()
                await self.open_for(_place_of_shortcut(body, client), body, action, title, make)

        return Listener(Surface.SHORTCUT, name, (action,), listen)

    def modal(
        self,
        name: str,
        action: Action,
        work: Callable[[Request, dict[str, Any], dict[str, Any]], Awaitable[Message | None]],
    ) -> Listener:
        """
        The listener of the submitted modal *name*: *work* gets the request, what `about` remembered, and Slack's payload.

        A message with a `field` is shown as that field's error, a private one in the modal; any other closes it and is
        posted where it was opened. None closes it.
        """

        async def listen(ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
            remembered = json.loads(body["view"]["private_metadata"])
            place = _place_of_modal(body, remembered, client)

            async def answer() -> Message:
                request = await self.admit(place, body, action)
                return (
                    request if isinstance(request, Message) else for_all(request, await work(request, remembered, body))
                )

            def shown(message: Message) -> dict[str, Any] | None:
                if message.field is not None:
                    return {"response_action": "errors", "errors": {message.field: message.text}}
                return {"response_action": "update", "view": told(message)} if message.private else None

            closing = {"response_action": "clear"} if body["view"].get("previous_view_id") else None
            with self.tasks.holding():
                await self._answer(ack, place, body, answer(), key=once_of(body), shown=shown, closing=closing)

        return Listener(Surface.MODAL, name, (action,), listen)

    async def _answer(
        self, ack: Ack, place: Place, body: dict[str, Any], work: Awaitable[Message], *, key: str, **acks: Any
    ) -> None:
        """Acknowledge a button or modal, whose ack shows nothing by itself, and answer it."""

        async def late(text: str) -> None:
            await self.replies.tell(place, Message.of(text))

        answers = self.answers
        await answers.give(
            await acknowledged(ack, work, answers=answers, body=body, place=place, key=key, late=late, **acks)
        )

    async def open(self, request: Place, body: dict[str, Any], view: View) -> dict[str, Any] | None:
        """
        Open *view* for whoever pressed, on top of the one they pressed in; None, and they are told, when Slack does not.

        A trigger lives for 3 s and opens one modal (https://docs.slack.dev/surfaces/modals).
        """
        inside = (body.get("container") or {}).get("type") == "view" and body["view"]["type"] == "modal"
        method = request.client.views_push if inside else request.client.views_open
        try:
            opened: dict[str, Any] = (await method(trigger_id=body["trigger_id"], view=view))["view"]
        except SlackApiError as error:
            log.warning("a modal was not opened", error=error_code(error))
            await self.replies.tell(request, Message.of(_NOT_OPENED))
            return None
        return opened

    async def fill(self, request: Place, opened: dict[str, Any], view: View) -> None:
        """Show *view* in the modal *opened*, unless it was closed or changed since."""
        try:
            await request.client.views_update(view_id=opened["id"], hash=opened["hash"], view=view)
        except SlackApiError as error:
            log.info("a modal was closed before it was filled", error=error_code(error))


def once_of(body: dict[str, Any]) -> str:
    """
    Names a submitted modal with what stands in it: who submits the same again asks for nothing new.

    Slack lets people submit once more what it got no acknowledgement for, and they may have changed it by then.
    """
    view = body["view"]
    filled = json.dumps(view["state"]["values"], sort_keys=True)
    return f"view {view['id']} {hashlib.sha256(filled.encode()).hexdigest()[:16]}"


def about(request: Place, **more: Any) -> str:
    """What a modal remembers of where it was opened, and *more*: at most 3,000 characters."""
    where = {
        "channel": request.channel_id,
        "name": request.channel_name,
        "thread": request.thread_ts,
        "message": request.message_ts,
        # A message that the asker alone sees is answered to them alone.
        "alone": request.ephemeral,
        "response_url": request.response_url if request.ephemeral else None,
    }
    return json.dumps(where | more)


def origin_of(request: Place, function: Function, reason: str | None = None) -> Origin:
    """What an entry made at *request* says."""
    return Origin(
        function,
        request.actor,
        # In App Home there is none: the answer goes to the person.
        channel_id=None if request.channel_id == request.actor.id else request.channel_id,
        channel_name=request.channel_name,
        message_ts=request.message_ts,
        reason=reason,
    )


def value_of(body: dict[str, Any]) -> str:
    """What the button or menu that was used stands for."""
    action = body["actions"][0]
    value: str = (action.get("selected_option") or action)["value"]
    return value


def place_of(body: dict[str, Any], client: AsyncWebClient) -> Place:
    """
    Where a button was pressed: its answer goes to the thread of its message, or to the asker who alone sees it.

    One in a modal stands for where that was opened. One in App Home belongs to no message: what it has to say goes to
    the asker's direct messages.
    """
    user, container, message = body["user"], body["container"], body.get("message") or {}
    actor = Actor(user["id"], user.get("username") or user.get("name") or user["id"])
    if container["type"] == "view" and body["view"]["type"] == "modal":
        return _place_of_modal(body, json.loads(body["view"]["private_metadata"]), client)
    if container["type"] == "view":
        return Place(actor=actor, channel_id=user["id"], client=client)
    return Place(
        actor=actor,
        channel_id=body["channel"]["id"],
        channel_name=_name_of(body["channel"]),
        thread_ts=message.get("thread_ts") or container.get("thread_ts") or container["message_ts"],
        message_ts=container["message_ts"],
        response_url=body.get("response_url"),
        client=client,
        ephemeral=bool(container.get("is_ephemeral")),
    )


def _place_of_shortcut(body: dict[str, Any], client: AsyncWebClient) -> Place:
    """The message that the shortcut was used on; it may stand where the bot is not."""
    user, message = body["user"], body.get("message") or {}
    return Place(
        actor=Actor(user["id"], user.get("username") or user.get("name") or user["id"]),
        channel_id=body["channel"]["id"],
        channel_name=_name_of(body["channel"]),
        thread_ts=message.get("thread_ts") or body["message_ts"],
        message_ts=body["message_ts"],
        response_url=body.get("response_url"),
        client=client,
    )


def _place_of_modal(body: dict[str, Any], remembered: dict[str, Any], client: AsyncWebClient) -> Place:
    user = body["user"]
    return Place(
        actor=Actor(user["id"], user.get("username") or user.get("name") or user["id"]),
        channel_id=remembered["channel"],
        channel_name=remembered["name"],
        thread_ts=remembered["thread"],
        message_ts=remembered["message"],
        response_url=remembered.get("response_url"),
        ephemeral=bool(remembered.get("alone")),
        client=client,
    )


def _name_of(channel: dict[str, Any]) -> str | None:
    """Slack calls all private channels and direct messages by these same names."""
    name = channel.get("name")
    return None if name in {"privategroup", "directmessage"} else name
