"""
The people of NGP VAN, also called EveryAction, made up from its documentation and from nothing of the desk's.

Basic authentication with the application's name and the key, which ends with the database, else 401
(https://docs.everyaction.com/reference/authentication). Errors are `{"errors": [{"code", "text"}]}`.

- `POST /v4/people/findByPhone` `{"phoneNumber"}`: 200 with the person where exactly one has it, 404 where none or
  several do, 400 for what is no number (https://docs.everyaction.com/reference/find-by-phone).
- `GET /v4/people`: a search, by the one phone of each person that is their best, in ten bare digits; any other form
  finds nobody; `$top` up to 200; 400 without anything to search for (https://docs.ngpvan.com/reference/people).
- `GET /v4/people/{vanId}`: phones only where `$expand` asks for them, null else; the status in words.
- `POST /v4/people/{vanId}`: phones are added, and one that is there is changed; answered with 302 and a stub
  (https://docs.ngpvan.com/reference/peoplevanid); `phoneOptInStatus` is one of I, O and U and sets `smsOptInStatus` as
  well (https://docs.everyaction.com/reference/people-common-models).

Which phone a search reads, that a status is read in words, and the 302, are as others saw them at VAN's own sandbox:
https://github.com/NickCrews/van-openapi, tests/ and transcripts/.
"""

import base64
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.handlers.work.receiver import Answer

APPLICATION = "acmeTexting"
KEY = "7c9e6679-7425-40de-944b-e07fc1f90ae7|1"
_KNOWN = f"Basic {base64.b64encode(f'{APPLICATION}:{KEY}'.encode()).decode()}"
_NUMBER = re.compile(r"1?[2-9][0-8]\d[2-9]\d{6}")
_STATUS = {"I": "Opt-In", "O": "Opt-Out", "U": "Unknown"}
_PHONE_FIELDS = {"phoneNumber", "dialingPrefix", "phoneOptInStatus", "phoneType"}


