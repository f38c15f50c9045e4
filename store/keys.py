"""
Keys of the texting platform's API: what a program shows to ask and report in the name of one account.

A key is a text, `optk_ID_SECRET`, that is shown once, to whoever makes it. Of the secret the database has the SHA-256
alone: it is random and long, so that nothing slower is needed, and what is read there opens nothing.
"""

import hashlib
import hmac
import re
import secrets
import string
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from store.database import Database
from store.dialects import from_now
from store.errors import StoreError, WrongState
from store.idempotency import is_repeated, result_of, set_result
from store.models import api_keys
from store.records import Actor, Origin
from store.remembered import REMEMBERED_SECONDS, Remembered
from store.rows import new_setting, now
from store.texts import keepable

# Two, so that the new one can be brought to every machine before the old one is revoked; a third is a mistake.
MOST_OF_A_NAME: Final = 2
# Live ones of an account: as many as an admin oversees at one look, who sees all of them in Home.
MOST: Final = 10
LONGEST_NAME: Final = 40
# Of the name of an actor, as answers show it in full.
_LONGEST_ACTOR: Final = 80
# Between two notes of its use, in seconds.
_USE_SECONDS: Final = 60.0
# Letters alone: an id stands in logs, which mask whatever could be a phone.
ID_LETTERS: Final = "abcdefghijkmnpqrstuvwxyz"
_ID_LENGTH: Final = 10
_SECRET_LETTERS: Final = string.ascii_letters + string.digits
# 238 bits.
_SECRET_LENGTH: Final = 40
_TEXT: Final = re.compile(
    rf"optk_([{ID_LETTERS}]{{{_ID_LENGTH}}})_([A-Za-z0-9]{{{_SECRET_LENGTH}}})",
    re.ASCII,
)
# What an unknown key is compared with, so that it takes as long as a wrong secret.
_NO_HASH: Final = "0" * 64


class Scope(StrEnum):
    """What a key may be used for."""

    CHECK = "check"
    OPT_OUT = "opt-out"
    OPT_IN = "opt-in"
    CAMPAIGNS = "campaigns"
    CHANGES = "changes"
    REPORT = "report"
    DESTINATIONS = "destinations"


class KeyState(StrEnum):
    """The state of a key, by the clock of the database."""

    LIVE = "live"
    EXPIRED = "expired"
    REVOKED = "revoked"


class KeyProblem(StrEnum):
    """Why a key is refused."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    WRONG_SECRET = "wrong secret"  # noqa: S105  the name of a mistake
    EXPIRED = "expired"
    REVOKED = "revoked"


# Whoever guesses is not told whether there is such an id.
_UNKNOWN: Final = "This key is not known here: see that it is whole, and of this desk; an admin can make another."
_REFUSED: Final = {
    KeyProblem.MALFORMED: "This is no key: one begins with optk_ and was shown in full when it was made.",
    KeyProblem.UNKNOWN: _UNKNOWN,
    KeyProblem.WRONG_SECRET: _UNKNOWN,
    KeyProblem.EXPIRED: "This key has expired: an admin can make another in Slack.",
    KeyProblem.REVOKED: "This key was revoked: an admin can make another in Slack.",
}


class KeyRefused(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """A key that opens nothing; *kind* says why, for the log: of the text of an unknown one nothing can be learned."""

    def __init__(self, kind: KeyProblem) -> None:
        super().__init__(_REFUSED[kind])
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Key:
    """
    A key of *account_id*, without its secret. *scopes*: in the order of `Scope`. *expires_at*: None for never.

    *used_at*: to the minute; *use_is_due*: whether `Keys.note_use` has something to write for a use at this moment.
    """

    account_id: int
    id: str
    name: str
    scopes: tuple[Scope, ...]
    made_by: Actor
    made_at: datetime
    expires_at: datetime | None
    revoked_by: Actor | None
    revoked_at: datetime | None
    used_at: datetime | None
    state: KeyState
    use_is_due: bool

    def actor(self, program: str | None = None) -> Actor:
        """The actor of what is done by this key; *program*: what it calls itself, cut where both names would be too long."""
        if not program:
            return Actor(f"key:{self.id}", f"key {self.name}")
        by = f", by key {self.name}"
        room = _LONGEST_ACTOR - len(by)
        return Actor(f"key:{self.id}", (program if len(program) <= room else f"{program[: room - 1].rstrip()}…") + by)


def id_of_key(text: str) -> str | None:
    """The id in the *text* of a key, which may be wrong all the same; None where it is no key's."""
    found = _TEXT.fullmatch(text)
    return None if found is None else found[1]


