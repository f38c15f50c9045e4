"""Slack's JSON objects for users, channels, messages and files, as its Web API and events carry them."""

import time
from typing import Any

from bot.sandbox.avatars import pictures
from bot.sandbox.file_kinds import KINDS
from bot.sandbox.installation import Installation
from bot.sandbox.workspace import Channel, File, PostedMessage, User, Workspace

JsonObject = dict[str, Any]
BOT_ICONS = (36, 48, 72)


def user_object(user: User, base_url: str) -> JsonObject:
    """https://docs.slack.dev/reference/objects/user-object (no e-mail: that needs `users:read.email`)."""
    profile: JsonObject = {
        "title": user.title,
        "phone": "",
        "skype": "",
        "real_name": user.real_name,
        "real_name_normalized": user.real_name,
        "display_name": user.display_name,
        "display_name_normalized": user.display_name,
        "status_text": "",
        "status_emoji": "",
        "status_emoji_display_info": [],
        "status_expiration": 0,
        "avatar_hash": f"g{user.id[-8:].lower()}",
        "first_name": user.real_name.split(" ")[0],
        "last_name": " ".join(user.real_name.split(" ")[1:]),
        "status_text_canonical": "",
        "team": user.team_id,
    } | pictures(base_url, user.id)
    shape: JsonObject = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.handle,
        "deleted": user.deleted,
        "color": "9f69e7",
        "real_name": user.real_name,
        "tz": user.tz,
        "tz_label": user.tz_label,
        "tz_offset": user.tz_offset,
        "profile": profile,
        "is_admin": user.is_admin,
        "is_owner": user.is_owner,
        "is_primary_owner": False,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "updated": user.updated,
        "is_email_confirmed": not user.is_bot,
        "who_can_share_contact_card": "EVERYONE",
    }
    if user.is_bot:
        profile |= {"api_app_id": user.app_id, "bot_id": user.bot_id, "always_active": True}
    if user.is_stranger:
        # People of the other organisation carry no roles here, and `is_stranger` until they share a channel with us.
        for name in ("is_admin", "is_owner", "is_primary_owner", "is_restricted", "is_ultra_restricted"):
            del shape[name]
        shape["is_stranger"] = True
    if user.enterprise_id is not None:
        # https://docs.slack.dev/reference/objects/user-object#enterprise_grid
        shape["enterprise_user"] = {"id": user.id, "enterprise_id": user.enterprise_id, "teams": [user.team_id]}
    if user.deleted:
        for name in ("tz", "tz_label", "tz_offset"):
            del shape[name]
    return shape


def channel_object(channel: Channel, workspace: Workspace) -> JsonObject:
    """https://docs.slack.dev/reference/objects/conversation-object"""
    if channel.is_im:
        return {
            "id": channel.id,
            "created": channel.created,
            "is_archived": False,
            "is_im": True,
            "is_org_shared": False,
            "context_team_id": workspace.team_id,
            "updated": channel.created * 1000,
            "user": channel.user,
            "is_open": True,
            "priority": 0,
        }
    note = {"creator": "", "last_set": 0}
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_general": False,
        "unlinked": 0,
        "name_normalized": channel.name,
        "is_shared": channel.is_ext_shared,
        "is_org_shared": False,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "context_team_id": workspace.team_id,
        "updated": channel.created * 1000,
        "parent_conversation": None,
        "creator": channel.creator,
        "is_ext_shared": channel.is_ext_shared,
        "shared_team_ids": sorted(
            {workspace.team_id, *(workspace.users[m].team_id for m in channel.members if channel.is_ext_shared)}
        ),
        "pending_connected_team_ids": [],
        "is_member": workspace.bot.id in channel.members,
        "topic": {"value": channel.topic, **note},
        "purpose": {"value": channel.purpose, **note},
        "previous_names": [],
    }


def message_object(message: PostedMessage, workspace: Workspace, app: Installation, base_url: str) -> JsonObject:
    """https://docs.slack.dev/reference/events/message, as `conversations.history` and interactions carry it."""
    shape: JsonObject = {"type": "message"}
    if message.subtype:
        shape["subtype"] = message.subtype
    shape |= {"user": message.user, "ts": message.ts, "text": message.text}
    if message.client_msg_id:
        shape["client_msg_id"] = message.client_msg_id
    author = workspace.users.get(message.user)
    if message.bot_id:
        shape["bot_id"] = message.bot_id
        if message.bot_id == app.bot_id:
            shape |= {"app_id": app.app_id, "bot_profile": bot_profile(app, workspace, base_url)}
    if message.username:
        shape["username"] = message.username
    if message.subtype != "bot_message":  # which names no team: https://docs.slack.dev/reference/events/message
        shape["team"] = author.team_id if author else workspace.team_id
    if message.blocks:
        shape["blocks"] = message.blocks
    if message.attachments:
        shape["attachments"] = message.attachments
    if message.files:
        shape["files"] = [_file_in_message(file, workspace, base_url) for file in workspace.shared_files(message.files)]
        shape |= {"upload": True, "display_as_bot": False}
    if message.edited:
        shape["edited"] = message.edited
    if message.metadata:
        shape["metadata"] = message.metadata
    if message.thread_ts:
        shape["thread_ts"] = message.thread_ts
        if message.is_reply:
            shape["parent_user_id"] = message.parent_user_id
        else:
            shape |= {
                "reply_count": len(message.replies),
                "reply_users_count": len(message.reply_users),
                "latest_reply": message.replies[-1] if message.replies else message.ts,
                "reply_users": message.reply_users[:5],
                "is_locked": False,
                "subscribed": True,
            }
    return shape


