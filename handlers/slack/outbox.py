"""
The outbox of answers: kept before Slack gets its acknowledgement, and delivered once, by this process or the next.

What was done is in the database by then. A process that dies before it has said so leaves the saying to the next one.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final, TypeVar

import structlog
from prometheus_client import Histogram
from slack_sdk.web.async_client import AsyncWebClient

from handlers.loops import Loop
from handlers.slack.clients import Clients, GoneClient
from handlers.slack.errors import DEADLY, MOST_DEATHS, NOT_INSTALLED, UnreadableRowError, pause_after, reason_of
from handlers.slack.messages import NOTHING, Message
from handlers.slack.pacing import Turn
from handlers.slack.places import Place, Request, permalink_of
from handlers.slack.posting import Poster, PostKey
from handlers.slack.replies import Replies
from handlers.tasks import Tasks
from store import TAKEN_AWAY, Account, Actor, LeaseLost, OutboxMessage, OutboxState, Store, StoreError

log = structlog.get_logger()
# Of answers that were left, how many are given at once, and how many of them of one account: a channel takes a message a second,
# for which those of other accounts are not to wait.
MOST_AT_ONCE: Final = 64
MOST_OF_ACCOUNT: Final = 8
# Seconds. An answer waits for its turn in its channel, and for Slack as long as that is away.
_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
# Seconds between tries by the process that had the request; after the last it is left to the loop.
PAUSES: Final = (0.5, 1.0, 2.0)
_INTERRUPTED = (
    "I was stopped while I worked on what you asked for, and do not know how far it got. "
    "Please look whether it was done, and ask again if not."
)
# Of a place, what is kept: the client is the desk's, and the actor is kept apart.
_PLACE: Final = ("channel_id", "channel_name", "thread_ts", "threaded", "message_ts", "response_url", "ephemeral")


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An answer to deliver: *message*, for *place*.

    *pressed*: the message of the button that asked for it, as Slack's payload has it. *key*: the idempotency key of it and
    its details. *kept*: its row, held by whoever gives it; None for one that could not be kept. *may_exist*: it may have
    been posted, in whole or in part. *turn*: to post it, where one was taken when the question came.
    """

    place: Place
    message: Message
    pressed: dict[str, Any] | None
    key: str
    kept: OutboxMessage | None = None
    may_exist: bool = False
    turn: Turn | None = None

    def to_json(self) -> dict[str, Any]:
        """The payload of its row in the outbox."""
        place = {name: value for name in _PLACE if (value := getattr(self.place, name))}
        return {
            "key": self.key,
            "place": place | {"actor": asdict(self.place.actor)},
            "message": asdict(self.message),
            "pressed": self.pressed,
        }

    @classmethod
    def from_json(cls, kept: OutboxMessage, client: AsyncWebClient) -> "Answer":
        """
        The answer in a row that is held. Fields that this program does not know are left alone.

        Raises `UnreadableRowError` for what is no answer.
        """
        try:
            packed = kept.payload
            place = {name: packed["place"][name] for name in _PLACE if name in packed["place"]}
            actor = _from_fields(Actor, packed["place"]["actor"])
            message, pressed, key = _message_of(packed["message"]), packed["pressed"], str(packed["key"])
            return cls(Place(client=client, actor=actor, **place), message, pressed, key, kept, may_exist=True)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableRowError("it is no answer as this program keeps them") from error


_T = TypeVar("_T")


def _from_fields(kind: type[_T], packed: dict[str, Any]) -> _T:
    """A dataclass of *kind* from those of its fields that *packed* has."""
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]  # dataclasses only
    return kind(**{name: value for name, value in packed.items() if name in names})


def _message_of(packed: dict[str, Any]) -> Message:
    details = tuple(_message_of(detail) for detail in packed["details"])
    parts = {"blocks": tuple(packed["blocks"]), "details": details, "phones": tuple(packed["phones"])}
    return _from_fields(Message, packed | parts)


def _to_settle(pressed: dict[str, Any] | None, message: Message) -> dict[str, Any] | None:
    """What `Replies.settle` needs of the message of a button, where there is something to settle."""
    if not pressed or not message.settles:
        return None
    return {part: pressed[part] for part in ("ts", "text", "blocks") if part in pressed}


