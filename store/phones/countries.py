"""Countries by their names, nicknames and codes. Pure: names come from CLDR through Babel."""

import difflib
import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

import babel
import phonenumbers
from babel.core import get_global

from store.phones.country_names import NATIVE_NAMES


@dataclass(frozen=True, slots=True)
class CountryUnknown:
    """No country is called `text`; `suggestions` are up to three (region code, English name) that come near."""

    text: str
    suggestions: tuple[tuple[str, str], ...]


# Characters; normalising takes the square of a run of accents, and no name is near as long.
_LONGEST: Final = 100
_CALLING_CODE: Final = re.compile(r"\+?[0-9]{1,3}")
_LETTERS_OF_ISO: Final = 3

# What people call countries and CLDR does not.
_NICKNAMES: Final = {
    "uk": "GB",
    "great britain": "GB",
    "britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "america": "US",
    "usa": "US",
    "united states of america": "US",
    "holland": "NL",
    "czech republic": "CZ",
    "ivory coast": "CI",
    "turkey": "TR",
    "burma": "MM",
    "uae": "AE",
    "korea": "KR",
    "russian federation": "RU",
    "hong kong": "HK",
    "macau": "MO",
    "macao": "MO",
    "palestine": "PS",
}

# By their two letters, in their order.
COUNTRY_CODES: Final = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))


def country_name(code: str) -> str:
    """The English name of a region code: "United States". An unknown code is its own name."""
    return str(babel.Locale("en").territories.get(code, code))


def name_key(name: str) -> str:
    """The name of a country without what people leave out: case, accents, dots, "the"."""
    bare = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(char for char in bare if not unicodedata.combining(char) and char not in ".,'’()")
    return " ".join(bare.replace("&", " and ").replace("-", " ").split()).removeprefix("the ")


@functools.cache
def _english() -> dict[str, str]:
    return {name_key(country_name(code)): code for code in sorted(phonenumbers.SUPPORTED_REGIONS)} | _NICKNAMES


@functools.cache
def _native() -> dict[str, str]:
    return {name: code for code, names in NATIVE_NAMES.items() for name in names}


def exact_country(text: str) -> str | None:
    """The region code of the country that *text* is exactly, as for `find_country`, or by its ISO code of three letters; else None."""
    name = _named(text)
    if len(name) > _LONGEST:
        return None
    code = name.upper()
    if code in phonenumbers.SUPPORTED_REGIONS:
        return code
    if _CALLING_CODE.fullmatch(name):
        region = str(phonenumbers.region_code_for_country_code(int(name.removeprefix("+"))))
        return region if region in phonenumbers.SUPPORTED_REGIONS else None
    key = name_key(name)
    exact = _english().get(key) or (_native().get(key) if key else None)
    if exact is None and len(code) == _LETTERS_OF_ISO and code.isascii() and code.isalpha():
        (exact, *_) = get_global("territory_aliases").get(code) or (None,)
    return exact if exact in phonenumbers.SUPPORTED_REGIONS else None


def code_of(region: str | None) -> int:
    """The calling code of a region: 44 for "GB"; 0 for None, and for what has none."""
    return phonenumbers.country_code_for_region(region) if region else 0


def _named(text: str) -> str:
    return text.strip().removeprefix(":flag-").strip(":").strip()


def find_country(text: str) -> str | CountryUnknown:
    """
    The region code people mean by *text*: "GB", "uk", "Great Britain", "Deutschland", "+44", ":flag-gb:".

    Only countries with a numbering plan are known. An unknown one comes back with the nearest names.
    """
    if (exact := exact_country(text)) is not None:
        return exact
    name = _named(text)
    if len(name) > _LONGEST or _CALLING_CODE.fullmatch(name):
        return CountryUnknown(text, ())
    key = name_key(name)
    near = difflib.get_close_matches(key, _english(), n=6, cutoff=0.6)
    codes = list(dict.fromkeys(_english()[name] for name in near))[:3]
    return CountryUnknown(text, tuple((code, country_name(code)) for code in codes))
