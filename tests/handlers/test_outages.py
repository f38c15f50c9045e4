"""An hour without Slack: what people asked for meanwhile is kept, done when it is back, and answered once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.config import Settings
from bot.sandbox import SandboxMessage, State
from handlers.slack.acknowledge import STILL_WORKING
from store import Account, Function, InboxEvent, Origin
from tests.entries import latest_entries
from tests.handlers.conftest import TICKETS, Office, on_both_databases
from tests.handlers.slack.test_outbox import settled as nothing_waits
from tests.handlers.test_files import LIST, UPLOADS, drop, says, settled
from tests.handlers.test_forms import form, submit
from tests.patience import PATIENCE

pytestmark = pytest.mark.usefixtures("slacks_patience")

ONE, TWO = "+12125550100", "+12125550101"
OUTAGES: dict[str, dict[str, Any]] = {
    "everything fails": {"method": "*", "fault": "server_error"},
    "connections are reset": {"method": "*", "fault": "reset"},
    "nobody is known": {"method": "users.info", "fault": "error", "error": "internal_error"},
    "no channel is known": {"method": "conversations.info", "fault": "html"},
    "calls come too early": {"method": "*", "fault": "ratelimited", "error": "rate_limited", "retry_after": 0},
    "calls come too early, in no JSON": {"method": "*", "fault": "ratelimited", "json": False, "retry_after": 0},
    "the token is revoked": {"method": "*", "fault": "error", "error": "token_revoked"},
    "the workspace moves": {"method": "*", "fault": "error", "error": "team_added_to_org"},
    "too many messages": {"method": "chat.postMessage", "fault": "error", "error": "message_limit_exceeded"},
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon: what waits is tried again after a second or two."""
    return settings.model_copy(update={"lease_seconds": 1.0})


@asynccontextmanager
async def outage(office: Office, fault: dict[str, Any]) -> AsyncIterator[None]:
    """Slack is away while the block runs, and for as many tries after it as there are in an hour."""
    await office.people.fault(**fault, times=-1)
    yield
    await tried_again(office)
    await office.people.clear_faults()


async def tried_again(office: Office) -> None:
    """
    Make what waits as old as after an hour of tries, and wait until all of it was tried once more, in vain.

    Only while nobody is at work on any of it: who is has one event as young as it was, and takes the others for older ones.
    """
    tables = {"inbox": "pending", "outbox": "pending"}
    async with asyncio.timeout(PATIENCE):
        while True:
            with office.store.database.write() as connection:
                for table, state in tables.items():
                    connection.exec_driver_sql(
                        f"UPDATE {table} SET attempts = 90, received_at = '2026-01-01 00:00:00' "
                        f"WHERE state = '{state}' AND attempts < 90 "
                        f"AND NOT EXISTS (SELECT 1 FROM {table} AS held WHERE held.owner IS NOT NULL)"
                    )
            with office.store.database.read() as connection:
                tries = [
                    connection.exec_driver_sql(f"SELECT min(attempts) FROM {table} WHERE state = '{state}'").scalar()
                    for table, state in tables.items()
                ]
            # Who was just asked about is known for a minute, and may opt out: then nothing waits.
            if all(tried is None or tried > 90 for tried in tries):
                return
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)


def nothing_lost(office: Office) -> None:
    """Nothing is discarded, and the count is exact."""
    assert office.store.inbox.backlog().discarded == {}
    assert office.store.outbox.backlog().discarded == {}
    assert office.store.optouts.count(office.account.id) == office.store.optouts.recount(office.account.id)


def told(state: State, user: str) -> list[SandboxMessage]:
    """All that *user* alone was told, but for the word that it goes on."""
    return [one for one in state.ephemerals(user) if one.text != STILL_WORKING]


