"""A typed client of the control API: what a person does, what a person sees, and waiting without sleeping."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp

from bot.sandbox.blocks import elements_of, texts_of

T = TypeVar("T")
JsonObject = dict[str, Any]
_LONGEST_POLL = 10.0  # seconds


class SandboxError(Exception):
    """The control API refused a request; the text is its sentence."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What came of an act.

    `ok` and `acknowledged` are False when Slack's client would show an error, which is `shown`; `error` is its code
    (`operation_timeout`, `dispatch_failed` ...). `ms` is the time to the acknowledgement, `response` its body.
    """

    ok: bool
    acknowledged: bool
    ms: float
    error: str | None
    shown: str | None
    response: Any
    ts: str | None
    file: str | None
    confirm: JsonObject | None
    errors: dict[str, str]
    raw: JsonObject

    @classmethod
    def of(cls, answer: JsonObject) -> Self:
        return cls(
            ok=bool(answer.get("ok")),
            acknowledged=bool(answer.get("acknowledged")),
            ms=float(answer.get("ms", 0.0)),
            error=answer.get("error"),
            shown=answer.get("shown"),
            response=answer.get("response"),
            ts=answer.get("ts"),
            file=answer.get("file"),
            confirm=answer.get("confirm"),
            errors=answer.get("errors") or {},
            raw=answer,
        )


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a message."""

    action_id: str
    text: str
    value: str | None
    style: str | None
    confirm: JsonObject | None


@dataclass(frozen=True, slots=True)
class SandboxMessage:
    """A message as people see it. `channel` is the channel's id; `raw` everything the state says of it."""

    ts: str
    user: str
    handle: str
    text: str
    channel: str
    blocks: list[JsonObject]
    files: list[JsonObject]
    edited: JsonObject | None
    thread_ts: str | None
    thread: list["SandboxMessage"]
    raw: JsonObject = field(repr=False)

    @classmethod
    def of(cls, raw: JsonObject, channel: str) -> Self:
        return cls(
            ts=raw["ts"],
            user=raw["user"],
            handle=raw["handle"],
            text=raw["text"],
            channel=channel,
            blocks=raw["blocks"],
            files=raw["files"],
            edited=raw["edited"],
            thread_ts=raw["thread_ts"],
            thread=[cls.of(reply, channel) for reply in raw.get("thread", [])],
            raw=raw,
        )

    @property
    def all_text(self) -> str:
        """The message's text and every text of its blocks, line by line, without its thread."""
        return "\n".join([self.text, *texts_of(self.blocks)])

    @property
    def elements(self) -> list[JsonObject]:
        """Every interactive element of its blocks."""
        return [item for block in self.blocks for item in elements_of(block) if "action_id" in item]

    @property
    def buttons(self) -> list[Button]:
        return [
            Button(
                action_id=item["action_id"],
                text=item["text"]["text"],
                value=item.get("value"),
                style=item.get("style"),
                confirm=item.get("confirm"),
            )
            for item in self.elements
            if item["type"] == "button"
        ]

    def button(self, action_id: str) -> Button:
        """The button of that action; KeyError names the ones there are."""
        for button in self.buttons:
            if button.action_id == action_id:
                return button
        raise KeyError(f"no button {action_id!r}; there are {[button.action_id for button in self.buttons]}")


@dataclass(frozen=True, slots=True)
class SandboxChannel:
    """A channel and its top-level messages, oldest first."""

    id: str
    name: str
    members: list[str]
    messages: list[SandboxMessage]
    raw: JsonObject = field(repr=False)

    @property
    def everything(self) -> Iterator[SandboxMessage]:
        """Messages and their replies."""
        for message in self.messages:
            yield message
            yield from message.thread


