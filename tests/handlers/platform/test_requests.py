"""What every request goes through: keys, headers, bodies, limits. Whatever is wrong is a problem, and never a 500."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
import structlog

from handlers.platform import bodies
from handlers.platform.api import MOST_OF_A_KEY
from handlers.platform.bodies import LARGEST_BODY
from handlers.platform.feed import LONGEST_WAIT
from store import Function, Origin, Reply, Scope, Store, keys
from store.dialects import from_now
from store.keys import MadeKey
from store.models import api_keys
from store.outages import Outage
from tests.conftest import ADMIN
from tests.handlers.platform.conftest import BY_ADMIN, Platform

ONE = "+12125550100"
CHECK = {"phones": [ONE]}
LIST = f"phone\n{ONE}\n".encode()
SECONDS = 30.0
# Each once on every change, in all its cases before a landing.
pytestmark = pytest.mark.wide_but_first


async def said(platform: Platform, *parts: bytes, until: bytes | None = None) -> bytes:
    """What is answered to *parts* as they are, until the connection is closed, or *until* is in it."""
    address = urlsplit(platform.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    heard = b""
    async with asyncio.timeout(SECONDS):
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            while part := await reader.read(65536):
                heard += part
                if until is not None and until in heard:
                    break
        except ConnectionError:
            pass
        finally:
            writer.close()
    return heard


def head(key: str, *lines: str, request: str = "POST /v1/checks") -> bytes:
    fixed = (f"{request} HTTP/1.1", "Host: desk", f"Authorization: Bearer {key}", "Content-Type: application/json")
    return "\r\n".join([*fixed, *lines, "", ""]).encode()


def revoked(platform: Platform) -> str:
    made = platform.make_key()
    platform.store.keys.revoke(platform.account.id, made.key.id, BY_ADMIN)
    return made.text


def cut(made: MadeKey) -> str:
    return made.text[:-1]


def altered(made: MadeKey) -> str:
    return made.text[:-1] + ("a" if made.text[-1] != "a" else "b")


@pytest.mark.parametrize(
    "kind", ["none", "basic", "twice", "cut", "altered", "revoked", "foreign id", "long", "other letters"]
)
async def test_a_key_that_opens_nothing(platform: Platform, kind: str) -> None:
    """Without a key that is live and right nothing is said but that, and the connection is closed."""
    made = platform.key
    keys = {
        "cut": cut(made),
        "altered": altered(made),
        "revoked": revoked(platform),
        "foreign id": made.text.replace(made.key.id, "z" * len(made.key.id)),
        "long": made.text + "a" * 5000,
        "other letters": "optk_\u00e9",
    }
    headers = {"none": {}, "basic": {"Authorization": f"Basic {made.text}"}}.get(kind, {})
    if kind == "twice":
        lines = [f"Authorization: Bearer {made.text}", "Content-Length: 2"]
        heard = await said(platform, head(made.text, *lines), b"{}")
        assert heard.startswith(b"HTTP/1.1 401 ")
        return
    answer = await platform.ask("POST", "/checks", CHECK, key=keys.get(kind, ""), **headers)
    assert answer.status == 401
    assert answer.kind == ("no-key" if kind in {"none", "basic"} else "key-refused")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert answer.headers["Connection"] == "close"


async def test_a_key_that_has_expired(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """It opens nothing from its moment on, or when it was used just before, a second later."""
    monkeypatch.setattr(keys, "REMEMBERED_SECONDS", 0.0)
    later = platform.store.now() + timedelta(hours=1)
    made = platform.store.keys.make(platform.account.id, "short", (Scope.CHECK,), later, BY_ADMIN)
    assert (await platform.ask("POST", "/checks", CHECK, key=made.text)).status == 200
    with platform.store.database.write() as connection:
        connection.execute(sa.update(api_keys).where(api_keys.c.name == "short").values(expires_at=from_now(-1)))
    answer = await platform.ask("POST", "/checks", CHECK, key=made.text)
    assert (answer.status, answer.kind) == (401, "key-refused")


@pytest.mark.parametrize("end", ["revoked", "expired"])
async def test_a_key_that_ends_while_its_request_waits(platform: Platform, end: str) -> None:
    """Of what happened meanwhile it is told nothing; the other key of its name, which follows it, is."""
    store, account = platform.store, platform.account.id
    ending, following = (platform.make_key(name="follower") for _ in range(2))
    cursor = (await platform.ask("GET", "/changes")).json["cursor"]
    path = f"/changes?wait={LONGEST_WAIT}&after={cursor}"
    waiting = [asyncio.create_task(platform.ask("GET", path, key=key.text)) for key in (ending, following)]
    while len(platform.api._waiting) < 2:  # noqa: ASYNC110  they are on their way
        await asyncio.sleep(0)
    if end == "revoked":
        store.keys.revoke(account, ending.key.id, BY_ADMIN)
    else:
        with store.database.write() as connection:
            passed = sa.update(api_keys).where(api_keys.c.id == ending.key.id).values(expires_at=from_now(-1))
            connection.execute(passed)
    await asyncio.to_thread(store.optouts.add, account, [ONE], BY_ADMIN)
    refused, told = await asyncio.gather(*waiting)
    assert (refused.status, refused.kind) == (401, "key-refused")
    assert [one["phone"] for one in told.json["phones"]] == [ONE]


async def test_another_accounts_ids_lead_nowhere(platform: Platform) -> None:
    """On every address: nothing of it is told, nothing of it changes, and its idempotency keys are its own."""
    store, harbor = platform.store, platform.account
    key = platform.make_key(name="bridge", account=store.accounts.get_or_create("T0OTHER", "Other")).text
    store.campaigns.put(harbor.id, "gotv", "Harbor October", active=True)
    store.campaigns.put_conversation(harbor.id, "gotv", "harbor-ada", ONE)
    stop = {"function": "keyword", "phones": [ONE], "reason": "harbor words"}
    first = (await platform.ask("POST", "/entries", stop, Idempotency_Key="a")).json
    theirs = (await platform.ask("POST", "/uploads?name=harbor.csv", LIST, Content_Type="text/csv")).json["upload"]
    store.replies.hear(
        harbor.id, Reply("twilio", "SM1", ONE, "12345", "harbor: leave me be", datetime.now(UTC)), BY_ADMIN
    )
    made = {"kind": "file", "name": "Harbor product", "channel": "C0LISTS", "layout": "phones"}
    product = (await platform.ask("POST", "/destinations", made)).json["id"]
    destinations = store.destinations.list_of(harbor.id)
    before = store.optouts.find(harbor.id, ONE), store.campaigns.list(harbor.id), store.changes.head(harbor.id)
    told = {"source": "twilio", "message": "SM1", "from": ONE, "to": "12345", "text": "START"}
    told["received_at"] = "2026-11-28T12:00:00Z"
    talks = {"conversations": [{"contact": "harbor-ada", "phone": ONE}]}
    asked: dict[tuple[str, str], tuple[str, Any, int]] = {
        ("GET", "/phones/{phone}"): (f"/phones/{ONE}", None, 200),
        ("GET", "/phones/{phone}/evidence"): (f"/phones/{ONE}/evidence", None, 200),
        ("POST", "/checks"): ("/checks", CHECK, 200),
        ("GET", "/entries"): (f"/entries?before={first['entry'] + 100}", None, 200),
        ("GET", "/changes"): ("/changes", None, 200),
        ("PUT", "/campaigns/{campaign}/conversations"): ("/campaigns/gotv/conversations", talks, 404),
        ("PUT", "/campaigns/{campaign}"): ("/campaigns/gotv", {"name": "Ours", "active": False}, 200),
        ("POST", "/entries"): ("/entries", {"function": "delete", "phones": [ONE]}, 200),
        ("GET", "/uploads/{upload}"): (f"/uploads/{theirs}", None, 404),
        ("POST", "/uploads"): ("/uploads?name=stops.csv", LIST, 200),
        ("POST", "/replies"): ("/replies", told, 200),
        ("GET", "/destinations"): ("/destinations", None, 200),
        ("POST", "/destinations"): ("/destinations", made | {"name": "Product"}, 200),
        ("GET", "/destinations/{destination}"): (f"/destinations/{product}", None, 404),
        ("PATCH", "/destinations/{destination}"): (f"/destinations/{product}", {"state": "paused"}, 404),
        ("DELETE", "/destinations/{destination}"): (f"/destinations/{product}", None, 404),
        ("GET", "/openapi.json"): ("/openapi.json", None, 200),
    }
    assert asked.keys() == {(endpoint.method, endpoint.path) for endpoint in platform.api.endpoints}
    for (method, _), (path, body, status) in asked.items():
        headers = {"Idempotency_Key": "a"} if path == "/entries" else {}
        headers |= {"Content_Type": "text/csv"} if body is LIST else {}
        answer = await platform.ask(method, path, body, key=key, **headers)
        assert answer.status == status, (path, answer.raw)
        assert b"arbor" not in answer.raw
        assert b'"opted_out":true' not in answer.raw.replace(b" ", b"")
    assert (
        store.optouts.find(harbor.id, ONE),
        store.campaigns.list(harbor.id),
        store.changes.head(harbor.id),
    ) == before
    assert store.destinations.list_of(harbor.id) == destinations


async def test_requests_are_counted_by_what_they_asked(platform: Platform) -> None:
    """By method, address as the document has it and status, with the time they took; of no key and no phone anything is said."""
    await platform.ask("GET", f"/phones/{ONE}")
    await platform.ask("GET", "/phones/nobody")
    await platform.ask("GET", "/coffee")
    [family] = platform.api.requests.collect()
    counted = {
        (one.labels["method"], one.labels["route"], one.labels["status"]): one.value
        for one in family.samples
        if one.name.endswith("_count")
    }
    assert counted == {("GET", "/phones/{phone}", "200"): 1, ("GET", "/phones/{phone}", "400"): 1, ("", "", "404"): 1}


async def test_a_request_is_in_the_log_without_what_it_is_about(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    """By its id and its address as the document has it: no phone, no words, no key. What only asks is said at DEBUG."""
    caplog.set_level("DEBUG")
    with structlog.testing.capture_logs() as said:
        await platform.ask(
            "POST", "/entries", {"function": "keyword", "phones": [ONE], "reason": "quillon"}, X_Request_Id="r-1"
        )
        await platform.ask("GET", f"/phones/{ONE}", X_Request_Id="r-2")
        await platform.ask("GET", f"/phones/{ONE[:-9]}", X_Request_Id="r-3")
    lines = [line for line in said if line["event"] == "platform request"]
    assert [(line["request"], line["path"], line["status"]) for line in lines] == [
        ("r-1", "/entries", 200),
        ("r-2", "/phones/{phone}", 200),
        ("r-3", "/phones/{phone}", 400),
    ]
    assert {line["key"] for line in lines} == {platform.key.key.id}
    assert not re.search(rf"{ONE[1:]}|quillon|{platform.key.text}", repr(said))


async def test_a_key_that_is_revoked_while_it_is_used(platform: Platform) -> None:
    """By this desk it is refused at once; by another, which shares the database, within a second."""
    here, elsewhere = platform.make_key(name="here"), platform.make_key(name="elsewhere")
    for made in (here, elsewhere):
        assert (await platform.ask("POST", "/checks", CHECK, key=made.text)).status == 200
    platform.store.keys.revoke(platform.account.id, here.key.id, BY_ADMIN)
    assert (await platform.ask("POST", "/checks", CHECK, key=here.text)).kind == "key-refused"
    Store(platform.store.database).keys.revoke(platform.account.id, elsewhere.key.id, BY_ADMIN)
    async with asyncio.timeout(SECONDS):
        while (answer := await platform.ask("POST", "/checks", CHECK, key=elsewhere.text)).status == 200:
            pass
    assert answer.kind == "key-refused"


async def test_a_key_that_was_used_just_now_opens_no_more_than_before(platform: Platform) -> None:
    """Its scopes are looked at each time."""
    made = platform.make_key(Scope.CHECK)
    assert (await platform.ask("POST", "/checks", CHECK, key=made.text)).status == 200
    assert (await platform.ask("GET", "/changes", key=made.text)).kind == "not-in-scope"


async def test_a_key_is_of_one_account(platform: Platform) -> None:
    """Whatever it asks is asked of its own list."""
    other = platform.store.accounts.get_or_create("T0OTHER", "Other")
    platform.store.optouts.add(platform.account.id, [ONE], Origin(Function.COMMAND, ADMIN))
    made = platform.make_key(account=other)
    assert (await platform.ask("GET", f"/phones/{ONE}", key=made.text)).json["opted_out"] is False
    assert (await platform.ask("POST", "/checks", CHECK, key=made.text)).json["opted_out"] == []


async def test_that_a_key_was_used_is_noted(platform: Platform) -> None:
    """For whoever looks in Slack whether a key is still needed."""
    await platform.ask("POST", "/checks", CHECK)
    async with asyncio.timeout(SECONDS):
        while platform.store.keys.list_of(platform.account.id)[0].used_at is None:  # noqa: ASYNC110  another program's row
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", "/", 404, "not-found"),
        ("GET", "/phones", 404, "not-found"),
        ("GET", "/phones//", 404, "not-found"),
        ("GET", f"/phones/{ONE}/", 404, "not-found"),
        ("GET", "/phones/%ff", 400, "broken-request"),
        ("GET", f"/phones/{ONE}%2F", 400, "bad-parameter"),
        ("GET", f"/phones/{ONE}?account=1", 400, "bad-parameter"),
        ("GET", f"/phones/{ONE}?%ff=1", 400, "broken-request"),
        pytest.param("GET", f"/phones/{'1' * 9000}", 400, "broken-request", id="a line too long for HTTP"),
        ("GET", "/openapi.json?a=1", 400, "bad-parameter"),
        ("POST", f"/phones/{ONE}", 405, "bad-method"),
        ("OPTIONS", "/checks", 405, "bad-method"),
        ("TRACE", "/checks", 405, "bad-method"),
        ("PROPFIND", "/openapi.json", 405, "bad-method"),
    ],
)
async def test_an_address_that_is_none(platform: Platform, method: str, path: str, status: int, kind: str) -> None:
    """What is not there, and what it does not take, is a problem too."""
    answer = await platform.ask(method, path)
    assert (answer.status, answer.kind) == (status, kind)
    assert ("Allow" in answer.headers) == (status == 405)


async def test_an_answer_without_a_body(platform: Platform) -> None:
    """HEAD is no method of any address; there is no body to say so."""
    answer = await platform.ask("HEAD", "/openapi.json")
    assert (answer.status, answer.raw, answer.headers["Allow"]) == (405, b"", "GET")


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"Content_Type": "text/plain"}, 415, "not-json"),
        ({"Content_Type": ""}, 415, "not-json"),
        ({"Content_Type": "application/json; charset=utf-16"}, 415, "not-json"),
        ({"Content_Encoding": "gzip"}, 415, "not-json"),
        ({"Accept": "text/html"}, 406, "not-acceptable"),
        ({"Accept": "application/json;q=0"}, 406, "not-acceptable"),
        ({"Accept": "text/html, application/*;q=0.1"}, 200, ""),
        ({"Accept": ""}, 200, ""),
        ({"Content_Type": "application/json; charset=UTF-8"}, 200, ""),
    ],
)
async def test_headers_that_ask_for_something_else(
    platform: Platform, headers: dict[str, str], status: int, kind: str
) -> None:
    """JSON in, JSON out, in UTF-8, as it is."""
    answer = await platform.ask("POST", "/checks", CHECK, **headers)
    assert answer.status == status
    assert not kind or answer.kind == kind


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no body"),
        (b"  \n", "no body"),
        (b"{", "line 1, column 2"),
        (b'{"phones": ["+12125550100"], "phones": []}', '"phones" twice'),
        (b'{"phones": ["+1212555\\u00000100"]}', "NUL"),
        (b'{"phones": ["\\ud800"]}', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b'{"phones": [18446744073709551616]}', "64 bits"),
        (b'{"phones": [' + b"9" * 5000 + b"]}", "64 bits"),
        (b'{"phones": [1e999]}', "64 bits"),
        (b'{"phones": [NaN]}', "NaN"),
        (b'{"phones": [-Infinity]}', "Infinity"),
        (b'{"phones": ["\xff"]}', "not UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b"[" * 100_000, "too deep"),
        (b"[" * 100_000 + b"]" * 100_000, "too deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "too deep"),
    ],
)
async def test_a_body_that_two_readers_would_read_differently(platform: Platform, body: bytes, words: str) -> None:
    """It is refused before anybody looks what it asks for."""
    answer = await platform.ask("POST", "/checks", body)
    assert (answer.status, answer.kind) == (400, "broken-body")
    assert words in answer.json["detail"]


async def test_a_body_of_a_gigabyte_is_refused_unread(platform: Platform) -> None:
    """By its length before a byte of it came, and in pieces as soon as it is more than is taken."""
    heard = await said(platform, head(platform.key.text, "Content-Length: 1000000000"))
    assert heard.startswith(b"HTTP/1.1 413 ")
    piece = b"%x\r\n%b\r\n" % (65536, b" " * 65536)
    pieces = [piece] * (LARGEST_BODY // 65536 + 2)
    heard = await said(platform, head(platform.key.text, "Transfer-Encoding: chunked"), *pieces)
    assert heard.startswith(b"HTTP/1.1 413 ")
    heard = await said(platform, head("optk_none", "Content-Length: 1000000000"))
    assert heard.startswith(b"HTTP/1.1 401 ")


async def test_a_slow_body_is_cut_off(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends a byte now and then holds nothing for long."""
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.1)
    heard = await said(platform, head(platform.key.text, "Content-Length: 100"), b'{"phones"')
    assert heard.startswith(b"HTTP/1.1 408 ")


