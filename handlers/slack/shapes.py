"""
Shapes of Slack's payloads: what has to stand in one before anything reads it.

Slack sends what its documents say. What does not look like it is refused here, with a reason that quotes nothing of it,
so that no line behind has to be prepared for a list where a name should be.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from handlers.slack.payloads import installation_of
from store import keepable

# Slack's own go down to a dozen: rich text in a section in a message in a payload.
DEEPEST: Final = 64
_LONGEST_NUMBER: Final = 20  # digits: those of 64 bits


class PayloadError(Exception):
    """A payload is not one of Slack's. Its text completes "the request ..." and holds nothing of the payload."""


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, hide_input_in_errors=True)


class _Named(_Shape):
    id: str = Field(min_length=1)
    name: str | None = None


class _Person(_Named):
    username: str | None = None


class _Chosen(_Shape):
    value: str


class _Pressed(_Shape):
    action_id: str
    type: str
    value: str | None = None
    selected_option: _Chosen | None = None


class _State(_Shape):
    values: dict[str, dict[str, dict[str, Any]]]


class _View(_Shape):
    id: str = Field(min_length=1)
    type: str
    callback_id: str = ""
    private_metadata: str = ""
    previous_view_id: str | None = None
    state: _State | None = None


class _Container(_Shape):
    type: str
    message_ts: str | None = None
    thread_ts: str | None = None
    is_ephemeral: bool | None = None


class _Message(_Shape):
    thread_ts: str | None = None
    text: str | None = None
    blocks: list[dict[str, Any]] | None = None
    attachments: list[dict[str, Any]] | None = None
    files: list[dict[str, Any]] | None = None


class _Command(_Shape):
    """https://docs.slack.dev/interactivity/implementing-slash-commands"""

    command: str
    user_id: str = Field(min_length=1)
    user_name: str
    channel_id: str = Field(min_length=1)
    channel_name: str
    response_url: str
    trigger_id: str = Field(min_length=1)
    text: str | None = None


class _BlockActions(_Shape):
    """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload"""

    user: _Person
    actions: list[_Pressed] = Field(min_length=1)
    container: _Container
    trigger_id: str = Field(min_length=1)
    channel: _Named | None = None
    message: _Message | None = None
    view: _View | None = None
    response_url: str | None = None

    @model_validator(mode="after")
    def _has_a_place(self) -> "_BlockActions":
        if self.view is None if self.container.type == "view" else not (self.channel and self.container.message_ts):
            raise ValueError
        return self


class _ViewSubmission(_Shape):
    """https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload"""

    class _Submitted(_View):
        state: _State

    user: _Person
    view: _Submitted


class _MessageAction(_Shape):
    """https://docs.slack.dev/interactivity/implementing-shortcuts"""

    user: _Person
    callback_id: str
    trigger_id: str = Field(min_length=1)
    message_ts: str = Field(min_length=1)
    channel: _Named
    message: _Message | None = None
    response_url: str | None = None


class _Shortcut(_Shape):
    user: _Person
    callback_id: str
    trigger_id: str = Field(min_length=1)


class _Authorization(_Shape):
    user_id: str | None = None


class _EventCallback(_Shape):
    """https://docs.slack.dev/apis/events-api"""

    class _Event(_Shape):
        type: str = Field(min_length=1)

    event_id: str = Field(min_length=1)
    event: _Event
    authorizations: list[_Authorization] | None = None


class _Challenge(_Shape):
    """https://docs.slack.dev/reference/events/url_verification"""

    challenge: str


class _Posted(_Shape):
    channel: str = Field(min_length=1)
    ts: str = Field(min_length=1)
    user: str | None = Field(default=None, min_length=1)
    text: str | None = None
    thread_ts: str | None = None
    files: list[_Named] | None = None


class _FileShared(_Shape):
    channel_id: str = Field(min_length=1)
    file_id: str = Field(min_length=1)
    user_id: str = Field(min_length=1)


class _FunctionExecuted(_Shape):
    """https://docs.slack.dev/reference/events/function_executed"""

    class _Function(_Shape):
        callback_id: str = Field(min_length=1)

    function: _Function
    function_execution_id: str = Field(min_length=1)
    inputs: dict[str, Any]
    bot_access_token: str | None = None


class _HomeOpened(_Shape):
    user: str = Field(min_length=1)
    tab: str | None = None


