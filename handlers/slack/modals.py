"""Modals that only show a text, the form in which something is made, and the button that ends it."""

from slack_sdk.models.blocks import Block, ButtonElement, ConfirmObject, InputBlock, PlainTextInputElement
from slack_sdk.models.views import View

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import markup, section


def refusal(message: Message) -> View:
    """The modal of a refusal, in place of the one in which something was asked."""
    return View(type="modal", title="Nothing was done", close="Close", blocks=list(message.blocks))


def text_modal(title: str, text: str, *more: Block, close: str = "Close") -> View:
    """A modal without a form: *text* in mrkdwn, at most 3,000 characters, and *more* below it."""
    return View(type="modal", title=title, close=close, blocks=[section(text), *more])


def making_form(title: str, name: str, metadata: str, lead: str, *fields: Block) -> View:
    """The form *name* in which something is made: *lead*, in mrkdwn, says what, and *fields* ask for it."""
    return View(
        type="modal",
        callback_id=name,
        title=title,
        submit="Make it",
        close="Cancel",
        private_metadata=metadata,
        blocks=[section(lead), *fields],
    )


def text_field(
    name: str, label: str, hint: str, longest: int, *, focus: bool = False, optional: bool = False
) -> InputBlock:
    """A field of a form for a line of at most *longest* characters."""
    element = PlainTextInputElement(action_id=name, max_length=longest, focus_on_load=focus)
    return InputBlock(block_id=name, label=label, hint=hint, element=element, optional=optional)


def ending_button(word: str, action_id: str, value: str, thing: str, consequences: str) -> ButtonElement:
    """The button that ends *thing*, by that *word*, for good: a dialog asks first, and names the *consequences*, in mrkdwn."""
    confirm = ConfirmObject(
        title=f"{word} this {thing}?", text=markup(consequences), confirm=word, deny="Keep", style="danger"
    )
    return ButtonElement(text=word, action_id=action_id, value=value, style="danger", confirm=confirm)
