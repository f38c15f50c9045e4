"""Keys of the API by the command line: the text once to standard output, refusals in one sentence, nothing half-done."""

import re

import pytest
from click.testing import CliRunner, Result

from bot.__main__ import main
from store import Account, KeyState, Scope, Store
from tests.entries import latest_entries


def run(store: Store, *arguments: str) -> Result:
    """`python -m bot key` with *arguments*, on the database of *store*."""
    environment = {"DATABASE_URL": store.database.url.render_as_string(hide_password=False)}
    return CliRunner(env=environment).invoke(main, ["key", *arguments])


def test_a_key_is_made_listed_and_revoked(store: Store, account: Account) -> None:
    """Standard output of `make` is the text alone, which opens the account; the list shows ids and never the text."""
    made = run(
        store, "make", "--account", "T0DESK", "--name", "bridge", "--scope", "check", "--scope", "opt-out", "--never"
    )
    assert made.exit_code == 0, made.output
    assert re.fullmatch(r"optk_[a-z]{10}_[A-Za-z0-9]{40}\n", made.stdout)
    assert made.stderr == ""
    key = store.keys.verify(made.stdout.strip())
    assert (key.account_id, key.scopes, key.expires_at) == (account.id, (Scope.CHECK, Scope.OPT_OUT), None)
    assert key.made_by.id.startswith("local:")
    store.keys.note_use(key)
    listed = run(store, "list", "--account", "T0DESK").stdout
    assert listed.startswith(f"{key.id}  'bridge': check, opt-out; never expires; last used ")
    assert made.stdout.strip().rpartition("_")[2] not in listed
    assert run(store, "revoke", key.id, "--account", "T0DESK").stdout == "'bridge' is revoked.\n"
    again = run(store, "revoke", key.id, "--account", "T0DESK")
    assert again.exit_code == 0
    assert again.stdout.startswith("Nothing was changed: 'bridge' was revoked by ")
    assert [key.state for key in store.keys.list_of(account.id)] == [KeyState.REVOKED]
    assert len(latest_entries(store, account.id, 9)) == 2


def test_it_expires_when_it_is_told_to(store: Store, account: Account) -> None:
    """After so many days, or with the end of a day."""
    run(store, "make", "--account", "T0DESK", "--name", "a", "--scope", "check", "--days", "30")
    run(store, "make", "--account", "T0DESK", "--name", "b", "--scope", "check", "--until", "2099-10-01")
    by_name = {key.name: key for key in store.keys.list_of(account.id)}
    made = by_name["a"]
    assert made.expires_at is not None
    assert round((made.expires_at - made.made_at).total_seconds() / 86_400) == 30
    assert "'b': check; expires at 2099-10-01 23:59 UTC; never used" in run(store, "list", "--account", "T0DESK").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("make --account T0NOBODY --name a --scope check --never", "There is no account T0NOBODY in this database."),
        ("make --account T0DESK --name a --never", "Missing option '--scope'"),
        ("make --account T0DESK --name a --scope everything --never", "'everything' is not one of 'check'"),
        ("make --account T0DESK --name a --scope check", "Give one of --days, --until and --never."),
        ("make --account T0DESK --name a --scope check --never --days 3", "Give one of --days, --until and --never."),
        ("make --account T0DESK --name a --scope check --days 0", "0 is not in the range"),
        ("make --account T0DESK --name a --scope check --until 2020-01-01", "choose a later day"),
        (f"make --account T0DESK --name {'x' * 80} --scope check --never", "1 to 40 characters"),
        ("list --account T0NOBODY", "There is no account T0NOBODY in this database."),
        ("revoke abcdefghij --account T0DESK", "There is no such key any more."),
        ("revoke abcdefghij --account T0NOBODY", "There is no account T0NOBODY in this database."),
    ],
)
def test_what_cannot_be_is_one_sentence(store: Store, account: Account, arguments: str, said: str) -> None:
    """Nothing is made, no account either, and nothing stands on standard output."""
    result = run(store, *arguments.split())
    assert result.exit_code != 0
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert store.keys.list_of(account.id) == ()
    assert [one.slack_id for one in store.accounts.list()] == ["T0DESK"]
