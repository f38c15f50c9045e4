"""The retention loop: prunes what has been kept for its time. See store/retention.py."""

import asyncio
from collections import Counter
from dataclasses import asdict

import structlog

from handlers.loops import Loop
from handlers.tasks import Tasks
from store import Retention

log = structlog.get_logger()
SECONDS_BETWEEN_ROUNDS = 60.0


class Retaining:
    """Prunes, a bounded round at a time, for as long as a round finds something. *pruned*: rows so far, by kind."""

    def __init__(self, retention: Retention, tasks: Tasks) -> None:
        self._retention = retention
        self.pruned: Counter[str] = Counter()
        self.loop = Loop("retention", self._round, tasks, every=SECONDS_BETWEEN_ROUNDS)

    async def _round(self) -> bool:
        pruned = await asyncio.to_thread(self._retention.prune)
        if not pruned.total:
            return False
        self.pruned.update(asdict(pruned))
        log.info("pruned", **asdict(pruned))
        return True
