"""The API of a desk that runs as a process: its port, and what a kill leaves behind."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from handlers.platform.api import PREFIX
from store import Actor, Function, Origin, Scope, UploadState
from tests.desks import Bot, Desk
from tests.patience import PATIENCE
from tests.swallowing import Way, swallowing

ONE = "+12125550100"
BY_ADMIN = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
ON = {"OPTOUT_API": "on"}
# Each with what it answers, and what the desk knows then.
WRITES: dict[str, tuple[tuple[str, str, Any], Callable[[Any], bool], Callable[[Desk], bool]]] = {
    "entries": (
        ("POST", "/entries", {"function": "keyword", "phones": [ONE], "reason": "STOP"}),
        lambda answer: answer["phones"][0]["newly"],
        lambda desk: len(desk.store.optouts.find(desk.account.id, ONE).standing) == 1,
    ),
    "campaign": (
        ("PUT", "/campaigns/gotv", {"name": "GOTV October", "active": True}),
        lambda answer: answer == {"changed": True},
        lambda desk: [one.id for one in desk.store.campaigns.list(desk.account.id)] == ["gotv", "old"],
    ),
    "conversations": (
        ("PUT", "/campaigns/old/conversations", {"conversations": [{"contact": "ada", "phone": ONE}]}),
        lambda answer: answer == {"new": 1, "changed": 0, "same": 0, "opted_out": 0},
        lambda desk: len(desk.store.optouts.find(desk.account.id, ONE).conversations) == 1,
    ),
}


async def asked(port: int, key: str, request: tuple[str, str, Any]) -> tuple[int, bytes]:
    """The answer to a request that is always named the same; raises while the desk is away."""
    method, path, body = request
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "SM0"}
    url = f"http://127.0.0.1:{port}{PREFIX}{path}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, json=body, headers=headers) as answer,
    ):
        return answer.status, await answer.read()


@pytest.mark.wide
async def test_the_api_is_off_unless_it_is_asked_for(desk: Desk) -> None:
    """Nothing is below its address then."""
    [bot] = await desk.start()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{await bot.serving}{PREFIX}/openapi.json") as answer,
    ):
        assert answer.status == 404


@pytest.mark.wide
@pytest.mark.parametrize("write", WRITES)
async def test_what_was_done_by_a_desk_that_was_killed_is_done_once(desk: Desk, write: str) -> None:
    """
    Killed as soon as it is asked, and then when it has done it and nobody was told: the same request to the next desk has the
    answer that the first one had, however often it is sent, and its effect is there once.
    """
    request, is_the_first, done_once = WRITES[write]
    key = desk.store.keys.make(desk.account.id, "bridge", tuple(Scope), None, BY_ADMIN).text
    desk.store.campaigns.put(desk.account.id, "old", "Old", active=False)
    with swallowing(("127.0.0.1", 1)) as proxy:

        async def serve() -> Bot:
            [bot] = await desk.start(settings=ON)
            proxy.aim(("127.0.0.1", urlsplit(await bot.serving).port or 0))
            return bot

        for answered in (False, True):
            bot = await serve()
            if answered:
                proxy.fall_silent(Way.WORDS, after=1)
            asking = asyncio.create_task(asked(proxy.port, key, request))
            if answered:
                assert await asyncio.to_thread(proxy.silent.wait, PATIENCE)
                assert done_once(desk)
            await desk.kill(bot)
            proxy.pass_on()
            proxy.hang_up()
            first = (await asyncio.gather(asking, return_exceptions=True))[0]
            assert isinstance(first, aiohttp.ClientError) or not answered
        bot = await serve()
        answers = {await asked(proxy.port, key, request) for _ in range(2)}
    [(status, body)] = answers
    assert status == 200
    assert is_the_first(json.loads(body))
    assert done_once(desk)


async def sent(bot: Bot, key: str, content: bytes | AsyncIterator[bytes]) -> tuple[int, bytes]:
    """The same list, by one idempotency key; raises while the desk is away."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "stops", "Content-Type": "text/csv"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{await bot.serving}{PREFIX}/uploads?name=stops.csv", data=content, headers=headers) as answer,
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
    begun, killed = asyncio.Event(), asyncio.Event()

    async def cut_off() -> AsyncIterator[bytes]:
        yield content[:100_000]
        begun.set()
        await killed.wait()

    sending = asyncio.create_task(sent(bots[0], made.text, cut_off()))
    await begun.wait()
    await desk.kill(bots[0])
    killed.set()
    with pytest.raises(aiohttp.ClientError):
        await sending
    bots += await desk.start(settings=ON)
    again = await sent(bots[1], made.text, content)
    assert again[0] == 200
    assert await sent(bots[1], made.text, content) == again
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
