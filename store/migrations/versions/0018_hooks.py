"""
Hooks: doors for the webhooks of Twilio and Telnyx, and how far Twilio's own list of what came in was read.

A desk of the release before has no hooks, and reads and writes the list beside it as it did.
"""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt, Moment

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hooks",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provider_account", sa.Text()),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("shared_key", sa.Text()),
        sa.Column("made_by_id", sa.Text(), nullable=False),
        sa.Column("made_by_name", sa.Text(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("caught_up_to", Moment()),
        sa.Column("trouble", sa.Text()),
        sa.Column("owner", sa.Text()),
        sa.Column("fence", BigInt, nullable=False, server_default="0"),
        sa.Column("lease_until", Moment(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"),
        sa.CheckConstraint("kind IN ('twilio', 'telnyx')", name=op.f("ck_hooks_kind")),
        sa.CheckConstraint(
            "(kind = 'twilio') = (provider_account IS NOT NULL)", name=op.f("ck_hooks_provider_account")
        ),
        sa.CheckConstraint("(kind = 'twilio') = (caught_up_to IS NOT NULL)", name=op.f("ck_hooks_caught_up_to")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_hooks_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_hooks")),
        sa.UniqueConstraint("id", name=op.f("uq_hooks_id")),
    )
