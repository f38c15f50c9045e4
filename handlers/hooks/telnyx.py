"""
Telnyx's webhook for messages: its signature, and what it says. Pure.

https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks: Ed25519 over the timestamp, `|` and the body as
it came, with the public key of the account.
"""

import base64
import binascii
import json
import re
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from handlers.hooks.incoming import IncomingMessage, Unreadable, incoming_message
from store import Hook, HookKind

SIGNATURE: Final = "telnyx-signature-ed25519"
TIMESTAMP: Final = "telnyx-timestamp"
# Seconds by which the moment of signing may differ from the desk's: as in Telnyx's own libraries.
TOLERANCE_SECONDS: Final = 300
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


class Signature(Enum):
    """What a signature is worth."""

    GOOD = "good"
    OLD = "old"
    FORGED = "forged"


def signature_of(hook: Hook, body: bytes, signature: str, timestamp: str, now: float) -> Signature:
    """What *signature*, of *timestamp* and *body*, is worth at *now*, in seconds since the epoch."""
    if _SECONDS.fullmatch(timestamp) is None:
        return Signature.FORGED
    if abs(now - int(timestamp)) > TOLERANCE_SECONDS:
        return Signature.OLD
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(hook.secret))
        key.verify(base64.b64decode(signature, validate=True), timestamp.encode() + b"|" + body)
    except (InvalidSignature, binascii.Error, ValueError):
        return Signature.FORGED
    return Signature.GOOD


def telnyx_message(body: bytes, now: datetime) -> IncomingMessage | None:
    """
    The message that came in; None for any other event. *now*: when it came, where Telnyx does not say.

    Raises `Unreadable` for what is signed and no event of Telnyx's.
    """
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("the body is not JSON") from None
    match event:
        case {"data": {"event_type": "message.received", "payload": {"direction": "inbound"} as payload}}:
            return _message_of(payload, now)
        case {"data": {"event_type": str()}}:
            return None
    raise Unreadable("there is no event in it")


def _message_of(payload: dict[str, Any], now: datetime) -> IncomingMessage | None:
    match payload:
        case {"id": str(message), "from": {"phone_number": str(sender)}}:
            pass
        case _:
            raise Unreadable("the message has no id, or nobody sent it")
    match payload.get("to"):
        case [{"phone_number": str(receiver)}, *_]:
            pass
        case _:
            receiver = ""
    # A picture comes without any.
    text = payload.get("text")
    return incoming_message(
        HookKind.TELNYX,
        message,
        sender,
        receiver,
        text if isinstance(text, str) else "",
        _moment(payload.get("received_at")) or now,
        acted_on=payload.get("autoresponse_type"),
    )


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
