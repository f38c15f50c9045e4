"""`chat.*`: https://docs.slack.dev/reference/methods?family=chat"""

import json
import re
from typing import Any

from bot.sandbox.blocks import characters_of, completed, problems_of
from bot.sandbox.errors import SlackError
from bot.sandbox.rates import POSTING
from bot.sandbox.web_api import Call, JsonObject, Method
from bot.sandbox.workspace import Channel, PostedMessage

_MOST_POSTED = 40_000  # characters of text; what is beyond is cut
_MOST_IN_BLOCKS = 13_200  # https://github.com/slackapi/bolt-js/issues/2509
_MOST_MARKDOWN = 12_000
_MOST_ATTACHMENTS = 100
# https://docs.slack.dev/reference/methods/chat.postMessage says that there is a limit, and not which.
_MOST_METADATA = 8_000
_MOST_UPDATED = 4_000  # chat.update is stricter
_TS = re.compile(r"\d{9,11}\.\d{6}")
# https://docs.slack.dev/messaging/message-metadata: letters, numbers, underscores and hyphens
_EVENT_TYPE = re.compile(r"[A-Za-z0-9_-]+")


def _content(call: Call, *, most: int | None = None) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    """Text, blocks and attachments, checked as all posting methods check them; text of more than *most* is refused, not cut."""
    text = call.text("text") or ""
    blocks = call.json("blocks", error="invalid_blocks_format")
    attachments = _attachments(call)
    markdown = call.text("markdown_text")
    if markdown is not None:
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        if len(markdown) > _MOST_MARKDOWN:
            raise SlackError("msg_too_long")
        blocks = [{"type": "markdown", "text": markdown}]
        text = markdown
    if blocks is not None:
        if not isinstance(blocks, list):
            raise SlackError("invalid_blocks_format")
        problems = problems_of(blocks, "message")
        if problems:
            listed = [f"[ERROR] {problem}" for problem in problems]
            raise SlackError("invalid_blocks", errors=problems, response_metadata={"messages": listed})
        if characters_of(blocks) > _MOST_IN_BLOCKS:
            raise SlackError("msg_blocks_too_long")
    if most is not None and len(text) > most:
        raise SlackError("msg_too_long")
    if len(text) > _MOST_POSTED:
        call.note = f"Cut to {_MOST_POSTED:,} characters."
        text = text[:_MOST_POSTED]
    if not text.strip() and not blocks and not attachments:
        raise SlackError("no_text")
    if blocks and not text and not attachments:
        call.warnings.append("missing_text_in_message")
    return text, completed(blocks or []), attachments


