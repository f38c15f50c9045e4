"""Files: where their bytes go, upload URLs, and the private URLs that answer strangers with a login page."""

import asyncio
import html
import mimetypes
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aiohttp import BodyPartReader, web

from bot.sandbox.errors import SlackError
from bot.sandbox.faults import Fault, Faults
from bot.sandbox.file_kinds import PAGES
from bot.sandbox.installation import Installation
from bot.sandbox.workspace import File, User, Workspace, new_id

_CHUNK = 1 << 18
_SNIPPET_BYTES = 1_000_000
_PREVIEW_BYTES = 4_000
_FILETYPES = {
    ".csv": ("text/csv", "csv", "CSV"),
    ".txt": ("text/plain", "text", "Plain Text"),
    ".tsv": ("text/tab-separated-values", "tsv", "TSV"),
    ".xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", "Excel Spreadsheet"),
    ".zip": ("application/zip", "zip", "Zip"),
    ".pdf": ("application/pdf", "pdf", "PDF"),
    ".png": ("image/png", "png", "PNG"),
}
LOGIN_PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>Sign in | Slack</title></head>
<body><h1>Sign in to your workspace</h1><form method="post"><input name="email"><input type="password"></form></body>
</html>
"""


@dataclass(slots=True)
class UploadUrl:
    """One upload URL: takes the bytes of one file, once."""

    file_id: str
    length: int


class FileStore:
    """The bytes of all files, in a directory of its own that goes away with `remove`."""

    def __init__(self, workspace: Workspace, app: Installation, faults: Faults) -> None:
        self._workspace = workspace
        self._app = app
        self._faults = faults
        self._directory = Path(tempfile.mkdtemp(prefix="embedded-slack-"))
        self._uploads: dict[str, UploadUrl] = {}

    @property
    def directory(self) -> Path:
        return self._directory

    def remove(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    # -- coming in --------------------------------------------------------------------------------------------

    def new(self, user: User, name: str, *, title: str | None = None, complete: bool = True) -> File:
        """A file without bytes yet."""
        suffix = Path(name).suffix.lower()
        guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
        mimetype, filetype, pretty = _FILETYPES.get(suffix, (guessed, suffix.lstrip(".") or "binary", "Binary"))
        file_id = new_id("F")
        file = File(
            id=file_id,
            name=name,
            title=title or name,
            mimetype=mimetype,
            filetype=filetype,
            pretty_type=pretty,
            size=0,
            user=user.id,
            user_team=user.team_id,
            created=int(time.time()),
            path=self._directory / file_id,
            complete=complete,
        )
        self._workspace.files[file.id] = file
        return file

    async def write(self, file: File, chunks: AsyncIterator[bytes]) -> int:
        """Stream *chunks* to the file's place on disk; returns the number of bytes."""
        path = self._directory / file.id
        handle = _open(path)
        try:
            async for chunk in chunks:
                handle.write(chunk)
            file.size = handle.tell()
        finally:
            handle.close()
        file.path = path
        # Slack keeps small text files as snippets: https://docs.slack.dev/reference/objects/file-object
        if file.mimetype.startswith("text/") and file.size <= _SNIPPET_BYTES:
            file.mode = "snippet"
            file.preview = path.read_bytes()[:_PREVIEW_BYTES].decode("utf-8", "replace")
        return file.size

    def upload_url(self, base_url: str, file: File, length: int) -> str:
        secret = secrets.token_urlsafe(24)
        self._uploads[secret] = UploadUrl(file.id, length)
        return f"{base_url}/upload/v1/{secret}"

    def expects(self, secret: str) -> bool:
        """Whether the upload URL with *secret* is one of this workspace's."""
        return secret in self._uploads

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """`POST /upload/v1/...`: raw bytes or multipart; `OK - SIZE`, or 4xx when the size is not what was said."""
        upload = self._uploads.pop(request.match_info["secret"], None)
        if upload is None:
            return web.Response(status=404, text="not found")
        file = self._workspace.files[upload.file_id]
        if request.content_type.startswith("multipart/"):
            part = await (await request.multipart()).next()
            if not isinstance(part, BodyPartReader):
                return web.Response(status=400, text="no file")
            size = await self.write(file, part_chunks(part))
        else:
            size = await self.write(file, request.content.iter_chunked(_CHUNK))
        if size != upload.length:
            return web.Response(status=400, text=f"expected {upload.length} bytes, received {size}")
        return web.Response(text=f"OK - {size}")

    # -- going out --------------------------------------------------------------------------------------------

    async def download(self, request: web.Request) -> web.StreamResponse:
        """`GET /files-pri/TEAM-FILE/...`: the bytes, for a token with `files:read`; for anyone else the way to a login."""
        file = self._workspace.files.get(request.match_info["file"].partition("-")[2])
        fault = self._faults.take("file", file.id if file else "*", *_DOWNLOAD_FAULTS)
        kind = fault.kind if fault else None
        if kind == "redirect":
            raise web.HTTPFound(request.path)
        if kind == "html_login" or not self._may_read(request):
            raise web.HTTPFound(f"/signin?redir={request.path}")
        if file is None or file.deleted or file.path is None or kind == "gone":
            return web.Response(status=404, text="File not found")
        if file.kind in PAGES:
            page = f"<!DOCTYPE html><html><body><h1>{html.escape(file.title)}</h1></body></html>"
            return web.Response(text=page, content_type="text/html")
        headers = {"Content-Type": file.mimetype, "Content-Disposition": f'attachment; filename="{file.id}"'}
        if fault is None:
            return web.FileResponse(file.path, headers=headers, chunk_size=_CHUNK)
        return await self._faulty(request, file, headers, fault)

    async def _faulty(
        self, request: web.Request, file: File, headers: dict[str, str], fault: Fault
    ) -> web.StreamResponse:
        """Half of the file and an end; or more than `files.info` said; or, after a while, all of it."""
        content = file.path.read_bytes() if file.path else b""
        response = web.StreamResponse(headers=headers)
        if fault.kind == "slow":
            await self._faults.hold(fault)
        if fault.kind == "oversized":
            await response.prepare(request)
            filler = (content or b"+12025550100\n") * 64
            rest = int(fault.number("bytes", file.size * 4 + 1_000_000))
            await response.write(content)
            while rest > 0:
                await response.write(filler[:rest])
                rest -= len(filler)
            await response.write_eof()
            return response
        response.content_length = len(content)
        await response.prepare(request)
        if fault.kind == "cut_off":
            await response.write(content[: len(content) // 2])
            if request.transport is not None:
                request.transport.close()
        else:
            await response.write(content)
        return response

    def _may_read(self, request: web.Request) -> bool:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        knows = self._app.knows(token) and self._app.problem_of(token) is None
        return knows and "files:read" in self._app.scopes


_DOWNLOAD_FAULTS = ("cut_off", "oversized", "html_login", "gone", "redirect", "slow")


async def sign_in(_: web.Request) -> web.Response:
    """`GET /signin`: what a download without a right token ends in, with status 200."""
    return web.Response(text=LOGIN_PAGE, content_type="text/html", headers={"X-Robots-Tag": "noindex"})


async def part_chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    """The bytes of one multipart field, piece by piece."""
    while chunk := await part.read_chunk(_CHUNK):
        yield chunk


async def in_turn(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    """*chunks* that are made here, with everybody else served between two of them."""
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(0)


def known_file(workspace: Workspace, file_id: str) -> File:
    """The file of an id, as Web API methods look it up: `file_not_found`, `file_deleted`."""
    file = workspace.files.get(file_id)
    if file is None or not file.complete:
        raise SlackError("file_not_found")
    if file.deleted:
        raise SlackError("file_deleted")
    return file


def _open(path: Path) -> BinaryIO:
    return path.open("wb")
