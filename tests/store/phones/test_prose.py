"""Phones in prose: all of them, none that is not there, and never slowly."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import PhoneNumber, find_phones, parse_phone

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"


def phones(text: str, country: str | None = "US") -> list[str]:
    return [one.number.e164 for one in find_phones(text, country)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call 212-555-0100 or (212) 555-0101, then 212.555.0102", [ONE, TWO, THREE]),
        ("2125550100,2125550101;2125550102", [ONE, TWO, THREE]),
        ("2125550100 2125550101 212 555 0102", [ONE, TWO, THREE]),
        ("Is 212-555-0100 opted out?", [ONE]),
        ("+1 (212) 555-0100+1 (212) 555-0101", [ONE, TWO]),
        ("first\n1. 212-555-0100\n2. 212-555-0101", [ONE, TWO]),
        ("*212-555-0100* _2125550101_ `212-555-0102`", [ONE, TWO, THREE]),
        ("she wrote from 00447911123456 today", ["+447911123456"]),
        ("+44 7911 123456 / +49 30 1234567", ["+447911123456", "+49301234567"]),
        ("212-555-0100 ext 12", [ONE]),
        ("212-555-0100 again 2125550100", [ONE]),
        ("tel2125550100 and 212-555-0101cell", [ONE, TWO]),
        ("电话2125550100请", [ONE]),
        ("", []),
        ("nothing here, 12345 neither", []),
    ],
)
def test_every_phone_in_order_and_once(text: str, expected: list[str]) -> None:
    """Whatever the format and whatever is around, each phone comes once, in the order of the text."""
    assert phones(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "２１２－５５５－０１００",
        "212\u200b-555\u2060-0100",
        "\u202a(212)\u00a0555\u20110100\u202c",
        "٢١٢٥٥٥٠١٠٠",
        "<tel:+12125550100|212-555-0100>",
        "<tel:2125550100>",
        "see <https://example.org/1|212-555-0100>",
    ],
)
def test_as_slack_and_keyboards_write_them(text: str) -> None:
    """Other scripts' digits, invisible characters and Slack's links are read."""
    assert phones(f"please {text} thanks") == [ONE]


@pytest.mark.parametrize(
    "text",
    [
        "order AB2125550100",
        "2125550100abc",
        "<@U2125550100> said so",
        "<#C2125550100|212-555-0100>",
        "https://example.org/2125550100/x",
        "<https://example.org/2125550100>",
        "2125550100@example.org",
        "<tel:+12125550100|212-555-0109>",
        "at 2026-11-25 10:30:00",
        "17.5 %, 100,000 people",
    ],
)
def test_what_only_looks_like_one(text: str) -> None:
    """What is inside of a word, an address, a mention or a dishonest link opts nobody out."""
    assert phones(text) == []


def test_the_country_in_force() -> None:
    """Numbers without a country code are of the account's country; without one, only those with a code are found."""
    assert phones("07911 123456 or 1234", "GB") == ["+447911123456"]
    assert phones("212-555-0100 and +1 212 555 0101", None) == [TWO]


def test_what_was_written_and_what_is_doubtful() -> None:
    """Each says how it was written, and whether no such number is in use."""
    first, second = find_phones("try (212) 555-0100, then <tel:+12125550101|212-555-0101>", "US")
    assert (first.text, second.text) == ("(212) 555-0100", "212-555-0101")
    [odd] = find_phones("try 999-555-0100", "US")
    assert odd.number.flagged
    assert not first.number.flagged


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "(1", "1-", "+", "a1", "1/", "((", "<tel:", "<tel:1|", "<a:", "http://", "<", "<!", "00", "001 "],
)
def test_hostile_text_is_not_slow(piece: str) -> None:
    """100,000 characters of what patterns choke on take a moment."""
    began = time.process_time()
    find_phones(piece * (100_000 // len(piece)), "US")
    assert time.process_time() - began < 2


def test_a_phone_behind_thousands_that_are_none() -> None:
    """However much before it is written like a number and is none, a phone is found."""
    assert phones("12345-1 " * 4_500 + "212-555-0100") == [ONE]


def test_thousands_of_phones() -> None:
    """A whole list pasted is found, up to what a message can hold."""
    text = " ".join(f"212555{number:04}" for number in range(3_000))
    assert len(find_phones(text, "US")) == 3_000


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("0123456789+-() <>|tel:")), max_size=300))
def test_never_raises_and_finds_what_is_a_phone(text: str) -> None:
    """Any text gives phones that are one by themselves, each once."""
    found = find_phones(text, "US")
    assert len({one.number.e164 for one in found}) == len(found)
    for one in found:
        assert isinstance(parse_phone(one.number.e164, None), PhoneNumber)
        assert isinstance(parse_phone(one.text, "US"), PhoneNumber)


@given(
    st.lists(st.integers(0, 9999), min_size=1, max_size=20, unique=True),
    st.sampled_from([", ", " and ", "\n", "; ", " or ", " | ", ". "]),
)
def test_every_one_of_many(lines: list[int], between: str) -> None:
    """Phones that are written one after the other, with anything between, are all found."""
    text = between.join(f"(212) 555-{line:04}" for line in lines)
    assert phones(text) == [f"+1212555{line:04}" for line in lines]
