"""Numbers as people of each country write them: read as that country's phone, or refused by name, and never as another's."""

import itertools
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from store.phones.fastpath import FastPath
from store.phones.numbers import NotAPhone, PhoneNumber, Reason
from store.phones.parser import parse_phone
from tests.bench.differential import laid_out

BOTH = pytest.mark.parametrize("typed", [True, False], ids=["typed", "list"])
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)

READ = [
    ("MX", "+525512345678", "+52 1 55 1234 5678|+5215512345678|044 55 1234 5678|045 55 1234 5678|01 55 1234 5678"),
    ("MX", "+525512345678", "52 1 55 1234 5678|521 55 1234 5678|1 55 1234 5678|0155 1234 5678|+52 044 55 1234 5678"),
    (
        "MX",
        "+525512345678",
        "55 1234 5678|(55) 1234-5678|+52 52 1 55 1234 5678|0052 1 55 1234 5678|+52 01 55 1234 5678",
    ),
    ("US", "+525512345678", "+52 1 55 1234 5678|011 52 1 55 1234 5678|+52 55 1234 5678"),
    ("AR", "+5491112345678", "011 15-1234-5678|+54 9 11 1234-5678|+54 11 15 1234-5678|+54 9 11 15 1234-5678"),
    ("AR", "+5491112345678", "+54 9 011 15 1234 5678|9 11 1234 5678|549 11 1234 5678|+54 54 9 11 1234 5678"),
    ("AR", "+541112345678", "(011) 1234-5678|+54 11 1234-5678|0054 11 1234 5678"),
    ("BR", "+5511987654321", "0 15 11 98765 4321|0xx11 98765-4321|(0XX11) 98765-4321|(0**11) 98765-4321"),
    ("BR", "+5511987654321", "+55 (0xx11) 98765-4321|+55 11 8765 4321|(11) 8765-4321|0 11 8765 4321|11 98765-4321"),
    ("BR", "+5511987654321", "+55 (011) 98765-4321|+55 0 15 11 98765-4321|55 11 98765 4321|+55 55 11 98765 4321"),
    ("US", "+5511987654321", "+55 11 8765 4321|+55 (0xx11) 98765-4321"),
    ("BR", "+551123456789", "(11) 2345-6789|0 21 11 2345 6789|+55 11 2345 6789"),
    ("IN", "+919876543210", "098765 43210|+91 098765 43210|+91 91 98765 43210|91 98765 43210|0091 98765 43210"),
    ("IN", "+919876543210", "091 98765 43210|+91-91-9876543210|9191 9876543210|+91 +91 98765 43210|+0091 98765 43210"),
    ("US", "+919876543210", "+91 91 98765 43210|011 91 98765 43210|+91 (0) 98765 43210"),
    ("IT", "+393471234567", "+39 (0)347 1234567|0347 1234567|0039 347 1234567|347 1234567|39 347 1234567"),
    ("IT", "+39061234567", "06 1234567|+39 06 1234567|+39 (0)6 1234567|0039 06 1234567"),
    ("RU", "+79161234567", "8-916-123-45-67|+7 8 916 123 45 67|7 916 123 45 67|+8 916 123 45 67|810 7 916 123 45 67"),
    ("RU", "+74951234567", "8 (495) 123-45-67|+7 (495) 123-45-67|+7 0 495 123 45 67"),
    ("KZ", "+77011234567", "8 701 123 45 67|+7 701 123 45 67|+8 701 123 45 67"),
    ("HU", "+36301234567", "06 30 123 4567|+36 06 30 123 4567|+36 (06) 30 123 4567|0036 30 1234567|36 30 123 4567"),
    (
        "AU",
        "+61412345678",
        "0412 345 678|+61 (0)412 345 678|+61 0412 345 678|61 412 345 678|412 345 678|0061 412345678",
    ),
    ("ZA", "+27821234567", "082 123 4567|27 82 123 4567|027 82 123 4567|+27 (0)82 123 4567|0027821234567"),
    ("PH", "+639171234567", "0917 123 4567|+63 0917 123 4567|63 917 123 4567|+63 63 917 123 4567"),
    ("ID", "+62812345678", "0812-345-678|62 812 345 678|+62 (0)812 345 678|62812345678"),
    ("CN", "+8613812345678", "+86 0 138 1234 5678|0138 1234 5678|86 138 1234 5678|+86 86 138 1234 5678"),
    ("US", "+14155552671", "+1 1 415 555 2671|1 (1) 415 555 2671|001 415 555 2671|+1 (0) 415 555 2671|0 415 555 2671"),
    (
        "GB",
        "+447911123456",
        "(+44) 07911 123456|44 (0) 7911 123456|+4407911123456|00 44 (0)7911 123456|+44 44 7911 123456",
    ),
    (
        "GB",
        "+447911123456",
        "+0044 7911 123456|00+44 7911 123456|+44 +44 7911 123456|+44(0) 7911-123456|0044 07911 123456",
    ),
    ("DE", "+4915123456789", "4915123456789|+49 (0) 151 23456789|0049 (0)151 23456789|49 151 23456789|0151 23456789"),
    ("PL", "+48221234567", "0 22 123 45 67|+48 0 22 123 45 67|22 123 45 67"),
    ("UA", "+380671234567", "067 123 45 67|8 067 123 45 67|80671234567|+380 (0)67 123 45 67"),
    ("CO", "+573211234567", "03 321 1234567|03211234567|+57 (0)3211234567|321 1234567"),
    ("NG", "+2348031234567", "0803 123 4567|0234 803 123 4567|+234 (0)803 123 4567|234 0803 123 4567"),
    ("SG", "+6581234567", "8123 4567|00 65 8123 4567|+65 65 8123 4567|65 8123 4567"),
]


