"""The errors of the store. `str(error)` is always fit to show a person."""

from collections.abc import Sequence
from typing import Any, Final


class StoreError(Exception):
    """
    The base of every error the store raises; its text is one or two plain sentences for a person.

    *cause*: the same for whoever runs the desk, where that is something else.
    """

    @property
    def cause(self) -> str:
        return str(self)


class StoreUnavailable(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """
    The database cannot be reached, is locked beyond patience, or refused the work.

    *kind*: of `store.outages.Outage`. *cause*: what is wrong where and what to do; its text itself names no place.
    """

    def __init__(self, sentence: str, *, kind: str = "unknown", cause: str | None = None) -> None:
        super().__init__(sentence)
        self.kind = kind
        self._cause = cause or sentence

    @property
    def cause(self) -> str:
        return self._cause


class StoreBehind(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """The database's tables are older (or newer) than this program."""


class StoreRefused(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """
    The database refused a value, or has nothing that it names; nothing was changed.

    What people may meet has a check of its own, in better words: this is a mistake of whoever called the verb, and for the
    log `__cause__` is the driver's error. *why*: the beginning of its text. *detail*: what the driver calls it; nobody's words.
    """

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(f"{why}, so nothing was changed. Look at what was asked for, and ask with something else.")
        self._detail = detail

    @property
    def cause(self) -> str:
        return f"{self} ({self._detail})"


class NoAccount(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """No account of this database has the id *account*."""

    def __init__(self, account: int) -> None:
        super().__init__(f"There is no account {account} in this opt-out list.")


class NotE164(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """
    A phone that is not E.164, as the list keeps them, came where phones are taken; nothing was done with any of them.

    *phones*: those that are wrong, as they came. Its text names the first, its `cause`, which logs may hold, none.
    """

    def __init__(self, phones: Sequence[Any] = ()) -> None:
        self.phones = tuple(phones)
        more = f", and {len(self.phones) - 1:,} more," if len(self.phones) > 1 else ""
        first = f"{_shown(self.phones[0])}{more}" if self.phones else "A phone"
        are = "are" if more else "is"
        super().__init__(f"{first} {are} not written as the list keeps phones, so nothing was changed. {_E164}")

    @property
    def cause(self) -> str:
        return f"{len(self.phones) or 'Some'} phones of a request are not written as the list keeps them. {_E164}"


_E164: Final = (
    "That is E.164: a plus and 7 to 15 digits, the first not 0, with nothing between them, like +12125550101."
)
_SHOWN: Final = 40  # characters


def _shown(value: Any) -> str:
    shown = ascii(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


class WrongState(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """An upload is no longer in the state the request was made for."""


class LeaseLost(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """A lease is lost: somebody else has taken the work over, and whoever gets this must stop touching it at once."""


class KeyReused(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """An idempotency key came again, with another request."""


class ChangesPruned(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """The feed does not tell any more of what came after a cursor: whoever follows reads the whole list again."""


class ListRefused(StoreError):  # noqa: N818  a kind of StoreError, read as a state
    """A file that gives no rows. Its text says what was found, what is expected and the next step."""
