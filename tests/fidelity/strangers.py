"""
Strangers: small apps written with clients that this project did not write, each a process of its own.

All keep one contract, so that one scenario judges the embedded Slack by all of them. An app prints what it sees and
does as one JSON object a line, with its kind under `what`:

| It gets | It prints | It does |
| --- | --- | --- |
| its start | `ready`, then `connected` per connection or `listening` | `auth.test` |
| `/stranger echo X` | `command` | acknowledges with *heard X*, answers *answered X* to the channel by response_url |
| `/stranger form` | `command`, `opened` | opens a modal whose metadata is the channel |
| `/stranger upload` | `command`, `uploaded` | uploads numbers.csv to the channel by the three calls |
| `/stranger post X` | `command`, `posted` | posts X with a button and a menu, waiting as long as a rate limit asks |
| `/stranger pages` | `command`, `pages` | lists people and channels, two a page |
| `/stranger errors` | `command`, `errors` | makes four mistakes |
| `/stranger survey`, slack-go alone | `command`, `survey` | calls the other methods it has functions for |
| a mention | `mention` | answers in its thread; one with *once more* is not acknowledged the first time |
| a direct message | `message` | answers |
| a file | `file` | asks `files.info`, downloads it, answers in its thread |
| its Home opened | `home`, `published` | publishes the Home, unless it is there |
| the shortcut `look` on a message | `shortcut` | answers the person by response_url |
| the global shortcut `anywhere` | `anywhere` | |
| a click | `action`, then `updated`, `pushed` or `published` | replaces, answers, or changes the view, by its name |
| a submission | `submission` | refuses what is not digits, else posts the amount |
| a modal closed | `closed` | |

`failed`, which every wait for a line turns into an error, says what went wrong inside.
"""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.fidelity.toolchains import GO, NODE, Toolchain, in_ci
from tests.patience import PATIENCE

HERE = Path(__file__).parent
JsonObject = dict[str, Any]
# What a stranger's manifest would say.
COMMAND = "/stranger"
SHORTCUTS = (
    {"callback_id": "look", "name": "Look", "type": "message"},
    {"callback_id": "anywhere", "name": "Anywhere", "type": "global"},
)
SCOPES = (
    "commands",
    "chat:write",
    "app_mentions:read",
    "files:read",
    "files:write",
    "users:read",
    "usergroups:read",
    "team:read",
    "channels:read",
    "channels:join",
    "channels:history",
    "groups:read",
    "im:read",
    "im:write",
    "im:history",
)
EVENTS = ("app_mention", "file_shared", "message.im", "app_home_opened")


@dataclass(frozen=True, slots=True)
class Client:
    """A stranger's client: what starts its app (None: what the fixture `slack_go` built), and what it needs."""

    name: str
    program: tuple[str, ...] | None
    mode: str
    needs: Toolchain | None = None

    @property
    def is_http(self) -> bool:
        return self.mode == "http"


CLIENTS = (
    Client("bolt-js-socket", ("node", str(HERE / "bolt_app.mjs")), "socket", NODE),
    Client("bolt-js-http", ("node", str(HERE / "bolt_app.mjs")), "http", NODE),
    Client("slack-go-socket", None, "socket", GO),
    Client("slack-go-http", None, "http", GO),
    Client("slack-sdk-aiohttp", (sys.executable, str(HERE / "sdk_app.py")), "aiohttp"),
    Client("slack-sdk-builtin", (sys.executable, str(HERE / "sdk_app.py")), "builtin"),
)


def installed() -> list[Client]:
    """The clients that can run here; in CI all, so that none is missed."""
    return [client for client in CLIENTS if in_ci() or client.needs is None or client.needs.lacking is None]


def named(clients: Iterable[Client]) -> list[Any]:
    """Clients as the parameters of a test."""
    return [pytest.param(client, id=client.name) for client in clients]


@dataclass(slots=True, eq=False)
class Stranger:
    """A running app. `said` is everything it printed."""

    process: asyncio.subprocess.Process
    said: list[str] = field(default_factory=list)
    _lines: list[JsonObject] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _ended: bool = False

    async def listen(self) -> None:
        """Read what it prints until it ends."""
        stdout = self.process.stdout
        if stdout is None:
            raise RuntimeError("the program's output is not a pipe")
        async for raw in stdout:
            text = raw.decode().rstrip()
            self.said.append(text)
            with suppress(ValueError):
                line = json.loads(text)
                if isinstance(line, dict) and "what" in line:
                    async with self._changed:
                        self._lines.append(line)
                        self._changed.notify_all()
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def next(self, what: str, *, timeout: float = PATIENCE) -> JsonObject:  # noqa: ASYNC109 - its error quotes the app
        """The oldest line of that kind not taken yet, once it is there. AssertionError with all it said if it is not."""

        def taken() -> JsonObject | None:
            wanted = (line for line in self._lines if line["what"] in (what, "failed"))
            line = next(wanted, None)
            if line is not None:
                self._lines.remove(line)
            return line

        try:
            async with asyncio.timeout(timeout), self._changed:
                while (line := taken()) is None and not self._ended:
                    await self._changed.wait()
        except TimeoutError:
            line = None
        if line is None or line["what"] == "failed":
            said = "\n".join(self.said[-40:])
            raise AssertionError(f"the app did not say {what!r}. It said:\n{said}")
        return line

    def untaken(self, what: str) -> list[JsonObject]:
        """The lines of that kind nobody has taken."""
        return [line for line in self._lines if line["what"] == what]


@asynccontextmanager
async def running(
    command: tuple[str, ...], environment: Mapping[str, str], *, cwd: Path | None = None
) -> AsyncIterator[Stranger]:
    """A stranger's process, ended by the end of its input."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=STDOUT, env=os.environ | environment, cwd=cwd, limit=1 << 24
    )
    stranger = Stranger(process)
    listening = asyncio.create_task(stranger.listen())
    try:
        yield stranger
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await listening
