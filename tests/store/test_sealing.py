"""A sealed file opens with its secret, as it was, and not otherwise."""

import io
from collections.abc import Callable

import pytest

from store import sealing
from store.sealing import BrokenSealError, WrongKeyError, is_sealed, seal, unseal

SECRET = b"correct horse battery"
CHUNK = 64
HEADER = len(sealing._MAGIC) + sealing._SALT_BYTES + sealing._TAG_BYTES
SEALED = CHUNK + sealing._TAG_BYTES


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_CHUNK_BYTES", CHUNK)
    # As much work as a guess has to cost is not what is tried here.
    monkeypatch.setattr(sealing, "_COST", 2)


def sealed(content: bytes) -> bytes:
    out = io.BytesIO()
    seal(io.BytesIO(content), out, SECRET)
    return out.getvalue()


def opened(content: bytes, secret: bytes = SECRET) -> bytes:
    out = io.BytesIO()
    unseal(io.BytesIO(content), out, secret)
    return out.getvalue()


CONTENT = bytes(range(256))


@pytest.mark.parametrize("length", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 250])
def test_what_was_sealed_opens(length: int) -> None:
    """Of any length, ends of chunks among them; nothing of it can be read, and twice the same is not the same."""
    content = CONTENT[:length]
    one = sealed(content)
    assert is_sealed(one)
    assert not is_sealed(content)
    assert opened(one) == content
    assert one != sealed(content)
    assert len(content) < 16 or content[:16] not in one


def test_another_secret_opens_nothing() -> None:
    """It is told from damage, and nothing is written."""
    out = io.BytesIO()
    with pytest.raises(WrongKeyError):
        unseal(io.BytesIO(sealed(CONTENT)), out, SECRET + b"!")
    assert out.getvalue() == b""


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a bit in the middle": lambda one: one[:200] + bytes([one[200] ^ 1]) + one[201:],
    "the last bit": lambda one: one[:-1] + bytes([one[-1] ^ 1]),
    "cut at the end of a chunk": lambda one: one[: HEADER + 2 * SEALED],
    "cut in a chunk": lambda one: one[: HEADER + SEALED + 5],
    "cut before the first chunk": lambda one: one[:HEADER],
    "a byte more": lambda one: one + b"\0",
    "a chunk left out": lambda one: one[: HEADER + SEALED] + one[HEADER + 2 * SEALED :],
    "two chunks changed about": lambda one: (
        one[:HEADER]
        + one[HEADER + SEALED : HEADER + 2 * SEALED]
        + one[HEADER : HEADER + SEALED]
        + one[HEADER + 2 * SEALED :]
    ),
    "a chunk of another file": lambda one: one[:HEADER] + sealed(CONTENT)[HEADER:],
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_does_not_open(change: str) -> None:
    """Whatever was done to it is seen at the end at the latest."""
    with pytest.raises(BrokenSealError):
        opened(CHANGES[change](sealed(CONTENT)))


def test_the_header_is_held_too() -> None:
    """Another salt is another key."""
    one = bytearray(sealed(CONTENT))
    one[len(sealing._MAGIC)] ^= 1
    with pytest.raises(WrongKeyError):
        opened(bytes(one))
