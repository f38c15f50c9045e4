"""Notes of megabytes beside a phone: they cost nobody the phone, or the row is named, in every kind of file."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from store.lists import long_lines
from store.lists.staging import stage
from store.phones.numbers import Reason
from tests.store.lists.workbooks import Table, ods, xls, xlsx, zipped

ONE, TWO = "+12125550101", "+12125550102"
# Words that do not pack a thousandfold, which is refused.
WORDS = " ".join([f"{random.Random(1).getrandbits(64)!r}x"] * 30_000)


def text_of(table: Table, delimiter: str = ",") -> str:
    return "\n".join(delimiter.join(map(str, row)) for row in table)


def in_many_cells(table: Table, size: int) -> list[list[str]]:
    """*table* with each cell of its column of notes in as many cells of *size* characters as the longest takes."""
    names = [str(cell) for cell in table[0]]
    width = max(len(str(cell)) for row in table for cell in row) // size + 1
    return [
        [
            str(cell)[start * size : (start + 1) * size] or "-"
            for name, cell in zip(names, row, strict=True)
            for start in range(width if name == "note" else 1)
        ]
        for row in table
    ]


KINDS: dict[str, Callable[[Table], bytes]] = {
    "xlsx": lambda table: xlsx({"Stops": table}),
    "many cells": lambda table: xlsx({"Stops": [list(row) for row in in_many_cells(table, 30_000)]}),
    "ods": lambda table: ods({"Stops": table}),
    "xls": lambda table: xls({"Stops": [list(row) for row in in_many_cells(table, 4_000)]}),
    "csv": lambda table: text_of(table).encode(),
    "zip": lambda table: zipped({"list.csv": text_of(table).encode()}),
    "utf-16": lambda table: b"\xff\xfe" + text_of(table, "\t").encode("utf-16-le"),
    "old Mac": lambda table: text_of(table).replace("\n", "\r").encode(),
}


@pytest.mark.wide
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("behind", [False, True], ids=["before the phone", "behind it"])
def test_a_long_note_costs_nobody_the_phone(tmp_path: Path, kind: str, behind: bool) -> None:
    """Six hundred kilobytes in one row, before the phone and behind it."""
    rows = [["phone", "note"], [ONE, (WORDS * 2)[:600_000]], [TWO, "x"]]
    table: Table = [list(row if behind else reversed(row)) for row in rows]
    (tmp_path / "list").write_bytes(KINDS[kind](table))
    staged = stage(tmp_path / "list", tmp_path / "scratch", country="US", column=None, progress=lambda *_: None)
    assert staged.batch("", 9).lines == {ONE: 2, TWO: 3}
    assert staged.counts.unreadable == 0
    said = [remark for remark in staged.summary["remarks"] if "cut, with no more than its first characters" in remark]
    assert bool(said) is (kind in {"xlsx", "many cells", "ods", "xls"})
    staged.delete()


CELLS = {
    "many lines": 'She wrote, asked, and ""thanked"" us\n' * 700,
    "long together": f"{'words ' * 100}\n" * 1_000,
    "long lines": f"{'words, ' * 30_000}\n" * 25,
}


@pytest.mark.wide
@pytest.mark.parametrize("behind", [False, True], ids=["before the phone", "behind it"])
@pytest.mark.parametrize("kind", CELLS)
def test_a_quoted_cell_of_many_lines_costs_nobody_the_phone(tmp_path: Path, kind: str, behind: bool) -> None:
    """More lines or characters than are kept of a cell: it is one cell even so, and one cell ends where its quote does."""
    note = f'"{CELLS[kind]}end"'
    rows: Table = [["phone", "note"], [ONE, note], [TWO, "x"], ["12125550103", note]]
    (tmp_path / "list").write_text(text_of([row if behind else row[::-1] for row in rows]))
    staged = stage(tmp_path / "list", tmp_path / "scratch", country="US", column=None, progress=lambda *_: None)
    below = 3 + CELLS[kind].count("\n")
    assert staged.batch("", 9).lines == {ONE: 2, TWO: below, "+12125550103": below + 1}
    assert (staged.counts.unreadable, staged.summary["remarks"]) == (0, [])
    staged.delete()


@pytest.mark.parametrize("row", [f"x,{TWO}", TWO, f"{TWO},x", f"x,{TWO},y"])
def test_no_row_is_taken_for_the_end_of_a_long_cell(tmp_path: Path, row: str) -> None:
    """A quote that never closes swallows none, however many lines without a phone are between and how few cells it has."""
    (tmp_path / "list").write_text(f'note,phone\n"open,{ONE}\n' + "a line\n" * 2_000 + f'{row}\nx",2125550103\n')
    staged = stage(tmp_path / "list", tmp_path / "scratch", country="US", column=None, progress=lambda *_: None)
    found = {*staged.batch("", 9).lines, *(cell for row in staged.unreadable(2_002, 9) for cell in row.cells)}
    assert {ONE, TWO, "+12125550103"} <= found
    staged.delete()


@pytest.mark.wide_but_first
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_line_that_is_longer_than_any_is_read(tmp_path: Path, encoding: str, quote: str) -> None:
    """A phone before the note is read; one behind it cannot be told, so its line is named; those around it are read."""
    note = "asked to stop, " if quote else "asked to stop "
    long = quote + note * (long_lines.LONGEST // len(note) + 10) + quote
    text = f"before,note,phone\n,x,{ONE}\n{TWO},{long},2125550103\n,x,2125550104\n"
    for column, phones in ("phone", {ONE: 2, "+12125550104": 4}), ("before", {TWO: 3}):
        (tmp_path / "list").write_bytes(text.encode(encoding))
        staged = stage(tmp_path / "list", tmp_path / "scratch", country="US", column=column, progress=lambda *_: None)
        assert staged.batch("", 9).lines == phones
        rows = {row.line: row.code for row in staged.unreadable(0, 9)}
        assert rows.get(3) in ({None} if column == "before" else {Reason.TOO_LONG, Reason.OPEN_QUOTE})
        staged.delete()


def test_half_a_cell_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a line is given up in the middle of a phone, the digits before that are nobody's phone."""
    monkeypatch.setattr(long_lines, "LONGEST", long_lines.LONG + 11)
    note = "x" * (long_lines.LONG)
    path = tmp_path / "list"
    path.write_text(f"note,phone\n{note},2125550101555,y\nx,2125550102\n")
    staged = stage(path, tmp_path / "scratch", country="US", column=None, progress=lambda *_: None)
    assert staged.batch("", 9).lines == {TWO: 3}
    assert [(row.line, row.code) for row in staged.unreadable(0, 9)] == [(2, Reason.TOO_LONG)]
    staged.delete()
