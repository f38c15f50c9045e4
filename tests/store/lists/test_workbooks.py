"""Sheets as people see them: what is hidden, merged, or on another sheet is said, and left for a person to decide."""

import struct
from pathlib import Path
from typing import Any

import pytest

from store.choices import NOTHING_CHOSEN, Choices, Question, Undecided
from store.errors import ListRefused
from store.lists.formats import as_text
from store.lists.reader import ListReader
from store.lists.records import Row
from tests.store.lists.workbooks import (
    OldTable,
    Table,
    ole,
    record,
    sheet_xml,
    xls,
    xls_cell,
    xls_stream,
    xlsx,
    xlsx_parts,
    zipped,
)

STOPS: Table = [["name", "phone"], ["Ana", "2125550101"], ["Bo", "2125550102"], ["Cy", "2125550103"]]
OTHERS: Table = [["name", "Mobile"], ["Dee", "2125550104"], ["Eve", "2125550105"]]
NOTES: Table = [["What to do"], ["Call Ana"]]
ALL = ["2125550101", "2125550102", "2125550103"]


def opened(directory: Path, raw: bytes, choices: Choices = NOTHING_CHOSEN, column: str | None = None) -> ListReader:
    path = directory / "list"
    path.write_bytes(raw)
    return ListReader(path, name="stops.xlsx", column=column, choices=choices, spool=directory / "spool")


def read(directory: Path, raw: bytes, **choices: Any) -> tuple[list[str], list[str], list[Question]]:
    """The phone cells, the remarks and the questions."""
    with opened(directory, raw, Choices(**choices)) as reader:
        cells = [row.cell for row in reader.rows() if isinstance(row, Row)]
        return cells, reader.remarks, reader.questions


def asked(directory: Path, raw: bytes, **choices: Any) -> Question:
    """What is asked before the list is read at all; nothing is left beside it."""
    with pytest.raises(Undecided) as caught:
        opened(directory, raw, Choices(**choices))
    assert [path.name for path in directory.iterdir()] == ["list"]
    assert str(caught.value) == caught.value.question.text
    assert caught.value.question.open
    return caught.value.question


def hiding(table: Table, rows: dict[int, str], columns: str = "", behind: str = "") -> bytes:
    """An .xlsx of *table* whose *rows*, by number, have more attributes; *columns* and *behind*: elements around them."""
    xml = sheet_xml(table)
    for number, attributes in rows.items():
        xml = xml.replace(f'<row r="{number}">', f'<row r="{number}" {attributes}>')
    parts = xlsx_parts({"List": xml})
    sheet = parts["xl/worksheets/sheet1.xml"]
    sheet = sheet.replace(b"<sheetData>", columns.encode() + b"<sheetData>")
    parts["xl/worksheets/sheet1.xml"] = sheet.replace(b"</sheetData>", b"</sheetData>" + behind.encode())
    return zipped(parts)


def old_hiding(table: OldTable, *records: bytes) -> bytes:
    """An .xls of *table* with more *records* on its one sheet."""
    rows = [list(cells) for cells in table]
    marker = record(0x0300, b"here")
    rows[-1].append(marker)
    return ole(
        xls_stream({"List": rows}).replace(xls_cell(len(rows) - 1, len(rows[-1]) - 1, marker), b"".join(records))
    )


def row_record(row: int, flags: int) -> bytes:
    return record(0x0208, struct.pack("<HHHHHHHH", row, 0, 2, 255, 0, 0, flags, 0))


def column_record(first: int, last: int, flags: int) -> bytes:
    return record(0x007D, struct.pack("<HHHHHH", first, last, 2048, 0, flags, 0))


FILTER = '<autoFilter ref="A1:B4"><filterColumn colId="0"/></autoFilter>'
HIDDEN_ROWS = {
    "by hand": (hiding(STOPS, {3: 'hidden="1"', 4: 'hidden="true"'}), ""),
    "by a filter": (hiding(STOPS, {3: 'hidden="1"', 4: 'hidden="1"'}, behind=FILTER), " by a filter"),
    "by hand, in a table": (
        hiding(STOPS, {3: 'hidden="1"', 4: 'hidden="1"'}, behind=FILTER.replace("/></a", ' hiddenButton="1"/></a')),
        "",
    ),
    "without height": (hiding(STOPS, {3: 'ht="0" customHeight="1"', 4: 'hidden="1"'}), ""),
    "in a group": (hiding(STOPS, {3: 'outlineLevel="1" hidden="1"', 4: 'outlineLevel="1" hidden="1"'}), ""),
    "in an old workbook": (old_hiding(STOPS, row_record(1, 0x100), row_record(2, 0x120), row_record(3, 0x20)), ""),
    "by a filter in an old workbook": (
        old_hiding(STOPS, record(0x009B), row_record(2, 0x20), row_record(3, 0x20)),
        " by a filter",
    ),
}


