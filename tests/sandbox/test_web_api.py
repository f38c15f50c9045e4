"""The Web API's conventions, by Slack's own client and by bare HTTP."""

import json
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import EmbeddedSlack, SandboxClient

# Slack's methods that the embedded Slack promises: all the desk calls, and what apps like it call.
PROMISED = (
    "api.test",
    "apps.connections.open",
    "auth.test",
    "bots.info",
    *(f"chat.{name}" for name in ("delete", "getPermalink", "postEphemeral", "postMessage", "update")),
    *(f"conversations.{name}" for name in ("history", "info", "join", "list", "members", "open", "replies")),
    *(f"files.{name}" for name in ("completeUploadExternal", "delete", "getUploadURLExternal", "info")),
    *(f"functions.{name}" for name in ("completeError", "completeSuccess")),
    "oauth.v2.access",
    "team.info",
    "usergroups.list",
    "usergroups.users.list",
    "users.info",
    "users.list",
    *(f"views.{name}" for name in ("open", "publish", "push", "update")),
)


async def ask(slack: EmbeddedSlack, verb: str, method: str, **request: Any) -> dict[str, Any]:
    """One bare request to `/api/{method}`, whose answer must be HTTP 200."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(verb, f"{slack.api_url}{method}", **request) as answer,
    ):
        assert answer.status == 200
        body: dict[str, Any] = await answer.json()
        return body


async def test_every_way_to_call_is_understood(slack: EmbeddedSlack) -> None:
    """Query, form, JSON and an empty JSON body; the token as a bearer or as an argument; GET and POST."""
    bearer = {"Authorization": f"Bearer {slack.bot_token}"}
    token = {"token": slack.bot_token}
    utf8 = bearer | {"Content-Type": "application/json; charset=utf-8"}
    answers = [
        await ask(slack, "GET", "auth.test", headers=bearer),
        await ask(slack, "POST", "auth.test", data=token),
        await ask(slack, "POST", "auth.test", headers=bearer),
        await ask(slack, "POST", "auth.test", headers=utf8, data="{}"),
        await ask(slack, "POST", "auth.test", headers=utf8, data=""),
        await ask(slack, "POST", "auth.test", json=token, headers={"Content-Type": "application/json; charset=utf-8"}),
    ]
    for answer in answers:
        assert answer["ok"] is True
        assert answer["bot_id"] == slack.bot_id
        assert answer["user_id"] == slack.bot_user_id
        assert answer["team_id"] == slack.team_id
        assert answer["url"] == f"{slack.url}/"


async def test_a_token_in_the_query_is_not_read(slack: EmbeddedSlack) -> None:
    """Slack takes none there, of apps made since 2021."""
    for verb in ("GET", "POST"):
        answer = await ask(slack, verb, "auth.test", params={"token": slack.bot_token})
        assert answer == {"ok": False, "error": "not_authed"}


async def test_connections_are_opened_with_the_token_in_the_header(slack: EmbeddedSlack) -> None:
    """An app's token in a form is `invalid_auth` there; in the header it opens."""
    refused = await ask(slack, "POST", "apps.connections.open", data={"token": slack.app_token})
    assert refused == {"ok": False, "error": "invalid_auth"}
    headers = {"Authorization": f"Bearer {slack.app_token}"}
    assert (await ask(slack, "POST", "apps.connections.open", headers=headers))["ok"] is True


async def test_json_without_a_charset_is_taken_with_a_warning(slack: EmbeddedSlack) -> None:
    """Slack warns `missing_charset` and answers all the same."""
    headers = {"Authorization": f"Bearer {slack.bot_token}", "Content-Type": "application/json"}
    answer = await ask(slack, "POST", "auth.test", headers=headers, data="{}")
    assert answer["ok"] is True
    assert answer["warning"] == "missing_charset"
    assert answer["response_metadata"] == {"warnings": ["missing_charset"]}


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [
        ("{", "application/json", "invalid_json"),
        ("[]", "application/json", "json_not_object"),
        ("a=b", "text/plain", "invalid_post_type"),
    ],
)
async def test_a_body_that_makes_no_sense_is_named(
    slack: EmbeddedSlack, body: str, content_type: str, error: str
) -> None:
    """A body that cannot be read is an error in the answer, still with HTTP 200."""
    answer = await ask(slack, "POST", "api.test", data=body, headers={"Content-Type": content_type})
    assert (answer["ok"], answer["error"]) == (False, error)


