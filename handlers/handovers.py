"""
Requests that are handed over: *Ask Avery to do this* of a refusal, and what becomes of it.

Whoever may decide gets a message with a button that does what was asked, in their own name; it is settled with the first of
them, and whoever asked is told once. Rows in the store say what was handed over and who was told, so that a process which
dies leaves the rest to the next.
"""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog
from slack_sdk.errors import SlackApiError

from handlers.loops import Loop
from handlers.permissions import Action, allow
from handlers.slack.clients import Clients
from handlers.slack.deciders import tell_deciders
from handlers.slack.errors import error_code, is_transient
from handlers.slack.interactions import ErrandWork, Interactions
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message, masked, split
from handlers.slack.payloads import HANDED_OVER, pressed_value
from handlers.slack.places import Place, Request, permalink_of
from handlers.slack.posting import Poster, PostKey
from handlers.slack.refusals import HAND_OVER, HandoverOffer
from handlers.slack.replies import OPEN_KINDS, kind_of_channel
from handlers.slack.roles import Roles
from handlers.tasks import Tasks
from handlers.views import handovers as views
from store import (
    Account,
    Actor,
    Errand,
    Function,
    Handover,
    HandoverState,
    LeaseLost,
    Store,
    UploadState,
    WrongState,
)

log = structlog.get_logger()
SECONDS_BETWEEN_LOOKS: Final = 2.0
_UNKNOWN: Final = "That cannot be handed over, so nobody was asked. Write to an admin yourself."
_GONE: Final = "That request is not known any more, so nothing was done. Ask whoever made it to send it again, or do it with `/optout`."
_BEFORE_A_YES: Final = {UploadState.RECEIVED, UploadState.WAITING, UploadState.REFUSED}
# By the errand: the states of a list in which it still waits for somebody to do it.
_WAITS: Final = {
    "upload.confirm": {UploadState.RECEIVED, UploadState.WAITING},
    "upload.cancel": _BEFORE_A_YES,
    "upload.scrub": _BEFORE_A_YES,
    "upload.look": _BEFORE_A_YES,
    "upload.again": {UploadState.EXPIRED},
    "upload.stop": {UploadState.APPLYING},
    "upload.continue": {UploadState.STOPPED},
    "upload.undo": {UploadState.DONE, UploadState.STOPPED, UploadState.FAILED},
}
# By the errand: the state in which a list is when it was done, besides all that follow upon those in which it waits.
_DONE_AS: Final = {"upload.cancel": UploadState.CANCELLED}
# States in which nothing becomes of a list by itself any more, without anybody having been opted out.
_OVER: Final = {UploadState.CANCELLED, UploadState.EXPIRED, UploadState.REFUSED}
# Of an account's entries, in which is looked for a setting that was changed.
_NEWEST: Final = 50


