"""
The child process that reads and stores lists, so that answers stay quick meanwhile: `python -m handlers.work.worker`.

Jobs come in on stdin, answers go out on stdout: see handlers/work/job.py. It may be killed at any moment, and is with its
parent, whose process id is its argument.
"""

import asyncio
import ctypes
import errno
import gc
import os
import queue
import shutil
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

from handlers.tracebacks import traceback_of
from handlers.work.download import Download, DownloadError
from handlers.work.job import (
    ChildAnswer,
    Done,
    Exported,
    ExportJob,
    Failed,
    ListJob,
    Lost,
    MalformedLineError,
    Refused,
    SlackFile,
    Step,
    Working,
    line_of,
    read_job,
)
from store import (
    MOST_LACKING,
    LeaseKeeper,
    LeaseLost,
    Purpose,
    Scratch,
    Store,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    Upload,
    UploadState,
    UploadWork,
    WrongState,
    apply_upload,
    compare,
    restage,
    scrub_upload,
    stage_upload,
    undo_upload,
    write_evidence,
)

NICE = 5
_PR_SET_PDEATHSIG = 1
# What a file system answers that takes no more: full, over a quota, or over a limit on one file.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SECONDS_BETWEEN_PROGRESS = 0.25
# Of the whole work of staging, as a person sees it: the file is there.
_DOWNLOADED = 0.1
# A word that it waits for Slack, so often: a child that says nothing hangs.
_WAITING_SECONDS = 0.5
_DISK_FULL = "The desk's disk is full. Whoever runs it has to make room; then drop the file again."


