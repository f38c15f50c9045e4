"""What people do reaches a real Bolt app, over sockets and over HTTP, and its answers are seen."""

import asyncio
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond, AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient, SandboxError, State
from tests.sandbox.conftest import Serving


async def test_a_command_is_answered_in_the_channel(bolt: AsyncApp, people: SandboxClient, serving: Serving) -> None:
    """A slash command arrives whole; `say` posts to the channel and `respond` to the asker alone."""
    seen: list[dict[str, Any]] = []

    @bolt.command("/optout")
    async def command(ack: AsyncAck, body: dict[str, Any], say: AsyncSay, respond: AsyncRespond) -> None:
        await ack()
        seen.append(body)
        root = await say("in the channel")
        await say(text="in its thread", thread_ts=root["ts"])
        await respond("for you only")

    async with serving(bolt):
        outcome = await people.command("support", "#support-tickets", "/optout add <b> & @admin #campaign-admins")
        assert outcome.ok
        assert outcome.acknowledged

        def answered(state: State) -> State | None:
            return state if state.ephemerals("support") else None

        state = await people.until(answered)
    [message] = state.channel("support-tickets").messages
    assert message.text == "in the channel"
    assert [reply.text for reply in message.thread] == ["in its thread"]
    assert [item.text for item in state.ephemerals("support")] == ["for you only"]
    admin, channel = state.user("admin")["id"], state.channel("campaign-admins").id
    assert seen[0]["text"] == f"add &lt;b&gt; &amp; <@{admin}|admin> <#{channel}|campaign-admins>"
    assert seen[0]["user_name"] == "support"
    assert seen[0]["is_enterprise_install"] == "false"
    assert "thread_ts" not in seen[0]


async def test_a_drop_a_mention_and_a_click(
    bolt: AsyncApp, people: SandboxClient, serving: Serving, slack: EmbeddedSlack
) -> None:
    """A dropped file is announced by id, a mention comes with its text, and a pressed button with its value."""
    files: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    @bolt.event("file_shared")
    async def file_shared(event: dict[str, Any], client: AsyncWebClient) -> None:
        await files.put((await client.files_info(file=event["file_id"]))["file"])

    @bolt.event("app_mention")
    async def mentioned(event: dict[str, Any], client: AsyncWebClient) -> None:
        button = {"type": "button", "action_id": "yes", "value": "42", "text": {"type": "plain_text", "text": "Yes"}}
        await client.chat_postMessage(
            channel=event["channel"],
            thread_ts=event["ts"],
            text=f"you said {event['text']}",
            blocks=[{"type": "actions", "elements": [button]}],
        )

    @bolt.action("yes")
    async def pressed(ack: AsyncAck, body: dict[str, Any], client: AsyncWebClient) -> None:
        await ack()
        await client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text=f"pressed {body['actions'][0]['value']}"
        )

    async with serving(bolt):
        dropped = await people.drop("guest", "#optout-uploads", "stops.csv", b"phone\n+12025550101\n")
        assert dropped.acknowledged
        file = await files.get()
        outcome = await people.message("admin", "#support-tickets", "hello @Opt-Out Desk, 5 < 6")
        assert outcome.ts
        [message] = await people.until(lambda state: state.replies(outcome.ts))
        assert message.text == f"you said hello <@{slack.bot_user_id}>, 5 &lt; 6"
        await people.click("support", message, "yes")
        [edited] = await people.until(lambda state: [item for item in state.replies(outcome.ts) if item.edited])
    assert edited.text == "pressed 42"
    assert edited.blocks == []
    [[share]] = file["shares"]["public"].values()
    assert share["ts"] == dropped.ts


async def test_an_edited_message_mentions_again(bolt: AsyncApp, people: SandboxClient, serving: Serving) -> None:
    """An edit that mentions the app reaches it with the message's own `ts`, each time; one of somebody else's is refused."""
    mentions: list[dict[str, Any]] = []

    @bolt.event("app_mention")
    async def mentioned(event: dict[str, Any]) -> None:
        mentions.append(event)

    async with serving(bolt):
        ts = (await people.message("support", "support-tickets", "hello")).ts
        assert ts is not None
        for text in ("@optout hello", "@optout hello again", "hello"):
            assert (await people.edit("support", "support-tickets", ts, text)).ok
        with pytest.raises(SandboxError):
            await people.edit("admin", "support-tickets", ts, "@optout mine")
    assert [(event["ts"], event["edited"]["user"] == event["user"]) for event in mentions] == [(ts, True)] * 2


async def test_what_other_apps_post_and_people_forward(people: SandboxClient, slack: EmbeddedSlack) -> None:
    """Blocks of another app's, and attachments of a person's message, are in the message as they were sent."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "a ticket"}}]
    assert (await people.message("ticket-bot", "support-tickets", "", blocks=blocks)).ok
    assert (await people.message("support", "support-tickets", "", attachments=[{"text": "forwarded"}])).ok
    posted, forwarded = slack.platform.workspace.channel("support-tickets").messages.values()
    assert slack.platform.feed.message_object(posted)["blocks"] == blocks
    assert slack.platform.feed.message_object(forwarded)["attachments"] == [{"text": "forwarded"}]
