"""Old workbooks record by record: what cells show, and that nothing that stands in one takes memory or time."""

import contextlib
import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import ListRefused
from store.lists import workbooks
from store.lists.formats import as_text
from tests.store.lists.test_xlsx import calamine_says, peak, refusal, text_of
from tests.store.lists.workbooks import (
    OldTable,
    ole,
    record,
    shared,
    shared_texts,
    unicode_text,
    xls,
    xls_cell,
    xls_stream,
)

# What reading any may take beyond what the process had, in MB: see the same of an .xlsx.
_MOST = 60
STYLES = b"".join(record(0x00E0, struct.pack("<HH16x", 0, number)) for number in (0, 22, 14, 46, 170))
FORMATS = record(0x041E, struct.pack("<HHB", 170, 10, 0) + b'0 "days"\0\0')


def number(value: float, style: int) -> bytes:
    return record(0x0203, struct.pack("<HHHd", 0, 0, style, value))


def small(bits: int, style: int = 0) -> bytes:
    return record(0x027E, struct.pack("<HHHI", 0, 0, style, bits))


def smalls(row: int, column: int, *bits: int) -> bytes:
    cells = b"".join(struct.pack("<HI", 0, one) for one in bits)
    return record(0x00BD, struct.pack("<HH", row, column) + cells + struct.pack("<H", column + len(bits) - 1))


def formula(result: bytes, *behind: bytes) -> bytes:
    return record(0x0006, struct.pack("<HHH", 0, 0, 0) + result + struct.pack("<HIH", 0, 0, 0)) + b"".join(behind)


def came_to(kind: int, value: int = 0) -> bytes:
    return struct.pack("<BxBxxxH", kind, value, 0xFFFF)


PLAIN_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Cf")), min_size=1, max_size=20)
CELLS = st.one_of(
    st.none(),
    st.integers(-(10**12), 10**14).map(float),
    st.floats(-1e20, 1e20, allow_subnormal=False),
    PLAIN_TEXT.filter(str.strip),
    st.integers(0, 2**29 - 1).map(lambda whole: small(whole << 2 | 2)),
    st.integers(0, 2**29 - 1).map(lambda cents: small(cents << 2 | 3)),
    st.floats(1, 1e9).map(lambda half: small(struct.unpack("<Q", struct.pack("<d", half))[0] >> 32 & ~3)),
    st.integers(0, 2).map(shared),
    st.booleans().map(lambda truth: record(0x0205, struct.pack("<HHHBB", 0, 0, 0, truth, 0))),
    st.builds(number, st.integers(61, 80_000).map(float), st.integers(1, 2)),
    st.floats(1, 1e9).map(lambda value: formula(struct.pack("<d", value))),
    PLAIN_TEXT.filter(str.strip).map(lambda text: formula(came_to(0), record(0x0207, unicode_text(text)))),
)


