"""
Socket Mode, the server's side: https://docs.slack.dev/apis/events-api/using-socket-mode

A ticket opens one connection, once, within its life. A connection is greeted with `hello`, pinged, and closed when it
stops answering; each envelope goes to one connection and is settled by the client's `{"envelope_id": ...}`.
"""

import asyncio
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from bot.sandbox.faults import Faults
from bot.sandbox.installation import Installation
from bot.sandbox.workspace import Workspace

MOST_CONNECTIONS = 10
TICKET_LIFE = 60.0  # seconds
PING_EVERY = 10.0  # seconds
_PINGS_MISSED = 3


class ConnectionLost(Exception):  # noqa: N818 - an outcome the courier handles, not an error of ours
    """The connection an envelope was sent over closed before the envelope was acknowledged."""


@dataclass(slots=True, eq=False)
class Connection:
    """One open WebSocket of the app."""

    request: web.Request
    socket: web.WebSocketResponse
    host: str
    pending: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    unanswered_pings: int = 0
    ponged: asyncio.Event = field(default_factory=asyncio.Event)


class SocketHub:
    """The app's open connections and its unused tickets."""

    def __init__(self, workspace: Workspace, app: Installation, faults: Faults, *, speed: float) -> None:
        self._workspace = workspace
        self._app = app
        self._faults = faults
        # A floor, so that a sped-up clock does not outrun a loaded machine's handshake.
        self._ticket_life = max(TICKET_LIFE / speed, 1.0)
        self.ping_every = PING_EVERY
        self._tickets: dict[str, float] = {}
        self._arrived = asyncio.Event()
        self._turn = 0
        self.connections: list[Connection] = []

    def issue_ticket(self, base_url: str, *, debug_reconnects: bool = False) -> str:
        """A URL for one connection."""
        ticket = secrets.token_hex(16)
        self._tickets[ticket] = time.monotonic() + self._ticket_life
        url = f"{base_url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={self._app.app_id}"
        return f"{url}&debug_reconnects=true" if debug_reconnects else url

    async def endpoint(self, request: web.Request) -> web.StreamResponse:
        """`GET /link/`: the WebSocket itself; 401 for a ticket that is unknown, used or too old."""
        deadline = self._tickets.pop(request.query.get("ticket", ""), 0.0)
        refused = self._faults.take("socket", "*", "refuse_ticket") is not None
        if refused or time.monotonic() > deadline:
            return web.Response(status=401, text="invalid ticket")
        socket = web.WebSocketResponse(autoping=False, timeout=1.0)
        await socket.prepare(request)
        connection = Connection(request, socket, host=f"applink-{secrets.token_hex(5)}")
        if len(self.connections) >= MOST_CONNECTIONS:
            await self._farewell(connection, "too_many_websockets")
            return socket
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self.connections) + 1,
                "debug_info": {"host": connection.host, "build_number": 23, "approximate_connection_time": 18060},
                "connection_info": {"app_id": self._app.app_id},
            }
        )
        self.connections.append(connection)
        self._arrived.set()
        self._app.awaited = False
        self._workspace.touch()
        pinging = asyncio.create_task(self._ping(connection))
        try:
            await self._listen(connection)
        finally:
            pinging.cancel()
            self._forget(connection)
        return socket

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.socket:
            if message.type is WSMsgType.PING:
                if self._faults.take("socket", "*", "no_pong") is None:
                    await connection.socket.pong(message.data)  # the bytes come back exactly as they came
            elif message.type is WSMsgType.PONG:
                connection.unanswered_pings = 0
                connection.ponged.set()
            elif message.type is WSMsgType.TEXT:
                self._acknowledge(connection, message.data)

    def _acknowledge(self, connection: Connection, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            return
        if isinstance(frame, dict):
            waiting = connection.pending.pop(str(frame.get("envelope_id")), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame.get("payload"))

    async def _ping(self, connection: Connection) -> None:
        while not connection.socket.closed:
            await asyncio.sleep(self.ping_every)
            if connection.unanswered_pings >= _PINGS_MISSED:
                await connection.socket.close(code=WSCloseCode.GOING_AWAY, message=b"no pong")
                return
            connection.unanswered_pings += 1
            try:
                await connection.socket.ping(f"Ping from {connection.host}".encode())
            except ConnectionError:
                return

    def _forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
            self._workspace.touch()
        if not self.connections:
            self._arrived.clear()
        for waiting in connection.pending.values():
            if not waiting.done():
                waiting.set_exception(ConnectionLost())
        connection.pending.clear()

    # -- sending ----------------------------------------------------------------------------------------------

    async def connected(self, patience: float | None) -> bool:
        """Whether a connection is there, waiting up to *patience* seconds for one; None: until there is one."""
        try:
            async with asyncio.timeout(patience):
                await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    async def send(self, envelope: dict[str, Any]) -> asyncio.Future[Any]:
        """
        Send *envelope* over the next connection in turn.

        The future resolves to the acknowledgement's payload, or fails with ConnectionLost, which is also raised here
        when no connection is open.
        """
        for _ in range(len(self.connections)):
            self._turn += 1
            connection = self.connections[self._turn % len(self.connections)]
            waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            connection.pending[envelope["envelope_id"]] = waiting
            try:
                await connection.socket.send_str(json.dumps(envelope))
            except ConnectionError:
                self._forget(connection)
                waiting.exception()  # seen here, so that asyncio does not report it as never retrieved
                continue
            return waiting
        raise ConnectionLost

    # -- endings ----------------------------------------------------------------------------------------------

    async def _farewell(self, connection: Connection, reason: str, *, close: bool = True) -> None:
        frame = {"type": "disconnect", "reason": reason, "debug_info": {"host": connection.host}}
        try:
            await connection.socket.send_json(frame)
        except ConnectionError:
            close = False
        if close:
            self._forget(connection)
            await connection.socket.close(code=WSCloseCode.OK)

    async def act(self, kind: str) -> int:
        """Do one of the SOCKET_ACTS to every open connection; answers how many there were."""
        connections = list(self.connections)
        for connection in connections:
            if kind == "disconnect_warning":
                await self._farewell(connection, "warning", close=False)
            elif kind == "disconnect_refresh":
                await self._farewell(connection, "refresh_requested")
            elif kind == "link_disabled":
                await self._farewell(connection, "link_disabled")
            else:
                self._forget(connection)
                if connection.request.transport is not None:
                    connection.request.transport.abort()
        return len(connections)

    async def close(self) -> None:
        """Close every connection, with the server's goodbye."""
        connections = list(self.connections)
        for connection in connections:
            self._forget(connection)
        await asyncio.gather(*(connection.socket.close(code=WSCloseCode.GOING_AWAY) for connection in connections))
