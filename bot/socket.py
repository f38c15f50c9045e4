"""
Socket Mode: one connection to Slack that heals itself, says how it is, and drains before it ends.

slack_sdk's client does the dialling and the pings. What it leaves open is closed here: it redials a refused
address for ever although tickets are single-use, does not tell a permanent refusal from a passing
one (14), and keeps no reference to the envelopes in work, so nothing can wait for their acknowledgement (9).
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import structlog
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# Answers of apps.connections.open, and reasons of a disconnect frame, that only a person can mend; what to tell them.
# https://docs.slack.dev/reference/methods/apps.connections.open, https://docs.slack.dev/apis/events-api/using-socket-mode
_PERMANENT = {
    "link_disabled": "Socket Mode is switched off for the app: switch it on in the app's settings.",
    "invalid_auth": "SLACK_APP_TOKEN is not valid: make a new app-level token.",
    "not_authed": "SLACK_APP_TOKEN did not reach Slack: check what stands between the desk and SLACK_API_URL.",
    "not_allowed_token_type": "SLACK_APP_TOKEN is no app-level token: it starts with xapp-.",
    "missing_scope": "SLACK_APP_TOKEN lacks the scope connections:write: make a new app-level token with it.",
    "token_revoked": "SLACK_APP_TOKEN was revoked: make a new app-level token.",
    "token_expired": "SLACK_APP_TOKEN has expired: make a new app-level token.",
    "account_inactive": "The app or its workspace is no longer active.",
    "access_denied": "Slack denies this app the connection: ask the workspace's administrators.",
    "no_permission": "Slack denies this app the connection: ask the workspace's administrators.",
    "forbidden_team": "Slack does not allow this app in its workspace.",
}


class _Client(SocketModeClient):
    """slack_sdk's client, with its listeners held, its refusals noticed and its intake closed on request."""

    def __init__(self, *, retry_refused: float, changed: Callable[[], None], **arguments: Any) -> None:
        super().__init__(**arguments)
        self._changed = changed
        self.running: set[asyncio.Task[None]] = set()  # one for each envelope not yet acknowledged
        self.chores: set[asyncio.Task[None]] = set()  # for Slack's other frames: a reconnection may take long
        self.draining = False
        self.refusal: str | None = None
        self._retry_refused = retry_refused

    @property
    def alive(self) -> bool:
        return (
            not self.closed and not self.stale and self.current_session is not None and not self.current_session.closed
        )

    async def issue_new_wss_url(self) -> str:
        # Every way to a connection leads through here, so this is where a refused app is slowed down. It is not given
        # up: whoever switches the app on again is rarely whoever can restart the desk.
        while True:
            if self.refusal is not None:
                await asyncio.sleep(self._retry_refused)
            try:
                return await super().issue_new_wss_url()
            except SlackApiError as error:
                code = str(error.response.get("error"))
                if code not in _PERMANENT:
                    raise
                self.refused(code)

    def refused(self, code: str) -> None:
        if code != self.refusal:
            log.error("slack refuses the connection", reason=code, remedy=_PERMANENT[code], retry_s=self._retry_refused)
        self.refusal = code
        self._changed()

    async def process_message(self) -> None:
        # As slack_sdk does it, but the task is kept: the event loop alone holds tasks weakly, and stop() waits for it.
        raw = await self.message_queue.get()
        message = json.loads(raw) if raw and raw.startswith("{") else {}
        task = asyncio.create_task(self.run_message_listeners(message, raw))
        held = self.running if "envelope_id" in message else self.chores
        held.add(task)
        task.add_done_callback(held.discard)

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        if self.draining:
            return  # not acknowledged, so Slack gives it to another connection or keeps it for the next start
        kind = message.get("type")
        if kind == "hello":
            self.refusal = None
            self._changed()
        elif kind == "disconnect":
            reason = str(message.get("reason"))
            log.info("slack asks to reconnect", reason=reason)
            if reason in _PERMANENT:
                self.refused(reason)
        await super().run_message_listeners(message, raw_message)


