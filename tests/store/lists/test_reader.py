"""From the bytes people drop to rows: every encoding, every dialect, and nothing lost in the damaged ones."""

import codecs
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.errors import ListRefused, StoreError
from store.lists.heading import NoPhoneColumn
from store.lists.reader import ListReader
from store.lists.records import Damaged, Row
from store.phones.numbers import Reason
from store.records import ImportedNote

BASE = 'phone,note\r\n+14155552671,hello\r\n415-555-2672,"two\r\nlines"\r\n(415) 555-2673,caf\u00e9\r\n'
NOON = datetime(2026, 11, 5, 14, 5, 9, tzinfo=UTC)
PHONES = [(2, "+14155552671"), (3, "415-555-2672"), (5, "(415) 555-2673")]


def reader(path: Path, raw: bytes, column: str | None = None) -> ListReader:
    file = path / "list.csv"
    file.write_bytes(raw)
    return ListReader(file, column=column)


def cells(path: Path, raw: bytes, column: str | None = None) -> list[tuple[int, str]]:
    """Line and phone cell of every row; damage is not expected."""
    found = list(reader(path, raw, column).rows())
    assert all(isinstance(row, Row) for row in found), found
    return [(row.line, row.cell) for row in found if isinstance(row, Row)]


def refusal(path: Path, raw: bytes, column: str | None = None) -> ListRefused:
    with pytest.raises(ListRefused) as caught:
        reader(path, raw, column)
    assert isinstance(caught.value, StoreError)
    return caught.value


# --- ugly files that are read -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "remarks"),
    [
        pytest.param(BASE.encode(), [], id="UTF-8"),
        pytest.param(codecs.BOM_UTF8 + BASE.encode(), [], id="UTF-8 with BOM"),
        pytest.param(
            codecs.BOM_UTF16_LE + BASE.replace(",", "\t").encode("utf-16-le"),
            ["read as UTF-16-LE", "tabs between columns"],
            id="Excel's Unicode text",
        ),
        pytest.param(codecs.BOM_UTF16_BE + BASE.encode("utf-16-be"), ["read as UTF-16-BE"], id="UTF-16 BE"),
        pytest.param(BASE.encode("utf-16-le"), ["read as UTF-16-LE"], id="UTF-16 LE without BOM"),
        pytest.param(BASE.encode("utf-16-be"), ["read as UTF-16-BE"], id="UTF-16 BE without BOM"),
        pytest.param(codecs.BOM_UTF32_LE + BASE.encode("utf-32-le"), ["read as UTF-32-LE"], id="UTF-32"),
        pytest.param(BASE.encode("cp1252"), ["read as Windows-1252, since it is not UTF-8"], id="Windows-1252"),
        pytest.param(BASE.replace(",", ";").encode(), ["semicolons between columns"], id="semicolons"),
        pytest.param(BASE.replace(",", "\t").encode(), ["tabs between columns"], id="tabs"),
        pytest.param(BASE.replace(",", "|").encode(), ["pipes between columns"], id="pipes"),
        pytest.param(BASE.replace("\r\n", "\n").encode(), [], id="LF"),
        pytest.param(BASE.replace("\r\n", "\r").encode(), [], id="CR only"),
        pytest.param(BASE.rstrip().encode(), [], id="no newline at the end"),
        pytest.param(BASE.replace("hello", "hel\0lo").encode(), [], id="NULs"),
        pytest.param(BASE.replace("hello", '5" pipe').encode(), [], id="a quote inside a cell"),
        pytest.param(BASE.replace("hello", '"a"b').encode(), [], id="text after a quoted cell"),
        pytest.param(BASE.replace("hello", "a,b,c").encode(), [], id="more cells than the header"),
        pytest.param(BASE.replace(",hello", "").encode(), [], id="fewer cells than the header"),
        pytest.param(BASE.replace("hello", "x" * 200_000).encode(), [], id="a cell of 200,000 characters"),
        pytest.param(
            BASE.replace("phone,", "Phone ,").encode(), ["column 'Phone ' read as phone"], id="Phone and a blank"
        ),
        pytest.param(
            BASE.replace("phone,", '"PHONE",').encode(), ["column 'PHONE' read as phone"], id="PHONE in quotes"
        ),
    ],
)
def test_an_ugly_file_gives_the_same_rows(tmp_path: Path, raw: bytes, remarks: list[str]) -> None:
    """Whatever wrote the file, the same phones come out on the lines an editor shows; what was forgiven is said."""
    list_ = reader(tmp_path, raw)
    assert [(row.line, row.cell) for row in list_.rows() if isinstance(row, Row)] == PHONES
    assert list_.remarks == remarks
    assert list_.has_header
    assert len(list_.columns) == 2
    assert list_.columns[0] == list_.phone_column


