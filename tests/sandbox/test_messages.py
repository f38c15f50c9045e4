"""`chat.*`: who may post where, what a message may hold, threads, edits and ephemerals."""

import re
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "in a block"}}


@pytest.fixture
async def channel(people: SandboxClient) -> str:
    """The id of a public channel the bot is in."""
    return (await people.state()).channel("support-tickets").id


async def test_a_posted_message_has_slack_s_shape(slack: EmbeddedSlack, api: AsyncWebClient, channel: str) -> None:
    """The answer carries channel, ts and the message with bot, app, blocks with ids and normalised texts."""
    answer = await api.chat_postMessage(channel=channel, text="hello", blocks=[SECTION])
    assert answer["channel"] == channel
    message = answer["message"]
    assert message["ts"] == answer["ts"]
    assert (message["type"], message["text"], message["user"]) == ("message", "hello", slack.bot_user_id)
    assert (message["bot_id"], message["app_id"]) == (slack.bot_id, slack.app_id)
    assert message["bot_profile"]["name"] == "Opt-Out Desk"
    [block] = message["blocks"]
    assert block["block_id"]
    assert block["text"] == {"type": "mrkdwn", "text": "in a block", "verbatim": False}


async def test_timestamps_increase_and_have_six_decimals(api: AsyncWebClient, channel: str) -> None:
    """`ts` are texts in strictly increasing order, however fast the posts come."""
    stamps = [(await api.chat_postMessage(channel=channel, text="x"))["ts"] for _ in range(20)]
    assert all(re.fullmatch(r"\d{10}\.\d{6}", ts) for ts in stamps)
    assert stamps == sorted(set(stamps), key=float)


@pytest.mark.parametrize(
    ("name", "error"),
    [("field-private", "channel_not_found"), ("archive-2024", "is_archived"), ("C0NOSUCH", "channel_not_found")],
)
async def test_where_the_bot_may_not_post(people: SandboxClient, api: AsyncWebClient, name: str, error: str) -> None:
    """A private channel without the bot is not found; an archived one says so."""
    known = {item.name: item.id for item in (await people.state()).channels}
    with pytest.raises(SlackApiError, match=error):
        await api.chat_postMessage(channel=known.get(name, name), text="x")


async def test_a_public_channel_without_the_bot(people: SandboxClient, api: AsyncWebClient, channel: str) -> None:
    """Once removed, the bot is `not_in_channel`; invited again, it may post."""
    await people.fault(bot="removed", channel="support-tickets")
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await api.chat_postMessage(channel=channel, text="x")
    await people.invite("support-tickets")
    assert (await api.chat_postMessage(channel=channel, text="x"))["ok"]


async def test_channels_by_name_and_people_by_id(people: SandboxClient, api: AsyncWebClient, channel: str) -> None:
    """`#name` finds the channel; a user's id opens the direct message."""
    assert (await api.chat_postMessage(channel="#support-tickets", text="x"))["channel"] == channel
    state = await people.state()
    answer = await api.chat_postMessage(channel=state.user("support")["id"], text="psst")
    assert answer["channel"].startswith("D")
    direct = (await people.state()).direct("support")
    assert direct is not None
    assert [message.text for message in direct.messages] == ["psst"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "no_text"),
        ({"text": "   "}, "no_text"),
        (
            {"text": "x", "blocks": [{**SECTION, "text": {"type": "mrkdwn", "text": "x" * 2_700}}] * 5},
            "msg_blocks_too_long",
        ),
        ({"text": "x", "metadata": {"event_type": "e", "event_payload": {"x": "x" * 8_000}}}, "metadata_too_large"),
        ({"attachments": "text"}, "invalid_attachments"),
        ({"attachments": [{"text": "x"}] * 101}, "too_many_attachments"),
        ({"attachments": [{"blocks": [{"type": "no"}]}]}, "invalid_attachments"),
        ({"markdown_text": "x", "text": "x"}, "markdown_text_conflict"),
        ({"markdown_text": "x", "blocks": [SECTION]}, "markdown_text_conflict"),
        ({"markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"text": "x", "blocks": "{"}, "invalid_blocks_format"),
        ({"text": "x", "blocks": '{"type": "divider"}'}, "invalid_blocks_format"),
        ({"text": "x", "thread_ts": "yesterday"}, "invalid_thread_ts"),
    ],
)
async def test_what_a_message_may_not_be(
    api: AsyncWebClient, channel: str, arguments: dict[str, Any], error: str
) -> None:
    """Empty, over-long, ill-formed, or a reply to nothing: each has Slack's own code."""
    with pytest.raises(SlackApiError) as caught:
        await api.api_call("chat.postMessage", json={"channel": channel, **arguments})
    assert caught.value.response["error"] == error


async def test_text_that_is_too_long_is_cut(people: SandboxClient, api: AsyncWebClient, channel: str) -> None:
    """At 40,000 characters, and Slack says ok; a little less than 13,200 in blocks is taken whole."""
    answer = await api.chat_postMessage(channel=channel, text="x" * 40_001)
    assert len(answer["message"]["text"]) == 40_000
    [call] = await people.calls("chat.postMessage")
    assert call["note"] == "Cut to 40,000 characters."
    long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2_500}}
    assert len((await api.chat_postMessage(channel=channel, text="x", blocks=[long] * 5))["message"]["blocks"]) == 5


