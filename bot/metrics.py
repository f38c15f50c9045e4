"""
`/metrics`: what waits, what was discarded, what was forgotten and which loops are alive, for Prometheus and its kin.

https://prometheus.io/docs/instrumenting/exposition_formats/. Every figure is read when it is asked for.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.app import Desk
from handlers.hooks.receiving import Webhooks
from handlers.platform.api import Api
from store import Store, StoreError

log = structlog.get_logger()


class DeskCollector(Collector):
    """
    Reads the figures of *desk*, its *store*, its *api* and its *hooks*, where those are served.

    *requests*: how many of Slack's came over HTTP, by what became of them.
    """

    def __init__(
        self, desk: Desk, store: Store, requests: Mapping[str, int], api: Api | None, hooks: Webhooks | None
    ) -> None:
        self._desk = desk
        self._store = store
        self._requests = requests
        self._doors = [door for door in (api, hooks) if door is not None]

    def collect(self) -> Iterator[Metric]:
        """All families; those of the database are missing while it is away."""
        alive = GaugeMetricFamily("optout_loop_alive", "Whether a background loop runs.", labels=["loop"])
        failing = GaugeMetricFamily("optout_loop_failing", "Whether a loop's last look failed.", labels=["loop"])
        for loop in self._desk.loops:
            alive.add_metric([loop.name], float(loop.alive))
            failing.add_metric([loop.name], float(loop.alive and loop.state != "ok"))
        yield alive
        yield failing
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
        requests = CounterMetricFamily("optout_http_requests", "Requests to Slack's way in.", labels=["outcome"])
        for outcome, count in self._requests.items():
            requests.add_metric([outcome], count)
        yield requests
        for door in self._doors:
            yield from door.requests.collect()
        try:
            yield from self._backlogs()
        except StoreError as error:
            log.warning("metrics lack the database's", why=type(error).__name__)

    def _backlogs(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "optout_waiting", "Rows of a table of work that are not finished.", labels=["table"]
        )
        age = GaugeMetricFamily("optout_waiting_seconds", "Age of the oldest of them.", labels=["table"])
        lost = GaugeMetricFamily("optout_discarded", "Rows that can never be done, for a person.", labels=["table"])
        at = datetime.now(UTC)
        for table, backlog in self._store.backlogs().items():
            waiting.add_metric([table], backlog.waiting)
            age.add_metric([table], (at - backlog.oldest).total_seconds() if backlog.oldest else 0.0)
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


def exposition(desk: Desk, store: Store, requests: Mapping[str, int], api: Api | None, hooks: Webhooks | None) -> bytes:
    """The figures, as text; all as in `DeskCollector`. Blocks: it reads the database."""
    registry = CollectorRegistry()
    registry.register(DeskCollector(desk, store, requests, api, hooks))
    return generate_latest(registry)
