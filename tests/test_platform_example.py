"""
The made-up platform of docs/platform-example, as a process beside a desk and people in Slack: in the end all agree.

It hears the desk through a proxy that can fall silent after any byte, as a network does or a process that is killed.
"""

import asyncio
import os
import random
import sqlite3
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from handlers.platform.api import PREFIX
from store import Actor, ChangeCursor, Function, Origin, Scope
from tests.desks import CHANNEL, Bot, Desk
from tests.entries import opted_out
from tests.fidelity.toolchains import MODULES
from tests.patience import PATIENCE
from tests.people import Person, Watch
from tests.swallowing import SwallowingProxy, Way, swallowing

EXAMPLE = Path(__file__).parents[1] / "docs" / "platform-example" / "platform.mjs"
AREAS = (212, 213, 302, 305, 312, 404, 512, 617, 702, 808)
# Whom it texts, in this order; every tenth of them is in a campaign that is over as well.
PHONES = [f"+1{area}55501{line:02d}" for area in AREAS for line in range(100)]
# Who is out before it starts, of whom the first are allowed again; who is opted out meanwhile; who answers STOP.
BEFORE = PHONES[:990:33]
ALLOWED = BEFORE[:12]
OPTED_OUT = [phone for phone in PHONES[5::50] if phone not in BEFORE]
ANSWER = [phone for phone in PHONES[7::50] if phone not in BEFORE]
KILLS = 8
SEED = 20261128
ON = {"OPTOUT_API": "on"}


@dataclass(slots=True)
class Platform:
    """The made-up platform, which lives in *place* and asks the desk by the *proxy*; `said` are the lines it printed."""

    place: Path
    proxy: SwallowingProxy
    key: str
    said: list[str] = field(default_factory=list)
    _process: Process | None = None
    _listening: asyncio.Task[None] | None = None
    _came: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        given = {"OPTOUT_URL": f"http://127.0.0.1:{self.proxy.port}{PREFIX}", "OPTOUT_KEY": self.key}
        self._process = await asyncio.create_subprocess_exec(
            *("node", "platform.mjs", "platform.db"), cwd=self.place, env=os.environ | given, stdout=PIPE, stderr=STDOUT
        )
        self._listening = asyncio.create_task(self._listen(self._process))

    async def kill(self) -> None:
        """As the system kills it."""
        if self._process is not None and self._listening is not None:
            self._process.kill()
            await self._process.wait()
            await self._listening
            self._process = None

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self.said.append(line.decode().rstrip())
            self._came.set()

    async def until(self, check: Callable[[], Any]) -> None:
        """Wait until *check*, which is asked after its first line and then after each; it may be slow, but not silent for long."""
        while not (self.said and await asyncio.to_thread(check)):
            self._came.clear()
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._came.wait()
            except TimeoutError:
                raise TimeoutError("\n".join(["the platform is silent. It said:", *self.said[-20:]])) from None

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What its database has."""
        connection = sqlite3.connect(self.place / "platform.db", timeout=PATIENCE)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def cursor(self) -> ChangeCursor:
        """Up to where it has followed, which it has to the end of the first list at least."""
        [(after,)] = self.rows("SELECT after FROM cursor")
        return ChangeCursor.parse(after)


@pytest.fixture
def proxy() -> Iterator[SwallowingProxy]:
    """To nobody, until it is aimed at a desk."""
    with swallowing(("127.0.0.1", 1)) as proxy:
        yield proxy


@pytest.fixture
async def platform(desk: Desk, proxy: SwallowingProxy, tmp_path: Path) -> AsyncIterator[Platform]:
    """The platform, not started, with a key of the desk's account, in which some are opted out already."""
    place = tmp_path / "platform"
    place.mkdir()
    (place / "platform.mjs").write_bytes(EXAMPLE.read_bytes())
    (place / "node_modules").symlink_to(MODULES)
    slip = Origin(Function.COMMAND, Actor("U0EARLIER", "sam"))
    desk.store.optouts.add(desk.account.id, BEFORE, slip)
    made = desk.store.keys.make(desk.account.id, "platform", tuple(Scope), None, slip)
    platform = Platform(place, proxy, made.text)
    yield platform
    await platform.kill()


async def serve(desk: Desk, proxy: SwallowingProxy) -> Bot:
    """A desk, at which the *proxy* is aimed."""
    [bot] = await desk.start(settings=ON)
    address = urlsplit(await bot.serving)
    proxy.aim((str(address.hostname), int(address.port or 0)))
    return bot


def in_step(desk: Desk, platform: Platform) -> bool:
    """Whether the platform has nothing left to do and has followed to the end."""
    return (
        not platform.said[-1].startswith("sent")
        and platform.rows("SELECT after FROM cursor") != []
        and platform.cursor() == ChangeCursor(desk.store.changes.head(desk.account.id))
        and not platform.rows("SELECT 1 FROM replies WHERE NOT told")
        and not platform.rows(
            "SELECT 1 FROM conversations WHERE campaign = 'gotv-october' AND NOT opted_out AND sent_at IS NULL"
        )
    )


