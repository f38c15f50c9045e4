"""
Parser of phones: a text becomes one, or the reason why it is none. Parsed once, at the edge; everything further in handles E.164 text.

`phonenumbers` decides what a number is. What is here runs before it: people and spreadsheets write phones in ways
that make the library answer with somebody else's number (`1415555267.0`, `4.155E+09`, `917-736-5000 (mobile)`), and
opting out the wrong person is worse than asking. Pure: no database, no Slack, no files.
"""

import functools
import re
from dataclasses import replace
from typing import Final

import phonenumbers
from phonenumbers import (
    CountryCodeSource,
    PhoneMetadata,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

from store.phones.assigned import assigned
from store.phones.cleaning import digits_of, folded, unwrapped
from store.phones.countries import country_name
from store.phones.cuts import MOST_SIGNS, cuts, most_signs
from store.phones.dates import PLAIN_SIGN, Date, find_dates
from store.phones.dialling import FEWEST_UNASSIGNED, dialling, lengths_of, split_code
from store.phones.display import country_of, international, national
from store.phones.habits import is_local, is_mobile, other_reading, readings
from store.phones.numbers import (
    E164_LENGTHS,
    MOST_DIGITS,
    NotAPhone,
    PhoneNumber,
    Reason,
    library_number,
    library_reading,
)

# E.164 allows 15 digits; a longer cell is prose, and is not worth running patterns over.
_LONGEST = 120
MOST_PLAIN = 13  # digits of what `is_plain`
# Taken to the library as it is. Dots are not plain: a spreadsheet's ".0" hides among them. Nor are 14 digits: they may
# be two numbers.
_PLAIN = re.compile(r"\+?\(?[0-9](?:[ ()-]{0,4}[0-9]){3,12}")
# The same of as many digits as two numbers have, one after the other.
_LONG_PLAIN = re.compile(r"\(?[0-9](?:[ ()-]{0,4}[0-9]){13,35}")
# What the library reads a number from.
_CORE = re.compile(r"(?:[ (\[]*\++)?[0-9 ()\[\]./-]*")

# A number somebody typed arrives as <tel:target|label> or <tel:target>.
_LINK = re.compile(r"<tel:([^<>|]*)(?:\|([^<>]*))?>", re.IGNORECASE)
_SCHEME = re.compile(r"(?:tel|sms|callto|whatsapp|p)\s*:\s*(?://)?", re.IGNORECASE)
_CONTEXT = re.compile(r";\s*phone-context\s*=\s*(\+[0-9-]+)", re.IGNORECASE)  # RFC 3966 section 5.1.5
_BRACKETED_WORD = re.compile(r"[(\[{]((?:[^\w()\[\]{}]|_)*[^\W\d_][^\d()\[\]{}]*)[)\]}]")
# What people write beside a number, in the languages of those who drop lists; "fax" is not there, since nobody texts one.
LABEL = (
    r"(?:tel|telephone|phone|ph|mobile|mob|cell|cellphone|home|work|office|business|main|direct|number|no|m|c|h|w|o|t|"
    r"sms|text|whatsapp|wa|voice|primary|preferred|contact|my|"
    r"telefon|telefonnummer|handy|handynummer|mobil|mobilnummer|mobiltelefon|festnetz|privat|gesch\u00e4ftlich|dienstlich|rufnummer|nummer|nr|"
    r"tel\u00e9fono|telefono|telf|tfno|tlf|m\u00f3vil|movil|celular|cel|fijo|casa|trabajo|oficina|n\u00famero|numero|num|"
    r"t\u00e9l|t\u00e9l\u00e9phone|portable|fixe|domicile|bureau|num\u00e9ro|cellulare|fisso|telefone|fone|telem\u00f3vel|gsm|"
    r"telefoon|mobiel|thuis|werk|telefonn\u00ed|telefonu|kom|kom\u00f3rka|"
    r"\u0442\u0435\u043b|\u0442\u0435\u043b\u0435\u0444\u043e\u043d|\u043c\u043e\u0431|\u043c\u043e\u0431\u0438\u043b\u044c\u043d\u044b\u0439|"
    r"\u96fb\u8a71|\u643a\u5e2f|\u7535\u8bdd|\u624b\u673a|\u624b\u6a5f)"
)
_LABEL_BEFORE = re.compile(
    rf"({LABEL}(?:[.:/\s-]{{1,3}}{LABEL}){{0,2}})\b\.?\s?#?\s?[.:\s=-]*(?=[\d+(])", re.IGNORECASE
)
_LABEL_AFTER = re.compile(rf"(?<=\d)[\s,:-]*(?<=[\s,:-])({LABEL})\b\.?$", re.IGNORECASE)
_EXTENSION = re.compile(
    # Behind a digit, a bracket or a space, with other blanks between: in this order, so that none is tried twice.
    r"(?:(?<=[\d)])\s*|(?<= )[^\S ]*)"
    r"(?:(?:[,;]\s*)?(?:extension|extn|ext|x|int|anexo|poste|ramal|durchwahl|dw)[.:=\s]*(?:#\s*)?|#\s*|,,+\s*)([0-9]{1,6})\s*#?$",
    re.IGNORECASE,
)

# What no spreadsheet makes of a number.
_UNSPOILT = re.compile(r"[0-9+(\[][0-9 +()\[\]/-]*")
# Numbers a spreadsheet wrote as numbers. Leading zeros and "+" are not a spreadsheet's doing, so three zeros after a
# dot there may as well be the end of somebody's phone.
_WHOLE = re.compile(r"(\+?\d{4,})[.,]0{1,2}|([1-9]\d{6,})[.,]0+")
_FRACTION = re.compile(r"\+?(?:\d[\d ()-]{3,}[.,]\d{1,2}|\d{4,}[.,]0+)")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3}){2,}(?:\.0{1,2})?")
_SCIENTIFIC = re.compile(r"[+-]?(\d+)(?:[.,](\d*))?\s*[eE]\s*\+?(\d{1,3})")
_NEGATIVE = re.compile(r"-\d+(?:[.,]\d+)?")

