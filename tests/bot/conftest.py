"""An embedded Slack for programs that are run as an operator runs them, and the people in it."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient


@pytest.fixture
async def slack() -> AsyncIterator[EmbeddedSlack]:
    async with EmbeddedSlack() as slack:
        yield slack


@pytest.fixture
async def people(slack: EmbeddedSlack) -> AsyncIterator[SandboxClient]:
    async with SandboxClient(slack.url) as client:
        yield client
