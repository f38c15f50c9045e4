"""Files: dropped, announced, read with a token, uploaded in three steps, deleted, and everything that goes wrong."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient, SandboxError
from tests.patience import PATIENCE
from tests.sandbox.conftest import by_socket

CSV = b"phone\n+12025550101\n"


async def fetched(url: str, token: str | None) -> tuple[int, str, bytes]:
    """Status, content type and body of a download that follows redirects, keeping its token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, answer.content_type, await answer.read()


async def dropped(people: SandboxClient, api: AsyncWebClient, content: bytes = CSV) -> dict[str, Any]:
    """The file object of a list that `support` drops."""
    outcome = await people.drop("support", "#optout-uploads", "stops.csv", content)
    file: dict[str, Any] = (await api.files_info(file=str(outcome.file)))["file"]
    return file


async def test_a_dropped_file_has_slack_s_shape(people: SandboxClient, api: AsyncWebClient) -> None:
    """Type, size, owner, private URLs, and where it was shared."""
    outcome = await people.drop("support", "#optout-uploads", "Stops é.csv", CSV, text="today's")
    file = (await api.files_info(file=str(outcome.file)))["file"]
    state = await people.state()
    channel = state.channel("optout-uploads").id
    assert (file["name"], file["size"]) == ("Stops é.csv", len(CSV))
    assert (file["mimetype"], file["filetype"], file["mode"]) == ("text/csv", "csv", "snippet")
    assert file["user"] == state.user("support")["id"]
    assert file["channels"] == [channel]
    [share] = file["shares"]["public"][channel]
    assert share["ts"] == outcome.ts
    assert "thread_ts" not in share
    message = state.message(str(outcome.ts))
    assert message is not None
    assert message.text == "today's"
    assert [item["id"] for item in message.files] == [outcome.file]


async def test_a_file_in_a_thread_names_it(people: SandboxClient, api: AsyncWebClient) -> None:
    """The share of a file dropped into a thread has its `thread_ts`."""
    root = await people.message("support", "#support-tickets", "please look")
    outcome = await people.drop("support", "#support-tickets", "a.csv", CSV, thread_ts=root.ts)
    shares = (await api.files_info(file=str(outcome.file)))["file"]["shares"]["public"]
    [[share]] = shares.values()
    assert (share["ts"], share["thread_ts"]) == (outcome.ts, root.ts)


async def test_what_the_app_is_told_of_a_drop(slack: EmbeddedSlack, people: SandboxClient, bolt: AsyncApp) -> None:
    """`file_shared` with ids only; with a mention also `app_mention` with the files; once each."""
    events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def keep(event: dict[str, Any]) -> None:
        await events.put(event)

    bolt.event("file_shared")(keep)
    bolt.event("app_mention")(keep)
    async with by_socket(slack, people, bolt):
        outcome = await people.drop("support", "#support-tickets", "a.csv", CSV, text="@optout take this")
    seen = {event["type"]: event for event in (await events.get(), await events.get())}
    state = await people.state()
    shared = seen["file_shared"]
    assert shared["file_id"] == outcome.file
    assert shared["file"] == {"id": outcome.file}
    assert shared["user_id"] == state.user("support")["id"]
    assert shared["channel_id"] == state.channel("support-tickets").id
    assert seen["app_mention"]["files"][0]["id"] == outcome.file
    assert seen["app_mention"]["ts"] == outcome.ts
    assert outcome.raw["events"] == 2


async def test_nothing_is_told_of_channels_without_the_bot(people: SandboxClient, api: AsyncWebClient) -> None:
    """A file in a private channel without the bot sends no event and is not found."""
    outcome = await people.drop("support", "#field-private", "a.csv", CSV)
    assert outcome.raw["events"] == 0
    with pytest.raises(SlackApiError, match="file_not_found"):
        await api.files_info(file=str(outcome.file))