def test_names_survive_their_encoding(tmp_path: Path) -> None:
    """The cells are given back as they were, for the file of unreadable rows."""
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        last = list(reader(tmp_path, BASE.encode(encoding)).rows())[-1]
        assert isinstance(last, Row)
        assert last.cells == ("(415) 555-2673", "café")


def test_windows_1252_is_told_at_the_last_byte(tmp_path: Path) -> None:
    """One stray byte a megabyte into the file decides, even a character cut off at its very end."""
    body = b"phone,note\n" + b"4155552671,x\n" * 100_000
    assert reader(tmp_path, body + b"4155552671,caf\xe9\n").encoding == "cp1252"
    assert reader(tmp_path, body + b"4155552671,caf\xc3").encoding == "cp1252"
    assert reader(tmp_path, body + b"4155552671,caf\xc3\xa9").encoding == "utf-8"


def test_damage_behind_a_bom_stays_utf_8(tmp_path: Path) -> None:
    """A file that says it is UTF-8 is; one bad byte in a name spoils that character only."""
    list_ = reader(tmp_path, codecs.BOM_UTF8 + b"phone,note\n4155552671,caf\xe9\n4155552672,caf\xc3\xa9\n")
    rows = [row for row in list_.rows() if isinstance(row, Row)]
    assert [row.cells[1] for row in rows] == ["caf\ufffd", "café"]
    assert list_.remarks == ["some characters are damaged"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"sep=;\r\nName;phone\r\nA,1;4155552671\r\n", [(3, "4155552671")], id="sep= line"),
        pytest.param(
            b"\n\nphone\n\n4155552671\n ,\n\n4155552672\n\n", [(5, "4155552671"), (8, "4155552672")], id="blanks"
        ),
        pytest.param(
            b"phone,note\n4155552671,\n,,\n4155552672,\n", [(2, "4155552671"), (4, "4155552672")], id="empty cells"
        ),
        pytest.param(
            b"My list\nOctober 2026,,\nphone,a,b\n4155552671,,\n", [(4, "4155552671")], id="a title above the header"
        ),
        pytest.param(b"\"Ann's list\nphone,a\n4155552671,x\n", [(3, "4155552671")], id="a stray quote in the title"),
        pytest.param(
            b'"My\nlist"\n"phone\n",a\n4155552671,x\n', [(5, "4155552671")], id="a title and a header of two lines"
        ),
        pytest.param(
            b"name,phone\nAnn\nBob,4155552671\n", [(2, ""), (3, "4155552671")], id="too short to have a phone"
        ),
        pytest.param(b"name,phone\nSmith, Ann,4155552671\n", [(2, " Ann")], id="a comma in a name"),
        pytest.param(
            b'note,phone\n"a\nb",4155552671\n"c\n4155552672 d",4155552673\n',
            [(2, "4155552671"), (4, "4155552673")],
            id="quoted lines before the phone",
        ),
        pytest.param(
            b'phone,note\n4155552671,"call after six:\n4155552672 or so"\n', [(2, "4155552671")], id="a phone in a note"
        ),
        pytest.param(
            b'"phone","note"\n"4155552671","a ""b"" c"\n"4155552672",""\n',
            [(2, "4155552671"), (3, "4155552672")],
            id="everything quoted",
        ),
        pytest.param(b'phone\n"4155552671"\n4155552672,Ann\n', [(2, "4155552671"), (3, "4155552672")], id="one column"),
        pytest.param(
            b'phone\n4155552671,4155552672\n"4155552673",4155552674\n',
            [(2, "4155552671,4155552672"), (3, "4155552673,4155552674")],
            id="two phones in one column stay together",
        ),
        pytest.param(b"type,phone\nphone,4155552671\n", [(2, "4155552671")], id="the word in a cell"),
        pytest.param(b"phone,phone type\n4155552671,phone\n", [(2, "4155552671")], id="the word in another name"),
        pytest.param(
            (",".join(f"c{n}" for n in range(9_999)) + ",phone\n" + "x," * 9_999 + "4155552671\n").encode(),
            [(2, "4155552671")],
            id="10,000 columns",
        ),
    ],
)
def test_a_strange_layout_is_read(tmp_path: Path, raw: bytes, expected: list[tuple[int, str]]) -> None:
    """The header may stand lower, rows may be ragged: each phone is found with its line."""
    assert cells(tmp_path, raw) == expected


