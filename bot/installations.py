"""
Installations: the workspaces and organisations that the desk serves, and its clients of Slack's Web API for each of them.

`OneWorkspace` is the desk whose bot token stands in its settings; `ManyWorkspaces` has those that installed it by OAuth.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from slack_bolt.async_app import AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.errors import SlackApiError, SlackTokenRotationError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings, SettingsError
from bot.slack_calls import SlackCalls
from handlers.loops import Loop
from handlers.slack.clients import GoneClient, Installed, Standing
from handlers.slack.errors import error_code, error_name, is_away
from handlers.slack.inbox import INSTALLED_FOR
from handlers.slack.payloads import installation_of
from handlers.tasks import Tasks
from handlers.ttl_cache import TtlCache
from store import Installation, LeaseLost, Store, StoreUnavailable, TokenKeys, Tokens, WrongTokenKeyError

log = structlog.get_logger(__name__)
# Seconds between looks at whether Slack still takes the bot's token: a desk that has nothing to do would not notice.
CHECK_SECONDS = 30.0
# How long an event or command waits for Slack to say who we are, which nobody needs to know before its ack.
LEARN_SECONDS = 1.0
# Seconds for which what another replica changes of an installation may not be seen here.
REMEMBERED_SECONDS = 60.0
# Tokens live for twelve hours: https://docs.slack.dev/authentication/using-token-rotation. One that is nearer to its end than
# this is replaced by the loop, and before it is used.
REPLACED_WITHIN: Final = timedelta(hours=2)
SURELY_GOOD: Final = timedelta(minutes=2)
_REFRESH_SECONDS: Final = 60.0
# Seconds between two questions whether an installation is still there, of which Slack's event may have been missed; and how
# many are asked about at one look.
_ASKED_EVERY: Final = 3600.0
_ASKED_AT_ONCE: Final = 20
# Slack's words for a token whose installation is gone; and for one of which its event says so.
_GONE: Final = frozenset({"account_inactive", "token_revoked"})
_GONE_AS_TOLD: Final = _GONE | {"invalid_auth", "token_expired"}


def new_client(base_url: str, token: str | None, calls: SlackCalls) -> AsyncWebClient:
    """A client of Slack's Web API, which tries again what failed on its way; `handlers.slack.clients.once` does not."""
    return AsyncWebClient(
        token=token,
        base_url=base_url,
        timeout=30,
        retry_handlers=[
            calls,
            AsyncRateLimitErrorRetryHandler(max_retry_count=3),
            AsyncConnectionErrorRetryHandler(max_retry_count=2),
            AsyncServerErrorRetryHandler(max_retry_count=2),
        ],
    )


def named_in(body: dict[str, Any]) -> set[str]:
    """The workspaces and organisations that Slack's event *body* is about, in whichever of its places it says so."""
    named = {body.get("team_id"), body.get("enterprise_id")}
    with suppress(KeyError, TypeError, AttributeError):
        named.add(installation_of(body)[0])
    return {one for one in named if isinstance(one, str)}


