"""
Rate limits: by the tier of each method, and for posting one message a second and channel, with small bursts.

https://docs.slack.dev/apis/web-api/rate-limits has the tiers, and slackapi/java-slack-sdk (`MethodsRateLimits`) which
method is of which. How large a burst may be nobody says: as much as a minute's calls, and of posts a few.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

# Calls a minute, and how many of them at once.
TIERS: Final[Mapping[str, tuple[float, float]]] = {
    "1": (1, 5),
    "2": (20, 20),
    "3": (50, 50),
    "4": (100, 100),
    "hundreds": (600, 600),
    "posts to a channel": (60, 4),
    "posts": (300, 100),
}
POSTING: Final = "posts"


@dataclass(slots=True)
class _Bucket:
    """What is left of a burst, at the moment *at* (seconds of Slack's clock)."""

    left: float
    at: float


class RateLimits:
    """
    One app's use of each method in one workspace. Nothing is limited until `enforced` is set.

    *speed*: how much faster than Slack's this clock runs.
    """

    def __init__(self, *, enforced: bool, speed: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.enforced = enforced
        self._speed = speed
        self._clock = clock
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._refused = 0

    def seconds_to_wait(self, method: str, tier: str, arguments: Mapping[str, Any]) -> int:
        """The seconds after which a call that comes too early may be made; 0 for one that may be made now, which is counted."""
        if not self.enforced:
            return 0
        keys = [(tier, method)]
        if tier == POSTING:
            keys.append(("posts to a channel", str(arguments.get("channel"))))
        now = self._clock() * self._speed
        waits = [self._wait(key, now) for key in keys]
        if not any(waits):
            for key in keys:
                self._buckets[key].left -= 1
            return 0
        return max(1, math.ceil(max(waits) / self._speed))

    def _wait(self, key: tuple[str, str], now: float) -> float:
        """Seconds of Slack's clock until the bucket of *key* has one call left."""
        a_minute, burst = TIERS[key[0]]
        bucket = self._buckets.setdefault(key, _Bucket(burst, now))
        bucket.left = min(burst, bucket.left + (now - bucket.at) * a_minute / 60)
        bucket.at = now
        return 0.0 if bucket.left >= 1 else (1 - bucket.left) * 60 / a_minute

    def next_spelling(self) -> str | None:
        """What the next refusal calls itself: Slack spells it both ways, and now and then it says nothing that is JSON."""
        self._refused += 1
        return ("ratelimited", "rate_limited", None)[self._refused % 3 - 1]
