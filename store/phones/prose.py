"""
The reader of text: phones among words, on every surface, what looks like one and is none, and the rest.

A person wrote the text, so no digits vanish: each group of seven or more ends as a phone, as a piece that is named with
the reason why it is not read, or as what nobody takes for a phone (dates, times, ranges, amounts, addresses, ids: see
`store.phones.dates`). Those are taken out first. What is left is cut into runs of groups of digits, and each run into
phones and remains such that the groups stand as people write them. Pure: no database, no Slack, no files.
"""

import functools
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from store.phones.cleaning import digits_of, folded
from store.phones.dates import COMPACT, NO_NUMBER, NOT_PHONES, YEAR
from store.phones.dialling import dialling
from store.phones.markup import BARRIER, PHONE, Link, Seen, seen
from store.phones.numbers import NotAPhone, PhoneNumber, Reason, library_number
from store.phones.parser import LABEL, parse_phone

__all__ = ["LONGEST_PROSE", "PHONE", "FoundPhone", "TextReading", "find_phones", "read_text", "split_numbers"]

# As long as a message of Slack's can be; what is behind it is not looked at, and whoever asks has to say so.
LONGEST_PROSE: Final = 40_000

_FEWEST: Final = 7  # digits of what people take for a phone, whatever it is
_MOST: Final = 15  # of a number with its country's code; before it may stand 00 or 011
_MOST_DIALLED: Final = 18
_MOST_GROUPS: Final = 8
_LONGEST_PIECE: Final = 120  # characters of what is named as not read

_GROUP = re.compile(r"[0-9]+")
# What may stand between two groups of one number. A dot and a blank end a sentence, or a list's "1. ".
_WITHIN = re.compile(r"[ ()\[\]./+*_~`-]{0,5}")
_SENTENCE = re.compile(r"[.] ")
# "tel2125550100", "212-555-0101cell"
_LABEL_BEFORE = re.compile(rf"(?<![^\W\d_]){LABEL}\Z", re.IGNORECASE)
_LABEL_AFTER = re.compile(rf"{LABEL}(?![^\W_])", re.IGNORECASE)
_LONGEST_LABEL: Final = 12
_EXTENSION = re.compile(
    r"(?:[ ,;]{0,3}(?:extension|extn|ext|x|anexo|int|durchwahl|dw|poste)[.:=]? ?#? ?|,,| ?#)([0-9]{1,6})(?![0-9]|[./-][0-9])",
    re.IGNORECASE,
)
# What a spreadsheet made of a number: 4155552671.0, 4.155E+09
_SPOILT = re.compile(
    r"(?<![0-9])(?<![0-9][./-])(?:[0-9]{7,20}\.(?:0{1,20}|[0-9]{1,2})|[0-9](?:[.,][0-9]{1,20})?E\+?[0-9]{1,2})(?![0-9]|[./-][0-9])",
    re.IGNORECASE,
)
_CONTEXT = re.compile(r";phone-context=\+[0-9-]{1,20}", re.IGNORECASE)  # RFC 3966 section 5.1.5
_VANITY = re.compile(
    r"(?<![\w-])\+?(?:[0-9]{1,3}[-. ])?\(?[0-9]{3,4}\)?[-. ]?(?:[0-9]{3}[-. ])?[A-Za-z]{2,12}+[0-9]{0,4}+(?:[-. ][A-Z]{2,12}+|-[A-Za-z0-9]{1,12}+){0,3}(?![\w])"
)
# Letters that stand for the digits which they look like.
_SPOOFED = re.compile(r"[(+]?[0-9OoIl|\u041e\u043e][0-9OoIl|\u041e\u043e().-]*(?: [0-9OoIl|\u041e\u043e().-]+){0,4}")
_LOOKALIKES: Final = str.maketrans("OoIl|\u041e\u043e", "0011100")
_OVERRIDDEN = re.compile("\u202e[^\u202c\n]*")
# Digits that are signs of another kind: 2 in a circle, raised, in CJK.
_SIGNS = re.compile(
    r"[\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089\u2460-\u2468\u24ea\u2776-\u277e\u3007\u96f6\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d0-9 ().-]{7,}"
)
_ODD_DIGIT = re.compile(r"[^0-9 ().-]")