def _is_full(error: Exception) -> bool:
    """Is it the disk that is full? The store's own database is not meant: that one is away, and may come back."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in _FULL


class Worker:
    """Does jobs, one at a time, and says how they go on *out*."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._said = float("-inf")

    def do(self, line: str) -> None:
        """One job, from its line to its last word. Lets nothing escape."""
        try:
            job = read_job(line)
        except MalformedLineError as error:
            self._say(Failed("The program was asked for something it does not know.", str(error)))
            return
        self._begin()
        store = Store.open(job.database_url, erase_key=job.erase_key)
        try:
            self._say(self._export(store, job) if isinstance(job, ExportJob) else self._outcome(store, job))
        finally:
            store.close()

    def _outcome(self, store: Store, job: ListJob) -> ChildAnswer:
        answer: ChildAnswer | None = None
        try:
            work = store.uploads.resume(job.account, job.upload, job.lease)
            job.folder.mkdir(parents=True, exist_ok=True)
            answer = self._done(store, job, work)
        except (LeaseLost, StoreUnavailable) as error:
            # Away is not wrong: the lease runs out, and whoever claims it next goes on where this one stopped.
            answer = Lost(traceback_of(error))
        except Exception as error:  # noqa: BLE001  the parent waits for a last word, whatever happened
            # What the store could not be told is found out again by the next claim.
            answer = Lost(traceback_of(error))
        if not (isinstance(answer, Done) and answer.file is not None):
            shutil.rmtree(job.folder, ignore_errors=True)
        return answer

    def _done(self, store: Store, job: ListJob, work: UploadWork) -> ChildAnswer:
        detail = ""
        try:
            made = self._step(store, job, work)
            if isinstance(made, Done):
                return made
            upload = made.upload
        except (LeaseLost, StoreUnavailable):
            raise
        except WrongState:
            upload = store.uploads.get(job.account, job.upload)  # a person changed its course: not an error
        except DownloadError as error:
            end = work.refuse if error.refused and job.step is not Step.APPLY else work.fail
            upload = end(str(error)).upload
            detail = traceback_of(error)
        except Exception as error:  # noqa: BLE001  what nobody foresaw is told too
            foreseen = isinstance(error, StoreError) and not isinstance(error, StoreRefused)
            said = _DISK_FULL if _is_full(error) else "Something went wrong on our side."
            upload = work.fail(str(error) if foreseen else said).upload
            detail = "" if foreseen else traceback_of(error)
        if upload.state not in {UploadState.WAITING, UploadState.APPLYING}:
            job.scratch.unlink(missing_ok=True)
        return _how_it_ended(upload, detail)

    def _step(self, store: Store, job: ListJob, work: UploadWork) -> UploadWork | Done:
        """Do the job; a scrubbed list is not the end of its upload, which is that it was delivered."""
        match job.step:
            case Step.STAGE:
                return self._stage(store, job, work)
            case Step.APPLY:
                return self._apply(store, job, work)
            case Step.UNDO:
                return undo_upload(work, self._progress, job.lease_seconds, job.batch, stall_seconds=job.stall_seconds)
            case Step.SCRUB:
                return self._scrub(store, job, work)

    def _stage(self, store: Store, job: ListJob, work: UploadWork) -> UploadWork:
        path, made = self._fetch(store, job, work), job.folder / "scratch"
        staged = stage_upload(
            store,
            work,
            path,
            made,
            self._after_download,
            job.lease_seconds,
            label=job.label,
            stall_seconds=job.stall_seconds,
        )
        if made.exists():
            made.replace(job.scratch)
        return staged

    def _apply(self, store: Store, job: ListJob, work: UploadWork) -> UploadWork:
        upload = work.upload

        def staging(_rows: int, _fraction: float) -> None:
            self._progress(upload.applied, upload.applied / max(1, upload.phones))

        scratch = Scratch.open(job.scratch, label=job.label)
        if scratch is not None and not scratch.holds(upload):
            scratch.close()
            scratch = None
        if scratch is None:
            path, made = self._fetch(store, job, work), job.folder / "scratch"
            scratch = restage(
                work, path, made, staging, job.lease_seconds, label=job.label, stall_seconds=job.stall_seconds
            )
            made.replace(job.scratch)
        try:
            return apply_upload(
                work, scratch, self._progress, job.lease_seconds, job.batch, stall_seconds=job.stall_seconds
            )
        finally:
            scratch.close()

    def _scrub(self, store: Store, job: ListJob, work: UploadWork) -> UploadWork | Done:
        path, out = self._fetch(store, job, work), job.folder / "scrubbed"
        outcome = scrub_upload(
            store,
            work,
            path,
            out,
            keep_unreadable=work.upload.purpose is Purpose.SCRUB_KEEPING,
            progress=self._after_download,
            lease_seconds=job.lease_seconds,
            stall_seconds=job.stall_seconds,
        )
        path.unlink()
        if isinstance(outcome, UploadWork):
            return outcome
        return Done(work.upload.state, outcome, out)

    def _export(self, store: Store, job: ExportJob) -> ChildAnswer:
        try:
            if job.export_filter.phone is not None:
                evidence = store.evidence.get(job.account, job.export_filter.phone)
                write_evidence(evidence, job.path)
                return Exported(int(evidence.was_out))
            if job.export_filter.missing_from is not None:
                return self._missing(store, job, job.export_filter.missing_from)
            # With a mark, since Excel takes what has none for the machine's old code page; other programs want none.
            encoding = "utf-8-sig" if job.export_filter.format == "desk" else "utf-8"
            with job.path.open("w", encoding=encoding, newline="") as out:
                of_list = job.account, out, job.export_filter, lambda n: self._progress(n, 0.0)
                if job.export_filter.destination is not None:
                    covered = store.exports.write_for_destination(*of_list)
                    return Exported(covered.phones, covered)
                return Exported(store.exports.write(*of_list))
        except StoreUnavailable as error:
            return Lost(traceback_of(error))
        except (StoreError, DownloadError) as error:
            return Failed(str(error), traceback_of(error))
        except OSError as error:
            if not _is_full(error):
                return Failed("The list could not be written on our side.", traceback_of(error))
            return Failed("The desk's disk is full. Whoever runs it has to make room; then ask again.")

    def _missing(self, store: Store, job: ExportJob, upload_id: int) -> Exported:
        """What the list of that upload lacks, which is read anew for it: another machine may have read it before."""
        upload, path = store.uploads.get(job.account, upload_id), job.path.with_name("list")

        def fetched(fraction: float) -> None:
            self._progress(0, _DOWNLOADED * fraction)

        if upload.is_sent:
            self._write(store.sent_files.read(upload), upload, path, fetched)
        elif job.file is None:
            raise DownloadError("Slack does not say where the list is.", refused=True)
        else:
            self._download(job.file, path, fetched)
        with job.path.open("w", encoding="utf-8", newline="") as out:
            outcome = compare(
                store,
                upload.account_id,
                path,
                job.path.with_name("scratch"),
                out,
                country=upload.country,
                column=upload.phone_column,
                choices=upload.choices,
                name=upload.file_name,
                progress=lambda _rows, fraction: self._after_download(0, fraction),
            )
        if job.export_filter.destination is not None:
            self._tell_again(store, job, job.export_filter.destination, outcome.only_ours)
        return Exported(outcome.only_ours)

    @staticmethod
    def _tell_again(store: Store, job: ExportJob, destination: str, phones: int) -> None:
        """Have *destination* told again of the *phones* in the file that was written, or of all where they are too many."""
        if phones > MOST_LACKING:
            store.destinations.tell_all_again(job.account, destination)
            return
        with job.path.open(encoding="utf-8") as written:
            next(written)
            store.destinations.tell_again(job.account, destination, map(str.rstrip, written))

    @staticmethod
    def _download(file: SlackFile, path: Path, progress: Callable[[float], object]) -> None:
        """*file* to *path*; while that waits for Slack, for which it has limits of its own, it says that it does."""
        part = 0.0

        def reached(fraction: float) -> None:
            nonlocal part
            part = fraction
            progress(fraction)

        async def fetch() -> None:
            fetching = asyncio.create_task(Download(file, reached).to(path))
            try:
                while not (await asyncio.wait({fetching}, timeout=_WAITING_SECONDS))[0]:
                    progress(part)
            finally:
                fetching.cancel()
            await fetching

        asyncio.run(fetch())

    def _fetch(self, store: Store, job: ListJob, work: UploadWork) -> Path:
        """The list, downloaded, or read from the store where a program sent it."""
        sent = work.upload.is_sent
        if job.file is None and not sent:
            raise StoreUnavailable("Slack does not say where the file is.")
        path = job.folder / "list"
        with LeaseKeeper(work, lease_seconds=job.lease_seconds, stall_seconds=job.stall_seconds) as keeper:

            def progress(fraction: float) -> None:
                keeper.check()
                if job.step is Step.APPLY:
                    self._progress(work.upload.applied, work.upload.applied / max(1, work.upload.phones))
                else:
                    self._progress(0, _DOWNLOADED * fraction)

            if job.file is not None:
                self._download(job.file, path, progress)
            else:
                self._write(store.sent_files.read(work.upload), work.upload, path, progress)
        return path

    @staticmethod
    def _write(pieces: Iterator[bytes], upload: Upload, path: Path, progress: Callable[[float], object]) -> None:
        """The *pieces* of the file of *upload* to *path*; raises `DownloadError` when it is not all there any more."""
        size = 0
        with path.open("wb") as file:
            for piece in pieces:
                size += file.write(piece)
                progress(size / upload.size)
        if size != upload.size:
            raise DownloadError("The file is not kept any more: have it sent again.", refused=True)

    def _after_download(self, rows: int, fraction: float) -> None:
        self._progress(rows, _DOWNLOADED + (1 - _DOWNLOADED) * fraction)

    def _begin(self) -> None:
        """Say that the job is begun: from here on the parent counts the seconds without a word."""
        self._said = float("-inf")
        self._progress(0, 0.0)

    def _progress(self, rows: int, fraction: float) -> None:
        if time.monotonic() - self._said < SECONDS_BETWEEN_PROGRESS:
            return
        self._said = time.monotonic()
        self._say(Working(rows, round(fraction, 4)))

    def _say(self, answer: ChildAnswer) -> None:
        print(line_of(answer), file=self._out, flush=True)


