"""`/optout settings`: the form in which an account's admins change its settings."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.models.views import View
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from handlers.permissions import Action
from handlers.slack.channels import why_unusable
from handlers.slack.errors import error_code, error_name
from handlers.slack.interactions import Interactions, field_error
from handlers.slack.listeners import Listener
from handlers.slack.messages import Message
from handlers.slack.modal_context import ModalContext
from handlers.slack.mrkdwn import one_line, plain
from handlers.slack.payloads import submitted_values
from handlers.slack.places import Request
from handlers.slack.roles import name_of, outsider
from handlers.subcommands import GiveAnswer, OpenModal, Subcommand
from handlers.views import settings as views
from store import (
    Account,
    AccountSettings,
    CountryUnknown,
    Errand,
    Function,
    Store,
    Wording,
    WordRefused,
    added_words,
    bytes_words,
    days_words,
    find_country,
    read_bytes,
    read_days,
)

log = structlog.get_logger()
TITLE = "Settings"
# Settings that hold ids of Slack's.
_CHANNELS: Final = ("uploads_channels", "waiting_channel", "replies_channel", "digest_channel")
_NAMED: Final = ("admins", "admin_groups", "support_groups", *_CHANNELS)
_MOST_NAMES: Final = 20
_LONGEST_WISH: Final = 300
_LONGEST_NAMED: Final = 60
# Slack's answers about a group that is no more: https://docs.slack.dev/reference/methods/usergroups.users.list
_GROUP_GONE: Final = {"no_such_subteam", "subteam_not_found"}


class SettingsForm:
    """The sub-command `settings`, and the listeners of `settings.*`."""

    def __init__(self, store: Store, interactions: Interactions, *, undo: timedelta, most_bytes: int) -> None:
        self._store = store
        self._interactions = interactions
        self._undo_days = undo / timedelta(days=1)
        self._most_bytes = most_bytes
        interactions.errand("settings", Action.SETTINGS, self._open, asks_on=True)

    @property
    def subcommand(self) -> Subcommand:
        return Subcommand(
            "settings",
            "Opens the form of what admins decide for the account.",
            (Action.SETTINGS,),
            lambda text: (
                GiveAnswer(Action.SETTINGS, self._misused, partial(self._errand, text))
                if text
                else OpenModal(Action.SETTINGS, TITLE, self._form, partial(self._errand, text))
            ),
        )

    async def _misused(self, _request: Request, _body: dict[str, Any]) -> Message:
        return self.subcommand.misused("Settings are changed in a form.")

    @staticmethod
    async def _errand(text: str, _account: Account) -> Errand:
        """A change of the settings, as it is handed over: what was written of it, for whoever has the form to read."""
        return Errand("settings", one_line(plain(text), _LONGEST_WISH))

    async def _open(self, request: Request, body: dict[str, Any]) -> None:
        """The form, for the admin whom somebody asked to change something in it."""
        await self._interactions.open_for(request, body, Action.SETTINGS, TITLE, self._form)

    def listeners(self) -> tuple[Listener, ...]:
        return (
            self._interactions.opening("form.settings", Action.SETTINGS, TITLE, self._form),
            self._interactions.modal("settings.form", Action.SETTINGS, self._save),
        )

    async def _form(self, request: Request, _body: dict[str, Any]) -> View:
        """The form as things stand."""
        groups = await self._groups(request)
        metadata = ModalContext.of(request, fingerprint=request.account.fingerprint).to_json()
        return views.form(request.account, groups, metadata, undo_days=self._undo_days, most_bytes=self._most_bytes)

    async def _groups(self, request: Request) -> list[views.Group]:
        """The user groups of the workspace, none where Slack does not tell them."""
        try:
            listed = (await request.client.usergroups_list())["usergroups"]
        except SlackApiError as error:
            # A plan without user groups says so here; everything else can still be decided.
            log.info("no user groups to choose from", why=error_code(error))
            return []
        return [views.Group(group["id"], group["name"]) for group in listed]

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
        typed_days, typed_size = (
            plain(values.get(field) or "").strip() for field in (views.UNDO_DAYS, views.MOST_BYTES)
        )
        days, size = read_days(typed_days), read_bytes(typed_size)
        if typed_days and (days is None or days > self._undo_days):
            return field_error(
                views.UNDO_DAYS,
                f"Give a time like 14 days or 36 hours, of {days_words(self._undo_days)} at most, or nothing.",
            )
        if typed_size and (size is None or size > self._most_bytes):
            return field_error(
                views.MOST_BYTES, f"Give a size like 5 MB, of {bytes_words(self._most_bytes)} at most, or nothing."
            )
        words: dict[str, tuple[str, ...]] = {}
        for field, kind in ((views.OUT_WORDS, Wording.OUT), (views.IN_WORDS, Wording.IN)):
            try:
                words[field] = added_words(plain(values.get(field) or "").replace(";", ",").split(","), kind)
            except WordRefused as error:
                return field_error(field, str(error))
        if both := set(words[views.OUT_WORDS]) & set(words[views.IN_WORDS]):
            return field_error(
                views.IN_WORDS, f"'{min(both)}' opts out, by the field above: take it out of one of them."
            )
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
            max_list_bytes=size,
            numbers=values["settings.numbers"],
            lookups=values["settings.lookups"],
            exports=values["settings.exports"],
            steps=values["settings.steps"],
            digest_channel=values.get("settings.digest_channel"),
            waiting_channel=values.get("settings.waiting_channel"),
            replies_channel=values.get("settings.replies_channel"),
            out_words=words[views.OUT_WORDS],
            in_words=words[views.IN_WORDS],
        )
        if settings.support == "groups" and not settings.support_groups:
            return field_error(
                "settings.support", "Choose a group whose members are support below, or nobody but admins adds numbers."
            )
        if settings.support == "groups" and await self._are_empty(request, settings.support_groups):
            return field_error(
                "settings.support",
                "Nobody is in the chosen groups, so only admins could add or look up numbers: choose another group, or Only admins.",
            )
        if (without_effect := await self._without_effect(request, now, settings)) is not None:
            return without_effect
        _, told = await asyncio.to_thread(
            self._store.accounts.change,
            request.account.id,
            request.origin(Function.SETTING),
            country=country,
            settings=settings,
            fingerprint=context.fingerprint,
            names=await self._names(request, now, settings),
        )
        return views.changed(told, request.actor) if told else Message.of("Nothing was changed.", private=True)

    async def _without_effect(
        self, request: Request, before: AccountSettings, after: AccountSettings
    ) -> Message | None:
        """The error at the field in which somebody or something is newly chosen that cannot be what it is chosen for."""
        for person in _new(before, after, "admins"):
            user = (await _told(request.client.users_info(user=person))).get("user") or {}
            if user and (barred := outsider(user, {request.account.slack_id})) is not None:
                who = one_line(name_of({"id": person, **user}), _LONGEST_NAMED)
                return field_error("settings.admins", f"{who} {barred}, so they cannot be an admin: take them out.")
        for group in _new(before, after, "admin_groups"):
            if await self._are_empty(request, (group,)):
                names = {one.id: one.name for one in await self._groups(request)}
                called = one_line(names.get(group, group), _LONGEST_NAMED)
                return field_error(
                    "settings.admin_groups",
                    f"Nobody in {called} can be an admin: choose another group, or leave it out.",
                )
        for field in _CHANNELS:
            for channel in _new(before, after, field):
                if (why := await why_unusable(request.client, channel, own=field != "uploads_channels")) is not None:
                    return field_error(f"settings.{field}", why)
        return None

    async def _are_empty(self, request: Request, groups: tuple[str, ...]) -> bool:
        """Whether Slack says of all *groups* that they are gone, or have nobody in them who could have a role."""
        for group in groups:
            try:
                members = (await request.client.usergroups_users_list(usergroup=group))["users"]
            except SlackApiError as error:
                if error_code(error) not in _GROUP_GONE:
                    return False
                continue
            except (SlackClientError, aiohttp.ClientError, OSError):
                return False
            if len(members) > _MOST_NAMES:
                return False
            for member in members:
                user = (await _told(request.client.users_info(user=member))).get("user") or {}
                if not user or outsider(user, {request.account.slack_id}) is None:
                    return False
        return True

    async def _names(self, request: Request, before: AccountSettings, after: AccountSettings) -> dict[str, str]:
        """The names of the people, groups and channels that changes of the settings name, by id, as far as Slack tells them."""
        client = request.client
        ids = {field: {*_ids(after, field)} if _ids(before, field) != _ids(after, field) else set() for field in _NAMED}
        names: dict[str, str] = {}
        for person in sorted(ids["admins"])[:_MOST_NAMES]:
            if user := (await _told(client.users_info(user=person))).get("user"):
                names[person] = name_of({"id": person, **user})
        for channel in sorted(set().union(*(ids[field] for field in _CHANNELS)))[:_MOST_NAMES]:
            if name := ((await _told(client.conversations_info(channel=channel))).get("channel") or {}).get("name"):
                names[channel] = f"#{name}"
        if ids["admin_groups"] | ids["support_groups"]:
            names |= {group.id: group.name for group in await self._groups(request)}
        return names


def _new(before: AccountSettings, after: AccountSettings, field: str) -> tuple[str, ...]:
    """The ids that *field* has now and had not, as many as are looked at."""
    known = set(_ids(before, field))
    return tuple(one for one in _ids(after, field) if one not in known)[:_MOST_NAMES]


async def _told(asked: Awaitable[AsyncSlackResponse]) -> dict[str, Any]:
    """Slack's answer; empty where it does not tell: a setting is saved without names, too."""
    try:
        answer = (await asked).data
    except (SlackClientError, aiohttp.ClientError, OSError) as error:
        log.info("no name for a setting", why=error_name(error))
        return {}
    return answer if isinstance(answer, dict) else {}


def _ids(settings: AccountSettings, field: str) -> tuple[str, ...]:
    value = getattr(settings, field)
    return value if isinstance(value, tuple) else (value,) if value else ()


def _kept(values: dict[str, Any], field: str, now: tuple[str, ...]) -> tuple[str, ...]:
    """What was chosen in *field*; as it was where the form did not have it."""
    return tuple(values[field] or ()) if field in values else now
