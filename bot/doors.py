"""
Doors where a desk has several databases: which of them has the key of a program, or the hook of a provider.

Each branch has its own API and its own hooks, with their bounds and threads, which let in or refuse. A door only finds the
branch: it asks each database once, and remembers which said yes.
"""

import asyncio
import uuid
from collections.abc import Callable, Sequence
from typing import Final

from aiohttp import web

from bot.branches import Branch
from handlers.platform.auth import key_text
from handlers.platform.problems import UNAVAILABLE, Problem
from handlers.ttl_cache import TtlCache
from store import Store, StoreError, id_of_key

# Seconds for which it is known which branch has a key or a hook: whatever becomes of either, it is that branch that says so.
REMEMBERED_SECONDS: Final = 3600.0
_MOST_KNOWN: Final = 10_000
# Ids that are looked for at once: anybody can make them up.
MOST_LOOKED_FOR: Final = 64
_SOON: Final = {"Retry-After": "1"}


class Door:
    """
    The way to the branch that has what a request names.

    *routed*: the route of a branch, None where it serves none at the moment. *named*: the id in a request, None for none. *is_here*:
    whether a store has that id; it blocks. What no database has the first branch refuses.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        routed: Callable[[Branch], web.RouteDef | None],
        named: Callable[[web.Request], str | None],
        is_here: Callable[[Store, str], bool],
    ) -> None:
        self._branches = branches
        self._routed = routed
        self._named = named
        self._is_here = is_here
        self._known: TtlCache[Branch] = TtlCache(REMEMBERED_SECONDS, most=_MOST_KNOWN)
        self._looking = 0

    def route(self) -> web.RouteDef:
        """As a branch's own."""
        own = self._routed(self._branches[0])
        assert own is not None  # noqa: S101  the first is there, or nothing is served
        return web.RouteDef(own.method, own.path, self.answer, own.kwargs)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The response of the branch that has what *request* names. Never raises for what was asked."""
        try:
            branch = await self._branch_of(request)
            route = self._routed(branch)
            if route is None:
                raise branch.away
        except StoreError as error:
            return _refusal(Problem(UNAVAILABLE, str(error), headers={"Retry-After": "5"}))
        except Problem as problem:
            return _refusal(problem)
        with branch.at_work():
            return await route.handler(request)

    async def _branch_of(self, request: web.Request) -> Branch:
        named = self._named(request)
        if named is None:
            return self._branches[0]
        if (known := self._known.get(named)) is not None:
            return known
        if self._looking >= MOST_LOOKED_FOR:
            raise _busy()
        self._looking += 1
        try:
            found = await self._found(named)
        finally:
            self._looking -= 1
        if found is None:
            return self._branches[0]
        self._known.put(named, found)
        return found

    async def _found(self, named: str) -> Branch | None:
        """The branch that has *named*, as soon as it says so. Raises `StoreError` where none does, and one does not answer."""
        away: StoreError | None = None
        asked = [asyncio.create_task(self._ask(branch, named)) for branch in self._branches]
        try:
            for answer in asyncio.as_completed(asked):
                match await answer:
                    case Branch() as found:
                        return found
                    case StoreError() as error:
                        away = error
        finally:
            for task in asked:
                task.cancel()
        if away is not None:
            raise away
        return None

    async def _ask(self, branch: Branch, named: str) -> Branch | StoreError | None:
        if branch.desk is None:
            return branch.away
        with branch.at_work():
            try:
                return branch if await asyncio.to_thread(self._is_here, branch.store, named) else None
            except StoreError as error:
                return error


def api_door(branches: Sequence[Branch]) -> Door:
    """The door of the API, by a request's key."""
    return Door(
        branches,
        lambda one: None if one.api is None else one.api.route(),
        _key_of,
        lambda store, key: store.keys.is_here(key),
    )


def hooks_door(branches: Sequence[Branch]) -> Door:
    """The door of the hooks, by their ids."""

    def is_here(store: Store, hook: str) -> bool:
        return store.hooks.find(hook) is not None

    return Door(
        branches,
        lambda one: None if one.hooks is None else one.hooks.route(),
        lambda request: request.match_info["hook"],
        is_here,
    )


def _key_of(request: web.Request) -> str | None:
    """The id of the key in *request*; None for what the API of any branch refuses, or asks for none for."""
    try:
        return id_of_key(key_text(request))
    except Problem:
        return None


def _busy() -> Problem:
    return Problem(UNAVAILABLE, "There is too much to do at the moment.", headers=_SOON)


def _refusal(problem: Problem) -> web.Response:
    response = problem.response(str(uuid.uuid4()))
    response.headers["Cache-Control"] = "no-store"
    # The rest of a body is not read.
    response.force_close()
    return response
