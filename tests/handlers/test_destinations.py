"""Destinations, as admins make and see them, and how opt-outs pass on to a webhook whatever its far side does."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot import app
from bot.config import Settings
from bot.sandbox import EmbeddedSlack, Outcome, SandboxMessage
from bot.sandbox.blocks import view_problems
from handlers.views import destinations as views
from handlers.work import passing, webhooks
from store import Actor, Destination, DestinationKind, DestinationState, Function, NewDestination, Origin, Scope, Store
from store.dialects import from_now
from store.models import destinations
from tests.entries import latest_entries
from tests.handlers.conftest import ADMINS, Office, at_work, on_both_databases
from tests.handlers.test_keys import everything, home_of, view_of
from tests.handlers.test_settings import opened as settings_opened
from tests.handlers.work.receiver import Receiver, hangs, is_endless, receiving, says
from tests.patience import PATIENCE

ONE, TWO, THREE = "+12125550100", "+12125550101", "+12125550102"
pytestmark = pytest.mark.wide_but_first
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
async def office(slack: EmbeddedSlack, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Office]:
    """A desk at work that passes on to addresses of this machine, and tries again at once."""
    monkeypatch.setattr(passing, "SCHEDULE", (0.01,))
    async with at_work(slack, settings.model_copy(update={"private_destinations": "on"})) as office:
        yield office


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A far side."""
    async with receiving() as receiver:
        yield receiver


async def form_of(office: Office, action: str = views.OPEN) -> dict[str, Any]:
    """The form of a new destination, as an admin has it open, from the settings."""
    settings = await settings_opened(office, "admin")
    assert (await office.people.click_in_view("admin", settings["id"], action)).ok
    return await view_of(office, "admin", "Make it")


async def filled(office: Office, **values: Any) -> dict[str, Any]:
    """What such a form is sent with: *values* by the names of their fields, and a channel."""
    channel = (await office.people.state()).channel(ADMINS).id
    return {f"destination.{name}": value for name, value in ({"channel": channel} | values).items()}


async def make(office: Office, view: dict[str, Any], receiver: Receiver, **values: Any) -> Outcome:
    sent = await filled(office, **({"name": "Bridge", "address": receiver.url} | values))
    return await office.people.submit("admin", view["id"], sent)


async def made_behind(office: Office, kind: DestinationKind, **values: Any) -> Destination:
    """A destination that was made behind Slack's back."""
    channel = (await office.people.state()).channel(ADMINS).id
    wanted = NewDestination(kind=kind, channel=channel, **({"address": ""} | values))
    by = Origin(Function.SETTING, await office.actor("admin"))
    return office.store.destinations.make(office.account.id, wanted, by)


async def behind(office: Office, receiver: Receiver, **values: Any) -> Destination:
    one = await made_behind(office, DestinationKind.WEBHOOK, name="Bridge", address=receiver.url, **values)
    receiver.secret = one.secret or ""
    return one


async def until(office: Office, check: Callable[[Destination], bool]) -> Destination:
    """Wait until the destination is as *check* wants it."""

    def one() -> Destination:
        [there] = office.store.destinations.list_of(office.account.id)
        return there

    await eventually(office, lambda: check(one()))
    return one()


async def eventually(office: Office, check: Callable[[], object]) -> None:
    """Wait until *check* is true, which looks at what Slack does not see change: its long poll paces the looks."""
    async with asyncio.timeout(PATIENCE):
        while not check():
            state = await office.people.state()
            await office.people.state(after=state.version, timeout=0.02)


async def up_to_now(office: Office) -> Destination:
    return await until(office, lambda one: one.cursor is not None and not one.cursor.whole and one.waiting == 0)


async def retried_within_the_hour(office: Office, said: str = "it answered 429") -> None:
    """A far side that asks for an hour has it, which an admin sees and cuts short."""
    await until(office, lambda one: one.problem is not None)
    with office.store.database.read() as connection:
        query = sa.select(destinations.c.next_at > from_now(3_500), destinations.c.next_at < from_now(3_700))
        assert connection.execute(query).one() == (True, True)
    message = await shown(office)
    assert said in message.all_text
    await office.press("admin", message, views.RETRY)
    await up_to_now(office)


def set_row(office: Office, **values: Any) -> None:
    with office.store.database.write() as connection:
        connection.execute(sa.update(destinations).values(**values))


async def shown(office: Office) -> SandboxMessage:
    return await office.ask_alone("admin", "passing")


# Making one


