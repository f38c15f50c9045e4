"""People who use the desk, and do again what Slack or the desk says did not work."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from bot.sandbox import Outcome, SandboxClient, SandboxMessage, State
from bot.sandbox.client import SandboxError
from tests.desks import CHANNEL, Desk
from tests.patience import PATIENCE


@dataclass(frozen=True, slots=True)
class List:
    """A list to drop: its file's name, its content and the phones in it."""

    name: str
    content: bytes
    phones: list[str]


@dataclass(frozen=True, slots=True)
class Look(State):
    """A look at Slack; *said*: each message of the desk that is not for one person alone, with all of its text."""

    said: list[tuple[SandboxMessage, str]] = field(repr=False)


class Watch:
    """
    Slack as all who act see it: read once after each change, for everybody who waits.

    Sixteen people who each read all of it after each change would keep the machine busy with nothing else.
    """

    def __init__(self, people: SandboxClient) -> None:
        self._people = people
        # By channel, ts, and when it was last changed.
        self._known: dict[tuple[str, str, str | None], tuple[SandboxMessage, str]] = {}
        self._changed = asyncio.Condition()
        self._last: Look | None = None

    async def look(self, channels: Sequence[str] = ()) -> Look:
        """Slack now; with *channels* those only."""
        return self._taken_apart(await self._people.state(channel=channels))

    async def until(self, check: Callable[[Look], Any], seconds: float, channels: Sequence[str]) -> Any:
        """The first true value of *check*; TimeoutError with the last state when there is none in so many *seconds*."""
        look = await self.look(channels)
        try:
            async with asyncio.timeout(seconds):
                while not (found := check(look)):
                    look = await self._newer_than(look.version)
        except TimeoutError:
            raise TimeoutError(f"not seen within {seconds} s. The last state:\n{look.summary()}") from None
        return found

    async def run(self) -> None:
        """Look after each change, for ever."""
        version = None
        while True:
            look = self._taken_apart(await self._people.state(after=version))
            version = look.version
            async with self._changed:
                self._last = look
                self._changed.notify_all()

    async def _newer_than(self, version: int) -> Look:
        async with self._changed:
            while self._last is None or self._last.version <= version:
                await self._changed.wait()
            return self._last

    def _taken_apart(self, state: State) -> Look:
        said = []
        for channel in state.raw["channels"]:
            for raw in (one for message in channel["messages"] for one in (message, *message["thread"])):
                if raw["handle"] == "optout":
                    key = (channel["id"], raw["ts"], (raw["edited"] or {}).get("ts"))
                    if key not in self._known:
                        message = SandboxMessage.of(raw, channel["id"])
                        self._known[key] = message, message.all_text
                    said.append(self._known[key])
        return Look(state.raw, said)


# Seconds: what failed six times in a row is tried again after one minute, and then after another.
ON_A_BAD_DAY = 3 * PATIENCE


