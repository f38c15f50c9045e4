"""Channels that somebody chose for the desk to use."""

from typing import Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.errors import error_code
from handlers.slack.mrkdwn import one_line

_LONGEST_NAME: Final = 60


async def why_unusable(client: AsyncWebClient, channel: str, *, own: bool) -> str | None:
    """Why the desk cannot use *channel*, in words for its field; *own*: it has to be one that only own people read."""
    try:
        known = (await client.conversations_info(channel=channel))["channel"]
    except SlackApiError as error:
        if error_code(error) != "channel_not_found":
            return None
        return "I cannot see that channel: invite me there, or choose another."
    except (SlackClientError, aiohttp.ClientError, OSError):
        return None
    called = f"#{one_line(str(known.get('name') or 'that channel'), _LONGEST_NAME)}"
    if known.get("is_archived"):
        return f"{called} is archived: choose another channel."
    if not known.get("is_member"):
        return f"I am not in {called}: invite me there, or choose another channel."
    if own and (known.get("is_ext_shared") or known.get("is_pending_ext_shared")):
        return f"People of another organisation can read {called}: choose another channel."
    return None
