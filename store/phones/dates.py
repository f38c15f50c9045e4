"""
Writings with digits that are nobody's phone: dates, times, ranges, amounts, addresses, ids. Taken out of a text before phones are looked for. Pure.

A date is one in each of its usual orders and with each separator, and only where it stands by itself: the groups of
06.12.34.56.78 go on, so they are a French number's.
"""

import re
from dataclasses import dataclass
from typing import Final

_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH: Final = r"(?:0?[1-9]|1[0-2])"
_YEAR: Final = r"(?:19|20)\d\d"
_CLOCK: Final = r"(?:[01]?\d|2[0-4])"
_SIXTY: Final = r"[0-5]\d"
# English, Spanish, French and German, whole and cut short.
_NAME: Final = (
    r"(?:jan(?:uar[y]?|vier|v)?|ene(?:ro)?|feb(?:ruar[y]?|rero)?|f[eé]v(?:rier|r)?|mar(?:ch|zo|s)?|m(?:ä|ae)rz|mrz|"
    r"apr(?:il)?|abr(?:il)?|avr(?:il)?|ma[yi]|mayo|june?|junio?|juin|july?|julio?|juil(?:let)?|aug(?:ust)?|ago(?:sto)?|"
    r"ao[uû]t|sept?(?:ember|iembre|embre)?|setiembre|o[ck]t(?:ober|ubre|obre)?|nov(?:ember|iembre|embre)?|"
    r"de[cz](?:ember)?|dic(?:iembre)?|d[eé]c(?:embre)?)"
)
_TH: Final = r"(?:st|nd|rd|th|er|e|º|ª|\.)?"


def _dated(separator: str) -> str:
    """A date of three numbers with the same *separator*, and those of months and years."""
    s = separator
    numbers = (
        rf"{_YEAR}{s}{_MONTH}{s}{_DAY}(?!\d)|{_YEAR}{s}{_DAY}{s}{_MONTH}(?!\d)|"
        rf"(?:{_DAY}{s}{_MONTH}|{_MONTH}{s}{_DAY}){s}(?:{_YEAR}(?!\d)|'\d\d(?!\d))|"
        rf"{_MONTH}{s}{_YEAR}(?!\d)|{_YEAR}{s}{_MONTH}(?!\d)"
    )
    return rf"(?<!\d{s})(?:{numbers})(?!{s}?\d)"


