"""Workbooks row by row: what cells show, and that nothing that stands in one takes memory, leads elsewhere or stops it."""

import datetime as dt
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from store.errors import ListRefused
from store.lists import archives, workbooks
from store.lists.formats import as_text
from store.lists.number_formats import iso_text
from tests.store.lists.workbooks import Table, xlsx, xlsx_parts, zipped

_SHARED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
# What reading any workbook may take beyond what the process had, in MB; two lanes may have 250 with their interpreters.
_MOST = 60


def text_of(directory: Path, raw: bytes | Path, name: str = "list.xlsx") -> str:
    """The text that the list *raw* becomes."""
    path = directory / "list" if isinstance(raw, bytes) else raw
    if isinstance(raw, bytes):
        path.write_bytes(raw)
    text = as_text(path, name, "phone", directory / "spool")
    return text.path.read_text(text.encoding, text.errors)


def refusal(directory: Path, raw: bytes | Path, name: str = "list.xlsx") -> str:
    with pytest.raises(ListRefused) as caught:
        text_of(directory, raw, name)
    assert not (directory / "spool").exists()
    assert {path.name for path in directory.iterdir()} <= {"list"}, "nothing is left beside the list"
    return str(caught.value)


def with_texts(rows: str, texts: bytes) -> dict[str, bytes]:
    """The parts of a workbook with these rows and this content of its shared texts."""
    parts = xlsx_parts({"List": rows})
    place = "xl/_rels/workbook.xml.rels"
    relation = f'<Relationship Id="st" Type="{_SHARED}" Target="sharedStrings.xml"/></Relationships>'
    parts[place] = parts[place].replace(b"</Relationships>", relation.encode())
    return parts | {"xl/sharedStrings.xml": b"<sst>" + texts + b"</sst>"}


FIRST = '<row r="1"><c r="A1" t="str"><v>phone</v></c></row>'


# What cells show


def calamine_says(raw: bytes) -> list[list[str]]:
    """The rows as a library of others reads them, as text, without what is empty on the right."""
    sheet = CalamineWorkbook.from_filelike(BytesIO(raw)).get_sheet_by_index(0)
    left = [""] * (sheet.start[1] if sheet.start else 0)
    return [left + [shown(value) for value in row] for row in sheet.iter_rows()] if sheet.start else []


def shown(value: object) -> str:
    match value:
        case bool():
            return str(value).upper()
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case float() if abs(value) >= 1e15:
            return f"{value:.14E}"
        case dt.datetime() | dt.date():
            return iso_text(value.isoformat())
        case dt.time():
            return value.isoformat()
    return " ".join(str(value).replace("\r", "\n").replace("\t", "\n").split("\n"))


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**14),
    st.floats(-1e20, 1e20, allow_subnormal=False),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn")), max_size=20).filter(
        lambda text: text.strip() and not text.startswith(("#", "<")) and "_x" not in text and ">" not in text
    ),
    st.builds(lambda day, of: f'<c s="{of}"><v>{day}</v></c>', st.integers(1, 2_000_000), st.sampled_from("12")),
    st.builds(lambda cell: f'<c s="1"><v>{cell / 86_400}</v></c>', st.integers(86_400 * 61, 86_400 * 60_000)),
)


