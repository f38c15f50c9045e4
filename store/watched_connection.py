"""
A connection to PostgreSQL that notices when nobody is at its other end any more.

A server that failed over, a firewall that forgot the connection, or a proxy that hangs sends nothing at all, neither an
answer nor an end. The system's own timers (keepalives, `tcp_user_timeout`) see the first two; whether a statement is
merely slow, only the server can tell, so it is asked over a connection of its own.
"""

import time
from collections.abc import Generator, Mapping
from threading import Event
from typing import Any, Self, TypeVar

import psycopg

T = TypeVar("T")

# Seconds without a byte from the server after which it is asked whether it is at work for us; few statements take longer.
SILENCE = 5.0
# Seconds that asking may take, and that an answer on its way then has to arrive.
ASKING = 4
ARRIVING = 1.0
# What the server says of the process behind a connection: at work, and neither waiting for our words nor for our ear.
_ENDED = "connections to this database are ended by their own side"
_END = "SELECT pg_terminate_backend(%s)"
_AT_WORK = "SELECT state = 'active' AND wait_event_type IS DISTINCT FROM 'Client' FROM pg_stat_activity WHERE pid = %s"


class WatchedConnection(psycopg.Connection[Any]):
    """
    A connection whose waits end with `psycopg.OperationalError` once the server is not at work on them.

    A statement may take as long as it takes.
    """

    # The parameters of the connection over which the server is asked; None while this one is made.
    asking: Mapping[str, Any] | None = None
    ended: Event | None = None
    # The server's process that this transaction has, as it says itself; None before it did. What the connection was told when
    # it was made is none of the server's where a pooler stands between.
    serving: int | None = None

    @classmethod
    def watched(cls, ended: Event, conninfo: str = "", **parameters: Any) -> Self:
        """Connect as `psycopg.connect` does; with *ended*, every wait is over, and nobody connects any more."""
        if ended.is_set():
            raise psycopg.OperationalError(_ENDED)
        connection = cls.connect(conninfo, **parameters)
        connection.ended = ended
        connection.asking = {"conninfo": conninfo, **parameters, "connect_timeout": ASKING, "autocommit": True}
        return connection

    def wait(self, gen: Generator[Any, Any, T], interval: float = 0.1, timeout: float | None = None) -> T:
        """As psycopg's, whose every wait for the server comes through here."""
        return super().wait(self._watching(gen), interval=interval, timeout=timeout)

    def _watching(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """*gen*, ended when the server is gone. psycopg comes by with every byte, and with nothing each interval."""
        doubted = False
        patience, since = SILENCE, time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and self.ended is not None and self.ended.is_set():
                    self.pgconn.finish()
                    raise psycopg.OperationalError(_ENDED)
                if ready:
                    doubted, patience, since = False, SILENCE, time.monotonic()
                elif time.monotonic() - since >= patience:
                    at_work = self._at_work(end=doubted)
                    if doubted and not at_work:
                        self.pgconn.finish()
                        raise psycopg.OperationalError("the server is no longer at the other end of this connection")
                    # What it had just finished may be on its way.
                    doubted, patience, since = not at_work, SILENCE if at_work else ARRIVING, time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result

    def _at_work(self, *, end: bool) -> bool:
        """
        Does the server say, over another connection, that it is at work on this one's statement?

        With *end* one that is not is ended there, so that nobody waits for its locks.
        """
        if self.asking is None:
            return True  # it is just being made, which has a timeout of its own
        try:
            with _Asking.connect(**self.asking) as asking:
                of_ours = (self.serving or self.pgconn.backend_pid,)
                row = asking.execute(_AT_WORK, of_ours).fetchone()
                at_work = row is not None and bool(row[0])
                if end and row is not None and not at_work:
                    asking.execute(_END, of_ours)
        except psycopg.Error:
            return False
        return at_work


class _Asking(psycopg.Connection[Any]):
    """A connection whose every wait is short."""

    def wait(self, gen: Generator[Any, Any, T], interval: float = 0.1, timeout: float | None = None) -> T:
        return super().wait(gen, interval=interval, timeout=ASKING if timeout is None else timeout)
