"""Limits of background work."""

from dataclasses import dataclass

from store import Deadlines


@dataclass(frozen=True, slots=True)
class Limits:
    """
    The limits of an upload. *max_bytes* of its file; *lease_seconds* until a silent worker is taken over.

    *stall_seconds* until a child that makes no progress is ended. *deadlines*: how long its preview waits, and how long it can be undone.
    """

    max_bytes: int
    lease_seconds: float
    stall_seconds: float
    deadlines: Deadlines
