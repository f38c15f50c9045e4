"""
Two commits, act by act, on one machine: `python -m tests.bench versus BEFORE`.

Each commit's desk is a process with a database and an embedded Slack of its own; both Slacks are this checkout's, so that
nothing but the desks differs. Every act is done at one desk and then at the other, which goes first by turns: whatever else
the machine does strikes both alike, and the median of the pairs' differences shows what two runs one after the other hide.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import click
import numpy as np

from bot.sandbox import Outcome, SandboxClient
from tests.bench.desk import ROOT, connected, phones_in, process, read_tokens, team_of
from tests.bench.lists import Postgres, Sqlite, postgres, write_list
from tests.bench.memory import processor_ms

ADMINS = "campaign-admins"
PAUSE = 0.05  # seconds, in which a desk writes down that it has answered; the acts of the other are not to pay for it
QUIET = 2  # such pauses without a call, after which nothing more comes
WARM_UP = 20
ACKNOWLEDGED, ANSWERED, PROCESSOR, CALLS = "acknowledged, ms", "answered, ms", "processor, ms", "Slack calls"
Costs = Mapping[str, float]


@dataclass
class Desk:
    """A desk of one commit, and the people who use it. *pid*: the bot's."""

    people: SandboxClient
    pid: int
    asked: Mapping[str, str] | None = None  # the newest answer in the channel: Slack's to its chat.postMessage

    async def costs(self, act: Awaitable[Outcome]) -> Costs:
        """What *act* costs, until all of its answer is there: the desk asks nothing of Slack any more."""
        began, ran = time.time(), processor_ms(self.pid)
        outcome = await act
        assert outcome.acknowledged, outcome
        calls: list[dict[str, Any]] = []
        posts: list[dict[str, Any]] = []
        quiet = 0
        while not posts or quiet < QUIET:
            await asyncio.sleep(PAUSE)
            before, calls = calls, await self.people.calls(after=began)
            posts = [call for call in calls if call["method"] == "chat.postMessage"]
            quiet = quiet + 1 if len(calls) == len(before) else 0
            assert time.time() - began < 30, "no answer"
        self.asked = next((post["answer"] for post in posts if not post["arguments"].get("thread_ts")), None)
        return {
            ACKNOWLEDGED: outcome.ms,
            ANSWERED: (posts[-1]["at"] - began) * 1000,
            PROCESSOR: processor_ms(self.pid) - ran,
            CALLS: len(calls),
        }

    def acts(self, added: str, known: str) -> Iterator[tuple[str, Awaitable[Outcome]]]:
        """One act of each kind, to be done in turn: *added* is out for a moment, *known* was before."""
        yield "add", self.people.command("admin", ADMINS, f"/optout add {added}")
        yield "search", self.people.command("admin", ADMINS, f"/optout search {known}")
        yield "delete", self.people.command("admin", ADMINS, f"/optout delete {added}")
        assert self.asked is not None
        pressed = self.people.click_at("admin", self.asked["channel"], self.asked["ts"], "optout.delete")
        yield "delete, its button", pressed


