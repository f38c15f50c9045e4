"""Views of a scrub: progress and outcome. Pure functions."""

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import bar, counted, file_name, person, quoted, section, sections
from handlers.views.unreadable import reason_lines
from handlers.views.upload_buttons import CANCEL, buttons
from store import Actor, Hook, Scrubbed, Upload, country_name


def comparing(upload: Upload, fraction: float = 0.0) -> Message:
    """While the list is compared with the opt-outs, with the button that ends it; *fraction* of it, 0 to 1."""
    text = f"Comparing {file_name(upload.file_name)} with the opt-out list {bar(fraction)}"
    return Message.of(text, section(text), buttons(upload, "reading", CANCEL))


def read_at_telnyx(hook: Hook, by: Actor) -> Message:
    """The announcement that Telnyx's list was read, by the key of *hook*, and is compared."""
    return Message.of(
        f"*Who opted out at Telnyx was read* by the hook {quoted(hook.name)} · by {person(by)}. What only one of the two lists has "
        "follows here."
    )


def scrubbed(outcome: Scrubbed, name: str) -> Message:
    """The outcome of scrubbing the list called *name*, which comes back beside this message."""
    headline = f"*{counted(outcome.removed, 'row')} removed* from {file_name(name)}, {outcome.kept:,} kept"
    lines = [f"{counted(outcome.rows, 'row')} looked up. Neither the opt-outs nor the list you dropped has changed."]
    if outcome.unreadable:
        # A phone that could not be looked up may be one of somebody who asked to be left alone.
        became = (
            "kept as you asked: nobody knows whether they may be texted"
            if outcome.unreadable_kept
            else "left out too, since they may be opted out"
        )
        lines.append(f"{counted(outcome.unreadable, 'row')} not understood: {became}")
        lines.append(reason_lines(outcome.reasons))
    if outcome.assumed and outcome.country:
        lines.append(
            f"{counted(outcome.assumed, 'row')} had no country code: read as *{country_name(outcome.country)}*"
        )
    lines += [quoted(remark) for remark in outcome.remarks[:5]]
    return Message.of(headline, section(headline), *sections(lines, "\n"))
