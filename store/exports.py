"""Exports: the list as CSV, for other programs and for people with spreadsheets, and the requests for one from Slack."""

import csv
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Self, TextIO

import sqlalchemy as sa

from store import leases
from store.backlog import Backlog, backlog_of
from store.database import Database
from store.e164 import require_e164
from store.erased import require_not_erased
from store.errors import StoreError, StoreRefused, WrongState
from store.idempotency import is_repeated, result_of, set_result
from store.leases import Lease
from store.lists.formulas import guarded
from store.models import accounts, changes, destinations, entries, exports, opt_outs
from store.moments import ListMoment, moment_of
from store.notes import Function, PlainWriter, note
from store.records import Entry, OptOut, Origin
from store.rows import entries_of, entry_of, new_entry, now, read_opt_outs

# https://docs.getthru.io has no page for it: these are the columns of ThruText's own opt-out export, in its order.
COLUMNS: Final = {
    "desk": ("phone", "opted_out_since", "note", "function", "requested_at", "reason"),
    "thrutext": (
        "timestamp",
        "contact_id",
        "contact_first_name",
        "contact_last_name",
        "contact_phone",
        "conversation_id",
        "note",
        "opt_out_type",
    ),
    "phones": ("phone",),
}
EVIDENCE: Final = "evidence"
MISSING: Final = "missing"
PROGRESS_EVERY = 10_000
# Of phones that were allowed again, as many as somebody goes through by hand.
MOST_ALLOWED: Final = 50
NO_DESTINATION: Final = "There is no such destination any more. `/optout passing` shows those there are."
# The reason of the entry that says so.
NOT_DELIVERED: Final = "not delivered"


@dataclass(frozen=True, slots=True)
class ExportFilter:
    """
    The filter and format of an export. *format*: one of `COLUMNS`, `EVIDENCE` or `MISSING`.

    *since* and *function*: only phones with a standing opt-out made since then, by that function. *phone*: in E.164, whose
    evidence it is; None of an export of the list. *missing_from*: the upload whose list lacks the phones; None of all others.
    *destination*: the id of the one, of kind "file", that it is made for, of what that has not got yet; with *missing_from* of
    the one that is told of these again, in place of a file.
    """

    format: str = "desk"
    since: datetime | None = None
    function: str | None = None
    phone: str | None = None
    missing_from: int | None = None
    destination: str | None = None

    @property
    def passes_on(self) -> bool:
        """Whether it makes no file, but has a destination told."""
        return self.missing_from is not None and self.destination is not None

    @classmethod
    def of_missing(cls, upload: int, destination: str | None = None) -> Self:
        """The filter of what the list of *upload* lacks of ours: see `store.comparing`."""
        return cls(MISSING, missing_from=upload, destination=destination)

    @classmethod
    def of_evidence(cls, phone: str) -> Self:
        """The filter of what is known of one phone, which is no list: see `store.evidence`."""
        return cls(EVIDENCE, phone=phone)


@dataclass(frozen=True, slots=True)
class Covered:
    """
    What a destination's file holds: all that was opted out up to the change *reached* and was not loaded before, *phones* of it.

    *allowed*: how many phones were allowed again since what was loaded, which are not in it; *first_allowed*: the first of
    them, at most `MOST_ALLOWED`.
    """

    reached: int
    phones: int
    allowed: int = 0
    first_allowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """
    An export somebody asked for in Slack, by its *entry*.

    *dm_channel* and *message_ts*: of the message to that person that tells how it goes; None until it is there. *deaths*:
    how often whoever made it died or hung. *lease*: under which it is made, None for who only looks. *covered*: of the file
    that went to Slack for a destination, whose *destination_name* is None where it was removed; None where there is none.
    """

    account_id: int
    entry: Entry
    export_filter: ExportFilter
    dm_channel: str | None
    message_ts: str | None
    attached_file: str | None
    state: str
    problem: str | None
    phones: int
    deaths: int
    lease: Lease | None
    covered: Covered | None = field(default=None, kw_only=True)
    destination_name: str | None = field(default=None, kw_only=True)


