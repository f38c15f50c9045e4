"""`/optout export`: what may be asked for, and the answer that it is being made."""

import asyncio
import re
from datetime import UTC, datetime
from typing import Final

from handlers.slack.interactions import origin_of
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import code
from handlers.slack.places import Request
from handlers.views import exports as views
from handlers.work.exports import Exporter
from store import EXPORT_COLUMNS, OPTING_OUT, Function, Store, Wanted

USAGE: Final = "export [since:2026-10-01] [function:upload] [format:desk]"
_WORD = re.compile(r"(since|function|format)\s*:\s*(\S+)\s*", re.IGNORECASE)


class Exports:
    """What `/optout export` answers."""

    def __init__(self, store: Store, exporter: Exporter) -> None:
        self._store = store
        self._exporter = exporter

    async def asked(self, request: Request, text: str) -> Message:
        """What `/optout export` *text* answers."""
        if request.account.settings.exports == "nobody":
            return Message.of("Nobody may export the list: an admin decided so in `/optout settings`.", private=True)
        wanted = wanted_of(text)
        if isinstance(wanted, Message):
            return wanted
        by = origin_of(request, Function.EXPORT)
        export = await asyncio.to_thread(self._store.exports.ask, request.account.id, by, wanted)
        self._exporter.loop.poke()
        return views.asked(export)


def wanted_of(text: str) -> Wanted | Message:
    """What `/optout export` *text* asks for; a message when it cannot be."""
    wanted = Wanted()
    given: dict[str, str] = {}
    rest = _WORD.sub(lambda match: given.setdefault(match[1].lower(), match[2]) and "", text).strip()
    if rest:
        return _no(f"I do not understand {code(rest, 40)}.")
    since = None
    if "since" in given:
        try:
            since = datetime.strptime(given["since"], "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            return _no(f"{code(given['since'], 40)} is not a date like 2026-10-01.")
        if since > datetime.now(UTC):
            return _no(f"{since:%Y-%m-%d} is still to come.")
    function, kind = given.get("function", "").lower() or None, given.get("format", wanted.format).lower()
    if function is not None and function not in OPTING_OUT:
        return _no(f"There is no function {code(function, 40)}. There are: {', '.join(OPTING_OUT)}.")
    if kind not in EXPORT_COLUMNS:
        return _no(f"There is no format {code(kind, 40)}. There are: {', '.join(EXPORT_COLUMNS)}.")
    return Wanted(kind, since, function)


def _no(why: str) -> Message:
    return Message.of(f"{why} Write `/optout {USAGE}`.", private=True)
