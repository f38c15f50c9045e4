"""Destinations by the API: made, looked at, paused and removed as in Slack, with the secret of a webhook in one answer alone."""

from typing import Any

import pytest

from store import Function, Scope
from store.destinations import MOST
from store.models import DESTINATION_KINDS
from tests.entries import latest_entries
from tests.handlers.platform.conftest import BY_ADMIN, Platform

pytestmark = pytest.mark.wide_but_first
WEBHOOK = {"kind": "webhook", "name": "Bridge", "channel": "C0LISTS", "address": "https://example.org/hook"}
TWILIO = {"kind": "twilio", "name": "Twilio", "channel": "C0LISTS", "sender": f"MG{'0b' * 16}"}
TWILIO |= {"sid": f"AC{'0a' * 16}", "secret": "hunter2hunter2hunter2"}
VAN = {"kind": "van", "name": "VAN", "channel": "C0LISTS", "application": "acmeTexting"}
VAN |= {"api_key": "7c9e6679-7425-40de-944b-e07fc1f90ae7|1"}
FILE = {"kind": "file", "name": "ThruText", "channel": "C0LISTS", "layout": "thrutext"}
EACH = (WEBHOOK, TWILIO, VAN, FILE)


@pytest.mark.parametrize("asked", EACH, ids=DESTINATION_KINDS)
async def test_each_kind_is_made_looked_at_and_removed(platform: Platform, asked: dict[str, Any]) -> None:
    """What it was made of is seen again, its secret nowhere but in the answer to a webhook's making; the history names the key."""
    made = (await platform.ask("POST", "/destinations", asked)).json
    secret = made.pop("secret")
    assert (secret is not None) == (asked["kind"] == "webhook")
    assert (made["kind"], made["name"], made["channel"], made["state"]) == (
        asked["kind"],
        asked["name"],
        "C0LISTS",
        "on",
    )
    [entry] = latest_entries(platform.store, platform.account.id, 1)
    assert (entry.function, entry.actor.name) == (Function.SETTING, "key bridge")
    one = await platform.ask("GET", f"/destinations/{made['id']}")
    assert one.json == made
    every = await platform.ask("GET", "/destinations")
    assert every.json == {"destinations": [made]}
    kept = platform.store.destinations.get(platform.account.id, made["id"]).secret
    assert kept == "" or (kept.encode() not in one.raw + every.raw and kept in {secret, *asked.values()})
    removed = await platform.ask("DELETE", f"/destinations/{made['id']}")
    assert (removed.status, removed.json) == (200, {"removed": made["id"]})
    assert (await platform.ask("DELETE", f"/destinations/{made['id']}")).kind == "no-destination"
    assert (await platform.ask("GET", f"/destinations/{made['id']}")).kind == "no-destination"


async def test_paused_and_on_again(platform: Platform) -> None:
    """Both may be said twice, and what waits is told."""
    path = f"/destinations/{(await platform.ask('POST', '/destinations', WEBHOOK)).json['id']}"
    for state in ("paused", "paused", "on", "on"):
        assert (await platform.ask("PATCH", path, {"state": state})).json["state"] == state
    platform.store.optouts.add(platform.account.id, ["+12125550100"], BY_ADMIN)
    assert (await platform.ask("GET", path)).json["waiting"] == 1
    assert (await platform.ask("PATCH", path, {"state": "refused"})).json["errors"][0]["at"] == "#/state"


async def test_made_twice_by_one_key_it_is_one(platform: Platform) -> None:
    """The same answer, with the same secret; another body is refused, though only a secret differs."""
    first = await platform.ask("POST", "/destinations", WEBHOOK, Idempotency_Key="a")
    assert (await platform.ask("POST", "/destinations", WEBHOOK, Idempotency_Key="a")).json == first.json
    await platform.ask("POST", "/destinations", TWILIO, Idempotency_Key="b")
    other = TWILIO | {"secret": "correct-horse-battery"}
    assert (await platform.ask("POST", "/destinations", other, Idempotency_Key="b")).kind == "idempotency-key-reused"
    assert len(platform.store.destinations.list_of(platform.account.id)) == 2


@pytest.mark.parametrize(
    ("asked", "status", "kind", "at", "said"),
    [
        (WEBHOOK | {"kind": "fax"}, 422, "bad-value", "#", "is none of 'webhook', 'twilio', 'van', 'file'"),
        ({"name": "x"}, 422, "bad-value", "#/kind", "missing"),
        (WEBHOOK | {"layout": "phones"}, 422, "bad-value", "#/layout", "no such field"),
        (FILE | {"layout": "desk"}, 422, "bad-value", "#/layout", "none of 'phones' or 'thrutext'"),
        (FILE | {"channel": "#general"}, 422, "bad-value", "#/channel", "does not match"),
        (FILE | {"channel": "C0UNSEEN"}, 409, "destination-refused", "#/channel", "invite me there"),
        (FILE | {"name": "\u200b"}, 409, "destination-refused", "#/name", "can be seen"),
        (WEBHOOK | {"address": "http://example.org"}, 409, "destination-refused", "#/address", "begins with https"),
        (WEBHOOK | {"key": "nobody's"}, 409, "destination-refused", "#/key", "no live key"),
    ],
)
async def test_what_cannot_be_is_said_at_its_field(
    platform: Platform, asked: dict[str, Any], status: int, kind: str, at: str, said: str
) -> None:
    """By a JSON pointer, with what would be right; nothing is made."""
    answer = await platform.ask("POST", "/destinations", asked)
    assert (answer.status, answer.kind) == (status, kind), answer.raw
    [error] = answer.json["errors"]
    assert error["at"] == at
    assert said in error["detail"]
    assert platform.store.destinations.list_of(platform.account.id) == ()


@pytest.mark.parametrize(
    ("asked", "field"),
    [(TWILIO, "sender"), (TWILIO, "sid"), (TWILIO, "secret"), (VAN, "application"), (VAN, "api_key")],
)
async def test_what_is_wrong_is_said_by_the_names_of_its_request(
    platform: Platform, asked: dict[str, Any], field: str
) -> None:
    """The desk's own words for its parts are no concern of whoever sends them."""
    answer = await platform.ask("POST", "/destinations", asked | {field: "wrong"})
    assert answer.kind == "destination-refused"
    assert answer.json["errors"] == [{"at": f"#/{field}", "detail": "It is wrong."}]


async def test_one_that_is_too_many(platform: Platform) -> None:
    """And one whose name is taken, by the store's own sentences."""
    for number in range(MOST):
        assert (await platform.ask("POST", "/destinations", FILE | {"name": f"Product {number}"})).status == 200
    more = await platform.ask("POST", "/destinations", FILE)
    assert (more.status, more.kind) == (409, "destination-refused")
    assert "there can be no more" in more.json["detail"]
    taken = await platform.ask("POST", "/destinations", FILE | {"name": "product 1"})
    assert "called product 1 already" in taken.json["detail"]


async def test_it_takes_its_scope(platform: Platform) -> None:
    """All others together are not enough."""
    key = platform.make_key(*set(Scope) - {Scope.DESTINATIONS}).text
    for method, path, body in (
        ("GET", "/destinations", None),
        ("POST", "/destinations", FILE),
        ("DELETE", "/destinations/abcdefghij", None),
    ):
        assert (await platform.ask(method, path, body, key=key)).kind == "not-in-scope"
