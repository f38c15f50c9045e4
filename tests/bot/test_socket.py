"""
Socket Mode through the embedded Slack: the connection comes about, comes back, says how it is and drains.

How dials are paced is shown by a clock of the tests' own: Slack is away for as long as that clock says.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.async_app import AsyncBoltRequest
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack
from bot.sandbox.sockets import MOST_CONNECTIONS
from bot.socket import (
    FIRST_PAUSE,
    LONGEST_ANSWERED,
    LONGEST_UNREACHABLE,
    RETRY_AFTER,
    STEADY,
    Backoff,
    SocketConnection,
)

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

    async def dispatch(self, payload: dict[str, Any]) -> BoltResponse:
        return await self.app.async_dispatch(AsyncBoltRequest(body=payload, mode="socket_mode"))

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


class Clock:
    """Time that passes only between dials: it keeps the pauses, and at *then* seconds lets *happen* what was set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []
        self.paused = asyncio.Event()  # at least once
        self._then = float("inf")
        self._happen: Callable[[], Awaitable[Any]] | None = None

    def __call__(self) -> float:
        return self.now

    def at(self, then: float, happen: Callable[[], Awaitable[Any]]) -> None:
        """Let *happen* be awaited when *then* seconds have passed."""
        self._then, self._happen = then, happen

    async def sleep(self, seconds: float) -> None:
        """Let *seconds* pass without waiting for them."""
        self.pauses.append(seconds)
        self.paused.set()
        self.now += seconds
        if self.now >= self._then and self._happen is not None:
            happen, self._happen = self._happen, None
            await happen()
        await asyncio.sleep(0)  # as any sleep does, so that a run of failures lets others go on


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
def clock() -> Clock:
    """A clock and a sleep to pace the dials by."""
    return Clock()


@pytest.fixture
def connect(slack: EmbeddedSlack, heard: Heard) -> Connect:
    """A function that gives a started connection for the length of a block."""

    @asynccontextmanager
    async def started(**options: Any) -> AsyncIterator[SocketConnection]:
        connection = SocketConnection(heard.dispatch, slack.app_token, slack.api_url, **options)
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


async def test_frames_that_are_none_of_slacks(
    connect: Connect, control: Control, heard: Heard, slack: EmbeddedSlack
) -> None:
    """What is no JSON, nested for ever or no payload is logged by its reason, without a word of it, and stops nothing."""
    payloads: tuple[Any, ...] = (
        "quillon",
        ["quillon"],
        None,
        {},
        {"type": "quillon"},
        {"type": "event_callback", "event": {}},
    )
    frames = [
        "",
        "quillon",
        "[" * 100_000,
        '{"envelope_id": "quillon", "envelope_id": "quillon"}',
        '{"envelope_id": "1"}',
        '{"envelope_id": ["quillon"], "payload": ' + '{"a": ' * 900 + "1" + "}" * 901,
        *(json.dumps({"type": "events_api", "envelope_id": "1", "payload": payload}) for payload in payloads),
    ]
    async with connect() as connection:
        await connection.until("connected", limit=LIMIT)
        with structlog.testing.capture_logs() as logged:
            for frame in frames:
                await slack.platform.sockets.connections[0].socket.send_str(frame)
            await control.mention("hello")
            assert "hello" in await heard.mention()
        assert connection.state == "connected"
    assert {entry["event"] for entry in logged} == {"a frame is passed over", "an envelope cannot be read"}
    assert len(logged) == len(frames)
    assert "quillon" not in str(logged)


async def test_is_connecting_at_first(connect: Connect) -> None:
    """Starting waits for nothing; until Slack has answered the state says so."""
    async with connect() as connection:
        assert connection.state == "connecting"


def assert_paced(pauses: list[float], *, longest: float = LONGEST_UNREACHABLE) -> None:
    """The pauses double from FIRST_PAUSE on, each shortened by up to a half, and none is longer than *longest*."""
    for number, pause in enumerate(pauses):
        step = min(FIRST_PAUSE * 2.0 ** min(number, 10), longest)
        assert min(step, LONGEST_UNREACHABLE) / 2 <= pause <= step, (number, pauses)


