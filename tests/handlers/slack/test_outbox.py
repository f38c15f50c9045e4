"""Answers are given once: when Slack's word is lost, when the process dies after the ack, and when an event comes twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from slack_sdk.web.async_client import AsyncWebClient

from bot import app
from bot.config import Settings
from bot.doctor import examine
from bot.metrics import exposition
from bot.sandbox import SandboxMessage, State
from bot.serve import running
from handlers.slack import posting
from handlers.slack.errors import MOST_DEATHS
from handlers.slack.messages import Message
from handlers.slack.outbox import MOST_AT_ONCE, Answer, Answers
from handlers.slack.pacing import BURST
from handlers.slack.places import Place
from handlers.slack.posting import EVENT_TYPE, POSTED
from store import Store
from tests.entries import latest_entries
from tests.handlers.conftest import ADMINS, TICKETS, Office, on_both_databases
from tests.patience import PATIENCE

ONE, TWO = "+12125550100", "+12125550101"
# So many that their answer has a reply.
FOUR = f"{ONE}, {TWO}, +12125550102, +12125550103"


def answers_in(state: State, channel: str = ADMINS) -> list[SandboxMessage]:
    """What the desk posted in *channel* outside of threads."""
    return [message for message in state.channel(channel).messages if message.handle == "optout"]


async def settled(office: Office) -> None:
    """Wait until nobody has an answer left to give."""
    # The database says nothing when it changes: the looks are paced by Slack's long poll.
    async with asyncio.timeout(PATIENCE):
        while waiting(office.store):
            state = await office.people.state()
            await office.people.state(after=state.version, timeout=0.05)


async def opted_out(office: Office, count: int) -> None:
    """Wait until so many phones are opted out."""
    async with asyncio.timeout(PATIENCE):
        while office.store.optouts.count(office.account.id) != count:
            state = await office.people.state()
            await office.people.state(after=state.version, timeout=0.05)


def waiting(store: Store) -> bool:
    with store.database.read() as connection:
        found = connection.exec_driver_sql(
            "SELECT 1 FROM inbox WHERE state = 'pending' UNION ALL SELECT 1 FROM outbox WHERE state IN ('pending', 'extra')"
        ).first()
    return found is not None


@pytest.mark.wide
@pytest.mark.parametrize("fault", ["lost_answer", "reset", "server_error", "html"])
async def test_an_answer_is_posted_once_whatever_slack_says(office: Office, fault: str) -> None:
    """Posted and its answer lost, or not posted at all: it is there once, with its details in its thread, and linked."""
    await office.people.fault(method="chat.postMessage", fault=fault, times=1)
    assert (await office.people.command("admin", ADMINS, f"/optout add {FOUR}")).ok
    await settled(office)
    [message] = answers_in(await office.people.state())
    assert len(message.thread) == 1
    [entry] = latest_entries(office.store, office.account.id, 9)
    assert entry.message_ts == message.ts
    with office.store.database.read() as connection:
        kept = connection.exec_driver_sql("SELECT payload FROM outbox").scalars().all()
    assert kept == [None, None], "an answer that was given is forgotten"
    assert not (await office.people.state()).ephemerals("admin")


@pytest.mark.wide
async def test_a_lost_answer_whose_event_comes_late(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack tells of the first copy when a second one is posted already: it is taken away again, and its thread is whole."""
    monkeypatch.setattr(posting, "PATIENCE_SECONDS", 0.05)
    await office.people.fault(delivery="event", fault="late", seconds=1.5, times=1)
    await office.people.fault(method="chat.postMessage", fault="lost_answer", times=1)
    assert (await office.people.command("admin", ADMINS, f"/optout add {FOUR}")).ok
    await office.people.until(lambda state: len(answers_in(state)) == 2)
    await office.people.until(lambda state: len(answers_in(state)) == 1)
    [message] = answers_in(await office.people.state())
    assert len(message.thread) == 1
    [call] = await office.people.calls("chat.delete")
    assert call["answer"]["ok"]


