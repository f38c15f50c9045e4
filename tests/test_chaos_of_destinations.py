"""
A bad day on both sides: replies, commands and lists while Slack, every destination and the desk itself fail again and again.

In the end every destination holds exactly the desk's list; what was allowed again only those know that are told of it.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox import Outcome, SandboxMessage
from bot.sandbox.client import SandboxError
from handlers.platform.api import PREFIX
from handlers.views.exports import GET_LIST, LOADED
from store import Actor, DestinationKind, DestinationState, Function, NewDestination, Origin, Scope
from tests.desks import CHANNEL, Bot, Desk, desk_on
from tests.entries import opted_out
from tests.handlers.work import twilio_consents, van
from tests.handlers.work.receiver import Receiver, receiving, says
from tests.handlers.work.twilio_consents import ACCOUNT, SERVICE, TOKEN, TwilioConsents
from tests.handlers.work.van import APPLICATION, KEY, Van, van_people
from tests.patience import PATIENCE
from tests.people import List, Look, Person, Watch, actions_of

SEED = 20261129
KILLS = 4
BY = Origin(Function.COMMAND, Actor("U0EARLIER", "sam"))


def phones_of(area: int, count: int) -> list[str]:
    """*count* phones of fiction."""
    return [f"+1{area}55501{line:02d}" for line in range(count)]


BEFORE = phones_of(212, 60)
ALLOWED = BEFORE[:8]
ADDED = phones_of(312, 16)
REPLIED = phones_of(404, 40)
LISTS = [
    List(f"list-{area}.csv", "\n".join(["phone", *phones]).encode(), phones)
    for area in (602, 713)
    for phones in [phones_of(area, 40)]
]


@dataclass
class FarSides:
    """Where opt-outs are passed on to."""

    bridge: Receiver
    twilio: TwilioConsents
    van: Van

    def go_bad(self, dice: random.Random) -> None:
        """Of each, every third answer is lost, and of the others some are errors, until `get_well`."""
        self.bridge.loses = self.twilio.loses = self.van.loses = lambda number: number % 3 == 1
        self.bridge.answers = [says(dice.choice((204, 429, 500, 503))) for _ in range(40)]
        # What is no error is the far side's own answer: these come now and then among them.
        self.twilio.answers = [twilio_consents.fails(dice.choice((429, 500, 503))) for _ in range(6)]
        self.van.answers = [van.fails(dice.choice((429, 500, 503))) for _ in range(12)]

    def get_well(self) -> None:
        for one in (self.bridge, self.twilio, self.van):
            one.loses = lambda _number: False
            one.answers.clear()


@pytest.fixture
async def far_sides() -> AsyncIterator[FarSides]:
    """All of them, in which everybody can be found."""
    async with receiving() as bridge, twilio_consents.twilio_consents() as twilio, van_people() as people:
        for phone in {*BEFORE, *ADDED, *REPLIED, *(phone for listed in LISTS for phone in listed.phones)}:
            people.add(phone)
        yield FarSides(bridge, twilio, people)


@dataclass
class Day:
    """The day: who does what, and the desk that is killed meanwhile."""

    desk: Desk
    far_sides: FarSides
    dice: random.Random
    key: str = ""
    bot: Bot = field(init=False)
    over: bool = False
    wanted: int = 0

    async def start(self) -> None:
        settings = {
            "OPTOUT_API": "on",
            "OPTOUT_PRIVATE_DESTINATIONS": "on",
            "OPTOUT_TWILIO_ACCOUNTS_URL": self.far_sides.twilio.url,
            "OPTOUT_VAN_API_URL": self.far_sides.van.url,
        }
        [self.bot] = await self.desk.start(settings=settings)

    async def tell(self, session: aiohttp.ClientSession, phone: str) -> None:
        """Tell of a STOP by *phone* until it is answered, as a platform does."""
        told = {
            "source": "bridge",
            "message": f"m-{phone}",
            "from": phone,
            "to": "12345",
            "text": self.dice.choice(("STOP", "stop", "Unsubscribe")),
            "received_at": datetime.now(UTC).isoformat(),
        }
        while True:
            with suppress(aiohttp.ClientError):
                address = f"{await self.bot.serving}{PREFIX}/replies"
                headers = {"Authorization": f"Bearer {self.key}"}
                async with session.post(address, json=told, headers=headers) as answer:
                    if answer.status == 200:
                        return
                    assert answer.status >= 500, await answer.text()

    async def replies(self) -> None:
        async with aiohttp.ClientSession() as session:
            for phone in REPLIED:
                await self.tell(session, phone)

    async def kills(self) -> None:
        """Kill the desk each time the far sides were asked some times more."""
        for _ in range(KILLS):
            self.wanted = self.asked() + self.dice.randrange(8, 30)
            await self.until(lambda: self.asked() >= self.wanted)
            await self.bot.kill()
            await self.start()

    def asked(self) -> int:
        return len(self.far_sides.bridge.got) + len(self.far_sides.twilio.asked) + len(self.far_sides.van.asked)

    async def presses(self) -> None:
        """Somebody presses *Retry* wherever a destination waits for its next try."""
        while not self.over:
            await asyncio.to_thread(self.press_all)
            await self.a_moment()

    def press_all(self) -> None:
        verbs = self.desk.store.destinations
        for one in verbs.list_of(self.desk.account.id):
            if one.failing_since is not None or one.not_taken or one.state is not DestinationState.ON:
                verbs.retry(self.desk.account.id, one.id, BY)

    def told_all(self) -> bool:
        found = self.desk.store.destinations.list_of(self.desk.account.id)
        return all(
            one.cursor is not None and not one.cursor.whole and one.waiting == 0 and not one.not_taken for one in found
        )

    async def until(self, check: Callable[[], Any]) -> None:
        async with asyncio.timeout(2 * PATIENCE):
            while not await asyncio.to_thread(check):
                await self.a_moment()

    async def a_moment(self) -> None:
        """The database says nothing when it changes; Slack's long poll paces the next look."""
        state = await self.desk.people.state(channel=CHANNEL)
        await self.desk.people.state(after=state.version, timeout=0.1, channel=CHANNEL)


