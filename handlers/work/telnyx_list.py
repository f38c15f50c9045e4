"""
Telnyx's list of who opted out there, read by its API as the file of a list, in ThruText's layout, which says when and by what word.

https://developers.telnyx.com/api-reference/opt-out-management/list-opt-outs: a key as bearer, pages by `page[number]`, from
1, and `page[size]`, `meta` with `page_number`, `total_pages` and `total_results`. A number stands there once for each sender
that it wrote STOP to.
"""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from handlers.work.calls import Calls
from store import PIECE_BYTES, Hook, HookKind, StoreError

# Of a page: https://developers.telnyx.com/development/api-fundamentals/pagination
PAGE: Final = 250
LONGEST_SECONDS: Final = 1_200.0
_TRIES: Final = 4
# Seconds. Whoever asks for more is not waited for.
_LONGEST_WAIT: Final = 60.0
_HEADER: Final = ("timestamp", "contact_id", "contact_phone", "note", "opt_out_type")
_REFUSED: Final = {
    401: "Telnyx refuses the API key of this hook: make the hook anew with a key that its portal shows as active.",
    403: "Telnyx does not let the API key of this hook read opt-outs: make the hook anew with a key of the account's own.",
}
_NO_LIST: Final = "Telnyx's answer is no list of opt-outs, so nothing was compared. Try again later."
_MOVED: Final = "Telnyx's list changed while it was read, so nothing was compared. Try again."


class TelnyxError(StoreError):
    """Telnyx's list cannot be read; the text says why."""


def hook_to_read(hooks: Sequence[Hook], name: str) -> Hook:
    """The one of an account's *hooks*, the latest first, whose API key reads the list: called *name*, or the only one. Raises `TelnyxError`."""
    able = [hook for hook in hooks if hook.kind is HookKind.TELNYX and hook.api_key is not None]
    called = [hook for hook in able if not name or hook.name.casefold() == name.casefold()]
    if not able:
        raise TelnyxError(
            "There is no hook for Telnyx with an API key. New hook for Telnyx, in `/optout settings`, takes one, as does "
            "`python -m bot hook make-telnyx --api-key FILE`."
        )
    if not called or (len(called) > 1 and not name):
        names = ", ".join(hook.name for hook in able)
        raise TelnyxError(f"Which hook for Telnyx? Give the name of one, behind telnyx: {names}.")
    return called[0]


class TelnyxList:
    """Reads the list. *url*: of Telnyx's API. *seconds* that an answer may take, and between two tries, *pause* at first."""

    def __init__(self, url: str, *, seconds: float = 20.0, pause: float = 1.0) -> None:
        self._url = f"{url.rstrip('/')}/v2/messaging_optouts"
        self._seconds = seconds
        self._pause = pause

    async def read(self, api_key: str) -> AsyncIterator[bytes]:
        """The file in pieces. Raises `TelnyxError`, also where nobody opted out."""
        end = asyncio.get_running_loop().time() + LONGEST_SECONDS
        calls = Calls(self._seconds)
        piece = io.StringIO(newline="")
        writer = csv.writer(piece)
        writer.writerow(_HEADER)
        try:
            async for rows in self._pages(calls, api_key):
                writer.writerows(rows)
                if piece.tell() >= PIECE_BYTES:
                    yield piece.getvalue().encode()
                    piece.seek(0)
                    piece.truncate()
                if asyncio.get_running_loop().time() > end:
                    raise TelnyxError("Telnyx's list takes too long to be read. Export it in its portal and drop that.")
        finally:
            await calls.close()
        if rest := piece.getvalue():
            yield rest.encode()

    async def _pages(self, calls: Calls, api_key: str) -> AsyncIterator[list[tuple[str, ...]]]:
        """The rows, page by page. What was opted out meanwhile may be missing, what was before is not."""
        number, total = 0, 0
        before: list[Any] | None = None
        while True:
            number += 1
            match await self._page(calls, api_key, number):
                case {
                    "data": list(data),
                    "meta": {"page_number": int(of), "total_pages": int(pages), "total_results": int(results)},
                }:
                    pass
                case _:
                    raise TelnyxError(_NO_LIST)
            if not results:
                raise TelnyxError("Nobody opted out at Telnyx, as its list says: there is nothing to compare.")
            # Who was allowed again moves all behind them to the front, over the end of a page.
            if results < total:
                raise TelnyxError(_MOVED)
            if of != number or (data and data == before) or (number < pages and not data):
                raise TelnyxError(
                    "Telnyx repeats its pages, or leaves some out, so nothing was compared. Try again later."
                )
            yield [_row(one) for one in data]
            if number >= pages:
                return
            total, before = results, data

    async def _page(self, calls: Calls, api_key: str, number: int) -> Any:
        """A page as JSON has it; tried again where that may help."""
        asked = {"page[number]": str(number), "page[size]": str(PAGE), "redaction_enabled": "false"}
        problem = ""
        for attempt in range(_TRIES):
            answered, body = await calls.ask("GET", self._url, authorization=f"Bearer {api_key}", params=asked)
            if answered.status == 200 and body is not None:
                try:
                    return json.loads(body)
                except (ValueError, RecursionError):
                    raise TelnyxError(_NO_LIST) from None
            if answered.status in _REFUSED:
                raise TelnyxError(_REFUSED[answered.status])
            problem = answered.problem or f"it answered {answered.status}"
            wait = self._pause * 2**attempt if answered.wait is None else answered.wait
            if answered.status is not None and answered.status != 429 and answered.status < 500:
                break
            if wait > _LONGEST_WAIT:
                raise TelnyxError(f"Telnyx lets nobody read its list for {wait:,.0f} seconds. Try again after that.")
            if attempt < _TRIES - 1:
                await asyncio.sleep(wait)
        raise TelnyxError(f"Telnyx's list cannot be read: {problem}. Nothing was compared; try again later.")


def _row(one: Any) -> tuple[str, ...]:
    """A row of the file. Whom the number is of is for whoever reads lists to say."""
    match one:
        case {"to": str(number)}:
            sender, word = one.get("from"), one.get("keyword")
            note = f"wrote to {sender}" if isinstance(sender, str) and sender else ""
            return _moment(one.get("created_at")), "", number, note, word if isinstance(word, str) else ""
    raise TelnyxError(_NO_LIST)


def _moment(text: Any) -> str:
    """The moment in *text*, ISO 8601, in UTC; nothing for one that is none."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
