"""
The evidence of one number: every entry that touched it, with the moments, the exact words and who decided.

It is told from what the verbs keep, and says what they do not: which conversations the undo of a list re-opened is kept
as a number for the whole list alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from store.answers import DestinationAnswer, answers_of
from store.database import Database
from store.e164 import require_e164
from store.errors import NoAccount
from store.history import touching
from store.models import accounts, allow_requests, entries, opt_outs
from store.models import uploads as uploads_table
from store.notes import OPTING_OUT, Function, PlainWriter, entry_note, note
from store.records import Actor, OptOut, Upload
from store.rows import entries_of, entry_of, now, read_opt_outs
from store.upload_rows import upload_of

# Entries of one number, the newest of them: as many as a page holds, and a number in a thousand lists has told its story.
MOST_EVENTS: Final = 1_000


@dataclass(frozen=True, slots=True)
class ListSource:
    """
    The list by which an entry was made: its *file* with the SHA-256 of its bytes, and the *line* of the phone in it.

    *said*: what the list itself said of the phone, word for word. *channel_id* and *permalink*: of where it was dropped.
    *line* and *said* are None of an undo, and of what the list did not say.
    """

    upload: int
    file: str
    file_id: str
    sha256: str | None
    line: int | None
    said: str | None
    received_at: datetime
    dropped_by: Actor
    decided_by: Actor | None
    channel_id: str
    permalink: str | None


@dataclass(frozen=True, slots=True)
class SecondAdmin:
    """What became of a request that a second admin had to decide: its *state*, by whom and when, None while nobody did."""

    state: str
    decided_by: Actor | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reopened:
    """A conversation in which texts could go on; *name*: that of its campaign at the time."""

    campaign: str
    name: str
    contact: str


@dataclass(frozen=True, slots=True)
class EvidenceEvent:
    """
    One entry that touched the phone.

    *note*: the same in one sentence. *asked_by*: who handed the request over to whoever did it. *requested_at*: when the
    contact asked, None where nobody said. *heard_at*: when the desk was told. *effect_at*: since when it was so for the
    phone, of a list at the latest; None while a list is still at it, and of remarks and exports. *opts_out*: it is a reason
    not to text the phone. *taken_back_by*: the entry that took this reason back. *takes_back*: the entries whose reasons
    this one took back. *reopened*: None where it is not kept.
    """

    entry: int
    function: str
    note: str
    by: Actor
    asked_by: Actor | None
    requested_at: datetime | None
    heard_at: datetime
    effect_at: datetime | None
    cause: str | None
    reason: str | None
    channel_id: str | None
    channel_name: str | None
    message_ts: str | None
    permalink: str | None
    opts_out: bool
    taken_back_by: int | None
    takes_back: tuple[int, ...]
    from_list: ListSource | None
    second_admin: SecondAdmin | None
    reopened: tuple[Reopened, ...] | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    All that is known of *phone* on the list of the *account*, by its id in Slack, at *made_at*.

    *since*: when the oldest reason that still stands was made. *events*: oldest first, the newest `MOST_EVENTS`;
    *left_out*: how many older ones there are. *destinations*: what each made of how the phone is now. A phone that was never heard of has none, but for exports of this.
    """

    account: str
    account_name: str
    phone: str
    opted_out: bool
    since: datetime | None
    made_at: datetime
    left_out: int
    events: tuple[EvidenceEvent, ...]
    destinations: tuple[DestinationAnswer, ...] = ()

    @property
    def was_out(self) -> bool:
        """Whether the phone was ever opted out."""
        return self.left_out > 0 or any(event.opts_out for event in self.events)