def _attachments(call: Call) -> list[dict[str, Any]]:
    attachments = call.json("attachments", error="invalid_attachments") or []
    if not isinstance(attachments, list) or not all(isinstance(item, dict) for item in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > _MOST_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    for number, item in enumerate(attachments):
        if problems := problems_of(item.get("blocks") or [], "message", at=f"/attachments/{number}/blocks"):
            listed = [f"[ERROR] {problem}" for problem in problems]
            raise SlackError("invalid_attachments", errors=problems, response_metadata={"messages": listed})
    return attachments


def _thread(call: Call, channel: Channel) -> str | None:
    """
    `thread_ts`, checked: a reply's own ts leads to its thread, and that of no message to the channel's root.

    https://github.com/slack-go/slack/issues/1571: the answer is ok, and its message has no `thread_ts`.
    """
    thread_ts = call.text("thread_ts")
    if thread_ts is None:
        return None
    if not _TS.fullmatch(thread_ts):
        raise SlackError("invalid_thread_ts")
    parent = channel.messages.get(thread_ts)
    if parent is None:
        call.note = "At the channel's root: the thread's message is gone."
        return None
    return parent.thread_ts if parent.is_reply else parent.ts


def _metadata(call: Call) -> dict[str, Any] | None:
    """`metadata` when Slack would keep it; what it would not, it ignores with a warning."""
    metadata = call.json("metadata", error="metadata_must_be_sent_as_json")
    if metadata is None:
        return None
    named = isinstance(metadata, dict) and _EVENT_TYPE.fullmatch(str(metadata.get("event_type") or ""))
    if not named or not isinstance(metadata.get("event_payload"), dict):
        call.warnings.append("invalid_metadata_schema")
        return None
    if len(json.dumps(metadata)) > _MOST_METADATA:
        raise SlackError("metadata_too_large")
    return dict(metadata)


async def post_message(call: Call) -> JsonObject:
    channel = call.channel(writing=True)
    text, blocks, attachments = _content(call)
    message = PostedMessage(
        ts=call.workspace.new_ts(),
        user=call.app.bot_user_id,
        text=text,
        blocks=blocks,
        attachments=attachments,
        bot_id=call.app.bot_id,
        thread_ts=_thread(call, channel),
        metadata=_metadata(call),
    )
    feed = call.slack.feed
    feed.post(channel, message)
    return {"channel": channel.id, "ts": message.ts, "message": feed.message_object(message)}


def _own_message(call: Call, *, refusal: str) -> tuple[Channel, PostedMessage]:
    channel = call.channel()
    if call.app.bot_user_id not in channel.members:
        raise SlackError("channel_not_found" if channel.is_private else "not_in_channel")
    message = channel.messages.get(call.needed("ts"))
    if message is None or message.subtype == "tombstone":
        raise SlackError("message_not_found")
    if message.user != call.app.bot_user_id:
        raise SlackError(refusal)
    return channel, message


async def update(call: Call) -> JsonObject:
    channel, message = _own_message(call, refusal="cant_update_message")
    if channel.is_archived:
        raise SlackError("is_inactive")
    if call.arguments.get("blocks") in ("[]", []) and call.text("text") is None:
        raise SlackError("no_text")
    # Text without blocks removes the blocks; blocks without text keep the text.
    keeps_text = call.text("text") is None and call.arguments.get("blocks") is not None
    text, blocks, attachments = _content(call, most=_MOST_UPDATED)
    feed = call.slack.feed
    previous = feed.message_object(message)
    message.text = message.text if keeps_text else text
    message.blocks, message.attachments = blocks, attachments
    if call.arguments.get("metadata") is not None:
        message.metadata = _metadata(call)
    feed.edit(channel, message, call.app.bot_user_id, previous)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": feed.message_object(message)}


async def delete(call: Call) -> JsonObject:
    channel, message = _own_message(call, refusal="cant_delete_message")
    call.slack.feed.delete(channel, message.ts)
    return {"channel": channel.id, "ts": message.ts}


async def post_ephemeral(call: Call) -> JsonObject:
    channel = call.channel(writing=True)
    user = call.workspace.users.get(call.text("user") or "")
    if user is None or user.id not in channel.members:
        raise SlackError("user_not_in_channel")
    text, blocks, attachments = _content(call)
    thread_ts = call.text("thread_ts")
    message = PostedMessage(
        ts=call.workspace.new_ts(),
        user=call.app.bot_user_id,
        text=text,
        blocks=blocks,
        attachments=attachments,
        bot_id=call.app.bot_id,
        thread_ts=thread_ts,
    )
    if not call.workspace.add_ephemeral(user, channel, message):
        call.note = "Nobody sees it: that thread has no replies."
    return {"message_ts": message.ts}


async def get_permalink(call: Call) -> JsonObject:
    channel = call.channel()
    message = channel.messages.get(call.needed("message_ts"))
    if message is None:
        raise SlackError("message_not_found")
    link = f"{call.slack.feed.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


METHODS = {
    "chat.postMessage": Method(post_message, ("chat:write",), tier=POSTING),
    "chat.update": Method(update, ("chat:write",), tier="3"),
    "chat.delete": Method(delete, ("chat:write",), tier="3"),
    "chat.postEphemeral": Method(post_ephemeral, ("chat:write",)),
    "chat.getPermalink": Method(get_permalink, tier="hundreds"),
}
