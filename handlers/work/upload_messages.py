"""
What people see of an upload: its one message in Slack, the files in its thread, and what is told directly.

The upload's row is the truth and its message a picture of it: whoever holds the lease draws the picture anew, so a replica
that takes over needs to know nothing of the one that died.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import structlog
from slack_sdk.errors import SlackApiError

from handlers.permissions import Role
from handlers.slack.clients import Clients
from handlers.slack.deciders import MOST_TOLD, tell_deciders
from handlers.slack.errors import error_code, is_transient
from handlers.slack.messages import Message, masked
from handlers.slack.mrkdwn import escape, one_line
from handlers.slack.posting import Poster, PostKey
from handlers.slack.replies import kind_of_channel
from handlers.slack.roles import Roles
from handlers.views import scrubs as scrub_views
from handlers.views import uploads as views
from handlers.views.uploads import RowsAt
from handlers.work.attaching import UPLOADS_DISABLED, attach, why_not_attached
from handlers.work.job import Working
from handlers.work.limits import Limits
from handlers.work.progress import Progress
from handlers.work.scratch import ScratchDirectory
from store import Account, Actor, Post, Store, Upload, UploadState, UploadWork, scrubbed_name, write_unreadable

log = structlog.get_logger()
# What its channel does not take is shown there later, when the bot was invited again: for so long, and not more seldom.
SHOWN_WITHIN = timedelta(days=30)
LONGEST_BETWEEN_SHOWS = 600.0
# Whoever has waited no longer than this for what they asked for is still looking.
LOOKING = timedelta(seconds=30)
# In the keys of what those who may decide are told: that a list expired, with the button that has it read again.
_EXPIRED = "waits expired"
# Ends after which the next step is the dropper's.
_THEIRS_TO_MEND = frozenset({UploadState.REFUSED, UploadState.EXPIRED, UploadState.FAILED})
# In the key of a report, behind whose it is; the state that it tells of follows.
_REPORT = "report "
# How a list stands whose undoing is an admin's next step, if it is the wrong one.
_UNDOABLE = frozenset({UploadState.DONE, UploadState.STOPPED, UploadState.FAILED})


class UploadMessages:
    """Shows uploads: how they stand, in their messages; reports, with the rows that were not understood; reminders."""

    def __init__(
        self,
        store: Store,
        clients: Clients,
        poster: Poster,
        limits: Limits,
        scratch: ScratchDirectory,
        roles: Roles,
    ) -> None:
        self._roles = roles
        self._store = store
        self._clients = clients
        self._poster = poster
        self._limits = limits
        self._scratch = scratch

    def progress_of(self, work: UploadWork) -> Progress:
        """The message of the upload, for whoever works on it; `LeaseLost` from it once that is somebody else."""
        upload = work.upload
        return Progress(
            self._clients,
            self._poster,
            _post_key(work, "message"),
            upload.channel_id,
            upload.thread_ts,
            upload.message_ts,
            lambda ts: asyncio.to_thread(work.set_message, ts),
            lambda: asyncio.to_thread(work.renew, lease_seconds=self._limits.lease_seconds),
            self._as_seen(upload),
        )

    async def picture(self, upload: Upload, rows_at: RowsAt = RowsAt.ATTACHED) -> Message:
        """How the upload stands, as its message says it."""
        entry = None
        if upload.state is UploadState.WAITING:
            entry = await asyncio.to_thread(self._store.uploads.applied_before, upload)
        elif upload.state is UploadState.UNDONE:
            entry = await asyncio.to_thread(self._store.uploads.undone_by, upload)
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        return views.of_state(upload, self._limits.deadlines.within(account.settings), entry, rows_at)

    @staticmethod
    def moving(upload: Upload, done: Working, seconds: float) -> Message:
        """How far the work on the upload is, after so many *seconds* of it."""
        match upload.state:
            case UploadState.RECEIVED if upload.is_scrub:
                return scrub_views.comparing(upload, done.fraction)
            case UploadState.RECEIVED:
                return views.reading(upload, done.rows, done.fraction, seconds)
            case UploadState.UNDOING:
                return views.undoing(upload, done.rows, seconds)
            case _:
                return views.applying(upload, done.rows, seconds)

    async def show(self, work: UploadWork, progress: Progress, *, fresh: bool = False) -> str | None:
        """
        Show how the upload stands, in its message, or an end in a report of its own; where Slack does not take that, its error code.

        Whoever dropped the list, and whoever decided about it, are told directly then, once. *fresh*: nobody else can have
        shown that yet.
        """
        upload = work.upload
        if upload.is_alone:
            await self._ask_alone(upload)
            return None
        rows = upload.state is UploadState.DONE and upload.unreadable > 0
        try:
            if views.is_reported(upload):
                await self._report(work, progress, fresh=fresh)
            else:
                await progress.show(await self.picture(upload))
                await self._settle_reports(upload)
        except SlackApiError as error:
            if is_transient(error):
                raise
            why = str(error_code(error))
            log.warning("an upload cannot be shown in its channel", upload=upload.id, why=why)
            await self._tell_directly(work, why, rows=rows)
            await self._settle_direct_messages(upload)
            if upload.person is None:
                # Of a program's list nobody would hear otherwise.
                await self._tell_deciders(work, shown=False)
            return why
        await self._settle_direct_messages(upload)
        await self._notify(work, progress)
        await self._tell_deciders(work)
        return None

    async def _report(self, work: UploadWork, progress: Progress, *, fresh: bool) -> None:
        """
        Report an end below the message that showed the work, once, to whoever has waited for it, and settle earlier reports.

        The rows that were not understood are there before the report says so.
        """
        upload = work.upload
        rows_at = RowsAt.ATTACHED
        if upload.state is UploadState.DONE and upload.unreadable:
            rows_at = await self._give_rows(work, progress)
        await progress.show(views.closed(upload))
        picture = await self.picture(upload, rows_at)
        directly = _post_key(work, f"{upload.state} directly").key
        told_directly = await asyncio.to_thread(self._store.outbox.find, upload.account_id, directly) is not None
        if not told_directly and await self._waited_for_end(upload):
            picture = views.reported(upload, picture)
        key = _post_key(work, f"{_REPORT}{upload.state} {_moment(upload)}")
        told = await self._settle_reports(upload, but=key.key)
        seen = await self._as_seen(upload)(picture)
        if (post := told.get(key.key)) is not None:
            await self._poster.bring_up_to_date(upload.account_id, post, seen)
        else:
            key = replace(key, may_exist=key.may_exist and not fresh)
            await self._poster.post(upload.channel_id, seen, upload.thread_ts or progress.message_ts, key)

    async def _settle_reports(self, upload: Upload, *, but: str = "") -> dict[str, Post]:
        """Settle the reports of ends that were not the last, all *but* the one of that key; all that were posted, by key."""
        beginning = f"{_whose(upload)} {_REPORT}"
        told = await asyncio.to_thread(self._store.outbox.find_all, upload.account_id, beginning)
        as_seen = self._as_seen(upload)
        for key, post in told.items():
            if key != but:
                was = UploadState(key.removeprefix(beginning).partition(" ")[0])
                await self._poster.bring_up_to_date(
                    upload.account_id, post, await as_seen(views.overtaken(upload, was))
                )
        return told

    async def _settle_direct_messages(self, upload: Upload) -> None:
        """Have what was told directly of an earlier state say how the upload stands by now, without its buttons."""
        beginning = f"{_whose(upload)} "
        told = await asyncio.to_thread(self._store.outbox.find_all, upload.account_id, beginning)
        for key, post in told.items():
            was, directly, _whom = key.removeprefix(beginning).partition(" directly")
            if directly and was in set(UploadState) - {upload.state}:
                await self._poster.bring_up_to_date(
                    upload.account_id, post, views.decided(upload, await self.picture(upload))
                )

    async def _ask_alone(self, upload: Upload) -> None:
        """Ask whoever dropped a list, of which nobody told the desk, what is to be done with it; nobody else sees that."""
        if not _is_worth_asking(upload):
            return
        question = await self.picture(upload)
        try:
            # Not in a thread: one without replies shows nobody what is for one person alone.
            client = await self._clients.of(upload.account_id)
            await client.chat_postEphemeral(
                channel=upload.channel_id, user=upload.actor.id, text=question.text, blocks=question.blocks
            )
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.info("nobody is asked about a list", upload=upload.id, why=error_code(error))

    async def _notify(self, work: UploadWork, progress: Progress) -> None:
        """Notify, once for each state of the upload, those who have to act on it now or have waited for this."""
        upload = work.upload
        directly = _post_key(work, f"{upload.state} directly").key
        told = await asyncio.to_thread(self._store.outbox.find, upload.account_id, directly)
        whom = [] if told is not None else await self._whom_to_notify(upload)
        if not whom:
            return
        message = views.notice(upload, whom, await self.picture(upload))
        try:
            seen = await self._as_seen(upload)(message)
            thread = upload.thread_ts or progress.message_ts
            key = _post_key(work, f"{upload.state} notice {_moment(upload)}")
            await self._poster.post(upload.channel_id, seen, thread, key)
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.warning("nobody is notified of an upload", upload=upload.id, why=error_code(error))

    async def _whom_to_notify(self, upload: Upload) -> list[Actor]:
        """Those who have to act on *upload* as it stands, or have waited for that and are not looking any more."""
        dropper = upload.person
        if dropper is None:
            return []
        match upload.state:
            case UploadState.WAITING if upload.is_only_told:
                return [dropper] if await self._has_waited(upload.received_at) else []
            case UploadState.WAITING if upload.phones:
                # Anybody else who may decide is told where they are: see `_tell_deciders`.
                alone = await self._decides_themselves(upload)
                return [dropper] if alone and await self._has_waited(upload.received_at) else []
            case UploadState.CANCELLED | UploadState.STOPPED:
                return [dropper] if _by_another(upload) else []
            case _:
                # An end is reported to them: see `_report`.
                return []

    async def _waited_for_end(self, upload: Upload) -> bool:
        """
        Whether the dropper has waited for the end that *upload* came to, or has to act on it.

        It is theirs to mend, others decided, or it took long.
        """
        if upload.person is None:
            return False
        if _by_another(upload) or upload.unasked or upload.state in _THEIRS_TO_MEND:
            return True
        return await self._has_waited(upload.undone_at or upload.confirmed_at or upload.received_at)

    async def _has_waited(self, since: datetime) -> bool:
        """Whether that is longer ago than anybody looks on; by the clock of the database, that made the moment."""
        return await asyncio.to_thread(self._store.now) - since > LOOKING

    async def _decides_themselves(self, upload: Upload) -> bool:
        """Whether the dropper is an admin."""
        if not upload.actor.is_person:
            return False
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        client = await self._clients.of(account.id)
        return (await self._roles.role_of(client, account, upload.actor.id)).role is Role.ADMIN

    async def _tell_deciders(self, work: UploadWork, *, shown: bool = True) -> None:
        """
        Tell those who may decide of a list that waits for a yes, once each, and then in the same messages what became of it.

        To admins directly, or in the channel that the account's settings name. Of one whose dropper decides nobody is told.
        One that expired and is read again is told anew, as a yes is wanted anew; what was told before says so then.
        *shown*: its own message is there.
        """
        upload = work.upload
        if upload.state is UploadState.RECEIVED:
            return
        told = await asyncio.to_thread(self._store.outbox.find_all, upload.account_id, f"{_whose(upload)} waits ")
        waits = upload.state is UploadState.WAITING
        # What it is for is whoever dropped it to say.
        plain = upload.choices.asked is None
        tells = waits and plain and upload.phones > 0 and not await self._decides_themselves(upload)
        tells = tells and not (shown and await self._stands_before_deciders(upload))
        # One that looks wrong and was applied without a question: all who may undo it hear of it.
        odd = bool(upload.unasked) and upload.applied > 0 and upload.state in _UNDOABLE
        if not (tells or odd or told):
            return
        picture = await self.picture(upload)
        if waits:
            message = views.to_decide(upload, picture)
        elif upload.state is UploadState.EXPIRED:
            message = views.closed(upload)
        else:
            message = views.applied_unasked(upload, picture) if odd else views.decided(upload, picture)
        if tells or odd:
            await self._post_to_deciders(work, "waits", message, told)
        elif upload.state is UploadState.EXPIRED:
            await self._post_to_deciders(work, _EXPIRED, views.expired(upload), told)
        for key, post in told.items():
            said = message if _round(upload) in key else views.read_again(upload)
            if not (said is message and _EXPIRED in key):
                await self._poster.bring_up_to_date(
                    upload.account_id, post, await self._as_seen(upload, post.channel_id)(said)
                )

    async def _stands_before_deciders(self, upload: Upload) -> bool:
        """Whether the preview itself stands, in no thread, where lists that wait are told."""
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        return upload.thread_ts is None and upload.channel_id == account.settings.waiting_channel

    async def _post_to_deciders(
        self, work: UploadWork, what: str, message: Message, told: Mapping[str, Post] = MappingProxyType({})
    ) -> None:
        """
        Post *message* in the channel for that, else to each who may decide, once for each time the list was taken up.

        *told*: the keys of those who have it.
        """
        upload = work.upload
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)

        async def reached(one: str, said: Message = message, thread: str | None = None) -> bool:
            key = _post_key(work, f"{what}{_round(upload)}{one}")
            try:
                if key.key not in told:
                    await self._poster.post(one, await self._as_seen(upload, one)(said), thread, key)
            except SlackApiError as error:
                if is_transient(error):
                    raise
                log.warning("an admin is not told of a list", upload=upload.id, of=one, why=error_code(error))
                return False
            return True

        client = await self._clients.of(account.id)
        if await tell_deciders(self._roles, client, account, account.settings.waiting_channel, reached):
            return
        if admins := await self._roles.admins(client, account, MOST_TOLD):
            # Where Slack lets nobody be written to, at least the thread says whose turn it is.
            notice = views.notice(upload, admins, await self.picture(upload))
            await reached(upload.channel_id, notice, upload.thread_ts or upload.message_ts)

    async def show_queued(self, work: UploadWork) -> None:
        """Say that an upload waits for its turn."""
        if work.upload.is_alone:
            return
        try:
            await self.progress_of(work).show(views.queued(work.upload))
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.warning("an upload cannot be shown in its channel", upload=work.upload.id, why=error_code(error))

    async def remind(self, work: UploadWork) -> None:
        """Say in the thread of a preview, or directly, that it still waits for a yes."""
        upload = work.upload
        # What needs another country or is to be cancelled is whoever dropped it to see to.
        if upload.phones and not await self._decides_themselves(upload):
            await self._post_to_deciders(work, "still waits", views.reminder(upload, self._limits.deadlines))
        message = views.reminder(upload, self._limits.deadlines, [upload.person] if upload.person else [])
        try:
            seen = await self._as_seen(upload)(message)
            await self._poster.post(
                upload.channel_id, seen, upload.thread_ts or upload.message_ts, _post_key(work, "reminder")
            )
        except SlackApiError as error:
            if is_transient(error):
                raise
            await self._write_to(work, upload.person, views.for_direct_message(upload, message, str(error_code(error))))

    def again_after(self, upload: Upload) -> float | None:
        """
        The seconds after which it is tried again to show an upload in its channel, from which the bot may be missing.

        The older what it says is, the longer; None when nobody can be waiting for it any more.
        """
        moments = (upload.received_at, upload.waiting_since, upload.confirmed_at, upload.finished_at, upload.undone_at)
        age = (datetime.now(UTC) - max(moment for moment in moments if moment is not None)).total_seconds()
        if age > SHOWN_WITHIN.total_seconds():
            return None
        return min(LONGEST_BETWEEN_SHOWS, max(self._limits.lease_seconds, age / 4))

    async def _give_rows(self, work: UploadWork, progress: Progress) -> RowsAt:
        """Attach the unreadable rows to the upload's thread, or send them to whoever dropped the list; where they are then."""
        upload = work.upload
        if await self._keeps_rows_back(upload):
            there = await self._rows_directly(work, await self.picture(upload, RowsAt.FOLLOWING))
            return RowsAt.WITH_DROPPER if there else RowsAt.NOWHERE
        if upload.attached_file is not None:
            # An earlier try came that far: whether the channel takes anything is seen before a file is sent again.
            await progress.show(await self.picture(upload, RowsAt.COMING))
        try:
            await self._attach_unreadable(work, upload.channel_id, upload.thread_ts or upload.message_ts)
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.warning("rows are not attached in the channel", upload=upload.id, why=error_code(error))
            if error_code(error) == UPLOADS_DISABLED:
                return RowsAt.DISABLED
            # Where nothing can be posted either, this says so.
            await progress.show(await self.picture(upload, RowsAt.COMING))
            picture = await self.picture(upload, RowsAt.FOLLOWING)
            message = views.for_direct_message(upload, picture, str(error_code(error)))
            there = await self._rows_directly(work, message)
            return RowsAt.WITH_DROPPER if there else RowsAt.NOWHERE
        except OSError:
            # They come when there is room on the disk again; what was done is told now.
            await progress.try_show(await self.picture(upload, RowsAt.COMING))
            raise
        return RowsAt.ATTACHED

    async def _tell_directly(self, work: UploadWork, why: str, *, rows: bool) -> None:
        """Tell whoever dropped the list, who gets the rows too, and whoever decided about it, how it stands."""
        upload = work.upload
        picture = await self.picture(upload, RowsAt.FOLLOWING)
        message = views.for_direct_message(upload, picture, why)
        there = await self._rows_directly(work, message) if rows else await self._write_to(work, upload.person, message)
        if upload.decider is not None and _by_another(upload):
            picture = await self.picture(upload, RowsAt.WITH_DROPPER if there else RowsAt.NOWHERE)
            await self._write_to(work, upload.decider, views.for_direct_message(upload, picture, why))

    async def _rows_directly(self, work: UploadWork, message: Message) -> bool:
        """Send *message* to whoever dropped the list, with the unreadable rows; whether the rows are there."""
        post = await self._write_to(work, work.upload.person, message)
        if post is None:
            return False
        try:
            await self._attach_unreadable(work, post.channel_id, post.ts)
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.warning("rows are not attached directly", upload=work.upload.id, why=error_code(error))
            text = f"The file cannot come here: {why_not_attached(error)}."
            await self._poster.post(
                post.channel_id, Message.of(escape(text)), post.ts, _post_key(work, "no rows directly")
            )
            return False
        return True

    async def _write_to(self, work: UploadWork, person: Actor | None, message: Message) -> Post | None:
        """Write to *person* directly, once a state of the upload; None for nobody, or when Slack does not let it."""
        upload = work.upload
        if person is None:
            return None
        whose = "" if person.id == upload.actor.id else f" {person.id}"
        try:
            return await self._poster.post(person.id, message, None, _post_key(work, f"{upload.state} directly{whose}"))
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.exception("answer not delivered", upload=upload.id, actor=person.id)
            return None

    async def _attach_unreadable(self, work: UploadWork, channel: str, thread_ts: str | None) -> None:
        """The unreadable rows as a file in a thread."""
        upload = work.upload
        rows = self._store.uploads.list_unreadable(upload.account_id, upload.id)
        with self._scratch.folder() as folder:
            path = folder / "unreadable.csv"
            path.touch(mode=0o600)
            await asyncio.to_thread(write_unreadable, path, upload.columns, rows)
            name = f"{Path(upload.file_name).stem.removesuffix('.unreadable')}.unreadable.csv"
            title = f"Rows of {upload.file_name} that were not understood"
            await self._attach(work, path, name, title, channel, thread_ts)

    async def attach_scrubbed(self, work: UploadWork, path: Path) -> None:
        """The scrubbed list at *path* into the thread; raises `SlackApiError` where Slack does not take it."""
        upload = work.upload
        name = scrubbed_name(upload.file_name)
        title = f"{upload.file_name} without who is opted out"
        await self._attach(work, path, name, title, upload.channel_id, upload.thread_ts or upload.message_ts)

    async def _attach(
        self, work: UploadWork, path: Path, name: str, title: str, channel: str, thread_ts: str | None
    ) -> None:
        upload = work.upload
        if channel == upload.channel_id:
            as_seen = self._as_seen(upload)
            name, title = [(await as_seen(Message(text))).text for text in (name, title)]
        await attach(
            await self._clients.of(upload.account_id),
            path,
            name=one_line(name),
            title=one_line(title),
            channel=channel,
            thread_ts=thread_ts,
            attached=upload.attached_file,
            keep=lambda file: asyncio.to_thread(work.set_attached, file),
        )

    def _as_seen(self, upload: Upload, channel: str | None = None) -> Callable[[Message], Awaitable[Message]]:
        """
        What makes of a message about *upload* what its channel, or another, may read of it.

        Asks for that once, and when it is needed.
        """
        hides: bool | None = None

        async def as_seen(message: Message) -> Message:
            nonlocal hides
            account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
            if account.settings.numbers != "masked":
                return message
            if hides is None:
                hides = await self._is_open(account, channel or upload.channel_id)
            return masked(replace(message, home=account.country)) if hides else message

        return as_seen

    async def _is_open(self, account: Account, channel: str) -> bool:
        """Whether more people than its members may read *channel*, or nobody knows."""
        return await kind_of_channel(await self._clients.of(account.id), channel, surely=True) != "private"

    async def _keeps_rows_back(self, upload: Upload) -> bool:
        """
        Whether the upload's channel is not to read its unreadable rows: where numbers are masked, and the list came by a form.

        One that was dropped stands there itself, with the same rows.
        """
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        return (
            upload.thread_ts is None
            and account.settings.numbers == "masked"
            and await self._is_open(account, upload.channel_id)
        )