@dataclass(frozen=True, slots=True)
class State:
    """One look at the whole workspace; `raw` is the JSON of `GET /sandbox/state`."""

    raw: JsonObject = field(repr=False)

    @property
    def version(self) -> int:
        return int(self.raw["version"])

    @property
    def connected(self) -> int:
        """Open Socket Mode connections of the app."""
        return int(self.raw["app"]["connected"])

    @property
    def channels(self) -> list[SandboxChannel]:
        return [self._channel(raw) for raw in self.raw["channels"]]

    def channel(self, name: str) -> SandboxChannel:
        """The channel of a name or id; KeyError when there is none."""
        wanted = name.lstrip("#")
        for raw in self.raw["channels"]:
            if wanted in (raw["id"], raw["name"]) and not (raw["is_im"] and wanted == raw["name"]):
                return self._channel(raw)
        raise KeyError(f"no channel {name!r}")

    def direct(self, handle: str) -> SandboxChannel | None:
        """The direct message between the bot and a user; None when they never wrote."""
        user = self.user(handle)["id"]
        return next((self._channel(raw) for raw in self.raw["channels"] if raw["is_im"] and raw["user"] == user), None)

    def user(self, handle: str) -> JsonObject:
        wanted = handle.lstrip("@")
        for user in self.raw["users"]:
            if wanted in (user["id"], user["handle"]):
                found: JsonObject = user
                return found
        raise KeyError(f"no user {handle!r}")

    def message(self, ts: str) -> SandboxMessage | None:
        """The message or reply of a timestamp, in whatever channel; None when there is none."""
        for channel in self.raw["channels"]:
            for raw in channel["messages"]:
                if raw["ts"] == ts:
                    return SandboxMessage.of(raw, channel["id"])
                for reply in raw["thread"]:
                    if reply["ts"] == ts:
                        return SandboxMessage.of(reply, channel["id"])
        return None

    def replies(self, ts: str | None) -> list[SandboxMessage]:
        """The thread under a message, oldest first; empty while there is none."""
        message = self.message(ts) if ts else None
        return message.thread if message else []

    def ephemerals(self, handle: str) -> list[SandboxMessage]:
        """What only this person sees, oldest first."""
        name = self.user(handle)["handle"]
        return [SandboxMessage.of(raw, raw["channel"]) for raw in self.raw["ephemerals"].get(name, [])]

    def unseen(self, handle: str | None = None) -> list[SandboxMessage]:
        """What was sent to this person alone, or to anybody, and accepted, and shown to nobody."""
        wanted = None if handle is None else self.user(handle)["handle"]
        return [
            SandboxMessage.of(raw, raw["channel"])
            for name, theirs in self.raw["unseen"].items()
            for raw in theirs
            if wanted in (None, name)
        ]

    def notified(self, handle: str) -> list[SandboxMessage | None]:
        """The messages that this person was notified of, each as often as they were, oldest first; None for one that is gone."""
        name = self.user(handle)["handle"]
        return [self.message(item["ts"]) for item in self.raw["notifications"].get(name, [])]

    def views(self, handle: str) -> list[JsonObject]:
        """The person's open modals, the top one last."""
        return list(self.raw["views"].get(self.user(handle)["handle"], []))

    def home(self, handle: str) -> JsonObject | None:
        home: JsonObject | None = self.raw["homes"].get(self.user(handle)["handle"])
        return home

    def step(self, execution: str, *, over: bool = False) -> JsonObject | None:
        """The step of a workflow by the id of its *execution*; None when there is none, or when it is not *over*."""
        steps = (step for step in self.raw["steps"] if step["id"] == execution)
        return next((step for step in steps if not over or step["state"] != "running"), None)

    @property
    def files(self) -> list[JsonObject]:
        return list(self.raw["files"])

    def summary(self) -> str:
        """Enough to see in a failed test what there was instead."""
        lines = [f"version {self.version}, {self.connected} connected"]
        for channel in self.channels:
            for message in list(channel.everything)[-12:]:
                reply = "  ↳ " if message.thread_ts not in (None, message.ts) else ""
                lines.append(f"#{channel.name} {message.ts} {reply}{message.handle}: {message.text[:160]!r}")
        for handle in self.raw["ephemerals"]:
            lines += [f"only {handle}: {message.text[:160]!r}" for message in self.ephemerals(handle)[-5:]]
        lines += [f"seen by nobody: {message.text[:160]!r}" for message in self.unseen()[-5:]]
        return "\n".join(lines)

    def _channel(self, raw: JsonObject) -> SandboxChannel:
        messages = [SandboxMessage.of(message, raw["id"]) for message in raw["messages"]]
        return SandboxChannel(raw["id"], raw["name"], raw["members"], messages, raw)


