"""Accounts: one Slack workspace or Enterprise Grid organisation each."""

import dataclasses

import sqlalchemy as sa

from store.database import Database
from store.errors import StoreError
from store.models import accounts
from store.notes import Function
from store.records import Account, Origin
from store.rows import account_of, new_entry


class Accounts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def get_or_create(self, slack_id: str, name: str | None = None, *, country: str | None = None) -> Account:
        """
        The account of a Slack team or enterprise id, renamed if *name* is given and new.

        One that is made now starts with *country* as its default; an existing one keeps what its admins have set.
        """
        found = self.find(slack_id)
        if found is not None and name in (None, found.name):
            return found
        with self._database.write() as connection:
            statement = self._database.insert(accounts).values(
                slack_id=slack_id, name=name or slack_id, country=country, settings={}
            )
            new_name = sa.func.coalesce(sa.cast(name, sa.Text), accounts.c.name)
            statement = statement.on_conflict_do_update(index_elements=["slack_id"], set_={"name": new_name})
            return account_of(connection.execute(statement.returning(accounts)).mappings().one())

    def find(self, slack_id: str) -> Account | None:
        """The account of a Slack team or enterprise id."""
        with self._database.read() as connection:
            query = sa.select(accounts).where(accounts.c.slack_id == slack_id)
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else account_of(row)

    def get(self, account: int) -> Account:
        """The account of that id. Raises `StoreError` when there is none."""
        with self._database.read() as connection:
            return _get(connection, account)

    def set_country(self, account: int, country: str | None, by: Origin) -> Account:
        """
        Set the region code (ISO 3166, two letters) for phones that name no country; None: no default.

        Makes an entry of function "setting" whose reason says what it became, unless nothing changes.
        """
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            before = _get(connection, account)
            if before.country == country:
                return before
            what = f"default country is {country}" if country else "no default country"
            reason = "; ".join(text for text in (what, by.reason) if text)
            new_entry(connection, account, dataclasses.replace(by, function=Function.SETTING, reason=reason))
            connection.execute(sa.update(accounts).where(accounts.c.id == account).values(country=country))
            return _get(connection, account)


def _get(connection: sa.Connection, account: int) -> Account:
    row = connection.execute(sa.select(accounts).where(accounts.c.id == account)).mappings().one_or_none()
    if row is None:
        raise StoreError(f"There is no account {account} in this opt-out list.")
    return account_of(row)
