"""App Home: what it shows to whom, and that it follows what happens."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.sandbox import State
from bot.sandbox.blocks import view_problems
from handlers.views import home as views
from store import Account, Actor, Function, Origin, Store, Summary
from tests.handlers.conftest import Office, on_both_databases
from tests.handlers.test_files import LIST, drop, says
from tests.patience import PATIENCE

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
    assert "with a form on" in message.thread[0].all_text
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
