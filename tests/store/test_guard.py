"""The wrong-file guard: what raises a doubt, what does not, and how it reads."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from store import Actor, Entry, Function, PlainWriter, Upload, doubts, guard
from tests.handlers.views.test_uploads import UPLOAD

BEFORE = Entry(
    id=3,
    function=Function.UPLOAD,
    actor=Actor("U0ADMIN", "admin"),
    at=datetime(2026, 11, 3, 14, 5, tzinfo=UTC),
    channel_id=None,
    channel_name=None,
    message_ts=None,
    permalink=None,
    reason=None,
    upload_id=2,
    file_name="stops.csv",
    requested_at=None,
)


def of(summary: dict[str, Any], **changes: Any) -> Upload:
    return replace(UPLOAD, summary=summary, **changes)


def test_an_opt_out_list_raises_no_doubt() -> None:
    """Nothing known against it, nothing said."""
    assert doubts(of({}), PlainWriter()) == ()
    assert doubts(UPLOAD, PlainWriter()) == ()


def test_a_contact_list() -> None:
    """Several columns of what contact lists have; a name alone stands in many an opt-out list."""
    found = doubts(of({"contact_signs": ["names", "e-mails", "a support score"]}), PlainWriter())
    assert found == ("This looks like a contact list, not an opt-out list: it has names, e-mails and a support score.",)
    assert doubts(of({"contact_signs": []}), PlainWriter()) == ()


@pytest.mark.parametrize(
    ("known", "texted", "said"),
    [
        (1_000, 710, "It would opt out 71% of the 1,000 phones you have conversations with."),
        (1_000, 200, "It would opt out 20% of the 1,000 phones you have conversations with."),
        (1_000, 199, None),
        (guard.LEAST_KNOWN - 1, guard.LEAST_KNOWN - 1, None),
        (0, 0, None),
    ],
)
def test_an_unusual_share_of_known_phones(known: int, texted: int, said: str | None) -> None:
    """A fifth of the phones that are texted is no opt-out list; of a handful of phones a share says nothing."""
    assert doubts(of({"known": known, "texted": texted}), PlainWriter()) == ((said,) if said else ())


def test_another_countrys_numbers() -> None:
    """More than half of another country than the one the list was read for."""
    found = doubts(of({"countries": [["GB", 80], ["US", 15], ["IE", 5]]}), PlainWriter())
    assert found == ("85% of its phones are not from United States: most are from United Kingdom.",)
    assert doubts(of({"countries": [["GB", 50], ["US", 50]]}), PlainWriter()) == ()
    assert doubts(of({"countries": [["GB", 9]]}), PlainWriter()) == ()
    assert doubts(of({"countries": [["GB", 90]]}, country="GB"), PlainWriter()) == ()
    assert doubts(of({"countries": [["GB", 90]]}, country=None), PlainWriter()) == ()


def test_mostly_unreadable() -> None:
    """More than half of the rows; of a few rows it says nothing."""
    found = doubts(of({}, rows=100, unreadable=60, phones=40), PlainWriter())
    assert found == ("Most of its rows were not understood: 60 of 100.",)
    assert doubts(of({}, rows=100, unreadable=50, phones=50), PlainWriter()) == ()
    assert doubts(of({}, rows=3, unreadable=2, phones=1), PlainWriter()) == ()


def test_applied_before() -> None:
    """When, by whom and under which name."""
    assert doubts(of({}), PlainWriter(), before=BEFORE) == (
        "The same file was applied already, as stops.csv, by admin on 3 Nov 2026, 14:05 UTC.",
    )


def test_every_doubt_is_said() -> None:
    """One doubt does not hide another."""
    summary = {
        "contact_signs": ["names", "e-mails"],
        "known": 100,
        "texted": 90,
        "countries": [["GB", 100]],
    }
    assert len(doubts(of(summary, rows=100, unreadable=60, phones=40), PlainWriter(), before=BEFORE)) == 5
