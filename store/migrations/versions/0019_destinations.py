"""
Destinations, to which changes of the list are passed on, and phones that one of them did not take.

A desk of the release before that works beside knows of none, and passes nothing on.
"""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt, Moment, Phone

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_PHONE = {
    "sqlite": "CAST(phone AS INTEGER) BETWEEN 1000000 AND 999999999999999 AND phone = '+' || CAST(phone AS INTEGER)",
    "postgresql": (
        "substr(phone, 1, 1) = '+' AND substr(phone, 2, 1) <> '0' AND length(phone) BETWEEN 8 AND 16 "
        "AND ltrim(substr(phone, 2), '0123456789') = ''"
    ),
}


def upgrade() -> None:
    op.create_table(
        "destinations",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("login", sa.Text()),
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
        sa.CheckConstraint("kind IN ('webhook', 'twilio', 'van')", name=op.f("ck_destinations_kind")),
        sa.CheckConstraint("state IN ('on', 'paused', 'refused')", name=op.f("ck_destinations_state")),
        sa.CheckConstraint("(kind = 'webhook') = (login IS NULL)", name=op.f("ck_destinations_login")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_destinations_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_destinations")),
    )
    op.create_table(
        "destination_failures",
        sa.Column("account_id", BigInt, nullable=False, autoincrement=False),
        sa.Column("destination_id", sa.Text(), nullable=False),
        sa.Column("phone", Phone, nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("next_at", Moment(), nullable=False),
        sa.CheckConstraint(_PHONE[op.get_bind().dialect.name], name=op.f("ck_destination_failures_phone")),
        sa.ForeignKeyConstraint(
            ["account_id", "destination_id"],
            ["destinations.account_id", "destinations.id"],
            name=op.f("fk_destination_failures_account_id_destination_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "destination_id", "phone", name=op.f("pk_destination_failures")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_destination_failures_next_at", "destination_failures", ["account_id", "destination_id", "next_at"]
    )
