"""
When each destination took what changed: a row for each page that it takes from now on, and for each phone that comes later.

For where the destinations of before have come to there is a row without a time. A desk of the release before that works beside
passes on without keeping when; what it passes on is told as taken with the next page.
"""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt, Moment, Phone

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_PHONE = {
    "sqlite": "CAST(phone AS INTEGER) BETWEEN 1000000 AND 999999999999999 AND phone = '+' || CAST(phone AS INTEGER)",
    "postgresql": (
        "substr(phone, 1, 1) = '+' AND substr(phone, 2, 1) <> '0' AND length(phone) BETWEEN 8 AND 16 "
        "AND ltrim(substr(phone, 2), '0123456789') = ''"
    ),
}


def upgrade() -> None:
    op.add_column("entries", sa.Column("last_change", BigInt))
    takings = op.create_table(
        "destination_takings",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("destination_id", sa.Text(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("seq", BigInt, nullable=False, autoincrement=False),
        sa.Column("phone", Phone, nullable=False),
        sa.Column("at", Moment()),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_destination_takings_account_id")),
        sa.PrimaryKeyConstraint(
            "account_id", "destination_id", "whole", "seq", "phone", name=op.f("pk_destination_takings")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "destination_delays",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("destination_id", sa.Text(), nullable=False),
        sa.Column("phone", Phone, nullable=False),
        sa.Column("failed_at", Moment(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("taken_at", Moment()),
        sa.CheckConstraint(_PHONE[op.get_bind().dialect.name], name=op.f("ck_destination_delays_phone")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_destination_delays_account_id")),
        sa.PrimaryKeyConstraint(
            "account_id", "destination_id", "phone", "failed_at", name=op.f("pk_destination_delays")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "removed_destinations",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key_name", sa.Text()),
        sa.Column("removed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_removed_destinations_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_removed_destinations")),
    )
    there = sa.table("destinations", *map(sa.column, ("account_id", "id", "cursor")))
    rows = op.get_bind().execute(sa.select(there).where(there.c.cursor.is_not(None))).all()
    if rows:
        op.bulk_insert(takings, [_place(*row) for row in rows])


def _place(account: int, destination: str, cursor: str) -> dict[str, object]:
    """The row for where a destination has come to: `w812.12125550100` in its first reading of the list, `812` behind it."""
    seq, _, digits = cursor.removeprefix("w").partition(".")
    return {
        "account_id": account,
        "destination_id": destination,
        "whole": cursor.startswith("w"),
        "seq": int(seq),
        "phone": f"+{digits}" if digits else "",
        "at": None,
    }
