"""Composition of the desk: the Bolt app and its background loops, made with everything they depend on."""

import asyncio
import os
import secrets
import socket
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.async_app import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from sqlalchemy import URL

from bot.acts import Acts
from bot.clock import SharedClock
from bot.config import Settings
from bot.installations import ManyWorkspaces, OneWorkspace, Watch, new_client, reseal, token_keys
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
from handlers.slack.inbox import Events
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import Listener
from handlers.slack.missed_lists import MissedLists
from handlers.slack.outbox import Answers
from handlers.slack.pacing import Pacing
from handlers.slack.posting import POSTED, Poster
from handlers.slack.replies import Replies
from handlers.slack.roles import Roles
from handlers.slack.seals import Seals
from handlers.slack.shapes import PayloadError
from handlers.slack.uploads_channels import UploadsChannels
from handlers.steps import Steps
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
from store import Deadlines, DestinationKind, Retention, Store, TokenKeys, find_country

log = structlog.get_logger()
DRAIN_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Desk:
    """The Bolt app and its background loops: `start`, `stop`."""

    app: AsyncApp
    acts: Acts
    calls: SlackCalls
    clock: SharedClock
    installations: OneWorkspace | ManyWorkspaces
    # Where workspaces install the app by OAuth: what their tokens are sealed with.
    keys: TokenKeys | None
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
    steps: Steps
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
        await self.clock.learn()
        await self.missed.begin()
        # The first name that is no English one takes half a second, for which no form should wait before it says so.
        self.tasks.start(asyncio.to_thread(find_country, "?"), name="learn the names of countries")
        self.runner.start()
        self.events.start(self.app, self._tell_discarded)
        for loop in (
            self.clock.loop,
            self.installations.loop,
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
            self.clock.loop,
            self.installations.loop,
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

    async def _tell_discarded(self, body: dict[str, Any], reference: str) -> None:
        """Tell whoever waits for what the event *body* asked that nothing more comes of it."""
        is_step = (body.get("event") or {}).get("type") == "function_executed"
        await (self.steps if is_step else self.interactions).tell_discarded(body, reference)

    async def dispatch(self, payload: dict[str, Any]) -> BoltResponse:
        """
        Have *payload*, checked and from Slack beyond doubt, handled by its listener; the answer is the acknowledgement.

        Raises `PayloadError` when Bolt cannot make anything of it.
        """
        return await self.acts.acknowledge(payload, self._dispatched)

    async def _dispatched(self, payload: dict[str, Any]) -> BoltResponse:
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
    """
    The whole desk on *store*, which must be migrated. Nothing but that is contacted before `Desk.start`.

    Raises `SettingsError` when tokens that the store has cannot be read.
    """
    calls, tasks = SlackCalls(), Tasks()
    clock = SharedClock(store, tasks)
    lease_seconds = max(settings.lease_seconds, 1.0)
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    installations: OneWorkspace | ManyWorkspaces
    keys: TokenKeys | None = None
    if settings.by_oauth:
        # Of many tokens one that is refused says nothing of the others: the loop asks, and Slack tells.
        calls = Watch(calls, lambda _error: None)
        keys = token_keys(settings, store)
        reseal(keys, store)
        installations = ManyWorkspaces(store, settings, keys, calls, tasks, clock, owner=owner)
        secret = settings.slack_client_secret
    else:
        secret = settings.slack_bot_token
        token = secret.get_secret_value() if secret else None
        installations = OneWorkspace(new_client(settings.slack_api_url, token, calls), calls, tasks)
    poster = Poster(store, installations, Pacing(settings.post_seconds))
    channels = UploadsChannels(settings.uploads_channels, store, installations, tasks)
    events = Events(
        store,
        tasks,
        poster.on_posted,
        installations,
        channels.changed,
        owner=owner,
        lease_seconds=lease_seconds,
        default_country=settings.default_country,
    )
    missed = MissedLists(store, installations, channels, events, tasks, clock, polls=settings.slack_app_token is None)
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
        uninstalled=timedelta(days=settings.uninstalled_days) if settings.by_oauth else None,
    )
    app = AsyncApp(
        # Left to itself, Bolt reads the source of every caller to find one.
        name="optout",
        # Without a token: with one, Bolt would ask Slack who it is before it takes the first event.
        client=new_client(settings.slack_api_url, None, calls),
        # Bolt's own looks at signatures when the request was read already; `bot.http` looks first.
        request_verification_enabled=False,
        authorize=installations.authorize(),  # type: ignore[arg-type]  # of one that is gone it gives None, as Bolt's own
        before_authorize=events.keep,
        # It would leave our own events unfinished in the database; the handlers look for themselves.
        ignoring_self_events_enabled=False,
        # A step is completed by its own token; all else about it is asked as the app, whose client it stays.
        attaching_function_token_enabled=False,
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
    runner = Runner(store, installations, poster, tasks, limits, scratch, roles, **at_database)
    exporter = Exporter(store, installations, poster, tasks, limits, scratch, roles, **at_database)
    replies = Replies(poster)
    answers = Answers(
        store, replies, poster, installations, tasks, events.account, clock, owner=owner, lease_seconds=lease_seconds
    )
    serves_api = settings.api == "on"
    hooks_url = settings.hooks_url
    address = None if hooks_url is None else partial(hook_address, public_url=hooks_url)
    interactions = Interactions(
        roles, replies, answers, tasks, events, installations, Seals(secret.get_secret_value() if secret else None)
    )
    form = SettingsForm(store, interactions, undo=deadlines.undo, most_bytes=limits.max_bytes)
    exports = ExportCommand(store, exporter, interactions)
    histories = Histories(store, roles, interactions)
    home = Home(
        store,
        roles,
        installations,
        interactions,
        deadlines=deadlines,
        serves_api=serves_api,
        takes_hooks=hooks_url is not None,
    )
    mentions = Mentions(store, interactions)
    allowing = Allowing(store, roles, interactions, installations, poster, tasks)
    reviewing = Reviewing(store, roles, interactions, installations, poster, tasks)
    handovers = HandingOver(
        store,
        interactions,
        roles,
        installations,
        poster,
        tasks,
        expire=deadlines.expire,
        owner=owner,
        lease_seconds=lease_seconds,
    )
    passing = Passing(
        store,
        {
            DestinationKind.WEBHOOK: WebhookSender(clock, allows_private=settings.private_destinations == "on"),
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
    steps = Steps(store, roles, installations, events.account, handovers.loop.poke)
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
        *steps.listeners(events),
        *reviewing.listeners(),
    )
    register(app, listeners, events)
    return Desk(
        app,
        Acts({listener.name for listener in listeners} | {POSTED}),
        calls,
        clock,
        installations,
        keys,
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
        steps,
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