async def test_files_are_listed_by_channel_and_time(people: SandboxClient, api: AsyncWebClient) -> None:
    """`files.list`: newest first, page by page, and nothing of channels without the bot."""
    for n in range(3):
        await people.drop("admin", "optout-uploads", f"{n}.csv", CSV)
    await people.drop("support", "support-tickets", "tickets.csv", CSV)
    await people.drop("admin", "field-private", "private.csv", CSV)
    state = await people.state()
    uploads = state.channel("optout-uploads").id

    async def names(**asked: Any) -> list[str]:
        return [file["name"] for file in (await api.files_list(**asked))["files"]]

    assert sorted(await names()) == ["0.csv", "1.csv", "2.csv", "tickets.csv"]
    assert sorted(await names(channel=uploads)) == ["0.csv", "1.csv", "2.csv"]
    assert await names(user=state.user("support")["id"]) == ["tickets.csv"]
    first = await api.files_list(channel=uploads, count=2)
    assert first["paging"] == {"count": 2, "total": 3, "page": 1, "pages": 2}
    pages = [*first["files"], *(await api.files_list(channel=uploads, count=2, page=2))["files"]]
    assert sorted(file["name"] for file in pages) == ["0.csv", "1.csv", "2.csv"]
    created = [file["created"] for file in pages]
    assert created == sorted(created, reverse=True)
    assert await names(channel=uploads, ts_from=str(max(created) + 1)) == []
    assert await names(channel=uploads, ts_to=str(min(created) - 1)) == []
    assert len(await names(channel=uploads, ts_from=str(min(created)), ts_to=str(max(created)))) == 3
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await api.files_list(channel="C0NOWHERE")


async def test_a_switch_tells_of_files_where_the_bot_is_not(people: SandboxClient, api: AsyncWebClient) -> None:
    """Slack may tell an app of every file that it can see: those of public channels, too, and no others."""
    await people.kick("support-tickets")
    assert (await people.drop("support", "#support-tickets", "a.csv", CSV)).raw["events"] == 0
    await people.configure(told_of_all_files=True)
    outcome = await people.drop("support", "#support-tickets", "b.csv", CSV)
    assert (await people.drop("support", "#field-private", "c.csv", CSV)).raw["events"] == 0
    [delivery] = await people.deliveries("event")
    event = delivery["payload"]["event"]
    assert (event["type"], event["file_id"]) == ("file_shared", outcome.file)
    assert event["channel_id"] == (await people.state()).channel("support-tickets").id
    assert (await api.files_info(file=str(outcome.file)))["ok"]


async def test_uploads_that_are_disabled(people: SandboxClient, api: AsyncWebClient) -> None:
    """Neither people nor the app can upload then."""
    await people.configure(file_uploads=False)
    with pytest.raises(SlackApiError, match="file_uploads_disabled"):
        await api.files_getUploadURLExternal(filename="a.csv", length=3)
    with pytest.raises(SandboxError, match="disabled"):
        await people.drop("support", "#support-tickets", "a.csv", CSV)


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("canvas", {"mode": "quip", "filetype": "quip", "mimetype": "application/vnd.slack-docs"}),
        ("list", {"mode": "list", "is_external": False}),
        ("post", {"mode": "space", "is_external": False}),
        ("google_sheet", {"mode": "external", "is_external": True, "external_type": "gdrive", "size": 0}),
        ("dropbox", {"mode": "external", "is_external": True, "external_type": "dropbox"}),
        ("email", {"mode": "email", "plain_text": "Please stop texting me at (212) 555-0100."}),
        ("snippet", {"mode": "snippet", "editable": True}),
        ("no_address", {"name": "stops.txt", "url_private": None, "url_private_download": None}),
        ("tombstone", {"mode": "tombstone", "name": None, "url_private": None, "shares": None}),
        ("hidden_by_limit", {"mode": "hidden_by_limit", "name": None, "url_private": None, "shares": None}),
    ],
)
async def test_files_that_are_none(
    slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient, kind: str, facts: dict[str, Any]
) -> None:
    """Each says in the message and in `files.info` what it is; pages answer with HTML, and others are not here at all."""
    outcome = await people.drop("support", "#support-tickets", "stops.txt", b"x" * 9, text="@optout look", kind=kind)
    events = [item["payload"]["event"] for item in await people.deliveries("event")]
    [carried] = next(event["files"] for event in events if event["type"] == "app_mention")
    told = (await api.files_info(file=str(outcome.file)))["file"]
    for shape in (carried, told):
        assert {name: shape.get(name) for name in facts} == facts
    address = told.get("url_private")
    if kind in ("google_sheet", "dropbox"):
        assert not address.startswith(slack.url)
        assert "url_private_download" not in told
    elif address is not None:
        status, content_type, _ = await fetched(address, slack.bot_token)
        assert (status, content_type) == (200, "text/plain" if kind == "snippet" else "text/html")