@dataclass(slots=True)
class Person:
    """
    Somebody who acts and looks for what comes of it in the channels *sees*.

    *tries*: how often each act was tried. *pause*: seconds until what failed is tried again.
    """

    desk: Desk
    watch: Watch
    name: str
    channel: str
    is_admin: bool
    sees: tuple[str, ...]
    tries: Counter[str] = field(default_factory=Counter)
    pause: float = 0.0

    async def until(self, check: Callable[[Look], Any], *, seconds: float = ON_A_BAD_DAY) -> Any:
        return await self.watch.until(check, seconds, self.sees)

    async def look(self) -> Look:
        return await self.watch.look(self.sees)

    def failures(self, state: State) -> list[SandboxMessage]:
        """All that this person alone was told of what did not work: in the channel or, where that failed, directly."""
        direct = state.direct(self.name)
        alone = [*state.ephemerals(self.name), *(direct.everything if direct else ())]
        return [one for one in alone if one.handle == "optout" and is_a_failure(one.text)]

    def seen(self, state: Look, phone: str | None = None) -> set[str]:
        """The ts of all that could be taken for an answer: not how many there are, as a second copy is taken away again."""
        named = naming(state, phone) if phone else []
        return {one.ts for one in (*self.failures(state), *named)}

    async def insist(
        self,
        phone: str,
        act: Callable[[], Awaitable[Outcome | None]],
        done: Callable[[Look], Any] | None = None,
    ) -> Any:
        """
        Do *act* until it is answered: until *done* finds what it wants, by itself a message more that names *phone*.

        It is done again when Slack says that the desk did not respond, or had nobody to tell, and when the desk says that
        it did not work.
        """
        while True:
            self.tries[phone] += 1
            state = await self.look()
            before = self.seen(state, phone)
            outcome = await act()
            if outcome is not None and not outcome.acknowledged:
                await self.reachable()
                await self.close_all()
                continue
            found, failed = await self.until(partial(self.answered, phone, before, done))
            if not failed:
                return found
            await asyncio.sleep(self.pause)
            await self.close_all()

    def answered(
        self, phone: str, before: set[str], done: Callable[[Look], Any] | None, state: Look
    ) -> tuple[Any, bool] | None:
        """What answers the person, and whether it says that nothing came of it; None while there is none."""
        found = done(state) if done else [one for one in naming(state, phone) if one.ts not in before]
        if found:
            return found, False
        told = [str(view) for view in state.views(self.name) if is_a_failure(str(view))]
        failures = [one.text for one in self.failures(state) if one.ts not in before] + told
        return (failures, True) if failures else None

    async def reachable(self) -> None:
        """Wait until the desk is connected, and its token good: events of an app whose token is revoked go nowhere."""
        # A token says nothing when it changes: the looks are paced by Slack's long poll.
        async with asyncio.timeout(PATIENCE):
            while not (state := await self.look()).connected or self.desk.slack.platform.app.revoked:
                await self.desk.people.state(after=state.version, timeout=0.1, channel=self.sees)

    async def close_all(self) -> None:
        for view in reversed((await self.look()).views(self.name)):
            # One that was being submitted can go by itself.
            with suppress(SandboxError):
                await self.desk.people.close(self.name, view["id"])

    # What they do

    async def add(self, phone: str) -> None:
        await self.insist(phone, lambda: self.desk.people.command(self.name, self.channel, f"/optout add {phone}"))

    async def search(self, phone: str) -> None:
        await self.insist(phone, lambda: self.desk.people.command(self.name, self.channel, f"/optout search {phone}"))

    async def mention(self, phone: str) -> None:
        text = f"<@{self.desk.slack.bot_user_id}> opt out {phone} because they asked"
        await self.insist(phone, lambda: self.desk.people.message(self.name, self.channel, text, raw=True))

    async def look_up_in_thread(self, phone: str) -> None:
        thread = (await self.desk.people.message(self.name, self.channel, "a ticket")).ts
        text = f"<@{self.desk.slack.bot_user_id}> {phone}?"
        await self.insist(
            phone, lambda: self.desk.people.message(self.name, self.channel, text, thread_ts=thread, raw=True)
        )

    async def direct(self, phone: str) -> None:
        await self.insist(phone, lambda: self.desk.people.message(self.name, "@bot", phone))

    async def delete(self, phone: str) -> None:
        def question(state: Look) -> SandboxMessage | None:
            return next((one for one in naming(state, phone) if any(b.value for b in one.buttons)), None)

        await self.insist(
            phone, lambda: self.desk.people.command(self.name, self.channel, f"/optout delete {phone}"), question
        )

        async def press() -> Outcome | None:
            # What was pressed, and not acknowledged in time, may be done all the same; then the button goes.
            with suppress(SandboxError):
                if asked := question(await self.look()):
                    return await self.desk.people.click(self.name, asked, "optout.delete")
            return None

        def opted_in(state: Look) -> list[SandboxMessage]:
            # Of a second press after one that was done and not acknowledged, the answer is that nothing was left to do.
            words = ("allowed again", "nothing was changed")
            return [one for one in naming(state, phone) if any(text in one.text for text in words)]

        await self.insist(phone, press, opted_in)

    async def form(self, phone: str) -> None:
        """The menu that `/optout` opens, its form, and the form's submit."""

        async def fill_in() -> Outcome:
            while True:
                menu = await self.opened(
                    lambda: self.desk.people.command(self.name, self.channel, "/optout"), buttons_of
                )
                view = menu and await self.opened(
                    partial(self.desk.people.click_in_view, self.name, menu["id"], "form.add"),
                    lambda view: view["callback_id"] == "form.add",
                )
                if view:
                    # A modal that was asked for before can still come and take the place of this one.
                    with suppress(SandboxError):
                        return await self.desk.people.submit(self.name, view["id"], {"form.numbers": phone})

        await self.insist(phone, fill_in)

    async def shortcut(self, phone: str) -> None:
        ticket = await self.desk.people.message(self.name, self.channel, f"Never write again! {phone}")

        async def fill_in() -> Outcome:
            # Opted out by a submit that was only not acknowledged in time, it is not ticked any more.
            values = {"check.cause": "asked to stop", "check.phones.0": [phone]}
            while True:
                view = await self.opened(
                    lambda: self.desk.people.shortcut(self.name, "optout.check", channel=self.channel, ts=ticket.ts),
                    lambda view: view["callback_id"] == "optout.check",
                )
                if view:
                    with suppress(SandboxError):
                        return await self.desk.people.submit(self.name, view["id"], values)

        await self.insist(phone, fill_in)

    async def drop(self, listed: List) -> None:
        """Drop a list, say yes to its preview, and wait for the report."""
        dropped: list[str] = []

        async def drop() -> Outcome:
            outcome = await self.desk.people.drop(self.name, CHANNEL, listed.name, listed.content)
            dropped.append(outcome.ts or "")
            # What was not acknowledged is told again, and a list that is there twice is one too many; but an app whose token
            # is revoked is never told.
            return replace(outcome, acknowledged=outcome.error != "token_revoked")

        def replies(state: State) -> list[SandboxMessage]:
            return [one for ts in dropped for one in state.replies(ts)]

        def asks(state: State) -> SandboxMessage | None:
            return next((one for one in replies(state) if "upload.confirm" in actions_of(one)), None)

        preview = await self.insist(listed.name, drop, asks)

        def moved(state: State) -> bool:
            # The other preview of a list that was dropped twice is left alone.
            return all(one.ts != preview.ts or "upload.confirm" not in actions_of(one) for one in replies(state))

        while not moved(await self.look()):
            # The button goes when an earlier press was done after all.
            with suppress(TimeoutError, SandboxError):
                await self.desk.people.click(self.name, preview, "upload.confirm")
                await self.until(moved, seconds=5)
        words = f"{len(listed.phones):,} phones opted out"
        await self.until(lambda state: any(words in one.text for one in replies(state)))

    async def opened(
        self, act: Callable[[], Awaitable[Outcome]], wanted: Callable[[dict[str, Any]], Any]
    ) -> dict[str, Any] | None:
        """Do *act*, and give the modal that is *wanted*; None, and every modal closed, when it does not open."""
        before = self.seen(await self.look())
        found = None
        # A modal that says "One moment" for good is given up, as people do; one that was asked for before can still come
        # and take the place of the one in which a button is pressed.
        with suppress(TimeoutError, SandboxError):
            if (await act()).acknowledged:
                found = await self.until(partial(self.shown, wanted, before), seconds=6)
        if isinstance(found, dict):
            return found
        await self.reachable()
        await self.close_all()
        return None

    def shown(self, wanted: Callable[[dict[str, Any]], Any], before: set[str], state: State) -> Any:
        """The modal that is wanted, or what the person is told instead."""
        found = next((view for view in state.views(self.name) if wanted(view)), None)
        return found or [one for one in self.failures(state) if one.ts not in before]


def is_a_failure(text: str) -> bool:
    """Whether the desk says that it did not do what it was asked."""
    return any(words in text for words in ("try again", "ask again", "Something went wrong"))


def actions_of(message: SandboxMessage) -> list[str]:
    return [button.action_id for button in message.buttons]


def buttons_of(view: dict[str, Any]) -> list[Any]:
    return [element for block in view["blocks"] for element in block.get("elements", ()) if "action_id" in element]


def naming(state: Look, phone: str) -> list[SandboxMessage]:
    """The desk's messages that name *phone*, those for one person alone included."""
    alone = [one for user in state.raw["users"] for one in state.ephemerals(user["handle"])]
    said = [*state.said, *((one, one.all_text) for one in alone)]
    ways = (phone, written(phone))
    return [one for one, text in said if any(way in text for way in ways)]


def written(phone: str) -> str:
    """As the desk writes it for a country where it is at home."""
    return f"({phone[2:5]}) {phone[5:8]}-{phone[8:]}"
