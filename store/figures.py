"""Figures of all accounts together, for operators: sizes, counts and since when the oldest waits. No phone, no name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from store.database import Database
from store.destinations import DestinationKind, DestinationState
from store.dialects import from_now
from store.models import accounts, changes, destinations, replies, uploads
from store.upload_states import UploadState
from store.waiting_replies import WAITS


class Waiting(NamedTuple):
    """How many wait, and since when the *oldest* of them does; None for none."""

    number: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """
    The figures of one moment, *at* by the database's clock.

    *lists*: by each state there is, those that are in it, the oldest by when it came into it as far as that is kept, else by
    when it was dropped. *replies_heard*: ever, and *replies*: those that wait for a person. *destinations*: those that are on and
    have not taken every change, with the oldest such change; files are not among them, which people load in their own time.
    *size*: the database's, in bytes.
    """

    at: datetime
    accounts: int
    opted_out: int
    lists: Mapping[UploadState, Waiting]
    replies_heard: int
    replies: Waiting
    destinations: Waiting
    size: int


def figures_of(database: Database) -> Figures:
    """The figures of *database* now. Raises `StoreError`."""
    mine = database.served.among
    since = sa.case(
        (uploads.c.state == UploadState.WAITING, uploads.c.waiting_since),
        (uploads.c.state == UploadState.APPLYING, uploads.c.confirmed_at),
    )
    came = sa.func.coalesce(since, uploads.c.received_at)
    lists = (
        sa.select(uploads.c.state, sa.func.count(), sa.func.min(came))
        .where(mine(uploads.c.account_id))
        .group_by(uploads.c.state)
    )
    totals = (
        sa.select(
            from_now(),
            sa.func.count(),
            sa.func.coalesce(sa.func.sum(accounts.c.opted_out), 0),
            sa.func.coalesce(sa.func.sum(accounts.c.last_reply), 0),
        )
        .select_from(accounts)
        .where(mine(accounts.c.id))
    )
    undecided = sa.select(sa.func.count(), sa.func.min(replies.c.heard_at)).where(WAITS, mine(replies.c.account_id))
    first = (
        sa.select(changes.c.at)
        .where(changes.c.account_id == destinations.c.account_id, changes.c.seq > destinations.c.seq)
        .order_by(changes.c.seq)
        .limit(1)
        .scalar_subquery()
    )
    # Whoever begins has the whole list before it, which is older than its own wait.
    behind = sa.select(destinations.c.made_at, first).where(
        destinations.c.state == DestinationState.ON,
        destinations.c.kind != DestinationKind.FILE,
        mine(destinations.c.account_id),
    )
    with database.read() as connection:
        at, number, opted_out, heard = connection.execute(totals).one()
        waits = [max(made, change) for made, change in connection.execute(behind) if change is not None]
        return Figures(
            at=at,
            accounts=number,
            opted_out=int(opted_out),
            lists=dict.fromkeys(UploadState, Waiting(0, None))
            | {UploadState(state): Waiting(count, oldest) for state, count, oldest in connection.execute(lists)},
            replies_heard=int(heard),
            replies=Waiting(*connection.execute(undecided).one()),
            destinations=Waiting(len(waits), min(waits, default=None)),
            size=database.dialect.size(connection),
        )
