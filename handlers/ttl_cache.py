"""A small cache whose entries expire."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class TtlCache(Generic[Value]):
    """Values by key, forgotten *seconds* after they were put in; never more than *most* of them."""

    def __init__(self, seconds: float, *, most: int = 5_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        # In the order in which they expire, since all are kept as long.
        self._known: OrderedDict[str, tuple[float, Value]] = OrderedDict()

    def get(self, key: str) -> Value | None:
        until, value = self._known.get(key, (0.0, None))
        return value if self._clock() < until else None

    def drop(self, key: str) -> None:
        """Forget the value of *key*, if there is one."""
        self._known.pop(key, None)

    def put(self, key: str, value: Value) -> None:
        """Keep *value* as that of *key*, and let go of what has expired."""
        now = self._clock()
        self._known.pop(key, None)
        while self._known and (len(self._known) >= self._most or next(iter(self._known.values()))[0] <= now):
            self._known.popitem(last=False)
        self._known[key] = (now + self._seconds, value)
