"""
Bodies: read within bounds; one that is no file is taken only for JSON of which no two programs would think differently.

Size and time are bounded before anything is parsed. Twice the same name in an object, a number that another language
cannot hold, half a surrogate pair or a NUL are refused: what one reader takes for one thing and the next for another is
no opt-out that somebody can be held to (https://www.rfc-editor.org/rfc/rfc7493).
"""

import asyncio
import json
import math
from collections.abc import AsyncIterator
from typing import Any, Final

from aiohttp import web

from handlers.platform.problems import BROKEN_BODY, NOT_A_FILE, NOT_JSON, TOO_LARGE, TOO_SLOW, Kind, Problem, as_sent

# Bytes. Ten thousand conversations with contacts of 60 characters have a tenth less.
LARGEST_BODY: Final = 2_000_000
# Seconds for a whole body of JSON, and for each piece of a file.
BODY_SECONDS: Final = 20.0
# What programs call files of the kinds that lists come in; what one really is tells its content.
LIST_TYPES: Final = (
    "application/octet-stream",
    "text/csv",
    "text/plain",
    "text/tab-separated-values",
    "application/zip",
    "application/x-zip-compressed",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel",
    "application/vnd.oasis.opendocument.spreadsheet",
)
_UTF_8: Final = {"utf-8", "utf8"}
_LARGEST_INTEGER: Final = 2**63
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def require_json(request: web.Request) -> None:
    """Raise `Problem` unless the headers promise JSON in UTF-8, uncompressed, of a size that is taken."""
    given = request.headers.get("Content-Type", "")
    if given != "application/json" and not _is_json(request, given):
        found = as_sent(given) if given else "no Content-Type"
        raise Problem(
            NOT_JSON, f"Send Content-Type: application/json; found {found}.", headers={"Accept": "application/json"}
        )
    _require_as_it_is(request, NOT_JSON)
    require_size(request, LARGEST_BODY)


def _is_json(request: web.Request, given: str) -> bool:
    return bool(given) and request.content_type == "application/json" and (request.charset or "utf-8").lower() in _UTF_8


def require_file(request: web.Request) -> None:
    """Raise `Problem` unless the headers promise the file of a list itself, uncompressed and in no form."""
    given = request.headers.get("Content-Type", "")
    if not given or request.content_type not in LIST_TYPES:
        found = as_sent(given) if given else "no Content-Type"
        raise Problem(
            NOT_A_FILE,
            f"Send the file as the body, with Content-Type text/csv, {LIST_TYPES[0]} or what it is; found {found}.",
            headers={"Accept": ", ".join(LIST_TYPES)},
        )
    _require_as_it_is(request, NOT_A_FILE)


def require_size(request: web.Request, most: int) -> None:
    """Raise `Problem` when the headers promise more than *most* bytes."""
    if (request.content_length or 0) > most:
        raise _too_large(most)


async def leave_expected(_request: web.Request) -> None:
    """The `expect_handler` of a route whose body comes once its headers were looked at: `read_body` asks for it."""


def _require_as_it_is(request: web.Request, kind: Kind) -> None:
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise Problem(kind, f"Send the body as it is, without Content-Encoding {as_sent(encoding)}.")


async def read_body(request: web.Request, most: int = LARGEST_BODY) -> bytes:
    """The whole body, of *most* bytes. Raises `Problem` when it is larger than is taken, too slow, or cut off."""
    content = request.content
    if (
        "Expect" not in request.headers
        and content.is_eof()
        and content.exception() is None
        and content.total_bytes <= most
    ):
        # It came with the headers, as that of a check does, and needs no clock.
        return content.read_nowait()
    return b"".join([piece async for piece in pieces(request, most, most)])


async def pieces(request: web.Request, most: int, size: int) -> AsyncIterator[bytes]:
    """
    The body in pieces of *size* bytes or a little more, of which the last may be smaller.

    Raises `Problem` when it has more than *most* bytes, is cut off, or a piece takes longer than `BODY_SECONDS`.
    """
    if request.headers.get("Expect", "").lower() == "100-continue":
        # Only now: nobody is asked for a body that is refused for its headers.
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0
    come, ended = 0, False
    while not ended:
        piece = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while not ended and len(piece) < size:
                    part = await request.content.readany()
                    piece += part
                    ended = not part
                    if come + len(piece) > most:
                        raise _too_large(most)
        except TimeoutError:
            raise Problem(
                TOO_SLOW, f"Up to {size:,} bytes have to be here within {BODY_SECONDS:.0f} seconds."
            ) from None
        except (web.RequestPayloadError, ConnectionError):
            raise Problem(BROKEN_BODY, "The body ended before its end.") from None
        come += len(piece)
        if piece:
            yield bytes(piece)


def strict_json(body: bytes) -> Any:
    """The value of *body*. Raises `Problem` for what is not JSON, or JSON that means different things to different readers."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise Problem(BROKEN_BODY, f"The body is not UTF-8 from byte {error.start} on.") from None
    if not text.strip(" \t\r\n"):
        raise Problem(BROKEN_BODY, "There is no body; an object of JSON is expected.")
    try:
        value = _DECODER.decode(text)
        # What is written with escapes alone can hold what UTF-8 cannot.
        if "\\u" in text:
            _require_texts(value)
    except json.JSONDecodeError as error:
        detail = f"The body is not JSON at line {error.lineno}, column {error.colno}: {error.msg}."
        raise Problem(BROKEN_BODY, detail) from None
    except RecursionError:
        raise Problem(BROKEN_BODY, "The body nests values too deep.") from None
    return value


def _too_large(most: int) -> Problem:
    return Problem(TOO_LARGE, f"This body has {most:,} bytes at the most; send what is more in several requests.")


def _require_texts(value: Any) -> None:
    """Raise `Problem` unless each text in *value*, names included, can be kept as it is."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise Problem(BROKEN_BODY, "A text in the body has a NUL or half of a surrogate pair in it.")
    elif isinstance(value, list):
        for item in value:
            _require_texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            _require_texts(name)
            _require_texts(item)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        met: set[str] = set()
        twice = next(name for name, _ in pairs if name in met or met.add(name))  # type: ignore[func-returns-value]
        raise Problem(BROKEN_BODY, f"An object in the body has {as_sent(twice)} twice.")
    return found


def _integer(digits: str) -> int:
    # The count first: Python refuses to read a very long one, in words of its own.
    if len(digits) > 20 or not -_LARGEST_INTEGER <= int(digits) < _LARGEST_INTEGER:
        raise Problem(BROKEN_BODY, "A number in the body has more than 64 bits.")
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Problem(BROKEN_BODY, "A number in the body has more than 64 bits.")
    return number


def _constant(name: str) -> Any:
    raise Problem(BROKEN_BODY, f"{name} is no value of JSON.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_once_each, parse_int=_integer, parse_float=_fraction, parse_constant=_constant
)
