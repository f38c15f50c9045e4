"""The feed of channels: messages come, change and go, files are shared, and the app's events follow."""

import asyncio
import re
import time
import uuid
from collections.abc import Iterable
from typing import Any

from bot.sandbox.delivery import Courier, Outcome
from bot.sandbox.installation import Installation
from bot.sandbox.notifying import notify
from bot.sandbox.shapes import file_object, message_object, user_object
from bot.sandbox.workspace import Channel, File, PostedMessage, Share, User, Workspace, new_id

Attempts = list[asyncio.Future[Outcome]]

_LINKED = re.compile(r"<(?P<kind>[@#!]?)(?P<target>[^|>]+)(?:\|(?P<label>[^>]*))?>")


class Feed:
    """Changes channels and sends the events they cause. `base_url` is set once the server listens."""

    def __init__(self, workspace: Workspace, app: Installation, courier: Courier) -> None:
        self.workspace = workspace
        self.app = app
        self.courier = courier
        self.base_url = ""

    # -- messages ---------------------------------------------------------------------------------------------

    def post(self, channel: Channel, message: PostedMessage) -> Attempts:
        """Put *message* into *channel*; the futures are the first attempts of the events it caused."""
        self.workspace.add_message(channel, message)
        notify(self.workspace, channel, message)
        for file in self.workspace.shared_files(message.files):
            file.shares.append(Share(channel.id, message.ts, message.thread_ts, message.user))
        attempts: Attempts = []
        for file in self.workspace.shared_files(message.files):
            attempts += self._file_shared(channel, file, message)
        event = message_object(message, self.workspace, self.app, self.base_url)
        if message.client_msg_id and "blocks" not in event and message.text:
            event["blocks"] = [rich_text(message.text)]
        attempts += self._message_event(channel, event)
        return attempts + self._mentioned(channel, message, event) + self._metadata_posted(channel, message)

    def edit(self, channel: Channel, message: PostedMessage, editor: str, previous: dict[str, Any]) -> Attempts:
        """Announce that *message*, already changed, was edited by *editor*; *previous* is its object from before."""
        now = self.workspace.new_ts()
        message.edited = {"user": editor, "ts": now}
        self.workspace.touch(channel, message)
        body = message_object(message, self.workspace, self.app, self.base_url)
        event = {
            "type": "message",
            "subtype": "message_changed",
            "hidden": True,
            "message": body,
            "previous_message": previous,
            "ts": now,
        }
        return self._message_event(channel, event) + self._mentioned(channel, message, body)

    def _mentioned(self, channel: Channel, message: PostedMessage, event: dict[str, Any]) -> Attempts:
        """https://docs.slack.dev/reference/events/app_mention: of an edited message, too."""
        if message.user == self.app.bot_user_id or channel.is_im or f"<@{self.app.bot_user_id}" not in message.text:
            return []
        mention = {name: value for name, value in event.items() if name != "subtype"}
        return self.emit("app_mention", mention | {"channel": channel.id}, channel=channel)

    def delete(self, channel: Channel, ts: str) -> PostedMessage | None:
        """Take a message away; None when there is none."""
        message = channel.messages.get(ts)
        if message is None:
            return None
        previous = message_object(message, self.workspace, self.app, self.base_url)
        self.workspace.remove_message(channel, ts)
        event = {
            "type": "message",
            "subtype": "message_deleted",
            "hidden": True,
            "deleted_ts": ts,
            "previous_message": previous,
            "ts": self.workspace.new_ts(),
        }
        self._message_event(channel, event)
        return message

    def message_by(self, user: User, text: str, *, thread_ts: str | None = None) -> PostedMessage:
        """A new message of a person (or of another app's bot), not posted yet."""
        return PostedMessage(
            ts=self.workspace.new_ts(),
            user=user.id,
            text=text,
            thread_ts=thread_ts,
            bot_id=user.bot_id,
            subtype="bot_message" if user.is_bot else None,
            client_msg_id=None if user.is_bot else str(uuid.uuid4()),
        )

    def _metadata_posted(self, channel: Channel, message: PostedMessage) -> Attempts:
        """https://docs.slack.dev/messaging/message-metadata: the app is told of the types its manifest subscribes to."""
        author = self.workspace.users.get(message.user)
        if not message.metadata or author is None or author.app_id is None:
            return []
        told = {(author.app_id, message.metadata.get("event_type")), ("*", message.metadata.get("event_type"))}
        if not told.intersection(self.app.metadata):
            return []
        event = {
            "app_id": author.app_id,
            "bot_id": message.bot_id,
            "user_id": message.user,
            "team_id": self.workspace.team_id,
            "channel_id": channel.id,
            "metadata": message.metadata,
            "message_ts": message.ts,
            "event_ts": message.ts,
        }
        return self.emit("message_metadata_posted", event, channel=channel)

    # -- files ------------------------------------------------------------------------------------------------

    def share(self, channel: Channel, files: Iterable[File], message: PostedMessage) -> Attempts:
        """Post *message* with *files*, as dropping them into the channel does."""
        message.files = [file.id for file in files]
        message.subtype = "file_share"
        return self.post(channel, message)

    def delete_file(self, file: File) -> None:
        """Delete a file everywhere: messages keep a tombstone of it, its bytes are gone."""
        file.deleted = True
        for share in file.shares:
            channel = self.workspace.channels[share.channel]
            message = channel.messages.get(share.ts)
            self.workspace.touch(channel, message)
        if file.path is not None:
            file.path.unlink(missing_ok=True)
            file.path = None
        self.workspace.touch()
        body = {"type": "file_deleted", "file_id": file.id, "event_ts": self.workspace.new_ts()}
        self.emit("file_deleted", body)

    def _file_shared(self, channel: Channel, file: File, message: PostedMessage) -> Attempts:
        body = {
            "type": "file_shared",
            "file_id": file.id,
            "user_id": message.user,
            "file": {"id": file.id},
            "channel_id": channel.id,
        }
        everywhere = self.app.told_of_all_files and not channel.is_private and not channel.is_im
        return self.emit("file_shared", body, channel=channel, member_only=not everywhere)

    # -- events -----------------------------------------------------------------------------------------------

    def _message_event(self, channel: Channel, event: dict[str, Any]) -> Attempts:
        kind = "im" if channel.is_im else "group" if channel.is_private else "channel"
        subscription = {"im": "message.im", "group": "message.groups", "channel": "message.channels"}[kind]
        body = event | {"channel": channel.id, "channel_type": kind}
        return self.emit(subscription, body, channel=channel)

    def emit(
        self, subscription: str, event: dict[str, Any], *, channel: Channel | None = None, member_only: bool = True
    ) -> Attempts:
        """
        Send one event if the app subscribes to it, may have it, and is in the channel it comes from, unless not *member_only*.

        An app whose token is revoked is told of nothing, then or later: what it would have been told it did not acknowledge.
        """
        app = self.app
        if not app.listens_to(subscription):
            return []
        if member_only and channel is not None and app.bot_user_id not in channel.members:
            return []
        if app.revoked or app.gone:
            withheld: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            withheld.set_result(Outcome(acknowledged=False, ms=0, error="token_revoked", retry=False))
            return [withheld]
        kind = event.get("type") if subscription.startswith("message.") else subscription
        body = {**event, "type": kind}
        body.setdefault("event_ts", event.get("ts") or self.workspace.new_ts())
        enterprise = None if app.enterprise is None else app.enterprise[0]
        payload: dict[str, Any] = {
            "token": app.verification_token,
            "team_id": self.workspace.team_id,
            "context_team_id": self.workspace.team_id,
            "context_enterprise_id": enterprise,
            "api_app_id": app.app_id,
            "event": body,
            "type": "event_callback",
            "event_id": new_id("Ev"),
            "event_time": int(time.time()),
            "authorizations": [
                {
                    "enterprise_id": enterprise,
                    "team_id": None if app.org_wide else self.workspace.team_id,
                    "user_id": app.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": app.org_wide,
                }
            ],
            "is_ext_shared_channel": channel is not None and channel.is_ext_shared,
            "event_context": f"4-{uuid.uuid4().hex}",
        }
        return [self.courier.event(payload)]

    def uninstalled(self) -> Attempts:
        """Take the app away from this workspace, and tell it: https://docs.slack.dev/reference/events/app_uninstalled"""
        self.app.gone = True
        bots = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [self.app.bot_user_id]}}
        return [*self._ended(bots), *self._ended({"type": "app_uninstalled"})]

    def _ended(self, event: dict[str, Any]) -> Attempts:
        """Such an event is sent though no token is good any more, and names nobody who authorized it."""
        app = self.app
        if not app.listens_to(event["type"]):
            return []
        payload = {
            "token": app.verification_token,
            "team_id": self.workspace.team_id,
            "api_app_id": app.app_id,
            "event": event | {"event_ts": self.workspace.new_ts()},
            "type": "event_callback",
            "event_id": new_id("Ev"),
            "event_time": int(time.time()),
        }
        if app.enterprise is not None:
            payload["enterprise_id"] = app.enterprise[0]
        return [self.courier.event(payload)]

    def user_changed(self, user: User) -> None:
        """Announce a changed profile, which this event carries with custom fields and language."""
        shape = user_object(user, self.base_url)
        shape["profile"]["fields"] = []
        self.emit("user_change", {"user": shape | {"locale": "en-US"}, "cache_ts": user.updated})

    def file_object(self, file: File) -> dict[str, Any]:
        return file_object(file, self.workspace, self.base_url)

    def message_object(self, message: PostedMessage) -> dict[str, Any]:
        return message_object(message, self.workspace, self.app, self.base_url)


def rich_text(text: str) -> dict[str, Any]:
    """The `rich_text` block Slack's client makes of what a person typed."""
    elements: list[dict[str, Any]] = []
    position = 0
    for match in _LINKED.finditer(text):
        elements += _plain(text[position : match.start()])
        position = match.end()
        target = match["target"]
        if match["kind"] == "@":
            elements.append({"type": "user", "user_id": target})
        elif match["kind"] == "#":
            elements.append({"type": "channel", "channel_id": target})
        elif match["kind"] == "!":
            elements.append({"type": "broadcast", "range": target})
        else:
            elements.append({"type": "link", "url": target} | ({"text": match["label"]} if match["label"] else {}))
    elements += _plain(text[position:])
    return {
        "type": "rich_text",
        "block_id": uuid.uuid4().hex[:5],
        "elements": [{"type": "rich_text_section", "elements": elements}],
    }


def _plain(text: str) -> list[dict[str, Any]]:
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return [{"type": "text", "text": plain}] if plain else []
