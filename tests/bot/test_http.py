"""The port that anybody can reach, as `python -m bot serve` opens it: real sockets, and what people do to them."""

import asyncio
import hashlib
import hmac
import itertools
import json
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp
import pytest

from bot.http import BODY_SECONDS, HEADER_SECONDS, LARGEST_REQUEST, MOST_BODIES, MOST_CONNECTIONS
from tests.bench.http import descriptors_of, flood, memory_of
from tests.conftest import new_database
from tests.desks import Desk, desk_on
from tests.entries import latest_entries

pytestmark = pytest.mark.wide

PATH = "/slack/events"
SECONDS = 30.0  # for what comes within a few


@pytest.fixture
async def desk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk over HTTP; which database is behind it makes no difference here."""
    with new_database("sqlite", request, tmp_path) as url:
        async with desk_on(url, tmp_path) as desk:
            await desk.start(http=True)
            yield desk


def address_of(desk: Desk) -> tuple[str, int]:
    assert desk.slack.events_url is not None
    parts = urlsplit(desk.slack.events_url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def signed(desk: Desk, body: bytes, *, at: float | None = None, secret: str | None = None) -> dict[str, str]:
    """The headers of Slack's for *body*, signed *at* a moment with a *secret*."""
    timestamp = str(int(time.time() if at is None else at))
    base = f"v0:{timestamp}:".encode() + body
    signature = hmac.new((secret or desk.slack.signing_secret).encode(), base, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": f"v0={signature}",
    }


def looks_signed() -> dict[str, str]:
    """Headers that only the body shows to be wrong."""
    return {"X-Slack-Request-Timestamp": str(int(time.time())), "X-Slack-Signature": f"v0={'0' * 64}"}


