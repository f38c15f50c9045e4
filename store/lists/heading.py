"""What the first lines of a list tell: what parts its cells, its header, the columns of its phones, and what the others mean."""

import re
from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from store.choices import Choices, Undecided
from store.errors import ListRefused
from store.lists.columns import (
    MOST_COLUMNS,
    NO_NAME,
    THRUTEXT,
    THRUTEXT_PHONE,
    column_key,
    contact_signs,
    filled_cells,
    has_phone_among_words,
    likely_phones,
    looks_like_phone,
    names_of,
)
from store.lists.header import DELIMITERS, HEADER_WITHIN, SampleRecord, find_header, sniff
from store.lists.latecomers import BEYOND, Latecomers
from store.lists.meanings import Marker, Meanings, area_beside, meanings_of
from store.lists.questions import named, question_of_phones
from store.lists.records import Damaged, unquoted
from store.lists.senses import ColumnKind
from store.lists.thrutext import ThruTextColumns
from store.phones.numbers import Reason

_PHONE_DIGITS: Final = 10  # of a phone in the header; a date without signs has eight
_MOST_NOTED: Final = 3  # columns with phones among their words that are named
_CONTENT = re.compile(r"[^\s,;|\"]")
_SEP_LINE = re.compile(r"sep=([^\"\r\n])[\r\n]*+", re.IGNORECASE)


class NoPhoneColumn(ListRefused):
    """
    No column, or no single one, can be the phones'.

    `columns` are the names found, `likely` the one that is most likely theirs, if any.
    """

    def __init__(self, message: str, columns: tuple[str, ...], likely: str | None) -> None:
        super().__init__(message)
        self.columns = columns
        self.likely = likely


@dataclass(frozen=True, slots=True)
class Wanted:
    """What people want of a list, which they call *name*: see `ListReader`. *columns*: those that they chose for the phones."""

    name: str
    columns: tuple[str, ...]
    all_phones: bool
    choices: Choices

    @property
    def phone_key(self) -> str:
        """The phones' column, as `column_key` gives it."""
        return column_key(self.columns[0]) if self.columns else "phone"


