"""
Uploads at work: claim one, do its next step in a child process, and say in Slack how it stands.

The upload's row is the truth and its message in Slack a picture of it: whoever holds the lease draws the picture anew,
so a replica that takes over needs to know nothing of the one that died.
"""

import asyncio
import csv
import json
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.attaching import attach
from handlers.posting import Poster
from handlers.progress import Progress
from handlers.replies import Keyed, Message, error_code, passing
from handlers.scratch import scratch_path
from handlers.tasks import Tasks
from handlers.views import scrubs as scrub_views
from handlers.views import uploads as views
from store import (
    Function,
    LeaseLost,
    Origin,
    Plain,
    Store,
    StoreError,
    StoreUnavailable,
    Terms,
    UnreadableRow,
    Upload,
    WrongState,
    doubts,
    guarded,
)

log = structlog.get_logger()
# Where `handlers` is importable from, whatever directory the bot was started in.
_ROOT = Path(__file__).parent.parent
# One child takes whatever came first; the others only files up to so many bytes, which never wait behind large ones.
SMALL_BYTES = 5_000_000
# How long after its start the desk starts a child ahead of the first list.
WARM_SECONDS = 1.0
# Children that died this often in one state of an upload did not die by accident. A list that kills its reader does so
# every time, and nothing is stored yet; one that is being stored only takes time to get to its end.
MOST_DEATHS = {"received": 3, "applying": 20, "undoing": 20}
# What is done about an upload in these states; one that is scrubbed is never staged.
_VERBS = {"received": "stage", "applying": "apply", "undoing": "undo"}
# A scrubbed list of these kinds comes back as CSV.
_NO_TEXT = {".xlsx", ".xls", ".zip"}
_FILE_GONE = {"file_not_found", "file_deleted", "not_visible", "access_denied"}


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What an upload may take. *max_bytes* of its file; *lease_seconds* until a silent worker is taken over.

    *terms*: how long its preview waits, and how long it can be undone.
    """

    max_bytes: int
    lease_seconds: float
    scratch_dir: Path
    terms: Terms
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
        *,
        owner: str,
        database_url: str,
    ) -> None:
        self._store = store
        self._client = client
        self._poster = poster
        self._tasks = tasks
        self._limits = limits
        self._owner = owner
        self._database_url = database_url
        self._poked = [asyncio.Event() for _ in range(limits.children)]
        self._idle: list[Child] = []
        self._stopping = asyncio.Event()
        self._deaths: Counter[tuple[int, int, str]] = Counter()

    def start(self) -> None:
        """Begin. A child is started ahead of the first list, which need not wait for it then."""
        self._tasks.start(self._warm(), name="start a child")
        for lane in range(self._limits.children):
            self._tasks.start(self._loop(lane), name="uploads")

    async def stop(self) -> None:
        """Take up no more, and end the children that wait for work; the working ones end with their tasks."""
        self._stopping.set()
        self.poke()
        while self._idle:
            await self._idle.pop().stop()

    def poke(self) -> None:
        """There is something to do: do not wait for the next look."""
        for lane in self._poked:
            lane.set()

    async def _warm(self) -> None:
        # Its start takes a processor for half a second: the connection to Slack comes first.
        with suppress(TimeoutError):
            async with asyncio.timeout(WARM_SECONDS):
                await self._stopping.wait()
                return
        if not self._idle:
            self._idle.append(await Child.start())

    async def _loop(self, lane: int) -> None:
        poked = self._poked[lane]
        while not self._stopping.is_set():
            poked.clear()
            upload = None
            try:
                upload = await asyncio.to_thread(
                    self._store.uploads.claim,
                    self._owner,
                    lease_seconds=self._limits.lease_seconds,
                    largest=SMALL_BYTES if lane else None,
                    terms=self._limits.terms,
                )
                if upload is not None and self._stopping.is_set():
                    # Claimed while the desk began to stop: another replica, or the next start, need not wait for it.
                    await asyncio.to_thread(self._store.uploads.release, upload, settled=None)
                    return
            except StoreError:
                log.warning("uploads wait while the store is away")
            if upload is not None:
                # Whatever becomes of it is logged where it is held; the lane goes on.
                await asyncio.wait({self._tasks.start(self._work_on(upload), name="upload")})
                continue
            try:
                async with asyncio.timeout(max(0.2, self._limits.lease_seconds / 4)):
                    await poked.wait()
            except TimeoutError:
                pass  # time for another look: a replica may have died

    async def _work_on(self, upload: Upload) -> None:
        try:
            async with self._lease_kept(upload):
                await self._work(upload)
        except WrongState:
            # Somebody decided in between; how it stands now is for the next claim.
            await asyncio.to_thread(self._store.uploads.release, upload, settled=None)
        except LeaseLost as error:
            log.warning("an upload is left to the next claim", upload=upload.id, why=str(error))
        except ChildDiedError:
            self._deaths[upload.account_id, upload.id, upload.state] += 1
            log.warning("the child process died; its upload is taken up again", upload=upload.id, fence=upload.fence)
        except (StoreUnavailable, SlackClientError, aiohttp.ClientError, OSError) as error:
            # The lease runs out and somebody tries again: the work is kept, only its message is late.
            log.warning("an upload waits", upload=upload.id, why=type(error).__name__, exc_info=error)

    async def _work(self, upload: Upload) -> None:
        store = self._store.uploads
        progress = Progress(
            self._client,
            self._poster,
            _keyed(upload, "message"),
            upload.channel_id,
            upload.thread_ts,
            upload.message_ts,
            lambda ts: asyncio.to_thread(store.set_message, upload, ts),
            lambda: asyncio.to_thread(self._renew, upload),
        )
        if upload.state in _VERBS:
            key = (upload.account_id, upload.id, upload.state)
            if self._deaths[key] >= MOST_DEATHS[upload.state]:
                await asyncio.to_thread(store.fail, upload, _died(upload, self._deaths.pop(key)))
            else:
                await self._step(upload, progress)
                await self._apply_unasked(upload)
        elif upload.state == "waiting" and await self._waited(upload):
            return
        upload = await asyncio.to_thread(self._renew, upload)
        if upload.state not in ("waiting", *_VERBS):
            # A cancelled list was staged already, and its phones are nobody's business any more.
            scratch_path(self._limits.scratch_dir, upload.account_id, upload.id).unlink(missing_ok=True)
        await self._show(upload, progress)
        await asyncio.to_thread(store.release, upload, settled=upload.state)

    async def _apply_unasked(self, upload: Upload) -> None:
        """A list that was just read is applied at once, on the dropper's word, where the account wants no question."""
        if upload.state != "received":
            return
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        read = await asyncio.to_thread(self._store.uploads.get, upload.account_id, upload.id)
        ask = account.settings.ask
        if ask == "always" or read.state != "waiting" or not read.phones:
            return
        if ask == "doubts":
            before = await asyncio.to_thread(self._store.uploads.applied_before, read)
            if doubts(read, Plain(), before=before):
                return
        by = Origin(
            Function.UPLOAD,
            read.actor,
            read.channel_id,
            read.channel_name,
            reason="applied unasked, as the settings say",
        )
        await asyncio.to_thread(self._store.uploads.confirm, read.account_id, read.id, by, seen=read.seen)
        self.poke()

    async def _waited(self, upload: Upload) -> bool:
        """A preview that nobody answers expires, or is reminded of once; True when that was all there is to do."""
        store, terms, at = self._store.uploads, self._limits.terms, datetime.now(UTC)
        since = upload.waiting_since or at
        if since + terms.expire <= at:
            await asyncio.to_thread(store.expire, upload)
            return False
        if upload.pending or upload.reminded_at is not None or since + terms.remind > at:
            return False  # it is here to be shown
        # Kept first: whoever dies in between has reminded nobody, which is better than everybody twice.
        await asyncio.to_thread(store.set_reminded, upload, reminded=True)
        try:
            await self._remind(upload)
        except BaseException:
            with suppress(StoreError):
                await asyncio.to_thread(store.set_reminded, upload, reminded=False)
            raise
        await asyncio.to_thread(store.release, upload, settled=upload.state)
        return True

    async def _remind(self, upload: Upload) -> None:
        message = views.reminder(upload, self._limits.terms)
        try:
            await self._poster.post(
                upload.channel_id, message, upload.thread_ts or upload.message_ts, _keyed(upload, "reminder")
            )
        except SlackApiError as error:
            if passing(error):
                raise
            await self._write_to_dropper(upload, views.elsewhere(upload, message, str(error_code(error))))

    def _renew(self, upload: Upload) -> Upload:
        """Hold *upload* on, and see how it stands; `LeaseLost` when it was taken over."""
        return self._store.uploads.renew(upload, lease_seconds=self._limits.lease_seconds)

    def _lease_kept(self, upload: Upload) -> AbstractAsyncContextManager[None]:
        return self._tasks.keeping(lambda: self._renew(upload), self._limits.lease_seconds, name="hold an upload")

    async def _show(self, upload: Upload, progress: Progress) -> None:
        """How *upload* stands, in its message; where Slack will never take that, to whoever dropped the list."""
        picture = await self._picture(upload)
        try:
            await progress.show(picture)
            if upload.state == "done" and upload.unreadable:
                await self._attach_unreadable(upload)
        except SlackApiError as error:
            if passing(error):
                raise
            why = error_code(error)
            log.warning("an upload cannot be shown in its channel", upload=upload.id, why=why)
            await self._write_to_dropper(upload, views.elsewhere(upload, picture, str(why)))

    async def _write_to_dropper(self, upload: Upload, message: Message) -> None:
        try:
            await self._poster.post(upload.actor.id, message, None, _keyed(upload, f"{upload.state} directly"))
        except SlackApiError as error:
            if passing(error):
                raise
            log.exception("answer not delivered", upload=upload.id, actor=upload.actor.id)

    async def _step(self, upload: Upload, progress: Progress) -> None:
        """Stage, apply or undo *upload* in a child, with its progress shown."""
        verb = "scrub" if upload.is_scrub else _VERBS[upload.state]
        await self._try_show(progress, await self._picture(upload))
        job = await self._job(upload, verb)
        if job is None:
            problem = "The file was deleted from Slack before it was read. Drop it again."
            end = self._store.uploads.refuse if upload.state == "received" else self._store.uploads.fail
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
                    await self._try_show(progress, self._moving(upload, said["progress"], time.monotonic() - began))
        except BaseException:
            await child.stop()
            raise
        if self._idle:
            await child.stop()  # one is kept for the next list; two would only take memory
        else:
            self._idle.append(child)
        del self._deaths[upload.account_id, upload.id, upload.state]
        if "lost" in said:
            raise LeaseLost(str(said.get("detail")))
        if "refused" in said or "failed" in said:
            log.info("a list was not taken", upload=upload.id, said={k: v for k, v in said.items() if k != "rows"})
        if "scrubbed" in said:
            await self._give_back(upload, Path(said["file"]), said["scrubbed"])

    async def _picture(self, upload: Upload) -> Message:
        entry = None
        if upload.state == "waiting":
            entry = await asyncio.to_thread(self._store.uploads.applied_before, upload)
        elif upload.state == "undone":
            entry = await asyncio.to_thread(self._store.uploads.undone_by, upload)
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        return views.of_state(upload, self._limits.terms.within(account.settings), entry)

    @staticmethod
    def _moving(upload: Upload, said: dict[str, Any], seconds: float) -> Message:
        match upload.state:
            case "received" if upload.is_scrub:
                return scrub_views.comparing(upload, said["fraction"])
            case "received":
                return views.reading(upload, said["rows"], said["fraction"], seconds)
            case "undoing":
                return views.undoing(upload, said["rows"], seconds)
            case _:
                return views.applying(upload, said["rows"], seconds)

    async def _try_show(self, progress: Progress, message: Message) -> None:
        """Progress is a courtesy: the work goes on when Slack does not take it."""
        try:
            await progress.show(message)
        except (StoreUnavailable, SlackClientError, aiohttp.ClientError, OSError) as error:
            log.warning("progress could not be shown", why=str(error))

    async def _job(self, upload: Upload, verb: str) -> dict[str, Any] | None:
        """What the child needs to know, or None when the file is gone."""
        account = await asyncio.to_thread(self._store.accounts.get, upload.account_id)
        settings = account.settings
        url = ""
        if verb != "undo":
            try:
                file = (await self._client.files_info(file=upload.file_id))["file"]
            except SlackApiError as error:
                if error_code(error) in _FILE_GONE:
                    return None
                if verb != "apply" or not passing(error):
                    raise
            except (SlackClientError, aiohttp.ClientError, OSError):
                if verb != "apply":
                    raise
                # What was read before can be applied while Slack is away.
            else:
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
            "max_bytes": min(self._limits.max_bytes, settings.max_list_bytes or self._limits.max_bytes),
            "keep_unreadable": upload.purpose.endswith("keep unreadable"),
            "file_id": upload.file_id,
            "url": url,
            "token": self._client.token,
            # The bearer token goes to Slack's own hosts and nowhere else.
            "token_hosts": sorted({"slack.com", "files.slack.com", urlsplit(self._client.base_url).netloc}),
        }

    async def _attach_unreadable(self, upload: Upload) -> None:
        """The unreadable rows as a file in the thread."""
        path = scratch_path(self._limits.scratch_dir, upload.account_id, upload.id).with_suffix(".csv")
        rows = self._store.uploads.list_unreadable(upload.account_id, upload.id)
        try:
            await asyncio.to_thread(write_unreadable, path, upload.columns, rows)
            name = f"{Path(upload.file_name).stem.removesuffix('.unreadable')}.unreadable.csv"
            await self._attach(upload, path, name, f"Rows of {upload.file_name} that were not understood")
        finally:
            path.unlink(missing_ok=True)

    async def _give_back(self, upload: Upload, path: Path, found: dict[str, Any]) -> None:
        """The scrubbed list at *path* into the thread; then, and not before, its upload is done."""
        try:
            name = f"{Path(upload.file_name).stem}.scrubbed{Path(upload.file_name).suffix or '.csv'}"
            if Path(upload.file_name).suffix.lower() in _NO_TEXT:
                name = f"{Path(upload.file_name).stem}.scrubbed.csv"
            await self._attach(upload, path, name, f"{upload.file_name} without who is opted out")
        except SlackApiError as error:
            if passing(error):
                raise
            problem = f"Slack does not take the scrubbed list in this thread ({error_code(error)})."
            await asyncio.to_thread(self._store.uploads.fail, upload, problem)
        else:
            await asyncio.to_thread(self._store.uploads.scrubbed, upload, found)
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    async def _attach(self, upload: Upload, path: Path, name: str, title: str) -> None:
        await attach(
            self._client,
            path,
            name=name,
            title=title,
            channel=upload.channel_id,
            thread_ts=upload.thread_ts or upload.message_ts,
            attached=upload.attached_file,
            keep=lambda file: asyncio.to_thread(self._store.uploads.set_attached, upload, file),
        )


