"""From what people type and spreadsheets spoil to a phone, or to the reason why it is none."""

import string

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from store.phones.cleaning import folded
from store.phones.countries import CountryUnknown, country_name, find_country
from store.phones.dates import find_dates
from store.phones.display import country_of, display, example, mask, national
from store.phones.numbers import NotAPhone, PhoneNumber, Reason
from store.phones.parser import Normaliser, parse_phone

BOTH = pytest.mark.parametrize("typed", [True, False], ids=["typed", "list"])


def phone(text: str, country: str | None = "US", *, typed: bool = True) -> PhoneNumber:
    read = parse_phone(text, country, typed=typed)
    assert isinstance(read, PhoneNumber), read
    return read


def refused(text: str, country: str | None = "US", *, typed: bool = True) -> NotAPhone:
    read = parse_phone(text, country, typed=typed)
    assert isinstance(read, NotAPhone), read
    assert read.text == text
    return read


# --- cells the library gets wrong, and the layouts round them ------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("cell", "country", "e164"),
    [
        ("4155552671.0", "US", "+14155552671"),
        ("4155552671.00", "US", "+14155552671"),
        ("4155552671,0", "US", "+14155552671"),
        ("14155552671.0", "US", "+14155552671"),
        ("+14155552671.0", "US", "+14155552671"),
        ("4155552671.0 (mobile)", "US", "+14155552671"),
        ("4155552671.0 x12", "US", "+14155552671"),
        ("30123456.0", "DE", "+4930123456"),
        ("0612345678.0", "IT", "+390612345678"),
        ("4,155,552,671", "US", "+14155552671"),
        ("4.155552671E+09", "US", "+14155552671"),
        ("917-736-5000 (mobile)", "US", "+19177365000"),
        ("[home] 917-736-5000", "US", "+19177365000"),
        ("Cell: 917-736-5000", "US", "+19177365000"),
        ("917-736-5000 work", "US", "+19177365000"),
        ("<tel:2127365000|212-736-5000>", "US", "+12127365000"),
        ("<tel:+14155552671|415-555-2671>", "US", "+14155552671"),
        ("<tel:+14155552671|415-555-2671>", "GB", "+14155552671"),
        ("<tel:+14155552671>", None, "+14155552671"),
        ("<tel:+14155552671|call us>", None, "+14155552671"),
        ("(212) 555-0100 x12", "US", "+12125550100"),
        ("212-555-0100 ext. 12", "US", "+12125550100"),
        ("514-555-0112 poste 3", "CA", "+15145550112"),
        ("212-555-0100, extension 12", "US", "+12125550100"),
        ("212-555-0100 #12", "US", "+12125550100"),
        ("212-555-0100,,12#", "US", "+12125550100"),
        ("tel:+1-212-555-0100;ext=12", None, "+12125550100"),
        ("tel:863-1234;phone-context=+1-914", None, "+19148631234"),
        ("tel:+14155552671", "GB", "+14155552671"),
        ("whatsapp:+14155552671", None, "+14155552671"),
        ("p:+14155552671", None, "+14155552671"),
        ("\uff14\uff11\uff15\uff15\uff15\uff15\uff12\uff16\uff17\uff11", "US", "+14155552671"),
        ("\uff0b\uff11 \uff08\uff14\uff11\uff15\uff09 555-2671", None, "+14155552671"),
        ("\u0664\u0661\u0665\u0665\u0665\u0665\u0662\u0666\u0667\u0661", "US", "+14155552671"),
        ("\u06f4\u06f1\u06f5\u06f5\u06f5\u06f5\u06f2\u06f6\u06f7\u06f1", "US", "+14155552671"),
        ("\u202a+1 (415) 555-2671\u202c", None, "+14155552671"),
        ("\u2066+14155552671\u2069", None, "+14155552671"),
        ("415\u200b555\u00ad2671\ufeff", "US", "+14155552671"),
        ("415\u00a0555\u20112671", "US", "+14155552671"),
        ("415\u2013555\u20142671", "US", "+14155552671"),
        ("415\u22125552671", "US", "+14155552671"),
        ("415\u00b7555\u00b72671", "US", "+14155552671"),
        ("415.555.2671", "US", "+14155552671"),
        ("415/555/2671", "US", "+14155552671"),
        ("+ 1 415 555 2671", None, "+14155552671"),
        ("(+1) 415 555 2671", "GB", "+14155552671"),
        ("1 415 555 2671", "US", "+14155552671"),
        ("0044 7911 123456", "GB", "+447911123456"),
        ("0044 7911 123456", "US", "+447911123456"),
        ("0044 7911 123456", None, "+447911123456"),
        ("011 44 7911 123456", "US", "+447911123456"),
        ("011 44 7911 123456", "GB", "+447911123456"),
        ("011 39 4330", "IT", "+39011394330"),
        ("+44 (0)20 7946 0958", "US", "+442079460958"),
        ("07911 123456", "GB", "+447911123456"),
        ("030/1234567", "DE", "+49301234567"),
        ("+49 33203/123456", None, "+4933203123456"),
        ("'+14155552671", "US", "+14155552671"),
        ('="4155552671"', "US", "+14155552671"),
        ('="+14155552671"', None, "+14155552671"),
        ("=+14155552671", None, "+14155552671"),
        ('"415 555 2671"', "US", "+14155552671"),
        ("`415-555-2671`", "US", "+14155552671"),
        ("*415-555-2671*", "US", "+14155552671"),
        ("\u201c415-555-2671\u201d", "US", "+14155552671"),
        ("  415-555-2671;\r\n", "US", "+14155552671"),
        ("4155552671\x00", "US", "+14155552671"),
        ("\u260e 415-555-2671", "US", "+14155552671"),
        ("+1 212 555 0100", None, "+12125550100"),
        ("+1 415 555 0199", None, "+14155550199"),
        ("+800 1234 5678", "US", "+80012345678"),
    ],
)
def test_a_phone_is_read_in_every_layout(cell: str, country: str | None, e164: str, *, typed: bool) -> None:
    """Typed by hand or in a list, the same person's number comes out, and it is in use."""
    read = phone(cell, country, typed=typed)
    assert (read.e164, read.flagged) == (e164, False)