class Exports:
    """The verbs on exports: write one; ask for one in Slack, claim it, end it."""

    def __init__(self, database: Database, *, page: int = 5_000) -> None:
        self._database = database
        self._page = page

    def write(
        self,
        account: int,
        out: TextIO,
        export_filter: ExportFilter,
        progress: Callable[[int], None] = lambda _phones: None,
        *,
        lets_through: Callable[[str], bool] = lambda _phone: True,
    ) -> int:
        """
        Write the phones that *export_filter* lets through to *out* as CSV with a header, in order; how many there were.

        *lets_through*: asked of each of them besides, in phone order, when its page is read.

        They are the list as it was when this began: whatever is opted out, deleted or undone meanwhile, a batch of a long
        list too, is in none of it. Read in pages of one short transaction each, so that a slow reader holds nothing up.

        The other cells of a phone are of its oldest standing opt-out that the filter lets through. One that a spreadsheet
        would run as a formula gets an apostrophe (`store.lists.formulas.guarded`). *progress* is told the number so far.
        Importing it gives the same phones.
        """
        if export_filter.format not in COLUMNS:
            raise StoreError(f"An export has one of the formats {', '.join(COLUMNS)}.")
        with self._database.read() as connection:
            began = moment_of(connection, account)
        chosen = _chosen(account, export_filter)
        return self._write(account, out, export_filter.format, began, chosen, progress, lets_through)

    def write_for_destination(
        self,
        account: int,
        out: TextIO,
        export_filter: ExportFilter,
        progress: Callable[[int], None] = lambda _phones: None,
    ) -> Covered:
        """
        As `write`, for the destination of *export_filter*: the phones with a standing opt-out made since what was loaded there.

        The whole list, where nothing was loaded yet, or the feed does not go back to it: what was allowed again since is not
        known then. Raises `WrongState` where the destination was removed.
        """
        with self._database.read() as connection:
            # Before the moment: what is committed in between is in the file, and in the next one again.
            mine = destinations.c.account_id == account, destinations.c.id == export_filter.destination
            query = sa.select(destinations.c.seq, *accounts.c["last_change", "pruned_change"])
            query = query.join(accounts, accounts.c.id == destinations.c.account_id).where(*mine)
            row = connection.execute(query).one_or_none()
            if row is None:
                raise WrongState(NO_DESTINATION)
            loaded, head, pruned = row
            began = moment_of(connection, account)
        chosen: tuple[sa.ColumnElement[bool], ...] = ()
        allowed: tuple[int, tuple[str, ...]] = (0, ())
        if max(pruned, 0) <= loaded <= head:
            since = sa.select(changes.c.entry_id).where(changes.c.account_id == account, changes.c.seq > loaded)
            chosen = (opt_outs.c.entry_id.in_(since),)
            allowed = self._allowed(account, since)
        phones = self._write(account, out, export_filter.format, began, chosen, progress, lambda _phone: True)
        return Covered(head, phones, *allowed)

    def _allowed(self, account: int, since: sa.Select[tuple[int]]) -> tuple[int, tuple[str, ...]]:
        """The phones that an entry among *since* allowed again and nothing holds out: how many, and the first of them."""
        other = opt_outs.alias()
        stands = sa.exists().where(
            other.c.account_id == account, other.c.phone == opt_outs.c.phone, other.c.lifted_by.is_(None)
        )
        query = sa.select(opt_outs.c.phone).where(
            opt_outs.c.account_id == account, opt_outs.c.lifted_by.in_(since), ~stands
        )
        query = query.distinct()
        with self._database.read() as connection:
            number = connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()
            first = connection.execute(query.order_by(opt_outs.c.phone).limit(MOST_ALLOWED)).scalars()
            return number, tuple(first)

    def _write(
        self,
        account: int,
        out: TextIO,
        kind: str,
        began: ListMoment,
        chosen: tuple[sa.ColumnElement[bool], ...],
        progress: Callable[[int], None],
        lets_through: Callable[[str], bool],
    ) -> int:
        """See `write`: those of the opt-outs *chosen* that stood at the moment when it *began*, in the format *kind*."""
        writer = csv.writer(out)
        writer.writerow(COLUMNS[kind])
        number = 0
        for looked_at, oldest in enumerate(self._oldest(account, began, chosen), 1):
            if lets_through(oldest.phone):
                writer.writerow(_cells(oldest, kind))
                number += 1
            if looked_at % PROGRESS_EVERY == 0:
                progress(number)
        out.flush()
        return number

    def _oldest(self, account: int, began: ListMoment, chosen: tuple[sa.ColumnElement[bool], ...]) -> Iterator[OptOut]:
        for _, reasons in itertools.groupby(self._standing(account, began, chosen), key=lambda opt_out: opt_out.phone):
            oldest = next(reasons)
            yield oldest if oldest.lifted is None else replace(oldest, lifted=None)

    def _standing(
        self, account: int, began: ListMoment, chosen: tuple[sa.ColumnElement[bool], ...]
    ) -> Iterator[OptOut]:
        query = (
            sa.select(opt_outs)
            .where(opt_outs.c.account_id == account, began.standing(), *chosen)
            .order_by(opt_outs.c.phone, opt_outs.c.entry_id)
            .limit(self._page)
        )
        after = query
        while True:
            with self._database.read() as connection:
                page = read_opt_outs(connection, account, after)
            yield from page
            if len(page) < self._page:
                return
            last = sa.tuple_(sa.literal(page[-1].phone), sa.literal(page[-1].entry.id))
            after = query.where(sa.tuple_(opt_outs.c.phone, opt_outs.c.entry_id) > last)

    # Those asked for in Slack, made in the background and delivered once.

    def ask(
        self, account: int, by: Origin, export_filter: ExportFilter, *, idempotency_key: str | None = None
    ) -> Export:
        """
        Ask for an export: an entry of function "export" that says what of, and the row of work.

        The entry is about the phone, where its evidence is asked for.

        *idempotency_key*: names the request where it may come twice; the second time it is the export of the first. Raises
        `WrongState` when *account* has no such destination.
        """
        phones = [] if export_filter.phone is None else [export_filter.phone]
        require_e164(phones)
        parts = [f"format {export_filter.format}"]
        if export_filter.missing_from is not None:
            parts = [f"what upload {export_filter.missing_from} lacks"]
        if export_filter.since is not None:
            parts.append(f"since {export_filter.since:%Y-%m-%d}")
        if export_filter.function is not None:
            parts.append(f"function {export_filter.function}")
        named = () if export_filter.destination is None else (export_filter.destination,)
        with self._database.write() as connection:
            require_not_erased(connection, account, phones)
            if export_filter.passes_on:
                parts.append(f"passed on to {_told_name(connection, account, export_filter.destination)}")
            elif export_filter.destination is not None:
                parts.append("for a destination")
            by = replace(by, function=Function.EXPORT, reason=", ".join(parts))
            if is_repeated(self._database, connection, account, idempotency_key, "export", by.reason, *phones, *named):
                return _get(connection, account, result_of(connection, account, idempotency_key)["entry"])
            entry = new_entry(connection, account, by, phones=phones)
            set_result(connection, account, idempotency_key, {"entry": entry.id})
            connection.execute(
                sa.insert(exports).values(
                    account_id=account,
                    entry_id=entry.id,
                    format=export_filter.format,
                    since=export_filter.since,
                    function=export_filter.function,
                    phone=export_filter.phone,
                    missing_from=export_filter.missing_from,
                    destination_id=export_filter.destination,
                    state="asked",
                    lease_until=leases.FREE,
                )
            )
            return _get(connection, account, entry.id)

    def get(self, account: int, entry: int) -> Export:
        """The export that was asked for by *entry*."""
        with self._database.read() as connection:
            return _get(connection, account, entry)

    def claim(self, owner: str, *, lease_seconds: float) -> Export | None:
        """
        The oldest export that nobody is making, for *lease_seconds*; None when there is none.

        One that cannot be read is failed, with the reason, and the next one claimed: it must not stop the others.
        """
        query = sa.select(exports).where(exports.c.state == "asked")
        query = query.order_by(exports.c.account_id, exports.c.entry_id)
        while (row := leases.claim(self._database, exports, query, owner, lease_seconds=lease_seconds)) is not None:
            account, entry, lease = row["account_id"], row["entry_id"], leases.lease_of(row)
            try:
                with self._database.read() as connection:
                    return _get(connection, account, entry, lease)
            except (KeyError, TypeError, ValueError, StoreRefused) as error:
                problem = f"It could not be read ({type(error).__name__})."
                with self._database.write() as connection:
                    ended = {"state": "failed", "problem": problem, "finished_at": now()}
                    leases.change(connection, exports, _is(account, entry), lease, **ended)
        return None

    def renew(self, export: Export, *, lease_seconds: float) -> Export:
        """Hold *export* for *lease_seconds* from now; `LeaseLost` when it was taken over."""
        return self._change(export, **leases.until(lease_seconds))

    def postpone(self, export: Export, *, seconds: float) -> None:
        """Give *export* back, which has to wait: whoever looks in *seconds* or later may claim it."""
        self._change(export, **leases.given_back(seconds=seconds))

    def died(self, export: Export, *, seconds: float) -> None:
        """As `postpone`, since its child died or hung, which is counted."""
        self._change(export, **leases.given_back(seconds=seconds), deaths=export.deaths + 1)

    def set_message(self, export: Export, channel: str, ts: str) -> Export:
        """Remember the message that shows the progress of *export*."""
        return self._change(export, dm_channel=channel, message_ts=ts)

    def set_attached(self, export: Export, file: str, covered: Covered | None = None) -> Export:
        """
        Remember the Slack file of *export*, before it is shared: whoever takes over asks Slack whether it still was.

        *covered*: what that very file holds for a destination.
        """
        values: dict[str, Any] = {"attached_file": file}
        if covered is not None:
            first = " ".join(covered.first_allowed)
            values |= {"phones": covered.phones, "reached": covered.reached}
            values |= {"allowed": covered.allowed, "first_allowed": first}
        return self._change(export, **values)

    def finish(self, export: Export, phones: int) -> Export:
        """End *export*: it was delivered, with so many phones."""
        return self._change(export, state="done", phones=phones, finished_at=now())

    def fail(self, export: Export, problem: str) -> Export:
        """
        End *export*, which cannot be made or delivered; *problem* is a sentence for the person.

        That it never arrived is an entry too: the one that asked for it stands.
        """
        assert export.lease is not None  # noqa: S101  only who claimed it ends it
        where = *_is(export.account_id, export.entry.id), exports.c.state == "asked"
        with self._database.write() as connection:
            ended = {"state": "failed", "problem": problem, "finished_at": now()}
            leases.change(connection, exports, where, export.lease, **ended)
            by = Origin(Function.EXPORT, export.entry.actor, reason=f"{NOT_DELIVERED}, of entry {export.entry.id}")
            new_entry(connection, export.account_id, by)
            return _get(connection, export.account_id, export.entry.id, export.lease)

    def backlog(self) -> Backlog:
        """The backlog of all accounts: exports that are still to be made, and those that could not be, by why."""
        return backlog_of(
            self._database,
            exports,
            ("asked",),
            "failed",
            reason=exports.c.problem,
            since=sa.select(entries.c.at)
            .where(entries.c.account_id == exports.c.account_id, entries.c.id == exports.c.entry_id)
            .scalar_subquery(),
        )

    def _change(self, export: Export, **values: object) -> Export:
        assert export.lease is not None  # noqa: S101  only who claimed it changes it
        where = *_is(export.account_id, export.entry.id), exports.c.state == "asked"
        with self._database.write() as connection:
            leases.change(connection, exports, where, export.lease, **values)
            return _get(connection, export.account_id, export.entry.id, export.lease)


