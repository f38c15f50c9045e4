"""
The service: a desk connected to Slack by Socket Mode or HTTP, with health, readiness, metrics and an orderly end.

The port is the first thing to open and the last to close, so that `/readyz` can say "starting" and "draining".
"""

import asyncio
import gc
import ipaddress
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from types import FrameType, MappingProxyType
from typing import TYPE_CHECKING, Any

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST
from slack_bolt.response import BoltResponse

from bot.branches import SILENT, Branch, of_those_that_answer
from bot.config import Settings, SettingsError, doubts_of_settings
from bot.doors import api_door, hooks_door
from bot.http import DRAINING, HttpConnection, listening, routed
from bot.installations import ManyWorkspaces, named_in
from bot.metrics import exposition
from bot.oauth import InstallPages
from bot.socket import SocketConnection
from bot.stores import DEFAULT, Stores, described, make_ready
from bot.threads import ThreadsByDatabase
from handlers.hooks.receiving import Webhooks
from handlers.loops import Loop
from handlers.platform.api import PREFIX, Api
from handlers.slack.inbox import ENDINGS
from handlers.slack.payloads import installation_of
from store import Store

if TYPE_CHECKING:
    from bot.app import Desk

EVENTS_PATH = "/slack/events"
# Seconds from the first signal to the end of the process, whatever then still waits for a database, a disk or Slack.
END_SECONDS = 17.0
# The most of them for the line of the log that says so.
_SAID_SECONDS = 0.5
# Seconds between tries to start what waits for its database, and for which the start waits for those that say nothing.
RETRY_SECONDS = 5.0
START_SECONDS = 10.0
# States of the connection in which Slack can reach the desk; over HTTP it is Slack that connects.
_CONNECTED = frozenset({"http", "connected"})

log = structlog.get_logger(__name__)


def require_tokens(settings: Settings) -> None:
    """Raise `SettingsError` unless there is what it takes to talk to Slack in one of the two ways."""
    if settings.by_oauth:
        _require_for_oauth(settings)
    elif settings.slack_bot_token is None:
        raise SettingsError("SLACK_BOT_TOKEN is not set; the app's page at Slack shows it under OAuth & Permissions.")
    if settings.databases and not settings.by_oauth:
        raise SettingsError("OPTOUT_DATABASES is for workspaces that install the app by OAuth: set SLACK_CLIENT_ID.")
    if settings.slack_app_token is None and settings.slack_signing_secret is None:
        raise SettingsError(
            "Neither SLACK_APP_TOKEN (for Socket Mode) nor SLACK_SIGNING_SECRET (for HTTP) is set; one of them is needed."
        )


def _require_for_oauth(settings: Settings) -> None:
    if settings.slack_client_secret is None:
        raise SettingsError("SLACK_CLIENT_ID is set and SLACK_CLIENT_SECRET is not; Basic Information shows both.")
    if settings.public_url is None:
        raise SettingsError(
            "SLACK_CLIENT_ID is set and OPTOUT_PUBLIC_URL is not: people who install the app come back there from Slack."
        )


