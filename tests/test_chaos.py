"""
Two hundred acts and five lists on a bad day: Slack, the network and the process itself fail again and again.

What the day leaves behind is compared with a quiet day of the same acts: the same opt-outs, one answer to each act,
nothing posted twice, nothing unanswered. People do what people do: what Slack or the desk says did not work they do again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import Outcome, SandboxClient, SandboxMessage, State
from bot.sandbox.client import SandboxError
from bot.sandbox.workspace import new_id
from store import Actor, Function, Origin
from tests.desks import CHANNEL, Bot, Desk, desk_on, holder_of

DROPS, KILLS = 5, 3
ROWS = 150
SEED = 20261103
# Who acts, one act after the other, and in which channel: as many of each as it says.
STAFF = {"admin": ("campaign-admins", 8), "support": ("support-tickets", 8)}
PATIENCE = 90.0
# Seconds: on a machine of its own a bad day takes less than one of ten minutes.
LONGEST = 600.0


def phone_of(number: int) -> str:
    """The phone of act *number*: fiction, and nobody else's."""
    return f"+1{(212, 312)[number // 100]}55501{number % 100:02d}"


def written(phone: str) -> str:
    """As the desk writes it for a country where it is at home."""
    return f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}"


@dataclass(frozen=True, slots=True)
class Look(State):
    """A look at Slack; *said*: each message of the desk that is not for one person alone, with all of its text."""

    said: list[tuple[SandboxMessage, str]] = field(repr=False)


class Watch:
    """
    Slack as all who act see it: read once after each change, for everybody who waits.

    Sixteen people who each read all of it after each change would keep the machine busy with nothing else.
    """

    def __init__(self, people: SandboxClient) -> None:
        self._people = people
        # By channel, ts, and when it was last changed.
        self._known: dict[tuple[str, str, str | None], tuple[SandboxMessage, str]] = {}
        self._changed = asyncio.Condition()
        self._last: Look | None = None

    async def look(self, channels: Sequence[str] = ()) -> Look:
        """Slack now; with *channels* those only."""
        return self._taken_apart(await self._people.state(channel=channels))

    async def until(self, check: Callable[[Look], Any], seconds: float, channels: Sequence[str]) -> Any:
        """The first true value of *check*; TimeoutError with the last state when there is none in so many *seconds*."""
        look = await self.look(channels)
        try:
            async with asyncio.timeout(seconds):
                while not (found := check(look)):
                    look = await self._newer_than(look.version)
        except TimeoutError:
            raise TimeoutError(f"not seen within {seconds} s. The last state:\n{look.summary()}") from None
        return found

    async def run(self) -> None:
        """Look after each change, for ever."""
        version = None
        while True:
            look = self._taken_apart(await self._people.state(after=version))
            version = look.version
            async with self._changed:
                self._last = look
                self._changed.notify_all()

    async def _newer_than(self, version: int) -> Look:
        async with self._changed:
            while self._last is None or self._last.version <= version:
                await self._changed.wait()
            return self._last

    def _taken_apart(self, state: State) -> Look:
        said = []
        for channel in state.raw["channels"]:
            for raw in (one for message in channel["messages"] for one in (message, *message["thread"])):
                if raw["handle"] == "optout":
                    key = (channel["id"], raw["ts"], (raw["edited"] or {}).get("ts"))
                    if key not in self._known:
                        message = SandboxMessage.of(raw, channel["id"])
                        self._known[key] = message, message.all_text
                    said.append(self._known[key])
        return Look(state.raw, said)


