"""An embedded Slack, its control client, and a bare Bolt app that talks to it in either mode."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient

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
