"""Listeners: each with its surface, the name Slack calls it by, and the actions that can be asked for there."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from handlers.permissions import ALLOWED, Action, Role
from store import Account


class Surface(StrEnum):
    """A way to ask the desk for something in Slack; the order is that of the table in docs/surfaces.md."""

    COMMAND = "command"
    MENTION = "mention"
    DIRECT = "direct message"
    FILE = "dropped file"
    BUTTON = "button"
    MODAL = "modal"
    SHORTCUT = "message shortcut"
    STEP = "workflow step"
    HOME = "home"


@dataclass(frozen=True, slots=True)
class Listener:
    """
    One listener of Bolt's. *name*: of the command, event, action or view, as Slack delivers it.

    *actions*: what can be asked there. Whoever asks is admitted to one of them, by `handlers.slack.roles`, before anything
    is done; a listener without any would let everybody in, so there is none.
    """

    surface: Surface
    name: str
    actions: tuple[Action, ...]
    listen: Callable[..., Awaitable[None]]

    def __post_init__(self) -> None:
        if not self.actions:
            msg = f"the {self.surface} {self.name} says nowhere what it lets people do"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class EventWork:
    """
    Work on an event by somebody else than its listener, with the *actions* that can be asked for by it.

    *work*: gets the account, Slack's payload and a client, and admits who asks.
    """

    actions: tuple[Action, ...]
    work: Callable[[Account, dict[str, Any], AsyncWebClient], Awaitable[None]]


def surfaces_table(listeners: Iterable[Listener]) -> str:
    """Every action as a Markdown table: who may, and by which names it is reached on each surface. docs/surfaces.md shows it."""
    ways: dict[tuple[Action, Surface], list[str]] = {}
    for listener in listeners:
        for action in listener.actions:
            ways.setdefault((action, listener.surface), []).append(f"`{listener.name}`")
    roles = [role for role in Role if role is not Role.NOBODY]
    head = ["To", *(f"{role}" for role in roles), *(f"{surface}" for surface in Surface)]
    rows = [
        [
            action.value,
            *("yes" if role in ALLOWED[action] else "" for role in roles),
            *(" ".join(ways.get((action, surface), ())) for surface in Surface),
        ]
        for action in Action
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)) + "\n"
