"""
Destinations: where changes of the list are passed on to, how far each has come, and who is at it.

A destination follows the feed (`store.changes`) with a cursor that moves once what lies before it was taken, so that nothing is
kept a phone; what is told is the state then, and to tell it twice does no harm. What a destination reported by its own key is not
told back to it. Secrets are kept in full: each message to a webhook is signed with its own, and to Twilio shown with
it. Only a phone that the far side does not take while it takes others has a row, and is told again by itself. When one took what
is kept by `store.takings`.

One of kind *file* stands for a product without a door. Nothing is sent to it: people get its list (`store.exports`), load it,
and say so, which moves the cursor to what that very file holds.
"""

import base64
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import sqlalchemy as sa

from store import leases
from store.changes import ChangeCursor, ChangedPhone, ChangeFeed, ChangesPage
from store.database import Database
from store.dialects import from_now
from store.e164 import require_e164
from store.errors import ChangesPruned, LeaseLost, StoreError, WrongState
from store.exports import NO_DESTINATION
from store.idempotency import is_repeated, result_of, set_result
from store.leases import Lease
from store.models import (
    accounts,
    api_keys,
    change_readers,
    changes,
    destination_failures,
    destinations,
    entries,
    exports,
)
from store.notes import OPTING_OUT, Function
from store.records import Actor, Origin
from store.rows import new_entry, now
from store.takings import note_late, note_page, note_removal
from store.twilio import checked_login, checked_secret, checked_sender
from store.van import checked_application, checked_key

LONGEST_NAME: Final = 40
LONGEST_ADDRESS: Final = 500
# Of an account: as many as an admin oversees at one look.
MOST: Final = 5
# Down for so long, it is told.
TOLD_AFTER: Final = timedelta(minutes=15)
# Between two words on what waits to be loaded.
LIST_TOLD_EVERY: Final = timedelta(days=1)
# The formats of an export in which a list can be had for a product: see `store.exports.COLUMNS`.
LAYOUTS: Final = ("phones", "thrutext")
# Letters alone: an id stands in logs, which mask whatever could be a phone.
_ID_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz"
_ID_LENGTH: Final = 10
# Of a secret; the specification asks for 24 to 64:
# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme
_SECRET_BYTES: Final = 32
_UNSEEN: Final = re.compile(r"[\s\x00-\x20\x7f<>\"\\]")
# Of phones that a list lacks which is said to be a destination's own, so many are kept until it was told of them again; where
# more are, it is told all of the list, which needs no row a phone.
MOST_LACKING: Final = 10_000
# Why such a phone waits.
LACKING: Final = "a list that was compared lacks it"
# Phones in one transaction.
_BATCH: Final = 1_000


class DestinationKind(StrEnum):
    """The way in which a destination is told."""

    WEBHOOK = "webhook"
    TWILIO = "twilio"
    VAN = "van"
    FILE = "file"


# Those that are told of opt-outs alone: what is allowed again here is not theirs to know, or a person's to do there.
OPT_OUTS_ALONE: Final = (DestinationKind.TWILIO, DestinationKind.VAN, DestinationKind.FILE)


class DestinationState(StrEnum):
    """The state of a destination. *refused*: it said that it wants nothing any more."""

    ON = "on"
    PAUSED = "paused"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class NewDestination:
    """
    A destination to be made. *address*: of a webhook, the sender at Twilio, or one of `LAYOUTS`. *channel*: where it is told of.

    *key_name*: of the API's keys by which it reports. *login* and *secret*: of Twilio, or the application's name and the
    key of VAN; the secret of a webhook is made here.
    """

    kind: DestinationKind
    name: str
    channel: str
    address: str
    key_name: str | None = None
    login: str | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class NotTaken:
    """So many *phones* that a destination did not take, because of *problem*, since *at*; the *first* by number."""

    problem: str
    phones: int
    first: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Destination:
    """
    A destination of *account_id*. *address*, *login*, *key_name*: as in `NewDestination`.

    *cursor*: up to where all was taken, None for nothing yet; *taken_at*: when it took something last. *attempts*: that failed
    in a row, *problem*: why the last did, *failing_since*: when the first did. *waiting*: phones, about; *oldest*: when the first of
    them changed. *not_taken*: phones that wait while others pass. *lease*: None for who only looks.

    Of a file *waiting* is of opt-outs alone; *file_at*: when the newest of its files was made that nobody said was loaded, None for
    none; *file_has_all*: whether that has all that waits.
    """

    account_id: int
    id: str
    kind: DestinationKind
    name: str
    address: str
    login: str | None
    secret: str = field(repr=False)
    key_name: str | None
    channel: str
    state: DestinationState
    cursor: ChangeCursor | None
    taken_at: datetime | None
    attempts: int
    problem: str | None
    failing_since: datetime | None
    told_at: datetime | None
    made_by: Actor
    lease: Lease | None = None
    waiting: int = 0
    oldest: datetime | None = None
    not_taken: tuple[NotTaken, ...] = ()
    file_at: datetime | None = None
    file_has_all: bool = False

    @property
    def reader(self) -> str:
        """Its name among those who follow the feed; no key's, which has no line break."""
        return f"destination\n{self.id}"


