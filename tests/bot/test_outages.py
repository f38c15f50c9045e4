"""A desk whose database is taken away, damaged or empty, as people, operators and outsiders see it."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from structlog.testing import capture_logs

from bot.__main__ import main
from bot.config import Settings
from bot.doctor import examine
from bot.sandbox import EmbeddedSlack, SandboxClient
from bot.serve import EVENTS_PATH
from bot.stores import described, open_store
from store import Account, Actor, Function, Origin, Served, Store, StoreUnavailable
from tests.bot.test_serve import got, served, settings_for

ADMIN = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
PHONE = "+12125550100"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` of the project's directory is read."""
    monkeypatch.chdir(tmp_path)


def spoil(path: Path) -> None:
    """Overwrite all of it but the header, so that it opens and cannot be read."""
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * (len(content) - 100))


def garble(path: Path) -> None:
    path.write_bytes(b"no database at all\n" * 1_000)


FATES: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "replaced": lambda path: (path.rename(path.with_name("gone.db")), path.write_bytes(b"")),
    "emptied": lambda path: os.truncate(path, 0),
}


@pytest.mark.wide_but_first
@pytest.mark.parametrize("fate", FATES)
async def test_a_desk_whose_file_is_gone_says_so(
    slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path, fate: str
) -> None:
    """A command is answered in words, and not as done. Outsiders learn a word, the log what happened and what to do."""
    settings = settings_for(slack, tmp_path, socket=False)
    async with served(settings) as (service, url):
        slack.events_url = url + EVENTS_PATH
        await service.start()
        assert (await people.command("admin", "campaign-admins", "/optout add 212 555 0100")).ok
        assert (await got(f"{url}/readyz"))[0] == 200
        with capture_logs() as logs:
            FATES[fate](tmp_path / "desk.db")
            outcome = await people.command("admin", "campaign-admins", "/optout add 212 555 0101")
            status, body = await got(f"{url}/readyz")
        said = str((await people.state()).channel("campaign-admins").messages) + str(outcome)
        assert "212) 555-0101 opted out" not in said
        assert "nothing was changed" in said
        assert "desk.db" in said
        assert str(tmp_path) not in said
        assert (status, body) == (503, {"ready": False})
        told = [line for line in logs if line["event"] == "the database cannot be used"]
        assert told[0]["log_level"] == "critical"
        assert str(tmp_path / "desk.db") in told[0]["cause"]
        assert "start the desk again" in told[0]["cause"] or "start it again" in told[0]["cause"]
        assert (await got(f"{url}/healthz"))[0] == 200


@pytest.mark.wide_but_first
@pytest.mark.parametrize("damage", [spoil, garble])
@pytest.mark.parametrize(
    "arguments",
    [
        ("serve",),
        ("doctor",),
        ("migrate",),
        ("import", "LIST", "--account", "T0DESK", "--country", "US", "--yes"),
        ("export", "--account", "T0DESK"),
        ("scrub", "LIST", "--account", "T0DESK"),
    ],
    ids=lambda arguments: arguments[0] if isinstance(arguments, tuple) else "",
)
def test_a_damaged_file_is_one_sentence(
    tmp_path: Path, damage: Callable[[Path], None], arguments: tuple[str, ...]
) -> None:
    """Every command says which file is damaged and what to do about it, without a traceback, and leaves it as it is."""
    file, a_list = tmp_path / "desk.db", tmp_path / "stops.csv"
    store = Store.open(f"sqlite:///{file}")
    store.database.migrate()
    account = store.accounts.get_or_create("T0DESK", "Desk", country="US")
    store.optouts.add(account.id, [PHONE], ADMIN)
    store.close()
    damage(file)
    left = file.read_bytes()
    a_list.write_text("phone\n212 555 0102\n")
    environment = {
        "DATABASE_URL": f"sqlite:///{file}",
        "SLACK_BOT_TOKEN": "xoxb-1",
        "SLACK_APP_TOKEN": "xapp-1",
        "SLACK_API_URL": "http://127.0.0.1:1/api/",
    }
    arguments = tuple(str(a_list) if argument == "LIST" else argument for argument in arguments)
    result = CliRunner().invoke(main, arguments, env=environment)
    assert result.exit_code == 1, result.output
    assert f"{file} is damaged, or is no database at all. Stop the desk" in result.output
    assert "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)
    assert file.read_bytes() == left


