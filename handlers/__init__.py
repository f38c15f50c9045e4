"""Registration of every listener with Bolt; each comes with the actions that can be asked for there."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the child process imports this package too, and has no use for Bolt
    from collections.abc import Iterable

    from slack_bolt.app.async_app import AsyncApp

    from handlers.slack.inbox import Events
    from handlers.slack.listeners import Listener


def register(app: "AsyncApp", listeners: "Iterable[Listener]", events: "Events") -> None:
    """Register *listeners* on *app*, and one for all events that have none."""
    from handlers.slack.listeners import Surface

    ways = {
        Surface.COMMAND: app.command,
        Surface.BUTTON: app.action,
        Surface.MODAL: app.view,
        Surface.SHORTCUT: app.shortcut,
        Surface.STEP: app.function,
    }
    for listener in listeners:
        ways.get(listener.surface, app.event)(listener.name)(listener.listen)
    # An event nobody listens to is not acknowledged, and Slack sends it again and again.
    app.event(re.compile(".*"))(events.ignore)
