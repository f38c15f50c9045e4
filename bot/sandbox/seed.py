"""The workspace as it stands when the embedded Slack starts."""

from collections.abc import Callable

from bot.sandbox.installation import Installation
from bot.sandbox.workspace import Channel, User, Workspace
from bot.sandbox.workspace import seeded_id as known_id

FIRST = ("harbor-campaign", "Harbor Campaign")


def seeded_workspace(
    *, display_names: bool = False, named: tuple[str, str] = FIRST, beside: Installation | None = None
) -> tuple[Workspace, Installation]:
    """
    One team with its people and channels, and the app installed in it.

    *display_names*: people are called by their names, and not by their handles. *named*: its domain and name. *beside*: the
    same app in the first workspace, which is not installed in this one yet.
    """
    domain, called = named
    workspace = Workspace(domain=domain, name=called)
    app = Installation(team_id=workspace.team_id) if beside is None else beside.beside(workspace.team_id, domain)

    def seeded_id(prefix: str, name: str) -> str:
        return known_id(prefix, name if beside is None else f"{name} of {domain}")

    other_team = seeded_id("T", "another organisation")
    workspace.teams[other_team] = "larsen-partners"
    people: tuple[tuple[str, str, str, str, dict[str, bool]], ...] = (
        ("admin", "Avery Quinn", "America/New_York", "Campaign admin", {"is_admin": True}),
        ("second-admin", "Sam Okoro", "America/Los_Angeles", "Data director", {"is_admin": True}),
        ("support", "Robin Vale", "Europe/London", "Voter support", {}),
        ("guest", "Jules Marsh", "America/Chicago", "Volunteer", {"is_restricted": True}),
        ("stranger", "Kit Larsen", "Europe/Copenhagen", "Partner organisation", {"is_stranger": True}),
    )
    for handle, name, zone, title, flags in people:
        team = other_team if flags.get("is_stranger") else workspace.team_id
        user = User(id=seeded_id("U", handle), handle=handle, real_name=name, team_id=team, tz=zone, title=title)
        if display_names:
            user.display_name = name
        for flag, value in flags.items():
            setattr(user, flag, value)
        workspace.users[user.id] = user
    bots = (
        (app.bot_user_id, "optout", app.name, app.bot_id, app.app_id),
        (seeded_id("U", "ticket-bot"), "ticket-bot", "Ticket Bot", seeded_id("B", "ticket-bot"), None),
    )
    for user_id, handle, name, bot_id, app_id in bots:
        workspace.users[user_id] = User(
            id=user_id,
            handle=handle,
            real_name=name,
            team_id=workspace.team_id,
            tz="America/Los_Angeles",
            is_bot=True,
            bot_id=bot_id,
            app_id=app_id,
        )
    staff = ("admin", "second-admin", "support")
    _channel(workspace, seeded_id, "campaign-admins", (*staff, "optout"), "Decisions and settings")
    _channel(
        workspace, seeded_id, "support-tickets", (*staff, "guest", "optout", "ticket-bot"), "Questions from voters"
    )
    _channel(workspace, seeded_id, "optout-uploads", (*staff, "guest", "optout"), "Drop opt-out lists here")
    _channel(
        workspace,
        seeded_id,
        "partner-desk",
        (*staff, "stranger", "optout"),
        "Shared with a partner",
        is_ext_shared=True,
    )
    _channel(workspace, seeded_id, "field-private", ("admin", "support"), "Field team", is_private=True)
    _channel(workspace, seeded_id, "archive-2024", (*staff, "optout"), "Last cycle", is_archived=True)
    admins = [workspace.user(handle).id for handle in ("admin", "second-admin")]
    group_id = seeded_id("S", "group")
    workspace.usergroups[group_id] = {
        "id": group_id,
        "team_id": workspace.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": "Campaign admins",
        "description": "",
        "handle": "campaign-admin-team",
        "is_external": False,
        "date_create": workspace.bot.updated,
        "date_update": workspace.bot.updated,
        "date_delete": 0,
        "auto_type": None,
        "auto_provision": False,
        "created_by": admins[0],
        "updated_by": admins[0],
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
        "users": admins,
    }
    return workspace, app


def _channel(
    workspace: Workspace,
    seeded_id: Callable[[str, str], str],
    name: str,
    handles: tuple[str, ...],
    purpose: str,
    **flags: bool,
) -> None:
    members = [workspace.user(handle).id for handle in handles]
    channel = Channel(id=seeded_id("C", name), name=name, creator=members[0], purpose=purpose, members=members)
    for flag, value in flags.items():
        setattr(channel, flag, value)
    workspace.channels[channel.id] = channel
