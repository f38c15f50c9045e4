"""
`/metrics`, for Prometheus and its kin: what came, what waits, how long things take, what is full, which loops are alive.

https://prometheus.io/docs/instrumenting/exposition_formats/. Every figure is read when it is asked for. Labels are words of
the desk's own, of Slack's API and of HTTP: no phone, no name, no token. docs/operate.md says what each family tells.
"""

import asyncio
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.app import Desk
from bot.branches import Branch, of_those_that_answer
from store import Figures, StoreError, UploadState

log = structlog.get_logger()


class DeskCollector(Collector):
    """
    Gives the figures of a desk whose branches have *families*, by the names of their databases.

    *requests*: how many of Slack's came over HTTP, by what became of them. *connected*: whether Slack can reach the desk.
    """

    def __init__(
        self, families: Mapping[str, Sequence[Metric]], requests: Mapping[str, int], *, connected: bool
    ) -> None:
        self._families = families
        self._requests = requests
        self._connected = connected

    def collect(self) -> Iterator[Metric]:
        """All families, those of a branch by the label `database` where there are several."""
        yield GaugeMetricFamily("optout_slack_connected", "Whether Slack can reach the desk.", value=self._connected)
        requests = CounterMetricFamily("optout_http_requests", "Requests to Slack's way in.", labels=["outcome"])
        for outcome, count in self._requests.items():
            requests.add_metric([outcome], count)
        yield requests
        together: dict[str, Metric] = {}
        for name, families in self._families.items():
            label = {"database": name} if len(self._families) > 1 else {}
            for metric in families:
                family = together.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                family.samples += [sample._replace(labels=label | sample.labels) for sample in metric.samples]
        yield from together.values()


