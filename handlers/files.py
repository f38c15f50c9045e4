"""
Dropped lists: from the event to the row the runner works on, and the buttons of their preview.

One drop can arrive as `file_shared`, as an `app_mention`, as both, in either order and more than once. The upload's row,
unique by account, file and channel, makes one of them all.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from slack_bolt.async_app import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.acknowledge import acknowledged
from handlers.buttons import place_of
from handlers.events import account_of
from handlers.replies import Message, Place, Replies, Request, error_code
from handlers.roles import Action, Roles
from handlers.runner import Runner
from handlers.tasks import Tasks
from store import Account, Actor, Function, Origin, Store, WrongState

log = structlog.get_logger()
# Slack fills in where a file was shared a moment after it says that it was.
SHARES_AFTER = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
# A file and the mention that came with it are one message: their events are seconds apart.
TOGETHER = timedelta(minutes=5)
_GONE = {"file_not_found", "file_deleted"}
# A mention can overtake the file it came with; it is told apart from one without a file by waiting, in seconds.
FILE_AFTER = (0.3, 0.6)
# Slack's answers about a channel that will not change; after any other the event is taken up again.
_CHANNEL_UNKNOWN = {"channel_not_found", "missing_scope"}
_DELETED = "The file was deleted before it was read. Nothing was changed."
# What a button of an upload did is seen in the upload's own message.
_SHOWN_IN_ITS_MESSAGE = Message.of("Done.")


class Files:
    """The listeners of everything that has to do with a dropped list."""

    def __init__(
        self,
        store: Store,
        roles: Roles,
        replies: Replies,
        runner: Runner,
        tasks: Tasks,
        *,
        uploads_channels: frozenset[str],
    ) -> None:
        self._store = store
        self._roles = roles
        self._replies = replies
        self._runner = runner
        self._tasks = tasks
        self._uploads_channels = uploads_channels

    # Events. What fails here stays undone in the database and is taken up again.

    async def shared(self, body: dict[str, Any], client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """`file_shared`: a list, if it was dropped in an uploads channel or together with a mention."""
        with self._tasks.holding():
            event = body["event"]
            account = await self._account(body)
            if event.get("user_id") != context.bot_user_id:
                await self._shared(account, body["event_id"], event, client)
            await asyncio.to_thread(self._store.deliveries.done, account.id, body["event_id"])

    async def _shared(self, account: Account, event_id: str, event: dict[str, Any], client: AsyncWebClient) -> None:
        channel: str = event["channel_id"]
        name = await self._channel_name(client, channel)
        expected = channel in self._uploads_channels or name in self._uploads_channels
        mentions = await self._lately(account, "app_mention", channel)
        if not expected and not mentions:
            return
        file = await self._file(client, event["file_id"], channel)
        if file is None:
            if expected:
                text = f"<@{event['user_id']}>: {_DELETED}"
                await client.chat_postMessage(channel=channel, text=text, unfurl_links=False, unfurl_media=False)
            return
        share = _share(file, channel)
        if expected or (share and any(mention["ts"] == share["ts"] for mention in mentions)):
            await self._take(account, client, file, channel, name, share, event["user_id"], delivery=event_id)

    async def mentioned(self, body: dict[str, Any], client: AsyncWebClient, context: AsyncBoltContext) -> None:
        """`app_mention`: a list when a file came with it, else a pointer to what can be done."""
        with self._tasks.holding():
            event = body["event"]
            account = await self._account(body)
            # An edit mentions us again, and was answered the first time.
            if event.get("user") not in (None, context.bot_user_id) and not event.get("edited"):
                await self._mentioned(account, body["event_id"], event, client)
            await asyncio.to_thread(self._store.deliveries.done, account.id, body["event_id"])

    async def _mentioned(self, account: Account, event_id: str, event: dict[str, Any], client: AsyncWebClient) -> None:
        channel: str = event["channel"]
        ids = [file["id"] for file in event.get("files") or ()]
        for pause in () if ids else (0.0, *FILE_AFTER):  # the mention can come without the files of its message
            await asyncio.sleep(pause)
            dropped = await self._lately(account, "file_shared", channel)
            if ids := [other["file_id"] for other in dropped if other.get("user_id") == event["user"]]:
                break
        found = False
        gone = False
        for file_id in dict.fromkeys(ids):
            file = await self._file(client, file_id, channel)
            share = _share(file, channel) if file else None
            gone = gone or (file is None and bool(event.get("files")))
            if file is None or (share is not None and share["ts"] != event["ts"]):
                continue
            found = True
            share = share or {"ts": event["ts"], "thread_ts": event.get("thread_ts")}
            name = await self._channel_name(client, channel)
            # Done with its last file only: a process that dies between two leaves the others to the next.
            last = event_id if file_id == ids[-1] else None
            await self._take(account, client, file, channel, name, share, event["user"], delivery=last)
        if not found:
            thread = event.get("thread_ts") or event["ts"]
            request = await self._request(account, client, event["user"], channel, None, thread, Action.SEARCH)
            if request is not None:
                text = (
                    _DELETED
                    if gone
                    else (
                        "Drop a CSV with a column called `phone` together with a mention of me, and I read it as an opt-out "
                        "list. Single numbers: `/optout search NUMBER` and `/optout add NUMBER`; `/optout help` says more."
                    )
                )
                await self._replies.answer(request, Message.of(text))

    async def _take(
        self,
        account: Account,
        client: AsyncWebClient,
        file: dict[str, Any],
        channel: str,
        channel_name: str | None,
        share: dict[str, Any] | None,
        user: str,
        *,
        delivery: str | None,
    ) -> None:
        """Keep the upload; from here on the runner has it."""
        thread = (share.get("thread_ts") or share["ts"]) if share else None
        request = await self._request(account, client, user, channel, channel_name, thread, Action.DROP)
        if request is None:
            return
        _, created = await asyncio.to_thread(
            self._store.uploads.receive,
            account.id,
            file_id=file["id"],
            file_name=file.get("name") or file.get("title") or "list.csv",
            channel_id=channel,
            channel_name=channel_name,
            thread_ts=thread,
            permalink=await self._permalink(client, channel, thread),
            actor=request.actor,
            country=account.country,
            delivery=delivery,
        )
        if created:
            self._runner.poke()

    # Buttons

    async def confirm(self, ack: Callable[..., Awaitable[Any]], body: dict[str, Any], client: AsyncWebClient) -> None:
        """*Opt out N phones*."""

        async def work(request: Request) -> None:
            origin = Origin(
                Function.UPLOAD,
                request.actor,
                channel_id=request.channel_id,
                channel_name=request.channel_name,
                message_ts=request.message_ts,
            )
            number = int(_value(body))
            await asyncio.to_thread(self._store.uploads.confirm, request.account.id, number, origin)

        await self._pressed(ack, body, client, Action.CONFIRM, work)

    async def cancel(self, ack: Callable[..., Awaitable[Any]], body: dict[str, Any], client: AsyncWebClient) -> None:
        """*Cancel*: by an admin, or by whoever dropped the list."""

        async def work(request: Request) -> None:
            upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(_value(body)))
            if not request.is_admin and upload.actor.id != request.actor.id:
                raise WrongState("Only an admin or the person who dropped the list can cancel it.")
            origin = Origin(Function.UPLOAD, request.actor)
            await asyncio.to_thread(self._store.uploads.cancel, request.account.id, upload.id, origin)

        await self._pressed(ack, body, client, Action.DROP, work)

    async def use_column(
        self, ack: Callable[..., Awaitable[Any]], body: dict[str, Any], client: AsyncWebClient
    ) -> None:
        """*Use COLUMN*: read the list again with another column."""

        async def work(request: Request) -> None:
            chosen = json.loads(_value(body))
            await asyncio.to_thread(
                self._store.uploads.set_column, request.account.id, int(chosen["upload"]), str(chosen["column"])
            )

        await self._pressed(ack, body, client, Action.DROP, work)

    async def use_country(
        self, ack: Callable[..., Awaitable[Any]], body: dict[str, Any], client: AsyncWebClient
    ) -> None:
        """The menu of countries: read the list again with another one."""

        async def work(request: Request) -> None:
            chosen = json.loads(_value(body))
            await asyncio.to_thread(
                self._store.uploads.set_country, request.account.id, int(chosen["upload"]), str(chosen["country"])
            )

        await self._pressed(ack, body, client, Action.DROP, work)

    async def _pressed(
        self,
        ack: Callable[..., Awaitable[Any]],
        body: dict[str, Any],
        client: AsyncWebClient,
        action: Action,
        work: Callable[[Request], Awaitable[None]],
    ) -> None:
        """Do *work* for whoever pressed, if they may. The upload's own message shows the outcome; a refusal is theirs alone."""
        place = place_of(body, client)

        async def answer() -> Message:
            request = await self._roles.admit(place, await self._account(body), action)
            if isinstance(request, Message):
                return request
            await work(request)
            self._runner.poke()
            return _SHOWN_IN_ITS_MESSAGE

        async def late(text: str) -> None:
            await self._replies.tell(place, Message.of(text))

        with self._tasks.holding():
            outcome = await acknowledged(ack, answer(), late=late)
            if outcome is not _SHOWN_IN_ITS_MESSAGE:
                await self._replies.answer(place, outcome)

    # What events and buttons share

    async def _request(
        self,
        account: Account,
        client: AsyncWebClient,
        user: str,
        channel: str,
        channel_name: str | None,
        thread_ts: str | None,
        action: Action,
    ) -> Request | None:
        """The request of an event, or None when it was refused to the person, in words, for them alone."""
        place = Place(
            actor=Actor(user, user), channel_id=channel, channel_name=channel_name, thread_ts=thread_ts, client=client
        )
        request = await self._roles.admit(place, account, action)
        if isinstance(request, Request):
            return request
        await self._replies.answer(place, request)
        return None

    async def _account(self, body: dict[str, Any]) -> Account:
        slack_id, name = account_of(body)
        return await asyncio.to_thread(self._store.accounts.get_or_create, slack_id, name)

    async def _lately(self, account: Account, kind: str, channel: str) -> list[dict[str, Any]]:
        found = await asyncio.to_thread(self._store.deliveries.recent, account.id, kind, channel, TOGETHER)
        return [delivery.payload["event"] for delivery in found]

    async def _channel_name(self, client: AsyncWebClient, channel: str) -> str | None:
        try:
            answer = await client.conversations_info(channel=channel)
        except SlackApiError as error:
            if error_code(error) not in _CHANNEL_UNKNOWN:
                raise
            log.warning("channel not known", channel=channel, error=error_code(error))
            return None
        name: str | None = answer["channel"].get("name")
        return name

    async def _permalink(self, client: AsyncWebClient, channel: str, ts: str | None) -> str | None:
        """The link of the drop's message. The file's own would share the file again wherever it is posted."""
        if ts is None:
            return None
        try:
            link: str = (await client.chat_getPermalink(channel=channel, message_ts=ts))["permalink"]
        except Exception as error:  # noqa: BLE001  a list is worth more than its link
            log.warning("no permalink", channel=channel, error=type(error).__name__)
            return None
        return link

    async def _file(self, client: AsyncWebClient, file_id: str, channel: str) -> dict[str, Any] | None:
        """The file, once Slack knows where it was shared; None when it is gone."""
        for pause in (*SHARES_AFTER, None):
            try:
                file: dict[str, Any] = (await client.files_info(file=file_id))["file"]
            except SlackApiError as error:
                if error_code(error) in _GONE:
                    return None
                raise
            if file.get("mode") in ("tombstone", "hidden_by_limit"):
                return None
            if _share(file, channel) is not None or pause is None:
                return file
            await asyncio.sleep(pause)
        return None


def _share(file: dict[str, Any], channel: str) -> dict[str, Any] | None:
    """The message in *channel* that carries *file*: its ts, and thread_ts when it stands in a thread."""
    for kind in ("public", "private"):
        for share in ((file.get("shares") or {}).get(kind) or {}).get(channel) or ():
            found: dict[str, Any] = share
            return found
    return None


def _value(body: dict[str, Any]) -> str:
    action = body["actions"][0]
    value: str = (action.get("selected_option") or action)["value"]
    return value
