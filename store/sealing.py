"""
Sealing: a file encrypted with a secret, read and written in chunks, so that its size does not matter.

AES-256-GCM, each chunk with a tag of its own, numbered, the last one marked: what was changed, cut off, left out or put
elsewhere does not open. The construction is the STREAM of https://age-encryption.org/v1#payload. The key is derived from the
secret by scrypt (RFC 7914) with a salt of the file's own, so that no two files share a key.
"""

import os
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

# Whoever changes anything of the format changes the number.
_MAGIC: Final = b"opt-out desk, sealed, 1\n"
_SALT_BYTES: Final = 16
_TAG_BYTES: Final = 16
_CHUNK_BYTES: Final = 1 << 20
# Of scrypt: 64 MB and a quarter of a second, so that a secret that somebody thought of is not to be guessed by the thousand.
_COST: Final = 1 << 16
# The last byte of a nonce: what it is that is sealed.
_MIDDLE, _LAST, _KEY_ALONE = 0, 1, 2


class WrongKeyError(Exception):
    """The secret is not the one that the file was sealed with."""


class BrokenSealError(Exception):
    """The file was sealed with this secret, and is not what it was: damaged, or cut short."""


def is_sealed(start: bytes) -> bool:
    """Whether a file that begins with *start*, of `len(_MAGIC)` bytes at least, was sealed."""
    return start.startswith(_MAGIC)


def seal(source: BinaryIO, out: BinaryIO, secret: bytes) -> None:
    """Write what is left of *source* to *out*, sealed with *secret*. Raises OSError."""
    header = _MAGIC + os.urandom(_SALT_BYTES)
    cipher = _cipher(secret, header)
    out.write(header + cipher.encrypt(_nonce(0, _KEY_ALONE), b"", header))
    chunk, number = source.read(_CHUNK_BYTES), 0
    while following := source.read(_CHUNK_BYTES):
        out.write(cipher.encrypt(_nonce(number, _MIDDLE), chunk, header))
        chunk, number = following, number + 1
    out.write(cipher.encrypt(_nonce(number, _LAST), chunk, header))


def unseal(source: BinaryIO, out: BinaryIO, secret: bytes) -> None:
    """
    Write what was sealed in *source* to *out*; nothing that was not checked, but perhaps not all of it.

    Raises `WrongKeyError`, `BrokenSealError` or OSError.
    """
    header = source.read(len(_MAGIC) + _SALT_BYTES)
    cipher = _cipher(secret, header)
    try:
        cipher.decrypt(_nonce(0, _KEY_ALONE), source.read(_TAG_BYTES), header)
    except InvalidTag:
        raise WrongKeyError from None
    size = _CHUNK_BYTES + _TAG_BYTES
    chunk, number = source.read(size), 0
    try:
        while following := source.read(size):
            out.write(cipher.decrypt(_nonce(number, _MIDDLE), chunk, header))
            chunk, number = following, number + 1
        out.write(cipher.decrypt(_nonce(number, _LAST), chunk, header))
    except InvalidTag:
        raise BrokenSealError from None


def _cipher(secret: bytes, header: bytes) -> AESGCM:
    salt = header[len(_MAGIC) :]
    return AESGCM(Scrypt(salt=salt, length=32, n=_COST, r=8, p=1).derive(secret))


def _nonce(number: int, what: int) -> bytes:
    return number.to_bytes(11, "big") + bytes([what])
