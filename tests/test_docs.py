"""What the pages say is so: pictures, names, tables, links, versions, and the statements that operators are given."""

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.config import Settings, variable_of
from store import Account, OutboxState, Post, Store, UploadState
from store.inbox import NEEDED_LATER
from store.models import metadata
from store.retention import Pruned
from store.upload_states import NEXT
from tests import architecture
from tests.test_layers import ROOMS

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
    # It tells of what was, too.
    if path.name != "CHANGELOG.md"
)
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"(?:bot|handlers|store|tests|docs)/[\w./-]*")
_DOTTED = re.compile(r"(?:bot|handlers|store|tests)(?:\.[A-Za-z_]\w*)+")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code_in(text: str) -> Iterator[str]:
    """Each piece of code within the lines of *text*."""
    yield from re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))


def rows_of(text: str, heading: str) -> list[list[str]]:
    """The rows of the first table below *heading*, cell by cell, without its head."""
    _, found, rest = f"\n{text}".partition(f"\n{heading}\n")
    assert found, heading
    table = re.search(r"(?:^\|.*\|\n)+", rest, re.MULTILINE)
    assert table is not None
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[0].splitlines()[2:]]


def is_there(dotted: str) -> bool:
    """Whether a dotted name is a module, or stands in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
        return True
    return False


@pytest.mark.wide
def test_the_pictures_are_those_of_the_code() -> None:
    """Rooms, walls and states in docs/architecture.md are what the imports and the tables of states say."""
    shown = page("docs/architecture.md")
    assert architecture.filled(shown) == shown, "python -m tests.architecture makes them anew"


def test_an_import_that_others_imply_is_not_drawn() -> None:
    """Of three arrows in a triangle the long one is left out; a square keeps its four."""
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set[str](), "d": {"e", "f"}, "e": {"c"}, "f": {"c"}}
    assert architecture.without_implied(graph) == graph | {"a": {"b"}}


@pytest.mark.parametrize("name", PAGES)
def test_every_module_and_name_on_a_page_exists(name: str) -> None:
    """A file or a dotted name of the project's that a page shows as code is there."""
    shown = set(code_in(page(name)))
    paths = {code for code in shown if _PATH.fullmatch(code)}
    dotted = {code for code in shown if _DOTTED.fullmatch(code)}
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []
    assert [dots for dots in sorted(dotted) if not is_there(dots)] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_link_between_pages_leads_somewhere(name: str) -> None:
    """Files that a page links to are there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page(name))
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_the_names_that_the_pages_are_about_are_looked_for() -> None:
    """The check above sees files and names, and says no to those that are not there."""
    shown = set(code_in(page("docs/architecture.md")))
    assert len({code for code in shown if _PATH.fullmatch(code)}) > 40
    assert len({code for code in shown if _DOTTED.fullmatch(code)}) > 40
    assert is_there("store.inbox.Inbox.keep")
    assert not is_there("store.inbox.Inbox.gone")
    assert not is_there("store.gone.Inbox")


def test_every_room_is_on_the_page() -> None:
    """docs/architecture.md says of each room what is in it."""
    shown = {code.rstrip("/").removesuffix(".py") for code in code_in(page("docs/architecture.md"))}
    assert {room.replace(".", "/") for room in ROOMS} - shown == set()


def test_who_changes_an_upload_is_told_for_each_change() -> None:
    """The table below the picture of an upload's states has every change that may be, and no other."""
    told = {
        (before.strip(), after)
        for befores, after, _ in rows_of(page("docs/architecture.md"), "## Uploads")
        for before in befores.split(",")
    }
    may_be = {(str(before), str(after)) for before, following in NEXT.items() for after in following}
    assert told == may_be | {("", str(UploadState.RECEIVED))}


def test_every_table_is_on_the_pages() -> None:
    """Who writes and reads each table is told, by modules that name it, and how long its rows stay."""
    told = {row[0].strip("`"): row for row in rows_of(page("docs/architecture.md"), "## Tables")}
    assert told.keys() == metadata.tables.keys()
    for table, row in told.items():
        for path in re.findall(r"`(store/\w+\.py)`", " ".join(row)):
            assert re.search(rf"\b{table}\b", page(path)), f"{path} has nothing to do with {table}"
    kept = {code for row in rows_of(page("docs/retention.md"), "# What is kept how long") for code in code_in(row[1])}
    assert kept == metadata.tables.keys()


