"""
Conversion of a sheet of a workbook into lines of text: one line a row, so that a line's number is the row's.

An `.xlsx` is read by `store/lists/xlsx.py`, an `.xls` by `store/lists/xls.py`, an `.ods` by `store/lists/ods.py`, all row by
row. What a person does not see of it is left out here, whatever kind it is.
"""

import contextlib
import csv
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from pathlib import Path
from typing import Final

from store.choices import NOTHING_CHOSEN, Choices, Offer, Question, Undecided
from store.errors import ListRefused
from store.lists.columns import THRUTEXT, USUAL_PHONE, column_key, is_phone_name, likely_phones
from store.lists.kinds import OLD_WORKBOOK, OPEN_SHEET, FileKind
from store.lists.ods import OpenSheets
from store.lists.sheets import (
    CELL_LONGEST,
    CELLS,
    LONG,
    LONGEST,
    MOST_TALL,
    BrokenWorkbookError,
    Layout,
    Rows,
    Sheet,
    letter_of,
    too_large,
)
from store.lists.xls import OldWorkbook
from store.lists.xlsx import Workbook

_INFLATED: Final = 1_000_000_000  # bytes that an .xlsx may unpack to
_TEXT: Final = 1_000_000_000  # characters in the sheet that is read: as large as a list may be in Slack
_SAMPLE_ROWS: Final = 200
_HEADER_WITHIN: Final = 20
_MOST_OFFERED: Final = 10  # sheets
_MOST_NAMED: Final = 5  # columns
_SHORT: Final = (
    50  # characters that are kept of each cell in a row that is too long with all of them: a phone has fewer
)
# Of cells that are merged over several rows: at once in how many columns, and characters of one and of all that are repeated.
_REACHING: Final = 20
_REPEATED_LONGEST: Final = 100
_REPEATED: Final = 50_000_000
_MOST_SPREAD: Final = 10  # columns that a name is merged over


@dataclass(frozen=True, slots=True)
class SheetRead:
    """What is to be said of the sheet that was written: `remarks`, and `questions` on what else could have been read."""

    remarks: tuple[str, ...]
    questions: tuple[Question, ...]


def sheet_as_text(
    path: Path,
    name: str,
    phone_key: str,
    spool: Path,
    *,
    kind: FileKind,
    working: Callable[[], object],
    choices: Choices = NOTHING_CHOSEN,
) -> SheetRead:
    """
    Write the sheet of the workbook at *path* that is the list to *spool*: UTF-8, LF, tabs, quoted like CSV.

    The list is the sheet of *choices*, else the one visible sheet with phones: in a column called *phone_key* (as `column_key` gives
    it), or in one that looks like phones. Where none has any it is the first with anything in it. What is hidden is left out,
    its rows as blank lines, unless *choices* take it in. *kind*: of the workbook, one of `kinds.SHEETS`. *working* is called now and then,
    and may raise. Raises `Undecided` where several sheets have phones, or only what is hidden has, `ListRefused` for what is broken,
    locked, too big or empty, and OSError.
    """
    try:
        with _opened(path, name, spool.parent, kind, working) as sheets:
            choosing = _Choosing(sheets, name, phone_key, choices)
            return _written(choosing.sheet(), choosing, spool)
    except BrokenWorkbookError as error:
        raise ListRefused(
            f"{name} is {kind.what} that cannot be read: it is broken. Save it again and drop that."
        ) from error


@contextlib.contextmanager
def _opened(
    path: Path, name: str, scratch: Path, kind: FileKind, working: Callable[[], object]
) -> Iterator[Sequence[Sheet]]:
    """The sheets of a workbook of any *kind*."""
    if kind is OLD_WORKBOOK:
        with OldWorkbook.open(path, name, scratch, working=working) as old:
            yield old.sheets
        return
    reader = OpenSheets if kind is OPEN_SHEET else Workbook
    with reader.open(path, name, scratch, limit=_INFLATED, working=working) as workbook:
        yield workbook.sheets


class _Fit(IntEnum):
    """How well a sheet would do as the list."""

    EMPTY = 0
    SOMETHING = 1
    HEADER = 2  # and nothing below it
    PHONES = 3
    EXPORT = 4
    COLUMN = 5


