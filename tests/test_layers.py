"""The walls of the house: which rooms may import which, nothing in circles, and where SQL may stand."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOPS = ("bot", "handlers", "store", "tests")
# One module a surface: no surface imports another. What they share stands in the rooms of `SHARED`, and what one needs of
# another is handed in by `bot.app`.
SURFACES = (
    "allowing",
    "buttons",
    "command",
    "comparing",
    "destinations",
    "digests",
    "exports",
    "files",
    "forms",
    "handovers",
    "history",
    "home",
    "hook_forms",
    "keys",
    "mentions",
    "reviewing",
    "settings",
    "shortcuts",
    "steps",
    "uploads",
)
SHARED = {
    "handlers.adding",
    "handlers.entered",
    "handlers.grammar",
    "handlers.lookups",
    "handlers.loops",
    "handlers.permissions",
    "handlers.purposes",
    "handlers.slack",
    "handlers.subcommands",
    "handlers.tasks",
    "handlers.ttl_cache",
    "handlers.views",
    "handlers.work",
    "store",
}
# A room and what it may import of the project, besides itself. A module belongs to the longest name that fits.
# `bot -> handlers -> store`, never back. `bot.sandbox` stands for Slack's side and knows nothing of ours.
ROOMS: dict[str, set[str]] = {
    "bot": {"handlers", "store"},
    "bot.sandbox": set(),
    # `register` takes the listeners as they are; a new module of the room is a surface, or gets a line of its own.
    "handlers": {"handlers.slack"},
    **{f"handlers.{surface}": SHARED for surface in SURFACES},
    "handlers.adding": {"handlers.slack", "handlers.views", "store"},
    "handlers.entered": {"handlers.grammar", "handlers.slack.mrkdwn", "handlers.views", "store"},
    "handlers.grammar": {"handlers.lexicon", "store"},
    "handlers.lexicon": set(),
    "handlers.lookups": {"handlers.slack", "handlers.views", "store"},
    "handlers.retention": {"handlers.loops", "handlers.tasks", "store"},
    "handlers.subcommands": {"handlers.permissions", "handlers.slack"},
    "handlers.permissions": set(),
    "handlers.purposes": {"handlers.grammar", "store"},
    "handlers.loops": {"handlers.tasks"},
    "handlers.ttl_cache": set(),
    "handlers.tracebacks": set(),
    "handlers.tasks": {"store"},
    "handlers.slack": {
        "handlers.permissions",
        "handlers.loops",
        "handlers.tasks",
        "handlers.tracebacks",
        "handlers.ttl_cache",
        "store",
    },
    "handlers.views": {
        "handlers.permissions",
        "handlers.slack.messages",
        "handlers.slack.modals",
        "handlers.slack.mrkdwn",
        "store",
    },
    "handlers.work": {
        "handlers.loops",
        "handlers.permissions",
        "handlers.slack",
        "handlers.tasks",
        "handlers.tracebacks",
        "handlers.views",
        "store",
    },
    # The other door to the same list: it knows no Slack.
    "handlers.platform": {"handlers.tasks", "store"},
    # Beside it, the doors of providers whose requests are their own.
    "handlers.hooks": {"handlers.loops", "handlers.platform", "handlers.tasks", "store"},
    "store": {"store"},
    # Pure: what a phone is, and what a list holds, needs no database.
    "store.phones": set(),
    "store.lists": {"store.phones", "store.errors", "store.records", "store.choices"},
    "store.upload_states": set(),
    # Pure: what people reply, and what is to become of it.
    "store.replies": {"store.errors"},
}
_SQL = {"sqlalchemy", "alembic", "psycopg"}
_SLACK = {"slack_sdk", "slack_bolt", "aiohttp"}
# Libraries that a room, and every room inside it, does without.
WITHOUT: dict[str, set[str]] = {
    "handlers": _SQL,
    "handlers.permissions": _SQL | _SLACK,
    "handlers.grammar": _SQL | _SLACK,
    "handlers.lexicon": _SQL | _SLACK,
    "handlers.views": _SQL | {"slack_bolt", "aiohttp"},
    "handlers.platform": _SQL | {"slack_bolt", "slack_sdk"},
    "handlers.hooks": _SQL | {"slack_bolt", "slack_sdk"},
    "store": _SLACK,
    "store.phones": _SQL | _SLACK,
    "store.lists": _SQL | _SLACK,
    "store.upload_states": _SQL | _SLACK,
    "store.replies": _SQL | _SLACK,
}


def imports(source: str, package: str) -> Iterator[str]:
    """The dotted names imported anywhere in *source*, a module of *package*; names imported from a module included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def is_within(dotted: str, room: str) -> bool:
    """Whether a dotted name is *room* or something in it."""
    return dotted == room or dotted.startswith(f"{room}.")


def room_of(dotted: str) -> str | None:
    """The room a dotted name belongs to; None for what is not ours."""
    if is_within(dotted, "tests"):
        return "tests"
    return max((room for room in ROOMS if is_within(dotted, room)), key=len, default=None)


def module_of(dotted: str) -> str:
    """The module a dotted name stands in: itself, or what is left when the name of something in it is taken off."""
    path = ROOT.joinpath(*dotted.split("."))
    return dotted if path.with_suffix(".py").exists() or path.is_dir() else dotted.rpartition(".")[0]


