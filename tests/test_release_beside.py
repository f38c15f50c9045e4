"""
A desk of a release before, as a process, whose database is upgraded in the middle of a step.

Either it goes on beside this release's or it is killed: what was acknowledged stands, is answered once, and nothing is
half-done.
"""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import sqlalchemy as sa

from bot.sandbox import State
from store import StoreUnavailable, Upload
from store.models import metadata, uploads
from store.outages import Outage
from store.upload_rows import upload_of
from tests import test_fate
from tests.desks import CHANNEL, Bot, Desk, Holder, desk_on
from tests.entries import exported
from tests.patience import PATIENCE
from tests.releases import BEFORE, FIRST, Release
from tests.tables import step_back
from tests.test_end_to_end import send
from tests.test_fate import SPEED, STEPS, Run, answers, differences, until

pytestmark = pytest.mark.wide

# What is left of a step where nothing happened.
expected, undisturbed = test_fate.expected, test_fate.undisturbed

RELEASES: Final = {release.name: release for release in (BEFORE, FIRST)}
# What this release puts in place of what was overtaken, once the report is there.
POINTER: Final = re.compile(r": (the report is|see) below\.$")
# Of each kind of step one.
COMMAND, EXPORT = "command, not answered", "export, sent"
KINDS: Final = (COMMAND, "drop", "reading", "applying", "undo", EXPORT, "digest")


class UpgradedDesk(Desk):
    """
    A desk whose tables may still be of a release before.

    *revision*: of the tables that its first bot finds, with all that was known by then.
    """

    __slots__ = ("revision",)
    revision: str

    async def start(self, **how: Any) -> list[Bot]:
        if not self.bots:
            await asyncio.to_thread(self._step_back)
        return await super().start(**how)

    def _step_back(self) -> None:
        # What is known was written by this release, which needs its own tables for that.
        with self.store.database.read() as connection:
            rows = {table: connection.execute(sa.select(table)).mappings().all() for table in metadata.sorted_tables}
        step_back(self.store, self.revision)
        known = self.tables()
        with self.store.database.write() as connection:
            for table, kept in rows.items():
                columns = known.get(table.name, set())
                for row in kept if columns else ():
                    connection.execute(sa.insert(table).values({name: row[name] for name in columns & row.keys()}))

    def tables(self) -> dict[str, set[str]]:
        """The columns of each table, as they are now."""
        with self.store.database.read() as connection:
            inspector = sa.inspect(connection)
            names = inspector.get_table_names()
            return {name: {column["name"] for column in inspector.get_columns(name)} for name in names}

    def uploads(self) -> tuple[Upload, ...]:
        known = self.tables()["uploads"]
        columns = (column if column.name in known else sa.literal(0).label(column.name) for column in uploads.c)
        query = sa.select(*columns).where(uploads.c.account_id == self.account.id).order_by(uploads.c.id.desc())
        with self.store.database.read() as connection:
            return tuple(upload_of(row) for row in connection.execute(query).mappings())

    async def quiet(self, *, seconds: float = PATIENCE) -> None:
        if "inbox" in self.tables():
            await super().quiet(seconds=seconds)
            return
        waiting = sa.text(
            "SELECT 1 FROM deliveries WHERE done_at IS NULL UNION ALL SELECT 1 FROM uploads WHERE pending"
        )

        async def over() -> bool:
            with self.store.database.read() as connection:
                return connection.execute(waiting).first() is None

        await until(self, over)


class RunOfBefore(Run):
    """A step that a desk of a release before begins."""

    __slots__ = ()

    def holder(self) -> Holder | None:
        # The first release had no fences everywhere.
        known = self.desk.tables().get(self.step.table, set()) if isinstance(self.desk, UpgradedDesk) else set()
        return super().holder() if {"owner", "fence"} <= known else Holder(None, 0)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[Release, Path]:
    """The programs of the releases before, unpacked."""
    directory = tmp_path_factory.mktemp("releases")
    return {release: release.unpack(directory) for release in RELEASES.values()}


@pytest.fixture
def release(request: pytest.FixtureRequest) -> Release:
    return RELEASES[request.param]


@pytest.fixture
async def desk(database_url: str, tmp_path: Path, release: Release) -> AsyncIterator[UpgradedDesk]:
    """A desk whose first bot finds the tables of *release*."""
    async with desk_on(database_url, tmp_path, speed=SPEED) as desk:
        upgraded = UpgradedDesk(*(getattr(desk, name) for name in Desk.__slots__))
        object.__setattr__(upgraded, "revision", release.revision)  # a desk is frozen
        yield upgraded


def cells(release: Release, database: str, *steps: str) -> list[Any]:
    """Parameters of a test, those of a family of steps on one worker, which then knows how it ends undisturbed."""
    return [
        pytest.param(
            release.name, database, step, marks=pytest.mark.xdist_group(f"release before: {STEPS[step].family}")
        )
        for step in steps
    ]


async def begun(desk: Desk, program: Path, step: str) -> tuple[RunOfBefore, Holder]:
    """*step*, held at its moment in the hands of the desk of a release before."""
    run = RunOfBefore(desk, STEPS[step])
    # Its children do not end with it.
    desk.stack.callback(lambda: send(signal.SIGKILL, [pid for pid in run.started if test_fate.is_running(pid)]))
    return run, await run.begin(settings={"PYTHONPATH": str(program)})


async def migrate(desk: UpgradedDesk) -> None:
    """What `python -m bot migrate` does. Raises `StoreUnavailable` with nothing changed when somebody is in the way."""
    await asyncio.to_thread(desk.store.database.migrate)


