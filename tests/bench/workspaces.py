"""
Many workspaces in one process: `python -m tests.bench workspaces`.

The embedded Slack plays them all in a process of its own; in each somebody installs the app by OAuth, in a browser. Then people
act: the desk, `python -m bot serve`, takes their signed commands over HTTP, answers in their channels, and is told by Slack of
each answer that it posted. An act begins every 1/rate s whether or not those before it were acknowledged. At last the desk is started
on answers that another kept and nobody gave. Slack's limits are Slack's, a message a second to a channel among them.
"""

import asyncio
import hashlib
import hmac
import itertools
import os
import random
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import aiohttp
import click
import sqlalchemy as sa

from bot.sandbox import EmbeddedSlack
from handlers.slack.messages import Message
from handlers.slack.pacing import BURST
from store import Actor, Function, Origin, OutboxState, Store
from store.models import accounts, outbox
from tests.bench.desk import process
from tests.bench.lists import postgres
from tests.bench.memory import peak_mb, processor_ms, resident_mb
from tests.bench.servers import CONTEXT
from tests.workspaces import KEY, PUBLIC, Visitor

# Seconds for what takes as long as it takes.
PATIENCE: Final = 300.0
# Commands a second while answers that waited are given, and before that until each workspace was acted in once.
MEANWHILE: Final = 5
ACTS: Final = (
    "| acts | a second | p50, ms | p99, ms | worst, ms | late | processor of one, ms | all answered after, s "
    "| memory at start, MB | at the end, MB | most, MB | load |"
)
STARTS: Final = (
    "| answers that wait | ready, s | all given, s | by Slack's pace, s | refused as too soon | commands meanwhile, p50, ms | p99, ms "
    "| processor, s | most memory, MB | load |"
)
_BY: Final = Origin(Function.COMMAND, Actor("U0BENCH", "bench"))
_FILL: Final = """
    INSERT INTO opt_outs (account_id, phone, entry_id, line)
    WITH RECURSIVE list (line) AS (SELECT 1 UNION ALL SELECT line + 1 FROM list WHERE line < :last)
    SELECT :account, '+1' || (2000000000 + 7 * CAST(line AS BIGINT)), :entry, line FROM list
"""


@dataclass(frozen=True, slots=True)
class Team:
    """A workspace, by Slack's ids: its own, its admin's, and those of the channels in which people act and answers wait."""

    id: str
    admin: str
    acts_in: str
    waits_in: str


@dataclass(frozen=True, slots=True)
class Played:
    """What is told of the app that all *teams* may install: its *settings*, by the names that the desk reads."""

    settings: dict[str, str]
    teams: tuple[Team, ...]


