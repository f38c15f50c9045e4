"""
What is on its way: events from Slack, kept before they are acknowledged, and answers, kept before Slack gets them.

Slack sends an event again when it saw no acknowledgement in 3 seconds (https://docs.slack.dev/apis/events-api/), to
whichever replica; by its id it is handled once. One whose process died is taken up again when its lease is over.
"""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from store.database import Database
from store.models import deliveries
from store.records import Delivery
from store.rows import now

RECENT = 50
ANSWER = "answer"


class Deliveries:
    def __init__(self, database: Database) -> None:
        self._database = database

    def receive(
        self,
        account: int,
        event_id: str,
        kind: str,
        channel_id: str | None,
        payload: dict[str, Any],
        *,
        lease_seconds: float = 30,
    ) -> bool:
        """
        Keep an event, or an answer (of *kind* `ANSWER`); the caller has *lease_seconds* to handle it.

        False when it is known already: it is done, or someone else has it or will take it.
        """
        at = now()
        statement = (
            self._database.insert(deliveries)
            .values(
                account_id=account,
                event_id=event_id,
                kind=kind,
                channel_id=channel_id,
                payload=payload,
                received_at=at,
                lease_until=at + timedelta(seconds=lease_seconds),
                attempts=1,
            )
            .on_conflict_do_nothing(index_elements=["account_id", "event_id"])
            .returning(deliveries.c.event_id)
        )
        # An answer that a power cut takes is asked for again; what it tells of is on disk.
        with self._database.write(durable=kind != ANSWER) as connection:
            return connection.execute(statement).first() is not None

    def change(self, account: int, event_id: str, payload: dict[str, Any]) -> None:
        """Say something else than was kept."""
        with self._database.write(durable=False) as connection:
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.account_id == account, deliveries.c.event_id == event_id)
                .values(payload=payload)
            )

    def renew(self, account: int, event_id: str, *, lease_seconds: float) -> None:
        """Whoever handles the event still does, for *lease_seconds* from now."""
        with self._database.write(durable=False) as connection:
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.account_id == account, deliveries.c.event_id == event_id)
                .where(deliveries.c.done_at.is_(None))
                .values(lease_until=now() + timedelta(seconds=lease_seconds))
            )

    def done(self, account: int, event_id: str) -> None:
        """The event's effect is there: nobody takes it up again."""
        with self._database.write() as connection:
            mark_done(connection, account, event_id)

    def given(self, account: int, event_id: str) -> None:
        """The answer was given, and is forgotten but for its name."""
        with self._database.write(durable=False) as connection:
            mark_done(connection, account, event_id)
            connection.execute(
                sa.update(deliveries)
                .where(deliveries.c.account_id == account, deliveries.c.event_id == event_id)
                .values(payload={})
            )

    def take(self, *, lease_seconds: float = 30, most_attempts: int = 5, answers: bool = False) -> Delivery | None:
        """The event, or answer, of any account that has waited longest without anyone at work on it, leased to the caller."""
        at = now()
        waiting = (
            sa.select(deliveries)
            .where(deliveries.c.done_at.is_(None), deliveries.c.lease_until <= at)
            .where(deliveries.c.attempts < most_attempts)
            .where((deliveries.c.kind == ANSWER) if answers else (deliveries.c.kind != ANSWER))
            .order_by(deliveries.c.lease_until)
            .limit(1)
        )
        # Most looks find nothing, and on SQLite a look that may write would wait for, and hold up, every writer.
        with self._database.read() as connection:
            if connection.execute(waiting).first() is None:
                return None
        with self._database.write() as connection:
            row = connection.execute(self._database.skip_locked(waiting)).mappings().one_or_none()
            if row is None:
                return None
            taken = (
                sa.update(deliveries)
                .where(deliveries.c.account_id == row["account_id"], deliveries.c.event_id == row["event_id"])
                .values(attempts=deliveries.c.attempts + 1, lease_until=at + timedelta(seconds=lease_seconds))
                .returning(deliveries)
            )
            return _delivery_of(connection.execute(taken).mappings().one())

    def recent(self, account: int, kind: str, channel_id: str, within: timedelta) -> tuple[Delivery, ...]:
        """The channel's last events of one kind, done or not, newest first, at most 50."""
        query = (
            sa.select(deliveries)
            .where(deliveries.c.account_id == account, deliveries.c.channel_id == channel_id)
            .where(deliveries.c.kind == kind, deliveries.c.received_at >= now() - within)
            .order_by(deliveries.c.received_at.desc(), deliveries.c.event_id.desc())
            .limit(RECENT)
        )
        with self._database.read() as connection:
            return tuple(_delivery_of(row) for row in connection.execute(query).mappings())


def mark_done(connection: sa.Connection, account: int, event_id: str) -> None:
    """Mark an event done in the transaction of its effect."""
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.account_id == account, deliveries.c.event_id == event_id)
        .where(deliveries.c.done_at.is_(None))
        .values(done_at=now())
    )


def first_time(database: Database, connection: sa.Connection, account: int, key: str) -> bool:
    """Keep *key* as done, in the transaction of its effect; False when it is done already. See `done_by`."""
    at = now()
    statement = (
        database.insert(deliveries)
        .values(
            account_id=account,
            event_id=key,
            kind="once",
            channel_id=None,
            payload={},
            received_at=at,
            lease_until=at,
            done_at=at,
            attempts=1,
        )
        .on_conflict_do_nothing(index_elements=["account_id", "event_id"])
        .returning(deliveries.c.event_id)
    )
    return connection.execute(statement).first() is not None


def note_done(connection: sa.Connection, account: int, key: str, entry: int) -> None:
    """Note that what *key* asked for was done by *entry*, in the same transaction."""
    connection.execute(
        sa.update(deliveries)
        .where(deliveries.c.account_id == account, deliveries.c.event_id == key)
        .values(payload={"entry": entry})
    )


def done_by(connection: sa.Connection, account: int, key: str) -> int | None:
    """The id of the entry by which what *key* asked for was done; None for what was done before that was noted."""
    query = sa.select(deliveries.c.payload).where(deliveries.c.account_id == account, deliveries.c.event_id == key)
    entry: int | None = connection.execute(query).scalar_one().get("entry")
    return entry


def _delivery_of(row: sa.RowMapping) -> Delivery:
    return Delivery(
        account_id=row["account_id"],
        event_id=row["event_id"],
        kind=row["kind"],
        channel_id=row["channel_id"],
        payload=row["payload"],
        attempts=row["attempts"],
    )
