"""
Dropped lists: from Slack's event to the upload that the runner works on. Its buttons are in `handlers/uploads.py`.

One drop can arrive as `file_shared`, as an `app_mention`, as both, in either order and more than once. The upload's row,
unique by account, file and channel, makes one of them all.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.permissions import Action, allow
from handlers.purposes import purpose_of
from handlers.slack.errors import error_code
from handlers.slack.inbox import Events
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import EventWork, Listener, Surface
from handlers.slack.messages import Message
from handlers.slack.missed_lists import missed_event_id
from handlers.slack.mrkdwn import file_name, link, sentence
from handlers.slack.payloads import is_ts, place_of_button, pressed_value
from handlers.slack.places import Place, Request, permalink_of
from handlers.slack.roles import Roles
from handlers.slack.token_bucket import TokenBucket
from handlers.slack.uploads_channels import UploadsChannels
from handlers.views.handovers import DroppedList
from handlers.work.drops import Drop, file_of, is_theirs, kept_from_strangers, looks_like_a_list, share_of
from handlers.work.uploads import Runner
from store import (
    Account,
    Actor,
    Asked,
    Choices,
    Errand,
    InboxEvent,
    InboxState,
    Purpose,
    Store,
    WrongState,
)

log = structlog.get_logger()
# A file and the mention that came with it are one message: their events are seconds apart.
TOGETHER = timedelta(minutes=5)
# A mention can overtake the file it came with; it is told apart from one without a file by waiting, in seconds.
FILE_AFTER = (0.3, 0.6)
# The mention can come behind its file as well: where a list may be applied unasked, or was dropped where nobody takes lists,
# its words are waited for, in seconds.
WORDS_AFTER = (0.3, 0.6, 0.9)
# Looks at files in channels that are no uploads channels.
ELSEWHERE_A_MINUTE, ELSEWHERE_BURST = 6, 6
# By the errand of a dropped list: the right that it takes.
_TAKES = {
    "drop.opt_out": Action.DROP,
    "drop.scrub": Action.SCRUB,
    "drop.look_up": Action.SEARCH,
    "drop.compare": Action.COMPARE,
}
# What comes back tells who is opted out: what is done, and the words that ask for it.
_TELLING: Mapping[Asked | None, tuple[str, str]] = {
    Asked.LOOK_UP: ("looked up", "look up"),
    Asked.COMPARE: ("compared", "compare"),
}
# Slack's answers about a channel that will not change; after any other the event is taken up again.
_CHANNEL_UNKNOWN = {"channel_not_found", "missing_scope"}


class Files:
    """Listeners of the events that bring lists."""

    def __init__(
        self,
        store: Store,
        roles: Roles,
        interactions: Interactions,
        runner: Runner,
        without_file: EventWork,
        directly: EventWork,
        *,
        uploads_channels: UploadsChannels,
    ) -> None:
        self._store = store
        self._roles = roles
        self._interactions = interactions
        self._runner = runner
        self._without_file = without_file
        self._directly = directly
        self._uploads_channels = uploads_channels
        self._elsewhere = TokenBucket(ELSEWHERE_A_MINUTE, ELSEWHERE_BURST)
        for errand, action in _TAKES.items():
            interactions.errand(errand, action, self._take_over)

    def listeners(self, events: Events) -> tuple[Listener, ...]:
        drop = (Action.DROP, Action.SCRUB, Action.COMPARE)
        return (
            events.listener(Surface.FILE, "file_shared", (Action.SEARCH, *drop), self._shared),
            events.listener(Surface.MENTION, "app_mention", (*self._without_file.actions, *drop), self._mentioned),
            events.listener(Surface.DIRECT, "message", (*self._directly.actions, *drop), self._direct),
        )

    # Events. What fails here stays undone in the database and is taken up again.

    async def _shared(
        self, account: Account, body: dict[str, Any], client: AsyncWebClient, inbox_event: InboxEvent
    ) -> None:
        """
        `file_shared`: a list, if it was dropped in an uploads channel or together with a mention.

        Anywhere else whoever dropped it may be asked, alone, whether it is one.
        """
        event = body["event"]
        channel: str = event["channel_id"]
        expected = await self._uploads_channels.takes(account, channel)
        if expected:
            told_first = await self._missed(account, body, inbox_event)
            if told_first is InboxState.DONE:
                return
            if told_first is not None:
                # Both may be at work: what each of them says is said once.
                body = {**body, "event_id": missed_event_id(channel, event["file_id"])}
        asks = not expected and self._asks_elsewhere(account, channel)
        # Whoever may not is told so once, by what their words ask to be handed over.
        refused = expected and not await self._may_drop(account, client, event["user_id"])
        waits = asks or refused or (expected and account.settings.ask != "always")
        mentions = await self._recent_events(inbox_event, "app_mention", channel)
        for pause in WORDS_AFTER if waits else ():
            if any(event["file_id"] == file["id"] for mention in mentions for file in mention.get("files") or ()):
                break
            await asyncio.sleep(pause)
            mentions = await self._recent_events(inbox_event, "app_mention", channel)
        if not expected and not mentions:
            if asks and self._elsewhere.spare():
                file = await file_of(client, event["file_id"], channel)
                await self._ask_elsewhere(account, body, client, file, inbox_event)
            return
        name = await self._channel_name(account, client, channel)
        file = await file_of(client, event["file_id"], channel)
        if isinstance(file, str):
            if expected:
                text = f"<@{event['user_id']}>: {_unchanged(file)}"
                dropper = Actor(event["user_id"], event["user_id"])
                place = Place(actor=dropper, channel_id=channel, channel_name=name, client=client)
                await self._interactions.answer_event(place, Message.of(text), body)
            return
        share = share_of(file, channel)
        if share is None and not is_theirs(file, event["user_id"], channel):
            log.warning("a file was not shared where an event says so", file=event["file_id"], channel=channel)
            return
        mention = next((event for event in mentions if share and event["ts"] == share["ts"]), None)
        if refused and mention is not None:
            return
        if expected or mention:
            words = str((mention or {}).get("text") or "")
            asked = purpose_of(words, file, expected=expected)
            drop = Drop(file, channel, name, share, event["user_id"], *asked)
            await self._receive(account, body, client, drop, inbox_event=inbox_event)
        elif asks and self._elsewhere.spare():
            await self._ask_elsewhere(account, body, client, file, inbox_event)

    async def _may_drop(self, account: Account, client: AsyncWebClient, user: str) -> bool:
        return allow((await self._roles.role_of(client, account, user)).role, Action.DROP)

    def _asks_elsewhere(self, account: Account, channel: str) -> bool:
        """Whether a list dropped in *channel*, which takes none, is asked about: where the desk is, unless the account minds."""
        return account.settings.elsewhere == "ask" and self._uploads_channels.name_of(account.id, channel) is not None

    async def _ask_elsewhere(
        self,
        account: Account,
        body: dict[str, Any],
        client: AsyncWebClient,
        file: dict[str, Any] | str,
        inbox_event: InboxEvent,
    ) -> None:
        """A *file* that came without a word: one that looks like a list is read, and its dropper asked alone. Else nothing is said."""
        event = body["event"]
        channel, user = event["channel_id"], event["user_id"]
        if isinstance(file, str) or file.get("user") != user or not looks_like_a_list(file):
            return
        share = share_of(file, channel)
        asker = await self._roles.role_of(client, account, user)
        if share is None or not allow(asker.role, Action.DROP):
            return
        name, choices = self._uploads_channels.name_of(account.id, channel), Choices(asked=Asked.UNCLEAR, alone=True)
        drop = Drop(file, channel, name, share, user, Purpose.OPT_OUT, choices)
        await self._receive(account, body, client, drop, inbox_event=inbox_event)

    async def _missed(self, account: Account, body: dict[str, Any], inbox_event: InboxEvent) -> InboxState | None:
        """
        What became of the same drop, told in the other way: None unless it was.

        A file may be found before Slack tells of it. Slack may tell of it after all before what was found is handled:
        then that is as good as handled.
        """
        file_id, channel = body["event"]["file_id"], body["event"]["channel_id"]
        missed = missed_event_id(channel, file_id)
        if body["event_id"] != missed:
            return await asyncio.to_thread(self._store.inbox.state_of, account.id, missed)
        told = await self._recent_payloads(inbox_event, "file_shared", channel)
        heard = any(one["event_id"] != missed and one["event"]["file_id"] == file_id for one in told)
        return InboxState.DONE if heard else None

    async def _mentioned(
        self, account: Account, body: dict[str, Any], client: AsyncWebClient, inbox_event: InboxEvent
    ) -> None:
        """`app_mention`: a list when a file came with it; without one, for whoever was handed in for that."""
        event = body["event"]
        if event.get("user") is None:
            return
        channel: str = event["channel"]
        again = bool(event.get("edited")) and not await self._is_mentioned_first(event, inbox_event)
        if again and not event.get("files"):
            return
        ids = [file["id"] for file in event.get("files") or ()]
        for pause in () if ids else (0.0, *FILE_AFTER):  # the mention can come without the files of its message
            await asyncio.sleep(pause)
            dropped = await self._recent_events(inbox_event, "file_shared", channel)
            if ids := [other["file_id"] for other in dropped if other.get("user_id") == event["user"]]:
                break
        taken = False
        problem: str | None = None
        for file_id in dict.fromkeys(ids):
            file = await file_of(client, file_id, channel)
            if isinstance(file, str):
                problem = file if event.get("files") else problem
                continue
            share = share_of(file, channel)
            if share is not None and share["ts"] != event["ts"]:
                continue
            if share is None and not is_theirs(file, event["user"], channel):
                continue
            taken = True
            share = share or {"ts": event["ts"], "thread_ts": event.get("thread_ts")}
            name = await self._channel_name(account, client, channel)
            # Done with its last file only: a process that dies between two leaves the others to the next.
            last = inbox_event if file_id == ids[-1] else None
            expected = await self._uploads_channels.takes(account, channel)
            asked = purpose_of(str(event.get("text") or ""), file, expected=expected)
            drop = Drop(file, channel, name, share, event["user"], *asked)
            if again and not await self._is_more_careful(account, drop):
                continue
            await self._receive(account, body, client, drop, inbox_event=last)
        if not taken and not again:
            if problem is None:
                await self._without_file.work(account, body, client)
                return
            place = Place(
                actor=Actor(event["user"], event["user"]),
                channel_id=channel,
                thread_ts=event.get("thread_ts") or event["ts"],
                threaded=event.get("thread_ts") is not None,
                client=client,
            )
            request = await self._request(account, body, place, Action.HELP)
            if request is not None:
                await self._interactions.answer_event(request, Message.of(_unchanged(problem)), body)

    async def _direct(
        self, account: Account, body: dict[str, Any], client: AsyncWebClient, inbox_event: InboxEvent
    ) -> None:
        """
        A person's message to the desk alone: the lists that came with it, or else what it says.

        A list is shown and decided there, as in any channel; without words it is asked about.
        """
        event = body["event"]
        is_from_a_person = event.get("user") is not None and not event.get("bot_id") and not event.get("edited")
        if event.get("channel_type") != "im" or not is_from_a_person:
            return
        if event.get("subtype") not in (None, "file_share"):
            return
        ids = [file["id"] for file in event.get("files") or ()]
        if not ids:
            await self._directly.work(account, body, client)
            return
        channel, user = event["channel"], event["user"]
        for file_id in dict.fromkeys(ids):
            file = await file_of(client, file_id, channel)
            if isinstance(file, str):
                place = Place(actor=Actor(user, user), channel_id=channel, thread_ts=event["ts"], client=client)
                request = await self._interactions.admit(place, body, Action.DROP)
                answer = request if isinstance(request, Message) else Message.of(_unchanged(file))
                await self._interactions.answer_event(place, answer, body, of=file_id)
                continue
            share = share_of(file, channel) or {"ts": event["ts"], "thread_ts": event.get("thread_ts")}
            asked = purpose_of(str(event.get("text") or ""), file, expected=False)
            # Done with its last file only: a process that dies between two leaves the others to the next.
            last = inbox_event if file_id == ids[-1] else None
            drop = Drop(file, channel, None, share, user, *asked)
            await self._receive(account, body, client, drop, inbox_event=last)

    async def _is_more_careful(self, account: Account, drop: Drop) -> bool:
        """Whether words that were edited ask less of a list that is known than they did: more is asked by writing again."""
        upload = await asyncio.to_thread(self._store.uploads.find, account.id, drop.file["id"], drop.channel)
        if upload is None or upload.is_scrub:
            return False
        return drop.purpose.is_scrub or drop.choices.outgrow(upload.choices)

    async def _receive(
        self,
        account: Account,
        body: dict[str, Any],
        client: AsyncWebClient,
        drop: Drop,
        *,
        inbox_event: InboxEvent | None,
    ) -> None:
        """Receive the upload, for what was asked with the file; from here on the runner has it."""
        dropped = DroppedList(
            drop.file["id"],
            drop.name,
            drop.channel,
            drop.user,
            drop.purpose,
            drop.choices.asked,
            (drop.share or {}).get("ts"),
            drop.thread_ts,
        )
        action = _TAKES[dropped.errand.name]
        request = await self._request(account, body, drop.place(client), action, dropped.errand)
        if request is None:
            return
        said = await self._take_up(request, drop, event=inbox_event)
        if said is not None:
            await self._interactions.answer_event(request, said, body, of=drop.file["id"])

    async def _take_up(self, request: Request, drop: Drop, *, event: InboxEvent | None = None) -> Message | None:
        """Take *drop* up where *request* is; what there is to say where it is not. Its messages tell the rest."""
        account, channel, thread = request.account, request.channel_id, request.thread_ts
        telling = ("scrubbed", "scrub") if drop.purpose.is_scrub else _TELLING.get(drop.choices.asked)
        if telling is not None:
            refused = await kept_from_strangers(request.client, channel, drop.name, *telling)
            if refused is not None:
                return refused
        upload, created = await asyncio.to_thread(
            self._store.uploads.receive,
            account.id,
            file_id=drop.file["id"],
            file_name=drop.name,
            channel_id=channel,
            channel_name=request.channel_name,
            thread_ts=thread,
            # Of the drop's message: the file's own would share the file again wherever it is posted.
            permalink=await permalink_of(replace(request, message_ts=thread)),
            actor=request.actor,
            country=account.country,
            size=int(drop.file.get("size") or 0),
            purpose=drop.purpose,
            choices=drop.choices,
            event=event,
        )
        text = None
        if created:
            self._runner.poke()
        elif drop.purpose.is_scrub and not upload.is_scrub:
            text = (
                f"{file_name(upload.file_name)} is not scrubbed: it was taken as an opt-out list, and what was decided of that "
                "stands. Drop the file itself once more with the word `scrub`."
            )
        elif (
            thread in (None, upload.thread_ts) and upload.entry_id is not None and drop.choices.outgrow(upload.choices)
        ):
            text = (
                f"{file_name(upload.file_name)} was taken as an opt-out list before I read these words, and what was decided of "
                "that stands. If it should not: *Undo this upload*, at its report, takes it back."
            )
        elif thread not in (None, upload.thread_ts) and not upload.choices.alone:
            text = (
                f"{file_name(upload.file_name)} is the file that was dropped here before, shared again, and is not read "
                f"twice: {link(upload.permalink, 'how it stands')}. To start over, drop the file itself once more."
            )
        return None if text is None else Message.of(text)

    async def _take_over(self, request: Request, body: dict[str, Any]) -> Message | None:
        """A list that somebody dropped who may not, taken up by an admin, as if they had dropped it there."""
        pressed = body["actions"][0]
        dropped = DroppedList.of_errand(Errand(pressed["action_id"], pressed_value(body)))
        file = None if dropped is None else await file_of(request.client, dropped.file, dropped.channel)
        if dropped is None or (isinstance(file, dict) and file.get("user") != dropped.user):
            raise WrongState("That is no list of theirs, so nothing was done.")
        if not isinstance(file, dict):
            return replace(Message.of(_unchanged(str(file))), private=True)
        at = replace(request, channel_id=dropped.channel, thread_ts=dropped.thread_ts)
        if dropped.is_direct:
            # Only they and the desk read there: an admin decides where they are.
            here = place_of_button(body, request.client)
            at = replace(at, channel_id=here.channel_id, channel_name=here.channel_name, thread_ts=here.thread_ts)
        choices = Choices(asked=dropped.asked)
        drop = Drop(file, at.channel_id, at.channel_name, None, dropped.user, dropped.purpose, choices)
        return await self._take_up(at, drop)

    # Requests, and what Slack is asked about a drop

    async def _request(
        self, account: Account, body: dict[str, Any], place: Place, action: Action, errand: Errand | None = None
    ) -> Request | None:
        """The request of an event, or None when it was refused to the person, in words, for them alone; *errand*: as of `Roles.no`."""

        async def asked(_account: Account) -> Errand | None:
            return errand

        request = await self._roles.admit(place, account, action, asked)
        if isinstance(request, Request):
            return request
        await self._interactions.answer_event(place, request, body, of=str(action))
        return None

    async def _is_mentioned_first(self, event: dict[str, Any], inbox_event: InboxEvent) -> bool:
        """
        Whether the edit that *event* tells of added the mention: any edit of a message with one mentions the desk again.

        What came before is known for `TOGETHER`. Of an older message it cannot be told, and nothing is done twice.
        """
        if not _edited_at(event) or not _is_written_after(event["ts"], inbox_event.received_at - TOGETHER):
            return False
        mentions = await self._recent_events(inbox_event, "app_mention", event["channel"])
        same = (mention for mention in mentions if mention["ts"] == event["ts"])
        return all(_edited_at(event) <= _edited_at(mention) for mention in same)

    async def _recent_events(self, inbox_event: InboxEvent, kind: str, channel: str) -> list[dict[str, Any]]:
        return [payload["event"] for payload in await self._recent_payloads(inbox_event, kind, channel)]

    async def _recent_payloads(self, inbox_event: InboxEvent, kind: str, channel: str) -> tuple[dict[str, Any], ...]:
        return await asyncio.to_thread(
            self._store.inbox.recent,
            inbox_event.account_id,
            kind,
            channel,
            TOGETHER,
            before=inbox_event.received_at,
        )

    async def _channel_name(self, account: Account, client: AsyncWebClient, channel: str) -> str | None:
        if (known := self._uploads_channels.name_of(account.id, channel)) is not None:
            return known
        try:
            answer = await client.conversations_info(channel=channel)
        except SlackApiError as error:
            if error_code(error) not in _CHANNEL_UNKNOWN:
                raise
            log.warning("channel not known", channel=channel, error=error_code(error))
            return None
        name: str | None = answer["channel"].get("name")
        return name


def _is_written_after(ts: str, at: datetime) -> bool:
    return is_ts(ts) and float(ts) > at.timestamp()


def _edited_at(event: dict[str, Any]) -> str:
    """When the message of *event* was edited, as Slack's `ts`; empty when it never was."""
    edited = event.get("edited")
    return str(edited.get("ts") or "") if isinstance(edited, dict) else ""


def _unchanged(why: str) -> str:
    return f"{sentence(why)} Nothing was changed."
