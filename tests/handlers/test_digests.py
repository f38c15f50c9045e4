"""The weekly digest: what it says, and that it is said once."""

import asyncio
import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.blocks import problems_of
from handlers.digests import WeeklyDigests
from handlers.slack.clients import OneClient
from handlers.slack.pacing import Pacing
from handlers.slack.posting import Poster
from handlers.tasks import Tasks
from handlers.views.digests import digest
from store import Account, Actor, Digest, Function, LeaseLost, Origin, Store, Upload, UploadWork
from tests.handlers.conftest import ADMINS, Office
from tests.store.test_uploads import claimed, counts, lines, received

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"


def wants(store: Store, account: int, channel: str | None) -> None:
    """The account's admins chose *channel* for their digest."""
    with store.database.write() as connection:
        settings = json.dumps({"digest_channel": channel})
        connection.execute(
            sa.text("UPDATE accounts SET settings = :settings WHERE id = :id"), {"settings": settings, "id": account}
        )


def waiting(store: Store, account: Account, file: str) -> Upload:
    """A list that waits for a yes."""
    work = claimed(store, received(store, account, file_id=file))
    return work.staged(counts(phones=1)).upload


def applied(store: Store, account: Account, by: Origin, file: str, *phones: str) -> UploadWork:
    """A list that was applied as a whole."""
    work = claimed(store, received(store, account, file_id=file)).staged(counts(phones=len(phones)))
    work.release(settled=None)
    store.uploads.confirm(account.id, work.upload.id, by)
    return claimed(store, work.upload).apply_batch(lines(sorted(phones)), [], lease_seconds=60)


def next_monday() -> datetime:
    """The end of the week that goes on now, and a moment more."""
    at = datetime.now(UTC)
    return (at + timedelta(days=7 - at.weekday())).replace(hour=14, minute=1, second=0, microsecond=0)


def test_the_week_is_told_as_it_was(store: Store, account: Account, by_admin: Origin) -> None:
    """Requests by function and person, numbers that keep coming back, and what waits; of this account alone."""
    wants(store, account.id, "C0ADMINS")
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(other.id, [ONE, TWO, THREE], by_admin)
    stop = Origin(Function.KEYWORD, Actor("platform", "platform"))
    store.optouts.add(account.id, [THREE], stop)
    for number in range(3):
        applied(store, account, by_admin, f"F{number}", ONE, *([TWO] if number else []))
    held = waiting(store, account, "F9")
    at = next_monday()
    due = store.digests.claim(at, owner="one", lease_seconds=60)
    assert due is not None
    found = store.digests.get(due.account, due.end)
    assert found.by_function == {"upload": 5, "keyword": 1}
    assert found.by_person == ((by_admin.actor, 5), (stop.actor, 1))
    assert (found.reappearing, found.most_often) == (1, ((ONE, 3),))
    assert (found.waiting, found.oldest) == (1, store.uploads.get(account.id, held.id))
    assert found.expired == ()
    # A week later all of that is old.
    later = store.digests.get(account, due.end + timedelta(days=7))
    assert (later.by_function, later.reappearing, later.waiting) == ({}, 0, 1)


def test_one_of_many_replicas_sends_it(store: Store, account: Account) -> None:
    """Of several that look at once exactly one gets a week's digest; it comes up again only when nobody finished it."""
    wants(store, account.id, "C0ADMINS")
    at = next_monday()
    with ThreadPoolExecutor(8) as pool:
        got = [*pool.map(lambda number: store.digests.claim(at, owner=f"{number}", lease_seconds=60), range(8))]
    [due] = [one for one in got if one is not None]
    assert store.digests.claim(at, owner="late", lease_seconds=60) is None
    store.digests.done(due)
    assert store.digests.claim(at + timedelta(days=1), owner="late", lease_seconds=60) is None
    assert store.digests.claim(at + timedelta(days=7), owner="late", lease_seconds=60) is not None


