"""
Handovers: requests of people who may not do what they ask, handed over to those who may.

What is asked is an errand: the name of a button and the value that it carries, as if whoever decides had been shown that
button. It is decided once, whoever of them comes first, and those it concerns are told by whoever holds the row's lease.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from store import leases
from store.database import Database
from store.dialects import from_now
from store.errors import WrongState
from store.idempotency import is_repeated, result_of, set_result
from store.leases import Lease
from store.models import entries, handovers
from store.records import Actor, Origin
from store.rows import now

# Of one person, in `WITHIN`: nobody floods the admins.
MOST: Final = 5
WITHIN: Final = timedelta(hours=1)
_MANY: Final = f"You handed over {MOST} requests within the hour, so this one was not sent. Write to an admin yourself, or ask again later."
# Of all workflows of an account together, likewise; a system has no way to write to an admin.
MOST_OF_SYSTEM: Final = 60
_MANY_OF_SYSTEM: Final = f"Workflows asked the admins {MOST_OF_SYSTEM} times within the hour, so this was not asked and nothing was changed. Run it again later, or send `/optout add` with the number."
# In one look at what is open.
_MOST_OPEN: Final = 200


class HandoverState(StrEnum):
    """The state of a handover; "unheard": nobody who decides could be told of it."""

    OPEN = "open"
    DONE = "done"
    DECLINED = "declined"
    EXPIRED = "expired"
    UNHEARD = "unheard"


@dataclass(frozen=True, slots=True)
class Errand:
    """What a handover asks to be done: what the button called *name* does, when it carries *value*."""

    name: str
    value: str

    @property
    def phone(self) -> str | None:
        """The phone whose texts it asks to allow again; None for any other, and for one that holds none."""
        phone = self._packed("optout.delete", "phone")
        return phone if isinstance(phone, str) else None

    @property
    def upload(self) -> int | None:
        """The id of the upload that it is about; None for any other."""
        upload = self._packed("upload.", "upload")
        return int(upload) if isinstance(upload, int | str) and str(upload).isdecimal() else None

    def _packed(self, beginning: str, part: str) -> Any:
        """The *part* of the value, as buttons whose names have that *beginning* carry it; the whole where it has none."""
        if not self.name.startswith(beginning):
            return None
        try:
            packed = json.loads(self.value)
        except (ValueError, RecursionError):
            return None
        return packed.get(part) if isinstance(packed, dict) else packed


@dataclass(frozen=True, slots=True)
class Handover:
    """
    A request that *asker* handed over, in a channel and maybe a thread of it, about the message *message_ts*.

    *permalink*: of that message. *shown*: the state that those it concerns were told of last. *decider*: who did or
    declined it. *lease*: under which they are being told, None for who only looks.
    """

    account_id: int
    id: str
    errand: Errand
    asker: Actor
    channel_id: str
    channel_name: str | None
    thread_ts: str | None
    message_ts: str | None
    permalink: str | None
    state: HandoverState
    shown: HandoverState | None
    asked_at: datetime
    decider: Actor | None
    decided_at: datetime | None
    lease: Lease | None = None

    @property
    def is_open(self) -> bool:
        return self.state is HandoverState.OPEN


class Handovers:
    """The verbs on handovers: hand over, find, decide, expire; and claim, to tell of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hand_over(
        self,
        account: int,
        errand: Errand,
        by: Origin,
        *,
        thread_ts: str | None = None,
        idempotency_key: str | None = None,
    ) -> tuple[Handover, bool]:
        """
        Hand *errand* over; the handover, and whether it is new: the same one of the same person is open once.

        *idempotency_key*: names the request where it may come twice; the second time it is the handover of the first, in
        whatever state. Raises `WrongState` when they handed over `MOST`, or a system `MOST_OF_SYSTEM`, within `WITHIN`.
        """
        mine = handovers.c.account_id == account, handovers.c.asker_id == by.actor.id
        same = handovers.c.errand == errand.name, handovers.c.value == errand.value
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            is_open: tuple[sa.ColumnElement[bool], ...] = (handovers.c.state == HandoverState.OPEN,)
            if is_repeated(
                self._database, connection, account, idempotency_key, "hand over", errand.name, errand.value
            ):
                is_open = (handovers.c.id == result_of(connection, account, idempotency_key)["handover"],)
            query = sa.select(handovers).where(*mine, *same, *is_open)
            if (row := connection.execute(query).mappings().first()) is not None:
                set_result(connection, account, idempotency_key, {"handover": row["id"]})
                return handover_of(row), False
            recent = handovers.c.asked_at > from_now(-WITHIN.total_seconds())
            count = sa.select(sa.func.count()).select_from(handovers).where(*mine, recent)
            most, many = (MOST, _MANY) if by.actor.is_person else (MOST_OF_SYSTEM, _MANY_OF_SYSTEM)
            if connection.execute(count).scalar_one() >= most:
                raise WrongState(many)
            made = (
                sa.insert(handovers)
                .values(
                    account_id=account,
                    id=secrets.token_hex(8),
                    errand=errand.name,
                    value=errand.value,
                    asker_id=by.actor.id,
                    asker_name=by.actor.name,
                    channel_id=by.channel_id or by.actor.id,
                    channel_name=by.channel_name,
                    thread_ts=thread_ts,
                    message_ts=by.message_ts,
                    permalink=by.permalink,
                    state=HandoverState.OPEN,
                    asked_at=now(),
                    lease_until=leases.FREE,
                )
                .returning(handovers)
            )
            handover = handover_of(connection.execute(made).mappings().one())
            set_result(connection, account, idempotency_key, {"handover": handover.id})
            return handover, True

    def find(self, account: int, handover: str) -> Handover | None:
        """The handover of that id; None when there is none, or none any more."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(handovers).where(*_is(account, handover))).mappings().first()
        return None if row is None else handover_of(row)

    def list_open(self) -> Sequence[Handover]:
        """Those of all accounts that nobody decided yet, the latest first, 200 at most."""
        mine = self._database.served.among(handovers.c.account_id)
        query = sa.select(handovers).where(handovers.c.state == HandoverState.OPEN, mine)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(handovers.c.asked_at.desc()).limit(_MOST_OPEN)).mappings()
            return [handover_of(row) for row in rows]

    def decide(
        self, account: int, handover: str, state: HandoverState, by: Actor | None = None, *, entry: int | None = None
    ) -> bool:
        """
        Decide it: open -> *state*, *by* somebody; False when it was decided before.

        *entry*: by which it was done, and which then says for whom, and leads to the message in which it was asked.
        """
        decided = {
            "state": state,
            "decider_id": by and by.id,
            "decider_name": by and by.name,
            "decided_at": now(),
        }
        is_open = handovers.c.state == HandoverState.OPEN
        with self._database.write() as connection:
            statement = sa.update(handovers).where(*_is(account, handover), is_open).values(**decided)
            row = connection.execute(statement.returning(handovers)).mappings().first()
            if row is None:
                return False
            if entry is not None:
                asked = {
                    "asked_by_id": row["asker_id"],
                    "asked_by_name": row["asker_name"],
                    "heard_at": row["asked_at"],
                    "permalink": sa.func.coalesce(entries.c.permalink, row["permalink"]),
                }
                of_entry = entries.c.account_id == account, entries.c.id == entry, entries.c.asked_by_id.is_(None)
                connection.execute(sa.update(entries).where(*of_entry).values(**asked))
            return True

    def expire(self, after: timedelta) -> int:
        """Expire what nobody decided within *after*; how many."""
        old = handovers.c.asked_at < from_now(-after.total_seconds())
        mine = self._database.served.among(handovers.c.account_id)
        overdue = sa.and_(handovers.c.state == HandoverState.OPEN, old, mine)
        with self._database.read() as connection:
            if connection.execute(sa.select(handovers.c.id).where(overdue).limit(1)).first() is None:
                return 0
        with self._database.write() as connection:
            expired = {"state": HandoverState.EXPIRED, "decided_at": now()}
            return connection.execute(sa.update(handovers).where(overdue).values(**expired)).rowcount

    def claim(self, owner: str, *, lease_seconds: float) -> Handover | None:
        """The handover whose state has waited longest to be told, for *lease_seconds*; None when none waits."""
        query = sa.select(handovers).where(sa.or_(handovers.c.shown.is_(None), handovers.c.shown != handovers.c.state))
        query = query.order_by(handovers.c.lease_until)
        row = leases.claim(self._database, handovers, query, owner, lease_seconds=lease_seconds)
        return None if row is None else handover_of(row, leases.lease_of(row))

    def renew(self, handover: Handover, *, lease_seconds: float) -> None:
        """Hold *handover* for *lease_seconds* from now. Raises `LeaseLost`, as all that follow."""
        self._change(handover, **leases.until(lease_seconds))

    def shown(self, handover: Handover) -> None:
        """Remember that those it concerns were told of its state; if it is another by now, it waits again."""
        self._change(handover, shown=handover.state, **leases.given_back())

    def postpone(self, handover: Handover, *, seconds: float) -> None:
        """Give *handover* back, which has to wait: whoever looks in *seconds* or later may claim it."""
        self._change(handover, **leases.given_back(seconds=seconds), deaths=0)

    def _change(self, handover: Handover, **values: object) -> None:
        assert handover.lease is not None  # noqa: S101  only who claimed it changes it
        with self._database.write() as connection:
            where = _is(handover.account_id, handover.id)
            leases.change(connection, handovers, where, handover.lease, **values)


def _is(account: int, handover: str) -> tuple[sa.ColumnElement[bool], ...]:
    return handovers.c.account_id == account, handovers.c.id == handover


def handover_of(row: sa.RowMapping, lease: Lease | None = None) -> Handover:
    """The handover in a row of its table."""
    return Handover(
        account_id=row["account_id"],
        id=row["id"],
        errand=Errand(row["errand"], row["value"]),
        asker=Actor(row["asker_id"], row["asker_name"]),
        channel_id=row["channel_id"],
        channel_name=row["channel_name"],
        thread_ts=row["thread_ts"],
        message_ts=row["message_ts"],
        permalink=row["permalink"],
        state=HandoverState(row["state"]),
        shown=None if row["shown"] is None else HandoverState(row["shown"]),
        asked_at=row["asked_at"],
        decider=None if row["decider_id"] is None else Actor(row["decider_id"], row["decider_name"]),
        decided_at=row["decided_at"],
        lease=lease,
    )
