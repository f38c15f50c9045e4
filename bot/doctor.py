"""The checks of `doctor`: what is missing before the desk can work. It only looks: nothing is posted, and what it tries to write is taken back."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings, SettingsError, doubts_of_settings
from bot.installations import token_keys
from bot.manifest import optional_scopes, scopes
from bot.oauth import INSTALL_PATH
from bot.serve import require_tokens
from bot.stores import Stores, described, require_erase_key
from bot.transfer import moment_words
from handlers.slack.deciders import MOST_TOLD
from handlers.slack.errors import REFUSED_TOKENS, PersonUnknownError
from handlers.slack.roles import Roles
from store import Account, Destination, DestinationState, Installation, KeyState, Store, StoreError, TokenKeys

# https://docs.slack.dev/reference/methods/apps.connections.open, section Errors
_REFUSALS = REFUSED_TOKENS | {
    "missing_scope": "it lacks the scope connections:write; make another one",
    "link_disabled": "Socket Mode is switched off on the app's page",
}
# Slack shows no app its own manifest; that it is an old one is seen by what it did not ask for.
_OLD_MANIFEST = (
    "The app has an older manifest than this release's: paste `python -m bot manifest` at App Manifest on its page, and "
    "install it again."
)
# OPTOUT_SCRATCH_DIR holds a list, what was read of it and what is sorted.
_SCRATCH_TIMES = 3
# Bytes.
_LEAST_ROOM = 100_000_000
# Seconds.
_CLOCKS_DIFFER = 60.0
# Characters that a signing secret was seen to have; Slack says nowhere how many.
_SIGNING_SECRET = 32
_UNREACHABLE = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: whether all is *good*, and the sentence that says so or what to do about it."""

    good: bool
    sentence: str


async def examine(settings: Settings) -> tuple[Finding, ...]:
    """Check everything the desk needs, in the order in which it is set up."""
    team, of_slack = await _slack(settings)
    stores = Stores.open(settings)
    try:
        found = [await asyncio.to_thread(_database, settings, store, team) for store in stores.by_name.values()]
        of_workspaces = await _workspaces(settings, stores) if settings.by_oauth else ()
    finally:
        stores.close()
    of_database, account = [finding for findings, _ in found for finding in findings], found[0][1]
    of_people = [] if account is None else [finding async for finding in _who_decides(settings, account)]
    of_settings = [Finding(good=False, sentence=f"Settings: {doubt}") for doubt in doubts_of_settings()]
    return (*of_settings, *of_database, _scratch(settings), *of_slack, *of_people, *of_workspaces)


