"""
Two hundred acts and five lists on a bad day: Slack, the network and the process itself fail again and again.

What the day leaves behind is compared with a quiet day of the same acts: the same opt-outs, one answer to each act,
nothing posted twice, nothing unanswered. Who acts is in tests/people.py.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.workspace import new_id
from store import Actor, Function, Origin
from tests.desks import CHANNEL, Bot, Desk, desk_on
from tests.people import List, Person, Watch, naming

DROPS, KILLS = 5, 3
ROWS = 150
SEED = 20261103
# Who acts, one act after the other, and in which channel: as many of each as it says.
STAFF = {"admin": ("campaign-admins", 8), "support": ("support-tickets", 8)}
# Seconds: on a machine of its own a bad day takes less than one of ten minutes.
LONGEST = 600.0
# What the desk says when something happened that nobody foresaw; a slow machine is no reason for it.
WENT_WRONG = "Something went wrong"


def phone_of(number: int) -> str:
    """The phone of act *number*: fiction, and nobody else's."""
    return f"+1{(212, 312)[number // 100]}55501{number % 100:02d}"


SCRIPT: tuple[tuple[int, str], ...] = (
    (40, "add"),
    (30, "search"),
    (30, "mention"),
    (25, "look_up_in_thread"),
    (20, "direct"),
    (20, "delete"),
    (20, "form"),
    (15, "shortcut"),
)
ACTS = sum(count for count, _ in SCRIPT)


def acts() -> list[tuple[str, str]]:
    """The acts of a day in order: the phone of each, and what is done with it."""
    names = [name for count, name in SCRIPT for _ in range(count)]
    random.Random(SEED).shuffle(names)
    return [(phone_of(number), name) for number, name in enumerate(names)]


ADMINS_ONLY = {"delete", "drop"}
# Their phones are of no act and of no other list.
LISTS = [
    List(f"list-{area}.csv", "\n".join(["phone", *phones, *phones[: ROWS - 101], "call her mother"]).encode(), phones)
    for area in (602, 617, 702, 713, 808)
    for phones in [[f"+1{area}55501{line:02d}" for line in range(100)]]
]


@dataclass(frozen=True, slots=True)
class Day:
    """
    What a day left behind.

    *answers*: how many the desk gave about the phone of each act; *tries*: what it took. *went_wrong*: what it said when it
    did not know why it failed. *reported*: where each of the *reports* stands, and whole.
    """

    opted_out: dict[str, set[str]]
    reasons: dict[str, int]
    answers: dict[str, int]
    tries: Counter[str]
    reports: list[str]
    reported: list[str]
    count: int
    went_wrong: list[str]
    bots: int
    failed_calls: int


@dataclass(frozen=True, slots=True)
class Normal:
    """What an act comes to that nobody does again. *reasons*: how many opt-outs of its phone stand after it."""

    tries: int
    answers: int
    reasons: int

    @classmethod
    def of(cls, day: Day, phones: Sequence[str]) -> "Normal":
        """The least that the *phones* of one kind of act came to."""
        return cls(*(min(counts[phone] for phone in phones) for counts in (day.tries, day.answers, day.reasons)))


class Killer:
    """Kills the bot with SIGKILL each time so many acts are done, and starts another."""

    def __init__(self, desk: Desk, bot: Bot, at: list[int]) -> None:
        self._desk = desk
        self.bot = bot
        self._at = at
        self._done = 0
        self._one_at_a_time = asyncio.Lock()

    async def one_more(self) -> None:
        self._done += 1
        async with self._one_at_a_time:
            if self._at and self._done >= self._at[0]:
                self._at.pop(0)
                await self.bot.kill()
                [self.bot] = await self._desk.start()


def hired(desk: Desk, watch: Watch) -> list[Person]:
    """The people who act: as many as it takes for a day of waiting to be short."""
    workspace = desk.slack.platform.workspace
    found = []
    for role, (channel, many) in STAFF.items():
        for number in range(many):
            person = replace(workspace.user(role), id=new_id("U"), handle=f"{role}-{number}")
            workspace.users[person.id] = person
            for where in (channel, CHANNEL):
                workspace.channel(where).members.append(person.id)
            sees = (channel, CHANNEL, workspace.direct_message(person).id)
            found.append(Person(desk, watch, person.handle, channel, is_admin=role == "admin", sees=sees))
    return found


