"""
Fate of the database and of clocks, at each step of what people ask for: what was acknowledged is done all the same, once.

The steps, and how one is held at its moment, are those of `tests.test_fate`. The trouble comes at that moment, and goes
when the desk has met it.
"""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import sqlalchemy as sa

from tests.desks import ROOT, Desk, desk_on
from tests.swallowing import SwallowingProxy, Way, swallowing
from tests.test_end_to_end import connected
from tests.test_fate import SPEED, STEPS, Run, differences, expected, set_room, undisturbed, until

pytestmark = pytest.mark.wide
__all__ = ["expected", "undisturbed"]  # fixtures

# What the desk's connections to PostgreSQL are called, to be told from the test's own.
OURS: Final = "desk"
TRIED: Final = ("command, not answered", "drop", "reading", "applying", "undo", "export, sent", "digest")


@pytest.fixture
async def desk(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_on(database_url, tmp_path, speed=SPEED) as desk:
        yield desk


# Trouble: each begins and ends with its block


@contextmanager
def locked(run: Run, _proxy: SwallowingProxy | None) -> Iterator[None]:
    """Somebody else keeps the database for longer than the desk waits."""
    with connected(run.desk.url) as execute:
        if run.on_sqlite:
            execute("BEGIN IMMEDIATE")
        else:
            execute("BEGIN")
            execute(
                "LOCK TABLE accounts, entries, opt_outs, uploads, exports, digests, inbox, outbox IN EXCLUSIVE MODE"
            )
        yield
        execute("ROLLBACK")


@contextmanager
def full(run: Run, _proxy: SwallowingProxy | None) -> Iterator[None]:
    """Not a byte more fits on the disk."""
    processes = [process for bot in run.bots for process in (bot.process.pid, *bot.children())]
    for process in processes:
        set_room(process, 0)
    yield
    for process in {*processes, *(process for bot in run.bots for process in bot.children())}:
        if Path(f"/proc/{process}").exists():
            set_room(process, -1)


@contextmanager
def gone(run: Run, _proxy: SwallowingProxy | None) -> Iterator[None]:
    """The file is elsewhere for a while, as when its directory is not mounted."""
    file = Path(str(sa.make_url(run.desk.url).database))
    elsewhere = file.with_name("elsewhere.db")
    file.rename(elsewhere)
    yield
    elsewhere.rename(file)


@contextmanager
def administered(run: Run) -> Iterator[Callable[[str], object]]:
    """Gives what executes a statement beside the desk's connections, those by the proxy, on its PostgreSQL."""
    where = sa.make_url(run.desk.url).set(drivername="postgresql", database="postgres")
    with psycopg.connect(where.render_as_string(hide_password=False), autocommit=True) as connection:
        yield lambda statement: connection.execute(statement.encode())


def end_connections(execute: Callable[[str], object]) -> None:
    """As a server ends those of its clients when it stops."""
    execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{OURS}'")


@contextmanager
def restarted(run: Run, proxy: SwallowingProxy | None) -> Iterator[None]:
    """The server ends all connections, and takes no new ones for a while."""
    assert proxy is not None
    with administered(run) as execute:
        proxy.refuse()
        end_connections(execute)
        yield
        proxy.pass_on()


@contextmanager
def read_only(run: Run, _proxy: SwallowingProxy | None) -> Iterator[None]:
    """The server became a standby for a while, which reads and does not write; its connections outlive that."""
    name = sa.make_url(run.desk.url).database
    with administered(run) as execute:
        execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        end_connections(execute)
        yield
        execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')


@contextmanager
def failed_over(_run: Run, proxy: SwallowingProxy | None) -> Iterator[None]:
    """Packets go nowhere, and nobody says so; new connections neither, until there is another server at the address."""
    assert proxy is not None
    proxy.swallow(Way.PACKETS, dead=True)
    yield
    proxy.pass_on()


Trouble = Callable[[Run, SwallowingProxy | None], AbstractContextManager[None]]
TROUBLES: Final[dict[str, tuple[Trouble, ...]]] = {
    "sqlite": (locked, full, gone),
    "postgresql": (locked, restarted, read_only, failed_over),
}


@pytest.fixture
def proxy(database_url: str) -> Iterator[SwallowingProxy | None]:
    """The way to a PostgreSQL that the desk takes, and the test does not."""
    if database_url.startswith("sqlite"):
        yield None
        return
    url = sa.make_url(database_url)
    host, port = str(url.host or url.query["host"]), url.port or 5432
    with swallowing(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)) as proxy:
        yield proxy


