"""
Token keys: what Slack's tokens are encrypted with in the database, so that a copy of it opens no workspace.

Fernet (AES-128-CBC with HMAC-SHA-256, https://github.com/fernet/spec), of several keys the first for what is written, all for
what is read: a key is replaced by naming the new one before it. A token says whose it is, and opens for no other account.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

# Characters: of those that `openssl rand -hex 32` or a password manager makes nobody guesses so many.
SHORTEST_KEY: Final = 32


class WrongTokenKeyError(Exception):
    """None of the keys opens what was sealed, or it was sealed for another account."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of an installation. *refresh* and *expires_at*: of one whose tokens are rotated."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


class TokenKeys:
    """Seals and opens tokens with *keys*, each a secret of `SHORTEST_KEY` characters or more, the one in use first."""

    def __init__(self, keys: Sequence[str]) -> None:
        made = [Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys]
        self._newest = made[0]
        self._all = MultiFernet(made)

    def seal(self, slack_id: str, tokens: Tokens) -> str:
        """*tokens* of the account *slack_id*, sealed with the key in use."""
        packed = {"of": slack_id, "access": tokens.access, "refresh": tokens.refresh}
        return self._newest.encrypt(json.dumps(packed).encode()).decode()

    def open(self, slack_id: str, sealed: str, expires_at: datetime | None = None) -> Tokens:
        """The tokens in *sealed*, which are *slack_id*'s. Raises `WrongTokenKeyError`."""
        try:
            packed = json.loads(self._all.decrypt(sealed.encode()))
        except InvalidToken:
            raise WrongTokenKeyError from None
        if packed["of"] != slack_id:
            raise WrongTokenKeyError
        return Tokens(packed["access"], packed["refresh"], expires_at)

    def is_of_newest(self, sealed: str) -> bool:
        """Whether *sealed* needs no other key than the one in use."""
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True
