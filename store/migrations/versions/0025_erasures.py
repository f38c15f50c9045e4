"""Erased numbers, each by its keyed hash and the entry that erased it."""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("key_check", BigInt, nullable=False),
        sa.Column("entry_id", BigInt, nullable=False),
        sa.CheckConstraint("length(hash) = 64", name=op.f("ck_erasures_hash")),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_id"],
            ["entries.account_id", "entries.id"],
            name=op.f("fk_erasures_account_id_entry_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "hash", name=op.f("pk_erasures")),
        sqlite_with_rowid=False,
    )
