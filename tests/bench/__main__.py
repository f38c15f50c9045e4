"""What the desk costs: `make bench` prints the tables of docs/benchmarks.md."""

import click

from tests.bench.api import api
from tests.bench.calls import calls
from tests.bench.campaigns import campaigns
from tests.bench.desk import desk
from tests.bench.differential import main as differential
from tests.bench.exports import exports
from tests.bench.failover import failover
from tests.bench.feed import feed
from tests.bench.growth import growth
from tests.bench.home import home
from tests.bench.hooks import hooks
from tests.bench.hostile import hostile
from tests.bench.http import http
from tests.bench.lists import lists
from tests.bench.passing import passing
from tests.bench.prose import prose
from tests.bench.reconnect import reconnect
from tests.bench.replies import replies_judged
from tests.bench.sentences import sentences_read
from tests.bench.size import size
from tests.bench.soak import soak
from tests.bench.surfaces import surfaces
from tests.bench.versus import versus
from tests.bench.workspaces import workspaces


@click.group(invoke_without_command=True)
@click.pass_context
def main(context: click.Context) -> None:
    """Measure the desk and its lists; or, by name, one of them."""
    if context.invoked_subcommand is None:
        context.invoke(desk)
        context.invoke(surfaces)
        context.invoke(calls)
        context.invoke(exports)
        context.invoke(campaigns)
        context.invoke(reconnect)
        context.invoke(http)
        context.invoke(lists)
        context.invoke(hostile)
        context.invoke(prose)
        context.invoke(sentences_read)
        context.invoke(replies_judged)


main.add_command(desk)
main.add_command(surfaces)
main.add_command(calls)
main.add_command(exports)
main.add_command(feed)
main.add_command(api)
main.add_command(hooks)
main.add_command(campaigns)
main.add_command(reconnect)
main.add_command(http)
main.add_command(lists)
main.add_command(growth)
main.add_command(home)
main.add_command(hostile)
main.add_command(differential, "differential")
main.add_command(versus)
main.add_command(passing)
main.add_command(prose)
main.add_command(sentences_read, "sentences")
main.add_command(replies_judged, "replies")
main.add_command(failover)
main.add_command(size)
main.add_command(soak)
main.add_command(workspaces)

if __name__ == "__main__":
    main()