def test_how_long_things_are_kept_is_what_the_settings_say() -> None:
    """docs/retention.md names each setting with its default, and what stays longer than the rest."""
    shown = page("docs/retention.md")
    for field in ("payload_minutes", "name_days", "preview_hours", "undo_days"):
        unit = field.rpartition("_")[2]
        default = f"{Settings.model_fields[field].default:g} {unit} (`{variable_of(field)}`"
        # The one of the undo is followed by the account's own.
        assert default.removesuffix(")") in shown.replace(f"`{variable_of(field)}`,", f"`{variable_of(field)}`"), (
            default
        )
    assert {code for code in code_in(shown) if code in NEEDED_LATER} == NEEDED_LATER


def test_what_retention_counts_is_told() -> None:
    """Each kind of `optout_pruned_rows_total`, and no other, is explained."""
    (told,) = re.findall(r"since the desk started: (.*?)\. The other families", page("docs/retention.md"), re.DOTALL)
    kinds, words = {field.name for field in fields(Pruned)}, set(code_in(told))
    # Beside the kinds only tables are named, one of which is called as its kind is.
    assert kinds <= words <= kinds | metadata.tables.keys()


def test_every_metric_is_told() -> None:
    """The table of docs/operate.md has each family of `/metrics`; one that counts up ends in `_total` there."""
    made = set[str]()
    for path in sorted(path for room in ("bot", "handlers") for path in (ROOT / room).rglob("*.py")):
        # Each family's help text follows its name.
        made.update(re.findall(r'"(optout_\w+)",\s*"', path.read_text("utf-8")))
    told = {
        name.removesuffix("_total") for name in re.findall(r"^\| `(optout_\w+)`", page("docs/operate.md"), re.MULTILINE)
    }
    assert told == made


def statements(kind: str) -> list[str]:
    """The SQL statements of docs/retention.md that begin with *kind*."""
    blocks = re.findall(r"```sql\n(.*?)```", page("docs/retention.md"), re.DOTALL)
    return [one.strip() for block in blocks for one in block.split(";") if one.strip().startswith(kind)]


def test_what_was_discarded_is_found_and_tried_again_as_the_page_says(store: Store, account: Account) -> None:
    """The statements of docs/retention.md show discarded events and answers, and have them taken up again, on both databases."""
    event = store.inbox.keep(account.id, "Ev0123456789", "app_mention", "C1", {"event": {"type": "app_mention"}})
    answer = store.outbox.keep(account.id, "Ev0123456789 0", {"message": "yes"})
    assert event is not None
    assert answer is not None
    store.inbox.discard(event, "nobody foresaw it")
    store.outbox.discard(answer, "nobody foresaw it")
    # A second copy that was taken away is no loss, and stays as it is.
    store.outbox.posted(account.id, "other 0", Post("C1", "1.1"))
    store.outbox.posted(account.id, "other 0", Post("C1", "1.2"))
    extra = store.outbox.claim("me", lease_seconds=30)
    assert extra is not None
    store.outbox.discard(extra, "taken away")
    with store.database.read() as connection:
        shown = [connection.execute(sa.text(statement)).mappings().all() for statement in statements("SELECT")]
    assert [[row["reason"] for row in rows] for rows in shown] == [["nobody foresaw it"], ["nobody foresaw it"]]
    assert store.inbox.claim("me", lease_seconds=30) is None
    assert store.outbox.claim("me", lease_seconds=30) is None
    for statement in statements("UPDATE"):
        with store.database.write() as connection:
            assert connection.execute(sa.text(statement)).rowcount == 1
    again, answered = store.inbox.claim("me", lease_seconds=30), store.outbox.claim("me", lease_seconds=30)
    assert again is not None
    assert answered is not None
    assert (again.event_id, again.payload, again.attempts) == ("Ev0123456789", event.payload, 1)
    assert (answered.state, answered.payload) == (OutboxState.PENDING, answer.payload)


