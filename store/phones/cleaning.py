"""Clean-up of a text before it is parsed as a phone: other scripts' digits, spreadsheets' wrappings, several numbers in one text. Pure."""

import functools
import re
import unicodedata
from typing import Final

_SERVICE_CODE = re.compile(r"\*\d\d(?!\d)")  # dialled before a number, to hide one's own: "*67 212 736 5000"
_NON_DIGITS = re.compile(r"[^0-9]+")
_NO_DIGITS: Final = {sign: None for sign in range(128) if not chr(sign).isdigit()}


def folded(text: str) -> str:
    """
    *text* with digits, dashes, blanks and brackets of every script as their ASCII ones; invisible characters dropped.

    Only decimal digits count as digits: a raised 2 is a footnote, and reading it would make another number.
    """
    if text.isascii():
        return text.replace("\0", "")
    return "".join(map(_folded_character, text)).replace("\0", "")


@functools.lru_cache(1 << 12)  # a text in another script has the same few again and again
def _folded_character(char: str) -> str:
    if char.isascii():
        return char
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Cf" or char in "\ufe0f\u20e3":  # bidi marks, zero widths; what makes a keycap of a digit
        return ""
    if category in {"Zs", "So"}:
        return " "
    if category in {"Zl", "Zp"}:
        return "\n"
    if category == "Pd" or char in "\u2212\u30fc":  # minus sign; the Japanese long-vowel mark, typed as a dash
        return "-"
    if char in "\u00b7\u2022\u2219\u22c5\u30fb":  # dots and bullets between groups of digits
        return " "
    if char in "\u2018\u2019\u201a\u201b\u2039\u203a\u00b4":
        return "'"
    if char in "\u201c\u201d\u201e\u201f\u00ab\u00bb":
        return '"'
    plain = unicodedata.normalize("NFKC", char)
    return plain if len(plain) == 1 and plain.isascii() and not plain.isdigit() else char


def unwrapped(text: str) -> str:
    """*text* out of a spreadsheet's `="..."`, its leading apostrophe, and quotes, a tilde, or Slack's bold and code marks."""
    while True:
        before = text
        text = text.strip().strip("\"'`~_").removeprefix("=").strip()
        if len(text) > 1 and text[0] == text[-1] == "*":
            text = text[1:-1]
        elif text.startswith("*") and not text.startswith("**") and not _SERVICE_CODE.match(text):
            text = text[1:]  # behind a number a star may stand for a digit
        if text == before:
            return text


def digits_of(text: str) -> str:
    if not text.isascii():
        return _NON_DIGITS.sub("", text)
    # A third of the time, where there is a sign behind each digit.
    return text if text.isdigit() else text.translate(_NO_DIGITS)
