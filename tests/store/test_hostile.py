"""Hostile values: whatever a verb is given, what comes out of the store is its answer or a `StoreError` in words."""

import collections.abc
import dataclasses
import hashlib
import inspect
import io
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pytest

from store import (
    Account,
    Actor,
    Asked,
    Cause,
    ChangeCursor,
    Crowded,
    Deadlines,
    DestinationKind,
    Errand,
    ExportFilter,
    Function,
    HandoverState,
    Lease,
    NewDestination,
    NewInstallation,
    Origin,
    Post,
    Scope,
    Store,
    StoreError,
    ToldReply,
)
from store.digests import DueDigest
from store.heard import Reply
from tests.store.test_uploads import applying, claimed, counts, lines, received

PHONE = "+12125550100"
ERASED = "+12125550147"
BY = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"), "C1", "campaign-admins", "1.000001", reason="asked")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
# Nobody's compression makes it short: longer than an entry of PostgreSQL's indexes may be.
LONG = "".join(hashlib.sha256(bytes([number])).hexdigest() for number in range(256))
HOSTILE: Mapping[type, tuple[Any, ...]] = {
    int: (2**63, -(2**63) - 1, -1, 2**200),
    str: ("half \ud800 a\0b", LONG, "", "+1 212 555 0100", "\u202e'; DROP TABLE entries; --"),
    float: (float("inf"), float("nan"), -1e308),
    datetime: (
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
        NOW.replace(tzinfo=None),
    ),
    timedelta: (timedelta.max, timedelta.min),
}
# In the place of what is of another kind; Python itself may say so.
OF_ANOTHER_KIND = ("seven", 7, 1.5, b"\xff", object(), [object()])


