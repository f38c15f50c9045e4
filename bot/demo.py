"""The sandbox: an embedded Slack, made-up data and the unmodified desk, on this machine alone."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from pydantic import SecretStr

from bot.config import Settings, SettingsError
from bot.http import listening
from bot.sandbox import EmbeddedSlack, KeptError, kept_beside
from bot.serve import running, stopping_on_signal
from bot.stores import open_store
from bot.transfer import Say
from handlers.platform.api import PREFIX
from store import Actor, Function, KeyState, MadeKey, Origin, Scope, Store

# Every phone of the demonstration is fiction: +1 xxx 555-01xx is kept free for it.
CAMPAIGNS = (
    ("gotv-october", "GOTV October", True, "212"),
    ("volunteer-drive", "Volunteer Drive", True, "415"),
    ("phonebank-2025", "Phonebank 2025", False, "212"),
)
CONTACTS = (
    "Ada Park",
    "Ben Ortiz",
    "Chloe Adeyemi",
    "Dan Novak",
    "Eve Laurent",
    "Farid Khan",
    "Grace Lim",
    "Hugo Stein",
)
# On this machine it takes milliseconds.
CONNECT_SECONDS = 15.0
# Contacts of the volunteer drive who are in GOTV October too: a delete re-opens more than one conversation.
IN_BOTH = 4
# Two who asked for themselves: nobody's button or undo lets them be texted again just like that.
KEY_NAME = "sandbox"
STOPPED = "+12125550106"
TOLD_THE_TEXTER = "+14155550105"
ASKED = (
    (STOPPED, Origin(Function.KEYWORD, Actor("platform", "the texting platform"), reason="STOP")),
    (TOLD_THE_TEXTER, Origin(Function.TEXTER, Actor("texter", "Noa Reyes"), reason="please take me off your list")),
)


def seed(store: Store, slack_id: str, name: str) -> None:
    """
    Give the account *slack_id* two active campaigns and a finished one, with conversations.

    Contacts 0 to 7 have the phones +1 212 555-0100 to -0107 in GOTV October and in Phonebank 2025. The first four of
    them are in Volunteer Drive too, whose others have +1 415 555-0104 to -0107. Two of these asked not to be texted, one
    with the word STOP and one in words to a texter. Doing it again changes nothing.
    """
    account = store.accounts.get_or_create(slack_id, name, country="US").id
    for campaign, title, active, area in CAMPAIGNS:
        store.campaigns.put(account, campaign, title, active)
        for number, contact in enumerate(CONTACTS):
            code = "212" if number < IN_BOTH else area
            store.campaigns.put_conversation(account, campaign, contact, f"+1{code}55501{number:02}")
    for phone, asked in ASKED:
        # Whom the visitor allowed texts again stays so, over a restart too.
        if not store.optouts.find(account, phone).opt_outs:
            store.optouts.add(account, [phone], asked)


def new_key(store: Store, slack_id: str) -> MadeKey:
    """A key for everything, which is good until the next start."""
    account = store.accounts.get_or_create(slack_id).id
    by = Origin(Function.SETTING, Actor("sandbox", "the sandbox"))
    for key in store.keys.list_of(account):
        if key.name == KEY_NAME and key.state is KeyState.LIVE:
            store.keys.revoke(account, key.id, by)
    return store.keys.make(account, KEY_NAME, tuple(Scope), None, by)


async def run_sandbox(port: int, database: Path | None, *, chaos: int | None = None, quiet: bool, say: Say) -> None:
    """
    Serve the sandbox on *port* until SIGINT or SIGTERM.

    *database*: the SQLite file to keep the opt-outs in, beside which the messages are kept; None for one that is removed
    at the end. *chaos*: the seed of what
    goes wrong once the desk is connected. *say* gets the lines for the person. Raises `SettingsError` when the port is taken and `StoreError` when the file cannot be used.
    """
    async with AsyncExitStack() as stack:
        asked = await stack.enter_async_context(stopping_on_signal())
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="opt-out-desk-")))
        slack = EmbeddedSlack(port=port, guided=True, rate_limits=True, kept=_kept(database))
        await _start(stack, slack, port)
        if not quiet:
            say("Making the database ready, and waiting for the desk to connect ...")
        settings = Settings(
            database_url=f"sqlite:///{(database or scratch / 'desk.db').absolute()}",
            slack_bot_token=SecretStr(slack.bot_token),
            slack_app_token=SecretStr(slack.app_token),
            slack_signing_secret=SecretStr(slack.signing_secret),
            slack_api_url=slack.api_url,
            default_country="US",
            scratch_dir=scratch,
            api="on",
            api_port=0,
        )
        store = await asyncio.to_thread(open_store, settings)
        stack.callback(store.close)
        await asyncio.to_thread(seed, store, slack.team_id, "Harbor Campaign")
        service = await stack.enter_async_context(running(settings, store))
        try:
            await service.connected(CONNECT_SECONDS)
        except TimeoutError as error:
            raise SettingsError(f"The desk did not connect within {CONNECT_SECONDS:.0f} seconds: {error}.") from error
        say(f"Opt-Out Desk is running in an embedded Slack: {slack.url}")
        platform = service.platform_routes()
        assert platform is not None  # noqa: S101  the settings above ask for it
        api = await stack.enter_async_context(listening(platform, "127.0.0.1", 0))
        if not quiet:
            key = await asyncio.to_thread(new_key, store, slack.team_id)
            say(f"The texting platform's API is at {api}{PREFIX}, with the key {key.text}. Try:")
            say(f"  curl -H 'Authorization: Bearer {key.text}' {api}{PREFIX}/phones/{STOPPED}")
            kept = (
                f"Opt-outs are kept in {database}, messages beside it."
                if database
                else "All of it is forgotten at the end."
            )
            say(kept)
            say("Everybody and everything in it is made up. Press Ctrl-C to end.")
        _start_chaos(slack, chaos, say)
        await asked.wait()


async def run_slack_alone(
    port: int, events_url: str | None, *, chaos: int | None = None, quiet: bool, say: Say
) -> None:
    """Serve the embedded Slack without the desk until SIGINT or SIGTERM, and *say* what an app needs to connect to it."""
    async with AsyncExitStack() as stack:
        asked = await stack.enter_async_context(stopping_on_signal())
        slack = EmbeddedSlack(port=port, events_url=events_url)
        await _start(stack, slack, port)
        if not quiet:
            how = f"by signed HTTP to {events_url}" if events_url else "over Socket Mode"
            say(f"# An embedded Slack without an app: {slack.url}. Events, commands and clicks are delivered {how}.")
        say(f"SLACK_API_URL={slack.api_url}")
        say(f"SLACK_BOT_TOKEN={slack.bot_token}")
        say(f"SLACK_APP_TOKEN={slack.app_token}")
        say(f"SLACK_SIGNING_SECRET={slack.signing_secret}")
        _start_chaos(slack, chaos, lambda line: say(f"# {line}"))
        await asked.wait()


def _start_chaos(slack: EmbeddedSlack, seed: int | None, say: Say) -> None:
    if seed is not None:
        slack.start_chaos(seed)
        say(f"From now on one thing after another goes wrong, as the seed {seed} decides.")


def _kept(database: Path | None) -> Path | None:
    """Where the messages are kept; what was kept beside a database that is gone tells of opt-outs that nobody knows."""
    if database is None:
        return None
    kept = kept_beside(database)
    if not database.exists():
        kept.unlink(missing_ok=True)
    return kept


async def _start(stack: AsyncExitStack, slack: EmbeddedSlack, port: int) -> None:
    try:
        await stack.enter_async_context(slack)
    except KeptError as error:
        raise SettingsError(str(error)) from error
    except OSError as error:
        reason = error.strerror or "it is refused"
        raise SettingsError(f"Port {port} cannot be opened: {reason}. Choose another with --port.") from error
