"""
Twilio's list of messages, made up from its documentation and from nothing of the desk's.

Basic authentication with account SID and auth token, 401 with code 20003 else; the account of the path is its own, 404 with
code 20404 else (https://www.twilio.com/docs/usage/requests-to-twilio, https://www.twilio.com/docs/api/errors). The list takes
`To`, `From`, `DateSent`, `DateSent<`, `DateSent>` as YYYY-MM-DD in GMT, `PageSize` up to 1,000, 50 without, `Page` and
`PageToken`; newest first; `next_page_uri`, null at the end, begins at the host's root and goes on where the page ended,
whatever came in since (https://www.twilio.com/docs/messaging/api/message-resource#read-multiple-message-resources,
https://www.twilio.com/docs/usage/twilios-response#response-formats-list-paging-information). Dates are RFC 2822 in GMT. Whoever
asks too often gets 429 with code 20429 (https://www.twilio.com/docs/api/errors/20429), here with Retry-After.
"""

import base64
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from aiohttp.test_utils import TestServer

ACCOUNT = "AC" + "0a" * 16
TOKEN = "5ecre7" * 5 + "aa"
_KNOWN = {"To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken"}
_ERRORS = {
    400: (20001, "Bad request"),
    401: (20003, "Authenticate"),
    404: (20404, "Not found"),
    429: (20429, "Too Many Requests"),
}


@dataclass(slots=True)
class TwilioApi:
    """The list, and every request for it. `faults`: statuses that the next requests get instead."""

    url: str = ""
    token: str = TOKEN
    messages: list[dict[str, Any]] = field(default_factory=list)
    asked: list[web.Request] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    most: int = 1_000

    def add(
        self, number: int, sent: datetime, text: str = "STOP", *, sender: str = "", direction: str = "inbound"
    ) -> str:
        """A message that was sent at that moment; its SID."""
        sid = f"SM{number:032x}"
        self.messages.append(
            {
                "account_sid": ACCOUNT,
                "api_version": "2010-04-01",
                "body": text,
                "date_created": format_datetime(sent),
                "date_sent": format_datetime(sent),
                "date_updated": format_datetime(sent),
                "direction": direction,
                "error_code": None,
                "error_message": None,
                "from": sender or f"+1212555{number:04}",
                "messaging_service_sid": None,
                "num_media": "0",
                "num_segments": "1",
                "price": None,
                "price_unit": "USD",
                "sid": sid,
                "status": "received" if direction == "inbound" else "delivered",
                "subresource_uris": {"media": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}/Media.json"},
                "to": "+13125550000",
                "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json",
            }
        )
        return sid

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        if self.faults:
            return _error(self.faults.pop(0))
        expected = base64.b64encode(f"{ACCOUNT}:{self.token}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {expected}":
            return _error(401)
        if request.match_info["account"] != ACCOUNT:
            return _error(404)
        query = request.query
        size = query.get("PageSize", "50")
        if set(query) - _KNOWN or len(set(query)) < len(query) or not size.isdecimal() or not 1 <= int(size) <= 1_000:
            return _error(400)
        days = {name: day for name, day in query.items() if name.startswith("DateSent")}
        if not all(re.fullmatch(r"\d{4}-\d\d-\d\d", day) for day in days.values()):
            return _error(400)
        return self._page(query, days, min(int(size), self.most))

    def _page(self, query: Any, days: dict[str, str], size: int) -> web.Response:
        def listed(message: dict[str, Any]) -> bool:
            day = _sent(message).astimezone(UTC).date().isoformat()
            return (
                days.get("DateSent", day) == day
                and days.get("DateSent<", day) >= day
                and days.get("DateSent>", day) <= day
                and query.get("To", message["to"]) == message["to"]
                and query.get("From", message["from"]) == message["from"]
            )

        found = sorted(filter(listed, self.messages), key=_sent, reverse=True)
        # As the token of a page: the last message of the one before, so that what comes in meanwhile moves nothing.
        sids = [message["sid"] for message in found]
        begin = sids.index(query["PageToken"].removeprefix("PA")) + 1 if "PageToken" in query else 0
        shown, left = found[begin : begin + size], len(found) > begin + size
        number = int(query.get("Page", "0"))
        kept = {name: value for name, value in query.items() if name not in {"Page", "PageToken"}}
        path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        following = kept | {"Page": str(number + 1), "PageToken": f"PA{shown[-1]['sid']}"} if left else None
        return web.json_response(
            {
                "first_page_uri": f"{path}?{urlencode(kept | {'Page': '0'})}",
                "end": begin + len(shown) - 1,
                "next_page_uri": f"{path}?{urlencode(following)}" if following else None,
                "page": number,
                "page_size": size,
                "previous_page_uri": None,
                "messages": shown,
                "start": begin,
                "uri": f"{path}?{urlencode(dict(query))}",
            }
        )


def days_asked(requests: Sequence[web.Request]) -> list[str]:
    """The days for which the list was asked, page by page."""
    return [request.query["DateSent"] for request in requests]


def _sent(message: dict[str, Any]) -> datetime:
    return datetime.strptime(message["date_sent"], "%a, %d %b %Y %H:%M:%S %z")


def _error(status: int) -> web.Response:
    code, message = _ERRORS.get(status, (20500, "Internal Server Error"))
    told = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(told, status=status, headers={"Retry-After": "7"} if status == 429 else None)


@asynccontextmanager
async def twilio_api() -> AsyncIterator[TwilioApi]:
    """Such a Twilio, listening for the length of the block."""
    twilio = TwilioApi()
    app = web.Application()
    app.router.add_get("/2010-04-01/Accounts/{account}/Messages.json", twilio.answer)
    async with TestServer(app) as server:
        twilio.url = str(server.make_url("/"))
        yield twilio
