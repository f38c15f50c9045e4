"""Download of a private file from Slack."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
from yarl import URL

from handlers.work.job import SlackFile

_CHUNK = 1 << 16
# How often the wait between attempts is broken for a word on how far it is, in seconds.
SECONDS_BETWEEN_WORDS = 0.25


class DownloadError(Exception):
    """The file could not be had; the text is fit to show a person. *refused*: it is the file that is wrong."""

    def __init__(self, sentence: str, *, refused: bool = False) -> None:
        super().__init__(sentence)
        self.refused = refused


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

    Slack's files need the bearer token on every hop, and answer a token without the right with 200 and a sign-in page
    (https://docs.slack.dev/reference/objects/file-object). Attempts: the first and *retries* more.
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
    ) -> None:
        self._file = file
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
        url = URL(self._file.url)
        secure = url.scheme == "https"
        for _ in range(self.REDIRECTS + 1):
            if url.scheme not in {"http", "https"} or not url.host:
                raise DownloadError("Slack gave an address for the file that is none.")
            headers = {"Accept-Encoding": "identity"}
            if self._is_trusted(url) and (url.scheme == "https" or not secure):
                headers["Authorization"] = f"Bearer {self._file.token}"
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
            for trusted in self._file.token_hosts
        )

    def _check(self, answer: aiohttp.ClientResponse) -> None:
        if answer.status in {404, 410}:
            raise DownloadError("The file was deleted before it was read.", refused=True)
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
        return "nothing came for too long"
    return "it was cut off" if isinstance(error, aiohttp.ClientPayloadError) else "the connection failed"
