"""
The Web API's conventions: https://docs.slack.dev/apis/web-api

GET or POST; arguments in the query, a form or JSON; the token as a bearer or an argument; always HTTP 200 with
`ok` true or false, but 429 with `Retry-After` and 5xx.
"""

import base64
import json
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from bot.sandbox.chaos import Chaos
from bot.sandbox.errors import SlackError, invalid_arguments
from bot.sandbox.faults import Fault, Faults
from bot.sandbox.feed import Feed
from bot.sandbox.files import FileStore
from bot.sandbox.granting import Grants
from bot.sandbox.installation import Installation
from bot.sandbox.rates import RateLimits
from bot.sandbox.sockets import SocketHub
from bot.sandbox.views import Views
from bot.sandbox.wire import Wire
from bot.sandbox.workflows import Workflows
from bot.sandbox.workspace import Channel, User, Workspace

_KEPT = 20_000
JsonObject = dict[str, Any]


@dataclass(slots=True)
class Platform:
    """Everything a Web API method may need."""

    workspace: Workspace
    app: Installation
    faults: Faults
    feed: Feed
    files: FileStore
    views: Views
    sockets: SocketHub
    chaos: Chaos
    rates: RateLimits
    grants: Grants["Platform"]
    workflows: Workflows


@dataclass(slots=True)
class Call:
    """One call of one method: its arguments, whose token it carries (`bot`, `app` or `none`), and that token, as *given*."""

    slack: Platform
    arguments: Mapping[str, Any]
    token: str
    given: str | None = None
    warnings: list[str] = field(default_factory=list)
    # What came of it that Slack's answer does not say.
    note: str | None = None

    @property
    def workspace(self) -> Workspace:
        return self.slack.workspace

    @property
    def app(self) -> Installation:
        return self.slack.app

    def text(self, name: str) -> str | None:
        """An argument as text; None when absent or empty."""
        value = self.arguments.get(name)
        if value is None or value == "":
            return None
        return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict | list) else str(value)

    def needed(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise invalid_arguments(f"missing required field: {name} [json-pointer:/{name}]")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.arguments.get(name)
        if value is None or value == "":
            return default
        return value is True or str(value).lower() in ("true", "1")

    def number(self, name: str, default: int) -> int:
        text = self.text(name)
        try:
            return default if text is None else int(float(text))
        except ValueError:
            raise invalid_arguments(f"must be an integer [json-pointer:/{name}]") from None

    def json(self, name: str, *, error: str = "invalid_arguments") -> Any:
        """An argument that is JSON: given as such, or as text in a form. None when absent."""
        value = self.arguments.get(name)
        if isinstance(value, str):
            if not value.strip():
                return None
            try:
                return json.loads(value)
            except ValueError:
                raise SlackError(error) from None
        return value

    def of_team(self) -> None:
        """With a token of a whole organisation, `team_id` says which workspace is meant, and has to."""
        if self.app.org_wide and self.text("team_id") != self.workspace.team_id:
            raise SlackError("missing_argument" if self.text("team_id") is None else "team_not_found")

    def channel(self, name: str = "channel", *, writing: bool = False) -> Channel:
        """
        The channel an argument names, by id, by `#name`, or by the id of a user for the direct message.

        What the bot cannot see is `channel_not_found`; with *writing*, a public channel it has not joined is
        `not_in_channel` and an archived one `is_archived`.
        """
        wanted = self.text(name)
        if wanted is None:
            raise (
                SlackError("channel_not_found")
                if writing
                else invalid_arguments(f"missing required field: {name} [json-pointer:/{name}]")
            )
        workspace = self.workspace
        channel = workspace.channels.get(wanted)
        if channel is None and writing:
            named = wanted.lstrip("#")
            channel = next((c for c in workspace.channels.values() if not c.is_im and c.name == named), None)
            if channel is None and wanted in workspace.users and wanted != workspace.bot.id:
                channel = workspace.direct_message(workspace.users[wanted])
        if channel is None or ((channel.is_private or channel.is_im) and workspace.bot.id not in channel.members):
            raise SlackError("channel_not_found")
        if writing:
            if channel.is_archived:
                raise SlackError("is_archived")
            if workspace.bot.id not in channel.members:
                raise SlackError("not_in_channel")
            if channel.is_im and not self.app.messages_tab:
                raise SlackError("messages_tab_disabled")
        return channel

    def user(self, name: str = "user") -> User:
        user = self.workspace.users.get(self.text(name) or "")
        if user is None:
            raise SlackError("user_not_found")
        return user


@dataclass(frozen=True, slots=True)
class Method:
    """
    A row of the table: which scopes allow it (any of them), which tokens, what it does, and its tier (bot/sandbox/rates.py).

    *bearer_only*: no token but one in the header `Authorization` is taken.
    """

    run: Callable[[Call], Awaitable[JsonObject]]
    scopes: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ("bot",)
    tier: str = "4"
    bearer_only: bool = False


@dataclass(slots=True)
class Received:
    """One request, as `GET /sandbox/calls` shows it."""

    method: str
    at: float
    token: str
    arguments: Mapping[str, Any]
    answer: Any
    status: int
    ms: float
    fault: str | None
    note: str | None

    def described(self) -> JsonObject:
        return {
            "method": self.method,
            "at": self.at,
            "token": self.token,
            "arguments": dict(self.arguments),
            "answer": self.answer,
            "status": self.status,
            "ms": self.ms,
            "fault": self.fault,
            "note": self.note,
        }


@dataclass(slots=True)
class _Exchange:
    """The request being answered: when it came, the fault that strikes it, and what the answer does not say."""

    began: float
    fault: str | None = None
    note: str | None = None


_EXCHANGE: ContextVar[_Exchange] = ContextVar("exchange")
# The workspace whose token the request carries.
_WHERE: ContextVar[Platform] = ContextVar("where")


class WebApi:
    """`/api/{method}`."""

    def __init__(self, slack: Platform, methods: Mapping[str, Method], wire: Wire) -> None:
        self._slack = slack
        self._methods = methods
        self._wire = wire
        self.calls: deque[Received] = deque(maxlen=_KEPT)

    async def endpoint(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        _EXCHANGE.set(_Exchange(time.perf_counter()))
        _WHERE.set(self._slack)
        try:
            arguments = await _arguments_of(request)
        except SlackError as error:
            return self._answer(name, "none", {}, error.answer())
        given = _token_of(request, arguments)
        arguments.pop("token", None)
        slack = self._slack.grants.of_token(given or "")
        token = "bot" if slack else "app" if given == self._slack.app.app_token else "none"
        _WHERE.set(slack or self._slack)
        fault = self._struck(name)
        if fault is not None:
            early = await self._faulty(request, fault, name, token, arguments)
            if early is not None:
                return early
        method = self._methods.get(name)
        if method is not None and method.bearer_only and _bearer_of(request) is None:
            token = "none"  # noqa: S105 - the kind of token, not one
        if method is not None and token in method.tokens:
            rates = _WHERE.get().rates
            wait = rates.seconds_to_wait(name, method.tier, arguments)
            if wait:
                return self._limited(name, token, arguments, wait, rates.next_spelling())
        try:
            answer = await self._run(name, given, token, arguments)
        except SlackError as error:
            answer = error.answer()
        if request.content_type == "application/json" and request.charset is None and request.body_exists:
            answer = _with_warning(answer, "missing_charset")
        return await self._sent(request, fault, self._answer(name, token, arguments, answer))

    def guarded(
        self, name: str, run: Callable[[web.Request], Awaitable[web.StreamResponse]], *, reads_json: bool = False
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """A handler beside the Web API (response URLs, uploads) that knows faults under *name* and is recorded."""

        async def handler(request: web.Request) -> web.StreamResponse:
            _EXCHANGE.set(_Exchange(time.perf_counter()))
            arguments = await _json_of(request) if reads_json else {}
            fault = self._struck(name)
            if fault is not None:
                early = await self._faulty(request, fault, name, "none", arguments)
                if early is not None:
                    return early
            response = await run(request)
            answer = response.text if isinstance(response, web.Response) else None
            self._note(name, "none", arguments, answer or "", response.status)
            return await self._sent(request, fault, response)

        return handler

    async def _run(self, name: str, given: str | None, token: str, arguments: JsonObject) -> JsonObject:
        method = self._methods.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        slack = _WHERE.get()
        app = slack.app
        if "none" not in method.tokens:
            if given is None:
                raise SlackError("not_authed")
            if token == "none":  # noqa: S105 - the kind of token, not one
                raise SlackError("invalid_auth")
            # A step's token is one of the bot's.
            is_steps = given in slack.workflows.tokens
            if token == "bot" and not is_steps and (problem := app.problem_of(given)) is not None:  # noqa: S105 - as above
                raise SlackError(problem)
            if token not in method.tokens:
                raise SlackError("not_allowed_token_type")
        if token == "bot" and method.scopes and not set(method.scopes) & set(app.scopes):  # noqa: S105 - as above
            raise SlackError("missing_scope", needed=",".join(method.scopes), provided=",".join(app.scopes))
        call = Call(slack, arguments, token, given)
        answer: JsonObject = {"ok": True} | await method.run(call)
        _EXCHANGE.get().note = call.note
        for warning in call.warnings:
            answer = _with_warning(answer, warning)
        return answer

    def _answer(
        self, name: str, token: str, arguments: Mapping[str, Any], answer: JsonObject, status: int = 200
    ) -> web.Response:
        self._note(name, token, arguments, answer, status)
        headers = {"X-Slack-Req-Id": secrets.token_hex(16), "Cache-Control": "private, no-cache, no-store"}
        method = self._methods.get(name)
        if token != "none":  # noqa: S105 - the kind of token, not one
            scopes = _WHERE.get().app.scopes if token == "bot" else ("connections:write",)  # noqa: S105 - as above
            headers["X-OAuth-Scopes"] = ",".join(scopes)
            headers["X-Accepted-OAuth-Scopes"] = ",".join(method.scopes) if method else ""
        return web.json_response(answer, status=status, headers=headers)

    def _limited(
        self, name: str, token: str, arguments: Mapping[str, Any], seconds: int, spelling: str | None
    ) -> web.Response:
        """429 with `Retry-After`, unless *seconds* is 0; *spelling*: the error in its JSON, None for an answer without."""
        if spelling is None:
            self._note(name, token, arguments, "Too Many Requests", 429)
            response = web.Response(status=429, text="Too Many Requests")
        else:
            response = self._answer(name, token, arguments, {"ok": False, "error": spelling}, 429)
        if seconds:
            response.headers["Retry-After"] = str(seconds)
        return response

    # -- faults -----------------------------------------------------------------------------------------------

    async def _faulty(
        self, request: web.Request, fault: Fault, name: str, token: str, arguments: JsonObject
    ) -> web.StreamResponse | None:
        """The answer a fault gives instead of the method's; None when the method runs all the same."""
        if fault.kind == "slow" and not fault.settings.get("done"):
            await self._slack.faults.hold(fault)
        if fault.kind in ("slow", "lost_answer"):
            return None
        if fault.kind == "ratelimited":
            spelling = None if fault.settings.get("json") is False else str(fault.settings.get("error", "ratelimited"))
            return self._limited(name, token, arguments, int(fault.number("retry_after", 1)), spelling)
        if fault.kind == "error":
            code = str(fault.settings.get("error", "fatal_error"))
            return self._answer(name, token, arguments, {"ok": False, "error": code})
        if fault.kind == "reset":
            self._note(name, token, arguments, "reset", 0)
            return await _cut(request)
        if fault.kind == "server_error":
            status = int(fault.number("status", 503))
            self._note(name, token, arguments, "server_error", status)
            return web.Response(status=status, text="upstream connect error or disconnect/reset before headers")
        self._note(name, token, arguments, "html", 200)
        page = "<!DOCTYPE html><html><head><title>Server Error | Slack</title></head><body>Oh no</body></html>"
        return web.Response(text=page, content_type="text/html")

    async def _sent(
        self, request: web.Request, fault: Fault | None, response: web.StreamResponse
    ) -> web.StreamResponse:
        """The answer to what was done, unless a fault loses it or holds it back."""
        if fault is not None and fault.kind == "slow" and fault.settings.get("done"):
            await self._slack.faults.hold(fault)
        if fault is not None and fault.kind == "lost_answer":
            return await _cut(request)
        return response

    def _struck(self, name: str) -> Fault | None:
        # One that names a workspace behind the method strikes nowhere else.
        team = _WHERE.get(self._slack).workspace.team_id
        fault = self._slack.faults.take("method", (name, f"{name} {team}"))
        _EXCHANGE.get().fault = fault.kind if fault else None
        return fault

    def _note(self, name: str, token: str, arguments: Mapping[str, Any], answer: str | JsonObject, status: int) -> None:
        exchange = _EXCHANGE.get()
        ms = round((time.perf_counter() - exchange.began) * 1000, 3)
        call = Received(name, time.time(), token, arguments, answer, status, ms, exchange.fault, exchange.note)
        self.calls.append(call)
        self._wire.changed(call)


async def _cut(request: web.Request) -> web.StreamResponse:
    """End the TCP connection where an answer should have come."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _arguments_of(request: web.Request) -> JsonObject:
    arguments: JsonObject = dict(request.query)
    # https://api.slack.com/changelog/2020-11-no-more-tokens-in-querystrings-for-newly-created-apps
    arguments.pop("token", None)
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        # `oauth.v2.access` takes the client's id and secret this way too.
        try:
            client_id, _, secret = base64.b64decode(credentials).decode().partition(":")
        except ValueError:
            raise SlackError("invalid_client_id") from None
        arguments |= {"client_id": client_id, "client_secret": secret}
    if not request.can_read_body:
        return arguments
    if request.content_type == "application/json":
        text = await request.text()
        if not text.strip():
            return arguments
        try:
            body = json.loads(text)
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackError("json_not_object")
        return arguments | body
    if request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.post()
        return arguments | {name: value for name, value in form.items() if isinstance(value, str)}
    if await request.read():
        raise SlackError("invalid_post_type")
    return arguments


async def _json_of(request: web.Request) -> JsonObject:
    """The JSON object a request carries, if it does."""
    try:
        body = json.loads(await request.text())
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _token_of(request: web.Request, arguments: JsonObject) -> str | None:
    token = _bearer_of(request) or arguments.get("token")
    return str(token) if token else None


def _bearer_of(request: web.Request) -> str | None:
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    return bearer.strip() or None if scheme.lower() == "bearer" else None


def _with_warning(answer: JsonObject, warning: str) -> JsonObject:
    metadata = dict(answer.get("response_metadata") or {})
    metadata["warnings"] = [*metadata.get("warnings", []), warning]
    joined = ",".join(metadata["warnings"])
    return answer | {"warning": joined, "response_metadata": metadata}


def page_of(call: Call, items: list[Any], *, default: int = 100, most: int = 1000) -> tuple[list[Any], JsonObject]:
    """One page of *items*, by `cursor` and `limit`, and its `response_metadata`."""
    limit = max(1, min(call.number("limit", default) or default, most))
    cursor = call.text("cursor")
    try:
        start = int(bytes.fromhex(cursor).decode()) if cursor else 0
    except ValueError:
        raise SlackError("invalid_cursor") from None
    following = start + limit
    cursor = str(following).encode().hex() if following < len(items) else ""
    return items[start:following], {"response_metadata": {"next_cursor": cursor}}
