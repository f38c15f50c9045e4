"""Spans of days and sizes of files, as people write and read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import bytes_words, days_words, read_bytes, read_days


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("14", 14),
        ("14 days", 14),
        ("1 Day", 1),
        ("2 weeks", 14),
        ("36 hours", 1.5),
        ("2.5", 2.5),
        ("2,5 days", 2.5),
        ("0", 0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("inf", None),
        ("14 months", None),
        ("1.2.3", None),
        ("9" * 41, None),
        ("14 days\n", 14),
    ],
)
def test_spans_are_read(text: str, days: float | None) -> None:
    """A number of days, weeks or hours; what is none is told apart from zero."""
    assert read_days(text) == days


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("5000000", 5_000_000),
        ("5,000,000", 5_000_000),
        ("5.000.000", 5_000_000),
        ("5 000 000 bytes", 5_000_000),
        ("100 MB", 100_000_000),
        ("100mb", 100_000_000),
        ("1.5 GB", 1_500_000_000),
        ("1,5 GB", 1_500_000_000),
        ("1.500 kB", 1_500),
        ("64 KiB", 65_536),
        ("1.5", None),
        ("0", None),
        ("5 apples", None),
        ("MB", None),
        ("1e9", None),
        ("\u0665 MB", None),
    ],
)
def test_sizes_are_read(text: str, size: int | None) -> None:
    """Decimal units and thousands as people mark them; half a byte is none."""
    assert read_bytes(text) == size


@given(st.integers(1, 10**12))
def test_a_size_is_read_as_it_is_written(size: int) -> None:
    """What a form shows is what it saves."""
    assert read_bytes(bytes_words(size)) == size


@given(st.integers(0, 3_650 * 24))
def test_a_span_is_read_as_it_is_written(hours: int) -> None:
    """To a tenth of an hour, below a day, and to ten digits above."""
    days = hours / 24
    assert read_days(days_words(days)) == pytest.approx(days, rel=1e-9, abs=0.05 / 24)


@given(st.text(max_size=60))
def test_any_text_is_an_amount_or_none(text: str) -> None:
    """Nothing that is typed raises."""
    days, size = read_days(text), read_bytes(text)
    assert days is None or days >= 0
    assert size is None or size >= 1
