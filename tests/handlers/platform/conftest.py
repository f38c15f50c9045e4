"""The API as the desk serves it, over real connections, on both databases."""

import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from bot.http import listening, routed
from handlers.platform.api import PREFIX, Api
from handlers.platform.destinations import DestinationDesk
from handlers.platform.routes import platform_api
from handlers.platform.uploads import ListDesk
from store import Account, Function, NewDestination, Origin, Scope, Store
from store.keys import MadeKey
from tests.conftest import ADMIN

LARGEST_LIST = 3_000_000


async def channel_of(_account: Account) -> tuple[str, str | None]:
    return "C0LISTS", "lists"


# Nobody works on lists here: that is tests/handlers/test_sent_lists.py.
LISTS = ListDesk(channel_of, LARGEST_LIST, lambda: None)


def fault_of(wanted: NewDestination) -> tuple[str, str] | None:
    """As the desk's own looks at each part: here at addresses without TLS, and what is called wrong."""
    if wanted.address.startswith("http:"):
        return "address", "Give an address that begins with https://."
    parts = {"address": wanted.address, "login": wanted.login, "secret": wanted.secret}
    return next(((name, "It is wrong.") for name, value in parts.items() if value == "wrong"), None)


async def why_unusable(_account: int, channel: str) -> str | None:
    return "I cannot see that channel: invite me there, or choose another." if channel == "C0UNSEEN" else None


# Nor does anybody pass anything on: that is tests/handlers/test_destinations.py.
PASSING_ON = DestinationDesk(fault_of, why_unusable)
BY_ADMIN = Origin(Function.COMMAND, ADMIN)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: status, headers, and the body as it came and as JSON."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def kind(self) -> str:
        """The kind of problem, of which its address is the rest."""
        assert self.headers["Content-Type"] == "application/problem+json"
        assert self.json["status"] == self.status
        assert self.json["request_id"] == self.headers["X-Request-Id"]
        return str(self.json["type"]).rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class Platform:
    """A program of the platform's, with a key that may do everything, and the account whose list it asks about."""

    store: Store
    account: Account
    api: Api
    url: str
    key: MadeKey
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        """Send a request: *body* as JSON, bytes as they are; *key* in place of its own, empty for none."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key != "":
            sent.setdefault("Authorization", f"Bearer {key or self.key.text}")
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        data = None if body is None else io.BytesIO(raw)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        async with self.session.request(
            method, f"{self.url}{PREFIX}{path}", data=data, headers=sent, skip_auto_headers=("Content-Type", "Accept")
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    def make_key(self, *scopes: Scope, name: str = "other", account: Account | None = None) -> MadeKey:
        """Another key, with *scopes*, all where none is named."""
        return self.store.keys.make((account or self.account).id, name, scopes or tuple(Scope), None, BY_ADMIN)


@pytest.fixture
async def platform(store: Store) -> AsyncIterator[Platform]:
    account = store.accounts.get_or_create("T0HARBOR", "Harbor Campaign", country="US")
    api = platform_api(store, LISTS, PASSING_ON)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(listening(routed(api.route()), "127.0.0.1", 0))
        stack.push_async_callback(api.drain)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        key = store.keys.make(account.id, "bridge", tuple(Scope), None, BY_ADMIN)
        yield Platform(store, account, api, url, key, session)
