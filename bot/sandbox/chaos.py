"""
Chaos: one thing after another goes wrong, in an order that a seed decides.

It is what Slack and the way to it do on a bad day, and what a product gets over by itself. What only people can put right
stays out: a bot removed from its channel, a Socket Mode that was switched off, a file that is gone or too large.
"""

import asyncio
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.sandbox.faults import SOCKET_ACTS, Faults
from bot.sandbox.installation import Installation
from bot.sandbox.sockets import SocketHub

# Each with how often it is drawn beside the others.
_TROUBLES: tuple[tuple[int, str, str, dict[str, Any]], ...] = (
    (3, "method", "ratelimited", {"retry_after": 1}),
    (3, "method", "server_error", {"status": 503}),
    (2, "method", "html", {}),
    (3, "method", "slow", {"seconds": 1.2}),
    (4, "method", "lost_answer", {}),
    (3, "method", "reset", {}),
    (2, "method", "error", {"error": "internal_error"}),
    (3, "delivery", "duplicate", {}),
    (2, "delivery", "late", {"seconds": 0.7}),
    (2, "delivery", "reorder", {"seconds": 0.7}),
    (1, "socket", "refuse_ticket", {}),
    (1, "socket", "no_pong", {}),
    (2, "socket", "drop", {}),
    (2, "socket", "disconnect_refresh", {}),
    (1, "socket", "disconnect_warning", {}),
    (1, "file", "late_shares", {}),
    (1, "file", "cut_off", {}),
    (1, "file", "slow", {"seconds": 0.5}),
    (1, "token", "revoked", {}),
)
# Interactions have no retries: a second delivery of one would be a second press.
_TARGETS = {"method": "*", "delivery": "event", "socket": "*", "file": "*"}


@dataclass(frozen=True, slots=True)
class Step:
    """After *pause* seconds, *kind* goes wrong in *area* for *lasts* seconds, each time with *probability*."""

    pause: float
    area: str
    kind: str
    lasts: float
    probability: float
    seed: int
    settings: dict[str, Any]


def steps(seed: int) -> Iterator[Step]:
    """What goes wrong, in order, without an end; the same for the same *seed*."""
    dice = random.Random(seed)  # noqa: S311 - a repeatable schedule, not a secret
    weights = [weight for weight, *_ in _TROUBLES]
    while True:
        [(_, area, kind, settings)] = dice.choices(_TROUBLES, weights)
        yield Step(
            pause=dice.uniform(0.1, 1.5),
            area=area,
            kind=kind,
            lasts=dice.uniform(0.5, 3.0),
            probability=dice.choice((0.2, 0.5, 1.0)),
            seed=dice.randrange(2**32),
            settings=settings,
        )


class Chaos:
    """Lets the steps of a seed happen, as long as it runs."""

    def __init__(self, app: Installation, faults: Faults, sockets: SocketHub) -> None:
        self._app = app
        self._faults = faults
        self._sockets = sockets
        self._running: asyncio.Task[None] | None = None
        self.seed: int | None = None

    def start(self, seed: int) -> None:
        """Begin with the first step of *seed*, instead of whatever ran."""
        self.stop()
        self.seed = seed
        self._running = asyncio.create_task(self._run(seed))

    def stop(self) -> None:
        """Let nothing more go wrong; a fault that has been planted stays until its time is over."""
        if self._running is not None:
            self._running.cancel()
            self._app.revoked = False
        self._running = self.seed = None

    async def _run(self, seed: int) -> None:
        for step in steps(seed):
            await asyncio.sleep(step.pause)
            if step.area == "token":
                self._app.revoked = True
                await asyncio.sleep(step.lasts)
                self._app.revoked = False
            elif step.kind in SOCKET_ACTS:
                await self._sockets.act(step.kind)
            else:
                settings = {"times": -1, "until": step.lasts, "probability": step.probability, "seed": step.seed}
                self._faults.add(step.area, _TARGETS[step.area], step.kind, settings | step.settings)