@pytest.mark.wide
async def test_damage_that_is_met_later_is_told_in_slack(
    slack: EmbeddedSlack, people: SandboxClient, tmp_path: Path
) -> None:
    """A desk that finds its file damaged while it runs tells whoever asks that it is, by the file's name alone."""
    settings = settings_for(slack, tmp_path, socket=False)
    async with served(settings) as (service, url):
        slack.events_url = url + EVENTS_PATH
        await service.start()
        service._store.database.engine.dispose()  # as after an hour of quiet: nothing of it is remembered
        for name in ("desk.db-wal", "desk.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        garble(tmp_path / "desk.db")
        outcome = await people.command("admin", "campaign-admins", "/optout add 212 555 0101")
        said = str((await people.state()).channel("campaign-admins").messages) + str(outcome)
        assert "desk.db is damaged" in said
        assert "nothing was changed" in said
        assert (await got(f"{url}/readyz"))[0] == 503


def test_an_empty_list_says_that_it_is(store: Store, account: Account) -> None:
    """Whoever starts a desk is told how many are opted out and where, and that nobody is when nobody is."""
    (in_use, first), (loud, second) = described(store)
    assert (in_use, loud) == (False, False)
    where = store.database.dialect.where
    assert first == f"0 phones are opted out in the account T0DESK of {where}."
    assert second.startswith(f"Nobody is opted out in {where}.")
    store.optouts.add(account.id, [PHONE], ADMIN)
    assert list(described(store)) == [(True, f"1 phone is opted out in the account T0DESK of {where}.")]


def test_a_list_that_another_database_has_is_none_here(store: Store, account: Account, database_url: str) -> None:
    """Where everybody who is opted out is of an account that is served from elsewhere, the start says that nobody is."""
    store.optouts.add(account.id, [PHONE], ADMIN)
    here = Store.open(database_url, served=Served(frozenset({account.slack_id})))
    (_, left), (in_use, nobody) = described(here)
    here.close()
    assert "which nobody asks" in left
    assert not in_use
    assert nobody.startswith("Nobody is opted out in")
    assert nobody.endswith("see DATABASE_URL.")
    own = Store.open(database_url, served=Served(frozenset({"T0OTHER"}), all_but=False))
    *_, (_, nobody) = described(own)
    own.close()
    assert nobody.endswith("see OPTOUT_DATABASES.")


def test_a_new_file_and_an_open_one_are_told_of_at_the_start(tmp_path: Path) -> None:
    """That a list was made where none was is said, and that one could be read by everybody, who then no longer can."""
    file = tmp_path / "desk.db"
    settings = Settings(database_url=f"sqlite:///{file}")
    said: list[str] = []
    open_store(settings, said.append).close()
    assert said == [f"A new, empty list was made: the SQLite file {file}."]
    file.chmod(0o644)
    said.clear()
    store = open_store(settings, said.append)
    assert said == [f"the SQLite file {file} could be read by every user of this machine. It is closed to them now."]
    assert {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.glob("desk.db*")} == {0o600}
    store.close()
    # What somebody opened to a group stays so.
    file.chmod(0o640)
    said.clear()
    open_store(settings, said.append).close()
    assert (said, stat.S_IMODE(file.stat().st_mode)) == ([], 0o640)


async def test_doctor_warns_of_a_file_that_all_can_read(slack: EmbeddedSlack, tmp_path: Path) -> None:
    """It names the file and what closes it, and leaves it as it is."""
    settings = settings_for(slack, tmp_path, socket=True)
    open_store(settings).close()
    (tmp_path / "desk.db").chmod(0o644)
    said = [finding.sentence for finding in await examine(settings) if not finding.good]
    assert any("desk.db can be read by every user of this machine" in sentence for sentence in said)
    assert stat.S_IMODE((tmp_path / "desk.db").stat().st_mode) == 0o644


def test_serving_a_database_gives_it_an_identity(store: Store, database_url: str) -> None:
    """Two replicas that serve one database know it by the same id, and a third that comes later too."""
    stores = [store, Store.open(database_url), Store.open(database_url)]
    for one in stores:
        one.database.identify()
    for one in stores:
        one.database.check()
        one.accounts.get_or_create("T0DESK", "Desk")
    swapped = Store.open(database_url)
    with swapped.database.write() as connection:
        connection.exec_driver_sql("UPDATE database_identity SET id = 'another'")
    swapped.close()
    for one in stores:
        one.database.engine.dispose()
        with pytest.raises(StoreUnavailable, match="not the one it was"):
            one.accounts.find("T0DESK")
        one.close()
