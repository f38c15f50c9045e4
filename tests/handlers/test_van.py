"""NGP VAN: as admins make a destination of it, and how opt-outs get there whatever VAN does."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web

from bot.config import Settings
from bot.sandbox import EmbeddedSlack
from handlers.views import destinations as views
from handlers.work import passing
from handlers.work import van as sending
from handlers.work.van import VanSender
from store import (
    ChangeCursor,
    ChangedPhone,
    ChangesPage,
    Destination,
    DestinationKind,
    Function,
    Origin,
)
from store.dialects import from_now
from store.models import destination_failures
from tests.handlers.conftest import Office, at_work, on_both_databases
from tests.handlers.test_consents import allowed, one_at_twilio, rows
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
from tests.handlers.work.twilio_consents import says
from tests.handlers.work.van import APPLICATION, KEY, Van, error, fails, van_people

# Of a far side alone: how opt-outs are passed on is in test_destinations.py, for every change.
pytestmark = pytest.mark.wide

NOBODY = "nobody is found in VAN by this number"
SEVERAL = "several people have this number in VAN: opt it out there for each of them, or merge them"
OTHER = "+12125550199"
MADE = {"name": "VAN", "login": APPLICATION, "secret": KEY}


@pytest.fixture
async def van(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Van]:
    """A VAN, of which is asked without a pause."""
    monkeypatch.setattr(sending, "A_MINUTE", 1e9)
    async with van_people() as van:
        yield van


@pytest.fixture
async def office(
    slack: EmbeddedSlack, settings: Settings, van: Van, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Office]:
    """A desk at work that passes on to that VAN, and tries again at once."""
    monkeypatch.setattr(passing, "SCHEDULE", (0.01,))
    async with at_work(slack, settings.model_copy(update={"van_api_url": van.url})) as office:
        yield office


async def behind(office: Office, **values: Any) -> Destination:
    return await made_behind(office, DestinationKind.VAN, **(MADE | values))


async def told_of(van: Van, *phones: ChangedPhone, seconds: float = 20.0) -> Any:
    """What a sender says of a page of *phones*."""
    sender = VanSender(url=van.url, seconds=seconds)
    one = replace(one_at_twilio(), kind=DestinationKind.VAN, login=APPLICATION, secret=KEY)
    answered = await sender.send_page(one, ChangesPage(phones, ChangeCursor(1), 1, more=False))
    await sender.close()
    return answered


def out(phone: str) -> ChangedPhone:
    return ChangedPhone(phone, True, None)


# Making one


@on_both_databases
async def test_the_list_goes_to_van_and_then_each_change(
    office: Office, van: Van, caplog: pytest.LogCaptureFixture
) -> None:
    """An admin makes it in Slack; the key is shown to nobody again; who is out is out there, and stays so."""
    van.add(ONE, OTHER)
    van.add(TWO)
    van.add(THREE, status="Opt-In")
    await office.opt_out(ONE, TWO)
    assert "stays opted out in VAN" in str(view := await form_of(office, views.OPEN_VAN))
    assert (await office.people.submit("admin", view["id"], await filled(office, **MADE))).ok
    assert KEY not in str(await view_of(office, "admin", "is made"))
    await up_to_now(office)
    assert van.opted_out == {ONE, TWO}
    await office.opt_out(THREE)
    await allowed(office, ONE)
    await up_to_now(office)
    assert list(van.people.values()) == [
        {ONE[2:]: "Opt-Out", OTHER[2:]: "Unknown"},
        {TWO[2:]: "Opt-Out"},
        {THREE[2:]: "Opt-Out"},
    ]
    # That it is allowed again is not VAN's to know.
    assert "assed on to" not in (await office.ask("admin", f"search {ONE}")).all_text
    assert "Passed on to VAN<!date^" in (await office.ask("admin", f"search {TWO}")).all_text
    assert KEY not in caplog.text
    assert KEY not in (await shown(office)).all_text


@pytest.mark.parametrize(
    ("values", "field", "said"),
    [
        ({"login": "acme texting"}, "login", "without blanks and colons"),
        ({"login": "acme:texting"}, "login", "without blanks and colons"),
        ({"secret": KEY.replace("|1", "|0")}, "secret", "give one for My Campaign"),
        ({"secret": "7c9e6679742540de944be07fc1f90ae7|1"}, "secret", "with four hyphens"),
        ({"secret": f"{KEY}|1"[:40]}, "secret", "with four hyphens"),
        ({"name": "  "}, "name", "1 to 40 characters"),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(
    office: Office, values: dict[str, Any], field: str, said: str
) -> None:
    """Nothing is made while a field is not of its form, or for a database in which people cannot be changed."""
    view = await form_of(office, views.OPEN_VAN)
    outcome = await office.people.submit("admin", view["id"], await filled(office, **(MADE | values)))
    assert said in outcome.errors[f"destination.{field}"]
    assert office.store.destinations.list_of(office.account.id) == ()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (KEY, "*VAN took a test*"),
        (KEY.removesuffix("|1"), "*VAN took a test*"),
        (KEY.replace("7", "8"), "it refuses the application name or the key (401)"),
    ],
)
async def test_a_test_changes_nothing_in_van(office: Office, van: Van, key: str, said: str) -> None:
    """A look for a number that is nobody's shows whether VAN knows the key."""
    await behind(office, secret=key)
    message = await shown(office)
    told = len((await office.people.state()).ephemerals("admin"))
    await office.press("admin", message, views.TEST)
    assert said in (await office.told("admin", told)).all_text
    assert van.written == []


