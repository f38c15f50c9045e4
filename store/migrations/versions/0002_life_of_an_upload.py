"""
The life of an upload: previews that remind and expire, stopping and going on, undoing.

On SQLite the table of uploads is copied, since its checks change. Its one child table is emptied meanwhile: dropping a
table counts as deleting its rows, and that is refused while others refer to them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Phone = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
BigInt = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    copied = op.get_bind().dialect.name == "sqlite"
    if copied:
        op.execute("CREATE TABLE kept AS SELECT * FROM unreadable_rows")
        op.execute("DELETE FROM unreadable_rows")
    with op.batch_alter_table("uploads") as table:
        table.add_column(sa.Column("size", BigInt, server_default="0", nullable=False))
        table.add_column(sa.Column("purpose", sa.Text(), server_default="opt out", nullable=False))
        table.add_column(sa.Column("waiting_since", sa.DateTime(timezone=True)))
        table.add_column(sa.Column("reminded_at", sa.DateTime(timezone=True)))
        table.add_column(sa.Column("attached_file", sa.Text()))
        table.add_column(sa.Column("undo_entry_id", BigInt))
        table.add_column(sa.Column("undo_phone", Phone, server_default="", nullable=False))
        table.add_column(sa.Column("opted_in", BigInt, server_default="0", nullable=False))
        table.add_column(sa.Column("kept_out", BigInt, server_default="0", nullable=False))
        table.add_column(sa.Column("reopened", BigInt, server_default="0", nullable=False))
        table.add_column(sa.Column("undone_at", sa.DateTime(timezone=True)))
        table.add_column(sa.Column("decider_id", sa.Text()))
        table.add_column(sa.Column("decider_name", sa.Text()))
    # What waits starts to wait now: nobody was told that it would expire.
    op.execute("UPDATE uploads SET waiting_since = CURRENT_TIMESTAMP WHERE state = 'waiting'")
    # A copied table loses the checks that are not named for it, and so the two that change.
    kept = sa.CheckConstraint("newly_opted_out + already_opted_out <= phones", name=op.f("ck_uploads_counters"))
    with op.batch_alter_table("uploads", table_args=(kept,) if copied else ()) as table:
        if not copied:
            table.drop_constraint(op.f("ck_uploads_state"), type_="check")
            table.drop_constraint(op.f("ck_uploads_entry"), type_="check")
        table.create_check_constraint(
            op.f("ck_uploads_state"),
            "state IN ('received', 'waiting', 'applying', 'done', 'refused', 'cancelled', 'stopped', 'failed', "
            "'undoing', 'undone', 'expired', 'scrubbed')",
        )
        table.create_check_constraint(
            op.f("ck_uploads_purpose"), "purpose IN ('opt out', 'scrub', 'scrub, keep unreadable')"
        )
        table.create_check_constraint(
            op.f("ck_uploads_scrub"), "CASE WHEN purpose = 'opt out' THEN state <> 'scrubbed' ELSE entry_id IS NULL END"
        )
        table.create_check_constraint(
            op.f("ck_uploads_entry"),
            "state NOT IN ('applying', 'stopped', 'done', 'undoing', 'undone') OR entry_id IS NOT NULL",
        )
        table.create_check_constraint(
            op.f("ck_uploads_undo_entry"), "state NOT IN ('undoing', 'undone') OR undo_entry_id IS NOT NULL"
        )
        table.create_check_constraint(op.f("ck_uploads_waiting"), "state <> 'waiting' OR waiting_since IS NOT NULL")
        table.create_check_constraint(
            op.f("ck_uploads_undo_counters"), "opted_in + kept_out <= newly_opted_out + already_opted_out"
        )
        table.create_foreign_key(
            op.f("fk_uploads_account_id_undo_entry_id"),
            "entries",
            ["account_id", "undo_entry_id"],
            ["account_id", "id"],
        )
    op.create_index(
        "ix_uploads_waiting",
        "uploads",
        ["waiting_since"],
        unique=False,
        sqlite_where=sa.text("state = 'waiting'"),
        postgresql_where=sa.text("state = 'waiting'"),
    )
    if not copied:
        # Room for a lifted row beside the row: it then stays on its page, and no index changes.
        op.execute("ALTER TABLE opt_outs SET (fillfactor = 50)")
    op.create_index("ix_uploads_sha256", "uploads", ["account_id", "sha256"], unique=False)
    if copied:
        op.execute("INSERT INTO unreadable_rows SELECT * FROM kept")
        op.execute("DROP TABLE kept")
