"""
The reader of text: phones among words, on every surface, what looks like one and is none, and the rest.

A person wrote the text, so no digits vanish: each group of seven or more ends as a phone, as a piece that is named with
the reason why it is not read, or as what nobody takes for a phone (dates, times, amounts, addresses, ids: see
`store.phones.dates`). Those are taken out first. What is left is cut into runs of groups of digits, and each run into
phones and remains (`store.phones.runs`). Pure: no database, no Slack, no files.
"""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final

import phonenumbers

from store.phones.cleaning import digits_of
from store.phones.dates import (
    BEGIN_OTHERWISE,
    BEGIN_WITH_DIGIT,
    MAIL,
    MONEY,
    NO_PHONE,
    UUID,
    WEB,
    YEAR,
    ZIP,
)
from store.phones.display import country_of
from store.phones.groups import BESIDE_LETTERS, FEWEST_DIGITS, Run, is_touched, runs
from store.phones.markup import BARRIER, CHAT, PHONE, Link, Seen, seen
from store.phones.numbers import NotAPhone, PhoneNumber, Reason
from store.phones.parser import MOST_PLAIN, is_plain, parse_phone
from store.phones.ranges import NO_NUMBER, Range
from store.phones.references import reference_before
from store.phones.runs import MOST_DIALLED, RunPlan, Segment, is_clear, plan, segments

__all__ = ["LONGEST_PROSE", "PHONE", "FoundPhone", "TextReading", "read_text"]

# As long as a message of Slack's can be; what is behind it is not looked at, and whoever asks has to say so.
LONGEST_PROSE: Final = 40_000
_LONGEST_PIECE: Final = 120  # characters of what is named as not read

