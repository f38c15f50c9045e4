"""`/optout settings`: the form in which an account's admins change its settings."""

import asyncio
import math
from dataclasses import replace
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.models.views import View

from handlers.permissions import Action
from handlers.slack.errors import error_code
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import one_line, plain
from handlers.slack.payloads import submitted_values
from handlers.slack.places import Request
from handlers.subcommands import OpenModal, Reply, Subcommand
from handlers.views import settings as views
from store import CountryUnknown, Function, Store, find_country

log = structlog.get_logger()
TITLE = "Settings"


class SettingsForm:
    """The sub-command `settings`, and the listeners of `settings.*`."""

    def __init__(self, store: Store, interactions: Interactions) -> None:
        self._store = store
        self._interactions = interactions

    @property
    def subcommand(self) -> Subcommand:
        return Subcommand(
            "settings",
            "Opens the form of what admins decide for the account.",
            (Action.SETTINGS,),
            lambda text: (
                Reply(Action.SETTINGS, self._misused) if text else OpenModal(Action.SETTINGS, TITLE, self._form)
            ),
        )

    async def _misused(self, _request: Request, _body: dict[str, Any]) -> Message:
        return self.subcommand.misused("Settings are changed in a form.")

    def listeners(self) -> tuple[Listener, ...]:
        return (
            self._interactions.opening("form.settings", Action.SETTINGS, TITLE, self._form),
            self._interactions.modal("settings.form", Action.SETTINGS, self._save),
        )

    async def _form(self, request: Request, _body: dict[str, Any]) -> View:
        """The form as things stand."""
        groups: list[views.Group] = []
        try:
            listed = (await request.client.usergroups_list())["usergroups"]
            groups = [views.Group(group["id"], group["name"]) for group in listed]
        except SlackApiError as error:
            # A plan without user groups says so here; everything else can still be decided.
            log.info("no user groups to choose from", why=error_code(error))
        return views.form(
            request.account, groups, ModalContext.of(request, fingerprint=request.account.fingerprint).to_json()
        )

    async def _save(self, request: Request, context: ModalContext, body: dict[str, Any]) -> Message:
        values = submitted_values(body)
        country = plain(values.get(views.COUNTRY) or "").strip() or None
        if country is not None:
            region = await asyncio.to_thread(find_country, country)
            if isinstance(region, CountryUnknown):
                return field_error(
                    views.COUNTRY, f"No country is called {one_line(country, 40)}. Give its name or two letters."
                )
            country = region
        days, size = _number(values.get(views.UNDO_DAYS)), _number(values.get(views.MOST_BYTES))
        if days is not None and not 0 <= days <= 3650:
            return field_error(views.UNDO_DAYS, "Give a number of days from 0 to 3650, or nothing.")
        if size is not None and not (size >= 1 and size == int(size)):
            return field_error(views.MOST_BYTES, "Give a whole number of bytes like 5000000, or nothing.")
        now = request.account.settings
        for field, values_of in views.CHOICES.items():
            if values.get(field) not in values_of:
                return field_error(field, "Choose one of those there are.")
        settings = replace(
            now,
            admins=tuple(values.get("settings.admins") or ()),
            admin_groups=_kept(values, "settings.admin_groups", now.admin_groups),
            support=values["settings.support"],
            support_groups=_kept(values, "settings.support_groups", now.support_groups),
            uploads_channels=tuple(values.get("settings.uploads_channels") or ()),
            elsewhere=values["settings.elsewhere"],
            ask=values["settings.ask"],
            undo_days=days,
            max_list_bytes=None if size is None else int(size),
            numbers=values["settings.numbers"],
            exports=values["settings.exports"],
            digest_channel=values.get("settings.digest_channel"),
        )
        _, told = await asyncio.to_thread(
            self._store.accounts.change,
            request.account.id,
            request.origin(Function.SETTING),
            country=country,
            settings=settings,
            fingerprint=context.fingerprint,
        )
        return views.changed(told, request.actor) if told else Message.of("Nothing was changed.", private=True)


def _kept(values: dict[str, Any], field: str, now: tuple[str, ...]) -> tuple[str, ...]:
    """What was chosen in *field*; as it was where the form did not have it."""
    return tuple(values[field] or ()) if field in values else now


def _number(typed: str | None) -> float | None:
    """A number as typed; one that is none is never in any range."""
    if typed is None or not typed.strip():
        return None
    try:
        number = float(typed.strip().replace(",", ""))
    except ValueError:
        return -1.0
    return number if math.isfinite(number) else -1.0