def test_the_changelog_begins_with_this_version() -> None:
    """Its first version is pyproject's; versions and their dates only go back from there."""
    versions = re.findall(r"^## (\d+)\.(\d+)\.(\d+), (\d{4}-\d\d-\d\d)$", page("CHANGELOG.md"), re.MULTILINE)
    assert len(versions) == page("CHANGELOG.md").count("\n## ")
    numbers = [tuple(map(int, parts)) for *parts, _ in versions]
    days = [date.fromisoformat(day) for *_, day in versions]
    assert ".".join(map(str, numbers[0])) == tomllib.loads(page("pyproject.toml"))["project"]["version"]
    assert numbers == sorted(numbers, reverse=True)
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize(("name", "least"), [("SECURITY.md", 40), ("docs/fidelity.md", 0)])
def test_the_tests_that_pages_name_are_there(name: str, least: int) -> None:
    """Each thing that these pages say holds names a test, which is found where they say."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page(name))
    assert len(named) > least
    missing = [(file, name) for file, name in named if f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8")]
    assert not missing


# Commands that people type

# Those that stand within the lines of a page are told from other code by their first word.
PROGRAMS = frozenset(
    {
        "chmod",
        "createdb",
        "createuser",
        "df",
        "dmesg",
        "docker",
        "fuser",
        "install",
        "journalctl",
        "litestream",
        "npm",
        "openssl",
        "patronictl",
        "pg_dump",
        "pip",
        "rclone",
        "systemctl",
        "timedatectl",
        "uv",
    }
)
_EXAMPLES, _INSTALL = "tests/handlers/platform/test_examples.py", "tests/test_install.py"
_KEEPING, _PRIVACY = "tests/bot/test_keeping.py", "tests/bot/test_privacy.py"
_LETTER = f"{_KEEPING}::test_the_page_is_followed_to_the_letter"
_NIGHT = f"{_KEEPING}::test_the_backup_of_every_night_is_made"
_LITESTREAM = f"{_KEEPING}::test_the_drill_of_litestream_is_followed"
_POSTGRESQL = f"{_KEEPING}::test_the_drill_of_postgresql_is_followed"
_NEW_DATABASE = f"{_KEEPING}::test_a_database_is_made_for_the_list_as_the_page_says"
_LISTS = f"{_KEEPING}::test_lists_go_in_and_are_scrubbed_as_the_page_says"
_ERASED = f"{_PRIVACY}::test_a_number_is_erased_as_the_page_says"
_SYSTEMD = f"{_INSTALL}::test_the_page_is_followed_to_a_desk_that_answers"
_CONTAINER = f"{_INSTALL}::test_the_container_s_commands_are_what_they_seem"
# By page: how a command begins, and the test that runs it as it stands there, with places and addresses of the test's own.
RUN: Mapping[str, Mapping[str, str]] = {
    "docs/api.md": {
        "curl": f"{_EXAMPLES}::test_who_must_not_be_texted_is_left_out",
        "printf": f"{_EXAMPLES}::test_a_list_is_sent_once",
    },
    "docs/connect.md": {
        "python -m bot export": _LISTS,
        "OPTOUT_URL=http://127.0.0.1:3000/v1 OPTOUT_KEY=optk_... node platform.mjs": (
            "tests/test_platform_example.py::test_what_slack_decides_reaches_the_platform"
        ),
    },
    "docs/install.md": {
        **dict.fromkeys(
            (
                "python3 -m venv",
                "/opt/opt-out-desk/bin/pip",
                "install -m",
                "cp deploy",
                "systemctl daemon-reload",
                "systemctl enable",
                "journalctl -u",
                "systemd-run",
            ),
            _SYSTEMD,
        ),
        **dict.fromkeys(("cd deploy", "printf", "docker compose"), _CONTAINER),
    },
    "docs/operate.md": {
        **dict.fromkeys(
            (
                "mkdir -p backups",
                "python -m bot backup backups/monday",
                "DATABASE_URL=sqlite:///drill.db python -m bot",
                "rm drill.db",
                "python -m bot restore backups/monday",
            ),
            _LETTER,
        ),
        **dict.fromkeys(("#!/bin/sh -e", "cd /srv/desk", ".venv/bin/python -m bot backup", "find backups"), _NIGHT),
        **dict.fromkeys(("litestream re", "mkdir lost", "python -m bot restored"), _LITESTREAM),
        **dict.fromkeys(
            ("pg_dump", "pg_restore", 'DATABASE_URL="$DRILL" python -m bot', "python -m bot move"), _POSTGRESQL
        ),
        **dict.fromkeys(("createuser desk", "createdb desk"), _NEW_DATABASE),
        "OPTOUT_DATABASES=T012AB3CD=sqlite:///drill.db python -m bot": f"{_KEEPING}::test_the_drill_of_a_database_of_its_own",
    },
    "docs/operators.md": {"python -m bot import stop-list.csv": _LISTS, "python -m bot scrub walk-list.csv": _LISTS},
    "docs/privacy.md": {
        "openssl": _ERASED,
        "export OPTOUT_ERASE_KEY_FILE": _ERASED,
        "python -m bot erase": _ERASED,
        "cat desk.db*": _ERASED,
        "pg_dump": f"{_PRIVACY}::test_on_postgresql_nothing_is_left_either",
    },
}
_OF_LINUX = "a program of Linux's, which changes or shows the machine"
_OF_MAKE = "the tests themselves are run by it: .ci/run; tests/test_readme.py has it name targets that are there"
# Why no test does.
NOT_RUN: Mapping[str, Mapping[str, str]] = {
    "CONTRIBUTING.md": {"make": _OF_MAKE, ".venv/bin/python -c": "it writes a migration among the sources"},
    "README.md": {"make": _OF_MAKE},
    "docs/api.md": {"export OPTOUT_URL": "the tests give both to the examples"},
    "docs/connect.md": {
        "cd docs": "the tests run it where it was copied",
        "npm install": "it asks a registry; for a Node that is too old",
    },
    "docs/fidelity.md": {"make": _OF_MAKE},
    "docs/install.md": {
        "chmod": _OF_LINUX,
        "docker run": "it needs Docker",
        "systemctl restart": "it needs systemd",
        "pip install": "the same two as above, once more",
    },
    "docs/operate.md": {
        **dict.fromkeys(("chmod", "df", "dmesg", "fuser", "timedatectl"), _OF_LINUX),
        **dict.fromkeys(("systemctl", "journalctl"), "it needs systemd"),
        "rclone": "it needs another machine",
        **dict.fromkeys(("pgbackrest", "pg_ctl"), "it needs pgBackRest, and a server that it may stop"),
    },
    "docs/operators.md": {
        "install -m": "tests/test_install.py runs the same with another name",
        "pip install .": "tests/test_package.py does it without a registry",
        "uv tool install .": "as pip does, with a program that the tests do not have",
    },
    "docs/scale.md": {
        "patronictl": "it needs Patroni with a name of its own; tests/ha/cluster.py sets what the page says"
    },
}


def statements_of(block: str) -> Iterator[str]:
    """Each command of a *block* of a shell's, with the lines that it goes on in."""
    whole = ""
    for line in block.splitlines():
        whole += line
        try:
            is_whole = not line.endswith("\\") and bool(
                shlex.split(whole, comments=not whole.startswith("#!")) or not whole.strip()
            )
        except ValueError:  # of a quote that is open
            is_whole = False
        if not is_whole:
            whole += "\n"
            continue
        if whole.strip():
            yield whole.strip()
        whole = ""
    assert not whole.strip(), whole


