"""The history of the list: its entries, newest first, and remarks on single phones."""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.database import Database
from store.e164 import require_e164
from store.erased import erased_among, require_not_erased
from store.idempotency import is_repeated
from store.models import entries, entry_phones, opt_outs
from store.models import uploads as uploads_table
from store.notes import Function
from store.records import Actor, Entry, Origin, Upload
from store.rows import entries_of, entry_of, new_entry
from store.upload_rows import get, is_shown

PHONES_SHOWN = 5
# Uploads that are looked through for a file's name, and those whose history is shown at once.
MOST_UPLOADS = 10_000
UPLOADS_FOUND = 20


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
    """
    A page of the history, newest first; *older*: whether there are more before the last of them.

    *count*: entries of the whole history that it is a page of, the first of them made at *since*.
    """

    items: tuple[HistoryItem, ...]
    older: bool
    count: int = 0
    since: datetime | None = None


class History:
    """The verbs on the history: read a page of entries, find whom and what people call by a name, add a remark."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self,
        account: int,
        *,
        phone: str | None = None,
        actor: str | None = None,
        uploads: Collection[int] = (),
        before: int | None = None,
        limit: int = 10,
    ) -> HistoryPage:
        """
        The last *limit* entries of the account, or of those before the entry *before*.

        Of all, or only those that touched *phone*, that *actor* (an id) made, that are about one of the *uploads*.
        """
        if phone is not None:
            require_e164([phone])
        where: list[sa.ColumnElement[bool]] = [entries.c.account_id == account]
        if actor is not None:
            where.append(entries.c.actor_id == actor)
        if uploads:
            where.append(entries.c.upload_id.in_(uploads))
        if phone is not None:
            with self._database.read() as connection:
                erased = erased_among(connection, account, [phone]).values()
            where.append(entries.c.id.in_(touching(account, phone)) | entries.c.id.in_(erased))
        query = entries_of(account).where(*where).order_by(entries.c.id.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(entries.c.id < before)
        with self._database.read() as connection:
            count, since = connection.execute(sa.select(sa.func.count(), sa.func.min(entries.c.at)).where(*where)).one()
            rows = [entry_of(row) for row in connection.execute(query).mappings()]
            shown = tuple(_item(connection, account, entry) for entry in rows[:limit])
        return HistoryPage(shown, len(rows) > limit, count, since)

    def people_called(self, account: int, name: str) -> tuple[Actor, ...]:
        """Those who made an entry of the account under that *name*, whatever its case, each once, by their newest name."""
        called = sa.select(entries.c.actor_id, entries.c.actor_name).where(entries.c.account_id == account)
        called = called.where(sa.func.lower(entries.c.actor_name) == sa.func.lower(name)).distinct()
        with self._database.read() as connection:
            return tuple(
                {row.actor_id: Actor(row.actor_id, row.actor_name) for row in connection.execute(called)}.values()
            )

    def uploads_called(self, account: int, name: str) -> tuple[Upload, ...]:
        """
        The uploads whose file has that *name*, newest first; where none has, those whose file's name it is a part of.

        Compared as people read them: in any case, and with letters and their accents written as one sign or as two. Of the
        newest `MOST_UPLOADS` that others than their droppers know of.
        """
        names = sa.select(uploads_table.c.id, uploads_table.c.file_name)
        names = names.where(uploads_table.c.account_id == account, is_shown()).order_by(uploads_table.c.id.desc())
        wanted = _as_read(name)
        with self._database.read() as connection:
            known = [(row.id, _as_read(row.file_name)) for row in connection.execute(names.limit(MOST_UPLOADS))]
            found = [number for number, called in known if called == wanted]
            found = found or [number for number, called in known if wanted in called]
            return tuple(get(connection, account, number) for number in found[:UPLOADS_FOUND])

    def remark(self, account: int, phone: str, text: str, by: Origin, *, idempotency_key: str | None = None) -> None:
        """
        Keep *text* as a remark on *phone*, opted out or not, by an entry of its own. It changes nothing else.

        *idempotency_key*: names the request where it may come twice; the second time nothing is done.
        """
        require_e164([phone])
        with self._database.write() as connection:
            if is_repeated(self._database, connection, account, idempotency_key, "remark"):
                return
            remark = Origin(
                Function.REMARK, by.actor, by.channel_id, by.channel_name, by.message_ts, by.permalink, reason=text
            )
            require_not_erased(connection, account, [phone])
            new_entry(connection, account, remark, phones=[phone])


def touching(account: int, phone: str) -> sa.CompoundSelect[Any]:
    """The ids of the account's entries that ever touched *phone*: that opted it out, that lifted that, that are about it."""
    mine = opt_outs.c.account_id == account, opt_outs.c.phone == phone
    return sa.union(
        sa.select(opt_outs.c.entry_id).where(*mine),
        sa.select(opt_outs.c.lifted_by).where(*mine, opt_outs.c.lifted_by.is_not(None)),
        sa.select(entry_phones.c.entry_id).where(entry_phones.c.account_id == account, entry_phones.c.phone == phone),
    )


def link_entry(connection: sa.Connection, account: int, entry: int, message_ts: str, permalink: str | None) -> None:
    """Link *entry* to the message that told of it, where none was known: it can only be posted after the entry was made."""
    mine = entries.c.account_id == account, entries.c.id == entry, entries.c.permalink.is_(None)
    connection.execute(sa.update(entries).where(*mine).values(message_ts=message_ts, permalink=permalink))


def _item(connection: sa.Connection, account: int, entry: Entry) -> HistoryItem:
    if entry.upload_id is not None:
        reached = uploads_table.c.newly_opted_out + uploads_table.c.already_opted_out
        number = uploads_table.c.opted_in if entry.function == Function.UNDO else reached
        query = sa.select(number).where(uploads_table.c.account_id == account, uploads_table.c.id == entry.upload_id)
        return HistoryItem(entry, (), connection.execute(query).scalar_one())
    mine = entry_phones.c.account_id == account, entry_phones.c.entry_id == entry.id
    phones = sa.select(entry_phones.c.phone).where(*mine).order_by(entry_phones.c.phone).limit(PHONES_SHOWN)
    many = connection.execute(sa.select(sa.func.count()).select_from(entry_phones).where(*mine)).scalar_one()
    return HistoryItem(entry, tuple(connection.execute(phones).scalars()), many)


def _as_read(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()
