"""The migrations and the tables they leave, on both databases."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from store import Account, Origin, Store, StoreRefused, StoreUnavailable
from store.errors import StoreBehind
from store.models import metadata
from tests.store.test_concurrency import together
from tests.tables import drop_tables, make_tables, migrate_to, step_back

ONE = "+12125550100"
TWO = "+12125550101"


def test_migrations_make_the_tables_of_the_models(store: Store) -> None:
    """Alembic finds nothing to change after the last migration: columns, types, keys, indexes."""
    with store.database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def _details(inspector: sa.Inspector) -> set[tuple[str, str, str]]:
    found: set[tuple[str, str, str]] = set()
    for table in metadata.tables:
        found |= {(table, str(check["name"]), check["sqltext"]) for check in inspector.get_check_constraints(table)}
        found |= {
            (table, str(key["name"]), str(key["column_names"])) for key in inspector.get_unique_constraints(table)
        }
        for key in inspector.get_foreign_keys(table):
            found.add((table, str(key["name"]), f"{key['constrained_columns']} {key['referred_columns']}"))
        for column in inspector.get_columns(table):
            found.add((table, column["name"], f"{column['type']!r} {column['nullable']} {column['default']}"))
        primary = inspector.get_pk_constraint(table)
        found.add((table, str(primary["name"]), str(primary["constrained_columns"])))
    return found


def test_migrations_make_the_constraints_and_the_view_of_the_models(store: Store) -> None:
    """What Alembic does not compare, checks, defaults, names of keys and the view, is word for word the models'."""
    with store.database.read() as connection:
        inspector = sa.inspect(connection)
        migrated = _details(inspector)
        view = inspector.get_view_definition("opted_out")
    with store.database.write() as connection:
        drop_tables(connection)
        make_tables(connection)
        inspector = sa.inspect(connection)
        assert _details(inspector) == migrated
        assert inspector.get_view_definition("opted_out").split() == view.split()
    assert ("opt_outs", "pk_opt_outs", "['account_id', 'phone', 'entry_id']") in migrated


def test_migrating_again_changes_nothing(store: Store, account: Account) -> None:
    """A start on a database that is up to date leaves it alone."""
    store.database.migrate()
    store.database.require_head()
    assert store.database.revision() == store.database.head()
    assert store.accounts.get(account.id) == account


@pytest.mark.wide
def test_two_replicas_upgrade_at_once(store: Store, database_url: str) -> None:
    """One brings the tables up, the other finds them so: neither fails, and they are the tables of one upgrade."""
    step_back(store, "0019")
    others = Store.open(database_url), Store.open(database_url)
    try:
        together(*(other.database.migrate for other in others))
        for other in others:
            other.database.require_head()
    finally:
        for other in others:
            other.close()
    with store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one() == 1


@pytest.mark.wide_but_first
def test_a_database_of_before_is_brought_up_with_all_that_is_in_it(store: Store, database_url: str) -> None:
    """From the first tables on, nothing is lost: uploads, their unreadable rows and entries stay, and waiting ones wait anew."""
    with store.database.write() as connection:
        drop_tables(connection)
    migrate_to(store, "0001")
    upload = (
        "INSERT INTO uploads (account_id, id, file_id, file_name, channel_id, actor_id, actor_name, received_at, state, "
        "pending, lease_until, entry_id, phones, newly_opted_out) VALUES (1, {0}, 'F{0}', 'stops.csv', 'C1', 'U1', 'ann', "
        "'2026-01-01', '{1}', {2}, '2026-01-01', {3}, 1, {4})"
    )
    with store.database.write() as connection:
        for statement in (
            "INSERT INTO accounts (id, slack_id, name, opted_out, last_entry, last_upload) VALUES (1, 'T1', 'One', 1, 1, 2)",
            (
                "INSERT INTO entries (account_id, id, function, actor_id, actor_name, at, upload_id) "
                "VALUES (1, 1, 'upload', 'U1', 'ann', '2026-01-01', 1)"
            ),
            upload.format(1, "done", "false", 1, 1),
            upload.format(2, "waiting", "false", "NULL", 0),
            "INSERT INTO opt_outs (account_id, phone, entry_id) VALUES (1, '+12125550100', 1)",
            (
                "INSERT INTO unreadable_rows (account_id, upload_id, line, cell, reason, cells) "
                "VALUES (1, 1, 3, '12', 'too short', '[\"12\"]')"
            ),
        ):
            connection.execute(sa.text(statement))
    store.database.migrate()
    store.database.require_head()
    done, waiting = store.uploads.get(1, 1), store.uploads.get(1, 2)
    assert (done.state, done.entry_id, done.newly_opted_out, done.size, done.undo_phone) == ("done", 1, 1, 0, "")
    assert done.waiting_since is None
    assert waiting.waiting_since is not None
    assert waiting.waiting_since.year > 2025
    assert [row.reason for row in store.uploads.list_unreadable(1, 1)] == ["too short"]
    with store.database.read() as connection:
        assert "kept" not in sa.inspect(connection).get_table_names()
        migrated = _details(sa.inspect(connection))
    fresh = Store.open(database_url)
    with fresh.database.write() as connection:
        drop_tables(connection)
        make_tables(connection)
        assert _details(sa.inspect(connection)) == migrated
    fresh.close()


