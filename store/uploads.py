"""
Uploads: one list file each, from the drop to the report.

received -> waiting -> applying -> done; or refused, cancelled, failed. Whoever works on one holds its lease, and every
claim raises the upload's `fence`: a worker that was frozen past its lease finds another fence in the row and is
refused, whatever it was about to write. Counts, checkpoint and opt-outs of a batch are one transaction.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from store.database import Database
from store.deliveries import mark_done
from store.errors import LeaseLost, StoreError, WrongState
from store.models import accounts, opt_outs, unreadable_rows, uploads
from store.notes import Function
from store.optouts import change_count, mark_conversations, standing
from store.records import Actor, Origin, UnreadableRow, Upload
from store.rows import new_entry, now

PAGE = 1_000
_LOOK_UP = 10_000
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
# In these there is work left for a worker, so giving the lease back never takes them out of its sight.
_AT_WORK = ("received", "applying")


@dataclass(frozen=True, slots=True)
class StagedCounts:
    """
    What staging found.

    `rows` counts all rows, `unreadable` those without a phone, `phones` distinct phones, `already`
    those of them opted out at that moment. `summary`: see `store.staging.Scratch`. `phone_column`: the one a person
    chose, None for the usual.
    """

    rows: int
    phones: int
    already: int
    unreadable: int
    summary: dict[str, Any]
    columns: tuple[str, ...]
    sha256: str
    phone_column: str | None
    country: str | None
    phonenumbers_version: str


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
        delivery: str | None = None,
    ) -> tuple[Upload, bool]:
        """
        Note that a file was dropped; False with the upload there is when this file is known in this channel.

        *delivery*: the event that told of it, done with this.
        """
        with self._database.write() as connection:
            if delivery is not None:
                mark_done(connection, account, delivery)
            self._database.lock_account(connection, account)
            known = (
                sa.select(uploads)
                .where(uploads.c.account_id == account)
                .where(uploads.c.file_id == file_id, uploads.c.channel_id == channel_id)
            )
            row = connection.execute(known).mappings().one_or_none()
            if row is not None:
                return _upload_of(row), False
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
            return tuple(_upload_of(row) for row in connection.execute(query).mappings())

    def confirm(self, account: int, upload: int, by: Origin) -> Upload:
        """
        Somebody said yes: waiting -> applying, by an entry of the person who said it.

        `WrongState`, with how the upload stands in words, when it does not wait (a second click).
        """
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            found = _locked(connection, account, upload)
            _require(found, "waiting")
            entry = new_entry(connection, account, replace(by, function=Function.UPLOAD), upload_id=upload)
            return _change(connection, found, state="applying", pending=True, entry_id=entry.id, confirmed_at=now())

    def cancel(self, account: int, upload: int, by: Origin) -> Upload:  # noqa: ARG002  who may is decided by roles, and nothing was changed to sign for
        """Somebody said no before anything was changed: waiting or received -> cancelled. `WrongState` otherwise."""
        with self._database.write() as connection:
            found = _locked(connection, account, upload)
            _require(found, "waiting", "received")
            return _change(connection, found, state="cancelled", pending=True, finished_at=now())

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
            return _change(
                connection, found, state="received", pending=True, problem=None, sha256=None, finished_at=None, **values
            )

    # Whose work it is

    def claim(self, owner: str, *, lease_seconds: float, upload: tuple[int, int] | None = None) -> Upload | None:
        """
        Take the upload that has waited longest for a worker, or (account, id) *upload*, for *lease_seconds*.

        None when there is nothing to do. Two who claim at once never get the same one.
        """
        at = now()
        query = sa.select(uploads).where(uploads.c.pending, uploads.c.lease_until <= at)
        if upload is None:
            # A list imported from the command line has no channel: only its command can read the file.
            query = query.where(uploads.c.channel_id != "")
        else:
            query = query.where(uploads.c.account_id == upload[0], uploads.c.id == upload[1])
        query = query.order_by(uploads.c.lease_until, uploads.c.account_id, uploads.c.id).limit(1)
        # Most looks find nothing, and on SQLite a look that may write would wait for, and hold up, every writer.
        with self._database.read() as connection:
            if connection.execute(query).first() is None:
                return None
        with self._database.write() as connection:
            row = connection.execute(self._database.skip_locked(query)).mappings().one_or_none()
            if row is None:
                return None
            found = _upload_of(row)
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
            return _change(
                connection,
                found,
                state="waiting",
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

    def refuse(self, upload: Upload, problem: str, *, columns: Sequence[str] = (), likely: str | None = None) -> Upload:
        """
        The list cannot be read as it is, because of *problem*: received -> refused.

        *columns* it has and the one that is *likely* the phones', kept as `columns` and `summary["likely"]`.
        """
        summary = {"likely": likely} if likely is not None else {}
        return self._end(upload, "refused", ("received",), problem, columns=list(columns), summary=summary)

    def fail(self, upload: Upload, problem: str) -> Upload:
        """The work went wrong for good: received or applying -> failed. What was stored stays, and is counted."""
        return self._end(upload, "failed", _AT_WORK, problem)

    def _end(self, upload: Upload, state: str, before: Sequence[str], problem: str, **values: Any) -> Upload:
        with self._database.write() as connection:
            found = _fenced(connection, upload)
            _require(found, *before)
            return _change(connection, found, state=state, problem=problem, pending=True, finished_at=now(), **values)

    def already_out(self, account: int, phones: Sequence[str]) -> int:
        """How many of *phones*, which are sorted and distinct, are opted out now."""
        count = 0
        for start in range(0, len(phones), _LOOK_UP):
            with self._database.read() as connection:
                count += self._standing(connection, account, phones[start : start + _LOOK_UP])
        return count

    def apply_batch(
        self,
        upload: Upload,
        phones: Sequence[tuple[str, int]],
        unreadable: Sequence[UnreadableRow],
        *,
        lease_seconds: float,
    ) -> Upload:
        """
        Opt out the next (phone, line) pairs, in phone order, and keep the next unreadable rows, in line order.

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
            keys = [phone for phone, _ in phones]
            already = self._standing(connection, found.account_id, keys) if keys else 0
            self._database.insert_rows(
                connection,
                opt_outs,
                ("account_id", "phone", "entry_id", "line"),
                [(found.account_id, phone, found.entry_id, line) for phone, line in phones],
            )
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

    def finish(self, upload: Upload) -> Upload:
        """Every row was stored: applying -> done, on disk before this returns."""
        with self._database.write() as connection:
            found = _fenced(connection, upload)
            _require(found, "applying")
            if found.applied != found.phones:
                raise StoreError(f"Only {found.applied:,} of {found.phones:,} phones of {found.file_name} are stored.")
            return _change(connection, found, state="done", pending=True, finished_at=now())

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

    def _standing(self, connection: sa.Connection, account: int, phones: Sequence[str]) -> int:
        query = standing(self._database, account, phones).subquery()
        return connection.execute(sa.select(sa.func.count()).select_from(query)).scalar_one()


