"""
How much room an opt-out takes in both databases, tables and indexes together: `python -m tests.bench size`.

By lists, which have an entry for all their phones, and by acts of one phone each, which have an entry and a change of their own.
docs/scale.md computes with it.
"""

import tempfile
from pathlib import Path
from typing import Final

import click
import sqlalchemy as sa

from store import Actor, Function, Origin, Store
from tests.bench.lists import alone, postgres, write_list

_BY: Final = Origin(Function.COMMAND, Actor("U0BENCH", "bench"), "C0BENCH", "campaign-admins", reason="asked by e-mail")
# Bytes of all tables and indexes; of SQLite those of its pages that are in use.
_SQLITE: Final = "SELECT sum(pgsize) FROM dbstat"
_POSTGRESQL: Final = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'S')"


@click.command()
@click.option(
    "--phones", default=1_000_000, show_default=True, help="Rows of a list; two are loaded, one after the other."
)
@click.option("--acts", default=5_000, show_default=True, help="Opt-outs of one phone each.")
def size(phones: int, acts: int) -> None:
    """Bytes of an opt-out in both databases."""
    with tempfile.TemporaryDirectory() as directory:
        print("\n| | phones | bytes a phone, a list into an empty one | a second list | bytes an act of one phone |")
        print("| --- | --- | --- | --- | --- |")
        _measure("SQLite", f"sqlite:///{directory}/desk.db", Path(directory), phones, acts)
        with postgres() as server:
            url = server.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
            _measure("PostgreSQL", url, Path(directory), phones, acts)


def _measure(name: str, url: str, directory: Path, phones: int, acts: int) -> None:
    store = Store.open(url)
    store.database.migrate()
    query = _SQLITE if name == "SQLite" else _POSTGRESQL

    def taken() -> int:
        with store.database.read() as connection:
            return int(connection.execute(sa.text(query)).scalar_one())

    before, found = taken(), []
    for seed in (1, 2):
        path = directory / f"{name}-{seed}.csv"
        write_list(path, phones, seed)
        done = alone("import", url, "T0BENCH", str(path))
        now = taken()
        found.append((now - before) / done["phones"])
        before = now
    account = store.accounts.list()[0].id
    for number in range(acts):
        store.optouts.add(
            account, [f"+1212{2_000_000 + number * 37 % 8_000_000}"], _BY, idempotency_key=f"act {number}"
        )
    single = (taken() - before) / acts
    store.close()
    print(f"| {name} | {phones:,} | {found[0]:.0f} | {found[1]:.0f} | {single:.0f} |", flush=True)
