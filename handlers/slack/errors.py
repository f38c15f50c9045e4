"""Errors: which of Slack's are transient, how long to wait after one, and how a failure is put into words."""

import hashlib
import secrets
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Final

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError

from handlers.slack.messages import THREAD_GONE, Message
from handlers.slack.mrkdwn import sentence
from handlers.tracebacks import place_of
from store import StoreError, StoreRefused, StoreUnavailable

log = structlog.get_logger()


class UnreadableRowError(Exception):
    """A row that was kept cannot be read: damaged, or written by another release in a way nobody foresaw. Its text quotes nothing."""


class UnansweredError(Exception):
    """Bolt answered with an error before any listener was called. Its text quotes nothing."""


class PersonUnknownError(Exception):
    """Slack does not say for the moment who somebody is: what they ask for waits, or is refused in words."""

    sentence: Final = "Slack could not say who you are just now, so nothing was done. Please try again in a minute."


async def outcome_of(work: Awaitable[Message], *, waits: bool = False) -> Message:
    """
    Await *work* and return its message, or one, for the asker alone, that explains its failure.

    *waits*: what an outage hinders, and what nobody foresaw, is raised instead, for whoever tries it again.

    Nothing may escape a listener after `ack()`: Bolt then forgets the acknowledgement and Slack shows the person a
    timeout.
    """
    try:
        return await work
    except Exception as error:
        # What a driver refused nobody foresaw either.
        if isinstance(error, StoreError) and not isinstance(error, StoreRefused):
            if waits and is_away(error):
                raise
            log.warning("request refused by the store", kind=type(error).__name__)
            # The store writes plain text, in which a file may be called anything.
            return Message.of(sentence(str(error)), private=True)
        if waits:
            raise
        if isinstance(error, PersonUnknownError):
            return Message.of(error.sentence, private=True)
        reference = secrets.token_hex(4)
        log.exception("request failed", reference=reference)
        return went_wrong(reference)


def went_wrong(reference: str) -> Message:
    """The apology for what nobody foresaw, for the asker alone; *reference* stands in the log too."""
    return Message.of(f"Something went wrong on our side. Please quote `{reference}`.", private=True)


def reference_of(key: str) -> str:
    """The reference of a failure about what has the idempotency key *key*: the same wherever it is told."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def error_code(error: SlackClientError) -> str | None:
    """Slack's word for what is wrong; None when it gave none, as with an answer that is not JSON."""
    try:
        code = error.response["error"]  # type: ignore[attr-defined]  # not all of them have one
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return None if code is None else str(code)


def thread_gone() -> SlackApiError:
    """The error that Slack does not give: the message of the thread that a post was meant for is gone."""
    answer = {"ok": False, "error": THREAD_GONE}
    return SlackApiError("the thread's message is gone", answer)  # type: ignore[no-untyped-call]  # slack_sdk leaves it untyped


# The error that Slack does not give: the app is not installed any more where something was to be said.
NOT_INSTALLED: Final = "not_installed"
# The errors by which Slack refuses a token whatever is asked with it, and what a person can do about it.
# https://docs.slack.dev/reference/methods/auth.test, section Errors
REFUSED_TOKENS: Final = {
    "invalid_auth": "Slack does not know it; copy it anew from the app's page",
    "not_authed": "it did not reach Slack; check what stands between the desk and Slack",
    "token_revoked": "it has been revoked; install the app again",
    "token_expired": "it has expired; switch token rotation off and install the app again",
    "account_inactive": "its workspace or user is gone; install the app again",
    "not_allowed_token_type": "it is a token of another kind",
    "accesslimited": "the workspace allows Slack's API from certain networks only; have this one added",
    "org_login_required": "its workspace is being moved to an organisation; it works again when that is done",
    "team_added_to_org": "its workspace is being moved to an organisation; it works again when that is done",
    "team_access_not_granted": "its organisation has not given it this workspace; ask the organisation's administrators",
    "ekm_access_denied": "the organisation has suspended access to its keys; ask its administrators",
    "two_factor_setup_required": "its owner has to set up two-factor authentication",
}
# Slack's words for a call that comes too early, which it spells both ways.
RATE_LIMITED: Final = frozenset({"rate_limited", "ratelimited"})
# What Slack answers while it, or our installation, is out of order: it is tried again. Any other error stays as it is. The
# errors of each method that is called stand on its page, https://docs.slack.dev/reference/methods.
PASSING: Final = (
    frozenset(
        {
            "external_channel_migrating",
            "fatal_error",
            "file_update_failed",
            "internal_error",
            "message_limit_exceeded",
            "request_timeout",
            "service_unavailable",
            "update_failed",
        }
    )
    | RATE_LIMITED
    | REFUSED_TOKENS.keys()
)


