"""
The API over HTTP: `python -m tests.bench api`.

The desk's door and a bare aiohttp handler, which does nothing, are a process each; they are asked in turns, by a client that
only sends bytes and counts them. Beside a check of many phones stands the bare SQL statement, in turns as well. The machine's
other work slows all of them: trust the ratios.
"""

import asyncio
import json
import math
import multiprocessing
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from multiprocessing.connection import Connection
from typing import Final
from urllib.parse import urlsplit

import click
import sqlalchemy as sa
from aiohttp import web

from bot import logs
from bot.http import listening, routed
from handlers.platform.routes import platform_api
from store import Actor, Function, Origin, Scope, Store
from store.importing import BATCH
from tests.bench.feed import applied, bare_check, timed
from tests.bench.home import listed
from tests.bench.lists import postgres
from tests.bench.memory import processor_ms
from tests.handlers.platform.conftest import LISTS

_CHECKED: Final = 10_000
_TURNS: Final = 15
# Of single checks: turns of so many seconds each, by so many connections at once; a key has 16 requests at the most.
_RATE_TURNS, _RATE_SECONDS, _CONNECTIONS = 6, 2.0, 8
_A_SECOND: Final = 200
_BY: Final = Origin(Function.COMMAND, Actor("U0BENCH", "bench"))
_CONTEXT: Final = multiprocessing.get_context("spawn")


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
    async with _served(_desk, text) as desk, _served(_bare) as bare:
        one = _request("POST", "/v1/checks", key, {"phones": [numbers[0]]})
        await _rates(desk, bare, one, one, "single checks")
        await _rates(desk, bare, _request("GET", f"/v1/phones/{numbers[0]}", key), one, "phones looked up")
        await _many(desk, url, store, account, random.Random(1).sample(numbers, _CHECKED), key)
        await _conversations(desk, store, account, numbers[: 10 * _CHECKED], key)
        await _steady(desk, bare, one, text, account, numbers[1::2][:meanwhile])
        await _followed(desk, store, account, meanwhile, key)
    store.close()


async def _rates(desk: "Server", bare: "Server", asked_of_desk: bytes, asked_of_bare: bytes, called: str) -> None:
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


async def _flat_out(server: "Server", request: bytes) -> int:
    """How often *request* was answered in a turn."""
    end = time.perf_counter() + _RATE_SECONDS

    async def ask_on() -> int:
        asked = 0
        while time.perf_counter() < end:
            await server.ask(request)
            asked += 1
        return asked

    return sum(await asyncio.gather(*(ask_on() for _ in range(_CONNECTIONS))))


async def _many(desk: "Server", url: sa.URL, store: Store, account: int, asked: list[str], key: str) -> None:
    request = _request("POST", "/v1/checks", key, {"phones": asked})
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


async def _conversations(desk: "Server", store: Store, account: int, phones: list[str], key: str) -> None:
    store.campaigns.put(account, "gotv", "GOTV", active=True)
    talks = [{"contact": f"contact-{number:09}", "phone": phone} for number, phone in enumerate(phones)]
    requests = [
        _request("PUT", "/v1/campaigns/gotv/conversations", key, {"conversations": talks[start : start + _CHECKED]})
        for start in range(0, len(talks), _CHECKED)
    ]
    for what in ("new", "the same again"):
        began, of_desk = time.perf_counter(), processor_ms(desk.pid)
        for request in requests:
            await desk.ask(request)
        seconds, processor = time.perf_counter() - began, (processor_ms(desk.pid) - of_desk) / 1000
        rate, of_processor = (f"{len(talks) / took:,.0f}" for took in (seconds, processor))
        print(f"| conversations, {what} | {rate} a second; of the desk's processor {of_processor} |", flush=True)


async def _steady(desk: "Server", bare: "Server", one: bytes, url: str, account: int, phones: list[str]) -> None:
    """Single checks at a steady rate while another process applies a list."""
    applying = _CONTEXT.Process(target=_apply, args=(url, account, phones))
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


async def _followed(desk: "Server", store: Store, account: int, latest: int, key: str) -> None:
    """The last list, which was applied in batches, a change each."""
    cursor: str = str(store.changes.head(account) - math.ceil(latest / BATCH))
    read, more = 0, True
    began, of_desk = time.perf_counter(), processor_ms(desk.pid)
    while more:
        page = json.loads(await desk.ask(_request("GET", f"/v1/changes?after={cursor}", key)))
        read, cursor, more = read + len(page["phones"]), page["cursor"], page["more"]
    seconds, processor = time.perf_counter() - began, (processor_ms(desk.pid) - of_desk) / 1000
    print(
        f"| {read:,} phones followed | {read / seconds:,.0f} a second; of the desk's processor {read / processor:,.0f} |",
        flush=True,
    )


# --- the other processes --------------------------------------------------------------------------------------------


class Server:
    """A server in a process of its own, by its *pid*, and connections to it, which are kept."""

    def __init__(self, pid: int, url: str) -> None:
        self.pid = pid
        self._address = urlsplit(url)
        self._idle: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.LifoQueue()
        for _ in range(_CONNECTIONS):
            self._idle.put_nowait(None)

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer, over one of the connections, as soon as one is free."""
        streams = await self._idle.get()
        if streams is None or streams[0].at_eof():
            # The desk closes one over which nothing came for a while.
            streams = await asyncio.open_connection(self._address.hostname, self._address.port, limit=1 << 24)
        reader, writer = streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        size = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(int(size.partition(b":")[2]))
        self._idle.put_nowait(streams)
        return body

    async def close(self) -> None:
        """Close the connections."""
        while not self._idle.empty():
            if (streams := self._idle.get_nowait()) is not None:
                streams[1].close()


@asynccontextmanager
async def _served(serve: Callable[..., None], *args: str) -> AsyncIterator[Server]:
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=serve, args=(theirs, *args))
    process.start()
    assert process.pid is not None
    server = Server(process.pid, await asyncio.to_thread(ours.recv))
    try:
        yield server
    finally:
        await server.close()
        process.terminate()
        process.join()


def _request(method: str, path: str, key: str, body: object = None) -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: desk", f"Authorization: Bearer {key}"]
    lines += [] if body is None else ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


def _desk(told: Connection, url: str) -> None:
    # Its log is written as `serve` writes it, and read by nobody.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    logs.configure("INFO", "json")
    store = Store.open(url)
    store.database.identify()

    async def listen() -> None:
        async with listening(routed(platform_api(store, LISTS).route()), "127.0.0.1", 0) as address:
            told.send(address)
            await asyncio.Event().wait()

    asyncio.run(listen())


def _bare(told: Connection) -> None:
    async def nothing(_request: web.Request) -> web.Response:
        return web.Response(body=b"{}", content_type="application/json")

    async def listen() -> None:
        app = web.Application()
        app.router.add_post("/v1/checks", nothing)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        told.send(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await asyncio.Event().wait()

    asyncio.run(listen())


def _apply(url: str, account: int, phones: list[str]) -> None:
    store = Store.open(url)
    applied(store, account, phones, "F2")
    store.close()
