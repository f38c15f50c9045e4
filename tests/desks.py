"""`python -m bot serve` as an operator runs it, beside an embedded Slack, and what people do and see there."""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import sqlalchemy as sa

from bot.sandbox import EmbeddedSlack, SandboxClient, SandboxMessage, State
from store import Account, Actor, Function, Origin, Store, Upload
from tests.entries import exported
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[1]
CHANNEL = "optout-uploads"
# Seconds for an acknowledgement. Who acts while a desk is killed waits for as long.
ACK_LIMIT = 10.0
LEASE_SECONDS = 1.0
ALREADY_OUT = slice(0, None, 40)


class Holder(NamedTuple):
    """Who works on an upload, None for nobody, and how often it was claimed."""

    owner: str | None
    fence: int


def holder_of(store: Store, upload: Upload) -> Holder:
    """The lease of *upload* as its row has it."""
    columns = sa.text("SELECT owner, fence FROM uploads WHERE account_id = :account AND id = :upload")
    with store.database.read() as connection:
        values = {"account": upload.account_id, "upload": upload.id}
        return Holder(*connection.execute(columns, values).one())


def children_of(process: int) -> list[int]:
    """The ids of the processes that *process* started; Linux keeps them by the thread that did it."""
    found: list[int] = []
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        # A thread can end between the two.
        with suppress(FileNotFoundError, ProcessLookupError):
            found += map(int, file.read_text(encoding="ascii").split())
    return found


@dataclass(slots=True)
class Bot:
    """One `python -m bot serve`."""

    process: Process
    said: list[str] = field(default_factory=list)
    serving: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def listen(self) -> None:
        """Read its log to the end; `serving` is its address once it says so."""
        if self.process.stderr is None:
            await self.process.wait()
            return
        async for line in self.process.stderr:
            self.said.append(line.decode())
            if '"serving"' in self.said[-1] and not self.serving.done():
                self.serving.set_result(json.loads(line)["address"])
        if not self.serving.done():
            self.serving.set_exception(AssertionError("".join(self.said)))

    async def kill(self) -> None:
        """As the system kills it: no handler runs, no connection is closed in words."""
        self.process.kill()
        await self.process.wait()

    async def terminate(self) -> None:
        """SIGTERM; it must end by itself, with status 0, and its log must hold no failure."""
        self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE):
                status = await self.process.wait()
        except TimeoutError:
            status = None
        assert status == 0, f"ended with {status}. It said:\n{''.join(self.said)}"

    def owns(self, holder: "Holder") -> bool:
        """Whether it is the one: a claim's owner is host, process id and a number of its own."""
        return holder.owner is not None and f":{self.process.pid}:" in holder.owner

    def children(self) -> list[int]:
        """The ids of the processes it started."""
        return children_of(self.process.pid)