@pytest.mark.wide_but_first
@on_both_databases
@pytest.mark.parametrize("what", OUTAGES)
async def test_a_mention_that_opts_out(office: Office, what: str) -> None:
    """It is done when Slack is back, once, and answered in its thread and nowhere else."""
    async with outage(office, OUTAGES[what]):
        said = await office.people.message("support", TICKETS, f"@optout opt out {ONE} because she asked")
        assert said.ok
    assert said.ts is not None
    await office.replies_to(said.ts, 1)
    await nothing_waits(office)
    state = await office.people.state()
    assert len(state.replies(said.ts)) == 1
    assert told(state, "support") == []
    assert len(office.store.optouts.find(office.account.id, ONE).standing) == 1
    nothing_lost(office)


@pytest.mark.wide
@pytest.mark.parametrize("what", ["nobody is known", "everything fails"])
async def test_a_direct_message(office: Office, what: str) -> None:
    """A number that was asked about directly is told there, once."""
    async with outage(office, OUTAGES[what]):
        assert (await office.people.message("support", "@bot", ONE)).ok

    def answers(state: State) -> list[SandboxMessage]:
        channel = state.direct("support")
        return [one for one in (channel.messages if channel else ()) if one.handle == "optout"]

    await office.people.until(answers)
    await nothing_waits(office)
    assert [one.text for one in answers(await office.people.state())] == [
        "*(212) 555-0100 is not opted out.* It is not on this list and never was."
    ]
    nothing_lost(office)


@pytest.mark.wide
@pytest.mark.parametrize("what", ["nobody is known", "everything fails", "no channel is known"])
@pytest.mark.parametrize(
    ("channel", "text", "words"),
    [
        pytest.param(UPLOADS, "", "3 phones to opt out", id="dropped"),
        pytest.param(TICKETS, "@optout these", "3 phones to opt out", id="with a mention"),
        pytest.param(TICKETS, "@optout scrub", "0 rows removed", id="to be scrubbed"),
    ],
)
async def test_a_list(office: Office, what: str, channel: str, text: str, words: str) -> None:
    """It is read when Slack is back, as what it was dropped for, and nobody is told that it was not."""
    async with outage(office, OUTAGES[what]):
        ts = await drop(office, LIST, channel=channel, text=text)
    await says(office, ts, words)
    await settled(office)
    await nothing_waits(office)
    assert len(office.store.uploads.list(office.account.id, 9)) == 1
    assert told(await office.people.state(), "admin") == []
    nothing_lost(office)


@pytest.mark.wide
async def test_home(office: Office) -> None:
    """Home that was opened meanwhile is there when Slack is back."""
    async with outage(office, OUTAGES["everything fails"]):
        assert (await office.people.home("admin")).ok
    await office.people.until(lambda state: state.home("admin"))
    await nothing_waits(office)
    nothing_lost(office)


async def _add(office: Office, fault: dict[str, Any]) -> None:
    found = await office.ask("support", f"search {ONE}", channel=TICKETS, replies=0)
    async with outage(office, fault):
        await office.press("support", found, "optout.add")
    await office.replies_to(found.ts, 1)


async def _delete(office: Office, fault: dict[str, Any]) -> None:
    await office.opt_out(ONE, TWO)
    asked = await office.ask("admin", f"delete {TWO}")
    async with outage(office, fault):
        await office.press("admin", asked, "optout.delete")
    await office.replies_to(asked.ts, 1)


async def _form(office: Office, fault: dict[str, Any]) -> None:
    view = await form(office, "support", "add", channel=TICKETS)
    async with outage(office, fault):
        assert (await submit(office, "support", view, numbers=ONE, cause="asked to stop")).acknowledged
    await office.people.until(
        lambda state: next(
            (one for one in state.channel(TICKETS).messages if "(212) 555-0100 opted out" in one.text), None
        ),
    )


