"""
The way of a request: found in the table, let in, read within bounds, worked on in a thread, answered in JSON.

Whatever goes wrong is a problem with a reference that stands in the log too. Costs are bounded for everybody before they
are known, and for each key once it is, so that one program in a loop takes nothing from the next.
"""

import asyncio
import hashlib
import json
import logging
import random
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, unquote

import structlog
from aiohttp import web
from prometheus_client import Histogram

from handlers.platform.auth import admitted, key_text, require_scope
from handlers.platform.bodies import (
    leave_expected,
    pieces,
    read_body,
    require_file,
    require_json,
    require_size,
    strict_json,
)
from handlers.platform.endpoints import Call, Endpoint, Parameter
from handlers.platform.problems import (
    BAD_METHOD,
    BAD_PARAMETER,
    BAD_VALUE,
    BROKEN_BODY,
    BROKEN_REQUEST,
    CONTENT_TYPE,
    FAILED,
    KEY_REFUSED,
    KEY_REUSED,
    NO_KEY,
    NOT_A_FILE,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    NOT_IN_SCOPE,
    NOT_JSON,
    STILL_RUNNING,
    TOO_LARGE,
    TOO_MANY,
    TOO_SLOW,
    UNAVAILABLE,
    Fault,
    Problem,
    as_sent,
)
from handlers.platform.together import Together
from handlers.tasks import Tasks
from store import PIECE_BYTES, Key, KeyReused, Store, StoreUnavailable

PREFIX: Final = "/v1"
# Requests that are let in at once, of all keys and of one; and those of them that wait for something to happen.
MOST_AT_WORK: Final = 64
MOST_OF_A_KEY: Final = 16
MOST_WAITING: Final = 256
# The store's verbs block. Their own threads, so that Slack's three seconds are nobody else's.
THREADS: Final = 4
DRAIN_SECONDS: Final = 5.0
# Bytes of a body that are worked on together with others: some hundred phones.
LONGEST_TOGETHER: Final = 2_000
_IDEMPOTENCY_KEY: Final = re.compile(r'"([\x20\x21\x23-\x7e]{1,200})"|([\x21\x23-\x7e][\x20-\x7e]{0,199})', re.ASCII)
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
# Seconds: what a check may take, what people notice, and the longest wait for a change.
_BUCKETS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ACCEPTED: Final = {"*/*", "application/*", "application/json", CONTENT_TYPE}

T = TypeVar("T")
log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
# To know of a line that nobody reads before it is made: structlog takes as long to drop it as a check's JSON does to be read.
_level: Final = logging.getLogger(__name__)


