"""The fast path never says anything but what `Normaliser` says, whatever the cells hold."""

import itertools
import random
import re
from collections.abc import Iterator

import numpy as np
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.phones.fastpath import FastPath
from store.phones.numbers import PhoneNumber
from store.phones.parser import Normaliser
from store.phones.plans import Patterns, Plan, Prefix, plan_of
from tests.bench.differential import REGIONS, Cells, Compared, compare, laid_out

MAJOR = ("US", "CA", "GB", "AU", "DE", "FR", "IT", "ES", "NL", "MX", "IN", "ZA", "IE", "NZ")


def read(cells: list[str], country: str | None = "US", fast: FastPath | None = None) -> list[str | None]:
    """What the fast path makes of *cells*: a phone, or None for "don't know"."""
    phones, _ = (fast or FastPath(country)).read(*laid_out(cells))
    return [f"+{phone}" if phone else None for phone in phones.tolist()]


def compared(country: str | None, count: int, fast: FastPath | None = None, seed: int = 20) -> Compared:
    result = Compared([])
    compare(fast or FastPath(country), country, list(itertools.islice(Cells(country, seed), count)), result)
    return result


# --- against the library ------------------------------------------------------------------------------------------------------


@pytest.mark.wide
@pytest.mark.parametrize("part", range(6))
def test_every_region_is_read_as_normaliser_reads_it(part: int) -> None:
    """In no region of the library, nor without one, is a random cell read otherwise than by `Normaliser`."""
    for country in REGIONS[part::6]:
        assert compared(country, 90).mismatches == []


@pytest.mark.wide_but_first
@pytest.mark.parametrize("country", [*MAJOR, None])
def test_what_people_write_is_accepted(country: str | None) -> None:
    """Of the valid numbers among random cells, most of them written wildly, well over half never reach the library."""
    result = compared(country, 800)
    assert result.mismatches == []
    assert result.valid > 100
    assert result.accepted > 0.6 * result.valid


@pytest.mark.parametrize("country", MAJOR)
def test_numbers_as_they_are_formatted_are_all_accepted(country: str) -> None:
    """A country's mobile and home numbers, in the library's own formats, are read without it."""
    cells = []
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        number = phonenumbers.example_number_for_type(country, kind)
        assert number is not None
        cells += [phonenumbers.format_number(number, way) for way in (0, 1, 2)]
        cells += [cell.replace(" ", "") for cell in cells] + [f" {cell}  " for cell in cells]
    normaliser = Normaliser(country, typed=False)
    wanted = [normaliser.parse(cell) for cell in cells]
    assert read(cells, country) == [phone.e164 if isinstance(phone, PhoneNumber) else "" for phone in wanted]


