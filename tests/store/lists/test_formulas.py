"""No cell that goes back is a formula to any spreadsheet, and each reads back as it was."""

import csv
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.lists.formulas import guarded, unguarded
from store.lists.staging import stage
from store.lists.unreadable import write_unreadable
from store.phones.numbers import Reason
from store.records import UnreadableRow

SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫−"
BEFORE = [
    "",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\ufeff",
    "\u202e",
    "\u2028",
    "\0",
    '"',
    "'",
    "''",
]
BETWEEN = [";", ",", "|", "\t", "\n", "\r", "%0A", "%0d", "%09", "\x0b", "\u2029"]
CELLS = st.lists(
    st.sampled_from([*SIGNS, *BEFORE, *BETWEEN, "a", "1", "cmd|' /C calc'!A0", "%0", "A"]), max_size=14
).map("".join)


def cells_of(text: str) -> list[str]:
    """What any spreadsheet may make of *text*: split at whatever is a separator to one of them."""
    return re.split(r"[;,|\t\n\r\x0b\x0c\u2028\u2029]|%0[9aAdD]", text)


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", BEFORE)
def test_a_formula_is_defused(sign: str, before: str) -> None:
    """With whatever stands before it that a spreadsheet passes over."""
    cell = f"{before}{sign}1+cmd|' /C calc'!A0"
    assert guarded(cell).startswith("'")
    assert unguarded(guarded(cell)) == cell


@pytest.mark.parametrize("between", BETWEEN)
@pytest.mark.parametrize("before", BEFORE)
def test_a_formula_behind_a_separator_is_defused(between: str, before: str) -> None:
    """Where the cell is split once more, each part that would run begins with an apostrophe."""
    cell = f"Bob{between}{before}=cmd|' /C calc'!A0"
    parts = cells_of(guarded(cell))
    assert not any(re.match(r'[\s"\u200b\ufeff\u202e\0]*=', part) for part in parts), parts
    assert unguarded(guarded(cell)) == cell


@given(CELLS)
def test_every_cell_is_harmless_and_reads_back(cell: str) -> None:
    """Nothing that begins a part is a sign, and the cell is there again without its apostrophes."""
    safe = guarded(cell)
    assert not any(part.lstrip(' "\0\u00a0\u3000\u200b\ufeff\u202e')[:1] in tuple(SIGNS) for part in cells_of(safe))
    assert unguarded(safe) == cell


@pytest.mark.parametrize(
    "cell",
    ["", "Ann", "O'Brien", "212-736-5000", "a - b", "x=1", "me@example.org", "'quoted'", "8 a.m.; then 9", "1,000"],
)
def test_what_is_no_formula_stays(cell: str) -> None:
    """Ordinary words are not touched."""
    assert guarded(cell) == unguarded(cell) == cell


@pytest.mark.wide
def test_unreadable_rows_dropped_again_are_the_same_rows(tmp_path: Path) -> None:
    """The file of unreadable rows, read again unchanged, gives the same rows, and once more the same file."""
    cells = [
        f"{before}{sign}x{between}{before}={between}" for sign in SIGNS[:5] for before in BEFORE for between in BETWEEN
    ]
    # The reader knows one line end, and no NUL.
    cells = [cell.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n") for cell in cells]
    rows = [
        UnreadableRow(line, cell, Reason.LETTERS, "no phone", (f"{cell}{line}", cell))
        for line, cell in enumerate(cells, 2)
    ]
    columns = ("=name", "phone")

    def dropped(
        rows: list[UnreadableRow], columns: tuple[str, ...], name: str
    ) -> tuple[list[UnreadableRow], tuple[str, ...]]:
        path = tmp_path / name
        write_unreadable(path, columns, rows)
        scratch = stage(
            path, tmp_path / f"{name}.scratch", country="US", column=None, progress=lambda _rows, _part: None
        )
        try:
            return scratch.unreadable(0, 10_000), scratch.counts.columns
        finally:
            scratch.close()

    first, named = dropped(rows, columns, "first.csv")
    assert {row.cells[1].strip() for row in first} <= {cell.strip() for cell in cells}
    assert len(first) == len(rows)
    again, _ = dropped(
        [UnreadableRow(row.line, row.cell, row.code, row.reason, row.cells[:2]) for row in first],
        named[:2],
        "second.csv",
    )
    assert [row.cells[:2] for row in again] == [row.cells[:2] for row in first]
    with (tmp_path / "second.csv").open(newline="") as file:
        assert next(csv.reader(file))[:2] == ["'=name", "phone"]
