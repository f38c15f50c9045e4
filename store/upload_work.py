"""
The work on an upload that is under a lease: everything its holder may write.

An `UploadWork` comes from `Uploads.claim`, and every write checks its lease in the transaction that writes: whoever was
taken over is refused with `LeaseLost`, and with `WrongState` where a person changed the upload's course.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from store import leases
from store.changes import write_change, write_change_between
from store.choices import Asked, Question
from store.database import Database
from store.e164 import named_when_refused
from store.erased import erased_among
from store.errors import LeaseLost, StoreError, WrongState
from store.leases import Lease
from store.models import opt_outs, unreadable_rows, uploads
from store.optouts import count_standing, mark_conversations
from store.records import Batch, ImportedNote, StagedCounts, UnreadableRow, Upload
from store.rows import now
from store.undoing import lift, next_range
from store.upload_rows import entering, one, require, upload_of
from store.upload_states import UploadState

UNDO_BATCH = 10_000


class UploadWork:
    """
    The right to work on one upload. *upload* as it was when this work was claimed, or last written by it.

    Nothing in it changes: each verb returns the work as it is then, so that a batch is stored only after the one before.
    """

    __slots__ = ("_database", "behind", "lease", "reached", "upload")

    def __init__(
        self, database: Database, upload: Upload, lease: Lease, *, reached: str | None = None, behind: int = 0
    ) -> None:
        self._database = database
        self.upload = upload
        self.lease = lease
        # The last phone that was handed in, and how many there are between the checkpoint and it: erased ones, which no checkpoint may
        # hold. Whoever goes on from the checkpoint is handed them again, so that they are counted with what comes behind them.
        self.reached = upload.last_phone if reached is None else reached
        self.behind = behind

    # Whose work it is

    def renew(self, *, lease_seconds: float) -> "UploadWork":
        """Hold it for *lease_seconds* from now, and see how the upload stands."""
        with self._database.write(durable=False) as connection:
            return self._change(connection, **leases.until(lease_seconds))

    def release(
        self, *, settled: UploadState | None, seconds: float | None = None, again: float | None = None
    ) -> Upload:
        """
        Give the upload back. Nobody needs to look at it again if its state still is *settled*: that one was shown.

        What is received or applying stays to be worked on, by whoever looks in *seconds* or later. *again*: it could not
        be shown, and is to be looked at in so many seconds, or as soon as somebody decides something about it.
        """
        with self._held() as (connection, upload):
            decided = upload.state is not settled or upload.state.at_work
            pending = upload.pending and (decided or again is not None)
            pause = seconds if decided else again
            queued = upload.queued and pause is None  # what waits for Slack was not shown
            return self._change(connection, **leases.given_back(seconds=pause), pending=pending, queued=queued).upload

    def died(self, *, seconds: float) -> Upload:
        """Give back an upload whose child died or hung, which is counted: whoever looks in *seconds* may claim it."""
        with self._held() as (connection, upload):
            return self._change(connection, **leases.given_back(seconds=seconds), deaths=upload.deaths + 1).upload

    # What Slack has of it

    def set_message(self, message_ts: str) -> "UploadWork":
        """Remember the message in Slack that shows the upload, for whoever goes on with it."""
        with self._database.write() as connection:
            return self._change(connection, message_ts=message_ts)

    def set_attached(self, file_id: str) -> "UploadWork":
        """Remember the Slack file that is about to be shared in the thread: the unreadable rows, or a scrubbed list."""
        with self._database.write() as connection:
            return self._change(connection, attached_file=file_id)

    def set_reminded(self, *, reminded: bool) -> "UploadWork":
        """Remember that the dropper is being reminded of a waiting preview; or that it could not be done."""
        with self._held(UploadState.WAITING) as (connection, _):
            return self._change(connection, reminded_at=now() if reminded else None)

    # How reading it ends

    def staged(self, counts: StagedCounts) -> "UploadWork":
        """Record that the list was read: received -> waiting."""
        with self._held() as (connection, upload):
            values = entering(upload, UploadState.WAITING)
            if upload.is_scrub:  # the word came while it was read
                raise WrongState(f"{upload.file_name} is to be scrubbed, not opted out.")
            # Also when the words came before the child that read it looked: nobody is asked to opt such a list out.
            if upload.choices != self.upload.choices or upload.choices.asked is Asked.OPT_IN:
                raise WrongState(f"{upload.file_name} is to be read otherwise by now.")
            return self._change(
                connection,
                **values,
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

    def scrubbed(self, summary: dict[str, Any]) -> "UploadWork":
        """
        Record that the list went back without its opted-out rows: received -> scrubbed.

        *summary*: `Scrubbed`, as a dict.
        """
        return self._end(UploadState.SCRUBBED, finished_at=now(), summary=summary)

    def refuse(
        self,
        problem: str,
        *,
        columns: Sequence[str] = (),
        likely: str | None = None,
        questions: Sequence[Question] = (),
    ) -> "UploadWork":
        """
        Refuse the list, which cannot be read as it is, because of *problem*: received -> refused.

        *columns* it has and the one that is *likely* the phones', kept as `columns` and `summary["likely"]`. *questions*: the
        ways in which it could be read.
        """
        summary: dict[str, Any] = {"likely": likely} if likely is not None else {}
        if questions:
            summary["questions"] = [question.to_json() for question in questions]
        values: dict[str, Any] = {"problem": problem, "columns": list(columns), "summary": summary}
        return self._end(UploadState.REFUSED, finished_at=now(), **values)

    def expire(self) -> "UploadWork":
        """Expire a preview that nobody decided on in time: waiting -> expired."""
        return self._end(UploadState.EXPIRED, finished_at=now())

    def fail(self, problem: str) -> "UploadWork":
        """
        Fail the upload, whose work went wrong for good: received, applying or undoing -> failed.

        What was stored stays, and is counted.
        """
        with self._held() as (connection, upload):
            values = entering(upload, UploadState.FAILED)
            if upload.state is not UploadState.UNDOING:  # which began after it was finished
                values["finished_at"] = now()
            return self._change(connection, **values, problem=problem)

    # Applying and undoing, a batch a transaction

    def apply_batch(self, batch: Batch, unreadable: Sequence[UnreadableRow], *, lease_seconds: float) -> "UploadWork":
        """
        Opt out the next phones, in phone order, and keep the next unreadable rows, in line order; erased ones are out already.

        Both must come right after `reached` and the checkpoint of `upload` as they are here. All of it is stored together with the counters
        and the new checkpoint, or nothing is.
        """
        with self._held(UploadState.APPLYING, account=True, durable=False) as (connection, upload):
            if (upload.last_phone, upload.last_unreadable) != (self.upload.last_phone, self.upload.last_unreadable):
                raise LeaseLost("This batch was stored already.")
            given = list(batch.lines)
            erased = erased_among(connection, upload.account_id, given)
            keys = [phone for phone in given if phone not in erased] if erased else given
            behind = len(given) - 1 - given.index(keys[-1]) if keys else self.behind + len(given)
            passed = self.behind + len(erased) - behind
            already, near = count_standing(self._database, connection, upload.account_id, keys)
            if keys:
                # The entry is this upload's own and its phones are distinct, so no row can be there already.
                with named_when_refused(keys):
                    self._insert(connection, upload, batch, keys)
            self._database.insert_rows(
                connection,
                unreadable_rows,
                ("account_id", "upload_id", "line", "cell", "code", "reason", "cells"),
                [
                    (upload.account_id, upload.id, row.line, row.cell, row.code, row.reason, json.dumps(row.cells))
                    for row in unreadable
                ],
            )
            if keys:
                mark_conversations(self._database, connection, upload.account_id, keys)
                newly = len(keys) - already
                write_change(connection, upload.account_id, _entry(upload.entry_id), keys, opted_out=newly, near=near)
            return self._change(
                connection,
                **leases.until(lease_seconds),
                last_phone=keys[-1] if keys else upload.last_phone,
                last_unreadable=unreadable[-1].line if unreadable else upload.last_unreadable,
                newly_opted_out=upload.newly_opted_out + len(keys) - already,
                already_opted_out=upload.already_opted_out + already + passed,
            ).past(given[-1] if given else self.reached, behind)

    def past(self, phone: str, behind: int) -> "UploadWork":
        """The same work, with *phone* as the last that was handed in, *behind* of them erased ones behind the checkpoint."""
        return UploadWork(self._database, self.upload, self.lease, reached=phone, behind=behind)

    def _insert(self, connection: sa.Connection, upload: Upload, batch: Batch, keys: Sequence[str]) -> None:
        same = {"account_id": upload.account_id, "entry_id": _entry(upload.entry_id)}
        lines = batch.lines if len(keys) == len(batch.lines) else {phone: batch.lines[phone] for phone in keys}
        if not batch.carried:
            self._database.insert_phones(connection, opt_outs, same, lines)
            return
        rows: list[dict[str, Any]] = []
        for phone, line in lines.items():
            own = batch.carried.get(phone, ImportedNote(None, None))
            rows.append({**same, "phone": phone, "line": line, "note": own.note, "requested_at": own.requested_at})
        connection.execute(sa.insert(opt_outs), rows)

    def finish(self) -> "UploadWork":
        """Finish the upload, every row of which was stored: applying -> done, on disk before this returns."""
        with self._held() as (connection, upload):
            values = entering(upload, UploadState.DONE)
            if upload.applied + self.behind != upload.phones:
                raise StoreError(
                    f"Only {upload.applied:,} of {upload.phones:,} phones of {upload.file_name} are stored."
                )
            already = upload.already_opted_out + self.behind
            return self._change(connection, **values, already_opted_out=already, finished_at=now())

    def undo_batch(self, *, lease_seconds: float, batch: int = UNDO_BATCH) -> "UploadWork":
        """
        Lift the upload's next opt-outs, *batch* at most, in phone order, and re-open conversations with who is opted in.

        Those that somebody lifted before are left as they are. Everything is stored together with the counters and the new
        checkpoint, or nothing is. The undo is complete when `undo_phone` is `last_phone`.
        """
        with self._held(UploadState.UNDOING, account=True, durable=False) as (connection, upload):
            if upload.undo_phone != self.upload.undo_phone:
                raise LeaseLost("This batch was stored already.")
            span = next_range(connection, upload, upload.undo_phone, batch)
            did = lift(connection, upload, span)
            if lifted := did.opted_in + did.kept_out:
                by = _entry(upload.undo_entry_id)
                counted = -did.opted_in
                write_change_between(connection, upload.account_id, by, *span, lifted, opted_out=counted)
            return self._change(
                connection,
                **leases.until(lease_seconds),
                undo_phone=span.end,
                opted_in=upload.opted_in + did.opted_in,
                kept_out=upload.kept_out + did.kept_out,
                reopened=upload.reopened + did.reopened,
            )

    def finish_undo(self) -> "UploadWork":
        """Finish the undo, when every opt-out of the upload is lifted: undoing -> undone, on disk before this returns."""
        with self._held() as (connection, upload):
            values = entering(upload, UploadState.UNDONE)
            if upload.undo_phone < upload.last_phone:
                raise StoreError(f"The undo of {upload.file_name} has not come to its end.")
            return self._change(connection, **values, undone_at=now())

    @contextmanager
    def _held(
        self, *states: UploadState, account: bool = False, durable: bool = True
    ) -> Iterator[tuple[sa.Connection, Upload]]:
        """
        A transaction in which the upload, as it stands, is nobody else's to change; in one of *states* where any are given.

        *account*: whose only writer it is too. Everybody takes the two in this order.
        """
        with self._database.write(durable=durable) as connection:
            if account:
                self._database.lock_account(connection, self.upload.account_id)
            upload = upload_of(leases.find(connection, uploads, (self._row(),), self.lease, lock=True))
            if states:
                require(upload, *states)
            yield connection, upload

    def _end(self, state: UploadState, **values: Any) -> "UploadWork":
        with self._held() as (connection, upload):
            return self._change(connection, **entering(upload, state), **values)

    def _change(self, connection: sa.Connection, **values: Any) -> "UploadWork":
        row = leases.change(connection, uploads, (self._row(),), self.lease, **values)
        return UploadWork(self._database, upload_of(row), self.lease)

    def _row(self) -> sa.ColumnElement[bool]:
        return one(self.upload.account_id, self.upload.id)


def _entry(entry: int | None) -> int:
    """The entry of an upload that is being stored or undone, which it has then."""
    assert entry is not None  # noqa: S101  a check of the table's
    return entry
