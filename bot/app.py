"""Composition of the desk: the Bolt app and its background loops, made with everything they depend on."""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.async_app import AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import URL

from bot.config import Settings
from bot.slack_calls import SlackCalls
from handlers import register
from handlers.allowing import Allowing
from handlers.buttons import Buttons
from handlers.command import Command
from handlers.comparing import Comparing
from handlers.destinations import PassingOn
from handlers.digests import WeeklyDigests
from handlers.exports import ExportCommand
from handlers.files import Files
from handlers.forms import Forms
from handlers.handovers import HandingOver
from handlers.history import Histories
from handlers.home import Home
from handlers.hook_forms import HookForms
from handlers.hooks.catch_up import CatchUp
from handlers.hooks.receiving import hook_address
from handlers.keys import ApiKeys
from handlers.loops import Loop
from handlers.mentions import Mentions
from handlers.permissions import Action
from handlers.retention import Retaining
from handlers.reviewing import Reviewing
from handlers.settings import SettingsForm
from handlers.shortcuts import Shortcuts
from handlers.slack.errors import error_name
from handlers.slack.inbox import Events
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import Listener
from handlers.slack.missed_lists import Installed, MissedLists
from handlers.slack.outbox import Answers
from handlers.slack.pacing import Pacing
from handlers.slack.posting import Poster
from handlers.slack.replies import Replies
from handlers.slack.roles import Roles
from handlers.slack.seals import Seals
from handlers.slack.shapes import PayloadError
from handlers.slack.uploads_channels import UploadsChannels
from handlers.tasks import Tasks
from handlers.uploads import UploadButtons
from handlers.work.consents import ConsentSender
from handlers.work.exports import Exporter
from handlers.work.limits import Limits
from handlers.work.passing import Passing
from handlers.work.scratch import ScratchDirectory
from handlers.work.telnyx_list import TelnyxList
from handlers.work.uploads import Runner
from handlers.work.van import VanSender
from handlers.work.webhooks import WebhookSender
from store import Deadlines, DestinationKind, Retention, Store, find_country

log = structlog.get_logger()
DRAIN_SECONDS = 10.0
# Seconds between looks at whether Slack still takes the bot's token: a desk that has nothing to do would not notice.
CHECK_SECONDS = 30.0
# How long an event or command waits for Slack to say who we are, which nobody needs to know before its ack.
LEARN_SECONDS = 1.0


class Installation:
    """
    The app's identity in its one workspace, from `auth.test`, and whether Slack still takes its token.

    While Slack does not answer `auth.test`, everything is handled all the same: Bolt's own way acknowledges and drops the
    first event when that call fails, and would have the first command wait for it longer than Slack waits for the ack.
    """

    def __init__(self, client: AsyncWebClient, calls: SlackCalls, tasks: Tasks) -> None:
        self._client = client
        self._calls = calls
        self._installed: Installed | None = None
        self._name: str | None = None
        self.loop = Loop("token", self._look, tasks, every=CHECK_SECONDS)

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

    async def identify(self) -> Installed | None:
        """What Slack says of the installation, asked unless it is known; None while it does not answer."""
        await self.learn()
        return self._installed

    def is_ours(self, slack_id: str) -> bool | None:
        """Whether *slack_id* is the workspace or organisation that installed the app; None while Slack has not said."""
        return None if self._installed is None else slack_id == self._installed.slack_id

    def name_of(self, slack_id: str) -> str | None:
        """The name of the workspace that installed the app, as it is called now; None for any other, and while Slack has not said."""
        return self._name if self.is_ours(slack_id) else None

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