def test_a_new_database_is_refused_until_migrated(tmp_path: Path) -> None:
    """Tables that are missing are named with the command that makes them."""
    store = Store.open(f"sqlite:///{tmp_path}/odd %41 name.db")
    assert store.database.revision() is None
    with pytest.raises(StoreBehind, match=r"at revision none.*python -m bot migrate"):
        store.database.require_head()
    store.database.migrate()
    store.database.require_head()
    store.close()


def test_tables_of_a_later_release_are_refused(store: Store) -> None:
    """A program that was put back after an upgrade says so, whether it is started or asked to migrate, and changes nothing."""
    with store.database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for refusing in (store.database.migrate, store.database.require_head):
        with pytest.raises(StoreBehind, match="at revision 9999, which a later release brought"):
            refusing()
    assert store.database.revision() == "9999"


def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """A person reads what happened and what to do, not the driver's words."""
    store = Store.open(f"sqlite:///{tmp_path}/missing/desk.db")
    with pytest.raises(StoreUnavailable, match=r"cannot be reached right now .*Please try again"):
        store.accounts.find("T1")
    store.close()


@pytest.mark.wide_but_first
def test_a_failed_migration_leaves_nothing(store: Store) -> None:
    """Tables are made in one transaction, on SQLite too: a start that dies half-way can be started again."""
    with store.database.write() as connection:
        drop_tables(connection)
        # In the way of the migration's last statement.
        connection.execute(sa.text("CREATE VIEW opted_out AS SELECT 1 AS one"))
    with pytest.raises((StoreRefused, StoreUnavailable)):
        store.database.migrate()
    with store.database.read() as connection:
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    with store.database.write() as connection:
        connection.execute(sa.text("DROP VIEW opted_out"))
    store.database.migrate()
    store.database.require_head()


def test_the_view_shows_what_stands(store: Store, account: Account, by_admin: Origin) -> None:
    """Each phone that is out, once, since its oldest standing reason, by the account's Slack id."""
    store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(account.id, [ONE, TWO], by_admin)
    store.optouts.add(account.id, [ONE, TWO], by_admin)
    store.optouts.delete(account.id, TWO, by_admin)
    (first,) = store.optouts.add(account.id, [TWO], by_admin)
    store.optouts.add(account.id, ["+12125550102"], by_admin)
    store.optouts.delete(account.id, "+12125550102", by_admin)
    with store.database.read() as connection:
        rows = connection.execute(sa.text("SELECT account, phone FROM opted_out ORDER BY phone")).all()
        since = connection.execute(
            sa.text("SELECT e.id FROM opted_out v JOIN entries e ON e.at = v.since WHERE v.phone = :phone"),
            {"phone": TWO},
        ).scalars()
        assert [tuple(row) for row in rows] == [("T0DESK", ONE), ("T0DESK", TWO)]
        assert list(since) == [first.entry.id]


def test_the_view_looks_a_phone_up(store: Store, account: Account, by_admin: Origin) -> None:
    """Asking for one phone, or joining phones with the view, goes through the primary key and reads no whole list."""
    store.optouts.add(account.id, [f"+1212{n:07}" for n in range(5_000)], by_admin)
    questions = (
        "SELECT since FROM opted_out WHERE account = 'T0DESK' AND phone = '+12120000123'",
        "SELECT c.contact FROM conversations c JOIN opted_out v ON v.phone = c.phone WHERE v.account = 'T0DESK'",
    )
    with store.database.write() as connection:
        connection.execute(sa.text("ANALYZE"))
        lite = connection.dialect.name == "sqlite"
        for question in questions:
            explain = "EXPLAIN QUERY PLAN " if lite else "EXPLAIN "
            plan = "\n".join(str(row) for row in connection.execute(sa.text(explain + question)))
            if lite:
                assert "SEARCH o USING PRIMARY KEY (account_id=? AND phone=?)" in plan
            else:
                assert "Seq Scan on opt_outs" not in plan
                assert "phone = " in plan.partition("pk_opt_outs on opt_outs o")[2]


