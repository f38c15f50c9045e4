"""
Lists that a program sends over the API: their files in pieces, and the reason that came with them.

A desk of the release before that works beside knows of no such file, and refuses a list that it takes up; until it is
gone lists are better not sent.
"""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt, Moment

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "file_pieces",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("received_at", Moment(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_file_pieces_account_id")),
        sa.PrimaryKeyConstraint("account_id", "file_id", "number", name=op.f("pk_file_pieces")),
    )
    op.add_column("uploads", sa.Column("reason", sa.Text()))
