"""Views of the clock: how long requests took to take effect, and what nears its day. Pure functions."""

from datetime import timedelta
from typing import Final

from handlers.slack.mrkdwn import counted, day, file_name, link
from store import Clock, Handled, Nearing, PassedOn

_MOST: Final = 5
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def pace(clock: Clock) -> str:
    """
    How long the requests of the last days took, each from when it was made to when it was in effect; empty without any.

    Where they are passed on, a second line says how long they took until whoever is told had them all.
    """
    if clock.median is None:
        return ""
    took = f"From request to effect, last 30 days: {_took(clock.requests, clock.median, clock.slowest)}."
    return "\n".join([took, *_passed_on(clock.passed_on)])


def _took(requests: int, median: timedelta, slowest: Handled | None) -> str:
    half = f"half of {counted(requests, 'request')} within {span(median)}"
    return half + (f", the slowest {span(slowest.took)}{_which(slowest)}" if slowest else "")


def _passed_on(passed: PassedOn) -> list[str]:
    """The line on what was passed on; none where nothing was, or is to be."""
    waiting = f"{counted(passed.waiting, 'request waits', 'requests wait')} to be taken" if passed.waiting else ""
    if passed.median is None:
        return [f"Passed on: {waiting}."] if waiting else []
    whom = {1: "it was passed on", 2: "both destinations had it"}
    many = passed.destinations
    took = _took(passed.requests, passed.median, passed.slowest)
    return [f"Until {whom.get(many, f'all {many} destinations had it')}: {took}{f'; {waiting}' if waiting else ''}."]


def nearing(clock: Clock) -> list[str]:
    """A line each for what waits and nears its day, the soonest first, and how many more there are."""
    lines = [f":warning: {_waits(one)}" for one in clock.nearing[:_MOST]]
    more = len(clock.nearing) - _MOST
    return lines if more <= 0 else [*lines, f"{more:,} more near their day."]


def undecided(replies: int) -> str:
    """How many replies nobody decided on within a day; empty without any."""
    if not replies:
        return ""
    wait = "waits" if replies == 1 else "wait"
    return f"{counted(replies, 'reply', 'replies')} that may ask for no more texts {wait} for more than a day."


def span(took: timedelta) -> str:
    """A span in its largest unit, rounded down: "3 days", "1 minute"; no less than a second."""
    seconds = int(took.total_seconds())
    for unit, size in _UNITS:
        if seconds >= size:
            return counted(seconds // size, unit)
    return "1 second"


def _which(slowest: Handled) -> str:
    return "" if slowest.upload is None else f" (upload {slowest.upload:,}, {file_name(slowest.file or 'a list')})"


def _waits(one: Nearing) -> str:
    """What waits, since when the person waits, and until when it has to be in effect."""
    if one.upload is not None:
        what = f"{link(one.upload.permalink, file_name(one.upload.file_name))} waits with a request"
    elif one.handover is not None:
        what = f"{link(one.handover.permalink, 'An opt-out that was handed over')} waits"
    else:
        what = "A reply that may ask for no more texts waits for a decision"
    return (
        f"{what}{day(one.requested_at, ' of ')}: the tenth business day is {one.due:%a} {one.due.day} {one.due:%b %Y}."
    )