def _about(size: float) -> str:
    """*size*, in bytes, as people say it."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{size / factor:,.1f} {unit}"
    return f"{size / 1e3:,.1f} kB"


def _scratch(settings: Settings) -> Finding:
    """Whether there is room for a list while it is read."""
    free, needed = shutil.disk_usage(settings.scratch_dir).free, _SCRATCH_TIMES * settings.max_list_bytes
    room = f"Scratch: {settings.scratch_dir.absolute()} has {_about(free)} free"
    if free >= needed:
        return Finding(good=True, sentence=f"{room}.")
    sentence = (
        f"{room}, and the largest list needs {_about(needed)} while it is read. Make room, name another directory by "
        "OPTOUT_SCRATCH_DIR, or take smaller lists by OPTOUT_MAX_LIST_BYTES."
    )
    return Finding(good=False, sentence=sentence)


def _database(settings: Settings, store: Store, team: str | None) -> tuple[tuple[Finding, ...], Account | None]:
    """Return the findings about the database of *store*, and the account of *team* where there is one."""
    dialect = store.database.dialect
    where = dialect.where
    try:
        if not dialect.exists():
            # Looking into it would make it.
            if dialect.can_be_made():
                return (Finding(good=True, sentence=f"Database: {where} is made at the first start."),), None
            sentence = f"Database: {where} cannot be made: its directory does not exist, or the desk's user may not write there."
            return (Finding(good=False, sentence=sentence),), None
        revision, head = store.database.revision(), store.database.head()
        store.database.require_known(revision)
        reached = Finding(good=True, sentence=f"Database: {where} answers.")
        if revision != head and dialect.upgrades_at_start:
            sentence = f"Migrations: the tables are brought to {head} at the next start."
            return (reached, Finding(good=True, sentence=sentence)), None
        if revision != head:
            sentence = (
                f"Migrations: the tables are at {revision or 'none'}, {head} is needed. Run `python -m bot migrate`."
            )
            return (reached, Finding(good=False, sentence=sentence)), None
        current = Finding(good=True, sentence=f"Migrations: the tables are at {head}.")
        findings = (
            reached,
            *_open_to(store),
            current,
            *_writable(store),
            *_size(store),
            *_clock(store.now(), "the database's"),
            *_erased(store),
            *_countries(settings, store),
            *_backlogs(store),
            *_platform(settings, store),
            *_hooks(settings, store),
            *_destinations(store),
        )
        counts = tuple(Finding(good=True, sentence=f"Count: {sentence}") for _, sentence in described(store))
        account = store.accounts.find(team) if team else None
        if account is None:
            return (*findings, *counts), None
        kept, counted = store.optouts.count(account.id), store.optouts.recount(account.id)
        if kept == counted:
            return (*findings, *counts), account
        sentence = f"Count: {counted:,} phones are opted out, but {kept:,} are shown; please report this."
        return (*findings, Finding(good=False, sentence=sentence)), account
    except StoreError as error:
        return (Finding(good=False, sentence=f"Database: {error.cause}"),), None


def _served(store: Store) -> tuple[Account, ...]:
    """The accounts that are served from *store*: what is left of one that another database has is found fault with by nobody."""
    return tuple(account for account in store.accounts.list() if store.database.served.has(account.slack_id))


def _open_to(store: Store) -> Iterator[Finding]:
    """Other users that can read the list."""
    dialect = store.database.dialect
    if (readers := dialect.open_to()) is not None:
        sentence = (
            f"File: {dialect.where} can be read by {readers}. The next start closes it to them, or `chmod 600` now."
        )
        yield Finding(good=False, sentence=sentence)


def _writable(store: Store) -> Iterator[Finding]:
    """Whether the list can be written: whoever only reads does not see that it cannot."""
    try:
        store.database.try_writing()
    except StoreError as error:
        yield Finding(good=False, sentence=f"Writing: {error.cause}")


def _size(store: Store) -> Iterator[Finding]:
    """How large the list is, and whether its disk has room for what a backup and a busy day take."""
    size, free = store.figures().size, store.database.dialect.room()
    sentence = f"Size: {store.database.dialect.where} takes {_about(size)}"
    if free is None:
        yield Finding(good=True, sentence=f"{sentence}.")
        return
    enough = free >= size + _LEAST_ROOM
    todo = "" if enough else ", which is not enough for a backup beside it. Make room"
    yield Finding(good=enough, sentence=f"{sentence}, its disk has {_about(free)} free{todo}.")


def _clock(other: datetime, whose: str) -> Iterator[Finding]:
    """Whether this machine's clock is off from the *other*, as it was a moment ago."""
    ahead = (datetime.now(UTC) - other).total_seconds()
    if abs(ahead) > _CLOCKS_DIFFER:
        minutes, side = round(abs(ahead) / 60), "ahead of" if ahead > 0 else "behind"
        sentence = (
            f"Clock: this machine's is {minutes:,} minutes {side} {whose}. Have one of them set, by NTP: what is signed is "
            "refused after five."
        )
        yield Finding(good=False, sentence=sentence)


def _countries(settings: Settings, store: Store) -> Iterator[Finding]:
    """Whether a number without a country code can be read, in each account and in those to come."""
    without = [account.slack_id for account in _served(store) if account.country is None]
    if not without and (settings.default_country is not None or _served(store)):
        return
    names = f" in the account {', '.join(without)}" if without else ""
    sentence = (
        f"Country: numbers without a country code cannot be read{names}. Send `/optout country US` in Slack, or whichever it "
        "is; for accounts to come set OPTOUT_DEFAULT_COUNTRY."
    )
    yield Finding(good=False, sentence=sentence)


def _backlogs(store: Store) -> Iterator[Finding]:
    """The backlog of each table of work: what waits, and what was discarded, whose rows are there for a person to look at."""
    for table, backlog in store.backlogs().items():
        name = table.capitalize()
        waits = f"{backlog.waiting:,} wait" + (
            f", the oldest since {backlog.oldest:%Y-%m-%d %H:%M} UTC" if backlog.oldest else ""
        )
        yield Finding(good=True, sentence=f"{name}: {waits}.")
        for reason, rows in backlog.discarded.items():
            yield Finding(
                good=False,
                sentence=f"{name}: {rows:,} can never be done ({reason}). They stay in the table {table} for a while.",
            )


def _erased(store: Store) -> Iterator[Finding]:
    """Whether the key is there by which numbers were erased: without it no desk starts."""
    try:
        require_erase_key(store)
    except StoreError as error:
        yield Finding(good=False, sentence=f"Erased numbers: {error.cause}")


