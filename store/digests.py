"""The weekly digest: what happened to an account's list, and which one of the replicas says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from store.database import Database
from store.models import accounts, digests, entries, entry_phones, opt_outs, uploads
from store.notes import OPTING_OUT
from store.records import Account, Actor, Upload
from store.rows import account_of, now
from store.upload_rows import upload_of
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
    One account's week until *end*.

    *by_function* and *by_person*: requests to opt a phone out, most first, the latter of the busiest five people.
    *reappearing*: how many phones of this week's lists stood in at least two earlier ones, and the five that did most,
    with the number of lists. *expired*: previews nobody confirmed in time. *waiting*: how many wait; *oldest* of them.
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


class Digests:
    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, at: datetime, *, lease_seconds: float) -> tuple[Account, datetime] | None:
        """
        An account that wants a digest and has not got that of the week that ended last, and when that week ended.

        The caller has *lease_seconds* to send it and say `done`; nobody else gets the same one meanwhile.
        """
        end = _last_end(at)
        taken = sa.select(digests.c.account_id).where(
            digests.c.week == end, sa.or_(digests.c.done_at.is_not(None), digests.c.lease_until > at)
        )
        query = sa.select(accounts).where(accounts.c.id.not_in(taken)).order_by(accounts.c.id)
        with self._database.read() as connection:
            found = [account_of(row) for row in connection.execute(query).mappings()]
        for account in found:
            if account.settings.digest_channel is None:
                continue
            until = at + timedelta(seconds=lease_seconds)
            mine = self._database.insert(digests).values(account_id=account.id, week=end, lease_until=until)
            mine = mine.on_conflict_do_update(
                index_elements=["account_id", "week"],
                set_={"lease_until": until},
                where=sa.and_(digests.c.done_at.is_(None), digests.c.lease_until <= at),
            )
            with self._database.write() as connection:
                if connection.execute(mine.returning(digests.c.week)).first() is not None:
                    return account, end
        return None

    def done(self, account: int, end: datetime) -> None:
        """That week's digest was sent, or never will be."""
        with self._database.write() as connection:
            mine = sa.and_(digests.c.account_id == account, digests.c.week == end)
            connection.execute(sa.update(digests).where(mine).values(done_at=now()))

    def get(self, account: Account, end: datetime) -> Digest:
        """The account's week until *end*; reads its opt-outs once when lists were applied in it."""
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
        expired = sa.select(uploads).where(mine, uploads.c.state == UploadState.EXPIRED)
        expired = expired.where(uploads.c.finished_at >= start, uploads.c.finished_at < end).order_by(uploads.c.id)
        waiting = (
            sa.select(uploads).where(mine, uploads.c.state == UploadState.WAITING).order_by(uploads.c.waiting_since)
        )
        functions: dict[str, int] = {}
        people: dict[Actor, int] = {}
        with self._database.read() as connection:
            for query in (by_hand, by_list):
                for function, actor_id, actor_name, phones in connection.execute(query):
                    actor = Actor(actor_id, actor_name)
                    functions[function] = functions.get(function, 0) + int(phones)
                    people[actor] = people.get(actor, 0) + int(phones)
            held = [upload_of(row) for row in connection.execute(waiting).mappings()]
            gone = tuple(upload_of(row) for row in connection.execute(expired).mappings())
            again = _reappearing(connection, account.id, start, end)
        return Digest(
            account,
            end,
            dict(sorted(functions.items(), key=lambda item: (-item[1], item[0]))),
            tuple(sorted(people.items(), key=lambda item: (-item[1], item[0].id))[:MOST_PEOPLE]),
            len(again),
            tuple(again[:MOST_PHONES]),
            gone,
            len(held),
            held[0] if held else None,
        )


def _last_end(at: datetime) -> datetime:
    """The last Monday, 14:00 UTC, that is not after *at*."""
    at = at.astimezone(UTC)
    monday = (at - timedelta(days=at.weekday())).replace(hour=_HOUR, minute=0, second=0, microsecond=0)
    return monday if monday <= at else monday - WEEK


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
