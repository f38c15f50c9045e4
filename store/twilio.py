"""Twilio's identifiers and secrets, as its console shows them. Pure."""

import re
from typing import Final

from store.e164 import is_e164
from store.errors import StoreError

# https://www.twilio.com/docs/glossary/what-is-a-sid
_SID: Final = re.compile(r"(?P<kind>[A-Z]{2})[0-9a-f]{32}", re.ASCII)
_SECRET: Final = re.compile(r"[!-~]{16,200}", re.ASCII)


def checked_account(text: str) -> str:
    """The SID of an account. Raises `StoreError` with a sentence for what is none, as all that follow do."""
    if not _is_sid(text, "AC"):
        raise StoreError(
            "An account SID of Twilio's is AC and 32 more characters, 0 to 9 and a to f: its console shows it."
        )
    return text


def checked_login(text: str) -> str:
    """The SID that goes with a secret: an account's, or an API key's (https://www.twilio.com/docs/iam/api-keys)."""
    if not _is_sid(text, "AC", "SK"):
        raise StoreError(
            "Give the account SID, AC and 32 more characters, 0 to 9 and a to f, or an API key's, which begins with SK:"
            " Twilio's console shows them."
        )
    return text


def checked_secret(text: str) -> str:
    """An auth token, or the secret of an API key or of signatures."""
    if _SECRET.fullmatch(text) is None:
        raise StoreError("A secret of Twilio's has 16 to 200 characters, without blanks: take it from its console.")
    return text


def checked_sender(text: str) -> str:
    """What texts are sent from: the SID of a Messaging Service, or a number."""
    if not _is_sid(text, "MG") and not is_e164(text):
        raise StoreError(
            "Give the SID of the Messaging Service, MG and 32 more characters, 0 to 9 and a to f, or the number that"
            " sends, like +12125550100."
        )
    return text


def _is_sid(text: str, *kinds: str) -> bool:
    match = _SID.fullmatch(text)
    return match is not None and match["kind"] in kinds
