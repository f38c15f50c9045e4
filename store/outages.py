"""
Outages: why a database cannot be used, in words for whoever asked and, with what to do, for whoever runs the desk.

Neither text holds a password, a statement or its parameters.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from store.errors import StoreUnavailable


class Outage(StrEnum):
    """The kind of an outage."""

    BUSY = "busy"
    FULL = "full"
    READ_ONLY = "read-only"
    DAMAGED = "damaged"
    REPLACED = "replaced"
    MISSING = "missing"
    UNMIGRATED = "without tables"
    DISK = "disk error"
    REFUSED = "connection refused"
    UNKNOWN_HOST = "unknown host"
    LOGIN = "login refused"
    NO_DATABASE = "no such database"
    RIGHTS = "rights missing"
    TLS = "no TLS"
    CROWDED = "too many connections"
    CUT = "connection cut"
    UNKNOWN = "unknown"


_SOON: Final = "Please try again in a minute."
_ASK: Final = "Whoever runs the desk has to see to that."
# To "The opt-out list cannot be reached right now (...)": what a person is told, and what they can do.
_PEOPLE: Final[Mapping[Outage, tuple[str, str]]] = MappingProxyType(
    {
        Outage.BUSY: ("it is busy with something else", _SOON),
        Outage.FULL: ("there is no room left for it", f"{_ASK} {_SOON}"),
        Outage.READ_ONLY: ("it cannot be written at the moment", f"{_ASK} {_SOON}"),
        Outage.DAMAGED: ("{name} is damaged", "Whoever runs the desk has to put a backup in its place."),
        Outage.REPLACED: (
            "{name} is not the one it was",
            "Whoever runs the desk has to see to that and start it anew.",
        ),
        Outage.MISSING: ("{name} is not there", f"{_ASK} {_SOON}"),
        Outage.UNMIGRATED: ("{name} has no tables of the desk's", f"{_ASK} {_SOON}"),
        Outage.DISK: ("its disk fails", f"{_ASK} {_SOON}"),
    }
)
# After "PLACE ": what is wrong there, and what to do.
_OPERATOR: Final[Mapping[Outage, str]] = MappingProxyType(
    {
        Outage.BUSY: "is locked by another process for longer than the desk waits. See who holds it, and end that.",
        Outage.FULL: "has no room left: its disk, or its quota, is full. Make room; the desk goes on by itself.",
        Outage.READ_ONLY: (
            "cannot be written: it, its directory or its file system is read-only, or the server is a standby. "
            "Make it writable, or have DATABASE_URL name the one that is."
        ),
        Outage.DAMAGED: (
            "is damaged, or is no database at all. Stop the desk, keep what is there for a look, put the last backup in "
            "its place, and start it again."
        ),
        Outage.REPLACED: (
            "is not the database that this desk has been working on: it was removed, emptied or replaced by another "
            "while the desk ran. Nothing is taken on meanwhile. Put the right one in its place and start the desk again."
        ),
        Outage.MISSING: (
            "is not there or may not be opened. See that DATABASE_URL names the right one, that its directory is there, "
            "and that the desk's user may use it."
        ),
        Outage.UNMIGRATED: "has none of the desk's tables, or not all. Run `python -m bot migrate`, or see DATABASE_URL.",
        Outage.DISK: (
            "gives errors on reading or writing: a failing disk, a quota or a limit on the size of files. "
            "See the system's log."
        ),
        Outage.REFUSED: "does not take connections. See that it runs, and that DATABASE_URL names its host and port.",
        Outage.UNKNOWN_HOST: "has a host name that nobody knows. See DATABASE_URL, and the name server.",
        Outage.LOGIN: "refuses the user or the password of DATABASE_URL. Correct it there, or at the server.",
        Outage.NO_DATABASE: "has no database of that name. See DATABASE_URL, or create it and run `python -m bot migrate`.",
        Outage.RIGHTS: "does not let the user of DATABASE_URL use the desk's tables. Grant them to it.",
        Outage.TLS: "could not be reached over TLS as DATABASE_URL asks. See sslmode, certificates and the server's.",
        Outage.CROWDED: "has no connection left to give. Raise its limit, or end what holds the others.",
        Outage.CUT: "does not answer, or its connection broke. See that it runs and that the network lets it through.",
        Outage.UNKNOWN: "does not do what is asked of it",
    }
)


def unavailable(kind: Outage, where: str, name: str, *, detail: str = "", in_doubt: bool = False) -> StoreUnavailable:
    """
    The error for an outage of *kind* of the database at *where*, which people know as *name*.

    *detail*: what the driver calls it; it must hold nobody's words. *in_doubt*: it came while what was asked was being
    committed, so that nobody can tell whether it was.
    """
    why, then = _PEOPLE.get(kind, ("it does not answer", _SOON))
    changed = "it is not certain whether anything was changed: look it up then" if in_doubt else "nothing was changed"
    said = f"The opt-out list cannot be reached right now ({why.format(name=name)}), and {changed}. {then}"
    cause = f"{where[:1].upper()}{where[1:]} {_OPERATOR[kind]}"
    return StoreUnavailable(said, kind=kind, cause=f"{cause} ({detail})" if detail else cause)
