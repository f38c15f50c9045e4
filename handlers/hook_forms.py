"""Hooks for Twilio and Telnyx, for admins: the forms that make one, and the button in Home that removes it."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from slack_sdk.models.views import View

from handlers.permissions import Action
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.payloads import idempotency_key_of, pressed_value, submitted_values
from handlers.slack.places import Request
from handlers.views import hooks as views
from store import (
    LONGEST_KEY_NAME,
    Function,
    Hook,
    HookKind,
    Store,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    checked_account,
    checked_api_key,
    checked_public_key,
    checked_secret,
)

# By the kind: how the value of each field of its form is checked, of which that of `views.KEY` may be empty.
_CHECKS: Final[Mapping[HookKind, Mapping[str, Callable[[str], str]]]] = {
    HookKind.TWILIO: {views.LOGIN: checked_account, views.SECRET: checked_secret, views.KEY: checked_secret},
    HookKind.TELNYX: {views.SECRET: checked_public_key, views.KEY: checked_api_key},
}


class HookForms:
    """The listeners of `hook.*`. *address_of* a hook: what its provider is to be told; None where this desk takes no webhooks."""

    def __init__(self, store: Store, interactions: Interactions, address_of: Callable[[Hook], str] | None) -> None:
        self._store = store
        self._interactions = interactions
        self._address_of = address_of

    def listeners(self) -> tuple[Listener, ...]:
        opening, shown_once = self._interactions.opening, self._interactions.modal_shown_once
        listeners = [self._interactions.button(views.REMOVE, Action.HOOKS, self._remove)]
        for name, kind, form in (
            (views.OPEN_TWILIO, HookKind.TWILIO, views.twilio_form),
            (views.OPEN_TELNYX, HookKind.TELNYX, views.telnyx_form),
        ):
            listeners += [
                opening(name, Action.HOOKS, views.TITLE, partial(self._form, form)),
                shown_once(name, Action.HOOKS, views.TITLE, partial(self._make, kind)),
            ]
        return tuple(listeners)

    async def _form(self, form: Callable[[str, int], View], request: Request, _body: dict[str, Any]) -> View:
        if self._address_of is None:
            return views.off()
        return form(ModalContext.of(request).to_json(), LONGEST_KEY_NAME)

    async def _make(self, kind: HookKind, request: Request, body: dict[str, Any]) -> View | Message:
        if self._address_of is None:
            return Message.of(views.OFF, private=True)
        values = {name: (value or "").strip() for name, value in submitted_values(body).items()}
        for field, check in _CHECKS[kind].items():
            try:
                if values.get(field) or field != views.KEY:
                    check(values.get(field) or "")
            except StoreError as error:
                return field_error(field, str(error))
        by, key = request.origin(Function.SETTING), values.get(views.KEY) or None
        name, secret, account = (values.get(field) or "" for field in (views.NAME, views.SECRET, views.LOGIN))
        hooks, mine, again = self._store.hooks, request.account.id, idempotency_key_of(body)
        if kind is HookKind.TWILIO:
            make = partial(hooks.make_twilio, mine, name, account, secret, by, shared_key=key, idempotency_key=again)
        else:
            make = partial(hooks.make_telnyx, mine, name, secret, by, api_key=key, idempotency_key=again)
        try:
            hook = await asyncio.to_thread(make)
        except (StoreUnavailable, StoreRefused):
            raise
        except StoreError as error:
            return field_error(views.NAME, str(error))
        return views.made(hook, self._address_of(hook))

    async def _remove(self, request: Request, body: dict[str, Any]) -> None:
        """*Remove*: Home shows what became of it by itself."""
        by = request.origin(Function.SETTING)
        await asyncio.to_thread(self._store.hooks.remove, request.account.id, pressed_value(body), by)
