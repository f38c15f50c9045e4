"""What is decided of digits before the library is asked: as it would decide, of every country's plans."""

import re
import sys
from types import FrameType

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult

from store.phones.assigned import assigned
from store.phones.cleaning import digits_of
from store.phones.cuts import cuts, most_signs
from store.phones.dialling import dialling
from store.phones.numbers import library_number
from store.phones.parser import parse_phone

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
COUNTRIES = st.sampled_from([None, *REGIONS])
NATIONAL = [
    (region, number.country_code, phonenumbers.national_significant_number(number))
    for region in REGIONS
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE, PhoneNumberType.UAN)
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
]
MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.TOLL_FREE)
BEFORE = ("", "0", "1", "8", "00", "011", "0011", "010", "810", "015", "180020", "9", "031")


def is_long(number: phonenumbers.PhoneNumber) -> bool:
    """Is *number* recorded, though nobody may have it?"""
    possible = phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    return possible and len(phonenumbers.national_significant_number(number)) >= 8


def by_the_library(text: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    """*text* as the library itself parses it."""
    try:
        return phonenumbers.parse(text, country, keep_raw_input=True)
    except NumberParseException:
        return None


def seen(digits: str, country: str | None, *, plus: bool) -> tuple[int, str] | None:
    """The library's own answer: country code and national digits, of what is a number."""
    number = by_the_library(("+" if plus else "") + digits, country)
    if number is None or not (phonenumbers.is_valid_number(number) or is_long(number)):
        return None
    return number.country_code or 0, phonenumbers.national_significant_number(number)


def parts(number: phonenumbers.PhoneNumber | None) -> tuple[object, ...] | None:
    """All that is asked of a parsed number."""
    if number is None:
        return None
    zeros = number.italian_leading_zero, number.number_of_leading_zeros
    return number.country_code, number.national_number, *zeros, number.country_code_source, number.raw_input


def assert_seen_alike(digits: str, country: str | None, *, plus: bool) -> None:
    text = ("+" if plus else "") + digits
    number = by_the_library(text, country)
    assert parts(library_number(text, country)) == parts(number), (text, country)
    if number is not None:
        plans, national = assigned(number.country_code or 0), phonenumbers.national_significant_number(number)
        assert plans.is_in_use(national) == phonenumbers.is_valid_number(number), (text, country)
        assert plans.is_mobile(national) == (phonenumbers.number_type(number) in MOBILE), (text, country)
    library = seen(digits, country, plus=plus)
    if library is not None:
        assert dialling(country).reading(digits, plus=plus) == library, (digits, country, plus)
        assert dialling(country).may_be_whole(digits, plus=plus)


@pytest.mark.parametrize("plus", [True, False], ids=["plus", "none"])
@pytest.mark.wide
def test_every_countrys_numbers_are_seen_as_the_library_sees_them(*, plus: bool) -> None:
    """At home and from abroad, with the prefixes of several countries, with a digit too many and one too few."""
    for region, code, national in NATIONAL:
        for before in BEFORE:
            for middle in ("", str(code)):
                for digits in (national, national[:-1], national + "5", "0" + national):
                    assert_seen_alike(before + middle + digits, region, plus=plus)


@pytest.mark.wide
@given(
    text=st.tuples(
        st.sampled_from([*BEFORE, *map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE)]), st.text("0123456789")
    )
    .map("".join)
    .filter(lambda text: 2 < len(text) < 30),
    country=COUNTRIES,
    plus=st.booleans(),
)
@settings(max_examples=600)
def test_any_digits_are_seen_as_the_library_sees_them(text: str, country: str | None, *, plus: bool) -> None:
    """Whatever country they begin with, and whichever country is in force."""
    assert_seen_alike(text, country, plus=plus)


# --- cuts ------------------------------------------------------------------------------------------------------------

DIGIT = [*"0123456789", "1", "2", "00", "49", "+49", "415", "555 0100", "7911 123456", " +1 ", "800"]
SIGN = [" ", " ", " ", "/", "/", "-", "(", ")", ".", "*", "  ", " -+", "\u2053", "_", ":", "<"]
SPELT = ["x", "#", "~", "ext", "int", "b", "/ x", " extn. ", "CALL", "anexo", "\u00e9"]
PLAIN_CELLS = st.lists(st.sampled_from(DIGIT * 2 + SIGN), max_size=30).map("".join)
SPELT_CELLS = st.lists(st.sampled_from(DIGIT * 2 + SIGN + SPELT), max_size=30).map("".join)


def is_whole(text: str, country: str | None) -> bool:
    number = by_the_library(text, country)
    if number is None or ("+" in text and len(digits_of(text)) < 6):
        return False
    return phonenumbers.is_valid_number(number) or is_long(number)


def signs_in(text: str) -> int:
    first = re.search("[0-9]", text)
    return sum(map(str.isalnum, text[first.start() :])) if first else 0


@pytest.mark.wide
@example(text="000555 0100 -+ +1 000555 0100", country="US")
@given(text=PLAIN_CELLS | SPELT_CELLS, country=st.sampled_from(["US", "DE", "GB", "BR", "AG", "JP", None]))
@settings(max_examples=600)
def test_no_cut_between_two_numbers_is_left_out(text: str, country: str | None) -> None:
    """Asked about the cuts that are left alone, the library gives the answer that it gives about all of them."""
    places = dialling(country)
    limits = range(4, most_signs(text) + 1)
    all_slashes = [text[: sign.start()] for sign in re.finditer("/", text)]
    assert any(is_whole(before, country) for before, _ in cuts(text, re.compile("/"), places, both=False)) == any(
        is_whole(before, country) for before in all_slashes if signs_in(before) in limits
    )
    all_blanks = [(text[: sign.start()], text[sign.end() :]) for sign in re.finditer(r"\s+", text)]
    assert any(
        is_whole(before, country) and is_whole(behind, country)
        for before, behind in cuts(text, re.compile(r"\s+"), places, both=True)
    ) == any(
        is_whole(before, country) and is_whole(behind, country)
        for before, behind in all_blanks
        if signs_in(before) in limits and sum(map(str.isalnum, behind)) in limits
    )


ENDLESS = (
    "+4 9 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5",
    "0123 123 123 123 123",
    "1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9",
    "+0/8/2/4/8/2/2/4/2/8/5/8/7/8/5/3",
    "+490 3 322 1 1 96 7 5 2 1 1 9 6 7 5 52-781+",
    "+,4 9/1/2/3/4/5/6/7/8/9/0/1/2/3",
    "1x9 2 2 2 4 8 2 x 2 2 4 8 2 x 2 5 3 2 7 0 7 x",
    "a;1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 x",
    "7/0/4/4/0/x7/x8/x9/x0/x1/x2/x3/x4/x5/x6/x7/x8/x9/x0",
)


@pytest.mark.parametrize("country", ["US", "GB", "DE", None])
@pytest.mark.parametrize("cell", ENDLESS)
def test_the_library_is_asked_a_few_times(cell: str, country: str | None) -> None:
    """However many places there are at which a cell could be cut in two: two calls at most."""
    asked = 0

    def called(frame: FrameType, event: str, _: object) -> None:
        nonlocal asked
        asked += event == "call" and frame.f_code is library_number.__code__

    sys.setprofile(called)
    try:
        parse_phone(cell, country, typed=False)
    finally:
        sys.setprofile(None)
    assert asked <= 2
