"""
An inbox, an outbox and idempotency keys in place of deliveries and posts; a fence for digests.

What waits goes on waiting: events are handled and answers given after the upgrade. Of what was handled only the names
are kept, so that a repetition is known.
"""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from store.models import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PENDING = "state = 'pending'"
_WAITING = "state IN ('pending', 'extra')"


def _lease() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("owner", sa.Text()),
        sa.Column("fence", BigInt, nullable=False, server_default="0"),
        sa.Column("lease_until", Moment(), nullable=False),
    )


def _partial(where: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # A desk of the release before may still be running: what it kept after the copy would go with the table.
        op.execute("LOCK TABLE deliveries, posts IN ACCESS EXCLUSIVE MODE")
    op.create_table(
        "inbox",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("payload", sa.JSON()),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("finished_at", Moment()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *_lease(),
        sa.CheckConstraint("state IN ('pending', 'done', 'discarded')", name=op.f("ck_inbox_state")),
        sa.CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name=op.f("ck_inbox_finished")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_inbox_account_id")),
        sa.PrimaryKeyConstraint("account_id", "event_id", name=op.f("pk_inbox")),
    )
    outbox = op.create_table(
        "outbox",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON()),
        sa.Column("channel_id", sa.Text()),
        sa.Column("ts", sa.Text()),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("finished_at", Moment()),
        sa.Column("attempts", sa.Integer(), nullable=False),
        *_lease(),
        sa.CheckConstraint("state IN ('pending', 'sent', 'extra', 'discarded')", name=op.f("ck_outbox_state")),
        sa.CheckConstraint("(state IN ('pending', 'extra')) = (finished_at IS NULL)", name=op.f("ck_outbox_finished")),
        sa.CheckConstraint("(channel_id IS NULL) = (ts IS NULL)", name=op.f("ck_outbox_post")),
        sa.CheckConstraint("state <> 'extra' OR ts IS NOT NULL", name=op.f("ck_outbox_extra")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_outbox_account_id")),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_outbox")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_idempotency_keys_account_id")),
        sa.PrimaryKeyConstraint("account_id", "key", name=op.f("pk_idempotency_keys")),
        sqlite_with_rowid=False,
    )
    _move(outbox)
    op.create_index("ix_inbox_pending", "inbox", ["lease_until"], **_partial(_PENDING))
    op.create_index("ix_inbox_recent", "inbox", ["account_id", "channel_id", "received_at"])
    op.create_index("ix_inbox_finished", "inbox", ["finished_at"])
    op.create_index("ix_inbox_payload", "inbox", ["finished_at"], **_partial("payload IS NOT NULL"))
    op.create_index("ix_outbox_waiting", "outbox", ["lease_until"], **_partial(_WAITING))
    op.create_index("ix_outbox_finished", "outbox", ["finished_at"])
    op.create_index("ix_idempotency_keys_made_at", "idempotency_keys", ["made_at"])
    op.drop_table("deliveries")
    op.drop_table("posts")
    op.add_column("digests", sa.Column("owner", sa.Text()))
    op.add_column("digests", sa.Column("fence", BigInt, nullable=False, server_default="0"))


def _move(outbox: sa.Table) -> None:
    connection = op.get_bind()
    # An event that is being handled while the tables change is taken up again by whoever starts next.
    connection.execute(
        sa.text(
            "INSERT INTO inbox (account_id, event_id, kind, channel_id, state, payload, received_at, finished_at, "
            "attempts, lease_until) "
            "SELECT account_id, event_id, kind, channel_id, CASE WHEN done_at IS NULL THEN 'pending' ELSE 'done' END, "
            "CASE WHEN done_at IS NULL THEN payload END, received_at, done_at, attempts, received_at "
            "FROM deliveries WHERE kind NOT IN ('answer', 'once')"
        )
    )
    connection.execute(
        sa.text(
            "INSERT INTO idempotency_keys (account_id, key, fingerprint, result, made_at) "
            "SELECT account_id, event_id, '', payload, received_at FROM deliveries WHERE kind = 'once'"
        )
    )
    # The message of an answer is now called as its first post always was: by the answer's key and a zero.
    connection.execute(
        sa.text(
            "INSERT INTO outbox (account_id, key, state, version, channel_id, ts, received_at, finished_at, attempts, "
            "lease_until) "
            "SELECT account_id, key, 'sent', 1, channel_id, ts, :at, :at, 1, :at FROM posts"
        ).bindparams(sa.bindparam("at", datetime.now(UTC), Moment()))
    )
    connection.execute(
        sa.text(
            "INSERT INTO outbox (account_id, key, state, version, received_at, finished_at, attempts, lease_until) "
            "SELECT account_id, substr(event_id, 8) || ' 0', 'sent', 1, received_at, done_at, attempts, received_at "
            "FROM deliveries d WHERE kind = 'answer' AND done_at IS NOT NULL AND event_id NOT LIKE 'answer extra %' "
            "AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.account_id = d.account_id "
            "AND o.key = substr(d.event_id, 8) || ' 0')"
        )
    )
    deliveries = sa.table(
        "deliveries",
        sa.column("account_id", BigInt),
        sa.column("event_id", sa.Text()),
        sa.column("kind", sa.Text()),
        sa.column("payload", sa.JSON()),
        sa.column("received_at", Moment()),
        sa.column("attempts", sa.Integer()),
        sa.column("done_at", Moment()),
    )
    waiting = sa.select(deliveries).where(deliveries.c.kind == "answer", deliveries.c.done_at.is_(None))
    for row in connection.execute(waiting).mappings().all():
        name, payload = row["event_id"].removeprefix("answer "), row["payload"]
        at = {"received_at": row["received_at"], "lease_until": row["received_at"], "attempts": row["attempts"]}
        if "extra" in payload:
            values = {"state": "extra", "payload": sa.null(), **payload["extra"]}
            connection.execute(
                sa.insert(outbox).values(account_id=row["account_id"], key=name, version=1, **values, **at)
            )
            continue
        mine = outbox.c.account_id == row["account_id"], outbox.c.key == f"{name} 0"
        values = {"state": "pending", "payload": payload, "finished_at": None}
        # Its first part may have been posted, and then stands there already.
        if not connection.execute(sa.update(outbox).where(*mine).values(**values, **at)).rowcount:
            connection.execute(
                sa.insert(outbox).values(account_id=row["account_id"], key=f"{name} 0", version=1, **values, **at)
            )
