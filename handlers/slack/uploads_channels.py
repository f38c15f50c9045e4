"""
The uploads channels: in which a dropped list is taken up without a mention.

Slack tells of every file that is shared where the desk can see it, in a big workspace many a minute. Which of them stand
in an uploads channel is known beforehand, so that Slack is asked about no other.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.loops import Loop
from handlers.slack.clients import ServedWorkspaces, teams_of
from handlers.slack.errors import REFUSED_TOKENS, error_code, error_name, is_transient
from handlers.tasks import Tasks
from store import Account, Store

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

    def __init__(self, configured: frozenset[str], store: Store, installations: ServedWorkspaces, tasks: Tasks) -> None:
        self._configured = configured
        self._store = store
        self._installations = installations
        # By the account's id.
        self._of: dict[int, _Channels] = {}
        self.loop = Loop("channels", self._look, tasks, every=LOOK_SECONDS)

    def changed(self, account: int) -> None:
        """Ask Slack again before the next file of *account* is judged."""
        if (channels := self._of.get(account)) is not None:
            channels.changes += 1
            self.loop.poke()

    async def takes(self, account: Account, channel: str) -> bool:
        """
        Whether a list dropped in *channel*, an id, is taken up without a mention.

        Raises Slack's or the network's error when it is not known yet which channels there are, and cannot be asked.
        """
        if channel in self._configured or channel in account.settings.uploads_channels:
            return True
        return (await self._names(account)).get(channel) in self._configured

    async def ids(self, account: Account) -> tuple[str, ...]:
        """The ids of all that there are; raises as `takes`."""
        names = await self._names(account)
        named = (channel for channel, name in names.items() if {channel, name} & self._configured)
        return tuple(sorted({*named, *account.settings.uploads_channels}))

    async def of_sent_lists(self, account: Account) -> tuple[str, str | None] | None:
        """
        The channel, id and name, in which lists are shown that a program sent; None for none. Raises as `takes`.

        Where those are told that wait for a yes, else an uploads channel: the account's own before the operator's.
        """
        own = account.settings
        chosen = own.waiting_channel or next(iter(own.uploads_channels), None)
        chosen = chosen or next(iter(await self.ids(account)), None)
        return None if chosen is None else (chosen, self.name_of(account.id, chosen))

    def name_of(self, account: int, channel: str) -> str | None:
        """The name of a channel that the desk is in, as far as it is known without asking."""
        channels = self._of.get(account)
        return None if channels is None else channels.names.get(channel)

    async def _look(self) -> bool:
        """Ask for every account again, so that the first list of each finds its channels known."""
        failed: Exception | None = None
        for installed in await self._installations.installed():
            account = await asyncio.to_thread(self._store.accounts.find, installed.slack_id)
            if account is None:
                continue
            channels = self._of.setdefault(account.id, _Channels())
            if channels.seen == channels.changes:
                channels.changes += 1  # as they may have, unheard
            try:
                await self._names(account)
            except Exception as error:  # noqa: BLE001  whatever it is, it is raised when the others had their turn
                # Of a token that is refused Slack says no more however soon it is asked again.
                if is_transient(error) and error_name(error) not in REFUSED_TOKENS:
                    failed = error
                else:
                    log.info("channels are not known", account=account.id, error=error_name(error))
        if failed is not None:
            raise failed
        return False

    async def _names(self, account: Account) -> dict[str, str]:
        """The names of the channels that the desk is in, by id, for *account*."""
        channels = self._of.setdefault(account.id, _Channels())
        async with channels.asking:
            # What changes while Slack answers is asked anew.
            while channels.seen != channels.changes:
                seen = channels.changes
                client = await self._installations.of(account.id)
                teams = await teams_of(client, account.slack_id)
                try:
                    channels.names = await _ask(client, teams, "public_channel,private_channel")
                except SlackApiError as error:
                    if error_code(error) != "missing_scope":
                        raise
                    log.warning("private channels are not known by name", error="missing_scope")
                    channels.names = await _ask(client, teams, "public_channel")
                channels.seen = seen
        return channels.names


@dataclass(slots=True)
class _Channels:
    """The channels that the desk is in for one account, how often they changed, and up to which change they are known."""

    names: dict[str, str] = field(default_factory=dict)
    changes: int = 1
    seen: int = 0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


async def _ask(client: AsyncWebClient, teams: Iterable[str | None], types: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for team in teams:
        cursor: str | None = ""
        while cursor is not None:
            page = await client.users_conversations(types=types, limit=_PAGE, cursor=cursor, team_id=team)
            found |= {channel["id"]: channel["name"] for channel in page["channels"]}
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or None
    return found
