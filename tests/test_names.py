"""Names: no two things that can be imported have one name, so that a name found by a search is the thing that was meant."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import store

ROOT = Path(__file__).parent.parent
# The command line's functions are called as its commands are, which is what they end up as for people.
# Views are read by their module, `views.failed`: each is called after what it shows, so theirs may meet one another's.
APART = ("bot/__main__.py", "bot/sandbox/", "store/migrations/")
VIEWS = "handlers/views/"


def _modules() -> Iterator[Path]:
    for package in ("bot", "handlers", "store"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if not path.relative_to(ROOT).as_posix().startswith(APART):
                yield path


def _defined(path: Path) -> Iterator[str]:
    """The public classes, functions and aliases of types at the top of a module; constants are not: each is of its module."""
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name) and not target.id.isupper()]
        else:
            names = []
        # Every module has a logger.
        yield from (name for name in names if not name.startswith("_") and name != "log")


def test_no_two_things_have_one_name() -> None:
    """A class, function or type alias has a name that no other module's has; two views may share one."""
    places: defaultdict[str, list[str]] = defaultdict(list)
    for path in _modules():
        for name in _defined(path):
            places[name].append(path.relative_to(ROOT).as_posix())
    twice = {
        name: where
        for name, where in places.items()
        if len(where) > 1 and not all(place.startswith(VIEWS) for place in where)
    }
    assert twice == {}
    assert len(places) > 300


def test_the_store_names_what_is_used_of_it() -> None:
    """Every name that `store` hands out is one that `bot` or `handlers` uses; tests take others from their modules."""
    outside = [path for path in _modules() if path.relative_to(ROOT).parts[0] != "store"]
    used = {
        alias.name
        for path in outside
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "store"
        for alias in node.names
    }
    assert set(store.__all__) - used == set()