class _Choosing:
    """Which of the *sheets* of the workbook called *name* is the list, and what is said of the others."""

    def __init__(self, sheets: Sequence[Sheet], name: str, phone_key: str, choices: Choices) -> None:
        self.name = name
        self.choices = choices
        self.visible = [sheet for sheet in sheets if sheet.visible] or list(sheets)
        self._hidden = [sheet for sheet in sheets if sheet not in self.visible]
        self._phone_key = phone_key
        self._hiding: set[Sheet] = set()  # with something hidden in them, as far as they were looked at
        self._fits = {sheet: self._fit(sheet, hidden=choices.hidden) for sheet in sheets}
        self._count = len(sheets)

    def sheet(self) -> Sheet:
        """The sheet that is the list."""
        if self.choices.sheet is not None:
            sheet = self._called(self.choices.sheet)
            self._ask_for_hidden_in([sheet])
            return sheet
        with_phones = self._with_phones(self.visible)
        if len(with_phones) > 1:
            text = (
                f"{self.name} has phones in {len(with_phones)} sheets: {_listed(with_phones)}. Which one is the list?"
            )
            raise Undecided(text, Question(text, self._offers(with_phones)))
        if with_phones:
            return with_phones[0]
        self._ask_for_hidden()
        best = max(self.visible, key=lambda sheet: self._fits[sheet], default=None)
        if best is None or not self._fits[best]:
            raise ListRefused(
                f"{self.name} is empty. Fill a column called `phone`, one phone a row, and drop the file again."
            )
        return best

    def _called(self, wanted: str) -> Sheet:
        every = [*self.visible, *self._hidden]
        for compared in (str, column_key):
            for sheet in every:
                if compared(sheet.name) == compared(wanted):
                    return sheet
        raise ListRefused(f"{self.name} has no sheet called {short_name(wanted)}. It has: {_listed(every)}.")

    def _with_phones(self, sheets: Sequence[Sheet]) -> list[Sheet]:
        with_phones = [sheet for sheet in sheets if self._fits[sheet] >= _Fit.PHONES]
        # A column that a person named decides where any sheet has it.
        named = [sheet for sheet in with_phones if self._fits[sheet] is _Fit.COLUMN]
        return named if named and self._phone_key != USUAL_PHONE else with_phones

    def _ask_for_hidden(self) -> None:
        """Raise `Undecided` where phones are in what is hidden, and nowhere else."""
        hidden = self._with_phones(self._hidden)
        if hidden:
            text = f"{self.name} has phones only in what is hidden in it: {_listed(hidden)}."
            raise Undecided(text, Question(text, self._offers(hidden)))
        self._ask_for_hidden_in(self.visible)

    def _ask_for_hidden_in(self, sheets: Sequence[Sheet]) -> None:
        """Raise `Undecided` where one of *sheets*, none of which shows phones, has them in hidden rows or columns."""
        for sheet in sheets:
            if self._fits[sheet] >= _Fit.PHONES or sheet not in self._hiding or self.choices.hidden:
                continue
            if self._fit(sheet, hidden=True) >= _Fit.PHONES:
                text = f"{self.name} has phones only in rows or columns that are hidden in {sheet_name(sheet)}."
                raise Undecided(text, Question(text, (_TAKEN_IN,)))

    def of_others(self, read: Sheet) -> SheetRead:
        """What is said of the sheets that are not *read*."""
        remarks = [f"sheet '{read.name}' read, one of {self._count}"] if self._count > 1 else []
        others = [sheet for sheet in self._with_phones([*self.visible, *self._hidden]) if sheet is not read]
        unseen = [sheet for sheet in self._hidden if self._fits[sheet] and sheet not in others and sheet is not read]
        if unseen:
            remarks.append(f"{with_noun(len(unseen), 'hidden sheet')} left out: {_listed(unseen)}")
        if not others:
            return SheetRead(tuple(remarks), ())
        hidden = " (hidden)" if all(sheet in self._hidden for sheet in others) else ""
        text = f"Sheet {sheet_name(read)} is read, and the phones in {_listed(others)}{hidden} are not."
        return SheetRead(tuple(remarks[1:]), (Question(text, self._offers(others), open=False),))

    @staticmethod
    def _offers(sheets: Sequence[Sheet]) -> tuple[Offer, ...]:
        return tuple(
            Offer(f"Read sheet {sheet.name}", {"sheet": sheet.name}, f"--sheet {shlex.quote(sheet.name)}")
            for sheet in sheets[:_MOST_OFFERED]
        )

    def _fit(self, sheet: Sheet, *, hidden: bool) -> _Fit:
        seen = _Seen(hidden=hidden)
        with contextlib.closing(sheet.rows(seen.layout)) as rows:
            filled = ([cell[:LONG] for cell in cells] for _, cells in seen.of(rows) if any(map(str.strip, cells)))
            sample = list(islice(filled, _SAMPLE_ROWS))
        if seen.rows or seen.columns:
            self._hiding.add(sheet)
        if not sample:
            return _Fit.EMPTY
        for place, row in enumerate(sample[:_HEADER_WITHIN]):
            keys = list(map(column_key, row))
            if self._phone_key in keys:
                at = keys.index(self._phone_key)
                below = any(len(cells) > at and cells[at].strip() for cells in sample[place + 1 :])
                return _Fit.COLUMN if below or len(sample) == _SAMPLE_ROWS else _Fit.HEADER
        if any(set(map(column_key, row)) >= THRUTEXT for row in sample[:_HEADER_WITHIN]):
            return _Fit.EXPORT
        width = max(map(len, sample))
        unnamed = [f"column {place}" for place in range(width)]
        even = [row + [""] * (width - len(row)) for row in sample]
        phones = likely_phones(unnamed, even[1:]) or likely_phones(unnamed, even)
        return _Fit.PHONES if phones else _Fit.SOMETHING


