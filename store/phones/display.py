"""Formats in which a phone is shown: in its own country's way, with the country's name, or masked."""

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from store.phones.countries import country_name
from store.phones.numbers import BRITISH_ISLANDS, library_number


def country_of(e164: str) -> str | None:
    """
    The region code of a phone, or None for +800 and its kin, which belong to no country.

    Of an unassigned number it is the main region of its country code; Guernsey, Jersey and Man count as GB.
    """
    number = library_number(e164, None)
    if number is None:
        return None
    region = phonenumbers.region_code_for_number(number)
    region = region or phonenumbers.region_code_for_country_code(number.country_code or 0)
    if region not in phonenumbers.SUPPORTED_REGIONS:
        return None
    return "GB" if region in BRITISH_ISLANDS else str(region)


def national(e164: str) -> str:
    """A phone as it is written in its own country: "(917) 736-5000"; what is no phone comes back as it is."""
    number = library_number(e164, None)
    return e164 if number is None else str(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))


def international(e164: str) -> str:
    """A phone as it is written abroad: "+52 55 1234 5678"; what is no phone comes back as it is."""
    number = library_number(e164, None)
    return e164 if number is None else str(phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL))


def display(e164: str, home: str | None) -> str:
    """`national`, with the country's name in brackets unless it is *home*: "07911 123456 (United Kingdom)"."""
    country = country_of(e164)
    if country is None:
        return international(e164)
    home = "GB" if home in BRITISH_ISLANDS else home
    return national(e164) if country == home else f"{national(e164)} ({country_name(country)})"


def written(e164: str) -> frozenset[str]:
    """Every way in which the desk writes a phone, without the country's name."""
    return frozenset({e164, national(e164), international(e164)})


def mask(e164: str) -> str:
    """A phone for a log, or for eyes that need not read it: country code and last three digits, "+1•••••••671"."""
    number = library_number(e164, None)
    code = f"+{number.country_code}" if number is not None else ""
    return f"{code}{'•' * (len(e164) - len(code) - 3)}{e164[-3:]}" if len(e164) >= len(code) + 5 else "•" * len(e164)


def example(country: str) -> str:
    """A number that could be, as it is written in *country*, for sentences that show how."""
    number = phonenumbers.example_number_for_type(country, PhoneNumberType.MOBILE)
    number = number or phonenumbers.example_number(country)
    return "" if number is None else str(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