async def a_day(desk: Desk, *, bad: bool) -> Day:
    """Everybody acts; with *bad*, under chaos, kills and Slack's limits on calls."""
    dice = random.Random(SEED)
    deleted = [phone for phone, name in acts() if name == "delete"]
    desk.store.optouts.add(desk.account.id, deleted, Origin(Function.COMMAND, Actor("U0EARLIER", "sam")))
    watch = Watch(desk.people)
    people = hired(desk, watch)
    desk.slack.platform.feed.courier.ack_limit = 3.0  # as Slack: what is acknowledged late is part of a bad day
    [bot] = await desk.start()
    killer = Killer(desk, bot, sorted(dice.sample(range(20, ACTS - 20), KILLS)) if bad else [])
    if bad:
        await desk.people.configure(rate_limits=True)
        desk.slack.start_chaos(SEED)
    todo: list[tuple[str, str | List]] = [(name, phone) for phone, name in acts()]
    for listed in LISTS[:DROPS]:
        todo.insert(dice.randrange(len(todo)), ("drop", listed))

    async def works(person: Person) -> None:
        while mine := next((one for one in todo if person.is_admin or one[0] not in ADMINS_ONLY), None):
            todo.remove(mine)
            name, about = mine
            await getattr(person, name)(about)
            await killer.one_more()

    async with asyncio.timeout(LONGEST), asyncio.TaskGroup() as group:
        watching = group.create_task(watch.run())
        await asyncio.gather(*(works(person) for person in people))
        watching.cancel()
    await desk.people.clear_faults()
    await desk.quiet()
    await killer.bot.terminate()
    calls = await desk.people.calls()
    return Day(
        **await left_behind(desk, people),
        bots=len(desk.bots),
        failed_calls=sum(call["status"] != 200 or not isinstance(call["answer"], dict) for call in calls),
    )


async def left_behind(desk: Desk, people: list[Person]) -> dict[str, Any]:
    """What of a `Day` stands in Slack and in the database."""
    state = await Watch(desk.people).look()
    phones = [phone for phone, _ in acts()]
    standing = {
        phone: [str(one.entry.function) for one in desk.store.optouts.find(desk.account.id, phone).standing]
        for phone in [*phones, *(phone for listed in LISTS for phone in listed.phones)]
    }
    keys = [
        message.metadata["event_payload"]["key"]
        for channel in desk.slack.platform.workspace.channels.values()
        for message in channel.messages.values()
        if message.metadata
    ]
    twice = [key for key, times in Counter(keys).items() if times > 1]
    # A second copy stands for good where Slack's event of a copy never reached the desk.
    told = [
        (one.name, one.attempts)
        for one in desk.slack.platform.feed.courier.log
        if any(key in str(one.payload) for key in twice)
    ]
    assert twice == [], f"posted twice; Slack told of them: {told}"
    reported = [
        f"{channel.name or channel.id} {message.ts} in {message.thread_ts}: {message.metadata} {message.text}"
        for channel in desk.slack.platform.workspace.channels.values()
        for message in channel.messages.values()
        if "phones opted out* from" in message.text
    ]
    count = desk.store.optouts.count(desk.account.id)
    assert count == desk.store.optouts.recount(desk.account.id)
    return {
        "opted_out": {phone: set(functions) for phone, functions in standing.items() if functions},
        "reasons": {phone: len(functions) for phone, functions in standing.items()},
        "answers": {phone: len(naming(state, phone)) for phone in phones},
        "tries": sum((person.tries for person in people), Counter()),
        # Which number a list has depends on when it came.
        "reports": sorted(
            one.text.split(" · upload ")[0].partition("*")[2]
            for one, _ in state.said
            if "phones opted out* from" in one.text
        ),
        "reported": reported,
        "count": count,
        "went_wrong": [one.text for person in people for one in person.failures(state) if WENT_WRONG in one.text]
        + [text for _, text in state.said if WENT_WRONG in text],
    }


@pytest.fixture(scope="module")
def quiet_day() -> list[Day]:
    """The quiet day, once it was; it is the same on both databases."""
    return []


@pytest.mark.chaos
async def test_a_bad_day_ends_as_a_quiet_one(
    desk: Desk, quiet_day: list[Day], sqlite_template: bytes, tmp_path: Path
) -> None:
    """The same opt-outs; an answer to each act, and no more answers than it was asked for; one report to each list."""
    if not quiet_day:
        scratch = tmp_path / "quiet"
        scratch.mkdir()
        (scratch / "desk.db").write_bytes(sqlite_template)
        async with desk_on(f"sqlite:///{scratch / 'desk.db'}", scratch) as calm:
            quiet_day.append(await a_day(calm, bad=False))
    [expected] = quiet_day
    assert expected.went_wrong == []
    # Where the machine is slow, people do things again on a quiet day too: what an act comes to is the least of its kind.
    usual = {name: Normal.of(expected, [phone for phone, act in acts() if act == name]) for _, name in SCRIPT}
    assert {name: normal.tries for name, normal in usual.items() if normal.tries > 1} == {"delete": 2}
    found = await a_day(desk, bad=True)
    assert found.opted_out == expected.opted_out
    assert found.count == expected.count
    assert found.reports == expected.reports, "\n".join(found.reported)
    assert len(found.reports) == len(set(found.reports)) == DROPS
    # It was a bad day indeed.
    assert found.bots == KILLS + 1
    assert found.failed_calls > 20
    assert found.tries.total() > DROPS + sum(usual[name].tries for _, name in acts())
    for phone, name in acts():
        normal = usual[name]
        assert found.answers[phone] >= normal.answers, f"{phone} was not answered"
        if found.tries[phone] == normal.tries:
            assert found.answers[phone] == normal.answers, f"{phone} was answered more than once"
            assert found.reasons[phone] == normal.reasons, f"{phone} was opted out more than once"