_REFERENCE = re.compile(
    r"(?:(?<![^\W_])(tickets?|orders?|cases?|refs?|references?|invoices?|inv|accounts?|acct|ids?|p\.?o\.?|tracking|serial|"
    r"confirmation|transaction|receipt|claim|policy|donation|membership|imei|iban|ssn|"
    r"pedidos?|[oó]rden(?:es)?|casos?|facturas?|cuentas?|referencias?|expedientes?|folios?|gu[ií]a|seguimiento|recibo|boletos?|"
    r"commandes?|dossiers?|factures?|comptes?|r[eé]f[eé]rences?|r[eé]f|billets?|suivi|colis|"
    r"bestellung(?:en)?|auftr[aä]ge?|auftrag|vorgang|rechnung(?:en)?|konto|aktenzeichen|az|referenz|sendung|sendungsverfolgung|"
    r"(?:bestell|auftrags|fall|vorgangs|rechnungs|konto|kunden|ticket|referenz|sendungs|mitglieds)-?(?:nummer|nr))"
    r"(?:[ -]?(?:n[ou]?\.?[oº]?|nr|num(?:ber|ero)?|n[uú]mero|num[eé]ro|nummer|code|id)\.?){0,3}|(#))"
    r"[ .:=#-]{0,4}(?:(?:is|was|ist|es|est) )?[ (\[+]{0,4}\Z",
    re.IGNORECASE,
)
_LONGEST_REFERENCE: Final = 48
# "phone # 212-555-0100"
_PHONE_SIGN = re.compile(
    r"(?:phones?|cell|mobile|tel|telephone|fax|numbers?|contact|call|text|her|his|their|my|the|at|is|:) ?#[ (+:]{0,4}\Z",
    re.IGNORECASE,
)
_AND_SO_ON = re.compile(r"[ ,;&/+(#-]{0,5}(?:(?:and|or|y|o|et|ou|und|oder) )?[ (#+]{0,4}")


@dataclass(frozen=True, slots=True)
class FoundPhone:
    """
    A phone in a text: its *number*, and the *text* it was written as, on `folded` text.

    *reference*: what marks it as something else than a phone, as it is written before it ("ticket", "#"). Such a one is
    shown, and never acted on.
    """

    number: PhoneNumber
    text: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class TextReading:
    """
    What a text holds: *phones* in order, each number once (one after a reference does not hide a plain one).

    *unread*: what looks like a phone and is not read, with the reason. *words*: what people see of the text, with `PHONE`
    for each of those.
    """

    phones: tuple[FoundPhone, ...]
    unread: tuple[NotAPhone, ...]
    words: str


def read_text(text: str, country: str | None) -> TextReading:
    """
    What *text*, as Slack delivers it or as somebody typed it, holds.

    *country* is the region code in force for numbers without a country code, None for none. Of a text of more than
    `LONGEST_PROSE` characters the rest is not read. Raises ValueError for an unknown *country* only; for any text it returns.
    """
    reader = _Reader(seen(text[:LONGEST_PROSE]), country)
    reader.read()
    return reader.reading()


@dataclass(slots=True)
class _Group:
    """A group of digits of a run: where it stands, with the signs that open it, and what is between it and the one before."""

    start: int
    end: int
    opened: int
    digits: str
    between: str
    plus: bool
    is_touched: bool


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    outcome: FoundPhone | NotAPhone


