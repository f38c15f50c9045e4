"""
Uploads at work: claim one, do its next step in a child process, and say in Slack how it stands.

The upload's row is the truth and its message in Slack a picture of it: whoever holds the lease draws the picture anew,
so a replica that takes over needs to know nothing of the one that died.
"""

import asyncio
import csv
import io
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.progress import Progress
from handlers.replies import Message, error_code
from handlers.scratch import scratch_path
from handlers.tasks import Tasks
from handlers.views import uploads as views
from store import LeaseLost, Store, StoreError, StoreUnavailable, UnreadableRow, Upload

log = structlog.get_logger()
# Where `handlers` is importable from, whatever directory the bot was started in.
_ROOT = Path(__file__).parent.parent
# Children that died this often on one upload did not die by accident.
MOST_DEATHS = 20
# What Slack answers while it, or our installation, is out of order: it is tried again. Any other error stays as it is.
_PASSING = {
    None,
    "account_inactive",
    "fatal_error",
    "internal_error",
    "invalid_auth",
    "not_authed",
    "ratelimited",
    "request_timeout",
    "service_unavailable",
    "token_expired",
    "token_revoked",
}
_FILE_GONE = {"file_not_found", "file_deleted", "not_visible", "access_denied"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What an upload may take. *max_bytes* of its file; *lease_seconds* until a silent worker is taken over."""

    max_bytes: int
    lease_seconds: float
    scratch_dir: Path
    children: int = 2


class ChildDiedError(Exception):
    """The child process ended without an answer: killed by the system or by hand."""


class Child:
    """One child process that does one job at a time; see handlers/worker.py for what is said between the two."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> "Child":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "handlers.worker",
            stdin=PIPE,
            stdout=PIPE,
            limit=1 << 20,
            cwd=_ROOT,
            # A terminal's Ctrl-C is for the bot, which drains; the child ends when its stdin does.
            start_new_session=True,
        )
        return cls(process)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def send(self, job: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101  asked for above
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            await self._process.stdin.drain()
        except OSError as error:
            raise ChildDiedError from error

    async def said(self) -> dict[str, Any]:
        """The next thing the child says."""
        assert self._process.stdout is not None  # noqa: S101  asked for above
        line = await self._process.stdout.readline()
        if not line:
            raise ChildDiedError
        said: dict[str, Any] = json.loads(line)
        return said

    async def stop(self) -> None:
        """End it: what it had not committed is undone by the database, and done again by the next one."""
        if self.alive:
            self._process.kill()
        await self._process.wait()


class Runner:
    """Works on every upload that has something left to do, as many at a time as there are children."""

    def __init__(
        self, store: Store, client: AsyncWebClient, tasks: Tasks, limits: Limits, *, owner: str, database_url: str
    ) -> None:
        self._store = store
        self._client = client
        self._tasks = tasks
        self._limits = limits
        self._owner = owner
        self._database_url = database_url
        self._poked = asyncio.Event()
        self._free = asyncio.Semaphore(limits.children)
        self._idle: list[Child] = []
        self._stopping = asyncio.Event()
        self._deaths: Counter[tuple[int, int]] = Counter()

    def start(self) -> None:
        """Begin. A child is started ahead of the first list, which need not wait for it then."""
        self._tasks.start(self._warm(), name="start a child")
        self._tasks.start(self._loop(), name="uploads")

    async def stop(self) -> None:
        """Take up no more, and end the children that wait for work; the working ones end with their tasks."""
        self._stopping.set()
        self._poked.set()
        while self._idle:
            await self._idle.pop().stop()

    def poke(self) -> None:
        """There is something to do: do not wait for the next look."""
        self._poked.set()

    async def _warm(self) -> None:
        self._idle.append(await Child.start())

    async def _loop(self) -> None:
        while not self._stopping.is_set():
            await self._free.acquire()
            self._poked.clear()
            upload = None
            try:
                upload = await asyncio.to_thread(
                    self._store.uploads.claim, self._owner, lease_seconds=self._limits.lease_seconds
                )
                if upload is not None and self._stopping.is_set():
                    # Claimed while the desk began to stop: another replica, or the next start, need not wait for it.
                    await asyncio.to_thread(self._store.uploads.release, upload, settled=None)
                    return
            except StoreError:
                log.warning("uploads wait while the store is away")
            if upload is not None:
                self._tasks.start(self._work_and_free(upload), name="upload")
                continue
            self._free.release()
            try:
                async with asyncio.timeout(max(0.2, self._limits.lease_seconds / 4)):
                    await self._poked.wait()
            except TimeoutError:
                pass  # time for another look: a replica may have died

    async def _work_and_free(self, upload: Upload) -> None:
        try:
            async with self._lease_kept(upload):
                await self._work(upload)
        except LeaseLost as error:
            log.warning("an upload is left to the next claim", upload=upload.id, why=str(error))
        except ChildDiedError:
            self._deaths[upload.account_id, upload.id] += 1
            log.warning("the child process died; its upload is taken up again", upload=upload.id, fence=upload.fence)
        except (StoreUnavailable, SlackClientError, aiohttp.ClientError, OSError) as error:
            # The lease runs out and somebody tries again: the work is kept, only its message is late.
            log.warning("an upload waits", upload=upload.id, why=type(error).__name__, exc_info=error)
        finally:
            self._free.release()
            self._poked.set()

    async def _work(self, upload: Upload) -> None:
        store = self._store.uploads
        progress = Progress(
            self._client,
            upload.channel_id,
            upload.thread_ts,
            upload.message_ts,
            lambda ts: asyncio.to_thread(store.set_message, upload, ts),
        )
        if upload.state in ("received", "applying"):
            if self._deaths[upload.account_id, upload.id] > MOST_DEATHS:
                problem = "The program that reads it was stopped again and again; the log says more."
                await asyncio.to_thread(store.fail, upload, problem)
            else:
                await self._step(upload, progress)
        upload = await asyncio.to_thread(store.get, upload.account_id, upload.id)
        if upload.state not in ("received", "waiting", "applying"):
            del self._deaths[upload.account_id, upload.id]
            # A cancelled list was staged already, and its phones are nobody's business any more.
            scratch_path(self._limits.scratch_dir, upload.account_id, upload.id).unlink(missing_ok=True)
        await self._show(upload, progress)
        await asyncio.to_thread(store.release, upload, settled=upload.state)

    @asynccontextmanager
    async def _lease_kept(self, upload: Upload) -> AsyncIterator[None]:
        """Slack can take longer to answer than the lease lasts."""
        renewing = asyncio.create_task(self._renew(upload), name="renew a lease")
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait({renewing})

    async def _renew(self, upload: Upload) -> None:
        while True:
            await asyncio.sleep(self._limits.lease_seconds / 3)
            try:
                await asyncio.to_thread(self._store.uploads.renew, upload, lease_seconds=self._limits.lease_seconds)
            except LeaseLost:
                return  # whatever is done with the upload next says so
            except StoreError:
                log.warning("a lease is not renewed while the store is away", upload=upload.id)

    async def _show(self, upload: Upload, progress: Progress) -> None:
        """How *upload* stands, in its message; where Slack will never take that, to whoever dropped the list."""
        picture = views.of_state(upload)
        try:
            await progress.show(picture)
            if upload.state == "done" and upload.unreadable:
                await self._attach_unreadable(upload)
        except SlackApiError as error:
            why = error_code(error)
            if why in _PASSING:
                raise
            log.warning("an upload cannot be shown in its channel", upload=upload.id, why=why)
            await self._write_to_dropper(upload, views.elsewhere(upload, picture, str(why)))

    async def _write_to_dropper(self, upload: Upload, message: Message) -> None:
        try:
            await self._client.chat_postMessage(
                channel=upload.actor.id,
                text=message.text,
                blocks=list(message.blocks),
                unfurl_links=False,
                unfurl_media=False,
            )
        except SlackApiError as error:
            if error_code(error) in _PASSING:
                raise
            log.exception("answer not delivered", upload=upload.id, actor=upload.actor.id)

    async def _step(self, upload: Upload, progress: Progress) -> None:
        """Stage or apply *upload* in a child, with its progress shown."""
        verb = "stage" if upload.state == "received" else "apply"
        await self._try_show(progress, views.of_state(upload))
        job = await self._job(upload, verb)
        if job is None:
            problem = "The file was deleted from Slack before it was read. Drop it again."
            end = self._store.uploads.fail if upload.applied else self._store.uploads.refuse
            await asyncio.to_thread(end, upload, problem)
            return
        child = self._idle.pop() if self._idle else await Child.start()
        try:
            if not child.alive:
                child = await Child.start()
            await child.send(job)
            began = time.monotonic()
            while True:
                said = await child.said()
                if "progress" not in said:
                    break
                if progress.due:
                    await self._try_show(progress, self._picture(upload, said["progress"], time.monotonic() - began))
        except BaseException:
            await child.stop()
            raise
        self._idle.append(child)
        if "lost" in said:
            raise LeaseLost(str(said.get("detail")))
        if "refused" in said or "failed" in said:
            log.info("a list was not taken", upload=upload.id, said={k: v for k, v in said.items() if k != "rows"})

    @staticmethod
    def _picture(upload: Upload, said: dict[str, Any], seconds: float) -> Message:
        if upload.state == "received":
            return views.reading(upload, said["rows"], said["fraction"], seconds)
        return views.applying(upload, said["rows"], seconds)

    async def _try_show(self, progress: Progress, message: Message) -> None:
        """Progress is a courtesy: the work goes on when Slack does not take it."""
        try:
            await progress.show(message)
        except (SlackClientError, aiohttp.ClientError, OSError) as error:
            log.warning("progress could not be shown", why=str(error))

    async def _job(self, upload: Upload, verb: str) -> dict[str, Any] | None:
        """What the child needs to know, or None when the file is gone."""
        try:
            answer = await self._client.files_info(file=upload.file_id)
        except SlackApiError as error:
            if error_code(error) in _FILE_GONE:
                return None
            raise
        file = answer["file"]
        if file.get("mode") in ("tombstone", "hidden_by_limit"):
            return None
        url = file.get("url_private_download") or file["url_private"]
        return {
            "verb": verb,
            "database_url": self._database_url,
            "account": upload.account_id,
            "upload": upload.id,
            "fence": upload.fence,
            "owner": self._owner,
            "lease_seconds": self._limits.lease_seconds,
            "scratch_dir": str(self._limits.scratch_dir),
            "max_bytes": self._limits.max_bytes,
            "file_id": upload.file_id,
            "url": url,
            "token": self._client.token,
            # The bearer token goes to Slack's own hosts and nowhere else.
            "token_hosts": sorted({"slack.com", "files.slack.com", urlsplit(self._client.base_url).netloc}),
        }

    async def _attach_unreadable(self, upload: Upload) -> None:
        content = await asyncio.to_thread(
            unreadable_csv, upload.columns, self._store.uploads.list_unreadable(upload.account_id, upload.id)
        )
        await self._client.files_upload_v2(
            channel=upload.channel_id,
            thread_ts=upload.thread_ts,
            filename=f"{Path(upload.file_name).stem.removesuffix('.unreadable')}.unreadable.csv",
            content=content,
            title=f"Rows of {upload.file_name} that were not understood",
        )


def unreadable_csv(columns: tuple[str, ...], rows: Any) -> str:
    """
    Unreadable rows as a CSV that can be fixed and dropped again: the list's own columns, then line and reason.

    A cell that a spreadsheet would run as a formula gets an apostrophe in front, which reading takes off again
    (https://owasp.org/www-community/attacks/CSV_Injection).
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([_safe(column) for column in columns] + ["line", "reason"])
    row: UnreadableRow
    for row in rows:
        cells = [_safe(cell) for cell in row.cells[: len(columns)]]
        writer.writerow([*cells, *[""] * (len(columns) - len(cells)), row.line, row.reason])
    return text.getvalue()


def _safe(cell: str) -> str:
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
