"""
Dropped lists: from Slack's event to the upload that the runner works on, and the buttons of their preview.

One drop can arrive as `file_shared`, as an `app_mention`, as both, in either order and more than once. The upload's row,
unique by account, file and channel, makes one of them all.
"""

import asyncio
import json
import re
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.grammar import Wish, wish_of, wish_of_names
from handlers.permissions import Action, allow
from handlers.slack.errors import error_code, is_transient
from handlers.slack.inbox import Events
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import EventWork, Listener, Surface
from handlers.slack.messages import Message
from handlers.slack.missed_lists import missed_event_id
from handlers.slack.modal_context import ModalContext
from handlers.slack.modals import refusal
from handlers.slack.mrkdwn import SlackWriter, file_name, link, sentence
from handlers.slack.payloads import idempotency_key_of, is_ts, pressed_value
from handlers.slack.places import Place, Request
from handlers.slack.replies import OPEN_KINDS, kind_of_channel
from handlers.slack.roles import Roles
from handlers.slack.token_bucket import TokenBucket
from handlers.slack.uploads_channels import UploadsChannels
from handlers.views import previews
from handlers.views import uploads as views
from handlers.work.download import why_no_more, why_not_told
from handlers.work.uploads import Runner
from store import (
    NOTHING_CHOSEN,
    Account,
    Actor,
    Asked,
    Choices,
    Deadlines,
    Function,
    InboxEvent,
    Origin,
    Purpose,
    Store,
    StoreError,
    Upload,
    UploadState,
    WrongState,
    doubts,
    require_undoable,
)

log = structlog.get_logger()
# Slack fills in where a file was shared a moment after it says that it was.
SHARES_AFTER = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
# A file and the mention that came with it are one message: their events are seconds apart.
TOGETHER = timedelta(minutes=5)
# A mention can overtake the file it came with; it is told apart from one without a file by waiting, in seconds.
FILE_AFTER = (0.3, 0.6)
# The mention can come behind its file as well: where a list may be applied unasked, or was dropped where nobody takes lists,
# its words are waited for, in seconds.
WORDS_AFTER = (0.3, 0.6, 0.9)
# Looks at files in channels that are no uploads channels.
ELSEWHERE_A_MINUTE, ELSEWHERE_BURST = 6, 6
# By Slack's name or a file's ending: what is asked about where nobody asked for anything. Pictures, pages and archives are not.
_LISTS = frozenset({"csv", "tsv", "txt", "text", "xlsx", "xls", "xlsm", "xlsb", "ods"})
# Slack's answers about a channel that will not change; after any other the event is taken up again.
_CHANNEL_UNKNOWN = {"channel_not_found", "missing_scope"}
_MENTION = re.compile(r"<@[UW]\w+(?:\|[^<>]*)?>")
_SENTENCE = re.compile(r"[^.!?]+")
_NOT = re.compile(r"\b(?:not|never|no|without|dont)\b|n['\u2019]t\b", re.IGNORECASE)
_KEEPING = re.compile(r"\bkeep", re.IGNORECASE)
_KEEP = re.compile(r"\bkeep\b", re.IGNORECASE)
_UNREADABLE = re.compile(r"\bunreadable\b", re.IGNORECASE)
# Digits; Python refuses to read numbers of thousands of them.
_LONGEST_COUNT = 20