async def test_a_body_is_asked_for_when_it_will_be_read(platform: Platform) -> None:
    """`Expect: 100-continue` is answered with it only for who is let in."""
    body = json.dumps(CHECK).encode()
    lines = ("Expect: 100-continue", f"Content-Length: {len(body)}")
    heard = await said(platform, head(platform.key.text, *lines, "Connection: close"), body)
    assert heard.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert (await said(platform, head("optk_none", *lines))).startswith(b"HTTP/1.1 401 ")


async def test_a_connection_is_kept_for_who_was_let_in(platform: Platform) -> None:
    """A hundred checks need one connection; behind a refusal nothing is read."""
    body = json.dumps(CHECK).encode()
    one = head(platform.key.text, f"Content-Length: {len(body)}") + body
    last = head(platform.key.text, f"Content-Length: {len(body)}", "Connection: close") + body
    assert (await said(platform, one, one, last)).count(b"HTTP/1.1 200 ") == 3
    wrong = head("optk_none", f"Content-Length: {len(body)}") + body
    assert len(re.findall(rb"HTTP/1.1 \d+ ", await said(platform, wrong + one))) == 1


async def test_a_request_is_named(platform: Platform) -> None:
    """Its id comes back, that of the sender where it is plain; else a new one."""
    answer = await platform.ask("GET", "/openapi.json", X_Request_Id="send-17")
    assert answer.headers["X-Request-Id"] == "send-17"
    for odd in ("a" * 65, "a b", "\u00e9", '"'):
        given = (await platform.ask("GET", "/nothing", X_Request_Id=odd)).headers["X-Request-Id"]
        assert re.fullmatch(r"[0-9a-f-]{36}", given)


