"""
Installations by OAuth, with their tokens, and the states of those that were begun.

A desk of the release before has the one workspace of its settings, and reads and writes the list beside it as it did.
"""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt, Moment

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "installations",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("team_id", sa.Text()),
        sa.Column("enterprise_id", sa.Text()),
        sa.Column("bot_id", sa.Text()),
        sa.Column("bot_user_id", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("installed_by", sa.Text(), nullable=False),
        sa.Column("installed_at", Moment(), nullable=False),
        sa.Column("sealed", sa.Text()),
        sa.Column("expires_at", Moment()),
        sa.Column("gone_at", Moment()),
        sa.Column("owner", sa.Text()),
        sa.Column("fence", BigInt, nullable=False, server_default="0"),
        sa.Column("lease_until", Moment(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"),
        sa.CheckConstraint("(sealed IS NULL) = (gone_at IS NOT NULL)", name=op.f("ck_installations_gone")),
        sa.CheckConstraint("team_id IS NOT NULL OR enterprise_id IS NOT NULL", name=op.f("ck_installations_whose")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_installations_account_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_installations")),
    )
    op.create_table(
        "oauth_states",
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_oauth_states")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_oauth_states_expires_at", "oauth_states", ["expires_at"])
