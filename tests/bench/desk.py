"""
What the desk costs, as its users feel it: `python -m tests.bench desk`.

Everything is a process of its own, as in life: the embedded Slack, the bot (`python -m bot serve`), and this one, which
acts as people. Memory is the kernel's peak of the bot and of its child processes.
"""

import asyncio
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import click

from store import Store
from store.lists.reader import ListReader
from store.lists.records import Row
from tests.bench.lists import import_list, write_list
from tests.bench.memory import children_of, peak_mb

ROOT = Path(__file__).parent.parent.parent


def phones_in(path: Path, count: int) -> list[str]:
    """The first *count* rows' phones of a list, without those that are none."""
    with ListReader(path) as reader:
        rows = itertools.islice(reader.rows(), count)
        return [row.cell for row in rows if isinstance(row, Row) and sum(map(str.isdigit, row.cell)) >= 10]


@contextmanager
def process(*arguments: str, environment: dict[str, str], checkout: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """A child of ours, of the code in *checkout*, ended with the block."""
    child = subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        cwd=checkout,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield child
    finally:
        child.terminate()
        child.wait(30)


class Person:
    """Acts through the control API and takes the time until the answer was received by Slack."""

    def __init__(self, session: aiohttp.ClientSession, url: str, channel_id: str) -> None:
        self._session = session
        self._url = url
        self._channel_id = channel_id

    async def answered(self, text: str) -> tuple[float, float]:
        """Send a command; milliseconds to its acknowledgement and to the message that answers it in the channel."""
        began = time.time()
        body = {"user": "admin", "channel": "campaign-admins", "text": text}
        async with self._session.post(f"{self._url}/sandbox/command", json=body) as answer:
            said = await answer.json()
        assert said["ok"], said
        acknowledged = (time.time() - began) * 1000
        while True:
            address = f"{self._url}/sandbox/calls?method=chat.postMessage&after={began}"
            async with self._session.get(address) as answer:
                calls = (await answer.json())["calls"]
            for call in calls:
                if call["arguments"].get("channel") == self._channel_id:
                    return acknowledged, (call["at"] - began) * 1000
            await asyncio.sleep(0.005)  # the time taken is Slack's own, not this loop's
            assert time.time() - began < 30, f"no answer to {text}"

    async def drop(self, path: Path) -> None:
        """Drop a list in the uploads channel."""
        content = await asyncio.to_thread(path.read_bytes)
        form = aiohttp.FormData({"user": "admin", "channel": "optout-uploads"})
        form.add_field("file", content, filename=path.name)
        async with self._session.post(f"{self._url}/sandbox/file", data=form) as answer:
            assert (await answer.json())["ok"]

    async def thread_says(self, words: str, *, click_action: str | None = None) -> str:
        """Wait until the newest drop's thread says *words*; press its button then, if asked."""
        version = -1
        while True:
            address = f"{self._url}/sandbox/state?channel=optout-uploads&after={version}&timeout=30"
            async with self._session.get(address) as answer:
                state = await answer.json()
            version = state["version"]
            message = state["channels"][0]["messages"][-1]
            for reply in message["thread"]:
                if words in reply["text"]:
                    if click_action:
                        body = {
                            "user": "admin",
                            "channel": "optout-uploads",
                            "ts": reply["ts"],
                            "action_id": click_action,
                        }
                        async with self._session.post(f"{self._url}/sandbox/click", json=body) as clicked:
                            assert (await clicked.json())["ok"]
                    return str(reply["text"])


def row(name: str, values: Sequence[float]) -> str:
    """One line of the latency table."""
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"| {name} | {len(values)} | {statistics.median(values):.1f} | {p99:.1f} | {ordered[-1]:.1f} |"


async def commands(person: Person, name: str, count: int, seed: int, known: Sequence[str]) -> list[str]:
    """Time *count* adds of new numbers and searches of *known* ones, one after the other."""
    lines = []
    rnd = random.Random(seed)
    added = [f"+1 917 {n // 10_000}-{n % 10_000:04}" for n in rnd.sample(range(2_000_000, 9_999_999), count)]
    for verb, numbers in (("add", added), ("search", rnd.sample(known, count))):
        acks, replies = [], []
        for number in numbers:
            ack, reply = await person.answered(f"/optout {verb} {number}")
            acks.append(ack)
            replies.append(reply)
        lines += [row(f"{verb}, {name}: acknowledged", acks), row(f"{verb}, {name}: answered", replies)]
    return lines


async def run(rows: int, count: int, drop: int) -> None:
    """Measure, and print the tables."""
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        url = f"sqlite:///{scratch / 'bench.db'}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "OPTOUT_"))}
        with process("sandbox", "--no-bot", "--port", "0", environment=clean) as slack:
            tokens = read_tokens(slack)
            team = await team_of(tokens["SLACK_API_URL"])
            write_list(scratch / "fill.csv", rows, seed=1)
            known = phones_in(scratch / "fill.csv", 10_000)
            store = Store.open(url)
            store.database.migrate()
            store.close()
            import_list(url, team, scratch / "fill.csv")
            environment = (
                clean
                | tokens
                | {"DATABASE_URL": url, "OPTOUT_DEFAULT_COUNTRY": "US", "OPTOUT_POST_SECONDS": "0", "OPTOUT_PORT": "0"}
            )
            began = time.perf_counter()
            with process("serve", environment=environment) as bot:
                async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600)) as session:
                    base = tokens["SLACK_API_URL"].removesuffix("/api/")
                    channel_id = await connected(session, base)
                    print(f"\nStart of `serve` to connected: {time.perf_counter() - began:.2f} s")
                    person = Person(session, base, channel_id)
                    await commands(person, "warm-up", 10, 2, known)
                    head = "| milliseconds | n | p50 | p99 | worst |\n| --- | --- | --- | --- | --- |"
                    lines = await commands(person, f"idle, {rows:,} opted out", count, 3, known)
                    short = [await dropped(person, scratch / f"short{n}.csv", 1_000, seed=20 + n) for n in range(5)]
                    long = await dropped(person, scratch / "long.csv", drop, seed=4)
                    write_list(scratch / "huge.csv", drop * 20, seed=5)
                    await person.drop(scratch / "huge.csv")
                    during = asyncio.create_task(commands(person, "during an import", count, 6, known))
                    await person.thread_says("to opt out", click_action="upload.confirm")
                    await person.thread_says("opted out* from")
                    finished = during.done()
                    lines += await during
                    print(f"\n{head}")
                    print("\n".join(lines))
                    if finished:
                        print("(the import outlasted the commands)")
                    print("\n| a drop in Slack, seconds | rows | dropped to previewed | confirmed to reported |")
                    print("| --- | --- | --- | --- |")
                    middle = [statistics.median(times) for times in zip(*short, strict=True)]
                    print(f"| the median of five | 1,000 | {middle[0]:.2f} | {middle[1]:.2f} |")
                    print(f"| one | {drop:,} | {long[0]:.2f} | {long[1]:.2f} |")
                    memory = [peak_mb(bot.pid), *(peak_mb(child) for child in children_of(bot.pid))]
                    print(f"\nPeak memory: bot {memory[0]:.0f} MB, its children {[round(m) for m in memory[1:]]} MB")


