"""What is known of phones: all of one, and which of many must not be texted."""

import asyncio
import json
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from handlers.platform.models import MOST_CHECKED
from store import Actor, DestinationKind, Function, NewDestination, Origin, Scope
from store.evidence_file import evidence_as_json
from store.outages import Outage
from tests.handlers.platform.conftest import Platform

ONE, TWO, THREE = "+12125550100", "+12125550101", "+447911123456"
pytestmark = pytest.mark.wide_but_first
STOPPED = Origin(Function.KEYWORD, Actor("platform", "the platform"), reason="STOP")


@pytest.mark.parametrize("written", [ONE, quote(ONE, safe="")])
async def test_a_phone_is_told_with_its_reasons(platform: Platform, written: str) -> None:
    """State, every reason with what took it back, and conversations; the plus may be escaped."""
    store, account = platform.store, platform.account.id
    store.campaigns.put(account, "gotv", "GOTV October", active=True)
    store.campaigns.put_conversation(account, "gotv", "ada", ONE)
    store.optouts.add(account, [ONE], STOPPED)
    store.optouts.delete(account, ONE, Origin(Function.DELETE, Actor("U0", "Robin"), reason="texted START"))
    store.optouts.add(account, [ONE], Origin(Function.COMMAND, Actor("U0", "Robin"), reason="*asked* again"))
    answer = await platform.ask("GET", f"/phones/{written}")
    told = answer.json
    assert (answer.status, told["phone"], told["opted_out"]) == (200, ONE, True)
    state = store.optouts.find(account, ONE)
    assert datetime.fromisoformat(told["since"]) == state.since
    newest, oldest = told["reasons"]
    assert (newest["made"]["by"], newest["made"]["reason"], newest["lifted"]) == ("Robin", "*asked* again", None)
    assert newest["note"].startswith("Opted out by hand by Robin with /optout add")
    assert (oldest["made"]["function"], oldest["lifted"]["reason"]) == ("keyword", "texted START")
    assert told["conversations"] == [
        {"campaign": "gotv", "name": "GOTV October", "active": True, "contact": "ada", "opted_out": True}
    ]


async def test_a_phone_that_nobody_knows_is_not_opted_out(platform: Platform) -> None:
    """It is an answer, and no problem."""
    told = (await platform.ask("GET", f"/phones/{THREE}")).json
    assert (told["opted_out"], told["since"], told["reasons"], told["conversations"]) == (False, None, [], [])


@pytest.mark.parametrize("text", ["2125550100", "+1%20212", "+1212555010%0A", "+0125550100", "%2B1%00", "+1" * 40])
async def test_what_is_no_phone_is_refused(platform: Platform, text: str) -> None:
    """Nobody is told that what cannot be on the list is not on it."""
    answer = await platform.ask("GET", f"/phones/{text}")
    assert (answer.status, answer.kind, answer.json["errors"][0]["at"]) == (400, "bad-parameter", "phone")


async def test_a_check_names_those_that_must_not_be_texted(platform: Platform) -> None:
    """Of those that were sent, each once; the state of other accounts is nobody's business."""
    other = platform.store.accounts.get_or_create("T0OTHER", "Other")
    platform.store.optouts.add(platform.account.id, [ONE, THREE], STOPPED)
    platform.store.optouts.add(other.id, [TWO], STOPPED)
    answer = await platform.ask("POST", "/checks", {"phones": [TWO, ONE, ONE]})
    told = answer.json
    assert (answer.status, told["checked"], told["opted_out"], told["invalid"]) == (200, 3, [ONE], [])


async def test_a_check_names_what_is_no_phone(platform: Platform) -> None:
    """The rest is checked all the same; what is none stands with its place."""
    platform.store.optouts.add(platform.account.id, [ONE], STOPPED)
    sent = ["(212) 555-0100", ONE, "", "+1 212 555 0100", ONE + "\n", "+" + "1" * 90_000]
    told = (await platform.ask("POST", "/checks", {"phones": sent})).json
    assert told["opted_out"] == [ONE]
    assert [one["at"] for one in told["invalid"]] == [0, 2, 3, 4, 5]
    assert all(len(one["phone"]) <= 40 for one in told["invalid"])


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ({"phones": []}, "#/phones"),
        ({"phones": [ONE] * (MOST_CHECKED + 1)}, "#/phones"),
        ({"phones": [ONE, 1]}, "#/phones/1"),
        ({"phones": [ONE, None]}, "#/phones/1"),
        ({"phones": ONE}, "#/phones"),
        ({}, "#/phones"),
        ({"phones": [ONE], "account": 1}, "#/account"),
        ([ONE], "#"),
        (None, "#"),
    ],
)
async def test_a_check_that_is_none_is_refused(platform: Platform, body: Any, at: str) -> None:
    """The problem names the field."""
    answer = await platform.ask("POST", "/checks", b"null" if body is None else body)
    assert (answer.status, answer.kind) == (422, "bad-value")
    assert at in [fault["at"] for fault in answer.json["errors"]]


async def test_as_many_as_are_taken_are_checked(platform: Platform) -> None:
    """Ten thousand at once."""
    phones = [f"+1212{number:07}" for number in range(MOST_CHECKED)]
    platform.store.optouts.add(platform.account.id, phones[::100], STOPPED)
    told = (await platform.ask("POST", "/checks", {"phones": phones})).json
    assert told["checked"] == MOST_CHECKED
    assert sorted(told["opted_out"]) == phones[::100]


