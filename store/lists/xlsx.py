"""
A reader of Excel workbooks (`.xlsx`) that holds one row at a time, and no more of a workbook than that.

Libraries load a sheet, or at least its texts, as a whole: half a megabyte of file can be half a gigabyte of it. Here the
parts go through expat in pieces (ECMA-376, part 1, 18: https://ecma-international.org/publications-and-standards/standards/ecma-376/),
and texts that cells share wait in a file.
"""

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import unquote
from xml.parsers import expat
from zipfile import ZipInfo

from store.errors import ListRefused
from store.lists.archives import Archive
from store.lists.number_formats import BUILT_IN, STYLES, iso_text, kind_of, moment_text
from store.lists.shared_texts import Texts
from store.lists.sheets import SHEETS, BrokenWorkbookError, Layout, Rows, Sheet, SheetRow, clean
from store.lists.xlsx_rows import RowHandler, read_texts
from store.lists.xml_parts import Depth, local_name, parsed

_NAME_LONGEST: Final = 1_000  # characters of what is kept of a tag
_WORKBOOK: Final = re.compile(r"xl/workbook\d*\.xml")
_RELATIONS: Final = "_rels/.rels"
_TYPES: Final = "[content_types].xml"


class _MissingPartError(BrokenWorkbookError):
    """A part is not there."""


