"""
Every surface at once, at a steady rate: `python -m tests.bench surfaces`.

The embedded Slack and the bot are processes of their own. An act begins every 1/rate s whether or not those before it were
acknowledged; the milliseconds are those that the embedded Slack measured from sending to acknowledgement. Beside them, in
the same run, stands a command that the desk refuses at once: Bolt, the socket and the role, without the store's write.
"""

import asyncio
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import click

from bot.sandbox import Outcome, SandboxClient, State
from store import Store
from tests.bench.desk import connected, process, read_tokens, row, team_of
from tests.bench.lists import import_list, write_list
from tests.bench.memory import peak_mb

ADMINS, TICKETS = "campaign-admins", "support-tickets"


class Crowd:
    """People who do a bit of everything."""

    def __init__(self, people: SandboxClient, seed: int) -> None:
        self._people = people
        self._dice = random.Random(seed)

    def phone(self) -> str:
        return f"+1917{self._dice.randrange(2_000_000, 9_999_999)}"

    async def add(self) -> Outcome:
        return await self._people.command("admin", ADMINS, f"/optout add {self.phone()} reason:bench")

    async def search(self) -> Outcome:
        return await self._people.command("support", ADMINS, f"/optout search {self.phone()}")

    async def refused(self) -> Outcome:
        return await self._people.command("guest", TICKETS, f"/optout add {self.phone()}")

    async def menu(self) -> Outcome:
        return await self._people.command("second-admin", ADMINS, "/optout")

    async def mention(self) -> Outcome:
        return await self._people.message("support", TICKETS, f"@optout {self.phone()}")

    async def home(self) -> Outcome:
        return await self._people.home("admin")

    async def press(self) -> Outcome:
        """*Opt out* on a search of before; one was made while nobody was in a hurry."""
        return await self._people.click("support", self._offers.pop(), "optout.add")

    async def shortcut(self) -> Outcome:
        """*Check opt-outs* on a ticket."""
        return await self._people.shortcut("support", "optout.check", channel=TICKETS, ts=self._ticket)

    async def drop(self) -> Outcome:
        """A list of a hundred rows."""
        rows = "".join(f"{self.phone()}\n" for _ in range(100))
        return await self._people.drop("admin", "optout-uploads", "stops.csv", f"phone\n{rows}".encode())

    async def prepare(self, presses: int) -> None:
        """Make the answers whose buttons are pressed."""
        ticket = await self._people.message("guest", TICKETS, "please stop texting 212-555-0100")
        self._ticket = ticket.ts
        for _ in range(presses):
            await self.search()

        def there(state: State) -> bool:
            return len([one for one in state.channel(ADMINS).messages if one.buttons]) >= presses

        await self._people.until(there, timeout=60)
        found = (await self._people.state()).channel(ADMINS).messages
        self._offers = [one for one in found if one.buttons]


async def run(rows: int, rate: int, seconds: int) -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        url = f"sqlite:///{scratch / 'bench.db'}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "OPTOUT_"))}
        with process("sandbox", "--no-bot", "--port", "0", environment=clean) as slack:
            tokens = read_tokens(slack)
            store = Store.open(url)
            store.database.migrate()
            store.close()
            write_list(scratch / "fill.csv", rows, seed=1)
            import_list(url, await team_of(tokens["SLACK_API_URL"]), scratch / "fill.csv")
            environment = (
                clean
                | tokens
                | {"DATABASE_URL": url, "OPTOUT_DEFAULT_COUNTRY": "US", "OPTOUT_POST_SECONDS": "0", "OPTOUT_PORT": "0"}
            )
            with process("serve", environment=environment) as bot:
                base = tokens["SLACK_API_URL"].removesuffix("/api/")
                async with aiohttp.ClientSession() as session:
                    await connected(session, base)
                async with SandboxClient(base) as people:
                    await measure(people, rate, seconds)
                print(f"\nPeak memory: bot {peak_mb(bot.pid):.0f} MB")


async def measure(people: SandboxClient, rate: int, seconds: int) -> None:
    crowd = Crowd(people, seed=7)
    acts: list[Callable[[], Awaitable[Outcome]]] = [
        crowd.add,
        crowd.search,
        crowd.mention,
        crowd.press,
        crowd.menu,
        crowd.home,
        crowd.shortcut,
        crowd.refused,
    ]
    # A list is work for a child process that competes for the machine; nobody drops one a second.
    acts = [*(acts * 6), crowd.drop]
    total = rate * seconds
    await crowd.prepare(total // 8 + 1)
    times: dict[str, list[float]] = defaultdict(list)

    async def one(act: Callable[[], Awaitable[Outcome]]) -> None:
        outcome = await act()
        assert outcome.acknowledged, outcome
        times[act.__name__].append(outcome.ms)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(total):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            group.create_task(one(acts[number % len(acts)]))
    took = time.perf_counter() - began
    print(f"\n{total} acts in {took:.1f} s: {total / took:.0f} a second\n")
    print("| to the acknowledgement, milliseconds | n | p50 | p99 | worst |\n| --- | --- | --- | --- | --- |")
    for name, values in times.items():
        print(row(name, values))
    print(row("all", [value for values in times.values() for value in values]))


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, help="Opt-outs in the store.")
@click.option("--rate", default=50, show_default=True, help="Acts a second.")
@click.option("--seconds", default=20, show_default=True)
def surfaces(rows: int, rate: int, seconds: int) -> None:
    """Acknowledgements of every surface at a steady rate."""
    asyncio.run(run(rows, rate, seconds))
