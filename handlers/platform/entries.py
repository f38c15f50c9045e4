"""What is done to the list: opting out, by whoever heard it, and allowing texts again where the opt-out was a mistake."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter

from handlers.platform import models
from handlers.platform.auth import require_scope
from handlers.platform.endpoints import Call, Endpoint, Parameter, read
from handlers.platform.phones import PHONE, origin_of
from handlers.platform.problems import AHEAD_OF_TIME, CONTACT_ASKED, Fault, Problem
from store import AllowRule, Function, HistoryItem, Origin, PlainWriter, Scope, Store, entry_note

_ENTER: Final[TypeAdapter[Any]] = TypeAdapter(models.EnterRequest)
# By which clocks, and how people write a day, may differ.
_AHEAD: Final = timedelta(days=1)
_BEFORE: Final = Parameter(
    "before",
    {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
    "The `next` of the page before. Without it the newest entries come first.",
)
_LIMIT: Final = Parameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}, "Entries at the most."
)


class Entries:
    """The endpoints that change what stands, and the history of what did."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint(
                "POST",
                "/entries",
                "enter",
                "Opt phones out, or allow texts to one again",
                "Opts up to 1,000 phones out, all or none, with the functions `keyword`, `texter` and `api` (scope `opt-out`): "
                "whoever is opted out already gets one more reason. With `delete` (scope `opt-in`) texts to exactly one phone "
                "are allowed again, and its conversations in active campaigns re-open; that is refused while a reason stands "
                "by which the contact asked, which only a person in Slack can take back.",
                (Scope.OPT_OUT, Scope.OPT_IN),
                (models.OptedOutAnswer, models.AllowedAnswer),
                self._enter,
                body=_ENTER,
                writes=True,
                problems=(CONTACT_ASKED, AHEAD_OF_TIME),
            ),
            Endpoint(
                "GET",
                "/entries",
                "getEntries",
                "The history: what was done, by whom, when and why",
                "Whatever was done to the list, in Slack, by a list or by this API, and its settings, remarks and exports: newest "
                "first, page by page. With `phone` only what touched that one.",
                (Scope.REPORT,),
                (models.HistoryPageAnswer,),
                self._history,
                query=(PHONE, _BEFORE, _LIMIT),
            ),
            Endpoint(
                "GET",
                "/phones/{phone}/evidence",
                "getEvidence",
                "The evidence of one phone: each entry that touched it",
                "When it was requested, heard and in effect, the exact words, who decided, the file with its SHA-256 and line, and what "
                "each destination to which opt-outs are passed on made of it: what "
                "`/optout evidence` gives admins in Slack. The newest 1,000 entries, oldest first; a phone that was never heard of "
                "has none.",
                (Scope.REPORT,),
                (models.EvidenceAnswer,),
                self._evidence,
                parameters=(PHONE,),
            ),
        )

    def _evidence(self, call: Call) -> bytes:
        evidence = asdict(self._store.evidence.get(call.account, call.path[PHONE.name]))
        # Its tuples are lists there, which a strict model does not take.
        return models.EvidenceAnswer.model_validate(evidence, strict=False).model_dump_json().encode()

    def _history(self, call: Call) -> bytes:
        page = self._store.history.list(
            call.account,
            phone=call.query.get(PHONE.name),
            before=call.query.get(_BEFORE.name),
            limit=call.query.get(_LIMIT.name, _LIMIT.schema["default"]),
        )
        answer = models.HistoryPageAnswer(
            entries=[_told(item) for item in page.items], next=page.items[-1].entry.id if page.older else None
        )
        return answer.model_dump_json().encode()

    def _enter(self, call: Call) -> bytes:
        asked: models.OptOutRequest | models.DeleteRequest = read(_ENTER, call.raw)
        if isinstance(asked, models.DeleteRequest):
            require_scope(call.owner, Scope.OPT_IN)
            return self._allow(call, asked)
        require_scope(call.owner, Scope.OPT_OUT)
        return self._opt_out(call, asked)

    def _opt_out(self, call: Call, asked: models.OptOutRequest) -> bytes:
        if asked.requested_at is not None and asked.requested_at > datetime.now(UTC) + _AHEAD:
            fault = Fault("#/requested_at", f"It is {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} by the desk's clock.")
            raise Problem(AHEAD_OF_TIME, f"{fault.at}: {fault.detail}", faults=[fault])
        by = Origin(
            Function(asked.function),
            call.actor(asked.by),
            reason=asked.reason,
            requested_at=asked.requested_at,
            cause=asked.cause,
        )
        added = self._store.optouts.add(
            call.account, asked.phones, by, idempotency_key=call.idempotency_key, asked=call.asked
        )
        answer = models.OptedOutAnswer(
            entry=added[0].entry.id,
            phones=[
                models.EnteredAnswer(
                    phone=one.phone, newly=one.newly, since=one.entry.at if one.before is None else one.before.entry.at
                )
                for one in added
            ],
        )
        return answer.model_dump_json().encode()

    def _allow(self, call: Call, asked: models.DeleteRequest) -> bytes:
        by = Origin(Function.DELETE, call.actor(asked.by), reason=asked.reason)
        deleted = self._store.optouts.delete(
            call.account,
            asked.phones[0],
            by,
            most=AllowRule.CONFIRM,
            idempotency_key=call.idempotency_key,
            asked=call.asked,
        )
        if deleted.missing is not None:
            raise Problem(
                CONTACT_ASKED,
                f"{asked.phones[0]} is opted out at the contact's own request. Only a person in Slack can allow texts to it "
                "again, with /optout delete; nothing was changed.",
                faults=[Fault("#/phones/0", "The contact asked not to be texted.")],
            )
        answer = models.AllowedAnswer(
            entry=deleted.entry,
            phone=deleted.phone,
            reopened=[models.ReopenedAnswer(campaign=one.campaign_id, contact=one.contact) for one in deleted.reopened],
        )
        return answer.model_dump_json().encode()


def _told(item: HistoryItem) -> models.HistoryAnswer:
    """What goes over the wire of *item*."""
    entry = item.entry
    return models.HistoryAnswer(
        **dict(origin_of(entry)),
        note=entry_note(entry, PlainWriter()),
        phones=list(item.phones),
        phone_count=item.phone_count,
        uploaded=None
        if entry.upload_id is None
        else models.UploadedAnswer(upload=entry.upload_id, file=entry.file_name),
    )