@dataclass(slots=True)
class Person:
    """Somebody who acts and looks for what comes of it in the channels *sees*; *tries*: how often each act was tried."""

    desk: Desk
    watch: Watch
    name: str
    channel: str
    is_admin: bool
    sees: tuple[str, ...]
    tries: Counter[str] = field(default_factory=Counter)

    async def until(self, check: Callable[[Look], Any], *, seconds: float = PATIENCE) -> Any:
        return await self.watch.until(check, seconds, self.sees)

    async def look(self) -> Look:
        return await self.watch.look(self.sees)

    def failures(self, state: State) -> list[SandboxMessage]:
        """All that this person alone was told of what did not work: in the channel or, where that failed, directly."""
        direct = state.direct(self.name)
        alone = [*state.ephemerals(self.name), *(direct.everything if direct else ())]
        return [one for one in alone if one.handle == "optout" and is_a_failure(one.text)]

    def seen(self, state: Look, phone: str | None = None) -> set[str]:
        """The ts of all that could be taken for an answer: not how many there are, as a second copy is taken away again."""
        named = naming(state, phone) if phone else []
        return {one.ts for one in (*self.failures(state), *named)}

    async def insist(
        self,
        phone: str,
        act: Callable[[], Awaitable[Outcome | None]],
        done: Callable[[Look], Any] | None = None,
    ) -> Any:
        """
        Do *act* until it is answered: until *done* finds what it wants, by itself a message more that names *phone*.

        It is done again when Slack says that the desk did not respond, or had nobody to tell, and when the desk says that
        it did not work.
        """
        while True:
            self.tries[phone] += 1
            state = await self.look()
            before = self.seen(state, phone)
            outcome = await act()
            if outcome is not None and is_unheard(outcome):
                await self.reachable()
                await self.close_all()
                continue
            found, failed = await self.until(partial(self.answered, phone, before, done))
            if not failed:
                return found
            await self.close_all()

    def answered(
        self, phone: str, before: set[str], done: Callable[[Look], Any] | None, state: Look
    ) -> tuple[Any, bool] | None:
        """What answers the person, and whether it says that nothing came of it; None while there is none."""
        found = done(state) if done else [one for one in naming(state, phone) if one.ts not in before]
        if found:
            return found, False
        told = [str(view) for view in state.views(self.name) if is_a_failure(str(view))]
        failures = [one.text for one in self.failures(state) if one.ts not in before] + told
        return (failures, True) if failures else None

    async def reachable(self) -> None:
        """Wait until the desk is connected, and its token good: events of an app whose token is revoked go nowhere."""
        # A token says nothing when it changes: the looks are paced by Slack's long poll.
        async with asyncio.timeout(PATIENCE):
            while not (state := await self.look()).connected or self.desk.slack.platform.app.revoked:
                await self.desk.people.state(after=state.version, timeout=0.1, channel=self.sees)

    async def close_all(self) -> None:
        for view in reversed((await self.look()).views(self.name)):
            # One that was being submitted can go by itself.
            with suppress(SandboxError):
                await self.desk.people.close(self.name, view["id"])

    # The acts

    async def add(self, phone: str) -> None:
        await self.insist(phone, lambda: self.desk.people.command(self.name, self.channel, f"/optout add {phone}"))

    async def search(self, phone: str) -> None:
        await self.insist(phone, lambda: self.desk.people.command(self.name, self.channel, f"/optout search {phone}"))

    async def mention(self, phone: str) -> None:
        text = f"<@{self.desk.slack.bot_user_id}> opt out {phone} because they asked"
        await self.insist(phone, lambda: self.desk.people.message(self.name, self.channel, text, raw=True))

    async def look_up_in_thread(self, phone: str) -> None:
        thread = (await self.desk.people.message(self.name, self.channel, "a ticket")).ts
        text = f"<@{self.desk.slack.bot_user_id}> {phone}?"
        await self.insist(
            phone, lambda: self.desk.people.message(self.name, self.channel, text, thread_ts=thread, raw=True)
        )

    async def direct(self, phone: str) -> None:
        await self.insist(phone, lambda: self.desk.people.message(self.name, "@bot", phone))

    async def delete(self, phone: str) -> None:
        def question(state: Look) -> SandboxMessage | None:
            return next((one for one in naming(state, phone) if any(b.value for b in one.buttons)), None)

        await self.insist(
            phone, lambda: self.desk.people.command(self.name, self.channel, f"/optout delete {phone}"), question
        )

        async def press() -> Outcome | None:
            # What was pressed, and not acknowledged in time, may be done all the same; then the button goes.
            with suppress(SandboxError):
                if asked := question(await self.look()):
                    return await self.desk.people.click(self.name, asked, "optout.delete")
            return None

        def opted_in(state: Look) -> list[SandboxMessage]:
            # Of a second press after one that was done and not acknowledged, the answer is that nothing was left to do.
            words = ("opted in again", "nothing was changed")
            return [one for one in naming(state, phone) if any(text in one.text for text in words)]

        await self.insist(phone, press, opted_in)

    async def form(self, phone: str) -> None:
        """The menu that `/optout` opens, its form, and the form's submit."""

        async def fill_in() -> Outcome:
            while True:
                menu = await self.opened(
                    lambda: self.desk.people.command(self.name, self.channel, "/optout"), buttons_of
                )
                view = menu and await self.opened(
                    partial(self.desk.people.click_in_view, self.name, menu["id"], "form.add"),
                    lambda view: view["callback_id"] == "form.add",
                )
                if view:
                    # A modal that was asked for before can still come and take the place of this one.
                    with suppress(SandboxError):
                        return await self.desk.people.submit(self.name, view["id"], {"form.numbers": phone})

        await self.insist(phone, fill_in)

    async def shortcut(self, phone: str) -> None:
        ticket = await self.desk.people.message(self.name, self.channel, f"Never write again! {phone}")

        async def fill_in() -> Outcome:
            # Opted out by a submit that was only not acknowledged in time, it is not ticked any more.
            values = {"check.cause": "asked to stop", "check.phones.0": [phone]}
            while True:
                view = await self.opened(
                    lambda: self.desk.people.shortcut(self.name, "optout.check", channel=self.channel, ts=ticket.ts),
                    lambda view: view["callback_id"] == "optout.check",
                )
                if view:
                    with suppress(SandboxError):
                        return await self.desk.people.submit(self.name, view["id"], values)

        await self.insist(phone, fill_in)

    async def drop(self, which: str) -> None:
        """Drop a list, say yes to its preview, and wait for the report."""
        name, content, phones = LISTS[int(which)]
        dropped: list[str] = []

        async def drop() -> Outcome:
            outcome = await self.desk.people.drop(self.name, CHANNEL, name, content)
            dropped.append(outcome.ts or "")
            # What was not acknowledged is told again, and a list that is there twice is one too many.
            return replace(outcome, acknowledged=True)

        def replies(state: State) -> list[SandboxMessage]:
            return [one for ts in dropped for one in state.replies(ts)]

        def asks(state: State) -> SandboxMessage | None:
            return next((one for one in replies(state) if "upload.confirm" in actions_of(one)), None)

        preview = await self.insist(name, drop, asks)

        def moved(state: State) -> bool:
            # The other preview of a list that was dropped twice is left alone.
            return all(one.ts != preview.ts or "upload.confirm" not in actions_of(one) for one in replies(state))

        while not moved(await self.look()):
            # The button goes when an earlier press was done after all.
            with suppress(TimeoutError, SandboxError):
                await self.desk.people.click(self.name, preview, "upload.confirm")
                await self.until(moved, seconds=5)
        words = f"{len(phones):,} phones opted out"
        await self.until(lambda state: any(words in one.text for one in replies(state)))

    async def opened(
        self, act: Callable[[], Awaitable[Outcome]], wanted: Callable[[dict[str, Any]], Any]
    ) -> dict[str, Any] | None:
        """Do *act*, and give the modal that is *wanted*; None, and every modal closed, when it does not open."""
        before = self.seen(await self.look())
        found = None
        # A modal that says "One moment" for good is given up, as people do; one that was asked for before can still come
        # and take the place of the one in which a button is pressed.
        with suppress(TimeoutError, SandboxError):
            if (await act()).acknowledged:
                found = await self.until(partial(self.shown, wanted, before), seconds=6)
        if isinstance(found, dict):
            return found
        await self.reachable()
        await self.close_all()
        return None

    def shown(self, wanted: Callable[[dict[str, Any]], Any], before: set[str], state: State) -> Any:
        """The modal that is wanted, or what the person is told instead."""
        found = next((view for view in state.views(self.name) if wanted(view)), None)
        return found or [one for one in self.failures(state) if one.ts not in before]


