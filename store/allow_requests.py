"""
Requests to allow texts again that need a second admin: asked by one, decided by another, whichever replica they meet.

A request is of the opt-outs that its asker had seen. Once the phone is opted out again, is not opted out any more, or the
request is too old, it is closed and nothing comes of it. All is decided under the account's lock, so that of two who
decide at once one is told that the other was faster.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from store.allowing import says_why
from store.database import Database
from store.dialects import from_now
from store.e164 import require_e164
from store.erased import require_not_erased
from store.errors import StoreError
from store.models import ALLOW_REQUEST_STATES, allow_requests, entries
from store.notes import Function
from store.optouts import allow_texts, opted_out_since, read_states
from store.records import Actor, Deleted, Origin, PhoneState
from store.rows import new_entry

# How long a second admin has, as long as for a list that waits.
VALID_FOR: Final = timedelta(hours=72)
_ASKED: Final = "Asked to allow texts again, for which a second admin has to say yes: {}"


class AllowState(StrEnum):
    """The state of a request. *overtaken*: the phone was opted out again or is not any more, or its asker is no admin any more."""

    ASKED = "asked"
    ALLOWED = "allowed"
    DECLINED = "declined"
    EXPIRED = "expired"
    OVERTAKEN = "overtaken"


assert tuple(AllowState) == ALLOW_REQUEST_STATES  # noqa: S101  the check of the table's


@dataclass(frozen=True, slots=True)
class AllowRequest:
    """
    A request to allow texts to *phone* again, for *reason*. *id*: that of the entry by which it was asked.

    *channel_id*, *channel_name* and *thread_ts*: where, None for nowhere but App Home. *decider*: who closed it, None while
    nobody did or time did.
    """

    account_id: int
    id: int
    phone: str
    last_entry: int
    reason: str
    actor: Actor
    asked_at: datetime
    expires_at: datetime
    channel_id: str | None
    channel_name: str | None
    thread_ts: str | None
    state: AllowState
    decider: Actor | None
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class AllowAsked:
    """
    The outcome of asking. *request*: the one that waits now, asked *newly* or before; None when there is nothing to ask.

    *state*: of the phone. *changed*: it was opted out again since the person looked.
    """

    state: PhoneState
    request: AllowRequest | None
    newly: bool = False
    changed: bool = False


@dataclass(frozen=True, slots=True)
class AllowDecision:
    """
    The outcome of a decision on *request*, which is as it is now; *newly* so by this decision.

    *own*: its asker wanted to say the second yes as well, so nothing was done. *deleted*: what allowing it did.
    """

    request: AllowRequest
    newly: bool = False
    own: bool = False
    deleted: Deleted | None = None


class AllowRequests:
    """The verbs on requests that need a second admin: ask, get, decide, expire."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(
        self, account: int, phone: str, by: Origin, *, last_entry: int | None = None, thread_ts: str | None = None
    ) -> AllowAsked:
        """
        Ask for texts to *phone* to be allowed again, for the reason of *by*; the request that waits already, where one does.

        *last_entry*: as for `OptOuts.delete`. Raises `StoreError` without words that say why.
        """
        require_e164([phone])
        if not says_why(by.reason):
            raise StoreError("Nothing was asked: it needs the reason, in words, why the number may be texted again.")
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            state = read_states(connection, account, [phone])[phone]
            if not state.opted_out:
                return AllowAsked(state, None)
            if opted_out_since(state, last_entry):
                return AllowAsked(state, None, changed=True)
            require_not_erased(connection, account, [phone])
            waiting = self._waiting(connection, account, phone)
            if waiting is not None:
                if not (closed := self._outdated(connection, waiting, state)):
                    return AllowAsked(state, waiting)
                self._set(connection, waiting, closed, None)
            reason = by.reason or ""
            entry = new_entry(
                connection,
                account,
                replace(by, function=Function.REMARK, reason=_ASKED.format(reason)),
                phones=[phone],
            )
            connection.execute(
                sa.insert(allow_requests).values(
                    account_id=account,
                    entry_id=entry.id,
                    phone=phone,
                    last_entry=state.last_entry,
                    reason=reason,
                    thread_ts=thread_ts,
                    state=AllowState.ASKED,
                    expires_at=from_now(VALID_FOR.total_seconds()),
                )
            )
            return AllowAsked(state, self._get(connection, account, entry.id), newly=True)

    def get(self, account: int, request: int) -> AllowRequest:
        """The request of that id. Raises `StoreError` when the account has none."""
        with self._database.read() as connection:
            return self._get(connection, account, request)

    def decide(self, account: int, request: int, by: Origin, *, allow: bool, asker_may: bool = True) -> AllowDecision:
        """
        Say the second yes, which lifts what the asker had seen, or no; the asker can only take the request back by a no.

        *asker_may*: whether they are an admin still; else the request is closed.
        Raises `StoreError` when the account has no such request.
        """
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            found = self._get(connection, account, request)
            if found.state is not AllowState.ASKED:
                return AllowDecision(found)
            state = read_states(connection, account, [found.phone])[found.phone]
            if closed := self._outdated(connection, found, state):
                return AllowDecision(self._set(connection, found, closed, None), newly=True)
            if not asker_may:
                return AllowDecision(self._set(connection, found, AllowState.OVERTAKEN, None), newly=True)
            if not allow:
                return AllowDecision(self._set(connection, found, AllowState.DECLINED, by.actor), newly=True)
            if by.actor.id == found.actor.id:
                return AllowDecision(found, own=True)
            reason = f"{found.reason} (asked by {found.actor.name})"
            deleted = allow_texts(connection, account, state, replace(by, reason=reason))
            allowed = self._set(connection, found, AllowState.ALLOWED, by.actor)
            return AllowDecision(allowed, newly=True, deleted=deleted)

    def due(self, *, most: int = 50) -> tuple[AllowRequest, ...]:
        """The requests of any account that wait though their time is over, *most* of them."""
        query = sa.select(allow_requests.c.account_id, allow_requests.c.entry_id)
        mine = self._database.served.among(allow_requests.c.account_id)
        query = query.where(allow_requests.c.state == AllowState.ASKED, allow_requests.c.expires_at <= from_now(), mine)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(allow_requests.c.expires_at).limit(most)).all()
            return tuple(self._get(connection, account, request) for account, request in found)

    def expire(self, request: AllowRequest) -> None:
        """Close one that is `due`, unless somebody was faster."""
        with self._database.write() as connection:
            self._database.lock_account(connection, request.account_id)
            if self._get(connection, request.account_id, request.id).state is AllowState.ASKED:
                self._set(connection, request, AllowState.EXPIRED, None)

    def _waiting(self, connection: sa.Connection, account: int, phone: str) -> AllowRequest | None:
        query = sa.select(allow_requests.c.entry_id).where(
            allow_requests.c.account_id == account,
            allow_requests.c.phone == phone,
            allow_requests.c.state == AllowState.ASKED,
        )
        request = connection.execute(query).scalar_one_or_none()
        return None if request is None else self._get(connection, account, request)

    def _outdated(self, connection: sa.Connection, request: AllowRequest, state: PhoneState) -> AllowState | None:
        """The state in which a request that waits has to be closed before anybody decides on it, if so."""
        if not state.opted_out or opted_out_since(state, request.last_entry):
            return AllowState.OVERTAKEN
        is_over = sa.select(allow_requests.c.expires_at <= from_now()).where(*_is(request.account_id, request.id))
        return AllowState.EXPIRED if connection.execute(is_over).scalar_one() else None

    def _set(
        self, connection: sa.Connection, request: AllowRequest, state: AllowState, decider: Actor | None
    ) -> AllowRequest:
        values = {
            "state": state,
            "decider_id": decider and decider.id,
            "decider_name": decider and decider.name,
            "decided_at": from_now(),
        }
        connection.execute(sa.update(allow_requests).where(*_is(request.account_id, request.id)).values(**values))
        return self._get(connection, request.account_id, request.id)

    @staticmethod
    def _get(connection: sa.Connection, account: int, request: int) -> AllowRequest:
        of_entry = sa.and_(
            entries.c.account_id == allow_requests.c.account_id, entries.c.id == allow_requests.c.entry_id
        )
        query = sa.select(allow_requests, entries).join(entries, of_entry).where(*_is(account, request))
        row = connection.execute(query).mappings().one_or_none()
        if row is None:
            raise StoreError(
                "There is no such request here any more, so nothing was done. Send `/optout delete NUMBER` to ask anew."
            )
        c, e = allow_requests.c, entries.c
        decided_by = row[c.decider_id]
        return AllowRequest(
            account_id=account,
            id=request,
            phone=row[c.phone],
            last_entry=row[c.last_entry],
            reason=row[c.reason],
            actor=Actor(row[e.actor_id], row[e.actor_name]),
            asked_at=row[e.at],
            expires_at=row[c.expires_at],
            channel_id=row[e.channel_id],
            channel_name=row[e.channel_name],
            thread_ts=row[c.thread_ts],
            state=AllowState(row[c.state]),
            decider=None if decided_by is None else Actor(decided_by, row[c.decider_name]),
            decided_at=row[c.decided_at],
        )


def _is(account: int, request: int) -> tuple[sa.ColumnElement[bool], ...]:
    return allow_requests.c.account_id == account, allow_requests.c.entry_id == request