@asynccontextmanager
async def desk(checkout: Path, url: str, fill: Path, scratch: Path) -> AsyncIterator[Desk]:
    """A desk of the code in *checkout*, with the list *fill* opted out."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "OPTOUT_"))}
    clean |= {
        "DATABASE_URL": url,
        "OPTOUT_SCRATCH_DIR": str(scratch),
        "OPTOUT_DEFAULT_COUNTRY": "US",
    }
    # A commit from before there was such a setting refuses to start with it.
    if "post_seconds" in (checkout / "bot" / "config.py").read_text(encoding="utf-8"):
        clean["OPTOUT_POST_SECONDS"] = "0"

    def run(*arguments: str) -> None:
        command = [sys.executable, "-m", "bot", *arguments]
        subprocess.run(command, cwd=checkout, env=clean, check=True, capture_output=True)

    with process("sandbox", "--no-bot", "--port", "0", environment=clean) as slack:
        tokens = read_tokens(slack)
        run("migrate")
        team = await team_of(tokens["SLACK_API_URL"])
        environment = clean | tokens | {"OPTOUT_PORT": "0"}
        with process("serve", environment=environment, checkout=checkout) as bot:
            base = tokens["SLACK_API_URL"].removesuffix("/api/")
            async with aiohttp.ClientSession() as session, SandboxClient(base) as people:
                await connected(session, base)
                # An account is there from the first payload on.
                await people.command("admin", ADMINS, "/optout help")
                run("import", str(fill), "--account", team, "--country", "US", "--yes")
                yield Desk(people, bot.pid)


async def compare(desks: Sequence[Desk], pairs: int, known: Sequence[str]) -> dict[tuple[str, str], list[list[float]]]:
    """Do *pairs* acts of each kind at both *desks*; the figures of each, by kind of act and of cost."""
    figures: dict[tuple[str, str], list[list[float]]] = defaultdict(lambda: [[], []])
    for number in range(-WARM_UP, pairs):
        added = f"+1 917 {3_000_000 + number}"
        acts = [desk.acts(added, known[number % len(known)]) for desk in desks]
        for _ in range(4):
            for side in (0, 1) if number % 2 else (1, 0):
                kind, act = next(acts[side])
                for cost, figure in (await desks[side].costs(act)).items():
                    if number >= 0:
                        figures[kind, cost][side].append(figure)
    return figures


def row(name: str, before: Sequence[float], after: Sequence[float]) -> str:
    """One line of the table; the interval is a bootstrap's, of 95%."""
    differences = np.subtract(after, before)
    drawn = np.random.default_rng(1).choice(differences, (2_000, len(differences)))
    low, high = np.percentile(np.median(drawn, axis=1), (2.5, 97.5))
    middle, usual = float(np.median(differences)), float(np.median(before))
    sides = " | ".join(
        " / ".join(f"{figure:.1f}" for figure in np.percentile(side, (50, 90, 99))) for side in (before, after)
    )
    return f"| {name} | {sides} | {middle:+.2f} ({low:+.2f} to {high:+.2f}) | {100 * middle / usual:+.1f}% |"


async def run(database: Sqlite | Postgres, before: Path, after: Path, pairs: int, rows: int, scratch: Path) -> None:
    """Measure on one database, and print the table."""
    fill = scratch / "fill.csv"
    write_list(fill, rows, seed=1)
    known = phones_in(fill, 10_000)
    async with AsyncExitStack() as stack:
        desks = [
            await stack.enter_async_context(desk(checkout, database.fresh(name), fill, scratch / name))
            for name, checkout in (("before", before), ("after", after))
        ]
        load = [os.getloadavg()[0]]
        figures = await compare(desks, pairs, known)
        load.append(os.getloadavg()[0])
    waited = " to ".join(f"{processes:.1f}" for processes in load)
    print(f"\n{database.name}, {pairs} pairs, {rows:,} rows in the list; load of the machine: {waited}\n")
    print(
        "| p50 / p90 / p99 | before | after | median difference of a pair (95%) | of before |\n| --- | --- | --- | --- | --- |"
    )
    for (kind, cost), (first, second) in figures.items():
        print(row(f"{kind}: {cost}", first, second), flush=True)


@click.command()
@click.argument("before", type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path))
@click.argument("after", default=ROOT, type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path))
@click.option("--pairs", default=400, show_default=True, help="Acts of each kind at each desk.")
@click.option("--rows", default=100_000, show_default=True, help="Rows of the list that is out before.")
@click.option("--databases", default="sqlite,postgresql", show_default=True, help="Which to measure.")
def versus(before: Path, after: Path, pairs: int, rows: int, databases: str) -> None:
    """The checkout BEFORE against the checkout AFTER (this one), act by act."""
    with tempfile.TemporaryDirectory(prefix="optout-bench-") as directory:
        scratch = Path(directory)
        for name in ("before", "after"):
            (scratch / name).mkdir()
        if "sqlite" in databases:
            asyncio.run(run(Sqlite(scratch), before, after, pairs, rows, scratch))
        if "postgresql" in databases:
            with postgres() as server:
                asyncio.run(run(Postgres(server), before, after, pairs, rows, scratch))