def _chosen(account: int, export_filter: ExportFilter) -> tuple[sa.ColumnElement[bool], ...]:
    """Which opt-outs *export_filter* lets through; all, where it names neither a day nor a function."""
    selected = sa.select(entries.c.id).where(entries.c.account_id == account)
    if export_filter.since is not None:
        selected = selected.where(entries.c.at >= export_filter.since)
    if export_filter.function is not None:
        selected = selected.where(entries.c.function == export_filter.function)
    if export_filter.since is None and export_filter.function is None:
        return ()
    return (opt_outs.c.entry_id.in_(selected),)


def _cells(opt_out: OptOut, kind: str) -> tuple[str, ...]:
    # A phone stays as it is: a plus and digits are no formula that does anything.
    if kind == "phones":
        return (opt_out.phone,)
    asked = opt_out.requested_at or opt_out.entry.requested_at
    if kind == "thrutext":
        note_text = opt_out.imported_note or "; ".join(
            text for text in (opt_out.entry.cause, opt_out.entry.reason) if text
        )
        return (
            _iso(asked or opt_out.entry.at),
            "",
            "",
            "",
            opt_out.phone,
            "",
            guarded(note_text),
            opt_out.entry.function,
        )
    return (
        opt_out.phone,
        _iso(opt_out.entry.at),
        guarded(note(opt_out, PlainWriter())),
        opt_out.entry.function,
        _iso(asked) if asked else "",
        guarded("; ".join(text for text in (opt_out.entry.cause, opt_out.entry.reason, opt_out.imported_note) if text)),
    )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _told_name(connection: sa.Connection, account: int, destination: str | None) -> str:
    """The name of a destination that can be told. Raises `WrongState` where there is none, or a person loads files into it."""
    mine = destinations.c.account_id == account, destinations.c.id == destination
    row = connection.execute(sa.select(destinations.c.name, destinations.c.kind).where(*mine)).one_or_none()
    if row is None:
        raise WrongState(NO_DESTINATION)
    if row.kind == "file":
        raise WrongState(f"{row.name} gets a file that a person loads: *Send me* makes one of these phones.")
    return str(row.name)


