"""The package as pip installs it, somewhere else than the sources: all that a desk needs is in it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).parents[1]
PARTS = ("bot", "handlers", "store", "manifest.yml", "pyproject.toml", "README.md", "LICENSE")


def done(*command: str | Path, directory: Path) -> str:
    """What *command* prints in *directory*, where nothing of the sources can be found."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ended = subprocess.run(
        command, cwd=directory, env=variables, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.mark.wide
def test_the_installed_command_works_without_the_sources(tmp_path: Path) -> None:
    """`opt-out-desk` makes a database by its migrations, prints the manifest, keeps a list, and has the sandbox's page."""
    sources, place, work = tmp_path / "sources", tmp_path / "installed", tmp_path / "work"
    sources.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, sources / part)
    work.mkdir()
    venv.create(place, symlinks=True)
    at = Path(sysconfig.get_path("purelib", "venv", {"base": str(place)}))
    pip = (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check")
    done(*pip, "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", work, sources, directory=work)
    (wheel,) = work.glob("*.whl")
    shutil.rmtree(sources)
    done(*pip, "--python", place / "bin" / "python", "install", "--no-deps", "--no-index", wheel, directory=work)
    # What it depends on is where it was installed for the tests.
    (at / "dependencies.pth").write_text(str(Path(click.__file__).parents[1]))
    desk = place / "bin" / "opt-out-desk"
    assert done(desk, "manifest", directory=work) == (ROOT / "manifest.yml").read_text(encoding="utf-8")
    assert done(desk, "migrate", directory=work).startswith("The tables are at revision")
    (work / "stops.csv").write_text("phone\n2125550100\n")
    done(desk, "import", "stops.csv", "--account", "T012AB3CD", "--country", "US", "--yes", directory=work)
    assert "Kept 1 opted-out phone of 1 account" in done(desk, "backup", "monday", directory=work)
    page = ROOT / "bot" / "sandbox" / "page"
    assert {path.name for path in (at / "bot" / "sandbox" / "page").iterdir()} == {path.name for path in page.iterdir()}
    (name,) = at.glob("opt_out_desk-*.dist-info")
    assert not {path.name for path in at.iterdir()} - {"bot", "handlers", "store", "dependencies.pth", name.name}
