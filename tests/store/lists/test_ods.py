"""OpenDocument sheets: what cells show, what is hidden, and that nothing that stands in one takes memory or time."""

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.choices import Choices
from store.errors import ListRefused
from store.lists import archives, workbooks
from store.lists.reader import ListReader
from store.lists.records import Row
from tests.store.lists.test_xlsx import calamine_says, peak, refusal, text_of
from tests.store.lists.workbooks import Table, ods, ods_parts, zipped

_MOST = 60  # MB that reading any may take beyond what the process had: see the same of an .xlsx
CELL = '<table:table-cell office:value-type="{}" office:{}><text:p>05/11/24</text:p></table:table-cell>'

CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**14),
    st.floats(-1e20, 1e20, allow_subnormal=False),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=20).filter(
        lambda text: text.strip() and not text.startswith("<") and text == " ".join(text.split())
    ),
)


@given(table=st.lists(st.lists(CELLS, max_size=5), max_size=6))
def test_cells_are_what_another_reader_sees(table: Table, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Text, numbers and truth in any place are what python-calamine makes of them."""
    directory = tmp_path_factory.mktemp("parity")
    raw = ods({"List": [["phone", "x"], *table]})
    rows = [line.split("\t") for line in text_of(directory, raw, "list.ods").removesuffix("\n").split("\n")]
    unquoted = [
        [cell[1:-1].replace('""', '"') if cell.startswith('"') and len(cell) > 1 else cell for cell in row]
        for row in rows
    ]

    def trimmed(all_rows: list[list[str]]) -> list[list[str]]:
        return [[cell.strip() for cell in " \0".join(row).rstrip(" \0").split(" \0")] for row in all_rows]

    assert trimmed(unquoted) == trimmed(calamine_says(raw))[: len(unquoted)]


def test_what_cells_show(tmp_path: Path) -> None:
    """Dates in ISO, whatever they look like; numbers whole; several paragraphs as one; what was computed, not how."""
    cells = [
        CELL.format("date", 'date-value="2024-11-05"'),
        CELL.format("date", 'date-value="2024-11-05T10:30:00"'),
        CELL.format("time", 'time-value="PT10H30M00S"'),
        CELL.format("float", 'value="12125550101"'),
        CELL.format("currency", 'value="12125550101.5"'),
        CELL.format("percentage", 'value="0.5"'),
        '<table:table-cell table:formula="of:=1+1" office:value-type="float" office:value="2"><text:p>2,0</text:p></table:table-cell>',
        '<table:table-cell table:formula="of:=A1&amp;B1"/>',
        '<table:table-cell office:value-type="string" office:string-value="said"/>',
        (
            '<table:table-cell office:value-type="string"><text:p>a<text:s text:c="2"/>b<text:tab/>c<text:line-break/>'
            "<text:span>d<text:span>e</text:span></text:span></text:p><text:p>f</text:p></table:table-cell>"
        ),
    ]
    rows = "".join(f"<table:table-row>{cell}</table:table-row>" for cell in ["", *cells])
    raw = ods(
        {
            "List": f"<table:table-row><table:table-cell><text:p>phone</text:p></table:table-cell></table:table-row>{rows}"
        }
    )
    assert text_of(tmp_path, raw, "list.ods").split("\n")[2:-1] == [
        "2024-11-05",
        "2024-11-05 10:30:00",
        "05/11/24",
        "12125550101",
        "12125550101.5",
        "0.5",
        "2",
        "=A1&B1",
        "said",
        "a  b c de f",
    ]


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        ("447400123401", "+447400123401", "+447400123401"),
        ("7400123401", "07400 123401", "07400 123401"),
        ("2125550101", "+1 (212) 555-0101", "+1 (212) 555-0101"),
        ("2125550101", "2.13E+09", "2125550101"),
        ("2125550101", "2,125,550,101", "2125550101"),
        ("2125550101", "2125550101.00", "2125550101"),
        ("2125550101", "###", "2125550101"),
        ("-5", "-5", "-5"),
    ],
)
def test_a_number_is_shown_with_its_plus_and_noughts(tmp_path: Path, value: str, text: str, shown: str) -> None:
    """As of a workbook of Excel's; what is rounded or grouped is the number itself."""
    cell = (
        f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>{text}</text:p></table:table-cell>'
    )
    raw = ods(
        {"List": f"<table:table-row>{ods_of('phone')}</table:table-row><table:table-row>{cell}</table:table-row>"}
    )
    assert text_of(tmp_path, raw, "list.ods") == f"phone\n{shown}\n"


def test_only_the_text_of_a_cell_is_read(tmp_path: Path) -> None:
    """No comment, picture, list of shapes or deleted cell, and nothing of a table inside of a cell."""
    beside = (
        "<office:annotation><text:p>2125559999</text:p></office:annotation>"
        "<draw:frame><draw:text-box><text:p>2125559998</text:p></draw:text-box></draw:frame>"
    )
    inner = f"<table:table>{'<table:table-row><table:table-cell><text:p>2125559997</text:p></table:table-cell></table:table-row>'}</table:table>"
    cell = '<table:table-cell office:value-type="string">{}<text:p>{}</text:p>{}</table:table-cell>'
    rows = (
        "<table:shapes><draw:frame><text:p>2125559996</text:p></draw:frame></table:shapes>"
        f"<table:table-row>{cell.format('', 'phone', beside)}</table:table-row>"
        f"<table:table-row>{cell.format(beside, '2125550101', inner)}</table:table-row>"
    )
    assert text_of(tmp_path, ods({"List": rows}), "list.ods") == "phone\n2125550101\n"
    deleted = "<table:tracked-changes><table:deletion><table:table-cell><text:p>1</text:p></table:table-cell></table:deletion></table:tracked-changes>"
    parts = ods_parts({"List": [["phone"], ["2125550101"]]})
    parts["content.xml"] = parts["content.xml"].replace(b"<table:table ", deleted.encode() + b"<table:table ", 1)
    assert text_of(tmp_path, zipped(parts), "list.ods") == "phone\n2125550101\n"


def test_repeated_cells_and_rows_stand_where_they_are_seen(tmp_path: Path) -> None:
    """What is written once for many keeps the places of all that follows."""
    rows = (
        '<table:table-row><table:table-cell table:number-columns-repeated="2"/>'
        "<table:table-cell><text:p>phone</text:p></table:table-cell></table:table-row>"
        '<table:table-row table:number-rows-repeated="2"/>'
        '<table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="3">'
        "<text:p>2125550101</text:p></table:table-cell></table:table-row>"
        '<table:table-row table:number-rows-repeated="1048571"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
    )
    triple = "2125550101\t" * 2 + "2125550101"
    assert text_of(tmp_path, ods({"List": rows}), "list.ods") == f"\t\tphone\n\n\n{triple}\n{triple}\n"


def opened(directory: Path, raw: bytes, choices: Choices) -> ListReader:
    path = directory / "list"
    path.write_bytes(raw)
    return ListReader(path, name="stops.ods", choices=choices, spool=directory / "spool")


@pytest.mark.parametrize(
    ("visibility", "by"), [("collapse", ""), ("filter", " by a filter")], ids=["by hand", "by a filter"]
)
def test_hidden_rows_and_columns_are_left_out_and_counted(tmp_path: Path, visibility: str, by: str) -> None:
    """As of a workbook of Excel's, and taken in when it is said so."""
    row = f'<table:table-row table:visibility="{visibility}"{{}}>{{}}</table:table-row>'
    columns = (
        f'<table:table-column/><table:table-column table:visibility="{visibility}" table:number-columns-repeated="9"/>'
    )
    cells = [f"{number}{note}" for number, note in ((ods_of("2125550102"), ods_of("b")), (ods_of("2125550103"), ""))]
    rows = (
        f"<table:table-row>{ods_of('phone')}{ods_of('note')}</table:table-row>"
        f"<table:table-row>{ods_of('2125550101')}{ods_of('a')}</table:table-row>"
        + row.format(' table:number-rows-repeated="2"', cells[0])
        + f'<table:table-row-group table:display="false"><table:table-row>{cells[1]}</table:table-row></table:table-row-group>'
    )
    raw = ods({"List": columns + rows})
    with opened(tmp_path, raw, Choices()) as reader:
        assert [row.cells for row in reader.rows() if isinstance(row, Row)] == [("2125550101",)]
        (question,) = reader.questions
        assert question.text == f"3 rows and 1 column (note) are hidden{by} in sheet 'List', and left out."
    with opened(tmp_path, raw, Choices(hidden=True)) as reader:
        assert [row.cell for row in reader.rows() if isinstance(row, Row)] == [
            "2125550101",
            "2125550102",
            "2125550102",
            "2125550103",
        ]


def ods_of(text: str) -> str:
    return f"<table:table-cell><text:p>{text}</text:p></table:table-cell>"


def test_hidden_sheets_and_several_are_told_apart(tmp_path: Path) -> None:
    """A sheet that is not shown takes no part; of several one is to be chosen."""
    stops: Table = [["phone"], ["2125550101"]]
    with opened(tmp_path, ods({"Old": stops, "Stops": stops}, ("Old",)), Choices()) as reader:
        assert [question.text for question in reader.questions] == [
            "Sheet 'Stops' is read, and the phones in 'Old' (hidden) are not."
        ]
    with pytest.raises(ListRefused, match="has phones in 2 sheets: 'A' and 'B'"):
        opened(tmp_path, ods({"A": stops, "B": stops}), Choices())


def test_a_merged_header_names_each_column_below_it(tmp_path: Path) -> None:
    """As in a workbook of Excel's."""
    header = (
        '<table:table-row><table:table-cell table:number-columns-spanned="2"><text:p>phone</text:p></table:table-cell>'
        "<table:covered-table-cell/></table:table-row>"
    )
    raw = ods({"List": f"{header}<table:table-row>{ods_of('2125550101')}{ods_of('4155550101')}</table:table-row>"})
    assert text_of(tmp_path, raw, "list.ods").startswith("phone\tphone\n")


def test_a_cell_merged_over_rows_is_said_of_each(tmp_path: Path) -> None:
    """As in a workbook of Excel's."""
    spanned = '<table:table-cell table:number-rows-spanned="2"><text:p>out</text:p></table:table-cell>'
    rows = [
        ods_of("phone") + ods_of("status"),
        ods_of("2125550101") + spanned,
        ods_of("2125550102") + "<table:covered-table-cell/>",
        ods_of("2125550103") + ods_of("in"),
    ]
    raw = ods({"List": "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)})
    assert text_of(tmp_path, raw, "list.ods").splitlines()[1:3] == ["2125550101\tout", "2125550102\tout"]


# --- what would do harm ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"encrypted-package": b"x"}, "list.ods is locked with a password. Save it without one and drop that."),
        (
            {
                "META-INF/manifest.xml": b'<m:manifest xmlns:m="m"><m:encryption-data/></m:manifest>',
                "content.xml": b"\x93\1",
            },
            "list.ods is locked with a password.",
        ),
        ({"content.xml": b"<office"}, "list.ods is an OpenDocument sheet that cannot be read: it is broken."),
        ({"content.xml": b""}, "list.ods is an OpenDocument sheet that cannot be read: it is broken."),
        (
            {"content.xml": b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'},
            "list.ods is an OpenDocument sheet that cannot be",
        ),
        ({"content.xml": b"<text/>"}, "list.ods is an OpenDocument file and no sheet;"),
        ({"META-INF/manifest.xml": b"<!DOCTYPE x><x/>"}, "list.ods is an OpenDocument sheet that cannot be read"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused(tmp_path: Path, change: dict[str, bytes], sentence: str) -> None:
    """In words, and with nothing left beside it."""
    parts = ods_parts({"List": [["phone"], ["2125550101"]]}) | change
    assert refusal(tmp_path, zipped(parts), "list.ods").startswith(sentence)


def test_the_contents_of_what_is_embedded_are_not_the_sheets(tmp_path: Path) -> None:
    """A chart has a table of its own."""
    parts = {"Object 1/content.xml": b"<x/>", **ods_parts({"List": [["phone"], ["2125550101"]]})}
    assert text_of(tmp_path, zipped(parts), "list.ods") == "phone\n2125550101\n"


def test_an_empty_document_is_refused(tmp_path: Path) -> None:
    """Without a sheet, a row or a cell."""
    for sheets in ({}, {"List": ""}, {"List": "<table:table-row/>"}):
        assert refusal(tmp_path, ods(sheets), "list.ods").startswith("list.ods is empty.")


MANY = 'table:number-rows-repeated="1048575"'
WIDE = 'table:number-columns-repeated="16384"'
PHONE = f"<table:table-row>{ods_of('phone')}</table:table-row>"
LONG = "x" * 900
HOSTILE = {
    "rows without end": (
        f'<table:table-row table:number-rows-repeated="9999999">{ods_of("1")}</table:table-row>',
        "has a sheet of 9,999,999 rows and 1 columns",
    ),
    "a number without end": (f'<table:table-row table:number-rows-repeated="{"9" * 100_000}"/>{PHONE}', "phone"),
    "a million rows of all columns": (
        f"{PHONE}<table:table-row {MANY}><table:table-cell {WIDE}><text:p>1</text:p></table:table-cell></table:table-row>",
        "at most 20,000,000 cells are read",
    ),
    "the same, hidden": (
        (
            f'{PHONE}<table:table-row table:visibility="collapse" {MANY}>'
            f"<table:table-cell {WIDE}><text:p>1</text:p></table:table-cell></table:table-row>"
        ),
        "at most 20,000,000 cells are read",
    ),
    "a row of all columns with words": (
        f"{PHONE}<table:table-row><table:table-cell {WIDE}><text:p>{LONG}</text:p></table:table-cell></table:table-row>",
        "phone\n" + "x" * 50 + "…\t",
    ),
    "columns beyond the last": (
        f"<table:table-row><table:table-cell {WIDE}/>{ods_of('phone')}</table:table-row>",
        "1 rows and 16,385 columns",
    ),
    "hidden columns over and over": (
        f'<table:table-column {WIDE} table:visibility="collapse"/>' * 10_000 + PHONE,
        "is empty",
    ),
    "blanks": (
        f"<table:table-row><table:table-cell><text:p>{'<text:s text:c=' + chr(34) + '999999999' + chr(34) + '/>'}x</text:p></table:table-cell></table:table-row>",
        "x",
    ),
    "elements inside of each other": ("<table:table-row>" * 100_000, "it is broken"),
    "paragraphs inside of each other": (f"<table:table-row><table:table-cell>{'<text:p>' * 100_000}", "it is broken"),
    "a row of nowhere": ("</table:table><table:table-row/>", "it is broken"),
}


@pytest.mark.wide_but_first
@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_in_a_document_takes_memory_or_time(tmp_path: Path, kind: str) -> None:
    """A few bytes that say "a million times" are read row by row, or refused in words."""
    rows, outcome = HOSTILE[kind]
    before = peak(reset=True)
    try:
        found = text_of(tmp_path, ods({"List": rows}), "list.ods")[:2_000]
    except ListRefused as refused:
        found = str(refused)
    assert outcome in found
    assert peak() - before < _MOST


MEGABYTE = b"x" * 1_000_000


@pytest.mark.wide
@pytest.mark.parametrize(
    "around", [b"<text:p>|</text:p>", b"<office:annotation><text:p>|</text:p></office:annotation>"]
)
def test_a_text_without_end_takes_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, around: bytes) -> None:
    """A hundred megabytes in one cell, or in a comment on it."""
    monkeypatch.setattr(archives, "_RATIO", 10_000)
    parts = ods_parts({"List": f"{PHONE}<table:table-row>{ods_of('HERE')}</table:table-row>"})
    first, last = parts.pop("content.xml").split(b"<text:p>HERE</text:p>")
    path = tmp_path / "list"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
        with archive.open("content.xml", "w") as file:
            before_text, after = around.split(b"|")
            for piece in (first, before_text, *[MEGABYTE] * 100, after, last):
                file.write(piece)
    before = peak(reset=True)
    try:
        found = text_of(tmp_path, path, "list.ods")
    except ListRefused as refused:
        found = str(refused)
    assert found in {"phone\n", f"phone\n{'x' * 32_767}…\n"}
    assert peak() - before < _MOST


def test_many_sheets_are_read_in_one_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand sheets are not a thousand times the work; more are refused."""
    assert "has phones in 1000 sheets" in refusal(tmp_path, ods({f"S{n}": PHONES for n in range(1_000)}), "list.ods")
    assert "more than 1,000 sheets" in refusal(tmp_path, ods({f"S{n}": "" for n in range(1_001)}), "list.ods")
    monkeypatch.setattr(workbooks, "_INFLATED", 1_000)
    assert "unpacks to more than" in refusal(tmp_path, ods({"List": PHONES * 100}), "list.ods")


PHONES = f"{PHONE}<table:table-row>{ods_of('2125550101')}</table:table-row>"