async def test_who_may_call(slack: EmbeddedSlack) -> None:
    """No token, a wrong one, one of the wrong kind, and a method nobody knows."""
    bearer = {"Authorization": f"Bearer {slack.bot_token}"}
    assert (await ask(slack, "POST", "auth.test"))["error"] == "not_authed"
    assert (await ask(slack, "POST", "auth.test", data={"token": "xoxb-1-2-3"}))["error"] == "invalid_auth"
    assert (await ask(slack, "POST", "apps.connections.open", headers=bearer))["error"] == "not_allowed_token_type"
    app = {"Authorization": f"Bearer {slack.app_token}"}
    assert (await ask(slack, "POST", "chat.postMessage", headers=app))["error"] == "not_allowed_token_type"
    unknown = await ask(slack, "POST", "chat.shout", headers=bearer)
    assert unknown == {"ok": False, "error": "unknown_method", "req_method": "chat.shout"}


@pytest.mark.parametrize("method", PROMISED)
async def test_every_method_promised_is_known(slack: EmbeddedSlack, method: str) -> None:
    """Each answers a call without token and arguments with its own refusal, or, needing neither, well."""
    answer = await ask(slack, "POST", method)
    refusals = {"api.test": None, "oauth.v2.access": "invalid_client_id"}
    assert answer.get("error") == refusals.get(method, "not_authed")


async def test_a_missing_scope_is_named(slack: EmbeddedSlack, api: AsyncWebClient) -> None:
    """`missing_scope` says what is needed and provided; headers carry the token's scopes and the method's."""
    slack.set_manifest(scopes=["commands", "users:read"])
    with pytest.raises(SlackApiError) as caught:
        await api.chat_postMessage(channel="C0", text="x")
    answer = caught.value.response
    assert answer["error"] == "missing_scope"
    assert answer["needed"] == "chat:write"
    assert answer["provided"] == "commands,users:read"
    assert answer.headers["X-OAuth-Scopes"] == "commands,users:read"
    assert answer.headers["X-Accepted-OAuth-Scopes"] == "chat:write"


async def test_api_test_echoes(slack: EmbeddedSlack) -> None:
    """`api.test` needs no token, returns its arguments and fails on demand."""
    assert await ask(slack, "POST", "api.test", data={"a": "1"}) == {"ok": True, "args": {"a": "1"}}
    failed = await ask(slack, "GET", "api.test", params={"error": "my_error"})
    assert failed == {"ok": False, "error": "my_error", "args": {"error": "my_error"}}


async def test_calls_are_recorded(slack: EmbeddedSlack, people: SandboxClient, api: AsyncWebClient) -> None:
    """The log has each call with method, arguments, answer and kind of token; never the token itself."""
    await api.users_info(user=slack.bot_user_id)
    [call] = await people.calls("users.info")
    assert call["arguments"] == {"user": slack.bot_user_id}
    assert call["token"] == "bot"
    assert call["answer"]["user"]["id"] == slack.bot_user_id
    assert slack.bot_token not in json.dumps(await people.calls())


async def test_a_revoked_token_is_refused_everywhere(people: SandboxClient, api: AsyncWebClient) -> None:
    """After the token is revoked every method says `token_revoked`, until the fault is cleared."""
    await people.fault(token="revoked")
    with pytest.raises(SlackApiError, match="token_revoked"):
        await api.auth_test()
    await people.clear_faults()
    assert (await api.auth_test())["ok"]


async def test_oauth_gives_the_token_for_the_page_s_code(slack: EmbeddedSlack) -> None:
    """Allowing the app redirects with code and state; the code is good once, for the right client."""
    query = {"client_id": slack.client_id, "scope": "commands,chat:write", "state": "abc", "redirect_uri": "http://a/b"}
    async with aiohttp.ClientSession() as session:
        page = await session.get(f"{slack.url}/oauth/v2/authorize", params=query)
        assert "Allow" in await page.text()
        answer = await session.post(
            f"{slack.url}/oauth/v2/authorize", params=query, data={"answer": "allow"}, allow_redirects=False
        )
        location = answer.headers["Location"]
        assert location.startswith("http://a/b?state=abc&code=")
    code = {"code": location.partition("code=")[2]}
    wrong = code | {"client_id": slack.client_id, "client_secret": "no"}
    assert (await ask(slack, "POST", "oauth.v2.access", data=wrong))["error"] == "bad_client_secret"
    # Slack's Python client sends id and secret this way.
    basic = {"Authorization": aiohttp.encode_basic_auth(slack.client_id, slack.client_secret)}
    granted = await ask(slack, "POST", "oauth.v2.access", data=code, headers=basic)
    assert granted["access_token"] == slack.bot_token
    assert granted["scope"] == "commands,chat:write"
    assert (await ask(slack, "POST", "oauth.v2.access", data=code, headers=basic))["error"] == "invalid_code"
