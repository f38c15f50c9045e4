"""
HTTP connection: Slack's signed requests, and the port that anybody can reach.

What is not Slack's costs little. The headers are judged before a byte of a body is read, the signature before anything
else looks at the body, and size, time and number of everything are bounded. A connection carries one request: what comes
behind it on the same connection, to be taken for somebody else's, is never looked at; the connections of the platform's
own, who show a key, are kept.
"""

import asyncio
import hashlib
import hmac
import re
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.response import BoltResponse

from bot.config import SettingsError
from handlers.hooks.receiving import PREFIX as HOOKS
from handlers.platform.api import PREFIX
from handlers.platform.problems import BROKEN_REQUEST, Problem
from handlers.slack.shapes import PayloadError, payload_of_body
from handlers.ttl_cache import TtlCache

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

# Bytes. A command of 40,000 characters, each of which takes twelve in a form, is a little smaller.
LARGEST_REQUEST: Final = 512 * 1024
# Seconds. Slack sends a request in one go and gives up after 3 s.
HEADER_SECONDS: Final = 5
BODY_SECONDS: Final = 3
# After which Slack's own rule takes a request for one that somebody kept and sends again:
# https://docs.slack.dev/authentication/verifying-requests-from-slack
OLDEST_SECONDS: Final = 300
# For what a refused request still sends; cut off at once, its answer would be lost with it.
LINGER_SECONDS: Final = 0.5
# Slack gives up on a request after 3 s: one that takes longer than this has no one left to answer.
REQUEST_SECONDS: Final = 5.0
MOST_CONNECTIONS: Final = 512
MOST_BODIES: Final = 32  # of which nobody knows yet whose they are
MOST_AT_WORK: Final = 256  # requests of Slack's

