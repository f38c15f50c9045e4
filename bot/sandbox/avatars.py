"""Profile pictures: a square of one colour each, at the sizes Slack offers."""

import hashlib
import struct
import zlib

from aiohttp import web

SIZES = (24, 32, 48, 72, 192, 512)
_MOST = 1024


def pictures(base_url: str, owner: str, sizes: tuple[int, ...] = SIZES) -> dict[str, str]:
    """The `image_24`, `image_32` ... of a user or app."""
    return {f"image_{size}": f"{base_url}/avatars/{owner}/{size}.png" for size in sizes}


async def avatar(request: web.Request) -> web.Response:
    """`GET /avatars/OWNER/SIZE.png`"""
    size = int(request.match_info["size"])
    if not 0 < size <= _MOST:
        return web.Response(status=404)
    colour = hashlib.sha256(request.match_info["owner"].encode()).digest()[:3]
    return web.Response(body=_square(size, colour), content_type="image/png")


def _square(size: int, colour: bytes) -> bytes:
    """A PNG: https://www.w3.org/TR/png/"""
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    rows = (b"\0" + colour * size) * size
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
