"""
Many workspaces in one process: `python -m tests.bench workspaces`.

The desk is a process that takes signed commands over HTTP, as Slack sends them for every workspace that has the app; the
embedded Slack, where it posts its answers, is another. That is one workspace: what the desk asks it of a person goes through
`Workspaces`, which makes its admin an admin of each. An act begins every 1/rate s whether or not those before it were
acknowledged. Then so many answers wait for Slack that nobody gave, and the desk is started on them.
"""

import asyncio
import hashlib
import hmac
import itertools
import os
import random
import socket
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict
from typing import Final
from urllib.parse import urlencode

import aiohttp
import click
import sqlalchemy as sa
from aiohttp import web

from bot.http import listening
from bot.sandbox import SandboxClient
from handlers.slack.messages import Message
from store import Actor, Function, Origin, Store
from store.models import accounts
from tests.bench.desk import process, read_tokens, row
from tests.bench.memory import peak_mb, resident_mb

CHANNEL: Final = "campaign-admins"
# Seconds for what takes as long as it takes.
PATIENCE: Final = 900.0
# Seconds in which it is counted how many answers are given.
GIVING: Final = 60
HEAD: Final = "| milliseconds | n | p50 | p99 | worst |\n| --- | --- | --- | --- | --- |"
_BY: Final = Origin(Function.COMMAND, Actor("U0BENCH", "bench"))
_FILL: Final = """
    INSERT INTO opt_outs (account_id, phone, entry_id, line)
    WITH RECURSIVE list (line) AS (SELECT 1 UNION ALL SELECT line + 1 FROM list WHERE line < :last)
    SELECT :account, '+1' || (2000000000 + 7 * line), :entry, line FROM list
"""


class Workspaces:
    """
    The Web API of the embedded Slack at *url*, but that its *admin* is in every workspace, by an id of each.

    Whose the token is it does not say: a desk with one token serves every account that is there until it knows.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, admin: str) -> None:
        self._session = session
        self._url = url
        self._admin = admin

    def routes(self) -> web.Application:
        """What the desk takes for Slack."""
        app = web.Application()
        app.add_routes([web.route("*", "/api/{method}", self._answer)])
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        method, body = request.match_info["method"], await request.read()
        if method == "auth.test":
            return web.json_response({"ok": False, "error": "internal_error"})
        query = dict(request.query)
        asked = query.get("user", "") if method == "users.info" else ""
        passed = {name: request.headers[name] for name in ("Authorization", "Content-Type") if name in request.headers}
        url = f"{self._url}{method}"
        query |= {"user": self._admin} if asked else {}
        async with self._session.request(request.method, url, params=query, data=body, headers=passed) as answer:
            told = await answer.json()
        if asked:
            told["user"] |= {"id": asked, "team_id": f"T{asked[1:]}"}
        return web.json_response(told)


class Slack:
    """Slack as it sends commands: signed, for any workspace, to the desk at *port*."""

    def __init__(self, session: aiohttp.ClientSession, port: int, secret: str, channel: str) -> None:
        self._session = session
        self._url = f"http://127.0.0.1:{port}"
        self._secret = secret.encode()
        self._channel = channel
        self._numbers = itertools.count()

    async def command(self, team: str, text: str) -> tuple[float, bool]:
        """Send it; milliseconds to the answer, and whether that is an acknowledgement. Bolt gives none after 3 s."""
        fields = {
            "command": "/optout",
            "text": text,
            "team_id": team,
            "team_domain": team.lower(),
            "channel_id": self._channel,
            "channel_name": CHANNEL,
            "user_id": f"U{team[1:]}",
            "user_name": "admin",
            "trigger_id": f"{time.time_ns()}.{next(self._numbers)}",
            "response_url": f"{self._url}/nowhere",
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
        began = time.perf_counter()
        async with self._session.post(f"{self._url}/slack/events", data=body, headers=headers) as answer:
            await answer.read()
            return (time.perf_counter() - began) * 1000, answer.status == 200

    async def ready(self, team: str) -> None:
        """Wait until the desk takes commands."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(aiohttp.ClientError):
                    if (await self.command(team, "help"))[1]:
                        return
                await asyncio.sleep(0.02)


