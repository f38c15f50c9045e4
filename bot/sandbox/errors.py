"""Errors of the embedded Slack: what it refuses, and how it says so."""

from typing import Any


class SlackError(Exception):
    """
    A refusal in Slack's own terms: `{"ok": false, "error": code, ...}`.

    *extra* is merged into the answer (`needed`, `provided`, `response_metadata` ...).
    """

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra

    def answer(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, **self.extra}


class BadRequestError(Exception):
    """A control request that makes no sense; its text is one sentence, answered with HTTP 400."""


def invalid_arguments(*problems: str) -> SlackError:
    """`invalid_arguments` with the list of problems, as Slack's argument checker answers it."""
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {text}" for text in problems]})
