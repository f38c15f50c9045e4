"""
Questions on what columns mean: the values of each are counted over the whole list, and where they tell rows apart, people are asked.

Pure. `meanings` tells which columns those are.
"""

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from store.choices import Choices, Offer, Question
from store.lists.columns import column_key
from store.lists.meanings import Marker, words_of
from store.lists.senses import LONGEST, PENDING, ColumnKind, Sense, bare
from store.phones.countries import country_name

# Of a column's values in a choice: every cell that is filled.
FILLED: Final = "*"

_MOST_VALUES: Final = 200  # different ones of a column that are told apart; a column of more is no status
_MOST_CELLS: Final = 5_000  # whose meaning is kept, so that it is found out once
_MOST_LISTED: Final = 20  # values of an offer
_MOST_OFFERED: Final = 3  # values, each with an offer of its own
_MOST_NAMED: Final = 5  # values in a sentence
_SHORT: Final = 30  # characters of a name or value in a sentence
_MESSAGE_NAME: Final = re.compile(r"texts?|sms")


def value_key(cell: str) -> str:
    """The form of a cell in which values are compared: as `columns.column_key`, of its first characters."""
    return column_key(cell[:LONGEST])


@dataclass(slots=True)
class Tally:
    """
    The values of one column over the whole list: rows by value and by what they say.

    Of more than some hundred values the others are counted by what they say alone, so that memory is bounded.
    """

    sense: Callable[[str], Sense]
    rows: Counter[str] = field(default_factory=Counter)
    """By `value_key`."""
    shown: dict[str, str] = field(default_factory=dict)
    """How each of these is written where it stands first."""
    senses: Counter[Sense] = field(default_factory=Counter)
    overflowed: bool = False
    _known: dict[str, tuple[str, Sense]] = field(default_factory=dict)

    def add(self, cells: Iterable[str]) -> None:
        """Count *cells*, one of each row."""
        for cell, rows in Counter(cells).items():
            key, sense = self._meaning(cell)
            self.senses[sense] += rows
            most = _MOST_VALUES if sense not in {Sense.OUT, Sense.IN} else 2 * _MOST_VALUES
            if key in self.rows or len(self.rows) < most:
                self.rows[key] += rows
                self.shown.setdefault(key, cell[:LONGEST].strip())
            else:
                self.overflowed = True

    def sense_of(self, key: str) -> Sense:
        """What the value with that *key* says."""
        return self.sense(self.shown[key])

    def _meaning(self, cell: str) -> tuple[str, Sense]:
        known = self._known.get(cell)
        if known is None:
            known = value_key(cell), self.sense(cell)
            if len(self._known) >= _MOST_CELLS:
                self._known.clear()
            self._known[cell[:LONGEST]] = known
        return known

    def common(self) -> list[tuple[str, int]]:
        """The values with their rows, commonest first; of those as common, what is blank last."""
        return sorted(self.rows.items(), key=lambda one: (-one[1], not one[0], one[0]))

    @property
    def total(self) -> int:
        return self.senses.total()

    @property
    def filled(self) -> int:
        return self.total - self.senses[Sense.BLANK]


def matcher(values: Iterable[str]) -> Callable[[str], bool]:
    """Is a cell one of *values*, as people chose them?"""
    keys = frozenset(map(value_key, values))
    if FILLED in values:
        return lambda cell: bool(cell.strip()) or "" in keys
    return lambda cell: value_key(cell) in keys


def question_of_rows(marker: Marker, tally: Tally, choices: Choices) -> Question | None:
    """What to ask about the rows that *marker* tells apart, by its whole *tally*; None where it tells none apart."""
    chosen = {column_key(column): values for column, values in choices.only}
    key = column_key(marker.name)
    if key not in chosen and not _asks(marker, tally):
        return None
    every = tally.total
    offers = [_only(marker, tally, keys) for keys in _groups(marker, tally)]
    whole = Offer(f"All {every:,} rows" if every > 1 else "That one row", {"only": [[marker.name, None]]}, "--all-rows")
    name = named(marker.name)
    if key not in chosen and not choices.all_rows:
        text = f"{name} says {_values(tally)}. Which rows are to be opted out?"
        return Question(text, (*offers, whole))
    values = chosen.get(key)
    if values is None or choices.all_rows:
        return Question(f"All rows count, whatever {name} says: {_values(tally)}.", tuple(offers), open=False)
    taken = set(map(value_key, values))
    others = tuple(offer for offer in offers if set(offer.choices["only"][0][1]) != taken)
    text = f"Only the rows that say {_listed(values, tally)} in {name} count. It says {_values(tally)}."
    return Question(text, (*others, whole), open=False)


