"""
The inbox: Slack's events, kept before they are acknowledged, and handled once.

Slack sends an event again when it saw no acknowledgement in 3 seconds (https://docs.slack.dev/apis/events-api/), to
whichever replica; by its id it is handled once. One whose process died is claimed by another when its lease is over,
however often that takes: an outage of Slack or of the database is waited out. What cannot be handled is discarded, with
the reason, and kept for a person to look at.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from store import leases
from store.backlog import Backlog, backlog_of
from store.database import Database
from store.dialects import from_now
from store.leases import Lease
from store.models import inbox
from store.rows import now

RECENT: Final = 50
# What is asked for again after it was handled: a file and the mention that came with it belong together.
NEEDED_LATER: Final = frozenset({"file_shared", "app_mention"})


class InboxState(StrEnum):
    """The state of an event: pending -> done, or discarded."""

    PENDING = "pending"
    DONE = "done"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """
    An event of Slack's. *payload*: Slack's whole envelope; empty once nobody can need it any more.

    *lease*: under which it is handled. *attempts*: how often it was taken on, from 1. *deaths*: how many processes in a row
    ended in the middle of it. *received_at*: when it was kept.
    """

    account_id: int
    event_id: str
    kind: str
    channel_id: str | None
    payload: dict[str, Any]
    attempts: int
    deaths: int
    lease: Lease
    received_at: datetime


class Inbox:
    """The verbs on the inbox: keep an event, claim it, end it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(
        self,
        account: int,
        event_id: str,
        kind: str,
        channel_id: str | None,
        payload: dict[str, Any],
        *,
        owner: str = "",
        lease_seconds: float = 30,
    ) -> InboxEvent | None:
        """
        Keep an event, leased to the caller for *lease_seconds*.

        None when it is known already: it is done, or somebody else has it or will claim it.
        """
        statement = (
            self._database.insert(inbox)
            .values(
                account_id=account,
                event_id=event_id,
                kind=kind,
                channel_id=channel_id,
                state=InboxState.PENDING,
                payload=payload,
                received_at=now(),
                attempts=1,
                **leases.leased(owner, lease_seconds=lease_seconds),
            )
            .on_conflict_do_nothing(index_elements=["account_id", "event_id"])
            .returning(inbox)
        )
        with self._database.write() as connection:
            row = connection.execute(statement).mappings().one_or_none()
            return None if row is None else _event_of(row)

    def claim(self, owner: str, *, lease_seconds: float) -> InboxEvent | None:
        """The pending event of any account that has waited longest without anyone at work on it; None when none has."""
        query = sa.select(inbox).where(inbox.c.state == InboxState.PENDING).order_by(inbox.c.lease_until)
        row = leases.claim(
            self._database, inbox, query, owner, lease_seconds=lease_seconds, attempts=inbox.c.attempts + 1
        )
        return None if row is None else _event_of(row)

    def renew(self, event: InboxEvent, *, lease_seconds: float) -> None:
        """Hold *event* for *lease_seconds* from now. Raises `LeaseLost`, as all that follow."""
        self._change(event, durable=False, **leases.until(lease_seconds))

    def postpone(self, event: InboxEvent, *, seconds: float) -> None:
        """Give *event* back: whoever looks in *seconds* or later may claim it."""
        self._change(event, **leases.given_back(seconds=seconds), deaths=0)

    def done(self, event: InboxEvent) -> None:
        """Mark *event* done: its effect is there, nobody takes it up again, and its words go with it unless they are needed."""
        with self._database.write() as connection:
            finish(connection, event)

    def discard(self, event: InboxEvent, reason: str) -> None:
        """
        Discard *event*, which can never be handled, for *reason*.

        It is kept as it came, for a person, until retention takes it.
        """
        self._change(event, state=InboxState.DISCARDED, reason=reason, finished_at=now(), **leases.given_back())

    def recent(
        self, account: int, kind: str, channel_id: str, within: timedelta, *, before: datetime | None = None
    ) -> tuple[dict[str, Any], ...]:
        """
        The channel's last events of one kind in `NEEDED_LATER`, done or not, newest first, at most 50: Slack's envelopes.

        *before*: when the event came for which they are asked, if not now: it may have waited out an outage since.
        """
        query = (
            sa.select(inbox.c.payload)
            .where(inbox.c.account_id == account, inbox.c.channel_id == channel_id, inbox.c.payload.is_not(None))
            .where(inbox.c.kind == kind)
            .order_by(inbox.c.received_at.desc(), inbox.c.event_id.desc())
            .limit(RECENT)
        )
        with self._database.read() as connection:
            since = from_now(-within.total_seconds()) if before is None else before - within
            return tuple(connection.execute(query.where(inbox.c.received_at >= since)).scalars())

    def last_received(self) -> datetime | None:
        """When the last event of any account came; None when none is known."""
        with self._database.read() as connection:
            last: datetime | None = connection.execute(sa.select(sa.func.max(inbox.c.received_at))).scalar_one()
            return last

    def state_of(self, account: int, event_id: str) -> InboxState | None:
        """What became of the event; None where it never came, or is forgotten."""
        query = sa.select(inbox.c.state).where(inbox.c.account_id == account, inbox.c.event_id == event_id)
        with self._database.read() as connection:
            state = connection.execute(query).scalar_one_or_none()
        return None if state is None else InboxState(state)

    def backlog(self) -> Backlog:
        """The backlog of all accounts."""
        return backlog_of(
            self._database,
            inbox,
            (InboxState.PENDING,),
            InboxState.DISCARDED,
            reason=inbox.c.reason,
            since=inbox.c.received_at,
        )

    def _change(self, event: InboxEvent, *, durable: bool = True, **values: Any) -> None:
        with self._database.write(durable=durable) as connection:
            leases.change(connection, inbox, _pending(event), event.lease, **values)


def finish(connection: sa.Connection, event: InboxEvent) -> None:
    """Mark *event* done in the transaction of its effect. Raises `LeaseLost`: whoever has it now does it."""
    words: dict[str, Any] = {} if event.kind in NEEDED_LATER else {"payload": sa.null()}
    leases.change(
        connection,
        inbox,
        _pending(event),
        event.lease,
        state=InboxState.DONE,
        finished_at=now(),
        **leases.given_back(),
        **words,
    )


def _pending(event: InboxEvent) -> Iterable[sa.ColumnElement[bool]]:
    mine = inbox.c.account_id == event.account_id, inbox.c.event_id == event.event_id
    return *mine, inbox.c.state == InboxState.PENDING


def _event_of(row: sa.RowMapping) -> InboxEvent:
    return InboxEvent(
        account_id=row["account_id"],
        event_id=row["event_id"],
        kind=row["kind"],
        channel_id=row["channel_id"],
        payload=row["payload"] or {},
        attempts=row["attempts"],
        deaths=row["deaths"],
        lease=leases.lease_of(row),
        received_at=row["received_at"],
    )
