"""
The feed of changes: what somebody who keeps a copy of the list follows.

A change is the phones of one entry, from the first to the last, as one transaction changed them; there is no row for each
phone. It is numbered under the account's lock, so that numbers are in the order of commits and one that a follower has
passed never comes later. What is told of a phone is its state now: to read a change twice, or late, does no harm.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Self

import sqlalchemy as sa

from store.database import Database
from store.dialects import from_now
from store.errors import ChangesPruned, StoreError
from store.models import accounts, change_readers, changes, entries, opt_outs
from store.notes import OPTING_OUT

# Phones on a page, and changes that are looked at for it.
PAGE: Final = 10_000
_MOST_CHANGES: Final = 1_000
# Of one change, up to so many phones are kept by name however close together they lie.
_FEW: Final = 1_000
# Ids in one query.
_CHUNK: Final = 1_000
# That a follower asked is noted this often while it comes no further.
_NOTED_EVERY: Final = timedelta(hours=1)
# More changes than any list has seen between a backup and its restore; a thousand such leaps are exact in JSON's numbers.
_LEAP: Final = 1_000_000_000
_CURSOR: Final = re.compile(r"(w?)([0-9]{1,18})(?:\.([0-9]{1,19}))?")


@dataclass(frozen=True, slots=True, order=True)
class ChangeCursor:
    """
    A place in the feed: after change *seq*, and of the one after it after *phone*; "" for before its first.

    *whole*: in the reading of the whole list that comes before change *seq* + 1, after *phone* of the list. As text, which is
    for the feed alone to understand, it has letters, digits and full stops.
    """

    seq: int
    phone: str = ""
    whole: bool = False

    def __str__(self) -> str:
        place = f".{self.phone[1:]}" if self.phone else ""
        return f"{'w' if self.whole else ''}{self.seq}{place}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cursor of that text. Raises `StoreError` for what never was one."""
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise StoreError("This is no cursor of the feed. Give the one of the page before, or none to begin.")
        whole, seq, digits = match.groups()
        return cls(int(seq), f"+{digits}" if digits else "", bool(whole))


class ChangedPhone(NamedTuple):
    """The state now of a *phone* (E.164) that changed. *since*: when the oldest opt-out that stands was made, None where none does."""

    phone: str
    opted_out: bool
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """
    A page of the feed. *cursor*: where the next begins, to be kept together with what was made of *phones*.

    *as_of*: the newest change that these states have in them. *more*: there is more to read at once.
    """

    phones: tuple[ChangedPhone, ...]
    cursor: ChangeCursor
    as_of: int
    more: bool


class _Change(NamedTuple):
    seq: int
    entry_id: int
    first_phone: str
    last_phone: str
    phones: int
    listed: bool


