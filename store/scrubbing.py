"""Scrubbing: a list is copied without the rows whose phone is opted out. Neither the list nor the store changes."""

import os
import secrets
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from store.choices import NOTHING_CHOSEN, Choices, Undecided
from store.errors import ListRefused, StoreError
from store.importing import LeaseKeeper
from store.lists.blocks import Block
from store.lists.copying import FILE_CHANGED, Copy, with_commas
from store.lists.heading import NoPhoneColumn
from store.lists.questions import named
from store.lists.reader import ListReader
from store.lists.records import Damaged, Row
from store.lists.rowphones import LinesRead, RowPhones
from store.lists.staging import ReportProgress
from store.optouts import opted_out_among
from store.phones.numbers import Reason
from store.records import UnreadableReason
from store.store import Store
from store.upload_work import UploadWork

_BATCH: Final = 10_000


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """
    The outcome of scrubbing a list: `rows` is `kept` + `removed`, + `unreadable` unless `unreadable_kept`.

    `removed` rows have a phone that is opted out, `unreadable` ones no phone that can be looked up; `kept` are in the file
    given back. `reasons` why rows are unreadable, commonest first. `assumed` rows were read with the
    `country`. `phone_column` is where the phones were, `remarks` are of the whole list.
    """

    rows: int
    removed: int
    unreadable: int
    kept: int
    unreadable_kept: bool
    reasons: tuple[UnreadableReason, ...]
    assumed: int
    country: str | None
    phone_column: str
    remarks: tuple[str, ...]

    @classmethod
    def read(cls, packed: dict[str, Any]) -> Self:
        """The outcome that `dataclasses.asdict` and JSON made of one."""
        reasons = tuple(UnreadableReason(**{**reason, "code": Reason(reason["code"])}) for reason in packed["reasons"])
        return cls(**{**packed, "reasons": reasons, "remarks": tuple(packed["remarks"])})


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@dataclass(slots=True)
class _Record:
    """One record of the list: the line it starts on, its phones, and why one of them could not be read, if that is so."""

    line: int
    phones: frozenset[str]
    problem: Reason | None
    assumed: bool = False


def scrub(
    store: Store,
    account: int,
    path: Path,
    out: Path,
    *,
    country: str | None,
    column: str | None = None,
    choices: Choices = NOTHING_CHOSEN,
    keep_unreadable: bool = False,
    name: str | None = None,
    progress: ReportProgress,
) -> Scrubbed:
    """
    Write the list at *path* to *out* without the rows whose phone is opted out, every other line byte for byte.

    A list that is text stays as it is, down to its line ends; one that first had to be made text is written as that text,
    in UTF-8, and a sheet with commas. *country*, *column*, *choices* and *name* as for `stage`.

    Of a list with several columns that look like phones each is looked up, where *choices* name none: a row goes when any of
    its phones is opted out. A column with each row's country is used, where *choices* do not say otherwise. What a column says of
    a row's consent is nothing to this: its phone counts.

    Rows that cannot be read go too unless *keep_unreadable*: whoever asks is about to text what comes back, and a phone
    that could not be looked up may be an opted-out one. They are counted either way.

    Each batch of rows is held against the list as it is at that moment. *out* appears when it is whole, in place of what
    was there; nothing is left when this fails. Raises `ListRefused`, `StoreError` for an unknown *account* or an *out* that
    is *path*, OSError, and whatever *progress* raises.
    """
    store.accounts.get(account)
    if out.exists() and out.samefile(path):
        raise StoreError(f"{out} is the list itself, which stays as it is: give the scrubbed one another name.")
    for left in out.parent.glob(f"{escape(out.name)}.*.part"):
        left.unlink(missing_ok=True)
    part = out.with_name(f"{out.name}.{secrets.token_hex(4)}.part")
    before = path.stat()
    try:
        with ListReader(
            path,
            column=column,
            choices=choices,
            all_phones=True,
            name=name,
            spool=part.with_suffix(".text.part"),
            working=lambda: progress(0, 0.0),
        ) as reader:
            while (outcome := _copied(store, account, reader, part, country, keep_unreadable, progress)) is None:
                part.unlink()
        after = path.stat()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise StoreError(FILE_CHANGED)
        part.chmod(0o600)  # whatever the umask: it names people, as the list does
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    progress(outcome.rows, 1.0)
    return outcome


