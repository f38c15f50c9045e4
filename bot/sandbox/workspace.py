"""The embedded workspace: its people, channels, messages and files, and the counter that grows with every change."""

import asyncio
import hashlib
import secrets
import string
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.sandbox.errors import BadRequestError

# Who speaks for Slack itself: https://docs.slack.dev/reference/objects/user-object
SLACKBOT = "USLACKBOT"
_ALPHABET = string.ascii_uppercase + string.digits


def new_id(prefix: str) -> str:
    """A Slack-shaped id: the letter(s) of its kind, `0`, then nine capitals and digits."""
    return f"{prefix}0{''.join(secrets.choice(_ALPHABET) for _ in range(9))}"


def seeded_id(prefix: str, name: str) -> str:
    """The id of what every embedded Slack has: the same at each start, so that a kept database still fits."""
    digest = hashlib.sha256(f"{prefix} {name}".encode()).digest()
    return f"{prefix}0{''.join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:9])}"


@dataclass(slots=True)
class User:
    """
    A person (or bot user) as `users.info` knows them.

    `handle` is what Slack calls `name`, which people no longer see; `display_name` is what they are called by.
    """

    id: str
    handle: str
    real_name: str
    team_id: str
    tz: str
    title: str = ""
    display_name: str = ""
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_bot: bool = False
    deleted: bool = False
    bot_id: str | None = None
    app_id: str | None = None
    # Of whoever is of a workspace of an Enterprise Grid organisation.
    enterprise_id: str | None = None
    updated: int = field(default_factory=lambda: int(time.time()))

    def __post_init__(self) -> None:
        self.display_name = self.display_name or self.handle

    @property
    def tz_offset(self) -> int:
        """Seconds east of UTC, now."""
        offset = time_in(self.tz).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    @property
    def tz_label(self) -> str:
        return time_in(self.tz).tzname() or self.tz


@dataclass(slots=True)
class File:
    """A file; `path` is where its bytes lie, None once they are gone."""

    id: str
    name: str
    title: str
    mimetype: str
    filetype: str
    pretty_type: str
    size: int
    user: str
    user_team: str
    created: int
    path: Path | None
    mode: str = "hosted"
    # One of bot/sandbox/file_kinds.py; empty for an uploaded file.
    kind: str = ""
    secret: str = field(default_factory=lambda: secrets.token_hex(5))
    shares: list["Share"] = field(default_factory=list)
    deleted: bool = False
    complete: bool = True
    preview: str | None = None
    # Until this time (epoch seconds) `files.info` leaves `shares` out, and the type too: the fault "late_shares".
    shares_known_at: float = 0.0
    # What Slack says of it instead, by the names of a file object: of a file kept elsewhere, of a page, of a hidden one.
    described: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Share:
    """Where a file was shared: the message that shows it."""

    channel: str
    ts: str
    thread_ts: str | None
    user: str


@dataclass(slots=True)
class PostedMessage:
    """One message. `thread_ts` equals `ts` on a parent that has replies, as in Slack."""

    ts: str
    user: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    bot_id: str | None = None
    username: str | None = None
    subtype: str | None = None
    files: list[str] = field(default_factory=list)
    thread_ts: str | None = None
    edited: dict[str, str] | None = None
    replies: list[str] = field(default_factory=list)
    reply_users: list[str] = field(default_factory=list)
    parent_user_id: str | None = None
    metadata: dict[str, Any] | None = None
    attachments: list[dict[str, Any]] = field(default_factory=list)
    reactions: list[dict[str, Any]] = field(default_factory=list)
    client_msg_id: str | None = None
    # The version at which it, or for a parent its thread, last changed.
    version: int = 0
    rendered: str | None = None

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(slots=True)
class Ephemeral:
    """A message only one person sees; it never becomes part of the channel's history."""

    channel: str
    message: PostedMessage


@dataclass(frozen=True, slots=True)
class Notification:
    """What gives a person a badge: a new message. `kind` is `mention` or `direct`."""

    channel: str
    ts: str
    kind: str


