"""What the embedded Slack really sent, compiled against the types Slack publishes (`published.ts`)."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.sandbox.methods import METHODS
from tests.fidelity.conftest import Damaging, Starting
from tests.fidelity.payload_types import INTERACTIONS, complaints, declarations
from tests.fidelity.strangers import CLIENTS
from tests.fidelity.tour import ALL_EVENTS, ALL_SCOPES, tour

JsonObject = dict[str, Any]
CHANNEL = "support-tickets"
[SDK] = (client for client in CLIENTS if client.name == "slack-sdk-aiohttp")


async def call_the_rest(slack: EmbeddedSlack, people: SandboxClient) -> None:
    """Call every method the strangers' app does not, and some of them in vain."""
    web = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    state = await people.state()
    channel, person = state.channel(CHANNEL).id, state.user("support")["id"]
    thread = next(message for message in state.channel(CHANNEL).messages if message.thread)
    own = await web.chat_postMessage(channel=channel, text="mine", metadata={"event_type": "e", "event_payload": {}})
    await web.chat_update(channel=channel, ts=str(own["ts"]), text="mine still")
    await web.chat_getPermalink(channel=channel, message_ts=thread.thread[0].ts)
    await web.chat_postEphemeral(channel=channel, user=person, text="for you")
    await web.chat_delete(channel=channel, ts=str(own["ts"]))
    await web.conversations_list(types="public_channel,private_channel,im", limit=3)
    await web.users_conversations(types="public_channel,private_channel", limit=3)
    for kind in (
        channel,
        state.channel("partner-desk").id,
        str((await web.conversations_open(users=person))["channel"]["id"]),
    ):
        await web.conversations_info(channel=kind, include_num_members=True)
    await web.conversations_open(users=state.user("second-admin")["id"], return_im=True)
    await web.conversations_members(channel=channel, limit=2)
    await web.conversations_history(channel=channel, limit=5)
    await web.conversations_history(channel=channel, limit=200)
    await web.conversations_replies(channel=channel, ts=thread.ts)
    await web.conversations_join(channel=channel)
    await web.conversations_join(channel=state.channel("campaign-admins").id)
    upload = await web.files_upload_v2(filename="own.csv", content="phone\n")
    await web.files_info(file=upload["file"]["id"])
    await web.files_list()
    await web.files_delete(file=upload["file"]["id"])
    for handle in ("admin", "guest", "stranger", "@optout"):
        await web.users_info(user=state.user(handle)["id"])
    groups = await web.usergroups_list(include_users=True)
    await web.usergroups_users_list(usergroup=groups["usergroups"][0]["id"])
    await web.bots_info(bot=slack.bot_id)
    await web.team_info()
    await web.api_test(foo="bar")
    await web.auth_revoke(test=True)
    await web.auth_teams_list()
    completed, failed = state.raw["steps"]
    await web.functions_completeSuccess(
        function_execution_id=completed["id"], outputs={"outcome": "opted out", "note": "done"}
    )
    await web.functions_completeError(function_execution_id=failed["id"], error="none")
    async with aiohttp.ClientSession() as session:
        query = {"client_id": slack.client_id, "redirect_uri": "http://localhost/"}
        url = f"{slack.url}/oauth/v2/authorize"
        answer = await session.post(url, params=query, data={"answer": "allow"}, allow_redirects=False)
    code = answer.headers["Location"].rpartition("code=")[2]
    secret = {"client_id": slack.client_id, "client_secret": slack.client_secret, "code": code}
    await web.api_call("oauth.v2.access", params=secret)
    for refused in (
        web.chat_postMessage(channel=channel, text="x", blocks=[{"type": "section"}]),
        web.chat_postMessage(channel=state.channel("archive-2024").id, text="x"),
        web.views_publish(user_id=person, view={"type": "home"}),
        web.users_info(user="U0NOBODY000", token="xoxb-no"),
    ):
        with pytest.raises(SlackApiError):
            await refused
    slack.set_manifest(scopes=["commands"])
    with pytest.raises(SlackApiError, match="missing_scope"):
        await web.team_info()
    await web.apps_uninstall(client_id=slack.client_id, client_secret=slack.client_secret)


@dataclass(frozen=True, slots=True)
class Sent:
    """Every answer and every payload of all that."""

    calls: list[JsonObject]
    deliveries: list[JsonObject]


@pytest.fixture
async def sent(slack: EmbeddedSlack, people: SandboxClient, start: Starting) -> Sent:
    """What the embedded Slack sends when everything it knows is done."""
    slack.set_manifest(scopes=ALL_SCOPES, events=ALL_EVENTS)
    async with start(SDK, people) as app:
        await tour(people, app)
        # No part of the tour: of the clients only Bolt for Python has a listener for steps.
        for _ in range(2):
            await people.start_step("support", "opt_out_number", number="+12125550100")
        await call_the_rest(slack, people)
    return Sent(await people.calls(), await people.deliveries())


