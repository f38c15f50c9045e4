"""
The child process that reads and stores lists, so that answers stay quick meanwhile: `python -m handlers.work.worker`.

One job a line comes in on stdin as JSON, see `Job`. What goes out on stdout is JSON, a line each: any number of
{"progress": {"verb", "rows", "fraction"}}, at most 4 a second, and then one of
  {"done": state}                      how the upload stands now, in the store already; with "scrubbed": the counts, and
                                       "file": where the scrubbed list is, to be deleted by who delivers it
  {"refused": sentence}                the list cannot be read as it is; the upload is refused
  {"failed": sentence, "detail": text} the work went wrong for good; the upload is failed. The detail is for the log
  {"lost": true, "detail": text}       not ours any more, or the store is away: nothing was decided, somebody goes on
It may be killed at any moment. When stdin closes, its parent is gone and so is it.
"""

import asyncio
import errno
import json
import os
import queue
import sqlite3
import sys
import threading
import time
import traceback
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from handlers.work.download import Download, DownloadError
from handlers.work.job import Job
from store import (
    ExportFilter,
    Lease,
    LeaseKeeper,
    LeaseLost,
    Scratch,
    Store,
    StoreError,
    StoreUnavailable,
    UploadState,
    UploadWork,
    WrongState,
    apply_upload,
    restage,
    scrub_upload,
    stage_upload,
    undo_upload,
)

