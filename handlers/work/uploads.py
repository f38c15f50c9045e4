"""
Uploads at work: claim one under a lease, in one of a few lanes, and do its next step in a child process.

What people see of it is `handlers.work.upload_messages`.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError

from handlers.loops import Loop
from handlers.slack.clients import Clients
from handlers.slack.errors import error_code, is_transient
from handlers.slack.messages import THREAD_GONE
from handlers.slack.missed_lists import missed_event_id
from handlers.slack.posting import Poster
from handlers.slack.roles import Roles
from handlers.tasks import Tasks
from handlers.work.attaching import why_not_attached
from handlers.work.child import Child, ChildDiedError, ChildHungError
from handlers.work.download import FILE_GONE, DownloadError, file_of_upload, why_not_told
from handlers.work.job import ChildAnswer, Done, Failed, ListJob, Lost, Refused, Step, Working
from handlers.work.limits import Limits
from handlers.work.progress import Progress
from handlers.work.scratch import ScratchDirectory
from handlers.work.upload_messages import UploadMessages
from store import (
    Asked,
    Crowded,
    Function,
    LeaseLost,
    ListMoment,
    Origin,
    PlainWriter,
    Recount,
    Scrubbed,
    Store,
    StoreError,
    StoreUnavailable,
    Upload,
    UploadState,
    UploadWork,
    WrongState,
    doubts,
    recount,
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
# What is done about an upload in these states; one that is scrubbed is never staged.
_STEPS = {
    UploadState.RECEIVED: Step.STAGE,
    UploadState.APPLYING: Step.APPLY,
    UploadState.UNDOING: Step.UNDO,
}


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
        clients: Clients,
        poster: Poster,
        tasks: Tasks,
        limits: Limits,
        scratch: ScratchDirectory,
        roles: Roles,
        *,
        owner: str,
        database_url: str,
        erase_key: str | None = None,
    ) -> None:
        self._store = store
        self._clients = clients
        self._messages = UploadMessages(store, clients, poster, limits, scratch, roles)
        self._tasks = tasks
        self._limits = limits
        self._scratch = scratch
        self._owner = owner
        self._database_url = database_url
        self._erase_key = erase_key
        every = max(0.2, limits.lease_seconds / 4)
        self._lanes = tuple(
            Loop(f"uploads {lane + 1}", partial(self._look, lane), tasks, every=every) for lane in range(LANES)
        )
        self._showing = Loop("uploads shown", self._look_to_show, tasks, every=every)
        self.loops = (*self._lanes, self._showing, Loop("scratch", self._sweep, tasks, every=SWEEP_SECONDS))
        self._idle: list[Child] = []
        self._ending = asyncio.Event()
        # By account and upload: what this process began and did not end.
        self._left: set[tuple[int, int]] = set()
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

    def recount(self, upload: Upload, moment: ListMoment) -> Recount | None:
        """What became of a staged list's phones; None when its scratch file is not here. Blocks."""
        return recount(self._store, upload, moment, self._scratch.list_of(upload), self._scratch.label_of(upload))

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
        for left in [*self._left]:
            # What this process asked of Slack while it held it may have come after what its successor showed, and would
            # stay for good.
            if await asyncio.to_thread(self._store.uploads.show_again, *left):
                self._left.discard(left)
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

    async def _show_queued(self, running: _Running) -> None:
        await self._messages.show_queued(running.work)
        await asyncio.to_thread(running.work.release, settled=None)

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
        self._left.add((upload.account_id, upload.id))

    async def _work(self, running: _Running) -> None:
        work = running.work
        upload = work.upload
        progress = self._messages.progress_of(work)
        if upload.state is UploadState.RECEIVED and upload.choices.asked is Asked.OPT_IN and not upload.is_scrub:
            await asyncio.to_thread(work.refuse, _opposite(upload))
        elif upload.state in _STEPS:
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
        # Nobody can have told of a state that it entered while it was held here.
        why_not = await self._messages.show(work, progress, fresh=upload.state is not running.work.upload.state)
        # A thread that is gone does not come back.
        again = None if why_not in (None, THREAD_GONE) else self._messages.again_after(upload)
        await asyncio.to_thread(work.release, settled=upload.state, again=again)

    async def _apply_unasked(self, upload: Upload) -> None:
        """
        A list that was just read is applied at once, on the dropper's word, where the account wants no question.

        The word has to be plain: a list that came with any other, or where nobody spoke to the desk, waits.
        """
        if upload.state is not UploadState.RECEIVED or upload.choices.asked is not None:
            return
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        read = await asyncio.to_thread(self._store.uploads.get, upload.account_id, upload.id)
        ask = account.settings.ask
        missed = missed_event_id(read.channel_id, read.file_id)
        if await asyncio.to_thread(self._store.inbox.state_of, read.account_id, missed) is not None:
            return  # what was written with it is not known: it may have been dropped to be scrubbed
        if read.choices.asked is not None:
            return  # the words came while it was read
        if read.choices.heard is Asked.COMPARE:
            return  # a button asked for its preview, and nothing more
        if ask == "always" or read.state is not UploadState.WAITING or not read.phones or read.undecided:
            return
        before = await asyncio.to_thread(self._store.uploads.applied_before, read)
        wrong = doubts(read, PlainWriter(), before=before)
        if ask == "doubts" and wrong:
            return
        by = Origin(
            Function.UPLOAD,
            read.actor,
            read.channel_id,
            read.channel_name,
            reason="applied unasked, as the settings say",
        )
        confirm = partial(self._store.uploads.confirm, fingerprint=read.fingerprint, unasked=wrong)
        await asyncio.to_thread(confirm, read.account_id, read.id, by)
        self.poke()

    async def _waited(self, work: UploadWork) -> bool:
        """A preview that nobody answers expires, or is reminded of once; True when that was all there is to do."""
        upload, deadlines = work.upload, self._limits.deadlines
        at = await asyncio.to_thread(self._store.now)
        since = upload.waiting_since or at
        if since + deadlines.expire <= at:
            await asyncio.to_thread(work.expire)
            return False
        if upload.pending or upload.reminded_at is not None or since + deadlines.remind > at:
            return False  # it is here to be shown
        if upload.is_only_told or upload.is_alone:
            # Nobody has to act on it.
            await asyncio.to_thread(work.set_reminded, reminded=True)
            await asyncio.to_thread(work.release, settled=upload.state)
            return True
        # Kept first: whoever dies in between has reminded nobody, which is better than everybody twice.
        await asyncio.to_thread(work.set_reminded, reminded=True)
        try:
            await self._messages.remind(work)
        except BaseException:
            with suppress(StoreError):
                await asyncio.to_thread(work.set_reminded, reminded=False)
            raise
        await asyncio.to_thread(work.release, settled=upload.state)
        return True

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
        if upload.state in _CALLED_OFF or (upload.purpose, upload.choices) != (before.purpose, before.choices):
            loop.call_soon_threadsafe(running.call_off)

    async def _follow_once(self, running: _Running) -> None:
        with suppress(StoreError):  # who holds the lease notices as well
            await asyncio.to_thread(self._follow, running, asyncio.get_running_loop())

    async def _step(self, running: _Running, progress: Progress) -> None:
        """Stage, apply or undo the upload in a child, with its progress shown."""
        work, upload = running.work, running.work.upload
        if not upload.is_alone:
            await progress.try_show(await self._messages.picture(upload))
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
            if progress.due and not upload.is_alone:
                await progress.try_show(self._messages.moving(upload, done, time.monotonic() - began))

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

    async def _job(self, work: UploadWork, folder: Path) -> ListJob:
        """What the child needs to know; raises `DownloadError` when there is no file to fetch."""
        upload = work.upload
        step = Step.SCRUB if upload.is_scrub else _STEPS[upload.state]
        file = None
        if step is not Step.UNDO and not upload.is_sent:
            account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
            try:
                file = await file_of_upload(await self._clients.of(account.id), upload, account, self._limits.max_bytes)
            except SlackApiError as error:
                code = error_code(error)
                if code in FILE_GONE or not (step is Step.APPLY or is_transient(error)):
                    raise DownloadError(why_not_told(code), refused=True) from error
                if step is not Step.APPLY:
                    raise
            except (SlackClientError, aiohttp.ClientError, OSError):
                if step is not Step.APPLY:
                    raise
                # What was read before can be applied while Slack is away.
        return ListJob(
            step=step,
            database_url=self._database_url,
            erase_key=self._erase_key,
            account=upload.account_id,
            upload=upload.id,
            lease=work.lease,
            lease_seconds=self._limits.lease_seconds,
            stall_seconds=self._limits.stall_seconds,
            file=file,
            scratch=self._scratch.list_of(upload),
            label=self._scratch.label_of(upload),
            folder=folder,
        )

    async def _give_back(self, work: UploadWork, path: Path, found: dict[str, Any]) -> None:
        """The scrubbed list at *path* into the thread; then, and not before, its upload is done."""
        try:
            await self._messages.attach_scrubbed(work, path)
        except SlackApiError as error:
            if is_transient(error):
                raise
            problem = f"The scrubbed list cannot come back here: {why_not_attached(error)}."
            await asyncio.to_thread(work.fail, problem)
        else:
            await asyncio.to_thread(work.scrubbed, found)


def _give_up(work: UploadWork) -> Callable[[str], UploadWork]:
    """The end of an upload that kills whoever works on it: a list that was only being read is refused."""
    return work.refuse if work.upload.state is UploadState.RECEIVED else work.fail


def _opposite(upload: Upload) -> str:
    """In words, that nobody is opted in by a list."""
    return (
        f"{upload.file_name} came with words that ask to allow texts again, so it was not read. That is done one number at a "
        "time: an admin says `/optout delete NUMBER`. As a list it can be scrubbed, or looked up."
    )


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