async def test_what_nobody_foresaw_is_a_problem_with_a_reference(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no 500 and tells nothing of the inside; the reference stands in the log."""
    monkeypatch.setattr(platform.store.keys, "verify", lambda _text: 1 / 0)
    answer = await platform.ask("POST", "/checks", CHECK)
    assert (answer.status, answer.kind) == (503, "failed")
    assert answer.json["request_id"] in answer.json["detail"]
    assert "division" not in answer.raw.decode()


async def test_a_database_that_is_away_is_said(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, with the time after which to ask again."""

    def away(*_args: Any) -> Any:
        raise platform.store.database.dialect.unavailable(Outage.CUT)

    monkeypatch.setattr(platform.store.keys, "verify", away)
    answer = await platform.ask("POST", "/checks", CHECK)
    assert (answer.status, answer.kind, answer.headers["Retry-After"]) == (503, "unavailable", "5")


async def test_a_key_takes_no_more_than_its_share(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """One program in a loop is told to wait; another key is answered."""
    monkeypatch.setattr(bodies, "BODY_SECONDS", 2 * SECONDS)  # so that none of those that are held is given up
    lines = ("Content-Length: 1000",)
    address = urlsplit(platform.url)
    held = []
    for _ in range(MOST_OF_A_KEY):
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(head(platform.key.text, *lines))
        held.append((reader, writer))
    async with asyncio.timeout(SECONDS):
        while (answer := await platform.ask("POST", "/checks", CHECK)).status == 200:
            pass
    assert (answer.status, answer.kind, answer.headers["Retry-After"]) == (429, "too-many", "1")
    assert (await platform.ask("POST", "/checks", CHECK, key=platform.make_key().text)).status == 200
    for _, writer in held:
        writer.close()


async def test_a_desk_that_stops_takes_nothing_new(platform: Platform) -> None:
    """It says so, and that another one may take it."""
    await platform.api.drain()
    answer = await platform.ask("POST", "/checks", CHECK)
    assert (answer.status, answer.kind, answer.headers["Retry-After"]) == (503, "unavailable", "1")
