"""Rate limits: by the tier of a method, and one post a second and channel with a small burst."""

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.rates import POSTING, RateLimits


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> RateLimits:
    return RateLimits(enforced=True, speed=1.0, clock=clock)


def allowed(limits: RateLimits, method: str, tier: str, *, channel: str = "C1", calls: int = 1_000) -> int:
    """How many of *calls* at once are allowed."""
    return [limits.seconds_to_wait(method, tier, {"channel": channel}) for _ in range(calls)].count(0)


def test_a_channel_takes_a_post_a_second(limits: RateLimits, clock: Clock) -> None:
    """After a burst of four the next waits a second; ten seconds later no more than four may come at once again."""
    assert allowed(limits, "chat.postMessage", POSTING, calls=20) == 4
    assert limits.seconds_to_wait("chat.postMessage", POSTING, {"channel": "C1"}) == 1
    clock.now += 1
    assert allowed(limits, "chat.postMessage", POSTING, calls=20) == 1
    clock.now += 10
    assert allowed(limits, "chat.postMessage", POSTING, calls=20) == 4
    assert allowed(limits, "chat.postMessage", POSTING, channel="C2", calls=20) == 4


def test_a_workspace_takes_hundreds_of_posts_a_minute(limits: RateLimits) -> None:
    """However many channels there are."""
    assert sum(allowed(limits, "chat.postMessage", POSTING, channel=f"C{n}", calls=4) for n in range(200)) == 100


@pytest.mark.parametrize(("tier", "a_minute"), [("2", 20), ("3", 50), ("4", 100)])
def test_a_minute_s_calls(limits: RateLimits, clock: Clock, tier: str, a_minute: int) -> None:
    """Each method has its own; used up, they come back one by one over a minute."""
    assert allowed(limits, "one", tier) == a_minute
    assert allowed(limits, "other", tier) == a_minute
    wait = limits.seconds_to_wait("one", tier, {})
    assert 1 <= wait <= 60 / a_minute + 1
    clock.now += 60
    assert allowed(limits, "one", tier) == a_minute


def test_a_faster_clock(clock: Clock) -> None:
    """At a hundred times the speed, a second is enough for a hundred."""
    fast = RateLimits(enforced=True, speed=100.0, clock=clock)
    assert allowed(fast, "usergroups.list", "2") == 20
    clock.now += 0.6
    assert allowed(fast, "usergroups.list", "2") == 20


async def test_how_a_refusal_looks(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """429 with `Retry-After`, in both spellings, and one in three without JSON; nothing of it was done."""
    slack.platform.rates = RateLimits(enforced=True, speed=1.0, clock=Clock())
    channel = (await people.state()).channel("support-tickets").id
    looks = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {slack.bot_token}"}) as session:
        for number in range(7):
            message = {"channel": channel, "text": str(number)}
            async with session.post(f"{slack.api_url}chat.postMessage", json=message) as answer:
                said = (
                    (await answer.json())["error"] if number > 3 and answer.content_type == "application/json" else None
                )
                looks.append((answer.status, answer.headers.get("Retry-After"), said))
    assert looks[:4] == [(200, None, None)] * 4
    assert looks[4:] == [(429, "1", "ratelimited"), (429, "1", "rate_limited"), (429, "1", None)]
    assert [m.text for m in (await people.state()).channel(channel).messages] == ["0", "1", "2", "3"]


async def test_they_are_switched_on(people: SandboxClient, api: AsyncWebClient) -> None:
    """By the control API; until then nothing is limited."""
    channel = (await people.state()).channel("support-tickets").id
    for _ in range(10):
        await api.chat_postMessage(channel=channel, text="x")
    assert (await people.configure(rate_limits=True))["rate_limits"] is True
    answers = await asyncio.gather(*(api.usergroups_list() for _ in range(200)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, SlackApiError)]
    assert refused
    assert {answer.response.status_code for answer in refused if isinstance(answer.response, AsyncSlackResponse)} == {
        429
    }