def test_everything_sent_fits_the_published_types(sent: Sent, tmp_path: Path) -> None:
    """Every method answers, every kind of payload is sent, and all of it compiles with `tsc --strict`."""
    answered = {call["method"] for call in sent.calls if isinstance(call["answer"], dict) and call["answer"]["ok"]}
    assert answered >= set(METHODS)
    kinds = {delivery["name"] for delivery in sent.deliveries if delivery["kind"] == "event"}
    assert kinds == {name.partition(".")[0] for name in ALL_EVENTS}
    interactions = {item["payload"]["type"] for item in sent.deliveries if item["kind"] == "interaction"}
    assert interactions == set(INTERACTIONS)
    assert complaints(declarations(sent.calls, sent.deliveries), tmp_path) == []


def test_an_integer_ts_is_refused_wherever_it_is(sent: Sent, tmp_path: Path) -> None:
    """A timestamp that is a number does not compile, in any payload or answer that has one."""
    source = declarations(sent.calls, sent.deliveries)
    damaged = re.sub(r'"(\d{10})\.\d{6}"', r"\1", source).splitlines()
    expected = {number for number, line in enumerate(source.splitlines(), 1) if line != damaged[number - 1]}
    found = complaints("\n".join(damaged), tmp_path)
    refused = {int(place[1]) for text in found if (place := re.match(r"sent\.ts\((\d+),", text))}
    assert len(expected) > 40
    assert refused == expected


# A payload's type, the way to an object in it, and a field of that object which clients need.
NEEDED = (
    ('slack.Answers["chat.postMessage"]', (), "ts"),
    ('slack.Answers["chat.postMessage"]', ("message",), "ts"),
    ('slack.Answers["conversations.list"]', ("channels", 0), "id"),
    ('slack.Answers["files.info"]', ("file",), "mimetype"),
    ('slack.Answers["users.info"]', ("user",), "team_id"),
    ('slack.Answers["views.open"]', ("view",), "hash"),
    ('slack.Envelope<"app_mention">', (), "event_context"),
    ('slack.Envelope<"app_mention">', ("authorizations", 0), "user_id"),
    ('slack.Envelope<"message">', ("event",), "channel_type"),
    ('slack.Envelope<"message.message_changed">', ("event",), "previous_message"),
    ("slack.BlockActions", (), "trigger_id"),
    ("slack.BlockActions", ("actions", 0), "action_ts"),
    ("slack.Command", (), "response_url"),
    ("slack.MessageShortcut", ("message",), "ts"),
    ("slack.ViewSubmission", ("view",), "private_metadata"),
)


def test_the_types_are_not_lenient(sent: Sent, tmp_path: Path) -> None:
    """In payloads of every kind a field that is missing is refused, and so is one that Slack does not have."""
    head, _, *constants = declarations(sent.calls, sent.deliveries).splitlines()
    damaged = [head]
    for annotation, way, name in NEEDED:
        literal = next(line for line in constants if f": {annotation} = " in line).partition(" = ")[2]
        for change in ("missing", "invented"):
            payload = json.loads(literal.removesuffix(";"))
            place = payload
            for step in way:
                place = place[step]
            if change == "missing":
                del place[name]
            else:
                place["nobody_knows_this"] = 1
            damaged.append(f"export const number{len(damaged)}: {annotation} = {json.dumps(payload)};")
    found = complaints("\n".join(damaged), tmp_path)
    refused = {int(place[1]) for text in found if (place := re.match(r"sent\.ts\((\d+),", text))}
    assert refused == set(range(2, len(NEEDED) * 2 + 2)), found


def _integer_ts(event: JsonObject) -> None:
    event["ts"] = int(float(event["ts"]))


def _whole_file(event: JsonObject) -> None:
    event["file"] |= {"name": "list.csv", "url_private": "http://localhost/list.csv"}


def _no_event_ts(event: JsonObject) -> None:
    del event["event_ts"]


@pytest.mark.parametrize(
    ("kind", "damage", "complaint"),
    [
        ("app_mention", _integer_ts, "Type 'number' is not assignable to type 'string'"),
        ("file_shared", _whole_file, "Object literal may only specify known properties, and '\"name\"'"),
        ("app_mention", _no_event_ts, "Property 'event_ts' is missing"),
    ],
)
async def test_damage_is_refused(
    people: SandboxClient,
    start: Starting,
    damaging: Damaging,
    tmp_path: Path,
    kind: str,
    damage: Callable[[JsonObject], None],
    complaint: str,
) -> None:
    """A server that sends one such field wrongly is found out, by the complaint that names it."""
    damaging(kind, damage)
    async with start(SDK, people):
        await people.message("support", CHANNEL, "@optout hello")
        await people.drop("support", CHANNEL, "list.csv", b"phone\n")
    found = complaints(declarations([], await people.deliveries()), tmp_path)
    assert found
    assert [text for text in found if complaint not in text] == []
