"""
Uploads at work: claim one, do its next step in a child process, and say in Slack how it stands.

The upload's row is the truth and its message in Slack a picture of it: whoever holds the lease draws the picture anew,
so a replica that takes over needs to know nothing of the one that died.
"""

import asyncio
import time
from collections import Counter
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.loops import Loop
from handlers.slack.errors import error_code, is_transient
from handlers.slack.messages import Message
from handlers.slack.posting import Poster, PostKey
from handlers.tasks import Tasks
from handlers.views import scrubs as scrub_views
from handlers.views import uploads as views
from handlers.work.attaching import attach
from handlers.work.child import Child, ChildDiedError
from handlers.work.job import ChildAnswer, Done, Failed, ListJob, Lost, Refused, SlackFile, Step, Working
from handlers.work.limits import Limits
from handlers.work.progress import Progress
from handlers.work.scratch import ScratchDirectory
from store import (
    Function,
    LeaseLost,
    Origin,
    PlainWriter,
    Scrubbed,
    Store,
    StoreError,
    StoreUnavailable,
    Upload,
    UploadState,
    UploadWork,
    WrongState,
    doubts,
    write_unreadable,
)

log = structlog.get_logger()
# One child takes whatever came first; the others only files up to so many bytes, which never wait behind large ones.
SMALL_BYTES = 5_000_000
LANES = 2
# How long after its start the desk starts a child ahead of the first list.
WARM_SECONDS = 1.0
# Children that died this often in one state of an upload did not die by accident. A list that kills its reader does so
# every time, and nothing is stored yet; one that is being stored only takes time to get to its end.
MOST_DEATHS = {UploadState.RECEIVED: 3, UploadState.APPLYING: 20, UploadState.UNDOING: 20}
# What is done about an upload in these states; one that is scrubbed is never staged.
_STEPS = {
    UploadState.RECEIVED: Step.STAGE,
    UploadState.APPLYING: Step.APPLY,
    UploadState.UNDOING: Step.UNDO,
}
# A scrubbed list of these kinds comes back as CSV.
_NO_TEXT = {".xlsx", ".xls", ".zip"}
_FILE_GONE = {"file_not_found", "file_deleted", "not_visible", "access_denied"}


