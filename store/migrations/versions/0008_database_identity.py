"""The database gets an identity, by which a running desk notices another in its place, and a place to try writing."""

import sqlalchemy as sa
from alembic import op

from store.models import Moment

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Empty: the first desk that serves gives the id, so that a copy of an empty database is not taken for the original.
    op.create_table(
        "database_identity",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("made_at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_database_identity")),
        sa.CheckConstraint("number = 1", name=op.f("ck_database_identity_number")),
    )
    op.create_table(
        "write_trials",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("filler", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_write_trials")),
    )
