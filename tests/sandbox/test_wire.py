"""What went over the wire, as developers see it: `GET /sandbox/wire` and the live socket's word of it."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient
from tests.sandbox.conftest import by_socket


async def wire(slack: EmbeddedSlack, since: str | None = None) -> dict[str, Any]:
    query = {} if since is None else {"since": since}
    async with aiohttp.ClientSession() as session, session.get(f"{slack.url}/sandbox/wire", params=query) as answer:
        told: dict[str, Any] = await answer.json()
        return told


async def test_deliveries_and_calls_stand_in_one_list(
    slack: EmbeddedSlack, people: SandboxClient, bolt: AsyncApp
) -> None:
    """A command, its acknowledgement with its time, and the calls it led to, with how long each took."""

    async def optout(ack: Any, client: AsyncWebClient, body: dict[str, Any]) -> None:
        await ack()
        await client.chat_postMessage(channel=body["channel_id"], text="done")

    bolt.command("/optout")(optout)
    async with by_socket(slack, people, bolt):
        before = (await wire(slack))["cursor"]
        await people.command("admin", "#support-tickets", "/optout help")
        await people.until(lambda state: state.channel("support-tickets").messages)
        entries = (await wire(slack, before))["entries"]
    kinds = {(entry["kind"], entry.get("name") or entry["method"]): entry for entry in entries}
    command = kinds["command", "/optout"]
    assert [attempt["acknowledged"] for attempt in command["attempts"]] == [True]
    assert command["attempts"][0]["ms"] > 0
    call = kinds["call", "chat.postMessage"]
    assert (call["arguments"]["text"], call["answer"]["ok"], call["status"], call["fault"]) == ("done", True, 200, None)
    assert 0 < call["ms"] < 10_000


async def test_an_entry_that_changes_is_told_again(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """A delivery keeps its number when an attempt ends; the cursor leads from its start to what became of it."""
    await people.fault(delivery="command", fault="late", seconds=0.2)
    start = (await wire(slack))["cursor"]
    under_way = asyncio.create_task(people.command("admin", "#support-tickets", "/optout help"))
    begun: dict[str, Any] = {"entries": []}
    while not begun["entries"]:
        begun = await wire(slack, start)
    [entry] = begun["entries"]
    assert entry["attempts"] == []
    await under_way
    ended = await wire(slack, begun["cursor"])
    [again] = ended["entries"]
    assert (again["number"], again["attempts"][0]["error"]) == (entry["number"], "dispatch_failed")
    assert (await wire(slack, ended["cursor"]))["entries"] == []
    assert [each["number"] for each in (await wire(slack, start))["entries"]] == [entry["number"]]


async def test_a_cursor_of_another_run_starts_anew(slack: EmbeddedSlack, api: AsyncWebClient) -> None:
    """A page that outlived a sandbox is told so, and gets the latest."""
    await api.api_test()
    for cursor in ("0123abcd.99", "nonsense", "."):
        told = await wire(slack, cursor)
        assert (told["whole"], len(told["entries"])) == (True, 1)
    assert (await wire(slack, told["cursor"]))["whole"] is False


@pytest.mark.wide
async def test_a_long_list_comes_in_pages(slack: EmbeddedSlack, api: AsyncWebClient) -> None:
    """A hundred at a time, oldest first, none twice and none left out; without a cursor the latest."""
    cursor, more = (await wire(slack))["cursor"], True
    for number in range(250):
        await api.api_test(number=number)
    latest = await wire(slack)
    assert [int(entry["arguments"]["number"]) for entry in latest["entries"]] == list(range(150, 250))
    told: list[int] = []
    while more:
        page = await wire(slack, cursor)
        assert len(page["entries"]) <= 100
        told += [int(entry["arguments"]["number"]) for entry in page["entries"]]
        cursor, more = page["cursor"], page["more"]
    assert told == list(range(250))


async def test_no_token_is_told(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """Neither the app's own tokens and secrets, nor tickets, nor a token somebody sent by mistake."""
    await api.apps_connections_open(app_token=slack.app_token)
    await people.command("admin", "#support-tickets", f"/optout {slack.bot_token} xoxp-123-abc")
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await AsyncWebClient(token="xoxb-9-wrong", base_url=slack.api_url).auth_test(text="xoxb-9-wrong")
    text = json.dumps(await wire(slack), ensure_ascii=False)
    app = await people.app()
    for secret in (app["bot_token"], app["app_token"], app["signing_secret"], app["client_secret"], "xoxp-", "xoxb-"):
        assert secret not in text
    assert "ticket=•••" in text
    assert '"token": "•••"' in text


async def test_a_call_says_which_fault_struck_it(
    slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient
) -> None:
    """An answer that got lost was given all the same; the entry says that the app did not get it."""
    await people.fault(method="api.test", fault="lost_answer")
    await api.api_test()  # slack_sdk asks again by itself
    entries = (await wire(slack))["entries"]
    assert [(entry["answer"]["ok"], entry["fault"]) for entry in entries] == [(True, "lost_answer"), (True, None)]


@pytest.mark.wide
async def test_the_live_socket_tells_of_traffic_when_asked(slack: EmbeddedSlack, api: AsyncWebClient) -> None:
    """With `?wire` it says so after a call that changes nothing in the workspace."""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{slack.url}/sandbox/live?wire") as socket:
        first: dict[str, int] = {}
        while "wire" not in first or "version" not in first:
            first |= await socket.receive_json(timeout=10)
        await api.api_test()
        assert await socket.receive_json(timeout=10) == {"wire": first["wire"] + 1}
