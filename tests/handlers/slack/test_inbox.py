"""Events: kept before the ack, handled once however they come, and taken up again when nobody finished them."""

import asyncio
from typing import Any

import pytest

from bot.config import Settings
from bot.doctor import examine
from bot.sandbox import State
from handlers.slack.errors import MOST_DEATHS
from handlers.slack.payloads import installation_of
from store import Function, Origin, move_account
from tests.entries import opted_out
from tests.handlers.conftest import TICKETS, Office, on_both_databases
from tests.handlers.test_files import LIST, UPLOADS, drop, says, settled
from tests.patience import PATIENCE

MENTION = "@optout stop these"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A lease that is over soon: what is left undone is taken up after a second."""
    return settings.model_copy(update={"lease_seconds": 1.0})


async def handled_once(office: Office, ts: str) -> None:
    """One upload and one message in the thread of *ts*, and no event that waits to be taken up."""
    await says(office, ts, "3 phones to opt out")
    await settled(office)
    await all_done(office)
    assert len(office.store.uploads.list(office.account.id, 9)) == 1
    assert len((await office.people.state()).replies(ts)) == 1


async def all_done(office: Office) -> None:
    """Wait until no event that Slack sent is left undone."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with office.store.database.read() as connection:
                left = connection.exec_driver_sql("SELECT count(*) FROM inbox WHERE state = 'pending'").scalar_one()
            if not left:
                return
            await office.people.state(after=(await office.people.state()).version, timeout=0.1)


def mention(office: Office, ts: str, user: str) -> dict[str, Any]:
    """An `app_mention` as Slack sometimes sends it: without the files of its message."""
    return {"type": "app_mention", "user": user, "text": f"<@{office.slack.bot_user_id}> stop these", "ts": ts}


@pytest.mark.wide
@pytest.mark.parametrize("fault", ["duplicate", "reorder", "late"])
@pytest.mark.parametrize(("channel", "text"), [(UPLOADS, ""), (UPLOADS, MENTION), (TICKETS, MENTION)])
async def test_however_events_come(office: Office, fault: str, channel: str, text: str) -> None:
    """Doubled, overtaken or late, with a mention or without: one list, one message."""
    times = 1 if fault == "reorder" else -1
    await office.people.fault(delivery="event", fault=fault, times=times, seconds=0.3)
    await handled_once(office, await drop(office, LIST, channel=channel, text=text))


@pytest.mark.wide
@pytest.mark.parametrize(("channel", "text"), [(UPLOADS, ""), (TICKETS, MENTION)])
async def test_where_it_was_shared_is_known_late(office: Office, channel: str, text: str) -> None:
    """Slack says that a file was shared before it says where: the answer still goes to the right thread."""
    await office.people.fault(file="late_shares", seconds=0.5)
    await handled_once(office, await drop(office, LIST, channel=channel, text=text))


@pytest.mark.wide
async def test_a_mention_without_its_files_after_them(office: Office) -> None:
    """The file's event came first: the mention alone makes it a list."""
    ts = await drop(office, LIST, channel=TICKETS)
    await all_done(office)
    platform = office.slack.platform
    channel = next(found for found in platform.workspace.channels.values() if found.name == TICKETS)
    platform.feed.emit("app_mention", mention(office, ts, (await office.actor("admin")).id) | {"channel": channel.id})
    await handled_once(office, ts)


@pytest.mark.wide
async def test_a_mention_without_its_files_before_them(office: Office) -> None:
    """The mention came first: no pointer is given, and the file is a list once its event is there."""
    await office.people.fault(delivery="event", fault="late", seconds=0.2)
    dropping = asyncio.create_task(drop(office, LIST, channel=TICKETS))

    def there(state: State) -> str | None:
        messages = state.channel(TICKETS).messages
        return messages[0].ts if messages else None

    ts = await office.people.until(there)
    platform = office.slack.platform
    channel = next(found for found in platform.workspace.channels.values() if found.name == TICKETS)
    platform.feed.emit("app_mention", mention(office, ts, (await office.actor("admin")).id) | {"channel": channel.id})
    assert await dropping == ts
    await handled_once(office, ts)