async def upgrade(desk: UpgradedDesk) -> None:
    """What an operator does: `migrate`, again as long as the release before is in the way."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await migrate(desk)
            except StoreUnavailable as busy:
                if busy.kind != Outage.BUSY:
                    raise


def results(left: dict[str, Any]) -> dict[str, Any]:
    """
    *left* without what releases before did not say, or otherwise.

    They showed an end in the message that had shown the work, so none of theirs points to a report below; files named
    people with an @.
    """
    return left | {
        "said": [
            (channel, thread, result(text), [(name, re.sub(r"@(?=\w)", "", content)) for name, content in files])
            for channel, thread, text, files in left["said"]
            if not POINTER.search(text)
        ]
    }


def result(text: str) -> str:
    """
    *text* as any release says it: a digest's week had its "until" outside the moment, and nothing on how long requests took.

    Each phone that was opted out had lines of its own, which an answer that waits in the outbox keeps; and without a reason none
    was opted out "now".
    """
    text = text.replace("opted out now* · by", "opted out* · by")
    if "opted out now" in text.lower():
        return f"opted out now: {sorted(set(re.findall(r'`([+][0-9]+)`', text)))}"
    return re.sub(r"\nFrom request to effect[^\n]*", "", text).replace("*The week until *", "*The week *")


def where(left: dict[str, Any]) -> dict[str, Any]:
    """The `results` without the words, which of releases before were others, and without the scratch directory."""
    left = results(left)
    said = [(channel, thread, files) for channel, thread, _, files in left["said"]]
    return left | {"said": said, "alone": [], "scratch": []}


@pytest.mark.parametrize(
    ("release", "database_url", "step"),
    [*cells(BEFORE, "postgresql", *KINDS), *cells(BEFORE, "sqlite", COMMAND), *cells(FIRST, "postgresql", "applying")],
    indirect=["release", "database_url"],
)
async def test_the_release_before_goes_on(
    desk: UpgradedDesk, programs: dict[Release, Path], release: Release, step: str, expected: dict[str, Any]
) -> None:
    """
    The desk of the release before ends the step that it had begun, on the tables of this one, and says that it is not ready.

    While it is inside a transaction the upgrade is refused in words, and is there once that is over.
    """
    run, _ = await begun(desk, programs[release], step)
    [before] = run.bots
    if run.step.held == "batch":
        with pytest.raises(StoreUnavailable) as refused:
            await migrate(desk)
        assert "is locked by another process for longer than the desk waits" in refused.value.cause
        assert desk.store.database.revision() == release.revision
        await run.release()
    if not run.on_sqlite:
        await upgrade(desk)
    run.bots += await desk.start()
    async with aiohttp.ClientSession() as session, session.get(f"{await before.serving}/readyz") as answer:
        assert answer.status == 503
        assert "at revision 0025" in (await answer.json())["database"]
    found = await run.end()
    assert differences(where(found), where(expected)) == ([], [])


@pytest.mark.parametrize(
    ("release", "database_url", "step"),
    [*cells(BEFORE, "sqlite", *KINDS[2:], COMMAND), *cells(FIRST, "postgresql", COMMAND, "drop")],
    indirect=["release", "database_url"],
)
async def test_the_release_before_is_killed(
    desk: UpgradedDesk, programs: dict[Release, Path], release: Release, step: str, expected: dict[str, Any]
) -> None:
    """The desk of this release ends the step as if it had begun it; a SQLite file it upgrades itself."""
    run, before = await begun(desk, programs[release], step)
    [bot] = run.bots
    await bot.kill()
    if run.endless:
        await run.release()
    run.lease_runs_out()
    if not run.on_sqlite:
        await upgrade(desk)
    run.bots += await desk.start()
    await run.followed(before)
    assert differences(results(await run.end()), results(expected)) == ([], [])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("release", RELEASES, indirect=True)
async def test_what_comes_while_both_are_there(
    desk: UpgradedDesk, programs: dict[Release, Path], release: Release
) -> None:
    """
    Slack gives its events to both in turn. Whichever acknowledges one does it and answers it, once; a desk whose tables are
    gone acknowledges none, and Slack says it again.
    """
    await desk.start(settings={"PYTHONPATH": str(programs[release])})
    await upgrade(desk)
    [ours] = await desk.start()
    phones = [f"+1212555{number:04}" for number in range(100, 108)]
    texts = [f"<@{desk.slack.bot_user_id}> opt out {phone} because they asked" for phone in phones]
    await asyncio.gather(*(desk.people.message("admin", CHANNEL, text, raw=True) for text in texts))

    def heads(state: State) -> int:
        return len([one for one in answers(state, desk) if "opted out*" in one.text])

    await desk.quiet()
    mentions = [one for one in desk.slack.platform.feed.courier.log if one.name == "app_mention"]
    taken = [phone for phone in phones for one in mentions if one.acknowledged and phone in str(one.payload)]
    await desk.people.until(lambda state: heads(state) >= len(taken))
    await desk.quiet()
    [theirs] = [bot for bot in desk.bots if bot is not ours]
    for bot in (theirs, ours):
        await bot.terminate()
    assert taken == phones if release is BEFORE else taken
    assert heads(await desk.people.state()) == len(taken)
    assert [row["phone"] for row in exported(desk.store, desk.account.id)] == taken
    left = await test_fate.left(desk)
    assert len(left["entries"]) == len(taken)
    assert left["rows"] == [("inbox", "done")]
