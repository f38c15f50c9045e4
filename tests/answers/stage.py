"""The stage: the real desk in the embedded Slack, people who ask it, and what is seen then, and by whom."""

import asyncio
import itertools
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot import demo
from bot.config import Settings
from bot.sandbox import EmbeddedSlack, Outcome, State
from handlers.slack import interactions
from store import Function, Origin, StoreUnavailable, UploadState
from tests.answers.reading import JsonObject, Reader
from tests.handlers.conftest import ACK_LIMIT, ADMINS, TICKETS, Office, at_work
from tests.patience import PATIENCE
from tests.store.test_uploads import turn_back

UPLOADS = "optout-uploads"
# What is there after everything that is waited for came within so many seconds of the last change.
_STILL = 0.03
# Where it comes in several steps, some of which begin by themselves.
_LISTS_STILL = 0.3
_PROGRESS = re.compile("[░▓]")

_AT_WORK = {UploadState.RECEIVED, UploadState.APPLYING, UploadState.UNDOING}

Kind = Literal["channel", "thread", "alone", "direct", "form", "field", "home"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that the desk shows: *where* in words, *who* is the one person who sees it, None for all of a channel."""

    kind: Kind
    where: str
    who: str | None
    text: str
    channel: str = ""
    ts: str = ""
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What came of one request: *who* asked (a handle) *request*, in which *place*; *picture* names the one to take of it.

    *why*: what is wrong with the request, or what the asker lacks; empty where nothing is.
    """

    surface: str
    who: str
    place: str
    request: str
    seen: tuple[Seen, ...]
    why: str = ""
    picture: str = ""

    @property
    def pictured(self) -> Seen:
        """What its picture shows: what is seen first, or what that says stands below it."""
        first, *others = self.seen
        below = [seen for seen in others if seen.where == first.where]
        return below[-1] if below and " is below." in first.text else first


# Is given the address of the page, and what was answered.
Look = Callable[[str, Answer], Awaitable[None]]


async def nowhere(_url: str, _answer: Answer) -> None:
    """Nobody takes pictures."""


@dataclass(slots=True)
class Stage:
    """
    What a scene acts on. Each act waits until all of *until* is seen (anything new, when there is none), and is noted.

    *surface*: the heading under which acts are noted. *why*, of an act: the reason for which the desk says no, or that
    something is wrong; *called*: the request in words, where it is long.
    """

    office: Office
    settings: Settings
    look: Look = nowhere
    surface: str = ""
    answers: list[Answer] = field(default_factory=list)

    # -- acts -------------------------------------------------------------------------------------------------

    async def command(self, who: str, text: str, *, channel: str = ADMINS, called: str = "", **how: Any) -> None:
        """Type a slash command."""
        await self.act(
            who, called or f"`{text}`", self.office.people.command(who, channel, text), place=f"#{channel}", **how
        )

    async def say(self, who: str, text: str, *, channel: str = TICKETS, called: str = "", **how: Any) -> None:
        """Write a message, which mentions the desk or is to it."""
        place = "a direct message" if channel.startswith("@") else f"#{channel}"
        await self.act(who, called or f"`{text}`", self.office.people.message(who, channel, text), place=place, **how)

    async def drop(
        self,
        who: str,
        name: str,
        content: str | bytes | None = None,
        *,
        words: str = "",
        channel: str = UPLOADS,
        **how: Any,
    ) -> None:
        """Drop a list, with *words*; without *content* a sample of that name."""
        place = "a direct message" if channel.startswith("@") else f"#{channel}"
        data = content.encode() if isinstance(content, str) else content
        said = f"drops {name}" + (f", with `{words}`" if words else "")
        await self.act(
            who, said, self.office.people.drop(who, channel, name, data, text=words or None), place=place, **how
        )

    async def press(
        self, who: str, label: str, *, value: str | None = None, directly: bool = False, **how: Any
    ) -> None:
        """
        Press the latest button, or choose in the latest menu, whose label begins with *label*.

        In a channel rather than in a direct message that says the same, unless *directly*.
        """
        state = await self.office.people.state()
        for raw in reversed(_views(state, who)):
            if element := _element(raw["blocks"], label):
                pressed = self.office.people.click_in_view(
                    who, raw["id"], element["action_id"], value=value or element.get("value")
                )
                return await self.act(who, f"presses *{label}*", pressed, place="the form", **how)
        theirs = [each for each in state.channels if state.user(who)["id"] in each.members]
        open_to_all, direct = (
            [one for each in theirs if each.raw["is_im"] is im for one in each.everything] for im in (False, True)
        )
        open_to_all += state.ephemerals(who)
        messages = [sorted(some, key=lambda one: one.ts, reverse=True) for some in (open_to_all, direct)]
        for message in itertools.chain(*(reversed(messages) if directly else messages)):
            if message.handle == "optout" and (element := _element(message.blocks, label)):
                chosen = value if value is not None else element.get("value")
                pressed = self.office.people.click(who, message, element["action_id"], value=chosen)
                return await self.act(who, f"presses *{label}*", pressed, place="the message", **how)
        raise LookupError(f"{who} sees no button {label!r}. {state.summary()}")

    async def press_old(
        self, who: str, label: str, action_id: str, value: str, *, channel: str = TICKETS, **how: Any
    ) -> None:
        """
        Press a button *label* of a message that stands as it was posted once, whatever became since of what it is about.

        The desk takes its buttons off what is settled; a page that is open, or a message that could not be changed, has them.
        """
        text = {"type": "plain_text", "text": label}
        button = {"type": "button", "text": text, "action_id": action_id, "value": value}
        state = await self.office.people.state()
        client = AsyncWebClient(token=self.office.slack.bot_token, base_url=self.office.slack.api_url)
        posted = await client.chat_postMessage(
            channel=state.channel(channel).id, text=label, blocks=[{"type": "actions", "elements": [button]}]
        )
        message = (await self.office.people.state()).message(posted["ts"])
        assert message is not None
        pressed = self.office.people.click(who, message, action_id)
        await self.act(who, f"presses *{label}*", pressed, place=f"#{channel}", **how)

    async def check(self, who: str, text: str, *, channel: str = TICKETS, **how: Any) -> None:
        """Use *Check opt-outs* on a message with *text* that support wrote."""
        ticket = await self.office.people.message("support", channel, text)
        used = self.office.people.shortcut(who, "optout.check", channel=channel, ts=ticket.ts)
        await self.act(who, f"*Check opt-outs* on “{text}”", used, place=f"#{channel}", **how)

    async def submit(self, who: str, values: Mapping[str, Any], words: str, **how: Any) -> None:
        """Fill in the open form and send it; *words* say what is filled in."""
        form = _views(await self.office.people.state(), who)[-1]
        await self.act(
            who,
            f"sends the form: {words}",
            self.office.people.submit(who, form["id"], dict(values)),
            place="the form",
            **how,
        )

    async def wait(self, column: str, span: timedelta, passes: str, **how: Any) -> None:
        """Let *span* pass since the moment in *column* of every list; *passes* says what it means."""

        async def passing() -> None:
            await asyncio.to_thread(turn_back, self.office.store, column, span)
            self.office.service.desk.runner.poke()

        await self.act("nobody", "decides on it", passing(), place=passes, **how)

    async def settings_are(self, **changes: Any) -> None:
        """Have an admin's settings say *changes* (of `AccountSettings`); nothing is noted."""
        account = self.office.store.accounts.get(self.office.account.id)
        by = Origin(Function.SETTING, await self.office.actor("admin"))
        change = partial(self.office.store.accounts.change, account.id, by)
        await asyncio.to_thread(change, settings=replace(account.settings, **changes))

    async def close(self, who: str) -> None:
        """Close the open forms; nothing is noted."""
        for form in reversed(_views(await self.office.people.state(), who)):
            await self.office.people.close(who, form["id"])

    async def home(self, who: str, **how: Any) -> None:
        """Open the app's Home."""
        await self.act(who, "opens Home", self.office.people.home(who), place="Home", homes=True, **how)

    async def act(
        self,
        who: str,
        request: str,
        done: Awaitable[Any],
        *,
        place: str,
        until: str | Sequence[str] = (),
        why: str = "",
        picture: str = "",
        homes: bool = False,
        told: int = 0,
    ) -> None:
        """
        Do what is *done*, and note what is new or changed since, once it is there and nothing more is under way.

        *told*: how many direct messages come with it.
        """
        before = self._shown(await self.office.people.state(), homes=homes)
        outcome = await done
        if isinstance(outcome, Outcome) and outcome.errors:
            # Shown in the form, at the field, which stays as it is.
            name = (await self.office.people.state()).user(who)["display_name"]
            fields = tuple(
                Seen("field", f"form of {name}, at its field", name, text) for text in outcome.errors.values()
            )
            self.answers.append(Answer(self.surface, who, place, request, fields, why))
            return
        wanted = (until,) if isinstance(until, str) else tuple(until)

        def news(state: State) -> list[Seen]:
            now = self._shown(state, homes=homes)
            fresh = [seen for key, seen in now.items() if before.get(key) != seen]
            # Who is told first differs from run to run.
            return sorted(fresh, key=lambda seen: (True, seen.where) if seen.kind == "direct" else (False, ""))

        def there(state: State) -> list[Seen] | None:
            found = news(state)
            text = "\n".join(seen.text for seen in found)
            under_way = any(
                _PROGRESS.search(seen.text) for seen in found if seen.kind in ("channel", "thread", "direct")
            )
            direct = sum(seen.kind == "direct" for seen in found)
            done = all(words in text for words in wanted) and direct >= told and not under_way
            return found if found and done else None

        try:
            await self.office.people.until(there, timeout=PATIENCE)
        except TimeoutError as error:
            raise TimeoutError(f"{who}: {request}: {error}") from None
        seen = tuple(news(await self._still(_LISTS_STILL if until else _STILL)))
        answer = Answer(self.surface, who, place, request, seen, why, picture)
        self.answers.append(answer)
        if picture:
            await self.look(self.office.slack.url, answer)

    async def _still(self, seconds: float) -> State:
        """The state once no event and no answer waits, and nothing has changed for a moment."""
        deadline = time.monotonic() + PATIENCE
        state = await self.office.people.state()
        while time.monotonic() < deadline:
            idle = await asyncio.to_thread(self._idle)
            later = await self.office.people.state(after=state.version, timeout=seconds)
            if later.version == state.version and idle:
                return later
            state = later
        raise TimeoutError(f"something is still under way: {state.summary()}")

    def _idle(self) -> bool:
        """Whether no event, answer or list is being worked on, as none is while the database is away."""
        store = self.office.store
        try:
            backlogs = store.backlogs()
            uploads = store.uploads.list(self.office.account.id, 100)
        except StoreUnavailable:
            return True
        return not any(backlogs[table].waiting for table in ("inbox", "outbox")) and not any(
            upload.state in _AT_WORK for upload in uploads
        )

    # -- looking ----------------------------------------------------------------------------------------------

    def _shown(self, state: State, *, homes: bool) -> dict[tuple[str, ...], Seen]:
        """Everything of the desk's that anybody sees; *homes* only where one is opened, as all of them follow the list."""
        read = Reader(state)
        names = {user["handle"]: user["display_name"] for user in state.raw["users"]}
        by_id = {user["id"]: user["display_name"] for user in state.raw["users"]}
        found: dict[tuple[str, ...], Seen] = {}
        for channel in state.raw["channels"]:
            for message in channel["messages"]:
                for raw in (message, *message["thread"]):
                    if raw["handle"] != "optout":
                        continue
                    reply = raw is not message
                    where, who = f"#{channel['name']}", None
                    kind: Kind = "thread" if reply else "channel"
                    if channel["is_im"]:
                        who, kind = by_id[channel["user"]], "direct"
                        where = f"direct message to {who}"
                    elif reply:
                        where = f"thread in {where}"
                    thread = message["ts"] if reply else ""
                    text = read.message(raw)
                    found["message", channel["id"], raw["ts"]] = Seen(
                        kind, where, who, text, channel["name"] if not channel["is_im"] else "@app", raw["ts"], thread
                    )
        for handle, messages in state.raw["ephemerals"].items():
            for raw in messages:
                thread = raw["thread_ts"] or ""
                found["alone", handle, raw["ts"]] = Seen(
                    "alone", f"{names[handle]} alone", names[handle], read.message(raw),
                    next((c["name"] for c in state.raw["channels"] if c["id"] == raw["channel"]), ""), raw["ts"], thread,
                )  # fmt: skip
        for handle, views in state.raw["views"].items():
            for raw in views:
                found["form", handle, raw["id"]] = Seen(
                    "form", f"form of {names[handle]}", names[handle], read.view(raw)
                )
        for handle, raw in state.raw["homes"].items() if homes else ():
            if raw is not None:
                found["home", handle] = Seen("home", f"Home of {names[handle]}", names[handle], read.view(raw))
        return found


def _views(state: State, who: str) -> list[JsonObject]:
    return state.views(who)


def _element(blocks: Sequence[JsonObject], label: str) -> JsonObject | None:
    """The element of *blocks* whose label, or one of whose options, begins with *label*."""
    for block in blocks:
        parts = itertools.chain(block.get("elements") or (), [block.get("accessory"), block.get("element")])
        for element in parts:
            if isinstance(element, dict) and "action_id" in element:
                text = (element.get("text") or element.get("placeholder") or {}).get("text", "")
                if text.startswith(label):
                    return element
    return None


@asynccontextmanager
async def staged(directory: Path, look: Look = nowhere) -> AsyncIterator[Stage]:
    """The desk at work on a new list, made up as in `make sandbox`, in *directory*."""
    database, disk = directory / "desk.db", directory / "disk"
    with pytest.MonkeyPatch.context() as patch:
        # However slow the machine is, a modal comes whole, without one before it that it takes longer.
        patch.setattr(interactions, "_LOADING_AFTER", 10.0)
        async with EmbeddedSlack(speed=100.0, ack_limit=ACK_LIMIT, guided=True) as slack:
            settings = Settings(
                database_url=f"sqlite:///{database}",
                slack_bot_token=SecretStr(slack.bot_token),
                slack_app_token=SecretStr(slack.app_token),
                slack_api_url=slack.api_url,
                default_country="US",
                post_seconds=0,
                scratch_dir=directory,
            )
            from bot.stores import open_store

            open_store(settings).close()
            # By a link, so that the disk it is on can go away.
            disk.mkdir()
            database.rename(disk / database.name)
            database.symlink_to(disk / database.name)
            async with at_work(slack, settings) as office:
                await asyncio.to_thread(demo.seed, office.store, slack.team_id, "Harbor Campaign")
                yield Stage(office, settings, look)
