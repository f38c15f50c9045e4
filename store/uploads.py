"""
Uploads: one list file each, from the drop to the report.

received -> waiting -> applying -> done, and done -> undoing -> undone; or refused, cancelled, expired, failed. Applying
can be stopped, and then goes on or is undone. Whoever works on one holds its lease, and every claim raises the upload's
`fence`: a worker that was frozen past its lease finds another fence in the row and is refused, whatever it was about to
write. Counts, checkpoint and opt-outs of a batch are one transaction.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from store.database import Database
from store.errors import LeaseLost, StoreError, WrongState
from store.inbox import InboxEvent, finish
from store.models import UPLOAD_PURPOSES, accounts, conversations, entries, opt_outs, unreadable_rows, uploads
from store.notes import Function
from store.optouts import change_count, count_phones, count_standing, mark_conversations
from store.records import Actor, Batch, Carried, Entry, Origin, Outlook, StagedCounts, Terms, UnreadableRow, Upload
from store.rows import entries_of, entry_of, new_entry, now
from store.undoing import lift, next_stretch, outlook
from store.upload_states import Purpose, UploadState

PAGE = 1_000
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# In these there is work left for a worker, so giving the lease back never takes them out of its sight.
_AT_WORK = ("received", "applying", "undoing")
# In these it can still be wanted for something else.
_UNDECIDED = ("received", "waiting", "refused")
UNDO_BATCH = 10_000


class Uploads:
    def __init__(self, database: Database) -> None:
        self._database = database

    # From Slack

    def receive(
        self,
        account: int,
        *,
        file_id: str,
        file_name: str,
        channel_id: str,
        channel_name: str | None,
        thread_ts: str | None,
        permalink: str | None,
        actor: Actor,
        country: str | None,
        size: int = 0,
        purpose: str = "opt out",
        event: InboxEvent | None = None,
    ) -> tuple[Upload, bool]:
        """
        Note that a file was dropped; False with the upload there is when this file is known in this channel.

        A known one that is wanted for scrubbing after all, by a word with that same message, and was not confirmed yet,
        becomes that and counts as new: the word may come after the file. Wishes only grow, never the other way. *size*: of the file in bytes, 0 when nobody knows. *purpose*:
        see `Upload`. *event*: that told of it, done with this.
        """
        with self._database.write() as connection:
            if event is not None:
                finish(connection, event)
            self._database.lock_account(connection, account)
            known = (
                sa.select(uploads)
                .where(uploads.c.account_id == account)
                .where(uploads.c.file_id == file_id, uploads.c.channel_id == channel_id)
            )
            row = connection.execute(known).mappings().one_or_none()
            if row is not None:
                found = upload_of(row)
                more = UPLOAD_PURPOSES.index(purpose) > UPLOAD_PURPOSES.index(found.purpose)
                if not more or found.state not in _UNDECIDED or thread_ts not in (None, found.thread_ts):
                    return found, False
                return _start_over(connection, _locked(connection, account, found.id), purpose=purpose), True
            number = connection.execute(
                sa.update(accounts)
                .where(accounts.c.id == account)
                .values(last_upload=accounts.c.last_upload + 1)
                .returning(accounts.c.last_upload)
            ).scalar_one()
            connection.execute(
                sa.insert(uploads).values(
                    account_id=account,
                    id=number,
                    file_id=file_id,
                    file_name=file_name,
                    channel_id=channel_id,
                    channel_name=channel_name,
                    thread_ts=thread_ts,
                    permalink=permalink,
                    size=size,
                    purpose=purpose,
                    actor_id=actor.id,
                    actor_name=actor.name,
                    received_at=now(),
                    country=country,
                    state="received",
                    pending=True,
                    lease_until=_LONG_AGO,
                )
            )
            return _get(connection, account, number), True

    def get(self, account: int, upload: int) -> Upload:
        """One upload; `StoreError` when there is none."""
        with self._database.read() as connection:
            return _get(connection, account, upload)

    def list(self, account: int, limit: int) -> tuple[Upload, ...]:
        """The last *limit* uploads, newest first."""
        query = sa.select(uploads).where(uploads.c.account_id == account).order_by(uploads.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(upload_of(row) for row in connection.execute(query).mappings())

    def confirm(self, account: int, upload: int, by: Origin, *, seen: str | None = None) -> Upload:
        """
        Somebody said yes: waiting -> applying, by an entry of the person who said it.

        *seen*: the `Upload.seen` of the preview they decided on. `WrongState`, with how the upload stands in words, when
        it does not wait (a second click) or was read again with another outcome.
        """
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            found = _locked(connection, account, upload)
            _require(found, "waiting")
            if seen not in (None, found.seen):
                raise WrongState(
                    f"{found.file_name} was read again since, with other counts: see its preview as it is now."
                )
            entry = new_entry(connection, account, replace(by, function=Function.UPLOAD), upload_id=upload)
            values = {"entry_id": entry.id, "confirmed_at": now()}
            return _decided(connection, found, by, state="applying", **values)

    def cancel(self, account: int, upload: int, by: Origin) -> Upload:
        """Somebody said no before anything was changed: waiting or received -> cancelled. `WrongState` otherwise."""
        with self._database.write() as connection:
            found = _locked(connection, account, upload)
            _require(found, "waiting", "received")
            return _decided(connection, found, by, state="cancelled", finished_at=now())

    def stop(self, account: int, upload: int, by: Origin) -> Upload:
        """
        Somebody wants no more of it: applying -> stopped, between two batches. `WrongState` otherwise.

        What was stored stays, and is counted. Its worker learns of it with the next batch, which is refused.
        """
        with self._database.write() as connection:
            found = _locked(connection, account, upload)
            _require(found, "applying")
            return _decided(connection, found, by, state="stopped", finished_at=now())

    def go_on(self, account: int, upload: int, by: Origin) -> Upload:
        """Apply the rest after all: stopped -> applying, by the same entry, from the checkpoint. `WrongState` otherwise."""
        with self._database.write() as connection:
            found = _locked(connection, account, upload)
            _require(found, "stopped")
            return _decided(connection, found, by, state="applying", finished_at=None)

    def undo(self, account: int, upload: int, by: Origin, *, within: timedelta) -> Upload:
        """
        Take an applied upload back: done, stopped, or failed after something was stored -> undoing, by an entry of its own.

        *within*: how long after it was applied that can be begun. An undo that failed goes on from its checkpoint, by the
        entry it has. `WrongState`, in words, when it is over or there is nothing to undo.
        """
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            found = _locked(connection, account, upload)
            require_undoable(found, within)
            number = found.undo_entry_id
            if number is None:
                by = replace(by, function=Function.UNDO)
                number = new_entry(connection, account, by, upload_id=upload).id
            return _change(connection, found, state="undoing", pending=True, problem=None, undo_entry_id=number)

    def undo_outlook(self, account: int, upload: int) -> Outlook:
        """
        What undoing the upload would do now. Reads the account's list as far as the upload's reaches, in steps.

        Others may opt out or delete meanwhile: what the undo does is counted again while it does it.
        """
        found = self.get(account, upload)
        total, after = Outlook(0, 0, 0), found.undo_phone
        while after < found.last_phone:
            with self._database.read() as connection:
                stretch = next_stretch(connection, found, after, UNDO_BATCH)
                total += outlook(connection, found, stretch)
            after = stretch.end
        return total

    def applied_before(self, upload: Upload) -> Entry | None:
        """The newest entry by which the same file (by SHA-256) was applied as another upload of the account, and stands."""
        others = uploads.alias()
        of_others = (
            sa.select(others.c.entry_id)
            .where(others.c.account_id == upload.account_id, others.c.sha256 == upload.sha256, others.c.id != upload.id)
            .where(others.c.state.in_(("applying", "stopped", "done")))
        )
        query = entries_of(upload.account_id).where(entries.c.id.in_(of_others)).order_by(entries.c.id.desc()).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else entry_of(row)

    def undone_by(self, upload: Upload) -> Entry | None:
        """The entry of the upload's undo; None when nobody asked for one."""
        query = entries_of(upload.account_id).where(entries.c.id == upload.undo_entry_id)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else entry_of(row)

    def set_country(self, account: int, upload: int, country: str) -> Upload:
        """Read the list again, with *country* for phones that name none; waiting or refused, else `WrongState`."""
        return self._again(account, upload, country=country)

    def set_column(self, account: int, upload: int, column: str) -> Upload:
        """Read the list again, with the phones from *column*; waiting or refused, else `WrongState`."""
        return self._again(account, upload, phone_column=column)

    def _again(self, account: int, upload: int, **values: Any) -> Upload:
        with self._database.write() as connection:
            found = _locked(connection, account, upload)
            _require(found, "waiting", "refused")
            return _start_over(connection, found, **values)

    # Whose work it is

    def claim(
        self,
        owner: str,
        *,
        lease_seconds: float,
        upload: tuple[int, int] | None = None,
        largest: int | None = None,
        terms: Terms | None = None,
    ) -> Upload | None:
        """
        Take the oldest upload that has something left to do, or (account, id) *upload*, for *lease_seconds*.

        *largest*: only files of so many bytes, or uploads that only have to be shown. *terms*: take the previews too that
        waited longer than these say. None when there is nothing to do. Two who claim at once never get the same one.
        """
        at = now()
        due: sa.ColumnElement[bool] = uploads.c.pending
        if terms is not None:
            reminded = sa.and_(uploads.c.reminded_at.is_(None), uploads.c.waiting_since <= at - terms.remind)
            over = sa.or_(reminded, uploads.c.waiting_since <= at - terms.expire)
            due = sa.or_(due, sa.and_(uploads.c.state == "waiting", over))
        query = sa.select(uploads).where(due, uploads.c.lease_until <= at)
        if upload is None:
            # A list imported from the command line has no channel: only its command can read the file.
            query = query.where(uploads.c.channel_id != "")
        else:
            query = query.where(uploads.c.account_id == upload[0], uploads.c.id == upload[1])
        if largest is not None:
            query = query.where(sa.or_(uploads.c.size <= largest, uploads.c.state.not_in(_AT_WORK)))
        query = query.order_by(uploads.c.received_at, uploads.c.account_id, uploads.c.id).limit(1)
        # Most looks find nothing, and on SQLite a look that may write would wait for, and hold up, every writer.
        with self._database.read() as connection:
            if connection.execute(query).first() is None:
                return None
        with self._database.write() as connection:
            row = connection.execute(self._database.skip_locked(query)).mappings().one_or_none()
            if row is None:
                return None
            found = upload_of(row)
            until = at + timedelta(seconds=lease_seconds)
            return _change(connection, found, owner=owner, fence=found.fence + 1, lease_until=until)

    def renew(self, upload: Upload, *, lease_seconds: float) -> Upload:
        """Hold *upload* for *lease_seconds* from now, and see how it stands; `LeaseLost` when it was taken over."""
        with self._database.write(durable=False) as connection:
            found = _fenced(connection, upload)
            return _change(connection, found, lease_until=now() + timedelta(seconds=lease_seconds))

    def release(self, upload: Upload, *, settled: str | None) -> Upload:
        """
        Give *upload* back. Nobody needs to look at it again if its state still is *settled*: that one was shown.

        What is received or applying stays to be worked on. `LeaseLost` when it was taken over.
        """
        with self._database.write() as connection:
            found = _fenced(connection, upload)
            pending = found.pending and (found.state != settled or settled in _AT_WORK)
            return _change(connection, found, owner=None, lease_until=_LONG_AGO, pending=pending)

    def set_message(self, upload: Upload, message_ts: str) -> Upload:
        """Remember the message in Slack that shows *upload*, for whoever goes on with it."""
        with self._database.write() as connection:
            return _change(connection, _fenced(connection, upload), message_ts=message_ts)

    # The work. Everything here is fenced: LeaseLost when it was taken over, WrongState when a person changed its course.

    def staged(self, upload: Upload, counts: StagedCounts) -> Upload:
        """The list was read: received -> waiting."""
        with self._database.write() as connection:
            found = _fenced(connection, upload)
            _require(found, "received")
            if found.is_scrub:  # the word came while it was read
                raise WrongState(f"{found.file_name} is to be scrubbed, not opted out.")
            return _change(
                connection,
                found,
                state="waiting",
                waiting_since=now(),
                reminded_at=None,
                problem=None,
                sha256=counts.sha256,
                phonenumbers_version=counts.phonenumbers_version,
                columns=list(counts.columns),
                summary=counts.summary,
                country=counts.country,
                rows=counts.rows,
                phones=counts.phones,
                already=counts.already,
                unreadable=counts.unreadable,
            )

    def scrubbed(self, upload: Upload, summary: dict[str, Any]) -> Upload:
        """The list went back without its opted-out rows: received -> scrubbed. *summary*: `Scrubbed`, as a dict."""
        with self._database.write() as connection:
            found = _fenced(connection, upload)
            _require(found, "received")
            return _change(connection, found, state="scrubbed", pending=True, finished_at=now(), summary=summary)

    def set_reminded(self, upload: Upload, *, reminded: bool) -> Upload:
        """Remember that the dropper is being reminded of a waiting preview; or that it could not be done."""
        with self._database.write() as connection:
            found = _fenced(connection, upload)
            _require(found, "waiting")
            return _change(connection, found, reminded_at=now() if reminded else None)

    def expire(self, upload: Upload) -> Upload:
        """Nobody decided in time: waiting -> expired."""
        with self._database.write() as connection:
            found = _fenced(connection, upload)
            _require(found, "waiting")
            return _change(connection, found, state="expired", pending=True, finished_at=now())

    def set_attached(self, upload: Upload, file_id: str) -> Upload:
        """Remember the Slack file that is about to carry the unreadable rows into the thread."""
        with self._database.write() as connection:
            return _change(connection, _fenced(connection, upload), attached_file=file_id)

    def refuse(self, upload: Upload, problem: str, *, columns: Sequence[str] = (), likely: str | None = None) -> Upload:
        """
        The list cannot be read as it is, because of *problem*: received -> refused.

        *columns* it has and the one that is *likely* the phones', kept as `columns` and `summary["likely"]`.
        """
        summary = {"likely": likely} if likely is not None else {}
        return self._end(upload, "refused", ("received",), problem, columns=list(columns), summary=summary)

    def fail(self, upload: Upload, problem: str) -> Upload:
        """The work went wrong for good: received, applying or undoing -> failed. What was stored stays, and is counted."""
        return self._end(upload, "failed", _AT_WORK, problem)

    def _end(self, upload: Upload, state: str, before: Sequence[str], problem: str, **values: Any) -> Upload:
        with self._database.write() as connection:
            found = _fenced(connection, upload)
            _require(found, *before)
            if found.state != "undoing":  # which began after it was finished
                values["finished_at"] = now()
            return _change(connection, found, state=state, problem=problem, pending=True, **values)

    def already_out(self, account: int, phones: Sequence[str]) -> int:
        """How many of *phones*, which are sorted and distinct, are opted out now."""
        with self._database.read() as connection:
            return count_standing(self._database, connection, account, phones)

    def known(self, account: int) -> int:
        """How many distinct phones the account has conversations with."""
        query = sa.select(sa.func.count(conversations.c.phone.distinct())).where(conversations.c.account_id == account)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def texted(self, account: int, phones: Sequence[str]) -> int:
        """How many of *phones*, which are sorted and distinct, the account has an open conversation with."""
        where = conversations.c.account_id == account, conversations.c.state == "open"
        with self._database.read() as connection:
            return count_phones(self._database, connection, conversations.c.phone, phones, *where)

    def apply_batch(
        self,
        upload: Upload,
        batch: Batch,
        unreadable: Sequence[UnreadableRow],
        *,
        lease_seconds: float,
    ) -> Upload:
        """
        Opt out the next phones, in phone order, and keep the next unreadable rows, in line order.

        Both must come right after the upload's checkpoint as *upload* knows it. All of it is stored together with the
        counters and the new checkpoint, or nothing is.
        """
        with self._database.write(durable=False) as connection:
            # Whoever holds the account writes, so the order account, then upload, is everybody's.
            self._database.lock_account(connection, upload.account_id)
            found = _fenced(connection, upload)
            _require(found, "applying")
            if (found.last_phone, found.last_unreadable) != (upload.last_phone, upload.last_unreadable):
                raise LeaseLost("This batch was stored already.")
            keys = list(batch.lines)
            already = 0
            if keys:
                # The entry is this upload's own and its phones are distinct, so no row can be there already.
                already = count_standing(self._database, connection, found.account_id, keys)
                self._insert(connection, found, batch)
            self._database.insert_rows(
                connection,
                unreadable_rows,
                ("account_id", "upload_id", "line", "cell", "reason", "cells"),
                [
                    (found.account_id, found.id, row.line, row.cell, row.reason, json.dumps(row.cells))
                    for row in unreadable
                ],
            )
            if keys:
                mark_conversations(self._database, connection, found.account_id, keys)
                change_count(connection, found.account_id, len(keys) - already)
            return _change(
                connection,
                found,
                last_phone=keys[-1] if keys else found.last_phone,
                last_unreadable=unreadable[-1].line if unreadable else found.last_unreadable,
                newly_opted_out=found.newly_opted_out + len(keys) - already,
                already_opted_out=found.already_opted_out + already,
                lease_until=now() + timedelta(seconds=lease_seconds),
            )

    def _insert(self, connection: sa.Connection, upload: Upload, batch: Batch) -> None:
        assert upload.entry_id is not None  # noqa: S101  a check of the table's
        same = {"account_id": upload.account_id, "entry_id": upload.entry_id}
        if not batch.carried:
            self._database.insert_phones(connection, opt_outs, same, batch.lines)
            return
        rows: list[dict[str, Any]] = []
        for phone, line in batch.lines.items():
            own = batch.carried.get(phone, Carried(None, None))
            rows.append({**same, "phone": phone, "line": line, "note": own.note, "requested_at": own.requested_at})
        connection.execute(sa.insert(opt_outs), rows)

    def finish(self, upload: Upload) -> Upload:
        """Every row was stored: applying -> done, on disk before this returns."""
        with self._database.write() as connection:
            found = _fenced(connection, upload)
            _require(found, "applying")
            if found.applied != found.phones:
                raise StoreError(f"Only {found.applied:,} of {found.phones:,} phones of {found.file_name} are stored.")
            return _change(connection, found, state="done", pending=True, finished_at=now())

    def undo_batch(self, upload: Upload, *, lease_seconds: float, batch: int = UNDO_BATCH) -> Upload:
        """
        Lift the upload's next opt-outs, *batch* at most, in phone order, and re-open conversations with who is opted in.

        Those that somebody lifted before are left as they are. Everything is stored together with the counters and the new
        checkpoint, or nothing is. The undo is complete when `undo_phone` is `last_phone`.
        """
        with self._database.write(durable=False) as connection:
            self._database.lock_account(connection, upload.account_id)
            found = _fenced(connection, upload)
            _require(found, "undoing")
            if found.undo_phone != upload.undo_phone:
                raise LeaseLost("This batch was stored already.")
            stretch = next_stretch(connection, found, found.undo_phone, batch)
            did = lift(connection, found, stretch)
            change_count(connection, found.account_id, -did.opted_in)
            return _change(
                connection,
                found,
                undo_phone=stretch.end,
                opted_in=found.opted_in + did.opted_in,
                kept_out=found.kept_out + did.kept_out,
                reopened=found.reopened + did.reopened,
                lease_until=now() + timedelta(seconds=lease_seconds),
            )

    def finish_undo(self, upload: Upload) -> Upload:
        """Every opt-out of the upload is lifted: undoing -> undone, on disk before this returns."""
        with self._database.write() as connection:
            found = _fenced(connection, upload)
            _require(found, "undoing")
            if found.undo_phone < found.last_phone:
                raise StoreError(f"The undo of {found.file_name} has not come to its end.")
            return _change(connection, found, state="undone", pending=True, undone_at=now())

    def list_unreadable(self, account: int, upload: int) -> Iterator[UnreadableRow]:
        """The unreadable rows of an applied upload, in line order, a page at a time."""
        after = 0
        while True:
            query = (
                sa.select(unreadable_rows)
                .where(unreadable_rows.c.account_id == account, unreadable_rows.c.upload_id == upload)
                .where(unreadable_rows.c.line > after)
                .order_by(unreadable_rows.c.line)
                .limit(PAGE)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).mappings().all()
            for row in rows:
                yield UnreadableRow(row["line"], row["cell"], row["reason"], tuple(row["cells"]))
            if len(rows) < PAGE:
                return
            after = rows[-1]["line"]


