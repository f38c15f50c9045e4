"""The tables of a store, taken away and made again: a database as it was before them, or of a release before."""

import alembic.command
import sqlalchemy as sa

from store import Store, database
from store.models import MUST_NOT_TEXT_FUNCTION, OPTED_OUT_VIEW, metadata


def drop_tables(connection: sa.Connection) -> None:
    """Leave nothing but the table in which Alembic keeps its revision, empty."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS must_not_text")
    connection.exec_driver_sql("DROP VIEW opted_out")
    metadata.drop_all(connection)
    connection.exec_driver_sql("DELETE FROM alembic_version")


def make_tables(connection: sa.Connection) -> None:
    """Make them by the models, without a migration."""
    metadata.create_all(connection)
    connection.exec_driver_sql(OPTED_OUT_VIEW)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(MUST_NOT_TEXT_FUNCTION)


def migrate_to(store: Store, revision: str) -> None:
    """Bring the tables to *revision*, and no further."""
    config = database._alembic()
    with store.database.write() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, revision)


def step_back(store: Store, revision: str) -> None:
    """The tables of a release before, empty."""
    with store.database.write() as connection:
        drop_tables(connection)
    migrate_to(store, revision)
