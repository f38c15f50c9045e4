"""
Telnyx's list of opt-outs, made up from its documentation and from nothing of the desk's.

`GET /v2/messaging_optouts` with a key as bearer, else 401 with code 10009; `page[number]` from 1 and `page[size]` up to 250,
20 without, `filter[messaging_profile_id]`, `filter[from]`, `created_at[gte]`, `created_at[lte]` and `redaction_enabled`; any
other parameter is 400 with code 10015. The newest come first; `meta` counts pages and results. Whoever asks too often gets 429
with code 10011, here with Retry-After. https://developers.telnyx.com/api-reference/opt-out-management/list-opt-outs,
https://developers.telnyx.com/development/api-fundamentals/api-errors
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

KEY = "KEY0192A1B2C3D4E5F60718293A4B5C6D7_abcdefghijklmnopqrstuv"
_KNOWN = {"page[number]", "page[size]", "filter[messaging_profile_id]", "filter[from]"} | {
    "created_at[gte]",
    "created_at[lte]",
    "redaction_enabled",
}
_CODES = {400: "10015", 401: "10009", 403: "10010", 429: "10011"}


@dataclass
class TelnyxOptOuts:
    """
    The list, newest first, and every request for it. *most*: rows of a page. *faults*: of the next requests, a status.

    *turns*: a page as it is into another one. *hangs*: it never answers.
    """

    url: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    asked: list[web.Request] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    retry_after: str = "0"
    most: int = 250
    turns: Callable[[int, dict[str, Any]], Any] = lambda _number, page: page
    hangs: bool = False

    def add(self, phone: str, at: datetime | None = None, *, sender: str = "+13125550000", word: str = "STOP") -> None:
        """Somebody who opted out before all that are there."""
        created = "" if at is None else str(at)
        row = {"from": sender, "to": phone, "messaging_profile_id": "4001", "keyword": word, "created_at": created}
        self.rows.append(row)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        if self.hangs:
            await asyncio.Event().wait()
        if self.faults:
            status = self.faults.pop(0)
            return _error(status, {"Retry-After": self.retry_after} if status == 429 else None)
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return _error(401)
        query = request.query
        number, size = query.get("page[number]", "1"), query.get("page[size]", "20")
        if set(query) - _KNOWN or not (number.isdecimal() and size.isdecimal()):
            return _error(400)
        if not (
            int(number) >= 1 and 1 <= int(size) <= 250 and query.get("redaction_enabled") in (None, "true", "false")
        ):
            return _error(400)
        step = min(int(size), self.most)
        first = (int(number) - 1) * step
        page = {
            "data": self.rows[first : first + step],
            "meta": {
                "total_pages": -(-len(self.rows) // step),
                "total_results": len(self.rows),
                "page_number": int(number),
                "page_size": step,
            },
        }
        return web.json_response(self.turns(int(number), page))


def _error(status: int, headers: dict[str, str] | None = None) -> web.Response:
    told = {
        "code": _CODES.get(status, "10007"),
        "title": "x",
        "detail": "x",
        "meta": {"url": "https://developers.telnyx.com"},
    }
    return web.json_response({"errors": [told]}, status=status, headers=headers)


@asynccontextmanager
async def telnyx_opt_outs() -> AsyncIterator[TelnyxOptOuts]:
    """Such a Telnyx, listening for the length of the block."""
    telnyx = TelnyxOptOuts()
    app = web.Application()
    app.router.add_get("/v2/messaging_optouts", telnyx.answer)
    async with TestServer(app) as server:
        telnyx.url = str(server.make_url("/"))
        yield telnyx