def _platform(settings: Settings, store: Store) -> Iterator[Finding]:
    """Whether what asks by a key of the API is answered."""
    if settings.api == "on":
        place = (
            settings.public_url
            or f"http://{settings.host}:{settings.port if settings.api_port is None else settings.api_port}"
        )
        yield Finding(good=True, sentence=f"API: it is served, at {place}/v1.")
        return
    if settings.api_port is not None:
        sentence = "API: OPTOUT_API_PORT is set, and nothing is served there while OPTOUT_API is off. Set OPTOUT_API=on, or leave both out."
        yield Finding(good=False, sentence=sentence)
    for account in _served(store):
        if live := sum(key.state is KeyState.LIVE for key in store.keys.list_of(account.id)):
            sentence = (
                f"API: {account.slack_id} has live keys ({live:,}), and whoever asks by one gets no answer: OPTOUT_API is off. Set it "
                "to on, or revoke them by `/optout keys`."
            )
            yield Finding(good=False, sentence=sentence)


def _hooks(settings: Settings, store: Store) -> Iterator[Finding]:
    """Each hook of each account: whether it is served, when its provider's replies came, and why a catch-up cannot read them."""
    closed = ""
    if settings.hooks_url is None:
        name = "OPTOUT_PUBLIC_URL is not set" if settings.api == "on" else "OPTOUT_API is off"
        closed = f". What comes to it is refused: {name}"
    for account in _served(store):
        for hook in store.hooks.list_of(account.id):
            provider = hook.kind.title()
            # A reply is known by its provider, whichever hook of the account's it came by.
            heard = store.replies.last_heard(account.id, hook.kind)
            came = f"the last reply of {provider}'s came {moment_words(heard)}" if heard else "no reply has come"
            read = f", its list is read up to {moment_words(hook.caught_up_to)}" if hook.caught_up_to else ""
            trouble = f". {hook.trouble}" if hook.trouble else ""
            sentence = f"Hook: {provider}, {hook.name!r}, of {account.slack_id}: {came}{read}{closed}{trouble}."
            yield Finding(good=not closed and hook.trouble is None, sentence=sentence)


def _destinations(store: Store) -> Iterator[Finding]:
    """Each destination of each account: whether it takes what it is told, and which phones wait since it did not."""
    for account in _served(store):
        for one in store.destinations.list_of(account.id):
            whose = f"Destination: {one.name!r} of {account.slack_id}"
            is_down, words = _taking(one)
            yield Finding(good=not is_down, sentence=f"{whose}: {words}.")
            for left in one.not_taken:
                problem = left.problem.rstrip(".")
                sentence = f"{whose}: {left.phones:,} of its phones {'waits' if left.phones == 1 else 'wait'}, since {moment_words(left.at)}: {problem}."
                yield Finding(good=False, sentence=sentence)


def _taking(one: Destination) -> tuple[bool, str]:
    """Whether a destination takes nothing that it should, and how it stands, as a part of a sentence."""
    problem = "" if one.problem is None else f": {one.problem.rstrip('.')}"
    if one.state is DestinationState.REFUSED:
        return True, f"it was given up{problem}. Mend that, then *Try again* in `/optout passing`"
    if one.failing_since is not None:
        return True, f"it takes nothing since {moment_words(one.failing_since)}{problem}"
    if one.state is DestinationState.PAUSED:
        return False, "it is paused"
    return False, f"it has all but {one.waiting:,}" if one.waiting else "it is up to date"


async def _who_decides(settings: Settings, account: Account) -> AsyncIterator[Finding]:
    """Whether anybody is an admin, and whether anybody is shown replies that wait for a decision."""
    own = account.settings
    in_channel = own.replies_channel or own.waiting_channel
    assert settings.slack_bot_token is not None  # noqa: S101  the account is known by it
    client = _client(settings, settings.slack_bot_token.get_secret_value())
    try:
        admins = await Roles(settings.admins).admins(client, account, MOST_TOLD)
    except PersonUnknownError as error:
        yield Finding(good=False, sentence=f"Admins: Slack does not say who they are ({error}).")
        return
    if not admins:
        yield Finding(
            good=False,
            sentence="Admins: there are none, so nobody can allow texts again, export or change settings. Make somebody an admin "
            "in Slack or by OPTOUT_ADMINS.",
        )
    if in_channel:
        yield Finding(good=True, sentence="Replies: those that wait for a decision are shown in a channel.")
    elif not admins:
        yield Finding(
            good=False,
            sentence="Replies: nobody sees those that wait for a decision: no channel for them is named in `/optout settings`, and "
            "there are no admins.",
        )
    else:
        names = ", ".join(repr(admin.name) for admin in admins)
        yield Finding(good=True, sentence=f"Replies: those that wait for a decision are shown to {names}, directly.")


