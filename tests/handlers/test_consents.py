"""Twilio's consents: as admins make a destination of them, and how opt-outs get there whatever Twilio does."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from twilio.rest import Client

from bot.config import Settings
from bot.sandbox import EmbeddedSlack
from handlers.slack.token_bucket import TokenBucket
from handlers.views import destinations as views
from handlers.work import consents, passing
from handlers.work.consents import ConsentSender
from store import (
    Actor,
    ChangeCursor,
    ChangedPhone,
    ChangesPage,
    Destination,
    DestinationKind,
    DestinationState,
    Function,
    Origin,
)
from store.models import destination_failures
from tests.handlers.conftest import Office, at_work, on_both_databases
from tests.handlers.test_destinations import (
    ONE,
    THREE,
    TWO,
    filled,
    form_of,
    made_behind,
    retried_within_the_hour,
    shown,
    until,
    up_to_now,
)
from tests.handlers.test_keys import everything, view_of
from tests.handlers.work.receiver import hangs
from tests.handlers.work.twilio_consents import (
    ACCOUNT,
    KEY,
    KEY_SECRET,
    SERVICE,
    TOKEN,
    TwilioConsents,
    fails,
    says,
    twilio_consents,
)

# Of a far side alone: how opt-outs are passed on is in test_destinations.py, for every change.
pytestmark = pytest.mark.wide

MADE = {"name": "Twilio", "address": SERVICE, "login": ACCOUNT, "secret": TOKEN}


@pytest.fixture
async def twilio() -> AsyncIterator[TwilioConsents]:
    """A Twilio."""
    async with twilio_consents() as twilio:
        yield twilio


@pytest.fixture
async def office(
    slack: EmbeddedSlack, settings: Settings, twilio: TwilioConsents, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    """A desk at work that passes on to that Twilio, without a pause between calls, and tries again at once."""
    monkeypatch.setattr(passing, "SCHEDULE", (0.01,))
    monkeypatch.setattr(consents, "A_MINUTE", 1e9)
    async with at_work(slack, settings.model_copy(update={"twilio_accounts_url": twilio.url})) as office:
        yield office


async def behind(office: Office, **values: Any) -> Destination:
    return await made_behind(office, DestinationKind.TWILIO, **(MADE | values))


async def allowed(office: Office, phone: str) -> None:
    by = Origin(Function.DELETE, await office.actor("admin"), reason="wrong number")
    office.store.optouts.delete(office.account.id, phone, by)


# Making one


@on_both_databases
async def test_the_list_goes_to_twilio_and_then_each_opt_out(
    office: Office, twilio: TwilioConsents, caplog: pytest.LogCaptureFixture
) -> None:
    """An admin makes it in Slack; the secret is shown to nobody again; whom the list has out is out at Twilio."""
    await office.opt_out(ONE, TWO)
    assert "stays blocked there until they text START" in str(view := await form_of(office, views.OPEN_TWILIO))
    assert (await office.people.submit("admin", view["id"], await filled(office, **MADE))).ok
    assert TOKEN not in str(await view_of(office, "admin", "is made"))
    await up_to_now(office)
    assert twilio.opted_out == {ONE, TWO}
    await office.opt_out(THREE)
    await up_to_now(office)
    assert twilio.opted_out == {ONE, TWO, THREE}
    since = office.store.changes.after(office.account.id, None).phones[0].since
    held = twilio.held[SERVICE, ONE]
    assert (held["source"], held["date_of_consent"]) == ("others", f"{since:%Y-%m-%dT%H:%M:%SZ}")
    assert TOKEN not in caplog.text
    assert TOKEN not in (await shown(office)).all_text


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"address": "AC" + "0b" * 16}, "address", "Give the SID of the Messaging Service, MG"),
        ({"address": "2125550100"}, "address", "or the number that sends"),
        ({"login": "MG" + "0b" * 16}, "login", "Give the account SID, AC"),
        ({"login": ACCOUNT.upper()}, "login", "0 to 9 and a to f"),
        ({"secret": "short"}, "secret", "16 to 200 characters"),
        ({"name": "  "}, "name", "1 to 40 characters"),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(
    office: Office, values: dict[str, Any], field: str, said: str
) -> None:
    """Nothing is made while a field is not of its form."""
    view = await form_of(office, views.OPEN_TWILIO)
    outcome = await office.people.submit("admin", view["id"], await filled(office, **(MADE | values)))
    assert said in outcome.errors[f"destination.{field}"]
    assert office.store.destinations.list_of(office.account.id) == ()


async def test_an_api_key_and_a_number_do_as_well(office: Office, twilio: TwilioConsents) -> None:
    """The login may be an API key's, and the sender one number."""
    await behind(office, login=KEY, secret=KEY_SECRET, address="+13125550000")
    await office.opt_out(ONE)
    await up_to_now(office)
    assert set(twilio.held) == {("+13125550000", ONE)}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "*Twilio took a test* and answered 201"),
        ({"secret": "0" * 32}, "it refuses the SID or the secret (401)"),
        ({"address": "MG" + "0c" * 16}, "Twilio says INVALID_SENDER_ID"),
    ],
)
async def test_a_test_changes_nothing_at_twilio(
    office: Office, twilio: TwilioConsents, values: dict[str, Any], said: str
) -> None:
    """A consent of nobody shows whether Twilio knows the account, and is not kept there."""
    await behind(office, **values)
    message = await shown(office)
    told = len((await office.people.state()).ephemerals("admin"))
    await office.press("admin", message, views.TEST)
    assert said in (await office.told("admin", told)).all_text
    assert twilio.held == {}