async def test_files_of_other_organisations_come_as_stubs(people: SandboxClient, api: AsyncWebClient) -> None:
    """In a shared channel events only say `check_file_info`; `files.info` has the rest."""
    outcome = await people.drop("stranger", "#partner-desk", "a.csv", CSV, text="@optout")
    deliveries = {item["name"]: item["payload"]["event"] for item in await people.deliveries("event")}
    [stub] = deliveries["app_mention"]["files"]
    assert (stub["file_access"], stub["mode"]) == ("check_file_info", "file_access")
    assert "url_private" not in stub
    assert (await api.files_info(file=str(outcome.file)))["file"]["url_private_download"]


async def test_a_download_needs_the_token(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """With it the bytes; without it, with a wrong one, or without `files:read`: 200 and a login page."""
    file = await dropped(people, api)
    for url in (file["url_private"], file["url_private_download"]):
        assert await fetched(url, slack.bot_token) == (200, "text/csv", CSV)
        for token in (None, "xoxb-wrong"):
            status, content_type, body = await fetched(url, token)
            assert (status, content_type) == (200, "text/html")
            assert b"Sign in" in body
    slack.set_manifest(scopes=["chat:write"])
    assert (await fetched(file["url_private"], slack.bot_token))[1] == "text/html"
    async with (
        aiohttp.ClientSession() as session,
        session.get(file["url_private"], allow_redirects=False) as answer,
    ):
        assert answer.status == 302


@pytest.mark.parametrize("kind", ["html_login", "gone", "redirect", "slow"])
async def test_faulty_downloads(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient, kind: str) -> None:
    """A login page, a 404, one hop more, or a wait; the next download is well again."""
    file = await dropped(people, api)
    await people.fault(file=kind, seconds=0.01)
    status, content_type, body = await fetched(file["url_private"], slack.bot_token)
    expected = {
        "html_login": (200, "text/html"),
        "gone": (404, "text/plain"),
        "redirect": (200, "text/csv"),
        "slow": (200, "text/csv"),
    }
    assert (status, content_type) == expected[kind]
    assert (body == CSV) is (kind in ("redirect", "slow"))
    assert (await fetched(file["url_private"], slack.bot_token))[2] == CSV


async def test_a_download_that_ends_too_soon_or_too_late(
    slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient
) -> None:
    """`cut_off` breaks the connection half-way; `oversized` sends more than `size` said."""
    file = await dropped(people, api, CSV * 100)
    await people.fault(file="cut_off")
    with pytest.raises(aiohttp.ClientPayloadError):
        await fetched(file["url_private"], slack.bot_token)
    await people.fault(file="oversized", bytes=300_000)
    _, _, body = await fetched(file["url_private"], slack.bot_token)
    assert len(body) == file["size"] + 300_000


async def test_shares_can_be_late(people: SandboxClient, api: AsyncWebClient) -> None:
    """With `late_shares`, `files.info` knows neither type nor place of a file at first."""
    await people.fault(file="late_shares", seconds=0.2)
    outcome = await people.drop("support", "#optout-uploads", "stops.csv", CSV)
    early = (await api.files_info(file=str(outcome.file)))["file"]
    assert (early["shares"], early["mimetype"], early["channels"]) == ({}, "", [])
    async with asyncio.timeout(PATIENCE):
        while not (file := (await api.files_info(file=str(outcome.file)))["file"])["shares"]:
            pass
    assert file["mimetype"] == "text/csv"


async def test_an_upload_in_three_steps(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """`files_upload_v2` into a thread: a message of the bot with the file, a moment after the answer."""
    root = await people.message("support", "#optout-uploads", "here")
    channel = (await people.state()).channel("optout-uploads").id
    answer = await api.files_upload_v2(
        channel=channel, thread_ts=root.ts, filename="unreadable.csv", content="line\n41\n", initial_comment="35 rows"
    )
    [reply] = await people.until(lambda state: state.replies(root.ts))
    assert (reply.user, reply.text) == (slack.bot_user_id, "35 rows")
    [file] = reply.files
    assert file["id"] == answer["file"]["id"]
    assert (file["name"], file["title"]) == ("unreadable.csv", "unreadable.csv")
    assert await people.download(file["id"]) == b"line\n41\n"
    shared = [item["payload"]["event"] for item in await people.deliveries("event")]
    assert [(event["type"], event["user_id"]) for event in shared] == [("file_shared", slack.bot_user_id)]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "field-private"}, "channel_not_found"),
        ({"channel": "archive-2024"}, "is_archived"),
        ({"channel": "support-tickets", "thread_ts": "1700000000.000001"}, "invalid_thread_ts"),
    ],
)
async def test_where_an_upload_cannot_go(
    people: SandboxClient, api: AsyncWebClient, arguments: dict[str, Any], error: str
) -> None:
    """The last step refuses channels the bot cannot post in, and threads that are not there."""
    arguments["channel"] = (await people.state()).channel(arguments["channel"]).id
    with pytest.raises(SlackApiError, match=error):
        await api.files_upload_v2(filename="a.csv", content="x", **arguments)
    assert (await people.state()).files == []


