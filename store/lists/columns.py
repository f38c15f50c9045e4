"""
Columns of a list: which one has the phones, and whether the others make it a contact list. By name and first cells.

Pure. Names are compared without case, blanks, dashes and the humps of CamelCase, for every vendor writes them another
way; a name alone decides nothing.
"""

import re
from collections.abc import Sequence
from typing import Final

# ThruText's own opt-out export has no column called `phone`. Custom fields may follow.
THRUTEXT: Final = frozenset({"timestamp", "contact_id", "contact_phone", "opt_out_type"})
THRUTEXT_PHONE: Final = "contact_phone"

# Possessive wherever something may repeat without end: each sign of a cell is stepped over once, whatever stands in it.
_PHONE_LIKE = re.compile(
    r"[\s'\"=+(]*+\d(?:[\s().+/\u00a0\u2010-\u2015-]*+\d){6,14}(?:\.0++)?[\s\"']*+"
    r"(?:(?:x|ext)(?:\S*+(?<=\d)|\S*+\s++\d++))?"
)
# A phone among words, of as many digits as are hardly anything else: with signs between them, or a plus.
_AMONG_WORDS = re.compile(
    r"(?<![\w/.,=&-])(?:\+\d{9,14}|\+?(?:\d{1,3}[ .-])?(?:\(\d{2,4}\) ?|\d{2,4}[ .-])\d{3,4}[ .-]?\d{3,4}|\d{10,11})(?![\w/=&-]|[.,]\d)"
)
_LETTER = re.compile(r"[^\W\d_]{2}")
_LONGEST_NOTE: Final = 1_000  # characters that are looked at
_DATE = re.compile(r"\s*+(?:\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/.]\d\d?[-/.]\d{4})\b")
MOST_COLUMNS: Final = 500  # more than voter files have
HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)")

USUAL_PHONE: Final = "phone"
_LONGEST_PHONE_NAME: Final = 100  # characters that are looked at

# What texting tools, dialers and voter files call it: Spoke `cell`, Hustle and CallHub "Phone Number" and "mobile",
# Scale to Win `cell_phone`, RumbleUp `to` and `phone1`, VAN "Cell Phone" and "Preferred Phone", Twilio `to`.
_PHONE_NAMES = re.compile(
    r"(?:(?:contact|preferred|primary|main|best|voter|recipient|customer|home|work|other|m|my|his|her|their|client|user)\s)*"
    r"(?:(?:cell|mobile|tele|smart|wireless|sms|text|call|home|work)\s?)?"
    r"(?:phone|phones|cell|mobile|tel|msisdn|to|number|numbers|handset|handy|telefon|telefono|telephone)"
    r"(?:\s(?:phone|cell|mobile|home|work|number|num|nr|no|e164|1))?"
)
_MOBILE_NAMES = re.compile(r"\b(?:cell|mobile|sms|text|msisdn|wireless)")
_PHONE_WORD = re.compile(r"phone|mobile|cell|tel|number|sms|msisdn")
_NO_PHONE_NAMES = re.compile(
    r"\b(?:id|ids|uuid|vanid|key|code|zip|date|time|timestamp|count|fax|type|status|score|amount|order|account)\b"
)


def column_key(name: str) -> str:
    """The form of a column's name that is compared: without case, and without blanks and quotes round it."""
    return " ".join(name.strip(" \t\r\n\u00a0\ufeff\"'").split()).casefold()


_LONGEST_NAME: Final = 40  # characters: a button's value holds 2,000, in which each may take twelve
NO_NAME: Final = " (no name)"
_ORDINAL: Final = re.compile(r" \(\d+(?:st|nd|rd|th)\)$")


def names_of(header: Sequence[str]) -> tuple[str, ...]:
    """
    A name for each column of *header*, short and told from all others: the second of two called Tel is "Tel (2nd)".

    One without a name is called by its place, "column 3 (no name)".
    """
    names: list[str] = []
    taken: set[str] = set()
    often: dict[str, int] = {}
    for place, cell in enumerate(header, 1):
        base = (
            " ".join(cell.replace("\ufeff", "").replace("\0", "").split())[:_LONGEST_NAME].strip()
            or f"column {place}{NO_NAME}"
        )
        key = column_key(base)
        number, name = often.get(key, 0) + 1, base
        while number > 1 or column_key(name) in taken:
            name = f"{base} ({_ordinal(max(number, 2))})"
            if column_key(name) not in taken:
                break
            number = max(number, 2) + 1
        often[key] = max(number, often.get(key, 0) + 1)
        names.append(name)
        taken.add(column_key(name))
    return tuple(names)


def may_be_made(key: str) -> bool:
    """May `names_of` have made the name with that *key*, so that it stands in no header?"""
    return _ORDINAL.search(key) is not None or key.startswith("column ") or len(key) * 2 > _LONGEST_NAME


def without_ordinal(name: str) -> str:
    """*name* as it stands in a header, when `names_of` told it from others."""
    return _ORDINAL.sub("", name)


def _ordinal(number: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ends.get(number % 10, 'th')}"


def looks_like_phone(cell: str) -> bool:
    """Would a person take *cell* for a phone: seven to fifteen digits, and no date?"""
    return _PHONE_LIKE.fullmatch(cell) is not None and not _DATE.match(cell)