REFUSED: list[tuple[str, str | None, Reason]] = [
    ("4.930123456E9", "DE", Reason.SCIENTIFIC),
    ("1.41556E+10", "US", Reason.SCIENTIFIC),
    ("4.15555E+09", "US", Reason.SCIENTIFIC),
    ("4,15555E+09", "US", Reason.SCIENTIFIC),
    ("4155552671.5", "US", Reason.FRACTION),
    ("30123456.7", "DE", Reason.FRACTION),
    ("+49 30123456.0", "DE", Reason.FRACTION),
    ("0891234.000", "DE", Reason.FRACTION),
    ("212 736 5000 / 212 736 5001", "US", Reason.TWO_NUMBERS),
    ("212 736 5000/5001", "US", Reason.TWO_NUMBERS),
    ("030 1234567/68", "DE", Reason.TWO_NUMBERS),
    ("+14155552671; +14155552672", "US", Reason.TWO_NUMBERS),
    ("212-736-5000, 212-736-5001", "US", Reason.TWO_NUMBERS),
    ("212-736-5000 or 212-736-5001", "US", Reason.TWO_NUMBERS),
    ("212-736-5000\n212-736-5001", "US", Reason.TWO_NUMBERS),
    ("+14155552671 +14155552672", "US", Reason.TWO_NUMBERS),
    ("2127365000 2127365001", "US", Reason.TWO_NUMBERS),
    ("030 12345 030 12346", "DE", Reason.TWO_NUMBERS),
    ("<tel:2127365000|2127365000> <tel:2127365001|2127365001>", "US", Reason.TWO_NUMBERS),
    ("<tel:2127365000|212-736-5001>", "US", Reason.LABEL_MISMATCH),
    ("<tel:2127365000|736-5000>", "US", Reason.LABEL_MISMATCH),
    ("<tel:12|34>", "US", Reason.TOO_SHORT),
    ("07911123456", "US", Reason.LOOKS_FOREIGN),
    ("447911123456", "US", Reason.LOOKS_FOREIGN),
    ("14155552671", "GB", Reason.LOOKS_FOREIGN),
    ("12345", "US", Reason.TOO_SHORT),
    ("72345", "US", Reason.SHORT_CODE),
    ("415 555 267", "US", Reason.TOO_SHORT),
    ("415 555 26711", "US", Reason.TOO_LONG),
    ("555-2671", "US", Reason.LOCAL_ONLY),
    ("+1 555 2671", "US", Reason.LOCAL_ONLY),
    ("+2127365000", "US", Reason.TOO_SHORT),
    ("+999 123 4567", "US", Reason.UNKNOWN_CODE),
    ("+8  8100000(0000", "US", Reason.NOT_A_NUMBER),  # the library would call the text itself E.164
    ("0000000000", "US", Reason.NOT_A_NUMBER),
    ("+39 0000000", None, Reason.NOT_A_NUMBER),
    ("+1", "US", Reason.TOO_SHORT),
    ("+43 1000", "US", Reason.TOO_SHORT),
    ("1000", "AT", Reason.TOO_SHORT),
    ("+49 1234 5678 9012 345", None, Reason.TOO_LONG),
    ("+4155552671415555267141", None, Reason.TOO_LONG),
    ("415 555 2671", None, Reason.NO_COUNTRY),
    ("", "US", Reason.EMPTY),
    (" \u200b\u00a0\t", "US", Reason.EMPTY),
    ("n/a", "US", Reason.NOT_A_NUMBER),
    ("#REF!", "US", Reason.NOT_A_NUMBER),
    ("ask Ann", "US", Reason.NOT_A_NUMBER),
    ("xxx-xxx-5000", "US", Reason.LETTERS),
    ("212 736 5000 Ann", "US", Reason.LETTERS),
    ("212 555 call", "US", Reason.LETTERS),
    ("<@U0123456789>", "US", Reason.LETTERS),
    ("415-555-****", "US", Reason.NOT_A_NUMBER),
    ("4155552671\u00b2", "US", Reason.NOT_A_NUMBER),
    ("212,736,5000", "US", Reason.NOT_A_NUMBER),
    ("192.168.100.200 + 7", "US", Reason.TWO_NUMBERS),
    ("9" * 3_000_000, "US", Reason.NOT_A_NUMBER),
]


