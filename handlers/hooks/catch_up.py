"""
The catch-up: what came in at Twilio while its webhook did not reach the desk, read from Twilio's own list of messages.

Twilio gives a webhook up after a few tries. So at the start, and every few minutes, the list is read since the moment up to
which all is known, by whichever replica has the lease. Each day's messages are heard in the order in which they came: a
STOP after a START is another wish than a START after a STOP. What came by the webhook already is known by its id.

Rules of the list: https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources (filtered by a
day of GMT, `DateSent`; newest first; up to 1,000 a page, `next_page_uri` names the next),
https://www.twilio.com/docs/usage/requests-to-twilio (basic authentication with account SID and auth token) and
https://www.twilio.com/docs/api/errors/20429 (429 when it is asked too often).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final

import aiohttp
import structlog

from handlers.hooks.incoming import IncomingMessage, Unreadable, incoming_message
from handlers.hooks.receiving import hear_all
from handlers.loops import Loop
from handlers.tasks import Tasks
from store import DueHook, Hook, HookKind, Store, StoreError

log = structlog.get_logger()
# Within which a message that came in is in the list, and by which Twilio's clock may differ.
OVERLAP: Final = timedelta(minutes=10)
LEASE_SECONDS: Final = 60.0
# Between two looks whether a list is due to be read.
_LOOK_SECONDS: Final = 15.0
# After trouble, where Twilio does not say when to come again.
_AGAIN_SECONDS: Final = 60.0
PAGE: Final = 1_000
# Bytes of a page: a message has two thousand, with a text of the longest.
_LARGEST_PAGE: Final = 16_000_000
_LIMITS: Final = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)
# Messages that are heard before it is asked whether the desk stops.
_AT_ONCE: Final = 50
# What Twilio answers where somebody has to do something, in words; all else may be right the next time.
_REFUSED: Final = {
    401: "Twilio refuses the account SID or the auth token: make the hook anew with those that its console shows",
    403: "Twilio does not let this auth token read messages: take the account's own",
    404: "Twilio knows no such account: make the hook anew with the account SID that its console shows",
}


class _Trouble(Exception):  # noqa: N818  a state of the far side
    """Twilio's list cannot be read now. Its text says why; *seconds*: when it may be tried again, where Twilio says."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds


