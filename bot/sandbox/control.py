"""
The control API: people's acts, the state, faults and logs, for tests and the page, in JSON.

It has no password, so it answers only to loopback hosts and never to another site's page.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from aiohttp import BodyPartReader, WSMsgType, web

from bot.sandbox.acting import People
from bot.sandbox.asked import Body, queried_number
from bot.sandbox.errors import BadRequestError
from bot.sandbox.faults import KINDS, SOCKET_ACTS
from bot.sandbox.file_kinds import KINDS as FILE_KINDS
from bot.sandbox.files import in_turn, part_chunks
from bot.sandbox.samples import Sample
from bot.sandbox.state import StateView
from bot.sandbox.unseen import Unseen
from bot.sandbox.web_api import Platform, WebApi
from bot.sandbox.wire import Wire
from bot.sandbox.workspace import Changes, Channel, File, User

_LONGEST_POLL = 60.0  # seconds
_COALESCE = 0.03  # seconds the page's WebSocket waits for more changes before it speaks
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_CHANGEABLE = {
    "is_admin": bool,
    "is_owner": bool,
    "is_restricted": bool,
    "is_ultra_restricted": bool,
    "is_stranger": bool,
    "deleted": bool,
    "tz": str,
    "real_name": str,
    "display_name": str,
}
_PAGE = Path(__file__).parent / "page"
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

JsonObject = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Handlers of everything under `/sandbox/`."""

    def __init__(
        self,
        slack: Platform,
        people: People,
        web_api: WebApi,
        state: StateView,
        samples: tuple[Sample, ...],
        wire: Wire,
    ) -> None:
        self._slack = slack
        self._people = people
        self._web_api = web_api
        self._state = state
        self._wire = wire
        self._unseen = Unseen(slack.workspace, state)
        self._samples = {sample.name: sample for sample in samples}

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/sandbox/state", self.state),
            web.get("/sandbox/changes", self.changes),
            web.get("/sandbox/earlier", self.earlier),
            web.get("/sandbox/live", self.live),
            web.get("/sandbox/wire", self.wire),
            web.get("/sandbox/samples", self.sample_list),
            web.get("/sandbox/calls", self.calls),
            web.get("/sandbox/deliveries", self.deliveries),
            web.get("/sandbox/app", self.app),
            web.post("/sandbox/app", self.configure),
            web.get("/sandbox/files/{file}", self.file_content),
            web.post("/sandbox/files/delete", self.delete_file),
            web.post("/sandbox/command", self.command),
            web.post("/sandbox/message", self.message),
            web.post("/sandbox/message/edit", self.edit_message),
            web.post("/sandbox/message/delete", self.delete_message),
            web.post("/sandbox/file", self.drop),
            web.post("/sandbox/click", self.click),
            web.post("/sandbox/submit", self.submit),
            web.post("/sandbox/close", self.close),
            web.post("/sandbox/shortcut", self.shortcut),
            web.post("/sandbox/home", self.home),
            web.post("/sandbox/step", self.step),
            web.post("/sandbox/dismiss", self.dismiss),
            web.post("/sandbox/faults", self.faults),
            web.get("/sandbox/faults", self.fault_list),
            web.post("/sandbox/users/update", self.update_user),
            web.post("/sandbox/channels/update", self.update_channel),
            web.post("/sandbox/channels/kick", self.kick),
            web.post("/sandbox/channels/invite", self.invite),
            web.get("/", self.page),
            web.static("/page", _PAGE, append_version=False),
        ]

    # -- looking ----------------------------------------------------------------------------------------------

    async def state(self, request: web.Request) -> web.StreamResponse:
        """`?after=VERSION&timeout=SECONDS` waits for a change; `?channel=NAME`, which may be repeated, shows only that channel."""
        only = [self._slack.workspace.channel(name) for name in request.query.getall("channel", [])]
        if "after" in request.query:
            after = int(queried_number(request, "after", 0))
            patience = min(queried_number(request, "timeout", 30.0), _LONGEST_POLL)
            await self._slack.workspace.changes.after(after, patience)
        return web.Response(text=self._state.render(only=only), content_type="application/json")

    async def changes(self, request: web.Request) -> web.StreamResponse:
        """`?since=CURSOR`: what a page has not seen yet, and the next cursor."""
        return web.Response(text=self._unseen.since(request.query.get("since")), content_type="application/json")

    async def earlier(self, request: web.Request) -> web.StreamResponse:
        """`?channel=ID&before=TS`: earlier messages; `thread=TS`: replies; `reach=TS`: at least back to that one."""
        query = request.query
        channel, before = self._slack.workspace.channel(query.get("channel", "")), query.get("before", "")
        text = self._unseen.earlier(channel, before, reach=query.get("reach"), thread=query.get("thread"))
        return web.Response(text=text, content_type="application/json")

    async def live(self, request: web.Request) -> web.StreamResponse:
        """A WebSocket that says `{"version": n}` after changes, with `?wire` also `{"wire": n}` after traffic."""
        socket = web.WebSocketResponse(heartbeat=30.0, timeout=1.0)
        await socket.prepare(request)
        told = {"version": self._slack.workspace.changes} | (
            {"wire": self._wire.changes} if "wire" in request.query else {}
        )
        telling = [asyncio.create_task(_tell(socket, name, changes)) for name, changes in told.items()]
        try:
            async for message in socket:
                if message.type is WSMsgType.ERROR:
                    break
        finally:
            for task in telling:
                task.cancel()
        return socket

    async def wire(self, request: web.Request) -> web.StreamResponse:
        """`?since=CURSOR`: what was delivered and called since, a page at most; without it the latest."""
        app = self._slack.app
        ours = (app.bot_token, app.app_token, app.signing_secret, app.verification_token, app.client_secret)
        secrets = (*ours, *self._slack.workflows.tokens)
        return web.Response(text=self._wire.since(request.query.get("since"), secrets), content_type="application/json")

    async def sample_list(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"ok": True, "samples": self._state.samples()})

    async def calls(self, request: web.Request) -> web.StreamResponse:
        wanted, after = request.query.get("method"), queried_number(request, "after", 0.0)
        found = [call for call in self._web_api.calls if wanted in (None, call.method) and call.at > after]
        return web.json_response({"ok": True, "calls": [call.described() for call in found]})

    async def deliveries(self, request: web.Request) -> web.StreamResponse:
        wanted = request.query.get("kind")
        log = self._slack.feed.courier.log
        found = [delivery.described() for delivery in log if wanted in (None, delivery.kind)]
        return web.json_response({"ok": True, "deliveries": found})

    async def file_content(self, request: web.Request) -> web.StreamResponse:
        """A file's bytes as the person sees them, without a token."""
        file = self._file(request.match_info["file"])
        if file.path is None:
            raise BadRequestError(f"{file.name} was deleted.")
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": "attachment",  # the page's link gives the name
            "X-Content-Type-Options": "nosniff",
        }
        return web.FileResponse(file.path, headers=headers)

    async def page(self, _: web.Request) -> web.StreamResponse:
        return web.FileResponse(_PAGE / "page.html")

    # -- the app ----------------------------------------------------------------------------------------------

    async def app(self, _: web.Request) -> web.StreamResponse:
        """The installation, its tokens included: what any client library needs to be the app."""
        app = self._slack.app
        about = {
            "api_url": f"{self._slack.feed.base_url}/api/",
            "app_id": app.app_id,
            "bot_id": app.bot_id,
            "bot_user_id": app.bot_user_id,
            "team_id": app.team_id,
            "bot_token": app.bot_token,
            "app_token": app.app_token,
            "signing_secret": app.signing_secret,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "scopes": list(app.scopes),
            "events": list(app.events),
            "commands": list(app.commands),
            "should_escape": app.should_escape,
            "events_url": app.events_url,
            "connected": len(self._slack.sockets.connections),
            "rate_limits": self._slack.rates.enforced,
        }
        return web.json_response({"ok": True, "app": about})

    async def configure(self, request: web.Request) -> web.StreamResponse:
        """
        Change `events_url` (null: Socket Mode), `scopes`, `events`, `commands`, `shortcuts`, and how text is sent.

        `rate_limits`: whether Slack's are enforced; `file_uploads`: whether the workspace allows them; `told_of_all_files`:
        whether the app hears of files in public channels where its bot is not.
        """
        body = await Body.of(request)
        app = self._slack.app
        if "events_url" in body.values:
            url = body.optional("events_url")
            if url and body.values.get("verify") and not await self._slack.feed.courier.verify_url(url):
                raise BadRequestError("That URL did not respond with the value of the challenge parameter.")
            app.events_url = url or None
        scopes, events, commands = (body.texts(name) for name in ("scopes", "events", "commands"))
        app.configure(scopes=scopes, events=events, commands=commands, shortcuts=body.shortcuts())
        app.should_escape = body.flag("should_escape", default=app.should_escape)
        app.messages_tab = body.flag("messages_tab", default=app.messages_tab)
        rates = self._slack.rates
        rates.enforced = body.flag("rate_limits", default=rates.enforced)
        workspace = self._slack.workspace
        workspace.file_uploads = body.flag("file_uploads", default=workspace.file_uploads)
        app.told_of_all_files = body.flag("told_of_all_files", default=app.told_of_all_files)
        self._people.tel_links = body.flag("tel_links", default=self._people.tel_links)
        self._slack.workspace.touch()
        return await self.app(request)

    # -- acting -----------------------------------------------------------------------------------------------

    def _who_and_where(self, body: Body) -> tuple[User, Channel]:
        user = self._slack.workspace.user(body.text("user"))
        return user, self._slack.workspace.channel(body.text("channel"), of=user)

    async def command(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        user, channel = self._who_and_where(body)
        raw = body.flag("raw", default=False)
        answer = await self._people.command(
            user, channel, body.text("text"), thread_ts=body.optional("thread_ts"), raw=raw
        )
        return web.json_response(answer)

    async def message(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        user, channel = self._who_and_where(body)
        raw = body.flag("raw", default=False)
        answer = await self._people.message(
            user,
            channel,
            body.text("text"),
            thread_ts=body.optional("thread_ts"),
            raw=raw,
            blocks=body.objects("blocks"),
            attachments=body.objects("attachments"),
        )
        return web.json_response(answer)

    async def edit_message(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        user, channel = self._who_and_where(body)
        return web.json_response(await self._people.edit(user, channel, body.text("ts"), body.text("text")))

    async def delete_message(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        user, channel = self._who_and_where(body)
        return web.json_response(await self._people.delete(user, channel, body.text("ts")))

    async def click(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        action_id, value = body.text("action_id"), body.values.get("value")
        if "view_id" in body.values:
            user = self._slack.workspace.user(body.text("user"))
            view_id = body.text("view_id")
            answer = await self._people.click_in_view(
                user, view_id, action_id, value=value, block_id=body.optional("block_id")
            )
            return web.json_response(answer)
        user, channel = self._who_and_where(body)
        block_id = body.optional("block_id")
        answer = await self._people.click(user, channel, body.text("ts"), action_id, value=value, block_id=block_id)
        return web.json_response(answer)

    async def submit(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        values = body.values.get("values") or {}
        if not isinstance(values, dict):
            raise BadRequestError("'values' must be an object: {block_id: {action_id: value}}.")
        user = self._slack.workspace.user(body.text("user"))
        return web.json_response(await self._people.submit(user, body.text("view_id"), values))

    async def close(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        user = self._slack.workspace.user(body.text("user"))
        return web.json_response(await self._people.close(user, body.text("view_id")))

    async def shortcut(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        user = self._slack.workspace.user(body.text("user"))
        channel = self._slack.workspace.channel(body.text("channel"), of=user) if "channel" in body.values else None
        answer = await self._people.shortcut(user, body.text("callback_id"), channel, body.optional("ts"))
        return web.json_response(answer)

    async def home(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        return web.json_response(await self._people.home(self._slack.workspace.user(body.text("user"))))

    async def step(self, request: web.Request) -> web.StreamResponse:
        """Run a workflow of one `step`, by its callback id, with `inputs` as whoever built it filled them in."""
        body = await Body.of(request)
        inputs = body.values.get("inputs") or {}
        if not isinstance(inputs, dict):
            raise BadRequestError("'inputs' must be an object.")
        user = self._slack.workspace.user(body.text("user"))
        return web.json_response(await self._people.run_step(user, body.text("step"), inputs))

    async def dismiss(self, request: web.Request) -> web.StreamResponse:
        """Dismiss an ephemeral message."""
        body = await Body.of(request)
        self._slack.workspace.remove_ephemeral(self._slack.workspace.user(body.text("user")), body.text("ts"))
        return web.json_response({"ok": True})

    # -- files ------------------------------------------------------------------------------------------------

    async def drop(self, request: web.Request) -> web.StreamResponse:
        """
        A multipart form: `user`, `channel`, `file` (or `sample`), `text`, `thread_ts`, in any order.

        `kind` is one of those of bot/sandbox/file_kinds.py, of which the bytes are nowhere. `described` is JSON: what Slack is to say of the file instead, as of one that it does not keep itself.
        Without a channel the file is only uploaded, as for a modal's file input.
        """
        if not request.content_type.startswith("multipart/"):
            raise BadRequestError("A file is dropped with a multipart form.")
        fields: JsonObject = {}
        file: File | None = None
        try:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader) or part.name is None:
                    continue
                if part.name == "file":
                    # Its owner may come later in the form, so it is the bot's until then.
                    file = self._slack.files.new(self._slack.workspace.bot, part.filename or "untitled", complete=False)
                    await self._slack.files.write(file, part_chunks(part))
                else:
                    fields[part.name] = await part.text()
            body = Body(fields)
            if file is None:
                file = await self._sample(body.optional("sample"))
            return await self._dropped(body, file)
        except BaseException as error:
            # Refused, or stopped on its way: nothing of it stays, unless it is in a channel already.
            if file is not None and not file.shares:
                self._discard(file)
            if isinstance(error, ConnectionResetError):
                return web.Response()  # which nobody reads
            raise

    async def _sample(self, name: str | None) -> File:
        if name is None:
            raise BadRequestError("The form has neither a 'file' nor a 'sample'.")
        if name not in self._samples:
            raise BadRequestError(f"There is no sample {name!r}. There are: {', '.join(self._samples)}.")
        file = self._slack.files.new(self._slack.workspace.bot, name, complete=False)
        await self._slack.files.write(file, in_turn(self._samples[name].chunks()))
        return file

    async def _dropped(self, body: Body, file: File) -> web.StreamResponse:
        user = self._slack.workspace.user(body.text("user"))
        channel = self._slack.workspace.channel(body.text("channel"), of=user) if body.optional("channel") else None
        file.user, file.user_team, file.complete = user.id, user.team_id, True
        file.kind = body.optional("kind") or ""
        if file.kind and file.kind not in FILE_KINDS:
            raise BadRequestError(f"There is no kind of file {file.kind!r}. There are: {', '.join(FILE_KINDS)}.")
        file.described = json.loads(body.optional("described") or "{}")
        if channel is None:
            return web.json_response({"ok": True, "acknowledged": True, "ms": 0.0, "file": file.id})
        text, thread_ts = body.optional("text") or "", body.optional("thread_ts")
        return web.json_response(await self._people.drop(user, channel, file, text=text, thread_ts=thread_ts))

    def _discard(self, file: File) -> None:
        del self._slack.workspace.files[file.id]
        if file.path is not None:
            file.path.unlink(missing_ok=True)

    async def delete_file(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        self._slack.workspace.user(body.text("user"))
        self._slack.feed.delete_file(self._file(body.text("file")))
        return web.json_response({"ok": True})

    def _file(self, file_id: str) -> File:
        file = self._slack.workspace.files.get(file_id)
        if file is None:
            raise BadRequestError(f"There is no file {file_id!r}.")
        return file

    # -- people and channels ----------------------------------------------------------------------------------

    async def update_user(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        user = self._slack.workspace.user(body.text("user"))
        changes = body.without("user")
        for name, value in changes.items():
            if name not in _CHANGEABLE:
                raise BadRequestError(f"{name!r} cannot be changed. Can be: {', '.join(_CHANGEABLE)}.")
            if not isinstance(value, _CHANGEABLE[name]) or (name == "tz" and value not in available_timezones()):
                raise BadRequestError(f"{value!r} is no {name}.")
        for name, value in changes.items():
            setattr(user, name, value)
        user.updated = int(time.time())
        self._slack.workspace.redraw()
        self._slack.feed.user_changed(user)
        return web.json_response({"ok": True})

    async def update_channel(self, request: web.Request) -> web.StreamResponse:
        """Set `is_archived`, `is_private` or `is_ext_shared`; with `name`, rename it."""
        body = await Body.of(request)
        channel = self._slack.workspace.channel(body.text("channel"))
        if "name" in body.without("channel"):
            channel.name = body.text("name")
            kind = "group_rename" if channel.is_private else "channel_rename"
            renamed = {
                "id": channel.id,
                "name": channel.name,
                "name_normalized": channel.name,
                "created": channel.created,
            }
            event = {"channel": renamed | {"is_channel": not channel.is_private, "is_mpim": False}}
            self._slack.feed.emit(kind, event, channel=channel)
        for name in ("is_archived", "is_private", "is_ext_shared"):
            setattr(channel, name, body.flag(name, default=getattr(channel, name)))
        self._slack.workspace.touch(channel)
        return web.json_response({"ok": True})

    async def kick(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        self._remove(self._slack.workspace.channel(body.text("channel")), body.text("user"))
        return web.json_response({"ok": True})

    async def invite(self, request: web.Request) -> web.StreamResponse:
        body = await Body.of(request)
        user, channel = self._who_and_where(body)
        if user.id not in channel.members:
            channel.members.append(user.id)
            self._slack.workspace.touch(channel)
            event = {"user": user.id, "channel": channel.id, "channel_type": channel.id[0], "team": user.team_id}
            self._slack.feed.emit("member_joined_channel", event, channel=channel)
        return web.json_response({"ok": True})

    def _remove(self, channel: Channel, name: str) -> None:
        workspace = self._slack.workspace
        user = workspace.user(name)
        if user.id in channel.members:
            event = {"user": user.id, "channel": channel.id, "channel_type": channel.id[0], "team": user.team_id}
            self._slack.feed.emit("member_left_channel", event, channel=channel)
            channel.members.remove(user.id)
            workspace.touch(channel)

    # -- faults -----------------------------------------------------------------------------------------------

    async def fault_list(self, _: web.Request) -> web.StreamResponse:
        """What waits for its occasion, and what there is to choose from."""
        seed = self._slack.chaos.seed
        answer = {
            "faults": [fault.described() for fault in self._slack.faults.waiting],
            "kinds": KINDS,
            "acts": SOCKET_ACTS,
            "chaos": None if seed is None else {"seed": seed},
            "revoked": self._slack.app.revoked,
        }
        return web.json_response({"ok": True} | answer)

    async def faults(self, request: web.Request) -> web.StreamResponse:
        """Plant one fault, start `{"chaos": SEED}`, or `{"clear": true}` all of it (a revoked token is valid again)."""
        body = await Body.of(request)
        values, faults = body.values, self._slack.faults
        if values.get("clear"):
            self._slack.chaos.stop()
            faults.clear()
            self._slack.app.revoked = False
        elif "chaos" in values:
            if not isinstance(values["chaos"], int):
                raise BadRequestError("'chaos' must be a whole number, the seed.")
            self._slack.chaos.start(values["chaos"])
        elif "socket" in values and values["socket"] in SOCKET_ACTS:
            count = await self._slack.sockets.act(body.text("socket"))
            return web.json_response({"ok": True, "connections": count})
        elif "socket" in values:
            faults.add("socket", "*", body.text("socket"), body.without("socket"))
        elif "file" in values:
            faults.add("file", str(values.get("id", "*")), body.text("file"), body.without("file", "id"))
        elif "method" in values or "delivery" in values:
            area = "method" if "method" in values else "delivery"
            faults.add(area, body.text(area), body.text("fault"), body.without(area, "fault"))
        elif values.get("token") == "revoked":
            self._slack.app.revoked = True
        elif values.get("bot") == "removed":
            self._remove(self._slack.workspace.channel(body.text("channel")), "bot")
        else:
            raise BadRequestError(
                "A fault names a method, delivery, socket, file, token or bot; or says chaos or clear."
            )
        return web.json_response({"ok": True})


async def _tell(socket: web.WebSocketResponse, name: str, changes: Changes) -> None:
    told = 0
    while not socket.closed:
        await changes.after(told, _LONGEST_POLL)
        await asyncio.sleep(_COALESCE)
        if changes.version > told:
            told = changes.version
            await socket.send_json({name: told})


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep the page and the control API to this machine, and turn a BadRequestError into HTTP 400."""
    local = request.path == "/" or request.path.startswith(("/page/", "/sandbox/"))
    if not local:
        return await handler(request)
    host = request.headers.get("Host", "")
    origin = request.headers.get("Origin")
    if urlsplit(f"//{host}").hostname not in _LOOPBACK or origin not in (None, f"http://{host}"):
        return web.json_response({"ok": False, "error": "Only this machine may use the sandbox."}, status=403)
    try:
        response = await handler(request)
    except BadRequestError as error:
        return web.json_response({"ok": False, "error": str(error)}, status=400)
    if not response.prepared:
        response.headers["Content-Security-Policy"] = _CSP
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
    return response
