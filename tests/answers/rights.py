"""Who may not: each entrance of docs/surfaces.md, used by each role that may not use it, and what they are told."""

import json
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any, NamedTuple

from slack_sdk.models.views import View
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import SandboxClient, SandboxMessage, State
from handlers.permissions import Action, Role, allow
from handlers.slack.listeners import Surface
from handlers.slack.mrkdwn import section
from tests.answers.reading import Reader
from tests.answers.stage import UPLOADS, Seen, Stage
from tests.handlers.conftest import TICKETS

OUT, NOT_OUT = "+12125550106", "+12125550181"
# By the role: the handle of who has it. A member has no more than that while the settings say that only admins are support.
ROLES = {
    Role.SUPPORT: "support",
    Role.MEMBER: "support",
    Role.GUEST: "guest",
    Role.NOBODY: "stranger",
}
# What each sub-command asks for, by how it is typed.
_COMMANDS = {
    f"add {NOT_OUT}": Action.ADD,
    f"search {OUT}": Action.SEARCH,
    f"delete {OUT}": Action.DELETE,
    "country": Action.HELP,
    "country GB": Action.SET_COUNTRY,
    "upload": Action.DROP,
    "uploads": Action.SEE_UPLOADS,
    "scrub": Action.SCRUB,
    "compare": Action.COMPARE,
    f"history {OUT}": Action.HISTORY,
    "history": Action.WHOLE_HISTORY,
    "export": Action.EXPORT,
    f"evidence {OUT}": Action.EVIDENCE,
    "passing": Action.DESTINATIONS,
    "settings": Action.SETTINGS,
    "undo": Action.UNDO,
    "help": Action.HELP,
    "": Action.HELP,
}
_MENTIONS = {
    f"is {OUT} opted out?": Action.SEARCH,
    f"opt out {NOT_OUT}": Action.ADD,
    f"opt in {OUT}": Action.DELETE,
}
# What a button carries that can be handed over; of any other nothing is read before its presser is admitted.
_VALUES = {"optout.add": NOT_OUT, "optout.delete": json.dumps({"phone": OUT, "seen": 99})}
_LIST = b"phone\n2125550181\n"
# Of one message's block: https://docs.slack.dev/reference/block-kit/blocks/actions-block
_MOST_BUTTONS = 25


class No(NamedTuple):
    """What somebody in a *role* is told at an *entrance*: in words, and where they see it."""

    role: Role
    entrance: str
    seen: Seen


