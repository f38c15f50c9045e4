"""
The fast path against `Normaliser`, on random cells: `python -m tests.bench.differential --strings 5000000 --seed 1`.

Run it wide whenever phonenumbers is raised; the same check, smaller, is among the tests.
"""

import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click
import numpy as np
import numpy.typing as npt
import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

from store.phones.fastpath import FastPath
from store.phones.numbers import PhoneNumber
from store.phones.parser import Normaliser

REGIONS: tuple[str | None, ...] = (*sorted(phonenumbers.SUPPORTED_REGIONS), None)

_DIGITS = "0123456789"
_KINDS = (
    PhoneNumberType.MOBILE,
    PhoneNumberType.FIXED_LINE,
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.SHARED_COST,
    PhoneNumberType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER,
    PhoneNumberType.PAGER,
    PhoneNumberType.UAN,
)
_BETWEEN = (" ", "-", ".", "(", ")", ") ", " - ", "  ")
_BEHIND = ("x12", " ext 5", "#", ".0", ".00", ".000", ",0", ".5", "/2", "+", "a", ",", ";", "\u00a0", "\t", "~9", "\0")
_BEFORE = (" ", "  ", "'", "-", ".", "(", "((", "+ ", "+(", "\u202a", "\uff0b", "\ufeff", ")")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A cell that the fast path reads as *fast*, and *slow* is what `Normaliser` says."""

    country: str | None
    cell: str
    fast: PhoneNumber
    slow: object


class Cells:
    """Random cells for a list with *country* in force: numbers, near misses, and what else is found in lists."""

    def __init__(self, country: str | None, seed: int) -> None:
        self._random = random.Random(f"{country} {seed}")
        self._code = "" if country is None else str(phonenumbers.country_code_for_region(country))
        self._examples: list[str] = []
        self._lengths: Sequence[int] = range(6, 12)
        self._abroad: list[tuple[str, list[str]]] = []
        for calling_code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
            examples = [number for region in regions for number in _examples(calling_code, region)]
            self._abroad.append((str(calling_code), examples))
            if country in regions:
                self._examples = examples + _examples(calling_code, country) * len(regions)
                plan = PhoneMetadata.metadata_for_region(country)
                assert plan is not None
                assert plan.general_desc is not None
                self._lengths = plan.general_desc.possible_length
        code = self._code
        self._prefixes = [
            *(
                "",
                "",
                "",
                "",
                "0",
                "0",
                "1",
                "+",
                "00",
                "9",
                "15",
                "01",
                "+1",
                "0015",
                "031",
                "90",
                "183",
                "180020",
                "8",
            ),
            *("+" + code, "+" + code, code, "00" + code, "011" + code, "0011" + code, "+" + code + "0", "0" + code),
            *("+" + code + "1", code + "0", code + code, "+" + code + "9", "00", "011"),
            *("+" + code + code, "00" + code + code, "0" + code, "+00" + code, "+8"),
        ]

    def __iter__(self) -> Iterator[str]:
        while True:
            yield self._cell()

    def _cell(self) -> str:
        rnd = self._random
        kind = rnd.random()
        if self._code and kind > 0.2:
            cell = self._written(rnd.choice(self._prefixes) + self._national(self._examples))
        elif kind > 0.02:
            code, examples = rnd.choice(self._abroad)
            between = rnd.choice(("", "", "", "", "0", "1", "8"))
            cell = self._written(f"+{code}{between}{self._national(examples)}")
        else:
            cell = "".join(rnd.choice(" 0123456789()+-.\t\0,/") for _ in range(rnd.randint(0, 18)))
        if rnd.random() < 0.03:
            cell = rnd.choice(("", f"{cell} ", self._tail(rnd.randint(3, 8)) + " ")) + self._date()
        if rnd.random() < 0.01:
            cell += rnd.choice((" ", "/", ", ", "")) + self._national(self._examples)
        return cell

    def _date(self) -> str:
        rnd = self._random
        day, month, year = f"{rnd.randint(1, 32):02}", f"{rnd.randint(1, 13):02}", f"{rnd.randint(1890, 2110)}"
        parts = rnd.choice(
            (
                (day, month, year),
                (year, month, day),
                (day, month, year[2:]),
                (month, year),
                (year, year),
                (year[2:], month),
            )
        )
        if rnd.random() < 0.2:
            return f"{rnd.randint(10_000, 70_000)}.{self._tail(rnd.randint(1, 6))}"
        date = rnd.choice(("-", ".", " ", " - ", ". ", "/")).join(parts)
        return date if rnd.random() < 0.9 else f"{date} - {date}"

    def _national(self, examples: list[str]) -> str:
        rnd, kind = self._random, self._random.random()
        if not examples or 0.5 < kind < 0.85:
            return self._tail(rnd.choice(self._lengths))
        if kind > 0.95:
            return self._tail(rnd.randint(1, 17))
        number = rnd.choice(examples)
        if kind > 0.85:
            at = rnd.randrange(len(number))
            return number[:at] + rnd.choice(("", number[at] * 2)) + number[at + 1 :]
        kept = rnd.randint(0, len(number))
        return number[:kept] + self._tail(len(number) - kept)

    def _tail(self, count: int) -> str:
        if self._random.random() < 0.03:
            return self._random.choice("09") * count
        return "".join(self._random.choices(_DIGITS, k=count))

    def _written(self, number: str) -> str:
        rnd, kind = self._random, self._random.random()
        if kind > 0.4:
            signs = _BETWEEN if kind > 0.55 else (rnd.choice(" -."),)
            number = "".join(digit + (rnd.choice(signs) if rnd.random() < 0.25 else "") for digit in number)
            if rnd.random() < 0.15:
                number = "(" + number
        if rnd.random() < 0.04:
            number = rnd.choice(_BEFORE) + number
        if rnd.random() < 0.06:
            number += rnd.choice(_BEHIND)
        return number


def _examples(code: int, region: str) -> list[str]:
    if region == "001":
        found = [phonenumbers.example_number_for_non_geo_entity(code)]
    else:
        found = [phonenumbers.example_number_for_type(region, kind) for kind in _KINDS]
    return [phonenumbers.national_significant_number(number) for number in found if number is not None]


def laid_out(
    cells: Sequence[str],
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """*cells* as a list's bytes and where they are in it."""
    written = [cell.encode() for cell in cells]
    ends = np.cumsum([len(cell) + 1 for cell in written], dtype=np.int64) - 1
    starts = ends - np.array([len(cell) for cell in written], np.int64)
    return np.frombuffer(b",".join(written) + b",", np.uint8), starts, ends


