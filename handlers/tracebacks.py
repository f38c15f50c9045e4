"""Tracebacks without values, for logs: an exception's text can hold whatever it was that caused it."""

import re
import traceback
from collections.abc import Iterator, Mapping
from typing import Final

_OURS: Final = {"bot", "handlers", "store"}
_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,60}", re.ASCII)


def traceback_of(error: BaseException) -> str:
    """
    The traceback of *error*, of what caused it and of its parts: places in the program, kinds and codes, and no values.

    The lines of source that it shows are the program's own.
    """
    return "\n".join(_traceback_lines(error, set()))


def place_of(error: BaseException) -> str:
    """Where in the program *error* came up, or what the program called: "handlers.uploads.UploadButtons._stop, line 12"; empty if not raised."""
    places = [
        f"{frame.f_globals['__name__']}.{frame.f_code.co_qualname}, line {line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if frame.f_globals["__name__"].partition(".")[0] in _OURS
    ]
    return places[-1] if places else ""


def _traceback_lines(error: BaseException, told: set[int]) -> Iterator[str]:
    told.add(id(error))
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and id(before) not in told:
        yield from _traceback_lines(before, told)
        yield "-- and from it:" if error.__cause__ else "-- and while it was handled:"
    yield "Traceback (most recent call last):"
    for entry in traceback.format_tb(error.__traceback__):
        yield entry.rstrip("\n")
    kind = type(error)
    codes = "".join(f" {name}={value}" for name, value in _codes_of(error))
    yield f"{kind.__module__}.{kind.__qualname__}{codes}"
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            if id(part) not in told:
                yield "-- with:"
                yield from _traceback_lines(part, told)


def _codes_of(error: BaseException) -> Iterator[tuple[str, str | int]]:
    """What *error* says of itself in a code: the system's, the database's, HTTP's, or Slack's."""
    answer = getattr(getattr(error, "response", None), "data", None)
    codes = {name: getattr(error, name, None) for name in ("errno", "sqlstate", "sqlite_errorname", "status")}
    codes["error"] = answer.get("error") if isinstance(answer, Mapping) else None
    for name, code in codes.items():
        if isinstance(code, int) or (isinstance(code, str) and _CODE.fullmatch(code)):
            yield name, code
