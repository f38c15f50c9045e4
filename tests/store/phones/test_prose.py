"""Phones in prose: all of them, none that is not there, and never slowly."""

import itertools
import re
import time
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import PHONE, FoundPhone, NotAPhone, PhoneNumber, parse_phone, read_text
from store.phones.dates import COMPACT, MAIL, UUID, WEB

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"


def found_in(text: str, country: str | None) -> tuple[FoundPhone, ...]:
    return tuple(phone for phone in read_text(text, country).phones if phone.reference is None)


def phones(text: str, country: str | None = "US") -> list[str]:
    return [one.number.e164 for one in found_in(text, country)]


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
    first, second = found_in("try (212) 555-0100, then <tel:+12125550101|212-555-0101>", "US")
    assert (first.text, second.text) == ("(212) 555-0100", "212-555-0101")
    [odd] = found_in("try 999-555-0100", "US")
    assert odd.number.flagged
    assert not first.number.flagged


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "(1", "1-", "+", "a1", "1/", "((", "<tel:", "<tel:1|", "<a:", "http://", "<", "<!", "00", "001 "],
)
def test_hostile_text_is_not_slow(piece: str) -> None:
    """100,000 characters of what patterns choke on take a moment."""
    began = time.process_time()
    found_in(piece * (100_000 // len(piece)), "US")
    assert time.process_time() - began < 2


def test_a_phone_behind_thousands_that_are_none() -> None:
    """However much before it is written like a number and is none, a phone is found."""
    assert phones("12345-1 " * 4_500 + "212-555-0100") == [ONE]


@pytest.mark.wide
def test_thousands_of_phones() -> None:
    """A whole list pasted is found, up to what a message can hold."""
    text = " ".join(f"212555{number:04}" for number in range(3_000))
    assert len(found_in(text, "US")) == 3_000


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("0123456789+-() <>|tel:")), max_size=300))
def test_never_raises_and_finds_what_is_a_phone(text: str) -> None:
    """Any text gives phones that are one by themselves, each once."""
    found = found_in(text, "US")
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


# --- beside dates, marks and each other ---


@pytest.mark.parametrize(
    ("country", "text", "expected"),
    [
        ("US", "(202)555-0100(203)555-0101", ["+12025550100", "+12035550101"]),
        ("US", "205.555.0100 206.555.0101, 207-555-0102", ["+12055550100", "+12065550101", "+12075550102"]),
        ("US", "218 555 0100 219 555 0101", ["+12185550100", "+12195550101"]),
        ("US", "1) 224 555 0100\n2) 225 555 0101\n3.) 228-555-0102", ["+12245550100", "+12255550101", "+12285550102"]),
        ("US", "1.212-555-0100\n2.213-555-0101", ["+12125550100", "+12135550101"]),
        ("US", "308 555 0100 2nd request, 3x 309 555 0101", ["+13085550100", "+13095550101"]),
        ("US", "District 12 309 555 0100, Ward 3 310 555 0101", ["+13095550100", "+13105550101"]),
        ("US", "Donor 06/2022 - 06/2023, 281-555-0100; 2015 - 2016", ["+12815550100"]),
        ("US", "2024.11.05 10:30 from 283-555-0100", ["+12835550100"]),
        (
            "US",
            "11/05/2024 301-555-0100 11/05/24 302-555-0101 Nov 5 303-555-0102",
            ["+13015550100", "+13025550101", "+13035550102"],
        ),
        ("US", "45601.4375 and 45601 and 20241105T1030", []),
        ("US", "2 1 2 5 5 5 0 1 0 0", [ONE]),
        ("US", "1-800-FLOWERS, 1 800 GOT JUNK", ["+18003569377", "+18004685865"]),
        ("US", "meet at 212 MEETING, room 4", []),
        ("US", "212-555-0100 ext. 12, 212-555-0101 x3", [ONE, TWO]),
        ("US", "212 555 0100 - 3 times", [ONE]),
        ("US", "4155552671.0", ["+14155552671"]),
        ("DE", "030 12345601 05.11.2024", ["+493012345601"]),
        ("DE", "0151 20127101 05.11.24, 0151 20127102 (5. 11. 2024)", ["+4915120127101", "+4915120127102"]),
        ("DE", "0151/20127101 und 030-12345602", ["+4915120127101", "+493012345602"]),
        ("DE", "2 - 0151 20127101", ["+4915120127101"]),
        ("DE", "030 90 18 20 12 am 20241105", ["+493090182012"]),
        ("GB", "07400 123401 05-11-2024, 07400 123402 10.30am", ["+447400123401", "+447400123402"]),
        ("FR", "06.12.34.56.78 et 06/12/34/56/79 06 12 34 56 80", ["+33612345678", "+33612345679", "+33612345680"]),
        ("FR", "#1 01-23-45-67-89 le 5 novembre", ["+33123456789"]),
        ("MX", "55 1234 5678 55 1234 5679 el 5 de noviembre de 2024", ["+525512345678", "+525512345679"]),
        ("BR", "(11) 98765-4321 11 98765-4322 em 05/11/2024", ["+5511987654321", "+5511987654322"]),
        ("IN", "98765 43210 +91 98765 43211 098765 43212", ["+919876543210", "+919876543211", "+919876543212"]),
        ("AU", "0412 345 678 (02) 9876 5432", ["+61412345678", "+61298765432"]),
        ("BY", "8-029-491-19-11 November 5, 2024", ["+375294911911"]),
    ],
)
def test_beside_dates_marks_and_each_other(country: str, text: str, expected: list[str]) -> None:
    """Dates, ordinals, marks and small numbers join no phone and swallow none, nor do phones each other."""
    assert phones(text, country) == expected