_TAKEN_IN: Final = Offer("Take in what is hidden", {"hidden": True}, "--with-hidden")
_LEFT_OUT: Final = Offer("Leave out what is hidden", {"hidden": False}, "no --with-hidden")


class _Seen:
    """The rows of a sheet as a person sees them, or with what is *hidden*; counts that."""

    def __init__(self, *, hidden: bool) -> None:
        self.layout = Layout()
        self.rows = 0  # that are hidden
        self.columns: dict[int, str] = {}  # that are hidden and have something in them, with what stands first
        self._taken_in = hidden
        self.cut = 0  # cells of which only the first characters are kept

    def fitting(self, cells: list[str]) -> list[str]:
        """*cells*, of which those that are too long are cut, and end in "…": for a note of megabytes nobody goes unread."""
        if sum(map(len, cells)) <= CELL_LONGEST:
            return cells
        most = CELL_LONGEST if sum(min(len(cell), CELL_LONGEST) for cell in cells) <= LONGEST else _SHORT
        self.cut += sum(len(cell) > most for cell in cells)
        return [cell if len(cell) <= most else f"{cell[:most]}…" for cell in cells]

    def of(self, rows: Rows) -> Iterator[tuple[int, list[str]]]:
        """*rows*, each with its number, without what is not seen."""
        for number, cells, hidden in rows:
            if hidden and any(map(str.strip, cells)):
                self.rows += 1
            if hidden and not self._taken_in:
                continue
            if self.layout.hidden:
                self._hide(cells)
            yield number, cells

    def _hide(self, cells: list[str]) -> None:
        hidden = self.layout.hidden
        for column, cell in enumerate(cells):
            if column in hidden and cell.strip():
                self.columns.setdefault(column, short_name(cell))
                if not self._taken_in:
                    cells[column] = ""

    def question(self, sheet: Sheet) -> Question | None:
        """What is said of what is hidden, with the button for the other way; None where nothing is."""
        parts = []
        if self.rows:
            parts.append(with_noun(self.rows, "row"))
        if self.columns:
            names = ", ".join(list(self.columns.values())[:_MOST_NAMED])
            more = ", …" if len(self.columns) > _MOST_NAMED else ""
            parts.append(f"{with_noun(len(self.columns), 'column')} ({names}{more})")
        if not parts:
            return None
        by = " by a filter" if self.layout.filtered and self.rows else ""
        several = self.rows + len(self.columns) > 1
        what = f"{' and '.join(parts)} {'are' if several else 'is'} hidden{by} in sheet {sheet_name(sheet)}"
        if self._taken_in:
            return Question(f"{what}, and taken in.", (_LEFT_OUT,), open=False)
        return Question(f"{what}, and left out.", (_TAKEN_IN,), open=False)


