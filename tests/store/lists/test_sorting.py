"""`Sorting`: phones of a list in the order of their texts, each once, whatever fits into memory."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.lists.sorting import Sorting, beginnings_of, keys_of


def sort(prefix: Path, pairs: list[tuple[int, int]], part: int, chunk: int = 7) -> list[tuple[str, int]]:
    """*pairs* through a `Sorting` that keeps *part* rows in memory, as texts."""
    sorting = Sorting(prefix, part=part)
    for start in range(0, len(pairs), chunk):
        phones, lines = zip(*pairs[start : start + chunk], strict=True)
        sorting.add(np.array(phones, np.int64), np.array(lines, np.int64))
    found = [
        (str(phone), line)
        for phones, lines in sorting.pieces()
        for phone, line in zip(phones.tolist(), lines.tolist(), strict=True)
    ]
    sorting.close()
    return found


@pytest.mark.wide_but_first
@pytest.mark.parametrize("part", [1, 10, 1_000, 1_000_000])
def test_phones_come_out_as_a_sort_of_their_texts_gives_them(tmp_path: Path, part: int) -> None:
    """Lengths from 4 to 15 digits, prefixes of one another and repeats: distinct, in text order, with the first line."""
    rnd = random.Random(part)
    # With so little in memory nearly every row is a file, and hundreds of files show as much as thousands.
    each = 250 if part >= 1_000 else 25
    phones = [rnd.randrange(10 ** (digits - 1), 10**digits) for digits in range(4, 16) for _ in range(each)]
    phones += [phone // 10 for phone in phones if phone >= 10_000] + phones[: each + 50]
    rnd.shuffle(phones)
    first: dict[str, int] = {}
    for line, phone in enumerate(phones, 1):
        first.setdefault(str(phone), line)
    assert sort(tmp_path / "x", list(zip(phones, range(1, len(phones) + 1), strict=True)), part) == sorted(
        first.items()
    )


def test_many_pieces_are_merged_and_cleared_away(tmp_path: Path) -> None:
    """A list many times what is kept in memory is put on disk, merged, and leaves nothing behind."""
    phones = np.random.default_rng(1).integers(12_000_000_000, 12_000_200_000, 100_000)
    sorting = Sorting(tmp_path / "x", part=5_000)
    for start in range(0, len(phones), 1_000):
        sorting.add(phones[start : start + 1_000], np.arange(start, start + 1_000))
    assert list(tmp_path.iterdir())
    merged = np.concatenate([piece for piece, _ in sorting.pieces()])
    sorting.close()
    assert merged.tolist() == sorted(set(phones.tolist()))
    assert not list(tmp_path.iterdir())


def test_nothing_sorts_to_nothing(tmp_path: Path) -> None:
    """A list without phones has no pieces with anything in them."""
    sorting = Sorting(tmp_path / "x")
    assert sum(len(phones) for phones, _ in sorting.pieces()) == 0


@given(st.lists(st.integers(1_000, 10**15 - 1), min_size=1))
def test_a_key_orders_as_the_text_does(phones: list[int]) -> None:
    """For any phones, sorting by key is sorting by text."""
    keys = keys_of(np.array(phones, np.int64)).tolist()
    assert [phone for _, phone in sorted(zip(keys, phones, strict=True))] == sorted(phones, key=str)
    assert beginnings_of(np.array(phones, np.int64), 4).tolist() == [int(str(phone)[:4]) for phone in phones]