# What is told


@pytest.mark.parametrize("status", ["Opt-Out", "Opt-In", "Unknown"])
async def test_who_is_allowed_is_left_as_it_stands(van: Van, status: str) -> None:
    """Only opt-outs are told: one in VAN may be another product's, and to allow is no consent."""
    van.add(ONE, status=status)
    answered = await told_of(van, ChangedPhone(ONE, False, None))
    assert (answered.problem, dict(answered.of_each), van.asked) == (None, {ONE: None}, [])


async def test_what_is_out_is_not_written_again(van: Van) -> None:
    """The list told once more changes nothing in VAN."""
    van.add(ONE, status="Opt-Out")
    await told_of(van, out(ONE))
    assert van.written == []


async def test_a_foreign_number_is_not_asked_for(van: Van) -> None:
    """Ten digits of another country would be somebody else's in North America."""
    van.add("+14512345678")
    answered = await told_of(van, out("+4512345678"))
    assert (van.asked, van.opted_out) == ([], set())
    assert "North America alone" in answered.of_each["+4512345678"]


async def test_a_person_who_does_not_have_the_number_is_left_alone(van: Van) -> None:
    """Where VAN names somebody who does not have it, nothing is added to them."""
    person = van.add(OTHER)
    van.breaks = lambda path, _body: web.json_response({"vanId": person}) if "findByPhone" in path else None
    answered = await told_of(van, out(ONE))
    assert "who does not have it" in answered.of_each[ONE]
    assert van.written == []


# Nobody and several


@on_both_databases
async def test_nobody_and_several_wait_for_a_person(office: Office, van: Van) -> None:
    """They wait, in words, hold up no other and are looked at a day later; *Retry* looks at once."""
    van.add(ONE)
    several = [van.add(TWO), van.add(TWO, OTHER)]
    await office.opt_out(ONE, TWO, THREE)
    await behind(office)
    one = await until(office, lambda one: len(one.not_taken) == 2)
    assert {(some.problem, some.phones, some.first) for some in one.not_taken} == {
        (SEVERAL, 1, TWO),
        (NOBODY, 1, THREE),
    }
    assert van.opted_out == {ONE}
    with office.store.database.read() as connection:
        columns = destination_failures.c.next_at > from_now(86_000), destination_failures.c.next_at < from_now(90_000)
        assert set(connection.execute(sa.select(*columns))) == {(True, True)}
    message = await shown(office)
    assert "several people have this number in VAN" in message.all_text
    assert NOBODY in message.all_text
    del van.people[several[1]]
    van.add(THREE)
    await office.press("admin", message, views.RETRY)
    await until(office, lambda one: not one.not_taken)
    assert van.opted_out == {ONE, TWO, THREE}
    assert rows(office) == 0


async def test_who_is_allowed_again_waits_no_longer(office: Office, van: Van) -> None:
    """Nobody need look any more."""
    await office.opt_out(ONE)
    await behind(office)
    await until(office, lambda one: bool(one.not_taken))
    await allowed(office, ONE)
    await until(office, lambda one: not one.not_taken and one.waiting == 0)
    assert van.written == []


