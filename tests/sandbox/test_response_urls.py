"""Response URLs: five uses, thirty minutes, anywhere; and what they may replace or delete."""

from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox import EmbeddedSlack, SandboxClient, SandboxMessage
from bot.sandbox.response_urls import ResponseUrl
from tests.sandbox.conftest import by_socket

BUTTON = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
BLOCKS = [{"type": "actions", "elements": [BUTTON]}]


async def url_of_a_command(slack: EmbeddedSlack, people: SandboxClient, channel: str = "#support-tickets") -> str:
    """The response URL of a command that nobody received."""
    await people.command("support", channel, "/optout help")
    deliveries = await people.deliveries("command")
    url = str(deliveries[-1]["payload"]["response_url"])
    assert url.startswith(slack.url)
    return url


async def test_five_uses(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """The sixth answer is a 404 with `used_url`."""
    hook = AsyncWebhookClient(await url_of_a_command(slack, people))
    for n in range(5):
        answer = await hook.send(text=f"answer {n}")
        assert (answer.status_code, answer.body) == (200, "ok")
    refused = await hook.send(text="one more")
    assert refused.status_code == 404
    assert "used_url" in refused.body
    texts = [message.text for message in (await people.state()).ephemerals("support")]
    assert texts == [f"answer {n}" for n in range(5)]


async def test_thirty_minutes(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """An old URL answers 404 with `expired_url`; an invented one `invalid_url`."""
    url = await url_of_a_command(slack, people)
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{url}x", json={"text": "x"}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "invalid_url")
        age_all(slack)
        async with session.post(url, json={"text": "x"}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "expired_url")


def age_all(slack: EmbeddedSlack) -> None:
    for known in _known(slack).values():
        known.made = -1e9


def _known(slack: EmbeddedSlack) -> dict[str, ResponseUrl]:
    return slack.response_urls._known


async def test_it_works_where_the_bot_is_not(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """In a private channel without the bot: for the asker, and even for the channel."""
    hook = AsyncWebhookClient(await url_of_a_command(slack, people, "#field-private"))
    await hook.send(text="for you")
    await hook.send(text="for all", response_type="in_channel")
    state = await people.state()
    assert [message.text for message in state.ephemerals("support")] == ["for you"]
    assert [message.text for message in state.channel("field-private").messages] == ["for all"]


async def test_bad_bodies_cost_no_use(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """Nothing to say, or blocks Slack refuses: 400 with the code; the five uses are still there."""
    url = await url_of_a_command(slack, people)
    async with aiohttp.ClientSession() as session:
        for body, error in (({}, "no_text"), ({"blocks": [{"type": "no"}]}, "invalid_blocks")):
            async with session.post(url, json=body) as answer:
                assert (answer.status, (await answer.json())["error"]) == (400, error)
        async with session.post(url, data="{") as answer:
            assert (answer.status, await answer.text()) == (400, "invalid_payload")
    hook = AsyncWebhookClient(url)
    assert [(await hook.send(text="x")).status_code for _ in range(5)] == [200] * 5


async def test_uses_are_in_the_log_and_faults_apply(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """Answers by response URL are calls named `response_url`, and fail on demand."""
    await people.fault(method="response_url", fault="server_error")
    hook = AsyncWebhookClient(await url_of_a_command(slack, people))
    assert (await hook.send(text="x")).status_code == 503
    assert (await hook.send(text="y")).status_code == 200
    calls = await people.calls("response_url")
    assert [(call["arguments"]["text"], call["status"]) for call in calls] == [("x", 503), ("y", 200)]


@pytest.mark.parametrize("ephemeral", [False, True])
async def test_a_click_can_replace_and_delete_its_message(
    slack: EmbeddedSlack, people: SandboxClient, bolt: AsyncApp, api: AsyncWebClient, *, ephemeral: bool
) -> None:
    """`replace_original` and `delete_original` change the message clicked on, ephemeral or not."""
    bodies: list[dict[str, Any]] = []

    @bolt.action("go")
    async def go(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        bodies.append(body)

    state = await people.state()
    where: dict[str, Any] = {"channel": state.channel("support-tickets").id, "text": "old", "blocks": BLOCKS}
    if ephemeral:
        await api.chat_postEphemeral(user=state.user("support")["id"], **where)
    else:
        await api.chat_postMessage(**where)

    async def shown() -> list[SandboxMessage]:
        state = await people.state()
        return state.ephemerals("support") if ephemeral else state.channel("support-tickets").messages

    async with by_socket(slack, people, bolt):
        [message] = await shown()
        await people.click("support", message, "go")
    [body] = bodies
    assert body["container"]["is_ephemeral"] is ephemeral
    assert ("message" in body) is not ephemeral
    hook = AsyncWebhookClient(body["response_url"])
    await hook.send(text="new", replace_original=True)
    [changed] = await shown()
    assert (changed.ts, changed.text, changed.blocks) == (message.ts, "new", [])
    await hook.send(delete_original=True)
    assert await shown() == []