@pytest.mark.wide
async def test_a_mention_does_not_take_an_earlier_file(office: Office) -> None:
    """A file dropped a minute before, in another message, is not what a mention is about."""
    await drop(office, LIST, channel=TICKETS)
    outcome = await office.people.message("admin", TICKETS, "@optout hello")
    assert outcome.ts is not None

    def answered(state: State) -> bool:
        return any(one.text.startswith("Drop a CSV") for one in state.ephemerals("admin"))

    await office.people.until(answered)
    # The file's dropper is asked about it alone, as of any list without a word.
    assert [one for one in office.store.uploads.list(office.account.id, 9) if not one.choices.alone] == []


@pytest.mark.wide
async def test_an_event_whose_process_died(office: Office) -> None:
    """An event that was kept and acknowledged, and never handled, is taken up and handled."""
    await office.people.configure(events=["app_mention"])
    ts = await drop(office, LIST)
    state = await office.people.state()
    channel, file = state.channel(UPLOADS).id, state.files[-1]["id"]
    user = (await office.actor("admin")).id
    event = {"type": "file_shared", "file_id": file, "user_id": user, "channel_id": channel}
    body = {
        "type": "event_callback",
        "event_id": "Ev0LEFT",
        "team_id": office.slack.team_id,
        "api_app_id": office.slack.app_id,
        "event": event,
        "authorizations": [{"team_id": office.slack.team_id, "user_id": office.slack.bot_user_id, "is_bot": True}],
    }
    assert office.store.inbox.keep(office.account.id, "Ev0LEFT", "file_shared", channel, body, lease_seconds=0)
    await handled_once(office, ts)


@pytest.mark.wide
@on_both_databases
async def test_an_event_from_before_a_move(office: Office) -> None:
    """What was kept for a workspace that is another installation's now waits, and is done once its list is moved."""
    store, slack = office.store, office.slack
    old = store.accounts.get_or_create("T0OLD", "Harbor Campaign", country="US")
    state = await office.people.state()
    user, channel = (await office.actor("admin")).id, state.channel(TICKETS).id
    said = await office.people.message("admin", TICKETS, "a ticket")
    assert said.ts is not None
    body = {
        "type": "event_callback",
        "event_id": "Ev0OLD",
        "team_id": "T0OLD",
        "api_app_id": slack.app_id,
        "event": mention(office, said.ts, user)
        | {"channel": channel, "text": f"<@{slack.bot_user_id}> add 212 555 0142"},
        "authorizations": [{"team_id": "T0OLD", "user_id": slack.bot_user_id, "is_bot": True}],
    }
    assert store.inbox.keep(old.id, "Ev0OLD", "app_mention", channel, body, lease_seconds=0)

    async def until(sql: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                with store.database.read() as connection:
                    if connection.exec_driver_sql(sql).scalar_one():
                        return
                office.service.desk.events.loop.poke()
                await office.people.state(after=(await office.people.state()).version, timeout=0.05)

    await until("SELECT count(*) FROM inbox WHERE event_id = 'Ev0OLD' AND attempts >= 2 AND owner IS NULL")
    assert (store.optouts.count(old.id), store.optouts.count(office.account.id)) == (0, 0)
    by = Origin(Function.SETTING, await office.actor("admin"))
    assert move_account(store.database, "T0OLD", slack.team_id, by).replaces is not None
    with store.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE inbox SET lease_until = '2026-01-01 00:00:00+00:00' WHERE event_id = 'Ev0OLD'"
        )
    await until("SELECT count(*) FROM inbox WHERE event_id = 'Ev0OLD' AND state = 'done'")
    assert opted_out(store, old.id) == ["+12125550142"]
    assert [found.slack_id for found in store.accounts.list()] == [slack.team_id]
    await says(office, said.ts, "(212) 555-0142 opted out")


