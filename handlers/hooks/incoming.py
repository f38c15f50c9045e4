"""Incoming messages, as a provider told them: who, what, and what the provider itself took it for. Pure."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from store import HookKind, Outcome, Reply

# A phone with the channel before it, where it is another than SMS: `whatsapp:+14155550100`, `rcs:+14155550100`.
_SENDER: Final = re.compile(r"(?:[a-z]{1,20}:)?(\+[1-9][0-9]{6,14})", re.ASCII)
_MESSAGE: Final = re.compile(r"[!-~]{1,100}", re.ASCII)
# What Twilio's `OptOutType` and Telnyx's `autoresponse_type` say: which of its own words the provider acted on.
_ACTED_ON: Final = {"STOP": Outcome.OUT, "START": Outcome.IN, "HELP": Outcome.HELP}


class Unreadable(Exception):  # noqa: N818  what came, not a failure of ours
    """A request that its provider signed and that is not what its documentation says. Its text says what is wrong, for a log."""


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """A *reply* as a provider told it. *acted_on*: what the provider took it for and has acted on already; None for nothing."""

    reply: Reply
    acted_on: Outcome | None


def incoming_message(
    kind: HookKind, message: str, sender: str, receiver: str, text: str, received_at: datetime, *, acted_on: Any = None
) -> IncomingMessage | None:
    """
    The message as the desk hears it; None for one that no phone sent: of a short code or a name nobody is opted out.

    Raises `Unreadable` for an id that none of its provider's is.
    """
    if _MESSAGE.fullmatch(message) is None:
        raise Unreadable("the id of the message is none")
    phone = _SENDER.fullmatch(sender)
    if phone is None:
        return None
    said = _ACTED_ON.get(acted_on.upper()) if isinstance(acted_on, str) else None
    return IncomingMessage(Reply(kind, message, phone[1], receiver, text, received_at), said)
