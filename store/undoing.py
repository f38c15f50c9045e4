"""
Undo of an upload, a range of the account's list at a time. For `Uploads`, inside its transactions.

There is no index by entry: it would be half as large as the list itself, and be paid for with every opt-out. An
upload's opt-outs are found by walking through the account's in phone order, and each span is one range of the key.
"""

from typing import NamedTuple

import sqlalchemy as sa

from store.models import accounts, campaigns, conversations, opt_outs, replies
from store.optouts import any_between
from store.records import UndoPreview, Upload
from store.waiting_replies import settle_starts

# A span is so many of the account's opt-outs at the most; looking at them takes some hundredths of a second.
LONGEST = 200_000


class PhoneRange(NamedTuple):
    """The phones after *after*, up to *end*."""

    after: str
    end: str

    def has(self, column: sa.ColumnElement[str]) -> tuple[sa.ColumnElement[bool], ...]:
        return column > self.after, column <= self.end


def next_range(connection: sa.Connection, upload: Upload, after: str, batch: int) -> PhoneRange:
    """The range after phone *after*: with about *batch* opt-outs of the upload, and never more."""
    query = sa.select(accounts.c.opted_out).where(accounts.c.id == upload.account_id)
    all_ = connection.execute(query).scalar_one()
    size = min(LONGEST, max(batch, batch * all_ // max(1, upload.applied)))
    end = _nth(connection, upload, PhoneRange(after, upload.last_phone), size)
    if size == batch:
        return PhoneRange(after, end)
    # The upload's may lie closer together here than elsewhere.
    own = opt_outs.c.entry_id == upload.entry_id
    return PhoneRange(after, _nth(connection, upload, PhoneRange(after, end), batch, own))


def _nth(
    connection: sa.Connection, upload: Upload, span: PhoneRange, place: int, *where: sa.ColumnElement[bool]
) -> str:
    """The phone of the opt-out at *place* of those of *span*; its end when there are fewer."""
    # One bound on each side: of two, SQLite may walk up to the farther one.
    query = sa.select(opt_outs.c.phone).where(opt_outs.c.account_id == upload.account_id, *where)
    query = query.where(*span.has(opt_outs.c.phone)).order_by(opt_outs.c.phone).offset(place - 1).limit(1)
    return connection.execute(query).scalar() or span.end


def preview_range(connection: sa.Connection, upload: Upload, span: PhoneRange) -> UndoPreview:
    """The effect that lifting the upload's standing opt-outs of *span* would have."""
    mine = *_own(upload, span), opt_outs.c.lifted_by.is_(None)
    held = _held_otherwise(upload)
    counts = sa.select(sa.func.count(), sa.func.count(sa.case((held, 1)))).where(*mine)
    all_, kept = connection.execute(counts).one()
    talks = conversations.c
    again = (
        sa.select(sa.func.count())
        .select_from(opt_outs)
        .join(
            conversations,
            sa.and_(talks.account_id == opt_outs.c.account_id, talks.phone == opt_outs.c.phone),
        )
        .where(*mine, ~held, talks.state == "opted out", talks.campaign_id.in_(_active(upload)))
    )
    return UndoPreview(all_ - kept, kept, connection.execute(again).scalar_one())


def lift(connection: sa.Connection, upload: Upload, span: PhoneRange) -> UndoPreview:
    """Lift the upload's standing opt-outs of *span* and re-open conversations with who is opted in; what that did."""
    lifted = connection.execute(
        sa.update(opt_outs)
        .where(*_own(upload, span), opt_outs.c.lifted_by.is_(None))
        .values(lifted_by=upload.undo_entry_id)
    ).rowcount
    mine = *_own(upload, span), opt_outs.c.lifted_by == upload.undo_entry_id
    standing = opt_outs.c.account_id == upload.account_id, opt_outs.c.lifted_by.is_(None)
    kept = 0
    # Most stretches have neither: one look at the range each, instead of one for each phone.
    if any_between(connection, opt_outs.c.phone, span.after, span.end, *standing):
        count = sa.select(sa.func.count()).where(*mine, _held_otherwise(upload))
        kept = connection.execute(count).scalar_one()
    closed = conversations.c.account_id == upload.account_id, conversations.c.state == "opted out"
    reopened = 0
    if any_between(connection, conversations.c.phone, span.after, span.end, *closed):
        of_phone = opt_outs.c.phone == conversations.c.phone
        reopened = connection.execute(
            sa.update(conversations)
            .where(*closed, *span.has(conversations.c.phone), conversations.c.campaign_id.in_(_active(upload)))
            .where(sa.exists().where(*mine, of_phone), ~sa.exists().where(*standing, of_phone))
            .values(state="open")
        ).rowcount
    if lifted:
        assert upload.undo_entry_id is not None  # noqa: S101  it is being undone
        settle_starts(connection, upload.account_id, upload.undo_entry_id, *span.has(replies.c.phone))
    return UndoPreview(lifted - kept, kept, reopened)


def _own(upload: Upload, span: PhoneRange) -> tuple[sa.ColumnElement[bool], ...]:
    own = opt_outs.c.account_id == upload.account_id, opt_outs.c.entry_id == upload.entry_id
    return *own, *span.has(opt_outs.c.phone)


def _held_otherwise(upload: Upload) -> sa.ColumnElement[bool]:
    """Something else than the upload opts the phone of an opt-out out."""
    other = opt_outs.alias()
    return (
        sa.exists()
        .where(other.c.account_id == upload.account_id, other.c.phone == opt_outs.c.phone)
        .where(other.c.entry_id != upload.entry_id, other.c.lifted_by.is_(None))
    )


def _active(upload: Upload) -> sa.Select[str]:
    return sa.select(campaigns.c.id).where(campaigns.c.account_id == upload.account_id, campaigns.c.active)
