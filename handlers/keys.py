"""Keys of the texting platform's API, for admins: the form that makes one, and the button in Home that revokes it."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from slack_sdk.models.views import View

from handlers.permissions import Action
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.payloads import idempotency_key_of, pressed_value, submitted_values
from handlers.slack.places import Request
from handlers.views import keys as views
from store import LONGEST_KEY_NAME, Function, Scope, Store, StoreError, StoreRefused, StoreUnavailable


class ApiKeys:
    """The listeners of `key.*`. *serves_api*: whether this desk answers the texting platform at all."""

    def __init__(self, store: Store, interactions: Interactions, *, serves_api: bool) -> None:
        self._store = store
        self._interactions = interactions
        self._serves_api = serves_api

    def listeners(self) -> tuple[Listener, ...]:
        return (
            self._interactions.opening(views.OPEN, Action.KEYS, views.TITLE, self._form),
            self._interactions.modal_shown_once(views.OPEN, Action.KEYS, views.TITLE, self._make),
            self._interactions.button(views.REVOKE, Action.KEYS, self._revoke),
        )

    async def _form(self, request: Request, _body: dict[str, Any]) -> View:
        return views.form(ModalContext.of(request).to_json(), LONGEST_KEY_NAME, serves_api=self._serves_api)

    async def _make(self, request: Request, body: dict[str, Any]) -> View | Message:
        values = submitted_values(body)
        expires_at = _expiry_of(values, await asyncio.to_thread(self._store.now))
        if isinstance(expires_at, Message):
            return expires_at
        chosen = values.get(views.SCOPES) or ()
        scopes = [scope for scope in Scope if scope in chosen]
        if not scopes:
            return field_error(views.SCOPES, "Choose at least one.")
        try:
            made = await asyncio.to_thread(
                self._store.keys.make,
                request.account.id,
                values.get(views.NAME) or "",
                scopes,
                expires_at,
                request.origin(Function.SETTING),
                idempotency_key=idempotency_key_of(body),
            )
        except (StoreUnavailable, StoreRefused):
            raise
        except StoreError as error:
            return field_error(views.NAME, str(error))
        return views.made(made, serves_api=self._serves_api)

    async def _revoke(self, request: Request, body: dict[str, Any]) -> Message | None:
        """*Revoke*: Home shows what became of it by itself."""
        by = request.origin(Function.SETTING)
        key, newly = await asyncio.to_thread(self._store.keys.revoke, request.account.id, pressed_value(body), by)
        return None if newly else Message.of(views.ended_before(key), private=True)


def _expiry_of(values: dict[str, Any], now: datetime) -> datetime | Message | None:
    """The moment at which the key expires, None for never; an error at its field for a day that is over or is none."""
    until, menu = values.get(views.UNTIL), values.get(views.EXPIRY)
    if until:
        try:
            day = date.fromisoformat(str(until))
            expires_at = datetime.combine(day, time.min, UTC) + timedelta(days=1)
        except (ValueError, OverflowError):
            return field_error(views.UNTIL, "Choose a day.")
        return expires_at if expires_at > now else field_error(views.UNTIL, "Choose a day that is not over.")
    if menu not in views.EXPIRIES:
        return field_error(views.EXPIRY, "Choose one of those there are.")
    days = views.EXPIRIES[menu][1]
    return None if days is None else now + timedelta(days=days)