class LoadedFile(NamedTuple):
    """What it led to that somebody said that a file of *destination* is loaded. *newly*: nobody had said so of it, or of a newer one."""

    destination: Destination
    phones: int
    newly: bool


class Destinations:
    """The verbs on destinations: make, list, pause, retry, remove; and claim, read, take, for whoever passes on."""

    def __init__(self, database: Database, feed: ChangeFeed) -> None:
        self._database = database
        self._feed = feed

    # For people

    def make(
        self,
        account: int,
        wanted: NewDestination,
        by: Origin,
        *,
        idempotency_key: str | None = None,
        asked: str | None = None,
    ) -> Destination:
        """
        Make a destination of *account*, with an entry of function "setting" that says so; the whole list passes to it first.

        *idempotency_key*: names the request where it may come twice; *asked*: a digest of all of it. Raises `StoreError` for what cannot be, and
        `WrongState` where the name is taken, or there are `MOST`.
        """
        name = " ".join(wanted.name.split())
        if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            raise StoreError(f"Give a name of 1 to {LONGEST_NAME} characters, all of which can be seen.")
        if wanted.kind is DestinationKind.TWILIO:
            address, login = checked_sender(wanted.address), checked_login(wanted.login or "")
            secret, where = checked_secret(wanted.secret or ""), f"to {address} at Twilio"
        elif wanted.kind is DestinationKind.VAN:
            address, login = "My Campaign", checked_application(wanted.login or "")
            secret, where = checked_key(wanted.secret or ""), "to My Campaign in NGP VAN"
        elif wanted.kind is DestinationKind.FILE:
            address, login, secret, where = checked_layout(wanted.address), None, "", "by hand, as a file"
        else:
            address, login = checked_address(wanted.address), None
            secret = f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"
            where = f"to {urlsplit(address).hostname}"
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            request = "make destination", name, address, *([asked] if asked else [])
            if is_repeated(self._database, connection, account, idempotency_key, *request):
                return _get(
                    connection, account, str(result_of(connection, account, idempotency_key).get("destination"))
                )
            present = _list(connection, account)
            if any(one.name.casefold() == name.casefold() for one in present):
                raise WrongState(f"There is a destination called {name} already: choose another name.")
            if len(present) >= MOST:
                raise WrongState(
                    f"There are {MOST} destinations, and there can be no more. Remove one that nobody needs."
                )
            destination = "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))
            connection.execute(
                sa.insert(destinations).values(
                    account_id=account,
                    id=destination,
                    kind=wanted.kind,
                    name=name,
                    address=address,
                    login=login,
                    secret=secret,
                    key_name=wanted.key_name,
                    channel_id=wanted.channel,
                    state=DestinationState.ON,
                    next_at=now(),
                    made_by_id=by.actor.id,
                    made_by_name=by.actor.name,
                    made_at=now(),
                    **leases.given_back(),
                )
            )
            set_result(connection, account, idempotency_key, {"destination": destination})
            new_entry(connection, account, _said(by, f"opt-outs are passed on to {name}, {where}"))
            return _get(connection, account, destination)

    def list_of(self, account: int) -> tuple[Destination, ...]:
        """The destinations of *account*, by name, with what waits for each."""
        with self._database.read() as connection:
            return tuple(_with_backlog(connection, one) for one in _list(connection, account))

    def of_opt_outs_alone(self, account: int) -> tuple[str, ...]:
        """The names of those of *account* that are told of `OPT_OUTS_ALONE`, and to which something was passed on."""
        mine = destinations.c.account_id == account, destinations.c.kind.in_(OPT_OUTS_ALONE)
        query = sa.select(destinations.c.name).where(*mine, destinations.c.taken_at.is_not(None))
        with self._database.read() as connection:
            return tuple(connection.execute(query.order_by(destinations.c.name)).scalars())

    def get(self, account: int, destination: str) -> Destination:
        """The destination of that id. Raises `WrongState` when *account* has none of it."""
        with self._database.read() as connection:
            return _with_backlog(connection, _get(connection, account, destination))

    def pause(self, account: int, destination: str, by: Origin) -> Destination:
        """Pass nothing on to it until `retry`; where it has come to is kept. Raises as `get`."""
        values = {"state": DestinationState.PAUSED, "failing_since": None, "told_at": None, "problem": None}
        return self._set(account, destination, by, "is paused", {DestinationState.ON}, values)

    def retry(self, account: int, destination: str, by: Origin) -> Destination:
        """Go on at once with one that waits for its next try, is paused, or refused what it got. Raises as `get`."""
        values = {"state": DestinationState.ON, "next_at": now(), "attempts": 0}
        stopped = {DestinationState.PAUSED, DestinationState.REFUSED}
        again = sa.update(destination_failures).where(*_failed_at(account, destination)).values(next_at=now())
        return self._set(account, destination, by, "goes on", stopped, values, again)

    def tell_again(self, account: int, destination: str, phones: Iterable[str]) -> None:
        """
        Tell it at once of *phones*, whatever their state is then, though it took them; those that it did not take too.

        To do so twice does no harm. Raises as `get`.
        """
        rows = iter(phones)
        while batch := list(islice(rows, _BATCH)):
            require_e164(batch)
            values = {"account_id": account, "destination_id": destination, "problem": LACKING, "attempts": 0}
            told = self._database.insert(destination_failures).values(
                [values | {"phone": phone, "at": now(), "next_at": now()} for phone in batch]
            )
            # Why one waits already is kept.
            keys = ["account_id", "destination_id", "phone"]
            told = told.on_conflict_do_update(index_elements=keys, set_={"next_at": now()})
            with self._database.write() as connection:
                # Locked first: whoever removes it takes these away.
                _get(connection, account, destination, lock=True)
                connection.execute(told)

    def tell_all_again(self, account: int, destination: str) -> None:
        """Tell it of the whole list again, from the beginning. Raises as `get`."""
        with self._database.write() as connection:
            _get(connection, account, destination, lock=True)
            # Whoever tells it at this moment holds it no more: where that has come to is not where it is to go on.
            anew = {"cursor": None, "seq": -1, "next_at": now(), "attempts": 0, "fence": destinations.c.fence + 1}
            statement = sa.update(destinations).where(*_is(account, destination))
            connection.execute(statement.values(**anew, **leases.given_back()))

    def remove(self, account: int, destination: str, by: Origin) -> Destination:
        """Forget it, with its secret and where it had come to, but not what it took; as it was. Raises as `get`."""
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            # Locked first: whoever tells it at this moment may keep another phone that it did not take.
            before = _get(connection, account, destination, lock=True)
            note_removal(self._database, connection, account, destination)
            connection.execute(sa.delete(destination_failures).where(*_failed_at(account, destination)))
            connection.execute(sa.delete(destinations).where(*_is(account, destination)))
            mine = change_readers.c.account_id == account, change_readers.c.reader == before.reader
            connection.execute(sa.delete(change_readers).where(*mine))
            new_entry(connection, account, _said(by, f"opt-outs are not passed on to {before.name} any more"))
            return before

    def loaded(self, account: int, file: int, by: Origin) -> LoadedFile:
        """
        Move the cursor of a destination to what its *file*, by the entry of the export, holds: somebody loaded it.

        Never back: what a newer file held that was loaded before stays so. Raises `WrongState` where the destination was
        removed, or *file* is none of a destination, not delivered, or so old that nothing is known of it any more.
        """
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            query = sa.select(*exports.c["destination_id", "reached", "phones"])
            query = query.where(exports.c.account_id == account, exports.c.entry_id == file, exports.c.state == "done")
            found = connection.execute(query.where(exports.c.reached.is_not(None))).one_or_none()
            if found is None:
                raise WrongState("Of that file nothing is known any more: get the list anew with `/optout passing`.")
            destination, reached, phones = found
            before = _get(connection, account, destination, lock=True)
            newly = before.cursor is None or before.cursor < ChangeCursor(reached)
            if newly:
                values = {"cursor": str(ChangeCursor(reached)), "seq": reached, "taken_at": now()}
                connection.execute(sa.update(destinations).where(*_is(account, destination)).values(**values))
                note_page(self._database, connection, account, destination, ChangeCursor(reached))
                new_entry(connection, account, _said(by, f"the file of entry {file} was loaded in {before.name}"))
            after = _with_backlog(connection, _get(connection, account, destination))
            return LoadedFile(after, phones, newly)

    def _set(
        self,
        account: int,
        destination: str,
        by: Origin,
        said: str,
        changing: set[DestinationState],
        values: Mapping[str, Any],
        *also: sa.Update,
    ) -> Destination:
        """Set *values*, with an entry where the state was one of *changing*, and do *also*."""
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            before = _get(connection, account, destination)
            connection.execute(sa.update(destinations).where(*_is(account, destination)).values(**values))
            for statement in also:
                connection.execute(statement)
            if before.state in changing:
                new_entry(connection, account, _said(by, f"the destination {before.name} {said}"))
            return _with_backlog(connection, _get(connection, account, destination))

    def version(self, account: int) -> str:
        """A version that changes whenever what `list_of` says of them may have; cheap."""
        is_behind = destinations.c.seq < accounts.c.last_change
        failed = sa.select(sa.func.count()).where(*_FAILED).scalar_subquery()
        shown = destinations.c.id, destinations.c.state, destinations.c.failing_since, failed
        # Of a file: what was given out, and what of it was loaded.
        loaded = sa.case((destinations.c.kind == DestinationKind.FILE, destinations.c.seq))
        query = sa.select(*shown, is_behind, loaded, _GIVEN).join(accounts, accounts.c.id == destinations.c.account_id)
        query = query.where(destinations.c.account_id == account).order_by(destinations.c.id)
        with self._database.read() as connection:
            return repr([tuple(row) for row in connection.execute(query)])

    def counts(self) -> dict[str, int]:
        """Of all accounts: how many are up to date, waiting, failing, paused and refused."""
        of_each = destinations.c.state, destinations.c.failing_since, destinations.c.seq
        query = sa.select(*of_each, accounts.c.last_change).join(accounts, accounts.c.id == destinations.c.account_id)
        query = query.where(self._database.served.among(destinations.c.account_id))
        with self._database.read() as connection:
            rows = list(connection.execute(query).mappings())
        counts = dict.fromkeys(("up to date", "waiting", "failing", "paused", "refused"), 0)
        for row in rows:
            if row["state"] != DestinationState.ON:
                counts[row["state"]] += 1
            elif row["failing_since"] is not None:
                counts["failing"] += 1
            else:
                counts["waiting" if row["seq"] < row["last_change"] else "up to date"] += 1
        return counts

    # For whoever passes on

    def claim(self, owner: str, *, lease_seconds: float) -> Destination | None:
        """A destination that has not taken all there is, and whose next try is due, leased to *owner*; None where there is none."""
        again = sa.exists().where(*_FAILED, destination_failures.c.next_at <= now())
        due = (
            destinations.c.kind != DestinationKind.FILE,
            destinations.c.state == DestinationState.ON,
            destinations.c.next_at <= now(),
            sa.or_(destinations.c.seq < _HEAD, again),
        )
        query = sa.select(destinations).where(*due).order_by(destinations.c.next_at, destinations.c.id)
        return self._claimed(query, owner, lease_seconds)

    def claim_untold(self, owner: str, *, lease_seconds: float) -> Destination | None:
        """
        A destination of which its channel is still to be told, leased to *owner*.

        That it is down, that this is over, or that something waits to be loaded which is in no file that was given out.
        """
        down = sa.or_(
            destinations.c.failing_since < from_now(-TOLD_AFTER.total_seconds()),
            destinations.c.state == DestinationState.REFUSED,
        )
        is_on = destinations.c.state == DestinationState.ON
        over = is_on & destinations.c.problem.is_(None) & destinations.c.told_at.is_not(None)
        is_file = destinations.c.kind == DestinationKind.FILE
        long_ago = destinations.c.told_at < from_now(-LIST_TOLD_EVERY.total_seconds())
        is_due = is_file & is_on & (destinations.c.told_at.is_(None) | long_ago)
        query = sa.select(destinations).where(
            sa.or_(down & destinations.c.told_at.is_(None), over & ~is_file, is_due & _IS_IN_NO_FILE)
        )
        return self._claimed(query.order_by(destinations.c.id), owner, lease_seconds)

    def _claimed(self, query: sa.Select[Any], owner: str, lease_seconds: float) -> Destination | None:
        row = leases.claim(self._database, destinations, query, owner, lease_seconds=lease_seconds)
        return None if row is None else replace(_destination_of(row), lease=leases.lease_of(row))

    def renew(self, destination: Destination, *, lease_seconds: float) -> None:
        """Hold it for longer. Raises `LeaseLost`, as all that follow do, when it is another's or was removed."""
        self._change(destination, leases.until(lease_seconds))

    def page(self, destination: Destination, limit: int) -> ChangesPage:
        """
        What it is to be told next, at most *limit* phones: what changed; when that is nothing, what it did not take.

        The whole list, where the feed does not go back to its cursor.
        """
        page = self._changed(destination, limit)
        return page if page.phones or page.more else replace(page, phones=self._failed(destination, limit))

    def _changed(self, destination: Destination, limit: int) -> ChangesPage:
        own = []
        if destination.key_name is not None:
            mine = api_keys.c.account_id == destination.account_id, api_keys.c.name == destination.key_name
            query = sa.select(api_keys.c.id).where(*mine)
            with self._database.read() as connection:
                own = [f"key:{key}" for key in connection.execute(query).scalars()]
        try:
            return self._feed.after(
                destination.account_id, destination.cursor, limit=limit, reader=destination.reader, own=own
            )
        except ChangesPruned:
            return self._feed.after(destination.account_id, None, limit=limit, reader=destination.reader)

    def _failed(self, destination: Destination, limit: int) -> tuple[ChangedPhone, ...]:
        """The state now of phones that it did not take, and whose next try is due."""
        mine = _failed_at(destination.account_id, destination.id)
        query = sa.select(destination_failures.c.phone).where(*mine, destination_failures.c.next_at <= now())
        with self._database.read() as connection:
            phones = connection.execute(query.order_by(destination_failures.c.next_at).limit(limit)).scalars().all()
        return self._feed.now_of(destination.account_id, phones) if phones else ()

    def taken(
        self,
        destination: Destination,
        cursor: ChangeCursor,
        of_each: Mapping[str, str | None],
        wait: Callable[[int], float],
    ) -> Destination:
        """
        It took all up to *cursor*, but of *of_each* those phones with a problem: nothing else is wrong with it.

        *wait*: the seconds to the next try of a phone after so many that failed.
        """
        values = {
            "cursor": str(cursor),
            "seq": -1 if cursor.whole else cursor.seq,
            "taken_at": now(),
            "attempts": 0,
            "problem": None,
            "failing_since": None,
        }
        require_e164(of_each)
        with self._database.write(durable=False) as connection:
            changed = _change(connection, destination, values)
            if of_each:
                self._note(connection, destination, of_each, wait)
            if cursor != destination.cursor:
                note_page(self._database, connection, destination.account_id, destination.id, cursor)
        return changed

    def failed(self, destination: Destination, problem: str, *, seconds: float) -> None:
        """It did not take what it got, because of *problem*, a sentence: to be tried again in *seconds*, by whoever looks then."""
        values = {
            "problem": problem,
            "attempts": destinations.c.attempts + 1,
            "failing_since": sa.func.coalesce(destinations.c.failing_since, now()),
            "next_at": from_now(seconds),
        }
        self._change(destination, values | leases.given_back())

    def refused(self, destination: Destination, problem: str) -> None:
        """It wants nothing any more, as *problem*, a sentence, says: nothing is passed on to it until a person says `retry`."""
        values = {"state": DestinationState.REFUSED, "problem": problem, "failing_since": None, "told_at": None}
        self._change(destination, values | leases.given_back())

    def told(self, destination: Destination) -> None:
        """Its channel was told that it is down, that this is over, or that a list is to be loaded."""
        is_down = destination.failing_since is not None or destination.state is DestinationState.REFUSED
        goes_on = is_down or destination.kind is DestinationKind.FILE
        self._change(destination, {"told_at": now() if goes_on else None} | leases.given_back())

    def give_back(self, destination: Destination) -> None:
        """Leave it to whoever looks next."""
        self._change(destination, leases.given_back())

    def _change(self, destination: Destination, values: Mapping[str, Any]) -> Destination:
        with self._database.write(durable=False) as connection:
            return _change(connection, destination, values)

    def _note(
        self,
        connection: sa.Connection,
        destination: Destination,
        of_each: Mapping[str, str | None],
        wait: Callable[[int], float],
    ) -> None:
        """Keep a row for each phone *of_each* that has a problem, and none for the others."""
        mine = _failed_at(destination.account_id, destination.id)
        among = self._database.among(destination_failures.c.phone, list(of_each))
        kept = destination_failures.c["phone", "attempts", "at", "problem"]
        taken_away = sa.delete(destination_failures).where(*mine, among).returning(*kept)
        failed = {phone: (attempts, at, problem) for phone, attempts, at, problem in connection.execute(taken_away)}
        late = [(phone, problem, at) for phone, (_, at, problem) in failed.items() if of_each[phone] is None]
        note_late(self._database, connection, destination.account_id, destination.id, late)
        rows = []
        for phone, problem in of_each.items():
            if problem is not None:
                attempts, at, _ = failed.get(phone, (0, now(), ""))
                rows.append(
                    {
                        "account_id": destination.account_id,
                        "destination_id": destination.id,
                        "phone": phone,
                        "problem": problem,
                        "attempts": attempts + 1,
                        "at": at,
                        "next_at": from_now(wait(attempts + 1)),
                    }
                )
        if rows:
            connection.execute(sa.insert(destination_failures).values(rows))


