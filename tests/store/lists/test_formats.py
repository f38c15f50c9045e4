"""What is no plain text becomes one: workbooks, zips, wide encodings; and what would do harm is refused before it can."""

import codecs
import contextlib
import itertools
import random
import struct
import tracemalloc
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from store.errors import ListRefused
from store.lists import archives, formats, workbooks
from store.lists.reader import ListReader
from store.lists.records import Damaged, Row
from store.lists.staging import stage
from store.phones.numbers import NotAPhone, Reason
from store.phones.parser import parse_phone
from tests.store.lists.workbooks import Table, ole, record, xls, xls_cell, xls_stream, xlsx, xlsx_parts, zipped

PLAIN = b"phone,note\n4155552671,caf\xc3\xa9\n\n4155552672,x\n"


def opened(directory: Path, raw: bytes, name: str = "list.csv", column: str | None = None) -> ListReader:
    path = directory / name
    path.write_bytes(raw)
    return ListReader(path, column=column, spool=directory / "spool")


def cells(directory: Path, raw: bytes, name: str = "list.csv", column: str | None = None) -> list[tuple[int, str]]:
    with opened(directory, raw, name, column) as reader:
        found = list(reader.rows())
    assert not any(isinstance(row, Damaged) for row in found)
    return [(row.line, row.cell) for row in found if isinstance(row, Row)]


def refusal(directory: Path, raw: bytes, name: str = "list.csv") -> str:
    """The sentence; and nothing is left beside the list."""
    with pytest.raises(ListRefused) as caught:
        opened(directory, raw, name)
    assert [path.name for path in directory.iterdir()] == [name]
    return str(caught.value)


# --- text -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        PLAIN,
        codecs.BOM_UTF8 + PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        b"phone,note\r\n4155552671,caf\xe9\r\n",
        codecs.BOM_UTF8 + b"phone,note\n4155552671,caf\xe9\n",
    ],
)
def test_plain_text_is_read_where_it_is(tmp_path: Path, raw: bytes) -> None:
    """A list of a gigabyte is not copied: its bytes are the text, behind the mark."""
    with opened(tmp_path, raw) as reader:
        assert reader.text_path == tmp_path / "list.csv"
        assert reader.bom == (3 if raw.startswith(codecs.BOM_UTF8) else 0)
        assert reader.encoding in {"utf-8", "cp1252"}
        assert (reader.skip, reader.phone_index, reader.delimiter) == (1, 0, ",")
        assert not (tmp_path / "spool").exists()
    assert (tmp_path / "list.csv").read_bytes() == raw


@pytest.mark.parametrize(
    "raw",
    [
        codecs.BOM_UTF16_LE + PLAIN.decode().encode("utf-16-le"),
        codecs.BOM_UTF16_BE + PLAIN.decode().replace("\n", "\r\n").encode("utf-16-be"),
        PLAIN.decode().encode("utf-16-le"),
        PLAIN.decode().encode("utf-16-be"),
        codecs.BOM_UTF32_LE + PLAIN.decode().encode("utf-32-le"),
        codecs.BOM_UTF32_BE + PLAIN.decode().encode("utf-32-be"),
        PLAIN.decode().encode("utf-32-le"),
        PLAIN.decode().encode("utf-32-be"),
        PLAIN.replace(b"\n", b"\r"),
        PLAIN.decode().encode("cp1252").replace(b"\n", b"\r"),
        PLAIN.replace(b"x\n", b"x\r"),
        PLAIN.replace(b"note\n", b"note\r").replace(b"\n\n", b"\r\n\n"),
        PLAIN.replace(b"x", b"\0x\0"),
        codecs.BOM_UTF8 + PLAIN.replace(b"x", b"\0x"),
    ],
)
def test_other_text_is_transcoded_once(tmp_path: Path, raw: bytes) -> None:
    """UTF-16, UTF-32, CR line ends and NULs become UTF-8 with LF, line by line the same; the spool goes with the reader."""
    with opened(tmp_path, raw) as reader:
        assert reader.text_path == tmp_path / "spool"
        assert reader.text_path.read_bytes() == PLAIN
        assert (reader.encoding, reader.errors, reader.bom, reader.size) == ("utf-8", "strict", 0, len(PLAIN))
        assert [(row.line, row.cells) for row in reader.rows() if isinstance(row, Row)] == [
            (2, ("4155552671", "café")),
            (4, ("4155552672", "x")),
        ]
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]
    assert (tmp_path / "list.csv").read_bytes() == raw


