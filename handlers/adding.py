"""Opting phones out, the one use case of every surface that offers it: once for each request, and with an answer."""

import asyncio
from collections.abc import Sequence

from handlers.slack.messages import Message
from handlers.slack.places import Request
from handlers.views import outcomes as views
from handlers.views.optouts import EnteredNumber
from store import Added, Cause, Function, PhoneNumber, Store


async def opt_out(
    store: Store,
    request: Request,
    numbers: Sequence[EnteredNumber],
    function: Function,
    *,
    idempotency_key: str,
    reason: str | None = None,
    cause: Cause | None = None,
    permalink: str | None = None,
) -> Message:
    """
    Opt the phones among *numbers* out by one entry; the answer says what became of each number.

    *function*: the way the entry is made. *idempotency_key*: of the payload that asks (`idempotency_key_of`); asked again
    by the same, nothing is done, and the answer is that of the first time. *reason*: in somebody's words; *permalink*: of
    the message that the request is about. Raises `StoreError`.
    """
    phones = [number.reading.e164 for number in numbers if isinstance(number.reading, PhoneNumber)]
    outcomes: tuple[Added, ...] = ()
    if phones:
        origin = request.origin(function, reason, cause=cause, permalink=permalink)
        outcomes = await asyncio.to_thread(
            store.optouts.add, request.account.id, phones, origin, idempotency_key=idempotency_key
        )
    by_phone = {outcome.phone: outcome for outcome in outcomes}
    return views.added(numbers, by_phone, request.actor, request.account.country)