class Runner:
    """
    Works on every upload that has something left to do, as many at a time as there are children.

    Each child has its lane: the first takes the oldest upload, whatever its size, the others the oldest small one.
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
        self._poster = poster
        self._tasks = tasks
        self._limits = limits
        self._scratch = scratch
        self._owner = owner
        self._database_url = database_url
        every = max(0.2, limits.lease_seconds / 4)
        self.loops = tuple(
            Loop(f"uploads {lane + 1}", partial(self._look, lane), tasks, every=every) for lane in range(LANES)
        )
        self._idle: list[Child] = []
        self._ending = asyncio.Event()
        self._deaths: Counter[tuple[int, int, UploadState]] = Counter()

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
        """Look at once: there is something to do."""
        for loop in self.loops:
            loop.poke()

    async def _warm(self) -> None:
        # Its start takes a processor for half a second: the connection to Slack comes first.
        with suppress(TimeoutError):
            async with asyncio.timeout(WARM_SECONDS):
                await self._ending.wait()
                return
        if not self._idle:
            self._idle.append(await Child.start(self._scratch.lock))

    async def _look(self, lane: int) -> bool:
        """Work on the upload that has waited longest; False when none waits."""
        work = await asyncio.to_thread(
            self._store.uploads.claim,
            self._owner,
            lease_seconds=self._limits.lease_seconds,
            largest=SMALL_BYTES if lane else None,
            deadlines=self._limits.deadlines,
        )
        if work is None:
            return False
        if self.loops[lane].stopping:
            # Claimed while the desk began to stop: another replica, or the next start, need not wait for it.
            await asyncio.to_thread(work.release, settled=None)
            return False
        await self._work_on(work)
        return True

    async def _work_on(self, work: UploadWork) -> None:
        upload = work.upload
        try:
            async with self._lease_kept(work):
                await self._work(work)
        except WrongState:
            # Somebody decided in between; how it stands now is for the next claim.
            await asyncio.to_thread(work.release, settled=None)
        except LeaseLost as error:
            log.warning("an upload is left to the next claim", upload=upload.id, why=str(error))
        except ChildDiedError:
            self._deaths[upload.account_id, upload.id, upload.state] += 1
            log.warning(
                "the child process died; its upload is taken up again", upload=upload.id, fence=work.lease.fence
            )
        except (StoreUnavailable, SlackClientError, aiohttp.ClientError, OSError) as error:
            # The lease runs out and somebody tries again: the work is kept, only its message is late.
            log.warning("an upload waits", upload=upload.id, why=type(error).__name__, exc_info=error)

    async def _work(self, work: UploadWork) -> None:
        upload = work.upload
        progress = Progress(
            self._client,
            self._poster,
            _post_key(work, "message"),
            upload.channel_id,
            upload.thread_ts,
            upload.message_ts,
            lambda ts: asyncio.to_thread(work.set_message, ts),
            lambda: asyncio.to_thread(self._renew, work),
        )
        if upload.state in _STEPS:
            key = (upload.account_id, upload.id, upload.state)
            if self._deaths[key] >= MOST_DEATHS[upload.state]:
                await asyncio.to_thread(work.fail, _died(upload, self._deaths.pop(key)))
            else:
                await self._step(work, progress)
                await self._apply_unasked(upload)
        elif upload.state is UploadState.WAITING and await self._waited(work):
            return
        work = await asyncio.to_thread(self._renew, work)
        upload = work.upload
        if not upload.state.at_work and upload.state is not UploadState.WAITING:
            # A cancelled list was staged already, and its phones are nobody's business any more.
            self._scratch.list_of(upload).unlink(missing_ok=True)
        await self._show(work, progress)
        await asyncio.to_thread(work.release, settled=upload.state)

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
            await self._poster.post(
                upload.channel_id, message, upload.thread_ts or upload.message_ts, _post_key(work, "reminder")
            )
        except SlackApiError as error:
            if is_transient(error):
                raise
            await self._write_to_dropper(work, views.elsewhere(upload, message, str(error_code(error))))

    def _renew(self, work: UploadWork) -> UploadWork:
        """Hold the upload on, and see how it stands; `LeaseLost` when it was taken over."""
        return work.renew(lease_seconds=self._limits.lease_seconds)

    def _lease_kept(self, work: UploadWork) -> AbstractAsyncContextManager[None]:
        return self._tasks.keep_lease(lambda: self._renew(work), self._limits.lease_seconds, name="hold an upload")

    async def _show(self, work: UploadWork, progress: Progress) -> None:
        """How the upload stands, in its message; where Slack will never take that, to whoever dropped the list."""
        upload = work.upload
        picture = await self._picture(upload)
        try:
            await progress.show(picture)
            if upload.state is UploadState.DONE and upload.unreadable:
                await self._attach_unreadable(work)
        except SlackApiError as error:
            if is_transient(error):
                raise
            why = error_code(error)
            log.warning("an upload cannot be shown in its channel", upload=upload.id, why=why)
            await self._write_to_dropper(work, views.elsewhere(upload, picture, str(why)))

    async def _write_to_dropper(self, work: UploadWork, message: Message) -> None:
        upload = work.upload
        try:
            await self._poster.post(upload.actor.id, message, None, _post_key(work, f"{upload.state} directly"))
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.exception("answer not delivered", upload=upload.id, actor=upload.actor.id)

    async def _step(self, work: UploadWork, progress: Progress) -> None:
        """Stage, apply or undo the upload in a child, with its progress shown."""
        upload = work.upload
        await self._try_show(progress, await self._picture(upload))
        with self._scratch.folder() as folder:
            job = await self._job(work, folder)
            if job is None:
                problem = "The file was deleted from Slack before it was read. Drop it again."
                end = work.refuse if upload.state is UploadState.RECEIVED else work.fail
                await asyncio.to_thread(end, problem)
                return
            answer = await self._answered(upload, job, progress)
            del self._deaths[upload.account_id, upload.id, upload.state]
            match answer:
                case Lost(detail):
                    raise LeaseLost(detail)
                case Refused() | Failed():
                    log.info("a list was not taken", upload=upload.id, answer=answer)
                case Done(_, Scrubbed() as found, Path() as path):
                    await self._give_back(work, path, asdict(found))

    async def _answered(self, upload: Upload, job: ListJob, progress: Progress) -> ChildAnswer:
        """A child's last word on *job*."""
        child = self._idle.pop() if self._idle else await Child.start(self._scratch.lock)
        try:
            if not child.alive:
                child = await Child.start(self._scratch.lock)
            await child.send(job)
            began = time.monotonic()
            while isinstance(answer := await child.answer(), Working):
                if progress.due:
                    await self._try_show(progress, self._moving(upload, answer, time.monotonic() - began))
        except BaseException:
            await child.stop()
            raise
        if self._idle:
            await child.stop()  # one is kept for the next list; two would only take memory
        else:
            self._idle.append(child)
        return answer

    async def _picture(self, upload: Upload) -> Message:
        entry = None
        if upload.state is UploadState.WAITING:
            entry = await asyncio.to_thread(self._store.uploads.applied_before, upload)
        elif upload.state is UploadState.UNDONE:
            entry = await asyncio.to_thread(self._store.uploads.undone_by, upload)
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        return views.of_state(upload, self._limits.deadlines.within(account.settings), entry)

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
            log.warning("progress could not be shown", why=str(error))

    async def _job(self, work: UploadWork, folder: Path) -> ListJob | None:
        """What the child needs to know, or None when the file is gone."""
        upload = work.upload
        step = Step.SCRUB if upload.is_scrub else _STEPS[upload.state]
        url = None
        if step is not Step.UNDO:
            try:
                file = (await self._client.files_info(file=upload.file_id))["file"]
            except SlackApiError as error:
                if error_code(error) in _FILE_GONE:
                    return None
                if step is not Step.APPLY or not is_transient(error):
                    raise
            except (SlackClientError, aiohttp.ClientError, OSError):
                if step is not Step.APPLY:
                    raise
                # What was read before can be applied while Slack is away.
            else:
                if file.get("mode") in ("tombstone", "hidden_by_limit"):
                    return None
                url = file.get("url_private_download") or file["url_private"]
        return ListJob(
            step=step,
            database_url=self._database_url,
            account=upload.account_id,
            upload=upload.id,
            lease=work.lease,
            lease_seconds=self._limits.lease_seconds,
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
            # The bearer token goes to Slack's own hosts and nowhere else.
            token_hosts=frozenset({"slack.com", "files.slack.com", urlsplit(self._client.base_url).netloc}),
            max_bytes=min(self._limits.max_bytes, account.settings.max_list_bytes or self._limits.max_bytes),
        )

    async def _attach_unreadable(self, work: UploadWork) -> None:
        """The unreadable rows as a file in the thread."""
        upload = work.upload
        rows = self._store.uploads.list_unreadable(upload.account_id, upload.id)
        with self._scratch.folder() as folder:
            path = folder / "unreadable.csv"
            path.touch(mode=0o600)
            await asyncio.to_thread(write_unreadable, path, upload.columns, rows)
            name = f"{Path(upload.file_name).stem.removesuffix('.unreadable')}.unreadable.csv"
            await self._attach(work, path, name, f"Rows of {upload.file_name} that were not understood")

    async def _give_back(self, work: UploadWork, path: Path, found: dict[str, Any]) -> None:
        """The scrubbed list at *path* into the thread; then, and not before, its upload is done."""
        upload = work.upload
        try:
            name = f"{Path(upload.file_name).stem}.scrubbed{Path(upload.file_name).suffix or '.csv'}"
            if Path(upload.file_name).suffix.lower() in _NO_TEXT:
                name = f"{Path(upload.file_name).stem}.scrubbed.csv"
            await self._attach(work, path, name, f"{upload.file_name} without who is opted out")
        except SlackApiError as error:
            if is_transient(error):
                raise
            problem = f"Slack does not take the scrubbed list in this thread ({error_code(error)})."
            await asyncio.to_thread(work.fail, problem)
        else:
            await asyncio.to_thread(work.scrubbed, found)

    async def _attach(self, work: UploadWork, path: Path, name: str, title: str) -> None:
        upload = work.upload
        await attach(
            self._client,
            path,
            name=name,
            title=title,
            channel=upload.channel_id,
            thread_ts=upload.thread_ts or upload.message_ts,
            attached=upload.attached_file,
            keep=lambda file: asyncio.to_thread(work.set_attached, file),
        )


def _post_key(work: UploadWork, what: str) -> PostKey:
    """Under which key a message about the upload is posted once, by whoever has it."""
    upload = work.upload
    return PostKey(upload.account_id, f"upload {upload.id} {what}", may_exist=work.lease.fence > 1)


def _died(upload: Upload, times: int) -> str:
    """In words, that the child ended *times* times without an answer, and what can be done."""
    if upload.state is UploadState.RECEIVED:
        return (
            f"The program that reads lists was stopped {times} times while it read this one. Save it as a plain CSV file "
            "and drop that; if it happens again, whoever runs the desk finds why in its log."
        )
    return (
        f"The program that works on lists was stopped {times} times in the middle of this one. "
        "Whoever runs the desk finds why in its log."
    )
