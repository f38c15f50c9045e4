"""
Socket Mode client: one WebSocket to Slack, dialled again whenever it is lost, drained before it is closed.

slack_sdk's own client is not used: it waits one ping interval (5 s) before it looks at a lost connection and again after
each failed dial, dials a refused address for ever although a ticket is good for one dial, takes a permanent refusal for a
passing one, and keeps no reference to the envelopes in work, so that nothing can wait for their acknowledgement.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NoReturn

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.errors import RATE_LIMITED
from handlers.slack.shapes import PayloadError, checked, json_of

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

# All in seconds.
FIRST_PAUSE = 0.25  # between the first failed dial and the next
LONGEST_UNREACHABLE = 0.75  # between dials that reach nobody: they cost Slack nothing
LONGEST_ANSWERED = 10.0  # between dials that Slack answers with an error: each is a call it counts
STEADY = 5.0  # a connection that held so long ends a run of failures
RETRY_AFTER = (
    30.0  # after a rate limit without a word on it; Slack's documents allow the method a call a minute at least
)
_DIAL_LIMIT = 10.0  # from asking for a ticket to Slack's hello
_CONNECT_LIMIT = 3.0  # for the TCP and TLS handshakes of one request: lost packets are sent again after 1, 3, 7 s
_CLOSE_LIMIT = 1.0  # for Slack's answer to a closing frame
_ACK_LIMIT = 3.0  # Slack gives an envelope up when it has waited so long


class Backoff:
    """
    The pause before each dial: none after a connection that held, else exponential, capped and jittered.

    While nobody can be reached the cap is LONGEST_UNREACHABLE, however long that lasts. Where Slack answers with errors
    it grows to LONGEST_ANSWERED with a fifteenth of the time since the connection last held, so that calls become rarer
    and no outage is made longer by more than a fifteenth of it. The jitter takes off up to half of a pause.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._down_since = clock()
        self._connected_at: float | None = None
        self.failures = 0  # in a row: dials, and connections that did not hold

    def connected(self) -> None:
        """Note that a dial led to a connection; whether it holds is known when it ends."""
        self._connected_at = self._clock()

    def pause(self, *, answered: bool) -> float:
        """The seconds to wait now that a dial failed or a connection ended; *answered* when that was Slack's doing."""
        now = self._clock()
        connected_at, self._connected_at = self._connected_at, None
        if connected_at is not None and now - connected_at >= STEADY:
            self._down_since = now
            self.failures = 0
            return 0.0
        longest = LONGEST_UNREACHABLE
        if answered:
            longest = min(max(longest, (now - self._down_since) / 15), LONGEST_ANSWERED)
        step = FIRST_PAUSE * 2.0 ** min(self.failures, 10)
        self.failures += 1
        return min(step, longest) * random.uniform(0.5, 1.0)  # noqa: S311 - a jitter, not a secret


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why there is no connection, as far as that decides when to dial again."""

    reason: str
    answered: bool = True  # by Slack; False when it could not be reached
    retry_after: float = 0.0  # seconds, on Slack's own word
    permanent: bool = False


class _Ended(Exception):  # noqa: N818 - an outcome, and mostly an ordinary one
    """A connection came to its end; the argument is the reason."""


def _failure_of(error: Exception) -> _Failure:
    """Classify what a dial or a connection ended with. Reasons name no WebSocket's address, as that holds a ticket."""
    match error:
        case SlackApiError():
            # The answer is slack_sdk's, or aiohttp's where it was broken JSON; its data is no dict where it was text.
            data = getattr(error.response, "data", None)
            code = str(data["error"]) if isinstance(data, dict) and "error" in data else "an answer without a code"
            limited = code in RATE_LIMITED or getattr(error.response, "status_code", 0) == HTTPStatus.TOO_MANY_REQUESTS
            wait = _retry_after(error.response.headers, limited=limited)
            return _Failure(code, retry_after=wait, permanent=code in _PERMANENT)
        case aiohttp.ClientResponseError():
            limited = error.status == HTTPStatus.TOO_MANY_REQUESTS
            return _Failure(f"status {error.status}", retry_after=_retry_after(error.headers or {}, limited=limited))
        case aiohttp.ClientConnectorError():
            return _Failure(f"{type(error).__name__}: {error}", answered=False)
        case TimeoutError():
            return _Failure("no answer in time", answered=False)
        case _Ended():
            reason = str(error)
            return _Failure(reason, permanent=reason in _PERMANENT)
    return _Failure(type(error).__name__)