class Slack:
    """Slack as it sends commands: signed, for any workspace, to the desk at *address*."""

    def __init__(self, session: aiohttp.ClientSession, address: str, secret: str) -> None:
        self._session = session
        self._address = address
        self._secret = secret.encode()
        self._numbers = itertools.count()

    async def command(self, team: Team, text: str) -> tuple[float, bool]:
        """Send it; milliseconds until something came of it, and whether that was an acknowledgement. Bolt gives none after 3 s."""
        fields = {
            "command": "/optout",
            "text": text,
            "team_id": team.id,
            "team_domain": team.id.lower(),
            "channel_id": team.acts_in,
            "channel_name": "campaign-admins",
            "user_id": team.admin,
            "user_name": "admin",
            "trigger_id": f"{time.time_ns()}.{next(self._numbers)}",
            "response_url": f"{self._address}/nowhere",
            "is_enterprise_install": "false",
        }
        body = urlencode(fields).encode()
        timestamp = str(int(time.time()))
        signature = hmac.new(self._secret, f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signature}",
        }
        began, status = time.perf_counter(), None
        with suppress(aiohttp.ClientError):
            async with self._session.post(f"{self._address}/slack/events", data=body, headers=headers) as answer:
                await answer.read()
                status = answer.status
        return (time.perf_counter() - began) * 1000, status == 200

    async def ready(self, desk: subprocess.Popen[str]) -> None:
        """Wait until *desk* says that it is. Raises `RuntimeError` when it has ended, as where another program has its port."""
        async with asyncio.timeout(PATIENCE):
            while True:
                if desk.poll() is not None:
                    raise RuntimeError(f"the desk ended with {desk.returncode} before it was ready")
                with suppress(aiohttp.ClientError):
                    async with self._session.get(f"{self._address}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.02)

    async def refusals(self) -> int:
        """How many posts of the desk's Slack refused because they came too soon, by the desk's own count."""
        async with self._session.get(f"{self._address}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        posts = [line for line in lines if line.startswith("optout_slack_calls_total{") and "chat.postMessage" in line]
        assert posts, "nothing was posted"
        return sum(int(float(line.rpartition(" ")[2])) for line in posts if "ratelimited" in line)


class Bench:
    """One database's turn: *teams* act, and what it took is told as rows of the two tables."""

    def __init__(self, store: Store, slack: Slack, teams: Sequence[Team], ids: Sequence[int]) -> None:
        self._store = store
        self._slack = slack
        self._teams = teams
        self._ids = ids
        self._dice = random.Random(1)

    async def acted(self, pid: int, rate: int, seconds: int) -> str:
        """Half add a number, half search, in a workspace by chance."""
        await self._at_the_rate(self._teams, MEANWHILE * 4)  # who each is, and with which token
        await self._all_given(self._waiting)
        before, used = resident_mb(pid), processor_ms(pid)
        told = await self._at_the_rate([self._dice.choice(self._teams) for _ in range(rate * seconds)], rate)
        load, ended = os.getloadavg()[0], time.perf_counter()
        await self._all_given(self._waiting)
        given = time.perf_counter() - ended
        used = (processor_ms(pid) - used) / len(told)
        times, late = [taken for taken, _ in told], sum(not in_time for _, in_time in told)
        return (
            f"{len(told):,} | {rate} | {_parts(times)} | {max(times):.0f} | {late} | {used:.1f} | {given:.1f} "
            f"| {before:.0f} | {resident_mb(pid):.0f} | {peak_mb(pid):.0f} | {load:.1f} |"
        )

    async def caught_up(self, pid: int, began: float, answers: int) -> str:
        """Wait until the answers that waited are given; people go on meanwhile."""
        ready = time.perf_counter() - began
        told: list[tuple[float, bool]] = []

        async def going_on() -> None:
            while True:
                told.extend(await self._at_the_rate([self._dice.choice(self._teams)], MEANWHILE))

        people = asyncio.create_task(going_on())
        left = await self._all_given(self._kept_waiting)
        given, load = time.perf_counter() - began, os.getloadavg()[0]
        people.cancel()
        await asyncio.gather(people, return_exceptions=True)
        pace = max(0, answers / len(self._teams) - BURST)
        return (
            f"{answers:,} | {ready:.1f} | {given:.0f}{f' ({left:,} left)' if left else ''} | {pace:.0f} | {await self._slack.refusals()} "
            f"| {_parts([taken for taken, _ in told])} | {processor_ms(pid) / 1000:.0f} | {peak_mb(pid):.0f} | {load:.1f} |"
        )

    async def _at_the_rate(self, teams: Sequence[Team], rate: int) -> list[tuple[float, bool]]:
        told = list[tuple[float, bool]]()

        async def one(team: Team) -> None:
            phone = f"+1917{self._dice.randrange(2_000_000, 9_999_999)}"
            told.append(await self._slack.command(team, f"{self._dice.choice(('add', 'search'))} {phone}"))

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, team in enumerate(teams, 1):
                group.create_task(one(team))
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        return told

    async def _all_given(self, waiting: Callable[[], int]) -> int:
        """Wait until none is *waiting* any more, but not for ever; how many are then."""
        end = time.monotonic() + PATIENCE
        while (left := await asyncio.to_thread(waiting)) and time.monotonic() < end:  # noqa: ASYNC110  the database says nothing when it changes
            await asyncio.sleep(0.2)
        return left

    def _waiting(self) -> int:
        return sum(one.waiting for one in self._store.backlogs().values())

    def _kept_waiting(self) -> int:
        """Of those that were kept here."""
        waits = sa.select(sa.func.count()).where(outbox.c.key.like("bench %"), outbox.c.state == OutboxState.PENDING)
        with self._store.database.read() as connection:
            return int(connection.execute(waits).scalar_one())

    def keep_answers(self, count: int) -> None:
        """So many answers that a desk kept and nobody gave, in the order in which all workspaces were asked; past the verb, but the first."""
        message = asdict(Message.of("*+1 212-555-0100* was opted out."))
        self._store.outbox.keep(self._ids[0], "bench", {}, lease_seconds=0)
        with self._store.database.write() as connection:
            one = dict(connection.execute(sa.select(outbox).where(outbox.c.key == "bench")).mappings().one())
            connection.execute(sa.delete(outbox).where(outbox.c.key == "bench"))
            rows = []
            for number in range(count):
                team, account = self._teams[number % len(self._teams)], self._ids[number % len(self._teams)]
                actor = {"id": team.admin, "name": "admin"}
                place = {"channel_id": team.waits_in, "channel_name": "support-tickets", "actor": actor}
                key = f"bench {number}"
                payload = {"key": key, "place": place, "message": message, "pressed": None}
                rows.append(one | {"account_id": account, "key": f"{key} 0", "payload": payload})
            connection.execute(sa.insert(outbox), rows)


def _parts(times: Sequence[float]) -> str:
    parts = statistics.quantiles(times, n=100, method="inclusive")
    return f"{parts[49]:.1f} | {parts[98]:.1f}"


async def measured(
    url: str, scratch: Path, workspaces: int, rows: int, rate: int, seconds: int, answers: int
) -> tuple[str, str]:
    """The row of the first table, and that of the second."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        store = Store.open(url)
        stack.callback(store.close)
        store.database.migrate()
        told = stack.enter_context(_slack_of_many(workspaces, port))
        played: Played = await asyncio.to_thread(told.recv)
        ids = [filled(store, team.id, rows) for team in played.teams]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "OPTOUT_"))}
        environment = (
            clean | played.settings | {"DATABASE_URL": url, "OPTOUT_PORT": str(port), "OPTOUT_PUBLIC_URL": PUBLIC}
        )
        environment |= {"OPTOUT_TOKEN_KEY": KEY, "OPTOUT_DEFAULT_COUNTRY": "US", "OPTOUT_SCRATCH_DIR": str(scratch)}
        connector = aiohttp.TCPConnector(limit=0)
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
        slack = Slack(session, address, played.settings["SLACK_SIGNING_SECRET"])
        bench = Bench(store, slack, played.teams, ids)
        with process("serve", environment=environment) as bot:
            await slack.ready(bot)
            told.send(address)
            assert await asyncio.to_thread(told.recv) == workspaces, "not every workspace installed the app"
        with process("serve", environment=environment) as bot:
            await slack.ready(bot)
            acts = await bench.acted(bot.pid, rate, seconds)
            click.echo(f"{acts}\n{answers:,} answers wait", err=True)
        done = sum(account.opted_out for account in store.accounts.list(workspaces))
        assert done > workspaces * rows, "nothing was done"
        bench.keep_answers(answers)
        began = time.perf_counter()
        with process("serve", environment=environment) as bot:
            await slack.ready(bot)
            return acts, await bench.caught_up(bot.pid, began, answers)


def filled(store: Store, team: str, rows: int) -> int:
    """An account with so many opt-outs, past the verbs; its id."""
    account = store.accounts.get_or_create(team, country="US").id
    [first] = store.optouts.add(account, ["+19999999999"], _BY)
    with store.database.write() as connection:
        connection.execute(sa.text(_FILL), {"account": account, "entry": first.entry.id, "last": rows - 1})
        connection.execute(sa.update(accounts).where(accounts.c.id == account).values(opted_out=rows))
    return account


@contextmanager
def _slack_of_many(workspaces: int, port: int) -> Iterator[Connection]:
    """`_play` in a process of its own while the block runs, and how to talk with it."""
    ours, theirs = CONTEXT.Pipe()
    child = CONTEXT.Process(target=_play, args=(theirs, workspaces, port))
    child.start()
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()
        child.join()


def _play(told: Connection, workspaces: int, port: int) -> None:
    """Tell what is `Played`; once told the desk's address, install the app everywhere, and say in how many; play until nobody listens."""
    asyncio.run(_played(told, workspaces, f"http://127.0.0.1:{port}/slack/events"))


async def _played(told: Connection, workspaces: int, events_url: str) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(EmbeddedSlack(events_url=events_url, rate_limits=True))
        first.platform.app.gone = True
        slacks = [first]
        for number in range(1, workspaces):
            named = (f"campaign-{number}", f"Campaign {number}")
            one = EmbeddedSlack(beside=first, named=named, rate_limits=True)
            slacks.append(await stack.enter_async_context(one))
        settings = {
            "SLACK_API_URL": first.api_url,
            "SLACK_SIGNING_SECRET": first.signing_secret,
            "SLACK_CLIENT_ID": first.client_id,
            "SLACK_CLIENT_SECRET": first.client_secret,
        }
        told.send(Played(settings, tuple(map(_team, slacks))))
        with suppress(EOFError):
            address = await asyncio.to_thread(told.recv)
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
                visitor = Visitor(session, address)
                told.send(sum([(await visitor.install(slack)).status == 200 for slack in slacks]))
            await asyncio.to_thread(told.recv)


def _team(slack: EmbeddedSlack) -> Team:
    workspace = slack.platform.workspace
    channels = (workspace.channel(name).id for name in ("campaign-admins", "support-tickets"))
    return Team(slack.team_id, workspace.user("admin").id, *channels)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@click.command()
@click.option("--workspaces", "count", default=100, show_default=True)
@click.option("--rows", default=20_000, show_default=True, help="Opt-outs of each.")
@click.option("--rate", default=50, show_default=True, help="Acts a second.")
@click.option("--seconds", default=40, show_default=True)
@click.option("--answers", default=10_000, show_default=True, help="Answers that wait when the desk starts.")
@click.option("--databases", default="sqlite,postgresql", show_default=True, help="Which to measure.")
def workspaces(count: int, rows: int, rate: int, seconds: int, answers: int, databases: str) -> None:
    """A hundred workspaces in one process, and a start with ten thousand waiting answers."""
    acts, starts = [], []
    for name in databases.split(","):
        click.echo(f"{name}: {count} workspaces of {rows:,} opt-outs", err=True)
        with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
            url = f"sqlite:///{directory}/desk.db"
            if name == "postgresql":
                server = stack.enter_context(postgres()).set(drivername="postgresql+psycopg")
                url = server.render_as_string(hide_password=False)
            found = asyncio.run(measured(url, Path(directory), count, rows, rate, seconds, answers))
        acts.append(f"| {name} | {found[0]}")
        starts.append(f"| {name} | {found[1]}")
    for head, lines in ((ACTS, acts), (STARTS, starts)):
        print(f"\n| {head}\n|{' --- |' * head.count('|')}")
        print("\n".join(lines))
