"""A receiver of webhooks, as far sides are: it keeps what it is told, and fails as it is bid."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """
    What came, and the copy of the list that a receiver makes of it. *answers*: of the next messages; then 204.

    It takes a message when its answer is a 2xx, also where `loses` says of its number that the answer is lost. What comes late
    is known by `as_of`, as docs/webhooks.md asks.
    """

    url: str = ""
    secret: str = ""
    got: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    loses: Callable[[int], bool] = lambda _number: False
    copy: dict[str, bool] = field(default_factory=dict)
    as_of: dict[str, int] = field(default_factory=dict)
    verified: int = 0

    @property
    def opted_out(self) -> set[str]:
        return {phone for phone, is_out in self.copy.items() if is_out}

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.got.append((request.headers.copy(), body))
        if self.answers:
            answer = await self.answers.pop(0)(request)
            if answer.status >= 300:
                return answer
        else:
            answer = web.Response(status=204)
        self._keep(request.headers, body)
        if self.loses(len(self.got)) and request.transport is not None:
            request.transport.abort()
        return answer

    def _keep(self, headers: Mapping[str, str], body: bytes) -> None:
        told: dict[str, Any] = json.loads(body)
        if self.secret:
            Webhook(self.secret).verify(body, dict(headers))
            self.verified += 1
        for one in told["data"].get("phones", ()):
            phone, as_of = one["phone"], told["data"]["as_of"]
            if as_of >= self.as_of.get(phone, 0):
                self.copy[phone], self.as_of[phone] = one["opted_out"], as_of


def says(status: int, **headers: str) -> Answer:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(
            status=status, text="no room", headers={name.replace("_", "-"): value for name, value in headers.items()}
        )

    return answer


async def hangs(_request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def is_endless(request: web.Request) -> web.StreamResponse:
    """A 200 whose body never ends."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    try:
        while True:
            await answer.write(b"x" * 65_536)
    except ConnectionError:
        return answer


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens on this machine while the block runs."""
    receiver = Receiver()
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/hook", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