@BOTH
@pytest.mark.parametrize(("cell", "country", "code"), REFUSED)
def test_what_is_no_phone_is_refused(cell: str, country: str | None, code: Reason, *, typed: bool) -> None:
    """Nothing is guessed: what could be somebody else's number is refused, whoever wrote it."""
    assert refused(cell, country, typed=typed).code == code


@BOTH
@pytest.mark.parametrize(
    ("cell", "country", "e164"),
    [
        ("1415555267.0", "US", "+11415555267"),
        ("0612345678", "US", "+10612345678"),
        ("07700 900123", "GB", "+447700900123"),
    ],
)
def test_a_possible_number_out_of_use_is_flagged(cell: str, country: str, e164: str, *, typed: bool) -> None:
    """Numbering plans change faster than software, so what has the right length is recorded and marked."""
    assert phone(cell, country, typed=typed) == PhoneNumber(e164, flagged=True, remark=None, assumed_country=country)


@pytest.mark.parametrize(
    ("text", "e164", "remark"),
    [
        ("1-800-FLOWERS", "+18003569377", "1-800-FLOWERS read as 1-800-356-9377"),
        ("1-800-flowers", "+18003569377", "1-800-flowers read as 1-800-356-9377"),
        ("+1 800 FLOWERS", "+18003569377", "+1 800 FLOWERS read as 1-800-356-9377"),
    ],
)
def test_words_for_digits_are_read_only_when_typed(text: str, e164: str, remark: str) -> None:
    """A person means 1-800-FLOWERS; a list's cell with letters in it may be anything."""
    read = phone(text)
    assert (read.e164, read.remark) == (e164, remark)
    assert refused(text, typed=False).reason == "spelt with letters: write its digits"


