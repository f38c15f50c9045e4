"""
The fast path in front of `store.phones.parser`: phones of plain cells in arrays, millions a second.

It accepts or says "don't know"; what it does not know, `Normaliser` reads. Nothing of the library's logic is written
again here. A reading is a function of the answers that the patterns of one numbering plan give about a number and
about what is left of it behind its prefixes. Where the first digits and the length settle all of those answers,
whatever digits follow, all numbers that begin so are read alike: `Normaliser` reads two of them, and the difference
between the digits written and the phone holds for the rest.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import phonenumbers

from store.phones.dates import find_dates
from store.phones.habits import EIGHT, has_other_readings
from store.phones.numbers import PhoneNumber
from store.phones.parser import Normaliser
from store.phones.plans import Plan, Prefix, Unsettled, plan_of

_Cells = npt.NDArray[np.int64]

_FEWEST, _MOST = 5, 13  # digits; 14 may be two numbers
_USUAL, _LONGEST = 20, 40  # bytes of a cell; the few longer ones are read apart from the others
_BLOCK = 8_192  # cells at a time: what is made of them stays in the processor's cache

# The table is a tree of nodes; a node has an entry for each of the next three digits. An entry is a node's number, or
# negative: what to do with all numbers that begin so. 0: not met yet.
_STEP, _RADIX = 3, 1_000
_DEEPEST = 3 * _STEP  # digits; what needs more is left to the library
_NODES = 8_000  # 16 MB
_LESSONS = 100_000  # entries; a list of more is noise, and goes to the library as it would without
_UNKNOWN = -1
_ALIGNED = 15  # digits, a multiple of _STEP
_POWERS: Final[npt.NDArray[np.int64]] = np.array([10**n for n in range(_ALIGNED + 1)], np.int64)
_TOP: Final = 10 ** (_ALIGNED - _STEP)
_RULES = 30_000


class FastPath:
    """
    Reads plain cells with one country in force. Build it once for a list: what it learns of the list's numbers it keeps.

    *country* as for `Normaliser`, with the same ValueError.
    """

    def __init__(self, country: str | None) -> None:
        self._normaliser = Normaliser(country, typed=False)
        self._country = country
        self._plans: dict[int, Plan | None] = {}
        self._national_prefixes: list[tuple[Prefix, bool]] = []
        self._abroad: Prefix | None = None
        self._code = 0
        self._accepts_national = country is not None and self._prepare(country)
        # Node 0 is never a child; then one root for each number of digits, without and with a plus.
        self._nodes = 1 + 2 * (_MOST + 1)
        self._tree = np.zeros((64, _RADIX), np.int16)
        self._lessons = 0
        self._rules: dict[tuple[int, bool], int] = {}
        self._shifts = np.zeros(2, np.int64)  # by rule: what to add to the digits; 0 and 1 stand for no rule
        self._assumed = np.zeros(2, np.bool_)

    def read(
        self, text: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """
        The phones of the cells text[start:end], and whether the country in force was assumed for each.

        A phone is its E.164 digits as a whole number, 12125550100, or 0: "don't know, ask `Normaliser`". For any other
        `Normaliser(country, typed=False)` reads the same phone, not flagged and without a remark. *text* is in any
        encoding that keeps ASCII, and may hold anything; cells may be empty, and overlap.
        """
        phones = np.zeros(len(starts), np.int64)
        assumed = np.zeros(len(starts), np.bool_)
        for first in range(0, len(starts), _BLOCK):
            block = slice(first, first + _BLOCK)
            self._read_block(text, starts[block], ends[block], phones[block], assumed[block])
        return phones, assumed

    def _read_block(
        self,
        text: npt.NDArray[np.uint8],
        starts: _Cells,
        ends: _Cells,
        phones: npt.NDArray[np.int64],
        assumed: npt.NDArray[np.bool_],
    ) -> None:
        lengths = ends - starts
        usual = (lengths >= _FEWEST) & (lengths <= _USUAL)
        if usual.all():
            phones[:], assumed[:] = self._read_cells(text, starts, ends)
            return
        for chosen in (usual, (lengths > _USUAL) & (lengths <= _LONGEST)):
            if chosen.any():
                phones[chosen], assumed[chosen] = self._read_cells(text, starts[chosen], ends[chosen])

    def _read_cells(
        self, text: npt.NDArray[np.uint8], starts: _Cells, ends: _Cells
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """As `read`, for cells that are neither empty nor long."""
        starts = _without_blanks(text, starts, ends)
        phones = np.zeros(len(starts), np.int64)
        assumed = np.zeros(len(starts), np.bool_)
        plain, plus, counts, values = _digits(text, starts, ends)
        if not self._accepts_national:
            plain &= plus
        if plain.all():
            self._look_up(values.astype(np.int64), counts.astype(np.int64), plus, phones, assumed)
        elif plain.any():
            found, found_assumed = phones[plain], assumed[plain]
            self._look_up(
                values[plain].astype(np.int64), counts[plain].astype(np.int64), plus[plain], found, found_assumed
            )
            phones[plain], assumed[plain] = found, found_assumed
        return phones, assumed

    def _look_up(
        self,
        values: npt.NDArray[np.int64],
        counts: npt.NDArray[np.int64],
        plus: npt.NDArray[np.bool_],
        phones: npt.NDArray[np.int64],
        assumed: npt.NDArray[np.bool_],
    ) -> None:
        """Fill *phones* and *assumed* for numbers of *counts* digits that are *values*, written with a *plus* or not."""
        nodes = counts + plus * (_MOST + 1) + 1
        rest = values * _POWERS.take(_ALIGNED - counts)
        entries = np.zeros(len(values), np.int64)
        pending: _Cells | None = None  # those whose entry is another node; None for all
        for depth in range(0, _DEEPEST, _STEP):
            chunk = rest // _TOP
            rest = (rest - chunk * _TOP) * _RADIX
            at = nodes * _RADIX + chunk
            found = self._tree.reshape(-1).take(at, mode="clip")
            new = np.flatnonzero((found == 0) | (at >= self._tree.size))
            if len(new):
                for where in new[np.unique(at[new], return_index=True)[1]].tolist():
                    cell = where if pending is None else int(pending[where])
                    digits = str(values[cell]).zfill(int(counts[cell]))
                    self._learn(int(nodes[where]), digits, depth, plus=bool(plus[cell]))
                found = self._tree.reshape(-1).take(at, mode="clip")
                found[at >= self._tree.size] = 0
            if pending is None:
                entries[:] = found
            else:
                entries[pending] = found
            further = np.flatnonzero(found > 0)
            if not len(further):
                break
            pending = further if pending is None else pending[further]
            nodes, rest = found[further].astype(np.int64), rest[further]
        rules = -entries
        known = rules > -_UNKNOWN
        np.add(values, self._shifts.take(rules), out=phones, where=known)
        assumed[:] = self._assumed.take(rules)

    # --- learning ---

    def _learn(self, node: int, digits: str, depth: int, *, plus: bool) -> None:
        """Fill the entry of *node* for numbers like *digits*, whose first *depth* digits lead to it."""
        if self._lessons >= _LESSONS:
            return
        while node >= len(self._tree):
            self._tree = np.concatenate([self._tree, np.zeros_like(self._tree)])[: _NODES + 1]
        row = self._tree[node]
        chunk = int(digits[depth : depth + _STEP].ljust(_STEP, "0"))
        if row[chunk]:
            return
        self._lessons += 1
        for given in range(depth + 1, min(depth + _STEP, len(digits)) + 1):
            try:
                entry = self._entry(digits[:given], len(digits) - given, plus=plus)
            except Unsettled:
                continue
            width = 10 ** (depth + _STEP - given)
            first = chunk // width * width
            row[first : first + width] = entry
            return
        if depth + _STEP >= _DEEPEST or self._nodes > _NODES:
            row[chunk] = _UNKNOWN
            return
        row[chunk] = self._nodes
        self._nodes += 1

    def _entry(self, known: str, left: int, *, plus: bool) -> int:
        """The entry for all numbers of *known* and *left* more digits; raises Unsettled if they are read unlike."""
        if plus and known.startswith("8") and self._country in EIGHT:
            return _UNKNOWN
        if not (self._is_one_abroad(known, left) if plus else self._is_one_here(known, left)):
            return _UNKNOWN
        rules = set()
        # A number of zeros only is none, whatever the patterns say; any other digits do for the rest.
        for tail in ("0" * left, "9753186420864"[:left]):
            found = self._normaliser.parse(("+" if plus else "") + known + tail)
            if not isinstance(found, PhoneNumber) or found.flagged or found.remark is not None:
                return _UNKNOWN
            rules.add((int(found.e164[1:]) - int(known + tail), found.assumed_country is not None))
        if len(rules) != 1:
            return _UNKNOWN
        return self._rule(*rules.pop())

    def _rule(self, shift: int, assumed: bool) -> int:
        entry = self._rules.get((shift, assumed))
        if entry is None:
            if len(self._shifts) > _RULES:
                return _UNKNOWN
            entry = self._rules[shift, assumed] = -len(self._shifts)
            self._shifts = np.append(self._shifts, np.int64(shift))
            self._assumed = np.append(self._assumed, assumed)
        return entry

    def _prepare(self, country: str) -> bool:
        """Get ready for numbers without a plus; false if they have to be left to the library."""
        self._code = phonenumbers.country_code_for_region(country)
        here = plan_of(self._code, country)
        plan = self._plan(self._code)
        if plan is None:
            return False
        try:
            # A number with the country's code and no plus is read with the prefixes of both.
            prefixes = [plan.prefix, Plan.prefix_of(here) if country != plan.regions[0] else None]
            self._abroad = Prefix(here.international_prefix) if here.international_prefix else None
        except ValueError:
            return False
        self._national_prefixes = [prefix for prefix in prefixes if prefix is not None]
        return True

    def _plan(self, code: int) -> Plan | None:
        if code not in self._plans:
            try:
                self._plans[code] = Plan(code)
            except ValueError:  # a new release of the library writes its patterns another way
                self._plans[code] = None
        return self._plans[code]

    def _is_one_abroad(self, known: str, left: int) -> bool | None:
        """As `_is_one`, for numbers that begin with a country code; None if they begin with no code there is."""
        for width in (1, 2, 3):
            if len(known) < width:
                raise Unsettled
            code = int(known[:width])
            if known[0] != "0" and code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
                plan = self._plan(code)
                if plan is None:
                    return False
                twice = has_other_readings(code, known[width:], left)
                if twice is None:
                    raise Unsettled
                if twice:
                    return False
                prefixes = [] if plan.prefix is None else [plan.prefix]
                return _is_one(plan, prefixes, {known[width:]}, left)
        return None

    def _is_one_here(self, known: str, left: int) -> bool:
        """As `_is_one`, for numbers as they are written in the country in force."""
        plan = self._plan(self._code)
        if plan is None:
            return False
        abroad: set[str] = set()
        found = None if self._abroad is None else self._abroad.match(known, left)
        if found is not None:
            if found[0] != 2 and _begins(known, "00"):
                return False
            abroad.add(known[found[0] :])
        # The two that `Normaliser` tries itself.
        abroad |= {known.removeprefix(prefix) for prefix in ("00", "011") if _begins(known, prefix)}
        if any(self._is_one_abroad(form, left) is False for form in abroad):
            return False
        forms, code = {known}, str(self._code)
        dials_abroad = found is not None and not _begins(known[found[0] :], "0")
        if _begins(known, code):
            forms.add(known.removeprefix(code))
        if _begins(known, f"0{code}"):
            forms.add(known.removeprefix(f"0{code}"))
        for form in () if dials_abroad else tuple(forms):
            twice = has_other_readings(self._code, form, left)
            if twice is None:
                raise Unsettled
            if twice and form != known:
                return False
        return _is_one(plan, self._national_prefixes, forms, left)


def _begins(known: str, prefix: str) -> bool:
    if len(known) < len(prefix) and prefix.startswith(known):
        raise Unsettled
    return known.startswith(prefix)


def _is_one(plan: Plan, prefixes: list[tuple[Prefix, bool]], forms: set[str], left: int) -> bool:
    """
    Are all numbers of *forms* and *left* more digits asked about the same way? False: it cannot be told here.

    *forms* are ways to take the same number; so is each of them without its prefix. More may be asked here than the
    library asks of one number, never less. Raises Unsettled if the answers depend on the digits that follow.
    """
    pending, seen = list(forms), set(forms)
    while pending:
        form = pending.pop()
        for prefix, rewrites in prefixes:
            found = prefix.match(form, left)
            if found is None:
                continue
            end, took_last_group = found
            if rewrites and took_last_group:
                return False
            if form[end:] not in seen:
                seen.add(form[end:])
                pending.append(form[end:])
    for form in seen:
        plan.settle(form, left)
    return True


def _without_blanks(text: npt.NDArray[np.uint8], starts: _Cells, ends: _Cells) -> _Cells:
    """*starts* moved behind blanks."""
    blank = np.flatnonzero(text[starts] == ord(" "))
    if not len(blank):
        return starts
    starts = starts.copy()
    while len(blank):
        starts[blank] += 1
        blank = blank[starts[blank] < ends[blank]]
        blank = blank[text[starts[blank]] == ord(" ")]
    return starts


def _digits(
    text: npt.NDArray[np.uint8], starts: _Cells, ends: _Cells
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.uint8], npt.NDArray[np.float64]]:
    """
    Which cells are plain; whether they begin with a plus, how many digits they have, and those as a number.

    Plain is what `Normaliser` hands to the library as it stands: digits, blanks, brackets, dashes, and dots that no
    spreadsheet wrote, behind a digit, a bracket or a plus. A float keeps each whole number of 15 digits.
    """
    lengths = (ends - starts).astype(np.uint8)
    width = max(int(lengths.max()), 1)
    cells = np.empty((width, len(starts)), np.uint8)
    for column in range(width):
        np.take(text, starts + column, out=cells[column], mode="clip")
    np.copyto(cells, ord(" "), where=lengths <= np.arange(width, dtype=np.uint8)[:, np.newaxis])
    digits = cells - np.uint8(ord("0"))
    is_digit = digits < 10
    is_dot = cells == ord(".")
    plus = cells[0] == ord("+")
    plain = is_digit | (cells == ord(" ")) | (cells == ord("-")) | is_dot
    plain |= cells == ord("(")
    plain |= cells == ord(")")
    plain[0] = is_digit[0] | plus | (cells[0] == ord("("))
    counts = np.add.reduce(is_digit.view(np.uint8), axis=0, dtype=np.uint8)
    fit = np.logical_and.reduce(plain, axis=0) & (counts >= _FEWEST) & (counts <= _MOST)
    values, longer = np.zeros(len(starts)), np.empty(len(starts))
    for column in range(width):
        np.multiply(values, 10, out=longer)
        longer += digits[column]
        np.copyto(values, longer, where=is_digit[column])
    dotted = np.flatnonzero(np.logical_or.reduce(is_dot, axis=0) & fit)
    if len(dotted):
        # A spreadsheet's decimals are one or two digits, or zeros only, behind the only dot.
        tails = text[ends[dotted][:, np.newaxis] - np.arange(1, 4)] - np.uint8(ord("0"))
        no_decimals = (tails < 10).all(axis=1) & (tails > 0).any(axis=1)
        several = np.add.reduce(is_dot[:, dotted].view(np.uint8), axis=0, dtype=np.uint8) > 1
        fit[dotted] = (tails[:, 0] < 10) & (several | no_decimals)
    for cell in _may_hold_date(cells, digits, is_digit).tolist():
        fit[cell] &= not find_dates(text[starts[cell] : ends[cell]].tobytes().decode("latin-1").strip(" "))
    return fit, plus, counts, values


# --- dates ------------------------------------------------------------------------------------------------------------

# Which places of a cell hold digits, begin a group of them, and so on, is one whole number a cell: bit n stands for place n.
_Places = npt.NDArray[np.int32 | np.int64]
_SERIAL_DAYS = 5  # digits
_EIGHT_AND_FOUR = 0b1111011111111  # 20241105 1030
_GAPS = (2, 3, 4)  # places from the last digit of a date's number to the first of the next; at most as in " - "


def _places(rows: npt.NDArray[np.bool_]) -> _Places:
    """The *rows*, one for each place of the cells, as bits, with room for ten places more."""
    width, count = rows.shape
    places: _Places = np.zeros(count, np.int32) if width <= _USUAL else np.zeros(count, np.int64)
    for first in range(0, width, 8):
        byte = np.zeros(count, np.uint8)  # in bytes, since the processor takes several at once
        for row in rows[first : first + 8].view(np.uint8)[::-1]:
            np.add(byte, byte, out=byte)
            np.bitwise_or(byte, row, out=byte)
        places |= byte.astype(places.dtype) << first
    return places


def _may_hold_date(
    cells: npt.NDArray[np.uint8], digits: npt.NDArray[np.uint8], is_digit: npt.NDArray[np.bool_]
) -> npt.NDArray[np.intp]:
    """
    The cells that `find_dates` has to look at, by number: rather a few too many.

    A date has a year beside a day, a month or another year; or it is three short numbers with the same sign between them,
    and that sign not before nor behind, as in 06.12.34.56.78; or days and hours. Each row of the arrays is a place.
    """
    digit = _places(is_digit)
    # Groups of one, two or four digits, a date's parts: it has two of them so near to each other.
    before, second, third, four = digit << 1, digit >> 1, digit >> 2, (digit >> 3) & ~(digit >> 4)
    starts, longer = digit & ~before, second & third
    parts = starts & ~(longer & ~four)
    alone = (digit & 0b1111111111111111) == _EIGHT_AND_FOUR
    if len(cells) > _SERIAL_DAYS:
        alone |= (digit & 0b111111 == 0b11111) & (cells[_SERIAL_DAYS] == ord("."))
    following = parts >> 2 | parts >> 3
    following |= following >> 2
    following |= following >> 2
    chosen: npt.NDArray[np.intp] = np.flatnonzero((parts & following).astype(np.bool_) | alone)
    if not len(chosen):
        return chosen

    alone, digit, before, second = alone[chosen], digit[chosen], before[chosen], second[chosen]
    starts, longer = starts[chosen], longer[chosen]
    ends = digit & ~second
    short_starts, short_ends = starts & ~longer, ends & ~(before & (before << 1))
    years = starts & longer & four[chosen]
    near_starts, near_ends, near = short_starts | years, short_ends | years << 3, np.zeros_like(digit)
    for gap in _GAPS:
        near |= near_starts >> (gap + 3) | near_ends << gap
    years &= near
    three = short_starts & (short_starts - 1)
    three &= three - 1
    if three.any():
        three *= np.logical_or.reduce((cells == ord(".")) | (cells == ord("-")), axis=0)[chosen]
    likely = np.flatnonzero((years | three).astype(np.bool_) | alone)
    if not len(likely):
        return chosen[likely]

    chosen, years, alone = chosen[likely], years[likely], alone[likely]
    starts, ends, short_starts, short_ends = starts[likely], ends[likely], short_starts[likely], short_ends[likely]
    cells, digits = cells[:, chosen], digits[:, chosen]
    dates = years & _places((digits[:-1] == 2) & (digits[1:] == 0) | (digits[:-1] == 1) & (digits[1:] == 9))
    for sign in b".-":
        links = ends & (_places(cells == sign) >> 1) & (starts >> 2)  # from one group to the next, by the sign alone
        first, last = starts & ~(links << 2), ends & ~links
        middle = short_ends & links & ((short_starts & (last | last >> 1)) >> 2)
        dates |= short_ends & (first | first << 1) & links & (middle >> 2 | middle >> 3)
    found: npt.NDArray[np.intp] = chosen[dates.astype(np.bool_) | alone]
    return found
