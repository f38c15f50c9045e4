"""
`python -m bot serve` as an operator runs it, killed as machines kill it: what was acknowledged is there afterwards.

Moments in the middle of a transaction are held by a trigger in the database, so that a kill hits them every time.
"""

import asyncio
import hashlib
import hmac
import os
import random
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import phonenumbers
import psycopg
import pytest
import sqlalchemy as sa

from store import Actor, Function, Origin, Upload
from tests.desks import ALREADY_OUT, CHANNEL, Desk, desk_on, is_report, without_moments
from tests.entries import latest_entries

pytestmark = pytest.mark.wide

BATCH = 10_000  # phones a transaction, and what is half-way in a list of 20,000
UNREADABLE = ("call her mother", "555-0108", "1.41556E+10", "")


# The list


def fictional_phones(count: int) -> list[str]:
    """*count* phones of the ranges set aside for fiction, +1 AREA 555-0100 to 0199, in order."""
    areas = [area for area in range(201, 990) if phonenumbers.is_valid_number_for_region(_national(area), "US")]
    phones = [f"+1{area}55501{line:02d}" for area in areas for line in range(100)]
    assert len(phones) >= count
    return phones[:count]


def _national(area: int) -> Any:
    return phonenumbers.parse(f"+1{area}5550100", "US")


@dataclass(frozen=True, slots=True)
class List:
    """A list to drop, and what must come of it."""

    content: bytes
    phones: list[str]
    rows: int
    unreadable: int


@pytest.fixture(scope="module")
def opt_out_list() -> List:
    """20,000 rows in no order: phones in several spellings, repeats, and rows that are no phone."""
    dice = random.Random(812)
    phones = fictional_phones(18_000)
    spelled = [_spelled(dice, phone) for phone in phones]
    spelled += [_spelled(dice, phone) for phone in dice.sample(phones, 1_600)]
    unreadable = 400
    cells = spelled + [UNREADABLE[number % len(UNREADABLE)] for number in range(unreadable)]
    dice.shuffle(cells)
    lines = ["phone,name", *(f"{cell},Contact {number}" for number, cell in enumerate(cells))]
    return List("\n".join(lines).encode(), phones, len(cells), unreadable)


def _spelled(dice: random.Random, phone: str) -> str:
    national = phone[2:]
    area, exchange, line = national[:3], national[3:6], national[6:]
    return dice.choice((phone, national, f"({area}) {exchange}-{line}", f"{area}.{exchange}.{line}"))


@contextmanager
def connected(url: str) -> Iterator[Callable[[str], object]]:
    """Gives what executes a statement on the database at *url*."""
    where = sa.make_url(url)
    if where.get_backend_name() == "sqlite":
        lite = sqlite3.connect(str(where.database), isolation_level=None, timeout=30)
        try:
            yield lite.execute
        finally:
            lite.close()
        return
    with psycopg.connect(where.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        connection.autocommit = True
        yield lambda statement: connection.execute(statement.encode())


def hold_second_batch(desk: Desk, phones: list[str], verb: str = "INSERT") -> None:
    """Make every attempt at the second transaction of a list of *phones* stop in its middle, until `let_go`."""
    row = f"NEW.account_id = {desk.account.id} AND NEW.phone = '{phones[BATCH + BATCH // 2]}'"
    with connected(desk.url) as execute:
        if desk.url.startswith("sqlite"):
            numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000000000)"
            endless = f"{numbers} SELECT count(*) FROM n"
            execute(f"CREATE TRIGGER held BEFORE {verb} ON opt_outs WHEN {row} BEGIN SELECT ({endless}); END")
            return
        execute(
            "CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$"
        )
        execute(f"CREATE TRIGGER held BEFORE {verb} ON opt_outs FOR EACH ROW WHEN ({row}) EXECUTE FUNCTION held()")


def let_go(desk: Desk) -> None:
    """Undo `hold_second_batch`, once the transactions that it holds are over."""
    with connected(desk.url) as execute:
        execute("DROP TRIGGER held" if desk.url.startswith("sqlite") else "DROP FUNCTION held CASCADE")


