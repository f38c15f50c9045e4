"""
What the desk costs, as its users feel it: `make bench`.

Everything is a process of its own, as in life: the embedded Slack, the bot (`python -m bot serve`), and this one, which
acts as people. Memory is the kernel's peak of the bot and of its child process. The reference for bulk work is the
database's own insert of bare, clean numbers into the same key, in the same run.
"""

import asyncio
import os
import random
import sqlite3
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

from store import Actor, Function, Origin, Scratch, Store, Upload, apply_upload, stage_upload

ROOT = Path(__file__).parent.parent.parent
WHO = Actor("U0BENCH", "bench")


def phones(count: int, seed: int) -> Iterator[str]:
    """*count* distinct, made-up US numbers in random order, as lists write them."""
    rnd = random.Random(seed)
    for number in rnd.sample(range(2_000_000, 9_999_999), count):
        area = (212, 415, 305, 646)[number % 4]
        yield f"({area}) {number // 10_000}-{number % 10_000:04}"


def write_list(path: Path, count: int, seed: int) -> None:
    """A CSV of *count* rows and seven columns."""
    with path.open("w", encoding="utf-8") as file:
        file.write("id,first,last,phone,city,state,note\n")
        for number, phone in enumerate(phones(count, seed)):
            file.write(f"{number},Ada,Example,{phone},Springfield,IL,asked to stop\n")


def timed_import(store: Store, path: Path, slack_id: str = "T0BENCH") -> tuple[float, int]:
    """Stage and apply the list at *path* in this process; seconds, and the account."""
    account = store.accounts.get_or_create(slack_id, "Bench", country="US")
    upload, _ = store.uploads.receive(
        account.id,
        file_id=f"bench:{time.time_ns()}",
        file_name=path.name,
        channel_id="",
        channel_name=None,
        thread_ts=None,
        permalink=None,
        actor=WHO,
        country="US",
    )
    began = time.perf_counter()
    held: Upload | None = store.uploads.claim("bench", lease_seconds=60, upload=(account.id, upload.id))
    assert held is not None
    scratch = path.with_suffix(".scratch")
    stage_upload(store, held, path, scratch, _silent, 60)
    store.uploads.confirm(account.id, held.id, Origin(Function.UPLOAD, WHO))
    held = store.uploads.renew(held, lease_seconds=60)
    staged = Scratch.open(scratch)
    assert staged is not None
    done = apply_upload(store, held, staged, _silent, 60)
    staged.close()
    store.uploads.release(done, settled="done")
    return time.perf_counter() - began, account.id


def _silent(_rows: int, _fraction: float) -> None:
    pass


def loader_seconds(path: Path, count: int) -> float:
    """The reference: SQLite's own bulk insert of bare, clean numbers, in file order, into the same key."""
    rnd = random.Random(1)
    rows = [(1, f"+1212{number}", 1) for number in rnd.sample(range(2_000_000, 9_999_999), count)]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE o (a INTEGER, p TEXT, e INTEGER, PRIMARY KEY (a, p, e)) WITHOUT ROWID")
    began = time.perf_counter()
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO o VALUES (?, ?, ?)", rows)
    connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return seconds


@contextmanager
def process(*arguments: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A child of ours, ended with the block."""
    child = subprocess.Popen(
        [sys.executable, "-m", "bot", *arguments],
        cwd=ROOT,
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


def peak_mb(pid: int) -> float:
    """The peak resident memory of one process so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def children_of(pid: int) -> list[int]:
    """Its child processes."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Person:
    """Acts through the control API and takes the time until the thread's reply was received by Slack."""

    def __init__(self, session: aiohttp.ClientSession, url: str, channel_id: str) -> None:
        self._session = session
        self._url = url
        self._channel_id = channel_id

    async def answered(self, text: str) -> tuple[float, float]:
        """Send a command; milliseconds to its acknowledgement and to its reply in the thread."""
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
                said = call["arguments"]
                if said.get("thread_ts") and said.get("channel") == self._channel_id:
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
        lines += [row(f"{verb}, {name}: acknowledged", acks), row(f"{verb}, {name}: reply in the thread", replies)]
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
            known = list(phones(rows, seed=1))[:10_000]
            store = Store.open(url)
            store.database.migrate()
            seconds, _ = timed_import(store, scratch / "fill.csv", team)
            store.close()
            reference = loader_seconds(scratch / "reference.db", rows)
            print("| bulk, one process, SQLite | rows | seconds | rows/s |\n| --- | --- | --- | --- |")
            print(f"| import: read, stage, apply | {rows:,} | {seconds:.1f} | {rows / seconds:,.0f} |")
            print(f"| reference: executemany of clean numbers | {rows:,} | {reference:.1f} | {rows / reference:,.0f} |")
            environment = clean | tokens | {"DATABASE_URL": url, "OPTOUT_DEFAULT_COUNTRY": "US", "OPTOUT_PORT": "0"}
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
                    write_list(scratch / "drop.csv", drop, seed=4)
                    began = time.perf_counter()
                    await person.drop(scratch / "drop.csv")
                    await person.thread_says("to opt out", click_action="upload.confirm")
                    previewed = time.perf_counter() - began
                    await person.thread_says("opted out* from")
                    reported = time.perf_counter() - began
                    write_list(scratch / "drop2.csv", drop * 5, seed=5)
                    await person.drop(scratch / "drop2.csv")
                    during = asyncio.create_task(commands(person, "during an import", count, 6, known))
                    await person.thread_says("to opt out", click_action="upload.confirm")
                    await person.thread_says("opted out* from")
                    finished = during.done()
                    lines += await during
                    print(f"\n{head}")
                    print("\n".join(lines))
                    if finished:
                        print("(the import outlasted the commands)")
                    print("\n| a drop in Slack | rows | seconds | rows/s |\n| --- | --- | --- | --- |")
                    print(f"| dropped to previewed | {drop:,} | {previewed:.2f} | {drop / previewed:,.0f} |")
                    print(f"| dropped to reported | {drop:,} | {reported:.2f} | {drop / reported:,.0f} |")
                    memory = [peak_mb(bot.pid), *(peak_mb(child) for child in children_of(bot.pid))]
                    print(f"\nPeak memory: bot {memory[0]:.0f} MB, its children {[round(m) for m in memory[1:]]} MB")


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
@click.option("--drop", default=100_000, show_default=True, help="Rows of the dropped list.")
def main(rows: int, count: int, drop: int) -> None:
    """Measure the desk."""
    asyncio.run(run(rows, count, drop))


if __name__ == "__main__":
    main()