_SEPARATORS = re.compile(
    r"[;,|&\r\n\t]|\b(?:or|and|oder|und|ou|et|y|o|e|of|en|or else)\b|(?<=[\d)])\s*(?=\+)", re.IGNORECASE
)
# "+44 +44 7911", "00+44 7911": the same code once more, or what is dialled for the plus with it.
_CODE_AGAIN = re.compile(r"[ (\[]*(?:0{1,2}|\+(\d{1,3}))[ )\]-]*\+(?=(\d{1,3}))")
# In Brazil, "0xx11": what stands for the carrier of one's choice.
_ANY_CARRIER = re.compile(r"(?<!\d)0 ?(?:[xX]{2}|\*\*) ?(?=\(?[1-9]\d)")
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}")
_FIRST_DIGIT = re.compile("[0-9]")
_SLASH = re.compile("/")
_BLANK = re.compile(r"\s+|(?<=[0-9])(?=\()")
_FEWEST_OF_SEVERAL = 7  # digits of a part that is taken for a number by itself, whatever it is
_FEWEST_BESIDE_DATE = 5  # digits of a phone that stands beside a date; with fewer, what is there is a date
_VANITY = re.compile(r"\+?[\d ().-]*\d{3}[ ().-]*[A-Za-z]{3}[A-Za-z0-9 .-]*")


