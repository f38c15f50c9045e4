"""What the surfaces in Slack need: why, in one word, an entry was made; which phones it was about; exports."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Phone = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
E164 = "phone LIKE '+%' AND length(phone) BETWEEN 5 AND 20"


def upgrade() -> None:
    op.add_column("entries", sa.Column("cause", sa.Text()))
    op.create_table(
        "entry_phones",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("phone", Phone, nullable=False),
        sa.Column("entry_id", BigInt, nullable=False),
        sa.CheckConstraint(E164, name=op.f("ck_entry_phones_phone")),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_id"],
            ["entries.account_id", "entries.id"],
            name=op.f("fk_entry_phones_account_id_entry_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "phone", "entry_id", name=op.f("pk_entry_phones")),
        sqlite_with_rowid=False,
    )
    # Entries of before: what they opted out, and what they opted in. Those of uploads are found by the upload.
    op.execute(
        "INSERT INTO entry_phones (account_id, phone, entry_id) "
        "SELECT o.account_id, o.phone, e.id FROM opt_outs o JOIN entries e "
        "ON e.account_id = o.account_id AND e.id = o.entry_id WHERE e.upload_id IS NULL "
        "UNION SELECT o.account_id, o.phone, e.id FROM opt_outs o JOIN entries e "
        "ON e.account_id = o.account_id AND e.id = o.lifted_by WHERE e.upload_id IS NULL"
    )
    op.create_index("ix_entry_phones_entry", "entry_phones", ["account_id", "entry_id"], unique=False)
    op.create_table(
        "digests",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("week", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_digests_account_id")),
        sa.PrimaryKeyConstraint("account_id", "week", name=op.f("pk_digests")),
    )
    op.create_table(
        "exports",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("entry_id", BigInt, nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("function", sa.Text()),
        sa.Column("dm_channel", sa.Text()),
        sa.Column("message_ts", sa.Text()),
        sa.Column("attached_file", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("phones", BigInt, server_default="0", nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fence", BigInt, server_default="0", nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state IN ('asked', 'done', 'failed')", name=op.f("ck_exports_state")),
        sa.CheckConstraint("format IN ('desk', 'thrutext', 'phones')", name=op.f("ck_exports_format")),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_id"],
            ["entries.account_id", "entries.id"],
            name=op.f("fk_exports_account_id_entry_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "entry_id", name=op.f("pk_exports")),
    )
    op.create_index(
        "ix_exports_asked",
        "exports",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    )
