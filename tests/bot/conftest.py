"""An embedded Slack for programs that are run as an operator runs them, and the people in it."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient
from tests.desks import ACK_LIMIT


@pytest.fixture
async def slack() -> AsyncIterator[EmbeddedSlack]:
    # Longer than Slack waits for an acknowledgement: no test depends on how fast the machine is.
    async with EmbeddedSlack(ack_limit=ACK_LIMIT) as slack:
        yield slack


@pytest.fixture
async def people(slack: EmbeddedSlack) -> AsyncIterator[SandboxClient]:
    async with SandboxClient(slack.url) as client:
        yield client
