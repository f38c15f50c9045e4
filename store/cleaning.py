"""The writing round a phone: other scripts' digits, spreadsheets' wrappings, several numbers in one text. Pure."""

import re
import unicodedata
from collections.abc import Iterator

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


_OUTSIDE_LINKS = re.compile(r"<[^<>]*>|[^<]+|<")
# Not before an extension ("212-736-5000, ext 12") nor before a parameter of RFC 3966 (";ext=12").
_BETWEEN = re.compile(
    r"\r\n|[\r\n\t\v\f\u2028\u2029]|&amp;|[&\u3001\uff0c\uff1b]|\band\b|[,;]+(?!\s*(?:x|ext\w*|isub|phone-context)\.?\s*=?\s*[+\d])",
    re.IGNORECASE,
)
_BULLET = re.compile(r"\s*(?:[*\u2022\u25e6\u25aa\u2023\u00b7\u2013\u2014-]\s+)+")
_ORDINAL = re.compile(r"\s*\d{1,3}[.)]\s+(?=.*(?:\d.*){7})")
_WHOLE_TOKEN = re.compile(r"[+(]?\d[\d().-]*")


def split_numbers(text: str) -> list[str]:
    """
    What a person typed, cut into one text a number, in order.

    Cut at commas, semicolons, tabs, line breaks, "&", "and", between Slack's <tel:...|...> links, and at blanks when
    both sides are whole numbers; "(212) 555-0100" and "+44 7911 123456" stay whole. Bullets and "1." are dropped.
    """
    # What is inside a link is not cut, so separators outside become line breaks first.
    pieces = (
        piece if piece.startswith("<") else _BETWEEN.sub("\n", piece)
        for piece in (match[0] for match in _OUTSIDE_LINKS.finditer(text))
    )
    lines = [line for line in "".join(pieces).split("\n") if line.strip()]
    found: list[str] = []
    for line in lines:
        bare = _BULLET.sub("", line) if _BULLET.match(line) else line
        if len(lines) > 1:
            bare = _ORDINAL.sub("", bare, count=1) if _ORDINAL.match(bare) else bare
        found.extend(_apart(bare))
    return found


def _apart(line: str) -> Iterator[str]:
    """The whole numbers of one line that only blanks keep apart; the line itself when they are groups of digits."""
    for piece in re.split(r"(?<=\S)\s+(?=<tel:)|(?<=>)(?=<tel:)", line, flags=re.IGNORECASE):
        tokens = piece.split()
        if len(tokens) > 1 and all(_WHOLE_TOKEN.fullmatch(t) and len(digits_of(t)) >= 7 for t in map(folded, tokens)):
            yield from tokens
            continue
        start = 0
        for plus in re.finditer(r"\s+(?=\+)", piece):
            if len(digits_of(folded(piece[start : plus.start()]))) >= 7:
                yield piece[start : plus.start()].strip()
                start = plus.end()
        if piece[start:].strip():
            yield piece[start:].strip()


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(cell: str) -> str:
    """
    *cell* with an apostrophe in front where a spreadsheet would run it as a formula, so that it is shown.

    One that has apostrophes there already gets one more, so that `unguarded` gives back every cell as it was
    (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    return "'" + cell if cell.lstrip("'").startswith(_FORMULA) else cell


def unguarded(cell: str) -> str:
    """*cell* without the apostrophe that `guarded` put in front."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell
