"""
The door for webhooks: found by its address, its signature checked before anything is read, kept before it is answered.

Whoever knows no address of a hook learns nothing here, and whoever knows one cannot sign. A message that is told again, by
the provider, by somebody who kept the request or by the catch-up, is heard once: by its id.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from aiohttp import web
from prometheus_client import Histogram

from handlers.hooks import telnyx, twilio
from handlers.hooks.incoming import IncomingMessage, Unreadable
from handlers.platform.bodies import leave_expected, read_body, require_size
from handlers.platform.problems import BROKEN_BODY, NOT_FOUND, UNAVAILABLE, Kind, Problem
from handlers.platform.together import Together
from handlers.tasks import Tasks
from store import Function, Heard, Hook, HookKind, Origin, Store, StoreError, StoreUnavailable, ToldReply

PREFIX: Final = "/hooks"
# What is appended to the address at Twilio, so that it tries again what failed: five times, when no connection or no answer
# came, or one that says that the desk cannot. https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
TWILIO_RETRIES: Final = "#rc=5&rp=ct,rt,5xx"
# Bytes. The longest text that a provider takes has some thousand signs, of which each takes twelve bytes in a form.
LARGEST_BODY: Final = 256_000
# Requests that are let in at once: each waits for one short transaction, and all of them for less than Telnyx does.
MOST_AT_WORK: Final = 256
THREADS: Final = 4
DRAIN_SECONDS: Final = 5.0
# Seconds. Telnyx waits two for an answer, Twilio fifteen.
_BUCKETS: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0)
_SOON: Final = {"Retry-After": "1"}
# What became of a request that was signed.
_LET_IN: Final = frozenset({"heard", "again", "ignored"})

FORGED = Kind("forged", 401, "The signature is not right for the request")
OLD = Kind("old", 401, "The request was signed too long ago, or by another clock")

T = TypeVar("T")
log = structlog.get_logger()


class Webhooks:
    """
    The hooks of one desk: `answer` is the aiohttp handler of everything below `PREFIX`.

    *public_url*: the address under which providers reach the desk, without the prefix: what Twilio signs begins with it.
    *clock*: seconds since the epoch. `requests` says what became of requests, by their kind: "heard", "again", "ignored", or
    the name of the problem.
    """

    def __init__(self, store: Store, public_url: str, *, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._public_url = public_url
        self._clock = clock
        # The store's verbs block. Their own threads: nobody who checks or presses a button waits for replies.
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="hooks")
        self._at_work: set[asyncio.Task[Any]] = set()
        self._tasks = Tasks()
        # By the hook: one look finds it, and one commit is, for all that came meanwhile.
        self._finding: Together[None, Hook | None] = Together(self._tasks)
        self._together: Together[IncomingMessage, Heard] = Together(self._tasks)
        self._draining = False
        self.requests = Histogram(
            "optout_hook_request_seconds",
            "Time of the requests of providers until their answers.",
            ["kind", "outcome"],
            registry=None,
            buckets=_BUCKETS,
        )

    def route(self) -> web.RouteDef:
        """Everything below `PREFIX`, for an application of aiohttp's."""
        return web.post(f"{PREFIX}/{{kind}}/{{hook}}", self.answer, expect_handler=leave_expected)

    async def answer(self, request: web.Request) -> web.Response:
        """The response to a request, whoever sent it. Never raises for what was asked."""
        began = asyncio.get_running_loop().time()
        request_id = str(uuid.uuid4())
        named: dict[str, Any] = {}
        try:
            outcome, response = await self._taken(request, named)
        except Problem as problem:
            outcome, response = problem.kind.name, problem.response(request_id)
        except StoreUnavailable as error:
            named["why"] = error.kind
            away = Problem(UNAVAILABLE, str(error), headers={"Retry-After": "5"})
            outcome, response = UNAVAILABLE.name, away.response(request_id)
        except Exception:
            log.exception("a provider's request failed", request=request_id, **named)
            failed = Problem(
                UNAVAILABLE, f"Something went wrong on our side. Please quote {request_id}.", headers=_SOON
            )
            outcome, response = "failed", failed.response(request_id)
        if outcome not in _LET_IN or not request.content.at_eof():
            # A connection is kept for whoever could sign, and never with the rest of a body on it.
            response.force_close()
        took = asyncio.get_running_loop().time() - began
        # Of what is no hook not even the kind: whoever asks for it could think of any number of names.
        self.requests.labels(named.get("kind", ""), outcome).observe(took)
        say = log.debug if "hook" not in named else log.info if response.status < 400 else log.warning
        say("provider request", request=request_id, outcome=outcome, ms=round(took * 1000, 1), **named)
        return response

    async def drain(self) -> None:
        """Take nothing new, and wait a while for what is at work."""
        self._draining = True
        if self._at_work:
            await asyncio.wait(self._at_work, timeout=DRAIN_SECONDS)
        await self._tasks.drain(DRAIN_SECONDS)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _taken(self, request: web.Request, named: dict[str, Any]) -> tuple[str, web.Response]:
        task = asyncio.current_task()
        if task is None or self._draining or len(self._at_work) >= MOST_AT_WORK:
            raise Problem(UNAVAILABLE, "There is too much to do at the moment, or the desk is stopping.", headers=_SOON)
        self._at_work.add(task)
        try:
            asked = request.match_info["hook"]
            hook = self._store.hooks.remembered(asked) or await self._finding.done(
                asked, None, partial(self._find, asked), name="find a hook"
            )
            if hook is None or hook.kind != request.match_info["kind"]:
                raise Problem(NOT_FOUND, "There is no such hook.")
            named |= {"kind": hook.kind.value, "hook": hook.id}
            require_size(request, LARGEST_BODY)
            body = await read_body(request, LARGEST_BODY)
            try:
                message = self._message_of(hook, request, body)
            except Unreadable as error:
                named["why"] = str(error)
                raise Problem(BROKEN_BODY, f"The request is signed, but {error}.") from None
            if message is None:
                return "ignored", _thanks(hook)
            work = partial(self._run, hear_all, self._store, hook)
            heard = await self._together.done(hook.id, message, work, name="hear what a provider tells")
            named |= {"reply": heard.id, "decided": heard.judgement.outcome.value}
            return ("again" if heard.again else "heard"), _thanks(hook)
        finally:
            self._at_work.discard(task)

    async def _find(self, hook: str, asked: Sequence[None]) -> list[Hook | None]:
        """The hook of that id, None for none, for all who *asked*."""
        return [await self._run(self._store.hooks.find, hook)] * len(asked)

    def _message_of(self, hook: Hook, request: web.Request, body: bytes) -> IncomingMessage | None:
        """The message in *body*, once its signature is right. Raises `Problem` when it is not, and `Unreadable`."""
        now = datetime.fromtimestamp(self._clock(), UTC)
        if hook.kind is HookKind.TWILIO:
            form = twilio.read_form(body)
            # As it came: what a proxy or aiohttp made of it is not what was signed.
            _path, mark, query = request.raw_path.partition("?")
            url = f"{self._public_url}{PREFIX}/{hook.kind}/{hook.id}{mark}{query}"
            signature = request.headers.get(twilio.SIGNATURE, "")
            if not twilio.is_signed(hook, url, form, signature, request.headers.get(twilio.SIGNATURE_SETTINGS, "")):
                raise Problem(
                    FORGED,
                    "This is not signed by Twilio with the secret of this hook, for its address as it is set here.",
                )
            return twilio.twilio_message(form, now)
        signature, timestamp = request.headers.get(telnyx.SIGNATURE, ""), request.headers.get(telnyx.TIMESTAMP, "")
        match telnyx.signature_of(hook, body, signature, timestamp, self._clock()):
            case telnyx.Signature.FORGED:
                raise Problem(FORGED, "This is not signed by Telnyx with the key of this hook.")
            case telnyx.Signature.OLD:
                raise Problem(OLD, f"A signature is good for {telnyx.TOLERANCE_SECONDS} seconds.")
        return telnyx.telnyx_message(body, now)

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *args)


def hear_all(store: Store, hook: Hook, messages: Sequence[IncomingMessage]) -> tuple[Heard | StoreError, ...]:
    """Have *messages*, which came by *hook*, heard in their order, with one commit; as `HeardReplies.hear_all`. Blocks."""
    by = Origin(Function.KEYWORD, hook.actor)
    told = [ToldReply(message.reply, by, message.acted_on) for message in messages]
    return store.replies.hear_all(hook.account_id, told)


def hook_address(hook: Hook, public_url: str) -> str:
    """The address that the provider of *hook* is to be told, of a desk that it reaches at *public_url*."""
    return f"{public_url}{PREFIX}/{hook.kind}/{hook.id}{TWILIO_RETRIES if hook.kind is HookKind.TWILIO else ''}"


def _thanks(hook: Hook) -> web.Response:
    """The answer after which a provider does nothing more."""
    return (
        web.Response(text=twilio.EMPTY_ANSWER, content_type="text/xml")
        if hook.kind is HookKind.TWILIO
        else web.Response()
    )
