"""
Problems: what a program is told that asked for what cannot be, as RFC 9457 has it, a `type` for each kind.

https://www.rfc-editor.org/rfc/rfc9457. A kind is what a program branches on; the detail is for whoever reads its log: what
was found, what would be right.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

CONTENT_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:opt-out-desk:problem:"
# Characters of what was sent that a problem repeats.
_LONGEST_QUOTE: Final = 60


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its *name*, the end of its `type`; the *status* of HTTP; its *title*, the same every time."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        return f"{TYPE_PREFIX}{self.name}"


BROKEN_BODY = Kind("broken-body", 400, "The body cannot be read")
BROKEN_REQUEST = Kind("broken-request", 400, "The request cannot be read")
BAD_PARAMETER = Kind("bad-parameter", 400, "A parameter or header is not what it has to be")
NO_KEY = Kind("no-key", 401, "There is no key in the request")
KEY_REFUSED = Kind("key-refused", 401, "The key is not one that may be used")
NOT_IN_SCOPE = Kind("not-in-scope", 403, "The key may not do this")
NOT_FOUND = Kind("not-found", 404, "There is nothing here")
BAD_METHOD = Kind("bad-method", 405, "The method is not one of this address")
NOT_ACCEPTABLE = Kind("not-acceptable", 406, "Answers are JSON")
TOO_SLOW = Kind("too-slow", 408, "The body did not come in time")
STILL_RUNNING = Kind("still-running", 409, "The same request is still being worked on")
NO_CAMPAIGN = Kind("no-campaign", 404, "There is no such campaign")
NOT_YET = Kind("not-yet", 409, "The change has not come here yet")
NO_UPLOAD = Kind("no-upload", 404, "There is no such upload")
NO_DESTINATION = Kind("no-destination", 404, "There is no such destination")
NOT_MADE = Kind("destination-refused", 409, "The destination cannot be made like this")
NO_CHANNEL = Kind("no-channel", 409, "No channel in Slack takes lists")
START_ANEW = Kind("start-anew", 409, "What followed is no longer kept")
CONTACT_ASKED = Kind("contact-asked", 409, "The contact asked not to be texted")
AHEAD_OF_TIME = Kind("ahead-of-time", 409, "The moment has not come yet")
TOO_LARGE = Kind("too-large", 413, "The body is too large")
NOT_JSON = Kind("not-json", 415, "Bodies are JSON in UTF-8, uncompressed")
NOT_A_FILE = Kind("not-a-file", 415, "The body is the file of a list, uncompressed")
BAD_VALUE = Kind("bad-value", 422, "A value in the body is not what it has to be")
KEY_REUSED = Kind("idempotency-key-reused", 422, "The idempotency key was used for another request")
TOO_MANY = Kind("too-many", 429, "Too many requests at once with this key")
FAILED = Kind("failed", 503, "Something went wrong on our side")
UNAVAILABLE = Kind("unavailable", 503, "The desk cannot work on this at the moment")
KINDS: Final = (
    *(
        BROKEN_BODY,
        BROKEN_REQUEST,
        BAD_PARAMETER,
        NO_KEY,
        KEY_REFUSED,
        NOT_IN_SCOPE,
        NOT_FOUND,
        NO_CAMPAIGN,
        NO_UPLOAD,
        NO_DESTINATION,
    ),
    *(
        BAD_METHOD,
        NOT_ACCEPTABLE,
        TOO_SLOW,
        STILL_RUNNING,
        CONTACT_ASKED,
        AHEAD_OF_TIME,
        NOT_YET,
        START_ANEW,
        NO_CHANNEL,
        NOT_MADE,
        TOO_LARGE,
    ),
    *(NOT_JSON, NOT_A_FILE, BAD_VALUE, KEY_REUSED, TOO_MANY, FAILED, UNAVAILABLE),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: *at*, a JSON pointer into the body (`#/phones/3`), or the name of a parameter or header."""

    at: str
    detail: str


class Problem(Exception):  # noqa: N818  an answer, not a failure of ours
    """An answer that says no: its *kind*, a *detail* in words, each *fault*, and *headers* that go with it."""

    def __init__(
        self, kind: Kind, detail: str, *, faults: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(kind.name)
        self.kind = kind
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})

    def body(self, request_id: str) -> bytes:
        """As it goes over the wire."""
        told: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "request_id": request_id,
        }
        if self.faults:
            told["errors"] = [{"at": fault.at, "detail": fault.detail} for fault in self.faults]
        return json.dumps(told).encode()

    def response(self, request_id: str) -> web.Response:
        """As it is answered."""
        headers = {**self.headers, "Content-Type": CONTENT_TYPE, "X-Request-Id": request_id}
        return web.Response(status=self.kind.status, body=self.body(request_id), headers=headers)


def as_sent(value: object) -> str:
    """*value* as a problem repeats it: short, and in JSON's own signs."""
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value, default=str)
    return text if len(text) <= _LONGEST_QUOTE else f'{text[: _LONGEST_QUOTE - 4]}..."'