def test_a_digest_that_was_taken_over_is_not_its_old_holders(store: Store, account: Account) -> None:
    """Whose lease ran out, and was taken over, cannot say that it was sent."""
    wants(store, account.id, "C0ADMINS")
    at = next_monday()
    first = store.digests.claim(at, owner="frozen", lease_seconds=-1)
    second = store.digests.claim(at, owner="awake", lease_seconds=60)
    assert first is not None
    assert second is not None
    assert second.lease.fence == first.lease.fence + 1
    with pytest.raises(LeaseLost):
        store.digests.done(first)
    store.digests.done(second)


def test_off_unless_wanted(store: Store, account: Account) -> None:
    """An account that chose no channel gets none."""
    assert store.digests.claim(next_monday(), owner="one", lease_seconds=60) is None
    wants(store, account.id, None)
    assert store.digests.claim(next_monday(), owner="one", lease_seconds=60) is None


def digests_of(office: Office) -> WeeklyDigests:
    client = AsyncWebClient(token=office.slack.bot_token, base_url=office.slack.api_url)
    return WeeklyDigests(office.store, Poster(office.store, OneClient(client), Pacing(0)), Tasks(), owner="test")


async def test_it_is_posted_in_the_admins_channel(office: Office) -> None:
    """Two replicas look at once, and again: one message."""
    await office.opt_out(ONE, TWO)
    wants(office.store, office.account.id, (await office.people.state()).channel(ADMINS).id)
    at = next_monday()
    first, second = digests_of(office), digests_of(office)
    assert sum(await asyncio.gather(first.send_due(at), second.send_due(at))) == 1
    assert await first.send_due(at) == 0
    [message] = (await office.people.state()).channel(ADMINS).messages
    assert "2 requests to opt a phone out" in message.text
    assert "2 by command" in message.all_text
    assert ONE not in message.all_text


@pytest.mark.wide
@pytest.mark.parametrize("fault", ["reset", "server_error", "html"])
async def test_slack_stumbles_over_a_digest(office: Office, fault: str) -> None:
    """A connection that drops while it is posted ends nothing: the next look sends it, once."""
    await office.opt_out(ONE)
    wants(office.store, office.account.id, (await office.people.state()).channel(ADMINS).id)
    await office.people.fault(method="chat.postMessage", fault=fault, times=2)
    digests = office.service.desk.digests
    digests.loop._wait = lambda _failures: 0.0
    digests.loop.poke()
    await office.people.until(lambda state: state.channel(ADMINS).messages or None)
    digests.loop.poke()
    assert digests.loop.alive
    assert await digests.send_due(datetime.now(UTC)) == 0
    [message] = (await office.people.state()).channel(ADMINS).messages
    assert message.text.startswith("*The week <!date^")


async def test_a_channel_without_the_bot(office: Office) -> None:
    """Where Slack does not let it be posted, it is not tried every minute until the next week."""
    wants(office.store, office.account.id, (await office.people.state()).channel("field-private").id)
    at = next_monday()
    assert await digests_of(office).send_due(at) == 1
    assert await digests_of(office).send_due(at + timedelta(hours=1)) == 0


def test_slack_takes_the_longest_digest(store: Store, account: Account) -> None:
    """Within Slack's limits; names are shown as text and numbers masked."""
    upload = dataclasses.replace(waiting(store, account, "F1"), file_name="<!channel>" * 30)
    people = tuple((Actor(f"x{number}", "<!here> " * 20), 10**9) for number in range(5))
    often = tuple((f"+1212555010{number}", 10**6) for number in range(5))
    ways = {str(function): 10**9 for function in Function}
    found = Digest(account, datetime.now(UTC), ways, people, 10**9, often, (upload,) * 50, 50, upload)
    message = digest(found)
    assert problems_of(list(message.blocks), "message") == []
    shown = str(message.blocks)
    assert "<!channel" not in shown
    assert "<!here" not in shown
    assert "5550100" not in shown
