"""
Pacing of posts: a channel takes one message a second, a few at once, so a burst is spread over time instead of refused.

https://docs.slack.dev/apis/web-api/rate-limits says one a second and channel, and that short bursts above it are allowed; in
longer ones Slack may drop messages. What is sent is sent one by one and in the order in which the turns were taken: whoever
has to work on an answer first takes the turn when the question comes.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from handlers.slack.token_bucket import TokenBucket

# How many posts at once nobody says; head and details of one answer are two.
BURST: Final = 3
_MOST_CHANNELS: Final = 1_000


@dataclass(slots=True)
class _Line:
    """The turns of one channel, the first of them first, and its *pace*; None: they come whenever they come."""

    pace: TokenBucket | None
    turns: deque["Turn"] = field(default_factory=deque)


class Turn:
    """
    A turn to post into a channel: *may_go* once every earlier one of its *line* is over.

    `leave` gives it up, or ends it.
    """

    def __init__(self, line: _Line) -> None:
        self.line = line
        self.may_go = asyncio.Event()
        line.turns.append(self)
        line.turns[0].may_go.set()

    @property
    def is_over(self) -> bool:
        """Whether it was left."""
        return self not in self.line.turns

    def leave(self) -> None:
        """End the turn; those behind it move up. Again does nothing."""
        if self.is_over:
            return
        self.line.turns.remove(self)
        if self.line.turns:
            self.line.turns[0].may_go.set()


class Pacing:
    """
    The pace of posts by channel. *every*: the seconds between two, of which a few may come at once; 0: whenever they come.

    Each process paces its own; what several send too early together Slack refuses, and it is sent again.
    """

    def __init__(
        self,
        every: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._every = every
        self._clock = clock
        self._sleep = sleep
        self._lines: dict[str, _Line] = {}

    def turn(self, channel: str) -> Turn:
        """The next turn of *channel*. It must be left, by `sending` or by `Turn.leave`: others wait behind it."""
        line = self._lines.get(channel)
        if line is None:
            if len(self._lines) >= _MOST_CHANNELS:
                self._lines = {
                    name: one for name, one in self._lines.items() if one.turns or (one.pace and not one.pace.is_full)
                }
            line = self._lines[channel] = _Line(
                TokenBucket(60 / self._every, BURST, clock=self._clock, sleep=self._sleep) if self._every else None
            )
        return Turn(line)

    @asynccontextmanager
    async def sending(self, channel: str, turn: Turn | None = None) -> AsyncIterator[None]:
        """
        Wait for *turn* and for the pace; the block sends one message, and the turn is over.

        Without one, or when it is over already, for the last turn of *channel*.
        """
        if turn is None or turn.is_over:
            turn = self.turn(channel)
        try:
            await turn.may_go.wait()
            if turn.line.pace is not None:
                await turn.line.pace.turn()
            yield
        finally:
            turn.leave()
