"""
The first tables, and the view for the texting platform.

What is said here is what the tables were on this day: nothing is taken from store/models.py, which moves on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

Phone = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", BigInt, autoincrement=True, nullable=False),
        sa.Column("slack_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.String(length=2)),
        sa.Column("settings", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("opted_out", BigInt, server_default="0", nullable=False),
        sa.Column("last_entry", BigInt, server_default="0", nullable=False),
        sa.Column("last_upload", BigInt, server_default="0", nullable=False),
        sa.CheckConstraint("opted_out >= 0", name=op.f("ck_accounts_opted_out")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("slack_id", name=op.f("uq_accounts_slack_id")),
    )
    op.create_table(
        "opt_outs",
        sa.Column("account_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("phone", Phone, nullable=False),
        sa.Column("entry_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("line", BigInt),
        sa.Column("note", sa.Text()),
        sa.Column("requested_at", sa.DateTime(timezone=True)),
        sa.Column("lifted_by", BigInt),
        sa.CheckConstraint("phone LIKE '+%' AND length(phone) BETWEEN 5 AND 20", name=op.f("ck_opt_outs_phone")),
        sa.CheckConstraint("lifted_by > entry_id", name=op.f("ck_opt_outs_lifted_by")),
        sa.PrimaryKeyConstraint("account_id", "phone", "entry_id", name=op.f("pk_opt_outs")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "campaigns",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_campaigns_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_campaigns")),
    )
    op.create_table(
        "deliveries",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text()),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_deliveries_account_id")),
        sa.PrimaryKeyConstraint("account_id", "event_id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_open",
        "deliveries",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("done_at IS NULL"),
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index("ix_deliveries_recent", "deliveries", ["account_id", "channel_id", "received_at"], unique=False)
    op.create_table(
        "entries",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("id", BigInt, autoincrement=False, nullable=False),
        sa.Column("function", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel_id", sa.Text()),
        sa.Column("channel_name", sa.Text()),
        sa.Column("message_ts", sa.Text()),
        sa.Column("permalink", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("upload_id", BigInt),
        sa.Column("requested_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "(function IN ('upload', 'undo')) = (upload_id IS NOT NULL)", name=op.f("ck_entries_upload")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_entries_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_entries")),
    )
    op.create_table(
        "conversations",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("phone", Phone, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint("phone LIKE '+%' AND length(phone) BETWEEN 5 AND 20", name=op.f("ck_conversations_phone")),
        sa.CheckConstraint("state IN ('open', 'opted out')", name=op.f("ck_conversations_state")),
        sa.ForeignKeyConstraint(
            ["account_id", "campaign_id"],
            ["campaigns.account_id", "campaigns.id"],
            name=op.f("fk_conversations_account_id_campaign_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_conversations_account_id")),
        sa.PrimaryKeyConstraint("account_id", "campaign_id", "contact", name=op.f("pk_conversations")),
    )
    op.create_index("ix_conversations_phone", "conversations", ["account_id", "phone"], unique=False)
    op.create_table(
        "uploads",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("id", BigInt, autoincrement=False, nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.Text(), nullable=False),
        sa.Column("channel_name", sa.Text()),
        sa.Column("thread_ts", sa.Text()),
        sa.Column("message_ts", sa.Text()),
        sa.Column("permalink", sa.Text()),
        sa.Column("actor_id", sa.Text(), nullable=False),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("country", sa.String(length=2)),
        sa.Column("phone_column", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text()),
        sa.Column("pending", sa.Boolean(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fence", BigInt, server_default="0", nullable=False),
        sa.Column("sha256", sa.Text()),
        sa.Column("phonenumbers_version", sa.Text()),
        sa.Column("columns", sa.JSON()),
        sa.Column("summary", sa.JSON()),
        sa.Column("rows", BigInt, server_default="0", nullable=False),
        sa.Column("phones", BigInt, server_default="0", nullable=False),
        sa.Column("already", BigInt, server_default="0", nullable=False),
        sa.Column("unreadable", BigInt, server_default="0", nullable=False),
        sa.Column("entry_id", BigInt),
        sa.Column("last_phone", Phone, server_default="", nullable=False),
        sa.Column("last_unreadable", BigInt, server_default="0", nullable=False),
        sa.Column("newly_opted_out", BigInt, server_default="0", nullable=False),
        sa.Column("already_opted_out", BigInt, server_default="0", nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "state IN ('received', 'waiting', 'applying', 'done', 'refused', 'cancelled', 'stopped', 'failed', 'undone')",
            name=op.f("ck_uploads_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('applying', 'done', 'undone') OR entry_id IS NOT NULL", name=op.f("ck_uploads_entry")
        ),
        sa.CheckConstraint("newly_opted_out + already_opted_out <= phones", name=op.f("ck_uploads_counters")),
        sa.ForeignKeyConstraint(
            ["account_id", "entry_id"],
            ["entries.account_id", "entries.id"],
            name=op.f("fk_uploads_account_id_entry_id"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_uploads_account_id")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_uploads")),
        sa.UniqueConstraint(
            "account_id", "file_id", "channel_id", name=op.f("uq_uploads_account_id_file_id_channel_id")
        ),
    )
    op.create_index(
        "ix_uploads_pending",
        "uploads",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("pending"),
        postgresql_where=sa.text("pending"),
    )
    op.create_table(
        "unreadable_rows",
        sa.Column("account_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("upload_id", BigInt, autoincrement=False, nullable=False),
        sa.Column("line", BigInt, autoincrement=False, nullable=False),
        sa.Column("cell", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("cells", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "upload_id"],
            ["uploads.account_id", "uploads.id"],
            name=op.f("fk_unreadable_rows_account_id_upload_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "upload_id", "line", name=op.f("pk_unreadable_rows")),
        sqlite_with_rowid=False,
    )
    op.execute("""
        CREATE VIEW opted_out (account, phone, since) AS
        SELECT a.slack_id, o.phone, e.at
        FROM accounts a
        JOIN opt_outs o ON o.account_id = a.id
        JOIN entries e ON e.account_id = o.account_id AND e.id = o.entry_id
        WHERE o.lifted_by IS NULL AND NOT EXISTS (
            SELECT 1 FROM opt_outs s
            WHERE s.account_id = o.account_id AND s.phone = o.phone AND s.entry_id < o.entry_id AND s.lifted_by IS NULL
        )
    """)
