"""
Comparing: a platform's own list of opted-out phones is held against the account's. Neither changes.

What is only theirs comes in by an upload of the same list, what is only ours is written as a file of phones: whoever passes
it on, a person or a program, reads it there.
"""

from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TextIO

from store.choices import NOTHING_CHOSEN, Choices, Question, Undecided
from store.exports import ExportFilter
from store.lists.staging import PAGE, ReportProgress, Scratch, stage
from store.records import StagedCounts
from store.store import Store


@dataclass(frozen=True, slots=True)
class Compared:
    """
    The outcome of comparing a list with the account's, in distinct phones: those of *both*, erased ones too, and *only_ours*, without.

    *counts*: what was read of the list, as of an upload, but for `already`.
    """

    counts: StagedCounts
    both: int
    only_ours: int

    @property
    def theirs(self) -> int:
        """The phones of the list."""
        return self.counts.phones

    @property
    def ours(self) -> int:
        """The phones that were opted out in the account when the list was read."""
        return self.both + self.only_ours

    @property
    def only_theirs(self) -> int:
        """Phones of the list that were not opted out in the account."""
        return self.theirs - self.both


class _Lacking:
    """Whether a list lacks a phone; phones are asked about in phone order, each once, and `both` counts those that it has."""

    def __init__(self, listed: Scratch) -> None:
        self._phones = chain.from_iterable(listed.batches(PAGE))
        self._next = next(self._phones, None)
        self.both = 0

    def __call__(self, phone: str) -> bool:
        while self._next is not None and self._next < phone:
            self._next = next(self._phones, None)
        if self._next != phone:
            return True
        self.both += 1
        return False


def compare(
    store: Store,
    account: int,
    path: Path,
    scratch: Path,
    out: TextIO,
    *,
    country: str | None,
    column: str | None = None,
    choices: Choices = NOTHING_CHOSEN,
    name: str | None = None,
    progress: ReportProgress,
) -> Compared:
    """
    Write the account's opted-out phones that the list at *path* lacks to *out*, as CSV with a header, and count both.

    *scratch*: where what is read of the list stands meanwhile. The other options as for `store.lists.staging.stage`. Both
    lists are read in phone order, a page at a time, so that neither is ever in memory; the account's is that of one moment.

    Raises `ListRefused`, and `Undecided` before anything is written, where the list can be read in more than one way;
    OSError, and whatever *progress* raises.
    """
    store.accounts.get(account)
    listed = stage(path, scratch, country=country, column=column, choices=choices, name=name, progress=progress)
    try:
        for question in map(Question.of_json, listed.summary["questions"]):
            if question.open:
                raise Undecided(question.text, question)
        lacking = _Lacking(listed)
        only_ours = store.exports.write(
            account,
            out,
            ExportFilter("phones"),
            lambda phones: progress(phones, 1.0),
            lets_through=lacking,
        )
        erased = sum(store.uploads.erased(account, phones) for phones in listed.batches(PAGE))
        return Compared(listed.counts, lacking.both + erased, only_ours)
    finally:
        listed.delete()