def is_by_key(actor: Actor, name: str) -> bool:
    """Whether *actor* is that of a key called *name*, which may have been forgotten since: see `Key.actor`."""
    return actor.id.startswith("key:") and (actor.name == f"key {name}" or actor.name.endswith(f", by key {name}"))


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that was just made, and its whole text, which nobody can read again: it is kept nowhere, and not shown by `repr`."""

    key: Key
    text: str

    def __repr__(self) -> str:
        return f"MadeKey({self.key!r})"


class Keys:
    """The verbs on keys: make, verify, note that one was used, revoke, list."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Of this process alone: by it a request that comes twice makes the same secret twice, and nobody has to keep it.
        self._seed = secrets.token_bytes(32)
        self._noted: dict[str, float] = {}
        self._noting = threading.Lock()
        # Live keys that were verified lately, by the hash of the text.
        self._remembered: Remembered[Key] = Remembered()

    def make(
        self,
        account: int,
        name: str,
        scopes: Collection[Scope],
        expires_at: datetime | None,
        by: Origin,
        *,
        idempotency_key: str | None = None,
    ) -> MadeKey:
        """
        Make a key of *account* for *scopes*, with an entry of function "setting" that says so.

        *idempotency_key*: names the request where it may come twice: the second time it is the same key with the same text.
        Raises `StoreError` for a name, scopes or a moment that cannot be, and `WrongState` when there are `MOST` live keys,
        or `MOST_OF_A_NAME` of that name, or the text of a request that came before is lost with the process that did it.
        """
        name = checked_name(name, "a key")
        asked = tuple(scope for scope in Scope if scope in scopes)
        if not asked:
            raise StoreError("A key that may do nothing opens nothing: choose at least one thing that it may do.")
        if expires_at is not None and expires_at.tzinfo is None:
            raise StoreError("The moment at which a key expires needs a time zone.")
        text_of = self._secret(account, idempotency_key)
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            if is_repeated(self._database, connection, account, idempotency_key, "make key", name, list(asked)):
                return self._made_before(connection, account, result_of(connection, account, idempotency_key), text_of)
            if expires_at is not None and expires_at <= connection.execute(sa.select(now())).scalar_one():
                raise StoreError("A key that expires before it is made opens nothing: choose a later day.")
            live = [key for key in _list(connection, account) if key.state is KeyState.LIVE]
            if sum(key.name.casefold() == name.casefold() for key in live) >= MOST_OF_A_NAME:
                raise WrongState(
                    f"{MOST_OF_A_NAME} keys called {name} are live already, one to go and one to come. Revoke one of them first."
                )
            if len(live) >= MOST:
                raise WrongState(
                    f"{MOST} keys are live already, and there can be no more. Revoke one that nobody needs."
                )
            key = "".join(secrets.choice(ID_LETTERS) for _ in range(_ID_LENGTH))
            connection.execute(
                sa.insert(api_keys).values(
                    account_id=account,
                    id=key,
                    name=name,
                    scopes=list(asked),
                    secret_hash=_hash(text_of),
                    made_by_id=by.actor.id,
                    made_by_name=by.actor.name,
                    made_at=now(),
                    expires_at=expires_at,
                )
            )
            set_result(connection, account, idempotency_key, {"key": key})
            until = f"until {expires_at.day} {expires_at:%b %Y}" if expires_at else "for good"
            new_setting(connection, account, by, f"API key {name} made, {until}, to {', '.join(asked)}")
            return MadeKey(_get(connection, account, key), f"optk_{key}_{text_of}")

    def remembered(self, text: str) -> Key | None:
        """The key that `verify` found for *text* within `REMEMBERED_SECONDS`, and that was not revoked here since. It blocks nobody."""
        if _TEXT.fullmatch(text) is None:
            return None
        return self._remembered.get(_hash(text))

    def verify(self, text: str) -> Key:
        """
        The live key whose text is *text*; it only reads, see `note_use`.

        Raises `KeyRefused`. An unknown key takes as long as a wrong secret.
        """
        keep = self._remembered.begin()
        found = _TEXT.fullmatch(text)
        if found is None:
            raise KeyRefused(KeyProblem.MALFORMED)
        with self._database.read() as connection:
            mine = self._database.served.among(api_keys.c.account_id)
            row = connection.execute(_KEYS.where(api_keys.c.id == found[1], mine)).mappings().one_or_none()
        is_right = hmac.compare_digest(_hash(found[2]), _NO_HASH if row is None else row["secret_hash"])
        if row is None:
            raise KeyRefused(KeyProblem.UNKNOWN)
        if not is_right:
            raise KeyRefused(KeyProblem.WRONG_SECRET)
        key = _key_of(row)
        if key.state is not KeyState.LIVE:
            raise KeyRefused(KeyProblem.REVOKED if key.state is KeyState.REVOKED else KeyProblem.EXPIRED)
        left = REMEMBERED_SECONDS if key.expires_at is None else (key.expires_at - row["asked_at"]).total_seconds()
        keep(_hash(text), replace(key, use_is_due=False), min(REMEMBERED_SECONDS, left))
        return key

    def is_here(self, key: str) -> bool:
        """Whether there is a key of the id *key*, of whatever account."""
        mine = self._database.served.among(api_keys.c.account_id)
        with self._database.read() as connection:
            return connection.execute(sa.select(api_keys.c.id).where(api_keys.c.id == key, mine)).first() is not None

    def note_use(self, key: Key) -> None:
        """
        Note that *key* was used now: once a minute, however often it is called.

        It is a transaction of its own, for after the answer: on SQLite it waits for whoever writes.
        """
        with self._noting:
            moment = time.monotonic()
            if not key.use_is_due or self._noted.get(key.id, -_USE_SECONDS) > moment - _USE_SECONDS:
                return
            self._noted[key.id] = moment
        with self._database.write(durable=False) as connection:
            statement = sa.update(api_keys).where(*_is(key.account_id, key.id), _USE_IS_DUE).values(used_at=now())
            connection.execute(statement)

    def revoke(self, account: int, key: str, by: Origin) -> tuple[Key, bool]:
        """
        Revoke the key of that id, with an entry; the key, and whether it was live until now: once ended it stays as it is.

        Raises `WrongState` when *account* has no such key, or none any more.
        """
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            before = _get(connection, account, key)
            if before.state is not KeyState.LIVE:
                return before, False
            revoked = {"revoked_by_id": by.actor.id, "revoked_by_name": by.actor.name, "revoked_at": now()}
            connection.execute(sa.update(api_keys).where(*_is(account, key)).values(**revoked))
            new_setting(connection, account, by, f"API key {before.name} revoked")
            after = _get(connection, account, key)
        self._remembered.forget()
        return after, True

    def list_of(self, account: int) -> tuple[Key, ...]:
        """The keys of *account*, the latest first: those that are live, and for a while those that ended."""
        with self._database.read() as connection:
            return _list(connection, account)

    def _secret(self, account: int, idempotency_key: str | None) -> str:
        if idempotency_key is None:
            return "".join(secrets.choice(_SECRET_LETTERS) for _ in range(_SECRET_LENGTH))
        number = int.from_bytes(hmac.digest(self._seed, f"{account} {keepable(idempotency_key)}".encode(), "sha512"))
        letters = []
        for _ in range(_SECRET_LENGTH):
            number, letter = divmod(number, len(_SECRET_LETTERS))
            letters.append(_SECRET_LETTERS[letter])
        return "".join(letters)

    @staticmethod
    def _made_before(connection: sa.Connection, account: int, result: dict[str, Any], secret: str) -> MadeKey:
        """The key that the same request made before, with its text when it was this process that made it."""
        key = result.get("key")
        query = sa.select(api_keys.c.secret_hash).where(*_is(account, str(key)))
        if not hmac.compare_digest(connection.execute(query).scalar_one_or_none() or "", _hash(secret)):
            raise WrongState(
                "This key was made already, and its text can be shown once only. Revoke it if nobody has copied it, and make another."
            )
        return MadeKey(_get(connection, account, str(key)), f"optk_{key}_{secret}")


