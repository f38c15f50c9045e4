"""
Calls of Slack's Web API a minute, by method, beside the tiers: `python -m tests.bench calls`.

Some minutes of a busy hour: fifty people look at their Home, commands and lists come, the list changes all the time, and
files that are none of the desk's are dropped elsewhere. The embedded Slack limits each method as Slack does, so what comes
too often is refused, and counted.
"""

import asyncio
import dataclasses
import os
import random
import tempfile
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final

import aiohttp
import click

from bot.sandbox import EmbeddedSlack, Outcome, SandboxClient, State
from bot.sandbox.methods import METHODS
from bot.sandbox.rates import TIERS
from bot.sandbox.workspace import new_id
from store import Actor, Function, Origin, Store
from tests.bench.desk import connected, process

ADMINS, ELSEWHERE, UPLOADS = "campaign-admins", "support-tickets", "optout-uploads"
# Seconds between two of a kind.
COMMANDS, FILES_ELSEWHERE, LISTS, CHANGES = 2.0, 2.0, 20.0, 1.0
_TOO_MANY: Final = 429


async def run(minutes: float, viewers: int) -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as directory:
        url = f"sqlite:///{Path(directory) / 'bench.db'}"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "OPTOUT_"))}
        async with EmbeddedSlack(rate_limits=True) as slack, SandboxClient(slack.url) as people:
            store = Store.open(url)
            store.database.migrate()
            account = store.accounts.get_or_create(slack.team_id, country="US").id
            tokens = {
                "SLACK_BOT_TOKEN": slack.bot_token,
                "SLACK_APP_TOKEN": slack.app_token,
                "SLACK_API_URL": slack.api_url,
            }
            settings = {"DATABASE_URL": url, "OPTOUT_DEFAULT_COUNTRY": "US", "OPTOUT_UPLOADS_CHANNELS": UPLOADS}
            settings |= {"OPTOUT_PORT": "0", "OPTOUT_SCRATCH_DIR": directory}
            with process("serve", environment=clean | tokens | settings):
                async with aiohttp.ClientSession() as session:
                    await connected(session, slack.url)
                began = time.time()
                await busy(people, store, account, names_of(slack, viewers), minutes * 60)
                calls = await people.calls(after=began)
            store.close()
    print(f"\n{viewers} Homes open, {minutes:g} minutes\n")
    print(
        "| method | calls a minute, mean | most in any minute | its tier | refused |\n| --- | --- | --- | --- | --- |"
    )
    for line in table(calls, minutes):
        print(line)


def names_of(slack: EmbeddedSlack, count: int) -> list[str]:
    """Members of the workspace, made like its support, for as many Homes."""
    users = slack.platform.workspace.users
    support = next(user for user in users.values() if user.handle == "support")
    names = [f"viewer-{number}" for number in range(count)]
    for name in names:
        user = dataclasses.replace(support, id=new_id("U"), handle=name)
        users[user.id] = user
    return names


async def busy(people: SandboxClient, store: Store, account: int, viewers: Iterable[str], seconds: float) -> None:
    """Do a bit of everything for *seconds*."""
    dice = random.Random(7)
    end = time.monotonic() + seconds

    def phone() -> str:
        return f"+1917{dice.randrange(2_000_000, 9_999_999)}"

    async def command() -> Outcome:
        verb = dice.choice(("add", "search"))
        return await people.command(dice.choice(("admin", "support")), ADMINS, f"/optout {verb} {phone()}")

    async def elsewhere() -> Outcome:
        return await people.drop("support", ELSEWHERE, f"photo {new_id('x')}.txt", b"not a list")

    async def change() -> None:
        stop = Origin(Function.KEYWORD, Actor("platform", "platform"))
        await asyncio.to_thread(store.optouts.add, account, [phone()], stop)

    async def list_dropped() -> None:
        rows = "".join(f"{phone()}\n" for _ in range(100))
        dropped = await people.drop("admin", UPLOADS, "stops.csv", f"phone\n{rows}".encode())

        def previewed(state: State) -> Any:
            asked = [reply for reply in state.replies(str(dropped.ts)) if "upload.confirm" in str(reply.buttons)]
            return asked[0] if asked else None

        await people.click("admin", await people.until(previewed, timeout=120), "upload.confirm")

    async def every(pause: float, act: Callable[[], Awaitable[object]]) -> None:
        due = time.monotonic()
        while due < end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await act()
            due += pause

    async with asyncio.TaskGroup() as group:
        for pause, act in ((COMMANDS, command), (FILES_ELSEWHERE, elsewhere), (LISTS, list_dropped), (CHANGES, change)):
            group.create_task(every(pause, act))
        for viewer in viewers:
            await people.home(viewer)


def table(calls: Iterable[dict[str, Any]], minutes: float) -> list[str]:
    """A line for each method, those with the most calls first."""
    all_calls: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    moments: dict[str, list[float]] = {}
    for call in calls:
        if call["method"] not in METHODS:
            continue
        all_calls[call["method"]] += 1
        refused[call["method"]] += call["status"] == _TOO_MANY
        moments.setdefault(call["method"], []).append(call["at"])
    return [
        f"| {method} | {count / minutes:.0f} | {most_in_a_minute(moments[method])} | {TIERS[METHODS[method].tier][0]:g} "
        f"| {refused[method]} |"
        for method, count in all_calls.most_common()
    ]


def most_in_a_minute(moments: Iterable[float]) -> int:
    """The most of *moments*, in seconds, that any sixty seconds hold."""
    most, within = 0, deque[float]()
    for moment in sorted(moments):
        within.append(moment)
        while within[0] <= moment - 60:
            within.popleft()
        most = max(most, len(within))
    return most


@click.command()
@click.option("--minutes", default=3.0, show_default=True, help="How long it is busy.")
@click.option("--viewers", default=50, show_default=True, help="People with an open Home.")
def calls(minutes: float, viewers: int) -> None:
    """Calls of Slack's Web API a minute, by method, beside the tiers."""
    asyncio.run(run(minutes, viewers))
