"""
Faults that tests and people switch on: what real Slack does now and then, on demand.

A fault has an area (`method`, `delivery`, `socket`, `file`), a target in it (a method's name, that name and the id of one of
several workspaces, a kind of delivery, `*`), a kind, and when it strikes: `times` (default once, -1 until cleared), with
`probability` drawn from `seed`, and by a schedule: not before `after` seconds from now, and not once `until` seconds have
passed. What a fault holds back is held for `seconds`, or until the faults are cleared; a slow method that is `done` was
done before.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
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
    """
    One fault, which *struck* so often; *times*: how often it still does.

    `settings` keeps what its kind needs (`retry_after` and `seconds` in seconds, `error`, `json`, `bytes`,
    `done`).
    """

    area: str
    target: str
    kind: str
    begins: float
    ends: float
    times: int = 1
    probability: float = 1.0
    settings: dict[str, Any] = field(default_factory=dict)
    struck: int = 0
    dice: random.Random = field(default_factory=random.Random)

    def number(self, name: str, default: float) -> float:
        return float(self.settings.get(name, default))

    def described(self) -> dict[str, Any]:
        said = {self.area: self.target, "fault": self.kind, "times": self.times, "probability": self.probability}
        return said | self.settings


class Faults:
    """The faults that wait for their occasion, oldest first."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: list[Fault] = []
        self._cleared = asyncio.Event()

    def add(self, area: str, target: str, kind: str, settings: dict[str, Any]) -> Fault:
        """Plant a fault; BadRequestError says what is wrong with its kind or settings."""
        if kind not in KINDS[area]:
            raise BadRequestError(f"{kind!r} is no {area} fault. Known: {', '.join(KINDS[area])}.")
        planned = ("times", "probability", "seed", "after", "until")
        numbers = {
            "times": 1.0,
            "probability": 1.0,
            "after": 0.0,
            "until": float("inf"),
            "seconds": 0.0,
            "retry_after": 0.0,
        }
        for name, default in numbers.items():
            try:
                numbers[name] = float(settings.get(name, default))
            except (TypeError, ValueError):
                raise BadRequestError(f"{name!r} must be a number.") from None
        now = self._clock()
        fault = Fault(
            area=area,
            target=target,
            kind=kind,
            begins=now + numbers["after"],
            ends=now + numbers["until"],
            times=int(numbers["times"]),
            probability=numbers["probability"],
            settings={name: value for name, value in settings.items() if name not in planned},
            dice=random.Random(settings.get("seed", 0)),  # noqa: S311 - a repeatable schedule, not a secret
        )
        self._waiting.append(fault)
        return fault

    @property
    def waiting(self) -> list[Fault]:
        """Those whose time is not over."""
        now = self._clock()
        self._waiting = [fault for fault in self._waiting if now < fault.ends]
        return list(self._waiting)

    def clear(self) -> None:
        self._waiting.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    async def hold(self, fault: Fault) -> None:
        """Wait for as long as *fault* holds back what it struck."""
        with suppress(TimeoutError):
            async with asyncio.timeout(fault.number("seconds", 1.0)):
                await self._cleared.wait()

    def take(self, area: str, target: str | tuple[str, ...], *kinds: str) -> Fault | None:
        """The first fault that strikes *target*, by any of its names, now, one use of it counted; None when all is well."""
        names = {"*", target} if isinstance(target, str) else {"*", *target}
        for fault in self.waiting:
            if fault.area != area or fault.target not in names or (kinds and fault.kind not in kinds):
                continue
            if self._clock() < fault.begins:
                continue
            if fault.probability < 1.0 and fault.dice.random() >= fault.probability:
                continue
            fault.struck += 1
            if fault.times > 0:
                fault.times -= 1
                if fault.times == 0:
                    self._waiting.remove(fault)
            return fault
        return None
