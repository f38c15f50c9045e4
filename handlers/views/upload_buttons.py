"""Buttons of an upload's message. Pure functions."""

from typing import Final

from slack_sdk.models.blocks import ActionsBlock, Block, ButtonElement

from store import Upload

# Text, action and style.
ButtonKind = tuple[str, str, str | None]
CANCEL: Final[ButtonKind] = ("Cancel", "cancel", None)
AGAIN: Final[ButtonKind] = ("Read it again", "again", None)
STOP: Final[ButtonKind] = ("Stop", "stop", None)
CONTINUE: Final[ButtonKind] = ("Continue", "continue", "primary")
SCRUB: Final[ButtonKind] = ("Scrub it", "scrub", None)
SCRUB_INSTEAD: Final[ButtonKind] = ("Scrub it instead", "scrub", None)
LOOK_UP: Final[ButtonKind] = ("Look it up", "look", None)
LEAVE: Final[ButtonKind] = ("Leave it", "cancel", None)
UNDO: Final[ButtonKind] = ("Undo this upload", "undo", "danger")

# Of a value, in characters: https://docs.slack.dev/reference/block-kit/block-elements/button-element
LONGEST_VALUE: Final = 2_000


def buttons(upload: Upload, block: str, *kinds: ButtonKind) -> Block:
    """A row of buttons about *upload*, as the block `upload.BLOCK`."""
    return ActionsBlock(
        block_id=f"upload.{block}",
        elements=[button(upload, kind) for kind in kinds],
    )


def button(upload: Upload, kind: ButtonKind) -> ButtonElement:
    """One of them, about *upload*."""
    text, action, style = kind
    return ButtonElement(text=text, action_id=f"upload.{action}", value=str(upload.id), style=style)