class _Reader:
    """Reads one text."""

    def __init__(self, text: Seen, country: str | None) -> None:
        self._seen = text
        self._plain = text.plain
        self._country = country
        self._plan = _plan(country)
        self._pieces: list[_Piece] = []

    def read(self) -> None:
        left = self._plain
        left = self._without_ids(left)
        left = self._without_links(left)
        left = self._without_disguised(left)
        left = self._without_recognised(left)
        left = self._without_spoilt(left)
        left = self._without_spelt(left)
        for run in self._runs(left):
            self._read_run(run)

    def reading(self) -> TextReading:
        """What was found, in order, and the words around it."""
        phones: dict[str, FoundPhone] = {}
        unread: dict[str, NotAPhone] = {}
        words: list[str] = []
        at = 0
        for piece in sorted(self._pieces, key=lambda piece: piece.start):
            start, end = self._seen.place(piece.start), self._seen.place(piece.end)
            words += (self._seen.shown[at:start], PHONE)
            at = end
            match piece.outcome:
                case FoundPhone() as found:
                    before = phones.setdefault(found.number.e164, found)
                    if before.reference is not None and found.reference is None:
                        del phones[found.number.e164]
                        phones[found.number.e164] = found
                case NotAPhone() as refused:
                    unread.setdefault(refused.text, refused)
        words.append(self._seen.shown[at:])
        return TextReading(tuple(phones.values()), tuple(unread.values()), "".join(words).replace(BARRIER, ""))

    # What is taken out before runs are looked for

    def _without_ids(self, left: str) -> str:
        return _blanked(left, self._seen.ids)

    def _without_links(self, left: str) -> str:
        """*left* without the links that dial a number, each of which is a phone by itself."""
        for link in self._seen.links:
            shown = self._plain[link.start : link.end]
            if link.chat is not None:
                number = parse_phone("+" + link.chat, None)
                if isinstance(number, PhoneNumber):
                    self._keep(link.start, link.end, FoundPhone(number, shown, "WhatsApp"))
            else:
                self._keep(link.start, link.end, self._dialled(link, shown))
        return _blanked(left, [(link.start, link.end) for link in self._seen.links])

    def _dialled(self, link: Link, shown: str) -> FoundPhone | NotAPhone:
        number = parse_phone(link.written, self._country)
        if isinstance(number, PhoneNumber):
            return FoundPhone(number, shown, self._reference(link.start))
        target = link.written[1:].partition("|")[0]
        if any(map(str.isalpha, shown)) and link.written.startswith("<"):
            # Words around the number that is shown.
            within = read_text(shown, self._country).phones
            dialled = parse_phone(target, self._country)
            if len(within) == 1 and isinstance(dialled, PhoneNumber) and within[0].number.e164 == dialled.e164:
                return FoundPhone(dialled, shown, self._reference(link.start))
        return replace(number, text=shown)

    def _without_disguised(self, left: str) -> str:
        """*left* without digits that are shown in another order than they are read in, and signs that only look like digits."""
        spans: list[tuple[int, int]] = []
        if self._seen.places is not None and "\u202e" in self._seen.shown:
            new = {place: at for at, place in reversed(list(enumerate(self._seen.places)))}
            for turned in _OVERRIDDEN.finditer(self._seen.shown):
                inside = [new[place] for place in range(*turned.span()) if place in new]
                if inside and len(digits_of(self._plain[inside[0] : inside[-1] + 1])) >= _FEWEST:
                    spans.append((inside[0], inside[-1] + 1))
                    self._refuse(
                        *spans[-1], Reason.NOT_A_NUMBER, "shown in another order than it is written: type it anew"
                    )
        if not left.isascii():
            for signs in _SIGNS.finditer(left):
                text = signs[0].strip(" ().-")
                odd = len(_ODD_DIGIT.findall(text))
                if odd and odd + len(digits_of(text)) >= _FEWEST and "  " not in text:
                    start = signs.start() + signs[0].index(text)
                    spans.append((start, start + len(text)))
                    self._refuse(
                        *spans[-1], Reason.NOT_A_NUMBER, "has signs in it that only look like digits: type its digits"
                    )
        for spoofed in _SPOOFED.finditer(left):
            if self._is_spoofed(spoofed):
                spans.append(spoofed.span())
                self._refuse(*spans[-1], Reason.LETTERS, "has letters in it that look like digits: type its digits")
        return _blanked(left, spans)

    def _is_spoofed(self, found: re.Match[str]) -> bool:
        text = found[0]
        if len(text) < _FEWEST or text.translate(_LOOKALIKES) == text:
            return False
        start, end = found.span()
        if self._plain[start - 1 : start].isalnum() or self._plain[end : end + 1].isalnum():
            return False
        tokens = text.split(" ")
        # Of each of them digits are a part: "1" before "2125550100" is a number's, "I" is a word.
        if not all(digits_of(token) for token in tokens) or len(digits_of(text)) < _FEWEST - 2:
            return False
        return isinstance(
            _number(digits_of(text.translate(_LOOKALIKES)), text.startswith("+"), self._country), PhoneNumber
        )

    def _without_recognised(self, left: str) -> str:
        spans: list[tuple[int, int]] = []
        for found in NOT_PHONES.finditer(left):
            spans.append(found.span())
            if found["thousands"] and len(digits_of(found[0])) > _FEWEST:
                number = parse_phone(found[0], self._country)
                if isinstance(number, PhoneNumber) and not number.flagged:
                    self._refuse(*found.span(), Reason.FRACTION, "written like an amount: write it without commas")
        return _blanked(left, spans)

    def _without_spoilt(self, left: str) -> str:
        """*left* without numbers that a spreadsheet has calculated with; of those, the parser knows which can be told."""
        spans: list[tuple[int, int]] = []
        for found in _SPOILT.finditer(left):
            start, end = found.span()
            if self._is_touched(start, end):
                continue
            spans.append((start, end))
            outcome = parse_phone(found[0], self._country)
            if isinstance(outcome, PhoneNumber):
                self._keep_read(start, end, outcome)
            else:
                self._refuse(start, end, outcome.code, outcome.reason)
        return _blanked(left, spans)

    def _without_spelt(self, left: str) -> str:
        """*left* without phones that are spelt in letters."""
        spans: list[tuple[int, int]] = []
        for found in _VANITY.finditer(left):
            number = parse_phone(found[0], self._country)
            toll_free = _is_toll_free(digits_of(found[0]), self._country)
            if isinstance(number, PhoneNumber):
                if not (toll_free or "-" in found[0].lstrip("+0123456789()")[:1]):
                    continue
                self._keep(*found.span(), FoundPhone(number, found[0], self._reference(found.start())))
            elif toll_free and len(digits_of(found[0])) < _FEWEST and found[0].upper() == found[0]:
                self._keep(*found.span(), replace(number, text=found[0]))
            else:
                continue
            spans.append(found.span())
        return _blanked(left, spans)

    # Runs

    def _runs(self, left: str) -> Iterator[list[_Group]]:
        """The runs of groups of digits that could be of one number, none of which is a part of a word."""
        run: list[_Group] = []
        depth = last = 0
        for found in _GROUP.finditer(left):
            start, end = found.span()
            between = left[last:start] if run else ""
            joined = bool(run) and _WITHIN.fullmatch(between) is not None and not _SENTENCE.search(between)
            if joined:
                for sign in between:
                    depth += (sign in "([") - (sign in ")]")
                    joined = joined and depth >= 0
            opened = _opening(left, max(last, start - 4), start)
            if not joined:
                if run:
                    yield run
                run = []
                depth = sum(sign in "([" for sign in left[opened:start])
            last = end
            is_touched = self._is_touched(start, end)
            # A small number with letters is no group of a phone's: 2nd, 3x, Q4. One with a dash may be, of what letters touch.
            if is_touched and end - start < _FEWEST and not (_is_tied(left, start - 1) or _is_tied(left, end)):
                if run:
                    yield run
                run = []
                continue
            run.append(_Group(start, end, opened, found[0], between, "+" in left[opened:start], is_touched))
        if run:
            yield run

    def _is_touched(self, start: int, end: int) -> bool:
        """Do letters touch the digits from *start* to *end*, as in an order's id or in 2nd? "tel" and its like may, a whole number."""
        text = self._plain
        has_label = end - start >= 4
        before, after = text[start - 1 : start] if start else "", text[end : end + 1]
        is_before = _is_letter(before) or (before in _TIES and _is_letter(text[max(0, start - 2) : start - 1]))
        if is_before and not (has_label and _LABEL_BEFORE.search(text[max(0, start - _LONGEST_LABEL) : start])):
            return True
        if _is_letter(after) or (after in _TIES and _is_letter(text[end + 1 : end + 2])):
            return not has_label or _LABEL_AFTER.match(text, end, end + _LONGEST_LABEL) is None
        return False

    def _refuse_touched(self, start: int, end: int) -> None:
        """Name a phone that letters touch: it may be an order's id, or a blank is missing."""
        while start and (self._plain[start - 1].isalnum() or self._plain[start - 1] in "_@"):
            start -= 1
        while end < len(self._plain) and (self._plain[end].isalnum() or self._plain[end] in "_@"):
            end += 1
        self._refuse(start, end, Reason.LETTERS, "letters touch it: put a blank before and behind a phone")

    def _read_run(self, run: list[_Group]) -> None:
        segments = self._segments(run)
        left: list[int] = []
        for index, (first, after, number) in enumerate(segments):
            # Behind a code that is none, or not its number's, the rest is not a number at home.
            if number is None or any(run[at].plus for at in left):
                left += range(first, after)
                continue
            self._name_left(run, left)
            left = []
            if (longer := self._unclear(run, segments, index)) is not None:
                self._refuse(
                    run[first].opened,
                    run[longer].end,
                    Reason.NOT_A_NUMBER,
                    "not clear where the number ends: write it without blanks",
                )
                continue
            self._keep_phone(run, first, after, number)
        self._name_left(run, left)

    def _segments(self, run: list[_Group]) -> list[tuple[int, int, PhoneNumber | None]]:
        """*run* cut into phones and what is none: first group, the one after the last, and the number."""
        if len(run) == 1 and len(run[0].digits) < _FEWEST and not self._plan.is_short(run[0].digits):
            return [(0, 1, None)]
        count = len(run)
        costs = [0.0] * (count + 1)
        chosen: list[tuple[int, PhoneNumber | None]] = [(count, None)] * count
        for first in range(count - 1, -1, -1):
            # Behind a plus nothing but a number makes sense.
            best, cut = _cost_left(run[first].digits) + 5.0 * run[first].plus + costs[first + 1], (first + 1, None)
            for after, cost in _dates(run, first):
                if cost + costs[after] < best:
                    best, cut = cost + costs[after], (after, None)
            found: tuple[int, PhoneNumber | None] = cut
            digits = ""
            for after in range(first + 1, min(count, first + _MOST_DIALLED) + 1):
                group = run[after - 1]
                if after > first + 1 and group.plus:
                    break
                digits += group.digits
                if len(digits) > _MOST_DIALLED:
                    break
                if not _may_be_grouped(len(digits), after - first):
                    continue
                number = self._plan.number(digits, plus=run[first].plus)
                if number is None:
                    continue
                cost = self._cost(run, first, after, number)
                if cost + costs[after] < best or (cost + costs[after] == best and after > found[0]):
                    best, found = cost + costs[after], (after, number)
            costs[first], chosen[first] = best, found
        segments = []
        first = 0
        while first < count:
            after, number = chosen[first]
            segments.append((first, after, number))
            first = after
        return segments

    def _cost(self, run: list[_Group], first: int, after: int, number: PhoneNumber) -> float:
        """How far from what people write it is to take these groups for *number*: 1 for what is written as it should be."""
        groups: list[str] = []
        cost = 1.0
        for at in range(first, after):
            group = run[at]
            if at > first and not group.between.strip("*_~`"):
                groups[-1] += group.digits  # formatting, of a part of the number
                continue
            if at > first and group.digits.startswith("0") and len(group.digits) > 2 and " " in group.between:
                cost += 2.0
            groups.append(group.digits)
        if len(groups) < len(number.e164) - 4 and not _is_natural(
            number.e164, tuple(map(len, groups)), groups[0][0] == "0"
        ):
            cost += 6.0 if 1 in map(len, groups[1:]) else 2.0
        if number.flagged:
            cost += 3.0
        if len(groups) == 1 and COMPACT.fullmatch(groups[0]):
            cost += 2.0
        return cost

    def _unclear(
        self, run: list[_Group], segments: list[tuple[int, int, PhoneNumber | None]], index: int
    ) -> int | None:
        """The last group of another reading of a phone, which takes in a short group behind a blank. None: there is none."""
        first, after, number = segments[index]
        if number is None or after >= len(run) or len(run[after].digits) > 3 or run[after].between.strip(" "):
            return None
        if index + 1 < len(segments) and (segments[index + 1][2] is not None or segments[index + 1][1] != after + 1):
            return None
        digits = "".join(group.digits for group in run[first : after + 1])
        longer = self._plan.number(digits, plus=run[first].plus)
        return after if longer is not None and not longer.flagged else None

    def _keep_phone(self, run: list[_Group], first: int, after: int, number: PhoneNumber) -> None:
        start, end = run[first].opened, run[after - 1].end
        text = self._plain[start:end]
        for opened, closed in ("()", "[]"):
            if text.count(opened) > text.count(closed) and self._plain[end : end + 1] == closed:
                end += 1
        if (extension := _EXTENSION.match(self._plain, end) or _CONTEXT.match(self._plain, end)) is not None:
            with_extension = parse_phone(self._plain[start : extension.end()], self._country)
            if isinstance(with_extension, PhoneNumber):
                number, end = with_extension, extension.end()
        if after < len(run) and after - first >= 1 and _is_other_end(run[after - 1], run[after]):
            self._refuse(
                run[after].start, run[after].end, Reason.TWO_NUMBERS, "the end of another number: write that one whole"
            )
        if any(group.is_touched for group in run[first:after]):
            self._refuse_touched(start, end)
        else:
            self._keep_read(start, end, number)

    def _keep_read(self, start: int, end: int, number: PhoneNumber) -> None:
        text = self._plain[start:end].strip()
        if _is_without_trunk(number, text):
            self._refuse(start, end, Reason.NOT_A_NUMBER, "without the leading 0 it may be something else: write the 0")
        else:
            self._keep(start, end, FoundPhone(number, text, self._reference(start)))

    def _name_left(self, run: list[_Group], left: list[int]) -> None:
        """Name what is *left* of a run, where it has as many digits as a phone."""
        if not left:
            return
        first, last = run[left[0]], run[left[-1]]
        digits = "".join(run[index].digits for index in left)
        if len(digits) < _FEWEST or any(run[index].is_touched for index in left):
            return
        start, end = first.opened, last.end
        text = self._plain[start:end]
        if _is_date(run, left):
            if self._plan.takes_dates(digits):
                self._refuse(start, end, Reason.NOT_A_NUMBER, "may be a date: write a phone with its country code")
            return
        if NO_NUMBER.fullmatch(text):
            return
        outcome = parse_phone(text, self._country) if len(text) <= _LONGEST_PIECE else None
        if isinstance(outcome, NotAPhone):
            self._refuse(start, end, outcome.code, outcome.reason)
        elif len(digits) > _MOST_DIALLED:
            self._refuse(start, end, Reason.TOO_LONG, f"{len(digits):,} digits, the longest number has {_MOST}")
        else:
            self._refuse(
                start, end, Reason.NOT_A_NUMBER, "not clear that it is a phone: write it with its country code"
            )

    # Outcomes

    def _keep(self, start: int, end: int, outcome: FoundPhone | NotAPhone) -> None:
        self._pieces.append(_Piece(start, end, outcome))

    def _refuse(self, start: int, end: int, code: Reason, reason: str) -> None:
        text = self._plain[start:end].replace(BARRIER, "").strip()
        if len(text) > _LONGEST_PIECE:
            text = text[: _LONGEST_PIECE - 1] + "…"
        if (reference := self._reference(start)) is not None:
            reason = f'after "{reference}"; {reason}'
        self._keep(start, end, NotAPhone(text, code, reason))

    def _reference(self, start: int) -> str | None:
        """The word or sign before *start* that makes what stands there something else than a phone."""
        before = self._plain[max(0, start - _LONGEST_REFERENCE) : start]
        if (found := _REFERENCE.search(before)) is not None and not _PHONE_SIGN.search(before):
            return found[1] or found[2]
        if self._pieces:
            last = self._pieces[-1]
            if (
                isinstance(last.outcome, FoundPhone)
                and last.end <= start <= last.end + _LONGEST_LABEL
                and last.outcome.reference is not None
                and last.outcome.reference.endswith("s")
                and _AND_SO_ON.fullmatch(self._plain, last.end, start)
            ):
                return last.outcome.reference
        return None


