"""The scratch directory: one for each desk, its user's alone, and clear of what dead processes left."""

import os
import stat
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.work.scratch import ScratchDirectory
from store import Account, Function, Origin, Scratch, Store, StoreError, Upload
from store.lists.staging import stage
from tests.store.test_uploads import received

ROOT = Path(__file__).parents[3]
ONE, OTHER = "sqlite /srv/one.db", "sqlite /srv/other.db"


def opened(base: Path, database: str = ONE) -> AbstractContextManager[ScratchDirectory]:
    return ScratchDirectory(base, database).opened()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def processes(scratch: ScratchDirectory) -> list[Path]:
    return sorted(scratch.path.glob("process-*"))


@pytest.fixture
def upload(store: Store, account: Account) -> Upload:
    return received(store, account)


def test_two_desks_never_meet(tmp_path: Path, upload: Upload) -> None:
    """Of two databases the directories differ, so the same upload of both is in two places; of one they are the same."""
    with opened(tmp_path) as one, opened(tmp_path, OTHER) as other, opened(tmp_path) as replica:
        assert one.list_of(upload) != other.list_of(upload)
        assert one.label_of(upload) != other.label_of(upload)
        assert (one.list_of(upload), one.label_of(upload)) == (replica.list_of(upload), replica.label_of(upload))
        with one.folder() as first, one.folder() as second, replica.folder() as third:
            assert len({first, second, third, first.parent, third.parent}) == 5


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    """Directories are their owner's alone whatever the mask of the process; one that is too open is closed."""
    before = os.umask(0)
    try:
        (tmp_path / ScratchDirectory(tmp_path, ONE).path.name).mkdir(mode=0o777)
        with opened(tmp_path) as scratch, scratch.folder() as folder:
            assert [mode(path) for path in (scratch.path, folder.parent, folder)] == [0o700] * 3
            assert {mode(path) for path in scratch.path.rglob("lock")} == {0o600}
    finally:
        os.umask(before)


def test_what_is_not_ours_is_refused(tmp_path: Path) -> None:
    """A link, a file, or another user's directory under our name: the desk does not start, and says why."""
    path = ScratchDirectory(tmp_path, ONE).path
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path.symlink_to(elsewhere)
    with pytest.raises(StoreError, match=r"is not a directory of the desk's own user.*set OPTOUT_SCRATCH_DIR"):
        ScratchDirectory(tmp_path, ONE).open()
    assert list(elsewhere.iterdir()) == []
    path.unlink()
    path.write_text("")
    with pytest.raises(StoreError, match="is not a directory of the desk's own user"):
        ScratchDirectory(tmp_path, ONE).open()
    path.unlink()
    with pytest.raises(StoreError, match=r"cannot be used for lists \(No such file or directory\)"):
        ScratchDirectory(tmp_path / "nowhere", ONE).open()
    if os.geteuid() == 0:
        path.mkdir()
        os.chown(path, 65534, 65534)
        with pytest.raises(StoreError, match="is not a directory of the desk's own user"):
            ScratchDirectory(tmp_path, ONE).open()


def test_a_folder_is_gone_with_its_work(tmp_path: Path) -> None:
    """Whatever stands in it, and however the work ends."""
    made: list[Path] = []

    def work() -> None:
        with scratch.folder() as folder:
            made.append(folder)
            (folder / "list").write_text("+12125550100")
            raise KeyboardInterrupt

    with opened(tmp_path) as scratch:
        with pytest.raises(KeyboardInterrupt):
            work()
        assert not made[0].exists()
        assert processes(scratch) == [made[0].parent]
    assert processes(scratch) == []