def asks_about(marker: Marker, tally: Tally) -> str:
    """What the column of *marker* says, where that tells rows apart: "Status" says "active" in 6 rows and "stop" in 2; else ""."""
    return f"{named(marker.name)} says {_values(tally)}" if _asks(marker, tally) else ""


def _asks(marker: Marker, tally: Tally) -> bool:
    out, wanted, blank, other = (tally.senses[sense] for sense in (Sense.OUT, Sense.IN, Sense.BLANK, Sense.OTHER))
    match marker.kind:
        case ColumnKind.STATUS if not marker.by_name:
            return wanted > 0 or (out > 0 and any(map(PENDING.fullmatch, map(bare, tally.rows))))
        case ColumnKind.STATUS:
            yes, no = tally.senses[Sense.YES], tally.senses[Sense.NO]
            if _MESSAGE_NAME.fullmatch(words_of(marker.name)) and (out + wanted + yes + no) * 2 < tally.filled:
                return False  # what people wrote
            unsure = yes + no > 0 and sum(map(bool, (yes, no, blank, out, other))) > 1
            noted = marker.polarity is Sense.OUT and other > 0 and blank > 0
            return wanted > 0 or (out > 0 and blank + other > 0) or unsure or noted or _is_unknown(marker, tally)
        case ColumnKind.CHANNEL:
            return wanted > 0
        case ColumnKind.BODY:
            return wanted + other > 0
        case ColumnKind.LIST:
            return not tally.overflowed and 1 < len(tally.rows) <= _MOST_LISTED
        case _:
            return out > 0 and wanted > 0


def _is_unknown(marker: Marker, tally: Tally) -> bool:
    """Does a column of consent say the same two or three things over and over, in a script whose words are not known?"""
    only = tally.senses[Sense.OTHER] == tally.total and 1 < len(tally.rows) <= _MOST_OFFERED
    return (
        marker.polarity is not None and only and min(tally.rows.values()) > 1 and not any(map(str.isascii, tally.rows))
    )


def _groups(marker: Marker, tally: Tally) -> list[list[str]]:
    """The values that can be chosen together, each group an offer."""
    by_sense: dict[Sense, list[str]] = {sense: [] for sense in Sense}
    for key, _ in tally.common():
        by_sense[tally.sense_of(key)].append(key)
    if marker.kind is ColumnKind.LIST or _is_unknown(marker, tally):
        return [[key] for key, _ in tally.common()[:_MOST_OFFERED] if key]
    out = by_sense[Sense.OUT]
    if len(out) > _MOST_LISTED:
        # Dates, of which each is another.
        return [[FILLED]] if tally.filled == tally.senses[Sense.OUT] else []
    groups = [out] if out else []
    yes, no, blank = by_sense[Sense.YES], by_sense[Sense.NO], by_sense[Sense.BLANK]
    groups += [out + yes] if yes else []
    groups += [yes + out + blank] if yes and blank else []
    groups += [out + no] if no else []
    rest = [*out, *by_sense[Sense.OTHER], *blank, *yes, *no]
    known = not tally.overflowed and len(rest) <= _MOST_LISTED
    if out and by_sense[Sense.IN] and known and rest != out:
        groups.append(rest)
    if not groups and marker.kind is ColumnKind.STATUS and known and rest and by_sense[Sense.IN]:
        groups.append(rest)
    if not out and marker.polarity is Sense.OUT and not by_sense[Sense.IN] and by_sense[Sense.OTHER]:
        # Whatever stands there, like who took the request.
        groups.insert(0, [FILLED])
    return [list(group) for group in dict.fromkeys(map(tuple, groups))]


def _only(marker: Marker, tally: Tally, keys: Sequence[str]) -> Offer:
    rows = tally.filled if FILLED in keys else sum(tally.rows[key] for key in keys)
    says = "that says" if rows == 1 else "that say"
    label = f"Only the {rows:,} {says} {_listed(keys, tally, most=2)}"
    if FILLED in keys:
        label = f"Only the {rows:,} where {named(marker.name)} is filled"
    option = " ".join(f"--only {shlex.quote(f'{marker.name}={tally.shown.get(key, key)}')}" for key in keys)
    return Offer(label, {"only": [[marker.name, list(keys)]]}, option)


