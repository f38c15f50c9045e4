"""
Hooks: doors for the webhooks of Twilio and Telnyx, each of one account and with what its signatures are checked by.

A signature is checked with the provider's own secret, so that is kept as it is, unlike a key's. It is shown nowhere, and
goes with the hook. The id is the end of an address that only the provider is told: it opens nothing without a signature.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from store import leases
from store.database import Database
from store.errors import StoreError, WrongState
from store.idempotency import is_repeated, result_of, set_result
from store.keys import ID_LETTERS, checked_name
from store.leases import Lease
from store.models import HOOK_KINDS, hooks
from store.records import Actor, Origin
from store.remembered import REMEMBERED_SECONDS, Remembered
from store.rows import new_setting, now
from store.twilio import checked_account, checked_secret

# Of an account, as many as an admin oversees at one look.
MOST: Final = 10
# 92 bits: nobody finds an address by trying.
_ID_LENGTH: Final = 20
_KEY_BYTES: Final = 32  # https://www.rfc-editor.org/rfc/rfc8032, section 5.1.5
_API_KEY: Final = re.compile(r"[!-~]{16,200}", re.ASCII)


class HookKind(StrEnum):
    """The provider that a hook is for; also the source of the replies that come by it."""

    TWILIO = "twilio"
    TELNYX = "telnyx"


assert tuple(HookKind) == HOOK_KINDS  # noqa: S101  the check of the table's


@dataclass(frozen=True, slots=True)
class Hook:
    """
    A hook of *account_id*.

    *provider_account*: of Twilio its account SID. *secret*: of Twilio the auth token of that account, of Telnyx the public
    key, in base64. *shared_key*: the secret that Twilio signs with in place of the token, where one was made there. *api_key*: of
    Telnyx, by which its list of opt-outs is read; None where nobody gave it.
    *caught_up_to*: until when Twilio's own list of what came in was read. *trouble*: why it cannot be read now, in words.
    """

    account_id: int
    id: str
    kind: HookKind
    name: str
    provider_account: str | None
    secret: str = field(repr=False)
    shared_key: str | None = field(repr=False)
    api_key: str | None = field(repr=False)
    made_by: Actor
    made_at: datetime
    caught_up_to: datetime | None
    trouble: str | None

    @property
    def actor(self) -> Actor:
        """Who an entry names that a reply made which came by it."""
        return Actor(f"hook:{self.id}", f"{self.kind.title()} hook {self.name}")


@dataclass(frozen=True, slots=True)
class DueHook:
    """A hook whose provider's list is to be read, under a *lease*."""

    hook: Hook
    lease: Lease


