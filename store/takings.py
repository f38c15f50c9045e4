"""
Takings: when each destination took what changed. Private to the store.

There is a row for each page that one took: the cursor behind it, and the moment. When it took a phone follows from the change that
made the phone's state, by the first page that ends behind it; in a reading of the whole list from where that stood among the phones.
Only a phone that it did not take with its page has a row of its own. They stay, as the evidence that they are, also of a
destination that is removed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from store.changes import ChangeCursor
from store.database import Database
from store.keys import is_by_key
from store.models import (
    Moment,
    changes,
    destination_delays,
    destination_failures,
    destination_takings,
    destinations,
    entries,
    entry_phones,
    opt_outs,
    removed_destinations,
)
from store.records import Actor
from store.rows import now

_TAKINGS: Final = destination_takings.c
_DELAYS: Final = destination_delays.c


@dataclass(frozen=True, slots=True)
class StateChange:
    """
    What made *phone* as it is, *opted_out* or not: an entry *by* whom, at the moment *at*.

    *place*: where a follower of the feed is that was just told of it. Of a list whose changes are pruned behind all of it.
    """

    phone: str
    opted_out: bool
    by: Actor
    at: datetime
    place: ChangeCursor

    @property
    def seq(self) -> int:
        """Its number in the feed."""
        return self.place.seq + (1 if self.place.phone else 0)


# For the verbs of destinations, inside their transactions.


def note_page(
    database: Database, connection: sa.Connection, account: int, destination: str, cursor: ChangeCursor
) -> None:
    """Keep that *destination* took what lies before *cursor*, now. To be written behind what it did not take of it."""
    row = {
        "account_id": account,
        "destination_id": destination,
        "whole": cursor.whole,
        "seq": cursor.seq,
        "phone": cursor.phone,
        "at": now(),
    }
    # What was read twice, as after a backup was restored, was taken the first time.
    connection.execute(database.insert(destination_takings).values(row).on_conflict_do_nothing())


def note_late(
    database: Database,
    connection: sa.Connection,
    account: int,
    destination: str,
    late: Iterable[tuple[str, str, datetime]],
) -> None:
    """Keep that *destination* took, now, the phones of *late*, each with why it had not done so, and since when."""
    rows = [
        {
            "account_id": account,
            "destination_id": destination,
            "phone": phone,
            "failed_at": failed_at,
            "problem": problem,
            "taken_at": now(),
        }
        for phone, problem, failed_at in late
    ]
    if rows:
        connection.execute(database.insert(destination_delays).values(rows).on_conflict_do_nothing())


def note_removal(database: Database, connection: sa.Connection, account: int, destination: str) -> None:
    """Keep the name of *destination*, which is about to be removed, and what it did not take."""
    columns = destinations.c["account_id", "id", "kind", "name", "key_name"]
    of_it = destinations.c.account_id == account, destinations.c.id == destination
    removed = sa.select(*columns, now()).where(*of_it)
    names = (*columns.keys(), "removed_at")
    connection.execute(sa.insert(removed_destinations).from_select(names, removed))
    kept = destination_failures.c["account_id", "destination_id", "phone", "at", "problem"]
    failed = destination_failures.c.account_id == account, destination_failures.c.destination_id == destination
    names = ("account_id", "destination_id", "phone", "failed_at", "problem")
    delays = database.insert(destination_delays).from_select(names, sa.select(*kept).where(*failed))
    connection.execute(delays.on_conflict_do_nothing())


# For who asks.


def state_change(connection: sa.Connection, account: int, phone: str) -> StateChange | None:
    """What made *phone* as it is now; None where it never was on the list."""
    mine = opt_outs.c.account_id == account, opt_outs.c.phone == phone
    rows = connection.execute(sa.select(opt_outs.c.entry_id, opt_outs.c.lifted_by).where(*mine)).all()
    if not rows:
        return None
    standing = [made for made, lifted_by in rows if lifted_by is None]
    # As of `store.changes.ChangedPhone.since`; of one that is in again, whatever was lifted last.
    wanted = [min(standing)] if standing else sorted({lifted_by for _, lifted_by in rows})
    columns = entries.c["id", "actor_id", "actor_name", "at", "upload_id", "last_change"]
    newest = sa.func.coalesce(entries.c.last_change, 0).desc(), entries.c.id.desc()
    query = sa.select(*columns).where(entries.c.account_id == account, entries.c.id.in_(wanted)).order_by(*newest)
    entry = connection.execute(query.limit(1)).one()
    made = partial(StateChange, phone, bool(standing), Actor(entry.actor_id, entry.actor_name), entry.at)
    if entry.upload_id is None and entry.last_change is not None:
        return made(ChangeCursor(entry.last_change - 1, phone))
    # A list makes many, in the order of phones.
    of_entry = changes.c.account_id == account, changes.c.entry_id == entry.id
    spans = changes.c.first_phone <= phone, changes.c.last_phone >= phone
    query = sa.select(changes.c.seq).where(*of_entry, *spans)
    if entry.last_change is not None:
        query = query.where(changes.c.seq <= entry.last_change)
    seq = connection.execute(query.order_by(changes.c.seq.desc()).limit(1)).scalar()
    return made(ChangeCursor(entry.last_change or 0) if seq is None else ChangeCursor(seq - 1, phone))


def is_past(cursor: ChangeCursor | None, change: StateChange) -> bool:
    """Whether a follower of the feed that has come to *cursor* was told of *change*."""
    if cursor is None:
        return False
    if cursor.whole:
        return cursor.phone >= change.phone and cursor.seq >= change.seq
    return cursor >= change.place


@dataclass(frozen=True, slots=True)
class Delay:
    """Since when a destination did not take a phone, and why; *taken_at*: when it did at last, None where it was removed before."""

    failed_at: datetime
    problem: str
    taken_at: datetime | None


def page_of(connection: sa.Connection, account: int, destination: str, change: StateChange) -> sa.Row[Any] | None:
    """The first page of *destination* with *change* on it: *at*, None where that is not kept; None where it took no such page."""
    mine = _TAKINGS.account_id == account, _TAKINGS.destination_id == destination
    page = sa.select(_TAKINGS.at).where(*mine).order_by(_TAKINGS.seq, _TAKINGS.phone).limit(1)
    place = sa.tuple_(sa.literal(change.place.seq), sa.literal(change.place.phone))
    behind = page.where(_TAKINGS.whole.is_(False), sa.tuple_(_TAKINGS.seq, _TAKINGS.phone) >= place)
    of_list = page.where(_TAKINGS.whole.is_(True), _TAKINGS.seq >= change.seq, _TAKINGS.phone >= change.phone)
    found = [row for query in (of_list, behind) if (row := connection.execute(query).one_or_none()) is not None]
    unkept = next((row for row in found if row.at is None), None)
    return unkept or min(found, key=lambda row: row.at, default=None)


def delay_of(connection: sa.Connection, account: int, destination: str, phone: str, taken_at: datetime) -> Delay | None:
    """The delay of *phone* in which *destination* was as it took the phone's page, at *taken_at*; None where it took the phone too."""
    mine = _DELAYS.account_id == account, _DELAYS.destination_id == destination, _DELAYS.phone == phone
    query = sa.select(_DELAYS.failed_at, _DELAYS.problem, _DELAYS.taken_at).where(*mine, _DELAYS.failed_at <= taken_at)
    query = query.where(sa.or_(_DELAYS.taken_at.is_(None), _DELAYS.taken_at >= taken_at))
    row = connection.execute(query.order_by(_DELAYS.failed_at.desc()).limit(1)).one_or_none()
    return None if row is None else Delay(*row)