@dataclass(slots=True)
class Van:
    """
    People, by VAN ID: their phones, in ten digits, with the status of each; the first is the best.

    *asked*: every request; *written*: those that changed somebody. *answers*: of the next requests, in place of VAN's
    own; *breaks*: what it does with a request instead, None for nothing; *loses*: whether the answer to the request of
    that number is lost.
    """

    url: str = ""
    people: dict[int, dict[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    written: list[tuple[int, Any]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    breaks: Callable[[str, Any], web.Response | None] = lambda _path, _body: None
    loses: Callable[[int], bool] = lambda _number: False

    @property
    def opted_out(self) -> set[str]:
        """The phones that are out, in E.164, whoever has them."""
        return {f"+1{phone}" for phones in self.people.values() for phone, is_ in phones.items() if is_ == "Opt-Out"}

    def add(self, *phones: str, status: str = "Unknown") -> int:
        """Somebody who has these *phones*, in E.164."""
        self.people[person := 100_001 + len(self.people)] = {phone.removeprefix("+1"): status for phone in phones}
        return person

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.method, request.path))
        body: Any = None
        if request.method == "POST":
            if request.content_type != "application/json":
                return error(400, "BAD_REQUEST", "no JSON")
            body = await request.json()
        if self.answers:
            return await self.answers.pop(0)(request)
        answer = self.breaks(request.path, body) or self._answer(request, body)
        if self.loses(len(self.asked)) and request.transport is not None:
            request.transport.abort()
        return answer

    def _answer(self, request: web.Request, body: Any) -> web.Response:
        if request.headers.get("Authorization") != _KNOWN:
            return error(401, "UNAUTHORIZED", "The request was not authorized.")
        which = request.match_info.get("which")
        if request.method == "POST" and which == "findByPhone":
            return self._find(body)
        if which is None:
            return self._search(request)
        if not which.isdigit():
            return web.Response(status=404, text="<html>File or directory not found</html>", content_type="text/html")
        if int(which) not in self.people:
            return error(404, "NOT_FOUND", "The specified resource was not found.")
        if request.method == "GET":
            return self._get(int(which), request.query.get("$expand"))
        return self._change(int(which), body)

    def _find(self, body: dict[str, Any]) -> web.Response:
        if set(body) != {"phoneNumber"} or not _NUMBER.fullmatch(number := re.sub(r"\D", "", str(body["phoneNumber"]))):
            return error(400, "INVALID_PARAMETER", "Phone number is not valid.")
        found = [person for person, phones in self.people.items() if number[-10:] in phones]
        return web.json_response(self._person(found[0], None)) if len(found) == 1 else web.Response(status=404)

    def _search(self, request: web.Request) -> web.Response:
        if not set(request.query) <= {"phoneNumber", "$top"} or not request.query.get("phoneNumber"):
            return error(400, "INVALID_PARAMETER", "This endpoint requires at least one search parameter to be set.")
        if not 1 <= int(request.query.get("$top", "50")) <= 200:
            return error(400, "INVALID_PARAMETER", "'$top' must be greater than 0.")
        best = {person: next(iter(phones), None) for person, phones in self.people.items()}
        found = [person for person, phone in best.items() if phone == request.query["phoneNumber"]]
        items = [self._person(person, None) for person in found]
        return web.json_response({"items": items, "nextPageLink": None, "count": len(found)})

    def _get(self, person: int, expand: str | None) -> web.Response:
        if expand not in (None, "phones"):
            return error(400, "INVALID_PARAMETER", "'$expand' must be one of the following.")
        return web.json_response(self._person(person, expand))

    def _person(self, person: int, expand: str | None) -> dict[str, Any]:
        phones = [
            {
                "phoneId": number,
                "phoneNumber": phone,
                "dialingPrefix": "1",
                "countryCode": "US",
                "isBest": number == 0,
                "smsOptInStatus": status,
                "phoneOptInStatus": status,
            }
            for number, (phone, status) in enumerate(self.people[person].items())
        ]
        told = {"vanId": person, "firstName": "Ada", "lastName": "Lovelace", "emails": None}
        return told | {"phones": phones if expand == "phones" else None}

    def _change(self, person: int, body: dict[str, Any]) -> web.Response:
        for phone in body.get("phones", ()):
            if not set(phone) <= _PHONE_FIELDS or not _NUMBER.fullmatch(phone.get("phoneNumber", "")):
                return error(400, "INVALID_PARAMETER", "Phone number is not valid.")
            if phone.get("phoneOptInStatus", "U") not in _STATUS:
                return error(400, "INVALID_PARAMETER", "'phoneOptInStatus' must be one of: I, U, O")
        for phone in body.get("phones", ()):
            self.people[person][phone["phoneNumber"]] = _STATUS[phone.get("phoneOptInStatus", "U")]
        self.written.append((person, body))
        where = {"Location": f"{self.url}v4/people/{person}"}
        return web.json_response({"vanId": person, "status": "Matched"}, status=302, headers=where)


def error(status: int, code: str, text: str, **headers: str) -> web.Response:
    """An error as VAN says it."""
    told = {"errors": [{"code": code, "text": text, "properties": None}]}
    return web.json_response(told, status=status, headers={name.replace("_", "-"): v for name, v in headers.items()})


def fails(status: int, **headers: str) -> Answer:
    """An answer with such an error."""

    async def answer(_request: web.Request) -> web.Response:
        return error(status, str(status), "no", **headers)

    return answer


@asynccontextmanager
async def van_people() -> AsyncIterator[Van]:
    """Such a VAN, listening for the length of the block."""
    van = Van()
    app = web.Application()
    app.router.add_route("*", "/v4/people", van.answer)
    app.router.add_route("*", "/v4/people/{which}", van.answer)
    async with TestServer(app) as server:
        van.url = str(server.make_url("/"))
        yield van
