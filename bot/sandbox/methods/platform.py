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
        "is_enterprise_install": False,
    }


async def auth_revoke(call: Call) -> JsonObject:
    if call.flag("test"):
        return {"revoked": False}
    call.app.revoked = True
    return {"revoked": True}


async def connections_open(call: Call) -> JsonObject:
    base_url = call.slack.feed.base_url
    return {"url": call.slack.sockets.issue_ticket(base_url, debug_reconnects=call.flag("debug_reconnects"))}


async def oauth_access(call: Call) -> JsonObject:
    """The code of the authorize page for the bot token: https://docs.slack.dev/authentication/installing-with-oauth"""
    app, workspace = call.app, call.workspace
    if call.text("client_id") != app.client_id:
        raise SlackError("invalid_client_id")
    if call.text("client_secret") != app.client_secret:
        raise SlackError("bad_client_secret")
    redirect = app.codes.pop(call.text("code") or "", None)
    if redirect is None:
        raise SlackError("invalid_code")
    if redirect and call.text("redirect_uri") not in (None, redirect):
        raise SlackError("bad_redirect_uri")
    app.revoked = False
    installer = next(user for user in workspace.users.values() if user.is_admin)
    return {
        "access_token": app.bot_token,
        "token_type": "bot",
        "scope": ",".join(app.scopes),
        "bot_user_id": app.bot_user_id,
        "app_id": app.app_id,
        "team": {"name": workspace.name, "id": workspace.team_id},
        "enterprise": None,
        "is_enterprise_install": False,
        "authed_user": {"id": installer.id},
    }


METHODS = {
    "api.test": Method(api_test, tokens=("none", "bot", "app")),
    "auth.test": Method(auth_test, tokens=("bot", "app"), tier="hundreds"),
    "auth.revoke": Method(auth_revoke, tier="3"),
    "apps.connections.open": Method(
        connections_open, ("connections:write",), tokens=("app",), tier="1", bearer_only=True
    ),
    "oauth.v2.access": Method(oauth_access, tokens=("none", "bot", "app")),
}
