"""How the clock is told: spans as people say them, the slowest list by its name, what nears its day with its day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from handlers.permissions import Role
from handlers.views import clock as views
from handlers.views import digests, home
from store import Account, Clock, Digest, Handled, Nearing, PassedOn
from tests.handlers.test_home import page
from tests.handlers.views.test_markup import upload_with

AT = datetime(2026, 11, 3, 17, tzinfo=UTC)
SLOW = Handled(AT, AT + timedelta(days=3, hours=5), 7, "<stops>.csv")
LATE = Nearing(AT, date(2026, 11, 18), upload_with("<late>.csv"))
SLOWEST = "the slowest 3 days (upload 7, &lt;stops&gt;.csv)"
CLOCK = Clock(1_204, timedelta(minutes=2, seconds=50), SLOW, (LATE,))


@pytest.mark.parametrize(
    ("took", "said"),
    [
        (timedelta(), "1 second"),
        (timedelta(seconds=1.9), "1 second"),
        (timedelta(seconds=59), "59 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(days=400), "400 days"),
    ],
)
def test_a_span_in_its_largest_unit(took: timedelta, said: str) -> None:
    """Rounded down, and never nothing."""
    assert views.span(took) == said


def test_pace_and_what_nears_its_day() -> None:
    """Median and slowest in a line, nothing where there was none; of many that wait the first five, and how many more."""
    line = views.pace(CLOCK)
    assert line.startswith(
        "From request to effect, last 30 days: half of 1,204 requests within 2 minutes, the slowest 3 days"
    )
    assert "upload 7" in line
    assert "<stops>" not in line
    assert views.pace(Clock()) == ""
    assert views.pace(replace(CLOCK, slowest=None)).endswith("within 2 minutes.")
    [waits] = views.nearing(CLOCK)
    assert waits.endswith(": the tenth business day is Wed 18 Nov 2026.")
    [waits] = views.nearing(replace(CLOCK, nearing=(replace(LATE, upload=None),)))
    assert waits.startswith(":warning: A reply that may ask for no more texts waits for a decision")
    many = views.nearing(replace(CLOCK, nearing=(LATE,) * 8))
    assert (len(many), many[-1]) == (6, "3 more near their day.")


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (PassedOn(), []),
        (PassedOn(1), []),
        (PassedOn(1, waiting=1), ["Passed on: 1 request waits to be taken."]),
        (
            PassedOn(1, 12, timedelta(seconds=2), Handled(AT, AT + timedelta(hours=2))),
            ["Until it was passed on: half of 12 requests within 2 seconds, the slowest 2 hours."],
        ),
        (
            PassedOn(3, 1, timedelta(minutes=3), SLOW, 4),
            [
                f"Until all 3 destinations had it: half of 1 request within 3 minutes, {SLOWEST}; 4 requests wait to be taken."
            ],
        ),
    ],
)
def test_until_it_was_passed_on(passed: PassedOn, said: list[str]) -> None:
    """A second line, where there is anybody to pass on to: until the last of them had it, and what waits for them."""
    first, *more = views.pace(replace(CLOCK, passed_on=passed)).split("\n")
    assert first == views.pace(CLOCK)
    assert more == said


def test_home_and_the_digest_tell_it() -> None:
    """What waits of others is told to who may see all lists; how long requests took to everybody."""
    for role, tells in ((Role.ADMIN, True), (Role.SUPPORT, True), (Role.MEMBER, False)):
        full = page("ann", role)
        told = str(home.home(replace(full, summary=replace(full.summary, clock=CLOCK, replies=2))))
        assert "From request to effect" in told
        assert ("tenth business day" in told) is tells
        assert ("2 replies that may ask for no more texts wait for more than a day." in told) is tells
    week = Digest(Account(1, "T1", "Desk", "US", 3), AT, {}, (), 0, (), (), 0, None, CLOCK)
    told = str(digests.digest(week).blocks)
    assert "From request to effect" in told
    assert "tenth business day" in told
