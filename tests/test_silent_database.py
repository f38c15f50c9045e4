"""A PostgreSQL whose connections are swallowed: no packet comes back, and no end either, as after a failover."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from store import Store, StoreUnavailable, UploadState
from tests.desks import CHANNEL, Desk, desk_on
from tests.patience import PATIENCE
from tests.swallowing import SwallowingProxy, Way, swallowing
from tests.test_fate import until

pytestmark = [pytest.mark.wide, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]
PHONES = 80_000
# Seconds: within so many the desk goes on, however the connection went silent.
SOON = 30
# Bytes that the database answers until the desk says that it serves.
OF_A_START = 2_000


@pytest.fixture
def proxy(database_url: str) -> Iterator[SwallowingProxy]:
    with to_database(database_url) as proxy:
        yield proxy


@pytest.fixture
def by_proxy(database_url: str, proxy: SwallowingProxy) -> str:
    """The URL of the database by way of the proxy."""
    return by_way_of(proxy, database_url)


def to_database(database_url: str) -> AbstractContextManager[SwallowingProxy]:
    url = sa.make_url(database_url)
    host = str(url.host or url.query["host"])
    port = url.port or 5432
    return swallowing(f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port))


def by_way_of(proxy: SwallowingProxy, database_url: str) -> str:
    url = sa.make_url(database_url).set(host="127.0.0.1", port=proxy.port, query={})
    return url.render_as_string(hide_password=False)


@pytest.fixture
async def desk(database_url: str, by_proxy: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose bots reach the database by the proxy; the test itself has a way of its own."""
    async with desk_on(database_url, tmp_path) as desk:
        yield replace(desk, url=by_proxy)


def asking(connection: sa.Connection, statement: sa.Select[int], before: Callable[[], None]) -> None:
    before()
    connection.execute(statement)


def slow_down(store: Store) -> None:
    """Have each batch of a list take half a second, so that there is a middle."""
    with store.database.write() as connection:
        connection.exec_driver_sql(
            "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$"
        )
        connection.exec_driver_sql(
            "CREATE TRIGGER slow BEFORE INSERT ON opt_outs FOR EACH STATEMENT EXECUTE FUNCTION slow()"
        )


async def in_the_middle_of_a_list(desk: Desk) -> None:
    """Drop a list, confirm it, and wait until some of it is stored."""
    slow_down(desk.store)
    rows = (f"{212 + n // 10_000}{2_000_000 + n % 10_000}" for n in range(PHONES))
    await desk.drop("\n".join(["phone", *rows]).encode())
    await desk.press(await desk.preview(), "upload.confirm")
    await desk.stored(lambda upload: upload.applied > 0)


@pytest.mark.parametrize("way", Way)
def test_a_statement_ends_when_nobody_is_at_work_on_it(
    by_proxy: str, database_url: str, proxy: SwallowingProxy, way: Way
) -> None:
    """A statement whose answer is swallowed is refused in words; the next one goes over a new connection."""
    store, direct = Store.open(by_proxy), Store.open(database_url)
    try:
        account = direct.accounts.get_or_create("T0DESK", "Desk")
        swallowed = sa.select(sa.literal(1))
        with store.database.read() as connection:
            connection.execute(swallowed)
        with pytest.raises(StoreUnavailable) as caught, store.database.write() as connection:
            asking(connection, swallowed, lambda: proxy.swallow(way))
        assert caught.value.kind == "connection cut"
        assert store.accounts.get(account.id) == account
        # One that lay idle in the pool meanwhile is noticed before anything is asked of it.
        proxy.swallow(way)
        assert store.accounts.get(account.id) == account
    finally:
        store.close()
        direct.close()


def test_a_statement_may_take_long(by_proxy: str) -> None:
    """What is slow is not taken for silent: the server says that it is at work."""
    store = Store.open(by_proxy)
    try:
        with store.database.read() as connection:
            assert connection.execute(sa.text("SELECT 1 FROM pg_sleep(7)")).scalar_one() == 1
    finally:
        store.close()


@pytest.mark.parametrize("way", Way)
async def test_a_list_goes_on_over_a_new_connection(desk: Desk, proxy: SwallowingProxy, way: Way) -> None:
    """Swallowed in the middle of a list, with everything else of the desk's: it is whole soon, and each phone once."""
    await desk.start()
    await in_the_middle_of_a_list(desk)
    proxy.swallow(way)
    assert desk.upload().state is UploadState.APPLYING, "it was to be swallowed in its middle"
    upload = await desk.stored(lambda upload: upload.state is UploadState.DONE, seconds=2 * SOON)
    assert (upload.applied, desk.store.optouts.recount(desk.account.id)) == (PHONES, PHONES)
    outcome = await desk.people.command("admin", CHANNEL, "/optout add 212 555 0100")
    assert outcome.ok, outcome


@pytest.mark.parametrize("way", Way)
async def test_the_desk_ends_while_its_database_is_silent(desk: Desk, proxy: SwallowingProxy, way: Way) -> None:
    """SIGTERM ends it in its usual time, with a list in the middle and not one connection that answers."""
    [bot] = await desk.start()
    await in_the_middle_of_a_list(desk)
    proxy.swallow(way, dead=True)
    await bot.terminate()
    proxy.pass_on()
    await desk.start()
    await desk.stored(lambda upload: upload.state is UploadState.DONE, seconds=2 * SOON)


@pytest.mark.parametrize("way", Way)
async def test_the_desk_ends_while_it_starts(desk: Desk, database_url: str, way: Way) -> None:
    """SIGTERM ends it in its usual time, at whichever byte of its start the database fell silent."""
    few = asyncio.Semaphore(3)

    async def end(after: int) -> None:
        async with few:
            with to_database(database_url) as proxy:
                proxy.fall_silent(way, after=after)
                own = replace(desk, url=by_way_of(proxy, database_url), bots=[])
                started = asyncio.create_task(own.start())
                assert await asyncio.to_thread(proxy.silent.wait, PATIENCE)
                [bot] = own.bots
                await bot.terminate()
                started.cancel()
                await asyncio.gather(started, return_exceptions=True)

    await asyncio.gather(*map(end, (0, 1, *range(300, OF_A_START, 300))))


async def test_the_desk_ends_before_it_starts(desk: Desk) -> None:
    """SIGTERM ends it with status 0 while it is still being loaded, and has asked nobody for anything."""
    started = asyncio.create_task(desk.start())

    async def listens() -> bool:
        return bool(desk.bots) and catches(desk.bots[0].process.pid, signal.SIGTERM)

    await until(desk, listens)
    await desk.bots[0].terminate()
    started.cancel()
    await asyncio.gather(started, return_exceptions=True)


def catches(process: int, number: signal.Signals) -> bool:
    """Whether *process* has a handler for a signal."""
    caught = re.search(r"SigCgt:\s*([0-9a-f]+)", Path(f"/proc/{process}/status").read_text(encoding="ascii"))
    return caught is not None and bool(int(caught[1], 16) >> number - 1 & 1)
