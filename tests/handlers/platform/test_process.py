"""The API of a desk that runs as a process: its port, and what a kill leaves behind."""

import asyncio
import io

import aiohttp
import pytest

from handlers.platform.api import PREFIX
from store import Actor, Function, Origin, Scope, UploadState
from tests.desks import Bot, Desk
from tests.patience import PATIENCE

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


async def sent(bot: Bot, key: str, content: bytes) -> tuple[int, bytes]:
    """The same list, by one idempotency key; raises while the desk is away."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "stops", "Content-Type": "text/csv"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{await bot.serving}{PREFIX}/uploads?name=stops.csv", data=io.BytesIO(content), headers=headers
        ) as answer,
    ):
        return answer.status, await answer.read()


async def follow(bots: list[Bot], key: str, copy: dict[str, bool], phones: set[str]) -> None:
    """Keep *copy* by the feed of the last of *bots* until it has *phones*; while one is killed it is asked again."""
    cursor = ""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        while {phone for phone, is_out in copy.items() if is_out} != phones:
            try:
                url = f"{await bots[-1].serving}{PREFIX}/changes?wait=1{cursor and '&after='}{cursor}"
                async with session.get(url) as answer:
                    page = await answer.json()
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
                continue
            if answer.status == 200:
                copy |= {one["phone"]: one["opted_out"] for one in page["phones"]}
                cursor = page["cursor"]


@pytest.mark.wide
async def test_a_list_outlives_kills_and_who_follows_has_it(desk: Desk) -> None:
    """Killed while it comes in and while it is applied: one upload, and a follower ends with exactly its phones."""
    made = desk.store.keys.make(desk.account.id, "bridge", tuple(Scope), None, BY_ADMIN)
    phones = [f"+1415{2_000_000 + number}" for number in range(30_000)]
    content = "\n".join(["phone", *phones]).encode()
    bots = await desk.start(settings=ON)
    sending = asyncio.create_task(sent(bots[0], made.text, content))
    await asyncio.sleep(0.05)
    await desk.kill(bots[0])
    first = (await asyncio.gather(sending, return_exceptions=True))[0]
    bots += await desk.start(settings=ON)
    again = await sent(bots[1], made.text, content)
    assert again[0] == 200
    assert isinstance(first, BaseException) or first == again
    copy: dict[str, bool] = {}
    following = asyncio.create_task(follow(bots, made.text, copy, set(phones)))
    await desk.press(await desk.preview(), "upload.confirm")
    await desk.stored(lambda upload: upload.applied > 0)
    await desk.kill(bots[1])
    bots += await desk.start(settings=ON)
    assert (await desk.stored(lambda upload: upload.state is UploadState.DONE)).newly_opted_out == len(phones)
    async with asyncio.timeout(PATIENCE):
        await following
    assert len(copy) == len(phones)


@pytest.mark.wide
async def test_the_api_may_have_a_port_of_its_own(desk: Desk) -> None:
    """The desk's own port has it no more, so that a proxy need not tell them apart."""
    [bot] = await desk.start(settings=ON | {"OPTOUT_API_PORT": "0"})
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{await bot.serving}{PREFIX}/openapi.json") as answer,
    ):
        assert answer.status == 404
    [line] = [line for line in bot.said if '"serving"' in line]
    assert f'{PREFIX}"' in line