def test_a_line_end_between_two_pieces_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CR and LF may be read apart, and characters too; wherever pieces end, lines stay lines."""
    text = "phone,note\r\n4155552671,café\r\r\n4155552672,x\r"
    for size in range(20, 40):
        monkeypatch.setattr(formats, "LONGEST", size)
        for raw in (text.encode(), codecs.BOM_UTF16_LE + text.encode("utf-16-le")):
            with opened(tmp_path, raw) as reader:
                assert reader.text_path.read_bytes() == PLAIN, size


def test_no_spool_is_needed_from_the_caller(tmp_path: Path) -> None:
    """Without a place for it, the text goes beside the list, and away again; a list that is refused leaves none."""
    path = tmp_path / "list.csv"
    path.write_bytes(PLAIN.replace(b"\n", b"\r"))
    with ListReader(path) as reader:
        assert reader.text_path.parent == tmp_path
        assert len(list(tmp_path.iterdir())) == 2
    path.write_bytes(b"name\rAnn\r")
    with pytest.raises(ListRefused):
        ListReader(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.wide
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_line_of_a_gigabyte_is_refused_at_once(tmp_path: Path, encoding: str) -> None:
    """Neither the memory nor the time grows with the line: what follows its first hundred megabytes is not looked at."""
    path = tmp_path / "list.csv"
    with path.open("wb") as file:
        file.write("phone\n".encode(encoding) + "4155552671,".encode(encoding) * 100_000)
        file.truncate(1_000_000_000)  # a hole, which takes no room on the disk
    tracemalloc.start()
    with pytest.raises(ListRefused, match=r"^list\.csv has more than 134,217,728 characters on line [12]\."):
        ListReader(path)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("separator", [",", "a\t", ";a"])
def test_a_header_of_ten_million_columns_is_refused(tmp_path: Path, separator: str) -> None:
    """Of so many the first are looked at, and `phone` is not among them."""
    raw = (separator * 10_000_000 + "phone\n").encode()
    sentences = (
        "list.csv has more than 16,777,216 characters on line 1.",
        "list.csv has no",
        "list.csv has nothing but",
    )
    assert refusal(tmp_path, raw).startswith(sentences)


# --- workbooks ------------------------------------------------------------------------------------------------------

TABLE: Table = [
    ["name", "phone", "when"],
    ["Ann", 12125550100.0, None],
    [],
    ["Bob", "(212) 555-0101", True],
    ['Cat, the "first"\nof\tmany', 12125550102, "x"],
    [],
    [None, 212555010312345678, "too long"],
]
ROWS = [
    (2, "12125550100"),
    (4, "(212) 555-0101"),
    (5, "12125550102"),
    (7, "2.12555010312346E+17"),
]


@pytest.mark.parametrize(("kind", "raw"), [("xlsx", xlsx({"List": TABLE})), ("xls", xls({"List": [*TABLE]}))])
def test_a_workbook_is_read(tmp_path: Path, kind: str, raw: bytes) -> None:
    """Lines are the rows of the sheet, the blank ones counted; numbers are all their digits."""
    assert cells(tmp_path, raw, f"list.{kind}") == ROWS
    with opened(tmp_path, raw) as reader:
        assert (reader.columns, reader.remarks, reader.delimiter) == (("name", "phone", "when"), [], "\t")
        rows = [row.cells for row in reader.rows() if isinstance(row, Row)]
        assert rows[2] == ('Cat, the "first" of many', "12125550102", "x")
        assert rows[1][2] in {"TRUE", "1"}
    assert not (tmp_path / "spool").exists()


def test_a_sheet_that_starts_lower_and_further_right_keeps_its_rows(tmp_path: Path) -> None:
    """Empty rows above and empty columns on the left are no reason for other line numbers."""
    table: Table = [[], [], [None, "Our list"], [], [None, None, "phone"], [None, "x", 12125550100]]
    assert cells(tmp_path, xlsx({"List": table})) == [(6, "12125550100")]
    assert cells(tmp_path, xls({"List": table})) == [(6, "12125550100")]


def test_cells_are_as_a_person_reads_them(tmp_path: Path) -> None:
    """Dates in ISO, whole numbers whole, errors by their names; a number over 15 digits is seen to have lost some."""
    table: Table = [
        ["phone", "v"],
        [1, '<c s="1"><v>46000.5</v></c>'],
        [2, '<c s="2"><v>46000</v></c>'],
        [3, "#N/A"],
        [4, False],
        [5, 0.5],
        [6, 123456789012345],
        [7, 1234567890123456],
        [8, "<c><v>1.2125550100E10</v></c>"],
        [9, '<c t="str"><f>A1&amp;""</f><v>a_x000D_b</v></c>'],
        ["#REF!", "x"],
        [10, "plus +1 &lt;b> =1+1"],
    ]
    with opened(tmp_path, xlsx({"List": table})) as reader:
        assert [row.cells for row in reader.rows() if isinstance(row, Row)] == [
            ("1", "2025-12-09 12:00:00"),
            ("2", "2025-12-09"),
            ("3", "#N/A"),
            ("4", "FALSE"),
            ("5", "0.5"),
            ("6", "123456789012345"),
            ("7", "1.23456789012346E+15"),
            ("8", "12125550100"),
            ("9", "a b"),
            ("#REF!", "x"),
            ("10", "plus +1 &lt;b> =1+1"),
        ]


@pytest.mark.parametrize("number", [1e15, 1234567890123456, 41555526711415555, 1.5e19, 1e300, -1e16])
def test_digits_that_excel_dropped_are_never_a_phone(tmp_path: Path, number: float) -> None:
    """Excel keeps 15 digits and writes zeros for the rest; such a phone is somebody else's."""
    ((_, cell),) = cells(tmp_path, xlsx({"List": [["phone"], [float(number)]]}))
    for country in (None, "US", "DE", "CN"):
        found = parse_phone(cell, country)
        assert isinstance(found, NotAPhone)
        assert found.code == Reason.SCIENTIFIC


