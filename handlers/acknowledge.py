"""Acknowledged means committed: the one place that decides when a command or button is acked."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from handlers.replies import Message, outcome_of

# Slack shows the person an error after 3 s (https://docs.slack.dev/interactivity/implementing-slash-commands); the rest is for the way there.
PATIENCE_SECONDS = 2.0
STILL_WORKING = "Still working on it; the answer follows here."


async def acknowledged(
    ack: Callable[..., Awaitable[Any]],
    work: Awaitable[Message],
    *,
    late: Callable[[str], Awaitable[None]] | None = None,
    shown: Callable[[Message], dict[str, Any]] = lambda _message: {},
) -> Message:
    """
    Do *work*, acknowledge, and return its message; never raises for what *work* does.

    The ack comes after the work, or after 2 s with a word that it is still being done. A command's ack shows that word
    by itself; the ack of a button shows nothing, so there *late* says it. *shown*: what the ack of a modal says of the
    message, when that is there in time.
    """
    doing = asyncio.ensure_future(outcome_of(work))
    done, _ = await asyncio.wait({doing}, timeout=PATIENCE_SECONDS)
    if done:
        await ack(**shown(doing.result()))
    elif late is None:
        await ack(STILL_WORKING)
    else:
        await ack()
        await late(STILL_WORKING)
    return await doing
