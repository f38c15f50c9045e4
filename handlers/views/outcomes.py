"""Views of what became of numbers that somebody asked to opt out. Pure functions."""

from collections.abc import Mapping, Sequence
from typing import Final

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import code, counted, day, grouped, listed, person, quoted, sentence
from handlers.views.optouts import (
    MOST_NAMED,
    EnteredNumber,
    as_kept,
    both,
    in_short,
    in_thread,
    name,
    note_of,
    remarks,
    unread_line,
)
from store import Actor, Added, NotAPhone, why

# In the thread of an outcome: a channel takes one message a second.
MOST_REPLIES: Final = 2
_NOT_PHONES: Final = "Not a phone number"
_NOW: Final = "*Opted out now*"
_KEPT: Final = " · this request is kept as a further reason"


def added(numbers: Sequence[EnteredNumber], outcomes: Mapping[str, Added], by: Actor, home: str | None) -> Message:
    """
    The outcome of opting out *numbers*, *by* whom: of up to three phones all of it, of more the counts.

    Each of more has its line in the thread, below what it has in common with others.
    """
    unread = [number.reading for number in numbers if isinstance(number.reading, NotAPhone)]
    # The entry that erased a number leads to no message in which it stands.
    entry = next((outcome.entry.id for outcome in outcomes.values() if outcome.is_kept), None)
    settled = f"Opted out by {person(by)}." if outcomes else None
    if len(outcomes) <= MOST_NAMED and len(unread) <= MOST_NAMED:
        lines = _each_of_few(numbers, outcomes, by, home)
        return Message.of(in_short(lines), *as_kept(lines, outcomes), settles=settled, phones=outcomes, entry=entry)
    head = f"{_counts(outcomes, len(unread))}{_why(outcomes)} · by {person(by)}"
    details = _each_of_many(numbers, outcomes, home)
    return Message.of(head, details=details, settles=settled, phones=outcomes, entry=entry)


def _counts(outcomes: Mapping[str, Added], unread: int) -> str:
    """How many phones are out by it, were before, and how many numbers are none: they add up to what was entered."""
    newly = sum(outcome.newly for outcome in outcomes.values())
    already = len(outcomes) - newly
    if newly:
        head = f"*{counted(newly, 'phone')} opted out*"
        head += f", {already:,} {'was' if already == 1 else 'were'} already out" if already else ""
    elif already:
        head = f"*{counted(already, 'phone')} {'was' if already == 1 else 'were'} already out*"
    else:
        head = "*No phone was opted out*"
    return head + (f", {unread:,} not understood" if unread else "")


def _why(outcomes: Mapping[str, Added]) -> str:
    """The reason that all of *outcomes* share, since one request made them."""
    words = next((why(outcome.entry) for outcome in outcomes.values() if outcome.is_kept), "")
    return f": {quoted(words)}" if words else ""


def _each_of_few(
    numbers: Sequence[EnteredNumber], outcomes: Mapping[str, Added], by: Actor, home: str | None
) -> list[str]:
    """Number, state and reason of each of *numbers*: the first line has those that are out by it."""
    newly = [phone for phone, outcome in outcomes.items() if outcome.newly]
    lines, kept = [], f" · this request, by {person(by)}, is kept as a further reason{_why(outcomes)}"
    if newly:
        names = listed([name(phone, home) for phone in newly])
        # Without a reason behind it "opted out" could as well be how it was before.
        now = f"opted out*{_why(outcomes)}" if _why(outcomes) else "opted out now*"
        lines, kept = [f"*{names} {now} · by {person(by)}"], _KEPT
    lines += [
        f"*{name(phone, home)} was already out*: {note_of(outcome.before)}{kept if outcome.is_kept else ''}"
        for phone, outcome in outcomes.items()
        if outcome.before is not None
    ]
    for number in numbers:
        if isinstance(number.reading, NotAPhone):
            lines.append(" · ".join([unread_line(number.reading), *_given(number)]))
        elif odd := [part for part in (remarks(number.reading), *_given(number)) if part]:
            lines.append(f"{name(number.reading.e164, home)}: {' · '.join(odd)}")
    if not outcomes:
        lines[0] = f"*No phone was opted out*: {lines[0]}"
    return lines


def _each_of_many(
    numbers: Sequence[EnteredNumber], outcomes: Mapping[str, Added], home: str | None
) -> tuple[Message, ...]:
    """
    What became of each of *numbers*, in at most `MOST_REPLIES` messages: those that share a reason below it.

    Of so many that they take more, each in as few words as there can be.
    """
    replies = in_thread(grouped(_in_group(number, outcomes, home) for number in numbers))
    if len(replies) > MOST_REPLIES:
        lines = grouped(sorted((_in_short(number, outcomes) for number in numbers), key=_not_phones_last))
        replies = in_thread(lines)
        shown = len(lines)
        while len(replies) > MOST_REPLIES:
            shown -= 5
            replies = in_thread([*lines[:shown], f"and {len(lines) - shown:,} more lines"])
    return replies


def _not_phones_last(line: tuple[str, str]) -> bool:
    return _NOT_PHONES in line[0]


def _in_group(number: EnteredNumber, outcomes: Mapping[str, Added], home: str | None) -> tuple[str, str]:
    """What the outcome of *number* has in common with others, and the rest of it."""
    if isinstance(number.reading, NotAPhone):
        heading = f"*{_NOT_PHONES}*: {sentence(number.reading.reason)}"
        return heading, " · ".join([code(number.reading.text), *_given(number)])
    outcome = outcomes[number.reading.e164]
    line = " · ".join(filter(None, (both(number.reading.e164, home), remarks(number.reading), *_given(number))))
    if outcome.before is None:
        return _NOW, line
    return f"*Already out*: {note_of(outcome.before)}{_KEPT if outcome.is_kept else ''}", line


def _in_short(number: EnteredNumber, outcomes: Mapping[str, Added]) -> tuple[str, str]:
    """The same in as few words as there can be."""
    if isinstance(number.reading, NotAPhone):
        return f"*{_NOT_PHONES}*: {sentence(number.reading.reason)}", code(number.reading.text, 12)
    outcome, line = outcomes[number.reading.e164], f"`{number.reading.e164}`"
    line += " · *check this one*" if number.reading.flagged else ""
    if outcome.before is None:
        return _NOW, line
    return (
        f"*Already out, since when*: `/optout search NUMBER` says why{_KEPT if outcome.is_kept else ''}",
        f"{line} {day(outcome.before.entry.at)}",
    )


def _given(number: EnteredNumber) -> list[str]:
    return [f"given {number.times} times"] if number.times > 1 else []