def test_bare_numbers_need_no_header(tmp_path: Path) -> None:
    """A text file with a number a line is a list; a line with two stays one cell, to be refused as two."""
    list_ = reader(tmp_path, b"4155552671\n\n(415) 555-2672\n415-555-2673, 415-555-2674\nAnn\n")
    assert not list_.has_header
    assert (list_.columns, list_.phone_column) == (("phone",), "phone")
    assert list_.remarks == ["no header: every line read as a phone"]
    assert [(row.line, row.cell) for row in list_.rows() if isinstance(row, Row)] == [
        (1, "4155552671"),
        (3, "(415) 555-2672"),
        (4, "415-555-2673, 415-555-2674"),
        (5, "Ann"),
    ]


def test_one_column_of_numbers_may_have_empty_ones_beside_it(tmp_path: Path) -> None:
    """A spreadsheet writes the commas of columns that nobody filled."""
    assert cells(tmp_path, b"4155552671,,\n,,\n4155552672,,\n") == [(1, "4155552671"), (3, "4155552672")]


def test_a_thrutext_export_is_known(tmp_path: Path) -> None:
    """The texting platform's own export has its phones in contact_phone."""
    raw = b"timestamp,contact_id,contact_first_name,contact_last_name,contact_phone,conversation_id,note,opt_out_type\n1,2,A,B,+14155552671,3,n,manual\n"
    assert cells(tmp_path, raw) == [(2, "+14155552671")]
    assert reader(tmp_path, raw).remarks == ["read as a ThruText export, with its phones in contact_phone"]


THRUTEXT = (
    "timestamp,contact_id,contact_first_name,contact_last_name,contact_phone,conversation_id,note,opt_out_type,phone"
)


@pytest.mark.parametrize(
    ("timestamp", "note", "kind", "carried"),
    [
        ("2026-11-05T14:05:09Z", "wrong number", "manual", (NOON, "wrong number · opt_out_type: manual")),
        ("2026-11-05 14:05:09", "", "manual", (NOON, "opt_out_type: manual")),
        ("2026-11-05 14:05:09 UTC", "", "", (NOON, None)),
        ("2026-11-05 14:05:09 +0000", "n", "", (NOON, "n")),
        ("2026-11-05T09:05:09-05:00", "n", "", (NOON, "n")),
        ("2026-11-05T09:05:09.000-0500", "n", "", (NOON, "n")),
        ("11/5/2026 2:05:09 PM", "n", "", (NOON, "n")),
        ("11/05/2026, 2:05:09 pm UTC", "n", "", (NOON, "n")),
        ("11/5/2026 14:05:09", "n", "", (NOON, "n")),
        ("11/5/2026 12:05 AM", "", "", (datetime(2026, 11, 5, 0, 5, tzinfo=UTC), None)),
        ("11/5/2026", "", "", (datetime(2026, 11, 5, tzinfo=UTC), None)),
        ("2026-11-05", "", "", (datetime(2026, 11, 5, tzinfo=UTC), None)),
        ("25/12/2026 10:00", "n", "auto", (None, "n · opt_out_type: auto · timestamp: 25/12/2026 10:00")),
        ("11/5/2026 14:05 PM", "", "", (None, "timestamp: 11/5/2026 14:05 PM")),
        ("11/5/26 2:05 PM", "", "", (None, "timestamp: 11/5/26 2:05 PM")),
        ("2026-13-05T00:00:00Z", "", "", (None, "timestamp: 2026-13-05T00:00:00Z")),
        ("0001-01-01T00:00:00+10:00", "", "", (None, "timestamp: 0001-01-01T00:00:00+10:00")),
        ("46331.5", "", "", (None, "timestamp: 46331.5")),
        ("yesterday", " two  blanks ", "", (None, " two  blanks  · timestamp: yesterday")),
        ("", "", " ", (None, None)),
    ],
)
def test_a_thrutext_export_keeps_time_note_and_type(
    tmp_path: Path, timestamp: str, note: str, kind: str, carried: tuple[datetime | None, str | None]
) -> None:
    """The time in UTC, the note and the type word for word; a time that cannot be read is kept in the note."""
    raw = f'{THRUTEXT}\n"{timestamp}",2,A,B,+14155552671,3,"{note}",{kind},x\n'.encode()
    with reader(tmp_path, raw) as list_:
        (row,) = list_.rows()
        assert isinstance(row, Row)
        assert row.cell == "+14155552671"
        assert list_.carries
        assert list_.carried(row.cells) == ImportedNote(*carried)
        assert list_.carried(()) == ImportedNote(None, None)


