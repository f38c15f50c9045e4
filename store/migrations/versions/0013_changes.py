"""
The feed of changes, and how far each of its followers has come.

A desk of the release before changes the list without a word in the feed. It counts who is opted out, as all do, and so a
trigger sees what it did: from then on the feed tells of nothing before it, and whoever follows reads the whole list again.
"""

import sqlalchemy as sa
from alembic import op

from store.models import BigInt, Moment, Phone

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_UNTOLD = {
    "postgresql": (
        """
        CREATE OR REPLACE FUNCTION untold_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.last_change := OLD.last_change + 1;
            NEW.pruned_change := NEW.last_change;
            RETURN NEW;
        END $$
        """,
        """
        CREATE TRIGGER untold_change BEFORE UPDATE OF opted_out ON accounts
        FOR EACH ROW WHEN (NEW.last_change = OLD.last_change) EXECUTE FUNCTION untold_change()
        """,
    ),
    "sqlite": (
        """
        CREATE TRIGGER untold_change AFTER UPDATE OF opted_out ON accounts WHEN NEW.last_change = OLD.last_change
        BEGIN
            UPDATE accounts SET last_change = last_change + 1, pruned_change = last_change + 1 WHERE id = NEW.id;
        END
        """,
    ),
}


def upgrade() -> None:
    op.add_column("accounts", sa.Column("last_change", BigInt, nullable=False, server_default="0"))
    op.add_column("accounts", sa.Column("pruned_change", BigInt, nullable=False, server_default="0"))
    # Of what was there before, the feed does not tell: it is read as a whole.
    op.execute("UPDATE accounts SET last_change = 1, pruned_change = 1 WHERE last_entry > 0")
    op.create_table(
        "changes",
        sa.Column("account_id", BigInt, nullable=False, autoincrement=False),
        sa.Column("seq", BigInt, nullable=False, autoincrement=False),
        sa.Column("entry_id", BigInt, nullable=False),
        sa.Column("first_phone", Phone, nullable=False),
        sa.Column("last_phone", Phone, nullable=False),
        sa.Column("phones", BigInt, nullable=False),
        sa.Column("listed", sa.Text()),
        sa.Column("at", Moment, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "seq", name=op.f("pk_changes")),
        sa.CheckConstraint("phones > 0", name=op.f("ck_changes_phones")),
        sa.CheckConstraint("first_phone <= last_phone", name=op.f("ck_changes_last_phone")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "change_readers",
        sa.Column("account_id", BigInt, nullable=False),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("seq", BigInt, nullable=False),
        sa.Column("seen_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_change_readers_account_id")),
        sa.PrimaryKeyConstraint("account_id", "reader", name=op.f("pk_change_readers")),
        sqlite_with_rowid=False,
    )
    for statement in _UNTOLD[op.get_bind().dialect.name]:
        op.execute(statement)
