"""What Slack sends, as operators see it: counted by kind, timed to its acknowledgement, and a line of the log for each."""

import time
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import Any, Final

import structlog
from prometheus_client import Counter, Histogram
from prometheus_client.core import Metric
from slack_bolt.response import BoltResponse

from handlers.slack.posting import POSTED

log = structlog.get_logger(__name__)

# Seconds. Slack waits for three: https://docs.slack.dev/interactivity/handling-user-interaction#acknowledgment_response
BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
# Of payloads, by what stands in their `type`; a command has none.
_KINDS: Final = {
    "event_callback": "event",
    "block_actions": "button",
    "block_suggestion": "button",
    "message_action": "shortcut",
    "shortcut": "shortcut",
    "view_submission": "form",
    "view_closed": "form",
}
KINDS: Final = ("command", *dict.fromkeys(_KINDS.values()), "other")


def _kind_of(payload: dict[str, Any]) -> str:
    """The kind of a payload of Slack's, one of `KINDS`."""
    return "command" if "command" in payload else _KINDS.get(str(payload.get("type")), "other")


class Acts:
    """
    Counts and times what Slack sends until its acknowledgement, each an act of a person's or an event.

    A payload that is answered with an error, or with nothing, is received and not acknowledged: Slack sends it again, or tells the
    person that it failed. *names*: of the desk's listeners; what goes by another is logged without it, for whatever it may say.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._received = Counter("optout_received", "Payloads of Slack's.", ["kind"], registry=None)
        self._acknowledged = Histogram(
            "optout_acknowledged_seconds",
            "Time of Slack's payloads until their acknowledgement.",
            ["kind"],
            registry=None,
            buckets=BUCKETS,
        )
        for kind in KINDS:
            # Known from the start, or the first of a kind would be no growth.
            self._received.labels(kind)
            self._acknowledged.labels(kind)

    async def acknowledge(
        self, payload: dict[str, Any], answer: Callable[[dict[str, Any]], Awaitable[BoltResponse]]
    ) -> BoltResponse:
        """What *answer* makes of *payload*, counted and timed. Raises what that raises."""
        kind, began = _kind_of(payload), time.monotonic()
        self._received.labels(kind).inc()
        status = 0
        try:
            response = await answer(payload)
            status = response.status
        finally:
            took = time.monotonic() - began
            if 200 <= status < 300:
                self._acknowledged.labels(kind).observe(took)
            name = _name_of(payload)
            # Each of the desk's own messages comes back as one of these.
            say = log.debug if name == POSTED else log.info
            known = name if name in self._names else None
            say("act", kind=kind, name=known, user=_user_of(payload), status=status, ms=round(took * 1000, 1))
        return response

    def collect(self) -> Iterator[Metric]:
        """The families, for Prometheus."""
        yield from self._received.collect()
        yield from self._acknowledged.collect()


def _name_of(payload: dict[str, Any]) -> object:
    """What was sent, by the name of the listener that it is for."""
    if "command" in payload:
        return payload["command"]
    if payload.get("type") == "event_callback":
        event = payload["event"]
        return event["function"]["callback_id"] if event["type"] == "function_executed" else event["type"]
    if payload.get("actions"):
        return payload["actions"][0]["action_id"]
    return (payload.get("view") or payload).get("callback_id")


def _user_of(payload: dict[str, Any]) -> str | None:
    """Whose act it is, by the id in Slack; None where it says nothing of that."""
    event = payload.get("event") or {}
    found = event.get("user_id") or event.get("user") or payload.get("user_id") or payload.get("user")
    found = found.get("id") if isinstance(found, dict) else found
    return found if isinstance(found, str) else None
