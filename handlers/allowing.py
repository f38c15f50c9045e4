"""Allowing texts to a phone again: the button, the form that asks why, and the second admin after a legal threat."""

import asyncio
import json
from dataclasses import replace
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError

from handlers.entered import LONGEST_REASON
from handlers.loops import Loop
from handlers.permissions import Action, Role
from handlers.slack.clients import Clients
from handlers.slack.errors import error_name
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message, masked
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import listed, one_line, person, place, plain
from handlers.slack.payloads import pressed_value, submitted_values
from handlers.slack.places import Place, Request
from handlers.slack.posting import Poster
from handlers.slack.replies import takes_posts
from handlers.slack.roles import Roles
from handlers.tasks import Tasks
from handlers.views import allowing as views
from store import (
    Account,
    Actor,
    AllowRequest,
    AllowRule,
    AllowState,
    Deleted,
    Function,
    PhoneState,
    Store,
    rule_of,
    says_why,
)

log = structlog.get_logger()
# Admins who are asked directly.
MOST_ASKED: Final = 10
SECONDS_BETWEEN_LOOKS: Final = 60.0


class Allowing:
    """The listeners of `optout.delete`, `optout.why` and `allow.*`; the loop ends what no second admin answered in time."""

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
        self.loop = Loop("requests", self._expire, tasks, every=SECONDS_BETWEEN_LOOKS)

    def listeners(self) -> tuple[Listener, ...]:
        return (
            self._interactions.button("optout.delete", Action.DELETE, self._press, asks_on=True),
            self._interactions.modal("optout.why", Action.DELETE, self._submit),
            self._interactions.button("allow.yes", Action.DELETE, self._yes),
            self._interactions.button("allow.no", Action.DELETE, self._no),
        )

    async def _press(self, request: Request, body: dict[str, Any]) -> Message | None:
        """Allow texts to the button's phone; what the contact asked for only after a reason was typed."""
        value = json.loads(pressed_value(body))
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, value["phone"])
        # What nobody can have seen yet is not taken back, whatever the button says.
        seen = min(int(value["seen"]), state.last_entry)
        reason = one_line(str(value.get("reason") or ""), LONGEST_REASON) or None
        needs_words = rule_of(state.standing) > AllowRule.CONFIRM and not says_why(reason)
        if needs_words and all(opt_out.entry.id <= seen for opt_out in state.standing):
            context = ModalContext.of(request, phone=state.phone, last_entry=seen).about_message(body.get("message"))
            form = views.ask_reason(state, request.account.country, context.to_json(), reason)
            await self._interactions.open(request, body, form)
            return None
        return await self._allow(request, body, value["phone"], seen, reason)

    async def _submit(self, request: Request, context: ModalContext, body: dict[str, Any]) -> Message:
        """The submitted form with the reason why what the contact asked for is taken back."""
        reason = one_line(plain(submitted_values(body)[views.WHY] or ""), LONGEST_REASON)
        if not says_why(reason):
            return field_error(views.WHY, views.NO_WORDS)
        return await self._allow(request, body, context.phone, context.last_entry or 0, reason)

    async def _allow(
        self, request: Request, body: dict[str, Any], phone: str, last_entry: int, reason: str | None
    ) -> Message:
        """Lift every opt-out of *phone*, unless it was opted out again after *last_entry*, which the person had seen."""
        origin = request.origin(Function.DELETE, reason)
        outcome = await asyncio.to_thread(
            self._store.optouts.delete, request.account.id, phone, origin, last_entry=last_entry
        )
        if outcome.missing is AllowRule.TWO_ADMINS and says_why(reason):
            return await self._ask(request, body, phone, last_entry, reason)
        elsewhere = await self._elsewhere(request.account, outcome)
        return views.allowed(outcome, request.actor, request.account.country, elsewhere)

    async def _elsewhere(self, account: Account, outcome: Deleted | None) -> tuple[str, ...]:
        """The destinations that are not told of *outcome*; none where nothing was lifted."""
        if outcome is None or not outcome.lifted:
            return ()
        return await asyncio.to_thread(self._store.destinations.of_opt_outs_alone, account.id)

    # A second admin

    async def _ask(
        self, request: Request, body: dict[str, Any], phone: str, last_entry: int, reason: str | None
    ) -> Message:
        """Ask the other admins, each once, however often it is asked."""
        asked = await asyncio.to_thread(
            self._store.allow_requests.ask,
            request.account.id,
            phone,
            request.origin(Function.DELETE, reason),
            last_entry=last_entry,
            thread_ts=None if request.ephemeral else request.thread_ts,
        )
        home = request.account.country
        if asked.request is None:
            return views.changed(asked.state, home) if asked.changed else views.not_opted_out(asked.state, home)
        told = await self._tell_admins(request, body, asked.request, asked.state)
        return views.second_asked(asked.request, asked.state, home, told, newly=asked.newly, by=request.actor)

    async def _tell_admins(self, request: Request, body: dict[str, Any], asked: AllowRequest, state: PhoneState) -> str:
        """Keep the question for those who can say the second yes; the sentence that names them, empty where there are none."""
        channel = request.account.settings.waiting_channel
        if channel and await takes_posts(request.client, channel):
            wanted = [channel]
            sentence = f"The other admins are asked in {place(channel, None)}."
        else:
            admins = await self._roles.admins(request.client, request.account, MOST_ASKED + 1)
            others = [admin for admin in admins if admin.id != asked.actor.id][:MOST_ASKED]
            wanted = [admin.id for admin in others]
            sentence = f"Asked directly: {listed([person(admin) for admin in others])}." if others else ""
        question = views.to_second_admin(asked, state, request.account.country)
        for one in wanted:
            where = Place(actor=Actor(one, one), channel_id=one, client=request.client)
            await self._say(body, request.account, where, question, f"{_key(asked)} asks {one}")
        return sentence

    async def _yes(self, request: Request, body: dict[str, Any]) -> Message:
        return await self._decide(request, body, allow=True)

    async def _no(self, request: Request, body: dict[str, Any]) -> Message:
        return await self._decide(request, body, allow=False)

    async def _decide(self, request: Request, body: dict[str, Any], *, allow: bool) -> Message:
        """The second yes, or a no; told where it was asked, and the other questions are settled."""
        account, home = request.account, request.account.country
        number = int(pressed_value(body))
        asked = await asyncio.to_thread(self._store.allow_requests.get, account.id, number)
        # Two admins have to want it: whoever asked has to be one still.
        asker = await self._roles.role_of(request.client, account, asked.actor.id, fresh=True)
        decision = await asyncio.to_thread(
            self._store.allow_requests.decide,
            account.id,
            number,
            request.origin(Function.DELETE),
            allow=allow,
            asker_may=asker.role is Role.ADMIN,
        )
        if decision.own:
            return views.own_request(decision.request, home)
        elsewhere = await self._elsewhere(account, decision.deleted)
        message = views.told_asker(decision.request, decision.deleted, home, elsewhere)
        await self._tell_decided(body, account, decision.request, message, but=request.message_ts)
        return views.decided(decision, home, elsewhere)

    async def _tell_decided(
        self,
        body: dict[str, Any],
        account: Account,
        asked: AllowRequest,
        message: Message,
        *,
        but: str | None = None,
    ) -> None:
        """Tell whoever asked *message*, where they did, once; settle the questions to admins *but* the one that was pressed."""
        where = Place(
            actor=asked.actor,
            channel_id=asked.channel_id or asked.actor.id,
            channel_name=asked.channel_name,
            thread_ts=asked.thread_ts if asked.channel_id else None,
            threaded=asked.thread_ts is not None,
            client=await self._clients.of(account.id),
        )
        await self._say(body, account, where, message, f"{_key(asked)} decided")
        self._tasks.start(self._settle(account, asked, but), name="settle the questions to a second admin")

    async def _say(self, body: dict[str, Any], account: Account, where: Place, message: Message, key: str) -> None:
        """Keep *message* for delivery under *key*, once; a process that dies leaves it to the next."""
        answers = self._interactions.answers
        whole = replace(message, numbers=account.settings.numbers, home=account.country, account=account.id)
        answer = await answers.keep(body, where, whole, key=key, must=True)
        self._tasks.start(answers.give(answer), name="tell of a request to a second admin")

    async def _settle(self, account: Account, asked: AllowRequest, but: str | None) -> None:
        """Take the buttons off the questions that were posted, and say there what was decided."""
        message = replace(views.closed(asked, account.country), home=account.country)
        message = masked(message) if account.settings.numbers == "masked" else message
        posts = await asyncio.to_thread(self._store.outbox.find_all, account.id, f"{_key(asked)} asks ")
        for post in posts.values():
            if post.ts == but:
                continue
            try:
                await self._poster.bring_up_to_date(account.id, post, message)
            except SlackApiError as error:
                # Whoever presses what is left of it is told how it stands.
                log.info("a question to a second admin is not settled", why=error_name(error))

    async def _expire(self) -> bool:
        """End what nobody answered in time, and tell whoever asked."""
        due = await asyncio.to_thread(self._store.allow_requests.due)
        for asked in due:
            account = await asyncio.to_thread(self._store.accounts.get, asked.account_id)
            over = replace(asked, state=AllowState.EXPIRED)
            await self._tell_decided({}, account, over, views.told_asker(over, None, account.country))
            await asyncio.to_thread(self._store.allow_requests.expire, asked)
        return bool(due)


def _key(asked: AllowRequest) -> str:
    """The beginning of the keys of what is said of a request."""
    return f"allow {asked.id}"
