"""The weekly digest: its figures, and the lease under which one of the replicas sends it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from store import leases
from store.clock import NO_CLOCK, Clock
from store.database import Database
from store.errors import StoreError
from store.leases import Lease
from store.models import accounts, digests, entries, entry_phones, opt_outs, uploads
from store.notes import OPTING_OUT
from store.records import Account, Actor, Upload
from store.rows import account_of, now
from store.summary import MOST_WAITING, read_clock, undecided_replies
from store.upload_rows import upload_of, wants_a_yes
from store.upload_states import UploadState

# Monday, 14:00 UTC: the working week begins on both coasts of the United States.
_HOUR = 14
WEEK = timedelta(days=7)
MOST_PEOPLE = 5
MOST_PHONES = 5
# In so many lists, the newest of them this week, a number keeps coming back.
REAPPEARING = 3


@dataclass(frozen=True, slots=True)
class Digest:
    """
    The figures of one account's week until *end*.

    *by_function* and *by_person*: requests to opt a phone out, most first, the latter of the busiest five people.
    *reappearing*: how many phones of this week's lists stood in at least two earlier ones, and the five that did most,
    with the number of lists. *expired*: previews nobody confirmed in time. *waiting*: how many wait; *oldest* of them.
    *clock*: that of the moment it is read. *replies*: those on which nobody decided within a day.
    """

    account: Account
    end: datetime
    by_function: Mapping[str, int]
    by_person: tuple[tuple[Actor, int], ...]
    reappearing: int
    most_often: tuple[tuple[str, int], ...]
    expired: tuple[Upload, ...]
    waiting: int
    oldest: Upload | None
    clock: Clock = NO_CLOCK
    replies: int = 0


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest to be sent, of the *account*'s week until *end*, under a *lease*."""

    account: Account
    end: datetime
    lease: Lease