def by_way_of(url: str, proxy: SwallowingProxy | None) -> str:
    if proxy is None:
        return url
    there = sa.make_url(url).set(host="127.0.0.1", port=proxy.port, query={"application_name": OURS})
    return there.render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("database_url", "trouble", "step"),
    [
        pytest.param(database, trouble, step, marks=pytest.mark.xdist_group(f"fate of {STEPS[step].family}"))
        for step in TRIED
        for database, troubles in TROUBLES.items()
        for trouble in troubles
        # There the step has the only lock there is, for as long as it is held.
        if (database, STEPS[step].held) != ("sqlite", "batch")
    ],
    indirect=["database_url"],
)
async def test_the_database_is_away_for_a_while(
    desk: Desk, proxy: SwallowingProxy | None, trouble: Trouble, step: str, expected: dict[str, Any]
) -> None:
    """
    Locked, full, gone, restarted, read-only or failed over in the middle of a step, which goes on in the trouble: what is left
    is what would be without it. The desk names the trouble to operators, and says when it is over.
    """
    run = Run(desk, STEPS[step])
    await run.begin(settings={"DATABASE_URL": by_way_of(desk.url, proxy)})
    [bot] = run.bots

    async def met() -> bool:
        return any('"the database cannot be used"' in line for line in bot.said)

    async def over() -> bool:
        return any('"the database can be used again"' in line for line in bot.said)

    async def ended() -> bool:
        return run.holder() is None

    with trouble(run, proxy):
        # Some steps write nothing before they go on.
        await run.release()
        await until(desk, met)
    await until(desk, over)
    await until(desk, ended)
    assert differences(await run.end(), expected) == ([], [])


# A clock of one's own

AHEAD = """
import ctypes, datetime, gc, time

real_now, real_time = datetime.datetime.now, time.time
# A class in C takes no attribute by the front door.
of_the_class = gc.get_referents(datetime.datetime.__dict__)[0]
of_the_class["now"] = classmethod(lambda cls, tz=None: real_now(tz) + datetime.timedelta(hours=1))
ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime.datetime))
time.time = lambda: real_time() + 3600
"""


@pytest.fixture
def an_hour_ahead(tmp_path: Path) -> dict[str, str]:
    """Settings of a desk whose clock, and its children's, is an hour ahead."""
    hook = tmp_path / "clock"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(AHEAD)
    return {"PYTHONPATH": f"{ROOT}{os.pathsep}{hook}"}


@pytest.mark.parametrize("ahead", ["the one at work", "the other"])
@pytest.mark.parametrize(
    ("database_url", "step"),
    [
        pytest.param("postgresql", step, marks=pytest.mark.xdist_group(f"fate of {STEPS[step].family}"))
        for step in TRIED
    ],
    indirect=["database_url"],
)
async def test_the_clock_of_one_replica_is_an_hour_ahead(
    desk: Desk, step: str, ahead: str, an_hour_ahead: dict[str, str], expected: dict[str, Any]
) -> None:
    """Whoever is at work keeps its lease however the other takes the time, and ends the step as if both were right."""
    run = Run(desk, STEPS[step])
    at_work, other = (an_hour_ahead, {}) if ahead == "the one at work" else ({}, an_hour_ahead)
    before = await run.begin(settings=at_work)
    run.bots += await desk.start(settings=other)
    renewed: set[Any] = set()

    async def renewed_often() -> bool:
        query = sa.text(f"SELECT lease_until FROM {run.step.table} WHERE owner = :owner")
        with desk.store.database.read() as connection:
            renewed.update(connection.execute(query, {"owner": before.owner}).scalars())
        # A digest's lease is longer than its work, and a held batch has its row: the other looked for both at its start.
        return len(renewed) > 5 or run.step.at_start or run.step.held == "batch"

    await until(desk, renewed_often)
    assert run.holder() == before
    await run.release()
    assert differences(await run.end(), expected) == ([], [])
