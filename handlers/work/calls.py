"""HTTP requests to the API of a provider, with what it is signed in by, and what came back."""

from typing import Any, Final

import aiohttp

from handlers.work.senders import Answered, wait_of

# Twilio's own is three, VAN's unknown.
TIMEOUT_SECONDS: Final = 20.0
# Bytes of an answer: 25 items of Twilio's have some four thousand, a person of VAN's with phones fewer.
_MOST_READ: Final = 100_000
# Of what is shown of an answer.
_LONGEST_SAID: Final = 200


class Calls:
    """Requests that take at most *seconds* each; no redirect is followed, and no cookie kept."""

    def __init__(self, seconds: float = TIMEOUT_SECONDS) -> None:
        self.seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    @property
    def too_slow(self) -> str:
        """What is said of a far side that took longer than that."""
        return f"it did not answer within {self.seconds:g} seconds"

    async def ask(self, method: str, url: str, *, authorization: str, **what: Any) -> tuple[Answered, bytes | None]:
        """What came back, whatever its status, and its body; a problem and None for nothing. *what*: as of aiohttp."""
        headers = {"authorization": authorization, "user-agent": "Opt-Out Desk"}
        try:
            async with self._open().request(method, url, headers=headers, allow_redirects=False, **what) as answer:
                body = bytearray()
                while len(body) <= _MOST_READ and (part := await answer.content.readany()):
                    body += part
                said = body[:_LONGEST_SAID].decode(errors="replace")
                wait = wait_of(answer.headers.get("retry-after", ""))
                return Answered(None, answer.status, wait, said), bytes(body)
        except TimeoutError:
            return Answered(self.too_slow), None
        except (aiohttp.ClientError, OSError) as error:
            return Answered(f"the connection to it broke ({type(error).__name__})"), None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self.seconds), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session