def test_a_thrutext_export_is_known_in_any_dress(tmp_path: Path) -> None:
    """Saved again by a spreadsheet, with custom fields, a line above, or read by another column."""
    raw = (
        b"Opt-outs\r\n"
        + THRUTEXT.replace(",", ";").upper().encode()
        + b"\r\n1;2;A;B;4155552671;3;n;auto;4155552672\r\n"
    )
    assert cells(tmp_path, raw) == [(3, "4155552671")]
    assert cells(tmp_path, raw, "phone") == [(3, "4155552672")]
    assert reader(tmp_path, raw, "phone").carries


def test_other_lists_carry_nothing(tmp_path: Path) -> None:
    """A column called note is a column like any other."""
    list_ = reader(tmp_path, b"phone,note,timestamp\n4155552671,n,2026-11-05\n")
    assert not list_.carries
    assert list_.carried(("4155552671", "n", "2026-11-05")) is None


def test_the_column_a_person_chose_is_read(tmp_path: Path) -> None:
    """A choice goes before `phone`, by its name as it was shown, in any case."""
    raw = b"phone,Mobile \n4155552671,4155552672\n"
    assert cells(tmp_path, raw, "Mobile") == [(2, "4155552672")]
    assert cells(tmp_path, raw, "mobile") == [(2, "4155552672")]
    assert reader(tmp_path, raw, "Mobile").remarks == []
    assert (
        refusal(tmp_path, raw, "Cell")
        .args[0]
        .startswith("list.csv has no column called `Cell`. It has: phone, Mobile.")
    )


@pytest.mark.wide
def test_progress_ends_at_the_size(tmp_path: Path) -> None:
    """`bytes_read` grows up to `size`, and rows can be read twice."""
    list_ = reader(tmp_path, b"phone\n" + b"4155552671\n" * 300_000)
    seen = []
    for number, _ in enumerate(list_.rows()):
        if number % 50_000 == 0:
            seen.append(list_.bytes_read)
    assert seen == sorted(seen)
    assert 0 < seen[1] < seen[-1] < list_.size == list_.bytes_read
    assert sum(1 for _ in list_.rows()) == 300_000


