"""
The API over HTTP: `python -m tests.bench api`.

The desk's door and a bare aiohttp handler, which does nothing, are a process each; they are asked in turns, by a client that
only sends bytes and counts them. Beside a check of many phones stands the bare SQL statement, in turns as well. The machine's
other work slows all of them: trust the ratios.
"""

import asyncio
import json
import math
import os
import random
import statistics
import tempfile
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from typing import Final

import click
import sqlalchemy as sa

from bot.http import routed
from handlers.platform.routes import platform_api
from store import Actor, Function, Origin, Scope, Store
from store.importing import BATCH
from tests.bench.feed import applied, bare_check, timed
from tests.bench.home import listed
from tests.bench.lists import postgres
from tests.bench.memory import processor_ms
from tests.bench.servers import CONTEXT, Server, bare_handler, request_bytes, serve_forever, served, store_of_desk
from tests.handlers.platform.conftest import LISTS, PASSING_ON

_CHECKED: Final = 10_000
_TURNS: Final = 15
# Of single checks: turns of so many seconds each, by so many connections at once; a key has 16 requests at the most.
_RATE_TURNS, _RATE_SECONDS, _CONNECTIONS = 6, 2.0, 8
_A_SECOND: Final = 200
_BY: Final = Origin(Function.COMMAND, Actor("U0BENCH", "bench"))


