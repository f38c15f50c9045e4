"""App Home: what it shows to whom, and that it follows what happens."""

import asyncio
import dataclasses
import itertools
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.sandbox import State
from bot.sandbox.blocks import view_problems
from bot.sandbox.rates import RateLimits
from bot.sandbox.workspace import new_id
from handlers import home
from handlers.home import PUBLISHES_A_MINUTE, PUBLISHES_AT_ONCE, SECONDS_BETWEEN_LOOKS
from handlers.slack.token_bucket import TokenBucket
from handlers.views import home as views
from store import Account, Actor, Function, Origin, Store, Summary
from tests.handlers.conftest import Office, on_both_databases
from tests.handlers.test_files import LIST, drop, says
from tests.patience import PATIENCE
from tests.store.test_uploads import DROPPER, received

ONE, TWO = "+12125550100", "+12125550101"


async def shows(office: Office, user: str, words: str) -> dict[str, Any]:
    """Wait until the Home of *user* says *words*."""

    def there(state: State) -> dict[str, Any] | None:
        home = state.home(user)
        return home if home is not None and words in str(home) else None

    return await office.people.until(there)


async def test_home_shows_the_list_at_a_glance(office: Office) -> None:
    """Counts, requests by function, the latest uploads and what waits; and it changes while it is open."""
    await office.opt_out(ONE)
    stop = Origin(Function.KEYWORD, Actor("platform", "platform"))
    office.store.optouts.add(office.account.id, [ONE, TWO], stop)
    assert (await office.people.home("admin")).ok
    home = await shows(office, "admin", "*2 phones must not be texted.*")
    assert "Last 7 days: 3 requests to opt out" in str(home)
    assert "2 replied STOP" in str(home)
    assert "No list has been uploaded yet" in str(home)
    assert "*United States*" in str(home)
    await says(office, await drop(office, LIST), "to opt out")
    await shows(office, "admin", "1 list waits for an admin's yes")
    office.store.optouts.delete(office.account.id, ONE, Origin(Function.DELETE, await office.actor("admin")))
    await shows(office, "admin", "*1 phone must not be texted.*")


async def test_home_opens_the_forms(office: Office) -> None:
    """Its buttons open the forms; what a form did is written to the person, for no channel was named."""
    assert (await office.people.home("support")).ok
    home = await shows(office, "support", "form.add")
    assert (await office.people.click_in_view("support", home["id"], "form.add")).ok
    view = await office.people.until(lambda state: next(iter(state.views("support")), None))
    assert (await office.people.submit("support", view["id"], {"form.numbers": "212 555 0100"})).ok

    def written(state: State) -> Any:
        direct = state.direct("support")
        return (
            next((m for m in direct.messages if "1 phone opted out" in m.text and m.thread), None) if direct else None
        )

    message = await office.people.until(written)
    assert "with a form<!date" in message.thread[0].all_text
    entry = office.store.optouts.find(office.account.id, ONE).standing[0].entry
    assert entry.channel_id is None


async def test_strangers_and_guests_see_nothing(office: Office) -> None:
    """Whoever may not use the desk finds one sentence in its Home, and no count."""
    await office.opt_out(ONE)
    for user, sentence in (("guest", "Guests cannot"), ("stranger", "not people of other organisations")):
        await office.people.home(user)
        home = await shows(office, user, sentence)
        assert "must not be texted" not in str(home)
        assert "form.add" not in str(home)


@pytest.mark.wide
@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "error", "error": "internal_error", "times": 1},
        {"fault": "reset", "times": 3},
        {"fault": "server_error", "times": 3},
        {"fault": "html", "times": 1},
    ],
    ids=lambda fault: str(fault["fault"]),
)
async def test_slack_stumbles_over_a_home(office: Office, fault: dict[str, Any]) -> None:
    """Whatever goes wrong while a Home is published again, it is tried again with the next look."""
    assert (await office.people.home("admin")).ok
    await shows(office, "admin", "*0 phones must not be texted.*")
    await office.people.fault(method="views.publish", **fault)
    await office.opt_out(ONE)
    await shows(office, "admin", "*1 phone must not be texted.*")


def test_slack_takes_a_full_home() -> None:
    """The longest names and the largest numbers are within Slack's limits, and nothing in them is markup."""
    account = Account(1, "T1", "<!channel> " * 40, None, 10**9)
    many = {str(function): 10**9 - number for number, function in enumerate(Function)}
    view = views.home(account, Summary(10**9, many, many, (), 99, datetime.now(UTC)), role="admin")
    assert view_problems(view) == []
    assert "1,000,000,000 phones" in str(view)


