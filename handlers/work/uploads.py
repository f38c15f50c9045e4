"""
Uploads at work: claim one, do its next step in a child process, and say in Slack how it stands.

The upload's row is the truth and its message in Slack a picture of it: whoever holds the lease draws the picture anew,
so a replica that takes over needs to know nothing of the one that died.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from handlers.loops import Loop
from handlers.slack.errors import error_code, is_transient
from handlers.slack.messages import THREAD_GONE, Message, masked
from handlers.slack.mrkdwn import code, one_line
from handlers.slack.posting import Poster, PostKey
from handlers.slack.replies import kind_of_channel
from handlers.tasks import Tasks
from handlers.views import scrubs as scrub_views
from handlers.views import uploads as views
from handlers.views.uploads import RowsAt
from handlers.work.attaching import attach
from handlers.work.child import Child, ChildDiedError, ChildHungError
from handlers.work.download import DownloadError, address_of, why_not_fetched
from handlers.work.job import ChildAnswer, Done, Failed, ListJob, Lost, Refused, SlackFile, Step, Working
from handlers.work.limits import Limits
from handlers.work.progress import Progress
from handlers.work.scratch import ScratchDirectory
from store import (
    Actor,
    Crowded,
    Function,
    LeaseLost,
    Origin,
    PlainWriter,
    Post,
    Scrubbed,
    Store,
    StoreError,
    StoreUnavailable,
    Upload,
    UploadState,
    UploadWork,
    WrongState,
    count_already,
    doubts,
    write_unreadable,
)

log = structlog.get_logger()
LANES = 4
# However many lists they drop, one person's never hold more lanes, and all of an account's together never the last one:
# whoever else drops a list does not wait for them.
MOST_LANES_OF_A_PERSON = 2
MOST_LANES_OF_AN_ACCOUNT = LANES - 1
# Of the two lanes of a person one is for files of at most so many bytes, which never wait behind the person's large ones.
SMALL_BYTES = 5_000_000
# Seconds between two looks for what dead processes left on disk.
SWEEP_SECONDS = 60.0
# How long after its start the desk starts a child ahead of the first list.
WARM_SECONDS = 1.0
# Those who died, or hung, this often in one state of an upload did not by accident. A list that kills its reader does so
# every time, and nothing is stored yet; one that is being stored only takes time to get to its end.
MOST_DEATHS = {UploadState.RECEIVED: 5, UploadState.APPLYING: 20, UploadState.UNDOING: 20}
# What a person decides about an upload that a child works on.
_CALLED_OFF = {UploadState.CANCELLED, UploadState.STOPPED}
# What its channel does not take is shown there later, when the bot was invited again: for so long, and not more seldom.
SHOWN_WITHIN = timedelta(days=30)
LONGEST_BETWEEN_SHOWS = 600.0
# What is done about an upload in these states; one that is scrubbed is never staged.
_STEPS = {
    UploadState.RECEIVED: Step.STAGE,
    UploadState.APPLYING: Step.APPLY,
    UploadState.UNDOING: Step.UNDO,
}
# A scrubbed list of these kinds comes back as CSV.
_NO_TEXT = {".xlsx", ".xls", ".zip"}
_FILE_GONE = {"file_not_found", "file_deleted", "not_visible", "access_denied"}
_GONE = "The file was deleted from Slack before it was read. Drop it again."


@dataclass(slots=True)
class _Running:
    """Work that this process does. *child*: the one that does it now. *called_off*: the work is not to be done any more."""

    work: UploadWork
    child: Child | None = None
    called_off: bool = False

    def call_off(self) -> None:
        """End its child at once, whatever that is doing."""
        self.called_off = True
        if self.child is not None:
            self.child.kill()


class Runner:
    """
    Works on every upload that has something left to do, as many at a time as there are lanes.

    One loop more shows what only has to be shown: how an upload ended, and that one waits for a lane.
    """

    def __init__(
        self,
        store: Store,
        client: AsyncWebClient,
        poster: Poster,
        tasks: Tasks,
        limits: Limits,
        scratch: ScratchDirectory,
        *,
        owner: str,
        database_url: str,
    ) -> None:
        self._store = store
        self._client = client
        self._api_origin = str(URL(client.base_url).origin())
        self._poster = poster
        self._tasks = tasks
        self._limits = limits
        self._scratch = scratch
        self._owner = owner
        self._database_url = database_url
        every = max(0.2, limits.lease_seconds / 4)
        self._lanes = tuple(
            Loop(f"uploads {lane + 1}", partial(self._look, lane), tasks, every=every) for lane in range(LANES)
        )
        self._showing = Loop("uploads shown", self._look_to_show, tasks, every=every)
        self.loops = (*self._lanes, self._showing, Loop("scratch", self._sweep, tasks, every=SWEEP_SECONDS))
        self._idle: list[Child] = []
        self._ending = asyncio.Event()
        self._running: list[_Running] = []
        # Two lanes that claim at once would both think that the other has nothing of the same person.
        self._claiming = asyncio.Lock()

    def start(self) -> None:
        """Begin. A child is started ahead of the first list, which need not wait for it then."""
        self._tasks.start(self._warm(), name="start a child")
        for loop in self.loops:
            loop.start()

    async def end_idle_children(self) -> None:
        """End the children that wait for work; the working ones end with their tasks."""
        self._ending.set()
        while self._idle:
            await self._idle.pop().stop()

    def poke(self) -> None:
        """Look at once: there is something to do, or a person decided about what is being done."""
        for loop in (*self._lanes, self._showing):
            loop.poke()
        for running in self._running:
            if running.child is not None:
                self._tasks.start(self._follow_once(running), name="see whether work was called off")

    def count_already(self, upload: Upload) -> int | None:
        """The number of phones of a staged list that are opted out now; None when its scratch file is not here. Blocks."""
        return count_already(self._store, upload, self._scratch.list_of(upload), self._scratch.label_of(upload))

    async def _warm(self) -> None:
        # Its start takes a processor for half a second: the connection to Slack comes first.
        with suppress(TimeoutError):
            async with asyncio.timeout(WARM_SECONDS):
                await self._ending.wait()
                return
        if not self._idle:
            self._idle.append(await Child.start(self._scratch.lock))

    async def _look(self, lane: int) -> bool:
        """Work on the upload whose turn it is; False when none waits that this process may take."""
        async with self._claiming:
            work = await asyncio.to_thread(
                self._store.uploads.claim,
                self._owner,
                lease_seconds=self._limits.lease_seconds,
                crowded=self._crowded(),
                deadlines=self._limits.deadlines,
            )
            if work is None:
                return False
            running = _Running(work)
            self._running.append(running)
        try:
            if self._lanes[lane].stopping:
                # Claimed while the desk began to stop: another replica, or the next start, need not wait for it.
                await asyncio.to_thread(work.release, settled=None)
                return False
            await self._work_on(running, self._work)
        finally:
            self._running.remove(running)
        return True

    async def _look_to_show(self) -> bool:
        """Show an upload that only has to be shown; False when there is none."""
        work = await asyncio.to_thread(
            self._store.uploads.claim_to_show,
            self._owner,
            lease_seconds=self._limits.lease_seconds,
            deadlines=self._limits.deadlines,
        )
        if work is None:
            return False
        at_work = work.upload.state.at_work
        await self._work_on(_Running(work), self._show_queued if at_work else self._work)
        return True

    async def _sweep(self) -> bool:
        """Clear the scratch directory of what nobody needs any more."""
        await asyncio.to_thread(self._scratch.sweep, self._store.uploads.unfinished)
        return False

    def _crowded(self) -> Crowded:
        uploads = [running.work.upload for running in self._running if running.work.upload.state.at_work]
        accounts = Counter(upload.account_id for upload in uploads)
        people = Counter((upload.account_id, upload.actor.id) for upload in uploads)
        return Crowded(
            accounts=frozenset(one for one, lanes in accounts.items() if lanes >= MOST_LANES_OF_AN_ACCOUNT),
            people=frozenset(one for one, lanes in people.items() if lanes >= MOST_LANES_OF_A_PERSON),
            large=frozenset((one.account_id, one.actor.id) for one in uploads if one.size > SMALL_BYTES),
            small_bytes=SMALL_BYTES,
        )

    async def _work_on(self, running: _Running, work_on: Callable[[_Running], Awaitable[None]]) -> None:
        work, upload = running.work, running.work.upload
        try:
            async with self._tasks.keep_lease(
                partial(self._follow, running, asyncio.get_running_loop()),
                self._limits.lease_seconds,
                name="hold an upload",
            ):
                await work_on(running)
        except WrongState:
            # Somebody decided in between; how it stands now is for the next claim.
            await self._tasks.give_back(partial(work.release, settled=None))
        except LeaseLost:
            log.warning("an upload is left to the next claim", upload=upload.id)
        except ChildDiedError as error:
            log.warning(
                "the child process died; its upload is taken up again",
                upload=upload.id,
                fence=work.lease.fence,
                deaths=upload.deaths + 1,
                hung=isinstance(error, ChildHungError),
            )
            await self._tasks.give_back(partial(work.died, seconds=self._limits.lease_seconds))
        except (StoreUnavailable, SlackClientError, aiohttp.ClientError, OSError) as error:
            # Somebody tries again: the work is kept, only its message is late.
            log.warning("an upload waits", upload=upload.id, why=type(error).__name__, exc_info=error)
            await self._tasks.give_back(partial(work.release, settled=None, seconds=self._limits.lease_seconds))
        except asyncio.CancelledError:
            await self._tasks.give_back(partial(work.release, settled=None))
            raise
        else:
            return
        if not self._ending.is_set():
            self._tasks.start(self._show_again(upload), name="have an upload shown again")

    async def _show_again(self, upload: Upload) -> None:
        """
        Have *upload* shown once more, after whoever took it over, if somebody did.

        What this process asked of Slack while it held it may have come after what they showed, and would stay there for good.
        """
        while not self._ending.is_set():
            with suppress(StoreUnavailable):
                if await asyncio.to_thread(self._store.uploads.show_again, upload.account_id, upload.id):
                    self._showing.poke()
                    return
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.2, self._limits.lease_seconds / 4)):
                    await self._ending.wait()

    async def _work(self, running: _Running) -> None:
        work = running.work
        upload = work.upload
        progress = self._progress(work)
        if upload.state in _STEPS:
            if upload.deaths >= MOST_DEATHS[upload.state]:
                await asyncio.to_thread(_give_up(work), _died(upload))
            else:
                await self._step(running, progress)
                await self._apply_unasked(upload)
        elif upload.state is UploadState.WAITING and await self._waited(work):
            return
        work = await asyncio.to_thread(self._renew, work)
        upload = work.upload
        if not upload.state.at_work and upload.state is not UploadState.WAITING:
            # A cancelled list was staged already, and its phones are nobody's business any more.
            self._scratch.list_of(upload).unlink(missing_ok=True)
        why_not = await self._show(work, progress)
        # A thread that is gone does not come back.
        again = None if why_not in (None, THREAD_GONE) else self._show_again_after(upload)
        await asyncio.to_thread(work.release, settled=upload.state, again=again)

    def _show_again_after(self, upload: Upload) -> float | None:
        """
        The seconds after which it is tried again to show an upload in its channel, from which the bot may be missing.

        The older what it says is, the longer; None when nobody can be waiting for it any more.
        """
        moments = (upload.received_at, upload.waiting_since, upload.confirmed_at, upload.finished_at, upload.undone_at)
        age = (datetime.now(UTC) - max(moment for moment in moments if moment is not None)).total_seconds()
        if age > SHOWN_WITHIN.total_seconds():
            return None
        return min(LONGEST_BETWEEN_SHOWS, max(self._limits.lease_seconds, age / 4))

    def _as_seen(self, upload: Upload) -> Callable[[Message], Awaitable[Message]]:
        """What makes of a message about *upload* what its channel may read of it; asks for that once, and when it is needed."""
        hides: bool | None = None

        async def as_seen(message: Message) -> Message:
            nonlocal hides
            account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
            if account.settings.numbers != "masked":
                return message
            if hides is None:
                hides = await self._is_open(upload)
            return masked(replace(message, home=account.country)) if hides else message

        return as_seen

    async def _is_open(self, upload: Upload) -> bool:
        """Whether more people than its members may read the upload's channel, or nobody knows."""
        return await kind_of_channel(self._client, upload.channel_id, surely=True) != "private"

    async def _keeps_rows_back(self, upload: Upload) -> bool:
        """
        Whether the upload's channel is not to read its unreadable rows: where numbers are masked, and the list came by a form.

        One that was dropped stands there itself, with the same rows.
        """
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        return upload.thread_ts is None and account.settings.numbers == "masked" and await self._is_open(upload)

    async def _show_queued(self, running: _Running) -> None:
        """Say that an upload waits for its turn."""
        work = running.work
        try:
            await self._progress(work).show(views.queued(work.upload))
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.warning("an upload cannot be shown in its channel", upload=work.upload.id, why=error_code(error))
        await asyncio.to_thread(work.release, settled=None)

    def _progress(self, work: UploadWork) -> Progress:
        upload = work.upload
        return Progress(
            self._client,
            self._poster,
            _post_key(work, "message"),
            upload.channel_id,
            upload.thread_ts,
            upload.message_ts,
            lambda ts: asyncio.to_thread(work.set_message, ts),
            lambda: asyncio.to_thread(self._renew, work),
            self._as_seen(upload),
        )

    async def _apply_unasked(self, upload: Upload) -> None:
        """A list that was just read is applied at once, on the dropper's word, where the account wants no question."""
        if upload.state is not UploadState.RECEIVED:
            return
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        read = await asyncio.to_thread(self._store.uploads.get, upload.account_id, upload.id)
        ask = account.settings.ask
        if ask == "always" or read.state is not UploadState.WAITING or not read.phones:
            return
        if ask == "doubts":
            before = await asyncio.to_thread(self._store.uploads.applied_before, read)
            if doubts(read, PlainWriter(), before=before):
                return
        by = Origin(
            Function.UPLOAD,
            read.actor,
            read.channel_id,
            read.channel_name,
            reason="applied unasked, as the settings say",
        )
        await asyncio.to_thread(self._store.uploads.confirm, read.account_id, read.id, by, fingerprint=read.fingerprint)
        self.poke()

    async def _waited(self, work: UploadWork) -> bool:
        """A preview that nobody answers expires, or is reminded of once; True when that was all there is to do."""
        upload, deadlines, at = work.upload, self._limits.deadlines, datetime.now(UTC)
        since = upload.waiting_since or at
        if since + deadlines.expire <= at:
            await asyncio.to_thread(work.expire)
            return False
        if upload.pending or upload.reminded_at is not None or since + deadlines.remind > at:
            return False  # it is here to be shown
        # Kept first: whoever dies in between has reminded nobody, which is better than everybody twice.
        await asyncio.to_thread(work.set_reminded, reminded=True)
        try:
            await self._remind(work)
        except BaseException:
            with suppress(StoreError):
                await asyncio.to_thread(work.set_reminded, reminded=False)
            raise
        await asyncio.to_thread(work.release, settled=upload.state)
        return True

    async def _remind(self, work: UploadWork) -> None:
        upload = work.upload
        message = views.reminder(upload, self._limits.deadlines)
        try:
            seen = await self._as_seen(upload)(message)
            await self._poster.post(
                upload.channel_id, seen, upload.thread_ts or upload.message_ts, _post_key(work, "reminder")
            )
        except SlackApiError as error:
            if is_transient(error):
                raise
            await self._write_to(work, upload.actor, views.for_direct_message(upload, message, str(error_code(error))))

    def _renew(self, work: UploadWork) -> UploadWork:
        """Hold the upload on, and see how it stands; `LeaseLost` when it was taken over."""
        return work.renew(lease_seconds=self._limits.lease_seconds)

    def _follow(self, running: _Running, loop: asyncio.AbstractEventLoop) -> None:
        """Hold the upload on; its child is ended when a person called the work off, or somebody took it over."""
        before = running.work.upload
        try:
            upload = self._renew(running.work).upload
        except LeaseLost:
            loop.call_soon_threadsafe(running.call_off)
            raise
        if upload.state in _CALLED_OFF or upload.purpose is not before.purpose:
            loop.call_soon_threadsafe(running.call_off)

    async def _follow_once(self, running: _Running) -> None:
        with suppress(StoreError):  # who holds the lease notices as well
            await asyncio.to_thread(self._follow, running, asyncio.get_running_loop())

    async def _show(self, work: UploadWork, progress: Progress) -> str | None:
        """
        Show how the upload stands, in its message; where Slack does not take that, its error code.

        Whoever dropped the list, and whoever decided about it, are told directly then, once.
        """
        upload = work.upload
        rows = upload.state is UploadState.DONE and upload.unreadable > 0
        try:
            if not rows:
                await progress.show(await self._picture(upload))
            else:
                await self._show_with_rows(work, progress)
        except SlackApiError as error:
            if is_transient(error):
                raise
            why = str(error_code(error))
            log.warning("an upload cannot be shown in its channel", upload=upload.id, why=why)
            await self._tell_directly(work, why, rows=rows)
            return why
        return None

    async def _show_with_rows(self, work: UploadWork, progress: Progress) -> None:
        """Attach the unreadable rows to the upload's thread, and show its report, which says so only then."""
        upload = work.upload
        if await self._keeps_rows_back(upload):
            await self._show_rows_directly(work, progress, await self._picture(upload, RowsAt.FOLLOWING))
            return
        if upload.attached_file is not None:
            # An earlier try came that far: whether the channel takes anything is seen before a file is sent again.
            await progress.show(await self._picture(upload, RowsAt.COMING))
        try:
            await self._attach_unreadable(work, upload.channel_id, upload.thread_ts or upload.message_ts)
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.warning("rows are not attached in the channel", upload=upload.id, why=error_code(error))
            # Where nothing can be posted either, this says so.
            await progress.show(await self._picture(upload, RowsAt.COMING))
            picture = await self._picture(upload, RowsAt.FOLLOWING)
            message = views.for_direct_message(upload, picture, str(error_code(error)))
            await self._show_rows_directly(work, progress, message)
            return
        except OSError:
            # They come when there is room on the disk again; what was done is told now.
            await self._try_show(progress, await self._picture(upload, RowsAt.COMING))
            raise
        await progress.show(await self._picture(upload))

    async def _show_rows_directly(self, work: UploadWork, progress: Progress, message: Message) -> None:
        """Send *message* and the rows to whoever dropped the list; the report in its channel says so."""
        there = await self._rows_directly(work, message)
        await progress.show(await self._picture(work.upload, RowsAt.WITH_DROPPER if there else RowsAt.NOWHERE))

    async def _tell_directly(self, work: UploadWork, why: str, *, rows: bool) -> None:
        """Tell whoever dropped the list, who gets the rows too, and whoever decided about it, how it stands."""
        upload = work.upload
        picture = await self._picture(upload, RowsAt.FOLLOWING)
        message = views.for_direct_message(upload, picture, why)
        there = await self._rows_directly(work, message) if rows else await self._write_to(work, upload.actor, message)
        if upload.decider is not None and upload.decider.id != upload.actor.id:
            picture = await self._picture(upload, RowsAt.WITH_DROPPER if there else RowsAt.NOWHERE)
            await self._write_to(work, upload.decider, views.for_direct_message(upload, picture, why))

    async def _rows_directly(self, work: UploadWork, message: Message) -> bool:
        """Send *message* to whoever dropped the list, with the unreadable rows; whether the rows are there."""
        post = await self._write_to(work, work.upload.actor, message)
        if post is None:
            return False
        try:
            await self._attach_unreadable(work, post.channel_id, post.ts)
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.warning("rows are not attached directly", upload=work.upload.id, why=error_code(error))
            text = f"Slack does not take the file here ({code(str(error_code(error)))})."
            await self._poster.post(post.channel_id, Message.of(text), post.ts, _post_key(work, "no rows directly"))
            return False
        return True

    async def _write_to(self, work: UploadWork, person: Actor, message: Message) -> Post | None:
        """Write to *person* directly, once for each state of the upload; None when Slack does not let that be."""
        upload = work.upload
        whose = "" if person.id == upload.actor.id else f" {person.id}"
        try:
            return await self._poster.post(person.id, message, None, _post_key(work, f"{upload.state} directly{whose}"))
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.exception("answer not delivered", upload=upload.id, actor=person.id)
            return None

    async def _step(self, running: _Running, progress: Progress) -> None:
        """Stage, apply or undo the upload in a child, with its progress shown."""
        work, upload = running.work, running.work.upload
        await self._try_show(progress, await self._picture(upload))
        with self._scratch.folder() as folder:
            try:
                job = await self._job(work, folder)
            except DownloadError as error:
                end = work.refuse if upload.state is UploadState.RECEIVED else work.fail
                await asyncio.to_thread(end, str(error))
                return
            try:
                answer = await self._answered(running, job, progress)
            except ChildHungError as error:
                if not (error.busy and upload.state is UploadState.RECEIVED):
                    raise
                # It did nothing else all the time, and would again.
                log.warning("a list cannot be read", upload=upload.id, why=str(error))
                await asyncio.to_thread(work.refuse, _hung(self._limits.stall_seconds))
                return
            match answer:
                case Lost(detail):
                    log.warning("a child gave an upload up", upload=upload.id, exception=detail)
                    raise StoreUnavailable("a child process lost the database, or its claim")
                case Refused():
                    log.info("a list was refused", upload=upload.id)
                case Failed(_, detail):
                    log.warning("a list failed", upload=upload.id, exception=detail)
                case Done(_, Scrubbed() as found, Path() as path):
                    await self._give_back(work, path, asdict(found))

    async def _answered(self, running: _Running, job: ListJob, progress: Progress) -> ChildAnswer:
        """A child's last word on *job*; `WrongState` when the work was called off meanwhile."""
        upload, began = running.work.upload, time.monotonic()

        async def show(done: Working) -> None:
            if progress.due:
                await self._try_show(progress, self._moving(upload, done, time.monotonic() - began))

        child = self._idle.pop() if self._idle else await Child.start(self._scratch.lock)
        try:
            if not child.alive:
                child = await Child.start(self._scratch.lock)
            running.child = child
            if running.called_off:
                child.kill()
            answer = await child.do(job, folder=job.folder, stall_seconds=self._limits.stall_seconds, progress=show)
        except BaseException as error:
            await child.stop()
            if running.called_off and isinstance(error, ChildDiedError):
                raise WrongState(f"{upload.file_name} is not to be worked on any more.") from error
            raise
        finally:
            running.child = None
        if self._idle:
            await child.stop()  # one is kept for the next list; two would only take memory
        else:
            self._idle.append(child)
        return answer

    async def _picture(self, upload: Upload, rows_at: RowsAt = RowsAt.ATTACHED) -> Message:
        entry = None
        if upload.state is UploadState.WAITING:
            entry = await asyncio.to_thread(self._store.uploads.applied_before, upload)
        elif upload.state is UploadState.UNDONE:
            entry = await asyncio.to_thread(self._store.uploads.undone_by, upload)
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        return views.of_state(upload, self._limits.deadlines.within(account.settings), entry, rows_at)

    @staticmethod
    def _moving(upload: Upload, done: Working, seconds: float) -> Message:
        match upload.state:
            case UploadState.RECEIVED if upload.is_scrub:
                return scrub_views.comparing(upload, done.fraction)
            case UploadState.RECEIVED:
                return views.reading(upload, done.rows, done.fraction, seconds)
            case UploadState.UNDOING:
                return views.undoing(upload, done.rows, seconds)
            case _:
                return views.applying(upload, done.rows, seconds)

    async def _try_show(self, progress: Progress, message: Message) -> None:
        """Progress is a courtesy: the work goes on when Slack does not take it."""
        try:
            await progress.show(message)
        except (StoreUnavailable, SlackClientError, aiohttp.ClientError, OSError) as error:
            log.warning("progress could not be shown", why=type(error).__name__)

    async def _job(self, work: UploadWork, folder: Path) -> ListJob:
        """What the child needs to know; raises `DownloadError` when there is no file to fetch."""
        upload = work.upload
        step = Step.SCRUB if upload.is_scrub else _STEPS[upload.state]
        url = None
        if step is not Step.UNDO:
            try:
                file = (await self._client.files_info(file=upload.file_id))["file"]
            except SlackApiError as error:
                if error_code(error) in _FILE_GONE:
                    raise DownloadError(_GONE, refused=True) from error
                if step is not Step.APPLY or not is_transient(error):
                    raise
            except (SlackClientError, aiohttp.ClientError, OSError):
                if step is not Step.APPLY:
                    raise
                # What was read before can be applied while Slack is away.
            else:
                if file.get("mode") == "tombstone":
                    raise DownloadError(_GONE, refused=True)
                if problem := why_not_fetched(file, upload.file_name, self._api_origin):
                    raise DownloadError(problem, refused=True)
                url = address_of(file)
        return ListJob(
            step=step,
            database_url=self._database_url,
            account=upload.account_id,
            upload=upload.id,
            lease=work.lease,
            lease_seconds=self._limits.lease_seconds,
            stall_seconds=self._limits.stall_seconds,
            file=None if url is None else await self._file(upload, url),
            scratch=self._scratch.list_of(upload),
            label=self._scratch.label_of(upload),
            folder=folder,
        )

    async def _file(self, upload: Upload, url: str) -> SlackFile:
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        return SlackFile(
            url=url,
            token=self._client.token or "",
            api_origin=self._api_origin,
            max_bytes=min(self._limits.max_bytes, account.settings.max_list_bytes or self._limits.max_bytes),
        )

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

    async def _give_back(self, work: UploadWork, path: Path, found: dict[str, Any]) -> None:
        """The scrubbed list at *path* into the thread; then, and not before, its upload is done."""
        upload = work.upload
        try:
            name = f"{Path(upload.file_name).stem}.scrubbed{Path(upload.file_name).suffix or '.csv'}"
            if Path(upload.file_name).suffix.lower() in _NO_TEXT:
                name = f"{Path(upload.file_name).stem}.scrubbed.csv"
            title = f"{upload.file_name} without who is opted out"
            await self._attach(work, path, name, title, upload.channel_id, upload.thread_ts or upload.message_ts)
        except SlackApiError as error:
            if is_transient(error):
                raise
            problem = f"Slack does not take the scrubbed list in this thread ({error_code(error)})."
            await asyncio.to_thread(work.fail, problem)
        else:
            await asyncio.to_thread(work.scrubbed, found)

    async def _attach(
        self, work: UploadWork, path: Path, name: str, title: str, channel: str, thread_ts: str | None
    ) -> None:
        upload = work.upload
        if channel == upload.channel_id:
            as_seen = self._as_seen(upload)
            name, title = [(await as_seen(Message(text))).text for text in (name, title)]
        await attach(
            self._client,
            path,
            name=one_line(name),
            title=one_line(title),
            channel=channel,
            thread_ts=thread_ts,
            attached=upload.attached_file,
            keep=lambda file: asyncio.to_thread(work.set_attached, file),
        )


def _post_key(work: UploadWork, what: str) -> PostKey:
    """Under which key a message about the upload is posted once, by whoever has it."""
    upload = work.upload
    return PostKey(upload.account_id, f"upload {upload.id} {what}", may_exist=work.lease.fence > 1)


def _give_up(work: UploadWork) -> Callable[[str], UploadWork]:
    """The end of an upload that kills whoever works on it: a list that was only being read is refused."""
    return work.refuse if work.upload.state is UploadState.RECEIVED else work.fail


def _died(upload: Upload) -> str:
    """In words, that whoever worked on *upload* died or hung too often, and what can be done."""
    if upload.state is UploadState.RECEIVED:
        return f"The program that reads lists was stopped {upload.deaths} times while it read this one. {_PLAINLY}"
    return (
        f"The program that works on lists was stopped {upload.deaths} times in the middle of this one. "
        "Whoever runs the desk finds why in its log."
    )


def _hung(seconds: float) -> str:
    """In words, that reading a list came to nothing."""
    return f"Reading this list made no progress in {math.ceil(seconds)} s, so it was given up. {_PLAINLY}"


_PLAINLY = (
    "Save it as a plain CSV file with one number in a row and drop that; if it happens again, whoever runs the desk finds "
    "why in its log."
)
