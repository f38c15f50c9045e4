"""Ranges of numbers: what is learnt of a country's numbers is what each of them would have been asked."""

import random

import phonenumbers
import pytest

from store.phones.groups import Run, runs
from store.phones.numbers import PhoneNumber
from store.phones.parser import is_plain, parse_phone
from store.phones.runs import RunPlan, segments
from tests.bench.differential import Cells

# With lengths of every kind, with earlier plans, with a prefix of a digit that numbers begin with, and without any country.
COUNTRIES = ("US", "CA", "GB", "DE", "AT", "FR", "IT", "MX", "BR", "AR", "RU", "UA", "IN", "AU", "ZA", "JP", "NC", None)


def cut(run: Run, plan: RunPlan) -> list[tuple[int, int, PhoneNumber | None, float, bool, bool]]:
    """What *run* is cut into by *plan*, and which of the phones lack the 0 they are written with at home."""
    return [
        (one.first, one.after, one.number, one.look, one.is_date, plan.lacks_trunk(one.digits, one.numbers))
        for one in segments(run, plan)
    ]


def as_asked(country: str | None, count: int) -> None:
    """Read *count* cells with a plan that learns, and each of them with one that has learnt nothing."""
    learning, chance = RunPlan(country), random.Random(f"{country}")
    cells = iter(Cells(country, 1))
    for _ in range(count):
        text = next(cells)
        if chance.random() < 0.3:
            text = f"{chance.randrange(10 ** chance.randrange(2, 7))} {text} {chance.randrange(10**7)}"
        for run in runs(text, text):
            digits, plus, fresh = "".join(run.digits), run.plus[0], RunPlan(country)
            for whole in (True, False):
                asked = fresh.number(digits, plus=plus, whole=whole)
                assert learning.number(digits, plus=plus, whole=whole) == asked, (country, text)
            assert cut(run, learning) == cut(run, fresh), (country, text)


def as_parsed(country: str | None, count: int) -> None:
    """Of *count* groups of digits, bare or parted once, what is read with a plan that learns is what the parser reads."""
    learning, chance = RunPlan(country), random.Random(f"{country} parsed")
    for _ in range(count):
        digits = f"{chance.randrange(10 ** (length := chance.randrange(7, 14))):0{length}}"
        at = chance.choice((0, 3))
        text = f"{digits[:at]}{' ' if at else ''}{digits[at:]}"
        if is_plain(text):
            assert learning.alone(text, digits) == parse_phone(text, country), (country, text)


def test_reasons_are_the_parsers() -> None:
    """The reason why digits are no phone is remembered by how they begin, and is the one that the parser gives."""
    for country in ("US", "FR", "DE"):
        as_parsed(country, 300)


@pytest.mark.wide
def test_so_they_are_everywhere() -> None:
    """So it is in every region, and without any."""
    for region in (*sorted(phonenumbers.SUPPORTED_REGIONS), None):
        as_parsed(region, 60)


def test_what_is_learnt_is_what_would_be_asked() -> None:
    """Numbers of which a hundred like them were read are what they are by themselves, and are cut out of runs as they are."""
    as_asked("US", 200)


def however_set(country: str | None, count: int) -> None:
    """Cut *count* long runs by a plan that asks of no digits that stand like no number, and by one that asks of all."""
    sparing, asking, chance = RunPlan(country), RunPlan(country), random.Random(f"{country} set")
    asking.may_be_good = lambda *_: True  # type: ignore[assignment]
    cells = iter(Cells(country, 2))
    for _ in range(count):
        groups: list[str] = []
        while len(groups) < 40:
            digits = chance.choice(("", "0", "00", "011", "1")) + "".join(filter(str.isdecimal, next(cells)))
            while digits:
                length = chance.choice((1, 2, 3, 3, 4, 4, 5))
                groups.append(digits[:length])
                digits = digits[length:]
        text = chance.choice(" -.").join(groups)
        for run in runs(text, text):
            assert cut(run, sparing) == cut(run, asking), (country, text)


@pytest.mark.parametrize("country", ["US", "DE", "CN"])
def test_what_stands_like_no_number_is_none(country: str) -> None:
    """Digits in groups in which the library sets no number would be in no good looks, whatever number they were."""
    however_set(country, 30)


@pytest.mark.wide
def test_so_it_stands_everywhere() -> None:
    """So it is in every region, and without any."""
    for region in (*sorted(phonenumbers.SUPPORTED_REGIONS), None):
        however_set(region, 15)


@pytest.mark.wide
@pytest.mark.parametrize("country", COUNTRIES)
def test_the_same_of_more(country: str | None) -> None:
    """So it is in countries of every kind of plan, with and without their codes."""
    as_asked(country, 1_000)


@pytest.mark.wide
def test_the_same_everywhere() -> None:
    """So it is in every region."""
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        as_asked(region, 50)