def _by_another(upload: Upload) -> bool:
    """Whether somebody else than whose list it is decided about *upload*."""
    return upload.decider is not None and upload.person is not None and upload.decider.id != upload.person.id


def _is_worth_asking(upload: Upload) -> bool:
    """Whether what was read of a list, for which nobody asked, is a list of phones: else nothing is said of it."""
    if upload.state is UploadState.REFUSED:
        return upload.summary.get("likely") is not None or bool(upload.questions)
    return upload.state is UploadState.WAITING and (upload.phones > 0 or upload.undecided)


def _post_key(work: UploadWork, what: str) -> PostKey:
    """Under which key a message about the upload is posted once, by whoever has it."""
    upload = work.upload
    return PostKey(upload.account_id, f"{_whose(upload)} {what}", may_exist=work.lease.fence > 1)


def _round(upload: Upload) -> str:
    """The part of a key that tells one time the upload was taken up from another."""
    return f" {upload.received_at:%Y%m%dT%H%M%S} "


def _moment(upload: Upload) -> str:
    """The moment since which the upload stands as it does, which may come again."""
    at = upload.undone_at or upload.finished_at or upload.waiting_since or upload.received_at
    return f"{at:%Y%m%dT%H%M%S}"


def _whose(upload: Upload) -> str:
    """The beginning of the keys of all messages about *upload*."""
    return f"upload {upload.id}"