@pytest.mark.parametrize(
    ("country", "text", "named", "why"),
    [
        ("US", "call 555-0100", "555-0100", "no area code"),
        (None, "call 212-555-0100", "212-555-0100", "no country code"),
        ("US", "Maria212-555-0102", "Maria212-555-0102", "letters touch it"),
        ("US", "order AB2125550100", "AB2125550100", "letters touch it"),
        ("US", "2l2-555-O1OO", "2l2-555-O1OO", "look like digits"),
        (
            "US",
            "\u2461\u2460\u2461\u2464\u2464\u2464\u24ea\u2460\u24ea\u24ea",
            "\u2461\u2460\u2461\u2464\u2464\u2464\u24ea\u2460\u24ea\u24ea",
            "only look like digits",
        ),
        ("US", "\u202e0010-555-212\u202c please", "0010-555-212", "another order"),
        ("US", "<tel:+12125550100|212-555-0109>", "212-555-0109", "links to another"),
        ("US", "4.155E+09", "4.155E+09", "lost the digits"),
        ("US", "it is 4,155,550,163", "4,155,550,163", "like an amount"),
        ("US", "1-800-FLOWER", "1-800-FLOWER", "letters"),
        ("US", "ticket 1234567", "1234567", 'after "ticket"'),
        ("US", "+999 212 555 0100", "+999 212 555 0100", ""),
        ("US", "555-0100 555-0101 555-0102", "555-0100 555-0101 555-0102", ""),
        ("DE", "030 901820 12", "030 901820 12", "not clear where"),
        ("DE", "(030) 123456-01", "(030) 123456-01", "not clear where"),
        ("DE", "Vorfall 4711123", "4711123", "leading 0"),
        ("HK", "20241105", "20241105", "may be a date"),
        ("US", "1" * 60, "1" * 60, "60 digits"),
    ],
)
def test_what_looks_like_a_phone_is_named(country: str | None, text: str, named: str, why: str) -> None:
    """What is not read is in the reading with its words and the reason, and nobody is found in its stead."""
    reading = read_text(text, country)
    assert reading.phones == ()
    [unread] = reading.unread
    assert unread.text == named
    assert why in unread.reason
    assert PHONE in reading.words


def test_nothing_vanishes_beside_a_word_or_a_date() -> None:
    """What letters touch takes nothing with it that stands beside it, and no clock has four numbers with dots."""
    [named] = read_text("x09250305506 12 34 56 787525750278200", "US").unread
    assert named.text == "12 34 56 787525750278200"
    assert phones("11/05/2024 22.12.27.12", "MR") == ["+22222122712"]