@dataclass(slots=True)
class Tour:
    """One person's walk along all entrances that their role may not use."""

    stage: Stage
    role: Role

    @property
    def who(self) -> str:
        return ROLES[self.role]

    async def walk(self) -> list[No]:
        """What they are told at each."""
        return [
            *[await self._command(text) for text, action in _COMMANDS.items() if self._lacks(action)],
            *[await self._mention(text) for text, action in _MENTIONS.items() if self._lacks(action)],
            *[answer async for answer in self._events()],
            *[answer async for answer in self._buttons()],
        ]

    def _lacks(self, *actions: Action) -> bool:
        return not any(allow(self.role, action) for action in actions)

    async def _command(self, text: str) -> No:
        typed = f"/optout {text}".rstrip()
        return await self._told(f"`{typed}`", self._people.command(self.who, TICKETS, typed))

    async def _mention(self, text: str) -> No:
        said = f"@optout {text}"
        return await self._told(f"`{said}`", self._people.message(self.who, TICKETS, said))

    async def _events(self) -> AsyncIterator[No]:
        people, who = self._people, self.who
        if self._lacks(Action.SEARCH):
            yield await self._told("a number, directly", people.message(who, "@bot", OUT))
            ticket = await people.message("admin", TICKETS, f"it is {NOT_OUT}")
            used = people.shortcut(who, "optout.check", channel=TICKETS, ts=ticket.ts)
            yield await self._told("*Check opt-outs*", used)
        if self._lacks(Action.DROP):
            yield await self._told("a list, dropped", people.drop(who, UPLOADS, "theirs.csv", _LIST))
            yield await self._told("a list, directly", people.drop(who, "@bot", "direct.csv", _LIST))
        if self._lacks(Action.SEE_HOME):
            assert (await people.home(who)).ok
            home = await people.until(lambda state: state.home(who))
            text = Reader(await people.state()).view(home)
            name = await self._name()
            yield No(self.role, "Home", Seen("home", "Home", name, text))

    async def _buttons(self) -> AsyncIterator[No]:
        """Each button, posted where it can be pressed, and each form, opened all the same."""
        client = AsyncWebClient(token=self.stage.office.slack.bot_token, base_url=self.stage.office.slack.api_url)
        listeners = self.stage.office.service.desk.listeners
        lacking = [one for one in listeners if self._lacks(*one.actions)]
        names = [one.name for one in lacking if one.surface is Surface.BUTTON]
        forms = [one.name for one in lacking if one.surface is Surface.MODAL]
        channel = (await self._people.state()).channel(TICKETS).id
        message: SandboxMessage | None = None
        for start in range(0, len(names), _MOST_BUTTONS):
            some = names[start : start + _MOST_BUTTONS]
            blocks = [{"type": "actions", "elements": [_button(name) for name in some]}]
            posted = await client.chat_postMessage(channel=channel, text="buttons", blocks=blocks)
            message = (await self._people.state()).message(posted["ts"])
            assert message is not None
            for name in some:
                yield await self._told(f"button `{name}`", self._people.click(self.who, message, name))
        assert message is not None, "there is a button that each of these roles lacks"
        for name in forms:
            # A trigger opens one form, so a button is pressed for each.
            await self._told("", self._people.click(self.who, message, names[-1]))
            trigger = (await self._people.deliveries("interaction"))[-1]["payload"]["trigger_id"]
            form = View(type="modal", callback_id=name, title="A form", submit="Send", blocks=[section("x")])
            view = (await client.views_open(trigger_id=trigger, view=form))["view"]["id"]
            yield await self._shown(name, view)

    async def _shown(self, name: str, view: str) -> No:
        """What the form *name*, submitted, shows instead."""
        assert (await self._people.submit(self.who, view, {})).acknowledged

        def changed(state: State) -> str | None:
            found = next((one for one in state.views(self.who) if one["id"] == view), None)
            text = Reader(state).view(found) if found else ""
            return text if text and "**A form**" not in text else None

        text = await self._people.until(changed)
        await self._people.close(self.who, view)
        who = await self._name()
        # Its title says nothing, nor does its one button.
        words = "\n".join(line for line in text.split("\n") if not line.startswith(("**", "[")))
        return No(self.role, f"form `{name}`", Seen("form", "in the form", who, words))

    async def _told(self, request: str, done: Awaitable[object]) -> No:
        before = len((await self._people.state()).ephemerals(self.who))
        await done
        told: SandboxMessage = await self.stage.office.told(self.who, before)
        name = await self._name()
        text = Reader(await self._people.state()).message(told.raw)
        return No(self.role, request, Seen("alone", "alone", name, text))

    async def _name(self) -> str:
        name: str = (await self._people.state()).user(self.who)["display_name"]
        return name

    @property
    def _people(self) -> SandboxClient:
        return self.stage.office.people


def _button(name: str) -> dict[str, Any]:
    text = {"type": "plain_text", "text": name}
    return {"type": "button", "text": text, "action_id": name, "value": _VALUES.get(name, "1")}


async def refused_everywhere(stage: Stage) -> list[No]:
    """What each role is told at each entrance that it may not use."""
    office = stage.office
    # Slack lets in people of another workspace of one's own organisation, whom the desk must not take for members either.
    await office.let_in(ROLES[Role.NOBODY])
    for channel in (TICKETS, UPLOADS):
        await office.people.invite(channel, ROLES[Role.NOBODY])
    noes = []
    for role in ROLES:
        await stage.settings_are(support="nobody" if role is Role.MEMBER else "everyone")
        noes += await Tour(stage, role).walk()
    return noes