# What is not told


async def test_whom_the_desk_allows_again_stays_out_there(office: Office, twilio: TwilioConsents) -> None:
    """No opt-in is ever told, neither with the whole list nor after: to Twilio that is the contact's own consent."""
    await office.opt_out(ONE, TWO)
    await allowed(office, ONE)
    await behind(office)
    await up_to_now(office)
    assert twilio.opted_out == {TWO}
    await allowed(office, TWO)
    await office.opt_out(THREE)
    await up_to_now(office)
    assert "assed on to" not in (await office.ask("admin", f"search {TWO}")).all_text
    assert twilio.opted_out == {TWO, THREE}
    assert {item["status"] for items in twilio.told for item in items} == {"opt-out"}


# Pace


async def test_25_a_call_and_one_call_at_a_time(office: Office, twilio: TwilioConsents) -> None:
    """A list of 60 is three calls, of which none begins before the last was answered."""
    phones = {f"+1212555{number:04}" for number in range(60)}
    await office.opt_out(*sorted(phones))
    await behind(office)
    await up_to_now(office)
    assert twilio.opted_out == phones
    assert [len(items) for items in twilio.told] == [25, 25, 10]
    assert twilio.most_at_once == 1


async def test_no_more_calls_a_minute_than_twilio_takes() -> None:
    """Those at once and those of a minute are together no more than 100, and destinations of one account share them."""
    assert consents.A_MINUTE + consents.BURST <= 100
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    bucket = TokenBucket(consents.A_MINUTE, consents.BURST, clock=lambda: 0.0, sleep=sleep)
    for _ in range(consents.BURST + 1):
        await bucket.turn()
    assert slept == [pytest.approx(60 / consents.A_MINUTE)]


