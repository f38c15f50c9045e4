"""An embedded Slack, its control client, a bare Bolt app that talks to it in either mode, and a browser on its page."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, async_playwright
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient
from tests.conftest import AXE
from tests.desks import ACK_LIMIT
from tests.sandbox.pages import ARGUMENTS, CHROMIUM, Desk, bare_app

# Without axe-core there is nothing to ask; where a change is judged, the test is there and fails for want of it.
collect_ignore = [] if AXE.is_file() or os.environ.get("CI") else ["test_accessible.py"]

Serving = Callable[[AsyncApp], AbstractAsyncContextManager[None]]


@pytest.fixture
async def slack() -> AsyncIterator[EmbeddedSlack]:
    """An embedded Slack whose waiting times pass a hundred times faster."""
    async with EmbeddedSlack(speed=100.0) as server:
        yield server


@pytest.fixture
async def people(slack: EmbeddedSlack) -> AsyncIterator[SandboxClient]:
    """The control client."""
    async with SandboxClient(slack.url) as client:
        yield client


@pytest.fixture
def api(slack: EmbeddedSlack) -> AsyncWebClient:
    """Slack's own client with the bot's token."""
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)


@pytest.fixture
def bolt(slack: EmbeddedSlack, api: AsyncWebClient) -> AsyncApp:
    """A Bolt app without listeners."""
    return AsyncApp(token=slack.bot_token, signing_secret=slack.signing_secret, client=api)


@asynccontextmanager
async def by_socket(slack: EmbeddedSlack, people: SandboxClient, app: AsyncApp) -> AsyncIterator[None]:
    """Run *app* in Socket Mode."""
    handler = AsyncSocketModeHandler(
        app, slack.app_token, web_client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url), ping_interval=1
    )
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped
    try:
        await people.until(lambda state: state.connected)
        yield
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt leaves it untyped


@asynccontextmanager
async def by_http(slack: EmbeddedSlack, app: AsyncApp) -> AsyncIterator[None]:
    """Run *app* behind one URL and have everything delivered there."""
    server = app.web_app("/slack/events")
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.events_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield
    finally:
        slack.events_url = None
        await runner.cleanup()


@pytest.fixture(params=["socket", "http"])
def serving(request: pytest.FixtureRequest, slack: EmbeddedSlack, people: SandboxClient) -> Serving:
    """Runs a Bolt app in Socket Mode and over HTTP in turn."""
    if request.param == "socket":
        return lambda app: by_socket(slack, people, app)
    return lambda app: by_http(slack, app)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        pytest.fail(
            f"The page is tested in Chromium, and {CHROMIUM} is not there: install the Debian package `chromium` "
            "(apt-get install --no-install-recommends chromium)."
        )
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(browser: Browser) -> AsyncIterator[Desk]:
    async with EmbeddedSlack(ack_limit=ACK_LIMIT) as slack:
        late = asyncio.Event()
        app = bare_app(slack, late)
        handler = AsyncSocketModeHandler(app, slack.app_token, ping_interval=1)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt does not annotate it
        desk = Desk(slack, app, handler, late, browser)
        try:
            yield desk
        finally:
            for context in list(browser.contexts):
                await context.close()
            await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt does not annotate it
    assert desk.problems == []