async def dropped(person: Person, path: Path, rows: int, seed: int) -> tuple[float, float]:
    """Drop a list of *rows* rows; seconds until it is previewed, and from the yes to the report."""
    write_list(path, rows, seed)
    began = time.perf_counter()
    await person.drop(path)
    await person.thread_says("to opt out")
    previewed = time.perf_counter()
    await person.thread_says("to opt out", click_action="upload.confirm")
    await person.thread_says("opted out* from")
    return previewed - began, time.perf_counter() - previewed


def read_tokens(slack: subprocess.Popen[str]) -> dict[str, str]:
    """The four lines that `sandbox --no-bot` prints for an app."""
    assert slack.stdout is not None
    tokens: dict[str, str] = {}
    while len(tokens) < 4:
        line = slack.stdout.readline()
        assert line, "the embedded Slack did not start"
        if line.startswith("SLACK_"):
            name, _, value = line.strip().partition("=")
            tokens[name] = value
    return tokens


async def team_of(api_url: str) -> str:
    """The workspace's id."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{api_url.removesuffix('/api/')}/sandbox/app") as answer,
    ):
        return str((await answer.json())["app"]["team_id"])


async def connected(session: aiohttp.ClientSession, base: str) -> str:
    """Wait until the bot's socket is there; the id of the channel the commands are typed in."""
    version = -1
    while True:
        address = f"{base}/sandbox/state?channel=campaign-admins&after={version}&timeout=5"
        async with session.get(address) as answer:
            state = await answer.json()
        if state["app"]["connected"]:
            return str(state["channels"][0]["id"])
        version = state["version"]


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, help="Opt-outs in the store.")
@click.option("--commands", "count", default=500, show_default=True, help="Commands of each kind and phase.")
@click.option(
    "--drop", default=100_000, show_default=True, help="Rows of the dropped list; the huge one has 20 times as many."
)
def desk(rows: int, count: int, drop: int) -> None:
    """The desk in Slack: commands and drops, idle and during an import."""
    asyncio.run(run(rows, count, drop))