@BOTH
@pytest.mark.parametrize(("text", "country", "e164"), [(text, *row[:2]) for row in READ for text in row[2].split("|")])
def test_a_countrys_own_ways_are_read(text: str, country: str, e164: str, *, typed: bool) -> None:
    """With the prefixes of earlier plans, the code twice, the 0 in brackets: it is the same person's number, in use."""
    read = parse_phone(text, country, typed=typed)
    assert isinstance(read, PhoneNumber), read
    assert (read.e164, read.flagged) == (e164, False)


@BOTH
@pytest.mark.parametrize(
    ("text", "country", "phones"),
    [
        ("+8 (495) 123-45-67", "RU", ("+74951234567", "+84951234567")),
        ("+49 49 151 23456789", "DE", ("+4915123456789", "+494915123456789")),
        ("04915123456789", "DE", ("+4915123456789", "+494915123456789")),
        ("468123456", "SE", ("+468123456", "+46468123456")),
        ("0612345678", "ES", ("+33612345678", "+34612345678")),
        ("00656581234567", "SG", ("+56581234567", "+6581234567")),
        ("030 1234 05.11.24", "DE", ("+49301234", "+49301234051124")),
    ],
)
def test_two_people_are_named_and_neither_is_taken(
    text: str, country: str, phones: tuple[str, str], *, typed: bool
) -> None:
    """Where a text is one person's number in one way and another's in the other, it is nobody's until somebody says."""
    read = parse_phone(text, country, typed=typed)
    assert isinstance(read, NotAPhone), read
    assert read.code == Reason.AMBIGUOUS
    assert read.reason.startswith(" or ".join(sorted(phones)) + ", which are two people")


def test_what_is_left_must_be_in_use() -> None:
    """A prefix is left off only where a number in use is behind it."""
    for text, country in (("+52 1 00 1234 5678", "MX"), ("+91 91 00000 67890", "IN"), ("044 00 1234 5678", "MX")):
        read = parse_phone(text, country)
        assert isinstance(read, NotAPhone) or read.flagged, read


# --- every region ---------------------------------------------------------------------------------------------------