# The far side


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (fails(401, 20003), "it refuses the SID or the secret (401)"),
        (fails(403), "ask Twilio's support"),
        (fails(404, 20404), "ask Twilio's support"),
        (fails(500), "it answered 500"),
        (fails(302, location="http://127.0.0.1:1/"), "it answered 302"),
        (hangs, "it did not answer within"),
        (says("<html>"), "not what Twilio's documentation says"),
        (says("[" * 100_000), "not what Twilio's documentation says"),
        (says("{}"), "not what Twilio's documentation says"),
        (says('{"items": []}'), "not what Twilio's documentation says"),
        (says('{"items": [null, {"error_code": 0}]}', 200), "not what Twilio's documentation says"),
        (says('{"items": "' + "x" * 1_000_000 + '"}'), "not what Twilio's documentation says"),
    ],
)
async def test_what_it_does_not_take_waits_and_says_why(
    office: Office, twilio: TwilioConsents, answer: Any, said: str
) -> None:
    """Refusals, failures, an answer that never comes, and one that is none: tried again, and taken then."""
    sender = office.service.desk.passing.senders[DestinationKind.TWILIO]
    assert isinstance(sender, ConsentSender)
    sender.calls.seconds = 0.5
    await behind(office)
    twilio.answers = [answer] * 10_000
    await office.opt_out(ONE)
    assert said in ((await until(office, lambda one: one.problem is not None)).problem or "")
    twilio.answers = []
    await up_to_now(office)
    assert twilio.opted_out == {ONE}


async def test_its_retry_after_is_obeyed(office: Office, twilio: TwilioConsents) -> None:
    """Where Twilio asks for an hour it gets it; *Retry* asks at once."""
    await behind(office)
    twilio.answers = [fails(429, 20429, retry_after="3600")]
    await office.opt_out(ONE)
    await retried_within_the_hour(office)
    assert twilio.opted_out == {ONE}


async def test_it_may_lose_every_second_answer(office: Office, twilio: TwilioConsents) -> None:
    """What it took without saying so is told again; at the end it has exactly the list."""
    twilio.loses = lambda number: number % 2 == 1
    phones = {f"+1212555{number:04}" for number in range(60)}
    await behind(office)
    await office.opt_out(*sorted(phones))
    await up_to_now(office)
    assert twilio.opted_out == phones
    assert len(twilio.told) > 3


async def test_a_sender_that_twilio_does_not_know_is_no_phone_s_fault(office: Office, twilio: TwilioConsents) -> None:
    """Then nothing was taken, which is said once, and it goes on when Twilio knows it."""
    senders, twilio.senders = twilio.senders, set()
    await behind(office)
    await office.opt_out(ONE, TWO)
    one = await until(office, lambda one: one.problem is not None)
    assert one.problem == f"{SERVICE} is no sender of that account"
    assert one.not_taken == ()
    twilio.senders = senders
    await up_to_now(office)
    assert twilio.opted_out == {ONE, TWO}


# One phone


@on_both_databases
async def test_a_phone_that_is_not_taken_holds_up_no_other(
    office: Office, twilio: TwilioConsents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It alone waits, with why, and *Retry* tries it at once; the day it is taken nothing is left of it."""
    monkeypatch.setattr(passing, "SCHEDULE", (3_600.0,))
    twilio.refuses = lambda contact: "INVALID_CONTACT_ID" if contact == TWO else None
    await office.opt_out(ONE, TWO)
    await behind(office)
    one = await until(office, lambda one: bool(one.not_taken))
    assert [(some.problem, some.phones, some.first) for some in one.not_taken] == [
        ("Twilio knows no such number", 1, TWO)
    ]
    await office.opt_out(THREE)
    await until(office, lambda _one: twilio.opted_out == {ONE, THREE})
    assert "Passed on to Twilio<!date^" in (await office.ask("admin", f"search {ONE}")).all_text
    assert "Twilio does not take it<!date^" in (await office.ask("admin", f"search {TWO}")).all_text
    message = await shown(office)
    assert "1 not taken" in message.all_text
    assert "Twilio knows no such number" in message.all_text
    twilio.refuses = lambda _contact: None
    await office.press("admin", message, views.RETRY)
    await until(office, lambda one: not one.not_taken)
    assert twilio.opted_out == {ONE, TWO, THREE}
    assert rows(office) == 0


async def test_it_is_tried_again_by_itself_with_its_state_then(office: Office, twilio: TwilioConsents) -> None:
    """After a pause of the schedule's; a phone that was allowed texts meanwhile is not told, and waits no longer."""
    twilio.refuses = lambda contact: None if contact == ONE else "INTERNAL_SERVER_ERROR"
    await behind(office)
    await office.opt_out(ONE, TWO, THREE)
    await until(office, lambda one: sum(some.phones for some in one.not_taken) == 2)
    await allowed(office, THREE)
    await until(office, lambda one: [(some.first, some.phones) for some in one.not_taken] == [(TWO, 1)])
    twilio.refuses = lambda _contact: None
    await until(office, lambda one: not one.not_taken)
    assert twilio.opted_out == {ONE, TWO}


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"error_code": 30646, "error_messages": ["BRAND_NEW: no"]}, "Twilio says BRAND_NEW: no"),
        ({"error_code": 99999}, "Twilio says error 99999"),
        ({"error_code": 1, "error_messages": [None, 7]}, "Twilio says error 1"),
        (None, "Twilio says nothing of it"),
        ({"error_code": "0"}, "Twilio says nothing of it"),
    ],
)
async def test_only_what_twilio_says_it_took_is_taken(twilio: TwilioConsents, result: Any, said: str) -> None:
    """An error that nobody knows, and an answer that leaves a phone out, are no yes for that phone."""

    async def answer(request: web.Request) -> web.Response:
        first, second = (json.loads(str(text))["correlation_id"] for text in (await request.post()).getall("Items"))
        results = [{"correlation_id": first, "error_code": 0, "error_messages": []}]
        results += [] if result is None else [result | {"correlation_id": second}]
        return web.json_response({"items": results}, status=201)

    twilio.answers = [answer]
    sender = ConsentSender(url=twilio.url)
    phones = tuple(ChangedPhone(phone, True, None) for phone in (ONE, TWO))
    answered = await sender.send_page(one_at_twilio(), ChangesPage(phones, ChangeCursor(1), 1, more=False))
    await sender.close()
    assert (answered.problem, dict(answered.of_each)) == (None, {ONE: None, TWO: said})


