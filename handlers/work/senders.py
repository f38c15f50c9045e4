"""What sends to a destination: a `Sender` for each kind, which `bot.app` chooses and `handlers.work.passing` uses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from store import ChangesPage, Destination

# A day, in seconds; who asks for more is asked again all the same.
_LONGEST_WAIT: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Answered:
    """
    What came of one message. *problem*: a sentence that says why it was not taken, None where it was.

    *status*: of HTTP, None where none came; *wait*: the seconds it asks for; *body*: the beginning of the answer.
    *of_each*: where the far side says it of single phones and took the others, why it did not take each, None where it
    did; *wait_of_each*: the seconds to the next try of those, where it is no use to try them as often as all else.
    """

    problem: str | None
    status: int | None = None
    wait: float | None = None
    body: str = ""
    of_each: Mapping[str, str | None] = field(default_factory=dict)
    wait_of_each: float | None = None

    @property
    def is_refused(self) -> bool:
        """It wants nothing any more: 410."""
        return self.status == 410


class Sender(Protocol):
    """
    Sends to the destinations of one kind, at most *most_phones* on a page.

    What goes wrong is in the answer; nothing is raised for it.
    """

    @property
    def most_phones(self) -> int: ...

    def why_not(self, address: str) -> str | None:
        """Why nothing can be sent to *address*, as far as the text tells, in words for its field; None where it can."""

    async def send_page(self, destination: Destination, page: ChangesPage) -> Answered:
        """Tell *destination* of the phones of *page*, with their states; what it was told before does no harm."""

    async def send_test(self, destination: Destination) -> Answered:
        """Send *destination* what shows that it would take a page, and tells of no phone."""

    async def close(self) -> None:
        """Close every connection."""


def wait_of(text: str) -> float | None:
    """The seconds of a `Retry-After`, a number or a date (RFC 9110, section 10.2.3); None for anything else."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max((at - datetime.now(UTC)).total_seconds(), 0.0), _LONGEST_WAIT)