def checked_address(address: str) -> str:
    """The address of a webhook, as it is kept. Raises `StoreError` with a sentence that says what is wrong with it."""
    address = address.strip()
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise StoreError("This is no web address: give one like https://example.org/opt-outs.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or _UNSEEN.search(address) or port == 0:
        raise StoreError("This is no web address: give one like https://example.org/opt-outs.")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise StoreError("Give an address without a name, a password or a #: messages are signed instead.")
    if len(address) > LONGEST_ADDRESS:
        raise StoreError(f"Give a shorter address: {LONGEST_ADDRESS} characters fit.")
    return address


def checked_layout(layout: str) -> str:
    """The layout of a product's file, as it is kept. Raises `StoreError` for none of `LAYOUTS`."""
    if layout not in LAYOUTS:
        raise StoreError(f"Choose the layout of the file: {' or '.join(LAYOUTS)}.")
    return layout


# Of a destination, the phones that it did not take.
_FAILED: Final = (
    destination_failures.c.account_id == destinations.c.account_id,
    destination_failures.c.destination_id == destinations.c.id,
)
# The newest change of the destination's account.
_HEAD: Final = sa.select(accounts.c.last_change).where(accounts.c.id == destinations.c.account_id).scalar_subquery()
# The newest change of its that the feed does not tell of any more.
_PRUNED: Final = sa.select(accounts.c.pruned_change).where(accounts.c.id == destinations.c.account_id).scalar_subquery()
# Of a file: the change up to which the newest that was given out holds all; None where none was.
_FILES: Final = exports.alias()
_GIVEN: Final = (
    sa.select(sa.func.max(_FILES.c.reached))
    .where(
        _FILES.c.account_id == destinations.c.account_id,
        _FILES.c.destination_id == destinations.c.id,
        _FILES.c.state == "done",
    )
    .scalar_subquery()
)
# The change up to which all was loaded, or given out.
_COVERED: Final = sa.case((destinations.c.seq < _GIVEN, _GIVEN), else_=destinations.c.seq)
# A change that opted out, with its entry; join both.
_OPTED_OUT: Final = (
    entries.c.account_id == changes.c.account_id,
    entries.c.id == changes.c.entry_id,
    entries.c.function.in_(sorted(OPTING_OUT)),
)
# Of a file: something was opted out that is in none, nor was loaded.
_IS_IN_NO_FILE: Final = sa.case(
    (
        (_COVERED < 0) | (_COVERED < _PRUNED),
        sa.exists().where(accounts.c.id == destinations.c.account_id, accounts.c.opted_out > 0),
    ),
    else_=sa.exists().where(changes.c.account_id == destinations.c.account_id, changes.c.seq > _COVERED, *_OPTED_OUT),
)


def _said(by: Origin, reason: str) -> Origin:
    return replace(by, function=Function.SETTING, reason=reason)


def _is(account: int, destination: str) -> tuple[sa.ColumnElement[bool], ...]:
    return destinations.c.account_id == account, destinations.c.id == destination


def _change(connection: sa.Connection, destination: Destination, values: Mapping[str, Any]) -> Destination:
    """Change the columns *values* of *destination* under its lease. Raises `LeaseLost`."""
    lease = destination.lease
    if lease is None:
        raise LeaseLost("Nobody holds this destination.")
    where = _is(destination.account_id, destination.id)
    return replace(_destination_of(leases.change(connection, destinations, where, lease, **values)), lease=lease)


def _failed_at(account: int, destination: str) -> tuple[sa.ColumnElement[bool], ...]:
    return destination_failures.c.account_id == account, destination_failures.c.destination_id == destination


def _list(connection: sa.Connection, account: int) -> list[Destination]:
    query = sa.select(destinations).where(destinations.c.account_id == account)
    ordered = query.order_by(destinations.c.name, destinations.c.id)
    return [_destination_of(row) for row in connection.execute(ordered).mappings()]


def _get(connection: sa.Connection, account: int, destination: str, *, lock: bool = False) -> Destination:
    query = sa.select(destinations).where(*_is(account, destination))
    if lock:
        query = query.with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise WrongState(NO_DESTINATION)
    return _destination_of(row)


def _with_backlog(connection: sa.Connection, one: Destination) -> Destination:
    """*one* with what it did not take and what waits for it, by changes: a phone that changed twice is two."""
    phones, first = sa.func.count(), sa.func.min(destination_failures.c.phone)
    columns = destination_failures.c.problem, phones, first, sa.func.min(destination_failures.c.at)
    failed = sa.select(*columns).where(*_failed_at(one.account_id, one.id))
    failed = failed.group_by(destination_failures.c.problem).order_by(phones.desc(), first)
    one = replace(one, not_taken=tuple(NotTaken(*row) for row in connection.execute(failed)))
    if one.kind is DestinationKind.FILE:
        one = _with_file(connection, one)
    mine = accounts.c.id == one.account_id
    number, pruned = connection.execute(sa.select(accounts.c.opted_out, accounts.c.pruned_change).where(mine)).one()
    if one.cursor is None or one.cursor.whole or one.cursor.seq < pruned:
        return replace(one, waiting=number)
    later = changes.c.account_id == one.account_id, changes.c.seq > one.cursor.seq
    query = sa.select(sa.func.coalesce(sa.func.sum(changes.c.phones), 0), sa.func.min(changes.c.at)).where(*later)
    if one.kind is DestinationKind.FILE:
        query = query.where(*_OPTED_OUT)
    waiting, oldest = connection.execute(query).one()
    return replace(one, waiting=int(waiting), oldest=oldest)


def _with_file(connection: sa.Connection, one: Destination) -> Destination:
    """*one*, of kind file, with what is known of the newest of its files that nobody said was loaded."""
    loaded = -1 if one.cursor is None else one.cursor.seq
    query = sa.select(exports.c.finished_at, ~_IS_IN_NO_FILE).join(
        destinations,
        (destinations.c.account_id == exports.c.account_id) & (destinations.c.id == exports.c.destination_id),
    )
    query = query.where(*_is(one.account_id, one.id), exports.c.state == "done", exports.c.reached > loaded)
    newest = connection.execute(query.order_by(exports.c.reached.desc(), exports.c.entry_id.desc()).limit(1)).first()
    return one if newest is None else replace(one, file_at=newest[0], file_has_all=bool(newest[1]))


def _destination_of(row: sa.RowMapping) -> Destination:
    return Destination(
        account_id=row["account_id"],
        id=row["id"],
        kind=DestinationKind(row["kind"]),
        name=row["name"],
        address=row["address"],
        login=row["login"],
        secret=row["secret"],
        key_name=row["key_name"],
        channel=row["channel_id"],
        state=DestinationState(row["state"]),
        cursor=None if row["cursor"] is None else ChangeCursor.parse(row["cursor"]),
        taken_at=row["taken_at"],
        attempts=row["attempts"],
        problem=row["problem"],
        failing_since=row["failing_since"],
        told_at=row["told_at"],
        made_by=Actor(row["made_by_id"], row["made_by_name"]),
    )
