"""
Keys of the texting platform's API.

A desk of the release before has no API, and reads and writes the list beside it as it did.
"""

import sqlalchemy as sa
from alembic import op

from store.models import Moment

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("made_by_id", sa.Text(), nullable=False),
        sa.Column("made_by_name", sa.Text(), nullable=False),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment()),
        sa.Column("revoked_by_id", sa.Text()),
        sa.Column("revoked_by_name", sa.Text()),
        sa.Column("revoked_at", Moment()),
        sa.Column("used_at", Moment()),
        sa.CheckConstraint("length(secret_hash) = 64", name=op.f("ck_api_keys_secret_hash")),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by_id IS NULL) AND (revoked_at IS NULL) = (revoked_by_name IS NULL)",
            name=op.f("ck_api_keys_revoked"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_api_keys_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("id", name=op.f("uq_api_keys_id")),
    )
