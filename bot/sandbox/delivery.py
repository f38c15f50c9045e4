"""
Delivery of payloads to the app: in envelopes over Socket Mode, or as signed HTTP requests.

Commands and interactions are sent once; the person sees an error when no acknowledgement comes within the limit.
Events are sent again: at once, after one minute, after five (https://docs.slack.dev/apis/events-api#retries).
"""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.faults import Fault, Faults
from bot.sandbox.installation import Installation
from bot.sandbox.sockets import ConnectionLost, SocketHub
from bot.sandbox.wire import Wire

ACK_LIMIT = 3.0  # seconds
RETRY_DELAYS = (0.0, 60.0, 300.0)  # seconds before the first, second and third retry
_KEPT = 20_000
_ENVELOPE_TYPES = {"event": "events_api", "command": "slash_commands", "interaction": "interactive"}


@dataclass(slots=True)
class Outcome:
    """What came of one attempt. `response` is the acknowledgement's body: JSON, text or None; `ms` its time."""

    acknowledged: bool
    ms: float
    error: str | None = None
    response: Any = None
    retry: bool = True


@dataclass(slots=True)
class Delivery:
    """One payload and every attempt to deliver it."""

    kind: str
    name: str
    payload: dict[str, Any]
    at: float
    attempts: list[dict[str, Any]] = field(default_factory=list)
    acknowledged: bool = False
    response: Any = None

    def described(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "name": self.name,
            "at": self.at,
            "payload": self.payload,
            "attempts": self.attempts,
            "acknowledged": self.acknowledged,
            "response": self.response,
        }


