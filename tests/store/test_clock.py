"""The clock: business days, how long requests took, and what nears its day."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from store import Account, Actor, Function, HandoverState, Origin, ReplyState, Store
from store.clock import ALLOWED_DAYS, NEAR_DAYS, Handled, business_day, clock_of
from store.handovers import Errand
from store.models import handovers, replies
from store.summary import read_clock
from tests.store.test_heard import ASKED, hear
from tests.store.test_summary import days_pass
from tests.store.test_undo import applied
from tests.store.test_uploads import PHONES, claimed, counts, lines, received, turn_back

ONE = "+12125550100"
NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "country", "tenth"),
    [
        # A Tuesday; Thanksgiving lies between.
        (NOON, "US", date(2026, 12, 9)),
        (NOON, None, date(2026, 12, 9)),
        (NOON, "GB", date(2026, 12, 8)),
        # No such country: as in the United States.
        (NOON, "XX", date(2026, 12, 9)),
        # A Saturday, then a Friday before Christmas and New Year.
        (datetime(2026, 6, 6, 18, tzinfo=UTC), "US", date(2026, 6, 22)),
        (datetime(2026, 12, 18, 18, tzinfo=UTC), "US", date(2027, 1, 5)),
        # Wednesday already in UTC, and Tuesday where the day began last.
        (datetime(2026, 11, 25, 3, tzinfo=UTC), "US", date(2026, 12, 9)),
    ],
)
def test_the_tenth_business_day(asked: datetime, country: str | None, tenth: date) -> None:
    """Weekends and public holidays of the account's country are none; no day is told later than it is anywhere."""
    assert business_day(asked, ALLOWED_DAYS, country) == tenth


@pytest.mark.parametrize("asked", [datetime.min.replace(tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)])
def test_a_request_of_no_sensible_day_is_long_over(asked: datetime) -> None:
    """Whatever a list says of when it was asked, it has a day."""
    assert business_day(asked, NEAR_DAYS, "US") < date(2000, 1, 15)


def test_median_and_slowest() -> None:
    """Those in effect as they were heard count as none; one from the future took no time."""
    took = [Handled(NOON, NOON + timedelta(hours=hours), hours) for hours in (1, 5, 30)]
    found = clock_of(took, 0, ())
    assert (found.requests, found.median, found.slowest) == (3, timedelta(hours=5), took[2])
    assert clock_of(took, 4, ()).median == timedelta()
    assert clock_of([Handled(NOON, NOON - timedelta(days=1))], 0, ()).slowest is None
    assert clock_of((), 0, ()).median is None


def test_requests_of_the_last_days(store: Store, account: Account, by_admin: Origin) -> None:
    """An entry counts once from when it was asked or handed over; a list from its oldest request, or else from its drop."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(other.id, [ONE], by_admin)
    store.optouts.add(account.id, [ONE], replace(by_admin, requested_at=store.now() - timedelta(days=90)))
    days_pass(store, 31)
    store.optouts.add(account.id, PHONES, by_admin)
    store.history.remark(account.id, ONE, "hers", by_admin)
    asked_at = store.now() - timedelta(hours=5)
    store.optouts.add(account.id, [ONE], replace(by_admin, requested_at=asked_at))
    work = applied(store, account, by_admin)
    requested = (work.upload.received_at - timedelta(days=3)).isoformat()
    later = claimed(store, received(store, account, file_id="F2"))
    later.staged(replace(counts(), summary={"requested": requested}))
    store.uploads.confirm(account.id, later.upload.id, by_admin)
    later.renew(lease_seconds=60).apply_batch(lines(PHONES), [], lease_seconds=60).finish()
    with store.database.read() as connection:
        found = read_clock(connection, account.id, ())
    assert found.requests == 4
    assert found.median is not None
    assert found.median < timedelta(hours=5)
    assert found.slowest is not None
    assert (found.slowest.upload, found.slowest.file) == (later.upload.id, "stops.csv")
    assert timedelta(days=3) <= found.slowest.took < timedelta(days=3, hours=1)
    assert found == store.summaries.get(account.id).clock


def test_what_waits_and_nears_its_day(store: Store, account: Account, by_admin: Origin) -> None:
    """Lists and opt-outs that were handed over, older than five business days; the soonest first."""
    by = replace(by_admin, actor=Actor("U0MEMBER", "member"), channel_id="C1", function=Function.BUTTON)
    asked, _ = store.handovers.hand_over(account.id, Errand("optout.add", "{}"), by)
    store.handovers.hand_over(account.id, Errand("export", ""), by)
    waits = claimed(store, received(store, account)).staged(counts()).upload
    assert store.summaries.get(account.id).clock.nearing == ()
    turn_back(store, "received_at", timedelta(days=30))
    with store.database.write() as connection:
        old = store.now() - timedelta(days=20)
        connection.execute(sa.update(handovers).values(asked_at=old))
    nearing = store.summaries.get(account.id).clock.nearing
    assert [(one.upload and one.upload.id, one.handover and one.handover.id) for one in nearing] == [
        (waits.id, None),
        (None, asked.id),
    ]
    assert nearing[0].due < nearing[1].due
    store.handovers.decide(account.id, asked.id, HandoverState.DECLINED, by_admin.actor)
    store.uploads.cancel(account.id, waits.id, by_admin)
    assert store.summaries.get(account.id).clock.nearing == ()


def test_replies_that_nobody_decided_on(store: Store, account: Account, by_admin: Origin) -> None:
    """They count after a day, and near their day from when they were heard, until somebody decides; START never does."""

    def age(days: float) -> None:
        with store.database.write() as connection:
            connection.execute(sa.update(replies).values(heard_at=store.now() - timedelta(days=days)))

    store.optouts.add(account.id, [ONE], by_admin)
    asks, start = hear(store, account, ASKED), hear(store, account, "START", "SM2")
    assert (asks.state, start.state) == (ReplyState.WAITING, ReplyState.WAITING)
    assert (store.summaries.get(account.id).replies, store.summaries.get(account.id).clock.nearing) == (0, ())
    before = store.summaries.version(account.id)
    age(1.1)
    found = store.summaries.get(account.id)
    assert (found.replies, found.clock.nearing) == (2, ())
    assert store.digests.get(account, store.now()).replies == 2
    assert store.summaries.version(account.id) != before, "Home is shown again"
    age(20)
    [one] = store.summaries.get(account.id).clock.nearing
    assert (one.upload, one.handover, one.due) == (
        None,
        None,
        business_day(store.replies.get(account.id, asks.id).heard_at, ALLOWED_DAYS, "US"),
    )
    store.replies.decide(account.id, asks.id, by_admin, opt_out=False)
    found = store.summaries.get(account.id)
    assert (found.replies, found.clock.nearing) == (0, ())
