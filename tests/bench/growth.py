"""
What grows with use: `python -m tests.bench growth`.

Events and commands go through the real `serve` in equal parts; before the first, after each and at the end it is asked what
the desk takes: its memory, open files, child processes and database, and how long one more takes to start on it.
"""

import asyncio
import itertools
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import aiohttp
import click

from bot.sandbox import SandboxClient
from store import Store
from tests.bench.desk import connected, process, read_tokens, team_of
from tests.bench.memory import children_of, peak_mb, resident_mb

AT_ONCE = 16
# Of so many events one is a mention, which is answered; the others are Homes that somebody opens.
MENTION_EVERY = 4
HEAD = (
    "| events | commands | late | seconds | memory, MB (peak) | children, MB | open files | database, MB | opted out | start, s |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


class Growth:
    """The acts, one after the other, and what the desk takes after them."""

    def __init__(self, people: SandboxClient, store: Store, database: Path, pid: int) -> None:
        self._people = people
        self._store = store
        self._database = database
        self._pid = pid
        self._happened = itertools.count()
        self._commanded = itertools.count()
        self.done = [0, 0]
        # Acknowledged after the 3 s that Slack waits, as on a machine that has other things to do.
        self.late = 0

    async def event(self) -> None:
        if next(self._happened) % MENTION_EVERY:
            outcome = await self._people.home("admin")
        else:
            outcome = await self._people.message("admin", "support-tickets", "@optout 212 555 0100?")
        self.late += not outcome.acknowledged
        self.done[0] += 1

    async def command(self) -> None:
        number = next(self._commanded)
        text = (
            f"/optout search +1212555{number % 10_000:04}" if number % 2 else f"/optout add +1917{2_000_000 + number}"
        )
        outcome = await self._people.command("admin", "campaign-admins", text)
        self.late += not outcome.ok
        self.done[1] += 1

    async def part(self, events: int, commands: int) -> None:
        """So many more of both, mixed, some at once; and wait until nothing is left to do."""
        todo = self._mixed(events, commands)

        async def work() -> None:
            for act in todo:
                await act()

        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        while any(one.waiting for one in (await asyncio.to_thread(self._store.backlogs)).values()):  # noqa: ASYNC110  the database says nothing when it changes
            await asyncio.sleep(0.2)

    def _mixed(self, events: int, commands: int) -> Iterator[Callable[[], Awaitable[None]]]:
        for number in range(events + commands):
            # As evenly as whole numbers allow.
            is_command = (number + 1) * commands // (events + commands) > number * commands // (events + commands)
            yield self.command if is_command else self.event

    def row(self, account: int, seconds: float, start: float) -> str:
        """What the desk takes now, as a line of the table."""
        files = len(list(Path(f"/proc/{self._pid}/fd").iterdir()))
        children = [round(resident_mb(child)) for child in children_of(self._pid)]
        size = sum(path.stat().st_size for path in self._database.parent.glob(f"{self._database.name}*"))
        count = self._store.optouts.count(account)
        assert count == self._store.optouts.recount(account)
        memory = f"{resident_mb(self._pid):.0f} ({peak_mb(self._pid):.0f})"
        return (
            f"| {self.done[0]:,} | {self.done[1]:,} | {self.late} | {seconds:.0f} | {memory} | {children} | {files} "
            f"| {size / 1e6:.1f} | {count:,} | {start:.2f} |"
        )


async def run(events: int, commands: int, parts: int) -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as directory:
        database = Path(directory) / "desk.db"
        url = f"sqlite:///{database}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "OPTOUT_"))}
        with process("sandbox", "--no-bot", "--port", "0", environment=clean) as slack:
            tokens = read_tokens(slack)
            base = tokens["SLACK_API_URL"].removesuffix("/api/")
            store = Store.open(url)
            store.database.migrate()
            account = store.accounts.get_or_create(await team_of(tokens["SLACK_API_URL"]), "Desk", country="US").id
            environment = (
                clean
                | tokens
                | {"DATABASE_URL": url, "OPTOUT_DEFAULT_COUNTRY": "US", "OPTOUT_POST_SECONDS": "0", "OPTOUT_PORT": "0"}
            )
            environment["OPTOUT_SCRATCH_DIR"] = directory
            async with aiohttp.ClientSession() as session, SandboxClient(base) as people:
                with process("serve", environment=environment) as bot:
                    await connected(session, base)
                    growth = Growth(people, store, database, bot.pid)
                    await growth.part(MENTION_EVERY, 2)  # what is loaded with the first of each
                    print(f"\n{HEAD}", flush=True)
                    seconds = 0.0
                    for part in range(parts + 1):
                        print(growth.row(account, seconds, await start(people, environment)), flush=True)
                        if part < parts:
                            began = time.monotonic()
                            await growth.part(events // parts, commands // parts)
                            seconds = time.monotonic() - began
            store.close()


async def start(people: SandboxClient, environment: dict[str, str]) -> float:
    """Seconds from the start of one more `serve` until Slack has its connection."""
    before = (await people.state(channel="optout-uploads")).connected
    began = time.perf_counter()
    with process("serve", environment=environment):
        await people.until(lambda state: state.connected > before, channel="optout-uploads", timeout=120)
        took = time.perf_counter() - began
    await people.until(lambda state: state.connected == before, channel="optout-uploads", timeout=120)
    return took


@click.command()
@click.option(
    "--events", default=100_000, show_default=True, help="Events: opened Homes, and mentions that are answered."
)
@click.option("--commands", default=20_000, show_default=True, help="Commands: half add a number, half search.")
@click.option("--parts", default=4, show_default=True, help="In how many parts.")
def growth(events: int, commands: int, parts: int) -> None:
    """What grows with use: memory, open files, child processes, the database, the time to start."""
    asyncio.run(run(events, commands, parts))
