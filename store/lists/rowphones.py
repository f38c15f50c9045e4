"""
Phones of a list's rows: of one column or several, each read as of its row's country, and of those rows alone that count.

Staging and scrubbing read by it alike. Pure.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from store.choices import Question
from store.lists.blocks import Block
from store.lists.columns import looks_like_phone
from store.lists.formulas import unguarded
from store.lists.meanings import Marker, is_nothing, region_of
from store.lists.questions import (
    Tally,
    asks_about,
    matcher,
    question_of_countries,
    question_of_rows,
    value_key,
)
from store.lists.reader import ListReader
from store.lists.records import Row
from store.lists.senses import ColumnKind, Sense
from store.phones.countries import code_of
from store.phones.fastpath import FastPath
from store.phones.numbers import NotAPhone, PhoneNumber, Reason
from store.phones.parser import Normaliser

_FASTEST: Final = 8  # countries that are read fast: each takes some megabytes
_MOST_CELLS: Final = 5_000  # whose country, or whether they count, is kept
_MOST_ASKED: Final = 20  # questions at once
_UNKNOWN: Final = "?"  # in place of a region code, of a cell that names no country


@dataclass(frozen=True, slots=True)
class LinesRead:
    """
    What is known at once of a block's lines.

    `known`: those that nothing is left to do about; `counted`: those of them that are rows with a phone. `phones`, as whole numbers, each
    `at` its line. `assumed`: those read as of the list's country, which they do not name; `bare`: those that name none, whatever
    they were read as. `left_out`: rows that do not count.
    """

    known: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    phones: npt.NDArray[np.int64]
    at: npt.NDArray[np.int64]
    assumed: npt.NDArray[np.bool_]
    bare: npt.NDArray[np.bool_]
    left_out: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class RowRead:
    """
    What one row gives: its phones, and the first cell of it that gives none where one is to be expected.

    *of_row*: it was read as of a country of its own, not as of the list's.
    """

    phones: tuple[PhoneNumber, ...]
    problem: NotAPhone | None
    of_row: bool = False

    @property
    def bare(self) -> bool:
        """Does any of them name no country?"""
        return any(phone.assumed_country is not None for phone in self.phones)

    @property
    def assumed(self) -> bool:
        """Was the list's country assumed for any of them?"""
        return self.bare and not self.of_row


@dataclass(slots=True)
class _Countries:
    """The countries in force, row by row, with what reads the numbers of each."""

    index: int | None
    whole: str | None
    normalisers: dict[str | None, Normaliser] = field(default_factory=dict)
    fast: dict[str | None, FastPath] = field(default_factory=dict)
    _known: dict[str, str | None] = field(default_factory=dict)

    def of(self, cell: str) -> str | None:
        """The region code for a row with *cell* as its country, `_UNKNOWN` where that is none."""
        if cell in self._known:
            return self._known[cell]
        region = region_of(cell) or (self.whole if is_nothing(cell) else _UNKNOWN)
        if len(self._known) >= _MOST_CELLS:
            self._known.clear()
        self._known[cell] = region
        return region

    def normaliser(self, region: str | None) -> Normaliser:
        if region not in self.normalisers:
            self.normalisers[region] = Normaliser(None if region == _UNKNOWN else region, typed=False)
        return self.normalisers[region]

    def fast_path(self, region: str | None) -> FastPath | None:
        """What reads many cells of *region* at once; None where there are too many countries for that."""
        if region not in self.fast:
            if len(self.fast) >= _FASTEST or region == _UNKNOWN:
                return None
            self.fast[region] = FastPath(region)
        return self.fast[region]