class OneWorkspace:
    """
    The one workspace of a desk whose bot token stands in the settings: the app's identity in it, from `auth.test`, and whether Slack still takes its token.

    While Slack does not answer `auth.test`, everything is handled all the same: Bolt's own way acknowledges and drops the
    first event when that call fails, and would have the first command wait for it longer than Slack waits for the ack.
    """

    def __init__(self, client: AsyncWebClient, calls: SlackCalls, tasks: Tasks) -> None:
        self._client = client
        self._calls = calls
        self._installed: Installed | None = None
        self._name: str | None = None
        self.loop = Loop("installations", self._look, tasks, every=CHECK_SECONDS)

    @property
    def state(self) -> str:
        """The state of the bot's token, for `/readyz`: "ok", "unknown" before Slack said who we are, or "refused: ERROR"."""
        if self._calls.refusal is not None:
            return f"refused: {self._calls.refusal}"
        return "unknown" if self._installed is None else "ok"

    async def learn(self) -> None:
        """Ask Slack, unless it is known already. Never raises."""
        if self._installed is None:
            await self._ask()

    async def learn_soon(self) -> None:
        """Ask Slack, unless it is known already, and wait a moment for the answer. Never raises."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEARN_SECONDS):
                await self.learn()

    async def _look(self) -> bool:
        await self._ask()
        return False

    async def _ask(self) -> None:
        try:
            answer = await self._client.auth_test()
            self._installed = Installed(
                team_id=answer["team_id"],
                enterprise_id=answer.get("enterprise_id"),
                is_enterprise_install=bool(answer.get("is_enterprise_install")),
                bot_id=answer.get("bot_id"),
                bot_user_id=answer["user_id"],
            )
            # Of an organisation it is the name of one of its workspaces.
            self._name = None if self._installed.is_enterprise_install else answer.get("team")
        except Exception as error:  # noqa: BLE001  whatever it is, nothing must be lost for it
            log.warning("Slack did not say who we are", why=error_name(error))

    async def installed(self) -> tuple[Installed, ...]:
        """What Slack says of the installation, asked unless it is known. Raises TimeoutError while it does not answer."""
        await self.learn()
        if self._installed is None:
            raise TimeoutError("Slack has not said who we are")
        return (self._installed,)

    async def of(self, account: int) -> AsyncWebClient:  # noqa: ARG002  there is no other
        """The client of all accounts: what is kept for another workspace is not worked on."""
        return self._client

    async def standing(self, slack_id: str) -> Standing:
        """Whether *slack_id* is the workspace or organisation that installed the app."""
        if self._installed is None:
            return Standing.UNKNOWN
        return Standing.OURS if slack_id == self._installed.slack_id else Standing.FOREIGN

    def name_of(self, slack_id: str) -> str | None:
        """The name of the workspace that installed the app, as it is called now; None for any other, and while Slack has not said."""
        return self._name if self._installed is not None and slack_id == self._installed.slack_id else None

    async def look_again(self, body: dict[str, Any]) -> None:
        """Ask Slack, whose refusal is logged, whether it still takes the token; of what is for others nothing is asked."""
        if self._installed is not None and self._installed.slack_id not in named_in(body):
            return
        log.warning("Slack says that the app was uninstalled or its token revoked", kind=body["event"]["type"])
        await self._ask()

    def authorize(self) -> Callable[..., Awaitable[AuthorizeResult]]:
        """Bolt's `authorize`. A plain function, since Bolt cannot call a bound method here."""

        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            await self.learn_soon()
            known = self._installed
            return AuthorizeResult(
                enterprise_id=known.enterprise_id if known else enterprise_id,
                team_id=known.team_id if known else team_id,
                bot_id=known.bot_id if known else None,
                bot_user_id=known.bot_user_id if known else None,
                bot_token=self._client.token,
            )

        return authorize


class Watch(SlackCalls):
    """As the desk's *calls*, with its counts, for the client of one installation: *refused* is told of a token that Slack refuses."""

    def __init__(self, calls: SlackCalls, refused: Callable[[str], None]) -> None:
        super().__init__()
        self.counts = calls.counts
        self._told = refused

    def _refused(self, error: str) -> None:
        self._told(error)


@dataclass(frozen=True, slots=True)
class _Known:
    """An installation that is there, with its tokens and the client that has them."""

    installation: Installation
    tokens: Tokens
    client: AsyncWebClient = field(repr=False)