def is_unheard(outcome: Outcome) -> bool:
    """Whether the desk did not acknowledge an act in time, or Slack told it of none."""
    return not outcome.acknowledged or outcome.raw.get("events") == 0


def is_a_failure(text: str) -> bool:
    """Whether the desk says that it did not do what it was asked."""
    return any(words in text for words in ("try again", "ask again", "Something went wrong"))


def actions_of(message: SandboxMessage) -> list[str]:
    return [button.action_id for button in message.buttons]


def buttons_of(view: dict[str, Any]) -> list[Any]:
    return [element for block in view["blocks"] for element in block.get("elements", ()) if "action_id" in element]


def naming(state: Look, phone: str) -> list[SandboxMessage]:
    """The desk's messages that name *phone*, those for one person alone included."""
    alone = [one for user in state.raw["users"] for one in state.ephemerals(user["handle"])]
    said = [*state.said, *((one, one.all_text) for one in alone)]
    ways = (phone, written(phone))
    return [one for one, text in said if any(way in text for way in ways)]


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
# Each with a name, its content and its phones, which are of no act and of no other list.
LISTS = [
    (f"list-{area}.csv", "\n".join(["phone", *phones, *phones[: ROWS - 101], "call her mother"]).encode(), phones)
    for area in (602, 617, 702, 713, 808)
    for phones in [[f"+1{area}55501{line:02d}" for line in range(100)]]
]


