"""
The feed of changes, and checks of many phones: `python -m tests.bench feed`.

Beside a check stands the bare SQL statement that answers the same, sent by the database's own driver in the same run; beside
the feed the time in which a list is applied.
"""

import json
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any
from unittest.mock import patch

import click
import psycopg
import sqlalchemy as sa

from store import Actor, Function, Origin, Store, UploadWork, upload_work
from store.changes import ChangeCursor, write_change
from store.importing import BATCH
from store.records import Batch, StagedCounts
from tests.bench.lists import postgres

_CHECKED = 10_000
_TIMES = 15
_BARE = "SELECT phone, entry_id FROM opt_outs WHERE account_id = {} AND lifted_by IS NULL AND phone {}"


@click.command()
@click.option("--phones", default=2_000_000, show_default=True, help="Opted out in the account.")
@click.option("--followed", default=1_000_000, show_default=True, help="Phones of one more list, which is followed.")
def feed(phones: int, followed: int) -> None:
    """Follow a list, and check phones in a long one."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        for name in ("SQLite", "PostgreSQL"):
            url = sa.make_url(f"sqlite:///{directory}/desk.db")
            if name == "PostgreSQL":
                url = stack.enter_context(postgres()).set(drivername="postgresql+psycopg")
            store = Store.open(url.render_as_string(hide_password=False))
            store.database.migrate()
            _measure(name, url, store, phones, followed)
            store.close()


def _measure(name: str, url: sa.URL, store: Store, phones: int, followed: int) -> None:
    account = store.accounts.get_or_create("T0BENCH", "Bench").id
    # Every other number of a stretch first, and then of the rest as many as are followed, so that both lie among each other.
    numbers = [f"+1{2_000_000_000 + number}" for number in range(2 * phones)]
    first, second = numbers[::2], numbers[1::2][:followed]
    took, _ = applied(store, account, first, "F1")
    print(f"\n| {name} | |\n| --- | --- |\n| {phones:,} phones applied | {phones / took:,.0f} a second |", flush=True)
    head = store.changes.head(account)
    took, told = applied(store, account, second, "F2")
    print(
        f"| {followed:,} more applied | {followed / took:,.0f} a second, of it the feed and the count {told / took:.2%} |"
    )
    for what, cursor in (("its changes followed", ChangeCursor(head)), ("the whole list read", None)):
        read, longest, seconds = _follow(store, account, cursor)
        print(f"| {what}: {read:,} phones | {read / seconds:,.0f} a second, a page {longest * 1000:.0f} ms at most |")
    rnd = random.Random(1)
    asked = rnd.sample(numbers, _CHECKED)
    ours, bare = [], []
    with bare_check(url, account, asked) as statement:
        for _ in range(_TIMES):
            ours.append(timed(lambda: store.optouts.check(account, asked)))
            bare.append(timed(statement))
    check, reference = (statistics.median(times) * 1000 for times in (ours, bare))
    print(
        f"| {_CHECKED:,} phones checked | {check:.1f} ms; the bare statement {reference:.1f} ms: {check / reference:.2f} |"
    )


def applied(store: Store, account: int, phones: list[str], file: str) -> tuple[float, float]:
    """Seconds that the batches of a list took, and those of it that went into the feed."""
    by = Origin(Function.UPLOAD, Actor("U0BENCH", "bench"))
    upload, _ = store.uploads.receive(
        account, file_id=file, file_name="stops.csv", channel_id="C0BENCH", channel_name=None, thread_ts=None,
        permalink=None, actor=by.actor, country="US",
    )  # fmt: skip
    work = store.uploads.claim("bench", lease_seconds=3_600, upload=(account, upload.id))
    assert work is not None
    work.staged(StagedCounts(len(phones), len(phones), 0, 0, {}, ("phone",), "ab" * 32, "phone", "US", "9"))
    store.uploads.confirm(account, upload.id, by)
    work = work.renew(lease_seconds=3_600)
    told: list[float] = []

    def written(*given: Any, **named: Any) -> None:
        told.append(timed(lambda: write_change(*given, **named)))

    with patch.object(upload_work, "write_change", written):
        began = time.perf_counter()
        for start in range(0, len(phones), BATCH):
            work = _batch(work, phones, start)
        work.finish()
        return time.perf_counter() - began, sum(told)


def _batch(work: UploadWork, phones: list[str], start: int) -> UploadWork:
    lines = {phone: line for line, phone in enumerate(phones[start : start + BATCH], start + 2)}
    return work.apply_batch(Batch(lines), [], lease_seconds=3_600)


def _follow(store: Store, account: int, cursor: ChangeCursor | None) -> tuple[int, float, float]:
    """The phones that were read, the seconds of the longest page, and of all."""
    read, longest = 0, 0.0
    began = time.perf_counter()
    while True:
        started = time.perf_counter()
        page = store.changes.after(account, cursor)
        longest = max(longest, time.perf_counter() - started)
        read, cursor = read + len(page.phones), page.cursor
        if not page.more:
            return read, longest, time.perf_counter() - began


@contextmanager
def bare_check(url: sa.URL, account: int, asked: list[str]) -> Iterator[Callable[[], Any]]:
    """The statement that checks *asked*, sent by the database's own driver each time it is called."""
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(url.database or "")) as connection:
            statement = _BARE.format("?", "IN (SELECT value FROM json_each(?))")
            yield lambda: dict(connection.execute(statement, (account, json.dumps(asked))).fetchall())
        return
    with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        text = _BARE.format("%s", "= ANY(%s)")
        yield lambda: dict(connection.execute(text.encode(), (account, asked)).fetchall())


def timed(work: Callable[[], Any]) -> float:
    """The seconds that *work* took."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