class ChangeFeed:
    """The verbs on the feed: read on after a cursor, and ask how far it goes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self, account: int) -> int:
        """The number of the account's newest change; 0 before the first."""
        return self.heads([account]).get(account, 0)

    def heads(self, wanted: Sequence[int]) -> dict[int, int]:
        """The `head` of each account *wanted*, by its id."""
        query = sa.select(accounts.c.id, accounts.c.last_change).where(accounts.c.id.in_(wanted))
        with self._database.read() as connection:
            return dict(connection.execute(query).all())

    def after(
        self,
        account: int,
        cursor: ChangeCursor | None,
        *,
        limit: int = PAGE,
        reader: str | None = None,
        own: Collection[str] = (),
    ) -> ChangesPage:
        """
        The next page after *cursor*, of at most *limit* phones; None for a follower that has nothing yet.

        Without a cursor the whole list comes first, with the phones that are not opted out any more, so that it can be
        read into a copy of any age; then what changed since. *reader* names the follower: what it has yet to read is not pruned
        while it comes back (`store.retention`). *own*: ids of the follower's own actors; of what they changed it is told only
        where the phone's state is not what they made it. Raises `ChangesPruned` where the feed does not go back to the
        cursor, or has not come to it, as after a backup was restored: then read on from None.
        """
        with self._database.read() as connection:
            # Before all else: what is committed in between comes again.
            head, pruned = _head(connection, account)
            start = ChangeCursor(head, whole=True) if cursor is None else cursor
            _require_there(pruned <= start.seq <= head)
            self._database.read_by_key(connection)
            noted = reader is None or self._is_noted(connection, account, reader, start.seq)
            if start.whole:
                phones, end = self._whole(connection, account, start, limit)
            else:
                phones, end = self._changed(connection, account, start, head, limit, own)
        if reader is not None and not noted:
            self._note(account, reader, start.seq)
        return ChangesPage(phones, end, head, more=end < ChangeCursor(head) or end.whole)

    def now_of(self, account: int, phones: Sequence[str]) -> tuple[ChangedPhone, ...]:
        """The state now of those of *phones* that ever were on the list."""
        with self._database.read() as connection:
            among = self._database.among(opt_outs.c.phone, phones)
            return _told(connection, account, _standing(connection, account, among, limit=len(phones)))

    def _whole(
        self, connection: sa.Connection, account: int, start: ChangeCursor, limit: int
    ) -> tuple[tuple[ChangedPhone, ...], ChangeCursor]:
        rows = _standing(connection, account, opt_outs.c.phone > start.phone, limit=limit)
        end = ChangeCursor(start.seq, rows[-1][0], whole=True) if len(rows) == limit else ChangeCursor(start.seq)
        return _told(connection, account, rows), end

    def _changed(
        self,
        connection: sa.Connection,
        account: int,
        start: ChangeCursor,
        head: int,
        limit: int,
        own: Collection[str],
    ) -> tuple[tuple[ChangedPhone, ...], ChangeCursor]:
        of_changes = changes.c.account_id == account
        columns = (*changes.c["seq", "entry_id", "first_phone", "last_phone", "phones"], changes.c.listed.is_not(None))
        query = sa.select(*columns).where(of_changes, changes.c.seq > start.seq, changes.c.seq <= head)
        found = [_Change(*row) for row in connection.execute(query.order_by(changes.c.seq).limit(_MOST_CHANGES))]
        # One that is missing was pruned after the head was read.
        _require_there([change.seq for change in found] == list(range(start.seq + 1, start.seq + 1 + len(found))))
        _require_there(bool(found) or start.seq == head)
        wanted = _within(found, limit)
        listed = self._listed(connection, account, wanted)
        made_out = self._made_by(connection, account, wanted, own)
        rows: list[tuple[str, int | None]] = []
        by_name: list[str] = []
        # Of those by name: the state that the follower made it; None where somebody else changed the phone too.
        theirs: dict[str, bool | None] = {}
        end = start
        for change in wanted:
            after, room = end.phone, limit - len(rows) - len(by_name)
            if change.listed:
                met = [phone for phone in listed[change.seq] if phone > after][:room]
                by_name += met
                for phone in met:
                    is_known = theirs.get(phone, True) is not None
                    theirs[phone] = made_out.get(change.entry_id) if is_known else None
            else:
                touched = sa.func.max(
                    sa.case(
                        (sa.or_(opt_outs.c.entry_id == change.entry_id, opt_outs.c.lifted_by == change.entry_id), 1),
                        else_=0,
                    )
                )
                told = touched == 1
                if (is_out := made_out.get(change.entry_id)) is not None:
                    told &= _STANDS.is_(None) if is_out else _STANDS.is_not(None)
                span = opt_outs.c.phone > after if after else opt_outs.c.phone >= change.first_phone
                part = _standing(
                    connection, account, span, opt_outs.c.phone <= change.last_phone, having=told, limit=room
                )
                rows += part
                met = [phone for phone, _ in part]
            if len(met) == room:
                end = ChangeCursor(change.seq - 1, met[-1])
                break
            end = ChangeCursor(change.seq)
        if by_name:
            among = self._database.among(opt_outs.c.phone, by_name)
            states = _standing(connection, account, among, limit=len(by_name))
            rows += [(phone, entry) for phone, entry in states if theirs[phone] is not (entry is not None)]
        return _told(connection, account, rows), end

    @staticmethod
    def _made_by(
        connection: sa.Connection, account: int, wanted: Sequence[_Change], own: Collection[str]
    ) -> dict[int, bool]:
        """The entries of *wanted* that the actors *own* made: whether each opted out."""
        if not own:
            return {}
        made = entries.c.id.in_([change.entry_id for change in wanted]), entries.c.actor_id.in_(own)
        query = sa.select(entries.c.id, entries.c.function).where(entries.c.account_id == account, *made)
        return {entry: function in OPTING_OUT for entry, function in connection.execute(query)}

    @staticmethod
    def _listed(connection: sa.Connection, account: int, wanted: Sequence[_Change]) -> dict[int, list[str]]:
        """The phones of those changes that list theirs, by their numbers."""
        if not any(change.listed for change in wanted):
            return {}
        query = sa.select(changes.c.seq, changes.c.listed).where(
            changes.c.account_id == account,
            changes.c.seq.between(wanted[0].seq, wanted[-1].seq),
            changes.c.listed.is_not(None),
        )
        return {seq: phones.split(" ") for seq, phones in connection.execute(query)}

    # How far followers have come.

    @staticmethod
    def _is_noted(connection: sa.Connection, account: int, reader: str, seq: int) -> bool:
        query = sa.select(change_readers.c.reader).where(
            change_readers.c.account_id == account,
            change_readers.c.reader == reader,
            change_readers.c.seq == seq,
            change_readers.c.seen_at > from_now(-_NOTED_EVERY.total_seconds()),
        )
        return connection.execute(query).first() is not None

    def _note(self, account: int, reader: str, seq: int) -> None:
        values = {"seq": seq, "seen_at": from_now()}
        statement = self._database.insert(change_readers).values(account_id=account, reader=reader, **values)
        # It may have gone back, to read once more what it lost.
        noted = statement.on_conflict_do_update(index_elements=["account_id", "reader"], set_=values)
        with self._database.write(durable=False) as connection:
            connection.execute(noted)


