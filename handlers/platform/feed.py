"""What changed, for whoever keeps a copy of the list: a page at a time, at once or when there is something to tell."""

from typing import Final

from handlers.platform import models
from handlers.platform.endpoints import Call, Endpoint, Parameter
from handlers.platform.following import Following
from handlers.platform.problems import START_ANEW, Fault, Problem
from store import ChangeCursor, ChangesPage, ChangesPruned, Scope, Store

MOST_PHONES: Final = 10_000
# Shorter than proxies are patient.
LONGEST_WAIT: Final = 25
_AFTER: Final = Parameter(
    "after",
    {"type": "string", "pattern": r"^w?(0|[1-9][0-9]{0,17})(\.[1-9][0-9]{6,14})?$"},
    "The cursor of the page before. Without it the whole list comes first, page by page, then what changed since.",
)
_LIMIT: Final = Parameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": MOST_PHONES, "default": MOST_PHONES}, "Phones at the most."
)
_WAIT: Final = Parameter(
    "wait",
    {"type": "integer", "minimum": 0, "maximum": LONGEST_WAIT, "default": 0},
    "Seconds to wait where nothing changed yet; the answer comes as soon as something does.",
)
_BEFORE_PHONE: Final = '{"phone":"'


class Feed:
    """The endpoints that are followed."""

    def __init__(self, store: Store, following: Following) -> None:
        self._store = store
        self._following = following

    def endpoints(self) -> tuple[Endpoint, ...]:
        return (
            Endpoint(
                "GET",
                "/changes",
                "getChanges",
                "What changed since",
                "The phones that changed after the cursor, each with its state now, so that reading a page twice, or late, "
                "does no harm. Write the phones over your copy, keep the cursor with it, and ask again with `after`. "
                "`start-anew` means that the feed does not go back that far: ask without `after`, and what you read then "
                "puts the copy that you have right.",
                (Scope.CHANGES,),
                (models.ChangesAnswer,),
                self._changes,
                query=(_AFTER, _LIMIT, _WAIT),
                waits=self._wait,
                problems=(START_ANEW,),
            ),
        )

    async def _wait(self, call: Call) -> None:
        """Wait for news, where the cursor is at the end of what there is."""
        after, seconds = call.query.get("after"), call.query.get("wait", 0)
        if after is not None and seconds:
            cursor = ChangeCursor.parse(after)
            if not cursor.whole and not cursor.phone:
                await self._following.newer(call.account, cursor.seq, seconds)

    def _changes(self, call: Call) -> bytes:
        after = call.query.get("after")
        try:
            page: ChangesPage = self._store.changes.after(
                call.account,
                None if after is None else ChangeCursor.parse(after),
                limit=call.query.get("limit", MOST_PHONES),
                # Keys of one name are one program's, which goes on with the next when one expires.
                reader=call.owner.name,
            )
        except ChangesPruned as error:
            raise Problem(START_ANEW, str(error), faults=[Fault("after", "Leave it out.")]) from None
        answer = models.ChangesAnswer.model_construct(
            as_of=page.as_of, phones=[], cursor=str(page.cursor), more=page.more
        )
        return answer.model_dump_json().replace('"phones":[]', f'"phones":[{_phones(page)}]', 1).encode()


def _phones(page: ChangesPage) -> str:
    """
    The phones of *page* in JSON, as their models write them.

    Of ten thousand most have their moment from the same few entries: each is written by its model once, and phones, which are
    digits and a plus, are put before it.
    """
    rests = {}
    for opted_out, since in {(one.opted_out, one.since) for one in page.phones}:
        told = models.ChangedAnswer.model_construct(phone="", opted_out=opted_out, since=since)
        rests[since] = told.model_dump_json().removeprefix(_BEFORE_PHONE)
    return ",".join([f"{_BEFORE_PHONE}{one.phone}{rests[one.since]}" for one in page.phones])
