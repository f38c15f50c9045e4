"""
Faults that tests switch on: what real Slack does now and then, on demand.

A fault has an area (`method`, `delivery`, `socket`, `file`), a target in it (a method's name, a kind of delivery, `*`),
a kind, and how often it strikes: `times` (default once, -1 until cleared), with `probability` drawn from `seed`.
"""

import random
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import BadRequestError

KINDS = {
    "method": ("ratelimited", "server_error", "html", "slow", "lost_answer", "reset", "error"),
    "delivery": ("duplicate", "late", "reorder"),
    "socket": ("refuse_ticket", "no_pong"),
    "file": ("late_shares", "cut_off", "oversized", "html_login", "gone", "redirect", "slow"),
}
# Socket faults that happen at once to the open connections instead of waiting for an occasion.
SOCKET_ACTS = ("disconnect_warning", "disconnect_refresh", "link_disabled", "drop")


@dataclass(slots=True)
class Fault:
    """One fault; `settings` keeps what its kind needs (`retry_after` and `seconds` in seconds, `error`, `bytes`)."""

    area: str
    target: str
    kind: str
    times: int = 1
    probability: float = 1.0
    settings: dict[str, Any] = field(default_factory=dict)
    dice: random.Random = field(default_factory=random.Random)

    def number(self, name: str, default: float) -> float:
        return float(self.settings.get(name, default))

    def described(self) -> dict[str, Any]:
        return {self.area: self.target, "fault": self.kind, "times": self.times, **self.settings}


class Faults:
    """The faults that wait for their occasion, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, area: str, target: str, kind: str, settings: dict[str, Any]) -> Fault:
        """Plant a fault; BadRequestError names the known kinds when *kind* is none of them."""
        if kind not in KINDS[area]:
            raise BadRequestError(f"{kind!r} is no {area} fault. Known: {', '.join(KINDS[area])}.")
        rest = {name: value for name, value in settings.items() if name not in ("times", "probability", "seed")}
        fault = Fault(
            area=area,
            target=target,
            kind=kind,
            times=int(settings.get("times", 1)),
            probability=float(settings.get("probability", 1.0)),
            settings=rest,
            dice=random.Random(settings.get("seed", 0)),  # noqa: S311 - a repeatable schedule, not a secret
        )
        self.waiting.append(fault)
        return fault

    def clear(self) -> None:
        self.waiting.clear()

    def take(self, area: str, target: str, *kinds: str) -> Fault | None:
        """The first fault that strikes *target* now, one use of it counted; None when all is well."""
        for fault in self.waiting:
            if fault.area != area or fault.target not in ("*", target) or (kinds and fault.kind not in kinds):
                continue
            if fault.probability < 1.0 and fault.dice.random() >= fault.probability:
                continue
            if fault.times > 0:
                fault.times -= 1
                if fault.times == 0:
                    self.waiting.remove(fault)
            return fault
        return None