class Normaliser:
    """
    Reads phones, many a second, with one country in force. Build it once for a list; `parse_phone` keeps its own.

    *country* is a region code that `find_country` can give, or None when numbers must carry their country code; any
    other is a ValueError. *typed* is true for what a person typed by hand, and then 1-800-FLOWERS is read.
    """

    def __init__(self, country: str | None, *, typed: bool) -> None:
        if country is not None and country not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError(f"no numbering plan for {country!r}")
        # Lists of many countries overflow re's own cache: 4,200 rows/s without, 51,000 with measured. Idempotent.
        phonenumbers.enable_pattern_cache()
        self.country = country
        self.typed = typed
        self._dialling = dialling(country)

    def parse(self, text: str) -> PhoneNumber | NotAPhone:
        """The phone in *text*, or why there is none. Never raises."""
        if is_plain(text):
            return self._read(text, text, [])
        if len(text) <= _LONGEST and _LONG_PLAIN.fullmatch(text) and not _has_date(text):
            return self._several(text, is_core=True) or self._read(text, text, [])
        outcome = self._cleaned(text)
        return NotAPhone(text, outcome.code, outcome.reason) if isinstance(outcome, NotAPhone) else outcome

    def _cleaned(self, text: str) -> PhoneNumber | NotAPhone:
        text = folded(text).strip()
        if not text:
            return NotAPhone(text, Reason.EMPTY, "nothing in it")
        if len(text) > _LONGEST:
            return NotAPhone(text, Reason.NOT_A_NUMBER, f"{len(text):,} characters, far too long for a phone number")
        if "<" in text and (links := list(_LINK.finditer(text))):
            unlinked = self._unlinked(text, links)
            if isinstance(unlinked, NotAPhone):
                return unlinked
            text = unlinked
        dates = find_dates(text)
        return self._beside_dates(text, dates) if dates else self._without_dates(text)

    def _beside_dates(self, text: str, dates: tuple[Date, ...]) -> PhoneNumber | NotAPhone:
        """
        The phone in *text*, in which there are *dates*, or why there is none.

        What is no date for sure is one where only the rest is a phone. Where both the rest and the whole are one, of two
        people, it is neither.
        """
        rest, end, taken = "", 0, []
        for date in dates:
            rest += f"{text[end : date.start]} "
            taken.append(text[date.start : date.end])
            end = date.end
        rest = _EMPTY_BRACKETS.sub(" ", rest + text[end:])
        alone = len(digits_of(rest)) < _FEWEST_BESIDE_DATE
        phone = (
            NotAPhone(text, Reason.DATE, "a date or a time, and no phone number")
            if alone
            else self._without_dates(rest)
        )
        if isinstance(phone, PhoneNumber):
            remark = ", ".join(f'"{date}"' for date in taken) + " left off"
            phone = replace(phone, remark="; ".join(filter(None, [remark, phone.remark])))
        if all(date.sure for date in dates) and not text.isdigit():
            return phone
        whole = self._without_dates(text)
        # Alone it is a phone where it has its country code, no groups, or those of the country: 20.12.34 in New Caledonia.
        if (
            alone
            and isinstance(whole, PhoneNumber)
            and not ("+" in text or text.isdigit() or national(whole.e164) == text)
        ):
            return phone
        if isinstance(whole, NotAPhone):
            return phone
        if whole.flagged and ("+" not in text if alone else isinstance(phone, PhoneNumber)):
            return phone
        if isinstance(phone, PhoneNumber) and phone.e164 != whole.e164:
            return self._either(text, phone.e164, whole.e164)
        return whole

    def _without_dates(self, text: str) -> PhoneNumber | NotAPhone:
        remarks: list[str] = []
        if not _CORE.fullmatch(text):
            text = self._stripped(text, remarks)
        text = text.strip().rstrip(".,;:-/| ")
        if not _UNSPOILT.fullmatch(text):
            unspoilt = self._spreadsheet(text)
            if isinstance(unspoilt, NotAPhone):
                return unspoilt
            if _SCIENTIFIC.fullmatch(text):
                remarks.append(f"{text} read as {unspoilt}")
            text = unspoilt
        text = text.lstrip("-.,;:/| ")
        if "+" in text and (again := _CODE_AGAIN.match(text)) and (again[1] is None or again[2].startswith(again[1])):
            text = f"+{text[again.end() :]}"
        if self.country == "BR" or text.startswith("+55"):
            text = _ANY_CARRIER.sub("0", text, count=1)

        if _is_endless(text):
            return self._unparsed(text, text)
        is_core = _CORE.fullmatch(text) is not None
        if refused := self._several(text, is_core=is_core):
            return refused
        if not _FIRST_DIGIT.search(text):
            return NotAPhone(text, Reason.NOT_A_NUMBER, "no digits in it")
        if is_core:
            return self._read(text, text, remarks)
        if any(map(str.isalpha, text)):
            return self._vanity(text, remarks)
        return NotAPhone(text, Reason.NOT_A_NUMBER, "has signs in it that no phone number has")

    def _unlinked(self, text: str, links: list[re.Match[str]]) -> str | NotAPhone:
        """*text* with what its link dials instead of the link, or why it is not to be trusted."""
        if len(links) > 1:
            return self._two(text)
        (link,) = links
        target, label = link[1], link[2] or ""
        if digits_of(label) and (refused := self._disagreement(text, target, label)):
            return refused
        return text[: link.start()] + target + text[link.end() :]

    def _stripped(self, text: str, remarks: list[str]) -> str:
        """*text* without what people and programs write round a phone; adds to *remarks* what was left off, if anybody meant it."""
        text = unwrapped(text)
        text = unwrapped(text[scheme.end() :]) if (scheme := _SCHEME.match(text)) else text
        if context := _CONTEXT.search(text):
            text = context[1] + " " + text[: context.start()] + text[context.end() :]
        remarks.extend(f'"{word.strip()}" left off' for word in _BRACKETED_WORD.findall(text))
        text = _BRACKETED_WORD.sub(" ", text).strip()
        if before := _LABEL_BEFORE.match(text):
            remarks.append(f'"{before[1]}" left off')
            text = text[before.end() :]
        if after := _LABEL_AFTER.search(text):
            remarks.append(f'"{after[1]}" left off')
            text = text[: after.start()]

        if extension := _EXTENSION.search(text):
            remarks.append(f"extension x{extension[1]} left off")
            text = text[: extension.start()]
        return text

    def _disagreement(self, text: str, target: str, label: str) -> NotAPhone | None:
        """Why a link cannot be trusted: what it shows and what it dials are different phones."""
        shown, dialled = self.parse(label), self.parse(target)
        if isinstance(dialled, PhoneNumber):
            # Slack may put a country code before what was typed, and not the one in force here.
            there = _normaliser(country_of(dialled.e164), self.typed).parse(label)
            if any(isinstance(read, PhoneNumber) and read.e164 == dialled.e164 for read in (shown, there)):
                return None
        if isinstance(shown, NotAPhone) and isinstance(dialled, NotAPhone):
            return dialled
        return NotAPhone(
            text, Reason.LABEL_MISMATCH, "shows one number and links to another: type the one that is meant"
        )

    def _spreadsheet(self, text: str) -> str | NotAPhone:
        """*text* as it was before a spreadsheet took it for an amount, or why that cannot be told."""
        if whole := _WHOLE.fullmatch(text):
            return whole[1] or whole[2]
        if _FRACTION.fullmatch(text):
            return NotAPhone(text, Reason.FRACTION, "a number with decimals: format the column as text and save again")
        if _THOUSANDS.fullmatch(text):
            return text.partition(".")[0].replace(",", "")
        if _NEGATIVE.fullmatch(text) and not self.typed:
            return NotAPhone(
                text, Reason.FRACTION, "a negative number: Excel calculated with it, format the column as text"
            )
        if scientific := _SCIENTIFIC.fullmatch(text):
            whole_part, fraction, exponent = scientific[1], scientific[2] or "", int(scientific[3])
            digits = whole_part + fraction
            # Exact only when every digit is written out; and where trunk zeros are lost as well, a number that starts
            # with the country's own code can be two different phones.
            if len(whole_part) == 1 and len(fraction) == exponent >= 6 and self._is_national(digits):
                return digits
            return NotAPhone(text, Reason.SCIENTIFIC, "Excel lost the digits: format the column as text and save again")
        return text

    def _is_national(self, digits: str) -> bool:
        """Are *digits* all of a valid number of the country in force, with no country code taken out of them?"""
        number = library_number(digits, self.country)
        return (
            number is not None
            and number.country_code_source == CountryCodeSource.FROM_DEFAULT_COUNTRY
            and phonenumbers.is_valid_number(number)
            and phonenumbers.national_significant_number(number) == digits
        )

    def _several(self, text: str, *, is_core: bool) -> NotAPhone | None:
        """Why *text* is more than one number, if it is. *is_core*: `_CORE` is all of it."""
        parts = [] if is_core else [part for part in _SEPARATORS.split(text) if digits_of(part)]
        if len(parts) > 1:
            if max(len(digits_of(part)) for part in parts) >= _FEWEST_OF_SEVERAL:
                return self._two(text)
            return NotAPhone(text, Reason.NOT_A_NUMBER, "has signs in it that no phone number has")
        slashed = text.split("/")
        if len(slashed) > 1 and sum(len(digits_of(part)) >= _FEWEST_OF_SEVERAL for part in slashed) > 1:
            return self._two(text)
        digits = len(digits_of(text))
        if digits > 2 * (MOST_SIGNS if is_core else most_signs(text)):
            return None  # nor are there two, each of which is one by itself
        # "030/1234567" is one German number; "030 1234567/68" and "212 736 5000/5001" are two.
        if len(slashed) > 1 and any(
            self._is_whole(before) for before, _ in cuts(text, _SLASH, self._dialling, both=False)
        ):
            return self._two(text)
        if digits >= 14:  # two short numbers and a blank between can pass for one long one
            for before, behind in cuts(text, _BLANK, self._dialling, both=True):
                if self._is_whole(behind) and self._is_whole(before):
                    return self._two(text)
        return None

    def _either(self, text: str, *phones: str) -> NotAPhone:
        cure = "write the one that is meant with its country code"
        return NotAPhone(text, Reason.AMBIGUOUS, f"{' or '.join(sorted(phones))}, which are two people: {cure}")

    def _two(self, text: str) -> NotAPhone:
        cure = "put a comma between them" if self.typed else "give each its own row"
        return NotAPhone(text, Reason.TWO_NUMBERS, f"more than one number: {cure}")

    def _is_whole(self, text: str) -> bool:
        """Is *text* a number by itself: valid, or long enough that it would be recorded?"""
        if (reading := library_reading(text, self.country)) is None:
            return False
        code, digits = reading
        count = len(digits)
        # In this order: of one that is not in use, each region with its code is asked.
        if count >= FEWEST_UNASSIGNED and count in lengths_of(code, phonenumbers.region_code_for_country_code(code)):
            return True
        return assigned(code).is_in_use(digits)

    def _vanity(self, text: str, remarks: list[str]) -> NotAPhone | PhoneNumber:
        if _VANITY.fullmatch(text):
            outcome = self._read(text, phonenumbers.convert_alpha_characters_in_number(text), remarks)
            # A word that happens to have the right number of letters ("212 555 call") is no phone.
            if (
                isinstance(outcome, PhoneNumber)
                and not outcome.flagged
                and (text == text.upper() or _is_toll_free(outcome))
            ):
                if not self.typed:
                    return NotAPhone(text, Reason.LETTERS, "spelt with letters: write its digits")
                number = phonenumbers.parse(outcome.e164)
                digits = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
                if number.country_code == 1:
                    digits = digits.removeprefix("+").replace(" ", "-")
                return replace(outcome, remark="; ".join([f"{text} read as {digits}", *remarks]))
        return NotAPhone(text, Reason.LETTERS, "has letters in it")

    def _read(self, text: str, core: str, remarks: list[str]) -> PhoneNumber | NotAPhone:
        """What the library makes of *core*: digits, `+` and punctuation only."""
        number = library_number(core, self.country)
        valid = number is not None and _is_valid(number)
        if not valid and (abroad := _abroad(core, number)):
            number, valid = abroad, True
        if number is not None and valid:
            if (other := other_reading(core, self.country, number)) is not None:
                if not other[1]:
                    return self._either(text, _e164(number), _e164(other[0]))
                number = other[0]
                number.country_code_source = CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN
        elif meant := {e164: assumed for e164, assumed in self._meant(core).items() if len(e164) in E164_LENGTHS}:
            if len(meant) > 1:
                return self._either(text, *meant)
            ((e164, assumed),) = meant.items()
            said = "; ".join([*remarks, f"read as {international(e164)}"])
            return PhoneNumber(e164, flagged=False, remark=said, assumed_country=self.country if assumed else None)
        if number is None:
            return self._unparsed(text, core)
        if not valid:
            outcome = phonenumbers.is_possible_number_with_reason(number)
            if outcome == ValidationResult.IS_POSSIBLE and _keeps_trunk_zero(number):
                outcome = ValidationResult.TOO_SHORT
            if outcome == ValidationResult.IS_POSSIBLE and is_local(
                number.country_code or 0, phonenumbers.national_significant_number(number)
            ):
                outcome = ValidationResult.IS_POSSIBLE_LOCAL_ONLY
            if outcome != ValidationResult.IS_POSSIBLE:
                return self._impossible(text, core, number, outcome)
        if not number.national_number:
            # The library would give back what was written, for E.164.
            return NotAPhone(text, Reason.NOT_A_NUMBER, "nothing but zeros")
        e164 = _e164(number)
        if len(e164) < E164_LENGTHS.start:
            digits = _count(len(e164) - 1)
            return NotAPhone(text, Reason.TOO_SHORT, f"{digits} with its country code, the shortest number has 7")
        if len(e164) not in E164_LENGTHS:
            return NotAPhone(
                text, Reason.TOO_LONG, f"{len(e164) - 1} digits with its country code, the longest number has 15"
            )
        if not valid and not _is_stable(e164):
            return NotAPhone(text, Reason.NOT_A_NUMBER, f"not a number {_where(number)} could give out")
        assumed = number.country_code_source in {
            CountryCodeSource.FROM_DEFAULT_COUNTRY,
            CountryCodeSource.FROM_NUMBER_WITHOUT_PLUS_SIGN,
        }
        return PhoneNumber(e164, not valid, "; ".join(remarks) or None, self.country if assumed else None)

    def _meant(self, core: str) -> dict[str, bool]:
        """The numbers in use that people may mean by *core*, which is none as it stands; and was the country in force assumed?"""
        meant = {_e164(number): assumed for number, assumed in readings(core, self.country)}
        if meant and self.country and (mixed_up := self._mixed_up(core)) is not None:
            # A leading 0 alone says as little as that of another country does.
            code = phonenumbers.country_code_for_region(self.country)
            if meant.keys() == {f"+{code}{digits_of(core)[1:]}"} and is_mobile(mixed_up[1]):
                meant[_e164(mixed_up[1])] = False
        return meant

    def _unparsed(self, text: str, core: str) -> NotAPhone:
        digits = digits_of(core)
        if "+" in core:
            if len(digits) < 4:
                return NotAPhone(text, Reason.TOO_SHORT, f"only {_count(len(digits))}")
            if len(digits) > 15:
                return NotAPhone(text, Reason.TOO_LONG, f"{len(digits)} digits, the longest number has 15")
            return NotAPhone(text, Reason.UNKNOWN_CODE, "no country has the code it starts with")
        if self.country is None:
            cure = "add country:GB" if self.typed else "choose a country for the list"
            return NotAPhone(text, Reason.NO_COUNTRY, f"no country code: start it with one, as in +44, or {cure}")
        code = Reason.TOO_LONG if len(digits) > 9 else Reason.TOO_SHORT
        return NotAPhone(text, code, f"{_count(len(digits))}, {_expected(self.country)}")

    def _impossible(self, text: str, core: str, number: phonenumbers.PhoneNumber, outcome: int) -> NotAPhone:
        has_code = number.country_code_source == CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN
        has_code = has_code or number.country_code_source == CountryCodeSource.FROM_NUMBER_WITH_IDD
        country = self.country
        if has_code and (not country or phonenumbers.country_code_for_region(country) != number.country_code):
            country = phonenumbers.region_code_for_country_code(number.country_code or 0)
        significant, digits = phonenumbers.national_significant_number(number), digits_of(core)
        national_digits = len(significant) - _keeps_trunk_zero(number)
        if has_code:
            size = f"{_count(national_digits)} after +{number.country_code}"
        elif national_digits < len(digits):
            size = f"{_count(national_digits)} after the leading {digits[: len(digits) - national_digits]}"
        else:
            size = _count(len(digits))
        sentence = f"{size}, {_expected(country or 'ZZ')}"

        if not has_code and (hint := self._foreign(core)):
            return NotAPhone(text, Reason.LOOKS_FOREIGN, hint)
        if outcome == ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return NotAPhone(text, Reason.LOCAL_ONLY, f"no area code: {sentence}")
        if outcome == ValidationResult.TOO_LONG:
            return NotAPhone(text, Reason.TOO_LONG, sentence)
        if (
            not has_code
            and 5 <= len(digits) <= 6
            and digits[0] not in "01"
            and phonenumbers.is_valid_short_number(number)
        ):
            return NotAPhone(text, Reason.SHORT_CODE, f"{sentence} (short codes cannot be opted out)")
        return NotAPhone(text, Reason.TOO_SHORT, sentence)

    def _foreign(self, core: str) -> str | None:
        """What to do about a number that is impossible here, when it is one people mix up from elsewhere."""
        if (mixed_up := self._mixed_up(core)) is not None:
            region, foreign = mixed_up
            cure = f"add country:{region}" if self.typed else f"write it with +{foreign.country_code}"
            return f"looks {_ADJECTIVES[region]}: {cure}"
        digits = digits_of(core)
        if "+" in core or (meant := self.region_meant(digits, is_bare=core.isdigit())) is None:
            return None
        number = library_number("+" + digits, None)
        if number is not None and not _is_valid(number):
            number = next((read for read, _ in readings("+" + digits, None)), None)
        if number is None:
            return None
        return f"looks {_ADJECTIVES.get(meant, f'like a number of {_where(number)}')}: put + before it"

    def region_meant(self, digits: str, *, is_bare: bool) -> str | None:
        """
        The region whose number impossible *digits* may be, if only its plus is missing. *is_bare*: nothing stands between them.

        Where no prefix stands before them, their first three and their count tell.
        """
        if digits.startswith("0") or len(digits) < 10 or (split := split_code(digits)) is None:
            return None
        region = phonenumbers.region_code_for_country_code(split[0])
        # One digit too many of a number from here often makes one from somewhere: with 12 it is hardly a slip.
        is_meant = len(digits) >= 12 or (region in _ADJECTIVES and is_bare)
        return region if is_meant and (region == "US" or self._misses_by(digits) > 1) else None

    def _mixed_up(self, core: str) -> tuple[str, phonenumbers.PhoneNumber] | None:
        """The region, and its number that *core* is, where it begins with the 0 of home there and there is none here."""
        digits = digits_of(core)
        if not digits.startswith("0") or "+" in core or not 10 <= len(digits) <= MOST_SIGNS:
            return None
        here = PhoneMetadata.metadata_for_region(self.country or "ZZ")
        if here and here.national_prefix == "0":
            return None  # a slip, where people write a leading 0 themselves
        if self.country and _begins_with_zero(self.country) and self._misses_by(digits) <= 1:
            return None
        for region in _MIXED_UP:
            country_code = phonenumbers.country_code_for_region(region)
            length = len(digits) - 1
            if (
                region != self.country
                and length in lengths_of(country_code, region)
                and 1 + length + len(str(country_code)) in E164_LENGTHS
                and (number := _valid_number(core, region)) is not None
            ):
                return region, number
        return None

    def _misses_by(self, digits: str) -> int:
        """By how many *digits* is this longer or shorter than a number of the country in force, with or without its prefix?"""
        if self.country is None:
            return len(digits)
        usual, prefix = _usual_lengths(self.country), _national_prefix(self.country)
        sizes = [len(digits)]
        if prefix and digits.startswith(prefix):
            sizes.append(len(digits) - len(prefix))
        return min((abs(size - length) for size in sizes for length in usual), default=len(digits))


