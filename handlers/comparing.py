"""`/optout compare telnyx`: the list of who opted out there is read by its API, and compared as if somebody had dropped it."""

import asyncio
from collections.abc import Callable
from typing import Any

from handlers.slack.channels import why_unusable
from handlers.slack.messages import Message
from handlers.slack.payloads import idempotency_key_of
from handlers.slack.places import Request
from handlers.views import scrubs as views
from handlers.work.telnyx_list import TelnyxError, TelnyxList, hook_to_read
from store import Asked, Choices, NewFile, Store

NAME = "telnyx.csv"


class Comparing:
    """The answer of that command. *most_bytes* of a list; *poke*: has it begun at once."""

    def __init__(self, store: Store, telnyx: TelnyxList, poke: Callable[[], object], *, most_bytes: int) -> None:
        self._store = store
        self._telnyx = telnyx
        self._poke = poke
        self._most_bytes = most_bytes

    async def with_telnyx(self, name: str, request: Request, body: dict[str, Any]) -> Message:
        """Read the list by the hook called *name*, or the only one, and have it compared in the channel."""
        account = request.account
        hook = hook_to_read(await asyncio.to_thread(self._store.hooks.list_of, account.id), name)
        if (why := await why_unusable(request.client, request.channel_id, own=True)) is not None:
            return Message.of(f"The comparison is shown where you ask for it. {why}", private=True)
        most = min(self._most_bytes, account.settings.max_list_bytes or self._most_bytes)
        file = await asyncio.to_thread(self._store.sent_files.new, account.id)
        created = False
        try:
            await self._read(hook.api_key or "", file, most)
            _, created = await asyncio.to_thread(
                self._store.uploads.receive,
                account.id,
                file_id=file.id,
                file_name=NAME,
                channel_id=request.channel_id,
                channel_name=request.channel_name,
                thread_ts=None,
                permalink=None,
                actor=request.actor,
                country=account.country,
                size=file.size,
                choices=Choices(asked=Asked.COMPARE),
                idempotency_key=idempotency_key_of(body),
            )
        finally:
            if not created:
                await asyncio.to_thread(file.discard)
        self._poke()
        return views.read_at_telnyx(hook, request.actor)

    async def _read(self, api_key: str, file: NewFile, most: int) -> None:
        """The list into *file*. Raises `TelnyxError` for one of more than *most* bytes too."""
        async for piece in self._telnyx.read(api_key):
            if file.size + len(piece) > most:
                raise TelnyxError(
                    f"Telnyx's list is larger than the {most / 1_000_000:,.4g} MB that are read at a time. An admin can allow more "
                    "in `/optout settings`, as far as whoever runs the desk does."
                )
            await asyncio.to_thread(file.add, piece)