def test_a_negative_amount_is_refused_in_a_list() -> None:
    """Excel makes -4155552670 of +1-4155552671: one digit off, and somebody else's number."""
    assert refused("-4155552670", typed=False).code == Reason.FRACTION


@pytest.mark.parametrize(
    ("text", "country", "typed", "reason"),
    [
        ("12345", "US", True, "5 digits, a US number has 10"),
        ("415 555 267", "US", True, "9 digits, a US number has 10"),
        ("555-2671", "US", True, "no area code: 7 digits, a US number has 10"),
        ("0791112", "GB", True, "6 digits after the leading 0, a UK number has 9 or 10"),
        ("12", "DE", True, "no area code: 2 digits, a number of Germany has 5 to 15"),
        ("+4155552671", "US", True, "8 digits after +41, a number of Switzerland has 9"),
        ("+1", "US", True, "only 1 digit"),
        ("07911123456", "US", True, "looks British: add country:GB"),
        ("07911123456", "US", False, "looks British: write it with +44"),
        ("14155552671", "GB", True, "looks American: put + before it"),
        ("212600123456", "US", True, "looks like a number of Morocco: put + before it"),
        ("4155552671", None, True, "no country code: start it with one, as in +44, or add country:GB"),
        ("4155552671", None, False, "no country code: start it with one, as in +44, or choose a country for the list"),
        ("1.41556E+10", "US", False, "Excel lost the digits: format the column as text and save again"),
        ("2127365000/2127365001", "US", True, "more than one number: put a comma between them"),
        ("2127365000/2127365001", "US", False, "more than one number: give each its own row"),
    ],
)
def test_a_refusal_says_why_and_what_to_do(text: str, country: str | None, typed: bool, reason: str) -> None:
    """The sentence reads after "not a phone number:" and never repeats the number."""
    assert refused(text, country, typed=typed).reason == reason


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("(212) 555-0100 x12", "extension x12 left off"),
        ("917-736-5000 (mobile)", '"mobile" left off'),
        ("(work) 917-736-5000 ext 7", '"work" left off; extension x7 left off'),
        ("4.155552671E+09", "4.155552671E+09 read as 4155552671"),
        ("+1 (415) 555-2671", None),
    ],
)
def test_what_was_left_off_is_said(text: str, remark: str | None) -> None:
    """Whoever looks at the answer sees what of their text did not count."""
    assert phone(text).remark == remark


@pytest.mark.parametrize(
    ("text", "assumed"),
    [("415 555 2671", "US"), ("1 415 555 2671", "US"), ("+1 415 555 2671", None), ("011 44 7911 123456", None)],
)
def test_an_assumed_country_is_said(text: str, assumed: str | None) -> None:
    """A number with its country code is taken as it is; for any other the country in force is noted."""
    assert phone(text).assumed_country == assumed


def test_an_unknown_country_is_the_callers_mistake() -> None:
    """Countries come from `find_country`; anything else must not pass for "no country"."""
    with pytest.raises(ValueError, match="no numbering plan for 'XX'"):
        parse_phone("4155552671", "XX")