@dataclass(slots=True)
class Channel:
    """A conversation. `user` is the person on the other side of the bot's direct message."""

    id: str
    name: str
    creator: str
    created: int = field(default_factory=lambda: int(time.time()))
    topic: str = ""
    purpose: str = ""
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    is_im: bool = False
    user: str | None = None
    members: list[str] = field(default_factory=list)
    messages: dict[str, PostedMessage] = field(default_factory=dict)
    # The version at which each message that is gone was taken away.
    removed: dict[str, int] = field(default_factory=dict)
    version: int = 0
    rendered: tuple[int, str] | None = None


class Changes:
    """A counter everyone can wait on: the long poll and the page's WebSocket."""

    def __init__(self) -> None:
        self.version = 1
        self._event = asyncio.Event()

    def mark(self) -> int:
        """Count one change and wake everybody who waits for it."""
        self.version += 1
        self._event.set()
        self._event = asyncio.Event()
        return self.version

    async def after(self, version: int, timeout: float) -> None:  # noqa: ASYNC109 - the long poll's own deadline
        """Return once the counter is above *version*, or *timeout* seconds have passed."""
        try:
            async with asyncio.timeout(timeout):
                while self.version <= version:
                    await self._event.wait()
        except TimeoutError:
            return


class Workspace:
    """All state of the embedded team. One event loop uses it, so it needs no lock."""

    def __init__(self, *, domain: str, name: str) -> None:
        self.team_id = seeded_id("T", domain)
        self.domain = domain
        self.name = name
        # Of this workspace and of those whose people share channels with it: the domain by the id.
        self.teams = {self.team_id: domain}
        self.changes = Changes()
        # False: its admins have disabled uploads, for people and apps.
        self.file_uploads = True
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.ephemerals: dict[str, list[Ephemeral]] = {}
        # Accepted, and shown to nobody.
        self.unseen: dict[str, list[Ephemeral]] = {}
        self.notifications: dict[str, list[Notification]] = {}
        self.usergroups: dict[str, dict[str, Any]] = {}
        self._last_ts = 0

    # -- time -------------------------------------------------------------------------------------------------

    def new_ts(self) -> str:
        """The next timestamp: seconds with six decimals, above every one given before."""
        self._last_ts = max(time.time_ns() // 1000, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def not_before(self, ts: str) -> None:
        """Let every timestamp from now on be above *ts*, whatever the clock says."""
        seconds, _, micros = ts.partition(".")
        self._last_ts = max(self._last_ts, int(seconds) * 1_000_000 + int(micros or 0))

    # -- changes ----------------------------------------------------------------------------------------------

    def touch(self, channel: Channel | None = None, message: PostedMessage | None = None) -> None:
        """Say that something people can see has changed, so that cached renderings of it are dropped."""
        version = self.changes.mark()
        if channel is not None:
            channel.version = version
        if message is not None:
            message.rendered, message.version = None, version
            if channel is not None and message.is_reply and message.thread_ts in channel.messages:
                channel.messages[message.thread_ts].version = version

    def redraw(self) -> None:
        """Drop every cached rendering: a name that stands in many messages has changed."""
        for channel in self.channels.values():
            self.touch(channel)
            for message in channel.messages.values():
                message.rendered, message.version = None, channel.version

    # -- look-ups ---------------------------------------------------------------------------------------------

    def user(self, name: str) -> User:
        """The user of a handle or id, with or without `@`; BadRequestError when there is none."""
        wanted = name.strip().lstrip("@")
        if wanted in self.users:
            return self.users[wanted]
        if wanted.casefold() in self.bot_names():
            return self.bot
        for user in self.users.values():
            if wanted.casefold() in (user.handle.casefold(), user.real_name.casefold()):
                return user
        raise BadRequestError(f"There is no user {name!r}. There are: {', '.join(self.handles())}.")

    def handles(self) -> list[str]:
        return [user.handle for user in self.users.values()]

    def channel(self, name: str, *, of: User | None = None) -> Channel:
        """
        The channel of a name or id, with or without `#`; BadRequestError when there is none.

        `@bot` and the bot's other names mean the direct message between the bot and *of*.
        """
        wanted = name.strip().lstrip("#")
        if wanted in self.channels:
            return self.channels[wanted]
        for channel in self.channels.values():
            if not channel.is_im and channel.name.casefold() == wanted.casefold():
                return channel
        if of is not None and wanted.lstrip("@").casefold() in ("dm", "app", *self.bot_names()):
            return self.direct_message(of)
        names = ", ".join(f"#{channel.name}" for channel in self.channels.values() if not channel.is_im)
        raise BadRequestError(f"There is no channel {name!r}. There are: {names}.")

    def bot_names(self) -> set[str]:
        """What people may call the app's bot, in lower case."""
        bot = self.bot
        name = bot.real_name.casefold()
        return {"bot", bot.handle.casefold(), name, name.replace(" ", "-"), name.replace(" ", "").replace("-", "")}

    @property
    def bot(self) -> User:
        """The bot user of the app under test."""
        return next(user for user in self.users.values() if user.is_bot and user.app_id is not None)

    def direct_message(self, user: User) -> Channel:
        """The direct message between the bot and *user*, opened if there is none."""
        for channel in self.channels.values():
            if channel.is_im and channel.user == user.id:
                return channel
        channel = Channel(
            id=new_id("D"), name=user.handle, creator=user.id, is_im=True, user=user.id, members=[user.id, self.bot.id]
        )
        self.channels[channel.id] = channel
        self.touch(channel)
        return channel

    def replies(self, channel: Channel, parent: PostedMessage) -> Iterator[PostedMessage]:
        return (channel.messages[ts] for ts in parent.replies if ts in channel.messages)

    def shared_files(self, ids: Iterable[str]) -> list[File]:
        return [self.files[file_id] for file_id in ids if file_id in self.files]

    # -- messages ---------------------------------------------------------------------------------------------

    def add_message(self, channel: Channel, message: PostedMessage) -> None:
        """Put *message* into *channel*, under its parent when it is a reply."""
        channel.messages[message.ts] = message
        if message.is_reply and message.thread_ts in channel.messages:
            parent = channel.messages[message.thread_ts]
            message.parent_user_id = parent.user
            parent.thread_ts = parent.ts
            parent.replies.append(message.ts)
            if message.user not in parent.reply_users:
                parent.reply_users.append(message.user)
            parent.rendered = None
        self.touch(channel, message)

    def remove_message(self, channel: Channel, ts: str) -> PostedMessage | None:
        """Take a message away; one with replies leaves a tombstone until the last of them is gone, as in Slack."""
        message = channel.messages.get(ts)
        if message is None:
            return None
        if message.replies:
            message.subtype, message.text, message.user = "tombstone", "This message was deleted.", SLACKBOT
            message.blocks, message.files = [], []
        else:
            del channel.messages[ts]
            parent = channel.messages.get(message.thread_ts or "")
            if parent is not None and parent is not message:
                parent.replies.remove(ts)
                parent.rendered = None
                if not parent.replies:
                    parent.thread_ts = None
                    if parent.subtype == "tombstone":
                        self.remove_message(channel, parent.ts)
        self.touch(channel, message)
        if ts not in channel.messages:
            channel.removed[ts] = channel.version
        return message

    def add_ephemeral(self, user: User, channel: Channel, message: PostedMessage) -> bool:
        """
        Show *message* to *user* alone; False, and nobody sees it, where its thread has no replies.

        https://docs.slack.dev/reference/methods/chat.postEphemeral: in threads only where one is active already.
        """
        parent = channel.messages.get(message.thread_ts or "")
        seen = message.thread_ts is None or (parent is not None and (parent.is_reply or bool(parent.replies)))
        shown = self.ephemerals if seen else self.unseen
        shown.setdefault(user.id, []).append(Ephemeral(channel.id, message))
        self.touch()
        return seen

    def find_ephemeral(self, user: User, ts: str) -> Ephemeral | None:
        return next((item for item in self.ephemerals.get(user.id, []) if item.message.ts == ts), None)

    def remove_ephemeral(self, user: User, ts: str) -> None:
        self.ephemerals[user.id] = [item for item in self.ephemerals.get(user.id, []) if item.message.ts != ts]
        self.touch()


def time_in(zone: str) -> datetime:
    """The time now in an IANA zone."""
    return datetime.now(ZoneInfo(zone))