def commands_of(text: str) -> Iterator[str]:
    """Each command that a page has people type, in a block or within its lines; lines of nothing but variables are none."""
    for kind, block in re.findall(r"^ *```(sh|console)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
        lines = [line.strip() for line in block.splitlines()]
        if kind == "console":
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        for command in statements_of("\n".join(lines)):
            if not all(
                re.fullmatch(r"[A-Z_]+=.*", word) for word in shlex.split(command, comments=True)
            ) or command.startswith("#!"):
                yield command
    for code in code_in(text):
        if code.partition(" ")[0] in PROGRAMS and " " in code:
            yield code


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_is_run(name: str) -> None:
    """Each command is run by a test that is there and knows the page, or is listed with why none can; nothing else is listed."""
    run, not_run = RUN.get(name, {}), NOT_RUN.get(name, {})
    met = set[str]()
    for command in commands_of(page(name)):
        beginnings = [start for start in (*run, *not_run) if command.startswith(start)]
        assert beginnings, f"no test of `{command}` is listed here, and no reason why there is none"
        met.add(max(beginnings, key=len))
    assert met == run.keys() | not_run.keys()
    for test in set(run.values()):
        file, _, function = test.partition("::")
        text = page(file)
        assert f"def {function}(" in text, test
        assert Path(name).stem in text, f"{file} does not know {name}"


def test_a_command_goes_on_in_further_lines() -> None:
    """After a backslash and in quotes; variables alone and what stands as an example of output are no commands."""
    text = "```sh\nA=1 # x\ncurl \\\n  -d '{\n}' x\n\nls\n```\n```console\n$ df -h\nout\n```\nSee `chmod 600 x`, `chmod`.\n"
    assert list(commands_of(text)) == ["curl \\\n-d '{\n}' x", "ls", "df -h", "chmod 600 x"]
