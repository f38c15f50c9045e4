"""
Staging: a list is read and sorted into a scratch file, private to one machine, deterministic, and thrown away in the end.

Phones are stored in sorted order several times faster than in the file's, and a checkpoint in that order is one
phone. What `FastPath` knows never becomes an object of Python's; every other cell is read as if it were alone.
"""

import bisect
import hashlib
import json
import secrets
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from store.choices import NOTHING_CHOSEN, Choices
from store.lists.blocks import Block
from store.lists.formulas import unguarded
from store.lists.reader import ListReader
from store.lists.records import Damaged, Row
from store.lists.rowphones import RowPhones
from store.lists.sorting import Integers, Sorting, beginnings_of
from store.phones.display import country_of
from store.phones.numbers import PHONENUMBERS_VERSION, Reason
from store.records import Batch, ImportedNote, StagedCounts, UnreadableRow, Upload

# Called with the rows (or phones) done and the part of the work that is, 0 to 1. What it raises ends the work.
ReportProgress = Callable[[int, float], None]

_FIRST = 5
# Phones of the first rows, by which people recognise their list; and of how many they are taken.
_BEGINNING = 3
_BEGINNING_WITHIN = 1_000
# Rows read one by one between two words on how far it is: a twentieth of a second's work. As many, of so many
# characters, are first shown to the fast path together.
_CAREFUL = 1_000
_CAREFUL_CHARACTERS = 1 << 18
# Phones in a page of the scratch file, which is the most that a batch of them can be.
PAGE = 10_000
_COUNTRIES = 5
_PAGE_CHARACTERS = 4_000_000
# Reading takes about this part of the time; sorting the rest.
_READING = 0.95

# Of the tables below: a scratch file that another release left is not read.
_VERSION = 2
_TABLES = f"""
PRAGMA user_version = {_VERSION};
PRAGMA page_size = 65536;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000;
CREATE TABLE pages (id INTEGER PRIMARY KEY, last_phone TEXT NOT NULL, phones BLOB NOT NULL, lines BLOB NOT NULL);
CREATE TABLE flagged (phone TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE carried (line INTEGER PRIMARY KEY, requested_at TEXT, note TEXT);
CREATE TABLE unreadable (
    line INTEGER PRIMARY KEY, cell TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, cells TEXT NOT NULL
);
CREATE TABLE counts (json TEXT NOT NULL, label TEXT NOT NULL);
"""