@pytest.mark.parametrize(
    ("cell", "country", "e164"),
    [
        ("(212) 555-0100", "US", "+12125550100"),
        ("212.555.0100", "US", "+12125550100"),
        ("1 212 555 0100", "US", "+12125550100"),
        ("  +1 212 555 0100 ", "DE", "+12125550100"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("0612345678", "IT", "+390612345678"),
        ("612345678", "FR", "+33612345678"),
        ("+44 (0)20 7946 0018", None, "+442079460018"),
        ("0049 30 123456", "FR", "+4930123456"),
        ("011 49 30 123456", "US", "+4930123456"),
        ("212-555-0100", None, None),
        ("2125550100.0", "US", None),
        ("1415555267.0", "US", None),
        ("30123456.0", "DE", None),
        ("0612345678.000", "IT", None),
        ("3012345.67", "DE", None),
        ("-2125550100", "US", None),
        ("212 555 0100 / 0101", "US", None),
        ("4155552671 4155552672", "US", None),
        ("+1 310 555 0100 +1", "US", None),
        ("1-800-FLOWERS", "US", None),
        ("4.155552671E+09", "US", None),
        ("07911123456", "US", None),
        ("2125550100\n", "US", None),
        ("212\N{NO-BREAK SPACE}5550100", "US", None),
        ("+88100000000-0", None, None),  # the library does not format zeros only
    ],
)
def test_cells_that_are_taken_or_left(cell: str, country: str | None, e164: str | None) -> None:
    """Plain cells are taken; what a spreadsheet spoilt, several numbers, and other signs go to `Normaliser`."""
    assert read([cell], country) == [e164]


@pytest.mark.wide_but_first
@pytest.mark.parametrize("country", [*MAJOR, "AT", "BD", "BF", "DK", "FI", "LB", "LV", "RS", "SE", None])
def test_a_date_is_never_taken(country: str | None) -> None:
    """
    Whatever a plan has for its digits, with blanks around it as well; and what has groups like a date's is read as by
    `Normaliser`.
    """
    dates = ["05.11.2024", "05-11-2024", "05 11 2024", "2024-11-05", "2024 11 05", "05. 11. 2024", "20241105 1030"]
    dates += ["19990101 1200", "45601.4375", "2015 - 2016", "05 - 11 - 2024"]
    assert set(
        read([before + date + behind for date in dates for before in ("", " ") for behind in ("", "  ")], country)
    ) == {None}
    rnd = random.Random(country)
    parts = ("5", "05", "11", "31", "24", "1999", "2024", "2", "79", "0123", "212", "45678", "+33", "(0)", "(05)")
    cells = []
    for _ in range(600):
        sign = rnd.choice((".", "-", " ", ". ", " - "))
        cell = sign.join(rnd.choices(parts, k=rnd.randint(2, 6)))
        cells.append(rnd.choice(("", "", " ", "+49 ")) + cell + rnd.choice(("", "", " ")))
    result = Compared([])
    compare(FastPath(country), country, cells, result)
    assert result.mismatches == []


def test_whether_the_country_was_assumed() -> None:
    """The country in force counts as assumed for numbers without a plus only, its own code among them."""
    _, assumed = FastPath("US").read(*laid_out(["212-555-0100", "1 212 555 0100", "+1 212 555 0100", "011493012345"]))
    assert assumed.tolist() == [True, True, False, False]


def test_an_unknown_country_is_refused() -> None:
    """As for `Normaliser`: a code without a numbering plan is a mistake of the caller's."""
    with pytest.raises(ValueError, match="no numbering plan"):
        FastPath("XX")


# --- the checks themselves ------------------------------------------------------------------------------------------------------


def test_the_comparison_catches_a_number_taken_as_settled_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the digits that follow were not asked about, the comparison would say so."""
    monkeypatch.setattr(Plan, "settle", lambda *_: None)
    assert any(compared(country, 1_500).mismatches for country in MAJOR)


def test_the_comparison_catches_a_wrong_entry() -> None:
    """One wrong number in the table does not pass."""
    fast = FastPath("GB")
    assert compared("GB", 1_500, fast).mismatches == []
    fast._shifts[2:] += 1
    assert compared("GB", 1_500, fast).mismatches != []


@pytest.mark.wide
@pytest.mark.parametrize("planted", ["[2-9]\\d{8}", "\\d{10}"])
def test_the_comparison_catches_a_wrong_pattern(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns that say less than the library's, so that numbers seem alike that are not, do not pass."""
    add = Patterns.add

    def other(self: Patterns, pattern: str, *, whole: bool) -> int:
        return add(self, planted if "[" in pattern else pattern, whole=whole)

    monkeypatch.setattr(Patterns, "add", other)
    assert any(compared(country, 1_500).mismatches for country in MAJOR)


# --- the digits that settle it ------------------------------------------------------------------------------------------------------


@pytest.mark.wide_but_first
@pytest.mark.parametrize("country", [*MAJOR, "AG", "AR", "AX", "BR", "CC", "CX", "GG", "JE", "JP", "KZ", "SM", "VA"])
def test_no_digit_behind_those_that_settle_it_matters(country: str) -> None:
    """Whatever follows the digits by which a number was accepted, `Normaliser` reads it with the same difference."""
    rnd = random.Random(country)
    fast, normaliser = FastPath(country), Normaliser(country, typed=False)
    taken = []
    entry = fast._entry

    def noting(known: str, left: int, *, plus: bool) -> int:
        found = entry(known, left, plus=plus)
        if found < -1:
            taken.append((known, left, plus, -found))
        return found

    fast._entry = noting  # type: ignore[method-assign] # to see what is learnt from a list
    compare(fast, country, list(itertools.islice(Cells(country, 3), 400)), Compared([]))
    assert len(taken) > 20
    for known, left, plus, rule in rnd.sample(taken, 20):
        tails: Iterator[str] = ("".join(rnd.choices("0123456789", k=left)) for _ in range(40))
        if left <= 2:
            tails = ("".join(digits) for digits in itertools.product("0123456789", repeat=left))
        for tail in tails:
            digits = known + tail
            found = normaliser.parse("+" * plus + digits)
            assert found == PhoneNumber(
                f"+{int(digits) + int(fast._shifts[rule])}",
                flagged=False,
                remark=None,
                assumed_country=country if fast._assumed[rule] else None,
            )


def _plans() -> Iterator[phonenumbers.PhoneMetadata]:
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        yield from (plan_of(code, region) for region in regions)


def test_every_pattern_of_the_library_is_understood() -> None:
    """Nothing in the metadata is left out because of the way it is written; a release that changes it shows here."""
    for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        Plan(code)
    for plan in _plans():
        Plan.prefix_of(plan)
        Prefix(plan.international_prefix or "")


def test_patterns_match_what_regular_expressions_match() -> None:
    """The automaton of a pattern and `re` agree on whole numbers, and on beginnings."""
    rnd = random.Random(5)
    texts = {plan.general_desc.national_number_pattern for plan in _plans() if plan.general_desc}
    texts |= {plan.fixed_line.national_number_pattern for plan in _plans() if plan.fixed_line}
    texts |= {plan.national_prefix_for_parsing for plan in _plans()}
    for text in rnd.sample(sorted(filter(None, texts)), 80):
        for whole in (True, False):
            patterns = Patterns()
            start = patterns.start([patterns.add(text, whole=whole)])
            expression = re.compile(text)
            for _ in range(60):
                number = "".join(rnd.choices("0123456789", k=rnd.randint(1, 12)))
                matched = patterns.settled(patterns.walk(start, number), 0)
                assert bool(matched) == bool((expression.fullmatch if whole else expression.match)(number))


@pytest.mark.parametrize(
    "pattern", ["(1", "1)", "[^1]", "[1", "a", "1.", "(?=1)", "1{2}?", "\\w", "[a-c]", "^1", "1{", "(?i)1", "[1-", "*"]
)
def test_a_pattern_of_another_dialect_is_refused(pattern: str) -> None:
    """What is not understood is an error, and never taken for something near it."""
    with pytest.raises(ValueError, match=r"."):
        Patterns().add(pattern, whole=True)


def test_a_plan_that_is_not_understood_is_left_to_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a release write its patterns in another way, lists are read more slowly, and right."""

    def refusing(*_: object, **__: object) -> int:
        raise ValueError("another dialect")

    monkeypatch.setattr(Patterns, "add", refusing)
    assert read(["212-555-0100", "+12125550100"]) == [None, None]


# --- hostile lists ------------------------------------------------------------------------------------------------------

_NONE = np.zeros(0, np.int64)


def test_no_cells() -> None:
    """A list without cells, even without bytes, has no phones."""
    for text in (np.zeros(0, np.uint8), np.frombuffer(b"212-555-0100", np.uint8)):
        phones, assumed = FastPath("US").read(text, _NONE, _NONE)
        assert (phones.tolist(), assumed.tolist()) == ([], [])


def test_empty_cells_of_an_empty_text() -> None:
    """Cells may be empty where there is nothing else."""
    zeros = np.zeros(3, np.int64)
    phones, assumed = FastPath("US").read(np.zeros(0, np.uint8), zeros, zeros)
    assert (phones.tolist(), assumed.tolist()) == ([0, 0, 0], [False] * 3)


@pytest.mark.parametrize(
    "cell",
    [
        *("", " ", " " * 30, "+", "++", "+++++++", "++12125550100", "2125550100+", "\0" * 12, "2125550100\0"),
        *(
            "٢١٢٥٥٥٠١٠٠",
            "２１２５５５０１００",
            "(" * 12,
            "-----",
            ".....",
            "0" * 13,
            "9" * 40,
            "1" * 300,
            "+" + "0" * 12,
        ),
        *("=2125550100", "\ud7ff2125550100", "é2125550100"),
    ],
)
def test_hostile_cells_are_left(cell: str) -> None:
    """Signs without digits, digits without end and digits of other scripts are left, and the next cell is read."""
    assert read([cell, "212-555-0100", cell]) == [None, "+12125550100", None]


def test_a_cell_of_ten_megabytes() -> None:
    """A huge cell costs nothing, and does not reach its neighbours."""
    assert read(["212-555-0100", "2" * 10_000_000, "+1 212 555 0101"]) == ["+12125550100", None, "+12125550101"]


def test_cells_may_overlap_and_come_in_any_order() -> None:
    """Cells are ranges of the text, whatever lies between them and however often they are asked for."""
    text = np.frombuffer(b"+12125550100,", np.uint8)
    starts, ends = np.array([0, 1, 2, 0, 12, 3, 0]), np.array([12, 12, 12, 12, 13, 12, 11])
    phones, _ = FastPath("US").read(text, starts, ends)
    assert phones.tolist() == [12125550100] * 4 + [0, 0, 0]


@pytest.mark.wide_but_first
@pytest.mark.parametrize(("limit", "value"), [("_LESSONS", 100), ("_NODES", 40), ("_RULES", 2)])
def test_what_is_kept_is_bounded(limit: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the table is full, what is not in it is left to the library, and what is in it stays right."""
    monkeypatch.setattr(f"store.phones.fastpath.{limit}", value)
    rnd = random.Random(2)
    fast = FastPath("DE")
    cells = ["030 123456", *(f"+{rnd.randrange(10**11, 10**12)}" for _ in range(2_000)), "0151 23456789"]
    first = read(cells, fast=fast)
    assert first[0] == "+4930123456"
    assert read(cells, fast=fast) == first
    assert compared("DE", 1_000, fast).mismatches == []
    assert fast._lessons <= 100 or limit != "_LESSONS"
    assert len(fast._tree) <= 64 or limit != "_NODES"
    assert len(fast._rules) <= 1 or limit != "_RULES"


@settings(max_examples=150)
@given(
    st.binary(max_size=200) | st.text("0123456789 ()+-.", max_size=200).map(str.encode),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 60)), max_size=30),
    st.sampled_from(["US", "GB", "IT", "DE", None]),
)
def test_any_bytes(text: bytes, ranges: list[tuple[int, int]], country: str | None) -> None:
    """Whatever the bytes and the ranges, nothing is raised, and each phone is the one `Normaliser` reads."""
    starts = np.array([min(start, len(text)) for start, _ in ranges], np.int64)
    ends = np.minimum(starts + np.array([length for _, length in ranges], np.int64), len(text))
    phones, assumed = FastPath(country).read(np.frombuffer(text, np.uint8), starts, ends)
    normaliser = Normaliser(country, typed=False)
    for start, end, phone, by_country in zip(starts, ends, phones.tolist(), assumed.tolist(), strict=True):
        if phone:
            assert normaliser.parse(text[start:end].decode("cp1252", "replace")) == PhoneNumber(
                f"+{phone}", flagged=False, remark=None, assumed_country=country if by_country else None
            )
