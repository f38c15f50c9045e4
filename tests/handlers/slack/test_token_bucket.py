"""The pace of calls: so many at once, so many a minute, and who waits goes before what can wait."""

import pytest

from handlers.slack.token_bucket import TokenBucket


class Time:
    """Seconds that pass when told to, and whoever sleeps says for how long."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def pace(time: Time) -> TokenBucket:
    """Thirty at once, then one a second."""
    return TokenBucket(60, 30, clock=time, sleep=time.sleep)


def spare(pace: TokenBucket, tries: int = 500) -> int:
    return [pace.spare() for _ in range(tries)].count(True)


def test_a_minute_has_no_more_than_both_together(pace: TokenBucket, time: Time) -> None:
    """Whatever is asked for, a minute sees the burst and the steady rate, and the next the steady rate."""
    made = 0
    for _ in range(60):
        made += spare(pace, 10)
        time.now += 1
    assert made == 30 + 59
    for _ in range(60):
        made += spare(pace, 10)
        time.now += 1
    assert made == 30 + 119


def test_quiet_saves_up_one_burst_only(pace: TokenBucket, time: Time) -> None:
    """After an hour without calls there are as many at once as ever."""
    time.now += 3_600
    assert spare(pace) == 30


async def test_who_waits_goes_first(pace: TokenBucket, time: Time) -> None:
    """Those who come too early wait, each a little longer; nothing is spare until the last of them had their turn."""
    for _ in range(33):
        await pace.turn()
    assert time.slept == [1.0, 2.0, 3.0]
    time.now += 3
    assert spare(pace) == 0
    time.now += 1
    assert spare(pace) == 1