class Service:
    """A desk and its connection to Slack: Socket Mode when there is an app token, else HTTP at `EVENTS_PATH`."""

    def __init__(self, settings: Settings, store: Store, own: Mapping[str, Store] = MappingProxyType({})) -> None:
        """
        *store*: of all accounts but those that have a database of their *own*, by Slack's id.

        Raises `SettingsError` when something is missing, or cannot be read with the keys of the settings.
        """
        require_tokens(settings)
        self.state = "starting"
        self._stores = Stores(store, own)
        self._store = store
        self._looking: asyncio.Task[dict[str, Any]] | None = None
        self._found: dict[str, Any] | None = None
        alone = len(self._stores.by_name) == 1
        self.branches = tuple(
            Branch(settings, name, store, alone=alone) for name, store in self._stores.by_name.items()
        )
        self._first = self.branches[0]
        self.desk: Desk = self._first.build()
        # Of the others one may be away; the first has to be there for anything to begin.
        self._waiting = Loop("databases", self._start_others, self.desk.tasks, every=RETRY_SECONDS)
        self._socket: SocketConnection | None = None
        self._http: HttpConnection | None = None
        if settings.slack_app_token is not None:
            token = settings.slack_app_token.get_secret_value()
            self._socket = SocketConnection(self.dispatch, token, settings.slack_api_url, returned=self._was_away)
        elif settings.slack_signing_secret is not None:
            self._http = HttpConnection(
                self.dispatch, settings.slack_signing_secret.get_secret_value(), clock=self.desk.clock
            )
        self._has_own_port = settings.api_port is not None
        self._install: InstallPages | None = None
        if self.desk.keys is not None:
            self._install = InstallPages(
                settings, store, self._first.at_work, self.desk.keys, self._home_of, self.desk.calls
            )

    @property
    def api(self) -> Api | None:
        """The API on the first database; the doors of `platform_routes` lead to those on others too."""
        return self._first.api

    @property
    def hooks(self) -> Webhooks | None:
        """The hooks of the first database."""
        return self._first.hooks

    async def start(self) -> None:
        """Begin to listen to Slack. Raises `StoreError` or `SettingsError` where a person has something to put right."""
        if len(self.branches) > 1:
            asyncio.get_running_loop().set_default_executor(ThreadsByDatabase())
        await self._first.start()
        if len(self.branches) > 1:
            begun = self.desk.tasks.start(self._start_others(), name="start the accounts of other databases")
            if begun in (await asyncio.wait({begun}, timeout=START_SECONDS))[0]:
                begun.result()
            self._waiting.start()
        if self._socket is not None:
            await self._socket.start()
        self.state = "serving"

    async def _start_others(self) -> bool:
        """Start the branches that wait for their database, if they can."""
        due = [branch for branch in self.branches if branch.waits]
        await asyncio.gather(*(branch.try_to_start(self._doubt) for branch in due))
        return False

    def _doubt(self, branch: Branch) -> None:
        """Raise `SettingsError` where the database of *branch* is another's, by a second name or as its copy."""
        for other in self.branches:
            if other is not branch and other.store.database.identity == branch.store.database.identity:
                raise SettingsError(
                    f"OPTOUT_DATABASES gives {branch.name} the database of {_called(other)}, by another name or as a copy. If it is "
                    "a copy, run `python -m bot restored` for it, with --account; if not, name each database once."
                )

    async def dispatch(self, payload: dict[str, Any]) -> BoltResponse:
        """
        Have *payload*, from Slack beyond doubt, handled by the branch that has its account; the answer is the acknowledgement.

        What Slack says of an end names workspace and organisation, which may be in two databases. Raises `PayloadError`.
        """
        ids: set[str] = set()
        event = payload.get("event")
        if isinstance(event, dict) and event.get("type") in ENDINGS:
            ids = named_in(payload)
        else:
            with suppress(KeyError, TypeError, AttributeError):
                ids = {installation_of(payload)[0]}
        names = {self._stores.name_of(slack_id) for slack_id in ids} or {DEFAULT}
        answers = [await branch.dispatch(payload) for branch in self.branches if branch.name in names]
        return max(answers, key=lambda answer: answer.status)

    def _was_away(self, seconds: float) -> None:
        """Have what was dropped while there was no connection looked for, in every branch."""
        for branch in self.branches:
            if branch.desk is not None:
                branch.desk.missed.was_away(seconds)

    @contextmanager
    def _home_of(self, slack_id: str) -> Iterator[tuple[Store, ManyWorkspaces, Callable[[int], None]]]:
        """Where the account *slack_id* is kept, who serves it, and who knows its channels. Raises `StoreUnavailable`."""
        name = self._stores.name_of(slack_id)
        branch = next(branch for branch in self.branches if branch.name == name)
        if branch.desk is None:
            raise branch.away
        assert isinstance(branch.desk.installations, ManyWorkspaces)  # noqa: S101  of all branches alike
        with branch.at_work():
            yield branch.store, branch.desk.installations, branch.desk.channels.changed

    async def connected(self, seconds: float) -> None:
        """Wait for the connection to Slack; TimeoutError after *seconds*. Over HTTP it is Slack that connects."""
        if self._socket is not None and await self._socket.until("connected", limit=seconds) != "connected":
            raise TimeoutError(f"no connection to Slack: {self._socket.state}")

    async def stop(self) -> None:
        """Take nothing new, let what was taken end, and stop. What cannot end in time is in the database."""
        self.state = "draining"
        if self._socket is not None:
            await self._socket.stop()
        if self._http is not None:
            await self._http.drain()
        self._waiting.stop()
        await asyncio.gather(*(branch.stop() for branch in self.branches))

    def routes(self) -> web.Application:
        """The routes: `/healthz`, `/readyz`, `/metrics`, the API and the hooks unless they have a port of their own, and, without Socket Mode, Slack's requests."""
        routes = [
            web.get("/healthz", self._health),
            web.get("/readyz", self._ready),
            web.get("/metrics", self._metrics),
        ]
        if self._http is not None:
            routes.append(web.post(EVENTS_PATH, self._slack))
        if self._install is not None:
            routes += self._install.routes()
        if not self._has_own_port:
            routes += self._of_platform()
        return routed(*routes)

    def platform_routes(self) -> web.Application | None:
        """What is served on the API's own port, the hooks among it; None where there is none."""
        return routed(*self._of_platform()) if self.api is not None and self._has_own_port else None

    def _of_platform(self) -> list[web.RouteDef]:
        if len(self.branches) == 1:
            return [door.route() for door in (self.api, self.hooks) if door is not None]
        doors = ((self.api, api_door), (self.hooks, hooks_door))
        return [door_of(self.branches).route() for served, door_of in doors if served is not None]

    async def _health(self, _request: web.Request) -> web.Response:
        return web.json_response({"healthy": True})

    async def _ready(self, _request: web.Request) -> web.Response:
        # However many ask at once, the database is asked once.
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self.readiness())
        ready = (await asyncio.shield(self._looking))["ready"]
        return web.json_response({"ready": ready}, status=200 if ready else 503)

    async def readiness(self) -> dict[str, Any]:
        """
        Whether requests should be sent here, `ready`, and why not: for the log, where each change of it is written.

        Whoever asks `/readyz` is told no more than `ready`: in HTTP mode that is anybody.
        """
        slack = self._slack_state()
        looks = {branch.name: branch.look() for branch in self.branches}
        databases = dict.fromkeys(looks, SILENT) | await of_those_that_answer(looks, lambda found: found == "ok")
        loops = {name: loop.state for name, loop in self._loops()}
        alive = all(loop.alive for _, loop in self._loops())
        bot = self.desk.installations.state
        usable = slack in _CONNECTED and bot == "ok"
        # Whoever sends requests here sends those of all accounts: as long as one has its database, it is not to be left.
        answers = "ok" in databases.values()
        ready = self.state == "serving" and usable and answers and alive
        database: Any = databases[DEFAULT] if len(databases) == 1 else databases
        found = {"ready": ready, "state": self.state, "slack": slack, "bot": bot, "database": database, "loops": loops}
        if found != self._found:
            (log.info if ready and set(databases.values()) == {"ok"} else log.warning)("readiness", **found)
            self._found = found
        return found

    def _loops(self) -> Iterator[tuple[str, Loop]]:
        """Every background loop by its name, with that of its database where there are several."""
        for branch in self.branches:
            if branch.desk is not None:
                prefix = "" if len(self.branches) == 1 else f"{branch.name} "
                yield from ((f"{prefix}{loop.name}", loop) for loop in branch.desk.loops)
        if len(self.branches) > 1:
            yield self._waiting.name, self._waiting

    def _slack_state(self) -> str:
        return "http" if self._socket is None else self._socket.state

    async def _metrics(self, request: web.Request) -> web.Response:
        # The port is there for Slack over HTTP, or for the platform, and others reach it too.
        is_public = self._http is not None or (self.api is not None and not self._has_own_port)
        if is_public and not _is_of_this_machine(request.remote):
            raise web.HTTPNotFound
        refused = self._http.counts if self._http is not None else {}
        connected = self._slack_state() in _CONNECTED and self.desk.calls.refusal is None
        text = await exposition(self.branches, refused, connected=connected)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _slack(self, request: web.Request) -> web.Response:
        assert self._http is not None  # noqa: S101  there is no such route without
        if self.state != "serving":
            # Slack tries an event again; another replica, or this one started anew, takes it then.
            return self._http.refuse(DRAINING)
        return await self._http.answer(request)


