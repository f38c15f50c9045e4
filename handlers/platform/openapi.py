"""The document: OpenAPI 3.1, made from the table of endpoints and the models, and from nothing else."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from handlers.platform import models
from handlers.platform.api import OF_ALL, OF_BODIES, OF_FILES, OF_KEYS, OF_WRITES, PREFIX
from handlers.platform.bodies import LIST_TYPES
from handlers.platform.endpoints import Endpoint, Parameter
from handlers.platform.problems import CONTENT_TYPE as PROBLEM_TYPE
from handlers.platform.problems import Kind

# Of the API, which changes with what it promises.
VERSION: Final = "1.0.0"
_REF: Final = "#/components/schemas/{model}"
_RETRY: Final = {429, 503, 409}


def document(endpoints: Sequence[Endpoint], address: str) -> dict[str, Any]:
    """The document of *endpoints*, served at *address*, which is without the prefix; empty for where the document is."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Opt-Out Desk",
            "version": VERSION,
            "description": "The list of people who must not be texted, for the platform that texts. Check before each send, "
            "report what contacts ask for, and follow what is changed in Slack.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": f"{address}{PREFIX}"}],
        "security": [{"key": []}],
        "tags": [{"name": name, "description": words} for name, words in _TAGS.items()],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "A key of the desk's, like optk_..."}
            },
            "schemas": _schemas(endpoints),
        },
    }


_TAGS: Final = {
    "phones": "What is known of phones.",
    "entries": "What is done to the list.",
    "replies": "What people reply to texts.",
    "uploads": "Lists of phones to be opted out, as files.",
    "campaigns": "Campaigns and their conversations, as far as opting out concerns them.",
    "changes": "What changed, to be followed.",
    "destinations": "Where opt-outs are passed on to.",
    "document": "This document.",
}
_ID_HEADER: Final = {
    "X-Request-Id": {"description": "Names the request in the desk's log.", "schema": {"type": "string"}}
}
# In words: what a key may be depends on the requests before it, which no schema of a parameter can say.
_WRITES: Final = (
    "It takes the header `Idempotency-Key`, 1 to 200 printable ASCII characters such as a UUID, which names the request: "
    "however often it is sent it is done once, and has the same answer again."
)


_FILE: Final = {"type": "string", "format": "binary", "minLength": 1, "description": "The file, as it is."}


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    parameters = [_parameter(one, "path") for one in endpoint.parameters]
    parameters += [_parameter(one, "query") for one in endpoint.query]
    told: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": " ".join([endpoint.description, *([_WRITES] if endpoint.writes else []), _scopes(endpoint)]),
        "tags": [endpoint.tag],
    }
    if not endpoint.scopes:
        told["security"] = []
    if parameters:
        told["parameters"] = parameters
    if endpoint.body is not None:
        schema, _ = _schema_of(endpoint.body)
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if endpoint.receives is not None:
        told["requestBody"] = {"required": True, "content": {kind: {"schema": _FILE} for kind in LIST_TYPES}}
    told["responses"] = _responses(endpoint)
    return told


def _scopes(endpoint: Endpoint) -> str:
    if not endpoint.scopes:
        return "No key is needed."
    return f"Scope: {' or '.join(f'`{scope}`' for scope in endpoint.scopes)}."


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    told = {
        "name": parameter.name,
        "in": place,
        "required": parameter.required or place == "path",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }
    return told if parameter.example is None else told | {"example": parameter.example}


def _responses(endpoint: Endpoint) -> dict[str, Any]:
    schemas = [{"$ref": _REF.format(model=model.__name__)} for model in endpoint.answers]
    answer = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if not schemas:
        answer = {"type": "object"}
    told = {
        "200": {
            "description": "Done." if endpoint.writes else "The answer.",
            "headers": _ID_HEADER,
            "content": {"application/json": {"schema": answer}},
        }
    }
    kinds: dict[int, list[Kind]] = {}
    for kind in kinds_of(endpoint):
        kinds.setdefault(kind.status, []).append(kind)
    for status, of_status in sorted(kinds.items()):
        told[str(status)] = _problem(of_status)
    told["default"] = _problem(())
    return told


def kinds_of(endpoint: Endpoint) -> tuple[Kind, ...]:
    """Every kind of problem that *endpoint* can answer with."""
    return (
        *OF_ALL,
        *(OF_KEYS if endpoint.scopes else ()),
        *(OF_BODIES if endpoint.body is not None else ()),
        *(OF_FILES if endpoint.receives is not None else ()),
        *(OF_WRITES if endpoint.writes else ()),
        *endpoint.problems,
    )


def _problem(kinds: Sequence[Kind]) -> dict[str, Any]:
    words = " ".join(f"{kind.title}: `{kind.type}`." for kind in kinds) or "Any other problem."
    headers: dict[str, Any] = dict(_ID_HEADER)
    if any(kind.status in _RETRY for kind in kinds):
        headers["Retry-After"] = {"description": "Seconds to wait, where waiting helps.", "schema": {"type": "integer"}}
    return {
        "description": words,
        "headers": headers,
        "content": {PROBLEM_TYPE: {"schema": {"$ref": _REF.format(model=models.ProblemAnswer.__name__)}}},
    }


def _schema_of(model: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The schema of a body, by reference, and the schemas that it refers to."""
    adapter = model if isinstance(model, TypeAdapter) else TypeAdapter(model)
    _, made = TypeAdapter.json_schemas([("body", "validation", adapter)], ref_template=_REF)
    defined = made.get("$defs", {})
    schema = adapter.json_schema(ref_template=_REF)
    schema.pop("$defs", None)
    if isinstance(model, type):
        schema = {"$ref": _REF.format(model=model.__name__)}
    return schema, defined


def _schemas(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    answers: set[type[BaseModel]] = {
        models.ProblemAnswer,
        *(model for endpoint in endpoints for model in endpoint.answers),
    }
    _, made = models_json_schema(
        [(model, "serialization") for model in sorted(answers, key=lambda model: model.__name__)], ref_template=_REF
    )
    found |= made["$defs"]
    for endpoint in endpoints:
        if endpoint.body is not None:
            found |= _schema_of(endpoint.body)[1]
            if isinstance(endpoint.body, type) and issubclass(endpoint.body, BaseModel):
                found[endpoint.body.__name__] = _without_definitions(endpoint.body.model_json_schema(ref_template=_REF))
    return dict(sorted(found.items()))


def _without_definitions(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != "$defs"}