@dataclass(frozen=True, slots=True)
class Desk:
    """The Bolt app and its background loops: `start`, `stop`."""

    app: AsyncApp
    calls: SlackCalls
    installation: Installation
    channels: UploadsChannels
    missed: MissedLists
    listeners: tuple[Listener, ...]
    command: Command
    events: Events
    home: Home
    allowing: Allowing
    reviewing: Reviewing
    digests: WeeklyDigests
    handovers: HandingOver
    passing: Passing
    retention: Retaining
    catch_up: CatchUp
    scratch: ScratchDirectory
    runner: Runner
    exporter: Exporter
    answers: Answers
    interactions: Interactions
    tasks: Tasks

    async def start(self) -> None:
        """
        Begin to work on uploads and on events that a dead process left behind.

        Raises `StoreError` when lists cannot be kept where the settings say.
        """
        await asyncio.to_thread(self.scratch.open)
        await self.missed.begin()
        # The first name that is no English one takes half a second, for which no form should wait before it says so.
        self.tasks.start(asyncio.to_thread(find_country, "?"), name="learn the names of countries")
        self.runner.start()
        self.events.start(self.app, self.interactions.tell_discarded)
        for loop in (
            self.installation.loop,
            self.channels.loop,
            self.exporter.loop,
            self.answers.loop,
            self.home.loop,
            self.allowing.loop,
            self.reviewing.loop,
            self.digests.loop,
            self.handovers.loop,
            *self.passing.loops,
            self.retention.loop,
            self.catch_up.loop,
        ):
            loop.start()

    @property
    def loops(self) -> tuple[Loop, ...]:
        """Every background loop, for `/readyz` and the metrics."""
        return (
            self.installation.loop,
            self.channels.loop,
            self.missed.loop,
            *self.runner.loops,
            self.exporter.loop,
            self.events.loop,
            self.answers.loop,
            self.home.loop,
            self.allowing.loop,
            self.reviewing.loop,
            self.digests.loop,
            self.handovers.loop,
            *self.passing.loops,
            self.retention.loop,
            self.catch_up.loop,
        )

    async def dispatch(self, payload: dict[str, Any]) -> BoltResponse:
        """
        Have *payload*, checked and from Slack beyond doubt, handled by its listener; the answer is the acknowledgement.

        Raises `PayloadError` when Bolt cannot make anything of it.
        """
        try:
            # For Bolt it makes no difference by which connection a payload came, once it is known to be Slack's.
            request = AsyncBoltRequest(body=payload, mode="socket_mode")
        except (AttributeError, LookupError, TypeError, ValueError):
            raise PayloadError("is none that Bolt knows") from None
        return await self.app.async_dispatch(request)

    async def stop(self) -> None:
        """Take up nothing new, let what runs finish for a while, and leave the rest for the next start."""
        for loop in self.loops:
            loop.stop()
        await self.runner.end_idle_children()
        await self.tasks.drain(DRAIN_SECONDS)
        await self.runner.end_idle_children()
        await self.passing.close()
        await asyncio.to_thread(self.scratch.close)


