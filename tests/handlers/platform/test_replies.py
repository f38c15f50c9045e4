"""`POST /v1/replies`: whatever people reply, told by a program, is heard once and judged."""

import json
from typing import Any

import pytest

from handlers.platform.bodies import LARGEST_BODY
from store import Actor, Scope
from tests.handlers.platform.conftest import Platform

ONE = "+12125550100"
STOP = {
    "source": "twilio",
    "message": "SM1",
    "from": ONE,
    "to": "12345",
    "text": "STOP",
    "received_at": "2026-11-03T09:05:00-05:00",
    "campaign": "gotv",
    "contact": "c-1",
}
pytestmark = pytest.mark.wide_but_first


async def test_a_reply_is_heard_once(platform: Platform) -> None:
    """By the id of its message: told again, whatever it says then, it is answered as it stands, and nothing is done."""
    first = await platform.ask("POST", "/replies", STOP)
    [opt_out] = platform.store.optouts.find(platform.account.id, ONE).standing
    assert (first.status, first.json) == (
        200,
        {
            "reply": 1,
            "outcome": "out",
            "why": 'the reply is nothing but a request to stop: "stop"',
            "state": "settled",
            "entry": opt_out.entry.id,
            "again": False,
        },
    )
    again = await platform.ask("POST", "/replies", STOP | {"text": "START"})
    assert again.json == first.json | {"again": True}
    assert platform.store.optouts.find(platform.account.id, ONE).standing == (opt_out,)
    assert (opt_out.entry.function, opt_out.entry.actor) == (
        "keyword",
        Actor(f"key:{platform.key.key.id}", "key bridge"),
    )
    assert platform.store.replies.get(platform.account.id, 1).campaign == "gotv"


@pytest.mark.parametrize(
    ("text", "outcome", "state"),
    [
        ("", "not", "settled"),
        ("Yes!", "not", "settled"),
        ("\U0001f44d\U0001f3fd", "not", "settled"),
        ("\u202eSTOP", "out", "settled"),
        ("توقف من فضلك", "not", "settled"),
        ("ＳＴＯＰ", "out", "settled"),
        ("stop\r\nthanks", "out", "settled"),
        ("please stop, I voted for her last week", "ask", "waiting"),
        ("STOP" + "!" * 1_000_000, "ask", "waiting"),
        ("<!channel> *please stop*, I <b>voted</b>", "ask", "waiting"),
    ],
)
async def test_whatever_is_written_is_judged(platform: Platform, text: str, outcome: str, state: str) -> None:
    """In any script, with emoji, from right to left, and of any length that a request has."""
    answer = await platform.ask("POST", "/replies", STOP | {"text": text})
    assert (answer.status, answer.json["outcome"], answer.json["state"]) == (200, outcome, state)


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        (STOP | {"from": "2125550100"}, "#/from"),
        (STOP | {"from": None}, "#/from"),
        ({key: value for key, value in STOP.items() if key != "from"}, "#/from"),
        (STOP | {"from_": ONE}, "#/from_"),
        (STOP | {"source": " "}, "#/source"),
        (STOP | {"source": "a" * 65}, "#/source"),
        (STOP | {"message": ""}, "#/message"),
        (STOP | {"message": "a" * 201}, "#/message"),
        (STOP | {"message": 17}, "#/message"),
        (STOP | {"text": None}, "#/text"),
        (STOP | {"text": ["STOP"]}, "#/text"),
        (STOP | {"received_at": "2026-11-03T09:05:00"}, "#/received_at"),
        (STOP | {"received_at": "yesterday"}, "#/received_at"),
        (STOP | {"campaign": "a b"}, "#/campaign"),
        (STOP | {"contact": "a\u0007"}, "#/contact"),
        (STOP | {"account": 1}, "#/account"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_place(platform: Platform, asked: Any, at: str) -> None:
    """The problem names the field; nobody is opted out by half a reply."""
    answer = await platform.ask("POST", "/replies", asked)
    assert (answer.status, answer.kind) == (422, "bad-value")
    assert at in [fault["at"] for fault in answer.json["errors"]]
    assert not platform.store.optouts.find(platform.account.id, ONE).opt_outs


async def test_a_body_that_cannot_be_read_is_refused(platform: Platform) -> None:
    """Ten megabytes of text, and a NUL, before anything is done with them."""
    long = json.dumps(STOP | {"text": "stop " * LARGEST_BODY}).encode()
    assert (await platform.ask("POST", "/replies", long)).kind == "too-large"
    assert (await platform.ask("POST", "/replies", STOP | {"text": "STOP\0"})).kind == "broken-body"
    assert not platform.store.optouts.find(platform.account.id, ONE).opt_outs


async def test_it_takes_its_scope(platform: Platform) -> None:
    """A key that may check or opt out may not tell replies; another account's hears nothing of this one's."""
    key = platform.make_key(Scope.CHECK, Scope.OPT_OUT)
    assert (await platform.ask("POST", "/replies", STOP, key=key.text)).kind == "not-in-scope"
    other = platform.make_key(Scope.REPORT, account=platform.store.accounts.get_or_create("T0OTHER"))
    assert (await platform.ask("POST", "/replies", STOP, key=other.text)).json["again"] is False
    assert (await platform.ask("POST", "/replies", STOP)).json["again"] is False
