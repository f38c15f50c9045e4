"""
The real app, over real sockets, against an embedded Slack and a migrated store.

The store is SQLite's; a test that is about what the store does runs on both databases: `@on_both_databases`.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.config import Settings
from bot.sandbox import EmbeddedSlack, Outcome, SandboxClient, SandboxMessage, State
from bot.serve import Service, running
from handlers.slack import acknowledge, interactions
from handlers.slack.acknowledge import PATIENCE_SECONDS as DESKS_PATIENCE
from handlers.slack.acknowledge import STILL_WORKING
from handlers.work import uploads
from store import Account, Actor, Added, Function, Origin, Store
from tests.conftest import new_database
from tests.patience import PATIENCE

ADMINS = "campaign-admins"
TICKETS = "support-tickets"
# Seconds that Slack and Bolt wait for an acknowledgement.
ACK_LIMIT = 30
on_both_databases = pytest.mark.parametrize("desk_database_url", ["sqlite", "postgresql"], indirect=True)


@dataclass(frozen=True, slots=True)
class Office:
    """What a test works with: people who act and look, and the store behind the desk."""

    slack: EmbeddedSlack
    people: SandboxClient
    store: Store
    service: Service
    account: Account

    async def ask(
        self, user: str, text: str, *, channel: str = ADMINS, replies: int = 0, raw: bool = False
    ) -> SandboxMessage:
        """Type `/optout` *text* and wait for the message that answers in *channel*, with *replies* in its thread."""
        before = len((await self.people.state()).channel(channel).messages)
        outcome = await self.people.command(user, channel, f"/optout {text}", raw=raw)
        assert outcome.ok, outcome

        def answered(state: State) -> SandboxMessage | None:
            found = state.channel(channel).messages[before:]
            return found[0] if found and len(found[0].thread) >= replies else None

        return await self.people.until(answered)

    async def ask_alone(self, user: str, text: str, *, channel: str = ADMINS, raw: bool = False) -> SandboxMessage:
        """Type `/optout` *text* and wait for the answer that *user* alone sees."""
        before = len((await self.people.state()).ephemerals(user))
        outcome = await self.people.command(user, channel, f"/optout {text}", raw=raw)
        assert outcome.ok, outcome
        return await self.told(user, before)

    async def told(self, user: str, before: int = 0) -> SandboxMessage:
        """Wait for a message that *user* alone sees, after the first *before* of them."""

        def seen(state: State) -> SandboxMessage | None:
            # On a busy machine the word that it takes longer may come first; the answer follows it.
            found = [message for message in state.ephemerals(user)[before:] if message.text != STILL_WORKING]
            return found[-1] if found else None

        return await self.people.until(seen)

    async def press(self, user: str, message: SandboxMessage, action_id: str) -> Outcome:
        """Press a button; it must be acknowledged."""
        outcome = await self.people.click(user, message, action_id)
        assert outcome.ok, outcome
        return outcome

    async def replies_to(self, ts: str, count: int) -> SandboxMessage:
        """Wait until the thread of the message *ts* has *count* replies, and return the message."""

        def there(state: State) -> SandboxMessage | None:
            message = state.message(ts)
            return message if message is not None and len(message.thread) >= count else None

        return await self.people.until(there)

    async def let_in(self, user: str) -> None:
        """
        Let *user*, who may be of another organisation, use commands and shortcuts.

        Slack lets people of another workspace of one's own organisation, whom the desk must not take for members either.
        """
        await self.people.update_user(user, is_stranger=False)

    async def actor(self, handle: str) -> Actor:
        return Actor((await self.people.state()).user(handle)["id"], handle)

    async def opt_out(self, *phones: str, by: str = "admin", reason: str | None = None) -> tuple[Added, ...]:
        """Opt *phones* out behind Slack's back."""
        return self.store.optouts.add(
            self.account.id, phones, Origin(Function.COMMAND, await self.actor(by), reason=reason)
        )


@pytest.fixture(autouse=True)
def loading_after(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms open when they are made, however slow the machine is; `loading_forms` opens them as the desk does."""
    monkeypatch.setattr(interactions, "_LOADING_AFTER", getattr(request, "param", 10.0))


# Forms that take longer than a second are there at once, and filled later.
loading_forms = pytest.mark.parametrize("loading_after", [1.0], indirect=True)


@pytest.fixture
async def slack() -> AsyncIterator[EmbeddedSlack]:
    """
    An embedded Slack whose waiting times pass a hundred times faster.

    It waits longer than Slack's 3 s for an acknowledgement, so that no test depends on how fast the machine is; how long
    the desk takes is what the benchmarks show.
    """
    async with EmbeddedSlack(speed=100.0, ack_limit=ACK_LIMIT) as server:
        yield server


@pytest.fixture
def desk_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of the office's database: on SQLite, unless `on_both_databases` says otherwise."""
    with new_database(getattr(request, "param", "sqlite"), request, tmp_path) as url:
        yield url


@pytest.fixture
def settings(slack: EmbeddedSlack, tmp_path: Path, desk_database_url: str) -> Settings:
    """The settings of a desk in Socket Mode on a store of its own; a test may hand in others."""
    return Settings(
        database_url=desk_database_url,
        slack_bot_token=SecretStr(slack.bot_token),
        slack_app_token=SecretStr(slack.app_token),
        slack_api_url=slack.api_url,
        default_country="US",
        # Their Slack takes any number of posts a second, unless a test switches its limits on.
        post_seconds=0,
        scratch_dir=tmp_path,
    )


@asynccontextmanager
async def at_work(slack: EmbeddedSlack, settings: Settings, *, warm_seconds: float = 3600.0) -> AsyncIterator[Office]:
    """A desk at work in *slack* while the block runs."""
    store = Store.open(settings.database_url)
    account = store.accounts.get_or_create(slack.team_id, "Harbor Campaign", country=settings.default_country)
    with pytest.MonkeyPatch.context() as patch:
        # A child takes as long to start as most tests do: only a list starts one.
        patch.setattr(uploads, "WARM_SECONDS", warm_seconds)
        patch.setattr(acknowledge, "PATIENCE_SECONDS", ACK_LIMIT - 5.0)
        async with SandboxClient(slack.url) as people, running(settings, store) as service:
            await service.connected(PATIENCE)
            # Bolt gives up a listener that has not acknowledged after Slack's 3 s; the desk says after two that it goes on.
            for listener in service.desk.app._async_listeners:
                listener.ack_timeout = ACK_LIMIT
            yield Office(slack, people, store, service, account)
            assert (await people.state()).unseen() == [], "what the desk says to one person alone is seen"
    store.close()


@pytest.fixture
def slacks_patience(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001  it comes after the office
    """The office says as soon as any desk that it goes on, for tests of what takes long."""
    monkeypatch.setattr(acknowledge, "PATIENCE_SECONDS", DESKS_PATIENCE)


@pytest.fixture
async def office(slack: EmbeddedSlack, settings: Settings) -> AsyncIterator[Office]:
    """The desk at work."""
    async with at_work(slack, settings) as office:
        yield office
