"""Background loops: what a look raises never ends one, and all of them start, stop and say how they are in one way."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from slack_sdk.errors import SlackClientError

from bot.http import listening
from bot.logs import redact_values
from handlers.loops import FIRST_WAIT, LONGEST_WAIT, Loop, backoff
from handlers.tasks import Tasks
from store import StoreUnavailable
from tests.handlers.conftest import Office
from tests.patience import PATIENCE

SURPRISES = [
    ConnectionResetError("reset by peer"),
    aiohttp.ServerDisconnectedError(),
    TimeoutError(),
    StoreUnavailable("It does not answer."),
    SlackClientError("no"),
    AttributeError("nobody foresaw this"),
]


def loop_of(look: Callable[[], Awaitable[bool]], *, every: float = 1000.0) -> tuple[Loop, Tasks, list[int]]:
    """A loop that hardly waits after a failure, and the failures in a row for which it was asked how long."""
    tasks = Tasks()
    asked: list[int] = []

    def wait(failures: int) -> float:
        asked.append(failures)
        return 0.0

    return Loop("test", look, tasks, every=every, wait=wait), tasks, asked


@pytest.mark.parametrize("error", SURPRISES, ids=lambda error: type(error).__name__)
async def test_whatever_a_look_raises_the_next_look_comes(error: Exception) -> None:
    """Three looks in a row fail; the loop says so while they do, and goes on as if nothing had been."""
    looks = itertools.count(1)
    states: list[str] = []
    over = asyncio.Event()

    async def look() -> bool:
        states.append(loop.state)
        if next(looks) <= 3:
            raise error
        over.set()
        return False

    loop, tasks, asked = loop_of(look)
    loop.start()
    await asyncio.wait_for(over.wait(), PATIENCE)
    assert states == ["ok", *[f"failing: {type(error).__name__}"] * 3]
    assert asked == [1, 2, 3]
    assert loop.alive
    loop.stop()
    await tasks.drain(10)
    assert (loop.alive, loop.state) == (False, "stopped")


async def test_a_loop_looks_on_while_it_finds_something_and_rests_until_it_is_poked() -> None:
    """After a look that found nothing it waits, and a poke is the next look."""
    found = iter([True, True, False, False])
    looked: asyncio.Queue[int] = asyncio.Queue()
    number = itertools.count(1)

    async def look() -> bool:
        looked.put_nowait(next(number))
        return next(found)

    loop, tasks, _ = loop_of(look)
    loop.start()
    assert [await asyncio.wait_for(looked.get(), PATIENCE) for _ in range(3)] == [1, 2, 3]
    assert looked.empty()
    loop.poke()
    assert await asyncio.wait_for(looked.get(), PATIENCE) == 4
    loop.stop()
    await tasks.drain(10)
    assert looked.empty()


async def test_a_stop_waits_for_the_look_that_is_going_on() -> None:
    """What was begun is finished while the desk drains; there is no look after it."""
    begun, may_end, looks = asyncio.Event(), asyncio.Event(), itertools.count(1)

    async def look() -> bool:
        next(looks)
        begun.set()
        await may_end.wait()
        return True

    loop, tasks, _ = loop_of(look)
    loop.start()
    await asyncio.wait_for(begun.wait(), PATIENCE)
    loop.stop()
    states = [loop.alive]
    may_end.set()
    await tasks.drain(10)
    assert [*states, loop.alive] == [True, False]
    assert next(looks) == 2


async def test_a_stop_during_the_wait_after_a_failure_ends_the_loop() -> None:
    """A loop that backs off for a minute does not hold the desk up for one."""
    failed = asyncio.Event()

    async def look() -> bool:
        failed.set()
        raise OSError

    tasks = Tasks()
    loop = Loop("test", look, tasks, every=1000.0, wait=lambda _failures: 1000.0)
    loop.start()
    await asyncio.wait_for(failed.wait(), PATIENCE)
    loop.stop()
    await asyncio.wait_for(tasks.drain(100), PATIENCE)
    assert not loop.alive


def test_the_wait_doubles_up_to_a_minute_and_is_spread() -> None:
    """The first is short, each one more twice as long at most, and no two replicas wait alike."""
    for failures in range(1, 40):
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1))
        waits = {backoff(failures) for _ in range(50)}
        assert len(waits) > 1
        assert all(longest / 2 <= wait <= longest for wait in waits)


async def test_the_log_says_how_each_loop_is(office: Office) -> None:
    """None has a name for which the log hides how it is, as it does what is called a token."""
    loops = (await office.service.readiness())["loops"]
    assert len(loops) == len(office.service.desk.loops)
    assert redact_values(None, "info", {"loops": loops}) == {"loops": loops}


@pytest.mark.wide_but_first
@pytest.mark.parametrize("error", SURPRISES, ids=lambda error: type(error).__name__)
async def test_every_loop_of_the_desk_outlives_what_its_look_raises(office: Office, error: Exception) -> None:
    """Uploads, exports, events, answers, homes, digests: each is alive after a failure, and looks again."""
    loops = office.service.desk.loops
    assert len({loop.name for loop in loops}) == len(loops) >= 7
    for loop in loops:
        again = asyncio.Event()
        right, failures = loop._look, itertools.count()

        async def look(
            right: Callable[[], Awaitable[bool]] = right,
            failures: "itertools.count[int]" = failures,
            again: asyncio.Event = again,
        ) -> bool:
            if next(failures) == 0:
                raise error
            again.set()
            return await right()

        loop._look = look
        loop._wait = lambda _failures: 0.0
        loop.poke()
        # The digests' next look is a minute away: pokes are how the desk wakes a loop.
        async with asyncio.timeout(PATIENCE):
            await again.wait()
        assert loop.alive


async def test_a_loop_that_is_dead_makes_the_desk_unready(office: Office) -> None:
    """`/readyz` is 200 while every loop lives; one that is not alive is a reason not to send anything here."""
    async with aiohttp.ClientSession() as session, listening(office.service.routes(), "127.0.0.1", 0) as address:
        async with session.get(f"{address}/readyz") as answer:
            assert answer.status == 200
        assert set((await office.service.readiness())["loops"].values()) == {"ok"}
        [digests] = [loop for loop in office.service.desk.loops if loop.name == "digests"]
        assert digests._task is not None
        digests._task.cancel()
        await asyncio.wait({digests._task})
        async with session.get(f"{address}/readyz") as answer:
            assert answer.status == 503
        assert (await office.service.readiness())["loops"]["digests"] == "stopped"