async def posted(desk: Desk, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
    assert desk.slack.events_url is not None
    async with (
        asyncio.timeout(SECONDS),
        aiohttp.ClientSession() as session,
        session.post(desk.slack.events_url, data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def said_to(desk: Desk, *parts: bytes) -> bytes:
    """All that the desk answers to *parts* until it closes the connection; nothing else ends it."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(*address_of(desk))
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            return await reader.read()
        finally:
            writer.close()


def head(headers: dict[str, str], *, method: str = "POST", path: str = PATH) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: desk", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def statuses(answer: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"^HTTP/\d\.\d (\d{3}) ", answer, re.MULTILINE)]


async def outcomes(desk: Desk) -> dict[str, int]:
    """How many requests there were, by what became of them, as `/metrics` tells it."""
    host, port = address_of(desk)
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}/metrics") as answer:
        found = re.findall(r'optout_http_requests_total\{outcome="([^"]+)"\} (\d+)', await answer.text())
    return {outcome: int(count) for outcome, count in found}


def command(desk: Desk, text: str, trigger: str = "1.2.abc") -> bytes:
    """A command of the admin's, as Slack sends it."""
    admin = next(user for user in desk.slack.platform.workspace.users.values() if user.handle == "admin")
    channel = next(one for one in desk.slack.platform.workspace.channels.values() if one.name == "campaign-admins")
    return urlencode(
        {
            "command": "/optout",
            "text": text,
            "team_id": desk.slack.team_id,
            "team_domain": "harbor",
            "user_id": admin.id,
            "user_name": "admin",
            "channel_id": channel.id,
            "channel_name": channel.name,
            "response_url": f"{desk.slack.url}/nowhere",
            "trigger_id": trigger,
            "is_enterprise_install": "false",
        }
    ).encode()


async def works(desk: Desk) -> None:
    """Whatever was done to it, the desk answers a command."""
    outcome = await desk.people.command("admin", "campaign-admins", "/optout help")
    assert outcome.ok, outcome


async def test_what_is_not_slacks_is_refused_before_its_body_is_read(desk: Desk) -> None:
    """Without a signature, with one of another form or too old, the answer comes though no body ever does; each is counted."""
    now = int(time.time())
    good = "v0=" + "0" * 64
    length = {"Content-Length": "1000"}
    cases: list[dict[str, str]] = [
        {},
        {"X-Slack-Signature": good},
        {"X-Slack-Request-Timestamp": str(now)},
        {"X-Slack-Signature": good[:-1], "X-Slack-Request-Timestamp": str(now)},
        {"X-Slack-Signature": good.upper(), "X-Slack-Request-Timestamp": str(now)},
        {"X-Slack-Signature": good, "X-Slack-Request-Timestamp": "\u0663" * 10},
        {"X-Slack-Signature": good, "X-Slack-Request-Timestamp": f"-{now}"},
        {"X-Slack-Signature": good, "X-Slack-Request-Timestamp": "9" * 400},
        {"X-Slack-Signature": good, "X-Slack-Request-Timestamp": "nan"},
    ]
    for case in cases:
        assert statuses(await said_to(desk, head(case | length))) == [401], case
    for moment in (now - 301, now + 301 + SECONDS, 0, 999_999_999_999):
        case = {"X-Slack-Signature": good, "X-Slack-Request-Timestamp": str(int(moment))}
        assert statuses(await said_to(desk, head(case | length))) == [401], case
    counted = await outcomes(desk)
    assert (counted["unsigned"], counted["old"]) == (len(cases), 4)
    await works(desk)


async def test_a_body_that_is_too_large_is_refused_unread(desk: Desk) -> None:
    """By its own word at once, and in chunks as soon as it is over the limit: nothing more of it is taken."""
    large = str(8 * 1024 * 1024)
    assert statuses(await said_to(desk, head(looks_signed() | {"Content-Length": large}))) == [413]
    chunk = b"%x\r\n%b\r\n" % (2**16, bytes(2**16))
    chunked = head(looks_signed() | {"Transfer-Encoding": "chunked"})
    answer = await said_to(desk, chunked, *[chunk] * (LARGEST_REQUEST // 2**16 + 1))
    assert statuses(answer) == [413]
    # What is as large as may be is read, and judged by its signature.
    body = bytes(LARGEST_REQUEST)
    assert (await posted(desk, body, looks_signed()))[0] == 401
    counted = await outcomes(desk)
    assert (counted["too large"], counted["forged"]) == (2, 1)


async def test_a_wrong_signature_is_refused_and_counted(desk: Desk) -> None:
    """Another secret, another body, another moment than was signed: 401, and nothing is done."""
    body = command(desk, "add 212 555 0100")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    right = signed(desk, body)
    assert (await posted(desk, body, signed(desk, body, secret="another") | form))[0] == 401
    assert (await posted(desk, body + b" ", right | form))[0] == 401
    moved = {"X-Slack-Request-Timestamp": str(int(right["X-Slack-Request-Timestamp"]) - 1)}
    assert (await posted(desk, body, right | form | moved))[0] == 401
    assert (await outcomes(desk))["forged"] == 3
    assert desk.store.optouts.count(desk.account.id) == 0


async def test_silent_slow_and_stalled_clients_are_cut_off(desk: Desk) -> None:
    """Nothing at all, a header a line at a time, a body that does not go on: each ends by the desk's clock, not the client's."""
    begun = time.monotonic()
    stalled = head(looks_signed() | {"Content-Length": "1000"}) + b"{"
    chunked = head(looks_signed() | {"Transfer-Encoding": "chunked"}) + b"1\r\n{\r\n"

    async def dribbling(start: bytes) -> bytes:
        """A byte every 100 ms for as long as somebody takes it."""
        reader, writer = await asyncio.open_connection(*address_of(desk))
        heard = asyncio.create_task(reader.read())
        try:
            writer.write(start)
            while not heard.done():
                writer.write(b"a")
                await asyncio.wait({heard}, timeout=0.1)
            return heard.result()
        except ConnectionError:
            return b""
        finally:
            writer.close()

    async with asyncio.timeout(SECONDS):
        answers = await asyncio.gather(
            said_to(desk),
            said_to(desk, b"POST /slack/events HTTP/1.1\r\nHost: desk\r\n"),
            dribbling(b"POST /slack/events HTTP/1.1\r\nX-Dribble: "),
            said_to(desk, stalled),
            said_to(desk, chunked),
            dribbling(stalled),
        )
    assert [statuses(answer) for answer in answers] == [[], [], [], [408], [408], [408]]
    assert time.monotonic() - begun >= min(HEADER_SECONDS, BODY_SECONDS)
    assert (await outcomes(desk))["too slow"] == 3


async def test_a_connection_carries_one_request(desk: Desk) -> None:
    """What is pipelined behind it is never answered, so nothing can be smuggled in; an idle connection is not kept."""
    get = head({}, method="GET", path="/healthz")
    assert statuses(await said_to(desk, get * 50)) == [200]
    body = command(desk, "help")
    behind = head({"Content-Length": str(len(body))} | signed(desk, body)) + body
    assert statuses(await said_to(desk, get + behind)) == [200]
    assert (await outcomes(desk))["answered"] == 0


ODD_SHAPES = {
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "length and chunks": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two encodings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "an encoding nobody knows": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a length with a sign": b"Content-Length: +5\r\n\r\nhello",
    "a length below nothing": b"Content-Length: -5\r\n\r\nhello",
    "a length in another system": b"Content-Length: 0x5\r\n\r\nhello",
    "a blank before the colon": b"Content-Length : 5\r\n\r\nhello",
    "a chunk of no size": b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    "a chunk below nothing": b"Transfer-Encoding: chunked\r\n\r\n-1\r\nhello\r\n0\r\n\r\n",
    "a NUL in a header": b"X-Forged: a\x00b\r\n\r\n",
    "a folded header": b" X-Folded: a\r\n b\r\n\r\n",
    "a long header": b"X-Long: " + b"a" * 20_000 + b"\r\n\r\n",
    "many headers": b"".join(b"X-%d: a\r\n" % number for number in range(2000)) + b"\r\n",
    "an expectation": b"Expect: the unexpected\r\nContent-Length: 5\r\n\r\nhello",
}
NO_HTTP = (
    b"GET /healthz\r\n\r\n",
    b"GET /healthz HTTP/0.9\r\n\r\n",
    b"GET /healthz HTTP/9.9\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
    b"GET /healthz\x0aX HTTP/1.1\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n",
    b"\x00" * 100 + b"\r\n\r\n",
)


async def test_odd_shapes_of_http_are_refused(desk: Desk) -> None:
    """What proxies and servers could read in two ways gets a no and the end of its connection, and the log not a line."""
    start, before = head(looks_signed()).removesuffix(b"\r\n"), len(desk.bots[0].said)
    for name, shape in ODD_SHAPES.items():
        found = statuses(await said_to(desk, start + shape))
        assert len(found) == 1, name
        assert 400 <= found[0] < 500, name
    assert not [line for line in desk.bots[0].said[before:] if "requests are refused" not in line]
    await works(desk)


async def test_what_is_no_http_is_refused(desk: Desk) -> None:
    """HTTP/0.9 and 2, TLS and noise: a short no at most, without the versions of anything, and not a line in the log."""
    before = len(desk.bots[0].said)
    for request in NO_HTTP:
        answer = await said_to(desk, request)
        assert statuses(answer) in ([], [400], [414]), request
        assert not re.search(rb"(?i)aiohttp|python", answer)
    assert len(desk.bots[0].said) == before


async def test_other_methods_and_paths(desk: Desk) -> None:
    """There are four paths and a method to each; nothing else is there, and nothing tells what runs."""
    for method, path, status in (
        ("GET", PATH, 405),
        ("PUT", PATH, 405),
        ("DELETE", PATH, 405),
        ("OPTIONS", PATH, 405),
        ("TRACE", PATH, 405),
        ("POST", "/healthz", 405),
        ("POST", f"{PATH}/", 404),
        ("POST", "/slack/../slack/events", 404),
        ("POST", "//slack/events", 404),
        ("GET", "/", 404),
        ("GET", "/healthz%0aforged", 404),
        ("GET", "/..%2f..%2fetc/passwd", 404),
        ("POST", "http://elsewhere/", 404),
    ):
        answer = await said_to(desk, head({}, method=method, path=path))
        assert statuses(answer) == [status], (method, path)
        assert not re.search(rb"(?i)aiohttp|python", answer)
    assert statuses(await said_to(desk, head({}, method="CONNECT", path="elsewhere:80"))) in ([], [400], [404], [405])


async def test_health_and_readiness_tell_nothing_else(desk: Desk) -> None:
    """Whoever asks learns yes or no: no version, name, count, path or error."""
    answers = [await said_to(desk, head({}, method="GET", path=path)) for path in ("/healthz", "/readyz")]
    assert [*map(statuses, answers)] == [[200], [200]]
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [b'{"healthy": true}', b'{"ready": true}']
    named = {
        line.partition(b":")[0] for answer in answers for line in answer.partition(b"\r\n\r\n")[0].splitlines()[1:]
    }
    assert named <= {b"Content-Type", b"Content-Length", b"Date", b"Connection"}


EVENT = {
    "type": "event_callback",
    "team_id": "T1",
    "event_id": "Ev1",
    "event": {"type": "app_mention", "channel": "C1", "ts": "1.2", "user": "U1"},
}
PERSON = {"id": "U1", "username": "a", "team_id": "T1"}
BUTTON = {
    "type": "block_actions",
    "team": {"id": "T1", "domain": "a"},
    "user": PERSON,
    "trigger_id": "1.2",
    "container": {"type": "message", "message_ts": "1.2", "channel_id": "C1"},
    "channel": {"id": "C1", "name": "c"},
    "actions": [{"type": "button", "action_id": "optout.add", "block_id": "b", "value": "x"}],
}
MODAL: dict[str, Any] = {
    "type": "view_submission",
    "team": {"id": "T1", "domain": "a"},
    "user": PERSON,
    "view": {"id": "V1", "type": "modal", "callback_id": "form.add", "private_metadata": "{}", "state": {"values": {}}},
}
SHORTCUT = {
    "type": "message_action",
    "team": {"id": "T1"},
    "user": PERSON,
    "callback_id": "optout.check",
    "trigger_id": "1.2",
    "message_ts": "1.2",
    "channel": {"id": "C1", "name": "c"},
    "message": {"text": "a"},
}
ODD: tuple[Any, ...] = (None, True, 7, 1.5, "", "word", [], [[]], {}, {"id": []}, [None])


def spoilt(payload: Any, *path: str | int) -> Iterator[Any]:
    """*payload* with something odd, or nothing, in the place of each value in it, in turn."""
    inside = payload
    for step in path:
        inside = inside[step]
    steps: list[str | int] = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
    for step in steps:
        for value in (*ODD, ...):
            copied = json.loads(json.dumps(payload))
            target = copied
            for earlier in path:
                target = target[earlier]
            if value is ...:
                del target[step]
            else:
                target[step] = value
            yield copied
        if isinstance(inside[step], (dict, list)):
            yield from spoilt(payload, *path, step)


BODIES = {
    "no UTF-8": b'{"type": "\xff\xfe"}',
    "UTF-16": '{"type": "event_callback"}'.encode("utf-16"),
    "no JSON": b"{",
    "a list": b"[]",
    "a list of events": json.dumps([EVENT]).encode(),
    "a string": b'"event_callback"',
    "null": b"null",
    "nothing": b"",
    "blanks": b" \r\n",
    "no form": b"payload",
    "a form of nothing": b"payload=",
    "a form without UTF-8": b"payload=%ff%fe",
    "a form that says it twice": b"payload=%7B%7D&payload=%7B%7D",
    "a form of many": b"&".join(b"a%d=b" % number for number in range(50_000)),
    "deep lists": b'{"type": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "deep objects": b'{"a": ' * 60_000 + b"1" + b"}" * 60_000,
    "deeper than Slack's": json.dumps(EVENT | {"a": json.loads("[" * 100 + "]" * 100)}).encode(),
    "a key twice": b'{"type": "event_callback", "type": "event_callback"}',
    "a huge number": b'{"type": "event_callback", "n": ' + b"9" * 100_000 + b"}",
    "a large number": b'{"type": "event_callback", "n": ' + b"9" * 4_000 + b"}",
    "no number": b'{"type": "event_callback", "n": NaN}',
    "an endless number": b'{"type": "event_callback", "n": 1e999}',
    "no type": b"{}",
    "another type": b'{"type": "surprise", "team_id": "T1"}',
    "an event without a type": json.dumps(EVENT | {"event": {}}).encode(),
    "an event without an event": json.dumps({"type": "event_callback", "team_id": "T1", "event_id": "Ev1"}).encode(),
    "an event that is a list": json.dumps(EVENT | {"event": []}).encode(),
    "an event without an id": json.dumps({name: EVENT[name] for name in EVENT if name != "event_id"}).encode(),
    "nobody's event": json.dumps({name: EVENT[name] for name in EVENT if name != "team_id"}).encode(),
}


async def test_a_signed_body_that_is_none_of_slacks(desk: Desk) -> None:
    """Signed or not, it gets a sentence and 400, never 500, and the log its reason and no traceback."""
    kinds = ("application/json", "application/json; charset=klingon", "text/plain", 'a;b;c="')
    for (name, body), kind in itertools.product(BODIES.items(), kinds):
        status, text = await posted(desk, body, signed(desk, body) | {"Content-Type": kind})
        assert status == 400, (name, kind, text)
        assert text.startswith("The request ")
        assert len(text) < 120
    said = "".join(desk.bots[0].said)
    assert "cannot be read" in said
    assert "Traceback" not in said
    await works(desk)


async def test_signed_payloads_with_odd_values(desk: Desk) -> None:
    """Whatever stands where Slack has something else, or is not there, leads to a no at most, and never to a failure."""
    for payload in (EVENT, BUTTON, MODAL, SHORTCUT):
        async with aiohttp.ClientSession() as session:
            for number, odd in enumerate(spoilt(payload)):
                body = json.dumps(odd | {"n": number}).encode() if isinstance(odd, dict) else b""
                assert desk.slack.events_url is not None
                async with session.post(desk.slack.events_url, data=body, headers=signed(desk, body)) as answer:
                    assert answer.status in (200, 400, 404), (answer.status, odd)
    await works(desk)


async def test_a_modal_that_cannot_be_read_is_answered_in_words(desk: Desk) -> None:
    """Whatever stands in `private_metadata`, whoever submits the modal is told in it that nothing was done."""
    admin = MODAL["user"] | {"id": (await desk.people.state()).user("admin")["id"]}
    for metadata in (
        "",
        "x",
        "[]",
        "null",
        "7",
        "{}",
        '{"channel": 7}',
        "[" * 3000,
        '{"channel": "C1", "upload": "x"}',
        None,
    ):
        view = MODAL["view"] | {"private_metadata": metadata}
        if metadata is None:
            del view["private_metadata"]
        payload = MODAL | {"team": {"id": desk.slack.team_id, "domain": "harbor"}, "view": view, "user": admin}
        body = json.dumps(payload).encode()
        status, text = await posted(desk, body, signed(desk, body))
        assert status == 200, metadata
        assert json.loads(text)["response_action"] == "update"
        assert "was not opened by the desk as it is now, so nothing was done" in text
    assert "Traceback" not in "".join(desk.bots[0].said)


async def test_half_a_character_and_nul_are_replaced(desk: Desk) -> None:
    """An emoji cut in two, or a NUL, stops nothing that was asked for: the reason has a character for "unknown" in its place."""
    mention = {
        "type": "app_mention",
        "channel": next(
            one.id for one in desk.slack.platform.workspace.channels.values() if one.name == "campaign-admins"
        ),
        "user": next(one.id for one in desk.slack.platform.workspace.users.values() if one.handle == "admin"),
        "ts": "1700000000.000100",
        "text": f"<@{desk.slack.bot_user_id}> opt out 212 555 0100",
    }
    body = json.dumps({"type": "event_callback", "team_id": desk.slack.team_id, "event_id": "Ev1", "event": mention})
    body = body.replace("opt out", "opt out \\ud83d\\u0000")
    raw = body.encode()
    assert (await posted(desk, raw, signed(desk, raw)))[0] == 200


async def test_a_replayed_command_is_not_done_again(desk: Desk) -> None:
    """The same signed request, sent again by whoever kept it, is counted and does nothing; nor does it at another replica."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    bodies = [
        command(desk, text, f"1.2.{number}")
        for number, text in enumerate(("add 212 555 0100", "country GB", "country US", "export"))
    ]
    requests = [(body, signed(desk, body) | form) for body in bodies]
    for _ in range(3):
        for body, headers in requests:
            assert (await posted(desk, body, headers))[0] == 200
    assert (await outcomes(desk))["replayed"] == 2 * len(requests)
    await desk.start(http=True)
    for body, headers in requests:
        assert (await posted(desk, body, headers))[0] == 200
    assert (await outcomes(desk))["replayed"] == 0
    assert sorted(entry.function for entry in latest_entries(desk.store, desk.account.id, 99)) == [
        "command",
        "export",
        "setting",
        "setting",
    ]
    assert desk.store.accounts.get(desk.account.id).country == "US"


async def test_more_connections_than_there_is_room_for(desk: Desk) -> None:
    """Silent connections by the thousand: the oldest make room, and somebody else's command is answered meanwhile."""
    bot = desk.bots[0]
    async with AsyncExitStack() as stack:
        for _ in range(2 * MOST_CONNECTIONS):
            silent = stack.enter_context(closing(socket.socket()))
            silent.setblocking(False)
            await asyncio.get_running_loop().sock_connect(silent, address_of(desk))
        await works(desk)
        assert descriptors_of(bot.process.pid) <= MOST_CONNECTIONS + 100
    await works(desk)


async def test_more_bodies_than_there_is_room_for(desk: Desk) -> None:
    """Of bodies that nobody vouches for yet, the ones that are longest on their way make room: they get 503 and when to ask again."""
    start = head(looks_signed() | {"Content-Length": "1000"})
    stalled = [asyncio.create_task(said_to(desk, start)) for _ in range(2 * MOST_BODIES)]
    answers = await asyncio.gather(*stalled)
    turned_away = [answer for answer in answers if statuses(answer) == [503]]
    assert len(turned_away) == MOST_BODIES
    assert all(b"Retry-After: 1\r\n" in answer for answer in turned_away)
    counted = await outcomes(desk)
    assert (counted["busy"], counted["too slow"]) == (MOST_BODIES, MOST_BODIES)
    await works(desk)


async def test_compressed_bodies_are_not_unpacked(desk: Desk) -> None:
    """Slack compresses nothing: what says that it is compressed is taken as it came, so that nothing can be a bomb."""
    for encoding in ("gzip", "deflate", "br", "zstd", "gzip, gzip"):
        body = b"\x1f\x8b\x08" + bytes(1000)
        headers = signed(desk, body) | {"Content-Encoding": encoding}
        assert (await posted(desk, body, headers))[0] == 400, encoding


async def test_memory_is_flat_under_a_thousand_large_requests(desk: Desk) -> None:
    """A thousand connections that send 8 MB each, said or in chunks, take no memory to speak of, and others are answered."""
    # How long that takes is for `python -m tests.bench http`.
    desk.slack.platform.feed.courier.ack_limit = SECONDS
    process = desk.bots[0].process.pid
    # The names of countries are the largest thing that it loads when it is first asked for it.
    await desk.people.command("admin", "campaign-admins", "/optout country Nowhere")
    await works(desk)
    before = highest = memory_of(process)
    host, port = address_of(desk)
    answered = 0
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        flooding = asyncio.get_running_loop().run_in_executor(pool, flood, host, port, 1000)
        while not flooding.done():
            await works(desk)
            answered += 1
            highest = max(highest, memory_of(process))
        await flooding
    # Most of those who still send when they are answered never read it.
    refused = await outcomes(desk)
    assert refused["unsigned"] > 0
    assert refused["too large"] > 0
    assert answered
    assert highest - before < 100_000_000