class _MetadataPosted(_Shape):
    class _Metadata(_Shape):
        event_type: str | None = None
        event_payload: dict[str, Any] | None = None

    channel_id: str = Field(min_length=1)
    message_ts: str = Field(min_length=1)
    user_id: str | None = None
    metadata: _Metadata | None = None


_BY_TYPE: Final[Mapping[str, type[_Shape]]] = {
    "event_callback": _EventCallback,
    "block_actions": _BlockActions,
    "view_submission": _ViewSubmission,
    "message_action": _MessageAction,
    "shortcut": _Shortcut,
    "url_verification": _Challenge,
}
# Of the events that are subscribed to, manifest.yml; whatever else comes is acknowledged and passed over.
_EVENTS: Final[Mapping[str, type[_Shape]]] = {
    "app_mention": _Posted,
    "message": _Posted,
    "file_shared": _FileShared,
    "app_home_opened": _HomeOpened,
    "function_executed": _FunctionExecuted,
    "message_metadata_posted": _MetadataPosted,
}


def payload_of_body(body: bytes, content_type: str) -> dict[str, Any]:
    """The payload in the body of a request: JSON, a form, or JSON in a form's `payload`. Raises `PayloadError`."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise PayloadError("is not UTF-8") from None
    if content_type == "application/json" or text.lstrip().startswith(("{", "[")):
        return checked(json_of(text))
    form = _form_of(text)
    return checked(json_of(form["payload"]) if "payload" in form else form)


def json_of(text: str | bytes) -> Any:
    """The value that *text* is JSON of, without anything that two readers could take for two things. Raises `PayloadError`."""
    try:
        return json.loads(
            text,
            object_pairs_hook=_object_of,
            parse_int=_integer_of,
            parse_float=_number_of,
            parse_constant=_no_number,
        )
    except RecursionError:
        raise PayloadError("is nested too deeply") from None
    except ValueError:
        raise PayloadError("is not JSON") from None


def checked(payload: object) -> dict[str, Any]:
    """
    *payload*, when it is as Slack's documents say it is; raises `PayloadError`.

    What no database takes in a text is replaced in it by the character for "unknown".
    """
    if not isinstance(payload, dict):
        raise PayloadError("is not an object")
    body: dict[str, Any] = _keepable(payload)
    kind = body.get("type")
    if "command" in body:
        _require(_Command, body, "command")
    elif "ssl_check" in body:
        return body
    elif isinstance(kind, str) and kind in _BY_TYPE:
        _require(_BY_TYPE[kind], body, kind)
        if kind == "url_verification":
            return body
        if kind == "event_callback" and (shape := _EVENTS.get(body["event"]["type"])) is not None:
            _require(shape, body["event"], body["event"]["type"])
    else:
        raise PayloadError("is of no kind that the desk knows")
    try:
        named: tuple[object, object] = installation_of(body)
    except (AttributeError, KeyError, TypeError):
        named = None, None
    if not isinstance(named[0], str) or not named[0] or not isinstance(named[1], str | None):
        raise PayloadError("names no workspace")
    return body


def _require(shape: type[_Shape], body: object, kind: str) -> None:
    try:
        shape.model_validate(body)
    except ValidationError as error:
        # Names of fields are ours; keys of maps, which are not, stand behind `values` only.
        where = [str(part) for part in error.errors(include_input=False, include_url=False)[0]["loc"]]
        known = where[: where.index("values") + 1] if "values" in where else where
        raise PayloadError(f"is no {kind} as Slack sends them: {'.'.join(known) or 'its place'}") from None


def _form_of(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=100)
    except ValueError:
        raise PayloadError("is no form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise PayloadError("says something twice")
    return form


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise PayloadError("says something twice")
    return value


def _integer_of(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise PayloadError("holds a number that is too large")
    return int(digits)


def _number_of(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise PayloadError("holds a number that is too large")
    return number


def _no_number(_word: str) -> NoReturn:
    raise PayloadError("holds a number that is none")


def _keepable(value: Any, depth: int = 0) -> Any:
    if depth > DEEPEST:
        raise PayloadError("is nested too deeply")
    if isinstance(value, str):
        return keepable(value)
    if isinstance(value, dict):
        return {_keepable(key, depth + 1): _keepable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_keepable(item, depth + 1) for item in value]
    return value