@dataclass(slots=True)
class Compared:
    """How many *cells* there were, how many hold a *valid* number, and how many of those the fast path *accepted*."""

    mismatches: list[Mismatch]
    cells: int = 0
    valid: int = 0
    accepted: int = 0
    seconds: float = 0  # of the fast path


def compare(fast: FastPath, country: str | None, cells: Sequence[str], compared: Compared) -> None:
    """Add to *compared* what `Normaliser` makes of *cells*, and where *fast* says anything else."""
    normaliser = Normaliser(country, typed=False)
    text, starts, ends = laid_out(cells)
    began = time.perf_counter()
    phones, assumed = fast.read(text, starts, ends)
    compared.seconds += time.perf_counter() - began
    compared.cells += len(cells)
    for cell, phone, by_country in zip(cells, phones.tolist(), assumed.tolist(), strict=True):
        slow = normaliser.parse(cell)
        compared.valid += isinstance(slow, PhoneNumber) and not slow.flagged and slow.remark is None
        if phone == 0:
            assert not by_country, cell
            continue
        compared.accepted += 1
        read = PhoneNumber(f"+{phone}", flagged=False, remark=None, assumed_country=country if by_country else None)
        if read != slow:
            compared.mismatches.append(Mismatch(country, cell, read, slow))


@click.command()
@click.option("--strings", default=2_000_000, show_default=True, help="Cells, over all regions.")
@click.option("--seed", default=1, show_default=True)
@click.option("--region", "regions", multiple=True, help="Only these; repeat for more.")
def main(strings: int, seed: int, regions: tuple[str, ...]) -> None:
    """Compare the fast path with Normaliser on random cells; exit with 1 if they ever disagree."""
    chosen: Sequence[str | None] = regions or REGIONS
    each = max(strings // len(chosen), 1)
    total = Compared([])
    click.echo("region     cells    valid  accepted  share   cells/s (with what is learnt)")
    for country in chosen:
        fast, compared, cells = FastPath(country), Compared([]), iter(Cells(country, seed))
        for first in range(0, each, 50_000):
            batch = [next(cells) for _ in range(min(50_000, each - first))]
            compare(fast, country, batch, compared)
        share = compared.accepted / compared.valid if compared.valid else 0
        speed = compared.cells / compared.seconds
        click.echo(
            f"{country or 'none':6} {compared.cells:>9,} {compared.valid:>8,} {compared.accepted:>9,}  {share:5.1%} {speed:>9,.0f}"
        )
        for mismatch in compared.mismatches[:5]:
            click.echo(f"  {mismatch.cell!r}: {mismatch.fast} is {mismatch.slow}")
        total.cells += compared.cells
        total.valid += compared.valid
        total.accepted += compared.accepted
        total.mismatches += compared.mismatches
    click.echo(
        f"{total.cells:,} cells, {total.valid:,} valid, {total.accepted:,} accepted, {len(total.mismatches):,} mismatches"
    )
    sys.exit(1 if total.mismatches else 0)


if __name__ == "__main__":
    main()
