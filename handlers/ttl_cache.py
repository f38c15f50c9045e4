"""A small cache whose entries expire."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class TtlCache(Generic[Value]):
    """Values by key, forgotten *seconds* after they were put in; never more than *most* of them."""

    def __init__(self, seconds: float, *, most: int = 5_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._known: dict[str, tuple[float, Value]] = {}

    def get(self, key: str) -> Value | None:
        until, value = self._known.get(key, (0.0, None))
        return value if self._clock() < until else None

    def drop(self, key: str) -> None:
        """Forget the value of *key*, if there is one."""
        self._known.pop(key, None)

    def put(self, key: str, value: Value) -> None:
        self._known.pop(key, None)
        if len(self._known) >= self._most:
            del self._known[next(iter(self._known))]
        self._known[key] = (self._clock() + self._seconds, value)
