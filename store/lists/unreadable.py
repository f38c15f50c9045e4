"""The CSV of a list's unreadable rows, which can be fixed there and dropped again."""

import csv
from collections.abc import Iterable
from pathlib import Path

from store.lists.formulas import guarded
from store.records import UnreadableRow


def write_unreadable(
    path: Path, columns: tuple[str, ...], rows: Iterable[UnreadableRow], *, encoding: str = "utf-8"
) -> None:
    """
    Write unreadable rows to *path* as a CSV that can be fixed and dropped again: the list's columns, then line and reason.

    Cells are `guarded` against spreadsheets. Raises OSError.
    """
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow([guarded(column) for column in columns] + ["line", "reason"])
        for row in rows:
            cells = [guarded(cell) for cell in row.cells[: len(columns)]]
            writer.writerow([*cells, *[""] * (len(columns) - len(cells)), row.line, row.reason])
