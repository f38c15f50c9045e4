"""What is no list is refused by its name and with the next step; what programs pack oddly is read all the same."""

import json
from pathlib import Path

import pytest

from store.errors import ListRefused
from store.lists import kinds
from store.lists.formats import as_text
from store.lists.reader import ListReader
from store.lists.records import Row
from tests.store.lists.workbooks import Table, ole, xls_stream, xlsx_parts, zipped

CSV = b"phone\n2125550101\n"
TABLE: Table = [["phone"], ["212-555-0101"], ["212-555-0102"]]
PARTS = xlsx_parts({"List": TABLE})
PAGE = "<html><head><style>td {}</style></head><body><table><tr><td>phone</td></tr></table></body></html>"
XML_2003 = (
    '<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>'
    '<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet/></Workbook>'
)
BUNDLE = {"Index.zip": b"PK", "Metadata/Properties.plist": b"x", "preview.jpg": b"x"}


def read(directory: Path, raw: bytes, name: str) -> list[str]:
    """The phone cells of the list *raw*."""
    path = directory / "list"
    path.write_bytes(raw)
    with ListReader(path, name=name, spool=directory / "spool") as reader:
        return [row.cell for row in reader.rows() if isinstance(row, Row)]


def refusal(directory: Path, raw: bytes, name: str = "list.csv") -> str:
    """The sentence; and nothing is left beside the list."""
    path = directory / "list"
    path.write_bytes(raw)
    with pytest.raises(ListRefused) as caught:
        as_text(path, name, "phone", directory / "spool")
    assert [left.name for left in directory.iterdir()] == ["list"]
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "raw", "what", "cure"),
    [
        ("lines.jsonl", b'{"phone":"+12125550101","name":"Ana"}\n{"phone":"+12125550102"}\n', "a JSON file", "as CSV"),
        ("out.json", b'{"phoneNumbers": ["+12125550101", "+12125550102"]}', "a JSON file", "as CSV"),
        ("out.json", b'\xef\xbb\xbf\r\n [\n  {\n "phone": "+12125550101"}]', "a JSON file", "as CSV"),
        ("out.json", '["+447400123401"]'.encode("utf-16"), "a JSON file", "as CSV"),
        ("out.csv", b"[12125550101, 12125550102]", "a JSON file", "as CSV"),
        ("out.json", b"[\n12125550101,\n12125550102\n]", "a JSON file", "as CSV"),
        ("out.json", b"[" + b"12125550101, " * 5_000 + b"1]", "a JSON file", "as CSV"),
        ("deep.json", b"[" * 1_000_000, "a JSON file", "as CSV"),
        ("deep.json", b'{"a":' * 1_000_000, "a JSON file", "as CSV"),
        ("stops.gsheet", b'{"":"WARNING! DO NOT EDIT","doc_id":"1","email":"a@b.cc"}', "a Google Sheet", "Download it"),
        ("a.gdoc", b'{"url": "https://docs.google.com/open?id=1"}', "a Google Doc", "Copy its numbers"),
        ("people.vcf", b"BEGIN:VCARD\r\nVERSION:3.0\r\nTEL:+12125550101\r\nEND:VCARD\r\n", "a contact card", "as CSV"),
        ("people.csv", b"\xef\xbb\xbfbegin:vcard\nTEL:1\nend:vcard\n", "a contact card", "as CSV"),
        ("day.ics", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "a calendar", "Copy its numbers"),
        ("stops.xls", XML_2003.encode(), "an Excel workbook in the XML of 2003", "(.xlsx)"),
        ("stops.xls", XML_2003.encode("utf-16"), "an Excel workbook in the XML of 2003", "(.xlsx)"),
        ("stops.xls", PAGE.encode(), "a web page with a table", "(.xlsx)"),
        ("stops.xls", f"\ufeff\n<!-- made -->{PAGE}".encode(), "a web page with a table", "(.xlsx)"),
        ("stops.xls", b"<table><tr><td>phone</td></tr></table>", "a web page with a table", "(.xlsx)"),
        ("stops.xls", PAGE.encode("utf-16-le"), "a web page with a table", "(.xlsx)"),
        ("page.html", b"<!DOCTYPE html><html><p>2125550101</p></html>", "a web page;", "Download the list itself"),
        ("stops.xls", b"MIME-Version: 1.0\r\nX-Document-Type: Workbook\r\n\r\n", "a web archive", "(.xlsx)"),
        ("stops.xml", b'<?xml version="1.0"?><contacts><c tel="1"/></contacts>', "an XML file", "as CSV"),
        (
            "a.fods",
            b'<?xml version="1.0"?><d xmlns="urn:oasis:names:tc:opendocument:x"/>',
            "a flat OpenDocument",
            "as CSV",
        ),
        ("old.xls", b"\x09\x04\x06\x00\x00\x00\x10\x00" + b"\0" * 100, "an Excel workbook of before 1995", "(.xlsx)"),
        ("list.numbers", zipped(BUNDLE), "an Apple Numbers document", "In Numbers, export"),
        ("list.numbers", zipped({"Index/Document.iwa": b"x"}), "an Apple Numbers document", "In Numbers, export"),
        ("list.numbers", zipped({"index.xml": b"x", "buildVersionHistory.plist": b"x"}), "an Apple Numbers", "export"),
        (
            "list.zip",
            zipped({f"l.numbers/{name}": part for name, part in BUNDLE.items()}),
            "an Apple Numbers",
            "export",
        ),
        ("list.xlsb", zipped({"[Content_Types].xml": b"x", "xl/workbook.bin": b"x"}), "a binary Excel", "(.xlsx)"),
        ("list.xlsb", zipped({"xl\\Workbook.bin": b"x"}), "a binary Excel workbook (.xlsb)", "(.xlsx)"),
        ("a.docx", zipped({"[Content_Types].xml": b"x", "word/document.xml": b"x"}), "a Word document", "Copy"),
        ("a.pptx", zipped({"ppt\\presentation.xml": b"x"}), "a PowerPoint presentation", "Copy"),
        ("mail.msg", ole(b"x" * 5_000, "__properties_version1.0"), "an e-mail", "Save the list in it"),
        ("stops.parquet", b"PAR1\x15\x04" + b"\0" * 100, "a Parquet file", "as CSV"),
        ("stops.csv.gz", b"\x1f\x8b\x08" + b"\0" * 100, "a compressed file", "Unpack it"),
        (
            "~$list.xlsx",
            b"\x05Robin" + b" " * 49 + b"\x05\0R\0o\0b\0i\0n\0" + b" \0" * 49,
            "the file that Excel keeps",
            "itself",
        ),
    ],
)
def test_what_is_no_list_is_refused_by_its_name(tmp_path: Path, name: str, raw: bytes, what: str, cure: str) -> None:
    """Whatever it is called and however it is encoded: the sentence names the kind and what to do."""
    sentence = refusal(tmp_path, raw, name)
    assert sentence.startswith(f"{name} is {what}")
    assert cure in sentence