def agree(desk: Desk, platform: Platform) -> None:
    """Platform and store have the same list and the same conversations, each in the same state."""
    assert [phone for (phone,) in platform.rows("SELECT phone FROM opted_out ORDER BY phone")] == opted_out(
        desk.store, desk.account.id
    )
    assert desk.store.optouts.count(desk.account.id) == desk.store.optouts.recount(desk.account.id)
    stored = {
        (one.campaign_id, one.contact, phone, int(one.opted_out))
        for phone, state in desk.store.optouts.find_many(desk.account.id, PHONES).items()
        for one in state.conversations
    }
    assert set(platform.rows("SELECT campaign, contact, phone, opted_out FROM conversations")) == stored
    assert len(stored) == len(PHONES) + len(PHONES[::10])


def nobody_was_texted_who_was_out(desk: Desk, platform: Platform, told: dict[str, float]) -> None:
    """
    Each send's check was answered when its phone was not opted out, and each open conversation was texted once.

    *told*: when people in Slack were told of an opt-out, by the phone; both clocks are this machine's.
    """
    with desk.store.database.read() as connection:
        query = sa.text("SELECT entry_id, seq FROM changes WHERE account_id = :account")
        change_of: dict[int, int] = dict(connection.execute(query, {"account": desk.account.id}).all())
    states = desk.store.optouts.find_many(desk.account.id, PHONES)
    sends = platform.rows("SELECT phone, asked_at, as_of, sent_at FROM sends")
    for phone, asked_at, as_of, sent_at in sends:
        for opt_out in states[phone].opt_outs:
            if opt_out.lifted is None:
                assert change_of[opt_out.entry.id] > as_of, f"{phone} was texted after it was opted out"
            else:
                assert int(opt_out.lifted.at.timestamp() * 1000) <= sent_at, f"{phone} was texted before it was allowed"
        assert asked_at / 1000 <= told.get(phone, asked_at), f"{phone} was texted after Slack said that it is out"
    texted = [phone for phone, *_ in sends]
    assert len(texted) == len(set(texted)), "somebody was texted twice"
    assert {phone for phone in PHONES if not states[phone].opted_out} <= set(texted)


@pytest.fixture
async def admin(desk: Desk) -> AsyncIterator[Person]:
    """An admin in the uploads channel."""
    watch = Watch(desk.people)
    watching = asyncio.create_task(watch.run())
    yield Person(desk, watch, "admin", CHANNEL, is_admin=True, sees=(CHANNEL,))
    watching.cancel()


@pytest.mark.strangers
async def test_what_slack_decides_reaches_the_platform(
    desk: Desk, platform: Platform, proxy: SwallowingProxy, admin: Person
) -> None:
    """
    A thousand conversations, each checked before its text; an opt-out in Slack ends the wait of the platform's long poll; a
    delete there re-opens the conversation in the active campaign, not that in the one that is over, and nobody else's.
    """
    await serve(desk, proxy)
    await platform.start()
    await platform.until(lambda: in_step(desk, platform))
    assert {phone for (phone,) in platform.rows("SELECT phone FROM sends")} == {*PHONES} - {*BEFORE}
    agree(desk, platform)
    before = set(platform.rows("SELECT campaign, contact, phone, opted_out FROM conversations"))
    opened = set(platform.rows("SELECT campaign, contact, phone, 0 FROM conversations WHERE contact = 'c-0'"))
    await admin.add(PHONES[1])
    await platform.until(lambda: f"out {PHONES[1]}" in platform.said)
    await admin.delete(PHONES[0])
    await platform.until(lambda: f"sent {PHONES[0]}" in platform.said)
    await platform.until(lambda: in_step(desk, platform))
    agree(desk, platform)
    after = set(platform.rows("SELECT campaign, contact, phone, opted_out FROM conversations"))
    active = {one for one in opened if one[0] == "gotv-october"}
    assert len(opened) == 2
    assert after - before == active | {("gotv-october", "c-1", PHONES[1], 1)}


@pytest.mark.chaos
async def test_slack_and_the_platform_agree_after_a_bad_day(
    desk: Desk, platform: Platform, proxy: SwallowingProxy, admin: Person
) -> None:
    """
    Desk and platform are killed in turn, each after some byte of what the desk answers, while it texts a thousand people and
    an admin opts out and allows again: nobody was texted who was out, nobody twice, and every STOP is one opt-out.
    """
    bot = await serve(desk, proxy)
    await platform.start()
    # What is allowed again before the platform has seen it opted out it never heard of.
    await platform.until(lambda: any(line.startswith("followed") for line in platform.said))
    dice, told = random.Random(SEED), dict[str, float]()

    async def act() -> None:
        acts = [(admin.delete, phone) for phone in ALLOWED] + [(admin.add, phone) for phone in OPTED_OUT]
        dice.shuffle(acts)
        for what, phone in acts:
            await what(phone)
            if phone in OPTED_OUT:
                told[phone] = time.time()

    async def kill(bot: Bot) -> None:
        for number in range(KILLS):
            proxy.fall_silent(Way.WORDS, after=dice.randrange(1, 12_000))
            assert await asyncio.to_thread(proxy.silent.wait, PATIENCE)
            if number % 2:
                await platform.kill()
                await platform.start()
            else:
                await bot.kill()
                bot = await serve(desk, proxy)
            proxy.pass_on()
            proxy.hang_up()

    async with asyncio.TaskGroup() as group:
        group.create_task(act())
        group.create_task(kill(bot))
    await platform.until(lambda: in_step(desk, platform))
    agree(desk, platform)
    nobody_was_texted_who_was_out(desk, platform, told)
    for phone in ANSWER:
        standing = desk.store.optouts.find(desk.account.id, phone).standing
        assert [one.entry.function for one in standing] == [Function.KEYWORD]
