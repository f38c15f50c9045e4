"""Views of the step of Workflow Builder: what it puts out, and why it fails, as text. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from handlers.slack.mrkdwn import counted, listed, one_line, quoted
from store import Actor, Added, NotAPhone, PhoneNumber, display, mask

# What a branch of a workflow compares the output "outcome" with: a part of what people build upon.
OPTED_OUT: Final = "opted out"
ALREADY_OUT: Final = "already opted out"
ASKED: Final = "an admin is asked"
_NOBODY: Final = "Nobody was opted out."
# Numbers that are none, and phones, that one sentence names.
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class StepCompleted:
    """The outputs of a step that did its work; *note* is escaped, since workflows put it into messages."""

    outcome: str
    note: str

    @property
    def outputs(self) -> dict[str, str]:
        """By the names that manifest.yml gives them."""
        return {"outcome": self.outcome, "note": self.note}


@dataclass(frozen=True, slots=True)
class StepFailed:
    """Why a step did not do its work, and what to do: Slack tells whoever ran the workflow. Escaped."""

    error: str


def added(
    numbers: Sequence[PhoneNumber], outcomes: Sequence[Added], home: str | None, *, masked: bool
) -> StepCompleted:
    """What became of *numbers*. It says of the list no more than whether each was on it: anybody may read it."""
    already = {outcome.phone: outcome.is_kept for outcome in outcomes if not outcome.newly}
    new = [number for number in numbers if number.e164 not in already]
    old = [number for number in numbers if number.e164 in already]
    # Of those that were erased nothing is written down.
    kept = sum(already.values())
    parts = [f"{_named(new, home, masked=masked)} opted out."] if new else []
    if old:
        was = "was" if len(old) == 1 else "were"
        further = (
            f"; {'this request is' if kept == 1 else 'these requests are'} kept as a further reason" if kept else ""
        )
        parts.append(f"{_named(old, home, masked=masked)} {was} opted out already{further}.")
    return StepCompleted(OPTED_OUT if new else ALREADY_OUT, " ".join([*parts, *_checks(numbers, home, masked=masked)]))


def asked(numbers: Sequence[PhoneNumber], home: str | None, *, masked: bool) -> StepCompleted:
    """Admins are asked to opt *numbers* out; of the list nothing is told."""
    note = f"An admin is asked to opt out {_named(numbers, home, masked=masked)}. Nothing has changed yet."
    return StepCompleted(ASKED, " ".join([note, *_checks(numbers, home, masked=masked)]))


def reason_in_words(reason: str, who: Actor | str | None) -> str | None:
    """The reason of the entry, in the words of the workflow; *who*: for whom it asks, which is no authority but a remark."""
    name = who.name if isinstance(who, Actor) else who
    remark = f"(for {one_line(name)}, says the workflow)" if name else ""
    return " ".join(filter(None, (reason, remark))) or None


def no_number() -> StepFailed:
    return StepFailed(f"The step got no phone number. {_NOBODY} Give its Number one, like +1 212 555 0100.")


def wrong_input(name: str) -> StepFailed:
    return StepFailed(f"The step's {name} is no text. {_NOBODY} Give it a text, or a variable that is one.")


def input_too_long(name: str, longest: int) -> StepFailed:
    return StepFailed(f"The step's {name} is too long: {longest:,} characters are read. {_NOBODY} Shorten it.")


def not_phones(refused: Sequence[NotAPhone]) -> StepFailed:
    """Of several numbers all are opted out or none: nobody watches a workflow who would see to the rest."""
    named = "; ".join(f"{quoted(one.text, 30)}: {quoted(one.reason)}" for one in refused[:_MOST_NAMED])
    left = len(refused) - _MOST_NAMED
    more = f"; and {left:,} more" if left > 0 else ""
    return StepFailed(
        f"Not a phone number: {named}{more}. {_NOBODY} Write the number whole, or take it out, and run it again."
    )


def other_words() -> StepFailed:
    return StepFailed(
        f"There are other words beside the number. {_NOBODY} Give Number the number alone, and Reason the words."
    )


def too_many(count: int, most: int) -> StepFailed:
    return StepFailed(
        f"{count:,} numbers; a step takes {most}. {_NOBODY} Drop them as a CSV file with a column called phone, "
        "into a channel that takes lists."
    )


def reason_too_long(longest: int) -> StepFailed:
    return StepFailed(f"The reason is too long: {longest} characters fit, with who asked. {_NOBODY} Shorten it.")


def nobody_to_ask() -> StepFailed:
    return StepFailed(
        f"An admin of the desk has to say yes to this, and none is known. {_NOBODY} Ask whoever runs the desk to name one."
    )


def refused(sentence: str) -> StepFailed:
    """A *sentence* of the store's own."""
    return StepFailed(quoted(sentence, 500))


def gave_up(reference: str) -> StepFailed:
    """What nobody foresaw; *reference* stands in the log too."""
    return StepFailed(
        f"Something went wrong on the desk's side. {_NOBODY} Run it again, or quote {reference} to whoever runs the desk."
    )


def _named(numbers: Sequence[PhoneNumber], home: str | None, *, masked: bool) -> str:
    if len(numbers) > _MOST_NAMED:
        return counted(len(numbers), "number")
    return listed([_shown(number, home, masked=masked) for number in numbers])


def _shown(number: PhoneNumber, home: str | None, *, masked: bool) -> str:
    return mask(number.e164) if masked else display(number.e164, home)


def _checks(numbers: Sequence[PhoneNumber], home: str | None, *, masked: bool) -> list[str]:
    """The sentence about numbers that are none today, as lists and commands flag them."""
    flagged = [number for number in numbers if number.flagged]
    return [f"No such number is in use today, so check it: {_named(flagged, home, masked=masked)}."] if flagged else []