# The same with two digits of the year.
_TWO_DIGITS: Final = "|".join(
    rf"(?<!\d{s})(?:(?:{_DAY}{s}{_MONTH}|{_MONTH}{s}{_DAY}){s}\d\d|\d\d{s}{_MONTH}{s}{_DAY})(?!{s}?\d)"
    for s in ("/", r"\.", "-")
)
# With the time that follows, which may be dotted then.
_AFTER_DATE: Final = (
    rf"(?:(?:T|[ ,]{{1,2}}){_CLOCK}"
    # Parts of a second stand behind colons: 20.49.07.70 is a phone in Burkina Faso.
    rf"(?:[:h]{_SIXTY}(?:[.:]{_SIXTY}(?:[.,]\d{{1,9}})?)?|\.{_SIXTY}(?:[.:]{_SIXTY})?)(?:Z\b|[+-]\d\d:?\d\d)?(?![./:-]?\d))?"
)
_DATES: Final = (
    rf"(?P<two_digits>{_TWO_DIGITS}){_AFTER_DATE}",
    *(rf"(?:{_dated(separator)}){_AFTER_DATE}" for separator in ("/", r"\.", r"\. ", "-")),
    # "2015 - 2016", "2015/16"
    rf"(?<!\d[./-]){_YEAR} ?[/-] ?(?:{_YEAR}|\d\d)(?![./-]?\d)",
)
# "5 November 2024", "5 de noviembre de 2024", "05-Nov-24", "5. Nov."
_NAMED: Final = (
    # Told from a phone's group by the letter behind it.
    rf"(?<!\d[./-])(?=\d\d?+[ ./-]{{0,2}}+[^\W\d]){_DAY}{_TH}(?: ?(?:of|de) |[ ./-])?(?=[adefjmnos]){_NAME}(?![^\W\d_])(?! \d{{1,2}}(?![\d:.h]))\.?"
    rf"(?:,? (?:de |del )?{_YEAR}(?!\d)|[ ./-]?'\d\d(?!\d)|[./-](?:{_YEAR}|\d\d)(?![./-]?\d))?"
)
# "November 5, 2024", "Nov 2024", "Nov-05-2024"
_MONTH_FIRST: Final = (
    rf"(?<![^\W_])(?=[adefjmnos]){_NAME}\.?[ /-]?"
    rf"(?:{_YEAR}(?!\d)|{_DAY}{_TH}(?![\d-])(?:,? {_YEAR}(?!\d))?|{_DAY}[/-](?:{_YEAR}|\d\d)(?!\d))"
)
_TIMES: Final = (
    rf"(?<!:){_CLOCK}(?::{_SIXTY}){{1,2}}(?:[.,]\d{{1,9}})?(?: ?[ap]\.?m\b\.?)?(?:Z\b|[+-]\d\d:?\d\d(?!\d))?(?!\d)",
    rf"{_CLOCK}h{_SIXTY}(?!\d)",
)
_AMOUNT: Final = (
    r"(?<![,.])(?<!\d[ ./-])\d{1,20}+(?:[.,]\d{1,20}+)?+ ?(?:[€£¥%]|(?:USD|EUR|GBP|MXN|dollars?|euros?|pesos)\b)"
)
# A spreadsheet's day, with its hours: 45601.4375
_SERIAL: Final = r"(?<!\d[./,-])[1-5]\d{4}[.,]\d{2,12}(?![.,/-]?\d)"
_THOUSANDS: Final = r"(?P<thousands>(?<![,.$€£¥])(?<![$€£¥] )[1-9]\d{0,2}(?:,\d{3}){2,7}(?:\.\d{1,2})?(?!,?\d))"

# What begins with a digit, which is looked for first: at most signs of a text there is nothing to try then.
BEGIN_WITH_DIGIT: Final = re.compile(
    # Most are told from a phone's group by the sign behind their first number, and by how many digits that has.
    rf"(?<!\d)(?=\d)(?:(?=\d\d?+(?:[./,:h-]| [/-])|(?:19|20)\d\d(?:[./-]| [/-])|\d{{3}},|\d{{5}}[.,])(?:{'|'.join((_THOUSANDS, _SERIAL, *_DATES, *_TIMES))})|{_AMOUNT}|{_NAMED})",
    re.IGNORECASE,
)
MONEY: Final = "$€£¥"
BEGIN_OTHERWISE: Final = re.compile(rf"{_MONTH_FIRST}|[{MONEY}] ?\d[\d,.]{{0,20}}(?<=\d)(?!\d)", re.IGNORECASE)
# Addresses of the web, and of mail; in a text without their sign there are none.
WEB: Final = re.compile(
    r"\b(?:https?|ftp)://[^\s<>]+|\bwww\.[^\s<>]+|(?<![\w@.-])[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/[^\s<>]+",
    re.IGNORECASE,
)
MAIL: Final = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-][\w.-]*")
# RFC 9562
UUID: Final = re.compile(r"(?<![\w-])[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}(?![\w-])", re.IGNORECASE)
YEAR: Final = re.compile(_YEAR)
# A date in one group of digits, with its time.
COMPACT: Final = re.compile(
    rf"{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:(?:[01]\d|2[0-4]){_SIXTY}(?:{_SIXTY})?)?"
)
# What has as many digits as a phone and is none by itself: an address of the internet, a place on the map.
NO_PHONE: Final = re.compile(
    r"(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}|-?(?:0|[1-9]\d?|1[0-7]\d)\.\d{4,15}"
)
# ZIP+4, where there are such: elsewhere 98765-4321 is somebody's phone.
ZIP: Final = re.compile(r"\d{5}-\d{4}")


