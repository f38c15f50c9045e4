"""The app as it is installed in the embedded workspace: its identity, tokens, scopes, commands and subscriptions."""

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from bot.sandbox.workspace import new_id, seeded_id


@dataclass(frozen=True, slots=True)
class Function:
    """A step of Workflow Builder, as a manifest has it. Of *inputs* and *outputs*, which are all texts, every output is required."""

    title: str
    description: str
    inputs: tuple[str, ...]
    required: tuple[str, ...]
    outputs: tuple[str, ...]
    id: str = field(default_factory=lambda: new_id("Fn"))


# What the product's manifest says, stated again here on purpose: a fake that read them from the
# bot's own manifest could not notice one that is missing there.
DEFAULT_SCOPES = (
    "commands",
    "chat:write",
    "app_mentions:read",
    "files:read",
    "files:write",
    "users:read",
    "usergroups:read",
    "im:history",
    "channels:read",
    "groups:read",
    "metadata.message:read",
)
DEFAULT_EVENTS = (
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "channel_rename",
    "file_shared",
    "function_executed",
    "group_rename",
    "member_joined_channel",
    "message.im",
    "message_metadata_posted",
    "tokens_revoked",
)
# (app id or "*", event_type): of which messages' metadata the app is told.
DEFAULT_METADATA = (("*", "optout_answer"),)
DEFAULT_SHORTCUTS = ({"callback_id": "optout.check", "name": "Check opt-outs", "type": "message"},)

# Steps of Workflow Builder by callback id: the types of their inputs and outputs, and those that are required.
DEFAULT_FUNCTIONS = {
    "opt_out_number": Function(
        title="Opt a number out",
        description="Opts phone numbers out, or asks an admin to",
        inputs=("number", "reason", "who"),
        required=("number",),
        outputs=("outcome", "note"),
    ),
}

# https://docs.slack.dev/reference/events: the scope that makes Slack send an event.
EVENT_SCOPES = {
    "app_mention": "app_mentions:read",
    "channel_rename": "channels:read",
    "file_shared": "files:read",
    "file_deleted": "files:read",
    "group_rename": "groups:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "member_joined_channel": "channels:read",
    "member_left_channel": "channels:read",
    "message_metadata_posted": "metadata.message:read",
    "user_change": "users:read",
}


def _digits(count: int) -> str:
    return "".join(secrets.choice("123456789") for _ in range(count))


def new_token() -> str:
    """A bot token."""
    return f"xoxb-{_digits(12)}-{_digits(13)}-{secrets.token_hex(12)}"


@dataclass(slots=True)
class Installation:
    """One app in one workspace. Tokens are made anew at each start."""

    team_id: str
    name: str = "Opt-Out Desk"
    app_id: str = field(default_factory=lambda: seeded_id("A", "app"))
    bot_id: str = field(default_factory=lambda: seeded_id("B", "app"))
    bot_user_id: str = field(default_factory=lambda: seeded_id("U", "app"))
    bot_token: str = field(default_factory=new_token)
    app_token: str = field(default_factory=lambda: f"xapp-1-{new_id('A')}-{_digits(13)}-{secrets.token_hex(32)}")
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    verification_token: str = field(default_factory=lambda: secrets.token_hex(12))
    client_id: str = field(default_factory=lambda: f"{_digits(12)}.{_digits(13)}")
    client_secret: str = field(default_factory=lambda: secrets.token_hex(16))
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    events: tuple[str, ...] = DEFAULT_EVENTS
    metadata: tuple[tuple[str, str], ...] = DEFAULT_METADATA
    commands: tuple[str, ...] = ("/optout",)
    shortcuts: tuple[dict[str, str], ...] = DEFAULT_SHORTCUTS
    functions: Mapping[str, Function] = field(default_factory=lambda: DEFAULT_FUNCTIONS)
    should_escape: bool = True
    events_url: str | None = None
    messages_tab: bool = True
    # Whether the app is told of every file it may see, also in public channels where its bot is not.
    told_of_all_files: bool = False
    revoked: bool = False
    # The page stays closed until the app has connected for the first time.
    awaited: bool = False
    # Not installed yet, or any more: its token is `account_inactive`.
    gone: bool = False
    # Of a workspace of an Enterprise Grid organisation, its id and name; and whether the app is installed in all of it.
    enterprise: tuple[str, str] | None = None
    org_wide: bool = False
    # Where tokens are replaced: the refresh token, when the token expires (seconds of the monotonic clock), and those before it.
    refresh_token: str | None = None
    expires: float | None = None
    earlier: dict[str, float] = field(default_factory=dict)

    def beside(self, team_id: str, domain: str) -> "Installation":
        """The same app in another workspace, where it is not installed yet."""
        return replace(
            self,
            team_id=team_id,
            bot_id=seeded_id("B", f"app {domain}"),
            bot_user_id=seeded_id("U", f"app {domain}"),
            bot_token=new_token(),
            gone=True,
            earlier={},
        )

    def knows(self, token: str) -> bool:
        """Whether *token* is the bot's, or was."""
        return token == self.bot_token or token in self.earlier

    def problem_of(self, token: str) -> str | None:
        """Why Slack does not take *token*, which this app `knows`, in its own word; None where it does."""
        if self.gone:
            return "account_inactive"
        if self.revoked or (token != self.bot_token and token not in self.earlier):
            return "token_revoked"
        until = self.expires if token == self.bot_token else self.earlier[token]
        return "token_expired" if until is not None and time.monotonic() > until else None

    def install(self) -> None:
        """Install it, anew with another token."""
        self.bot_token = new_token()
        self.gone = False

    def rotate(self, seconds: float) -> None:
        """Give it the next token and refresh token; the token before is good until it expires, the refresh token is not."""
        if self.expires is not None:
            self.earlier = {self.bot_token: self.expires}
        self.bot_token = f"xoxe.{new_token()}"
        self.refresh_token = f"xoxe-1-{secrets.token_hex(32)}"
        self.expires = time.monotonic() + seconds

    def listens_to(self, event: str) -> bool:
        """Whether Slack sends this event: subscribed, and the token carries the event's scope."""
        needed = EVENT_SCOPES.get(event)
        return event in self.events and (needed is None or needed in self.scopes)

    def configure(
        self,
        *,
        scopes: Iterable[str] | None = None,
        events: Iterable[str] | None = None,
        commands: Iterable[str] | None = None,
        shortcuts: Iterable[dict[str, str]] | None = None,
    ) -> None:
        """Change what the manifest would say; None leaves a part as it is."""
        if scopes is not None:
            self.scopes = tuple(dict.fromkeys(scopes))
        if events is not None:
            self.events = tuple(dict.fromkeys(events))
        if commands is not None:
            self.commands = tuple(f"/{name.lstrip('/')}" for name in commands)
        if shortcuts is not None:
            self.shortcuts = tuple(shortcuts)