@pytest.mark.parametrize(
    "raw",
    [
        b"[1] 212-555-0101\n[2] 212-555-0102\n",
        b"phone\n<tel:+12125550101|212-555-0101>\n",
        b"<tel:+12125550101|212-555-0101>,a\n<tel:+12125550102|212-555-0102>,b\n",
        b'phone,note\n2125550101,"{""a"": 1}"\n',
        b"phone,note\n2125550101,<table>\n",
        b"phone,note\n2125550101,BEGIN:VCARD\n",
        b"{name},phone\nAna,2125550101\n",
        b"[name],phone\nAna,2125550101\n",
        b"par1,phone\nAna,2125550101\n",
        b"begin: phone\n2125550101\n",
    ],
)
def test_a_list_with_signs_of_another_kind_is_a_list(tmp_path: Path, raw: bytes) -> None:
    """Brackets and tags stand in lists too; only a file that is JSON or a page from its first sign on is one."""
    path = tmp_path / "list"
    path.write_bytes(raw)
    assert as_text(path, "list.csv", "phone", tmp_path / "spool").path == path


def renamed(change: dict[str, str]) -> dict[str, bytes]:
    """The parts of a workbook under other names."""
    parts = PARTS
    for before, after in change.items():
        parts = {name.replace(before, after): part for name, part in parts.items()}
    return parts


