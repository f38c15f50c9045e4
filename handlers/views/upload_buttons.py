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
UNDO: Final[ButtonKind] = ("Undo this upload", "undo", "danger")


def buttons(upload: Upload, block: str, *kinds: ButtonKind) -> Block:
    """A row of buttons about *upload*, as the block `upload.BLOCK`."""
    return ActionsBlock(
        block_id=f"upload.{block}",
        elements=[
            ButtonElement(text=text, action_id=f"upload.{action}", value=str(upload.id), style=style)
            for text, action, style in kinds
        ],
    )
