"""
Requests that are handed over to the admins, and for whom an entry was made.

A desk of the release before reads and writes the list beside it as it did; it makes no entry for anybody else.
"""

import sqlalchemy as sa
from alembic import op

from store.models import Moment

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_STATES = "state IN ('open', 'done', 'declined', 'expired', 'unheard')"
_OPEN = "state = 'open'"
_UNSHOWN = "shown IS NULL OR shown <> state"


def upgrade() -> None:
    op.add_column("entries", sa.Column("asked_by_id", sa.Text()))
    op.add_column("entries", sa.Column("asked_by_name", sa.Text()))
    op.create_table(
        "handovers",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("errand", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("asker_id", sa.Text(), nullable=False),
        sa.Column("asker_name", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("channel_name", sa.Text()),
        sa.Column("thread_ts", sa.Text()),
        sa.Column("message_ts", sa.Text()),
        sa.Column("permalink", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text()),
        sa.Column("asked_at", Moment(), nullable=False),
        sa.Column("decider_id", sa.Text()),
        sa.Column("decider_name", sa.Text()),
        sa.Column("decided_at", Moment()),
        sa.Column("owner", sa.Text()),
        sa.Column("fence", BigInt, nullable=False, server_default="0"),
        sa.Column("lease_until", Moment(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"),
        sa.CheckConstraint(_STATES, name=op.f("ck_handovers_state")),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name=op.f("ck_handovers_decided")),
        sa.CheckConstraint("(decider_id IS NULL) = (decider_name IS NULL)", name=op.f("ck_handovers_decider")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_handovers_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_handovers")),
    )
    op.create_index("ix_handovers_asked", "handovers", ["account_id", "asker_id", "asked_at"])
    for name, column, where in (
        ("ix_handovers_open", "asked_at", _OPEN),
        ("ix_handovers_unshown", "lease_until", _UNSHOWN),
    ):
        op.create_index(name, "handovers", [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
