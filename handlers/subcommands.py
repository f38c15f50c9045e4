"""Sub-commands of `/optout`, as values: usage, help, the actions they may ask for, and the parser of their text."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from handlers.permissions import Action, Role, allow
from handlers.slack.interactions import MakeModal
from handlers.slack.messages import Message
from handlers.slack.mrkdwn import LONGEST_LINE, code, listed
from handlers.slack.places import Request
from handlers.slack.refusals import AskedErrand


@dataclass(frozen=True, slots=True)
class GiveAnswer:
    """
    A parsed command that is answered by a message: *answer* gets the request, admitted to *action*, and Slack's payload.

    *errand*: what it asks, for whoever may not ask it and hands it over; None for what cannot be.
    """

    action: Action
    answer: Callable[[Request, dict[str, Any]], Awaitable[Message]]
    errand: AskedErrand | None = None


@dataclass(frozen=True, slots=True)
class OpenModal:
    """
    A parsed command that opens a modal called *title* for whoever may do *action*; see `Interactions.open_for`.

    *errand*: as of a `GiveAnswer`.
    """

    action: Action
    title: str
    make: MakeModal
    errand: AskedErrand | None = None


@dataclass(frozen=True, slots=True)
class Subcommand:
    """
    One sub-command. *usage*: what is typed after `/optout`, its name first; with *help* it is a line of the help.

    *parse*: takes what follows the name, without blanks around it, and raises nothing; what is wrong with it is told by
    the answer, to who may ask. *actions*: all that it may ask for, the least of them first. *synonyms*: other words for its
    name, besides those that `handlers.lexicon` has for it.
    """

    usage: str
    help: str
    actions: tuple[Action, ...]
    parse: Callable[[str], GiveAnswer | OpenModal]
    synonyms: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.usage.partition(" ")[0]

    @property
    def least(self) -> Role:
        """The least of the roles that may use it: in the help it stands with what is theirs."""
        return next(role for role in (Role.MEMBER, Role.SUPPORT, Role.ADMIN) if allow(role, self.actions[0]))

    def line_with(self, rest: str) -> str:
        """What to send for it with *rest* behind its name, as far as that is anything it takes; else how it is written."""
        takes = self.usage.partition(" ")[2]
        fits = takes and (not takes.startswith("NUMBER") or any(char.isdigit() for char in rest))
        return f"{self.name} {rest}" if rest and fits else self.usage if takes and rest else self.name

    def misused(self, why: str = "", *lines: str) -> Message:
        """For the asker alone: what is wrong, or else what it does, and the *lines* to send instead, or else how it is written."""
        instead = listed([code(f"/optout {line}", LONGEST_LINE) for line in lines or (self.usage,)], "then")
        return Message.of(f"{why or self.help} Send {instead}.", private=True)
