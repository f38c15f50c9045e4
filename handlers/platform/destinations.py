"""Destinations: where opt-outs are passed on to, as admins make and see them in Slack, for a program that sets an account up."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from handlers.platform import models
from handlers.platform.endpoints import Call, Endpoint, Parameter, read
from handlers.platform.problems import NO_DESTINATION, NOT_MADE, Fault, Problem
from store import (
    Destination,
    DestinationKind,
    Function,
    KeyReused,
    KeyState,
    NewDestination,
    Origin,
    Scope,
    Store,
    StoreError,
    StoreRefused,
    StoreUnavailable,
    WrongState,
)

_MAKE: Final[TypeAdapter[Any]] = TypeAdapter(models.MakeDestinationRequest)
_DESTINATION: Final = Parameter(
    "destination",
    {"type": "string", "pattern": "^[a-z]{10}$"},
    "The id that `POST /destinations` answered.",
    "abcdefghij",
)
# By the kind: the field of its request that is a field of `NewDestination`, where they differ.
_CALLED: Final[dict[str, dict[str, str]]] = {
    DestinationKind.WEBHOOK: {"key": "key_name"},
    DestinationKind.TWILIO: {"sender": "address", "sid": "login"},
    DestinationKind.VAN: {"application": "login", "api_key": "secret"},
    DestinationKind.FILE: {"layout": "address"},
}


@dataclass(frozen=True, slots=True)
class DestinationDesk:
    """
    The rest of the desk, as far as destinations need it.

    *fault_of*: the field of a destination to be made that cannot be, and why, None for none. *why_unusable*: why a channel of
    an account, by both ids, cannot be told of it, None where it can or Slack is away.
    """

    fault_of: Callable[[NewDestination], tuple[str, str] | None]
    why_unusable: Callable[[int, str], Awaitable[str | None]]


class DestinationEndpoints:
    """The endpoints about destinations."""

    def __init__(self, store: Store, desk: DestinationDesk) -> None:
        self._store = store
        self._desk = desk

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint(
                "GET",
                "/destinations",
                "getDestinations",
                "Where opt-outs are passed on to",
                "Each, with how far it has come and what does not go; without its secret.",
                (Scope.DESTINATIONS,),
                (models.DestinationsAnswer,),
                self._list,
            ),
            Endpoint(
                "POST",
                "/destinations",
                "makeDestination",
                "Make a destination",
                "A signed webhook, a sender at Twilio, My Campaign in NGP VAN, or a file that a person in Slack loads. The whole "
                "list passes to it first, then each change. The secret of a webhook is in this answer, and nowhere else.",
                (Scope.DESTINATIONS,),
                (models.MadeDestinationAnswer,),
                self._make,
                waits=self._look_at_channel,
                body=_MAKE,
                writes=True,
                problems=(NOT_MADE,),
            ),
            Endpoint(
                "GET",
                "/destinations/{destination}",
                "getDestination",
                "How it is with one destination",
                "How far it has come and what does not go; without its secret.",
                (Scope.DESTINATIONS,),
                (models.ShownDestination,),
                self._get,
                parameters=(_DESTINATION,),
                problems=(NO_DESTINATION,),
            ),
            Endpoint(
                "PATCH",
                "/destinations/{destination}",
                "changeDestination",
                "Pause a destination, or have it go on",
                "`paused`: nothing is passed on to it until it goes on, from where it was. `on`: it goes on at once, also where "
                "it waits for its next try or had stopped. The same again changes nothing.",
                (Scope.DESTINATIONS,),
                (models.ShownDestination,),
                self._change,
                parameters=(_DESTINATION,),
                body=models.ChangeDestinationRequest,
                problems=(NO_DESTINATION,),
            ),
            Endpoint(
                "DELETE",
                "/destinations/{destination}",
                "removeDestination",
                "Remove a destination",
                "It is forgotten with its secret, and nothing is passed on to it any more; what it has stays there. Again it is "
                "not found.",
                (Scope.DESTINATIONS,),
                (models.RemovedAnswer,),
                self._remove,
                parameters=(_DESTINATION,),
                problems=(NO_DESTINATION,),
            ),
        )

    def _list(self, call: Call) -> bytes:
        present = self._store.destinations.list_of(call.account)
        answer = models.DestinationsAnswer(destinations=[models.ShownDestination(**_told(one)) for one in present])
        return answer.model_dump_json().encode()

    async def _look_at_channel(self, call: Call) -> None:
        """Raise `Problem` where the channel of the destination to be made cannot be told anything."""
        asked = read(_MAKE, call.raw)
        if (why := await self._desk.why_unusable(call.account, asked.channel)) is not None:
            raise _not_made("channel", why)

    def _make(self, call: Call) -> bytes:
        wanted = _wanted(read(_MAKE, call.raw))
        called = {attribute: name for name, attribute in _CALLED[wanted.kind].items()}
        if (fault := self._desk.fault_of(wanted)) is not None:
            raise _not_made(called.get(fault[0], fault[0]), fault[1])
        if wanted.key_name is not None:
            keys = self._store.keys.list_of(call.account)
            if not any(key.name == wanted.key_name and key.state is KeyState.LIVE for key in keys):
                raise _not_made("key", "There is no live key of that name.")
        try:
            made = self._store.destinations.make(
                call.account, wanted, _by(call), idempotency_key=call.idempotency_key, asked=call.asked
            )
        except (StoreUnavailable, StoreRefused, KeyReused):
            raise
        except StoreError as error:
            # All else was looked at: what is left is that it is taken, or cannot be seen, or that there are too many.
            raise _not_made("name", str(error)) from None
        secret = made.secret if made.kind is DestinationKind.WEBHOOK else None
        return models.MadeDestinationAnswer(**_told(made), secret=secret).model_dump_json().encode()

    def _get(self, call: Call) -> bytes:
        return _answered(self._store.destinations.get, call)

    def _change(self, call: Call) -> bytes:
        asked: models.ChangeDestinationRequest = read(models.ChangeDestinationRequest, call.raw)
        verbs = self._store.destinations
        verb = verbs.pause if asked.state == "paused" else verbs.retry
        return _answered(verb, call, _by(call))

    def _remove(self, call: Call) -> bytes:
        _answered(self._store.destinations.remove, call, _by(call))
        return models.RemovedAnswer(removed=call.path[_DESTINATION.name]).model_dump_json().encode()


def _answered(verb: Callable[..., Destination], call: Call, *by: Origin) -> bytes:
    """What *verb* gives of the destination in the path; raises `Problem` where the account has none of that id."""
    try:
        one = verb(call.account, call.path[_DESTINATION.name], *by)
    except WrongState:
        raise Problem(NO_DESTINATION, f"There is no destination {call.path[_DESTINATION.name]} here.") from None
    return models.ShownDestination(**_told(one)).model_dump_json().encode()


def _by(call: Call) -> Origin:
    return Origin(Function.SETTING, call.actor(None))


def _wanted(asked: Any) -> NewDestination:
    """The destination that is *asked* for, by one of the requests of `MakeDestinationRequest`."""
    called = _CALLED[asked.kind]
    given = {called.get(name, name): value for name, value in asked.model_dump().items()}
    return NewDestination(**({"address": ""} | given | {"kind": DestinationKind(asked.kind)}))


def _not_made(field: str, why: str) -> Problem:
    fault = Fault(f"#/{field}", why)
    return Problem(NOT_MADE, f"{fault.at}: {fault.detail}", faults=[fault])


def _told(one: Destination) -> dict[str, Any]:
    """What goes over the wire of *one*; never its secret."""
    return {
        "id": one.id,
        "kind": one.kind,
        "name": one.name,
        "address": one.address,
        "key": one.key_name,
        "channel": one.channel,
        "state": one.state,
        "waiting": one.waiting,
        "oldest": one.oldest,
        "taken_at": one.taken_at,
        "failing_since": one.failing_since,
        "problem": one.problem,
        "not_taken": [models.NotTakenAnswer(**asdict(some)) for some in one.not_taken],
    }
