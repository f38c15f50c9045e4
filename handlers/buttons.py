"""The buttons on answers: allow texts again after the question, opt out what was looked up, and show a look-up to all."""

import asyncio
import json
from dataclasses import replace
from typing import Any, Final

from handlers.adding import opt_out
from handlers.entered import LONGEST_REASON, read_phone, without_repeats
from handlers.lookups import answer_look_up
from handlers.permissions import Action
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import one_line, plain
from handlers.slack.outbox import with_account
from handlers.slack.payloads import idempotency_key_of, pressed_value, submitted_values
from handlers.slack.places import Request
from handlers.views import optouts as views
from store import FoundPhone, Function, NotAPhone, PhoneNumber, Store

_GOES: Final = Message.of("_It goes to this channel now._", private=True, settles="")
_WENT: Final = Message.of("_It was shown in this channel already._", private=True, settles="")


class Buttons:
    """Listeners of the `optout.*` actions."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions

    def listeners(self) -> tuple[Listener, ...]:
        return (
            self._interactions.button("optout.add", Action.ADD, self._add),
            self._interactions.button("optout.delete", Action.DELETE, self._delete_or_ask),
            self._interactions.button("lookup.show", Action.SEARCH, self._show),
            self._interactions.modal("optout.why", Action.DELETE, self._delete_with_reason),
        )

    async def _delete_or_ask(self, request: Request, body: dict[str, Any]) -> Message | None:
        """Delete the opt-outs of the button's phone; what the contact asked for only after a reason was typed."""
        value = json.loads(pressed_value(body))
        state = await asyncio.to_thread(self._store.optouts.find, request.account.id, value["phone"])
        # What nobody can have seen yet is not taken back, whatever the button says.
        seen = min(int(value["seen"]), state.last_entry)
        reason = one_line(str(value.get("reason") or ""), LONGEST_REASON) or None
        if state.by_contact and all(opt_out.entry.id <= seen for opt_out in state.standing):
            context = ModalContext.of(request, phone=state.phone, last_entry=seen)
            form = views.ask_reason(state, request.account.country, context.to_json(), reason)
            await self._interactions.open(request, body, form)
            return None
        return await self._delete(request, value["phone"], seen, reason)

    async def _delete_with_reason(self, request: Request, context: ModalContext, body: dict[str, Any]) -> Message:
        """The submitted form with the reason why what the contact asked for is taken back."""
        reason = one_line(plain(submitted_values(body)[views.WHY] or ""), LONGEST_REASON)
        if not reason:
            return field_error(views.WHY, "Write why this number may be texted again: it is kept with the opt-out.")
        return await self._delete(request, context.phone, context.last_entry or 0, reason)

    async def _delete(self, request: Request, phone: str, last_entry: int | None, reason: str | None) -> Message:
        """Lift every opt-out of *phone*, unless it was opted out again after *last_entry*, which the person had seen."""
        origin = request.origin(Function.DELETE, reason)
        outcome = await asyncio.to_thread(
            self._store.optouts.delete, request.account.id, phone, origin, last_entry=last_entry
        )
        return views.deleted(outcome, request.actor, request.account.country)

    async def _add(self, request: Request, body: dict[str, Any]) -> Message:
        """Opt the button's phones out, for the reason that it was filled in with."""
        offer = views.OptOutOffer.of_button(pressed_value(body))
        if offer is None:
            return Message.of("That button holds no phones, so nothing was done.", private=True)
        numbers = [read_phone(phone, None) for phone in offer.phones]
        refused = next((number for number in numbers if isinstance(number, NotAPhone)), None)
        if refused is not None:
            return views.refused(refused)
        return await opt_out(
            self._store,
            request,
            without_repeats(numbers),
            Function.BUTTON,
            idempotency_key=idempotency_key_of(body),
            reason=one_line(offer.reason or "", LONGEST_REASON) or None,
        )

    async def _show(self, request: Request, body: dict[str, Any]) -> Message:
        """Answer a look-up of one person's in the channel, with its phones as they stand now; once, however often it is pressed."""
        numbers = [read_phone(phone, None) for phone in views.shown_by(pressed_value(body))]
        phones = [number for number in numbers if isinstance(number, PhoneNumber)]
        if not phones or len(phones) < len(numbers):
            return Message.of("That button holds no phones, so nothing was shown.", private=True)
        states = await asyncio.to_thread(
            self._store.optouts.find_many, request.account.id, [phone.e164 for phone in phones]
        )
        standing = [(states[phone.e164], FoundPhone(phone, phone.e164)) for phone in phones]
        answer = with_account(request, answer_look_up(request, standing, public=True))
        # What one person alone sees has no thread.
        place = replace(request, ephemeral=False, thread_ts=request.thread_ts if request.threaded else None)
        answers, key = self._interactions.answers, f"shown {request.channel_id} {request.message_ts}"
        kept = await answers.keep(body, place, answer, key=key, must=True)
        if kept is None:
            return _WENT
        self._interactions.tasks.start(answers.give(kept), name="show a look-up to all")
        return _GOES
