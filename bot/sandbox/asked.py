"""Parsing of control requests: their JSON body and query, with refusals that a person understands."""

import json
from typing import Any

from aiohttp import web

from bot.sandbox.errors import BadRequestError

JsonObject = dict[str, Any]


class Body:
    """A control request's JSON object; every accessor refuses what does not fit with a sentence."""

    def __init__(self, values: JsonObject) -> None:
        self.values = values

    @classmethod
    async def of(cls, request: web.Request) -> "Body":
        try:
            values = json.loads(await request.text())
        except ValueError:
            raise BadRequestError("The body must be a JSON object.") from None
        if not isinstance(values, dict):
            raise BadRequestError("The body must be a JSON object.")
        return cls(values)

    def text(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            raise BadRequestError(f"{name!r} is missing.")
        return value

    def optional(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise BadRequestError(f"{name!r} must be text.")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise BadRequestError(f"{name!r} must be true or false.")
        return value

    def texts(self, name: str) -> list[str] | None:
        """A list of texts; None when absent."""
        value = self.values.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise BadRequestError(f"{name!r} must be a list of texts.")
        return value

    def objects(self, name: str) -> list[dict[str, Any]]:
        """A list of objects; empty when absent."""
        value = self.values.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise BadRequestError(f"{name!r} must be a list of objects.")
        return value

    def shortcuts(self) -> list[dict[str, str]] | None:
        """The shortcuts of a manifest: `callback_id`, `name`, `type`; None when absent."""
        value = self.values.get("shortcuts")
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(item, dict) and "callback_id" in item for item in value):
            raise BadRequestError("'shortcuts' must be a list of objects with callback_id, name and type.")
        return value

    def without(self, *names: str) -> JsonObject:
        return {name: value for name, value in self.values.items() if name not in names}


def queried_number(request: web.Request, name: str, default: float) -> float:
    """A number of the query."""
    try:
        return float(request.query.get(name, default))
    except ValueError:
        raise BadRequestError(f"{name!r} must be a number.") from None
