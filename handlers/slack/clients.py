"""
Clients of Slack's Web API by account: all that the desk does by itself goes by the token of the account that it is about.

What answers a payload of Slack's has its client from Bolt, which asks `bot.installations` for the same token.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final, NoReturn, Protocol

from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler, AsyncServerErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from handlers.slack.errors import NOT_INSTALLED


@dataclass(frozen=True, slots=True)
class Installed:
    """What Slack's events say of the installation that they are for, from `auth.test`."""

    team_id: str
    enterprise_id: str | None
    is_enterprise_install: bool
    bot_id: str | None
    bot_user_id: str

    @property
    def slack_id(self) -> str:
        """The id of the account."""
        return self.enterprise_id if self.is_enterprise_install and self.enterprise_id else self.team_id


class Standing(Enum):
    """How a workspace or organisation stands to this desk. UNKNOWN: Slack has not said yet who installed the app."""

    OURS = auto()
    FOREIGN = auto()
    GONE = auto()
    UNKNOWN = auto()


class Clients(Protocol):
    """Gives the client of an account."""

    async def of(self, account: int) -> AsyncWebClient:
        """
        The client for calls about the account of that id, with its token.

        That of an account where the app is installed no more refuses each call with `NOT_INSTALLED`.
        """


class ServedWorkspaces(Clients, Protocol):
    """The workspaces and organisations that this desk serves: one, by its settings, or those that installed it by OAuth."""

    async def standing(self, slack_id: str) -> Standing:
        """How the workspace or organisation *slack_id* stands."""

    async def learn_soon(self) -> None:
        """Ask Slack who installed the app, unless that is known, and wait a moment for the answer. Never raises."""

    def name_of(self, slack_id: str) -> str | None:
        """What a workspace is called; None while nobody knows."""

    async def installed(self) -> tuple[Installed, ...]:
        """All that there are. Raises TimeoutError while Slack has not said."""

    async def look_again(self, body: dict[str, Any]) -> None:
        """Find out whether what Slack's event *body* is about is still installed, as the event says it is not."""


class OneClient:
    """The one client of a desk that serves one workspace."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def of(self, account: int) -> AsyncWebClient:  # noqa: ARG002  there is no other
        """The client."""
        return self._client


# Workspaces in an answer of auth.teams.list.
_TEAMS: Final = 100
# What is tried again by these may have been done the first time.
_UNSURE: Final = (AsyncConnectionErrorRetryHandler, AsyncServerErrorRetryHandler)


def once(client: AsyncWebClient) -> AsyncWebClient:
    """*client*, but that it does not try again by itself what may have been done."""
    if isinstance(client, GoneClient):
        return client
    return AsyncWebClient(
        token=client.token,
        base_url=client.base_url,
        timeout=client.timeout,
        retry_handlers=[handler for handler in client.retry_handlers if not isinstance(handler, _UNSURE)],
    )


async def teams_of(client: AsyncWebClient, slack_id: str) -> tuple[str | None, ...]:
    """
    The `team_id` of each workspace that is to be asked about, for methods that want one with a token of a whole organisation.

    Of a workspace's own account that is none at all. https://docs.slack.dev/reference/methods/auth.teams.list
    """
    if not slack_id.startswith("E"):
        return (None,)
    found: list[str | None] = []
    cursor = ""
    while True:
        page = await client.auth_teams_list(limit=_TEAMS, cursor=cursor)
        found += [str(team["id"]) for team in page["teams"]]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return tuple(found)


class GoneClient(AsyncWebClient):
    """The client of an account where the app is not installed any more: every call is refused, and none is made."""

    async def api_call(self, api_method: str, **_options: Any) -> NoReturn:
        answer = {"ok": False, "error": NOT_INSTALLED}
        raise SlackApiError(f"{api_method}: the app is not installed there any more", answer)  # type: ignore[no-untyped-call]  # slack_sdk leaves it untyped
