"""What the desk listens to. This is the table of contents: every listener is registered here, and nowhere else."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the child process imports this package too, and has no use for Bolt
    from slack_bolt.app.async_app import AsyncApp

    from handlers.buttons import Buttons
    from handlers.command import Command
    from handlers.events import Events
    from handlers.files import Files


def register(app: "AsyncApp", *, command: "Command", buttons: "Buttons", files: "Files", events: "Events") -> None:
    """Register every listener on *app*. Who may do what is checked by each through `handlers.roles`."""
    app.command("/optout")(command.listener)
    app.action("optout.add")(buttons.add)
    app.action("optout.delete")(buttons.delete)
    app.event("file_shared")(files.shared)
    app.event("app_mention")(files.mentioned)
    app.action("upload.confirm")(files.confirm)
    app.view("upload.sure")(files.sure)
    app.action("upload.stop")(files.stop)
    app.action("upload.continue")(files.go_on)
    app.action("upload.undo")(files.ask_undo)
    app.view("upload.undo")(files.undo)
    app.action("upload.cancel")(files.cancel)
    app.action("upload.column")(files.use_column)
    app.action("upload.country")(files.use_country)
    # An event nobody listens to is not acknowledged, and Slack sends it again and again.
    app.event(re.compile(".*"))(events.unasked)
