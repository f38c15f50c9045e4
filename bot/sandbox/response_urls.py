"""Response URLs: five answers within thirty minutes, also where the bot is not a member."""

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bot.sandbox.blocks import completed, problems_of
from bot.sandbox.errors import SlackError
from bot.sandbox.feed import Feed
from bot.sandbox.workspace import Channel, PostedMessage, User

MOST_USES = 5
LIFE = 1800.0  # seconds


@dataclass(slots=True)
class ResponseUrl:
    """Where one command or click may be answered. `ts` is the message clicked on, if any."""

    user: str
    channel: str
    made: float
    ts: str | None = None
    thread_ts: str | None = None
    uses: int = 0


class ResponseUrls:
    """Hands out response URLs and takes what the app posts to them."""

    def __init__(self, feed: Feed, *, speed: float) -> None:
        self._feed = feed
        self._life = LIFE / speed
        self._known: dict[str, ResponseUrl] = {}

    def new(self, kind: str, user: User, channel: Channel, *, message: PostedMessage | None = None) -> str:
        """A URL of *kind* `commands`, `actions` or `app` for what *user* just did."""
        self._forget_old()
        secret = f"{secrets.randbelow(10**12)}/{secrets.token_urlsafe(18)}"
        self._known[secret] = ResponseUrl(
            user=user.id,
            channel=channel.id,
            made=time.monotonic(),
            ts=message.ts if message else None,
            thread_ts=message.thread_ts if message else None,
        )
        return f"{self._feed.base_url}/{kind}/{self._feed.workspace.team_id}/{secret}"

    def _forget_old(self) -> None:
        """Drop the oldest, but long after they expired: until then they answer `expired_url`."""
        long_ago = time.monotonic() - 2 * self._life - 60
        while self._known and (oldest := next(iter(self._known))) and self._known[oldest].made < long_ago:
            del self._known[oldest]

    async def receive(self, request: web.Request) -> web.Response:
        """Take one POST; answers `ok`, or 404 with `used_url` or `expired_url`."""
        where = self._known.get(f"{request.match_info['number']}/{request.match_info['secret']}")
        if where is None:
            return web.json_response({"ok": False, "error": "invalid_url"}, status=404)
        try:
            body = json.loads(await request.text())
        except ValueError:
            return web.Response(status=400, text="invalid_payload")
        if not isinstance(body, dict):
            return web.Response(status=400, text="invalid_payload")
        if time.monotonic() - where.made > self._life:
            return web.json_response({"ok": False, "error": "expired_url"}, status=404)
        if where.uses >= MOST_USES:
            return web.json_response({"ok": False, "error": "used_url"}, status=404)
        try:
            self.show(where, body)
        except SlackError as error:
            return web.json_response(error.answer(), status=400)
        where.uses += 1
        return web.Response(text="ok")

    def acknowledged_with(self, user: User, channel: Channel, body: Any) -> None:
        """Show what an acknowledgement's body says, as the first answer to a command."""
        if isinstance(body, dict) and (body.get("text") or body.get("blocks")):
            self.show(ResponseUrl(user=user.id, channel=channel.id, made=0.0), body)

    def show(self, where: ResponseUrl, body: dict[str, Any]) -> None:
        """Post, replace or delete as *body* asks."""
        workspace, app = self._feed.workspace, self._feed.app
        user, channel = workspace.users[where.user], workspace.channels[where.channel]
        ephemeral = workspace.find_ephemeral(user, where.ts) if where.ts else None
        if body.get("delete_original") is True and where.ts:
            if ephemeral is not None:
                workspace.remove_ephemeral(user, where.ts)
            else:
                self._feed.delete(channel, where.ts)
            return
        blocks = _checked(body)
        text = str(body.get("text") or "")
        original = ephemeral.message if ephemeral else channel.messages.get(where.ts or "")
        if body.get("replace_original") is True and original is not None:
            previous = self._feed.message_object(original)
            original.text, original.blocks = text, blocks
            if ephemeral is not None:
                workspace.touch()
            else:
                self._feed.edit(channel, original, app.bot_user_id, previous)
            return
        thread_ts = body.get("thread_ts") or (where.thread_ts if where.thread_ts and where.ts else None)
        message = PostedMessage(
            ts=workspace.new_ts(),
            user=app.bot_user_id,
            text=text,
            blocks=blocks,
            bot_id=app.bot_id,
            thread_ts=str(thread_ts) if thread_ts else None,
        )
        if body.get("response_type") == "in_channel":
            self._feed.post(channel, message)
        else:
            workspace.add_ephemeral(user, channel, message)


def _checked(body: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = body.get("blocks") or []
    problems = problems_of(blocks, "message")
    if problems:
        raise SlackError("invalid_blocks", response_metadata={"messages": [f"[ERROR] {text}" for text in problems]})
    if not blocks and not body.get("text") and not body.get("attachments"):
        raise SlackError("no_text")
    return completed(blocks)