FORMS = {
    "as the country writes it": "{home}",
    "without its prefix": "{n}",
    "with its prefix": "{p}{n}",
    "0 in brackets behind the code": "+{c} (0){n}",
    "0 behind the code": "+{c} 0{n}",
    "its prefix behind the code": "+{c} ({p}) {n}",
    "as at home behind the code": "+{c} {home}",
    "00": "00{c}{n}",
    "plus and 00": "+00{c}{n}",
    "00 and plus": "00+{c}{n}",
    "its own way abroad": "{abroad}{c}{n}",
    "code without plus": "{c}{n}",
    "code and prefix without plus": "{c} {p}{n}",
    "code twice": "+{c} {c}{n}",
    "code twice, each by itself": "+{c} {c} {n}",
    "code twice without plus": "{c}{c}{n}",
    "00 and the code twice": "00{c}{c}{n}",
    "plus, then 00": "+{c} 00{c}{n}",
    "plus twice": "+{c} +{c}{n}",
    "0 before the code": "0{c}{n}",
    "0 before everything": "0{n}",
}
# Houses, not mobiles, whose area code begins like the country code: what is written is their number as it should be. On
# Ascension numbers begin with a 0 of their own.
EXPLAINED = {("ID", 0), ("SE", 0), ("XK", 0), ("AC", 0), ("AC", 1)}


def numbers(regions: list[str]) -> Iterator[tuple[str, int, dict[str, str], str]]:
    for region, kind in itertools.product(regions, (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)):
        plan, number = PhoneMetadata.metadata_for_region(region), phonenumbers.example_number_for_type(region, kind)
        if plan is None or number is None:
            continue
        abroad = plan.international_prefix or ""
        yield (
            region,
            kind,
            {
                "c": str(number.country_code),
                "n": phonenumbers.national_significant_number(number),
                "p": plan.national_prefix or "",
                "home": phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL),
                "abroad": abroad if abroad.isdigit() else plan.preferred_international_prefix or "00",
            },
            phonenumbers.format_number(number, PhoneNumberFormat.E164),
        )


@pytest.mark.wide_but_first
@pytest.mark.parametrize("form", FORMS)
def test_every_regions_numbers_in_every_form_are_read_or_refused(form: str) -> None:
    """Mobiles and houses of all regions: hardly one is refused, and none is read as somebody else's."""
    right, refused, wrong = 0, [], []
    for region, kind, parts, e164 in numbers(REGIONS):
        text = FORMS[form].format(**parts)
        read = parse_phone(text, region, typed=False)
        if isinstance(read, NotAPhone):
            refused.append((region, text, read.reason))
        elif (read.e164, read.flagged) == (e164, False):
            right += 1
        elif (region, kind) not in EXPLAINED:
            wrong.append((region, text, read))
    assert wrong == []
    # Of a 0 before everything, some are a mobile of France or Britain as well.
    assert len(refused) <= (80 if form == "0 before everything" else 6), refused
    assert right > 400


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.wide_but_first
def test_the_fast_path_knows_no_other_reading(form: str) -> None:
    """What is read at once says what is read with care, of the same cells."""
    for region, _, parts, _ in numbers(REGIONS[::4]):
        text = FORMS[form].format(**parts)
        phones, _ = FastPath(region).read(*laid_out([text]))
        read = parse_phone(text, region, typed=False)
        if phones[0]:
            assert isinstance(read, PhoneNumber)
            assert read.e164 == f"+{phones[0]}"


FAULTS = {
    "a digit too few": lambda number: number[:-1],
    "two digits too few": lambda number: number[:-2],
    "a digit too many": lambda number: number + "5",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_slip_is_told_in_the_terms_of_its_own_country(fault: str) -> None:
    """Too short or too long, with the lengths of that country: nobody's slip looks like another country's number."""
    foreign = []
    for region, kind, parts, _ in numbers(REGIONS):
        if kind != PhoneNumberType.MOBILE:
            continue
        for before in (parts["p"], f"+{parts['c']} "):
            text = before + FAULTS[fault](parts["n"])
            read = parse_phone(text, region, typed=False)
            if isinstance(read, PhoneNumber):
                continue  # of some countries numbers have many lengths
            if read.code not in {Reason.TOO_SHORT, Reason.TOO_LONG, Reason.LOCAL_ONLY, Reason.NOT_A_NUMBER}:
                foreign.append((region, text, read.code, read.reason))
            elif read.code in {Reason.TOO_SHORT, Reason.TOO_LONG} and before.startswith("+"):
                assert f"after +{parts['c']}" in read.reason or "longest number has 15" in read.reason, read
    assert foreign == []