class SocketConnection:
    """
    The Socket Mode connection of one app: `start`, look at `state`, `stop`.

    `state` is "connected", "connecting", "refused: CODE" (a person must act; tried again every *retry_refused*
    seconds), "draining" or "stopped". All times are seconds.
    """

    def __init__(
        self,
        app: AsyncApp,
        app_token: str,
        base_url: str,
        *,
        ping_interval: float = 5.0,
        patience: float = 3.0,
        watch_interval: float = 1.0,
        retry_refused: float = 60.0,
    ) -> None:
        self._app = app
        self._app_token = app_token
        self._base_url = base_url
        self._ping_interval = ping_interval
        self._patience = patience
        self._watch_interval = watch_interval
        self._retry_refused = retry_refused
        self._client: _Client | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()

    @property
    def state(self) -> str:
        """How the connection is, in the words above: for readiness and for people."""
        client = self._client
        if client is None:
            return "stopped"
        if client.draining:
            return "draining"
        if client.refusal is not None:
            return f"refused: {client.refusal}"
        return "connected" if client.alive else "connecting"

    async def start(self) -> None:
        """Begin to connect, and to watch. Returns at once: a Slack that is down must not keep the desk from starting."""
        if self._client is not None:
            raise RuntimeError("the connection is already started")
        client = _Client(
            retry_refused=self._retry_refused,
            changed=self._tell,
            app_token=self._app_token,
            logger=logging.getLogger("slack_sdk.socket_mode"),
            web_client=AsyncWebClient(base_url=self._base_url),
            ping_interval=self._ping_interval,
        )
        client.socket_mode_request_listeners.append(self._handle)
        self._client = client
        self._tasks = [
            asyncio.create_task(client.connect()),  # type: ignore[no-untyped-call]  # slack_sdk leaves it untyped
            asyncio.create_task(self._watch(client)),
        ]

    async def until(self, *states: str, limit: float) -> str:
        """Wait at most *limit* seconds for a state that begins with one of *states*; return the state there is then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while not self.state.startswith(states):
                    await self._changed.wait()
        return self.state

    async def stop(self, limit: float = 5.0) -> None:
        """
        Take no new envelope, wait at most *limit* seconds for those taken to be acknowledged, and close.

        The socket stays open meanwhile, as acknowledgements go through it. What a listener does after its
        acknowledgement needs no socket; the desk holds it and waits for it.
        """
        client = self._client
        if client is None:
            return
        client.draining = True
        self._tell()
        if client.running:
            await asyncio.wait(client.running, timeout=limit)
        if client.running:
            log.warning("envelopes were not acknowledged before the end", count=len(client.running))
        held = (*self._tasks, *client.running, *client.chores)
        for task in held:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):  # a Slack that is gone does not answer the closing frame
                await client.disconnect()  # type: ignore[no-untyped-call]  # slack_sdk leaves it untyped
        await client.close()  # type: ignore[no-untyped-call]  # the same
        # slack_sdk cancels its own tasks and does not wait for them; the loop may end right after.
        own = (client.message_processor, client.current_session_monitor, client.message_receiver)
        ending = [task for task in (*held, *own) if task is not None]
        await asyncio.gather(*ending, return_exceptions=True)
        self._client = None
        self._tell()

    def _tell(self) -> None:
        # Whoever waits is woken once; a new event then stands for the next change.
        self._changed.set()
        self._changed = asyncio.Event()

    async def _handle(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        started = time.time()
        response = await run_async_bolt_app(self._app, request)
        await send_async_response(client, request, response, started)

    async def _watch(self, client: _Client) -> None:
        """
        Forget the address of a connection that does not come about, so that the next dial asks for a new ticket.

        Left alone, slack_sdk dials a refused address again until the process ends.
        """
        down_since: float | None = time.monotonic()
        told = "connecting"
        while True:
            state = self.state
            if state != told:
                log.info("slack connection", state=state, before=told)
                told = state
                self._tell()
            if client.alive:
                down_since = None
            elif down_since is None:
                down_since = time.monotonic()
            elif time.monotonic() - down_since >= self._patience and client.wss_uri is not None:
                log.warning("slack connection: asking for a new address")
                client.wss_uri = None
            await asyncio.sleep(self._watch_interval)
