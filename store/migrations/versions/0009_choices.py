"""People choose how a list is read, where it can be read in more than one way."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A replica of the release before decides nothing of it, and reads lists the usual way.
    op.add_column("uploads", sa.Column("choices", sa.JSON()))
