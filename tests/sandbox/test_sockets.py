"""Socket Mode, spoken by hand: greeting, tickets, pings, acknowledgements, redelivery and goodbyes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient
from tests.patience import PATIENCE

Socket = aiohttp.ClientWebSocketResponse


async def ticket(slack: EmbeddedSlack, session: aiohttp.ClientSession) -> str:
    """A fresh URL from `apps.connections.open`."""
    headers = {"Authorization": f"Bearer {slack.app_token}"}
    async with session.post(f"{slack.api_url}apps.connections.open", headers=headers) as answer:
        body = await answer.json()
    assert body["ok"] is True
    return str(body["url"])


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@asynccontextmanager
async def connection(slack: EmbeddedSlack, session: aiohttp.ClientSession) -> AsyncIterator[Socket]:
    """An open, greeted connection that answers no ping by itself."""
    async with session.ws_connect(await ticket(slack, session), autoping=False) as socket:
        hello = await frame(socket)
        assert hello["type"] == "hello"
        yield socket


async def frame(socket: Socket) -> dict[str, Any]:
    """The next JSON frame; pings of the server are answered on the way."""
    async with asyncio.timeout(PATIENCE):
        while True:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is aiohttp.WSMsgType.TEXT:
                body: dict[str, Any] = json.loads(message.data)
                return body
            else:
                assert message.type is not aiohttp.WSMsgType.CLOSED, "closed instead of a frame"


async def ended(socket: Socket) -> bool:
    """Whether the server has ended the connection, read to its end."""
    async with asyncio.timeout(PATIENCE):
        async for message in socket:
            if message.type is aiohttp.WSMsgType.PING:
                await socket.pong(message.data)
    return socket.closed


async def test_the_greeting(slack: EmbeddedSlack, session: aiohttp.ClientSession) -> None:
    """`hello` counts connections and names the app."""
    async with session.ws_connect(await ticket(slack, session)) as socket:
        hello = await frame(socket)
        assert hello["num_connections"] == 1
        assert hello["connection_info"] == {"app_id": slack.app_id}
        assert hello["debug_info"]["approximate_connection_time"] > 0
        async with connection(slack, session):
            pass


async def test_a_ticket_opens_one_connection(slack: EmbeddedSlack, session: aiohttp.ClientSession) -> None:
    """A used ticket and an invented one are refused at the handshake."""
    url = await ticket(slack, session)
    async with session.ws_connect(url):
        pass
    for refused in (url, f"{slack.url.replace('http', 'ws')}/link/?ticket=nope"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(refused)
        assert caught.value.status == 401


async def test_a_ticket_grows_old(slack: EmbeddedSlack, session: aiohttp.ClientSession) -> None:
    """A ticket whose time has passed is refused like an unknown one."""
    url = await ticket(slack, session)
    tickets = slack.platform.sockets._tickets
    tickets.update(dict.fromkeys(tickets, 0.0))
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(url)


async def test_pings_go_both_ways(slack: EmbeddedSlack, session: aiohttp.ClientSession, people: SandboxClient) -> None:
    """A ping comes back with its very bytes, unless the fault `no_pong` is on; the server pings too."""
    slack.platform.sockets.ping_every = 0.05
    async with connection(slack, session) as socket:

        async def next_of(kind: aiohttp.WSMsgType) -> bytes:
            async with asyncio.timeout(PATIENCE):
                while True:
                    message = await socket.receive()
                    if message.type is aiohttp.WSMsgType.PING:
                        await socket.pong(message.data)
                    if message.type is kind:
                        data: bytes = message.data
                        return data

        await people.fault(socket="no_pong")
        await socket.ping(b"unanswered")
        await socket.ping(b"sdk-ping-pong:1.5\x00\xff")
        assert await next_of(aiohttp.WSMsgType.PONG) == b"sdk-ping-pong:1.5\x00\xff"
        assert (await next_of(aiohttp.WSMsgType.PING)).startswith(b"Ping from applink-")


async def test_a_connection_that_answers_no_ping_is_closed(
    slack: EmbeddedSlack, session: aiohttp.ClientSession
) -> None:
    """After three unanswered pings the server goes away."""
    slack.platform.sockets.ping_every = 0.05
    async with connection(slack, session) as socket, asyncio.timeout(PATIENCE):
        while (await socket.receive()).type is not aiohttp.WSMsgType.CLOSE:
            pass


async def test_an_unacknowledged_event_comes_again(
    slack: EmbeddedSlack, session: aiohttp.ClientSession, people: SandboxClient
) -> None:
    """Three more times, numbered and with a reason, in a new envelope around the same event id."""
    slack.platform.feed.courier.ack_limit = 0.2
    slack.platform.feed.courier.speed = 1000.0
    async with connection(slack, session) as socket:
        sending = asyncio.create_task(people.message("admin", "#support-tickets", "@optout hi"))
        frames = [await frame(socket) for _ in range(4)]
        assert not (await sending).acknowledged
    assert [item["retry_attempt"] for item in frames] == [0, 1, 2, 3]
    assert [item["retry_reason"] for item in frames] == ["", "timeout", "timeout", "timeout"]
    assert {item["type"] for item in frames} == {"events_api"}
    assert len({item["envelope_id"] for item in frames}) == 4
    assert len({item["payload"]["event_id"] for item in frames}) == 1


async def test_a_late_acknowledgement_ends_the_retries(
    slack: EmbeddedSlack, session: aiohttp.ClientSession, people: SandboxClient
) -> None:
    """A retry that is acknowledged is the last; empty payloads count as acknowledgements."""
    slack.platform.feed.courier.ack_limit = 0.2
    async with connection(slack, session) as socket:
        sending = asyncio.create_task(people.message("admin", "#support-tickets", "@optout hi"))
        await frame(socket)
        second = await frame(socket)
        await socket.send_json({"envelope_id": second["envelope_id"], "payload": {}})
        await sending
    [delivery] = await people.deliveries("event")
    assert delivery["acknowledged"] is True
    assert [attempt["acknowledged"] for attempt in delivery["attempts"]] == [False, True]


async def test_the_event_envelope(slack: EmbeddedSlack, session: aiohttp.ClientSession, people: SandboxClient) -> None:
    """An event comes with everything Slack wraps around it."""
    async with connection(slack, session) as socket:
        sending = asyncio.create_task(people.message("support", "#partner-desk", "@Opt-Out Desk look"))
        envelope = await frame(socket)
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
        sent = await sending
    assert sent.acknowledged
    assert envelope["accepts_response_payload"] is False
    payload = envelope["payload"]
    assert payload["type"] == "event_callback"
    assert payload["team_id"] == slack.team_id
    assert payload["api_app_id"] == slack.app_id
    assert payload["is_ext_shared_channel"] is True
    assert payload["event_id"].startswith("Ev")
    assert payload["authorizations"] == [
        {
            "enterprise_id": None,
            "team_id": slack.team_id,
            "user_id": slack.bot_user_id,
            "is_bot": True,
            "is_enterprise_install": False,
        }
    ]
    event = payload["event"]
    state = await people.state()
    assert event["type"] == "app_mention"
    assert event["user"] == state.user("support")["id"]
    assert event["channel"] == state.channel("partner-desk").id
    assert event["ts"] == event["event_ts"] == sent.ts
    assert event["text"] == f"<@{slack.bot_user_id}> look"
    assert event["blocks"][0]["elements"][0]["elements"] == [
        {"type": "user", "user_id": slack.bot_user_id},
        {"type": "text", "text": " look"},
    ]


async def test_a_command_is_sent_once(
    slack: EmbeddedSlack, session: aiohttp.ClientSession, people: SandboxClient
) -> None:
    """Unacknowledged, it fails as Slack shows it, and never comes again; acknowledged with text, the text is shown."""
    slack.platform.feed.courier.ack_limit = 0.2
    async with connection(slack, session) as socket:
        outcome = await people.command("admin", "#support-tickets", "/optout help")
        assert (outcome.ok, outcome.error) == (False, "operation_timeout")
        assert outcome.shown == '/optout failed with the error "operation_timeout"'
        first = await frame(socket)
        assert first["type"] == "slash_commands"
        assert first["accepts_response_payload"] is True
        sending = asyncio.create_task(people.command("admin", "#support-tickets", "/optout again"))
        second = await frame(socket)
        assert second["payload"]["text"] == "again"
        answer = {"envelope_id": second["envelope_id"], "payload": {"text": "at once"}}
        await socket.send_json(answer)
        assert (await sending).response == {"text": "at once"}
    assert [message.text for message in (await people.state()).ephemerals("admin")] == ["at once"]


async def test_nobody_connected(people: SandboxClient) -> None:
    """Without a connection a command fails at once with `dispatch_failed`."""
    outcome = await people.command("admin", "#support-tickets", "/optout help")
    assert outcome.shown == '/optout failed with the error "dispatch_failed"'


async def test_an_event_waits_for_a_connection(
    slack: EmbeddedSlack, session: aiohttp.ClientSession, people: SandboxClient
) -> None:
    """An event that found nobody is delivered to whoever connects before its retries are used up."""
    assert not (await people.message("admin", "#support-tickets", "@optout hi")).acknowledged
    async with connection(slack, session) as socket:
        envelope = await frame(socket)
        assert envelope["payload"]["event"]["type"] == "app_mention"


async def test_a_connection_that_dies_hands_its_event_on(
    slack: EmbeddedSlack, session: aiohttp.ClientSession, people: SandboxClient
) -> None:
    """What one connection took and did not acknowledge, another gets as a retry."""
    async with connection(slack, session) as first:
        sending = asyncio.create_task(people.message("admin", "#support-tickets", "@optout hi"))
        taken = await frame(first)
        async with connection(slack, session) as second:
            await first.close()
            again = await frame(second)
            await second.send_json({"envelope_id": again["envelope_id"]})
        await sending
    assert again["payload"]["event_id"] == taken["payload"]["event_id"]
    assert again["retry_attempt"] == 1


async def test_payloads_are_spread_over_connections(
    slack: EmbeddedSlack, session: aiohttp.ClientSession, people: SandboxClient
) -> None:
    """Each payload goes to exactly one of several connections, and all of them get some."""
    async with connection(slack, session) as first, connection(slack, session) as second:
        slack.platform.feed.courier.ack_limit = 0.3
        await asyncio.gather(*(people.command("admin", "#support-tickets", f"/optout {n}") for n in range(4)))
        texts = [(await frame(socket))["payload"]["text"] for socket in (first, second, first, second)]
    assert sorted(texts) == ["0", "1", "2", "3"]


async def test_the_eleventh_connection_is_turned_away(slack: EmbeddedSlack, session: aiohttp.ClientSession) -> None:
    """Ten connections are allowed; one more is told so and closed."""
    sockets = [await session.ws_connect(await ticket(slack, session)) for _ in range(10)]
    extra = await session.ws_connect(await ticket(slack, session))
    goodbye = await frame(extra)
    assert (goodbye["type"], goodbye["reason"]) == ("disconnect", "too_many_websockets")
    assert await ended(extra)
    for socket in sockets:
        await socket.close()


@pytest.mark.parametrize(
    ("fault", "reason", "closes"),
    [
        ("disconnect_warning", "warning", False),
        ("disconnect_refresh", "refresh_requested", True),
        ("link_disabled", "link_disabled", True),
    ],
)
async def test_goodbyes(
    slack: EmbeddedSlack,
    session: aiohttp.ClientSession,
    people: SandboxClient,
    fault: str,
    reason: str,
    *,
    closes: bool,
) -> None:
    """Each `disconnect` reason; all but the warning also close the connection."""
    async with connection(slack, session) as socket:
        await people.fault(socket=fault)
        goodbye = await frame(socket)
        assert (goodbye["type"], goodbye["reason"]) == ("disconnect", reason)
        assert (await people.state()).connected == (0 if closes else 1)
        if closes:
            assert await ended(socket)


async def test_a_dropped_line(slack: EmbeddedSlack, session: aiohttp.ClientSession, people: SandboxClient) -> None:
    """`drop` cuts every connection off without a goodbye."""
    async with connection(slack, session) as socket:
        await people.fault(socket="drop")
        async with asyncio.timeout(PATIENCE):
            message = await socket.receive()
            while message.type is aiohttp.WSMsgType.PING:
                message = await socket.receive()
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.ERROR)
        assert socket.close_code in (None, aiohttp.WSCloseCode.ABNORMAL_CLOSURE)


async def test_a_refused_ticket(slack: EmbeddedSlack, session: aiohttp.ClientSession, people: SandboxClient) -> None:
    """`refuse_ticket` turns one good ticket away; the next one works."""
    await people.fault(socket="refuse_ticket")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await session.ws_connect(await ticket(slack, session))
    async with connection(slack, session):
        pass
