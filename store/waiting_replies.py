"""
Replies that wait for a person: what becomes of one whose sender asked for texts again, once nothing keeps them out.

Such a reply waits as long as something stands that it may not lift. Whoever lifts that, by whatever verb, settles it in the
same transaction: nobody is asked about somebody who gets texts.
"""

from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from store.models import REPLY_STATES, opt_outs, replies
from store.replies.judge import Outcome
from store.rows import now


class ReplyState(StrEnum):
    """
    The state of a reply.

    *settled*: by what it says, by a later one of the same person's, or since texts are allowed again; else it waits, or a
    person decided.
    """

    SETTLED = "settled"
    WAITING = "waiting"
    OPTED_OUT = "opted out"
    NOT_A_REQUEST = "not a request"


assert tuple(ReplyState) == REPLY_STATES  # noqa: S101  the check of the table's
# As it is written in the condition of the index: SQLite knows it by nothing else.
WAITS: Final = replies.c.state == sa.literal_column(f"'{ReplyState.WAITING}'")


def settle_starts(connection: sa.Connection, account: int, entry: int, *phones: sa.ColumnElement[bool]) -> None:
    """
    Settle the replies that wait and ask for texts, of those of *phones*, conditions on `replies.phone`, that are in again.

    *entry*: what let them in. A reply that lifted something itself keeps the entry by which it did.
    """
    stands = sa.exists().where(
        opt_outs.c.account_id == account, opt_outs.c.phone == replies.c.phone, opt_outs.c.lifted_by.is_(None)
    )
    connection.execute(
        sa.update(replies)
        .where(replies.c.account_id == account, WAITS, replies.c.outcome == Outcome.IN, *phones, ~stands)
        .values(
            state=ReplyState.SETTLED,
            entry_id=sa.func.coalesce(replies.c.entry_id, entry),
            finished_at=now(),
        )
    )
