"""`POST /v1/entries`: what the platform does to the list, once, and what it may not undo."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from store import Actor, Cause, Function, Origin, Scope
from tests.handlers.platform.conftest import Platform
from tests.store.test_undo import applied

ONE, TWO = "+12125550100", "+12125550101"
pytestmark = pytest.mark.wide_but_first
STOP = {"function": "keyword", "phones": [ONE], "reason": "STOP"}


def by_hand(reason: str | None = None, cause: Cause | None = None) -> Origin:
    return Origin(Function.COMMAND, Actor("U0ADMIN", "admin"), reason=reason, cause=cause)


async def test_what_a_contact_replied_opts_out(platform: Platform) -> None:
    """The phones are opted out by one entry, which names the key, and whoever noted it."""
    asked = {"function": "texter", "phones": [ONE, TWO, ONE], "reason": "please stop", "by": "Noa Reyes"}
    answer = await platform.ask("POST", "/entries", asked)
    assert answer.status == 200
    assert [(one["phone"], one["newly"]) for one in answer.json["phones"]] == [(ONE, True), (TWO, True)]
    state = platform.store.optouts.find(platform.account.id, ONE)
    assert [opt_out.entry.actor for opt_out in state.standing] == [
        Actor(f"key:{platform.key.key.id}", "Noa Reyes, by key bridge")
    ]
    assert (state.standing[0].entry.function, state.standing[0].entry.reason) == ("texter", "please stop")
    assert platform.store.optouts.count(platform.account.id) == 2


async def test_one_more_reason_is_kept(platform: Platform) -> None:
    """Who is opted out already is told since when, and gets the reason besides, with its moment."""
    platform.store.optouts.add(platform.account.id, [ONE], by_hand())
    asked = STOP | {"requested_at": "2026-11-03T09:05:00-05:00", "cause": "asked to stop"}
    answer = await platform.ask("POST", "/entries", asked)
    state = platform.store.optouts.find(platform.account.id, ONE)
    assert answer.json["phones"][0]["newly"] is False
    assert state.since is not None
    assert datetime.fromisoformat(answer.json["phones"][0]["since"]) == state.since
    newest = state.standing[0].entry
    assert newest.requested_at == datetime(2026, 11, 3, 14, 5, tzinfo=UTC)
    assert newest.cause is Cause.ASKED


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        (STOP | {"phones": ["2125550100"]}, "#/phones/0"),
        (STOP | {"phones": [ONE, "+1 212 555 0101"]}, "#/phones/1"),
        (STOP | {"phones": [ONE + "\n"]}, "#/phones/0"),
        (STOP | {"phones": ["+١٢١٢٥٥٥٠١٠٠"]}, "#/phones/0"),
        (STOP | {"phones": ["+02125550100"]}, "#/phones/0"),
        (STOP | {"phones": [12125550100]}, "#/phones/0"),
        (STOP | {"phones": []}, "#/phones"),
        (STOP | {"phones": [ONE] * 1001}, "#/phones"),
        (STOP | {"phones": ONE}, "#/phones"),
        (STOP | {"function": "upload"}, "#"),
        ({"phones": [ONE]}, "#/function"),
        ({"function": "keyword"}, "#/phones"),
        (STOP | {"account": 1}, "#/account"),
        (STOP | {"reason": " "}, "#/reason"),
        (STOP | {"reason": "a\u0007b"}, "#/reason"),
        (STOP | {"reason": "a" * 1001}, "#/reason"),
        (STOP | {"reason": {"a": 1}}, "#/reason"),
        (STOP | {"cause": "bored"}, "#/cause"),
        (STOP | {"requested_at": "2026-11-03T09:05:00"}, "#/requested_at"),
        (STOP | {"requested_at": 1762165500}, "#/requested_at"),
        (STOP | {"by": "a" * 81}, "#/by"),
        ({"function": "delete", "phones": [ONE, TWO]}, "#/phones"),
        ([STOP], "#"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place(platform: Platform, asked: Any, at: str) -> None:
    """The problem names the field and what would be right; nothing is half-done."""
    answer = await platform.ask("POST", "/entries", asked)
    assert (answer.status, answer.kind) == (422, "bad-value")
    assert at in [fault["at"] for fault in answer.json["errors"]]
    assert platform.store.optouts.count(platform.account.id) == 0


async def test_a_moment_that_has_not_come_is_refused(platform: Platform) -> None:
    """Nobody asked the day after tomorrow; the problem tells the desk's clock."""
    ahead = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    answer = await platform.ask("POST", "/entries", STOP | {"requested_at": ahead})
    assert (answer.status, answer.kind) == (409, "ahead-of-time")


