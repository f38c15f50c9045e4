"""The summary of an account, for App Home."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from store.clock import NO_CLOCK, WITHIN, Clock, Handled, clock_of, nearing_of, passed_on_of
from store.database import Database
from store.dialects import from_now
from store.handovers import HandoverState, handover_of
from store.models import Moment, accounts, entries, entry_phones, handovers, opt_outs, replies, uploads
from store.notes import OPTING_OUT, Function
from store.records import Upload
from store.replies.judge import Outcome
from store.takings import taken_of_entries
from store.upload_rows import is_shown, upload_of, wants_a_yes
from store.upload_states import UploadState
from store.waiting_replies import WAITS

# Entries and uploads, in which is looked for who did something.
_NEWEST: Final = 20
# Lists that wait, of a summary; whoever has more is told how many.
MOST_WAITING: Final = 20
# So long a reply may wait for a decision before it is told of.
_DECIDED_WITHIN: Final = timedelta(days=1)
# Entries, and lists, whose time is looked at.
_MOST_TIMED: Final = 10_000
# And of these the entries whose passing on is: each is looked for at each destination.
_MOST_PASSED_ON: Final = 1_000
_LIFTS: Final = entries.c.function == Function.DELETE


@dataclass(frozen=True, slots=True)
class Changes:
    """
    The changes of an account's list in a span of time, in people: each of their phones once, however often it was asked for.

    *opted_out*: people who were not out, by the function of the entry that did it, most first. *allowed*: people who were
    out and may be texted again. By the difference of the two the list is longer now than when the span began; so an upload
    that was applied and undone in it counts in neither, and somebody who was opted out and allowed again in both.
    """

    opted_out: Mapping[str, int] = field(default_factory=dict)
    allowed: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """
    The summary of an account at one moment.

    *opted_out*: phones that are out. *week* and *month*: the changes of the last 7 and 30 days. *latest*: uploads by which
    something was done, newest first. *waiting*: previews that wait for a yes, the oldest first, `MOST_WAITING` of
    *waiting_count*. *clock*: how long requests took, of the last 30 days, and what nears its day.
    *replies*: those on which nobody decided within a day.
    """

    opted_out: int
    week: Changes
    month: Changes
    latest: tuple[Upload, ...]
    waiting: tuple[Upload, ...]
    waiting_count: int
    clock: Clock = NO_CLOCK
    replies: int = 0


class Summaries:
    """The verbs on summaries: read one, and whether it may have changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, account: int, *, uploads_shown: int = 5) -> Summary:
        """The account's summary, in one consistent read."""
        with self._database.read() as connection:
            count = sa.select(sa.func.count()).select_from(uploads).where(*_waits(account))
            waiting = _waiting(connection, account)
            return Summary(
                opted_out=connection.execute(
                    sa.select(accounts.c.opted_out).where(accounts.c.id == account)
                ).scalar_one(),
                week=changes_within(connection, account, timedelta(days=7)),
                month=changes_within(connection, account, timedelta(days=30)),
                latest=_latest(connection, account, uploads_shown),
                waiting=waiting,
                waiting_count=connection.execute(count).scalar_one(),
                clock=read_clock(connection, account, waiting),
                replies=undecided_replies(connection, account),
            )

    def latest_of(self, account: int, actor: str, *, uploads_shown: int = 5) -> tuple[Upload, ...]:
        """The uploads of one person, by their id in Slack, by which something was done, newest first."""
        with self._database.read() as connection:
            return _latest(connection, account, uploads_shown, uploads.c.actor_id == actor)

    def version(self, account: int) -> str:
        """A version that changes whenever the summary may have; cheap enough to ask every few seconds."""
        last = sa.select(accounts.c.last_entry, accounts.c.name, accounts.c.country, accounts.c.settings)
        states = sa.select(uploads.c.id, uploads.c.state).where(uploads.c.account_id == account, is_shown())
        with self._database.read() as connection:
            row = connection.execute(last.where(accounts.c.id == account)).one()
            latest = connection.execute(states.order_by(uploads.c.id.desc()).limit(_NEWEST)).all()
            waiting = [(upload.id, upload.fingerprint) for upload in _waiting(connection, account)]
            undecided = undecided_replies(connection, account)
        return repr((*row, latest, waiting, undecided))

    def acts(self, account: int) -> dict[str, datetime]:
        """When somebody last changed the list or dropped one, by the person's id; of the newest entries and uploads only."""
        made = sa.select(entries.c.actor_id, entries.c.at).where(entries.c.account_id == account)
        dropped = sa.select(uploads.c.actor_id, uploads.c.received_at).where(uploads.c.account_id == account)
        with self._database.read() as connection:
            rows = [
                *connection.execute(made.order_by(entries.c.id.desc()).limit(_NEWEST)),
                *connection.execute(dropped.order_by(uploads.c.id.desc()).limit(_NEWEST)),
            ]
        return {row.actor_id: row[1] for row in sorted(rows, key=lambda row: row[1])}


