"""
Who is notified of a new message, which gives them a badge: https://docs.slack.dev/messaging/formatting-message-text#mentioning-users

An edit notifies nobody, and neither does what one person alone sees.
"""

import re
from collections.abc import Iterator
from typing import Any

from bot.sandbox.workspace import Channel, Notification, PostedMessage, Workspace

_MENTION = re.compile(r"<(?:@(?P<user>[UW]\w+)|!subteam\^(?P<group>S\w+)|!(?P<all>here|channel|everyone))(?:\|[^>]*)?>")


def notify(workspace: Workspace, channel: Channel, message: PostedMessage) -> None:
    """Notify, once each, the other side of a direct message, and of the channel's members those that *message* mentions."""
    mentioned = set(_mentioned(workspace, channel, message))
    for user in channel.members:
        if user == message.user or workspace.users[user].is_bot:
            continue
        if channel.is_im or user in mentioned:
            workspace.notifications.setdefault(user, []).append(
                Notification(channel.id, message.ts, "direct" if channel.is_im else "mention")
            )


def _mentioned(workspace: Workspace, channel: Channel, message: PostedMessage) -> Iterator[str]:
    for text in (message.text, *_texts(message.blocks), *_texts(message.attachments)):
        for match in _MENTION.finditer(text):
            if match["user"]:
                yield match["user"]
            elif match["group"]:
                yield from workspace.usergroups.get(match["group"], {}).get("users", ())
            else:
                yield from channel.members


def _texts(value: Any) -> Iterator[str]:
    """Every text in which Slack finds mentions, and what pieces of rich text mention, as text."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        kind = value.get("type")
        if kind == "plain_text":
            return
        for piece, name, mark in (
            ("user", "user_id", "@"),
            ("usergroup", "usergroup_id", "!subteam^"),
            ("broadcast", "range", "!"),
        ):
            if kind == piece and isinstance(value.get(name), str):
                yield f"<{mark}{value[name]}>"
        for name, part in value.items():
            if name in ("text", "pretext", "fallback") and isinstance(part, str) and kind != "text":
                yield part
            else:
                yield from _texts(part)
