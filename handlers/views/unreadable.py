"""View of the reasons why rows of a list were not understood, for uploads and scrubs. Pure functions."""

from collections.abc import Iterable

from store import UnreadableReason


def reasons_line(reasons: Iterable[UnreadableReason]) -> str:
    """Every reason with its count and first line, commonest first; some twenty at most, each of our own words."""
    return f"Not understood: {' · '.join(map(str, reasons))}"