@on_both_databases
async def test_the_secret_is_shown_once_and_the_list_goes(
    office: Office, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever makes a destination sees its secret once; the list goes there, signed with it, then each change with its state."""
    await office.opt_out(ONE, TWO)
    assert (await make(office, await form_of(office), receiver)).ok
    view = await view_of(office, "admin", "Copy its secret now")
    [receiver.secret] = SECRET.findall(str(view))
    await up_to_now(office)
    assert receiver.copy == {ONE: True, TWO: True}
    await office.opt_out(THREE)
    office.store.optouts.delete(office.account.id, ONE, Origin(Function.DELETE, await office.actor("admin")))
    await up_to_now(office)
    assert receiver.copy == {ONE: False, TWO: True, THREE: True}
    headers, body = receiver.got[-1]
    assert {name.lower() for name in headers} >= {"webhook-id", "webhook-timestamp", "webhook-signature"}
    told = json.loads(body)
    assert told["type"] == "optouts.changed"
    assert "Harbor" not in body.decode()
    assert office.account.slack_id not in body.decode()
    assert receiver.secret not in capsys.readouterr().out
    assert receiver.secret not in str(
        [one.all_text for one in (await office.people.state()).channel(ADMINS).everything]
    )
    made = next(one for one in latest_entries(office.store, office.account.id, 9) if one.function == Function.SETTING)
    assert made.reason == "opt-outs are passed on to Bridge, to 127.0.0.1"
    await office.people.close("admin", view["id"])


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"name": "  "}, "name", "1 to 40 characters"),
        ({"address": "example.org/hook"}, "address", "no web address"),
        ({"address": " "}, "address", "no web address"),
        ({"address": "ftp://example.org/"}, "address", "no web address"),
        ({"address": "https://user:pw@example.org/"}, "address", "signed instead"),
        ({"address": "https://example.org:99999/"}, "address", "no web address"),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(
    office: Office, receiver: Receiver, values: dict[str, Any], field: str, said: str
) -> None:
    """Nothing is made while a field is wrong."""
    outcome = await make(office, await form_of(office), receiver, **values)
    assert said in outcome.errors[f"destination.{field}"]
    assert office.store.destinations.list_of(office.account.id) == ()


async def test_without_the_setting_only_https_is_taken(slack: EmbeddedSlack, settings: Settings) -> None:
    """An address without TLS is refused at its field."""
    async with at_work(slack, settings) as office:
        outcome = await make(office, await form_of(office), Receiver(url="http://example.org/hook"))
    assert outcome.errors["destination.address"] == "Give an address that begins with https://."


# What people see


async def test_passing_and_home_say_how_far_it_is(office: Office, receiver: Receiver) -> None:
    """Up to now; paused with what waits, in the clock too; on again; removed, and its secret with it."""
    assert "passed on to nobody" in (await shown(office)).all_text
    await behind(office, receiver)
    await office.opt_out(ONE)
    await up_to_now(office)
    message = await shown(office)
    assert "up to now" in message.all_text
    told = len((await office.people.state()).ephemerals("admin"))
    await office.press("admin", message, views.PAUSE)
    assert "paused" in (await office.told("admin", told)).all_text
    await office.opt_out(TWO)
    assert "paused · 1 change waits" in (await shown(office)).all_text
    assert receiver.opted_out == {ONE}
    await office.people.home("admin")
    home = await home_of(office, "1 change waits")
    assert view_problems(home) == []
    assert "; 1 request waits to be taken." in str(home)
    assert (await office.people.click_in_view("admin", home["id"], views.RETRY)).ok
    await up_to_now(office)
    assert receiver.opted_out == {ONE, TWO}
    await home_of(office, "Until it was passed on: half of 2 requests")
    home = await home_of(office, "up to now")
    assert (await office.people.click_in_view("admin", home["id"], views.REMOVE)).ok
    await eventually(office, lambda: not office.store.destinations.list_of(office.account.id))
    assert receiver.secret not in everything(office.store)


async def test_a_look_up_says_who_was_told(office: Office, receiver: Receiver) -> None:
    """For an admin who looks one number up: who was told of how it is now and when, and for whom it waits and why; for no other."""
    await office.opt_out(ONE, TWO)
    await behind(office, receiver)
    await up_to_now(office)
    told = re.compile(r"Passed on to Bridge<!date\^[0-9]+\^, ")
    assert told.search((await office.ask("admin", f"search {ONE}")).all_text)
    receiver.answers = [says(500)] * 10_000
    office.store.optouts.delete(office.account.id, ONE, Origin(Function.DELETE, await office.actor("admin")))
    await until(office, lambda one: one.problem is not None)
    waits = (await office.ask("admin", f"search {ONE}")).all_text
    assert "Bridge: waits<!date^" in waits
    assert ", because it answered 500" in waits
    assert told.search((await office.ask("admin", f"search {TWO}")).all_text)
    assert "Bridge" not in (await office.ask("admin", f"search {THREE}")).all_text
    assert "Bridge" not in (await office.ask("support", f"search {TWO}")).all_text


async def test_a_test_says_what_came_back(office: Office, receiver: Receiver) -> None:
    """A signed message without a phone goes at once; the answer's status and first words are shown as they are."""
    await behind(office, receiver)
    message = await shown(office)
    for answer, said in (
        (None, "took a signed test* and answered 204"),
        (says(500), "it answered 500* It said: `no room`"),
    ):
        receiver.answers = [answer] if answer else []
        told = len((await office.people.state()).ephemerals("admin"))
        await office.press("admin", message, views.TEST)
        assert said.replace("500*", "500.") in (await office.told("admin", told)).all_text
        assert json.loads(receiver.got[-1][1])["type"] == "optouts.test"


@pytest.mark.wide
async def test_being_down_is_told_once_and_its_end(office: Office, receiver: Receiver) -> None:
    """After fifteen minutes the chosen channel is told why, once however often it fails since; and when it is over."""
    await behind(office, receiver)
    receiver.answers = [says(500)] * 10_000
    await office.opt_out(ONE)
    await until(office, lambda one: one.attempts > 1)
    set_row(office, failing_since=from_now(-timedelta(minutes=16).total_seconds()))
    office.service.desk.passing.telling.poke()

    def told(words: str) -> Callable[[Any], list[SandboxMessage] | None]:
        return lambda state: [one for one in state.channel(ADMINS).messages if words in one.text] or None

    [down] = await office.people.until(told("do not get through to Bridge"))
    assert "it answered 500" in down.text
    await until(office, lambda one: one.told_at is not None)
    receiver.answers = []
    await up_to_now(office)
    office.service.desk.passing.telling.poke()
    assert len(await office.people.until(told("takes opt-outs again"))) == 1
    assert len(told("do not get through")(await office.people.state()) or ()) == 1


# The far side


@pytest.mark.wide
async def test_it_may_lose_every_second_answer(office: Office, receiver: Receiver) -> None:
    """What it took without saying so is told again; at the end it has exactly the list."""
    await behind(office, receiver)
    receiver.loses = lambda number: number % 2 == 1
    for phone in (ONE, TWO, THREE):
        await office.opt_out(phone)
        await up_to_now(office)
    office.store.optouts.delete(office.account.id, TWO, Origin(Function.DELETE, await office.actor("admin")))
    await up_to_now(office)
    assert receiver.copy == {ONE: True, TWO: False, THREE: True}
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert len(set(ids)) < len(ids), "a message that is sent again has its id"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (says(500), "it answered 500"),
        (says(302, location="http://127.0.0.1:1/"), "it leads elsewhere (302)"),
        (hangs, "it did not answer within"),
    ],
)
async def test_what_it_does_not_take_waits_and_says_why(
    office: Office, receiver: Receiver, answer: Any, said: str
) -> None:
    """A failure, a redirect, which is not followed, and an answer that never comes: tried again, and taken then."""
    sender = webhooks.WebhookSender(allows_private=True, seconds=0.3)
    office.service.desk.passing.senders = {DestinationKind.WEBHOOK: sender}
    await behind(office, receiver)
    receiver.answers = [answer] * 10_000
    await office.opt_out(ONE)
    assert said in ((await until(office, lambda one: one.problem is not None)).problem or "")
    receiver.answers = []
    await up_to_now(office)
    assert receiver.opted_out == {ONE}


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "behind"])
async def test_it_is_signed_by_the_databases_clock(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    """A machine whose clock is an hour off signs what a receiver takes, which refuses what is older than five minutes, or to come."""

    class Off(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Off":
            return cls.fromtimestamp(datetime.now(tz).timestamp() + off.total_seconds(), tz)

    real = time.time
    monkeypatch.setattr(webhooks, "datetime", Off)
    monkeypatch.setattr(time, "time", lambda: real() + off.total_seconds())
    await behind(office, receiver)
    await office.opt_out(ONE)
    await up_to_now(office)
    assert receiver.opted_out == {ONE}
    assert receiver.verified == len(receiver.got)


async def test_a_success_is_one_whatever_it_says(office: Office, receiver: Receiver) -> None:
    """A 200 with an error in it, or with a body that never ends, was taken."""
    await behind(office, receiver)
    receiver.answers = [says(200), is_endless]
    for phone in (ONE, TWO):
        await office.opt_out(phone)
        await up_to_now(office)
    # The desk does not read to the end of what never ends, which the receiver notices a little later.
    await eventually(office, lambda: receiver.opted_out == {ONE, TWO})
    assert len(receiver.got) == 2


async def test_what_is_cut_off_while_stopping_is_given_back(
    slack: EmbeddedSlack, settings: Settings, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A desk that stops while the far side hangs leaves the destination to whoever looks next, as no failure."""
    monkeypatch.setattr(app, "DRAIN_SECONDS", 0.1)
    receiver.answers = [hangs]
    async with at_work(slack, settings.model_copy(update={"private_destinations": "on"})) as office:
        await behind(office, receiver)
        await office.opt_out(ONE)
        await eventually(office, lambda: receiver.got)
    store = Store.open(settings.database_url)
    again = store.destinations.claim("another", lease_seconds=60)
    store.close()
    assert again is not None
    assert (again.attempts, again.problem) == (0, None)


async def test_what_goes_wrong_in_the_desk_waits_too(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw is logged once and said, not tried again at once without an end; *Retry* tries."""
    await behind(office, receiver)
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(webhooks, "Webhook", lambda _secret: 1 / 0)
        await office.opt_out(ONE)
        one = await until(office, lambda one: one.problem is not None)
        message = await shown(office)
    assert one.problem == "something went wrong in the desk, whose log says what"
    assert one.attempts == 1
    await office.press("admin", message, views.RETRY)
    await up_to_now(office)
    assert receiver.opted_out == {ONE}
    assert sum(one["event"] == "background task failed" for one in logs) == 1


async def test_410_stops_it_until_a_person_goes_on(office: Office, receiver: Receiver) -> None:
    """It is told in the channel, nothing more is sent, and *Go on* begins where it stopped."""
    await behind(office, receiver)
    receiver.answers = [says(410)]
    await office.opt_out(ONE)
    await until(office, lambda one: one.state is DestinationState.REFUSED)
    await office.people.until(
        lambda state: any("wants nothing any more (410)" in one.text for one in state.channel(ADMINS).messages)
    )
    await office.opt_out(TWO)
    message = await shown(office)
    assert "stopped: it said that it wants nothing any more (410)" in message.all_text
    assert len(receiver.got) == 1
    office.service.desk.passing.telling.poke()
    await until(office, lambda one: one.told_at is not None)
    await office.press("admin", message, views.RETRY)
    await up_to_now(office)
    assert receiver.opted_out == {ONE, TWO}
    office.service.desk.passing.telling.poke()
    await office.people.until(
        lambda state: any("takes opt-outs again.* up to now" in one.text for one in state.channel(ADMINS).messages)
    )


async def test_its_retry_after_is_obeyed(office: Office, receiver: Receiver) -> None:
    """Who asks for an hour is left alone for it; *Retry* asks at once."""
    await behind(office, receiver)
    receiver.answers = [says(429, retry_after="3600")]
    await office.opt_out(ONE)
    await retried_within_the_hour(office)
    assert receiver.opted_out == {ONE}


async def test_what_it_reported_itself_does_not_come_back(office: Office, receiver: Receiver) -> None:
    """What its own key opted out or allowed is not told to it; what others did about the same phone is."""
    origin = Origin(Function.SETTING, await office.actor("admin"))
    key = office.store.keys.make(office.account.id, "bridge key", [Scope.OPT_OUT], None, origin).key
    await behind(office, receiver, key_name="bridge key")
    theirs = Origin(Function.KEYWORD, key.actor())
    await up_to_now(office)
    office.store.optouts.add(office.account.id, [ONE, TWO], theirs)
    await up_to_now(office)
    assert receiver.got == []
    await office.opt_out(THREE)
    by = Origin(Function.DELETE, await office.actor("admin"), reason="wrote that she wants texts again")
    office.store.optouts.delete(office.account.id, ONE, by)
    await up_to_now(office)
    assert receiver.copy == {ONE: False, THREE: True}


# The network


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0x7f.1"]
)
async def test_no_name_leads_into_the_own_network(
    receiver: Receiver, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is connected to was looked at, whatever the address is called; nothing arrives, with or without TLS."""
    sender = webhooks.WebhookSender(allows_private=False)
    monkeypatch.setattr(sender, "why_not", lambda _address: None)
    url = receiver.url.replace("127.0.0.1", host)
    one = Destination(
        *(
            1,
            "x",
            DestinationKind.WEBHOOK,
            "x",
            url,
            None,
            "whsec_eA==",
            None,
            "C1",
            DestinationState.ON,
            None,
            None,
            0,
        ),
        *(None, None, None, Actor("U1", "admin")),
    )
    answered = await sender.send_test(one)
    await sender.close()
    assert answered.problem in {webhooks.PRIVATE, "its address cannot be used", "no connection to it can be made"}
    assert receiver.got == []
