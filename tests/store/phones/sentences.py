"""Sentences as people write them, in several languages, about phones of any region; what each is about is known."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from store import PhoneNumber, parse_phone
from store.phones.dates import BEGIN_WITH_DIGIT, COMPACT

REGIONS: Final = sorted(phonenumbers.SUPPORTED_REGIONS)
_KINDS: Final = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)

DATES: Final = (
    *("11/05/2024", "05.11.2024", "2024-11-05", "2024.11.05 10:30", "2024-11-05T10:30:00Z", "5/11/24", "05-11-2024"),
    *(
        "5 Nov 2024",
        "November 5, 2024",
        "05-Nov-24",
        "5 de noviembre de 2024",
        "le 5 novembre 2024",
        "5. November 2024",
    ),
    *("06/2022 - 06/2023", "2015-2016", "10:30", "10:30 am", "20241105", "45601.4375", "1. 5. 2024", "Nov 5th"),
)
# Before the first of two lines, and before the second.
MARKS: Final = (
    ("", ""),
    ("1) ", "2) "),
    ("1. ", "2. "),
    ("- ", "- "),
    ("\u2022 ", "\u2022 "),
    ("a) ", "b) "),
    ("#1 ", "#2 "),
)
NAMES: Final = ("Ana Ruiz", "J. M\u00fcller", "Zo\u00eb", "O'Neil, Pat", "\u00c9milie D.", "Mr 2nd Smith")
# {p} and {q} are phones, {d} a date, {m} and {n} marks, {name} a name.
ONE: Final = (
    "{p} please stop texting",
    "{name} {p} {d} no more texts",
    "{d} {p}",
    "{p} ({d})",
    "called {d} from {p}, wants out",
    "{name} DOB {d} {p}",
    "{p} 2nd request",
    "District 12 {p} wants out",
    "3x {p}",
    "Anruf am {d}: {p} will keine SMS mehr",
    "{p} {d} keine SMS",
    "{name}, {d}, {p}: no quiere m\u00e1s mensajes",
    "el {d} pidi\u00f3 {p} que no",
    "le {d}, {p} ne veut plus de SMS",
    "n\u00e3o enviar para {p} desde {d}",
    "$12.50 on {d} from {p}",
    "{name} <ann@example.org> {p}",
)
TWO: Final = (
    "{m}{p}\n{n}{q}",
    "{m}{p} {d}\n{n}{q} {d}",
    "{d} {p}\n{d} {q}",
    "{p}, {q}",
    "{p} and {q} ({d})",
    "{name}: {p}; {name}: {q}",
    "{p} / {q}",
)
# {r} is a number that is something else's.
REFERENCES: Final = (
    "ticket {r}: {p} wants out",
    "{p} (order #{r})",
    "#{r} {p}",
    "Fall-Nr. 12, Rechnung {r}, {p}",
    "pedido n.\u00ba {r}, {p} que no",
    "dossier {r}: {p} ne veut plus",
)


@dataclass(frozen=True)
class Sentence:
    """A sentence: its *text*, the *phones* in it in E.164, the *references*, and how the first phone is written."""

    text: str
    phones: tuple[str, ...]
    references: tuple[str, ...]
    form: str


def forms(number: phonenumbers.PhoneNumber) -> dict[str, str]:
    """Every usual way to write *number*, by its name."""
    national = str(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))
    international = str(phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL))
    bare = national.replace("(", "").replace(")", "")
    code, _, rest = international.partition(" ")
    return {
        "E.164": str(phonenumbers.format_number(number, PhoneNumberFormat.E164)),
        "international": international,
        "national": national,
        "RFC 3966": str(phonenumbers.format_number(number, PhoneNumberFormat.RFC3966)),
        "dotted": bare.replace(" ", ".").replace("-", "."),
        "dashed": bare.replace(" ", "-"),
        "international, dotted": international.replace(" ", ".").replace("-", "."),
        "international, dashed": international.replace(" ", "-"),
        "bare digits": "".join(char for char in national if char.isdigit()),
        "bracketed": national if "(" in national else f"({national})",
        "code in brackets": f"({code}) {rest}",
    }


def is_readable(written: str, number: phonenumbers.PhoneNumber, region: str) -> bool:
    """
    Is *written* one that stands for *number* among words?

    Not what the parser reads otherwise by itself, nor what has less than seven digits, as on a few islands, or is
    written as a date is, as "20.12.34" or "20241105".
    """
    read = parse_phone(written, region)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    few = sum(map(str.isdigit, written)) < 7
    is_date = COMPACT.fullmatch(written) or BEGIN_WITH_DIGIT.search(written)
    return isinstance(read, PhoneNumber) and read.e164 == e164 and not few and not is_date


def numbers(region: str, chance: random.Random) -> Iterator[phonenumbers.PhoneNumber]:
    """Numbers of *region* in use, fixed and mobile, without end."""
    examples = [phonenumbers.example_number_for_type(region, kind) for kind in _KINDS]
    while True:
        example = chance.choice([one for one in examples if one is not None])
        digits = str(example.national_number)
        number = phonenumbers.PhoneNumber()
        number.merge_from(example)
        number.national_number = int(digits[:-4] + f"{chance.randrange(10_000):04}")
        yield number if phonenumbers.is_valid_number(number) else example


def sentences(region: str, seed: int, templates: tuple[str, ...] = ONE + TWO + REFERENCES) -> Iterator[Sentence]:
    """Sentences with phones of *region*, without end, the same for the same *seed*."""
    chance = random.Random(f"{region} {seed}")
    some = numbers(region, chance)
    while True:
        template = chance.choice(templates)
        first, second, other = next(some), next(some), next(some)
        form, written = chance.choice(list(forms(first).items()))
        _, written_second = chance.choice(list(forms(second).items()))
        reference = forms(other)["bare digits"]
        if not (is_readable(written, first, region) and is_readable(written_second, second, region)):
            continue
        mark, mark_second = chance.choice(MARKS)
        text = template.format(
            p=written,
            q=written_second,
            r=reference,
            d=chance.choice(DATES),
            m=mark,
            n=mark_second,
            name=chance.choice(NAMES),
        )
        asked = [first, second] if "{q}" in template else [first]
        e164 = [str(phonenumbers.format_number(one, PhoneNumberFormat.E164)) for one in asked]
        yield Sentence(text, tuple(dict.fromkeys(e164)), (reference,) if "{r}" in template else (), form)
