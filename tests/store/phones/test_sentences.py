"""Phones of every region in sentences of several languages: exactly them are found."""

import itertools
import random
from collections import Counter
from typing import Final

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import Leniency, PhoneNumberMatcher

from store import PHONE, read_text
from store.phones.bare import BareDigits
from store.phones.numbers import PhoneNumber, Reason
from store.phones.parser import parse_phone
from tests.store.phones.sentences import (
    DATES,
    MARKS,
    ONE,
    REFERENCES,
    REGIONS,
    TWO,
    Sentence,
    forms,
    is_readable,
    numbers,
    sentences,
)

# Where people write many of the desk's texts.
MAJOR: Final = ("US", "GB", "DE", "FR", "MX", "IN", "AU", "CA", "ZA", "BR")


def found(text: str, country: str | None) -> list[str]:
    return [phone.number.e164 for phone in read_text(text, country).phones if phone.reference is None]


@given(region=st.sampled_from(REGIONS), seed=st.integers(0, 1 << 32))
def test_exactly_the_phones_of_a_sentence(region: str, seed: int) -> None:
    """Among dates, list marks, names and references in four languages, a region's phones in every form are found, and no other."""
    for sentence in itertools.islice(sentences(region, seed), 3):
        assert found(sentence.text, region) == list(sentence.phones), sentence


@pytest.mark.wide
@pytest.mark.parametrize("part", range(8))
def test_every_region_in_every_form(part: int) -> None:
    """The same for each region and form, with each sentence."""
    chance = random.Random(part)
    for region in REGIONS[part::8]:
        some = numbers(region, chance)
        for template in (*ONE, *TWO):
            number, other = next(some), next(some)
            e164 = [phonenumbers.format_number(one, phonenumbers.PhoneNumberFormat.E164) for one in (number, other)]
            for form, written in forms(number).items():
                behind = forms(other)["international"]
                if not (is_readable(written, number, region) and is_readable(behind, other, region)):
                    continue
                mark, next_mark = chance.choice(MARKS)
                text = template.format(p=written, q=behind, d=DATES[0], m=mark, n=next_mark, name="Ana Ruiz")
                expected = e164 if "{q}" in template else e164[:1]
                assert found(text, region) == list(dict.fromkeys(expected)), (region, form, text)


@pytest.mark.parametrize("region", MAJOR)
def test_a_reference_is_shown_and_marked(region: str) -> None:
    """What stands behind a word like "ticket" is there, in the phones with that word or among what is not read, never as a plain phone."""
    for sentence in itertools.islice(sentences(region, 5, REFERENCES), 40):
        reading = read_text(sentence.text, region)
        [reference] = sentence.references
        marked = [phone.text for phone in reading.phones if phone.reference is not None]
        assert reference in marked or any(one.text == reference for one in reading.unread), sentence


@pytest.mark.parametrize("region", MAJOR)
def test_no_digits_vanish(region: str) -> None:
    """Without a country in force each phone without a code is named, with that reason; and what is left has no phone in it."""
    for sentence in itertools.islice(sentences(region, 6, ONE), 60):
        reading = read_text(sentence.text, None)
        if sentence.form in {"national", "bracketed", "dotted", "dashed", "bare digits"}:
            assert reading.phones == ()
            assert [one.code for one in reading.unread] == [Reason.NO_COUNTRY], sentence
        else:
            assert [phone.number.e164 for phone in reading.phones] == list(sentence.phones)
        assert reading.words.count(PHONE) == 1


def _overlaps(text: str, part: str, start: int, end: int) -> bool:
    """Does *part* stand in *text* where what is from *start* to *end* does?"""
    at = text.find(part)
    while at >= 0:
        if at < end and start < at + len(part):
            return True
        at = text.find(part, at + 1)
    return False


def difference(sentence: Sentence, start: int, end: int, region: str) -> str | None:
    """The kind of a difference: why what the library's matcher sees from *start* to *end* is no phone; None if nothing explains it."""
    text = sentence.text
    reading = read_text(text, region)
    kinds = {
        "a phone and what stands beside it": [phone.text for phone in reading.phones if phone.reference is None],
        "a date, or a part of one": DATES,
        "a reference": [*sentence.references, *(phone.text for phone in reading.phones if phone.reference is not None)],
        "named as not read": [unread.text for unread in reading.unread],
    }
    return next(
        (kind for kind, parts in kinds.items() if any(_overlaps(text, part, start, end) for part in parts)), None
    )


def differences(region: str, seed: int, count: int) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for sentence in itertools.islice(sentences(region, seed), count):
        matches = {}
        for match in PhoneNumberMatcher(sentence.text, region, leniency=Leniency.VALID, max_tries=1_000):
            e164 = phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
            matches[str(e164)] = match.start, match.end
        kinds["missed by the library's matcher"] += len(set(sentence.phones) - matches.keys())
        for e164 in matches.keys() - set(sentence.phones):
            kind = difference(sentence, *matches[e164], region)
            assert kind is not None, (sentence, matches[e164])
            kinds[kind] += 1
    return kinds


@pytest.mark.parametrize("region", ["US", "DE"])
def test_differences_from_the_librarys_matcher_are_explained(region: str) -> None:
    """Where `PhoneNumberMatcher` says another thing, it took a date, a reference or a phone's neighbours for a phone, or missed one beside them."""
    kinds = differences(region, 9, 120)
    assert kinds["missed by the library's matcher"]
    assert sum(kinds.values()) > kinds["missed by the library's matcher"]


@pytest.mark.wide
@pytest.mark.parametrize("part", range(8))
def test_differences_of_every_region_are_explained(part: int) -> None:
    """The same, for every region."""
    for region in REGIONS[part::8]:
        differences(region, part, 60)


def _digits_of_region(region: str | None, chance: random.Random) -> tuple[str, bool]:
    """Digits that are a number of *region*, nearly one, or none; and whether a plus stands before them."""
    digits = "".join(chance.choice("0123456789") for _ in range(chance.randrange(4, 19)))
    example = phonenumbers.example_number(region) if region and chance.random() < 0.6 else None
    if region is not None and example is not None:
        national = str(example.national_number)
        kept = chance.randrange(len(national) + 1)
        code = str(phonenumbers.country_code_for_region(region))
        prefix = chance.choice(("", "", "0", "1", "8", "00", "011", "015", code))
        digits = prefix + national[:kept] + digits[: len(national) - kept]
    return digits, chance.random() < 0.2


def compared(region: str | None, count: int) -> None:
    chance = random.Random(f"{region}")
    bare = BareDigits(region)
    for _ in range(count):
        digits, plus = _digits_of_region(region, chance)
        expected = parse_phone(f"+{digits}" if plus else digits, region)
        read = bare.find(digits, plus=plus)
        if read is None and isinstance(expected, PhoneNumber) and expected.remark is not None and region is not None:
            assert digits.startswith("0"), digits
        else:
            assert read == (expected if isinstance(expected, PhoneNumber) else None), digits


@pytest.mark.parametrize("region", [None, "US", "DE", "MX"])
def test_bare_digits_are_what_the_parser_says(region: str | None) -> None:
    """Bare digits are read by the plans as `parse_phone` reads each of them, but for a 0 that the country does not have."""
    compared(region, 400)


@pytest.mark.wide
@pytest.mark.parametrize("part", range(8))
def test_bare_digits_of_every_region(part: int) -> None:
    """The same, for every region."""
    for region in REGIONS[part::8]:
        compared(region, 400)