def _blanked(text: str, spans: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> str:
    """*text* with `BARRIER` for each character of *spans*, which are in order and do not overlap."""
    if not spans:
        return text
    parts: list[str] = []
    at = 0
    for start, end in sorted(spans):
        parts += (text[at:start], BARRIER * (end - max(start, at)))
        at = max(at, end)
    return "".join((*parts, text[at:]))


_TIES: Final = frozenset("_@")


def _is_tied(text: str, at: int) -> bool:
    """Does a sign at *at* of *text* tie two groups of digits together, without a blank?"""
    return (
        text[at : at + 1] in {"-", ".", "/"} and text[at + 1 : at + 2].isdigit() and text[max(0, at - 1) : at].isdigit()
    )


def _opening(text: str, first: int, start: int) -> int:
    """Where the signs begin that open the number at *start*: its plus and brackets."""
    while start > first and text[start - 1] in "+([":
        start -= 1
    return start


def _is_letter(char: str) -> bool:
    """Is *char* a letter of a script in which blanks stand between words and numbers?"""
    return char.isalpha() and char < "\u0590"


def _cost_left(digits: str) -> float:
    """How odd it is that a group of digits is no phone's."""
    if len(digits) <= 2 or YEAR.fullmatch(digits):
        return 1.0
    return 2.0 if len(digits) < _FEWEST else 6.0


def _dates(run: list[_Group], first: int) -> Iterator[tuple[int, float]]:
    """Dates that begin at a group, as they are written with blanks or as one group: the group after each, and the cost."""
    digits = run[first].digits
    if COMPACT.fullmatch(digits):
        yield first + 1, 0.5
    if first + 3 <= len(run):
        one, two, three = (group.digits for group in run[first : first + 3])
        if run[first + 1].between == run[first + 2].between == " " and _is_day((one, two, three)):
            yield first + 3, 1.5
    if first + 2 <= len(run) and run[first + 1].between in {"/", "."}:
        one, two = digits, run[first + 1].digits
        if len(one) <= 2 and len(two) <= 2 and (_is_day((one, two, "2000")) or _is_day((two, one, "2000"))):
            yield first + 2, 1.0


def _is_day(groups: tuple[str, str, str]) -> bool:
    one, two, three = groups
    if YEAR.fullmatch(one):
        one, three = three, one
    return (
        len(one) <= 2
        and len(two) <= 2
        and YEAR.fullmatch(three) is not None
        and min(int(one), int(two)) in range(1, 13)
        and max(int(one), int(two)) in range(1, 32)
    )


def _is_date(run: list[_Group], left: list[int]) -> bool:
    groups = [run[index].digits for index in left]
    if len(groups) == 1:
        return COMPACT.fullmatch(groups[0]) is not None
    return len(groups) == 3 and _is_day((groups[0], groups[1], groups[2]))


def _may_be_grouped(digits: int, groups: int) -> bool:
    """Do people write so many digits in so many groups? One by one they spell them."""
    return groups <= min(_MOST_GROUPS, digits // 2 + 1) or groups == digits


def _is_other_end(last: _Group, following: _Group) -> bool:
    """Is *following* how a second number ends that begins as the first does: 212-555-0100/0101?"""
    if following.between == "/":
        return len(following.digits) >= 2
    return following.between.strip(" ") == "-" and len(following.digits) == len(last.digits) >= 3


@functools.lru_cache(1 << 13)
def _number(digits: str, plus: bool, country: str | None) -> PhoneNumber | None:
    outcome = parse_phone(f"+{digits}" if plus else digits, country)
    return outcome if isinstance(outcome, PhoneNumber) else None


@functools.lru_cache(1 << 13)
def _is_natural(e164: str, groups: tuple[int, ...], has_trunk: bool) -> bool:
    """Do the digits of a number stand in *groups* as the library or people would set them: in no more places, or in even ones?"""
    if len(groups) == 1 or (len(groups) == 2 and has_trunk and groups[0] >= 2 and groups[1] >= 4):
        return True
    number = library_number(e164, None)
    if number is None:
        return False
    national = len(phonenumbers.national_significant_number(number))
    breaks = _breaks(groups, national)
    for form in (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL):
        formatted = _GROUP.findall(str(phonenumbers.format_number(number, form)))
        if breaks <= _breaks(tuple(map(len, formatted)), national):
            return True
    inner = groups[1:]
    return len(inner) >= 2 and min(inner) >= 2 and max(inner) <= 4 and max(inner) - min(inner) <= 1


def _breaks(groups: tuple[int, ...], national: int) -> set[int]:
    """Before which digits, counted from the end, a number of *national* digits is cut."""
    breaks, count = set(), 0
    for length in reversed(groups[1:]):
        count += length
        if count < national:
            breaks.add(count)
    return breaks


def _is_toll_free(digits: str, country: str | None) -> bool:
    """Does a number that begins with *digits* cost its caller nothing, as those that are spelt in letters mostly do?"""
    national = digits.removeprefix("1") if country in _NANP else digits
    return national.startswith(
        ("800", "888", "877", "866", "855", "844", "833")
        if country in _NANP
        else ("0800", "1800", "1300", "800", "900", "13")
    )


_NANP: Final = frozenset(phonenumbers.region_codes_for_country_code(1))


def _is_without_trunk(number: PhoneNumber, text: str) -> bool:
    """Is the 0 missing with which a fixed line is written at home, where numbers have many lengths, so that nearly all digits would be one?"""
    if number.assumed_country is None or digits_of(text).startswith("0"):
        return False
    return _plan(number.assumed_country).wants_trunk and not _is_mobile(number.e164)


def _is_mobile(e164: str) -> bool:
    number = library_number(e164, None)
    return number is not None and phonenumbers.number_type(number) in {
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.TOLL_FREE,
    }


class _Plan:
    """What numbers of the country in force look like."""

    def __init__(self, country: str | None) -> None:
        self.country = country
        self._dialling = dialling(country)
        plan = PhoneMetadata.metadata_for_region(country) if country else None
        fixed = plan.fixed_line.possible_length if plan and plan.fixed_line else ()
        mobile = plan.mobile.possible_length if plan and plan.mobile else ()
        self._lengths = {length for length in (*fixed, *mobile) if length > 0}
        self.wants_trunk = bool(plan and plan.national_prefix == "0" and len(set(fixed)) >= 4)
        self._fewest = max(5, min(_FEWEST, max(self._lengths, default=_FEWEST)))
        self._takes_dates = bool(plan and not plan.national_prefix and 8 in self._lengths)

    def is_short(self, digits: str) -> bool:
        """Has a whole number of the country as few digits?"""
        return len(digits) >= self._fewest

    def takes_dates(self, digits: str) -> bool:
        return self._takes_dates and len(digits) == 8 and self.number(digits, plus=False) is not None

    def number(self, digits: str, *, plus: bool) -> PhoneNumber | None:
        """The phone that *digits* are; None for none, and for one of few digits that is not in use."""
        if len(digits) < (_FEWEST - 1 if plus else self._fewest):
            return None
        if len(digits) > _MOST and not digits.startswith(("00", "011")):
            return None
        if not plus and not digits.startswith(("00", "011")) and not self._dialling.may_be_whole(digits, plus=plus):
            return None
        number = _number(digits, plus, self.country)
        return None if number is None or (number.flagged and len(digits) < _FEWEST + 1) else number


@functools.cache
def _plan(country: str | None) -> _Plan:
    return _Plan(country)


def find_phones(text: str, country: str | None) -> tuple[FoundPhone, ...]:
    """The phones of `read_text` that no word before them marks as something else."""
    return tuple(phone for phone in read_text(text, country).phones if phone.reference is None)


_OUTSIDE_LINKS = re.compile(r"<[^<>]*>|[^<]+|<")
# Not before an extension ("212-736-5000, ext 12") nor before a parameter of RFC 3966 (";ext=12").
_BETWEEN = re.compile(
    r"\r\n|[\r\n\t\v\f\u2028\u2029]|&amp;|[&\u3001\uff0c\uff1b]|\band\b|[,;]+(?!\s*(?:x|ext\w*|isub|phone-context)\.?\s*(?:=\s*)?[+\d])",
    re.IGNORECASE,
)
# Blanks are taken from where they begin (`(?<!\s)`): else each blank of a long run is tried as the first of them.
_BULLET = re.compile(r"(?<!\s)\s*(?:[*\u2022\u25e6\u25aa\u2023\u00b7\u2013\u2014-]\s+)+")
_ORDINAL = re.compile(r"\s*\d{1,3}[.)]\s+")
_DIGIT = re.compile(r"\d")
_BEFORE_PLUS = re.compile(r"(?<!\s)\s+(?=\+)")
_BEFORE_LINK = re.compile(r"(?<=\S)\s+(?=<tel:)|(?<=>)(?=<tel:)", re.IGNORECASE)
_WHOLE_TOKEN = re.compile(r"[+(]?\d[\d().-]*")


def split_numbers(text: str) -> list[str]:
    """
    Split what a person typed into one text a number, in order.

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
        if len(lines) > 1 and (ordinal := _ORDINAL.match(bare)) and _has_digits(bare[ordinal.end() :], 7):
            bare = bare[ordinal.end() :]
        found.extend(_apart(bare))
    return found


def _has_digits(text: str, fewest: int) -> bool:
    """Are there *fewest* digits in *text*, at least?"""
    return sum(1 for _ in itertools.islice(_DIGIT.finditer(text), fewest)) == fewest


def _apart(line: str) -> Iterator[str]:
    """The whole numbers of one line that only blanks keep apart; the line itself when they are groups of digits."""
    for piece in _BEFORE_LINK.split(line):
        tokens = piece.split()
        if len(tokens) > 1 and all(_WHOLE_TOKEN.fullmatch(t) and len(digits_of(t)) >= 7 for t in map(folded, tokens)):
            yield from tokens
            continue
        start = counted = digits = 0
        for plus in _BEFORE_PLUS.finditer(piece):
            digits += len(digits_of(folded(piece[counted : plus.start()])))
            counted = plus.end()
            if digits >= 7:
                yield piece[start : plus.start()].strip()
                start, digits = plus.end(), 0
        if piece[start:].strip():
            yield piece[start:].strip()
