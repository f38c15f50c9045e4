"""
Kinds of files that people drop as lists: what each is called, how it is told, and what becomes of it.

One table for whoever reads a list, for the form that takes one, and for what is given back of one. A file is told by what
is in it and not by its name, since people rename them; what its name ends in only serves forms, and links to elsewhere.
Pure.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from store.errors import ListRefused

_START: Final = 1_000  # characters by which JSON is told
_MARKUP: Final = (
    "<?xml",
    "<!doctype",
    "<!--",
    "<html",
    "<head",
    "<body",
    "<script",
    "<table",
    "<meta",
    "<style",
    "<div",
)
_OF_PAGES: Final = ("<!doctype html", "<html", "<head", "<body", "<script", "<meta", "<style", "<div")
_SAVE: Final = "Save it as CSV and drop that."
_EXCEL: Final = "Open it in Excel, save it as an Excel workbook (.xlsx) and drop that."
_COPY: Final = "Copy its numbers into a CSV file with a column called phone and drop that."
_DOWNLOAD: Final = "Download it as Excel or CSV and drop that."
_TABLE: Final = "Have it saved as CSV with a column called `phone`, one phone a line, and drop that."


@dataclass(frozen=True, slots=True)
class FileKind:
    """
    A kind of file; `what` goes on from "list.csv is".

    `cure` is the next step of who dropped one that is not read, "" for one that is. `suffixes`: what names of such files
    end in. It is told by how it `starts`, by parts of a zip file (`parts`: one group is all there) or by
    streams of an OLE container (`streams`: one is there), all in lower case but for `starts`; one without any is told
    by code.
    """

    what: str
    suffixes: tuple[str, ...] = ()
    cure: str = _SAVE
    starts: tuple[bytes, ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()
    streams: tuple[str, ...] = ()


TEXT: Final = FileKind("text", ("csv", "tsv", "txt", "tab"), cure="")
ZIP: Final = FileKind("a zip file", ("zip",), cure="", starts=(b"PK\x03\x04",))
WORKBOOK: Final = FileKind("an Excel workbook", ("xlsx", "xlsm", "xltx", "xltm"), cure="")
OLD_WORKBOOK: Final = FileKind(
    "an Excel workbook", ("xls", "xlt"), cure="", starts=(b"\xd0\xcf\x11\xe0",), streams=("workbook", "book")
)
OPEN_SHEET: Final = FileKind(
    "an OpenDocument sheet",
    ("ods", "ots"),
    cure="",
    parts=(("mimetype", "content.xml"), ("content.xml", "meta-inf/manifest.xml"), ("mimetype", "encrypted-package")),
)
SHEETS: Final = (WORKBOOK, OLD_WORKBOOK, OPEN_SHEET)
READ: Final = (TEXT, ZIP, *SHEETS)
OPEN_DOCUMENT: Final = FileKind("an OpenDocument file and no sheet", ("odt", "odp"), _COPY)

WEB_PAGE: Final = FileKind("a web page", ("html", "htm"), "Download the list itself and drop that.")
WEB_TABLE: Final = FileKind("a web page with a table, as programs export it in place of a workbook", cure=_EXCEL)
WEB_ARCHIVE: Final = FileKind("a web archive", ("mht", "mhtml"), _EXCEL)
XML_WORKBOOK: Final = FileKind("an Excel workbook in the XML of 2003", cure=_EXCEL)
XML_DOCUMENT: Final = FileKind(
    "a flat OpenDocument file", ("fods",), "Open it in LibreOffice, save it as a sheet (.ods) or as CSV and drop that."
)
XML: Final = FileKind("an XML file", ("xml",), _TABLE)
JSON: Final = FileKind("a JSON file", ("json", "jsonl", "ndjson", "geojson"), _TABLE)
DRIVE_SHEET: Final = FileKind("a Google Sheet", ("gsheet",), _DOWNLOAD)
DRIVE_DOCUMENT: Final = FileKind("a Google Doc", ("gdoc",), _COPY)
DRIVE_SLIDES: Final = FileKind("a Google presentation", ("gpres", "gslides"), _COPY)
LOCK_FILE: Final = FileKind(
    "the file that Excel keeps beside a workbook while it is open", cure="Drop the workbook itself."
)
NOT_TEXT: Final = FileKind("not text")
ZIPPED_NOTHING: Final = FileKind("an empty zip file", starts=(b"PK\x05\x06",))
OFFICE_DOCUMENT: Final = FileKind("an old Office document and no Excel workbook")

_REFUSED: Final = (
    ZIPPED_NOTHING,
    FileKind("a PDF", ("pdf",), "Drop the list that it was made from, as CSV or as a workbook.", starts=(b"%PDF",)),
    FileKind("an image", ("png", "jpg", "gif"), _COPY, starts=(b"\x89PNG", b"\xff\xd8\xff", b"GIF8")),
    FileKind(
        "a compressed file",
        ("gz", "7z", "rar", "bz2", "xz", "zst"),
        "Unpack it and drop the list that is in it.",
        starts=(b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"),
    ),
    FileKind("a text document (RTF)", ("rtf",), starts=(b"{\\rtf",)),
    FileKind("a database", ("db", "sqlite"), starts=(b"SQLite format 3",)),
    FileKind("an Access database", ("mdb", "accdb"), _TABLE, starts=(b"\0\1\0\0Standard ",)),
    FileKind("a Parquet file", ("parquet",), _TABLE, starts=(b"PAR1\x15",)),
    FileKind(
        "an Excel workbook of before 1995",
        cure=_EXCEL,
        starts=(
            b"\x09\x00\x04\x00",
            b"\x09\x02\x06\x00",
            b"\x09\x04\x06\x00",
            b"\x09\x08\x08\x00",
            b"\x09\x08\x10\x00",
        ),
    ),
    FileKind(
        "a contact card (vCard)",
        ("vcf",),
        "Export the contacts as CSV from the address book, with a column called `phone`, and drop that.",
        starts=(b"BEGIN:VCARD",),
    ),
    FileKind("a calendar", ("ics",), _COPY, starts=(b"BEGIN:VCALENDAR",)),
    FileKind("a binary Excel workbook (.xlsb)", ("xlsb",), _EXCEL, parts=(("xl/workbook.bin",), ("workbook.bin",))),
    FileKind(
        "an Apple Numbers document",
        ("numbers",),
        "In Numbers, export it as Excel or CSV and drop that.",
        parts=(
            ("index/document.iwa",),
            ("index.zip", "metadata/properties.plist"),
            ("index.xml", "buildversionhistory.plist"),
        ),
    ),
    FileKind("a Word document", ("docx", "doc"), _COPY, parts=(("word/document.xml",),), streams=("worddocument",)),
    FileKind(
        "a PowerPoint presentation",
        ("pptx", "ppt"),
        _COPY,
        parts=(("ppt/presentation.xml",),),
        streams=("powerpoint document",),
    ),
    FileKind("an e-mail", ("msg", "eml"), "Save the list in it and drop that.", streams=("__properties_version1.0",)),
)


def kind_by_start(head: bytes) -> FileKind | None:
    """The kind of a file that is not read, by its first bytes; None when they are of no such kind."""
    return next((kind for kind in _REFUSED if any(map(head.startswith, kind.starts))), None)


def kind_by_text(start: str, name: str) -> FileKind | None:
    """The kind of a text that is no list, by how it *starts*; None for a list, and for what nobody knows. *name*: what it is called."""
    text = start.lstrip("\ufeff \t\r\n\v\f")
    if text.startswith("<"):
        return _kind_of_markup(text.casefold())
    if text[:1] in {"{", "["} and _is_json(text):
        linked = kind_by_suffix(PurePath(name).suffix[1:]) if "docs.google.com" in text or '"doc_id"' in text else None
        return linked or JSON
    if text[:13].casefold() == "mime-version:":
        return WEB_ARCHIVE
    begins = text[:_START].upper()
    return kind_by_start(begins.encode("utf-8", "replace")) if begins.startswith("BEGIN:") else None


def _kind_of_markup(text: str) -> FileKind | None:
    # A list may begin with a link as Slack writes it, so not every tag is one of a page.
    if not text.startswith(_MARKUP):
        return None
    if "urn:schemas-microsoft-com:office:spreadsheet" in text:
        return XML_WORKBOOK
    if "urn:oasis:names:tc:opendocument" in text:
        return XML_DOCUMENT
    if "<table" in text:
        return WEB_TABLE
    return WEB_PAGE if any(tag in text for tag in _OF_PAGES) else XML


def _is_json(text: str) -> bool:
    """Does *text*, which begins with a bracket, go on as JSON does? A list may have its marks in brackets."""
    following = text[1:_START].lstrip()[:1]
    if text[0] == "{":
        return following in {'"', "}"}
    if following in {"{", "[", '"', "]", ""}:
        return True
    line = text[:_START].partition("\n")[0].rstrip()
    try:
        json.loads(line)
    except ValueError:
        return line in {"[", ""} or (len(line) == _START and line[1:].replace(",", "").replace(" ", "").isdecimal())
    return True


def kind_by_parts(names: Collection[str]) -> FileKind | None:
    """The kind of a zip file that is none of lists, by its parts *names*, in lower case, in whatever folder all of it is."""
    return next((kind for kind in _REFUSED if any(_are_there(group, names) for group in kind.parts)), None)


def is_open_document(names: Collection[str]) -> bool:
    """Is a zip file with parts of these *names*, in lower case, a sheet or another document of OpenDocument?"""
    return any(_are_there(group, names) for group in OPEN_SHEET.parts)


def _are_there(group: tuple[str, ...], names: Collection[str]) -> bool:
    return all(any(name == part or name.endswith(f"/{part}") for name in names) for part in group)


def kind_by_streams(names: Collection[str]) -> FileKind:
    """The kind of an OLE container that is no workbook, by its streams *names*, in lower case."""
    return next((kind for kind in _REFUSED if any(stream in names for stream in kind.streams)), OFFICE_DOCUMENT)


def kind_by_suffix(suffix: str) -> FileKind | None:
    """The kind whose names end in *suffix*, without its dot."""
    known = (*READ, *_REFUSED, DRIVE_SHEET, DRIVE_DOCUMENT, DRIVE_SLIDES)
    return next((kind for kind in known if suffix.casefold() in kind.suffixes), None)


def suffixes_read() -> list[str]:
    """What names of files that are read end in, for a form that takes one."""
    return [suffix for kind in READ for suffix in kind.suffixes]


def scrubbed_name(name: str) -> str:
    """What the list called *name* is called when it comes back: as text what was text by its name, else as CSV."""
    path = PurePath(name)
    kept = path.suffix[1:].casefold() in TEXT.suffixes
    return f"{path.stem}.scrubbed{path.suffix if kept else '.csv'}"


def no_list(name: str, kind: FileKind) -> ListRefused:
    """The refusal of the file called *name*, which is of a *kind* that is not read."""
    return ListRefused(
        f"{name} is {kind.what}; a list is a CSV file or an Excel workbook with a column called `phone`. {kind.cure}"
    )