def test_a_column_of_numbers_needs_no_header_in_a_sheet(tmp_path: Path) -> None:
    """As in a text file."""
    assert cells(tmp_path, xlsx({"List": [[12125550100], [12125550101]]})) == [(1, "12125550100"), (2, "12125550101")]


NOTES: Table = [["What to do"], ["Call Ann"]]
IDS: Table = [["id", "city"], [1, "NY"], [2, "LA"]]
UNNAMED: Table = [["id", "Mobile"], [1, 12125550100], [2, 12125550101]]
THRUTEXT: Table = [
    ["timestamp", "contact_id", "contact_phone", "opt_out_type"],
    ["1", "2", "12125550102", "manual"],
]
NAMED: Table = [["id", "phone"], [1, 12125550103]]


@pytest.mark.parametrize(
    ("sheets", "column", "phone", "remark"),
    [
        ({"A": NOTES, "B": IDS, "D": NAMED}, None, "12125550103", "sheet 'D' read, one of 3"),
        ({"A": NOTES, "B": IDS, "C": THRUTEXT}, None, "12125550102", "sheet 'C' read, one of 3"),
        ({"A": IDS, "B": UNNAMED}, "Mobile", "12125550100", "sheet 'B' read, one of 2"),
        ({"A": NAMED, "B": UNNAMED}, "mobile", "12125550100", "sheet 'B' read, one of 2"),
        ({"A": [], "B": NAMED}, None, "12125550103", "sheet 'B' read, one of 2"),
        ({"A": [["phone"]], "B": NAMED}, None, "12125550103", "sheet 'B' read, one of 2"),
        ({"A & B": NAMED, "C": NOTES}, None, "12125550103", "sheet 'A & B' read, one of 2"),
    ],
)
def test_the_sheet_is_chosen_by_its_header(
    tmp_path: Path, sheets: dict[str, Table], column: str | None, phone: str, remark: str
) -> None:
    """The one with the column that is wanted, or a ThruText export, or phones; and it is named."""
    raw = xlsx({name.replace("&", "&amp;"): table for name, table in sheets.items()})
    with opened(tmp_path, raw, column=column) as reader:
        row = next(reader.rows())
        assert isinstance(row, Row)
        assert row.cell == phone
        assert remark in reader.remarks
        assert not reader.questions
    assert cells(tmp_path, xls(sheets), column=column)[0][1] == phone