DATES = [
    ("05.11.2024", "DE"),
    ("2024-11-05", "DE"),
    ("11/05/2024", "US"),
    ("2024.11.05 10:30", "US"),
    ("2024-11-05T10:30:00Z", "GB"),
    ("06/2022 - 06/2023", "US"),
    ("03/2015 - 03/2016", "US"),
    ("2015 \u2013 03/2016", "US"),
    ("2015-2016", "HK"),
    ("05.11.24", "FR"),
    ("20241105103000", "DE"),
    ("45601.4375", "DE"),
    ("45601,4375", "FR"),
    ("5 de noviembre de 2024", "MX"),
    ("Nov 5, 2024 10:30 AM", "US"),
    ("10:30", "IN"),
    ('="2024-11-05"', "DE"),
    ("\u202a05/11/2024\u202c", "GB"),
    ("\u0660\u0665/\u0661\u0661/\u0662\u0660\u0662\u0664", "EG"),
]


@BOTH
@pytest.mark.parametrize(("cell", "country"), DATES)
def test_a_date_is_nobodys_phone(cell: str, country: str, *, typed: bool) -> None:
    """Dates, times, ranges and spreadsheets' days are refused for what they are, whatever number they would make."""
    assert refused(cell, country, typed=typed).code == Reason.DATE


@pytest.mark.parametrize("cell", ["05.11.2024", "2024-11-05", "06/2022 - 06/2023", "45601.4375", "11/05/2024 10:30"])
def test_a_date_is_nobodys_phone_in_any_country(cell: str) -> None:
    """With each country in force, and with none."""
    for country in [None, *sorted(phonenumbers.SUPPORTED_REGIONS)]:
        assert refused(cell, country, typed=False).code == Reason.DATE


@BOTH
@pytest.mark.parametrize("date", ["05.11.2024", "11/05/2024", "2024-11-05", "2024-11-05 10:30", "05.11.24", "10:30"])
@pytest.mark.parametrize(
    ("cell", "country", "e164"),
    [
        ("301-555-0100", "US", "+13015550100"),
        ("0151 20127101", "DE", "+4915120127101"),
        ("030 12345601", "DE", "+493012345601"),
        ("07400 123401", "GB", "+447400123401"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("55 1234 5678", "MX", "+525512345678"),
        ("98765 43210", "IN", "+919876543210"),
        ("+44 7400 123401", "US", "+447400123401"),
        ("(11) 98765-4321", "BR", "+5511987654321"),
    ],
)
def test_a_phone_beside_a_date_is_read(cell: str, country: str, e164: str, date: str, *, typed: bool) -> None:
    """The date is left off, and said to be; it never becomes a part of the number. Where that is in doubt, nobody is taken."""
    for text in (f"{date} {cell}", f"{cell} {date}", f"{cell} ({date})", f"{date}: {cell}", f"{cell}, {date}"):
        read = parse_phone(text, country, typed=typed)
        if isinstance(read, NotAPhone):
            assert read.code == Reason.AMBIGUOUS
            assert date == "05.11.24"
            continue
        assert (read.e164, read.flagged) == (e164, False)
        assert read.remark is not None
        assert f'"{date}" left off' in read.remark


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("20.12.34", "NC", "+687201234"),
        ("+852 2019-2020", None, "+85220192020"),
        ("201-503-2016", "US", "+12015032016"),
        ("212.555.2019", "US", "+12125552019"),
        ("98765.43210", "IN", "+919876543210"),
        ("0151/20127101", "DE", "+4915120127101"),
        ("20 19 11 05", "DK", "+4520191105"),
        ("201012301234", "EG", "+201012301234"),
    ],
)
def test_a_phone_that_looks_like_a_date_is_a_phone(text: str, country: str | None, e164: str) -> None:
    """Written as its country writes them, in groups that no date has, or with its country code."""
    assert phone(text, country).e164 == e164
    assert phone(text, country, typed=False).e164 == e164