# --- dates in a cell --------------------------------------------------------------------------------------------------

# Never from within a group of digits: 212-555-2019 has no 55-2019 in it.
_WHEN: Final = re.compile(rf"(?<!\d)(?:{'|'.join((*_DATES, _NAMED, *_TIMES))})|{_MONTH_FIRST}", re.IGNORECASE)
# What is a date where there is nothing else: with blanks, in one group with its time, or in days as a spreadsheet counts
# them, from 1954 to 2064, so that 98765.43210 stays an Indian's phone.
_APART: Final = r"(?: ?/ ?| ?\. ?| ?- ?| )"
_ALONE: Final = re.compile(
    rf"(?:{_DAY}{_APART}{_MONTH}|{_MONTH}{_APART}{_DAY}){_APART}{_YEAR}|{_YEAR}{_APART}{_MONTH}{_APART}{_DAY}\.?|"
    rf"{_YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])[T ]?(?:[01]\d|2[0-4]){_SIXTY}(?:{_SIXTY})?Z?|[2-5]\d{{4}}[.,]\d++"
)
# What each of them has; most cells have none of it, and are looked through in a tenth of the time.
_SIGN: Final = re.compile(
    r"(?:19|20)\d\d(?:\D|\Z|\d{4}[T ]?\d{4})|\d[./-] ?\d\d?[./-]|\d:\d|\dh\d|\d{5}[.,]|[^\W\d_]{3}", re.IGNORECASE
)
# The same for a cell of digits, blanks, brackets and dashes only: in a quarter of the time, as each begins with a sign of its own.
PLAIN_SIGN: Final = re.compile(
    r"19\d\d(?:\D|\Z|\d{4} ?\d{4})|20\d\d(?:\D|\Z|\d{4} ?\d{4})|-\d\d?-",
)
_FULL: Final = re.compile(rf"(?<!\d){_YEAR}(?!\d)")
_NUMBER: Final = re.compile(r"\d+")
# A year before or behind a date, as in "2015 - 03/2016".
_YEAR_BEFORE: Final = re.compile(rf"(?<![\d+])(?<!\d[./-]){_YEAR} ?[-/] ?\Z")
_YEAR_BEHIND: Final = re.compile(rf" ?[-/] ?{_YEAR}(?![./-]?\d)")
_LONGEST_YEAR: Final = 7  # characters, with what is between


@dataclass(frozen=True, slots=True)
class Date:
    """
    A date, a time or both: text[start:end].

    `sure`: with day, month and year of four digits, a month's name, or a clock's colon. 05.11.24, 06/2022 and 2015-2016 are not:
    in some country somebody's phone may be written so.
    """

    start: int
    end: int
    sure: bool


def find_dates(text: str) -> tuple[Date, ...]:
    """Every date in *text*, which is `folded`, in order and none in another. Takes time in proportion to the text."""
    found: list[Date] = []
    if not _SIGN.search(text):
        return ()
    if _ALONE.fullmatch(text):
        return (Date(0, len(text), sure=True),)
    for match in _WHEN.finditer(text):
        start, end = match.span()
        floor = max(start - _LONGEST_YEAR, found[-1].end if found else 0)
        if before := _YEAR_BEFORE.search(text[floor:start]):
            start = floor + before.start()
        if behind := _YEAR_BEHIND.match(text, end):
            end = behind.end()
        written = text[start:end]
        named = any(map(str.isalpha, written)) or ":" in written
        sure = named or (_FULL.search(written) is not None and len(_NUMBER.findall(written)) > 2)
        found.append(Date(start, end, sure))
    return tuple(found)
