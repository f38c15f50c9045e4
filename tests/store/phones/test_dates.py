"""Dates and times are found for what they are, and phones that are written alike are not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.phones import dates
from store.phones.dates import find_dates

SURE = (
    "05.11.2024",
    "5.1.2024",
    "11/05/2024",
    "31/12/1999",
    "05-11-2024",
    "2024-11-05",
    "2024/11/05",
    "2024.11.05",
    "05. 11. 2024",
    "05 / 11 / 2024",
    "05 11 2024",
    "2024 11 05",
    "2024.11.05 10:30",
    "2024-11-05T10:30:00",
    "2024-11-05 10:30:15.123456",
    "20241105103000",
    "20241105T1030",
    "202411051030",
    "10:30",
    "10:30:59 pm",
    "10h30",
    "45601.4375",
    "45601,5",
    "5 November 2024",
    "Nov 5, 2024",
    "5 de noviembre de 2024",
    "5. März 2024",
    "2015 - 03/2016",
)
UNSURE = ("05.11.24", "11/05/24", "06/2022", "06-2022", "2022-06", "2015-2016", "2015 - 2016", "2015/16")
PHONES = (
    "06.12.34.56.78",
    "06-12-34-56-78",
    "212-555-2019",
    "201.555.2024",
    "(201) 503-2016",
    "030/12345678",
    "0511 2024",
    "98765.43210",
    "0151-20127101",
    "+49 30 12.11.",
    "20 19 20 24",
    "2019",
    "1-800-555-2024",
    "02/2023344",
)


@pytest.mark.parametrize("text", SURE)
def test_a_date_is_one_from_its_first_sign_to_its_last(text: str) -> None:
    """Each usual order, separator and time, and days as spreadsheets count them."""
    (date,) = find_dates(text)
    assert (text[date.start : date.end], date.sure) == (text, True)


@pytest.mark.parametrize("text", UNSURE)
def test_what_may_be_a_phone_somewhere_is_unsure(text: str) -> None:
    """Short years, months and years alone are dates with a doubt."""
    (date,) = find_dates(text)
    assert (text[date.start : date.end], date.sure) == (text, False)


@pytest.mark.parametrize("text", PHONES)
def test_phones_are_no_dates(text: str) -> None:
    """Groups that go on, or are longer than a day's, a month's or a year's, are a phone's."""
    assert find_dates(text) == ()


@given(
    st.lists(
        st.sampled_from([*SURE, *UNSURE, *PHONES, " ", "/", "-", ".", "1", "12", "2024", "T", "h", ":", "nov", "de"]),
        max_size=6,
    ).map("".join)
)
@settings(max_examples=400)
def test_what_is_looked_for_first_is_in_every_date(text: str) -> None:
    """No date is passed over by the quick look, whatever stands beside it."""
    assert dates._SIGN.search(text) or not (dates._ALONE.fullmatch(text) or dates._WHEN.search(text))


@given(
    st.lists(
        st.sampled_from(["5", "05", "11", "19", "20", "2024", "1999", "1030", " ", " - ", "-", "(", ")"]), max_size=8
    ).map("".join)
)
@settings(max_examples=400)
def test_what_is_looked_for_first_in_a_plain_cell_is_in_every_date(text: str) -> None:
    """No date of digits, blanks, brackets and dashes is passed over by the quicker look at such cells."""
    assert dates.PLAIN_SIGN.search(text) or not find_dates(text)


@pytest.mark.parametrize(
    "phone", ["301-555-0100", "0151 20127101", "06.12.34.56.78", "+44 7400 123401", "(212) 555-0100"]
)
@pytest.mark.parametrize("date", [*SURE[:9], "05.11.24", "10:30", "2024-11-05T10:30:00+01:00"])
def test_a_date_beside_a_phone_is_found_and_the_phone_is_left(phone: str, date: str) -> None:
    """Before it, behind it, and in brackets: what is left without the date is the phone, whole."""
    for text in (f"{date} {phone}", f"{phone} {date}", f"{phone} ({date})", f"{date}: {phone}", f"{phone}, {date}"):
        left = text
        for found in reversed(find_dates(text)):
            left = left[: found.start] + left[found.end :]
        assert left.strip(" :,()") == phone.strip("()") or phone in left
