"""The API of a desk that runs as a process: its port, and what a kill leaves behind."""

import asyncio
import re

import aiohttp
import pytest

from handlers.platform.api import PREFIX
from store import Actor, Function, Origin, Scope
from tests.desks import Bot, Desk

ONE = "+12125550100"
BY_ADMIN = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
ON = {"OPTOUT_API": "on"}


async def asked(bot: Bot, key: str, *, name: str) -> tuple[int, bytes]:
    """The same opt-out, by its idempotency key *name*; raises while the desk is away."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": name}
    body = {"function": "keyword", "phones": [ONE], "reason": "STOP"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{await bot.serving}{PREFIX}/entries", json=body, headers=headers) as answer,
    ):
        return answer.status, await answer.read()


async def test_the_api_is_off_unless_it_is_asked_for(desk: Desk) -> None:
    """Nothing is below its address then."""
    [bot] = await desk.start()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{await bot.serving}{PREFIX}/openapi.json") as answer,
    ):
        assert answer.status == 404


@pytest.mark.wide
async def test_what_was_done_by_a_desk_that_was_killed_is_done_once(desk: Desk) -> None:
    """Whenever it is killed: the same request to the next desk has the one answer, and there is one entry for each."""
    made = desk.store.keys.make(desk.account.id, "bridge", tuple(Scope), None, BY_ADMIN)
    names = 3
    for number in range(names):
        [bot] = await desk.start(settings=ON)
        asking = asyncio.create_task(asked(bot, made.text, name=f"SM{number}"))
        # Now before it was read, now between commit and answer, now after.
        await asyncio.sleep(0.004 * number)
        await desk.kill(bot)
        first = (await asyncio.gather(asking, return_exceptions=True))[0]
        [after] = await desk.start(settings=ON)
        again = await asked(after, made.text, name=f"SM{number}")
        assert again[0] == 200
        assert isinstance(first, BaseException) or first == again
        assert len(desk.store.optouts.find(desk.account.id, ONE).standing) == number + 1
        await desk.kill(after)


@pytest.mark.wide
async def test_the_api_may_have_a_port_of_its_own(desk: Desk) -> None:
    """The desk's own port has it no more, so that a proxy need not tell them apart; its figures are with the desk's."""
    [bot] = await desk.start(settings=ON | {"OPTOUT_API_PORT": "0"})
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{await bot.serving}{PREFIX}/openapi.json") as answer,
    ):
        assert answer.status == 404
    [line] = [line for line in bot.said if '"serving"' in line]
    assert f'{PREFIX}"' in line
    [api] = re.findall(rf'"(http://[^"]+){PREFIX}"', line)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{api}{PREFIX}/openapi.json") as answer:
            assert answer.status == 200
        async with session.get(f"{await bot.serving}/metrics") as answer:
            assert 'route="/openapi.json",status="200"} 1.0' in await answer.text()
