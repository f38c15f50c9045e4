"""What this process found lately, remembered for a moment in which another process may have changed it. Private to the store."""

import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

# For so many seconds what was found is taken for what is there.
REMEMBERED_SECONDS: Final = 1.0
_MOST: Final = 1_000

Found = TypeVar("Found")


class Remembered(Generic[Found]):
    """Values that were found lately, by a text."""

    def __init__(self) -> None:
        # With until when, by the monotonic clock.
        self._known: dict[str, tuple[Found, float]] = {}

    def get(self, key: str) -> Found | None:
        """The value of *key*, None where none is remembered."""
        value, until = self._known.get(key, (None, 0.0))
        return value if time.monotonic() < until else None

    def begin(self) -> Callable[[str, Found, float], None]:
        """
        What keeps a value by its key for so many seconds from now; to be called before the value is looked for.

        It keeps in vain what was looked for before a `forget`.
        """
        began, known = time.monotonic(), self._known

        def keep(key: str, value: Found, seconds: float) -> None:
            if len(known) >= _MOST:
                known.clear()
            known[key] = value, began + seconds

        return keep

    def forget(self) -> None:
        """Forget all."""
        self._known = {}
