"""`api.test`, `auth.*`, `apps.*` and `oauth.*`."""

from bot.sandbox.errors import SlackError
from bot.sandbox.web_api import Call, JsonObject, Method


async def api_test(call: Call) -> JsonObject:
    arguments = {name: str(value) for name, value in call.arguments.items()}
    if "error" in arguments:
        raise SlackError(arguments["error"], args=arguments)
    return {"args": arguments}


async def auth_test(call: Call) -> JsonObject:
    workspace = call.workspace
    if call.token == "app":  # noqa: S105 - the kind of token, not one
        return {"app_id": call.app.app_id, "app_name": call.app.name}
    return {
        "url": f"{call.slack.feed.base_url}/",
        "team": workspace.name,
        "user": workspace.bot.handle,
        "team_id": workspace.team_id,
        "user_id": call.app.bot_user_id,
        "bot_id": call.app.bot_id,
        "is_enterprise_install": call.app.org_wide,
        **({} if call.app.enterprise is None else {"enterprise_id": call.app.enterprise[0]}),
    }


async def auth_revoke(call: Call) -> JsonObject:
    if call.flag("test"):
        return {"revoked": False}
    call.app.revoked = True
    return {"revoked": True}


async def connections_open(call: Call) -> JsonObject:
    base_url = call.slack.feed.base_url
    return {"url": call.slack.sockets.issue_ticket(base_url, debug_reconnects=call.flag("debug_reconnects"))}


async def auth_teams(call: Call) -> JsonObject:
    """https://docs.slack.dev/reference/methods/auth.teams.list: an organisation has one workspace here."""
    return {
        "teams": [{"id": call.workspace.team_id, "name": call.workspace.name}],
        "response_metadata": {"next_cursor": ""},
    }


async def apps_uninstall(call: Call) -> JsonObject:
    """https://docs.slack.dev/reference/methods/apps.uninstall"""
    if call.text("client_id") != call.app.client_id:
        raise SlackError("invalid_client_id")
    if call.text("client_secret") != call.app.client_secret:
        raise SlackError("bad_client_secret")
    call.slack.feed.uninstalled()
    return {}


async def oauth_access(call: Call) -> JsonObject:
    return call.slack.grants.exchanged(call.text)


METHODS = {
    "api.test": Method(api_test, tokens=("none", "bot", "app")),
    "auth.test": Method(auth_test, tokens=("bot", "app"), tier="hundreds"),
    "auth.revoke": Method(auth_revoke, tier="3"),
    "auth.teams.list": Method(auth_teams, tier="2"),
    "apps.uninstall": Method(apps_uninstall, tier="1"),
    "apps.connections.open": Method(
        connections_open, ("connections:write",), tokens=("app",), tier="1", bearer_only=True
    ),
    "oauth.v2.access": Method(oauth_access, tokens=("none", "bot", "app")),
}
