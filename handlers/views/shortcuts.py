"""Views of the message shortcut, a modal: which of a message's phones to opt out, why, and in whose words."""

from collections.abc import Sequence
from typing import Final

from slack_sdk.models.blocks import (
    Block,
    CheckboxesElement,
    InputBlock,
    Option,
    PlainTextInputElement,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from handlers.slack.modals import text_modal
from handlers.slack.mrkdwn import code, context, counted, day, markup, quoted, section, sections
from handlers.views.optouts import name
from store import LONGEST_PROSE, Cause, FoundPhone, NotAPhone, PhoneState

TITLE: Final = "Check opt-outs"
MOST_PHONES: Final = 50
LONGEST_WORDS: Final = 500
_NOT_READ: Final = f"Only the first {LONGEST_PROSE:,} characters of this message were read."
_HAS_MORE: Final = (
    "Of a file in it only the part that Slack shows was read. To have all of it read, drop it with a mention of me."
)
# The blocks of what is ticked are this and a number.
PHONES: Final = "check.phones"
CAUSE: Final = "check.cause"
WORDS: Final = "check.words"
# https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element
_MOST_OPTIONS: Final = 10
_LONGEST_OPTION: Final = 75  # characters of each of its texts
MOST_UNREAD: Final = 10


def nothing_to_check(how: str, unread: Sequence[NotAPhone] = (), *, is_whole: bool, has_more: bool = False) -> View:
    """
    The message holds no phone, or what of it was read, unless *is_whole*; *how*: what would be one.

    *unread*: what looks like one and is not read. *has_more*: a file in it goes on behind what was read.
    """
    found = "There is no phone number in this message." if is_whole else f"No phone number was found. {_NOT_READ}"
    text = f"{found} {how} {_HAS_MORE}" if has_more else f"{found} {how}"
    return text_modal(TITLE, text, *_not_read(unread))


def check(
    states: Sequence[tuple[PhoneState, FoundPhone]],
    more: int,
    words: str,
    home: str | None,
    metadata: str,
    *,
    unread: Sequence[NotAPhone] = (),
    is_whole: bool,
    has_more: bool = False,
) -> View:
    """
    Every phone with its state, of *states*, at most 50, *more* of them left out; those not opted out are ticked.

    Not ticked is one that is not in use today, nor one behind a word like "ticket": either may be something else's number.
    *words*: the message as people see it. *unread*: what looks like a phone in it and is not read.
    *is_whole*: all of it was read; *has_more*: but for the rest of a file, of which Slack shows the beginning.
    """
    options = [_option(state, phone, home) for state, phone in states]
    ticked = [not (state.opted_out or phone.number.flagged or phone.reference is not None) for state, phone in states]
    out = sum(state.opted_out for state, _ in states)
    phones = counted(len(states), "phone")
    head = f"*{phones} in this message*, {out:,} opted out. Those that are ticked get opted out."
    blocks: list[Block] = [section(head)]
    for start in range(0, len(options), _MOST_OPTIONS):
        chosen = options[start : start + _MOST_OPTIONS]
        initial = [option for option, yes in zip(chosen, ticked[start : start + _MOST_OPTIONS], strict=True) if yes]
        label = "Numbers to opt out"
        if len(options) > _MOST_OPTIONS:
            label += f", {start + 1} to {start + len(chosen)}"
        boxes = CheckboxesElement(action_id=PHONES, options=chosen, initial_options=initial or None)
        blocks.append(
            InputBlock(block_id=f"{PHONES}.{start // _MOST_OPTIONS}", label=label, element=boxes, optional=True)
        )
    if more:
        blocks.append(
            context(
                f"{more:,} more {'was' if more == 1 else 'were'} not looked up: {MOST_PHONES} fit here. "
                "Drop a list as a CSV file with a mention of me."
            )
        )
    blocks += _not_read(unread)
    if not is_whole:
        blocks.append(context(_NOT_READ))
    if has_more:
        blocks.append(context(_HAS_MORE))
    causes = [Option(value=cause.value, label=cause.value.capitalize()) for cause in Cause]
    blocks += [
        InputBlock(block_id=CAUSE, label="Reason", element=StaticSelectElement(action_id=CAUSE, options=causes)),
        InputBlock(
            block_id=WORDS,
            label="The exact words",
            hint="Kept with the opt-out as evidence.",
            optional=True,
            element=PlainTextInputElement(
                action_id=WORDS, multiline=True, max_length=LONGEST_WORDS, initial_value=words[:LONGEST_WORDS] or None
            ),
        ),
    ]
    return View(
        type="modal",
        callback_id="optout.check",
        title=TITLE,
        submit="Opt out",
        close="Cancel",
        private_metadata=metadata,
        blocks=blocks,
    )


def _option(state: PhoneState, one: FoundPhone, home: str | None) -> Option:
    text = name(state.phone, home)
    text = text if len(text) <= _LONGEST_OPTION else state.phone
    if state.since is not None:
        standing = f"opted out {day(state.since, 'since ')}"
    elif one.number.flagged:
        standing = "not opted out · no such number is in use today"
    else:
        standing = "not opted out"
    if one.reference is not None:
        marked = f'{standing} · after "{quoted(one.reference)}"'
        standing = marked if len(marked) <= _LONGEST_OPTION else standing
    return Option(
        value=state.phone,
        text=markup(text),
        description=markup(standing),
    )


def _not_read(unread: Sequence[NotAPhone]) -> list[Block]:
    """What looks like a phone and is not read: its words, and why."""
    if not unread:
        return []
    lines = [f"{code(one.text)} · {quoted(one.reason)}" for one in unread[:MOST_UNREAD]]
    if more := len(unread) - MOST_UNREAD if len(unread) > MOST_UNREAD else 0:
        lines.append(f"and {more:,} more")
    return [*sections(["*Not read as a phone number:*", *lines], "\n")]