@given(table=st.lists(st.lists(CELLS, max_size=5), max_size=6))
def test_cells_are_what_another_reader_sees(table: Table, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Text, numbers, truth and dates in any place are what python-calamine makes of them."""
    directory = tmp_path_factory.mktemp("parity")
    raw = xlsx({"List": [["phone", "x"], *table]})
    rows = [line.split("\t") for line in text_of(directory, raw).removesuffix("\n").split("\n")]
    expected = calamine_says(raw)
    unquoted = [
        [cell[1:-1].replace('""', '"') if cell.startswith('"') and len(cell) > 1 else cell for cell in row]
        for row in rows
    ]

    def trimmed(all_rows: list[list[str]]) -> list[list[str]]:
        trimmed = [" \0".join(row).rstrip(" \0").split(" \0") for row in all_rows]
        return [[cell.strip() for cell in row] for row in trimmed]

    assert trimmed(unquoted) == trimmed(expected)[: len(unquoted)]


def test_shared_texts_are_joined_and_not_spoken(tmp_path: Path) -> None:
    """A text of several runs is one, how it is spoken is no part of it, and an escaped line end is a blank."""
    texts = "<si><t>pho</t><t>ne</t></si><si><r><t>Kö</t></r><r><t>ln_x000A_1</t></r><rPh><t>no</t></rPh></si><si/><si><t/></si>"
    rows = "".join(f'<row><c t="s"><v>{number}</v></c><c><v>1</v></c></row>' for number in range(4))
    assert text_of(tmp_path, zipped(with_texts(rows, texts.encode()))) == "phone\t1\nKöln 1\t1\n\t1\n\t1\n"


def test_texts_are_found_in_any_order(tmp_path: Path) -> None:
    """Ten thousand texts, asked for backwards and all over, more of them than are held at once."""
    size = 10_000
    texts = "".join(f"<si><t>{'x' * 1_500}{number}</t></si>" for number in range(size))
    order = [number * 7919 % size for number in range(2_000)]
    rows = FIRST + "".join(f'<row><c t="s"><v>{number}</v></c></row>' for number in order)
    found = text_of(tmp_path, zipped(with_texts(rows, texts.encode()))).split("\n")[1:-1]
    assert found == ["x" * 1_500 + str(number) for number in order]


def test_a_formula_shows_what_was_computed(tmp_path: Path) -> None:
    """Excel keeps the value beside a formula; one that no program ever computed is shown itself, and not passed over."""
    rows = FIRST + (
        '<row><c><f>1+1</f><v>12125550100</v></c></row><row><c t="str"><f>A1&amp;"x"</f><v>12125550101</v></c></row>'
        '<row><c><f>"+1"&amp;B2</f></c></row><row><c><f t="shared" si="0"/></c></row>'
    )
    assert text_of(tmp_path, xlsx({"List": rows})).split("\n")[1:5] == [
        "12125550100",
        "12125550101",
        '"=""+1""&B2"',
        "=…",
    ]


def test_dates_of_1904_and_of_the_days_that_were_not(tmp_path: Path) -> None:
    """Workbooks of old Macs count from 1904; others have a 29 February 1900; elapsed time is no date."""
    parts = xlsx_parts({"List": FIRST + '<row><c s="2"><v>1</v></c></row><row><c s="1"><v>0.25</v></c></row>'})
    assert text_of(tmp_path, zipped(parts)) == "phone\n1900-01-01\n06:00:00\n"
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b"<sheets>", b'<workbookPr date1904="1"/><sheets>')
    assert text_of(tmp_path, zipped(parts)).split("\n")[1] == "1904-01-02"
    styles = (
        '<styleSheet><numFmts><numFmt numFmtId="170" formatCode="[h]:mm"/><numFmt numFmtId="171" formatCode="0 &quot;days&quot;"/>'
        '<numFmt numFmtId="172" formatCode="[$-409]d/m/yy;@"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
        '<cellXfs><xf numFmtId="170"/><xf numFmtId="171"/><xf numFmtId="172"/></cellXfs></styleSheet>'
    )
    rows = FIRST + "".join(f'<row><c s="{style}"><v>61.5</v></c></row>' for style in range(4))
    parts = xlsx_parts({"List": rows}) | {"xl/styles.xml": styles.encode()}
    assert text_of(tmp_path, zipped(parts)).split("\n")[1:5] == [
        "61 days, 12:00:00",
        "61.5",
        "1900-03-01 12:00:00",
        "61.5",
    ]


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        ('"+"0', "447400123401", "+447400123401"),
        ("+0", "447400123401", "+447400123401"),
        ("\\+#", "447400123401", "+447400123401"),
        ('"+"General', "447400123401", "+447400123401"),
        ('"+1 "(000) 000-0000', "2125550101", "+12125550101"),
        ('"+49 "0;-0', "15112345678", "+4915112345678"),
        ("00000000000", "7400123401", "07400123401"),
        ("0000 000 0000;@", "7400123401", "07400123401"),
        ('"0"000000000', "612345678", "0612345678"),
        ("[$-407]0000000000", "612345678", "0612345678"),
        ("000-000-0000", "2125550101", "2125550101"),
        ("[<=9999999]000-0000;(000) 000-0000", "2125550101", "2125550101"),
        ("(###) ###-####", "2125550101", "2125550101"),
        ("General", "2125550101", "2125550101"),
        ('"Line 2: "0', "2125550101", "2125550101"),
        ("#,##0", "2125550101", "2125550101"),
        ('"+"0.00', "2125550101", "2125550101"),
        ("0.00E+00", "2125550101", "2125550101"),
        ('"+"0', "2125550101.5", "2125550101.5"),
        ('"+"0', "-5", "-5"),
        ('0" ext. 5"', "2125550101", "2125550101"),
        ('"' + "1" * 900 + '"0', "2125550101", "2125550101"),
        ("0" * 900, "2125550101", "2125550101"),
        ('"', "2125550101", "2125550101"),
        ("\\", "2125550101", "2125550101"),
        ("_", "2125550101", "2125550101"),
        ("[", "2125550101", "2125550101"),
    ],
)
def test_a_number_is_shown_with_its_plus_and_noughts(tmp_path: Path, code: str, value: str, shown: str) -> None:
    """What a format puts before the digits is part of the phone that a person reads; brackets and dashes are not."""
    escaped = code.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    styles = (
        f'<styleSheet><numFmts><numFmt numFmtId="170" formatCode="{escaped}"/></numFmts>'
        '<cellXfs><xf numFmtId="170"/></cellXfs></styleSheet>'
    )
    parts = xlsx_parts({"List": FIRST + f'<row><c s="0"><v>{value}</v></c></row>'}) | {"xl/styles.xml": styles.encode()}
    assert text_of(tmp_path, zipped(parts)) == f"phone\n{shown}\n"


def test_parts_have_any_case_and_slash(tmp_path: Path) -> None:
    """Some programs write names of parts in lower case or with backslashes."""
    parts = xlsx_parts({"List": FIRST + "<row><c><v>12125550100</v></c></row>"})
    rels = parts.pop("xl/_rels/workbook.xml.rels").replace(b"worksheets/sheet1.xml", b"/xl\\Worksheets\\Sheet1.xml")
    odd = {name.replace("worksheets/sheet1", "WORKSHEETS/SHEET1"): part for name, part in parts.items()}
    assert text_of(tmp_path, zipped(odd | {"xl/_RELS/workbook.xml.rels": rels})) == "phone\n12125550100\n"


# What would do harm

ENTITIES = {
    "inside": b'<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    "outside": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
    "of another place": b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
    "parameters": b'<!DOCTYPE x [<!ENTITY % a SYSTEM "http://127.0.0.1/x.dtd">%a;]>',
    "none": b"<!DOCTYPE x>",
}


@pytest.mark.parametrize("entities", ENTITIES)
@pytest.mark.parametrize(
    "part",
    [
        "xl/workbook.xml",
        "xl/_rels/workbook.xml.rels",
        "xl/styles.xml",
        "xl/worksheets/sheet1.xml",
        "xl/sharedStrings.xml",
    ],
)
def test_no_part_declares_entities(tmp_path: Path, part: str, entities: str) -> None:
    """A document type is refused in each part, so that nothing in it is opened, fetched or multiplied."""
    parts = with_texts('<row><c t="s"><v>0</v></c></row>', b"<si><t>phone</t></si>")
    assert text_of(tmp_path, zipped(parts)) == "phone\n"
    (tmp_path / "spool").unlink()
    parts[part] = ENTITIES[entities] + parts[part]
    assert "is an Excel workbook that cannot be read: it is broken" in refusal(tmp_path, zipped(parts))


@pytest.mark.parametrize("told", ["0", "4294967295", "-1", "x"])
def test_a_count_that_lies_is_not_believed(tmp_path: Path, told: str) -> None:
    """How many texts are shared is counted, whatever is said of it."""
    parts = with_texts('<row><c t="s"><v>0</v></c></row>', b"<si><t>phone</t></si>")
    lie = f'<sst count="{told}" uniqueCount="{told}">'.encode()
    parts["xl/sharedStrings.xml"] = parts["xl/sharedStrings.xml"].replace(b"<sst>", lie)
    assert text_of(tmp_path, zipped(parts)) == "phone\n"


def test_sheets_without_number_are_refused(tmp_path: Path) -> None:
    """Twenty thousand sheets, or one that is said to be so many."""
    parts = xlsx_parts({"List": FIRST})
    sheet = b'<sheet name="List" sheetId="1" r:id="r1"/>'
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(sheet, sheet * 20_000)
    assert "has more than 1,000 sheets" in refusal(tmp_path, zipped(parts))
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(sheet * 20_000, sheet * 2)
    assert "it is broken" in refusal(tmp_path, zipped(parts))


def peak(*, reset: bool = False) -> int:
    """The most memory that this process has held since the last *reset*, in MB: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def workbook(path: Path, rows: Iterable[bytes] = (), texts: Iterable[bytes] = ()) -> Path:
    """A workbook at *path* whose large parts are never in memory."""
    parts = with_texts("", b"")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, part in parts.items():
            if name not in {"xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"}:
                archive.writestr(name, part)
        for name, around, pieces in (
            ("xl/worksheets/sheet1.xml", b"<worksheet><sheetData>|</sheetData></worksheet>", rows),
            ("xl/sharedStrings.xml", b"<sst>|</sst>", texts),
        ):
            with archive.open(name, "w") as file:
                before, after = around.split(b"|")
                file.write(before)
                for piece in pieces:
                    file.write(piece)
                file.write(after)
    return path


PHONE = b'<row><c t="str"><v>phone</v></c></row><row><c><v>12125550100</v></c><c t="s"><v>0</v></c></row>'
MEGABYTE = b"x" * 1_000_000


def empties() -> Iterator[bytes]:
    yield from [b"<si><t/></si>" * 10_000] * 60


def many(piece: bytes, times: int = 8) -> list[bytes]:
    """*piece* over and over, to *times* megabytes."""
    return [piece * (1_000_000 // len(piece))] * times


HOSTILE: dict[str, tuple[list[bytes], list[bytes], str]] = {
    "one shared text": (
        [PHONE],
        [b"<si><t>", *[MEGABYTE] * 100, b"</t></si>"],
        "phone\n12125550100\txxx",
    ),
    "one shared text of many runs": (
        [PHONE],
        [b"<si>", *many(b"<r><t>x</t></r>"), b"</si>"],
        "phone\n12125550100\txxx",
    ),
    "a shared text that nobody uses": (
        [b'<row><c t="str"><v>phone</v></c></row>'],
        [b"<si><t>", *[MEGABYTE] * 100, b"</t></si>"],
        "phone",
    ),
    "empty texts": ([PHONE], list(empties()), "phone\n12125550100"),
    "a cell": ([b"<row><c t='str'><v>", *[MEGABYTE] * 100], [], "it is broken"),
    "an inline cell": (
        [b"<row><c t='inlineStr'><is>", *many(b"<r><t>12345</t></r>")],
        [],
        "it is broken",
    ),
    "a formula": ([b"<row><c><f>", *[MEGABYTE] * 100], [], "it is broken"),
    "one cell over and over": ([PHONE[:-6], *many(b'<c r="B2"><v>1</v></c>'), b"</row>"], [], "phone\n12125550100\t1"),
    "blanks": ([PHONE, *[b" " * 1_000_000] * 100, b"<row><c><v>1</v></c></row>"], [], "phone\n12125550100"),
    "a tag": ([b"<row><c r='", *[MEGABYTE] * 100], [], "it is broken"),
    "a comment": ([b"<!--", *[MEGABYTE] * 100], [], "it is broken"),
    "what is inside of each other": ([*many(b"<a>", 5)], [], "it is broken"),
    "cells inside of cells": ([*many(b"<row><c><v>", 5)], [], "it is broken"),
    "texts inside of texts": ([PHONE], many(b"<si><t>", 5), "it is broken"),
    "names that are made up": (
        [b"".join(b"<n%d a%d='1'/>" % (number, number) for number in range(200_000))],
        [],
        "it is broken",
    ),
    "merged cells": ([PHONE, b"</sheetData><mergeCells>", *many(b'<mergeCell ref="A1:B2"/>')], [], "it is broken"),
    "one text in many cells": (
        [b'<row><c t="str"><v>phone</v></c></row>', *many(b'<row><c t="s"><v>0</v></c></row>', 3)],
        [b"<si><t>" + b"x" * 200_000 + b"</t></si>"],
        "more than 20 million characters",
    ),
    "rows without end": (many(b"<row/>", 7), [], "1,048,577 rows"),
}


@pytest.mark.wide_but_first
@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_in_a_workbook_takes_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A hundred megabytes of anything, out of a few kilobytes: read or refused in words, a row at a time."""
    rows, texts, outcome = HOSTILE[kind]
    raw = workbook(tmp_path / "list", rows, texts or [b"<si><t>x</t></si>"])
    # What is packed a thousandfold is refused at once; here it is as if it were packed less well.
    monkeypatch.setattr(archives, "_RATIO", 10_000)
    monkeypatch.setattr(workbooks, "_TEXT", 20_000_000)
    before = peak(reset=True)
    try:
        found = text_of(tmp_path, raw)[:200]
    except ListRefused as refused:
        found = str(refused)
    assert outcome in found
    assert peak() - before < _MOST
