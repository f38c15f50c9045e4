"""Releases before this one, as they stand in the repository's history: their programs, to be run beside this one's."""

import os
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
# What a desk runs; the rest of a tree is of no use here.
_PROGRAM: Final = ("bot", "handlers", "store")


@dataclass(frozen=True, slots=True)
class Release:
    """A release: what it is called, the last commit of it, and the revision of its tables."""

    name: str
    commit: str
    revision: str

    def unpack(self, directory: Path) -> Path:
        """The program of this release, below *directory*: for PYTHONPATH."""
        tree = directory / self.commit
        archive = _git("archive", self.commit, *_PROGRAM)
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(tree, filter="data")
        revisions = (tree / "store" / "migrations" / "versions").glob("[0-9]*.py")
        assert max(path.name.partition("_")[0] for path in revisions) == self.revision
        return tree


# Its tables are still there, with more columns: its program works on them.
BEFORE: Final = Release("0.2.0 as first landed", "9645c444a14039140d759aa28237b5daf2493fb8", "0006")
# Two of its tables are gone: its program has to be stopped.
FIRST: Final = Release("0.1.0", "dc01a9b003cfa6580f7eaa6b2380f4dee6629a72", "0004")


@cache
def lacking() -> list[str]:
    """A sentence when the history does not go back so far, as in a shallow clone; the tests that need it are absent then."""
    for release in (BEFORE, FIRST):
        try:
            _git("cat-file", "-e", f"{release.commit}^{{tree}}")
        except (OSError, subprocess.CalledProcessError):
            sentence = (
                f"releases: {release.name} is not in this clone's history; the desks of releases before are absent"
            )
            return [f"{sentence} (git fetch --unshallow)"]
    return []


def _git(*arguments: str) -> bytes:
    # A hook's environment would name another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, check=True, capture_output=True, env=environment).stdout