@pytest.mark.wide
async def test_an_event_that_cannot_be_read_stops_no_other(office: Office) -> None:
    """The loop goes on after an event whose payload no listener understands."""
    broken = {
        "type": "event_callback",
        "event_id": "Ev0BROKEN",
        "team_id": office.slack.team_id,
        "event": {"type": "x"},
    }
    for number in range(2):
        body = broken | {"event_id": f"Ev0BROKEN{number}", "event": {"type": "file_shared"}}
        office.store.inbox.keep(office.account.id, f"Ev0BROKEN{number}", "file_shared", None, body, lease_seconds=0)
    ts = await drop(office, LIST)
    await says(office, ts, "3 phones to opt out")


@pytest.mark.wide
@on_both_databases
async def test_a_list_waits_out_any_outage(office: Office) -> None:
    """However often its event was tried, a list that was dropped while Slack was in trouble is taken when that is over."""
    await office.people.fault(method="files.info", fault="server_error", times=-1)
    ts = await drop(office, LIST)
    async with asyncio.timeout(PATIENCE):
        while not await office.people.calls("files.info"):
            await office.people.state(after=(await office.people.state()).version, timeout=0.05)
    with office.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE inbox SET attempts = 500")
    await office.people.clear_faults()
    await office.people.until(lambda state: any("3 phones to opt out" in reply.text for reply in state.replies(ts)))
    assert office.store.inbox.backlog().discarded == {}


@pytest.mark.wide
@on_both_databases
async def test_an_event_that_can_never_be_handled_is_discarded(office: Office, settings: Settings) -> None:
    """What no listener understands, and what is no event, is set aside with its reason and nobody's words, for `doctor` to say."""
    account = office.account.id
    body = {
        "type": "event_callback",
        "event_id": "Ev1",
        "team_id": office.slack.team_id,
        "event": {"type": "file_shared"},
    }
    office.store.inbox.keep(account, "Ev1", "file_shared", None, body, lease_seconds=-1)
    office.store.inbox.keep(account, "Ev2", "file_shared", None, {"event": None}, lease_seconds=-1)
    words = "call Ann Diaz at 212 555 0100"
    pressed = {
        "type": "block_actions",
        "team": {"id": office.slack.team_id},
        "user": {"id": (await office.actor("admin")).id},
        "trigger_id": "1.1",
        "container": {"type": "message", "message_ts": "1.1"},
        "channel": {"id": (await office.people.state()).channel(TICKETS).id},
        "actions": [{"type": "button", "action_id": "upload.stop", "block_id": "b", "value": words}],
    }
    office.store.inbox.keep(account, "trigger 1.1", "block_actions", None, pressed, lease_seconds=-1)
    with office.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE inbox SET attempts = 50")
    office.service.desk.events.loop.poke()
    await all_done(office)
    discarded = office.store.inbox.backlog().discarded
    kinds = {reason.partition(":")[0] for reason in discarded}
    assert kinds == {"KeyError", "UnreadableRowError", "ValueError"}
    said = [finding for finding in await examine(settings) if finding.sentence.startswith("Inbox:")]
    assert sum(not finding.good for finding in said) == 3
    assert "(ValueError: in handlers.uploads.UploadButtons._stop, line " in str(said)
    assert "Ann" not in str(said)
    assert "0100" not in str(said)
    ts = await drop(office, LIST)
    await says(office, ts, "3 phones to opt out")


@pytest.mark.wide
@pytest.mark.parametrize("fault", ["server_error", "html", "ratelimited", "reset"])
async def test_slack_stumbles_over_an_event(office: Office, fault: str) -> None:
    """An event that cannot be handled while Slack stumbles is taken up again, and the list is not lost."""
    await office.people.fault(method="files.info", fault=fault, times=4, retry_after=0)
    ts = await drop(office, LIST)
    await office.people.until(lambda state: any("3 phones to opt out" in reply.text for reply in state.replies(ts)))
    await settled(office)
    assert len(office.store.uploads.list(office.account.id, 9)) == 1


