"""
The death of a leader under work: people, lists and API calls go on at two desks while the database's leader is killed.

The test holds what came of it against what was acknowledged; the bench prints how long it took.
"""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import aiohttp

from handlers.platform.api import PREFIX
from store import Actor, Function, Origin, Scope, UploadState
from tests.desks import CHANNEL, Bot, Desk
from tests.ha.cluster import Cluster, Node
from tests.patience import PATIENCE
from tests.people import List, Person, Watch, naming

BY_ADMIN: Final = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
ROWS: Final = 12_000  # of a list: two transactions
# Seconds until somebody, or a program, asks again.
PAUSE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did of one *kind* with one *phone*, or list, and when it began and was answered (`time.monotonic`)."""

    kind: str
    phone: str
    began: float
    ended: float


@dataclass(slots=True)
class Work:
    """Everybody who goes on meanwhile, and what was answered so far."""

    desk: Desk
    acts: list[Act] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    # What programs were told in the place of an answer: a status, or the error of a connection.
    refusals: Counter[str] = field(default_factory=Counter)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    _done: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def kinds(self) -> set[str]:
        """What is done: by people, and over the API of each desk."""
        return {"command", "mention", "list", *(f"api {number}" for number in range(len(self.desk.bots)))}

    async def answered(self, count: int, since: float) -> None:
        """Wait until *count* acts of each kind that began after *since* are answered."""

        def enough() -> bool:
            begun = Counter(act.kind for act in self.acts if act.began > since)
            return all(begun[kind] >= count for kind in self.kinds)

        async with self._done, asyncio.timeout(3 * PATIENCE):
            await self._done.wait_for(enough)

    def first(self, kinds: tuple[str, ...], since: float) -> float:
        """Seconds from *since* to the first answer to an act that began later."""
        return min(act.ended for act in self.acts if act.kind in kinds and act.began > since) - since

    async def go_on(self, kind: str, phones: Iterator[str], act: Callable[[str], Awaitable[None]]) -> None:
        """Do *act* with one after the other, until it is time to stop."""
        while not self.stop.is_set():
            phone, began = next(phones), time.monotonic()
            await act(phone)
            async with self._done:
                self.acts.append(Act(kind, phone, began, time.monotonic()))
                self._done.notify_all()

    async def send(self, session: aiohttp.ClientSession, bot: Bot, phone: str) -> None:
        """Ask *bot* over the API, by the same idempotency key until it is done."""
        url = f"{await bot.serving}{PREFIX}/entries"
        body = {"function": "keyword", "phones": [phone], "reason": "STOP"}
        while True:
            try:
                async with session.post(url, json=body, headers={"Idempotency-Key": phone}) as answer:
                    if answer.status == 200:
                        return
                    self.refusals[f"{answer.status}"] += 1
            except aiohttp.ClientError as error:
                self.refusals[type(error).__name__] += 1
            await asyncio.sleep(PAUSE)

    def person(self, watch: Watch, name: str, channel: str) -> Person:
        """Somebody who is at work in *channel*."""
        workspace = self.desk.slack.platform.workspace
        direct = workspace.direct_message(workspace.user(name))
        person = Person(
            self.desk, watch, name, channel, is_admin=name != "support", sees=(channel, CHANNEL, direct.id), pause=PAUSE
        )
        self.people.append(person)
        return person


@asynccontextmanager
async def work_going_on(desk: Desk) -> AsyncIterator[Work]:
    """Everybody is at work for the length of the block; what was begun in it is answered at its end."""
    work, watch = Work(desk), Watch(desk.people)
    admin = work.person(watch, "admin", "campaign-admins")
    support = work.person(watch, "support", "support-tickets")
    dropper = work.person(watch, "second-admin", CHANNEL)
    key = desk.store.keys.make(desk.account.id, "bridge", tuple(Scope), None, BY_ADMIN).text
    lists = lists_to_drop()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        asyncio.TaskGroup() as group,
    ):
        watching = group.create_task(watch.run())
        working = [
            group.create_task(work.go_on("command", phones(212), admin.add)),
            group.create_task(work.go_on("mention", phones(312), support.mention)),
            group.create_task(work.go_on("list", iter(lists), lambda name: dropper.drop(lists[name]))),
            *(
                group.create_task(work.go_on(f"api {number}", phones(602 + number), partial(work.send, session, bot)))
                for number, bot in enumerate(desk.bots)
            ),
        ]
        yield work
        work.stop.set()
        await asyncio.gather(*working)
        watching.cancel()


def phones(area: int) -> Iterator[str]:
    """Phones of an *area*, one after the other."""
    return (f"+1{area}{2_000_000 + number}" for number in itertools.count())


def lists_to_drop() -> dict[str, List]:
    """Lists of phones that are nobody else's, by name."""
    found = {}
    for number in range(50):
        rows = [f"+1{area}{2_000_000 + number * 10_000 + row}" for area in (702, 713) for row in range(ROWS // 2)]
        found[f"list-{number}.csv"] = List(f"list-{number}.csv", "\n".join(["phone", *rows]).encode(), rows)
    return found


async def kill_the_leader(cluster: Cluster, work: Work) -> tuple[Node, float]:
    """Kill it in the middle of a list; the node, and when it was."""
    leader = await asyncio.to_thread(cluster.whole)
    await work.desk.stored(lambda upload: upload.state is UploadState.APPLYING)
    moment = time.monotonic()
    leader.kill()
    return leader, moment


async def wrong_with(work: Work) -> list[str]:
    """What was acknowledged and is not so, what was answered twice, and what nobody foresaw: a sentence each."""
    state = await Watch(work.desk.people).look()
    answers = {act.phone: len(naming(state, act.phone)) for act in work.acts if act.kind in {"command", "mention"}}
    told = [one.text for person in work.people for one in person.failures(state)]
    wrong = [f"somebody was told: {text}" for text in told if "Something went wrong" in text]
    return wrong + await asyncio.to_thread(_wrong_in_store, work, answers) + _posted_twice(work)


def _wrong_in_store(work: Work, answers: dict[str, int]) -> list[str]:
    optouts, account, wrong = work.desk.store.optouts, work.desk.account.id, []
    tries = sum((person.tries for person in work.people), Counter[str]())
    lists = lists_to_drop()
    usual = {kind: min(answers[act.phone] for act in work.acts if act.kind == kind) for kind in ("command", "mention")}
    for kind, phone in ((act.kind, act.phone) for act in work.acts):
        if kind == "list":
            out = optouts.check(account, lists[phone].phones).opted_out
            wrong += [] if len(out) == ROWS else [f"of {phone} {len(out)} phones are out"]
            continue
        standing = len(optouts.find(account, phone).standing)
        # A program's request has a name by which it is done once; a person's that was not answered is another when it is done again.
        once = kind not in usual or tries[phone] == 1
        if not standing or (once and standing > 1):
            wrong.append(f"{kind}: {phone} has {standing} opt-outs after {tries[phone]} tries")
        if kind in usual and once and answers[phone] != usual[kind]:
            wrong.append(f"{kind}: {phone} was answered by {answers[phone]} messages, not {usual[kind]}")
    if (count := optouts.count(account)) != (fresh := optouts.recount(account)):
        wrong.append(f"{count} phones are counted as out, and {fresh} are")
    return wrong


def _posted_twice(work: Work) -> list[str]:
    keys = Counter(
        message.metadata["event_payload"]["key"]
        for channel in work.desk.slack.platform.workspace.channels.values()
        for message in channel.messages.values()
        if message.metadata
    )
    return [f"{key} was posted {times} times" for key, times in keys.items() if times > 1]