_MADE = {"actor", "decider", "state", "purpose", "columns", "summary"}
_FIELDS = tuple(name for name in Upload.__dataclass_fields__ if name not in _MADE)


def upload_of(row: sa.RowMapping) -> Upload:
    return Upload(
        **{name: row[name] for name in _FIELDS},
        actor=Actor(row["actor_id"], row["actor_name"]),
        state=UploadState(row["state"]),
        purpose=Purpose(row["purpose"]),
        decider=None if row["decider_id"] is None else Actor(row["decider_id"], row["decider_name"]),
        columns=tuple(row["columns"] or ()),
        summary=row["summary"] or {},
    )


def _one(account: int, upload: int) -> sa.ColumnElement[bool]:
    return sa.and_(uploads.c.account_id == account, uploads.c.id == upload)


def _get(connection: sa.Connection, account: int, upload: int) -> Upload:
    row = connection.execute(sa.select(uploads).where(_one(account, upload))).mappings().one_or_none()
    if row is None:
        raise StoreError(f"There is no upload {upload}.")
    return upload_of(row)


def _locked(connection: sa.Connection, account: int, upload: int) -> Upload:
    """One upload, which stays as it is until the transaction ends."""
    query = sa.select(uploads).where(_one(account, upload)).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise StoreError(f"There is no upload {upload}.")
    return upload_of(row)


