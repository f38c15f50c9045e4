"""The leader of the database dies, and desks, people and programs go on with the next one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from store import Store, parsed_url
from tests.desks import Desk, desk_on
from tests.ha.cluster import Cluster, cluster
from tests.ha.outage import kill_the_leader, work_going_on, wrong_with
from tests.pooler import pooled

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("ha")]
WAYS = ("every node's address", "PgBouncer")


@pytest.fixture(scope="module")
def patroni() -> Iterator[Cluster]:
    """Both tests kill its leader, whoever that is by then."""
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
