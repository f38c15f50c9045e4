"""
A list, read and sorted into a scratch file: private to one machine, deterministic, and thrown away in the end.

Phones are stored in sorted order several times faster than in the file's, and a checkpoint in that order is one
phone. SQLite does the sorting, outside of memory when the list is long.
"""

import hashlib
import json
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from store.lists import Damaged, ListReader
from store.phone import PHONENUMBERS_VERSION, Normaliser, NotAPhone
from store.records import UnreadableRow, Upload
from store.uploads import StagedCounts

# Called with the rows (or phones) done and the part of the work that is, 0 to 1. What it raises ends the work.
Progress = Callable[[int, float], None]

_CHUNK = 2_000
_FIRST = 5
_REASONS = 12
_PAGE_CHARACTERS = 4_000_000
# Reading takes about this part of the time; sorting the rest.
_READING = 0.95

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000;
CREATE TABLE read_rows (phone TEXT NOT NULL, line INTEGER NOT NULL);
CREATE TABLE flagged (phone TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE phones (phone TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE unreadable (line INTEGER PRIMARY KEY, cell TEXT NOT NULL, reason TEXT NOT NULL, cells TEXT NOT NULL);
CREATE TABLE counts (json TEXT NOT NULL);
"""


class Scratch:
    """
    A finished scratch file: distinct phones with the first line each stands on, and unreadable rows.

    `counts` is what staging found, with `already` 0, for only the store knows that. Its `summary`:
    `unreadable` [[reason, rows, first line], ...] commonest first; `flagged` phones and `flagged_first` [[line, phone],
    ...]; `assumed` rows read with `country`; `phone_column` the phones were in; `remarks` of the whole list; `remarked` rows of which something was put
    right or left off, and `remarked_first` [[line, remark], ...].
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, counts: StagedCounts) -> None:
        self.path = path
        self.counts = counts
        self._connection = connection

    @classmethod
    def open(cls, path: Path) -> "Scratch | None":
        """The scratch file at *path*; None when there is none, or none that is whole."""
        if not path.is_file():
            return None
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            (found,) = connection.execute("SELECT json FROM counts").fetchone()
            values = json.loads(found)
            return cls(path, connection, StagedCounts(**{**values, "columns": tuple(values["columns"])}))
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
        ) and (upload.rows, upload.phones, upload.unreadable) == (counts.rows, counts.phones, counts.unreadable)

    def phones(self, after: str, size: int) -> list[tuple[str, int]]:
        """The next *size* (phone, line) pairs after phone *after*, in phone order; "" is before all."""
        query = "SELECT phone, line FROM phones WHERE phone > ? ORDER BY phone LIMIT ?"
        return self._connection.execute(query, (after, size)).fetchall()

    def unreadable(self, after_line: int, size: int) -> list[UnreadableRow]:
        """The next unreadable rows, *size* at most and fewer when they are long, in line order."""
        query = "SELECT line, cell, reason, cells FROM unreadable WHERE line > ? ORDER BY line LIMIT ?"
        page: list[UnreadableRow] = []
        characters = 0
        for line, cell, reason, cells in self._connection.execute(query, (after_line, size)):
            page.append(UnreadableRow(line, cell, reason, tuple(json.loads(cells))))
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
    path: Path, scratch: Path, *, country: str | None, column: str | None, progress: Progress, name: str | None = None
) -> Scratch:
    """
    Read the list at *path* into a scratch file at *scratch*, which appears only when it is whole.

    *country*: for phones that name none; *column*: the phones' column, None for the usual one; *name*: what people call the file. Raises `ListRefused`,
    and whatever *progress* raises. Leaves nothing behind when it fails; what a killed one left is removed by the next.
    """
    for left in scratch.parent.glob(f"{scratch.name}.*.part"):
        left.unlink(missing_ok=True)
    # A frozen process may wake up and still be writing its own: no two share a file.
    part = scratch.with_name(f"{scratch.name}.{secrets.token_hex(4)}.part")
    try:
        counts = _fill(part, path, ListReader(path, column=column, name=name), country, column, progress)
        part.replace(scratch)
    finally:
        part.unlink(missing_ok=True)
    progress(counts.rows, 1.0)
    finished = Scratch.open(scratch)
    if finished is None:
        msg = f"{scratch} is not as it was written"
        raise OSError(msg)
    return finished