@functools.cache
def _national_prefix(region: str) -> str | None:
    plan = PhoneMetadata.metadata_for_region(region)
    return plan.national_prefix if plan else None


@functools.cache
def _begins_with_zero(region: str) -> bool:
    """Do mobiles of *region* begin with a 0 that is theirs, as in Benin?"""
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    return number is not None and bool(number.italian_leading_zero)


# Countries whose numbers are written with a leading 0, likeliest first. Not Germany nor Italy, whose plans take nearly anything.
_MIXED_UP: Final = ("GB", "AU", "IE", "NZ", "FR")
_ADJECTIVES: Final = {
    "AU": "Australian",
    "DE": "German",
    "FR": "French",
    "GB": "British",
    "IE": "Irish",
    "IT": "Italian",
    "NZ": "New Zealand",
    "US": "American",
}


def is_plain(text: str) -> bool:
    """Is *text* of the digits of one number, with nothing but blanks, brackets and dashes between, and no date?"""
    return _PLAIN.fullmatch(text) is not None and not _has_date(text)


def _has_date(text: str) -> bool:
    """Is there a date in *text*, of digits, blanks, brackets and dashes only?"""
    return PLAIN_SIGN.search(text) is not None and bool(find_dates(text))


def _is_endless(text: str) -> bool:
    """Is *text* nothing but digits, more of them than the library takes, in groups too short for several numbers?"""
    return (
        len(text) > MOST_DIGITS
        and len(digits_of(text)) > MOST_DIGITS
        and _CORE.fullmatch(text) is not None
        and sum(len(digits_of(part)) >= _FEWEST_OF_SEVERAL for part in text.split("/")) <= 1
    )