class Courier:
    """Delivers to the one app. `start` and `stop` bracket its use."""

    def __init__(
        self,
        app: Installation,
        sockets: SocketHub,
        faults: Faults,
        wire: Wire,
        *,
        speed: float,
        ack_limit: float = ACK_LIMIT,
    ) -> None:
        self._app = app
        self._sockets = sockets
        self._faults = faults
        self.wire = wire
        self.speed = speed
        self.ack_limit = ack_limit
        self.log: deque[Delivery] = deque(maxlen=_KEPT)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._held: list[asyncio.Event] = []
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(headers={"User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"})

    async def stop(self) -> None:
        """Drop what is under way and close the connections to the app."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run *work* beside everything else, ended at the latest by `stop`."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- commands and interactions ----------------------------------------------------------------------------

    async def request(self, kind: str, name: str, payload: dict[str, Any]) -> Outcome:
        """Deliver a `command` or an `interaction`, once, and wait for its acknowledgement."""
        delivery = self._logged(kind, name, payload)
        fault = self._fault(delivery)
        if fault is not None and fault.kind == "late":
            await asyncio.sleep(fault.number("seconds", 1.0))
        outcome = await self._attempt(delivery, number=0, reason="")
        if fault is not None and fault.kind == "duplicate":
            await self._attempt(delivery, number=0, reason="")
        return outcome

    # -- events -----------------------------------------------------------------------------------------------

    def event(self, payload: dict[str, Any]) -> asyncio.Future[Outcome]:
        """Deliver an event, with retries, beside everything else; the future is the first attempt's outcome."""
        delivery = self._logged("event", payload["event"]["type"], payload)
        first: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.run(self._deliver(delivery, first))
        return first

    async def _deliver(self, delivery: Delivery, first: asyncio.Future[Outcome]) -> None:
        fault = self._fault(delivery)
        if fault is not None and fault.kind == "late":
            await asyncio.sleep(fault.number("seconds", 1.0))
        elif fault is not None and fault.kind == "reorder":
            await self._hold_back(fault.number("seconds", 1.0))
        if fault is not None and fault.kind == "duplicate":
            self.run(self._attempt(delivery, number=0, reason=""))
        reason = ""
        for number, delay in enumerate((None, *RETRY_DELAYS)):
            if delay is not None:
                await self._wait(delay)
            outcome = await self._attempt(delivery, number=number, reason=reason)
            if not first.done():
                first.set_result(outcome)
            if fault is None or fault.kind != "reorder":
                self._let_go()
            if outcome.acknowledged or not outcome.retry:
                return
            reason = outcome.error or "unknown_error"

    async def _wait(self, delay: float) -> None:
        """
        Wait for *delay* seconds of Slack's clock.

        The app starts and dials by its own clock, which nobody speeds up. A clock that runs faster than Slack's
        therefore stands still where no connection is open: else the retries would be over before the app is back.
        """
        await asyncio.sleep(delay / self.speed)
        if self.speed > 1 and self._app.events_url is None:
            await self._sockets.connected(None)

    def _fault(self, delivery: Delivery) -> Fault | None:
        """By kind (`event`), or by what it is (`app_mention`, `/optout`, an action's id)."""
        return self._faults.take("delivery", (delivery.kind, delivery.name))

    async def _hold_back(self, longest: float) -> None:
        """Wait until another event has overtaken this one."""
        overtaken = asyncio.Event()
        self._held.append(overtaken)
        with suppress(TimeoutError):
            async with asyncio.timeout(longest):
                await overtaken.wait()

    def _let_go(self) -> None:
        for overtaken in self._held:
            overtaken.set()
        self._held.clear()

    # -- one attempt ------------------------------------------------------------------------------------------

    def _logged(self, kind: str, name: str, payload: dict[str, Any]) -> Delivery:
        delivery = Delivery(kind, name, payload, at=time.time())
        self.log.append(delivery)
        self.wire.changed(delivery)
        return delivery

    async def _attempt(self, delivery: Delivery, *, number: int, reason: str) -> Outcome:
        began = time.perf_counter()
        at = time.time()
        # "No address" and "no connection" fail differently, but both within the limit.
        if self._app.events_url is not None:
            outcome = await self._by_http(delivery, self._app.events_url, number, reason)
        else:
            outcome = await self._by_socket(delivery, number, reason)
        outcome.ms = (time.perf_counter() - began) * 1000
        delivery.attempts.append(
            {
                "at": at,
                "number": number,
                "reason": reason,
                "over": "http" if self._app.events_url else "socket",
                "acknowledged": outcome.acknowledged,
                "error": outcome.error,
                "ms": round(outcome.ms, 3),
            }
        )
        if outcome.acknowledged:
            delivery.acknowledged, delivery.response = True, outcome.response
        self.wire.changed(delivery)
        return outcome

    async def _by_socket(self, delivery: Delivery, number: int, reason: str) -> Outcome:
        is_event = delivery.kind == "event"
        envelope: dict[str, Any] = {
            "envelope_id": str(uuid.uuid4()),
            "payload": delivery.payload,
            "type": _ENVELOPE_TYPES[delivery.kind],
            "accepts_response_payload": not is_event,
        }
        if is_event:
            envelope |= {"retry_attempt": number, "retry_reason": reason}
        if not await self._sockets.connected(self.ack_limit if is_event else 0.001):
            return Outcome(acknowledged=False, ms=0, error="timeout" if is_event else "dispatch_failed")
        try:
            async with asyncio.timeout(self.ack_limit):
                try:
                    response = await (await self._sockets.send(envelope))
                except ConnectionLost:
                    if is_event:
                        return Outcome(acknowledged=False, ms=0, error="timeout")
                    await asyncio.Event().wait()  # Slack's client only learns of it when the limit has passed
        except TimeoutError:
            return Outcome(acknowledged=False, ms=0, error="timeout" if is_event else "operation_timeout")
        return Outcome(acknowledged=True, ms=0, response=response or None)

    async def _by_http(self, delivery: Delivery, url: str, number: int, reason: str) -> Outcome:
        body, headers = self._signed(delivery)
        is_event = delivery.kind == "event"
        if number:
            headers |= {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
        if self._session is None:
            raise RuntimeError("the courier is not started")
        try:
            async with (
                asyncio.timeout(self.ack_limit),
                self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                raw = await answer.read()
        except TimeoutError:
            return Outcome(acknowledged=False, ms=0, error="http_timeout" if is_event else "operation_timeout")
        except aiohttp.ClientError:
            return Outcome(acknowledged=False, ms=0, error="connection_failed" if is_event else "dispatch_failed")
        if not 200 <= answer.status < 300:
            kind = "http_client_error" if answer.status < 500 else "http_service_error"
            retry = answer.headers.get("X-Slack-No-Retry") != "1"
            return Outcome(acknowledged=False, ms=0, error="http_error" if is_event else kind, retry=retry)
        return Outcome(acknowledged=True, ms=0, response=_body_of(raw, answer.content_type))

    def _signed(self, delivery: Delivery) -> tuple[bytes, dict[str, str]]:
        """Body and headers: https://docs.slack.dev/authentication/verifying-requests-from-slack"""
        if delivery.kind == "event":
            body, content_type = json.dumps(delivery.payload).encode(), "application/json"
        else:
            is_command = delivery.kind == "command"
            form = delivery.payload if is_command else {"payload": json.dumps(delivery.payload)}
            body, content_type = urlencode(form).encode(), "application/x-www-form-urlencoded"
        timestamp = str(int(time.time()))
        base = f"v0:{timestamp}:".encode() + body
        signature = hmac.new(self._app.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        return body, {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signature}",
        }

    async def verify_url(self, url: str) -> bool:
        """
        Slack's `url_verification` of a new request URL: whether it echoes the challenge.

        As plain text, in a form or in JSON: https://docs.slack.dev/reference/events/url_verification
        """
        challenge = uuid.uuid4().hex
        payload = {"token": self._app.verification_token, "challenge": challenge, "type": "url_verification"}
        probe = Delivery("event", "url_verification", payload, at=time.time())
        outcome = await self._by_http(probe, url, 0, "")
        answer = outcome.response if isinstance(outcome.response, dict) else {}
        return answer.get("challenge") == challenge or answer.get("text") in (challenge, f"challenge={challenge}")


def _body_of(raw: bytes, content_type: str) -> Any:
    if not raw.strip():
        return None
    text = raw.decode("utf-8", "replace")
    if content_type == "application/json":
        try:
            return json.loads(text) or None
        except ValueError:
            return None
    return {"text": text}
