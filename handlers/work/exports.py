"""Exports at work: each made in a child process and handed to whoever asked, privately and once."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError

from handlers.loops import Loop
from handlers.permissions import Action, allow
from handlers.slack.clients import Clients
from handlers.slack.errors import PersonUnknownError, error_code, is_transient
from handlers.slack.posting import Poster, PostKey
from handlers.slack.roles import Roles
from handlers.tasks import Tasks
from handlers.views import exports as views
from handlers.work.attaching import UPLOADS_DISABLED, attach, why_not_attached
from handlers.work.child import Child, ChildDiedError
from handlers.work.download import DownloadError, file_of_upload, why_not_told
from handlers.work.job import ChildAnswer, Exported, ExportJob, Failed, SlackFile, Working
from handlers.work.limits import Limits
from handlers.work.progress import Progress
from handlers.work.scratch import ScratchDirectory
from store import Covered, Export, LeaseLost, Store, StoreError, StoreUnavailable

log = structlog.get_logger()
# Those who died, or hung, this often while they made an export did not by accident.
MOST_DEATHS: Final = 5


class Exporter:
    """The loop that makes and delivers exports."""

    def __init__(
        self,
        store: Store,
        clients: Clients,
        poster: Poster,
        tasks: Tasks,
        limits: Limits,
        scratch: ScratchDirectory,
        roles: Roles,
        *,
        owner: str,
        database_url: str,
        erase_key: str | None = None,
    ) -> None:
        self._store = store
        self._clients = clients
        self._poster = poster
        self._tasks = tasks
        self._limits = limits
        self._scratch = scratch
        self._roles = roles
        self._owner = owner
        self._database_url = database_url
        self._erase_key = erase_key
        # By account and entry: those that this process began and did not end.
        self._left: set[tuple[int, int]] = set()
        self.loop = Loop("exports", self._look, tasks, every=max(0.2, limits.lease_seconds / 4))

    async def _look(self) -> bool:
        """Make the export that has waited longest; False when none waits."""
        await self._show_ends()
        export = await asyncio.to_thread(
            self._store.exports.claim, self._owner, lease_seconds=self._limits.lease_seconds
        )
        if export is None:
            return False
        try:
            await self._make(export)
        except LeaseLost:
            log.warning("an export is left to somebody else")
        except ChildDiedError:
            log.warning("the child process died; its export is made again", deaths=export.deaths + 1)
            await self._tasks.give_back(partial(self._store.exports.died, export, seconds=self._limits.lease_seconds))
        except (StoreError, PersonUnknownError, SlackClientError, aiohttp.ClientError, OSError) as error:
            log.warning("an export waits", why=type(error).__name__)
            await self._tasks.give_back(
                partial(self._store.exports.postpone, export, seconds=self._limits.lease_seconds)
            )
        except asyncio.CancelledError:
            await self._tasks.give_back(partial(self._store.exports.postpone, export, seconds=0))
            raise
        else:
            return True
        self._left.add((export.account_id, export.entry.id))
        return True

    async def _show_ends(self) -> None:
        """
        Show how those ended that this process had to leave to another, once they did.

        What it asked of Slack while it held them may have come after what the other one showed, and would stay for good.
        """
        for account, entry in [*self._left]:
            export = await asyncio.to_thread(self._store.exports.get, account, entry)
            if export.state == "asked":
                continue  # whoever makes it may have shown the end already, and not stored it yet
            try:
                await self._show_end(export)
            except SlackApiError as error:
                if is_transient(error):
                    raise
                log.warning("an export is not shown again", export=entry, why=error_code(error))
            self._left.discard((account, entry))

    async def _make(self, export: Export) -> None:
        with self._scratch.folder() as folder:
            async with self._tasks.keep_lease(
                lambda: self._renew(export), self._limits.lease_seconds, name="hold an export"
            ):
                await self._made(export, folder / "export.csv")

    async def _made(self, export: Export, path: Path) -> None:
        """*export*, delivered or given up."""
        try:
            if export.deaths >= MOST_DEATHS:
                await self._fail(export, "The list could not be exported: whoever runs the desk finds why in its log.")
                return
            if export.message_ts is None:
                export = await self._begin(export)
            await self._deliver(export, path)
        except DownloadError as error:
            await self._fail(export, str(error))
        except SlackApiError as error:
            if is_transient(error):
                raise
            if error_code(error) == UPLOADS_DISABLED:
                problem = f"The export was not delivered: {why_not_attached(error)}."
            else:
                problem = f"Slack does not let me write to you directly ({error_code(error)}), so the export was not delivered."
            await self._fail(export, problem)

    async def _begin(self, export: Export) -> Export:
        """The message to whoever asked; by their id Slack finds, or opens, the conversation with them."""
        post = await self._poster.post(export.entry.actor.id, views.making(export, 0), None, _post_key(export))
        return await asyncio.to_thread(self._store.exports.set_message, export, post.channel_id, post.ts)

    async def _deliver(self, export: Export, path: Path) -> None:
        assert export.dm_channel is not None  # noqa: S101  `_begin` was done
        lease = export.lease
        progress = self._progress(export, export.dm_channel)
        passes_on = export.export_filter.passes_on
        if passes_on and (problem := await self._why_not_theirs(export)):
            await self._fail(export, problem)
            return
        match await self._written(export, path, progress):
            case Exported(phones, covered):
                pass
            case Failed(problem):
                await self._fail(export, problem)
                return
            case other:
                log.warning("a child gave an export up", answer=type(other).__name__)
                raise StoreUnavailable("a child process lost the database")
        channel, thread_ts = export.dm_channel, progress.message_ts
        if not passes_on and not await self._handed_over(export, path, covered, channel, thread_ts):
            return
        if covered is not None:
            # What is there may be the file of whoever died over it, of a moment before.
            export = await asyncio.to_thread(self._store.exports.get, export.account_id, export.entry.id)
            export, phones = replace(export, lease=lease), export.phones
        await progress.show(views.made(export, phones))
        await asyncio.to_thread(self._store.exports.finish, export, phones)

    async def _handed_over(
        self, export: Export, path: Path, covered: Covered | None, channel: str, thread_ts: str | None
    ) -> bool:
        """
        Attach the file at *path* to the message to whoever asked; False where they may not have it any more, who are told so.

        *covered*: what it holds for a destination.
        """
        if problem := await self._why_not_theirs(export):
            await self._fail(export, problem)
            return False
        kind, phone = export.export_filter.format, export.export_filter.phone
        await attach(
            await self._clients.of(export.account_id),
            path,
            name=f"opt-outs-{datetime.now(UTC):%Y-%m-%d}-{kind}.csv" if phone is None else f"evidence-{phone[1:]}.zip",
            title="Opt-outs" if phone is None else "Evidence",
            channel=channel,
            thread_ts=thread_ts,
            attached=export.attached_file,
            keep=lambda file: asyncio.to_thread(self._store.exports.set_attached, export, file, covered),
        )
        return True

    async def _why_not_theirs(self, export: Export) -> str:
        """
        The sentence that says why whoever asked may not have the export, or pass it on, after all; empty when they may.

        Asked of Slack at the moment of delivery: much can have been decided since it was asked for.
        """
        account = await asyncio.to_thread(self._store.accounts.get, export.account_id)
        passes_on = export.export_filter.passes_on
        of_list = export.export_filter.phone is None and not passes_on
        if of_list and account.settings.exports == "nobody":
            return "The export was not delivered: an admin decided in the settings that nobody may export the list."
        client = await self._clients.of(account.id)
        asker = await self._roles.role_of(client, account, export.entry.actor.id, fresh=True)
        action = Action.DESTINATIONS if passes_on else Action.EXPORT if of_list else Action.EVIDENCE
        if not allow(asker.role, action):
            return f"The export was not delivered: only admins can {action.value}, and you are none any more."
        return ""

    async def _written(self, export: Export, path: Path, progress: Progress) -> ChildAnswer:
        """The file, written by a child; its last word."""

        async def show(done: Working) -> None:
            if progress.due:
                await progress.try_show(views.making(export, done.rows))

        file = await self._list_of(export)
        child = await Child.start(self._scratch.lock)
        try:
            job = ExportJob(self._database_url, export.account_id, export.export_filter, path, file, self._erase_key)
            return await child.do(job, folder=path.parent, stall_seconds=self._limits.stall_seconds, progress=show)
        finally:
            await child.stop()

    async def _list_of(self, export: Export) -> SlackFile | None:
        """The list that lacks what is exported; None for an export of anything else. Raises `DownloadError` where it is gone."""
        if export.export_filter.missing_from is None:
            return None
        get = partial(self._store.uploads.get, export.account_id, export.export_filter.missing_from)
        upload, account = await asyncio.gather(
            asyncio.to_thread(get), asyncio.to_thread(self._store.accounts.get, export.account_id)
        )
        if upload.is_sent:
            return None  # it is kept in the store, where the child finds it
        try:
            return await file_of_upload(await self._clients.of(account.id), upload, account, self._limits.max_bytes)
        except SlackApiError as error:
            if is_transient(error):
                raise
            raise DownloadError(why_not_told(error_code(error)), refused=True) from error

    async def _fail(self, export: Export, problem: str) -> None:
        export = await asyncio.to_thread(self._store.exports.fail, export, problem)
        log.warning("an export failed", export=export.entry.id)
        if export.message_ts is not None:
            await self._show_end(export)
            return
        if export.entry.channel_id is None:
            return
        try:
            # Where it was asked for, to that person alone.
            client = await self._clients.of(export.account_id)
            await client.chat_postEphemeral(channel=export.entry.channel_id, user=export.entry.actor.id, text=problem)
        except SlackApiError as error:
            log.warning("nobody could be told of a failed export", why=error_code(error))

    async def _show_end(self, export: Export) -> None:
        """Show in its message, if there is one, how *export* ended."""
        if export.dm_channel is None:
            return
        ended = (
            views.made(export, export.phones)
            if export.problem is None
            else views.failed(export.problem, export.export_filter)
        )
        await self._progress(export, export.dm_channel, held=False).show(ended)

    def _renew(self, export: Export) -> None:
        self._store.exports.renew(export, lease_seconds=self._limits.lease_seconds)

    def _progress(self, export: Export, channel: str, *, held: bool = True) -> Progress:
        async def hold() -> None:
            if held:  # once it has ended there is nothing to hold any more
                await asyncio.to_thread(self._renew, export)

        return Progress(
            self._clients,
            self._poster,
            _post_key(export),
            channel,
            None,
            export.message_ts,
            self._nothing_to_keep,
            hold,
        )

    @staticmethod
    async def _nothing_to_keep(_ts: str) -> None:
        """Its message is known already; one that had to be posted anew is only for this once."""


def _post_key(export: Export) -> PostKey:
    first = export.lease is not None and export.lease.fence == 1
    return PostKey(export.account_id, f"export {export.entry.id}", may_exist=not first)