class Digests:
    """The verbs on digests: claim one that is due, read its figures, end it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, at: datetime, *, owner: str, lease_seconds: float) -> DueDigest | None:
        """
        A digest that is due at that moment: of an account that wants one and has not got that of the week that ended last.

        The caller has *lease_seconds* to send it and say `done`; nobody else gets the same one meanwhile.
        """
        end = _last_end(at)
        sent = sa.select(digests.c.account_id).where(digests.c.week == end, digests.c.done_at.is_not(None))
        mine = self._database.served.among(accounts.c.id)
        query = sa.select(accounts).where(accounts.c.id.not_in(sent), mine).order_by(accounts.c.id)
        with self._database.read() as connection:
            unsent = [account_of(row) for row in connection.execute(query).mappings()]
        for account in unsent:
            if account.settings.digest_channel is None:
                continue
            open_ = digests.c.account_id == account.id, digests.c.week == end, digests.c.done_at.is_(None)
            new = self._database.insert(digests).values(account_id=account.id, week=end, **leases.given_back())
            new = new.on_conflict_do_nothing(index_elements=["account_id", "week"])
            with self._database.write() as connection:
                connection.execute(new)
            row = leases.claim(
                self._database, digests, sa.select(digests).where(*open_), owner, lease_seconds=lease_seconds
            )
            if row is not None:
                return DueDigest(account, end, leases.lease_of(row))
        return None

    def give_back(self, due: DueDigest) -> None:
        """
        Give *due* back, which could not be sent now: whoever looks next may send it.

        Raises `LeaseLost` when somebody else took it over.
        """
        self._change(due, **leases.given_back())

    def done(self, due: DueDigest) -> None:
        """End *due*: it was sent, or never will be. Raises `LeaseLost` when somebody else took it over."""
        self._change(due, done_at=now(), **leases.given_back())

    def _change(self, due: DueDigest, **values: Any) -> None:
        mine = digests.c.account_id == due.account.id, digests.c.week == due.end
        with self._database.write() as connection:
            leases.change(connection, digests, mine, due.lease, **values)

    def get(self, account: Account, end: datetime) -> Digest:
        """The account's week until *end*; reads its opt-outs once when lists were applied in it."""
        with _in_the_calendar():
            start = end - WEEK
        week = entries.c.account_id == account.id, entries.c.at >= start, entries.c.at < end
        by_hand = (
            sa.select(entries.c.function, entries.c.actor_id, entries.c.actor_name, sa.func.count().label("phones"))
            .join(
                entry_phones,
                sa.and_(entry_phones.c.account_id == entries.c.account_id, entry_phones.c.entry_id == entries.c.id),
            )
            .where(*week, entries.c.function.in_(OPTING_OUT))
            .group_by(entries.c.function, entries.c.actor_id, entries.c.actor_name)
        )
        stored = uploads.c.newly_opted_out + uploads.c.already_opted_out
        by_list = (
            sa.select(entries.c.function, entries.c.actor_id, entries.c.actor_name, sa.func.sum(stored).label("phones"))
            .join(uploads, sa.and_(uploads.c.account_id == entries.c.account_id, uploads.c.entry_id == entries.c.id))
            .where(*week)
            .group_by(entries.c.function, entries.c.actor_id, entries.c.actor_name)
        )
        mine = uploads.c.account_id == account.id
        expired = sa.select(uploads).where(mine, wants_a_yes(), uploads.c.state == UploadState.EXPIRED)
        expired = expired.where(uploads.c.finished_at >= start, uploads.c.finished_at < end).order_by(uploads.c.id)
        waiting = (
            sa.select(uploads)
            .where(mine, wants_a_yes(), uploads.c.state == UploadState.WAITING)
            .order_by(uploads.c.waiting_since)
        )
        functions: dict[str, int] = {}
        people: dict[Actor, int] = {}
        with self._database.read() as connection:
            for query in (by_hand, by_list):
                for function, actor_id, actor_name, phones in connection.execute(query):
                    actor = Actor(actor_id, actor_name)
                    functions[function] = functions.get(function, 0) + int(phones)
                    people[actor] = people.get(actor, 0) + int(phones)
            waiting_uploads = [upload_of(row) for row in connection.execute(waiting).mappings()]
            expired_uploads = tuple(upload_of(row) for row in connection.execute(expired).mappings())
            left = undecided_replies(connection, account.id, end)
            reappearing = _reappearing(connection, account.id, start, end)
            clock = read_clock(connection, account.id, waiting_uploads[:MOST_WAITING])
        return Digest(
            account,
            end,
            dict(sorted(functions.items(), key=lambda item: (-item[1], item[0]))),
            tuple(sorted(people.items(), key=lambda item: (-item[1], item[0].id))[:MOST_PEOPLE]),
            len(reappearing),
            tuple(reappearing[:MOST_PHONES]),
            expired_uploads,
            len(waiting_uploads),
            waiting_uploads[0] if waiting_uploads else None,
            clock,
            left,
        )


def _last_end(at: datetime) -> datetime:
    """The last Monday, 14:00 UTC, that is not after *at*."""
    with _in_the_calendar():
        at = at.astimezone(UTC)
        monday = (at - timedelta(days=at.weekday())).replace(hour=_HOUR, minute=0, second=0, microsecond=0)
        return monday if monday <= at else monday - WEEK


@contextmanager
def _in_the_calendar() -> Iterator[None]:
    """Around what counts days: `StoreError` for a moment before the first of the calendar's weeks, or behind its last."""
    try:
        yield
    except OverflowError as error:
        raise StoreError("The calendar has no whole week there: ask for one between the years 2 and 9998.") from error


def _reappearing(connection: sa.Connection, account: int, start: datetime, end: datetime) -> list[tuple[str, int]]:
    lists = sa.select(entries.c.id).where(
        entries.c.account_id == account, entries.c.function == "upload", entries.c.at < end
    )
    first = connection.execute(
        sa.select(sa.func.min(entries.c.id)).where(
            entries.c.account_id == account, entries.c.function == "upload", entries.c.at >= start, entries.c.at < end
        )
    ).scalar_one()
    if first is None:
        return []
    times = sa.func.count().label("times")
    query = (
        sa.select(opt_outs.c.phone, times)
        .where(opt_outs.c.account_id == account, opt_outs.c.entry_id.in_(lists))
        .group_by(opt_outs.c.phone)
        .having(sa.and_(times >= REAPPEARING, sa.func.max(opt_outs.c.entry_id) >= first))
        .order_by(sa.desc("times"), opt_outs.c.phone)
    )
    return [(phone, int(number)) for phone, number in connection.execute(query)]