@click.command()
@click.option("--phones", default=2_000_000, show_default=True, help="Opted out in the account.")
@click.option("--meanwhile", default=1_000_000, show_default=True, help="Phones of a list that is applied meanwhile.")
def api(phones: int, meanwhile: int) -> None:
    """Checks, conversations and the feed over HTTP."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        for name in ("SQLite", "PostgreSQL"):
            url = sa.make_url(f"sqlite:///{directory}/desk.db")
            if name == "PostgreSQL":
                url = stack.enter_context(postgres()).set(drivername="postgresql+psycopg")
            print(f"\n| {name}, load {os.getloadavg()[0]:.1f} | |\n| --- | --- |", flush=True)
            asyncio.run(_measure(url, phones, meanwhile))


async def _measure(url: sa.URL, phones: int, meanwhile: int) -> None:
    text = url.render_as_string(hide_password=False)
    store = Store.open(text)
    store.database.migrate()
    account = store.accounts.get_or_create("T0BENCH", "Bench").id
    listed(store, account, phones)
    # Every other one is not out, and lies among those that are.
    numbers = [f"+1{2_000_000_000 + 7 * (number // 2) + number % 2}" for number in range(4, 2 * phones)]
    key = store.keys.make(account, "bench", tuple(Scope), None, _BY).text
    async with served(_desk, text) as desk, served(bare_handler) as bare:
        one = request_bytes("POST", "/v1/checks", key, {"phones": [numbers[0]]})
        await _rates(desk, bare, one, one, "single checks")
        await _rates(desk, bare, request_bytes("GET", f"/v1/phones/{numbers[0]}", key), one, "phones looked up")
        await _many(desk, url, store, account, random.Random(1).sample(numbers, _CHECKED), key)
        await _conversations(desk, store, account, numbers[: 10 * _CHECKED], key)
        await _steady(desk, bare, one, text, account, numbers[1::2][:meanwhile])
        await _followed(desk, store, account, meanwhile, key)
    store.close()


async def _rates(desk: Server, bare: Server, asked_of_desk: bytes, asked_of_bare: bytes, called: str) -> None:
    rates: dict[Server, list[float]] = {desk: [], bare: []}
    processor: dict[Server, list[float]] = {desk: [], bare: []}
    for _ in range(_RATE_TURNS):
        for server, request in ((desk, asked_of_desk), (bare, asked_of_bare)):
            began = processor_ms(server.pid)
            asked = await _flat_out(server, request)
            processor[server].append((processor_ms(server.pid) - began) / asked * 1000)
            rates[server].append(asked / _RATE_SECONDS)
    for what, of, unit in ((f"{called} a second", rates, ""), ("processor of one", processor, " us")):
        ours, reference = (statistics.median(of[server]) for server in (desk, bare))
        print(
            f"| {what} | {ours:,.0f}{unit}; the bare handler {reference:,.0f}{unit}: {ours / reference:.2f} |",
            flush=True,
        )


async def _flat_out(server: Server, request: bytes) -> int:
    """How often *request* was answered in a turn."""
    end = time.perf_counter() + _RATE_SECONDS

    async def ask_on() -> int:
        asked = 0
        while time.perf_counter() < end:
            await server.ask(request)
            asked += 1
        return asked

    return sum(await asyncio.gather(*(ask_on() for _ in range(_CONNECTIONS))))


async def _many(desk: Server, url: sa.URL, store: Store, account: int, asked: list[str], key: str) -> None:
    request = request_bytes("POST", "/v1/checks", key, {"phones": asked})
    over_http, verb, bare = [], [], []
    with bare_check(url, account, asked) as statement:
        for _ in range(_TURNS):
            began = time.perf_counter()
            await desk.ask(request)
            over_http.append(time.perf_counter() - began)
            verb.append(timed(lambda: store.optouts.check(account, asked)))
            bare.append(timed(statement))
    for what, of in (("over HTTP", over_http), ("by the verb", verb)):
        ours, reference = (statistics.median(times) * 1000 for times in (of, bare))
        print(
            f"| {_CHECKED:,} phones checked {what} | {ours:.1f} ms; the bare statement {reference:.1f} ms: {ours / reference:.2f} |",
            flush=True,
        )


async def _conversations(desk: Server, store: Store, account: int, phones: list[str], key: str) -> None:
    store.campaigns.put(account, "gotv", "GOTV", active=True)
    talks = [{"contact": f"contact-{number:09}", "phone": phone} for number, phone in enumerate(phones)]
    requests = [
        request_bytes(
            "PUT", "/v1/campaigns/gotv/conversations", key, {"conversations": talks[start : start + _CHECKED]}
        )
        for start in range(0, len(talks), _CHECKED)
    ]
    for what in ("new", "the same again"):
        began, of_desk = time.perf_counter(), processor_ms(desk.pid)
        for request in requests:
            await desk.ask(request)
        seconds, processor = time.perf_counter() - began, (processor_ms(desk.pid) - of_desk) / 1000
        rate, of_processor = (f"{len(talks) / took:,.0f}" for took in (seconds, processor))
        print(f"| conversations, {what} | {rate} a second; of the desk's processor {of_processor} |", flush=True)


async def _steady(desk: Server, bare: Server, one: bytes, url: str, account: int, phones: list[str]) -> None:
    """Single checks at a steady rate while another process applies a list."""
    applying = CONTEXT.Process(target=_apply, args=(url, account, phones))
    applying.start()
    took: dict[Server, list[float]] = {desk: [], bare: []}

    async def ask(server: Server, planned: float) -> None:
        await server.ask(one)
        # From when it was to be sent: a client that has to wait is not let off.
        took[server].append((time.perf_counter() - planned) * 1000)

    planned = time.perf_counter()
    async with asyncio.TaskGroup() as asking:
        while applying.is_alive():
            planned += 1 / _A_SECOND
            await asyncio.sleep(max(0, planned - time.perf_counter()))
            for server in took:
                asking.create_task(ask(server, planned))
    applying.join()
    for server, name in ((desk, "the desk"), (bare, "the bare handler")):
        p50, p99 = (statistics.quantiles(took[server], n=100)[part] for part in (49, 98))
        print(f"| {_A_SECOND} checks a second while a list is applied, {name} | p50 {p50:.1f} ms, p99 {p99:.1f} ms |")
    print(f"| the list that was applied, load {os.getloadavg()[0]:.1f} | {len(phones):,} phones |", flush=True)


async def _followed(desk: Server, store: Store, account: int, latest: int, key: str) -> None:
    """The last list, which was applied in batches, a change each."""
    cursor: str = str(store.changes.head(account) - math.ceil(latest / BATCH))
    read, more = 0, True
    began, of_desk = time.perf_counter(), processor_ms(desk.pid)
    while more:
        page = json.loads(await desk.ask(request_bytes("GET", f"/v1/changes?after={cursor}", key)))
        read, cursor, more = read + len(page["phones"]), page["cursor"], page["more"]
    seconds, processor = time.perf_counter() - began, (processor_ms(desk.pid) - of_desk) / 1000
    print(
        f"| {read:,} phones followed | {read / seconds:,.0f} a second; of the desk's processor {read / processor:,.0f} |",
        flush=True,
    )


def _desk(told: Connection, url: str) -> None:
    with store_of_desk(url) as store:
        serve_forever(told, routed(platform_api(store, LISTS, PASSING_ON).route()))


def _apply(url: str, account: int, phones: list[str]) -> None:
    store = Store.open(url)
    applied(store, account, phones, "F2")
    store.close()
