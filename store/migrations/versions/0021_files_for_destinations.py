"""
Destinations without a door, whose list is a file that a person loads: a kind more, and exports that are made for one.

On SQLite both tables are copied, which have no more rows than an account has destinations and a month has exports: their
checks change. A desk of the release before that works beside knows of no destination.
"""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    copied = op.get_bind().dialect.name == "sqlite"
    # A copied table loses its checks.
    kept: tuple[sa.CheckConstraint, ...] = (
        _check("exports", "state", "state IN ('asked', 'done', 'failed')"),
        _check("exports", "format", "format IN ('desk', 'thrutext', 'phones', 'evidence', 'missing')"),
        _check("exports", "phone", "(format = 'evidence') = (phone IS NOT NULL)"),
        _check("exports", "missing_from", "(format = 'missing') = (missing_from IS NOT NULL)"),
    )
    with op.batch_alter_table("exports", table_args=kept if copied else ()) as table:
        table.add_column(sa.Column("destination_id", sa.Text()))
        table.add_column(sa.Column("reached", BigInt))
        table.add_column(sa.Column("allowed", BigInt, nullable=False, server_default="0"))
        table.add_column(sa.Column("first_allowed", sa.Text(), nullable=False, server_default=""))
        table.create_check_constraint(
            op.f("ck_exports_destination_id"), "destination_id IS NULL OR format IN ('thrutext', 'phones', 'missing')"
        )
        table.create_check_constraint(op.f("ck_exports_reached"), "reached IS NULL OR destination_id IS NOT NULL")
    kept = (_check("destinations", "state", "state IN ('on', 'paused', 'refused')"),)
    with op.batch_alter_table("destinations", table_args=kept if copied else ()) as table:
        if not copied:
            table.drop_constraint(op.f("ck_destinations_kind"), type_="check")
            table.drop_constraint(op.f("ck_destinations_login"), type_="check")
        table.create_check_constraint(op.f("ck_destinations_kind"), "kind IN ('webhook', 'twilio', 'van', 'file')")
        table.create_check_constraint(op.f("ck_destinations_login"), "(kind IN ('webhook', 'file')) = (login IS NULL)")