async def run(workspaces: int, rows: int, rate: int, seconds: int, answers: int) -> None:
    """Measure, and print the tables."""
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/bench.db"
        store = Store.open(url)
        store.database.migrate()
        accounts = filled(store, workspaces, rows)
        print(f"\n{workspaces} workspaces of {rows:,} opt-outs, {rate} acts a second for {seconds} s")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "OPTOUT_"))}
        with process("sandbox", "--no-bot", "--port", "0", environment=clean) as child:
            tokens = read_tokens(child)
            secret, port = tokens["SLACK_SIGNING_SECRET"], free_port()
            # Over HTTP, where Slack sends what is of every workspace to one address.
            environment = clean | {name: value for name, value in tokens.items() if name != "SLACK_APP_TOKEN"}
            environment |= {"DATABASE_URL": url, "OPTOUT_DEFAULT_COUNTRY": "US", "OPTOUT_POST_SECONDS": "0"}
            environment |= {"OPTOUT_SCRATCH_DIR": directory, "OPTOUT_PORT": str(port)}
            async with (
                SandboxClient(tokens["SLACK_API_URL"].removesuffix("/api/")) as people,
                aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
                AsyncExitStack() as stack,
            ):
                state = await people.state(channel=CHANNEL)
                user, channel = state.user("admin")["id"], state.channel(CHANNEL).id
                slack = Slack(session, port, secret, channel)
                between = Workspaces(session, tokens["SLACK_API_URL"], user)
                address = await stack.enter_async_context(listening(between.routes(), "127.0.0.1", 0))
                environment["SLACK_API_URL"] = f"{address}/api/"
                with process("serve", environment=environment) as bot:
                    await slack.ready(next(iter(accounts)))
                    before = resident_mb(bot.pid)
                    await act(slack, list(accounts), rate, seconds)
                    print(f"\nMemory of the desk: {before:.0f} MB before, {peak_mb(bot.pid):.0f} MB at most.")
                assert sum(account.opted_out for account in store.accounts.list()) > workspaces * rows, (
                    "nothing was done"
                )
                keep_answers(store, list(accounts.values()), answers, channel, user)
                began = time.perf_counter()
                with process("serve", environment=environment) as bot:
                    await slack.ready(next(iter(accounts)))
                    ready = time.perf_counter() - began
                    times = [(await slack.command(next(iter(accounts)), "search +12125550100"))[0] for _ in range(50)]
                    left = await waiting(store)
                    await asyncio.sleep(GIVING)
                    given = left - await waiting(store)
                    print(f"\n| start with {answers:,} waiting answers | |\n| --- | --- |")
                    print(f"| ready, s | {ready:.2f} |\n| given in {GIVING} s | {given} |")
                    print(f"| memory at most, MB | {peak_mb(bot.pid):.0f} |")
                    print(f"\n{HEAD}\n{row('commands meanwhile', times)}")
        store.close()


def filled(store: Store, workspaces: int, rows: int) -> dict[str, int]:
    """So many accounts with so many opt-outs each, past the verbs; their ids, by Slack's."""
    made = {}
    for number in range(workspaces):
        slack_id = f"T0BENCH{number:03}"
        account = made[slack_id] = store.accounts.get_or_create(slack_id, f"Workspace {number}", country="US").id
        [first] = store.optouts.add(account, ["+19999999999"], _BY)
        given = {"account": account, "entry": first.entry.id, "last": rows - 1}
        with store.database.write() as connection:
            connection.execute(sa.text(_FILL), given)
            connection.execute(sa.update(accounts).where(accounts.c.id == account).values(opted_out=rows))
    return made


def keep_answers(store: Store, ids: list[int], count: int, channel: str, user: str) -> None:
    """So many answers that a desk kept and nobody gave."""
    payload = {
        "place": {"channel_id": channel, "channel_name": CHANNEL, "actor": {"id": user, "name": "admin"}},
        "message": asdict(Message.of("*+1 212-555-0100* was opted out.")),
        "pressed": None,
    }
    for number in range(count):
        key = f"bench {number} {{0}}"
        store.outbox.keep(ids[number % len(ids)], key, payload | {"key": key}, lease_seconds=0)


async def act(slack: Slack, teams: list[str], rate: int, seconds: int) -> None:
    """Half add a number, half search, in a workspace by chance; prints how long the acknowledgements took."""
    dice, told = random.Random(1), list[tuple[float, bool]]()

    async def one() -> None:
        verb = dice.choice(("add", "search"))
        told.append(await slack.command(dice.choice(teams), f"{verb} +1917{dice.randrange(2_000_000, 9_999_999)}"))

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(rate * seconds):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            group.create_task(one())
    print(f"\n{HEAD}\n{row('acknowledged', [taken for taken, _ in told])}")
    print(f"Late: {sum(not in_time for _, in_time in told)}")


async def waiting(store: Store) -> int:
    """How many answers, and events, wait."""
    return sum(one.waiting for one in (await asyncio.to_thread(store.backlogs)).values())


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@click.command()
@click.option("--workspaces", "count", default=100, show_default=True)
@click.option("--rows", default=20_000, show_default=True, help="Opt-outs of each.")
@click.option("--rate", default=50, show_default=True, help="Acts a second.")
@click.option("--seconds", default=180, show_default=True)
@click.option("--answers", default=10_000, show_default=True, help="Answers that wait when the desk starts.")
def workspaces(count: int, rows: int, rate: int, seconds: int, answers: int) -> None:
    """A hundred workspaces in one process, and a start with ten thousand waiting answers."""
    asyncio.run(run(count, rows, rate, seconds, answers))