# Seconds from Slack's return to the connection: a pause, and one more where a ticket, which is good for 0.3 s here, grew too
# old on a busy machine.
LATE = 2.0
FAULTS = [
    {"method": "apps.connections.open", "fault": "server_error", "status": 503},
    {"method": "apps.connections.open", "fault": "server_error", "status": 500},
    {"method": "apps.connections.open", "fault": "html"},
    {"method": "apps.connections.open", "fault": "reset"},
    {"method": "apps.connections.open", "fault": "lost_answer"},
    {"method": "apps.connections.open", "fault": "error", "error": "internal_error"},
    {"socket": "refuse_ticket"},
]


@pytest.mark.wide_but_first
@pytest.mark.parametrize("outage", [0.5, 15.0])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())))
async def test_slack_answers_with_errors(
    connect: Connect, control: Control, clock: Clock, fault: dict[str, Any], outage: float
) -> None:
    """Whatever goes wrong at Slack, dials come at most a second apart, each with a ticket of its own."""
    await control.post("faults", times=-1, **fault)
    clock.at(outage, lambda: control.post("faults", clear=True))
    async with connect(clock=clock, sleep=clock.sleep) as connection:
        assert await connection.until("connected", "refused", limit=LIMIT) == "connected"
        assert_paced(clock.pauses, longest=1.0)
        assert outage <= clock.now <= outage + LATE
        assert await control.calls("apps.connections.open") == len(clock.pauses) + 1


@pytest.mark.wide_but_first
@pytest.mark.parametrize("outage", [0.5, 15.0, 600.0])
async def test_slack_is_away(connect: Connect, slack: EmbeddedSlack, clock: Clock, outage: float) -> None:
    """A Slack that nobody reaches is dialled once a second at least, however long that has lasted."""
    await slack.stop()
    clock.at(outage, slack.start)
    async with connect(clock=clock, sleep=clock.sleep) as connection:
        assert await connection.until("connected", "refused", limit=LIMIT) == "connected"
    assert_paced(clock.pauses)
    assert outage <= clock.now <= outage + LATE


async def test_lost_and_refused(connect: Connect, slack: EmbeddedSlack, clock: Clock) -> None:
    """A connection that Slack's going away ends is dialled again at once, and until Slack is there again."""
    async with connect(clock=clock, sleep=clock.sleep) as connection:
        await connection.until("connected", limit=LIMIT)
        clock.now = STEADY
        clock.at(STEADY + 15.0, slack.start)
        await slack.stop()
        assert await connection.until("connecting", limit=LIMIT) == "connecting"
        assert await connection.until("connected", limit=LIMIT) == "connected"
    assert clock.pauses[0] == 0.0
    assert_paced(clock.pauses[1:])
    assert clock.now <= STEADY + 16.0


async def test_rate_limited(connect: Connect, control: Control, clock: Clock) -> None:
    """A rate limit's own word on when to come back counts."""
    await control.post("faults", method="apps.connections.open", fault="ratelimited", retry_after=7)
    async with connect(clock=clock, sleep=clock.sleep) as connection:
        assert await connection.until("connected", limit=LIMIT) == "connected"
    assert clock.pauses == [7.0]


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "error", "error": "ratelimited"},
        {"fault": "error", "error": "rate_limited"},
        {"fault": "server_error", "status": 429},
    ],
)
async def test_rate_limited_without_a_word(
    connect: Connect, control: Control, clock: Clock, fault: dict[str, Any]
) -> None:
    """One that says nothing, in JSON or not, is waited out as long as the method's tier asks."""
    await control.post("faults", method="apps.connections.open", **fault)
    async with connect(clock=clock, sleep=clock.sleep) as connection:
        assert await connection.until("connected", limit=LIMIT) == "connected"
    assert clock.pauses == [RETRY_AFTER]


