"""What sends to a destination: a `Sender` for each kind, which `bot.app` chooses and `handlers.work.passing` uses."""

from dataclasses import dataclass
from typing import Protocol

from store import ChangesPage, Destination


@dataclass(frozen=True, slots=True)
class Answered:
    """
    What came of one message. *problem*: a sentence that says why it was not taken, None where it was.

    *status*: of HTTP, None where none came; *wait*: the seconds it asks for; *body*: the beginning of the answer.
    """

    problem: str | None
    status: int | None = None
    wait: float | None = None
    body: str = ""

    @property
    def is_refused(self) -> bool:
        """It wants nothing any more: 410."""
        return self.status == 410


class Sender(Protocol):
    """Sends to the destinations of one kind. What goes wrong is in the answer; nothing is raised for it."""

    def why_not(self, address: str) -> str | None:
        """Why nothing can be sent to *address*, as far as the text tells, in words for its field; None where it can."""

    async def send_page(self, destination: Destination, page: ChangesPage) -> Answered:
        """Tell *destination* of the phones of *page*, with their states; what it was told before does no harm."""

    async def send_test(self, destination: Destination) -> Answered:
        """Send *destination* what shows that it would take a page, and tells of no phone."""

    async def close(self) -> None:
        """Close every connection."""