def _how_it_ended(upload: Upload, detail: str) -> ChildAnswer:
    match upload.state:
        case UploadState.REFUSED:
            return Refused(upload.problem or "")
        case UploadState.FAILED:
            return Failed(upload.problem or "", detail)
        case state:
            return Done(state)


def _listen(jobs: "queue.SimpleQueue[str]") -> None:
    """Hand the lines of stdin on. When it ends the parent is gone: stop in the middle of whatever is being done."""
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)


def _end_with(parent: int | None) -> None:
    """
    Have the system kill this process when its *parent* ends, whatever it is doing then, stopped or not.

    On Linux (https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html); elsewhere it is noticed by the end of
    stdin, which takes a process that can still listen.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent is not None and os.getppid() != parent:
        os._exit(0)  # it ended before that was asked for


def _say_why(error: BaseException | None) -> None:
    if error is not None:
        sys.stderr.write(f"{traceback_of(error)}\n")


def main() -> None:
    """Work until the parent ends, or closes stdin."""
    _end_with(int(sys.argv[1]) if len(sys.argv) > 1 else None)
    os.nice(NICE)
    os.umask(0o077)  # lists are nobody else's business
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True, name="stdin").start()
    # What nobody caught goes into the desk's log, which Python's own word for it would bring people's words into.
    sys.excepthook = lambda _kind, error, _where: _say_why(error)
    threading.excepthook = lambda args: _say_why(args.exc_value)
    worker = Worker(sys.stdout)
    # What was imported stays: nobody need look through it for what can go.
    gc.freeze()
    while True:
        try:
            worker.do(jobs.get())
        except BrokenPipeError:
            os._exit(0)


if __name__ == "__main__":
    main()
