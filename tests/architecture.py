"""
The pictures of docs/architecture.md, made from the code: `python -m tests.architecture` puts them into the page.

Rooms and their arrows come from the imports, by the walk that holds the walls (tests/test_layers.py); the states and what
may follow them from the tables that the store itself goes by.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

import click

from store.inbox import InboxState
from store.outbox import NEXT as AFTER_OUTBOX
from store.outbox import OutboxState
from store.upload_states import NEXT as AFTER_UPLOAD
from store.upload_states import UploadState
from tests.test_layers import ROOMS, SURFACES, WITHOUT, imports, is_within, module_of, modules, room_of

PAGE: Final = Path(__file__).parents[1] / "docs" / "architecture.md"
SURFACE: Final = "handlers.SURFACE"
# What the lists may use of the store: values, which know no database. Drawn apart, so that no arrow runs back.
VALUES: Final = "store.records"
_FLOORS: Final = ("bot", "handlers", "store")
# The inbox has no table of its own: what waits ends in one way or another.
AFTER_INBOX: Final[Mapping[InboxState, frozenset[InboxState]]] = {
    state: frozenset(set(InboxState) - {state}) if state is InboxState.PENDING else frozenset() for state in InboxState
}
State = TypeVar("State", bound=StrEnum)


def _values() -> frozenset[str]:
    """The modules of the store's own room that its lists may import, and what those import there."""
    needs = {
        module: {module_of(name) for name in imports(path.read_text(encoding="utf-8"), package)}
        for path, module, package in modules()
    }
    found = {name for name in ROOMS["store.lists"] if room_of(name) == "store"}
    while more := {name for module in found for name in needs[module] if room_of(name) == "store"} - found:
        found |= more
    return frozenset(found)


def _drawn(module: str, values: frozenset[str]) -> str:
    """What *module* is drawn as: its room, or the one that stands for all surfaces, or for all values."""
    room = room_of(module)
    assert room is not None
    if room.removeprefix("handlers.") in SURFACES:
        return SURFACE
    return VALUES if room == "store" and module in values else room


def arrows() -> dict[str, set[str]]:
    """Each box of the picture with those it imports from."""
    values = _values()
    found: dict[str, set[str]] = {}
    for path, module, package in modules():
        own = _drawn(module, values)
        targets = (module_of(name) for name in imports(path.read_text(encoding="utf-8"), package) if room_of(name))
        found.setdefault(own, set()).update({_drawn(target, values) for target in targets} - {own})
    return found


def without_implied(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """*graph*, which has no circle, without each arrow to where others lead as well."""

    def reached(start: str) -> set[str]:
        return {start}.union(*(reached(following) for following in graph[start]))

    return {
        box: {to for to in targets if not any(to in reached(other) for other in targets - {to})}
        for box, targets in graph.items()
    }


def _box(name: str) -> str:
    return name.replace(".", "_")


_LABELS: Final = {
    SURFACE: "one module a surface",
    VALUES: "values: records, errors",
    "bot": "bot",
    "handlers": "register",
    "store": "verbs, tables, migrations",
}


def rooms() -> Iterator[str]:
    """The rooms, and which imports from which."""
    graph = without_implied(arrows())
    yield "```mermaid"
    yield "flowchart TD"
    for floor in _FLOORS:
        yield f"    subgraph {floor}/"
        yield from (
            f'        {_box(name)}["{_LABELS.get(name, name)}"]' for name in sorted(graph) if is_within(name, floor)
        )
        yield "    end"
    yield from (f"    {_box(name)} --> {_box(to)}" for name in sorted(graph) for to in sorted(graph[name]))
    yield "```"


def walls() -> Iterator[str]:
    """What each room may import, and which libraries it does without, as tests/test_layers.py has it."""
    yield "| Room | May import |"
    yield "| --- | --- |"
    shown: dict[str, str] = {}
    for room, allowed in ROOMS.items():
        # Whoever may import all of itself may import the rooms in it.
        inside = {other for other in ROOMS if room in allowed and other != room and is_within(other, room)}
        shown.setdefault(_drawn(room, frozenset()), _named((allowed | inside) - {room}) or "nothing")
    yield from (f"| {_named([name])} | {allowed} |" for name, allowed in shown.items())
    yield ""
    yield from (f"- Nothing in `{place}` imports {_named(libraries)}." for place, libraries in WITHOUT.items())


def _named(names: Iterable[str]) -> str:
    return ", ".join("each surface" if name == SURFACE else f"`{name}`" for name in sorted(names))


def states(after: Mapping[State, Iterable[State]], *first: State) -> Iterator[str]:
    """States, and what may follow each of them. *first*: those in which something begins."""
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield from (f"    [*] --> {state}" for state in first)
    for state, following in after.items():
        yield from (f"    {state} --> {to}" for to in sorted(following))
        if not following:
            yield f"    {state} --> [*]"
    yield "```"


def blocks() -> dict[str, str]:
    """What the page holds that is made here, by name."""
    made = {
        "rooms": rooms(),
        "walls": walls(),
        "upload states": states(AFTER_UPLOAD, UploadState.RECEIVED),
        "inbox states": states(AFTER_INBOX, InboxState.PENDING),
        "outbox states": states(AFTER_OUTBOX, OutboxState.PENDING, OutboxState.SENT, OutboxState.EXTRA),
    }
    return {name: "\n".join(lines) for name, lines in made.items()}


def filled(page: str) -> str:
    """*page* with each block as it is now. Raises `ValueError` when it has no place for one, or several."""
    for name, block in blocks().items():
        begin, end = f"<!-- made: {name} -->\n", "\n<!-- end -->"
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if not found or not closed or begin in after:
            msg = f"the page needs one place for {name!r}, between {begin.strip()} and {end.strip()}"
            raise ValueError(msg)
        page = f"{before}{begin}{block}{end}{after}"
    return page


@click.command()
def main() -> None:
    """Make the pictures of docs/architecture.md anew."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
