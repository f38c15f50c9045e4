"""What README and the pages that it leads to say of commands and settings is so."""

import re
from pathlib import Path

import click
import pytest
from pydantic import SecretStr

from bot.__main__ import main
from bot.app import create_app
from bot.config import Settings, settings_table
from handlers.exports import parse_export_filter
from store import ExportFilter, Store
from tests.answers import pictures

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
COMMANDS = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
OPERATORS = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
CONNECT = (ROOT / "docs" / "connect.md").read_text(encoding="utf-8")
# Whatever tells of commands to type.
TELLING = "\n".join(
    path.read_text(encoding="utf-8") for path in (ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md")))
)
MOST_LINES = 150
PICTURED = ("README.md", "docs/admins.md", "docs/support.md", "docs/answers.md")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def options_of(command: click.Command) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts if option.startswith("--")}


def test_readme_is_short() -> None:
    """Whoever comes by reads it to its end; what is longer has a page of its own."""
    assert len(README.splitlines()) < MOST_LINES


def test_the_settings_table_is_the_programs_own() -> None:
    """Every setting is described, with its default, exactly as the program knows it."""
    assert settings_table() in OPERATORS


def test_every_make_command_exists_and_is_mentioned() -> None:
    """README and CONTRIBUTING.md name every target of the Makefile but `help`, and none that is not there."""
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", f"{README}\n{CONTRIBUTING}", re.MULTILINE))
    assert named == TARGETS - {"help"}


def test_every_command_named_exists() -> None:
    """Each `python -m bot` command on the pages is one, and takes the options it is shown with."""
    named = re.findall(r"(?:python -m bot|bin/opt-out-desk) ([a-z-]+)([^`\n|]*)", README + TELLING)
    assert named
    for name, arguments in named:
        assert name in main.commands, name
        command, words = main.commands[name], arguments.split()
        if isinstance(command, click.Group) and words and not words[0].startswith("-"):
            command = command.commands[words[0]]
        assert set(re.findall(r"--[a-z-]+", arguments)) <= options_of(command), (name, arguments)
    passed_on = re.findall(r'make sandbox ARGS="([^"]*)"', README + CONTRIBUTING)
    assert passed_on
    for arguments in passed_on:
        assert set(re.findall(r"--[a-z-]+", arguments)) <= options_of(main.commands["sandbox"])


def test_the_exports_that_products_take_can_be_asked_for() -> None:
    """Each `/optout export ...` of docs/connect.md is understood, and each format that it names is one."""
    asked = re.findall(r"`/optout export ([^`]+)`", CONNECT)
    assert asked
    for text in (*asked, *re.findall(r"`(format:\w+)`", CONNECT)):
        assert isinstance(parse_export_filter(text), ExportFilter), text


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_is_described_with_its_options(name: str) -> None:
    """The table of commands has each one, and each of its options."""
    (row,) = re.findall(rf"^\| `python -m bot {name}\b[^`]*` \| (.*) \|$", OPERATORS, re.MULTILINE)
    assert options_of(main.commands[name]) <= set(re.findall(r"--[a-z-]+", row))


def test_every_sub_command_is_described(tmp_path: Path) -> None:
    """The table of `/optout` in docs/commands.md shows the usage that the help of the bot shows, of each sub-command and no other."""
    store = Store.open(f"sqlite:///{tmp_path / 'desk.db'}")
    desk = create_app(Settings(slack_bot_token=SecretStr("xoxb-1"), scratch_dir=tmp_path), store)
    store.close()
    described = set(re.findall(r"^\| `/optout ([^`]+)` \|", COMMANDS, re.MULTILINE))
    assert {subcommand.usage for subcommand in desk.command.subcommands.values()} == described


def test_ci_can_be_run() -> None:
    """`.ci/run`, which CONTRIBUTING.md names, is an executable that calls `make test` and `make test-long`."""
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "for part in test test-long; do" in script.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PICTURED)
def test_the_pictures_are_there(name: str) -> None:
    """Every picture that a page shows is there, light and dark, described in words, and small."""
    shown = (ROOT / name).read_text(encoding="utf-8")
    sources = re.findall(r'srcset="([^"]+)-dark\.webp">\n\s*<img alt="([^"]+)" src="([^"]+)-light\.webp"', shown)
    assert len(sources) == shown.count("<picture>") > 0
    for dark, words, light in sources:
        assert dark == light
        assert len(words) > 20
        for scheme in pictures.SCHEMES:
            image = (ROOT / name).parent / f"{light}-{scheme}.webp"
            assert 1_000 < image.stat().st_size < pictures.MOST_BYTES
