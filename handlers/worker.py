"""
The child process that reads and stores lists, so that answers stay quick meanwhile: `python -m handlers.worker`.

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
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import aiohttp
from yarl import URL

from handlers.scratch import scratch_path as scratch_path  # noqa: PLC0414  its tests ask it here
from store import (
    Held,
    LeaseLost,
    Scratch,
    Store,
    StoreError,
    StoreUnavailable,
    Upload,
    Wanted,
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
_CHUNK = 1 << 16
_DISK_FULL = "The desk's disk is full. Whoever runs it has to make room; then drop the file again."


@dataclass(frozen=True, slots=True)
class Job:
    """
    What to do, and with what right.

    *verb*: "stage", "apply", "undo" or "scrub", which may *keep_unreadable*. *fence* and *owner*: the claim it is done
    under. *max_bytes*: of the file. *url*: of the file, empty when Slack did not say it: then only what was read before can
    be applied. *token_hosts*: where the bearer token may go: a host with its port, or a domain with all below it. *batch*:
    phones a transaction.
    """

    verb: str
    database_url: str
    account: int
    upload: int
    fence: int
    owner: str
    lease_seconds: float
    scratch_dir: Path
    max_bytes: int
    file_id: str
    url: str
    token: str
    token_hosts: frozenset[str]
    batch: int = 10_000
    keep_unreadable: bool = False

    @classmethod
    def read(cls, line: str) -> "Job":
        """Raises ValueError, KeyError, TypeError or AttributeError for a line that is no job."""
        said = json.loads(line)
        names = {field.name for field in fields(cls)}
        values = {name: value for name, value in said.items() if name in names}
        if values["verb"] not in {"stage", "apply", "undo", "scrub"}:
            raise ValueError(f"no such verb: {values['verb']}")
        values["scratch_dir"] = Path(values["scratch_dir"])
        values["token_hosts"] = frozenset(values["token_hosts"])
        return cls(**values)

    @property
    def scratch(self) -> Path:
        return scratch_path(self.scratch_dir, self.account, self.upload)

    @property
    def download(self) -> Path:
        # The fence is in the name: a frozen worker that wakes up writes to a file of its own.
        return self.scratch.with_suffix(f".{self.fence}.list")

    @property
    def scrubbed(self) -> Path:
        return self.scratch.with_suffix(f".{self.fence}.scrubbed")


class DownloadError(Exception):
    """The file could not be had; the text is fit to show a person. *refused*: it is the file that is wrong."""

    def __init__(self, sentence: str, *, refused: bool = False) -> None:
        super().__init__(sentence)
        self.refused = refused


class _PassingError(Exception):
    """An attempt failed that may not fail again. *seconds*: how long Slack asked to wait, if it did."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds


class _SignInError(_PassingError):
    """A sign-in page came instead: for good, or while a token is replaced. It was good a moment before, for files.info."""


