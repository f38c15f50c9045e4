"""The state as the control API shows it. Messages and channels are rendered once per change, not once per look."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bot.sandbox.samples import Sample
from bot.sandbox.shapes import file_object
from bot.sandbox.web_api import Platform
from bot.sandbox.workspace import Channel, Ephemeral, File, PostedMessage, User


class StateView:
    """Renders `GET /sandbox/state`."""

    def __init__(self, slack: Platform, samples: tuple[Sample, ...]) -> None:
        self._slack = slack
        self._samples = samples

    def render(self, *, only: Sequence[Channel] = ()) -> str:
        """The whole state as JSON text; *only* leaves the other channels out."""
        workspace = self._slack.workspace
        channels = only or list(workspace.channels.values())
        rest = {"version": workspace.changes.version} | self.parts()
        rest["files"] = [self._file(file) for file in workspace.files.values() if file.complete]
        rest["samples"] = self.samples()
        rendered = ",".join(self._channel(channel) for channel in channels)
        return f'{json.dumps(rest)[:-1]}, "channels": [{rendered}]}}'

    def parts(self) -> dict[str, Any]:
        """Everything but channels and files, by name."""
        workspace, app = self._slack.workspace, self._slack.app
        handles = {user.id: user.handle for user in workspace.users.values()}
        return {
            "team": {"id": workspace.team_id, "name": workspace.name, "domain": workspace.domain},
            "app": {
                "id": app.app_id,
                "name": app.name,
                "bot_id": app.bot_id,
                "bot_user_id": app.bot_user_id,
                "commands": list(app.commands),
                "shortcuts": list(app.shortcuts),
                "connected": len(self._slack.sockets.connections),
                "awaited": app.awaited,
                "events_url": app.events_url,
            },
            "users": [_user(user) for user in workspace.users.values()],
            "ephemerals": self._alone(workspace.ephemerals),
            "unseen": self._alone(workspace.unseen),
            "notifications": {
                handles[user_id]: [asdict(item) for item in items] for user_id, items in workspace.notifications.items()
            },
            "views": {
                handles[user_id]: [self._slack.views.described(view) for view in stack]
                for user_id, stack in self._slack.views.stacks.items()
            },
            "steps": [execution.described() for execution in self._slack.workflows.executions.values()],
            "homes": {
                handles[user_id]: self._slack.views.described(view) for user_id, view in self._slack.views.homes.items()
            },
        }

    def _alone(self, items: Mapping[str, Sequence[Ephemeral]]) -> dict[str, list[dict[str, Any]]]:
        """Messages for one person each, by handle."""
        return {
            self._slack.workspace.users[user_id].handle: [
                self._message(item.message) | {"channel": item.channel, "thread": []} for item in theirs
            ]
            for user_id, theirs in items.items()
        }

    def samples(self) -> list[dict[str, Any]]:
        return [
            {"name": sample.name, "description": sample.description, "size": sample.size} for sample in self._samples
        ]

    def about(self, channel: Channel) -> dict[str, Any]:
        """The channel without its messages."""
        return {
            "id": channel.id,
            "name": channel.name,
            "purpose": channel.purpose,
            "is_private": channel.is_private,
            "is_archived": channel.is_archived,
            "is_ext_shared": channel.is_ext_shared,
            "is_im": channel.is_im,
            "user": channel.user,
            "members": channel.members,
        }

    def message(self, channel: Channel, message: PostedMessage, *, latest: int | None = None) -> str:
        """A message that is no reply, with its thread, as JSON text; *latest* keeps the end of a long thread."""
        replies = list(self._slack.workspace.replies(channel, message))
        kept = replies if latest is None else replies[-latest:]
        thread = ",".join(self.reply(item) for item in kept)
        return f'{self._rendered(message)}, "replies": {len(replies)}, "thread": [{thread}]}}'

    def reply(self, message: PostedMessage) -> str:
        return f"{self._rendered(message)}}}"

    def _channel(self, channel: Channel) -> str:
        if channel.rendered is not None and channel.rendered[0] == channel.version:
            return channel.rendered[1]
        parents = (message for message in channel.messages.values() if not message.is_reply)
        messages = ",".join(self.message(channel, message) for message in parents)
        text = f'{json.dumps(self.about(channel))[:-1]}, "messages": [{messages}]}}'
        channel.rendered = (channel.version, text)
        return text

    def _rendered(self, message: PostedMessage) -> str:
        """The message as JSON text without its closing brace, so that a thread can be added."""
        if message.rendered is None:
            message.rendered = json.dumps(self._message(message))[:-1]
        return message.rendered

    def _message(self, message: PostedMessage) -> dict[str, Any]:
        author = self._slack.workspace.users.get(message.user)
        return {
            "ts": message.ts,
            "user": message.user,
            "handle": author.handle if author else message.user,
            "username": message.username or (author.real_name if author else message.user),
            "bot_id": message.bot_id,
            "subtype": message.subtype,
            "text": message.text,
            "blocks": message.blocks,
            "files": [self._file(file) for file in self._slack.workspace.shared_files(message.files)],
            "edited": message.edited,
            "thread_ts": message.thread_ts,
        }

    def _file(self, file: File) -> dict[str, Any]:
        shape = file_object(file, self._slack.workspace, self._slack.feed.base_url)
        author = self._slack.workspace.users.get(file.user)
        wanted = ("id", "name", "title", "size", "mimetype", "filetype", "mode", "user", "created", "shares")
        return {name: shape.get(name) for name in wanted} | {
            "name": file.name,
            "handle": author.handle if author else file.user,
            "deleted": file.deleted,
            "url": f"/sandbox/files/{file.id}",
        }


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "handle": user.handle,
        "name": user.handle,
        "real_name": user.real_name,
        "display_name": user.display_name,
        "title": user.title,
        "is_admin": user.is_admin,
        "is_owner": user.is_owner,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_stranger": user.is_stranger,
        "is_bot": user.is_bot,
        "deleted": user.deleted,
        "team_id": user.team_id,
        "tz": user.tz,
        "tz_offset": user.tz_offset,
    }
