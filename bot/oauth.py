"""
Installation by OAuth: the pages on which somebody begins it and comes back from Slack, by Bolt's own flow.

Where Slack's tokens go, who may install the app and what people read there is the desk's.
https://docs.slack.dev/authentication/installing-with-oauth
"""

import asyncio
import html
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.oauth.installation_store import Installation as Granted
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.installations import ManyWorkspaces
from bot.manifest import REDIRECT_PATH, scopes
from bot.slack_calls import SlackCalls
from handlers.slack.errors import error_name
from store import NewInstallation, Store, StoreError, TokenKeys, Tokens

# Of a Slack id: where its account is kept, who serves it, and who is told that nothing known of its channels holds any more; what
# blocks in the block has the threads of that database.
HomeOf = Callable[[str], AbstractContextManager[tuple[Store, ManyWorkspaces, Callable[[int], None]]]]
log = structlog.get_logger(__name__)
INSTALL_PATH: Final = "/slack/install"
# Seconds in which somebody has to say yes at Slack.
STATE_SECONDS: Final = 600
_AGAIN: Final = "Begin again where you found the link to install the app."
_UNKNOWN: Final = f"Slack did not let the app be installed, so nothing was done. {_AGAIN}"
# By Bolt's reason, or Slack's; what it says itself is shown to nobody.
_WHY: Final = {
    "access_denied": "You called it off, so the app was not installed.",
    "invalid_browser": f"This browser did not begin the installation, so nothing was done. {_AGAIN}",
    "invalid_state": f"This installation was ended already, or took longer than ten minutes, so nothing was done. {_AGAIN}",
    "missing_code": _UNKNOWN,
    "invalid_code": _UNKNOWN,
    # By then Slack has the app in the workspace.
    "storage_error": f"Slack has the app installed now, but the desk could not keep it, so it does nothing yet. {_AGAIN}",
}
_NOT_WELCOME: Final = (
    "This desk does not serve your workspace, so the app was taken away from it again. Ask whoever runs the desk."
)
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class _NotWelcomeError(BoltError):
    """Whoever installed the app is of none of the workspaces that may."""


class _States(AsyncOAuthStateStore):
    """Bolt's store of states, in the desk's database: each is good once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def async_issue(self, *_args: object, **_named: object) -> str:
        return await asyncio.to_thread(self._store.installations.new_state, STATE_SECONDS)

    async def async_consume(self, state: str) -> bool:
        return await asyncio.to_thread(self._store.installations.use_state, state)


class _Kept(AsyncInstallationStore):
    """Bolt's store of installations, in the database of the account: what is granted is kept, with its tokens sealed."""

    def __init__(self, keys: TokenKeys, home_of: HomeOf, country: str | None) -> None:
        self._keys = keys
        self._home_of = home_of
        self._country = country

    async def async_save(self, installation: Granted) -> None:
        """Keep *installation*. Raises `BoltError` when that cannot be done, which Bolt's flow tells the person."""
        whole = bool(installation.is_enterprise_install)
        if installation.bot_token is None or installation.bot_user_id is None:
            raise BoltError("Slack gave no bot token")
        slack_id = installation.enterprise_id if whole else installation.team_id
        try:
            with self._home_of(str(slack_id)) as (store, installations, channels_changed):
                expires = installation.bot_token_expires_at
                expires_at = None if expires is None else installations.expiry_of(expires)
                tokens = Tokens(installation.bot_token, installation.bot_refresh_token, expires_at)
                new = NewInstallation(
                    team_id=None if whole else installation.team_id,
                    enterprise_id=installation.enterprise_id,
                    name=installation.enterprise_name if whole else installation.team_name,
                    bot_id=installation.bot_id,
                    bot_user_id=installation.bot_user_id,
                    scopes=",".join(installation.bot_scopes or ()),
                    installed_by=installation.user_id,
                    sealed=self._keys.seal(str(slack_id), tokens),
                    expires_at=expires_at,
                )
                kept = await asyncio.to_thread(store.installations.install, new, country=self._country)
        except StoreError as error:
            log.error("an installation is not kept", workspace=slack_id, why=error.cause)  # noqa: TRY400  it says it all
            raise BoltError("it is not kept") from error
        installations.changed(kept)
        # What changed before, nobody told; and on SQLite the number of an account that went may be another's now.
        channels_changed(kept.account_id)
        log.info("the app was installed", workspace=slack_id, by=installation.user_id)