def count_live(connection: sa.Connection, account: int) -> int:
    """How many keys of *account* are live."""
    return sum(key.state is KeyState.LIVE for key in _list(connection, account))


def checked_name(name: str, of: str) -> str:
    """*name* with single blanks. Raises `StoreError`, with what it is the name *of*, when it cannot be one."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise StoreError(f"The name of {of} has 1 to {LONGEST_NAME} characters, all of which can be seen.")
    return name


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _is(account: int, key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return api_keys.c.account_id == account, api_keys.c.id == key


_USE_IS_DUE: Final = sa.or_(api_keys.c.used_at.is_(None), api_keys.c.used_at < from_now(-_USE_SECONDS))
_KEYS: Final = sa.select(
    api_keys,
    (api_keys.c.expires_at.is_not(None) & (api_keys.c.expires_at <= now())).label("expired"),
    _USE_IS_DUE.label("use_is_due"),
    now().label("asked_at"),
)


def _list(connection: sa.Connection, account: int) -> tuple[Key, ...]:
    query = _KEYS.where(api_keys.c.account_id == account).order_by(api_keys.c.made_at.desc(), api_keys.c.id)
    return tuple(_key_of(row) for row in connection.execute(query).mappings())


def _get(connection: sa.Connection, account: int, key: str) -> Key:
    row = connection.execute(_KEYS.where(*_is(account, key))).mappings().one_or_none()
    if row is None:
        raise WrongState("There is no such key any more. Home and `python -m bot key list` show those there are.")
    return _key_of(row)


def _key_of(row: sa.RowMapping) -> Key:
    """The key in a row of `_KEYS`; scopes that a later release knows are left alone."""
    is_revoked = row["revoked_at"] is not None
    return Key(
        account_id=row["account_id"],
        id=row["id"],
        name=row["name"],
        scopes=tuple(scope for scope in Scope if scope in row["scopes"]),
        made_by=Actor(row["made_by_id"], row["made_by_name"]),
        made_at=row["made_at"],
        expires_at=row["expires_at"],
        revoked_by=Actor(row["revoked_by_id"], row["revoked_by_name"]) if is_revoked else None,
        revoked_at=row["revoked_at"],
        used_at=row["used_at"],
        state=KeyState.REVOKED if is_revoked else KeyState.EXPIRED if row["expired"] else KeyState.LIVE,
        use_is_due=bool(row["use_is_due"]),
    )
