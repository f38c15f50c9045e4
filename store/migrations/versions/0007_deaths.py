"""What kills its workers is counted, and a list that waits for its turn says so once."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With defaults, which both databases add without a rewrite: a replica of the release before counts nothing.
    for table in ("digests", "exports", "uploads", "inbox", "outbox"):
        op.add_column(table, sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("uploads", sa.Column("queued", sa.Boolean(), nullable=False, server_default=sa.false()))
