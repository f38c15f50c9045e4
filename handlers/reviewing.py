"""
Replies that a person decides on: they come to the channel that the settings name, and are decided there by buttons.

Where none is named they come to the admins directly. A message a minute at the most, of up to ten replies, which is
edited as they are decided, wherever it stands. The store says which replies are in which message, so that a process
that dies leaves the rest to the next.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError

from handlers.entered import read_phone
from handlers.loops import Loop
from handlers.permissions import Action
from handlers.slack.clients import Clients
from handlers.slack.deciders import tell_deciders
from handlers.slack.errors import error_code, is_transient
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message, masked
from handlers.slack.payloads import pressed_value
from handlers.slack.places import Request
from handlers.slack.posting import Poster, PostKey
from handlers.slack.roles import Roles
from handlers.tasks import Tasks
from handlers.views import optouts
from handlers.views import reviewing as views
from store import Account, Function, KeptReply, PhoneNumber, Post, ReplyState, Store

log = structlog.get_logger()
SECONDS_BETWEEN_LOOKS: Final = 15.0
_LONGEST_NUMBER: Final = 18
_NO_REPLY: Final = Message.of("That button holds no reply, so nothing was done.", private=True)


class Reviewing:
    """The listeners of `reply.*`, and the loop that shows what waits."""

    def __init__(
        self,
        store: Store,
        roles: Roles,
        interactions: Interactions,
        clients: Clients,
        poster: Poster,
        tasks: Tasks,
    ) -> None:
        self._store = store
        self._roles = roles
        self._interactions = interactions
        self._clients = clients
        self._poster = poster
        self._tasks = tasks
        # By account and message: how many replies waited in it when it was last looked at.
        self._waited: dict[tuple[int, int], int] = {}
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
        """Show what waits of each account, and what does not any more; False, since what is left has to wait for its minute."""
        waiting = await asyncio.to_thread(self._store.replies.waiting_by_message)
        await self._settle(waiting)
        for waits in sorted({account for account, _ in waiting}):
            account = await asyncio.to_thread(self._store.accounts.get, waits)
            replies = await asyncio.to_thread(self._store.replies.to_show, account.id)
            if replies:
                await self._show(account, replies)
        return False

    async def _settle(self, waiting: Mapping[tuple[int, int | None], int]) -> None:
        """Bring messages up to date in which less is *waiting* than at the last look: something else settled it."""
        for (of, review), count in self._waited.items():
            if waiting.get((of, review), 0) != count:
                account = await asyncio.to_thread(self._store.accounts.get, of)
                await self._show_again(account, review)
        self._waited = {(account, review): count for (account, review), count in waiting.items() if review is not None}

    async def _show(self, account: Account, replies: tuple[KeptReply, ...]) -> None:
        """Post *replies*, which are of one message, to those who decide, once each; where it was posted it is edited."""
        key, review = _key(replies), replies[0].review
        if review is not None:
            self._waited[account.id, review] = sum(reply.state is ReplyState.WAITING for reply in replies)
        posts = await self._posts(account, key)
        if key in posts:
            await self._edit(account.id, posts.values(), _of(account, replies))
            return

        async def shown(where: str) -> bool:
            post_key = PostKey(account.id, f"{key} {where}", may_exist=True)
            try:
                if post_key.key not in posts:
                    posts[post_key.key] = await self._poster.post(where, _of(account, replies), None, post_key)
            except SlackApiError as error:
                if is_transient(error):
                    raise  # it is shown again, since nobody wrote down that it was
                log.warning("replies that wait are not shown", account=account.id, of=where, why=error_code(error))
                return False
            return True

        channel = account.settings.replies_channel or account.settings.waiting_channel
        if await tell_deciders(self._roles, await self._clients.of(account.id), account, channel, shown):
            # All have it who can: whoever shows what nobody was shown leaves it alone.
            await asyncio.to_thread(self._store.outbox.posted, account.id, key, next(iter(posts.values())))
        else:
            log.warning("replies wait and nobody is told", account=account.id)

    async def _show_again(self, account: Account, review: int) -> None:
        """Bring the message *review* up to date, wherever it is known."""
        replies = await asyncio.to_thread(self._store.replies.in_review, account.id, review)
        if replies:
            await self._edit(account.id, (await self._posts(account, _key(replies))).values(), _of(account, replies))

    async def _posts(self, account: Account, key: str) -> dict[str, Post]:
        """The posts of one message by their keys: *key* itself once all have it, and with the id of each channel and person."""
        found = await asyncio.to_thread(self._store.outbox.find_all, account.id, key)
        return {name: post for name, post in found.items() if name == key or name.startswith(f"{key} ")}

    async def _edit(self, account: int, posts: Iterable[Post], message: Message) -> None:
        for post in set(posts):
            await self._poster.bring_up_to_date(account, post, message)


def _number(value: str) -> int | None:
    """The number of a reply that a button carries; None for what is none."""
    return int(value) if value.isdecimal() and len(value) <= _LONGEST_NUMBER else None


def _key(replies: tuple[KeptReply, ...]) -> str:
    return f"replies {replies[0].review}"


def _of(account: Account, replies: tuple[KeptReply, ...]) -> Message:
    """Their message; numbers that stand in somebody's words are masked as well."""
    return masked(replace(views.review(replies), home=account.country))
