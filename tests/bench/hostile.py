"""
Lists made to be slow beside honest ones: `python -m tests.bench hostile`.

Each is read, sorted and given back as far as it cannot be read, in a process of its own; so is an honest list of as many
lines and at least as many bytes, in the same run. Times are the processor's, so that what else the machine does counts
for neither.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from store import ListRefused, write_unreadable
from store.lists.staging import stage
from store.records import UnreadableRow
from tests.bench.memory import peak_mb
from tests.store.lists.hostile import SHAPES, honest
from tests.store.lists.workbooks import Table, xlsx, zipped

ROOT: Final = Path(__file__).parent.parent.parent


def _zipped(shape: str) -> Callable[[int], tuple[bytes, bytes]]:
    def made(size: int) -> tuple[bytes, bytes]:
        raw = SHAPES[shape].of(size)
        return zipped({"list.csv": raw}), zipped({"list.csv": honest(raw)})

    return made


def _sheet(cells: Callable[[int], list[str]]) -> Callable[[int], tuple[bytes, bytes]]:
    """A workbook of rows that all have *cells*, for a number of bytes, and one of as many rows with phones."""

    def made(size: int) -> tuple[bytes, bytes]:
        row = cells(size)
        rows = max(1, size // sum(len(cell) + 40 for cell in row))
        hostile: Table = [["name", "cell no"], *(list[str | float | None](row) for _ in range(rows))]
        note = "x" * max(0, size // rows - 80)
        good: Table = [["name", "phone"]]
        good.extend([note, f"(415) 555-{number % 10_000:04} x12"] for number in range(rows))
        return xlsx({"Stops": hostile}), xlsx({"Stops": good})

    return made


def _long(unit: bytes, before: bytes, after: bytes) -> Callable[[int], tuple[bytes, bytes]]:
    """Three lines that are cut before they are read: each is ten times as long as a whole list of the others."""

    def made(size: int) -> tuple[bytes, bytes]:
        raw = b"note,phone\n" + (before + unit * (10 * size // len(unit)) + after + b",(415) 555-2671 x12\n") * 3
        return raw, honest(raw)

    return made


# Workbooks and archives; a zip of a zip, a bomb and a sheet of billions of cells are refused before they are read.
_FILES: Final[dict[str, Callable[[int], tuple[bytes, bytes]]]] = {
    "a zip of lines of commas": _zipped("lines of commas"),
    "a zip of quotes that never close": _zipped("every line's quote never closes"),
    "notes of megabytes": _long(b"asked to stop ", b"", b""),
    "notes of megabytes in quotes": _long(b'he said ""stop"", ', b'"', b'"'),
    "a workbook of endless extensions": _sheet(lambda size: ["ann", "1234567 x" + "1" * min(size, 30_000) + "!"]),
    "a workbook of quotes": _sheet(lambda _: ['","' * 20, '"41']),
    "a workbook of wide rows": _sheet(lambda _: ["x"] * 2_000),
}


def files(size: int) -> Iterator[tuple[str, bytes, bytes]]:
    """Each shape by name: the list of about *size* bytes, and its honest neighbour."""
    for name, shape in SHAPES.items():
        raw = shape.of(size)
        yield name, raw, honest(raw)
    for name, made in _FILES.items():
        yield name, *made(size)


def read(path: str) -> dict[str, float]:
    """Read the list at *path* and write its unreadable rows: seconds of the processor, rows and how many are unreadable."""
    scratch = Path(f"{path}.scratch")
    began = time.process_time()
    try:
        staged = stage(Path(path), scratch, country="US", column=None, progress=lambda *_: None)
    except ListRefused:
        return {"seconds": time.process_time() - began, "rows": 0, "unreadable": 0}

    def rows() -> Iterator[UnreadableRow]:
        line = 0
        while page := staged.unreadable(line, 2_000):
            yield from page
            line = page[-1].line

    write_unreadable(Path(f"{path}.back.csv"), staged.counts.columns, rows())
    return {
        "seconds": time.process_time() - began,
        "rows": staged.counts.rows,
        "unreadable": staged.counts.unreadable,
    }


def _alone(path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.bench.hostile", str(path)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@click.command()
@click.option("--size", default=200_000, show_default=True, help="Bytes of each list, before it is packed.")
def hostile(size: int) -> None:
    """Measure hostile lists beside honest ones of the same size."""
    print("\na list of | bytes | lines | s | MB/s | honest s | times as long | peak MB | honest MB")
    print("--- | --- | --- | --- | --- | --- | --- | --- | ---")
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="optout-") as directory:
        for name, raw, good in files(size):
            path = Path(directory) / "list.csv"
            path.write_bytes(raw)
            one = _alone(path)
            path.write_bytes(good)
            other = _alone(path)
            ratio = one["seconds"] / other["seconds"]
            worst = max(worst, ratio)
            print(
                f"{name} | {len(raw):,} | {one['rows']:,.0f} | {one['seconds']:.2f} |"
                f" {len(raw) / one['seconds'] / 1e6:.2f} | {other['seconds']:.2f} | {ratio:.2f} |"
                f" {one['peak']:.0f} | {other['peak']:.0f}",
                flush=True,
            )
    print(f"\nThe slowest takes {worst:.2f} times as long as its neighbour.")


if __name__ == "__main__":
    found = read(sys.argv[1])
    print(json.dumps({**found, "peak": peak_mb(os.getpid())}))