async def test_a_number_that_van_does_not_take_is_that_phone_s(van: Van) -> None:
    """400 says why, and the others pass."""
    van.add(ONE)
    answered = await told_of(van, out(ONE), out("+11125550100"))
    assert answered.of_each == {
        ONE: None,
        "+11125550100": "VAN does not take it for a number: Phone number is not valid.",
    }


# Pace


async def test_no_more_requests_than_a_key_may_have() -> None:
    """Those at once and those of a second are together no more than the 15 that were seen."""
    assert sending.A_MINUTE / 60 + sending.BURST <= 15


async def test_its_retry_after_is_obeyed(office: Office, van: Van) -> None:
    """Where VAN asks for an hour it gets it; *Retry* asks at once."""
    van.add(ONE)
    await behind(office)
    van.answers = [fails(429, retry_after="3600")]
    await office.opt_out(ONE)
    await retried_within_the_hour(office, "more often than it allows (429)")
    assert van.opted_out == {ONE}


# The far side


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (fails(401), "it refuses the application name or the key (401)"),
        (fails(403), "does not let this key find or change people (403)"),
        (fails(500), "it answered 500"),
        (fails(302), "not what VAN's documentation says"),
        (says("<html>", 404), "not what VAN's documentation says"),
        (says("<html>", 302), "not what VAN's documentation says"),
        (says("[" * 90_000, 200), "not what VAN's documentation says"),
        (says("{}", 200), "not what VAN's documentation says"),
        (says("null", 200), "not what VAN's documentation says"),
        (says('{"vanId": true}', 200), "not what VAN's documentation says"),
        (
            says('{"errors": [{"code": "INTERNAL_SERVER_ERROR", "text": "no"}]}', 200),
            "not what VAN's documentation says",
        ),
        (says('{"vanId": "' + "x" * 1_000_000 + '"}', 200), "not what VAN's documentation says"),
    ],
)
@pytest.mark.parametrize("step", [0, 1, 2])
@pytest.mark.wide
async def test_what_it_does_not_take_is_said(van: Van, answer: Any, said: str, step: int) -> None:
    """Refusals, failures and answers that are none, to each request of a phone: nothing is taken for a yes."""
    van.add(ONE)

    async def passes(request: web.Request) -> web.StreamResponse:
        return van._answer(request, await request.json() if request.method == "POST" else None)

    van.answers = [passes] * step + [answer] * 10
    answered = await told_of(van, out(ONE))
    assert said in answered.problem
    assert van.written == []


async def test_one_that_hangs_is_given_up(van: Van) -> None:
    """After its time, and not asked a second time."""
    van.answers = [hangs] * 10
    answered = await told_of(van, out(ONE), seconds=0.2)
    assert answered.problem == "it did not answer within 0.2 seconds"
    assert len(van.asked) == 1


async def test_what_fails_for_one_phone_holds_up_no_other(van: Van) -> None:
    """Where VAN did as asked for others, a failure is that phone's, and tried again as soon as all else."""
    van.add(ONE)
    van.add(TWO)
    van.breaks = lambda _path, body: error(500, "500", "no") if body == {"phoneNumber": TWO[2:]} else None
    answered = await told_of(van, out(ONE), out(TWO), out(THREE))
    assert answered.problem is None
    assert (answered.of_each, answered.wait_of_each) == ({ONE: None, TWO: "it answered 500", THREE: NOBODY}, None)


@on_both_databases
async def test_it_may_lose_every_second_answer(office: Office, van: Van) -> None:
    """At the end VAN holds what the list says, and nobody else's phones changed."""
    van.loses = lambda number: number % 2 == 1
    phones = [f"+1212555{number:04}" for number in range(100, 112)]
    for phone in phones:
        van.add(phone, f"+1312{phone[5:]}")
    await behind(office)
    await office.opt_out(*phones)
    await until(office, lambda one: not one.not_taken and one.waiting == 0)
    assert van.opted_out == set(phones)
    assert {tuple(phones) for phones in van.people.values()} == {(phone[2:], f"312{phone[5:]}") for phone in phones}


async def test_what_is_removed_takes_its_key_along(office: Office) -> None:
    """Its key goes, and the phones that wait."""
    one = await behind(office)
    await office.opt_out(ONE)
    await until(office, lambda one: bool(one.not_taken))
    by = Origin(Function.SETTING, await office.actor("admin"))
    await asyncio.to_thread(office.store.destinations.remove, office.account.id, one.id, by)
    assert rows(office) == 0
    assert KEY not in everything(office.store)
