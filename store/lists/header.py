"""Delimiter and header of a list, from its first lines."""

import csv
from collections import Counter
from dataclasses import dataclass
from typing import Final

from store.lists.columns import column_key, looks_like_phone, may_be_made, names_of

HEADER_WITHIN: Final = 20  # records: exports put a title and a date above the header, not a page
DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes"}


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A record of the sample that is not blank, with the lines it starts and ends on."""

    start: int
    end: int
    cells: list[str]


def _records(sample: list[str], skipped: int, delimiter: str, *, quoting: bool) -> list[SampleRecord]:
    reader = csv.reader(sample, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE)
    records: list[SampleRecord] = []
    end = skipped
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return records
        except csv.Error:  # a cell beyond csv.field_size_limit
            cells = [sample[reader.line_num - 1]]
        start, end = end + 1, skipped + reader.line_num
        if any(map(str.strip, cells)):
            records.append(SampleRecord(start, end, cells))


def find_header(records: list[SampleRecord], phone_key: str) -> SampleRecord | None:
    for place, record in enumerate(records[:HEADER_WITHIN]):
        # Further down, "phone" beside a number is a row that says what kind of contact it is.
        keys = set(map(column_key, set(record.cells)))
        if may_be_made(phone_key):
            keys.update(map(column_key, names_of(record.cells)))
        if phone_key in keys and (place == 0 or not any(map(looks_like_phone, record.cells))):
            return record
    return None


def sniff(sample: list[str], skipped: int, given: str | None, phone_key: str) -> tuple[str, list[SampleRecord]]:
    """The delimiter and the sample's records: the one that shows a phone column, else the one that splits most evenly."""
    best: tuple[tuple[bool, int, int], str, list[SampleRecord]] | None = None
    text = "".join(sample)
    # Those that are nowhere part nothing, all alike: one of them will do.
    absent = [delimiter for delimiter in DELIMITERS if delimiter not in text]
    delimiters = [given] if given else [delimiter for delimiter in DELIMITERS if delimiter not in absent[1:]]
    # A stray quote above the header swallows it, so quoting off is the second try.
    for quoting in (True, False) if '"' in text else (True,):
        for delimiter in delimiters:
            records = _records(sample, skipped, delimiter, quoting=quoting)
            header = find_header(records, phone_key)
            width, often = Counter(len(record.cells) for record in records).most_common(1)[0] if records else (1, 0)
            if header:
                width = len(header.cells)
            elif often * 2 < len(records):
                width = 1
            score = (header is not None, width, often if width > 1 else 0)
            if best is None or score > best[0]:
                best = score, delimiter, records
        if best is not None and best[0][0]:
            break
    assert best is not None  # noqa: S101  there is always a delimiter to try
    return best[1], best[2]
