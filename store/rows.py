"""Mapping of rows to records, and the writing of entries. Private to the store."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from store.dialects import from_now
from store.models import accounts, campaigns, conversations, entries, entry_phones, uploads
from store.notes import Function
from store.records import Account, AccountSettings, Actor, Cause, Conversation, Entry, OptOut, Origin

_CHUNK = 1_000  # ids in one query


def now() -> sa.ColumnElement[datetime]:
    """The moment it is, by the clock of the database."""
    return from_now()


CONVERSATIONS = sa.select(conversations, campaigns.c.name.label("campaign"), campaigns.c.active).join(
    campaigns,
    sa.and_(campaigns.c.account_id == conversations.c.account_id, campaigns.c.id == conversations.c.campaign_id),
)


def read_opt_outs(
    connection: sa.Connection, account: int, query: sa.Select[Any], asked: Mapping[str, Any] | None = None
) -> list[OptOut]:
    """
    The opt-outs *query* selects from the account's rows of their table, with the entries that made and lifted them.

    *asked*: values for the parameters of *query*.

    Entries are fetched by id afterwards: in a join, a planner without fresh statistics may start from all of them.
    """
    rows = connection.execute(query, asked).mappings().all()
    ids = {row["entry_id"] for row in rows} | {row["lifted_by"] for row in rows if row["lifted_by"] is not None}
    by_id = read_entries(connection, account, ids)
    return [
        OptOut(
            phone=row["phone"],
            entry=by_id[row["entry_id"]],
            line=row["line"],
            imported_note=row["note"],
            requested_at=row["requested_at"],
            lifted=None if row["lifted_by"] is None else by_id[row["lifted_by"]],
        )
        for row in rows
    ]


def read_entries(connection: sa.Connection, account: int, ids: Collection[int]) -> dict[int, Entry]:
    """The account's entries *ids*, by their ids."""
    by_id: dict[int, Entry] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), _CHUNK):
        of_entries = {"account": account, "ids": ordered[start : start + _CHUNK]}
        by_id |= {row["id"]: entry_of(row) for row in connection.execute(_ENTRIES, of_entries).mappings()}
    return by_id


def read_conversations(
    connection: sa.Connection, query: sa.Select[Any], asked: Mapping[str, Any] | None = None
) -> list[Conversation]:
    """
    The conversations *query* selects, by campaign and contact. *asked*: values for its parameters.

    Sorted here: asked for the order, SQLite reads the whole account in that order instead of looking the phone up.
    """
    unsorted = [
        Conversation(
            campaign_id=row["campaign_id"],
            campaign=row["campaign"],
            active=row["active"],
            contact=row["contact"],
            phone=row["phone"],
            opted_out=row["state"] == "opted out",
        )
        for row in connection.execute(query, asked).mappings()
    ]
    return sorted(unsorted, key=lambda conversation: (conversation.campaign_id, conversation.contact))


def account_of(row: sa.RowMapping) -> Account:
    """The account in a row of its table."""
    known = {field.name for field in dataclasses.fields(AccountSettings)}
    # Lists are tuples here; what a later version kept besides is left alone.
    kept: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row["settings"].items() if k in known}
    return Account(row["id"], row["slack_id"], row["name"], row["country"], row["opted_out"], AccountSettings(**kept))


def new_entry(
    connection: sa.Connection,
    account: int,
    by: Origin,
    *,
    upload_id: int | None = None,
    phones: Sequence[str] = (),
    reopened: Sequence[Conversation] | None = None,
) -> Entry:
    """
    Write the account's next entry, about *phones* where it is made by hand; those of an upload are found by the upload.

    *reopened*: the conversations that it re-opens, kept with it; None where they are not known one by one.

    Taking its id locks the account's row, so the transaction is the account's only writer from here on.
    """
    talks = None if reopened is None else [[c.campaign_id, c.campaign, c.contact] for c in reopened]
    [entry] = new_entries(connection, account, [(by, phones)], upload_id=upload_id, talks=talks)
    if upload_id is None:
        return entry
    of_upload = sa.select(uploads.c.file_name).where(uploads.c.account_id == account, uploads.c.id == upload_id)
    return dataclasses.replace(entry, file_name=connection.execute(of_upload).scalar_one())


