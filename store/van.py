"""What NGP VAN, also called EveryAction, gives a program to sign in with, and the numbers that it can look up. Pure."""

import uuid
from typing import Final

from store.errors import StoreError

# The databases of one VAN, by the sign that ends a key: https://docs.everyaction.com/reference/authentication
_VOTERS, MY_CAMPAIGN = "|0", "|1"
_LONGEST_APPLICATION: Final = 100
_KEY: Final = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def checked_application(text: str) -> str:
    """
    The application name, which signs in with a key.

    Raises `StoreError` with a sentence for what is none, as `checked_key` does.
    """
    if (
        not 0 < len(text) <= _LONGEST_APPLICATION
        or not text.isascii()
        or not text.isprintable()
        or set(text) & set(" :")
    ):
        raise StoreError(
            f"Give the application name that VAN gave with the key: up to {_LONGEST_APPLICATION} letters, digits and "
            "signs, without blanks and colons."
        )
    return text


def checked_key(text: str) -> str:
    """The API key with the database that it opens, My Campaign: nothing can be written on people of My Voters."""
    if text.endswith(_VOTERS):
        raise StoreError(
            "This key ends with |0, which is My Voters, where people cannot be changed: give one for My Campaign, "
            "which ends with |1."
        )
    key = text.removesuffix(MY_CAMPAIGN)
    if not _is_guid(key):
        raise StoreError(
            f"Give the API key as VAN gave it: 32 digits and letters a to f with four hyphens, like {_KEY}|1."
        )
    return key + MY_CAMPAIGN


def van_number(phone: str) -> str | None:
    """The ten digits by which VAN knows *phone*, in E.164; None outside North America: they may be another's."""
    return phone[2:] if phone.startswith("+1") and len(phone) == 12 else None


def _is_guid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