@asynccontextmanager
async def dying(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Inside, what the desk acknowledges is not answered any more, as if it died right after."""

    async def dies(_self: Answers, answer: Any) -> None:
        # With a process its turns to post go too; this one lives on, and may be who takes up what is left.
        if answer is not None and answer.turn is not None:
            answer.turn.leave()

    with monkeypatch.context() as patch:
        patch.setattr(Answers, "give", dies)
        yield


@pytest.mark.wide
async def test_dead_right_after_the_ack(office: Office, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes next says what was done: of a command, a button with what it settles, a modal and a mention."""
    await office.opt_out(ONE)
    question = await office.ask("admin", f"delete {ONE}")
    async with dying(monkeypatch):
        assert (await office.people.command("admin", ADMINS, f"/optout add {TWO}")).ok
        assert (await office.people.click("admin", question, "optout.delete")).ok
        mention = await office.people.message(
            "support", TICKETS, f"<@{office.slack.bot_user_id}> opt out +12125550102", raw=True
        )
        await opted_out(office, 2)
    state = await office.people.state()
    assert [message.ts for message in answers_in(state)] == [question.ts]
    turned_back(office.store)
    later = settings.model_copy(update={"lease_seconds": 1.0})
    async with running(later, office.store) as second:
        await second.connected(10)
        await settled(office)
    state = await office.people.state()
    [asked, added] = answers_in(state)
    assert "555-0101" in added.text
    assert not asked.buttons
    assert asked.text == question.text
    assert len(asked.thread) == 1
    assert mention.ts is not None
    assert len(state.replies(mention.ts)) == 1


def turned_back(store: Store) -> None:
    """Let every lease of an answer be over."""
    with store.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE outbox SET lease_until = '2026-01-01 00:00:00.000000' WHERE state = 'pending'"
        )


