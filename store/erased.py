"""
Erased numbers: phones of which the list keeps a keyed hash alone, so that they stay opted out and stand nowhere.

The hash is HMAC-SHA256 (RFC 2104) of the account and the phone, by a key that whoever runs the desk has and no database: phones are
so few that a hash without a key is undone by trying them all. Every look at phones comes here, and pays one look at an index where
nobody was erased. Private to the store; what erases is `store.erasing`.
"""

import hmac
from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa

from store.dialects import among_bound
from store.errors import StoreError
from store.models import erasures, opt_outs
from store.records import OptOut
from store.rows import read_entries

# Of an account with no more of them all are read at once; of more only those that are asked about.
_FEW: Final = 100
_CHECK_BYTES: Final = 4


class EraseKey:
    """The key of the hashes. *check*: a number that tells one key from another, and nothing of either."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.check = int.from_bytes(hmac.digest(self._secret, b"which key", "sha256")[:_CHECK_BYTES], "big")

    def hash_of(self, account: int, phone: str) -> str:
        """What is kept of *phone*, in hexadecimal digits."""
        return hmac.digest(self._secret, f"{account} {phone}".encode(), "sha256").hex()

    def fingerprint_of(self, request: str) -> str:
        """By what a *request* is known again, in hexadecimal digits."""
        return hmac.digest(self._secret, f"request {request}".encode(), "sha256").hex()


def require_key(key: EraseKey | None, checks: Iterable[int]) -> EraseKey:
    """*key*, by which the hashes with *checks* were made. Raises `StoreError` for none, or another."""
    if key is None:
        raise StoreError(
            "Some numbers of this list were erased, and without OPTOUT_ERASE_KEY nobody can tell which: nothing was done. "
            "Set it to what it was when they were."
        )
    if not {key.check}.issuperset(checks):
        raise StoreError(
            "Some numbers of this list were erased by another OPTOUT_ERASE_KEY, without which nobody can tell which: nothing was "
            "done. Set it to what it was when they were."
        )
    return key


def key_of(connection: sa.Connection) -> EraseKey | None:
    """The key that the database of *connection* was opened with."""
    key: EraseKey | None = connection.get_execution_options().get("erase_key")
    return key


def erased_among(connection: sa.Connection, account: int, phones: Sequence[str]) -> dict[str, int]:
    """Those of *phones* that were erased, each with the entry by which it was. Raises `StoreError` without the key."""
    rows = connection.execute(_SOME, {"account": account}).all()
    if not rows:
        return {}
    key = require_key(key_of(connection), (row.key_check for row in rows))
    by_hash = {key.hash_of(account, phone): phone for phone in phones}
    if len(rows) > _FEW:
        rows = connection.execute(_AMONG, {"account": account, "phones": list(by_hash)}).all()
    return {by_hash[row.hash]: row.entry_id for row in rows if row.hash in by_hash}


def erased_opt_outs(connection: sa.Connection, account: int, phones: Sequence[str]) -> dict[str, OptOut]:
    """The opt-out that stands of each of *phones* that was erased: by the entry that erased it, which is all that is known."""
    erased = erased_among(connection, account, phones)
    made = read_entries(connection, account, set(erased.values()))
    return {phone: OptOut(phone, made[entry], None, None, None, None) for phone, entry in erased.items()}


def require_not_erased(connection: sa.Connection, account: int, phones: Sequence[str]) -> None:
    """Raise `StoreError` where one of *phones* was erased, for what would keep something of it."""
    if erased_among(connection, account, phones):
        raise StoreError(
            "This number was erased at the person's own wish, and stays opted out. Nothing about it is kept, so nothing was written down."
        )


def bring_back(connection: sa.Connection, account: int, phone: str) -> bool:
    """
    Have the opt-out of *phone* in the list again and its hash gone, where it was erased, for who lifts it in the same transaction.

    It is not counted among the account's until then. False for one that was not erased.
    """
    erased = erased_among(connection, account, [phone])
    if not erased:
        return False
    of_entry = erasures.c.account_id == account, erasures.c.entry_id == erased[phone]
    connection.execute(sa.delete(erasures).where(*of_entry))
    connection.execute(sa.insert(opt_outs).values(account_id=account, phone=phone, entry_id=erased[phone]))
    return True


def count_erased(connection: sa.Connection, account: int) -> int:
    """How many numbers of *account* were erased, which needs no key."""
    query = sa.select(sa.func.count()).select_from(erasures).where(erasures.c.account_id == account)
    return connection.execute(query).scalar_one()


# Made once: to make a statement anew takes several times as long as the database does.
_ACCOUNT: Final[sa.BindParameter[int]] = sa.bindparam("account")
_OF_ACCOUNT: Final = sa.select(erasures.c.hash, erasures.c.key_check, erasures.c.entry_id).where(
    erasures.c.account_id == _ACCOUNT
)
# In words, since `Database.look` knows no parameters but those it is given.
_SOME: Final = _OF_ACCOUNT.limit(sa.literal_column(str(_FEW + 1))).offset(sa.literal_column("0"))
_AMONG: Final = _OF_ACCOUNT.where(among_bound(erasures.c.hash, "phones"))
# For a statement that looks at the list: the hashes of a few, with their keys' checks.
_FOUND: Final = _SOME.subquery("erased")
SOME_HASHES: Final = sa.select(_FOUND.c.hash, _FOUND.c.key_check)


def met(key: EraseKey | None, account: int, phones: Sequence[str], hashes: dict[str, int]) -> frozenset[str] | None:
    """Those of *phones* that are among *hashes*, which `SOME_HASHES` found; None where that may not have been all of them."""
    key = require_key(key, hashes.values())
    if len(hashes) > _FEW:
        return None
    return frozenset(phone for phone in phones if key.hash_of(account, phone) in hashes)
