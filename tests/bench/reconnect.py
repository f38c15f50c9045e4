"""
From Slack's return to a connection: `python -m tests.bench reconnect`.

A connection that has held is lost because Slack goes away in one of the ways it does; the milliseconds are from the moment
Slack is there again to its hello. Embedded Slack and desk's connection share a process, the tries of one row run side by
side and begin at moments of their own. The reference is a bare aiohttp dial (a ticket, the WebSocket, the hello), made to
the same Slack after that.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import aiohttp
import click
import structlog
from slack_bolt.response import BoltResponse

from bot.sandbox import EmbeddedSlack
from bot.socket import STEADY, SocketConnection
from tests.bench.desk import row

PATIENCE = 120.0  # seconds for a connection; none is to need them

Outage = Callable[[EmbeddedSlack], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def nobody_listens(slack: EmbeddedSlack) -> AsyncIterator[None]:
    """Slack says goodbye, and TCP is refused."""
    await slack.stop()
    yield
    await slack.start()


@asynccontextmanager
async def server_errors(slack: EmbeddedSlack) -> AsyncIterator[None]:
    """The connection is cut, and no ticket is given."""
    slack.platform.faults.add("method", "apps.connections.open", "server_error", {"times": -1})
    await slack.platform.sockets.act("drop")
    yield
    slack.platform.faults.clear()


@asynccontextmanager
async def tickets_refused(slack: EmbeddedSlack) -> AsyncIterator[None]:
    """The connection is cut, and no ticket is taken."""
    slack.platform.faults.add("socket", "*", "refuse_ticket", {"times": -1})
    await slack.platform.sockets.act("drop")
    yield
    slack.platform.faults.clear()


@asynccontextmanager
async def cut(slack: EmbeddedSlack) -> AsyncIterator[None]:
    """The connection is cut by a Slack that is there."""
    yield
    await slack.platform.sockets.act("drop")


OUTAGES: tuple[tuple[str, Outage, tuple[float, ...]], ...] = (
    ("connection cut, Slack there", cut, (0.0,)),
    ("TCP refused", nobody_listens, (1.0, 15.0)),
    ("apps.connections.open answers 503", server_errors, (1.0, 15.0)),
    ("ticket refused", tickets_refused, (1.0, 15.0)),
)


async def acknowledged(_payload: dict[str, Any]) -> BoltResponse:
    """Whatever Slack sends; nothing is sent here."""
    return BoltResponse(status=200)


async def bare_dial(slack: EmbeddedSlack) -> None:
    """The least that a connection takes."""
    authorization = {"Authorization": f"Bearer {slack.app_token}"}
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{slack.api_url}apps.connections.open", headers=authorization) as answer:
            ticket = (await answer.json())["url"]
        async with session.ws_connect(ticket) as socket:
            assert (await socket.receive_json())["type"] == "hello"


async def lose_and_wait(outage: Outage, seconds: float, held: float) -> tuple[float, float]:
    """Lose a connection that *held* to an outage of *seconds*; milliseconds from Slack's return, and of a bare dial."""
    async with EmbeddedSlack() as slack:
        connection = SocketConnection(acknowledged, slack.app_token, slack.api_url)
        await connection.start()
        assert await slack.platform.sockets.connected(PATIENCE)
        await asyncio.sleep(held)
        async with outage(slack):
            await asyncio.sleep(seconds)
            returned = time.perf_counter()
        assert await slack.platform.sockets.connected(PATIENCE)
        connected = time.perf_counter()
        await bare_dial(slack)
        dialled = time.perf_counter()
        await connection.stop()
        return (connected - returned) * 1000, (dialled - connected) * 1000


async def run(tries: int) -> None:
    """Measure, and print the table."""
    dice = random.Random(8)
    references: list[float] = []
    print("\n| Slack's return to connected, milliseconds | n | p50 | p99 | worst |\n| --- | --- | --- | --- | --- |")
    for name, outage, lengths in OUTAGES:
        for seconds in lengths:
            held = [STEADY + dice.uniform(0.5, 5.0) for _ in range(tries)]
            pairs = await asyncio.gather(*(lose_and_wait(outage, seconds, one) for one in held))
            references += [bare for _, bare in pairs]
            print(row(f"{name}, {seconds:.0f} s" if seconds else name, [took for took, _ in pairs]), flush=True)
    print(row("(a bare dial)", references))


@click.command()
@click.option("--tries", default=20, show_default=True, help="Outages of each kind.")
def reconnect(tries: int) -> None:
    """From Slack's return to connected, after every kind of outage."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    asyncio.run(run(tries))
