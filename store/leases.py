"""
Leases: the owner of the work on a row, a fence against its former owners, and until when.

A leased table has the columns `owner`, `fence`, `lease_until` and `deaths`. Every claim raises the fence, so that a
process that was frozen past its lease, and wakes up, finds another fence in the row and is refused, whatever it was about
to write (https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html).

`deaths` counts the holders that ended with the row in their hands, so that what kills whoever works on it is given up
after a few, whichever process counts. Whoever waits for Slack or the database gives the row back, or takes it up again
itself, which is no death.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from store.database import Database
from store.dialects import from_now
from store.errors import LeaseLost

# The `lease_until` of a row that nobody holds.
FREE: Final = datetime(2000, 1, 1, tzinfo=UTC)

# Seconds: the longest for which a row is given back, of all that is leased; and what is left to replicas of other
# settings, or of the release before, whose clock is their machine's.
LONGEST_PAUSE: Final = 600.0
TOLERANCE: Final = 60.0

_TAKEN: Final = "Somebody else has taken this over."


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one row. *fence*: grows with every claim of the row, so an older lease is told from a newer."""

    owner: str
    fence: int


def lease_of(row: sa.RowMapping) -> Lease:
    """The lease that a row just claimed, or read by its holder, is under."""
    return Lease(row["owner"], row["fence"])


def claim(
    database: Database, table: sa.Table, query: sa.Select[Any], owner: str, *, lease_seconds: float, **values: Any
) -> sa.RowMapping | None:
    """
    The first row of *query*, a select of all of *table*'s columns, that nobody holds: leased to *owner*.

    *values*: other columns to set with it. None when there is no such row. Two who claim at once never get the same one. What is
    of an account that another database has is nobody's to claim here.
    """
    query = query.where(_is_over(table, lease_seconds), database.served.among(table.c.account_id)).limit(1)
    # Most looks find nothing, and on SQLite a look that may write would wait for, and hold up, every writer.
    with database.read() as connection:
        if connection.execute(query).first() is None:
            return None
    with database.write() as connection:
        row = connection.execute(database.skip_locked(query)).mappings().one_or_none()
        if row is None:
            return None
        taken = (
            sa.update(table)
            .where(*(column == row[column.name] for column in table.primary_key))
            .values(
                owner=owner,
                fence=table.c.fence + 1,
                lease_until=from_now(lease_seconds),
                deaths=_deaths(row, owner),
                **values,
            )
            .returning(table)
        )
        claimed = connection.execute(taken).mappings().one()
    if _is_left(row, owner):
        database.taken_over[table.name] += 1
    return claimed


def _deaths(row: sa.RowMapping, owner: str) -> int:
    """The deaths of a row that *owner* claims: one more when another holder never gave it back."""
    deaths: int = row["deaths"]
    return deaths + _is_left(row, owner)


def _is_left(row: sa.RowMapping, owner: str) -> bool:
    """A row that *owner* claims was held by somebody else, who never gave it back."""
    return row["owner"] not in (None, owner)


def leased(owner: str, *, lease_seconds: float) -> dict[str, Any]:
    """The columns of a row that is made leased: the first claim of it."""
    return {"owner": owner, "fence": 1, "lease_until": from_now(lease_seconds)}


def held(table: sa.Table, lease: Lease) -> sa.ColumnElement[bool]:
    """A row of *table* is still under *lease*."""
    return sa.and_(table.c.owner == lease.owner, table.c.fence == lease.fence)


def until(lease_seconds: float) -> dict[str, Any]:
    """The column that holds a row for *lease_seconds* from now."""
    return {"lease_until": from_now(lease_seconds)}


def given_back(*, seconds: float | None = None) -> dict[str, Any]:
    """The columns of a row that its holder gives back: whoever looks next, or in *seconds*, may claim it."""
    return {"owner": None, "lease_until": FREE if seconds is None else from_now(seconds)}


def _is_over(table: sa.Table, lease_seconds: float) -> sa.ColumnElement[bool]:
    """
    A row of *table* is nobody's any more.

    Also one that is held, or waits, for longer than any can: its moment was written before the clock was set back.
    """
    held_too_long = table.c.lease_until > from_now(2 * lease_seconds + TOLERANCE)
    waits_too_long = table.c.lease_until > from_now(LONGEST_PAUSE + TOLERANCE)
    return sa.or_(
        table.c.lease_until <= from_now(), sa.case((table.c.owner.is_(None), waits_too_long), else_=held_too_long)
    )


def find(
    connection: sa.Connection,
    table: sa.Table,
    where: Iterable[sa.ColumnElement[bool]],
    lease: Lease,
    *,
    lock: bool = False,
) -> sa.RowMapping:
    """
    The one row *where*, held under *lease*. Raises `LeaseLost` when somebody took it over.

    With *lock* it stays as it is until the transaction ends, for those who look before they change it.
    """
    query = sa.select(table).where(*where, held(table, lease))
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise LeaseLost(_TAKEN)
    return row


def change(
    connection: sa.Connection, table: sa.Table, where: Iterable[sa.ColumnElement[bool]], lease: Lease, **values: Any
) -> sa.RowMapping:
    """Change the one row *where*, held under *lease*; as it is then. Raises `LeaseLost` when somebody took it over."""
    statement = sa.update(table).where(*where, held(table, lease)).values(**values).returning(table)
    row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise LeaseLost(_TAKEN)
    return row
