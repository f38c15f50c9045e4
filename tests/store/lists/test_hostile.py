"""
Reading a list takes work in proportion to its bytes, whatever stands in it.

The work is counted, not timed: see `Work`. What patterns step over inside of `re` is counted by `tests/test_patterns.py`.
"""

import csv
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import write_unreadable
from store.errors import ListRefused
from store.lists import reader, records
from store.lists.staging import stage
from store.phones.numbers import Reason
from store.records import UnreadableRow
from tests.store.lists.hostile import SHAPES, Shape, honest
from tests.store.lists.test_xlsx import peak

# Blocks, and what may be read again, as much smaller than usual as these lists are smaller than those that hurt.
BLOCK, SMALLEST, AGAIN = 1 << 13, 1 << 9, 1 << 10
SIZE = 1_500


class Work:
    """
    A count of the work done inside: each call of a function, and every character of the text it is called on.

    Text that `csv` reads counts for each time it does, and so does what is split, searched, stripped or decoded. A step
    that looks at the whole list for each of its lines shows, though it is one call of C.
    """

    def __init__(self) -> None:
        self.done = 0

    def __enter__(self) -> Self:
        self._reader = csv.reader

        def counted(lines: Iterable[str], **arguments: Any) -> Any:
            return self._reader(self._fed(lines), **arguments)

        csv.reader = counted  # type: ignore[assignment]
        sys.setprofile(self._called)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        csv.reader = self._reader

    def _fed(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self.done += len(line)
            yield line

    def _called(self, _frame: FrameType, event: str, function: Any) -> None:
        if event == "call":
            self.done += 1
        elif event == "c_call":
            of = getattr(function, "__self__", None)
            self.done += 1
            if isinstance(of, str | bytes):
                self.done += len(of)


def work_of(raw: bytes) -> int:
    """The work of staging *raw* and of giving back its unreadable rows."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = directory / "list.csv"
        path.write_bytes(raw)
        with Work() as work:
            try:
                scratch = stage(path, directory / "scratch", country="US", column=None, progress=lambda *_: None)
            except ListRefused:
                return work.done
            line, columns = 0, scratch.counts.columns
            while rows := scratch.unreadable(line, 1_000):
                write_unreadable(directory / "back.csv", columns, rows)
                work.done += (directory / "back.csv").stat().st_size
                line = rows[-1].line
            scratch.close()
        return work.done


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_BLOCK", BLOCK)
        patch.setattr(reader, "_SMALLEST_BLOCK", SMALLEST)
        patch.setattr(records, "_READ_AGAIN", AGAIN)
        work_of(honest(b"\n" * 500))  # the library makes ready what it needs once
        yield


def is_linear(shape: Shape, size: int = SIZE) -> bool:
    """Does a list twice doubled take four times the work? Were it to grow with the square, it would be sixteen times."""
    size = max(size, 4 * len(shape.unit))
    small, large = shape.of(size), shape.of(4 * size)
    return work_of(large) <= 1.5 * (work_of(small) + 1_000) * len(large) / len(small)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("name", SHAPES)
def test_twice_the_list_is_twice_the_work(name: str) -> None:
    """Twice doubled, each of the shapes takes four times the work, in its lines as in the length of a cell."""
    assert is_linear(SHAPES[name])


@pytest.mark.wide_but_first
@pytest.mark.parametrize("name", SHAPES)
def test_no_list_takes_more_than_twice_the_work_of_an_honest_one(name: str) -> None:
    """Nor is there a large number in front: quotes that never close do not read hundreds of lines again and again."""
    raw = SHAPES[name].of(6_000)
    assert work_of(raw) <= 2 * work_of(honest(raw))


SIGNS = [bytes([sign]) for sign in b"\",;|\t \n\r\0\xff1xa+='("]
WORDS = [b'""', b'","', b"\r\n", b"4155552671", b"ext", b"phone", b"sep=", b"\xc3\xa9", b".0", b"2026-01-01", b"a@b.cc"]
TOKENS = st.sampled_from([*SIGNS, *WORDS, b"<!--"])


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Any list that repeats something, in lines or inside of one, between other things."""
    text = st.lists(TOKENS, max_size=4).map(b"".join)
    unit = draw(st.lists(TOKENS, min_size=1, max_size=6).map(b"".join))
    head = draw(st.sampled_from([b"phone,note\n", b"note,phone\n", b"phone\n", b"", b"4155552671\n", b"a,cell\n"]))
    return Shape(head, unit, draw(text), draw(text))


@pytest.mark.wide
@given(shapes())
@settings(max_examples=40)
def test_whatever_is_repeated_takes_work_in_proportion(shape: Shape) -> None:
    """Hypothesis looks for a shape that nobody thought of."""
    assert is_linear(shape, 1_000)


@pytest.mark.wide
@given(shapes())
@settings(max_examples=500)
def test_whatever_is_repeated_takes_work_in_proportion_in_many_more_cases(shape: Shape) -> None:
    """The same, for longer."""
    assert is_linear(shape, 1_000)


def test_the_count_sees_what_grows_with_the_square() -> None:
    """A list that is split anew for each of its lines, and one of which `csv` reads the rest again, are not linear."""
    counts = []
    for lines in (100, 200):
        text = "a,b\n" * lines
        with Work() as work:
            for line in range(lines):
                text.split("\n")
                next(csv.reader(text[4 * line :].splitlines(keepends=True)))
                list(csv.reader(text[4 * line :].splitlines(keepends=True)))
        counts.append(work.done)
    assert counts[1] > 3.5 * counts[0]


# --- memory ----------------------------------------------------------------------------------------------------------

MEGABYTES = {
    "line ends": b"phone\n" + b"\n" * 8_000_000,
    "old line ends": b"phone\n" + b"\r" * 8_000_000,
    "separators": b"phone\n" + b",\n" * 4_000_000,
    "rows of separators": b"phone,a\n" + b",,,,,,,,,\n" * 800_000,
    "NULs": b"phone\n" + b"4155552671\n" * 400 + b"\0\n" * 4_000_000,
    "notes of megabytes": b"phone,note\n" + (b"4155552671," + b"x" * 5_000_000 + b"\n") * 3,
    "the same in quotes": b"note,phone\n" + (b'"' + b"x,y" * 1_700_000 + b'",4155552671\n') * 3,
    "a line of cells": b"phone,note\n4155552671" + b",1" * 8_000_000 + b"\n",
}


@pytest.mark.wide_but_first
@pytest.mark.parametrize("kind", MEGABYTES)
def test_lines_of_nothing_take_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A line costs more in arrays than its one byte: where they are so short, fewer bytes are looked at together."""
    monkeypatch.setattr(reader, "_BLOCK", 1 << 20)
    path = tmp_path / "list.csv"
    path.write_bytes(MEGABYTES[kind])
    before = peak(reset=True)
    stage(path, tmp_path / "scratch", country="US", column=None, progress=lambda *_: None).delete()
    # A line of 16 MB, the longest that is taken, is held as bytes and as text while it is cut.
    assert peak() - before < (80 if kind == "a line of cells" else 40)


# --- nothing vanishes ------------------------------------------------------------------------------------------------


def rows_of(tmp_path: Path, raw: bytes) -> tuple[dict[str, int], list[UnreadableRow], int]:
    path = tmp_path / "list.csv"
    path.write_bytes(raw)
    scratch = stage(path, tmp_path / "scratch", country="US", column=None, progress=lambda *_: None)
    try:
        return scratch.batch("", 1_000).lines, scratch.unreadable(0, 1_000), scratch.counts.rows
    finally:
        scratch.delete()


def test_a_cell_longer_than_any_phone_comes_back_with_its_reason(tmp_path: Path) -> None:
    """It is not looked through for a phone, and is named as unreadable, whole."""
    cell = "1234567 x" + "1" * 120_000 + "!"
    phones, unreadable, _ = rows_of(tmp_path, f"name,phone\nann,{cell}\nbob,4155552671\n".encode())
    assert phones == {"+14155552671": 3}
    assert [(row.line, row.cells, row.reason) for row in unreadable] == [
        (2, ("ann", cell), "120,010 characters, far too long for a phone number")
    ]


def test_quotes_that_mean_nothing_lose_no_line(tmp_path: Path) -> None:
    """Where so many never close that they are no longer looked for, each line is a row or comes back by itself."""
    lines = [b'x","y'] * 400 + [b"+14155552671,a", b'+14155552672,"b', b'+14155552673,"c"']
    phones, unreadable, rows = rows_of(tmp_path, b"phone,note\n" + b"\n".join(lines) + b"\n")
    assert phones == {"+14155552671": 402, "+14155552672": 403, "+14155552673": 404}
    assert [row.line for row in unreadable] == list(range(2, 402))
    assert rows == 403


def test_a_record_of_too_many_characters_is_read_line_by_line(tmp_path: Path) -> None:
    """Memory is that of one line, however many long ones a quote could hold together."""
    line = b'x","y' * 20_000
    phones, unreadable, _ = rows_of(tmp_path, b"phone,note\n" + (line + b"\n") * 4 + b"4155552671,a\n")
    assert phones == {"+14155552671": 6}
    assert {row.line for row in unreadable} == {2, 3, 4, 5}


def test_an_unreadable_row_that_hides_a_phone_is_one_row(tmp_path: Path) -> None:
    """Its own cell is none, and another is inside a note of several lines: it comes back once, and is counted once."""
    phones, unreadable, rows = rows_of(tmp_path, b'note,phone\n"c\n4155552672, d",12345\ne,4155552671\n')
    assert (phones, rows) == ({"+14155552671": 4}, 2)
    assert [(row.line, row.code, row.cells) for row in unreadable] == [
        (2, Reason.TOO_SHORT, ("c\n4155552672, d", "12345"))
    ]


@pytest.mark.parametrize("separator", ["\u2192", "\u00a6", "-", " ", "x"])
def test_any_separator_that_a_list_names_parts_it(tmp_path: Path, separator: str) -> None:
    """One of several bytes too, and bytes of it in other letters part nothing."""
    raw = f"sep={separator}\nn{separator}phone\n\u00e6{separator}4155552671\n\u00e64155552672\u00e6\n"
    phones, unreadable, _ = rows_of(tmp_path, raw.encode())
    assert phones == {"+14155552671": 3}
    assert [row.line for row in unreadable] == [4]


@pytest.mark.parametrize("separator", ['"', "\r", ""])
def test_what_cannot_separate_is_not_taken_for_a_separator(tmp_path: Path, separator: str) -> None:
    """A quote, or the end of the line itself: the list is read as if it did not say."""
    phones, _, _ = rows_of(tmp_path, f'sep={separator}\r\nphone,a\r\n4155552671,"b"\r\n'.encode())
    assert phones.keys() == {"+14155552671"}


def test_short_rows_of_a_wide_list_come_back_short(tmp_path: Path) -> None:
    """Line and reason come first then; dropped again, the list reads as it did."""
    columns = ("phone", *(f"c{number}" for number in range(1_000)))
    rows = [UnreadableRow(number, "12345", Reason.TOO_SHORT, "5 digits", ("12345", "x")) for number in range(2, 1_002)]
    write_unreadable(tmp_path / "back.csv", columns, rows)
    assert (tmp_path / "back.csv").stat().st_size < 40_000
    _, unreadable, _ = rows_of(tmp_path, (tmp_path / "back.csv").read_bytes())
    assert [row.cell for row in unreadable] == ["12345"] * 1_000