def test_phones_in_a_sheet_decide_where_no_header_does(tmp_path: Path) -> None:
    """Of several sheets without the column, the columns of the one with phones are named, and its likely one."""
    sentence = refusal(tmp_path, xlsx({"A": NOTES, "B": IDS, "C": UNNAMED}))
    assert sentence.startswith("list.csv has no column called `phone`. It has: id, Mobile. Mobile looks like")


def rows_xml(*cells_xml: str) -> str:
    return "".join(f'<row r="{number}">{cell}</row>' for number, cell in enumerate(cells_xml, 1))


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ('<row r="1"><c r="A1"><v>1</v></c><c r="ZZZZZ1"><v>1</v></c></row>', "1 rows and 12,356,630 columns"),
        ('<row r="9"><c r="XFE9"><v>1</v></c></row>', "9 rows and 16,385 columns"),
        ('<row r="1">' + "<c><v>1</v></c>" * 17_000 + "</row>", "1 rows and 16,385 columns"),
        ('<row r="4000000000"><c r="A4000000000"><v>1</v></c></row>', "4,000,000,000 rows and 1 columns"),
        ("<row><c r='A1048577'><v>1</v></c></row>", "1,048,577 rows"),
        (
            "".join(f'<x:row r="{row}"><x:c foo=">" r="XFD{row}"><x:v>1</x:v></x:c></x:row>' for row in range(1, 1300)),
            "1,221 rows and 16,384 columns",
        ),
    ],
    ids=["column", "next column", "cells without a place", "row", "next row", "cells far to the right"],
)
def test_a_sheet_of_absurd_size_is_refused(tmp_path: Path, rows: str, found: str) -> None:
    """What no sheet can have, or what would make a text of gigabytes; the sentence gives the size."""
    sentence = refusal(tmp_path, xlsx({"List": rows}))
    assert sentence.startswith("list.csv has a sheet of ")
    assert found in sentence
    assert "at most 20,000,000 cells are read. In Excel, open the sheet" in sentence


@pytest.mark.wide
def test_a_cell_in_the_last_row_is_read(tmp_path: Path) -> None:
    """Two cells far apart are no table of billions, but two cells."""
    rows = '<row r="1"><c r="A1" t="str"><v>phone</v></c></row><row r="1048576"><c r="A1048576"><v>12125550100</v></c></row>'
    assert cells(tmp_path, xlsx({"List": rows})) == [(1_048_576, "12125550100")]


def test_formats_far_away_do_not_make_a_sheet_large(tmp_path: Path) -> None:
    """A cell without content that was once coloured in is no cell."""
    rows = rows_xml(
        '<c r="A1" t="inlineStr"><is><t>phone</t></is></c><c r="XFD1" s="1"/>', '<c r="A2"><v>12125550100</v></c>'
    )
    raw = xlsx({"List": rows + '<row r="1048576"><c r="XFD1048576" s="1"/></row>'})
    assert cells(tmp_path, raw) == [(2, "12125550100")]


