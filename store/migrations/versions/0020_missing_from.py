"""
What a platform's list lacks of ours, as an export.

On SQLite the table of exports, which has no more rows than a month has exports, is copied: its check of formats changes.
A desk of the release before that works beside fails such an export that it takes up, with a sentence.
"""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_FORMAT = "format IN ('desk', 'thrutext', 'phones', 'evidence', 'missing')"
_MISSING_FROM = "(format = 'missing') = (missing_from IS NOT NULL)"


def upgrade() -> None:
    copied = op.get_bind().dialect.name == "sqlite"
    # A copied table loses its checks.
    kept = (
        sa.CheckConstraint("state IN ('asked', 'done', 'failed')", name=op.f("ck_exports_state")),
        sa.CheckConstraint("(format = 'evidence') = (phone IS NOT NULL)", name=op.f("ck_exports_phone")),
    )
    with op.batch_alter_table("exports", table_args=kept if copied else ()) as table:
        table.add_column(sa.Column("missing_from", BigInt))
        if not copied:
            table.drop_constraint(op.f("ck_exports_format"), type_="check")
        table.create_check_constraint(op.f("ck_exports_format"), _FORMAT)
        table.create_check_constraint(op.f("ck_exports_missing_from"), _MISSING_FROM)
