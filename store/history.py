"""The history of the list: its entries, newest first, and remarks on single phones."""

from dataclasses import dataclass

import sqlalchemy as sa

from store.database import Database
from store.idempotency import is_repeated
from store.models import entries, entry_phones, opt_outs, uploads
from store.notes import Function
from store.records import Entry, Origin
from store.rows import entries_of, entry_of, new_entry

PHONES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class HistoryItem:
    """
    One entry of the history, with what it is about: the first five of its *phones* where it was made by hand.

    *phone_count*: how many there are; of an upload or an undo, the phones it reached so far. A setting and an export are
    about none.
    """

    entry: Entry
    phones: tuple[str, ...]
    phone_count: int


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of the history, newest first; *older*: whether there are more before the last of them."""

    items: tuple[HistoryItem, ...]
    older: bool


class History:
    """The verbs on the history: read a page of entries, add a remark."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self,
        account: int,
        *,
        phone: str | None = None,
        actor: str | None = None,
        upload: int | None = None,
        before: int | None = None,
        limit: int = 10,
    ) -> HistoryPage:
        """
        The last *limit* entries of the account, or of those before the entry *before*.

        Of all, or only those that touched *phone*, that *actor* (an id) made, that are about the *upload*.
        """
        query = entries_of(account).order_by(entries.c.id.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(entries.c.id < before)
        if actor is not None:
            query = query.where(entries.c.actor_id == actor)
        if upload is not None:
            query = query.where(entries.c.upload_id == upload)
        if phone is not None:
            mine = opt_outs.c.account_id == account, opt_outs.c.phone == phone
            touched = sa.union(
                sa.select(opt_outs.c.entry_id).where(*mine),
                sa.select(opt_outs.c.lifted_by).where(*mine, opt_outs.c.lifted_by.is_not(None)),
                sa.select(entry_phones.c.entry_id).where(
                    entry_phones.c.account_id == account, entry_phones.c.phone == phone
                ),
            )
            query = query.where(entries.c.id.in_(touched))
        with self._database.read() as connection:
            rows = [entry_of(row) for row in connection.execute(query).mappings()]
            shown = tuple(_item(connection, account, entry) for entry in rows[:limit])
        return HistoryPage(shown, len(rows) > limit)

    def remark(self, account: int, phone: str, text: str, by: Origin, *, idempotency_key: str | None = None) -> None:
        """
        Keep *text* as a remark on *phone*, opted out or not, by an entry of its own. It changes nothing else.

        *idempotency_key*: names the request where it may come twice; the second time nothing is done.
        """
        with self._database.write() as connection:
            if is_repeated(self._database, connection, account, idempotency_key, "remark"):
                return
            remark = Origin(
                Function.REMARK, by.actor, by.channel_id, by.channel_name, by.message_ts, by.permalink, reason=text
            )
            new_entry(connection, account, remark, phones=[phone])


def link_entry(connection: sa.Connection, account: int, entry: int, message_ts: str, permalink: str | None) -> None:
    """Link *entry* to the message that told of it, where none was known: it can only be posted after the entry was made."""
    mine = entries.c.account_id == account, entries.c.id == entry, entries.c.permalink.is_(None)
    connection.execute(sa.update(entries).where(*mine).values(message_ts=message_ts, permalink=permalink))


def _item(connection: sa.Connection, account: int, entry: Entry) -> HistoryItem:
    if entry.upload_id is not None:
        reached = uploads.c.newly_opted_out + uploads.c.already_opted_out
        number = uploads.c.opted_in if entry.function == Function.UNDO else reached
        query = sa.select(number).where(uploads.c.account_id == account, uploads.c.id == entry.upload_id)
        return HistoryItem(entry, (), connection.execute(query).scalar_one())
    mine = entry_phones.c.account_id == account, entry_phones.c.entry_id == entry.id
    phones = sa.select(entry_phones.c.phone).where(*mine).order_by(entry_phones.c.phone).limit(PHONES_SHOWN)
    many = connection.execute(sa.select(sa.func.count()).select_from(entry_phones).where(*mine)).scalar_one()
    return HistoryItem(entry, tuple(connection.execute(phones).scalars()), many)
