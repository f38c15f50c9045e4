"""Requests that are worked on together: those that come while the ones before them are at work, in one go once these are done."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Final, Generic, TypeVar

from handlers.tasks import Tasks

# In one go: whoever else wants the account waits for no more than these.
_MOST: Final = 64
# Of the loop, before each go: in these a request that is there already is read, so that it goes along and not by itself.
_TURNS: Final = 3

A = TypeVar("A")
R = TypeVar("R")


class Together(Generic[A, R]):
    """Groups of requests. Each group is one at a time at work; those of different groups are so beside each other."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks
        # By the group: those that are worked on next.
        self._next: dict[Hashable, list[tuple[A, asyncio.Future[R]]]] = {}

    async def done(
        self, group: Hashable, asked: A, work: Callable[[Sequence[A]], Awaitable[Sequence[R | Exception]]], *, name: str
    ) -> R:
        """
        The answer to *asked* by *work*, which gives one for each, or the error to raise; what it raises is raised to all.

        *name*: of the task, for a log.
        """
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        if group in self._next:
            self._next[group].append((asked, answer))
        else:
            self._next[group] = [(asked, answer)]
            self._tasks.start(self._work_off(group, work), name=name)
        return await answer

    async def _work_off(
        self, group: Hashable, work: Callable[[Sequence[A]], Awaitable[Sequence[R | Exception]]]
    ) -> None:
        while self._next[group]:
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            waiting = self._next[group]
            self._next[group] = waiting[_MOST:]
            answers: Sequence[Any]
            try:
                answers = await work([asked for asked, _ in waiting[:_MOST]])
            except Exception as error:  # noqa: BLE001  for whoever asked to say, to each of them
                answers = [error] * len(waiting[:_MOST])
            for (_, answer), found in zip(waiting[:_MOST], answers, strict=True):
                if answer.done():
                    continue  # who asked is gone
                if isinstance(found, Exception):
                    answer.set_exception(found)
                else:
                    answer.set_result(found)
        del self._next[group]