@dataclass(frozen=True, slots=True)
class Day:
    """What a day left behind. *answers*: how many the desk gave about the phone of each act; *tries*: what it took."""

    opted_out: dict[str, set[str]]
    reasons: dict[str, int]
    answers: dict[str, int]
    tries: Counter[str]
    reports: list[str]
    count: int
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
    """Everybody acts; with *bad*, under chaos and kills."""
    dice = random.Random(SEED)
    deleted = [phone for phone, name in acts() if name == "delete"]
    desk.store.optouts.add(desk.account.id, deleted, Origin(Function.COMMAND, Actor("U0EARLIER", "sam")))
    watch = Watch(desk.people)
    people = hired(desk, watch)
    [bot] = await desk.start()
    killer = Killer(desk, bot, sorted(dice.sample(range(20, ACTS - 20), KILLS)) if bad else [])
    if bad:
        desk.slack.start_chaos(SEED)
    todo = [(name, phone) for phone, name in acts()]
    for number in range(DROPS):
        todo.insert(dice.randrange(len(todo)), ("drop", str(number)))

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
    await quiet(desk)
    await killer.bot.terminate()
    calls = await desk.people.calls()
    return Day(
        **await left_behind(desk, people),
        bots=len(desk.bots),
        failed_calls=sum(call["status"] != 200 or not isinstance(call["answer"], dict) for call in calls),
    )


async def quiet(desk: Desk) -> None:
    """Wait until nothing is left to do."""

    def over(_state: State) -> bool:
        waiting = sum(backlog.waiting for backlog in desk.store.backlogs().values())
        # Slack says again what was not acknowledged, three times.
        sent = [one for one in desk.slack.platform.feed.courier.log if one.kind == "event"]
        if any(not one.acknowledged and len(one.attempts) < 4 for one in sent):
            return False
        return waiting == 0 and all(
            not one.pending and holder_of(desk.store, one).owner is None for one in desk.uploads()
        )

    # The database says nothing when it changes: the looks are paced by Slack's long poll.
    async with asyncio.timeout(PATIENCE):
        while not over(await desk.people.state()):
            state = await desk.people.state()
            await desk.people.state(after=state.version, timeout=0.1)


async def left_behind(desk: Desk, people: list[Person]) -> dict[str, Any]:
    """What of a `Day` stands in Slack and in the database."""
    state = await Watch(desk.people).look()
    phones = [phone for phone, _ in acts()]
    standing = {
        phone: [str(one.entry.function) for one in desk.store.optouts.find(desk.account.id, phone).standing]
        for phone in [*phones, *(phone for _, _, listed in LISTS for phone in listed)]
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
    count = desk.store.optouts.count(desk.account.id)
    assert count == desk.store.optouts.recount(desk.account.id)
    return {
        "opted_out": {phone: set(functions) for phone, functions in standing.items() if functions},
        "reasons": {phone: len(functions) for phone, functions in standing.items()},
        "answers": {phone: len(naming(state, phone)) for phone in phones},
        "tries": sum((person.tries for person in people), Counter()),
        "reports": sorted(one.text.split(" in ")[0] for one, _ in state.said if "phones opted out* from" in one.text),
        "count": count,
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
    # Where the machine is slow, people do things again on a quiet day too: what an act comes to is the least of its kind.
    usual = {name: Normal.of(expected, [phone for phone, act in acts() if act == name]) for _, name in SCRIPT}
    assert {name: normal.tries for name, normal in usual.items() if normal.tries > 1} == {"delete": 2}
    found = await a_day(desk, bad=True)
    assert found.opted_out == expected.opted_out
    assert found.count == expected.count
    assert found.reports == expected.reports
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