_COMPACT_LENGTHS: Final = frozenset({8, 12, 14})  # digits of a day in one group, and with its time
_PLAIN = re.compile(r"\+?[0-9 ()-]{7,24}")
_GOES_ON = re.compile(r"[0-9][ )./-]{1,2}\Z")
_END_ALONE: Final = "the end of another number: write that one whole"
_MAY_BE_DATE: Final = "may be a date: write a phone with its country code"
_EXTENSION = re.compile(
    r"(?:[ ,;]{0,3}(?:extension|extn|ext|x|anexo|int|durchwahl|dw|poste|ramal)[.:=]? ?#? ?|,,| ?#)([0-9]{1,6})(?![0-9]|[./-][0-9])"
    r"|;phone-context=\+[0-9-]{1,20}",  # RFC 3966 section 5.1.5
    re.IGNORECASE,
)
# Behind a phone, the end of another that begins as it does: "212-555-0100, -0101 and -0102".
_OTHER_END = re.compile(
    r"(?: ?[,;&] ?(?:(?:and|or|y|o|et|ou|und|oder) )?| (?:and|or|y|o|et|ou|und|oder) )-([0-9]{3,4})(?![0-9]|[ ()+./-]{1,5}[0-9])"
)
_BEGIN_OTHER_END: Final = frozenset(" ,;&")
# What makes one id with the number behind it: "case 20241105-2125550100".
_TIED = re.compile(r"(?<![0-9])[0-9]{4,14}[-/]\Z")
_TYING: Final = frozenset("-/")
_LONGEST_TIED: Final = 15  # characters
_BEGIN_EXTENSION: Final = frozenset(" ,;#eExXaAiIdDpPrR")
_OPENED: Final = {")": "(", "]": "["}
# What a spreadsheet made of a number: 4155552671.0, 4.155E+09
_SPOILT = re.compile(
    r"(?<![0-9])(?=[0-9])(?<![0-9][./-])"
    r"(?:[0-9]{7,20}\.(?:0{1,20}|[0-9]{1,2})|[0-9](?:[.,][0-9]{1,20})?E\+?[0-9]{1,2})(?![0-9]|[./-][0-9])",
    re.IGNORECASE,
)
_SPOILT_HINT = re.compile(r"[0-9][.,eE]")
_ODDLY_HINT = re.compile(r"[0-9][,:='\t][0-9]")
# One and the same sign between all of them.
_ODDLY_PARTED = re.compile(
    r"(?<![0-9])(?<![0-9][,:='\t./-])\+?[0-9]{1,5}(?:"
    + "|".join(rf"{sign}[0-9]{{2,5}}(?:{sign}[0-9]{{2,5}}){{1,4}}" for sign in ",:='\t")
    + r")(?![0-9]|[,:='\t./-][0-9])"
)
# In Brazil, "0xx11": what stands for the carrier of one's choice.
_CARRIED = re.compile(
    r"(?<![\w+])0 ?(?:xx|\*\*) ?\(?[1-9][0-9]\)?[ .-]{0,2}[0-9]{4,5}[ .-]?[0-9]{4}(?![0-9])", re.IGNORECASE
)
_VANITY = re.compile(
    r"(?<![\w-])\+?(?=[0-9(])(?:[0-9]{1,3}[-. ])?\(?[0-9]{3,4}\)?[-. ]?(?:[0-9]{3}[-. ])?"
    r"[A-Za-z]{2,12}+[0-9]{0,4}+(?:[-. ][A-Z]{2,12}+|-[A-Za-z0-9]{1,12}+){0,3}(?![\w])"
)
# What of its letters makes a number one that is spelt: a hyphen, or that it costs its caller nothing.
_HYPHENED = re.compile(r"[+(]?[0-9(). -]*-[A-Za-z]")
_FREE_NANP: Final = ("800", "833", "844", "855", "866", "877", "888")
_FREE: Final = ("0800", "1800", "1300", "800", "900")
_NANP: Final = frozenset(phonenumbers.region_codes_for_country_code(1))
# Letters that stand for the digits which they look like; and digits that are signs: in a circle, raised, of CJK.
_SPOOFED_HINT = re.compile(r"[0-9][OoIl|\u041e\u043e]|[OoIl|\u041e\u043e][0-9]")
_SPOOFED = re.compile(r"[(+]?[0-9OoIl|\u041e\u043e][0-9OoIl|\u041e\u043e().-]*(?: [0-9OoIl|\u041e\u043e().-]+){0,4}")
_LOOKALIKES: Final = str.maketrans("OoIl|\u041e\u043e", "0011100")
_SIGNS = re.compile(
    r"[\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089\u2460-\u2468\u24ea\u2776-\u277e\u3007\u96f6\u4e00\u4e8c\u4e09"
    r"\u56db\u4e94\u516d\u4e03\u516b\u4e5d0-9 ().-]{7,}"
)
_ODD_DIGIT = re.compile(r"[^0-9 ().-]")
# U+202E turns round what follows, up to U+202C or the line's end.
_OVERRIDDEN = re.compile("\u202e[^\u202c\n]*")


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
    for each of those. *pieces*: what each `PHONE` in it stands for.
    """

    phones: tuple[FoundPhone, ...]
    unread: tuple[NotAPhone, ...]
    words: str
    pieces: tuple[FoundPhone | NotAPhone, ...]


def read_text(text: str, country: str | None) -> TextReading:
    """
    What *text*, as Slack delivers it or as somebody typed it, holds.

    *country* is the region code in force for numbers without a country code, None for none. Of a text of more than
    `LONGEST_PROSE` characters the rest is not read. Raises ValueError for an unknown *country* only; for any text it returns.
    """
    reader = _Reader(seen(text[:LONGEST_PROSE]), country)
    reader.read()
    return reader.reading()


class _Reader:
    """Reads one text."""

    def __init__(self, text: Seen, country: str | None) -> None:
        self._seen = text
        self._plain = text.plain
        self._country = country
        self._plan = plan(country)
        # Without a word or a "#" there is no reference.
        self._has_words = "#" in self._plain or _has_letters(self._plain)
        self._pieces: list[tuple[int, int, FoundPhone | NotAPhone]] = []  # with the places where each begins and ends

    def read(self) -> None:
        """Find the pieces, in steps: each takes out of the text what it knows, and leaves the rest to the next."""
        left = _blanked(self._plain, self._seen.ids)
        for step in (
            self._links,
            self._disguised,
            self._addresses,
            self._dated,
            self._dated_by_name,
            self._spoilt,
            self._carried,
            self._spelt,
            self._oddly_parted,
        ):
            left = _blanked(left, step(left))
        for run in runs(left, self._plain):
            self._read_run(run)

    def reading(self) -> TextReading:
        """What was found, in order, and the words around it."""
        phones: dict[str, FoundPhone] = {}
        unread: dict[str, NotAPhone] = {}
        words: list[str] = []
        at = 0
        pieces = sorted(self._pieces, key=itemgetter(0))
        is_as_read = self._seen.places is None
        for start, end, outcome in pieces:
            if not is_as_read:
                start, end = self._seen.place(start), self._seen.place(end)  # noqa: PLW2901
            words += (self._seen.shown[at:start], PHONE)
            at = end
            match outcome:
                case FoundPhone() as found:
                    before = phones.setdefault(found.number.e164, found)
                    if before.reference is not None and found.reference is None:
                        del phones[found.number.e164]
                        phones[found.number.e164] = found
                case NotAPhone() as refused:
                    unread.setdefault(refused.text, refused)
        words.append(self._seen.shown[at:])
        seen_words = "".join(words).replace(BARRIER, "")
        outcomes = tuple(outcome for _, _, outcome in pieces)
        return TextReading(tuple(phones.values()), tuple(unread.values()), seen_words, outcomes)

    # What is taken out before runs are looked for; each gives the places of it

    def _links(self, _left: str) -> list[tuple[int, int]]:
        """Links that dial a number, each of which is a phone by itself."""
        for link in self._seen.links:
            shown = self._plain[link.start : link.end]
            if link.chat is not None:
                self._keep_chat(link.start, link.end, link.chat)
            else:
                self._keep(link.start, link.end, self._dialled(link, shown))
        return [(link.start, link.end) for link in self._seen.links]

    def _keep_chat(self, start: int, end: int, digits: str) -> None:
        """Keep the phone of a chat's address, which has these *digits* in it."""
        number = parse_phone("+" + digits, None)
        if isinstance(number, PhoneNumber):
            self._keep(start, end, FoundPhone(number, self._plain[start:end], "WhatsApp"))

    def _dialled(self, link: Link, shown: str) -> FoundPhone | NotAPhone:
        target, _, label = link.written[1:-1].removeprefix("tel:").partition("|")
        if _PLAIN.fullmatch(target) and _PLAIN.fullmatch(label):  # as Slack links what somebody typed
            dialled = self._plan.number(digits_of(target), plus=target[0] == "+")
            # Slack may put a country code before what was typed, and not the one in force here.
            if dialled is not None and (
                _is_written(label, dialled, self._plan) or _is_written(label, dialled, plan(country_of(dialled.e164)))
            ):
                return FoundPhone(dialled, shown, self._reference(link.start))
        number = parse_phone(link.written, self._country)
        if isinstance(number, PhoneNumber):
            return FoundPhone(number, shown, self._reference(link.start))
        if link.written.startswith("<") and any(map(str.isalpha, shown)):
            # Words around the number that is shown.
            within = read_text(shown, self._country).phones
            called = parse_phone(target, self._country)
            if len(within) == 1 and isinstance(called, PhoneNumber) and within[0].number.e164 == called.e164:
                return FoundPhone(called, shown, self._reference(link.start))
        return replace(number, text=shown)

    def _disguised(self, left: str) -> list[tuple[int, int]]:
        """Digits that are shown in another order than they are read in, and signs that only look like digits."""
        spans: list[tuple[int, int]] = []
        if self._seen.places is not None and "\u202e" in self._seen.shown:
            read = {place: at for at, place in enumerate(self._seen.places)}
            for turned in _OVERRIDDEN.finditer(self._seen.shown):
                inside = [read[place] for place in range(*turned.span()) if place in read]
                if inside and len(digits_of(self._plain[inside[0] : inside[-1] + 1])) >= FEWEST_DIGITS:
                    spans.append((inside[0], inside[-1] + 1))
                    self._refuse(
                        *spans[-1], Reason.NOT_A_NUMBER, "shown in another order than it is written: type it anew"
                    )
            left = _blanked(left, spans)
        if not left.isascii():
            for signs in _SIGNS.finditer(left):
                text = signs[0].strip(" ().-")
                odd = len(_ODD_DIGIT.findall(text))
                if odd and odd + len(digits_of(text)) >= FEWEST_DIGITS and "  " not in text:
                    start = signs.start() + signs[0].index(text)
                    spans.append((start, start + len(text)))
                    self._refuse(
                        *spans[-1], Reason.NOT_A_NUMBER, "has signs in it that only look like digits: type its digits"
                    )
            left = _blanked(left, spans)
        if _SPOOFED_HINT.search(left):
            for spoofed in _SPOOFED.finditer(left):
                if self._is_spoofed(spoofed):
                    spans.append(spoofed.span())
                    self._refuse(*spans[-1], Reason.LETTERS, "has letters in it that look like digits: type its digits")
        return spans

    def _is_spoofed(self, found: re.Match[str]) -> bool:
        text, (start, end) = found[0], found.span()
        if not FEWEST_DIGITS <= len(text) <= _LONGEST_PIECE or text.translate(_LOOKALIKES) == text:
            return False
        if self._plain[max(0, start - 1) : start].isalnum() or self._plain[end : end + 1].isalnum():
            return False
        # Of each of its words digits are a part: "2l2" may be a number's, "I" is a word.
        if not all(map(digits_of, text.split(" "))) or len(digits_of(text)) < FEWEST_DIGITS - 2:
            return False
        return self._plan.number(digits_of(text.translate(_LOOKALIKES)), plus=text.startswith("+")) is not None

    def _addresses(self, left: str) -> list[tuple[int, int]]:
        """Addresses of the web and of mail, and ids."""
        spans: list[tuple[int, int]] = []
        for pattern, signs in ((MAIL, ("@",)), (WEB, ("/", "www.")), (UUID, ("-",))):
            if any(sign in left for sign in signs):
                spans += [found.span() for found in pattern.finditer(left)]
        for start, end in spans:
            if chat := CHAT.match(left, start, end):
                self._keep_chat(start, chat.end(), chat[1])
        return spans

    def _dated_by_name(self, left: str) -> list[tuple[int, int]]:
        """Dates that begin with a month's name, and amounts of money."""
        if not (_has_letters(left) or any(sign in left for sign in MONEY)):
            return []
        return [found.span() for found in BEGIN_OTHERWISE.finditer(left)]

    def _dated(self, left: str) -> list[tuple[int, int]]:
        """Dates, times and amounts that begin with a digit."""
        spans: list[tuple[int, int]] = []
        for found in BEGIN_WITH_DIGIT.finditer(left):
            if found["two_digits"]:
                # As some write the end of a number: +375 152 45-09-11.
                if _GOES_ON.search(left, max(0, found.start() - 6), found.start()):
                    continue
                if self._plan.fewest < FEWEST_DIGITS and self._plan.number(digits_of(found[0]), plus=False):
                    self._refuse(*found.span(), Reason.NOT_A_NUMBER, _MAY_BE_DATE)
            spans.append(found.span())
            if found["thousands"] and len(digits_of(found[0])) > FEWEST_DIGITS:
                number = parse_phone(found[0], self._country)
                if isinstance(number, PhoneNumber) and not number.flagged:
                    self._refuse(*found.span(), Reason.FRACTION, "written like an amount: write it without commas")
        return spans

    def _spoilt(self, left: str) -> list[tuple[int, int]]:
        """Numbers that a spreadsheet calculated with; the parser knows which of them can be told."""
        spans: list[tuple[int, int]] = []
        for found in _SPOILT.finditer(left) if _SPOILT_HINT.search(left) else ():
            start, end = found.span()
            if is_touched(self._plain, start, end):
                continue
            spans.append((start, end))
            outcome = parse_phone(found[0], self._country)
            if isinstance(outcome, PhoneNumber):
                self._keep_read(start, end, digits_of(found[0]), Range(outcome))
            else:
                self._refuse(start, end, outcome.code, outcome.reason)
        return spans

    def _carried(self, left: str) -> list[tuple[int, int]]:
        """Phones with a sign for the carrier of one's choice, as they are written in Brazil: 0xx11 98765-4321."""
        spans: list[tuple[int, int]] = []
        for found in _CARRIED.finditer(left) if self._country == "BR" else ():
            outcome = parse_phone(found[0], "BR")
            if isinstance(outcome, PhoneNumber):
                spans.append(found.span())
                self._keep_read(*found.span(), digits_of(found[0]), Range(outcome))
        return spans

    def _spelt(self, left: str) -> list[tuple[int, int]]:
        """Phones that are spelt in letters."""
        spans: list[tuple[int, int]] = []
        for found in _VANITY.finditer(left) if _has_letters(left) else ():
            text, digits = found[0], digits_of(found[0])
            free = (
                digits.removeprefix("1").startswith(_FREE_NANP) if self._country in _NANP else digits.startswith(_FREE)
            )
            # Behind a whole number a word is a word.
            if not (_HYPHENED.match(text) or (free and text == text.upper())) or self._plan.number(
                digits, plus="+" in text
            ):
                continue
            number = parse_phone(text, self._country)
            if isinstance(number, PhoneNumber):
                self._keep(*found.span(), FoundPhone(number, text, self._reference(found.start())))
            elif free and len(digits) < FEWEST_DIGITS:
                self._keep(*found.span(), replace(number, text=text))
            else:
                continue
            spans.append(found.span())
        return spans

    def _oddly_parted(self, left: str) -> list[tuple[int, int]]:
        """What is a phone but for the signs between its groups, which may as well part other numbers: 212,555,0147."""
        spans: list[tuple[int, int]] = []
        for found in _ODDLY_PARTED.finditer(left) if _ODDLY_HINT.search(left) else ():
            number = self._plan.number(digits_of(found[0]), plus="+" in found[0])
            if number is not None and not number.flagged and not is_touched(self._plain, *found.span()):
                spans.append(found.span())
                self._refuse(*found.span(), Reason.NOT_A_NUMBER, "parted as no phone is: put blanks or dashes between")
        return spans

    # Runs

    def _read_run(self, run: Run) -> None:
        if len(run) == 1 and len(run.digits[0]) < self._plan.fewest:
            return
        found = segments(run, self._plan)
        left: list[int] = []
        is_behind_plus = False  # which is one of a code that is none, or not its number's
        for index, segment in enumerate(found):
            # There the rest is not a number at home.
            if segment.numbers is NO_NUMBER or is_behind_plus or not is_clear(run, found, index, self._plan):
                left += range(segment.first, segment.after)
                is_behind_plus = is_behind_plus or True in run.plus[segment.first : segment.after]
                continue
            if left:
                self._name_left(run, left)
                left, is_behind_plus = [], False
            self._keep_phone(run, segment)
            behind = found[index + 1] if index + 1 < len(found) else None
            if behind is not None and behind.numbers is NO_NUMBER and not behind.is_date:
                self._name_other_end(run, behind.first)
        if left:
            self._name_left(run, left)

    def _keep_phone(self, run: Run, phone: Segment) -> None:
        first, after, numbers = phone.first, phone.after, phone.numbers
        start, end = run.opened(first), run.end(after - 1)
        behind = self._plain[end : end + 1]
        if behind in _OPENED:
            text = self._plain[start:end]
            if text.count(_OPENED[behind]) > text.count(behind):
                end += 1
                behind = self._plain[end : end + 1]
        if behind == " ":
            behind = self._plain[end + 1 : end + 2]
        if behind in _BEGIN_EXTENSION and (extension := _EXTENSION.match(self._plain, end)) is not None:
            with_extension = parse_phone(self._plain[start : extension.end()], self._country)
            if isinstance(with_extension, PhoneNumber):
                numbers, end = Range(with_extension), extension.end()
        if run.touched and not run.touched.isdisjoint(range(first, after)):
            self._refuse_touched(start, end)
        else:
            self._keep_read(start, end, phone.digits, numbers)
        if self._plain[end : end + 1] in _BEGIN_OTHER_END:
            self._name_other_ends(end, len(run.digits[after - 1]))

    def _name_other_ends(self, end: int, count: int) -> None:
        """Name the ends of other numbers that follow at *end*, each of *count* digits, as the last group before them has."""
        while (found := _OTHER_END.match(self._plain, end)) is not None and len(found[1]) == count:
            start, end = found.span(1)
            self._refuse(start, end, Reason.TWO_NUMBERS, _END_ALONE)

    def _name_other_end(self, run: Run, at: int) -> None:
        """Name the group *at*, where a second number may end with it that begins as the one before: 212-555-0100/0101."""
        between, count = run.between[at], len(run.digits[at])
        # With blanks it may be a year, or how many they are.
        is_as_long = count == len(run.digits[at - 1]) >= 3 and not YEAR.fullmatch(run.digits[at])
        is_slashed = (between == "/" and count >= 2) or (between.strip(" ") == "/" and is_as_long)
        is_dashed = between.strip(" ") == "-" and count == len(run.digits[at - 1]) >= 3
        if (is_slashed or is_dashed) and count < FEWEST_DIGITS:
            self._refuse(run.starts[at], run.end(at), Reason.TWO_NUMBERS, _END_ALONE)

    def _refuse_touched(self, start: int, end: int) -> None:
        """Name a phone that letters touch: it may be an order's id, or a blank is missing."""
        text = self._plain
        while start and (text[start - 1].isalnum() or text[start - 1] in BESIDE_LETTERS):
            start -= 1
        while end < len(text) and (text[end].isalnum() or text[end] in BESIDE_LETTERS):
            end += 1
        self._refuse(start, end, Reason.LETTERS, "letters touch it: put a blank before and behind a phone")

    def _name_left(self, run: Run, left: list[int]) -> None:
        """Name what is *left* of a run, where it has as many digits as a phone."""
        digits = "".join([run.digits[at] for at in left])
        if len(digits) < FEWEST_DIGITS:
            return
        if run.touched and not run.touched.isdisjoint(left):
            for is_touched, beside in itertools.groupby(left, lambda at: at in run.touched):
                if not is_touched:
                    self._name_left(run, list(beside))
            return
        start, end = run.opened(left[0]), run.end(left[-1])
        text = self._plain[start:end]
        if (as_date := _as_date(run, left)) and BEGIN_WITH_DIGIT.fullmatch(as_date):
            if self._plan.may_be_day(digits):
                self._refuse(start, end, Reason.NOT_A_NUMBER, _MAY_BE_DATE)
            return
        if NO_PHONE.fullmatch(text) or (self._country in _NANP and ZIP.fullmatch(text)):
            return
        # Of what is longer than two numbers the parser has no more to say; and of plain digits the plan says as much.
        is_long = len(digits) > 2 * MOST_DIALLED or len(text) > _LONGEST_PIECE
        outcome: PhoneNumber | NotAPhone | None = None
        if not is_long:
            is_told = text[0] != "+" and len(digits) <= MOST_PLAIN and is_plain(text)
            outcome = self._plan.alone(text, digits) if is_told else parse_phone(text, self._country)
        if isinstance(outcome, NotAPhone):
            self._refuse(start, end, outcome.code, outcome.reason)
        elif len(digits) > MOST_DIALLED:
            self._refuse(
                start, end, Reason.TOO_LONG, f"{len(digits):,} digits in a row, of which none are surely a phone"
            )
        elif outcome is not None and outcome.flagged:
            self._refuse(start, end, Reason.NOT_A_NUMBER, "no such number is in use: write it with its country code")
        else:
            self._refuse(
                start, end, Reason.NOT_A_NUMBER, "not clear where the number begins or ends: write it without blanks"
            )

    # Outcomes

    def _keep_read(self, start: int, end: int, digits: str, numbers: Range) -> None:
        """Keep the one of *numbers* that is written in these *digits*."""
        if self._plan.lacks_trunk(digits, numbers):
            self._refuse(start, end, Reason.NOT_A_NUMBER, "without the leading 0 it may be something else: write the 0")
        elif (number := numbers.number(digits)) is not None:
            self._keep(start, end, FoundPhone(number, self._plain[start:end].strip(), self._reference(start)))

    def _keep(self, start: int, end: int, outcome: FoundPhone | NotAPhone) -> None:
        self._pieces.append((start, end, outcome))

    def _refuse(self, start: int, end: int, code: Reason, reason: str) -> None:
        text = self._plain[start:end].replace(BARRIER, "").strip()
        if len(text) > _LONGEST_PIECE:
            text = text[: _LONGEST_PIECE - 1] + "\u2026"
        if (reference := self._reference(start)) is not None:
            reason = f'after "{reference}"; {reason}'
        self._keep(start, end, NotAPhone(text, code, reason))

    def _reference(self, start: int) -> str | None:
        """The word or sign before *start* that makes what stands there something else than a phone."""
        if not self._has_words:
            return None
        if self._plain[start - 1 : start] in _TYING and (
            tied := _TIED.search(self._plain, max(0, start - _LONGEST_TIED), start)
        ):
            start = tied.start()
        last = self._pieces[-1] if self._pieces else None
        if last is None or not isinstance(last[2], FoundPhone) or last[2].reference is None:
            return reference_before(self._plain, start, None)
        return reference_before(self._plain, start, (last[2].reference, last[1]))


def _blanked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """*text* with `BARRIER` for each character of *spans*."""
    parts: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if end > at:
            parts += (text[at:start], BARRIER * (end - max(start, at)))
            at = end
    return "".join((*parts, text[at:])) if parts else text


def _is_written(label: str, number: PhoneNumber, plan: RunPlan) -> bool:
    """Is *label*, of digits and punctuation, this *number* by the *plan*?"""
    read = plan.number(digits_of(label), plus=label[0] == "+")
    return read is not None and read.e164 == number.e164


def _has_letters(text: str) -> bool:
    """Has *text* a letter that there are capitals of? Months, currencies and what is spelt have."""
    return text.lower() != text.upper()


def _as_date(run: Run, left: list[int]) -> str:
    """What is *left* of a run as it would be written if it were a day."""
    digits = [run.digits[at] for at in left]
    if len(digits) == 1 and len(digits[0]) in _COMPACT_LENGTHS:
        return f"{digits[0][:4]}-{digits[0][4:6]}-{digits[0][6:8]}"
    return "/".join(digits) if len(digits) == 3 else ""