def new_entries(
    connection: sa.Connection,
    account: int,
    made: Sequence[tuple[Origin, Sequence[str]]],
    *,
    upload_id: int | None = None,
    talks: list[list[str]] | None = None,
) -> list[Entry]:
    """As `new_entry`, one entry for each origin *made* with its phones, in as many statements as for one; none for none."""
    count = {"account": account, "more": len(made)}
    last, at = connection.execute(_NEXT_ENTRIES, count).one()
    written = [
        Entry(
            id=number,
            function=by.function,
            actor=by.actor,
            at=at,
            channel_id=by.channel_id,
            channel_name=by.channel_name,
            message_ts=by.message_ts,
            permalink=by.permalink,
            reason=by.reason,
            upload_id=upload_id,
            file_name=None,
            requested_at=by.requested_at,
            cause=by.cause,
        )
        for number, (by, _phones) in enumerate(made, start=last - len(made) + 1)
    ]
    rows = [
        {
            "account_id": account,
            "id": entry.id,
            "function": entry.function,
            "actor_id": entry.actor.id,
            "actor_name": entry.actor.name,
            "at": at,
            "channel_id": entry.channel_id,
            "channel_name": entry.channel_name,
            "message_ts": entry.message_ts,
            "permalink": entry.permalink,
            "reason": entry.reason,
            "upload_id": upload_id,
            "requested_at": entry.requested_at,
            "cause": entry.cause,
            "talks": talks,
        }
        for entry in written
    ]
    connection.execute(_NEW_ENTRIES, rows)
    of_phones = [
        {"account_id": account, "phone": phone, "entry_id": entry.id}
        for entry, (_by, phones) in zip(written, made, strict=True)
        for phone in sorted(phones)
    ]
    if of_phones:
        connection.execute(_NEW_PHONES, of_phones)
    return written


# Made once, as `_ENTRIES`.
_NEXT_ENTRIES: Final = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("account"))
    .values(last_entry=accounts.c.last_entry + sa.bindparam("more"))
    .returning(accounts.c.last_entry, now())
)
_NEW_ENTRIES: Final = sa.insert(entries).values(reopened=sa.bindparam("talks", type_=sa.JSON(none_as_null=True)))
_NEW_PHONES: Final = sa.insert(entry_phones)


def new_setting(connection: sa.Connection, account: int, by: Origin, reason: str) -> Entry:
    """Write the account's next entry, of function "setting": *reason* says in words what was changed."""
    return new_entry(connection, account, dataclasses.replace(by, function=Function.SETTING, reason=reason))


def entries_of(account: int | sa.BindParameter[int]) -> sa.Select[Any]:
    """The account's entries with the file names of their uploads, for `entry_of`; the link of an upload's is that of its drop."""
    of_upload = sa.and_(uploads.c.account_id == entries.c.account_id, uploads.c.id == entries.c.upload_id)
    query = sa.select(entries, uploads.c.file_name, uploads.c.permalink.label("dropped_at")).outerjoin(
        uploads, of_upload
    )
    return query.where(entries.c.account_id == account)


# Made once: to make a statement anew takes several times as long as the database does.
_ENTRIES: Final = entries_of(sa.bindparam("account")).where(entries.c.id.in_(sa.bindparam("ids", expanding=True)))


def entry_of(row: sa.RowMapping) -> Entry:
    """The entry in a row of `entries_of`."""
    return Entry(
        id=row["id"],
        function=row["function"],
        actor=Actor(row["actor_id"], row["actor_name"]),
        at=row["at"],
        channel_id=row["channel_id"],
        channel_name=row["channel_name"],
        message_ts=row["message_ts"],
        permalink=row["permalink"] or row["dropped_at"],
        reason=row["reason"],
        upload_id=row["upload_id"],
        file_name=row["file_name"],
        requested_at=row["requested_at"],
        cause=None if row["cause"] is None else Cause(row["cause"]),
        asked_by=None if row["asked_by_id"] is None else Actor(row["asked_by_id"], row["asked_by_name"]),
    )
