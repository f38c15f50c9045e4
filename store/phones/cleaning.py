"""Clean-up of a text before it is parsed as a phone: other scripts' digits, spreadsheets' wrappings, several numbers in one text. Pure."""

import re
import unicodedata

_NON_DIGITS = re.compile(r"[^0-9]+")


def folded(text: str) -> str:
    """
    *text* with digits, dashes, blanks and brackets of every script as their ASCII ones; invisible characters dropped.

    Only decimal digits count as digits: a raised 2 is a footnote, and reading it would make another number.
    """
    if text.isascii():
        return text.replace("\0", "")
    out = []
    for char in text:
        category = unicodedata.category(char)
        if char.isascii():
            out.append(char)
        elif category == "Nd":
            out.append(str(unicodedata.decimal(char)))
        elif category == "Cf" or char in "\ufe0f\u20e3":  # bidi marks, zero widths; what makes a keycap of a digit
            continue
        elif category in {"Zs", "So"}:
            out.append(" ")
        elif category in {"Zl", "Zp"}:
            out.append("\n")
        elif category == "Pd" or char in "\u2212\u30fc":  # minus sign; the Japanese long-vowel mark, typed as a dash
            out.append("-")
        elif char in "\u00b7\u2022\u2219\u22c5\u30fb":  # dots and bullets between groups of digits
            out.append(" ")
        elif char in "\u2018\u2019\u00b4":
            out.append("'")
        elif char in "\u201c\u201d":
            out.append('"')
        else:
            plain = unicodedata.normalize("NFKC", char)
            out.append(plain if len(plain) == 1 and plain.isascii() and not plain.isdigit() else char)
    return "".join(out).replace("\0", "")


def unwrapped(text: str) -> str:
    """*text* out of a spreadsheet's `="..."`, its leading apostrophe, and quotes or Slack's bold and code marks."""
    while True:
        before = text
        text = text.strip().strip('"').removeprefix("=").removeprefix("'").strip()
        if len(text) > 1 and text[0] == text[-1] and text[0] in "'`*_~":
            text = text[1:-1]
        if text == before:
            return text


def digits_of(text: str) -> str:
    return _NON_DIGITS.sub("", text)