class Api:
    """The endpoints of one desk: `answer` is the aiohttp handler of everything below `PREFIX`."""

    def __init__(self, store: Store, endpoints: Sequence[Endpoint]) -> None:
        self._store = store
        self._tasks = Tasks()
        self.endpoints = tuple(endpoints)
        self._by_path: dict[tuple[str, ...], dict[str, Endpoint]] = {}
        # The same of those without parameters, as they are asked for.
        self._fixed: dict[str, dict[str, Endpoint]] = {}
        for endpoint in endpoints:
            parts = tuple(endpoint.path.strip("/").split("/"))
            methods = self._by_path.setdefault(parts, {})
            methods[endpoint.method] = endpoint
            if not endpoint.parameters:
                self._fixed[f"{PREFIX}{endpoint.path}"] = methods
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="platform")
        self._at_work: set[asyncio.Future[None]] = set()
        self._taken: set[asyncio.Future[None]] = set()  # those that wait as well
        self._of_key: Counter[str] = Counter()
        self._waiting: set[asyncio.Task[Any]] = set()
        self._running: set[str] = set()
        # By the text of a key: those that are being verified.
        self._verifying: dict[str, asyncio.Future[Key]] = {}
        # By the endpoint's name and the account.
        self._together: Together[Call, bytes] = Together(self._tasks)
        self._draining = False
        self.requests = Histogram(
            "optout_api_request_seconds",
            "Time of the API's requests until their answers, those included that wait.",
            ["method", "route", "status"],
            registry=None,
            buckets=_BUCKETS,
        )
        self._timed = cache(self.requests.labels)

    async def answer(self, request: web.Request) -> web.Response:
        """The response to a request, whoever sent it. Never raises for what was asked."""
        request_id = _request_id(request)
        began = time.monotonic()
        entered: dict[str, Any] = {}
        try:
            body = await self._answered(request, entered)
            response = web.Response(body=body, headers={"Content-Type": "application/json", "X-Request-Id": request_id})
        except Problem as problem:
            response = self._refusal(problem, request_id, entered)
        except StoreUnavailable as error:
            log.warning("a request of the platform's waits for the database", request=request_id, kind=error.kind)
            away = Problem(UNAVAILABLE, str(error), headers={"Retry-After": "5"})
            response = self._refusal(away, request_id, entered)
        except Exception:
            log.exception("a request of the platform's failed", request=request_id)
            detail = f"Whether anything was changed is not certain: send it again. Please quote {request_id}."
            response = self._refusal(Problem(FAILED, detail, headers={"Retry-After": "1"}), request_id, entered)
        response.headers["Cache-Control"] = "no-store"
        if "key" not in entered or not request.content.at_eof():
            # A connection is kept for whoever was let in, and never with the rest of a body on it.
            response.force_close()
        took = time.monotonic() - began
        # Of what is not served neither: whoever asks for it could think of any number of names.
        route = entered.get("path", "")
        self._timed(request.method if route else "", route, response.status).observe(took)
        # What only asks may come some hundred times a second.
        asks = entered.pop("asks", False)
        quiet = asks and response.status < 400
        if not quiet or _level.isEnabledFor(logging.DEBUG):
            named = {
                "request": request_id,
                "method": request.method,
                "status": response.status,
                "ms": round(took * 1000, 1),
            }
            say = log.debug if quiet else log.info
            say("platform request", **named, **entered)
        return response

    def route(self) -> web.RouteDef:
        """Everything below `PREFIX`, for an application of aiohttp's."""
        # With line breaks, which an address may have escaped.
        return web.route("*", f"{PREFIX}/{{rest:[\\s\\S]*}}", self.answer, expect_handler=leave_expected)

    async def drain(self) -> None:
        """Take nothing new, end what waits, and wait a while for what is at work."""
        self._draining = True
        for task in self._waiting:
            task.cancel()
        if self._taken:
            await asyncio.wait(self._taken, timeout=DRAIN_SECONDS)
        await self._tasks.drain(DRAIN_SECONDS)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _refusal(self, problem: Problem, request_id: str, entered: dict[str, Any]) -> web.Response:
        entered["problem"] = problem.kind.name
        return problem.response(request_id)

    async def _answered(self, request: web.Request, entered: dict[str, Any]) -> bytes:
        if self._draining or len(self._at_work) >= MOST_AT_WORK:
            raise _busy()
        at_work = asyncio.get_running_loop().create_future()
        self._at_work.add(at_work)
        self._taken.add(at_work)
        try:
            endpoint, path = self._found(request)
            entered["path"], entered["asks"] = endpoint.path, endpoint.asks
            _require_accepted(request)
            if not endpoint.scopes:
                _query_of(request, endpoint)
                return endpoint.work(Call(None))
            text = key_text(request)
            key = self._store.keys.remembered(text) or await self._admitted(text)
            require_scope(key, *endpoint.scopes)
            entered["key"] = key.id
            self._note_use(key)
            if self._of_key[key.id] >= MOST_OF_A_KEY:
                raise Problem(TOO_MANY, f"A key has {MOST_OF_A_KEY} requests at once at the most.", headers=_SOON)
            self._of_key[key.id] += 1
            try:
                return await self._worked_on(request, endpoint, path, key, at_work)
            finally:
                self._of_key[key.id] -= 1
                if not self._of_key[key.id]:
                    del self._of_key[key.id]
        finally:
            self._at_work.discard(at_work)
            self._taken.discard(at_work)
            at_work.set_result(None)

    async def _admitted(self, text: str) -> Key:
        """The live key of *text*, verified once for all requests that come with it meanwhile. Raises `Problem`."""
        if text not in self._verifying:
            self._verifying[text] = asyncio.ensure_future(self._run(admitted, self._store, text))
            self._verifying[text].add_done_callback(lambda _verified: self._verifying.pop(text))
        # Whoever goes away takes it from nobody else.
        return await asyncio.shield(self._verifying[text])

    async def _worked_on(
        self, request: web.Request, endpoint: Endpoint, path: dict[str, str], key: Key, at_work: asyncio.Future[None]
    ) -> bytes:
        """Read the rest of the request, which was let in, and have it done."""
        query = _query_of(request, endpoint)
        for parameter in endpoint.parameters:
            _read(parameter, path[parameter.name])
        named = _idempotency_key(request, key) if endpoint.writes else None
        body, raw = None, b""
        if endpoint.body is not None:
            require_json(request)
            raw = await read_body(request)
            body = strict_json(raw)
        asked = "" if named is None else _digest(endpoint, path, body)
        call = Call(key, path, query, body, raw, named, asked)
        if endpoint.waits is not None and (query or endpoint.writes):
            await self._wait(endpoint.waits(call), key, at_work)
            # It may have been revoked, or have expired, meanwhile.
            await self._run(admitted, self._store, key_text(request))
        if endpoint.together is not None and len(raw) <= LONGEST_TOGETHER:
            work = partial(self._run, endpoint.together)
            return await self._together.done((endpoint.name, call.account), call, work, name=endpoint.name)
        if named is None:
            return await self._done(request, endpoint, call)
        if named in self._running:
            raise Problem(STILL_RUNNING, "Ask again in a second; it will have the first one's answer.", headers=_SOON)
        self._running.add(named)
        try:
            return await self._done(request, endpoint, call)
        except KeyReused as error:
            fault = Fault("Idempotency-Key", "It names another request; take a new one for each.")
            raise Problem(KEY_REUSED, str(error), faults=[fault]) from None
        finally:
            self._running.discard(named)

    async def _done(self, request: web.Request, endpoint: Endpoint, call: Call) -> bytes:
        """The endpoint's work, after the file that it takes, if any, was received."""
        if endpoint.receives is not None:
            require_file(request)
            file = await endpoint.receives(call)
            require_size(request, file.most_bytes)
            digest = hashlib.sha256()
            try:
                async for piece in pieces(request, file.most_bytes, PIECE_BYTES):
                    digest.update(piece)
                    await self._run(file.add, piece)
            except Exception:
                await self._run(file.discard)
                raise
            asked = _digest(endpoint, call.query, digest.hexdigest())
            call = replace(call, file=file, asked=asked)
        return await self._run(endpoint.work, call)

    async def _wait(self, what: Coroutine[Any, Any, None], key: Key, at_work: asyncio.Future[None]) -> None:
        """Await *what*, which counts for nothing that is at work; the desk's end cuts it short."""
        if len(self._waiting) >= MOST_WAITING:
            what.close()
            raise Problem(TOO_MANY, f"The desk has {MOST_WAITING} requests that wait at the most.", headers=_SOON)
        waiting = asyncio.create_task(what)
        self._waiting.add(waiting)
        self._at_work.discard(at_work)
        self._of_key[key.id] -= 1
        try:
            await asyncio.wait({waiting})
            if not waiting.cancelled():
                waiting.result()
        finally:
            waiting.cancel()
            self._waiting.discard(waiting)
            self._at_work.add(at_work)
            self._of_key[key.id] += 1

    def _note_use(self, key: Key) -> None:
        """Note it without letting anybody wait for it: on SQLite it waits for whoever writes."""
        if key.use_is_due:
            self._tasks.start(asyncio.to_thread(self._store.keys.note_use, key), name="note the use of a key")

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)

    def _found(self, request: web.Request) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint that is asked for, with the parameters in its path."""
        if (methods := self._fixed.get(request.rel_url.raw_path)) is not None:
            return _of_method(methods, request), {}
        try:
            parts = [unquote(part, errors="strict") for part in request.rel_url.raw_path.split("/")[2:]]
        except UnicodeDecodeError:
            raise Problem(BROKEN_REQUEST, "The address is not in UTF-8.") from None
        for shape, methods in self._by_path.items():
            if len(shape) != len(parts):
                continue
            path = {name[1:-1]: part for name, part in zip(shape, parts, strict=True) if name[0] == "{"}
            if any(name != part for name, part in zip(shape, parts, strict=True) if name[0] != "{"):
                continue
            return _of_method(methods, request), path
        raise Problem(NOT_FOUND, f"{PREFIX}/openapi.json says what there is.")


def _of_method(methods: Mapping[str, Endpoint], request: web.Request) -> Endpoint:
    """The one of an address' *methods* that is asked for. Raises `Problem`."""
    endpoint = methods.get(request.method)
    if endpoint is None:
        allowed = ", ".join(sorted(methods))
        raise Problem(BAD_METHOD, f"This address takes {allowed}.", headers={"Allow": allowed})
    return endpoint


