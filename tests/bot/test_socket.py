"""Socket Mode through the embedded Slack: the connection comes about, comes back, says how it is and drains."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack
from bot.socket import SocketConnection

LIMIT = 20.0  # seconds; what is waited for comes within one or two

Connect = Callable[..., AbstractAsyncContextManager[SocketConnection]]


class Heard:
    """A bare Bolt app: it notes what reaches it, and answers `/optout` once it is let."""

    def __init__(self, slack: EmbeddedSlack) -> None:
        self.mentions: asyncio.Queue[str] = asyncio.Queue()
        self.commanded = asyncio.Event()
        self.answer = asyncio.Event()
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        self.app = AsyncApp(client=client, signing_secret=slack.signing_secret)
        self.app.event("app_mention")(self._mention)
        self.app.command("/optout")(self._command)

    async def _mention(self, event: dict[str, Any]) -> None:
        await self.mentions.put(event["text"])

    async def _command(self, ack: AsyncAck) -> None:
        self.commanded.set()
        await self.answer.wait()
        await ack("answered")

    async def mention(self) -> str:
        """The text of the next mention."""
        async with asyncio.timeout(LIMIT):
            return await self.mentions.get()


class Control:
    """The embedded Slack's control API."""

    def __init__(self, slack: EmbeddedSlack, session: aiohttp.ClientSession) -> None:
        self._slack = slack
        self._session = session

    async def post(self, what: str, **body: Any) -> dict[str, Any]:
        async with self._session.post(f"{self._slack.url}/sandbox/{what}", json=body) as answer:
            read: dict[str, Any] = await answer.json()
            assert answer.status == 200, read
            return read

    async def calls(self, method: str) -> int:
        """How often the Web API's *method* was called."""
        async with self._session.get(f"{self._slack.url}/sandbox/calls", params={"method": method}) as answer:
            return len((await answer.json())["calls"])

    async def mention(self, text: str) -> None:
        await self.post("message", user="admin", channel="campaign-admins", text=f"@Opt-Out Desk {text}")


@pytest.fixture
async def slack(request: pytest.FixtureRequest) -> AsyncIterator[EmbeddedSlack]:
    """An embedded Slack whose retries come a hundred times as soon; a parameter is its limit for acknowledgements."""
    async with EmbeddedSlack(speed=100, ack_limit=getattr(request, "param", 3.0)) as embedded:
        yield embedded


@pytest.fixture
async def control(slack: EmbeddedSlack) -> AsyncIterator[Control]:
    """What switches its faults and speaks for its people."""
    async with aiohttp.ClientSession() as session:
        yield Control(slack, session)


@pytest.fixture
def heard(slack: EmbeddedSlack) -> Heard:
    """An app to connect."""
    return Heard(slack)


@pytest.fixture
def connect(slack: EmbeddedSlack, heard: Heard) -> Connect:
    """A function that gives a started connection for the length of a block, with short times."""

    @asynccontextmanager
    async def started(**options: Any) -> AsyncIterator[SocketConnection]:
        connection = SocketConnection(heard.app, slack.app_token, slack.api_url, **options)
        await connection.start()
        try:
            yield connection
        finally:
            await connection.stop()

    return started


async def test_connects_and_delivers(connect: Connect, control: Control, heard: Heard) -> None:
    """A started connection becomes connected and brings events to the app; a stopped one says so."""
    async with connect() as connection:
        assert await connection.until("connected", limit=LIMIT) == "connected"
        await control.mention("hello")
        assert "hello" in await heard.mention()
    assert connection.state == "stopped"


async def test_is_connecting_at_first(connect: Connect) -> None:
    """Starting waits for nothing; until Slack has answered the state says so."""
    async with connect() as connection:
        assert connection.state == "connecting"


async def test_refused_ticket(connect: Connect, control: Control) -> None:
    """A refused address is forgotten: tickets are single-use, so the next dial asks Slack for another."""
    await control.post("faults", socket="refuse_ticket", times=1)
    async with connect() as connection:
        assert await connection.until("connected", limit=LIMIT) == "connected"
    assert await control.calls("apps.connections.open") >= 2


async def test_server_drops(connect: Connect, control: Control, heard: Heard) -> None:
    """A connection cut off without a goodbye comes back, and so does what was sent meanwhile."""
    async with connect() as connection:
        await connection.until("connected", limit=LIMIT)
        await control.post("faults", socket="drop")
        await control.mention("while down")
        assert "while down" in await heard.mention()
        assert await connection.until("connected", limit=LIMIT) == "connected"


async def test_dropped_and_refused(connect: Connect, control: Control, heard: Heard) -> None:
    """A drop followed by refused tickets, as in an outage, heals too, and nothing sent meanwhile is lost."""
    async with connect() as connection:
        await connection.until("connected", limit=LIMIT)
        await control.post("faults", socket="refuse_ticket", times=2)
        await control.post("faults", socket="drop")
        await control.mention("during the outage")
        assert "during the outage" in await heard.mention()
        assert await connection.until("connected", limit=LIMIT) == "connected"


