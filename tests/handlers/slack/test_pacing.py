"""Posts of one channel go out one by one, in the order of their turns, at the pace that a channel takes."""

import asyncio
from collections.abc import Sequence

import pytest

from handlers.slack.pacing import BURST, Pacing, Turn
from tests.patience import PATIENCE


class Clock:
    """Seconds that pass by sleeping alone."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def sent_at(pace: Pacing, clock: Clock, posts: int, channel: str = "C1") -> list[float]:
    """When each of *posts* that come at once is sent, from now."""
    start, times = clock.now, []
    for _ in range(posts):
        async with pace.sending(channel):
            times.append(clock.now - start)
    return times


async def test_a_burst_is_spread(clock: Clock) -> None:
    """A few at once, then one a second; when nobody wrote for a while, as many at once as before, and no more."""
    pace = Pacing(1.0, clock, clock.sleep)
    assert await sent_at(pace, clock, BURST + 3) == [0.0] * BURST + [1.0, 2.0, 3.0]
    clock.now += 1.0
    assert await sent_at(pace, clock, 2) == [0.0, 1.0]
    clock.now += 60.0
    assert await sent_at(pace, clock, BURST + 1) == [0.0] * BURST + [1.0]


async def test_each_channel_has_its_own(clock: Clock) -> None:
    """Another channel does not wait; and those that nobody writes to any more are forgotten."""
    pace = Pacing(1.0, clock, clock.sleep)
    for number in range(3_000):
        assert await sent_at(pace, clock, 1, f"C{number}") == [0.0]
        clock.now += 0.1
    assert len(pace._lines) <= 1_001


async def order_of(pace: Pacing, turns: Sequence[Turn | None]) -> list[int]:
    """The order in which posts go out whose answers are ready last first."""
    sent: list[int] = []

    async def send(number: int, turn: Turn | None) -> None:
        async with pace.sending("C1", turn):
            await asyncio.sleep(0)
            sent.append(number)

    await asyncio.gather(*(send(number, turn) for number, turn in reversed([*enumerate(turns)])))
    return sent


async def test_turns_go_before_those_who_come_later() -> None:
    """Whoever took a turn when the question came posts first, however late the answer is."""
    pace = Pacing(0)
    turns = [pace.turn("C1") for _ in range(4)]
    assert await order_of(pace, turns) == [0, 1, 2, 3]
    assert await order_of(pace, [pace.turn("C1"), None, pace.turn("C1")]) == [0, 2, 1]


async def test_a_turn_that_is_left_keeps_nobody_waiting() -> None:
    """The one behind it goes; whoever left it may post later all the same, as the last."""
    pace = Pacing(0)
    first, second = pace.turn("C1"), pace.turn("C1")
    first.leave()
    first.leave()
    assert await order_of(pace, [first, second]) == [1, 0]


async def test_a_post_that_fails_or_is_given_up_ends_its_turn() -> None:
    """Also one that is cancelled while it waits."""
    pace = Pacing(0)
    with pytest.raises(ValueError, match="refused"):
        async with pace.sending("C1"):
            raise ValueError("refused")
    first = pace.turn("C1")

    async def send() -> None:
        async with pace.sending("C1"):
            pass

    waiting = asyncio.ensure_future(send())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    last = asyncio.ensure_future(send())
    first.leave()
    async with asyncio.timeout(PATIENCE):
        await last
