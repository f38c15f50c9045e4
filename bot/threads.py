"""
Threads apart for each database: what waits for one that says nothing takes none from the accounts of another.

All that blocks goes by `asyncio.to_thread`, whose few threads would be filled within seconds by the loops alone.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
# The name of the database for which something is done, in whatever does it and in all that this starts.
_DATABASE: ContextVar[str] = ContextVar("database", default="")


@contextmanager
def at_database(name: str) -> Iterator[None]:
    """What blocks in the block, and in tasks that are started in it, has the threads of the database of that name."""
    token = _DATABASE.set(name)
    try:
        yield
    finally:
        _DATABASE.reset(token)


class ThreadsByDatabase(ThreadPoolExecutor):
    """The executor of a loop, which is as many of Python's as there are databases; its own is for what is about none."""

    def __init__(self) -> None:
        super().__init__(thread_name_prefix="asyncio")
        self._pools: dict[str, ThreadPoolExecutor] = {}

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have it done by a thread of the database that this is called for."""
        name = _DATABASE.get()
        if not name:
            return super().submit(fn, *args, **kwargs)
        if name not in self._pools:
            self._pools[name] = ThreadPoolExecutor(thread_name_prefix=f"asyncio {name}")
        return self._pools[name].submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End them all."""
        for pool in self._pools.values():
            pool.shutdown(wait, cancel_futures=cancel_futures)
        super().shutdown(wait, cancel_futures=cancel_futures)
