"""Relocating: the whole list goes from a SQLite file to an empty PostgreSQL database, all or nothing."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from store.database import Database
from store.dialects import Postgresql, Sqlite
from store.errors import StoreError, StoreRefused
from store.models import database_identity, metadata, write_trials
from store.outages import Outage

# Rows that are sent at once; of those that hold pieces of files, a megabyte each, as many as memory has room for.
_ROWS: Final = 10_000
_LARGE_ROWS: Final = 16
# Which database it is, and what readiness writes, is each database's own.
_OF_EACH: Final = (database_identity, write_trials)


@dataclass(frozen=True, slots=True)
class Relocated:
    """What went: the rows of each table, by its name, and how many phones are opted out in how many accounts."""

    rows: Mapping[str, int]
    opted_out: int
    accounts: int


def relocate(source: Database, target: Database) -> Relocated:
    """
    Copy all tables of *source* into those of *target*, which are made where there are none; *source* stays as it is.

    Raises `StoreError`, and nothing is in *target*: there is a list in it, a desk has *source* open, the tables of *source* are
    not this release's, or a table has another number of rows in the end than at the beginning.
    """
    if not isinstance(source.dialect, Sqlite) or not isinstance(target.dialect, Postgresql):
        raise StoreError(
            "Nothing was moved: a list moves from a SQLite file (sqlite:///FILE) to PostgreSQL (postgresql://...)."
        )
    if not source.dialect.exists():
        raise StoreError(f"Nothing was moved: there is no database at {source.dialect.file}.")
    source.require_head()
    source.engine.dispose()  # or this program is somebody else who has it open
    try:
        with source.dialect.alone() as from_:
            target.migrate()
            with target.write() as to:
                return _moved(from_, target, target.dialect, to)
    except StoreRefused as error:
        raise StoreError(
            f"Nothing was moved: {target.dialect.where} does not take a row of the file. Please report this. {error.cause}"
        ) from error
    except sqlite3.Error as error:
        kind = source.dialect.outage_of(error) or Outage.UNKNOWN
        raise StoreError(f"Nothing was moved. {source.dialect.unavailable(kind).cause}") from error


def _moved(from_: sqlite3.Connection, target: Database, dialect: Postgresql, to: sa.Connection) -> Relocated:
    tables = [table for table in metadata.sorted_tables if table not in _OF_EACH]
    for table in tables:
        if to.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is not None:
            raise StoreError(
                f"Nothing was moved: {dialect.where} has a list already ({table.name.replace('_', '-')}). "
                "Name an empty database."
            )
    rows: dict[str, int] = {}
    for table in tables:
        for some in _rows_of(from_, table):
            target.insert_rows(to, table, [column.name for column in table.columns], some)
        # Behind a COPY it is that of a batch; to count takes as long as the table is.
        to.exec_driver_sql("SET LOCAL statement_timeout = 0")
        counted = from_.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0]  # noqa: S608  of models.py
        rows[table.name] = to.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        if rows[table.name] != counted:
            raise StoreError(
                f"Nothing was moved: of the {counted:,} rows of {table.name} {rows[table.name]:,} arrived. Please report this."
            )
        dialect.count_on(to, table)
    opted_out, accounts = from_.execute("SELECT total(opted_out), count(*) FROM accounts").fetchone()
    return Relocated(rows, int(opted_out), accounts)


def _rows_of(from_: sqlite3.Connection, table: sa.Table) -> Iterator[list[tuple[object, ...]]]:
    """The rows of *table* as SQLite keeps them, which PostgreSQL reads as what they are: moments are UTC, booleans 0 and 1."""
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    size = _LARGE_ROWS if any(isinstance(column.type, sa.LargeBinary) for column in table.columns) else _ROWS
    found = from_.execute(f"SELECT {names} FROM {table.name}")  # noqa: S608  of models.py
    while some := found.fetchmany(size):
        yield some
