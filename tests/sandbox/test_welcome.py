"""The guided first minute, as the server has it; test_tour.py clicks it."""

import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.blocks import problems_of
from bot.sandbox.client import SandboxError


async def test_a_guided_workspace_starts_with_suggestions() -> None:
    """Slackbot suggests what to try where the page opens; the app is told nothing of it, nor of its buttons."""
    async with EmbeddedSlack(guided=True) as slack, SandboxClient(slack.url) as people:
        messages = [one for channel in (await people.state()).channels for one in channel.messages]
        assert messages == (await people.state()).channel("campaign-admins").messages
        [message] = messages
        assert [button.action_id for button in message.buttons] == [
            "sandbox_try:command",
            "sandbox_try:command",
            "sandbox_try:drop",
            "sandbox_try:command",
        ]
        assert problems_of(message.blocks, "message") == []
        with pytest.raises(SandboxError, match="Slackbot's message"):
            await people.click("admin", message, "sandbox_try:drop")
        assert await people.deliveries() == []


async def test_a_workspace_is_empty_unless_guided(people: SandboxClient) -> None:
    """Without being asked for, there is no such message."""
    assert not any(channel.messages for channel in (await people.state()).channels)
