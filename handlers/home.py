"""App Home: a summary of the list, published again when it changes, for whoever opened it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from handlers.loops import Loop
from handlers.permissions import Action
from handlers.slack.errors import error_name
from handlers.slack.inbox import Events
from handlers.slack.listeners import Listener, Surface
from handlers.slack.messages import Message
from handlers.slack.places import Place, Request
from handlers.slack.roles import Roles
from handlers.tasks import Tasks
from handlers.ttl_cache import TtlCache
from handlers.views import home as views
from store import Account, Actor, InboxEvent, Store

log = structlog.get_logger()
# Slack says when Home is opened, not when it is left: for so long it is kept up to date.
OPEN_SECONDS = 3_600.0
SECONDS_BETWEEN_LOOKS = 2.0


@dataclass(frozen=True, slots=True)
class _Viewer:
    account: int
    user: str


class Home:
    """The listener of `app_home_opened`, and the loop that publishes again what has changed."""

    def __init__(self, store: Store, roles: Roles, client: AsyncWebClient, tasks: Tasks) -> None:
        self._store = store
        self._roles = roles
        self._client = client
        self._viewers: TtlCache[_Viewer] = TtlCache(OPEN_SECONDS, most=500)
        self._shown: dict[_Viewer, str] = {}
        self.loop = Loop("homes", self._keep_current, tasks, every=SECONDS_BETWEEN_LOOKS)

    def listeners(self, events: Events) -> tuple[Listener, ...]:
        return (events.listener(Surface.HOME, "app_home_opened", (Action.SEE_HOME,), self._opened),)

    async def _opened(self, account: Account, body: dict[str, Any], client: AsyncWebClient, event: InboxEvent) -> None:  # noqa: ARG002  all take them
        opened = body["event"]
        if opened.get("tab") != "home":
            return
        viewer = _Viewer(account.id, opened["user"])
        version = await asyncio.to_thread(self._store.summaries.version, account.id)
        if await self._publish(viewer):
            self._viewers.put(viewer.user, viewer)
            self._shown[viewer] = version

    async def _publish(self, viewer: _Viewer) -> bool:
        """Show *viewer* their Home; whether it is one that changes."""
        account = await asyncio.to_thread(self._store.accounts.get, viewer.account)
        place = Place(actor=Actor(viewer.user, viewer.user), channel_id=viewer.user, client=self._client)
        request = await self._roles.admit(place, account, Action.SEE_HOME)
        if isinstance(request, Message):
            await self._client.views_publish(user_id=viewer.user, view=views.closed(request))
            return False
        view = await self._view(request)
        await self._client.views_publish(user_id=viewer.user, view=view)
        return True

    async def _view(self, request: Request) -> dict[str, Any]:
        summary = await asyncio.to_thread(self._store.summaries.get, request.account.id)
        return views.home(request.account, summary, request.role)

    async def _keep_current(self) -> bool:
        """Publish again what has changed; one Home that cannot be published does not keep the others waiting."""
        versions: dict[int, str] = {}
        for viewer, shown in list(self._shown.items()):
            if self._viewers.get(viewer.user) != viewer:
                del self._shown[viewer]
                continue
            try:
                if viewer.account not in versions:
                    versions[viewer.account] = await asyncio.to_thread(self._store.summaries.version, viewer.account)
                if shown == versions[viewer.account]:
                    continue
                if await self._publish(viewer):
                    self._shown[viewer] = versions[viewer.account]
                else:
                    del self._shown[viewer]
            except Exception as error:  # noqa: BLE001  see above; it is tried again with the next look
                log.warning("a home could not be brought up to date", user=viewer.user, why=error_name(error))
        return False
