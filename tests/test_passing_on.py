"""Opt-outs passed on by the desk as an operator runs it, killed again and again, to a far side that loses every second answer."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from store import Actor, Destination, DestinationKind, Function, NewDestination, Origin
from tests.desks import Desk, desk_on
from tests.entries import opted_out
from tests.handlers.work.receiver import receiving, says
from tests.patience import PATIENCE
from tests.test_end_to_end import fictional_phones

ADMIN = Actor("U0ADMIN", "admin")
BY = Origin(Function.COMMAND, ADMIN, reason="asked in writing")
# Of a message the most, and a part of the next.
MANY = 1_300


async def until(desk: Desk, check: Callable[[Destination], bool]) -> None:
    """Wait until the destination is as *check* wants it, pressing *Retry* whenever it waits for its next try."""
    async with asyncio.timeout(PATIENCE):
        while True:
            [one] = await asyncio.to_thread(desk.store.destinations.list_of, desk.account.id)
            if check(one):
                return
            if one.failing_since is not None:
                await asyncio.to_thread(desk.store.destinations.retry, desk.account.id, one.id, BY)
            # The database says nothing when it changes; Slack's long poll paces the next look.
            state = await desk.people.state()
            await desk.people.state(after=state.version, timeout=0.05)


@pytest.mark.wide
async def test_a_desk_that_is_killed_leaves_the_far_side_with_exactly_the_list(
    database_url: str, tmp_path: Path
) -> None:
    """
    Killed with the first message on its way, with the third, and with the second; the far side takes each all the same, later.

    The list changes before and after each kill, and every second answer is lost. What is opted out there at the end is what is
    opted out here, and whatever was allowed again is known there as that.
    """
    async with desk_on(database_url, tmp_path, speed=200.0) as desk, receiving() as receiver:
        receiver.loses = lambda number: number % 2 == 1
        phones = fictional_phones(4 * MANY)
        wanted = NewDestination(DestinationKind.WEBHOOK, "Bridge", "C1", receiver.url)
        receiver.secret = desk.store.destinations.make(desk.account.id, wanted, BY).secret
        allowed = []
        for round_, before in enumerate((0, 2, 1)):
            reached, released = asyncio.Event(), asyncio.Event()

            async def holds(
                _request: web.Request, reached: asyncio.Event = reached, released: asyncio.Event = released
            ) -> web.Response:
                reached.set()
                await released.wait()
                return web.Response(status=204)

            part = phones[round_ * MANY : (round_ + 1) * MANY]
            desk.store.optouts.add(desk.account.id, part, BY)
            receiver.answers = [*[says(200)] * before, holds]
            [bot] = await desk.start(settings={"OPTOUT_PRIVATE_DESTINATIONS": "on"})
            await until(desk, lambda _one, reached=reached: reached.is_set())  # type: ignore[misc]
            await desk.kill(bot)
            # What the message said is not so any more when it is taken.
            allowed += part[:: MANY // 3]
            for phone in part[:: MANY // 3]:
                desk.store.optouts.delete(desk.account.id, phone, BY)
            released.set()
        desk.store.optouts.add(desk.account.id, phones[3 * MANY :], BY)
        [bot] = await desk.start(settings={"OPTOUT_PRIVATE_DESTINATIONS": "on"})
        await until(desk, lambda one: one.cursor is not None and not one.cursor.whole and one.waiting == 0)
        await bot.terminate()
        ours = set(opted_out(desk.store, desk.account.id))
        assert receiver.opted_out == ours == set(phones) - set(allowed)
        assert set(receiver.copy) == set(phones)
