"""Answers: what each destination made of the state of one phone. Private to the store."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from store.changes import ChangeCursor
from store.destinations import OPT_OUTS_ALONE, DestinationState
from store.keys import is_by_key
from store.models import destination_failures, destinations, removed_destinations
from store.takings import Delay, StateChange, delay_of, is_past, page_of, state_change

_IN_WORDS: Final = {DestinationState.PAUSED: "it is paused"}


class AnswerKind(StrEnum):
    """What a destination made of a phone's state. *not told*: it is told of opt-outs alone, and the phone is not opted out."""

    TOOK = "took it"
    REPORTED = "reported it itself"
    WAITS = "waits"
    DID_NOT_TAKE = "did not take it"
    NOT_TOLD = "not told"


@dataclass(frozen=True, slots=True)
class DestinationAnswer:
    """
    What the *destination*, by its name, of that *kind*, made of a phone's state as it is now.

    *at*: when it took or reported it, None where that is not kept. *since* and *why*: of one that waits or was not taken,
    the latter None where nothing is wrong. *removed_at*: when it was removed, which tells how it was with it then.
    """

    destination: str
    kind: str
    answer: AnswerKind
    at: datetime | None = None
    since: datetime | None = None
    why: str | None = None
    removed_at: datetime | None = None


def answers_of(connection: sa.Connection, account: int, phone: str) -> tuple[DestinationAnswer, ...]:
    """The answer of each destination of *account* by name, those that were removed last; none of a phone that never was on the list."""
    change = state_change(connection, account, phone)
    if change is None:
        return ()
    present = sa.select(destinations).where(destinations.c.account_id == account)
    removed = sa.select(removed_destinations).where(removed_destinations.c.account_id == account)
    rows = [
        *connection.execute(present.order_by(destinations.c.name, destinations.c.id)).mappings(),
        *connection.execute(removed.order_by(removed_destinations.c.removed_at)).mappings(),
    ]
    return tuple(_answer(connection, account, row, change) for row in rows)


def _answer(connection: sa.Connection, account: int, row: sa.RowMapping, change: StateChange) -> DestinationAnswer:
    is_there = "removed_at" not in row
    removed_at = None if is_there else row["removed_at"]

    def says(
        answer: AnswerKind, at: datetime | None = None, since: datetime | None = None, why: str | None = None
    ) -> DestinationAnswer:
        return DestinationAnswer(row["name"], row["kind"], answer, at, since, why, removed_at)

    if not change.opted_out and row["kind"] in OPT_OUTS_ALONE:
        return says(AnswerKind.NOT_TOLD)
    if row["key_name"] is not None and is_by_key(change.by, row["key_name"]):
        return says(AnswerKind.REPORTED, change.at)
    if is_there and (failed := _failure(connection, account, row["id"], change.phone)) is not None:
        return says(AnswerKind.DID_NOT_TAKE, since=failed.failed_at, why=failed.problem)
    page = page_of(connection, account, row["id"], change)
    cursor = None if not is_there or row["cursor"] is None else ChangeCursor.parse(row["cursor"])
    if page is None and not is_past(cursor, change):
        why = row["problem"] or _IN_WORDS.get(row["state"]) if is_there else None
        return says(AnswerKind.WAITS if is_there else AnswerKind.DID_NOT_TAKE, since=change.at, why=why)
    if page is None or page.at is None:
        return says(AnswerKind.TOOK)
    delay = delay_of(connection, account, row["id"], change.phone, page.at)
    if delay is not None and delay.taken_at is None:
        return says(AnswerKind.DID_NOT_TAKE, since=delay.failed_at, why=delay.problem)
    at = page.at if delay is None else delay.taken_at
    # Before it was so: a desk of an older release passed it on, or did it, and said nothing of it here.
    return says(AnswerKind.TOOK, None if at is None or at < change.at else at)


def _failure(connection: sa.Connection, account: int, destination: str, phone: str) -> Delay | None:
    """Since when, and why, *destination* does not take *phone*."""
    mine = destination_failures.c.account_id == account, destination_failures.c.destination_id == destination
    query = sa.select(destination_failures.c.at, destination_failures.c.problem)
    row = connection.execute(query.where(*mine, destination_failures.c.phone == phone)).one_or_none()
    return None if row is None else Delay(row.at, row.problem, None)