async def _shortcut(office: Office, fault: dict[str, Any]) -> None:
    ticket = await office.people.message("admin", TICKETS, f"no more! {ONE}")
    assert ticket.ts is not None
    assert (await office.people.shortcut("support", "optout.check", channel=TICKETS, ts=ticket.ts)).acknowledged
    view = await office.people.until(
        lambda state: next((one for one in state.views("support") if one["callback_id"] == "optout.check"), None)
    )
    async with outage(office, fault):
        values = {"check.cause": "asked to stop", "check.phones.0": [ONE]}
        assert (await office.people.submit("support", view["id"], values)).acknowledged
    await office.replies_to(ticket.ts, 1)


async def _confirm(office: Office, fault: dict[str, Any]) -> None:
    ts = await drop(office, LIST)
    preview = await says(office, ts, "3 phones to opt out")
    await settled(office)
    async with outage(office, fault):
        await office.press("admin", preview, "upload.confirm")
    await says(office, ts, "*3 phones opted out*")
    await settled(office)


@pytest.mark.wide
@pytest.mark.parametrize("what", ["nobody is known", "everything fails"])
@pytest.mark.parametrize(
    ("act", "standing"),
    [
        pytest.param(_add, 1, id="opt out"),
        pytest.param(_delete, 1, id="delete"),
        pytest.param(_form, 1, id="form"),
        pytest.param(_shortcut, 1, id="shortcut"),
        pytest.param(_confirm, 1, id="confirm"),
    ],
)
async def test_buttons_and_forms(office: Office, act: Any, standing: int, what: str) -> None:
    """What was pressed or submitted is done when Slack is back, once, without a word that it was not."""
    await act(office, OUTAGES[what])
    await nothing_waits(office)
    assert len(office.store.optouts.find(office.account.id, ONE).standing) == standing
    state = await office.people.state()
    assert not any("try again" in one.text for user in ("support", "admin") for one in told(state, user))
    assert len({one.id for one in latest_entries(office.store, office.account.id, 9) if one.function != "command"}) <= 1
    nothing_lost(office)


@pytest.mark.wide
async def test_support_of_a_group_is_not_forgotten(office: Office) -> None:
    """A group of which Slack says nothing for a moment is not one without members."""
    support = await office.actor("support")
    account = office.store.accounts.get(office.account.id)
    office.store.accounts.change(
        account.id,
        Origin(Function.SETTING, support),
        country="US",
        settings=replace(account.settings, support="groups", support_groups=("S0SUPPORT",)),
        fingerprint=account.fingerprint,
    )
    await office.people.fault(method="usergroups.users.list", fault="server_error", times=-1)
    said = await office.people.message("support", TICKETS, f"@optout opt out {ONE}")
    assert said.ts is not None
    async with asyncio.timeout(PATIENCE):
        while len(await office.people.calls("usergroups.users.list")) < 4:
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)
    state = await office.people.state()
    assert told(state, "support") == []
    assert state.replies(said.ts) == []


def _kept(office: Office, account: Account, event: dict[str, Any], number: int) -> InboxEvent | None:
    key = f"Ev0POISON{number}"
    body = {
        "type": "event_callback",
        "event_id": key,
        "team_id": office.slack.team_id,
        "event": event,
        "authorizations": [{"team_id": office.slack.team_id, "user_id": office.slack.bot_user_id}],
    }
    return office.store.inbox.keep(account.id, key, event["type"], event["channel"], body, lease_seconds=0)


@pytest.mark.wide
async def test_what_can_never_be_done_is_told(office: Office) -> None:
    """An event that no listener can handle is set aside after some tries, and whoever sent it hears so, once, alone."""
    user, channel = (await office.actor("support")).id, (await office.people.state()).channel(TICKETS).id
    # A mention without a ts cannot be answered in its thread.
    _kept(office, office.account, {"type": "app_mention", "user": user, "channel": channel, "text": ONE}, 1)
    with office.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE inbox SET attempts = 20")
    office.service.desk.events.loop.poke()
    message = await office.told("support")
    assert message.text.startswith("Something went wrong on our side. Please quote `")
    await nothing_waits(office)
    assert len(told(await office.people.state(), "support")) == 1
    [why] = office.store.inbox.backlog().discarded
    assert why.startswith("KeyError: in handlers.")