@pytest.mark.parametrize("how", HIDDEN_ROWS)
def test_hidden_rows_are_left_out_and_counted(tmp_path: Path, how: str) -> None:
    """What a filter hides is not on the list that a person sees; one click takes it in, another leaves it out again."""
    raw, by = HIDDEN_ROWS[how]
    cells, _, (question,) = read(tmp_path, raw)
    assert cells == ["2125550101"]
    assert question.text == f"2 rows are hidden{by} in sheet 'List', and left out."
    assert not question.open
    (offer,) = question.offers
    assert (offer.choices, offer.option) == ({"hidden": True}, "--with-hidden")

    cells, _, (question,) = read(tmp_path, raw, **offer.choices)
    assert cells == ALL
    assert question.text == f"2 rows are hidden{by} in sheet 'List', and taken in."
    assert question.offers[0].choices == {"hidden": False}


def test_rows_keep_their_numbers_beside_hidden_ones(tmp_path: Path) -> None:
    """The line of a row is the row's number in the sheet, whatever is hidden above it."""
    with opened(tmp_path, hiding(STOPS, {2: 'hidden="1"'})) as reader:
        assert [row.line for row in reader.rows()] == [3, 4]


def test_hidden_rows_with_nothing_in_them_are_none(tmp_path: Path) -> None:
    """An empty row that is hidden is nobody."""
    table: Table = [*STOPS, [" "], []]
    cells, _, questions = read(tmp_path, hiding(table, {5: 'hidden="1"'}))
    assert (cells, questions) == (ALL, [])


HIDDEN_COLUMNS = {
    "hidden": hiding([[*row, "x"] for row in STOPS], {}, '<cols><col min="3" max="5" hidden="1"/></cols>'),
    "without width": hiding([[*row, "x"] for row in STOPS], {}, '<cols><col min="3" max="3" width="0"/></cols>'),
    "in an old workbook": old_hiding([[*row, "x"] for row in STOPS], column_record(0, 1, 0), column_record(2, 9, 1)),
}


@pytest.mark.parametrize("how", HIDDEN_COLUMNS)
def test_hidden_columns_are_left_out_and_named(tmp_path: Path, how: str) -> None:
    """Nothing of them is read or given back, unless it is asked for."""
    with opened(tmp_path, HIDDEN_COLUMNS[how]) as reader:
        assert next(row.cells for row in reader.rows() if isinstance(row, Row)) == ("Ana", "2125550101")
        (question,) = reader.questions
        assert question.text == "1 column (x) is hidden in sheet 'List', and left out."
    with opened(tmp_path, HIDDEN_COLUMNS[how], Choices(hidden=True)) as reader:
        assert next(row.cells for row in reader.rows() if isinstance(row, Row)) == ("Ana", "2125550101", "x")


ONLY_HIDDEN = {
    "rows": hiding(STOPS, {2: 'hidden="1"', 3: 'hidden="1"', 4: 'hidden="1"'}),
    "the header too": hiding(STOPS, {1: 'hidden="1"', 2: 'hidden="1"', 3: 'hidden="1"', 4: 'hidden="1"'}),
    "the column": hiding(STOPS, {}, '<cols><col min="2" max="2" hidden="1"/></cols>'),
    "rows of an old workbook": old_hiding(STOPS, *(row_record(row, 0x20) for row in (1, 2, 3))),
    "the column of an old workbook": old_hiding(STOPS, column_record(1, 1, 1)),
}


