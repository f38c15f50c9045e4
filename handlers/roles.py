"""Who may do what. The one place that decides it, by id, for every command, button, mention and dropped file."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any, Final, NamedTuple

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.lately import Lately
from handlers.replies import Message, Place, Request, error_code
from handlers.views.mrkdwn import people
from store import Account, Actor

log = structlog.get_logger()


class Role(StrEnum):
    ADMIN = "admin"
    MEMBER = "member"
    NOBODY = "nobody"


class Action(StrEnum):
    """What can be asked of the desk; the value completes "only admins can ..."."""

    ADD = "opt phones out"
    SEARCH = "look phones up"
    DELETE = "delete opt-outs"
    SET_COUNTRY = "set the country"
    SEE_UPLOADS = "see the uploads"
    DROP = "drop lists"
    SCRUB = "scrub lists"
    CONFIRM = "apply lists"
    STOP = "stop lists"
    CONTINUE = "go on with lists"
    UNDO = "undo uploads"


_STAFF: Final = frozenset({Role.ADMIN, Role.MEMBER})
_ADMINS: Final = frozenset({Role.ADMIN})
ALLOWED: Final[Mapping[Action, frozenset[Role]]] = {
    Action.ADD: _STAFF,
    Action.SEARCH: _STAFF,
    Action.DELETE: _ADMINS,
    Action.SET_COUNTRY: _ADMINS,
    Action.SEE_UPLOADS: _STAFF,
    Action.DROP: _STAFF,
    Action.SCRUB: _STAFF,
    Action.CONFIRM: _ADMINS,
    Action.STOP: _ADMINS,
    Action.CONTINUE: _ADMINS,
    Action.UNDO: _ADMINS,
}


def allow(role: Role, action: Action) -> bool:
    """Whether *role* may do *action*."""
    return role in ALLOWED[action]


class Asker(NamedTuple):
    """Who asks. *why*: the sentence that explains why they are nobody here, empty otherwise."""

    role: Role
    actor: Actor
    why: str


_UNREACHABLE: Final = "Slack could not say who you are just now, so nothing was done. Please try again in a minute."
_OUTSIDE: Final = "Only members of this workspace can use the opt-out desk, not people of other organisations."
_GUEST: Final = "Guests cannot use the opt-out desk."
_MOST_NAMED: Final = 5


class Roles:
    """
    Knows people by `users.info`, for a minute.

    *admins*: user ids that are admins of the desk besides the workspace's admins and owners (a setting), of whom a
    person of another organisation or a bot can never be one.
    """

    def __init__(self, admins: frozenset[str]) -> None:
        self._admins = admins
        self._people: Lately[Asker] = Lately(60)
        self._named: Lately[tuple[str, ...]] = Lately(600)

    async def role_of(self, client: AsyncWebClient, teams: Collection[str], user_id: str) -> Asker:
        """The role of *user_id* in the account of *teams* (workspace or organisation ids). Unreachable: nobody."""
        key = f"{user_id} {','.join(sorted(teams))}"
        known = self._people.get(key)
        if known is not None:
            return known
        try:
            user: dict[str, Any] = (await client.users_info(user=user_id))["user"]
        except Exception as error:  # noqa: BLE001  whoever cannot be known is let do nothing
            gone = isinstance(error, SlackApiError) and error_code(error) in {"user_not_found", "user_not_visible"}
            log.warning("person not known", user=user_id, error=type(error).__name__)
            return Asker(Role.NOBODY, Actor(user_id, user_id), _OUTSIDE if gone else _UNREACHABLE)
        asker = self._judge(user, teams)
        self._people.put(key, asker)
        return asker

    def _judge(self, user: Mapping[str, Any], teams: Collection[str]) -> Asker:
        profile = user.get("profile") or {}
        actor = Actor(str(user["id"]), str(user.get("name") or profile.get("display_name") or user["id"]))
        role, why = Role.MEMBER, ""
        if user.get("is_bot") or actor.id == "USLACKBOT":
            role, why = Role.NOBODY, "Other apps cannot use the opt-out desk."
        elif user.get("deleted"):
            role, why = Role.NOBODY, "Deactivated accounts cannot use the opt-out desk."
        elif user.get("is_stranger") or not _belongs(user, teams):
            role, why = Role.NOBODY, _OUTSIDE
        elif _is_admin(user) or actor.id in self._admins:
            role = Role.ADMIN
        elif user.get("is_restricted") or user.get("is_ultra_restricted"):
            role, why = Role.NOBODY, _GUEST
        return Asker(role, actor, why)

    async def admit(self, place: Place, account: Account, action: Action) -> Request | Message:
        """The request of the asker at *place* when they may do *action*; else a polite no for them alone."""
        teams = {account.slack_id}
        asker = await self.role_of(place.client, teams, place.actor.id)
        refusal = await self.check(place.client, teams, asker, action)
        if refusal is not None:
            return refusal
        known = {field.name: getattr(place, field.name) for field in fields(Place)}
        return Request(**(known | {"actor": asker.actor}), account=account, is_admin=asker.role is Role.ADMIN)

    async def check(
        self, client: AsyncWebClient, teams: Collection[str], asker: Asker, action: Action
    ) -> Message | None:
        """None when *asker* may do *action*; else a polite no, for the asker alone, that says who may."""
        if allow(asker.role, action):
            return None
        if asker.role is Role.NOBODY:
            return Message.of(asker.why, private=True)
        admins = await self._known_admins(client, teams)
        who = f"{people(admins)} can." if admins else "Please ask an admin of this workspace."
        return Message.of(f"Only admins can {action.value}. {who}", private=True)

    async def _known_admins(self, client: AsyncWebClient, teams: Collection[str]) -> tuple[str, ...]:
        """Up to five admins. Of a huge workspace only the first page is read: it is a courtesy, not a rule."""
        key = ",".join(sorted(teams))
        known = self._named.get(key)
        if known is not None:
            return known
        try:
            members = (await client.users_list(limit=1000))["members"]
        except Exception as error:  # noqa: BLE001  the refusal is as good without names
            log.info("admins not named", error=type(error).__name__)
            return tuple(sorted(self._admins))[:_MOST_NAMED]
        found = [str(user["id"]) for user in members if self._judge(user, teams).role is Role.ADMIN]
        named = tuple(found[:_MOST_NAMED])
        self._named.put(key, named)
        return named


def _is_admin(user: Mapping[str, Any]) -> bool:
    return bool(user.get("is_admin") or user.get("is_owner") or user.get("is_primary_owner"))


def _belongs(user: Mapping[str, Any], teams: Collection[str]) -> bool:
    """On Enterprise Grid a person is of an organisation and of some of its workspaces."""
    grid = user.get("enterprise_user") or {}
    return not {user.get("team_id"), grid.get("enterprise_id"), *(grid.get("teams") or ())}.isdisjoint(teams)
