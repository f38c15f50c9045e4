"""Servers in processes of their own, and a client that only sends bytes and times them, for what is measured over HTTP."""

import asyncio
import gc
import json
import multiprocessing
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from multiprocessing.connection import Connection
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from bot import logs
from bot.http import listening
from store import Store

CONTEXT: Final = multiprocessing.get_context("spawn")


class Server:
    """A server in a process of its own, by its *pid*, and up to *connections* to it, which are kept while it keeps them."""

    def __init__(self, pid: int, url: str, connections: int) -> None:
        self.pid = pid
        self._address = urlsplit(url)
        self._idle: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter] | None] = asyncio.LifoQueue()
        for _ in range(connections):
            self._idle.put_nowait(None)

    async def ask(self, request: bytes) -> bytes:
        """The body of the answer, which has to be 200, over one of the connections, as soon as one is free."""
        status, body = await self.answer(request)
        assert status == 200, body
        return body

    async def answer(self, request: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        streams = await self._idle.get()
        if streams is None or streams[0].at_eof():
            # The desk closes one over which nothing came for a while.
            streams = await asyncio.open_connection(self._address.hostname, self._address.port, limit=1 << 24)
        reader, writer = streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = next(line for line in head.split(b"\r\n") if line.startswith(b"content-length:"))
        body = await reader.readexactly(int(size.partition(b":")[2]))
        closed = b"\r\nconnection: close\r\n" in head
        if closed:
            writer.close()
        self._idle.put_nowait(None if closed else streams)
        return int(head.split(maxsplit=2)[1]), body

    async def close(self) -> None:
        """Close the connections."""
        while not self._idle.empty():
            if (streams := self._idle.get_nowait()) is not None:
                streams[1].close()


@asynccontextmanager
async def served(server: Callable[..., None], *args: str, connections: int = 8) -> AsyncIterator[Server]:
    """*server* at work in a process of its own while the block runs: it is called with where to tell its address, and *args*."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=server, args=(theirs, *args))
    process.start()
    assert process.pid is not None
    running = Server(process.pid, await asyncio.to_thread(ours.recv), connections)
    try:
        yield running
    finally:
        await running.close()
        process.terminate()
        process.join()


def request_bytes(method: str, path: str, key: str, body: object = None) -> bytes:
    """A request of the API's with *key*, and with *body* as JSON."""
    data = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: desk", f"Authorization: Bearer {key}"]
    lines += [] if body is None else ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join([*lines, "", ""]).encode() + data


@contextmanager
def store_of_desk(url: str) -> Iterator[Store]:
    """The store of a desk that is measured. Its log is written as `serve` writes it, and read by nobody."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    logs.configure("INFO", "json")
    store = Store.open(url)
    store.database.identify()
    yield store
    store.close()


def serve_forever(told: Connection, app: web.Application) -> None:
    """Serve *app* on the desk's port, and tell the address."""

    async def listen() -> None:
        async with listening(app, "127.0.0.1", 0) as address:
            gc.freeze()  # as `serve` does once it serves
            told.send(address)
            await asyncio.Event().wait()

    asyncio.run(listen())


def bare_handler(told: Connection) -> None:
    """A bare handler of aiohttp's that does nothing, whatever is posted."""

    async def nothing(_request: web.Request) -> web.Response:
        return web.Response(body=b"{}", content_type="application/json")

    async def listen() -> None:
        app = web.Application()
        app.router.add_post("/{rest:.*}", nothing)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        told.send(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await asyncio.Event().wait()

    asyncio.run(listen())
