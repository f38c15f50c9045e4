"""
Dropped lists: from the event to the row the runner works on, and the buttons of their preview.

One drop can arrive as `file_shared`, as an `app_mention`, as both, in either order and more than once. The upload's row,
unique by account, file and channel, makes one of them all.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import structlog
from slack_bolt.async_app import AsyncBoltContext
from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from handlers.acknowledge import acknowledged
from handlers.buttons import place_of
from handlers.events import account_of
from handlers.replies import Message, Place, Replies, Request, error_code
from handlers.roles import Action, Roles
from handlers.runner import Runner
from handlers.tasks import Tasks
from handlers.views import uploads as views
from handlers.views.mrkdwn import SlackWriter, escape, link, quoted
from store import (
    Account,
    Actor,
    Function,
    Origin,
    Store,
    StoreError,
    Upload,
    WrongState,
    doubts,
    require_undoable,
)

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
# "scrub_me.csv" has the word, "scrubs" and "unscrubbed" do not.
_SCRUB = re.compile(r"(?<![^\W_])scrub(?![^\W_])", re.IGNORECASE)
# Rather left out against a wish than kept against one: they may be opted out.
_NOT_KEEP = re.compile(r"(?:\b(?:not|never|no|without|dont)\b|n['\u2019]t\b)[^.!?]*\bkeep", re.IGNORECASE)
_KEEP = re.compile(r"\bkeep\b[^.!?]*\bunreadable\b", re.IGNORECASE)
_DELETED = "The file was deleted before it was read. Nothing was changed."
# What a button of an upload did is seen in the upload's own message.
_SHOWN_IN_ITS_MESSAGE = Message.of("Done.")
_NOT_OPENED = "Slack did not open the question in time, so nothing was done. Please press the button again."

Ack = Callable[..., Awaitable[Any]]


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
        undo_within: timedelta,
    ) -> None:
        self._store = store
        self._roles = roles
        self._replies = replies
        self._runner = runner
        self._tasks = tasks
        self._uploads_channels = uploads_channels
        self._undo_within = undo_within

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
        mention = next((one for one in mentions if share and one["ts"] == share["ts"]), None)
        if expected or mention:
            said = str((mention or {}).get("text") or "")
            await self._take(account, client, file, channel, name, share, event["user_id"], said, delivery=event_id)

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
            said = str(event.get("text") or "")
            await self._take(account, client, file, channel, name, share, event["user"], said, delivery=last)
        if not found:
            thread = event.get("thread_ts") or event["ts"]
            request = await self._request(account, client, event["user"], channel, None, thread, Action.SEARCH)
            if request is not None:
                text = (
                    _DELETED
                    if gone
                    else (
                        "Drop a CSV with a column called `phone` together with a mention of me, and I read it as an opt-out "
                        "list; with the word `scrub`, it comes back without the rows that are opted out. Single numbers: `/optout search NUMBER` and `/optout add NUMBER`; `/optout help` says more."
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
        said: str,
        *,
        delivery: str | None,
    ) -> None:
        """Keep the upload; from here on the runner has it. *said*: what was written with the file, where that is known."""
        thread = (share.get("thread_ts") or share["ts"]) if share else None
        purpose = purpose_of(said, file)
        action = Action.DROP if purpose == "opt out" else Action.SCRUB
        request = await self._request(account, client, user, channel, channel_name, thread, action)
        if request is None:
            return
        if purpose != "opt out" and (closed := await self._replies.why_closed(request)):
            # What comes back tells who is opted out.
            log.info("not scrubbed here", channel=channel, why=closed)
            text = (
                f"{quoted(str(file.get('name')))} was not scrubbed and nothing was changed: people of another organisation "
                "may read along here, and the list that comes back tells who is opted out. Drop it where only your own "
                "people are, with a mention of me and the word `scrub`."
            )
            await self._replies.answer(request, Message.of(text, private=True))
            return
        upload, created = await asyncio.to_thread(
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
            size=int(file.get("size") or 0),
            purpose=purpose,
            delivery=delivery,
        )
        if created:
            self._runner.poke()
        elif purpose != "opt out" and not upload.is_scrub:
            text = (
                f"{quoted(upload.file_name)} is not scrubbed: it was taken as an opt-out list, and what was decided of that "
                "stands. Drop the file itself once more with the word `scrub`."
            )
            await self._replies.answer(request, Message.of(text))
        elif thread not in (None, upload.thread_ts):
            text = (
                f"{quoted(upload.file_name)} is the file that was dropped here before, shared again, and is not read "
                f"twice: {link(upload.permalink, 'how it stands')}. To start over, drop the file itself once more."
            )
            await self._replies.answer(request, Message.of(text))

    # Buttons

    async def confirm(self, ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
        """*Opt out N phones*: done at once, or after a modal when the list looks wrong."""

        async def work(request: Request) -> None:
            value = json.loads(_value(body))
            # Previews shown before there was more to say carry the id alone.
            chosen = value if isinstance(value, dict) else {"upload": value, "seen": None}
            upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(chosen["upload"]))
            wrong: tuple[str, ...] = ()
            if upload.state == "waiting" and chosen["seen"] in (None, upload.seen):
                before = await asyncio.to_thread(self._store.uploads.applied_before, upload)
                wrong = doubts(upload, SlackWriter(), before=before)
            if not wrong:
                await self._confirm(request, upload.id, chosen["seen"])
                return
            await self._open(request, body, views.sure(upload, wrong, _origin(request, upload)))

        await self._pressed(ack, body, client, Action.CONFIRM, work)

    async def sure(self, ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
        """The modal of a list that looks wrong, with the number of phones typed."""

        async def work(request: Request, about: dict[str, Any]) -> Message | None:
            upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(about["upload"]))
            typed = str(body["view"]["state"]["values"][views.NUMBER]["upload.number"]["value"] or "")
            if upload.seen == about["seen"] and _number(typed) != upload.asked:
                text = f"That is not the number of phones, which is {upload.asked:,}."
                return replace(Message.of(text, private=True), field=views.NUMBER)
            await self._confirm(request, upload.id, str(about["seen"]))
            return None

        await self._submitted(ack, body, client, Action.CONFIRM, work)

    async def _confirm(self, request: Request, upload: int, seen: str | None) -> None:
        origin = _by(request, Function.UPLOAD)
        await asyncio.to_thread(self._store.uploads.confirm, request.account.id, upload, origin, seen=seen)

    async def stop(self, ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
        """*Stop*."""

        async def work(request: Request) -> None:
            by = _by(request, Function.UPLOAD)
            await asyncio.to_thread(self._store.uploads.stop, request.account.id, int(_value(body)), by)

        await self._pressed(ack, body, client, Action.STOP, work)

    async def go_on(self, ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
        """*Continue*."""

        async def work(request: Request) -> None:
            by = _by(request, Function.UPLOAD)
            await asyncio.to_thread(self._store.uploads.go_on, request.account.id, int(_value(body)), by)

        await self._pressed(ack, body, client, Action.CONTINUE, work)

    async def ask_undo(self, ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
        """*Undo this upload*: a modal, opened at once and filled with the counts when they are there."""

        async def work(request: Request) -> None:
            upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(_value(body)))
            require_undoable(upload, self._undo_within)
            view = await self._open(request, body, views.counting(upload))
            if view is not None:
                # Of a long list it takes longer than a button may: the modal says that it is being counted.
                self._tasks.start(self._count_undo(request, upload, view), name="count an undo")

        await self._pressed(ack, body, client, Action.UNDO, work)

    async def _count_undo(self, request: Request, upload: Upload, view: dict[str, Any]) -> None:
        try:
            outlook = await asyncio.to_thread(self._store.uploads.undo_outlook, upload.account_id, upload.id)
            filled = views.undo_question(upload, outlook, _origin(request, upload))
        except StoreError as error:
            filled = views.told(escape(str(error)))
        try:
            await request.client.views_update(view_id=view["id"], hash=view["hash"], view=filled)
        except SlackApiError as error:
            log.info("a modal was closed before it was filled", error=error_code(error))

    async def undo(self, ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
        """The modal that says what an undo does, submitted."""

        async def work(request: Request, about: dict[str, Any]) -> None:
            by = _by(request, Function.UNDO)
            await asyncio.to_thread(
                self._store.uploads.undo, request.account.id, int(about["upload"]), by, within=self._undo_within
            )

        await self._submitted(ack, body, client, Action.UNDO, work)

    async def cancel(self, ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
        """*Cancel*: by an admin, or by whoever dropped the list."""

        async def work(request: Request) -> None:
            upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(_value(body)))
            if not request.is_admin and upload.actor.id != request.actor.id:
                raise WrongState("Only an admin or the person who dropped the list can cancel it.")
            origin = Origin(Function.UPLOAD, request.actor)
            await asyncio.to_thread(self._store.uploads.cancel, request.account.id, upload.id, origin)

        await self._pressed(ack, body, client, Action.DROP, work)

    async def use_column(self, ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
        """*Use COLUMN*: read the list again with another column."""

        async def work(request: Request) -> None:
            chosen = json.loads(_value(body))
            await asyncio.to_thread(
                self._store.uploads.set_column, request.account.id, int(chosen["upload"]), str(chosen["column"])
            )

        await self._pressed(ack, body, client, Action.DROP, work)

    async def use_country(self, ack: Ack, body: dict[str, Any], client: AsyncWebClient) -> None:
        """The menu of countries: read the list again with another one."""

        async def work(request: Request) -> None:
            chosen = json.loads(_value(body))
            await asyncio.to_thread(
                self._store.uploads.set_country, request.account.id, int(chosen["upload"]), str(chosen["country"])
            )

        await self._pressed(ack, body, client, Action.DROP, work)

    async def _pressed(
        self,
        ack: Ack,
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

    async def _submitted(
        self,
        ack: Ack,
        body: dict[str, Any],
        client: AsyncWebClient,
        action: Action,
        work: Callable[[Request, dict[str, Any]], Awaitable[Message | None]],
    ) -> None:
        """Do *work* for whoever submitted a modal, if they still may. What it says instead is said in the modal."""
        about = json.loads(body["view"]["private_metadata"])
        user = body["user"]
        place = Place(
            actor=Actor(user["id"], user.get("username") or user["id"]),
            channel_id=about["channel"],
            channel_name=about["name"],
            thread_ts=about["thread"],
            message_ts=about["message"],
            client=client,
        )

        async def answer() -> Message:
            request = await self._roles.admit(place, await self._account(body), action)
            if isinstance(request, Message):
                return request
            message = await work(request, about)
            self._runner.poke()
            return message or _SHOWN_IN_ITS_MESSAGE

        in_modal = False

        def shown(message: Message) -> dict[str, Any]:
            nonlocal in_modal
            in_modal = True
            if message is _SHOWN_IN_ITS_MESSAGE:
                return {}
            if message.field is not None:
                return {"response_action": "errors", "errors": {message.field: message.text}}
            return {"response_action": "update", "view": views.told(message.text)}

        async def late(text: str) -> None:
            await self._replies.tell(place, Message.of(text))

        with self._tasks.holding():
            outcome = await acknowledged(ack, answer(), late=late, shown=shown)
            if not in_modal and outcome is not _SHOWN_IN_ITS_MESSAGE:
                await self._replies.answer(place, outcome)

    async def _open(self, request: Request, body: dict[str, Any], view: View) -> dict[str, Any] | None:
        """Open a modal for whoever pressed; None when Slack does not, and then they are told to press again."""
        try:
            opened: dict[str, Any] = (await request.client.views_open(trigger_id=body["trigger_id"], view=view))["view"]
        except SlackApiError as error:
            log.warning("a modal was not opened", error=error_code(error))
            await self._replies.tell(request, Message.of(_NOT_OPENED))
            return None
        return opened

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


def purpose_of(said: str, file: dict[str, Any]) -> str:
    """What a dropped *file* is for, by the word `scrub` in what was *said* with it, in its title or in its name."""
    for text in (said, str(file.get("title") or ""), str(file.get("name") or "")):
        if _SCRUB.search(text):
            return "scrub, keep unreadable" if _KEEP.search(said) and not _NOT_KEEP.search(said) else "scrub"
    return "opt out"


def _share(file: dict[str, Any], channel: str) -> dict[str, Any] | None:
    """The latest message in *channel* that carries *file*: its ts, and thread_ts when it stands in a thread."""
    shares: dict[str, Any] = file.get("shares") or {}
    found = [share for kind in ("public", "private") for share in (shares.get(kind) or {}).get(channel) or ()]
    return max(found, key=lambda share: str(share["ts"]), default=None)


def _by(request: Request, function: Function) -> Origin:
    return Origin(
        function,
        request.actor,
        channel_id=request.channel_id,
        channel_name=request.channel_name,
        message_ts=request.message_ts,
    )


def _origin(request: Request, upload: Upload) -> str:
    """What a modal remembers of where it came from."""
    about = {
        "upload": upload.id,
        "seen": upload.seen,
        "channel": request.channel_id,
        "name": request.channel_name,
        "thread": request.thread_ts,
        "message": request.message_ts,
    }
    return json.dumps(about)


def _number(typed: str) -> int | None:
    """A whole number as people type it, thousands marked or not; None for anything else."""
    digits = re.sub(r"[\s,.'’]", "", typed)
    return int(digits) if digits.isascii() and digits.isdigit() else None


def _value(body: dict[str, Any]) -> str:
    action = body["actions"][0]
    value: str = (action.get("selected_option") or action)["value"]
    return value