def _digest(endpoint: Endpoint, *parts: Any) -> str:
    """What an idempotency key stands for."""
    canonical = json.dumps([endpoint.method, endpoint.path, *parts], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _busy() -> Problem:
    return Problem(
        UNAVAILABLE, "There is too much to do at the moment, or the desk is starting or stopping.", headers=_SOON
    )


_SOON: Final = {"Retry-After": "1"}


def _request_id(request: web.Request) -> str:
    """The one that came with the request, where it is short and plain, else a new one."""
    given = request.headers.get("X-Request-Id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    # A UUID of version 4, which is to be met once and not to be hard to guess.
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _require_accepted(request: web.Request) -> None:
    ranges = [part for line in request.headers.getall("Accept", []) for part in line.split(",") if part.strip()]
    for part in ranges:
        kind, *rest = (piece.strip().lower() for piece in part.split(";"))
        if kind in _ACCEPTED and not any(re.fullmatch(r"q=0(?:\.0*)?", piece) for piece in rest):
            return
    if ranges:
        raise Problem(NOT_ACCEPTABLE, "Answers are application/json, and problems application/problem+json.")


def _idempotency_key(request: web.Request, key: Key) -> str | None:
    """The name of the request for the store: keys of one name, of which one follows the other, share theirs."""
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        return None
    match = _IDEMPOTENCY_KEY.fullmatch(given[0]) if len(given) == 1 else None
    if match is None:
        fault = Fault("Idempotency-Key", "One of 1 to 200 printable ASCII characters is expected, such as a UUID.")
        raise Problem(BAD_PARAMETER, f"{fault.at}: {fault.detail}", faults=[fault])
    return f"api:{key.name}:{match[1] or match[2]}"


def _query_of(request: web.Request, endpoint: Endpoint) -> dict[str, Any]:
    """The parameters of the query, read. Raises `Problem` for one that is not known, comes twice, or is not what it has to be."""
    query = request.rel_url.raw_query_string
    if not query and not endpoint.query:
        return {}
    known = {parameter.name: parameter for parameter in endpoint.query}
    try:
        given = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=20, separator="&")
    except ValueError:
        raise Problem(BROKEN_REQUEST, "The query is not in UTF-8, or has too many parameters.") from None
    found: dict[str, Any] = {}
    for name, text in given:
        if name not in known:
            names = f"it has {', '.join(known)}" if known else "there are none here"
            raise _bad(name, f"There is no parameter {as_sent(name)}; {names}.")
        if name in found:
            raise _bad(name, "It is there twice.")
        found[name] = _read(known[name], text)
    for parameter in endpoint.query:
        if parameter.required and parameter.name not in found:
            raise _bad(parameter.name, f"It is missing. {parameter.description}")
    return found


def _read(parameter: Parameter, text: str) -> Any:
    """The value of *parameter*, by its schema."""
    schema = parameter.schema
    if schema["type"] == "integer":
        low, high = schema["minimum"], schema["maximum"]
        if not re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) or not low <= int(text) <= high:
            raise _bad(parameter.name, f"{as_sent(text)} is no whole number from {low:,} to {high:,}.")
        return int(text)
    if text not in schema.get("enum", (text,)):
        raise _bad(parameter.name, f"{as_sent(text)} is none of them. {parameter.description}")
    # Python's $ is also before a line break at the end.
    if "pattern" in schema and re.search(schema["pattern"].removesuffix("$") + r"\Z", text, re.ASCII) is None:
        example = f", like {parameter.example}" if parameter.example is not None else ""
        raise _bad(parameter.name, f"{as_sent(text)} is not what is expected{example}. {parameter.description}")
    if len(text) > (longest := schema.get("maxLength", len(text))):
        raise _bad(parameter.name, f"It has {len(text):,} characters; {longest:,} are the most.")
    return text


def _bad(name: str, detail: str) -> Problem:
    return Problem(BAD_PARAMETER, f"{name}: {detail}", faults=[Fault(name, detail)])


# The kinds that an endpoint can have besides its own: any of them, one that needs a key, takes JSON, a file, or writes.
OF_ALL: Final = (BROKEN_REQUEST, BAD_PARAMETER, NOT_ACCEPTABLE, UNAVAILABLE, FAILED)
OF_KEYS: Final = (NO_KEY, KEY_REFUSED, NOT_IN_SCOPE, TOO_MANY)
OF_BODIES: Final = (BROKEN_BODY, TOO_SLOW, TOO_LARGE, NOT_JSON, BAD_VALUE)
OF_FILES: Final = (BROKEN_BODY, TOO_SLOW, TOO_LARGE, NOT_A_FILE)
OF_WRITES: Final = (STILL_RUNNING, KEY_REUSED)