def _file_in_message(file: File, workspace: Workspace, base_url: str) -> JsonObject:
    """In channels shared with others, a stub that sends the app to `files.info`: docs.slack.dev/apis/slack-connect."""
    if any(workspace.channels[share.channel].is_ext_shared for share in file.shares):
        stub = {"created": 0, "timestamp": 0, "user": "", "file_access": "check_file_info"}
        return {"id": file.id, "mode": "file_access", **stub}
    return file_object(file, workspace, base_url, brief=True)


def bot_profile(app: Installation, workspace: Workspace, base_url: str) -> JsonObject:
    return {
        "id": app.bot_id,
        "deleted": False,
        "name": app.name,
        "updated": workspace.bot.updated,
        "app_id": app.app_id,
        "user_id": app.bot_user_id,
        "icons": pictures(base_url, app.app_id, BOT_ICONS),
        "team_id": workspace.team_id,
    }


def file_object(file: File, workspace: Workspace, base_url: str, *, brief: bool = False) -> JsonObject:
    """https://docs.slack.dev/reference/objects/file-object; *brief* as messages carry it, without `shares`."""
    if file.deleted:
        return {"id": file.id, "mode": "tombstone"}
    shape = _uploaded(file, workspace, base_url, brief=brief)
    return KINDS[file.kind](shape) if file.kind else shape


def _uploaded(file: File, workspace: Workspace, base_url: str, *, brief: bool) -> JsonObject:
    # Real private URLs carry team, file and (for public links only) a secret; the name ends them.
    place = f"{base_url}/files-pri/{workspace.team_id}-{file.id}"
    name = "".join(ch if ch.isascii() and (ch.isalnum() or ch in "._-") else "_" for ch in file.name.lower())
    in_channels = [share.channel for share in file.shares]
    kinds = {channel_id: workspace.channels[channel_id] for channel_id in in_channels}
    shape: JsonObject = {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": file.filetype,
        "pretty_type": file.pretty_type,
        "user": file.user,
        "user_team": file.user_team,
        "editable": file.mode == "snippet",
        "size": file.size,
        "mode": file.mode,
        "is_external": False,
        "external_type": "",
        "is_public": any(not kind.is_private and not kind.is_im for kind in kinds.values()),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": f"{place}/{name}",
        "url_private_download": f"{place}/download/{name}",
        "permalink": f"{base_url}/files/{file.user}/{file.id}/{name}",
        "permalink_public": f"{base_url}/{workspace.team_id}-{file.id}-{file.secret}",
        "is_starred": False,
        "has_rich_preview": False,
        "file_access": "visible",
        "media_display_type": "unknown",
    }
    if file.mode == "snippet" and file.preview is not None:
        shape |= {
            "edit_link": f"{base_url}/files/{file.user}/{file.id}/{name}/edit",
            "preview": file.preview,
            "lines": file.preview.count("\n") + 1,
            "lines_more": 0,
            "preview_is_truncated": len(file.preview) < file.size,
        }
    shape |= file.described
    if brief:
        return shape
    late = time.time() < file.shares_known_at
    shape |= {
        "comments_count": 0,
        "channels": [cid for cid, kind in kinds.items() if not kind.is_private and not kind.is_im],
        "groups": [cid for cid, kind in kinds.items() if kind.is_private],
        "ims": [cid for cid, kind in kinds.items() if kind.is_im],
    }
    if late:
        # A file is known before its message is: https://docs.slack.dev/reference/methods/files.info
        shape |= {"channels": [], "groups": [], "ims": [], "shares": {}, "mimetype": "", "filetype": ""}
        return shape
    shares: dict[str, dict[str, list[JsonObject]]] = {}
    for share in file.shares:
        channel = kinds[share.channel]
        message = channel.messages.get(share.ts)
        entry: JsonObject = {
            "reply_users": message.reply_users if message else [],
            "reply_users_count": len(message.reply_users) if message else 0,
            "reply_count": len(message.replies) if message else 0,
            "ts": share.ts,
            "channel_name": channel.name,
            "team_id": workspace.team_id,
            "share_user_id": share.user,
            "source": "UNKNOWN",
        }
        if share.thread_ts:
            entry["thread_ts"] = share.thread_ts
        # Direct messages count as private: https://docs.slack.dev/reference/objects/file-object
        visibility = "private" if channel.is_private or channel.is_im else "public"
        shares.setdefault(visibility, {}).setdefault(share.channel, []).append(entry)
    return shape | {"shares": shares, "has_more_shares": False}