async def test_dial_without_an_answer(
    connect: Connect, control: Control, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dial that Slack takes and never answers has a limit; the next one follows."""
    monkeypatch.setattr("bot.socket._DIAL_LIMIT", 0.2)
    await control.post("faults", method="apps.connections.open", fault="slow", seconds=3600)
    async with connect(clock=clock, sleep=clock.sleep) as connection:
        await clock.paused.wait()
        monkeypatch.setattr("bot.socket._DIAL_LIMIT", LIMIT)
        assert await connection.until("connected", limit=LIMIT) == "connected"
    assert_paced(clock.pauses, longest=1.0)


async def test_too_many_connections(connect: Connect, slack: EmbeddedSlack, clock: Clock) -> None:
    """A connection that Slack turns away instead of greeting it is a failed dial: the next one comes after a pause."""
    async with AsyncExitStack() as others, aiohttp.ClientSession() as session:
        for _ in range(MOST_CONNECTIONS):
            await others.enter_async_context(session.ws_connect(slack.platform.sockets.issue_ticket(slack.url)))
        clock.at(5.0, others.aclose)
        async with connect(clock=clock, sleep=clock.sleep) as connection:
            assert await connection.until("connected", limit=LIMIT) == "connected"
    assert_paced(clock.pauses, longest=1.0)
    assert 5.0 <= clock.now <= 6.0


async def test_no_pong(connect: Connect, control: Control, heard: Heard) -> None:
    """A connection over which Slack does not answer a ping any more is given up for another."""
    async with connect(ping_interval=0.2) as connection:
        await connection.until("connected", limit=LIMIT)
        await control.post("faults", socket="no_pong")
        assert await connection.until("connecting", limit=LIMIT) == "connecting"
        assert await connection.until("connected", limit=LIMIT) == "connected"
        await control.mention("after it")
        assert "after it" in await heard.mention()


def test_connection_that_held() -> None:
    """After a connection that held, the first dial is made at once; one that did not counts as a failed dial."""
    clock = Clock()
    backoff = Backoff(clock)
    flapping = []
    for _ in range(5):
        backoff.connected()
        clock.now += STEADY / 10
        flapping.append(backoff.pause(answered=True))
    assert_paced(flapping)
    backoff.connected()
    clock.now += STEADY
    assert backoff.pause(answered=True) == 0.0
    assert_paced([backoff.pause(answered=True)])


def test_calls_that_slack_counts() -> None:
    """Where Slack answers with errors, dials become rarer, and none comes later than a fifteenth of the outage."""
    clock = Clock()
    backoff = Backoff(clock)
    calls = []
    while clock.now < 3600.0:
        pause = backoff.pause(answered=True)
        assert pause <= max(LONGEST_UNREACHABLE, clock.now / 15)
        assert pause <= LONGEST_ANSWERED
        clock.now += pause
        calls.append(clock.now)
    assert len([call for call in calls if call < 60.0]) <= 80
    assert len([call for call in calls if 600.0 <= call < 660.0]) <= 13


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
    connection = SocketConnection(heard.dispatch, "xapp-1-A0-0-wrong", slack.api_url)
    await connection.start()
    assert await connection.until("refused", limit=LIMIT) == "refused: invalid_auth"
    async with asyncio.timeout(LIMIT):
        await connection.stop()
    assert connection.state == "stopped"


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


@pytest.mark.parametrize("slack", [0.5], indirect=True)
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


async def test_stop_between_dials(connect: Connect, slack: EmbeddedSlack) -> None:
    """Stopping does not wait for the next dial."""
    paused = asyncio.Event()

    async def sleep(_: float) -> None:
        paused.set()
        await asyncio.Event().wait()

    await slack.stop()
    async with connect(sleep=sleep) as connection, asyncio.timeout(LIMIT):
        await paused.wait()
        await connection.stop()
        assert connection.state == "stopped"


async def test_stop_during_a_dial(heard: Heard) -> None:
    """Nor for the end of one that Slack does not answer."""
    asked = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1")
    async with server, asyncio.timeout(LIMIT):
        connection = SocketConnection(
            heard.dispatch, "xapp-1", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/"
        )
        await connection.start()
        await asked.wait()
        await connection.stop()
    assert connection.state == "stopped"


@pytest.mark.parametrize("slack", [0.5], indirect=True)
async def test_acknowledgement_while_connecting(connect: Connect, control: Control, heard: Heard) -> None:
    """What is acknowledged while there is no connection goes over the next one."""
    paused, back = asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        paused.set()
        await back.wait()

    with structlog.testing.capture_logs() as logged:
        async with connect(sleep=sleep) as connection, asyncio.timeout(LIMIT):
            await connection.until("connected", limit=LIMIT)
            post = control.post("command", user="admin", channel="campaign-admins", text="/optout")
            command = asyncio.create_task(post)
            await heard.commanded.wait()
            await control.post("faults", socket="drop")
            await paused.wait()
            heard.answer.set()
            back.set()
            await connection.until("connected", limit=LIMIT)
            await command
            await connection.stop()
    assert "an envelope was not acknowledged" not in [line["event"] for line in logged]
    assert "envelopes were not acknowledged before the end" not in [line["event"] for line in logged]


async def test_starting_twice(connect: Connect) -> None:
    """One object is one connection."""
    async with connect() as connection:
        with pytest.raises(RuntimeError, match="already started"):
            await connection.start()