def test_a_workbook_bomb_is_refused_by_what_it_declares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that says that it is larger than any list is not unpacked at all."""
    monkeypatch.setattr(workbooks, "_INFLATED", 1_000_000)
    parts = xlsx_parts({"List": NAMED}) | {"xl/worksheets/sheet1.xml": b"<worksheet>" + b" " * 2_000_000}
    assert refusal(tmp_path, zipped(parts)).startswith("list.csv unpacks to more than 1 MB, which is the most")


def understated(raw: bytes, name: str, size: int) -> bytes:
    """The zip *raw* with *size* declared for the member *name*, in both places."""
    with zipfile.ZipFile(BytesIO(raw)) as archive:
        member = archive.getinfo(name)
    changed = bytearray(raw)
    struct.pack_into("<I", changed, member.header_offset + 22, size)
    entry = changed.index(b"PK\x01\x02")
    while changed[entry + 46 : entry + 46 + len(name)] != name.encode():
        entry = changed.index(b"PK\x01\x02", entry + 4)
    struct.pack_into("<I", changed, entry + 24, size)
    return bytes(changed)


def test_a_bomb_that_understates_itself_is_refused_while_unpacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The declared size is a claim: what comes out is counted."""
    monkeypatch.setattr(workbooks, "_INFLATED", 1_000_000)
    monkeypatch.setattr(formats, "_UNZIPPED", 1_000_000)
    parts = xlsx_parts({"List": NAMED}) | {"xl/worksheets/sheet1.xml": b"<worksheet>" + b" " * 5_000_000}
    raw = understated(zipped(parts), "xl/worksheets/sheet1.xml", 100)
    assert refusal(tmp_path, raw).startswith("list.csv unpacks to more than 1 MB")
    raw = understated(zipped({"list.csv": PLAIN + b"4155552671,\n" * 500_000}), "list.csv", 100)
    assert refusal(tmp_path, raw).startswith("list.csv unpacks to more than 1 MB")
    raw = understated(zipped({"list.csv": PLAIN * 1_000}), "list.csv", 100)
    assert "list.csv in it is 42,000 bytes long and should be 100" in refusal(tmp_path, raw)


BROKEN = "list.csv is an Excel workbook that cannot be read: it is broken. Save it again and drop that."


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        pytest.param(xlsx({"List": []}), "list.csv is empty. Fill a column called `phone`", id="empty"),
        pytest.param(xls({"List": []}), "list.csv is empty. Fill a column called `phone`", id="empty xls"),
        pytest.param(xlsx({"List": "<row r="}), BROKEN, id="XML cut off"),
        pytest.param(xlsx({"List": '<row r="1"><c r="A1" t="s"><v>9</v></c></row>'}), BROKEN, id="no such text"),
        pytest.param(xlsx({"List": "<row><c " + "a" * 600_000}), BROKEN, id="a tag that never ends"),
        pytest.param(
            zipped({name: part for name, part in xlsx_parts({"L": NAMED}).items() if "sheet1" not in name}),
            BROKEN,
            id="sheet missing",
        ),
        pytest.param(
            xlsx({"List": NAMED})[:-200], "list.csv is broken: it starts like a zip file and is", id="cut off"
        ),
        pytest.param(xls({"List": NAMED})[:1500], BROKEN, id="xls cut off"),
        pytest.param(xls({"List": NAMED})[:100], BROKEN, id="xls of a header"),
        pytest.param(
            ole(xls_stream({"List": NAMED}), damage=lambda table, at: table.__setitem__(at, at)),
            BROKEN,
            id="a directory in a circle",
        ),
        pytest.param(
            ole(xls_stream({"List": NAMED}), damage=lambda table, at: table.__setitem__(at + 3, at + 1)),
            BROKEN,
            id="a stream in a circle",
        ),
        pytest.param(ole(xls_stream({"List": NAMED}, record(0x0085, b"\0\0"))), BROKEN, id="a sheet nowhere"),
        pytest.param(
            ole(xls_stream({"List": NAMED}).replace(xls_cell(1, 0, 1), xls_cell(65535, 60000, 1))),
            "list.csv has a sheet of 65,536 rows and 60,001 columns",
            id="an xls bomb",
        ),
        pytest.param(
            ole(xls_stream({"List": NAMED}, record(0x002F, b"\1\0\1\0\1\0" + b"\0" * 48))),
            "list.csv is an Excel workbook locked with a password.",
            id="locked xls",
        ),
        pytest.param(
            ole(b"x" * 5_000, "EncryptedPackage"),
            "list.csv is an Excel workbook locked with a password.",
            id="locked xlsx",
        ),
        pytest.param(
            ole(b"x" * 5_000, "WordDocument"),
            "list.csv is a Word document;",
            id="a Word document",
        ),
        pytest.param(
            ole(b"x" * 5_000, "VisioDocument"),
            "list.csv is an old Office document and no Excel workbook;",
            id="a drawing",
        ),
    ],
)
def test_a_workbook_that_cannot_be_read_is_refused(tmp_path: Path, raw: bytes, sentence: str) -> None:
    """A sentence, whatever the reader beneath makes of it, and nothing left behind."""
    assert refusal(tmp_path, raw).startswith(sentence)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_workbook_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    """Bytes changed at random: no other error, and no crash."""
    rng = random.Random(seed)
    for raw in (xlsx({"List": TABLE}), xls({"List": TABLE}), zipped({"list.csv": PLAIN})):
        for _ in range(40):
            changed = bytearray(raw)
            for _ in range(rng.randint(1, 8)):
                changed[rng.randrange(4, len(changed))] = rng.randrange(256)
            with contextlib.suppress(ListRefused), opened(tmp_path, bytes(changed)) as reader:
                assert all(row.line >= 1 for row in reader.rows())
            assert [path.name for path in tmp_path.iterdir()] == ["list.csv"]