@BOTH
@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("(305) 555-0137\n(309) 555-0137", "US"),
        ("(305) 555-0137 (309) 555-0137", "US"),
        ("(305)555-0137(309)555-0137", "US"),
        ("(305) 555-0137 or (309) 555-0137", "US"),
        ("305-555-0137 / 309-555-0137", "US"),
        ("305-555-0137 - 309-555-0137", "US"),
        ("305-555-0137 o 309-555-0137", "US"),
        ("030 1234567 oder 030 1234568", "DE"),
        ("06 12 34 56 78 ou 06 12 34 56 79", "FR"),
        ("55 1234 5678 y 55 1234 5679", "MX"),
        ("07400 123401 07400 123402", "GB"),
        ("22 12 34 56 22 12 34 57", "NO"),
        ("(11) 98765-4321(11) 98765-4322", "BR"),
        ("98765 43210 98765 43211", "IN"),
    ],
)
def test_a_cell_with_two_phones_loses_none(text: str, country: str, *, typed: bool) -> None:
    """With a line's end, a blank, a word or nothing between them: nobody is read rather than one of two."""
    assert refused(text, country, typed=typed).code == Reason.TWO_NUMBERS


@BOTH
@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("~305-555-0137", "US", "+13055550137"),
        ("'305-555-0137", "US", "+13055550137"),
        ("*305-555-0137*", "US", "+13055550137"),
        ("*305-555-0137", "US", "+13055550137"),
        ('"305-555-0137', "US", "+13055550137"),
        ("\u00ab06 12 34 56 78\u00bb", "FR", "+33612345678"),
        ("\u201e030 1234567\u201c", "DE", "+49301234567"),
        ("tel:305-555-0137", "US", "+13055550137"),
        ("Cell #: 305-555-0137", "US", "+13055550137"),
        ("Cell phone: 305-555-0137", "US", "+13055550137"),
        ("305-555-0137 (Mobile phone)", "US", "+13055550137"),
        ("Cel. 55 1234 5678", "MX", "+525512345678"),
        ("m\u00f3vil 612 345 678", "ES", "+34612345678"),
        ("T\u00e9l. : 06 12 34 56 78", "FR", "+33612345678"),
        ("06 12 34 56 78 (portable)", "FR", "+33612345678"),
        ("Tel.-Nr.: 030 1234567", "DE", "+49301234567"),
        ("Handy 0151 20127101", "DE", "+4915120127101"),
        ("celular: (11) 98765-4321", "BR", "+5511987654321"),
        ("\u0442\u0435\u043b. 8 916 123-45-67", "RU", "+79161234567"),
        ("\u643a\u5e2f 090-1234-5678", "JP", "+819012345678"),
    ],
)
def test_signs_and_labels_round_one_number_are_forgiven(text: str, country: str, e164: str, *, typed: bool) -> None:
    """Quotes, a tilde, stars, and what people call a phone in their language."""
    assert phone(text, country, typed=typed).e164 == e164


@pytest.mark.parametrize("text", ["+49 30 123456**", "0151 2012710*", "*67 305-555-0137", "fax: 305-555-0137"])
def test_what_hides_a_digit_or_is_no_phone_is_not_forgiven(text: str) -> None:
    """A star may stand for a digit, two digits behind one are dialled before a number, and nobody texts a fax."""
    assert isinstance(parse_phone(text, "DE", typed=False), NotAPhone)


# --- properties -------------------------------------------------------------------------------------------------------

COUNTRIES = st.sampled_from([None, *sorted(phonenumbers.SUPPORTED_REGIONS)])
NASTY = st.text(alphabet=string.digits * 3 + " -.()/+,;xeE'\"=<>|tel:#\n\t\u00b2\u0663\uff13\u2013\u200e", max_size=30)
DIGITS = st.text(alphabet=string.digits, min_size=3, max_size=16)
NUMBERISH = st.builds("".join, st.tuples(st.sampled_from(["", "+", "00", "011", "0", "+1", "+44", "+49"]), DIGITS))
TEXTS = st.one_of(st.text(max_size=40), NASTY, NUMBERISH)


