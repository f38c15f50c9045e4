"""The buttons on answers: opt out what was looked up, and show a look-up to all. `handlers.allowing` allows texts again."""

import asyncio
from dataclasses import replace
from typing import Any, Final

from handlers.adding import opt_out
from handlers.entered import LONGEST_REASON, read_phone, without_repeats
from handlers.lookups import answer_look_up
from handlers.permissions import Action
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import one_line
from handlers.slack.outbox import with_account
from handlers.slack.payloads import idempotency_key_of, pressed_value
from handlers.slack.places import Request
from handlers.views import optouts as views
from store import FoundPhone, Function, NotAPhone, PhoneNumber, PhoneState, Store

_GOES: Final = Message.of("_It goes to this channel now._", private=True, settles="")
_WENT: Final = Message.of("_It was shown in this channel already._", private=True, settles="")


class Buttons:
    """The listener of `optout.add`."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions
        interactions.errand("lookup", Action.SEARCH, self._look_up, shows=True)

    def listeners(self) -> tuple[Listener, ...]:
        return (
            self._interactions.button("optout.add", Action.ADD, self._add),
            self._interactions.button("lookup.show", Action.SEARCH, self._show),
        )

    async def _add(self, request: Request, body: dict[str, Any]) -> Message:
        """Opt the button's phones out, for the reason that it was filled in with."""
        offer = views.OptOutOffer.of_button(pressed_value(body))
        numbers = [read_phone(phone, None) for phone in offer.phones] if offer is not None else []
        if offer is None or any(isinstance(number, NotAPhone) for number in numbers):
            return Message.of(
                "That button holds no phones, so nothing was done. Send `/optout add NUMBER`.", private=True
            )
        return await opt_out(
            self._store,
            request,
            without_repeats(numbers),
            Function.BUTTON,
            idempotency_key=idempotency_key_of(body),
            reason=one_line(offer.reason or "", LONGEST_REASON) or None,
        )

    async def _look_up(self, request: Request, body: dict[str, Any]) -> Message:
        """The phones that somebody else asked about, as they stand now, for them to read."""
        standing = await self._standing(request, views.LookedUp.of_value(pressed_value(body)))
        if not standing:
            return Message.of("That holds no phones, so nothing was looked up. Send `/optout NUMBER`.", private=True)
        return views.phone_states(standing, request.account.country)

    async def _standing(self, request: Request, asked: views.LookedUp | None) -> list[tuple[PhoneState, FoundPhone]]:
        """How the phones that are *asked* about stand; none where one of them is none."""
        numbers = [read_phone(phone, None) for phone in asked.phones] if asked is not None else []
        phones = [number for number in numbers if isinstance(number, PhoneNumber)]
        if not phones or len(phones) < len(numbers):
            return []
        states = await asyncio.to_thread(
            self._store.optouts.find_many, request.account.id, [phone.e164 for phone in phones]
        )
        return [(states[phone.e164], FoundPhone(phone, phone.e164)) for phone in phones]

    async def _show(self, request: Request, body: dict[str, Any]) -> Message:
        """
        Answer a look-up of one person's where they asked, with its phones as they stand now; once, however often it is pressed.

        In the channel, or in the thread of it in which they were looked up.
        """
        looked_up = views.LookedUp.of_value(pressed_value(body))
        standing = await self._standing(request, looked_up)
        if looked_up is None or not standing:
            return Message.of("That button holds no phones, so nothing was shown. Send `/optout NUMBER`.", private=True)
        answer = with_account(request, answer_look_up(request, standing, public=True))
        # What one person alone sees has no thread: Slack does not always say in which it stands.
        thread = looked_up.thread_ts or (request.thread_ts if request.threaded else None)
        place = replace(request, ephemeral=False, threaded=thread is not None, thread_ts=thread)
        answers, key = self._interactions.answers, f"shown {request.channel_id} {request.message_ts}"
        kept = await answers.keep(body, place, answer, key=key, must=True)
        if kept is None:
            return _WENT
        self._interactions.tasks.start(answers.give(kept), name="show a look-up to all")
        return _GOES