class _BranchFigures:
    """Reads the figures of one branch: its desk, its store, its API and its hooks, where those are served."""

    def __init__(self, branch: Branch, desk: Desk) -> None:
        self._desk = desk
        self._store = branch.store
        self._doors = [door for door in (branch.api, branch.hooks) if door is not None]

    def of_process(self) -> Iterator[Metric]:
        """Those that no database is asked for."""
        alive = GaugeMetricFamily("optout_loop_alive", "Whether a background loop runs.", labels=["loop"])
        failing = GaugeMetricFamily("optout_loop_failing", "Whether a loop's last look failed.", labels=["loop"])
        for loop in self._desk.loops:
            alive.add_metric([loop.name], float(loop.alive))
            failing.add_metric([loop.name], float(loop.alive and loop.state != "ok"))
        yield alive
        yield failing
        yield from self._desk.acts.collect()
        yield from self._desk.answers.times.collect()
        pruned = CounterMetricFamily("optout_pruned_rows", "Rows that retention dealt with.", labels=["kind"])
        for kind, rows in self._desk.retention.pruned.items():
            pruned.add_metric([kind], rows)
        yield pruned
        calls = CounterMetricFamily(
            "optout_slack_calls", "Calls of Slack's Web API, each try one.", labels=["method", "outcome"]
        )
        for (method, outcome), count in self._desk.calls.counts.items():
            calls.add_metric([method, outcome], count)
        yield calls
        for door in self._doors:
            yield from door.requests.collect()
        taken = CounterMetricFamily(
            "optout_leases_taken_over", "Rows taken over from a process that never gave them back.", labels=["table"]
        )
        for table, count in self._store.database.taken_over.items():
            taken.add_metric([table], count)
        yield taken
        yield self._room()

    def of_database(self) -> list[Metric]:
        """Those that the database is asked for; while it is away but the one that says so. Blocks."""
        try:
            return [*self._of_database(), _answers(yes=True)]
        except StoreError as error:
            log.warning("metrics lack the database's", why=type(error).__name__)
            return [_answers(yes=False)]

    def _room(self) -> Metric:
        room = GaugeMetricFamily("optout_free_bytes", "Bytes that are free on the disk of it.", labels=["of"])
        if (free := self._store.database.dialect.room()) is not None:
            room.add_metric(["database"], free)
        with suppress(OSError):
            room.add_metric(["scratch"], shutil.disk_usage(self._desk.scratch.path).free)
        return room

    def _of_database(self) -> Iterator[Metric]:
        figures = self._store.figures()
        yield from self._figures(figures)
        yield from self._backlogs(figures.at)

    def _figures(self, figures: Figures) -> Iterator[Metric]:
        def age(since: datetime | None) -> float:
            return 0.0 if since is None else max(0.0, (figures.at - since).total_seconds())

        ahead = time.time() - figures.at.timestamp()
        yield GaugeMetricFamily("optout_clock_ahead_seconds", "This clock ahead of the database's.", value=ahead)
        yield GaugeMetricFamily("optout_accounts", "Workspaces and organisations with a list.", value=figures.accounts)
        yield GaugeMetricFamily("optout_opted_out_phones", "Phones that are opted out.", value=figures.opted_out)
        yield GaugeMetricFamily("optout_database_bytes", "Size of the database.", value=figures.size)
        lists = GaugeMetricFamily("optout_lists", "Lists that were dropped or sent, by state.", labels=["state"])
        oldest = GaugeMetricFamily("optout_list_waiting_seconds", "Age of the oldest that goes on.", labels=["state"])
        for state, (number, since) in figures.lists.items():
            lists.add_metric([state], number)
            if state.at_work or state is UploadState.WAITING:
                oldest.add_metric([state], age(since))
        yield from (lists, oldest)
        yield CounterMetricFamily("optout_replies_heard", "Replies of contacts, ever.", value=figures.replies_heard)
        replies = figures.replies
        yield GaugeMetricFamily("optout_replies_waiting", "Replies that wait for a person.", value=replies.number)
        yield GaugeMetricFamily("optout_replies_waiting_seconds", "Age of the oldest.", value=age(replies.oldest))
        yield GaugeMetricFamily(
            "optout_destination_waiting_seconds",
            "Age of the oldest change that a destination has not taken; files are not among them.",
            value=age(figures.destinations.oldest),
        )

    def _backlogs(self, at: datetime) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "optout_waiting", "Rows of a table of work that are not finished.", labels=["table"]
        )
        age = GaugeMetricFamily("optout_waiting_seconds", "Age of the oldest of them.", labels=["table"])
        lost = GaugeMetricFamily("optout_discarded", "Rows that can never be done, for a person.", labels=["table"])
        for table, backlog in self._store.backlogs().items():
            waiting.add_metric([table], backlog.waiting)
            age.add_metric([table], max(0.0, (at - backlog.oldest).total_seconds()) if backlog.oldest else 0.0)
            lost.add_metric([table], sum(backlog.discarded.values()))
        yield from (waiting, age, lost)
        states = GaugeMetricFamily(
            "optout_destinations",
            "Destinations, by how it is with them; waiting for long is for a person.",
            labels=["state"],
        )
        for state, number in self._store.destinations.counts().items():
            states.add_metric([state], number)
        yield states


def _answers(*, yes: bool) -> Metric:
    return GaugeMetricFamily("optout_database_up", "Whether the database answers.", value=float(yes))


async def exposition(branches: Sequence[Branch], requests: Mapping[str, int], *, connected: bool = True) -> bytes:
    """The figures of *branches*, as text; all as in `DeskCollector`, and those of the process."""
    families: dict[str, list[Metric]] = {}
    asked: dict[str, asyncio.Task[list[Metric]]] = {}
    for branch in branches:
        families[branch.name] = []
        # Of one that has not started yet there is nothing else.
        if branch.desk is not None:
            figures = _BranchFigures(branch, branch.desk)
            families[branch.name] += figures.of_process()
            with branch.at_work():
                asked[branch.name] = asyncio.create_task(asyncio.to_thread(figures.of_database))
    answers = await of_those_that_answer(asked)
    for name, found in families.items():
        found.extend(answers.get(name, [_answers(yes=False)]))
    registry = CollectorRegistry()
    registry.register(DeskCollector(families, requests, connected=connected))
    ProcessCollector(registry=registry)
    return generate_latest(registry)