@given(text=TEXTS, country=COUNTRIES)
@settings(max_examples=400)
def test_any_text_has_an_outcome(text: str, country: str | None) -> None:
    """Nothing raises; what is recorded is E.164 and stays itself; a list never accepts what a hand's typing would not."""
    typed, listed = parse_phone(text, country), parse_phone(text, country, typed=False)
    for read in (typed, listed):
        if isinstance(read, NotAPhone):
            assert read.text == text
            assert read.reason
            continue
        assert read.e164.startswith("+")
        assert read.e164[1:].isascii()
        assert read.e164[1:].isdigit()
        assert 5 <= len(read.e164) <= 16
        again = phone(read.e164, None)
        assert (again.e164, again.flagged) == (read.e164, read.flagged)
        assert again.assumed_country is None
    if isinstance(listed, PhoneNumber):
        assert typed == listed


VALID = [
    (region, phonenumbers.format_number(number, PhoneNumberFormat.E164))
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    for kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE)
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
]
BLANKS = st.sampled_from(["", " ", "-", ".", " - ", "\u00a0", "\u2011", "\u200b", "\u202f"])
ZEROS = ["0", "\uff10", "\u0660", "\u0966"]  # ASCII, full-width, Arabic-Indic, Devanagari


@pytest.mark.wide
@given(
    number=st.sampled_from(VALID),
    blanks=st.lists(BLANKS, min_size=15, max_size=15),
    zero=st.sampled_from(ZEROS),
    form=st.sampled_from(
        ["{}", "tel:{}", "<tel:{}|{}>", "<tel:{}>", "'{}", '="{}"', "({})", "{} (cell)", " {}\r\n", "\u202a{}\u202c"]
    ),
    typed=st.booleans(),
)
@settings(max_examples=300)
def test_a_number_in_use_survives_any_layout(
    number: tuple[str, str], blanks: list[str], zero: str, form: str, *, typed: bool
) -> None:
    """Whatever stands between the digits, whichever script they are in, the same phone comes out."""
    _, e164 = number
    digits = [chr(ord(zero) + int(digit)) for digit in e164[1:]]
    # A lone digit or two behind a dot is a decimal fraction, which a list must refuse: keep dots out of the tail.
    spaced = "".join(
        digit + (" " if place > len(digits) - 4 and "." in blank else blank)
        for place, (digit, blank) in enumerate(zip(digits, blanks, strict=False))
    )
    text = form.replace("{}", "+" + spaced.rstrip(" -.\u00a0\u2011\u200b\u202f"))
    assume(not find_dates(folded(text)))  # its last digits may be written like a day of a short year
    assert phone(text, None, typed=typed).e164 == e164


@pytest.mark.wide_but_first
@BOTH
def test_every_countrys_own_way_of_writing_is_read(*, typed: bool) -> None:
    """The library's example numbers of every country, in its four formats, come out as themselves."""
    for region, e164 in VALID:
        number = phonenumbers.parse(e164)
        for layout in (
            PhoneNumberFormat.E164,
            PhoneNumberFormat.INTERNATIONAL,
            PhoneNumberFormat.NATIONAL,
            PhoneNumberFormat.RFC3966,
        ):
            text = phonenumbers.format_number(number, layout)
            assert phone(text, region, typed=typed).e164 == e164, (region, text)


def test_a_normaliser_is_one_country() -> None:
    """A list builds its reader once; it answers as `parse_phone` does."""
    read = Normaliser("GB", typed=False).parse
    for text in ("07911 123456", "12345", "+1 415 555 2671"):
        assert read(text) == parse_phone(text, "GB", typed=False)


# --- reading and showing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("e164", "home", "shown"),
    [
        ("+19177365000", "US", "(917) 736-5000"),
        ("+447911123456", "US", "07911 123456 (United Kingdom)"),
        ("+447911123456", "GB", "07911 123456"),
        ("+447911123456", "GG", "07911 123456"),
        ("+14165550100", "US", "(416) 555-0100 (Canada)"),
        ("+19177365000", None, "(917) 736-5000 (United States)"),
        ("+80012345678", "US", "+800 1234 5678"),
        ("+11415555267", "US", "1415555267"),
        ("nonsense", "US", "nonsense"),
    ],
)
def test_a_phone_is_shown_the_way_people_read_it(e164: str, home: str | None, shown: str) -> None:
    """National format, with the country's name when it is not the reader's own."""
    assert display(e164, home) == shown