def has_phone_among_words(cell: str) -> bool:
    """Would a person see a phone in *cell* beside words, like "also text 212-555-0109"?"""
    if len(cell) < 10 or not _LETTER.search(cell, 0, _LONGEST_NOTE):
        return False
    return any(
        sum(map(str.isdigit, found[0])) >= 9 and not _DATE.match(found[0])
        for found in _AMONG_WORDS.finditer(cell, 0, _LONGEST_NOTE)
    )


def is_phone_name(name: str) -> bool:
    """Is *name* one of those that columns of phones have?"""
    return _PHONE_NAMES.fullmatch(_words(name[:_LONGEST_PHONE_NAME])) is not None


def likely_phones(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """
    The names of the columns that may be the phones', the likeliest first.

    Most of a column's cells must look like phones; its name decides between such columns, mobiles before others.
    """
    scores: list[tuple[float, int]] = []
    for place, (name, cells) in enumerate(filled_cells(columns, rows)):
        words = _words(name)
        named = _PHONE_NAMES.fullmatch(words) is not None
        # Fewer than nine digits are as often an id or a date, unless the name says what they are.
        enough = 7 if named else 9
        phones = sum(looks_like_phone(cell) and sum(map(str.isdigit, cell)) >= enough for cell in cells)
        if not name or not phones:
            continue
        score = phones / len(cells)
        if named:
            score += 0.5
        elif _PHONE_WORD.search(words):
            score += 0.25
        if _MOBILE_NAMES.search(words):
            score += 0.25
        if _NO_PHONE_NAMES.search(words):
            score -= 0.75
        if score > 0.5:
            scores.append((-score, place))
    return [columns[place] for _, place in sorted(scores)]


def filled_cells(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[tuple[str, list[str]]]:
    """Each of *columns*, no more than people would look through, with those of its cells that are not blank."""
    filled: list[tuple[str, list[str]]] = [(name, []) for name in columns[:MOST_COLUMNS]]
    for row in rows:
        for (_, cells), cell in zip(filled, row, strict=False):
            if cell.strip():
                cells.append(cell)
    return filled


def _words(name: str) -> str:
    """A name as small words: `cellPhone`, `CELL_PHONE` and "Cell Phone" are "cell phone"."""
    return " ".join(re.sub(r"[\W_]+", " ", HUMP.sub(" ", name)).split()).casefold()


# --- whose file is it? ----------------------------------------------------------------------------------------------

_EMAIL_CELL = re.compile(r"\s*+[^@\s]++@[^@\s]+\.[a-z]{2,}+\s*+", re.IGNORECASE)
# What is said of a column, in the order it is said; the first pattern that fits its name decides. The flag: does it
# weigh? Names do not: opt-out lists have them as often as contact lists.
_SIGNS: Final = (
    ("e-mails", True, re.compile(r"\b(?:e ?mail|emails)\b")),
    ("a support score", True, re.compile(r"\bsupport (?:score|level|id)\b")),
    ("scores", True, re.compile(r"\bscores?\b|\b(?:turnout|partisanship|likelihood|propensity)\b")),
    ("dates of birth", True, re.compile(r"\b(?:dob|birth|birthday|birthdate|date of birth)\b")),
    ("ages", True, re.compile(r"\bage\b")),
    ("genders", True, re.compile(r"\b(?:gender|sex)\b")),
    ("parties", True, re.compile(r"\bparty\b")),
    ("voting districts", True, re.compile(r"\b(?:precinct|district|ward|congressional|county)\b")),
    ("voter ids", True, re.compile(r"\b(?:van ?id|voter ?(?:file ?)?(?:van ?)?id|dwid|myv ?id)\b")),
    (
        "addresses",
        True,
        re.compile(r"\b(?:address|addr|street|zip|zip ?code|zip ?5|postal ?code|post ?code|city)\b"),
    ),
    ("names", False, re.compile(r"\b(?:(?:first|last|full|middle|given|family|sur) ?name|surname|name|fname|lname)\b")),
)
_ENOUGH: Final = 2


def says_who_or_where(name: str) -> bool:
    """Is a column called *name* about who or where somebody is, like a first name or a city, and so about nothing else?"""
    words = _words(name)
    return any(pattern.search(words) for _, _, pattern in _SIGNS)


def contact_signs(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """
    The signs of a contact list, in words for "it has names, e-mails and a support score".

    Empty unless two kinds of thing beside names are there, in columns that are filled somewhere in *rows*: an opt-out
    list needs a phone and has often a name, a note, a date or an e-mail; it does not need to say where and how people
    live and vote. A street and a city are one kind.
    """
    signs: set[str] = set()
    for name, cells in filled_cells(columns, rows):
        if not cells:
            continue
        words = _words(name)
        if sum(map(bool, map(_EMAIL_CELL.fullmatch, cells))) * 2 > len(cells):
            signs.add("e-mails")
        elif sign := next((sign for sign, _, pattern in _SIGNS if pattern.search(words)), None):
            signs.add(sign)
    if "a support score" in signs:
        signs.discard("scores")
    if sum(sign in signs and weighs for sign, weighs, _ in _SIGNS) < _ENOUGH:
        return ()
    return tuple(sign for sign in ("names", *(sign for sign, _, _ in _SIGNS if sign != "names")) if sign in signs)