def create_app(settings: Settings, store: Store) -> Desk:
    """The whole desk on *store*, which must be migrated. Nothing is contacted before `Desk.start`."""
    token = settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else None
    calls = SlackCalls()
    client = _client(settings.slack_api_url, token, calls)
    tasks = Tasks()
    lease_seconds = max(settings.lease_seconds, 1.0)
    # It is to find out whether a message was posted before it posts it again, so its client does not do so by itself.
    posting = _client(settings.slack_api_url, token, calls, tries_again=False)
    poster = Poster(store, posting, Pacing(settings.post_seconds))
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    installation = Installation(client, calls, tasks)
    channels = UploadsChannels(settings.uploads_channels, client, tasks)
    events = Events(
        store,
        tasks,
        poster.on_posted,
        installation.is_ours,
        installation.name_of,
        installation.learn_soon,
        channels.changed,
        owner=owner,
        lease_seconds=lease_seconds,
        default_country=settings.default_country,
    )
    missed = MissedLists(
        store, client, channels, events, installation.identify, tasks, polls=settings.slack_app_token is None
    )
    deadlines = Deadlines(
        remind=timedelta(hours=settings.remind_hours),
        expire=timedelta(hours=settings.preview_hours),
        undo=timedelta(days=settings.undo_days),
    )
    retention = Retention(
        store.database,
        payloads=timedelta(minutes=settings.payload_minutes),
        names=timedelta(days=settings.name_days),
        deadlines=deadlines,
    )
    app = AsyncApp(
        # Left to itself, Bolt reads the source of every caller to find one.
        name="optout",
        # Without a token: with one, Bolt would ask Slack who it is before it takes the first event.
        client=_client(settings.slack_api_url, None, calls),
        # Bolt's own looks at signatures when the request was read already; `bot.http` looks first.
        request_verification_enabled=False,
        authorize=installation.authorize(),
        before_authorize=events.keep,
        # It would leave our own events unfinished in the database; the handlers look for themselves.
        ignoring_self_events_enabled=False,
    )
    limits = Limits(
        max_bytes=int(settings.max_list_bytes),
        lease_seconds=settings.lease_seconds,
        stall_seconds=settings.stall_seconds,
        deadlines=deadlines,
    )
    database_url = _for_children(store.database.url)
    scratch = ScratchDirectory(settings.scratch_dir, store.database.dialect.identity, keep=deadlines.expire)
    roles = Roles(settings.admins)
    at_database: dict[str, Any] = {"owner": owner, "database_url": database_url, "erase_key": settings.erase_secret}
    runner = Runner(store, client, poster, tasks, limits, scratch, roles, **at_database)
    exporter = Exporter(store, client, poster, tasks, limits, scratch, roles, **at_database)
    replies = Replies(poster)
    answers = Answers(store, replies, poster, client, tasks, events.account, owner=owner, lease_seconds=lease_seconds)
    serves_api = settings.api == "on"
    hooks_url = settings.hooks_url
    address = None if hooks_url is None else partial(hook_address, public_url=hooks_url)
    interactions = Interactions(roles, replies, answers, tasks, events, client, Seals(token))
    form = SettingsForm(store, interactions, undo=deadlines.undo, most_bytes=limits.max_bytes)
    exports = ExportCommand(store, exporter, interactions)
    histories = Histories(store, roles, interactions)
    home = Home(
        store,
        roles,
        client,
        interactions,
        deadlines=deadlines,
        serves_api=serves_api,
        takes_hooks=hooks_url is not None,
    )
    mentions = Mentions(store, interactions)
    allowing = Allowing(store, roles, interactions, client, poster, tasks)
    reviewing = Reviewing(store, roles, interactions, client, poster, tasks)
    handovers = HandingOver(
        store,
        interactions,
        roles,
        client,
        poster,
        tasks,
        expire=deadlines.expire,
        owner=owner,
        lease_seconds=lease_seconds,
    )
    passing = Passing(
        store,
        {
            DestinationKind.WEBHOOK: WebhookSender(allows_private=settings.private_destinations == "on"),
            DestinationKind.TWILIO: ConsentSender(url=settings.twilio_accounts_url),
            DestinationKind.VAN: VanSender(url=settings.van_api_url),
        },
        poster,
        tasks,
        owner=owner,
        lease_seconds=lease_seconds,
    )
    passing_on = PassingOn(store, interactions, passing)
    interactions.errand("export", Action.EXPORT, exports.of_errand)
    interactions.errand("evidence", Action.EVIDENCE, exports.evidence_of_errand)
    telnyx = TelnyxList(settings.telnyx_api_url)
    comparing = Comparing(store, telnyx, runner.poke, most_bytes=limits.max_bytes)
    command = Command(
        store,
        interactions,
        [histories.subcommand, *exports.subcommands, passing_on.subcommand, form.subcommand],
        compare_telnyx=comparing.with_telnyx,
        uploads_channel=min(settings.uploads_channels, default=""),
        deadlines=deadlines,
    )
    listeners = (
        *command.listeners(),
        *histories.listeners(),
        *exports.listeners(),
        *Buttons(store, interactions).listeners(),
        *allowing.listeners(),
        *home.listeners(events),
        *form.listeners(),
        *ApiKeys(store, interactions, serves_api=serves_api).listeners(),
        *HookForms(store, interactions, address).listeners(),
        *passing_on.listeners(),
        *Forms(store, interactions, runner).listeners(),
        *Shortcuts(store, interactions).listeners(),
        *Files(
            store,
            roles,
            interactions,
            runner,
            mentions.without_file,
            mentions.directly,
            uploads_channels=channels,
        ).listeners(events),
        *UploadButtons(store, interactions, runner, deadlines=deadlines).listeners(),
        *handovers.listeners(),
        *reviewing.listeners(),
    )
    register(app, listeners, events)
    return Desk(
        app,
        calls,
        installation,
        channels,
        missed,
        listeners,
        command,
        events,
        home,
        allowing,
        reviewing,
        WeeklyDigests(store, poster, tasks, owner=owner),
        handovers,
        passing,
        Retaining(retention, tasks),
        CatchUp(store, tasks, api_url=settings.twilio_api_url, seconds=settings.catch_up_seconds, owner=owner),
        scratch,
        runner,
        exporter,
        answers,
        interactions,
        tasks,
    )


def _for_children(url: URL) -> str:
    """The database's *url* with its password, which a child finds nowhere else: its environment holds no secret."""
    password = os.environ.get("PGPASSWORD")
    if password and url.password is None and url.get_backend_name() == "postgresql":
        url = url.update_query_dict({"password": password})
    return url.render_as_string(hide_password=False)


def _client(base_url: str, token: str | None, calls: SlackCalls, *, tries_again: bool = True) -> AsyncWebClient:
    retries = [AsyncConnectionErrorRetryHandler(max_retry_count=2), AsyncServerErrorRetryHandler(max_retry_count=2)]
    return AsyncWebClient(
        token=token,
        base_url=base_url,
        timeout=30,
        retry_handlers=[calls, AsyncRateLimitErrorRetryHandler(max_retry_count=3), *(retries if tries_again else ())],
    )