ODD_PARTS: dict[str, dict[str, bytes]] = {
    "backslashes": renamed({"/": "\\"}),
    "lower case": renamed({"[Content_Types]": "[content_types]"}),
    "upper case": {name.upper(): part for name, part in PARTS.items()},
    "no list of types": {name: part for name, part in PARTS.items() if "Types" not in name},
    "no relations of the package": {name: part for name, part in PARTS.items() if name != "_rels/.rels"},
    "all in a folder": {f"list/{name}": part for name, part in PARTS.items()},
    "all in a folder with backslashes": {f"list\\{name}".replace("/", "\\"): part for name, part in PARTS.items()},
    "no folders": {name.rpartition("/")[2]: part for name, part in PARTS.items()},
    "a leading slash": {f"/{name}": part for name, part in PARTS.items()},
    "folders of their own": PARTS | {"xl/": b"", "xl/worksheets/": b"", "_rels/": b""},
    "elsewhere": {
        **{name.replace("xl/", "book/"): part for name, part in PARTS.items()},
        "_rels/.rels": PARTS["_rels/.rels"].replace(b"xl/workbook", b"/book/workbook"),
    },
    "under another name": {
        **{name.replace("xl/workbook", "xl/main"): part for name, part in PARTS.items() if ".rels" not in name},
        "_rels/.rels": PARTS["_rels/.rels"].replace(b"xl/workbook", b"xl\\main"),
        "xl/_rels/main.xml.rels": PARTS["xl/_rels/workbook.xml.rels"],
    },
    "blanks in names": {
        name.replace("sheet1", "my sheet"): part.replace(b"sheet1.xml", b"my%20sheet.xml")
        for name, part in PARTS.items()
    },
    "strict": {
        name: part.replace(b"schemas.openxmlformats.org/officeDocument/2006", b"purl.oclc.org/ooxml/officeDocument")
        for name, part in PARTS.items()
    },
}


@pytest.mark.parametrize("kind", ODD_PARTS)
def test_a_workbook_is_read_however_its_parts_are_called(tmp_path: Path, kind: str) -> None:
    """What leads from the package to the workbook and its sheets is followed; folders, slashes and case are forgiven."""
    raw = zipped(ODD_PARTS[kind])
    assert read(tmp_path, raw, "list.xlsx") == ["212-555-0101", "212-555-0102"]
    assert read(tmp_path, zipped({"list.xlsx": raw}), "list.zip") == ["212-555-0101", "212-555-0102"]


@pytest.mark.parametrize("change", ["a second workbook", "no sheet", "no relations of the workbook"])
def test_a_workbook_that_could_be_two_is_refused(tmp_path: Path, change: str) -> None:
    """Where a part is missing or there twice, nothing is guessed."""
    parts = dict(PARTS)
    if change == "a second workbook":
        parts["XL\\WORKBOOK.XML"] = parts["xl/workbook.xml"]
    else:
        del parts["xl/worksheets/sheet1.xml" if change == "no sheet" else "xl/_rels/workbook.xml.rels"]
    assert "is an Excel workbook that cannot be read: it is broken" in refusal(tmp_path, zipped(parts))


@pytest.mark.parametrize("stream", ["Workbook", "WORKBOOK", "workbook", "Book", "BOOK"])
def test_an_old_workbook_is_read_whatever_the_case_of_its_stream(tmp_path: Path, stream: str) -> None:
    """Names in such a container are the same in any case."""
    raw = ole(xls_stream({"List": TABLE}), stream)
    assert read(tmp_path, raw, "list.xls") == ["212-555-0101", "212-555-0102"]


@pytest.mark.parametrize("slash", ["/", "\\"])
def test_what_programs_keep_for_themselves_is_no_list(tmp_path: Path, slash: str) -> None:
    """Excel's lock files and what macOS and Windows put beside files are passed over in a zip, with either slash."""
    beside = [
        "~$list.csv",
        "Nov/~$list.xlsx",
        "__MACOSX/Nov/._list.csv",
        "Nov/.DS_Store",
        "Thumbs.db",
        "Nov/desktop.ini",
    ]
    members = {"Nov/list.csv": CSV} | dict.fromkeys(beside, b"x") | {"Nov/.~lock.list.ods#": b",robin,"}
    raw = zipped({name.replace("/", slash): part for name, part in members.items()})
    assert read(tmp_path, raw, "nov.zip") == ["2125550101"]


def test_a_scrubbed_list_is_called_what_it_is() -> None:
    """What was text by its name keeps it; all else comes back as CSV and is called that."""
    names = ["a.csv", "a.TSV", "a.txt", "a.xlsx", "a.xls", "a.xlsm", "a.zip", "a", "a.b", "a.numbers"]
    assert [kinds.scrubbed_name(name) for name in names] == [
        "a.scrubbed.csv",
        "a.scrubbed.TSV",
        "a.scrubbed.txt",
        *["a.scrubbed.csv"] * 7,
    ]


def test_every_kind_is_told_once() -> None:
    """No ending belongs to two kinds, and each kind that is not read says what to do."""
    every = (*kinds.READ, *kinds._REFUSED)
    endings = [suffix for kind in every for suffix in kind.suffixes]
    assert len(set(endings)) == len(endings)
    assert all(kind.cure for kind in kinds._REFUSED)
    assert json.loads(json.dumps(kinds.suffixes_read()))[:3] == ["csv", "tsv", "txt"]
