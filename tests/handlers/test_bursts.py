"""Many who ask at once, while Slack takes one message a second and channel: everybody is answered, in order, and in public."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, SandboxMessage, State
from tests.crowds import admins
from tests.handlers.conftest import ACK_LIMIT, ADMINS, Office, on_both_databases
from tests.handlers.slack.test_outbox import settled as nothing_waits

PEOPLE, NUMBERS = 6, 200
# How much faster than usual time passes, for Slack's limits and the desk's pace alike.
SPEED = 20.0


@pytest.fixture
async def slack(request: pytest.FixtureRequest) -> AsyncIterator[EmbeddedSlack]:
    """An embedded Slack whose rate limits hold; a test may name how fast its time passes."""
    async with EmbeddedSlack(speed=getattr(request, "param", SPEED), ack_limit=ACK_LIMIT) as server:
        server.platform.rates.enforced = True
        yield server


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """The pace that Slack takes, unless the test names another."""
    return settings.model_copy(update={"post_seconds": getattr(request, "param", 1.0) / SPEED})


def numbers_of(person: int) -> list[str]:
    """Those of one person alone."""
    return [f"+1212{person + 2}55{number:04}" for number in range(NUMBERS)]


def answers_in(state: State) -> list[SandboxMessage]:
    """The answers in the channel, oldest first."""
    return [one for one in state.channel(ADMINS).messages if one.handle == "optout" and "phones" in one.text]


async def all_at_once(office: Office) -> list[str]:
    """Six people send 200 numbers each; their names, in the order in which Slack delivered it."""
    crowd = admins(office.slack, ADMINS, PEOPLE)
    asked = [
        office.people.command(person, ADMINS, f"/optout add {' '.join(numbers_of(number))} reason:asked by e-mail")
        for number, person in enumerate(crowd)
    ]
    assert all(outcome.ok for outcome in await asyncio.gather(*asked))
    sent = [one for one in office.slack.platform.feed.courier.log if one.kind == "command"]
    return [str(one.payload["user_name"]) for one in sent]


async def all_answered(office: Office, order: list[str]) -> None:
    """Each answer is there, whole, in the order of the questions, in at most three messages; nobody was told anything alone."""
    await nothing_waits(office)
    state = await office.people.state()
    answers = answers_in(state)
    assert [answer.text for answer in answers] == [
        f"*200 phones opted out*: asked by e-mail · by {user}" for user in order
    ]
    for answer in answers:
        assert 1 <= len(answer.thread) <= 2
        told = re.findall(r"`(\+\d+)`", "\n".join(reply.all_text for reply in answer.thread))
        assert told in [numbers_of(person) for person in range(PEOPLE)]
    assert state.raw["ephemerals"] == {}
    assert office.store.optouts.count(office.account.id) == PEOPLE * NUMBERS


@pytest.mark.wide_but_first
@pytest.mark.usefixtures("patient")
@on_both_databases
async def test_six_people_with_200_numbers_each(office: Office) -> None:
    """The desk keeps Slack's pace by itself: not one of its posts is refused."""
    await all_answered(office, await all_at_once(office))
    calls = office.service.desk.calls.counts
    assert calls["chat.postMessage", "ratelimited"] == 0


@pytest.mark.wide
@pytest.mark.parametrize("settings", [0.0], indirect=True)
# No machine posts so slowly that Slack takes everything.
@pytest.mark.parametrize("slack", [1.0], indirect=True)
async def test_a_pace_that_slack_refuses(office: Office) -> None:
    """Where others post there too, so that Slack refuses some: what is refused is sent when Slack said, and nothing else changes."""
    await all_answered(office, await all_at_once(office))
    calls = office.service.desk.calls.counts
    assert calls["chat.postMessage", "ratelimited"] > 0