def is_transient(error: Exception) -> bool:
    """Whether what failed with *error* is worth another try later."""
    if not isinstance(error, SlackApiError):
        return True
    code = error_code(error)
    # Whatever it calls it, too early is too early, and an error of the server's is none of the call.
    return (
        code is None
        or code in PASSING
        or _status_of(error) == HTTPStatus.TOO_MANY_REQUESTS
        or _status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def _status_of(error: SlackApiError) -> int:
    """The HTTP status of the answer; 0 where there is none. slack_sdk has it by one name, aiohttp by another."""
    answer = error.response
    return int(getattr(answer, "status_code", None) or getattr(answer, "status", None) or 0)


# Seconds: a try after each outage is soon enough at this pace, and Slack is not hurried.
LONGEST_PAUSE: Final = 60.0
# What fails for another reason than an outage, so often in a row, will not succeed: it is set aside for a person.
MOST_TRIES: Final = 10


# What so many processes in a row ended in the middle of is what ends them.
MOST_DEATHS: Final = 10
DEADLY: Final = "DeskDied: {} processes in a row ended in the middle of it"


def pause_after(error: Exception, attempts: int) -> float | None:
    """
    The seconds to wait before what failed with *error* in its try number *attempts* is tried again.

    None: never. What waits for Slack, the network or the database is never given up, however long they are away; where the
    app is not installed any more, nobody waits.
    """
    if isinstance(error, SlackApiError) and error_code(error) == NOT_INSTALLED:
        return None
    if not is_away(error) and attempts >= MOST_TRIES:
        return None
    return float(min(LONGEST_PAUSE, 2.0 ** min(attempts, 10) / 2))


def is_away(error: Exception) -> bool:
    """Whether *error* says that Slack, the network or the database is away, and nothing else is wrong."""
    return is_transient(error) if isinstance(error, SlackApiError) else isinstance(error, _AWAY)


_AWAY: Final = (
    PersonUnknownError,
    SlackClientError,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    StoreUnavailable,
)


def reason_of(error: Exception) -> str:
    """
    The reason for which something is discarded, for an operator: the kind of error, and where it came up.

    What an error says can be anybody's words; only what this module's own say is the program's.
    """
    told = str(error) if isinstance(error, (UnreadableRowError, UnansweredError)) else f"in {place_of(error)}"
    return f"{error_name(error)}: {told}"[:500]


def error_name(error: Exception) -> str:
    """Slack's word for the error, or the kind of error it is."""
    if isinstance(error, SlackApiError):
        return error_code(error) or "no answer"
    return type(error).__name__


# After these Slack may have posted it all the same.
_UNKNOWN_OUTCOME: Final = {None, "fatal_error", "internal_error", "request_timeout", "service_unavailable"}


def may_have_been_posted(error: Exception) -> bool:
    """Whether, after *error*, the message may have been posted or not."""
    if isinstance(error, SlackApiError):
        return error_code(error) in _UNKNOWN_OUTCOME and _status_of(error) != HTTPStatus.TOO_MANY_REQUESTS
    # Refused connections never carried anything.
    return not isinstance(error, aiohttp.ClientConnectorError)