async def test_markdown_and_attachments_are_taken(api: AsyncWebClient, channel: str) -> None:
    """Text in Markdown becomes a block of its own; attachments stay what they are."""
    message = (await api.api_call("chat.postMessage", json={"channel": channel, "markdown_text": "**bold**"}))[
        "message"
    ]
    assert [(block["type"], block["text"]) for block in message["blocks"]] == [("markdown", "**bold**")]
    attachments = [{"text": "old", "blocks": [SECTION]}]
    message = (await api.chat_postMessage(channel=channel, text="x", attachments=attachments))["message"]
    assert message["attachments"] == attachments


async def test_replies_stay_under_their_parent(people: SandboxClient, api: AsyncWebClient, channel: str) -> None:
    """A reply, also to a reply, lands in the parent's thread and not at top level."""
    root = (await api.chat_postMessage(channel=channel, text="root"))["ts"]
    first = await api.chat_postMessage(channel=channel, text="one", thread_ts=root)
    second = await api.chat_postMessage(channel=channel, text="two", thread_ts=first["ts"])
    assert first["message"]["thread_ts"] == second["message"]["thread_ts"] == root
    state = await people.state(channel="support-tickets")
    assert [message.text for message in state.channel(channel).messages] == ["root"]
    assert [message.text for message in state.replies(root)] == ["one", "two"]


async def test_a_reply_to_a_message_that_is_gone(people: SandboxClient, api: AsyncWebClient, channel: str) -> None:
    """It stands at the channel's root, and nothing but the missing `thread_ts` of the answer says so."""
    root = str((await people.message("support", "#support-tickets", "soon gone")).ts)
    await people.delete("support", "#support-tickets", root)
    answer = await api.chat_postMessage(channel=channel, text="orphan", thread_ts=root)
    assert "thread_ts" not in answer["message"]
    state = await people.state(channel="support-tickets")
    assert [message.text for message in state.channel(channel).messages] == ["orphan"]
    [call] = await people.calls("chat.postMessage")
    assert call["note"] == "At the channel's root: the thread's message is gone."


async def test_an_update_replaces_text_and_blocks(people: SandboxClient, api: AsyncWebClient, channel: str) -> None:
    """Text alone removes the blocks; blocks alone keep the text; the message is marked as edited."""
    ts = (await api.chat_postMessage(channel=channel, text="old", blocks=[SECTION]))["ts"]
    answer = await api.chat_update(channel=channel, ts=ts, text="new")
    assert (answer["ts"], answer["text"]) == (ts, "new")
    message = (await people.state()).message(ts)
    assert message is not None
    assert (message.text, message.blocks) == ("new", [])
    assert message.edited is not None
    await api.api_call("chat.update", json={"channel": channel, "ts": ts, "blocks": [SECTION]})
    message = (await people.state()).message(ts)
    assert message is not None
    assert message.text == "new"
    assert message.all_text == "new\nin a block"


async def test_an_update_is_refused(people: SandboxClient, api: AsyncWebClient) -> None:
    """Somebody else's message, none at all, text over 4,000 characters, and an archived channel."""
    theirs = await people.message("support", "#support-tickets", "mine")
    channel = (await people.state()).channel("support-tickets").id
    own = (await api.chat_postMessage(channel=channel, text="own"))["ts"]
    with pytest.raises(SlackApiError, match="cant_update_message"):
        await api.chat_update(channel=channel, ts=str(theirs.ts), text="x")
    with pytest.raises(SlackApiError, match="message_not_found"):
        await api.chat_update(channel=channel, ts="1700000000.000001", text="x")
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await api.chat_update(channel=channel, ts=own, text="x" * 4001)
    await people.update_channel("support-tickets", is_archived=True)
    with pytest.raises(SlackApiError, match="is_inactive"):
        await api.chat_update(channel=channel, ts=own, text="x")


async def test_a_message_is_deleted(people: SandboxClient, api: AsyncWebClient, channel: str) -> None:
    """A deleted message is gone; one with replies leaves a tombstone over them."""
    ts = (await api.chat_postMessage(channel=channel, text="short-lived"))["ts"]
    await api.chat_delete(channel=channel, ts=ts)
    assert (await people.state()).message(ts) is None
    root = (await api.chat_postMessage(channel=channel, text="root"))["ts"]
    await api.chat_postMessage(channel=channel, text="reply", thread_ts=root)
    await api.chat_delete(channel=channel, ts=root)
    stone = (await people.state()).message(root)
    assert stone is not None
    assert stone.text == "This message was deleted."
    assert [reply.text for reply in stone.thread] == ["reply"]