class Scratch:
    """
    A finished scratch file: distinct phones with the first line each stands on, and unreadable rows.

    `counts` is what staging found, with `already` 0, for only the store knows that. Its `summary`:
    `unreadable` [[code of the reason, rows, first line], ...] commonest first; `first` phones of the list, in its order; `requested`, the moment of the oldest request that it names, None for none; `flagged` phones and `flagged_first` [[line, phone],
    ...]; `assumed` rows read with `country`; `phone_column` the phones were in; `remarks` of the whole list;
    `questions` on how the list is read, as JSON; `readable` cells, of a list with several columns of phones;
    `contact_signs` and `countries` [[region, phones], ...] for the guard.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, counts: StagedCounts) -> None:
        self.path = path
        self.counts = counts
        self._connection = connection
        self._carries = connection.execute("SELECT 1 FROM carried LIMIT 1").fetchone() is not None

    @classmethod
    def open(cls, path: Path, *, label: str = "") -> "Scratch | None":
        """The scratch file at *path*; None when there is none, none that is whole, or one that was made with another *label*."""
        if not path.is_file():
            return None
        # Applying reads ahead from a thread of its own, and nothing else reads meanwhile.
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
        try:
            if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
                connection.close()
                return None
            (packed,) = connection.execute("SELECT json FROM counts WHERE label = ?", (label,)).fetchone()
            values = json.loads(packed)
            values |= {"columns": tuple(values["columns"]), "choices": Choices.of_json(values["choices"])}
            return cls(path, connection, StagedCounts(**values))
        except (sqlite3.DatabaseError, TypeError, ValueError, KeyError):
            connection.close()  # damaged, or of another version of this program: staged again
            return None

    @property
    def rows(self) -> int:
        return self.counts.rows

    @property
    def sha256(self) -> str:
        return self.counts.sha256

    @property
    def summary(self) -> dict[str, Any]:
        return self.counts.summary

    def holds(self, upload: Upload) -> bool:
        """Is this the list of *upload*, read the way its preview was, to the last count?"""
        counts = self.counts
        return (
            (upload.sha256, upload.country, upload.phone_column) == (counts.sha256, counts.country, counts.phone_column)
            and upload.choices == counts.choices
        ) and (upload.rows, upload.phones, upload.unreadable) == (counts.rows, counts.phones, counts.unreadable)

    def batch(self, after: str, size: int) -> Batch:
        """The next phones after phone *after*, in phone order, *size* at most; "" is before all. Empty at the end."""
        page = self._connection.execute(_PAGE_AFTER, (after,)).fetchone()
        if page is None:
            return Batch({})
        phones = [f"+{phone}" for phone in np.frombuffer(page[0], np.int64).tolist()]
        start = bisect.bisect_right(phones, after)
        phones = phones[start : start + size]
        lines: list[int] = np.frombuffer(page[1], np.int64)[start : start + size].tolist()
        return Batch(dict(zip(phones, lines, strict=True)), self._imported_notes(phones, lines))

    def batches(self, size: int) -> Iterator[list[str]]:
        """All phones of the list, in phone order, *size* at a time."""
        after = ""
        while phones := list(self.batch(after, size).lines):
            yield phones
            after = phones[-1]

    def _imported_notes(self, phones: list[str], lines: list[int]) -> dict[str, ImportedNote]:
        if not self._carries:
            return {}
        rows = self._connection.execute(_CARRIED_ON, (json.dumps(lines),))
        by_line = {
            line: ImportedNote(None if at is None else datetime.fromisoformat(at), text) for line, at, text in rows
        }
        return {phone: by_line[line] for phone, line in zip(phones, lines, strict=True) if line in by_line}

    def unreadable(self, after_line: int, size: int) -> list[UnreadableRow]:
        """The next unreadable rows, *size* at most and fewer when they are long, in line order."""
        query = "SELECT line, cell, code, reason, cells FROM unreadable WHERE line > ? ORDER BY line LIMIT ?"
        page: list[UnreadableRow] = []
        characters = 0
        for line, cell, code, reason, cells in self._connection.execute(query, (after_line, size)):
            page.append(UnreadableRow(line, cell, Reason(code), reason, tuple(json.loads(cells))))
            characters += len(cells)
            if characters > _PAGE_CHARACTERS:
                break
        return page

    def close(self) -> None:
        self._connection.close()

    def delete(self) -> None:
        """Close it and remove its file."""
        self.close()
        self.path.unlink(missing_ok=True)


def stage(
    path: Path,
    scratch: Path,
    *,
    country: str | None,
    column: str | None,
    choices: Choices = NOTHING_CHOSEN,
    progress: ReportProgress,
    name: str | None = None,
    label: str = "",
) -> Scratch:
    """
    Read the list at *path* into a scratch file at *scratch*, which appears only when it is whole.

    *country*: for phones that name none; *column*: the phones' column, None for the usual one; *choices*: how else
    people chose to have it read; *name*: what people call the file; *label*: whose list it is, for `Scratch.open`. Raises `ListRefused`, and whatever *progress* raises.
    Leaves nothing behind when it fails; what a killed one left is removed by the next.
    """
    for left in scratch.parent.glob(f"{scratch.name}.*.part*"):
        left.unlink(missing_ok=True)
    # A frozen process may wake up and still be writing its own: no two share a file.
    part = scratch.with_name(f"{scratch.name}.{secrets.token_hex(4)}.part")
    try:
        with ListReader(
            path,
            column=column,
            choices=choices,
            name=name,
            spool=part.with_suffix(".text.part"),
            working=lambda: progress(0, 0.0),
        ) as reader:
            while (counts := _fill(part, path, reader, country, column, choices, progress, label)) is None:
                part.unlink()
        part.replace(scratch)
    finally:
        part.unlink(missing_ok=True)
    progress(counts.rows, 1.0)
    finished = Scratch.open(scratch, label=label)
    if finished is None:
        msg = f"{scratch} is not as it was written"
        raise OSError(msg)
    return finished


def _fill(
    part: Path,
    path: Path,
    reader: ListReader,
    country: str | None,
    column: str | None,
    choices: Choices,
    progress: ReportProgress,
    label: str,
) -> StagedCounts | None:
    """Read the list of *reader* into *part*; None where it is to be read anew, by what some column said late in it."""
    sorting = Sorting(part)
    connection = sqlite3.connect(part, isolation_level=None)
    try:
        # Beside the reading: it is as much work as all of that, and lets other threads run.
        with ThreadPoolExecutor(1) as beside:
            fingerprint = beside.submit(_sha256, path)
            connection.executescript(_TABLES)
            connection.execute("BEGIN")
            rows = RowPhones(reader, country, country_index=country_place(reader))
            reading = _Reading(connection, sorting, rows)
            reading.read(reader, progress)
            if reader.look_again():
                return None
            phones, countries = _write_pages(connection, sorting.pieces(), lambda: progress(reading.rows, _READING))
            sha256 = fingerprint.result()
        summary = {
            "country": country,
            "phone_column": _storable(reader.phone_column),
            "assumed": reading.assumed,
            "remarks": [*map(_storable, reader.remarks), *rows.remarks()],
            "contact_signs": list(reader.contact_signs),
            "questions": [question.to_json() for question in (*reader.questions, *rows.questions())],
            "countries": countries,
            "unreadable": [list(row) for row in connection.execute(_REASONS)],
            **({"readable": reading.readable} if len(reader.phone_indexes) > 1 else {}),
            "first": reading.first,
            "requested": connection.execute("SELECT min(requested_at) FROM carried").fetchone()[0],
            "flagged": connection.execute("SELECT count(*) FROM flagged").fetchone()[0],
            "flagged_first": [list(row) for row in connection.execute(_FIRST_FLAGGED, (_FIRST,))],
        }
        counts = StagedCounts(
            rows=reading.rows,
            phones=phones,
            already=0,
            unreadable=connection.execute("SELECT count(*) FROM unreadable").fetchone()[0],
            summary=summary,
            columns=tuple(_storable(name) for name in reader.columns),
            sha256=sha256,
            phone_column=column,
            country=country,
            phonenumbers_version=PHONENUMBERS_VERSION,
            choices=choices,
        )
        connection.execute(
            "INSERT INTO counts VALUES (?, ?)", (json.dumps(asdict(counts) | {"choices": choices.to_json()}), label)
        )
        connection.execute("COMMIT")
        return counts
    finally:
        connection.close()
        sorting.close()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def country_place(reader: ListReader) -> int | None:
    """The place of the column that has each row's country, as people chose it; None where all rows are of one."""
    column = reader.choices.country_column
    return None if column is None else reader.place_of(column)