# --- how it goes on ---------------------------------------------------------------------------------------------------

LONG = b"phone,note\n" + b"4155552671,x\n" * 50_000
_ROW: list[str | float | None] = [4155552671, "x" * 40]
LONG_TABLE: Table = [["phone", "note"], *[_ROW] * 6_000]
CONVERTED = {
    "text": LONG,
    "UTF-16": codecs.BOM_UTF16_LE + LONG.decode().encode("utf-16-le"),
    "old line ends": LONG.replace(b"\n", b"\r"),
    "a zip": zipped({"list.csv": LONG}),
    "a workbook": xlsx({"List": LONG_TABLE}),
    "a workbook in a zip": zipped({"list.xlsx": xlsx({"List": LONG_TABLE})}),
    "a workbook whose phones come last": xlsx({"Old": [["note"]] * 10_000, "List": [["phone"], [4155552671]]}),
    "an old workbook": xls({"List": LONG_TABLE}),
}


@pytest.mark.wide_but_first
@pytest.mark.parametrize("kind", CONVERTED)
def test_a_conversion_says_that_it_goes_on(tmp_path: Path, kind: str) -> None:
    """
    Whoever waits hears of each piece before the first row is read, so that a large list is not taken for one that hangs.

    What is raised then, of any kind, is what ends the work; nothing is left.
    """
    path = tmp_path / "list"
    path.write_bytes(CONVERTED[kind])
    words: list[tuple[int, float]] = []
    stage(path, tmp_path / "scratch", country="US", column=None, progress=lambda *at: words.append(at)).delete()
    assert words.count((0, 0.0)) >= 2
    for error in (ListRefused("enough"), ValueError("enough"), OSError("enough"), KeyError("enough")):
        count = itertools.count()

        def end(*_: object, error: Exception = error, count: Iterator[int] = count) -> None:
            if next(count):
                raise error

        with pytest.raises(type(error), match="enough"):
            stage(path, tmp_path / "scratch", country="US", column=None, progress=end)
        assert list(tmp_path.iterdir()) == [path]