async def test_an_answer_has_seen_what_it_is_asked_for(platform: Platform) -> None:
    """With `min` it waits for a change that comes; one that does not is said, and what is there already is told at once."""
    platform.store.optouts.add(platform.account.id, [ONE], STOPPED)
    head = (await platform.ask("GET", f"/phones/{ONE}")).json["as_of"]
    assert (await platform.ask("GET", f"/phones/{ONE}?min={head}")).json["as_of"] == head
    waiting = asyncio.create_task(platform.ask("POST", f"/checks?min={head + 1}", {"phones": [TWO]}))
    while not platform.api._waiting:  # noqa: ASYNC110  it is on its way
        await asyncio.sleep(0)
    await asyncio.to_thread(platform.store.optouts.add, platform.account.id, [TWO], STOPPED)
    answer = await waiting
    if answer.status == 200:  # a machine may be busy with something else for all the time that it waits
        assert (answer.json["as_of"], answer.json["opted_out"]) == (head + 1, [TWO])
    for method, path, body in (("GET", f"/phones/{ONE}", None), ("POST", "/checks", {"phones": [ONE]})):
        answer = await platform.ask(method, f"{path}?min={head + 2}", body)
        assert (answer.status, answer.kind, answer.headers["Retry-After"]) == (409, "not-yet", "1")
        assert answer.json["errors"][0]["at"] == "min"


async def test_checks_that_come_at_once_are_answered_each_by_itself(platform: Platform) -> None:
    """They go to the database together; one that is wrong, or of another account, changes nothing for the rest."""
    store = platform.store
    other = store.accounts.get_or_create("T0OTHER", "Other")
    store.optouts.add(platform.account.id, [ONE], STOPPED)
    store.optouts.add(other.id, [TWO], STOPPED)
    made = platform.make_key(account=other)
    asked: list[tuple[list[Any], str | None]] = [
        ([ONE, TWO, ONE], None),
        ([TWO], None),
        ([1], None),
        ([TWO, "x"], None),
    ]
    asked += [([ONE], made.text), ([TWO], made.text)]
    for _ in range(2):  # with keys that are not known yet, and with such as are
        answers = await asyncio.gather(
            *(platform.ask("POST", "/checks", {"phones": phones}, key=key) for phones, key in asked)
        )
        assert [answer.status for answer in answers] == [200, 200, 422, 200, 200, 200]
        told = [answer.json for answer in answers if answer.status == 200]
        assert [one["opted_out"] for one in told] == [[ONE], [], [], [], [TWO]]
        assert [one["checked"] for one in told] == [3, 1, 2, 1, 1]
        assert [len(one["invalid"]) for one in told] == [0, 0, 1, 0, 0]


async def test_checks_that_come_at_once_fail_together(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them is told that the list cannot be read; the next one is answered again."""

    def away(_account: int, _phones: list[str]) -> None:
        raise platform.store.database.dialect.unavailable(Outage.CUT)

    with monkeypatch.context() as patch:
        patch.setattr(platform.store.optouts, "check", away)
        answers = await asyncio.gather(*(platform.ask("POST", "/checks", {"phones": [ONE]}) for _ in range(6)))
        assert [(answer.status, answer.kind) for answer in answers] == [(503, "unavailable")] * 6
    assert (await platform.ask("POST", "/checks", {"phones": [ONE]})).status == 200


async def test_the_evidence_of_a_phone_is_what_the_store_has(platform: Platform) -> None:
    """The same as the file that admins get in Slack, for the scope `report`; of another account's phone there is nothing."""
    store, account = platform.store, platform.account.id
    store.optouts.add(account, [ONE], STOPPED)
    store.optouts.delete(account, ONE, Origin(Function.DELETE, Actor("U0", "Robin"), reason="texted START"))
    store.optouts.add(store.accounts.get_or_create("T0OTHER", "Other").id, [THREE], STOPPED)
    wanted = NewDestination(DestinationKind.WEBHOOK, "Bridge", "C1", "https://example.org/")
    bridge = store.destinations.make(account, wanted, STOPPED)
    store.destinations.remove(account, bridge.id, STOPPED)
    reports = platform.make_key(Scope.REPORT).text
    answer = await platform.ask("GET", f"/phones/{ONE}/evidence", key=reports)
    expected = json.loads(evidence_as_json(store.evidence.get(account, ONE)))
    assert (answer.status, answer.json | {"made_at": None}) == (200, expected | {"made_at": None})
    assert [one["by"]["id"] for one in answer.json["events"]] == ["platform", "U0"]
    [passed_on] = answer.json["destinations"]
    assert (passed_on["destination"], passed_on["answer"]) == ("Bridge", "did not take it")
    told = (await platform.ask("GET", f"/phones/{THREE}/evidence", key=reports)).json
    assert (told["opted_out"], told["events"], told["account"]) == (False, [], "T0HARBOR")
    checks = platform.make_key(Scope.CHECK, name="checks").text
    assert (await platform.ask("GET", f"/phones/{ONE}/evidence", key=checks)).kind == "not-in-scope"
    assert (await platform.ask("GET", "/phones/2125550100/evidence")).status == 400
