"""Faults switched on by tests: answers of the Web API, and the order and number of deliveries."""

import asyncio
import itertools
import json
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.chaos import steps
from bot.sandbox.client import SandboxError
from bot.sandbox.errors import BadRequestError
from bot.sandbox.faults import KINDS, Faults
from tests.sandbox.conftest import by_socket


async def post(slack: EmbeddedSlack, people: SandboxClient, text: str = "x") -> tuple[int, str, str | None]:
    """A bare `chat.postMessage`: status, body, Retry-After."""
    channel = (await people.state()).channel("support-tickets").id
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{slack.api_url}chat.postMessage", data={"channel": channel, "text": text}) as answer,
    ):
        return answer.status, await answer.text(), answer.headers.get("Retry-After")


async def posted(people: SandboxClient) -> list[str]:
    return [message.text for message in (await people.state()).channel("support-tickets").messages]


async def test_rate_limits(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """429 with `Retry-After`, as often as said, and the message is not posted."""
    await people.fault(method="chat.postMessage", fault="ratelimited", retry_after=7, times=2)
    for _ in range(2):
        status, body, retry_after = await post(slack, people)
        assert (status, retry_after) == (429, "7")
        assert json.loads(body) == {"ok": False, "error": "ratelimited"}
    assert await posted(people) == []
    assert (await post(slack, people))[0] == 200


async def test_slack_s_client_waits_out_a_rate_limit(
    slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient
) -> None:
    """With its handler, slack_sdk sees the limit and tries again."""
    await people.fault(method="chat.postMessage", fault="ratelimited", retry_after=0)
    api.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await api.chat_postMessage(channel="#support-tickets", text="through")
    assert [call["status"] for call in await people.calls("chat.postMessage")] == [429, 200]
    assert slack.api_url == api.base_url


async def test_errors_of_every_kind(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """An error code of choice, a 5xx without JSON, and HTML with status 200."""
    await people.fault(method="chat.postMessage", fault="error", error="fatal_error")
    await people.fault(method="chat.postMessage", fault="server_error", status=500)
    await people.fault(method="*", fault="html")
    assert json.loads((await post(slack, people))[1]) == {"ok": False, "error": "fatal_error"}
    status, body, _ = await post(slack, people)
    assert status == 500
    assert not body.startswith("{")
    status, body, _ = await post(slack, people)
    assert status == 200
    assert body.startswith("<!DOCTYPE html>")
    assert await posted(people) == []


async def test_lost_answers_and_resets(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """Both end the connection without an answer; only the lost answer's message was posted."""
    for kind in ("lost_answer", "reset"):
        await people.fault(method="chat.postMessage", fault=kind)
        with pytest.raises(aiohttp.ClientError):
            await post(slack, people, kind)
    assert await posted(people) == ["lost_answer"]


async def test_a_slow_answer(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """It comes, later."""
    await people.fault(method="chat.postMessage", fault="slow", seconds=0.15)
    began = asyncio.get_running_loop().time()
    assert (await post(slack, people))[0] == 200
    assert asyncio.get_running_loop().time() - began >= 0.15


async def test_what_is_held_back_comes_when_faults_are_cleared(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """A slow call is done only then; one that was done before is only answered then."""
    for name, done, before in (("first", False, []), ("second", True, ["first", "second"])):
        await people.fault(method="chat.postMessage", fault="slow", seconds=600, done=done)
        posting = asyncio.create_task(post(slack, people, name))
        version = (await people.state()).version
        while await people.faults() or await posted(people) != before:
            version = (await people.state(after=version, timeout=0.01)).version
        assert not posting.done()
        await people.clear_faults()
        assert (await posting)[0] == 200
    assert await posted(people) == ["first", "second"]


async def test_a_seeded_schedule_repeats(people: SandboxClient, api: AsyncWebClient) -> None:
    """With a probability and a seed the same calls fail each time; `clear` ends it."""

    async def run() -> list[bool]:
        await people.fault(method="auth.test", fault="error", error="fatal_error", times=-1, probability=0.5, seed=7)
        outcomes = []
        for _ in range(20):
            try:
                await api.auth_test()
                outcomes.append(True)
            except SlackApiError:
                outcomes.append(False)
        await people.clear_faults()
        return outcomes

    first = await run()
    assert set(first) == {True, False}
    assert await run() == first
    assert (await api.auth_test())["ok"]


async def test_events_doubled_held_back_and_reordered(
    slack: EmbeddedSlack, people: SandboxClient, bolt: AsyncApp
) -> None:
    """A duplicate has the same event id; a reordered event comes after the next one; a late one comes at all."""
    seen: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    @bolt.event("app_mention")
    async def mentioned(body: dict[str, Any]) -> None:
        await seen.put(body)

    async def texts(count: int) -> list[str]:
        return [(await seen.get())["event"]["text"].partition("> ")[2] for _ in range(count)]

    async with by_socket(slack, people, bolt):
        await people.fault(delivery="event", fault="duplicate")
        await people.message("admin", "#support-tickets", "@optout twice")
        twins = [await seen.get(), await seen.get()]
        assert twins[0]["event_id"] == twins[1]["event_id"]
        await people.fault(delivery="event", fault="reorder", seconds=5)
        first = asyncio.create_task(people.message("admin", "#support-tickets", "@optout first"))
        await people.until(lambda state: state.channel("support-tickets").messages[1:])
        await people.message("admin", "#support-tickets", "@optout second")
        await first
        assert await texts(2) == ["second", "first"]
        await people.fault(delivery="*", fault="late", seconds=0.05)
        await people.message("admin", "#support-tickets", "@optout late")
        assert await texts(1) == ["late"]


async def test_unknown_faults_are_refused(people: SandboxClient) -> None:
    """A misspelt fault is a sentence with the known ones, not a silence."""
    with pytest.raises(SandboxError, match=r"'ratelimit' is no method fault\. Known: ratelimited, "):
        await people.fault(method="chat.postMessage", fault="ratelimit")
    with pytest.raises(SandboxError, match="A fault names"):
        await people.fault(whatever=1)


async def test_what_a_revoked_app_is_not_told(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """An event that is withheld is none that was acknowledged, and it does not come later either; others are nobody's."""
    await people.invite("#support-tickets")
    await people.fault(token="revoked")
    mention = await people.message("admin", "#support-tickets", "@optout hello")
    assert not mention.acknowledged
    assert mention.raw["events"] == 1
    assert mention.error == "token_revoked"
    assert await people.deliveries("event") == []
    plain = await people.message("admin", "#support-tickets", "hello")
    assert plain.acknowledged
    assert plain.raw["events"] == 0
    await people.clear_faults()
    assert not slack.platform.app.revoked
    assert await people.deliveries("event") == []


def test_a_fault_by_schedule() -> None:
    """It strikes from its beginning to its end and not outside; by count it is used up, by probability repeatable."""
    moment = [100.0]
    faults = Faults(lambda: moment[0])

    def strikes(at: float) -> bool:
        moment[0] = at
        return faults.take("method", "chat.postMessage") is not None

    faults.add("method", "*", "slow", {"after": 10, "until": 20, "times": -1})
    assert [strikes(at) for at in (100.0, 109.9, 110.0, 119.9, 120.0)] == [False, False, True, True, False]
    assert faults.waiting == []
    draws = []
    for _ in range(2):
        faults.add("method", "chat.update", "reset", {"times": -1, "probability": 0.5, "seed": 7})
        draws.append([faults.take("method", "chat.update") is not None for _ in range(20)])
        faults.clear()
    assert draws[0] == draws[1]
    assert 0 < sum(draws[0]) < 20


def test_a_fault_of_one_kind_of_delivery() -> None:
    """An event is named by its kind or by what it is, and struck once however it is named."""
    faults = Faults()
    faults.add("delivery", "app_mention", "late", {})
    assert faults.take("delivery", ("event", "file_shared")) is None
    assert faults.take("delivery", ("event", "app_mention")) is not None
    assert faults.take("delivery", ("event", "app_mention")) is None


@pytest.mark.parametrize("name", ["times", "probability", "after", "until", "seconds", "retry_after"])
def test_a_fault_with_a_setting_that_is_no_number(name: str) -> None:
    """It is refused with the setting's name, and nothing is planted."""
    faults = Faults()
    with pytest.raises(BadRequestError, match=f"'{name}' must be a number"):
        faults.add("method", "*", "slow", {name: "soon"})
    assert faults.waiting == []


def test_chaos_is_the_same_for_the_same_seed() -> None:
    """A seed decides what goes wrong and when; another seed decides otherwise; every kind has its turn."""
    first, again, other = ([*itertools.islice(steps(seed), 400)] for seed in (7, 7, 8))
    assert first == again != other
    assert {(step.area, step.kind) for step in first} >= {
        *(("method", kind) for kind in KINDS["method"]),
        *(("delivery", kind) for kind in KINDS["delivery"]),
        ("socket", "drop"),
        ("token", "revoked"),
    }


async def test_chaos_is_switched_on_and_off(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """It goes on until it is cleared, and leaves nothing broken behind."""

    def seed() -> int | None:
        return slack.platform.chaos.seed

    await people.fault(chaos=513)
    assert seed() == 513
    # The first thing to go wrong with this seed is a rate limit for every method.
    failed = False
    while not failed:
        try:
            failed = (await post(slack, people))[0] != 200
        except aiohttp.ClientError:
            failed = True
    await people.clear_faults()
    assert seed() is None
    assert not slack.platform.app.revoked
    assert await people.faults() == []
    assert (await post(slack, people))[0] == 200


async def test_a_seed_that_is_no_number(people: SandboxClient) -> None:
    """It is refused in words."""
    with pytest.raises(SandboxError, match="must be a whole number"):
        await people.fault(chaos="much")
