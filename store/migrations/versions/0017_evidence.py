"""
Evidence of one number as an export; when an entry's request was heard, and which conversations it re-opened.

On SQLite the table of exports, which has no more rows than a month has exports, is copied: its check of formats changes.
A desk of the release before that works beside fails an export of evidence that it takes up, with a sentence; what it
writes itself has neither of the new columns of entries.
"""

import sqlalchemy as sa
from alembic import op

from store.models import Moment, Phone

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_FORMAT = "format IN ('desk', 'thrutext', 'phones', 'evidence')"
_PHONE = "(format = 'evidence') = (phone IS NOT NULL)"


def upgrade() -> None:
    op.add_column("entries", sa.Column("heard_at", Moment()))
    op.add_column("entries", sa.Column("reopened", sa.JSON()))
    copied = op.get_bind().dialect.name == "sqlite"
    # A copied table loses its checks.
    kept = sa.CheckConstraint("state IN ('asked', 'done', 'failed')", name=op.f("ck_exports_state"))
    with op.batch_alter_table("exports", table_args=(kept,) if copied else ()) as table:
        table.add_column(sa.Column("phone", Phone))
        if not copied:
            table.drop_constraint(op.f("ck_exports_format"), type_="check")
        table.create_check_constraint(op.f("ck_exports_format"), _FORMAT)
        table.create_check_constraint(op.f("ck_exports_phone"), _PHONE)
