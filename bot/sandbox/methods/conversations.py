"""`conversations.*`: https://docs.slack.dev/reference/methods?family=conversations"""

from bot.sandbox.errors import SlackError
from bot.sandbox.shapes import channel_object
from bot.sandbox.web_api import Call, JsonObject, Method, page_of
from bot.sandbox.workspace import Channel

_READ = ("channels:read", "groups:read", "mpim:read", "im:read")
_HISTORY = ("channels:history", "groups:history", "mpim:history", "im:history")


def _scope_for(call: Call, channel: Channel, ending: str) -> None:
    """The scope depends on the kind of channel, which only the call tells."""
    kind = "im" if channel.is_im else "groups" if channel.is_private else "channels"
    if f"{kind}:{ending}" not in call.app.scopes:
        raise SlackError("missing_scope", needed=f"{kind}:{ending}", provided=",".join(call.app.scopes))


async def info(call: Call) -> JsonObject:
    channel = call.channel()
    _scope_for(call, channel, "read")
    shape = channel_object(channel, call.workspace)
    if call.flag("include_num_members") and not channel.is_im:
        shape["num_members"] = len(channel.members)
    return {"channel": shape}


async def list_(call: Call) -> JsonObject:
    kinds = (call.text("types") or "public_channel").split(",")
    hide_archived = call.flag("exclude_archived")
    bot = call.workspace.bot.id
    found = []
    for channel in call.workspace.channels.values():
        kind = "im" if channel.is_im else "private_channel" if channel.is_private else "public_channel"
        if kind not in kinds or (hide_archived and channel.is_archived):
            continue
        if kind != "public_channel" and bot not in channel.members:
            continue
        _scope_for(call, channel, "read")
        shape = channel_object(channel, call.workspace)
        found.append(shape if channel.is_im else shape | {"num_members": len(channel.members)})
    page, metadata = page_of(call, found)
    return {"channels": page} | metadata


async def of_user(call: Call) -> JsonObject:
    """`users.conversations`: https://docs.slack.dev/reference/methods/users.conversations"""
    call.of_team()
    bot = call.app.bot_user_id
    user = call.text("user") or bot
    if user not in call.workspace.users:
        raise SlackError("user_not_found")
    kinds = (call.text("types") or "public_channel").split(",")
    for kind, scope in (("public_channel", "channels"), ("private_channel", "groups"), ("im", "im")):
        if kind in kinds and f"{scope}:read" not in call.app.scopes:
            raise SlackError("missing_scope", needed=f"{scope}:read", provided=",".join(call.app.scopes))
    hide_archived = call.flag("exclude_archived")
    found = [
        {name: value for name, value in channel_object(channel, call.workspace).items() if name != "is_member"}
        for channel in call.workspace.channels.values()
        if user in channel.members
        # What is not public is told to who is there.
        and (bot in channel.members or not (channel.is_im or channel.is_private))
        and ("im" if channel.is_im else "private_channel" if channel.is_private else "public_channel") in kinds
        and not (hide_archived and channel.is_archived)
    ]
    page, metadata = page_of(call, found)
    return {"channels": page} | metadata


async def members(call: Call) -> JsonObject:
    channel = call.channel()
    _scope_for(call, channel, "read")
    page, metadata = page_of(call, channel.members)
    return {"members": page} | metadata


async def open_(call: Call) -> JsonObject:
    if call.text("channel"):
        channel = call.channel()
        if not channel.is_im:
            raise SlackError("channel_not_found")
        return {"no_op": True, "already_open": True, "channel": {"id": channel.id}}
    users = [part for part in (call.text("users") or "").split(",") if part]
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1 or users[0] not in call.workspace.users:
        raise SlackError("user_not_found")
    user = call.workspace.users[users[0]]
    if user.is_bot:
        raise SlackError("cannot_dm_bot")
    before = len(call.workspace.channels)
    channel = call.workspace.direct_message(user)
    shape = {"id": channel.id}
    if call.flag("return_im"):
        shape = channel_object(channel, call.workspace)
    answer: JsonObject = {"channel": shape}
    if len(call.workspace.channels) == before:
        answer |= {"no_op": True, "already_open": True}
    return answer


async def join(call: Call) -> JsonObject:
    channel = call.workspace.channels.get(call.needed("channel"))
    if channel is None or channel.is_im:
        raise SlackError("channel_not_found")
    if channel.is_private:
        raise SlackError("method_not_supported_for_channel_type")
    if channel.is_archived:
        raise SlackError("is_archived")
    bot = call.workspace.bot.id
    answer: JsonObject = {}
    if bot in channel.members:
        answer = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    else:
        channel.members.append(bot)
        call.workspace.touch(channel)
        event = {"user": bot, "channel": channel.id, "channel_type": "C", "team": call.workspace.team_id}
        call.slack.feed.emit("member_joined_channel", event, channel=channel)
    return {"channel": channel_object(channel, call.workspace)} | answer


def _readable(call: Call) -> Channel:
    channel = call.channel()
    _scope_for(call, channel, "history")
    if call.app.bot_user_id not in channel.members:
        raise SlackError("not_in_channel")
    return channel


async def history(call: Call) -> JsonObject:
    channel = _readable(call)
    oldest, latest = call.text("oldest") or "0", call.text("latest") or "9" * 12
    inclusive = call.flag("inclusive")
    found = [
        call.slack.feed.message_object(message)
        for message in reversed(channel.messages.values())
        if not message.is_reply
        and (float(oldest) < float(message.ts) < float(latest) or (inclusive and message.ts in (oldest, latest)))
    ]
    page, metadata = page_of(call, found, most=999)
    more = bool(metadata["response_metadata"]["next_cursor"])
    return {"messages": page, "has_more": more, "pin_count": 0} | (metadata if more else {})


async def replies(call: Call) -> JsonObject:
    channel = _readable(call)
    message = channel.messages.get(call.needed("ts"))
    if message is None:
        raise SlackError("thread_not_found")
    parent = channel.messages[message.thread_ts] if message.is_reply and message.thread_ts else message
    found = [call.slack.feed.message_object(item) for item in (parent, *call.workspace.replies(channel, parent))]
    page, metadata = page_of(call, found, default=1000, most=1000)
    more = bool(metadata["response_metadata"]["next_cursor"])
    return {"messages": page, "has_more": more} | (metadata if more else {})


METHODS = {
    "conversations.info": Method(info, _READ, tier="3"),
    "conversations.list": Method(list_, _READ, tier="2"),
    "users.conversations": Method(of_user, _READ, tier="3"),
    "conversations.members": Method(members, _READ),
    "conversations.open": Method(open_, ("im:write", "mpim:write", "channels:manage", "groups:write"), tier="3"),
    "conversations.join": Method(join, ("channels:join",), tier="3"),
    "conversations.history": Method(history, _HISTORY, tier="3"),
    "conversations.replies": Method(replies, _HISTORY, tier="3"),
}
