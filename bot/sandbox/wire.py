"""The log of the wire, for developers: deliveries to the app and its calls, in the order in which they last changed."""

import json
import re
from collections.abc import Iterable
from secrets import token_hex
from typing import Any, Protocol

from bot.sandbox.workspace import Changes

_KEPT = 5_000
_MOST_TOLD = 100
_HIDDEN = "•••"
# Tokens of any app, the tickets of Socket Mode and the codes of OAuth.
_SECRET = re.compile(r"xox[a-z]-[\w-]+|xapp-[\w-]+|(?<=ticket=)\w+|(?<=\"code\": \")[^\"]+")


class Described(Protocol):
    """A delivery, or a call that was received."""

    def described(self) -> dict[str, Any]: ...


class Wire:
    """The latest deliveries and calls. `changes` counts and wakes whoever follows."""

    def __init__(self) -> None:
        self.changes = Changes()
        # A page that outlives the server has a cursor of another run, and starts anew.
        self._run = token_hex(4)
        self._by_version: dict[int, Described] = {}
        self._known: dict[int, tuple[int, int]] = {}

    def changed(self, item: Described) -> None:
        """Say that *item* is new, or that something has become of it."""
        number, before = self._known.pop(id(item), (0, 0))
        self._by_version.pop(before, None)
        version = self.changes.mark()
        self._by_version[version] = item
        self._known[id(item)] = (number or version, version)
        if len(self._by_version) > _KEPT:
            oldest = self._by_version.pop(next(iter(self._by_version)))
            del self._known[id(oldest)]

    def since(self, cursor: str | None, secrets: Iterable[str]) -> str:
        """
        JSON text: the `entries` that changed since *cursor*, and the next `cursor`; the latest when it is none of ours.

        At most a page of them, oldest first; `more` says whether to ask again, `whole` that none was told before. None of
        the *secrets* is told.
        """
        run, _, known = (cursor or "").partition(".")
        whole = run != self._run or not known.isdigit()
        versions = [version for version in self._by_version if whole or version > int(known)]
        told = versions[-_MOST_TOLD:] if whole else versions[:_MOST_TOLD]
        last = max(told, default=self.changes.version)
        answer = {
            "ok": True,
            "cursor": f"{self._run}.{last}",
            "whole": whole,
            "more": last < self.changes.version,
            "entries": [self._entry(version) for version in told],
        }
        text = json.dumps(answer, ensure_ascii=False)
        for secret in secrets:
            text = text.replace(secret, _HIDDEN)
        return _SECRET.sub(_HIDDEN, text)

    def _entry(self, version: int) -> dict[str, Any]:
        item = self._by_version[version]
        return {"number": self._known[id(item)][0], "kind": "call"} | item.described()