async def test_what_is_removed_leaves_no_phone_behind(office: Office, twilio: TwilioConsents) -> None:
    """Its secret goes, and the phones that it did not take."""
    twilio.refuses = lambda _contact: "INVALID_CONTACT_ID"
    one = await behind(office)
    await office.opt_out(ONE)
    await until(office, lambda one: bool(one.not_taken))
    office.store.destinations.remove(office.account.id, one.id, Origin(Function.SETTING, await office.actor("admin")))
    assert rows(office) == 0
    assert TOKEN not in everything(office.store)


# Strangers


async def test_twilio_s_own_library_is_understood_alike(twilio: TwilioConsents) -> None:
    """What Twilio's Python library sends to the same Twilio is taken as the desk's is, and has the same form."""
    sender = ConsentSender(url=twilio.url)
    phone = ChangedPhone(ONE, True, None)
    await sender.send_page(one_at_twilio(), ChangesPage((phone,), ChangeCursor(1), 1, more=False))
    await sender.close()
    [[item]] = twilio.told
    client = Client(ACCOUNT, TOKEN)
    client.accounts.base_url = twilio.url.rstrip("/")
    made = await asyncio.to_thread(client.accounts.v1.bulk_consents.create, items=[item])
    assert made.items == [{"correlation_id": item["correlation_id"], "error_code": 0, "error_messages": []}]
    assert twilio.told[1] == twilio.told[0]
    ours, theirs = twilio.asked
    assert (ours.path, ours.content_type) == (theirs.path, theirs.content_type)
    assert ours.headers["Authorization"] == theirs.headers["Authorization"]


def one_at_twilio() -> Destination:
    """A destination that stands in no database."""
    return Destination(
        account_id=1,
        id="abcdefghij",
        kind=DestinationKind.TWILIO,
        name="Twilio",
        address=SERVICE,
        login=ACCOUNT,
        secret=TOKEN,
        key_name=None,
        channel="C1",
        state=DestinationState.ON,
        cursor=None,
        taken_at=None,
        attempts=0,
        problem=None,
        failing_since=None,
        told_at=None,
        made_by=Actor("U1", "admin"),
    )


def rows(office: Office) -> int:
    """How many phones wait by themselves."""
    with office.store.database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(destination_failures)).scalar_one()