def taken_of_entries(
    connection: sa.Connection, account: int, wanted: sa.Subquery
) -> tuple[Mapping[int, datetime | None], int]:
    """
    When the last of the destinations there are took each entry of *wanted*, None where one has not; and how many they are.

    *wanted*: rows of `entries` that opt out. An entry of before a destination was made is not that one's, nor is what it reported itself. Of a
    list it is told when its last page was taken: what single phones of it came to is with the phones.
    """
    present = connection.execute(sa.select(destinations).where(destinations.c.account_id == account)).mappings().all()
    taken: dict[int, datetime | None] = {}
    for one in present:
        for entry, actor_id, actor_name, at in connection.execute(_taken_of_entries(account, one, wanted)):
            if one["key_name"] is not None and is_by_key(Actor(actor_id, actor_name), one["key_name"]):
                continue
            before = taken.get(entry, at)
            taken[entry] = None if before is None or at is None else max(before, at)
    return taken, len(present)


def _taken_of_entries(account: int, one: sa.RowMapping, wanted: sa.Subquery) -> sa.Select[Any]:
    """The entries of *wanted* that the destination *one* is told of, with their actors, and when it took each, None for not yet."""
    mine = _TAKINGS.account_id == account, _TAKINGS.destination_id == one["id"]
    page = sa.select(_TAKINGS.at).where(*mine, _TAKINGS.whole.is_(False), _TAKINGS.seq >= wanted.c.last_change)
    columns = wanted.c["id", "actor_id", "actor_name"]
    paged = sa.select(*columns, page.order_by(_TAKINGS.seq, _TAKINGS.phone).limit(1).scalar_subquery().label("at"))
    paged = paged.where(wanted.c.last_change.is_not(None), wanted.c.at >= one["made_at"])
    pages = paged.subquery()
    phones = entry_phones.c.account_id == account, entry_phones.c.entry_id == pages.c.id
    failed = sa.exists().where(
        *phones,
        destination_failures.c.account_id == account,
        destination_failures.c.destination_id == one["id"],
        destination_failures.c.phone == entry_phones.c.phone,
        destination_failures.c.at <= pages.c.at,
    )
    late = sa.select(sa.func.max(_DELAYS.taken_at)).where(
        *phones,
        _DELAYS.account_id == account,
        _DELAYS.destination_id == one["id"],
        _DELAYS.phone == entry_phones.c.phone,
        _DELAYS.failed_at <= pages.c.at,
    )
    at = sa.case((~failed, sa.func.coalesce(late.scalar_subquery(), pages.c.at, type_=Moment)))
    return sa.select(*pages.c["id", "actor_id", "actor_name"], at)