@given(table=st.lists(st.lists(CELLS, max_size=5), max_size=6))
def test_cells_are_what_another_reader_sees(table: OldTable, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Text, numbers, truth, dates and what formulas came to, in any place, are what python-calamine makes of them."""
    directory = tmp_path_factory.mktemp("parity")
    texts = shared_texts([unicode_text("one"), unicode_text("zwölf"), unicode_text("\u0967")])
    raw = ole(xls_stream({"List": [["phone", "x"], *table]}, FORMATS + STYLES + texts))
    rows = [line.split("\t") for line in text_of(directory, raw).removesuffix("\n").split("\n")]
    unquoted = [
        [cell[1:-1].replace('""', '"') if cell.startswith('"') and len(cell) > 1 else cell for cell in row]
        for row in rows
    ]

    def trimmed(all_rows: list[list[str]]) -> list[list[str]]:
        return [[cell.strip() for cell in " \0".join(row).rstrip(" \0").split(" \0")] for row in all_rows]

    assert trimmed(unquoted) == trimmed(calamine_says(raw))[: len(unquoted)]


def test_a_number_is_shown_with_its_plus(tmp_path: Path) -> None:
    """What a format puts before the digits is part of the phone that a person reads."""
    formats = record(0x041E, struct.pack("<HHB", 170, 4, 0) + b'"+"0')
    styles = record(0x00E0, struct.pack("<HH16x", 0, 170))
    rows = xls_cell(0, 0, "phone") + xls_cell(1, 0, number(447400123401, 0))
    assert text_of(tmp_path, ole(with_cells(rows, formats + styles))) == "phone\n+447400123401\n"


def test_what_cells_show(tmp_path: Path) -> None:
    """Elapsed time, numbers with a word behind, errors, runs of small numbers, and formulas of every outcome."""
    rows = [
        xls_cell(0, 0, "phone"),
        xls_cell(1, 0, number(1.5, 3)) + xls_cell(1, 1, number(3, 4)) + xls_cell(1, 2, number(0.25, 1)),
        smalls(2, 1, 5 << 2 | 2, 150 << 2 | 3, (-7 & 0x3FFFFFFF) << 2 | 2),
        b"".join(xls_cell(3, at, record(0x0205, struct.pack("<HHHBB", 0, 0, 0, 42, 1))) for at in range(1)),
        b"".join(
            xls_cell(4, at, cell)
            for at, cell in enumerate(
                (
                    formula(came_to(1, 1)),
                    formula(came_to(2, 7)),
                    formula(came_to(3)),
                    formula(came_to(0), record(0x04BC, b"x" * 20), record(0x0207, unicode_text("12"))),
                    formula(came_to(0)),
                    formula(struct.pack("<d", 8)),
                )
            )
        ),
    ]
    raw = ole(with_cells(b"".join(rows), FORMATS + STYLES))
    assert text_of(tmp_path, raw).split("\n")[:-1] == [
        "phone",
        "1 day, 12:00:00\t3\t06:00:00",
        "\t5\t1.5\t-7",
        "#N/A",
        "TRUE\t#DIV/0!\t\t12\t\t8",
    ]


def with_cells(cells: bytes, workbook: bytes = b"") -> bytes:
    """The stream of a workbook of one sheet with the records *cells*."""
    marker = xls_cell(0, 0, "here")
    return xls_stream({"List": [["here"]]}, workbook).replace(marker, cells)


def test_cells_in_any_order_are_a_sheet(tmp_path: Path) -> None:
    """Some programs write cells as they were told of them; of two in one place the later one is seen, as in Excel."""
    cells = xls_cell(2, 1, "b") + xls_cell(1, 0, 1.0) + xls_cell(0, 0, "phone") + xls_cell(1, 2, "c")
    assert text_of(tmp_path, ole(with_cells(cells + xls_cell(1, 0, 2.0)))) == "phone\n2\t\tc\n\tb\n"


def test_what_stands_inside_of_a_sheet_is_no_part_of_it(tmp_path: Path) -> None:
    """A chart has records of its own, numbers too; the cells behind it are the sheet's again."""
    chart = record(0x0809, struct.pack("<HHHHII", 0x600, 0x20, 0, 0, 0, 0)) + xls_cell(5, 5, 9.0) + record(0x000A)
    assert text_of(tmp_path, ole(with_cells(xls_cell(0, 0, "phone") + chart + xls_cell(1, 0, 1.0)))) == "phone\n1\n"


def test_texts_are_cut_in_two_anywhere(tmp_path: Path) -> None:
    """Before a text, in its head, between letters, in what is behind them; letters behind a cut say anew how wide they are."""
    rich = struct.pack("<HBHI", 5, 1 | 4 | 8, 2, 6) + "héllo".encode("utf-16-le") + b"RRRRRRRR" + b"EEEEEE"
    texts = [unicode_text("phone"), rich, struct.pack("<HB", 3, 0) + b"caf", unicode_text("")]
    whole = b"".join(texts)
    # Where letters stand, and how wide they are.
    wide: dict[int, int] = {}
    start = 0
    for text, head, letters, width in zip(texts, (3, 9, 3, 3), (10, 10, 3, 0), (2, 2, 1, 2), strict=True):
        wide |= dict.fromkeys(range(start + head, start + head + letters, width), width)
        start += len(text)
    halves = {at + 1 for at, width in wide.items() if width == 2}  # where no program cuts
    cells = b"".join(xls_cell(row, 0, shared(row)) + xls_cell(row, 1, 1.0) for row in range(4))
    for cut in set(range(1, len(whole))) - halves:
        again = bytes([wide[cut] - 1]) if cut in wide else b""
        records = record(0x00FC, struct.pack("<II", 4, 4) + whole[:cut]) + record(0x003C, again + whole[cut:])
        assert text_of(tmp_path, ole(with_cells(cells, records))) == "phone\t1\nhéllo\t1\ncaf\t1\n\t1\n", cut


def test_workbooks_of_excel_95(tmp_path: Path) -> None:
    """Their texts are in the code page that the workbook names."""
    label = record(0x0204, struct.pack("<HHHH", 0, 0, 0, 5) + b"phone") + record(
        0x0204, struct.pack("<HHHH", 1, 0, 0, 4) + "Łódź".encode("cp1250")
    )
    begin = record(0x0809, struct.pack("<HHHH", 0x500, 5, 0, 0))
    page = record(0x0042, struct.pack("<H", 1250))
    sheet = record(0x0809, struct.pack("<HHHH", 0x500, 16, 0, 0)) + label + record(0x000A)
    names = [record(0x0085, struct.pack("<IBBB", at, 0, 0, 4) + b"Kont") for at in (0, 0)]
    head = begin + page + names[0] + record(0x000A)
    head = begin + page + record(0x0085, struct.pack("<IBBB", len(head), 0, 0, 4) + b"Kont") + record(0x000A)
    assert text_of(tmp_path, ole(head + sheet, "Book")) == "phone\nŁódź\n"


@pytest.mark.parametrize("told", [1, 2, 0xFFFFFFFF])
def test_how_large_it_says_it_is_is_not_believed(tmp_path: Path, told: int) -> None:
    """Sizes that lie, of the sheet and of the shared texts, make no room: what is there is read."""
    texts = record(0x00FC, struct.pack("<II", told, told) + unicode_text("phone"))
    size = record(0x0200, struct.pack("<IIHHH", 0, told, 0, 0xFFFF, 0))
    cells = size + xls_cell(0, 0, shared(0)) + xls_cell(1, 0, 12125550100.0)
    assert text_of(tmp_path, ole(with_cells(cells, texts))) == "phone\n12125550100\n"


@pytest.mark.parametrize(
    "stream",
    [
        with_cells(xls_cell(0, 0, shared(7)), shared_texts([unicode_text("phone")])),
        with_cells(xls_cell(0, 0, shared(0)), record(0x00FC, struct.pack("<II", 1, 1) + b"\xff\x00\1abc")),
        with_cells(xls_cell(0, 0, shared(0)), record(0x00FC, struct.pack("<II", 1, 1) + b"\1\0\4\xff\xff\xff\xffa\0")),
        with_cells(record(0x0204, struct.pack("<HHHHB", 0, 0, 0, 0xFFFF, 1) + b"a\0b")),
        with_cells(b"").replace(struct.pack("<HHHH", 0x0809, 16, 0x600, 5), struct.pack("<HHHH", 0x0809, 16, 0x300, 5)),
        b"x" * 5_000,
        b"",
    ],
    ids=[
        "no such text",
        "a text cut off",
        "what is behind a text cut off",
        "a cell cut off",
        "too old",
        "none",
        "empty",
    ],
)
def test_what_is_broken_is_refused(tmp_path: Path, stream: bytes) -> None:
    """In words, whatever the records lead to."""
    assert "is an Excel workbook that cannot be read: it is broken" in refusal(tmp_path, ole(stream))


@pytest.mark.wide_but_first
@pytest.mark.parametrize("seed", range(2))
def test_a_damaged_workbook_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    """Whatever is changed in its records or in where they are: no other error."""
    texts = shared_texts([unicode_text(text) for text in ("one", "", "x" * 50)], most=60)
    row: list[str | float | bytes | None] = [
        1.0,
        "abc",
        number(70, 1),
        small(9),
        shared(0),
        shared(2),
        formula(came_to(0), record(0x0207, b"\1\0\0a")),
    ]
    raw = ole(xls_stream({"List": [["phone", "x"], row, row], "Other": [["z"]]}, FORMATS + STYLES + texts))
    rng, end = random.Random(seed), len(raw.rstrip(b"\0"))
    read = 0
    for _ in range(150):
        changed = bytearray(raw)
        for _ in range(rng.randint(1, 6)):
            changed[rng.randrange(1_536 if rng.random() < 0.8 else 4, end)] = rng.choice(
                [0, 1, 0xFF, rng.randrange(256)]
            )
        with contextlib.suppress(ListRefused):
            read += "\n" in text_of(tmp_path, bytes(changed))
    assert read > 10


# What would do harm

PHONE = xls_cell(0, 0, "phone")
LONG_NAME = record(0x0018, struct.pack("<HBBHHH4x", 0, 0, 250, 0, 0, 0) + b"\0" + b"n" * 250)
NAMES = formula(struct.pack("<d", 1))[4:-8] + struct.pack("<HIH", 0, 0, 8_000) + struct.pack("<BI", 0x23, 1) * 1_600
# Made by the test that reads it: all together take half a second.
HOSTILE: dict[str, Callable[[], bytes]] = {
    "one text in many cells": lambda: with_cells(
        PHONE + b"".join(xls_cell(1 + at // 9, at % 9, shared(0)) for at in range(100_000)),
        shared_texts([unicode_text("x" * 4_000)]),
    ),
    "empty texts": lambda: with_cells(PHONE, shared_texts([unicode_text("")] * 500_000)),
    "one cell over and over": lambda: with_cells(PHONE + xls_cell(1, 0, 1.0) * 100_000),
    "runs of small numbers": lambda: with_cells(PHONE + smalls(1, 0, *[2] * 250) * 400),
    "formulas of long names": lambda: with_cells(PHONE + xls_cell(1, 0, record(0x0006, NAMES)) * 200, LONG_NAME),
    "a text that goes on in nothing": lambda: with_cells(
        PHONE, record(0x00FC, struct.pack("<II", 1, 1)) + record(0x003C) * 300_000
    ),
    "records that say nothing": lambda: with_cells(PHONE + record(0x0300) * 500_000),
    "cells in the last column": lambda: with_cells(
        PHONE + b"".join(xls_cell(row, 255, 1.0) for row in range(1, 20_000))
    ),
}


@pytest.mark.wide_but_first
@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_in_an_old_workbook_takes_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Megabytes of records that would be gigabytes in cells: read, or refused in words."""
    monkeypatch.setattr(workbooks, "_TEXT", 20_000_000)
    (tmp_path / "list").write_bytes(ole(HOSTILE[kind]()))
    before = peak(reset=True)
    try:
        found = as_text(tmp_path / "list", "list.xls", "phone", tmp_path / "spool").path.read_text()[:100]
    except ListRefused as refused:
        found = str(refused)
    assert found.startswith("phone\n") or "more than 20 million characters" in found
    assert peak() - before < _MOST


def words_while(directory: Path, raw: bytes) -> int:
    """How often it is said that it goes on, a few thousand records each, while *raw* is read."""
    path = directory / "list"
    path.write_bytes(raw)
    words = 0

    def working() -> None:
        nonlocal words
        words += 1

    with pytest.raises(ListRefused):
        as_text(path, "list.xls", "phone", directory / "spool", working=working)
    return words


def test_sheets_do_not_share_their_records(tmp_path: Path) -> None:
    """A thousand sheets that all go on to the end of the file are read once, and not each to the end."""
    begin = record(0x0809, struct.pack("<HHHHII", 0x600, 16, 0, 0, 0, 0))
    name = record(0x0085, struct.pack("<IHBB", 0, 0, 1, 0) + b"S")
    first = len(begin) + 1_000 * len(name) + 4
    names = b"".join(
        record(0x0085, struct.pack("<IHBB", first + at * len(begin), 0, 1, 0) + b"S") for at in range(1_000)
    )
    raw = ole(begin + names + record(0x000A) + begin * 1_000 + record(0x0300) * 200_000)
    assert words_while(tmp_path, raw) < 200_000 // 4_096 + 10
    twice = record(0x0085, struct.pack("<IHBB", first, 0, 1, 0) + b"S") * 2
    assert "it is broken" in refusal(tmp_path, ole(begin + twice + record(0x000A) + begin))
    assert "more than 1,000 sheets" in refusal(tmp_path, ole(begin + names + name + record(0x000A)))


@pytest.mark.wide
def test_streams_of_one_name_are_read_once(tmp_path: Path) -> None:
    """A directory that lists the whole file a thousand times, as the workbook, holds it once."""
    raw = bytearray(xls({"List": [["phone"], *[[12125550100.0, None, "x" * 100]] * 20_000]}))
    sectors = raw[48:52]
    directory = 512 * (1 + struct.unpack("<I", sectors)[0])
    entry = bytes(raw[directory + 128 : directory + 256])
    raw[directory + 256 : directory + 512] = entry * 2
    (tmp_path / "list").write_bytes(raw)
    before = peak(reset=True)
    assert text_of(tmp_path, tmp_path / "list").startswith("phone\n12125550100\t")
    assert peak() - before < _MOST


def test_a_container_whose_table_has_no_end_is_refused(tmp_path: Path) -> None:
    """The sectors that say where the table is lead in a circle, or beyond the file."""
    raw = xls({"List": [["phone"]]})
    place = struct.pack("<I", len(raw) // 512 - 1)
    circle = b"\xff" * 508 + place
    for more in (place, struct.pack("<I", 1_000_000)):
        assert "it is broken" in refusal(tmp_path, raw[:68] + more + raw[72:] + circle)
