"""
The states of an upload, what may follow each, and its purpose. Pure.

The one table of it. The database's checks, the verbs, the sentences, the views and the diagram in docs/architecture.md
read it here.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class UploadState(StrEnum):
    """The state of an upload."""

    RECEIVED = "received"
    WAITING = "waiting"
    APPLYING = "applying"
    DONE = "done"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"
    EXPIRED = "expired"
    SCRUBBED = "scrubbed"

    @property
    def label(self) -> str:
        """For a list of uploads: "waiting for a yes"."""
        return _LABELS[self]

    @property
    def sentence(self) -> str:
        """What completes a sentence that begins with the file's name: "was read and waits for a yes"."""
        return _SENTENCES[self]

    @property
    def at_work(self) -> bool:
        """Whether a worker has something left to do, so that giving the lease back never takes it out of sight."""
        return self in AT_WORK

    def may_become(self, other: "UploadState") -> bool:
        """Whether *other* may follow."""
        return other in NEXT[self]


class Purpose(StrEnum):
    """The purpose of a dropped list, in the order in which a later word about the same file may change it."""

    OPT_OUT = "opt out"
    SCRUB = "scrub"
    SCRUB_KEEPING = "scrub, keep unreadable"

    @property
    def is_scrub(self) -> bool:
        """Whether the list only comes back without its opted-out rows, and opts nobody out."""
        return self is not Purpose.OPT_OUT

    def outgrows(self, other: "Purpose") -> bool:
        """Whether a file that was wanted for *other* becomes this one's when somebody asks for this. Wishes only grow."""
        order = list(Purpose)
        return order.index(self) > order.index(other)


_S = UploadState
NEXT: Final[Mapping[UploadState, frozenset[UploadState]]] = {
    _S.RECEIVED: frozenset({_S.WAITING, _S.SCRUBBED, _S.REFUSED, _S.CANCELLED, _S.FAILED}),
    # Back to received: read again, with another country or column, or to be scrubbed after all.
    _S.WAITING: frozenset({_S.APPLYING, _S.CANCELLED, _S.EXPIRED, _S.RECEIVED}),
    _S.REFUSED: frozenset({_S.RECEIVED}),
    _S.APPLYING: frozenset({_S.DONE, _S.STOPPED, _S.FAILED}),
    _S.STOPPED: frozenset({_S.APPLYING, _S.UNDOING}),
    _S.DONE: frozenset({_S.UNDOING}),
    # Where something was stored by then.
    _S.FAILED: frozenset({_S.UNDOING}),
    _S.UNDOING: frozenset({_S.UNDONE, _S.FAILED}),
    _S.UNDONE: frozenset(),
    _S.CANCELLED: frozenset(),
    # Whoever still wants it has it read again.
    _S.EXPIRED: frozenset({_S.RECEIVED}),
    _S.SCRUBBED: frozenset(),
}
AT_WORK: Final = frozenset({_S.RECEIVED, _S.APPLYING, _S.UNDOING})
# Here the file can still be wanted for something else.
UNDECIDED: Final = frozenset({_S.RECEIVED, _S.WAITING, _S.REFUSED})
# Here its entry is there; of the last two the undo's too.
WITH_ENTRY: Final = (_S.APPLYING, _S.STOPPED, _S.DONE, _S.UNDOING, _S.UNDONE)
WITH_UNDO_ENTRY: Final = (_S.UNDOING, _S.UNDONE)
# What it opted out stands here, or is about to.
STANDING: Final = frozenset({_S.APPLYING, _S.STOPPED, _S.DONE})
# Nothing more comes of these by itself: whoever wants the list opted out after all drops it again.
OVER: Final = frozenset({_S.CANCELLED, _S.FAILED, _S.UNDONE, _S.EXPIRED})

_LABELS: Final = {
    _S.RECEIVED: "being read",
    _S.WAITING: "waiting for a yes",
    _S.APPLYING: "being opted out",
    _S.DONE: "done",
    _S.REFUSED: "refused",
    _S.CANCELLED: "cancelled",
    _S.STOPPED: "stopped",
    _S.FAILED: "failed",
    _S.UNDOING: "being undone",
    _S.UNDONE: "undone",
    _S.EXPIRED: "expired",
    _S.SCRUBBED: "scrubbed",
}
_SENTENCES: Final = {
    _S.RECEIVED: "is still being read",
    _S.WAITING: "was read and waits for a yes",
    _S.APPLYING: "is being opted out already",
    _S.DONE: "was opted out already",
    _S.REFUSED: "could not be read",
    _S.CANCELLED: "was cancelled",
    _S.STOPPED: "was stopped",
    _S.FAILED: "could not be finished",
    _S.UNDOING: "is being undone",
    _S.UNDONE: "was undone",
    _S.EXPIRED: "waited too long for a yes and expired",
    _S.SCRUBBED: "was scrubbed: nobody was opted out",
}