def _keyed(upload: Upload, what: str) -> Keyed:
    """Under which key a message about *upload* is posted once, by whoever has it."""
    return Keyed(upload.account_id, f"upload {upload.id} {what}", again=upload.fence > 1)


def _died(upload: Upload, times: int) -> str:
    """In words, that the child ended *times* times without an answer, and what can be done."""
    if upload.state == "received":
        return (
            f"The program that reads lists was stopped {times} times while it read this one. Save it as a plain CSV file "
            "and drop that; if it happens again, whoever runs the desk finds why in its log."
        )
    return (
        f"The program that works on lists was stopped {times} times in the middle of this one. "
        "Whoever runs the desk finds why in its log."
    )


def write_unreadable(
    path: Path, columns: tuple[str, ...], rows: Iterable[UnreadableRow], *, encoding: str = "utf-8"
) -> None:
    """
    Write unreadable rows to *path* as a CSV that can be fixed and dropped again: the list's columns, then line and reason.

    Cells are `guarded` against spreadsheets. Raises OSError.
    """
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow([guarded(column) for column in columns] + ["line", "reason"])
        for row in rows:
            cells = [guarded(cell) for cell in row.cells[: len(columns)]]
            writer.writerow([*cells, *[""] * (len(columns) - len(cells)), row.line, row.reason])
