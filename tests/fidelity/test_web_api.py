"""`@slack/web-api` alone: pages, uploads, errors and rate limits, as Slack's own JavaScript client reads them."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox import EmbeddedSlack, SandboxClient
from tests.fidelity.strangers import HERE, running

Step = Callable[[str], Awaitable[Any]]
CHANNEL = "support-tickets"


@pytest.fixture
def step(slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path) -> Step:
    """Runs one step of web_api.mjs and gives what it printed."""

    async def run(name: str) -> Any:
        environment = {
            "SLACK_API_URL": slack.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "CHANNEL": (await people.state()).channel(CHANNEL).id,
            "STEP": name,
        }
        async with running(("node", str(HERE / "web_api.mjs")), environment, cwd=tmp_path) as script:
            return (await script.next("done"))["answer"]

    return run


async def test_cursors(step: Step, people: SandboxClient) -> None:
    """`paginate` walks the cursors to the end: full pages, each item once, the last cursor empty."""
    pages = await step("pages")
    state = await people.state()
    visible = [
        raw["id"]
        for raw in state.raw["channels"]
        if not raw["is_private"] or state.user("@optout")["id"] in raw["members"]
    ]
    members = [user["id"] for user in state.raw["users"] if not user["is_stranger"]]
    assert [item for page in pages["channels"] for item in page] == visible
    assert [item for page in pages["members"] for item in page] == members
    assert [item for page in pages["members_of"] for item in page] == state.channel(CHANNEL).members
    assert all(len(page) == 3 for page in pages["members"][:-1])
    assert len(pages["members"]) > 1
    assert len(pages["members_of"]) > 1


async def test_upload_of_two_files(step: Step, people: SandboxClient) -> None:
    """`filesUploadV2` of text and bytes is one message with both files, byte for byte."""
    files = (await step("upload"))["files"]
    assert [file["title"] for file in files] == ["One", "two.bin"]
    message = await people.until(
        lambda state: next((m for m in state.channel(CHANNEL).messages if m.text == "two files"), None)
    )
    assert [file["id"] for file in message.files] == [file["id"] for file in files]
    assert await people.download(files[0]["id"]) == b"phone\n+12125550100\n"
    assert await people.download(files[1]["id"]) == b"x" * 300_000


async def test_error_codes(step: Step) -> None:
    """Every refusal is a platform error with Slack's code, and with messages where Slack has some."""
    errors = await step("errors")
    assert {error["code"] for error in errors.values()} == {"slack_webapi_platform_error"}
    assert {name: error["error"] for name, error in errors.items()} == {
        "unknown_channel": "channel_not_found",
        "no_text": "no_text",
        "blocks": "invalid_blocks",
        "arguments": "invalid_arguments",
        "unknown_method": "unknown_method",
        "no_token": "not_authed",
        "wrong_token": "invalid_auth",
        "wrong_kind": "not_allowed_token_type",
    }
    assert [name for name, error in errors.items() if error["messages"]] == ["blocks", "arguments"]


async def test_a_rate_limit_is_waited_out(step: Step, people: SandboxClient) -> None:
    """The client reads `Retry-After`, waits and calls again; told to reject, it fails with the seconds to wait."""
    await people.fault(method="chat.postMessage", fault="ratelimited", retry_after=1)
    answer = await step("limited")
    assert (answer["ok"], answer["told"]) == (True, [1])
    assert answer["seconds"] >= 1.0
    assert [call["status"] for call in await people.calls("chat.postMessage")] == [429, 200]
    await people.fault(method="chat.postMessage", fault="ratelimited", retry_after=7)
    assert await step("rejected") == {"code": "slack_webapi_rate_limited_error", "retryAfter": 7}


async def test_scopes_come_in_headers(step: Step, slack: EmbeddedSlack) -> None:
    """The client finds the token's scopes in the answer's headers."""
    slack.set_manifest(scopes=["commands", "chat:write"])
    assert (await step("scopes"))["scopes"] == ["commands", "chat:write"]


async def test_a_server_error_is_tried_again(step: Step, people: SandboxClient) -> None:
    """A 503 is no answer of the method: the client calls again and goes through."""
    await people.fault(method="chat.postMessage", fault="server_error", status=503)
    assert (await step("broken"))["ok"]
    assert [call["status"] for call in await people.calls("chat.postMessage")] == [503, 200]
