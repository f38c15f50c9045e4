"""`files.*`: https://docs.slack.dev/reference/methods?family=files"""

import asyncio
from typing import Any

from bot.sandbox.blocks import completed, problems_of
from bot.sandbox.errors import SlackError, invalid_arguments
from bot.sandbox.files import known_file
from bot.sandbox.shapes import file_object
from bot.sandbox.web_api import Call, JsonObject, Method
from bot.sandbox.workspace import Channel, File, PostedMessage

# Slack shares a completed upload a moment after it has answered; seconds.
_SHARED_AFTER = 0.02
_LARGEST = 1 << 30  # bytes: https://slack.com/help/articles/201330736


def _visible(call: Call) -> File:
    """The file asked for, if the bot can see it: its own, unshared, or in a channel it is in or could join."""
    file = known_file(call.workspace, call.text("file") or "")
    bot = call.app.bot_user_id
    if file.user == bot or not file.shares:
        return file
    for share in file.shares:
        channel = call.workspace.channels[share.channel]
        if bot in channel.members or not (channel.is_private or channel.is_im):
            return file
    raise SlackError("file_not_found")


async def info(call: Call) -> JsonObject:
    file = _visible(call)
    shape = file_object(file, call.workspace, call.slack.feed.base_url)
    answer: JsonObject = {"file": shape, "comments": [], "response_metadata": {"next_cursor": ""}}
    if file.mode == "snippet":
        answer["content"] = file.preview
    return answer


async def list_(call: Call) -> JsonObject:
    """https://docs.slack.dev/reference/methods/files.list: page by page, not by cursor; newest first."""
    call.of_team()
    base_url, bot = call.slack.feed.base_url, call.app.bot_user_id
    channel, user = call.text("channel") or "", call.text("user")
    if channel and channel not in call.workspace.channels:
        raise SlackError("channel_not_found")
    since, until = float(call.text("ts_from") or 0), float(call.text("ts_to") or "inf")
    found = [
        file_object(file, call.workspace, base_url)
        for file in sorted(call.workspace.files.values(), key=lambda file: file.created, reverse=True)
        if not file.deleted
        and since <= file.created <= until
        and user in {None, "", file.user}
        and any(
            channel in {"", share.channel} and bot in call.workspace.channels[share.channel].members
            for share in file.shares
        )
    ]
    count = max(1, min(call.number("count", 100) or 100, 1000))
    page = max(1, call.number("page", 1) or 1)
    shown = found[(page - 1) * count : page * count]
    paging = {"count": count, "total": len(found), "page": page, "pages": max(1, -(-len(found) // count))}
    return {"files": shown, "paging": paging}


async def delete(call: Call) -> JsonObject:
    file = _visible(call)
    if file.user != call.app.bot_user_id:
        raise SlackError("cant_delete_file")
    call.slack.feed.delete_file(file)
    return {}


async def get_upload_url(call: Call) -> JsonObject:
    if not call.workspace.file_uploads:
        raise SlackError("file_uploads_disabled")
    name = call.needed("filename")
    length = call.number("length", 0)
    if length <= 0:
        raise invalid_arguments("must be greater than 0 [json-pointer:/length]")
    if length > _LARGEST:
        raise SlackError("file_upload_size_restricted")
    file = call.slack.files.new(call.workspace.bot, name, complete=False)
    return {"upload_url": call.slack.files.upload_url(call.slack.feed.base_url, file, length), "file_id": file.id}


async def complete_upload(call: Call) -> JsonObject:
    """Makes uploaded files real and, when a channel is given, shares them there a moment later."""
    listed = call.json("files")
    if not isinstance(listed, list) or not listed:
        raise invalid_arguments("missing required field: files [json-pointer:/files]")
    files = [_uploaded(call, item) for item in listed]
    channels = _targets(call)
    thread_ts = call.text("thread_ts")
    for channel in channels:
        if thread_ts is not None and thread_ts not in channel.messages:
            raise SlackError("invalid_thread_ts")
    blocks = call.json("blocks", error="invalid_blocks_format")
    if blocks is not None and (problems := problems_of(blocks, "message")):
        raise SlackError("invalid_blocks", response_metadata={"messages": [f"[ERROR] {text}" for text in problems]})
    for file, item in zip(files, listed, strict=True):
        file.complete = True
        file.title = str(item.get("title") or file.name)
    call.workspace.touch()
    comment = call.text("initial_comment") or ""
    base_url = call.slack.feed.base_url
    answer = {"files": [file_object(file, call.workspace, base_url) for file in files]}
    for channel in channels:
        call.slack.feed.courier.run(_share(call, channel, files, comment, thread_ts, completed(blocks or [])))
    return answer


async def _share(
    call: Call, channel: Channel, files: list[File], comment: str, thread_ts: str | None, blocks: list[dict[str, Any]]
) -> None:
    await asyncio.sleep(_SHARED_AFTER)
    parent = channel.messages.get(thread_ts or "")
    message = PostedMessage(
        ts=call.workspace.new_ts(),
        user=call.app.bot_user_id,
        text=comment,
        blocks=blocks,
        bot_id=call.app.bot_id,
        thread_ts=(parent.thread_ts if parent.is_reply else parent.ts) if parent else None,
    )
    call.slack.feed.share(channel, files, message)


def _uploaded(call: Call, item: object) -> File:
    file = call.workspace.files.get(str(item.get("id"))) if isinstance(item, dict) else None
    if file is None or file.path is None or not file.path.exists():
        raise SlackError("file_not_found")
    if file.complete:
        raise SlackError("file_update_failed")
    return file


def _targets(call: Call) -> list[Channel]:
    names = [call.text("channel_id") or "", *(call.text("channels") or "").split(",")]
    channels = []
    for name in dict.fromkeys(part.strip() for part in names if part.strip()):
        named = Call(call.slack, {"channel": name}, call.token)
        if name.startswith("#"):
            raise SlackError("invalid_channel")
        channels.append(named.channel(writing=True))
    return channels


METHODS = {
    "files.info": Method(info, ("files:read",)),
    "files.list": Method(list_, ("files:read",), tier="3"),
    "files.delete": Method(delete, ("files:write",), tier="3"),
    "files.getUploadURLExternal": Method(get_upload_url, ("files:write",)),
    "files.completeUploadExternal": Method(complete_upload, ("files:write",)),
}
