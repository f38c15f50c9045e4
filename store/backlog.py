"""The backlog of a table of work, for operators: what waits in it, and what was discarded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from store.database import Database

# Reasons that are told apart; the rest are counted under the last of them.
MOST_REASONS = 10


@dataclass(frozen=True, slots=True)
class Backlog:
    """
    The backlog of one table of work. *waiting*: how many are not finished, and since when the *oldest* of them is not.

    *discarded*: how many can never be done, by reason, most first.
    """

    waiting: int
    oldest: datetime | None
    discarded: Mapping[str, int]


def is_one_of(column: sa.ColumnElement[str], states: Sequence[str]) -> sa.ColumnElement[bool]:
    """Whether *column* is one of *states*, in words of a table's partial index: of parameters no database knows that it will do."""
    return column.in_([sa.literal_column(f"'{state}'") for state in states])


def backlog_of(
    database: Database,
    table: sa.Table,
    waiting: Sequence[str],
    discarded: str,
    *where: sa.ColumnElement[bool],
    reason: sa.ColumnElement[str],
    since: sa.ColumnElement[datetime],
) -> Backlog:
    """
    The backlog of *table* by its `state`.

    *waiting* and *discarded*: the states that stand for these; *where*: which of the discarded ones count. *reason* and
    *since*: why one was discarded, and when it was asked for.
    """
    waits = is_one_of(table.c.state, waiting)
    # What another database has is worked on there.
    mine = database.served.among(table.c.account_id)
    open_ = sa.select(sa.func.count(), sa.func.min(since)).select_from(table).where(waits, mine)
    number = sa.func.count().label("number")
    lost = (
        sa.select(reason, number)
        .where(table.c.state == discarded, *where, mine)
        .group_by(reason)
        .order_by(number.desc(), reason)
        .limit(MOST_REASONS)
    )
    with database.read() as connection:
        count, oldest = connection.execute(open_).one()
        return Backlog(count, oldest, {row[0]: row[1] for row in connection.execute(lost)})