class Answers:
    """
    Keeps answers, and delivers them.

    *account*: the account that a payload is for. *clock*: seconds since 1970, by the clock that answers are kept by.
    `times` says how long those took that were kept, from then until they were given.
    """

    def __init__(
        self,
        store: Store,
        replies: Replies,
        poster: Poster,
        clients: Clients,
        tasks: Tasks,
        account: Callable[[dict[str, Any]], Awaitable[Account]],
        clock: Callable[[], float],
        *,
        owner: str,
        lease_seconds: float,
    ) -> None:
        self._owner = owner
        self._account = account
        self._store = store
        self._replies = replies
        self._poster = poster
        self._clients = clients
        self._tasks = tasks
        self._lease_seconds = lease_seconds
        self._clock = clock
        self.times = Histogram(
            "optout_answered_seconds",
            "Time of answers from when they were kept until they were given.",
            registry=None,
            buckets=_BUCKETS,
        )
        # One that has to wait for Slack does not keep the others waiting.
        self._free = asyncio.Semaphore(MOST_AT_ONCE)
        # By account, how many of those are its own.
        self._at_work: Counter[int] = Counter()
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
            message = with_account(place, message)
        if message is NOTHING:
            return None
        answer = Answer(place, message, _to_settle(pressed, message), key)
        try:
            account = (await self._account(body)).id if message.account is None else message.account
            kept = await asyncio.to_thread(
                self._store.outbox.keep,
                account,
                _row_of(key),
                answer.to_json(),
                owner=self._owner,
                lease_seconds=self._lease_seconds,
            )
        except StoreError as error:
            if must:
                raise
            log.warning("an answer is not kept", why=type(error).__name__)
            return answer
        return None if kept is None else replace(answer, kept=kept)

    async def keep_interrupted(self, body: dict[str, Any], place: Place, *, key: str) -> Answer | None:
        """Keep the answer for the case that this process dies, until `change` replaces it; nobody gives it before."""
        return await self.keep(body, place, Message.of(_INTERRUPTED, private=True), key=key)

    async def change(self, answer: Answer, message: Message, *, pressed: dict[str, Any] | None = None) -> Answer | None:
        """Answer *message* instead of what was kept; *pressed* as for `keep`."""
        changed = replace(answer, message=message, pressed=_to_settle(pressed, message))
        if answer.kept is None:
            return None if message is NOTHING else changed
        try:
            if message is NOTHING:
                await asyncio.to_thread(self._store.outbox.sent, answer.kept)
                return None
            await asyncio.to_thread(self._store.outbox.change, answer.kept, changed.to_json())
        except LeaseLost:
            log.warning("an answer is left to somebody else", key=answer.key)
            return None
        except StoreError as error:
            log.warning("an answer is not kept", why=type(error).__name__)
        return changed

    def turn(self, place: Place) -> Turn:
        """The next turn to post into the channel of *place*, for a question that is still to be worked on."""
        return self._poster.turn(place.channel_id)

    async def give(self, answer: Answer | None) -> None:
        """Give *answer*, if there is one. What does not succeed is tried again later; nothing is raised."""
        if answer is None:
            return
        try:
            await self._give_held(answer)
        finally:
            if answer.turn is not None:
                answer.turn.leave()

    async def _give_held(self, answer: Answer) -> None:
        async with self.held(answer):
            if answer.message.settles and answer.pressed and not answer.place.ephemeral:
                await self._replies.settle(answer.place, answer.pressed, answer.message)
            for pause in (*PAUSES, None):
                try:
                    await self._give(answer)
                except LeaseLost:
                    log.warning("an answer is left to somebody else", key=answer.key)
                    return
                except Exception as error:
                    if answer.kept is None:
                        log.exception("answer not delivered", channel=answer.place.channel_id)
                        return
                    if pause is None:
                        await self._failed(answer.kept, error)
                        return
                    log.warning("an answer waits", channel=answer.place.channel_id, why=type(error).__name__)
                    answer = replace(answer, may_exist=True)
                    await asyncio.sleep(pause)
                else:
                    return

    async def _give(self, answer: Answer) -> None:
        kept = answer.kept
        post_key = PostKey(kept.account_id, answer.key, answer.may_exist) if kept is not None else None
        delivered = await self._replies.answer(answer.place, answer.message, post_key, answer.turn)
        if kept is None:
            return
        try:
            link = None
            if delivered.head is not None and answer.message.entry is not None:
                # Whoever looks the number up later can go to the message that told of it.
                link = await permalink_of(replace(answer.place, message_ts=delivered.head.ts))
            await asyncio.to_thread(
                self._store.outbox.sent,
                kept,
                posts=delivered.unrecorded,
                entry=answer.message.entry if delivered.head is not None else None,
                head=delivered.head,
                permalink=link,
            )
        finally:
            self._poster.recorded(kept.account_id, delivered.unrecorded)
        self.times.observe(max(0.0, self._clock() - kept.received_at.timestamp()))

    def held(self, answer: Answer) -> AbstractAsyncContextManager[None]:
        """Hold the answer while the block runs: nobody else gives it meanwhile."""
        kept = answer.kept
        if kept is None:
            return nullcontext()

        def renew() -> None:
            self._store.outbox.renew(kept, lease_seconds=self._lease_seconds)

        return self._tasks.keep_lease(renew, self._lease_seconds, name="hold an answer")

    async def _failed(self, kept: OutboxMessage, error: Exception) -> None:
        """Wait before *kept* is tried again; one that can never be given is set aside. Never raises."""
        pause = pause_after(error, kept.attempts)
        try:
            if pause is None:
                log.error("an answer is discarded", key=kept.key, exc_info=error)
                await asyncio.to_thread(self._store.outbox.discard, kept, reason_of(error))
            else:
                log.warning("an answer waits", key=kept.key, attempts=kept.attempts, exc_info=error)
                seconds = min(pause, 2 * self._lease_seconds)
                await asyncio.to_thread(self._store.outbox.postpone, kept, seconds=seconds)
        except StoreError:
            # Whoever took it over decides; or the database is away, and its lease runs out.
            log.warning("an answer is left to the next claim", key=kept.key)

    async def _take_up(self) -> bool:
        """Give the message that has waited longest, of an account that may have one more, in the background; False when none waits."""
        await self._free.acquire()
        kept = None
        try:
            full = [account for account, count in self._at_work.items() if count >= MOST_OF_ACCOUNT]
            kept = await asyncio.to_thread(
                self._store.outbox.claim, self._owner, lease_seconds=self._lease_seconds, besides=full
            )
            if kept is None:
                return False
        finally:
            if kept is None:
                self._free.release()
        account = kept.account_id
        self._at_work[account] += 1
        doing = self._tasks.start(self._take(kept), name="give an answer that was left")
        doing.add_done_callback(lambda _: self._ended(account))
        return True

    def _ended(self, account: int) -> None:
        """One that was left is given, or left again: the next of *account* may be looked for."""
        if self._at_work[account] == MOST_OF_ACCOUNT:
            self.loop.poke()
        self._at_work[account] -= 1
        if not self._at_work[account]:
            del self._at_work[account]
        self._free.release()

    async def _take(self, kept: OutboxMessage) -> None:
        if kept.deaths >= MOST_DEATHS:
            log.error("an answer is discarded", key=kept.key, deaths=kept.deaths)
            await asyncio.to_thread(self._store.outbox.discard, kept, DEADLY.format(kept.deaths))
            return
        if kept.state is OutboxState.EXTRA:
            await self._take_away(kept)
            return
        client = await self._clients.of(kept.account_id)
        if isinstance(client, GoneClient):
            log.warning("an answer is dropped: the app is not installed there any more", key=kept.key)
            await asyncio.to_thread(self._store.outbox.discard, kept, NOT_INSTALLED)
            return
        try:
            answer = Answer.from_json(kept, client)
        except UnreadableRowError as error:
            log.exception("an answer is discarded", key=kept.key)
            await asyncio.to_thread(self._store.outbox.discard, kept, reason_of(error))
            return
        log.info("giving an answer that was left", attempts=kept.attempts)
        await self.give(answer)

    async def _take_away(self, kept: OutboxMessage) -> None:
        """Delete a second copy of a message."""
        assert kept.post is not None  # noqa: S101  the table's own check
        try:
            await self._poster.take_away(kept.account_id, kept.post)
            await asyncio.to_thread(self._store.outbox.discard, kept, TAKEN_AWAY)
        except Exception as error:  # noqa: BLE001  somebody tries again
            await self._failed(kept, error)


def _row_of(key: str) -> str:
    """The key of an answer's row: that of its first message in Slack, whose details are numbered from 1."""
    return f"{key} 0"


def with_account(request: Request, message: Message | None) -> Message:
    """*message* with the account of *request*, its country, and whether it wants numbers masked in public channels."""
    if message is None or message is NOTHING:
        return NOTHING
    account = request.account
    return replace(message, numbers=account.settings.numbers, home=account.country, account=account.id)