# --- quotes that swallow rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "phones"),
    [
        pytest.param(
            b'phone,note\n4155552671,"oops\n4155552672,b\n4155552673,c\n',
            ["4155552671", "4155552672", "4155552673"],
            id="to the end",
        ),
        pytest.param(
            b'phone,note\n4155552671,"oops\n4155552672,"b"\n4155552673,c\n',
            ["4155552671", "4155552672", "4155552673"],
            id="to the next quote",
        ),
        pytest.param(
            b'phone,note\n4155552671,"oops\n4155552672,b"\n4155552673,c\n',
            ["4155552671", "4155552672", "4155552673"],
            id="closed by a stray quote",
        ),
        pytest.param(
            b'name,phone\n"Ann,4155552671\nBob",4155552672\nC,4155552673\n',
            ["4155552671", "4155552672", "4155552673"],
            id="before the phone",
        ),
        pytest.param(
            b'"name","phone"\n"Ann,"4155552671"\n"Bob","4155552672"\n',
            ["4155552671", "4155552672"],
            id="one quote missing",
        ),
        pytest.param(b'phone,note\n4155552671,"oops', ["4155552671"], id="on the last line"),
        pytest.param(b'phone\n"4155552671\n4155552672\n', ["4155552671", "4155552672"], id="one column"),
        pytest.param(b"phone,note\n" + b'4155552671,"\n' * 3, ["4155552671"] * 3, id="on every line"),
    ],
)
def test_an_unclosed_quote_swallows_no_row(tmp_path: Path, raw: bytes, phones: list[str]) -> None:
    """The line a quote opens on is read without it, what follows is read again, and that is said."""
    list_ = reader(tmp_path, raw)
    found = list(list_.rows())
    assert [row.cell for row in found if isinstance(row, Row)] == phones
    assert [row.line for row in found] == list(range(2, 2 + len(phones)))
    assert list_.remarks == ["from line 2 on, quotes that never close are read as text"]


def test_a_swallow_of_a_million_characters_is_undone(tmp_path: Path) -> None:
    """However far the next quote is: memory stays bounded and every row comes out."""
    raw = b'phone,note\n4155552671,"oops\n' + b"4155552672,b\n" * 100_000
    assert sum(isinstance(row, Row) for row in reader(tmp_path, raw).rows()) == 100_001


def test_a_line_that_cannot_be_trusted_is_given_back_whole(tmp_path: Path) -> None:
    """When quotes hide where the phone is, nothing is guessed: the line comes out as damage."""
    found = list(reader(tmp_path, b'name,phone,city\nAnn,"4155552671,NY,USA\nBob,4155552672,LA\n').rows())
    assert found == [
        Damaged(
            2, 'Ann,"4155552671,NY,USA', Reason.OPEN_QUOTE, "its quotes do not match: a quote opens and never closes"
        ),
        Row(3, "4155552672", ("Bob", "4155552672", "LA")),
    ]


def test_phones_in_the_header_are_named(tmp_path: Path) -> None:
    """A list that lies on its side: what is a phone there is not read, and not dropped in silence either; a day is no phone."""
    first = next(reader(tmp_path, b"phone,2125550101,20241105\n2125550102,1,2\n").rows())
    reason = "a phone number among the names of the columns, where no row is read"
    assert first == Damaged(1, "phone,2125550101,20241105", Reason.ABOVE_HEADER, reason)
    assert all(isinstance(row, Row) for row in reader(tmp_path, b"phone,20241105\n2125550102,1\n").rows())


def test_a_phone_hidden_in_a_quoted_cell_is_reported(tmp_path: Path) -> None:
    """What may be a swallowed row, or a note with a phone in it, opts nobody out and is shown to a person."""
    found = list(reader(tmp_path, b'note,phone\n"c\n4155552672, d",4155552673\n').rows())
    assert found == [
        Row(2, "4155552673", ("c\n4155552672, d", "4155552673")),
        Damaged(
            2,
            '"c\n4155552672, d",4155552673',
            Reason.HIDDEN_IN_CELL,
            "a phone number inside a quoted cell of several lines was not read",
        ),
    ]


NOTES = {
    "plain": b"x" * 5_000_000,
    "in quotes": b'"' + b"x,y" * 1_700_000 + b'"',
    "with quotes in quotes": b'"' + b'a ""b"", ' * 600_000 + b'"',
    "in another script": "\u043d\u0435\u0442 ".encode() * 700_000,
    "of digits": b"1" * 5_000_000,
    "of separators of another kind": b"a;b\t" * 1_250_000,
}


