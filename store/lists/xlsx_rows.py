"""The rows and shared texts of an Excel workbook, as expat comes upon their elements (ECMA-376, part 1, 18.3 and 18.4)."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final
from xml.parsers import expat

from store.lists.number_formats import number_text
from store.lists.shared_texts import Texts
from store.lists.sheets import (
    CELL_LONGEST,
    COLUMNS,
    LONG,
    MOST_LONG,
    ROWS,
    BrokenWorkbookError,
    Layout,
    SheetRow,
    clean,
    column_letters,
    column_number,
    too_large,
)
from store.lists.xml_parts import DEEPEST, local_name

# Elements by their names: of few, and of as many more as there are prefixes.
_VALUE, _FORMULA, _CELL, _TEXT, _ROW, _SPOKEN, _DATA, _ITEM, _WIDTH, _MERGED, _FILTER = range(1, 12)
_TAGS: Final = {
    "row": _ROW,
    "c": _CELL,
    "v": _VALUE,
    "t": _TEXT,
    "f": _FORMULA,
    "rPh": _SPOKEN,
    "sheetData": _DATA,
    "si": _ITEM,
    "col": _WIDTH,
    "mergeCell": _MERGED,
    "filterColumn": _FILTER,
}


class _Tags(dict[str, int]):
    """`_TAGS` with whatever prefix a name comes with."""

    def __missing__(self, name: str) -> int:
        what = _TAGS.get(local_name(name), 0)
        if len(self) < 100:  # whoever makes names up gets no room for them
            self[name] = what
        return what


def read_texts(parser: expat.XMLParserType, add: Callable[[str], object]) -> None:
    """Have *parser* call *add* with each shared text (18.4): the runs of one together, without how it is spoken."""
    tags = _Tags(_TAGS)
    parts: list[str] = []
    held = depth = 0
    taking = spoken = False

    def start(tag: str, _attributes: list[str]) -> None:
        nonlocal depth, taking, spoken
        what = tags[tag]
        depth += 1
        if depth > DEEPEST:
            raise BrokenWorkbookError("elements without end in each other")
        if what == _TEXT:
            taking = not spoken
        elif what == _SPOKEN:
            spoken = True

    def end(tag: str) -> None:
        nonlocal depth, held, taking, spoken
        what = tags[tag]
        depth -= 1
        taking = False
        if what == _ITEM:
            add(clean("".join(parts)))
            parts.clear()
            held = 0
            spoken = False
        elif what == _SPOKEN:
            spoken = False

    def text(piece: str) -> None:
        nonlocal held
        if taking and held <= CELL_LONGEST:
            parts.append(piece[: CELL_LONGEST + 1 - held])
            held += len(piece)

    parser.ordered_attributes = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text


class RowHandler:
    """The rows of a sheet (18.3.1.73) as expat comes upon them: whole ones are put into *ready*."""

    def __init__(
        self,
        ready: list[SheetRow],
        texts: Texts,
        kinds: Mapping[str | None, str],
        other: Callable[[str, str, str | None], str],
        name: str,
        layout: Layout,
    ) -> None:
        self._ready = ready
        self._texts = texts
        self._kinds = kinds
        self._other = other  # what a cell shows that is no shared text and no plain number
        self._name = name
        self._layout = layout
        self._last = 0

    def numbered(self, digits: str, width: int) -> int:
        """The number of a row, which is higher than that of the one before."""
        number = int(digits)
        if number > ROWS:
            raise too_large(self._name, number, max(1, width))
        if number <= self._last:
            raise BrokenWorkbookError("a row stands where another is")
        return number

    def handle(self, parser: expat.XMLParserType) -> None:
        """
        Have *parser* tell of the elements.

        Variables of one function and not attributes, since ten million cells go through here.
        """
        tags, ready, name, shown_as, other = _Tags(_TAGS), self._ready, self._name, self._kinds, self._other
        texts, letters, layout = self._texts, column_letters(), self._layout
        cells: list[str] = []
        parts: list[str] = []
        inline: list[str] = []
        attributes: dict[str, str] = {}
        held = taken = column = row = depth = 0
        digits = formula = ""
        value: str | None = None
        taking = inside = placed = spoken = hidden = False

        def placed_at(place: str) -> int:
            """The column of the cell at *place*, which is not where the one before it leads to."""
            nonlocal digits, placed, row
            found = place.rstrip("0123456789")
            number = column_number(found)
            if place[len(found) :] != digits:
                if placed or cells:
                    raise BrokenWorkbookError("a cell of another row")
                digits, placed = place[len(found) :], True
                row = self.numbered(digits, number)
            return number

        def start(tag: str, given: dict[str, str]) -> None:
            nonlocal attributes, held, taken, column, row, digits, formula, value, taking, inside, placed, spoken, depth
            nonlocal hidden
            what = tags[tag]
            depth += 1
            if depth > DEEPEST:
                raise BrokenWorkbookError("elements without end in each other")
            if what == _VALUE:
                taking, taken = True, 0
                parts.clear()
            elif what == _CELL:
                value, attributes, formula, taken = None, given, "", 0
                inline.clear()
            elif what == _TEXT:
                taking = not spoken
                parts.clear()
            elif what == _FORMULA:
                taking = True
                parts.clear()
            elif what == _ROW and inside:
                column = held = 0
                cells.clear()
                number = given.get("r")
                placed = number is not None
                digits = number or str(self._last + 1)
                row = self.numbered(digits, 1)
                hidden = is_hidden(given, "ht")
            elif what == _SPOKEN:
                spoken = True
            elif what == _DATA:
                inside = True
            elif what == _WIDTH and not inside and is_hidden(given, "width"):
                layout.hide(int(given.get("min", "1")) - 1, int(given.get("max", "1")) - 1)
            elif what == _MERGED:
                with suppress(ValueError, BrokenWorkbookError):  # a merge of nothing hides nothing
                    layout.merge(*_reach(given.get("ref", "")))
            elif what == _FILTER and "hiddenButton" not in given:  # which only says that a column cannot be filtered
                layout.filtered = True

        def end(tag: str) -> None:
            nonlocal held, column, formula, value, taking, inside, spoken, depth
            what = tags[tag]
            depth -= 1
            if what == _VALUE:
                value, taking = "".join(parts), False
            elif what == _CELL:
                place = attributes.get("r")
                if place is None or place == letters[column] + digits:
                    column += 1
                else:
                    column = placed_at(place)
                if column > COLUMNS:
                    raise too_large(name, row, column)
                if value is not None:
                    kind = attributes.get("t", "n")
                    if kind == "s":
                        shown = texts[int(value)]
                    elif kind == "n" and attributes.get("s") not in shown_as:
                        shown = number_text(value)
                    else:
                        shown = other(kind, value, attributes.get("s"))
                elif inline:
                    shown = clean("".join(inline))
                elif formula:
                    shown = f"={clean(formula)}"  # which nobody computed: it is shown and not passed over
                else:
                    return
                if len(shown) > LONG:
                    held += len(shown)
                    if held > MOST_LONG:
                        shown = shown[:LONG]
                missing = column - len(cells) - 1
                if missing:
                    if missing < 0:
                        cells[column - 1] = shown
                        return
                    cells.extend([""] * missing)
                cells.append(shown)
            elif what == _ROW:
                if inside and cells:
                    ready.append((row, cells.copy(), hidden))
                if inside:
                    self._last = row
                    cells.clear()
            elif what == _TEXT:
                if taking:
                    inline.extend(parts)
                    parts.clear()
                    taking = False
            elif what == _FORMULA:
                formula, taking = "".join(parts) or "…", False
            elif what == _SPOKEN:
                spoken = False
            elif what == _DATA:
                inside = False

        def text(piece: str) -> None:
            nonlocal taken
            if taking and taken <= CELL_LONGEST:
                parts.append(piece[: CELL_LONGEST + 1 - taken])
                taken += len(piece)

        parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text


def is_hidden(attributes: Mapping[str, str], size: str) -> bool:
    """Is a row or a column with these *attributes* hidden, or as good as that, by its *size*?"""
    return attributes.get("hidden") in {"1", "true"} or attributes.get(size) in {"0", "0.0"}


def _reach(reference: str) -> tuple[int, int, int, int]:
    """First and last row, from 1, and column, from 0, of merged cells: "B1:C2" is (1, 2, 1, 2)."""
    start, _, end = reference.replace("$", "").partition(":")
    first, last = start.rstrip("0123456789"), end.rstrip("0123456789")
    return int(start[len(first) :]), int(end[len(last) :]), column_number(first) - 1, column_number(last) - 1