async def test_an_upload_step_out_of_order(people: SandboxClient, api: AsyncWebClient) -> None:
    """No bytes, or more than 1 GB, no URL; a length that was wrong; nothing to complete; a URL used twice."""
    channel = (await people.state()).channel("support-tickets").id
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await api.files_getUploadURLExternal(filename="a.csv", length=0)
    with pytest.raises(SlackApiError, match="file_upload_size_restricted"):
        await api.files_getUploadURLExternal(filename="a.csv", length=2**30 + 1)
    reserved = await api.files_getUploadURLExternal(filename="a.csv", length=3)
    with pytest.raises(SlackApiError, match="file_not_found"):
        await api.files_completeUploadExternal(files=[{"id": reserved["file_id"], "title": "a"}], channel_id=channel)
    async with aiohttp.ClientSession() as session:
        async with session.post(reserved["upload_url"], data=b"four") as answer:
            assert answer.status == 400
        async with session.post(reserved["upload_url"], data=b"abc") as answer:
            assert answer.status == 404
        again = await api.files_getUploadURLExternal(filename="a.csv", length=3)
        form = aiohttp.FormData()
        form.add_field("filename", b"abc", filename="a.csv")
        async with session.post(again["upload_url"], data=form) as answer:
            assert (answer.status, await answer.text()) == (200, "OK - 3")
    done = await api.files_completeUploadExternal(files=[{"id": again["file_id"], "title": "Mine"}])
    assert done["files"][0]["title"] == "Mine"
    with pytest.raises(SlackApiError, match="file_update_failed"):
        await api.files_completeUploadExternal(files=[{"id": again["file_id"], "title": "Mine"}])


async def test_a_deleted_file(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """Its owner deletes it: the bytes are gone, the message keeps a tombstone; the bot deletes only its own."""
    file = await dropped(people, api)
    with pytest.raises(SlackApiError, match="cant_delete_file"):
        await api.files_delete(file=file["id"])
    await people.delete_file("support", file["id"])
    with pytest.raises(SlackApiError, match="file_deleted"):
        await api.files_info(file=file["id"])
    assert (await fetched(file["url_private"], slack.bot_token))[0] == 404
    [message] = (await people.state()).channel("optout-uploads").messages
    assert message.files[0]["deleted"] is True
    own = (await api.files_upload_v2(filename="own.csv", content="x"))["file"]
    assert (await api.files_delete(file=own["id"]))["ok"]


async def test_a_large_file_is_streamed(
    slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient, tmp_path: Path
) -> None:
    """Tens of megabytes go in from a path and come out byte for byte."""
    path = tmp_path / "large.csv"
    path.write_bytes(b"+12025550101\n" * 3_000_000)
    outcome = await people.drop("admin", "#optout-uploads", "large.csv", path)
    file = (await api.files_info(file=str(outcome.file)))["file"]
    assert (file["size"], file["mode"]) == (39_000_000, "hosted")
    digest = hashlib.sha256()
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with aiohttp.ClientSession() as session, session.get(file["url_private"], headers=headers) as answer:
        async for chunk in answer.content.iter_chunked(1 << 16):
            digest.update(chunk)
    assert digest.digest() == hashlib.sha256(path.read_bytes()).digest()


async def test_nothing_is_left_on_disk() -> None:
    """Stopping removes the directory of the files."""
    async with EmbeddedSlack() as slack, SandboxClient(slack.url) as people:
        directory = slack.platform.files._directory
        await people.drop("admin", "#optout-uploads", "clean.csv")
        assert len(list(directory.iterdir())) == 1
    assert not directory.exists()