def notice_the_dead(url: str) -> None:
    """
    Have PostgreSQL look, in the middle of a statement too, whether its client still is there.

    A statement in the middle of a COPY would notice by itself; the sleep of `hold_second_batch` does not.
    """
    where = sa.make_url(url)
    if where.get_backend_name() == "postgresql":
        with connected(url) as execute:
            execute(f'ALTER DATABASE "{where.database}" SET client_connection_check_interval = 100')


# Killed


@pytest.fixture
async def undisturbed(sqlite_template: bytes, tmp_path: Path, opt_out_list: List) -> dict[str, Any]:
    """What comes of the list, and of one more phone, when nothing goes wrong; on SQLite, as it is the same on both."""
    scratch = tmp_path / "undisturbed"
    scratch.mkdir()
    database = scratch / "desk.db"
    database.write_bytes(sqlite_template)
    async with desk_on(f"sqlite:///{database}", scratch) as desk:
        desk.confirmed_elsewhere(opt_out_list.phones)
        [bot] = await desk.start()
        await desk.drop(opt_out_list.content)
        preview = await desk.preview()
        assert (await desk.people.command("admin", CHANNEL, "/optout add +19895550199")).ok
        await desk.press(preview, "upload.confirm")
        await desk.report()
        await bot.terminate()
        return await desk.outcome()


async def test_killed_at_any_moment(desk: Desk, undisturbed: dict[str, Any], opt_out_list: List) -> None:
    """Killed and started again at every stage of a list, the end is that of an undisturbed run, with one report."""
    notice_the_dead(desk.url)
    desk.confirmed_elsewhere(opt_out_list.phones)
    people = desk.people

    # The event was kept and acknowledged, and nothing done about it yet.
    await people.fault(method="files.info", fault="slow", seconds=60)
    [bot] = await desk.start()
    await desk.drop(opt_out_list.content)
    await desk.kill(bot)
    assert not desk.uploads()
    await people.clear_faults()

    # While it reads.
    await people.fault(file="slow", seconds=60)
    [bot] = await desk.start()
    await desk.seen(lambda message: message.text.startswith("Reading"))
    await desk.kill(bot)
    assert desk.upload().state == "received"
    sent = [len(one["attempts"]) for one in await people.deliveries("event") if one["name"] == "file_shared"]
    assert sent == [1], "Slack sent nothing again"
    await people.clear_faults()

    # Before it is confirmed, and right after a phone was acknowledged.
    [bot] = await desk.start()
    preview = await desk.preview()
    assert (await people.command("admin", CHANNEL, "/optout add +19895550199")).ok
    await desk.kill(bot)
    assert desk.opted_out("+19895550199")
    assert desk.upload().state == "waiting"

    # After it is confirmed.
    hold_second_batch(desk, opt_out_list.phones)
    [bot] = await desk.start()
    await desk.press(preview, "upload.confirm")
    await desk.kill(bot)
    assert desk.upload().state == "applying"
    assert desk.upload().entry_id is not None

    # In the second transaction: first the child alone, then the bot.
    [bot] = await desk.start()
    await desk.stored(lambda found: found.applied == BATCH and bot.owns(desk.holder()))
    await desk.kill_children(bot)
    await desk.kill(bot)
    let_go(desk)
    assert desk.upload().applied == BATCH
    assert desk.store.optouts.count(desk.account.id) == desk.store.optouts.recount(desk.account.id)

    # Before the report.
    await people.fault(method="chat.update", fault="error", error="internal_error", times=-1)
    [bot] = await desk.start()
    await desk.stored(lambda found: found.state == "done")
    await desk.kill(bot)
    assert not [one for one in (await people.state()).channel(CHANNEL).everything if is_report(one)]
    await people.clear_faults()

    [bot] = await desk.start()
    await desk.report()
    await bot.terminate()
    outcome = await desk.outcome()
    assert outcome == undisturbed
    assert len(outcome["report"]) == 1
    assert len(outcome["attached"]) == 1
    assert {phone for phone, _ in outcome["opt-outs"]} == {*opt_out_list.phones, "+19895550199"}
    assert outcome["counts"]["rows"] == opt_out_list.rows
    assert outcome["counts"]["unreadable"] == opt_out_list.unreadable
    assert outcome["count"] == desk.store.optouts.recount(desk.account.id)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_replica_takes_over(desk: Desk, opt_out_list: List) -> None:
    """Of two replicas the one at work is killed in mid-apply: the other goes on when the lease is over, exactly once."""
    notice_the_dead(desk.url)
    desk.confirmed_elsewhere(opt_out_list.phones)
    bots = await desk.start(replicas=2)
    await desk.drop(opt_out_list.content)
    preview = await desk.preview()
    hold_second_batch(desk, opt_out_list.phones)
    await desk.press(preview, "upload.confirm")
    half_way = await desk.stored(lambda found: found.applied == BATCH)
    assert half_way.state == "applying"
    holder = desk.holder()
    [working] = [bot for bot in bots if bot.owns(holder)]
    [other] = [bot for bot in bots if bot is not working]
    await working.kill()
    await desk.stored(lambda _: other.owns(desk.holder()))
    assert desk.holder().fence == holder.fence + 1
    await desk.kill_children(other)
    let_go(desk)
    await desk.report()
    await other.terminate()
    outcome = await desk.outcome()
    assert len(outcome["report"]) == len(outcome["attached"]) == 1
    out_before = len(opt_out_list.phones[ALREADY_OUT])
    assert outcome["counts"] == {
        "state": "done",
        "rows": opt_out_list.rows,
        "phones": len(opt_out_list.phones),
        "already": out_before,
        "unreadable": opt_out_list.unreadable,
        "newly_opted_out": len(opt_out_list.phones) - out_before,
        "already_opted_out": out_before,
    }
    assert [phone for phone, _ in outcome["opt-outs"]] == sorted(opt_out_list.phones)
    assert outcome["count"] == desk.store.optouts.recount(desk.account.id)