def _fill(
    part: Path, path: Path, reader: ListReader, country: str | None, column: str | None, progress: Progress
) -> StagedCounts:
    connection = sqlite3.connect(part, isolation_level=None)
    try:
        connection.executescript(_TABLES)
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        connection.execute("BEGIN")
        rows, summary = _read(connection, reader, country, progress)
        connection.execute("INSERT INTO phones SELECT phone, min(line) FROM read_rows GROUP BY phone ORDER BY phone")
        connection.execute("DROP TABLE read_rows")
        summary |= {
            "country": country,
            "phone_column": _storable(reader.phone_column),
            "remarks": list(reader.remarks),
            "unreadable": [list(row) for row in connection.execute(_COMMON_REASONS, (_REASONS,))],
            "flagged": connection.execute("SELECT count(*) FROM flagged").fetchone()[0],
            "flagged_first": [list(row) for row in connection.execute(_FIRST_FLAGGED, (_FIRST,))],
        }
        counts = StagedCounts(
            rows=rows,
            phones=connection.execute("SELECT count(*) FROM phones").fetchone()[0],
            already=0,
            unreadable=connection.execute("SELECT count(*) FROM unreadable").fetchone()[0],
            summary=summary,
            columns=tuple(_storable(name) for name in reader.columns),
            sha256=sha256,
            phone_column=column,
            country=country,
            phonenumbers_version=PHONENUMBERS_VERSION,
        )
        connection.execute("INSERT INTO counts VALUES (?)", (json.dumps(asdict(counts)),))
        connection.execute("COMMIT")
        return counts
    finally:
        connection.close()


_COMMON_REASONS = "SELECT reason, count(*), min(line) FROM unreadable GROUP BY reason ORDER BY 2 DESC, 3 LIMIT ?"
_FIRST_FLAGGED = "SELECT line, phone FROM flagged ORDER BY line LIMIT ?"
_FLAG = "INSERT INTO flagged VALUES (?, ?) ON CONFLICT (phone) DO NOTHING"


def _read(
    connection: sqlite3.Connection, reader: ListReader, country: str | None, progress: Progress
) -> tuple[int, dict[str, Any]]:
    """Every row of the list into the tables; how many there were and what is counted on the way."""
    parse = Normaliser(country, typed=False).parse
    rows = assumed = remarked = 0
    remarked_first: list[list[Any]] = []
    chunk: list[tuple[str, int]] = []
    for row in reader.rows():
        rows += 1
        if isinstance(row, Damaged):
            _keep_unreadable(connection, row.line, row.text, row.reason, (row.text,))
        else:
            phone = parse(row.cell)
            if isinstance(phone, NotAPhone):
                _keep_unreadable(connection, row.line, row.cell, phone.reason, row.cells)
            else:
                chunk.append((phone.e164, row.line))
                assumed += phone.assumed_country is not None
                if phone.flagged:
                    connection.execute(_FLAG, (phone.e164, row.line))
                if phone.remark is not None:
                    remarked += 1
                    if remarked <= _FIRST:
                        remarked_first.append([row.line, phone.remark])
        if rows % _CHUNK == 0:
            connection.executemany("INSERT INTO read_rows VALUES (?, ?)", chunk)
            chunk.clear()
            progress(rows, _READING * min(1.0, reader.bytes_read / max(1, reader.size)))
    connection.executemany("INSERT INTO read_rows VALUES (?, ?)", chunk)
    progress(rows, _READING)
    return rows, {"assumed": assumed, "remarked": remarked, "remarked_first": remarked_first}


def _keep_unreadable(connection: sqlite3.Connection, line: int, cell: str, reason: str, cells: tuple[str, ...]) -> None:
    values = (line, _storable(cell), reason, json.dumps([_storable(text) for text in cells]))
    connection.execute("INSERT INTO unreadable VALUES (?, ?, ?, ?)", values)


def _storable(text: str) -> str:
    """PostgreSQL's text has no place for a NUL: https://www.postgresql.org/docs/current/datatype-character.html."""
    return text.replace("\0", "\ufffd")
