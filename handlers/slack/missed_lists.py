"""
Missed lists: dropped in an uploads channel while the desk was away, found again and taken as if just dropped.

Slack tells of a file four times within six minutes (https://docs.slack.dev/apis/events-api/#retries); whoever is away for
longer is told nothing. What was dropped meanwhile is listed by files.list. What was written or asked meanwhile cannot be
found again: the desk may not read channels.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.loops import LONGEST_WAIT, Loop
from handlers.slack.clients import Installed, ServedWorkspaces, teams_of
from handlers.slack.errors import REFUSED_TOKENS, error_code, error_name, is_transient
from handlers.slack.inbox import Events
from handlers.slack.uploads_channels import UploadsChannels
from handlers.tasks import Tasks
from store import Account, Store

log = structlog.get_logger()
# A file may be older than the last event by what Slack retries, and clocks differ: so much more is looked at.
OVERLAP: Final = timedelta(minutes=5)
# Seconds between looks where no connection says that it was lost; with `OVERLAP` less than ten minutes, in which it is known
# what Slack did tell (`OPTOUT_PAYLOAD_MINUTES`).
LOOK_SECONDS: Final = 240.0
# Files in an answer of files.list.
_PAGE: Final = 200


def missed_event_id(channel: str, file_id: str) -> str:
    """The id of the event that is made of a file that Slack did not tell of."""
    return f"missed {channel} {file_id}"


class MissedLists:
    """
    Looks for missed lists at the start, after each lost connection, and, where *polls*, every few minutes.

    *installations*: for whom. One that cannot be asked is looked at again from where it was left; the others are done with.
    *clock*: seconds since 1970, by the clock that events are kept by.
    """

    def __init__(
        self,
        store: Store,
        installations: ServedWorkspaces,
        channels: UploadsChannels,
        events: Events,
        tasks: Tasks,
        clock: Callable[[], float],
        *,
        polls: bool,
    ) -> None:
        self._store = store
        self._installations = installations
        self._channels = channels
        self._events = events
        self._clock = clock
        self._polls = polls
        # Seconds since 1970 from which on files may have been missed: by all of them, None when none was; and, by the Slack id,
        # by each that is still to be looked at.
        self._since: float | None = None
        self._left: dict[str, float] = {}
        # When the last look at all of them began.
        self._looked = clock()
        self.loop = Loop("missed", self._look, tasks, every=LOOK_SECONDS)

    async def begin(self) -> None:
        """Look, before the first event comes, for what was dropped since the last one."""
        self._looked = self._clock()
        last = await asyncio.to_thread(self._store.inbox.last_received)
        if last is not None:
            self._missed_since(last.timestamp())
        self.loop.start()

    def was_away(self, seconds: float) -> None:
        """Look for what was dropped in the last *seconds*, in which there was no connection."""
        self._missed_since(self._clock() - seconds)
        self.loop.poke()

    @property
    def over(self) -> bool:
        """Whether nobody is left to be looked at."""
        return self._since is None and not self._left

    def _missed_since(self, moment: float) -> None:
        since = moment - OVERLAP.total_seconds()
        self._since = since if self._since is None else min(self._since, since)

    async def _look(self) -> bool:
        # While some are left, whose next look may come soon or only when another is due, the others are looked at in time.
        is_due = not self._left or self._clock() - self._looked >= LOOK_SECONDS - LONGEST_WAIT
        if self._polls and self._since is None and is_due:
            self._missed_since(self._looked)
        if self.over:
            return False
        now = self._clock()
        installed = {one.slack_id: one for one in await self._installations.installed()}
        if self._since is not None:
            # What is missed while this look goes on is for another.
            since, self._since, self._looked = self._since, None, now
            self._left = {one: min(since, self._left.get(one, since)) for one in installed}
        failed: Exception | None = None
        for slack_id, since in tuple(self._left.items()):
            try:
                if slack_id in installed:
                    await self._look_for(installed[slack_id], since)
            except Exception as error:  # noqa: BLE001  whatever it is, it is raised when the others had their turn
                # Of a token that is refused Slack says no more however soon it is asked again.
                if error_name(error) not in REFUSED_TOKENS:
                    failed = error
                else:
                    log.info("missed lists are not known", workspace=slack_id, error=error_name(error))
            else:
                del self._left[slack_id]
        if failed is not None:
            raise failed
        return self._since is not None

    async def _look_for(self, installed: Installed, since: float) -> None:
        account = await asyncio.to_thread(self._store.accounts.find, installed.slack_id)
        if account is None:
            return
        for channel in await self._channels.ids(account):
            await self._look_into(account, channel, since, installed)

    async def _look_into(self, account: Account, channel: str, since: float, installed: Installed) -> None:
        told = await asyncio.to_thread(
            self._store.inbox.recent,
            account.id,
            "file_shared",
            channel,
            OVERLAP + timedelta(seconds=self._clock() - since),
        )
        known = {payload["event"].get("file_id") for payload in told}
        found = [
            file
            async for file in self._files(account, channel, since)
            if file["id"] not in known and file.get("user") != installed.bot_user_id
        ]
        for file in sorted(found, key=lambda file: float(file.get("created") or 0)):
            event_id = missed_event_id(channel, file["id"])
            kept = await asyncio.to_thread(
                self._store.inbox.keep,
                account.id,
                event_id,
                "file_shared",
                channel,
                _event_of(file, channel, event_id, installed, self._clock()),
                lease_seconds=0.0,
            )
            if kept is not None:
                log.warning("a list was dropped while the desk was away", file=file["id"], channel=channel)
                self._events.loop.poke()

    async def _files(self, account: Account, channel: str, since: float) -> AsyncIterator[dict[str, Any]]:
        client = await self._installations.of(account.id)
        for team in await teams_of(client, account.slack_id):
            async for file in self._files_of(client, team, channel, since):
                yield file

    @staticmethod
    async def _files_of(
        client: AsyncWebClient, team: str | None, channel: str, since: float
    ) -> AsyncIterator[dict[str, Any]]:
        page, pages = 1, 1
        while page <= pages:
            try:
                answer = await client.files_list(
                    channel=channel, ts_from=str(int(since)), count=_PAGE, page=page, team_id=team
                )
            except SlackApiError as error:
                if is_transient(error):
                    raise
                log.warning("missed lists cannot be looked for", channel=channel, error=error_code(error))
                return
            for file in answer["files"]:
                yield file
            page, pages = page + 1, int((answer.get("paging") or {}).get("pages") or 1)


def _event_of(file: dict[str, Any], channel: str, event_id: str, installed: Installed, now: float) -> dict[str, Any]:
    """The event that Slack would have sent: https://docs.slack.dev/reference/events/file_shared"""
    created = int(file.get("created") or now)
    return {
        "type": "event_callback",
        "team_id": installed.team_id,
        "event_id": event_id,
        "event_time": created,
        "authorizations": [
            {
                "enterprise_id": installed.enterprise_id,
                "team_id": installed.team_id,
                "user_id": installed.bot_user_id,
                "is_bot": True,
                "is_enterprise_install": installed.is_enterprise_install,
            }
        ],
        "event": {
            "type": "file_shared",
            "file_id": file["id"],
            "file": {"id": file["id"]},
            "user_id": file.get("user"),
            "channel_id": channel,
            "event_ts": f"{created}.000000",
        },
    }