# Two replicas share the lists

Trouble = Callable[[str], AbstractAsyncContextManager[None]]


async def life(desk: Desk, opt_out_list: List, trouble: Trouble) -> list[dict[str, Any]]:
    """A list is read, applied and undone, with *trouble* around each step; what came of it before the undo and after."""
    desk.confirmed_elsewhere(opt_out_list.phones)
    async with trouble("received"):
        await desk.drop(opt_out_list.content)
    preview = await desk.preview()
    async with trouble("applying"):
        await desk.press(preview, "upload.confirm")
    report = await desk.report()
    await desk.stored(lambda found: not found.pending and desk.holder().owner is None)
    before = await desk.outcome()
    # Somebody asks to stop after the list was applied: the undo leaves that one out.
    stop = Origin(Function.KEYWORD, Actor("U0EARLIER", "sam"))
    desk.store.optouts.add(desk.account.id, opt_out_list.phones[1:2], stop)
    await desk.press(report, "upload.undo")
    asked = await desk.people.until(
        lambda state: next((view for view in state.views("admin") if "can be texted again" in str(view)), None)
    )
    async with trouble("undoing"):
        assert (await desk.people.submit("admin", asked["id"], {})).ok
    undone = await desk.seen(lambda message: "was undone" in message.text)
    done = await desk.stored(lambda found: not found.pending and desk.holder().owner is None)
    after = await desk.outcome()
    # They go with the next round of retention, which may have been.
    del after["unreadable"]
    after["undone"] = without_moments(undone.all_text)
    after["undo counts"] = (done.opted_in, done.kept_out, done.reopened)
    after["entries"] = [
        (entry.function, entry.actor.name, entry.upload_id) for entry in latest_entries(desk.store, desk.account.id, 20)
    ]
    assert after["count"] == desk.store.optouts.recount(desk.account.id)
    return [before, after]


