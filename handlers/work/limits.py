"""What background work may take."""

from dataclasses import dataclass
from pathlib import Path

from store import Terms


@dataclass(frozen=True, slots=True)
class Limits:
    """
    What an upload may take. *max_bytes* of its file; *lease_seconds* until a silent worker is taken over.

    *terms*: how long its preview waits, and how long it can be undone.
    """

    max_bytes: int
    lease_seconds: float
    scratch_dir: Path
    terms: Terms
    children: int = 2