class Files:
    """Listeners of the events, buttons and modals of dropped lists."""

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
        deadlines: Deadlines,
    ) -> None:
        self._store = store
        self._roles = roles
        self._interactions = interactions
        self._runner = runner
        self._without_file = without_file
        self._directly = directly
        self._uploads_channels = uploads_channels
        self._deadlines = deadlines
        self._elsewhere = TokenBucket(ELSEWHERE_A_MINUTE, ELSEWHERE_BURST)

    def listeners(self, events: Events) -> tuple[Listener, ...]:
        button, modal, drop = self._interactions.button, self._interactions.modal, (Action.DROP, Action.SCRUB)
        return (
            events.listener(Surface.FILE, "file_shared", (Action.SEARCH, *drop), self._shared),
            events.listener(Surface.MENTION, "app_mention", (*self._without_file.actions, *drop), self._mentioned),
            events.listener(Surface.DIRECT, "message", (*self._directly.actions, *drop), self._direct),
            button("upload.confirm", Action.CONFIRM, self._confirm_or_ask),
            modal("upload.sure", Action.CONFIRM, self._confirm_typed),
            button("upload.stop", Action.STOP, self._stop),
            button("upload.continue", Action.CONTINUE, self._continue),
            button("upload.undo", Action.UNDO, self._ask_undo),
            modal("upload.undo", Action.UNDO, self._undo),
            button("upload.cancel", Action.DROP, self._cancel),
            button("upload.again", Action.DROP, self._take_up_again),
            button("upload.column", Action.DROP, self._use_column),
            button("upload.country", Action.DROP, self._use_country),
            button("upload.read", Action.DROP, self._read_again),
            button("upload.scrub", Action.SCRUB, self._scrub_instead),
            button("upload.look", Action.SEARCH, self._look_up_instead),
            button("upload.want", Action.DROP, self._want),
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
        if expected and await self._is_told_twice(account, body, inbox_event):
            return
        asks = not expected and self._asks_elsewhere(account, channel)
        waits = asks or (expected and account.settings.ask != "always")
        mentions = await self._recent_events(inbox_event, "app_mention", channel)
        for pause in WORDS_AFTER if waits else ():
            if any(event["file_id"] == file["id"] for mention in mentions for file in mention.get("files") or ()):
                break
            await asyncio.sleep(pause)
            mentions = await self._recent_events(inbox_event, "app_mention", channel)
        if not expected and not mentions:
            if asks and self._elsewhere.spare():
                file = await self._file(client, event["file_id"], channel)
                await self._ask_elsewhere(account, body, client, file, inbox_event)
            return
        name = await self._channel_name(client, channel)
        file = await self._file(client, event["file_id"], channel)
        if isinstance(file, str):
            if expected:
                text = f"<@{event['user_id']}>: {_unchanged(file)}"
                dropper = Actor(event["user_id"], event["user_id"])
                place = Place(actor=dropper, channel_id=channel, channel_name=name, client=client)
                await self._interactions.answer_event(place, Message.of(text), body)
            return
        share = _share(file, channel)
        if share is None and not _is_theirs(file, event["user_id"], channel):
            log.warning("a file was not shared where an event says so", file=event["file_id"], channel=channel)
            return
        mention = next((event for event in mentions if share and event["ts"] == share["ts"]), None)
        if expected or mention:
            words = str((mention or {}).get("text") or "")
            purpose, choices = purpose_of(words, file, expected=expected)
            await self._receive(
                account,
                body,
                client,
                file,
                channel,
                name,
                share,
                event["user_id"],
                purpose,
                choices,
                inbox_event=inbox_event,
            )
        elif asks and self._elsewhere.spare():
            await self._ask_elsewhere(account, body, client, file, inbox_event)

    def _asks_elsewhere(self, account: Account, channel: str) -> bool:
        """Whether a list dropped in *channel*, which takes none, is asked about: where the desk is, unless the account minds."""
        return account.settings.elsewhere == "ask" and self._uploads_channels.name_of(channel) is not None

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
        if isinstance(file, str) or file.get("user") != user or not _looks_like_a_list(file):
            return
        share = _share(file, channel)
        asker = await self._roles.role_of(client, account, user)
        if share is None or not allow(asker.role, Action.DROP):
            return
        choices = Choices(asked=Asked.UNCLEAR, alone=True)
        await self._receive(
            account,
            body,
            client,
            file,
            channel,
            self._uploads_channels.name_of(channel),
            share,
            user,
            Purpose.OPT_OUT,
            choices,
            inbox_event=inbox_event,
        )

    async def _is_told_twice(self, account: Account, body: dict[str, Any], inbox_event: InboxEvent) -> bool:
        """Whether the file was found before Slack told of it, or Slack told of it after all before what was found is handled."""
        file_id, channel = body["event"]["file_id"], body["event"]["channel_id"]
        missed = missed_event_id(channel, file_id)
        if body["event_id"] != missed:
            return await asyncio.to_thread(self._store.inbox.is_done, account.id, missed)
        told = await self._recent_payloads(inbox_event, "file_shared", channel)
        return any(one["event_id"] != missed and one["event"]["file_id"] == file_id for one in told)

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
            file = await self._file(client, file_id, channel)
            if isinstance(file, str):
                problem = file if event.get("files") else problem
                continue
            share = _share(file, channel)
            if share is not None and share["ts"] != event["ts"]:
                continue
            if share is None and not _is_theirs(file, event["user"], channel):
                continue
            taken = True
            share = share or {"ts": event["ts"], "thread_ts": event.get("thread_ts")}
            name = await self._channel_name(client, channel)
            # Done with its last file only: a process that dies between two leaves the others to the next.
            last = inbox_event if file_id == ids[-1] else None
            expected = await self._uploads_channels.takes(account, channel)
            purpose, choices = purpose_of(str(event.get("text") or ""), file, expected=expected)
            if again and not await self._is_more_careful(account, file_id, channel, purpose, choices):
                continue
            await self._receive(
                account, body, client, file, channel, name, share, event["user"], purpose, choices, inbox_event=last
            )
        if not taken and not again:
            if problem is None:
                await self._without_file.work(account, body, client)
                return
            thread = event.get("thread_ts") or event["ts"]
            threaded = event.get("thread_ts") is not None
            request = await self._request(
                account, body, client, event["user"], channel, None, thread, Action.HELP, threaded=threaded
            )
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
            file = await self._file(client, file_id, channel)
            if isinstance(file, str):
                place = Place(actor=Actor(user, user), channel_id=channel, thread_ts=event["ts"], client=client)
                request = await self._interactions.admit(place, body, Action.DROP)
                answer = request if isinstance(request, Message) else Message.of(_unchanged(file))
                await self._interactions.answer_event(place, answer, body, of=file_id)
                continue
            share = _share(file, channel) or {"ts": event["ts"], "thread_ts": event.get("thread_ts")}
            purpose, choices = purpose_of(str(event.get("text") or ""), file, expected=False)
            # Done with its last file only: a process that dies between two leaves the others to the next.
            last = inbox_event if file_id == ids[-1] else None
            await self._receive(
                account, body, client, file, channel, None, share, user, purpose, choices, inbox_event=last
            )

    async def _is_more_careful(
        self, account: Account, file_id: str, channel: str, purpose: Purpose, choices: Choices
    ) -> bool:
        """Whether words that were edited ask less of a list that is known than they did: more is asked by writing again."""
        upload = await asyncio.to_thread(self._store.uploads.find, account.id, file_id, channel)
        if upload is None or upload.is_scrub:
            return False
        return purpose.is_scrub or choices.outgrow(upload.choices)

    async def _receive(
        self,
        account: Account,
        body: dict[str, Any],
        client: AsyncWebClient,
        file: dict[str, Any],
        channel: str,
        channel_name: str | None,
        share: dict[str, Any] | None,
        user: str,
        purpose: Purpose,
        choices: Choices,
        *,
        inbox_event: InboxEvent | None,
    ) -> None:
        """Receive the upload, for what was asked with the file; from here on the runner has it."""
        thread = (share.get("thread_ts") or share["ts"]) if share else None
        looks_up = choices.asked is Asked.LOOK_UP
        action = Action.SCRUB if purpose.is_scrub else Action.SEARCH if looks_up else Action.DROP
        threaded = share is not None and share.get("thread_ts") not in (None, share["ts"])
        request = await self._request(
            account, body, client, user, channel, channel_name, thread, action, threaded=threaded
        )
        if request is None:
            return
        if purpose.is_scrub or looks_up:
            done, word = ("looked up", "look up") if looks_up else ("scrubbed", "scrub")
            refused = await _kept_from_strangers(client, channel, str(file.get("name")), done, word)
            if refused is not None:
                await self._interactions.answer_event(request, refused, body, of=file["id"])
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
            choices=choices,
            event=inbox_event,
        )
        if created:
            self._runner.poke()
        elif purpose.is_scrub and not upload.is_scrub:
            text = (
                f"{file_name(upload.file_name)} is not scrubbed: it was taken as an opt-out list, and what was decided of that "
                "stands. Drop the file itself once more with the word `scrub`."
            )
            await self._interactions.answer_event(request, Message.of(text), body, of=file["id"])
        elif thread in (None, upload.thread_ts) and upload.entry_id is not None and choices.outgrow(upload.choices):
            text = (
                f"{file_name(upload.file_name)} was taken as an opt-out list before I read these words, and what was decided of "
                "that stands. If it should not: *Undo this upload*, at its report, takes it back."
            )
            await self._interactions.answer_event(request, Message.of(text), body, of=file["id"])
        elif thread not in (None, upload.thread_ts) and not upload.choices.alone:
            text = (
                f"{file_name(upload.file_name)} is the file that was dropped here before, shared again, and is not read "
                f"twice: {link(upload.permalink, 'how it stands')}. To start over, drop the file itself once more."
            )
            await self._interactions.answer_event(request, Message.of(text), body, of=file["id"])

    # Buttons and modals

    async def _confirm_or_ask(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Opt out N phones*: done at once, or after a modal when the list looks wrong."""
        value = json.loads(pressed_value(body))
        # Previews shown before there was more to say carry the id alone.
        chosen = value if isinstance(value, dict) else {"upload": value}
        fingerprint = _fingerprint(chosen)
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(chosen["upload"]))
        wrong: tuple[str, ...] = ()
        if upload.state is UploadState.WAITING and fingerprint in (None, upload.fingerprint):
            before = await asyncio.to_thread(self._store.uploads.applied_before, upload)
            wrong = doubts(upload, SlackWriter(), before=before)
        if not wrong:
            await self._confirm(request, upload.id, fingerprint, body)
            return _in_place(request, upload, "is being opted out: see the thread of its message.")
        await self._interactions.open(
            request, body, views.ask_for_number(upload, wrong, _modal_context(request, upload))
        )
        return None

    async def _want(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Opt out N phones*, by whoever was asked alone: an admin's is the yes, anybody else's has it asked of the admins."""
        upload = await self._theirs(request, int(json.loads(pressed_value(body))["upload"]), "opted out")
        if not upload.choices.alone and not (upload.is_direct and upload.choices.asked is Asked.UNCLEAR):
            raise WrongState(
                f"{upload.file_name} was asked for since, for all to see. Its message shows how it stands."
            )
        confirming = await self._interactions.admit(request, body, Action.CONFIRM)
        if isinstance(confirming, Request):
            return await self._confirm_or_ask(confirming, body)
        ask = partial(self._store.uploads.ask, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(ask, upload.account_id, upload.id, None)
        self._runner.poke()
        return _in_place(request, upload, "waits for an admin's yes: see the thread of its message.")

    async def _scrub_instead(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Scrub it instead*: the list comes back without who is opted out, and nobody is opted out by it."""
        upload = await self._theirs(request, int(pressed_value(body)), "scrubbed instead")
        refused = await _kept_from_strangers(request.client, upload.channel_id, upload.file_name, "scrubbed", "scrub")
        if refused is not None:
            return refused
        scrub = partial(self._store.uploads.scrub_instead, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(scrub, upload.account_id, upload.id)
        self._runner.poke()
        return _in_place(request, upload, "is being scrubbed: it comes back in the thread of its message.")

    async def _look_up_instead(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Look it up*, of a list whose words asked for the opposite of an opt-out."""
        upload = await self._theirs(request, int(pressed_value(body)), "looked up instead")
        refused = await _kept_from_strangers(
            request.client, upload.channel_id, upload.file_name, "looked up", "look up"
        )
        if refused is not None:
            return refused
        if upload.choices.asked is not Asked.OPT_IN:
            raise WrongState(f"{upload.file_name} was not offered to be looked up: choose in its preview.")
        ask = partial(self._store.uploads.ask, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(ask, upload.account_id, upload.id, Asked.LOOK_UP)
        self._runner.poke()
        return None

    async def _theirs(self, request: Request, upload_id: int, what: str) -> Upload:
        """The upload, for its dropper and for admins to have it *what*; `WrongState` for anybody else."""
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, upload_id)
        if not request.is_admin and upload.actor.id != request.actor.id:
            raise WrongState(
                f"Only an admin or who dropped the list can have it {what}. Ask {upload.actor.name}, or an admin."
            )
        return upload

    async def _confirm_typed(self, request: Request, context: ModalContext, body: dict[str, Any]) -> Message | None:
        """The modal of a list that looks wrong, with the number of phones typed."""
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, context.upload)
        typed = str(body["view"]["state"]["values"][views.NUMBER]["upload.number"]["value"] or "")
        if upload.fingerprint == context.fingerprint and _number(typed) != upload.asked:
            text = f"That is not the number of phones, which is {upload.asked:,}: type that to go on, or cancel."
            return replace(Message.of(text, private=True), field=views.NUMBER)
        await self._confirm(request, upload.id, context.fingerprint, body)
        return None

    async def _confirm(self, request: Request, upload: int, fingerprint: str | None, body: dict[str, Any]) -> None:
        try:
            await asyncio.to_thread(
                self._store.uploads.confirm,
                request.account.id,
                upload,
                request.origin(Function.UPLOAD),
                fingerprint=fingerprint,
                recount=self._runner.recount,
                idempotency_key=idempotency_key_of(body),
            )
        finally:
            # One that is stale is shown as it is now.
            self._runner.poke()

    async def _stop(self, request: Request, body: dict[str, Any]) -> None:
        """*Stop*: apply no more of the list."""
        by, upload = request.origin(Function.UPLOAD), int(pressed_value(body))
        stop = partial(self._store.uploads.stop, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(stop, request.account.id, upload, by)
        self._runner.poke()

    async def _continue(self, request: Request, body: dict[str, Any]) -> None:
        """*Continue*: apply the rest of a list that was stopped."""
        by, upload = request.origin(Function.UPLOAD), int(pressed_value(body))
        go_on = partial(self._store.uploads.go_on, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(go_on, request.account.id, upload, by)
        self._runner.poke()

    async def _ask_undo(self, request: Request, body: dict[str, Any]) -> None:
        """*Undo this upload*: a modal, opened at once and filled with the counts when they are there."""
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(pressed_value(body)))
        require_undoable(upload, self._deadlines.within(request.account.settings).undo)
        opened = await self._interactions.open(request, body, views.counting_undo(upload))
        if opened is not None:
            # Of a long list it takes longer than a button may: the modal says that it is being counted.
            self._interactions.tasks.start(self._count_undo(request, upload, opened), name="count an undo")

    async def _count_undo(self, request: Request, upload: Upload, opened: dict[str, Any]) -> None:
        try:
            counts = await asyncio.to_thread(self._store.uploads.preview_undo, upload.account_id, upload.id)
            filled = views.undo_question(upload, counts, _modal_context(request, upload))
        except StoreError as error:
            filled = refusal(Message.of(sentence(str(error))))
        await self._interactions.fill(request, opened, filled)

    async def _undo(self, request: Request, context: ModalContext, body: dict[str, Any]) -> None:
        """The modal that says what an undo does, submitted."""
        by = request.origin(Function.UNDO)
        await asyncio.to_thread(
            self._store.uploads.undo,
            request.account.id,
            context.upload,
            by,
            within=self._deadlines.within(request.account.settings).undo,
            idempotency_key=idempotency_key_of(body),
        )
        self._runner.poke()

    async def _cancel(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Cancel*, or *Leave it*: by an admin, or by whoever dropped the list."""
        upload = await self._theirs(request, int(pressed_value(body)), "cancelled")
        by = Origin(Function.UPLOAD, request.actor)
        cancel = partial(self._store.uploads.cancel, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(cancel, request.account.id, upload.id, by)
        self._runner.poke()
        return _in_place(request, upload, "is left as it is: nothing was changed.")

    async def _take_up_again(self, request: Request, body: dict[str, Any]) -> None:
        """*Read it again*: a list that expired waits for a yes once more."""
        upload = await self._theirs(request, int(pressed_value(body)), "read again")
        again = partial(self._store.uploads.take_up_again, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(again, request.account.id, upload.id)
        self._runner.poke()

    async def _use_column(self, request: Request, body: dict[str, Any]) -> None:
        """*Use COLUMN*: read the list again with another column."""
        chosen = json.loads(pressed_value(body))
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(chosen["upload"]))
        if chosen["column"] != upload.summary.get("likely"):
            raise WrongState(f"{upload.file_name} was not offered to be read by that column: choose in its preview.")
        set_column = partial(self._store.uploads.set_column, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(set_column, upload.account_id, upload.id, chosen["column"])
        self._runner.poke()

    async def _use_country(self, request: Request, body: dict[str, Any]) -> None:
        """The menu of countries: read the list again with another one."""
        chosen = json.loads(pressed_value(body))
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, int(chosen["upload"]))
        if chosen["country"] not in (*previews.COUNTRIES, upload.country):
            raise WrongState(f"{upload.file_name} was not offered to be read with that country: choose in its preview.")
        set_country = partial(self._store.uploads.set_country, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(set_country, upload.account_id, upload.id, chosen["country"])
        self._runner.poke()

    async def _read_again(self, request: Request, body: dict[str, Any]) -> None:
        """An offer of a question: read the list again like that."""
        chosen = json.loads(pressed_value(body))
        choose = partial(self._store.uploads.choose, idempotency_key=idempotency_key_of(body))
        await asyncio.to_thread(choose, request.account.id, int(chosen["upload"]), chosen["choices"])
        self._runner.poke()

    # Requests, and what Slack is asked about a drop

    async def _request(
        self,
        account: Account,
        body: dict[str, Any],
        client: AsyncWebClient,
        user: str,
        channel: str,
        channel_name: str | None,
        thread_ts: str | None,
        action: Action,
        *,
        threaded: bool,
    ) -> Request | None:
        """The request of an event, or None when it was refused to the person, in words, for them alone."""
        place = Place(
            actor=Actor(user, user),
            channel_id=channel,
            channel_name=channel_name,
            thread_ts=thread_ts,
            threaded=threaded,
            client=client,
        )
        request = await self._roles.admit(place, account, action)
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

    async def _channel_name(self, client: AsyncWebClient, channel: str) -> str | None:
        if (known := self._uploads_channels.name_of(channel)) is not None:
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

    async def _file(self, client: AsyncWebClient, file_id: str, channel: str) -> dict[str, Any] | str:
        """The file, once Slack knows where it was shared; the sentence that says why not, where it does not tell of it."""
        for pause in (*SHARES_AFTER, None):
            try:
                file: dict[str, Any] = (await client.files_info(file=file_id))["file"]
            except SlackApiError as error:
                if is_transient(error):
                    raise
                log.warning("a file is not known", file=file_id, error=error_code(error))
                return why_not_told(error_code(error))
            if _share(file, channel) is not None or pause is None:
                break
            if (nothing := why_no_more(file)) is not None:
                return nothing
            await asyncio.sleep(pause)
        return file


def purpose_of(words: str, file: dict[str, Any], *, expected: bool) -> tuple[Purpose, Choices]:
    """
    The purpose of a dropped *file*, by the *words* of its message, and where there are none by its title and name.

    *expected*: it was dropped in an uploads channel, where a list without words is dropped to be opted out. Anywhere else it
    takes words that say so plainly; what is not plain is asked. Unreadable rows are rather left out of a scrub against a wish
    than kept against one: they may be opted out.
    """
    words = _MENTION.sub(" ", words)
    wish = wish_of(words)
    called = wish_of_names(*(str(file.get(name) or "") for name in ("title", "name")))
    if wish is Wish.NOTHING and called is Wish.SCRUB:
        wish = Wish.SCRUB
    elif wish is Wish.NOTHING and called is Wish.NOTHING:
        wish = Wish.OPT_OUT if expected else Wish.UNCLEAR
    elif wish is Wish.NOTHING or (wish is Wish.OPT_OUT and called is Wish.SCRUB):
        wish = Wish.UNCLEAR  # what it is called and what is asked do not go together
    if wish is Wish.SCRUB:
        keep = _followed(words, _KEEP, _UNREADABLE) and not _followed(words, _NOT, _KEEPING)
        return (Purpose.SCRUB_KEEPING if keep else Purpose.SCRUB), NOTHING_CHOSEN
    return Purpose.OPT_OUT, Choices(asked=_ASKED.get(wish))


# What was asked for where it is not plainly one of the purposes.
_ASKED: Final = {Wish.LOOK_UP: Asked.LOOK_UP, Wish.OPT_IN: Asked.OPT_IN, Wish.UNCLEAR: Asked.UNCLEAR}


async def _kept_from_strangers(client: AsyncWebClient, channel: str, name: str, done: str, word: str) -> Message | None:
    """
    The no, for the asker alone, to what tells who of a list is opted out where people of other organisations may read along.

    None where it may be *done*; *word*: what asks for it.
    """
    kind = await kind_of_channel(client, channel, surely=True)
    if kind in OPEN_KINDS:
        return None
    log.info("nothing is told of a list here", channel=channel, why=kind)
    return Message.of(
        f"{file_name(name)} was not {done} and nothing was changed: people of another organisation may read along here, and what "
        "comes back tells who is opted out. Drop it where only your own people are, with a mention of me and the words "
        f"`{word}`.",
        private=True,
    )


def _in_place(request: Request, upload: Upload, outcome: str) -> Message | None:
    """The words in place of the question that the asker alone saw; None where all see what becomes of it."""
    return views.chosen_alone(upload, outcome) if request.ephemeral else None


def _looks_like_a_list(file: dict[str, Any]) -> bool:
    """Whether Slack's *file* is of a kind in which lists come, and kept by Slack."""
    ending = str(file.get("name") or "").rpartition(".")[2].lower()
    mode = str(file.get("mode") or "hosted")
    return (
        mode in {"hosted", "snippet"} and not file.get("is_external") and bool({ending, file.get("filetype")} & _LISTS)
    )


def _followed(words: str, first: re.Pattern[str], then: re.Pattern[str]) -> bool:
    """Is there a sentence in *words* with *first*, and *then* behind it?"""
    # One pattern for both would look for the second behind each of the first.
    return any(
        (found := first.search(sentence)) is not None and then.search(sentence, found.end()) is not None
        for sentence in _SENTENCE.findall(words)
    )


def _share(file: dict[str, Any], channel: str) -> dict[str, Any] | None:
    """The latest message in *channel* that carries *file*: its ts, and thread_ts when it stands in a thread."""
    shares: dict[str, Any] = file.get("shares") or {}
    in_channel = [share for kind in ("public", "private") for share in (shares.get(kind) or {}).get(channel) or ()]
    return max(in_channel, key=lambda share: str(share["ts"]), default=None)


def _is_theirs(file: dict[str, Any], user: str, channel: str) -> bool:
    """Whether Slack says that *file* is *user*'s own or stands in *channel*: no event hands out what is somebody else's."""
    known = (where for kind in ("channels", "groups", "ims") for where in file.get(kind) or ())
    return file.get("user") == user or channel in known


def _is_written_after(ts: str, at: datetime) -> bool:
    return is_ts(ts) and float(ts) > at.timestamp()


def _edited_at(event: dict[str, Any]) -> str:
    """When the message of *event* was edited, as Slack's `ts`; empty when it never was."""
    edited = event.get("edited")
    return str(edited.get("ts") or "") if isinstance(edited, dict) else ""


def _modal_context(request: Request, upload: Upload) -> str:
    return ModalContext.of(request, upload=upload.id, fingerprint=upload.fingerprint).to_json()


def _unchanged(why: str) -> str:
    return f"{sentence(why)} Nothing was changed."


def _fingerprint(pressed: dict[str, Any]) -> str | None:
    """The fingerprint of the preview that a button was shown with; None when it carries none."""
    # It was called "seen" until 2026-11, and buttons stay pressable for as long as their messages stand.
    fingerprint: str | None = pressed.get("fingerprint", pressed.get("seen"))
    return fingerprint


def _number(typed: str) -> int | None:
    """A whole number as people type it, thousands marked or not; None for anything else."""
    digits = re.sub(r"[\s,.'’]", "", typed)
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_COUNT else None