def test_the_country_of_a_phone() -> None:
    """An unassigned number still belongs to its country code; an international one to nobody."""
    assert [country_of(e164) for e164 in ("+14165550100", "+11415555267", "+447911123456", "+80012345678", "?")] == [
        "CA",
        "US",
        "GB",
        None,
        None,
    ]
    assert national("+447911123456") == "07911 123456"


def test_a_masked_phone_keeps_its_last_three_digits() -> None:
    """A log line can be recognised by whoever knows the number, and by nobody else."""
    assert mask("+14155552671") == "+1•••••••671"
    assert mask("+447911123456") == "+44•••••••456"
    assert mask("12345") == "••345"
    assert mask("123") == "•••"


def test_every_country_has_an_example() -> None:
    """A sentence that shows how to write a number has one for nearly every country."""
    assert example("US") == "(201) 555-0123"
    assert example("GB") == "07400 123456"


# --- countries --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("GB", "GB"),
        (" gb ", "GB"),
        ("UK", "GB"),
        ("United Kingdom", "GB"),
        ("Great Britain", "GB"),
        ("england", "GB"),
        ("+44", "GB"),
        ("1", "US"),
        (":flag-gb:", "GB"),
        ("U.S.A.", "US"),
        ("The Netherlands", "NL"),
        ("Deutschland", "DE"),
        ("ESPAÑA", "ES"),
        ("日本", "JP"),
        ("Cote d'Ivoire", "CI"),
        ("Côte d’Ivoire", "CI"),
        ("Bosnia and Herzegovina", "BA"),
    ],
)
def test_a_country_is_found_by_what_people_call_it(text: str, code: str) -> None:
    """Codes, English names, nicknames, native names and calling codes."""
    assert find_country(text) == code


def test_an_unknown_country_gets_suggestions() -> None:
    """A slip of the pen is answered with the nearest names, gibberish with none."""
    assert find_country("Frnace") == CountryUnknown("Frnace", (("FR", "France"),))
    assert find_country("Untied States") == CountryUnknown(
        "Untied States", (("US", "United States"), ("AE", "United Arab Emirates"))
    )
    for nothing in ("", "XX", "+999", "+", "qqqqqq", "?"):
        assert find_country(nothing) == CountryUnknown(nothing, ())


@given(COUNTRIES, st.from_regex(r"\A\(?[0-9](?:[ ()-]{0,2}[0-9]){13,35}\Z"), st.booleans())
def test_more_digits_than_a_number_has_are_read_as_they_were_with_blanks(
    country: str | None, text: str, typed: bool
) -> None:
    """Of digits of two numbers it makes no difference whether blanks before them have to be taken off first."""
    read = Normaliser(country, typed=typed).parse
    plain, cleaned = read(text), read(f" {text}")
    if isinstance(plain, NotAPhone) and isinstance(cleaned, NotAPhone):
        assert (plain.code, plain.reason) == (cleaned.code, cleaned.reason)
    else:
        assert plain == cleaned


@given(st.text(max_size=30))
def test_any_text_has_a_country_or_none(text: str) -> None:
    """Whatever is typed, the answer is a code with a numbering plan or a CountryUnknown."""
    found = find_country(text)
    assert isinstance(found, CountryUnknown) or found in phonenumbers.SUPPORTED_REGIONS


def test_every_country_is_found_by_its_own_name() -> None:
    """What the desk shows, the desk understands."""
    for code in phonenumbers.SUPPORTED_REGIONS:
        assert find_country(country_name(code)) == code
        assert find_country(code) == code
