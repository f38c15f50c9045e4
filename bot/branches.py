"""
Branches: all of the desk that works on one database, each with its listeners, its loops, its API and its hooks.

A desk has one, and one more for each database that accounts have for themselves. Between branches nothing is shared but the
connection to Slack and the port: what waits for one database, or is refused by it, is no matter of the others.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog
from slack_bolt.response import BoltResponse

from bot.app import Desk, create_app
from bot.config import Settings, SettingsError
from bot.stores import described, make_ready
from bot.threads import at_database
from handlers.hooks.receiving import Webhooks
from handlers.platform.destinations import DestinationDesk
from handlers.platform.routes import platform_api
from handlers.platform.uploads import ListDesk
from handlers.slack.channels import why_unusable
from store import Store, StoreError, StoreUnavailable

if TYPE_CHECKING:
    from handlers.platform.api import Api

    _Made = tuple[Desk, Api | None, Webhooks | None]

log = structlog.get_logger(__name__)
# Seconds for which whoever asks all databases waits for the others, once one has answered.
LOOK_SECONDS: Final = 3.0
SILENT: Final = f"It has not answered for {LOOK_SECONDS:.0f} seconds."
T = TypeVar("T")
_CLOSED: Final = "The opt-out list cannot be used now, so nothing was changed. Please try again in a minute."


class Branch:
    """
    The part of the desk that works on *store*, called *name*; *alone* where there is no other.

    `why`: what keeps it from its work, None while nothing does. `desk`, `api` and `hooks` are there once it may work: those of the
    first branch when they are built, of the others when they were started.
    """

    def __init__(self, settings: Settings, name: str, store: Store, *, alone: bool = True) -> None:
        self.name = name
        self.store = store
        self.why: StoreUnavailable | None = None
        self.desk: Desk | None = None
        self.api: Api | None = None
        self.hooks: Webhooks | None = None
        self._settings = settings
        self._looking: asyncio.Task[str] | None = None
        self._named = {} if alone else {"database": name}
        self._trying = False
        self._ended = False
        store.database.report = self._report

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """What is done in the block, and started in it, has this branch's threads, where there are others."""
        if not self._named:
            yield
            return
        with at_database(self.name):
            yield

    @property
    def away(self) -> StoreUnavailable:
        """What whoever needs it is told while there is no `desk`, also before it was tried: what it has may be there all the same."""
        return self.why or StoreUnavailable(_CLOSED, cause="It was not tried yet: the desk starts.")

    @property
    def waits(self) -> bool:
        """Whether it has to be started, and nobody is about it."""
        return self.desk is None and not self._trying

    def build(self) -> Desk:
        """Put it together; the tables have to be migrated. Raises `SettingsError` for tokens that cannot be read, and `StoreError`. Blocks."""
        self.desk, self.api, self.hooks = self._put_together()
        return self.desk

    def _put_together(self) -> "_Made":
        settings, store = self._settings, self.store
        desk, api, hooks = create_app(settings, store), None, None
        if settings.api == "on":
            lists = ListDesk(desk.channels.of_sent_lists, int(settings.max_list_bytes), desk.runner.poke)
            passing_on = DestinationDesk(desk.passing.fault_of, partial(_why_unusable, desk))
            api = platform_api(store, lists, passing_on, settings.public_url)
        if settings.hooks_url is not None:
            hooks = Webhooks(store, settings.hooks_url, clock=desk.clock)
        return desk, api, hooks

    async def start(self) -> None:
        """Begin with what others left, and with what comes. Raises `StoreError`."""
        desk = self.desk or self.build()
        with self.at_work():
            await asyncio.to_thread(self.store.database.identify)
            await desk.start()

    async def try_to_start(self, doubt: Callable[["Branch"], None]) -> None:
        """
        Have the database ready, and start; where that cannot be, `why` says so, and it can be tried again.

        *doubt* raises `SettingsError` where it must not start after all, now that it is known which database it is. What a person has
        to put right is raised the first time, that or `StoreError`; an outage never is.
        """
        self._trying = True
        try:
            await self._try_to_start(doubt)
        finally:
            self._trying = False

    async def _try_to_start(self, doubt: Callable[["Branch"], None]) -> None:
        with self.at_work():
            made: _Made | None = None
            try:
                await asyncio.to_thread(make_ready, self.store, partial(log.warning, **self._named))
                await asyncio.to_thread(self.store.database.identify)
                # Before anything is written, or acknowledged, that would be in a database which is not to be worked on.
                doubt(self)
                for in_use, sentence in await asyncio.to_thread(lambda: tuple(described(self.store))):
                    (log.info if in_use else log.warning)(sentence)
                made = await asyncio.to_thread(self._put_together)
                await made[0].start()
            except (StoreError, SettingsError) as error:
                before, self.why = self.why, _as_outage(error)
                if made is not None:
                    await made[0].stop()
                if before is None and not isinstance(error, StoreUnavailable):
                    raise
                if before is None or before.cause != self.why.cause:
                    # It says it all.
                    log.error("the database cannot be used, its accounts wait", cause=self.why.cause, **self._named)  # noqa: TRY400
                return
            if self._ended:
                await made[0].stop()
                return
        self.desk, self.api, self.hooks = made
        if self.why is not None:
            log.info("the database can be used, its accounts are served", **self._named)
        self.why = None

    async def stop(self) -> None:
        """Take nothing new, let what was taken end, and stop."""
        self._ended = True
        with self.at_work():
            for door in (self.api, self.hooks):
                if door is not None:
                    await door.drain()
            if self.desk is not None:
                await self.desk.stop()

    async def dispatch(self, payload: dict[str, Any]) -> BoltResponse:
        """As `Desk.dispatch`; while the database cannot be used a command is answered so, and Slack sends an event again."""
        if self.desk is None:
            return BoltResponse(status=200, body=str(self.away)) if "command" in payload else BoltResponse(status=503)
        with self.at_work():
            return await self.desk.dispatch(payload)

    def look(self) -> asyncio.Task[str]:
        """A look at why the database cannot be used, for operators; "ok" when it can. One that goes on already is the one."""
        if self._looking is None or self._looking.done():
            with self.at_work():
                self._looking = asyncio.create_task(asyncio.to_thread(self._check))
        return self._looking

    def _check(self) -> str:
        if self.desk is None:
            return self.away.cause
        try:
            self.store.database.check()
        except StoreError as error:
            return error.cause
        return "ok"

    def _report(self, outage: StoreUnavailable | None) -> None:
        """Log the beginning of an outage of the database, with its cause, and its end."""
        if outage is None:
            log.info("the database can be used again", **self._named)
        elif outage.kind in {"damaged", "replaced"}:
            # Nothing mends itself here.
            log.critical("the database cannot be used", kind=outage.kind, cause=outage.cause, **self._named)
        else:
            log.error("the database cannot be used", kind=outage.kind, cause=outage.cause, **self._named)


async def of_those_that_answer(
    asked: Mapping[str, asyncio.Task[T]], is_enough: Callable[[T], bool] = lambda _: True
) -> dict[str, T]:
    """
    What the tasks *asked* give, by their names: all that come within `LOOK_SECONDS` after the first that *is_enough*.

    One database that says nothing keeps nobody from hearing of the others. Raises what a task raises.
    """
    waiting = set(asked.values())
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if any(is_enough(task.result()) for task in done):
            break
    if waiting:
        await asyncio.wait(waiting, timeout=LOOK_SECONDS)
    return {name: task.result() for name, task in asked.items() if task.done()}


def _as_outage(error: StoreError | SettingsError) -> StoreUnavailable:
    """*error*, which is for whoever runs the desk, as people are told of it."""
    return error if isinstance(error, StoreUnavailable) else StoreUnavailable(_CLOSED, cause=str(error))


async def _why_unusable(desk: Desk, account: int, channel: str) -> str | None:
    return await why_unusable(await desk.installations.of(account), channel, own=True)
