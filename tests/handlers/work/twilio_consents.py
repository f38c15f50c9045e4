"""
Twilio's Consent Management API, made up from its documentation and from nothing of the desk's.

`POST /v1/Consents/Bulk`, a form in which each `Items` is an object in JSON, up to 25; answered with 201 and one item
for each `correlation_id`, `error_code` 0 or 30646 with `error_messages`; what was there is overwritten; 100 requests a
minute, else 429 (https://www.twilio.com/docs/messaging/features/consent-api, and its description in
https://github.com/twilio/twilio-oai/blob/main/spec/json/twilio_accounts_v1.json). What each field may hold, and the
message for what it may not: https://www.twilio.com/docs/api/errors/30646. Basic authentication with account SID and
auth token or with an API key's SID and secret, 401 with code 20003 else
(https://www.twilio.com/docs/usage/requests-to-twilio).
"""

import base64
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.handlers.work.receiver import Answer

ACCOUNT = "AC" + "0a" * 16
TOKEN = "5ecre7" * 5 + "aa"
KEY, KEY_SECRET = "SK" + "0d" * 16, "aB3" * 10 + "xY"
SERVICE = "MG" + "0b" * 16
_KNOWN = {
    f"Basic {base64.b64encode(f'{login}:{secret}'.encode()).decode()}"
    for login, secret in ((ACCOUNT, TOKEN), (KEY, KEY_SECRET))
}
_FIELDS = {"contact_id", "correlation_id", "sender_id", "status", "source", "date_of_consent"}
_SOURCES = {"website", "offline", "opt-in-message", "opt-out-message", "others"}


@dataclass(slots=True)
class TwilioConsents:
    """
    The consents, by sender and contact, and every request. *answers*: of the next requests, in place of Twilio's own.

    *refuses*: what is wrong with a contact; *loses*: whether the answer to the request of that number is lost;
    *senders*: those that the account has.
    """

    url: str = ""
    held: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)
    told: list[list[dict[str, Any]]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    refuses: Callable[[str], str | None] = lambda _contact: None
    loses: Callable[[int], bool] = lambda _number: False
    senders: set[str] = field(default_factory=lambda: {SERVICE, "+13125550000"})
    at_work: int = 0
    most_at_once: int = 0

    @property
    def opted_out(self) -> set[str]:
        """The contacts that are out of `SERVICE`."""
        return {
            contact for (sender, contact), one in self.held.items() if sender == SERVICE and one["status"] == "opt-out"
        }

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.at_work += 1
        self.most_at_once = max(self.most_at_once, self.at_work)
        try:
            form = await request.post()
            if self.answers:
                return await self.answers.pop(0)(request)
            return self._answer(request, form)
        finally:
            self.at_work -= 1

    def _answer(self, request: web.Request, form: Any) -> web.Response:
        if request.headers.get("Authorization") not in _KNOWN:
            return error(401, 20003, "Authenticate")
        if request.content_type != "application/x-www-form-urlencoded" or set(form) != {"Items"}:
            return error(400, 20001, "Bad request")
        try:
            items = [json.loads(text) for text in form.getall("Items")]
        except ValueError:
            return error(400, 20001, "Bad request")
        if not 1 <= len(items) <= 25 or not all(isinstance(item, dict) and set(item) <= _FIELDS for item in items):
            return error(400, 20001, "Bad request")
        self.told.append(items)
        seen: set[str] = set()
        results = []
        for item in items:
            problems = self._problems(item, seen)
            if not problems:
                self.held[item["sender_id"], item["contact_id"]] = item
            results.append(
                {
                    "correlation_id": item.get("correlation_id"),
                    "error_code": 30646 if problems else 0,
                    "error_messages": problems,
                }
            )
        if self.loses(len(self.asked)) and request.transport is not None:
            request.transport.abort()
        return web.json_response({"items": results}, status=201)

    def _problems(self, item: dict[str, Any], seen: set[str]) -> list[str]:
        problems = []
        correlation = item.get("correlation_id", "")
        if not re.fullmatch(r"[0-9a-f]{32}", correlation) or correlation in seen:
            problems.append("INVALID_CORRELATION_ID")
        seen.add(correlation)
        if item.get("sender_id") not in self.senders:
            problems.append("INVALID_SENDER_ID")
        contact = item.get("contact_id", "")
        if not re.fullmatch(r"\+[1-9]\d{6,14}", contact):
            problems.append("INVALID_CONTACT_ID")
        elif (refused := self.refuses(contact)) is not None:
            problems.append(refused)
        if item.get("status") not in {"opt-in", "opt-out"}:
            problems.append("INVALID_STATUS")
        if item.get("source") not in _SOURCES:
            problems.append("INVALID_SOURCE")
        if "date_of_consent" in item and not _is_past(item["date_of_consent"]):
            problems.append("INVALID_DATE_OF_CONSENT")
        return problems


def _is_past(text: str) -> bool:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    return at.tzinfo is not None and at <= datetime.now(UTC) + timedelta(seconds=1)


def error(status: int, code: int, message: str, **headers: str) -> web.Response:
    """An error as Twilio says it: https://www.twilio.com/docs/usage/twilios-response#error-and-exception-responses"""
    told = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(told, status=status, headers={name.replace("_", "-"): v for name, v in headers.items()})


def fails(status: int, code: int = 20500, **headers: str) -> Answer:
    """An answer with such an error."""

    async def answer(_request: web.Request) -> web.Response:
        return error(status, code, "no", **headers)

    return answer


def says(text: str, status: int = 201) -> Callable[[web.Request], Awaitable[web.Response]]:
    """An answer of that text, called JSON."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=text, status=status, content_type="application/json")

    return answer


@asynccontextmanager
async def twilio_consents() -> AsyncIterator[TwilioConsents]:
    """Such a Twilio, listening for the length of the block."""
    twilio = TwilioConsents()
    app = web.Application()
    app.router.add_post("/v1/Consents/Bulk", twilio.answer)
    async with TestServer(app) as server:
        twilio.url = str(server.make_url("/"))
        yield twilio
