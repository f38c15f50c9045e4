"""
The inbox: events are kept before they are acknowledged, so that none is lost and none is handled twice.

Bolt acknowledges an event before its listener runs; a process that dies in between has lost it. Here every event is a
row in the database first. Slack's retries of it (same `event_id`) are acknowledged and dropped, and one whose process
died, or for which Slack or the database was away, is dispatched again by whichever replica comes by, until it is done.

A button or a form that could not be admitted, since Slack was away, is kept here too and waits in the same way: whoever
used it sees that it was taken, and does not do it again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Any

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.async_app import AsyncBoltContext, AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from handlers.loops import Loop
from handlers.permissions import Action
from handlers.slack.clients import ServedWorkspaces, Standing
from handlers.slack.errors import (
    DEADLY,
    MOST_DEATHS,
    NOT_INSTALLED,
    UnansweredError,
    UnreadableRowError,
    pause_after,
    reason_of,
    reference_of,
)
from handlers.slack.listeners import Listener, Surface
from handlers.slack.payloads import idempotency_key_of, installation_of
from handlers.slack.posting import POSTED
from handlers.slack.uploads_channels import CHANGES
from handlers.tasks import Tasks
from store import Account, InboxEvent, LeaseLost, Store, StoreError

log = structlog.get_logger()
# In Bolt's context: the `InboxEvent` that is handled.
EVENT = "inbox_event"
# And the id in Slack of the workspace or organisation that a payload is for.
INSTALLED_FOR = "installed_for"
# What an event's listener does: with the account, Slack's payload, a client, and the event as it is kept.
Work = Callable[[Account, dict[str, Any], AsyncWebClient, InboxEvent], Awaitable[None]]
# Tells whoever sent a payload, which is discarded, that nothing comes of it, with a reference to the log.
TellDiscarded = Callable[[dict[str, Any], str], Awaitable[None]]
# The account of the kept payload that is handled, in whatever handles it.
_ACCOUNT: ContextVar[int | None] = ContextVar("account", default=None)
_UNKNOWN = "Slack has not told me yet which workspace I am in, so nothing was done. Please try again in a minute."
# Seconds before what was kept for another installation is looked at again: it may be moved, or another token brought.
_FOREIGN_SECONDS = 60.0
_NOT_SERVED = frozenset({Standing.FOREIGN, Standing.GONE})
# Slack's events that say that a token is none any more: https://docs.slack.dev/reference/events/app_uninstalled
ENDINGS = frozenset({"app_uninstalled", "tokens_revoked"})
_INTERACTIONS = frozenset({"block_actions", "view_submission"})


class Events:
    """
    The middleware that keeps events in the inbox, and the loop that takes up those whose process died.

    *posted*: what to do when Slack says that a message was posted, by account and payload; when it raises, Slack says it
    again. *installations*: whom the desk serves. Payloads for others are refused, and no account is made. *channels_changed*:
    what to do when Slack says that the desk was let into a channel of that account, or one has another name.
    """

    def __init__(
        self,
        store: Store,
        tasks: Tasks,
        posted: Callable[[int, dict[str, Any]], Awaitable[None]],
        installations: ServedWorkspaces,
        channels_changed: Callable[[int], None],
        *,
        owner: str,
        lease_seconds: float,
        default_country: str | None,
    ) -> None:
        self._owner = owner
        self._store = store
        self._posted = posted
        self._installations = installations
        self._channels_changed = channels_changed
        self._tasks = tasks
        self._lease_seconds = lease_seconds
        self._default_country = default_country
        self._app: AsyncApp | None = None
        self._tell_discarded: TellDiscarded | None = None
        self.loop = Loop("inbox", self._take_up, tasks, every=max(0.2, lease_seconds / 4))

    async def keep(
        self,
        body: dict[str, Any],
        context: AsyncBoltContext,
        next: Callable[[], Awaitable[BoltResponse]],  # noqa: A002  Bolt hands it in by this name
    ) -> BoltResponse | None:
        """Bolt's `before_authorize` middleware. When it raises, Slack gets no acknowledgement and sends the event again."""
        if body.get("type") == "event_callback" and body["event"]["type"] in ENDINGS:
            await self._installations.look_again(body)
            return BoltResponse(status=200, body="")
        if context.get(EVENT) is None:
            try:
                slack_id = installation_of(body)[0]
            except (KeyError, TypeError, AttributeError):
                pass  # it says nothing of that, as Slack's question whether an address is ours does not
            else:
                context[INSTALLED_FOR] = slack_id
                if (refusal := await self._refusal(body, slack_id)) is not None:
                    return refusal
        if body.get("type") == "event_callback" and context.get(EVENT) is None:
            event = body["event"]
            channel = event.get("channel_id") or event.get("channel")
            if event["type"] == POSTED:
                # Dealt with before it is acknowledged, so there is nothing to keep: it comes with each of our messages.
                await self._posted((await self.account(body)).id, body)
                return BoltResponse(status=200, body="")
            if event["type"] in CHANGES:
                self._channels_changed((await self.account(body)).id)
                return BoltResponse(status=200, body="")
            kept = await asyncio.to_thread(self._keep, body, channel if isinstance(channel, str) else None)
            if kept is None:
                return BoltResponse(status=200, body="")
            context[EVENT] = kept
        await next()
        return None

    async def _refusal(self, body: dict[str, Any], slack_id: str) -> BoltResponse | None:
        """
        The answer to *body* when it is for *slack_id*, a workspace or organisation that this desk does not serve; None when it may go on.

        While nobody knows who that is, the accounts that are there are served; what is for a new one is not acknowledged, so
        that Slack sends an event again and tells whoever pressed, and a command is answered in words.
        """
        kind = body.get("type") or body.get("command")
        standing = await self._installations.standing(slack_id)
        if standing is Standing.UNKNOWN and await asyncio.to_thread(self._store.accounts.find, slack_id) is None:
            await self._installations.learn_soon()
            standing = await self._installations.standing(slack_id)
            if standing is Standing.UNKNOWN:
                log.warning("a payload waits until Slack says who we are", kind=kind, installation=slack_id)
                return (
                    BoltResponse(status=200, body=_UNKNOWN) if "command" in body else BoltResponse(status=503, body="")
                )
        if standing in _NOT_SERVED:
            log.warning("a payload for another workspace is refused", kind=kind, installation=slack_id)
            return BoltResponse(status=200, body="")
        return None

    async def account(self, body: dict[str, Any]) -> Account:
        """
        The account that any payload of Slack's is for, an event or another; one never seen gets the default country.

        What was kept is that of its row: the account may have been moved to another id of Slack's since.
        """
        kept = _ACCOUNT.get()
        if kept is not None:
            return await asyncio.to_thread(self._store.accounts.get, kept)
        return await asyncio.to_thread(self._account, body)

    def _account(self, body: dict[str, Any]) -> Account:
        slack_id, carried = installation_of(body)
        # An organisation's payloads carry its name.
        name = self._installations.name_of(slack_id) or (carried if slack_id.startswith("E") else None)
        return self._store.accounts.get_or_create(slack_id, name, fallback=carried, country=self._default_country)

    def _keep(self, body: dict[str, Any], channel: str | None) -> InboxEvent | None:
        account = self._account(body)
        return self._store.inbox.keep(
            account.id,
            body["event_id"],
            body["event"]["type"],
            channel,
            _without_token(body),
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
            event: InboxEvent = context[EVENT]
            with self._tasks.holding():
                try:
                    account = await self.account(body)
                    payload = body["event"]
                    if context.bot_user_id is None or context.bot_user_id not in (
                        payload.get("user_id"),
                        payload.get("user"),
                    ):
                        await self.handle(event, lambda: work(account, body, client, event))
                    else:
                        await self._done(event)
                except Exception as error:  # noqa: BLE001  whatever it is, the event must not be lost for it
                    await self._failed(event, error)

        return Listener(surface, name, actions, listen)

    async def handle(self, event: InboxEvent, work: Callable[[], Awaitable[None]]) -> None:
        """Do *work* on *event*, held meanwhile, which is done then; when *work* raises it is left to be tried again."""
        try:
            async with self._held(event):
                await work()
            await self._done(event)
        except Exception as error:  # noqa: BLE001  whatever it is, the event must not be lost for it
            await self._failed(event, error)

    async def keep_interaction(self, body: dict[str, Any], error: Exception) -> None:
        """
        Keep the pressed button or submitted form *body*, which failed with *error*, to be done later; once, however often.

        Raises `StoreError` when it cannot be kept.
        """
        pause = pause_after(error, 1) or 0.0
        account = await self.account(body)
        await asyncio.to_thread(
            self._store.inbox.keep,
            account.id,
            idempotency_key_of(body),
            body["type"],
            None,
            body,
            owner=self._owner,
            lease_seconds=min(pause, 2 * self._lease_seconds),
        )
        log.warning("an interaction waits", kind=body["type"], exc_info=error)

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
                reference = reference_of(event.event_id)
                log.error(
                    "an event is discarded",
                    event_id=event.event_id,
                    kind=event.kind,
                    reference=reference,
                    exc_info=error,
                )
                await asyncio.to_thread(self._store.inbox.discard, event, reason_of(error))
                if self._tell_discarded is not None:
                    await self._tell_discarded(event.payload, reference)
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
        await self._done(context[EVENT])

    def start(self, app: AsyncApp, tell_discarded: TellDiscarded) -> None:
        """Begin to take up events nobody finished."""
        self._app = app
        self._tell_discarded = tell_discarded
        self.loop.start()

    async def _take_up(self) -> bool:
        """Dispatch the event again that has waited longest; False when none waits."""
        assert self._app is not None  # noqa: S101  `start` was called
        event = await asyncio.to_thread(self._store.inbox.claim, self._owner, lease_seconds=self._lease_seconds)
        if event is None:
            return False
        log.info("taking up an event again", event_id=event.event_id, attempts=event.attempts)
        if event.deaths >= MOST_DEATHS:
            log.error("an event is discarded", event_id=event.event_id, kind=event.kind, deaths=event.deaths)
            await asyncio.to_thread(self._store.inbox.discard, event, DEADLY.format(event.deaths))
            return True
        try:
            _require_readable(event.payload)
        except UnreadableRowError as error:
            await asyncio.to_thread(self._store.inbox.discard, event, reason_of(error))
            log.exception("an event is discarded", event_id=event.event_id)
            return True
        account = await asyncio.to_thread(self._store.accounts.get, event.account_id)
        standing = await self._installations.standing(account.slack_id)
        if standing is Standing.GONE:
            log.warning("an event is discarded: the app is not installed there any more", event_id=event.event_id)
            await asyncio.to_thread(self._store.inbox.discard, event, NOT_INSTALLED)
            return True
        if standing is Standing.FOREIGN:
            log.warning("an event of another workspace waits", event_id=event.event_id, installation=account.slack_id)
            seconds = min(_FOREIGN_SECONDS, 2 * self._lease_seconds)
            await asyncio.to_thread(self._store.inbox.postpone, event, seconds=seconds)
            return True
        handled = _ACCOUNT.set(event.account_id)
        try:
            answer = await self._app.async_dispatch(
                AsyncBoltRequest(
                    body=event.payload, mode="socket_mode", context={EVENT: event, INSTALLED_FOR: account.slack_id}
                )
            )
        except Exception as error:  # noqa: BLE001  one event that cannot be handled must not keep others waiting
            await self._failed(event, error)
        else:
            if answer.status >= 400:
                # Bolt answers so before it finds a listener; whatever that was, it is tried again.
                await self._failed(event, UnansweredError(f"Bolt answered {answer.status}"))
        finally:
            _ACCOUNT.reset(handled)
        return True


def _require_readable(payload: object) -> None:
    """Raise `UnreadableRowError` unless *payload* is an event or an interaction as Slack sends them."""
    if isinstance(payload, dict) and payload.get("type") in _INTERACTIONS:
        return
    event = payload.get("event") if isinstance(payload, dict) else None
    if not isinstance(event, dict) or "type" not in event:
        raise UnreadableRowError("it is not an event of Slack's")


def _without_token(body: dict[str, Any]) -> dict[str, Any]:
    """
    The payload of an event without the token that comes with a step of a workflow: none stands in the database in the clear.

    Whoever takes it up later has the app's own.
    """
    if "bot_access_token" not in body["event"]:
        return body
    return body | {"event": {name: value for name, value in body["event"].items() if name != "bot_access_token"}}
