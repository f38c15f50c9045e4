"""
Answers on their way: kept before Slack gets its acknowledgement, given once, by this process or by whoever comes after it.

What was done is in the database by then. A process that dies before it has said so leaves the saying to the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, replace
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from handlers.loops import Loop
from handlers.slack.messages import NOTHING, Message
from handlers.slack.places import Place, Request, permalink_of
from handlers.slack.posting import Keyed, Poster
from handlers.slack.replies import Replies
from handlers.tasks import Tasks
from store import ANSWER, Account, Actor, Delivery, Post, Store, StoreError

log = structlog.get_logger()
# By then Slack has been out of order for hours.
MOST_ATTEMPTS = 100
MOST_AT_ONCE = 8
# Seconds between tries by the process that had the request; after the last it is left to the loop.
PAUSES = (0.5, 1.0, 2.0)
_INTERRUPTED = (
    "I was stopped while I worked on what you asked for, and do not know how far it got. "
    "Please look whether it was done, and ask again if not."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """
    *message*, for *place*; *pressed*: the message of the button that asked for it, as Slack's payload has it.

    *key*: names it among the answers of *account*; None for one that could not be kept.
    """

    account: int | None
    key: str | None
    place: Place
    message: Message
    pressed: dict[str, Any] | None = None
    again: bool = False

    @property
    def id(self) -> str:
        """What its row is called."""
        return f"{ANSWER} {self.key}"

    def packed(self) -> dict[str, Any]:
        """As the database keeps it."""
        place = {name: value for name in _PLACE if (value := getattr(self.place, name))}
        return {
            "key": self.key,
            "place": place | {"actor": asdict(self.place.actor)},
            "message": asdict(self.message),
            "pressed": self.pressed,
        }


def _shown(pressed: dict[str, Any] | None, message: Message) -> dict[str, Any] | None:
    """What `Replies.settle` needs of the message of a button, where there is something to settle."""
    if not pressed or not message.settles:
        return None
    return {part: pressed[part] for part in ("ts", "text", "blocks") if part in pressed}


_PLACE = ("channel_id", "channel_name", "thread_ts", "message_ts", "response_url", "ephemeral")


def _message_of(packed: dict[str, Any]) -> Message:
    details = tuple(_message_of(one) for one in packed["details"])
    parts = {"blocks": tuple(packed["blocks"]), "details": details, "phones": tuple(packed["phones"])}
    return Message(**packed | parts)


class Answers:
    """Keeps answers and gives them. *account*: the account that a payload is for."""

    def __init__(
        self,
        store: Store,
        replies: Replies,
        poster: Poster,
        client: AsyncWebClient,
        tasks: Tasks,
        account: Callable[[dict[str, Any]], Awaitable[Account]],
        *,
        lease_seconds: float,
    ) -> None:
        self._account = account
        self._store = store
        self._replies = replies
        self._poster = poster
        self._client = client
        self._tasks = tasks
        self._lease_seconds = lease_seconds
        # One that has to wait for Slack does not keep the others waiting.
        self._free = asyncio.Semaphore(MOST_AT_ONCE)
        self.loop = Loop("outbox", self._take_up, tasks, every=max(0.2, lease_seconds / 4))

    async def keep(
        self,
        body: dict[str, Any],
        place: Place,
        message: Message,
        *,
        key: str,
        pressed: dict[str, Any] | None = None,
        must: bool = False,
    ) -> Answer | None:
        """
        Keep *message* as the answer to Slack's payload *body*; None when there is none to give, or it was kept before.

        An answer that the store does not take is given all the same, by this process alone; with *must* `StoreError` is
        raised instead.
        """
        if isinstance(place, Request):
            message = for_all(place, message)
        if message is NOTHING:
            return None
        try:
            account = (await self._account(body)).id if message.account is None else message.account
            answer = Answer(account, key, place, message, _shown(pressed, message))
            new = await asyncio.to_thread(
                self._store.deliveries.receive,
                account,
                answer.id,
                ANSWER,
                None,
                answer.packed(),
                lease_seconds=self._lease_seconds,
            )
        except StoreError as error:
            if must:
                raise
            log.warning("an answer is not kept", why=str(error))
            return Answer(None, None, place, message, _shown(pressed, message))
        return answer if new else None

    async def keep_interrupted(self, body: dict[str, Any], place: Place, *, key: str) -> Answer | None:
        """What is answered to a request whose process dies, unless `change` says better; nobody gives it before."""
        return await self.keep(body, place, Message.of(_INTERRUPTED, private=True), key=key)

    async def change(self, answer: Answer, message: Message, *, pressed: dict[str, Any] | None = None) -> Answer | None:
        """Answer *message* instead of what was kept; *pressed* as for `keep`."""
        changed = replace(answer, message=message, pressed=_shown(pressed, message))
        if answer.account is None:
            return None if message is NOTHING else changed
        try:
            if message is NOTHING:
                await asyncio.to_thread(self._store.deliveries.given, answer.account, answer.id)
                return None
            await asyncio.to_thread(self._store.deliveries.change, answer.account, answer.id, changed.packed())
        except StoreError as error:
            log.warning("an answer is not kept", why=str(error))
        return changed

    async def give(self, answer: Answer | None) -> None:
        """Give *answer*, if there is one. What does not succeed is tried again later; nothing is raised."""
        if answer is None:
            return
        async with self.held(answer):
            if answer.message.settles and answer.pressed and not answer.place.ephemeral:
                await self._replies.settle(answer.place, answer.pressed, answer.message.settles)
            for pause in (*PAUSES, None):
                try:
                    await self._give(answer)
                except Exception as error:
                    if pause is None or answer.account is None:
                        # It is kept, unless the store was away: whoever finds it next tries again.
                        log.exception("answer not delivered", channel=answer.place.channel_id, kept=answer.account)
                        return
                    log.warning("an answer waits", channel=answer.place.channel_id, why=type(error).__name__)
                    answer = replace(answer, again=True)
                    await asyncio.sleep(pause)
                else:
                    return

    async def _give(self, answer: Answer) -> None:
        to = Keyed(answer.account, answer.key, answer.again) if answer.account is not None and answer.key else None
        ts = await self._replies.answer(answer.place, answer.message, to)
        if answer.account is not None:
            if ts is not None and answer.message.entry is not None:
                await self._link(answer.account, answer.message.entry, replace(answer.place, message_ts=ts))
            await asyncio.to_thread(self._store.deliveries.given, answer.account, answer.id)

    def held(self, answer: Answer) -> AbstractAsyncContextManager[None]:
        """Hold the answer while the block runs: nobody else gives it meanwhile."""

        def renew() -> None:
            if answer.account is not None:
                self._store.deliveries.renew(answer.account, answer.id, lease_seconds=self._lease_seconds)

        return self._tasks.keep_lease(renew, self._lease_seconds, name="hold an answer")

    async def _link(self, account: int, entry: int, place: Place) -> None:
        """Link the entry that the place's message tells of to it: whoever looks the number up later can go there."""
        link = await permalink_of(place)
        await asyncio.to_thread(self._store.history.link, account, entry, place.message_ts or "", link)

    async def _take_away(self, kept: Delivery) -> None:
        try:
            await self._poster.take_away(Post(**kept.payload["extra"]))
            await asyncio.to_thread(self._store.deliveries.given, kept.account_id, kept.event_id)
        except Exception as error:  # noqa: BLE001  the lease runs out, and somebody tries again
            log.warning("a second copy of an answer stays for now", why=type(error).__name__)

    async def _take_up(self) -> bool:
        """Give the answer that has waited longest, in the background; False when none waits."""
        await self._free.acquire()
        work = None
        try:
            kept = await asyncio.to_thread(
                self._store.deliveries.take,
                lease_seconds=self._lease_seconds,
                most_attempts=MOST_ATTEMPTS,
                answers=True,
            )
            if kept is None:
                return False
            work = self._left(kept)
        finally:
            if work is None:
                self._free.release()
        doing = self._tasks.start(work, name="give an answer that was left")
        doing.add_done_callback(lambda _: self._free.release())
        return True

    def _left(self, kept: Delivery) -> Coroutine[Any, Any, None]:
        packed = kept.payload
        if "extra" in packed:
            return self._take_away(kept)
        place = Place(client=self._client, **packed["place"] | {"actor": Actor(**packed["place"]["actor"])})
        log.info("giving an answer that was left", attempts=kept.attempts)
        message = _message_of(packed["message"])
        return self.give(Answer(kept.account_id, packed["key"], place, message, packed["pressed"], again=True))


def for_all(request: Request, message: Message | None) -> Message:
    """*message*, with whose it is and what that account wants of numbers in it."""
    if message is None or message is NOTHING:
        return NOTHING
    return replace(message, numbers=request.account.settings.numbers, account=request.account.id)
