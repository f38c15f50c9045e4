"""Endpoints: the table of routes is a list of these, and both the dispatch and the document are made from it."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pydantic import BaseModel, TypeAdapter, ValidationError

from handlers.platform.problems import BAD_VALUE, Fault, Kind, Problem, as_sent
from store import Actor, Key, Scope

TAGS: Final = {
    "phones": "phones",
    "checks": "phones",
    "entries": "entries",
    "replies": "replies",
    "uploads": "uploads",
    "campaigns": "campaigns",
    "changes": "changes",
    "destinations": "destinations",
    "openapi.json": "document",
}
# Faults of one body that are named; ten thousand would be no help.
_MOST_FAULTS: Final = 10


@dataclass(frozen=True, slots=True)
class Parameter:
    """
    A parameter of a path or a query: its *name*, the *schema* of JSON Schema that it keeps to, and what it is.

    A whole number is read by its bounds, `minimum` and `maximum`; all else by its `enum`, `pattern` and `maxLength`.
    One of a path has to be there, one of a query where it is *required*.
    """

    name: str
    schema: Mapping[str, Any]
    description: str
    example: str | int | None = None
    required: bool = False


class Incoming(Protocol):
    """A body that is a file, on its way in: of at most *most_bytes*, kept by pieces, or taken away. Both block."""

    most_bytes: int

    def add(self, piece: bytes) -> None: ...

    def discard(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Call:
    """
    A request that was let in: by which *key* (None where none is asked for), its parameters by name, its *body* as read (None for none).

    *idempotency_key* names it for the store, where it came with one, and *asked* is what the key stands for. *file*: a
    body that is a file, once all of it is kept.
    """

    key: Key | None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    raw: bytes = b""
    idempotency_key: str | None = None
    asked: str = ""
    file: Incoming | None = None

    @property
    def owner(self) -> Key:
        """The key, of an endpoint that asks for one."""
        assert self.key is not None  # noqa: S101  it was let in by it
        return self.key

    @property
    def account(self) -> int:
        return self.owner.account_id

    def actor(self, by: str | None) -> Actor:
        """Who an entry of this request names: the key, and whoever the platform says had it done."""
        return self.owner.actor(by)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    One method of one path: what it takes, what it answers, who may, and the *work*, which blocks and gives the answer's body.

    *path* like `/phones/{phone}`, below `/v1`. *scopes*: a key with one of them is let in; none where no key is needed.
    *body*: the model of it, None for none. *receives*: makes ready for a body that is a file, in place of one; after
    the headers were looked at. *waits*: what is awaited first where the query asks for it, and of what writes always. *problems*: its own kinds,
    besides those that every endpoint has. *writes*: it takes an idempotency key. *together*: the work for several short
    requests of one account at once, with an answer, or what is wrong with it, for each.
    """

    method: str
    path: str
    name: str
    summary: str
    description: str
    scopes: tuple[Scope, ...]
    answers: tuple[type[BaseModel], ...]
    work: Callable[[Call], bytes]
    waits: Callable[[Call], Coroutine[Any, Any, None]] | None = None
    parameters: Sequence[Parameter] = ()
    query: Sequence[Parameter] = ()
    body: Any = None
    receives: Callable[[Call], Coroutine[Any, Any, Incoming]] | None = None
    writes: bool = False
    problems: Sequence[Kind] = ()
    together: Callable[[Sequence[Call]], Sequence[bytes | Exception]] | None = None

    @property
    def asks(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET" or self.scopes == (Scope.CHECK,)

    @property
    def tag(self) -> str:
        """The subject that it belongs to, in the document."""
        return TAGS[self.path.split("/")[1]]


def read(model: type[BaseModel] | TypeAdapter[Any], raw: bytes) -> Any:
    """The *model* of the JSON *raw*, which is well-formed. Raises `Problem` with each field that is not right, by a JSON pointer."""
    adapter = model if isinstance(model, TypeAdapter) else TypeAdapter(model)
    try:
        return adapter.validate_json(raw)
    except ValidationError as error:
        faults = [_fault(mistake) for mistake in error.errors(include_url=False)[:_MOST_FAULTS]]
        more = error.error_count() - len(faults)
        detail = f"{faults[0].at}: {faults[0].detail}"
        if error.error_count() > 1:
            detail += f" {error.error_count() - 1:,} more are wrong" + (
                ", of which the first are named." if more else "."
            )
        raise Problem(BAD_VALUE, detail, faults=faults) from None


def _fault(mistake: Any) -> Fault:
    # The name of a model of a union is no place in the body.
    where = mistake["loc"][1:] if mistake["loc"][:1] and mistake["loc"][0] in _TAGS else mistake["loc"]
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in where)
    found, context = mistake["input"], mistake.get("ctx", {})
    match mistake["type"]:
        case "extra_forbidden":
            detail = "There is no such field."
        case "missing":
            detail = "This field is missing."
        case "string_pattern_mismatch" if context.get("pattern", "").startswith(r"^\+"):
            detail = f"{as_sent(found)} is not E.164: a plus, then 7 to 15 digits of which the first is no zero, like +12125550100."
        case "string_pattern_mismatch" if "{" in context.get("pattern", ""):
            detail = f"{as_sent(found)} does not match {context['pattern']}."
        case "string_pattern_mismatch":
            detail = "This has to be one line of text."
        case "union_tag_invalid" | "literal_error" | "enum":
            expected = context.get("expected_tags") or context.get("expected")
            tag = _tag(context)
            detail = f"{as_sent(found.get(tag) if isinstance(found, dict) else found)} is none of {expected}."
        case "union_tag_not_found":
            pointer, detail = f"{pointer}/{_tag(context)}", "This field is missing."
        case _:
            detail = (
                f"{mistake['msg']}; found {as_sent(found)}."
                if not isinstance(found, (dict, list))
                else f"{mistake['msg']}."
            )
    return Fault(f"#{pointer}", detail)


def _tag(context: Mapping[str, Any]) -> str:
    """The field that says which model of a union is meant."""
    return str(context.get("discriminator", "")).strip("'")


_TAGS: Final = frozenset({"keyword", "texter", "api", "delete", "webhook", "twilio", "van", "file"})
