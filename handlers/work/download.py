"""
Download of a private file from Slack, and from nowhere else.

A file object's address is somebody's word: that of a file kept outside Slack leads to any host
(https://docs.slack.dev/reference/objects/file-object). So only origins that Slack's own files have are asked, and only
where their names lead to addresses of the public internet; the rest is refused before anything is fetched.
"""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from handlers.work.job import SlackFile
from store import Account, Upload, kind_by_suffix

if TYPE_CHECKING:
    # The child, which fetches, starts without it.
    from slack_sdk.web.async_client import AsyncWebClient

# Where the files of Slack's are: the documentation's examples, and where private files were sent on to.
_ORIGINS: Final = frozenset({"https://slack.com", "https://files.slack.com", "https://files-origin.slack.com"})
# How a file is kept in Slack itself; a snippet is a small text.
_MODES: Final = frozenset({"hosted", "snippet"})
# What Slack's own pages are called, and how a list gets out of them.
_COPY: Final = "Copy its numbers into a CSV file with a column called phone and drop that."
_CANVAS, _POST = ("a canvas", _COPY), ("a post", _COPY)
_PAGES: Final = {
    "quip": _CANVAS,
    "canvas": _CANVAS,
    "space": _POST,
    "post": _POST,
    "docs": _POST,
    "list": ("a list of Slack's own", "Export it as CSV and drop that."),
    "email": ("an e-mail", "Save the list in it as CSV and drop that."),
}
_KEEPERS: Final = {"gdrive": "Google Drive", "dropbox": "Dropbox", "box": "Box", "onedrive": "OneDrive"}
# What `files.info` answers about files that are nobody's any more, or not the desk's to see.
_UNSEEN: Final = frozenset({"not_visible", "access_denied"})
FILE_GONE: Final = frozenset({"file_not_found", "file_deleted"}) | _UNSEEN
_DELETED: Final = "The file was deleted before it was read. Drop it again if it is wanted."
# Addresses that carry an IPv4 one in their last four bytes: https://www.rfc-editor.org/rfc/rfc6052
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
_CHUNK = 1 << 16
# How often the wait between attempts is broken for a word on how far it is, in seconds.
SECONDS_BETWEEN_WORDS = 0.25


class DownloadError(Exception):
    """The file could not be had; the text is fit to show a person. *refused*: it is the file that is wrong."""

    def __init__(self, sentence: str, *, refused: bool = False) -> None:
        super().__init__(sentence)
        self.refused = refused


def why_not_told(code: str | None) -> str:
    """Why there is nothing to fetch, as a sentence, where Slack says no more of a file than the error *code*, which is final."""
    if code in _UNSEEN:
        return "Slack does not let the desk see the file. Drop the file itself where the desk can see it."
    if code in FILE_GONE:
        return _DELETED
    return f"Slack does not tell the desk of the file ({code}): whoever runs the desk has to look why."


def why_no_more(file: Mapping[str, Any], name: str = "The file") -> str | None:
    """Why Slack tells nothing of a file but that there is or was one, as a sentence; None when its object *file* says more."""
    match file.get("mode"):
        case "tombstone":
            return _DELETED
        case "hidden_by_limit":
            return f"{name} is hidden by Slack, since the workspace has more files than its plan shows. Drop it again."
    return None


def why_not_fetched(file: Mapping[str, Any], name: str, api_origin: str) -> str | None:
    """
    Why the file of Slack's file object *file*, called *name*, is none to fetch, as a sentence; None when it is one.

    What Slack does not keep itself has an address at any host, a page of Slack's is no file, and what it hides has none.
    *api_origin* as in `SlackFile`.
    """
    if (nothing := why_no_more(file, name)) is not None:
        return nothing
    mode = str(file.get("mode") or "hosted")
    address = address_of(file)
    if mode == "external" or file.get("is_external") or file.get("external_type"):
        keeper = _KEEPERS.get(str(file.get("external_type")), "another service")
        kind = kind_by_suffix(str(file.get("filetype")))
        kept, how = "kept", "Download it and drop the file itself."
        if kind is not None and kind.cure:
            kept, how = f"{kind.what}, kept", kind.cure
        return f"{name} is {kept} at {keeper} and not in Slack, and nothing is fetched from there. {how}"
    if mode in _MODES and address:
        return None if _is_slacks_own(address, api_origin) else _elsewhere(name)
    if mode in _MODES or mode == "file_access":
        return f"{name} is not handed over to the desk by Slack. Drop the file itself where the desk can see it."
    what, how = _PAGES.get(mode, ("something else", "Save the list as CSV and drop that."))
    return f"{name} is {what} and no file with a list in it. {how}"


