"""Modals without a form, which only show a text."""

from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import section


def told(message: Message) -> View:
    """A refusal in place of the modal in which something was asked."""
    return View(type="modal", title="Nothing was done", close="Close", blocks=list(message.blocks))


def saying(title: str, text: str, *more: Block, close: str = "Close") -> View:
    """A modal without a form: *text* in mrkdwn, at most 3,000 characters, and *more* below it."""
    return View(type="modal", title=title, close=close, blocks=[section(text), *more])