class Download:
    """
    Fetches one private file of Slack. *progress* gets the part that is there, 0 to 1, and may raise to end it.

    Slack's files need the bearer token on every hop, and answer a token without the right with 200 and a sign-in page
    (https://docs.slack.dev/reference/objects/file-object). Attempts: the first and *retries* more.
    """

    REDIRECTS = 5
    LONGEST_WAIT = 60.0

    def __init__(self, job: Job, progress: Any, *, retries: int = 3, pause: float = 1.0, quiet: float = 30.0) -> None:
        self._job = job
        self._progress = progress
        self._retries = retries
        self._pause = pause
        self._timeout = aiohttp.ClientTimeout(total=None, connect=quiet, sock_read=quiet)

    async def to(self, path: Path) -> None:
        """Write the file to *path*; raises `DownloadError`."""
        # No environment proxy, no cookies: nothing but the token says who asks.
        async with aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            for attempt in range(self._retries + 1):
                try:
                    await self._attempt(session, path)
                except (_PassingError, aiohttp.ClientError, TimeoutError) as error:
                    if attempt == self._retries:
                        if isinstance(error, _SignInError):
                            raise DownloadError(str(error)) from error
                        raise DownloadError(
                            f"Slack did not hand the file over in {attempt + 1} attempts "
                            f"(the last time: {_why(error)}). Drop it again in a few minutes."
                        ) from error
                    wait = self._pause * 2**attempt
                    if isinstance(error, _PassingError) and error.seconds is not None:
                        wait = error.seconds
                    await self._wait(min(wait, self.LONGEST_WAIT))
                else:
                    return

    async def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._progress(0.0)
            await asyncio.sleep(min(left, SECONDS_BETWEEN_PROGRESS))

    async def _attempt(self, session: aiohttp.ClientSession, path: Path) -> None:
        url = URL(self._job.url)
        secure = url.scheme == "https"
        for _ in range(self.REDIRECTS + 1):
            if url.scheme not in {"http", "https"} or not url.host:
                raise DownloadError("Slack gave an address for the file that is none.")
            headers = {"Accept-Encoding": "identity"}
            if self._is_trusted(url) and (url.scheme == "https" or not secure):
                headers["Authorization"] = f"Bearer {self._job.token}"
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                if answer.status in {301, 302, 303, 307, 308} and "Location" in answer.headers:
                    url = url.join(URL(answer.headers["Location"]))
                    continue
                self._check(answer)
                await self._save(answer, path)
                return
        raise DownloadError("Slack sent the download round in circles.")

    def _is_trusted(self, url: URL) -> bool:
        host = url.host or ""
        authority = f"{host}:{url.port}"
        return any(
            authority == trusted or (url.is_default_port() and (host == trusted or host.endswith(f".{trusted}")))
            for trusted in self._job.token_hosts
        )

    def _check(self, answer: aiohttp.ClientResponse) -> None:
        if answer.status in {404, 410}:
            raise DownloadError("The file was deleted before it was read.", refused=True)
        if answer.status == 429 or answer.status >= 500:
            raise _PassingError(f"it answered {answer.status}", _seconds(answer.headers.get("Retry-After")))
        if answer.status != 200:
            raise DownloadError(
                f"Slack refused to hand the file over (it answered {answer.status}): "
                "the app lacks files:read or was removed."
            )
        if answer.content_type in {"text/html", "application/xhtml+xml"}:
            raise _SignInError(_SIGN_IN)
        if answer.content_length is not None and answer.content_length > self._job.max_bytes:
            raise self._too_large()

    async def _save(self, answer: aiohttp.ClientResponse, path: Path) -> None:
        expected = answer.content_length
        size = 0
        first = b""
        with path.open("wb") as file:
            async for chunk in answer.content.iter_chunked(_CHUNK):
                size += len(chunk)
                if size > self._job.max_bytes:
                    raise self._too_large()
                file.write(chunk)
                if len(first) < _CHUNK:
                    first += chunk
                self._progress(size / expected if expected else 0.5)
        if _is_html(first):
            raise _SignInError(_SIGN_IN)
        if expected is not None and size != expected:
            raise _PassingError("it was cut off")

    def _too_large(self) -> DownloadError:
        most = self._job.max_bytes / 1_000_000
        return DownloadError(
            f"The file is larger than the {most:,.4g} MB that are read at a time. Split it and drop the parts.",
            refused=True,
        )


_SIGN_IN = "Slack gave a sign-in page instead of the file: the app lacks files:read or was removed."


def _is_full(error: Exception) -> bool:
    """Is it the disk that is full? The store's own database is not meant: that one is away, and may come back."""
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in _FULL


def _is_html(body: bytes) -> bool:
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None  # a date, which RFC 9110 allows and Slack does not send


