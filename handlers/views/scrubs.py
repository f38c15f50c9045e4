"""What the thread of a list that is scrubbed says. Pure functions."""

from handlers.slack.messages import Message
from handlers.slack.mrkdwn import bar, counted, file_name, quoted, section, sections
from store import Scrubbed, Upload, country_name


def comparing(upload: Upload, fraction: float = 0.0) -> Message:
    """While the list is compared with the opt-outs; *fraction* of it, 0 to 1."""
    return Message.of(f"Comparing {file_name(upload.file_name)} with the opt-out list {bar(fraction)}")


def scrubbed(found: Scrubbed, name: str) -> Message:
    """What was taken out of the list called *name*, which comes back beside this message."""
    headline = f"*{counted(found.removed, 'row')} removed* from {file_name(name)}, {found.kept:,} kept"
    lines = [f"{counted(found.rows, 'row')} looked up. Neither the opt-outs nor the list you dropped has changed."]
    if found.unreadable:
        shown = [f"{reason.rows:,} × {quoted(reason.reason, 80)}" for reason in found.reasons[:4]]
        why = "; ".join([*shown, "others"] if len(found.reasons) > 4 else shown)
        first = min(reason.first_line for reason in found.reasons)
        # A phone that could not be looked up may be one of somebody who asked to be left alone.
        became = (
            "kept as you asked: nobody knows whether they may be texted"
            if found.unreadable_kept
            else "left out too, since they may be opted out"
        )
        lines.append(f"{counted(found.unreadable, 'row')} not understood ({why}; first at line {first:,}): {became}")
    if found.assumed and found.country:
        lines.append(f"{counted(found.assumed, 'row')} had no country code: read as *{country_name(found.country)}*")
    lines += [quoted(remark) for remark in found.remarks[:5]]
    return Message.of(headline, section(headline), *sections(lines, "\n"))
