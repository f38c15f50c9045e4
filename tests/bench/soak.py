"""
A long run: `python -m tests.bench soak`.

People use the real `serve` at a steady rate: they search, ask in threads, open their Home, opt out and allow again, and now and
then drop a list. Each minute it is asked what the desk takes: memory, descriptors, child processes, database. What grows is told
by the slope of the later half, since what is loaded with the first use of a thing is no growth.
"""

import asyncio
import itertools
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import aiohttp
import click

from bot.sandbox import Outcome, SandboxClient
from store import Store
from tests.bench.desk import connected, process, read_tokens
from tests.bench.memory import children_of, resident_mb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# An hour's growth above this share of what there is, and above one of what is counted in whole numbers, is not flat.
_FLAT: Final = 0.05
_LIST_EVERY: Final = 60.0
_MEASURES: Final = ("memory, MB", "descriptors", "children", "children, MB", "database, MB")


class People:
    """Those who use the desk; *done* acts, *late* ones among them."""

    def __init__(self, people: SandboxClient) -> None:
        self._people = people
        self._numbers = itertools.count()
        self.done = 0
        self.late = 0

    async def act(self, number: int) -> None:
        """The act of that *number*."""
        # The same hundred phones again and again: what the list itself grows by is no leak.
        phone = f"+121255501{number // 5 % 100:02}"
        acts: tuple[Callable[[], Awaitable[Outcome]], ...] = (
            lambda: self._people.command("admin", "campaign-admins", f"/optout search {phone}"),
            lambda: self._people.home("admin"),
            lambda: self._people.command("support", "support-tickets", f"/optout add {phone}"),
            lambda: self._people.message("support", "support-tickets", f"@optout {phone}?"),
            lambda: self._people.command("admin", "campaign-admins", f"/optout delete {phone}"),
        )
        outcome = await acts[number % len(acts)]()
        self.late += not outcome.acknowledged
        self.done += 1

    async def drop(self) -> None:
        """A list that changes nothing before a yes, which nobody says."""
        rows = "".join(f"+1{area}55501{line:02}\n" for area in (312, 415, 602) for line in range(100))
        await self._people.drop("admin", "optout-uploads", f"{next(self._numbers)}.csv", f"phone\n{rows}".encode())


def slope(minutes: list[float], values: list[float]) -> float:
    """How much the later half of *values* grows in an hour, by least squares."""
    half = len(values) // 2
    if len(values) - half < 2:
        return 0.0
    return 60 * statistics.linear_regression(minutes[half:], values[half:]).slope


async def run(minutes: float, rate: float, every: float) -> None:
    """Measure, and print the tables."""
    with tempfile.TemporaryDirectory() as directory:
        database = Path(directory) / "desk.db"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "OPTOUT_"))}
        with process("sandbox", "--no-bot", "--port", "0", environment=clean) as slack:
            tokens = read_tokens(slack)
            base = tokens["SLACK_API_URL"].removesuffix("/api/")
            store = Store.open(f"sqlite:///{database}")
            store.database.migrate()
            environment = clean | tokens | {"DATABASE_URL": f"sqlite:///{database}", "OPTOUT_DEFAULT_COUNTRY": "US"}
            environment |= {"OPTOUT_POST_SECONDS": "0", "OPTOUT_PORT": "0", "OPTOUT_SCRATCH_DIR": directory}
            async with aiohttp.ClientSession() as session, SandboxClient(base) as client:
                with process("serve", environment=environment) as bot:
                    await connected(session, base)
                    await soaked(People(client), bot.pid, database, minutes, rate, every)
            store.close()


async def soaked(people: People, pid: int, database: Path, minutes: float, rate: float, every: float) -> None:
    """Act for so many *minutes*, *rate* times a second, and look each *every* seconds."""
    names = " | ".join(_MEASURES)
    print(f"\n| minute | acts | late | {names} |\n| --- | --- | --- |{' --- |' * len(_MEASURES)}", flush=True)
    began, looks, drops, acts = time.monotonic(), 0, 0, 0
    times: list[float] = []
    found: list[tuple[float, ...]] = []
    async with asyncio.TaskGroup() as group:
        while (passed := time.monotonic() - began) < 60 * minutes:
            if passed >= looks * every:
                looks += 1
                times.append(passed / 60)
                found.append(taken(pid, database))
                values = " | ".join(f"{value:,.1f}" for value in found[-1])
                print(f"| {passed / 60:.0f} | {people.done:,} | {people.late} | {values} |", flush=True)
            if passed >= drops * _LIST_EVERY:
                drops += 1
                group.create_task(people.drop())
            group.create_task(people.act(acts))
            acts += 1
            await asyncio.sleep(max(0.0, began + acts / rate - time.monotonic()))
    print("\n| | at the end | an hour's growth | |\n| --- | --- | --- | --- |")
    for number, name in enumerate(_MEASURES):
        column = [look[number] for look in found]
        grown = slope(times, column)
        if name.startswith("database"):
            told = f"{grown * 1e6 / (rate * 3600):,.0f} bytes an act, which go after OPTOUT_NAME_DAYS"
        else:
            told = "flat" if grown <= max(1.0, _FLAT * column[-1]) else "grows"
        print(f"| {name} | {column[-1]:,.1f} | {grown:+,.1f} | {told} |")


def taken(pid: int, database: Path) -> tuple[float, ...]:
    """What the desk takes now, by `_MEASURES`."""
    children = children_of(pid)
    size = sum(path.stat().st_size for path in database.parent.glob(f"{database.name}*")) / 1e6
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return resident_mb(pid), files, len(children), sum(map(resident_mb, children)), size


@click.command()
@click.option("--minutes", default=60.0, show_default=True)
@click.option("--rate", default=5.0, show_default=True, help="Acts a second.")
@click.option("--every", default=60.0, show_default=True, help="Seconds between looks.")
def soak(minutes: float, rate: float, every: float) -> None:
    """A long run: what the desk takes each minute, and whether it grows."""
    asyncio.run(run(minutes, rate, every))
