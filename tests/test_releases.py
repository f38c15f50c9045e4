"""A clone whose history is short: the desks of releases before are absent, and a line says so."""

import os
import subprocess
import sys

import pytest

from tests.releases import BEFORE, ROOT


@pytest.mark.wide
def test_absent_with_a_clear_line() -> None:
    """Where git has nothing of them, as in a shallow clone or without git, no test of theirs is collected or skipped."""
    rooms = [f"--ignore={path}" for path in (ROOT / "tests").iterdir() if path.is_dir()]
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", "--collect-only", *rooms, "tests"]
    environment = os.environ | {"PATH": ""}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"releases: {BEFORE.name} is not in this clone's history" in done.stdout
    assert "test_release_before.py" in done.stdout
    assert "test_release_beside.py" not in done.stdout
