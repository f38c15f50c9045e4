"""App Home: a summary of the list, published again when it changes, for whoever opened it."""

import asyncio
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from handlers.loops import Loop
from handlers.permissions import Action, allow
from handlers.slack.clients import Clients
from handlers.slack.errors import error_name
from handlers.slack.inbox import Events
from handlers.slack.interactions import Interactions
from handlers.slack.listeners import Listener, Surface
from handlers.slack.messages import Message
from handlers.slack.places import Place, Request
from handlers.slack.roles import Roles
from handlers.slack.token_bucket import TokenBucket
from handlers.ttl_cache import TtlCache
from handlers.views import home as views
from handlers.views.hooks import ShownHook
from handlers.views.upload_list import OPEN
from handlers.views.uploads import of_state
from store import Account, Actor, Deadlines, InboxEvent, Store, Summary, Upload

log = structlog.get_logger()
# Slack says when Home is opened, not when it is left: for so long it is kept up to date.
OPEN_SECONDS = 3_600.0
SECONDS_BETWEEN_LOOKS = 2.0
# views.publish takes some 100 calls a minute (tier 4): those of one replica are at most 90 in any minute.
PUBLISHES_A_MINUTE: Final = 60.0
PUBLISHES_AT_ONCE: Final = 30
# By so many seconds whoever did something themselves is published to before others; who waits longer goes first all the same.
HEAD_START: Final = 60.0
# The last days begin later as time goes by, though nothing is done.
SUMMARY_SECONDS: Final = 60.0
LINK_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class _Viewer:
    account: int
    user: str

    @property
    def key(self) -> str:
        """Of a person in an account: the id alone may be somebody else's in another workspace."""
        return f"{self.account} {self.user}"


@dataclass(frozen=True, slots=True)
class _Shown:
    """
    What a viewer was shown last: the summary's version.

    *tried*: when, in the desk's seconds, if only in vain. *act*: the moment of what they did last before it.
    """

    version: str
    tried: float
    act: datetime | None


