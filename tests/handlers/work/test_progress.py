"""The one message of an upload or export, drawn by whoever holds it."""

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.clients import OneClient
from handlers.slack.messages import Message
from handlers.slack.pacing import Pacing
from handlers.slack.posting import Poster, PostKey
from handlers.work.progress import Progress
from store import LeaseLost
from tests.handlers.conftest import ADMINS, Office


async def test_whoever_was_taken_over_draws_nothing(office: Office) -> None:
    """A process that was frozen, and wakes up when another has drawn the report, leaves that as it is."""
    client = AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url)
    channel = (await office.people.state()).channel(ADMINS).id
    taken_over = False
    kept: list[str] = []

    async def keep(ts: str) -> None:
        kept.append(ts)

    async def hold() -> None:
        if taken_over:
            raise LeaseLost("Another worker has taken over stops.csv.")

    post_key = PostKey(office.account.id, "upload 1 message")
    progress = Progress(
        OneClient(client), Poster(office.store, OneClient(client), Pacing(0)), post_key, channel, None, None, keep, hold
    )
    await progress.show(Message.of("Reading"))
    [message] = (await office.people.state()).channel(ADMINS).messages
    assert kept == [message.ts]
    await client.chat_update(channel=channel, ts=message.ts, text="the report")
    taken_over = True
    with pytest.raises(LeaseLost):
        await progress.show(Message.of("Applying"))
    assert [one.text for one in (await office.people.state()).channel(ADMINS).messages] == ["the report"]