@dataclass(frozen=True, slots=True)
class Desk:
    """An embedded Slack, the account of its workspace, and bots that serve it."""

    slack: EmbeddedSlack
    people: SandboxClient
    store: Store
    account: Account
    url: str
    scratch: Path
    stack: AsyncExitStack
    bots: list[Bot] = field(default_factory=list)

    async def start(
        self,
        *,
        http: bool = False,
        replicas: int = 1,
        settings: Mapping[str, str] = MappingProxyType({}),
        log: int = PIPE,
    ) -> list[Bot]:
        """
        Start bots with *settings* of their own, and wait until Slack can reach them.

        *log*: an open file that they log to; what they say is not heard then.
        """
        secret = {"SLACK_SIGNING_SECRET": self.slack.signing_secret}
        environment = {
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": self.url,
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "OPTOUT_DEFAULT_COUNTRY": "US",
            "OPTOUT_LEASE_SECONDS": str(LEASE_SECONDS),
            "OPTOUT_LOG_FORMAT": "json",
            "OPTOUT_PORT": "0",
            "OPTOUT_SCRATCH_DIR": str(self.scratch),
        }
        environment |= secret if http else {"SLACK_APP_TOKEN": self.slack.app_token}
        if "PYTHONPATH" not in settings:  # a release from before there was such a setting refuses to start with it
            environment["OPTOUT_POST_SECONDS"] = "0"
        environment |= settings
        bots = []
        for _ in range(replicas):
            # From a directory of its own: a developer's .env is not read.
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "serve"), stderr=log, cwd=self.scratch, env=os.environ | environment
            )
            bot = Bot(process)
            bots.append(bot)
            self.bots.append(bot)
            listening = asyncio.create_task(bot.listen())
            self.stack.push_async_callback(_ended, bot, listening)
        async with asyncio.timeout(PATIENCE):
            addresses = [await bot.serving for bot in bots] if log == PIPE else []
        if http:
            self.slack.events_url = f"{addresses[0]}/slack/events"
        else:
            alive = sum(bot.process.returncode is None for bot in self.bots)
            await self.people.until(lambda state: state.connected == alive)
        return bots

    async def kill(self, bot: Bot) -> None:
        """Kill *bot*, and wait until Slack has seen that nobody is connected."""
        await bot.kill()
        await self.people.until(lambda state: not state.connected)

    async def kill_children(self, bot: Bot) -> None:
        """Kill the child processes of *bot*, which lives on, until that cost it its claim of the upload."""
        fence = self.holder().fence

        def lost(_found: Upload) -> bool:
            now = self.holder().fence
            if now == fence:
                for child in bot.children():
                    os.kill(child, signal.SIGKILL)
            return now > fence

        await self.stored(lost)

    # What people do and see

    async def drop(self, content: bytes) -> None:
        outcome = await self.people.drop("admin", CHANNEL, "stop-list.csv", content)
        assert outcome.acknowledged, outcome

    async def press(self, message: SandboxMessage, action_id: str) -> None:
        # Slack keeps no press for an app without a connection, and a machine with much to do can lose one for a moment.
        if self.slack.platform.app.events_url is None:
            await self.people.until(lambda state: state.connected)
        outcome = await self.people.click("admin", message, action_id)
        assert outcome.ok, outcome

    async def preview(self) -> SandboxMessage:
        return await self.seen(lambda message: any(button.action_id == "upload.confirm" for button in message.buttons))

    async def report(self) -> SandboxMessage:
        """The report, once the rows that were not understood are attached too."""
        await self.seen(lambda message: any("unreadable" in file["name"] for file in message.files))
        return await self.seen(is_report)

    async def seen(self, wanted: Callable[[SandboxMessage], bool]) -> SandboxMessage:
        """Wait for a message of the bot in the channel or its threads."""

        def check(state: State) -> SandboxMessage | None:
            messages = state.channel(CHANNEL).everything
            return next((one for one in messages if one.user == self.slack.bot_user_id and wanted(one)), None)

        return await self.people.until(check)

    # What is stored

    def uploads(self) -> tuple[Upload, ...]:
        return self.store.uploads.list(self.account.id, 10)

    def upload(self) -> Upload:
        """The one there is."""
        [upload] = self.uploads()
        return upload

    def holder(self) -> Holder:
        """Who works on the one there is."""
        return holder_of(self.store, self.upload())

    async def stored(self, check: Callable[[Upload], bool], *, seconds: float = PATIENCE) -> Upload:
        """Wait until the upload is as *check* wants it."""
        uploads: tuple[Upload, ...] = ()
        try:
            async with asyncio.timeout(seconds):
                while True:
                    uploads = await asyncio.to_thread(self.uploads)
                    if uploads and check(uploads[0]):
                        return uploads[0]
                    # The database says nothing when it changes; Slack's long poll paces the next look.
                    state = await self.people.state(channel=CHANNEL)
                    await self.people.state(after=state.version, timeout=0.05, channel=CHANNEL)
        except TimeoutError:
            said = "\n".join(line for bot in self.bots for line in bot.said[-20:])
            raise TimeoutError(f"not stored within {seconds} s: {uploads}. The desks said:\n{said}") from None

    async def quiet(self, *, seconds: float = PATIENCE) -> None:
        """Wait until nothing is left to do, for the desk or for Slack."""

        def over() -> bool:
            waiting = sum(backlog.waiting for backlog in self.store.backlogs().values())
            # Slack says again what was not acknowledged, three times.
            sent = [one for one in self.slack.platform.feed.courier.log if one.kind == "event"]
            if any(not one.acknowledged and len(one.attempts) < 4 for one in sent):
                return False
            return waiting == 0 and all(
                not one.pending and holder_of(self.store, one).owner is None for one in self.uploads()
            )

        # The database says nothing when it changes: the looks are paced by Slack's long poll.
        async with asyncio.timeout(seconds):
            while not over():
                state = await self.people.state()
                await self.people.state(after=state.version, timeout=0.1)

    def confirmed_elsewhere(self, phones: list[str]) -> None:
        """What the desk knows before the list comes: some of its phones are out, and some are in a campaign."""
        self.store.optouts.add(
            self.account.id, phones[ALREADY_OUT], Origin(Function.COMMAND, Actor("U0EARLIER", "sam"))
        )
        self.store.campaigns.put(self.account.id, "gotv", "GOTV October", active=True)
        for phone in phones[:200:7]:
            self.store.campaigns.put_conversation(self.account.id, "gotv", "Ana Diaz", phone)

    async def outcome(self) -> dict[str, Any]:
        """All that came of the list, without moments and ids: equal for two runs with the same effect."""
        upload = self.upload()
        state = await self.people.state()
        messages = [one for one in state.channel(CHANNEL).everything if one.user == self.slack.bot_user_id]
        attached = [file for message in messages for file in message.files]
        # In a thread: many reads on a slow machine would keep Slack, which runs here too, from answering pings.
        return await asyncio.to_thread(self._stored_outcome, upload) | {
            "report": [without_moments(message.all_text) for message in messages if is_report(message)],
            # Whether somebody is told that a preview is there depends on how long it took.
            "messages": sum(" waits for a yes:" not in message.text for message in messages),
            "attached": [await self.people.download(file["id"]) for file in attached],
        }

    def _stored_outcome(self, upload: Upload) -> dict[str, Any]:
        held_out = [
            (row["phone"], re.search(r"line [\d,]+", row["note"])) for row in exported(self.store, self.account.id)
        ]
        counted = ("state", "rows", "phones", "already", "unreadable", "newly_opted_out", "already_opted_out")
        return {
            "counts": {name: getattr(upload, name) for name in counted},
            "opt-outs": [(phone, line[0] if line else None) for phone, line in held_out],
            "count": self.store.optouts.count(self.account.id),
            "unreadable": list(self.store.uploads.list_unreadable(self.account.id, upload.id)),
            "conversations": [
                (one.phone, one.opted_out)
                for phone, _ in held_out[:200]
                for one in self.store.optouts.find(self.account.id, phone).conversations
            ],
        }

    def opted_out(self, phone: str) -> bool:
        return self.store.optouts.find(self.account.id, phone).opted_out