class Hooks:
    """The verbs on hooks: make, find, list, remove; and of the catch-up: claim one, renew, note how far it came, end."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Those that were found lately, by the id.
        self._remembered: Remembered[Hook] = Remembered()
        # Made once, since each reply of a provider's asks for it.
        mine = database.served.among(hooks.c.account_id)
        self._find = sa.select(hooks).where(hooks.c.id == sa.bindparam("hook"), mine)

    def make_twilio(
        self,
        account: int,
        name: str,
        provider_account: str,
        auth_token: str,
        by: Origin,
        *,
        shared_key: str | None = None,
        idempotency_key: str | None = None,
    ) -> Hook:
        """
        Make a hook for Twilio, with an entry of function "setting" that says so.

        What came in at Twilio before now is not read. *idempotency_key*: names the request where it may come twice. Raises
        `StoreError` for what cannot be one, and `WrongState` when there are `MOST`.
        """
        values = {
            "provider_account": checked_account(provider_account),
            "secret": checked_secret(auth_token),
            "shared_key": None if shared_key is None else checked_secret(shared_key),
        }
        return self._make(account, HookKind.TWILIO, name, by, idempotency_key, caught_up_to=now(), **values)

    def make_telnyx(
        self,
        account: int,
        name: str,
        public_key: str,
        by: Origin,
        *,
        api_key: str | None = None,
        idempotency_key: str | None = None,
    ) -> Hook:
        """Make a hook for Telnyx; else as `make_twilio`."""
        values = {
            "secret": checked_public_key(public_key),
            "api_key": None if api_key is None else checked_api_key(api_key),
        }
        return self._make(account, HookKind.TELNYX, name, by, idempotency_key, **values)

    def remembered(self, hook: str) -> Hook | None:
        """The hook that `find` found within `REMEMBERED_SECONDS`, and that was not removed here since. It blocks nobody."""
        return self._remembered.get(hook)

    def find(self, hook: str) -> Hook | None:
        """The hook of that id, of whatever account; None where there is none."""
        keep = self._remembered.begin()
        with self._database.read() as connection:
            row = connection.execute(self._find, {"hook": hook}).mappings().one_or_none()
        if row is None:
            return None
        found = _hook_of(row)
        keep(hook, found, REMEMBERED_SECONDS)
        return found

    def list_of(self, account: int) -> tuple[Hook, ...]:
        """The hooks of *account*, the latest first."""
        query = sa.select(hooks).where(hooks.c.account_id == account).order_by(hooks.c.made_at.desc(), hooks.c.id)
        with self._database.read() as connection:
            return tuple(map(_hook_of, connection.execute(query).mappings()))

    def remove(self, account: int, hook: str, by: Origin) -> Hook:
        """Remove the hook of that id with its secrets, and write an entry. Raises `WrongState` when *account* has no such hook."""
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            statement = sa.delete(hooks).where(*_is(account, hook)).returning(hooks)
            row = connection.execute(statement).mappings().one_or_none()
            if row is None:
                raise WrongState("There is no such hook. Home, and `python -m bot hook list`, show those there are.")
            removed = _hook_of(row)
            new_setting(connection, account, by, f"Hook {removed.name} for {removed.kind.title()} removed")
        self._remembered.forget()
        return removed

    def claim(self, *, owner: str, lease_seconds: float) -> DueHook | None:
        """A hook whose provider's list is to be read now and that nobody else reads; the caller has *lease_seconds*, or renews."""
        query = sa.select(hooks).where(hooks.c.kind == HookKind.TWILIO).order_by(hooks.c.lease_until)
        row = leases.claim(self._database, hooks, query, owner, lease_seconds=lease_seconds)
        return None if row is None else DueHook(_hook_of(row), leases.lease_of(row))

    def renew(self, due: DueHook, lease_seconds: float) -> None:
        """Hold *due* for longer. Raises `LeaseLost` when somebody else took it over."""
        self._change(due, **leases.until(lease_seconds))

    def note_caught_up(self, due: DueHook, to: datetime) -> None:
        """Note that all was heard that came in until *to*. Raises `LeaseLost` when somebody else took it over."""
        self._change(due, caught_up_to=to)

    def give_back(self, due: DueHook, *, seconds: float, trouble: str | None = None) -> None:
        """
        Give *due* back: it is to be read again in *seconds*; *trouble*: what kept it from being read, in words.

        Raises `LeaseLost` when somebody else took it over.
        """
        self._change(due, trouble=trouble, **leases.given_back(seconds=min(seconds, leases.LONGEST_PAUSE)))

    def look_again(self) -> None:
        """Have each provider's list read at once, except where somebody is at it: nobody knows what came while no desk ran."""
        with self._database.write() as connection:
            connection.execute(sa.update(hooks).where(hooks.c.owner.is_(None)).values(**leases.given_back()))

    def _make(
        self, account: int, kind: HookKind, name: str, by: Origin, idempotency_key: str | None, **values: Any
    ) -> Hook:
        name = checked_name(name, "a hook")
        with self._database.write() as connection:
            self._database.lock_account(connection, account)
            if is_repeated(self._database, connection, account, idempotency_key, "make hook", kind, name):
                made = result_of(connection, account, idempotency_key).get("hook", "")
                present = connection.execute(sa.select(hooks).where(*_is(account, made))).mappings().one_or_none()
                if present is None:
                    raise WrongState(f"The hook {name} was made, and removed since.")
                return _hook_of(present)
            there = connection.execute(sa.select(sa.func.count()).where(hooks.c.account_id == account)).scalar_one()
            if there >= MOST:
                raise WrongState(
                    f"{MOST} hooks are there already, and there can be no more. Remove one that nobody needs."
                )
            statement = sa.insert(hooks).values(
                account_id=account,
                id="".join(secrets.choice(ID_LETTERS) for _ in range(_ID_LENGTH)),
                kind=kind,
                name=name,
                made_by_id=by.actor.id,
                made_by_name=by.actor.name,
                made_at=now(),
                **leases.given_back(),
                **values,
            )
            row = connection.execute(statement.returning(hooks)).mappings().one()
            set_result(connection, account, idempotency_key, {"hook": row["id"]})
            new_setting(connection, account, by, f"Hook {name} for {kind.title()} made")
        return _hook_of(row)

    def _change(self, due: DueHook, **values: Any) -> None:
        with self._database.write(durable=False) as connection:
            leases.change(connection, hooks, _is(due.hook.account_id, due.hook.id), due.lease, **values)


def checked_public_key(text: str) -> str:
    """Telnyx's public key. Raises `StoreError` with a sentence for what is none."""
    try:
        is_key = len(base64.b64decode(text, validate=True)) == _KEY_BYTES
    except (binascii.Error, ValueError):
        is_key = False
    if not is_key:
        raise StoreError(
            "A public key of Telnyx's is 44 characters of base64: its portal shows it under Keys & Credentials."
        )
    return text


def checked_api_key(text: str) -> str:
    """A key of Telnyx's API. Raises as `checked_public_key`."""
    if _API_KEY.fullmatch(text) is None:
        raise StoreError(
            "An API key of Telnyx's begins with KEY and has no blanks: its portal shows it when it is made, under Keys & "
            "Credentials."
        )
    return text


def _is(account: int, hook: str) -> tuple[sa.ColumnElement[bool], ...]:
    return hooks.c.account_id == account, hooks.c.id == hook


def _hook_of(row: sa.RowMapping) -> Hook:
    return Hook(
        account_id=row["account_id"],
        id=row["id"],
        kind=HookKind(row["kind"]),
        name=row["name"],
        provider_account=row["provider_account"],
        secret=row["secret"],
        shared_key=row["shared_key"],
        api_key=row["api_key"],
        made_by=Actor(row["made_by_id"], row["made_by_name"]),
        made_at=row["made_at"],
        caught_up_to=row["caught_up_to"],
        trouble=row["trouble"],
    )