def test_the_end_of_another_number() -> None:
    """Two numbers that share their beginning: the first is read, the second is not forgotten."""
    for text in ("212-555-0100/0101", "212-555-0100, -0101 please", "212-555-0100 & -0101"):
        reading = read_text(text, "US")
        assert [phone.number.e164 for phone in reading.phones] == [ONE]
        assert [unread.text for unread in reading.unread] == ["0101"]
    [*_, last] = read_text("212-555-0100, -0101 and -0102, 213-555-0103", "US").unread
    assert last.text == "0102"


def test_references() -> None:
    """A number behind "#" or a word like ticket is marked; behind "phone #" it is a phone; a plain one is not hidden by it."""
    text = "#4155550163, tickets 4155550164 and 4155550165, Rechnungsnr. 4155550166, pedido n.\u00ba 4155550167: phone # 4155550168"
    found = read_text(text, "US").phones
    assert [phone.reference for phone in found] == ["#", "tickets", "tickets", "Rechnungsnr", "pedido", None]
    assert [phone.reference for phone in read_text("order 2125550100, call 2125550100", "US").phones] == [None]
    [tied] = read_text("case no. 20241105-2125550100", "US").phones
    assert tied.reference == "case"
    assert [phone.reference for phone in read_text("#1-212-555-0100 #2-213-555-0101", "US").phones] == [None, None]
    assert [phone.reference for phone in read_text("NHS no 943 476 5919", "GB").phones] == ["NHS"]
    [chat] = read_text("<https://wa.me/12125550100>", "US").phones
    assert (chat.number.e164, chat.reference) == (ONE, "WhatsApp")


def test_words_are_what_is_left() -> None:
    """People's own signs, dates and all, with one sign for each phone and each thing like one."""
    text = "<@U1|kit> stop \u201cher\u201d \u2013 212-555-0100 &amp; 555-0101 (11/05/2024) <https://example.org/1|here> \U0001f4de"
    reading = read_text(text, "US")
    assert reading.words == f"@kit stop \u201cher\u201d \u2013 {PHONE} & {PHONE} (11/05/2024) here \U0001f4de"
    assert read_text(f"a {PHONE} b", "US").words == "a   b"


_LONG = re.compile(r"(?<![0-9])[0-9]{7,}(?![0-9])")
# Between which a group of digits is neither a part of a word, an address or an amount, nor joined with a date.
_BY_ITSELF = st.sampled_from(
    [
        *(" ", "\n", ", ", "; ", " (", ") ", " - ", ". ", " and ", " 12 ", " 11/05/2024 ", " 10:30 ", "ann ", " 2nd "),
        *(" ann@example.org ", " https://example.org/12345678 ", " <https://example.org/12345678|here> ", "\n&gt; "),
        *(
            " <@U12345678> ",
            " <#C12345678|team> ",
            " <tel:+12125550100|212-555-0100> ",
            " <!date^1392734382^{date}|2014> ",
        ),
        *(
            " *",
            "* ",
            " `",
            "` ",
            " _",
            "_ ",
            " &amp; ",
            " 123e4567-e89b-12d3-a456-426614174000 ",
            " \u2014 ",
            " \u200b",
        ),
    ]
)
# What has digits that are seen and are nobody's phone.
_NO_ONES: Final = (WEB, MAIL, UUID)


@given(
    pieces=st.lists(st.tuples(st.from_regex(r"[0-9]{1,16}", fullmatch=True), _BY_ITSELF), max_size=12),
    country=st.sampled_from([None, "US", "GB", "DE", "FR", "MX", "IN", "BR", "HK"]),
)
def test_no_long_group_vanishes(pieces: list[tuple[str, str]], country: str | None) -> None:
    """Each group of seven digits or more that touches no word is in a phone, is named, or is a day in one group."""
    text = "".join(itertools.chain(*pieces))
    reading = read_text(text, country)
    words = reading.words
    for pattern in _NO_ONES:
        words = pattern.sub(" ", words)
    for group in _LONG.finditer(words):
        beside = words[max(0, group.start() - 1) : group.start()] + words[group.end() : group.end() + 1]
        is_part = any(map(str.isalpha, beside))
        assert is_part or COMPACT.fullmatch(group[0]), (group[0], reading)


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("0123456789+-()./ <>|tel:#xO\u202e")), max_size=200))
def test_each_piece_has_its_place(text: str) -> None:
    """Of any text, what is found and what is named has a sign in the words that are left, and a reason if it is not read."""
    reading = read_text(text, "US")
    assert reading.words.count(PHONE) >= len(reading.phones) + len(reading.unread)
    for outcome in reading.unread:
        assert isinstance(outcome, NotAPhone)
        assert outcome.reason


