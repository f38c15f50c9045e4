"""The button on answers that opts out a phone that was searched; that which allows texts again is of `handlers.allowing`."""

from typing import Any

from handlers.adding import opt_out
from handlers.entered import LONGEST_REASON, read_phone, without_repeats
from handlers.permissions import Action
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import one_line
from handlers.slack.payloads import idempotency_key_of, pressed_value
from handlers.slack.places import Request
from handlers.views import optouts as views
from store import Function, NotAPhone, Store


class Buttons:
    """The listener of `optout.add`."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions

    def listeners(self) -> tuple[Listener, ...]:
        return (self._interactions.button("optout.add", Action.ADD, self._add),)

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
