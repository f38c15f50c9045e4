"""The leader of the database dies, and desks, people and programs go on with the next one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from types import MappingProxyType

import aiohttp
import pytest
import sqlalchemy as sa

from bot.sandbox import SandboxClient
from store import Store, parsed_url
from tests.databases import Databases
from tests.desks import Desk, desk_on
from tests.ha.cluster import TTL, Cluster, cluster
from tests.ha.outage import kill_the_leader, work_going_on, wrong_with
from tests.pooler import pooled
from tests.workspaces import KEY, PUBLIC, Visitor, two_slacks

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("ha")]
WAYS = ("every node's address", "PgBouncer")


@pytest.fixture(scope="module")
def patroni() -> Iterator[Cluster]:
    """All tests kill its leader, whoever that is by then."""
    with cluster() as found:
        yield found


@pytest.fixture(params=WAYS)
async def desk(request: pytest.FixtureRequest, patroni: Cluster, tmp_path: Path) -> AsyncIterator[Desk]:
    """Desks that reach the database by libpq's list of hosts, or by a PgBouncer that Patroni leads to the leader."""
    with ExitStack() as stack:
        name = f"desk_{WAYS.index(request.param)}"
        url = await asyncio.to_thread(patroni.make_database, name)
        if request.param == "PgBouncer":
            url = stack.enter_context(pooled(parsed_url(url), led_by=patroni.bouncer)).render_as_string()
        store = Store.open(url)
        await asyncio.to_thread(store.database.migrate)
        store.close()
        async with desk_on(url, tmp_path) as desk:
            yield desk


async def test_nothing_acknowledged_is_lost_with_the_leader(patroni: Cluster, desk: Desk) -> None:
    """
    The leader is killed with its Patroni, in the middle of a list, under commands, mentions and API calls at two desks. Each act
    is answered in the end, nobody is told that something unforeseen happened, whatever was acknowledged stands at the new
    leader, and is there and answered once. The dead node then follows the new leader.
    """
    await desk.start(replicas=2, settings={"OPTOUT_API": "on"})
    async with work_going_on(desk) as work:
        await work.answered(1, since=0.0)
        dead, moment = await kill_the_leader(patroni, work)
        await work.answered(1, since=moment)
    assert await asyncio.to_thread(patroni.moved, dead) is not dead
    await desk.quiet()
    assert await wrong_with(work) == []
    dead.start()
    await asyncio.to_thread(patroni.whole)


@pytest.fixture
async def apart(
    patroni: Cluster, postgres_server: sa.URL, postgres_databases: Databases, tmp_path: Path
) -> AsyncIterator[tuple[Desk, Desk]]:
    """
    Two workspaces that installed the app, served by one process: the first from a database of the cluster, by `DATABASE_URL`, the
    second from another server's.
    """
    url = await asyncio.to_thread(patroni.make_database, "desk_apart")
    name = postgres_databases.take()
    own = postgres_server.set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)
    async with AsyncExitStack() as stack:
        slacks = await stack.enter_async_context(two_slacks())
        desks = []
        for slack, place in zip(slacks, (url, own), strict=True):
            store = Store.open(place)
            stack.callback(store.close)
            await asyncio.to_thread(store.database.migrate)
            people = await stack.enter_async_context(SandboxClient(slack.url))
            account = store.accounts.get_or_create(slack.team_id, "Campaign", country="US")
            desks.append(Desk(slack, people, store, account, place, tmp_path, stack))
        first, second = desks
        by_oauth = {
            "SLACK_BOT_TOKEN": "",
            "SLACK_CLIENT_ID": slacks[0].client_id,
            "SLACK_CLIENT_SECRET": slacks[0].client_secret,
            "OPTOUT_TOKEN_KEY": KEY,
            "OPTOUT_PUBLIC_URL": PUBLIC,
            "OPTOUT_DATABASES": f"{slacks[1].team_id}={own}",
            "OPTOUT_API": "on",
        }
        second.bots.extend(await first.start(settings=MappingProxyType(by_oauth)))
        session = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        visitor = Visitor(session, await first.bots[0].serving)
        for slack in slacks:
            assert (await visitor.install(slack)).status == 200
        yield first, second
    postgres_databases.give_back(name)


async def test_the_other_accounts_are_answered_while_one_database_has_no_leader(
    patroni: Cluster, apart: tuple[Desk, Desk]
) -> None:
    """
    The leader of the one database is killed under commands, mentions, lists and API calls of accounts on both.

    Nothing that was acknowledged is lost in either, each act is answered once, and the account whose leader it was is answered again
    soon after there is a new one. The other's people and programs are not refused once, and none of them waits for the new leader.
    """
    first, second = apart
    async with work_going_on(first) as hit, work_going_on(second) as spared:
        for work in (hit, spared):
            await work.answered(1, since=0.0)
        dead, moment = await kill_the_leader(patroni, hit)
        await hit.answered(1, since=moment)
    assert await asyncio.to_thread(patroni.moved, dead) is not dead
    back = moment + hit.first(("command", "mention", "api 0"), moment)
    # Some 21 s, of which 20 are Patroni's; more on a machine with much to do.
    assert back - moment < 3 * TTL
    meanwhile = [act for act in spared.acts if act.began > moment and act.ended < back]
    assert {act.kind for act in meanwhile} >= {"command", "mention", "api 0"}
    waited = max(act.ended - act.began for act in spared.acts if act.kind != "list" and moment < act.began < back)
    assert waited < back - moment
    assert not spared.refusals
    for desk in apart:
        await desk.quiet()
    state = await second.people.state()
    assert not [one.text for person in spared.people for one in person.failures(state)]
    for work in (hit, spared):
        assert await wrong_with(work) == []
    dead.start()
    await asyncio.to_thread(patroni.whole)