def _count(digits: int) -> str:
    return "1 digit" if digits == 1 else f"{digits} digits"


@functools.cache
def _usual_lengths(region: str) -> frozenset[int]:
    """The digits of a region's fixed and mobile numbers, without trunk prefix."""
    plan = PhoneMetadata.metadata_for_region(region)
    by_kind = [kind.possible_length or () for kind in (plan.fixed_line, plan.mobile) if kind] if plan else []
    return frozenset(length for lengths in by_kind for length in lengths if length > 0)


@functools.cache
def _expected(region: str) -> str:
    """Words like "a US number has 10": the lengths of the region's fixed and mobile numbers, without trunk prefix."""
    plan = PhoneMetadata.metadata_for_region(region)
    lengths = _usual_lengths(region)
    who = {"US": "a US number", "GB": "a UK number"}.get(region)
    if who is None:
        who = f"a number of {country_name(region)}" if plan and region.isalpha() else "a number of this code"
    if not lengths:
        return f"not as many as {who} has"
    ordered = sorted(lengths)
    if len(ordered) > 2 and ordered == list(range(ordered[0], ordered[-1] + 1)):
        return f"{who} has {ordered[0]} to {ordered[-1]}"
    *rest, last = map(str, ordered)
    return f"{who} has {', '.join(rest)} or {last}" if rest else f"{who} has {last}"


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return f"+{number.country_code}{phonenumbers.national_significant_number(number)}"