@contextmanager
def gate(desk: Desk, phones: list[str]) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """
    Gives what, while its block runs, holds every transaction in the middle of the second batch of *phones*.

    Stored or undone; whoever was held goes on when the block is over. PostgreSQL only.
    """
    closed = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 4242 AND granted"
    row = f"NEW.account_id = {desk.account.id} AND NEW.phone = '{phones[BATCH + BATCH // 2]}'"
    with connected(desk.url) as execute:
        execute(
            "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN WHILE EXISTS ({closed}) LOOP PERFORM pg_sleep(0.01); END LOOP; RETURN NEW; END $$"
        )
        execute(
            f"CREATE TRIGGER gate BEFORE INSERT OR UPDATE ON opt_outs FOR EACH ROW WHEN ({row}) EXECUTE FUNCTION gate()"
        )

    @contextmanager
    def close() -> Iterator[None]:
        with connected(desk.url) as execute:
            execute("SELECT pg_advisory_lock(4242)")
            yield

    yield close


@asynccontextmanager
async def untroubled(_state: str) -> AsyncIterator[None]:
    yield


def send(number: signal.Signals, processes: list[int]) -> None:
    """Send a signal to those of *processes* that are still there."""
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@pytest.mark.parametrize("how", ["killed", "frozen"])
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_two_replicas_share_a_list(
    desk: Desk, sqlite_template: bytes, tmp_path: Path, opt_out_list: List, how: str
) -> None:
    """
    While a list is read, applied and undone, the replica at work is killed, or frozen until the other has finished.

    Desk and child go together, as a machine does. All that is stored and said is that of an undisturbed run, once.
    """
    (tmp_path / "calm").mkdir()
    calm_file = tmp_path / "calm" / "desk.db"
    calm_file.write_bytes(sqlite_template)
    async with desk_on(f"sqlite:///{calm_file}", tmp_path / "calm") as calm:
        [bot] = await calm.start()
        expected = await life(calm, opt_out_list, untroubled)
        await bot.terminate()

    notice_the_dead(desk.url)
    running = await desk.start(replicas=2)
    struck: list[str] = []

    async def strike(state: str) -> None:
        """Hit whoever works on the list in *state*, in the middle, and put a new replica in its place."""

        def in_the_middle(found: Upload) -> bool:
            begun = found.message_ts is not None if state == "received" else found.applied == BATCH
            if state == "undoing":
                begun = found.opted_in + found.kept_out > 0
            return found.state == state and desk.holder().owner is not None and begun

        await desk.stored(in_the_middle)
        at_work = desk.holder()
        [working] = [bot for bot in running if bot.owns(at_work)]
        if state == "received":
            await desk.seen(lambda message: message.text.startswith("Reading"))
        both = [working.process.pid, *working.children()]
        # Whatever comes of the test, nobody stays frozen: a desk's end waits for the last who holds its log open.
        desk.stack.callback(send, signal.SIGCONT, both)
        send(signal.SIGKILL if how == "killed" else signal.SIGSTOP, both)
        if how == "killed":
            await working.kill()
        running.remove(working)
        struck.append(state)
        opened.set()
        # One that is frozen inside a transaction keeps its rows until the server ends it, which takes 20 s.
        await desk.stored(lambda _: desk.holder().fence > at_work.fence, seconds=90)
        assert not working.owns(desk.holder())
        if how == "frozen":
            # The other has finished before this one wakes up; which then drains, and ends by itself.
            finished = await desk.stored(lambda found: found.state != state and not found.pending, seconds=90)
            send(signal.SIGCONT, both)
            await working.terminate()
            assert desk.upload() == finished
        running.extend(await desk.start())

    opened = asyncio.Event()
    with gate(desk, opt_out_list.phones) as close:

        @asynccontextmanager
        async def trouble(state: str) -> AsyncIterator[None]:
            opened.clear()
            with ExitStack() as stack:
                if state == "received":
                    await desk.people.fault(file="slow", seconds=60)
                else:
                    stack.enter_context(close())
                yield
                striking = asyncio.create_task(strike(state))
                await asyncio.wait({striking, asyncio.create_task(opened.wait())}, return_when=asyncio.FIRST_COMPLETED)
                await desk.people.clear_faults()
            await striking

        outcome = await life(desk, opt_out_list, trouble)
    assert struck == ["received", "applying", "undoing"]
    assert outcome == expected
    assert len(outcome[0]["report"]) == len(outcome[1]["attached"]) == 1
    assert outcome[1]["undo counts"][1] > 0
    for bot in running:
        await bot.terminate()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_sigterm_drains(desk: Desk, opt_out_list: List) -> None:
    """SIGTERM while a list is opted out: it is stored to its end and reported before the process ends, with status 0."""
    [bot] = await desk.start()
    await desk.drop(opt_out_list.content)
    await desk.press(await desk.preview(), "upload.confirm")
    await desk.seen(lambda message: message.text.startswith("Opting out") or is_report(message))
    await bot.terminate()
    upload = desk.upload()
    assert (upload.state, desk.holder().owner) == ("done", None)
    outcome = await desk.outcome()
    assert len(outcome["report"]) == len(outcome["attached"]) == 1
    assert outcome["count"] == len(opt_out_list.phones)


