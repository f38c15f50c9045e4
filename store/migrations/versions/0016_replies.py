"""
Replies to texts, told by whatever sends them, and what became of each.

A desk of the release before hears none, and reads and writes the list beside it as it did.
"""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt, Moment, Phone

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_STATES = "state IN ('settled', 'waiting', 'opted out', 'not a request')"
_PHONE = {
    "sqlite": "CAST(phone AS INTEGER) BETWEEN 1000000 AND 999999999999999 AND phone = '+' || CAST(phone AS INTEGER)",
    "postgresql": (
        "substr(phone, 1, 1) = '+' AND substr(phone, 2, 1) <> '0' AND length(phone) BETWEEN 8 AND 16 "
        "AND ltrim(substr(phone, 2), '0123456789') = ''"
    ),
}
_ASKS_FOR_NOTHING = "entry_id IS NULL AND state <> 'waiting'"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("last_reply", BigInt, nullable=False, server_default="0"))
    op.add_column("accounts", sa.Column("replies_shown_at", Moment()))
    op.create_table(
        "replies",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("id", BigInt, nullable=False, autoincrement=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("phone", Phone, nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("heard_at", Moment(), nullable=False),
        sa.Column("campaign", sa.Text()),
        sa.Column("contact", sa.Text()),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("entry_id", BigInt),
        sa.Column("decider_id", sa.Text()),
        sa.Column("decider_name", sa.Text()),
        sa.Column("finished_at", Moment()),
        sa.Column("review", BigInt),
        sa.CheckConstraint(_STATES, name=op.f("ck_replies_state")),
        sa.CheckConstraint("(state = 'waiting') = (finished_at IS NULL)", name=op.f("ck_replies_finished")),
        sa.CheckConstraint("state <> 'opted out' OR entry_id IS NOT NULL", name=op.f("ck_replies_entry")),
        sa.CheckConstraint(
            "(state IN ('opted out', 'not a request')) = (decider_id IS NOT NULL)", name=op.f("ck_replies_decider")
        ),
        sa.CheckConstraint(
            "text IS NOT NULL OR (entry_id IS NULL AND state <> 'waiting')", name=op.f("ck_replies_text")
        ),
        sa.CheckConstraint(_PHONE[op.get_bind().dialect.name], name=op.f("ck_replies_phone")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_replies_account_id")),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_id"],
            ["entries.account_id", "entries.id"],
            name=op.f("fk_replies_account_id_entry_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_replies")),
        sa.UniqueConstraint("account_id", "source", "message", name=op.f("uq_replies_account_id_source_message")),
    )
    op.create_index("ix_replies_phone", "replies", ["account_id", "phone"])
    op.create_index("ix_replies_review", "replies", ["account_id", "review"])
    for name, columns, where in (
        ("ix_replies_waiting", ["account_id", "heard_at"], "state = 'waiting'"),
        ("ix_replies_finished", ["finished_at"], _ASKS_FOR_NOTHING),
        ("ix_replies_words", ["finished_at"], f"{_ASKS_FOR_NOTHING} AND text IS NOT NULL"),
    ):
        op.create_index(name, "replies", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