class ManyWorkspaces:
    """
    The workspaces and organisations that installed the app by OAuth, each with its tokens, which are replaced before they expire.

    What is known of them is read from the database when it is needed; while that is away, what was known last will do.
    *clock*: seconds since 1970, by the clock that all replicas share.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        keys: TokenKeys,
        calls: SlackCalls,
        tasks: Tasks,
        clock: Callable[[], float],
        *,
        owner: str,
    ) -> None:
        assert settings.slack_client_id is not None  # noqa: S101  `require_tokens` was called
        assert settings.slack_client_secret is not None  # noqa: S101  the same
        self._store = store
        self._base_url = settings.slack_api_url
        self._keys = keys
        self._calls = calls
        self._tasks = tasks
        self._clock = clock
        self._owner = owner
        # A refresh token is good once: a client that tried again by itself would lose what came of the first.
        self._rotator = AsyncTokenRotator(
            client_id=settings.slack_client_id,
            client_secret=settings.slack_client_secret.get_secret_value(),
            client=AsyncWebClient(base_url=self._base_url, timeout=20, retry_handlers=[calls]),
        )
        self._known: TtlCache[_Known] = TtlCache(REMEMBERED_SECONDS, most=100_000)
        # Without an end, for while the database is away.
        self._last: dict[str, _Known] = {}
        self._asked: dict[int, float] = {}
        self.loop = Loop("installations", self._look, tasks, every=CHECK_SECONDS)

    @property
    def state(self) -> str:
        """Of tokens, for `/readyz`: that of one workspace is no matter of the others."""
        return "ok"

    # Who is served

    async def standing(self, slack_id: str) -> Standing:
        """Whether *slack_id* installed the app, and has not uninstalled it."""
        if self._known.get(slack_id) is not None:
            return Standing.OURS
        try:
            found = await asyncio.to_thread(self._store.installations.find_of, slack_id)
        except StoreUnavailable:
            if slack_id in self._last:
                return Standing.OURS
            raise
        if found is None:
            return Standing.FOREIGN
        return Standing.GONE if found.sealed is None else Standing.OURS

    async def learn_soon(self) -> None:
        """Nobody has to be asked: who is served stands in the database."""

    def name_of(self, slack_id: str) -> str | None:  # noqa: ARG002  the interface's
        """None: a name comes with the installation."""
        return None

    async def installed(self) -> tuple[Installed, ...]:
        """All that there are."""
        found = await asyncio.to_thread(self._store.installations.list)
        return tuple(
            Installed(
                team_id=one.team_id or one.slack_id,
                enterprise_id=one.enterprise_id,
                is_enterprise_install=one.is_organisation,
                bot_id=one.bot_id,
                bot_user_id=one.bot_user_id,
            )
            for one in found
            if one.sealed is not None
        )

    # Tokens

    async def of(self, account: int) -> AsyncWebClient:
        """The client with the token of *account*; one that refuses all where the app is not installed any more."""
        known = await self._of(lambda: self._store.installations.find(account), f"{account}")
        return GoneClient() if known is None else known.client

    async def _of(self, find: Callable[[], Installation | None], key: str) -> _Known | None:
        """What *find* finds, known by *key*, with a token that is good; None where it is not there."""
        known = self._known.get(key)
        if known is not None and self._is_good(known):
            return known
        try:
            found = await asyncio.to_thread(find)
        except StoreUnavailable:
            if key in self._last:
                return self._last[key]
            raise
        known = None if found is None else self._opened(found)
        if known is not None and not self._is_good(known):
            await self._replace(SURELY_GOOD, known.installation.account_id)
            found = await asyncio.to_thread(find)
            known = None if found is None else self._opened(found)
        return known

    def _is_good(self, known: _Known) -> bool:
        """Whether Slack will take its token for a while yet."""
        expires_at = known.tokens.expires_at
        return expires_at is None or expires_at.timestamp() - self._clock() > SURELY_GOOD.total_seconds()

    def expiry_of(self, reckoned: float) -> datetime:
        """When a token expires that was just given, of the moment that slack_sdk *reckoned* by this machine's clock."""
        return datetime.fromtimestamp(reckoned - time.time() + self._clock(), UTC)

    def _opened(self, found: Installation) -> _Known | None:
        """*found*, remembered, with its tokens; None where the app is not there any more."""
        if found.sealed is None:
            self._forget(found)
            return None
        try:
            tokens = self._keys.open(found.slack_id, found.sealed, found.expires_at)
        except WrongTokenKeyError:
            log.error("the tokens of a workspace cannot be read: OPTOUT_TOKEN_KEY is another", workspace=found.slack_id)  # noqa: TRY400  it says nothing more
            raise ConnectionError("tokens cannot be read") from None

        def refused(error: str) -> None:
            if error in _GONE:
                self._tasks.start(self._refused(found, error), name="look at a token that Slack refuses")
            elif error not in told:
                told.add(error)
                log.error("Slack refuses a token", workspace=found.slack_id, error=error)

        told: set[str] = set()
        client = new_client(self._base_url, tokens.access, Watch(self._calls, refused))
        known = _Known(found, tokens, client)
        for key in (found.slack_id, f"{found.account_id}"):
            self._known.put(key, known)
            self._last[key] = known
        return known

    def _forget(self, installation: Installation) -> None:
        for key in (installation.slack_id, f"{installation.account_id}"):
            self._known.drop(key)
            self._last.pop(key, None)

    def changed(self, installation: Installation) -> None:
        """Somebody installed the app, perhaps anew."""
        self._forget(installation)

    def authorize(self) -> Callable[..., Awaitable[AuthorizeResult | None]]:
        """Bolt's `authorize`: with the token of whom the payload is for. A plain function, since Bolt cannot call a bound method here."""

        async def authorize(context: AsyncBoltContext) -> AuthorizeResult | None:
            slack_id = str(context.get(INSTALLED_FOR))
            known = await self._of(lambda: self._store.installations.find_of(slack_id), slack_id)
            if known is None:
                return None
            return AuthorizeResult(
                enterprise_id=known.installation.enterprise_id,
                team_id=known.installation.team_id,
                bot_id=known.installation.bot_id,
                bot_user_id=known.installation.bot_user_id,
                bot_token=known.tokens.access,
            )

        return authorize

    async def _replace(self, within: timedelta, account: int | None = None) -> bool:
        """
        Replace the token that expires first, *within* that time, by the next, that of *account* if one is named; False without any.

        Of the replicas one alone asks Slack, since the refresh token is good once.
        """
        installations = self._store.installations
        claimed = await asyncio.to_thread(
            installations.claim_expiring, within, self._owner, lease_seconds=_REFRESH_SECONDS, account=account
        )
        if claimed is None or claimed.sealed is None:
            return False
        try:
            tokens = self._keys.open(claimed.slack_id, claimed.sealed, claimed.expires_at)
            fresh = await self._refreshed(claimed, tokens)
            sealed = self._keys.seal(claimed.slack_id, fresh)
            await asyncio.to_thread(installations.refreshed, claimed, sealed, fresh.expires_at)
        except LeaseLost:
            log.warning("a workspace was installed anew while its token was replaced", workspace=claimed.slack_id)
        except Exception as error:  # noqa: BLE001  whatever it is, the next look tries it again
            why = error.api_error if isinstance(error, SlackTokenRotationError) else error
            log.error("a token is not replaced", workspace=claimed.slack_id, error=error_name(why))  # noqa: TRY400  a driver's words may hold it
            with suppress(LeaseLost):
                await asyncio.to_thread(installations.postpone, claimed, seconds=_REFRESH_SECONDS)
            if account is not None:
                return False
        self._forget(claimed)
        return True

    async def _refreshed(self, claimed: Installation, tokens: Tokens) -> Tokens:
        """The next tokens, of Slack. Raises `SlackTokenRotationError` and the network's errors."""
        bot = await self._rotator.perform_bot_token_rotation(
            bot=Bot(
                bot_token=tokens.access,
                bot_id=claimed.bot_id or "",
                bot_user_id=claimed.bot_user_id,
                bot_refresh_token=tokens.refresh,
                bot_token_expires_at=0,
                installed_at=claimed.installed_at.timestamp(),
            )
        )
        if bot is None or bot.bot_token_expires_at is None:
            raise ConnectionError("Slack gave no bot token")
        expires_at = self.expiry_of(bot.bot_token_expires_at)
        return Tokens(bot.bot_token, bot.bot_refresh_token or tokens.refresh, expires_at)

    # Who is gone

    async def look_again(self, body: dict[str, Any]) -> None:
        """
        Find out whether those that Slack's event *body* names are gone. Raises what keeps Slack from saying so.

        The event may come late, when the app is installed again, and of an organisation it may tell of one workspace of it.
        """
        for slack_id in sorted(named_in(body)):
            found = await asyncio.to_thread(self._store.installations.find_of, slack_id)
            if found is not None and found.sealed is not None:
                await self._look_at(found, _GONE_AS_TOLD)

    async def _refused(self, found: Installation, error: str) -> None:
        """Slack refused a token of *found*, which may have been replaced since."""
        await self._gone(found, error)

    async def _look_at(self, found: Installation, gone: frozenset[str]) -> None:
        """Ask Slack whether the installation *found* is there; its words *gone* say that it is not."""
        known = self._opened(found)
        if known is None:
            return
        # Its own client would tell of a refusal as well.
        client = AsyncWebClient(token=known.tokens.access, base_url=self._base_url, timeout=20)
        try:
            await client.auth_test()
        except SlackApiError as error:
            code = error_code(error)
            if code in gone:
                await self._gone(found, code or "")
            elif is_away(error):
                raise

    async def _gone(self, found: Installation, why: str) -> None:
        if found.sealed is None:
            return
        if await asyncio.to_thread(self._store.installations.uninstalled, found.account_id, found.sealed):
            log.warning("the app was uninstalled", workspace=found.slack_id, why=why)
        self._forget(found)

    async def _look(self) -> bool:
        """Replace a token that expires soon, else ask about those that nobody asked about for long; whether a token was replaced."""
        if await self._replace(REPLACED_WITHIN):
            return True
        at = time.monotonic()
        found = [one for one in await asyncio.to_thread(self._store.installations.list) if one.sealed is not None]
        due = [one for one in found if at - self._asked.get(one.account_id, float("-inf")) >= _ASKED_EVERY]
        for one in due[:_ASKED_AT_ONCE]:
            self._asked[one.account_id] = at
            await self._look_at(one, _GONE)
        return False


