"""Lists that a program sends: what is taken, what is refused, and that one is kept whole and once."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from handlers.platform import bodies
from handlers.platform.uploads import ListDesk
from store import Account, AccountSettings, Scope, Upload, UploadState
from store.models import file_pieces
from tests.handlers.platform.conftest import BY_ADMIN, LARGEST_LIST, Answer, Platform
from tests.handlers.platform.test_requests import head, said

LIST = b"phone\n+12125550100\n+12125550101\n"
ODD = '=HYPERLINK("http://x";"y") <@U0ADMIN> *stops* & <!channel>.csv'
SEND = "POST /v1/uploads?name=stops.csv"
# Each once on every change, in all its cases before a landing.
pytestmark = pytest.mark.wide_but_first


async def send(platform: Platform, content: bytes = LIST, query: str = "name=stops.csv", **headers: str) -> Answer:
    return await platform.ask("POST", f"/uploads?{query}", content, **{"Content_Type": "text/csv"} | headers)


def uploads(platform: Platform) -> tuple[Upload, ...]:
    return platform.store.uploads.list(platform.account.id, 10)


def kept(platform: Platform) -> int:
    """How many pieces of files are kept, of lists that were taken and of others."""
    with platform.store.database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(file_pieces)).scalar_one())


async def test_a_list_is_kept_as_it_came(platform: Platform) -> None:
    """In several pieces, byte for byte, with all that was said with it, by the key and whoever had it sent."""
    content = b"Mobile\n" + b"+12125550100\n" * 200_000
    query = f"name={quote(ODD)}&column=Mobile&country=CA&reason=asked+twice&by=Robin"
    answer = await send(platform, content, query)
    [upload] = uploads(platform)
    assert (answer.status, answer.json) == (200, {"upload": upload.id})
    assert b"".join(platform.store.sent_files.read(upload)) == content
    assert kept(platform) > 1
    assert (upload.file_name, upload.phone_column, upload.country) == (ODD, "Mobile", "CA")
    assert (upload.reason, upload.actor.name) == ("asked twice", "Robin, by key bridge")
    assert (upload.state, upload.channel_id, upload.thread_ts) == (UploadState.RECEIVED, "C0LISTS", None)


async def test_how_a_list_stands_is_told_to_its_account(platform: Platform) -> None:
    """By its number; not to another account, and not of lists that people drop."""
    sent = (await send(platform)).json["upload"]
    told = (await platform.ask("GET", f"/uploads/{sent}")).json
    assert (told["state"], told["settled"], told["name"], told["rows"]) == ("received", False, "stops.csv", 0)
    other = platform.store.accounts.get_or_create("T0OTHER", "Other")
    foreign = platform.make_key(account=other).text
    dropped, _ = platform.store.uploads.receive(
        platform.account.id,
        file_id="F1",
        file_name="theirs.csv",
        channel_id="C1",
        channel_name=None,
        thread_ts="1.1",
        permalink=None,
        actor=platform.key.key.actor(),
        country=None,
    )
    for path, key in (
        (f"/uploads/{sent}", foreign),
        (f"/uploads/{dropped.id}", None),
        ("/uploads/9007199254740991", None),
    ):
        answer = await platform.ask("GET", path, key=key)
        assert (answer.status, answer.kind) == (404, "no-upload")
    for path in ("/uploads/0", "/uploads/x", "/uploads/-1", "/uploads/9007199254740992"):
        assert (await platform.ask("GET", path)).kind == "bad-parameter"


@pytest.mark.parametrize(
    ("content", "query", "headers", "status", "kind"),
    [
        (b"", "name=a.csv", {}, 400, "broken-body"),
        (LIST, "", {}, 400, "bad-parameter"),
        (LIST, "name=", {}, 400, "bad-parameter"),
        (LIST, "name=a%0Ab.csv", {}, 400, "bad-parameter"),
        (LIST, "name=a%00.csv", {}, 400, "bad-parameter"),
        (LIST, "name=" + "a" * 201, {}, 400, "bad-parameter"),
        (LIST, "name=a.csv&country=XX", {}, 400, "bad-parameter"),
        (LIST, "name=a.csv&country=us", {}, 400, "bad-parameter"),
        (LIST, "name=a.csv&purpose=scrub", {}, 400, "bad-parameter"),
        (LIST, "name=a.csv&name=b.csv", {}, 400, "bad-parameter"),
        (LIST, "name=%ff", {}, 400, "broken-request"),
        (LIST, "name=a.csv", {"Content_Type": "application/json"}, 415, "not-a-file"),
        (LIST, "name=a.csv", {"Content_Type": "multipart/form-data; boundary=x"}, 415, "not-a-file"),
        (LIST, "name=a.csv", {"Content_Type": ""}, 415, "not-a-file"),
        (LIST, "name=a.csv", {"Content_Encoding": "gzip"}, 415, "not-a-file"),
        (b"x" * (LARGEST_LIST + 1), "name=a.csv", {}, 413, "too-large"),
    ],
)
async def test_what_is_no_list_is_refused(
    platform: Platform, content: bytes, query: str, headers: dict[str, str], status: int, kind: str
) -> None:
    """In words, with nothing of it kept."""
    answer = await send(platform, content, query, **headers)
    assert (answer.status, answer.kind) == (status, kind)
    assert (uploads(platform), kept(platform)) == ((), 0)


async def test_who_may_not_send_lists(platform: Platform) -> None:
    """A key without the scope is told so before a byte is read; so is one that opens nothing."""
    other = platform.make_key(*set(Scope) - {Scope.REPORT})
    heard = await said(platform, head(other.text, "Content-Length: 1000000000", request=SEND))
    assert heard.startswith(b"HTTP/1.1 403 ")
    heard = await said(platform, head("optk_none", "Content-Length: 1000000000", request=SEND))
    assert heard.startswith(b"HTTP/1.1 401 ")
    assert (await platform.ask("GET", "/uploads/1", key=other.text)).kind == "not-in-scope"


def sending(platform: Platform, *lines: str) -> bytes:
    return head(platform.key.text, *lines, request=SEND).replace(b"application/json", b"text/csv")


async def test_a_list_of_a_gigabyte_is_refused_unread(platform: Platform) -> None:
    """By its length before a byte of it came, and in pieces as soon as it is more than is taken."""
    heard = await said(platform, sending(platform, "Content-Length: 1000000000"))
    assert heard.startswith(b"HTTP/1.1 413 ")
    piece = b"%x\r\n%b\r\n" % (65536, b"1" * 65536)
    heard = await said(
        platform, sending(platform, "Transfer-Encoding: chunked"), *[piece] * (LARGEST_LIST // 65536 + 2)
    )
    assert heard.startswith(b"HTTP/1.1 413 ")
    assert (uploads(platform), kept(platform)) == ((), 0)


async def test_an_account_may_take_smaller_lists_alone(platform: Platform) -> None:
    """Its own setting holds here as it does for a list that is dropped."""
    settings = AccountSettings(max_list_bytes=10)
    platform.store.accounts.change(platform.account.id, BY_ADMIN, settings=settings)
    assert (await send(platform)).kind == "too-large"


@pytest.mark.wide
async def test_a_list_that_is_cut_off_or_too_slow_leaves_nothing(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of it: what was kept so far goes again."""
    begun = b"x" * 1_500_000
    await said(platform, sending(platform, "Content-Length: 2000000"), begun, until=b"nothing")
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.1)
    heard = await said(platform, sending(platform, "Content-Length: 2000000"), begun)
    assert heard.startswith(b"HTTP/1.1 408 ")
    assert (uploads(platform), kept(platform)) == ((), 0)