def faults(source: str, module: str, package: str) -> list[str]:
    """The imports of *module* that the walls forbid."""
    own = room_of(module)
    assert own is not None
    found = []
    for name in imports(source, package):
        library = name.partition(".")[0]
        if any(library in libraries for place, libraries in WITHOUT.items() if is_within(own, place)):
            found.append(f"{module} imports {name}")
        room = room_of(name)
        if room is None:
            continue
        allowed = any(is_within(name, part) for part in ROOMS[own]) or room == own
        # The command line starts the sandbox; nothing else knows that it exists.
        allowed = allowed or (room == "bot.sandbox" and own == "bot")
        if not is_within(own, "store"):
            # Outside the store only `from store import ...` is used.
            allowed = allowed and not (is_within(name, "store") and module_of(name) != "store")
        if not allowed:
            found.append(f"{module} imports {name}")
    return found


def modules() -> Iterator[tuple[Path, str, str]]:
    """Every module of the program: file, dotted name, package."""
    for top in ("bot", "handlers", "store"):
        for path in sorted((ROOT / top).rglob("*.py")):
            dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            package = dotted.rpartition(".")[0]
            yield path, dotted.removesuffix(".__init__"), package


def test_no_module_imports_through_a_wall() -> None:
    """Every import of every module keeps to the rooms, and outside the store only `from store import ...` is used."""
    found = [fault for path, module, package in modules() for fault in faults(path.read_text(), module, package)]
    assert found == []
    assert {room_of(module) for _, module, _ in modules()} >= {"bot", "bot.sandbox", "handlers.slack", "store.lists"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Whatever a module needs can be read before it, late imports and those for types alone included."""
    needs = {
        module: {module_of(name) for name in imports(path.read_text(), package) if room_of(name)} - {module}
        for path, module, package in modules()
    }
    left = dict(needs)
    while free := [module for module, names in left.items() if not names & left.keys()]:
        for module in free:
            del left[module]
    assert sorted(left) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("store.optouts", "import handlers"),
        ("store.optouts", "from handlers.views import optouts"),
        ("store.optouts", "from slack_sdk.errors import SlackApiError"),
        ("store.phones.parser", "from store.optouts import OptOuts"),
        ("store.phones.parser", "import sqlalchemy as sa"),
        ("store.lists.reader", "from store.database import Database"),
        ("store.lists.staging", "import sqlalchemy"),
        ("store.replies.judge", "from store.optouts import OptOuts"),
        ("handlers.files", "from bot.config import Settings"),
        ("handlers.files", "def late():\n    import bot.app"),
        ("handlers.files", "from store.models import opt_outs"),
        ("handlers.files", "from store import models"),
        ("handlers.files", "import store.models as tables"),
        ("handlers.files", "import sqlalchemy as sa"),
        ("handlers.permissions", "from handlers.slack.places import Place"),
        ("handlers.files", "from handlers.mentions import Mentions"),
        ("handlers.history", "from handlers import forms"),
        ("handlers.command", "def late():\n    from handlers.history import Histories"),
        ("handlers.adding", "from handlers.command import Command"),
        ("handlers.entered", "from handlers.slack.interactions import Interactions"),
        ("handlers.subcommands", "from handlers.exports import ExportCommand"),
        ("handlers", "from handlers.home import Home"),
        ("handlers.slack.replies", "from handlers.views import optouts"),
        ("handlers.slack.replies", "from handlers.work.uploads import Runner"),
        ("handlers.slack.roles", "from handlers.command import Command"),
        ("handlers.work.uploads", "from handlers.files import Files"),
        ("handlers.platform.phones", "from handlers.slack.messages import Message"),
        ("handlers.platform.phones", "import sqlalchemy as sa"),
        ("handlers.views.optouts", "from ...bot import config"),
        ("handlers.views.optouts", "from handlers.slack.posting import Poster"),
        ("bot.app", "from store.database import Database"),
        ("bot.sandbox.server", "from store import Store"),
        ("bot.sandbox.server", "from handlers import register"),
        ("bot.sandbox.server", "from bot import config"),
        ("bot.sandbox.server", "from ..config import Settings"),
        ("handlers.files", "from tests.conftest import ADMIN"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str) -> None:
    """The walk sees every way of writing an import."""
    assert faults(source, module, module.rpartition(".")[0]) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bot.app", "from handlers import register\nfrom store import Store, note"),
        ("bot.__main__", "from bot.sandbox import server"),
        ("handlers.files", "from store import Upload\nfrom handlers.views import uploads\nimport json"),
        ("handlers.forms", "from handlers.adding import opt_out\nfrom handlers.views import forms"),
        ("handlers.slack.roles", "from handlers.permissions import Role\nfrom handlers.slack.places import Place"),
        ("handlers.work.uploads", "from handlers.slack.posting import Poster\nfrom handlers.views import uploads"),
        ("bot.sandbox.server", "from bot.sandbox.errors import Refused\nfrom . import workspace"),
        ("store.optouts", "from store.models import opt_outs"),
        ("store.lists.staging", "from store.phones.numbers import NotAPhone\nimport sqlite3"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    """What the design draws is not complained about."""
    assert faults(source, module, module.rpartition(".")[0]) == []