def scrub_upload(
    store: Store,
    work: UploadWork,
    path: Path,
    out: Path,
    *,
    keep_unreadable: bool,
    progress: ReportProgress,
    lease_seconds: float,
    stall_seconds: float,
) -> Scrubbed | UploadWork:
    """
    Scrub the file at *path* of a received upload, under its lease; the upload stays received until *out* is delivered.

    A list that cannot be read leaves it refused, which is returned then. `LeaseLost` and `WrongState` as ever.
    """
    with LeaseKeeper(work, lease_seconds=lease_seconds, stall_seconds=stall_seconds) as keeper:

        def checked(rows: int, fraction: float) -> None:
            keeper.check()
            progress(rows, fraction)

        try:
            return scrub(
                store,
                work.upload.account_id,
                path,
                out,
                country=work.upload.country,
                column=work.upload.phone_column,
                choices=work.upload.choices,
                keep_unreadable=keep_unreadable,
                name=work.upload.file_name,
                progress=checked,
            )
        except NoPhoneColumn as error:
            return work.refuse(str(error), columns=error.columns, likely=error.likely)
        except Undecided as error:
            return work.refuse(str(error), questions=(error.question,))
        except ListRefused as error:
            return work.refuse(str(error))


def _copied(
    store: Store,
    account: int,
    reader: ListReader,
    part: Path,
    country: str | None,
    keep_unreadable: bool,
    progress: ReportProgress,
) -> Scrubbed | None:
    """Copy what stays of the list of *reader* to *part*; None where it is to be read anew, by what some column said late in it."""
    reading = _Reading(store, account, reader, country, keep_unreadable=keep_unreadable)
    with reader.text_path.open("rb") as text, open(part, "xb", opener=_private) as file:
        if reader.is_sheet:
            reader.remarks.append("a sheet comes back as CSV: its values, without formats and other sheets")
            # With a mark, since Excel takes what has none for the machine's old code page.
            file.write(b"\xef\xbb\xbf")
            copy = Copy(reader, text, lambda lines: file.writelines(with_commas(lines, reader.delimiter)))
        else:
            copy = Copy(reader, text, file.writelines)
        reading.copy(copy, progress)
    return None if reader.look_again() else reading.outcome()