async def test_the_same_request_again_is_the_same_list(platform: Platform) -> None:
    """However often it comes: one upload, one file. With anything else in it the key is refused."""
    answers = [await send(platform, Idempotency_Key="a") for _ in range(3)]
    assert len({answer.raw for answer in answers}) == 1
    for content, query in (
        (LIST + b"1\n", "name=stops.csv"),
        (LIST, "name=other.csv"),
        (LIST, "name=stops.csv&by=Robin"),
    ):
        answer = await send(platform, content, query, Idempotency_Key="a")
        assert (answer.status, answer.kind) == (422, "idempotency-key-reused")
    assert (len(uploads(platform)), kept(platform)) == (1, 1)


async def test_two_at_once_with_one_key_are_one_list(platform: Platform) -> None:
    """Each gets the one answer, or is told that it is being worked on."""
    answers = await asyncio.gather(*(send(platform, Idempotency_Key="a") for _ in range(8)))
    assert {answer.kind for answer in answers if answer.status != 200} <= {"still-running"}
    assert len({answer.raw for answer in answers if answer.status == 200}) == 1
    assert (len(uploads(platform)), kept(platform)) == (1, 1)


async def test_a_list_that_nobody_would_see_is_refused(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no channel takes lists it is said which setting is missing."""

    async def nowhere(_account: Account) -> None:
        return None

    def lists(endpoint: Any) -> Any:
        return endpoint.receives.__self__

    [own] = [lists(one) for one in platform.api.endpoints if one.receives is not None]
    monkeypatch.setattr(own, "_desk", ListDesk(nowhere, LARGEST_LIST, lambda: None))
    answer = await send(platform)
    assert (answer.status, answer.kind) == (409, "no-channel")
    assert "Where lists that wait for a yes are told" in answer.json["detail"]
