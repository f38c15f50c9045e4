"""
${message}

Before this lands: does it hold a lock on opt_outs or conversations for longer than a moment on ten million rows? Does
the program of the release before still work on the tables after it? Is it the same on SQLite and PostgreSQL?
"""

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
