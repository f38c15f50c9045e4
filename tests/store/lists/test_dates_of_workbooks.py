"""What a workbook itself shows as a date is nobody's phone, under any country."""

import itertools

import numpy as np
import pytest
from phonenumbers import SUPPORTED_REGIONS

from store.lists.number_formats import iso_text, moment_text
from store.phones.fastpath import FastPath
from store.phones.numbers import NotAPhone
from store.phones.parser import Normaliser


@pytest.mark.wide_but_first
@pytest.mark.parametrize("region", [None, *sorted(SUPPORTED_REGIONS)])
def test_what_a_workbook_shows_as_a_date_is_nobodys_phone(region: str | None) -> None:
    """Dates, times and spans of all days that a workbook can count, however fast they are read."""
    days = [*range(1, 80_000, 997), *range(44_000, 47_000, 61), *range(80_000, 2_950_000, 30_011)]
    texts = {iso_text(value) for value in ("2024-11-05", "7719-06-14", "7719-06-14T10:30:00", "19-1", "121255501")}
    for day, kind, part in itertools.product(days, ("date", "elapsed"), (0.0, 0.4375, 0.437512)):
        texts.add(moment_text(repr(day + part), kind, from_1904=False))
    cells = [text.encode() for text in sorted(texts)]
    ends = np.cumsum([0, *map(len, cells)])
    phones, _ = FastPath(region).read(np.frombuffer(b"".join(cells), np.uint8), ends[:-1], ends[1:])
    assert not phones.any()
    parse = Normaliser(region, typed=False).parse
    assert [text for text in texts if not isinstance(parse(text), NotAPhone)] == []
