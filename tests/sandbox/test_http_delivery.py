"""Signed HTTP requests: what they carry, how failures read, and the clock of the retries."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from bot.sandbox import EmbeddedSlack, SandboxClient
from tests.patience import PATIENCE

Answer = Callable[[int], Awaitable[web.Response]]


class Receiver:
    """An HTTP server that keeps what it gets and answers as the test says."""

    def __init__(self) -> None:
        self.requests: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self.count = 0
        self.answer: Answer = self._ok

    async def _ok(self, _: int) -> web.Response:
        return web.Response()

    async def handle(self, request: web.Request) -> web.Response:
        await self.requests.put(
            ({name.lower(): value for name, value in request.headers.items()}, await request.read())
        )
        self.count += 1
        return await self.answer(self.count)

    async def next(self) -> tuple[dict[str, str], bytes]:
        async with asyncio.timeout(PATIENCE):
            return await self.requests.get()


@pytest.fixture
async def receiver(slack: EmbeddedSlack) -> AsyncIterator[Receiver]:
    """A receiver to which everything is delivered."""
    made = Receiver()
    server = web.Application()
    server.router.add_post("/slack/events", made.handle)
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.events_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    yield made
    slack.events_url = None
    await runner.cleanup()


def signature(slack: EmbeddedSlack, headers: dict[str, str], body: bytes) -> str:
    base = f"v0:{headers['x-slack-request-timestamp']}:".encode() + body
    return f"v0={hmac.new(slack.signing_secret.encode(), base, hashlib.sha256).hexdigest()}"


async def test_requests_are_signed(slack: EmbeddedSlack, people: SandboxClient, receiver: Receiver) -> None:
    """Commands are forms, interactions a form field, events JSON; all are signed over the raw bytes, just now."""
    await people.command("support", "#support-tickets", "/optout add ä&ö")
    await people.message("support", "#support-tickets", "@optout hé")
    await people.shortcut("support", "anything")
    types = []
    for _ in range(3):
        headers, body = await receiver.next()
        assert headers["x-slack-signature"] == signature(slack, headers, body)
        assert abs(int(headers["x-slack-request-timestamp"]) - time.time()) < 5
        assert headers["user-agent"].startswith("Slackbot 1.0")
        assert "x-slack-retry-num" not in headers
        types.append((headers["content-type"], body))
    [command, event, shortcut] = types
    form = {name: values[0] for name, values in parse_qs(command[1].decode(), strict_parsing=True).items()}
    assert command[0] == "application/x-www-form-urlencoded"
    assert (form["command"], form["text"]) == ("/optout", "add ä&amp;ö")
    assert form["response_url"].startswith(f"{slack.url}/commands/{slack.team_id}/")
    assert event[0] == "application/json"
    assert json.loads(event[1])["event"]["text"] == f"<@{slack.bot_user_id}> hé"
    payload = json.loads(parse_qs(shortcut[1].decode())["payload"][0])
    assert (payload["type"], payload["callback_id"]) == ("shortcut", "anything")


async def test_events_are_retried_with_their_number_and_reason(
    slack: EmbeddedSlack, people: SandboxClient, receiver: Receiver
) -> None:
    """Four attempts with one event id: the first bare, the others with what went wrong before."""
    slack.platform.feed.courier.speed = 1000.0

    async def broken(_: int) -> web.Response:
        return web.Response(status=500)

    receiver.answer = broken
    outcome = await people.message("support", "#support-tickets", "@optout hi")
    assert not outcome.acknowledged
    got = [await receiver.next() for _ in range(4)]
    assert [headers.get("x-slack-retry-num") for headers, _ in got] == [None, "1", "2", "3"]
    assert {headers.get("x-slack-retry-reason") for headers, _ in got[1:]} == {"http_error"}
    assert len({json.loads(body)["event_id"] for _, body in got}) == 1


@pytest.mark.wide
async def test_the_clock_of_the_retries(slack: EmbeddedSlack, people: SandboxClient, receiver: Receiver) -> None:
    """At once, after one minute, after five: here a hundred times faster."""

    async def broken(_: int) -> web.Response:
        return web.Response(status=500)

    receiver.answer = broken
    await people.message("support", "#support-tickets", "@optout hi")
    times = []
    for _ in range(4):
        await receiver.next()
        times.append(time.monotonic())
    assert times[1] - times[0] < 0.5
    assert times[2] - times[1] == pytest.approx(0.6, abs=0.4)
    assert times[3] - times[2] == pytest.approx(3.0, abs=0.5)
    assert slack.platform.feed.courier.ack_limit == 3.0


async def test_a_retry_can_be_declined(people: SandboxClient, receiver: Receiver) -> None:
    """`X-Slack-No-Retry: 1` on a failure ends the retries."""

    async def no_more(_: int) -> web.Response:
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    receiver.answer = no_more
    await people.message("support", "#support-tickets", "@optout hi")
    [delivery] = await people.deliveries("event")
    assert [attempt["error"] for attempt in delivery["attempts"]] == ["http_error"]
    assert receiver.count == 1


async def test_no_answer_in_time(slack: EmbeddedSlack, people: SandboxClient, receiver: Receiver) -> None:
    """An event whose answer is late is retried for `http_timeout`; a late command fails for good."""
    slack.platform.feed.courier.ack_limit = 0.2
    gone = asyncio.Event()

    async def late(count: int) -> web.Response:
        if count <= 2:
            await gone.wait()
        return web.Response()

    receiver.answer = late
    outcome = await people.command("support", "#support-tickets", "/optout help")
    assert outcome.shown == '/optout failed with the error "operation_timeout"'
    await people.message("support", "#support-tickets", "@optout hi")
    await receiver.next()
    await receiver.next()
    headers, _ = await receiver.next()
    assert headers["x-slack-retry-reason"] == "http_timeout"
    gone.set()
    assert receiver.count == 3


@pytest.mark.parametrize(("status", "error"), [(404, "http_client_error"), (503, "http_service_error")])
async def test_a_command_answered_with_an_error(
    people: SandboxClient, receiver: Receiver, status: int, error: str
) -> None:
    """The person is told the kind of failure, and the command is not repeated."""

    async def failing(_: int) -> web.Response:
        return web.Response(status=status)

    receiver.answer = failing
    outcome = await people.command("support", "#support-tickets", "/optout help")
    assert (outcome.acknowledged, outcome.error) == (False, error)
    assert receiver.count == 1


async def test_nobody_listens(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """A URL that refuses connections: `dispatch_failed` for the person, `connection_failed` for the event."""
    slack.events_url = "http://127.0.0.1:1/slack/events"
    outcome = await people.command("support", "#support-tickets", "/optout help")
    assert outcome.error == "dispatch_failed"
    await people.message("support", "#support-tickets", "@optout hi")
    [delivery] = await people.deliveries("event")
    assert delivery["attempts"][0]["error"] == "connection_failed"


@pytest.mark.parametrize("as_json", [False, True])
async def test_an_acknowledgement_with_text_is_shown(
    people: SandboxClient, receiver: Receiver, *, as_json: bool
) -> None:
    """Plain text is for the asker; JSON may choose the channel."""

    async def answering(_: int) -> web.Response:
        if as_json:
            return web.json_response({"response_type": "in_channel", "text": "for all"})
        return web.Response(text="for you")

    receiver.answer = answering
    await people.command("support", "#support-tickets", "/optout help")
    state = await people.state()
    seen = state.channel("support-tickets").messages if as_json else state.ephemerals("support")
    assert [message.text for message in seen] == ["for all" if as_json else "for you"]


@pytest.mark.parametrize("echoed", ["json", "text", "form"])
async def test_a_url_is_verified_by_its_challenge(people: SandboxClient, receiver: Receiver, echoed: str) -> None:
    """A request URL that does not echo the challenge is not taken; it may do so in three ways."""
    url = (await people.app())["events_url"]
    with pytest.raises(Exception, match="challenge"):
        await people.configure(events_url=url, verify=True)

    async def echo(_: int) -> web.Response:
        _headers, body = await receiver.requests.get()
        challenge = json.loads(body)["challenge"]
        if echoed == "json":
            return web.json_response({"challenge": challenge})
        if echoed == "text":
            return web.Response(text=challenge)
        return web.Response(text=f"challenge={challenge}", content_type="application/x-www-form-urlencoded")

    await receiver.next()
    receiver.answer = echo
    assert (await people.configure(events_url=url, verify=True))["events_url"] == url
