"""
Home's figures in a long list: `python -m tests.bench home`.

Millions are opted out by one list, and in the last 30 days people replied STOP, a tenth of them more than once, and some were
allowed again. Each figure's query is asked for by itself, then the whole summary.
"""

import os
import random
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from typing import Final

import click
import psycopg
import sqlalchemy as sa

from store import Actor, Function, Origin, Store
from store.models import accounts, entries, entry_phones, opt_outs, uploads
from store.summary import changes_within, read_clock
from tests.bench.feed import applied, timed
from tests.bench.lists import postgres

_TIMES: Final = 7
_CHUNK: Final = 20_000
# Phones of one statement: of one that takes long the desk asks whether the server is still there.
_PART: Final = 200_000
# The same on both databases.
_LONG_LIST: Final = """
    INSERT INTO opt_outs (account_id, phone, entry_id, line)
    WITH RECURSIVE list (line) AS (SELECT CAST(:first AS bigint) UNION ALL SELECT line + 1 FROM list WHERE line < :last)
    SELECT :account, '+1' || (2000000000 + 7 * line), :entry, line FROM list
"""


@click.command()
@click.option("--phones", default=10_000_000, show_default=True, help="Opted out in the account.")
@click.option("--replies", default=100_000, show_default=True, help="Entries of one phone each in the last 30 days.")
def home(phones: int, replies: int) -> None:
    """What Home tells of a long list."""
    with tempfile.TemporaryDirectory() as directory, ExitStack() as stack:
        for url in (
            sa.make_url(f"sqlite:///{directory}/desk.db"),
            stack.enter_context(postgres()).set(drivername="postgresql+psycopg"),
        ):
            store = Store.open(url.render_as_string(hide_password=False))
            store.database.migrate()
            account = _fill(store, phones, replies)
            where = f"{url.get_backend_name()}, load {os.getloadavg()[0]:.1f}"
            print(f"\n| {where}: {phones:,} opted out, {replies:,} entries in 30 days | ms |\n| --- | --- |")
            _measure(store, account)
            store.close()


def listed(store: Store, account: int, phones: int) -> None:
    """Opt out so many by a list, which is the account's first, past the verbs: +12000000007, and each seventh number."""
    applied(store, account, ["+12000000007"], "F1")
    with store.database.write() as connection:
        for first in range(2, phones + 2, _PART):
            given = {"account": account, "entry": 1, "first": first, "last": min(first + _PART, phones + 2) - 1}
            connection.execute(sa.text(_LONG_LIST), given)
        connection.execute(sa.update(uploads).values(rows=phones, phones=phones, newly_opted_out=phones))
        connection.execute(sa.update(accounts).values(opted_out=phones))
    _settle(store)


def _settle(store: Store) -> None:
    """Have PostgreSQL done with what it does a while after a long list: statistics, vacuum, checkpoint. SQLite has none."""
    if store.database.engine.name == "postgresql":
        url = store.database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")


def _fill(store: Store, phones: int, replies: int) -> int:
    """The account, with its list."""
    account = store.accounts.get_or_create("T0BENCH", "Bench").id
    listed(store, account, phones)
    by = Origin(Function.KEYWORD, Actor("key:bench", "bench"), reason="STOP")
    store.optouts.add(account, ["+12000000007"], by)
    rnd = random.Random(1)
    with store.database.write() as connection:
        connection.execute(sa.update(entries).values(at=store.now() - timedelta(days=40)))
        for start in range(0, replies, _CHUNK):
            _reply(connection, account, store, range(start, min(start + _CHUNK, replies)), replies, rnd)
        connection.execute(sa.update(accounts).values(opted_out=phones + replies, last_entry=replies + 2))
    _settle(store)
    return account


def _reply(
    connection: sa.Connection, account: int, store: Store, numbers: range, replies: int, rnd: random.Random
) -> None:
    now, span = store.now(), timedelta(days=30)
    made, touched, out = [], [], []
    for number in numbers:
        entry = number + 3
        # Half are out already by the list, and a tenth replied before.
        line = rnd.randrange(replies * 9 // 10)
        phone = f"+1{2_000_000_000 + 7 * line + number % 2}"
        made.append(
            {
                "account_id": account, "id": entry, "function": "keyword", "actor_id": "key:bench", "actor_name": "bench",
                "at": now - span + span * number / replies, "reason": "STOP",
            }
        )  # fmt: skip
        touched.append({"account_id": account, "phone": phone, "entry_id": entry})
        out.append({**touched[-1], "lifted_by": entry + 1 if number % 20 == 0 else None})
        if number % 20 == 1:
            made[-1]["function"] = "delete"
            touched[-1]["phone"] = out[-2]["phone"] if len(out) > 1 else phone
            out.pop()
    connection.execute(sa.insert(entries), made)
    connection.execute(sa.insert(entry_phones), touched)
    connection.execute(sa.insert(opt_outs), out)


def _measure(store: Store, account: int) -> None:
    with store.database.read() as connection:
        parts = {
            "people out": lambda: store.optouts.count(account),
            "changes of 7 days": lambda: changes_within(connection, account, timedelta(days=7)),
            "changes of 30 days": lambda: changes_within(connection, account, timedelta(days=30)),
            "the clock": lambda: read_clock(connection, account, ()),
            "whether anything changed": lambda: store.summaries.version(account),
            "the whole summary": lambda: store.summaries.get(account),
        }
        for name, work in parts.items():
            began = time.process_time()
            took = [timed(work) * 1000 for _ in range(_TIMES)]
            processor = (time.process_time() - began) / _TIMES * 1000
            print(f"| {name} | {statistics.median(took):,.1f}, of our processor {processor:,.1f} |", flush=True)
