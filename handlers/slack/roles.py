"""Authorization: the role of whoever asks, by their id in Slack, and whether it admits them. Decided here alone."""

from collections.abc import Collection, Mapping
from dataclasses import fields
from enum import StrEnum
from typing import Any, Final, NamedTuple

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from handlers.permissions import ADMINS, ALLOWED, CACHED, Action, Role, allow
from handlers.slack.clients import teams_of
from handlers.slack.errors import PersonUnknownError, error_code, error_name, is_away
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import listed, person
from handlers.slack.places import Place, Request
from handlers.slack.refusals import AskedErrand, polite_no
from handlers.ttl_cache import TtlCache
from store import Account, Actor, Errand

log = structlog.get_logger()


class Asker(NamedTuple):
    """The person who asks, with their role. *why*: the sentence that explains why it is nobody, empty otherwise."""

    role: Role
    actor: Actor
    why: str


class Outsider(StrEnum):
    """Why somebody is none of the workspace's own people, whose role settings decide; as the end of a sentence about them."""

    APP = "is an app"
    LEFT = "has left"
    STRANGER = "is of another organisation"
    GUEST = "is a guest"


_UNTOLD: Final = "Slack does not say who you are, so nothing was done. Please ask whoever runs the desk."
_OUTSIDE: Final = "Only members of this workspace can use the opt-out desk, not people of other organisations. Ask one of them to do it for you."
_WHY: Final = {
    Outsider.APP: "Other apps cannot use the opt-out desk. Have a member of this workspace do it.",
    Outsider.LEFT: "Deactivated accounts cannot use the opt-out desk. Ask a member of this workspace to do it for you.",
    Outsider.STRANGER: _OUTSIDE,
    Outsider.GUEST: "Guests cannot use the opt-out desk.",
}
_MOST_NAMED: Final = 5
# Workspaces of an organisation whose admins are looked for.
_MOST_TEAMS: Final = 3


