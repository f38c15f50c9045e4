"""The document is made from what is served, and holds all of it."""

import json
import re
from typing import Any

import pytest

from handlers.platform import models, problems
from handlers.platform.api import PREFIX
from handlers.platform.routes import platform_api
from store import Store
from tests.handlers.platform.conftest import LISTS, PASSING_ON, Platform

pytestmark = pytest.mark.wide_but_first


def references(value: Any) -> set[str]:
    """Every schema that something in *value* refers to."""
    if isinstance(value, dict):
        own = {value["$ref"].rpartition("/")[2]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


async def test_the_document_needs_no_key(platform: Platform) -> None:
    """Whoever looks what there is may; it says where it is served."""
    answer = await platform.ask("GET", "/openapi.json", key="")
    assert (answer.status, answer.json["openapi"]) == (200, "3.1.0")
    assert answer.json["servers"] == [{"url": PREFIX}]


async def test_the_document_is_what_is_served(platform: Platform) -> None:
    """Each path and method of it answers, and no other is served; each model and each kind of problem is in it."""
    told = (await platform.ask("GET", "/openapi.json")).json
    served = {(endpoint.path, endpoint.method.lower()) for endpoint in platform.api.endpoints}
    assert {(path, method) for path, methods in told["paths"].items() for method in methods} == served
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            answer = await platform.ask(method.upper(), re.sub(r"\{.*?\}", "x", path), key="")
            assert answer.status == (200 if operation.get("security") == [] else 401), path
    assert references(told) == set(told["components"]["schemas"])
    described = json.dumps(told)
    general = {problems.NOT_FOUND, problems.BAD_METHOD}
    assert [kind.name for kind in problems.KINDS if kind not in general and kind.type not in described] == []


async def test_every_answer_is_described(platform: Platform) -> None:
    """Fields and what they mean: a model of an answer is shown whole, with what it requires."""
    told = (await platform.ask("GET", "/openapi.json")).json["components"]["schemas"]
    assert set(told["PhoneAnswer"]["required"]) == set(models.PhoneAnswer.model_fields)
    assert told["OptOutRequest"]["additionalProperties"] is False
    assert all(schema["description"] for schema in told.values())


def test_an_address_behind_a_proxy_is_told(store: Store) -> None:
    """`OPTOUT_PUBLIC_URL` is where its reader finds the API."""
    api = platform_api(store, LISTS, PASSING_ON, "https://desk.example.org/optout")
    [own] = [endpoint for endpoint in api.endpoints if endpoint.path == "/openapi.json"]
    told = json.loads(own.work(None))  # type: ignore[arg-type]  # it looks at no call
    assert told["servers"] == [{"url": "https://desk.example.org/optout/v1"}]