class CatchUp:
    """
    The loop that reads what came in at Twilio, of every hook in every *seconds*.

    *api_url*: where Twilio's API is. *owner*: of the leases.
    """

    def __init__(self, store: Store, tasks: Tasks, *, api_url: str, seconds: float, owner: str) -> None:
        self._store = store
        self._tasks = tasks
        self._api_url = api_url.rstrip("/")
        self._seconds = seconds
        self._owner = owner
        self._began = False
        self.loop = Loop("catch-up", self._look, tasks, every=min(seconds, _LOOK_SECONDS))

    async def _look(self) -> bool:
        if not self._began:
            await asyncio.to_thread(self._store.hooks.look_again)
            self._began = True
        return await self.read_due() > 0

    async def read_due(self) -> int:
        """Read every list that is due and that nobody else reads; how many there were."""
        read = 0
        claim = partial(self._store.hooks.claim, owner=self._owner, lease_seconds=LEASE_SECONDS)
        while not self.loop.stopping and (due := await asyncio.to_thread(claim)) is not None:
            await self._catch_up(due)
            read += 1
        return read

    async def _catch_up(self, due: DueHook) -> None:
        """Read the list of one hook, and give it back until the next time, whatever comes of it."""
        trouble, seconds = None, self._seconds
        renew = partial(self._store.hooks.renew, due, LEASE_SECONDS)
        try:
            async with self._tasks.keep_lease(renew, LEASE_SECONDS, name="catch-up"):
                await self._read(due)
        except _Trouble as error:
            trouble, seconds = str(error), error.seconds or min(self._seconds, _AGAIN_SECONDS)
            log.warning("Twilio's list cannot be read", hook=due.hook.id, why=trouble, wait=round(seconds))
        finally:
            back = partial(self._store.hooks.give_back, due, seconds=seconds, trouble=trouble)
            await self._tasks.give_back(back)

    async def _read(self, due: DueHook) -> None:
        """Hear, day by day, what came in since the hook was caught up. Raises `_Trouble`."""
        hook, began = due.hook, await asyncio.to_thread(self._store.now)
        assert hook.caught_up_to is not None  # noqa: S101  it is Twilio's
        after = hook.caught_up_to - OVERLAP
        day = after.astimezone(UTC).date()
        credentials = aiohttp.encode_basic_auth(hook.provider_account or "", hook.secret)
        async with aiohttp.ClientSession(headers={"Authorization": credentials}, timeout=_LIMITS) as session:
            while day <= began.date():
                messages = await self._of_day(session, hook, day, after)
                for first in range(0, len(messages), _AT_ONCE):
                    if self.loop.stopping:
                        return
                    await asyncio.to_thread(self._hear, hook, messages[first : first + _AT_ONCE])
                day += timedelta(days=1)
                to = min(began, datetime.combine(day, datetime.min.time(), UTC))
                if to > hook.caught_up_to:
                    await asyncio.to_thread(self._store.hooks.note_caught_up, due, to)

    def _hear(self, hook: Hook, messages: list[IncomingMessage]) -> None:
        missed = 0
        for heard in hear_all(self._store, hook, messages):
            if isinstance(heard, StoreError):
                raise heard
            missed += not heard.again
        if missed:
            log.info("replies came by the catch-up", hook=hook.id, count=missed)

    async def _of_day(
        self, session: aiohttp.ClientSession, hook: Hook, day: date, after: datetime
    ) -> list[IncomingMessage]:
        """What came in on *day*, but not before *after*, the oldest first."""
        messages: list[IncomingMessage] = []
        async for page in self._pages(session, hook, day):
            for one in page:
                sent = _moment(one.get("date_sent"))
                if sent is None or one.get("direction") != "inbound":
                    continue
                if sent < after:
                    messages.reverse()
                    return messages
                if (message := _message_of(one, sent)) is not None:
                    messages.append(message)
        messages.reverse()
        return messages

    async def _pages(
        self, session: aiohttp.ClientSession, hook: Hook, day: date
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """The messages of *day*, in and out, page by page. Raises `_Trouble`."""
        path = f"/2010-04-01/Accounts/{hook.provider_account}/Messages.json"
        uri: Any = f"{path}?DateSent={day.isoformat()}&PageSize={PAGE}"
        while uri is not None:
            # The password goes along: it is for nobody but Twilio.
            if not isinstance(uri, str) or not uri.startswith(f"{path}?"):
                raise _Trouble("Twilio's answer names a next page that is not its own")
            page = await self._page(session, uri)
            yield [one for one in page["messages"] if isinstance(one, dict)]
            uri = page.get("next_page_uri")

    async def _page(self, session: aiohttp.ClientSession, uri: str) -> dict[str, Any]:
        try:
            async with session.get(f"{self._api_url}{uri}", allow_redirects=False) as answer:
                if answer.status != 200:
                    why = _REFUSED.get(answer.status, f"Twilio answers {answer.status}")
                    raise _Trouble(why, _seconds(answer.headers.get("Retry-After")))
                body = bytearray()
                async for part in answer.content.iter_any():
                    body += part
                    if len(body) > _LARGEST_PAGE:
                        raise _Trouble("Twilio's answer is larger than any of its pages")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise _Trouble(f"Twilio cannot be reached ({type(error).__name__})") from None
        try:
            page = json.loads(body)
        except (ValueError, RecursionError):
            page = None
        if not isinstance(page, dict) or not isinstance(page.get("messages"), list):
            raise _Trouble("Twilio's answer is no list of messages")
        return page


def _message_of(one: dict[str, Any], sent: datetime) -> IncomingMessage | None:
    match one:
        case {"sid": str(message), "from": str(sender), "to": str(receiver)}:
            text = one.get("body")
            try:
                return incoming_message(
                    HookKind.TWILIO, message, sender, receiver, text if isinstance(text, str) else "", sent
                )
            except Unreadable:
                pass
    return None


def _moment(text: Any) -> datetime | None:
    """The moment in *text*, as RFC 2822 has it, with seconds; None for one that is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() and len(retry_after) < 6 else None