@pytest.mark.parametrize("country", ["US", "DE", "FR"])
def test_digits_without_an_end_among_many_groups(country: str) -> None:
    """A group longer than any number, in a row of more groups than one number has, is named and stops nothing."""
    reading = read_text(f"{'5' * 20}{' 555 0147' * 15}", country)
    assert reading.unread[0].text.startswith("5" * 20)


@pytest.mark.parametrize(
    ("country", "text", "expected"),
    [
        ("US", "wk: 917.555.0135x22", ["+19175550135"]),
        ("US", "917 555 0135x22 and 212-555-0100ext4", ["+19175550135", ONE]),
        ("GB", "020 7946 0958x12", ["+442079460958"]),
        ("BR", "0xx11 98765-4321", ["+5511987654321"]),
        ("BR", "ou 0 XX (21) 2345.6789", ["+552123456789"]),
    ],
)
def test_letters_that_belong_to_a_phone(country: str, text: str, expected: list[str]) -> None:
    """An extension may touch its phone, and two letters stand for a carrier in Brazil."""
    reading = read_text(text, country)
    assert [one.number.e164 for one in reading.phones] == expected
    assert reading.unread == ()


@pytest.mark.parametrize(
    "address",
    ["https://wa.me/12125550100", "wa.me/12125550100", "https://api.whatsapp.com/send?phone=12125550100&text=hi"],
)
def test_a_chats_address_is_shown_however_it_is_sent(address: str) -> None:
    """A form gives addresses as they were typed, a message as links: the phone in them is marked in both, and in no other address."""
    for text in (f"{address} please", f"<{address}> please"):
        [found] = read_text(text, "US").phones
        assert (found.number.e164, found.reference) == (ONE, "WhatsApp")
    assert read_text(address.replace("wa.me", "x.org").replace("whatsapp", "example"), "US").phones == ()


@pytest.mark.parametrize(
    ("country", "text", "named", "why"),
    [
        ("BR", "fale com 98765-4321", "98765-4321", "no area code"),
        (None, "98765-4321", "98765-4321", "no country code"),
        ("US", "212 555 Ol47", "212 555 Ol47", "letters in it that look like digits"),
        ("US", "212 555 0100 / 0101", "0101", "the end of another number"),
        ("US", "212,555,0100", "212,555,0100", "parted as no phone is"),
        ("US", "Ana\t212\t555\t0100", "212\t555\t0100", "parted as no phone is"),
        ("GB", "07911:123:456", "07911:123:456", "parted as no phone is"),
        ("FR", "2024110512", "2024110512", "10 digits"),
        ("AR", "203626042583184487656549582765820313", "203626042583184487656549582765820313", "36 digits"),
    ],
)
def test_what_nearly_is_a_phone_is_named(country: str | None, text: str, named: str, why: str) -> None:
    """What a person may take for a phone is named with its reason: without its area, parted oddly, an end that two share."""
    [unread] = read_text(text, country).unread
    assert unread.text == named
    assert why in unread.reason


def test_a_zip_is_one_where_there_are_such() -> None:
    """A ZIP+4 is nobody's phone in the United States; 2024 behind a slash is a year, and lists of small numbers are none."""
    for text in ("New York 98765-4321", "votes: 12,15,2044", "scores 10:20:30:40", "212-555-0100 / 2024"):
        assert read_text(text, "US").unread == ()


@pytest.mark.parametrize(
    ("country", "text"),
    [("BR", "2345-6789"), ("BR", "987654321"), ("AU", "9123 4567"), ("IN", "23456789")],
)
def test_a_number_shorter_than_anybodys_is_none(country: str, text: str) -> None:
    """What is shorter than the fixed numbers and mobiles of its country, and not in use, lacks its area; nobody is recorded for it."""
    outcome = parse_phone(text, country)
    assert isinstance(outcome, NotAPhone)
    assert "no area code" in outcome.reason
    reading = read_text(text, country)
    assert reading.phones == ()
    assert [one.text for one in reading.unread] == [text]