def token_keys(settings: Settings, store: Store) -> TokenKeys:
    """
    The keys of tokens, with which all that the database has can be read.

    Raises `SettingsError`, which says how many workspaces cannot be read.
    """
    found = [one for one in store.installations.list() if one.sealed is not None]
    unread = f"{len(found)} workspace{'' if len(found) == 1 else 's'}"
    if not settings.token_keys:
        lost = f" The tokens of {unread} cannot be read without it." if found else ""
        raise SettingsError(
            f"OPTOUT_TOKEN_KEY is not set; tokens are encrypted with it: make one by `openssl rand -hex 32`.{lost}"
        )
    keys = TokenKeys(settings.token_keys)
    unreadable = 0
    for one in found:
        assert one.sealed is not None  # noqa: S101  looked at above
        try:
            keys.open(one.slack_id, one.sealed)
        except WrongTokenKeyError:
            unreadable += 1
    if unreadable:
        raise SettingsError(
            f"OPTOUT_TOKEN_KEY is not what the tokens of {unreadable} of {unread} were encrypted with. Set it to the key of "
            "then, or to a new one, a comma and that."
        )
    return keys


def reseal(keys: TokenKeys, store: Store) -> None:
    """Seal with the key in use what an older one sealed, so that the older one can be forgotten."""
    for one in store.installations.list():
        if one.sealed is not None and not keys.is_of_newest(one.sealed):
            sealed = keys.seal(one.slack_id, keys.open(one.slack_id, one.sealed))
            store.installations.resealed(one.account_id, one.sealed, sealed)
