"""The child process: what it says, how it downloads, and that counts are exact however it dies."""

import asyncio
import gzip
import resource
import secrets
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web

from handlers.work.download import Download, DownloadError, is_public
from handlers.work.job import (
    ChildAnswer,
    Done,
    Failed,
    Job,
    ListJob,
    Lost,
    Refused,
    SlackFile,
    Step,
    Working,
    line_of,
    read_answer,
)
from store import (
    Account,
    Actor,
    Lease,
    Origin,
    Purpose,
    Scratch,
    Store,
    StoreUnavailable,
    Upload,
    UploadState,
    UploadWork,
)
from tests.patience import PATIENCE

# Each starts a process of its own.
pytestmark = pytest.mark.wide_but_first
TOKEN = "xoxb-made-up"
LIST = b"name,phone\nAnn,(212) 736-5001\nBob,12345\nCat,+44 7911 123456\n"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Files:
    """A server of private files: *answer* may be changed; *requests* are those that came."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/stops.csv"
        self.requests: list[web.Request] = []
        self.answer: Handler = content(LIST)


def content(body: bytes, **arguments: Any) -> Handler:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, **arguments)

    return answer


def in_turn(*answers: Handler) -> Handler:
    """The first answer to the first request, and so on; the last to all others."""
    left = list(answers)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return answer


async def cut_off(request: web.Request) -> web.StreamResponse:
    """A body that ends before its Content-Length."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"phone\n")
    assert request.transport is not None
    request.transport.close()
    return response


def redirect(to: str) -> Handler:
    return content(b"", status=302, headers={"Location": to})