def _is(account: int, entry: int) -> tuple[sa.ColumnElement[bool], ...]:
    return exports.c.account_id == account, exports.c.entry_id == entry


def _get(connection: sa.Connection, account: int, entry: int, lease: Lease | None = None) -> Export:
    row = connection.execute(sa.select(exports).where(*_is(account, entry))).mappings().one()
    made_by = connection.execute(entries_of(account).where(entries.c.id == entry)).mappings().one()
    mine = destinations.c.account_id == account, destinations.c.id == row["destination_id"]
    destination_name = connection.execute(sa.select(destinations.c.name).where(*mine)).scalar()
    covered = None
    if row["reached"] is not None:
        covered = Covered(row["reached"], row["phones"], row["allowed"], tuple(row["first_allowed"].split()))
    return Export(
        account_id=account,
        entry=entry_of(made_by),
        export_filter=ExportFilter(
            *(row["format"], row["since"], row["function"], row["phone"]), row["missing_from"], row["destination_id"]
        ),
        dm_channel=row["dm_channel"],
        message_ts=row["message_ts"],
        attached_file=row["attached_file"],
        state=row["state"],
        problem=row["problem"],
        phones=row["phones"],
        deaths=row["deaths"],
        lease=lease,
        covered=covered,
        destination_name=destination_name,
    )
