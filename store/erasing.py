"""
Erasing: of a number nothing is left but a keyed hash, by which it stays opted out (see `store.erased`), and an entry that says when.

Whatever is about the number alone goes with its hash, in one transaction; then all texts that people or programs wrote are read
for it, some at a time, so that nobody waits. Whoever is killed in between, or has a backup from before in use, erases once more.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import phonenumbers
import sqlalchemy as sa

from store.answers import AnswerKind, answers_of
from store.changes import ChangeCursor, write_change_between
from store.database import Database
from store.e164 import require_e164
from store.erased import count_erased, erased_among
from store.errors import StoreError, StoreUnavailable
from store.history import touching
from store.models import (
    allow_requests,
    campaigns,
    change_readers,
    changes,
    conversations,
    destination_delays,
    destination_failures,
    destination_takings,
    destinations,
    entries,
    entry_phones,
    erasures,
    exports,
    file_pieces,
    handovers,
    hooks,
    idempotency_keys,
    inbox,
    opt_outs,
    outbox,
    replies,
    unreadable_rows,
    uploads,
)
from store.notes import Function
from store.optouts import read_states
from store.records import Origin
from store.rows import new_entry
from store.takings import state_change
from store.upload_states import UploadState

# In place of the number, where the rest of a text stays.
GONE: Final = "[erased]"
# Signs between two digits of one number, as in "+1 (415) - 555".
_MOST_BETWEEN: Final = 4
# Rows that are changed in one transaction.
_CHUNK: Final = 500
_DIGITS: Final = b"0123456789"
_NO_DIGITS: Final = bytes(byte for byte in range(256) if byte not in _DIGITS)
# In place of the phones of a change that has none left: no phone lies there.
_NOWHERE: Final = "+"

# Texts that people or programs wrote, by their tables: all that may hold a number besides the columns for phones.
TEXTS: Final[Mapping[sa.Table, tuple[str, ...]]] = {
    entries: ("reason", "permalink", "reopened"),
    opt_outs: ("note",),
    uploads: (
        "file_name",
        "permalink",
        "phone_column",
        "choices",
        "reason",
        "problem",
        "columns",
        "summary",
    ),
    campaigns: ("name",),
    allow_requests: ("reason",),
    replies: ("text", "sentence", "words", "message", "contact"),
    exports: ("problem",),
    destinations: ("problem",),
    destination_failures: ("problem",),
    destination_delays: ("problem",),
    hooks: ("trouble",),
    outbox: ("reason", "payload"),
    inbox: ("reason", "payload"),
}
# Rows that go as a whole where one of these holds it: of nobody else, or of no use without it.
WHOLE_ROWS: Final[Mapping[sa.Table, tuple[str, ...]]] = {
    unreadable_rows: ("cell", "reason", "cells"),
    handovers: ("value", "permalink"),
    conversations: ("contact",),
    idempotency_keys: ("key",),
}
_AT_WORK: Final = (UploadState.RECEIVED, UploadState.WAITING, UploadState.APPLYING, UploadState.STOPPED)


@dataclass(frozen=True, slots=True)
class Erased:
    """
    The outcome of erasing a number. *again*: it was erased before, and whatever came since is gone.

    *links*: messages and files in Slack that it stands in or came from, which only Slack can delete. *waiting*: names of files that
    programs sent and nobody has decided on, each of which may hold it.
    """

    again: bool
    links: tuple[str, ...]
    waiting: tuple[str, ...]


class Writings:
    """All writings of one phone: with or without its country code, with any signs between its digits, in any script's digits."""

    def __init__(self, phone: str) -> None:
        number = phonenumbers.parse(phone)
        self._national = phonenumbers.national_significant_number(number)
        self._wanted = self._national.encode()
        # What may stand before it, the longest first: as it is dialled abroad, from the United States, at home, and not at all.
        code = str(number.country_code)
        self._before = (f"011{code}0", f"011{code}", f"00{code}0", f"00{code}", f"{code}0", code, "0", "")

    def taken_out(self, text: str) -> str:
        """*text* with `GONE` in place of each writing of the phone."""
        if text.isascii():
            if self._wanted not in text.encode().translate(None, _NO_DIGITS):
                return text
        elif self._national not in "".join(_digit(sign) for sign in text if sign.isdecimal()):
            return text
        places = [place for place, sign in enumerate(text) if sign.isdecimal()]
        digits = "".join(_digit(text[place]) for place in places)
        pieces, done, at = [], 0, digits.find(self._national)
        while at >= 0:
            last = at + len(self._national)
            first = self._first(text, places, digits, at, last)
            if first is None:
                last = at + 1
            else:
                start = places[first] - text.endswith("+", done, places[first])
                pieces += [text[done:start], GONE]
                done = places[last - 1] + 1
            at = digits.find(self._national, last)
        return "".join([*pieces, text[done:]])

    def _first(self, text: str, places: Sequence[int], digits: str, at: int, last: int) -> int | None:
        """Where among *digits* the writing begins whose national number they are from *at* to *last*; None where it is another number's."""
        if last < len(places) and places[last] == places[last - 1] + 1:
            return None
        for before in self._before:
            first = at - len(before)
            is_there = first >= 0 and digits.startswith(before, first) and _is_one(text, places[first:last])
            if is_there and not (first and places[first - 1] == places[first] - 1):
                return first
        return None

    def taken_out_of(self, value: Any) -> Any:
        """The same of a value of JSON's, with all that is in it."""
        if isinstance(value, str):
            return self.taken_out(value)
        if isinstance(value, dict):
            return {self.taken_out(key): self.taken_out_of(one) for key, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.taken_out_of(one) for one in value]
        if isinstance(value, (int, float)) and not isinstance(value, bool) and self.taken_out(str(value)) != str(value):
            return GONE
        return value


