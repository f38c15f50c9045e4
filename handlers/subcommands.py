"""Sub-commands of `/optout`, as values: usage, help, the actions they may ask for, and the parser of their text."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from handlers.permissions import Action
from handlers.slack.interactions import MakeModal
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import escape
from handlers.slack.places import Request
from handlers.slack.refusals import AskedErrand


@dataclass(frozen=True, slots=True)
class Reply:
    """
    A parsed command that is answered by a message: *answer* gets the request, admitted to *action*, and Slack's payload.

    *errand*: what it asks, for whoever may not ask it and hands it over; None for what cannot be.
    """

    action: Action
    answer: Callable[[Request, dict[str, Any]], Awaitable[Message]]
    errand: AskedErrand | None = None


@dataclass(frozen=True, slots=True)
class OpenModal:
    """A parsed command that opens a modal called *title* for whoever may do *action*; see `Interactions.open_for`."""

    action: Action
    title: str
    make: MakeModal


@dataclass(frozen=True, slots=True)
class Subcommand:
    """
    One sub-command. *usage*: what is typed after `/optout`, its name first; with *help* it is a line of the help.

    *parse*: takes what follows the name, without blanks around it, and raises nothing; what is wrong with it is told by
    the answer, to who may ask. *actions*: all that it may ask for.
    """

    usage: str
    help: str
    actions: tuple[Action, ...]
    parse: Callable[[str], Reply | OpenModal]

    @property
    def name(self) -> str:
        return self.usage.partition(" ")[0]

    def misused(self, why: str = "") -> Message:
        """For the asker alone: what is wrong, or else what it does, and how it is written."""
        return Message.of(f"{why or self.help} Write `/optout {escape(self.usage)}`.", private=True)