@pytest.mark.wide
async def test_events_nobody_asked_for(office: Office) -> None:
    """They are acknowledged at the first attempt, and done."""
    await office.people.configure(events=["app_mention", "file_shared", "file_deleted"])
    ts = await drop(office, LIST)
    await says(office, ts, "3 phones to opt out")
    await office.people.delete_file("admin", (await office.people.state()).files[-1]["id"])
    await all_done(office)
    sent = await office.people.deliveries("event")
    assert {one["name"] for one in sent} >= {"file_deleted", "file_shared"}
    assert all(len(one["attempts"]) == 1 for one in sent if one["acknowledged"])


@pytest.mark.wide
async def test_an_event_that_ends_every_process_is_set_aside(office: Office) -> None:
    """What so many processes in a row died of is not tried again, and stays for a person with the reason; others go on."""
    inbox, account = office.store.inbox, office.account.id
    office.service.desk.events.loop.stop()
    body = {"team_id": office.slack.team_id, "event": {"type": "message"}}
    assert inbox.keep(account, "EvDeadly", "message", None, body, owner="desk 0", lease_seconds=-1)
    for number in range(1, MOST_DEATHS + 1):
        event = inbox.claim(f"desk {number}", lease_seconds=-1)
        assert event is not None
        assert event.deaths == number
    office.service.desk.events.loop.start()
    await office.people.until(lambda _: inbox.backlog().discarded or None)
    backlog = inbox.backlog()
    assert backlog.discarded == {f"DeskDied: {MOST_DEATHS + 1} processes in a row ended in the middle of it": 1}
    assert backlog.waiting == 0


async def test_an_event_that_waits_adds_no_deaths(office: Office) -> None:
    """Given back, however often, an event is waited for; a death before is forgotten."""
    office.service.desk.events.loop.stop()
    inbox, account = office.store.inbox, office.account.id
    event = inbox.keep(
        account, "EvSlow", "message", None, {"event": {"type": "message"}}, owner="one", lease_seconds=-1
    )
    for owner in "abcdefghijkl":
        event = inbox.claim(owner, lease_seconds=60)
        assert event is not None
        assert event.deaths == (owner == "a")
        inbox.postpone(event, seconds=-1)


@pytest.mark.parametrize(
    ("body", "account"),
    [
        pytest.param({"team_id": "T1", "team_domain": "harbor"}, ("T1", "harbor"), id="command"),
        pytest.param({"team": {"id": "T1", "domain": "harbor"}, "user": {}}, ("T1", "harbor"), id="button"),
        pytest.param(
            {"team": {"id": "T2", "domain": "guests"}, "view": {"app_installed_team_id": "T1"}},
            ("T1", None),
            id="modal of somebody of another workspace",
        ),
        pytest.param(
            {"team": {"id": "T1", "domain": "harbor"}, "view": {"app_installed_team_id": "T1"}},
            ("T1", "harbor"),
            id="modal",
        ),
        pytest.param({"team": None, "user": {"team_id": "T2"}}, ("T2", None), id="button without a team"),
        pytest.param({"team_id": "T2", "authorizations": [{"team_id": "T1"}]}, ("T1", None), id="shared channel"),
        pytest.param(
            {"authorizations": [{"team_id": None, "enterprise_id": "E1", "is_enterprise_install": True}]},
            ("E1", None),
            id="event of an organisation",
        ),
        pytest.param(
            {"team_id": "T1", "is_enterprise_install": "true", "enterprise_id": "E1", "enterprise_name": "Org"},
            ("E1", "Org"),
            id="command of an organisation",
        ),
        pytest.param(
            {"is_enterprise_install": True, "enterprise": {"id": "E1", "name": "Org"}, "team": {"id": "T1"}},
            ("E1", "Org"),
            id="button of an organisation",
        ),
    ],
)
def test_whose_payload_it_is(body: dict[str, Any], account: tuple[str, str | None]) -> None:
    """The account is the organisation or workspace that installed the app, in every kind of payload."""
    assert installation_of(body) == account
