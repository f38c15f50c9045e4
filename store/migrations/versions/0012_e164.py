"""
Phones are E.164 to the letter in every table, and PostgreSQL answers for many phones at once.

A row that breaks the rule is somebody whom no look-up finds, so the tables are left as they are until a person has put it
right: only they know who was meant. A desk of the release before writes beside it what the rule allows.
"""

import re
from typing import Final

import sqlalchemy as sa
from alembic import op

from store.errors import StoreError

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TABLES: Final = ("allow_requests", "conversations", "entry_phones", "opt_outs")
_BEFORE: Final = "phone LIKE '+%' AND length(phone) BETWEEN 5 AND 20"
_ON_SQLITE: Final = (
    "CAST(phone AS INTEGER) BETWEEN 1000000 AND 999999999999999 AND phone = '+' || CAST(phone AS INTEGER)"
)
_ON_POSTGRESQL: Final = (
    "substr(phone, 1, 1) = '+' AND substr(phone, 2, 1) <> '0' AND length(phone) BETWEEN 8 AND 16 "
    "AND ltrim(substr(phone, 2), '0123456789') = ''"
)
_NAMED: Final = 10  # of the rows that break the rule
# Its body is bound to the view when it is made, whatever schemas whoever calls it looks through.
_MUST_NOT_TEXT: Final = """
CREATE FUNCTION must_not_text(account text, phones text[]) RETURNS SETOF text
LANGUAGE SQL STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT o.phone FROM opted_out o
    WHERE o.account = must_not_text.account AND o.phone = ANY (must_not_text.phones);
END
"""


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _require_e164(connection, _ON_SQLITE)
        _check_on_sqlite(connection)
        return
    _require_e164(connection, _ON_POSTGRESQL)
    for table in _TABLES:
        name = f"ck_{table}_phone"
        # Of what is there already `Database.migrate` makes sure afterwards, when this lock, which stops everybody, is gone.
        op.execute(
            f"ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} CHECK ({_ON_POSTGRESQL}) NOT VALID"
        )
    op.execute(_MUST_NOT_TEXT)


def _require_e164(connection: sa.Connection, rule: str) -> None:
    """Raise `StoreError` with the rows whose phone is not E.164, if there are any."""
    count = 0
    named: list[str] = []
    for table in _TABLES:
        wrong = f"FROM {table} t JOIN accounts a ON a.id = t.account_id WHERE NOT ({rule})"
        many = connection.exec_driver_sql(f"SELECT count(*) {wrong}").scalar_one()
        if many:
            count += many
            query = f"SELECT a.slack_id, t.phone {wrong} ORDER BY t.account_id, t.phone LIMIT {_NAMED - len(named)}"
            rows = connection.exec_driver_sql(query) if len(named) < _NAMED else ()
            named += [f"{table} of {account}: {phone!a}" for account, phone in rows]
    if not count:
        return
    rows_have, more = ("1 row has", "") if count == 1 else (f"{count:,} rows have", "")
    if count > len(named):
        more = f"; and {count - len(named):,} more"
    raise StoreError(
        f"The tables were left as they are: {rows_have} a phone that is not E.164 (a plus and 7 to 15 digits, the first not 0), "
        f"so that nobody who looks it up finds it: {'; '.join(named)}{more}. Opt each person out by the number as it should be, "
        "with the desk of before (`/optout add`, or `python -m bot import`); take the wrong row out of its table with SQL; "
        "then migrate again."
    )


def _check_on_sqlite(connection: sa.Connection) -> None:
    """
    Write the new check over the old one where SQLite keeps the tables' definitions.

    Way two of https://www.sqlite.org/lang_altertable.html#otheralter, for what changes no row; each was looked at just now,
    by the same transaction. To copy ten million rows instead takes two to three times as long, and as much disk again.
    """
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for table in _TABLES:
        query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
        made: str = connection.exec_driver_sql(query, (table,)).scalar_one()
        checked, times = re.subn(re.escape(f"CHECK ({_BEFORE})"), lambda _: f"CHECK ({_ON_SQLITE})", made)
        if times != 1:
            raise StoreError(f"The table {table} is not as revision {down_revision} made it, so nothing was changed.")
        update = "UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?"
        connection.exec_driver_sql(update, (checked, table))
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    # Reads the definitions anew, as every other connection does by the version.
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")