async def test_what_waits_for_a_channel_keeps_no_other_account_waiting(
    office: Office, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More answers than are given at once wait for their turn in one channel: that of another account is given meanwhile."""
    monkeypatch.setattr(app, "DRAIN_SECONDS", 0.1)
    office.service.desk.answers.loop.stop()
    other = office.store.accounts.get_or_create("T0OTHER")
    state, actor = await office.people.state(), await office.actor("admin")
    for account, channel, count in ((office.account, ADMINS, MOST_AT_ONCE + 10), (other, TICKETS, 1)):
        place = Place(actor=actor, channel_id=state.channel(channel).id, client=AsyncWebClient())
        for number in range(count):
            payload = Answer(place, Message.of(f"answer {number}"), None, f"left {number}").to_json()
            office.store.outbox.keep(account.id, f"left {number} 0", payload, lease_seconds=0)
    slow = settings.model_copy(update={"post_seconds": 60.0})
    async with running(slow, office.store):
        await office.people.until(lambda state: bool(answers_in(state, TICKETS)))
    assert len(answers_in(await office.people.state())) <= BURST


async def test_a_forged_event_of_a_post(office: Office) -> None:
    """What another app posts under our names neither suppresses an answer nor has anything taken away."""
    feed = office.slack.platform.feed
    channel = office.slack.platform.workspace.channel(ADMINS)
    ticket_bot = office.slack.platform.workspace.user("ticket-bot")
    forged = {
        "app_id": "A0FORGED",
        "user_id": ticket_bot.id,
        "team_id": office.slack.team_id,
        "channel_id": channel.id,
        "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": "anything 0"}},
        "message_ts": "1.000001",
        "event_ts": "1.000001",
    }
    [attempt] = feed.emit(POSTED, forged, channel=channel)
    assert (await attempt).acknowledged
    assert office.store.outbox.find(office.account.id, "anything 0") is None


async def test_without_the_scope_answers_still_come(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app installed before it was asked for hears of no post: an answer whose word was lost comes, if need be twice."""
    monkeypatch.setattr(posting, "PATIENCE_SECONDS", 0.05)
    office.slack.set_manifest(scopes=set(office.slack.platform.app.scopes) - {"metadata.message:read"})
    await office.ask("admin", f"add {ONE}")
    await office.people.fault(method="chat.postMessage", fault="lost_answer", times=1)
    assert (await office.people.command("admin", ADMINS, f"/optout add {TWO}")).ok
    await settled(office)
    assert len(answers_in(await office.people.state())) == 3


async def test_a_command_answered_alone_needs_nothing_but_its_ack(office: Office) -> None:
    """What is for the asker alone is the acknowledgement itself: one message, and no call of Slack's that could fail."""
    outcome = await office.people.command("admin", ADMINS, "/optout help")
    assert "blocks" in outcome.response
    [message] = (await office.people.state()).ephemerals("admin")
    assert "/optout add" in message.all_text
    assert await office.people.calls("response_url") == []


@pytest.mark.wide_but_first
@pytest.mark.parametrize("fault", ["html", "error", "reset", "server_error"])
async def test_a_refusal_whose_response_url_is_out_of_order(office: Office, fault: str) -> None:
    """A page or an error in place of an answer, with status 200, is no delivery: the asker is told another way."""
    await office.opt_out(ONE)
    question = await office.ask("admin", f"delete {ONE}")
    before = len((await office.people.state()).ephemerals("support"))
    await office.people.fault(method="response_url", fault=fault, times=-1)
    await office.press("support", question, "optout.delete")
    assert "Only admins can allow texts again" in (await office.told("support", before)).text


@pytest.mark.wide
async def test_an_answer_for_an_account_never_seen(office: Office) -> None:
    """Whoever is first to hear of an account gives it the default country, also when that is the keeping of an answer."""
    channel = (await office.people.state()).channel(ADMINS).id
    place = Place(actor=await office.actor("admin"), channel_id=channel, client=AsyncWebClient())
    body = {"team_id": "T0NEVERSEEN", "team_domain": "new"}
    answer = await office.service.desk.answers.keep(body, place, Message.of("done"), key="1")
    assert answer is not None
    assert answer.kept is not None
    assert answer.kept.account_id == office.store.accounts.get_or_create("T0NEVERSEEN", "new").id
    assert office.store.accounts.get_or_create("T0NEVERSEEN", "new").country == "US"


@on_both_databases
async def test_an_answer_costs_four_write_transactions(office: Office) -> None:
    """Opting out, keeping the answer, its head, and the rest with its end: no more, and no call of Slack's besides."""
    await office.ask("admin", f"add {ONE}")  # who the admin is, and what channel it is, is known from here on
    await settled(office)
    writes: list[str] = []

    def begun(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("write") is not None:
            writes.append("write")

    before = Counter(call["method"] for call in await office.people.calls())
    sa.event.listen(office.store.database.engine, "begin", begun)
    try:
        await office.ask("admin", f"add {FOUR}", replies=1)
        await settled(office)
    finally:
        sa.event.remove(office.store.database.engine, "begin", begun)
    calls = Counter(call["method"] for call in await office.people.calls())
    assert calls - before == Counter({"chat.postMessage": 2, "chat.getPermalink": 1})
    assert len(writes) <= 4


@pytest.mark.wide
@on_both_databases
async def test_a_row_that_cannot_be_read_is_discarded_and_stops_no_other(office: Office, settings: Settings) -> None:
    """Damaged ones are set aside with the reason; one with fields of another release is given; what follows is too."""
    outbox, account = office.store.outbox, office.account.id
    channel = (await office.people.state()).channel(ADMINS).id
    place = Place(actor=await office.actor("admin"), channel_id=channel, client=AsyncWebClient())
    good = Answer(place, Message.of("from another release"), None, "good").to_json()
    newer = good | {"key": "newer", "invented": {"later": 1}}
    newer["message"] = newer["message"] | {"tone": "kind"}
    newer["place"] = newer["place"] | {"tab": "home", "actor": newer["place"]["actor"] | {"pronouns": "they"}}
    damaged: tuple[dict[str, Any], ...] = (
        {},
        {"key": "x"},
        good | {"message": None},
        good | {"place": []},
        {"extra": "of before"},
    )
    for number, payload in enumerate(damaged):
        assert outbox.keep(account, f"damaged {number} 0", payload, lease_seconds=-1)
    assert outbox.keep(account, "newer 0", newer, lease_seconds=-1)
    office.service.desk.answers.loop.poke()
    await office.people.until(lambda state: any(one.text == "from another release" for one in answers_in(state)))
    await settled(office)
    backlog = outbox.backlog()
    assert (backlog.waiting, sum(backlog.discarded.values())) == (0, len(damaged))
    assert all(reason.startswith("UnreadableRowError: it is no answer") for reason in backlog.discarded)
    said = [finding for finding in await examine(settings) if finding.sentence.startswith("Outbox:")]
    assert not all(finding.good for finding in said)
    assert b'optout_discarded{table="outbox"} 5.0' in await exposition(office.service.branches, {})
    await office.ask("admin", f"add {ONE}")


@pytest.mark.wide_but_first
async def test_an_answer_waits_out_any_outage(office: Office) -> None:
    """However often it was tried, an answer that waits for Slack is given when Slack is back."""
    await office.people.fault(method="chat.postMessage", fault="server_error", times=-1)
    assert (await office.people.command("admin", ADMINS, f"/optout add {ONE}")).ok
    async with asyncio.timeout(PATIENCE):
        while not await office.people.calls("chat.postMessage"):
            state = await office.people.state()
            await office.people.state(after=state.version, timeout=0.05)
    with office.store.database.write() as connection:
        connection.exec_driver_sql("UPDATE outbox SET attempts = 500")
    await office.people.clear_faults()
    await office.people.until(lambda state: answers_in(state) or None)
    await settled(office)
    assert office.store.outbox.backlog().discarded == {}


@pytest.mark.wide
async def test_an_answer_that_ends_every_process_is_set_aside(office: Office) -> None:
    """What so many processes in a row died of is not given again, and stays for a person with the reason."""
    outbox, account = office.store.outbox, office.account.id
    office.service.desk.answers.loop.stop()
    assert outbox.keep(account, "deadly 0", {"key": "deadly"}, owner="desk 0", lease_seconds=-1)
    for number in range(1, MOST_DEATHS + 1):
        message = outbox.claim(f"desk {number}", lease_seconds=-1)
        assert message is not None
        assert message.deaths == number
    office.service.desk.answers.loop.start()
    await office.people.until(lambda _: outbox.backlog().discarded or None)
    assert outbox.backlog().discarded == {
        f"DeskDied: {MOST_DEATHS + 1} processes in a row ended in the middle of it": 1
    }