class Workbook:
    """
    An open workbook; `sheets` in their order.

    What it reads raises `BrokenWorkbookError`, `ListRefused` for what is too much, and OSError when texts cannot be
    kept. The limit is the archive's.
    """

    def __init__(self, archive: Archive, name: str, scratch: Path) -> None:
        self._archive = archive
        self._name = name
        self._parts = {part_name(member.filename): member for member in archive.members}
        if len(self._parts) < len(archive.members):
            raise BrokenWorkbookError("two parts have the same name")
        place = self._place()
        relations = self._relations(place)
        self._from_1904 = False
        self.sheets = self._sheets(place, relations)
        self._kinds = self._styles(_target(relations, "styles"))
        self._texts: Texts | None = None
        self._texts_part = _target(relations, "sharedStrings")
        self._scratch = scratch

    @classmethod
    @contextmanager
    def open(
        cls, path: Path, name: str, scratch: Path, *, limit: int, working: Callable[[], object]
    ) -> Iterator["Workbook"]:
        """
        The workbook at *path*, called *name*, of *limit* bytes unpacked; what it shares is kept in the folder *scratch*.

        *working*: see `Archive`.
        """
        with Archive.open(path, name, limit=limit, working=working) as archive:
            workbook = cls(archive, name, scratch)
            try:
                yield workbook
            finally:
                if workbook._texts is not None:
                    workbook._texts.close()

    def _rows(self, part: ZipInfo, layout: Layout) -> Rows:
        if self._texts is None:
            self._texts = self._shared_texts()
        ready: list[SheetRow] = []
        parser = expat.ParserCreate()
        RowHandler(ready, self._texts, self._kinds, self._text_of, self._name, layout).handle(parser)
        with closing(parsed(self._archive, part, parser)) as pieces:
            for _ in pieces:
                yield from ready
                ready.clear()

    def _text_of(self, kind: str, value: str, style: str | None) -> str:
        """What a cell shows that is no shared text and no plain number, from its type, its value and its style."""
        if kind == "n":
            return moment_text(value, self._kinds[style], from_1904=self._from_1904)
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind == "d":
            return iso_text(value)
        return clean(value)

    def _part(self, place: str) -> ZipInfo:
        """
        The part at *place*; where there is none, the only one so called.

        Some programs pack parts without their folders, or all in a folder of its own.
        """
        for name in (part_name(place), part_name(unquote(place))):
            if name in self._parts:
                return self._parts[name]
        called = posixpath.basename(part_name(place))
        alike = [name for name in self._parts if posixpath.basename(name) == called]
        if len(alike) != 1:
            raise _MissingPartError(f"there is no {place}")
        return self._parts[alike[0]]

    def _place(self) -> str:
        """Where the workbook itself is: its package says so."""
        with suppress(_MissingPartError):
            if place := _target(self._relations_in(self._part(_RELATIONS), ""), "officeDocument"):
                return part_name(self._part(place).filename)
        return next(filter(_WORKBOOK.fullmatch, self._parts), "xl/workbook.xml")

    def _elements(self, part: ZipInfo, handle: Callable[[str, dict[str, str]], object]) -> None:
        """Call *handle* with the name and the attributes of each element of *part*, without their prefixes."""
        parser = expat.ParserCreate()
        depth = Depth(parser)

        def start(tag: str, attributes: dict[str, str]) -> None:
            depth.enter()
            handle(local_name(tag), {local_name(key): value[:_NAME_LONGEST] for key, value in attributes.items()})

        parser.StartElementHandler = start
        for _ in parsed(self._archive, part, parser):
            pass

    def _relations(self, place: str) -> dict[str, tuple[str, str]]:
        """Kind and part of what the part at *place* refers to, by id."""
        folder, base = posixpath.split(place)
        return self._relations_in(self._part(f"{folder}/_rels/{base}.rels"), folder)

    def _relations_in(self, part: ZipInfo, folder: str) -> dict[str, tuple[str, str]]:
        relations: dict[str, tuple[str, str]] = {}

        def take(tag: str, attributes: dict[str, str]) -> None:
            if tag == "Relationship" and len(relations) < SHEETS + 100:
                kind = attributes.get("Type", "").rpartition("/")[2]
                target = attributes.get("Target", "").replace("\\", "/")
                relations[attributes.get("Id", "")] = kind, posixpath.join("/", folder, target)

        self._elements(part, take)
        return relations

    def _sheets(self, place: str, relations: dict[str, tuple[str, str]]) -> list[Sheet]:
        found: list[tuple[str, bool, str]] = []

        def take(tag: str, attributes: dict[str, str]) -> None:
            if tag == "sheet":
                kind, target = relations.get(attributes.get("id", ""), ("", ""))
                if kind == "worksheet":
                    found.append((attributes.get("name", ""), attributes.get("state", "visible") == "visible", target))
                if len(found) > SHEETS:
                    raise ListRefused(
                        f"{self._name} has more than {SHEETS:,} sheets. Save the one with the phones as CSV and drop that."
                    )
            elif tag == "workbookPr":
                self._from_1904 = attributes.get("date1904") in {"1", "true"}

        self._elements(self._part(place), take)
        parts = [self._part(target) for _, _, target in found]
        if len({part.filename for part in parts}) < len(parts):
            raise BrokenWorkbookError("two sheets are one")
        return [
            Sheet(name, visible, partial(self._rows, part))
            for (name, visible, _), part in zip(found, parts, strict=True)
        ]

    def _styles(self, place: str | None) -> dict[str | None, str]:
        """Of each style of cells that shows numbers as something else, by its number: "date" or "elapsed"."""
        formats: dict[str, str] = {}
        styles: dict[str | None, str] = {}
        inside = number = 0

        def take(tag: str, attributes: dict[str, str]) -> None:
            nonlocal inside, number
            if tag in {"cellXfs", "cellStyleXfs", "dxfs"}:
                inside = tag == "cellXfs"
            elif tag == "numFmt" and (kind := kind_of(attributes.get("formatCode", ""))) and len(formats) < STYLES:
                formats[attributes.get("numFmtId", "")] = kind
            elif tag == "xf" and inside:
                identity = attributes.get("numFmtId", "0")
                if (kind := formats.get(identity) or BUILT_IN.get(identity)) and number < STYLES:
                    styles[str(number)] = kind
                number += 1

        if place is not None:
            with suppress(_MissingPartError):
                self._elements(self._part(place), take)
        return styles

    def _shared_texts(self) -> Texts:
        texts = Texts(self._scratch, self._name)
        try:
            if self._texts_part is not None:
                parser = expat.ParserCreate()
                read_texts(parser, texts.add)
                for _ in parsed(self._archive, self._part(self._texts_part), parser):
                    pass
            texts.finish()
        except BaseException:
            texts.close()
            raise
        return texts


def part_name(name: str) -> str:
    """Names of parts are the same in any case (ECMA-376, part 2, 9.1.1), and some programs write backslashes."""
    return posixpath.normpath("/" + name.replace("\\", "/")).lstrip("/").casefold()


def part_names(members: Iterable[ZipInfo]) -> set[str]:
    """The names of a zip file's *members* as parts of a package."""
    return {part_name(member.filename) for member in members}


def is_package(names: AbstractSet[str]) -> bool:
    """Is a zip file with parts of these *names* a workbook, or another package of Office's?"""
    return any(posixpath.basename(name) == _TYPES for name in names) or any(
        name == _RELATIONS or _WORKBOOK.fullmatch(name) for name in names
    )


def _target(relations: dict[str, tuple[str, str]], kind: str) -> str | None:
    return next((place for of_kind, place in relations.values() if of_kind == kind), None)