class Roles:
    """
    Looks roles up, by `users.info` and `usergroups.users.list`, and admits people by them.

    Both are asked afresh for what only admins may do and for all that tells numbers, so that whoever is admin or support no
    more is so at once; for the rest (`CACHED` in `handlers/permissions.py`) they are cached for a minute.

    *admins*: user ids that are admins of the desk besides the workspace's admins and owners and those whom an account's
    settings name. A person of another organisation or a bot can never be one.
    """

    def __init__(self, admins: frozenset[str]) -> None:
        self._admins = admins
        self._people: TtlCache[Asker] = TtlCache(60)
        self._groups: TtlCache[frozenset[str]] = TtlCache(60)
        self._named: TtlCache[tuple[str, ...]] = TtlCache(600)

    async def role_of(self, client: AsyncWebClient, account: Account, user_id: str, *, fresh: bool = False) -> Asker:
        """
        The role of *user_id* in *account*; *fresh*: past the cache.

        Raises `PersonUnknownError` while Slack cannot be reached: an outage makes nobody a stranger.
        """
        key = f"{account.slack_id} {user_id}"
        asker = None if fresh else self._people.get(key)
        if asker is None:
            try:
                user: dict[str, Any] = (await client.users_info(user=user_id))["user"]
            except Exception as error:
                log.warning("person not known", user=user_id, error=error_name(error))
                if is_away(error):
                    raise PersonUnknownError(error_name(error)) from error
                # Whoever cannot be known is let do nothing.
                gone = isinstance(error, SlackApiError) and error_code(error) in {"user_not_found", "user_not_visible"}
                return Asker(Role.NOBODY, Actor(user_id, user_id), _OUTSIDE if gone else _UNTOLD)
            asker = self._asker_of(user, {account.slack_id})
            self._people.put(key, asker)
        if asker.role is not Role.MEMBER:
            return asker
        settings = account.settings
        if user_id in settings.admins or await self._in_any(
            client, account, settings.admin_groups, user_id, fresh=fresh
        ):
            return asker._replace(role=Role.ADMIN)
        if settings.support == "everyone" or (
            settings.support == "groups"
            and await self._in_any(client, account, settings.support_groups, user_id, fresh=fresh)
        ):
            return asker._replace(role=Role.SUPPORT)
        return asker

    async def _in_any(
        self, client: AsyncWebClient, account: Account, groups: Collection[str], user_id: str, *, fresh: bool
    ) -> bool:
        """
        Whether *user_id* is in one of *groups*. One that is gone, or that Slack does not tell of, has nobody in it.

        Raises `PersonUnknownError` while Slack cannot be reached.
        """
        for group in groups:
            key = f"{account.slack_id} {group}"
            members = None if fresh else self._groups.get(key)
            if members is None:
                try:
                    members = await _members_of(client, account, group)
                except Exception as error:
                    log.warning("group not known", group=group, error=error_name(error))
                    if is_away(error):
                        raise PersonUnknownError(error_name(error)) from error
                    # Whose group cannot be known has no role by it.
                    members = frozenset()
                self._groups.put(key, members)
            if user_id in members:
                return True
        return False

    def _asker_of(self, user: Mapping[str, Any], teams: Collection[str]) -> Asker:
        """The person whom Slack describes by *user*, with the role they have without an account's settings."""
        actor = Actor(str(user["id"]), name_of(user))
        barred = outsider(user, teams)
        if barred is None or (barred is Outsider.GUEST and actor.id in self._admins):
            return Asker(Role.ADMIN if _is_admin(user) or actor.id in self._admins else Role.MEMBER, actor, "")
        return Asker(Role.GUEST if barred is Outsider.GUEST else Role.NOBODY, actor, _WHY[barred])

    async def admit(
        self, place: Place, account: Account, action: Action, errand: AskedErrand | None = None
    ) -> Request | Message:
        """
        The request of the asker at *place* when they may do *action*; else a polite no for them alone.

        *errand*: what they ask, as it could be handed over to who may; the no then offers that. Raises
        `PersonUnknownError` while Slack cannot be reached.
        """
        asker = await self.role_of(place.client, account, place.actor.id, fresh=action not in CACHED)
        if not allow(asker.role, action):
            return await self._refusal(place, account, asker, action, errand)
        at = {field.name: getattr(place, field.name) for field in fields(Place)}
        return Request(**(at | {"actor": asker.actor}), account=account, role=asker.role)

    @staticmethod
    def step_may(account: Account, action: Action) -> bool:
        """
        Whether a step of a workflow may do *action* by itself, in the name of no person: as the account's admins decided.

        Slack says neither who ran the workflow nor who built it, and its inputs are whatever whoever built it wrote there
        (https://docs.slack.dev/reference/events/function_executed).
        """
        return action is Action.ADD and account.settings.steps == "add"

    async def _refusal(
        self, place: Place, account: Account, asker: Asker, action: Action, errand: AskedErrand | None
    ) -> Message:
        """A polite no, for the asker alone, that says who may, and offers to hand the request to them."""
        if not allow(asker.role, Action.HAND_OVER):
            return Message.of(asker.why, private=True)
        whose = "Only admins" if ALLOWED[action] == ADMINS else "Only support and admins"
        asked = await errand(account) if errand is not None else None
        return await self.no(place, account, asker.why or f"{whose} can {action.value}.", asked)

    async def no(self, place: Place, account: Account, why: str, errand: Errand | None) -> Message:
        """The no to whoever asked at *place*, for them alone: *why*, the admins who can, and the offer to hand *errand* to them."""
        admins = await self.named_admins(place.client, account)
        can = f"{listed([person(admin) for admin in admins])} can."
        who = can if admins else "Please ask an admin of this workspace."
        return polite_no(f"{why} {who}", admins, errand if admins else None, place.thread_ts)

    async def admins(self, client: AsyncWebClient, account: Account, most: int) -> tuple[Actor, ...]:
        """
        Admins by their names, *most* of them: of the account's settings and of their groups, then the workspace's own.

        As they are now: who left, is a guest or no admin any more is none, whatever the settings name. Raises
        `PersonUnknownError` while Slack cannot be reached.
        """
        found: list[Actor] = []
        for user in await self._who_may_be(client, account):
            asker = await self.role_of(client, account, user)
            if asker.role is Role.ADMIN:
                found.append(asker.actor)
            if len(found) == most:
                break
        return tuple(found)

    async def named_admins(self, client: AsyncWebClient, account: Account) -> tuple[Actor, ...]:
        """Up to five `admins`, none while Slack cannot be reached: it is a courtesy, not a rule."""
        try:
            return await self.admins(client, account, _MOST_NAMED)
        except PersonUnknownError:
            return ()

    async def _who_may_be(self, client: AsyncWebClient, account: Account) -> tuple[str, ...]:
        """The ids of those who are admins by the account's settings, by a group of theirs, or of the workspace itself."""
        groups: list[str] = []
        for group in account.settings.admin_groups:
            await self._in_any(client, account, (group,), "", fresh=False)
            groups += sorted(self._groups.get(f"{account.slack_id} {group}") or ())
        return tuple(dict.fromkeys([*account.settings.admins, *groups, *await self._of_workspace(client, account)]))

    async def _of_workspace(self, client: AsyncWebClient, account: Account) -> tuple[str, ...]:
        """Up to five of the workspace's own admins. Of a huge workspace only the first page is read, of an organisation that of a few."""
        named = self._named.get(account.slack_id)
        if named is None:
            try:
                members = [
                    user
                    for team in (await teams_of(client, account.slack_id))[:_MOST_TEAMS]
                    for user in (await client.users_list(limit=1000, team_id=team))["members"]
                ]
            except Exception as error:  # noqa: BLE001  the refusal is as good without names
                log.info("admins not named", error=type(error).__name__)
                return tuple(sorted(self._admins))
            ours = {account.slack_id}
            admins = [str(user["id"]) for user in members if self._asker_of(user, ours).role is Role.ADMIN]
            named = tuple(admins[:_MOST_NAMED])
            self._named.put(account.slack_id, named)
        return named


