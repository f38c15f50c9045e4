"""Several workspaces with one app: an installation as a person does it in a browser, and a desk that serves them all."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from bot.config import Settings
from bot.http import listening
from bot.oauth import INSTALL_PATH
from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.serve import EVENTS_PATH, Service, running
from bot.stores import DEFAULT, Stores
from store import Store
from tests.desks import ACK_LIMIT
from tests.patience import PATIENCE

PUBLIC = "https://desk.example.org"
KEY = "k" * 32


def settings_for(
    slack: EmbeddedSlack, database_url: str, scratch: Path, *, key: str = KEY, http: bool = False, **changes: object
) -> Settings:
    """The settings of a desk that whoever wants may install, over Socket Mode or signed HTTP."""
    return Settings(
        database_url=database_url,
        slack_app_token=None if http else SecretStr(slack.app_token),
        slack_signing_secret=SecretStr(slack.signing_secret) if http else None,
        slack_client_id=slack.client_id,
        slack_client_secret=SecretStr(slack.client_secret),
        slack_api_url=slack.api_url,
        token_key=SecretStr(key),
        public_url=PUBLIC,
        default_country="US",
        scratch_dir=scratch,
        post_seconds=0,
    ).model_copy(update=changes)


@dataclass(frozen=True, slots=True)
class Page:
    """What a browser shows at the end."""

    status: int
    text: str


@dataclass(slots=True)
class Visitor:
    """Somebody with a browser, at a desk at *address*."""

    session: aiohttp.ClientSession
    address: str
    cookie: str = ""

    async def begin(self, slack: EmbeddedSlack) -> str:
        """Begin the installation in the workspace of *slack*; the address of its authorize page."""
        async with self.session.get(
            f"{self.address}{INSTALL_PATH}?team={slack.team_id}", allow_redirects=False
        ) as answer:
            self.cookie = answer.headers["Set-Cookie"].partition(";")[0]
            return answer.headers["Location"]

    async def say(self, authorize: str, answer: str = "allow") -> str:
        """Say yes or no on Slack's page *authorize*; where Slack sends the browser then."""
        async with self.session.get(authorize) as page:
            assert "is requesting permission" in await page.text()
        async with self.session.post(authorize, data={"answer": answer}, allow_redirects=False) as sent:
            return sent.headers["Location"]

    async def come_back(self, location: str, *, cookie: str | None = None) -> Page:
        """Follow Slack's *location* to the desk, which stands at another address here."""
        assert location.startswith(PUBLIC)
        headers = {"Cookie": self.cookie if cookie is None else cookie}
        async with self.session.get(f"{self.address}{location.removeprefix(PUBLIC)}", headers=headers) as answer:
            return Page(answer.status, await answer.text())

    async def install(self, slack: EmbeddedSlack) -> Page:
        """All of it."""
        return await self.come_back(await self.say(await self.begin(slack)))


@dataclass(slots=True)
class Workspaces:
    """Two workspaces, of which *second* has the app by the desk's *visitor* alone, as the first."""

    first: EmbeddedSlack
    second: EmbeddedSlack
    people: SandboxClient
    others: SandboxClient
    service: Service
    store: Store
    visitor: Visitor


@asynccontextmanager
async def two_slacks(*, speed: float = 20.0) -> AsyncIterator[tuple[EmbeddedSlack, EmbeddedSlack]]:
    """Two workspaces in which the app is not installed yet."""
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(EmbeddedSlack(speed=speed, ack_limit=ACK_LIMIT))
        first.platform.app.gone = True
        second = await stack.enter_async_context(
            EmbeddedSlack(speed=speed, ack_limit=ACK_LIMIT, beside=first, named=("lakeside", "Lakeside Campaign"))
        )
        yield first, second


@asynccontextmanager
async def at_work(first: EmbeddedSlack, second: EmbeddedSlack, settings: Settings) -> AsyncIterator[Workspaces]:
    """A desk at work for both while the block runs; over HTTP Slack finds it at its address. *store* is that of `DATABASE_URL`."""
    async with AsyncExitStack() as stack:
        stores = Stores.open(settings)
        stack.callback(stores.close)
        store = stores.by_name[DEFAULT]
        people = await stack.enter_async_context(SandboxClient(first.url))
        others = await stack.enter_async_context(SandboxClient(second.url))
        service = await stack.enter_async_context(running(settings, store, stores.own))
        address = await stack.enter_async_context(listening(service.routes(), "127.0.0.1", 0))
        if settings.slack_app_token is None:
            first.events_url = address + EVENTS_PATH
        await service.connected(PATIENCE)
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        yield Workspaces(first, second, people, others, service, store, Visitor(session, address))
