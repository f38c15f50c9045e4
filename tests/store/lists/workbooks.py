"""Workbooks and zips made by hand, byte by byte, sound and otherwise."""

import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def zipped(members: Mapping[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def letters(column: int) -> str:
    """The name of a column, from 0: A, B, ... Z, AA."""
    name = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def cell(row: int, column: int, content: str | float | None) -> str:
    """One cell, from (0, 0). Text that starts with "<" is taken as it is."""
    at = f'r="{letters(column)}{row + 1}"'
    if content is None:
        return ""
    if isinstance(content, bool):
        return f'<c {at} t="b"><v>{content:d}</v></c>'
    if isinstance(content, (int, float)):
        return f"<c {at}><v>{content!r}</v></c>"
    if content.startswith("#"):
        return f'<c {at} t="e"><f>VLOOKUP(1,A:B,2)</f><v>{content}</v></c>'
    if content.startswith("<"):
        return content.replace("<c", f"<c {at}", 1)
    content = content.replace("&", "&amp;").replace("<", "&lt;")
    return f'<c {at} t="inlineStr"><is><t xml:space="preserve">{content}</t></is></c>'


Table = list[list[str | float | None]]
OldTable = Sequence[Sequence[str | float | bytes | None]]


def sheet_xml(table: Table) -> str:
    return "".join(
        f'<row r="{row + 1}">{"".join(cell(row, column, content) for column, content in enumerate(cells))}</row>'
        for row, cells in enumerate(table)
        if cells
    )


def xlsx_parts(sheets: Mapping[str, Table | str], hidden: tuple[str, ...] = ()) -> dict[str, bytes]:
    """The members of a workbook of *sheets*; a string is the XML of the rows. Styles: 1 a time, 2 a date."""
    numbers = range(1, len(sheets) + 1)
    names = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"{" state=" + chr(34) + "hidden" + chr(34) if name in hidden else ""}/>'
        for number, name in zip(numbers, sheets, strict=True)
    )
    parts = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": (
            f'<Relationships xmlns="{_RELATIONS}"><Relationship Id="r1" Type="{_OFFICE}/officeDocument"'
            ' Target="xl/workbook.xml"/></Relationships>'
        ),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}">'
        + "".join(
            f'<Relationship Id="r{number}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            for number in numbers
        )
        + f'<Relationship Id="rs" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="3"><xf numFmtId="0"/><xf numFmtId="22"/>'
        '<xf numFmtId="14"/></cellXfs></styleSheet>',
    }
    for number, table in zip(numbers, sheets.values(), strict=True):
        rows = table if isinstance(table, str) else sheet_xml(table)
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return {name: part.encode() for name, part in parts.items()}


def xlsx(sheets: Mapping[str, Table | str], hidden: tuple[str, ...] = ()) -> bytes:
    return zipped(xlsx_parts(sheets, hidden))


# --- .xls: BIFF8 records in an OLE container ---------------------------------------------------------------------------


def record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def xls_cell(row: int, column: int, content: str | float | bytes | None) -> bytes:
    """One cell, from (0, 0); what is bytes is the record of one already."""
    if content is None:
        return b""
    if isinstance(content, bytes):
        return content[:4] + struct.pack("<HH", row, column) + content[8:]
    if isinstance(content, str):
        text = struct.pack("<HHHHB", row, column, 0, len(content), 1) + content.encode("utf-16-le")
        return record(0x0204, text)
    return record(0x0203, struct.pack("<HHHd", row, column, 0, content))


def shared_texts(texts: Sequence[bytes], most: int = 8_224) -> bytes:
    """The records of *texts*, each with its header, that cells share; none is cut, and each record has *most* bytes."""
    kind, held = 0x00FC, struct.pack("<II", len(texts), len(texts))
    records: list[bytes] = []
    for text in texts:
        if len(held) + len(text) > most:
            records.append(record(kind, held))
            kind, held = 0x003C, b""
        held += text
    return b"".join([*records, record(kind, held)])


def unicode_text(text: str) -> bytes:
    """A text with its header, in sixteen bits a character."""
    raw = text.encode("utf-16-le")
    return struct.pack("<HB", len(raw) // 2, 1) + raw


def shared(number: int) -> bytes:
    """A cell, to be placed, that shows the shared text *number*."""
    return record(0x00FD, struct.pack("<HHHI", 0, 0, 0, number))


def xls_stream(sheets: Mapping[str, OldTable], workbook: bytes = b"") -> bytes:
    """The records of a workbook; *workbook*: more of them, before the names of the sheets."""

    def start(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x600, kind, 0x0DBB, 0x07CC, 0, 6))

    def head(places: list[int]) -> bytes:
        names = b"".join(
            record(0x0085, struct.pack("<IHBB", place, 0, len(name), 1) + name.encode("utf-16-le"))
            for name, place in zip(sheets, places, strict=True)
        )
        return start(5) + workbook + names + record(0x000A)

    bodies = [
        start(0x10)
        + b"".join(
            xls_cell(row, column, content) for row, cells in enumerate(table) for column, content in enumerate(cells)
        )
        + record(0x000A)
        for table in sheets.values()
    ]
    length = len(head([0] * len(bodies)))
    places = [length + sum(map(len, bodies[:number])) for number in range(len(bodies))]
    return head(places) + b"".join(bodies)


