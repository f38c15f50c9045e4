"""
Idempotency keys: a request that comes twice is done once.

A key is written in the transaction of its effect, so that both are there or neither. It comes with the fingerprint of
the request: the same key for another request is a mistake of whoever asks, and is told so
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/, section 2.4).
"""

import hashlib
import json
from typing import Any

import sqlalchemy as sa

from store.database import Database
from store.erased import EraseKey, key_of
from store.errors import KeyReused
from store.models import idempotency_keys
from store.rows import now


def _fingerprint(key: EraseKey | None, *request: Any) -> str:
    """
    The fingerprint of a request, whose parts must be JSON's.

    By *key*, where there is one: a request of one phone is found from a hash without a key by trying them all.
    """
    text = json.dumps(request, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest() if key is None else key.fingerprint_of(text)


def is_repeated(database: Database, connection: sa.Connection, account: int, key: str | None, *request: Any) -> bool:
    """
    Whether the *request* named *key* was done before, see `result_of`; if not, *key* is written down, in this transaction.

    False for None, a request that comes once. Two who ask at once wait for each other. Raises `KeyReused` when the key was
    used for another request.
    """
    if key is None:
        return False
    fingerprint = _fingerprint(key_of(connection), *request)
    statement = (
        database.insert(idempotency_keys)
        .values(account_id=account, key=key, fingerprint=fingerprint, result={}, made_at=now())
        .on_conflict_do_nothing(index_elements=["account_id", "key"])
        .returning(idempotency_keys.c.key)
    )
    if connection.execute(statement).first() is not None:
        return False
    known = connection.execute(sa.select(idempotency_keys.c.fingerprint).where(*_is(account, key))).scalar_one()
    # One from before there were fingerprints has none, one from before there was a key is made without.
    if known not in ("", fingerprint, _fingerprint(None, *request)):
        raise KeyReused("This was asked for before with something else in it. Nothing was changed.")
    return True


def is_known(connection: sa.Connection, account: int, key: str | None) -> bool:
    """Whether the request of *key* was done; False for None, a request that comes once."""
    if key is None:
        return False
    query = sa.select(idempotency_keys.c.key).where(*_is(account, key))
    return connection.execute(query).first() is not None


def set_result(connection: sa.Connection, account: int, key: str | None, result: dict[str, Any]) -> None:
    """Keep what the request of *key* led to, in the same transaction; nothing for None."""
    if key is not None:
        connection.execute(sa.update(idempotency_keys).where(*_is(account, key)).values(result=result))


def result_of(connection: sa.Connection, account: int, key: str | None) -> dict[str, Any]:
    """The result of the repeated request of *key*; empty where none was kept."""
    query = sa.select(idempotency_keys.c.result).where(*_is(account, key))
    found: dict[str, Any] = connection.execute(query).scalar_one()
    return found


def _is(account: int, key: str | None) -> tuple[sa.ColumnElement[bool], ...]:
    return idempotency_keys.c.account_id == account, idempotency_keys.c.key == key