def _head(connection: sa.Connection, account: int) -> tuple[int, int]:
    """The account's newest change, and the newest that the feed does not tell of any more."""
    query = sa.select(accounts.c.last_change, accounts.c.pruned_change).where(accounts.c.id == account)
    head, pruned = connection.execute(query).one()
    return head, pruned


def _require_there(there: bool) -> None:
    if not there:
        raise ChangesPruned(
            "The feed does not go back to there any more. Read the whole list again, and follow from its end."
        )


def _within(found: Sequence[_Change], limit: int) -> list[_Change]:
    """The first of *found* with *limit* phones, and some of the next; of the first some may have been read."""
    wanted: list[_Change] = []
    phones = 0
    for change in found:
        if phones >= limit:
            break
        wanted.append(change)
        if len(wanted) > 1:
            phones += change.phones
    return wanted


# Of a phone's rows: the entry of the oldest opt-out that stands.
_STANDS: Final = sa.func.min(sa.case((opt_outs.c.lifted_by.is_(None), opt_outs.c.entry_id)))


def _standing(
    connection: sa.Connection,
    account: int,
    *where: sa.ColumnElement[bool],
    having: sa.ColumnElement[bool] | None = None,
    limit: int,
) -> list[tuple[str, int | None]]:
    """The first phones *where*, in their order, each with the entry of the oldest opt-out that stands."""
    query = sa.select(opt_outs.c.phone, _STANDS).where(opt_outs.c.account_id == account, *where)
    query = query.group_by(opt_outs.c.phone).order_by(opt_outs.c.phone).limit(limit)
    if having is not None:
        query = query.having(having)
    return [(phone, entry) for phone, entry in connection.execute(query).all()]


def _told(connection: sa.Connection, account: int, rows: Sequence[tuple[str, int | None]]) -> tuple[ChangedPhone, ...]:
    """Each phone once, with its state, which all *rows* of one page agree on or the last knows best."""
    stands = dict(rows)
    at = _moments_of(connection, account, (entry for entry in set(stands.values()) if entry is not None))
    return tuple(
        [
            ChangedPhone(phone, entry is not None, None if entry is None else at[entry])
            for phone, entry in stands.items()
        ]
    )