@pytest.mark.wide_but_first
@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("columns", ["phone,note,b", "note,phone,b"])
def test_a_phone_beside_a_note_of_megabytes_is_read(tmp_path: Path, note: str, columns: str) -> None:
    """Before the note or behind it, and the rows round it as well: what is shown of the note is its beginning."""
    cells = {"phone": b"4155552671", "note": NOTES[note], "b": b"end"}
    line = b",".join(cells[name] for name in columns.split(","))
    raw = columns.encode() + b"\n1,1,x\n" + line + b"\n" + b"4155552672,4155552673,c\n" * 3
    rows = list(reader(tmp_path, raw).rows())
    assert [row.line for row in rows] == [2, 3, 4, 5, 6]
    long = rows[1]
    assert isinstance(long, Row)
    assert (long.cell, long.cells[2]) == ("4155552671", "end")
    shown = long.cells[columns.split(",").index("note")]
    assert shown.endswith("\u2026")
    assert len(shown.encode()) < 33_000
    assert NOTES[note].decode().replace('""', '"').lstrip('"').startswith(shown[:-1])


@pytest.mark.wide
def test_a_line_of_cells_without_end_is_one_row(tmp_path: Path) -> None:
    """Its phone is read where it stands among the first; else the line is named, and the list goes on."""
    raw = b"phone,note\n" + b"4155552671," * 300_000 + b"\n4155552672,b\n"
    assert [(row.line, row.cell) for row in reader(tmp_path, raw).rows() if isinstance(row, Row)] == [
        (2, "4155552671"),
        (3, "4155552672"),
    ]
    names = b",".join(b"c%d" % number for number in range(70_000)) + b",phone\n"
    header = names + b"1," * 70_000 + b"4155552672\n"
    assert isinstance(refusal(tmp_path, header), NoPhoneColumn)
    long = b"note,phone\n" + b'"' + b'""' * 20 + b'"x' * 700_000 + b",4155552671\n4155552672,4155552673\n"
    first, second = reader(tmp_path, long).rows()
    assert isinstance(second, Row)
    assert first.line == 2


def test_a_line_whose_phone_was_not_reached_is_named(tmp_path: Path) -> None:
    """Of a line of too many cells, before the phone's: it is unreadable, with its reason, and the next line is read."""
    wide = b"a" * 32_000 + b","
    columns = b"".join(b"c%d," % number for number in range(40))
    raw = columns + b"phone\n" + wide * 40 + b"4155552671\n" + b"," * 40 + b"4155552672\n"
    first, second = reader(tmp_path, raw).rows()
    assert isinstance(first, Damaged)
    assert (first.line, first.code) == (2, Reason.TOO_LONG)
    assert isinstance(second, Row)
    assert second.cell == "4155552672"


def test_phones_above_the_header_are_reported(tmp_path: Path) -> None:
    """Two lists pasted together: what stands above the header is not read, and not dropped in silence either."""
    found = list(reader(tmp_path, b"Ann,4155552671\nname,phone\nBob,4155552672\n").rows())
    assert found == [
        Damaged(1, "Ann,4155552671", Reason.ABOVE_HEADER, "above the header, which is on line 2"),
        Row(3, "4155552672", ("Bob", "4155552672")),
    ]


# --- refused files ----------------------------------------------------------------------------------------------------