_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
_TIMESTAMP = re.compile(r"\d{1,12}", re.ASCII)
_TELL_AGAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer to what is not taken: its *reason*, by which it is counted, the *status*, and a sentence for whoever asked."""

    reason: str
    status: int
    sentence: str

    def response(self) -> web.Response:
        headers = {"Retry-After": "1"} if self.status == 503 else None
        return web.Response(status=self.status, text=f"{self.sentence}\n", headers=headers)


UNSIGNED = Refusal("unsigned", 401, "This is for Slack, which signs its requests.")
OLD = Refusal("old", 401, "The request was signed too long ago, or by another clock.")
FORGED = Refusal("forged", 401, "The signature does not match the request.")
TOO_LARGE = Refusal("too large", 413, "The request is larger than any of Slack's.")
TOO_SLOW = Refusal("too slow", 408, "The request did not come in time.")
BROKEN = Refusal("broken", 400, "The request cannot be read.")
BUSY = Refusal("busy", 503, "There is too much to do at the moment.")
DRAINING = Refusal("draining", 503, "The desk is starting or stopping.")
REFUSALS: Final = (UNSIGNED, OLD, FORGED, TOO_LARGE, TOO_SLOW, BROKEN, BUSY, DRAINING)


class _Refused(Exception):  # noqa: N818  an answer, not a failure of ours
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


class HttpConnection:
    """
    Slack's way in over HTTP: `answer` is the aiohttp handler of its requests.

    *dispatch* handles a payload that Slack signed with *signing_secret*. *clock*: seconds since the epoch. `counts` says
    what became of requests, by the reason of a refusal, "answered" or "replayed".
    """

    def __init__(
        self,
        dispatch: Callable[[dict[str, Any]], Awaitable[BoltResponse]],
        signing_secret: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dispatch = dispatch
        self._secret = signing_secret.encode()
        self._clock = clock
        self.counts: Counter[str] = Counter(
            {"answered": 0, "replayed": 0, **{refusal.reason: 0 for refusal in REFUSALS}}
        )
        self._bodies: dict[asyncio.Timeout, None] = {}
        self._at_work: set[asyncio.Task[Any]] = set()
        # Only Slack can fill it. Twice as long as a signature is good: its time may be as far ahead as it may be behind.
        self._taken: TtlCache[asyncio.Future[bool]] = TtlCache(2 * OLDEST_SECONDS, most=100_000)
        self._told: TtlCache[str] = TtlCache(_TELL_AGAIN_SECONDS)

    async def answer(self, request: web.Request) -> web.Response:
        """The response to a request, whoever sent it."""
        try:
            signature, body = await self._signed_body(request)
            return await self._work(signature, body, request.content_type)
        except _Refused as error:
            return self.refuse(error.refusal)

    def refuse(self, refusal: Refusal) -> web.Response:
        """The response that says *refusal*, counted, and logged once in a while."""
        self.counts[refusal.reason] += 1
        if self._told.get(refusal.reason) is None:
            self._told.put(refusal.reason, refusal.reason)
            log.warning("requests are refused", reason=refusal.reason, status=refusal.status)
        return refusal.response()

    async def drain(self) -> None:
        """Wait a while for what was taken to be answered."""
        if self._at_work:
            await asyncio.wait(self._at_work, timeout=REQUEST_SECONDS)

    async def _signed_body(self, request: web.Request) -> tuple[str, bytes]:
        """The signature and the body it is right for. Raises `_Refused`, mostly without having read any."""
        signature = request.headers.get("X-Slack-Signature", "")
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        if not _SIGNATURE.fullmatch(signature) or not _TIMESTAMP.fullmatch(timestamp):
            raise _Refused(UNSIGNED)
        if abs(self._clock() - int(timestamp)) > OLDEST_SECONDS:
            raise _Refused(OLD)
        if (request.content_length or 0) > LARGEST_REQUEST:
            raise _Refused(TOO_LARGE)
        body = await self._body(request)
        signed = hmac.new(self._secret, b"v0:%b:%b" % (timestamp.encode(), body), hashlib.sha256)
        if not hmac.compare_digest(signature, f"v0={signed.hexdigest()}"):
            raise _Refused(FORGED)
        return signature, body

    async def _body(self, request: web.Request) -> bytes:
        """The body, as it came. Where too many are on their way, the one that is longest about it is given up."""
        if len(self._bodies) >= MOST_BODIES:
            slowest = next(iter(self._bodies))
            del self._bodies[slowest]
            slowest.reschedule(asyncio.get_running_loop().time())
        limit = asyncio.timeout(BODY_SECONDS)
        try:
            async with limit:
                self._bodies[limit] = None
                return await request.read()
        except TimeoutError:
            raise _Refused(TOO_SLOW if limit in self._bodies else BUSY) from None
        except web.HTTPRequestEntityTooLarge:
            raise _Refused(TOO_LARGE) from None
        except (web.RequestPayloadError, ConnectionError):
            raise _Refused(BROKEN) from None
        finally:
            self._bodies.pop(limit, None)

    async def _work(self, signature: str, body: bytes, content_type: str) -> web.Response:
        """
        Have what Slack signed done, once: whoever sends it again is told that it was taken, and nothing else.

        Slack signs anew what it sends again. What failed is forgotten, so that a proxy which tries again gets its answer.
        """
        first = self._taken.get(signature)
        if first is not None and await asyncio.shield(first):
            self.counts["replayed"] += 1
            return web.Response()
        if len(self._at_work) >= MOST_AT_WORK:
            raise _Refused(BUSY)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  aiohttp runs a handler in a task
        self._at_work.add(task)
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._taken.put(signature, taken)
        try:
            response = await to_aiohttp_response(await self._dispatch(payload_of_body(body, content_type)))
            taken.set_result(response.status < 500)
        except PayloadError as error:
            log.warning("a request of Slack's cannot be read", why=str(error))
            self.counts[BROKEN.reason] += 1
            return web.Response(status=400, text=f"The request {error}.\n")
        finally:
            self._at_work.discard(task)
            if not taken.done():
                taken.set_result(False)
        self.counts["answered"] += 1
        return response


class _Connection(web.RequestHandler):
    """
    One connection: closed when it is silent, when it was answered, and when there are too many.

    Of too many it is the oldest one without a request that goes, since Slack's is at work within milliseconds; where all
    are at work, the new one is told so.
    """

    open: dict["_Connection", None]
    at_work = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.open[self] = None
        if len(self.open) > MOST_CONNECTIONS:
            idle = next((other for other in self.open if not other.at_work), self)
            del self.open[idle]
            if idle is self and isinstance(transport, asyncio.Transport):
                transport.write(_FULL)
            idle.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.open.pop(self, None)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,  # noqa: ARG002  it may quote what was sent
        message: str | None = None,  # noqa: ARG002  the same
    ) -> web.StreamResponse:
        """
        What is no HTTP, answered without a word of it and without a line in the log, of which anybody could make many.

        Whose it was to be is not known: it is told as a program is, in the API's own kind.
        """
        if request.writer.output_size > 0:
            raise ConnectionError("the response was begun")
        problem = Problem(BROKEN_REQUEST, "It is no HTTP, or its first line or a header is longer than 8,190 bytes.")
        response = problem.response(str(uuid.uuid4()))
        response.set_status(status)
        response.headers["Server"] = ""
        response.force_close()
        return response


_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BUSY.sentence),
    BUSY.sentence.encode(),
)


@web.middleware
async def _once(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """
    Answer one request of a connection and close it; what fails is logged, and says nothing to whoever asked.

    The doors of the API and of webhooks keep the connections of those whom they let in.
    """
    connection = request.protocol
    closes = not request.path.startswith((f"{PREFIX}/", f"{HOOKS}/"))
    if isinstance(connection, _Connection):
        # Whoever only asks how we are can ask again.
        connection.at_work = request.method == "POST" or not closes
    response: web.StreamResponse
    try:
        # aiohttp would answer HTTP/0.9 in kind.
        response = await handler(request) if request.version.major == 1 else BROKEN.response()
    except web.HTTPException as error:
        closes = True
        response = web.Response(
            status=error.status, headers={"Allow": error.headers["Allow"]} if error.status == 405 else None
        )
    except Exception:
        log.exception("a request failed")
        closes = True
        response = web.Response(status=500)
    finally:
        if isinstance(connection, _Connection):
            connection.at_work = False
    if closes:
        response.force_close()
    return response


async def _nameless(_request: web.Request, response: web.StreamResponse) -> None:
    # aiohttp's own would tell the versions of it and of Python.
    response.headers.pop("Server", None)


def routed(*routes: web.RouteDef) -> web.Application:
    """An application of *routes*, which answers one request of a connection and takes no large body."""
    app = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[_once])
    app.on_response_prepare.append(_nameless)
    app.add_routes(routes)
    return app


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve *app* for the length of the block; gives its address. Raises `SettingsError` when the port is taken."""
    runner = web.AppRunner(app, shutdown_timeout=REQUEST_SECONDS)
    await runner.setup()
    server = runner.server
    assert server is not None  # noqa: S101  it was set up
    loop = asyncio.get_running_loop()
    connections: dict[_Connection, None] = {}

    def connection() -> _Connection:
        made = _Connection(
            server,
            loop=loop,
            # aiohttp's name for the time in which a connection has to bring the headers of its next request.
            keepalive_timeout=HEADER_SECONDS,
            lingering_time=LINGER_SECONDS,
            # A body is compared with its signature as it came; nothing of Slack's is compressed.
            auto_decompress=False,
            access_log=None,  # type: ignore[arg-type]  # as aiohttp itself hands it on
        )
        made.open = connections
        return made

    try:
        try:
            listener = await loop.create_server(connection, host, port)
        except OSError as error:
            reason = error.strerror or "it is refused"
            raise SettingsError(f"Port {port} of {host} cannot be opened: {reason}.") from error
        try:
            yield f"http://{host}:{listener.sockets[0].getsockname()[1]}"
        finally:
            listener.close()
    finally:
        await runner.cleanup()
