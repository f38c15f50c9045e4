"""Requests to allow texts again that need a second admin."""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt, Moment, Phone

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A replica of the release before knows of no such request, and has no way to decide one.
    op.create_table(
        "allow_requests",
        sa.Column("account_id", BigInt, nullable=False, autoincrement=False),
        sa.Column("entry_id", BigInt, nullable=False, autoincrement=False),
        sa.Column("phone", Phone, nullable=False),
        sa.Column("last_entry", BigInt, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("thread_ts", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expires_at", Moment, nullable=False),
        sa.Column("decider_id", sa.Text()),
        sa.Column("decider_name", sa.Text()),
        sa.Column("decided_at", Moment),
        sa.PrimaryKeyConstraint("account_id", "entry_id", name=op.f("pk_allow_requests")),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_id"],
            ["entries.account_id", "entries.id"],
            name=op.f("fk_allow_requests_account_id_entry_id"),
        ),
        sa.CheckConstraint(
            "state IN ('asked', 'allowed', 'declined', 'expired', 'overtaken')", name=op.f("ck_allow_requests_state")
        ),
        sa.CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name=op.f("ck_allow_requests_decided")),
        sa.CheckConstraint("phone LIKE '+%' AND length(phone) BETWEEN 5 AND 20", name=op.f("ck_allow_requests_phone")),
    )
    op.create_index(
        "ix_allow_requests_waiting",
        "allow_requests",
        ["account_id", "phone"],
        unique=True,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    )
    op.create_index("ix_allow_requests_decided", "allow_requests", ["decided_at"])
