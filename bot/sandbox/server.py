"""The embedded Slack: one process, one port, everything behind it."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.sandbox.acting import People
from bot.sandbox.avatars import avatar
from bot.sandbox.chaos import Chaos
from bot.sandbox.control import Control, guard
from bot.sandbox.delivery import ACK_LIMIT, Courier
from bot.sandbox.faults import Faults
from bot.sandbox.feed import Feed
from bot.sandbox.files import FileStore, sign_in
from bot.sandbox.granting import Grants
from bot.sandbox.kept import Kept, KeptError
from bot.sandbox.methods import METHODS
from bot.sandbox.rates import RateLimits
from bot.sandbox.response_urls import ResponseUrls
from bot.sandbox.samples import samples
from bot.sandbox.seed import FIRST, seeded_workspace
from bot.sandbox.sockets import SocketHub
from bot.sandbox.state import StateView
from bot.sandbox.views import Views
from bot.sandbox.web_api import Platform, WebApi
from bot.sandbox.welcome import welcome
from bot.sandbox.wire import Wire
from bot.sandbox.workflows import Workflows

_MOST_BODY = 64 * 1024 * 1024  # bytes of one request held in memory; files are streamed


class EmbeddedSlack:
    """
    A workspace of its own with the app installed in it.

    *speed* divides the waiting times that are Slack's: retry delays, which stand still while no connection is open, and
    the lives of tickets and response URLs; not the *ack_limit*: the seconds in which an acknowledgement has to come. Where
    that is longer than Slack's, triggers live as long. With *events_url* everything is delivered there by signed HTTP,
    else by Socket Mode. *guided*, for whoever comes to try the app: people have display names, a message suggests what
    to try, and the page opens when the app has connected. *rate_limits*: calls of the Web API are limited
    as Slack limits them, on a clock that *speed* makes faster, too. *kept*: the file in which messages and files are kept
    over a restart; see bot/sandbox/kept.py. *beside*: the embedded Slack of another workspace, started before this one, in whose app this
    one's people may have it too, once somebody installs it here; that one's addresses are the app's, this one's are its
    people's. *named*: its domain and its name.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        speed: float = 1.0,
        events_url: str | None = None,
        ack_limit: float = ACK_LIMIT,
        guided: bool = False,
        rate_limits: bool = False,
        kept: Path | None = None,
        beside: "EmbeddedSlack | None" = None,
        named: tuple[str, str] = FIRST,
    ) -> None:
        self._host = host
        self._port = port
        self._speed = speed
        self._ack_limit = ack_limit
        self._rate_limits = rate_limits
        self._workspace, self._app = seeded_workspace(
            display_names=guided, named=named, beside=None if beside is None else beside.platform.app
        )
        self._beside = beside
        self.others: dict[str, EmbeddedSlack] = {}
        self._app.awaited = self._guided = guided
        self._kept_in = kept
        self._kept: Kept | None = None
        self._app.events_url = events_url
        self._runner: web.AppRunner | None = None
        self._platform: Platform | None = None
        self._response_urls: ResponseUrls | None = None
        self.url = ""
        self.bot_token = self._app.bot_token
        self.app_token = self._app.app_token
        self.signing_secret = self._app.signing_secret
        self.client_id = self._app.client_id
        self.client_secret = self._app.client_secret
        self.team_id = self._app.team_id
        self.bot_user_id = self._app.bot_user_id
        self.bot_id = self._app.bot_id
        self.app_id = self._app.app_id

    @property
    def api_url(self) -> str:
        """What a Slack client library is given as its API URL."""
        return f"{self.url}/api/"

    @property
    def events_url(self) -> str | None:
        return self._app.events_url

    @events_url.setter
    def events_url(self, url: str | None) -> None:
        self._app.events_url = url

    @property
    def platform(self) -> Platform:
        """What is behind the server, for tests that plant something from inside; there once started."""
        if self._platform is None:
            raise RuntimeError("the embedded Slack is not started")
        return self._platform

    @property
    def response_urls(self) -> ResponseUrls:
        """The response URLs handed out, likewise."""
        if self._response_urls is None:
            raise RuntimeError("the embedded Slack is not started")
        return self._response_urls

    def join(self, organisation: str, name: str, *, org_wide: bool) -> None:
        """Let this be a workspace of the Enterprise Grid *organisation*, an id; *org_wide*: the app is installed in all of it."""
        self._app.enterprise, self._app.org_wide = (organisation, name), org_wide
        for user in self._workspace.users.values():
            if not user.is_stranger:
                user.enterprise_id = organisation

    def start_chaos(self, seed: int) -> None:
        """Let one thing after another go wrong from now on, as *seed* decides; see bot/sandbox/chaos.py."""
        self.platform.chaos.start(seed)

    def set_manifest(
        self,
        *,
        commands: Iterable[str] | None = None,
        scopes: Iterable[str] | None = None,
        events: Iterable[str] | None = None,
        shortcuts: Iterable[dict[str, str]] | None = None,
    ) -> None:
        """What the app's manifest says (shortcuts: `callback_id`, `name`, `type`); None leaves a part as it is."""
        self._app.configure(commands=commands, scopes=scopes, events=events, shortcuts=shortcuts)

    async def start(self) -> None:
        """Listen; `url` is known afterwards. OSError when the port is taken, `KeptError` when what was kept is of no use."""
        workspace, app = self._workspace, self._app
        if self._beside is None:
            faults, wire, grants = Faults(), Wire(), Grants[Platform]()
            sockets = SocketHub(workspace, app, faults, speed=self._speed)
            courier = Courier(app, sockets, faults, wire, speed=self._speed, ack_limit=self._ack_limit)
        else:
            there = self._beside.platform
            faults, grants, sockets, courier = there.faults, there.grants, there.sockets, there.feed.courier
            wire = courier.wire
        feed = Feed(workspace, app, courier)
        files = FileStore(workspace, app, faults)
        if self._kept_in is not None:
            self._kept = Kept(self._kept_in, workspace, files.directory)
        try:
            restored = self._kept is not None and self._kept.restore()
        except KeptError:
            files.remove()
            raise
        if self._guided and not restored:
            welcome(workspace)
        views = Views(workspace, app)
        views.trigger_life = max(views.trigger_life, self._ack_limit)
        chaos = Chaos(app, faults, sockets)
        rates = RateLimits(enforced=self._rate_limits, speed=self._speed)
        self._platform = Platform(
            workspace, app, faults, feed, files, views, sockets, chaos, rates, grants, Workflows(feed)
        )
        grants.workspaces[workspace.team_id] = self._platform
        response_urls = self._response_urls = ResponseUrls(feed, speed=self._speed)
        web_api = WebApi(self._platform, METHODS, wire)
        offered = samples()
        people, state = People(self._platform, response_urls), StateView(self._platform, offered)
        control = Control(self._platform, people, web_api, state, offered, wire)
        server = web.Application(middlewares=[guard], client_max_size=_MOST_BODY)
        server.add_routes(control.routes())
        server.router.add_route("*", "/api/{method}", web_api.endpoint)
        server.router.add_get("/link/", sockets.endpoint)
        for kind in ("commands", "actions", "app"):
            path = f"/{kind}/{{team}}/{{number}}/{{secret}}"
            server.router.add_post(path, web_api.guarded("response_url", self._responded, reads_json=True))
        server.router.add_post("/upload/v1/{secret}", web_api.guarded("upload", self._uploaded))
        server.router.add_get("/files-pri/{file}/{name:.*}", self._downloaded)
        server.router.add_get("/files/{user}/{file}/{name}", sign_in)
        server.router.add_get("/archives/{channel}/{message}", sign_in)
        server.router.add_get("/signin", sign_in)
        server.router.add_get(r"/avatars/{owner}/{size:\d+}.png", avatar)
        server.router.add_get("/oauth/v2/authorize", grants.page)
        server.router.add_post("/oauth/v2/authorize", grants.answer)
        if self._beside is None:
            await courier.start()
        self._runner = web.AppRunner(server, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError:
            await self.stop()
            raise
        if self._kept is not None:
            self._kept.start()
        self._port = self._runner.addresses[0][1]
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http://{'127.0.0.1' if shown == '0.0.0.0' else shown}:{self._port}"  # noqa: S104 - compared with, not bound to
        feed.base_url = self.url if self._beside is None else self._beside.url
        if self._beside is not None:
            self._beside.others[workspace.team_id] = self

    async def stop(self) -> None:
        """Close every connection and forget every file. Stopping twice is harmless."""
        platform, self._platform = self._platform, None
        runner, self._runner = self._runner, None
        if platform is not None:
            platform.chaos.stop()
            if self._beside is None:
                await platform.feed.courier.stop()
                await platform.sockets.close()
        if runner is not None:
            await runner.cleanup()
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept.stop()
        if platform is not None:
            platform.files.remove()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- what the app asks of this address about any of its workspaces ------------------------------------------

    def _of(self, team_id: str) -> "EmbeddedSlack":
        return self.others.get(team_id, self)

    async def _responded(self, request: web.Request) -> web.StreamResponse:
        return await self._of(request.match_info["team"]).response_urls.receive(request)

    async def _downloaded(self, request: web.Request) -> web.StreamResponse:
        return await self._of(request.match_info["file"].partition("-")[0]).platform.files.download(request)

    async def _uploaded(self, request: web.Request) -> web.StreamResponse:
        places = [self, *self.others.values()]
        secret = request.match_info["secret"]
        return await next((one for one in places if one.platform.files.expects(secret)), self).platform.files.receive(
            request
        )
