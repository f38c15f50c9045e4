"""
Conversion of a file of any kind into text that is read line by line: UTF-8 or Windows-1252, LF or CRLF, and no NULs.

What is like that already is read where it is: a copy of a gigabyte takes longer than its phones do. Everything else
(workbooks, zips, UTF-16, the line ends of old Macs) is turned into such a text once, in pieces, into a spool file.
Line numbers stay those a person sees, in the editor or the sheet. Pure: the files handed in, and nothing else.
"""

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from store.choices import NOTHING_CHOSEN, Choices, Question
from store.errors import ListRefused
from store.lists import kinds
from store.lists.archives import Archive, lists_in, member_name
from store.lists.kinds import no_list
from store.lists.long_lines import LONGEST as LONGEST_LINE
from store.lists.sheets import LONGEST
from store.lists.workbooks import sheet_as_text
from store.lists.xlsx import is_package, part_names

_UNZIPPED: Final = 1_000_000_000  # bytes: as large as a list may be in Slack

_MARKS: Final = (  # longest first: UTF-32's mark starts like UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HOPELESS: Final = 8 * LONGEST_LINE  # characters of a line that is passed over; a file with a longer one is no list
_TOLD_BY: Final = 65_536  # bytes by which other kinds are told
# What Excel keeps beside a workbook that somebody has open: https://learn.microsoft.com/openspecs/office_file_formats
_LOCK_FILE: Final = "~$"
_LOCK_FILE_BYTES: Final = 1_000
_CONTROLS: Final = bytes(set(range(1, 32)) - set(b"\t\n\v\f\r\x1a\x1b"))  # not in any text


@dataclass(frozen=True, slots=True)
class Text:
    """
    The text of a list: the file at `path`, `bom` bytes in, decoded as `encoding` ("utf-8" or "cp1252") with `errors`.

    `name` is what people call the list, `remarks` what was put right, `questions` what else could have been read.
    `delimiter` is known for a sheet, else None. `spooled`: `path` is the spool file.
    """

    path: Path
    name: str
    encoding: str
    errors: str
    bom: int
    remarks: tuple[str, ...]
    delimiter: str | None
    spooled: bool
    questions: tuple[Question, ...] = ()
    endless: bool = False
    """Is a line of it longer than any is read?"""


def as_text(
    path: Path,
    name: str,
    phone_key: str,
    spool: Path,
    *,
    choices: Choices = NOTHING_CHOSEN,
    working: Callable[[], object] = lambda: None,
) -> Text:
    """
    The text of the list at *path*, called *name* in sentences, with what could not be read in place written to *spool*.

    *phone_key*: the phones' column, as `columns.column_key` gives it, by which a sheet is chosen where *choices*
    name none. *working* is called for each piece that is looked at, since a gigabyte takes a while; what it raises ends the work. `ListRefused` when there is no
    text in it; then nothing is left at *spool*, and otherwise what is there is the caller's to remove.
    """
    try:
        return _as_text(path, name, phone_key, spool, choices, working, nested=False)
    except BaseException:
        spool.unlink(missing_ok=True)
        raise


def _as_text(
    path: Path,
    name: str,
    phone_key: str,
    spool: Path,
    choices: Choices,
    working: Callable[[], object],
    *,
    nested: bool,
) -> Text:
    with path.open("rb") as file:
        head = file.read(LONGEST)
    if name.startswith(_LOCK_FILE) and path.stat().st_size < _LOCK_FILE_BYTES:
        raise no_list(name, kinds.LOCK_FILE)
    zipped, old = (any(map(head.startswith, kind.starts)) for kind in (kinds.ZIP, kinds.OLD_WORKBOOK))
    workbook = kinds.OLD_WORKBOOK if old else kinds.WORKBOOK
    if zipped:
        with Archive.open(path, name, limit=_UNZIPPED, working=working) as archive:
            parts = part_names(archive.members)
            if kind := kinds.kind_by_parts(parts):
                raise no_list(name, kind)
            if kinds.is_open_document(parts):
                workbook = kinds.OPEN_SHEET
            elif not is_package(parts):
                if nested:
                    raise ListRefused(f"{name} is a zip file itself. Unpack it and drop the list that is in it.")
                return _unzipped(archive, name, phone_key, spool, choices, working)
    if zipped or old:
        read = sheet_as_text(path, name, phone_key, spool, kind=workbook, working=working, choices=choices)
        return Text(spool, name, "utf-8", "strict", 0, read.remarks, "\t", spooled=True, questions=read.questions)
    text = _plain_text(path, head, name, spool, working)
    if choices.sheet is not None:
        raise ListRefused(f"{name} is text and has no sheets. Read it without naming one.")
    return text


def _unzipped(
    archive: Archive, name: str, phone_key: str, spool: Path, choices: Choices, working: Callable[[], object]
) -> Text:
    """The text of the one list in *archive*."""
    lists = lists_in(archive)
    if not lists:
        raise ListRefused(f"{name} is a zip file with no list in it. Drop the list itself.")
    if len(lists) > 1:
        names = ", ".join(map(member_name, lists[:5])) + (f" and {len(lists) - 5:,} more" if len(lists) > 5 else "")
        raise ListRefused(
            f"{name} holds {len(lists):,} files, and one list is expected: {names}. Unpack it and drop each list by "
            "itself."
        )
    inner = member_name(lists[0])
    unpacked = spool.with_name(f"{spool.name}.unpacked")
    try:
        with unpacked.open("wb") as file:
            file.writelines(archive.read(lists[0]))
        text = _as_text(unpacked, f"{inner} in {name}", phone_key, spool, choices, working, nested=True)
        if not text.spooled:
            unpacked.replace(spool)
    finally:
        unpacked.unlink(missing_ok=True)
    remarks = (f"{inner} read, the one list in the zip file", *text.remarks)
    return replace(text, path=spool, spooled=True, remarks=remarks)


# --- text -----------------------------------------------------------------------------------------------------------


def _plain_text(path: Path, head: bytes, name: str, spool: Path, working: Callable[[], object]) -> Text:
    if not head.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise ListRefused(f"{name} is empty. Fill a column called `phone`, one phone a line, and drop the file again.")
    encoding, bom = _marked(head)
    _refuse_other_kinds(head, encoding, bom, name)
    errors, remark, spooled = "replace", f"read as {encoding.upper()}", True
    lengths = _LineLengths(name)
    if encoding == "utf-8":
        encoding, errors, remark, spooled = _surveyed(_pieces(path, 0, working), lengths, bom=bool(bom))
        bom = bom if encoding == "utf-8" else 0
    if spooled:
        with spool.open("w", encoding="utf-8", newline="") as file:
            file.writelines(_one_line_end(_decoded(_pieces(path, bom, working), encoding, errors), lengths))
        path, encoding, errors, bom = spool, "utf-8", "strict", 0
    remarks = (remark,) if remark else ()
    return Text(path, name, encoding, errors, bom, remarks, None, spooled, endless=lengths.endless)


class _LineLengths:
    """
    How long the lines of the text called *name* are: `endless` when one is longer than any is read.

    A text that begins with such a line is no list, and refused; so is one with a line that is longer still.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._length = 0  # of the line that goes on
        self._line = 1
        self.endless = False

    def add(self, size: int, last_end: int, ends: int) -> None:
        """A piece of *size* comes next, with *ends* of lines, the last of them at *last_end*, -1 for none."""
        self._line += ends
        self._length = size - 1 - last_end if last_end >= 0 else self._length + size
        if self._length > LONGEST_LINE:
            self.endless = True
            most = LONGEST_LINE if self._line == 1 else _HOPELESS
            if self._length > most:
                raise ListRefused(
                    f"{self._name} has more than {most:,} characters on line {self._line:,}. "
                    "A list has one phone a line: put each on its own and drop the file again."
                )


def _surveyed(pieces: Iterable[bytes], lengths: _LineLengths, *, bom: bool) -> tuple[str, str, str, bool]:
    """
    Look through the *pieces* of a text once. Its encoding, how to treat errors, a remark on that, and whether it needs a spool file.

    UTF-8 can only be told from Windows-1252 at its last byte. NULs, and a CR without LF, are what a text that is read in
    place may not have.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    decodable, unclean, ended_in_return = True, False, False
    for chunk in pieces:
        ends = chunk.count(b"\n") or chunk.count(b"\r")
        lengths.add(len(chunk), max(chunk.rfind(b"\n"), chunk.rfind(b"\r")), ends)
        if not unclean:
            lone = chunk.count(b"\r") - chunk.count(b"\r\n") - chunk.endswith(b"\r")
            unclean = lone > 0 or (ended_in_return and not chunk.startswith(b"\n")) or b"\0" in chunk
            ended_in_return = chunk.endswith(b"\r")
        if decodable:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                decodable = False
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        decodable = False
    unclean = unclean or ended_in_return
    if decodable:
        return "utf-8", "strict", "", unclean
    if bom:
        return "utf-8", "replace", "some characters are damaged", unclean
    # Five bytes mean nothing in Windows-1252; whatever they stood for, it was no digit.
    return "cp1252", "replace", "read as Windows-1252, since it is not UTF-8", unclean


def _pieces(path: Path, start: int, working: Callable[[], object]) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while piece := file.read(LONGEST):
            working()
            yield piece


def _decoded(pieces: Iterable[bytes], encoding: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    for piece in pieces:
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def _one_line_end(pieces: Iterable[str], lengths: _LineLengths) -> Iterator[str]:
    """*pieces* with every line end an LF, and without NULs."""
    ended_in_return = False
    for piece in pieces:
        text = f"\r{piece}" if ended_in_return else piece
        ended_in_return = text.endswith("\r")
        text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
        yield text.replace("\0", "")
        lengths.add(len(text), text.rfind("\n"), text.count("\n"))
    if ended_in_return:
        yield "\n"


def _marked(head: bytes) -> tuple[str, int]:
    """The encoding that the first bytes announce, and the length of their mark; UTF-8 when they announce none."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    start = head[:4096]
    # Without its mark: in a list, three bytes of four are 0 in UTF-32, and every second in UTF-16.
    zeros = [start[place::4].count(0) * 2 > len(start) // 4 for place in range(4)]
    if zeros in ([False, True, True, True], [True, True, True, False]):
        return ("utf-32-be" if zeros[0] else "utf-32-le"), 0
    if start[1::2].count(0) * 2 > len(start) // 2 and start[::2].count(0) * 10 < len(start):
        return "utf-16-le", 0
    if start[::2].count(0) * 2 > len(start) // 2 and start[1::2].count(0) * 10 < len(start):
        return "utf-16-be", 0
    return "utf-8", 0


def _refuse_other_kinds(head: bytes, encoding: str, bom: int, name: str) -> None:
    kind = kinds.kind_by_start(head) or kinds.kind_by_text(head[bom:_TOLD_BY].decode(encoding, "replace"), name)
    start = head[:8192]
    if kind is None and sum(start.count(byte) for byte in _CONTROLS) * 20 > len(start):
        kind = kinds.NOT_TEXT
    if kind is not None:
        raise no_list(name, kind)
