"""
The outbox: messages to Slack, each under a key of its own, kept until they are given and there once.

What was done is in the database when its answer is kept here; a process that dies before it has said so leaves the
saying to the next one. Slack's answer to a post can be lost too. Slack tells what was posted a second way, by an event;
whichever way comes first writes down here where the message is, and the first is the one that counts: any other is an
extra, and is taken away.

A row is one message in Slack. That of an answer holds, until it is given, all that is to be said, in its details too.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from store import leases
from store.backlog import Backlog, backlog_of, is_one_of
from store.database import Database
from store.history import link_entry
from store.leases import Lease
from store.models import outbox
from store.rows import now

# Of the payloads that this program writes. What a newer one wrote is left to it.
PAYLOAD_VERSION: Final = 1


class OutboxState(StrEnum):
    """The state of a message. What may follow is in `NEXT`."""

    PENDING = "pending"
    SENT = "sent"
    # A second copy of a message that is there already: it is to be taken away.
    EXTRA = "extra"
    DISCARDED = "discarded"


NEXT: Final[Mapping[OutboxState, frozenset[OutboxState]]] = {
    OutboxState.PENDING: frozenset({OutboxState.SENT, OutboxState.DISCARDED}),
    # Taken away.
    OutboxState.EXTRA: frozenset({OutboxState.DISCARDED}),
    OutboxState.SENT: frozenset(),
    OutboxState.DISCARDED: frozenset(),
}
WAITING: Final = tuple(state for state, following in NEXT.items() if following)
_WAITS: Final = is_one_of(outbox.c.state, WAITING)
TAKEN_AWAY: Final = "a second copy, taken away"
_POST: Final = sa.select(outbox.c.channel_id, outbox.c.ts).where(
    outbox.c.account_id == sa.bindparam("account"), outbox.c.key == sa.bindparam("of")
)


@dataclass(frozen=True, slots=True)
class Post:
    """A message in Slack."""

    channel_id: str
    ts: str


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """
    A row that waits, held under *lease*. *payload*: what is to be said, as whoever kept it wrote it.

    *post*: where it is in Slack; None before it was posted. *received_at*: when it was first kept. *attempts*: how often it was
    taken on, from 1. *deaths*: how many processes in a row ended in the middle of it.
    """

    account_id: int
    key: str
    state: OutboxState
    payload: dict[str, Any]
    post: Post | None
    received_at: datetime
    attempts: int
    deaths: int
    lease: Lease


class Outbox:
    """The verbs on the outbox: keep a message, claim it, end it, and write down what was posted."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Made once, since SQLAlchemy takes longer to make it than the database to run it, before each detail of an answer.
        self._write_post = _write_post(database)

    def keep(
        self, account: int, key: str, payload: dict[str, Any], *, owner: str = "", lease_seconds: float = 30
    ) -> OutboxMessage | None:
        """Keep what is to be said under *key*, leased to the caller. None when there is such a message already."""
        statement = (
            self._database.insert(outbox)
            .values(
                account_id=account,
                key=key,
                state=OutboxState.PENDING,
                version=PAYLOAD_VERSION,
                payload=payload,
                received_at=now(),
                attempts=1,
                **leases.leased(owner, lease_seconds=lease_seconds),
            )
            .on_conflict_do_nothing(index_elements=["account_id", "key"])
            .returning(outbox)
        )
        # An answer that a power cut takes is asked for again; what it tells of is on disk.
        with self._database.write(durable=False) as connection:
            row = connection.execute(statement).mappings().one_or_none()
            return None if row is None else _message_of(row)

    def claim(self, owner: str, *, lease_seconds: float, besides: Collection[int] = ()) -> OutboxMessage | None:
        """The message that has waited longest, pending or extra, of any account but those *besides*; None when none waits."""
        query = (
            sa.select(outbox)
            .where(
                _WAITS,
                outbox.c.version <= PAYLOAD_VERSION,
                outbox.c.account_id.not_in(besides),
            )
            .order_by(outbox.c.lease_until)
        )
        row = leases.claim(
            self._database, outbox, query, owner, lease_seconds=lease_seconds, attempts=outbox.c.attempts + 1
        )
        return None if row is None else _message_of(row)

    def change(self, message: OutboxMessage, payload: dict[str, Any]) -> None:
        """Replace what *message* is to say. Raises `LeaseLost`, as all that follow."""
        self._change(message, payload=payload)

    def renew(self, message: OutboxMessage, *, lease_seconds: float) -> None:
        """Hold *message* for *lease_seconds* from now."""
        self._change(message, **leases.until(lease_seconds))

    def postpone(self, message: OutboxMessage, *, seconds: float) -> None:
        """Give *message* back: whoever looks in *seconds* or later may claim it."""
        self._change(message, **leases.given_back(seconds=seconds), deaths=0)

    def sent(
        self,
        message: OutboxMessage,
        *,
        posts: Mapping[str, Post] | None = None,
        entry: int | None = None,
        head: Post | None = None,
        permalink: str | None = None,
    ) -> None:
        """
        Mark *message* sent: all of it was given, and its words go.

        *posts*: messages by their keys that were posted with it and are not written down yet. *entry*: what it tells of,
        which is then linked to its message *head* by *permalink*.
        """
        with self._database.write(durable=False) as connection:
            self._finish(connection, message, OutboxState.SENT, payload=sa.null())
            for key, post in (posts or {}).items():
                self._write_down(connection, message.account_id, key, post)
            if entry is not None and head is not None:
                link_entry(connection, message.account_id, entry, head.ts, permalink)

    def discard(self, message: OutboxMessage, reason: str) -> None:
        """
        Discard *message*, which can never be given, for *reason*.

        What was to be said is kept for a person, until retention takes it.
        """
        with self._database.write(durable=False) as connection:
            self._finish(connection, message, OutboxState.DISCARDED, reason=reason)

    def find(self, account: int, key: str) -> Post | None:
        """The post of *key*'s message; None when it was not posted, as far as is known."""
        with self._database.read() as connection:
            row = connection.execute(_POST, {"account": account, "of": key}).mappings().one_or_none()
        return None if row is None else _post_of(row)

    def find_all(self, account: int, beginning: str) -> dict[str, Post]:
        """The posts of messages whose keys begin with *beginning*, by key."""
        query = sa.select(outbox.c.key, outbox.c.channel_id, outbox.c.ts).where(
            outbox.c.account_id == account,
            outbox.c.key.startswith(beginning, autoescape=True),
            outbox.c.state != OutboxState.EXTRA,
            outbox.c.ts.is_not(None),
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {key: Post(channel, ts) for key, channel, ts in rows}

    def posted(self, account: int, key: str, post: Post) -> Post:
        """
        Write *post* down as the message of *key*, unless there is one: that counts then, and *post* is an extra.

        Returns the one that counts.
        """
        first = self.find(account, key)
        if first == post:
            return post
        # What a power cut takes back is learned again from Slack's event, or from whoever reads the channel.
        with self._database.write(durable=False) as connection:
            if first is None:
                return self._write_down(connection, account, key, post)
            return self._extra(connection, account, first, post)

    def backlog(self) -> Backlog:
        """The backlog of all accounts; extras that were taken away are no loss."""
        return backlog_of(
            self._database,
            outbox,
            WAITING,
            OutboxState.DISCARDED,
            outbox.c.reason != TAKEN_AWAY,
            reason=outbox.c.reason,
            since=outbox.c.received_at,
        )

    def _write_down(self, connection: sa.Connection, account: int, key: str, post: Post) -> Post:
        values = {"account": account, "of": key, "channel": post.channel_id, "at": post.ts}
        counting = _post_of(connection.execute(self._write_post, values).mappings().one())
        assert counting is not None  # noqa: S101  written in this statement, or before
        return counting if counting == post else self._extra(connection, account, counting, post)

    def _extra(self, connection: sa.Connection, account: int, counts: Post, post: Post) -> Post:
        """Have *post* taken away, since *counts* is the message."""
        statement = (
            self._database.insert(outbox)
            .values(
                account_id=account,
                key=f"extra {post.channel_id} {post.ts}",
                state=OutboxState.EXTRA,
                version=PAYLOAD_VERSION,
                channel_id=post.channel_id,
                ts=post.ts,
                received_at=now(),
                attempts=0,
                fence=0,
                **leases.given_back(),
            )
            .on_conflict_do_nothing(index_elements=["account_id", "key"])
        )
        connection.execute(statement)
        return counts

    def _change(self, message: OutboxMessage, **values: Any) -> None:
        with self._database.write(durable=False) as connection:
            leases.change(connection, outbox, _waiting(message), message.lease, **values)

    @staticmethod
    def _finish(connection: sa.Connection, message: OutboxMessage, state: OutboxState, **values: Any) -> sa.RowMapping:
        assert state in NEXT[message.state]  # noqa: S101  our own calls
        return leases.change(
            connection,
            outbox,
            _waiting(message),
            message.lease,
            state=state,
            finished_at=now(),
            **leases.given_back(),
            **values,
        )


def _write_post(database: Database) -> sa.Executable:
    """Writes down that the message of the key *of* is in *channel*, *at* its ts; the first that is written down counts."""
    statement = database.insert(outbox).values(
        account_id=sa.bindparam("account"),
        key=sa.bindparam("of"),
        state=OutboxState.SENT,
        version=PAYLOAD_VERSION,
        channel_id=sa.bindparam("channel"),
        ts=sa.bindparam("at"),
        received_at=now(),
        finished_at=now(),
        attempts=1,
        fence=0,
        **leases.given_back(),
    )
    first = {name: sa.func.coalesce(outbox.c[name], statement.excluded[name]) for name in ("channel_id", "ts")}
    statement = statement.on_conflict_do_update(index_elements=["account_id", "key"], set_=first)
    return statement.returning(outbox.c.channel_id, outbox.c.ts)


def _is(account: int, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return outbox.c.account_id == account, outbox.c.key == key


def _waiting(message: OutboxMessage) -> Iterable[sa.ColumnElement[bool]]:
    return *_is(message.account_id, message.key), outbox.c.state == message.state


def _post_of(row: sa.RowMapping) -> Post | None:
    return None if row["ts"] is None else Post(row["channel_id"], row["ts"])


def _message_of(row: sa.RowMapping) -> OutboxMessage:
    return OutboxMessage(
        account_id=row["account_id"],
        key=row["key"],
        state=OutboxState(row["state"]),
        payload=row["payload"] or {},
        post=_post_of(row),
        received_at=row["received_at"],
        attempts=row["attempts"],
        deaths=row["deaths"],
        lease=leases.lease_of(row),
    )
