"""The job of a child process, as its parent writes it and the child reads it."""

import json
from dataclasses import dataclass, fields
from pathlib import Path

from handlers.work.scratch import scratch_path


@dataclass(frozen=True, slots=True)
class Job:
    """
    What to do, and with what right.

    *verb*: "stage", "apply", "undo" or "scrub", which may *keep_unreadable*. *fence* and *owner*: the claim it is done
    under. *max_bytes*: of the file. *url*: of the file, empty when Slack did not say it: then only what was read before can
    be applied. *token_hosts*: where the bearer token may go: a host with its port, or a domain with all below it. *batch*:
    phones a transaction.
    """

    verb: str
    database_url: str
    account: int
    upload: int
    fence: int
    owner: str
    lease_seconds: float
    scratch_dir: Path
    max_bytes: int
    file_id: str
    url: str
    token: str
    token_hosts: frozenset[str]
    batch: int = 10_000
    keep_unreadable: bool = False

    @classmethod
    def read(cls, line: str) -> "Job":
        """Raises ValueError, KeyError, TypeError or AttributeError for a line that is no job."""
        said = json.loads(line)
        names = {field.name for field in fields(cls)}
        values = {name: value for name, value in said.items() if name in names}
        if values["verb"] not in {"stage", "apply", "undo", "scrub"}:
            raise ValueError(f"no such verb: {values['verb']}")
        values["scratch_dir"] = Path(values["scratch_dir"])
        values["token_hosts"] = frozenset(values["token_hosts"])
        return cls(**values)

    @property
    def scratch(self) -> Path:
        return scratch_path(self.scratch_dir, self.account, self.upload)

    @property
    def download(self) -> Path:
        # The fence is in the name: a frozen worker that wakes up writes to a file of its own.
        return self.scratch.with_suffix(f".{self.fence}.list")

    @property
    def scrubbed(self) -> Path:
        return self.scratch.with_suffix(f".{self.fence}.scrubbed")