@pytest.mark.parametrize("what", ONLY_HIDDEN)
def test_a_list_whose_phones_are_all_hidden_is_asked_about(tmp_path: Path, what: str) -> None:
    """Neither is it read nor is it said to have no phones."""
    question = asked(tmp_path, ONLY_HIDDEN[what])
    assert question.text == "stops.xlsx has phones only in rows or columns that are hidden in 'List'."
    assert [offer.choices for offer in question.offers] == [{"hidden": True}]
    assert read(tmp_path, ONLY_HIDDEN[what], hidden=True)[0] == ALL


def test_a_chosen_sheet_whose_phones_are_hidden_is_asked_about(tmp_path: Path) -> None:
    """The sheet is the right one, and what is to be read of it is still open."""
    rows = sheet_xml(STOPS)
    for number in (2, 3, 4):
        rows = rows.replace(f'<row r="{number}">', f'<row r="{number}" hidden="1">')
    raw = xlsx({"A": rows, "B": OTHERS})
    question = asked(tmp_path, raw, sheet="A")
    assert question.text == "stops.xlsx has phones only in rows or columns that are hidden in 'A'."
    assert read(tmp_path, raw, sheet="A", hidden=True)[0] == ALL


@pytest.mark.parametrize("make", [xlsx, xls])
def test_several_sheets_with_phones_are_to_be_chosen_from(tmp_path: Path, make: Any) -> None:
    """Each is one click away; once one is chosen, the preview still names the other."""
    raw = make({"Our stops": STOPS, "Notes": NOTES, "Others": OTHERS})
    question = asked(tmp_path, raw)
    assert question.text == "stops.xlsx has phones in 2 sheets: 'Our stops' and 'Others'. Which one is the list?"
    assert [(offer.label, offer.choices, offer.option) for offer in question.offers] == [
        ("Read sheet Our stops", {"sheet": "Our stops"}, "--sheet 'Our stops'"),
        ("Read sheet Others", {"sheet": "Others"}, "--sheet Others"),
    ]
    cells, remarks, (other,) = read(tmp_path, raw, **question.offers[0].choices)
    assert (cells, remarks) == (ALL, [])
    assert (other.text, other.open) == ("Sheet 'Our stops' is read, and the phones in 'Others' are not.", False)
    assert [offer.choices for offer in other.offers] == [{"sheet": "Others"}]
    with opened(tmp_path, raw, Choices(sheet="others"), "Mobile") as reader:
        assert len(list(reader.rows())) == 2


