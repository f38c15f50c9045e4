"""`users.*`, `usergroups.*`, `bots.*` and `team.*`."""

import time

from bot.sandbox.avatars import pictures
from bot.sandbox.errors import SlackError
from bot.sandbox.shapes import BOT_ICONS, user_object
from bot.sandbox.web_api import Call, JsonObject, Method, page_of


async def user_info(call: Call) -> JsonObject:
    return {"user": user_object(call.user(), call.slack.feed.base_url)}


async def user_list(call: Call) -> JsonObject:
    call.of_team()
    base_url = call.slack.feed.base_url
    found = [user_object(user, base_url) for user in call.workspace.users.values() if not user.is_stranger]
    page, metadata = page_of(call, found)
    return {"members": page, "cache_ts": int(time.time())} | metadata


async def usergroup_list(call: Call) -> JsonObject:
    include_users = call.flag("include_users")
    groups = []
    for group in call.workspace.usergroups.values():
        shape: JsonObject = {name: value for name, value in group.items() if name != "users"}
        shape["user_count"] = len(group["users"])
        if include_users:
            shape["users"] = group["users"]
        groups.append(shape)
    return {"usergroups": groups}


async def usergroup_users(call: Call) -> JsonObject:
    call.of_team()
    group = call.workspace.usergroups.get(call.needed("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": group["users"]}


async def bot_info(call: Call) -> JsonObject:
    bot = call.workspace.bot
    wanted = call.text("bot") or bot.bot_id
    found = next((user for user in call.workspace.users.values() if user.bot_id == wanted), None)
    if found is None:
        raise SlackError("bot_not_found")
    shape: JsonObject = {
        "id": found.bot_id,
        "deleted": False,
        "name": found.real_name,
        "updated": found.updated,
        "app_id": found.app_id,
        "user_id": found.id,
        "icons": pictures(call.slack.feed.base_url, found.app_id or found.id, BOT_ICONS),
    }
    return {"bot": shape}


async def team_info(call: Call) -> JsonObject:
    workspace = call.workspace
    shape: JsonObject = {
        "id": workspace.team_id,
        "name": workspace.name,
        "url": f"{call.slack.feed.base_url}/",
        "domain": workspace.domain,
        "email_domain": "",
        "icon": {"image_default": True},
        "avatar_base_url": f"{call.slack.feed.base_url}/",
        "is_verified": False,
    }
    return {"team": shape}


METHODS = {
    "users.info": Method(user_info, ("users:read",)),
    "users.list": Method(user_list, ("users:read",), tier="2"),
    "usergroups.list": Method(usergroup_list, ("usergroups:read",), tier="2"),
    "usergroups.users.list": Method(usergroup_users, ("usergroups:read",), tier="2"),
    "bots.info": Method(bot_info, ("users:read",), tier="3"),
    "team.info": Method(team_info, ("team:read",), tier="3"),
}
