"""
Retention: the pruning of rows that nobody can need any more. docs/retention.md is the table.

What a row was needed for decides how long it stays. Entries and opt-outs are the list itself, and the evidence for it:
they stay. A round is bounded, so that it never holds up the list's own work.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from store.database import Database
from store.dialects import from_now
from store.inbox import InboxState
from store.models import (
    accounts,
    allow_requests,
    api_keys,
    change_readers,
    changes,
    destination_failures,
    destinations,
    exports,
    file_pieces,
    handovers,
    hooks,
    idempotency_keys,
    inbox,
    installations,
    metadata,
    oauth_states,
    outbox,
    replies,
    unreadable_rows,
    uploads,
)
from store.outbox import OutboxState
from store.records import Deadlines
from store.rows import account_of
from store.upload_rows import get, one
from store.upload_states import UploadState
from store.waiting_replies import ReplyState

# Rows of one kind in one transaction. More at once made PostgreSQL plan a scan of the whole table.
ROUND = 500
# Rows of an account that is gone, in one: nobody is at work on them.
_GONE_ROUND = 5_000
# Pieces of files in one transaction: each is a megabyte.
PIECES = 20
# In which somebody may look at what a reply said that asks for nothing.
_REPLY_WORDS = timedelta(days=7)
# Longer than the largest file takes that is just not too slow.
_ON_ITS_WAY = timedelta(days=1)
# An upload in these states needs its file; in the others of these it may be read again.
_WITH_FILE = (UploadState.RECEIVED, UploadState.WAITING, UploadState.APPLYING)
_MAY_BE_READ_AGAIN = (UploadState.REFUSED, UploadState.EXPIRED, UploadState.STOPPED)

# What made an opt-out, or took one back, is the evidence for it and stays.
_ASKS_FOR_NOTHING = replies.c.entry_id.is_(None) & (replies.c.state != ReplyState.WAITING)


@dataclass(frozen=True, slots=True)
class Pruned:
    """
    The number of rows that one round of pruning dealt with.

    *payloads*: handled events whose words went. *events*, *messages* and *keys*: names of handled events, of messages to
    Slack and of requests. *exports*: how exports ended. *requests*: to a second admin, and what became of them.
    *handovers*: requests that were decided. *changes* of the list, and *readers* of them. *platform_keys*: of the API, that
    were revoked or expired. *unreadable*: rows of lists. *pieces*: of files that programs sent. *reply_words*: replies that ask for
    nothing whose words went, and *replies* that went altogether. *states* of installations that nobody ended. *uninstalled*: of
    accounts where the app was uninstalled.
    """

    payloads: int = 0
    events: int = 0
    messages: int = 0
    keys: int = 0
    exports: int = 0
    requests: int = 0
    handovers: int = 0
    changes: int = 0
    readers: int = 0
    platform_keys: int = 0
    unreadable: int = 0
    pieces: int = 0
    reply_words: int = 0
    replies: int = 0
    states: int = 0
    uninstalled: int = 0

    @property
    def total(self) -> int:
        kept = self.payloads + self.events + self.messages + self.keys + self.exports
        kept += self.requests + self.handovers + self.changes + self.readers + self.platform_keys
        return kept + self.unreadable + self.pieces + self.reply_words + self.replies + self.states + self.uninstalled


def _ago(span: timedelta) -> sa.ColumnElement[datetime]:
    return from_now(-span.total_seconds())


class Retention:
    """
    Prunes rows that have been kept for their time.

    *payloads*: how long the words of a handled event stay. *names*: how long it is known that an event was handled, a
    message sent, a request done; for as long what was discarded stays to be looked at. *deadlines*: how long lists can be undone.
    *uninstalled*: how long the list of an account stays where the app was uninstalled; None where that cannot be.
    """

    def __init__(
        self,
        database: Database,
        *,
        payloads: timedelta,
        names: timedelta,
        deadlines: Deadlines,
        uninstalled: timedelta | None = None,
    ) -> None:
        self._database = database
        self._payloads = payloads
        self._names = names
        self._deadlines = deadlines
        self._uninstalled = uninstalled

    def prune(self) -> Pruned:
        """One round: at most `ROUND` rows of each kind. There may be more as long as it finds any."""
        old = _ago(self._names)
        words = sa.and_(
            inbox.c.payload.is_not(None),
            inbox.c.state == InboxState.DONE,
            inbox.c.finished_at < _ago(self._payloads),
        )
        rows = self._accounts()
        finished = outbox.c.state.in_((OutboxState.SENT, OutboxState.DISCARDED)) & (outbox.c.finished_at < old)
        return Pruned(
            payloads=self._blank(inbox, words, {"payload": sa.null()}),
            events=self._delete(inbox, (inbox.c.state != InboxState.PENDING) & (inbox.c.finished_at < old)),
            messages=self._delete(outbox, finished),
            keys=self._delete(idempotency_keys, idempotency_keys.c.made_at < old),
            # That it was asked for stays, as an entry.
            exports=self._delete(exports, (exports.c.state != "asked") & (exports.c.finished_at < old)),
            # Asking and allowing stay, as entries.
            requests=self._delete(allow_requests, allow_requests.c.decided_at < old),
            # For whom something was done stays, with its entry.
            handovers=self._delete(handovers, (handovers.c.state != "open") & (handovers.c.decided_at < old)),
            # Before the changes: one that has not asked for so long holds nothing back.
            readers=self._delete(change_readers, change_readers.c.seen_at < old),
            changes=sum(self._changes_of(row) for row in rows),
            # What was done by one says its name, with the entry.
            platform_keys=self._delete(api_keys, sa.or_(api_keys.c.revoked_at < old, api_keys.c.expires_at < old)),
            unreadable=sum(self._unreadable_of(row) for row in rows),
            pieces=self._pieces(),
            reply_words=self._blank(
                replies,
                _ASKS_FOR_NOTHING & replies.c.text.is_not(None) & (replies.c.finished_at < _ago(_REPLY_WORDS)),
                {"text": sa.null(), "words": ""},
            ),
            replies=self._delete(replies, _ASKS_FOR_NOTHING & (replies.c.finished_at < old)),
            states=self._delete(oauth_states, oauth_states.c.expires_at < _ago(timedelta())),
            uninstalled=0 if self._uninstalled is None else self._of_uninstalled(_ago(self._uninstalled)),
        )

    def _accounts(self) -> list[sa.RowMapping]:
        with self._database.read() as connection:
            return list(connection.execute(sa.select(accounts)).mappings())

    def _changes_of(self, row: sa.RowMapping) -> int:
        """The oldest changes of the account that every follower has read, from the first on, so that none is missing between."""
        account = row["id"]
        mine = changes.c.account_id == account
        slowest = sa.select(sa.func.min(change_readers.c.seq)).where(change_readers.c.account_id == account)
        first = sa.select(changes.c.seq, (changes.c.at < _ago(self._names)).label("old")).where(mine)
        with self._database.read() as connection:
            read = connection.execute(slowest).scalar()
            oldest = connection.execute(first.order_by(changes.c.seq).limit(ROUND)).all()
        last = 0
        for seq, is_old in oldest:
            if not is_old or (read is not None and seq > read):
                break
            last = seq
        if not last:
            return 0
        with self._database.write(durable=False) as connection:
            # A follower that comes between is told so in words, and begins anew.
            connection.execute(
                sa.update(accounts)
                .where(accounts.c.id == account, accounts.c.pruned_change < last)
                .values(pruned_change=last)
            )
            return connection.execute(sa.delete(changes).where(mine, changes.c.seq <= last)).rowcount

    def _pieces(self) -> int:
        """
        Pieces of files of which no upload has need any more, or that none ever named.

        What was refused, expired or was stopped can be taken up again for as long as a preview waits.
        """
        past = uploads.c.finished_at < _ago(self._deadlines.expire)
        needed = sa.or_(uploads.c.state.in_(_WITH_FILE), uploads.c.state.in_(_MAY_BE_READ_AGAIN) & sa.not_(past))
        same = (uploads.c.account_id == file_pieces.c.account_id) & (uploads.c.file_id == file_pieces.c.file_id)
        named = sa.exists().where(same)
        forgotten = sa.not_(named) & (file_pieces.c.received_at < _ago(_ON_ITS_WAY))
        over = named & sa.not_(sa.exists().where(same, needed))
        return self._delete(file_pieces, sa.or_(over, forgotten), PIECES)

    def _unreadable_of(self, row: sa.RowMapping) -> int:
        """The unreadable rows of lists that cannot be undone any more: they hold names and addresses."""
        account = account_of(row)
        cutoff = _ago(self._deadlines.within(account.settings).undo)
        mine, past = uploads.c.account_id == account.id, uploads.c.finished_at < cutoff
        over = sa.or_(
            uploads.c.state == UploadState.UNDONE,
            uploads.c.state.in_((UploadState.DONE, UploadState.FAILED)) & past,
        )
        rows = unreadable_rows.c.account_id == account.id
        of_over = rows & unreadable_rows.c.upload_id.in_(sa.select(uploads.c.id).where(mine, over))
        stopped = sa.select(uploads.c.id).where(mine, past, uploads.c.state == UploadState.STOPPED)
        with self._database.read() as connection:
            of_stopped = sa.select(unreadable_rows.c.upload_id).where(rows, unreadable_rows.c.upload_id.in_(stopped))
            left = sorted(set(connection.execute(of_stopped.distinct()).scalars()))
        return self._delete(unreadable_rows, of_over) + sum(self._take_back(account.id, upload) for upload in left)

    def _take_back(self, account: int, upload: int) -> int:
        """
        The last unreadable rows of a stopped upload, which can still be continued.

        Its checkpoint goes back with them, so that at every moment the rows up to it are there: those behind it are read
        from the file again.
        """
        rows = unreadable_rows.c.account_id == account, unreadable_rows.c.upload_id == upload
        last = sa.select(unreadable_rows.c.line).where(*rows).order_by(unreadable_rows.c.line.desc()).limit(ROUND)
        with self._database.write(durable=False) as connection:
            if get(connection, account, upload, lock=True).state is not UploadState.STOPPED:
                return 0
            first = min(connection.execute(last).scalars())
            deleted = connection.execute(sa.delete(unreadable_rows).where(*rows, unreadable_rows.c.line >= first))
            back = sa.update(uploads).where(one(account, upload)).values(last_unreadable=first - 1)
            connection.execute(back)
            return deleted.rowcount

    def _of_uninstalled(self, cutoff: sa.ColumnElement[datetime]) -> int:
        """
        The next rows of an account where the app was uninstalled before *cutoff*, the account itself at the end.

        Before the first of them goes it is nobody's: whoever installs the app again begins a list of their own, and finds none
        that is half gone; and no key opens it to a program that would take what is missing for leave to text.
        """
        over = installations.c.gone_at < cutoff
        with self._database.read() as connection:
            account = connection.execute(sa.select(installations.c.account_id).where(over).limit(1)).scalar()
        if account is None:
            return 0
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            still = sa.select(installations.c.account_id).where(over, installations.c.account_id == account)
            if connection.execute(still).first() is None:
                return 0
            nobodys = sa.update(accounts).where(accounts.c.id == account).values(slack_id=f"uninstalled {account}")
            connection.execute(nobodys)
            for table in (api_keys, hooks, destination_failures, destinations):
                connection.execute(sa.delete(table).where(table.c.account_id == account))
        for table in reversed(metadata.sorted_tables):
            if "account_id" in table.c and table is not installations:
                deleted = self._delete(table, table.c.account_id == account, _GONE_ROUND)
                if deleted:
                    return deleted
        with self._database.write() as connection:
            connection.execute(sa.delete(installations).where(installations.c.account_id == account))
            connection.execute(sa.delete(accounts).where(accounts.c.id == account))
        return 1

    def _delete(self, table: sa.Table, where: sa.ColumnElement[bool], limit: int | None = None) -> int:
        if not self._any(table, where):
            return 0
        with self._database.write(durable=False) as connection:
            return self._database.delete_some(connection, table, where, limit or ROUND)

    def _blank(self, table: sa.Table, where: sa.ColumnElement[bool], values: dict[str, Any]) -> int:
        if not self._any(table, where):
            return 0
        with self._database.write(durable=False) as connection:
            return self._database.update_some(connection, table, where, ROUND, values)

    def _any(self, table: sa.Table, where: sa.ColumnElement[bool]) -> bool:
        # Most rounds find nothing, and on SQLite a transaction that may write would hold up every writer.
        with self._database.read() as connection:
            return (
                connection.execute(sa.select(sa.literal(1)).select_from(table).where(where).limit(1)).first()
                is not None
            )