@pytest.mark.wide_but_first
@pytest.mark.parametrize("by", ["the next start", "a running desk"])
def test_what_the_dead_left_is_cleared(tmp_path: Path, upload: Upload, by: str) -> None:
    """A killed process's files go with the next start, and a running desk's next look; those of the living, and what was read of lists, stay."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom handlers.work.scratch import ScratchDirectory\n"
        f"scratch = ScratchDirectory(Path({str(tmp_path)!r}), {ONE!r})\nscratch.open()\n"
        "with scratch.folder() as folder:\n    (folder / 'export.csv').write_text('+12125550100')\n"
        "    print(folder, flush=True)\n    time.sleep(600)\n"
    )
    dead = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert dead.stdout is not None

    def clear() -> None:
        if by == "a running desk":
            living.sweep(lambda _account, _upload: True)
            return
        with opened(tmp_path):
            pass

    with opened(tmp_path) as living, living.folder() as mine:
        left = Path(dead.stdout.readline().strip())
        (mine / "list").write_text("+12125550101")
        living.list_of(upload).write_text("")
        clear()
        assert (left / "export.csv").exists(), "it lives"
        dead.kill()
        dead.communicate()
        assert (left / "export.csv").exists()
        with opened(tmp_path, OTHER):
            assert (left / "export.csv").exists(), "it is another desk's"
        clear()
        assert not left.parent.exists()
        assert (mine / "list").exists()
        assert living.list_of(upload).exists()


def test_what_was_read_of_a_list_that_ended_is_cleared(tmp_path: Path, store: Store, upload: Upload) -> None:
    """While its upload is read, waits or is applied a scratch file stays; once that ended elsewhere, a running desk removes it."""
    with opened(tmp_path) as scratch, opened(tmp_path, OTHER) as other:
        path, foreign = scratch.list_of(upload), other.list_of(upload)
        for file in (path, foreign, path.with_name("odd.scratch")):
            file.write_text("+12125550100")
        scratch.sweep(store.uploads.unfinished)
        assert path.exists()
        assert not path.with_name("odd.scratch").exists()
        store.uploads.cancel(upload.account_id, upload.id, Origin(Function.UPLOAD, upload.actor))
        scratch.sweep(store.uploads.unfinished)
        assert not path.exists()
        assert foreign.exists()


def test_a_process_lives_as_long_as_its_children(tmp_path: Path) -> None:
    """A child that outlives its parent for a moment still writes to its files: nobody takes them for left over."""
    first = ScratchDirectory(tmp_path, ONE)
    first.open()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(first.lock,), cwd=ROOT)
    os.close(first.lock)  # as the system does for a parent that was killed
    with opened(tmp_path) as second:
        assert len(processes(second)) == 2
    child.communicate(b"\n")
    with opened(tmp_path) as third:
        assert len(processes(third)) == 1


@pytest.mark.wide_but_first
def test_a_scratch_file_of_another_is_not_read(tmp_path: Path, upload: Upload) -> None:
    """Even at the right place, one that says it is another desk's, or another upload's, is not opened."""
    list_ = tmp_path / "list.csv"
    list_.write_text("phone\n2125550100\n")
    with opened(tmp_path) as one, opened(tmp_path, OTHER) as other:
        path = one.list_of(upload)
        stage(
            list_, path, country="US", column=None, progress=lambda _rows, _part: None, label=other.label_of(upload)
        ).close()
        assert Scratch.open(path, label=one.label_of(upload)) is None
        assert Scratch.open(path) is None
        found = Scratch.open(path, label=other.label_of(upload))
        assert found is not None
        found.close()


def test_a_list_that_ended_elsewhere_is_not_kept_for_ever(tmp_path: Path, upload: Upload) -> None:
    """What was read of a list longer ago than its preview could wait goes with the next start; what may still wait stays."""
    with opened(tmp_path) as scratch:
        path = scratch.list_of(upload)
        path.write_text("")
        with opened(tmp_path):
            assert path.exists()
        before = time.time() - timedelta(days=3, seconds=1).total_seconds()
        os.utime(path, (before, before))
        with opened(tmp_path):
            assert not path.exists()
