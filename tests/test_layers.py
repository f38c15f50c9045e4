"""The layers of the design: `bot -> handlers -> store`, never back."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What each part may import of the project. `bot/sandbox` stands for Slack's side and knows nothing of ours.
ALLOWED = {
    "bot": {"bot", "handlers", "store"},
    "bot.sandbox": {"bot.sandbox"},
    "handlers": {"handlers", "store"},
    "store": {"store"},
}
OURS = ("bot", "handlers", "store", "tests")


def imports(source: str, package: str) -> Iterator[str]:
    """The dotted names imported anywhere in *source*, a module of *package*; names imported from a module included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def part_of(dotted: str) -> str | None:
    """The part a dotted name of a module belongs to; None for what is not ours."""
    if dotted == "bot.sandbox" or dotted.startswith("bot.sandbox."):
        return "bot.sandbox"
    first = dotted.partition(".")[0]
    return first if first in OURS else None


def faults(source: str, module: str, package: str) -> list[str]:
    """The imports of *module* that the layers forbid."""
    own = part_of(module)
    assert own is not None
    found = []
    for name in imports(source, package):
        part = part_of(name)
        if part is None:
            continue
        submodule = part == "store" and own != "store" and is_module(name)
        # The command line starts the sandbox; nothing else knows that it exists.
        sandbox = part == "bot.sandbox" and own == "bot"
        if (part not in ALLOWED[own] and not sandbox) or submodule:
            found.append(f"{module} imports {name}")
    return found


def is_module(name: str) -> bool:
    """Is, or leads through, one of the store's modules?"""
    parts = name.split(".")
    return len(parts) > 1 and ((ROOT / "store" / f"{parts[1]}.py").exists() or (ROOT / "store" / parts[1]).is_dir())


def modules() -> Iterator[tuple[Path, str, str]]:
    """Every module of the program: file, dotted name, package."""
    for top in ("bot", "handlers", "store"):
        for path in sorted((ROOT / top).rglob("*.py")):
            dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            package = dotted.rpartition(".")[0]
            yield path, dotted.removesuffix(".__init__"), package


def test_no_module_imports_upwards_or_past_the_stores_front() -> None:
    """Every import of every module keeps to the layers, and outside the store only `from store import ...` is used."""
    found = [fault for path, module, package in modules() for fault in faults(path.read_text(), module, package)]
    assert found == []
    assert {part_of(module) for _, module, _ in modules()} >= {"bot", "bot.sandbox", "store"}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("store.optouts", "import handlers"),
        ("store.optouts", "from handlers.views import optouts"),
        ("handlers.files", "from bot.config import Settings"),
        ("handlers.files", "def late():\n    import bot.app"),
        ("handlers.files", "from store.models import opt_outs"),
        ("handlers.files", "from store import models"),
        ("handlers.files", "import store.models as tables"),
        ("handlers.views.optouts", "from ...bot import config"),
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
        ("bot.sandbox.server", "from bot.sandbox.errors import Refused\nfrom . import workspace"),
        ("store.optouts", "from store.models import opt_outs"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    """What the design draws is not complained about."""
    assert faults(source, module, module.rpartition(".")[0]) == []