class RowPhones:
    """
    Reads the rows of the list that *reader* has, and counts what its columns say.

    *country*: for numbers that name none. *country_index*: the place of the column with each row's, if that is in force.
    *every_row*: each row counts, whatever people chose.

    `left_out`: rows that do not count, as people chose.
    """

    def __init__(
        self, reader: ListReader, country: str | None, *, country_index: int | None, every_row: bool = False
    ) -> None:
        self._reader = reader
        self._indexes = reader.phone_indexes
        self._countries = _Countries(country_index, country)
        self._whole = self._countries.fast_path(country)
        chosen = () if every_row or reader.choices.all_rows else reader.choices.only
        self._conditions = tuple(
            (place, _Remembered(matcher(values)))
            for name, values in chosen
            if values is not None and (place := reader.place_of(name)) is not None
        )
        chosen_places = {place for place, _ in self._conditions}
        markers = [*reader.meanings.markers]
        markers += [
            Marker(place, reader.names[place], ColumnKind.LIST)
            for place in sorted(chosen_places - {one.index for one in markers})
        ]
        self._tallies = tuple((marker, Tally(marker.sense)) for marker in markers)
        self._of_countries = tuple(
            (place, Tally(Marker(place, "", ColumnKind.LIST).sense)) for place in reader.meanings.countries
        )
        self._bare: dict[int, Counter[str]] = {place: Counter() for place in reader.meanings.countries}
        others = set(reader.meanings.phones) | set(self._indexes)
        self._phone_cells = dict.fromkeys(sorted(others), 0) if len(others) > 1 else {}
        self._watches = bool(self._tallies or self._of_countries or self._phone_cells)
        self._latecomers = reader.latecomers
        self.plain = not (self._conditions or len(self._indexes) > 1 or country_index is not None)
        self.left_out = 0

    # Rows

    def block(self, block: Block) -> LinesRead:
        """What is known at once of the lines of *block*."""
        if self.plain and self._whole is not None:
            phones, assumed = self._whole.read(block.text, block.starts, block.ends)
            known = phones != 0
            at = np.flatnonzero(known)
            read = LinesRead(known, known, phones[at], at, assumed & known, assumed & known)
        else:
            read = self._lines(block)
        if self._watches:
            self._watch(block, read)
        if self._latecomers is not None:
            for place in self._latecomers.places:
                self._latecomers.see_many(place, block.column(place), block.encoding)
        return read

    def cells(self, cells: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """The phones of the *cells* of rows that stand alone, where every row counts and is read alike, as `FastPath.read` gives them."""
        if not self.plain or self._whole is None:
            return np.zeros(len(cells), np.int64), np.zeros(len(cells), np.bool_)
        encoded = [cell.encode() for cell in cells]
        ends = np.cumsum([0, *map(len, encoded)])
        return self._whole.read(np.frombuffer(b"".join(encoded), np.uint8), ends[:-1], ends[1:])

    def counts(self, cells: Sequence[str]) -> bool:
        """Does a row with these *cells* count? One that does not is counted as left out."""
        if all(matches(_at(cells, place)) for place, matches in self._conditions):
            return True
        self.left_out += 1
        self.see(cells)
        return False

    def row(self, row: Row) -> RowRead:
        """What *row* gives, read by itself; it is not asked whether it counts."""
        region = self._region(row.cells)
        if len(self._indexes) == 1:
            read = self._cell(row.cell, region)
            outcome = RowRead((), read) if isinstance(read, NotAPhone) else RowRead((read,), None)
        else:
            outcome = self._several(row, region)
        self.see(row.cells, bare=outcome.problem is not None or outcome.bare)
        return replace(outcome, of_row=True) if region != self._countries.whole else outcome

    def _several(self, row: Row, region: str | None) -> RowRead:
        phones: list[PhoneNumber] = []
        problem: NotAPhone | None = None
        for place in self._indexes:
            cell = _at(row.cells, place)
            if not cell.strip():
                continue
            read = self._cell(cell, region)
            if isinstance(read, PhoneNumber):
                phones.append(read)
            elif problem is None and any(map(str.isdigit, cell)):
                # A dash, or "none", beside a phone is nobody's.
                problem = replace(read, reason=f"{self._reader.names[place]}: {read.reason}")
        if not phones and problem is None:
            first = next((cell for place in self._indexes if (cell := _at(row.cells, place)).strip()), row.cell)
            read = self._cell(first, region)
            problem = read if isinstance(read, NotAPhone) else None
        return RowRead(tuple(phones), problem)

    def _cell(self, cell: str, region: str | None) -> PhoneNumber | NotAPhone:
        cell = unguarded(cell)
        read = self._countries.normaliser(region).parse(cell)
        if region == _UNKNOWN and isinstance(read, NotAPhone) and read.code is Reason.NO_COUNTRY:
            return NotAPhone(
                cell, Reason.UNKNOWN_COUNTRY, "its row names a country that is none, and it has no country code"
            )
        return read

    def _region(self, cells: Sequence[str]) -> str | None:
        index = self._countries.index
        return self._countries.whole if index is None else self._countries.of(_at(cells, index))

    # Many lines

    def _lines(self, block: Block) -> LinesRead:
        many = len(block.starts)
        counted: npt.NDArray[np.bool_] = np.ones(many, np.bool_)
        for place, matches in self._conditions:
            counted &= np.fromiter(map(matches, block.cells(place)), np.bool_, many)
        left_out = ~counted & block.is_filled()
        self.left_out += int(np.count_nonzero(left_out))

        index = self._countries.index
        regions = None if index is None else list(map(self._countries.of, block.cells(index)))
        of_region = dict.fromkeys(regions) if regions is not None else {self._countries.whole: None}
        known: npt.NDArray[np.bool_] = counted.copy()
        assumed: npt.NDArray[np.bool_] = np.zeros(many, np.bool_)
        phones: list[npt.NDArray[np.int64]] = []
        found: npt.NDArray[np.bool_] = np.zeros(many, np.bool_)
        for place in self._indexes:
            text, starts, ends = block.column(place)
            here, names_none = np.zeros(many, np.int64), np.zeros(many, np.bool_)
            for region in of_region:
                fast = self._countries.fast_path(region)
                if fast is None:
                    continue
                lines = (
                    counted
                    if regions is None
                    else counted & np.fromiter((one == region for one in regions), np.bool_, many)
                )
                here[lines], names_none[lines] = fast.read(text, starts[lines], ends[lines])
            # A cell that is blank needs no care where another is filled.
            blank = starts == ends if len(self._indexes) > 1 else np.zeros(many, np.bool_)
            known &= (here != 0) | blank
            found |= here != 0
            assumed |= names_none & (here != 0)
            phones.append(here)
        known &= found
        # Line by line, for of a phone that stands twice the first line counts.
        flat, lines = np.stack(phones, axis=1).ravel(), np.repeat(np.arange(many), len(phones))
        takes = (flat != 0) & known[lines]
        bare = assumed & known
        if regions is not None:
            assumed = bare & np.fromiter((one == self._countries.whole for one in regions), np.bool_, many)
        return LinesRead(known | ~counted, known, flat[takes], lines[takes], assumed & known, bare, left_out)

    # What the columns say of the whole list

    def see(self, cells: Sequence[str], *, bare: bool = False) -> None:
        """Count what the columns say of a row; *bare*: its phone names no country, or could not be read."""
        if self._watches:
            self._count(lambda place: [_at(cells, place)], [bare])
        if self._latecomers is not None:
            self._latecomers.see(cells)

    def _watch(self, block: Block, read: LinesRead) -> None:
        rows = read.counted if read.left_out is None else read.counted | read.left_out
        takes = rows.tolist()
        self._count(lambda place: list(itertools.compress(block.cells(place), takes)), read.bare[rows].tolist())

    def _count(self, cells_of: Callable[[int], list[str]], bare: Sequence[bool]) -> None:
        """Count rows, whose cells of a column *cells_of* gives; which of them are *bare*, see `see`."""
        for marker, tally in self._tallies:
            tally.add(cells_of(marker.index))
        for place, tally in self._of_countries:
            cells = cells_of(place)
            tally.add(cells)
            for cell, rows in Counter(itertools.compress(cells, bare)).items():
                self._bare[place][value_key(cell)] += rows
            if len(self._bare[place]) > _MOST_CELLS:  # countries are not so many
                self._bare[place] = Counter(dict(self._bare[place].most_common(_MOST_CELLS // 2)))
        for place in self._phone_cells:
            self._phone_cells[place] += sum(map(looks_like_phone, cells_of(place)))

    def questions(self) -> list[Question]:
        """What is to be decided, or was decided, of how the list is read, once all of it was."""
        reader, choices, whole = self._reader, self._reader.choices, self._countries.whole
        asked = [reader.phones_question(self._phone_cells)]
        countries = [(reader.names[place], tally) for place, tally in self._of_countries if self._is_country(tally)]
        here = code_of(whole)
        bare = max(
            (
                sum(rows for key, rows in self._bare[place].items() if key and code_of(region_of(key)) != here)
                for place, tally in self._of_countries
                if self._is_country(tally)
            ),
            default=0,
        )
        asked.append(question_of_countries(countries, bare, whole, choices))
        asked += [question_of_rows(marker, tally, choices) for marker, tally in self._tallies if tally.total]
        # Those that were answered make room for others.
        return sorted((question for question in asked if question is not None), key=lambda one: not one.open)[
            :_MOST_ASKED
        ]

    @staticmethod
    def _is_country(tally: Tally) -> bool:
        return any(region_of(shown) is not None for shown in tally.shown.values())

    def remarks(self) -> Iterable[str]:
        """What has to be said of the rows that were read by what other columns say."""
        if self.left_out:
            rows = "row was" if self.left_out == 1 else "rows were"
            yield f"{self.left_out:,} {rows} left out, as chosen"

    def scrub_remarks(self) -> Iterable[str]:
        """What has to be said where rows are only looked up, of columns that tell who wants no texts."""
        for marker, tally in self._tallies:
            if marker.kind is ColumnKind.STATUS and tally.senses[Sense.OUT] and (says := asks_about(marker, tally)):
                yield f"{says}: looked up were the phones alone"


@dataclass(slots=True)
class _Remembered:
    """Remembers what *matches* says of the commonest cells."""

    matches: Callable[[str], bool]
    _known: dict[str, bool] = field(default_factory=dict)

    def __call__(self, cell: str) -> bool:
        known = self._known.get(cell)
        if known is None:
            known = self.matches(cell)
            if len(self._known) < _MOST_CELLS:
                self._known[cell] = known
        return known


def _at(cells: Sequence[str], place: int) -> str:
    return cells[place] if place < len(cells) else ""
