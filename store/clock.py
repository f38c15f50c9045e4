"""
The clock from a request to its effect: how long requests take, and until which day they have to be in effect. Pure.

A request made by any reasonable means has to be honoured within ten business days
(47 CFR 64.1200(a)(10), https://www.ecfr.gov/current/title-47/section-64.1200#p-64.1200(a)(10)). Business days are
those of the account's country, by its public holidays; of one that is not known, of the United States, federal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from statistics import median
from typing import TYPE_CHECKING, Final

from store.handovers import Handover
from store.records import Upload

if TYPE_CHECKING:
    from holidays import HolidayBase

WITHIN: Final = timedelta(days=30)
# Business days that a request may take, and after which one that is not in effect nears its day.
ALLOWED_DAYS: Final = 10
NEAR_DAYS: Final = 5
_HOME: Final = "US"
# So far behind UTC is the last place where a day begins: counted from there no day is told later than it is.
_LAST_PLACE: Final = timedelta(hours=12)
# A request that is older is as late as one of that day, whatever a list says of it.
_FIRST_DAY: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Handled:
    """A request that is in effect, of one entry. *upload* and *file*: of the list that it came by, None of any other."""

    requested_at: datetime
    effect_at: datetime
    upload: int | None = None
    file: str | None = None

    @property
    def took(self) -> timedelta:
        """How long it took, and no less than nothing: lists and programs have clocks of their own."""
        return max(self.effect_at - self.requested_at, timedelta())


@dataclass(frozen=True, slots=True)
class Nearing:
    """
    A request that is not in effect, and was made more than `NEAR_DAYS` business days ago; *due*: the last day for it.

    *upload*: the list that waits with it; *handover*: the request that waits for an admin; neither of a reply that waits for a
    decision, which counts from when it was heard.
    """

    requested_at: datetime
    due: date
    upload: Upload | None = None
    handover: Handover | None = None


@dataclass(frozen=True, slots=True)
class PassedOn:
    """
    How long it took from *requests* until the last of *destinations* took them: *median*, and the *slowest*; None without any.

    *waiting*: how many more are in effect here that one of them has not taken yet.
    """

    destinations: int = 0
    requests: int = 0
    median: timedelta | None = None
    slowest: Handled | None = None
    waiting: int = 0


NOT_PASSED_ON: Final = PassedOn()


@dataclass(frozen=True, slots=True)
class Clock:
    """
    How long the *requests* took that came into effect `WITHIN` the last days, and those that near their day, soonest first.

    Each entry counts once, a list by its oldest request, and by the moment it was dropped where it names none. *median* is
    None without any request, *slowest* too. *passed_on*: the same until destinations had taken them, where there are any.
    """

    requests: int = 0
    median: timedelta | None = None
    slowest: Handled | None = None
    nearing: tuple[Nearing, ...] = ()
    passed_on: PassedOn = NOT_PASSED_ON


NO_CLOCK: Final = Clock()


def clock_of(handled: Sequence[Handled], at_once: int, nearing: Iterable[Nearing]) -> Clock:
    """The clock of what was *handled*, of *at_once* requests besides that were in effect as they were heard, and of what waits."""
    due = tuple(sorted(nearing, key=lambda one: (one.due, one.requested_at)))
    if not handled and not at_once:
        return Clock(nearing=due)
    took = [one.took.total_seconds() for one in handled] + [0.0] * at_once
    slowest = max(handled, key=lambda one: one.took, default=None)
    return Clock(
        len(took), timedelta(seconds=median(took)), slowest if slowest is not None and slowest.took else None, due
    )


def passed_on_of(handled: Mapping[int, Handled], taken: Mapping[int, datetime | None], destinations: int) -> PassedOn:
    """What was *handled*, by entry, until all *destinations* had *taken* it, by entry too, None for not yet."""
    ends = {entry: at for entry, at in taken.items() if entry in handled}
    through = [replace(handled[entry], effect_at=at) for entry, at in ends.items() if at is not None]
    waiting = len(ends) - len(through)
    if not through:
        return PassedOn(destinations, waiting=waiting)
    took = median(one.took.total_seconds() for one in through)
    slowest = max(through, key=lambda one: one.took)
    return PassedOn(destinations, len(through), timedelta(seconds=took), slowest, waiting)


def nearing_of(
    now: datetime,
    country: str | None,
    uploads: Iterable[Upload],
    handovers: Iterable[Handover],
    heard: Iterable[datetime],
) -> tuple[Nearing, ...]:
    """
    Those that near their day at the moment *now*, of the *uploads* and *handovers*, which all wait, and of replies.

    *heard*: when each reply was heard that waits for a decision.
    """

    def due(asked_at: datetime) -> date:
        return business_day(asked_at, ALLOWED_DAYS, country)

    waits = [
        *(Nearing(one.requested_at, due(one.requested_at), one) for one in uploads),
        *(Nearing(one.asked_at, due(one.asked_at), handover=one) for one in handovers),
        *(Nearing(at, due(at)) for at in heard),
    ]
    today = now.astimezone(UTC).date()
    return tuple(one for one in waits if business_day(one.requested_at, NEAR_DAYS, country) < today)


def business_day(after: datetime, days: int, country: str | None) -> date:
    """The last day of so many business *days* after a moment, in *country*, a region code."""
    first = (max(after.astimezone(UTC), _FIRST_DAY) - _LAST_PLACE).date()
    return _calendar(country or _HOME).get_nth_working_day(first, days)


@cache
def _calendar(country: str) -> "HolidayBase":
    # Late: it takes a quarter of a second, for which neither the child process nor the command line has a use.
    import holidays

    try:
        return holidays.country_holidays(country)
    except NotImplementedError:
        return holidays.country_holidays(_HOME)
