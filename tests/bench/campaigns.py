"""
Conversations by the set: `python -m tests.bench campaigns`.

Beside the verb stands what the database's own bulk path takes for the same rows, in the same run: `executemany` on SQLite,
`COPY` on PostgreSQL, into a table with the same key and index, and nothing else.
"""

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import click
import psycopg
import sqlalchemy as sa

from store import Store
from store.campaigns import MOST_CONVERSATIONS
from tests.bench.lists import postgres

_TABLE = (
    "CREATE TABLE bare (account_id bigint, campaign_id text, contact text, phone text, state text, "
    "PRIMARY KEY (account_id, campaign_id, contact))"
)
_INDEX = "CREATE INDEX bare_phone ON bare (account_id, phone)"
Row = tuple[int, str, str, str, str]


@click.command()
@click.option("--rows", default=200_000, show_default=True, help="Conversations.")
@click.option("--single", default=1_000, show_default=True, help="Of them, how many one by one.")
def campaigns(rows: int, single: int) -> None:
    """Conversations told to the desk by the set."""
    # In the order of contacts, which says nothing of phones.
    talks = [(f"contact-{number:09}", f"+1212{number * 7_654_321 % 10_000_000:07}") for number in range(rows)]
    print(f"\n| {rows:,} conversations | SQLite, rows/s | PostgreSQL, rows/s |\n| --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="optout-") as directory, postgres() as server:
        lite, bare = f"sqlite:///{directory}/desk.db", Path(directory) / "bare.db"
        urls = lite, server.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        stores = [Store.open(url) for url in urls]
        for store in stores:
            store.database.migrate()
        accounts = [store.accounts.get_or_create("T0BENCH", "Bench").id for store in stores]
        for store, account in zip(stores, accounts, strict=True):
            store.campaigns.put(account, "gotv", "GOTV", active=True)
        took = [_timed(lambda: _many(bare, talks)), _timed(lambda: _copied(server, talks))]
        _print("bare executemany / COPY, in one transaction each 10,000", rows, took)
        for name in ("new", "the same again"):
            took = []
            for store, account in zip(stores, accounts, strict=True):
                took.append(_timed(lambda s=store, a=account: _put(s, a, talks)))  # type: ignore[misc]
            _print(f"`put_conversations`, {name}", rows, took)
        took = []
        for store, account in zip(stores, accounts, strict=True):
            store.campaigns.put(account, "single", "Single", active=True)
            took.append(_timed(lambda s=store, a=account: _each(s, a, talks[:single])))  # type: ignore[misc]
            store.close()
        _print("`put_conversation`, one by one", single, took)


def _put(store: Store, account: int, talks: list[tuple[str, str]]) -> None:
    for start in range(0, len(talks), MOST_CONVERSATIONS):
        store.campaigns.put_conversations(account, "gotv", talks[start : start + MOST_CONVERSATIONS])


def _each(store: Store, account: int, talks: list[tuple[str, str]]) -> None:
    for contact, phone in talks:
        store.campaigns.put_conversation(account, "single", contact, phone)


def _batches(talks: list[tuple[str, str]]) -> Iterator[list[Row]]:
    rows: list[Row] = [(1, "gotv", contact, phone, "open") for contact, phone in talks]
    return (rows[start : start + MOST_CONVERSATIONS] for start in range(0, len(rows), MOST_CONVERSATIONS))


def _many(file: Path, talks: list[tuple[str, str]]) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_TABLE)
        connection.execute(_INDEX)
        for batch in _batches(talks):
            with connection:
                connection.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?)", batch)


def _copied(server: sa.URL, talks: list[tuple[str, str]]) -> None:
    uri = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(uri) as connection:
        connection.execute(_TABLE)
        connection.execute(_INDEX)
        for batch in _batches(talks):
            with connection.transaction(), connection.cursor().copy("COPY bare FROM STDIN") as copy:
                for row in batch:
                    copy.write_row(row)


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _print(name: str, rows: int, seconds: list[float]) -> None:
    print(f"| {name} | {' | '.join(f'{rows / one:,.0f}' for one in seconds)} |", flush=True)