_UPLOAD = (
    "INSERT INTO uploads (account_id, id, file_id, file_name, channel_id, actor_id, actor_name, received_at, state, pending, "
    "lease_until) VALUES (1, 1, 'F1', 'stops.csv', 'C1', 'U1', 'ann', '2026-01-01', '{}', false, '2026-01-01')"
)


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("INSERT INTO opt_outs (account_id, phone, entry_id) VALUES (1, '2125550100', 1)", "ck_opt_outs_phone"),
        (
            "INSERT INTO opt_outs (account_id, phone, entry_id, lifted_by) VALUES (1, '+12125550100', 2, 2)",
            "ck_opt_outs",
        ),
        ("UPDATE accounts SET opted_out = -1", "ck_accounts_opted_out"),
        (
            "INSERT INTO entries (account_id, id, function, actor_id, actor_name, at) VALUES (1, 1, 'undo', '', '', '2026-01-01')",
            "ck_entries_upload",
        ),
        (_UPLOAD.format("expiring"), "ck_uploads_state"),
        (_UPLOAD.format("waiting"), "ck_uploads_waiting"),
        (_UPLOAD.format("stopped"), "ck_uploads_entry"),
        (_UPLOAD.format("undoing"), "ck_uploads_"),
    ],
)
def test_the_schema_refuses_what_cannot_be(store: Store, account: Account, statement: str, constraint: str) -> None:
    """The rules hold for everybody's SQL, by named constraints."""
    assert account.id == 1
    with pytest.raises(sa.exc.IntegrityError, match=constraint), store.database.engine.begin() as connection:
        connection.execute(sa.text(statement))


def test_many_phones_are_asked_about_at_once(store: Store, account: Account, by_admin: Origin) -> None:
    """On PostgreSQL `must_not_text` gives those of the phones that are out, each once, by the key and without the whole list."""
    if store.database.url.get_backend_name() != "postgresql":
        return
    other = store.accounts.get_or_create("T0OTHER", "Other")
    for phones in ([f"+1212{n:07}" for n in range(5_000)], ["+12120000001"]):
        store.optouts.add(account.id, phones, by_admin)
    store.optouts.add(other.id, ["+12129999999"], by_admin)
    store.optouts.delete(account.id, "+12120000002", by_admin)
    ask = "SELECT * FROM must_not_text(:account, :phones)"
    with store.database.write() as connection:
        connection.execute(sa.text("ANALYZE"))
        connection.execute(sa.text("SET LOCAL search_path = pg_catalog"))

        def asked(account: str, *phones: str | None) -> list[str]:
            answer = connection.execute(
                sa.text("SELECT * FROM public.must_not_text(:account, :phones)"),
                {"account": account, "phones": list(phones)},
            )
            return sorted(answer.scalars())

        assert asked("T0DESK", "+12120000001", "+12120000002", "+12120000001", "+12129999999", None, "nonsense") == [
            "+12120000001"
        ]
        assert asked("T0DESK") == asked("T0NOBODY", "+12120000001") == []
        connection.execute(sa.text("SET LOCAL search_path = public"))
        sample = "{" + ",".join(f"+1212{n:07}" for n in range(0, 5_000, 100)) + "}"
        plan = connection.execute(sa.text(f"EXPLAIN {ask}"), {"account": "T0DESK", "phones": sample}).scalars()
        told = "\n".join(plan)
        assert "Seq Scan on opt_outs" not in told
        assert "phone = ANY" in told.partition("pk_opt_outs on opt_outs o")[2]
        connection.execute(sa.text("CREATE ROLE reader NOLOGIN"))
        connection.execute(sa.text("GRANT SELECT ON opted_out TO reader"))
        connection.execute(sa.text("SET LOCAL ROLE reader"))
        assert asked("T0DESK", "+12120000001") == ["+12120000001"]
        connection.execute(sa.text("RESET ROLE"))
        connection.execute(sa.text("DROP OWNED BY reader"))
        connection.execute(sa.text("DROP ROLE reader"))