async def test_a_mistake_is_taken_back(platform: Platform) -> None:
    """Texts to one phone are allowed again, and its conversations in active campaigns re-open, no others."""
    store, account = platform.store, platform.account.id
    for campaign, active in (("gotv", True), ("old", False)):
        store.campaigns.put(account, campaign, campaign, active)
        store.campaigns.put_conversation(account, campaign, "ada", ONE)
    store.optouts.add(account, [ONE], by_hand("typed the wrong number"))
    answer = await platform.ask("POST", "/entries", {"function": "delete", "phones": [ONE], "by": "Noa Reyes"})
    assert answer.status == 200
    assert answer.json["reopened"] == [{"campaign": "gotv", "contact": "ada"}]
    state = store.optouts.find(account, ONE)
    assert not state.opted_out
    lifted = state.opt_outs[0].lifted
    assert lifted is not None
    assert (lifted.id, lifted.function, lifted.actor.name) == (
        answer.json["entry"],
        "delete",
        "Noa Reyes, by key bridge",
    )


async def test_where_nothing_stands_nothing_is_written(platform: Platform) -> None:
    """To allow what is allowed is no mistake, and no entry."""
    answer = await platform.ask("POST", "/entries", {"function": "delete", "phones": [ONE]})
    assert (answer.status, answer.json) == (200, {"entry": None, "phone": ONE, "reopened": []})


@pytest.mark.parametrize(
    "by",
    [
        Origin(Function.KEYWORD, Actor("platform", "the platform"), reason="STOP"),
        Origin(Function.TEXTER, Actor("texter", "Noa")),
        Origin(Function.API, Actor("platform", "the platform")),
        by_hand("she asked us to stop"),
        by_hand(cause=Cause.DECEASED),
        by_hand("will sue us"),
    ],
)
async def test_what_the_contact_asked_for_stands(platform: Platform, by: Origin) -> None:
    """No program takes it back, whatever reason it gives: only a person in Slack may."""
    platform.store.optouts.add(platform.account.id, [ONE], by)
    asked = {"function": "delete", "phones": [ONE], "reason": "she texted START yesterday"}
    answer = await platform.ask("POST", "/entries", asked, Idempotency_Key="a")
    assert (answer.status, answer.kind) == (409, "contact-asked")
    assert platform.store.optouts.find(platform.account.id, ONE).opted_out


async def test_a_refusal_is_not_kept(platform: Platform) -> None:
    """What was refused is judged anew when it is sent again: a person may have decided since."""
    account = platform.account.id
    platform.store.optouts.add(account, [ONE], by_hand("she asked us to stop"))
    asked = {"function": "delete", "phones": [ONE]}
    assert (await platform.ask("POST", "/entries", asked, Idempotency_Key="a")).status == 409
    platform.store.optouts.delete(account, ONE, Origin(Function.DELETE, Actor("U0", "admin"), reason="texted START"))
    assert (await platform.ask("POST", "/entries", asked, Idempotency_Key="a")).json["entry"] is None


@pytest.mark.parametrize("function", ["keyword", "delete"])
async def test_a_key_of_idempotency_does_it_once(platform: Platform, function: str) -> None:
    """The same request again has the same answer, to the byte, whatever happened since, and changes nothing."""
    account = platform.account.id
    platform.store.campaigns.put(account, "gotv", "GOTV", active=True)
    platform.store.campaigns.put_conversation(account, "gotv", "ada", ONE)
    if function == "delete":
        platform.store.optouts.add(account, [ONE], by_hand())
    asked = {"function": function, "phones": [ONE]}
    first = await platform.ask("POST", "/entries", asked, Idempotency_Key='"a-1"')
    if function == "delete":
        platform.store.optouts.add(account, [ONE], by_hand())
    else:
        lift = Origin(Function.DELETE, Actor("U0", "admin"), reason="texted START")
        platform.store.optouts.delete(account, ONE, lift)
    before = platform.store.optouts.find(account, ONE)
    again = await platform.ask("POST", "/entries", asked, Idempotency_Key="a-1")
    assert (again.status, again.raw) == (200, first.raw)
    assert platform.store.optouts.find(account, ONE) == before


async def test_nothing_done_is_done_once_too(platform: Platform) -> None:
    """A delete that found nothing and comes again later does not lift what was asked for in between."""
    asked = {"function": "delete", "phones": [ONE]}
    first = await platform.ask("POST", "/entries", asked, Idempotency_Key="a")
    platform.store.optouts.add(platform.account.id, [ONE], by_hand())
    assert (await platform.ask("POST", "/entries", asked, Idempotency_Key="a")).raw == first.raw
    assert platform.store.optouts.find(platform.account.id, ONE).opted_out


