"""A child process that works for the desk, as its parent sees it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from handlers.work.job import ChildAnswer, Job, line_of, read_answer

# Where `handlers` is importable from, whatever directory the bot was started in.
_ROOT = Path(__file__).parents[2]


class ChildDiedError(Exception):
    """The child process ended without an answer, killed by the system or by hand, or says what nobody understands."""


class Child:
    """One child process, `handlers.work.worker`, that does one job at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, lock: int) -> "Child":
        """Start one, which holds *lock*, the open file of `ScratchDirectory.lock`, for as long as it lives."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "handlers.work.worker",
            stdin=PIPE,
            stdout=PIPE,
            limit=1 << 20,
            cwd=_ROOT,
            # A terminal's Ctrl-C is for the bot, which drains; the child ends when its stdin does.
            start_new_session=True,
            pass_fds=(lock,),
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def send(self, job: Job) -> None:
        """Have it do *job*; raises `ChildDiedError`."""
        assert self._process.stdin is not None  # noqa: S101  asked for above
        try:
            self._process.stdin.write(line_of(job).encode() + b"\n")
            await self._process.stdin.drain()
        except OSError as error:
            raise ChildDiedError from error

    async def answer(self) -> ChildAnswer:
        """The next thing it says; raises `ChildDiedError`."""
        assert self._process.stdout is not None  # noqa: S101  asked for above
        try:
            line = await self._process.stdout.readline()
            if not line:
                raise ChildDiedError
            return read_answer(line)
        except ValueError as error:  # malformed, or longer than any answer
            raise ChildDiedError(f"a child process says what is no answer: {error}") from error

    async def stop(self) -> None:
        """End it: what it had not committed is undone by the database, and done again by the next one."""
        if self.alive:
            self._process.kill()
        await self._process.wait()
