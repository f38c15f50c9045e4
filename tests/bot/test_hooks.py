"""Hooks by the command line: the address is what is printed, a secret never is, and refusals are one sentence."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.__main__ import main
from store import Account, Store

SID, TOKEN, KEY = "AC" + "1f" * 16, "t0ken-of-twilios", "A" * 43 + "="
URL = "https://desk.example.org/optout"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a directory with the files of secrets, where no `.env` is."""
    monkeypatch.chdir(tmp_path)
    Path("token").write_text(f"{TOKEN}\n")
    Path("empty").write_text("")


def run(store: Store, *arguments: str, url: str = URL, typed: str = "") -> Result:
    """`python -m bot hook` with *arguments*, on the database of *store*; *typed* on standard input."""
    environment = {
        "DATABASE_URL": store.database.url.render_as_string(hide_password=False),
        "OPTOUT_PUBLIC_URL": url,
    }
    return CliRunner(env=environment).invoke(main, ["hook", *arguments], input=typed)


def test_a_hook_is_made_listed_and_removed(store: Store, account: Account) -> None:
    """Standard output of `make-twilio` is the address as Twilio is to be told it; no secret stands anywhere."""
    mine = ("--account", "T0DESK")
    made = run(store, "make-twilio", *mine, "--name", "main", "--account-sid", SID, "--auth-token", "token")
    assert made.exit_code == 0, made.output
    assert re.fullmatch(rf"{URL}/hooks/twilio/[a-z]{{20}}#rc=5&rp=ct,rt,5xx\n", made.stdout)
    typed = run(
        store,
        *("make-twilio", *mine, "--name", "piped", "--account-sid", SID, "--auth-token", "-", "--shared-key", "token"),
        typed=f"{TOKEN}s\n",
    )
    assert typed.exit_code == 0, typed.output
    telnyx = run(store, "make-telnyx", *mine, "--name", "profile", "--public-key", KEY)
    assert re.fullmatch(rf"{URL}/hooks/telnyx/[a-z]{{20}}\n", telnyx.stdout)
    by_name = {hook.name: hook for hook in store.hooks.list_of(account.id)}
    assert (by_name["main"].secret, by_name["main"].shared_key) == (TOKEN, None)
    assert (by_name["piped"].secret, by_name["piped"].shared_key) == (f"{TOKEN}s", TOKEN)
    assert by_name["main"].made_by.id.startswith("local:")
    listed = run(store, "list", *mine).stdout
    assert f"{by_name['main'].id}  'main': {made.stdout.strip()}; messages read up to " in listed
    assert f"{by_name['profile'].id}  'profile': {telnyx.stdout}" in listed
    assert "(OPTOUT_PUBLIC_URL is not set)/hooks/" in run(store, "list", *mine, url="").stdout
    due = store.hooks.claim(owner="me", lease_seconds=60)
    assert due is not None
    store.hooks.give_back(due, seconds=60, trouble="Twilio cannot be reached (TimeoutError)")
    assert "UTC; Twilio cannot be reached (TimeoutError)\n" in run(store, "list", *mine).stdout
    removed = run(store, "remove", by_name["main"].id, *mine)
    assert removed.stdout == "'main' is removed: what Twilio still sends there is refused.\n"
    assert store.hooks.find(by_name["main"].id) is None
    assert TOKEN not in made.output + typed.output + listed + removed.output


@pytest.mark.wide_but_first
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            f"make-twilio --account T0NOBODY --name a --account-sid {SID} --auth-token token",
            "There is no account T0NOBODY",
        ),
        (f"make-twilio --account T0DESK --name a --account-sid {SID}", "Missing option '--auth-token'"),
        (
            f"make-twilio --account T0DESK --name a --account-sid {SID} --auth-token {TOKEN}",
            "No such file or directory",
        ),
        (f"make-twilio --account T0DESK --name a --account-sid {SID} --auth-token empty", "A secret of Twilio's has"),
        (
            "make-twilio --account T0DESK --name a --account-sid SK1 --auth-token token",
            "An account SID of Twilio's is AC",
        ),
        ("make-telnyx --account T0DESK --name a --public-key abc", "A public key of Telnyx's is 44 characters"),
        ("remove abcdefghij --account T0DESK", "There is no such hook."),
        ("list --account T0NOBODY", "There is no account T0NOBODY in this database."),
    ],
)
def test_what_cannot_be_is_one_sentence(store: Store, account: Account, arguments: str, said: str) -> None:
    """Nothing is made, and nothing stands on standard output."""
    result = run(store, *arguments.split())
    assert result.exit_code != 0
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert store.hooks.list_of(account.id) == ()


def test_without_an_address_no_hook_is_made(store: Store, account: Account) -> None:
    """Twilio signs the address: the sentence says which setting names it."""
    result = run(store, "make-telnyx", "--account", "T0DESK", "--name", "a", "--public-key", KEY, url="")
    assert result.exit_code == 1
    assert "OPTOUT_PUBLIC_URL is not set" in result.stderr
    assert store.hooks.list_of(account.id) == ()