def _moments_of(connection: sa.Connection, account: int, ids: Iterable[int]) -> dict[int, datetime]:
    """When each of the account's entries *ids* was made."""
    ordered = sorted(set(ids))
    at: dict[int, datetime] = {}
    for start in range(0, len(ordered), _CHUNK):
        some = entries.c.id.in_(ordered[start : start + _CHUNK])
        query = sa.select(entries.c.id, entries.c.at).where(entries.c.account_id == account, some)
        at |= dict(connection.execute(query).all())
    return at


def begin_anew(connection: sa.Connection) -> None:
    """
    Have every follower of every account read the whole list again, in a database that was put back from a backup.

    It may have been told of changes that are not there any more, by numbers that are given again. So numbers go on far behind
    any that were given, and the feed goes back to none before.
    """
    connection.execute(sa.delete(changes))
    connection.execute(sa.update(accounts).values(last_change=accounts.c.last_change + _LEAP))
    connection.execute(sa.update(accounts).values(pruned_change=accounts.c.last_change))


# For the verbs that change the list, inside their transactions.


def write_change(
    connection: sa.Connection,
    account: int,
    entry: int,
    phones: Sequence[str],
    *,
    opted_out: int,
    near: bool = False,
) -> None:
    """
    Write down that *entry* changed *phones*, sorted and not empty, so that *opted_out* more, or fewer, are opted out.

    *near*: hardly any other of the list lie between the first and the last of them, so that those two tell enough.
    """
    listed = None if near and len(phones) > _FEW else " ".join(phones)
    write_change_between(
        connection, account, entry, phones[0], phones[-1], len(phones), opted_out=opted_out, listed=listed
    )


def write_change_between(
    connection: sa.Connection,
    account: int,
    entry: int,
    first: str,
    last: str,
    phones: int,
    *,
    opted_out: int,
    listed: str | None = None,
) -> None:
    """As `write_change`, for so many *phones* from *first* to *last*, or from one before them to one behind."""
    _write(connection, account, [(entry, first, last, phones, listed)], opted_out)


def write_changes(connection: sa.Connection, account: int, made: Sequence[tuple[int, str]], *, opted_out: int) -> None:
    """As `write_change`, a change for each entry *made* with the one phone that it is about."""
    _write(connection, account, [(entry, phone, phone, 1, phone) for entry, phone in made], opted_out)


def _write(
    connection: sa.Connection, account: int, made: Sequence[tuple[int, str, str, int, str | None]], opted_out: int
) -> None:
    """Write down each change *made*: an entry, its first and its last phone, how many they are, and which where that is kept."""
    count = {"account": account, "changes": len(made), "more": opted_out}
    newest = connection.execute(_COUNT, count).scalar_one()
    told, noted = [], []
    for number, (entry, first, last, phones, listed) in enumerate(made, start=newest - len(made) + 1):
        told.append(
            {
                "account_id": account,
                "seq": number,
                "entry_id": entry,
                "first_phone": first,
                "last_phone": last,
                "phones": phones,
                "listed": listed,
            }
        )
        noted.append({"account": account, "entry": entry, "newest": number})
    connection.execute(_TELL, told)
    connection.execute(_NOTE, noted)


# Made once: with each change, and each batch of a list, to make them anew took as long as the database does.
_COUNT: Final = (
    sa.update(accounts)
    .where(accounts.c.id == sa.bindparam("account"))
    .values(
        opted_out=accounts.c.opted_out + sa.bindparam("more"),
        last_change=accounts.c.last_change + sa.bindparam("changes"),
    )
    .returning(accounts.c.last_change)
)
_TELL: Final = sa.insert(changes).values(at=from_now())
_NOTE: Final = (
    sa.update(entries)
    .where(entries.c.account_id == sa.bindparam("account"), entries.c.id == sa.bindparam("entry"))
    .values(last_change=sa.bindparam("newest"))
)