async def loaded_by(person: Person) -> set[str]:
    """The phones of the list for ThruText that *person* got and said to have loaded."""

    def files(state: Look) -> list[SandboxMessage]:
        direct = state.direct(person.name)
        return [one for one in (direct.messages if direct else ()) if LOADED in actions_of(one)]

    before = {one.ts for one in files(await person.look())}

    def new(state: Look) -> SandboxMessage | None:
        return next((one for one in files(state) if one.ts not in before and one.thread and one.thread[0].files), None)

    async def get() -> Outcome | None:
        asked = await person.insist(
            "passing", lambda: person.desk.people.command(person.name, CHANNEL, "/optout passing"), shown
        )
        return await person.desk.people.click(person.name, asked, GET_LIST)

    def shown(state: Look) -> SandboxMessage | None:
        return next((one for one in reversed(alone(state)) if GET_LIST in actions_of(one)), None)

    def alone(state: Look) -> list[SandboxMessage]:
        return [one for one in state.ephemerals(person.name) if one.handle == "optout"]

    file = await person.insist("list", get, new)
    content = await person.desk.people.download(file.thread[0].files[0]["id"])

    async def press() -> Outcome | None:
        # What was pressed, and not acknowledged in time, may be done all the same; then the button goes.
        with suppress(SandboxError):
            return await person.desk.people.click(person.name, file, LOADED)
        return None

    await person.insist("loaded", press, lambda state: all(one.ts != file.ts for one in files(state)))
    return set(content.decode().split()[1:])


@pytest.mark.chaos
async def test_every_destination_ends_with_exactly_the_list(
    database_url: str, tmp_path: Path, far_sides: FarSides
) -> None:
    """Whatever failed meanwhile, on whichever side: nobody is missing there, and nobody is out there who never was here."""
    async with desk_on(database_url, tmp_path) as desk:
        account, dice = desk.account.id, random.Random(SEED)
        desk.store.optouts.add(account, BEFORE, BY)
        day = Day(desk, far_sides, dice)
        day.key = desk.store.keys.make(account, "bridge", (Scope.REPORT,), None, BY).text
        make = desk.store.destinations.make
        bridge = make(account, NewDestination(DestinationKind.WEBHOOK, "Bridge", "C1", far_sides.bridge.url), BY)
        far_sides.bridge.secret = bridge.secret
        at_twilio = NewDestination(DestinationKind.TWILIO, "Texts", "C1", SERVICE, login=ACCOUNT, secret=TOKEN)
        make(account, at_twilio, BY)
        make(account, NewDestination(DestinationKind.VAN, "VAN", "C1", "", login=APPLICATION, secret=KEY), BY)
        make(account, NewDestination(DestinationKind.FILE, "ThruText", "C1", "phones"), BY)
        far_sides.go_bad(dice)
        await day.start()
        desk.slack.start_chaos(SEED)
        watch = Watch(desk.people)
        workspace = desk.slack.platform.workspace
        loaded: set[str] = set()
        admins = [
            Person(desk, watch, name, CHANNEL, is_admin=True, sees=(CHANNEL, workspace.direct_message(user).id))
            for name in ("admin", "second-admin")
            for user in [workspace.user(name)]
        ]

        async def acts() -> None:
            for phone in ADDED:
                await admins[0].add(phone)

        async def drops_and_deletes() -> None:
            for listed in LISTS:
                await admins[1].drop(listed)
            for phone in ALLOWED:
                await admins[1].delete(phone)

        async def loads() -> None:
            """Somebody gets ThruText's list, loads it and says so, on the worst of the day and once it is over."""
            loaded.update(await loaded_by(admins[1]))

        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch.run())
            pressing = group.create_task(day.presses())
            await asyncio.gather(acts(), drops_and_deletes(), day.replies(), day.kills())
            await loads()
            await desk.people.clear_faults()
            far_sides.get_well()
            await desk.quiet()
            await loads()
            await day.until(day.told_all)
            day.over = True
            await pressing
            watching.cancel()
        await day.bot.terminate()
        ours = set(opted_out(desk.store, account))
        assert ours == {*BEFORE, *ADDED, *REPLIED, *(phone for one in LISTS for phone in one.phones)} - set(ALLOWED)
        assert far_sides.bridge.opted_out == ours
        # Whom they were told of before it was allowed again stays out there.
        assert far_sides.twilio.opted_out - set(ALLOWED) == ours
        assert far_sides.van.opted_out - set(ALLOWED) == ours
        assert loaded - set(ALLOWED) == ours
        assert len(desk.bots) == KILLS + 1