def _called(branch: Branch) -> str:
    return "DATABASE_URL" if branch.name == DEFAULT else branch.name


def _is_of_this_machine(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


@asynccontextmanager
async def running(
    settings: Settings, store: Store, own: Mapping[str, Store] = MappingProxyType({})
) -> AsyncIterator[Service]:
    """A desk that serves Slack for the length of the block, and drains at its end; *own* as for `Service`."""
    service = Service(settings, store, own)
    try:
        await service.start()
        yield service
    finally:
        await service.stop()


@asynccontextmanager
async def stopping_on_signal(begun: Callable[[], object] = lambda: None) -> AsyncIterator[asyncio.Event]:
    """
    Give an event that SIGINT and SIGTERM set.

    The first signal asks for an orderly end and hands the second back to Python, which ends the process at once. *begun* is
    called with it, however long the loop is busy and does not come to the event.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def hand_back() -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def stop(_number: int, _frame: FrameType | None) -> None:
        hand_back()
        begun()
        loop.call_soon_threadsafe(asked.set)

    for number in signals:
        # Not the loop's own way, which waits for its turn among all that goes on.
        signal.signal(number, stop)
    try:
        yield asked
    finally:
        hand_back()


def _end_within(seconds: float) -> None:
    """
    End the process after *seconds*, with status 0, if it has not ended by itself.

    Python waits at its end for every thread, and none can be broken off while it waits for a database that says nothing,
    a locked file or a name server. Nothing is lost: what was not done by now is in the database, as after a kill.
    """

    def end() -> None:
        # Not by this thread: whoever logs without a pause leaves the log to nobody.
        said = threading.Thread(target=log.warning, args=["ended with something still waiting"], daemon=True)
        said.start()
        said.join(_SAID_SECONDS)
        os._exit(0)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


async def serve(settings: Settings) -> None:
    """
    Run the desk until SIGTERM or SIGINT, as all that its process does.

    Raises `SettingsError` or `StoreError`, with its sentence, when it cannot.
    """
    require_tokens(settings)
    async with AsyncExitStack() as stack:
        asked = await stack.enter_async_context(stopping_on_signal(partial(_end_within, END_SECONDS)))
        starting, ending = asyncio.create_task(_start(settings, stack)), asyncio.create_task(asked.wait())
        await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            await starting
            await ending
        log.info("draining")
        # Its thread may wait for an answer of the database's until the store is closed.
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
    log.info("stopped")


async def _start(settings: Settings, stack: AsyncExitStack) -> None:
    """Start the desk; *stack* gets what has to be undone at its end, of as much as there is when this is cancelled."""
    for sentence in doubts_of_settings():
        log.warning(sentence)
    stores = Stores.open(settings)
    stack.callback(stores.close)
    store = stores.by_name[DEFAULT]
    await asyncio.to_thread(make_ready, store, log.warning)
    for in_use, sentence in await asyncio.to_thread(lambda: tuple(described(store))):
        (log.info if in_use else log.warning)(sentence)
    service = Service(settings, store, stores.own)
    address = await stack.enter_async_context(listening(service.routes(), settings.host, settings.port))
    api = address if service.api is not None else None
    if (platform := service.platform_routes()) is not None:
        api = await stack.enter_async_context(listening(platform, settings.host, settings.api_port or 0))
    stack.push_async_callback(service.stop)
    await service.start()
    # What is there now stays: to look through it again and again for what can go took half the time of a page of the feed.
    gc.freeze()
    mode = "HTTP" if settings.slack_app_token is None else "Socket Mode"
    log.info("serving", mode=mode, address=address, **({} if api is None else {"api": f"{api}{PREFIX}"}))
