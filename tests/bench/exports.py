"""
The whole list as a file: `python -m tests.bench exports`.

Each format is written by a process of its own, whose peak memory is the kernel's. Beside them stands the bare loop over the
same rows, in the same run: SQLite's own module, nothing but the phone read.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from store import EXPORT_COLUMNS, ExportFilter, Store
from tests.bench.lists import import_list, write_list
from tests.bench.memory import peak_mb

TEAM = "T0BENCH"


@click.command()
@click.option("--rows", default=1_000_000, show_default=True, help="Opt-outs in the store.")
@click.option("--child", nargs=2, hidden=True, help="A database and a format: write it, and say how that went.")
def exports(rows: int, child: tuple[str, str] | None) -> None:
    """Exports of every format."""
    if child is not None:
        _write(*child)
        return
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        file = scratch / "bench.db"
        url = f"sqlite:///{file}"
        store = Store.open(url)
        store.database.migrate()
        store.close()
        write_list(scratch / "fill.csv", rows, seed=1)
        import_list(url, TEAM, scratch / "fill.csv")
        print("\n| an export of | phones | rows/s | peak memory |\n| --- | --- | --- | --- |")
        for kind in EXPORT_COLUMNS:
            subprocess.run([sys.executable, "-m", "tests.bench.exports", "--child", url, kind], check=True)
        began = time.perf_counter()
        with sqlite3.connect(file) as connection:
            query = "SELECT phone FROM opt_outs WHERE account_id = 1 AND lifted_by IS NULL ORDER BY phone, entry_id"
            number = sum(1 for _ in connection.execute(query))
        print(f"| (a bare loop over the phones) | {number:,} | {number / (time.perf_counter() - began):,.0f} | |")


def _write(url: str, kind: str) -> None:
    store = Store.open(url)
    account = store.accounts.find(TEAM)
    assert account is not None
    began = time.perf_counter()
    with Path(os.devnull).open("w", encoding="utf-8") as out:
        number = store.exports.write(account.id, out, ExportFilter(kind))
    speed = number / (time.perf_counter() - began)
    print(f"| {kind} | {number:,} | {speed:,.0f} | {peak_mb(os.getpid()):.0f} MB |", flush=True)
    store.close()


if __name__ == "__main__":
    exports()
