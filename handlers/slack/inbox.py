"""
The inbox: events are kept before they are acknowledged, so that none is lost and none is handled twice.

Bolt acknowledges an event before its listener runs; a process that dies in between has lost it. Here every event is a
row in the database first. Slack's retries of it (same `event_id`) are acknowledged and dropped, and one whose process
died, or for which Slack or the database was away, is dispatched again by whichever replica comes by, until it is done.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.async_app import AsyncBoltContext, AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from handlers.loops import Loop
from handlers.permissions import Action
from handlers.slack.errors import UnreadableRowError, pause_after, reason_of
from handlers.slack.listeners import Listener, Surface
from handlers.slack.posting import POSTED
from handlers.tasks import Tasks
from store import Account, InboxEvent, LeaseLost, Store, StoreError

log = structlog.get_logger()
# In Bolt's context: the `InboxEvent` that is handled.
_EVENT = "inbox_event"
# What an event's listener does: with the account, Slack's payload, a client, and the event as it is kept.
Work = Callable[[Account, dict[str, Any], AsyncWebClient, InboxEvent], Awaitable[None]]


def installation_of(body: dict[str, Any]) -> tuple[str, str | None]:
    """
    The Slack id and, where told, the name of the account a payload is for.

    That is the organisation or workspace that installed the app.

    An event from a channel shared with another organisation carries *its* team id outside; whose installation it is for
    stands in `authorizations` (https://docs.slack.dev/apis/events-api/#authorizations).
    """
    for authorization in body.get("authorizations") or ():
        if authorization.get("is_enterprise_install"):
            return authorization["enterprise_id"], None
        return authorization["team_id"], None
    # Slash commands say "false", as a string.
    if body.get("is_enterprise_install") in (True, "true"):
        enterprise = body.get("enterprise") or {}
        slack_id = body.get("enterprise_id") or enterprise["id"]
        return slack_id, body.get("enterprise_name") or enterprise.get("name")
    team = body.get("team") or {}
    slack_id = body.get("team_id") or team.get("id") or body["user"]["team_id"]
    return slack_id, body.get("team_domain") or team.get("domain")


class Events:
    """
    The middleware that keeps events in the inbox, and the loop that takes up those whose process died.

    *posted*: what to do when Slack says that a message was posted, by account and payload; when it raises, Slack says it
    again.
    """

    def __init__(
        self,
        store: Store,
        tasks: Tasks,
        posted: Callable[[int, dict[str, Any]], Awaitable[None]],
        *,
        owner: str,
        lease_seconds: float,
        default_country: str | None,
    ) -> None:
        self._owner = owner
        self._store = store
        self._posted = posted
        self._tasks = tasks
        self._lease_seconds = lease_seconds
        self._default_country = default_country
        self._app: AsyncApp | None = None
        self.loop = Loop("inbox", self._take_up, tasks, every=max(0.2, lease_seconds / 4))

    async def keep(
        self,
        body: dict[str, Any],
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002  Bolt hands it in by this name
    ) -> BoltResponse | None:
        """Bolt's `before_authorize` middleware. When it raises, Slack gets no acknowledgement and sends the event again."""
        if body.get("type") == "event_callback" and context.get(_EVENT) is None:
            event = body["event"]
            channel = event.get("channel_id") or event.get("channel")
            if event["type"] == POSTED:
                # Dealt with before it is acknowledged, so there is nothing to keep: it comes with each of our messages.
                await self._posted((await self.account(body)).id, body)
                return BoltResponse(status=200, body="")
            kept = await asyncio.to_thread(self._keep, body, channel if isinstance(channel, str) else None)
            if kept is None:
                return BoltResponse(status=200, body="")
            context[_EVENT] = kept
        await next()
        return None

    async def account(self, body: dict[str, Any]) -> Account:
        """The account that any payload of Slack's is for, an event or another; one never seen gets the default country."""
        return await asyncio.to_thread(self._account, body)

    def _account(self, body: dict[str, Any]) -> Account:
        slack_id, name = installation_of(body)
        return self._store.accounts.get_or_create(slack_id, name, country=self._default_country)

    def _keep(self, body: dict[str, Any], channel: str | None) -> InboxEvent | None:
        account = self._account(body)
        return self._store.inbox.keep(
            account.id,
            body["event_id"],
            body["event"]["type"],
            channel,
            body,
            owner=self._owner,
            lease_seconds=self._lease_seconds,
        )

    def listener(
        self,
        surface: Surface,
        name: str,
        actions: tuple[Action, ...],
        work: Work,
    ) -> Listener:
        """
        The listener of the event *name*: *work* admits who asks.

        The event is done when *work* returns, or was by *work* itself. What raises leaves it to be taken up again, and so
        does a process that dies; while *work* goes on, nobody else begins with it. What the desk itself posted or shared
        is passed over.
        """

        async def listen(body: dict[str, Any], client: AsyncWebClient, context: AsyncBoltContext) -> None:
            event: InboxEvent = context[_EVENT]
            with self._tasks.holding():
                try:
                    account = await self.account(body)
                    payload = body["event"]
                    if context.bot_user_id is None or context.bot_user_id not in (
                        payload.get("user_id"),
                        payload.get("user"),
                    ):
                        async with self._held(event):
                            await work(account, body, client, event)
                    await self._done(event)
                except Exception as error:  # noqa: BLE001  whatever it is, the event must not be lost for it
                    await self._failed(event, error)

        return Listener(surface, name, actions, listen)

    async def _done(self, event: InboxEvent) -> None:
        try:
            await asyncio.to_thread(self._store.inbox.done, event)
        except LeaseLost:
            # It was done with its effect; or somebody else has it by now, and finds that effect there.
            log.debug("an event was done already", event_id=event.event_id)

    async def _failed(self, event: InboxEvent, error: Exception) -> None:
        """Wait before *event* is tried again; one that can never be handled is set aside. Never raises."""
        pause = pause_after(error, event.attempts)
        try:
            if pause is None:
                log.error("an event is discarded", event_id=event.event_id, kind=event.kind, exc_info=error)
                await asyncio.to_thread(self._store.inbox.discard, event, reason_of(error))
            else:
                log.warning("an event waits", event_id=event.event_id, attempts=event.attempts, exc_info=error)
                await asyncio.to_thread(self._store.inbox.postpone, event, seconds=min(pause, 2 * self._lease_seconds))
        except StoreError:
            # Whoever took it over decides; or the database is away, and its lease runs out.
            log.warning("an event is left to the next claim", event_id=event.event_id)

    def _held(self, event: InboxEvent) -> AbstractAsyncContextManager[None]:
        """Hold the event's lease while the block runs."""

        def renew() -> None:
            self._store.inbox.renew(event, lease_seconds=self._lease_seconds)

        return self._tasks.keep_lease(renew, self._lease_seconds, name="hold an event")

    async def ignore(self, context: AsyncBoltContext) -> None:
        """The listener of all other events: acknowledged, and done."""
        await self._done(context[_EVENT])

    def start(self, app: AsyncApp) -> None:
        """Begin to take up events nobody finished."""
        self._app = app
        self.loop.start()

    async def _take_up(self) -> bool:
        """Dispatch the event again that has waited longest; False when none waits."""
        assert self._app is not None  # noqa: S101  `start` was called
        event = await asyncio.to_thread(self._store.inbox.claim, self._owner, lease_seconds=self._lease_seconds)
        if event is None:
            return False
        log.info("taking up an event again", event_id=event.event_id, attempts=event.attempts)
        try:
            _require_readable(event.payload)
        except UnreadableRowError as error:
            await asyncio.to_thread(self._store.inbox.discard, event, reason_of(error))
            log.exception("an event is discarded", event_id=event.event_id)
            return True
        try:
            answer = await self._app.async_dispatch(
                AsyncBoltRequest(body=event.payload, mode="socket_mode", context={_EVENT: event})
            )
        except Exception as error:  # noqa: BLE001  one event that cannot be handled must not keep others waiting
            await self._failed(event, error)
        else:
            if answer.status >= 400:
                # Bolt answers so before it finds a listener; whatever that was, it is tried again.
                await self._failed(event, RuntimeError(f"Bolt answered {answer.status}"))
        return True


def _require_readable(payload: object) -> None:
    """Raise `UnreadableRowError` unless *payload* is an event as Slack sends them."""
    event = payload.get("event") if isinstance(payload, dict) else None
    if not isinstance(event, dict) or "type" not in event:
        raise UnreadableRowError("it is not an event of Slack's")
