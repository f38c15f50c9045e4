"""PostgreSQL databases for tests: each test has one of its own, emptied after it for the next."""

import uuid
from typing import Any, Final

import psycopg
import sqlalchemy as sa
from psycopg import sql

from store import Store

# All that a test could have changed but rows: by the oid, and the transaction that wrote it.
_MADE: Final = " UNION ALL ".join(
    (
        (
            "SELECT concat_ws(' ', 'relation', oid, relname, relkind, relpersistence, relacl, reloptions) FROM pg_class"
            " WHERE oid >= 16384"
        ),
        "SELECT concat_ws(' ', 'column', attrelid, attnum, xmin) FROM pg_attribute WHERE attrelid >= 16384",
        "SELECT concat_ws(' ', 'index', indexrelid, xmin) FROM pg_index WHERE indexrelid >= 16384",
        *(
            f"SELECT concat_ws(' ', '{catalog}', oid, xmin) FROM {catalog} WHERE oid >= 16384"
            for catalog in ("pg_constraint", "pg_proc", "pg_trigger", "pg_rewrite", "pg_attrdef", "pg_namespace")
        ),
        (
            "SELECT concat_ws(' ', 'setting', setrole, setconfig) FROM pg_db_role_setting"
            " WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ),
        "SELECT concat_ws(' ', 'limit', datconnlimit) FROM pg_database WHERE datname = current_database()",
        "SELECT concat_ws(' ', 'sequence', sequencename) FROM pg_sequences",
    )
)
_WRITTEN: Final = (
    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    " AND pg_relation_size(oid) > 0 ORDER BY relname"
)
# All of them: pg_sequences shows no last value of one that was set to a next value that nobody took, as by a restore.
_RESTART: Final = "SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences"
# Rows that were deleted stay in the files for a while, so of long lists there are to be none.
_LARGEST: Final = "SELECT max(pg_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
_MOST_BYTES: Final = 4_000_000


class Databases:
    """
    Migrated, empty databases on one PostgreSQL *server*; *template* is the name of the one that they are copies of.

    To copy the template takes half a second, since all that is written has to be on the disk first; to delete a few rows, a tenth
    of that. So a database goes to the next test, under another name, where whoever outlived the test before does not find it, and
    only if nothing but rows is other than in the template.
    """

    def __init__(self, server: sa.URL) -> None:
        self._server = server
        self.template = f"test_{uuid.uuid4().hex}"
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.template)))
        url = server.set(drivername="postgresql+psycopg", database=self.template)
        store = Store.open(url.render_as_string(hide_password=False))
        store.database.migrate()
        store.close()
        with self._connected(self.template) as connection:
            self._kept = [name for (name,) in connection.execute(_WRITTEN).fetchall()]
            self._as_made = self._state(connection)
        self._free: list[str] = []

    @property
    def free(self) -> int:
        """How many wait for a test."""
        return len(self._free)

    def take(self) -> str:
        """The name of a database that nobody else has."""
        if self._free:
            return self._free.pop()
        name = f"test_{uuid.uuid4().hex}"
        # By the write-ahead log, as it is by default since PostgreSQL 15, it takes three times as long.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(self.template)))
        return name

    def give_back(self, name: str) -> None:
        """Have it emptied for the next, or dropped; whoever is connected to it no longer is."""
        # The longest that a session may take to end, in milliseconds.
        ended = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"
        empty = f"test_{uuid.uuid4().hex}"
        try:
            self._execute(ended, name)
            self._execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(empty)))
            name = empty
            is_emptied = self._is_emptied(name)
        except psycopg.Error:  # somebody came back meanwhile, or it was made such that we cannot
            is_emptied = False
        if is_emptied:
            self._free.append(name)
        else:
            self._drop(name)

    def close(self) -> None:
        """Drop all that is there."""
        for name in (*self._free, self.template):
            self._drop(name)

    def _is_emptied(self, name: str) -> bool:
        with self._connected(name) as connection:
            [[largest]] = connection.execute(_LARGEST).fetchall()
            if largest > _MOST_BYTES:
                return False
            # In whatever order: the references between tables are not looked at.
            connection.execute("SET session_replication_role = replica")
            with connection.transaction():
                for (table,) in connection.execute(_WRITTEN).fetchall():
                    if table not in self._kept:
                        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                connection.execute(_RESTART)
            return self._state(connection) == self._as_made

    def _state(self, connection: psycopg.Connection[Any]) -> list[Any]:
        """All of a database that is to be as in the template: what was made, and the rows of the tables that have some there."""
        made = connection.execute(f"SELECT made FROM ({_MADE}) AS all_made (made) ORDER BY made".encode()).fetchall()
        rows = [
            connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
            for table in self._kept
        ]
        return [made, rows]

    def _drop(self, name: str) -> None:
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: str | sql.Composed, *given: str) -> None:
        with self._connected(self._server.database) as connection:
            connection.execute(statement.encode() if isinstance(statement, str) else statement, given or None)

    def _connected(self, name: str | None) -> psycopg.Connection[Any]:
        url = self._server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True)