class Home:
    """The listener of `app_home_opened`, and the loop that publishes again what has changed."""

    def __init__(
        self,
        store: Store,
        roles: Roles,
        clients: Clients,
        interactions: Interactions,
        *,
        deadlines: Deadlines,
        serves_api: bool,
        takes_hooks: bool,
    ) -> None:
        self._store = store
        self._roles = roles
        self._clients = clients
        self._interactions = interactions
        self._deadlines = deadlines
        self._serves_api = serves_api
        self._takes_hooks = takes_hooks
        # By account and version: every viewer of a list sees the same figures, which are counted once.
        self._summaries: TtlCache[Summary] = TtlCache(SUMMARY_SECONDS, most=50)
        self._links: TtlCache[tuple[str | None]] = TtlCache(LINK_SECONDS)
        self._viewers: TtlCache[_Viewer] = TtlCache(OPEN_SECONDS, most=500)
        self._shown: dict[_Viewer, _Shown] = {}
        self._pace = TokenBucket(PUBLISHES_A_MINUTE, PUBLISHES_AT_ONCE)
        self.loop = Loop("homes", self._keep_current, interactions.tasks, every=SECONDS_BETWEEN_LOOKS)

    def listeners(self, events: Events) -> tuple[Listener, ...]:
        return (
            events.listener(Surface.HOME, "app_home_opened", (Action.SEE_HOME,), self._opened),
            # Slack opens the link, and tells of the press, which has to be acknowledged.
            self._interactions.button(OPEN, Action.SEE_HOME, self._followed),
        )

    @staticmethod
    async def _followed(_request: Request, _body: dict[str, Any]) -> None:
        """*Open*: Slack leads there by itself."""

    async def _opened(self, account: Account, body: dict[str, Any], client: AsyncWebClient, event: InboxEvent) -> None:  # noqa: ARG002  all take them
        opened = body["event"]
        if opened.get("tab") != "home":
            return
        viewer = _Viewer(account.id, opened["user"])
        await self._pace.turn()
        version = await self._version(account.id)
        acts = await asyncio.to_thread(self._store.summaries.acts, account.id)
        if await self._publish(viewer):
            self._viewers.put(viewer.key, viewer)
            self._shown[viewer] = _Shown(version, time.monotonic(), acts.get(viewer.user))

    async def _publish(self, viewer: _Viewer) -> bool:
        """Show *viewer* their Home; whether it is one that changes."""
        account = await asyncio.to_thread(self._store.accounts.get, viewer.account)
        client = await self._clients.of(account.id)
        place = Place(actor=Actor(viewer.user, viewer.user), channel_id=viewer.user, client=client)
        request = await self._roles.admit(place, account, Action.SEE_HOME)
        if isinstance(request, Message):
            await client.views_publish(user_id=viewer.user, view=views.closed(request))
            return False
        view = await self._view(request)
        await client.views_publish(user_id=viewer.user, view=view)
        return True

    async def _view(self, request: Request) -> dict[str, Any]:
        account = request.account
        summary = await self._summary(account.id)
        sees_all = allow(request.role, Action.SEE_UPLOADS)
        latest = summary.latest
        if not sees_all:
            latest = await asyncio.to_thread(self._store.summaries.latest_of, account.id, request.actor.id)
        deadlines = self._deadlines.within(account.settings)
        theirs = [one for one in summary.waiting if sees_all or one.actor.id == request.actor.id]
        sees_keys, sees_destinations = (allow(request.role, action) for action in (Action.KEYS, Action.DESTINATIONS))
        page = views.HomePage(
            account=account,
            name=None if account.name == account.slack_id else account.name,
            summary=summary,
            viewer=request.actor,
            role=request.role,
            waiting=[await self._waiting(one, deadlines) for one in theirs],
            latest=latest,
            deadlines=deadlines,
            keys=await asyncio.to_thread(self._store.keys.list_of, account.id) if sees_keys else (),
            destinations=await asyncio.to_thread(self._store.destinations.list_of, account.id)
            if sees_destinations
            else (),
            hooks=await asyncio.to_thread(self._hooks_of, account.id) if allow(request.role, Action.HOOKS) else (),
            serves_api=self._serves_api,
            takes_hooks=self._takes_hooks,
        )
        return views.home(page)

    def _hooks_of(self, account: int) -> list[ShownHook]:
        """The hooks of an account, each with when its provider's last reply was heard. Blocks."""
        hooks = self._store.hooks.list_of(account)
        heard = {kind: self._store.replies.last_heard(account, kind) for kind in {hook.kind for hook in hooks}}
        return [ShownHook(hook, heard[hook.kind]) for hook in hooks]

    async def _version(self, account: int) -> str:
        """A version that changes whenever somebody's Home may have."""
        verbs = self._store.summaries.version, self._store.destinations.version
        return "\n".join(await asyncio.to_thread(lambda: [verb(account) for verb in verbs]))

    async def _summary(self, account: int) -> Summary:
        key = f"{account} {await self._version(account)}"
        summary = self._summaries.get(key)
        if summary is None:
            summary = await asyncio.to_thread(self._store.summaries.get, account)
            self._summaries.put(key, summary)
        return summary

    async def _waiting(self, upload: Upload, deadlines: Deadlines) -> views.WaitingList:
        before = await asyncio.to_thread(self._store.uploads.applied_before, upload)
        picture = of_state(upload, deadlines, before)
        return views.WaitingList(upload, picture, before, await self._link_of(upload))

    async def _link_of(self, upload: Upload) -> str | None:
        """The link to where the upload is asked about, or else to where it was dropped; None when Slack has neither any more."""
        key = f"{upload.account_id} {upload.id} {upload.message_ts}"
        known = self._links.get(key)
        if known is None:
            known = (await self._found_link(upload),)
            self._links.put(key, known)
        return known[0]

    async def _found_link(self, upload: Upload) -> str | None:
        client = await self._clients.of(upload.account_id)
        for ts in filter(None, (upload.message_ts, upload.thread_ts)):
            try:
                answer = await client.chat_getPermalink(channel=upload.channel_id, message_ts=ts)
            except Exception as error:  # noqa: BLE001  a Home without a link is better than none
                if error_name(error) != "message_not_found":
                    log.info("no link to a list that waits", upload=upload.id, why=error_name(error))
                    return upload.permalink
            else:
                link: str = answer["permalink"]
                return link
        return None

    async def _keep_current(self) -> bool:
        """
        Publish again what has changed, as much of it as the pace allows; the rest is left to the next look.

        One Home that cannot be published does not keep the others waiting.
        """
        versions: dict[int, str] = {}
        acts: dict[int, dict[str, datetime]] = {}
        stale: list[_Viewer] = []
        for viewer, shown in list(self._shown.items()):
            if self._viewers.get(viewer.key) != viewer:
                del self._shown[viewer]
                continue
            if viewer.account not in versions:
                versions[viewer.account] = await self._version(viewer.account)
            if shown.version == versions[viewer.account]:
                continue
            stale.append(viewer)
            if viewer.account not in acts:
                acts[viewer.account] = await asyncio.to_thread(self._store.summaries.acts, viewer.account)

        def waits_since(viewer: _Viewer) -> float:
            shown, act = self._shown[viewer], acts[viewer.account].get(viewer.user)
            return shown.tried - (HEAD_START if act not in (None, shown.act) else 0.0)

        for viewer in sorted(stale, key=waits_since):
            if not self._pace.spare():
                break
            shown, act = self._shown[viewer], acts[viewer.account].get(viewer.user)
            try:
                if await self._publish(viewer):
                    self._shown[viewer] = _Shown(versions[viewer.account], time.monotonic(), act)
                else:
                    del self._shown[viewer]
            except Exception as error:  # noqa: BLE001  see above; it is tried again with a later look
                self._shown[viewer] = replace(shown, tried=time.monotonic())
                log.warning("a home could not be brought up to date", user=viewer.user, why=error_name(error))
        return False