def test_a_sheet_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With the names of those that are."""
    with pytest.raises(ListRefused, match=r"has no sheet called Old\. It has: 'A' and 'B'\.") as caught:
        opened(tmp_path, xlsx({"A": STOPS, "B": NOTES}), Choices(sheet="Old"))
    assert not isinstance(caught.value, Undecided)


def test_a_sheet_of_a_text_is_refused(tmp_path: Path) -> None:
    """Whoever names one thinks of another file."""
    with pytest.raises(ListRefused, match="is text and has no sheets"):
        opened(tmp_path, b"phone\r2125550101\r", Choices(sheet="A"))
    assert [path.name for path in tmp_path.iterdir()] == ["list"]


def test_hidden_sheets_are_left_out_and_named(tmp_path: Path) -> None:
    """One with phones can be read instead; any other is only counted."""
    raw = xlsx({"Stops": STOPS, "Old": OTHERS, "Lookup": NOTES}, ("Old", "Lookup"))
    cells, remarks, (question,) = read(tmp_path, raw)
    assert (cells, remarks) == (ALL, ["1 hidden sheet left out: 'Lookup'"])
    assert question.text == "Sheet 'Stops' is read, and the phones in 'Old' (hidden) are not."
    assert [offer.choices for offer in question.offers] == [{"sheet": "Old"}]


def test_phones_on_hidden_sheets_alone_are_asked_about(tmp_path: Path) -> None:
    """Where what people see has none."""
    raw = xlsx({"Cover": NOTES, "Old": STOPS, "Older": STOPS}, ("Old", "Older"))
    question = asked(tmp_path, raw)
    assert question.text == "stops.xlsx has phones only in what is hidden in it: 'Old' and 'Older'."
    assert read(tmp_path, raw, sheet="Older")[0] == ALL


def test_a_workbook_of_many_sheets_names_a_few(tmp_path: Path) -> None:
    """A message has no room for a hundred."""
    question = asked(tmp_path, xlsx({f"Sheet {number}": STOPS for number in range(30)}))
    assert len(question.offers) == 10
    assert "and 20 more" in question.text


MERGED: Table = [["name", "Phone", None, "note"], ["Ana", "2125550101", "4155550101"], ["Cy", None, "4155550103"]]


@pytest.mark.parametrize(
    "raw",
    [
        hiding(MERGED, {}, behind='<mergeCells count="1"><mergeCell ref="B1:C1"/></mergeCells>'),
        old_hiding(MERGED, record(0x00E5, struct.pack("<HHHHH", 1, 0, 0, 1, 2))),
    ],
    ids=["xlsx", "xls"],
)
def test_a_merged_header_names_each_column_below_it(tmp_path: Path, raw: bytes) -> None:
    """Both columns are called phone then, which is asked about; neither is dropped in silence."""
    path = tmp_path / "list"
    path.write_bytes(raw)
    text = as_text(path, "stops.xlsx", "phone", tmp_path / "spool")
    assert text.path.read_text().split("\n")[:2] == ["name\tPhone\tPhone\tnote", "Ana\t2125550101\t4155550101"]
    assert text.remarks == ("'Phone' is merged over columns B to C, and read as the name of each",)
    assert sorted(left.name for left in tmp_path.iterdir()) == ["list", "spool"]


@pytest.mark.parametrize(
    ("table", "reference"),
    [
        ([["Our opt-outs"], ["name", "phone"], ["Ana", "2125550101"]], "A1:D1"),
        ([["name", "phone"], ["Ana", "2125550101"], ["all of them", None]], "A3:B3"),
        ([["phone", "note", "x"], ["2125550101", "a", "b"]], "A1:B1"),
        ([["phone", "note"], ["2125550101", "a"]], "A1:A2"),
        ([["name", "phone"], ["Ana", "2125550101"]], "B1:XFD1"),
    ],
    ids=["a title", "a row", "something below it", "downwards", "to the end"],
)
def test_other_merged_cells_stay_as_they_are(tmp_path: Path, table: Table, reference: str) -> None:
    """Titles, notes and rows are no names of columns."""
    behind = f'<mergeCells count="1"><mergeCell ref="{reference}"/></mergeCells>'
    cells, remarks, _ = read(tmp_path, hiding(table, {}, behind=behind))
    assert cells[0] == "2125550101"
    assert not any("merged" in remark for remark in remarks)


TALL: Table = [
    ["phone", "country"],
    ["2071838750", "UK"],
    ["2071838751", None],
    ["2125550101", None],
    [None, None],
    ["2125550102", "US"],
]


@pytest.mark.parametrize(
    "raw",
    [
        hiding(TALL, {}, behind='<mergeCells count="2"><mergeCell ref="B2:B3"/><mergeCell ref="B5:C9"/></mergeCells>'),
        old_hiding(TALL, record(0x00E5, struct.pack("<HHHHH", 1, 1, 2, 1, 1))),
    ],
    ids=["xlsx", "xls"],
)
def test_a_cell_merged_over_rows_is_said_of_each(tmp_path: Path, raw: bytes) -> None:
    """A person sees its text beside all of them, and beside no others; what is blank as a whole stays so."""
    path = tmp_path / "list"
    path.write_bytes(raw)
    text = as_text(path, "stops.xlsx", "phone", tmp_path / "spool")
    lines = ["phone\tcountry", "2071838750\tUK", "2071838751\tUK", "2125550101", "", "2125550102\tUS"]
    assert [line.rstrip("\t") for line in text.path.read_text().splitlines()] == lines
    assert text.remarks == ("cells merged over several rows in column B read as the text of each row",)
    assert sorted(left.name for left in tmp_path.iterdir()) == ["list", "spool"]


@pytest.mark.parametrize(
    "reference", ["", "B", "B1", "1:2", "B1:", "ZZZZZZZZZ1:B2", "B" + "1" * 5_000 + ":C1", ":" * 100]
)
def test_a_merge_of_nothing_is_passed_over(tmp_path: Path, reference: str) -> None:
    """It is a matter of looks, for which no list is refused."""
    behind = f'<mergeCells count="1"><mergeCell ref="{reference}"/></mergeCells>'
    assert read(tmp_path, hiding(STOPS, {}, behind=behind))[0] == ALL
