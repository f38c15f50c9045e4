"""Refusals: the polite no that says who may, with the button that hands the request over to them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from slack_sdk.models.blocks import ActionsBlock, ButtonElement, PlainTextObject

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import listed, one_line, section
from handlers.slack.payloads import is_ts
from store import Account, Actor, Errand

# What was asked, by the account it was asked of; None for what cannot be handed over.
AskedErrand = Callable[[Account], Awaitable[Errand | None]]
HAND_OVER: Final = "handover.ask"
# https://docs.slack.dev/reference/block-kit/block-elements/button-element
_LONGEST_VALUE: Final = 2_000
_LONGEST_NAME: Final = 24
_NO_THREAD: Final = "-"


@dataclass(frozen=True, slots=True)
class HandoverOffer:
    """What the button of a refusal hands over: the *errand*, asked in the thread *thread_ts*, if it was one."""

    errand: Errand
    thread_ts: str | None

    @property
    def value(self) -> str:
        """As the button carries it."""
        return f"{self.errand.name} {self.thread_ts or _NO_THREAD} {self.errand.value}"

    @classmethod
    def of_button(cls, value: str) -> "HandoverOffer | None":
        """The offer of a button with that *value*; None where it holds none."""
        name, thread, packed = [*value.split(" ", 2), "", ""][:3]
        if thread != _NO_THREAD and not is_ts(thread):
            return None
        return cls(Errand(name, packed), None if thread == _NO_THREAD else thread)


def polite_no(no: str, admins: Sequence[Actor], errand: Errand | None, thread_ts: str | None) -> Message:
    """The no, for the asker alone; with an *errand* the button that hands it over to *admins*."""
    value = "" if errand is None else HandoverOffer(errand, thread_ts).value
    if not value or len(value) > _LONGEST_VALUE:
        return Message.of(no, private=True)
    whom = listed([one_line(admin.name, _LONGEST_NAME) for admin in admins], "or") if len(admins) <= 2 else "an admin"
    # Without emoji: a name is shown as it is written.
    label = PlainTextObject(text=f"Ask {whom} to do this", emoji=False)
    ask = ButtonElement(text=label, action_id=HAND_OVER, value=value)
    return Message.of(no, section(no), ActionsBlock(elements=[ask]), private=True)