async def _members_of(client: AsyncWebClient, account: Account, group: str) -> frozenset[str]:
    """The members of a group; in an organisation that of whichever workspace it is. Raises Slack's and the network's errors."""
    teams = await teams_of(client, account.slack_id)
    for number, team in enumerate(teams, 1):
        try:
            return frozenset((await client.usergroups_users_list(usergroup=group, team_id=team))["users"])
        except SlackApiError as error:
            if number == len(teams) or is_away(error):
                raise
    return frozenset()


def name_of(user: Mapping[str, Any]) -> str:
    """
    The name by which people know whom Slack describes by *user*: as they chose to be shown, else their full name.

    https://docs.slack.dev/reference/objects/user-object
    """
    profile = user.get("profile") or {}
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"), user["id"])
    return next(name for name in (str(name or "").strip() for name in names) if name)


def outsider(user: Mapping[str, Any], teams: Collection[str]) -> Outsider | None:
    """Why whom Slack describes by *user* is no member of the *teams*, by their ids; None for a member."""
    if user.get("is_bot") or user["id"] == "USLACKBOT":
        return Outsider.APP
    if user.get("deleted"):
        return Outsider.LEFT
    if user.get("is_stranger") or not _belongs(user, teams):
        return Outsider.STRANGER
    is_guest = (user.get("is_restricted") or user.get("is_ultra_restricted")) and not _is_admin(user)
    return Outsider.GUEST if is_guest else None


def _is_admin(user: Mapping[str, Any]) -> bool:
    return bool(user.get("is_admin") or user.get("is_owner") or user.get("is_primary_owner"))


def _belongs(user: Mapping[str, Any], teams: Collection[str]) -> bool:
    """On Enterprise Grid a person is of an organisation and of some of its workspaces."""
    grid = user.get("enterprise_user") or {}
    return not {user.get("team_id"), grid.get("enterprise_id"), *(grid.get("teams") or ())}.isdisjoint(teams)