def test_requests_are_counted_by_function(store: Store, account: Account, by_admin: Origin) -> None:
    """Each reason counts, of this account only; deletes and remarks are no requests."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(account.id, [ONE, TWO], by_admin)
    store.optouts.add(other.id, [ONE], by_admin)
    store.optouts.add(account.id, [ONE], Origin(Function.KEYWORD, by_admin.actor))
    before = store.summaries.version(account.id)
    store.optouts.delete(account.id, ONE, Origin(Function.DELETE, by_admin.actor))
    found = store.summaries.get(account.id)
    assert found.week == found.month == {"command": 2, "keyword": 1}
    assert (found.opted_out, found.waiting, found.waiting_since, found.latest) == (1, 0, None, ())
    assert store.summaries.version(account.id) != before


@pytest.mark.wide
@on_both_databases
async def test_a_publishing_that_comes_late(office: Office) -> None:
    """What Slack shows later than what was asked of it afterwards is published over: Home does not stay as it was."""
    await office.opt_out(ONE)
    await office.people.home("admin")
    await shows(office, "admin", "*1 phone must not be texted.*")
    before = len(await office.people.calls("views.publish"))
    await office.people.fault(method="views.publish", fault="slow", seconds=600)
    opening = asyncio.create_task(office.people.home("admin"))
    async with asyncio.timeout(PATIENCE):
        while await office.people.faults():
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)
    await office.opt_out(TWO)
    await shows(office, "admin", "*2 phones must not be texted.*")
    await office.people.clear_faults()
    await opening

    async def published() -> list[str]:
        return [str(call["arguments"]) for call in (await office.people.calls("views.publish"))[before:]]

    async with asyncio.timeout(PATIENCE):
        while not any("*1 phone must not" in one for one in await published()):
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)
        while "*2 phones must not" not in (await published())[-1]:
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)
    await shows(office, "admin", "*2 phones must not be texted.*")


async def viewers(office: Office, count: int) -> list[str]:
    """Members of the workspace, *count* of them, who all look at their Home."""
    users = office.slack.platform.workspace.users
    support = next(user for user in users.values() if user.handle == "support")
    names = [f"viewer-{number}" for number in range(count)]
    for name in names:
        user = dataclasses.replace(support, id=new_id("U"), handle=name)
        users[user.id] = user
    for name in names:
        assert (await office.people.home(name)).ok
        await shows(office, name, "must not be texted")
    return names


async def published_to(office: Office, after: int) -> list[str]:
    """The ids of those to whom Home was published, in order, after the first *after* calls."""
    return [call["arguments"]["user_id"] for call in (await office.people.calls("views.publish"))[after:]]


class Clock:
    """Seconds that pass when told to, or when somebody waits for them."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.wide
async def test_fifty_viewers_of_a_list_that_changes_all_the_time(office: Office) -> None:
    """
    Slack never has to refuse a call, with fifty Homes open and a change at each look for two minutes.

    Everybody's Home is published again meanwhile, and shows what is so at the end.
    """
    clock, desk = Clock(), office.service.desk
    desk.home.loop.stop()
    office.slack.platform.rates = RateLimits(enforced=True, speed=1.0, clock=clock)
    desk.home._pace = TokenBucket(PUBLISHES_A_MINUTE, PUBLISHES_AT_ONCE, clock=clock, sleep=clock.sleep)
    names = await viewers(office, 50)
    stop = Origin(Function.KEYWORD, Actor("platform", "platform"))
    before, began, changes = len(await office.people.calls("views.publish")), clock.now, 0
    while clock.now < began + 120:
        changes += 1
        await asyncio.to_thread(office.store.optouts.add, office.account.id, [f"+1212555{changes:04}"], stop)
        await desk.home._keep_current()
        clock.now += SECONDS_BETWEEN_LOOKS
    seen = Counter(await published_to(office, before))
    assert len(seen) == 50
    assert min(seen.values()) >= 2
    assert 100 <= seen.total() <= 2 * PUBLISHES_A_MINUTE + PUBLISHES_AT_ONCE
    clock.now += 60
    for _ in range(3):
        await desk.home._keep_current()
        clock.now += 60
    for name in names:
        await shows(office, name, f"*{changes} phones must not be texted.*")
    assert [key for key in desk.calls.counts if key[1] == "ratelimited"] == []


async def test_who_did_something_sees_it_first(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there are calls for one Home only, it is that of whoever changed the list, though others wait for longer."""
    names = await viewers(office, 4)
    before = len(await office.people.calls("views.publish"))
    monkeypatch.setattr(office.service.desk.home, "_pace", TokenBucket(0.001, 1))
    await office.opt_out(ONE, by=names[-1])
    office.service.desk.home.loop.poke()
    await shows(office, names[-1], "*1 phone must not be texted.*")
    assert await published_to(office, before) == [(await office.actor(names[-1])).id]


@pytest.mark.wide
async def test_nobody_waits_for_ever(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who changes the list all the time does not keep the Homes of others as they were."""
    names = await viewers(office, 4)
    monkeypatch.setattr(home, "HEAD_START", 0.2)
    monkeypatch.setattr(office.service.desk.home, "_pace", TokenBucket(1_200, 1))
    monkeypatch.setattr(office.service.desk.home.loop, "_every", 0.02)
    office.service.desk.home.loop.poke()
    before = len(await office.people.calls("views.publish"))
    ids = {(await office.actor(name)).id for name in names}
    async with asyncio.timeout(PATIENCE):
        for number in itertools.count():
            await office.opt_out(f"+1212555{number % 10_000:04}", by=names[0])
            seen = Counter(await published_to(office, before))
            if all(seen[user] >= 3 for user in ids):
                break


def test_who_acted_last(store: Store, account: Account, by_admin: Origin) -> None:
    """People by the moment of their newest entry or drop, of this account only."""
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(other.id, [ONE], dataclasses.replace(by_admin, actor=Actor("U0OTHER", "other")))
    store.optouts.add(account.id, [ONE], by_admin)
    first = store.summaries.acts(account.id)
    assert list(first) == [by_admin.actor.id]
    received(store, account)
    store.optouts.add(account.id, [TWO], by_admin)
    acts = store.summaries.acts(account.id)
    assert set(acts) == {by_admin.actor.id, DROPPER.id}
    assert acts[by_admin.actor.id] >= acts[DROPPER.id] >= first[by_admin.actor.id]