def hostile_of(hint: Any, usual: Any) -> Iterator[Any]:
    """Values of the type *hint* that are hostile, in one place each; the rest of them is as in *usual*."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        for one in args:
            yield from hostile_of(one, usual)
    elif hint in HOSTILE:
        yield from HOSTILE[hint]
    elif dataclasses.is_dataclass(hint) and type(usual) is hint:
        hints = typing.get_type_hints(hint)
        for field in dataclasses.fields(usual):
            # Of each part the worst: a record may have forty.
            for value in islice(hostile_of(hints[field.name], getattr(usual, field.name)), 2):
                yield dataclasses.replace(usual, **{field.name: value})
    elif origin is tuple and args[-1] is not Ellipsis:
        for place, one in enumerate(args):
            sound = [next(iter(HOSTILE.get(other, (None,)))) for other in args]
            for value in hostile_of(one, None):
                yield (*sound[:place], value, *sound[place + 1 :])
    elif origin in (tuple, frozenset, collections.abc.Sequence, collections.abc.Collection):
        for value in hostile_of(args[0], None):
            yield {tuple: tuple, frozenset: frozenset}.get(origin, list)([value])
        yield {tuple: tuple, frozenset: frozenset}.get(origin, list)([])
    elif origin in (dict, collections.abc.Mapping):
        for value in hostile_of(args[0], None):
            yield {value: next(iter(usual.values()), "x") if usual else "x"}
        for value in hostile_of(args[1] if args[1] is not Any else str, None):
            yield {"x": value}


def kinds(hint: Any) -> set[Any]:
    """The types that *hint* allows."""
    return set(typing.get_args(hint)) if typing.get_origin(hint) in (types.UnionType, typing.Union) else {hint}


class Verbs:
    """The verbs of a store, each with usual values for all that it takes; there is something for each to be done to."""

    def __init__(self, store: Store, account: Account) -> None:
        store.optouts.add(account.id, [PHONE], dataclasses.replace(BY, cause=Cause.LEGAL))
        store.optouts.add(account.id, [ERASED], BY)
        store.erasures.erase(account.id, ERASED, BY)
        store.campaigns.put(account.id, "c", "Campaign", True)
        upload = received(store, account)
        event = store.inbox.keep(account.id, "Ev1", "message", "C1", {"text": "hello"}, owner="me", lease_seconds=60)
        message = store.outbox.keep(account.id, "key", {"version": 1}, owner="me", lease_seconds=60)
        store.handovers.hand_over(account.id, Errand("optout.add", PHONE), BY)
        handover = store.handovers.claim("me", lease_seconds=60)
        assert handover is not None
        store.exports.ask(account.id, BY, ExportFilter())
        export = store.exports.claim("me", lease_seconds=60)
        made = store.keys.make(account.id, "bridge", [Scope.CHECK], None, BY)
        heard = Reply("twilio", "SM1", PHONE, "12345", "wrong number", NOW)
        reply = store.replies.hear(account.id, heard, BY)
        request = store.allow_requests.ask(account.id, PHONE, BY).request
        assert request is not None
        store.hooks.make_twilio(account.id, "main", "AC" + "1" * 32, "t" * 32, BY)
        hook = store.hooks.claim(owner="me", lease_seconds=60)
        assert hook is not None
        wanted = NewDestination(DestinationKind.WEBHOOK, "Bridge", "C1", "https://example.org/hook")
        destination = store.destinations.make(account.id, wanted, BY)
        leased = store.destinations.claim("me", lease_seconds=60)
        assert leased is not None
        new = NewInstallation(
            None if account.slack_id.startswith("E") else account.slack_id,
            "E0ORG",
            "Desk",
            "B1",
            "U1",
            "",
            "U2",
            "sealed",
            NOW,
        )
        store.installations.install(new)
        installed = store.installations.claim_expiring(timedelta(days=1), "me", lease_seconds=60)
        assert installed is not None
        due = DueDigest(account, NOW, Lease("me", 1))
        moment = store.uploads.list_moment(account.id)
        day = timedelta(days=1)
        # By the names that verbs give what they take; and by subject, where one name stands for two things.
        self.usual: dict[str, Any] = {
            "account": account.id, "phones": [PHONE], "phone": PHONE, "by": BY, "actor": BY.actor, "actor_id": "U1",
            "slack_id": "T0NEW", "name": "Desk", "limit": 10, "settings": account.settings, "names": {"U1": "ada"},
            "country": "US", "campaign": "c", "active": True, "contact": "c-1", "talks": [("c-1", PHONE)],
            "upload": upload.id, "moment": moment, "since": moment, "choices": {"sheet": "One"}, "column": "phone",
            "asked": Asked.LOOK_UP, "within": day, "lease": Lease("me", 1), "channel_id": "C1",
            "file_name": "a.csv", "file_id": "F9", "channel_name": None, "thread_ts": None, "permalink": None,
            "owner": "you", "lease_seconds": 0.001, "seconds": 1.0, "deadlines": Deadlines(day, day, day),
            "event": event, "event_id": "Ev2", "kind": "message", "payload": {"text": "hello"}, "reason": "damaged",
            "message": message, "key": "key", "beginning": "k", "post": Post("C1", "1.000001"), "export": export,
            "export_filter": ExportFilter(), "file": "F1", "channel": "D1", "ts": "1.000001", "problem": "none",
            "entry": 1, "out": io.StringIO(), "handover": handover.id, "state": HandoverState.DONE,
            "errand": Errand("optout.delete", PHONE), "after": day, "text": made.text, "scopes": [Scope.CHECK],
            "expires_at": None, "cursor": ChangeCursor(0), "wanted": [1], "due": due, "end": NOW, "at": NOW,
            "request": request.id, "allow": False, "message_ts": "1.000001", "reply": reply.id, "review": reply.id, "opt_out": True, "lines": {PHONE: 1},
            "batch": lines([PHONE]), "unreadable": [], "summary": {}, "counts": counts(phones=1), "reminded": True,
            "progress": len, "provider_account": "AC" + "2" * 32, "auth_token": "t" * 32, "public_key": "A" * 43 + "=", "hook": "none",
            "destination": destination.id, "to": NOW, "crowded": Crowded(frozenset(), frozenset(), frozenset(), 1), "recount": None, "settled": None,
            "of_each": {PHONE: "no"}, "wait": float, "told": [ToldReply(heard, BY)], "source": "twilio",
            "untold": True, "behind": 1, "new": new, "sealed": "sealed", "before": "sealed", "installation": installed,
        }  # fmt: skip
        self.of_subject: dict[str, dict[str, Any]] = {
            "replies.hear": {"reply": heard},
            "installations.use_state": {"state": "made up"},
            "keys.note_use": {"key": made.key},
            "keys.revoke": {"key": made.key.id},
            **{f"hooks.{verb}": {"due": hook} for verb in ("renew", "note_caught_up", "give_back")},
            "destinations.make": {"wanted": wanted},
            "destinations.loaded": {"file": 1},
            **{
                f"destinations.{verb}": {"destination": leased}
                for verb in ("renew", "page", "taken", "failed", "refused", "told", "give_back")
            },
            "uploads.applied_before": {"upload": upload},
            "uploads.undone_by": {"upload": upload},
            "uploads.claim": {"upload": (account.id, upload.id)},
            "sent_files.read": {"upload": upload},
            "allow_requests.expire": {"request": request},
            "digests.get": {"account": account},
            "handovers.postpone": {"handover": handover},
            "handovers.renew": {"handover": handover},
            "handovers.shown": {"handover": handover},
            "handovers.decide": {"by": BY.actor},
            "exports.finish": {"phones": 1},
            "received.undo_batch": {"batch": 2},
            "applying.undo_batch": {"batch": 2},
        }
        self.subjects: dict[str, Any] = {name: verbs for name, verbs in vars(store).items() if name != "database"}
        self.subjects["received"] = claimed(store, upload)
        self.subjects["applying"] = applying(store, store.accounts.get_or_create("T0OTHER"), BY)

    def calls(self, subject: str) -> Iterator[tuple[Callable[..., Any], dict[str, Any], str, Any]]:
        """Each verb of *subject*, with what it usually takes, the name of one parameter, and its type."""
        for name, verb in inspect.getmembers(self.subjects[subject], inspect.ismethod):
            if name.startswith("_"):
                continue
            hints = typing.get_type_hints(verb)
            parameters = inspect.signature(verb).parameters
            own = self.of_subject.get(f"{subject}.{name}", {})
            usual = {
                parameter.name: own.get(parameter.name, self.usual.get(parameter.name))
                for parameter in parameters.values()
                if parameter.default is parameter.empty
            }
            assert set(usual) <= set(self.usual), (
                f"{subject}.{name} takes {set(usual) - set(self.usual)}: give it a usual value"
            )
            for parameter in parameters:
                yield verb, usual, parameter, hints[parameter]


SUBJECTS = [
    *(
        "accounts",
        "optouts",
        "allow_requests",
        "campaigns",
        "replies",
        "uploads",
        "sent_files",
        "installations",
        "inbox",
        "outbox",
        "exports",
        "handovers",
        "history",
        "evidence",
        "erasures",
    ),
    *("keys", "hooks", "changes", "destinations", "digests", "summaries", "received", "applying"),
]


# Of a value that is of another kind.
OF_PYTHON = (TypeError, AttributeError, ValueError)


def ends(verb: Callable[..., Any], arguments: dict[str, Any]) -> Exception | None:
    """The error in which *verb* ends, but for those in words; None when it has an answer, which is read to its end."""
    try:
        answer = verb(**arguments)
        if inspect.isgenerator(answer):
            list(answer)
    except StoreError:
        return None
    except Exception as error:  # noqa: BLE001  whatever it is, it must not leave the store
        return error
    return None


@pytest.mark.wide
@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_error_of_a_driver_leaves_the_store(store: Store, account: Account, subject: str) -> None:
    """
    Every verb, with each value of what it takes, and each part of one, hostile in turn.

    Numbers of more than 64 bits, texts that no index holds, NUL, half a surrogate pair, the first and last moment there are
    in any time zone, infinity, and what is of another kind altogether, of which Python itself may speak first.
    """
    verbs = Verbs(store, account)
    assert list(verbs.subjects) == SUBJECTS
    left: list[str] = []
    for verb, usual, parameter, hint in verbs.calls(subject):
        usually = usual.get(parameter, verbs.usual.get(parameter))
        cases = [(value, False) for value in hostile_of(hint, usually)]
        cases += [(value, True) for value in OF_ANOTHER_KIND if kinds(hint) & set(HOSTILE)]
        for value, other_kind in cases:
            error = ends(verb, usual | {parameter: value})
            if error is not None and not (other_kind and isinstance(error, OF_PYTHON)):
                left.append(f"{verb.__name__}({parameter}={value!a:.150}): {type(error).__name__}: {error!s:.100}")
    assert not left, "\n".join(left)
    # And it is none the worse for it.
    assert store.optouts.find(account.id, PHONE).opt_outs
