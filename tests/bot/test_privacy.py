"""docs/privacy.md as an operator follows it, and what it says of how long things are kept."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.config import Settings, variable_of
from store import Store
from tests.bot.test_cli import run
from tests.bot.test_keeping import ADMIN, PHONES, ROOT, _elsewhere, listed, shell
from tests.conftest import new_database

PAGE = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
__all__ = ["_elsewhere", "listed"]


def test_how_long_is_what_the_settings_say() -> None:
    """Each setting on the page stands behind its default, in its unit; each that decides how long something is kept is there."""
    told = dict(re.findall(r"(\d+ \w+) \(`(OPTOUT_\w+)`\)", PAGE))
    fields = ("payload_minutes", "name_days", "preview_hours", "undo_days")
    assert {name: span for span, name in told.items()} == {
        variable_of(field): f"{Settings.model_fields[field].default:g} {field.rpartition('_')[2]}" for field in fields
    }


@pytest.mark.wide
def test_a_number_is_erased_as_the_page_says(listed: str, tmp_path: Path) -> None:
    """Key, erasing and the last look, as they are typed; without the key nothing starts, and an export counts who is in no file."""
    for wrong, why in (
        ("212 555 0177", "no country code: start it with one, as in +44."),
        ("+12", "only 2 digits."),
    ):
        refused = run("erase", wrong, "--account", listed, OPTOUT_ERASE_KEY="k" * 32)
        assert refused.exit_code == 1
        assert refused.output == f"Error: Nothing was erased: {wrong} is not a phone number: {why}\n"
    make_key, erase, look = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    refused = run("erase", PHONES[0], "--account", listed)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: Nothing was erased: OPTOUT_ERASE_KEY is not set")
    assert shell(make_key).returncode == 0
    done = shell(erase)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines()[0].endswith(
        "is erased: it stays opted out by a hash, and stands nowhere in the list's database."
    )
    assert PHONES[0][2:] not in done.stdout
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("desk.db*"))
    assert PHONES[0][2:].encode() not in kept
    assert PHONES[1].encode() in kept
    assert shell(look).stdout == "0\n"
    without = run("export", "--account", listed, "--format", "phones")
    assert without.exit_code == 1
    assert "without OPTOUT_ERASE_KEY nobody can tell which" in without.output
    key = str(tmp_path / "erase.key")
    exported = run("export", "--account", listed, "--format", "phones", OPTOUT_ERASE_KEY_FILE=key)
    assert exported.output.split()[:2] == ["phone", PHONES[1]]
    assert "1 erased number more must not be texted" in exported.output
    store = Store.open("sqlite:///desk.db", erase_key=Path(key).read_text(encoding="utf-8").strip())
    (account,) = store.accounts.list()
    assert store.optouts.check(account.id, PHONES).opted_out == frozenset(PHONES)
    assert store.optouts.add(account.id, PHONES[:1], ADMIN)[0].newly is False
    store.close()


@pytest.mark.wide
def test_on_postgresql_nothing_is_left_either(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The last look of the page, there by pg_dump: it finds the number before it is erased, and not after."""
    (look,) = re.findall(r"so does `(pg_dump [^`]+)`", PAGE)
    _, erase, _ = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "erase.key").write_text("k" * 32, encoding="utf-8")
    with new_database("postgresql", request, tmp_path) as url:
        plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        store = Store.open(url)
        account = store.accounts.get_or_create("T012AB3CD", "Harbor")
        store.optouts.add(account.id, PHONES, ADMIN)
        store.close()
        assert int(shell(look, DATABASE_URL=plain).stdout) > 0
        done = shell(erase, DATABASE_URL=plain)
        assert done.returncode == 0, done.stdout
        assert shell(look, DATABASE_URL=plain).stdout == "0\n"


def test_what_is_left_of_a_moved_account_is_erased_too(tmp_path: Path) -> None:
    """Where the account has a database of its own that began as a copy, the other is named, with how to erase the number there."""
    names = ("desk.db", "own.db")
    for name in names:
        store = Store.open(f"sqlite:///{name}")
        store.database.migrate()
        store.optouts.add(store.accounts.get_or_create("T012AB3CD", "Harbor").id, PHONES[:1], ADMIN)
        store.close()
    environment = {
        "DATABASE_URL": "sqlite:///desk.db",
        "OPTOUT_DATABASES": "T012AB3CD=sqlite:///own.db E012AB3CD=sqlite:///gone/other.db",
        "OPTOUT_ERASE_KEY": "k" * 32,
    }
    erase = "erase", PHONES[0], "--account", "T012AB3CD"
    done = run(*erase, **environment)
    assert done.exit_code == 0, done.output
    assert "is erased" in done.output
    *_, last = done.output.splitlines()
    assert last == (
        f"What is left of T012AB3CD in the SQLite file {tmp_path}/desk.db may have it too: erase it there as well, by this command "
        "with its URL as DATABASE_URL and an empty OPTOUT_DATABASES."
    )
    assert "is erased" in run(*erase, **environment | {"OPTOUT_DATABASES": ""}).output
    for name in names:
        assert PHONES[0][2:].encode() not in b"".join(path.read_bytes() for path in tmp_path.glob(f"{name}*"))
