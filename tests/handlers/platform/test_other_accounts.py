"""Another account's ids: with one account's key no route of the API tells or changes anything of another."""

from typing import Any

import pytest

from tests.handlers.platform.conftest import Platform
from tests.store.test_crossing import ANOTHER, all_of, done_by_another
from tests.store.test_hostile import PHONE, Verbs

_CONVERSATION = {"contact": "c-1", "phone": PHONE}
# What each route that takes a body is sent, by method and path.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "/checks"): {"phones": [PHONE]},
    ("POST", "/entries"): {"function": "keyword", "phones": [PHONE], "reason": "STOP"},
    ("POST", "/replies"): {
        "source": "twilio",
        "message": "SM1",
        "from": PHONE,
        "to": "+12125550199",
        "text": "stop",
        "received_at": "2026-11-03T14:05:00Z",
    },
    ("PUT", "/campaigns/{campaign}"): {"name": "Ours", "active": False},
    ("PUT", "/campaigns/{campaign}/conversations"): {"conversations": [_CONVERSATION]},
    ("POST", "/destinations"): {"kind": "file", "name": "Bridge", "layout": "phones", "channel": "C012AB3CD"},
    ("PATCH", "/destinations/{destination}"): {"state": "paused"},
    ("POST", "/uploads"): b"phone\n+12125550100\n",
}

QUERIES = {("GET", "/entries"): f"?phone={PHONE.replace('+', '%2B')}", ("POST", "/uploads"): "?name=a.csv"}


@pytest.mark.wide
async def test_no_route_reaches_another_account(platform: Platform) -> None:
    """Each route is asked, with a key for everything in one account, for the phones, campaign, list and destination of another."""
    verbs = Verbs(platform.store, platform.account)
    done_by_another(platform.store, platform.account)
    mine = platform.store.accounts.get_or_create("T0MINE", "Mine", country="US")
    key = platform.make_key(name="mine", account=mine).text
    places = {
        "phone": PHONE.replace("+", "%2B"),
        "campaign": verbs.usual["campaign"],
        "upload": verbs.usual["upload"],
        "destination": verbs.usual["destination"],
    }
    before = all_of(platform.store, platform.account)
    statuses: dict[tuple[str, str], int] = {}
    for endpoint in sorted(platform.api.endpoints, key=lambda one: one.method):
        method, path = endpoint.method, endpoint.path
        query = QUERIES.get((method, path), "")
        body = BODIES.get((method, path))
        assert (body is None) == (endpoint.body is None and endpoint.receives is None), f"{method} {path} takes a body"
        kind = {"Content_Type": "text/csv"} if isinstance(body, bytes) else {}
        writes = {"Idempotency_Key": f"{method} {path}"} if endpoint.writes else {}
        answer = await platform.ask(method, path.format_map(places) + query, body, key=key, **kind, **writes)
        statuses[method, path] = answer.status
        assert answer.status < 500, (method, path)
        assert ANOTHER.name.encode() not in answer.raw, (method, path)
        assert all_of(platform.store, platform.account) == before, (method, path)
    assert {
        path: status for (_, path), status in statuses.items() if "{destination}" in path or "{upload}" in path
    } == {
        "/destinations/{destination}": 404,
        "/uploads/{upload}": 404,
    }
    # What was asked was understood, so that what it did was done, to whose key it is.
    assert {
        status for (method, path), status in statuses.items() if "{destination}" not in path and "{upload}" not in path
    } <= {200, 201, 202}, statuses