def _where(number: phonenumbers.PhoneNumber) -> str:
    region = phonenumbers.region_code_for_number(number)
    region = region or phonenumbers.region_code_for_country_code(number.country_code or 0)
    return country_name(region) if region and region.isalpha() else f"+{number.country_code}"


def _abroad(core: str, here: phonenumbers.PhoneNumber | None) -> phonenumbers.PhoneNumber | None:
    """
    The number in use that *core* dials abroad with 00 (most of the world) or 011 (North America).

    Only where the country in force has no better reading, *here*: 011 is also the area code of cities.
    """
    digits = digits_of(core)
    if "+" in core:
        return None
    if digits.startswith("00"):
        return _valid_number("+" + digits[2:], None)
    if digits.startswith("011") and (here is None or not _is_possible(here)):
        return _valid_number("+" + digits[3:], None)
    return None


def _valid_number(core: str, country: str | None) -> phonenumbers.PhoneNumber | None:
    """The number in use that *core* is, of digits, `+` and punctuation only, as dialled in *country*."""
    if not dialling(country).may_be_valid(digits_of(core), plus="+" in core):
        return None
    number = library_number(core, country)
    return number if number is not None and _is_valid(number) else None


def _is_valid(number: phonenumbers.PhoneNumber) -> bool:
    return assigned(number.country_code or 0).is_in_use(phonenumbers.national_significant_number(number))