_FIELDS = tuple(name for name in Upload.__dataclass_fields__ if name not in {"actor", "columns", "summary"})


def _upload_of(row: sa.RowMapping) -> Upload:
    return Upload(
        **{name: row[name] for name in _FIELDS},
        actor=Actor(row["actor_id"], row["actor_name"]),
        columns=tuple(row["columns"] or ()),
        summary=row["summary"] or {},
    )


def _one(account: int, upload: int) -> sa.ColumnElement[bool]:
    return sa.and_(uploads.c.account_id == account, uploads.c.id == upload)


def _get(connection: sa.Connection, account: int, upload: int) -> Upload:
    row = connection.execute(sa.select(uploads).where(_one(account, upload))).mappings().one_or_none()
    if row is None:
        raise StoreError(f"There is no upload {upload}.")
    return _upload_of(row)


def _locked(connection: sa.Connection, account: int, upload: int) -> Upload:
    """One upload, which stays as it is until the transaction ends."""
    query = sa.select(uploads).where(_one(account, upload)).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise StoreError(f"There is no upload {upload}.")
    return _upload_of(row)


def _fenced(connection: sa.Connection, upload: Upload) -> Upload:
    """*upload* as it stands, if it still is its holder's who asks."""
    found = _locked(connection, upload.account_id, upload.id)
    if (found.owner, found.fence) != (upload.owner, upload.fence):
        raise LeaseLost(f"Another worker has taken over {found.file_name}.")
    return found


def _change(connection: sa.Connection, upload: Upload, **values: Any) -> Upload:
    statement = sa.update(uploads).where(_one(upload.account_id, upload.id)).values(**values).returning(uploads)
    return _upload_of(connection.execute(statement).mappings().one())


_STANDING = {
    "received": "is still being read",
    "waiting": "was read and waits for a yes",
    "applying": "is being opted out already",
    "done": "was opted out already",
    "refused": "could not be read",
    "cancelled": "was cancelled",
    "stopped": "was stopped",
    "failed": "could not be finished",
    "undone": "was undone",
}


def _require(upload: Upload, *states: str) -> None:
    if upload.state not in states:
        again = " Drop the file again to start over." if upload.state in {"cancelled", "failed", "undone"} else ""
        raise WrongState(f"{upload.file_name} {_STANDING[upload.state]}.{again}")