class Evidences:
    """The verbs on evidence: get that of one number, or the answers of destinations alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account: int, phone: str) -> Evidence:
        """The evidence of *phone* in one consistent read, bounded in size. Raises `NotE164`, and `NoAccount`."""
        require_e164([phone])
        touched = touching(account, phone).subquery()
        newest = sa.select(touched.c[0]).order_by(touched.c[0].desc()).limit(MOST_EVENTS)
        with self._database.read() as connection:
            of = connection.execute(
                sa.select(accounts.c.slack_id, accounts.c.name, now().label("at")).where(accounts.c.id == account)
            ).one_or_none()
            if of is None:
                raise NoAccount(account)
            ids = list(connection.execute(newest).scalars())
            count = connection.execute(sa.select(sa.func.count()).select_from(touched)).scalar_one()
            since = connection.execute(_since(account, phone)).scalar_one()
            events = _events(connection, account, phone, ids)
            answers = answers_of(connection, account, phone)
        return Evidence(of.slack_id, of.name, phone, since is not None, since, of.at, count - len(ids), events, answers)

    def answers(self, account: int, phone: str) -> tuple[DestinationAnswer, ...]:
        """What each destination made of how *phone* is now, by their names, those that were removed last."""
        require_e164([phone])
        with self._database.read() as connection:
            return answers_of(connection, account, phone)


def _since(account: int, phone: str) -> sa.Select[Any]:
    """When the oldest standing opt-out of *phone* was made."""
    made = sa.and_(entries.c.account_id == opt_outs.c.account_id, entries.c.id == opt_outs.c.entry_id)
    oldest = sa.select(entries.c.at).select_from(opt_outs).join(entries, made)
    oldest = oldest.where(opt_outs.c.account_id == account, opt_outs.c.phone == phone, opt_outs.c.lifted_by.is_(None))
    return sa.select(oldest.order_by(opt_outs.c.entry_id).limit(1).scalar_subquery())


def _events(connection: sa.Connection, account: int, phone: str, ids: Sequence[int]) -> tuple[EvidenceEvent, ...]:
    """The events of the entries *ids*, oldest first."""
    mine = sa.select(opt_outs).where(opt_outs.c.account_id == account, opt_outs.c.phone == phone)
    mine = mine.where(sa.or_(opt_outs.c.entry_id.in_(ids), opt_outs.c.lifted_by.in_(ids)))
    made: dict[int, OptOut] = {}
    taken_back: dict[int, list[int]] = {}
    for one in read_opt_outs(connection, account, mine):
        made[one.entry.id] = one
        if one.lifted is not None:
            taken_back.setdefault(one.lifted.id, []).append(one.entry.id)
    rows = connection.execute(entries_of(account).where(entries.c.id.in_(ids)).order_by(entries.c.id)).mappings().all()
    upload_ids = {row["upload_id"] for row in rows} - {None}
    of_uploads = sa.select(uploads_table).where(
        uploads_table.c.account_id == account, uploads_table.c.id.in_(upload_ids)
    )
    uploads = {row["id"]: upload_of(row) for row in connection.execute(of_uploads).mappings()}
    asked = sa.select(allow_requests).where(
        allow_requests.c.account_id == account, allow_requests.c.phone == phone, allow_requests.c.entry_id.in_(ids)
    )
    seconds = {row["entry_id"]: _second_admin(row) for row in connection.execute(asked).mappings()}
    return tuple(
        _event(
            row,
            made.get(row["id"]),
            taken_back.get(row["id"], []),
            uploads.get(row["upload_id"]),
            seconds.get(row["id"]),
        )
        for row in rows
    )


def _event(
    row: sa.RowMapping,
    opt_out: OptOut | None,
    takes_back: Sequence[int],
    upload: Upload | None,
    second: SecondAdmin | None,
) -> EvidenceEvent:
    entry = entry_of(row)
    if entry.function == Function.UNDO:
        effect_at = upload.undone_at if upload else None
    elif entry.function == Function.UPLOAD:
        effect_at = upload.finished_at if upload else None
    else:
        effect_at = entry.at if entry.function in (*OPTING_OUT, Function.DELETE) else None
    heard_at = row["heard_at"]
    if heard_at is None:
        heard_at = upload.received_at if upload and entry.function == Function.UPLOAD else entry.at
    return EvidenceEvent(
        entry=entry.id,
        function=entry.function,
        note=entry_note(entry, PlainWriter()) if opt_out is None else note(opt_out, PlainWriter()),
        by=entry.actor,
        asked_by=entry.asked_by,
        requested_at=(opt_out.requested_at if opt_out else None) or entry.requested_at,
        heard_at=heard_at,
        effect_at=effect_at,
        cause=entry.cause,
        reason=entry.reason,
        channel_id=entry.channel_id,
        channel_name=entry.channel_name,
        message_ts=entry.message_ts,
        permalink=entry.permalink,
        opts_out=opt_out is not None,
        taken_back_by=opt_out.lifted.id if opt_out and opt_out.lifted else None,
        takes_back=tuple(sorted(takes_back)),
        from_list=None if upload is None else _source(upload, opt_out),
        second_admin=second,
        reopened=None if row["reopened"] is None else tuple(Reopened(*one) for one in row["reopened"]),
    )


def _source(upload: Upload, opt_out: OptOut | None) -> ListSource:
    return ListSource(
        upload=upload.id,
        file=upload.file_name,
        file_id=upload.file_id,
        sha256=upload.sha256,
        line=None if opt_out is None else opt_out.line,
        said=None if opt_out is None else opt_out.imported_note,
        received_at=upload.received_at,
        dropped_by=upload.actor,
        decided_by=upload.decider,
        channel_id=upload.channel_id,
        permalink=upload.permalink,
    )


def _second_admin(row: sa.RowMapping) -> SecondAdmin:
    decider = None if row["decider_id"] is None else Actor(row["decider_id"], row["decider_name"])
    return SecondAdmin(row["state"], decider, row["decided_at"])
