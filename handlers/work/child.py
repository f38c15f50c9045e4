"""A child process that works for the desk, as its parent sees it."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

# Where `handlers` is importable from, whatever directory the bot was started in.
_ROOT = Path(__file__).parents[2]


class ChildDiedError(Exception):
    """The child process ended without an answer: killed by the system or by hand."""


class Child:
    """One child process that does one job at a time; see handlers/work/worker.py for what is said between the two."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> "Child":
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
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def send(self, job: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101  asked for above
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            await self._process.stdin.drain()
        except OSError as error:
            raise ChildDiedError from error

    async def said(self) -> dict[str, Any]:
        """The next thing the child says."""
        assert self._process.stdout is not None  # noqa: S101  asked for above
        line = await self._process.stdout.readline()
        if not line:
            raise ChildDiedError
        said: dict[str, Any] = json.loads(line)
        return said

    async def stop(self) -> None:
        """End it: what it had not committed is undone by the database, and done again by the next one."""
        if self.alive:
            self._process.kill()
        await self._process.wait()
