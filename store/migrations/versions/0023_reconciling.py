"""
Telnyx's key with which its list of opt-outs is read, and exports that are passed on to a destination instead.

A desk of the release before that works beside makes a file of such an export that it takes up, as it always did.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("hooks", sa.Column("api_key", sa.Text()))
    op.add_column("exports", sa.Column("destination_id", sa.Text()))
