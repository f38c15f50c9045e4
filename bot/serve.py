"""
The service: a desk connected to Slack by Socket Mode or HTTP, with health, readiness, metrics and an orderly end.

The port is the first thing to open and the last to close, so that `/readyz` can say "starting" and "draining".
"""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request

from bot.app import Desk, create_app
from bot.config import Settings, SettingsError
from bot.metrics import exposition
from bot.socket import SocketConnection
from bot.stores import open_store
from store import Store, StoreError

EVENTS_PATH = "/slack/events"
# Slack gives up on a request after 3 s: one that takes longer than this has no one left to answer.
REQUEST_SECONDS = 5.0
# Slack's payloads are far smaller; aiohttp's own limit of 1 MiB is close to a long message with many blocks.
LARGEST_REQUEST = 8 * 1024 * 1024

log = structlog.get_logger(__name__)


def require_tokens(settings: Settings) -> None:
    """Raise `SettingsError` unless there is what it takes to talk to Slack in one of the two ways."""
    if settings.slack_bot_token is None:
        raise SettingsError("SLACK_BOT_TOKEN is not set; the app's page at Slack shows it under OAuth & Permissions.")
    if settings.slack_app_token is None and settings.slack_signing_secret is None:
        raise SettingsError(
            "Neither SLACK_APP_TOKEN (for Socket Mode) nor SLACK_SIGNING_SECRET (for HTTP) is set; one of them is needed."
        )


class Service:
    """A desk and its connection to Slack: Socket Mode when there is an app token, else HTTP at `EVENTS_PATH`."""

    def __init__(self, settings: Settings, store: Store) -> None:
        require_tokens(settings)
        self.state = "starting"
        self._store = store
        self.desk: Desk = create_app(settings, store)
        self._requests: set[asyncio.Task[object]] = set()
        self._socket: SocketConnection | None = None
        if settings.slack_app_token is not None:
            token = settings.slack_app_token.get_secret_value()
            self._socket = SocketConnection(self.desk.app, token, settings.slack_api_url)

    async def start(self) -> None:
        """Begin to listen to Slack."""
        await self.desk.start()
        if self._socket is not None:
            await self._socket.start()
        self.state = "serving"

    async def connected(self, seconds: float) -> None:
        """Wait for the connection to Slack; TimeoutError after *seconds*. Over HTTP it is Slack that connects."""
        if self._socket is not None and await self._socket.until("connected", limit=seconds) != "connected":
            raise TimeoutError(f"no connection to Slack: {self._socket.state}")

    async def stop(self) -> None:
        """Take nothing new, let what was taken end, and stop. What cannot end in time is in the database."""
        self.state = "draining"
        if self._socket is not None:
            await self._socket.stop()
        if self._requests:
            await asyncio.wait(self._requests, timeout=REQUEST_SECONDS)
        await self.desk.stop()

    def routes(self) -> web.Application:
        """Return the routes: `/healthz`, `/readyz`, `/metrics` and, without Socket Mode, Slack's requests."""
        app = web.Application(client_max_size=LARGEST_REQUEST)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        if self._socket is None:
            app.router.add_post(EVENTS_PATH, self._slack)
        return app

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"healthy": True})

    async def _ready(self, _request: web.Request) -> web.Response:
        slack = "http" if self._socket is None else self._socket.state
        database = await asyncio.to_thread(self._database)
        loops = {loop.name: loop.state for loop in self.desk.loops}
        alive = all(loop.alive for loop in self.desk.loops)
        ready = self.state == "serving" and slack in {"http", "connected"} and database == "ok" and alive
        body = {"ready": ready, "state": self.state, "slack": slack, "database": database, "loops": loops}
        return web.json_response(body, status=200 if ready else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        text = await asyncio.to_thread(exposition, self.desk, self._store)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _database(self) -> str:
        try:
            self._store.database.require_head()
        except StoreError as error:
            return str(error)
        return "ok"

    async def _slack(self, request: web.Request) -> web.Response:
        if self.state != "serving":
            # Slack tries an event again; another replica, or this one started anew, takes it then.
            return web.Response(status=503, headers={"Retry-After": "1"})
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  aiohttp runs a handler in a task
        self._requests.add(task)
        try:
            return await to_aiohttp_response(await self.desk.app.async_dispatch(await to_bolt_request(request)))
        finally:
            self._requests.discard(task)


@asynccontextmanager
async def running(settings: Settings, store: Store) -> AsyncIterator[Service]:
    """A desk that serves Slack for the length of the block, and drains at its end."""
    service = Service(settings, store)
    try:
        await service.start()
        yield service
    finally:
        await service.stop()


@asynccontextmanager
async def listening(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve *app* for the length of the block; gives its address. Raises `SettingsError` when the port is taken."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=REQUEST_SECONDS)
    try:
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            reason = error.strerror or "it is refused"
            raise SettingsError(f"Port {port} of {host} cannot be opened: {reason}.") from error
        found = runner.addresses[0]
        yield f"http://{host}:{found[1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def stopping_on_signal() -> AsyncIterator[asyncio.Event]:
    """
    Give an event that SIGINT and SIGTERM set.

    The first signal asks for an orderly end and hands the second back to Python, which ends the process at once.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        asked.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, stop)
    try:
        yield asked
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def serve(settings: Settings) -> None:
    """Run the desk until SIGTERM or SIGINT. Raises `SettingsError` or `StoreError`, with its sentence, when it cannot."""
    require_tokens(settings)
    store = await asyncio.to_thread(open_store, settings)
    async with AsyncExitStack() as stack:
        stack.callback(store.close)
        asked = await stack.enter_async_context(stopping_on_signal())
        service = Service(settings, store)
        address = await stack.enter_async_context(listening(service.routes(), settings.host, settings.port))
        stack.push_async_callback(service.stop)
        await service.start()
        mode = "HTTP" if settings.slack_app_token is None else "Socket Mode"
        log.info("serving", mode=mode, address=address)
        await asked.wait()
        log.info("draining")
    log.info("stopped")
