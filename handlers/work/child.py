"""A child process that works for the desk, as its parent sees it, and the watchdog that ends one that hangs."""

import asyncio
import os
import re
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from handlers.work.job import ChildAnswer, Job, Working, line_of, read_answer

# Where `handlers` is importable from, whatever directory the bot was started in.
_ROOT = Path(__file__).parents[2]
# So long may a process take to start, on a machine that has much else to do.
_START_SECONDS = 15.0
# What Python, its libraries and PostgreSQL's need to work as they do in the parent. All else a child is told by its job:
# whoever may look at its environment learns no password from it.
_FOR_CHILDREN = re.compile(
    r"PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|TZ|TZDIR|TMPDIR|VIRTUAL_ENV|(LC|LD|DYLD|SSL_CERT|MALLOC|OMP|OPENBLAS)_\w+"
    r"|PYTHON\w*|PG(?!PASSWORD)\w+"
)


class ChildDiedError(Exception):
    """The child process ended without an answer, killed by the system or by hand, or says what nobody understands."""


class ChildHungError(ChildDiedError):
    """The child made no progress for too long and was ended. *busy*: it was not waiting, but at work all the time."""

    def __init__(self, seconds: float, *, busy: bool) -> None:
        super().__init__(f"no progress for {seconds:.0f} s")
        self.busy = busy


class Child:
    """One child process, `handlers.work.worker`, that does one job at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._awake = self._killed = False

    @classmethod
    async def start(cls, lock: int) -> "Child":
        """Start one, which holds *lock*, the open file of `ScratchDirectory.lock`, for as long as it lives."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "handlers.work.worker",
            str(os.getpid()),
            stdin=PIPE,
            stdout=PIPE,
            limit=1 << 20,
            cwd=_ROOT,
            env=environment_of_children(os.environ),
            # A terminal's Ctrl-C is for the bot, which drains; the child ends when its parent does.
            start_new_session=True,
            pass_fds=(lock,),
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def do(
        self,
        job: Job,
        *,
        folder: Path,
        stall_seconds: float,
        progress: Callable[[Working], Awaitable[object]],
    ) -> ChildAnswer:
        """
        Its last word on *job*, with what it says until then handed to *progress*; raises `ChildDiedError`.

        Whatever it says is progress, and so is what it writes to *folder*. A child that makes none for *stall_seconds*, or a
        while longer before its first word, is stopped, stuck, or waits for what does not come: it is ended, with
        `ChildHungError`.
        """
        await self.send(job)
        written, since, busy = await asyncio.to_thread(_bytes_in, folder), time.monotonic(), self._busy_seconds()
        while True:
            answer = None
            with suppress(TimeoutError):
                async with asyncio.timeout(min(1.0, stall_seconds / 4)):
                    answer = await self.answer()
            if answer is None:
                now_written = await asyncio.to_thread(_bytes_in, folder)
                if now_written == written:
                    limit = stall_seconds if self._awake else max(stall_seconds, _START_SECONDS)
                    if (silent := time.monotonic() - since) >= limit:
                        # The machine may have much else to do; one that is stopped, or waits, takes next to nothing.
                        at_work = self._awake and self._busy_seconds() - busy >= silent / 10
                        await self.stop()
                        raise ChildHungError(silent, busy=at_work)
                    continue
                written = now_written
            elif isinstance(answer, Working):
                await progress(answer)
            else:
                return answer
            since, busy = time.monotonic(), self._busy_seconds()

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
                raise ChildDiedError("it ended without an answer")
            self._awake = True
            return read_answer(line)
        except ValueError as error:  # malformed, or longer than any answer
            raise ChildDiedError(f"a child process says what is no answer: {error}") from error

    def kill(self) -> None:
        """End it at once; whoever waits for its answer gets `ChildDiedError`."""
        # Once: asked for a second time, Popen may reap it, and asyncio then knows no status of it.
        if self.alive and not self._killed:
            self._killed = True
            self._process.kill()

    async def stop(self) -> None:
        """End it: what it had not committed is undone by the database, and done again by the next one."""
        self.kill()
        await self._process.wait()

    def _busy_seconds(self) -> float:
        """The processor time it has taken; 0 where the system does not tell (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html)."""
        try:
            _, _, fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(") ")
        except (OSError, ValueError):
            return 0.0
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def environment_of_children(environment: Mapping[str, str]) -> dict[str, str]:
    """What of *environment* a child gets: no setting of the desk, and nothing that nobody knows to be harmless."""
    return {name: value for name, value in environment.items() if _FOR_CHILDREN.fullmatch(name)}


def _bytes_in(folder: Path) -> int:
    """The size of all files in *folder*."""
    total = 0
    for path in folder.glob("**/*"):
        with suppress(FileNotFoundError):  # taken away in between
            total += path.lstat().st_size
    return total