def with_noun(count: int, what: str) -> str:
    """A number of things: "1 row", "1,200 rows"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def sheet_name(sheet: Sheet) -> str:
    """The name of *sheet*, short enough for a sentence."""
    return f"'{short_name(sheet.name)}'"


def short_name(text: str) -> str:
    """*text* on one line, no longer than a person reads in a sentence."""
    text = " ".join(text.split())
    return text if len(text) <= 40 else f"{text[:39]}…"


def _listed(sheets: Sequence[Sheet]) -> str:
    names = list(map(sheet_name, sheets[:_MOST_OFFERED]))
    more = len(sheets) - len(names)
    if more:
        return f"{', '.join(names)} and {more:,} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _written(sheet: Sheet, choosing: _Choosing, spool: Path) -> SheetRead:
    seen = _Seen(hidden=choosing.choices.hidden)
    with (
        spool.open("w", encoding="utf-8", errors="replace", newline="") as file,
        contextlib.closing(sheet.rows(seen.layout)) as rows,
    ):
        file.writelines(_lines(seen, rows, choosing.name))
    spread = _with_merged(spool, seen.layout)
    said = choosing.of_others(sheet)
    hidden = seen.question(sheet)
    cut = [f"{with_noun(seen.cut, 'long cell')} cut, with no more than its first characters read"] if seen.cut else []
    return SheetRead((*said.remarks, *spread, *cut), (*said.questions, *([hidden] if hidden else ())))


def _with_merged(spool: Path, layout: Layout) -> list[str]:
    """
    Write what merged cells show wherever a person sees it, as a merged cell belongs to its first row and column alone; what was done, in words.

    The name of a phones' column that is merged over columns beside it goes above each of them; titles are left as they are. What
    reaches over several rows goes into each of those that have anything else in them.
    """
    remarks: list[str] = []
    if not layout.merged and not layout.tall:
        return remarks
    part = spool.with_name(f"{spool.name}.merged")
    try:
        with spool.open(encoding="utf-8", newline="\n") as old, part.open("w", encoding="utf-8", newline="") as new:
            new.writelines(_spread(_filled_down(old, layout.tall, remarks), layout.merged, remarks))
        if remarks:
            part.replace(spool)
    finally:
        part.unlink(missing_ok=True)
    return remarks


def _by_row(merged: Iterable[tuple[int, int, int]]) -> dict[int, list[tuple[int, int]]]:
    by_row: dict[int, list[tuple[int, int]]] = {}
    for row, *others in merged:
        by_row.setdefault(row, []).append((others[0], others[1]))
    return by_row


def _cells(line: str) -> list[str]:
    """The cells of a *line* as `_line` writes it; none where one is far too long to be a name or a value."""
    with contextlib.suppress(csv.Error):
        return next(csv.reader([line], delimiter="\t"), [])
    return []


def _filled_down(lines: Iterable[str], tall: Sequence[tuple[int, int, int]], remarks: list[str]) -> Iterator[str]:
    """*lines* with the text of each *tall* cell in all rows that it reaches to."""
    starts = _by_row(tall)
    reaching: dict[int, tuple[int, str]] = {}  # column to the last row, and the text
    columns: set[int] = set()
    room, all_of_them = _REPEATED, len(tall) < MOST_TALL
    for number, line in enumerate(lines, 1):
        reaching = {column: (last, text) for column, (last, text) in reaching.items() if last >= number and room > 0}
        if number not in starts and not reaching:
            yield line
            continue
        cells = _cells(line)
        beside = any(map(str.strip, cells))
        blank = [column for column in reaching if beside and not "".join(cells[column : column + 1]).strip()]
        cells += [""] * (max(blank, default=-1) + 1 - len(cells))
        for column in blank:
            cells[column] = reaching[column][1]
            room -= len(cells[column])
        columns.update(blank)
        for last, column in starts.get(number, ()):
            text = "".join(cells[column : column + 1]).strip()
            if text and len(text) <= _REPEATED_LONGEST and len(reaching) < _REACHING and room > 0:
                reaching[column] = last, text
            elif text:
                all_of_them = False
        yield f"{_line(cells)}\n" if blank else line
    if columns:
        letters = ", ".join(map(letter_of, sorted(columns)[:_MOST_NAMED]))
        some = "" if all_of_them and room > 0 else ", but not all of them"
        remarks.append(f"cells merged over several rows in column {letters} read as the text of each row{some}")


def _spread(lines: Iterable[str], merged: Sequence[tuple[int, int, int]], remarks: list[str]) -> Iterator[str]:
    """*lines* with the name of each *merged* column of phones above all that it reaches over."""
    by_row = _by_row(one for one in merged if one[2] - one[1] < _MOST_SPREAD)
    for number, line in enumerate(lines, 1):
        cells = _cells(line) if number in by_row else []
        named_before = len(remarks)
        for first, last in by_row.get(number, ()):
            beside = cells[first + 1 : last + 1]
            if len(cells) > first and is_phone_name(cells[first]) and not any(map(str.strip, beside)):
                cells += [""] * (last + 1 - len(cells))
                cells[first + 1 : last + 1] = [cells[first]] * (last - first)
                over = f"columns {letter_of(first)} to {letter_of(last)}"
                remarks.append(f"'{short_name(cells[first])}' is merged over {over}, and read as the name of each")
        yield f"{_line(cells)}\n" if len(remarks) > named_before else line


def _lines(seen: _Seen, rows: Rows, name: str) -> Iterator[str]:
    to_come, count, width, characters = 1, 0, 0, 0
    for number, cells in seen.of(rows):
        if number > to_come:
            yield "\n" * (number - to_come)
        to_come = number + 1
        while cells and not cells[-1].strip():
            cells.pop()
        count += len(cells)
        width = max(width, len(cells))
        if count > CELLS:
            raise too_large(name, number, width)
        text = _line(seen.fitting(cells))
        characters += len(text)
        if characters > _TEXT:
            raise ListRefused(
                f"{name} has more than {_TEXT // 1_000_000:,} million characters in its cells, which is the most that is "
                "read. In Excel, open the sheet with the phones, save it as CSV UTF-8 and drop that."
            )
        yield f"{text}\n"


def _line(cells: Sequence[str]) -> str:
    text = "\t".join(cells)
    if '"' not in text:
        return text
    return "\t".join('"' + cell.replace('"', '""') + '"' if '"' in cell else cell for cell in cells)