def _why(error: BaseException) -> str:
    if isinstance(error, _PassingError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "nothing came for too long"
    return "it was cut off" if isinstance(error, aiohttp.ClientPayloadError) else "the connection failed"


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
            upload = store.uploads.get(job.account, job.upload)
            if (upload.fence, upload.owner) != (job.fence, job.owner):
                return {"lost": True, "detail": "it has another owner"}
            return self._done(store, job, upload)
        except (LeaseLost, StoreUnavailable) as error:
            # Away is not wrong: the lease runs out, and whoever claims it next goes on where this one stopped.
            return {"lost": True, "detail": str(error)}
        except Exception as error:  # noqa: BLE001  the parent waits for a last word, whatever happened
            # What the store could not be told is found out again by the next claim.
            return {"lost": True, "detail": "".join(traceback.format_exception(error))}

    def _done(self, store: Store, job: Job, upload: Upload) -> dict[str, Any]:
        detail = ""
        found: dict[str, Any] = {}
        try:
            if job.verb == "scrub":
                upload, found = self._scrub(store, job, upload)
            else:
                work = {"stage": self._stage, "apply": self._apply, "undo": self._undo}[job.verb]
                upload = work(store, job, upload)
        except (LeaseLost, StoreUnavailable):
            raise
        except WrongState:
            upload = store.uploads.get(job.account, job.upload)  # a person changed its course: not an error
        except DownloadError as error:
            end = store.uploads.refuse if error.refused and job.verb != "apply" else store.uploads.fail
            upload = end(upload, str(error))
            detail = repr(error.__cause__ or error)
        except StoreError as error:
            upload = store.uploads.fail(upload, str(error))
        except Exception as error:  # noqa: BLE001  what nobody foresaw is told too
            upload = store.uploads.fail(upload, _DISK_FULL if _is_full(error) else "Something went wrong on our side.")
            detail = "".join(traceback.format_exception(error))
        finally:
            job.download.unlink(missing_ok=True)
        if upload.state not in {"waiting", "applying"}:
            job.scratch.unlink(missing_ok=True)
        if upload.state == "refused":
            return {"refused": upload.problem}
        if upload.state == "failed":
            return {"failed": upload.problem, "detail": detail}
        return {"done": upload.state, **found}

    def _stage(self, store: Store, job: Job, upload: Upload) -> Upload:
        self._fetch(store, job, upload)

        def progress(rows: int, fraction: float) -> None:
            self._progress("stage", rows, _DOWNLOADED + (1 - _DOWNLOADED) * fraction)

        return stage_upload(store, upload, job.download, job.scratch, progress, job.lease_seconds)

    def _apply(self, store: Store, job: Job, upload: Upload) -> Upload:
        def progress(rows: int, fraction: float) -> None:
            self._progress("apply", rows, fraction)

        def staging(_rows: int, _fraction: float) -> None:
            progress(upload.applied, upload.applied / max(1, upload.phones))

        scratch = Scratch.open(job.scratch)
        if scratch is not None and not scratch.holds(upload):
            scratch.close()
            scratch = None
        if scratch is None:
            self._fetch(store, job, upload)
            scratch = restage(store, upload, job.download, job.scratch, staging, job.lease_seconds)
        try:
            return apply_upload(store, upload, scratch, progress, job.lease_seconds, job.batch)
        finally:
            scratch.close()

    def _undo(self, store: Store, job: Job, upload: Upload) -> Upload:
        def progress(rows: int, fraction: float) -> None:
            self._progress("undo", rows, fraction)

        return undo_upload(store, upload, progress, job.lease_seconds, job.batch)

    def _scrub(self, store: Store, job: Job, upload: Upload) -> tuple[Upload, dict[str, Any]]:
        self._fetch(store, job, upload)
        for left in job.scratch_dir.glob(f"{job.scratch.stem}.*.scrubbed*"):
            left.unlink(missing_ok=True)

        def progress(rows: int, fraction: float) -> None:
            self._progress("scrub", rows, _DOWNLOADED + (1 - _DOWNLOADED) * fraction)

        found = scrub_upload(
            store,
            upload,
            job.download,
            job.scrubbed,
            keep_unreadable=job.keep_unreadable,
            progress=progress,
            lease_seconds=job.lease_seconds,
        )
        if isinstance(found, Upload):
            return found, {}
        return upload, {"scrubbed": asdict(found), "file": str(job.scrubbed)}

    def _export(self, said: dict[str, Any]) -> dict[str, Any]:
        """The list of *account* written to *path*; see `Exports.write`."""
        wanted = Wanted(
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

    def _fetch(self, store: Store, job: Job, upload: Upload) -> None:
        if not job.url:
            raise StoreUnavailable("Slack does not say where the file is.")
        job.scratch_dir.mkdir(parents=True, exist_ok=True)
        for left in job.scratch_dir.glob(f"{job.scratch.stem}.*.list"):
            left.unlink(missing_ok=True)
        with Held(store, upload, lease_seconds=job.lease_seconds) as held:

            def progress(fraction: float) -> None:
                held.check()
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