@pytest.mark.parametrize("reason", ["disconnect_warning", "disconnect_refresh"])
async def test_asked_to_reconnect(connect: Connect, control: Control, heard: Heard, reason: str) -> None:
    """Slack closes every connection now and then; the app hears on."""
    async with connect() as connection:
        await connection.until("connected", limit=LIMIT)
        await control.post("faults", socket=reason)
        await control.mention("after it")
        assert "after it" in await heard.mention()
        assert await connection.until("connected", limit=LIMIT) == "connected"


async def test_link_disabled(connect: Connect, control: Control) -> None:
    """Socket Mode switched off in the app's settings is for a person to mend: the state names it, and dialling stops."""
    async with connect() as connection:
        await connection.until("connected", limit=LIMIT)
        before = await control.calls("apps.connections.open")
        await control.post("faults", socket="link_disabled")
        assert await connection.until("refused", limit=LIMIT) == "refused: link_disabled"
        assert await control.calls("apps.connections.open") == before


async def test_link_enabled_again(connect: Connect, control: Control) -> None:
    """A refused connection is tried again slowly, so that mending the app mends the desk without a restart."""
    async with connect(retry_refused=0.3) as connection:
        await connection.until("connected", limit=LIMIT)
        await control.post("faults", socket="link_disabled")
        assert await connection.until("refused", limit=LIMIT) == "refused: link_disabled"
        assert await connection.until("connected", limit=LIMIT) == "connected"


async def test_invalid_app_token(slack: EmbeddedSlack, heard: Heard) -> None:
    """A wrong app token is named in the state, and stopping does not wait for the next try."""
    connection = SocketConnection(heard.app, "xapp-1-A0-0-wrong", slack.api_url)
    await connection.start()
    assert await connection.until("refused", limit=LIMIT) == "refused: invalid_auth"
    async with asyncio.timeout(LIMIT):
        await connection.stop()
    assert connection.state == "stopped"


async def test_slack_is_unwell(connect: Connect, control: Control) -> None:
    """A passing failure of `apps.connections.open` is tried again and refuses nothing."""
    await control.post("faults", method="apps.connections.open", fault="server_error", times=1)
    async with connect() as connection:
        assert await connection.until("connected", "refused", limit=LIMIT) == "connected"


async def test_stop_waits_for_acknowledgements(connect: Connect, control: Control, heard: Heard) -> None:
    """Stopping lets a command that is being worked on be acknowledged: the socket closes after that."""
    async with connect() as connection:
        await connection.until("connected", limit=LIMIT)
        command = asyncio.create_task(control.post("command", user="admin", channel="campaign-admins", text="/optout"))
        async with asyncio.timeout(LIMIT):
            await heard.commanded.wait()
        stopping = asyncio.create_task(connection.stop())
        assert await connection.until("draining", limit=LIMIT) == "draining"
        heard.answer.set()
        async with asyncio.timeout(LIMIT):
            assert (await command)["acknowledged"] is True
            await stopping
        assert connection.state == "stopped"


@pytest.mark.parametrize("slack", [0.5], indirect=True)
async def test_stop_takes_nothing_new(connect: Connect, control: Control, heard: Heard) -> None:
    """What arrives while the desk drains is left unacknowledged, so that Slack brings it again, elsewhere or later."""
    async with connect() as connection:
        await connection.until("connected", limit=LIMIT)
        command = asyncio.create_task(control.post("command", user="admin", channel="campaign-admins", text="/optout"))
        async with asyncio.timeout(LIMIT):
            await heard.commanded.wait()
        stopping = asyncio.create_task(connection.stop(limit=LIMIT))
        assert await connection.until("draining", limit=LIMIT) == "draining"
        await control.mention("too late")  # comes back when Slack has given up on it
        assert heard.mentions.empty()
        heard.answer.set()
        async with asyncio.timeout(LIMIT):
            await asyncio.gather(command, stopping)
    async with connect():
        assert "too late" in await heard.mention()


async def test_stop_has_a_limit(connect: Connect, control: Control, heard: Heard) -> None:
    """A listener that never ends does not keep the desk from stopping."""
    async with connect() as connection:
        await connection.until("connected", limit=LIMIT)
        command = asyncio.create_task(control.post("command", user="admin", channel="campaign-admins", text="/optout"))
        async with asyncio.timeout(LIMIT):
            await heard.commanded.wait()
            await connection.stop(limit=0.1)
            assert (await command)["acknowledged"] is False
        heard.answer.set()


async def test_starting_twice(connect: Connect) -> None:
    """One object is one connection."""
    async with connect() as connection:
        with pytest.raises(RuntimeError, match="already started"):
            await connection.start()