class SandboxClient:
    """
    Drives an embedded Slack by its control API; an async context manager.

    Users are handles or ids, channels names or ids (`@bot`: the direct message with the bot).
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    # -- acting -----------------------------------------------------------------------------------------------

    async def command(
        self, user: str, channel: str, text: str, *, thread_ts: str | None = None, raw: bool = False
    ) -> Outcome:
        """Type a slash command, e.g. `/optout help`. *raw* text arrives as it is, unescaped."""
        body = {"user": user, "channel": channel, "text": text, "thread_ts": thread_ts, "raw": raw}
        return Outcome.of(await self._post("command", body))

    async def message(
        self,
        user: str,
        channel: str,
        text: str,
        *,
        thread_ts: str | None = None,
        raw: bool = False,
        blocks: Sequence[JsonObject] = (),
        attachments: Sequence[JsonObject] = (),
    ) -> Outcome:
        """
        Write a message; its `ts` is in the outcome.

        *blocks* and *attachments*: of another app (`ticket-bot`), or of Slack's client, which forwards messages in them.
        """
        body = {"user": user, "channel": channel, "text": text, "thread_ts": thread_ts, "raw": raw}
        drawn = {"blocks": list(blocks), "attachments": list(attachments)}
        return Outcome.of(await self._post("message", body | drawn))

    async def edit(self, user: str, channel: str, ts: str, text: str) -> Outcome:
        """Edit a message that *user* wrote."""
        return Outcome.of(await self._post("message/edit", {"user": user, "channel": channel, "ts": ts, "text": text}))

    async def delete(self, user: str, channel: str, ts: str) -> None:
        """Delete a message that *user* wrote."""
        await self._post("message/delete", {"user": user, "channel": channel, "ts": ts})

    async def drop(
        self,
        user: str,
        channel: str | None,
        name: str,
        content: bytes | Path | None = None,
        *,
        text: str | None = None,
        thread_ts: str | None = None,
        kind: str | None = None,
        described: Mapping[str, Any] | None = None,
    ) -> Outcome:
        """
        Drop a file: *content* as bytes, or a path that is streamed; without content *name* is a sample's.

        Without a channel it is only uploaded, for a modal's file input. `ts` and `file` are in the outcome. *kind*: of
        what is no uploaded file, such as `canvas`, `google_sheet` or `email` (bot/sandbox/file_kinds.py). *described*:
        what Slack says of it instead, by the names of a file object.
        """
        form = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
        told = None if described is None else json.dumps(described)
        fields = {"user": user, "channel": channel, "text": text, "thread_ts": thread_ts, "kind": kind}
        fields["described"] = told
        for field_name, value in fields.items():
            if value is not None:
                form.add_field(field_name, value)
        if content is None:
            form.add_field("sample", name)
            return Outcome.of(await self._answer("POST", "file", data=form))
        if isinstance(content, bytes):
            form.add_field("file", content, filename=name, content_type="application/octet-stream")
            return Outcome.of(await self._answer("POST", "file", data=form))
        with content.open("rb") as handle:
            form.add_field("file", handle, filename=name, content_type="application/octet-stream")
            return Outcome.of(await self._answer("POST", "file", data=form))

    async def click(
        self,
        user: str,
        message: SandboxMessage,
        action_id: str,
        *,
        value: Any = None,
        block_id: str | None = None,
    ) -> Outcome:
        """Press a button or choose in a menu (*value* is the option's) of a message seen in a state."""
        return await self.click_at(user, message.channel, message.ts, action_id, value=value, block_id=block_id)

    async def click_at(
        self, user: str, channel: str, ts: str, action_id: str, *, value: Any = None, block_id: str | None = None
    ) -> Outcome:
        """The same by channel and timestamp."""
        body = {"user": user, "channel": channel, "ts": ts, "action_id": action_id, "value": value}
        return Outcome.of(await self._post("click", body | {"block_id": block_id}))

    async def click_in_view(
        self, user: str, view_id: str, action_id: str, *, value: Any = None, block_id: str | None = None
    ) -> Outcome:
        """The same in a modal or App Home."""
        body = {"user": user, "view_id": view_id, "action_id": action_id, "value": value, "block_id": block_id}
        return Outcome.of(await self._post("click", body))

    async def submit(self, user: str, view_id: str, values: JsonObject) -> Outcome:
        """Fill in and submit a modal: `{block_id: {action_id: value}}` or `{block_id: value}`."""
        return Outcome.of(await self._post("submit", {"user": user, "view_id": view_id, "values": values}))

    async def close(self, user: str, view_id: str) -> Outcome:
        return Outcome.of(await self._post("close", {"user": user, "view_id": view_id}))

    async def shortcut(
        self, user: str, callback_id: str, *, channel: str | None = None, ts: str | None = None
    ) -> Outcome:
        """Use a message shortcut (with channel and ts) or a global one."""
        body = {"user": user, "callback_id": callback_id}
        where = {"channel": channel, "ts": ts} if channel is not None else {}
        return Outcome.of(await self._post("shortcut", body | where))

    async def home(self, user: str) -> Outcome:
        """Open the app's Home."""
        return Outcome.of(await self._post("home", {"user": user}))

    async def run_step(self, user: str, step: str, **inputs: Any) -> JsonObject:
        """Run a workflow of one step, with *inputs*, and wait until it is over: its `state`, `outputs` and `error`."""
        execution = await self.start_step(user, step, **inputs)
        return await self.until(lambda state: state.step(execution, over=True))

    async def start_step(self, user: str, step: str, **inputs: Any) -> str:
        """Run a workflow of one step, by its callback id; the id of its execution."""
        answer = await self._post("step", {"user": user, "step": step, "inputs": inputs})
        return str(answer["execution"])

    async def delete_file(self, user: str, file: str) -> None:
        await self._post("files/delete", {"user": user, "file": file})

    async def update_user(self, user: str, **changes: Any) -> None:
        await self._post("users/update", {"user": user, **changes})

    async def update_channel(self, channel: str, **changes: bool | str) -> None:
        await self._post("channels/update", {"channel": channel, **changes})

    async def kick(self, channel: str, user: str = "@bot") -> None:
        await self._post("channels/kick", {"channel": channel, "user": user})

    async def invite(self, channel: str, user: str = "@bot") -> None:
        await self._post("channels/invite", {"channel": channel, "user": user})

    async def configure(self, **settings: Any) -> JsonObject:
        """
        Change the app; answers how it stands.

        `events_url` ('' for Socket Mode), `scopes`, `events`, `commands`, `shortcuts`, `should_escape`, `tel_links`,
        `messages_tab`, `rate_limits`, `file_uploads`, `told_of_all_files`.
        """
        app: JsonObject = (await self._post("app", settings))["app"]
        return app

    # -- faults -----------------------------------------------------------------------------------------------

    async def fault(self, **settings: Any) -> None:
        """Plant a fault, e.g. `fault(method="chat.postMessage", fault="ratelimited", retry_after=1)`."""
        await self._post("faults", settings)

    async def clear_faults(self) -> None:
        await self._post("faults", {"clear": True})

    async def faults(self) -> list[JsonObject]:
        """The faults that still wait for their occasion."""
        return list((await self._answer("GET", "faults"))["faults"])

    # -- looking ----------------------------------------------------------------------------------------------

    async def state(
        self,
        *,
        after: int | None = None,
        timeout: float = _LONGEST_POLL,  # noqa: ASYNC109 - the server's long poll waits, not we
        channel: str | Sequence[str] = (),
    ) -> State:
        """The state now, or once it is newer than version *after*; *channel*, one or several, leaves the others out."""
        query = [("after", str(after)), ("timeout", str(timeout))] if after is not None else []
        query += [("channel", name) for name in ([channel] if isinstance(channel, str) else channel)]
        return State(await self._answer("GET", "state", params=query))

    async def until(
        self,
        check: Callable[[State], T | None],
        *,
        timeout: float = 60.0,  # noqa: ASYNC109 - the error names the last state, which asyncio.timeout could not
        channel: str | Sequence[str] = (),
    ) -> T:
        """
        The first true value of *check*, asked anew after each change.

        TimeoutError with a summary of the last state when there is none within *timeout* seconds.
        """
        deadline = time.monotonic() + timeout
        state = await self.state(channel=channel)
        while True:
            value = check(state)
            if value:
                return value
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"not seen within {timeout} s. The last state:\n{state.summary()}")
            state = await self.state(after=state.version, timeout=min(left, _LONGEST_POLL), channel=channel)

    async def calls(self, method: str | None = None, *, after: float = 0.0) -> list[JsonObject]:
        """Every Web API call received (also `response_url` and `upload`) since *after*, in epoch seconds; oldest first."""
        query = {"after": str(after)} | ({"method": method} if method else {})
        answer = await self._answer("GET", "calls", params=query)
        calls: list[JsonObject] = answer["calls"]
        return calls

    async def deliveries(self, kind: str | None = None) -> list[JsonObject]:
        """Everything sent to the app (`event`, `command`, `interaction`), with each attempt."""
        answer = await self._answer("GET", "deliveries", params={"kind": kind} if kind else {})
        deliveries: list[JsonObject] = answer["deliveries"]
        return deliveries

    async def samples(self) -> list[JsonObject]:
        offered: list[JsonObject] = (await self._answer("GET", "samples"))["samples"]
        return offered

    async def app(self) -> JsonObject:
        """The installation: tokens, secret, scopes, subscriptions."""
        app: JsonObject = (await self._answer("GET", "app"))["app"]
        return app

    async def download(self, file: str) -> bytes:
        """A file's bytes, as the person gets them."""
        async with self._open_session.get(f"{self._url}/sandbox/files/{quote(file)}") as answer:
            if answer.status != 200:
                raise SandboxError((await answer.json())["error"])
            return await answer.read()

    # -- requests ---------------------------------------------------------------------------------------------

    @property
    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("use SandboxClient as an async context manager")
        return self._session

    async def _post(self, what: str, body: JsonObject) -> JsonObject:
        return await self._answer("POST", what, json={name: value for name, value in body.items() if value is not None})

    async def _answer(self, verb: str, what: str, **request: Any) -> JsonObject:
        async with self._open_session.request(verb, f"{self._url}/sandbox/{what}", **request) as answer:
            body: JsonObject = await answer.json()
        if answer.status >= 400:
            raise SandboxError(str(body.get("error")))
        return body