async def _slack(settings: Settings) -> tuple[str | None, tuple[Finding, ...]]:
    """Return the team's id when Slack says it, and the findings about tokens, scopes and channels."""
    if settings.by_oauth:
        try:
            require_tokens(settings)
        except SettingsError as error:
            return None, (Finding(good=False, sentence=f"Installation: {error}"),)
        page = f"{settings.public_url}{INSTALL_PATH}"
        return None, (Finding(good=True, sentence=f"Installation: by OAuth, at {page}."), await _connection(settings))
    if settings.slack_bot_token is None:
        missing = Finding(good=False, sentence="Bot token: SLACK_BOT_TOKEN is not set; see OAuth & Permissions.")
        return None, (missing, await _connection(settings))
    client = _client(settings, settings.slack_bot_token.get_secret_value())
    try:
        answer = await client.auth_test()
    except _UNREACHABLE as error:
        refused = Finding(good=False, sentence=f"Bot token: SLACK_BOT_TOKEN {_verdict(error, settings)}.")
        return None, (refused, await _connection(settings))
    token = Finding(good=True, sentence=f"Bot token: @{answer['user']} in {answer['team']} ({answer['team_id']}).")
    of_organisation = bool(answer.get("is_enterprise_install") and answer.get("enterprise_id"))
    account: str = answer["enterprise_id"] if of_organisation else answer["team_id"]
    named = Finding(good=True, sentence=f"Account: {account} is the id for `--account`.")
    findings = [token, named, *_scopes(answer.headers), *_slacks_clock(answer.headers), await _connection(settings)]
    findings += [finding async for finding in _other_app(settings, client, answer.get("bot_id"))]
    findings += [finding async for finding in _uploads_channels(settings, client)]
    return account, tuple(findings)


async def _workspaces(settings: Settings, stores: Stores) -> tuple[Finding, ...]:
    """Each workspace that installed the app by OAuth, or did: since when, whether its token is good, and until when its list stays."""
    return tuple([finding for store in stores.by_name.values() for finding in await _workspaces_of(settings, store)])


async def _workspaces_of(settings: Settings, store: Store) -> tuple[Finding, ...]:
    try:
        if not store.database.dialect.exists() or store.database.revision() != store.database.head():
            return ()
        found = await asyncio.to_thread(store.installations.list)
        try:
            keys = await asyncio.to_thread(token_keys, settings, store)
        except SettingsError as error:
            return (Finding(good=False, sentence=f"Tokens: {error}"),)
    except StoreError:
        return ()  # which the findings about the database tell
    return tuple([await _workspace(settings, keys, one) for one in found])


async def _workspace(settings: Settings, keys: TokenKeys, one: Installation) -> Finding:
    whose = f"Workspace: {one.name!r} ({one.slack_id})"
    if one.gone_at is not None:
        until = one.gone_at + timedelta(days=settings.uninstalled_days)
        sentence = f"{whose} uninstalled the app {moment_words(one.gone_at)}. Its {one.opted_out:,} opt-outs stay until {until:%Y-%m-%d}."
        return Finding(good=True, sentence=sentence)
    assert one.sealed is not None  # noqa: S101  the table's own check
    try:
        await _client(settings, keys.open(one.slack_id, one.sealed).access).auth_test()
    except _UNREACHABLE as error:
        return Finding(good=False, sentence=f"{whose}: its token {_verdict(error, settings)}.")
    return Finding(good=True, sentence=f"{whose}: installed by {one.installed_by} {moment_words(one.installed_at)}.")


async def _other_app(settings: Settings, client: AsyncWebClient, bot: str | None) -> AsyncIterator[Finding]:
    """Whether the two tokens are of two apps: events of the one could then never be answered by the other."""
    if settings.slack_app_token is None or bot is None:
        return
    try:
        # Of an app-level token it says whose it is: https://docs.slack.dev/reference/methods/auth.test
        of_app = await _client(settings, settings.slack_app_token.get_secret_value()).auth_test()
        of_bot = (await client.bots_info(bot=bot))["bot"]
    except _UNREACHABLE:
        return  # what is wrong with them is said already
    if of_app.get("app_id") and of_bot.get("app_id") and of_app["app_id"] != of_bot["app_id"]:
        sentence = (
            f"Tokens: SLACK_BOT_TOKEN is of the app {of_bot['app_id']}, SLACK_APP_TOKEN of {of_app['app_id']}. Take both from "
            "the page of one app."
        )
        yield Finding(good=False, sentence=sentence)