def _digit(sign: str) -> str:
    return str(unicodedata.decimal(sign))


def _is_one(text: str, places: Sequence[int]) -> bool:
    """Whether between the digits at *places* there are few signs, and no letters."""
    return all(
        next_ - place <= _MOST_BETWEEN + 1 and not any(map(str.isalnum, text[place + 1 : next_]))
        for place, next_ in pairwise(places)
    )


class Erasures:
    """The verbs on erased numbers: erase one, and count them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count(self, account: int) -> int:
        """How many numbers of the account were erased and stay opted out; they are in no other count of its phones."""
        with self._database.read() as connection:
            return count_erased(connection, account)

    def checks(self) -> frozenset[int]:
        """The checks of the keys by which numbers of any account were erased: one, or none where no number was."""
        with self._database.read() as connection:
            return frozenset(connection.execute(sa.select(erasures.c.key_check).distinct()).scalars())

    def erase(self, account: int, phone: str, by: Origin, *, untold: bool = False) -> Erased:
        """
        Erase *phone*, which is opted out: take away all that is kept of it but a keyed hash. Once more for what came since.

        *untold*: also where somebody who follows the list was not told of the opt-out yet, and then never is. Raises `StoreError`, and
        nothing is changed: without a key, for a phone that is not opted out, and for one of which somebody was not told.
        """
        require_e164([phone])
        key = self._database.erase_key
        if key is None:
            raise StoreError(
                "Nothing was erased: OPTOUT_ERASE_KEY is not set, and without it the number could not stay opted out. "
                "`openssl rand -base64 32` prints a good one; keep it as you keep the list."
            )
        if not self.checks() <= {key.check}:
            raise StoreError(
                "Nothing was erased: OPTOUT_ERASE_KEY is another than it was for the numbers erased before. Set it to that one."
            )
        writings = Writings(phone)
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            entry = erased_among(connection, account, [phone]).get(phone)
            again = entry is not None
            if not again:
                self._require_told(connection, account, phone, untold=untold)
            stood, links = _forget(self._database, connection, account, phone)
            if entry is None:
                # Of *by* who it was alone: in a reason people name whom it is about.
                entry = new_entry(connection, account, Origin(Function.ERASE, by.actor)).id
                row = {"account_id": account, "hash": key.hash_of(account, phone), "key_check": key.check}
                connection.execute(sa.insert(erasures).values(**row, entry_id=entry))
            if stood:
                # One fewer is counted, and there is nothing that followers could be told.
                write_change_between(connection, account, entry, _NOWHERE, _NOWHERE, 1, opted_out=-1)
        for table, names in (*TEXTS.items(), *WHOLE_ROWS.items()):
            self._search(table, names, account, writings, links)
        try:
            self._database.dialect.forget_deleted(self._database.engine)
        except StoreUnavailable as error:
            raise StoreError(
                "The number was erased, and stands still among the deleted rows of the file, which could not be written anew. Erase it once "
                f"more, at a quieter hour. {error.cause}"
            ) from error
        return Erased(again, tuple(dict.fromkeys(links)), self._undecided(account))

    def _require_told(self, connection: sa.Connection, account: int, phone: str, *, untold: bool) -> None:
        """Raise `StoreError` unless *phone* is opted out and, but for *untold*, all who follow the list were told so."""
        if not read_states(connection, account, [phone])[phone].opted_out:
            raise StoreError(
                "Nothing was erased: the number is not opted out, so that nobody who keeps a copy of the list was told. "
                "Opt it out first, and erase it then."
            )
        change = state_change(connection, account, phone)
        if untold or change is None:
            return
        waits = [
            one.destination
            for one in answers_of(connection, account, phone)
            if one.removed_at is None and one.answer in {AnswerKind.WAITS, AnswerKind.DID_NOT_TAKE}
        ]
        behind = change_readers.c.account_id == account, change_readers.c.seq < change.seq
        waits += connection.execute(sa.select(change_readers.c.reader).where(*behind)).scalars()
        if waits:
            raise StoreError(
                f"Nothing was erased: {', '.join(map(repr, sorted(set(waits))))} was not told yet that the number is opted out, and could not "
                "be afterwards. Wait until it was, or add --untold where it need not be."
            )

    def _search(
        self, table: sa.Table, names: Sequence[str], account: int, writings: Writings, links: list[str]
    ) -> None:
        """Take the number out of the texts *names* of *table*; *links* gets the messages whose texts had it."""
        keys = [column for column in table.primary_key if column.name != "account_id"]
        columns = [table.c[name] for name in names]
        there = sa.or_(*(column.is_not(None) for column in columns))
        query = sa.select(*keys, *columns).where(table.c.account_id == account, there)
        found: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        with self._database.read() as connection:
            rows = connection.execution_options(stream_results=True, yield_per=1_000).execute(query)
            for row in rows:
                texts = dict(zip(names, row[len(keys) :], strict=True))
                cleaned = {name: writings.taken_out_of(text) for name, text in texts.items()}
                changed = {name: text for name, text in cleaned.items() if text != texts[name]}
                if changed:
                    found.append((tuple(row[: len(keys)]), changed))
                    if (link := texts.get("permalink")) is not None:
                        links.append(link)
        goes = table in WHOLE_ROWS
        for start in range(0, len(found), _CHUNK):
            with self._database.write() as connection:
                for place, changed in found[start : start + _CHUNK]:
                    where = (
                        table.c.account_id == account,
                        *(key == value for key, value in zip(keys, place, strict=True)),
                    )
                    if goes:
                        connection.execute(sa.delete(table).where(*where))
                        continue
                    # Of what is over, its other words too.
                    whole = changed | {"payload": sa.null()} if "payload" in table.c else changed
                    connection.execute(sa.update(table).where(*where, *_finished(table, is_=True)).values(whole))
                    connection.execute(sa.update(table).where(*where, *_finished(table, is_=False)).values(changed))

    def _undecided(self, account: int) -> tuple[str, ...]:
        """The names of files that programs sent, and that are still to be read."""
        pieces = sa.select(file_pieces.c.file_id).where(file_pieces.c.account_id == account)
        query = sa.select(uploads.c.file_name).where(uploads.c.account_id == account, uploads.c.file_id.in_(pieces))
        with self._database.read() as connection:
            return tuple(connection.execute(query.where(uploads.c.state.in_(_AT_WORK))).scalars())


def _finished(table: sa.Table, *, is_: bool) -> tuple[sa.ColumnElement[bool], ...]:
    """Whether a row of *table* *is_* of what is over, or not; of one where nothing ever is, neither."""
    if "payload" not in table.c:
        return (sa.false(),) if is_ else ()
    at = table.c.finished_at
    return (at.is_not(None) if is_ else at.is_(None),)


def _forget(database: Database, connection: sa.Connection, account: int, phone: str) -> tuple[bool, list[str]]:
    """
    Take away all rows that are about *phone*, and it out of those that are about others too.

    Whether one of them opted it out, and links to the messages that it stood in.
    """
    ids = set(connection.execute(touching(account, phone)).scalars())
    mine = entries.c.account_id == account, entries.c.id.in_(ids)
    links = list(
        connection.execute(sa.select(entries.c.permalink).where(*mine, entries.c.permalink.is_not(None))).scalars()
    )
    of_lists = sa.select(entries.c.upload_id).where(*mine)
    dropped = sa.select(uploads.c.permalink).where(uploads.c.account_id == account, uploads.c.id.in_(of_lists))
    links += connection.execute(dropped.where(uploads.c.permalink.is_not(None))).scalars()
    other = entry_phones.alias()
    shared = sa.exists().where(other.c.account_id == account, other.c.entry_id == entries.c.id, other.c.phone != phone)
    alone = *mine, entries.c.upload_id.is_(None), entries.c.function != Function.ERASE, ~shared
    empty = dict.fromkeys(("reason", "cause", "permalink", "message_ts"), None) | {"reopened": sa.null()}
    connection.execute(sa.update(entries).where(*alone).values(empty))
    # What a key's request led to, and with it a fingerprint of the request.
    made = sa.select(idempotency_keys.c.key, idempotency_keys.c.result).where(idempotency_keys.c.account_id == account)
    for key, result in connection.execute(made).all():
        if isinstance(result, dict) and result.get("entry") in ids:
            connection.execute(
                sa.delete(idempotency_keys).where(
                    idempotency_keys.c.account_id == account, idempotency_keys.c.key == key
                )
            )
    stands = opt_outs.c.account_id == account, opt_outs.c.phone == phone, opt_outs.c.lifted_by.is_(None)
    query = sa.select(sa.literal(1)).select_from(opt_outs).where(*stands).limit(1)
    stood = connection.execute(query).first() is not None
    for table in (
        opt_outs,
        entry_phones,
        conversations,
        replies,
        allow_requests,
        destination_failures,
        destination_delays,
        exports,
    ):
        connection.execute(sa.delete(table).where(table.c.account_id == account, table.c.phone == phone))
    before = _next_to(connection, account, opt_outs.c.phone < phone, sa.func.max) or ""
    after = _next_to(connection, account, opt_outs.c.phone > phone, sa.func.min) or _NOWHERE
    _forget_in_changes(connection, account, phone, before or _NOWHERE, after)
    _forget_in_checkpoints(database, connection, account, phone, before)
    named = exports.c.account_id == account, exports.c.first_allowed.contains(phone)
    for entry, first in connection.execute(sa.select(exports.c.entry_id, exports.c.first_allowed).where(*named)).all():
        left = " ".join(one for one in first.split(" ") if one != phone)
        of_entry = exports.c.account_id == account, exports.c.entry_id == entry
        connection.execute(sa.update(exports).where(*of_entry).values(first_allowed=left))
    return stood, links


def _next_to(
    connection: sa.Connection, account: int, side: sa.ColumnElement[bool], nearest: Callable[..., Any]
) -> str | None:
    query = sa.select(nearest(opt_outs.c.phone)).where(opt_outs.c.account_id == account, side)
    phone: str | None = connection.execute(query).scalar()
    return phone


def _forget_in_changes(connection: sa.Connection, account: int, phone: str, before: str, after: str) -> None:
    """The changes that begin or end with *phone*, or name it, do so with the phones *before* and *after* it in the list, or none."""
    spans = changes.c.first_phone <= phone, changes.c.last_phone >= phone
    query = sa.select(*changes.c["seq", "first_phone", "last_phone", "listed"])
    for seq, first, last, listed in connection.execute(query.where(changes.c.account_id == account, *spans)).all():
        if listed is not None:
            left = [one for one in listed.split(" ") if one != phone]
            ends = (left[0], left[-1]) if left else (_NOWHERE, _NOWHERE)
            values = {"listed": " ".join(left) or None}
        else:
            ends = after if first == phone else first, before if last == phone else last
            values = {}
        if ends[0] > ends[1]:
            ends = _NOWHERE, _NOWHERE
        values |= {"first_phone": ends[0], "last_phone": ends[1]}
        of_change = changes.c.account_id == account, changes.c.seq == seq
        connection.execute(sa.update(changes).where(*of_change).values(values))


def _forget_in_checkpoints(
    database: Database, connection: sa.Connection, account: int, phone: str, before: str
) -> None:
    """Whoever has come to *phone* in the order of the list has come to *before*, which is before it: between them is nothing."""
    mine = uploads.c.account_id == account
    at_it = mine, uploads.c.last_phone == phone
    # Its list has the number, and is read from the checkpoint on once more.
    counted = sa.case((uploads.c.already_opted_out > 0, 1), else_=0)
    goes_on = uploads.c.state.in_((UploadState.APPLYING, UploadState.STOPPED, UploadState.FAILED))
    again = {
        "already_opted_out": uploads.c.already_opted_out - counted,
        "newly_opted_out": uploads.c.newly_opted_out - 1 + counted,
    }
    connection.execute(sa.update(uploads).where(*at_it, goes_on, uploads.c.undo_entry_id.is_(None)).values(again))
    connection.execute(sa.update(uploads).where(*at_it).values(last_phone=before))
    connection.execute(sa.update(uploads).where(mine, uploads.c.undo_phone == phone).values(undo_phone=before))
    query = sa.select(destinations.c.id, destinations.c.cursor).where(destinations.c.account_id == account)
    for destination, text in connection.execute(query.where(destinations.c.cursor.is_not(None))).all():
        cursor = ChangeCursor.parse(text)
        if cursor.phone == phone:
            moved = str(ChangeCursor(cursor.seq, before, cursor.whole))
            of_it = destinations.c.account_id == account, destinations.c.id == destination
            connection.execute(sa.update(destinations).where(*of_it).values(cursor=moved))
    pages = destination_takings.c.account_id == account, destination_takings.c.phone == phone
    taken = connection.execute(sa.select(destination_takings).where(*pages)).mappings().all()
    connection.execute(sa.delete(destination_takings).where(*pages))
    for row in taken:
        page = database.insert(destination_takings).values({**row, "phone": before})
        connection.execute(page.on_conflict_do_nothing())