@pytest.mark.parametrize("other", [{"phones": [TWO]}, {"reason": "QUIT"}, {"by": "Noa"}, {"function": "api"}])
async def test_a_key_of_idempotency_is_of_one_request(platform: Platform, other: dict[str, Any]) -> None:
    """With another body it is a mistake, and is told so; a key of another name has its own."""
    assert (await platform.ask("POST", "/entries", STOP, Idempotency_Key="a")).status == 200
    answer = await platform.ask("POST", "/entries", STOP | other, Idempotency_Key="a")
    assert (answer.status, answer.kind) == (422, "idempotency-key-reused")
    assert platform.store.optouts.count(platform.account.id) == 1
    second = platform.make_key()
    assert (await platform.ask("POST", "/entries", STOP | other, key=second.text, Idempotency_Key="a")).status == 200


async def test_a_key_that_follows_another_goes_on(platform: Platform) -> None:
    """Of two keys of one name the second one knows what the first one sent: a program may change keys at any moment."""
    second = platform.make_key(name="bridge")
    first = await platform.ask("POST", "/entries", STOP, Idempotency_Key="a")
    again = await platform.ask("POST", "/entries", STOP, key=second.text, Idempotency_Key="a")
    assert again.raw == first.raw


@pytest.mark.parametrize("text", ["", "a" * 201, "\u00e9", '"a'])
async def test_a_key_of_idempotency_that_is_none_is_refused(platform: Platform, text: str) -> None:
    """It is told what one looks like."""
    answer = await platform.ask("POST", "/entries", STOP, Idempotency_Key=text)
    assert (answer.status, answer.kind) == (400, "bad-parameter")


async def test_two_at_once_with_one_key_are_one(platform: Platform) -> None:
    """Each gets the one answer, or is told that it is being worked on; there is one entry."""
    answers = await asyncio.gather(*(platform.ask("POST", "/entries", STOP, Idempotency_Key="a") for _ in range(12)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert {answer.kind for answer in answers if answer.status == 409} <= {"still-running"}
    assert all("Retry-After" in answer.headers for answer in answers if answer.status == 409)
    assert len({answer.raw for answer in answers if answer.status == 200}) == 1
    assert len(platform.store.optouts.find(platform.account.id, ONE).standing) == 1


@pytest.mark.parametrize(("function", "scope"), [("keyword", Scope.OPT_OUT), ("delete", Scope.OPT_IN)])
async def test_each_function_has_its_scope(platform: Platform, function: str, scope: Scope) -> None:
    """A key that may opt out may not allow texts again, and the other way round."""
    asked = {"function": function, "phones": [ONE]}
    others = platform.make_key(*set(Scope) - {scope})
    answer = await platform.ask("POST", "/entries", asked, key=others.text)
    assert (answer.status, answer.kind) == (403, "not-in-scope")
    assert (await platform.ask("POST", "/entries", asked, key=platform.make_key(scope, name="b").text)).status == 200


async def test_the_history_is_read_page_by_page(platform: Platform) -> None:
    """Newest first: who did what to which phones, when and why, with its note; a list by its file; of one phone alone too."""
    store, account = platform.store, platform.account
    work = applied(store, account, by_hand(), [ONE, TWO])
    await platform.ask("POST", "/entries", STOP | {"by": "Noa Reyes"})
    store.history.remark(account.id, TWO, "says hello", by_hand())
    first = (await platform.ask("GET", "/entries?limit=2")).json
    assert [(one["function"], one["phones"], one["phone_count"]) for one in first["entries"]] == [
        ("remark", [TWO], 1),
        ("keyword", [ONE], 1),
    ]
    assert (first["entries"][1]["by"], first["entries"][1]["reason"]) == ("Noa Reyes, by key bridge", "STOP")
    assert first["entries"][1]["note"].startswith("Replied with a word that opts out on ")
    told: list[dict[str, Any]] = []
    page = first
    while page["next"] is not None:
        page = (await platform.ask("GET", f"/entries?limit=2&before={page['next']}")).json
        told += page["entries"]
    [upload] = [one for one in told if one["function"] == "upload"]
    assert upload["uploaded"] == {"upload": work.upload.id, "file": work.upload.file_name}
    assert (upload["phones"], upload["phone_count"]) == ([], 2)
    assert [one["entry"] for one in [*first["entries"], *told]] == list(range(first["entries"][0]["entry"], 0, -1))
    of_phone = (await platform.ask("GET", f"/entries?phone={quote(ONE)}")).json
    assert [one["function"] for one in of_phone["entries"]] == ["keyword", "upload"]
    assert (await platform.ask("GET", f"/entries?phone={ONE}")).json["errors"][0]["at"] == "phone"


async def test_the_history_has_its_scope(platform: Platform) -> None:
    """Whoever may do all the rest may not read who did what."""
    others = platform.make_key(*set(Scope) - {Scope.REPORT})
    answer = await platform.ask("GET", "/entries", key=others.text)
    assert (answer.status, answer.kind) == (403, "not-in-scope")