@asynccontextmanager
async def served() -> AsyncIterator[Files]:
    async def answer(request: web.Request) -> web.StreamResponse:
        server.requests.append(request)
        return await server.answer(request)

    app = web.Application()
    app.router.add_get("/{name:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = Files(runner.addresses[0][1])
    yield server
    await runner.cleanup()


@pytest.fixture
async def files() -> AsyncIterator[Files]:
    async with served() as server:
        yield server


def file_of(files: Files, **changes: Any) -> SlackFile:
    origin = f"http://127.0.0.1:{files.port}"
    return replace(SlackFile(url=files.url, token=TOKEN, api_origin=origin, max_bytes=100_000_000), **changes)


async def downloaded(
    file: SlackFile, path: Path, *, progress: Callable[[float], object] = lambda _fraction: None
) -> bytes:
    await Download(file, progress, pause=0, quiet=5).to(path)
    return await asyncio.to_thread(path.read_bytes)


# Downloading


async def test_a_file_is_downloaded_with_the_token(files: Files, tmp_path: Path) -> None:
    """The bytes arrive as they are, asked for with the bearer token; progress ends at the whole."""
    seen: list[float] = []
    assert await downloaded(file_of(files), tmp_path / "list", progress=seen.append) == LIST
    assert files.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert seen[-1] == 1.0


async def test_a_redirect_among_slacks_own_keeps_the_token(files: Files, tmp_path: Path) -> None:
    """Slack's files need the token on every hop."""
    files.answer = in_turn(redirect("/again"), content(LIST))
    assert await downloaded(file_of(files), tmp_path / "list") == LIST
    assert [request.headers.get("Authorization") for request in files.requests] == [f"Bearer {TOKEN}"] * 2


async def test_a_redirect_to_elsewhere_is_not_followed(files: Files, tmp_path: Path) -> None:
    """Another port of the same machine is elsewhere already: nothing is asked there, with or without the token."""
    async with served() as elsewhere:
        files.answer = redirect(elsewhere.url)
        with pytest.raises(DownloadError, match="not Slack's, and nothing is fetched from there") as failure:
            await downloaded(file_of(files), tmp_path / "list")
        assert failure.value.refused
        assert elsewhere.requests == []
    assert not (tmp_path / "list").exists()


async def test_a_redirect_to_a_workspaces_page_is_a_sign_in_page(files: Files, tmp_path: Path) -> None:
    """Slack sends who may not read a file to the workspace's own site: said so, and not followed."""
    files.answer = redirect("https://campaign.slack.com/?redir=%2Ffiles-pri")
    with pytest.raises(DownloadError, match="the app lacks files:read or was removed"):
        await downloaded(file_of(files), tmp_path / "list")


# What leads to 127.0.0.1, or to another than it seems to, in every spelling; PORT is that of a server that listens.
FOREIGN = (
    "http://127.0.0.1:PORT/keys",
    "http://localhost:PORT/keys",
    "http://2130706433:PORT/keys",
    "http://0177.0.0.1:PORT/keys",
    "http://0x7f.1:PORT/keys",
    "http://127.1:PORT/keys",
    "http://[::1]:PORT/keys",
    "http://[::ffff:127.0.0.1]:PORT/keys",
    "http://0.0.0.0:PORT/keys",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://files.slack.com/files-pri/T1-F1/stops.csv",
    "https://files.slack.com@127.0.0.1:PORT/keys",
    "https://someone:secret@files.slack.com/files-pri/T1-F1/stops.csv",
    "https://someone@files.slack.com/files-pri/T1-F1/stops.csv",
    "https://files.slack.com./files-pri/T1-F1/stops.csv",
    "https://files.slack.com:8443/files-pri/T1-F1/stops.csv",
    "https://files.slack.com.evil.example/stops.csv",
    "https://evilslack.com/stops.csv",
    "https://campaign.slack.com/stops.csv",
    "https://files.slack.com\\@127.0.0.1:PORT/keys",
    "https://127.0.0.1:PORT\\@files.slack.com/keys",
    "https://\u0455lack.com/stops.csv",
    "https://files\u3002slack.com.evil.example/stops.csv",
    "https://docs.google.com/spreadsheets/d/1/export",
    "//127.0.0.1:PORT/keys",
    "/keys",
    "keys",
    "",
    "file:///etc/hostname",
    "ftp://files.slack.com/stops.csv",
    "data:text/csv,phone",
    "https://[files.slack.com/stops.csv",
    "https://files.slack.com:99999/stops.csv",
    "http://127.0.0.1:PORT@files.slack.com/keys",
)


REDIRECTS = tuple(address for address in FOREIGN if "//" in address)  # what is left leads to where it came from


@pytest.mark.parametrize(
    ("address", "redirected"),
    [(address, False) for address in FOREIGN] + [(address, True) for address in REDIRECTS],
)
async def test_nothing_but_slacks_own_is_fetched(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, redirected: bool
) -> None:
    """Whatever a file object or a redirect says: nothing is looked up or asked elsewhere, and nothing is written."""

    async def look_up(*_: object) -> None:
        pytest.fail("a foreign name was looked up")

    async with served() as elsewhere:
        address = address.replace("PORT", str(elsewhere.port))
        files.answer = content(b"", status=302, headers={"Location": address})
        monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", look_up)
        with pytest.raises(DownloadError):
            await downloaded(file_of(files, **({} if redirected else {"url": address})), tmp_path / "list")
        assert elsewhere.requests == []
        assert {request.path for request in files.requests} == ({"/stops.csv"} if redirected else set())
    assert not (tmp_path / "list").exists()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:db8::1",
    ],
)
async def test_slacks_name_leads_to_no_private_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """Whoever answers for names here cannot make Slack's mean a machine of the network, one good address beside it or not."""
    looked_up: list[str] = []

    async def look_up(_resolver: object, host: str, port: int = 0, _family: int = 0) -> list[dict[str, Any]]:
        looked_up.append(host)
        result = {"hostname": host, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        return [{**result, "host": "3.68.175.98"}, {**result, "host": address}]

    monkeypatch.setattr("aiohttp.ThreadedResolver.resolve", look_up)
    file = SlackFile("https://files.slack.com/files-pri/T1-F1/stops.csv", TOKEN, "https://slack.com", 1_000)
    with pytest.raises(DownloadError, match=r"files\.slack\.com leads to a private address"):
        await downloaded(file, tmp_path / "list")
    assert looked_up == ["files.slack.com"]


@pytest.mark.parametrize("address", ["3.68.175.98", "2606:4700::6810:84e5", "::ffff:3.68.175.98", "64:ff9b::344:af62"])
def test_public_addresses(address: str) -> None:
    """What Slack's names lead to, also through translation to IPv6."""
    assert is_public(address)


async def test_a_download_without_end_ends(files: Files, tmp_path: Path) -> None:
    """Bytes that come one by one keep a download alive for so long and no longer."""

    async def dripping(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.01)

    files.answer = dripping
    with pytest.raises(DownloadError, match="took too long"):
        await Download(file_of(files), lambda _: None, retries=0, quiet=5, longest=0.1).to(tmp_path / "list")


async def test_what_is_packed_on_the_way_stays_packed(files: Files, tmp_path: Path) -> None:
    """A body said to be compressed is kept as it came: what it unpacks to is nobody's size."""
    packed = gzip.compress(b"0" * 1_000_000)
    files.answer = content(packed, headers={"Content-Encoding": "gzip"})
    assert await downloaded(file_of(files, max_bytes=10_000), tmp_path / "list") == packed


@pytest.mark.parametrize(
    "answer",
    [
        content(b"<p>Sign in</p>", content_type="text/html"),
        content(b"\xef\xbb\xbf\n <!DOCTYPE html><html>", content_type="text/csv"),
        content(b"<HTML lang=en>", content_type="application/octet-stream"),
    ],
    ids=["by content type", "by doctype", "by tag"],
)
async def test_a_sign_in_page_is_not_a_list(files: Files, tmp_path: Path, answer: Handler) -> None:
    """Slack answers a token without files:read with 200 and a page: that is said, and not read as a list."""
    files.answer = answer
    with pytest.raises(DownloadError, match="sign-in page instead of the file: the app lacks files:read") as failure:
        await downloaded(file_of(files), tmp_path / "list")
    assert not failure.value.refused
    assert len(files.requests) == 4, "a token can be replaced meanwhile"


@pytest.mark.parametrize("status", [404, 410])
async def test_a_deleted_file_is_said_to_be_deleted(files: Files, tmp_path: Path, status: int) -> None:
    """A file that is gone is not asked for again."""
    files.answer = content(b"", status=status)
    with pytest.raises(DownloadError, match="The file was deleted before it was read"):
        await downloaded(file_of(files), tmp_path / "list")
    assert len(files.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_is_said(files: Files, tmp_path: Path, status: int) -> None:
    """A token that is not let in is told with the status."""
    files.answer = content(b"", status=status)
    with pytest.raises(DownloadError, match=str(status)):
        await downloaded(file_of(files), tmp_path / "list")


@pytest.mark.parametrize("announced", [True, False])
async def test_a_file_beyond_the_limit_is_refused(files: Files, tmp_path: Path, announced: bool) -> None:
    """The limit holds for what really comes, whether a size was announced or not."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "9000000"} if announced else {})
        await response.prepare(request)
        for _ in range(9):
            await response.write(b"x" * 1_000_000)
        return response

    files.answer = endless
    path = tmp_path / "list"
    with pytest.raises(DownloadError, match="larger than the 2 MB") as failure:
        await downloaded(file_of(files, max_bytes=2_000_000), path)
    assert failure.value.refused
    assert not path.exists() or path.stat().st_size <= 2_000_000


@pytest.mark.parametrize(
    "bad",
    [
        cut_off,
        content(b"", status=500),
        content(b"", status=503, headers={"Retry-After": "0"}),
        content(b"", status=429, headers={"Retry-After": "0"}),
    ],
    ids=["cut off", "500", "503", "429"],
)
async def test_a_passing_fault_is_tried_again(files: Files, tmp_path: Path, bad: Handler) -> None:
    """After up to three faults the file is read from its start, whole."""
    files.answer = in_turn(bad, bad, bad, content(LIST))
    assert await downloaded(file_of(files), tmp_path / "list") == LIST


@pytest.mark.parametrize("bad", [cut_off, content(b"", status=500)], ids=["cut off", "500"])
async def test_a_lasting_fault_is_given_up(files: Files, tmp_path: Path, bad: Handler) -> None:
    """After four attempts the person is told, with what was wrong the last time."""
    files.answer = bad
    with pytest.raises(DownloadError, match=r"in 4 attempts \(the last time: it"):
        await downloaded(file_of(files), tmp_path / "list")
    assert len(files.requests) == 4


async def test_a_download_in_circles_ends(files: Files, tmp_path: Path) -> None:
    """Redirects are followed a few times, not for ever."""
    files.answer = redirect("/again")
    with pytest.raises(DownloadError, match="round in circles"):
        await downloaded(file_of(files), tmp_path / "list")
    assert len(files.requests) == Download.REDIRECTS + 1


async def test_an_address_of_another_kind_is_not_followed(files: Files, tmp_path: Path) -> None:
    """A redirect to a file of this machine is none of Slack's."""
    files.answer = redirect("file:///etc/hostname")
    with pytest.raises(DownloadError):
        await downloaded(file_of(files), tmp_path / "list")


# The process


class Child:
    """A child process, spoken to as its parent does."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.heard: list[ChildAnswer] = []

    async def send(self, job: Job | str) -> None:
        line = job if isinstance(job, str) else line_of(job)
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()

    async def said(self) -> ChildAnswer:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        said = read_answer(line)
        self.heard.append(said)
        return said

    async def last_word(self) -> ChildAnswer:
        while isinstance(said := await self.said(), Working):
            pass
        return said

    async def do(self, job: Job) -> ChildAnswer:
        await self.send(job)
        return await self.last_word()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        # Also closes the pipes, which would otherwise be noticed when they are collected.
        await self.process.communicate()


@pytest.fixture
async def start() -> AsyncIterator[Callable[[], Awaitable[Child]]]:
    """Starts children, and ends those that a test leaves."""
    children: list[Child] = []

    async def start() -> Child:
        child = Child(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "handlers.work.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=Path(__file__).parents[3],
            )
        )
        children.append(child)
        return child

    yield start
    for child in children:
        await child.end()


Start = Callable[[], Awaitable[Child]]


class Desk:
    """One account's uploads, and the jobs that its children get."""

    def __init__(self, store: Store, account: Account, url: str, files: Files, tmp_path: Path, by: Origin) -> None:
        self.store, self.account, self.url, self.files, self.tmp_path, self.by = (
            store,
            account,
            url,
            files,
            tmp_path,
            by,
        )

    def receive(self, purpose: Purpose = Purpose.OPT_OUT) -> UploadWork:
        self.store.uploads.receive(
            self.account.id,
            file_id="F1",
            file_name="stops.csv",
            channel_id="C1",
            channel_name="optout-uploads",
            thread_ts="1.000001",
            permalink=None,
            actor=Actor("U0DROPPER", "dropper"),
            country="US",
            purpose=purpose,
        )
        return self.claim()

    def claim(self) -> UploadWork:
        """Take the upload, as a parent does before it starts a child; waits for a dead child's locks to go."""
        while True:
            found = self.store.uploads.claim("me", lease_seconds=60, upload=(self.account.id, 1))
            if found is not None:
                return found

    def take_over(self, work: UploadWork) -> UploadWork:
        """The lease of *work* runs out, and its upload is claimed again."""
        work.renew(lease_seconds=-1)
        return self.claim()

    def job(
        self,
        step: Step,
        work: UploadWork,
        *,
        scratch_dir: Path | None = None,
        fetched: bool = True,
        max_bytes: int = 100_000_000,
        **changes: Any,
    ) -> ListJob:
        """A job as a parent makes it. *scratch_dir*: of another machine. Not *fetched*: Slack does not say where the file is."""
        directory = scratch_dir or self.scratch
        job = ListJob(
            step=step,
            database_url=self.url,
            account=self.account.id,
            upload=work.upload.id,
            lease=work.lease,
            lease_seconds=60,
            stall_seconds=60,
            file=file_of(self.files, max_bytes=max_bytes) if fetched else None,
            scratch=directory / self.path().name,
            label=f"{self.account.id}",
            folder=directory / secrets.token_hex(8),
        )
        return replace(job, **changes)

    @property
    def scratch(self) -> Path:
        return self.tmp_path / "scratch"

    def path(self) -> Path:
        """Where what was read of the list is kept."""
        return self.scratch / f"{self.account.id}.scratch"

    async def confirmed(self, child: Child) -> UploadWork:
        """An upload that was staged by *child*, confirmed and claimed."""
        work = self.receive()
        assert await child.do(self.job(Step.STAGE, work)) == Done(UploadState.WAITING)
        self.store.uploads.confirm(self.account.id, work.upload.id, self.by)
        return self.take_over(work)

    def get(self) -> Upload:
        return self.store.uploads.get(self.account.id, 1)

    def kept(self) -> list[sa.Row[Any]]:
        """All that an upload leaves in the tables, but for whose it is and when."""
        with self.store.database.read() as connection:
            values = {"account": self.account.id}
            queries = (
                "SELECT phone, entry_id, line, lifted_by FROM opt_outs WHERE account_id = :account ORDER BY phone, entry_id",
                "SELECT line, cell, reason FROM unreadable_rows WHERE account_id = :account ORDER BY line",
                """SELECT state, rows, phones, already, unreadable, last_phone, last_unreadable, newly_opted_out,
                already_opted_out, undo_entry_id, undo_phone, opted_in, kept_out, reopened FROM uploads WHERE account_id = :account""",
                "SELECT contact, state FROM conversations WHERE account_id = :account ORDER BY contact",
                "SELECT opted_out FROM accounts WHERE id = :account",
            )
            return [row for query in queries for row in connection.execute(sa.text(query), values)]


@pytest.fixture
def desk(store: Store, account: Account, database_url: str, files: Files, tmp_path: Path, by_admin: Origin) -> Desk:
    return Desk(store, account, database_url, files, tmp_path, by_admin)


async def test_a_list_is_staged_and_applied(desk: Desk, start: Start) -> None:
    """The two jobs of one upload, in one child; the scratch file is kept between them and gone afterwards."""
    child = await start()
    work = await desk.confirmed(child)
    scratch = desk.path()
    assert list(scratch.parent.iterdir()) == [scratch]
    assert await child.do(desk.job(Step.APPLY, work)) == Done(UploadState.DONE)
    assert list(scratch.parent.iterdir()) == []
    assert len(desk.files.requests) == 1
    upload = desk.get()
    assert (upload.state, upload.newly_opted_out, upload.unreadable) == ("done", 2, 1)
    assert desk.store.optouts.recount(desk.account.id) == 2


@pytest.mark.wide
async def test_a_list_without_phones_is_refused(desk: Desk, start: Start) -> None:
    """The store has it first, then it is said; nothing stays in the scratch directory."""
    desk.files.answer = content(b"Name,City\nAnn,Oslo\n")
    child = await start()
    said = await child.do(desk.job(Step.STAGE, desk.receive()))
    assert said == Refused(desk.get().problem or "")
    assert "stops.csv has no column called `phone`" in said.problem
    assert desk.get().state == "refused"
    assert list((desk.tmp_path / "scratch").iterdir()) == []


@pytest.mark.wide
@pytest.mark.parametrize(
    ("status", "word", "state"),
    [(404, Refused, UploadState.REFUSED), (403, Failed, UploadState.FAILED)],
    ids=["deleted", "forbidden"],
)
async def test_a_file_that_cannot_be_had_ends_its_upload(
    desk: Desk, start: Start, status: int, word: type[Refused | Failed], state: UploadState
) -> None:
    """What could not be downloaded is an end with a sentence, in the store and on stdout alike."""
    desk.files.answer = content(b"", status=status)
    child = await start()
    said = await child.do(desk.job(Step.STAGE, desk.receive()))
    assert isinstance(said, word)
    assert (said.problem, desk.get().state) == (desk.get().problem, state)


@pytest.mark.wide
async def test_applying_elsewhere_stages_again(desk: Desk, start: Start) -> None:
    """Another machine has no scratch file: it downloads, reads the same, and applies."""
    child = await start()
    work = await desk.confirmed(child)
    job = desk.job(Step.APPLY, work, scratch_dir=desk.tmp_path / "another machine")
    assert await child.do(job) == Done(UploadState.DONE)
    assert len(desk.files.requests) == 2
    assert desk.get().newly_opted_out == 2


@pytest.mark.wide
async def test_a_file_that_changed_after_the_preview_fails(desk: Desk, start: Start) -> None:
    """What somebody said yes to is not what the file now holds, so nothing of it is stored."""
    child = await start()
    work = await desk.confirmed(child)
    desk.files.answer = content(LIST + b"Dan,212 736 5009\n")
    said = await child.do(desk.job(Step.APPLY, work, scratch_dir=desk.tmp_path / "another machine"))
    assert said == Failed("The file changed after the preview. Drop it again to see what it holds now.")
    assert desk.get().problem == said.problem
    assert (desk.get().state, desk.store.optouts.recount(desk.account.id)) == ("failed", 0)


@pytest.mark.wide
async def test_an_upload_of_another_claim_is_left_alone(desk: Desk, start: Start) -> None:
    """A job under an older fence or of another owner says lost and touches nothing."""
    child = await start()
    work = desk.receive()
    newer = desk.take_over(work)
    assert isinstance(await child.do(desk.job(Step.STAGE, work)), Lost)
    assert isinstance(await child.do(desk.job(Step.STAGE, newer, lease=Lease("another", newer.lease.fence))), Lost)
    assert desk.get() == newer.upload
    assert desk.files.requests == []


@pytest.mark.wide
async def test_a_cancelled_upload_is_done_with(desk: Desk, start: Start) -> None:
    """Cancelling while it is downloaded is an end like another; its files go."""

    async def cancelling(_request: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(desk.store.uploads.cancel, desk.account.id, 1, desk.by)
        return web.Response(body=LIST)

    desk.files.answer = cancelling
    child = await start()
    assert await child.do(desk.job(Step.STAGE, desk.receive())) == Done(UploadState.CANCELLED)
    assert list((desk.tmp_path / "scratch").iterdir()) == []


@pytest.mark.wide
async def test_progress_is_said_at_a_bounded_rate(desk: Desk, start: Start) -> None:
    """Progress carries rows and fraction, grows, and comes at most four times a second."""
    desk.files.answer = content(big_list(20_000))
    child = await start()
    began = asyncio.get_running_loop().time()
    await child.do(desk.job(Step.STAGE, desk.receive()))
    seconds = asyncio.get_running_loop().time() - began
    heard = [said for said in child.heard if isinstance(said, Working)]
    assert len(heard) == len(child.heard) - 1
    assert 1 <= len(heard) <= 4 * seconds + 1
    assert [said.rows for said in heard] == sorted(said.rows for said in heard)
    assert [said.fraction for said in heard] == sorted(said.fraction for said in heard)


@pytest.mark.wide_but_first
@pytest.mark.parametrize("line", ["", "[]", "{}", '{"is": "dance"}', '{"is": "list"}', "\x00"])
async def test_a_line_that_is_no_job_is_answered(start: Start, line: str) -> None:
    """Whatever comes in, a last word goes out, and the next job is heard."""
    child = await start()
    await child.send(line)
    said = await child.last_word()
    assert isinstance(said, Failed)
    assert said.problem == "The program was asked for something it does not know."
    assert said.detail
    await child.send("{}")
    assert isinstance(await child.last_word(), Failed)


@pytest.mark.wide
async def test_a_child_without_a_parent_ends(desk: Desk, start: Start) -> None:
    """When stdin closes in the middle of a download that never ends, the child is gone at once."""
    asked = asyncio.Event()

    async def never(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        asked.set()
        await asyncio.Event().wait()
        return response

    desk.files.answer = never
    child = await start()
    await child.send(desk.job(Step.STAGE, desk.receive()))
    await asyncio.wait_for(asked.wait(), PATIENCE)
    assert child.process.stdin is not None
    child.process.stdin.close()
    assert await asyncio.wait_for(child.process.wait(), PATIENCE) == 0


@pytest.mark.wide
async def test_the_child_knows_no_slack() -> None:
    """It starts without Bolt, Slack's client or anything of the bot: quick, and small."""
    code = "import sys, handlers.work.worker; print([m for m in sys.modules if m.startswith(('slack', 'bot'))])"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    out, _ = await process.communicate()
    assert out == b"[]\n"


@pytest.mark.wide
async def test_a_database_that_is_away_decides_nothing(
    sqlite_template: bytes, files: Files, tmp_path: Path, start: Start, by_admin: Origin
) -> None:
    """With the database locked for longer than anyone waits, the child says lost and the upload is as it was."""
    path = tmp_path / "desk.db"
    path.write_bytes(sqlite_template)
    store = Store.open(f"sqlite:///{path}", busy_seconds=0.1)
    account = store.accounts.get_or_create("T0DESK", "Desk")
    desk = Desk(store, account, f"sqlite:///{path}", files, tmp_path, by_admin)
    work = desk.receive()
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    child = await start()
    assert isinstance(await child.do(desk.job(Step.STAGE, work)), Lost)
    with pytest.raises(StoreUnavailable):
        work.renew(lease_seconds=1)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert desk.get().state == "received"
    store.close()


async def test_a_list_is_scrubbed(desk: Desk, start: Start) -> None:
    """The counts and the file are said, progress like any, and the upload waits as it was for the file to be delivered."""
    desk.store.optouts.add(desk.account.id, [f"+1212{2_000_000 + n:07d}" for n in range(100)], desk.by)
    desk.files.answer = content(big_list(30_000))
    child = await start()
    work = desk.receive()
    job = desk.job(Step.SCRUB, work)
    said = await child.do(job)
    assert isinstance(said, Done)
    counts = said.scrubbed
    assert said.state is desk.get().state is UploadState.RECEIVED
    assert counts is not None
    assert said.file is not None
    assert counts.removed > 0
    assert (counts.rows, counts.unreadable) == (30_000, 600)
    assert counts.rows == counts.kept + counts.removed + counts.unreadable
    left = await asyncio.to_thread(said.file.read_text)
    assert len(left.splitlines()) == 1 + counts.kept
    assert said.file.parent == job.folder
    assert list(job.folder.iterdir()) == [said.file]
    assert [*desk.scratch.iterdir()] == [job.folder]
    assert all(isinstance(heard, Working) for heard in child.heard[:-1])
    assert desk.store.optouts.recount(desk.account.id) == 100


@pytest.mark.wide
async def test_unreadable_rows_are_kept_where_that_is_the_purpose(desk: Desk, start: Start) -> None:
    """Asked for so, they are in the list that comes back."""
    desk.files.answer = content(big_list(1_000))
    child = await start()
    said = await child.do(desk.job(Step.SCRUB, desk.receive(purpose=Purpose.SCRUB_KEEPING)))
    assert isinstance(said, Done)
    assert said.scrubbed is not None
    assert said.scrubbed.kept == said.scrubbed.rows == 1_000
    assert said.scrubbed.unreadable == 20


@pytest.mark.wide
async def test_a_list_that_cannot_be_scrubbed_is_refused(desk: Desk, start: Start) -> None:
    """One without a phone column ends like one that was to be staged, with its columns kept for the answer."""
    desk.files.answer = content(b"Name,Mobile\nAnn,212 555 0100\n")
    child = await start()
    said = await child.do(desk.job(Step.SCRUB, desk.receive()))
    assert said == Refused(desk.get().problem or "")
    assert desk.get().summary["likely"] == "Mobile"
    assert list((desk.tmp_path / "scratch").iterdir()) == []


# Exactly once


def big_list(rows: int) -> bytes:
    """Every tenth row repeats a phone, every fiftieth is unreadable."""
    lines = [f"+1212{2_000_000 + row - (9 if row % 10 == 0 else 0):07d}" if row % 50 else "12" for row in range(rows)]
    return "\n".join(["phone", *lines[::-1]]).encode()


# Phones a transaction where a test must catch a child at work: 600 transactions take longer than any test is kept waiting.
STEP = 10


async def moved(desk: Desk, since: Upload) -> Upload:
    """Waits until a batch more is stored, or undone, than *since*, or all is."""
    while True:
        now = await asyncio.to_thread(desk.get)
        if now.applied > since.applied or now.undo_phone > since.undo_phone or now.state not in ("applying", "undoing"):
            return now


async def both_desks(desk: Desk, start: Start) -> tuple[Desk, Child, UploadWork]:
    """
    An undisturbed desk whose upload was applied, and the same upload, confirmed, on *desk*.

    Both have opt-outs of before: some of the list's phones, one of them lifted.
    """
    desk.files.answer = content(big_list(6_000))
    other = Desk(
        desk.store,
        desk.store.accounts.get_or_create("T0CALM", "Calm"),
        desk.url,
        desk.files,
        desk.tmp_path,
        desk.by,
    )
    for one in (desk, other):
        one.store.optouts.add(one.account.id, [f"+1212{2_000_000 + n:07d}" for n in range(1, 4_000, 7)], one.by)
        one.store.optouts.delete(one.account.id, "+12122000008", one.by)
    child = await start()
    assert await child.do(other.job(Step.APPLY, await other.confirmed(child), batch=100)) == Done(UploadState.DONE)
    return other, child, await desk.confirmed(child)


@pytest.mark.wide
async def test_killed_at_any_moment_the_counts_are_those_of_one_run(desk: Desk, start: Start) -> None:
    """Killed in mid-apply, again and again: what is stored in the end is what an undisturbed run stores."""
    calm, child, work = await both_desks(desk, start)
    kills = 0
    while True:
        await child.send(desk.job(Step.APPLY, work, batch=STEP))
        if kills == 3:
            break
        now = await moved(desk, work.upload)
        child.signal(signal.SIGKILL)
        await child.end()
        kills += 1
        assert now.state == "applying"
        work = await asyncio.to_thread(desk.take_over, work)
        child = await start()
    assert await child.last_word() == Done(UploadState.DONE)
    assert desk.kept() == calm.kept()
    assert desk.store.optouts.count(desk.account.id) == desk.store.optouts.recount(desk.account.id)


@pytest.mark.wide
async def test_killed_while_it_reads_the_list_is_read_again(desk: Desk, start: Start) -> None:
    """A child killed in mid-staging leaves nothing that a later one takes for whole."""
    # Each with a word to leave off, so that it takes long enough to be killed in.
    desk.files.answer = content(big_list(30_000).replace(b"\n", b" (home)\n").replace(b"phone (home)", b"phone", 1))
    child = await start()
    work = desk.receive()
    await child.send(desk.job(Step.STAGE, work))
    while isinstance(said := await child.said(), Working) and said.rows == 0:
        pass
    assert isinstance(said, Working)
    child.signal(signal.SIGKILL)
    await child.end()
    scratch = desk.path()
    assert not scratch.exists()
    child = await start()
    assert await child.do(desk.job(Step.STAGE, desk.take_over(work))) == Done(UploadState.WAITING)
    assert Scratch.open(scratch, label=f"{desk.account.id}") is not None
    assert desk.get().rows == 30_000


async def frozen(desk: Desk, child: Child, work: UploadWork) -> UploadWork:
    """
    Freeze *child* in mid-apply and take its upload over.

    A child that is frozen inside its transaction holds its locks, and nobody can take over: it is frozen anew.
    """
    impatient = Store.open(desk.url, busy_seconds=0.2)
    try:
        while True:
            await moved(desk, await asyncio.to_thread(desk.get))
            child.signal(signal.SIGSTOP)
            try:
                # Whoever takes over needs the account's lock too: a delete of nothing takes it and writes nothing.
                await asyncio.to_thread(impatient.optouts.delete, desk.account.id, "+13035550199", desk.by)
                await asyncio.to_thread(work.renew, lease_seconds=-1)
            except StoreUnavailable:
                child.signal(signal.SIGCONT)
            else:
                return await asyncio.to_thread(desk.claim)
    finally:
        impatient.close()


@pytest.mark.wide
async def test_a_frozen_child_is_fenced_off(desk: Desk, start: Start) -> None:
    """A child that sleeps through its lease wakes up to find the upload another's: it stops, and counts stay exact."""
    calm, first, work = await both_desks(desk, start)
    await first.send(desk.job(Step.APPLY, work, batch=100))
    newer = await frozen(desk, first, work)
    second = await start()
    await second.send(desk.job(Step.APPLY, newer, batch=100))
    await moved(desk, newer.upload)
    first.signal(signal.SIGCONT)
    assert isinstance(await first.last_word(), Lost)
    assert await second.last_word() == Done(UploadState.DONE)
    assert desk.kept() == calm.kept()


async def undoing(desk: Desk, child: Child, work: UploadWork) -> UploadWork:
    """The upload of *work*, confirmed, applied by *child*, then asked to be undone and claimed; a STOP and a delete came in between."""
    store, account = desk.store, desk.account.id
    assert await child.do(desk.job(Step.APPLY, work)) == Done(UploadState.DONE)
    store.optouts.add(account, [f"+1212{2_000_000 + n:07d}" for n in range(1, 4_000, 5)], desk.by)
    store.optouts.delete(account, "+12122000003", desk.by)
    store.uploads.undo(account, work.upload.id, desk.by, within=timedelta(days=7))
    return desk.take_over(work)


async def both_undoing(desk: Desk, start: Start) -> tuple[Desk, Child, UploadWork]:
    """As `both_desks`, with conversations; the undisturbed desk's upload is undone, the other's is about to be."""
    desk.files.answer = content(big_list(6_000))
    calm = desk.store.accounts.get_or_create("T0CALM", "Calm")
    other = Desk(desk.store, calm, desk.url, desk.files, desk.tmp_path, desk.by)
    child = await start()
    for one in (other, desk):
        one.store.campaigns.put(one.account.id, "gotv", "GOTV October", active=True)
        for n in range(1, 5_000, 50):
            one.store.campaigns.put_conversation(one.account.id, "gotv", str(n), f"+1212{2_000_000 + n:07d}")
        one.store.optouts.add(one.account.id, [f"+1212{2_000_000 + n:07d}" for n in range(1, 4_000, 7)], one.by)
    undone = await undoing(other, child, await other.confirmed(child))
    assert await child.do(other.job(Step.UNDO, undone, batch=100)) == Done(UploadState.UNDONE)
    return other, child, await undoing(desk, child, await desk.confirmed(child))


@pytest.mark.wide
async def test_killed_in_the_middle_of_an_undo(desk: Desk, start: Start) -> None:
    """Killed again and again while it undoes: what stands in the end is what an undisturbed undo leaves."""
    calm, child, work = await both_undoing(desk, start)
    for _ in range(3):
        await child.send(desk.job(Step.UNDO, work, batch=STEP))
        now = await moved(desk, work.upload)
        child.signal(signal.SIGKILL)
        await child.end()
        assert now.state == "undoing"
        work = await asyncio.to_thread(desk.take_over, work)
        child = await start()
    assert await child.do(desk.job(Step.UNDO, work, batch=50)) == Done(UploadState.UNDONE)
    assert desk.kept() == calm.kept()
    undone = desk.get()
    assert undone.kept_out > 0
    assert undone.reopened > 0
    assert undone.opted_in + undone.kept_out == undone.applied - 1
    assert desk.store.optouts.count(desk.account.id) == desk.store.optouts.recount(desk.account.id)


@pytest.mark.wide
async def test_frozen_in_the_middle_of_an_undo(desk: Desk, start: Start) -> None:
    """A child that sleeps through its lease while it undoes stops when it wakes up, and nothing is lifted twice."""
    calm, first, work = await both_undoing(desk, start)
    await first.send(desk.job(Step.UNDO, work, batch=50))
    newer = await frozen(desk, first, work)
    second = await start()
    await second.send(desk.job(Step.UNDO, newer, batch=50))
    await moved(desk, newer.upload)
    first.signal(signal.SIGCONT)
    assert isinstance(await first.last_word(), Lost)
    assert await second.last_word() == Done(UploadState.UNDONE)
    assert desk.kept() == calm.kept()


@pytest.mark.wide
async def test_an_undo_asks_slack_for_nothing(desk: Desk, start: Start) -> None:
    """The file may be long gone: what is lifted stands in the store."""
    child = await start()
    work = await undoing(desk, child, await desk.confirmed(child))
    requests = len(desk.files.requests)
    assert await child.do(desk.job(Step.UNDO, work, fetched=False)) == Done(UploadState.UNDONE)
    assert len(desk.files.requests) == requests
    assert list((desk.tmp_path / "scratch").iterdir()) == []


@pytest.mark.wide
async def test_stopped_and_continued_the_counts_are_those_of_one_run(desk: Desk, start: Start) -> None:
    """The child learns of a stop with its next batch and ends cleanly; continued, the outcome is that of one run."""
    calm, child, work = await both_desks(desk, start)
    await child.send(desk.job(Step.APPLY, work, batch=STEP))
    await moved(desk, work.upload)
    await asyncio.to_thread(desk.store.uploads.stop, desk.account.id, work.upload.id, desk.by)
    assert await child.last_word() == Done(UploadState.STOPPED)
    stopped = desk.get()
    assert 0 < stopped.applied < stopped.phones
    assert desk.store.optouts.count(desk.account.id) == desk.store.optouts.recount(desk.account.id)
    assert list((desk.tmp_path / "scratch").iterdir()) == []
    desk.store.uploads.go_on(desk.account.id, work.upload.id, desk.by)
    assert await child.do(desk.job(Step.APPLY, desk.take_over(work), batch=100)) == Done(UploadState.DONE)
    assert desk.kept() == calm.kept()


@pytest.mark.wide
async def test_what_was_read_is_applied_while_slack_is_away(desk: Desk, start: Start) -> None:
    """Without an address the scratch file does; where there is none, nothing is decided."""
    child = await start()
    work = await desk.confirmed(child)
    elsewhere = desk.tmp_path / "another machine"
    assert isinstance(await child.do(desk.job(Step.APPLY, work, fetched=False, scratch_dir=elsewhere)), Lost)
    assert desk.get().state == "applying"
    assert await child.do(desk.job(Step.APPLY, work, fetched=False)) == Done(UploadState.DONE)


@pytest.mark.wide
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_single_opt_outs_get_through_while_a_list_is_applied(desk: Desk, start: Start) -> None:
    """On SQLite one writes at a time: whoever asks for one phone while a child stores 300,000 is not kept out."""
    desk.files.answer = content(b"phone\n" + b"".join(b"+1212%07d\n" % (2_000_000 + n) for n in range(300_000)))
    child = await start()
    work = await desk.confirmed(child)
    await child.send(desk.job(Step.APPLY, work, batch=1_000))
    await moved(desk, work.upload)

    def add() -> list[str]:
        states: list[str] = []
        for n in range(50):
            [added] = desk.store.optouts.add(desk.account.id, [f"+1303{2_000_000 + n:07d}"], desk.by)
            assert added.newly
            states.append(desk.get().state)
        return states

    assert "applying" in await asyncio.to_thread(add)
    assert await child.last_word() == Done(UploadState.DONE)
    assert desk.store.optouts.count(desk.account.id) == desk.store.optouts.recount(desk.account.id) == 300_050


@pytest.mark.wide
@pytest.mark.parametrize("step", [Step.STAGE, Step.APPLY])
async def test_a_full_disk_is_a_sentence(desk: Desk, start: Start, step: Step) -> None:
    """Whether the download or what is made of it no longer fits, the upload ends, in words, and leaves nothing behind."""
    child = await start()
    desk.files.answer = content(b"phone\n" + b"2127365001\n" * 1_000_000)
    work = desk.receive()
    if step is Step.APPLY:
        assert await child.do(desk.job(Step.STAGE, work)) == Done(UploadState.WAITING)
        desk.store.uploads.confirm(desk.account.id, work.upload.id, desk.by)
        work = desk.take_over(work)
    # As a full file system does, it refuses the next byte, of any one file.
    resource.prlimit(child.process.pid, resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))
    said = await child.do(desk.job(step, work, scratch_dir=desk.tmp_path / "full"))
    assert isinstance(said, Failed)
    assert said.problem == desk.get().problem
    assert said.problem.startswith("The desk's disk is full.")
    assert desk.get().state == "failed"
    assert list((desk.tmp_path / "full").iterdir()) == []
    assert desk.store.optouts.recount(desk.account.id) == 0
