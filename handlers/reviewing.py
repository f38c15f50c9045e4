"""
Replies that a person decides on: they come to the channel that the settings name, and are decided there by buttons.

A message a minute at the most, of up to ten replies, which is edited as they are decided. The store says which replies are in
which message, so that a process that dies leaves the rest to the next.
"""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError

from handlers.entered import read_phone
from handlers.loops import Loop
from handlers.permissions import Action
from handlers.slack.errors import error_code, is_transient
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message, masked
from handlers.slack.payloads import pressed_value
from handlers.slack.places import Request
from handlers.slack.posting import Poster, PostKey
from handlers.tasks import Tasks
from handlers.views import optouts
from handlers.views import reviewing as views
from store import Account, Function, KeptReply, PhoneNumber, Store

log = structlog.get_logger()
SECONDS_BETWEEN_LOOKS: Final = 15.0
_LONGEST_NUMBER: Final = 18
_NO_REPLY: Final = Message.of("That button holds no reply, so nothing was done.", private=True)


class Reviewing:
    """The listeners of `reply.*`, and the loop that shows what waits."""

    def __init__(self, store: Store, interactions: Interactions, poster: Poster, tasks: Tasks) -> None:
        self._store = store
        self._interactions = interactions
        self._poster = poster
        self._tasks = tasks
        self.loop = Loop("replies", self._look, tasks, every=SECONDS_BETWEEN_LOOKS)

    def listeners(self) -> tuple[Listener, ...]:
        button = self._interactions.button
        return (
            button(views.OUT, Action.ADD, partial(self._decide, opt_out=True)),
            button(views.NOT, Action.ADD, partial(self._decide, opt_out=False)),
            button(views.LOOK, Action.SEARCH, self._look_up),
        )

    async def _decide(self, request: Request, body: dict[str, Any], *, opt_out: bool) -> Message:
        """Opt whoever replied out, or say that it is no request; the message then says so to all."""
        value, _, more = pressed_value(body).partition(" ")
        number = _number(value)
        if number is None:
            return _NO_REPLY
        decision = await asyncio.to_thread(
            self._store.replies.decide,
            request.account.id,
            number,
            request.origin(Function.BUTTON),
            opt_out=opt_out,
            after_all=more == views.AFTER_ALL,
        )
        for review in {reply.review for reply in decision.replies if reply.review is not None}:
            self._tasks.start(self._show_again(request.account, review), name="settle replies that were decided")
        return views.decided(decision.replies[-1], newly=decision.newly)

    async def _look_up(self, request: Request, body: dict[str, Any]) -> Message:
        """How the number stands of whoever replied, for who pressed alone."""
        number = _number(pressed_value(body))
        if number is None:
            return _NO_REPLY
        reply = await asyncio.to_thread(self._store.replies.get, request.account.id, number)
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, reply.phone)
        phone = read_phone(reply.phone, None)
        assert isinstance(phone, PhoneNumber)  # noqa: S101  the table's own check
        shown = optouts.phone_state(state, phone, request.account.country, is_admin=request.is_admin)
        return replace(shown, private=True)

    # The loop

    async def _look(self) -> bool:
        """Show what waits of each account; False, since what is left has to wait for its minute."""
        for waiting in await asyncio.to_thread(self._store.replies.accounts_that_wait):
            account = await asyncio.to_thread(self._store.accounts.get, waiting)
            channel = account.settings.replies_channel or account.settings.waiting_channel
            if channel is None:
                continue
            replies = await asyncio.to_thread(self._store.replies.to_show, account.id)
            if replies:
                await self._show(account, channel, replies)
        return False

    async def _show(self, account: Account, channel: str, replies: tuple[KeptReply, ...]) -> None:
        """Post *replies*, which are of one message, in *channel*; where that was posted before it is edited."""
        message = _of(account, replies)
        post_key = PostKey(account.id, _key(replies), may_exist=True)
        post = await asyncio.to_thread(self._store.outbox.find, account.id, post_key.key)
        if post is not None:
            await self._poster.bring_up_to_date(post, message)
            return
        try:
            await self._poster.post(channel, message, None, post_key)
        except SlackApiError as error:
            if is_transient(error):
                raise  # it is shown again, since nobody wrote down that it was
            log.warning("replies that wait are not shown", account=account.id, why=error_code(error))

    async def _show_again(self, account: Account, review: int) -> None:
        """Bring the message *review* up to date, where it is known."""
        replies = await asyncio.to_thread(self._store.replies.in_review, account.id, review)
        post = await asyncio.to_thread(self._store.outbox.find, account.id, _key(replies)) if replies else None
        if post is not None:
            await self._poster.bring_up_to_date(post, _of(account, replies))


def _number(value: str) -> int | None:
    """The number of a reply that a button carries; None for what is none."""
    return int(value) if value.isdecimal() and len(value) <= _LONGEST_NUMBER else None


def _key(replies: tuple[KeptReply, ...]) -> str:
    return f"replies {replies[0].review}"


def _of(account: Account, replies: tuple[KeptReply, ...]) -> Message:
    """Their message; numbers that stand in somebody's words are masked as well."""
    return masked(replace(views.review(replies), home=account.country))