class _Reading:
    """Goes through a list once, decides on each record, and counts."""

    def __init__(
        self, store: Store, account: int, reader: ListReader, country: str | None, *, keep_unreadable: bool
    ) -> None:
        self._store = store
        self._account = account
        self._reader = reader
        self._country = country
        self._keep_unreadable = keep_unreadable
        place = _country_place(reader)
        self._row_phones = RowPhones(reader, country, country_index=place, every_row=True)
        if len(reader.phone_indexes) > 1:
            names = " and ".join(named(reader.names[index]) for index in reader.phone_indexes)
            reader.remarks.append(f"a row goes when any of its phones is opted out: {names} were looked up")
        if place is not None:
            reader.remarks.append(f"each row read with its country from {named(reader.names[place])}")
        self._rows = self._removed = self._unreadable = self._assumed = 0
        self._reasons: dict[Reason, list[int]] = {}  # to the number of rows and the first line

    def copy(self, copy: Copy, progress: ReportProgress) -> None:
        """Have *copy* take or leave every record."""

        def tell() -> None:
            progress(self._rows, min(1.0, self._reader.bytes_read / max(1, self._reader.size)))

        # A record outside of blocks is not decided on before it is known what stands on the next line.
        records: list[_Record] = []
        for item in self._reader.blocks():
            if isinstance(item, Block):
                self._one_by_one(records, copy)
                records = []
                read = self._row_phones.block(item)
                for start in range(0, len(item.starts), _BATCH):
                    self._block(item, read, slice(start, start + _BATCH), copy)
                    tell()
                continue
            record = self._record(item)
            if records and records[-1].line == record.line:
                # One with a phone hidden in a cell of several lines comes as a row and as damage.
                records[-1].phones |= record.phones
                records[-1].problem = records[-1].problem or record.problem
                continue
            if len(records) == _BATCH:
                self._one_by_one(records, copy)
                records = []
                tell()
            records.append(record)
        if records:
            self._one_by_one(records, copy)
            tell()
        copy.end()

    def _one_by_one(self, records: "list[_Record]", copy: Copy) -> None:
        opted_out = self._opted_out(frozenset[str]().union(*(record.phones for record in records)))
        for record in records:
            copy.begin(record.line, keep=self._stays(record, opted_out))
            if record.line <= self._reader.skip or record.problem is Reason.BELOW_LIST:
                # What is above the header, or below the list, are single lines: what follows stays whatever they are.
                copy.begin(record.line + 1, keep=True)

    def _block(self, block: Block, read: LinesRead, part: slice, copy: Copy) -> None:
        """The lines of *part* of *block*, each of which is a record or blank; *read* is what is known of all of its lines."""
        lines = np.arange(part.start, min(part.stop, len(block.starts)))
        fast = read.counted[lines]
        slow = [self._record(row) for index in lines[~fast].tolist() for row in block.carefully(index)]
        here = (read.at >= part.start) & (read.at < part.stop)
        phones, at = read.phones[here], read.at[here] - part.start
        opted_out = self._opted_out(
            frozenset(f"+{phone}" for phone in phones.tolist()).union(*(record.phones for record in slow))
        )
        removed = np.zeros(len(lines), np.bool_)
        removed[at[np.isin(phones, np.array([int(phone[1:]) for phone in opted_out], np.int64))]] = True
        self._rows += int(np.count_nonzero(fast))
        self._removed += int(np.count_nonzero(removed))
        self._assumed += int(np.count_nonzero(read.assumed[lines]))

        first = block.first_line + part.start
        is_record, stays = fast, ~removed
        for record in slow:
            is_record[record.line - first] = True
            stays[record.line - first] = self._stays(record, opted_out)
        lines = np.flatnonzero(is_record)
        kept = stays[lines]
        # Records that stay one after another are copied in one go; each of the others has its own blank lines below.
        begins = ~kept
        begins[:1] = True
        begins[1:] |= ~kept[:-1]
        for line, keep in zip((lines[begins] + first).tolist(), kept[begins].tolist(), strict=True):
            copy.begin(line, keep=keep)

    def _record(self, row: Row | Damaged) -> _Record:
        if isinstance(row, Damaged):
            return _Record(row.line, frozenset(), row.code)
        read = self._row_phones.row(row)
        problem = None if read.problem is None else read.problem.code
        return _Record(row.line, frozenset(phone.e164 for phone in read.phones), problem, read.assumed)

    def _opted_out(self, phones: frozenset[str]) -> set[str]:
        if not phones:
            return set()
        with self._store.database.read() as connection:
            return opted_out_among(connection, self._account, sorted(phones))

    def _stays(self, record: _Record, opted_out: set[str]) -> bool:
        self._rows += 1
        self._assumed += record.assumed
        if record.phones & opted_out:
            self._removed += 1
            return False
        if record.problem is None:
            return True
        self._unreadable += 1
        self._reasons.setdefault(record.problem, [0, record.line])[0] += 1
        return self._keep_unreadable

    def outcome(self) -> Scrubbed:
        """The outcome, with the counts of all records."""
        dropped = 0 if self._keep_unreadable else self._unreadable
        return Scrubbed(
            rows=self._rows,
            removed=self._removed,
            unreadable=self._unreadable,
            kept=self._rows - self._removed - dropped,
            unreadable_kept=self._keep_unreadable,
            reasons=tuple(
                UnreadableReason(code, rows, line)
                for code, (rows, line) in sorted(self._reasons.items(), key=lambda one: (-one[1][0], one[1][1]))
            ),
            assumed=self._assumed,
            country=self._country,
            phone_column=self._reader.phone_column,
            remarks=(
                *(asked.text for asked in self._reader.questions if not asked.open),
                *self._reader.remarks,
                *self._row_phones.scrub_remarks(),
            ),
        )


def _country_place(reader: ListReader) -> int | None:
    """The place of the column that has each row's country: the one people chose, else the likeliest, where they did not choose one for all."""
    if reader.choices.one_country:
        return None
    if reader.choices.country_column is not None:
        return reader.place_of(reader.choices.country_column)
    return next(iter(reader.meanings.countries), None)