async def file_of_upload(client: "AsyncWebClient", upload: Upload, account: Account, most: int) -> SlackFile:
    """
    The file of *upload*, of *account*, to fetch; of at most *most* bytes, or fewer where the account's settings say so.

    Raises Slack's and the network's errors, and `DownloadError` for a file that is none to fetch.
    """
    file = (await client.files_info(file=upload.file_id))["file"]
    api_origin = str(URL(client.base_url).origin())
    if problem := why_not_fetched(file, upload.file_name, api_origin):
        raise DownloadError(problem, refused=True)
    url = address_of(file)
    assert url is not None  # noqa: S101  it was looked at above
    return SlackFile(
        url=url,
        token=client.token or "",
        api_origin=api_origin,
        max_bytes=min(most, account.settings.max_list_bytes or most),
    )


def _elsewhere(name: str) -> str:
    return (
        f"{name} is said to be at an address that is not Slack's, and nothing is fetched from there. Download it and drop "
        "the file itself."
    )


def _is_slacks_own(address: str | URL, api_origin: str) -> bool:
    """Is *address* one that files of Slack's own have? Whoever is named in it would be sent a password."""
    try:
        url = URL(address)
        return url.user is None and url.password is None and str(url.origin()) in _ORIGINS | {api_origin}
    except ValueError:
        return False


def address_of(file: Mapping[str, Any]) -> str | None:
    """Where the contents of Slack's file object *file* are said to be."""
    return file.get("url_private_download") or file.get("url_private")


class _TransientError(Exception):
    """An attempt failed that may not fail again. *seconds*: how long Slack asked to wait, if it did."""

    def __init__(self, why: str, seconds: float | None = None) -> None:
        super().__init__(why)
        self.seconds = seconds


class _SignInError(_TransientError):
    """A sign-in page came instead: for good, or while a token is replaced. It was good a moment before, for files.info."""


