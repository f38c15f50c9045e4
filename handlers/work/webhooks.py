"""
Webhooks: messages to a destination's address, signed as Standard Webhooks says, and what came back.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md. Whoever gives the address does not
get to see what is near the desk: each connection is made to an address that was looked at, whatever a name leads to.
"""

import hashlib
import json
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
from standardwebhooks import Webhook

from handlers.work.download import is_public
from handlers.work.senders import Answered, wait_of
from store import ChangesPage, Destination, StoreError, checked_address

# The specification asks for 15 to 30.
TIMEOUT_SECONDS: Final = 20.0
# Of an answer's body: enough to show what the other side means.
_MOST_READ: Final = 1_000
CHANGED: Final = "optouts.changed"
TEST: Final = "optouts.test"


class _NotPublicError(OSError):
    """An address that leads to the desk's own network."""


class WebhookSender:
    """
    Sends. *allows_private*: addresses of the desk's own network too, and without TLS, for a sandbox.

    *clock*: seconds since 1970. Receivers take what was signed minutes ago, or by another clock, for something kept and sent again.
    """

    # In one message; some 80 kB.
    most_phones = 1_000

    def __init__(
        self, clock: Callable[[], float] = time.time, *, allows_private: bool, seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._clock = clock
        self._allows_private = allows_private
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    def why_not(self, address: str) -> str | None:
        try:
            address = checked_address(address)
        except StoreError as error:
            return str(error)
        if self._allows_private or address.startswith("https://"):
            return None
        return "Give an address that begins with https://."

    async def send_page(self, destination: Destination, page: ChangesPage) -> Answered:
        """As of a `Sender`. A page that was not taken has the same id again, so that what came through all the same is known there."""
        phones = [
            {"phone": one.phone, "opted_out": one.opted_out, "since": None if one.since is None else _text(one.since)}
            for one in page.phones
        ]
        place = f"{destination.cursor} {destination.taken_at}"
        return await self._send(destination, CHANGED, {"as_of": page.as_of, "phones": phones}, place)

    async def send_test(self, destination: Destination) -> Answered:
        return await self._send(destination, TEST, {"name": destination.name}, f"{self._clock()}")

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(self, destination: Destination, kind: str, data: dict[str, Any], place: str) -> Answered:
        if self.why_not(destination.address) is not None:
            return Answered("its address does not begin with https://")
        told, at = json.dumps(data, separators=(",", ":")), datetime.fromtimestamp(self._clock(), UTC)
        message = f"msg_{hashlib.sha256(f'{destination.id} {place} {told}'.encode()).hexdigest()[:32]}"
        body = f'{{"type":"{kind}","timestamp":"{_text(at)}","data":{told}}}'
        headers = {
            "content-type": "application/json",
            "user-agent": "Opt-Out Desk",
            "webhook-id": message,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(destination.secret).sign(message, at, body),
        }
        try:
            async with self._open().post(
                destination.address, data=body.encode(), headers=headers, allow_redirects=False
            ) as answer:
                said = await answer.content.read(_MOST_READ)
                # What it has to say beyond that is not waited for.
                answer.close()
                return _judged(answer, said.decode(errors="replace"))
        except _NotPublicError:
            return Answered(PRIVATE)
        except TimeoutError:
            return Answered(f"it did not answer within {self._seconds:g} seconds")
        except aiohttp.ClientConnectorError as error:
            is_private = isinstance(error.os_error, _NotPublicError)
            return Answered(PRIVATE if is_private else "no connection to it can be made")
        except aiohttp.InvalidURL:
            return Answered("its address cannot be used")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Answered(f"the connection to it broke ({type(error).__name__})")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(socket_factory=self._socket, use_dns_cache=False),
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session

    def _socket(self, found: Any) -> socket.socket:
        """The socket to the address that a name led to, which is the one that is connected to."""
        family, kind, protocol, _, where = found
        if not self._allows_private and not is_public(where[0]):
            raise _NotPublicError(PRIVATE)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


PRIVATE: Final = "its address leads into the desk's own network, where nothing is passed on to"


def _judged(answer: aiohttp.ClientResponse, body: str) -> Answered:
    """What the *answer* says: a 2xx is a yes, whatever stands in it."""
    status = answer.status
    if 200 <= status < 300:
        return Answered(None, status, body=body)
    if 300 <= status < 400:
        problem = f"it leads elsewhere ({status}), and is not followed: give the address where it leads"
    elif status == 410:
        problem = "it said that it wants nothing any more (410)"
    else:
        problem = f"it answered {status}"
    return Answered(problem, status, wait_of(answer.headers.get("retry-after", "")), body)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
