"""Pacing of calls of Slack's, so that a method stays under its tier: https://docs.slack.dev/apis/web-api/rate-limits"""

import asyncio
import time
from collections.abc import Awaitable, Callable


class TokenBucket:
    """
    A token bucket: *burst* calls at once and *a_minute* on and on, so never more than both together in a minute.

    `turn` is for calls that somebody waits for, `spare` for those that can be left to another time.
    """

    def __init__(
        self,
        a_minute: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._a_second = a_minute / 60
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        # Below zero there are calls that wait for their turn.
        self._left = float(burst)
        self._at = clock()

    @property
    def is_full(self) -> bool:
        """Whether as many calls as ever can be made at once."""
        self._refill()
        return self._left >= self._burst

    def spare(self) -> bool:
        """Take a call that can be made at once while nobody waits for theirs; False when there is none."""
        self._refill()
        if self._left < 1:
            return False
        self._left -= 1
        return True

    async def turn(self) -> None:
        """Take the next call, and wait until it may be made."""
        self._refill()
        self._left -= 1
        if self._left < 0:
            await self._sleep(-self._left / self._a_second)

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._a_second)
        self._at = now
