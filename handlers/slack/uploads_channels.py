"""
The uploads channels: in which a dropped list is taken up without a mention.

Slack tells of every file that is shared where the desk can see it, in a big workspace many a minute. Which of them stand
in an uploads channel is known beforehand, so that Slack is asked about no other.
"""

import asyncio
from typing import Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.loops import Loop
from handlers.slack.errors import error_code
from handlers.tasks import Tasks
from store import Account

log = structlog.get_logger()
# What Slack tells when the desk is let into a channel, or one gets another name.
# https://docs.slack.dev/reference/events: member_joined_channel, channel_rename, group_rename
CHANGES: Final = frozenset({"member_joined_channel", "channel_rename", "group_rename"})
# Seconds between looks without that: an app that was installed before it was in the manifest is not told.
LOOK_SECONDS: Final = 300.0
# Channels in an answer of users.conversations, under the 1,000 that it takes.
_PAGE: Final = 500


class UploadsChannels:
    """
    The uploads channels of the operator's setting, names or ids, and those of an account's own settings, ids.

    A channel is found by its name where the desk is a member: elsewhere it could not read a list.
    """

    def __init__(self, configured: frozenset[str], client: AsyncWebClient, tasks: Tasks) -> None:
        self._configured = configured
        self._client = client
        self._names: dict[str, str] = {}
        # How often they changed, and up to which change they are known.
        self._changes = 1
        self._seen = 0
        self._asking = asyncio.Lock()
        self.loop = Loop("channels", self._look, tasks, every=LOOK_SECONDS)

    def changed(self) -> None:
        """Ask Slack again before the next file is judged."""
        self._changes += 1
        self.loop.poke()

    async def takes(self, account: Account, channel: str) -> bool:
        """
        Whether a list dropped in *channel*, an id, is taken up without a mention.

        Raises Slack's or the network's error when it is not known yet which channels there are, and cannot be asked.
        """
        if channel in self._configured or channel in account.settings.uploads_channels:
            return True
        await self._ask()
        return self._names.get(channel) in self._configured

    async def ids(self, account: Account) -> tuple[str, ...]:
        """The ids of all that there are; raises as `takes`."""
        await self._ask()
        named = (channel for channel, name in self._names.items() if {channel, name} & self._configured)
        return tuple(sorted({*named, *account.settings.uploads_channels}))

    async def of_sent_lists(self, account: Account) -> tuple[str, str | None] | None:
        """
        The channel, id and name, in which lists are shown that a program sent; None for none. Raises as `takes`.

        Where those are told that wait for a yes, else an uploads channel: the account's own before the operator's.
        """
        own = account.settings
        chosen = own.waiting_channel or next(iter(own.uploads_channels), None)
        chosen = chosen or next(iter(await self.ids(account)), None)
        return None if chosen is None else (chosen, self.name_of(chosen))

    def name_of(self, channel: str) -> str | None:
        """The name of a channel that the desk is in, as far as it is known without asking."""
        return self._names.get(channel)

    async def _look(self) -> bool:
        if self._seen == self._changes:
            self._changes += 1  # as it may have, unheard
        await self._ask()
        return False

    async def _ask(self) -> None:
        async with self._asking:
            # What changes while Slack answers is asked anew.
            while self._seen != self._changes:
                seen = self._changes
                try:
                    self._names = await self._ask_for("public_channel,private_channel")
                except SlackApiError as error:
                    if error_code(error) != "missing_scope":
                        raise
                    log.warning("private channels are not known by name", error="missing_scope")
                    self._names = await self._ask_for("public_channel")
                self._seen = seen

    async def _ask_for(self, types: str) -> dict[str, str]:
        found: dict[str, str] = {}
        cursor = ""
        while True:
            page = await self._client.users_conversations(types=types, limit=_PAGE, cursor=cursor)
            found |= {channel["id"]: channel["name"] for channel in page["channels"]}
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return found