END = 0xFFFFFFFE


def ole(stream: bytes, name: str = "Workbook", damage: Callable[[list[int], int], None] | None = None) -> bytes:
    """An OLE container with one *stream*. *damage* is given the sector table and the sector of the directory."""
    stream = stream.ljust(4096, b"\0")
    stream += b"\0" * (-len(stream) % 512)
    sectors = len(stream) // 512
    tables = (sectors + 1) // 127 + 1
    table = [0xFFFFFFFD] * tables + [END] + [tables + 2 + number for number in range(sectors - 1)] + [END]
    if damage:
        damage(table, tables)
    table += [0xFFFFFFFF] * (tables * 128 - len(table))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16
    head += struct.pack("<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, tables, tables, 0, 4096, END, 0, END, 0)
    head += struct.pack("<109I", *range(tables), *[0xFFFFFFFF] * (109 - tables))

    def entry(label: str, kind: int, start: int, size: int, child: int) -> bytes:
        text = f"{label}\0".encode("utf-16-le")
        links = struct.pack("<HBBIII16xI8x8xIQ", len(text), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child, 0, start, size)
        return text.ljust(64, b"\0") + links

    directory = entry("Root Entry", 5, END, 0, 1) + entry(name, 2, tables + 1, len(stream), 0xFFFFFFFF)
    return head + struct.pack(f"<{len(table)}I", *table) + directory.ljust(512, b"\0") + stream


def xls(sheets: Mapping[str, OldTable]) -> bytes:
    return ole(xls_stream(sheets))


# --- .ods --------------------------------------------------------------------------------------------------------------

_ODF = "urn:oasis:names:tc:opendocument:xmlns:"
_ODS_HEAD = (
    f'<office:document-content xmlns:office="{_ODF}office:1.0" xmlns:table="{_ODF}table:1.0" '
    f'xmlns:text="{_ODF}text:1.0" xmlns:style="{_ODF}style:1.0" xmlns:draw="{_ODF}drawing:1.0" '
    'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">'
)


def ods_cell(content: str | float | None) -> str:
    """One cell. Text that starts with "<" is taken as it is."""
    if content is None:
        return "<table:table-cell/>"
    if isinstance(content, bool):
        truth = str(content).lower()
        return f'<table:table-cell office:value-type="boolean" office:boolean-value="{truth}"><text:p>x</text:p></table:table-cell>'
    if isinstance(content, (int, float)):
        return f'<table:table-cell office:value-type="float" office:value="{content!r}"><text:p>1E+10</text:p></table:table-cell>'
    if content.startswith("<"):
        return content
    content = content.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "</text:p><text:p>")
    return f'<table:table-cell office:value-type="string" calcext:value-type="float"><text:p>{content}</text:p></table:table-cell>'


def ods_rows(table: Table) -> str:
    return "".join(f"<table:table-row>{''.join(map(ods_cell, cells))}</table:table-row>" for cells in table)


def ods_parts(sheets: Mapping[str, Table | str], hidden: tuple[str, ...] = ()) -> dict[str, bytes]:
    """The members of an open document of *sheets*; a string is the XML of columns and rows."""
    tables = "".join(
        f'<table:table table:name="{name}" table:style-name="{"ta2" if name in hidden else "ta1"}">'
        f"{table if isinstance(table, str) else ods_rows(table)}</table:table>"
        for name, table in sheets.items()
    )
    styles = "".join(
        f'<style:style style:name="ta{number}" style:family="table"><style:table-properties table:display="{shown}"/>'
        "</style:style>"
        for number, shown in ((1, "true"), (2, "false"))
    )
    content = (
        f"{_ODS_HEAD}<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:spreadsheet>"
        f"{tables}</office:spreadsheet></office:body></office:document-content>"
    )
    return {
        "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
        "content.xml": content.encode(),
        "META-INF/manifest.xml": f'<manifest xmlns="{_ODF}manifest:1.0"/>'.encode(),
    }


def ods(sheets: Mapping[str, Table | str], hidden: tuple[str, ...] = ()) -> bytes:
    return zipped(ods_parts(sheets, hidden))