async def test_sigterm_while_the_database_is_locked(desk: Desk) -> None:
    """With every transaction waiting for a lock it ends in its usual time all the same, and what it promised is done later."""
    text = f"<@{desk.slack.bot_user_id}> opt out 212 555 0100 because they asked"
    [bot] = await desk.start()
    await desk.people.fault(method="chat.postMessage", fault="slow", seconds=60)
    assert (await desk.people.message("admin", CHANNEL, text, raw=True)).acknowledged
    await desk.people.until(lambda _state: desk.opted_out("+12125550100"))
    with connected(desk.url) as execute:
        execute("BEGIN IMMEDIATE" if desk.url.startswith("sqlite") else "BEGIN")
        if not desk.url.startswith("sqlite"):
            execute("LOCK TABLE accounts, uploads, inbox, outbox, opt_outs IN ACCESS EXCLUSIVE MODE")
        await desk.people.command("admin", CHANNEL, "/optout add 212 555 0101")
        await bot.terminate()
    await desk.people.clear_faults()
    await desk.start()
    await desk.seen(lambda message: "555-0100" in message.all_text and "opted out" in message.all_text)


# Over HTTP


async def posted(url: str, body: str, at: float, secret: str) -> int:
    """The status of a slash command posted as Slack would at the time *at*, signed with *secret*."""
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_over_http(desk: Desk) -> None:
    """With a signing secret and no app token, commands, drops and buttons work over HTTP, and only what Slack signed."""
    [bot] = await desk.start(http=True)
    assert (await desk.people.command("admin", CHANNEL, "/optout add 212 555 0100")).ok
    assert desk.opted_out("+12125550100")
    await desk.drop(b"phone\n+1 212 555 0101\nnobody\n")
    await desk.press(await desk.preview(), "upload.confirm")
    await desk.report()
    assert desk.opted_out("+12125550101")

    url = desk.slack.events_url
    assert url is not None
    state = await desk.people.state()
    channel = state.channel(CHANNEL)

    def adding(phone: str) -> str:
        values = {
            "command": "/optout",
            "text": f"add {phone}",
            "team_id": desk.slack.team_id,
            "team_domain": "harbor-campaign",
            "channel_id": channel.id,
            "channel_name": channel.name,
            "user_id": state.user("admin")["id"],
            "user_name": "admin",
            "response_url": f"{desk.slack.url}/commands/T0/0/none",
            "trigger_id": "0.0.none",
            "api_app_id": desk.slack.app_id,
        }
        return urlencode(values)

    now, secret = time.time(), desk.slack.signing_secret
    assert await posted(url, adding("2125550102"), now, "0" * 32) == 401
    assert await posted(url, adding("2125550103"), now - 6 * 60, secret) == 401
    assert await posted(url, adding("2125550104"), now, secret) == 200
    assert [desk.opted_out(f"+1212555010{last}") for last in (2, 3, 4)] == [False, False, True]
    await bot.terminate()
