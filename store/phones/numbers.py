"""Outcomes of parsing a text: a phone, or none with the code of the reason."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException

from store.phones.cleaning import digits_of
from store.phones.dialling import Parsed, Reading, dialling

PHONENUMBERS_VERSION: Final[str] = phonenumbers.__version__
# Signs of a phone: its plus, and 7 to 15 digits. ITU-T E.164 has the longest; what is shorter reaches nobody from abroad.
E164_LENGTHS: Final = range(8, 17)


class Reason(StrEnum):
    """
    The code of the reason why a text, or a row of a list, gives no phone. The value is stored; `words` are for counting up ("28 too short").

    The last six are of rows alone. A code that this release does not know reads as `UNKNOWN`.
    """

    EMPTY = "empty"
    NO_COUNTRY = "no_country"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    LOCAL_ONLY = "local_only"
    SHORT_CODE = "short_code"
    LETTERS = "letters"
    TWO_NUMBERS = "two_numbers"
    SCIENTIFIC = "scientific"
    FRACTION = "fraction"
    DATE = "date"
    LOOKS_FOREIGN = "looks_foreign"
    AMBIGUOUS = "ambiguous"
    LABEL_MISMATCH = "label_mismatch"
    UNKNOWN_CODE = "unknown_code"
    NOT_A_NUMBER = "not_a_number"
    UNKNOWN_COUNTRY = "unknown_country"
    ABOVE_HEADER = "above_header"
    BELOW_LIST = "below_list"
    OPEN_QUOTE = "open_quote"
    HIDDEN_IN_CELL = "hidden_in_cell"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> "Reason":  # noqa: ARG003  the interface's
        return cls.UNKNOWN

    @property
    def words(self) -> str:
        """The words to write after a count: "too short", "with digits lost in Excel"."""
        return _WORDS[self]


_WORDS: Final = {
    Reason.EMPTY: "empty",
    Reason.NO_COUNTRY: "without a country code",
    Reason.TOO_SHORT: "too short",
    Reason.TOO_LONG: "too long",
    Reason.LOCAL_ONLY: "without an area code",
    Reason.SHORT_CODE: "with a short code",
    Reason.LETTERS: "with letters",
    Reason.TWO_NUMBERS: "with more than one number",
    Reason.SCIENTIFIC: "with digits lost in Excel",
    Reason.FRACTION: "changed by a spreadsheet",
    Reason.DATE: "with a date or a time",
    Reason.LOOKS_FOREIGN: "of another country",
    Reason.AMBIGUOUS: "that two people may have",
    Reason.LABEL_MISMATCH: "linked to another number",
    Reason.UNKNOWN_CODE: "with an unknown country code",
    Reason.NOT_A_NUMBER: "not a number",
    Reason.UNKNOWN_COUNTRY: "of a country that is none",
    Reason.ABOVE_HEADER: "above the header",
    Reason.BELOW_LIST: "below the list",
    Reason.OPEN_QUOTE: "with a quote that never closes",
    Reason.HIDDEN_IN_CELL: "inside a cell of several lines",
    Reason.UNKNOWN: "for another reason",
}


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """
    A phone, fit to be recorded.

    `e164` is "+" and 7 to 15 digits. `flagged`: of a possible length, but not in a range assigned today. `remark`
    says what was put right or left off. `assumed_country` is the region code used when the text had no country code.
    """

    e164: str
    flagged: bool
    remark: str | None
    assumed_country: str | None


@dataclass(frozen=True, slots=True)
class NotAPhone:
    """An expected outcome: `text` as found, and a `reason` that reads after "not a phone number:"."""

    text: str
    code: Reason
    reason: str


# Islands that share the United Kingdom's numbers; people know them by its name.
BRITISH_ISLANDS: Final = frozenset({"GG", "IM", "JE"})


_USUAL = 24  # characters
# Digits of the longest number as it may be dialled, with code, prefixes and extension, and some more.
MOST_DIGITS = 40
_RUN = re.compile(r"[^\w#]{5,}")
# A number with nothing in it that the library does more with than drop it, sign by sign.
_PUNCTUATED = re.compile(r"(?:[ ()\[\]./-]*(\+)\+*)?([0-9 ()\[\]./-]*)")
_FEWEST_DROPPED = 3  # digits: "41" is one for the library, "4-1" is none
_FEWEST_NATIONAL, _MOST_NATIONAL = 2, 17  # digits that the library takes behind a country's code


def library_number(text: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    """
    The number as `phonenumbers` parses it, with the source of its country code; None for what it does not parse.

    What has nothing but punctuation in it is read by the plans, in a fifth of the time.
    """
    if len(text) > MOST_DIGITS and sum(map(str.isdigit, text)) > MOST_DIGITS:
        return None  # the library goes over each digit several times before it says so
    if (bare := _bare(text)) is not None:
        return _number_of(text, _parsed(*bare, country))
    if len(text) > _USUAL:  # the library tries each sign of a run as the first of what it drops at the end
        text = _RUN.sub(lambda run: "".join(dict.fromkeys(run[0])), text)
    try:
        return phonenumbers.parse(text, country, keep_raw_input=True)
    except NumberParseException:
        return None


def library_reading(text: str, country: str | None) -> Reading | None:
    """The country's code, and the national digits, of the number that `library_number` gives."""
    if len(text) <= MOST_DIGITS and (bare := _bare(text)) is not None:
        parsed = _parsed(*bare, country)
        return None if parsed is None else parsed[:2]
    number = library_number(text, country)
    return None if number is None else (number.country_code or 0, phonenumbers.national_significant_number(number))


def _bare(text: str) -> tuple[str, bool] | None:
    """The digits of *text*, if there is nothing else in it but punctuation, and whether a plus stands before them."""
    if (bare := _PUNCTUATED.fullmatch(text)) and len(digits := digits_of(bare[2])) >= _FEWEST_DROPPED:
        return digits, bare[1] is not None
    return None


def _parsed(digits: str, plus: bool, country: str | None) -> Parsed | None:
    parsed = dialling(country).parsed(digits, plus=plus)
    return None if parsed is None or not _FEWEST_NATIONAL <= len(parsed[1]) <= _MOST_NATIONAL else parsed


def _number_of(text: str, parsed: Parsed | None) -> phonenumbers.PhoneNumber | None:
    if parsed is None:
        return None
    code, national, source = parsed
    number = phonenumbers.PhoneNumber(
        country_code=code, national_number=int(national), raw_input=text, country_code_source=source
    )
    if national[0] == "0":
        number.italian_leading_zero = True
        zeros = len(national) - len(national[:-1].lstrip("0")) - 1  # of zeros alone the last is the number
        number.number_of_leading_zeros = zeros if zeros > 1 else None
    return number