_REASONS = "SELECT code, count(*), min(line) FROM unreadable GROUP BY code ORDER BY 2 DESC, 3"
_FIRST_FLAGGED = "SELECT line, phone FROM flagged ORDER BY line LIMIT ?"
_FLAG = "INSERT INTO flagged VALUES (?, ?) ON CONFLICT (phone) DO NOTHING"
_KEEP_UNREADABLE = "INSERT INTO unreadable VALUES (?, ?, ?, ?, ?) ON CONFLICT (line) DO NOTHING"
_PAGE_AFTER = "SELECT phones, lines FROM pages WHERE last_phone > ? ORDER BY last_phone LIMIT 1"
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
_CARRIED_ON = "SELECT line, requested_at, note FROM carried WHERE line IN (SELECT value FROM json_each(?))"


class _Reading:
    """Sorts the rows of one list into the tables of its scratch file, and counts them."""

    def __init__(self, connection: sqlite3.Connection, sorting: Sorting, row_phones: RowPhones) -> None:
        self._connection = connection
        self._sorting = sorting
        self._row_phones = row_phones
        self.rows = self.readable = self.assumed = self._careful = self._width = 0
        self._phones: list[int] = []
        self._lines: list[int] = []
        self._waiting: list[Row | Damaged] = []
        self._room = _CAREFUL_CHARACTERS
        self._beginning: dict[int, int] = {}

    @property
    def first(self) -> list[str]:
        """The first phones of the list, in its order."""
        return [f"+{phone}" for phone in self._beginning]

    def read(self, reader: ListReader, progress: ReportProgress) -> None:
        """Every row of *reader*, saying how far it is at least every `_CAREFUL` rows that take their time."""

        def tell() -> None:
            progress(self.rows, _READING * min(1.0, reader.bytes_read / max(1, reader.size)))

        self._width = len(reader.columns)
        # What a list says of each phone is kept for each, so there every row is looked at.
        for item in reader.rows() if reader.carries else reader.blocks():
            if isinstance(item, Block):
                self._together(reader, tell)  # of a phone that is flagged twice, the first line counts
                self._block(item, tell)
                tell()
                continue
            self._waiting.append(item)
            self._room -= sum(map(len, item.cells)) if isinstance(item, Row) else len(item.text)
            if len(self._waiting) == _CAREFUL or self._room < 0:
                self._together(reader, tell)
        self._together(reader, tell)
        self._add()
        progress(self.rows, _READING)

    def _add(self) -> None:
        self._sort(np.array(self._phones, np.int64), np.array(self._lines, np.int64))
        self._phones, self._lines = [], []

    def _sort(self, phones: Integers, lines: Integers) -> None:
        """Sort *phones*, each on one of *lines*; those that were read with care come behind others of the same lines."""
        self._sorting.add(phones, lines)
        last = max(self._beginning.values(), default=0)
        if not len(lines) or (len(self._beginning) == _BEGINNING and int(lines.min()) > last):
            return
        for phone, line in zip(phones[:_BEGINNING_WITHIN].tolist(), lines.tolist(), strict=False):
            self._beginning[phone] = min(line, self._beginning.get(phone, line))
        in_order = sorted(self._beginning.items(), key=lambda one: one[1])
        self._beginning = dict(in_order[:_BEGINNING])

    def _block(self, block: Block, tell: Callable[[], None]) -> None:
        read = self._row_phones.block(block)
        self.rows += int(np.count_nonzero(read.counted))
        self.readable += len(read.phones)
        self.assumed += int(np.count_nonzero(read.assumed))
        self._sort(read.phones, read.at + block.first_line)
        for index in block.unknown(read.known):
            for row in block.carefully(index):
                self._row(row, None, tell)

    def _together(self, reader: ListReader, tell: Callable[[], None]) -> None:
        """The rows that wait, of which the fast path may know most."""
        if not self._waiting:
            return
        rows, self._waiting, self._room = self._waiting, [], _CAREFUL_CHARACTERS
        phones, assumed = self._row_phones.cells([row.cell if isinstance(row, Row) else "" for row in rows])
        for row, phone, is_assumed in zip(rows, phones.tolist(), assumed.tolist(), strict=True):
            if phone and isinstance(row, Row):
                self._count(tell)
                self._row_phones.see(row.cells, bare=is_assumed)
                self._keep(phone, row, reader)
                self.assumed += is_assumed
            else:
                self._row(row, reader, tell)

    def _count(self, tell: Callable[[], None]) -> None:
        self.rows += 1
        self._careful += 1
        if self._careful % _CAREFUL == 0:
            self._add()
            tell()

    def _row(self, row: Row | Damaged, reader: ListReader | None, tell: Callable[[], None]) -> None:
        if isinstance(row, Damaged):
            self._count(tell)
            # One with a phone hidden in a cell of several lines comes as a row before, which may be unreadable itself.
            self.rows -= not self._keep_unreadable(UnreadableRow(row.line, row.text, row.code, row.reason, (row.text,)))
            return
        if not self._row_phones.counts(row.cells):
            return
        self._count(tell)
        read = self._row_phones.row(row)
        self.assumed += read.assumed
        if (problem := read.problem) is not None:
            cell = problem.text if read.phones else row.cell
            self._keep_unreadable(UnreadableRow(row.line, cell, problem.code, problem.reason, row.cells))
        for phone in read.phones:
            if phone.flagged:
                self._connection.execute(_FLAG, (phone.e164, row.line))
            self._keep(int(phone.e164[1:]), row, reader)

    def _keep(self, phone: int, row: Row, reader: ListReader | None) -> None:
        self._phones.append(phone)
        self._lines.append(row.line)
        self.readable += 1
        if reader is not None and (carried := reader.carried(row.cells)) is not None:
            at = None if carried.requested_at is None else carried.requested_at.isoformat()
            note = None if carried.note is None else _storable(carried.note)
            self._connection.execute("INSERT INTO carried VALUES (?, ?, ?)", (row.line, at, note))

    def _keep_unreadable(self, row: UnreadableRow) -> bool:
        """Keep *row*; false if what stands on its line is kept already."""
        # Commas that no column is above say nothing.
        width = None if any(row.cells[self._width :]) else self._width
        kept = list(row.cells[:width])
        text = "".join(kept)
        if "'" in text:
            kept = list(map(unguarded, kept))
        cells = _ENCODE(list(map(_storable, kept)) if "\0" in text else kept)
        values = (row.line, _storable(unguarded(row.cell)), row.code, row.reason, cells)
        return self._connection.execute(_KEEP_UNREADABLE, values).rowcount > 0


