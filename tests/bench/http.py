"""
What a flood costs others, over HTTP: `python -m tests.bench http`.

A thousand connections at once send 8 MB each to the desk's port: a third unsigned, a third with headers
that look signed, a third the same in chunks. Another process sends them. Meanwhile an admin's command is sent, one after
the other, and the desk's memory is read. Embedded Slack, desk and flood share the machine.
"""

import asyncio
import os
import re
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlsplit

import click

from store import Store
from tests.bench.desk import row
from tests.desks import Desk, desk_on

CONNECTIONS = 1000
LARGE = 8 * 1024 * 1024
_PIECE = 64 * 1024


def memory_of(process: int) -> int:
    """The resident memory of a process, in bytes."""
    pages = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def descriptors_of(process: int) -> int:
    """How many files and connections a process has open."""
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def flood(host: str, port: int, connections: int) -> int:
    """Open all *connections* at once, send 8 MB over each, and return how many answers came."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, connections + 100)), hard))
    return asyncio.run(_flood(host, port, connections))


async def _flood(host: str, port: int, connections: int) -> int:
    looks_signed = f"X-Slack-Request-Timestamp: {int(time.time())}\r\nX-Slack-Signature: v0={'0' * 64}\r\n"
    lines = (
        f"Content-Length: {LARGE}\r\n",
        f"{looks_signed}Content-Length: {LARGE}\r\n",
        f"{looks_signed}Transfer-Encoding: chunked\r\n",
    )
    chunk = b"%x\r\n%b\r\n" % (_PIECE, bytes(_PIECE))

    async def send(number: int) -> bool:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"POST /slack/events HTTP/1.1\r\nHost: desk\r\n{lines[number % 3]}\r\n".encode())
                with suppress(OSError):
                    for _ in range(LARGE // _PIECE):
                        writer.write(chunk)
                        await writer.drain()
                return bool(re.match(rb"HTTP/1.1 (401|408|413|503) ", await reader.read()))
            finally:
                writer.close()
        return False

    return sum(await asyncio.gather(*(send(number) for number in range(connections))))


async def _measured(desk: Desk) -> None:
    [bot] = await desk.start(http=True)
    assert desk.slack.events_url is not None
    address = urlsplit(desk.slack.events_url)
    assert address.hostname is not None
    assert address.port is not None
    loop = asyncio.get_running_loop()
    click.echo("| | commands | median ms | p99 ms | slowest ms |\n| --- | --- | --- | --- | --- |")
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        quiet = loop.run_in_executor(pool, time.sleep, 5)
        for name, until in (
            ("nothing else", quiet),
            (
                f"{CONNECTIONS} connections of 8 MB",
                loop.run_in_executor(pool, flood, address.hostname, address.port, CONNECTIONS),
            ),
        ):
            taken: list[float] = []
            answered, highest = 0, 0
            while not until.done():
                begun = time.perf_counter()
                outcome = await desk.people.command("admin", "campaign-admins", "/optout help")
                taken.append((time.perf_counter() - begun) * 1000)
                answered += outcome.ok
                highest = max(highest, memory_of(bot.process.pid))
            await until
            memory = f"{highest / 1e6:.0f} MB at most"
            click.echo(row(f"{name}; {answered} of {len(taken)} answered in time, {memory}", taken))


@click.command()
def http() -> None:
    """Commands while a thousand connections send 8 MB each."""

    async def run() -> None:
        with tempfile.TemporaryDirectory() as directory:
            url = f"sqlite:///{directory}/desk.db"
            store = Store.open(url)
            store.database.migrate()
            store.close()
            async with desk_on(url, Path(directory)) as desk:
                await _measured(desk)

    asyncio.run(run())
