"""
Destinations, to which changes of the list are passed on.

A desk of the release before that works beside knows of none, and passes nothing on.
"""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt, Moment

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "destinations",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("key_name", sa.Text()),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text()),
        sa.Column("seq", BigInt, nullable=False, server_default="-1"),
        sa.Column("taken_at", Moment()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("problem", sa.Text()),
        sa.Column("failing_since", Moment()),
        sa.Column("told_at", Moment()),
        sa.Column("next_at", Moment(), nullable=False),
        sa.Column("made_by_id", sa.Text(), nullable=False),
        sa.Column("made_by_name", sa.Text(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("fence", BigInt, nullable=False, server_default="0"),
        sa.Column("lease_until", Moment(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"),
        sa.CheckConstraint("kind IN ('webhook', 'twilio')", name=op.f("ck_destinations_kind")),
        sa.CheckConstraint("state IN ('on', 'paused', 'refused')", name=op.f("ck_destinations_state")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_destinations_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_destinations")),
    )