def _slacks_clock(headers: Mapping[str, str]) -> Iterator[Finding]:
    date = next((value for name, value in headers.items() if name.lower() == "date"), "")
    with suppress(ValueError):
        yield from _clock(parsedate_to_datetime(date), "Slack's")


def _scopes(headers: Mapping[str, str]) -> Iterator[Finding]:
    # https://docs.slack.dev/authentication/installing-with-oauth/#auditing: the token's scopes come with every answer.
    listed = next((value for name, value in headers.items() if name.lower() == "x-oauth-scopes"), "")
    missing = scopes() - {scope.strip() for scope in listed.split(",")}
    optional = optional_scopes()
    if needed := sorted(missing - optional.keys()):
        names = ", ".join(needed)
        yield Finding(good=False, sentence=f"Scopes: the bot token lacks {names}. {_OLD_MANIFEST}")
    elif not missing:
        yield Finding(good=True, sentence="Scopes: the bot token has all of the manifest's.")
    for scope in sorted(missing & optional.keys()):
        yield Finding(good=True, sentence=f"Scopes: the bot token does without {scope}: {optional[scope]}.")


async def _connection(settings: Settings) -> Finding:
    if settings.slack_app_token is not None:
        token = settings.slack_app_token.get_secret_value()
        try:
            await _client(settings, token).apps_connections_open(app_token=token)
        except _UNREACHABLE as error:
            return Finding(good=False, sentence=f"App token: SLACK_APP_TOKEN {_verdict(error, settings)}.")
        return Finding(good=True, sentence="App token: Slack opens a Socket Mode connection with it.")
    if settings.slack_signing_secret is not None:
        length = len(settings.slack_signing_secret.get_secret_value())
        if length != _SIGNING_SECRET:
            sentence = (
                f"Signing secret: SLACK_SIGNING_SECRET has {length} characters, and those that Slack makes have {_SIGNING_SECRET}. Copy "
                "it anew from Basic Information: with another every request of Slack's is refused."
            )
            return Finding(good=False, sentence=sentence)
        return Finding(
            good=True, sentence="Signing secret: set, so the desk serves HTTP. Slack's first request tests it."
        )
    return Finding(
        good=False,
        sentence="Connection: set SLACK_APP_TOKEN for Socket Mode (the simple way) or SLACK_SIGNING_SECRET for HTTP.",
    )


async def _uploads_channels(settings: Settings, client: AsyncWebClient) -> AsyncIterator[Finding]:
    names = sorted(settings.uploads_channels)
    if not names:
        yield Finding(good=True, sentence="Uploads channel: none is set, so a list needs a mention of the bot.")
        return
    try:
        channels = await _channels(client)
    except _UNREACHABLE as error:
        yield Finding(good=False, sentence=f"Uploads channel: channels cannot be listed: {_why(error, settings)}.")
        return
    for name in names:
        channel = next((c for c in channels if name in {c["id"], c["name"]}), None)
        invite = "Invite the bot there with /invite."
        if channel is None:
            problem = f"there is none called {name} that the bot can see. Make it, or change OPTOUT_UPLOADS_CHANNELS. {invite}"
        elif channel.get("is_archived"):
            problem = f"#{channel['name']} is archived."
        elif not channel.get("is_member"):
            problem = f"the bot is not in #{channel['name']}. {invite}"
        else:
            yield Finding(good=True, sentence=f"Uploads channel: the bot is in #{channel['name']}.")
            continue
        yield Finding(good=False, sentence=f"Uploads channel: {problem}")


async def _channels(client: AsyncWebClient) -> list[dict[str, Any]]:
    channels: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await client.conversations_list(types="public_channel,private_channel", limit=1000, cursor=cursor)
        channels += page["channels"]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return channels


def _client(settings: Settings, token: str) -> AsyncWebClient:
    client = AsyncWebClient(token=token, base_url=settings.slack_api_url, timeout=10)
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=2))
    return client


def _verdict(error: Exception, settings: Settings) -> str:
    """What *error* says of a token that was tried, as the end of a sentence: of one that Slack never saw nothing is known."""
    if isinstance(error, SlackApiError):
        return f"is no use: {_why(error, settings)}"
    return f"could not be tried: {_why(error, settings)}. See this machine's network, its proxy and its name server"


def _why(error: Exception, settings: Settings) -> str:
    if isinstance(error, SlackApiError):
        code = str(error.response.get("error"))
        return _REFUSALS.get(code, f"Slack answers {code}")
    return f"{settings.slack_api_url} does not answer as Slack does ({type(error).__name__})"