def question_of_countries(
    columns: Sequence[tuple[str, Tally]], bare: int, country: str | None, choices: Choices
) -> Question | None:
    """
    What to ask where *columns* have each row's country, and *bare* rows a phone that would be read by it as another.

    *country*: the one in force for the whole list.
    """
    if not columns or (not bare and choices.country_column is None and not choices.one_country):
        return None
    each = tuple(
        Offer(
            f"Country of each row from {named(name)}",
            {"country_column": name, "one_country": False},
            f"--country-column {shlex.quote(name)}",
        )
        for name, _ in columns
        if choices.country_column is None or column_key(name) != column_key(choices.country_column)
    )
    whole = (
        (Offer(f"All as {country_name(country)}", {"country_column": None, "one_country": True}, "--one-country"),)
        if country
        else ()
    )
    say = " · ".join(f"{named(name)} says {_values(tally)}" for name, tally in columns)
    if choices.country_column is not None:
        blank = f", and {country_name(country)} where that is blank" if country else ""
        return Question(
            f"Each row is read with its country from {named(choices.country_column)}{blank}.",
            (*each, *whole),
            open=False,
        )
    if choices.one_country and country:
        return Question(f"All rows are read as {country_name(country)}, whatever they say: {say}.", each, open=False)
    rows = "row has a number" if bare == 1 else "rows have numbers"
    return Question(f"{say}. {bare:,} {rows} without a country code. Which country are they from?", (*each, *whole))


def question_of_phones(
    columns: Sequence[tuple[str, int | None]],
    chosen: Sequence[str],
    own: Sequence[str],
    *,
    decided: bool,
    is_log: bool = False,
) -> Question | None:
    """
    What to ask where several *columns* look like phones, each with how many cells are filled, where that is known.

    *chosen*: those that are read as it stands. *own*: columns with one number in every row.
    """
    names = [name for name, _ in columns]
    if len(names) < 2 and not (own and names != list(chosen)):
        return None
    offers = [
        Offer(f"Only {named(name)}", {"columns": [name]}, f"--column {shlex.quote(name)}")
        for name in names
        if not (decided and [name] == list(chosen))
    ]
    if len(names) > 1 and not is_log and not (decided and names == list(chosen)):
        every = f"All {len(names)} columns" if len(names) > 2 else "Both columns"
        options = " ".join(f"--column {shlex.quote(name)}" for name in names)
        offers.insert(0, Offer(every, {"columns": names}, options))
    counts = [named(name) + ("" if many is None else f" ({many:,} filled)") for name, many in columns]
    text = f"{_and(counts)} look{'s' if len(counts) == 1 else ''} like phone numbers."
    if own:
        text += f" {_and([named(name) for name in own])} {'has' if len(own) == 1 else 'have'} one number in every row: your own?"
    if decided:
        return Question(
            f"Phones are read from {_and([named(name) for name in chosen])}. {text}", tuple(offers), open=False
        )
    return Question(f"{text} Whose are to be opted out?", tuple(offers))


def named(name: str) -> str:
    """A column's name or a value in a sentence: in quotes, and short."""
    one = " ".join(name.split())
    return f'"{one if len(one) <= _SHORT else one[: _SHORT - 1] + "…"}"'


def _said(key: str, tally: Tally) -> str:
    if key == FILLED:
        return "anything"
    shown = tally.shown.get(key, key)
    return named(shown) if shown.strip() else "nothing"


def _listed(keys: Sequence[str], tally: Tally, most: int = _MOST_NAMED) -> str:
    said = [_said(key, tally) for key in keys[:most]]
    return " or ".join(said) + (f" or {len(keys) - most:,} more" if len(keys) > most else "")


def _values(tally: Tally) -> str:
    """The commonest values with their rows: "FALSE" in 6 rows and "TRUE" in 2."""
    common = tally.common()[:_MOST_NAMED]
    parts = [f"{_said(key, tally)} in {rows:,}" for key, rows in common]
    rest = tally.total - sum(rows for _, rows in common)
    if rest:
        parts.append(f"something else in {rest:,}")
    parts[0] += " row" if common[0][1] == 1 else " rows"
    return _and(parts)


def _and(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