def _waits(account: int) -> tuple[sa.ColumnElement[bool], ...]:
    return uploads.c.account_id == account, uploads.c.state == UploadState.WAITING, wants_a_yes()


def _waiting(connection: sa.Connection, account: int) -> tuple[Upload, ...]:
    query = sa.select(uploads).where(*_waits(account)).order_by(uploads.c.waiting_since, uploads.c.id)
    return tuple(upload_of(row) for row in connection.execute(query.limit(MOST_WAITING)).mappings())


def _latest(connection: sa.Connection, account: int, limit: int, *where: sa.ColumnElement[bool]) -> tuple[Upload, ...]:
    did_something = sa.or_(uploads.c.entry_id.is_not(None), uploads.c.state == UploadState.SCRUBBED)
    query = sa.select(uploads).where(uploads.c.account_id == account, did_something, *where)
    return tuple(
        upload_of(row) for row in connection.execute(query.order_by(uploads.c.id.desc()).limit(limit)).mappings()
    )


def changes_within(connection: sa.Connection, account: int, within: timedelta) -> Changes:
    """The changes since *within* ago. Reads the entries since then, and what else is known of the phones they are about."""
    since = from_now(-within.total_seconds())
    older = sa.select(entries.c.id).where(entries.c.account_id == account, entries.c.at < since)
    # Backwards along the key, as far as the span reaches: there is no index by time.
    first: int = connection.execute(older.order_by(entries.c.id.desc()).limit(1)).scalar() or 0
    opted_out: dict[str, int] = {}
    allowed = 0
    for function, out, again in connection.execute(_by_hand(account, first)):
        allowed += int(again)
        if out:
            opted_out[function] = int(out)
    stored, undone, undone_of_before = (int(number) for number in connection.execute(_by_upload(account, first)).one())
    allowed += undone_of_before + max(0, -undone)
    if listed := stored + max(0, undone):
        opted_out[Function.UPLOAD] = listed
    return Changes(dict(sorted(opted_out.items(), key=lambda item: (-item[1], item[0]))), allowed)


def undecided_replies(connection: sa.Connection, account: int, at: datetime | None = None) -> int:
    """How many of the account's replies wait that were heard more than a day before *at*, which is now where it is not given."""
    long_ago = from_now(-_DECIDED_WITHIN.total_seconds()) if at is None else at - _DECIDED_WITHIN
    query = sa.select(sa.func.count()).where(replies.c.account_id == account, WAITS, replies.c.heard_at < long_ago)
    return connection.execute(query).scalar_one()


def read_clock(connection: sa.Connection, account: int, lists_waiting: Iterable[Upload]) -> Clock:
    """
    The account's clock, of the newest `_MOST_TIMED` entries and lists of its last days, and of what waits.

    *lists_waiting*: the oldest lists that wait for a yes; as many as `MOST_WAITING` handovers are looked at besides, and as many
    replies that wait and may ask for no more texts.
    """
    now, country = connection.execute(sa.select(from_now(), accounts.c.country).where(accounts.c.id == account)).one()
    since = from_now(-WITHIN.total_seconds())
    moments = entries.c["id", "at", "function", "upload_id", "requested_at", "heard_at", "last_change"]
    mine = sa.select(*moments, *entries.c["actor_id", "actor_name"]).where(entries.c.account_id == account)
    newest = mine.order_by(entries.c.id.desc()).limit(_MOST_TIMED).subquery()
    asked_at = sa.func.coalesce(newest.c.requested_at, newest.c.heard_at, type_=Moment)
    by_hand = newest.c.at >= since, newest.c.function.in_(OPTING_OUT), newest.c.upload_id.is_(None)
    at_once = sa.select(sa.func.count()).select_from(newest).where(*by_hand, asked_at.is_(None))
    later = sa.select(newest.c.id, asked_at, newest.c.at).where(*by_hand, asked_at.is_not(None))
    requested = uploads.c.summary["requested"].as_string()
    which = uploads.c.entry_id, uploads.c.id, uploads.c.file_name
    lists = sa.select(*which, uploads.c.received_at, uploads.c.finished_at, requested)
    lists = lists.where(
        uploads.c.account_id == account, uploads.c.entry_id.is_not(None), uploads.c.finished_at >= since
    )
    handled = {entry: Handled(asked, at) for entry, asked, at in connection.execute(later)}
    for entry, number, file, received_at, finished_at, oldest in connection.execute(
        lists.order_by(uploads.c.id.desc()).limit(_MOST_TIMED)
    ):
        asked = received_at if oldest is None else datetime.fromisoformat(oldest)
        handled[entry] = Handled(asked, finished_at, number, file)
    handed_over = sa.select(handovers).where(
        handovers.c.account_id == account,
        handovers.c.state == HandoverState.OPEN,
        handovers.c.errand == "optout.add",
    )
    oldest_first = handed_over.order_by(handovers.c.asked_at).limit(MOST_WAITING)
    waiting = [handover_of(row) for row in connection.execute(oldest_first).mappings()]
    asks = replies.c.account_id == account, WAITS, replies.c.outcome == Outcome.ASK
    heard = sa.select(replies.c.heard_at).where(*asks).order_by(replies.c.heard_at).limit(MOST_WAITING)
    nearing = nearing_of(now, country, lists_waiting, waiting, connection.execute(heard).scalars())
    clock = clock_of(tuple(handled.values()), connection.execute(at_once).scalar_one(), nearing)
    opting_out = sa.select(newest).where(newest.c.at >= since, newest.c.function.in_(OPTING_OUT))
    timed = opting_out.order_by(newest.c.id.desc()).limit(_MOST_PASSED_ON).subquery()
    taken, destinations = taken_of_entries(connection, account, timed)
    if not destinations:
        return clock
    heard_then = timed.c.upload_id.is_(None), timed.c.requested_at.is_(None), timed.c.heard_at.is_(None)
    handled |= {
        entry: Handled(at, at) for entry, at in connection.execute(sa.select(timed.c.id, timed.c.at).where(*heard_then))
    }
    return replace(clock, passed_on=passed_on_of(handled, taken, destinations))


