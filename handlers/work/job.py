"""
What the desk and its child processes say to each other: a job in, answers out, each a line of JSON.

Both ends are one program, so there are no versions: what is not exactly one of these is refused. A job is answered by
any number of `Working` and then by one answer more.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum, StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, cast, get_args, get_origin, get_type_hints

from store import Covered, ExportFilter, Lease, Scrubbed, UploadState


class Step(StrEnum):
    """The step of an upload that a child is to do."""

    STAGE = "stage"
    APPLY = "apply"
    UNDO = "undo"
    SCRUB = "scrub"


@dataclass(frozen=True, slots=True)
class SlackFile:
    """
    A private file of Slack's, of at most *max_bytes*, and with what right it is fetched.

    *api_origin*: scheme and host of Slack's API, by the settings: files come from there too where it is an embedded Slack.
    """

    url: str
    token: str = field(repr=False)
    api_origin: str
    max_bytes: int


@dataclass(frozen=True, slots=True)
class ListJob:
    """
    A step of an upload's, under the lease its parent claimed.

    *file*: None where none is needed, and where Slack did not say where it is: then only what was read before can be
    applied. *scratch*: where what is read of the list is kept until the upload's end, with the *label* that says whose it
    is. *folder*: for everything else; its files are gone when the job is, but for the one in the answer. *stall_seconds*: the
    lease is not renewed for a job that makes no progress for so long. *batch*: phones a transaction. *erase_key*: as of `Store.open`.
    """

    step: Step
    database_url: str = field(repr=False)
    account: int
    upload: int
    lease: Lease
    lease_seconds: float
    stall_seconds: float
    file: SlackFile | None
    scratch: Path
    label: str
    folder: Path
    batch: int = 10_000
    erase_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ExportJob:
    """
    The list of an account, or what *export_filter* leaves of it, written to *path*; see `Exports.write`.

    *file*: of the list that lacks it, in an export of that alone.
    """

    database_url: str = field(repr=False)
    account: int
    export_filter: ExportFilter
    path: Path
    file: SlackFile | None = None
    erase_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Working:
    """Progress: rows or phones done, and the part of the work that is, 0 to 1. At most 4 a second."""

    rows: int
    fraction: float


@dataclass(frozen=True, slots=True)
class Done:
    """
    The upload is in *state* now, in the store already.

    A scrubbed list is at *file*, to be deleted by who delivers it; its upload waits for that as it was.
    """

    state: UploadState
    scrubbed: Scrubbed | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """The export is written, with so many phones; *covered*: what it holds, where it is for a destination."""

    phones: int
    covered: Covered | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The list cannot be read as it is; the upload is refused, for this reason in words."""

    problem: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The work went wrong for good, and the upload is failed, in words. *detail*: for the log."""

    problem: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """Not ours any more, or the store is away: nothing was decided, and somebody goes on. *detail*: for the log."""

    detail: str


Job = ListJob | ExportJob
ChildAnswer = Working | Done | Exported | Refused | Failed | Lost

_JOBS: Final[dict[str, type]] = {"list": ListJob, "export": ExportJob}
_ANSWERS: Final[dict[str, type]] = {
    "working": Working,
    "done": Done,
    "exported": Exported,
    "refused": Refused,
    "failed": Failed,
    "lost": Lost,
}
_TAGS: Final = {kind: tag for tag, kind in (_JOBS | _ANSWERS).items()}


class MalformedLineError(ValueError):
    """A line that is none of these; its text says what is wrong with it."""


def line_of(said: Job | ChildAnswer) -> str:
    """*said* as a line, without its end."""
    return json.dumps({"is": _TAGS[type(said)], **_plain(said)})


def read_job(line: str | bytes) -> Job:
    """The job in a line; raises `MalformedLineError`."""
    return cast("Job", _read(line, _JOBS))


def read_answer(line: str | bytes) -> ChildAnswer:
    """The answer in a line; raises `MalformedLineError`."""
    return cast("ChildAnswer", _read(line, _ANSWERS))


def _read(line: str | bytes, kinds: Mapping[str, type]) -> object:
    try:
        packed = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise MalformedLineError("it is no JSON") from error
    if not isinstance(packed, dict):
        raise MalformedLineError("it is no object")
    tag = packed.pop("is", None)
    kind = kinds.get(tag) if isinstance(tag, str) else None
    if kind is None:
        raise MalformedLineError(f"there is no {tag!r}")
    return _value(kind, packed, str(tag))


def _plain(value: Any) -> Any:
    """*value* as JSON has it."""
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    match value:
        case Path():
            return str(value)
        case datetime():
            return value.isoformat()
        case frozenset():
            return sorted(value)
        case tuple():
            return [_plain(one) for one in value]
    return value


def _value(kind: Any, found: Any, where: str) -> Any:
    """What `_plain` made *found* of, which was a *kind*; raises `MalformedLineError`."""
    if isinstance(kind, UnionType):
        (kind,) = (one for one in get_args(kind) if one is not NoneType)
        return None if found is None else _value(kind, found, where)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        if not isinstance(found, dict) or found.keys() != hints.keys():
            raise MalformedLineError(f"{where} has other fields")
        return kind(**{name: _value(hints[name], found[name], f"{where}.{name}") for name in hints})  # type: ignore[operator]
    if get_origin(kind) in (tuple, frozenset):
        if not isinstance(found, list):
            raise MalformedLineError(f"{where} is no list")
        return get_origin(kind)(_value(get_args(kind)[0], one, where) for one in found)
    as_json: Any = {Path: str, datetime: str, float: (int, float)}.get(kind, str if issubclass(kind, Enum) else kind)
    if not isinstance(found, as_json) or (isinstance(found, bool) and kind is not bool):
        raise MalformedLineError(f"{where} is no {kind.__name__}")
    try:
        return datetime.fromisoformat(found) if kind is datetime else kind(found)
    except ValueError as error:
        raise MalformedLineError(f"{where} is no {kind.__name__}") from error