class Download:
    """
    Fetches one private file of Slack. *progress* gets the part that is there, 0 to 1, and may raise to end it.

    Slack's files need the bearer token on every hop, and answer a token without the right with a sign-in page, mostly
    with 200 (https://docs.slack.dev/reference/objects/file-object). Attempts: the first and *retries* more. Each ends
    after *quiet* seconds in which nothing came, and after *longest* whatever comes.
    """

    REDIRECTS = 5
    LONGEST_WAIT = 60.0

    def __init__(
        self,
        file: SlackFile,
        progress: Callable[[float], object],
        *,
        retries: int = 3,
        pause: float = 1.0,
        quiet: float = 30.0,
        longest: float = 1800.0,
    ) -> None:
        self._file = file
        self._progress = progress
        self._retries = retries
        self._pause = pause
        self._timeout = aiohttp.ClientTimeout(total=longest, connect=quiet, sock_read=quiet)

    async def to(self, path: Path) -> None:
        """Write the file to *path*; raises `DownloadError`."""
        # No environment proxy, no cookies: nothing but the token says who asks. Each name is looked up anew.
        connector = aiohttp.TCPConnector(resolver=_Resolver(self._file.api_origin), use_dns_cache=False)
        async with aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        ) as session:
            for attempt in range(self._retries + 1):
                try:
                    await self._attempt(session, path)
                except (_TransientError, aiohttp.ClientError, TimeoutError) as error:
                    if attempt == self._retries:
                        if isinstance(error, _SignInError):
                            raise DownloadError(str(error)) from error
                        raise DownloadError(
                            f"Slack did not hand the file over in {attempt + 1} attempts "
                            f"(the last time: {_why(error)}). Drop it again in a few minutes."
                        ) from error
                    wait = self._pause * 2**attempt
                    if isinstance(error, _TransientError) and error.seconds is not None:
                        wait = error.seconds
                    await self._wait(min(wait, self.LONGEST_WAIT))
                else:
                    return

    async def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._progress(0.0)
            await asyncio.sleep(min(left, SECONDS_BETWEEN_WORDS))

    async def _attempt(self, session: aiohttp.ClientSession, path: Path) -> None:
        url = self._checked(self._file.url)
        for _ in range(self.REDIRECTS + 1):
            headers = {"Accept-Encoding": "identity", "Authorization": f"Bearer {self._file.token}"}
            async with session.get(url, headers=headers, allow_redirects=False) as answer:
                if answer.status in {301, 302, 303, 307, 308} and "Location" in answer.headers:
                    url = self._checked(answer.headers["Location"], url)
                    continue
                self._check(answer)
                await self._save(answer, path)
                return
        raise DownloadError("Slack sent the download round in circles.")

    def _checked(self, address: str, base: URL | None = None) -> URL:
        """*address* as a URL, seen from *base*, if it is of Slack's own files."""
        try:
            url = URL(address) if base is None else base.join(URL(address))
        except ValueError as error:
            raise DownloadError("Slack gave an address for the file that is none.") from error
        if _is_slacks_own(url, self._file.api_origin):
            return url
        if base is not None and url.scheme == "https" and (url.host or "").endswith(".slack.com"):
            raise _SignInError(_SIGN_IN)  # the workspace's own page, which is where people sign in
        raise DownloadError(_elsewhere("The file"), refused=True)

    def _check(self, answer: aiohttp.ClientResponse) -> None:
        if answer.status in {404, 410}:
            raise DownloadError(_DELETED, refused=True)
        if answer.status == 429 or answer.status >= 500:
            raise _TransientError(f"it answered {answer.status}", _seconds(answer.headers.get("Retry-After")))
        if answer.status != 200:
            raise DownloadError(
                f"Slack refused to hand the file over (it answered {answer.status}): "
                "the app lacks files:read or was removed."
            )
        if answer.content_type in {"text/html", "application/xhtml+xml"}:
            raise _SignInError(_SIGN_IN)
        if answer.content_length is not None and answer.content_length > self._file.max_bytes:
            raise self._too_large()

    async def _save(self, answer: aiohttp.ClientResponse, path: Path) -> None:
        expected = answer.content_length
        size = 0
        first = b""
        with path.open("wb") as file:
            async for chunk in answer.content.iter_chunked(_CHUNK):
                size += len(chunk)
                if size > self._file.max_bytes:
                    raise self._too_large()
                file.write(chunk)
                if len(first) < _CHUNK:
                    first += chunk
                self._progress(size / expected if expected else 0.5)
        if _is_html(first):
            raise _SignInError(_SIGN_IN)
        if expected is not None and size != expected:
            raise _TransientError("it was cut off")

    def _too_large(self) -> DownloadError:
        most = self._file.max_bytes / 1_000_000
        return DownloadError(
            f"The file is larger than the {most:,.4g} MB that are read at a time. Split it and drop the parts.",
            refused=True,
        )


class _Resolver(AbstractResolver):
    """
    A resolver that knows no private address, but for the host that the settings name.

    What it gives is what is connected to, so a name that means something else a moment later changes nothing.
    """

    def __init__(self, api_origin: str) -> None:
        self._resolver = aiohttp.ThreadedResolver()
        # Whoever runs the desk may have Slack's API answered from a private address; no file object may.
        self._private = None if api_origin in _ORIGINS else URL(api_origin).host

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        results = await self._resolver.resolve(host, port, family)
        if host != self._private and not all(is_public(result["host"]) for result in results):
            raise DownloadError(f"The name {host} leads to a private address here, from which nothing is fetched.")
        return results

    async def close(self) -> None:
        await self._resolver.close()


def is_public(address: str) -> bool:
    """Is the IP *address* one of the public internet, also where it carries an IPv4 address in it?"""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        ip = inner or ip
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


_SIGN_IN = "Slack gave a sign-in page instead of the file: the app lacks files:read or was removed."


def _is_html(body: bytes) -> bool:
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:15].lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text is not None else None
    except ValueError:
        return None  # a date, which RFC 9110 allows and Slack does not send


def _why(error: BaseException) -> str:
    if isinstance(error, _TransientError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "it took too long"
    return "it was cut off" if isinstance(error, aiohttp.ClientPayloadError) else "the connection failed"
