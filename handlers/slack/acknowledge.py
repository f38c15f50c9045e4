"""The acknowledgement of commands, buttons and modals: once what was asked is committed and its answer is kept."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from handlers.slack.errors import outcome_of
from handlers.slack.messages import Message
from handlers.slack.outbox import Answer, Answers
from handlers.slack.payloads import idempotency_key_of
from handlers.slack.places import Place

# Slack shows the person an error after 3 s (https://docs.slack.dev/interactivity/implementing-slash-commands); the rest is for the way there.
PATIENCE_SECONDS = 2.0
KEEP_SECONDS = 0.4
STILL_WORKING = "Still working on it; the answer follows here."


async def acknowledged(
    ack: Callable[..., Awaitable[Any]],
    work: Awaitable[Message],
    *,
    answers: Answers,
    body: dict[str, Any],
    place: Place,
    late: Callable[[str], Awaitable[None]] | None = None,
    shown: Callable[[Message], dict[str, Any] | None] = lambda _message: None,
    closing: dict[str, Any] | None = None,
) -> Answer | None:
    """
    Do *work*, acknowledge, and return the answer, which is still to be given; raises nothing that *work* raises.

    The ack comes after the work, or after 2 s with a word that it is still being done. A command's ack shows that word
    by itself; the ack of a button shows nothing, so there *late* says it. *shown*: the ack that is the whole answer, when
    the message can be told in one that is in time; *closing*: the ack of any other. *body*: Slack's payload, whose answer
    belongs at *place* and is given once.
    """
    # The answer's place among those of the channel; what is answered elsewhere, late or not at all gives it up.
    turn = answers.turn(place)
    with ExitStack() as giving_up:
        giving_up.callback(turn.leave)
        key = idempotency_key_of(body)
        working = asyncio.ensure_future(outcome_of(work))
        done, _ = await asyncio.wait({working}, timeout=PATIENCE_SECONDS)
        pressed = body.get("message")
        if done:
            message = working.result()
            whole_answer = shown(message)
            if whole_answer is not None:
                await ack(**whole_answer)
                return None
            answer = await answers.keep(body, place, message, key=key, pressed=pressed)
            await ack(**closing or {})
            if answer is None:
                return None  # it was given before
            giving_up.pop_all()
            return replace(answer, turn=turn)
        # Nobody else's answer waits for one that takes long.
        turn.leave()
        # What keeps the work waiting is mostly the database, which then takes no answer in time either.
        keeping = asyncio.ensure_future(answers.keep_interrupted(body, place, key=key))
        await asyncio.wait({keeping}, timeout=KEEP_SECONDS)
        if late is None:
            await ack(STILL_WORKING)
        else:
            await ack()
            await late(STILL_WORKING)
        interrupted = await keeping
        if interrupted is None:
            await working
            return None
        async with answers.held(interrupted):
            return await answers.change(interrupted, await working, pressed=pressed)
