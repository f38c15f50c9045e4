"""What stands below a list, like whom to call about it, or a total: some last lines, which are no rows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from store.lists.columns import looks_like_phone
from store.lists.records import Damaged, Records
from store.phones.numbers import Reason

# Where it is looked for, and how it begins where no blank line is before it.
_END_BYTES: Final = 1 << 13
_END_TITLE: Final = re.compile(
    r"questions\?|contact us|call us|generated (?:by|on)|copyright|confidential|do not distribute|end of (?:report|list|file)",
    re.IGNORECASE,
)
# What sums up the column of phones, since a program does so to every column of numbers: it is nobody's number.
_TOTAL: Final = re.compile(
    r"(?:grand |sub ?)?totals?|average|avg\.?|averages|gesamt(?:summe)?|summe|durchschnitt|suma total|promedio|media total|totale|totaux|moyenne",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Footer:
    """The *lines* that end a list, from byte *start* on."""

    start: int
    lines: tuple[str, ...]

    def remarks(self) -> Iterator[str]:
        """What is said of it."""
        if skipped := sum(map(bool, map(str.strip, self.lines))):
            yield f"{skipped} line{'s' if skipped > 1 else ''} below the list skipped"

    def damaged(self, first: int, records: Records) -> Iterator[Damaged]:
        """Those of its lines, of which the first is number *first*, that have phones in them."""
        for number, line in enumerate(self.lines, first):
            if any(map(looks_like_phone, records.cells_of(line))):
                yield Damaged(number, line, Reason.BELOW_LIST, "below the list, in the lines that end the file")


def footer_of(path: Path, bom: int, records: Records, rows: Sequence[Sequence[str]]) -> Footer:
    """The footer of the text at *path*, *bom* bytes in, whose *records* begin with *rows*; one of no lines where there is none."""
    shape, size = records.shape, path.stat().st_size
    none = Footer(size, ())
    phones = [cells for cells in rows if len(cells) > shape.phone_index and looks_like_phone(cells[shape.phone_index])]
    if not phones:
        return none
    # What a row of the list has at least: half of them are filled as far as that.
    usual = sorted(sum(map(bool, map(str.strip, cells))) for cells in phones)[len(phones) // 2]
    with path.open("rb") as file:
        start = max(bom, size - _END_BYTES)
        file.seek(start)
        raw = file.read().splitlines(keepends=True)
    if start > bom:
        start += len(raw[0])
        raw = raw[1:]
    lines = [line.decode(shape.encoding, shape.errors).rstrip("\r\n") for line in raw]
    if any(line.count('"') % 2 for line in lines):
        return none  # a line may be a part of a cell
    at: int | None = None
    for place in range(len(lines) - 1, 0, -1):
        filled = [cell for cell in map(str.strip, records.cells_of(lines[place])) if cell]
        if any(_TOTAL.fullmatch(cell.rstrip(" :")) for cell in filled):
            at = place
            continue
        if len(filled) >= usual and any(map(looks_like_phone, filled)):
            break
        titled = filled and (
            _END_TITLE.search(filled[0]) or (len(filled) == 1 and not records.cells_of(lines[place - 1])[0].strip())
        )
        if titled and len(filled) < usual and not looks_like_phone(filled[0]):
            at = place
    if at is None or start + sum(map(len, raw[:at])) <= bom or len(lines) == at:
        return none
    if not any(looks_like_phone(cell) for line in lines[at:] for cell in records.cells_of(line)):
        return none
    return Footer(start + sum(map(len, raw[:at])), tuple(lines[at:]))