def _retry_after(headers: Mapping[str, str], *, limited: bool) -> float:
    """The seconds Slack asks to wait; where a rate limit says nothing of its own, what the method's tier asks."""
    asked = headers.get("Retry-After", "")
    if asked.isdecimal():
        return float(asked)
    return RETRY_AFTER if limited else 0.0


def _message_in(text: str | bytes) -> dict[str, Any]:
    """The JSON object of a frame; empty for the frames without one, which Slack sends now and then."""
    try:
        message = json_of(text)
    except PayloadError as error:
        log.info("a frame is passed over", why=str(error))
        return {}
    return message if isinstance(message, dict) else {}


class _Acknowledger(AsyncBaseSocketModeClient):
    """The client that Bolt's functions send an acknowledgement through; it has no connection of its own."""

    def __init__(self, send: Callable[[str], Awaitable[None]]) -> None:
        self.logger = logging.getLogger("slack_sdk.socket_mode")
        self._send = send

    async def send_message(self, message: str) -> None:
        await self._send(message)


class SocketConnection:
    """
    The Socket Mode connection of one app: `start`, look at `state`, `stop`. *dispatch* handles what comes.

    *returned* is told, when there is a connection again, for how many seconds there was none.
    `state` is "connected" (Slack said hello), "connecting", "refused: CODE" (a person must act; tried again every
    *retry_refused* seconds), "draining" or "stopped". When nothing has come for one and a half *ping_interval*, not even
    the PONG asked for, the connection is lost. All times are seconds; *clock* and *sleep* pace the dials.
    """

    def __init__(
        self,
        dispatch: Callable[[dict[str, Any]], Awaitable[BoltResponse]],
        app_token: str,
        base_url: str,
        *,
        returned: Callable[[float], None] = lambda _seconds: None,
        ping_interval: float = 5.0,
        retry_refused: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._dispatch = dispatch
        self._app_token = app_token
        self._base_url = base_url
        self._returned = returned
        self._lost_at: float | None = None
        self._ping_interval = ping_interval
        self._retry_refused = retry_refused
        self._clock = clock
        self._sleep = sleep
        self._acknowledger = _Acknowledger(self._send)
        self._keeping: asyncio.Task[None] | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None  # from Slack's hello to the connection's end
        self._refusal: str | None = None
        self._draining = False
        self._envelopes: set[asyncio.Task[None]] = set()  # one for each envelope that is not acknowledged yet
        self._changed = asyncio.Event()

    @property
    def state(self) -> str:
        """The state of the connection, in the words above, for readiness and for people."""
        if self._keeping is None:
            return "stopped"
        if self._draining:
            return "draining"
        if self._refusal is not None:
            return f"refused: {self._refusal}"
        return "connecting" if self._socket is None or self._socket.closed else "connected"

    async def start(self) -> None:
        """Begin to connect. Returns at once: a Slack that is down must not keep the desk from starting."""
        if self._keeping is not None:
            raise RuntimeError("the connection is already started")
        self._keeping = asyncio.create_task(self._keep_connected())

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

        The connection is kept up meanwhile, as acknowledgements go through it. What a listener does after its
        acknowledgement needs no connection; the desk holds it and waits for it.
        """
        if self._keeping is None:
            return
        self._draining = True
        self._tell()
        if self._envelopes:
            await asyncio.wait(self._envelopes, timeout=limit)
        if self._envelopes:
            log.warning("envelopes were not acknowledged before the end", count=len(self._envelopes))
        ending = (self._keeping, *self._envelopes)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self._keeping = self._socket = self._refusal = None
        self._draining = False
        self._tell()

    def _tell(self) -> None:
        # Whoever waits is woken once; a new event then stands for the next change.
        self._changed.set()
        self._changed = asyncio.Event()

    async def _keep_connected(self) -> None:
        """Connect, and connect again after the pause that the end of the connection before asks for; for ever."""
        backoff = Backoff(self._clock)
        logged = ""
        # A session for all dials looks a name up once at a time, however long that hangs. No connection is kept for the
        # next dial: it may be half dead by then, and finding that out takes as long as a dial.
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(force_close=True),
            timeout=aiohttp.ClientTimeout(sock_connect=_CONNECT_LIMIT),
        ) as session:
            while True:
                try:
                    await self._connect(session, backoff)
                except (SlackApiError, aiohttp.ClientError, OSError, _Ended) as error:
                    failure = _failure_of(error)
                except Exception as error:
                    log.exception("slack connection: an unexpected error")
                    failure = _failure_of(error)
                if self._socket is not None:
                    self._lost_at = self._clock()
                self._socket = None
                pause = max(backoff.pause(answered=failure.answered), failure.retry_after)
                if failure.permanent:
                    # Not given up: whoever switches the app on again is rarely whoever can restart the desk.
                    pause = self._retry_refused
                    self._refuse(failure.reason)
                elif failure.reason != logged or backoff.failures <= 1:
                    log.warning("slack connection lost", reason=failure.reason, next_try_s=round(pause, 2))
                logged = failure.reason
                self._tell()
                await self._sleep(pause)

    def _refuse(self, code: str) -> None:
        if code != self._refusal:
            log.error("slack refuses the connection", reason=code, remedy=_PERMANENT[code], retry_s=self._retry_refused)
        self._refusal = code

    async def _connect(self, session: aiohttp.ClientSession, backoff: Backoff) -> NoReturn:
        """
        One connection, from a ticket of its own to its end, which is always an error: _Ended, slack_sdk's or aiohttp's.

        When Slack asks for its end (a disconnect frame) it is closed before the next one is opened, as Slack allows an app
        so many connections.
        """
        web = AsyncWebClient(base_url=self._base_url, session=session, retry_handlers=[])
        async with asyncio.timeout(_DIAL_LIMIT) as limit:
            ticket = await web.apps_connections_open(app_token=self._app_token)
            async with session.ws_connect(
                ticket["url"],
                heartbeat=self._ping_interval,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_LIMIT),
                proxy=web.proxy,
                ssl=True if web.ssl is None else web.ssl,
            ) as socket:
                async for frame in socket:
                    if frame.type is aiohttp.WSMsgType.ERROR:
                        raise _Ended(f"broken: {type(frame.data).__name__}")
                    message = _message_in(frame.data)
                    if message.get("type") == "hello":
                        limit.reschedule(None)
                        backoff.connected()
                        self._socket, self._refusal = socket, None
                        log.info("slack connection", state=self.state, failed_dials=backoff.failures)
                        self._tell()
                        if self._lost_at is not None:
                            self._returned(self._clock() - self._lost_at)
                            self._lost_at = None
                    elif message.get("type") == "disconnect":
                        raise _Ended(str(message.get("reason")))
                    elif "envelope_id" in message and not self._draining:
                        # What is not acknowledged Slack gives to another connection, or keeps for the next start.
                        task = asyncio.create_task(self._answer(message))
                        self._envelopes.add(task)
                        task.add_done_callback(self._envelopes.discard)
                raise _Ended(f"closed with code {socket.close_code}")

    # -- envelopes --------------------------------------------------------------------------------------------

    async def _answer(self, message: dict[str, Any]) -> None:
        """Have an envelope handled, and acknowledge it; one that is not Slack's by its looks is not."""
        began = time.time()
        try:
            response = await self._dispatch(checked(message.get("payload")))
            request = SocketModeRequest(str(message.get("type")), str(message["envelope_id"]), {})
            await send_async_response(self._acknowledger, request, response, began)
        except PayloadError as error:
            log.warning("an envelope cannot be read", why=f"it {error}")
        except Exception:
            log.exception("an envelope was not acknowledged")  # so Slack sends it again, or tells the person

    async def _send(self, text: str) -> None:
        """Send *text* over the connection there is, or over the next one if that comes in time; else TimeoutError."""
        async with asyncio.timeout(_ACK_LIMIT):
            while True:
                if self._socket is not None and not self._socket.closed:
                    with contextlib.suppress(ConnectionError):  # it was lost, and its end is not noticed yet
                        await self._socket.send_str(text)
                        return
                await self._changed.wait()
