"""Calls of Slack's Web API: how many there were, by method and outcome, and whether Slack refuses the bot's token."""

from collections import Counter
from http import HTTPStatus
from typing import Any

import structlog
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

from handlers.slack.errors import REFUSED_TOKENS

log = structlog.get_logger(__name__)


class SlackCalls(AsyncRetryHandler):
    """
    Watches every answer to the clients that it is given to as a retry handler; it never asks for another try.

    slack_sdk shows each answer to a client's retry handlers, and Bolt hands them on to the clients it copies: there is no
    other place that every call comes by. `counts` is by method and outcome: "ok", Slack's error, "ratelimited", or
    "unanswered" where there was no answer that can be read. `refusal` is the error by which Slack refuses the token.
    """

    def __init__(self) -> None:
        super().__init__(max_retry_count=0)
        self.counts: Counter[tuple[str, str]] = Counter()
        self.refusal: str | None = None

    async def can_retry_async(
        self,
        *,
        state: RetryState,  # noqa: ARG002
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,  # noqa: ARG002
    ) -> bool:
        """Count, and say no."""
        outcome = _outcome_of(response)
        self.counts[request.url.rpartition("/api/")[2], outcome] += 1
        if outcome in REFUSED_TOKENS:
            self._refused(outcome)
        elif outcome == "ok" and self.refusal is not None:
            log.info("Slack takes the bot token again", refusal=self.refusal)
            self.refusal = None
        return False

    def _refused(self, error: str) -> None:
        if self.refusal != error:
            log.error("Slack refuses the bot token", error=error, remedy=f"SLACK_BOT_TOKEN: {REFUSED_TOKENS[error]}.")
            self.refusal = error


def _outcome_of(response: HttpResponse | None) -> str:
    if response is None:
        return "unanswered"
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        return "ratelimited"
    body: Any = response.body
    if not isinstance(body, dict):
        return "unanswered"
    return "ok" if body.get("ok") else str(body.get("error"))