async def test_what_the_app_is_told_of_an_edit(
    slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient, channel: str
) -> None:
    """`message_changed` carries the message as it is and as it was before."""
    slack.set_manifest(scopes=["chat:write", "channels:history"], events=["message.channels"])
    ts = (await api.chat_postMessage(channel=channel, text="draft", blocks=[SECTION]))["ts"]
    await api.chat_update(channel=channel, ts=ts, text="final")
    event = (await people.deliveries("event"))[-1]["payload"]["event"]
    assert (event["subtype"], event["message"]["text"], event["message"]["ts"]) == ("message_changed", "final", ts)
    assert event["message"]["edited"]["user"] == slack.bot_user_id
    assert "blocks" not in event["message"]
    before = event["previous_message"]
    assert (before["text"], before["ts"], before["blocks"][0]["type"]) == ("draft", ts, "section")
    assert "edited" not in before


async def test_a_message_of_another_app(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """It is a `bot_message` that names its bot, and no app or team of its own."""
    slack.set_manifest(scopes=["channels:history"], events=["message.channels"])
    await people.message("ticket-bot", "#support-tickets", "Ticket 7 is open")
    [delivery] = await people.deliveries("event")
    event = delivery["payload"]["event"]
    assert event["subtype"] == "bot_message"
    assert event["bot_id"].startswith("B0")
    assert {"app_id", "team", "bot_profile"} & set(event) == set()


async def test_an_ephemeral_is_for_one_person(people: SandboxClient, api: AsyncWebClient, channel: str) -> None:
    """Only the person sees it; it is in no channel; somebody outside the channel cannot get one."""
    state = await people.state()
    answer = await api.chat_postEphemeral(channel=channel, user=state.user("guest")["id"], text="psst")
    state = await people.state()
    [message] = state.ephemerals("guest")
    assert (message.ts, message.text, message.channel) == (answer["message_ts"], "psst", channel)
    assert state.ephemerals("support") == []
    assert state.channel(channel).messages == []
    with pytest.raises(SlackApiError, match="user_not_in_channel"):
        await api.chat_postEphemeral(channel=channel, user=state.user("stranger")["id"], text="psst")


async def test_an_ephemeral_in_a_thread_without_replies_is_seen_by_nobody(
    people: SandboxClient, api: AsyncWebClient, channel: str
) -> None:
    """Slack says ok all the same; in a thread that has replies, by whichever of its messages, it is shown."""
    guest = (await people.state()).user("guest")["id"]
    root = (await api.chat_postMessage(channel=channel, text="root"))["ts"]
    for thread, text in ((root, "quiet"), ("1700000000.000001", "gone")):
        answer = await api.chat_postEphemeral(channel=channel, user=guest, text=text, thread_ts=thread)
        assert answer["ok"]
    state = await people.state()
    assert state.ephemerals("guest") == []
    assert [message.text for message in state.unseen("guest")] == ["quiet", "gone"]
    notes = [call["note"] for call in await people.calls("chat.postEphemeral")]
    assert notes == ["Nobody sees it: that thread has no replies."] * 2
    reply = (await api.chat_postMessage(channel=channel, text="reply", thread_ts=root))["ts"]
    for thread in (root, reply):
        await api.chat_postEphemeral(channel=channel, user=guest, text="heard", thread_ts=thread)
    state = await people.state()
    assert [message.text for message in state.ephemerals("guest")] == ["heard", "heard"]
    assert len(state.unseen()) == 2


async def test_permalinks(slack: EmbeddedSlack, api: AsyncWebClient, channel: str) -> None:
    """A permalink has the ts without its dot; a reply's names its thread."""
    root = (await api.chat_postMessage(channel=channel, text="root"))["ts"]
    reply = (await api.chat_postMessage(channel=channel, text="reply", thread_ts=root))["ts"]
    link = (await api.chat_getPermalink(channel=channel, message_ts=root))["permalink"]
    assert link == f"{slack.url}/archives/{channel}/p{root.replace('.', '')}"
    link = (await api.chat_getPermalink(channel=channel, message_ts=reply))["permalink"]
    assert link.endswith(f"?thread_ts={root}&cid={channel}")


async def test_history_needs_its_scope(slack: EmbeddedSlack, api: AsyncWebClient, channel: str) -> None:
    """The bot's scopes do not allow reading; with them history and replies page newest and oldest first."""
    root = (await api.chat_postMessage(channel=channel, text="root"))["ts"]
    with pytest.raises(SlackApiError, match="missing_scope"):
        await api.conversations_history(channel=channel)
    slack.set_manifest(scopes=["chat:write", "channels:history"])
    await api.chat_postMessage(channel=channel, text="reply", thread_ts=root)
    await api.chat_postMessage(channel=channel, text="later")
    history = await api.conversations_history(channel=channel, limit=1)
    assert [message["text"] for message in history["messages"]] == ["later"]
    assert history["has_more"] is True
    rest = await api.conversations_history(channel=channel, cursor=history["response_metadata"]["next_cursor"])
    assert [(message["text"], message["reply_count"]) for message in rest["messages"]] == [("root", 1)]
    thread = await api.conversations_replies(channel=channel, ts=root)
    assert [message["text"] for message in thread["messages"]] == ["root", "reply"]
