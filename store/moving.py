"""
Moving an account to another id of Slack's, for a workspace that becomes a part of an organisation-wide installation.

Slack then says the organisation's id where it said the workspace's, and the desk would begin a second, empty list.
"""

import dataclasses
import re
from typing import Any, Final

import sqlalchemy as sa

from store.database import Database
from store.dialects import from_now
from store.errors import StoreError, StoreRefused
from store.inbox import InboxState
from store.keys import count_live
from store.models import (
    accounts,
    destinations,
    digests,
    exports,
    handovers,
    idempotency_keys,
    inbox,
    installations,
    metadata,
    outbox,
    uploads,
)
from store.outbox import OutboxState
from store.records import Account, Origin
from store.rows import account_of, new_setting

# Of a workspace or an organisation: https://docs.slack.dev/reference/objects/team-object
_SLACK_ID: Final = re.compile(r"[TE][A-Z0-9]{2,31}")
# What an account that was just made may have: what the desk did with Slack, and nothing that a person did to a list.
_OF_ANY_ACCOUNT: Final = (inbox, outbox, idempotency_keys, digests, installations)
_WAITS: Final = (
    (inbox, inbox.c.state == InboxState.PENDING),
    (outbox, outbox.c.state.in_((OutboxState.PENDING, OutboxState.EXTRA))),
)
_LEASED: Final = (uploads, exports, inbox, outbox, digests, handovers, destinations)


@dataclasses.dataclass(frozen=True, slots=True)
class Move:
    """
    What a move takes to the id *to*: the account as it was before it, with so many uploads, entries of history and live keys.

    *replaces*: the empty account that the desk had made for *to* already.
    """

    account: Account
    to: str
    uploads: int
    entries: int
    keys: int
    replaces: Account | None


def preview_move(database: Database, source: str, to: str) -> Move:
    """The move of the account of Slack's id *source* to the id *to*, which is not done. Raises `StoreError` as `move_account`."""
    with database.read() as connection:
        return _planned(connection, source, to)


def move_account(database: Database, source: str, to: str, by: Origin) -> Move:
    """
    Make the list of Slack's id *source* that of the id *to*, with an entry that says so.

    Raises `StoreError`, and nothing is changed: when *to* is no id of Slack's, there is no account *source*, *to* has an
    account with anything in it or something that waits to be handled, or a desk is at work for *source* at this moment.
    """
    try:
        with database.write() as connection:
            for slack_id in sorted({source, to}):
                if (account := _find(connection, slack_id)) is not None:
                    database.lock_account(connection, account.id)
            move = _planned(connection, source, to)
            # Its tokens are sealed for, and of, the id of before: the list is served again by what is installed for the other.
            left = installations.c.account_id == move.account.id
            connection.execute(sa.delete(installations).where(left))
            if move.replaces is not None:
                _take_over(connection, move.replaces.id, move.account.id)
            values = {"slack_id": to, "name": to if move.account.name == source else move.account.name}
            connection.execute(sa.update(accounts).where(accounts.c.id == move.account.id).values(**values))
            reason = f"the list of {source} is that of {to} from now on"
            new_setting(connection, move.account.id, by, reason)
            return move
    except StoreRefused as error:
        # The desk made an account, or kept something in it, at this very moment.
        raise StoreError(f"Nothing was moved: the desk is at work for {to} at this moment. Try again.") from error


def _planned(connection: sa.Connection, source: str, to: str) -> Move:
    if source == to:
        raise StoreError("Nothing was moved: both ids are the same.")
    if not _SLACK_ID.fullmatch(to):
        raise StoreError(f"{to!r} is no id of a workspace or organisation in Slack, like T012AB3CD or E012AB3CD.")
    account = _find(connection, source)
    if account is None:
        raise StoreError(f"There is no account {source!r} in this database.")
    _require_at_rest(connection, account)
    replaces = _find(connection, to)
    if replaces is not None:
        _require_empty(connection, replaces)
    numbers = sa.select(accounts.c.last_upload, accounts.c.last_entry).where(accounts.c.id == account.id)
    last_upload, last_entry = connection.execute(numbers).one()
    return Move(account, to, last_upload, last_entry, count_live(connection, account.id), replaces)


def _find(connection: sa.Connection, slack_id: str) -> Account | None:
    row = connection.execute(sa.select(accounts).where(accounts.c.slack_id == slack_id)).mappings().one_or_none()
    return None if row is None else account_of(row)


def _require_at_rest(connection: sa.Connection, account: Account) -> None:
    """Raise `StoreError` when somebody works on anything of *account* at this moment."""
    for table in _LEASED:
        is_held = sa.and_(table.c.owner.is_not(None), table.c.owner != "", table.c.lease_until > from_now())
        query = sa.select(table).where(table.c.account_id == account.id, is_held).limit(1)
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            continue
        what = row["file_name"] if table is uploads else f"the {table.name} of {account.slack_id}"
        raise StoreError(
            f"Nothing was moved: a desk is at work on {what}. Stop it, or let it finish, and try again in a minute."
        )


def _require_empty(connection: sa.Connection, account: Account) -> None:
    """Raise `StoreError` unless nobody ever did anything in *account*, and nothing waits there."""
    for table in metadata.sorted_tables:
        if table in _OF_ANY_ACCOUNT or "account_id" not in table.c:
            continue
        if _has_any(connection, table, account):
            raise StoreError(
                f"Nothing was moved: {account.slack_id} has a list of its own already ({table.name.replace('_', '-')})."
            )
    for table, waits in _WAITS:
        if _has_any(connection, table, account, waits):
            raise StoreError(
                f"Nothing was moved: something waits in the {table.name} of {account.slack_id}. Try again in a minute."
            )


def _has_any(connection: sa.Connection, table: sa.Table, account: Account, *where: sa.ColumnElement[bool]) -> bool:
    query = sa.select(sa.literal(1)).select_from(table).where(table.c.account_id == account.id, *where).limit(1)
    return connection.execute(query).first() is not None


def _take_over(connection: sa.Connection, empty: int, account: int) -> None:
    """
    Delete the account *empty*; what Slack sent it and was told is *account*'s.

    An event that Slack sends once more has to be known there.
    """
    for table in _OF_ANY_ACCOUNT:
        known = table.alias()
        keys: list[Any] = [column.name for column in table.primary_key if column.name != "account_id"]
        same = sa.and_(known.c.account_id == account, *(known.c[key] == table.c[key] for key in keys))
        connection.execute(sa.delete(table).where(table.c.account_id == empty, sa.exists().where(same)))
        connection.execute(sa.update(table).where(table.c.account_id == empty).values(account_id=account))
    connection.execute(sa.delete(accounts).where(accounts.c.id == empty))