SAVE = "a list is a CSV file or an Excel workbook with a column called `phone`."


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "list.csv is empty. Fill a column called `phone`, one phone a line, and drop the file again."),
        (codecs.BOM_UTF8, "list.csv is empty."),
        (codecs.BOM_UTF16_LE, "list.csv is empty."),
        (b" \r\n\r\n", "list.csv is empty."),
        (b"phone\n", "list.csv has a header but no rows. A list has its phones below the header, one a line"),
        (b"phone,note\r\n\r\n,,\r\n", "list.csv has a header but no rows."),
        (
            b"PK\x03\x04\x14\0\x06\0[Content_Types].xml",
            "list.csv is broken: it starts like a zip file and is none. Save or download it again",
        ),
        (b"%PDF-1.7\n", f"list.csv is a PDF; {SAVE} Drop the list that it was made"),
        (b"\x89PNG\r\n\x1a\n", "list.csv is an image;"),
        (b"\xff\xd8\xff\xe0", "list.csv is an image;"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "list.csv is an Excel workbook that cannot be read: it is broken. Save it again"),
        (b";;;\n" * 1000, "list.csv has nothing but blanks and separators in its first 200 lines."),
        (b",,,\n,,,", "list.csv has nothing but blanks and separators in it. A list has a line with the names"),
        (b"sep=;\n;;\n", "list.csv has nothing but blanks and separators in it."),
        (
            b"\n" * 300 + b"phone\n4155552671\n",
            "list.csv has nothing but blanks and separators in its first 200 lines.",
        ),
        (b"\x1f\x8b\x08", "list.csv is a compressed file;"),
        (bytes(range(1, 256)) * 40, "list.csv is not text;"),
        (b"\n <!DOCTYPE html><html><title>Sign in", f"list.csv is a web page; {SAVE} Download the list itself"),
        (codecs.BOM_UTF8 + b"<html>", "list.csv is a web page;"),
        (b"4" * 17_500_000, "list.csv has more than 16,777,216 characters on line 1. A list has one phone a line"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, raw: bytes, sentence: str) -> None:
    """The sentence says what the file is, what a list is and what to do."""
    assert str(refusal(tmp_path, raw)).startswith(sentence)


@pytest.mark.parametrize(
    ("raw", "columns", "likely", "sentence"),
    [
        (
            b"Name,Mobile,City\nAnn,(415) 555-2671,NY\nBob,415-555-2672,LA\n",
            ("Name", "Mobile", "City"),
            "Mobile",
            (
                "list.csv has no column called `phone`. It has: Name, Mobile, City. Mobile looks like phone numbers: use it, "
                "or rename it to `phone` and drop the file again."
            ),
        ),
        (
            b"Name;City\nAnn;NY, USA\n",
            ("Name", "City"),
            None,
            (
                "list.csv has no column called `phone`. It has: Name, City. Rename the column with the phones to `phone` and "
                "drop the file again."
            ),
        ),
        (
            b"numbers\n4155552671\n",
            ("numbers",),
            "numbers",
            "list.csv has no column called `phone`. It has: numbers. numbers",
        ),
        (
            b"Ann,4155552671\nBob,4155552672\n",
            (),
            None,
            "list.csv has no header: its first line has a phone number in it",
        ),
        (b"4155552671, 4155552672, 4155552673", (), None, "list.csv has no header:"),
        (
            (",".join(f"column {n}" for n in range(10_000)) + "\n").encode(),
            tuple(f"column {n}" for n in range(10_000)),
            None,
            (
                "list.csv has no column called `phone`. It has: column 0, column 1, column 2, column 3, column 4, column 5, "
                "column 6, column 7, column 8, column 9 and 9,990 more. Rename"
            ),
        ),
        (
            b"a" * 200_000 + b"\nx\n",
            ("a" * 32_767 + "\u2026",),
            None,
            f"list.csv has no column called `phone`. It has: {'a' * 39}…. Rename",
        ),
    ],
)
def test_a_list_without_a_phone_column_is_refused(
    tmp_path: Path, raw: bytes, columns: tuple[str, ...], likely: str | None, sentence: str
) -> None:
    """The columns found are named, not too many of them, and the one that looks like phones is suggested."""
    error = refusal(tmp_path, raw)
    assert isinstance(error, NoPhoneColumn)
    assert (error.columns, error.likely) == (columns, likely)
    assert str(error).startswith(sentence)


def test_a_refusal_names_the_file_as_people_do(tmp_path: Path) -> None:
    """The scratch file's name means nothing to the person who dropped nov-stops.csv."""
    (tmp_path / "tmp1234").write_bytes(b"")
    with pytest.raises(ListRefused, match=r"^nov-stops\.csv is empty"):
        ListReader(tmp_path / "tmp1234", name="nov-stops.csv")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nothing but ListRefused is raised, before the first row or after it."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            list_ = reader(Path(directory), b"phone,note\n" + raw)
        except ListRefused:
            return
        for row in list_.rows():
            assert row.line >= 1
