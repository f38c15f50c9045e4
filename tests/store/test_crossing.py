"""Accounts: whatever a verb of one is handed that is another's, it neither tells nor changes anything of the other."""

import inspect
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from store import Account, Actor, Store
from store.models import accounts, metadata
from tests.store.test_hostile import BY, SUBJECTS, Verbs, ends

# Who did all that the other account has; nobody else is called so.
ANOTHER = Actor("U0ANOTHER", "somebody of the other account")


def all_of(store: Store, account: Account) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of *account*, by table."""
    with store.database.read() as connection:
        rows = {
            table.name: sorted(
                map(tuple, connection.execute(sa.select(table).where(table.c.account_id == account.id))), key=repr
            )
            for table in metadata.sorted_tables
            if "account_id" in table.c
        }
        rows["accounts"] = list(map(tuple, connection.execute(sa.select(accounts).where(accounts.c.id == account.id))))
        return rows


def done_by_another(store: Store, account: Account) -> None:
    """Let all that was done for *account* have been done by `ANOTHER`."""
    with store.database.write() as connection:
        for table in metadata.sorted_tables:
            if "actor_name" in table.c and "account_id" in table.c:
                theirs = sa.update(table).where(table.c.account_id == account.id)
                connection.execute(theirs.values(actor_name=ANOTHER.name))


@pytest.mark.wide
def test_no_verb_of_one_account_reaches_another(store: Store, account: Account) -> None:
    """
    Every verb that takes an account is asked for one with all that is another's: ids, keys, names, phones.

    Nothing of the other's is another afterwards, and no answer names who did what there.
    """
    mine = store.accounts.get_or_create("T0MINE", "Mine")
    verbs = Verbs(store, account)
    done_by_another(store, account)
    before = all_of(store, account)
    tried = 0
    for subject in SUBJECTS:
        asked = set()
        for verb, usual, _parameter, _hint in verbs.calls(subject):
            if verb.__name__ in asked or "account" not in inspect.signature(verb).parameters:
                continue
            asked.add(verb.__name__)
            of_mine = mine if isinstance(usual.get("account"), Account) else mine.id
            arguments = usual | {"account": of_mine} | ({"by": BY} if isinstance(usual.get("by"), type(BY)) else {})
            answers: list[Any] = []

            def kept(verb: Any = verb, answers: list[Any] = answers, **given: Any) -> Any:
                answer = verb(**given)
                answers.append(list(answer) if inspect.isgenerator(answer) else answer)
                return answers[0]

            error = ends(kept, arguments)
            assert error is None, f"{subject}.{verb.__name__}: {error!r}"
            assert ANOTHER.name not in repr(answers), f"{subject}.{verb.__name__} tells"
            assert all_of(store, account) == before, f"{subject}.{verb.__name__} changes"
            tried += 1
    assert tried > 60
    # What was theirs is still found by whose it is.
    assert replace(store.accounts.get(account.id), opted_out=0) == replace(account, opted_out=0)