class ListHeading:
    """
    What the first lines of a list tell. Building it finds the header and the phones below it, or raises `ListRefused`.

    *sample*: those lines, which are all there are when they are *complete*; *given*: the delimiter, where that is known. *late*:
    what columns say later than in them. Attributes: see `ListReader`, and `named` columns, the `rows` of the sample, and what is `above` the header with a phone in it.
    """

    def __init__(
        self, sample: list[str], wanted: Wanted, late: Sequence[list[str]], *, complete: bool, given: str | None
    ) -> None:
        self._wanted = wanted
        self._name = wanted.name
        self._late = late
        self.remarks: list[str] = []
        self.skip = 0
        self.has_header = False
        self.columns: tuple[str, ...] = ("phone",)
        self.names: tuple[str, ...] = ("phone",)
        self.phone_column = "phone"
        self.phone_indexes: tuple[int, ...] = (0,)
        self.meanings = Meanings()
        self.named = 1
        self.above: list[Damaged] = []
        self.contact_signs: tuple[str, ...] = ()
        self.carrying: ThruTextColumns | None = None
        self.latecomers: Latecomers | None = None
        if given is None and sample and (separator := _SEP_LINE.fullmatch(sample[0])):
            given = separator[1]
            self.skip = 1
        self.delimiter, records = sniff(sample[self.skip :], self.skip, given, wanted.phone_key)
        if self.delimiter != "," and not given:
            self.remarks.append(f"{DELIMITERS[self.delimiter]} between columns")
        if not records or not any(map(_CONTENT.search, sample[self.skip :])):
            where = "it" if complete else f"its first {len(sample):,} lines"
            raise ListRefused(
                f"{self._name} has nothing but blanks and separators in {where}. A list has a line with the names of "
                "its columns, `phone` among them, and its phones below, one a line."
            )
        self._find_phone(records, sample)
        self.rows = [record.cells for record in records if record.start > self.skip]
        if complete and not self.above and not self.rows:
            raise ListRefused(
                f"{self._name} has a header but no rows. A list has its phones below the header, one a line: "
                "add them and drop the file again."
            )

    @property
    def phone_index(self) -> int:
        """The place of the phones' column, or of the first of several."""
        return self.phone_indexes[0]

    def _find_phone(self, records: "list[SampleRecord]", sample: list[str]) -> None:
        """Find the header and the phones in it, and set all that follows; `ListRefused` when nobody can tell which they are."""
        phone_key = self._wanted.phone_key
        header = find_header(records, phone_key)
        export = next(
            (record for record in records[:HEADER_WITHIN] if set(map(column_key, set(record.cells))) >= THRUTEXT), None
        )
        if export is not None and not self._wanted.columns:  # its custom fields may be called anything, `phone` as well
            header, phone_key = export, THRUTEXT_PHONE
            self.remarks.append("read as a ThruText export, with its phones in contact_phone")
        if header is None:
            if not self._wanted.columns and self._is_bare(records):
                self.remarks.append("no header: every line read as a phone")
                return
            # One without a name is chosen by its place in the line that was the header before.
            unnamed = self._wanted.phone_key.endswith(NO_NAME) and find_header(records, "phone")
            header = unnamed or self._header_without_phone(records)
        rows = [*(record.cells for record in records if record.start > header.start), *self._late]
        self.has_header = True
        self.columns = tuple(map(_name, header.cells))
        # Rows may be wider than their header, as where one name is merged over two columns.
        wider = min(max(map(len, rows), default=0), MOST_COLUMNS) if len(self.columns) > 1 else 0
        named = [*(name for name, _ in self._wanted.choices.only), *filter(None, [self._wanted.choices.country_column])]
        self.names = self._names(header.cells, wider, {*map(column_key, [*named, *self._wanted.columns])})
        if export is not header:
            self.meanings = meanings_of(self.names, rows)
        self.phone_indexes = self._phones_in(header.cells, phone_key, rows)
        if in_parts := self._in_parts(self.phone_indexes, rows):
            raise in_parts
        self.phone_column = " and ".join(self.names[place] for place in self.phone_indexes)
        # Whoever reads on counts on a name above the phone.
        self.named = len(self.columns)
        self.columns += self.names[len(self.columns) : max(self.phone_indexes) + 1]
        name = next(iter(header.cells[self.phone_index :]), "").removeprefix("\ufeff")
        if not self._wanted.columns and column_key(name) == phone_key != name:
            self.remarks.append(f"column '{name}' read as {phone_key}")
        if above := sum(record.start < header.start for record in records):
            self.remarks.append(f"{above} line{'s' if above > 1 else ''} above the header skipped")
        self.above = [
            Damaged(
                number, line.rstrip("\r\n"), Reason.ABOVE_HEADER, f"above the header, which is on line {header.start}"
            )
            for number, line in enumerate(sample[self.skip : header.start - 1], self.skip + 1)
            if any(looks_like_phone(unquoted(cell)) for cell in line.rstrip("\r\n").split(self.delimiter))
        ]
        if any(map(_is_long_number, map(unquoted, header.cells))):
            line = self.delimiter.join(header.cells)
            reason = "a phone number among the names of the columns, where no row is read"
            self.above.append(Damaged(header.start, line, Reason.ABOVE_HEADER, reason))
        self.skip = header.end
        self._remark_notes(rows)
        if missing := next((name for name in named if self.place_of(name) is None), None):
            shown = ", ".join(map(_short, self.names[:10]))
            raise ListRefused(f"{self._name} has no column called `{_name(missing)[:40]}`. It has: {shown}.")
        if export is header:
            self.carrying = ThruTextColumns.of(header.cells)
            place = self.carrying.opt_out_type
            self.meanings = Meanings((Marker(place, self.names[place], ColumnKind.STATUS, by_name=False),))
        else:  # what ThruText exports are opt-outs, whatever else they say of people
            self.contact_signs = contact_signs(self.columns, rows)
            if len(self.columns) > 1:
                self.latecomers = Latecomers(self.names, rows, self._told())

    @staticmethod
    def _names(header: Sequence[str], wider: int, chosen: AbstractSet[str]) -> tuple[str, ...]:
        """
        The names of the columns below *header*, in rows of *wider* than its cells.

        Those behind them too, in which only late rows have anything, where one of them is *chosen*.
        """
        width = max(len(header), wider)
        names = names_of([*header, *[""] * (width + BEYOND - len(header))])
        behind = chosen & {*map(column_key, names[width:])}
        return names if behind and len(header) > 1 else names[:width]

    def _remark_notes(self, rows: Sequence[Sequence[str]]) -> None:
        """Say which columns have phones among their words in the first *rows*: whose they are nobody can tell, so they are not read."""
        read = {*self.phone_indexes, *self.meanings.phones}
        noted = [
            name
            for place, (name, cells) in enumerate(filled_cells(self.names, rows))
            if place not in read
            # One of several lines with delimiters may be rows that a quote has swallowed.
            and any(has_phone_among_words(cell) for cell in cells if not ("\n" in cell and self.delimiter in cell))
        ]
        if noted:
            names = " and ".join(map(named, noted[:_MOST_NOTED]))
            self.remarks.append(
                f"phone numbers among the words of {names} are not read: give each its own row if it is meant"
            )

    def _told(self) -> set[int]:
        """The columns of which it is known what they mean."""
        means = self.meanings
        decided = {*self.phone_indexes, *means.phones, *means.countries, *(one.index for one in means.markers)}
        return decided - means.own

    def _phones_in(self, header: Sequence[str], phone_key: str, rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
        """The places of the phones among *header*, with *rows* below it; raises `ListRefused` where that is to be decided first."""
        keys = list(map(column_key, self.names))
        if self._wanted.columns:
            places = [self._place(name, keys, header) for name in self._wanted.columns]
            if None in places:
                missing = self._wanted.columns[places.index(None)]
                raise self._no_phone(missing, rows)
            return tuple(dict.fromkeys(place for place in places if place is not None))
        called = [place for place, cell in enumerate(header) if column_key(cell) == phone_key]
        likely = self.meanings.phones
        if self._wanted.all_phones and (called or len(likely) > 1):
            return tuple(dict.fromkeys((*called, *likely)))
        if called:
            return (called[0],)
        raise self._no_phone("phone", rows)

    @staticmethod
    def _place(name: str, keys: Sequence[str], header: Sequence[str]) -> int | None:
        """The place of the column called *name*, by its own name or by the one in *header*."""
        key = column_key(name)
        if key in keys:
            return keys.index(key)
        return next((place for place, cell in enumerate(header) if column_key(cell) == key), None)

    def place_of(self, name: str) -> int | None:
        """The place of the column that people call *name*; None when there is none."""
        return self._place(name, list(map(column_key, self.names)), self.columns)

    def _in_parts(self, places: Sequence[int], rows: Sequence[Sequence[str]]) -> ListRefused | None:
        """The refusal of a list with the area codes of the numbers at one of *places* in another column; None for others."""
        for place in places:
            area = area_beside(self.names, rows, place)
            if area is not None:
                whose, rest = named(self.names[area]), named(self.names[place])
                return ListRefused(
                    f"{self._name} has its numbers in two columns: {whose} looks like their area codes, and {rest} like the "
                    f"rest of them. Join both in one column called `phone` and drop the file again; if {whose} is something "
                    "else, rename it."
                )
        return None

    def _is_bare(self, records: "list[SampleRecord]") -> bool:
        """Is this one column of phones with no header above it?"""
        alone = sum(not any(map(str.strip, record.cells[1:])) for record in records)
        likely = sum(looks_like_phone(record.cells[0]) for record in records)
        first = bool(records) and looks_like_phone(records[0].cells[0])
        return first and min(alone, likely) * 2 > len(records)

    def _header_without_phone(self, records: "list[SampleRecord]") -> "SampleRecord":
        """The line with the columns' names where none is called as it has to be; `NoPhoneColumn` where there are no names at all."""
        widths = Counter(len(record.cells) for record in records)
        width = widths.most_common(1)[0][0]
        first = records[0]
        # A header may be wider than the rows below it, never narrower.
        names = sum(map(bool, map(str.strip, first.cells)))
        if len(first.cells) > width and names > 1 and not any(map(looks_like_phone, first.cells)):
            return first
        top = next(record for record in records if len(record.cells) == width)
        if not self._wanted.columns and any(map(looks_like_phone, top.cells)):
            raise NoPhoneColumn(
                f"{self._name} has no header: its first line has a phone number in it already. Put a line with the "
                "names of the columns above it, `phone` among them, and drop the file again.",
                (),
                None,
            )
        return top

    def _no_phone(self, wanted: str, rows: Sequence[Sequence[str]]) -> ListRefused:
        """Why there is no column called *wanted*, with those there are, and what looks like phones among them."""
        named = [_short(name) for name in self.columns if name]
        shown = ", ".join(named[:10]) + (f" and {len(named) - 10:,} more" if len(named) > 10 else "")
        problem = f"{self._name} has no column called `{_name(wanted)[:40]}`. It has: {shown or 'no names'}."
        own = self.meanings.own
        likely = [place for place in map(self.names.index, likely_phones(self.names, rows)) if place not in own]
        if in_parts := self._in_parts(likely, rows):
            return in_parts
        if len(likely) > 1 or (likely and own):
            likely.sort()
            alike = Counter(column_key(self.columns[place]) for place in likely)
            key, many = alike.most_common(1)[0]
            if many > 1:
                at = [place for place in likely if column_key(self.columns[place]) == key]
                where = ", ".join(str(place + 1) for place in at[:-1][:9])
                problem += f" {many} columns called {_short(self.columns[at[0]])} (columns {where} and {at[-1] + 1}) look alike."
            question = question_of_phones(
                [(self.names[place], None) for place in likely],
                (),
                [self.names[place] for place in sorted(own)],
                decided=False,
                is_log=self.meanings.is_log,
            )
            assert question is not None  # noqa: S101  there are several
            return Undecided(problem, question)
        cure = "Rename the column with the phones to `phone` and drop the file again."
        if likely:
            name = self.names[likely[0]]
            cure = f"{_short(name)} looks like phone numbers: use it, or rename it to `phone` and drop the file again."
        return NoPhoneColumn(f"{problem} {cure}", self.columns, self.names[likely[0]] if likely else None)


def _is_long_number(name: str) -> bool:
    """Is a column's *name* a phone, rather than the day that its cells are about?"""
    return looks_like_phone(name) and sum(map(str.isdigit, name)) >= _PHONE_DIGITS


def _name(cell: str) -> str:
    return " ".join(cell.replace("\ufeff", "").split())


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:39]}…"