def _is_possible(number: phonenumbers.PhoneNumber) -> bool:
    # Not is_possible_number, which lets numbers without their area code pass.
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE


def _keeps_trunk_zero(number: phonenumbers.PhoneNumber) -> bool:
    """
    Has the library counted a leading 0 as one of the number's digits, where 0 is only dialled before them?

    It does so when the number is too short without: 07911 1234 would pass for a British number of nine digits.
    """
    plan = PhoneMetadata.metadata_for_region(phonenumbers.region_code_for_country_code(number.country_code or 0))
    return bool(plan and plan.national_prefix == "0" and number.italian_leading_zero)


def _is_toll_free(phone: PhoneNumber) -> bool:
    return phonenumbers.number_type(phonenumbers.parse(phone.e164)) == PhoneNumberType.TOLL_FREE


def _is_stable(e164: str) -> bool:
    """Does the number come back as itself? An unassigned one may start like a trunk prefix, which parsing drops."""
    reading = dialling(None).reading(e164[1:], plus=True)
    return reading is not None and f"+{reading[0]}{reading[1]}" == e164


# Countries times two; the cache is made by the first call, not by the import.
@functools.cache
def _normaliser(country: str | None, typed: bool) -> Normaliser:
    return Normaliser(country, typed=typed)


def parse_phone(text: str, country: str | None, *, typed: bool = True) -> PhoneNumber | NotAPhone:
    """
    The phone in *text*, or why there is none.

    *country* is the region code in force for numbers without a country code, None for none. *typed*: by a person's
    hand, where 1-800-FLOWERS is read; a list's cell is read more strictly. Raises ValueError for an unknown *country*
    only; for any text it returns.
    """
    return _normaliser(country, typed).parse(text)