async def _ended(bot: Bot, listening: asyncio.Task[None]) -> None:
    if bot.process.returncode is None:
        await bot.kill()
    await listening
    if bot.serving.done():
        bot.serving.exception()


def is_report(message: SandboxMessage) -> bool:
    """Whether it is the report of an applied list."""
    return "opted out* from" in message.text


def without_moments(text: str) -> str:
    """*text* without what differs from one run to the next: how long it took, when, and who."""
    # A release before mentions people where this one names them; who has waited long is mentioned.
    return re.sub(r" in \d+ (s|min)\b|<@\w+>(: )?|<!date[^>]*>|\b(second-)?admin\b|\bsupport\b", "", text)


@asynccontextmanager
async def desk_on(url: str, scratch: Path, *, speed: float = 20.0) -> AsyncIterator[Desk]:
    """
    An embedded Slack, *speed* times as fast as Slack, with an account for its workspace in the database at *url*.

    It waits longer than Slack for an acknowledgement, so that no test depends on how fast the machine is.
    """
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(EmbeddedSlack(speed=speed, ack_limit=ACK_LIMIT))
        people = await stack.enter_async_context(SandboxClient(slack.url))
        store = Store.open(url)
        stack.callback(store.close)
        account = store.accounts.get_or_create(slack.team_id, "Harbor Campaign", country="US")
        yield Desk(slack, people, store, account, url, scratch, stack)
