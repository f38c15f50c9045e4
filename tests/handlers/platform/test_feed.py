"""`GET /v1/changes`: a copy that is made of it is the list, whenever its reader stops."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from handlers.platform.feed import LONGEST_WAIT
from handlers.platform.models import ChangesAnswer
from store import Actor, Function, Origin
from tests.handlers.platform.conftest import Platform

ONE, TWO, THREE = "+12125550100", "+12125550101", "+447911123456"
pytestmark = pytest.mark.wide_but_first
BY_HAND = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))


async def followed(platform: Platform, copy: dict[str, Any], after: str = "", limit: int = 10_000) -> str:
    """Read all that there is *after* a cursor into *copy*; the last cursor."""
    while True:
        query = f"?limit={limit}" + (f"&after={after}" if after else "")
        page = (await platform.ask("GET", f"/changes{query}")).json
        copy |= {one["phone"]: one["opted_out"] for one in page["phones"]}
        after = page["cursor"]
        if not page["more"]:
            return after


async def test_a_copy_follows_the_list(platform: Platform) -> None:
    """The whole list first, a phone at a time here; then what changed, whoever changed it."""
    store, account = platform.store, platform.account.id
    store.optouts.add(account, [ONE, THREE], BY_HAND)
    copy: dict[str, bool] = {}
    cursor = await followed(platform, copy, limit=1)
    assert copy == {ONE: True, THREE: True}
    store.optouts.delete(account, ONE, BY_HAND)
    await platform.ask("POST", "/entries", {"function": "keyword", "phones": [TWO]})
    end = await followed(platform, copy, cursor)
    assert copy == {ONE: False, TWO: True, THREE: True}
    again = dict(copy)
    assert await followed(platform, again, cursor) == end
    assert again == copy


async def test_whoever_waits_is_told_at_once(platform: Platform) -> None:
    """An opt-out in Slack ends the wait long before its time; one of another account does not."""
    cursor = await followed(platform, {})
    other = platform.store.accounts.get_or_create("T0OTHER", "Other")
    waiting = asyncio.create_task(platform.ask("GET", f"/changes?after={cursor}&wait={LONGEST_WAIT}"))
    await asyncio.to_thread(platform.store.optouts.add, other.id, [TWO], BY_HAND)
    began = time.monotonic()
    await asyncio.to_thread(platform.store.optouts.add, platform.account.id, [ONE], BY_HAND)
    page = (await waiting).json
    assert [one["phone"] for one in page["phones"]] == [ONE]
    assert time.monotonic() - began < LONGEST_WAIT


async def test_who_waits_in_vain_is_told_so(platform: Platform) -> None:
    """After its time, and when the desk stops: an answer without news, with the same cursor."""
    cursor = await followed(platform, {})
    page = (await platform.ask("GET", f"/changes?after={cursor}&wait=1")).json
    assert (page["phones"], page["cursor"], page["more"]) == ([], cursor, False)
    waiting = asyncio.create_task(platform.ask("GET", f"/changes?after={cursor}&wait={LONGEST_WAIT}"))
    while not platform.api._waiting:  # noqa: ASYNC110  it is on its way
        await asyncio.sleep(0)
    await platform.api.drain()
    assert (await waiting).json["phones"] == []


async def test_a_page_is_written_as_its_model_writes_it(platform: Platform) -> None:
    """Byte for byte, though phones are put into it by hand: those that are out, by several entries, and those that are not."""
    store, account = platform.store, platform.account.id
    store.optouts.add(account, [ONE, TWO], BY_HAND)
    store.optouts.add(account, [THREE], BY_HAND)
    store.optouts.delete(account, TWO, replace(BY_HAND, reason="texted START"))
    for query in ("", "?limit=2", "?after=3", "?after=0"):
        answer = await platform.ask("GET", f"/changes{query}")
        assert answer.raw == ChangesAnswer.model_validate_json(answer.raw).model_dump_json().encode()
    assert {one["phone"]: one["opted_out"] for one in answer.json["phones"]} == {ONE: True, TWO: False, THREE: True}


@pytest.mark.parametrize("cursor", ["5", "w5.12125550100"])
async def test_a_cursor_that_the_feed_does_not_reach_starts_anew(platform: Platform, cursor: str) -> None:
    """As after a backup was restored: the reader is told what to do."""
    answer = await platform.ask("GET", f"/changes?after={cursor}")
    assert (answer.status, answer.kind) == (409, "start-anew")


@pytest.mark.parametrize("query", ["after=", "after=x", "after=1.0", "limit=0", "limit=10001", "wait=26", "wait=-1"])
async def test_a_parameter_that_cannot_be_is_refused(platform: Platform, query: str) -> None:
    """By its name."""
    answer = await platform.ask("GET", f"/changes?{query}")
    assert (answer.status, answer.json["errors"][0]["at"]) == (400, query.partition("=")[0])
