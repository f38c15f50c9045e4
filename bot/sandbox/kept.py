"""
What a workspace holds, kept in a file beside the app's database, so that its messages are there after a restart.

It is of one program and one person who tries the app, and bounded: the latest messages of each channel, and of files
those that are small. What is gone of a file is shown as Slack shows one that was deleted.
"""

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from bot.sandbox.workspace import Channel, Ephemeral, File, Notification, PostedMessage, Share, User, Workspace

log = logging.getLogger("bot.sandbox")

MOST_MESSAGES = 2_000  # of a channel, replies among them
MOST_ALONE = 200  # of what one person alone sees, and of notifications
MOST_BYTES_A_FILE = 200_000
MOST_BYTES = 5_000_000  # of all files
_FORMAT = 1
# Seconds in which more changes are waited for: a list's progress is written once, not once a message.
_PAUSE = 0.5
# Made anew at each look, or only for it.
_DRAWN = {"rendered", "version", "path"}


class KeptError(Exception):
    """The file cannot be used; the text is a sentence for the person."""


def kept_beside(database: Path) -> Path:
    """Where the workspace of *database*, a SQLite file, is kept."""
    return database.with_name(f"{database.name}.slack.json")


class Kept:
    """The workspace in the file *path*: `restore` reads it, and from `start` to `stop` each change is written."""

    def __init__(self, path: Path, workspace: Workspace, directory: Path) -> None:
        self._path = path
        self._workspace = workspace
        # Where the bytes of files are while the server runs.
        self._directory = directory
        self._writing: asyncio.Task[None] | None = None

    # -- at start ---------------------------------------------------------------------------------------------

    def restore(self) -> bool:
        """Put into the workspace what the file has; False when there is none. Raises `KeptError`."""
        try:
            told = json.loads(self._path.read_text(encoding="utf-8"))
            self._take(told)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise KeptError(f"{self._path} cannot be read: {error.strerror or 'it is refused'}.") from error
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise KeptError(
                f"{self._path} is not what this version writes there. Move it away; the messages in it are not shown then, "
                "and the opt-outs stay."
            ) from error
        return True

    def _take(self, told: dict[str, Any]) -> None:
        if told["format"] != _FORMAT:
            raise ValueError(f"format {told['format']}")
        # All of it is read before any of it is used: half a workspace would be none.
        users = {raw["id"]: User(**raw) for raw in told["users"]}
        channels = {raw["id"]: _channel(raw) for raw in told["channels"]}
        ephemerals = _alone(told["ephemerals"])
        notifications = {
            user: [Notification(**raw) for raw in theirs] for user, theirs in told["notifications"].items()
        }
        files = {raw["id"]: self._file(dict(raw)) for raw in told["files"]}
        workspace = self._workspace
        # Who or what this version has besides stays.
        workspace.users |= users
        workspace.channels |= channels
        workspace.files |= files
        workspace.ephemerals, workspace.notifications = ephemerals, notifications
        latest = max((ts for channel in channels.values() for ts in channel.messages), default="0.0")
        workspace.not_before(latest)
        workspace.redraw()

    def _file(self, raw: dict[str, Any]) -> File:
        content = raw.pop("content")
        shares = [Share(**share) for share in raw.pop("shares")]
        file = File(**raw, path=None, shares=shares)
        if content is None:
            file.deleted = True
        else:
            file.path = self._directory / file.id
            file.path.write_bytes(base64.b64decode(content, validate=True))
        return file

    # -- afterwards -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Write each change from now on."""
        self._writing = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Write what there is, and no more. What was never started writes nothing: another may be at work on the file."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing
            await self._write()

    async def _run(self) -> None:
        changes, written = self._workspace.changes, 0
        while True:
            await changes.after(written, 3600.0)
            await asyncio.sleep(_PAUSE)
            if changes.version > written:
                written = changes.version
                await _whole(self._write)

    async def _write(self) -> None:
        # Rendered here, where nothing changes meanwhile; the disk is waited for elsewhere.
        text = json.dumps(self._told())
        try:
            await asyncio.to_thread(self._replace, text)
        except OSError as error:
            # Whoever tries the app goes on doing so; it is the next start that lacks something.
            log.warning("messages are not kept: %s cannot be written (%s)", self._path.name, error.strerror)

    def _told(self) -> dict[str, Any]:
        workspace, room = self._workspace, MOST_BYTES
        files = []
        # The latest first: it is the old ones for which there is no room.
        for file in reversed([file for file in workspace.files.values() if file.complete]):
            small = not file.deleted and file.path is not None and file.size <= min(room, MOST_BYTES_A_FILE)
            content = None
            if small and file.path is not None:
                with suppress(OSError):
                    content = base64.b64encode(file.path.read_bytes()).decode()
                    room -= file.size
            files.append(_plain(file) | {"content": content})
        return {
            "format": _FORMAT,
            "users": [_plain(user) for user in workspace.users.values()],
            "channels": [_latest(channel) for channel in workspace.channels.values()],
            "ephemerals": {
                user: [{"channel": item.channel, "message": _plain(item.message)} for item in theirs[-MOST_ALONE:]]
                for user, theirs in workspace.ephemerals.items()
            },
            "notifications": {
                user: [asdict(item) for item in theirs[-MOST_ALONE:]]
                for user, theirs in workspace.notifications.items()
            },
            "files": list(reversed(files)),
        }

    def _replace(self, text: str) -> None:
        # A power cut leaves the one from before. It has phones in it: nobody else reads it.
        beside = self._path.with_name(f"{self._path.name}.new")
        beside.touch(mode=0o600)
        beside.write_text(text, encoding="utf-8")
        beside.replace(self._path)


async def _whole(write: Callable[[], Awaitable[None]]) -> None:
    """Have *write* end also when this is cancelled, so that no two write at once."""
    task = asyncio.ensure_future(write())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise


def _plain(item: User | Channel | PostedMessage | File) -> dict[str, Any]:
    """The fields of *item* as JSON has them, without what is only drawn from them."""
    return {name: value for name, value in asdict(item).items() if name not in _DRAWN}


def _latest(channel: Channel) -> dict[str, Any]:
    """The channel with its latest messages; a reply comes with its parent, or not at all."""
    kept = set(list(channel.messages)[-MOST_MESSAGES:])
    kept -= {ts for ts in kept if (parent := channel.messages[ts].thread_ts) is not None and parent not in kept}
    messages = [_plain(message) for ts, message in channel.messages.items() if ts in kept]
    for message in messages:
        message["replies"] = [ts for ts in message["replies"] if ts in kept]
    names = [field.name for field in fields(Channel) if field.name not in {*_DRAWN, "messages", "removed"}]
    return {name: getattr(channel, name) for name in names} | {"messages": messages}


def _channel(raw: dict[str, Any]) -> Channel:
    messages = [PostedMessage(**message) for message in raw["messages"]]
    return Channel(**(raw | {"messages": {message.ts: message for message in messages}}))


def _alone(raw: dict[str, list[dict[str, Any]]]) -> dict[str, list[Ephemeral]]:
    return {
        user: [Ephemeral(item["channel"], PostedMessage(**item["message"])) for item in theirs]
        for user, theirs in raw.items()
    }
