"""Backups of a SQLite file, and what is put back from them: whole, or with a sentence and nothing changed."""

import os
import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

from store import (
    Account,
    ChangeCursor,
    ChangesPruned,
    DestinationKind,
    NewDestination,
    Origin,
    Store,
    StoreError,
    StoreUnavailable,
    back_up,
    restore,
    sealing,
    settle_restored,
)
from store.backups import Kept, Restored
from store.database import Database
from tests.entries import opted_out
from tests.tables import step_back

ROOT = Path(__file__).parents[2]
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PHONES = [f"+1212555{number:04}" for number in range(100, 140)]
LATER = "+12125550199"
SECRET = b"correct horse battery"


@pytest.fixture(autouse=True)
def _cheap_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_COST", 2)


@pytest.fixture
def listed(store: Store, account: Account, by_admin: Origin) -> Account:
    """An account with some phones that are opted out."""
    store.optouts.add(account.id, PHONES, by_admin)
    return account


def file_of(store: Store) -> Path:
    assert store.database.url.database is not None
    return Path(store.database.url.database)


def names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@contextmanager
def opened(path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{path}")
    try:
        yield store
    finally:
        store.close()


def phones_in(path: Path, account: Account) -> list[str]:
    with opened(path) as store:
        return opted_out(store, account.id)


@contextmanager
def no_larger_files(size: int) -> Iterator[None]:
    """The system lets no file grow beyond *size* bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# What comes back


@SQLITE
@pytest.mark.parametrize("secret", [None, SECRET])
def test_a_backup_comes_back_whole(
    store: Store, listed: Account, by_admin: Origin, tmp_path: Path, secret: bytes | None
) -> None:
    """Taken while somebody writes, it is the list of one moment; nobody else can read the file, and sealed nobody at all."""
    file, new = tmp_path / "backup", tmp_path / "new.db"
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE accounts SET name = 'not committed'")
        kept = back_up(store.database, file, secret)
    store.optouts.add(listed.id, [LATER], by_admin)
    assert kept == Kept(len(PHONES), 1, store.database.head())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (PHONES[0].encode() in file.read_bytes()) is (secret is None)
    with opened(new) as empty:
        assert restore(empty.database, file, secret) == Restored(kept, None)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert phones_in(new, listed) == PHONES
    assert {name for name in names_in(tmp_path) if "unfinished" in name or "before" in name} == set()


@SQLITE
def test_a_list_that_is_there_is_replaced_on_wish_alone(
    store: Store, listed: Account, by_admin: Origin, tmp_path: Path
) -> None:
    """Without, it stays; with, it is kept beside the new one, with what was not in the file itself yet."""
    file = tmp_path / "backup"
    back_up(store.database, file)
    store.optouts.add(listed.id, [LATER], by_admin)
    store.close()
    with opened(file_of(store)) as there:
        with pytest.raises(
            StoreError, match=r"^Nothing was restored\. .* has a list already, with 41 phones .* --replace"
        ):
            restore(there.database, file)
        assert opted_out(there, listed.id) == sorted([*PHONES, LATER])
    with opened(file_of(store)) as there:
        restored = restore(there.database, file, replace=True)
    assert phones_in(file_of(store), listed) == PHONES
    assert restored.before is not None
    assert restored.before.parent == tmp_path
    assert stat.S_IMODE(restored.before.stat().st_mode) == 0o600
    assert phones_in(restored.before, listed) == sorted([*PHONES, LATER])


@SQLITE
def test_an_empty_database_gives_way(store: Store, listed: Account, tmp_path: Path) -> None:
    """One that a first start made, without any account, or a file without any bytes."""
    file = tmp_path / "backup"
    back_up(store.database, file)
    for name in ("made.db", "empty.db"):
        (tmp_path / name).touch()
        with opened(tmp_path / name) as other:
            if name == "made.db":
                other.database.migrate()
                other.database.identify()
                other.database.engine.dispose()
            assert restore(other.database, file).before is None
        assert phones_in(tmp_path / name, listed) == PHONES


@SQLITE
def test_a_symlink_stays_one(store: Store, listed: Account, tmp_path: Path) -> None:
    """The database it leads to is replaced, and what was there stands beside that."""
    file, place = tmp_path / "backup", tmp_path / "disk"
    back_up(store.database, file)
    place.mkdir()
    link = tmp_path / "link.db"
    link.symlink_to(place / "desk.db")
    for _ in range(2):
        with opened(link) as there:
            before = restore(there.database, file, replace=True).before
        assert link.is_symlink()
        assert phones_in(place / "desk.db", listed) == PHONES
    assert before is not None
    assert before.parent == place


@SQLITE
def test_a_damaged_database_is_replaced(store: Store, listed: Account, tmp_path: Path) -> None:
    """It is what backups are for; what is left of it is kept, and nothing beside it gets into the new one."""
    file, place = tmp_path / "backup", file_of(store)
    back_up(store.database, file)
    store.close()
    place.write_bytes(b"not a database\n" * 1000)
    place.with_name(f"{place.name}-journal").write_bytes(b"what was to be taken back")
    with opened(place) as there:
        with pytest.raises(StoreError, match=r"is damaged, or is no database\. Add --replace"):
            restore(there.database, file)
        before = restore(there.database, file, replace=True).before
    assert before is not None
    assert before.read_bytes().startswith(b"not a database")
    assert not place.with_name(f"{place.name}-journal").exists()
    assert phones_in(place, listed) == PHONES


@SQLITE
def test_a_log_without_its_file_is_set_aside(store: Store, listed: Account, by_admin: Origin, tmp_path: Path) -> None:
    """Of a file that somebody took away: SQLite would take its log for the new one's."""
    file, place = tmp_path / "backup", file_of(store)
    back_up(store.database, file)
    store.optouts.add(listed.id, [LATER], by_admin)
    left = place.with_name(f"{place.name}-wal").read_bytes()
    assert left
    store.close()
    place.unlink()
    place.with_name(f"{place.name}-wal").write_bytes(left)
    with opened(place) as there:
        restore(there.database, file)
    assert phones_in(place, listed) == PHONES


@SQLITE
def test_a_backup_of_a_release_before_is_brought_up(store: Store, account: Account, tmp_path: Path) -> None:
    """Its tables are this release's when they take the place, so that nothing is left for the start."""
    step_back(store, "0012")
    with store.database.write() as connection:
        values = {"id": account.id, "slack_id": "T0DESK", "name": "Desk", "opted_out": 7}
        connection.exec_driver_sql(
            "INSERT INTO accounts (id, slack_id, name, opted_out) VALUES (:id, :slack_id, :name, :opted_out)", values
        )
    assert back_up(store.database, tmp_path / "backup") == Kept(7, 1, "0012")
    with opened(tmp_path / "new.db") as new:
        restore(new.database, tmp_path / "backup")
        new.database.require_head()
        assert new.accounts.get(account.id).opted_out == 7


# Refused, with a sentence


@SQLITE
def test_a_file_that_is_there_is_not_overwritten(store: Store, listed: Account, tmp_path: Path) -> None:
    """A backup of yesterday, a directory, the database itself, a link that leads nowhere: each stays as it is."""
    assert listed.opted_out == 0
    (tmp_path / "yesterday").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for file in (tmp_path / "yesterday", tmp_path, file_of(store), tmp_path / "link"):
        with pytest.raises(StoreError, match=r"is there already, and stays as it is\. Name a file that is not\."):
            back_up(store.database, file)
    assert (tmp_path / "yesterday").read_text() == "kept"
    assert not (tmp_path / "nowhere").exists()


def test_where_there_is_no_database_none_is_kept(tmp_path: Path) -> None:
    """A misspelt DATABASE_URL is not a backup of nothing, and makes no file."""
    with opened(tmp_path / "desk.db") as store, pytest.raises(StoreError, match=r"There is no database at .*desk\.db"):
        back_up(store.database, tmp_path / "backup")
    assert names_in(tmp_path) == set()


@SQLITE
def test_a_damaged_database_is_not_kept(store: Store, listed: Account, tmp_path: Path) -> None:
    """A backup is looked through before it is called one: the one before it may be the last that is whole."""
    assert listed.opted_out == 0
    store.close()
    place = file_of(store)
    content = bytearray(place.read_bytes())
    content[3 * 4096 : 12 * 4096] = b"\x17" * (9 * 4096)
    place.write_bytes(content)
    with opened(place) as there, pytest.raises(StoreError, match=r"^Nothing was kept\. .*desk.db is damaged"):
        back_up(there.database, tmp_path / "backup")
    assert names_in(tmp_path) <= {"desk.db", "desk.db-wal", "desk.db-shm"}


@SQLITE
def test_a_directory_that_is_not_there_is_named(store: Store, tmp_path: Path) -> None:
    """And nothing is left beside the database."""
    with pytest.raises(StoreError, match=r"^Nothing was kept\. .*gone/backup.*: No such file or directory\. "):
        back_up(store.database, tmp_path / "gone" / "backup")
    assert "desk.db.snapshot.unfinished" not in names_in(tmp_path)


def other_database(path: Path) -> None:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE mine (id INTEGER)")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def later_release(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 12 * 4096] = b"\x17" * (9 * 4096)
    path.write_bytes(content)


# What is wrong with a backup, how it becomes so, and what is said.
WRONG: Final[dict[str, tuple[Callable[[Path], object], str]]] = {
    "not there": (lambda file: file.unlink(), "cannot be read: No such file or directory"),
    "a directory": (folder, "cannot be read: Is a directory"),
    "a pipe": (pipe, "is no file"),
    "empty": (lambda file: file.write_bytes(b""), "is empty: whatever wrote it did not come to its end"),
    "a list": (lambda file: file.write_text("phone\n2125550100\n"), "is no backup of the desk's"),
    "somebody else's": (other_database, "none of the desk's"),
    "of a later release": (later_release, r"is of a later release of the desk \(its tables are at 9999\)"),
    "damaged": (damage, "is damaged or was cut short"),
    "cut short": (lambda file: os.truncate(file, 40_000), "is damaged or was cut short"),
    "cut very short": (lambda file: os.truncate(file, 50), "is damaged or was cut short"),
}


@SQLITE
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_backup_is_refused(store: Store, listed: Account, tmp_path: Path, wrong: str) -> None:
    """With what is wrong with it; the list stays as it is, and nothing beside it is left behind."""
    file, (spoil, said) = tmp_path / "backup", WRONG[wrong]
    back_up(store.database, file)
    spoil(file)
    store.close()
    before = names_in(tmp_path)
    with opened(file_of(store)) as there:
        # A pipe that nobody writes to would be waited for.
        opener = os.open(file, os.O_RDWR) if wrong == "a pipe" else None
        with pytest.raises(StoreError, match=f"^Nothing was restored\\. .*backup {said}|none of the desk's"):
            restore(there.database, file, replace=True)
        if opener is not None:
            os.close(opener)
    assert names_in(tmp_path) == before
    assert phones_in(file_of(store), listed) == PHONES


@SQLITE
def test_a_sealed_backup_needs_its_key(store: Store, listed: Account, tmp_path: Path) -> None:
    """Without one, with another, damaged or cut: each is told from the others."""
    sealed, plain, new = tmp_path / "sealed", tmp_path / "plain", tmp_path / "new.db"
    back_up(store.database, sealed, SECRET)
    back_up(store.database, plain)
    content = sealed.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(content[:-1])
    cases = (
        (sealed, None, r"is encrypted\. Name the file with its key: --key KEYFILE"),
        (sealed, SECRET[:-1], "was encrypted with another key"),
        (cut, SECRET, r"is damaged or was cut short\. Take another backup"),
        (plain, SECRET, "is not encrypted"),
    )
    for file, secret, said in cases:
        with opened(new) as empty, pytest.raises(StoreError, match=said):
            restore(empty.database, file, secret)
        assert not new.exists()
    with opened(new) as empty:
        restore(empty.database, sealed, SECRET)
    assert phones_in(new, listed) == PHONES


@SQLITE
def test_nothing_is_restored_under_a_desk(store: Store, listed: Account, by_admin: Origin, tmp_path: Path) -> None:
    """One that has the file open, however idle, goes on with its list."""
    file = tmp_path / "backup"
    back_up(store.database, file)
    store.database.identify()
    with opened(file_of(store)) as there:
        with pytest.raises(
            StoreError, match=r"^Nothing was restored\. A desk, or another program, has .*desk\.db open"
        ):
            restore(there.database, file, replace=True)
        store.optouts.add(listed.id, [LATER], by_admin)
    assert opted_out(store, listed.id) == sorted([*PHONES, LATER])


@SQLITE
def test_somebody_elses_database_is_not_replaced(store: Store, tmp_path: Path) -> None:
    """Whatever DATABASE_URL names by a slip."""
    file, theirs = tmp_path / "backup", tmp_path / "theirs.db"
    back_up(store.database, file)
    other_database(theirs)
    content = theirs.read_bytes()
    with opened(theirs) as there, pytest.raises(StoreError, match="is somebody else's database"):
        restore(there.database, file, replace=True)
    assert theirs.read_bytes() == content


@SQLITE
def test_a_place_that_cannot_be_is_refused(store: Store, tmp_path: Path) -> None:
    """A directory that is not there, and one in the place of the file."""
    back_up(store.database, tmp_path / "backup")
    (tmp_path / "folder").mkdir()
    for place, said in ((tmp_path / "gone" / "desk.db", "is no directory"), (tmp_path / "folder", "is no file")):
        with opened(place) as there, pytest.raises(StoreError, match=said):
            restore(there.database, tmp_path / "backup")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_has_tools_of_its_own(store: Store, tmp_path: Path) -> None:
    """Where they are told of is named, and nothing is half done."""
    for attempt in (back_up, restore):
        with pytest.raises(StoreError, match=r"is for a SQLite file, .* pg_dump or pgBackRest\. docs/operate\.md"):
            attempt(store.database, tmp_path / "backup")
    assert names_in(tmp_path) == set()


@SQLITE
@pytest.mark.parametrize("secret", [None, SECRET])
def test_a_full_disk_leaves_everything_as_it_was(
    store: Store, listed: Account, by_admin: Origin, tmp_path: Path, secret: bytes | None
) -> None:
    """Whichever of the files it is that cannot grow."""
    file, new = tmp_path / "backup", tmp_path / "new.db"
    size = file_of(store).stat().st_size
    full = r" (is full, or fails|Make room there\.)"
    for room in (0, 4096, size // 2):
        with no_larger_files(room), pytest.raises(StoreError, match=f"^Nothing was kept\\..*{full}"):
            back_up(store.database, file, secret)
        assert not {name for name in names_in(tmp_path) if "unfinished" in name or name == "backup"}
    back_up(store.database, file, secret)
    store.optouts.add(listed.id, [LATER], by_admin)
    store.close()
    for place in (new, file_of(store)):
        with opened(place) as there:
            for room in (0, size // 2):
                with no_larger_files(room), pytest.raises(StoreError, match=f"^Nothing was restored\\..*{full}"):
                    restore(there.database, file, secret, replace=True)
        assert not {name for name in names_in(tmp_path) if "unfinished" in name}
    assert not new.exists()
    assert phones_in(file_of(store), listed) == sorted([*PHONES, LATER])


@SQLITE
def test_what_stands_in_the_way_of_the_copy_is_named(store: Store, tmp_path: Path) -> None:
    """A link that somebody put there is not followed, and what a killed backup left is taken over."""
    part, target = tmp_path / "backup.unfinished", tmp_path / "precious"
    target.write_text("kept")
    part.symlink_to(target)
    with pytest.raises(StoreError, match=r"^Nothing was kept\. .*backup\.unfinished"):
        back_up(store.database, tmp_path / "backup")
    part.unlink()
    part.hardlink_to(target)
    with pytest.raises(StoreError, match=r"backup\.unfinished is in the way"):
        back_up(store.database, tmp_path / "backup")
    assert target.read_text() == "kept"
    part.unlink()
    part.write_bytes(b"half a backup" * 1_000_000)
    part.chmod(0o644)
    back_up(store.database, tmp_path / "backup")
    assert not part.exists()
    assert stat.S_IMODE((tmp_path / "backup").stat().st_mode) == 0o600


# What comes again, and who followed


@SQLITE
def test_what_slack_sends_again_is_known(store: Store, account: Account, tmp_path: Path) -> None:
    """An event from before the backup is not handled twice; one from after it is new to the list, as its effect is."""
    store.inbox.keep(account.id, "Ev1", "app_mention", "C1", {"event": {}})
    back_up(store.database, tmp_path / "backup")
    store.inbox.keep(account.id, "Ev2", "app_mention", "C1", {"event": {}})
    store.close()
    with opened(file_of(store)) as there:
        restore(there.database, tmp_path / "backup", replace=True)
        assert there.inbox.keep(account.id, "Ev1", "app_mention", "C1", {"event": {}}) is None
        assert there.inbox.keep(account.id, "Ev2", "app_mention", "C1", {"event": {}}) is not None


@SQLITE
def test_followers_read_the_whole_list_again(store: Store, listed: Account, by_admin: Origin, tmp_path: Path) -> None:
    """
    A cursor from after the backup is refused, also once as many changes were made since; a destination goes back by itself.

    What it was told of, a phone that was allowed again after the backup, it is told anew: it is opted out.
    """
    wanted = NewDestination(DestinationKind.WEBHOOK, "Bridge", "C1", "https://example.org/hook")
    store.destinations.make(listed.id, wanted, by_admin)
    told = store.destinations.claim("me", lease_seconds=-1)
    assert told is not None
    store.destinations.taken(told, store.destinations.page(told, 1_000).cursor, of_each={}, wait=lambda _: 0)
    back_up(store.database, tmp_path / "backup")
    store.optouts.delete(listed.id, PHONES[0], by_admin)
    ahead = ChangeCursor(store.changes.head(listed.id))
    store.close()
    with opened(file_of(store)) as there:
        restore(there.database, tmp_path / "backup", replace=True)
    with opened(file_of(store)) as there:
        for number in range(5):
            there.optouts.add(listed.id, [f"+1212555{number:04}"], by_admin)
        for cursor in (ahead, ChangeCursor(0), ChangeCursor(1, PHONES[3], whole=True)):
            with pytest.raises(ChangesPruned, match="Read the whole list again"):
                there.changes.after(listed.id, cursor)
        anew = there.changes.after(listed.id, None)
        assert {one.phone for one in anew.phones if one.opted_out} == {*PHONES, *(f"+1212555000{n}" for n in range(5))}
        assert there.changes.after(listed.id, anew.cursor).phones == ()
        again = there.destinations.claim("me", lease_seconds=30)
        assert again is not None
        assert PHONES[0] in {one.phone for one in there.destinations.page(again, 1_000).phones if one.opted_out}


def test_a_database_that_others_put_back_is_known_for_another(
    store: Store, database_url: str, listed: Account, by_admin: Origin
) -> None:
    """As by pg_restore or Litestream: a desk that still runs takes nothing on, and a cursor of before is refused."""
    store.database.identify()
    ahead = ChangeCursor(store.changes.head(listed.id))
    other = Store.open(database_url)
    settle_restored(other.database)
    other.database.identify()
    other.close()
    store.database.engine.dispose()  # as what restores it does to all connections
    with pytest.raises(StoreUnavailable):
        store.optouts.add(listed.id, [LATER], by_admin)
    anew = Store.open(database_url)
    with pytest.raises(ChangesPruned):
        anew.changes.after(listed.id, ahead)
    assert opted_out(anew, listed.id) == PHONES
    anew.close()


# Killed

# Of processes that do the work, one for each step: killed at that thing that it does with a file, and then another that does
# it again. What opens, names and removes them is audited by Python, and copies are made some pages at a time.
KILLED: Final = """
import os, shutil, sqlite3, sys
from itertools import count
from pathlib import Path
from store import Store, back_up, restore

work, directory = sys.argv[1], Path(sys.argv[2])
place, left = directory, 0

def step():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)

class Paged(sqlite3.Connection):
    def backup(self, target, **_):
        super().backup(target, pages=40, progress=lambda *_: step())

def audit(event, arguments):
    touched = event in {"open", "os.rename", "os.link", "os.remove", "os.truncate", "sqlite3.connect"}
    if left and touched and str(place) in str(arguments[0]):
        step()

connect = sqlite3.connect
sqlite3.connect = lambda *a, **k: connect(*a, **({"factory": Paged} | k))
sys.addaudithook(audit)
Store.open(f"sqlite:///{directory / 'now.db'}").database.revision()  # what is imported late is imported

def done(steps, name):
    global left
    process = os.fork()
    if process == 0:
        try:
            left = steps
            store = Store.open(f"sqlite:///{place / 'desk.db'}")
            if work == "back up":
                back_up(store.database, place / name)
            else:
                restore(store.database, place / "backup", replace=True)
            left = 0
            store.close()
        except BaseException as error:
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

for steps in count(1):
    place = directory / f"step {steps}"
    place.mkdir()
    if work != "restore":
        shutil.copy(directory / "now.db", place / "desk.db")
    if work != "back up":
        shutil.copy(directory / "then.db", place / "backup")
    ended = done(steps, "backup")
    if ended == 0:
        break
    assert ended == -9, ended
    shutil.copytree(place, directory / f"killed {steps}")
    assert done(0, "again") == 0
print(steps)
"""


def phones_in_the_file(path: Path) -> list[str] | None:
    """The phones that are opted out there, as SQLite alone sees them; None where there is no database."""
    if not path.exists() or not path.stat().st_size:
        return None
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [phone for (phone,) in connection.execute("SELECT phone FROM opted_out ORDER BY phone")]


@pytest.mark.wide
@SQLITE
@pytest.mark.parametrize("work", ["back up", "restore", "restore over"])
def test_killed_at_any_step_nothing_is_lost(
    store: Store, listed: Account, by_admin: Origin, tmp_path: Path, work: str
) -> None:
    """The list is the one before or the new one, the backup whole or not there; and the next attempt does it."""
    back_up(store.database, tmp_path / "then.db")
    store.optouts.add(listed.id, [LATER], by_admin)
    back_up(store.database, tmp_path / "now.db")
    now, then = sorted([*PHONES, LATER]), PHONES
    script = [sys.executable, "-c", KILLED, work, str(tmp_path)]
    ended = subprocess.run(script, cwd=ROOT, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    steps = int(ended.stdout)
    assert steps > 10
    for step in range(1, steps):
        killed, again = tmp_path / f"killed {step}", tmp_path / f"step {step}"
        if work == "back up":
            assert phones_in_the_file(killed / "desk.db") == now
            assert phones_in_the_file(killed / "backup") in (now, None)
            assert phones_in_the_file(again / "again") == now
        else:
            assert phones_in_the_file(killed / "desk.db") in ((then, None) if work == "restore" else (then, now))
            assert phones_in_the_file(again / "desk.db") == then


def test_a_database_knows_its_file(database_url: str) -> None:
    """A server's has none."""
    database = Database(database_url)
    url = sa.make_url(database_url)
    expected = Path(url.database or "").resolve() if database_url.startswith("sqlite") else None
    assert database.dialect.file == expected
    database.close()
