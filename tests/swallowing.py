"""A TCP proxy that can swallow: what went through it goes nowhere any more, and nobody is told."""

import ctypes
import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

# https://www.kernel.org/doc/Documentation/networking/filter.txt: a program of one instruction, "take no byte of it".
_SO_ATTACH_FILTER = 26
_TAKE_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)


class Way(Enum):
    """How it swallows."""

    # As a firewall that forgot the connection: packets are dropped, unacknowledged. Both systems' timers notice.
    PACKETS = "packets"
    # As a proxy that hangs: the system goes on to acknowledge what nobody reads. No timer of TCP's notices.
    WORDS = "words"


class SwallowingProxy:
    """
    Passes connections on to *target*; `swallow` ends that for those there are, `dead` for new ones too.

    Whoever connects while nobody is at the target is hung up on.
    """

    def __init__(self, target: str | tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._swallowed: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._wake, self._woken = socket.socketpair()
        self._ended = False
        self._dead: Way | None = None
        self._refusing = False
        self._hanging_up = False
        self._left: tuple[int, Way] | None = None
        self.accepted = 0
        # Bytes of the target's that were passed on, and whether there will be none any more.
        self.answered = 0
        self.silent = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def swallow(self, way: Way, *, dead: bool = False) -> None:
        """Swallow all that comes over the connections there are, from both sides, and with *dead* over new ones too."""
        with self._lock:
            for pair in self._pairs:
                self._swallow(pair, way)
            self._dead = way if dead else None
        self._wake.send(b"x")

    def fall_silent(self, way: Way, *, after: int) -> None:
        """
        Pass *after* more bytes of the target's on, over however many connections, then swallow for good; `silent` then.

        With 0, from the next connection's beginning.
        """
        self.silent.clear()
        with self._lock:
            self._left = after, way

    def aim(self, target: tuple[str, int]) -> None:
        """Pass new connections on to another *target*, as where a program was started again on another port."""
        with self._lock:
            self._target = target

    def hang_up(self) -> None:
        """End the connections there are, those that were swallowed too, on both sides."""
        with self._lock:
            self._hanging_up = True
        self._wake.send(b"x")

    def refuse(self) -> None:
        """End new connections at once, as a server that starts."""
        with self._lock:
            self._refusing = True

    def pass_on(self) -> None:
        """Pass new connections on again. Those that were swallowed stay so."""
        with self._lock:
            self._dead, self._refusing, self._left = None, False, None

    def close(self) -> None:
        """End, and close everything."""
        self._ended = True
        self._wake.send(b"x")
        self._thread.join()
        for one in (self._listener, self._wake, self._woken, *(side for pair in self._pairs for side in pair)):
            one.close()

    def _swallow(self, pair: tuple[socket.socket, socket.socket], way: Way) -> None:
        for side in pair:
            self._swallowed.add(side)
            if way is Way.PACKETS and side.family is socket.AF_INET:
                program = ctypes.create_string_buffer(_TAKE_NOTHING)
                side.setsockopt(
                    socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HxxxxxxP", 1, ctypes.addressof(program))
                )

    def _run(self) -> None:
        while not self._ended:
            with self._lock:
                if self._hanging_up:
                    for side in (side for pair in self._pairs for side in pair):
                        side.close()
                    self._pairs, self._hanging_up = [], False
                sides = {a: b for pair in self._pairs for a, b in (pair, pair[::-1]) if a not in self._swallowed}
            for ready in select.select([self._listener, self._woken, *sides], [], [])[0]:
                if ready is self._woken:
                    self._woken.recv(100)
                elif ready is self._listener:
                    self._accept()
                elif ready not in self._swallowed:
                    self._pass(ready, sides[ready])

    def _accept(self) -> None:
        near, _ = self._listener.accept()
        self.accepted += 1
        if self._refusing:
            near.close()
            return
        far = socket.socket(socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET)
        try:
            far.connect(self._target)
        except OSError:
            near.close()
            far.close()
            return
        with self._lock:
            self._pairs.append((near, far))
            if self._dead is not None:
                self._swallow((near, far), self._dead)
        self._end_answers()

    def _count(self, answer: bytes) -> bytes:
        """As much of the target's *answer* as is to be passed on."""
        with self._lock:
            if self._left is not None:
                left, way = self._left
                answer = answer[:left]
                self._left = left - len(answer), way
            self.answered += len(answer)
        return answer

    def _end_answers(self) -> None:
        """Swallow everything from now on, once no byte is left that is to be passed on."""
        with self._lock:
            if self._left is None or self._left[0]:
                return
            self._dead = self._left[1]
            for pair in self._pairs:
                self._swallow(pair, self._dead)
        self.silent.set()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        try:
            data = source.recv(65_536)
            if data:
                target.sendall(self._count(data) if any(source is far for _, far in self._pairs) else data)
                self._end_answers()
                return
        except OSError:
            pass
        with self._lock:
            self._pairs = [pair for pair in self._pairs if source not in pair]
        source.close()
        target.close()


@contextmanager
def swallowing(target: str | tuple[str, int]) -> Iterator[SwallowingProxy]:
    """A proxy to *target*, a local socket's path or host and port, for as long as the block runs."""
    proxy = SwallowingProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
