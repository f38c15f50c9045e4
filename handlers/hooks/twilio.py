"""
Twilio's webhook for incoming messages: its signature, and what it says. Pure.

https://www.twilio.com/docs/usage/webhooks/webhooks-security and
https://www.twilio.com/docs/messaging/guides/webhook-request. Twilio adds parameters without notice, all of which are
signed, so those that the desk does not know are let through.
"""

from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl

from multidict import MultiDict
from twilio.request_validator import (
    HMAC_SHA1,
    HMAC_SHA256,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from handlers.hooks.incoming import IncomingMessage, Unreadable, incoming_message
from store import Hook, HookKind

SIGNATURE: Final[str] = SIGNATURE_HEADER
SIGNATURE_SETTINGS: Final[str] = SIGNATURE_SETTINGS_HEADER
# The answer that has Twilio send nothing back: https://www.twilio.com/docs/messaging/twiml
EMPTY_ANSWER: Final = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
# Twilio sends some thirty, and ten media at the most of three each.
_MOST_PARAMETERS: Final = 500


def read_form(body: bytes) -> MultiDict[str]:
    """The parameters of a form, empty ones too: they are signed. Raises `Unreadable`."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_PARAMETERS,
            separator="&",
        )
    except ValueError:
        raise Unreadable("the body is no form in UTF-8, or has too many parameters") from None
    return MultiDict(pairs)


def is_signed(hook: Hook, url: str, form: MultiDict[str], signature: str, settings: str) -> bool:
    """
    Whether Twilio signed the *form* for *url*, the address as Twilio knows it, with its query.

    *settings*: the header that names the algorithm. HMAC-SHA-1 goes with the auth token; HMAC-SHA-256 with the shared key
    where the hook has one, else with the token as well.
    """
    algorithm = get_signature_algorithm(settings).upper()
    if algorithm not in {HMAC_SHA1, HMAC_SHA256}:
        return False
    secret = hook.shared_key or hook.secret if algorithm == HMAC_SHA256 else hook.secret
    return bool(RequestValidator(secret).validate(url, form, signature, algorithm))


def twilio_message(form: MultiDict[str], now: datetime) -> IncomingMessage | None:
    """
    The message that came in, at *now* since Twilio does not say when; None for anything else, such as the status of one sent.

    Raises `Unreadable` for what is signed and no request of Twilio's for messages.
    """
    if form.get("MessageStatus", "received") != "received" or form.get("SmsStatus", "received") != "received":
        return None
    try:
        message, sender, receiver = form["MessageSid"], form["From"], form["To"]
    except KeyError as error:
        raise Unreadable(f"there is no {error.args[0]} in it") from None
    text = form.get("Body", "")
    return incoming_message(HookKind.TWILIO, message, sender, receiver, text, now, acted_on=form.get("OptOutType"))