# --- zips -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("stops.csv", PLAIN),
        ("stops.txt", PLAIN.replace(b",", b"\t")),
        ("stops.csv", codecs.BOM_UTF16_LE + PLAIN.decode().encode("utf-16-le")),
        ("stops.xlsx", xlsx({"List": [["phone"], [4155552671], [], [4155552672]]})),
        ("stops.xls", xls({"List": [["phone"], [4155552671], [], [4155552672]]})),
    ],
)
def test_a_zip_with_one_list_is_read(tmp_path: Path, name: str, raw: bytes) -> None:
    """Whatever kind the list is, with what macOS and Windows add beside it; and that is said."""
    held = {f"Nov/{name}": raw, f"__MACOSX/Nov/._{name}": b"x", "Nov/.DS_Store": b"x", "Nov/Thumbs.db": b"x"}
    assert cells(tmp_path, zipped(held), "nov.zip") == [(2, "4155552671"), (4, "4155552672")]
    with opened(tmp_path, zipped(held), "nov.zip") as reader:
        assert reader.remarks[0] == f"{name} read, the one list in the zip file"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["nov.zip", "spool"]


def test_a_refusal_names_the_list_in_the_zip(tmp_path: Path) -> None:
    """The person knows both names."""
    assert refusal(tmp_path, zipped({"a/stops.csv": b"name\nAnn\n"}), "nov.zip").startswith(
        "stops.csv in nov.zip has no column called `phone`."
    )


def locked(raw: bytes) -> bytes:
    """The zip *raw* with its first member marked as encrypted."""
    changed = bytearray(raw)
    changed[6] |= 1
    changed[changed.index(b"PK\x01\x02") + 8] |= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (zipped({}), "list.csv is an empty zip file;"),
        (zipped({".hidden": b"x"}), "list.csv is a zip file with no list in it. Drop the list itself."),
        (
            zipped({f"{n}.csv": PLAIN for n in range(7)}),
            (
                "list.csv holds 7 files, and one list is expected: 0.csv, 1.csv, 2.csv, 3.csv, 4.csv and 2 more. Unpack it "
                "and drop each list by itself."
            ),
        ),
        (zipped({"in.zip": zipped({"a.csv": PLAIN})}), "in.zip in list.csv is a zip file itself. Unpack it and drop"),
        (locked(zipped({"a.csv": PLAIN})), "list.csv is locked with a password. Unpack it,"),
        (zipped({"a.csv": b""}), "a.csv in list.csv is empty."),
        (zipped({"a.pdf": b"%PDF-1.7\n"}), "a.pdf in list.csv is a PDF;"),
        (zipped({"a.csv": PLAIN * 100})[:-30], "list.csv is broken: it starts like a zip file and is none."),
        (zipped({"xl/workbook.bin": b"x"}), "list.csv is a binary Excel workbook (.xlsb);"),
        (zipped({"word/document.xml": b"x"}), "list.csv is a Word document;"),
        (
            zipped({"mimetype": b"x", "content.xml": b"x"}),
            "list.csv is an OpenDocument sheet that cannot be read: it is",
        ),
        (zipped({"Index/Document.iwa": b"x"}), "list.csv is an Apple Numbers document;"),
    ],
)
def test_a_zip_without_one_list_is_refused(tmp_path: Path, raw: bytes, sentence: str) -> None:
    """The sentence says what is in it."""
    assert refusal(tmp_path, raw).startswith(sentence)


def test_a_zip_of_too_many_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory is looked at, and nothing else."""
    monkeypatch.setattr(archives, "_MEMBERS", 3)
    raw = zipped({f"{n}.csv": PLAIN for n in range(4)})
    assert refusal(tmp_path, raw).startswith("list.csv holds 4 files, and one list is expected.")


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    """Ten gigabytes that are ten megabytes long: by what it declares, before a byte is unpacked."""
    raw = zipped({"list.csv": PLAIN})
    bomb = understated(raw, "list.csv", 4_000_000_000)
    assert refusal(tmp_path, bomb).startswith("list.csv unpacks to more than 1,000 MB, which is the most that is read.")
