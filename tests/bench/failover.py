"""
How long the desk is away when its database's leader dies: `python -m tests.bench failover`.

The scenario is that of tests/ha: two desks, people and programs, a PostgreSQL under Patroni whose leader is killed with it.
The seconds are from the kill to the first answer to what was asked after it. Needs etcd, and PgBouncer for the second way.
"""

import asyncio
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from store import Store, parsed_url
from tests.desks import desk_on
from tests.ha.cluster import TTL, Cluster, cluster
from tests.ha.outage import kill_the_leader, work_going_on, wrong_with
from tests.pooler import pooled


@click.command()
@click.option("--times", default=3, show_default=True, help="Kills, each way.")
def failover(times: int) -> None:
    """Seconds without a database when the leader dies."""
    print(f"\n| a dead leader keeps its place for {TTL} s | programs, s | people, s | lists, s | acts | wrong |")
    print("| --- | --- | --- | --- | --- | --- |")
    with cluster() as patroni:
        for number in range(2 * times):
            with ExitStack() as stack, tempfile.TemporaryDirectory() as scratch:
                way, url = "every node's address", patroni.make_database(f"bench_{number}")
                if number >= times:
                    way = "PgBouncer"
                    url = stack.enter_context(pooled(parsed_url(url), led_by=patroni.bouncer)).render_as_string()
                store = Store.open(url)
                store.database.migrate()
                store.close()
                print(f"| {way} | {asyncio.run(_one(patroni, url, Path(scratch)))} |", flush=True)


async def _one(patroni: Cluster, url: str, scratch: Path) -> str:
    async with desk_on(url, scratch) as desk:
        await desk.start(replicas=2, settings={"OPTOUT_API": "on"})
        async with work_going_on(desk) as work:
            await work.answered(1, since=0.0)
            dead, moment = await kill_the_leader(patroni, work)
            await work.answered(1, since=moment)
        await desk.quiet()
        wrong = await wrong_with(work)
        dead.start()
        await asyncio.to_thread(patroni.whole)
        programs, people, lists = (
            work.first(kinds, moment) for kinds in (("api 0", "api 1"), ("command", "mention"), ("list",))
        )
    return f"{programs:.1f} | {people:.1f} | {lists:.1f} | {len(work.acts)} | {wrong or 'nothing'}"