NICE = 5
# What a file system answers that takes no more: full, over a quota, or over a limit on one file.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SECONDS_BETWEEN_PROGRESS = 0.25
# Of the whole work of staging, as a person sees it: the file is there.
_DOWNLOADED = 0.1
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
            said = json.loads(line)
            if said["verb"] == "export":
                self._say(**self._export(said))
                return
            job = Job.read(line)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self._say(failed="The program was asked for something it does not know.", detail=repr(error))
            return
        store = Store.open(job.database_url)
        try:
            self._say(**self._outcome(store, job))
        finally:
            store.close()

    def _outcome(self, store: Store, job: Job) -> dict[str, Any]:
        try:
            return self._done(store, job, store.uploads.resume(job.account, job.upload, Lease(job.owner, job.fence)))
        except (LeaseLost, StoreUnavailable) as error:
            # Away is not wrong: the lease runs out, and whoever claims it next goes on where this one stopped.
            return {"lost": True, "detail": str(error)}
        except Exception as error:  # noqa: BLE001  the parent waits for a last word, whatever happened
            # What the store could not be told is found out again by the next claim.
            return {"lost": True, "detail": "".join(traceback.format_exception(error))}

    def _done(self, store: Store, job: Job, work: UploadWork) -> dict[str, Any]:
        detail = ""
        found: dict[str, Any] = {}
        try:
            if job.verb == "scrub":
                work, found = self._scrub(store, job, work)
            else:
                do = {"stage": self._stage, "apply": self._apply, "undo": self._undo}[job.verb]
                work = do(store, job, work)
            upload = work.upload
        except (LeaseLost, StoreUnavailable):
            raise
        except WrongState:
            upload = store.uploads.get(job.account, job.upload)  # a person changed its course: not an error
        except DownloadError as error:
            end = work.refuse if error.refused and job.verb != "apply" else work.fail
            upload = end(str(error)).upload
            detail = repr(error.__cause__ or error)
        except StoreError as error:
            upload = work.fail(str(error)).upload
        except Exception as error:  # noqa: BLE001  what nobody foresaw is told too
            upload = work.fail(_DISK_FULL if _is_full(error) else "Something went wrong on our side.").upload
            detail = "".join(traceback.format_exception(error))
        finally:
            job.download.unlink(missing_ok=True)
        if upload.state not in {UploadState.WAITING, UploadState.APPLYING}:
            job.scratch.unlink(missing_ok=True)
        if upload.state is UploadState.REFUSED:
            return {"refused": upload.problem}
        if upload.state is UploadState.FAILED:
            return {"failed": upload.problem, "detail": detail}
        return {"done": upload.state, **found}

    def _stage(self, store: Store, job: Job, work: UploadWork) -> UploadWork:
        self._fetch(job, work)

        def progress(rows: int, fraction: float) -> None:
            self._progress("stage", rows, _DOWNLOADED + (1 - _DOWNLOADED) * fraction)

        return stage_upload(store, work, job.download, job.scratch, progress, job.lease_seconds)

    def _apply(self, _store: Store, job: Job, work: UploadWork) -> UploadWork:
        upload = work.upload

        def progress(rows: int, fraction: float) -> None:
            self._progress("apply", rows, fraction)

        def staging(_rows: int, _fraction: float) -> None:
            progress(upload.applied, upload.applied / max(1, upload.phones))

        scratch = Scratch.open(job.scratch)
        if scratch is not None and not scratch.holds(upload):
            scratch.close()
            scratch = None
        if scratch is None:
            self._fetch(job, work)
            scratch = restage(work, job.download, job.scratch, staging, job.lease_seconds)
        try:
            return apply_upload(work, scratch, progress, job.lease_seconds, job.batch)
        finally:
            scratch.close()

    def _undo(self, _store: Store, job: Job, work: UploadWork) -> UploadWork:
        def progress(rows: int, fraction: float) -> None:
            self._progress("undo", rows, fraction)

        return undo_upload(work, progress, job.lease_seconds, job.batch)

    def _scrub(self, store: Store, job: Job, work: UploadWork) -> tuple[UploadWork, dict[str, Any]]:
        self._fetch(job, work)
        for left in job.scratch_dir.glob(f"{job.scratch.stem}.*.scrubbed*"):
            left.unlink(missing_ok=True)

        def progress(rows: int, fraction: float) -> None:
            self._progress("scrub", rows, _DOWNLOADED + (1 - _DOWNLOADED) * fraction)

        found = scrub_upload(
            store,
            work,
            job.download,
            job.scrubbed,
            keep_unreadable=job.keep_unreadable,
            progress=progress,
            lease_seconds=job.lease_seconds,
        )
        if isinstance(found, UploadWork):
            return found, {}
        return work, {"scrubbed": asdict(found), "file": str(job.scrubbed)}

    def _export(self, said: dict[str, Any]) -> dict[str, Any]:
        """The list of *account* written to *path*; see `Exports.write`."""
        wanted = ExportFilter(
            said["format"], datetime.fromisoformat(said["since"]) if said["since"] else None, said["function"]
        )
        store = Store.open(said["database_url"])
        try:
            # With a mark, since Excel takes what has none for the machine's old code page; other programs want none.
            encoding = "utf-8-sig" if wanted.format == "desk" else "utf-8"
            with Path(said["path"]).open("w", encoding=encoding, newline="") as out:
                return {"done": store.exports.write(said["account"], out, wanted, self._exporting)}
        except StoreError as error:
            return {"lost": True, "detail": str(error)}
        except OSError as error:
            if not _is_full(error):
                return {"lost": True, "detail": repr(error)}
            return {"failed": "The desk's disk is full. Whoever runs it has to make room; then ask again."}
        finally:
            store.close()

    def _exporting(self, phones: int) -> None:
        self._progress("export", phones, 0.0)

    def _fetch(self, job: Job, work: UploadWork) -> None:
        if not job.url:
            raise StoreUnavailable("Slack does not say where the file is.")
        job.scratch_dir.mkdir(parents=True, exist_ok=True)
        for left in job.scratch_dir.glob(f"{job.scratch.stem}.*.list"):
            left.unlink(missing_ok=True)
        with LeaseKeeper(work, lease_seconds=job.lease_seconds) as keeper:

            def progress(fraction: float) -> None:
                keeper.check()
                if job.verb != "apply":
                    self._progress(job.verb, 0, _DOWNLOADED * fraction)

            asyncio.run(Download(job, progress).to(job.download))

    def _progress(self, verb: str, rows: int, fraction: float) -> None:
        if time.monotonic() - self._said < SECONDS_BETWEEN_PROGRESS:
            return
        self._said = time.monotonic()
        self._say(progress={"verb": verb, "rows": rows, "fraction": round(fraction, 4)})

    def _say(self, **message: Any) -> None:
        print(json.dumps(message), file=self._out, flush=True)


def _listen(jobs: "queue.SimpleQueue[str]") -> None:
    """Hand the lines of stdin on. When it ends the parent is gone: stop in the middle of whatever is being done."""
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)


def main() -> None:
    """Work until stdin closes."""
    os.nice(NICE)
    os.umask(0o077)  # lists are nobody else's business
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True, name="stdin").start()
    worker = Worker(sys.stdout)
    while True:
        try:
            worker.do(jobs.get())
        except BrokenPipeError:
            os._exit(0)


if __name__ == "__main__":
    main()
