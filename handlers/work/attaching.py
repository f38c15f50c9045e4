"""Upload of a file from disk into a thread of Slack, in pieces and once: https://docs.slack.dev/messaging/working-with-files#upload"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.errors import error_code, is_transient, thread_gone

log = structlog.get_logger()
# https://docs.slack.dev/reference/methods/files.getUploadURLExternal, section Errors
UPLOADS_DISABLED: Final = "file_uploads_disabled"

# How Slack says that it has the bytes of a file; an error page on the way there can be a success by its status.
_TAKEN: Final = b"OK"


def why_not_attached(error: SlackApiError) -> str:
    """Why Slack, with *error*, does not take a file, as the end of a sentence."""
    if error_code(error) == UPLOADS_DISABLED:
        return "this workspace does not let files be uploaded, which its admins decide in Slack"
    return f"Slack does not take the file ({error_code(error)})"


async def attach(
    client: AsyncWebClient,
    path: Path,
    *,
    name: str,
    title: str,
    channel: str,
    thread_ts: str | None,
    attached: str | None,
    keep: Callable[[str], Awaitable[object]],
) -> None:
    """
    Share the file at *path* in a thread, unless the Slack file *attached* was shared in that channel already.

    The new file's id is given to *keep* before it is sent, and again before it is shared: whoever takes over asks Slack
    whether that was still done, and who was frozen while the file went out learns there that somebody took over.

    Raises `SlackApiError`, also where the thread is gone: what is meant for few is not shared at the channel's root; and the
    connection's errors, also where the file did not come to Slack though its sending was answered as done.
    """
    if attached is not None and await _is_shared(client, attached, channel):
        return
    if thread_ts is not None:
        await _require_thread(client, channel, thread_ts)
    size = (await asyncio.to_thread(path.stat)).st_size
    to = await client.files_getUploadURLExternal(filename=name, length=size)
    await keep(to["file_id"])
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
    async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        with path.open("rb") as file:
            async with session.post(to["upload_url"], data=file) as answer:
                answer.raise_for_status()
                is_taken = (await answer.content.read(len(_TAKEN))) == _TAKEN
    await keep(to["file_id"])
    try:
        await client.files_completeUploadExternal(
            files=[{"id": to["file_id"], "title": title}], channel_id=channel, thread_ts=thread_ts
        )
    except SlackApiError as error:
        # Done the first time, and the answer lost on its way: the second is refused.
        if await _is_shared(client, to["file_id"], channel):
            return
        if not is_taken and error_code(error) == "file_not_found":
            # Whether Slack would take the file here is not known yet: it never came there.
            raise aiohttp.ClientPayloadError("something on the way to Slack took the file") from error
        raise


async def _require_thread(client: AsyncWebClient, channel: str, thread_ts: str) -> None:
    try:
        await client.chat_getPermalink(channel=channel, message_ts=thread_ts)
    except SlackApiError as error:
        if error_code(error) == "message_not_found":
            raise thread_gone() from error
        log.warning("thread not known", channel=channel, why=error_code(error))


async def _is_shared(client: AsyncWebClient, file_id: str, channel: str) -> bool:
    try:
        file = (await client.files_info(file=file_id))["file"]
    except SlackApiError as error:
        if is_transient(error):
            raise
        return False
    shares = (file.get("shares") or {}).values()
    return any(
        channel in where for where in (*shares, *(file.get(kind) or () for kind in ("channels", "groups", "ims")))
    )
