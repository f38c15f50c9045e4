"""
Passing on: the loop that tells each destination of what changed in the list, and its channel when that does not go.

One destination that hangs holds up no other: each is told by a task of its own, under its own lease.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from typing import Final

import structlog
from slack_sdk.errors import SlackApiError

from handlers.loops import Loop
from handlers.slack.errors import error_code, is_transient
from handlers.slack.posting import Poster, PostKey
from handlers.tasks import Tasks
from handlers.views import destinations as views
from handlers.work.senders import Answered, Sender
from store import (
    Destination,
    DestinationKind,
    DestinationState,
    LeaseLost,
    NewDestination,
    Store,
    StoreError,
    checked_application,
    checked_key,
    checked_layout,
    checked_login,
    checked_secret,
)

log = structlog.get_logger()
# A STOP is to be with a destination within a second.
SECONDS_BETWEEN_LOOKS: Final = 0.25
SECONDS_BETWEEN_TELLS: Final = 5.0
# Destinations that one replica tells at once.
_MOST_AT_ONCE: Final = 20
# After so many failures in a row, in seconds. Standard Webhooks' own schedule goes on to a day; an opt-out does not wait that
# long for somebody who is back.
SCHEDULE: Final = (5.0, 300.0, 1_800.0, 7_200.0)
# What of a kind is looked at besides the address, by the attribute of a `NewDestination`.
_CHECKS: Final[dict[DestinationKind, dict[str, Callable[[str], str]]]] = {
    DestinationKind.TWILIO: {"login": checked_login, "secret": checked_secret},
    DestinationKind.VAN: {"login": checked_application, "secret": checked_key},
    DestinationKind.FILE: {"address": checked_layout},
}
_OUR_FAULT: Final = "something went wrong in the desk, whose log says what"
_AFTER_OUR_FAULT: Final = 60.0


def wait_after(attempts: int) -> float:
    """Seconds to the next try after *attempts* in a row that failed, 1 or more, up to a tenth longer."""
    return SCHEDULE[min(attempts, len(SCHEDULE)) - 1] * random.uniform(1.0, 1.1)  # noqa: S311  spread, not secrecy


def _wait_of_phone(answered: Answered, attempts: int) -> float:
    """Seconds to the next try of a single phone that was not taken, after *attempts* of it."""
    return wait_after(attempts) if answered.wait_of_each is None else answered.wait_of_each


class Passing:
    """The loops that pass on and that tell of what does not go. *senders*: one for each kind of destination but files."""

    def __init__(
        self,
        store: Store,
        senders: Mapping[DestinationKind, Sender],
        poster: Poster,
        tasks: Tasks,
        *,
        owner: str,
        lease_seconds: float,
    ) -> None:
        self._store = store
        self.senders = senders
        self._poster = poster
        self._tasks = tasks
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._at_work = 0
        self.loop = Loop("destinations", self._look, tasks, every=SECONDS_BETWEEN_LOOKS)
        self.telling = Loop("destinations' states", self._tell_next, tasks, every=SECONDS_BETWEEN_TELLS)

    @property
    def loops(self) -> tuple[Loop, ...]:
        return self.loop, self.telling

    def poke(self) -> None:
        """Look at once for a destination to be told, or one to tell of."""
        self.loop.poke()
        self.telling.poke()

    def fault_of(self, wanted: NewDestination) -> tuple[str, str] | None:
        """The attribute of a destination to be made with which nothing can be passed on, and why; None for none."""
        if wanted.kind in self.senders and (why := self.senders[wanted.kind].why_not(wanted.address)) is not None:
            return "address", why
        for attribute, check in _CHECKS.get(wanted.kind, {}).items():
            try:
                check(getattr(wanted, attribute) or "")
            except StoreError as error:
                return attribute, str(error)
        return None

    async def close(self) -> None:
        """Close every connection of the senders."""
        for sender in self.senders.values():
            await sender.close()

    async def _look(self) -> bool:
        """Begin to tell one destination of what waits for it; False where there is none."""
        if self._at_work >= _MOST_AT_ONCE:
            return False
        claimed = await asyncio.to_thread(
            self._store.destinations.claim, self._owner, lease_seconds=self._lease_seconds
        )
        if claimed is None:
            return False
        self._at_work += 1
        self._tasks.start(self._pass_on(claimed), name="pass on")
        return True

    async def _pass_on(self, destination: Destination) -> None:
        try:
            async with self._held(destination):
                await self._catch_up(destination)
        except LeaseLost:
            log.info("a destination is left to somebody else", destination=destination.id)
        except Exception:
            failed = partial(self._store.destinations.failed, destination, _OUR_FAULT, seconds=_AFTER_OUR_FAULT)
            await self._tasks.give_back(failed)
            raise
        except BaseException:
            await self._tasks.give_back(partial(self._store.destinations.give_back, destination))
            raise
        finally:
            self._at_work -= 1
            self.loop.poke()

    def _held(self, destination: Destination) -> AbstractAsyncContextManager[None]:
        renew = partial(self._store.destinations.renew, destination, lease_seconds=self._lease_seconds)
        return self._tasks.keep_lease(renew, self._lease_seconds, name="hold a destination")

    async def _catch_up(self, destination: Destination) -> None:
        """Tell *destination*, page by page, of all that changed, or until it does not take it."""
        verbs, sender = self._store.destinations, self.senders[destination.kind]
        while True:
            page = await asyncio.to_thread(verbs.page, destination, sender.most_phones)
            answered = Answered(None)
            if page.phones:
                answered = await sender.send_page(destination, page)
                if answered.is_refused:
                    await asyncio.to_thread(verbs.refused, destination, answered.problem or "")
                    self.telling.poke()
                    return
                if answered.problem is not None:
                    log.info("a destination does not take it", destination=destination.id, status=answered.status)
                    seconds = answered.wait or wait_after(destination.attempts + 1)
                    await asyncio.to_thread(verbs.failed, destination, answered.problem, seconds=seconds)
                    return
            wait = partial(_wait_of_phone, answered)
            of_each = answered.of_each
            if not page.more:
                # The last page is of those that waited by themselves, or ends what changed: none of them waits any more.
                of_each = {**dict.fromkeys(one.phone for one in page.phones), **of_each}
            destination = await asyncio.to_thread(verbs.taken, destination, page.cursor, of_each, wait)
            if not page.more or self.loop.stopping or destination.state is not DestinationState.ON:
                break
        await asyncio.to_thread(verbs.give_back, destination)

    async def _tell_next(self) -> bool:
        """Tell the channel of one destination that it is down, or that this is over; False where there is none."""
        verbs = self._store.destinations
        claimed = await asyncio.to_thread(verbs.claim_untold, self._owner, lease_seconds=self._lease_seconds)
        if claimed is None:
            return False
        told = replace(await asyncio.to_thread(verbs.get, claimed.account_id, claimed.id), lease=claimed.lease)
        since = claimed.failing_since or claimed.told_at
        post_key = PostKey(
            claimed.account_id,
            f"destination {claimed.id} {claimed.state} {claimed.told_at is None} {since and since.isoformat()}",
            may_exist=True,
        )
        try:
            async with self._held(claimed):
                await self._poster.post(claimed.channel, views.told(told), None, post_key)
        except BaseException as error:
            if not isinstance(error, SlackApiError) or is_transient(error):
                await self._tasks.give_back(partial(verbs.give_back, claimed))
                raise
            log.warning("nobody is told of a destination", destination=claimed.id, why=error_code(error))
        try:
            await asyncio.to_thread(verbs.told, claimed)
        except LeaseLost:
            log.info("a destination is left to somebody else", destination=claimed.id)
        return True