class HandingOver:
    """The listeners of `handover.*`, and the loop that tells of what was handed over. *expire*: how long it waits."""

    def __init__(
        self,
        store: Store,
        interactions: Interactions,
        roles: Roles,
        clients: Clients,
        poster: Poster,
        tasks: Tasks,
        *,
        expire: timedelta,
        owner: str,
        lease_seconds: float,
    ) -> None:
        self._store = store
        self._interactions = interactions
        self._roles = roles
        self._clients = clients
        self._poster = poster
        self._tasks = tasks
        self._expire = expire
        self._owner = owner
        self._lease_seconds = lease_seconds
        # Handovers that an admin's press does right now, and settles in their name.
        self._doing: set[str] = set()
        self.loop = Loop("handovers", self._look, tasks, every=SECONDS_BETWEEN_LOOKS)

    def listeners(self) -> tuple[Listener, ...]:
        button = self._interactions.button
        return (
            button(HAND_OVER, Action.HAND_OVER, self._hand_over),
            button(views.DO, Action.DECIDE, self._do),
            button(views.DECLINE, Action.DECIDE, self._decline),
        )

    async def _hand_over(self, request: Request, body: dict[str, Any]) -> Message:
        """*Ask Avery to do this*: what was refused is asked of who may, once."""
        offer = HandoverOffer.of_button(pressed_value(body))
        if offer is None or offer.errand.name not in self._interactions.works:
            return Message.of(_UNKNOWN, private=True)
        action = self._interactions.works[offer.errand.name].action
        errand = await self._with_what_is_known(request.account, offer.errand)
        what = await self._asked(request.account, errand)
        if what is None:
            return Message.of(_UNKNOWN, private=True)
        if allow(request.role, action) and await self._is_theirs(request, errand):
            return Message.of(
                f"You can do this yourself by now, so nobody was asked to {what.words}. Send it once more.",
                private=True,
            )
        asked_at = replace(request, thread_ts=offer.thread_ts, message_ts=offer.thread_ts)
        by = asked_at.origin(Function.BUTTON, permalink=await permalink_of(asked_at))
        admins = await self._roles.named_admins(request.client, request.account)
        handover, is_new = await asyncio.to_thread(
            self._store.handovers.hand_over, request.account.id, errand, by, thread_ts=offer.thread_ts
        )
        self.loop.poke()
        message = views.handed_over(admins, what, again=None if is_new else handover)
        return _for_the_asker(message, request.account)

    async def _do(self, request: Request, body: dict[str, Any]) -> Message | None:
        """The button that does what was asked, for who may, in their own name."""
        handover = await self._open(request, body)
        if isinstance(handover, Message):
            return handover
        work = self._interactions.works[handover.errand.name]
        admitted = await self._interactions.admit(request, body, work.action)
        if isinstance(admitted, Message):
            return admitted
        where_asked = _where_asked(admitted, handover)
        pressed = {"action_id": handover.errand.name, "value": handover.errand.value}
        self._doing.add(handover.id)
        try:
            return await self._done(
                handover, work, where_asked, body | {"actions": [pressed], HANDED_OVER: handover.id}
            )
        finally:
            self._doing.discard(handover.id)
            self.loop.poke()

    async def _done(
        self, handover: Handover, work: ErrandWork, where_asked: Request, body: dict[str, Any]
    ) -> Message | None:
        """Do what was asked, and settle it where that is the end of it."""
        message = await work.do(where_asked, body)
        # Where a form asks on `_settle_elsewhere` sees the end; what is about phones and made no entry changed nothing.
        unchanged = message is not None and (message.private or bool(message.phones and message.entry is None))
        if (message is None and work.asks_on) or (unchanged and not work.shows):
            return message
        decided = await asyncio.to_thread(
            self._store.handovers.decide,
            handover.account_id,
            handover.id,
            HandoverState.DONE,
            where_asked.actor,
            entry=None if message is None else message.entry,
        )
        if not decided:
            return await self._too_late(handover)
        if message is None:
            return None
        # The buttons go, with those of everybody who was asked, once that is told; the entry leads to who asked.
        return replace(message, settles=None, entry=None)

    async def _decline(self, request: Request, body: dict[str, Any]) -> Message | None:
        handover = await self._open(request, body)
        if isinstance(handover, Message):
            return handover
        decide = partial(self._store.handovers.decide, handover.account_id, handover.id, HandoverState.DECLINED)
        decided = await asyncio.to_thread(decide, request.actor)
        self.loop.poke()
        return None if decided else await self._too_late(handover)

    async def _open(self, request: Request, body: dict[str, Any]) -> Handover | Message:
        """The handover that was pressed; the word that it is over, where it is."""
        handover = await asyncio.to_thread(self._store.handovers.find, request.account.id, pressed_value(body))
        if handover is None or handover.errand.name not in self._interactions.works:
            raise WrongState(_GONE)
        return handover if handover.is_open else views.over(handover)

    async def _too_late(self, handover: Handover) -> Message:
        now = await asyncio.to_thread(self._store.handovers.find, handover.account_id, handover.id)
        return views.over(now or handover)

    async def _with_what_is_known(self, account: Account, errand: Errand) -> Errand:
        """*errand* with the last entry of the phone it is about: whoever decides sees no later one, and allows no more."""
        phone = errand.phone
        if phone is None:
            return errand
        state = await asyncio.to_thread(self._store.optouts.find, account.id, phone)
        return replace(
            errand, value=json.dumps(json.loads(errand.value) | {"seen": state.last_entry}, ensure_ascii=False)
        )

    async def _is_theirs(self, request: Request, errand: Errand) -> bool:
        """Whether a list that *errand* is about, if any, is the asker's to decide on: their own, or an admin's to decide."""
        if request.is_admin or errand.upload is None:
            return True
        upload = await asyncio.to_thread(self._store.uploads.get, request.account.id, errand.upload)
        return upload.actor.id == request.actor.id

    async def _asked(self, account: Account, errand: Errand) -> views.ErrandInWords | None:
        upload_id, phone = errand.upload, errand.phone
        upload = state = None
        if upload_id is not None:
            upload = await asyncio.to_thread(self._store.uploads.get, account.id, upload_id)
        if phone is not None:
            state = await asyncio.to_thread(self._store.optouts.find, account.id, phone)
        return views.asked(errand, account.country, upload=upload, state=state)

    # The loop

    async def _look(self) -> bool:
        """Tell of one handover whose state nobody was told of; False when there is none."""
        await asyncio.to_thread(self._store.handovers.expire, self._expire)
        for handover in await asyncio.to_thread(self._store.handovers.list_open):
            if handover.id not in self._doing:
                await self._settle_elsewhere(handover)
        claimed = await asyncio.to_thread(self._store.handovers.claim, self._owner, lease_seconds=self._lease_seconds)
        if claimed is None:
            return False
        try:
            renew = partial(self._store.handovers.renew, claimed, lease_seconds=self._lease_seconds)
            async with self._tasks.keep_lease(renew, self._lease_seconds, name="hold a handover"):
                await self._tell(claimed)
                await asyncio.to_thread(self._store.handovers.shown, claimed)
        except LeaseLost:
            log.warning("a handover is left to somebody else")
        except Exception:
            postpone = partial(self._store.handovers.postpone, claimed, seconds=self._lease_seconds)
            await self._tasks.give_back(postpone)
            raise
        return True

    async def _settle_elsewhere(self, handover: Handover) -> None:
        """Settle what was asked where it is done by now by other means: a form that asked on, the list's own button."""
        done: tuple[HandoverState, Actor | None, int | None] | None = None
        account, errand = handover.account_id, handover.errand
        try:
            if errand.name in {"settings", "country"}:
                newest = await asyncio.to_thread(self._store.history.list, account, limit=_NEWEST)
                for made in (item.entry for item in newest.items):
                    if made.function == Function.SETTING and made.at >= handover.asked_at:
                        done = HandoverState.DONE, made.actor, made.id
            elif (phone := errand.phone) is not None:
                state = await asyncio.to_thread(self._store.optouts.find, account, phone)
                lifts = [one.lifted for one in state.opt_outs if one.lifted and one.lifted.at >= handover.asked_at]
                if not state.opted_out and lifts:
                    last = max(lifts, key=lambda entry: entry.id)
                    done = HandoverState.DONE, last.actor, last.id
            elif (upload_id := errand.upload) is not None and errand.name in _WAITS:
                upload = await asyncio.to_thread(self._store.uploads.get, account, upload_id)
                if upload.state is _DONE_AS.get(errand.name):
                    done = HandoverState.DONE, upload.decider, None
                elif upload.state in _OVER - _WAITS[errand.name]:
                    done = HandoverState.DECLINED if upload.decider else HandoverState.EXPIRED, upload.decider, None
                elif upload.state not in _WAITS[errand.name] or upload.is_scrub:
                    entry = upload.entry_id if errand.name == "upload.confirm" else None
                    done = HandoverState.DONE, upload.decider, entry
        except WrongState:
            done = HandoverState.EXPIRED, None, None
        if done is not None:
            state_now, by, entry_id = done
            await asyncio.to_thread(self._store.handovers.decide, account, handover.id, state_now, by, entry=entry_id)

    async def _tell(self, handover: Handover) -> None:
        """Ask those who may decide, or say in the same messages, and to whoever asked, what became of it."""
        account = await asyncio.to_thread(self._store.accounts.get, handover.account_id)
        what = await self._asked(account, handover.errand)
        if what is None:
            log.error("a handover cannot be read", handover=handover.id)
            return
        if not handover.is_open:
            await self._tell_the_end(handover, account, what)
            return
        message = replace(views.to_decide(handover, what), home=account.country)
        post = partial(self._post, handover, message=message, account=account)
        channel = account.settings.waiting_channel
        if not await tell_deciders(self._roles, await self._clients.of(account.id), account, channel, post):
            unheard = partial(self._store.handovers.decide, handover.account_id, handover.id, HandoverState.UNHEARD)
            await asyncio.to_thread(unheard)
            self.loop.poke()

    async def _post(
        self, handover: Handover, where: str, message: Message, account: Account, thread_ts: str | None = None
    ) -> bool:
        """Post *message* about the handover there, once; whether it is there. Numbers are for eyes that may read them."""
        kind = await kind_of_channel(await self._clients.of(account.id), where, surely=True)
        if kind not in OPEN_KINDS:
            return False
        hides = kind == "public" and account.settings.numbers == "masked"
        lease = handover.lease
        key = f"handover {handover.id} {'asks' if handover.is_open else 'ended'} {where}"
        try:
            for number, part in enumerate(split(masked(message) if hides else message)):
                part_key = PostKey(
                    account.id,
                    f"{key} {number}" if number else key,
                    may_exist=lease is not None and lease.fence > 1,
                )
                await self._poster.post(where, part, thread_ts, part_key)
        except SlackApiError as error:
            if is_transient(error):
                raise
            log.warning("somebody is not told of a handover", of=where, why=error_code(error))
            return False
        return True

    async def _tell_the_end(self, handover: Handover, account: Account, what: views.ErrandInWords) -> None:
        message = replace(views.decided(handover, what), home=account.country)
        asks = await asyncio.to_thread(self._store.outbox.find_all, account.id, f"handover {handover.id} asks ")
        client = await self._clients.of(account.id)
        for post in asks.values():
            kind = await kind_of_channel(client, post.channel_id, surely=True)
            seen = masked(message) if kind == "public" and account.settings.numbers == "masked" else message
            await self._poster.bring_up_to_date(account.id, post, seen)
        if not handover.asker.is_person:
            return  # a workflow, which was told when it asked
        admins = await self._roles.named_admins(client, account)
        shown = await self._shown(handover, account)
        end = _for_the_asker(views.told(handover, what, admins, shown), account)
        # A command has no thread; what only one person saw is answered to them alone, and so is what tells of the list.
        if (
            shown is None
            and handover.thread_ts is not None
            and await self._post(handover, handover.channel_id, end, account, handover.thread_ts)
        ):
            return
        await self._post(handover, handover.asker.id, end, account)

    async def _shown(self, handover: Handover, account: Account) -> Message | None:
        """The answer that whoever asked was to be shown, as it is now; None where it was not done, or was no question."""
        work = self._interactions.works.get(handover.errand.name)
        if work is None or not work.shows or handover.state is not HandoverState.DONE or handover.decider is None:
            return None
        client = await self._clients.of(account.id)
        by = Place(actor=handover.decider, channel_id=handover.channel_id, client=client)
        admitted = await self._roles.admit(by, account, work.action)
        if isinstance(admitted, Message):
            return None
        asked = {"action_id": handover.errand.name, "value": handover.errand.value}
        return await work.do(_where_asked(admitted, handover), {"actions": [asked], HANDED_OVER: handover.id})


def _where_asked(request: Request, handover: Handover) -> Request:
    """*request* of whoever decides, at the place where it was asked."""
    return replace(
        request,
        channel_id=handover.channel_id,
        channel_name=handover.channel_name,
        thread_ts=handover.thread_ts,
        message_ts=handover.message_ts,
        threaded=False,
    )


def _for_the_asker(message: Message, account: Account) -> Message:
    """*message* as whoever asked may read it anywhere: the button they pressed may stand for a number they cannot see."""
    message = replace(message, home=account.country)
    if account.settings.numbers != "masked":
        return message
    hidden = masked(message)
    return replace(hidden, settles=hidden.text if message.settles else None)