class _Flow(AsyncOAuthFlow):
    """Bolt's flow, for those workspaces alone that *welcome* names, where it names any."""

    welcome: frozenset[str] = frozenset()

    async def store_installation(self, request: AsyncBoltRequest, installation: Granted) -> None:
        granted_by = {installation.team_id, installation.enterprise_id}
        if self.welcome and not granted_by & self.welcome:
            log.warning("the app was installed by a workspace that may not", workspace=installation.team_id)
            await self.client.apps_uninstall(
                token=installation.bot_token,
                client_id=self.settings.client_id,
                client_secret=self.settings.client_secret,
            )
            raise _NotWelcomeError("not welcome")
        await super().store_installation(request, installation)


class InstallPages:
    """
    The routes of installation by OAuth, at the address *public_url* of the settings.

    *store*: of the states of those that are under way, for which what blocks in the block *at_work* has threads of its own.
    *home_of*: where the account of a Slack id is kept, and who serves it; it raises `StoreError` while that cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        at_work: Callable[[], AbstractContextManager[None]],
        keys: TokenKeys,
        home_of: HomeOf,
        calls: SlackCalls,
    ) -> None:
        assert settings.slack_client_secret is not None  # noqa: S101  `require_tokens` was called
        self._at_work = at_work
        slack = settings.slack_api_url.removesuffix("api/")
        self._flow = _Flow(
            # A code is good once: a client that tried again by itself would lose what came of the first.
            client=AsyncWebClient(base_url=settings.slack_api_url, timeout=20, retry_handlers=[calls]),
            settings=AsyncOAuthSettings(
                client_id=settings.slack_client_id,
                client_secret=settings.slack_client_secret.get_secret_value(),
                scopes=sorted(scopes()),
                user_scopes=[],
                redirect_uri=f"{settings.public_url}{REDIRECT_PATH}",
                authorization_url=f"{slack}oauth/v2/authorize",
                install_path=INSTALL_PATH,
                install_page_rendering_enabled=False,
                redirect_uri_path=REDIRECT_PATH,
                callback_options=AsyncCallbackOptions(success=_succeeded, failure=_failed),
                installation_store=_Kept(keys, home_of, settings.default_country),
                state_store=_States(store),
                state_expiration_seconds=STATE_SECONDS,
            ),
        )
        self._flow.welcome = settings.install_for

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(INSTALL_PATH, self._begin, allow_head=False),
            web.get(REDIRECT_PATH, self._end, allow_head=False),
        ]

    async def _begin(self, request: web.Request) -> web.Response:
        try:
            with self._at_work():
                return await to_aiohttp_response(await self._flow.handle_installation(await to_bolt_request(request)))
        except StoreError as error:
            return await to_aiohttp_response(_page("The app was not installed", str(error), 503))

    async def _end(self, request: web.Request) -> web.Response:
        try:
            with self._at_work():
                answer = await self._flow.handle_callback(await to_bolt_request(request))
        except Exception as error:
            log.warning("an installation failed", why=error_name(error), exc_info=error)
            answer = _page("The app was not installed", f"Slack or the desk could not be reached. {_AGAIN}", 503)
        return await to_aiohttp_response(answer)


async def _succeeded(args: AsyncSuccessArgs) -> BoltResponse:
    granted = args.installation
    where = granted.enterprise_name if granted.is_enterprise_install else granted.team_name
    said = f"Opt-Out Desk is installed in {where or 'your workspace'}. In Slack, /optout help says what it can do."
    return _page("Installed", said, 200)


async def _failed(args: AsyncFailureArgs) -> BoltResponse:
    if isinstance(args.error, _NotWelcomeError):
        return _page("The app was not installed", _NOT_WELCOME, 403)
    log.warning("an installation was not done", reason=args.reason if args.reason in _WHY else "another")
    return _page("The app was not installed", _WHY.get(args.reason, _UNKNOWN), args.suggested_status_code)


def _page(title: str, sentence: str, status: int) -> BoltResponse:
    body = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><style>body{font:1.1rem/1.5 sans-serif;max-width:36rem;'
        f"margin:4rem auto;padding:0 1rem}}</style></head><body><h1>{html.escape(title)}</h1>"
        f"<p>{html.escape(sentence)}</p></body></html>"
    )
    return BoltResponse(status=status, body=body, headers=dict(_HEADERS))
