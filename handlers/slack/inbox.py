"""
Events are kept before they are acknowledged, so that none is lost and none is handled twice.

Bolt acknowledges an event before its listener runs; a process that dies in between has lost it. Here every event is a
row in the database first. Slack's retries of it (same `event_id`) are acknowledged and dropped, and one whose process
died is dispatched again by whichever replica comes by.
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
from handlers.slack.listeners import Listener, Surface
from handlers.slack.posting import POSTED
from handlers.tasks import Tasks
from store import Account, Store

log = structlog.get_logger()
# Set in the context of an event that is dispatched again from the database.
_AGAIN = "taken_up_again"
# A quarter of an hour at least: as long as Slack may be out of order without a drop being lost for it.
MOST_ATTEMPTS = 100


def account_of(body: dict[str, Any]) -> tuple[str, str | None]:
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
    The middleware that keeps events, and the loop that takes up those whose process died.

    *posted*: what to do when Slack says that a message was posted, by account and payload; when it raises, Slack says it
    again.
    """

    def __init__(
        self,
        store: Store,
        tasks: Tasks,
        posted: Callable[[int, dict[str, Any]], Awaitable[None]],
        *,
        lease_seconds: float,
        default_country: str | None,
    ) -> None:
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
        if body.get("type") == "event_callback" and not context.get(_AGAIN):
            event = body["event"]
            channel = event.get("channel_id") or event.get("channel")
            if event["type"] == POSTED:
                # Dealt with before it is acknowledged, so there is nothing to keep: it comes with each of our messages.
                await self._posted((await self.account(body)).id, body)
                return BoltResponse(status=200, body="")
            new = await asyncio.to_thread(self._keep, body, channel if isinstance(channel, str) else None)
            if not new:
                return BoltResponse(status=200, body="")
        await next()
        return None

    async def account(self, body: dict[str, Any]) -> Account:
        """The account that any payload of Slack's is for, an event or another; one never seen gets the default country."""
        return await asyncio.to_thread(self._account, body)

    def _account(self, body: dict[str, Any]) -> Account:
        slack_id, name = account_of(body)
        return self._store.accounts.get_or_create(slack_id, name, country=self._default_country)

    def _keep(self, body: dict[str, Any], channel: str | None) -> bool:
        account = self._account(body)
        return self._store.deliveries.receive(
            account.id, body["event_id"], body["event"]["type"], channel, body, lease_seconds=self._lease_seconds
        )

    def listener(
        self,
        surface: Surface,
        name: str,
        actions: tuple[Action, ...],
        work: Callable[[Account, dict[str, Any], AsyncWebClient], Awaitable[None]],
    ) -> Listener:
        """
        The listener of the event *name*: *work* gets the account, Slack's payload and a client, and admits who asks.

        The event is done when *work* returns. What raises leaves it to be taken up again, and so does a process that
        dies; while *work* goes on, nobody else begins with it. What the desk itself posted or shared is passed over.
        """

        async def listen(body: dict[str, Any], client: AsyncWebClient, context: AsyncBoltContext) -> None:
            with self._tasks.holding():
                event = body["event"]
                account = await self.account(body)
                if context.bot_user_id is None or context.bot_user_id not in (event.get("user_id"), event.get("user")):
                    async with self._held(account.id, body["event_id"]):
                        await work(account, body, client)
                await asyncio.to_thread(self._store.deliveries.done, account.id, body["event_id"])

        return Listener(surface, name, actions, listen)

    def _held(self, account: int, event_id: str) -> AbstractAsyncContextManager[None]:
        """Hold the event's lease while the block runs."""

        def renew() -> None:
            self._store.deliveries.renew(account, event_id, lease_seconds=self._lease_seconds)

        return self._tasks.keep_lease(renew, self._lease_seconds, name="hold an event")

    async def unasked(self, body: dict[str, Any]) -> None:
        """An event nobody handles: acknowledged, and done."""
        account = await self.account(body)
        await asyncio.to_thread(self._store.deliveries.done, account.id, body["event_id"])

    def start(self, app: AsyncApp) -> None:
        """Begin to take up events nobody finished."""
        self._app = app
        self.loop.start()

    async def _take_up(self) -> bool:
        """Dispatch the event again that has waited longest; False when none waits."""
        assert self._app is not None  # noqa: S101  `start` was called
        delivery = await asyncio.to_thread(
            self._store.deliveries.take, lease_seconds=self._lease_seconds, most_attempts=MOST_ATTEMPTS
        )
        if delivery is None:
            return False
        log.info("taking up an event again", event_id=delivery.event_id, attempts=delivery.attempts)
        try:
            await self._app.async_dispatch(
                AsyncBoltRequest(body=delivery.payload, mode="socket_mode", context={_AGAIN: True})
            )
        except Exception:
            # One event that cannot be handled must not keep all others from being taken up.
            log.exception("event not handled", event_id=delivery.event_id)
        return True