def _by_hand(account: int, first: int) -> sa.Select[Any]:
    """People opted out, and people allowed again, by each function of entries after *first* that were made by hand."""
    # Plus zero, or SQLite applies the span to both and reads all of its phones for each of its entries.
    of_entry = sa.and_(entries.c.account_id == account, entries.c.id == entry_phones.c.entry_id + 0)
    earlier = opt_outs.alias()
    was_out = (
        sa.exists()
        .where(earlier.c.account_id == account, earlier.c.phone == entry_phones.c.phone)
        .where(earlier.c.entry_id < entry_phones.c.entry_id)
        .where(sa.or_(earlier.c.lifted_by.is_(None), earlier.c.lifted_by > entry_phones.c.entry_id))
    )
    touched = (
        sa.select(entry_phones.c.phone, entry_phones.c.entry_id, sa.case((_LIFTS, -1), else_=1).label("step"))
        .join(entries, of_entry)
        .where(entry_phones.c.account_id == account, entry_phones.c.entry_id > first)
        .where(sa.or_(_LIFTS, sa.and_(entries.c.function.in_(OPTING_OUT), ~was_out)))
        .subquery()
    )
    went_out = sa.case((touched.c.step == 1, touched.c.entry_id))
    came_back = sa.case((touched.c.step == -1, touched.c.entry_id))
    # One row a person: whoever went out and came back again and again did it once.
    people = (
        sa.select(
            sa.func.sum(touched.c.step).label("net"),
            sa.func.max(went_out).label("entry_id"),
            sa.func.coalesce(sa.func.min(went_out) < sa.func.min(came_back), sa.false()).label("and_back"),
        )
        .group_by(touched.c.phone)
        .subquery()
    )
    both = sa.and_(people.c.net == 0, people.c.and_back)
    out = sa.case((people.c.net > 0, people.c.net), (both, 1), else_=0)
    again = sa.case((people.c.net < 0, -people.c.net), (both, 1), else_=0)
    by = sa.and_(entries.c.account_id == account, entries.c.id == people.c.entry_id)
    return (
        sa.select(entries.c.function, sa.func.sum(out), sa.func.sum(again))
        .select_from(people)
        .outerjoin(entries, by)
        .group_by(entries.c.function)
    )


def _by_upload(account: int, first: int) -> sa.Select[Any]:
    """
    Phones that uploads after the entry *first* opted out; that those which were undone left out; that undone older ones allowed.

    The second is below zero where an undo allowed more than its upload had newly opted out.
    """
    counts, is_new = uploads.c, uploads.c.entry_id > first
    stands = sa.and_(is_new, counts.undo_entry_id.is_(None))
    undone = sa.and_(is_new, counts.undo_entry_id.is_not(None))
    undone_of_before = sa.and_(~is_new, counts.undo_entry_id > first)
    return sa.select(
        *(
            sa.func.coalesce(sa.func.sum(sa.case((where, number), else_=0)), 0)
            for where, number in (
                (stands, counts.newly_opted_out),
                (undone, counts.newly_opted_out - counts.opted_in),
                (undone_of_before, counts.opted_in),
            )
        )
    ).where(counts.account_id == account, counts.entry_id.is_not(None))