def _write_pages(
    connection: sqlite3.Connection, pieces: Iterator[tuple[Integers, Integers]], tell: Callable[[], None]
) -> tuple[int, list[tuple[str, int]]]:
    """Write the sorted phones in pages; return how many they are, and of which countries, commonest first. *tell*: after each piece."""
    count = 0
    # How many phones begin with these digits, and one of them: four tell countries with the same code apart, too.
    beginnings: dict[int, tuple[int, int]] = {}
    for phones, lines in pieces:
        count += len(phones)
        for start in range(0, len(phones), PAGE):
            page = phones[start : start + PAGE]
            connection.execute(
                "INSERT INTO pages (last_phone, phones, lines) VALUES (?, ?, ?)",
                (f"+{page[-1]}", page.tobytes(), lines[start : start + PAGE].tobytes()),
            )
            for beginning, one, times in zip(
                *map(np.ndarray.tolist, np.unique(beginnings_of(page, 4), return_index=True, return_counts=True)),
                strict=True,
            ):
                before, known = beginnings.get(beginning, (0, int(page[one])))
                beginnings[beginning] = before + times, known
        tell()
    connection.execute("CREATE INDEX pages_by_phone ON pages (last_phone)")
    countries: Counter[str] = Counter()
    for times, one in beginnings.values():
        countries[country_of(f"+{one}") or ""] += times
    return count, countries.most_common(_COUNTRIES)


def _storable(text: str) -> str:
    """PostgreSQL's text has no place for a NUL: https://www.postgresql.org/docs/current/datatype-character.html."""
    return text.replace("\0", "\ufffd")
