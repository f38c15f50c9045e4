"""The CSV of a list's unreadable rows, which can be fixed there and dropped again."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from store.lists.formulas import guarded, unguarded
from store.records import UnreadableRow

_WIDE: Final = 500  # columns: more than voter files have


def write_unreadable(
    path: Path, columns: tuple[str, ...], rows: Iterable[UnreadableRow], *, encoding: str = "utf-8"
) -> None:
    """
    Write unreadable rows to *path* as a CSV that can be fixed and dropped again: the list's columns, then line and reason.

    In a list of very many columns line and reason come first: a short row is not filled up with a megabyte of commas.
    Cells are `guarded` against spreadsheets. Raises OSError.
    """
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        wide = len(columns) > _WIDE
        # A list that came of such a file has its columns' names as they were guarded there.
        names = [guarded(unguarded(column)) for column in columns]
        writer.writerow(["line", "reason", *names] if wide else [*names, "line", "reason"])
        for row in rows:
            cells = list(row.cells[: len(columns)])
            if not "".join(cells).isalnum():
                cells = list(map(guarded, cells))
            if wide:
                writer.writerow([row.line, row.reason, *cells])
            else:
                writer.writerow([*cells, *[""] * (len(columns) - len(cells)), row.line, row.reason])
