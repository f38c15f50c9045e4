"""
What passing on takes: `python -m tests.bench passing`.

The desk is a process of its own; the embedded Slack, and the far side, which only notes when what came, are in this one. First the
whole list goes to a webhook, while an admin sends one command after the other; beside it a bare loop posts the same bodies to the
same far side. Then replies of STOP come by the API, each some time after the one before was passed on: the time is from the request
that tells of it until the far side has it.
"""

import asyncio
import json
import os
import random
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

import aiohttp
import click
from aiohttp import web

from store import Actor, DestinationKind, Function, NewDestination, Origin, Scope, Store
from tests.bench.desk import row
from tests.bench.feed import applied
from tests.bench.lists import postgres
from tests.desks import Desk, desk_on

_BY: Final = Origin(Function.COMMAND, Actor("U0BENCH", "bench"))
_SETTINGS: Final = MappingProxyType({"OPTOUT_API": "on", "OPTOUT_PRIVATE_DESTINATIONS": "on"})


@click.command()
@click.option("--phones", default=200_000, show_default=True, help="Opted out in the account.")
@click.option("--stops", default=200, show_default=True, help="Replies of STOP that are passed on.")
def passing(phones: int, stops: int) -> None:
    """A list and single opt-outs, passed on to a webhook."""
    for name in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
            url = f"sqlite:///{directory}/desk.db"
            if name == "PostgreSQL":
                server = stack.enter_context(postgres()).set(drivername="postgresql+psycopg")
                url = server.render_as_string(hide_password=False)
            print(f"\n| {name}, load {os.getloadavg()[0]:.1f} | number | median ms | p99 ms | slowest ms |")
            print("| --- | --- | --- | --- | --- |", flush=True)
            asyncio.run(_measure(url, Path(directory), phones, stops))


@dataclass
class _FarSide:
    """The bodies that came; *came* is set when the last of *awaited* phones did."""

    awaited: int = 0
    bodies: list[bytes] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(body)
        self.awaited -= len(json.loads(body)["data"]["phones"])
        if self.awaited <= 0:
            self.came.set()
        return web.Response(status=204)


async def _measure(url: str, directory: Path, phones: int, stops: int) -> None:
    store = Store.open(url)
    store.database.migrate()
    store.close()
    far = _FarSide()
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/hook", far.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with desk_on(url, directory) as desk:
            address = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
            await _list(desk, far, address, phones)
            await _stops(desk, far, stops)
    finally:
        await runner.cleanup()


async def _list(desk: Desk, far: _FarSide, address: str, phones: int) -> None:
    listed = [f"+1{2_000_000_000 + 7 * number}" for number in range(phones)]
    applied(desk.store, desk.account.id, listed, "F1")
    [bot] = await desk.start(settings=_SETTINGS)
    far.awaited = phones
    began = time.perf_counter()
    wanted = NewDestination(DestinationKind.WEBHOOK, "Bench", "C0BENCH", address)
    desk.store.destinations.make(desk.account.id, wanted, _BY)
    commands = []
    while not far.came.is_set():
        sent = time.perf_counter()
        assert (await desk.people.command("admin", "campaign-admins", "/optout help")).ok
        commands.append((time.perf_counter() - sent) * 1000)
    rate = phones / (time.perf_counter() - began)
    assert bot.process.returncode is None
    bodies = tuple(far.bodies)
    began = time.perf_counter()
    async with aiohttp.ClientSession() as session:
        for body in bodies:
            async with session.post(address, data=body) as answer:
                assert answer.status == 204
    bare = phones / (time.perf_counter() - began)
    print(f"| {phones:,} phones passed on | {rate:,.0f} a second; the bare loop {bare:,.0f}: {rate / bare:.2f} | | | |")
    print(row("commands acknowledged meanwhile", commands), flush=True)


async def _stops(desk: Desk, far: _FarSide, stops: int) -> None:
    key = desk.store.keys.make(desk.account.id, "bench", [Scope.REPORT], None, _BY).text
    rnd = random.Random(1)
    told, taken = [], []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        for number in range(stops):
            # So that it comes at any moment between two looks of the desk's.
            await asyncio.sleep(rnd.uniform(0.0, 0.5))
            far.came.clear()
            far.awaited = 1
            reply = {
                "source": "bench", "message": f"SM{number}", "from": f"+1212555{number:04}", "to": "12345",
                "text": "STOP", "received_at": "2026-11-03T14:05:00Z",
            }  # fmt: skip
            began = time.perf_counter()
            async with session.post(f"{await desk.bots[0].serving}/v1/replies", json=reply) as answer:
                assert (await answer.json())["outcome"] == "out"
            told.append((time.perf_counter() - began) * 1000)
            await far.came.wait()
            taken.append((time.perf_counter() - began) * 1000)
    print(row("replies of STOP answered", told), row("replies of STOP passed on", taken), sep="\n", flush=True)