def _fenced(connection: sa.Connection, upload: Upload) -> Upload:
    """*upload* as it stands, if it still is its holder's who asks."""
    found = _locked(connection, upload.account_id, upload.id)
    if (found.owner, found.fence) != (upload.owner, upload.fence):
        raise LeaseLost(f"Another worker has taken over {found.file_name}.")
    return found


def _start_over(connection: sa.Connection, upload: Upload, **values: Any) -> Upload:
    """Have *upload* read again, with other *values*."""
    return _change(
        connection, upload, state="received", pending=True, problem=None, sha256=None, finished_at=None, **values
    )


def _change(connection: sa.Connection, upload: Upload, **values: Any) -> Upload:
    statement = sa.update(uploads).where(_one(upload.account_id, upload.id)).values(**values).returning(uploads)
    return upload_of(connection.execute(statement).mappings().one())


def _decided(connection: sa.Connection, upload: Upload, by: Origin, **values: Any) -> Upload:
    """As `_change`, on the word of a person: there is something to do about it, and their name is kept with it."""
    return _change(connection, upload, pending=True, decider_id=by.actor.id, decider_name=by.actor.name, **values)


_STANDING = {
    "received": "is still being read",
    "waiting": "was read and waits for a yes",
    "applying": "is being opted out already",
    "done": "was opted out already",
    "refused": "could not be read",
    "cancelled": "was cancelled",
    "stopped": "was stopped",
    "failed": "could not be finished",
    "undoing": "is being undone",
    "undone": "was undone",
    "expired": "waited too long for a yes and expired",
    "scrubbed": "was scrubbed: nobody was opted out",
}


def _require(upload: Upload, *states: str) -> None:
    if upload.state not in states:
        over = upload.state in {"cancelled", "failed", "undone", "expired"}
        again = " Drop the file again to start over." if over else ""
        raise WrongState(f"{upload.file_name} {_STANDING[upload.state]}.{again}")


def require_undoable(upload: Upload, within: timedelta) -> None:
    """Raise `WrongState` unless something of *upload* is stored and may still be taken back as a whole."""
    if upload.state == "applying":
        raise WrongState(f"{upload.file_name} is still being opted out. Stop it first, then undo what was applied.")
    _require(upload, "done", "stopped", "failed")
    if not upload.applied:
        raise WrongState(f"Nothing of {upload.file_name} was opted out, so there is nothing to undo.")
    if upload.undo_entry_id is None and (upload.finished_at or now()) + within < now():
        raise WrongState(
            f"{upload.file_name} can no longer be undone: that is possible for {_days(within)} after it was applied. "
            "An admin can still opt single phones in with `/optout delete`."
        )


def _days(span: timedelta) -> str:
    days = round(span / timedelta(days=1), 2)
    return f"{days:g} day{'' if days == 1 else 's'}"
