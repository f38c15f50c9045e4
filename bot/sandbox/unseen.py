"""
Increments of the state for a page: only what it has not seen yet.

A page keeps what it was told, so that one more message costs one message, however many there are: at first it gets the
latest messages of each channel, then what changed, and earlier ones when it asks.
"""

import json
import secrets

from bot.sandbox.state import StateView
from bot.sandbox.workspace import Channel, PostedMessage, Workspace

LATEST = 100  # messages of a channel, and replies of a thread, that are told unasked or at once


class Unseen:
    """Renders `GET /sandbox/changes` and `GET /sandbox/earlier` as JSON text."""

    def __init__(self, workspace: Workspace, state: StateView) -> None:
        self._workspace = workspace
        self._state = state
        # A page that outlives the server has a cursor of another run, and starts anew.
        self._run = secrets.token_hex(4)
        self._parts: dict[str, tuple[int, str]] = {}

    def since(self, cursor: str | None) -> str:
        """What changed since *cursor*, and the next one; everything there is to start with when it is none of ours."""
        version = self._workspace.changes.version
        run, _, known = (cursor or "").partition(".")
        seen = int(known) if run == self._run and known.isdigit() else None
        parts = {"cursor": json.dumps(f"{self._run}.{version}"), "whole": json.dumps(seen is None)}
        for name, text in self._rendered_parts().items():
            if self._parts.get(name, (0, ""))[1] != text:
                self._parts[name] = (version, text)
            if seen is None or self._parts[name][0] > seen:
                parts[name] = text
        channels = [
            self._channel(channel, seen)
            for channel in self._workspace.channels.values()
            if seen is None or channel.version > seen
        ]
        parts["channels"] = f"[{','.join(channels)}]"
        return f"{{{','.join(f'{json.dumps(name)}: {text}' for name, text in parts.items())}}}"

    def earlier(self, channel: Channel, before: str, *, reach: str | None = None, thread: str | None = None) -> str:
        """
        The messages (of *thread*: the replies) next before *before*, oldest first, and whether there are more.

        With *reach* it goes back as far as that message.
        """
        parent = channel.messages.get(thread) if thread else None
        if parent is not None:
            there = [message for message in self._workspace.replies(channel, parent) if message.ts < before]
        else:
            there = [message for message in _parents(channel) if message.ts < before]
        start = max(0, len(there) - LATEST)
        while reach is not None and start > 0 and there[start].ts > reach:
            start -= 1
        texts = (self._state.reply(one) if parent else self._message(channel, one) for one in there[start:])
        return f'{{"ok": true, "earlier": {json.dumps(start > 0)}, "messages": [{",".join(texts)}]}}'

    def _rendered_parts(self) -> dict[str, str]:
        parts = self._state.parts()
        for name in ("ephemerals", "notifications"):
            parts[name] = {handle: items[-LATEST:] for handle, items in parts[name].items()}
        # A page shows what somebody sees; of the rest the traffic tells.
        del parts["unseen"]
        return {name: json.dumps(part) for name, part in parts.items()}

    def _channel(self, channel: Channel, seen: int | None) -> str:
        parents = _parents(channel)
        changed = parents if seen is None else [message for message in parents if message.version > seen]
        about = self._state.about(channel)
        if seen is None or len(changed) > LATEST:
            # The page forgets what it had of this channel, or it would have a gap.
            changed = parents[-LATEST:]
            about |= {"whole": True, "earlier": len(parents) > LATEST}
        else:
            about["removed"] = [ts for ts, version in channel.removed.items() if version > seen]
        messages = ",".join(self._message(channel, message) for message in changed)
        return f'{json.dumps(about)[:-1]}, "messages": [{messages}]}}'

    def _message(self, channel: Channel, message: PostedMessage) -> str:
        return self._state.message(channel, message, latest=LATEST)


def _parents(channel: Channel) -> list[PostedMessage]:
    return [message for message in channel.messages.values() if not message.is_reply]
