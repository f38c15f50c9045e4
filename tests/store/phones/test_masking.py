"""Phones in other people's words, hidden."""

import pytest

from store import mask_prose, read_text


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("call (212) 555-0100 instead", "US"),
        ("call 212-555-0100 instead", None),
        ("ruf 030 901820 12 an", "DE"),
        ("ruf 030 90182012 an", "US"),
        ("llame al 55 5080 2000, por favor", None),
        ("+44 7911 123456 is her mother's", "US"),
        ("0044 7911 123456", "US"),
        ("07911 123456, 07911 123457", "US"),
        ("stops_2125550100.csv", "US"),
        ("２１２－５５５－０１００ again", "US"),
        ("tel:2125550100", "US"),
        ("06 12 34 56 78", None),
        ("<tel:+12125550100|212-555-0100>", "US"),
    ],
)
def test_a_phone_in_words(text: str, country: str | None) -> None:
    """No more than its last three digits are left of it, in whatever country's way it is written."""
    hidden = mask_prose(text, country)
    assert "•" in hidden
    assert read_text(hidden, country).phones == ()
    for home in ("US", "GB", "DE", "FR", "MX"):
        assert read_text(hidden, home).phones == ()


@pytest.mark.parametrize(
    "text", ["4,812 phones opted out", "since 2026-10-01", "line 1,234,567", "upload 12", "", "naïve"]
)
def test_other_numbers_stay(text: str) -> None:
    """Counts and dates are nobody's phone."""
    assert mask_prose(text, "US") == text
